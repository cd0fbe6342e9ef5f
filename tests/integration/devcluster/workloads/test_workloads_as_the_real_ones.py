"""The same life on the dev cluster and under a real kube-controller-manager: after each step all objects are equal."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.integration.devcluster.workloads.bench import Bench, claim_template, on_dev, on_real, workload
from vmop.devcluster.controlplane import ControlPlane
from vmop.kube import Manifest, NotFound
from vmop.kube.resources import DAEMON_SET, DEPLOYMENT, POD, POD_DISRUPTION_BUDGET, SERVICE, STATEFUL_SET

NEVER = {"simulator.vmop/behaviour": "never"}
READY = {"simulator.vmop/behaviour": "ready"}
KINDS = {"deploy": DEPLOYMENT, "state": STATEFUL_SET, "daemon": DAEMON_SET}


async def _change(bench: Bench, version: str, annotations: Manifest | None = None) -> None:
    for app, resource in KINDS.items():
        await bench.patch(resource, app, template=workload(app, version, annotations)["template"])


async def _all_ready(bench: Bench, replicas: int = 3) -> None:
    counts = dict.fromkeys(("replicas", "updatedReplicas", "availableReplicas"), replicas)
    await bench.status(DEPLOYMENT, "deploy", **counts)
    await bench.status(STATEFUL_SET, "state", updatedReplicas=2, readyReplicas=2)
    await bench.status(DAEMON_SET, "daemon", updatedNumberScheduled=3, numberAvailable=3)


async def create(bench: Bench) -> None:
    metadata = {"annotations": {"a": "b"}, "labels": {"l": "m"}}
    await bench.create(DEPLOYMENT, "deploy", workload("deploy", replicas=3), **metadata)
    stateful = workload("state", replicas=2, serviceName="state", volumeClaimTemplates=[claim_template()])
    await bench.create(STATEFUL_SET, "state", stateful)
    await bench.create(DAEMON_SET, "daemon", workload("daemon"))
    named = {"name": "http", "port": 80, "targetPort": "http"}
    for app, spec in (("deploy", {}), ("state", {"clusterIP": "None"}), ("nothing", {})):
        selector = {"selector": {"app": app}, "ports": [named, {"name": "other", "port": 81}]}
        await bench.create(SERVICE, app, {**selector, **spec}, labels={"x": "y"})
    budget = {"maxUnavailable": 1, "selector": {"matchLabels": {"app": "deploy"}}}
    await bench.create(POD_DISRUPTION_BUDGET, "budget", budget)
    await _all_ready(bench)


async def roll(bench: Bench) -> None:
    await _change(bench, "2")
    await _all_ready(bench)


async def roll_back(bench: Bench) -> None:
    await _change(bench, "1")
    await _all_ready(bench)


async def get_stuck(bench: Bench) -> None:
    await bench.patch(DEPLOYMENT, "deploy", progressDeadlineSeconds=2)
    await _change(bench, "3", NEVER)

    async def exceeded() -> bool:
        conditions = (await bench.get(DEPLOYMENT, "deploy"))["status"]["conditions"]
        return any(one["reason"] == "ProgressDeadlineExceeded" for one in conditions)

    await bench.until(exceeded)


async def scale_while_stuck(bench: Bench) -> None:
    await bench.client.patch_scale(DEPLOYMENT, bench.key("deploy"), 6)
    await bench.client.patch_scale(STATEFUL_SET, bench.key("state"), 3)


async def recover(bench: Bench) -> None:
    await _change(bench, "3", READY)
    await bench.status(DEPLOYMENT, "deploy", replicas=6, updatedReplicas=6, availableReplicas=6)
    for pod in await bench.pods("state"):
        if pod["metadata"].get("annotations") == NEVER:
            await bench.client.delete(POD, bench.key(pod["metadata"]["name"]))
    await bench.status(STATEFUL_SET, "state", updatedReplicas=3, readyReplicas=3)


async def wait_for_hands(bench: Bench) -> None:
    await bench.patch(STATEFUL_SET, "state", updateStrategy={"type": "OnDelete", "rollingUpdate": None})
    await bench.patch(STATEFUL_SET, "state", template=workload("state", "4")["template"])
    await bench.status(STATEFUL_SET, "state", readyReplicas=3)


async def delete_one_by_hand(bench: Bench) -> None:
    await bench.client.delete(POD, bench.key("state-1"))
    await bench.status(STATEFUL_SET, "state", readyReplicas=3, updatedReplicas=1)


async def recreate_over_orphans(bench: Bench) -> None:
    live = await bench.get(STATEFUL_SET, "state")
    await bench.client.delete(STATEFUL_SET, bench.key("state"), propagation="Orphan")

    async def gone() -> bool:
        try:
            await bench.get(STATEFUL_SET, "state")
        except NotFound:
            return True
        return False

    await bench.until(gone)
    await bench.create(STATEFUL_SET, "state", {**live["spec"], "podManagementPolicy": "Parallel", "replicas": 4})
    await bench.status(STATEFUL_SET, "state", readyReplicas=4)


async def roll_above_partition(bench: Bench) -> None:
    await bench.patch(
        STATEFUL_SET,
        "state",
        updateStrategy={"type": "RollingUpdate", "rollingUpdate": {"partition": 2}},
        persistentVolumeClaimRetentionPolicy={"whenScaled": "Delete", "whenDeleted": "Delete"},
        template=workload("state", "5")["template"],
    )
    await bench.status(STATEFUL_SET, "state", readyReplicas=4, updatedReplicas=2)


async def scale_down(bench: Bench) -> None:
    await bench.client.patch_scale(STATEFUL_SET, bench.key("state"), 1)
    await bench.status(STATEFUL_SET, "state", replicas=1)


async def recreate_pods(bench: Bench) -> None:
    strategy = {"type": "Recreate", "rollingUpdate": None}
    template = workload("deploy", "5")["template"]
    await bench.patch(DEPLOYMENT, "deploy", strategy=strategy, replicas=2, template=template)
    await bench.status(DEPLOYMENT, "deploy", replicas=2, updatedReplicas=2, availableReplicas=2)


async def pause(bench: Bench) -> None:
    template = workload("deploy", "6")["template"]
    await bench.patch(DEPLOYMENT, "deploy", paused=True, replicas=1, template=template)
    await bench.status(DEPLOYMENT, "deploy", replicas=1, availableReplicas=1)


async def resume_and_forget(bench: Bench) -> None:
    await bench.patch(DEPLOYMENT, "deploy", paused=False, revisionHistoryLimit=1)
    await bench.status(DEPLOYMENT, "deploy", replicas=1, updatedReplicas=1, availableReplicas=1)


async def delete(bench: Bench) -> None:
    for app, resource in KINDS.items():
        await bench.client.delete(resource, bench.key(app))

    async def gone() -> bool:
        return not await bench.all(POD)

    await bench.until(gone)


STEPS: tuple[Callable[[Bench], Awaitable[None]], ...] = (
    create,
    roll,
    roll_back,
    get_stuck,
    scale_while_stuck,
    recover,
    wait_for_hands,
    delete_one_by_hand,
    recreate_over_orphans,
    roll_above_partition,
    scale_down,
    recreate_pods,
    pause,
    resume_and_forget,
    delete,
)


@pytest.mark.real
async def test_all_objects_are_equal_after_every_step(tmp_path: Path, real_cluster: ControlPlane) -> None:
    async def after(step: Callable[[Bench], Awaitable[None]], bench: Bench) -> Manifest:
        await step(bench)
        shown = await bench.settled()
        result: Manifest = _renamed(shown, bench.namespace)
        return result

    async with on_dev(tmp_path) as ours, on_real(real_cluster) as theirs:
        for step in STEPS:
            got, wanted = await asyncio.gather(after(step, ours), after(step, theirs))
            assert {step.__name__: got} == {step.__name__: wanted}


async def test_the_dev_cluster_gets_through_all_steps_alone(dev: Bench) -> None:
    for step in STEPS:
        await step(dev)
    shown = await dev.settled()
    left = {kind: len(objects) for kind, objects in shown.items() if objects}
    assert left == {"EndpointSlice": 3, "PodDisruptionBudget": 1}


def _renamed(shown: Manifest, namespace: str) -> Manifest:
    """Objects as if in a namespace of one name; budgets count how often they were observed."""
    for objects in shown.values():
        for one in objects:
            assert one["metadata"]["namespace"] == namespace
            one["metadata"]["namespace"] = "same"
            for endpoint in one.get("endpoints") or ():
                endpoint["targetRef"]["namespace"] = "same"
    return shown
