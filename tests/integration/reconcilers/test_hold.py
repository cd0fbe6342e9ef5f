"""Changed pod templates of a VMDistributed's members wait for their zone's turn (spec 02 §19.6, I8)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import datetime

import attrs

from tests.integration.reconcilers.stage import NAMESPACE, SETTINGS, Stage, staged
from vmop.builders.vmdistributed.ownership import OWNER, UPDATING, ZONE, ZONE_STATE
from vmop.devcluster.cluster import DevCluster
from vmop.devcluster.nodes import Behaviour
from vmop.kube import AlreadyExists, Client, Manifest, MergePatch, ObjectKey
from vmop.kube.applier import DESIRED_ANNOTATION
from vmop.kube.resources import DEPLOYMENT, POD, STATEFUL_SET, VM_CLUSTER, VM_DISTRIBUTED
from vmop.settings import Settings

SPEC: Manifest = {
    "vmstorage": {"replicaCount": 2, "podDisruptionBudget": {"minAvailable": 1}},
    "vminsert": {"replicaCount": 1},
}
NEWER = attrs.evolve(
    SETTINGS,
    vmstorage=attrs.evolve(SETTINGS.vmstorage, version="v9.9.9"),
    vminsert=attrs.evolve(SETTINGS.vminsert, version="v9.9.9"),
)


@contextlib.asynccontextmanager
async def operator(dev: DevCluster, settings: Settings) -> AsyncIterator[Stage]:
    async with staged(dev.config, dev.nodes, settings=settings) as stage:
        yield stage


async def make_member(stage: Stage, **annotations: str) -> str:
    """A VMDistributed that nobody reconciles, and a cluster in one of its zones. Returns what marks it."""
    made = await stage.apply(VM_DISTRIBUTED, {"metadata": {"name": "d"}, "spec": {}})
    owner = f"{stage.namespace}/d/{made['metadata']['uid']}"
    metadata = {"name": "c", "annotations": {OWNER: owner, ZONE: "north", **annotations}}
    await stage.apply(VM_CLUSTER, {"metadata": metadata, "spec": SPEC})
    await stage.until_status("operational")
    return owner


async def condition(stage: Stage) -> Manifest:
    conditions = (await stage.status()).get("conditions") or [{}]
    return next((each for each in conditions if each.get("type") == "UpdateHeld"), {})


async def until_held(stage: Stage, status: str) -> Manifest:
    async def is_there() -> bool:
        return (await condition(stage)).get("status") == status

    await stage.until(is_there)
    return await condition(stage)


async def images(stage: Stage) -> set[str]:
    found = set()
    for resource, name in ((STATEFUL_SET, "vmstorage-c"), (DEPLOYMENT, "vminsert-c")):
        live = await stage.client.get(resource, stage.key(name))
        found.add(live["spec"]["template"]["spec"]["containers"][0]["image"].rpartition(":")[2])
    return found


async def mark(stage: Stage, state: str | None) -> None:
    await stage.merge(VM_CLUSTER, "c", {"metadata": {"annotations": {ZONE_STATE: state}}})


def without_times(held: Manifest) -> Manifest:
    times = [datetime.fromisoformat(held[key]) for key in ("lastTransitionTime", "lastUpdateTime")]
    assert times[0] <= times[1]
    return {key: value for key, value in held.items() if not key.endswith("Time")}


async def test_a_new_default_waits_for_the_marker_and_all_else_goes_on(dev: DevCluster) -> None:
    async with operator(dev, SETTINGS) as stage:
        await make_member(stage)
        old = await images(stage)
        before = await stage.status()
    async with operator(dev, NEWER) as stage:
        assert without_times(await until_held(stage, "True")) == {
            "type": "UpdateHeld",
            "status": "True",
            "reason": "WaitingForZone",
            "message": "StatefulSet=shop/vmstorage-c has a changed pod template; "
            "Deployment=shop/vminsert-c has a changed pod template",
            "observedGeneration": 1,
        }
        status = await stage.status()
        assert status["lastAppliedSpec"] == before["lastAppliedSpec"]
        assert status["updateStatus"] == "operational"
        assert await images(stage) == old
        await mark(stage, UPDATING)
        assert without_times(await until_held(stage, "False")) == {
            "type": "UpdateHeld",
            "status": "False",
            "reason": "Applied",
            "observedGeneration": 1,
        }
        assert await images(stage) == {"v9.9.9"}
        assert (await stage.status())["updateStatus"] == "operational"


async def phase(stage: Stage, name: str) -> None:
    zones = [{"name": "north", "phase": name}, {"name": "south", "phase": "UpdatingBackend"}]
    await stage.merge(VM_DISTRIBUTED, "d", {"status": {"zones": zones}}, subresource="status")


async def test_a_marked_zone_keeps_its_pods_until_it_is_out_of_traffic(dev: DevCluster) -> None:
    async with operator(dev, SETTINGS) as stage:
        await make_member(stage)
        await phase(stage, "Draining")
        old = await images(stage)
    async with operator(dev, NEWER) as stage:
        await until_held(stage, "True")
        await mark(stage, UPDATING)
        await phase(stage, "Excluding")
        await stage.settle()
        assert await images(stage) == old
        assert (await condition(stage))["status"] == "True"
        await phase(stage, "UpdatingBackend")
        await until_held(stage, "False")
        assert await images(stage) == {"v9.9.9"}


async def test_a_users_edit_waits_for_nobody(dev: DevCluster) -> None:
    async with operator(dev, SETTINGS) as stage:
        await make_member(stage)
    async with operator(dev, NEWER) as stage:
        await until_held(stage, "True")
        await stage.merge(VM_CLUSTER, "c", {"spec": {"vminsert": {"extraArgs": {"a": "b"}}}})
        await until_held(stage, "False")
        assert await images(stage) == {"v9.9.9"}


async def test_nothing_is_held_once_the_vmdistributed_is_gone(dev: DevCluster) -> None:
    async with operator(dev, SETTINGS) as stage:
        await make_member(stage)
        await stage.client.delete(VM_DISTRIBUTED, stage.key("d"))
    async with operator(dev, NEWER) as stage:

        async def is_new() -> bool:
            return await images(stage) == {"v9.9.9"}

        await stage.until(is_new)


async def test_nothing_is_held_where_no_controller_of_vmdistributed_runs(dev: DevCluster) -> None:
    async with operator(dev, SETTINGS) as stage:
        await make_member(stage)
    async with staged(dev.config, dev.nodes, settings=NEWER, disabled=frozenset({"VMAgent"})) as stage:

        async def is_new() -> bool:
            return await images(stage) == {"v9.9.9"}

        await stage.until(is_new)


async def test_the_marker_of_another_zone_does_not_count(dev: DevCluster) -> None:
    async with operator(dev, SETTINGS) as stage:
        owner = await make_member(stage)
        metadata = {"name": "other", "annotations": {OWNER: owner, ZONE: "south", ZONE_STATE: UPDATING}}
        await stage.apply(VM_CLUSTER, {"metadata": metadata, "spec": {"paused": True}})
        old = await images(stage)
    async with operator(dev, NEWER) as stage:
        await until_held(stage, "True")
        assert await images(stage) == old


async def put_as_go_operator(dev: DevCluster, name: str, env: list[Manifest]) -> None:
    """Write a Deployment as the Go operator does, with an env variable that vmop does not want."""
    async with Client(dev.config, qps=0) as client:
        live = await client.get(DEPLOYMENT, ObjectKey(NAMESPACE, name))
        live["spec"]["template"]["spec"]["containers"][0]["env"] = env
        live["metadata"]["annotations"].pop(DESIRED_ANNOTATION, None)
        await client.replace(DEPLOYMENT, live, field_manager="app")


async def test_a_change_that_only_the_server_can_tell_is_held_too(dev: DevCluster) -> None:
    async with operator(dev, SETTINGS) as stage:
        await make_member(stage)
    env = [{"name": "EXTRA", "value": "1"}]
    await put_as_go_operator(dev, "vminsert-c", env)
    async with operator(dev, SETTINGS) as stage:
        held = await until_held(stage, "True")
        assert held["message"] == "Deployment=shop/vminsert-c has a changed pod template"
        live = await stage.client.get(DEPLOYMENT, stage.key("vminsert-c"))
        assert live["spec"]["template"]["spec"]["containers"][0]["env"] == env
        await mark(stage, UPDATING)
        await until_held(stage, "False")
        live = await stage.client.get(DEPLOYMENT, stage.key("vminsert-c"))
        assert "env" not in live["spec"]["template"]["spec"]["containers"][0]


async def test_a_changed_record_alone_is_not_held(dev: DevCluster) -> None:
    async with operator(dev, SETTINGS) as stage:
        await make_member(stage)
    async with Client(dev.config, qps=0) as client:
        gone = MergePatch({"metadata": {"annotations": {DESIRED_ANNOTATION: None}}})
        await client.patch(STATEFUL_SET, ObjectKey(NAMESPACE, "vmstorage-c"), gone, field_manager="app")
    async with operator(dev, SETTINGS) as stage:

        async def is_recorded() -> bool:
            live = await stage.client.get(STATEFUL_SET, stage.key("vmstorage-c"))
            return DESIRED_ANNOTATION in (live["metadata"].get("annotations") or {})

        await stage.until(is_recorded)
        await until_held(stage, "False")


async def test_claims_that_would_replace_pods_are_held(dev: DevCluster) -> None:
    async with operator(dev, SETTINGS) as stage:
        await make_member(stage)
        await until_held(stage, "False")
    async with Client(dev.config, qps=0) as client:
        key = ObjectKey(NAMESPACE, "vmstorage-c")
        live = await client.get(STATEFUL_SET, key)
        await client.delete(STATEFUL_SET, key, propagation="Orphan")
        again = {**live, "metadata": {k: v for k, v in live["metadata"].items() if k not in ("uid", "resourceVersion")}}
        again["spec"] = {**live["spec"], "serviceName": "elsewhere"}
        await _create(client, again)
    async with operator(dev, SETTINGS) as stage:
        held = await until_held(stage, "True")
        assert held["message"] == "StatefulSet=shop/vmstorage-c has a changed pod template"
        live = await stage.client.get(STATEFUL_SET, stage.key("vmstorage-c"))
        assert live["spec"]["serviceName"] == "elsewhere"


async def _create(client: Client, manifest: Manifest) -> None:
    """Create it once the one of that name is gone."""
    async with asyncio.timeout(10):
        while True:
            with contextlib.suppress(AlreadyExists):
                await client.create(STATEFUL_SET, manifest)
                return
            await asyncio.sleep(0.05)


async def test_a_held_part_that_is_not_ready_is_said_to_be_held_all_the_same(dev: DevCluster) -> None:
    async with operator(dev, SETTINGS) as stage:
        await make_member(stage)
        dev.nodes.knobs.default = Behaviour("never")
        await stage.client.delete(POD, stage.key("vmstorage-c-0"))

        async def is_noticed() -> bool:
            live = await stage.client.get(STATEFUL_SET, stage.key("vmstorage-c"))
            return bool(live["status"].get("readyReplicas") == 1)

        await stage.until(is_noticed)
    async with operator(dev, NEWER) as stage:
        held = await until_held(stage, "True")
        assert held["message"] == "StatefulSet=shop/vmstorage-c has a changed pod template"
