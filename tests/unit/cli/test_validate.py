"""`vmop validate`: what is found, where it is said to be, and in which form."""

import io
import json
import subprocess
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from vmop.cli.validate import check_text, validate

HEAD = "apiVersion: operator.victoriametrics.com/v1beta1\n"
BROKEN = """\
apiVersion: operator.victoriametrics.com/v1beta1
kind: VMCluster
metadata:
  name: main
  namespace: obs
spec:
  retentionPeriod: 5
  vmstorage:
    replicaCount: 1
    logLevel: loud
    replicaCount: 2
    bogus: {}
    affinity:
    terminationGracePeriodSeconds: -5
---
apiVersion: apps/v1
kind: Deployment
metadata: {}
spec: {}
---
apiVersion: v1
kind: List
items:
  - apiVersion: operator.victoriametrics.com/v1beta1
    kind: VMUser
    metadata:
      name: Somebody
    spec:
      username: a
  - apiVersion: operator.victoriametrics.com/v1beta1
    kind: VMNodeScrape
    metadata:
      name: fine
    spec: {}
"""


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    path = tmp_path / "broken.yaml"
    path.write_text(BROKEN)
    return path


def lines(text: str) -> Sequence[tuple[int, str, str]]:
    """Line, path and message of all that is found in a text."""
    return [(f.line, f.path, f.message) for each in check_text(textwrap.dedent(text), "x") for f in each.findings]


def test_each_problem_is_a_line_with_file_line_document_object_path_and_message(broken: Path) -> None:
    out, summary = io.StringIO(), io.StringIO()
    assert validate([broken], "text", out, summary) == 1
    cluster, user = "document 1, VMCluster obs/main", "document 3, VMUser Somebody"
    name = "must be lower-case letters, digits, - and ., as in a DNS name"
    assert out.getvalue().splitlines() == [
        f"{broken}:7: {cluster}: spec.retentionPeriod: expected string, got integer",
        f"{broken}:10: {cluster}: spec.vmstorage.logLevel: expected one of INFO, WARN, ERROR, FATAL, PANIC",
        f"{broken}:11: {cluster}: spec.vmstorage.replicaCount: the key is repeated",
        f"{broken}:12: {cluster}: spec.vmstorage.bogus: unknown field",
        f"{broken}:27: {user}: metadata.name: {name}",
        f"{broken}:28: {user}: spec.targetRefs: is required",
    ]
    assert summary.getvalue() == "3 objects checked, 6 problems\n"


def test_json_has_the_same_as_fields(broken: Path) -> None:
    out = io.StringIO()
    assert validate([broken], "json", out) == 1
    document = json.loads(out.getvalue())
    assert (document["objects"], len(document["problems"])) == (3, 6)
    assert document["problems"][0] == {
        "file": str(broken),
        "document": 1,
        "line": 7,
        "object": "VMCluster obs/main",
        "path": "spec.retentionPeriod",
        "message": "expected string, got integer",
    }


def test_junit_has_a_case_for_each_object(broken: Path) -> None:
    out = io.StringIO()
    assert validate([broken], "junit", out) == 1
    suite = ET.fromstring(out.getvalue())
    assert suite.attrib == {"name": "vmop validate", "tests": "3", "failures": "2", "errors": "0", "skipped": "0"}
    assert [(case.get("name"), len(case)) for case in suite] == [
        ("document 1: VMCluster obs/main", 1),
        ("document 3: VMUser Somebody", 1),
        ("document 3: VMNodeScrape fine", 0),
    ]
    assert (suite[1][0].get("message"), (suite[1][0].text or "").count("\n")) == ("2 problems", 1)


def test_without_a_problem_the_exit_code_is_zero_and_nothing_is_written(tmp_path: Path) -> None:
    path = tmp_path / "fine.yaml"
    path.write_text(f'{HEAD}kind: VMSingle\nmetadata: {{generateName: a-}}\nspec: {{retentionPeriod: "1"}}\n')
    out = io.StringIO()
    assert (validate([path], "text", out), out.getvalue()) == (0, "")


