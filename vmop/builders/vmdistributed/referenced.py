"""Children that somebody else made and that keep their own spec: what of it is ours, and how it is given back.

Of a referenced VMCluster only vminsert's replicas change, while a traffic mode takes no writes (spec 02 §6.4); of a
referenced VMAgent only the entries of the zones in its list (S6). What was there before is recorded on the child
itself, in annotations, so that a release needs nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from urllib.parse import urlsplit

import attrs

from vmop.builders.base import Manifest
from vmop.builders.vmdistributed.ownership import ADDED_TO_AGENT, SAVED_INSERT_HPA, SAVED_INSERT_REPLICAS, Origin

WRITING_MODES = ("read-write", "write-only")


@attrs.frozen
class LiveChild:
    """A child that exists: its stored manifest, and who made it."""

    manifest: Manifest
    origin: Origin

    @property
    def spec(self) -> Manifest:
        spec: Manifest = self.manifest.get("spec") or {}
        return spec

    @property
    def annotations(self) -> Mapping[str, str]:
        annotations: Mapping[str, str] = self.manifest["metadata"].get("annotations") or {}
        return annotations


@attrs.frozen
class Added:
    """What we added to the spec of an agent that keeps its own (S6), as an annotation on the agent records it."""

    urls: tuple[str, ...] = ()
    multi_tenant: bool = False

    @classmethod
    def read(cls, annotations: Mapping[str, str]) -> Added:
        """What is recorded; nothing where nobody recorded it, so that everything counts as the user's."""
        try:
            written = json.loads(annotations.get(ADDED_TO_AGENT, "{}"))
            return cls(tuple(map(str, written.get("remoteWrite", ()))), bool(written.get("useMultiTenantMode")))
        except (ValueError, TypeError, AttributeError):
            return cls()

    def written(self) -> str:
        """The value of the annotation."""
        return json.dumps({"remoteWrite": list(self.urls), "useMultiTenantMode": self.multi_tenant}, sort_keys=True)


def without_additions(live: LiveChild) -> Manifest:
    """The top-level fields of a released agent's spec that change when exactly what we added goes away (S6)."""
    added = Added.read(live.annotations)
    part: Manifest = {}
    stored = live.spec.get("remoteWrite") or []
    kept = [entry for entry in stored if entry.get("url") not in added.urls]
    if len(kept) < len(stored):
        part["remoteWrite"] = kept
    settings = live.spec.get("remoteWriteSettings") or {}
    if added.multi_tenant and "useMultiTenantMode" in settings:
        part["remoteWriteSettings"] = {k: v for k, v in settings.items() if k != "useMultiTenantMode"}
    return part


def service_of(url: str, namespace: str) -> tuple[str, str]:
    """Service and namespace that a URL of this cluster leads to, whatever its port and path."""
    host = urlsplit(url).netloc.rpartition("@")[2].partition(":")[0]
    service, _, rest = host.partition(".")
    name_space, _, domain = rest.partition(".")
    if domain and domain.split(".")[0] != "svc":
        return host, ""
    return service, name_space or namespace


def held_insert(live: LiveChild, mode: str | None) -> tuple[Manifest | None, dict[str, str | None]]:
    """vminsert of a referenced VMCluster under a mode, and annotations that save what its user had.

    None where nothing of it is ours to change.
    """
    insert: Manifest = live.spec["vminsert"]
    saved = live.annotations.get(SAVED_INSERT_REPLICAS)
    if mode in (None, *WRITING_MODES):
        if saved is None:
            return None, {}
        changes: dict[str, str | None] = {SAVED_INSERT_REPLICAS: None}
        if SAVED_INSERT_HPA in live.annotations:
            changes[SAVED_INSERT_HPA] = None
        return restored_insert(live), changes
    held = {key: value for key, value in insert.items() if key != "hpa"} | {"replicaCount": 0}
    annotations: dict[str, str | None] = {}
    if saved is None:
        replicas = insert.get("replicaCount")
        annotations[SAVED_INSERT_REPLICAS] = "" if replicas is None else str(replicas)
    if insert.get("hpa"):
        # the autoscaler would bring vminsert back (T32)
        annotations[SAVED_INSERT_HPA] = json.dumps(insert["hpa"], sort_keys=True)
    return held, annotations


def restored_insert(live: LiveChild) -> Manifest | None:
    """vminsert as its user had it before a mode without writes took its replicas; None where nothing was saved."""
    saved, insert = live.annotations.get(SAVED_INSERT_REPLICAS), live.spec.get("vminsert")
    if saved is None or insert is None:
        return None
    restored: Manifest = {key: value for key, value in insert.items() if key != "replicaCount"}
    if saved.isdecimal():
        restored["replicaCount"] = int(saved)
    try:
        hpa = json.loads(live.annotations.get(SAVED_INSERT_HPA, "null"))
    except ValueError:
        hpa = None
    return {**restored, "hpa": hpa} if isinstance(hpa, dict) else restored
