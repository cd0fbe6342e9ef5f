"""The config of vmauth: what is in it, in the order in which the Go operator writes it (06 §10 to §17)."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import attrs
import xxhash

from vmop.api.v1beta1 import TargetRef, UnauthorizedAccess, URLMap, UserOptions, VMAuth
from vmop.api.validation.targets import as_list, target_ref
from vmop.api.validation.vmauth import check_unauthorized_access
from vmop.builders.base import BuildError, Manifest
from vmop.builders.references import References, tls_assets
from vmop.builders.vmauth.targets import TargetKey, Targets, named_objects
from vmop.builders.vmauth.urls import URL, extended, parsed
from vmop.builders.yamltext import sorted_map, yaml_text

ASSETS_DIR = "/opt/vmauth/config"
UNAUTHORIZED = "unauthorized_user"

_EVERYTHING = ("/", "/*", "/.*")
_INSERT_SUFFIXED = (
    "/newrelic/.*",
    "/opentelemetry/.*",
    "/prometheus/api/v1/write",
    "/prometheus/api/v1/import.*",
    "/influx/.*",
    "/datadog/.*",
)
_SELECT_SUFFIXED = (
    "/vmui.*",
    "/vmui.*",
    "/graph.*",
    "/prometheus/graph.*",
    "/prometheus/vmui.*",
    "/prometheus/api/v1/label.*",
    "/prometheus/api/v1/query.*",
    "/prometheus/api/v1/rules",
    "/prometheus/api/v1/alerts",
    "/prometheus/api/v1/metadata",
    "/prometheus/api/v1/series.*",
    "/prometheus/api/v1/status.*",
    "/prometheus/api/v1/export.*",
    "/prometheus/federate",
    "/admin/tenants",
    "/api/v1/status/.*",
    "/api/v1/rules",
    "/internal/resetRollupResultCache",
    "/prometheus/api/v1/admin/.*",
    "/prometheus.*-debug",
    "/prometheus/prettify-query",
    "/prometheus/api/v1/notifiers",
    "/prometheus/api/v1/query_exemplars",
)
_PATHS: Mapping[str, tuple[Sequence[str], Sequence[str]]] = {
    "VMCluster/vminsert": (("/insert/.*",), _INSERT_SUFFIXED),
    "VMCluster/vmselect": (("/select/.*", "/admin/.*"), _SELECT_SUFFIXED),
    **dict.fromkeys(("VLCluster/vlinsert", "VTCluster/vtinsert"), (("/insert/.*",), ("/insert/.*",))),
    **dict.fromkeys(("VLCluster/vlselect", "VTCluster/vtselect"), (("/select/.*",), ("/select/.*",))),
}
"""Paths of targets that name none: without and with a `target_path_suffix`."""


@attrs.frozen(kw_only=True)
class Config:
    """A config as a document, and the files that it names, by name."""

    document: Manifest = attrs.field(repr=False)
    assets: Mapping[str, bytes] = attrs.field(factory=dict, repr=False)

    @property
    def text(self) -> str:
        """The file. Its first line tells of changed assets, so that a change of them alone is loaded too."""
        return f"# tls-assets-hash: {assets_hash(self.assets)}\n{yaml_text(self.document)}"


def assets_hash(assets: Mapping[str, bytes]) -> str:
    """xxHash64 over names and values in byte order, in hexadecimal without zeros before it."""
    digest = xxhash.xxh64()
    for name in sorted(assets, key=str.encode):
        digest.update(name.encode() + b"\0" + assets[name] + b"\0")
    return f"{digest.intdigest():x}"


@attrs.frozen(kw_only=True)
class ConfigBuilder:
    """Renders the sections of one VMAuth's config. `users` are entries of `users` that are rendered already."""

    cr: VMAuth
    targets: Targets
    references: References
    users: Sequence[Manifest] = ()

    def build(self) -> Config:
        """Raises `BuildError` for what the spec says wrongly, `MissingReference` for what it names in vain."""
        for index, ref in enumerate(self.cr.spec.default_target_refs or ()):
            with _fetching("spec.defaultTargetRefs", index):
                self.targets.check_objects(ref)
        assets: dict[str, bytes] = {}
        section = self._unauthorized(assets)
        document: Manifest = {**({"users": list(self.users)} if self.users else {})}
        if section is not None:
            document[UNAUTHORIZED] = section
        return Config(document=document, assets=assets)

    # -- access without credentials (06 §16) ---------------------------------------------------------------------------

    def _unauthorized(self, assets: dict[str, bytes]) -> Manifest | None:
        spec = self.cr.spec
        if spec.unauthorized_user_access_spec is not None:
            return self._access(spec.unauthorized_user_access_spec, assets)
        if not spec.unauthorized_access_config:
            return None
        try:
            options = self.user_options(spec, assets)
        except BuildError as error:
            raise _section_error(error) from None
        return {"url_map": [_old_route(item) for item in spec.unauthorized_access_config], **options}

    def _access(self, access: UnauthorizedAccess, assets: dict[str, bytes]) -> Manifest:
        path = "spec.unauthorizedUserAccessSpec"
        refs = []
        for index, ref in enumerate(access.target_refs or ()):
            with _fetching(f"{path}.targetRefs", index):
                refs.append(self.targets.resolved(ref))
            if ref.name:
                _check_named(refs[-1], f"{path}.targetRefs[{index}]", own_retries=bool(access.retry_status_codes))
        for problem in check_unauthorized_access(path, access):
            message = f"incorrect spec.UnauthorizedUserAccess syntax: {problem.message}"
            raise _section_error(BuildError(problem.path, message))
        prefixes = as_list(access.url_prefix)
        try:
            head = {
                **({"url_map": [_old_route(item) for item in access.url_map]} if access.url_map else {}),
                **({"url_prefix": prefixes if len(prefixes) > 1 else prefixes[0]} if prefixes else {}),
                **(self.routes(refs, UNAUTHORIZED) if refs else {}),
                **({"metric_labels": sorted_map(access.metric_labels)} if access.metric_labels else {}),
            }
            return _under(head, self.user_options(access, assets))
        except BuildError as error:
            raise _section_error(error) from None

    # -- what users share with it --------------------------------------------------------------------------------------

    def routes(self, refs: Sequence[TargetRef], user: str) -> Manifest:
        """`url_prefix` with options where one target takes everything, else `url_map` (06 §14).

        `refs` are resolved; `user` is how errors call the user.
        """
        if len(refs) == 1 and (not refs[0].paths or (len(refs[0].paths) == 1 and refs[0].paths[0] in _EVERYTHING)):
            return {"url_prefix": self._url_prefix(refs[0], user, collapsed=True), **_routing_options(refs[0])}
        return {"url_map": [self._route(ref, user) for ref in refs]}

    def _route(self, ref: TargetRef, user: str) -> Manifest:
        return _emitted(
            {
                "url_prefix": self._url_prefix(ref, user),
                "src_paths": _paths(ref),
                "src_hosts": ref.hosts,
                "discover_backend_ips": ref.discover_backend_ips,
                "src_headers": ref.src_headers,
                "src_query_args": ref.src_query_args,
                "headers": ref.headers,
                "response_headers": ref.response_headers,
                "retry_status_codes": ref.retry_status_codes,
                "drop_src_path_prefix_parts": ref.drop_src_path_prefix_parts,
                "load_balancing_policy": ref.load_balancing_policy,
            }
        )

    def _url_prefix(self, ref: TargetRef, user: str, *, collapsed: bool = False) -> list[str]:
        where = "cannot build urlPrefix for one ref: " if collapsed else ""
        try:
            urls = self.targets.urls(ref, user)
            if not ref.target_path_suffix and not ref.query_args:
                return list(urls)
            suffix = _suffix(ref.target_path_suffix)
            return [_extended(url, suffix, ref) for url in urls]
        except BuildError as error:
            raise type(error)(error.path, f"{where}{error}") from None

    def user_options(self, options: UserOptions, assets: dict[str, bytes]) -> Manifest:
        """Options of a user, or of access without credentials; values of TLS references go into `assets`."""
        filters = options.ip_filters
        result = {
            "default_url": options.default_url,
            **self._tls(options, assets),
            "ip_filters": _emitted({"allow_list": filters.allow_list, "deny_list": filters.deny_list}) or None
            if filters
            else None,
            "headers": options.headers,
            "response_headers": options.response_headers,
            "discover_backend_ips": options.discover_backend_ips,
            "retry_status_codes": options.retry_status_codes,
            "max_concurrent_requests": options.max_concurrent_requests,
            "load_balancing_policy": options.load_balancing_policy,
            "drop_src_path_prefix_parts": options.drop_src_path_prefix_parts,
            "dump_request_on_errors": options.dump_request_on_errors,
        }
        log = options.access_log
        if log is not None:
            codes = log.filters.skip_status_codes if log.filters else None
            result["access_log"] = {"filters": {"skip_status_codes": codes}} if codes else {}
        return _emitted(result)

    def _tls(self, options: UserOptions, assets: dict[str, bytes]) -> Manifest:
        tls, cr = options.tls_config, self.cr
        if tls is None:
            return {}
        files = {}
        for label, asset in tls_assets(tls, cr.namespace).items():
            try:
                assets[asset.file_name] = self.references.value(asset.reference, asset.key, f"tlsConfig.{label}")
            except BuildError as error:
                where = f"failed to build tls config for vmauth {cr.name} under {cr.namespace}"
                message = f"{where}: failed to load tls secret: cannot fetch {label}: {error}"
                raise type(error)(error.path, message) from None
            files[label] = f"{ASSETS_DIR}/{asset.file_name}"
        return {
            "tls_insecure_skip_verify": tls.insecure_skip_verify or None,
            "tls_ca_file": tls.ca_file or files.get("ca"),
            "tls_cert_file": tls.cert_file or files.get("cert"),
            "tls_key_file": tls.key_file or files.get("keySecret"),
            "tls_server_name": tls.server_name,
        }


