"""What a VMCluster's spec changes in its objects, beside the complete examples."""

import base64
from typing import Any

import pytest

from vmop.api import Manifest, parse, to_json
from vmop.api.v1beta1 import VMCluster, VMServiceScrape
from vmop.builders import BuildError, Platform, VMClusterManifests, build_vmcluster, with_defaults
from vmop.builders.vmcluster import part_url
from vmop.settings import Settings


def cluster(spec: Manifest, **metadata: Any) -> VMCluster:
    manifest = {"metadata": {"name": "metro", "namespace": "mon", "uid": "u", **metadata}, "spec": spec}
    return parse(VMCluster, manifest).object


def build(spec: Manifest, **options: Any) -> VMClusterManifests:
    return build_vmcluster(cluster(spec), Settings(), **options)


def args(built: VMClusterManifests, part: str, name: str) -> list[str]:
    component = next(c for c in built.components if c.name == part)
    assert component.workload is not None
    container = component.workload["spec"]["template"]["spec"]["containers"][0]
    return [arg for arg in container["args"] if arg.startswith(f"-{name}")]


def names(built: VMClusterManifests) -> list[str]:
    return [f"{m['kind']}/{m['metadata']['name']}" for m in built.all()]


BALANCED = {"requestsLoadBalancer": {"enabled": True}, "vmselect": {}, "vminsert": {}}


def test_writing_order_with_a_balancer() -> None:
    assert names(build({**BALANCED, "vmstorage": {}})) == [
        "ServiceAccount/vmcluster-metro",
        "Secret/vmclusterlb-metro",
        "Deployment/vmclusterlb-metro",
        "Service/vmclusterlb-metro",
        "VMServiceScrape/vmclusterlb-metro",
        "StatefulSet/vmstorage-metro",
        "Service/vmstorage-metro",
        "VMServiceScrape/vmstorage-metro",
        "StatefulSet/vmselect-metro",
        "Service/vmselectinternal-metro",
        "Service/vmselect-metro",
        "VMServiceScrape/vmselectinternal-metro",
        "Deployment/vminsert-metro",
        "Service/vminsertinternal-metro",
        "Service/vminsert-metro",
        "VMServiceScrape/vminsertinternal-metro",
    ]


def test_legacy_names() -> None:
    built = build({**BALANCED, "useLegacyNaming": True, "vmstorage": {}})
    assert [name.partition("/")[2] for name in names(built)] == [
        "metro-vmcluster",
        *["metro-vmclusterlb"] * 4,
        *["metro-vmstorage"] * 3,
        *["metro-vmselect", "metro-vmselect-internal", "metro-vmselect", "metro-vmselect-internal"],
        *["metro-vminsert", "metro-vminsert-internal", "metro-vminsert", "metro-vminsert-internal"],
    ]


def test_objects_before_and_after_the_workload() -> None:
    built = build(
        {
            "vmstorage": {
                "podDisruptionBudget": {"maxUnavailable": 1},
                "networkPolicy": {},
                "hpa": {"maxReplicas": 3},
                "serviceSpec": {"metadata": {"name": "further"}, "spec": {}},
            }
        }
    )
    storage = built.storage
    assert storage is not None
    assert storage.workload is not None
    assert (
        [m["kind"] for m in storage.before],
        storage.workload["kind"],
        [m["kind"] for m in storage.after],
        [m["metadata"]["name"] for m in storage.services],
        storage.scrape is not None,
        storage.autoscaled,
    ) == (
        ["PodDisruptionBudget", "NetworkPolicy"],
        "StatefulSet",
        ["Service", "Service", "VMServiceScrape", "HorizontalPodAutoscaler"],
        ["further", "vmstorage-metro"],
        True,
        True,
    )


def test_names_to_keep() -> None:
    built = build(
        {
            "vmselect": {"disableSelfServiceScrape": True, "hpa": {"maxReplicas": 2}},
            "vminsert": {"podDisruptionBudget": {}, "serviceSpec": {"spec": {}}},
        }
    )
    assert built.wanted == {
        "PodDisruptionBudget": {"vminsert-metro"},
        "HorizontalPodAutoscaler": {"vmselect-metro"},
        "VerticalPodAutoscaler": set(),
        "NetworkPolicy": set(),
        "VMServiceScrape": {"vminsert-metro"},
        "Service": {"vmselect-metro", "vminsert-metro", "vminsert-metro-additional-service"},
    }


