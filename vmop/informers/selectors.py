"""Selectors, evaluated on this side of the wire.

The server evaluates the selectors of a list or a watch. Listers need them too, and the overlay of our own
writes: what we wrote may be something that the watch would not show. Syntax and meaning: Kubernetes
documentation, "Labels and selectors" and "Field selectors".
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Literal

import attrs

from vmop.kube import Manifest

Operator = Literal["In", "NotIn", "Exists", "DoesNotExist"]


@attrs.frozen
class Requirement:
    """One condition on one label. ``NotIn`` also holds where the label is absent."""

    label: str
    operator: Operator
    values: tuple[str, ...] = ()

    def holds(self, value: str | None) -> bool:
        match self.operator:
            case "In":
                return value is not None and value in self.values
            case "NotIn":
                return value is None or value not in self.values
            case "Exists":
                return value is not None
            case "DoesNotExist":
                return value is None


@attrs.frozen
class LabelSelector:
    """All of its requirements must hold; without any it selects everything."""

    requirements: tuple[Requirement, ...] = ()

    @classmethod
    def of(cls, labels: Mapping[str, str]) -> "LabelSelector":
        return cls(tuple(Requirement(label, "In", (value,)) for label, value in labels.items()))

    @classmethod
    def from_manifest(cls, selector: Manifest) -> "LabelSelector":
        """From ``{"matchLabels": …, "matchExpressions": …}``. Raises :class:`ValueError` for an unknown operator."""
        requirements = list(cls.of(selector.get("matchLabels") or {}).requirements)
        for expression in selector.get("matchExpressions") or ():
            operator = expression.get("operator")
            if operator not in ("In", "NotIn", "Exists", "DoesNotExist"):
                raise ValueError(
                    f"operator {operator!r} of a label selector: In, NotIn, Exists and DoesNotExist are accepted"
                )
            requirements.append(Requirement(expression["key"], operator, tuple(expression.get("values") or ())))
        return cls(tuple(requirements))

    @classmethod
    def parse(cls, text: str) -> "LabelSelector":
        """From the text of a query.

        ``a=b,c!=d,e in (f,g),h notin (i),j,!k``. Raises :class:`ValueError` for anything else.
        """
        return cls(tuple(_requirement(part.strip(), text) for part in _split(text)))

    def matches(self, label: Callable[[str], str | None]) -> bool:
        """``label`` gives the value of a label by its name, ``None`` where it is absent (``labels.get``)."""
        return all(requirement.holds(label(requirement.label)) for requirement in self.requirements)


@attrs.frozen
class FieldSelector:
    """Equalities and inequalities of fields by their dotted path."""

    requirements: tuple[tuple[str, bool, str], ...] = ()

    @classmethod
    def parse(cls, text: str) -> "FieldSelector":
        """From ``metadata.name=a,type!=b``. Raises :class:`ValueError` for anything else."""
        requirements = []
        for part in filter(None, text.split(",")):
            found = _FIELD.fullmatch(part.strip())
            if found is None:
                raise ValueError(f"field selector {text!r}: {part.strip()!r} is not path=value or path!=value")
            requirements.append((found[1], found[2] != "!=", found[3]))
        return cls(tuple(requirements))

    def matches(self, manifest: Manifest) -> bool:
        return all((_field(manifest, path) == value) is equal for path, equal, value in self.requirements)


_FIELD = re.compile(r"([^=!\s]+)\s*(==|=|!=)\s*(.*)")
_SET = re.compile(r"(\S+)\s+(in|notin)\s*\(([^()]*)\)")
_EQUALITY = re.compile(r"([^=!\s]+)\s*(==|=|!=)\s*([^=!\s]*)")
_NAME = re.compile(r"(!?)\s*([A-Za-z0-9][-A-Za-z0-9_./]*)")


def _split(text: str) -> list[str]:
    """Parts at the commas that are outside of parentheses."""
    return [part for part in re.split(r",(?![^()]*\))", text) if part.strip()]


def _requirement(part: str, text: str) -> Requirement:
    if found := _SET.fullmatch(part):
        values = tuple(value.strip() for value in found[3].split(","))
        return Requirement(found[1], "In" if found[2] == "in" else "NotIn", values)
    if found := _EQUALITY.fullmatch(part):
        return Requirement(found[1], "NotIn" if found[2] == "!=" else "In", (found[3],))
    if found := _NAME.fullmatch(part):
        return Requirement(found[2], "DoesNotExist" if found[1] else "Exists")
    raise ValueError(f"label selector {text!r}: {part!r} is not a requirement")


def _field(manifest: Manifest, path: str) -> str:
    value: Any = manifest
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case _:
            return str(value)
