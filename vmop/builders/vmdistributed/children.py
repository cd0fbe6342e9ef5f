"""The children that a VMDistributed stands for: backend and agent of each zone, and the VMAuth (spec 02 §2 to §8).

Everything works on the JSON of the specs: what a user did not write is absent, and stays so through the merge.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs

from vmop.api import CustomResource, SpecError, parse_spec, to_json
from vmop.api.v1alpha1 import VMDistributed, ZoneRemoteWrite
from vmop.api.v1beta1 import License, VMAgent, VMAuth, VMCluster, VMSingle
from vmop.builders.base import BuildError, Manifest, Platform
from vmop.builders.registry import with_defaults
from vmop.builders.vmdistributed.merge import expand, is_empty, merge, written
from vmop.builders.vmdistributed.ownership import ADDED_TO_AGENT, Origin
from vmop.builders.vmdistributed.referenced import WRITING_MODES, Added, LiveChild, held_insert, service_of
from vmop.builders.vmdistributed.targets import upsert
from vmop.builders.vmdistributed.write_urls import remote_write_url
from vmop.settings import Settings

BACKENDS: Mapping[str, type[CustomResource]] = {"VMCluster": VMCluster, "VMSingle": VMSingle}
DEFAULT_BACKEND = "VMCluster"


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
    if insert is None:
        return False
    replicas = insert.get("replicaCount")
    return replicas is None or replicas > 0


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
        urls = [self._url(i, backend) for i, backend in enumerate(backends)]
        # a referenced VMCluster may have no vminsert, and nobody writes to it
        entries = [self._remote_write(zone, common, url) for zone, url in zip(zones, urls, strict=True) if url]
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
        if (license_ := _provided(own.get("license"))) is not None:
            merged["license"] = license_
        return merged

    def _licensed(self, merged: Manifest) -> Manifest:
        """With the license of the VMDistributed, where the child has none of its own."""
        common, own = _provided(self.spec.get("license")), merged.get("license") or {}
        if common is None or _provided(own) is not None:
            return merged
        return {**merged, "license": merge(License, common, own)}

    def _license_for(self, live: LiveChild) -> Manifest:
        """What the license demands of a child that keeps its own spec."""
        licensed = self._licensed(live.spec)
        return {} if licensed is live.spec else {"license": licensed["license"]}

    def _defaulted(self, cls: type[CustomResource], name: str, spec: Manifest, path: str) -> Manifest:
        metadata = {"name": name, "namespace": self.cr.namespace}
        parsed = parse_spec(cls.spec_type(), spec, path)
        obj = cls.make(metadata, parsed, {})
        return to_json(with_defaults(obj, self.settings, self.platform).spec)

    def _url(self, index: int, backend: Child) -> str:
        """Where agents write; a spec that is its user's own has the operator's ports only once it is defaulted."""
        spec = backend.spec
        try:
            if backend.part is not None:
                spec = self._defaulted(backend.cls, backend.name, spec, "spec")
            return remote_write_url(backend.cls, backend.name, self.cr.namespace, spec)
        except SpecError as error:
            what = f"{backend.kind}={self.cr.namespace}/{backend.name}: {error}"
            raise BuildError(f"spec.zones[{index}]", f"spec.zones[{index}]: {what}") from error

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
            if cls is VMCluster:
                # one that we made would lose all its components
                field = f"spec.zones[{index}].vmcluster.spec.vminsert"
                text = f"either zoneCommon.vmcluster.spec.vminsert or {field} is required"
                raise BuildError(field, f"{text}: VMCluster={self.cr.namespace}/{name} is not a referenced one")
        path = f"spec.zones[{index}].{cls.kind.lower()}.spec"
        spec = self._defaulted(cls, name, self._licensed(merged), path)
        return Child(cls, name, _with_mode(cls, spec, zone.get("trafficMode")))

    def _referenced_backend(self, cls: type[CustomResource], name: str, zone: Manifest, live: LiveChild) -> Child:
        """A backend that keeps its own spec, but for what license and traffic mode demand (§6.4)."""
        part = self._license_for(live)
        annotations: dict[str, str | None] = {}
        if cls is VMCluster and live.spec.get("vminsert") is not None:
            insert, annotations = held_insert(live, zone.get("trafficMode"))
            if insert is not None:
                part["vminsert"] = insert
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
            return self._referenced_agent(name, live, entries)
        spec = self._licensed(merged)
        spec["ingestOnlyMode"] = True
        spec["remoteWriteSettings"] = {**(spec.get("remoteWriteSettings") or {}), "useMultiTenantMode": True}
        spec["remoteWrite"] = in_live_order(entries, live)
        if live is not None and "shardCount" in live.spec:
            spec["shardCount"] = live.spec["shardCount"]
        return Child(VMAgent, name, self._defaulted(VMAgent, name, spec, f"spec.zones[{index}].vmagent.spec"))

    def _referenced_agent(self, name: str, live: LiveChild, entries: Sequence[Manifest]) -> Child:
        """An agent that keeps its own spec: the zones' entries are added to its list, and nothing else (S6)."""
        added = Added.read(live.annotations)
        ours = {entry["url"]: entry for entry in entries}
        by_service = {service_of(url, self.cr.namespace): url for url in ours}
        kept: list[Manifest] = []
        placed: set[str] = set()
        users: set[str] = set()
        for entry in live.spec.get("remoteWrite") or ():
            stored = entry.get("url", "")
            # another port of the same service is the same backend: both would write every sample twice
            url = by_service.get(service_of(stored, self.cr.namespace), "")
            if not url:
                kept += [] if stored in added.urls else [entry]
            elif url not in placed:
                placed.add(url)
                kept.append(ours[url])
                users |= set() if stored in added.urls else {url}
        new = [entry for url, entry in ours.items() if url not in placed]
        settings: Manifest = live.spec.get("remoteWriteSettings") or {}
        tenants = added.multi_tenant or not settings.get("useMultiTenantMode")
        record = Added(tuple(sorted(set(ours) - users)), multi_tenant=tenants)
        part = self._license_for(live) | {
            "remoteWrite": kept + new,
            "remoteWriteSettings": {**settings, "useMultiTenantMode": True},
        }
        return Child(VMAgent, name, {**live.spec, **part}, part, {ADDED_TO_AGENT: record.written()})

    # -- the balancer ------------------------------------------------------------------------------------------------

    def balancer(self, refs: Sequence[Manifest]) -> Child:
        """The VMAuth with these targets (§7); one that is only named keeps its own spec (S4)."""
        given = self.spec.get("vmauth") or {}
        name = given.get("name") or self.cr.name
        live = self.live(VMAuth.kind, name)
        spec = written(VMAuth.spec_type(), given.get("spec") or {})
        if is_empty(spec) and live is not None and live.origin is Origin.REFERENCED:
            part = self._license_for(live) | {
                "defaultTargetRefs": upsert(live.spec.get("defaultTargetRefs") or [], refs),
                "waitForConfigReload": True,
            }
            return Child(VMAuth, name, {**live.spec, **part}, part)
        spec = {**self._licensed(spec), "defaultTargetRefs": list(refs), "waitForConfigReload": True}
        return Child(VMAuth, name, self._defaulted(VMAuth, name, spec, "spec.vmauth.spec"))


def in_live_order(entries: Sequence[Manifest], live: LiveChild | None) -> list[Manifest]:
    """Remote writes with those first that the live agent has, in its order (§6.3).

    vmagent keeps a queue by position and URL: an entry that moves loses what waits in its queue.
    """
    stored: Sequence[Manifest] = (live.spec.get("remoteWrite") or ()) if live is not None else ()
    # of a repeated URL the last position counts
    position = {entry.get("url"): i for i, entry in enumerate(stored)}
    return sorted(entries, key=lambda entry: position.get(entry["url"], len(stored)))


def _with_mode(cls: type[CustomResource], spec: Manifest, mode: str | None) -> Manifest:
    """A VMCluster takes no writes in the modes without them; an autoscaler would bring vminsert back (T32)."""
    if cls is not VMCluster or mode in (None, *WRITING_MODES) or spec.get("vminsert") is None:
        return spec
    insert = {key: value for key, value in spec["vminsert"].items() if key != "hpa"}
    return {**spec, "vminsert": {**insert, "replicaCount": 0}}


def _provided(license_: Manifest | None) -> Manifest | None:
    return license_ if license_ and (license_.get("key") or license_.get("keyRef")) else None
