"""Storage: versions, the window of events, lists of the past, subscriptions."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmop.devcluster.storage import GroupResource, Storage, StoredKey, VersionExpired

MAPS = GroupResource("", "configmaps")


def put(storage: Storage, name: str, value: int = 0, namespace: str = "n") -> int:
    obj: dict[str, Any] = {"metadata": {"name": name, "uid": f"uid-{name}"}, "value": value}
    return storage.put(MAPS, StoredKey(namespace, name), obj).version


def names(storage: Storage, namespace: str = "") -> list[str]:
    return [stored.key.name for stored in storage.objects(MAPS, namespace)]


def test_versions_only_grow_and_stand_in_the_metadata() -> None:
    storage = Storage()
    first, second = put(storage, "a"), put(storage, "a")
    stored = storage.get(MAPS, StoredKey("n", "a"))
    assert stored is not None
    assert (second > first, stored.metadata["resourceVersion"]) == (True, str(second))


def test_objects_are_listed_by_namespace_and_name() -> None:
    storage = Storage()
    for namespace, name in (("b", "y"), ("a", "z"), ("b", "x")):
        put(storage, name, namespace=namespace)
    assert (names(storage), names(storage, "b"), storage.objects(GroupResource("", "pods"))) == (
        ["z", "x", "y"],
        ["x", "y"],
        [],
    )


def test_a_deletion_has_a_version_of_its_own() -> None:
    storage = Storage()
    version = put(storage, "a")
    last = storage.remove(MAPS, StoredKey("n", "a"))
    assert (last.version > version, storage.by_uid("uid-a"), storage.count(MAPS)) == (True, None, 0)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=30))
def test_the_past_is_what_was_listed_then(steps: list[tuple[str, bool]]) -> None:
    storage = Storage()
    past: dict[int, list[tuple[str, int]]] = {}
    for number, (name, present) in enumerate(steps):
        if present:
            put(storage, name, number)
        elif storage.get(MAPS, StoredKey("n", name)) is not None:
            storage.remove(MAPS, StoredKey("n", name))
        past[storage.version] = [(one.key.name, one.object["value"]) for one in storage.objects(MAPS)]
    for version, then in past.items():
        assert [(one.key.name, one.object["value"]) for one in storage.list_at(MAPS, version)] == then


def test_what_is_older_than_the_window_is_expired() -> None:
    storage = Storage(window=2)
    first = put(storage, "a")
    for name in "bcd":
        put(storage, name)
    with pytest.raises(VersionExpired, match="too old resource version"):
        storage.subscribe(MAPS, first)
    with pytest.raises(VersionExpired):
        storage.list_at(MAPS, first)


async def test_a_subscription_gets_what_it_missed_and_what_comes() -> None:
    storage = Storage()
    first = put(storage, "a")
    put(storage, "b")
    with storage.subscribe(MAPS, first) as subscription:
        await subscription.wait()
        missed = [event.new.key.name for event in subscription.take()]
        put(storage, "c")
        await subscription.wait()
        assert (missed, [event.new.key.name for event in subscription.take()]) == (["b"], ["c"])
    put(storage, "d")
    assert subscription.take() == []


async def test_closing_wakes_subscribers() -> None:
    storage = Storage()
    firehose = storage.firehose()
    storage.close()
    await firehose.wait()
    assert firehose.closed
