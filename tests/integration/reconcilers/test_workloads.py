"""Workloads that no VMCluster has, or does not have like this."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.reconcilers.stage import NAMESPACE, Stage
from vmop.devcluster.cluster import DevCluster
from vmop.devcluster.nodes import Behaviour
from vmop.kube import Manifest, ObjectKey
from vmop.kube.resources import DAEMON_SET, DEPLOYMENT, POD, STATEFUL_SET
from vmop.reconcilers.progress import Delay, Failure, Progress
from vmop.reconcilers.workloads import Workload, reconcile_workload

LABELS = {"app": "x", "managed-by": "vm-operator"}


def manifest(kind: str, *, text: str = "", labels: Manifest | None = None, **spec: Any) -> Manifest:
    container = {"name": "x", "image": "x:1", "args": [text]}
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": "x", "namespace": NAMESPACE, "labels": labels or LABELS},
        "spec": {
            "selector": {"matchLabels": LABELS},
            "template": {"metadata": {"labels": LABELS}, "spec": {"containers": [container]}},
            **spec,
        },
    }


async def step(stage: Stage, workload: Manifest) -> Progress:
    return await reconcile_workload(stage.context, Workload(workload))


async def until_ready(stage: Stage, workload: Manifest) -> None:
    async def is_ready() -> bool:
        return (await step(stage, workload)).ready

    await stage.until(is_ready)


async def test_a_daemon_set_is_ready_when_it_is_on_all_nodes(stage: Stage) -> None:
    await until_ready(stage, manifest("DaemonSet"))
    live = await stage.client.get(DAEMON_SET, stage.key("x"))
    assert (live["status"]["numberAvailable"], live["status"]["updatedNumberScheduled"]) == (3, 3)
    await until_ready(stage, manifest("DaemonSet", text="again"))
    pods = (await stage.client.list(POD, NAMESPACE)).items
    assert [pod["spec"]["containers"][0]["args"] for pod in pods] == [["again"]] * 3


async def test_a_held_daemon_set_keeps_its_template(stage: Stage) -> None:
    await until_ready(stage, manifest("DaemonSet"))
    changed = Workload(manifest("DaemonSet", text="again"), held=True)
    progress = await reconcile_workload(stage.context, changed)
    assert progress == Progress(held="DaemonSet=shop/x has a changed pod template")


async def test_a_deployment_that_gives_up_is_a_failure(dev: DevCluster, stage: Stage) -> None:
    dev.nodes.knobs.default = Behaviour("never")
    workload = manifest("Deployment", replicas=1, progressDeadlineSeconds=1)

    async def gave_up() -> bool:
        live = await stage.get(DEPLOYMENT, "x")
        conditions = ((live or {}).get("status") or {}).get("conditions") or ()
        return any(each.get("reason") == "ProgressDeadlineExceeded" for each in conditions)

    await step(stage, workload)
    await stage.until(gave_up)

    async def fails() -> bool:
        try:
            await step(stage, workload)
        except Failure as error:
            return str(error) == "progress deadline exceeded for Deployment=shop/x"
        return False

    await stage.until(fails)


async def test_a_workload_without_any_pod_is_told_of_in_time(dev: DevCluster, stage: Stage) -> None:
    broken = manifest("Deployment", replicas=1)
    broken["spec"]["paused"] = True
    await step(stage, broken)

    async def is_observed() -> bool:
        return "to be ready" in (await step(stage, broken)).waiting

    await stage.until(is_observed)
    stage.clock.put_forward(100)
    with pytest.raises(Delay) as raised:
        await step(stage, broken)
    assert str(raised.value) == "cannot find any pod of Deployment=shop/x, check kubernetes events"


async def test_a_rolling_stateful_set_is_left_to_kubernetes(stage: Stage) -> None:
    rolling: Manifest = {"serviceName": "x", "replicas": 2, "updateStrategy": {"type": "RollingUpdate"}}
    await until_ready(stage, manifest("StatefulSet", **rolling))
    await until_ready(stage, manifest("StatefulSet", text="again", **rolling))
    pods = (await stage.client.list(POD, NAMESPACE)).items
    assert [pod["spec"]["containers"][0]["args"] for pod in pods] == [["again"]] * 2


async def test_a_stateful_set_without_replicas_is_ready(stage: Stage) -> None:
    none: Manifest = {"serviceName": "x", "replicas": 0, "updateStrategy": {"type": "OnDelete"}}
    await until_ready(stage, manifest("StatefulSet", **none))
    assert await stage.names(POD) == set()


async def test_a_pod_that_does_not_go_is_told_of_in_time(dev: DevCluster, stage: Stage) -> None:
    dev.nodes.knobs.stop_after = 3600
    spec: Manifest = {"serviceName": "x", "replicas": 1, "updateStrategy": {"type": "OnDelete"}}
    await until_ready(stage, manifest("StatefulSet", **spec))
    await stage.merge(POD, "x-0", {"metadata": {"finalizers": ["example.com/stays"]}})
    changed = manifest("StatefulSet", text="again", **spec)

    async def is_leaving() -> bool:
        await step(stage, changed)
        stored = stage.context.informers.cached(POD, ObjectKey(NAMESPACE, "x-0"))
        return bool(stored and stored.metadata.get("deletionTimestamp"))

    await stage.until(is_leaving)
    stage.clock.put_forward(200)
    with pytest.raises(Delay) as raised:
        await step(stage, changed)
    assert str(raised.value) == "pod shop/x-0 of StatefulSet=shop/x is not gone in time"
    await stage.merge(POD, "x-0", {"metadata": {"finalizers": None}})
    live = await stage.client.get(STATEFUL_SET, stage.key("x"))
    assert live["spec"]["template"]["spec"]["containers"][0]["args"] == ["again"]
