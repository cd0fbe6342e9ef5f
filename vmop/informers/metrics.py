"""What one sees of informers from outside, per resource and selector."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge


class InformerMetrics:
    """Metrics of all informers of a process, in the registry of the caller."""

    def __init__(self, registry: CollectorRegistry) -> None:
        labels = ("resource", "selector")
        self.lists = Counter(
            "vmop_informer_lists", "Lists begun, by way (stream or pages).", (*labels, "way"), registry=registry
        )
        self.watches = Counter("vmop_informer_watches", "Watches opened.", labels, registry=registry)
        self.ends = Counter(
            "vmop_informer_interruptions",
            "Lists and watches that ended, by cause.",
            (*labels, "cause"),
            registry=registry,
        )
        self.events = Counter(
            "vmop_informer_events", "Objects and events received, by type.", (*labels, "type"), registry=registry
        )
        self.objects = Gauge("vmop_informer_objects", "Objects in the store.", labels, registry=registry)
        self.silence = Gauge(
            "vmop_informer_silence_seconds",
            "Seconds since the server last gave a sign of life.",
            labels,
            registry=registry,
        )


class InformerCounters:
    """The metrics of one informer; without :class:`InformerMetrics` they go nowhere."""

    def __init__(self, metrics: InformerMetrics | None, resource: str, selector: str) -> None:
        self._metrics = metrics
        self._labels = (resource, selector)
        self._events = (
            {
                kind: metrics.events.labels(resource, selector, kind)
                for kind in ("LISTED", "ADDED", "MODIFIED", "DELETED", "BOOKMARK")
            }
            if metrics
            else {}
        )

    def observe(self, objects: Callable[[], float], silence: Callable[[], float]) -> None:
        """Gauges call these when they are read."""
        if self._metrics:
            self._metrics.objects.labels(*self._labels).set_function(objects)
            self._metrics.silence.labels(*self._labels).set_function(silence)

    def forget(self) -> None:
        """The informer has ended: its gauges say nothing more."""
        if self._metrics:
            self._metrics.objects.remove(*self._labels)
            self._metrics.silence.remove(*self._labels)

    def listed(self, way: str) -> None:
        if self._metrics:
            self._metrics.lists.labels(*self._labels, way).inc()

    def watched(self) -> None:
        if self._metrics:
            self._metrics.watches.labels(*self._labels).inc()

    def ended(self, cause: str) -> None:
        if self._metrics:
            self._metrics.ends.labels(*self._labels, cause).inc()

    def event(self, kind: str, count: int = 1) -> None:
        if self._metrics:
            counter = self._events.get(kind)
            if counter is not None:
                counter.inc(count)
