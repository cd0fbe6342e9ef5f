"""What stands around a workload: metadata, services, scrape objects, policies, addresses (01 §2, §6)."""

from typing import Any

import pytest

from vmop.api import Manifest
from vmop.api.v1beta1 import (
    AdditionalService,
    InsertPorts,
    ManagedMetadata,
    Metadata,
    NetworkPolicy,
    VerticalAutoscaler,
    VMAgent,
    VMAgentSpec,
    VMCluster,
    VMClusterSpec,
    VMSelect,
)
from vmop.builders import BuildError
from vmop.builders.metadata import object_labels, object_metadata, prefixed_name, selector_labels, with_common_metadata
from vmop.builders.policies import network_policy, target_reference, vertical_autoscaler
from vmop.builders.scrapes import self_scrape
from vmop.builders.services import (
    additional_service,
    is_override,
    listeners,
    overridden,
    port_number,
    service,
    service_port,
)
from vmop.builders.urls import app_url, local_url, reload_url
from vmop.settings import Settings

CR = VMCluster(
    metadata={"name": "metro", "namespace": "mon", "uid": "u"},
    spec=VMClusterSpec(managed_metadata=ManagedMetadata(labels={"team": "a"}, annotations={"note": "b"})),
)
OWNER = {
    "apiVersion": "operator.victoriametrics.com/v1beta1",
    "kind": "VMCluster",
    "name": "metro",
    "uid": "u",
    "controller": True,
    "blockOwnerDeletion": True,
}
METADATA: Manifest = {
    "name": "x",
    "namespace": "mon",
    "labels": {"l": "1"},
    "annotations": {"note": "b"},
    "ownerReferences": [OWNER],
}


def test_operator_labels_win_over_managed_ones() -> None:
    cr = VMAgent(
        metadata={"name": "edge"},
        spec=VMAgentSpec(managed_metadata=ManagedMetadata(labels={"team": "a", "managed-by": "me"})),
    )
    assert object_labels(cr, selector_labels("vmagent", "edge")) == {
        "team": "a",
        "managed-by": "vm-operator",
        "app.kubernetes.io/name": "vmagent",
        "app.kubernetes.io/instance": "edge",
        "app.kubernetes.io/component": "monitoring",
    }


def test_object_metadata_carries_one_owner() -> None:
    assert object_metadata(CR, "x", {"l": "1"}) == METADATA
    assert object_metadata(CR, "x", {"l": "1"}, {"generated": "true"})["annotations"] == {"generated": "true"}


@pytest.mark.parametrize(
    ("legacy", "legacy_name", "name"),
    [(None, None, "vmagent-x"), (False, "y", "vmagent-x"), (True, None, "x"), (True, "x-vmagent", "x-vmagent")],
)
def test_prefixed_names(legacy: bool | None, legacy_name: str | None, name: str) -> None:
    assert prefixed_name("vmagent", "x", legacy=legacy, legacy_name=legacy_name) == name


def test_common_metadata_is_for_some_kinds_only() -> None:
    settings = Settings(common_labels={"l": "0", "site": "s"})
    secret: Manifest = {"kind": "Secret", "metadata": METADATA}
    policy: Manifest = {"kind": "NetworkPolicy", "metadata": METADATA}
    assert with_common_metadata(policy, settings) is policy
    assert with_common_metadata(secret, settings)["metadata"] == METADATA | {"labels": {"l": "1", "site": "s"}}


def main(*ports: Manifest, **options: Any) -> Manifest:
    return service(
        CR, "x", labels={"l": "1"}, selector={"s": "1"}, ports=ports or [service_port("http", 80)], **options
    )


def test_a_service() -> None:
    assert main(headless=True, publish_not_ready=True) == {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": METADATA,
        "spec": {
            "type": "ClusterIP",
            "clusterIP": "None",
            "publishNotReadyAddresses": True,
            "selector": {"s": "1"},
            "ports": [{"name": "http", "protocol": "TCP", "port": 80, "targetPort": 80}],
        },
    }


