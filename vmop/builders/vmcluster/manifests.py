"""All objects of a VMCluster, part by part (03 §3.14)."""

from collections.abc import Iterable, Mapping

import attrs

from vmop.api.v1beta1 import LoadBalancerSpec, VMCluster, VMClusterSpec
from vmop.builders.base import Manifest, Platform
from vmop.builders.components import Component, Parts
from vmop.builders.policies import check_vpa_enabled, service_account
from vmop.builders.vmcluster.balancer import balancer
from vmop.builders.vmcluster.cluster import Cluster
from vmop.builders.vmcluster.defaults import default_vmcluster
from vmop.builders.vmcluster.insert import vminsert
from vmop.builders.vmcluster.select import vmselect
from vmop.builders.vmcluster.storage import vmstorage
from vmop.settings import Settings

SWEPT_KINDS = (
    "PodDisruptionBudget",
    "HorizontalPodAutoscaler",
    "VerticalPodAutoscaler",
    "NetworkPolicy",
    "VMServiceScrape",
    "Service",
)
"""Kinds whose objects of the cluster are removed when their name is not wanted any more (03 §3.16)."""


@attrs.frozen(kw_only=True)
class VMClusterManifests(Parts):
    """What a VMCluster stands for. A part is None where the spec has none.

    Written in this order, waiting for each workload: `service_account`, `balancer`, `storage`, `select`, `insert`. A
    part with an `error` ends there, and no part after it may be written.
    """

    service_account: Manifest | None
    balancer: Component | None
    storage: Component | None
    select: Component | None
    insert: Component | None

    @property
    def components(self) -> tuple[Component, ...]:
        """The parts in writing order."""
        parts = (self.balancer, self.storage, self.select, self.insert)
        return tuple(part for part in parts if part is not None)

    def all(self) -> list[Manifest]:
        accounts = [self.service_account] if self.service_account else []
        return [*accounts, *super().all()]

    @property
    def wanted(self) -> Mapping[str, frozenset[str]]:
        """Names to keep by kind, for the removal of leftovers; only complete without an `error`."""
        return self.names(SWEPT_KINDS)


def build_vmcluster(
    cr: VMCluster,
    settings: Settings,
    platform: Platform | None = None,
    *,
    live_storage_replicas: int | None = None,
    scrapes: bool = True,
) -> VMClusterManifests:
    """The manifests of a cluster, which need not be defaulted.

    `live_storage_replicas` is the replica count of the existing vmstorage, which counts where it has an autoscaler.
    `scrapes` is false where nothing handles VMServiceScrape objects. A `vpa` that the settings do not allow raises
    `BuildError`; what else cannot be built is told by the `error` of its part.
    """
    platform = platform or Platform()
    cr = default_vmcluster(cr, settings, platform)
    spec = cr.spec
    _check(spec, settings)
    cluster = Cluster(
        cr=cr,
        settings=settings,
        platform=platform,
        live_storage_replicas=live_storage_replicas,
        scrapes=scrapes,
    )

    def collected(name: str, objects: Iterable[Manifest]) -> Component:
        return Component.collect(name, objects, settings)

    front = spec.requests_load_balancer
    own_account = not spec.service_account_name
    return VMClusterManifests(
        service_account=service_account(cr, cluster.service_account, cluster.labels("vmcluster"))
        if own_account
        else None,
        balancer=collected("vmclusterlb", balancer(cluster, front.spec or LoadBalancerSpec()))
        if front and front.enabled
        else None,
        storage=collected("vmstorage", vmstorage(cluster, spec.vmstorage)) if spec.vmstorage else None,
        select=collected("vmselect", vmselect(cluster, spec.vmselect)) if spec.vmselect else None,
        insert=collected("vminsert", vminsert(cluster, spec.vminsert)) if spec.vminsert else None,
    )


def _check(spec: VMClusterSpec, settings: Settings) -> None:
    """What is wrong before anything is built."""
    for path, part in (
        ("spec.vmstorage", spec.vmstorage),
        ("spec.vmselect", spec.vmselect),
        ("spec.vminsert", spec.vminsert),
    ):
        check_vpa_enabled(part.vpa if part else None, settings, path)
