"""Defaults of the VMDistributed itself (spec 02 §3)."""

import pytest

from tests.unit.builders.vmdistributed.resources import vmdistributed
from vmop.api import Manifest, to_json
from vmop.builders import with_defaults
from vmop.settings import Settings


@pytest.mark.parametrize(
    ("spec", "defaulted"),
    [
        ({}, {"backendType": "VMCluster", "zoneCommon": {"readyTimeout": "5m", "updatePause": "1m"}}),
        (
            {
                "backendType": "VMSingle",
                "zones": [{"name": "a"}, {"name": "b", "trafficMode": "read-only"}],
                "zoneCommon": {"updatePause": "2s", "vmagent": {"name": "x"}},
            },
            {
                "backendType": "VMSingle",
                "zones": [{"name": "a", "trafficMode": "read-write"}, {"name": "b", "trafficMode": "read-only"}],
                "zoneCommon": {"vmagent": {"name": "x"}, "readyTimeout": "5m", "updatePause": "2s"},
            },
        ),
    ],
)
def test_durations_backend_type_and_modes(spec: Manifest, defaulted: Manifest) -> None:
    assert to_json(with_defaults(vmdistributed(spec), Settings()).spec) == defaulted


def test_defaulting_twice_changes_nothing() -> None:
    once = with_defaults(vmdistributed({"zones": [{"name": "a"}]}), Settings())
    assert with_defaults(once, Settings()) == once


def test_common_metadata_gives_way_to_that_of_the_resource() -> None:
    settings = Settings.from_env({"VM_COMMON_LABELS": "team=ours,tier=all", "VM_COMMON_ANNOTATIONS": "note=ours"})
    made = with_defaults(vmdistributed({}, labels={"tier": "mine"}), settings)
    assert made.metadata == {
        "name": "met",
        "namespace": "obs",
        "labels": {"team": "ours", "tier": "mine"},
        "annotations": {"note": "ours"},
    }
