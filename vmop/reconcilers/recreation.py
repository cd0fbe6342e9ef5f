"""StatefulSets that cannot be changed in place are deleted, with their pods orphaned, and made again (spec 01 §7.7)."""

from __future__ import annotations

import enum
from typing import Any

from vmop.api import Manifest
from vmop.informers import StoredObject
from vmop.kube.apply.compare import contains, same

# what the API server fills in
_POLICY = "OrderedReady"
_FILLED_IN = ("volumeMode", "Filesystem")


class Recreation(enum.Enum):
    """Why a StatefulSet must be made again."""

    NONE = ""
    SERVICE_NAME = "another serviceName"
    CLAIMS = "other claim templates"
    CLAIM_CONTENT = "a changed claim template"
    IMMUTABLE = "another selector or podManagementPolicy"

    @property
    def replaces_pods(self) -> bool:
        """The pods that are there do not fit the new StatefulSet."""
        return self in (Recreation.SERVICE_NAME, Recreation.CLAIMS)


def recreation(desired: Manifest, stored: StoredObject, *, recorded: bool = False) -> Recreation:
    """Whether `stored` can become `desired` in place.

    `recorded` says that it was made from this very manifest: what it has beyond it then came from somewhere else, and
    making it again would not help.
    """
    live: Manifest = stored.get("spec") or {}
    spec = desired["spec"]
    if spec.get("serviceName", "") != live.get("serviceName", ""):
        return Recreation.SERVICE_NAME
    wanted = {claim["metadata"]["name"]: claim for claim in spec.get("volumeClaimTemplates") or ()}
    present = {claim["metadata"]["name"]: claim for claim in live.get("volumeClaimTemplates") or ()}
    if wanted.keys() != present.keys():
        return Recreation.CLAIMS
    if any(_claim_differs(claim, present[name]) for name, claim in wanted.items()):
        return Recreation.CLAIM_CONTENT
    if not recorded and any(_claim_has_more(claim, present[name]) for name, claim in wanted.items()):
        return Recreation.CLAIM_CONTENT
    one_policy = (spec.get("podManagementPolicy") or _POLICY) == (live.get("podManagementPolicy") or _POLICY)
    if not one_policy or not same(live.get("selector"), spec.get("selector")):
        return Recreation.IMMUTABLE
    return Recreation.NONE


def _claim_differs(wanted: Manifest, present: Manifest) -> bool:
    def metadata(claim: Manifest, key: str) -> dict[str, Any]:
        return claim["metadata"].get(key) or {}

    same_metadata = all(metadata(wanted, key) == metadata(present, key) for key in ("labels", "annotations"))
    return not same_metadata or not contains(present.get("spec"), wanted.get("spec") or {}, zero_is_absent=True)


def _claim_has_more(wanted: Manifest, present: Manifest) -> bool:
    """A field was dropped, which the API server would refuse as a change."""
    live = {key: value for key, value in present["spec"].items() if (key, value) != _FILLED_IN}
    return not contains(wanted.get("spec") or {}, live)