def test_an_override_keeps_selector_labels_and_missing_ports() -> None:
    user = AdditionalService(
        use_as_default=True,
        metadata=Metadata(name="ignored", labels={"l": "9", "m": "2"}, annotations={"note": "mine", "more": "c"}),
        spec={"ports": [{"name": "other", "port": 1}], "selector": {"x": "y"}, "externalName": None},
    )
    assert overridden(main(headless=True, publish_not_ready=True), user) == {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": METADATA | {"labels": {"l": "1", "m": "2"}, "annotations": {"note": "b", "more": "c"}},
        "spec": {
            "type": "ClusterIP",
            "clusterIP": "None",
            "selector": {"s": "1"},
            "ports": [{"name": "other", "port": 1}, service_port("http", 80)],
        },
    }


def test_an_override_of_another_type_loses_the_cluster_ip() -> None:
    user = AdditionalService(use_as_default=True, spec={"type": "NodePort"})
    assert overridden(main(headless=True), user)["spec"] == {
        "type": "NodePort",
        "selector": {"s": "1"},
        "ports": [service_port("http", 80)],
    }


def test_an_additional_service_inherits_what_the_user_leaves_out() -> None:
    user = AdditionalService(metadata=Metadata(annotations={"note": "mine"}, labels={"l": "9"}), spec={"ports": []})
    assert additional_service(main(headless=True), user, app="vmstorage", name="x", path="spec") == {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": METADATA
        | {
            "name": "x-additional-service",
            "labels": {"l": "1", "operator.victoriametrics.com/additional-service": "managed"},
            "annotations": {"note": "mine"},
        },
        "spec": {"type": "ClusterIP", "selector": {"s": "1"}, "ports": []},
    }


def test_override_needs_to_be_asked_for() -> None:
    assert [
        is_override(None),
        is_override(AdditionalService(spec={})),
        is_override(AdditionalService(use_as_default=True)),
    ] == [
        False,
        False,
        True,
    ]


def test_listeners_in_their_order() -> None:
    ports = InsertPorts(graphite_port="1", influx_port="2", open_tsdb_port="3", open_tsdb_http_port="4")
    found = listeners(ports, "spec")
    assert ([listener.arg for listener in found], [p for listener in found for p in listener.container_ports()]) == (
        [
            "--graphiteListenAddr=:1",
            "--influxListenAddr=:2",
            "--opentsdbListenAddr=:3",
            "--opentsdbHTTPListenAddr=:4",
        ],
        [
            {"name": "graphite-tcp", "protocol": "TCP", "containerPort": 1},
            {"name": "graphite-udp", "protocol": "UDP", "containerPort": 1},
            {"name": "influx-tcp", "protocol": "TCP", "containerPort": 2},
            {"name": "influx-udp", "protocol": "UDP", "containerPort": 2},
            {"name": "opentsdb-tcp", "protocol": "TCP", "containerPort": 3},
            {"name": "opentsdb-udp", "protocol": "UDP", "containerPort": 3},
            {"name": "opentsdb-http", "protocol": "TCP", "containerPort": 4},
        ],
    )


def test_a_listener_needs_a_number() -> None:
    with pytest.raises(BuildError) as caught:
        listeners(InsertPorts(influx_port="in"), "spec")
    assert caught.value.path == "spec.insertPorts.influxPort"


def test_port_numbers() -> None:
    assert (port_number(5, "p"), port_number("6", "p")) == (5, 6)


APP_RULE = {"targetLabel": "victoriametrics_app", "replacement": "true"}
SELECTOR = {
    "matchLabels": {"l": "1"},
    "matchExpressions": [{"key": "operator.victoriametrics.com/additional-service", "operator": "DoesNotExist"}],
}


def job(suffix: str) -> Manifest:
    return {"sourceLabels": ["job"], "targetLabel": "job", "regex": "(.+)", "replacement": "${1}-" + suffix}


