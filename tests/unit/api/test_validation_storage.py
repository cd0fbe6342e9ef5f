"""Validation of VMCluster, and what it shares with VMSingle: one case a rule, in order, with the exact messages."""

from typing import Any

import pytest

from vmop.api import parse, validate
from vmop.api.v1beta1 import VMCluster, VMSingle

LICENSE = {"key": "secret"}
ENTERPRISE = "https://docs.victoriametrics.com/victoriametrics/enterprise/"
HEADLESS = (
    'serviceSpec.useAsDefault cannot be combined with an explicit spec.type="NodePort": the default '
    "service is headless "
    "(clusterIP: None) and must stay headless. Remove spec.type, or create a separate service with "
    "serviceSpec.useAsDefault=false and a distinct metadata.name"
)
AUTOSCALER = {"minReplicas": 3, "maxReplicas": 2}
NAMED = {"metadata": {"name": "vmselect-x"}, "spec": {}}
TEMPLATES: dict[str, Any] = {"resourcePolicy": {"containerPolicies": [{}]}}
MODE = {"updatePolicy": {"updateMode": "Auto"}}
SLOW_STOP = {"preStopSleepSeconds": 30, "terminationGracePeriodSeconds": 30}
STOP = "preStopSleepSeconds (30) must be less than terminationGracePeriodSeconds (30)"


def problems(kind: type[VMCluster] | type[VMSingle], spec: Any) -> list[tuple[str, str]]:
    parsed = parse(kind, {"metadata": {"name": "x", "namespace": "obs"}, "spec": spec})
    assert parsed.unknown_fields == ()
    return [(problem.path, problem.message) for problem in validate(parsed.object)]


def behavior(value: Any) -> dict[str, Any]:
    return {"rollingUpdateStrategyBehavior": {"maxUnavailable": value}}


def rules(*periods: tuple[str, str], **more: Any) -> dict[str, Any]:
    listed = [{"offset": offset, "interval": interval} for offset, interval in periods]
    return {"license": LICENSE, "downsampling": {"rules": [{"periods": listed}], **more}}


