"""Fields that nobody acts on yet are refused, not ignored."""

import pytest

from tests.unit.builders.vmdistributed.resources import COMPONENTS, vmdistributed
from vmop.api import Manifest
from vmop.builders.vmdistributed import unsupported

LABELS: Manifest = {"selector": {"matchLabels": {"a": "b"}}}


@pytest.mark.parametrize(
    ("spec", "paths"),
    [
        (
            {"backendType": "VMSingle", "zones": [{"name": "a", "backendType": "VMCluster"}]},
            ["spec.zones[0].backendType"],
        ),
        ({"zoneSelectors": [LABELS]}, ["spec.zoneSelectors"]),
        ({"vmauths": [{"name": "x"}]}, ["spec.vmauths"]),
        ({"zoneRemovalPolicy": "Delete"}, ["spec.zoneRemovalPolicy"]),
        (
            {"vmauth": {**LABELS, "namespace": "other", "defaultAccess": "Unauthorized"}},
            ["spec.vmauth.selector", "spec.vmauth.defaultAccess", "spec.vmauth.namespace"],
        ),
        (
            {"zones": [{"name": "a"}, {"name": "b", "backendType": "VMSingle", "vmagents": [{}]}]},
            ["spec.zones[1].backendType", "spec.zones[1].vmagents"],
        ),
        (
            {"zones": [{"name": "a", "vmcluster": {"specPolicy": "Keep", "namespace": "x"}, "vmagent": LABELS}]},
            [
                "spec.zones[0].vmcluster.specPolicy",
                "spec.zones[0].vmcluster.namespace",
                "spec.zones[0].vmagent.selector",
            ],
        ),
        ({"zoneCommon": {"vmsingle": LABELS}}, ["spec.zoneCommon.vmsingle.selector"]),
        (
            {"rollout": {"order": ["a"], "canary": {"zone": "a"}, "onFailure": "Rollback"}},
            ["spec.rollout.order", "spec.rollout.canary", "spec.rollout.onFailure"],
        ),
        (
            {"rollout": {"preflight": {"minReadyZones": 2}, "drain": {"mode": "Skip", "timeout": "1m"}}},
            ["spec.rollout.preflight.minReadyZones", "spec.rollout.drain.mode", "spec.rollout.drain.timeout"],
        ),
    ],
)
def test_what_does_nothing_yet(spec: Manifest, paths: list[str]) -> None:
    problems = unsupported(vmdistributed(spec))
    assert [(problem.path, problem.message) for problem in problems] == [
        (path, "is not supported yet") for path in paths
    ]


def test_what_happens_anyway_is_no_problem() -> None:
    usual: Manifest = {
        "backendType": "VMCluster",
        "zoneRemovalPolicy": "Detach",
        "vmauth": {"name": "x", "namespace": "obs", "defaultAccess": "None", "enabled": False},
        "zoneCommon": COMPONENTS,
        "zones": [
            {"name": "a", "backendType": "VMCluster", "vmcluster": {"specPolicy": "Replace", "namespace": "obs"}}
        ],
        "rollout": {
            "maxUnavailable": 1,
            "keepLastTarget": False,
            "preflight": {"enabled": False, "minReadyZones": 1, "queries": []},
            "drain": {"mode": "Strict", "toleranceBytes": 1048576, "pollInterval": "5s"},
            "onFailure": "Halt",
            "rollbackScope": "FailedZone",
        },
    }
    assert unsupported(vmdistributed(usual)) == []
