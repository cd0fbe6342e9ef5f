"""Whether a live object holds what is desired."""

import base64
import gzip
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmop.kube.apply.compare import contains, keep_live_bytes, quantity, same

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text("ab", max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("500m", "0.5"),
        ("1Gi", str(1024**3)),
        ("1G", str(10**9)),
        ("2e3", "2000"),
        ("1E", str(10**18)),
        (".5", "0.5"),
        ("10n", "0.00000001"),
        (3, "3"),
        ("-1.5k", "-1500"),
    ],
)
def test_a_quantity_has_a_value(text: object, value: str) -> None:
    assert quantity(text) == Decimal(value)


@pytest.mark.parametrize("text", ["", "1 Gi", "Gi", "1Ki5", True, None, [], "1e"])
def test_other_things_are_no_quantities(text: object) -> None:
    assert quantity(text) is None


@pytest.mark.parametrize(
    ("desired", "live"),
    [
        ({"a": 1}, {"a": 1, "default": 2}),
        ({"a": ""}, {}),
        ({"a": {"b": []}}, None),
        ({"a": []}, {"a": None}),
        ({"resources": {"limits": {"cpu": "1000m"}}}, {"resources": {"limits": {"cpu": "1"}}}),
        ({"emptyDir": {"sizeLimit": "1024Mi"}}, {"emptyDir": {"sizeLimit": "1Gi"}}),
        ({"limits": {"cpu": 1}}, {"limits": {"cpu": "1"}}),
        ({"a": 1}, {"a": 1.0}),
        ([{"a": 1}], [{"a": 1, "b": 2}]),
    ],
)
def test_held(desired: Any, live: Any) -> None:
    assert contains(live, desired)


@pytest.mark.parametrize(
    ("desired", "live"),
    [
        ({"a": 1}, {}),
        ({"a": 1}, {"a": 2}),
        ({"a": 1}, []),
        ({"a": ""}, {"a": "x"}),
        ({"a": []}, {"a": [1]}),
        ({"a": [1]}, {"a": [1, 2]}),
        ({"a": [1, 2]}, {"a": [2, 1]}),
        ({"a": [1]}, {"a": {"b": 1}}),
        ({"args": ["1000m"]}, {"args": ["1"]}),
        ({"env": [{"value": "1"}]}, {"env": [{"value": "1.0"}]}),
        ({"limits": {"cpu": "x"}}, {"limits": {"cpu": "y"}}),
        ({"a": True}, {"a": 1}),
        ({"a": 0}, {}),
        ({"a": False}, {}),
    ],
)
def test_not_held(desired: Any, live: Any) -> None:
    assert not contains(live, desired)


def test_built_in_kinds_drop_zeros() -> None:
    assert [contains({}, {"a": zero}, zero_is_absent=True) for zero in (0, False, 1)] == [True, True, False]


@given(JSON)
def test_every_value_holds_itself(value: Any) -> None:
    assert contains(value, value)
    assert same(value, value)


@given(st.dictionaries(st.sampled_from("abc"), JSON), st.dictionaries(st.sampled_from("xyz"), JSON))
def test_what_others_add_does_not_count(desired: dict[str, Any], more: dict[str, Any]) -> None:
    assert contains({**desired, **more}, desired)


def test_equal_maps_have_the_same_keys() -> None:
    assert [same({"a": "1"}, other) for other in ({"a": "1"}, {"a": "1", "b": ""}, {"a": "1", "b": "2"})] == [
        True,
        False,
        False,
    ]


def encoded(value: bytes) -> str:
    return base64.b64encode(value).decode()


def test_live_bytes_stay_where_the_decompressed_content_is_the_same() -> None:
    content = b"text\n" * 50
    fast, best = encoded(gzip.compress(content, 1, mtime=0)), encoded(gzip.compress(content, 9, mtime=1))
    live = {
        "data": {"same": fast, "plain": "MQ==", "broken": encoded(b"\x1f\x8bxx"), "text": "not base64!"},
        "binaryData": {"same": fast, "changed": encoded(gzip.compress(b"old"))},
    }
    changed = encoded(gzip.compress(b"new"))
    desired = {
        "data": {"same": best, "plain": "Mg==", "broken": encoded(b"\x1f\x8byy"), "text": "other", "new": best},
        "binaryData": {"same": best, "changed": changed},
    }
    assert keep_live_bytes(desired, live) == {
        "data": {**desired["data"], "same": fast},
        "binaryData": {"same": fast, "changed": changed},
    }


def test_values_that_are_no_text_are_left() -> None:
    assert keep_live_bytes({"data": {"a": 1}}, {"data": {"a": 2}}) == {"data": {"a": 1}}
