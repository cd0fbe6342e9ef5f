"""Label and field selectors."""

import pytest

from vmop.devcluster.selectors import field_selector, field_value, label_selector, selector_of
from vmop.devcluster.status import StatusError


@pytest.mark.parametrize(
    ("text", "labels", "matches"),
    [
        ("a=b", {"a": "b"}, True),
        ("a==b", {"a": "c"}, False),
        ("a!=b", {}, True),
        ("a in (b, c),d", {"a": "c", "d": ""}, True),
        ("a notin (b)", {"a": "b"}, False),
        ("a", {"a": ""}, True),
        ("!a", {"a": ""}, False),
        ("n>3", {"n": "4"}, True),
        ("n<3", {"n": "4"}, False),
        ("n<3", {"n": "x"}, False),
        ("app.kubernetes.io/name=x, b", {"app.kubernetes.io/name": "x"}, False),
    ],
)
def test_label_selectors(text: str, labels: dict[str, str], *, matches: bool) -> None:
    predicate = label_selector(text)
    assert predicate is not None
    assert predicate(labels) is matches


def test_an_empty_label_selector_is_none() -> None:
    assert label_selector(" ") is None


@pytest.mark.parametrize("text", ["a in", "=b", "a=b;c", "a in (b"])
def test_a_malformed_label_selector_is_a_bad_request(text: str) -> None:
    with pytest.raises(StatusError, match="unable to parse requirement"):
        label_selector(text)


@pytest.mark.parametrize(
    ("selector", "labels", "matches"),
    [
        (None, {}, False),
        ({}, {"a": "b"}, True),
        ({"matchLabels": {"a": "b"}}, {"a": "b"}, True),
        ({"matchExpressions": [{"key": "a", "operator": "In", "values": ["b"]}]}, {"a": "c"}, False),
        ({"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["b"]}]}, {"a": "c"}, True),
        ({"matchExpressions": [{"key": "a", "operator": "Exists"}]}, {"a": "c"}, True),
        ({"matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]}, {"a": "c"}, False),
    ],
)
def test_selectors_of_manifests(selector: dict[str, object] | None, labels: dict[str, str], *, matches: bool) -> None:
    assert selector_of(selector)(labels) is matches


def test_field_selectors() -> None:
    pod = {"metadata": {"name": "p"}, "spec": {"nodeName": "n"}, "status": {"phase": "Running"}}
    selected = field_selector("spec.nodeName=n,status.phase!=Failed", "pods")
    assert selected is not None
    assert (selected(pod), selected({}), field_selector("", "pods")) == (True, False, None)


def test_a_field_selector_without_an_operator_is_a_bad_request() -> None:
    with pytest.raises(StatusError, match="invalid selector"):
        field_selector("metadata.name", "pods")


def test_a_crd_adds_selectable_fields() -> None:
    selected = field_selector("spec.size=3", "widgets", ["spec.size"])
    assert selected is not None
    assert selected({"spec": {"size": 3}})


@pytest.mark.parametrize(
    ("obj", "path", "value"),
    [
        ({}, "spec.unschedulable", "false"),
        ({"a": True}, "a", "true"),
        ({"source": {"component": "c"}}, "source", "c"),
        ({"a": "x"}, "a.b", ""),
    ],
)
def test_fields_as_text(obj: dict[str, object], path: str, value: str) -> None:
    assert field_value(obj, path) == value
