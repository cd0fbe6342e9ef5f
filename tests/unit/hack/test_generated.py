"""The files of `make generate`: current, complete, and without dead links."""

import re
from pathlib import Path

import pytest

from hack.generate import GENERATORS, main
from hack.generators.apidocs import all_fields
from hack.generators.markdown import code, prose
from hack.generators.output import ROOT, Generator
from vmop.api import KINDS
from vmop.settings import OperatorFlags, variable_values

API = ROOT / "docs" / "api.md"


@pytest.mark.parametrize("generator", GENERATORS, ids=lambda generator: generator.name)
def test_what_is_generated_is_what_is_committed(generator: Generator) -> None:
    assert generator.stale(ROOT) == []


def test_check_finds_nothing_stale(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check"]) == 0
    assert capsys.readouterr().err == ""


@pytest.fixture
def generator() -> Generator:
    return Generator("letters", "out", "*.txt", lambda: iter([("a.txt", "A\n"), ("b.txt", "B\n")]))


def test_missing_changed_and_superfluous_files_are_stale(generator: Generator, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "b.txt").write_text("changed\n")
    (folder / "c.txt").write_text("C\n")
    (folder / "other.md").write_text("not ours\n")
    assert generator.stale(tmp_path) == [folder / "a.txt", folder / "b.txt", folder / "c.txt"]


def test_writing_leaves_exactly_what_is_wanted(generator: Generator, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "c.txt").write_text("C\n")
    (folder / "other.md").write_text("not ours\n")
    assert generator.write(tmp_path) == 4
    assert {path.name: path.read_text() for path in folder.iterdir()} == {
        "a.txt": "A\n",
        "b.txt": "B\n",
        "other.md": "not ours\n",
    }
    assert generator.stale(tmp_path) == []


def sections(text: str) -> dict[str, str]:
    """The text under each heading."""
    parts = re.split(r"^#{2,3} (.+)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_every_kind_has_a_section_with_its_version_and_plural() -> None:
    found = sections(API.read_text())
    missing = [
        kind.kind
        for kind in KINDS
        if f"`apiVersion: {kind.api_version()}`; plural {code(kind.plural)}" not in found.get(kind.kind, "")
    ]
    assert missing == []


def test_every_field_stands_in_the_table_of_its_type_with_its_description() -> None:
    found = sections(API.read_text())
    missing = [
        f"{cls.__name__}.{each.spec.json}"
        for cls, each in all_fields()
        if not re.search(
            rf"^\| <a id=\"[^\"]+\"></a>{re.escape(code(each.spec.json))} \| .*{re.escape(prose(each.spec.doc))}",
            found[cls.__name__],
            re.MULTILINE,
        )
    ]
    assert missing == []


@pytest.mark.parametrize("name", ["api.md", "environment.md", "flags.md"])
def test_links_within_a_page_lead_somewhere(name: str) -> None:
    text = (ROOT / "docs" / name).read_text()
    headings = [heading.lower() for heading in re.findall(r"^#+ (\w+)$", text, re.MULTILINE)]
    anchors = headings + re.findall(r'<a id="([^"]+)">', text)
    assert len(anchors) == len(set(anchors))
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) - set(anchors) == set()


def test_structures_of_kubernetes_are_linked_to_their_documentation() -> None:
    text = API.read_text()
    used = set(re.findall(r"\*\[(\w+)\]\*", text))
    assert used == set(re.findall(r"^\[(\w+)\]: https://", text, re.MULTILINE))


def test_every_variable_is_documented() -> None:
    text = (ROOT / "docs" / "environment.md").read_text()
    assert [each.name for each in variable_values({}) if text.count(f"{code(each.name)} |") != 1] == []


def test_every_flag_is_documented() -> None:
    text = (ROOT / "docs" / "flags.md").read_text()
    assert [name for name, _, _ in OperatorFlags().values() if text.count(f"{code('-' + name)} |") != 1] == []


def test_prose_is_not_read_as_html() -> None:
    assert prose("mounted at /etc/<name>, see `<name>`") == "mounted at /etc/&lt;name>, see `<name>`"
