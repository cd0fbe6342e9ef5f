"""What cannot be built, what is kept, and where a single node keeps its data (03 §4.4 to §4.11)."""

from collections.abc import Mapping
from typing import Any

import pytest

from vmop.api import Manifest, parse
from vmop.api.v1beta1 import VMSingle
from vmop.builders.base import BuildError
from vmop.builders.references import MissingReference, Reference, References
from vmop.builders.vmsingle import VMSingleInputs, VMSingleManifests, build_vmsingle, referenced
from vmop.settings import Settings


def single(spec: Manifest) -> VMSingle:
    return parse(VMSingle, {"metadata": {"name": "n", "namespace": "mon", "uid": "u"}, "spec": spec}).object


def built(spec: Manifest, settings: Settings | None = None, **inputs: Any) -> VMSingleManifests:
    return build_vmsingle(single(spec), settings or Settings(), inputs=VMSingleInputs(**inputs))


def kinds(manifests: VMSingleManifests) -> list[str]:
    return [manifest["kind"] for part in manifests.components for manifest in part.objects]


def pod(spec: Manifest, **inputs: Any) -> Manifest:
    workload = built(spec, **inputs).workload.workload
    assert workload is not None
    template: Manifest = workload["spec"]["template"]["spec"]
    return template


# -- what cannot be built ----------------------------------------------------------------------------------------------

CLAIM = {"resources": {"requests": {"storage": "1Gi"}}}
OTHER = {"name": "other", "emptyDir": {}}


@pytest.mark.parametrize(
    ("spec", "path", "message", "rest"),
    [
        (
            {"storage": CLAIM, "volumes": [{"name": "data", "emptyDir": {}}]},
            "spec.volumes",
            'cannot generate prev deploy spec: storage and "data" volume are not allowed to be set together',
            ["ServiceAccount", "PersistentVolumeClaim", "Service", "VMServiceScrape"],
        ),
        (
            {
                "storageDataPath": "/srv/vm",
                "volumes": [OTHER],
                "volumeMounts": [{"name": "other", "mountPath": "/srv"}],
            },
            "spec.volumeMounts",
            (
                'cannot generate prev deploy spec: unexpected volume="other" mounted to path="/srv", '
                'which is reserved for volume="data", path="/srv/vm"'
            ),
            ["ServiceAccount", "Service", "VMServiceScrape"],
        ),
        (
            {"serviceSpec": {"metadata": {"name": "vmsingle-n"}, "spec": {}}},
            "spec.serviceSpec.metadata.name",
            'vmsingle additional service name: "vmsingle-n" cannot be the same as crd.prefixedname: "vmsingle-n"',
            ["ServiceAccount", "Deployment"],
        ),
        (
            {"vpa": {}},
            "spec.vpa",
            "spec.vpa is set but VM_VPA_API_ENABLED=true env var was not provided",
            ["ServiceAccount", "Service", "VMServiceScrape", "Deployment"],
        ),
        (
            {"ingestOnlyMode": False, "serviceAccountName": "mine"},
            "spec.ingestOnlyMode",
            (
                "generating config for vmsingle failed: scraping is not supported yet: "
                "leave spec.ingestOnlyMode out, or set it to true, for a VMSingle that only takes in samples"
            ),
            ["Service", "VMServiceScrape", "Deployment"],
        ),
        (
            {"relabelConfig": {"name": "gone", "key": "k"}},
            "spec.relabelConfig",
            (
                "cannot update relabeling asset for vmsingle: cannot fetch configmap: gone, err: unable to fetch "
                'configmap="gone", ns="mon": configmaps "gone" not found'
            ),
            ["ServiceAccount", "Service", "VMServiceScrape", "Deployment"],
        ),
        (
            {"streamAggrConfig": {"configmap": {"name": "rules", "key": "gone"}}},
            "spec.streamAggrConfig.configmap",
            (
                "cannot update stream aggregation config for vmsingle: cannot fetch configmap: rules, err: expected "
                'key="gone" was not found at object="configmap/mon/rules"'
            ),
            ["ServiceAccount", "Service", "VMServiceScrape", "Deployment"],
        ),
    ],
)
def test_what_cannot_be_built_is_named_and_the_rest_is_there(
    spec: Manifest, path: str, message: str, rest: list[str]
) -> None:
    references = References({Reference("configmap", "mon", "rules"): {}})
    manifests = built(spec, references=references)
    with pytest.raises(BuildError) as caught:
        manifests.all()
    assert (caught.value.path, str(caught.value), kinds(manifests)) == (path, message, rest)


