"""The rules of a schema, one by one."""

from typing import Any

import pytest

from vmop.cli.constraints import broken_rules

OPEN = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def found(schema: dict[str, Any], value: Any) -> list[tuple[str, str]]:
    return [(problem.path, problem.message) for problem in broken_rules(schema, value, "spec")]


@pytest.mark.parametrize(
    ("schema", "good", "bad", "message"),
    [
        ({"type": "string", "enum": ["a", "b"]}, "a", "c", "expected one of a, b"),
        ({"type": "string", "pattern": "^[0-9]+s$"}, "5s", "5", "must match ^[0-9]+s$"),
        ({"type": "string", "minLength": 1}, "x", "", "must not be empty"),
        ({"type": "string", "minLength": 2}, "xy", "x", "must have 2 characters or more"),
        ({"type": "string", "maxLength": 2}, "xy", "xyz", "must have 2 characters or less"),
        ({"type": "integer", "minimum": 0}, 0, -1, "must be 0 or more"),
        ({"type": "integer", "maximum": 5}, 5, 6, "must be 5 or less"),
        ({"type": "integer", "format": "int32"}, 2**31 - 1, 2**31, "does not fit int32"),
        ({"type": "integer", "format": "int64"}, -(2**63), 2**63, "does not fit int64"),
        ({"type": "array", "minItems": 1}, [1], [], "must have 1 entries or more"),
        ({"type": "array", "maxItems": 1}, [1], [1, 2], "must have 1 entries or less"),
    ],
)
def test_a_rule_is_kept_or_broken(schema: dict[str, Any], good: Any, bad: Any, message: str) -> None:
    assert (found(schema, good), found(schema, bad)) == ([], [("spec", message)])


def test_null_is_an_absent_field() -> None:
    schema = {
        "type": "object",
        "required": ["a"],
        "properties": {"a": {"type": "string"}, "b": {"type": "string", "enum": ["x"]}},
    }
    assert found(schema, {"a": None, "b": None}) == [("spec.a", "is required")]


def test_null_is_no_entry_of_a_list() -> None:
    assert found({"type": "array", "items": {"type": "string"}}, ["a", None]) == [("spec[1]", "must not be null")]
    assert found({"type": "array", "items": {"type": "string", "nullable": True}}, ["a", None]) == []
    assert found({"type": "array", "items": {}}, [None]) == []


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "integer", "minimum": 9}, True),
        ({"type": "integer", "minimum": 9}, "text"),
        ({"type": "string", "minLength": 9}, 5),
        ({"type": "array", "minItems": 9}, {"a": 1}),
        ({"required": ["a"]}, [1]),
    ],
)
def test_a_value_of_a_wrong_type_is_left_to_the_parser(schema: dict[str, Any], value: Any) -> None:
    assert found(schema, value) == []


def test_required_and_unknown_fields_are_named() -> None:
    schema = {
        "type": "object",
        "required": ["name"],
        "properties": {"name": {"type": "string"}, "inner": {"type": "object", "required": ["x"]}},
    }
    assert found(schema, {"inner": {}, "other": 1}) == [
        ("spec.name", "is required"),
        ("spec.inner.x", "is required"),
        ("spec.other", "unknown field"),
    ]


def test_values_of_a_map_have_the_rules_of_its_schema() -> None:
    schema = {"type": "object", "additionalProperties": {"type": "string", "minLength": 1}}
    assert found(schema, {"a": "x", "b": ""}) == [("spec.b", "must not be empty")]


def test_open_objects_take_anything() -> None:
    assert found(OPEN, {"a": 1, "b": None}) == []


def test_entries_with_the_same_keys_are_found() -> None:
    schema = {
        "type": "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["name"],
        "items": {"type": "object", "properties": {"name": {"type": "string"}}},
    }
    assert found(schema, [{"name": "a"}, {"name": "b"}, {"name": "a"}]) == [("spec[2]", "has the same name as [0]")]


def test_equal_entries_of_a_set_are_found() -> None:
    schema = {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}}
    assert found(schema, ["a", "a"]) == [("spec[1]", "has the same value as [0]")]
