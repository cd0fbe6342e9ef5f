"""YAML files as a person wrote them: every document with the line on which each of its fields stands.

The C parser gives nodes with their positions; a value is made from a node, and a path such as `spec.zones[1].name` is
followed through the nodes. Scalars are read as Kubernetes reads them: a date is a string, and so is `1:30`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import attrs
import yaml

_PREFIX = "tag:yaml.org,2002:"
_PLAIN_SCALARS: Mapping[str, tuple[re.Pattern[str], str]] = {
    "int": (re.compile(r"[-+]?(0b[01_]+|0x[0-9a-fA-F_]+|0o?[0-7_]+|0|[1-9][0-9_]*)$"), "-+0123456789"),
    "float": (
        re.compile(r"[-+]?([0-9][0-9_]*)?(\.[0-9_]*)?([eE][-+]?[0-9]+)?$|[-+]?\.(inf|Inf|INF)$|\.(nan|NaN|NAN)$"),
        "-+0123456789.",
    ),
}


class _Loader(yaml.CSafeLoader):
    """The safe loader without dates and without numbers to the base of 60."""

    yaml_implicit_resolvers = {  # noqa: RUF012 (as the base class has it)
        first: [(tag, regexp) for tag, regexp in resolvers if tag.removeprefix(_PREFIX) not in ("timestamp", "int", "float")]
        for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
    }


for _name, (_regexp, _first) in _PLAIN_SCALARS.items():
    _Loader.add_implicit_resolver(_PREFIX + _name, _regexp, list(_first))