CLUSTER: dict[str, tuple[Any, list[tuple[str, str]]]] = {
    "nothing is valid": ({}, []),
    "a whole cluster is valid": (
        {"vmselect": {"replicaCount": 2}, "vminsert": {"hpa": {"maxReplicas": 2}}, "vmstorage": {"replicaCount": 2}},
        [],
    ),
    "vmselect service has the default name": (
        {"vmselect": {"serviceSpec": NAMED}},
        [
            (
                "spec.vmselect.serviceSpec.metadata.name",
                '.serviceSpec.Name cannot be equal to prefixed name="vmselect-x"',
            )
        ],
    ),
    "legacy names are compared with legacy naming": (
        {"useLegacyNaming": True, "vmselect": {"serviceSpec": {"metadata": {"name": "x-vmselect"}, "spec": {}}}},
        [
            (
                "spec.vmselect.serviceSpec.metadata.name",
                '.serviceSpec.Name cannot be equal to prefixed name="x-vmselect"',
            )
        ],
    ),
    "vmselect default service is not headless": (
        {"vmselect": {"serviceSpec": {"useAsDefault": True, "spec": {"type": "NodePort"}}}},
        [("spec.vmselect.serviceSpec.spec.type", HEADLESS)],
    ),
    "a headless default service is fine": (
        {"vmselect": {"serviceSpec": {"useAsDefault": True, "spec": {"type": "ClusterIP", "clusterIP": "None"}}}},
        [],
    ),
    "vmselect autoscaler is upside down": (
        {"vmselect": {"hpa": AUTOSCALER}},
        [("spec.vmselect.hpa.minReplicas", "minReplicas cannot be greater then maxReplicas")],
    ),
    "vmselect vertical autoscaler lacks its mode": (
        {"vmselect": {"vpa": TEMPLATES}},
        [("spec.vmselect.vpa.updatePolicy.updateMode", "VPA must have updatePolicy.updateMode")],
    ),
    "vmselect vertical autoscaler lacks its policies": (
        {"vmselect": {"vpa": MODE}},
        [("spec.vmselect.vpa.resourcePolicy.containerPolicies", "VPA must have resourcePolicy.containerPolicies")],
    ),
    "vmselect updates no pod at once": (
        {"vmselect": behavior(0)},
        [
            (
                "spec.vmselect.rollingUpdateStrategyBehavior.maxUnavailable",
                "vmselect: maxUnavailable must be greater than 0, got 0",
            )
        ],
    ),
    "vmselect updates an amount that is no percentage": (
        {"vmselect": behavior("half")},
        [
            (
                "spec.vmselect.rollingUpdateStrategyBehavior.maxUnavailable",
                "vmselect: maxUnavailable must be a percentage, got half",
            )
        ],
    ),
    "vmselect updates too large a percentage": (
        {"vmselect": behavior("101%")},
        [
            (
                "spec.vmselect.rollingUpdateStrategyBehavior.maxUnavailable",
                "vmselect: maxUnavailable percentage must be between 1% and 100%, got 101%",
            )
        ],
    ),
    "a behaviour without a number means one": ({"vmselect": {"rollingUpdateStrategyBehavior": {}}}, []),
    "all pods at once are allowed": ({"vmselect": behavior("100%"), "vmstorage": behavior(1)}, []),
    "vmselect stops too slowly": (
        {"vmselect": SLOW_STOP},
        [("spec.vmselect.preStopSleepSeconds", f"vmselect: {STOP}")],
    ),
    "a storage node is listed twice": (
        {
            "vmstorage": {"replicaCount": 1},
            "vmselect": {"extraStorageNodes": [{"addr": "vmstorage-x-0.vmstorage-x.obs:8401"}, {"addr": ""}]},
        },
        [
            ("spec.vmselect.extraStorageNodes[1].addr", "extraStorageNodes[].addr cannot be empty"),
            (
                "spec.vmselect.extraStorageNodes[0].addr",
                (
                    "encountered storageNode=vmstorage-x-0.vmstorage-x.obs:8401 multiple times, please make all "
                    "storage node "
                    "addresses are unique"
                ),
            ),
        ],
    ),
    "a storage node is repeated in the arguments": (
        {
            "clusterDomainName": "cluster.local",
            "vmstorage": {"hpa": {"minReplicas": 2, "maxReplicas": 3}, "maintenanceSelectNodeIDs": [0]},
            "vmselect": {"extraArgs": {"storageNode": "a:1, vmstorage-x-1.vmstorage-x.obs.svc.cluster.local:8401"}},
        },
        [
            (
                "spec.vmselect.extraArgs.storageNode",
                (
                    "encountered storageNode=vmstorage-x-1.vmstorage-x.obs.svc.cluster.local:8401 multiple times, "
                    "please make "
                    "all storage node addresses are unique"
                ),
            )
        ],
    ),
    "vminsert service has the name that the Go operator compares with": (
        {"vminsert": {"serviceSpec": NAMED}},
        [
            (
                "spec.vminsert.serviceSpec.metadata.name",
                '.serviceSpec.Name cannot be equal to prefixed name="vmselect-x"',
            )
        ],
    ),
    "vminsert autoscaler, vertical autoscaler and stop": (
        {"vminsert": {"hpa": AUTOSCALER, "vpa": MODE, **SLOW_STOP}},
        [
            ("spec.vminsert.hpa.minReplicas", "minReplicas cannot be greater then maxReplicas"),
            ("spec.vminsert.vpa.resourcePolicy.containerPolicies", "VPA must have resourcePolicy.containerPolicies"),
            ("spec.vminsert.preStopSleepSeconds", f"vminsert: {STOP}"),
        ],
    ),
    "vmstorage service": (
        {"vmstorage": {"serviceSpec": {**NAMED, "useAsDefault": True, "spec": {"type": "NodePort"}}}},
        [
            (
                "spec.vmstorage.serviceSpec.metadata.name",
                '.serviceSpec.Name cannot be equal to prefixed name="vmselect-x"',
            ),
            ("spec.vmstorage.serviceSpec.spec.type", HEADLESS),
        ],
    ),
    "a backup needs a license": (
        {"vmstorage": {"vmBackup": {}}},
        [("spec.vmstorage.vmBackup", f"it is required to provide license key. See [here]({ENTERPRISE})")],
    ),
    "a backup with accepted terms needs no license": ({"vmstorage": {"vmBackup": {"acceptEULA": True}}}, []),
    "a license is given in one way": (
        {"license": {**LICENSE, "keyRef": {"name": "a", "key": "b"}}, "vmstorage": {"vmBackup": {}}},
        [("spec.license", "only one of key or keyRef can be specified")],
    ),
    "only a license file is reloaded": (
        {"license": {**LICENSE, "reloadInterval": "1h"}, "vmstorage": {"vmBackup": {}}},
        [("spec.license.reloadInterval", "reloadInterval can be specified only with keyRef")],
    ),
    "a license is not checked where nothing needs it": ({"license": {"reloadInterval": "1h"}}, []),
    "vmstorage updates no pod at once": (
        {"vmstorage": behavior(-1)},
        [
            (
                "spec.vmstorage.rollingUpdateStrategyBehavior.maxUnavailable",
                "vmstorage: maxUnavailable must be greater than 0, got -1",
            )
        ],
    ),
    "vmstorage does not scale down": (
        {"vmstorage": {"hpa": {"behaviour": {"scaleDown": {"selectPolicy": "Min"}}, **AUTOSCALER}}},
        [("spec.vmstorage.hpa.behaviour.scaleDown", "vmstorage scaledown HPA behavior is not supported")],
    ),
    "vmstorage vertical autoscaler and stop": (
        {"vmstorage": {"vpa": TEMPLATES, **SLOW_STOP}},
        [
            ("spec.vmstorage.vpa.updatePolicy.updateMode", "VPA must have updatePolicy.updateMode"),
            ("spec.vmstorage.preStopSleepSeconds", f"vmstorage: {STOP}"),
        ],
    ),
    "the balancer's service and stop": (
        {
            "requestsLoadBalancer": {
                "enabled": True,
                "spec": {"serviceSpec": {"metadata": {"name": "vmclusterlb-x"}, "spec": {}}, **SLOW_STOP},
            }
        },
        [
            (
                "spec.requestsLoadBalancer.spec.serviceSpec.metadata.name",
                '.serviceSpec.Name cannot be equal to prefixed name="vmclusterlb-x"',
            ),
            ("spec.requestsLoadBalancer.spec.preStopSleepSeconds", f"requestsLoadBalancer: {STOP}"),
        ],
    ),
    "a balancer that is off is not checked": ({"requestsLoadBalancer": {"spec": SLOW_STOP}}, []),
    "discovery needs a license": (
        {"discovery": {"enabled": True}, "vmselect": {}},
        [("spec.discovery", f"discovery requires a valid license key, see {ENTERPRISE}")],
    ),
    "discovery of vminsert": (
        {
            "license": LICENSE,
            "vminsert": {"discovery": {"enabled": True, "filter": "(", "interval": "5"}},
            "vmstorage": {"maintenanceInsertNodeIDs": [1]},
        },
        [
            (
                "spec.vmstorage.maintenanceInsertNodeIDs",
                "maintenanceInsertNodeIDs cannot be used when vminsert discovery is enabled",
            ),
            (
                "spec.vminsert.discovery.filter",
                "vminsert: discovery.filter is not a valid regexp: missing ), unterminated subpattern at position 0",
            ),
            ("spec.vminsert.discovery.interval", "vminsert: discovery.interval=5 is invalid"),
        ],
    ),
    "discovery of vmselect": (
        {
            "license": LICENSE,
            "discovery": {"enabled": True, "interval": "5d"},
            "vmselect": {},
            "vmstorage": {"maintenanceSelectNodeIDs": [1]},
        },
        [
            (
                "spec.vmstorage.maintenanceSelectNodeIDs",
                "maintenanceSelectNodeIDs cannot be used when vmselect discovery is enabled",
            ),
            ("spec.discovery.interval", "vmselect: discovery.interval=5d is invalid"),
        ],
    ),
    "a component without discovery overrides the cluster's": (
        {"discovery": {"enabled": True}, "vmselect": {"discovery": {"enabled": False, "interval": "x"}}},
        [],
    ),
}

