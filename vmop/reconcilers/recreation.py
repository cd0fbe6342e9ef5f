"""StatefulSets that cannot be changed in place are deleted, with their pods orphaned, and made again (spec 01 §7.7)."""

from __future__ import annotations

import enum
from typing import Any

from vmop.api import Manifest
from vmop.informers import StoredObject
from vmop.kube.apply.compare import contains

#: what the API server lets change in a StatefulSet; claim templates are compared on their own
_MUTABLE = frozenset(
    {
        "template",
        "replicas",
        "updateStrategy",
        "minReadySeconds",
        "persistentVolumeClaimRetentionPolicy",
        "revisionHistoryLimit",
        "volumeClaimTemplates",
    }
)


class Recreation(enum.Enum):
    """Why a StatefulSet must be made again."""

    NONE = ""
    SERVICE_NAME = "another serviceName"
    CLAIMS = "other claim templates"
    CLAIM_CONTENT = "a changed claim template"
    IMMUTABLE = "a changed immutable field"


def recreation(desired: Manifest, stored: StoredObject) -> Recreation:
    """Whether `stored` can become `desired` in place."""
    live: Manifest = stored.get("spec") or {}
    spec = desired["spec"]
    if spec.get("serviceName", "") != live.get("serviceName", ""):
        return Recreation.SERVICE_NAME
    wanted = {claim["metadata"]["name"]: claim for claim in spec.get("volumeClaimTemplates") or ()}
    present = {claim["metadata"]["name"]: claim for claim in live.get("volumeClaimTemplates") or ()}
    if len(wanted) != len(present) or not wanted.keys() <= present.keys():
        return Recreation.CLAIMS
    if any(_claim_differs(claim, present[name]) for name, claim in wanted.items()):
        return Recreation.CLAIM_CONTENT
    fixed = {key: value for key, value in spec.items() if key not in _MUTABLE}
    return Recreation.NONE if contains(live, fixed, zero_is_absent=True) else Recreation.IMMUTABLE


def _claim_differs(wanted: Manifest, present: Manifest) -> bool:
    def metadata(claim: Manifest, key: str) -> dict[str, Any]:
        return claim["metadata"].get(key) or {}

    same_metadata = all(metadata(wanted, key) == metadata(present, key) for key in ("labels", "annotations"))
    return not same_metadata or not contains(present.get("spec"), wanted.get("spec") or {}, zero_is_absent=True)
