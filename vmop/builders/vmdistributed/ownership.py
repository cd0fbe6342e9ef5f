"""Whose a child is, and who made it: owner reference, markers, and the guess where there are none (spec 02 §16)."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any

import attrs

PREFIX = "operator.victoriametrics.com/"
ORIGIN = f"{PREFIX}vmdistributed-origin"
OWNER = f"{PREFIX}vmdistributed-owner"
ZONE = f"{PREFIX}vmdistributed-zone"
ZONE_STATE = f"{PREFIX}vmdistributed-zone-state"
UPDATING = "updating"
DETACHED = f"{PREFIX}vmdistributed-detached"
SAVED_INSERT_REPLICAS = f"{PREFIX}vmdistributed-saved-insert-replicas"
#: JSON of the autoscaler of a referenced VMCluster's vminsert that a mode without writes has taken away
SAVED_INSERT_HPA = f"{PREFIX}vmdistributed-saved-insert-hpa"
#: JSON of what was added to a referenced VMAgent's own spec, so that a release takes away exactly that
ADDED_TO_AGENT = f"{PREFIX}vmdistributed-added"
#: what is recorded of a spec that stays its user's own; nothing of it holds once the whole spec is ours
OF_USERS_SPEC = (SAVED_INSERT_REPLICAS, SAVED_INSERT_HPA, ADDED_TO_AGENT)
#: all that we ever write on a child, so all that a release removes
MARKERS = (ORIGIN, OWNER, ZONE, ZONE_STATE, DETACHED, *OF_USERS_SPEC)

API_VERSION = "operator.victoriametrics.com/v1alpha1"
KIND = "VMDistributed"
FIELD_MANAGERS = frozenset({"vmop", "vmop-distributed", "vmop-metadata", "vmop-status"})

# Somebody else keeps the object in a repository or a release of theirs (§16.3, rule 2).
_FOREIGN_ANNOTATIONS = (
    "kubectl.kubernetes.io/last-applied-configuration",
    "meta.helm.sh/release-name",
    "argocd.argoproj.io/tracking-id",
)
_FOREIGN_LABELS = ("kustomize.toolkit.fluxcd.io/name", "helm.toolkit.fluxcd.io/name")

Metadata = Mapping[str, Any]


class Origin(enum.StrEnum):
    """Who made a child: the VMDistributed, or somebody whose object it adopted."""

    CREATED = "created"
    REFERENCED = "referenced"


@attrs.frozen
class Owner:
    """The VMDistributed as its children name it."""

    namespace: str
    name: str
    uid: str

    @property
    def marker(self) -> str:
        """The value of annotation ``vmdistributed-owner``."""
        return f"{self.namespace}/{self.name}/{self.uid}"

    def reference(self, *, controller: bool = True) -> dict[str, Any]:
        """Our owner reference; not as controller where another owner is one already (§16.1)."""
        return {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "name": self.name,
            "uid": self.uid,
            "controller": controller,
            "blockOwnerDeletion": True,
        }


def owner_references(child: Metadata) -> list[dict[str, Any]]:
    """All references of a child to a VMDistributed, whatever its name."""
    return [
        ref
        for ref in child.get("ownerReferences") or ()
        if ref.get("apiVersion") == API_VERSION and ref.get("kind") == KIND
    ]


def other_owner(child: Metadata, owner: Owner) -> str:
    """The name of another VMDistributed that owns the child, or nothing (§16.4)."""
    return next((ref["name"] for ref in owner_references(child) if ref.get("name") != owner.name), "")


def is_reference_to(reference: Metadata, owner: Owner) -> bool:
    """An owner reference names this VMDistributed, with this uid or a stale one."""
    return (
        reference.get("apiVersion") == API_VERSION
        and reference.get("kind") == KIND
        and reference.get("name") == owner.name
    )


def refers_to(child: Metadata, owner: Owner) -> bool:
    """The child has an owner reference to this VMDistributed, with this uid or a stale one."""
    return any(is_reference_to(ref, owner) for ref in child.get("ownerReferences") or ())


def is_marked_as_ours(child: Metadata, owner: Owner) -> bool:
    """Its ``owner`` annotation holds this VMDistributed with its uid, so its ``origin`` is valid (§16.2, W5)."""
    return (child.get("annotations") or {}).get(OWNER) == owner.marker


def is_owned(child: Metadata, owner: Owner, zone: str | None = None) -> bool:
    """Reference, uid and markers are all in place, so that adoption has nothing to write."""
    annotations = child.get("annotations") or {}
    return (
        any(ref.get("name") == owner.name and ref.get("uid") == owner.uid for ref in owner_references(child))
        and is_marked_as_ours(child, owner)
        and annotations.get(ORIGIN) in set(Origin)
        and (zone is None or annotations.get(ZONE) == zone)
        and DETACHED not in annotations
    )


def origin_of(child: Metadata, owner: Owner, created_at: str) -> Origin:
    """Who made a child that exists; `created_at` is the creation timestamp of the VMDistributed.

    The recorded origin where it is valid; for children with our reference that nobody recorded (made by the Go
    operator) the rules of §16.3, which err towards keeping data; for all others ``referenced``.
    """
    annotations = child.get("annotations") or {}
    if is_marked_as_ours(child, owner) and annotations.get(ORIGIN) in set(Origin):
        return Origin(annotations[ORIGIN])
    if not is_unrecorded(child, owner) or _is_kept_elsewhere(child, owner, created_at):
        return Origin.REFERENCED
    return Origin.CREATED


def is_unrecorded(child: Metadata, owner: Owner) -> bool:
    """It carries our reference, and nobody recorded who made it: a child of the Go operator (§16.3).

    Only for these the guess needs the whole ``managedFields``, which caches do not keep.
    """
    ours = any(ref.get("name") == owner.name and ref.get("uid") == owner.uid for ref in owner_references(child))
    return ours and OWNER not in (child.get("annotations") or {})


def _is_kept_elsewhere(child: Metadata, owner: Owner, created_at: str) -> bool:
    annotations, labels = child.get("annotations") or {}, child.get("labels") or {}
    # RFC 3339 in UTC, as the API server writes it, sorts as text
    older = bool(created_at) and child.get("creationTimestamp", "") < created_at
    managed = (
        any(key in annotations for key in _FOREIGN_ANNOTATIONS)
        or any(key in labels for key in _FOREIGN_LABELS)
        or labels.get("app.kubernetes.io/managed-by") == "Helm"
    )
    return older or managed or any(_owns_spec_only(entry, owner) for entry in child.get("managedFields") or ())


def _owns_spec_only(entry: Mapping[str, Any], owner: Owner) -> bool:
    """A manager that wrote the spec but not our owner reference: a user, not the Go operator (§16.3, rule 3)."""
    fields = entry.get("fieldsV1") or {}
    references = (fields.get("f:metadata") or {}).get("f:ownerReferences") or {}
    return (
        not entry.get("subresource")
        and entry.get("manager") not in FIELD_MANAGERS
        and "f:spec" in fields
        and not any(owner.uid in key for key in references)
    )
