"""How the actions of a pass are carried out on the API server (spec 00 §1, §4; spec 02 §12, §16).

A child whose whole spec is ours is applied, together with our owner reference and markers. A child that keeps its own
spec gets a JSON patch of exactly the fields that are ours, tested to be the version that was looked at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from vmop.api import Manifest
from vmop.builders.vmdistributed import ownership
from vmop.builders.vmdistributed.children import Child
from vmop.builders.vmdistributed.ownership import Origin
from vmop.informers import StoredObject
from vmop.kube.apply.metadata import pointer, set_annotations, set_owner
from vmop.reconcilers.context import Context
from vmop.reconcilers.vmdistributed.live import zones_not_ready
from vmop.reconcilers.vmdistributed.observe import CHILD_RESOURCES, Observed
from vmop.reconcilers.vmdistributed.rollout import Adopt, Balance, Mark, Unmark, Write

MANAGER = "vmop-distributed"


class NotSafe(Exception):
    """A live read shows that the zone may not be taken out now; the message says why. Nothing was written."""


@attrs.frozen
class Actor:
    """Carries out actions of one reconcile."""

    context: Context
    observed: Observed

    async def carry_out(self, action: Adopt | Write | Mark | Unmark | Balance, order: Sequence[str]) -> tuple[str, str]:
        """Do it; returns reason and message of the event that tells of it, empty where there is nothing to tell.

        Raises :class:`NotSafe`, and what the Applier raises.
        """
        match action:
            case Adopt(zone=zone, child=view):
                await self._adopt(self._child(zone, view.resource.kind), zone)
                return "ObjectAdopted", f"{view} is managed by this resource now"
            case Write(zone=zone, child=view, marker=marker):
                await self._write(self._child(zone, view.resource.kind), zone, marker=marker and not view.exists)
                return ("", "") if view.exists else ("ObjectCreated", f"{view} is created")
            case Mark(zone=zone, repair=repair):
                await self._mark(zone, repair=repair)
                return "", ""
            case Unmark(zone=zone):
                await self._set_marker(zone, None)
                return "ZoneRestored", f"zone {zone} takes its traffic again"
            case Balance(routing=routing):
                excluded = routing.excluded
                kept = self.observed.chosen_targets(order, routing).kept
                await self._write(self.observed.balancer_child(order, routing), None)
                if excluded and kept:
                    return "KeptLastTarget", f"zone {', '.join(kept)} stays a target: nobody else is left"
                return (
                    ("ZoneExcluded", f"zone {', '.join(sorted(excluded))} takes no traffic") if excluded else ("", "")
                )

    def _child(self, zone: str, kind: str) -> Child:
        desired = self.observed.zone(zone)
        return desired.backend if desired.backend.kind == kind else desired.agent

    # -- children ----------------------------------------------------------------------------------------------------

    async def _write(self, child: Child, zone: str | None, *, marker: bool = False) -> None:
        stored = self.observed.stored(child.kind, child.name)
        if child.part is not None and stored is not None:
            await self._edit(child, child.part, stored, zone)
            return
        resource = CHILD_RESOURCES[child.kind]
        stale = {key: None for key in ownership.OF_USERS_SPEC if stored is not None and key in stored.annotations}
        if stored is not None and stale:
            await self.context.applier.set_annotations(resource, stored, stale)
        await self.context.applier.apply(
            resource,
            self._manifest(child, stored, zone, marker=marker),
            manager=MANAGER,
            # an object that somebody made a moment ago is looked at again: it may have to be adopted (W3)
            if_exists="fail" if stored is None else "update",
            if_missing="create" if stored is None else "fail",
        )

    def _manifest(self, child: Child, stored: StoredObject | None, zone: str | None, *, marker: bool) -> Manifest:
        live: Mapping[str, Any] = stored.metadata if stored is not None else {}
        annotations = self._markers(stored, zone)
        if marker or (live.get("annotations") or {}).get(ownership.ZONE_STATE):
            annotations[ownership.ZONE_STATE] = ownership.UPDATING
        settings = self.context.settings
        metadata: Manifest = {
            "name": child.name,
            "namespace": self.observed.cr.namespace,
            "labels": dict(settings.common_labels),
            "annotations": dict(settings.common_annotations) | annotations,
            "ownerReferences": [self._reference(live)],
        }
        if stored is not None:
            metadata["uid"] = stored.uid
        return {"apiVersion": child.cls.api_version(), "kind": child.kind, "metadata": metadata, "spec": child.spec}

    def _markers(self, stored: StoredObject | None, zone: str | None) -> dict[str, str]:
        origin = Origin.CREATED if stored is None else self.observed.origin(stored)
        markers = {ownership.ORIGIN: origin.value, ownership.OWNER: self.observed.owner.marker}
        return markers | ({ownership.ZONE: zone} if zone is not None else {})

    def _reference(self, live: Mapping[str, Any]) -> Manifest:
        """Our owner reference; the API server allows one controller, and another one may be there (§16.1)."""
        mine = self.observed.owner.reference()
        taken = any(
            ref.get("controller") and not ownership.is_reference_to(ref, self.observed.owner)
            for ref in live.get("ownerReferences") or ()
        )
        return self.observed.owner.reference(controller=False) if taken else mine

    async def _edit(self, child: Child, part: Manifest, stored: StoredObject, zone: str | None) -> None:
        """Change what is ours of a child that keeps its own spec, and adopt it if it is not yet."""
        spec: Manifest = stored.get("spec") or {}
        operations: list[dict[str, Any]] = self._adoption(stored, zone, child.annotations)
        if not spec:
            operations.append({"op": "add", "path": pointer("spec"), "value": {}})
        operations += [
            {"op": "add", "path": pointer("spec", key), "value": value}
            for key, value in part.items()
            if spec.get(key) != value
        ]
        await self.context.applier.patch_metadata(CHILD_RESOURCES[child.kind], stored, operations, require_version=True)

    async def _adopt(self, child: Child, zone: str) -> None:
        stored = self.observed.stored(child.kind, child.name)
        if stored is None:
            return
        operations = self._adoption(stored, zone, {})
        if operations:
            resource = CHILD_RESOURCES[child.kind]
            await self.context.applier.patch_metadata(resource, stored, operations, require_version=True)

    def _adoption(
        self, stored: StoredObject, zone: str | None, annotations: Mapping[str, str | None]
    ) -> list[dict[str, Any]]:
        wanted: dict[str, str | None] = {**self._markers(stored, zone), ownership.DETACHED: None, **annotations}
        present = stored.annotations
        changes = {key: value for key, value in wanted.items() if value is not None or key in present}
        return [
            *set_owner(stored.metadata, self._reference(stored.metadata)).operations,
            *set_annotations(stored.metadata, changes).operations,
        ]

    # -- markers -----------------------------------------------------------------------------------------------------

    async def _mark(self, zone: str, *, repair: bool) -> None:
        blocked = await zones_not_ready(self.context, self.observed, zone, check_ready=not repair)
        if blocked:
            raise NotSafe(blocked)
        await self._set_marker(zone, ownership.UPDATING)

    async def _set_marker(self, zone: str, value: str | None) -> None:
        child = self.observed.zone(zone).backend
        stored = self.observed.stored(child.kind, child.name)
        if stored is None:
            return
        patch = set_annotations(stored.metadata, {ownership.ZONE_STATE: value})
        await self.context.applier.patch_metadata(
            CHILD_RESOURCES[child.kind], stored, patch.operations, require_version=True
        )
