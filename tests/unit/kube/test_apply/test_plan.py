"""Desired manifests made ready: hashes, bodies."""

from typing import Any

import pytest

from vmop.kube import Manifest, ObjectKey, Resource
from vmop.kube.apply.claims import claims_of
from vmop.kube.apply.memory import Memory, Remembered
from vmop.kube.apply.plan import (
    DESIRED_ANNOTATION,
    Plan,
    content_in_place,
    create_body,
    make_plan,
    own_metadata,
    read_record,
    record,
    replace_body,
    settle,
    update_body,
)
from vmop.kube.resources import CONFIG_MAP, DEPLOYMENT, SECRET, SERVICE


def plan_of(resource: Resource, **fields: Any) -> Plan:
    metadata = {"name": "x", "namespace": "ns", **fields.pop("metadata", {})}
    how = {"replicas_by": fields.pop("replicas_by", "us")}
    return make_plan(resource, {"metadata": metadata, **fields}, claims=claims_of(resource), manager="vmop", **how)


def test_only_what_is_desired_counts_for_the_hash() -> None:
    noise = {"resourceVersion": "7", "uid": "u", "managedFields": [{}], "generation": 3}
    hashes = {
        plan_of(CONFIG_MAP, data={"a": "1", "b": "2"}).recorded,
        plan_of(CONFIG_MAP, data={"b": "2", "a": "1"}, metadata=noise).recorded,
        plan_of(CONFIG_MAP, data={"b": "2", "a": "1"}, status={"x": 1}, binaryData=None).recorded,
    }
    assert len(hashes) == 1
    assert plan_of(CONFIG_MAP, data={"a": "2", "b": "2"}).recorded not in hashes


def test_the_recorded_hash_of_a_secret_covers_keys_the_remembered_one_values_too() -> None:
    one, two = plan_of(SECRET, data={"a": "MQ=="}), plan_of(SECRET, data={"a": "Mg=="})
    other = plan_of(SECRET, data={"b": "MQ=="})
    assert (one.recorded == two.recorded, one.recorded == other.recorded) == (True, False)
    assert one.fingerprint != two.fingerprint


def test_the_number_of_replicas_under_an_autoscaler_is_not_hashed() -> None:
    plans = [plan_of(DEPLOYMENT, spec={"replicas": n}, replicas_by="autoscaler") for n in (1, 2)]
    assert plans[0].recorded == plans[1].recorded
    assert plans[0].recorded != plan_of(DEPLOYMENT, spec={"replicas": 1}).recorded


def test_creation_is_only_for_what_is_absent_and_carries_the_record() -> None:
    plan = plan_of(CONFIG_MAP, data={"a": "1"}, metadata={"uid": "u", "annotations": {"k": "v"}})
    assert create_body(plan, "2026-01-01T00:00:00Z") == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "x",
            "namespace": "ns",
            "resourceVersion": "1",
            "annotations": {"k": "v", DESIRED_ANNOTATION: f"{plan.recorded} 2026-01-01T00:00:00Z"},
        },
        "data": {"a": "1"},
    }


def test_the_record_is_read_as_it_was_written() -> None:
    plan = plan_of(CONFIG_MAP)
    assert read_record({DESIRED_ANNOTATION: record(plan, "then")}) == (plan.recorded, "then")
    assert (read_record(None), read_record({})) == (("", ""), ("", ""))


def test_only_own_keys_of_the_metadata_are_compared() -> None:
    owner = {"apiVersion": "v1", "kind": "Thing", "name": "o", "uid": "1"}
    plan = plan_of(CONFIG_MAP, metadata={"labels": {"l": "1"}, "annotations": {"a": "1"}, "ownerReferences": [owner]})
    wanted = own_metadata(plan, plan.desired["metadata"])
    more = {
        "labels": {"l": "1", "x": "1"},
        "annotations": {"a": "1", "x": "1"},
        "ownerReferences": [{"uid": "2"}, {"uid": "1", "controller": False}],
    }
    assert own_metadata(plan, more) == wanted
    for field in more:
        assert own_metadata(plan, {**more, field: None}) != wanted


@pytest.mark.parametrize(
    ("kind", "ports", "expected"),
    [
        ("NodePort", [{"name": "a", "port": 1}, {"name": "a", "port": 2}], [30001, None]),
        ("NodePort", [{"name": "a", "port": 1, "nodePort": 30009}], [30009]),
        ("LoadBalancer", [{"name": "c", "port": 1}], [None]),
        ("ClusterIP", [{"name": "a", "port": 1}], [None]),
    ],
)
def test_ports_keep_their_node_port_by_name(kind: str, ports: list[Any], expected: list[Any]) -> None:
    live = {"spec": {"ports": [{"name": "a", "port": 5, "nodePort": 30001}, {"name": "b", "port": 6}]}}
    settled = settle(plan_of(SERVICE, spec={"type": kind, "ports": ports}), live)
    assert [port.get("nodePort") for port in settled["spec"]["ports"]] == expected


@pytest.mark.parametrize(
    ("data", "in_place"),
    [({"a": "1"}, True), ({"a": "1", "b": ""}, False), ({"a": "2"}, False), ({}, False)],
)
def test_data_is_compared_exactly(data: dict[str, str], in_place: bool) -> None:
    live: Manifest = {"data": data, "immutable": True}
    assert content_in_place(plan_of(CONFIG_MAP, data={"a": "1"}), live) is in_place


