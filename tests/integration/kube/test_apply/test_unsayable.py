"""What apply cannot say is written by PUT (``00-writing.md`` §6)."""

import copy
from typing import Any

import pytest

from vmop.kube import Invalid, Manifest, MergePatch, key_of
from vmop.kube.applier import NOTHING, Claims
from vmop.kube.resources import STATEFUL_SET, VM_CLUSTER


def workload(stage: Any, *env: tuple[str, str], **spec: Any) -> Manifest:
    labels = {"app": "web"}
    container: Manifest = {"name": "web", "image": "web:1"}
    if env:
        container["env"] = [{"name": name, "value": value} for name, value in env]
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    spec = {"replicas": 1, "serviceName": "web", "selector": {"matchLabels": labels}, "template": template, **spec}
    manifest: Manifest = stage.manifest(STATEFUL_SET, "web", metadata={"labels": dict(labels)}, spec=spec)
    return manifest


def env(manifest: Manifest) -> list[Any]:
    return list(manifest["spec"]["template"]["spec"]["containers"][0].get("env", ()))


async def test_repeated_names_are_created_updated_and_dropped(stage: Any) -> None:
    repeated = workload(stage, ("A", "1"), ("A", "2"))
    steps = [
        repeated,
        workload(stage, ("A", "1"), ("A", "3")),
        workload(stage, ("A", "1"), ("B", "2"), minReadySeconds=4),
        workload(stage, ("B", "2")),
        repeated,
    ]
    for desired in steps:
        assert (await stage.apply(STATEFUL_SET, desired)).action in ("created", "updated")
        live = await stage.live(STATEFUL_SET, "web")
        assert (env(live), live["spec"].get("minReadySeconds")) == (
            env(desired),
            desired["spec"].get("minReadySeconds"),
        )
        before = stage.requests()
        assert (await stage.apply(STATEFUL_SET, desired)).action == "unchanged"
        await stage.cache.watch(STATEFUL_SET, key_of(desired))
        assert (await stage.restart().apply(STATEFUL_SET, desired)).action == "unchanged"
        assert stage.requests() == before


async def test_a_put_keeps_what_is_of_others_and_drops_what_was_ours(stage: Any) -> None:
    first = workload(stage)
    first["metadata"]["labels"]["ours"] = first["metadata"].setdefault("annotations", {})["ours"] = "1"
    first["spec"]["template"]["metadata"]["annotations"] = {"ours": "1"}
    await stage.apply(STATEFUL_SET, first)
    owner = {**await stage.owner(), "controller": False}
    theirs = {
        "metadata": {"labels": {"theirs": "1"}, "annotations": {"theirs": "1"}, "ownerReferences": [owner]},
        "spec": {
            "minReadySeconds": 8,
            "template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "now"}}},
        },
    }
    await stage.client.patch(STATEFUL_SET, key_of(first), MergePatch(theirs), field_manager="third")
    applied = await stage.apply(STATEFUL_SET, workload(stage, ("A", "1"), ("A", "2")))
    live = await stage.live(STATEFUL_SET, "web")
    metadata, template = live["metadata"], live["spec"]["template"]["metadata"]
    annotations = {k: v for k, v in metadata["annotations"].items() if "vmop" not in k}
    assert "by PUT: repeated keys in spec.template.spec.containers[0].env" in applied.reason
    assert (metadata["labels"], annotations) == ({"app": "web", "theirs": "1"}, {"theirs": "1"})
    assert metadata["ownerReferences"] == [owner]
    assert template["annotations"] == {"kubectl.kubernetes.io/restartedAt": "now"}
    assert "minReadySeconds" not in live["spec"]


async def test_an_object_of_a_custom_resource_becomes_empty_and_full_again(stage: Any, crds: None) -> None:
    def cluster(**spec: Any) -> Manifest:
        spec = {"vmstorage": {}, "vmselect": {}, **spec}
        manifest: Manifest = stage.manifest(VM_CLUSTER, "c", spec=spec)
        return manifest

    steps: list[Manifest] = [
        {"vminsert": {"replicaCount": 1, "resources": {"limits": {"cpu": "1"}}}},
        {"vminsert": {"replicaCount": 1, "resources": {}}},
        {"vminsert": {}},
        {"vminsert": {"replicaCount": 0}, "retentionPeriod": "4"},
        {"vminsert": {}},
        {},
    ]
    for step in steps:
        await stage.apply(VM_CLUSTER, cluster(**copy.deepcopy(step)), manager="vmop-distributed")
        assert (await stage.live(VM_CLUSTER, "c"))["spec"] == cluster(**step)["spec"]
        applied = await stage.apply(VM_CLUSTER, cluster(**copy.deepcopy(step)), manager="vmop-distributed")
        assert applied.action == "unchanged"


async def test_a_narrow_claim_sets_what_it_says_and_leaves_the_rest(stage: Any, crds: None) -> None:
    users = stage.manifest(VM_CLUSTER, "c", spec={"vminsert": {"replicaCount": 2, "logLevel": "INFO"}, "vmselect": {}})
    await stage.client.create(VM_CLUSTER, users, field_manager="user")
    for spec in ({"vminsert": {"replicaCount": 0}}, {"vmselect": {}, "vminsert": {"replicaCount": 0}}):
        desired = stage.manifest(VM_CLUSTER, "c", spec=spec)
        await stage.apply(VM_CLUSTER, desired, manager="vmop-distributed", claims=NOTHING)
        live = (await stage.live(VM_CLUSTER, "c"))["spec"]
        assert live == {"vminsert": {"replicaCount": 0, "logLevel": "INFO"}, "vmselect": {}}
    emptied = stage.manifest(VM_CLUSTER, "c", spec={"vminsert": {}})
    await stage.apply(VM_CLUSTER, emptied, manager="vmop-distributed", claims=NOTHING)
    assert (await stage.live(VM_CLUSTER, "c"))["spec"] == {"vminsert": {"logLevel": "INFO"}, "vmselect": {}}
    await stage.apply(VM_CLUSTER, emptied, manager="vmop-distributed", claims=Claims(paths=(("spec", "vminsert"),)))
    assert (await stage.live(VM_CLUSTER, "c"))["spec"] == {"vminsert": {}, "vmselect": {}}


async def test_a_field_that_the_schema_lacks_is_invalid_and_sent_once(stage: Any) -> None:
    desired = workload(stage, noSuchField=True)
    with pytest.raises(Invalid, match="field not declared in schema"):
        await stage.applier.apply(STATEFUL_SET, desired)
    assert stage.requests() == 1


async def test_an_object_without_managed_fields_is_replaced(stage: Any) -> None:
    await stage.client.create(STATEFUL_SET, workload(stage, ("A", "1"), minReadySeconds=3))
    nobody = MergePatch({"metadata": {"managedFields": [{}]}})
    await stage.client.patch(STATEFUL_SET, key_of(workload(stage)), nobody)
    await stage.apply(STATEFUL_SET, workload(stage, ("B", "2")))
    live = await stage.live(STATEFUL_SET, "web")
    assert (env(live), "minReadySeconds" in live["spec"]) == ([{"name": "B", "value": "2"}], False)
