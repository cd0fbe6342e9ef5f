"""Parsing manifests strictly, and writing them back."""

from typing import Any

import pytest

from vmop.api import KINDS, CustomResource, Parsed, Problem, SpecError, kind_of, parse, parse_spec, to_json
from vmop.api.structure import json_type
from vmop.api.v1alpha1 import VMDistributed, Zone
from vmop.api.v1beta1 import RelabelRule, VMAgent, VMAgentSpec, VMCluster, VMServiceScrape, VMStorage


def cluster(spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "operator.victoriametrics.com/v1beta1",
        "kind": "VMCluster",
        "metadata": {"name": "main", "namespace": "obs"},
        "spec": spec,
    }


def problems_of(kind: type[CustomResource], spec: Any) -> list[tuple[str, str]]:
    with pytest.raises(SpecError) as caught:
        parse(kind, {"metadata": {"name": "x"}, "spec": spec})
    return [(problem.path, problem.message) for problem in caught.value.problems]


def test_round_trip_keeps_everything_known() -> None:
    manifest = cluster(
        {
            "retentionPeriod": "30d",
            "replicationFactor": 2,
            "imagePullSecrets": [{"name": "registry"}],
            "vmstorage": {
                "replicaCount": 3,
                "storage": {"volumeClaimTemplate": {"spec": {"resources": {"requests": {"storage": "10Gi"}}}}},
                "extraArgs": {"dedup.minScrapeInterval": "1s"},
                "maintenanceInsertNodeIDs": [0, 2],
                "podDisruptionBudget": {"maxUnavailable": "25%"},
            },
            "vmselect": {},
            "requestsLoadBalancer": {"enabled": True, "spec": {"replicaCount": 0}},
        }
    ) | {"status": {"updateStatus": "operational"}}
    assert to_json(parse(VMCluster, manifest).object) == manifest


def test_what_is_absent_stays_absent() -> None:
    parsed = parse(VMCluster, cluster({"vmstorage": {}}))
    assert parsed.object.spec.vmstorage == VMStorage()
    assert to_json(parsed.object)["spec"] == {"vmstorage": {}}


def test_zero_values_are_kept() -> None:
    spec = {"paused": False, "replicationFactor": 0, "clusterVersion": "", "imagePullSecrets": []}
    assert to_json(parse(VMCluster, cluster(spec)).object)["spec"] == spec


def test_null_is_absent() -> None:
    spec = {"paused": None, "vmstorage": {"replicaCount": None, "tolerations": None, "extraArgs": None}}
    assert to_json(parse(VMCluster, cluster(spec)).object)["spec"] == {"vmstorage": {}}


@pytest.mark.parametrize("manifest", [{}, {"spec": None}, {"metadata": None, "spec": {}, "status": None}])
def test_a_manifest_without_parts_is_empty(manifest: dict[str, Any]) -> None:
    assert parse(VMCluster, manifest) == Parsed(VMCluster())


def test_keys_are_written_in_the_order_of_declaration() -> None:
    spec = {"vmstorage": {"replicaCount": 1, "affinity": {}}, "retentionPeriod": "1"}
    written = to_json(parse(VMCluster, cluster(spec)).object)["spec"]
    assert [*written, *written["vmstorage"]] == ["retentionPeriod", "vmstorage", "affinity", "replicaCount"]


def test_every_ill_typed_field_is_named_with_its_path() -> None:
    spec = {
        "retentionPeriod": 30,
        "vmselect": "on",
        "vmstorage": {
            "replicaCount": "3",
            "paused": "true",
            "extraArgs": {"x": 1},
            "maintenanceInsertNodeIDs": [0, "one", True],
            "tolerations": {"key": "a"},
            "podDisruptionBudget": {"maxUnavailable": 0.5},
            "terminationGracePeriodSeconds": 30.0,
        },
        "imagePullSecrets": [{"name": "a"}, "b"],
    }
    assert sorted(problems_of(VMCluster, spec)) == [
        ("spec.imagePullSecrets[1]", "expected object, got string"),
        ("spec.retentionPeriod", "expected string, got integer"),
        ("spec.vmselect", "expected object, got string"),
        ("spec.vmstorage.extraArgs.x", "expected string, got integer"),
        ("spec.vmstorage.maintenanceInsertNodeIDs[1]", "expected integer, got string"),
        ("spec.vmstorage.maintenanceInsertNodeIDs[2]", "expected integer, got boolean"),
        ("spec.vmstorage.paused", "expected boolean, got string"),
        ("spec.vmstorage.podDisruptionBudget.maxUnavailable", "expected integer or string, got number"),
        ("spec.vmstorage.replicaCount", "expected integer, got string"),
        ("spec.vmstorage.terminationGracePeriodSeconds", "expected integer, got number"),
        ("spec.vmstorage.tolerations", "expected array, got object"),
    ]


