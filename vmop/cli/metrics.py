"""What dashboards and alerts know of the operator as a whole (spec 08 §8.1).

Objects are counted when somebody asks, from the informers' caches: nothing is kept beside them.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry, Counter, PlatformCollector, ProcessCollector
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from vmop import __version__
from vmop.informers import InformerFactory
from vmop.kube import Resource
from vmop.settings import OperatorFlags, VariableValue

STATUSES = ("operational", "failed", "expanding", "paused", "ignored")


def register(registry: CollectorRegistry, flags: OperatorFlags, variables: Iterable[VariableValue]) -> None:
    """Put the metrics that do not depend on the cluster into `registry`."""
    registry.register(_Program(flags, tuple(variables)))
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)


class LogMessages(logging.Filter):
    """Counts log records by level, as a filter of the handler that lets everything through.

    Records of level debug count as ``info``, since the Go operator has no series for them.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__()
        counter = Counter("operator_log_messages", "Log messages by level.", ("level",), registry=registry)
        self._info, self._error = counter.labels("info"), counter.labels("error")

    def filter(self, record: logging.LogRecord) -> bool:
        """Count the record and let it pass."""
        (self._error if record.levelno >= logging.ERROR else self._info).inc()
        return True


class _Program(Collector):
    """Flags, environment, and how long the process runs."""

    def __init__(self, flags: OperatorFlags, variables: tuple[VariableValue, ...]) -> None:
        self._flags = flags
        self._variables = variables
        self._started = time.time()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        yield GaugeMetricFamily("vm_app_start_timestamp", "Unix time of the start.", self._started)
        yield GaugeMetricFamily("vm_app_uptime_seconds", "Seconds since the start.", time.time() - self._started)
        yield GaugeMetricFamily(
            "operator_rest_client_qps_limit", "Requests a second that the client allows.", self._flags.client_qps
        )
        flags = GaugeMetricFamily("flag", "Flags of the operator.", labels=("name", "value", "is_set"))
        for name, value, given in self._flags.values():
            flags.add_metric((name, value, _boolean(given)), 1)
        yield flags
        parameters = GaugeMetricFamily(
            "config_parameter", "Environment variables of the operator.", labels=("name", "is_set", "value")
        )
        for variable in self._variables:
            parameters.add_metric((variable.name, _boolean(variable.is_set), variable.used), 1)
        yield parameters


class ClusterMetrics(Collector):
    """The server's version, and how many objects there are in which state."""

    def __init__(self, informers: InformerFactory, parents: Iterable[Resource], git_version: str) -> None:
        self._informers = informers
        self._parents = tuple(parents)
        self._git_version = git_version

    def collect(self) -> Iterator[GaugeMetricFamily]:
        version = GaugeMetricFamily(
            "vm_app_version", "Version of the operator.", labels=("version", "short_version", "k8s_version")
        )
        version.add_metric((f"vmop-{__version__}", __version__, self._git_version), 1)
        yield version
        counts = GaugeMetricFamily("operator_controller_objects_count", "Objects by kind.", labels=("controller",))
        states = GaugeMetricFamily(
            "operator_object_status", "State of each object.", labels=("controller", "namespace", "name", "status")
        )
        for resource in self._parents:
            controller = resource.kind.lower()
            objects = self._informers.informer(resource).lister.list()
            counts.add_metric((controller,), sum("deletionTimestamp" not in each.metadata for each in objects))
            for each in objects:
                current = (each.get("status") or {}).get("updateStatus", "")
                for status in STATUSES:
                    states.add_metric((controller, *each.key, status), float(status == current))
        yield counts
        yield states


def _boolean(value: bool) -> str:
    return "true" if value else "false"
