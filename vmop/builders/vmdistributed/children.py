"""The children that a VMDistributed stands for: backend and agent of each zone, and the VMAuth (spec 02 §2 to §8).

Everything works on the JSON of the specs: what a user did not write is absent, and stays so through the merge.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs

from vmop.api import CustomResource, parse_spec, to_json
from vmop.api.v1alpha1 import VMDistributed, ZoneRemoteWrite
from vmop.api.v1beta1 import VMAgent, VMAuth, VMCluster, VMSingle
from vmop.builders.base import BuildError, Manifest, Platform
from vmop.builders.registry import with_defaults
from vmop.builders.vmdistributed.merge import expand, is_empty, merge
from vmop.builders.vmdistributed.ownership import SAVED_INSERT_REPLICAS, Origin
from vmop.builders.vmdistributed.targets import upsert
from vmop.builders.vmdistributed.write_urls import remote_write_url
from vmop.settings import Settings

BACKENDS: Mapping[str, type[CustomResource]] = {"VMCluster": VMCluster, "VMSingle": VMSingle}
DEFAULT_BACKEND = "VMCluster"
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


#: kind and name of a child → the child, or None where there is none
Live = Callable[[str, str], LiveChild | None]


@attrs.frozen
class Child:
    """A child as it should be."""

    cls: type[CustomResource]
    name: str
    #: the whole spec, with the operator's defaults
    spec: Manifest
    #: of a child that keeps its own spec (§6.4, S4, S6): the top-level fields that are ours; None where all of it is
    part: Manifest | None = None
    #: annotations that change along with the spec; None removes
    annotations: Mapping[str, str | None] = attrs.field(factory=dict)

    @property
    def kind(self) -> str:
        return self.cls.kind


@attrs.frozen
class Zone:
    """One zone of the spec with its children as they should be."""

    name: str
    mode: str
    backend: Child
    agent: Child
    #: where agents write to reach the backend
    url: str

    @property
    def accepts_writes(self) -> bool:
        """The backend takes writes once it is as it should be (§8)."""
        return self.mode in WRITING_MODES and accepts_writes(self.backend.kind, self.backend.spec)


def accepts_writes(kind: str, spec: Mapping[str, Any]) -> bool:
    """A backend with this spec takes writes: a VMSingle always, a VMCluster with vminsert replicas (default 1)."""
    if kind != VMCluster.kind:
        return True
    insert = spec.get("vminsert")
    return insert is not None and insert.get("replicaCount", 1) > 0


@attrs.frozen
class ZoneBuilder:
    """Builds the zones of one VMDistributed, whose defaults are applied."""

    cr: VMDistributed
    settings: Settings
    platform: Platform
    live: Live

    @property
    def spec(self) -> Manifest:
        return to_json(self.cr.spec)

    @property
    def backend_cls(self) -> type[CustomResource]:
        return BACKENDS[self.spec.get("backendType") or DEFAULT_BACKEND]

    def zones(self) -> tuple[Zone, ...]:
        """All zones, in the order of the spec.

        Backends come first, since every agent writes to all of them. Raises BuildError naming the field where a
        referenced object is missing or a merged spec does not parse.
        """
        spec = self.spec
        zones, common = spec.get("zones") or [], spec.get("zoneCommon") or {}
        backends = [self._backend(i, zone, common) for i, zone in enumerate(zones)]
        urls = [remote_write_url(each.cls, each.name, self.cr.namespace, each.spec) for each in backends]
        entries = [self._remote_write(zone, common, url) for zone, url in zip(zones, urls, strict=True)]
        return tuple(
            Zone(
                name=zone["name"],
                mode=zone.get("trafficMode") or "read-write",
                backend=backend,
                agent=self._agent(i, zone, common, entries),
                url=url,
            )
            for i, (zone, backend, url) in enumerate(zip(zones, backends, urls, strict=True))
        )

    # -- names and merged specs ------------------------------------------------------------------------------------

    def _name(self, kind: str, zone: Manifest, common: Manifest) -> tuple[str, bool]:
        """The name of a zone's child (§2), and whether the user gave it."""
        key = kind.lower()
        if own := (zone.get(key) or {}).get("name"):
            return own, True
        if shared := (common.get(key) or {}).get("name"):
            return expand({"name": shared}, zone["name"])["name"], True
        return f"{self.cr.name}-{zone['name']}", False

    def _merged(self, cls: type[CustomResource], zone: Manifest, common: Manifest) -> Manifest:
        key = cls.kind.lower()
        shared = expand((common.get(key) or {}).get("spec") or {}, zone["name"])
        own = (zone.get(key) or {}).get("spec") or {}
        merged = merge(cls.spec_type(), shared, own)
        # a license is one thing: key of one and keyRef of the other would be an invalid child (S5)
        if (license_ := _provided(own.get("license")) or _provided(shared.get("license"))) is not None:
            merged["license"] = license_
        return merged

    def _licensed(self, merged: Manifest) -> Manifest:
        common = _provided(self.spec.get("license"))
        if common is None or _provided(merged.get("license")) is not None:
            return merged
        return {**merged, "license": common}

    def _defaulted(self, cls: type[CustomResource], name: str, spec: Manifest, path: str) -> Manifest:
        metadata = {"name": name, "namespace": self.cr.namespace}
        parsed = parse_spec(cls.spec_type(), spec, path)
        obj = cls(metadata=metadata, spec=parsed, status={})  # type: ignore[call-arg]  # every kind is an attrs class
        return to_json(with_defaults(obj, self.settings, self.platform).spec)

    # -- backends ----------------------------------------------------------------------------------------------------

    def _backend(self, index: int, zone: Manifest, common: Manifest) -> Child:
        cls = self.backend_cls
        name, given = self._name(cls.kind, zone, common)
        merged = self._merged(cls, zone, common)
        live = self.live(cls.kind, name)
        if is_empty(merged) and given:
            if live is None and cls is VMCluster:
                raise BuildError(
                    f"spec.zones[{index}]",
                    f"spec.zones[{index}]: vmcluster.name={name} is not found and no vmcluster spec is provided",
                )
            if live is not None and live.origin is Origin.REFERENCED:
                return self._referenced_backend(cls, name, zone, live)
        path = f"spec.zones[{index}].{cls.kind.lower()}.spec"
        spec = self._defaulted(cls, name, self._licensed(merged), path)
        return Child(cls, name, _with_mode(cls, spec, zone.get("trafficMode")))

    def _referenced_backend(self, cls: type[CustomResource], name: str, zone: Manifest, live: LiveChild) -> Child:
        """A backend that keeps its own spec, but for what license and traffic mode demand (§6.4)."""
        part: Manifest = {}
        if _provided(self.spec.get("license")) is not None and _provided(live.spec.get("license")) is None:
            part["license"] = self.spec["license"]
        annotations: dict[str, str | None] = {}
        if cls is VMCluster and live.spec.get("vminsert") is not None:
            replicas, annotations = _held_replicas(live, zone.get("trafficMode"))
            if replicas is not None:
                part["vminsert"] = {**live.spec["vminsert"], "replicaCount": replicas}
        return Child(cls, name, {**live.spec, **part}, part, annotations)

    # -- agents ------------------------------------------------------------------------------------------------------

    def _remote_write(self, zone: Manifest, common: Manifest, url: str) -> Manifest:
        """How every agent writes to this zone (§6.3)."""
        shared = expand(common.get("remoteWrite") or {}, zone["name"])
        return {"url": url, **merge(ZoneRemoteWrite, shared, zone.get("remoteWrite") or {})}

    def _agent(self, index: int, zone: Manifest, common: Manifest, entries: Sequence[Manifest]) -> Child:
        name, _ = self._name(VMAgent.kind, zone, common)
        merged = self._merged(VMAgent, zone, common)
        live = self.live(VMAgent.kind, name)
        if is_empty(merged) and live is not None and live.origin is Origin.REFERENCED:
            return _referenced_agent(name, live, entries)
        spec = self._licensed(merged)
        spec["ingestOnlyMode"] = True
        spec["remoteWriteSettings"] = {**(spec.get("remoteWriteSettings") or {}), "useMultiTenantMode": True}
        spec["remoteWrite"] = in_live_order(entries, live)
        if live is not None and "shardCount" in live.spec:
            spec["shardCount"] = live.spec["shardCount"]
        return Child(VMAgent, name, self._defaulted(VMAgent, name, spec, f"spec.zones[{index}].vmagent.spec"))

    # -- the balancer ------------------------------------------------------------------------------------------------

    def balancer(self, refs: Sequence[Manifest]) -> Child:
        """The VMAuth with these targets (§7); one that is only named keeps its own spec (S4)."""
        given = self.spec.get("vmauth") or {}
        name = given.get("name") or self.cr.name
        live = self.live(VMAuth.kind, name)
        spec: Manifest = given.get("spec") or {}
        if is_empty(spec) and live is not None and live.origin is Origin.REFERENCED:
            part: Manifest = {
                "defaultTargetRefs": upsert(live.spec.get("defaultTargetRefs") or [], refs),
                "waitForConfigReload": True,
            }
            if _provided(self.spec.get("license")) is not None and _provided(live.spec.get("license")) is None:
                part["license"] = self.spec["license"]
            return Child(VMAuth, name, {**live.spec, **part}, part)
        spec = {**self._licensed(spec), "defaultTargetRefs": list(refs), "waitForConfigReload": True}
        return Child(VMAuth, name, self._defaulted(VMAuth, name, spec, "spec.vmauth.spec"))


