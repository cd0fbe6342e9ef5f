from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.informers.objects import config_map, uid, wire
from vmop.informers.objects import DecodedCache, Home, Kind, StoredObject, pack
from vmop.informers.versions import is_comparable, not_older
from vmop.kube import Manifest, ObjectKey
from vmop.kube.resources import CONFIG_MAP


def stored(manifest: Manifest, *, decoded: DecodedCache | None = None) -> StoredObject:
    kind = Kind(CONFIG_MAP, DecodedCache() if decoded is None else decoded, 0)
    return pack(wire(manifest), Home(kind, manifest["metadata"].get("namespace", "")))


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\n"), max_size=20)


@given(
    st.fixed_dictionaries(
        {
            "name": texts.filter(bool),
            "uid": st.one_of(st.uuids().map(str), texts.filter(bool)),
            "resourceVersion": texts.filter(bool),
        },
        optional={
            "namespace": texts.filter(bool),
            "generation": st.integers(1, 2**50),
            "labels": st.dictionaries(texts, texts, min_size=1),
            "annotations": st.dictionaries(texts, texts, min_size=1),
            "finalizers": st.lists(texts, min_size=1),
        },
    ),
    st.dictionaries(texts, texts),
)
def test_gives_back_what_was_packed(metadata: dict[str, Any], data: dict[str, str]) -> None:
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
    entry = stored(manifest)
    assert entry.manifest() == manifest
    assert dict(entry.metadata) == metadata
    assert entry.get("data") == data
    assert (entry.uid, entry.resource_version) == (metadata["uid"], metadata["resourceVersion"])
    assert entry.generation == metadata.get("generation", 0)
    assert entry.labels == metadata.get("labels", {})
    assert entry.annotations == metadata.get("annotations", {})
    assert entry.key == ObjectKey(metadata.get("namespace", ""), metadata["name"])


def test_tells_fields_and_what_is_absent() -> None:
    entry = stored(config_map(data={"a": "b"}, labels={"x": "1"}, deletionTimestamp="2026-01-01T00:00:00Z"))
    assert entry.get("apiVersion") == "v1"
    assert entry.get("kind") == "ConfigMap"
    assert entry.get("metadata")["uid"] == uid(1)
    assert entry.get("spec", 3) == 3
    assert entry.raw("data") == b'{"a":"b"}'
    assert entry.raw("spec") is None
    assert entry.label("x") == "1"
    assert entry.label("y") is None
    assert entry.deletion_timestamp == "2026-01-01T00:00:00Z"
    assert stored(config_map()).deletion_timestamp is None
    assert repr(entry) == "StoredObject(ConfigMap obs/a, resourceVersion=1)"


def test_a_manifest_may_be_changed_by_who_asked_for_it() -> None:
    entry = stored(config_map(data={"a": "b"}))
    entry.manifest()["data"]["a"] = "c"
    assert entry.manifest() == config_map(data={"a": "b"})


def test_decoded_fields_are_kept_up_to_a_size() -> None:
    decoded = DecodedCache(max_bytes=100)
    small = stored(config_map(data={"a": "b"}), decoded=decoded)
    large = stored(config_map("b", data={"a": "b" * 100}), decoded=decoded)
    assert small.get("data") is small.get("data")
    assert large.get("data") is not large.get("data")
    assert len(decoded) == 1


def test_the_least_recently_used_is_forgotten_first() -> None:
    decoded = DecodedCache(max_bytes=40)
    one, two, three, four, five = (stored(config_map(n, data={"a": n}), decoded=decoded) for n in "12345")
    kept = one.get("data")
    for entry in (two, three, four):
        entry.get("data")
    assert one.get("data") is kept
    five.get("data")
    assert one.get("data") is kept
    assert len(decoded) == 4


@pytest.mark.parametrize(
    ("version", "than", "result"),
    [("9", "10", False), ("10", "9", True), ("7", "7", True), ("a", "a", True), ("a", "7", None), ("07", "7", None)],
)
def test_versions_are_compared_only_where_that_means_something(version: str, than: str, result: bool | None) -> None:
    assert not_older(version, than) is result


def test_zero_is_no_version_of_an_object() -> None:
    assert not is_comparable("0")
    assert not is_comparable("")
