"""`vmop validate`: are these manifests right, without a cluster.

What would refuse an object is looked for in this order: the YAML itself, the rules of the kind's schema (the API
server), types and unknown fields (the strict parser), the checks of the specs (the webhook). Objects of other kinds are
passed over. One problem is one line, with the line of the file on which it stands.
"""

from __future__ import annotations

import html
import json
import re
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TextIO

import attrs

from vmop.api import KINDS, CustomResource, Manifest, Problem, SpecError, crd, kind_of, parse
from vmop.api import validate as problems_of
from vmop.cli.constraints import broken_rules
from vmop.cli.documents import Document, SyntaxProblem, documents

FORMATS = ("text", "json", "junit")
STDIN = Path("-")
_SUFFIXES = (".yaml", ".yml", ".json")
_GROUP = KINDS[0].group
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$")
_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@attrs.frozen
class Finding:
    """One problem. `document` and `line` count from 1; `document` is 0 where the file as a whole is wrong."""

    file: str
    document: int
    line: int
    object: str
    path: str
    message: str

    def __str__(self) -> str:
        where = f"document {self.document}" if self.document else ""
        place = ", ".join(filter(None, [where, self.object]))
        text = ": ".join(filter(None, [f"{self.file}:{self.line}", place, self.path, self.message]))
        return " ".join(text.split())


@attrs.frozen
class Checked:
    """An object of our kinds, or what could not be read as one, with what is wrong with it."""

    file: str
    document: int
    object: str
    findings: tuple[Finding, ...]


def validate(files: Sequence[Path], format: str, out: TextIO, summary: TextIO | None = None) -> int:  # noqa: A002
    """Check files (`-` is standard input) and folders, and write what is wrong; 1 if anything is, else 0.

    `summary` gets a sentence on how much was checked, so that silence is not mistaken for a check. Raises ValueError
    for an unknown format.
    """
    if format not in FORMATS:
        raise ValueError(f"unknown format {format!r}, expected one of {', '.join(FORMATS)}")
    checked = [each for path in _expanded(files) for each in _check_file(path)]
    findings = [finding for each in checked for finding in each.findings]
    match format:
        case "text":
            out.writelines(f"{finding}\n" for finding in findings)
        case "json":
            document = {"objects": len(checked), "problems": [attrs.asdict(finding) for finding in findings]}
            out.write(json.dumps(document, indent=2) + "\n")
        case "junit":
            out.write(_junit(checked))
    if summary is not None:
        summary.write(f"{_count(len(checked), 'object')} checked, {_count(len(findings), 'problem')}\n")
    return 1 if findings else 0


def check_text(text: str, file: str) -> Iterator[Checked]:
    """The objects of a file's text with what is wrong with each."""
    try:
        for document in documents(text):
            yield from _check_document(document, file)
    except SyntaxProblem as error:
        yield _broken_file(file, error.line, str(error))


def _expanded(files: Sequence[Path]) -> Iterator[Path]:
    for path in files:
        if path.is_dir():
            yield from (each for each in sorted(path.rglob("*")) if each.suffix in _SUFFIXES and each.is_file())
        else:
            yield path


def _check_file(path: Path) -> Iterator[Checked]:
    if path == STDIN:
        yield from check_text(sys.stdin.read(), "<stdin>")
        return
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror or "cannot be read" if isinstance(error, OSError) else "is not UTF-8"
        yield _broken_file(str(path), 1, reason)
        return
    yield from check_text(text, str(path))


def _broken_file(file: str, line: int, message: str) -> Checked:
    return Checked(file, 0, "", (Finding(file, 0, line, "", "", message),))


def _check_document(document: Document, file: str) -> Iterator[Checked]:
    for prefix, manifest in _manifests(document.value, ""):
        kind = _kind(manifest)
        if kind is None:
            continue
        name = _shown(manifest)
        found = [] if isinstance(kind, str) else list(_problems(kind, manifest))
        if isinstance(kind, str):
            found.append(("", kind))
        findings = [
            Finding(file, document.number, document.line(f"{prefix}{path}".strip(".")), name, path, message)
            for path, message in dict.fromkeys(found)
        ]
        findings += [
            Finding(file, document.number, line, name, path.removeprefix(prefix), "the key is repeated")
            for path, line in document.repeated
            if path.startswith(prefix)
        ]
        yield Checked(file, document.number, name, tuple(sorted(findings, key=lambda finding: finding.line)))


