"""Claims: bound at once, grown where their class allows it."""

import asyncio

from vmop.devcluster.nodes.behaviour import Knobs
from vmop.devcluster.workloads.writer import Writer
from vmop.informers import Informer, StoredObject
from vmop.kube import Manifest, ObjectKey
from vmop.kube.resources import PERSISTENT_VOLUME_CLAIM
from vmop.runtime import Result

_DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
_OLD_CLASS = "volume.beta.kubernetes.io/storage-class"


class Claims:
    """Reconciles PersistentVolumeClaims."""

    def __init__(self, writer: Writer, claims: Informer, classes: Informer, knobs: Knobs) -> None:
        self._writer = writer
        self._claims = claims
        self._classes = classes
        self._knobs = knobs
        self._since: dict[str, float] = {}

    async def reconcile(self, key: ObjectKey) -> Result:
        claim = self._claims.lister.get(key)
        if claim is None or claim.deletion_timestamp is not None:
            return Result()
        status = claim.get("status") or {}
        wanted = (claim.get("spec").get("resources") or {}).get("requests") or {}
        if status.get("phase") != "Bound":
            return await self._after(claim, self._knobs.bind_after, _bound(claim, wanted))
        if status.get("capacity") == wanted or not self._is_expandable(claim):
            return Result()
        resizing = {"type": "Resizing", "status": "True", "lastProbeTime": None}
        if not any(one["type"] == "Resizing" for one in status.get("conditions") or ()):
            condition = resizing | {"lastTransitionTime": self._writer.stamp()}
            await self._writer.patch_status(PERSISTENT_VOLUME_CLAIM, claim, {**status, "conditions": [condition]})
        claim = self._claims.lister.get(key)
        return Result() if claim is None else await self._after(claim, self._knobs.resize_after, _bound(claim, wanted))

    async def _after(self, claim: StoredObject, delay: float, status: Manifest) -> Result:
        """Write `status` once `delay` seconds have passed since it was due first."""
        now = asyncio.get_running_loop().time()
        left = self._since.setdefault(claim.uid, now) + delay - now
        if left > 0:
            return Result(left)
        del self._since[claim.uid]
        await self._writer.patch_status(PERSISTENT_VOLUME_CLAIM, claim, status)
        return Result()

    def _is_expandable(self, claim: StoredObject) -> bool:
        name = claim.annotations.get(_OLD_CLASS) or claim.get("spec").get("storageClassName")
        if name is None:
            defaults = [one for one in self._classes.lister.list() if one.annotations.get(_DEFAULT_CLASS) == "true"]
            found = defaults[0] if defaults else None
        else:
            found = self._classes.lister.get(ObjectKey("", name))
        return found is not None and found.get("allowVolumeExpansion") is True


def _bound(claim: StoredObject, capacity: Manifest) -> Manifest:
    status = {name: value for name, value in (claim.get("status") or {}).items() if name != "conditions"}
    modes = claim.get("spec").get("accessModes") or []
    return {**status, "phase": "Bound", "capacity": dict(capacity), "accessModes": modes}
