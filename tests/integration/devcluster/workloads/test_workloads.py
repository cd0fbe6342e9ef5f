"""Workload controllers, one behaviour at a time, on the dev cluster and on the real one."""

import pytest

from tests.integration.devcluster.workloads.bench import Bench, pod_template, workload
from vmop.kube import Manifest, MergePatch, TooManyRequests
from vmop.kube.resources import (
    DEPLOYMENT,
    ENDPOINT_SLICE,
    NODE,
    POD,
    POD_DISRUPTION_BUDGET,
    REPLICA_SET,
    SERVICE,
    STATEFUL_SET,
)

NEVER = {"simulator.vmop/behaviour": "never"}


def _names(pods: list[Manifest]) -> list[str]:
    return [pod["metadata"]["name"] for pod in pods]


def _images(pods: list[Manifest]) -> list[str]:
    return [pod["spec"]["containers"][0]["image"] for pod in pods]


async def test_pods_of_a_stateful_set_come_in_order(bench: Bench) -> None:
    spec = workload("state", "1", NEVER, replicas=3, serviceName="state")
    await bench.create(STATEFUL_SET, "state", spec)
    await bench.status(STATEFUL_SET, "state", replicas=1)
    assert _names((await bench.settled())["Pod"] and await bench.pods("state")) == ["state-0"]


async def test_with_parallel_management_they_come_at_once(bench: Bench) -> None:
    spec = workload("state", "1", NEVER, replicas=3, serviceName="state", podManagementPolicy="Parallel")
    await bench.create(STATEFUL_SET, "state", spec)
    await bench.status(STATEFUL_SET, "state", replicas=3)
    assert _names(await bench.pods("state")) == ["state-0", "state-1", "state-2"]


async def test_a_rolling_update_stops_at_a_pod_that_does_not_become_ready(bench: Bench) -> None:
    await bench.create(STATEFUL_SET, "state", workload("state", replicas=3, serviceName="state"))
    await bench.status(STATEFUL_SET, "state", readyReplicas=3)
    await bench.patch(STATEFUL_SET, "state", template=workload("state", "2", NEVER)["template"])
    await bench.status(STATEFUL_SET, "state", readyReplicas=2, updatedReplicas=1)
    await bench.settled()
    assert _images(await bench.pods("state")) == ["image:1", "image:1", "image:2"]


async def test_ordinals_start_where_they_are_said_to(bench: Bench) -> None:
    spec = workload("state", replicas=2, serviceName="state", ordinals={"start": 5})
    await bench.create(STATEFUL_SET, "state", spec)
    await bench.status(STATEFUL_SET, "state", readyReplicas=2)
    assert _names(await bench.pods("state")) == ["state-5", "state-6"]


async def test_ready_pods_count_as_available_after_min_ready_seconds(bench: Bench) -> None:
    await bench.create(DEPLOYMENT, "app", workload("app", replicas=1, minReadySeconds=2))
    first = await bench.status(DEPLOYMENT, "app", readyReplicas=1)
    assert first.get("availableReplicas", 0) == 0
    await bench.status(DEPLOYMENT, "app", availableReplicas=1)


async def test_an_orphan_that_matches_is_adopted(bench: Bench) -> None:
    template = pod_template("app")
    await bench.create(POD, "orphan", template["spec"], labels=template["metadata"]["labels"])
    await bench.create(REPLICA_SET, "app", workload("app", replicas=1))
    await bench.status(REPLICA_SET, "app", readyReplicas=1)
    owners = (await bench.get(POD, "orphan"))["metadata"]["ownerReferences"]
    assert [(owner["kind"], owner["name"], owner["controller"]) for owner in owners] == [("ReplicaSet", "app", True)]


async def test_a_pod_that_stops_to_match_is_released_and_replaced(bench: Bench) -> None:
    await bench.create(REPLICA_SET, "app", workload("app", replicas=1))
    await bench.status(REPLICA_SET, "app", readyReplicas=1)
    [pod] = await bench.pods("app")
    key = bench.key(pod["metadata"]["name"])
    await bench.client.patch(POD, key, MergePatch({"metadata": {"labels": {"app": "else"}}}))

    async def replaced() -> bool:
        [released] = await bench.pods("else")
        return len(await bench.pods("app")) == 1 and "ownerReferences" not in released["metadata"]

    await bench.until(replaced)


async def test_a_budget_lets_one_pod_go_after_the_other(bench: Bench) -> None:
    await bench.create(DEPLOYMENT, "app", workload("app", replicas=2))
    await bench.status(DEPLOYMENT, "app", availableReplicas=2)
    selector = {"matchLabels": {"app": "app"}}
    await bench.create(POD_DISRUPTION_BUDGET, "budget", {"minAvailable": "50%", "selector": selector})
    await bench.status(POD_DISRUPTION_BUDGET, "budget", disruptionsAllowed=1, currentHealthy=2)
    bench.nodes.knobs.stop_after = 1.0
    first, second = _names(await bench.pods("app"))
    await bench.client.evict(bench.key(first))
    with pytest.raises(TooManyRequests) as refused:
        await bench.client.evict(bench.key(second))
    assert refused.value.has_cause("DisruptionBudget")


async def test_an_endpoint_says_when_its_pod_is_not_ready(bench: Bench) -> None:
    await bench.create(SERVICE, "app", {"selector": {"app": "app"}, "ports": [{"name": "http", "port": 80}]})
    await bench.create(DEPLOYMENT, "app", workload("app", "1", NEVER, replicas=1))

    async def conditions() -> Manifest | None:
        for one in await bench.all(ENDPOINT_SLICE, "kubernetes.io/service-name=app"):
            for endpoint in one.get("endpoints") or ():
                found: Manifest = endpoint["conditions"]
                return found
        return None

    assert await bench.until(conditions) == {"ready": False, "serving": False, "terminating": False}


async def test_a_deleted_deployment_takes_its_pods_along(bench: Bench) -> None:
    await bench.create(DEPLOYMENT, "app", workload("app", replicas=2))
    await bench.status(DEPLOYMENT, "app", readyReplicas=2)
    await bench.client.delete(DEPLOYMENT, bench.key("app"))

    async def gone() -> bool:
        return not await bench.all(POD) and not await bench.all(REPLICA_SET)

    await bench.until(gone)


async def test_pods_are_spread_over_nodes(dev: Bench) -> None:
    await dev.create(DEPLOYMENT, "app", workload("app", replicas=3))
    await dev.status(DEPLOYMENT, "app", readyReplicas=3)
    nodes = {node["metadata"]["name"] for node in (await dev.client.list(NODE)).items}
    assert {pod["spec"]["nodeName"] for pod in await dev.pods("app")} == nodes
