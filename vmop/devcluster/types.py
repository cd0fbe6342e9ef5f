"""The seam to the schema library: which type a served resource has, and what is asked of it."""

from datetime import datetime
from typing import Any

from vmop.devcluster.registry import Served
from vmop.devcluster.status import Manifest


def fallback_merge_patch(live: Any, patch: Any) -> Any:
    """RFC 7386, on a copy."""
    if not isinstance(patch, dict):
        return patch
    result = dict(live) if isinstance(live, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = fallback_merge_patch(result.get(key), value)
    return result


class Schemas:
    """Types by served resource, made once."""

    def type_of(self, served: Served) -> Any:
        return None

    def apply_defaults(self, served: Served, obj: Manifest) -> None:
        pass

    def prune(self, served: Served, obj: Manifest) -> None:
        pass

    def validate(self, served: Served, obj: Manifest, old: Manifest | None) -> list[Any]:
        return []

    def merge_patch(self, live: Manifest, patch: Manifest) -> Manifest:
        merged: Manifest = fallback_merge_patch(live, patch)
        return merged

    def strategic_merge(self, served: Served, live: Manifest, patch: Manifest) -> Manifest:
        return self.merge_patch(live, patch)

    def apply(
        self, served: Served, live: Manifest | None, applied: Manifest, manager: str, *, force: bool, now: datetime
    ) -> Manifest:
        return self.merge_patch(live or {}, applied)

    def track(
        self,
        served: Served,
        old: Manifest | None,
        new: Manifest,
        manager: str,
        *,
        subresource: str,
        now: datetime,
    ) -> Manifest:
        return new