def test_no_scrape_objects_where_nothing_handles_them() -> None:
    built = build({**BALANCED, "vmstorage": {}}, scrapes=False)
    assert not [name for name in names(built) if name.startswith("VMServiceScrape")]


@pytest.mark.parametrize(
    ("spec", "nodes"),
    [
        ({"vmstorage": {}}, []),
        ({"vmstorage": {"replicaCount": 1}}, ["vmstorage-metro-0.vmstorage-metro.mon:8400"]),
        ({"vmstorage": {"hpa": {"maxReplicas": 2}}}, ["vmstorage-metro-0.vmstorage-metro.mon:8400"]),
        (
            {"vmstorage": {"replicaCount": 3, "maintenanceInsertNodeIDs": [0, 1]}},
            ["vmstorage-metro-2.vmstorage-metro.mon:8400"],
        ),
        (
            {"vmstorage": {}, "clusterDomainName": "corp.local", "discovery": {"enabled": True, "filter": "a.*"}},
            ["srv+vmstorage-metro.mon.svc.corp.local:8400"],
        ),
        ({}, []),
    ],
)
def test_storage_nodes_of_vminsert(spec: Manifest, nodes: list[str]) -> None:
    found = args(build({**spec, "vminsert": {}}), "vminsert", "storageNode=")
    assert found == ([f"-storageNode={','.join(nodes)}"] if nodes else [])


def test_storage_nodes_follow_the_autoscaler() -> None:
    spec = {"vmstorage": {"replicaCount": 1, "hpa": {"maxReplicas": 9}}, "vminsert": {}}
    assert args(build(spec, live_storage_replicas=2), "vminsert", "storageNode=") == [
        "-storageNode=vmstorage-metro-0.vmstorage-metro.mon:8400,vmstorage-metro-1.vmstorage-metro.mon:8400"
    ]


def test_live_replicas_count_only_under_an_autoscaler() -> None:
    spec = {"vmstorage": {"replicaCount": 1}, "vminsert": {}}
    assert args(build(spec, live_storage_replicas=2), "vminsert", "storageNode=") == [
        "-storageNode=vmstorage-metro-0.vmstorage-metro.mon:8400"
    ]


def test_the_components_discovery_replaces_the_clusters() -> None:
    spec = {
        "discovery": {"enabled": True, "interval": "5s"},
        "vmstorage": {"replicaCount": 1},
        "vmselect": {"discovery": {"enabled": False}, "extraStorageNodes": [{"addr": "old:8401"}]},
        "vminsert": {},
    }
    built = build(spec)
    assert (args(built, "vmselect", "storageNode"), args(built, "vminsert", "storageNode")) == (
        ["-storageNode=vmstorage-metro-0.vmstorage-metro.mon:8401,old:8401"],
        ["-storageNode.discoveryInterval=5s", "-storageNode=srv+vmstorage-metro.mon:8400"],
    )


def test_discovery_needs_something_to_discover() -> None:
    built = build({"discovery": {"enabled": True}, "vminsert": {}})
    with pytest.raises(BuildError, match="discovery is enabled, but there is no vmstorage to discover") as caught:
        built.all()
    assert caught.value.path == "spec.discovery"


@pytest.mark.parametrize(
    ("spec", "path", "message"),
    [
        (
            {"vmselect": {"storage": {"emptyDir": {}}, "volumes": [{"name": "vmselect-cachedir"}]}},
            "spec.vmselect.storage.emptyDir",
            'either unset storage.emptyDir or remove volume="vmselect-cachedir" from spec',
        ),
        (
            {"vmstorage": {"port": "http"}},
            "spec.vmstorage.port",
            "spec.vmstorage.port: expected a port number, got 'http'",
        ),
        (
            {"vminsert": {"serviceSpec": {"metadata": {"name": "vminsert-metro"}, "spec": {}}}},
            "spec.vminsert.serviceSpec.metadata.name",
            (
                'vminsert additional service name: "vminsert-metro" '
                'cannot be the same as crd.prefixedname: "vminsert-metro"'
            ),
        ),
    ],
)
def test_what_cannot_be_built_names_its_field(spec: Manifest, path: str, message: str) -> None:
    error = build(spec).error
    assert error is not None
    assert (error.path, str(error)) == (path, message)