def test_folders_are_searched_for_manifests(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "b.json").write_text('{"apiVersion": "operator.victoriametrics.com/v1beta1", "kind": "X"}')
    (tmp_path / "a.yml").write_text(f"{HEAD}kind: Y\n")
    (tmp_path / "readme.md").write_text("a: [")
    out = io.StringIO()
    validate([tmp_path], "text", out)
    assert out.getvalue().splitlines() == [
        f"{tmp_path}/a.yml:1: document 1, Y: no kind Y in operator.victoriametrics.com/v1beta1",
        f"{tmp_path}/deep/b.json:1: document 1, X: no kind X in operator.victoriametrics.com/v1beta1",
    ]


def test_files_that_cannot_be_read_are_problems(tmp_path: Path) -> None:
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "syntax.yaml").write_text("a: 1\nb: [\n")
    out = io.StringIO()
    names = ("binary.yaml", "missing.yaml", "syntax.yaml")
    assert validate([tmp_path / name for name in names], "text", out) == 1
    assert out.getvalue().splitlines() == [
        f"{tmp_path}/binary.yaml:1: is not UTF-8",
        f"{tmp_path}/missing.yaml:1: No such file or directory",
        f"{tmp_path}/syntax.yaml:3: did not find expected node content",
    ]


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown format 'xml', expected one of text, json, junit"):
        validate([], "xml", io.StringIO())


def test_a_kind_in_a_wrong_version_is_told_its_right_one() -> None:
    text = "apiVersion: operator.victoriametrics.com/v1\nkind: VMUser\nmetadata: {name: a}\n"
    assert lines(text) == [(1, "", "VMUser is of operator.victoriametrics.com/v1beta1")]


@pytest.mark.parametrize("text", ["- 1\n", "5\n", "kind: Deployment\n", "apiVersion: v1\nkind: Pod\nspec: {}\n"])
def test_what_is_none_of_ours_is_passed_over(text: str) -> None:
    assert list(check_text(text, "x")) == []


def test_a_spec_without_a_kind_is_a_problem() -> None:
    assert lines("spec: {}\n") == [(1, "", "apiVersion and kind are required")]


def test_metadata_and_a_required_spec_are_missed() -> None:
    assert lines(f"{HEAD}kind: VMRule\n") == [
        (1, "metadata", "is required"),
        (1, "spec", "is required"),
    ]


def test_unknown_fields_are_found_in_open_places_too() -> None:
    text = f"""\
{HEAD}kind: VMAuth
metadata: {{name: a}}
spec:
  bogus: 1
  other:
    deep: 2
"""
    assert lines(text) == [(5, "spec.bogus", "unknown field"), (6, "spec.other", "unknown field")]


def test_checks_of_the_specs_have_the_line_of_their_path() -> None:
    text = f"""\
{HEAD}kind: VMAgent
metadata: {{name: a}}
spec:
  remoteWrite:
    - url: http://a
    - url: http://b
  daemonSetMode: true
  statefulMode: true
"""
    assert [(line, path) for line, path, _ in lines(text)] == [(8, "spec.daemonSetMode")]


@pytest.mark.parametrize(("text", "code"), [(BROKEN, 1), (f"{HEAD}kind: VMNodeScrape\nmetadata: {{name: a}}\n", 0)])
def test_the_command_reads_standard_input_and_tells_by_its_exit_code(text: str, code: int) -> None:
    command = [sys.executable, "-m", "vmop.cli", "validate", "-"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert (done.returncode, bool(done.stdout)) == (code, bool(code))
    assert done.stdout.replace("<stdin>", "x").splitlines() == [
        str(finding) for each in check_text(text, "x") for finding in each.findings
    ]


def test_the_command_refuses_an_unknown_format() -> None:
    command = [sys.executable, "-m", "vmop.cli", "validate", "-o", "xml", "-"]
    done = subprocess.run(command, input="", capture_output=True, text=True, check=False)
    assert (done.returncode, "expected one of text, json, junit" in " ".join(done.stderr.split())) == (2, True)
