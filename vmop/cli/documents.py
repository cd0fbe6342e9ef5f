"""YAML files as a person wrote them: every document, and the line on which each of its fields stands.

The C parser gives nodes with their positions. A document's value is made from its node, and a path such as
`spec.zones[1].name` is followed through the same node. Plain scalars are read as kubectl reads them: a date is a
string, and so is `1:30`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import attrs
import yaml

_PREFIX = "tag:yaml.org,2002:"
_INT = re.compile(r"[-+]?(0b[01_]+|0x[0-9a-fA-F_]+|0o?[0-7_]+|0|[1-9][0-9_]*)$")
_FLOAT = re.compile(
    r"[-+]?([0-9][0-9_]*(\.[0-9_]*)?|\.[0-9][0-9_]*)([eE][-+]?[0-9]+)?$|[-+]?\.(inf|Inf|INF)$|\.(nan|NaN|NAN)$"
)
_INDEX = re.compile(r"\[(\d+)\]")

_Resolvers = dict[str, list[tuple[str, re.Pattern[str]]]]


class SyntaxProblem(Exception):
    """A file is not YAML from `line` on."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


@attrs.frozen
class Document:
    """One document of a file; `number` and lines count from 1.

    `repeated` has path and line of every key that its mapping already had; the last one wins without a word.
    """

    number: int
    value: Any
    node: yaml.Node = attrs.field(repr=False)
    repeated: tuple[tuple[str, int], ...] = ()

    def line(self, path: str = "") -> int:
        """The line of what is at a path, or of the nearest thing around it that is in the file."""
        at: yaml.Node = self.node
        line = self.node.start_mark.line
        while path:
            match at:
                case yaml.MappingNode():
                    found = _entry(at, path)
                    if found is None:
                        break
                    key, at = found
                    line, path = key.start_mark.line, path[len(str(key.value)) :].removeprefix(".")
                case yaml.SequenceNode():
                    index = _INDEX.match(path)
                    if index is None or int(index[1]) >= len(at.value):
                        break
                    at = at.value[int(index[1])]
                    line, path = at.start_mark.line, path[index.end() :].removeprefix(".")
                case _:
                    break
        return line + 1


def documents(text: str) -> Iterator[Document]:
    """The documents of a file, without empty ones. Raises SyntaxProblem where the text is not YAML."""
    loader = _Loader(text)
    number = 0
    try:
        while loader.check_node():
            number += 1
            node = loader.get_node()
            if node is None:
                continue
            repeated = tuple(_repeated(node, ""))  # before `<<` is resolved, which puts entries into their mappings
            value = _json(loader.construct_document(node))
            if value is not None:
                yield Document(number, value, node, repeated)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise SyntaxProblem(mark.line + 1 if mark else 1, error.problem or error.context or "invalid YAML") from None
    except yaml.YAMLError as error:
        raise SyntaxProblem(1, str(error).splitlines()[0]) from None
    finally:
        loader.dispose()


def _resolvers() -> _Resolvers:
    replaced = {_PREFIX + name for name in ("int", "float", "timestamp")}
    table: _Resolvers = {
        first: [(tag, regexp) for tag, regexp in resolvers if tag not in replaced]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    for first in "-+.0123456789":
        table.setdefault(first, []).extend([(f"{_PREFIX}int", _INT), (f"{_PREFIX}float", _FLOAT)])
    return table


class _Loader(yaml.CSafeLoader):
    """The safe loader without dates and without numbers to the base of 60."""

    yaml_implicit_resolvers = _resolvers()


def _entry(mapping: yaml.MappingNode, path: str) -> tuple[yaml.Node, yaml.Node] | None:
    """The entry with the longest key that the path begins with: a key may have dots. The last one of equal keys."""
    best: tuple[yaml.Node, yaml.Node] | None = None
    for key, value in mapping.value:
        name = str(key.value)
        begins = path.startswith(name) and path[len(name) :][:1] in ("", ".", "[")
        if begins and (best is None or len(name) >= len(str(best[0].value))):
            best = key, value
    return best


def _repeated(node: yaml.Node, path: str) -> Iterator[tuple[str, int]]:
    match node:
        case yaml.MappingNode():
            seen: set[str] = set()
            for key, value in node.value:
                name = str(key.value)
                inner = f"{path}.{name}" if path else name
                if name in seen:
                    yield inner, key.start_mark.line + 1
                seen.add(name)
                yield from _repeated(value, inner)
        case yaml.SequenceNode():
            for index, each in enumerate(node.value):
                yield from _repeated(each, f"{path}[{index}]")


def _json(value: Any) -> Any:
    """The value as JSON has it: keys are strings, and 1.0 is 1."""
    match value:
        case dict():
            return {_key(key): _json(each) for key, each in value.items()}
        case list():
            return [_json(each) for each in value]
        case float() if value.is_integer():
            return int(value)
    return value


def _key(key: Any) -> str:
    match key:
        case bool():
            return "true" if key else "false"
        case None:
            return "null"
    return str(key)
