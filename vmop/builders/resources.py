"""Container resources: what the user set, and the defaults beside it (01 §5.2)."""

import re
from collections.abc import Mapping
from decimal import Decimal

from vmop.builders.base import Manifest
from vmop.settings import DefaultResources

_QUANTITY = re.compile(r"([+-]?[0-9.]+)([a-zA-Z]*)")
_BINARY = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_DECIMAL = ("m", "", "k", "M", "G", "T", "P", "E")


def canonical_quantity(text: str) -> str:
    """The spelling of a quantity that the API server stores: `1000m` → `1`, `1024Mi` → `1Gi`; others stay."""
    match = _QUANTITY.fullmatch(text)
    if match is None or "." in match[1]:
        return text
    number, unit = Decimal(match[1]), match[2]
    scale, step = (_BINARY, 1024) if unit in _BINARY[1:] else (_DECIMAL, 1000)
    if unit not in scale or not number:
        return text
    index = scale.index(unit)
    while number % step == 0 and index + 1 < len(scale):
        number, index = number / step, index + 1
    return f"{number:f}{scale[index]}"


def with_default_resources(user: Mapping[str, Manifest] | None, defaults: DefaultResources, enabled: bool) -> Manifest:
    """The user's resources, and for each resource name that has neither request nor limit the default ones."""
    limits = dict((user or {}).get("limits") or {})
    requests = dict((user or {}).get("requests") or {})
    if enabled:
        given = limits.keys() | requests.keys()
        limits |= _canonical(defaults.limits, given)
        requests |= _canonical(defaults.requests, given)
    rest = {key: value for key, value in (user or {}).items() if key not in {"limits", "requests"}}
    return {**rest, **({"limits": limits} if limits else {}), **({"requests": requests} if requests else {})}


def _canonical(defaults: Mapping[str, str], given: set[str]) -> dict[str, str]:
    return {name: canonical_quantity(quantity) for name, quantity in defaults.items() if name not in given}
