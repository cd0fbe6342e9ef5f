import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmop.kube import LineSplitter, ObjectKey, decode_object
from vmop.kube.resources import CONFIG_MAP, POD
from vmop.kube.wire import LAST_APPLIED, ObjectDecoder, encode

TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
NAME = st.text(alphabet="abcdefghij-.0123456789", min_size=1, max_size=20)
METADATA = st.fixed_dictionaries(
    {"name": NAME},
    optional={
        "generateName": NAME,
        "namespace": NAME,
        "uid": NAME,
        "resourceVersion": st.integers(1, 2**40).map(str),
        "generation": st.integers(1, 1000),
        "creationTimestamp": st.just("2026-01-01T00:00:00Z"),
        "deletionTimestamp": st.just("2026-01-01T00:00:00Z"),
        "deletionGracePeriodSeconds": st.integers(0, 100),
        "labels": st.dictionaries(TEXT, TEXT, max_size=3),
        "annotations": st.dictionaries(TEXT, TEXT, max_size=3),
        "finalizers": st.lists(NAME, max_size=2),
        "ownerReferences": st.lists(
            st.fixed_dictionaries({"kind": NAME, "uid": NAME, "controller": st.booleans()}), max_size=2
        ),
    },
)
FIELD = TEXT.filter(lambda name: name not in ("metadata", "apiVersion", "kind"))
OBJECT = st.builds(
    lambda metadata, fields: {"apiVersion": "v1", "kind": "Thing", "metadata": metadata, **fields},
    METADATA,
    st.dictionaries(FIELD, JSON, max_size=4),
)


@given(OBJECT)
def test_a_manifest_comes_back_as_it_was_sent(manifest: dict[str, Any]) -> None:
    assert decode_object(json.dumps(manifest).encode()).manifest() == manifest


@given(OBJECT)
def test_metadata_and_fields_share_the_object_between_them(manifest: dict[str, Any]) -> None:
    decoded = decode_object(json.dumps(manifest).encode())
    fields = {name: json.loads(raw) for name, raw in decoded.fields.items()}
    assert {"metadata": decoded.metadata, **fields} == manifest


@given(st.lists(st.binary(max_size=30).map(lambda raw: raw.replace(b"\n", b"x") + b"!")), st.data())
def test_lines_do_not_depend_on_how_the_stream_is_cut(lines: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(line + b"\n" for line in lines)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=10)))
    splitter = LineSplitter()
    found: list[bytes] = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        found += splitter.feed(stream[start:end])
    assert (found, splitter.flush()) == (lines, b"")


def test_a_line_of_megabytes_in_small_pieces_is_one_line() -> None:
    splitter = LineSplitter()
    assert [line for _ in range(4096) for line in splitter.feed(b"x" * 1024)] == []
    assert splitter.feed(b"\n") == [b"x" * (4096 * 1024)]


def test_empty_lines_are_left_out_and_an_unfinished_one_is_the_rest() -> None:
    splitter = LineSplitter()
    assert splitter.feed(b"\n\r\na\n\nb") == [b"a"]
    assert splitter.flush() == b"b"
    assert splitter.flush() == b""