def test_objects_before_a_fault_stay_wanted() -> None:
    spec = {"vmstorage": {}, "vminsert": {"serviceSpec": {"metadata": {"name": "vminsert-metro"}, "spec": {}}}}
    built = build(spec)
    assert [(c.name, [m["kind"] for m in c.objects], c.error is None) for c in built.components] == [
        ("vmstorage", ["StatefulSet", "Service", "VMServiceScrape"], True),
        ("vminsert", ["Deployment"], False),
    ]


def test_a_part_without_workload_says_so() -> None:
    storage = build({"vmstorage": {"volumes": [{"name": "a"}, {"name": "a"}], "podDisruptionBudget": {}}}).storage
    assert storage is not None
    assert (storage.workload, [m["kind"] for m in storage.before], storage.after) == (
        None,
        ["PodDisruptionBudget"],
        (),
    )


def test_vertical_autoscaling_must_be_allowed() -> None:
    with pytest.raises(BuildError) as caught:
        build({"vmstorage": {"vpa": {}}})
    assert str(caught.value) == "spec.vmstorage.vpa is set but VM_VPA_API_ENABLED=true env var was not provided"


def test_common_metadata_lies_under_that_of_the_cluster() -> None:
    settings = Settings(common_labels={"site": "x", "managed-by": "y"}, common_annotations={"note": "z"})
    built = build_vmcluster(cluster({"vminsert": {}}), settings)
    pairs = {m["kind"]: (m["metadata"]["labels"].get("site"), m["metadata"].get("annotations")) for m in built.all()}
    assert pairs == {
        "ServiceAccount": (None, None),
        "Deployment": ("x", {"note": "z"}),
        "Service": ("x", {"note": "z"}),
        "VMServiceScrape": (None, None),
    }
    assert built.insert is not None
    assert built.insert.workload is not None
    assert built.insert.workload["spec"]["template"]["metadata"] == {
        "labels": {
            "site": "x",
            "app.kubernetes.io/name": "vminsert",
            "app.kubernetes.io/instance": "metro",
            "app.kubernetes.io/component": "monitoring",
            "managed-by": "vm-operator",
        },
        "annotations": {"note": "z"},
    }


def test_constraints_spread_the_pods_of_their_part() -> None:
    given = {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}
    own = given | {"labelSelector": {"matchLabels": {"a": "b"}}}
    parts = {"vmselect": {"topologySpreadConstraints": [given, own]}}
    built = build({**parts, "requestsLoadBalancer": {"enabled": True, "spec": {"topologySpreadConstraints": [given]}}})
    found = [
        component.workload["spec"]["template"]["spec"]["topologySpreadConstraints"]
        for component in built.components
        if component.workload is not None
    ]
    labels = {
        "app.kubernetes.io/name": "vmselect",
        "app.kubernetes.io/instance": "metro",
        "app.kubernetes.io/component": "monitoring",
        "managed-by": "vm-operator",
    }
    assert found == [[given], [given | {"labelSelector": {"matchLabels": labels}}, own]]


