"""What `-printDefaults` shows: every variable with the value it would have (08 §3.8)."""

import json
from collections.abc import Mapping, Sequence
from typing import Literal, get_args

import attrs

from vmop.settings.settings import Settings
from vmop.settings.variables import texts_of, variables_of

PrintFormat = Literal["table", "list", "json", "yaml", "markdown"]
_COLUMN_GAP = 4


@attrs.frozen
class VariableValue:
    """One variable as it stands: `shown` is the text without, `used` the text with interpolation."""

    name: str
    shown: str
    used: str
    is_set: bool
    description: str


def variable_values(environ: Mapping[str, str]) -> tuple[VariableValue, ...]:
    """All variables in printing order. `is_set` says that the environment has a value for it."""
    used = texts_of(Settings, environ)
    return tuple(
        VariableValue(v.name, v.raw(environ), used[v.name], bool(environ.get(v.name)), v.description)
        for v in variables_of(Settings)
    )


def print_defaults(environ: Mapping[str, str], output_format: str = "table") -> str:
    """The listing as text that ends in a newline. Raises `ValueError` for an unknown format."""
    values = variable_values(environ)
    match output_format:
        case "table":
            header = ("KEY", "DEFAULT", "REQUIRED", "DESCRIPTION")
            lines = _aligned([header, *((v.name, v.shown, "false", v.description) for v in values)])
        case "list":
            lines = [line for v in values for line in _listed(v)]
        case "json":
            return json.dumps({v.name: v.shown for v in values}, indent=4) + "\n"
        case "yaml":
            lines = ["", *(f"{v.name}: '{v.shown}'" for v in values)]
        case "markdown":
            lines = ["| Environment variables |", "| --- |", *map(_markdown, values)]
        case _:
            known = ", ".join(get_args(PrintFormat))
            raise ValueError(f"unknown format {output_format!r}, expected one of {known}")
    return "\n".join(lines) + "\n"


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) + _COLUMN_GAP for column in zip(*rows, strict=True)]
    return ["".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _listed(value: VariableValue) -> list[str]:
    rows = (("[default]", value.shown), ("[required]", "false"), ("[description]", value.description))
    return [value.name, *(f"  {line}" for line in _aligned(rows))]


def _markdown(value: VariableValue) -> str:
    anchor = "variables-" + value.name.lower().replace("_", "-")
    return f'| {value.name}: `{value.shown or "-"}` <a href="#{anchor}" id="{anchor}">#</a><br>{value.description} |'
