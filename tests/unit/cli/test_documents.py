"""YAML with lines: where each field stands, and which values its scalars have."""

import textwrap

import pytest

from vmop.cli.documents import Document, SyntaxProblem, documents


def parsed(text: str) -> list[Document]:
    return list(documents(textwrap.dedent(text)))


EXAMPLE = """\
# a comment
spec:
  zones:
    - name: a
      labels: {x.y: 1, x: 2}
    -
      name: b
  extraArgs:
    dedup.minScrapeInterval: 1m
    dedup: 5
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("", 2),
        ("spec", 2),
        ("spec.zones", 3),
        ("spec.zones[0]", 4),
        ("spec.zones[0].labels.x.y", 5),
        ("spec.zones[1].name", 7),
        ("spec.extraArgs.dedup.minScrapeInterval", 9),
        ("spec.extraArgs.dedup", 10),
    ],
)
def test_a_path_leads_to_the_line_of_its_key(path: str, line: int) -> None:
    [document] = parsed(EXAMPLE)
    assert document.line(path) == line


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("spec.zones[1].other", 7),
        ("spec.zones[7].name", 3),
        ("spec.extraArgs.dedup.deeper", 10),
        ("spec.missing.deep", 2),
        ("elsewhere", 2),
    ],
)
def test_what_is_not_there_has_the_line_of_what_is_around_it(path: str, line: int) -> None:
    [document] = parsed(EXAMPLE)
    assert document.line(path) == line


def test_documents_are_counted_with_the_empty_ones() -> None:
    found = parsed("a: 1\n---\n---\n# nothing\n---\nb: 2\n")
    assert [(each.number, each.value, each.line()) for each in found] == [(1, {"a": 1}, 1), (4, {"b": 2}, 6)]


@pytest.mark.parametrize(
    ("scalar", "value"),
    [
        ("2026-01-02", "2026-01-02"),
        ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"),
        ("1:30", "1:30"),
        ("30s", "30s"),
        ("0x10", 16),
        ("017", 15),
        ("08", 8),
        ("1_000", 1000),
        ("-5", -5),
        ("1.5", 1.5),
        ("1e3", 1000),
        ("3.0", 3),
        ("1.2.3", "1.2.3"),
        ('"5"', "5"),
        ("yes", True),
        ("~", None),
    ],
)
def test_scalars_are_read_as_kubectl_reads_them(scalar: str, value: object) -> None:
    [document] = parsed(f"value: [{scalar}]")
    assert document.value == {"value": [value]}


def test_keys_are_strings() -> None:
    [document] = parsed("2: a\ntrue: b\n~: c\n")
    assert document.value == {"2": "a", "true": "b", "null": "c"}


def test_merged_entries_have_the_line_on_which_they_are_written() -> None:
    [document] = parsed(
        """\
        base: &base
          a: 1
          b: 1
        other:
          <<: *base
          b: 2
        """
    )
    assert document.value == {"base": {"a": 1, "b": 1}, "other": {"a": 1, "b": 2}}
    assert (document.line("other.a"), document.line("other.b"), document.repeated) == (2, 6, ())


def test_repeated_keys_are_found_at_any_depth() -> None:
    [document] = parsed("a: 1\nb:\n  - c: 1\n    c: 2\na: 2\n")
    assert document.repeated == (("b[0].c", 4), ("a", 5))


def test_documents_before_a_syntax_error_are_still_given() -> None:
    found = documents("a: 1\n---\nb: [\n")
    assert next(found).value == {"a": 1}
    with pytest.raises(SyntaxProblem) as caught:
        next(found)
    assert (caught.value.line, str(caught.value)) == (4, "did not find expected node content")


def test_a_character_that_yaml_does_not_know_is_a_syntax_problem() -> None:
    with pytest.raises(SyntaxProblem) as caught:
        parsed("a: \x01\n")
    assert caught.value.line == 1
