"""When one resource version may be said to be newer than another.

Kubernetes declared resource versions of one resource comparable as integers in 1.35 (KEP 5504); before, and
wherever a version is not a positive decimal number, only equality means something.
"""


def is_comparable(version: str) -> bool:
    """Whether ``version`` is a positive decimal integer without leading zeros.

    The form that Kubernetes declares comparable.
    """
    return version.isascii() and version.isdigit() and version[0] != "0"


def not_older(version: str, than: str) -> bool | None:
    """Whether ``version`` is ``than`` or newer; ``None`` when that cannot be known."""
    if version == than:
        return True
    if is_comparable(version) and is_comparable(than):
        return int(version) >= int(than)
    return None
