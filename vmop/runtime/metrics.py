"""Controller-runtime's metrics of controllers, and the lag of the event loop. All go into the registry that is
given.
"""

import asyncio
from collections import deque

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.metrics import MetricWrapperBase

RESULTS = ("success", "error", "requeue", "requeue_after")

# Seconds; controller-runtime's, since dashboards draw heat maps of them.
_TIME_BUCKETS = (
    *(0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9),
    *(1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 6.0, 7.0, 8.0, 9.0),
    *(10.0, 15.0, 20.0, 25.0, 30.0, 40.0, 50.0, 60.0),
)


class ControllerMetrics:
    """The ``controller_runtime_*`` metrics of all controllers, in ``registry`` until :meth:`close`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        prefix = "controller_runtime_"
        names = ("controller",)
        self.reconciles = Counter(
            f"{prefix}reconcile_total", "Reconciles by result", ("controller", "result"), registry=registry
        )
        self.errors = Counter(f"{prefix}reconcile_errors_total", "Failed reconciles", names, registry=registry)
        self.terminal_errors = Counter(
            f"{prefix}terminal_reconcile_errors_total", "Failures without a retry", names, registry=registry
        )
        self.panics = Counter(
            f"{prefix}reconcile_panics_total", "Failures by a bug of the controller", names, registry=registry
        )
        self.timeouts = Counter(
            f"{prefix}reconcile_timeouts_total", "Reconciles beyond their time limit", names, registry=registry
        )
        self.seconds = Histogram(
            f"{prefix}reconcile_time_seconds",
            "Seconds that a reconcile took",
            names,
            buckets=_TIME_BUCKETS,
            registry=registry,
        )
        self.active_workers = Gauge(f"{prefix}active_workers", "Workers that reconcile now", names, registry=registry)
        self.max_workers = Gauge(
            f"{prefix}max_concurrent_reconciles", "Workers that there are", names, registry=registry
        )

    def prepare(self, controller: str, workers: int) -> None:
        """Show all series of ``controller`` from the start, at 0."""
        for result in RESULTS:
            self.reconciles.labels(controller, result)
        for metric in (
            self.errors,
            self.terminal_errors,
            self.panics,
            self.timeouts,
            self.seconds,
            self.active_workers,
        ):
            metric.labels(controller)
        self.max_workers.labels(controller).set(workers)

    def close(self) -> None:
        """Take the metrics out of the registry again."""
        metrics: tuple[MetricWrapperBase, ...] = (
            *(self.reconciles, self.errors, self.terminal_errors, self.panics, self.timeouts),
            *(self.seconds, self.active_workers, self.max_workers),
        )
        for metric in metrics:
            self._registry.unregister(metric)


class LoopLag:
    """``vmop_event_loop_lag_seconds``: by how much the loop was late at worst within the last minute.

    No callback may hold the loop for more than 50 ms (``00-writing.md`` §9); this shows who did. A maximum, since
    the last value alone would miss what happens between two scrapes.
    """

    INTERVAL = 0.25  # seconds between two looks

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._gauge = Gauge(
            "vmop_event_loop_lag_seconds", "Greatest delay of the event loop within the last minute", registry=registry
        )
        self._lags: deque[float] = deque(maxlen=round(60 / self.INTERVAL))

    async def run(self) -> None:
        """Measure until cancelled, then take the metric out of the registry."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                due = loop.time() + self.INTERVAL
                await asyncio.sleep(self.INTERVAL)
                self._lags.append(max(0.0, loop.time() - due))
                self._gauge.set(max(self._lags))
        finally:
            self._registry.unregister(self._gauge)
