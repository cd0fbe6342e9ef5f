import asyncio

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from vmop.workqueue import QueueMetrics, WorkQueue

EXPECTED = """\
workqueue_depth{controller="vmagent",name="vmagent",priority="0"} 1.0
workqueue_depth{controller="vmagent",name="vmagent",priority="-100"} 2.0
workqueue_adds_total{controller="vmagent",name="vmagent"} 5.0
workqueue_retries_total{controller="vmagent",name="vmagent"} 1.0
workqueue_queue_duration_seconds_bucket{controller="vmagent",le="1e-08",name="vmagent"} 1.0
workqueue_queue_duration_seconds_bucket{controller="vmagent",le="1e-07",name="vmagent"} 1.0
workqueue_queue_duration_seconds_bucket{controller="vmagent",le="1e-06",name="vmagent"} 1.0
workqueue_queue_duration_seconds_bucket{controller="vmagent",le="9.999999999999999e-06",name="vmagent"} 1.0
workqueue_queue_duration_seconds_bucket{controller="vmagent",le="9.999999999999999e-05",name="vmagent"} 1.0
workqueue_queue_duration_seconds_bucket{controller="vmagent",le="0.001",name="vmagent"} 1.0
workqueue_queue_duration_seconds_bucket{controller="vmagent",le="0.01",name="vmagent"} 1.0
workqueue_queue_duration_seconds_bucket{controller="vmagent",le="0.1",name="vmagent"} 1.0
workqueue_queue_duration_seconds_bucket{controller="vmagent",le="1.0",name="vmagent"} 1.0
workqueue_queue_duration_seconds_bucket{controller="vmagent",le="10.0",name="vmagent"} 2.0
workqueue_queue_duration_seconds_bucket{controller="vmagent",le="100.0",name="vmagent"} 2.0
workqueue_queue_duration_seconds_bucket{controller="vmagent",le="1000.0",name="vmagent"} 2.0
workqueue_queue_duration_seconds_bucket{controller="vmagent",le="+Inf",name="vmagent"} 2.0
workqueue_queue_duration_seconds_count{controller="vmagent",name="vmagent"} 2.0
workqueue_queue_duration_seconds_sum{controller="vmagent",name="vmagent"} 2.0
workqueue_work_duration_seconds_bucket{controller="vmagent",le="1e-08",name="vmagent"} 0.0
workqueue_work_duration_seconds_bucket{controller="vmagent",le="1e-07",name="vmagent"} 0.0
workqueue_work_duration_seconds_bucket{controller="vmagent",le="1e-06",name="vmagent"} 0.0
workqueue_work_duration_seconds_bucket{controller="vmagent",le="9.999999999999999e-06",name="vmagent"} 0.0
workqueue_work_duration_seconds_bucket{controller="vmagent",le="9.999999999999999e-05",name="vmagent"} 0.0
workqueue_work_duration_seconds_bucket{controller="vmagent",le="0.001",name="vmagent"} 0.0
workqueue_work_duration_seconds_bucket{controller="vmagent",le="0.01",name="vmagent"} 0.0
workqueue_work_duration_seconds_bucket{controller="vmagent",le="0.1",name="vmagent"} 0.0
workqueue_work_duration_seconds_bucket{controller="vmagent",le="1.0",name="vmagent"} 0.0
workqueue_work_duration_seconds_bucket{controller="vmagent",le="10.0",name="vmagent"} 1.0
workqueue_work_duration_seconds_bucket{controller="vmagent",le="100.0",name="vmagent"} 1.0
workqueue_work_duration_seconds_bucket{controller="vmagent",le="1000.0",name="vmagent"} 1.0
workqueue_work_duration_seconds_bucket{controller="vmagent",le="+Inf",name="vmagent"} 1.0
workqueue_work_duration_seconds_count{controller="vmagent",name="vmagent"} 1.0
workqueue_work_duration_seconds_sum{controller="vmagent",name="vmagent"} 4.0
workqueue_unfinished_work_seconds{controller="vmagent",name="vmagent"} 7.0
workqueue_longest_running_processor_seconds{controller="vmagent",name="vmagent"} 7.0
"""


def samples(registry: CollectorRegistry) -> str:
    lines = generate_latest(registry).decode().splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith("#"))


@pytest.mark.looptime
async def test_metrics_are_those_of_client_go() -> None:
    registry = CollectorRegistry()
    queue: WorkQueue[str] = WorkQueue("vmagent", metrics=QueueMetrics(registry))
    queue.add("a")
    queue.add("b")
    await queue.get()
    await asyncio.sleep(2.0)
    await queue.get()
    await asyncio.sleep(2.0)
    queue.done("a")
    await asyncio.sleep(5.0)
    queue.add("c")
    queue.add("d", priority=-100)
    queue.add("e", priority=-100)
    queue.add("e", priority=-100)
    queue.add_after("f", 60.0)
    assert samples(registry) == EXPECTED
    queue.shut_down()


async def test_an_idle_queue_shows_no_work() -> None:
    registry = CollectorRegistry()
    WorkQueue("vmagent", metrics=QueueMetrics(registry))
    labels = {"name": "vmagent", "controller": "vmagent"}
    assert registry.get_sample_value("workqueue_longest_running_processor_seconds", labels) == 0.0


async def test_closed_metrics_leave_the_registry_as_it_was() -> None:
    registry = CollectorRegistry()
    QueueMetrics(registry).close()
    QueueMetrics(registry)
    assert samples(registry) == ""
