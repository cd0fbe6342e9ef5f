"""A defaulted VMCluster with the names, labels and addresses that its parts share (03 §3.2, §3.3, §3.9)."""

from collections.abc import Iterator, Sequence
from typing import Literal

import attrs

from vmop.api.v1beta1 import (
    AppParams,
    HorizontalAutoscaler,
    NetworkPolicy,
    PodDisruptionBudget,
    StorageNodeDiscovery,
    VerticalAutoscaler,
    VMCluster,
    VMClusterSpec,
)
from vmop.builders.args import flag
from vmop.builders.base import BuildError, Manifest, Platform
from vmop.builders.metadata import object_labels, prefixed_name, selector_labels
from vmop.builders.policies import (
    horizontal_autoscaler,
    network_policy,
    pod_disruption_budget,
    target_reference,
    vertical_autoscaler,
)
from vmop.builders.probes import ProbeTarget
from vmop.builders.services import port_number
from vmop.settings import Settings

PartName = Literal["vmstorage", "vmselect", "vminsert", "vmclusterlb", "vmcluster"]
BALANCER_APP = "vmclusterlb-vmauth-balancer"
PROXY_LABEL = "operator.victoriametrics.com/vmauthlb-proxy-name"
JOB_LABEL = "operator.victoriametrics.com/vmauthlb-proxy-job-name"


def part_name(cr: VMCluster, part: PartName) -> str:
    """The name of a part's objects; `vmcluster` is the root, which names the service account (03 §3.2)."""
    return prefixed_name(part, cr.name, legacy=cr.spec.use_legacy_naming, legacy_name=f"{cr.name}-{part}")


@attrs.frozen(kw_only=True)
class Cluster:
    """What the builders of the parts know. `live_storage_replicas` is what an autoscaler made of vmstorage, if any."""

    cr: VMCluster
    settings: Settings
    platform: Platform
    live_storage_replicas: int | None = None
    scrapes: bool = True

    @property
    def spec(self) -> VMClusterSpec:
        return self.cr.spec

    def name(self, part: PartName) -> str:
        return part_name(self.cr, part)

    def internal_name(self, part: Literal["vmselect", "vminsert"]) -> str:
        """The Service behind the balancer that leads to the pods themselves."""
        name = self.cr.name
        legacy = f"{name}-{part}-internal"
        return prefixed_name(f"{part}internal", name, legacy=self.spec.use_legacy_naming, legacy_name=legacy)

    def selector(self, part: PartName) -> dict[str, str]:
        return selector_labels(BALANCER_APP if part == "vmclusterlb" else part, self.cr.name)

    def labels(self, part: PartName) -> dict[str, str]:
        return object_labels(self.cr, self.selector(part), part_of="vmcluster")

    @property
    def service_account(self) -> str:
        return self.spec.service_account_name or self.name("vmcluster")

    def balanced(self, part: Literal["vmselect", "vminsert"]) -> bool:
        """Whether the balancer stands before this part."""
        balancer = self.spec.requests_load_balancer
        if balancer is None or not balancer.enabled:
            return False
        return not (balancer.disable_select_balancing if part == "vmselect" else balancer.disable_insert_balancing)

    def target(self, app: AppParams, path: str) -> ProbeTarget:
        return ProbeTarget.of(port_number(app.port, f"{path}.port"), app.extra_args)

    def pod_addresses(self, part: Literal["vmstorage", "vmselect"], ordinals: Sequence[int], port: int) -> list[str]:
        """`<pod>.<service>.<namespace>[.svc.<domain>]:<port>` of pods of a StatefulSet."""
        host = f"{self.name(part)}.{self.cr.namespace}{self._domain()}"
        return [f"{self.name(part)}-{ordinal}.{host}:{port}" for ordinal in ordinals]

    def _domain(self) -> str:
        return f".svc.{self.spec.cluster_domain_name}" if self.spec.cluster_domain_name else ""

    def storage_node_args(
        self,
        discovery: StorageNodeDiscovery | None,
        port: str | None,
        *,
        skipped: Sequence[int] | None,
        more: Sequence[str] = (),
    ) -> list[str]:
        """`-storageNode` of vminsert or vmselect: listed pods without the `skipped` ordinals, or their DNS name.

        `discovery` is the part's own and replaces the cluster's. `more` are nodes of other clusters.
        """
        effective = self.spec.discovery if discovery is None else discovery
        storage = self.spec.vmstorage
        if effective is not None and effective.enabled:
            if storage is None:
                raise BuildError("spec.discovery", "discovery is enabled, but there is no vmstorage to discover")
            found = f"srv+{self.name('vmstorage')}.{self.cr.namespace}{self._domain()}:{port}"
            return [
                *flag("storageNode", ",".join([found, *more])),
                *flag("storageNode.discoveryInterval", effective.interval),
                *flag("storageNode.filter", effective.filter),
            ]
        ordinals = [ordinal for ordinal in range(self._storage_replicas()) if ordinal not in (skipped or ())]
        number = port_number(port, "spec.vmstorage") if storage else 0
        return flag("storageNode", ",".join([*self.pod_addresses("vmstorage", ordinals, number), *more]))

    def _storage_replicas(self) -> int:
        """How many storage pods are listed. Unset replicas without an autoscaler are none, though one pod runs."""
        storage = self.spec.vmstorage
        if storage is None:
            return 0
        if storage.hpa is not None and self.live_storage_replicas is not None:
            return self.live_storage_replicas
        if storage.replica_count is not None:
            return storage.replica_count
        if storage.hpa is None:
            return 0
        return 1 if storage.hpa.min_replicas is None else storage.hpa.min_replicas

    def deduplication_args(self, app: AppParams) -> list[str]:
        """Replicated samples are told apart by nothing but their time: drop those that are equal."""
        downsampling = self.spec.downsampling
        if (self.spec.replication_factor or 0) <= 1 or _mentions(app, "dedup.minScrapeInterval"):
            return []
        if downsampling is not None and downsampling.dedup_interval:
            return []
        return ["-dedup.minScrapeInterval=1ms"]

    def replication_args(self, app: AppParams) -> list[str]:
        """vmselect must know of copies, unless the user tells it something of them."""
        factor = self.spec.replication_factor or 0
        return flag("replicationFactor", factor) if factor > 1 and not _mentions(app, "replicationFactor") else []

    def guards(
        self, part: PartName, budget: PodDisruptionBudget | None, policy: NetworkPolicy | None
    ) -> Iterator[Manifest]:
        """Disruption budget and network policy, which stand before the pods do."""
        name, labels, selector = self.name(part), self.labels(part), self.selector(part)
        if budget is not None:
            yield pod_disruption_budget(self.cr, name, budget, labels=labels, selector=selector)
        if policy is not None:
            yield network_policy(self.cr, name, policy, labels=labels, selector=selector)

    def autoscalers(
        self, part: PartName, kind: str, hpa: HorizontalAutoscaler | None, vpa: VerticalAutoscaler | None = None
    ) -> Iterator[Manifest]:
        target = target_reference(kind, self.name(part))
        if hpa is not None:
            yield horizontal_autoscaler(self.cr, hpa, target, labels=self.labels(part))
        if vpa is not None:
            yield vertical_autoscaler(self.cr, vpa, target, labels=self.labels(part))


def _mentions(app: AppParams, text: str) -> bool:
    return any(text in key for key in app.extra_args or ())