OWNER = {"apiVersion": "example.com/v1", "kind": "Thing", "name": "o", "uid": "1", "controller": True}


def live_deployment(**metadata: Any) -> Manifest:
    fields = {"f:metadata": {"f:labels": {"f:ours": {}, "f:dropped": {}}}, "f:spec": {"f:replicas": {}}}
    entry = {"manager": "vmop", "operation": "Apply", "apiVersion": "apps/v1", "fieldsV1": fields}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "x",
            "namespace": "ns",
            "uid": "u",
            "resourceVersion": "7",
            "labels": {"ours": "0", "dropped": "1", "theirs": "1"},
            "managedFields": [entry],
            **metadata,
        },
        "spec": {"replicas": 4, "paused": True, "template": {"metadata": {"annotations": {"restarted": "now"}}}},
        "status": {"replicas": 4},
    }


def test_an_update_is_for_the_object_that_was_read_and_for_its_version_when_that_decides() -> None:
    live = live_deployment()
    fixed = update_body(plan_of(DEPLOYMENT, spec={"replicas": 2}), live, "record")
    scaled = update_body(plan_of(DEPLOYMENT, spec={"replicas": 2}, replicas_by="autoscaler"), live, "")
    metadata = {"name": "x", "namespace": "ns", "uid": "u"}
    assert [fixed["metadata"], fixed["spec"]] == [
        {**metadata, "annotations": {DESIRED_ANNOTATION: "record"}},
        {"replicas": 2},
    ]
    assert [scaled["metadata"], scaled["spec"]] == [{**metadata, "resourceVersion": "7"}, {"replicas": 4}]


def test_replicas_are_left_out_once_another_manager_has_set_them() -> None:
    live = live_deployment()
    scale = {"manager": "hpa", "operation": "Update", "subresource": "scale", "apiVersion": "autoscaling/v1"}
    live["metadata"]["managedFields"].append({**scale, "fieldsV1": {"f:spec": {"f:replicas": {}}}})
    body = update_body(plan_of(DEPLOYMENT, spec={"replicas": 2, "a": 1}, replicas_by="autoscaler"), live, "")
    assert (body["spec"], "resourceVersion" in body["metadata"]) == ({"a": 1}, False)


def test_an_object_that_another_controls_is_shared_and_a_stale_owner_has_no_say() -> None:
    other = {**OWNER, "kind": "Other", "uid": "2"}
    stale = {**OWNER, "uid": "0"}
    plan = plan_of(DEPLOYMENT, spec={}, metadata={"ownerReferences": [OWNER]})
    bodies = [update_body(plan, live_deployment(ownerReferences=[ref]), "") for ref in (other, stale)]
    assert [body["metadata"]["ownerReferences"] for body in bodies] == [[{**OWNER, "controller": False}], [OWNER]]


def test_a_replacement_is_desired_where_we_claim_and_live_elsewhere() -> None:
    stale, theirs = {**OWNER, "uid": "0"}, {**OWNER, "kind": "Other", "uid": "2", "controller": False}
    live = live_deployment(ownerReferences=[stale, theirs])
    plan = plan_of(
        DEPLOYMENT,
        spec={"replicas": 2, "template": {"metadata": {"annotations": {"ours": "1"}}}},
        metadata={"labels": {"ours": "1"}, "ownerReferences": [OWNER]},
    )
    body = replace_body(plan, live, "record", [], "now")
    metadata = live["metadata"]
    assert body == {
        **live,
        "metadata": {
            **metadata,
            "labels": {"ours": "1", "theirs": "1"},
            "annotations": {DESIRED_ANNOTATION: "record"},
            "ownerReferences": [theirs, OWNER],
        },
        "spec": {"replicas": 2, "template": {"metadata": {"annotations": {"restarted": "now", "ours": "1"}}}},
    }


def test_what_becomes_empty_by_a_replacement_is_owned_by_us() -> None:
    plan = plan_of(DEPLOYMENT, spec={"replicas": 2, "strategy": {}})
    body = replace_body(plan, live_deployment(), "", [("spec", "strategy")], "now")
    assert body["metadata"]["managedFields"][0]["fieldsV1"]["f:spec"] == {"f:replicas": {}, "f:strategy": {}}


def remembered(uid: str) -> Remembered:
    return Remembered(uid=uid, fingerprint="f", generation=1, resource_version="1", time="", changed="", own=())


def test_memory_forgets_what_was_not_asked_for_the_longest() -> None:
    memory = Memory(2)
    writers = [(CONFIG_MAP, ObjectKey("ns", name), "vmop") for name in "abc"]
    memory.put(writers[0], remembered("a"))
    memory.put(writers[1], remembered("b"))
    assert memory.get(writers[0]) == remembered("a")
    memory.put(writers[2], remembered("c"))
    assert ([memory.get(writer) for writer in writers], len(memory)) == (
        [remembered("a"), None, remembered("c")],
        2,
    )
    memory.drop(CONFIG_MAP, ObjectKey("ns", "a"), ("vmop", "other"))
    assert len(memory) == 1