def in_live_order(entries: Sequence[Manifest], live: LiveChild | None) -> list[Manifest]:
    """Remote writes with those first that the live agent has, in its order (§6.3).

    vmagent keeps a queue by position and URL: an entry that moves loses what waits in its queue.
    """
    position = {}
    if live is not None:
        # of a repeated URL the last position counts
        position = {entry.get("url"): i for i, entry in enumerate(live.spec.get("remoteWrite") or ())}
    return sorted(entries, key=lambda entry: position.get(entry["url"], len(position) + len(entries)))


def _referenced_agent(name: str, live: LiveChild, entries: Sequence[Manifest]) -> Child:
    """An agent that keeps its own spec: the zones' entries are added to its list, and nothing else (S6)."""
    ours = {entry["url"]: entry for entry in entries}
    by_host = {_host(url): url for url in ours}
    kept: list[Manifest] = []
    for entry in live.spec.get("remoteWrite") or ():
        # another port of the same service is the same backend: both would write every sample twice
        url = by_host.get(_host(entry.get("url", "")), entry.get("url"))
        if url in ours:
            kept.append(ours.pop(url))
        elif entry.get("url") not in {each["url"] for each in kept}:
            kept.append(entry)
    settings = {**(live.spec.get("remoteWriteSettings") or {}), "useMultiTenantMode": True}
    part: Manifest = {"remoteWrite": kept + list(ours.values()), "remoteWriteSettings": settings}
    return Child(VMAgent, name, {**live.spec, **part}, part)


