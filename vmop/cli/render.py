"""``vmop render``: the manifests that the operator would make of a resource, without a cluster.

Builders are pure functions of a resource and the operator's settings; these come from the same environment variables as
the operator's. What lives in a cluster (contents of Secrets, other resources) is not there: a resource that needs it is
refused with the builder's reason. References to the owner are left out, since they need its uid.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO, TypeAlias

import yaml

from vmop.api import Manifest, SpecError, parse
from vmop.api.v1beta1 import VMAgent, VMAuth, VMCluster
from vmop.builders import BuildError, build_vmagent, build_vmauth, build_vmcluster
from vmop.cli.documents import SyntaxProblem, documents
from vmop.settings import Settings, SettingsError

Render: TypeAlias = Callable[[Manifest, Settings], list[Manifest]]

_BUILDERS: Mapping[str, Render] = {
    "VMCluster": lambda manifest, settings: build_vmcluster(parse(VMCluster, manifest).object, settings).all(),
    "VMAgent": lambda manifest, settings: build_vmagent(parse(VMAgent, manifest).object, settings).all(),
    "VMAuth": lambda manifest, settings: build_vmauth(parse(VMAuth, manifest).object, settings).all(),
}
STDIN = Path("-")


class CannotRender(Exception):
    """A document cannot be rendered; the text names the file and the line, and says why."""


def render(files: Sequence[Path], namespace: str, environ: Mapping[str, str], out: TextIO, err: TextIO) -> int:
    """Write the manifests of all documents as YAML; returns the exit code, 1 where one cannot be rendered.

    `namespace` is that of resources that name none.
    """
    try:
        settings = Settings.from_env(environ)
        for file in files:
            for manifest in _of_file(file, namespace, settings):
                out.write("---\n")
                yaml.dump(manifest, out, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    except BrokenPipeError:
        raise  # the reader has seen enough: the command line ends without a word
    except (CannotRender, SettingsError, OSError) as error:
        err.write(f"error: {error}\n")
        return 1
    return 0


def _of_file(file: Path, namespace: str, settings: Settings) -> Iterator[Manifest]:
    text = sys.stdin.read() if file == STDIN else file.read_text(encoding="utf-8")
    try:
        for document in documents(text):
            try:
                yield from _of_document(document.value, namespace, settings)
            except SpecError as error:
                problem = error.problems[0]
                where = document.line(problem.path)
                raise CannotRender(f"{file}:{where}: {problem.path}: {problem.message}") from None
            except BuildError as error:
                raise CannotRender(f"{file}:{document.line(error.path)}: {error.path}: {error}") from None
            except CannotRender as error:
                raise CannotRender(f"{file}:{document.line()}: {error}") from None
    except SyntaxProblem as error:
        raise CannotRender(f"{file}:{error.line}: {error}") from None


def _of_document(value: Any, namespace: str, settings: Settings) -> Iterator[Manifest]:
    kind = value.get("kind") if isinstance(value, dict) else None
    build = _BUILDERS.get(str(kind))
    if build is None:
        raise CannotRender(f"cannot render kind {kind}, only {', '.join(_BUILDERS)}")
    metadata = value.get("metadata")
    if not isinstance(metadata, dict) or not metadata.get("name"):
        raise CannotRender("metadata.name is missing")
    named: Manifest = {**value, "metadata": {"namespace": namespace, **metadata}}
    for manifest in build(named, settings):
        manifest["metadata"].pop("ownerReferences", None)
        yield manifest


class _Dumper(yaml.SafeDumper):
    """Writes everything out: manifests share parts, which YAML would anchor."""

    def ignore_aliases(self, data: object) -> bool:
        return True
