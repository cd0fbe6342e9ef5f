"""Scrape objects (05-scrapes.md 12, part 3): selectors, and the targets of a probe."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from vmop.api.fields import Manifest
from vmop.api.problems import Problem
from vmop.api.v1beta1 import VMNodeScrape, VMPodScrape, VMProbe, VMServiceScrape

OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")
_VALUE = re.compile(r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?)?")
_VALUE_RULE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)


def check_selector(cr: VMServiceScrape | VMPodScrape | VMNodeScrape) -> Iterator[Problem]:
    """Problems of an object that finds its targets by label."""
    yield from label_selector("spec.selector", cr.spec.selector)


def label_selector(path: str, selector: Manifest | None, prefix: str = "") -> Iterator[Problem]:
    """Problems of a label selector, in Kubernetes' own words."""
    labels: Mapping[str, Any] = (selector or {}).get("matchLabels") or {}
    for key, value in labels.items():
        yield from _values(f"{path}.matchLabels", key, [value], prefix)
    for index, each in enumerate((selector or {}).get("matchExpressions") or ()):
        where = f"{path}.matchExpressions[{index}]"
        key, operator, values = each.get("key", ""), each.get("operator", ""), each.get("values") or []
        if operator not in OPERATORS:
            yield Problem(f"{where}.operator", f'{prefix}"{operator}" is not a valid label selector operator')
        elif operator in ("In", "NotIn") and not values:
            rule = "for 'in', 'notin' operators, values set can't be empty"
            yield Problem(f"{where}.values", f"{prefix}values: Invalid value: []: {rule}")
        elif operator in ("Exists", "DoesNotExist") and values:
            rule = "values set must be empty for exists and does not exist"
            yield Problem(f"{where}.values", f"{prefix}values: Invalid value: {json.dumps(values)}: {rule}")
        else:
            yield from _values(f"{where}.values", key, values, prefix)


def _values(path: str, key: str, values: list[Any], prefix: str) -> Iterator[Problem]:
    for index, value in enumerate(values):
        if not (isinstance(value, str) and len(value) <= 63 and _VALUE.fullmatch(value)):
            yield Problem(path, f'{prefix}values[{index}][{key}]: Invalid value: "{value}": {_VALUE_RULE}')


def check_vmprobe(cr: VMProbe) -> Iterator[Problem]:
    """Problems of a VMProbe, in the order in which the Go operator looks for them."""
    targets, path = cr.spec.targets, "spec.targets"
    if targets is None:
        return
    for index, each in enumerate(targets.kubernetes or ()):
        where = f"{path}.kubernetes[{index}]"
        if not each.role:
            yield Problem(f"{where}.role", f"{where}.role is required")
        yield from label_selector(f"{where}.selector", each.selector, f"invalid {where}.selector: ")
    if targets.static and targets.static_config:
        yield Problem(
            path,
            "both spec.targets.staticConfig and spec.targets.static are set, which is not allowed. "
            "Use spec.targets.static",
        )
    if targets.ingress:
        prefix = "invalid spec.targets.ingress.selector: "
        yield from label_selector(f"{path}.ingress.selector", targets.ingress.selector, prefix)
