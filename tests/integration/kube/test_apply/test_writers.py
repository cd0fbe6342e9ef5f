"""Each writer of an object has its own way (``00-writing.md`` §1): whatever their order, nothing is lost. Also §7 and
§9.
"""

import asyncio
from itertools import permutations
from typing import Any

import pytest

from vmop.kube import Conflict, Fenced, Invalid, Manifest, MergePatch, NotFound, ObjectKey, key_of
from vmop.kube.applier import DESIRED_ANNOTATION, OwnedByAnother
from vmop.kube.resources import CONFIG_MAP, SERVICE_ACCOUNT, VM_CLUSTER


def cluster(stage: Any, retention: str = "1", name: str = "c") -> Manifest:
    spec = {"retentionPeriod": retention, "vmstorage": {"replicaCount": 2}}
    manifest: Manifest = stage.manifest(VM_CLUSTER, name, metadata={"labels": {"ours": "1"}}, spec=spec)
    return manifest


async def in_order(stage: Any, name: str, order: tuple[str, ...], owner: Manifest) -> Manifest:
    """The object after all writers of ``order`` have written to it."""
    applier, desired = stage.applier, cluster(stage, "3", name)
    await stage.client.create(VM_CLUSTER, cluster(stage, "1", name), field_manager="user")
    for writer in order:
        live = await stage.live(VM_CLUSTER, name)
        match writer:
            case "apply":
                await stage.apply(VM_CLUSTER, desired, manager="vmop-distributed")
            case "finalizer":
                await applier.add_finalizer(VM_CLUSTER, live, "example.com/ours")
            case "marker":
                await applier.set_annotations(VM_CLUSTER, live, {"example.com/marker": "a/b~c"})
            case "owner":
                await applier.set_owner(VM_CLUSTER, live, owner)
            case "status":
                await applier.patch_status(VM_CLUSTER, live, {"updateStatus": "operational"})
    live = await stage.live(VM_CLUSTER, name)
    metadata = live["metadata"]
    await applier.remove_finalizer(VM_CLUSTER, live, "example.com/ours")
    return {
        "spec": live["spec"],
        "status": live["status"],
        "labels": metadata["labels"],
        "finalizers": metadata["finalizers"],
        "ownerReferences": metadata["ownerReferences"],
        "annotations": sorted(metadata["annotations"]),
    }


async def test_all_writers_in_every_order_lose_nothing(stage: Any, crds: None) -> None:
    owner = {**await stage.owner(), "controller": False}
    orders = list(permutations(["apply", "finalizer", "marker", "owner", "status"]))
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(in_order(stage, f"c{i}", order, owner)) for i, order in enumerate(orders)]
    want = {
        "spec": cluster(stage, "3")["spec"],
        "status": {"updateStatus": "operational"},
        "labels": {"ours": "1"},
        "finalizers": ["example.com/ours"],
        "ownerReferences": [owner],
        "annotations": ["example.com/marker", DESIRED_ANNOTATION],
    }
    assert [order for order, task in zip(orders, tasks, strict=True) if task.result() != want] == []


def config_map(stage: Any, **metadata: Any) -> Manifest:
    manifest: Manifest = stage.manifest(CONFIG_MAP, "cm", metadata=metadata, data={"a": "1"})
    return manifest


async def test_pieces_are_added_and_removed_one_by_one(stage: Any) -> None:
    first, second = await stage.owner("first"), {**await stage.owner("second", SERVICE_ACCOUNT), "controller": True}
    applier = stage.applier
    live = await stage.client.create(CONFIG_MAP, config_map(stage))
    for finalizer in ("example.com/a", "example.com/b", "example.com/a"):
        live = await applier.add_finalizer(CONFIG_MAP, live, finalizer)
    live = await applier.set_annotations(CONFIG_MAP, live, {"x/y": "1", "z": "2"})
    live = await applier.set_annotations(CONFIG_MAP, live, {"x/y": None, "z": "3", "absent": None})
    for owner in (first, second, first):
        live = await applier.set_owner(CONFIG_MAP, live, owner)
    metadata = live["metadata"]
    assert metadata["finalizers"] == ["example.com/a", "example.com/b"]
    assert metadata["annotations"] == {"z": "3"}
    assert metadata["ownerReferences"] == [first, {**second, "controller": False}]
    for finalizer in ("example.com/a", "example.com/b", "example.com/a"):
        live = await applier.remove_finalizer(CONFIG_MAP, live, finalizer)
    for owner in (first, second, first):
        live = await applier.remove_owner(CONFIG_MAP, live, owner)
    assert not {"finalizers", "ownerReferences"} & live["metadata"].keys()


async def test_nothing_is_sent_for_a_piece_that_is_in_place(stage: Any) -> None:
    owner = await stage.owner()
    metadata = {"finalizers": ["example.com/a"], "annotations": {"a": "1"}, "ownerReferences": [owner]}
    live = await stage.client.create(CONFIG_MAP, config_map(stage, **metadata))
    applier = stage.applier
    same = [
        await applier.add_finalizer(CONFIG_MAP, live, "example.com/a"),
        await applier.remove_finalizer(CONFIG_MAP, live, "example.com/b"),
        await applier.set_annotations(CONFIG_MAP, live, {"a": "1", "b": None}),
        await applier.set_owner(CONFIG_MAP, live, owner),
        await applier.remove_owner(CONFIG_MAP, live, {**owner, "uid": "x", "name": "y"}),
        await applier.patch_status(CONFIG_MAP, live, {}),
    ]
    assert (same, stage.requests()) == ([live] * 6, 0)
    await applier.remove_finalizer(CONFIG_MAP, live, "example.com/a")


