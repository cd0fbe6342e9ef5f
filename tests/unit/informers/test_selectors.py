import pytest

from vmop.informers import FieldSelector, LabelSelector, Requirement


def test_reads_every_form_of_a_label_requirement() -> None:
    parsed = LabelSelector.parse("a=b, c==d,e!=f,g in (h, i),j notin (k),l,!m.io/n")
    assert parsed == LabelSelector(
        (
            Requirement("a", "In", ("b",)),
            Requirement("c", "In", ("d",)),
            Requirement("e", "NotIn", ("f",)),
            Requirement("g", "In", ("h", "i")),
            Requirement("j", "NotIn", ("k",)),
            Requirement("l", "Exists"),
            Requirement("m.io/n", "DoesNotExist"),
        )
    )


@pytest.mark.parametrize("text", ["a in b", "=b", "a=b=c", "a>1", "a b"])
def test_refuses_what_is_no_label_selector(text: str) -> None:
    with pytest.raises(ValueError, match="is not a requirement"):
        LabelSelector.parse(text)


@pytest.mark.parametrize(
    ("text", "labels", "matches"),
    [
        ("", {}, True),
        ("a=b", {"a": "b"}, True),
        ("a=b", {"a": "c"}, False),
        ("a=b", {}, False),
        ("a!=b", {}, True),
        ("a!=b", {"a": "b"}, False),
        ("a in (b,c)", {"a": "c"}, True),
        ("a notin (b,c)", {"a": "c"}, False),
        ("a", {"a": ""}, True),
        ("a", {}, False),
        ("!a", {}, True),
        ("!a", {"a": ""}, False),
        ("a=b,c=d", {"a": "b"}, False),
    ],
)
def test_labels_match_when_all_requirements_hold(text: str, labels: dict[str, str], matches: bool) -> None:
    assert LabelSelector.parse(text).matches(labels.get) is matches


def test_reads_the_selector_of_a_manifest() -> None:
    manifest = {"matchLabels": {"a": "b"}, "matchExpressions": [{"key": "c", "operator": "NotIn", "values": ["d"]}]}
    assert LabelSelector.from_manifest(manifest) == LabelSelector.parse("a=b,c!=d")


def test_refuses_an_unknown_operator_in_a_manifest() -> None:
    with pytest.raises(ValueError, match="operator 'Gt' of a label selector"):
        LabelSelector.from_manifest({"matchExpressions": [{"key": "c", "operator": "Gt", "values": ["1"]}]})


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("", True),
        ("type=helm", True),
        ("type!=helm", False),
        ("metadata.name==a,type!=b", True),
        ("spec.nodeName=", True),
        ("spec.on=true,spec.n=3", False),
        ("metadata.on=true,metadata.n=3", True),
    ],
)
def test_fields_match_by_their_path(text: str, matches: bool) -> None:
    manifest = {"type": "helm", "metadata": {"name": "a", "on": True, "n": 3}}
    assert FieldSelector.parse(text).matches(manifest) is matches


def test_refuses_what_is_no_field_selector() -> None:
    with pytest.raises(ValueError, match="'a in b' is not path=value"):
        FieldSelector.parse("a in b")