def test_a_missing_reference_is_not_terminal() -> None:
    assert isinstance(built({"relabelConfig": {"name": "gone", "key": "k"}}).error, MissingReference)


# -- what is kept ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "scraped", "wanted"),
    [
        ({}, True, {"Service": {"vmsingle-n"}, "VMServiceScrape": {"vmsingle-n"}}),
        ({}, False, {"Service": {"vmsingle-n"}}),
        (
            {"useLegacyNaming": True, "disableSelfServiceScrape": True, "serviceSpec": {"spec": {}}},
            True,
            {"Service": {"n", "n-additional-service"}},
        ),
        (
            {
                "serviceSpec": {"useAsDefault": True, "spec": {}},
                "relabelConfig": {"name": "gone", "key": "k"},
                "streamAggrConfig": {"rules": [{"interval": "1m", "outputs": ["total"]}]},
                "vpa": {},
                "networkPolicy": {},
            },
            True,
            {
                "Service": {"vmsingle-n"},
                "VMServiceScrape": {"vmsingle-n"},
                "ConfigMap": {"relabelings-assets-vmsingle-n", "stream-aggr-vmsingle-n"},
                "VerticalPodAutoscaler": {"vmsingle-n"},
                "NetworkPolicy": {"vmsingle-n"},
            },
        ),
    ],
)
def test_names_that_are_kept_also_where_they_cannot_be_built(
    spec: Manifest, scraped: bool, wanted: Mapping[str, set[str]]
) -> None:
    found = built(spec, scraped=scraped).wanted
    assert {kind: set(names) for kind, names in found.items() if names} == wanted


@pytest.mark.parametrize(
    ("spec", "names"),
    [
        ({}, set()),
        ({"relabelConfig": {"name": "", "key": "k"}, "streamAggrConfig": {"keepInput": True}}, set()),
        (
            {"relabelConfig": {"name": "a", "key": "k"}, "streamAggrConfig": {"configmap": {"name": "b", "key": "k"}}},
            {"a", "b"},
        ),
    ],
)
def test_config_maps_that_are_read(spec: Manifest, names: set[str]) -> None:
    assert referenced(single(spec)) == {Reference("configmap", "mon", name) for name in names}


# -- the data ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("storage", "claimed"),
    [
        ({"resources": {"requests": {"storage": "1500Mi"}}}, True),
        ({"resources": {"requests": {"storage": "0.5Gi"}}}, True),
        ({"resources": {"requests": {"storage": 1073741824}}}, True),
        ({"resources": {"requests": {"storage": "0"}}}, False),
        ({"resources": {"requests": {"storage": "0Gi"}}}, False),
        ({"resources": {}}, False),
        ({}, False),
    ],
)
def test_a_claim_is_made_for_a_size(storage: Manifest, claimed: bool) -> None:
    volume = {"persistentVolumeClaim": {"claimName": "vmsingle-n"}} if claimed else {"emptyDir": {}}
    made = built({"storage": storage})
    assert [claim["metadata"]["name"] for claim in made.storage.objects] == ["vmsingle-n"] * claimed
    assert pod({"storage": storage})["volumes"] == [{"name": "data", **volume}]