@pytest.mark.parametrize(
    ("spec", "part", "arguments"),
    [
        (
            {"replicationFactor": 2, "vmselect": {"extraArgs": {"group.replicationFactor": "3"}}},
            "vmselect",
            ["-dedup.minScrapeInterval=1ms", "-group.replicationFactor=3"],
        ),
        (
            {"replicationFactor": 2, "vmselect": {"extraArgs": {"dedup.minScrapeInterval": "5s"}}},
            "vmselect",
            ["-dedup.minScrapeInterval=5s", "-replicationFactor=2"],
        ),
        ({"replicationFactor": 1, "vmselect": {}}, "vmselect", []),
        ({"replicationFactor": 0, "vminsert": {}}, "vminsert", ["-replicationFactor=0"]),
        (
            {
                "replicationFactor": 2,
                "downsampling": {
                    "dedupInterval": "10s",
                    "rules": [
                        {"periods": [{"offset": "1d", "interval": "1m"}]},
                        {"filter": '{a="b"}', "periods": [{"offset": "2d", "interval": "1h"}]},
                    ],
                },
                "vmstorage": {"retentionFilters": [{"filter": '{a="b"}', "retention": "1d"}]},
            },
            "vmstorage",
            [
                "-dedup.minScrapeInterval=10s",
                "-downsampling.period=1d:1m",
                '-downsampling.period={a="b"}:2d:1h',
                '-retentionFilter={a="b"}:1d',
            ],
        ),
    ],
)
def test_copies_and_thinning_in_arguments(spec: Manifest, part: str, arguments: list[str]) -> None:
    told = ("dedup", "replication", "group", "downsampling", "retentionFilter")
    built = build(spec)
    assert [arg for arg in args(built, part, "") if arg[1:].startswith(told)] == arguments


def test_the_proxy_of_an_overridden_service_leads_to_the_components_own_ports() -> None:
    spec = {
        **BALANCED,
        "vmselect": {"serviceSpec": {"useAsDefault": True, "spec": {"ports": [{"name": "extra", "port": 7100}]}}},
    }
    select = build(spec).select
    assert select is not None
    ports = [{"name": "extra", "port": 7100}, {"name": "http", "protocol": "TCP", "port": 8481, "targetPort": 8481}]
    assert [(service["spec"]["ports"], service["spec"].get("clusterIP")) for service in select.services] == [
        (ports, "None"),
        (ports, "None"),
    ]


def test_older_kubernetes_has_no_sleep() -> None:
    built = build({"vminsert": {}}, platform=Platform(kubernetes=(1, 29)))
    assert built.insert is not None
    assert built.insert.workload is not None
    assert "lifecycle" not in built.insert.workload["spec"]["template"]["spec"]["containers"][0]


def test_the_balancers_config_names_both_sides_whatever_is_there() -> None:
    built = build({**BALANCED, "vminsert": None, "vmselect": {"extraArgs": {"tls": "true"}, "port": "1234"}})
    assert built.balancer is not None
    secret = built.balancer.before[0]
    assert base64.b64decode(secret["data"]["config.yaml"]).decode() == (
        "unauthorized_user:\n"
        "  url_map:\n"
        "  - src_paths:\n"
        '    - "/insert/.*"\n'
        '    url_prefix: "http://srv+vminsertinternal-metro.mon.svc:8480"\n'
        "    discover_backend_ips: true\n"
        "  - src_paths:\n"
        '    - "/.*"\n'
        '    url_prefix: "https://srv+vmselectinternal-metro.mon.svc:1234"\n'
        "    discover_backend_ips: true"
    )


DEFAULTED_APP = {
    "dnsPolicy": "ClusterFirst",
    "schedulerName": "default-scheduler",
    "terminationGracePeriodSeconds": 30,
    "disableSelfServiceScrape": False,
    "useDefaultResources": True,
    "useStrictSecurity": False,
}


def image(name: str) -> Manifest:
    return {"repository": f"victoriametrics/{name}", "tag": "v1.150.0-cluster", "pullPolicy": "IfNotPresent"}


def test_the_stored_form_of_an_empty_cluster() -> None:
    spec = {"vmstorage": {"preStopSleepSeconds": 9}, "vmselect": {}, "vminsert": {}}
    stored = to_json(with_defaults(cluster(spec), Settings()))["spec"]
    assert stored == {
        "vmstorage": {
            **DEFAULTED_APP,
            "image": image("vmstorage"),
            "port": "8482",
            "resources": {
                "limits": {"cpu": "1", "memory": "1500Mi"},
                "requests": {"cpu": "250m", "memory": "500Mi"},
            },
            "vmInsertPort": "8400",
            "vmSelectPort": "8401",
            "storageDataPath": "vmstorage-data",
        },
        "vmselect": {
            **DEFAULTED_APP,
            "preStopSleepSeconds": 15,
            "image": {
                "repository": "victoriametrics/vmselect",
                "tag": "v1.150.0-cluster",
                "pullPolicy": "IfNotPresent",
            },
            "port": "8481",
            "resources": {
                "limits": {"cpu": "500m", "memory": "1000Mi"},
                "requests": {"cpu": "100m", "memory": "500Mi"},
            },
            "cacheMountPath": "/cache",
        },
        "vminsert": {
            **DEFAULTED_APP,
            "preStopSleepSeconds": 15,
            "image": {
                "repository": "victoriametrics/vminsert",
                "tag": "v1.150.0-cluster",
                "pullPolicy": "IfNotPresent",
            },
            "port": "8480",
            "resources": {
                "limits": {"cpu": "500m", "memory": "500Mi"},
                "requests": {"cpu": "150m", "memory": "200Mi"},
            },
        },
    }