def _manifests(value: Any, prefix: str) -> Iterator[tuple[str, Manifest]]:
    """The objects of a document with what their paths begin with there: the items of a List are objects, too."""
    if not isinstance(value, dict):
        return
    items = value.get("items")
    if str(value.get("kind", "")).endswith("List") and isinstance(items, list):
        for index, item in enumerate(items):
            yield from _manifests(item, f"{prefix}items[{index}].")
    else:
        yield prefix, value


def _kind(manifest: Manifest) -> type[CustomResource] | str | None:
    """The class of an object; what is wrong if it is of our group but none; None for others."""
    api_version, name = manifest.get("apiVersion"), manifest.get("kind")
    if not isinstance(api_version, str) or not isinstance(name, str):
        return "apiVersion and kind are required" if "spec" in manifest else None
    if api_version.partition("/")[0] != _GROUP:
        return None
    if kind := kind_of(api_version, name):
        return kind
    versions = [each.api_version() for each in KINDS if each.kind == name]
    return f"{name} is of {versions[0]}" if versions else f"no kind {name} in {api_version}"


def _problems(kind: type[CustomResource], manifest: Manifest) -> Iterator[tuple[str, str]]:
    yield from _metadata_problems(manifest.get("metadata"))
    spec = manifest.get("spec")
    refused = list(broken_rules(_spec_schema(kind.kind), spec, "spec")) if isinstance(spec, dict) else []
    yield from refused
    if kind.spec_required and spec is None:
        yield "spec", "is required"
    told = {problem.path for problem in refused}
    yield from (problem for problem in _deeper_problems(kind, manifest) if problem.path not in told)


def _deeper_problems(kind: type[CustomResource], manifest: Manifest) -> Iterator[Problem]:
    """What the schema does not tell: of the strict parser, or else of the checks of the specs."""
    try:
        parsed = parse(kind, manifest)
    except SpecError as error:
        yield from error.problems
        return
    yield from (Problem(path, "unknown field") for path in parsed.unknown_fields)
    yield from problems_of(parsed.object)


def _metadata_problems(metadata: Any) -> Iterator[tuple[str, str]]:
    if not isinstance(metadata, dict):
        yield "metadata", "is required"
        return
    name = metadata.get("name")
    if not name and not metadata.get("generateName"):
        yield "metadata.name", "is required"
    elif name and not (isinstance(name, str) and len(name) <= 253 and _NAME.match(name)):
        yield "metadata.name", "must be lower-case letters, digits, - and ., as in a DNS name"


@cache
def _spec_schema(name: str) -> Manifest:
    [version] = crd(next(kind for kind in KINDS if kind.kind == name))["spec"]["versions"]
    schema: Manifest = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
    return schema


def _shown(manifest: Manifest) -> str:
    metadata = manifest.get("metadata")
    parts = (metadata.get("namespace"), metadata.get("name")) if isinstance(metadata, dict) else ()
    name = "/".join(str(part) for part in parts if part)
    return " ".join(str(part) for part in (manifest.get("kind"), name) if part)


def _junit(checked: Sequence[Checked]) -> str:
    failures = sum(1 for each in checked if each.findings)
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<testsuite name="vmop validate" tests="{len(checked)}" failures="{failures}" errors="0" skipped="0">',
    ]
    for each in checked:
        name = f"document {each.document}: {each.object}" if each.document else "file"
        head = f'  <testcase classname="{_xml(each.file)}" name="{_xml(name)}"'
        if not each.findings:
            lines.append(f"{head}/>")
            continue
        text = "\n".join(map(str, each.findings))
        lines.append(f"{head}>")
        lines.append(f'    <failure message="{_count(len(each.findings), "problem")}">{_xml(text)}</failure>')
        lines.append("  </testcase>")
    return "\n".join([*lines, "</testsuite>", ""])


def _xml(text: str) -> str:
    return html.escape(_NOT_XML.sub("?", text))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
