"""Scripts of requests, and the answers to them.

`cases/*.yaml` holds scripts; `answers/` what a real kube-apiserver answered, in full, recorded by
`pytest tests/conformance --record`. What differs by nature from run to run (uids, versions, times, addresses, the
namespace) is blanked.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import yaml

from tests.support.clusters import MEDIA, Http

HERE = Path(__file__).parent
Manifest = dict[str, Any]
_ACCEPT = {
    "table": "application/json;as=Table;v=v1;g=meta.k8s.io",
    "metadata": "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io",
    "metadata list": "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io",
}
# After this, parsers have words of their own.
_PARSERS = "json parse error|cannot unmarshal|unable to parse requirement|continue key is not valid|is missing in '"
_CONTROLLERS = "kube-controller-manager"  # works at its own pace on what scripts make


@attrs.frozen
class Script:
    """Requests in their order, on a cluster that serves `definitions`."""

    suite: str
    name: str
    steps: tuple[Manifest, ...]
    definitions: tuple[Manifest, ...] = attrs.field(repr=False)

    def __str__(self) -> str:
        return f"{self.suite}: {self.name}"

    async def run(self, http: Http) -> list[Manifest]:
        """Do it all; the answers, blanked."""
        known = {"namespace": http.namespace}
        answers = []
        for step in self.steps:
            method, path = _filled(step["do"], known).split(" ", 1)
            kind = next((kind for kind in MEDIA if kind in step), step.get("media", "body"))
            body = _filled(step.get(kind, step.get("content")), known)
            answer = await http(method, path, body, kind=kind, accept=_ACCEPT.get(step.get("accept", ""), "*/*"))
            for name, where in step.get("save", {}).items():
                known[name] = _at(answer.body, where)
            answers.append({"status": answer.status, "body": blanked(answer.body, http.namespace)})
        return answers


def load_scripts() -> list[Script]:
    """Every script there is."""
    scripts = []
    for file in sorted((HERE / "cases").glob("*.yaml")):
        content = yaml.safe_load(file.read_text())
        definitions = tuple(content.get("definitions", ()))
        scripts += [Script(file.stem, name, tuple(steps), definitions) for name, steps in content["cases"].items()]
    return scripts


class Answers:
    """The recorded answers of one suite."""

    def __init__(self, suite: str) -> None:
        self._file = HERE / "answers" / f"{suite}.yaml"
        self._answers: dict[str, list[Manifest]] = {}
        if self._file.exists():
            self._answers = yaml.load(self._file.read_text(), yaml.CSafeLoader)

    def of(self, name: str) -> list[Manifest]:
        return self._answers[name]

    def record(self, name: str, answers: list[Manifest]) -> None:
        self._answers[name] = answers

    def save(self) -> None:
        text = yaml.safe_dump(self._answers, default_flow_style=None, width=120, sort_keys=True, allow_unicode=True)
        self._file.write_text(text)


def blanked(value: Any, namespace: str) -> Any:
    """`value` without what differs by nature from run to run."""
    match value:
        case dict():
            kept = {_blanked_text(key): blanked(one, namespace) for key, one in value.items()}
            _blank_metadata(kept)
            match kept.get("kind"):
                case "Status":
                    _blank_causes(kept)
                case "Table":
                    _blank_table(kept)
                case "Deployment" if "metadata" in kept:
                    kept.pop("status", None)
                    _drop_annotation(kept["metadata"], "deployment.kubernetes.io/revision")
            return kept
        case list():
            return [blanked(one, namespace) for one in value]
        case str():
            return _blanked_text(value.replace(namespace, "NAMESPACE"))
    return value


def _blank_metadata(kept: Manifest) -> None:
    if kept.get("resourceVersion", "0") not in ("", "0"):
        kept["resourceVersion"] = "VERSION"
    if kept.get("continue"):
        kept["continue"] = "CONTINUE"
    if isinstance(kept.get("managedFields"), list):
        entries = [one for one in kept["managedFields"] if one.get("manager") != _CONTROLLERS]
        kept["managedFields"] = sorted(entries, key=_order)


def _blank_causes(status: Manifest) -> None:
    """The real server says a few things several times, and in any order."""
    causes = (status.get("details") or {}).get("causes") or []
    if causes:
        unique = [one for index, one in enumerate(causes) if one not in causes[:index]]
        status["details"]["causes"] = sorted(unique, key=str)
    if len(causes) > 1:
        status["message"] = re.sub(r": \[.*\]$", ": [CAUSES]", status["message"])


def _blank_table(table: Manifest) -> None:
    table["rows"] = [{**row, "cells": [_blanked_age(one) for one in row["cells"]]} for row in table["rows"] or ()]
    for column in table["columnDefinitions"]:
        column.pop("description")  # of Kubernetes' documentation


def _drop_annotation(metadata: Manifest, name: str) -> None:
    metadata.get("annotations", {}).pop(name, None)
    if not metadata.get("annotations", True):
        del metadata["annotations"]


def _blanked_age(cell: Any) -> Any:
    return "AGE" if isinstance(cell, str) and re.fullmatch(r"\d+s", cell) else cell


def _order(entry: Mapping[str, str]) -> tuple[str, ...]:
    return entry.get("manager", ""), entry.get("operation", ""), entry.get("subresource", "")


def _blanked_text(text: str) -> str:
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}", "UID", text)
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME", text)
    text = re.sub(f"({_PARSERS}).*", r"\1", text)
    text = re.sub(r"\n@@.*", "", text, flags=re.DOTALL)  # a diff of Go structs
    text = re.sub(r" in scheme .*", "", text)
    text = re.sub(r"^( \"\" is invalid: patch: )?Invalid value: \"(\{|map\[).*", r"\1Invalid value", text)
    text = re.sub(r"in record \(\d+\)", "in record (VERSION)", text)
    return re.sub(r"\b10\.\d+\.\d+\.\d+", "ADDRESS", text)


def _at(body: Any, where: str) -> Any:
    for part in where.split("."):
        body = body[int(part)] if isinstance(body, list) else body[part]
    return body


def _filled(value: Any, known: Mapping[str, Any]) -> Any:
    match value:
        case dict():
            return {_filled(key, known): _filled(one, known) for key, one in value.items()}
        case list():
            return [_filled(one, known) for one in value]
        case str():
            return re.sub(r"\$\{(\w+)\}", lambda match: str(known[match[1]]), value)
    return value