def managed(manager: str, time: str | None, **more: Any) -> dict[str, Any]:
    entry = {"manager": manager, "operation": "Update", "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {}}, **more}
    return entry if time is None else {"time": time, **entry}


def decoded_managers(*entries: dict[str, Any]) -> Any:
    raw = json.dumps({"metadata": {"name": "a", "managedFields": list(entries)}}).encode()
    return decode_object(raw).metadata.get("managedFields")


def test_of_managed_fields_only_the_newest_change_by_another_manager_of_the_object_itself_is_kept() -> None:
    assert decoded_managers(
        managed("kubectl", "2026-01-01T00:00:00Z"),
        managed("helm", "2026-01-03T00:00:00Z", apiVersion="v1"),
        managed("flux", "2026-01-02T00:00:00Z"),
        managed("vmop", "2026-01-05T00:00:00Z"),
        managed("kubelet", "2026-01-04T00:00:00Z", subresource="status"),
    ) == [{"manager": "helm", "operation": "Update", "time": "2026-01-03T00:00:00Z"}]


def test_managed_fields_of_our_own_are_dropped() -> None:
    assert decoded_managers(managed("vmop", "2026-01-05T00:00:00Z"), managed("vmop-status", None)) is None


def test_other_managers_can_be_declared_our_own() -> None:
    raw = json.dumps({"metadata": {"name": "a", "managedFields": [managed("mine", "2026-01-05T00:00:00Z")]}}).encode()
    assert ObjectDecoder(own_managers={"mine"}).decode(raw).metadata == {"name": "a"}


def test_of_a_last_applied_annotation_only_its_presence_is_kept() -> None:
    raw = json.dumps({"metadata": {"name": "a", "annotations": {LAST_APPLIED: "{...}", "b": "c"}}}).encode()
    assert decode_object(raw).metadata == {"name": "a", "annotations": {LAST_APPLIED: "", "b": "c"}}


def test_a_known_resource_names_the_kind_that_a_list_leaves_out() -> None:
    decoded = decode_object(b'{"metadata":{"name":"a","namespace":"n"},"data":{"x":"y"}}', CONFIG_MAP)
    assert decoded.manifest() == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "a", "namespace": "n"},
        "data": {"x": "y"},
    }


def test_metadata_only_drops_what_a_server_sends_that_does_not_know_partial_objects() -> None:
    decoder = ObjectDecoder(POD, metadata_only=True)
    decoded = decoder.decode(b'{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"},"spec":{"x":1}}')
    assert decoded.manifest() == {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}}


def test_a_manifest_is_the_callers_to_change() -> None:
    decoded = decode_object(b'{"metadata":{"name":"a","labels":{"x":"y"}},"spec":{"b":[1]}}')
    first = decoded.manifest()
    first["spec"]["b"].append(2)
    first["metadata"]["labels"]["x"] = "z"
    assert decoded.manifest() == {"metadata": {"name": "a", "labels": {"x": "y"}}, "spec": {"b": [1]}}


def test_an_object_shows_its_key_but_no_content() -> None:
    decoded = decode_object(b'{"metadata":{"name":"a","namespace":"n","resourceVersion":"7"},"data":{"password":"x"}}')
    assert decoded.key == ObjectKey("n", "a")
    assert repr(decoded) == "WireObject(n/a, resourceVersion=7)"


def test_a_null_creation_time_and_no_metadata_are_read() -> None:
    assert decode_object(b'{"metadata":{"name":"a","creationTimestamp":null}}').metadata == {"name": "a"}
    assert decode_object(b"{}").metadata == {}


@pytest.mark.parametrize("raw", [b"", b"[]", b'{"metadata":{"name":1}}', b'{"metadata":'])
def test_what_is_no_object_is_a_decode_error(raw: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_object(raw)


def test_an_error_event_keeps_the_fields_of_its_status() -> None:
    line = b'{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","code":410,"metadata":{}}}'
    kind, status = ObjectDecoder(POD, metadata_only=True).event(line)
    assert (kind, status.manifest()) == (
        "ERROR",
        {"kind": "Status", "apiVersion": "v1", "code": 410, "metadata": {}},
    )


@pytest.mark.parametrize("fields", [{}, {"spec": {"a": [1]}}, {"spec": {}, "status": {"b": "c"}}, {"data": {"d": "e"}}])
def test_an_event_is_read_the_same_whatever_fields_its_object_has(fields: dict[str, Any]) -> None:
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "b"}, **fields}
    other = manifest | {"rules": []}
    decoder = ObjectDecoder(CONFIG_MAP)
    lines = [encode({"type": "ADDED", "object": each}) for each in (manifest, other, manifest)]
    assert [decoder.event(line)[1].manifest() for line in lines] == [manifest, other, manifest]
