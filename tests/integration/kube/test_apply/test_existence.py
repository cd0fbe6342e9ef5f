"""Create, update, gone, owners (``00-writing.md`` §4), and the release of what was ours (§8)."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support.clusters import Cluster
from vmop.kube import AlreadyExists, ApplyPatch, Client, Conflict, JsonPatch, NotFound, key_of
from vmop.kube.applier import DESIRED_ANNOTATION, Applier, BeingRemoved, OwnedByAnother
from vmop.kube.resources import CONFIG_MAP, SECRET, SERVICE, SERVICE_ACCOUNT


def config_map(stage: Any, data: dict[str, str], **metadata: Any) -> Any:
    return stage.manifest(CONFIG_MAP, "cm", metadata=metadata, data=data)


async def test_an_object_that_the_cache_has_not_seen_yet_is_read_and_taken_over(stage: Any) -> None:
    await stage.client.create(CONFIG_MAP, config_map(stage, {"theirs": "1"}), field_manager="app")
    applied = await stage.applier.apply(CONFIG_MAP, config_map(stage, {"ours": "1"}))
    assert (applied.action, (await stage.live(CONFIG_MAP, "cm"))["data"]) == ("updated", {"ours": "1"})


async def test_create_only_leaves_what_somebody_made_a_moment_ago(stage: Any) -> None:
    before = await stage.client.create(CONFIG_MAP, config_map(stage, {"theirs": "1"}), field_manager="app")
    with pytest.raises(AlreadyExists):
        await stage.applier.apply(CONFIG_MAP, config_map(stage, {"ours": "1"}), if_exists="fail")
    await stage.cache.watch(CONFIG_MAP, key_of(before))
    with pytest.raises(AlreadyExists):
        await stage.applier.apply(CONFIG_MAP, config_map(stage, {"ours": "1"}), if_exists="fail")
    assert await stage.live(CONFIG_MAP, "cm") == before


async def test_update_only_never_creates(stage: Any) -> None:
    with pytest.raises(NotFound):
        await stage.applier.apply(CONFIG_MAP, config_map(stage, {}), if_missing="fail")
    with pytest.raises(NotFound):
        await stage.live(CONFIG_MAP, "cm")


async def test_an_object_that_was_made_anew_is_not_the_one_that_was_meant(stage: Any) -> None:
    old = (await stage.apply(CONFIG_MAP, config_map(stage, {"a": "1"}))).object
    await stage.client.delete(CONFIG_MAP, key_of(old))
    new = await stage.client.create(CONFIG_MAP, config_map(stage, {"theirs": "1"}), field_manager="app")
    meant = config_map(stage, {"a": "2"}, uid=old["metadata"]["uid"])
    with pytest.raises(Conflict):
        await stage.applier.apply(CONFIG_MAP, meant)
    assert await stage.live(CONFIG_MAP, "cm") == new


class Racing(Client):
    """A client whose first apply comes too late: `race` runs before it."""

    race: Callable[[], Awaitable[object]] | None = None

    async def patch(self, *arguments: Any, **options: Any) -> Any:
        race, self.race = self.race, None
        if race is not None:
            await race()
        return await super().patch(*arguments, **options)


async def test_an_object_that_is_made_anew_meanwhile_is_read_again(stage: Any, cluster: Cluster) -> None:
    await stage.apply(CONFIG_MAP, config_map(stage, {"a": "1"}))

    async def make_anew() -> None:
        await stage.client.delete(CONFIG_MAP, key_of(config_map(stage, {})))
        await stage.client.create(CONFIG_MAP, config_map(stage, {"theirs": "1"}), field_manager="app")

    async with Racing(cluster.config, qps=0) as racing:
        racing.race = make_anew
        applier = Applier(racing, stage.cache, now=lambda: datetime.now(UTC))
        applied = await applier.apply(CONFIG_MAP, config_map(stage, {"a": "2"}))
    assert (applied.action, (await stage.live(CONFIG_MAP, "cm"))["data"]) == ("updated", {"a": "2"})


async def test_an_object_that_is_gone_is_made_again(stage: Any) -> None:
    desired = config_map(stage, {"a": "1"})
    await stage.apply(CONFIG_MAP, desired)
    await stage.client.delete(CONFIG_MAP, key_of(desired))
    applied = await stage.apply(CONFIG_MAP, desired)
    assert (applied.action, (await stage.live(CONFIG_MAP, "cm"))["data"]) == ("created", {"a": "1"})


async def test_an_object_on_its_way_out_is_waited_for(stage: Any) -> None:
    desired = config_map(stage, {"a": "1"}, finalizers=["example.com/hold"])
    await stage.client.create(CONFIG_MAP, desired)
    await stage.client.delete(CONFIG_MAP, key_of(desired))
    before = await stage.live(CONFIG_MAP, "cm")
    with pytest.raises(BeingRemoved, match=f"^waiting for ConfigMap={stage.namespace}/cm to be removed$"):
        await stage.applier.apply(CONFIG_MAP, config_map(stage, {"a": "2"}))
    assert await stage.live(CONFIG_MAP, "cm") == before
    patch = JsonPatch([{"op": "remove", "path": "/metadata/finalizers"}])
    await stage.client.patch(CONFIG_MAP, key_of(desired), patch)


async def test_an_object_of_another_owner_of_the_same_kind_is_left_alone(stage: Any) -> None:
    first, second = await stage.owner("first"), await stage.owner("second")
    await stage.apply(CONFIG_MAP, config_map(stage, {"a": "1"}, ownerReferences=[first]))
    before = await stage.live(CONFIG_MAP, "cm")
    with pytest.raises(OwnedByAnother, match="has another owner reference of same kind: v1/ConfigMap=first"):
        await stage.apply(CONFIG_MAP, config_map(stage, {"a": "2"}, ownerReferences=[second]))
    assert await stage.live(CONFIG_MAP, "cm") == before


async def test_a_service_of_somebody_is_no_service_of_ours(stage: Any) -> None:
    owner = await stage.owner()
    theirs = stage.manifest(SERVICE, "web", spec={"ports": [{"port": 80}]})
    before = await stage.client.create(SERVICE, theirs, field_manager="user")
    ours = stage.manifest(SERVICE, "web", metadata={"ownerReferences": [owner]}, spec={"ports": [{"port": 81}]})
    with pytest.raises(OwnedByAnother):
        await stage.apply(SERVICE, ours, require_owned=True)
    assert await stage.live(SERVICE, "web") == before


async def test_a_reference_to_a_gone_owner_of_the_same_name_is_replaced(stage: Any) -> None:
    old = await stage.owner()
    desired = config_map(stage, {"a": "1"}, ownerReferences=[old])
    await stage.client.create(CONFIG_MAP, desired, field_manager="app")
    await stage.client.delete(CONFIG_MAP, key_of(stage.manifest(CONFIG_MAP, "owner")))
    new = await stage.owner()
    await stage.apply(CONFIG_MAP, config_map(stage, {"a": "1"}, ownerReferences=[new]))
    assert (await stage.live(CONFIG_MAP, "cm"))["metadata"]["ownerReferences"] == [new]


async def test_an_object_that_another_controls_gets_a_plain_owner(stage: Any) -> None:
    other = await stage.owner("other", SERVICE_ACCOUNT)
    ours = await stage.owner("ours")
    await stage.client.create(CONFIG_MAP, config_map(stage, {}, ownerReferences=[other]), field_manager="app")
    desired = config_map(stage, {"a": "1"}, ownerReferences=[ours])
    await stage.apply(CONFIG_MAP, desired)
    live = await stage.live(CONFIG_MAP, "cm")
    assert live["metadata"]["ownerReferences"] == [other, {**ours, "controller": False}]
    assert (await stage.apply(CONFIG_MAP, desired)).action == "unchanged"


async def test_a_finalizer_of_an_older_operator_is_stripped(stage: Any) -> None:
    desired = config_map(stage, {"a": "1"})
    old = {**desired, "metadata": {**desired["metadata"], "finalizers": ["example.com/ours", "example.com/theirs"]}}
    await stage.client.create(CONFIG_MAP, old, field_manager="app")
    await stage.apply(CONFIG_MAP, desired, strip_finalizer="example.com/ours")
    live = await stage.live(CONFIG_MAP, "cm")
    assert live["metadata"]["finalizers"] == ["example.com/theirs"]
    await stage.applier.remove_finalizer(CONFIG_MAP, live, "example.com/theirs")


async def test_delete_is_for_the_object_that_was_seen(stage: Any) -> None:
    old = (await stage.apply(CONFIG_MAP, config_map(stage, {"a": "1"}))).object
    await stage.client.delete(CONFIG_MAP, key_of(old))
    await stage.applier.delete(CONFIG_MAP, old)
    new = await stage.client.create(CONFIG_MAP, config_map(stage, {"theirs": "1"}))
    await stage.applier.delete(CONFIG_MAP, old)
    assert (await stage.live(CONFIG_MAP, "cm"))["metadata"]["uid"] == new["metadata"]["uid"]
    await stage.applier.delete(CONFIG_MAP, new, propagation="Background")
    with pytest.raises(NotFound):
        await stage.live(CONFIG_MAP, "cm")


async def test_release_changes_nothing_but_the_traces_of_ours(stage: Any) -> None:
    owner = await stage.owner()
    third = {**await stage.owner("third", SERVICE_ACCOUNT), "controller": False}
    desired = config_map(
        stage, {"a": "1"}, labels={"l": "1"}, annotations={"marker": "1", "kept": "1"}, ownerReferences=[owner]
    )
    await stage.apply(CONFIG_MAP, desired)
    seen = await stage.live(CONFIG_MAP, "cm")
    await stage.applier.set_owner(CONFIG_MAP, seen, third)
    await stage.applier.release(CONFIG_MAP, seen, owner=owner, annotations=["marker", "absent"])
    live = await stage.live(CONFIG_MAP, "cm")
    metadata = live["metadata"]
    assert (live["data"], metadata["labels"], metadata["annotations"]) == ({"a": "1"}, {"l": "1"}, {"kept": "1"})
    assert metadata["ownerReferences"] == [third]
    assert {entry["manager"] for entry in metadata["managedFields"]} == {"released", "vmop-metadata"}
    assert DESIRED_ANNOTATION not in str(live)


async def test_what_was_released_can_be_taken_back_and_is_still_its_users(stage: Any) -> None:
    desired = config_map(stage, {"a": "1", "b": "2"})
    released = await stage.apply(CONFIG_MAP, desired)
    await stage.applier.release(CONFIG_MAP, released.object)
    mine = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}, "data": {"c": "3"}}
    await stage.client.patch(CONFIG_MAP, key_of(desired), ApplyPatch(mine), field_manager="user")
    assert (await stage.live(CONFIG_MAP, "cm"))["data"] == {"a": "1", "b": "2", "c": "3"}
    await stage.apply(CONFIG_MAP, config_map(stage, {"a": "1"}))
    assert (await stage.live(CONFIG_MAP, "cm"))["data"] == {"a": "1"}


async def test_release_of_an_object_that_is_gone_or_another_does_nothing(stage: Any) -> None:
    old = (await stage.apply(SECRET, stage.manifest(SECRET, "s", data={}))).object
    await stage.client.delete(SECRET, key_of(old))
    assert await stage.applier.release(SECRET, old) is None
    new = await stage.client.create(SECRET, stage.manifest(SECRET, "s"), field_manager="user")
    assert await stage.applier.release(SECRET, old) is None
    assert await stage.applier.release(SECRET, new) == new
