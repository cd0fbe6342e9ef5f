"""Validation of VMDistributed: one case a rule, in the order of the specs, with the exact messages."""

from typing import Any

import pytest

from vmop.api import parse, validate
from vmop.api.v1alpha1 import VMDistributed

PARTS: dict[str, Any] = {"vmcluster": {"spec": {"vminsert": {}, "vmselect": {}}}}
BEHAVIOR = "statefulRollingUpdateStrategyBehavior"


def problems(spec: Any, **metadata: Any) -> list[tuple[str, str]]:
    parsed = parse(VMDistributed, {"metadata": {"name": "met", "namespace": "obs", **metadata}, "spec": spec})
    assert parsed.unknown_fields == ()
    return [(problem.path, problem.message) for problem in validate(parsed.object)]


def zones(*bodies: dict[str, Any], **spec: Any) -> dict[str, Any]:
    named = [{"name": f"z{index}", **body} for index, body in enumerate(bodies)]
    return {"zoneCommon": PARTS, "zones": named, **spec}


def durations(**fields: str) -> dict[str, Any]:
    return zones({}, zoneCommon={**PARTS, **fields})


CASES: dict[str, tuple[Any, list[tuple[str, str]]]] = {
    "no zones are valid": ({}, []),
    "zones of common parts are valid": (zones({}, {}), []),
    "VMSingle with a common VMCluster": (
        zones({}, backendType="VMSingle"),
        [("spec.zoneCommon.vmcluster", "backendType=VMSingle is incompatible with zoneCommon.vmcluster configuration")],
    ),
    "VMSingle with an empty common VMCluster": (
        {"backendType": "VMSingle", "zoneCommon": {"vmcluster": {"spec": {}}}},
        [],
    ),
    "VMCluster with a common VMSingle": (
        {"zoneCommon": {"vmsingle": {"spec": {}}}},
        [("spec.zoneCommon.vmsingle", "backendType=VMCluster is incompatible with zoneCommon.vmsingle configuration")],
    ),
    "a zone without name": (zones({"name": ""}), [("spec.zones[0].name", "spec.zones[0].name is required")]),
    "a zone name twice": (
        zones({"name": "a"}, {"name": "a", "vmcluster": {"name": "b"}, "vmagent": {"name": "b"}}),
        [("spec.zones[1].name", "spec.zones[1].name=a is duplicated, zone names must be unique")],
    ),
    "a zone name with a quote": (
        zones({"name": 'a"', "vmcluster": {"name": "b"}, "vmagent": {"name": "b"}}),
        [("spec.zones[0].name", 'spec.zones[0].name=a" must not contain quotes or backslashes')],
    ),
    "a zone name that makes no object name": (
        zones({"name": "East"}),
        [
            ("spec.zones[0].vmcluster.name", "spec.zones[0].vmcluster.name=met-East must be a DNS-1123 subdomain"),
            ("spec.zones[0].vmagent.name", "spec.zones[0].vmagent.name=met-East must be a DNS-1123 subdomain"),
        ],
    ),
    "a VMCluster in a zone of VMSingles": (
        zones({"vmcluster": {"name": "a"}}, backendType="VMSingle", zoneCommon={}),
        [("spec.zones[0]", "spec.zones[0]: backendType=VMSingle is incompatible with vmcluster configuration")],
    ),
    "one VMSingle in two zones": (
        zones({"vmsingle": {"name": "a"}}, {"vmsingle": {"name": "a"}}, backendType="VMSingle", zoneCommon={}),
        [("spec.zones[1].vmsingle.name", "spec.zones[1].vmsingle.name=a is already added in a different zone")],
    ),
    "a VMSingle in a zone of VMClusters": (
        zones({"vmsingle": {"name": "a"}}),
        [("spec.zones[0]", "spec.zones[0]: backendType=VMCluster is incompatible with vmsingle configuration")],
    ),
    "one VMCluster in two zones": (
        zones({}, {}, zoneCommon={"vmcluster": {"name": "fixed", **PARTS["vmcluster"]}}),
        [("spec.zones[1].vmcluster.name", "spec.zones[1].vmcluster.name=fixed is already added in a different zone")],
    ),
    "names made of the zone's differ": (
        zones({}, {}, zoneCommon={"vmcluster": {"name": "vm-%ZONE%", **PARTS["vmcluster"]}}),
        [],
    ),
    "no vminsert": (
        zones({}, zoneCommon={"vmcluster": {"spec": {"vmselect": {}}}}),
        [
            (
                "spec.zones[0].vmcluster.spec.vminsert",
                "either zoneCommon.vmcluster.spec.vminsert or spec.zones[0].vmcluster.spec.vminsert is required",
            )
        ],
    ),
    "no vmselect": (
        zones({"vmcluster": {"spec": {"vminsert": {}}}}, zoneCommon={}),
        [
            (
                "spec.zones[0].vmcluster.spec.vmselect",
                "either zoneCommon.vmcluster.spec.vmselect or spec.zones[0].vmcluster.spec.vmselect is required",
            )
        ],
    ),
    "an existing VMCluster is only referred to": (zones({"vmcluster": {"name": "old"}}, zoneCommon={}), []),
    "a zone that keeps its spec needs no parts": (
        zones({"vmcluster": {"name": "old", "specPolicy": "Keep", "spec": {"vmselect": {}}}}, zoneCommon={}),
        [],
    ),
    "one VMAgent in two zones": (
        zones({"vmagent": {"name": "a"}}, {"vmagent": {"name": "a"}}),
        [("spec.zones[1].vmagent.name", "spec.zones[1].vmagent.name=a is already added in a different zone")],
    ),
    "a bad update speed of an agent": (
        zones({"vmagent": {"spec": {"statefulMode": True, BEHAVIOR: {"maxUnavailable": 0}}}}),
        [
            (
                f"spec.zones[0].vmagent.spec.{BEHAVIOR}.maxUnavailable",
                f"spec.zones[0].vmagent.spec.{BEHAVIOR}: maxUnavailable must be greater than 0, got 0",
            )
        ],
    ),
    "the update speed is that of the merged spec": (
        zones(
            {"vmagent": {"spec": {BEHAVIOR: {"maxUnavailable": "x"}}}},
            zoneCommon={**PARTS, "vmagent": {"spec": {"statefulMode": True}}},
        ),
        [
            (
                f"spec.zones[0].vmagent.spec.{BEHAVIOR}.maxUnavailable",
                f"spec.zones[0].vmagent.spec.{BEHAVIOR}: maxUnavailable must be a percentage, got x",
            )
        ],
    ),
    "an update speed without number": (
        zones({"vmagent": {"spec": {"statefulMode": True, BEHAVIOR: {}}}}),
        [],
    ),
    "good durations": (durations(readyTimeout="1m30s", updatePause="0"), []),
    "no time to become ready": (
        durations(readyTimeout="0s"),
        [("spec.zoneCommon.readyTimeout", "zoneCommon.readyTimeout must be greater than 0")],
    ),
    "a negative pause": (
        durations(updatePause="-1s"),
        [("spec.zoneCommon.updatePause", "zoneCommon.updatePause must not be negative")],
    ),
    "name and selector": (
        zones({"vmcluster": {"name": "a", "selector": {"matchLabels": {"a": "b"}}}}),
        [("spec.zones[0].vmcluster.selector", "spec.zones[0].vmcluster: name and selector are mutually exclusive")],
    ),
    "more than one zone at a time": (
        zones({}, rollout={"maxUnavailable": 2}),
        [("spec.rollout.maxUnavailable", "rollout.maxUnavailable must be 1")],
    ),
    "a zone of its own backend type": (
        zones({}, {"backendType": "VMSingle", "vmsingle": {"name": "s"}}),
        [],
    ),
}


@pytest.mark.parametrize(("spec", "expected"), CASES.values(), ids=CASES)
def test_vmdistributed(spec: Any, expected: list[tuple[str, str]]) -> None:
    assert problems(spec) == expected


def test_the_annotation_skips_validation() -> None:
    annotations = {"operator.victoriametrics.com/skip-validation": "true"}
    assert problems(zones({"name": ""}), annotations=annotations) == []