def _check_named(ref: TargetRef, path: str, *, own_retries: bool) -> None:
    """Raises `BuildError` for a merged reference that says too much or too little."""
    for problem in target_ref(path, ref, own_retries=own_retries):
        message = f"failed to validate target ref: {problem.message} for {UNAUTHORIZED}"
        raise BuildError(problem.path, message)


def _under(section: Manifest, options: Manifest) -> Manifest:
    """Options of a user behind what its target says already: the Go operator writes such a key twice (06 §24)."""
    return {**section, **{key: value for key, value in options.items() if key not in section}}


def _old_route(item: URLMap) -> Manifest:
    """An entry of the deprecated `url_map`."""
    return _emitted(
        {
            "src_paths": item.src_paths,
            "src_hosts": item.src_hosts,
            "url_prefix": as_list(item.url_prefix),
            "src_query_args": item.src_query_args,
            "src_headers": item.src_headers,
            **_routing_options(item),
        }
    )


def _routing_options(ref: TargetRef | URLMap) -> Manifest:
    return _emitted(
        {
            "headers": ref.headers,
            "response_headers": ref.response_headers,
            "discover_backend_ips": ref.discover_backend_ips,
            "retry_status_codes": ref.retry_status_codes,
            "load_balancing_policy": ref.load_balancing_policy,
            "drop_src_path_prefix_parts": ref.drop_src_path_prefix_parts,
        }
    )


