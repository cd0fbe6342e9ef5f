"""Services of an application: the main one, the user's changes to it, and an additional one (01 §6.1, §6.2)."""

from collections.abc import Mapping, Sequence

import attrs

from vmop.api import CustomResource
from vmop.api.v1beta1 import AdditionalService, InsertPorts
from vmop.builders.base import BuildError, Manifest, present, without_nulls
from vmop.builders.metadata import ADDITIONAL_SERVICE_LABEL, object_metadata

ADDITIONAL_SUFFIX = "-additional-service"


def port_number(text: str | int | None, path: str) -> int:
    """The number of a port that specs hold as text. Raises `BuildError` naming `path` if it is none."""
    if isinstance(text, int) or (text or "").isdecimal():
        return int(text or 0)
    raise BuildError(path, f"{path}: expected a port number, got {text!r}")


def service_port(name: str, port: int, *, target: int | str | None = None, protocol: str = "TCP") -> Manifest:
    return {"name": name, "protocol": protocol, "port": port, "targetPort": port if target is None else target}


def container_port(name: str, port: int, *, protocol: str = "TCP") -> Manifest:
    return {"name": name, "protocol": protocol, "containerPort": port}


@attrs.frozen
class Listener:
    """A listener for another ingestion protocol: its flag, and the ports it opens."""

    port: int
    flag: str
    ports: tuple[tuple[str, str], ...]

    @property
    def arg(self) -> str:
        """Two dashes: these arguments stay beside an `extraArgs` entry of the same name (01 §5.3)."""
        return f"--{self.flag}=:{self.port}"

    def service_ports(self) -> list[Manifest]:
        return [service_port(name, self.port, protocol=protocol) for name, protocol in self.ports]

    def container_ports(self) -> list[Manifest]:
        return [container_port(name, self.port, protocol=protocol) for name, protocol in self.ports]


def listeners(insert_ports: InsertPorts | None, path: str) -> list[Listener]:
    """The listeners of `insertPorts`, in the order in which their ports appear."""
    if insert_ports is None:
        return []
    table = (
        ("graphitePort", insert_ports.graphite_port, "graphiteListenAddr", _tcp_and_udp("graphite")),
        ("influxPort", insert_ports.influx_port, "influxListenAddr", _tcp_and_udp("influx")),
        ("openTSDBPort", insert_ports.open_tsdb_port, "opentsdbListenAddr", _tcp_and_udp("opentsdb")),
        ("openTSDBHTTPPort", insert_ports.open_tsdb_http_port, "opentsdbHTTPListenAddr", (("opentsdb-http", "TCP"),)),
    )
    return [
        Listener(port_number(port, f"{path}.insertPorts.{field}"), flag, ports)
        for field, port, flag, ports in table
        if port
    ]


def _tcp_and_udp(name: str) -> tuple[tuple[str, str], ...]:
    return (f"{name}-tcp", "TCP"), (f"{name}-udp", "UDP")


def service(
    cr: CustomResource,
    name: str,
    *,
    labels: Mapping[str, str],
    selector: Mapping[str, str],
    ports: Sequence[Manifest],
    headless: bool = False,
    publish_not_ready: bool = False,
) -> Manifest:
    """A Service of type ClusterIP in front of the pods that `selector` finds."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": object_metadata(cr, name, labels),
        "spec": {
            "type": "ClusterIP",
            **({"clusterIP": "None"} if headless else {}),
            **({"publishNotReadyAddresses": True} if publish_not_ready else {}),
            "selector": dict(selector),
            "ports": list(ports),
        },
    }


def is_override(service_spec: AdditionalService | None) -> bool:
    """Whether `serviceSpec` changes the main Service instead of making another."""
    return service_spec is not None and bool(service_spec.use_as_default)


def overridden(main: Manifest, service_spec: AdditionalService) -> Manifest:
    """The main Service with the user's spec in place of its own (01 §6.1, `useAsDefault: true`)."""
    spec = without_nulls(service_spec.spec or {})
    generated = main["spec"]
    ports = list(spec.get("ports") or ())
    named = {port.get("name") for port in ports}
    kind = spec.get("type") or generated["type"]
    inherited = generated.get("clusterIP") if kind == generated["type"] else None
    return {
        **main,
        "metadata": _labelled(main["metadata"], service_spec, own_annotations_win=False),
        "spec": present(
            {
                **spec,
                "type": kind,
                "clusterIP": spec.get("clusterIP") or inherited,
                "selector": generated["selector"],
                "ports": ports + [port for port in generated["ports"] if port["name"] not in named],
            }
        ),
    }


def additional_service_name(service_spec: AdditionalService, name: str) -> str:
    """The name of the further Service beside the main one, which is called `name`."""
    metadata = service_spec.metadata
    return (metadata.name if metadata else None) or f"{name}{ADDITIONAL_SUFFIX}"


def additional_service(main: Manifest, service_spec: AdditionalService, *, app: str, name: str, path: str) -> Manifest:
    """The further Service of `useAsDefault: false`, which inherits selector, ports and type where the user gives none.

    `name` is the prefixed name of the application; the Service must have another one, else `BuildError`.
    """
    own_name = additional_service_name(service_spec, name)
    if own_name == name:
        message = f'{app} additional service name: "{own_name}" cannot be the same as crd.prefixedname: "{name}"'
        raise BuildError(f"{path}.serviceSpec.metadata.name", message)
    spec = without_nulls(service_spec.spec or {})
    generated = main["spec"]
    metadata = _labelled(main["metadata"], service_spec, own_annotations_win=True)
    labels = metadata["labels"] | {ADDITIONAL_SERVICE_LABEL: "managed"}
    return {
        **main,
        "metadata": {**metadata, "name": own_name, "labels": labels},
        "spec": {
            **spec,
            "type": spec.get("type") or generated["type"],
            "selector": spec.get("selector", generated["selector"]),
            "ports": spec.get("ports", generated["ports"]),
        },
    }


def with_user_service(
    main: Manifest, service_spec: AdditionalService | None, *, app: str, name: str, path: str
) -> list[Manifest]:
    """What `serviceSpec` makes of the main Service, in the order of writing: the additional one comes first."""
    if service_spec is None:
        return [main]
    if service_spec.use_as_default:
        return [overridden(main, service_spec)]
    return [additional_service(main, service_spec, app=app, name=name, path=path), main]


def _labelled(metadata: Manifest, service_spec: AdditionalService, *, own_annotations_win: bool) -> Manifest:
    """Generated labels over the user's; of annotations the user's win on an additional Service only."""
    user = service_spec.metadata
    notes = dict((user.annotations if user else None) or {})
    generated = metadata.get("annotations", {})
    annotations = generated | notes if own_annotations_win else notes | generated
    labels = dict((user.labels if user else None) or {}) | metadata["labels"]
    return {**metadata, "labels": labels, **({"annotations": annotations} if annotations else {})}