async def test_a_patch_from_an_old_view_is_a_conflict(stage: Any) -> None:
    old = await stage.client.create(CONFIG_MAP, config_map(stage))
    patch = MergePatch({"metadata": {"finalizers": ["example.com/theirs"], "annotations": {"theirs": "1"}}})
    new = await stage.client.patch(CONFIG_MAP, key_of(old), patch)
    applier = stage.applier
    for attempt in (
        applier.add_finalizer(CONFIG_MAP, old, "example.com/ours"),
        applier.set_annotations(CONFIG_MAP, old, {"ours": "1"}),
        applier.patch_metadata(CONFIG_MAP, old, [], require_version=True),
        applier.remove_finalizer(CONFIG_MAP, {**old, "metadata": {**old["metadata"], "finalizers": ["x"]}}, "x"),
    ):
        with pytest.raises(Conflict):
            await attempt
    assert await stage.live(CONFIG_MAP, "cm") == new
    await applier.remove_finalizer(CONFIG_MAP, new, "example.com/theirs")


async def test_a_patch_never_hits_an_object_of_the_same_name(stage: Any) -> None:
    old = await stage.client.create(CONFIG_MAP, config_map(stage, annotations={"a": "1"}))
    await stage.client.delete(CONFIG_MAP, key_of(old))
    with pytest.raises(NotFound):
        await stage.applier.set_annotations(CONFIG_MAP, old, {"a": "2"})
    new = await stage.client.create(CONFIG_MAP, config_map(stage, annotations={"a": "1"}))
    with pytest.raises(Conflict):
        await stage.applier.set_annotations(CONFIG_MAP, old, {"a": "2"})
    assert await stage.live(CONFIG_MAP, "cm") == new


async def test_what_the_server_refuses_for_its_content_is_no_conflict(stage: Any) -> None:
    live = await stage.client.create(CONFIG_MAP, config_map(stage))
    with pytest.raises(Invalid):
        await stage.applier.set_annotations(CONFIG_MAP, live, {"not a key": "1"})


async def test_adoption_from_another_of_the_kind_is_refused(stage: Any) -> None:
    first, second = await stage.owner("first"), await stage.owner("second")
    live = await stage.client.create(CONFIG_MAP, config_map(stage, ownerReferences=[first]))
    with pytest.raises(OwnedByAnother, match="is owned by other ConfigMap: first, expected: second"):
        await stage.applier.set_owner(CONFIG_MAP, live, second)


async def test_a_stale_owner_is_replaced_in_its_place(stage: Any) -> None:
    thing = {"apiVersion": "example.com/v1", "kind": "Thing", "name": "a"}  # a kind that no garbage collector knows
    owner, stale, other = {**thing, "uid": "2"}, {**thing, "uid": "1"}, {**thing, "kind": "Other", "uid": "3"}
    live = await stage.client.create(CONFIG_MAP, config_map(stage, ownerReferences=[stale, other]))
    changed = await stage.applier.set_owner(CONFIG_MAP, live, owner)
    assert changed["metadata"]["ownerReferences"] == [owner, other]


async def test_a_status_that_depends_on_what_was_read_needs_that_version(stage: Any, crds: None) -> None:
    old = await stage.client.create(VM_CLUSTER, cluster(stage))
    await stage.client.patch(VM_CLUSTER, key_of(old), MergePatch({"metadata": {"labels": {"b": "1"}}}))
    with pytest.raises(Conflict):
        await stage.applier.patch_status(VM_CLUSTER, old, {"updateStatus": "failed"}, require_version=True)
    await stage.applier.patch_status(VM_CLUSTER, old, {"updateStatus": "expanding"})
    assert (await stage.live(VM_CLUSTER, "c"))["status"] == {"updateStatus": "expanding"}


async def test_every_answer_is_in_the_cache_at_once(stage: Any, crds: None) -> None:
    key = ObjectKey(stage.namespace, "c")

    def cached() -> str | None:
        seen = stage.cache.cached(VM_CLUSTER, key)
        return seen.resource_version if seen else None

    versions: list[tuple[str | None, str | None]] = []
    applied = await stage.applier.apply(VM_CLUSTER, cluster(stage))
    live = applied.object
    versions.append((cached(), live["metadata"]["resourceVersion"]))
    live = await stage.applier.add_finalizer(VM_CLUSTER, live, "example.com/a")
    versions.append((cached(), live["metadata"]["resourceVersion"]))
    live = await stage.applier.patch_status(VM_CLUSTER, live, {"updateStatus": "failed"})
    versions.append((cached(), live["metadata"]["resourceVersion"]))
    live = await stage.applier.remove_finalizer(VM_CLUSTER, live, "example.com/a")
    await stage.applier.delete(VM_CLUSTER, live)
    versions.append((cached(), None))
    assert [pair for pair in versions if pair[0] != pair[1]] == []


async def test_nothing_is_written_without_the_lease(stage: Any) -> None:
    live = await stage.client.create(CONFIG_MAP, config_map(stage))

    def lost() -> None:
        raise Fenced("the lease is not ours")

    stage.own.fence = lost
    for attempt in (
        stage.apply(CONFIG_MAP, stage.manifest(CONFIG_MAP, "new", data={})),
        stage.apply(CONFIG_MAP, config_map(stage, labels={"a": "1"})),
        stage.applier.add_finalizer(CONFIG_MAP, live, "example.com/a"),
        stage.applier.delete(CONFIG_MAP, live),
        stage.applier.release(CONFIG_MAP, live, annotations=[]),
    ):
        with pytest.raises(Fenced):
            await attempt
    assert await stage.live(CONFIG_MAP, "cm") == live
    stage.own.fence = None
    assert (await stage.apply(CONFIG_MAP, config_map(stage, labels={"a": "1"}))).action == "updated"
