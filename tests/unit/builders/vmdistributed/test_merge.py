"""A zone's spec over the common one (spec 02 §5)."""

import pytest

from vmop.api import Manifest
from vmop.api.fields import fields_of
from vmop.api.v1alpha1 import ZoneAgentSpec, ZoneRemoteWrite
from vmop.api.v1beta1 import License, VMAgent, VMCluster, VMInsert, VMSelect
from vmop.builders.vmdistributed.merge import expand, is_empty, merge, written

CLUSTER = VMCluster.spec_type()

EXAMPLES: dict[str, tuple[Manifest, Manifest, Manifest]] = {
    "maps and scalars": (
        {"retentionPeriod": "20d", "vmselect": {"replicaCount": 2, "extraArgs": {"a": "1", "b": "2"}}},
        {"vmselect": {"extraArgs": {"b": "9", "c": "3"}}},
        {"retentionPeriod": "20d", "vmselect": {"replicaCount": 2, "extraArgs": {"a": "1", "b": "9", "c": "3"}}},
    ),
    "lists replace": (
        {"vmstorage": {"tolerations": [{"key": "t1"}, {"key": "t2"}]}},
        {"vmstorage": {"tolerations": [{"key": "t3"}]}},
        {"vmstorage": {"tolerations": [{"key": "t3"}]}},
    ),
    "null, empty list and plain zero are no-ops, pointer zero is not": (
        {"paused": True, "imagePullSecrets": [{"name": "r"}], "vminsert": {"replicaCount": 3, "port": "8480"}},
        {"paused": False, "imagePullSecrets": [], "vminsert": {"replicaCount": 0, "port": None}},
        {"paused": True, "imagePullSecrets": [{"name": "r"}], "vminsert": {"replicaCount": 0, "port": "8480"}},
    ),
    "placeholder in key and value, not on zone level": (
        {"vmstorage": {"nodeSelector": {"az/%ZONE%": "%ZONE%-a"}}},
        {"vmstorage": {"podMetadata": {"labels": {"z": "%ZONE%"}}}},
        {"vmstorage": {"nodeSelector": {"az/east": "east-a"}, "podMetadata": {"labels": {"z": "%ZONE%"}}}},
    ),
    "presence": (
        {"vmselect": {}, "vminsert": {}},
        {"vmstorage": {}},
        {"vmselect": {}, "vminsert": {}, "vmstorage": {}},
    ),
    "another JSON type replaces": (
        {"vmstorage": {"affinity": {"a": "text"}}},
        {"vmstorage": {"affinity": {"a": {"b": 1}}}},
        {"vmstorage": {"affinity": {"a": {"b": 1}}}},
    ),
    "a zero in embedded JSON or in a map is a value": (
        {"vmselect": {"securityContext": {"runAsUser": 1, "runAsNonRoot": True}, "extraArgs": {"a": "1"}}},
        {"vmselect": {"securityContext": {"runAsUser": 0, "runAsNonRoot": False}, "extraArgs": {"a": ""}}},
        {"vmselect": {"securityContext": {"runAsUser": 0, "runAsNonRoot": False}, "extraArgs": {"a": ""}}},
    ),
    "what a zone adds lacks its zeros, too": (
        {},
        {"vmselect": {"port": "", "hostNetwork": False, "replicaCount": 0, "volumes": []}},
        {"vmselect": {"replicaCount": 0}},
    ),
    "what only the common spec has lacks its zeros, too": (
        {"paused": False, "vmselect": {"port": "", "replicaCount": 0}},
        {},
        {"vmselect": {"replicaCount": 0}},
    ),
    "a required zero that is written overrides": (
        {"vmselect": {"discovery": {"enabled": True}}},
        {"vmselect": {"discovery": {"enabled": False}}},
        {"vmselect": {"discovery": {"enabled": False}}},
    ),
    "a required field that is absent stays as it is": (
        {"vmselect": {"discovery": {"enabled": True}}},
        {"vmselect": {"discovery": {"interval": "5s"}}},
        {"vmselect": {"discovery": {"enabled": True, "interval": "5s"}}},
    ),
}


@pytest.mark.parametrize(("common", "zone", "merged"), EXAMPLES.values(), ids=EXAMPLES.keys())
def test_a_zone_is_laid_over_the_common_spec(common: Manifest, zone: Manifest, merged: Manifest) -> None:
    assert merge(CLUSTER, expand(common, "east"), zone) == merged


def test_the_inputs_stay_as_they_are() -> None:
    common, zone = {"vmselect": {"extraArgs": {"a": "1"}}}, {"vmselect": {"extraArgs": {"b": "2"}}}
    merge(CLUSTER, common, zone)
    assert (common, zone) == ({"vmselect": {"extraArgs": {"a": "1"}}}, {"vmselect": {"extraArgs": {"b": "2"}}})


def test_partial_credentials_of_a_zone_leave_the_rest_of_the_common_ones() -> None:
    common = {"basicAuth": {"username": {"name": "s", "key": "user"}, "password": {"name": "s", "key": "word"}}}
    zone = {"basicAuth": {"password": {"name": "own", "key": "word"}}}
    assert merge(ZoneRemoteWrite, common, zone) == {
        "basicAuth": {"username": {"name": "s", "key": "user"}, "password": {"name": "own", "key": "word"}}
    }


def test_items_of_a_list_of_objects_lack_their_zeros() -> None:
    assert written(VMAgent.spec_type(), {"remoteWrite": [{"url": "a", "forceVMProto": False}]}) == {
        "remoteWrite": [{"url": "a"}]
    }


POINTERS = {
    VMInsert: (
        "replicaCount enableServiceLinks revisionHistoryLimitCount useDefaultResources useStrictSecurity "
        "disableSelfServiceScrape terminationGracePeriodSeconds preStopSleepSeconds runtimeClassName updateStrategy"
    ),
    CLUSTER: "replicationFactor useStrictSecurity",
    ZoneAgentSpec: "updateStrategy",
    ZoneRemoteWrite: "sendTimeout proxyURL maxDiskUsage",
    License: "key forceOffline reloadInterval",
}
PLAIN = {
    VMInsert: (
        "hostNetwork disableAutomountServiceAccountToken minReadySeconds port dnsPolicy schedulerName "
        "priorityClassName logLevel logFormat"
    ),
    VMSelect: "cacheMountPath clusterNativeListenPort rollingUpdateStrategy",
    CLUSTER: "retentionPeriod clusterVersion clusterDomainName serviceAccountName paused useLegacyNaming",
    ZoneAgentSpec: "statefulMode statefulRollingUpdateStrategy serviceAccountName logLevel logFormat",
    ZoneRemoteWrite: "forceVMProto",
}


@pytest.mark.parametrize(("table", "pointer"), [(POINTERS, True), (PLAIN, False)], ids=["pointers", "plain"])
def test_which_zeros_override_is_as_the_spec_lists_them(table: dict[type, str], pointer: bool) -> None:
    known = {cls: {field.spec.json: field.spec.pointer for field in fields_of(cls)} for cls in table}
    wrong = [
        f"{cls.__name__}.{name}"
        for cls, names in table.items()
        for name in names.split()
        if known[cls][name] is not pointer
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("spec", "empty"),
    [(None, True), ({}, True), ({"a": None, "b": []}, True), ({"vmselect": {}}, False), ({"a": 0}, False)],
)
def test_a_component_that_is_present_is_something(spec: Manifest | None, empty: bool) -> None:
    assert is_empty(spec) is empty
