"""VMAuth (06-vmauth-vmuser.md 6.1 and 6.2, in their order)."""

from collections.abc import Iterator

from vmop.api.problems import Problem
from vmop.api.syntax import target_url
from vmop.api.v1beta1 import UnauthorizedAccess, VMAuth, VMAuthSpec
from vmop.api.validation.shared import autoscaler, pre_stop, service_name, tls_config, vertical
from vmop.api.validation.targets import as_list, messages_of, metric_labels, target_ref, url_map, user_options


def check_vmauth(cr: VMAuth) -> Iterator[Problem]:
    """Problems of a VMAuth, in the order in which the Go operator looks for them."""
    spec = cr.spec
    name = cr.name if spec.use_legacy_naming else f"vmauth-{cr.name}"
    yield from service_name("spec.serviceSpec", spec.service_spec, name)
    if spec.ingress and spec.ingress.tls_hosts and not spec.ingress.tls_secret_name:
        message = "spec.ingress.tlsSecretName cannot be empty with non-empty spec.ingress.tlsHosts"
        yield Problem("spec.ingress.tlsSecretName", message)
    if spec.ingress and spec.ingress.tls_secret_name and not spec.ingress.tls_hosts:
        message = "spec.ingress.tlsHosts cannot be empty with non-empty spec.ingress.tlsSecretName"
        yield Problem("spec.ingress.tlsHosts", message)
    yield from _external_config(cr, name)
    yield from _unauthorized(spec)
    yield from _default_targets(spec)
    yield from autoscaler("spec.hpa", spec.hpa, "incorrect cr.spec.hpa syntax: ")
    yield from vertical("spec.vpa", spec.vpa, "incorrect cr.spec.vpa syntax: ")
    yield from pre_stop("spec", spec)


def _external_config(cr: VMAuth, prefixed_name: str) -> Iterator[Problem]:
    external, path = cr.spec.external_config, "spec.externalConfig"
    if external is None:
        return
    reference = external.secret_ref
    if cr.spec.config_secret and reference:
        message = "spec.configSecret and spec.externalConfig.secretRef cannot be used at the same time"
        yield Problem("spec.configSecret", message)
    if reference and external.local_path:
        yield Problem(
            path,
            "at most one option can be used for externalConfig: spec.configSecret or spec.externalConfig.secretRef",
        )
    if reference is None:
        return
    if reference.name == prefixed_name:
        yield Problem(
            f"{path}.secretRef.name",
            "spec.externalConfig.secretRef cannot be equal to the "
            f'vmauth-config-CR_NAME="vmauth-config-{cr.name}", it\'s operator reserved value',
        )
    if not reference.name or not reference.key:
        yield Problem(
            f"{path}.secretRef",
            f'name="{reference.name or ""}" and key="{reference.key or ""}" fields must be non-empty '
            "for spec.externalConfig.secretRef",
        )


def _unauthorized(spec: VMAuthSpec) -> Iterator[Problem]:
    old, new = spec.unauthorized_access_config, spec.unauthorized_user_access_spec
    if old and new:
        yield Problem(
            "spec.unauthorizedAccessConfig",
            "at most one option can be used `spec.unauthorizedAccessConfig` or "
            "`spec.unauthorizedUserAccessSpec`, got both",
        )
    for index, item in enumerate(old or ()):
        yield from url_map(
            f"spec.unauthorizedAccessConfig[{index}]", item, "incorrect cr.spec.UnauthorizedAccessConfig: "
        )
    if old:
        yield from user_options("spec", spec, "incorrect cr.spec UnauthorizedAccessConfig options: ")
    if new is not None:
        prefix = "incorrect cr.spec.UnauthorizedUserAccess syntax: "
        for problem in check_unauthorized_access("spec.unauthorizedUserAccessSpec", new):
            yield Problem(problem.path, prefix + problem.message)


def check_unauthorized_access(path: str, access: UnauthorizedAccess) -> Iterator[Problem]:
    """Problems of access without credentials; also checked whenever a config is built (06 §6)."""
    if not (access.url_map or access.url_prefix or access.target_refs):
        yield Problem(path, "at least one of `url_map`, `url_prefix` or `targetRefs` must be defined")
    if access.target_refs and (access.url_map or access.url_prefix):
        yield Problem(path, "`targetRefs` cannot be used together with `url_prefix` or `url_map`")
    for index, ref in enumerate(access.target_refs or ()):
        where = f"{path}.targetRefs[{index}]"
        for problem in target_ref(where, ref, own_retries=bool(access.retry_status_codes)):
            yield Problem(problem.path, f"{problem.message} for unauthorized_user")
    for index, item in enumerate(access.url_map or ()):
        yield from url_map(f"{path}.url_map[{index}]", item, f"incorrect url_map at idx={index}: ")
    for message in messages_of(target_url, as_list(access.url_prefix)):
        yield Problem(f"{path}.url_prefix", message)
    for message in tls_config(access.tls_config):
        yield Problem(f"{path}.tlsConfig", f"incorrect tlsConfig for UnauthorizedUserAccess: {message}")
    yield from metric_labels(f"{path}.metric_labels", access.metric_labels, "incorrect metricLabelName")
    yield from user_options(path, access, "incorrect UnauthorizedUserAccess options: ")


def _default_targets(spec: VMAuthSpec) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, ref in enumerate(spec.default_target_refs or ()):
        path = f"spec.defaultTargetRefs[{index}]"
        if ref.name and ref.name in seen:
            yield Problem(f"{path}.name", f"{path} contains duplicated targets with name={ref.name}")
        seen.add(ref.name or "")
        for problem in target_ref(path, ref, default=True):
            yield Problem(problem.path, f"{path}: {problem.message}")
