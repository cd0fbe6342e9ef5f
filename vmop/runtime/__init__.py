"""What runs a controller: from a changed object to a reconcile, and from a start to an orderly stop.

A newcomer meets, in this order:

* :data:`Reconciler`: the one function that a controller is about; its contract stands at
  :mod:`vmop.runtime.reconciler`.
* :class:`Controller`: watches informers, maps what changed to keys, and calls the reconciler with each key, many
  keys at a time but never one twice; *predicates* (:mod:`vmop.runtime.predicates`) say which changes matter.
* :class:`Manager`: starts informers, then controllers once caches are warm and the lease is held, serves probes and
  metrics, and stops all of it in order.
* :class:`LeaderElection`: holds a Lease, and its :meth:`~LeaderElection.check` fences every write.
* :class:`EventRecorder`: tells users what happened, as Events of Kubernetes.
* :func:`get_logger`: logging with the object's context.

All of it lives in the host's event loop, with the host's client, informers and metrics registry; no signal handler
and no global is touched unless asked (:func:`stop_on_signals`, :func:`configure_logging`).
"""

from vmop.runtime.controller import LOW_PRIORITY, Controller
from vmop.runtime.events import EventRecorder, ObjectReference
from vmop.runtime.leader import LeaderElection, LeaderElectionConfig, LeadershipLost, new_identity
from vmop.runtime.logs import configure_logging, get_logger
from vmop.runtime.manager import CacheSyncTimeout, Manager, Runnable
from vmop.runtime.metrics import ControllerMetrics
from vmop.runtime.predicates import (
    Change,
    Predicate,
    all_of,
    annotations_changed,
    any_of,
    generation_changed,
    labels_changed,
    not_,
    resource_version_changed,
)
from vmop.runtime.reconciler import ReconcileError, Reconciler, Result, RetryAfter, TerminalError
from vmop.runtime.signals import stop_on_signals

__all__ = [
    "LOW_PRIORITY",
    "CacheSyncTimeout",
    "Change",
    "Controller",
    "ControllerMetrics",
    "EventRecorder",
    "LeaderElection",
    "LeaderElectionConfig",
    "LeadershipLost",
    "Manager",
    "ObjectReference",
    "Predicate",
    "ReconcileError",
    "Reconciler",
    "Result",
    "RetryAfter",
    "Runnable",
    "TerminalError",
    "all_of",
    "annotations_changed",
    "any_of",
    "configure_logging",
    "generation_changed",
    "get_logger",
    "labels_changed",
    "new_identity",
    "not_",
    "resource_version_changed",
    "stop_on_signals",
]