def _host(url: str) -> str:
    return url.partition("://")[2].partition("/")[0].rpartition(":")[0]


def _with_mode(cls: type[CustomResource], spec: Manifest, mode: str | None) -> Manifest:
    """A VMCluster takes no writes in the modes without them; an autoscaler would bring vminsert back (T32)."""
    if cls is not VMCluster or mode in (None, *WRITING_MODES) or spec.get("vminsert") is None:
        return spec
    insert = {key: value for key, value in spec["vminsert"].items() if key != "hpa"}
    return {**spec, "vminsert": {**insert, "replicaCount": 0}}


def _held_replicas(live: LiveChild, mode: str | None) -> tuple[int | None, dict[str, str | None]]:
    """vminsert replicas of a referenced VMCluster under a mode, and the annotation that saves what the user had."""
    saved = live.annotations.get(SAVED_INSERT_REPLICAS)
    stored = live.spec["vminsert"].get("replicaCount")
    if mode in (None, *WRITING_MODES):
        if saved is None:
            return None, {}
        return int(saved or 1), {SAVED_INSERT_REPLICAS: None}
    if saved is not None:
        return 0, {}
    return 0, {SAVED_INSERT_REPLICAS: "" if stored is None else str(stored)}


def _provided(license_: Manifest | None) -> Manifest | None:
    return license_ if license_ and (license_.get("key") or license_.get("keyRef")) else None
