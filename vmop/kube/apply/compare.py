"""Whether a live object holds what is desired.

Empty, null and absent are one; quantities are compared by value; lists item by item and in order; what the live
object has beyond desired does not count. Whether something beyond desired is a default of the server or another's
field is not seen here but in ``managedFields``.
"""

import base64
import binascii
import re
import zlib
from decimal import Decimal
from typing import Any

from vmop.kube.resources import Manifest

_QUANTITY = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(?:([eE][+-]?\d+)|([KMGTPE]i|[numkMGTPE]))?")
_FACTORS = {
    **{f"{prefix}i": Decimal(1024) ** power for power, prefix in enumerate("KMGTPE", 1)},
    **{prefix: Decimal(1000) ** power for power, prefix in enumerate("numkMGTPE", -3) if prefix in "num"},
    **{prefix: Decimal(1000) ** power for power, prefix in enumerate("kMGTPE", 1)},
}
_QUANTITY_MAPS = frozenset({"limits", "requests", "capacity", "minAllowed", "maxAllowed", "overhead"})
_QUANTITY_FIELDS = frozenset({"sizeLimit", "divisor", "averageValue", "maxDiskSize"})
_GZIP = b"\x1f\x8b"


def quantity(value: object) -> Decimal | None:
    """The number that a Kubernetes quantity means (``500m``, ``1Gi``, ``2e3``); ``None`` for what is not one."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    match = _QUANTITY.fullmatch(str(value))
    if match is None:
        return None
    number, exponent, suffix = match.groups()
    return Decimal(number + (exponent or "")) * _FACTORS.get(suffix or "", Decimal(1))


def is_empty(value: object) -> bool:
    """Whether ``value`` says no more than an absent field."""
    return value is None or value in ("", {}, [])


def contains(live: Any, desired: Any, *, zero_is_absent: bool = False, field: str = "", parent: str = "") -> bool:
    """Whether ``live`` holds all of ``desired``.

    ``zero_is_absent``: a desired ``false`` or ``0`` is held by an absent field, as built-in kinds drop it from
    their output; in custom resources it means something. ``field`` and ``parent`` are the last names on the path:
    they tell quantities.
    """
    if is_empty(desired):
        return isinstance(desired, dict) or is_empty(live)
    match desired:
        case dict():
            return isinstance(live if live is not None else {}, dict) and all(
                contains((live or {}).get(key), value, zero_is_absent=zero_is_absent, field=key, parent=field)
                for key, value in desired.items()
            )
        case list():
            return (
                isinstance(live, list)
                and len(live) == len(desired)
                and all(
                    contains(have, want, zero_is_absent=zero_is_absent, field=field, parent=parent)
                    for have, want in zip(live, desired, strict=True)
                )
            )
    if live is None:
        return zero_is_absent and desired in (False, 0)
    if type(live) is type(desired) and live == desired:
        return True
    return _same_number(live, desired, field, parent)


def _same_number(live: Any, desired: Any, field: str, parent: str) -> bool:
    if isinstance(live, bool) or isinstance(desired, bool):
        return False
    if isinstance(live, int | float) and isinstance(desired, int | float):
        return live == desired
    if field not in _QUANTITY_FIELDS and parent not in _QUANTITY_MAPS:
        return False
    number = quantity(desired)
    return number is not None and number == quantity(live)


def same(live: Any, desired: Any, *, field: str = "") -> bool:
    """Whether each of both holds the other; of maps also the keys are the same."""
    if isinstance(live, dict) and isinstance(desired, dict) and live.keys() != desired.keys():
        return False
    return contains(live, desired, field=field) and contains(desired, live, field=field)


def keep_live_bytes(desired: Manifest, live: Manifest) -> Manifest:
    """``desired`` with the live bytes for gzip values of ``data`` and ``binaryData`` of the same decompressed
    content.

    Compressors differ in their output; rewriting the same content would only reload every reader (``01-common.md``
    §9.1).
    """
    result = desired
    for section in ("data", "binaryData"):
        values = desired.get(section)
        have = live.get(section)
        if not isinstance(values, dict) or not isinstance(have, dict):
            continue
        kept = {k: have[k] for k, v in values.items() if k in have and have[k] != v and _same_gzip(have[k], v)}
        if kept:
            result = {**result, section: {**values, **kept}}
    return result


def _same_gzip(first: object, second: object) -> bool:
    contents = [_decompressed(value) for value in (first, second)]
    return contents[0] is not None and contents[0] == contents[1]


def _decompressed(value: object) -> bytes | None:
    if not isinstance(value, str):
        return None
    try:
        raw = base64.b64decode(value, validate=True)
        return zlib.decompress(raw, wbits=31) if raw.startswith(_GZIP) else None
    except (binascii.Error, zlib.error, ValueError):
        return None