def test_a_volume_of_the_users_that_is_mounted_above_the_data_is_taken() -> None:
    spec = {
        "storageDataPath": "/mnt/vm/data",
        "volumes": [OTHER, {"name": "data", "emptyDir": {"sizeLimit": "3Gi"}}],
        "volumeMounts": [{"name": "other", "mountPath": "/other"}, {"name": "data", "mountPath": "/mnt/vm"}],
    }
    made = pod(spec)
    assert made["volumes"] == spec["volumes"]
    assert made["containers"][0]["volumeMounts"] == spec["volumeMounts"]


# -- arguments ---------------------------------------------------------------------------------------------------------

BASE = ["-httpListenAddr=:8429", "-storageDataPath=/victoria-metrics-data"]
RULES = [{"interval": "1m", "outputs": ["total"]}]


@pytest.mark.parametrize(
    ("spec", "more"),
    [
        ({}, []),
        ({"retentionPeriod": "18d", "extraArgs": {"retentionPeriod": "20d", "x": ""}}, ["-retentionPeriod=20d", "-x="]),
        (
            {"insertPorts": {"influxPort": "8089"}, "extraArgs": {"influxListenAddr": ":1"}},
            ["--influxListenAddr=:8089", "-influxListenAddr=:1"],
        ),
        ({"logLevel": "WARN", "logFormat": "json"}, ["-loggerFormat=json", "-loggerLevel=WARN"]),
        ({"inlineRelabelConfig": [{}]}, ["-relabelConfig=/etc/vm/relabeling/relabel.yaml"]),
        (
            {"streamAggrConfig": {"dedupInterval": "45s", "dropInputLabels": ["x", "y"], "keepInput": True}},
            ["--streamAggr.dedupInterval=45s", "-streamAggr.dedupInterval=45s", "-streamAggr.dropInputLabels=x,y"],
        ),
        (
            {
                "streamAggrConfig": {
                    "rules": RULES,
                    "keepInput": False,
                    "dropInput": True,
                    "ignoreFirstIntervals": 0,
                    "ignoreFirstSampleInterval": "1m",
                    "ignoreOldSamples": True,
                    "enableWindows": True,
                }
            },
            [
                "-streamAggr.config=/etc/vm/stream-aggr/config.yaml",
                "-streamAggr.dropInput=true",
                "-streamAggr.enableWindows=true",
                "-streamAggr.ignoreFirstSampleInterval=1m",
                "-streamAggr.ignoreOldSamples=true",
            ],
        ),
    ],
)
def test_arguments(spec: Manifest, more: list[str]) -> None:
    assert pod(spec)["containers"][0]["args"] == sorted([*BASE, *more], key=str.encode)


@pytest.mark.parametrize(
    ("spec", "containers", "inits"),
    [
        ({}, ["vmsingle"], []),
        ({"inlineRelabelConfig": [{"action": "drop"}]}, ["vmsingle", "config-reloader"], []),
        ({"ingestOnlyMode": False}, ["vmsingle", "config-reloader"], ["config-init"]),
        ({"vmBackup": {"destination": "/x"}}, ["vmsingle"], []),
        (
            {
                "ingestOnlyMode": False,
                "vmBackup": {"destination": "/x", "acceptEULA": True, "restore": {"onStart": {"enabled": True}}},
                "containers": [{"name": "mine"}],
                "initContainers": [{"name": "first"}],
            },
            ["vmsingle", "config-reloader", "vmbackuper", "mine"],
            ["config-init", "vmbackuper-restore", "first"],
        ),
    ],
)
def test_containers(spec: Manifest, containers: list[str], inits: list[str]) -> None:
    made = pod(spec, scrape_config="")
    names = [[each["name"] for each in made.get(key) or ()] for key in ("containers", "initContainers")]
    assert names == [containers, inits]


def test_the_key_of_the_reload_endpoint_is_for_those_who_reload() -> None:
    key = {"configReloadAuthKeySecret": {"name": "auth", "key": "K"}}
    assert pod(key) == pod({})