def test_a_spec_that_is_no_object_fails() -> None:
    assert problems_of(VMCluster, ["x"]) == [("spec", "expected object, got array")]


def test_metadata_and_status_must_be_objects() -> None:
    with pytest.raises(SpecError) as caught:
        parse(VMCluster, {"metadata": "x", "status": [1], "spec": {}})
    assert caught.value.problems == (
        Problem("metadata", "expected object, got string"),
        Problem("status", "expected object, got array"),
    )


def test_an_error_names_the_kind_and_never_a_value() -> None:
    with pytest.raises(SpecError) as caught:
        parse(VMAgent, {"spec": {"remoteWrite": [{"url": {"password": "hunter2"}}]}})
    assert str(caught.value) == "cannot parse VMAgentSpec: spec.remoteWrite[0].url: expected string, got object"


def test_unknown_fields_are_tolerated_and_listed() -> None:
    spec = {"vmstorage": {"foo": 1, "replicaCount": 2}, "imagePullSecrets": [{"name": "a", "bar": 1}], "zap": {}}
    parsed = parse(VMCluster, cluster(spec) | {"extra": 1})
    assert sorted(parsed.unknown_fields) == ["extra", "spec.imagePullSecrets[0].bar", "spec.vmstorage.foo", "spec.zap"]
    assert to_json(parsed.object)["spec"] == {"vmstorage": {"replicaCount": 2}, "imagePullSecrets": [{"name": "a"}]}


def test_an_unknown_field_beside_an_ill_typed_one_is_no_problem_itself() -> None:
    assert problems_of(VMCluster, {"zap": 1, "paused": 1}) == [("spec.paused", "expected boolean, got integer")]


@pytest.mark.parametrize(
    ("rule", "labels"),
    [
        ({"source_labels": ["a"]}, ["a"]),
        ({"sourceLabels": ["b"]}, ["b"]),
        ({"source_labels": ["a"], "sourceLabels": ["b"]}, ["b"]),
        ({"source_labels": ["a"], "sourceLabels": []}, ["a"]),
    ],
)
def test_both_spellings_are_one_field(rule: dict[str, Any], labels: list[str]) -> None:
    assert parse_spec(RelabelRule, rule) == RelabelRule(source_labels=labels)


def test_another_spelling_is_written_back_as_the_proper_one() -> None:
    assert to_json(parse_spec(VMStorage, {"hostAliases": [{"ip": "10.0.0.1"}]})) == {
        "host_aliases": [{"ip": "10.0.0.1"}]
    }


@pytest.mark.parametrize("value", ["a|b", ["a", "b"]])
def test_a_string_or_a_list_of_strings_is_kept(value: object) -> None:
    assert to_json(parse_spec(RelabelRule, {"regex": value})) == {"regex": value}


@pytest.mark.parametrize("value", [1, ["a", 1], {}])
def test_neither_string_nor_list_is_refused(value: object) -> None:
    with pytest.raises(SpecError) as caught:
        parse_spec(RelabelRule, {"regex": value}, "spec.rules[0]")
    [problem] = caught.value.problems
    assert problem.path == "spec.rules[0].regex"
    assert problem.message.startswith("expected string or array of strings, got ")


def test_a_part_of_a_spec_is_parsed_alone() -> None:
    assert parse_spec(VMAgentSpec, {"shardCount": 2, "unknown": 1}) == VMAgentSpec(shard_count=2)
    assert parse_spec(VMAgentSpec, None) == VMAgentSpec()


def test_maps_of_lists_are_checked_inside() -> None:
    spec = {"endpoints": [{"params": {"match[]": ["a", 1]}}]}
    assert problems_of(VMServiceScrape, spec) == [
        ("spec.endpoints[0].params.match[][1]", "expected string, got integer")
    ]


def test_fields_named_like_python_words_keep_their_json_name() -> None:
    assert to_json(parse_spec(RelabelRule, {"if": '{a="b"}'})) == {"if": '{a="b"}'}


def test_numbers_may_be_whole() -> None:
    spec = {"rollout": {"verification": [{"name": "a", "query": "up", "min": 1, "max": 1.5, "for": "1m"}]}}
    assert to_json(parse(VMDistributed, {"spec": spec}).object)["spec"] == spec


def test_schemaless_parts_are_still_typed() -> None:
    zones = [{"name": "a", "vmcluster": {"spec": {"vmstorage": {"replicaCount": "2"}}}}]
    path = "spec.zones[0].vmcluster.spec.vmstorage.replicaCount"
    assert problems_of(VMDistributed, {"zones": zones}) == [(path, "expected integer, got string")]


