"""YAML text: when strings are quoted and how, and the order of maps."""

import pytest

from vmop.builders.yamltext import sorted_map, yaml_text


@pytest.mark.parametrize(
    "text",
    [
        *("", "~", "null", "Null", "true", "True", "FALSE", "y", "N", "yes", "Off", "on", "<<"),
        *("1234", "-5", "+7", "0x1F", "0b101", "0o17", "017", "1e3", "1_000", "1.", ".5", "12:30:45", "1:30"),
        *(".inf", "-.Inf", ".nan", "2026-01-02", "2026-1-2", "2026-01-02T03:04:05Z", "2026-01-02 03:04:05.5"),
    ],
)
def test_what_reads_as_another_type_is_double_quoted(text: str) -> None:
    assert yaml_text({"key": text}) == f'key: "{text}"\n'


@pytest.mark.parametrize(
    "text",
    [
        *("dash", "http://db.apps.svc:8428/", "X:1", "a-b", "x=y", "1.2.3.4", "v1.150.0", "10.0.0.0/8", "5m", "0x"),
        *("übergröße", "yEs", "nULL", "2026-13-01", "/api/v1/.+", "^m[.]example[.]com$", "1:99", "a:b", "="),
    ],
)
def test_what_reads_as_itself_is_plain(text: str) -> None:
    assert yaml_text([text]) == f"- {text}\n"


@pytest.mark.parametrize("text", ["X-A: 1", '{env="dev"}', "%{VAR}", "# no", "* all", " led", "trail ", "- item", "@x"])
def test_what_cannot_be_plain_is_single_quoted(text: str) -> None:
    assert yaml_text({"key": text}) == f"key: '{text}'\n"


def test_lines_become_a_literal_block() -> None:
    assert yaml_text({"a": "one\ntwo", "b": "one\ntwo\n"}) == "a: |-\n  one\n  two\nb: |\n  one\n  two\n"


def test_long_text_is_folded_at_spaces_only() -> None:
    words, solid = " ".join(["word"] * 20), "x" * 100
    folded = (
        "- word word word word word word word word word word word word word word word word\n  word word word word\n"
    )
    assert yaml_text([words, solid]) == f"{folded}- {solid}\n"


def test_lists_are_not_indented_and_equal_parts_are_written_out() -> None:
    part = {"a": [1]}
    text = "one:\n  a:\n  - 1\ntwo:\n  a:\n  - 1\nnothing: {}\nnobody: []\nflag: false\n"
    assert yaml_text({"one": part, "two": part, "nothing": {}, "nobody": [], "flag": False}) == text


def test_maps_are_sorted_with_numbers_by_value_and_letters_last() -> None:
    keys = ["a10", "A", "b", "a2", "_x", "a", "aa", "1", "a02", "a1b", "a12", "a105", "a1-", "a1_"]
    expected = ["_x", "1", "A", "a", "a1b", "a1-", "a1_", "a2", "a02", "a10", "a12", "a105", "aa", "b"]
    assert list(sorted_map(dict.fromkeys(keys))) == expected
