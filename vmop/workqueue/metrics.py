"""Client-go's metrics of work queues, cheap enough for a hot path.

A queue counts in plain attributes of its :class:`QueueStatistics`; only a scrape turns them into metrics. An item then
costs a microsecond or two, where the locks of prometheus_client's own counters and histograms would cost ten.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Protocol

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.utils import floatToGoString

# Upper bounds in seconds: client-go's, 10 ns to 1000 s by factors of ten.
BUCKETS: tuple[float, ...] = tuple(accumulate(range(11), lambda bound, _: bound * 10, initial=10e-9))
_BUCKET_NAMES: tuple[str, ...] = (*map(floatToGoString, BUCKETS), "+Inf")


class DurationHistogram:
    """Counts of durations (seconds) by :data:`BUCKETS`."""

    __slots__ = ("_counts", "_sum")

    def __init__(self) -> None:
        self._counts = [0] * (len(BUCKETS) + 1)
        self._sum = 0.0

    def observe(self, seconds: float) -> None:
        self._counts[bisect_left(BUCKETS, seconds)] += 1
        self._sum += seconds

    def add_to(self, family: HistogramMetricFamily, labels: Sequence[str]) -> None:
        """Add what was counted to ``family``, as Prometheus wants it: cumulative."""
        buckets = [(name, float(total)) for name, total in zip(_BUCKET_NAMES, accumulate(self._counts), strict=True)]
        family.add_metric(labels, buckets, self._sum)


class QueueStatistics:
    """What one queue counted since it was made."""

    __slots__ = ("adds", "queue_duration", "retries", "work_duration")

    def __init__(self) -> None:
        self.adds = 0
        self.retries = 0
        self.queue_duration = DurationHistogram()
        self.work_duration = DurationHistogram()


class MeasuredQueue(Protocol):
    """What :class:`QueueMetrics` reads of a queue, possibly from another thread."""

    name: str
    statistics: QueueStatistics

    def depths(self) -> Mapping[int, int]:
        """How many items are queued, by priority."""
        ...

    def running_seconds(self) -> Sequence[float]:
        """For each item in work, since how many seconds."""
        ...


class QueueMetrics:
    """The ``workqueue_*`` metrics of any number of queues, registered in ``registry`` until :meth:`close`.

    Names, labels and buckets are client-go's, with what controller-runtime adds: the label ``controller`` (same as
    ``name``) and the depth by ``priority``.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._queues: list[MeasuredQueue] = []
        registry.register(self)

    def attach(self, queue: MeasuredQueue) -> None:
        """Report ``queue`` from now on."""
        self._queues.append(queue)

    def close(self) -> None:
        """Take the metrics out of the registry again."""
        self._registry.unregister(self)

    def collect(self) -> Iterable[Metric]:
        own = ["name", "controller"]
        depth = GaugeMetricFamily("workqueue_depth", "Items that wait for a worker", labels=[*own, "priority"])
        adds = CounterMetricFamily("workqueue_adds_total", "Items added", labels=own)
        retries = CounterMetricFamily("workqueue_retries_total", "Items added for later", labels=own)
        waited = HistogramMetricFamily(
            "workqueue_queue_duration_seconds", "Seconds from the add of an item until a worker got it", labels=own
        )
        worked = HistogramMetricFamily(
            "workqueue_work_duration_seconds", "Seconds that the work on an item took", labels=own
        )
        unfinished = GaugeMetricFamily(
            "workqueue_unfinished_work_seconds", "Seconds of work in progress, all items together", labels=own
        )
        longest = GaugeMetricFamily(
            "workqueue_longest_running_processor_seconds", "Seconds that the longest work in progress runs", labels=own
        )
        for queue in self._queues:
            labels = [queue.name, queue.name]
            for priority, items in queue.depths().items():
                depth.add_metric([*labels, str(priority)], items)
            adds.add_metric(labels, queue.statistics.adds)
            retries.add_metric(labels, queue.statistics.retries)
            queue.statistics.queue_duration.add_to(waited, labels)
            queue.statistics.work_duration.add_to(worked, labels)
            running = queue.running_seconds()
            unfinished.add_metric(labels, sum(running))
            longest.add_metric(labels, max(running, default=0.0))
        return [depth, adds, retries, waited, worked, unfinished, longest]
