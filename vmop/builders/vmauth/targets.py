"""Targets: which objects they name, and the URLs of these (06 §4, §12)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import attrs

from vmop.api import Manifest, parse_spec, to_json
from vmop.api.structure import json_type
from vmop.api.v1beta1 import CRDRef, TargetRef
from vmop.builders.args import uses_tls
from vmop.builders.base import BuildError
from vmop.builders.references import MissingReference


class TargetKey(NamedTuple):
    """An object that targets name: `kind` is the kind of the object itself, such as `VMCluster`."""

    kind: str
    namespace: str
    name: str


@attrs.frozen
class TargetKind:
    """How objects of a kind are reached. `part` is the component of a cluster that is meant, in its spec."""

    kind: str
    prefix: str
    port: str
    part: str = ""

    def service(self, name: str, *, legacy: bool) -> str:
        if not legacy:
            return f"{self.prefix}-{name}"
        return f"{name}-{self.prefix}" if self.part else name


def _cluster(kind: str, ports: Mapping[str, str], *, full: bool = True) -> dict[str, TargetKind]:
    """The components of a cluster kind; `full` names are their fields in the spec, else those without two letters."""
    return {
        f"{kind}/{name}": TargetKind(kind, name, port, part=name if full else name[2:]) for name, port in ports.items()
    }


TARGET_KINDS: Mapping[str, TargetKind] = {
    "VMAgent": TargetKind("VMAgent", "vmagent", "8429"),
    "VMAlert": TargetKind("VMAlert", "vmalert", "8080"),
    "VMSingle": TargetKind("VMSingle", "vmsingle", "8428"),
    "VLogs": TargetKind("VLogs", "vlogs", "9428"),
    "VMAlertmanager": TargetKind("VMAlertmanager", "vmalertmanager", "9093"),
    "VMAlertManager": TargetKind("VMAlertmanager", "vmalertmanager", "9093"),
    "VMAnomaly": TargetKind("VMAnomaly", "vmanomaly", "8490"),
    "VLSingle": TargetKind("VLSingle", "vlsingle", "9428"),
    "VLAgent": TargetKind("VLAgent", "vlagent", "9429"),
    "VTSingle": TargetKind("VTSingle", "vtsingle", "10428"),
    **_cluster("VMCluster", {"vminsert": "8480", "vmselect": "8481", "vmstorage": "8482"}),
    **_cluster("VLCluster", {"vlinsert": "9481", "vlselect": "9471", "vlstorage": "9491"}),
    **_cluster("VTCluster", {"vtinsert": "10481", "vtselect": "10471", "vtstorage": "10491"}, full=False),
}


def object_url(kind: TargetKind, manifest: Manifest, *, additional: bool = False) -> str | None:
    """The URL of a stored object, without a slash at its end; None for a cluster without the component.

    Ports are those of the spec as it is stored, or the usual ones, whatever the operator's settings. `additional` asks
    for the further Service.
    """
    metadata, spec = manifest["metadata"], manifest.get("spec") or {}
    name = kind.service(metadata["name"], legacy=bool(spec.get("useLegacyNaming")))
    app: Manifest | None = spec.get(kind.part) if kind.part else spec
    if app is None:
        return None
    source = (app.get("server") or {}) if kind.kind == "VMAnomaly" else app
    port: object = source.get("port") or kind.port
    service: Manifest = app.get("serviceSpec") or {}
    if service and (additional or service.get("useAsDefault")):
        port_name = (app.get("portName") or "web") if kind.kind == "VMAlertmanager" else "http"
        for entry in _ports(service, f"{kind.kind} {metadata['name']}: serviceSpec.spec"):
            if entry.get("name") == port_name:
                port = entry.get("port", port)
    if additional:
        name = (service.get("metadata") or {}).get("name") or f"{name}-additional-service"
    return f"{_scheme(kind, app)}://{name}.{metadata['namespace']}.svc:{port}"


def _ports(service: Mapping[str, Any], path: str) -> list[Manifest]:
    """The ports of a stored `serviceSpec`, whose spec no schema checks."""
    spec = service.get("spec") or {}
    if not isinstance(spec, dict):
        raise BuildError(path, f"{path}: expected object, got {json_type(spec)}")
    ports = spec.get("ports") or []
    if not isinstance(ports, list):
        raise BuildError(f"{path}.ports", f"{path}.ports: expected array, got {json_type(ports)}")
    for index, entry in enumerate(ports):
        if not isinstance(entry, dict):
            raise BuildError(
                f"{path}.ports[{index}]", f"{path}.ports[{index}]: expected object, got {json_type(entry)}"
            )
    return ports


def _scheme(kind: TargetKind, app: Mapping[str, Any]) -> str:
    match kind.kind:
        case "VMAnomaly":
            secure = False
        case "VMAlertmanager":
            secure = (app.get("webConfig") or {}).get("tls_server_config") is not None
        case _:
            secure = uses_tls(app.get("extraArgs"))
    return "https" if secure else "http"


# -- references ------------------------------------------------------------------------------------------------------


def objects_of(crd: CRDRef) -> Iterator[tuple[TargetKey, bool]]:
    """The objects that a reference names, in order, and whether their additional Service is meant.

    Raises `BuildError` for a kind that is no target.
    """
    kind = TARGET_KINDS.get(crd.kind or "")
    if kind is None:
        raise BuildError("crd.kind", f'unsupported kind="{crd.kind or ""}"')
    if crd.name and crd.namespace:
        yield TargetKey(kind.kind, crd.namespace, crd.name), bool(crd.use_extra_service)
    for each in crd.objects or ():
        yield TargetKey(kind.kind, each.namespace or "", each.name or ""), bool(each.use_extra_service)


def named_objects(refs: Iterable[TargetRef]) -> frozenset[TargetKey]:
    """All objects that references name, whether they exist or not."""
    return frozenset(
        key for ref in refs if ref.crd is not None and ref.crd.kind in TARGET_KINDS for key, _ in objects_of(ref.crd)
    )


def overlaid(base: TargetRef, ref: TargetRef) -> TargetRef:
    """A named target under a reference to it: maps are merged, anything else of the reference wins (06 §4.3)."""
    merged = _merged(_plain(base), _plain(ref))
    result: TargetRef = parse_spec(TargetRef, merged)
    return result


def _plain(ref: TargetRef) -> Manifest:
    """The JSON that Go would make: empty optional fields are left out, required ones are there."""
    plain: Manifest = _without_empty(to_json(ref))
    if "crd" in plain:
        plain["crd"] = {"kind": "", "name": "", "namespace": ""} | plain["crd"]
    return plain


def _without_empty(value: Any) -> Any:
    if isinstance(value, dict):
        optional = {"useExtraService": False}
        return {
            key: _without_empty(item)
            for key, item in value.items()
            if item is not None and item not in ("", [], {}) and not (key in optional and item is optional[key])
        }
    return [_without_empty(item) for item in value] if isinstance(value, list) else value


def _merged(base: Any, over: Any) -> Any:
    if not isinstance(base, dict) or not isinstance(over, dict):
        return over
    return {**base, **{key: _merged(base.get(key), value) for key, value in over.items()}}


@attrs.frozen
class Targets:
    """Named targets and the objects that are known."""

    named: Mapping[str, TargetRef]
    objects: Mapping[TargetKey, Manifest]

    def resolved(self, ref: TargetRef) -> TargetRef:
        """A reference with the named target that it builds on.

        Raises `BuildError` for an unknown name, `MissingReference` for objects that are not there.
        """
        base = self.named.get(ref.name) if ref.name else None
        if ref.name and base is None:
            raise BuildError("name", f"failed to find defaultTargetRef={ref.name}")
        result = ref if base is None else overlaid(base, ref)
        self.check_objects(result)
        return result

    def check_objects(self, ref: TargetRef) -> None:
        """Raises `MissingReference` where the reference names an object that does not exist."""
        for key, _ in objects_of(ref.crd) if ref.crd is not None else ():
            if key not in self.objects:
                missing = f'{key.kind.lower()}s.operator.victoriametrics.com "{key.name}" not found'
                where = f'cannot find object by the given ref,namespace="{key.namespace}",name="{key.name}"'
                kind = ref.crd.kind if ref.crd else ""
                raise MissingReference("crd", f'cannot find CRD link for kind="{kind}": {where}: {missing}')

    def urls(self, ref: TargetRef, user: str) -> Sequence[str]:
        """The URLs of a resolved reference, without its suffix and query arguments."""
        if ref.crd is None:
            static = ref.static
            found = ([static.url] if static.url else static.urls) if static else []
            if not found:
                message = f"static.url, static.urls and ref.crd cannot be empty for user: {user}"
                raise BuildError("static", message)
            return found
        kind = TARGET_KINDS[ref.crd.kind or ""]
        return [self._url(kind, ref.crd, key, additional, user) for key, additional in objects_of(ref.crd)]

    def _url(self, kind: TargetKind, crd: CRDRef, key: TargetKey, additional: bool, user: str) -> str:
        url = object_url(kind, self.objects[key], additional=additional)
        if url is None:
            target = f"{crd.kind}/{key.namespace}/{key.name}"
            raise MissingReference("crd", f'cannot find crdRef target: "{target}", for user: {user}')
        return url
