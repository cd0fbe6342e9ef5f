"""Fields of a VMDistributed that are in its schema but that this release does not act on (spec 02 §19).

A field that nobody looks at must not look as if it worked, so each that is set is a problem of the resource. What is
set to what happens anyway, such as ``specPolicy: Replace``, is none. An entry goes when its chapter is built.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from vmop.api import Manifest, Problem, to_json
from vmop.api.v1alpha1 import VMDistributed
from vmop.builders.vmdistributed.defaults import BACKEND_TYPE

MESSAGE = "is not supported yet"

#: field of ``spec`` → the value that changes nothing
SPEC: Mapping[str, Any] = {
    "zoneSelectors": [],
    "zoneRemovalPolicy": "Detach",
    "vmauths": [],
}
ZONE: Mapping[str, Any] = {"vmagents": []}
BACKEND: Mapping[str, Any] = {"selector": None, "specPolicy": "Replace"}
AGENT: Mapping[str, Any] = {"selector": None}
BALANCER: Mapping[str, Any] = {"selector": None, "defaultAccess": "None"}
ROLLOUT: Mapping[str, Any] = {
    "order": [],
    "canary": None,
    "verification": [],
    "onFailure": "Halt",
    "rollbackScope": "FailedZone",
}
PREFLIGHT: Mapping[str, Any] = {"minReadyZones": 1, "queries": []}
DRAIN: Mapping[str, Any] = {"mode": "Strict", "timeout": None, "toleranceBytes": 1 << 20, "pollInterval": "5s"}


def unsupported(cr: VMDistributed) -> list[Problem]:
    """Each field that is set and would be ignored, with the message `is not supported yet`."""
    return [Problem(path, MESSAGE) for path in _paths(to_json(cr.spec), cr.namespace)]


def _paths(spec: Manifest, namespace: str) -> Iterator[str]:
    yield from _set(spec, SPEC, "spec")
    yield from _child(spec.get("vmauth"), BALANCER, "spec.vmauth", namespace)
    parts = [(f"spec.zones[{index}]", zone) for index, zone in enumerate(spec.get("zones") or ())]
    one_for_all = {"backendType": spec.get("backendType") or BACKEND_TYPE}
    for path, part in [*parts, ("spec.zoneCommon", spec.get("zoneCommon") or {})]:
        yield from _set(part, {**one_for_all, **ZONE}, path)
        for name, fields in (("vmcluster", BACKEND), ("vmsingle", BACKEND), ("vmagent", AGENT)):
            yield from _child(part.get(name), fields, f"{path}.{name}", namespace)
    rollout = spec.get("rollout") or {}
    yield from _set(rollout, ROLLOUT, "spec.rollout")
    yield from _set(rollout.get("preflight") or {}, PREFLIGHT, "spec.rollout.preflight")
    yield from _set(rollout.get("drain") or {}, DRAIN, "spec.rollout.drain")


def _set(part: Manifest, fields: Mapping[str, Any], path: str) -> Iterator[str]:
    return (f"{path}.{name}" for name, usual in fields.items() if part.get(name, usual) not in (None, usual))


def _child(child: Manifest | None, fields: Mapping[str, Any], path: str, namespace: str) -> Iterator[str]:
    return _set(child or {}, {**fields, "namespace": namespace}, path)
