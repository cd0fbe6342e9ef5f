"""Validation of VMSingle: one case a rule, in the order of the specs, with the exact messages."""

from typing import Any

import pytest

from vmop.api import parse, validate
from vmop.api.v1beta1 import VMSingle

LICENSE = {"key": "secret"}
ENTERPRISE = "https://docs.victoriametrics.com/victoriametrics/enterprise/"
VPA: dict[str, Any] = {"resourcePolicy": {"containerPolicies": [{}]}}
SLOW_STOP = {"preStopSleepSeconds": 30, "terminationGracePeriodSeconds": 30}
STOP = "preStopSleepSeconds (30) must be less than terminationGracePeriodSeconds (30)"

DATA = 'spec.storageDataPath="/data"'
SINGLE: dict[str, tuple[Any, list[tuple[str, str]]]] = {
    "nothing is valid": ({}, []),
    "the service has the default name": (
        {"serviceSpec": {"metadata": {"name": "vmsingle-x"}, "spec": {}}},
        [("spec.serviceSpec.metadata.name", 'spec.serviceSpec.Name cannot be equal to prefixed name="vmsingle-x"')],
    ),
    "a backup needs a license": (
        {"vmBackup": {}},
        [("spec.vmBackup", f"it is required to provide license key. See [here]({ENTERPRISE})")],
    ),
    "a scrape class is defined twice": (
        {"scrapeClasses": [{"name": "a"}, {"name": "a"}]},
        [("spec.scrapeClasses[1].name", 'duplicated scrapeClass="a"')],
    ),
    "two scrape classes are the default": (
        {"scrapeClasses": [{"name": "a", "default": True}, {"name": "b", "default": True}]},
        [("spec.scrapeClasses[1].default", "multiple default scrape classes defined")],
    ),
    "an own data path needs a volume": (
        {"storageDataPath": "/data"},
        [("spec.volumes", f"spec.volumes must have at least 1 value for {DATA}")],
    ),
    "a backup of an own data path needs its volume": (
        {
            "storageDataPath": "/data",
            "license": LICENSE,
            "vmBackup": {},
            "volumes": [{"name": "a"}],
            "volumeMounts": [{"name": "a", "mountPath": "/data"}],
        },
        [
            (
                "spec.volumes",
                (
                    f"spec.volumes must have at least 1 value with `name: data` for {DATA}."
                    " It's required by operator to correctly mount backup volumeMount"
                ),
            )
        ],
    ),
    "an own data path needs a mount": (
        {"storageDataPath": "/data", "volumes": [{"name": "a"}]},
        [
            (
                "spec.volumeMounts",
                f"spec.volumeMounts must have at least 1 value OR spec.volumes must have volume.name `data` for {DATA}",
            )
        ],
    ),
    "an own data path with its volume": ({"storageDataPath": "/data", "volumes": [{"name": "data"}]}, []),
    "vertical autoscaler and stop": (
        {"vpa": VPA, **SLOW_STOP},
        [
            ("spec.vpa.updatePolicy.updateMode", "VPA must have updatePolicy.updateMode"),
            ("spec.preStopSleepSeconds", STOP),
        ],
    ),
}


@pytest.mark.parametrize(("spec", "expected"), SINGLE.values(), ids=SINGLE)
def test_vmsingle(spec: Any, expected: list[tuple[str, str]]) -> None:
    parsed = parse(VMSingle, {"metadata": {"name": "x", "namespace": "obs"}, "spec": spec})
    assert parsed.unknown_fields == ()
    assert [(problem.path, problem.message) for problem in validate(parsed.object)] == expected