DOWNSAMPLING: dict[str, tuple[Any, list[tuple[str, str]]]] = {
    "valid rules": (rules(("30d", "5m"), ("180d", "1h"), dedupInterval="1m"), []),
    "downsampling needs a license": (
        {"downsampling": {}},
        [("spec.downsampling", f"license key is required for downsampling. See {ENTERPRISE}")],
    ),
    "a filter appears twice": (
        {
            "license": LICENSE,
            "downsampling": {"rules": [{"filter": '{a="b"}', "periods": [{"offset": "0s", "interval": "0s"}]}] * 2},
        },
        [("spec.downsampling.rules[1].filter", 'downsampling.rules[1]: duplicate filter "{a="b"}"')],
    ),
    "a filter is no selector": (
        {
            "license": LICENSE,
            "downsampling": {"rules": [{"filter": "a-b", "periods": [{"offset": "1h", "interval": "1m"}]}]},
        },
        [
            (
                "spec.downsampling.rules[0].filter",
                "downsampling.rules[0]: invalid filter \"a-b\": cannot parse series selector 'a-b'",
            )
        ],
    ),
    "a rule has no periods": (
        {"license": LICENSE, "downsampling": {"rules": [{}]}},
        [("spec.downsampling.rules[0].periods", "downsampling.rules[0]: periods must not be empty")],
    ),
    "an offset is empty": (
        rules(("", "1m")),
        [("spec.downsampling.rules[0].periods[0]", "downsampling.rules[0]: periods[0]: offset must not be empty")],
    ),
    "an offset is no duration": (
        rules(("soon", "1m")),
        [
            (
                "spec.downsampling.rules[0].periods[0]",
                "downsampling.rules[0]: periods[0]: invalid offset \"soon\": cannot parse duration 'soon'",
            )
        ],
    ),
    "an interval is empty": (
        rules(("1h", "")),
        [("spec.downsampling.rules[0].periods[0]", "downsampling.rules[0]: periods[0]: interval must not be empty")],
    ),
    "an interval is no duration": (
        rules(("1h", "1x")),
        [
            (
                "spec.downsampling.rules[0].periods[0]",
                "downsampling.rules[0]: periods[0]: invalid interval \"1x\": cannot parse duration '1x'",
            )
        ],
    ),
    "an interval is zero": (
        rules(("1h", "0s")),
        [
            (
                "spec.downsampling.rules[0].periods[0]",
                "downsampling.rules[0]: periods[0]: interval must be greater than 0 when offset is not 0",
            )
        ],
    ),
    "an offset is no multiple": (
        rules(("1h", "7m")),
        [
            (
                "spec.downsampling.rules[0].periods[0]",
                'downsampling.rules[0]: periods[0]: offset "1h" must be a multiple of interval "7m"',
            )
        ],
    ),
    "intervals do not fit each other": (
        rules(("1d", "4m"), ("2d", "10m")),
        [
            (
                "spec.downsampling.rules[0].periods[1].interval",
                (
                    'downsampling.rules[0]: periods[0] interval "4m" and periods[1] interval "10m" '
                    "must be multiples of each other"
                ),
            )
        ],
    ),
    "the dedup interval is no duration": (
        rules(("1d", "4m"), dedupInterval="x"),
        [
            (
                "spec.downsampling.dedupInterval",
                "downsampling.dedupInterval: invalid value \"x\": cannot parse duration 'x'",
            )
        ],
    ),
    "an interval is no multiple of the dedup interval": (
        rules(("1d", "4m"), dedupInterval="90s"),
        [
            (
                "spec.downsampling.rules[0].periods[0].interval",
                'downsampling.rules[0].periods[0]: interval "4m" must be a multiple of dedupInterval "90s"',
            )
        ],
    ),
}