def test_a_scrape_object_of_every_kind_of_endpoint() -> None:
    extra = {"tls": "true", "metricsAuthKey": "k", "http.pathPrefix": "/p"}
    found = self_scrape(
        main(service_port("http", 80), service_port("backup", 81), service_port("other", 82)),
        extra,
        None,
        extra_ports=("backup",),
        reloader=True,
        job_label="j",
    )
    secure = {"scheme": "https", "tlsConfig": {"insecureSkipVerify": True}, "params": {"authKey": ["k"]}}
    assert found == {
        "apiVersion": "operator.victoriametrics.com/v1beta1",
        "kind": "VMServiceScrape",
        "metadata": METADATA,
        "spec": {
            "jobLabel": "j",
            "endpoints": [
                {"port": "http", "path": "/p/metrics", **secure, "relabelConfigs": [APP_RULE]},
                {"port": "backup", "path": "/metrics", **secure, "relabelConfigs": [job("backup"), APP_RULE]},
                {"targetPort": 8435, "path": "/metrics", "relabelConfigs": [job("reloader-http")]},
            ],
            "selector": SELECTOR,
        },
    }


def test_the_users_endpoints_come_first_and_keep_what_they_say() -> None:
    user: Manifest = {
        "targetLabels": ["team"],
        "endpoints": [
            {"port": "own", "relabelConfigs": [{"target_label": "victoriametrics_app", "source_labels": ["a"]}]},
            {"port": "http", "scheme": "https"},
        ],
        "selector": {"matchLabels": {"x": "y"}},
    }
    found = self_scrape(main(), None, user, always_match={"z": "1"}, https=False)
    assert found["spec"] == {
        "targetLabels": ["team"],
        "endpoints": [
            {
                "port": "own",
                "relabelConfigs": [
                    {
                        "target_label": "victoriametrics_app",
                        "targetLabel": "victoriametrics_app",
                        "source_labels": ["a"],
                        "sourceLabels": ["a"],
                    }
                ],
            },
            {"port": "http", "scheme": "https", "path": "/metrics", "relabelConfigs": [APP_RULE]},
        ],
        "selector": {"matchLabels": {"x": "y", "z": "1"}},
    }


def test_a_network_policy_without_rules_has_no_types() -> None:
    found = network_policy(CR, "x", NetworkPolicy(), labels={"l": "1"}, selector={"s": "1"})
    assert found == {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": METADATA,
        "spec": {"podSelector": {"matchLabels": {"s": "1"}}},
    }


def test_a_vertical_autoscaler() -> None:
    vpa = VerticalAutoscaler(update_policy={"updateMode": "Off"}, recommenders=[{"name": "r"}])
    target = target_reference("Deployment", "x")
    assert vertical_autoscaler(CR, vpa, target, labels={"l": "1"}) == {
        "apiVersion": "autoscaling.k8s.io/v1",
        "kind": "VerticalPodAutoscaler",
        "metadata": METADATA,
        "spec": {
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "x"},
            "updatePolicy": {"updateMode": "Off"},
            "recommenders": [{"name": "r"}],
        },
    }


@pytest.mark.parametrize(
    ("app", "service_spec", "additional", "url"),
    [
        (VMSelect(), None, True, "http://x.mon.svc:8481"),
        (
            VMSelect(port="1"),
            AdditionalService(use_as_default=True, spec={"ports": [{"name": "a"}]}),
            False,
            "http://x.mon.svc:1",
        ),
        (VMSelect(), AdditionalService(metadata=Metadata(name="y"), spec={}), True, "http://y.mon.svc:8481"),
        (VMSelect(), AdditionalService(spec={"ports": [{"name": "http", "port": 5}]}), False, "http://x.mon.svc:8481"),
    ],
)
def test_addresses(app: VMSelect, service_spec: AdditionalService | None, additional: bool, url: str) -> None:
    found = app_url(app, service_spec, name="x", namespace="mon", fallback_port="8481", additional=additional)
    assert found == url


def test_addresses_inside_the_pod() -> None:
    extra = {"reloadAuthKey": "a b&c", "http.pathPrefix": "x", "tls": "true"}
    assert (
        reload_url("80", extra, Settings()),
        reload_url("80", None, Settings(enabletcp6=True)),
        local_url(80, "/a", {"k": "v"}, Settings(), auth_key="k"),
    ) == (
        "https://127.0.0.1:80/x/-/reload?authKey=a+b%26c",
        "http://localhost:80/-/reload",
        "http://127.0.0.1:80/a?authKey=v",
    )
