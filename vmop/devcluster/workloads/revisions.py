"""ControllerRevisions: the templates that a StatefulSet or DaemonSet has had, numbered."""

import copy
from collections.abc import Mapping
from typing import Any

import attrs

from vmop.devcluster.workloads.adoption import claim
from vmop.devcluster.workloads.objects import REVISION_LABEL, owner_reference, template_hash
from vmop.devcluster.workloads.writer import Writer
from vmop.informers import Informer, StoredObject
from vmop.kube import AlreadyExists, Manifest
from vmop.kube.resources import CONTROLLER_REVISION
from vmop.runtime import RetryAfter

HASH = "controller.kubernetes.io/hash"
_HASH_LABELS = {"DaemonSet": REVISION_LABEL}
_DEFAULT_LIMIT = 10


@attrs.frozen
class Revisions:
    """The revisions of one owner: all of them by number, that of its present template, and that it had before."""

    all: tuple[StoredObject, ...]
    update: StoredObject
    current: StoredObject


def snapshot(template: Mapping[str, Any]) -> Manifest:
    """What a revision holds: a patch that replaces the template."""
    return {"spec": {"template": {**copy.deepcopy(dict(template)), "$patch": "replace"}}}


def template_of(revision: StoredObject) -> Manifest:
    """The template that a revision stands for."""
    template: Manifest = copy.deepcopy(revision.get("data")["spec"]["template"])
    template.pop("$patch", None)
    return template


async def revisions_of(writer: Writer, owner: StoredObject, informer: Informer) -> Revisions:
    """Those that there are, after making the one that is missing."""
    known = sorted(await claim(writer, owner, informer), key=lambda one: int(one.get("revision") or 0))
    data = snapshot(owner.get("spec")["template"])
    equal = [one for one in known if one.get("data") == data]
    highest = int(known[-1].get("revision") or 0) if known else 0
    if not equal:
        update = await _create(writer, owner, data, highest + 1)
        known.append(update)
    elif equal[-1].uid == known[-1].uid:
        update = equal[-1]
    else:
        await writer.patch(CONTROLLER_REVISION, equal[-1].key, {"revision": highest + 1})
        update = informer.lister.get(equal[-1].key) or equal[-1]
    name = (owner.get("status") or {}).get("currentRevision")
    current = next((one for one in known if one.name == name), update)
    return Revisions(tuple(known), update, current)


async def _create(writer: Writer, owner: StoredObject, data: Manifest, number: int) -> StoredObject:
    collisions = int((owner.get("status") or {}).get("collisionCount") or 0)
    while True:
        digest = template_hash(data, collisions)
        labels = dict((owner.get("spec")["template"].get("metadata") or {}).get("labels") or {})
        metadata: Manifest = {
            "name": f"{owner.name}-{digest}",
            "namespace": owner.namespace,
            "labels": labels | {_HASH_LABELS.get(owner.resource.kind, HASH): digest},
            "ownerReferences": [owner_reference(owner)],
        }
        if owner.annotations:
            metadata["annotations"] = dict(owner.annotations)
        manifest = {"apiVersion": "apps/v1", "kind": "ControllerRevision", "metadata": metadata}
        try:
            created = await writer.create(CONTROLLER_REVISION, manifest | {"data": data, "revision": number})
        except AlreadyExists:
            collisions += 1
            continue
        stored = writer.stored(CONTROLLER_REVISION, created)
        if stored is None:
            raise RetryAfter(0.1, "the new revision is not in the cache yet")
        return stored


async def truncate(writer: Writer, owner: StoredObject, revisions: Revisions, in_use: set[str]) -> None:
    """Delete the oldest revisions that no pod has, beyond the limit of history."""
    limit = owner.get("spec").get("revisionHistoryLimit")
    live = in_use | {revisions.update.name, revisions.current.name}
    idle = [one for one in revisions.all if one.name not in live]
    for one in idle[: max(0, len(idle) - (_DEFAULT_LIMIT if limit is None else int(limit)))]:
        await writer.delete(CONTROLLER_REVISION, one)
