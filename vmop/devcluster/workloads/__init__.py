"""The workload controllers of a cluster, on the runtime that everybody else uses.

They do what kube-controller-manager does with the same objects, as far as one can see it from outside: names, labels,
annotations, order, counts and conditions. :func:`workload_controllers` makes them all:

* Deployments (:mod:`.deployments`; what to do next is arithmetic in :mod:`.deployment_model`) through ReplicaSets
  (:mod:`.replicasets`);
* StatefulSets (:mod:`.statefulsets`; what they make in :mod:`.stateful_pods`) and DaemonSets (:mod:`.daemonsets`), both
  with :mod:`.revisions` of their templates;
* :mod:`.endpoints` of Services, and :mod:`.disruptions`: what budgets allow.

They read informers' caches and write through one :class:`Writer`, which remembers what it wrote.
"""

from collections.abc import Callable
from datetime import datetime

from vmop.devcluster.workloads.adoption import index_by_controller, keys_of_owners
from vmop.devcluster.workloads.daemonsets import DaemonSets
from vmop.devcluster.workloads.deployments import Deployments
from vmop.devcluster.workloads.disruptions import DisruptionBudgets
from vmop.devcluster.workloads.endpoints import SERVICE_NAME, EndpointSlices
from vmop.devcluster.workloads.replicasets import ReplicaSets
from vmop.devcluster.workloads.statefulsets import StatefulSets
from vmop.devcluster.workloads.writer import Writer
from vmop.informers import InformerFactory, StoredObject
from vmop.kube import Client, ObjectKey
from vmop.kube.resources import (
    CONTROLLER_REVISION,
    DAEMON_SET,
    DEPLOYMENT,
    ENDPOINT_SLICE,
    NODE,
    PERSISTENT_VOLUME_CLAIM,
    POD,
    POD_DISRUPTION_BUDGET,
    REPLICA_SET,
    SERVICE,
    STATEFUL_SET,
)
from vmop.runtime import Controller, Reconciler
from vmop.workqueue import ExponentialFailureRateLimiter

__all__ = ["Writer", "workload_controllers"]

_WORKERS = 8
_RETRY_BASE, _RETRY_MAXIMUM = 0.05, 5.0


def controller(name: str, reconcile: Reconciler) -> Controller:
    """A controller that tries again soon: this cluster is in the same process."""
    limiter = ExponentialFailureRateLimiter(_RETRY_BASE, _RETRY_MAXIMUM)
    return Controller(name, reconcile, workers=_WORKERS, rate_limiter=limiter)


def workload_controllers(client: Client, factory: InformerFactory, *, now: Callable[[], datetime]) -> list[Controller]:
    """All of them, on informers of `factory`; to be added to a manager."""
    writer = Writer(client, factory, now)
    deployments, replica_sets = factory.informer(DEPLOYMENT), factory.informer(REPLICA_SET)
    stateful_sets, daemon_sets = factory.informer(STATEFUL_SET), factory.informer(DAEMON_SET)
    pods, claims = factory.informer(POD), factory.informer(PERSISTENT_VOLUME_CLAIM)
    revisions, nodes = factory.informer(CONTROLLER_REVISION), factory.informer(NODE)
    services, slices = factory.informer(SERVICE), factory.informer(ENDPOINT_SLICE)
    budgets = factory.informer(POD_DISRUPTION_BUDGET)
    index_by_controller(pods, replica_sets, revisions)

    endpoints = EndpointSlices(writer, services, pods, slices)
    disruptions = DisruptionBudgets(writer, budgets, pods, (deployments, replica_sets, stateful_sets))

    def all_daemon_sets(node: StoredObject) -> list[ObjectKey]:
        return daemon_sets.lister.keys()

    return [
        controller("dev-deployment", Deployments(writer, deployments, replica_sets, pods).reconcile)
        .watch_for(deployments)
        .watches(replica_sets, keys_of_owners(deployments))
        .watches(pods, _deployment_of),
        controller("dev-replicaset", ReplicaSets(writer, replica_sets, pods).reconcile)
        .watch_for(replica_sets)
        .watches(pods, keys_of_owners(replica_sets)),
        controller("dev-statefulset", StatefulSets(writer, stateful_sets, pods, claims, revisions).reconcile)
        .watch_for(stateful_sets)
        .watches(revisions, keys_of_owners(stateful_sets))
        .watches(pods, keys_of_owners(stateful_sets)),
        controller("dev-daemonset", DaemonSets(writer, daemon_sets, pods, nodes, revisions).reconcile)
        .watch_for(daemon_sets)
        .watches(nodes, all_daemon_sets)
        .watches(pods, keys_of_owners(daemon_sets)),
        controller("dev-endpointslice", endpoints.reconcile)
        .watch_for(services)
        .watches(slices, _service_of)
        .watches(pods, endpoints.services_of),
        controller("dev-disruption", disruptions.reconcile).watch_for(budgets).watches(pods, disruptions.budgets_of),
    ]


def _service_of(stored: StoredObject) -> list[ObjectKey]:
    name = stored.label(SERVICE_NAME)
    return [ObjectKey(stored.namespace, name)] if name else []


def _deployment_of(pod: StoredObject) -> list[ObjectKey]:
    """A pod's name begins with its ReplicaSet's, which ends in the hash: Recreate waits for old pods to be gone."""
    digest = pod.label("pod-template-hash")
    for reference in pod.metadata.get("ownerReferences") or ():
        if digest and reference["kind"] == "ReplicaSet" and reference["name"].endswith(f"-{digest}"):
            return [ObjectKey(pod.namespace, reference["name"].removesuffix(f"-{digest}"))]
    return []
