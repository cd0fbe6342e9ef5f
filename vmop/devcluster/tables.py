"""Tables: the columns that `kubectl get` prints, made by the server kind by kind.

Built-in kinds have columns of their own (as kube-apiserver prints them); a CRD names its columns by JSON path.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import attrs
import msgspec

from vmop.devcluster import rows
from vmop.devcluster.jsonpath import json_path
from vmop.devcluster.registry import Served
from vmop.devcluster.rows import Cells, Row
from vmop.devcluster.status import Manifest
from vmop.devcluster.storage import GroupResource


@attrs.frozen
class Column:
    """`wide` columns show with `-o wide` only."""

    name: str
    type: str = "string"
    wide: bool = False
    format: str = ""
    description: str = ""
    priority: int = 0

    def to_json(self) -> Manifest:
        priority = self.priority or int(self.wide)
        return {
            "name": self.name,
            "type": self.type,
            "format": self.format,
            "description": self.description,
            "priority": priority,
        }


@attrs.frozen
class Printer:
    columns: tuple[Column, ...]
    row: Row


_NAME = Column("Name", format="name", description="Name must be unique within a namespace.")
_AGE = Column("Age")


def _columns(*names: str, wide: tuple[str, ...] = (), numbers: tuple[str, ...] = ()) -> tuple[Column, ...]:
    def column(name: str) -> Column:
        if name == "Name":
            return _NAME if name not in wide else attrs.evolve(_NAME, wide=True)
        return Column(name, "integer" if name in numbers else "string", name in wide)

    return tuple(column(name) for name in names)


_TEMPLATE = ("Containers", "Images")
_CREATED = Printer((_NAME, Column("Created At", "date")), rows.created_row)
_NAMED = Printer((_NAME, _AGE), rows.named_row)
_BINDINGS = Printer(
    _columns("Name", "Role", "Age", "Users", "Groups", "ServiceAccounts", wide=("Users", "Groups", "ServiceAccounts")),
    rows.binding_row,
)
_POD_WIDE = ("IP", "Node", "Nominated Node", "Readiness Gates")
_NODE_WIDE = ("Internal-IP", "External-IP", "OS-Image", "Kernel-Version", "Container-Runtime")
_EVENT_WIDE = ("Subobject", "Source", "First Seen", "Count", "Name")
_DAEMON = ("Desired", "Current", "Ready", "Up-to-date", "Available")
PRINTERS: Mapping[str, Printer] = {
    "pods": Printer(_columns("Name", "Ready", "Status", "Restarts", "Age", *_POD_WIDE, wide=_POD_WIDE), rows.pod_row),
    "services": Printer(
        _columns("Name", "Type", "Cluster-IP", "External-IP", "Port(s)", "Age", "Selector", wide=("Selector",)),
        rows.service_row,
    ),
    "secrets": Printer(_columns("Name", "Type", "Data", "Age"), rows.secret_row),
    "configmaps": Printer(_columns("Name", "Data", "Age"), rows.data_row),
    "namespaces": Printer(_columns("Name", "Status", "Age"), rows.namespace_row),
    "nodes": Printer(
        _columns("Name", "Status", "Roles", "Age", "Version", *_NODE_WIDE, wide=_NODE_WIDE), rows.node_row
    ),
    "events": Printer(
        _columns(
            "Last Seen",
            "Type",
            "Reason",
            "Object",
            "Subobject",
            "Source",
            "Message",
            "First Seen",
            "Count",
            "Name",
            wide=_EVENT_WIDE,
        ),
        rows.event_row,
    ),
    "endpoints": Printer(_columns("Name", "Endpoints", "Age"), rows.endpoints_row),
    "persistentvolumeclaims": Printer(
        _columns(
            "Name",
            "Status",
            "Volume",
            "Capacity",
            "Access Modes",
            "StorageClass",
            "VolumeAttributesClass",
            "Age",
            "VolumeMode",
            wide=("VolumeMode",),
        ),
        rows.claim_row,
    ),
    "persistentvolumes": Printer(
        _columns(
            "Name",
            "Capacity",
            "Access Modes",
            "Reclaim Policy",
            "Status",
            "Claim",
            "StorageClass",
            "VolumeAttributesClass",
            "Reason",
            "Age",
            "VolumeMode",
            wide=("VolumeMode",),
        ),
        rows.volume_row,
    ),
    "deployments.apps": Printer(
        _columns(
            "Name",
            "Ready",
            "Up-to-date",
            "Available",
            "Age",
            *_TEMPLATE,
            "Selector",
            wide=(*_TEMPLATE, "Selector"),
        ),
        rows.deployment_row,
    ),
    "statefulsets.apps": Printer(_columns("Name", "Ready", "Age", *_TEMPLATE, wide=_TEMPLATE), rows.stateful_set_row),
    "daemonsets.apps": Printer(
        _columns(
            "Name",
            *_DAEMON,
            "Node Selector",
            "Age",
            *_TEMPLATE,
            "Selector",
            wide=(*_TEMPLATE, "Selector"),
            numbers=_DAEMON,
        ),
        rows.daemon_set_row,
    ),
    "replicasets.apps": Printer(
        _columns(
            "Name",
            "Desired",
            "Current",
            "Ready",
            "Age",
            *_TEMPLATE,
            "Selector",
            wide=(*_TEMPLATE, "Selector"),
            numbers=("Desired", "Current", "Ready"),
        ),
        rows.replica_set_row,
    ),
    "controllerrevisions.apps": Printer(
        _columns("Name", "Controller", "Revision", "Age"), rows.controller_revision_row
    ),
    "storageclasses.storage.k8s.io": Printer(
        _columns("Name", "Provisioner", "ReclaimPolicy", "VolumeBindingMode", "AllowVolumeExpansion", "Age"),
        rows.storage_class_row,
    ),
    "endpointslices.discovery.k8s.io": Printer(
        _columns("Name", "AddressType", "Ports", "Endpoints", "Age"), rows.endpoint_slice_row
    ),
    "leases.coordination.k8s.io": Printer(_columns("Name", "Holder", "Age"), rows.lease_row),
    "poddisruptionbudgets.policy": Printer(
        _columns(
            "Name",
            "Min Available",
            "Max Unavailable",
            "Allowed Disruptions",
            "Age",
            numbers=("Allowed Disruptions",),
        ),
        rows.budget_row,
    ),
    "horizontalpodautoscalers.autoscaling": Printer(
        _columns("Name", "Reference", "Targets", "MinPods", "MaxPods", "Replicas", "Age"), rows.autoscaler_row
    ),
    "ingresses.networking.k8s.io": Printer(
        _columns("Name", "Class", "Hosts", "Address", "Ports", "Age"), rows.ingress_row
    ),
    "networkpolicies.networking.k8s.io": Printer(_columns("Name", "Pod-Selector", "Age"), rows.network_policy_row),
    "roles.rbac.authorization.k8s.io": _CREATED,
    "clusterroles.rbac.authorization.k8s.io": _CREATED,
    "rolebindings.rbac.authorization.k8s.io": _BINDINGS,
    "clusterrolebindings.rbac.authorization.k8s.io": _BINDINGS,
    "customresourcedefinitions.apiextensions.k8s.io": _CREATED,
    "validatingwebhookconfigurations.admissionregistration.k8s.io": Printer(
        _columns("Name", "Webhooks", "Age", numbers=("Webhooks",)), rows.webhooks_row
    ),
}

# Custom resources


def _custom_cell(value: Any, type_: str, now: datetime) -> Any:
    match type_, value:
        case "date", str():
            return rows.age(value, now)
        case "string", bool():
            return str(value).lower()
        case "string", dict() | list():
            return msgspec.json.encode(value).decode()
        case "string", _:
            return str(value)
        case _:
            return value


def _custom(served: Served) -> Printer:
    declared = (served.crd or {}).get("additionalPrinterColumns")
    if not declared:
        return Printer((_NAME, Column("Age", "date")), rows.named_row)
    columns = [_NAME]
    columns += [
        Column(
            one["name"],
            one["type"],
            format=one.get("format", ""),
            description=one.get("description", ""),
            priority=one.get("priority", 0),
        )
        for one in declared
    ]

    def row(obj: Manifest, now: datetime) -> Cells:
        cells: Cells = [obj["metadata"]["name"]]
        for one in declared:
            values = json_path(obj, one["jsonPath"])
            cells.append(_custom_cell(values[0], one["type"], now) if values else None)
        return cells

    return Printer(tuple(columns), row)


def printer_of(served: Served) -> Printer:
    """The columns of a resource and how a row is made."""
    if served.is_custom:
        return _custom(served)
    return PRINTERS.get(str(GroupResource(served.group, served.plural)), _NAMED)


def table(
    served: Served, objects: Iterable[Manifest], now: datetime, *, metadata: Manifest, include: str, header: bool = True
) -> Manifest:
    """A `Table`. `include` says what of each object comes with its row: `Metadata` (as is the default), `Object`,
    `None`.
    """
    printer = printer_of(served)
    shown = []
    for obj in objects:
        row: Manifest = {"cells": printer.row(obj, now)}
        match include:
            case "None":
                row["object"] = None
            case "Object":
                row["object"] = obj
            case _:
                partial = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1"}
                row["object"] = partial | {"metadata": obj["metadata"]}
        shown.append(row)
    result: Manifest = {"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata}
    result["columnDefinitions"] = [column.to_json() for column in printer.columns] if header else None
    return result | {"rows": shown}