def _paths(ref: TargetRef) -> list[str]:
    if ref.paths:
        return ["/.*"] if ref.paths in (["/"], ["/*"]) else ref.paths
    plain, suffixed = _PATHS.get((ref.crd and ref.crd.kind) or "", (("/.*",), ("/.*",)))
    return list(suffixed if ref.target_path_suffix else plain)


def _suffix(text: str | None) -> URL | None:
    try:
        return parsed(text) if text else None
    except ValueError as error:
        raise BuildError("target_path_suffix", f'cannot parse targetPath="{text}": {error}') from None


def _extended(url: str, suffix: URL | None, ref: TargetRef) -> str:
    args = {arg.name or "": arg.values or [] for arg in ref.query_args or ()}
    try:
        return extended(url, suffix, args)
    except ValueError as error:
        raise BuildError("static", f'cannot parse urlPrefix="{url}": {error}') from None


def _emitted(values: Mapping[str, Any]) -> Manifest:
    """What is written: zero and false are, empty texts and lists are not."""
    return {key: value for key, value in values.items() if value is not None and value not in ("", [])}


def _section_error(error: BuildError) -> BuildError:
    return type(error)(error.path, f"cannot build unauthorized_user config section: {error}")


@contextmanager
def _fetching(path: str, index: int) -> Iterator[None]:
    """Errors inside are about this item of a list of targets."""
    item = f"{path}[{index}]"
    try:
        yield
    except BuildError as error:
        raise type(error)(f"{item}.{error.path}", f"failed to fetch {item}: {error}") from None


def target_objects(cr: VMAuth) -> frozenset[TargetKey]:
    """The objects that a VMAuth sends requests to, whether they exist or not."""
    access = cr.spec.unauthorized_user_access_spec
    return named_objects([*(cr.spec.default_target_refs or ()), *((access.target_refs if access else None) or ())])
