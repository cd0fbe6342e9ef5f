"""Quantities as Kubernetes spells them: ``1000m`` is ``1``, ``1024Mi`` is ``1Gi``, ``0.5`` is ``500m``."""

import re
from fractions import Fraction
from typing import Any, Final

_NUMBER: Final = re.compile(r"^([+-]?(?:\d+\.?\d*|\.\d+))(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE]|[eE][+-]?\d+)?$")
_BINARY: Final = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_DECIMAL: Final = ("n", "u", "m", "", "k", "M", "G", "T", "P", "E")
_NANO: Final = 10**9


def parse_quantity(text: Any) -> tuple[Fraction, str]:
    """Value and format (``binary``, ``decimal`` or ``exponent``) of a quantity. ValueError if it is none."""
    found = _NUMBER.match(str(text).strip())
    if found is None:
        raise ValueError("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")
    number, suffix = Fraction(found[1]), found[2] or ""
    if suffix.endswith("i"):
        return number * 1024 ** _BINARY.index(suffix), "binary"
    if suffix in _DECIMAL:
        return number * Fraction(1000) ** (_DECIMAL.index(suffix) - 3), "decimal"
    return number * Fraction(10) ** int(suffix[1:]), "exponent"


def canonical_quantity(text: Any) -> Any:
    """The server's spelling of a quantity; what is none comes back as it is (validation will say so)."""
    try:
        value, form = parse_quantity(text)
    except ValueError:
        return text
    if form == "binary" and abs(value) >= 1024:
        amount, power = _up(value), 0
        while amount % 1024 == 0 and power < len(_BINARY) - 1:
            amount, power = amount // 1024, power + 1
        return f"{amount}{_BINARY[power]}"
    amount, power = _up(value * _NANO), 0
    if amount == 0:
        return "0"
    while amount % 1000 == 0 and power < len(_DECIMAL) - 1:
        amount, power = amount // 1000, power + 1
    if form == "exponent":
        exponent = 3 * power - 9
        return f"{amount}e{exponent}" if exponent else str(amount)
    return f"{amount}{_DECIMAL[power]}"


def _up(value: Fraction) -> int:
    """Nearest integer away from zero."""
    rounded = -(-abs(value.numerator) // value.denominator)
    return rounded if value >= 0 else -rounded