def test_parts_compare_by_value() -> None:
    assert parse_spec(Zone, {"name": "a"}) == Zone(name="a")


@pytest.mark.parametrize(
    ("value", "name"),
    [(None, "null"), (True, "boolean"), (1, "integer"), (1.5, "number"), ("", "string"), ([], "array"), ({}, "object")],
)
def test_json_types_have_their_names(value: object, name: str) -> None:
    assert json_type(value) == name


def test_kinds_are_found_by_manifest() -> None:
    assert [kind_of(kind.api_version(), kind.kind) for kind in KINDS] == list(KINDS)
    assert kind_of("apps/v1", "Deployment") is None


def test_embedded_kubernetes_structures_are_typed_too() -> None:
    spec = {
        "vmstorage": {
            "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": []}},
            "tolerations": [{"key": "a"}, {"tolerationSeconds": "5"}],
            "resources": {"limits": {"cpu": 0.5, "memory": True}},
            "containers": [{"name": "a", "livenessProbe": {"httpGet": {"port": []}}, "env": "A=B"}],
            "livenessProbe": {"periodSeconds": 5, "unknown": 1},
        }
    }
    path = "spec.vmstorage"
    assert sorted(problems_of(VMCluster, spec)) == [
        (
            f"{path}.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution",
            "expected object, got array",
        ),
        (f"{path}.containers[0].env", "expected array, got string"),
        (f"{path}.containers[0].livenessProbe.httpGet.port", "expected integer or string, got array"),
        (f"{path}.resources.limits.memory", "expected integer or string, got boolean"),
        (f"{path}.tolerations[1].tolerationSeconds", "expected integer, got string"),
    ]


def test_embedded_lists_must_be_lists_of_objects() -> None:
    spec = {"vmstorage": {"volumes": ["a"], "extraEnvs": {"A": "B"}}}
    assert sorted(problems_of(VMCluster, spec)) == [
        ("spec.vmstorage.extraEnvs", "expected array, got object"),
        ("spec.vmstorage.volumes[0]", "expected object, got string"),
    ]


def test_unknown_fields_of_embedded_structures_are_listed_and_left_out() -> None:
    spec = {
        "vmstorage": {
            "readinessProbe": {"periodSeconds": 8, "pace": "slow", "httpGet": {"port": 80, "verb": "POST"}},
            "volumes": [{"name": "a", "emptyDir": {}}, {"name": "b", "emptyDisk": {}}],
            "affinity": {"podAffinity": None},
            "resources": {"limits": {"cpu": "1", "example.com/any": "2"}},
        }
    }
    parsed = parse(VMCluster, cluster(spec))
    path = "spec.vmstorage"
    assert sorted(parsed.unknown_fields) == [
        f"{path}.readinessProbe.httpGet.verb",
        f"{path}.readinessProbe.pace",
        f"{path}.volumes[1].emptyDisk",
    ]
    assert to_json(parsed.object)["spec"]["vmstorage"] == {
        **spec["vmstorage"],
        "readinessProbe": {"periodSeconds": 8, "httpGet": {"port": 80}},
        "volumes": [{"name": "a", "emptyDir": {}}, {"name": "b"}],
    }


def test_an_embedded_scrape_spec_is_typed_too() -> None:
    spec = {"vmstorage": {"serviceScrapeSpec": {"endpoints": [{"port": 80}]}}}
    assert problems_of(VMCluster, spec) == [
        ("spec.vmstorage.serviceScrapeSpec.endpoints[0].port", "expected string, got integer")
    ]


def test_unknown_fields_of_an_embedded_scrape_spec_are_listed() -> None:
    spec = {"vmstorage": {"serviceScrapeSpec": {"endpoints": [{"prt": "80"}]}}}
    parsed = parse(VMCluster, cluster(spec))
    assert parsed.unknown_fields == ("spec.vmstorage.serviceScrapeSpec.endpoints[0].prt",)
    assert to_json(parsed.object)["spec"] == spec


@pytest.mark.parametrize(("value", "found"), [("1d", "string"), ("soon", "string"), (30, "integer")])
def test_durations_must_be_durations(value: object, found: str) -> None:
    [(path, message)] = problems_of(VMDistributed, {"zoneCommon": {"updatePause": value}})
    wanted = "duration such as 90s, 1m30s or 1.5h" if found == "string" else "string"
    assert (path, message) == ("spec.zoneCommon.updatePause", f"expected {wanted}, got {found}")


def test_durations_are_kept_as_they_are_written() -> None:
    common = {"readyTimeout": "1m30s", "updatePause": None}
    assert to_json(parse(VMDistributed, {"spec": {"zoneCommon": common}}).object)["spec"] == {
        "zoneCommon": {"readyTimeout": "1m30s"}
    }
