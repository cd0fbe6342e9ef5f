"""YAML as the Go operator writes it (04 §15, 06 §17), so that taking over a config changes not a byte of it.

Block style, two spaces, list items not indented under their key. Strings are plain where they read back as the same
string under YAML 1.1; double-quoted where they would read as something else; literal where they have lines;
libyaml, on which Go's emitter was modelled, single-quotes what is left and folds at 80 columns.
"""

import re
from collections.abc import Callable, Mapping
from functools import cmp_to_key
from typing import Any

import yaml

_WORDS = frozenset(
    word
    for base in ("y", "yes", "true", "on", "n", "no", "false", "off", "null")
    for word in (base, base.capitalize(), base.upper())
) | {"", "~", "<<"}
_INFINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_INTEGER = re.compile(r"[-+]?(?:0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+)")
_SEXAGESIMAL = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?")
_TIMESTAMP = re.compile(
    r"[0-9]{4}-(?:0?[1-9]|1[0-2])-(?:0?[1-9]|[12][0-9]|3[01])"
    r"(?:[Tt ][0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}(?:\.[0-9]+)?(?:Z|[-+][0-9]{2}:[0-9]{2})?)?"
)
_DIGITS = re.compile(r"[0-9]+")
_RUN_BEFORE = re.compile(r"[0-9]+$")
_STRING = "tag:yaml.org,2002:str"


class _Dumper(yaml.CSafeDumper):
    """Never aliases: equal parts of a config are written out each time. Types are those that Go sees in plain text."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def resolve(self, kind: type[yaml.Node], value: Any, implicit: Any) -> str:
        if kind is yaml.ScalarNode and implicit[0] and not reads_as_another_type(value):
            return _STRING
        tag: str = super().resolve(kind, value, implicit)  # type: ignore[no-untyped-call] # of types-PyYAML
        return tag


def _string(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else '"' if reads_as_another_type(text) else None
    return dumper.represent_scalar(_STRING, text, style=style)


_Dumper.add_representer(str, _string)


def yaml_text(value: Any) -> str:
    """The document, with one newline at its end. Maps keep their order."""
    text: str = yaml.dump(value, Dumper=_Dumper, default_flow_style=False, sort_keys=False, allow_unicode=True)
    return text


def reads_as_another_type(text: str) -> bool:
    """Unquoted, `text` would be a boolean, a number, a date or null under YAML 1.1."""
    number = text.replace("_", "")
    return (
        text in _WORDS
        or any(pattern.fullmatch(text) for pattern in (_INFINITE, _SEXAGESIMAL, _TIMESTAMP))
        or any(pattern.fullmatch(number) for pattern in (_FLOAT, _INTEGER))
    )


def sorted_map(values: Mapping[str, Any]) -> dict[str, Any]:
    """A map in the order of Go's YAML library: runs of digits by their number, letters after other characters (but
    before those where a digit precedes them)."""
    key: Callable[[str], Any] = cmp_to_key(_compare)
    return {name: values[name] for name in sorted(values, key=key)}


def _compare(one: str, other: str) -> int:
    """Below zero where `one` goes first: decided by the first character that differs, and the digits from there on."""
    differs = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), None)
    if differs is None:
        return len(one) - len(other)
    first, second = one[differs], other[differs]
    if first.isalpha() or second.isalpha():
        if first.isalpha() != second.isalpha():
            after_digit = one[:differs][-1:].isdecimal()
            return -1 if first.isalpha() == after_digit else 1
        return 1 if first > second else -1
    runs = [_digits(text, differs) for text in (one, other)]
    # a zero only counts as the first digit of a number where none stands before it
    before = _RUN_BEFORE.search(one[:differs])
    lead = "1" if "0" in (first, second) and before is not None and before[0].strip("0") else ""
    numbers = [int(lead + run or "0") for run in runs]
    if numbers[0] != numbers[1]:
        return numbers[0] - numbers[1]
    if len(runs[0]) != len(runs[1]):
        return len(runs[0]) - len(runs[1])
    return 1 if first > second else -1


def _digits(text: str, start: int) -> str:
    match = _DIGITS.match(text, start)
    return match[0] if match else ""