FILTER = {"filter": '{env="dev"}', "retention": "7d"}
RETENTION: dict[str, tuple[Any, list[tuple[str, str]]]] = {
    "valid filters": (
        {"license": LICENSE, "retentionPeriod": "1", "retentionFilters": [FILTER, {**FILTER, "retention": "31d"}]},
        [],
    ),
    "filters need a license": (
        {"retentionFilters": [FILTER]},
        [("spec.retentionFilters", f"license key is required for retentionFilters. See {ENTERPRISE}")],
    ),
    "the retention period is checked first": (
        {"retentionPeriod": "5m", "retentionFilters": [FILTER], "license": LICENSE},
        [
            (
                "spec.retentionPeriod",
                'invalid retentionPeriod "5m": duration in months must be set without `m` suffix',
            )
        ],
    ),
    "a filter is invalid": (
        {"license": LICENSE, "retentionFilters": [{"filter": "{", "retention": "7d"}]},
        [
            (
                "spec.retentionFilters[0].filter",
                "retentionFilters[0]: invalid filter \"{\": cannot parse series selector '{'",
            )
        ],
    ),
    "a retention is invalid": (
        {"license": LICENSE, "retentionFilters": [{**FILTER, "retention": "long"}]},
        [
            (
                "spec.retentionFilters[0].retention",
                "retentionFilters[0]: invalid retention \"long\": cannot parse duration 'long'",
            )
        ],
    ),
    "a retention is too long": (
        {"license": LICENSE, "retentionPeriod": "6d", "retentionFilters": [FILTER]},
        [
            (
                "spec.retentionFilters[0].retention",
                'retentionFilters[0]: retention "7d" must not exceed retentionPeriod "6d"',
            )
        ],
    ),
}


@pytest.mark.parametrize(("spec", "expected"), CLUSTER.values(), ids=CLUSTER)
def test_vmcluster(spec: Any, expected: list[tuple[str, str]]) -> None:
    assert problems(VMCluster, spec) == expected


@pytest.mark.parametrize(("spec", "expected"), DOWNSAMPLING.values(), ids=DOWNSAMPLING)
@pytest.mark.parametrize("kind", [VMCluster, VMSingle])
def test_downsampling(kind: type[VMCluster], spec: Any, expected: list[tuple[str, str]]) -> None:
    assert problems(kind, spec) == expected


@pytest.mark.parametrize(("spec", "expected"), RETENTION.values(), ids=RETENTION)
def test_retention_filters(spec: Any, expected: list[tuple[str, str]]) -> None:
    assert problems(VMSingle, spec) == expected


def test_retention_filters_of_vmstorage() -> None:
    spec = {"retentionPeriod": "1d", "license": LICENSE, "vmstorage": {"retentionFilters": [FILTER]}}
    message = 'retentionFilters[0]: retention "7d" must not exceed retentionPeriod "1d"'
    assert problems(VMCluster, spec) == [("spec.vmstorage.retentionFilters[0].retention", message)]
