"""Replicas under an autoscaler (``00-writing.md`` §5): they never fall by our hand."""

from typing import Any

from vmop.kube import Manifest, key_of
from vmop.kube.resources import DEPLOYMENT, STATEFUL_SET, VM_AGENT


def workload(stage: Any, image: str = "web:1", **spec: Any) -> Manifest:
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "web", "image": image}]}}
    spec = {"serviceName": "web", "selector": {"matchLabels": labels}, "template": template, **spec}
    manifest: Manifest = stage.manifest(STATEFUL_SET, "web", spec=spec)
    return manifest


async def replicas(stage: Any) -> int:
    return int((await stage.live(STATEFUL_SET, "web"))["spec"]["replicas"])


async def test_switching_an_autoscaler_on_keeps_our_last_number_until_it_scales(stage: Any) -> None:
    await stage.apply(STATEFUL_SET, workload(stage, replicas=3))
    seen = []
    for image in ("web:2", "web:3"):
        await stage.apply(STATEFUL_SET, workload(stage, image, replicas=1), replicas_by="autoscaler")
        seen.append(await replicas(stage))
    await stage.client.patch_scale(STATEFUL_SET, key_of(workload(stage)), 7, field_manager="hpa")
    for image in ("web:4", "web:5"):
        await stage.apply(STATEFUL_SET, workload(stage, image, replicas=1), replicas_by="autoscaler")
        seen.append(await replicas(stage))
    assert seen == [3, 3, 7, 7]


async def test_scaling_costs_no_write(stage: Any) -> None:
    desired = workload(stage)
    await stage.apply(STATEFUL_SET, desired, replicas_by="autoscaler")
    await stage.client.patch_scale(STATEFUL_SET, key_of(desired), 4, field_manager="hpa")
    scaled = await stage.live(STATEFUL_SET, "web")
    applied = await stage.apply(STATEFUL_SET, desired, replicas_by="autoscaler")
    assert (applied.action, (await stage.live(STATEFUL_SET, "web"))["spec"]) == ("unchanged", scaled["spec"])


async def test_without_an_autoscaler_the_number_is_ours_again(stage: Any) -> None:
    desired = workload(stage, replicas=2)
    await stage.apply(STATEFUL_SET, desired, replicas_by="autoscaler")
    await stage.client.patch_scale(STATEFUL_SET, key_of(desired), 5, field_manager="hpa")
    await stage.apply(STATEFUL_SET, desired)
    assert await replicas(stage) == 2
    await stage.client.patch_scale(STATEFUL_SET, key_of(desired), 5, field_manager="somebody")
    await stage.apply(STATEFUL_SET, desired)
    assert await replicas(stage) == 2


async def test_a_workload_that_names_no_number_keeps_the_one_it_has(stage: Any) -> None:
    await stage.apply(STATEFUL_SET, workload(stage, replicas=3))
    await stage.apply(STATEFUL_SET, workload(stage, "web:2"))
    assert await replicas(stage) == 3


async def test_the_number_of_another_operator_survives_its_takeover(stage: Any) -> None:
    await stage.client.create(STATEFUL_SET, workload(stage, replicas=6), field_manager="app")
    for image in ("web:1", "web:2"):
        await stage.apply(STATEFUL_SET, workload(stage, image, replicas=1), replicas_by="autoscaler")
    assert await replicas(stage) == 6


async def test_a_deployment_is_scaled_while_it_is_applied(stage: Any) -> None:
    def desired(image: str) -> Manifest:
        manifest: Manifest = workload(stage, image, replicas=2)
        del manifest["spec"]["serviceName"]
        return {**manifest, "apiVersion": "apps/v1", "kind": "Deployment"}

    await stage.apply(DEPLOYMENT, desired("web:1"))
    lowest = 2
    for number in range(3, 7):
        await stage.apply(DEPLOYMENT, desired(f"web:{number}"), replicas_by="autoscaler")
        live = await stage.live(DEPLOYMENT, "web")
        assert live["spec"]["replicas"] >= lowest
        scaled = await stage.client.patch_scale(DEPLOYMENT, key_of(live), number, field_manager="hpa")
        lowest = scaled["spec"]["replicas"]


async def test_shards_of_an_agent_are_left_to_whoever_scales_them(stage: Any, crds: None) -> None:
    def agent(**spec: Any) -> Manifest:
        spec = {"remoteWrite": [{"url": "http://x"}], **spec}
        manifest: Manifest = stage.manifest(VM_AGENT, "agent", spec=spec)
        return manifest

    await stage.apply(VM_AGENT, agent(shardCount=3))
    await stage.apply(VM_AGENT, agent(logLevel="INFO"))
    first = (await stage.live(VM_AGENT, "agent"))["spec"]["shardCount"]
    await stage.client.patch_scale(VM_AGENT, key_of(agent()), 5, field_manager="hpa")
    await stage.apply(VM_AGENT, agent(logLevel="WARN"))
    assert (first, (await stage.live(VM_AGENT, "agent"))["spec"]["shardCount"]) == (3, 5)
