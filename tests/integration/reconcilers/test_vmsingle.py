"""VMSingle on a cluster with nodes: from its objects to their end, and what becomes of its data."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import attrs
import pytest

from tests.integration.reconcilers.stage import OPERATOR, SETTINGS, Stage, staged
from vmop.builders.vmdistributed.ownership import OWNER, UPDATING, ZONE, ZONE_STATE
from vmop.devcluster.cluster import DevCluster
from vmop.devcluster.controlplane import ControlPlane
from vmop.devcluster.requests import Call
from vmop.kube import ClientConfig, Manifest, NotFound, Resource
from vmop.kube.resources import (
    CLUSTER_ROLE,
    CONFIG_MAP,
    DEPLOYMENT,
    NETWORK_POLICY,
    PERSISTENT_VOLUME_CLAIM,
    POD,
    ROLE,
    SECRET,
    SERVICE,
    SERVICE_ACCOUNT,
    STORAGE_CLASS,
    VM_DISTRIBUTED,
    VM_SERVICE_SCRAPE,
    VM_SINGLE,
)
from vmop.reconcilers.context import FINALIZER

RUN = frozenset({"vmsingle"})
CLAIM: Manifest = {"storageClassName": "roomy", "resources": {"requests": {"storage": "1Gi"}}}
LARGER: Manifest = {**CLAIM, "resources": {"requests": {"storage": "2Gi"}}}
FAILED = "failed create or update vmsingle: "


@pytest.fixture
async def stage(dev: DevCluster) -> AsyncIterator[Stage]:
    async with staged(dev.config, dev.nodes, run=RUN) as stage:
        yield stage


async def single(stage: Stage, name: str = "s", **spec: object) -> None:
    await stage.apply(VM_SINGLE, {"metadata": {"name": name}, "spec": spec})


async def until(stage: Stage, status: str, name: str = "s") -> Manifest:
    """Wait for a status of the present generation; the status without the spec in it."""
    seen: Manifest = {}

    async def is_there() -> bool:
        nonlocal seen
        found = await stage.client.get(VM_SINGLE, stage.key(name))
        seen = found.get("status") or {}
        current = seen.get("observedGeneration") == found["metadata"]["generation"]
        return bool(current and seen.get("updateStatus") == status)

    await stage.until(is_there)
    return {key: value for key, value in seen.items() if key != "lastAppliedSpec"}


async def end(stage: Stage, name: str = "s") -> None:
    """Delete it, and wait until nothing of it runs any more."""
    await stage.client.delete(VM_SINGLE, stage.key(name))

    async def is_gone() -> bool:
        left = await stage.names(DEPLOYMENT) | await stage.names(POD) | await stage.names(SERVICE)
        return await stage.get(VM_SINGLE, name) is None and not left - {"kubernetes"}

    await stage.until(is_gone)


async def storage_class(stage: Stage, *, expandable: bool) -> None:
    manifest = {"metadata": {"name": "roomy"}, "provisioner": "example.com/x", "allowVolumeExpansion": expandable}
    await stage.client.create(STORAGE_CLASS, {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", **manifest})


async def claim(stage: Stage, name: str = "vmsingle-s") -> Manifest:
    return await stage.client.get(PERSISTENT_VOLUME_CLAIM, stage.key(name))


async def lifecycle(stage: Stage) -> None:
    """A node with data from its creation to its end."""
    await single(stage, storage={"resources": CLAIM["resources"]}, storageMetadata={"annotations": {"keep": "me"}})
    assert await until(stage, "operational") == {"updateStatus": "operational", "observedGeneration": 1}
    found = await stage.client.get(VM_SINGLE, stage.key("s"))
    assert found["metadata"]["finalizers"] == [FINALIZER]
    for resource in (SERVICE_ACCOUNT, PERSISTENT_VOLUME_CLAIM, SERVICE, VM_SERVICE_SCRAPE, DEPLOYMENT):
        assert "vmsingle-s" in await stage.names(resource)
    owned = await claim(stage)
    assert [owner["uid"] for owner in owned["metadata"]["ownerReferences"]] == [found["metadata"]["uid"]]


async def test_a_node_lives_and_dies_and_its_data_stay(stage: Stage) -> None:
    await lifecycle(stage)
    before = await claim(stage)
    await end(stage)
    left = await claim(stage)
    assert left["metadata"]["uid"] == before["metadata"]["uid"]
    assert left["metadata"]["annotations"] == {"keep": "me"}
    assert left["metadata"]["labels"] == before["metadata"]["labels"]
    assert "ownerReferences" not in left["metadata"]


@pytest.mark.real
async def test_a_node_lives_on_a_real_control_plane(real_cluster: ControlPlane, real_stage: Stage) -> None:
    config = ClientConfig.with_token(real_cluster.url, real_cluster.token, insecure=True)

    async def is_served() -> bool:
        with contextlib.suppress(NotFound):
            await real_stage.client.list(VM_SINGLE, real_stage.namespace)
            return True
        return False

    await real_stage.until(is_served)
    async with staged(config, real_stage.nodes, namespace=real_stage.namespace, run=RUN) as stage:
        await lifecycle(stage)
        await stage.client.delete(VM_SINGLE, stage.key("s"))

        async def is_released() -> bool:
            return await stage.get(VM_SINGLE, "s") is None and not await stage.names(DEPLOYMENT)

        await stage.until(is_released)
        assert "ownerReferences" not in (await claim(stage))["metadata"]


async def test_a_node_of_the_same_name_takes_the_data_over(stage: Stage) -> None:
    await single(stage, storage=CLAIM)
    await until(stage, "operational")
    before = await claim(stage)
    await end(stage)
    await single(stage, storage=CLAIM)
    await until(stage, "operational")
    again, owner = await claim(stage), await stage.client.get(VM_SINGLE, stage.key("s"))
    assert again["metadata"]["uid"] == before["metadata"]["uid"]
    assert [ref["uid"] for ref in again["metadata"]["ownerReferences"]] == [owner["metadata"]["uid"]]


async def test_data_go_with_the_node_where_that_is_asked_for(stage: Stage) -> None:
    await single(stage, storage=CLAIM, removePvcAfterDelete=True)
    await until(stage, "operational")
    await stage.merge(PERSISTENT_VOLUME_CLAIM, "vmsingle-s", {"metadata": {"finalizers": [FINALIZER]}})
    await stage.settle()
    await end(stage)

    async def is_gone() -> bool:
        return await stage.get(PERSISTENT_VOLUME_CLAIM, "vmsingle-s") is None

    await stage.until(is_gone)


async def test_data_of_an_earlier_name_and_of_an_old_version_stay_too(stage: Stage) -> None:
    await single(stage, storage=CLAIM, useLegacyNaming=True)
    await until(stage, "operational")
    await single(stage, storage=CLAIM)
    await until(stage, "operational")
    await stage.merge(PERSISTENT_VOLUME_CLAIM, "s", {"metadata": {"finalizers": [FINALIZER]}})
    await end(stage)
    left = [await claim(stage, name) for name in ("s", "vmsingle-s")]
    assert [each["metadata"].get("ownerReferences") for each in left] == [None, None]
    assert not any(FINALIZER in (each["metadata"].get("finalizers") or ()) for each in left)


# -- claims grow -------------------------------------------------------------------------------------------------------


async def test_a_claim_grows_where_its_class_allows_it(stage: Stage) -> None:
    await storage_class(stage, expandable=True)
    await single(stage, storage=CLAIM, storageMetadata={"labels": {"kind": "hot"}})
    await until(stage, "operational")
    await single(stage, storage=LARGER, storageMetadata={"labels": {"kind": "cold"}})
    await until(stage, "operational")
    grown = await claim(stage)
    assert grown["spec"]["resources"] == LARGER["resources"]
    assert grown["status"]["capacity"] == {"storage": "2Gi"}
    assert grown["metadata"]["labels"]["kind"] == "cold"


@pytest.mark.parametrize("annotations", [{}, {"operator.victoriametrics.com/pvc-allow-volume-expansion": "false"}])
async def test_a_claim_that_may_not_grow_keeps_nobody_waiting(stage: Stage, annotations: dict[str, str]) -> None:
    await storage_class(stage, expandable=bool(annotations))
    await single(stage, storage=CLAIM)
    await until(stage, "operational")
    await single(stage, storage=LARGER, storageMetadata={"annotations": annotations}, retentionPeriod="7d")
    await until(stage, "operational")
    kept = await claim(stage)
    assert kept["spec"]["resources"] == CLAIM["resources"]
    assert annotations.items() <= (kept["metadata"].get("annotations") or {}).items()


async def test_the_pod_waits_for_its_claim_to_grow(dev: DevCluster, stage: Stage) -> None:
    await storage_class(stage, expandable=True)
    await single(stage, storage=CLAIM)
    await until(stage, "operational")
    dev.nodes.knobs.resize_after = 3600.0
    await single(stage, storage=LARGER, retentionPeriod="7d")

    async def is_asked_for() -> bool:
        return bool((await claim(stage))["spec"]["resources"] == LARGER["resources"])

    await stage.until(is_asked_for)
    await stage.settle()
    live = await stage.client.get(DEPLOYMENT, stage.key("vmsingle-s"))
    assert "-retentionPeriod=7d" not in live["spec"]["template"]["spec"]["containers"][0]["args"]
    assert (await until(stage, "expanding"))["observedGeneration"] == 2


async def test_a_claim_outlives_the_wish_for_it(stage: Stage) -> None:
    await single(stage, storage=CLAIM)
    await until(stage, "operational")
    await single(stage)
    await until(stage, "operational")
    live = await stage.client.get(DEPLOYMENT, stage.key("vmsingle-s"))
    assert live["spec"]["template"]["spec"]["volumes"] == [{"name": "data", "emptyDir": {}}]
    assert await stage.names(PERSISTENT_VOLUME_CLAIM) == {"vmsingle-s"}


async def test_a_claim_on_its_way_out_is_left_alone(stage: Stage) -> None:
    await single(stage, storage=CLAIM)
    await until(stage, "operational")
    await stage.merge(PERSISTENT_VOLUME_CLAIM, "vmsingle-s", {"metadata": {"finalizers": ["example.com/keep"]}})
    await stage.client.delete(PERSISTENT_VOLUME_CLAIM, stage.key("vmsingle-s"))
    await single(stage, storage=LARGER, retentionPeriod="7d")
    await until(stage, "operational")
    leaving = await claim(stage)
    assert leaving["spec"]["resources"] == CLAIM["resources"]
    assert leaving["metadata"]["deletionTimestamp"]


# -- writes ------------------------------------------------------------------------------------------------------------


async def test_a_node_in_order_costs_no_request(dev: DevCluster, stage: Stage) -> None:
    seen: list[str] = []

    async def note(call: Call) -> None:
        if call.user_agent == OPERATOR and call.verb != "watch":
            seen.append(str(call))

    await single(stage, storage=CLAIM, inlineRelabelConfig=[{"action": "keep"}])
    await until(stage, "operational")
    await stage.settle()
    dev.server.faults.before.append(note)
    for _ in range(3):
        stage.controllers["vmsingle"].enqueue(stage.key("s"))
        await stage.settle()
    assert seen == []


async def test_what_earlier_specs_left_goes(stage: Stage) -> None:
    await single(
        stage,
        serviceSpec={"metadata": {"name": "more"}, "spec": {}},
        inlineRelabelConfig=[{"action": "keep"}],
        streamAggrConfig={"rules": [{"interval": "1m", "outputs": ["total"]}]},
        networkPolicy={"ingress": [{}]},
    )
    await until(stage, "operational")
    assert await stage.names(CONFIG_MAP) >= {"relabelings-assets-vmsingle-s", "stream-aggr-vmsingle-s"}
    assert await stage.names(SERVICE) >= {"more", "vmsingle-s"}
    assert await stage.names(NETWORK_POLICY) == {"vmsingle-s"}
    await single(stage, serviceAccountName="default", disableSelfServiceScrape=True)
    await until(stage, "operational")
    await stage.settle()
    left = {
        resource.kind: {name for name in await stage.names(resource) if name.endswith("vmsingle-s") or name == "more"}
        for resource in (SERVICE, CONFIG_MAP, NETWORK_POLICY, SERVICE_ACCOUNT, VM_SERVICE_SCRAPE)
    }
    assert {kind: names for kind, names in left.items() if names} == {"Service": {"vmsingle-s"}}


# -- failures ----------------------------------------------------------------------------------------------------------


async def test_volumes_that_contradict_are_told_and_the_rest_is_there(stage: Stage) -> None:
    await single(stage, storage=CLAIM, volumes=[{"name": "data", "emptyDir": {}}])
    message = 'storage and "data" volume are not allowed to be set together'
    assert (await until(stage, "failed"))["reason"] == f"{FAILED}cannot generate prev deploy spec: {message}"
    there: tuple[Resource, ...] = (SERVICE_ACCOUNT, PERSISTENT_VOLUME_CLAIM, SERVICE, VM_SERVICE_SCRAPE)
    assert all([{"vmsingle-s"} <= await stage.names(resource) for resource in there])
    assert await stage.names(DEPLOYMENT) == set()
    await single(stage, storage=CLAIM)
    assert "reason" not in await until(stage, "operational")


async def test_rules_that_are_missing_are_waited_for_and_what_is_there_stays(stage: Stage) -> None:
    await single(stage)
    await until(stage, "operational")
    await single(stage, relabelConfig={"name": "rules", "key": "k"}, serviceSpec={"spec": {}})
    missing = 'unable to fetch configmap="rules", ns="shop": configmaps "rules" not found'
    what = "cannot update relabeling asset for vmsingle: cannot fetch configmap: rules, err"
    assert (await until(stage, "failed"))["reason"] == f"{FAILED}{what}: {missing}"
    assert await stage.names(DEPLOYMENT) == {"vmsingle-s"}
    await stage.apply(CONFIG_MAP, {"metadata": {"name": "rules"}, "data": {"k": "- {action: keep}\n"}})
    await until(stage, "operational")
    made = await stage.client.get(CONFIG_MAP, stage.key("relabelings-assets-vmsingle-s"))
    assert made["data"] == dict.fromkeys(("relabeling.yaml", "relabel.yaml"), "- {action: keep}")


async def test_nodes_that_scrape_are_refused_but_have_their_rights(stage: Stage) -> None:
    await single(stage, ingestOnlyMode=False)
    reason = (await until(stage, "failed"))["reason"]
    assert reason.startswith(f"{FAILED}generating config for vmsingle failed: scraping is not supported yet")
    assert await stage.names(ROLE) == {"monitoring:shop:vmsingle-s"}
    assert await stage.names(SECRET) | await stage.names(DEPLOYMENT) == set()
    await end(stage)

    async def is_gone() -> bool:
        return "monitoring:shop:vmsingle-s" not in {
            item["metadata"]["name"] for item in (await stage.client.list(CLUSTER_ROLE)).items
        }

    await stage.until(is_gone)


# -- a zone's turn -----------------------------------------------------------------------------------------------------


async def test_a_new_default_waits_for_the_turn_of_the_zone(dev: DevCluster) -> None:
    newer = attrs.evolve(SETTINGS, vmsingle=attrs.evolve(SETTINGS.vmsingle, version="v9.9.9"))

    async def images(stage: Stage) -> list[str]:
        live = await stage.client.get(DEPLOYMENT, stage.key("vmsingle-s"))
        return [each["image"].rpartition(":")[2] for each in live["spec"]["template"]["spec"]["containers"]]

    async def held(stage: Stage) -> str:
        found = await stage.client.get(VM_SINGLE, stage.key("s"))
        conditions = (found.get("status") or {}).get("conditions") or ()
        return next((each["status"] for each in conditions if each["type"] == "UpdateHeld"), "")

    async with staged(dev.config, dev.nodes, run=RUN) as stage:
        made = await stage.apply(VM_DISTRIBUTED, {"metadata": {"name": "d"}, "spec": {}})
        annotations = {OWNER: f"{stage.namespace}/d/{made['metadata']['uid']}", ZONE: "north"}
        await stage.apply(VM_SINGLE, {"metadata": {"name": "s", "annotations": annotations}, "spec": {}})
        await until(stage, "operational")
        old = await images(stage)
    async with staged(dev.config, dev.nodes, run=RUN, settings=newer) as stage:

        async def is_held() -> bool:
            return await held(stage) == "True"

        await stage.until(is_held)
        assert await images(stage) == old
        await stage.merge(VM_SINGLE, "s", {"metadata": {"annotations": {ZONE_STATE: UPDATING}}})

        async def is_let_through() -> bool:
            return await held(stage) == "False"

        await stage.until(is_let_through)
        assert await images(stage) == ["v9.9.9"]