def test_a_kind_without_defaults_comes_back() -> None:
    scrape = VMServiceScrape(metadata={"name": "x"})
    assert with_defaults(scrape, Settings()) is scrape


def test_a_backup_without_license_or_agreement_is_left_out() -> None:
    built = build({"vmstorage": {"vmBackup": {"destination": "s3://b"}}})
    assert built.storage is not None
    assert built.storage.workload is not None
    containers = built.storage.workload["spec"]["template"]["spec"]["containers"]
    assert [container["name"] for container in containers] == ["vmstorage"]


@pytest.mark.parametrize(
    "spec",
    [
        {"vmstorage": {"vmBackup": {"acceptEULA": True}}, "vmselect": {}, "vminsert": {}},
        {
            "imagePullSecrets": [{"name": "a"}, {"name": "a"}],
            "vmselect": {"imagePullSecrets": [{"name": "b"}], "image": {"repository": "one"}},
        },
        {**BALANCED, "license": {"key": "k"}, "clusterVersion": "v1.0.0"},
        {"requestsLoadBalancer": {"enabled": True, "spec": {"serviceSpec": {"spec": {}}}}},
    ],
)
def test_defaulting_twice_is_defaulting_once(spec: Manifest) -> None:
    settings = Settings(containerregistry="reg.local", clusterdomainname="corp.local")
    once = with_defaults(cluster(spec), settings)
    assert with_defaults(once, settings) == once


def test_pull_secrets_of_the_cluster_stand_behind_those_of_a_part() -> None:
    spec = {"imagePullSecrets": [{"name": "a"}], "vmselect": {"imagePullSecrets": [{"name": "b"}]}, "vminsert": {}}
    stored = to_json(with_defaults(cluster(spec), Settings()))["spec"]
    assert (stored["vmselect"]["imagePullSecrets"], stored["vminsert"]["imagePullSecrets"]) == (
        [{"name": "b"}, {"name": "a"}],
        [{"name": "a"}],
    )


def test_a_balancer_that_is_off_gets_no_defaults() -> None:
    spec = {"requestsLoadBalancer": {"enabled": False, "spec": {"port": "1"}}}
    assert to_json(with_defaults(cluster(spec), Settings()))["spec"] == spec


@pytest.mark.parametrize(
    ("spec", "additional", "url"),
    [
        ({"vminsert": {}}, False, "http://vminsert-metro.mon.svc:8480"),
        ({"vminsert": {}, "useLegacyNaming": True}, False, "http://metro-vminsert.mon.svc:8480"),
        ({"vminsert": {"port": "1", "extraArgs": {"tls": "true"}}}, False, "https://vminsert-metro.mon.svc:1"),
        (
            {"vminsert": {"serviceSpec": {"useAsDefault": True, "spec": {"ports": [{"name": "http", "port": 80}]}}}},
            False,
            "http://vminsert-metro.mon.svc:80",
        ),
        (
            {"vminsert": {"serviceSpec": {"spec": {"ports": [{"name": "http", "port": 80}]}}}},
            True,
            "http://vminsert-metro-additional-service.mon.svc:80",
        ),
        ({"vmselect": {}}, False, ""),
    ],
)
def test_the_address_of_a_part(spec: Manifest, additional: bool, url: str) -> None:
    assert part_url(cluster(spec), "vminsert", additional=additional) == url
