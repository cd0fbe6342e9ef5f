"""What every builder uses: the platform it builds for, its one error, and small tools for plain JSON."""

from collections.abc import Mapping
from typing import Any

import attrs

from vmop.api import Manifest

__all__ = ["BuildError", "Manifest", "Platform", "first_of_list", "present", "without_nulls"]


class BuildError(Exception):
    """This resource cannot be built as it is written. Terminal: only a change of its spec helps.

    `path` is the field to change, as in the manifest (`spec.vmstorage.storage`); `str()` is the message alone, in the
    words that statuses have.
    """

    def __init__(self, path: str, message: str) -> None:
        super().__init__(message)
        self.path = path
        self.message = message


@attrs.frozen
class Platform:
    """The cluster that is built for. `kubernetes` is (major, minor) of its API server."""

    kubernetes: tuple[int, int] = (1, 36)
    openshift: bool = False


def present(manifest: Mapping[str, Any]) -> Manifest:
    """Without what is None. Empty objects and lists stay: they can mean something."""
    return {key: value for key, value in manifest.items() if value is not None}


def without_nulls(value: Any) -> Any:
    """A copy of JSON in which null is the same as absent, as in decoded Kubernetes objects."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value


def first_of_list(text: str | None) -> str:
    """The first value of a flag that takes one value a listener, as VictoriaMetrics reads its booleans."""
    return (text or "").split(",")[0].strip().lower()
