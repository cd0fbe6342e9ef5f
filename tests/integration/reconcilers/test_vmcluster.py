"""VMCluster on a cluster with nodes: from its objects to their end."""

from __future__ import annotations

import pytest

from tests.integration.reconcilers.stage import OPERATOR, Stage, staged
from vmop.devcluster.cluster import DevCluster
from vmop.devcluster.faults import fail, on
from vmop.devcluster.requests import Call
from vmop.kube import Manifest
from vmop.kube.resources import (
    CONFIG_MAP,
    DEPLOYMENT,
    PERSISTENT_VOLUME_CLAIM,
    POD,
    POD_DISRUPTION_BUDGET,
    SECRET,
    SERVICE,
    SERVICE_ACCOUNT,
    STATEFUL_SET,
    VM_CLUSTER,
    VM_SERVICE_SCRAPE,
)
from vmop.reconcilers.context import FINALIZER

SMALL: Manifest = {
    "vmstorage": {"replicaCount": 2},
    "vmselect": {"replicaCount": 1},
    "vminsert": {"replicaCount": 1, "podDisruptionBudget": {"minAvailable": 1}},
}
STARTED = ("Normal", "ReconcileEvent", "starting object update")
FINISHED = ("Normal", "ReconcileEvent", "reconcile of object finished successfully")
LABELS = {
    "app.kubernetes.io/instance": "c",
    "app.kubernetes.io/component": "monitoring",
    "app.kubernetes.io/part-of": "vmcluster",
    "managed-by": "vm-operator",
}


class Requests:
    """What the operator asks for from now on, watches and leases aside."""

    def __init__(self, dev: DevCluster) -> None:
        self.seen: list[str] = []
        dev.server.faults.before.append(self)

    async def __call__(self, call: Call) -> None:
        if call.user_agent == OPERATOR and call.verb != "watch":
            self.seen.append(str(call))


async def lifecycle(stage: Stage) -> None:
    """A cluster from its creation to its end."""
    await stage.cluster(**SMALL)
    status = await stage.until_status("operational")
    assert status.keys() == {"updateStatus", "observedGeneration", "lastAppliedSpec"}
    assert await stage.names(STATEFUL_SET) == {"vmstorage-c", "vmselect-c"}
    assert await stage.names(DEPLOYMENT) == {"vminsert-c"}
    assert await stage.names(SERVICE) - {"kubernetes"} == {"vmstorage-c", "vmselect-c", "vminsert-c"}
    assert await stage.events() == [STARTED, FINISHED]
    found = await stage.client.get(VM_CLUSTER, stage.key("c"))
    assert found["metadata"]["finalizers"] == [FINALIZER]
    await stage.client.delete(VM_CLUSTER, stage.key("c"))

    async def is_gone() -> bool:
        return not await stage.get(VM_CLUSTER, "c")

    await stage.until(is_gone)


async def test_a_cluster_lives_and_dies(stage: Stage) -> None:
    await lifecycle(stage)

    async def all_gone() -> bool:
        left = [await stage.names(each) for each in (STATEFUL_SET, DEPLOYMENT, SERVICE, SERVICE_ACCOUNT, POD)]
        return left == [set(), set(), set(), {"default"}, set()] or left == [set()] * 5

    await stage.until(all_gone)


@pytest.mark.real
async def test_a_cluster_lives_and_dies_on_a_real_control_plane(real_stage: Stage) -> None:
    await lifecycle(real_stage)


@pytest.mark.real
async def test_an_update_on_a_real_control_plane(real_stage: Stage) -> None:
    await real_stage.cluster(vmstorage={"replicaCount": 2, "extraArgs": {"a": "1"}})
    await real_stage.until_status("operational")
    before = {name: pod["metadata"]["uid"] for name, pod in (await real_stage.pods("vmstorage")).items()}
    await real_stage.cluster(vmstorage={"replicaCount": 2, "extraArgs": {"a": "2"}, "minReadySeconds": 1})
    await real_stage.until_status("operational")
    after = await real_stage.pods("vmstorage")
    assert after.keys() == before.keys()
    assert not {pod["metadata"]["uid"] for pod in after.values()} & set(before.values())
    assert all("-a=2" in pod["spec"]["containers"][0]["args"] for pod in after.values())


async def test_parts_come_one_after_the_other(stage: Stage) -> None:
    never = {"podMetadata": {"annotations": {"simulator.vmop/behaviour": "never"}}}
    await stage.cluster(**{**SMALL, "vmstorage": {"replicaCount": 1, **never}})

    async def storage_waits() -> bool:
        return bool(await stage.pods("vmstorage"))

    await stage.until(storage_waits)
    await stage.settle()
    assert await stage.names(STATEFUL_SET) == {"vmstorage-c"}
    assert await stage.names(SERVICE) - {"kubernetes"} == set()
    assert (await stage.status())["updateStatus"] == "expanding"


async def test_a_cluster_in_order_costs_no_request(dev: DevCluster, stage: Stage) -> None:
    await stage.cluster(**SMALL)
    await stage.until_status("operational")
    await stage.settle()
    requests = Requests(dev)
    for _ in range(3):
        stage.enqueue()
        await stage.settle()
    assert requests.seen == []


async def test_what_was_changed_by_hand_is_put_right(stage: Stage) -> None:
    await stage.cluster(**SMALL)
    await stage.until_status("operational")
    await stage.merge(DEPLOYMENT, "vminsert-c", {"spec": {"replicas": 5}})

    async def is_right() -> bool:
        live = await stage.client.get(DEPLOYMENT, stage.key("vminsert-c"))
        return bool(live["spec"]["replicas"] == 1 and live["status"].get("readyReplicas") == 1)

    await stage.until(is_right)


# -- what is removed, and what is not ----------------------------------------------------------------------------------


def foreign(name: str, **metadata: object) -> Manifest:
    """A Service that looks like one of the cluster's."""
    spec = {"ports": [{"name": "http", "port": 80, "protocol": "TCP", "targetPort": 80}]}
    return {"metadata": {"name": name, "labels": LABELS, **metadata}, "spec": spec}


async def test_a_part_that_leaves_the_spec_goes_with_all_its_objects_and_nothing_else(stage: Stage) -> None:
    await stage.cluster(**SMALL)
    await stage.until_status("operational")
    await stage.apply(SERVICE, foreign("mine"))
    await stage.apply(CONFIG_MAP, {"metadata": {"name": "mine", "labels": LABELS}, "data": {"a": "b"}})
    await stage.apply(SECRET, {"metadata": {"name": "mine", "labels": LABELS}})
    await stage.cluster(vmstorage=SMALL["vmstorage"], vmselect=SMALL["vmselect"])
    await stage.until_status("operational")
    assert await stage.names(DEPLOYMENT) == set()
    assert await stage.names(POD_DISRUPTION_BUDGET) == set()
    assert await stage.names(STATEFUL_SET) == {"vmstorage-c", "vmselect-c"}
    assert await stage.names(VM_SERVICE_SCRAPE) == {"vmstorage-c", "vmselect-c"}
    assert await stage.names(SERVICE) - {"kubernetes"} == {"vmstorage-c", "vmselect-c", "mine"}
    assert "mine" in await stage.names(CONFIG_MAP)
    assert "mine" in await stage.names(SECRET)


async def test_scrapes_stay_as_they_are_where_nobody_acts_on_them(dev: DevCluster) -> None:
    async with staged(dev.config, dev.nodes) as stage:
        await stage.cluster(**SMALL)
        await stage.until_status("operational")
    async with staged(dev.config, dev.nodes, disabled=frozenset({"VMServiceScrape"})) as stage:
        await stage.cluster(**SMALL, retentionPeriod="2")
        await stage.until_status("operational")
        assert await stage.names(VM_SERVICE_SCRAPE) == {"vmstorage-c", "vmselect-c", "vminsert-c"}


async def test_an_account_of_ones_own_replaces_ours(stage: Stage) -> None:
    await stage.cluster(vmselect=SMALL["vmselect"])
    await stage.until_status("operational")
    assert "vmcluster-c" in await stage.names(SERVICE_ACCOUNT)
    await stage.cluster(vmselect=SMALL["vmselect"], serviceAccountName="mine")
    await stage.until_status("operational")
    assert "vmcluster-c" not in await stage.names(SERVICE_ACCOUNT)


async def owner(stage: Stage, name: str = "other") -> Manifest:
    """An owner reference to a cluster that nobody reconciles."""
    made = await stage.cluster(name, paused=True)
    return {
        "apiVersion": VM_CLUSTER.api_version,
        "kind": "VMCluster",
        "name": name,
        "uid": made["metadata"]["uid"],
        "controller": True,
    }


async def test_a_service_of_another_owner_is_left_alone_and_told_of_once(stage: Stage) -> None:
    theirs = await stage.apply(SERVICE, foreign("vmselect-c", ownerReferences=[await owner(stage)]))
    await stage.cluster(vmselect=SMALL["vmselect"])
    status = await stage.until_status("failed")
    problem = "Service=shop/vmselect-c has another owner reference of same kind: "
    assert status["reason"].endswith(f"{problem}operator.victoriametrics.com/v1beta1/VMCluster=other")
    stage.enqueue()
    await stage.settle()
    assert [event for event in await stage.events() if event[0] == "Warning"] == [
        ("Warning", "ReconciliationError", status["reason"])
    ]
    live = await stage.client.get(SERVICE, stage.key("vmselect-c"))
    assert live["metadata"]["uid"] == theirs["metadata"]["uid"]
    assert live["spec"] == theirs["spec"]


async def test_a_stateful_set_of_another_owner_is_never_made_again(stage: Stage) -> None:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "x", "image": "y"}]}}
    spec = {"serviceName": "theirs", "replicas": 0, "selector": {"matchLabels": {"a": "b"}}, "template": template}
    metadata = {"name": "vmselect-c", "labels": LABELS, "ownerReferences": [await owner(stage)]}
    theirs = await stage.apply(STATEFUL_SET, {"metadata": metadata, "spec": spec})
    await stage.cluster(vmselect=SMALL["vmselect"])
    status = await stage.until_status("failed")
    assert "StatefulSet=shop/vmselect-c has another owner reference of same kind" in status["reason"]
    live = await stage.client.get(STATEFUL_SET, stage.key("vmselect-c"))
    assert live["metadata"]["uid"] == theirs["metadata"]["uid"]


async def test_claims_outlive_their_cluster(stage: Stage) -> None:
    claim = {"spec": {"resources": {"requests": {"storage": "1Gi"}}}}
    await stage.cluster(vmstorage={"replicaCount": 1, "storage": {"volumeClaimTemplate": claim}})
    await stage.until_status("operational")
    await stage.client.delete(VM_CLUSTER, stage.key("c"))

    async def all_gone() -> bool:
        return not await stage.get(VM_CLUSTER, "c") and not await stage.names(POD)

    await stage.until(all_gone)
    assert await stage.names(PERSISTENT_VOLUME_CLAIM) == {"vmstorage-db-vmstorage-c-0"}


async def test_a_finalizer_of_an_old_version_keeps_nothing_alive(stage: Stage) -> None:
    spec: Manifest = {**SMALL, "vmselect": {"replicaCount": 1, "podDisruptionBudget": {"minAvailable": 1}}}
    await stage.cluster(**spec)
    await stage.until_status("operational")
    for name in ("vminsert-c", "vmselect-c"):
        await stage.merge(POD_DISRUPTION_BUDGET, name, {"metadata": {"finalizers": [FINALIZER]}})

        async def noticed(name: str = name) -> bool:
            stored = stage.context.informers.cached(POD_DISRUPTION_BUDGET, stage.key(name))
            return stored is not None and bool(stored.metadata.get("finalizers"))

        await stage.until(noticed)
    await stage.client.delete(POD_DISRUPTION_BUDGET, stage.key("vminsert-c"))
    await stage.client.delete(VM_CLUSTER, stage.key("c"))

    async def all_gone() -> bool:
        return not await stage.names(POD_DISRUPTION_BUDGET) and not await stage.get(POD_DISRUPTION_BUDGET, "vminsert-c")

    await stage.until(all_gone)


async def test_a_part_that_leaves_loses_the_finalizer_of_an_old_version(stage: Stage) -> None:
    await stage.cluster(**SMALL)
    await stage.until_status("operational")
    await stage.merge(POD_DISRUPTION_BUDGET, "vminsert-c", {"metadata": {"finalizers": [FINALIZER]}})
    await stage.cluster(vmstorage=SMALL["vmstorage"], vmselect=SMALL["vmselect"])
    await stage.until_status("operational")

    async def is_gone() -> bool:
        return await stage.get(POD_DISRUPTION_BUDGET, "vminsert-c") is None

    await stage.until(is_gone)


async def test_what_is_deleted_by_hand_comes_back_in_spite_of_an_old_finalizer(stage: Stage) -> None:
    await stage.cluster(**SMALL)
    await stage.until_status("operational")
    await stage.merge(POD_DISRUPTION_BUDGET, "vminsert-c", {"metadata": {"finalizers": [FINALIZER]}})
    old = await stage.client.get(POD_DISRUPTION_BUDGET, stage.key("vminsert-c"))
    await stage.client.delete(POD_DISRUPTION_BUDGET, stage.key("vminsert-c"))

    async def is_new() -> bool:
        stage.enqueue()
        live = await stage.get(POD_DISRUPTION_BUDGET, "vminsert-c")
        return live is not None and live["metadata"]["uid"] != old["metadata"]["uid"]

    await stage.until(is_new)


# -- services ----------------------------------------------------------------------------------------------------------


def insert(**spec: object) -> Manifest:
    return {"replicaCount": 1, "serviceSpec": {"useAsDefault": True, "spec": spec}}


async def service(stage: Stage) -> tuple[str, Manifest]:
    live = await stage.client.get(SERVICE, stage.key("vminsert-c"))
    return live["metadata"]["uid"], live["spec"]


async def test_a_service_of_another_type_is_made_again(stage: Stage) -> None:
    await stage.cluster(vminsert=insert(type="NodePort"))
    await stage.until_status("operational")
    before, _ = await service(stage)
    await stage.cluster(vminsert=insert(type="ClusterIP"))
    await stage.until_status("operational")
    after, spec = await service(stage)
    assert (before != after, spec["type"]) == (True, "ClusterIP")


@pytest.mark.real
async def test_a_service_that_loses_its_class_is_made_again(real_stage: Stage) -> None:
    """A real API server refuses that change in place."""
    await real_stage.cluster(vminsert=insert(type="LoadBalancer", loadBalancerClass="example.com/a"))
    await real_stage.until_status("operational")
    before, _ = await service(real_stage)
    await real_stage.cluster(vminsert=insert(type="LoadBalancer"))
    await real_stage.until_status("operational")
    after, spec = await service(real_stage)
    assert (before != after, spec["type"], spec.get("loadBalancerClass")) == (True, "LoadBalancer", None)


async def test_what_the_server_refuses_otherwise_is_a_failure(dev: DevCluster, stage: Stage) -> None:
    def is_ours(call: Call) -> bool:
        return call.user_agent == OPERATOR and call.verb == "patch" and call.served.storage.plural == "services"

    await stage.cluster(vminsert={"replicaCount": 1})
    await stage.until_status("operational")
    before, _ = await service(stage)
    dev.server.faults.before.append(on(is_ours, fail(422, "Invalid", "no such port")))
    await stage.cluster(vminsert={"replicaCount": 1, "port": "9480"})
    status = await stage.until_status("failed")
    assert "no such port" in status["reason"]
    after, _ = await service(stage)
    assert before == after


async def test_a_service_changes_its_ports_in_place(stage: Stage) -> None:
    await stage.cluster(vminsert={"replicaCount": 1})
    await stage.until_status("operational")
    before, _ = await service(stage)
    await stage.cluster(vminsert={"replicaCount": 1, "port": "9480"})
    await stage.until_status("operational")
    after, spec = await service(stage)
    assert (before == after, [port["port"] for port in spec["ports"]]) == (True, [9480])


# -- status and events -------------------------------------------------------------------------------------------------


async def test_a_spec_that_cannot_be_parsed_fails_alone_and_once(stage: Stage) -> None:
    await stage.cluster("bad", vmselect={"replicaCount": "two"})
    await stage.cluster(vmselect=SMALL["vmselect"])
    status = await stage.until_status("failed", "bad")
    await stage.until_status("operational")
    stage.enqueue("bad")
    await stage.settle()
    assert status == {
        "updateStatus": "failed",
        "observedGeneration": 1,
        "reason": 'parsing object error for object controller="vmcluster": '
        '"cannot parse VMClusterSpec: spec.vmselect.replicaCount: expected integer, got string"',
    }
    assert await stage.events("bad") == [("Warning", "ReconciliationError", status["reason"])]
    await stage.cluster("bad", vmselect=SMALL["vmselect"])
    assert "reason" not in await stage.until_status("operational", "bad")


async def test_a_spec_that_is_refused_fails_until_it_is_corrected(stage: Stage) -> None:
    behavior = {"rollingUpdateStrategyBehavior": {"maxUnavailable": 0}}
    await stage.cluster(vmselect={**SMALL["vmselect"], **behavior})
    status = await stage.until_status("failed")
    assert status["reason"] == "vmselect: maxUnavailable must be greater than 0, got 0"
    assert await stage.events() == [STARTED, ("Warning", "ReconciliationError", status["reason"])]
    assert await stage.names(STATEFUL_SET) == set()
    await stage.cluster(vmselect=SMALL["vmselect"])
    assert "reason" not in await stage.until_status("operational")


async def test_what_cannot_be_built_fails_after_what_can(stage: Stage) -> None:
    twice = {"volumes": [{"name": "x", "emptyDir": {}}, {"name": "x", "emptyDir": {}}]}
    await stage.cluster(vmstorage=SMALL["vmstorage"], vmselect={**SMALL["vmselect"], **twice})
    status = await stage.until_status("failed")
    assert "duplicate Volume.Name=x" in status["reason"]
    assert await stage.names(STATEFUL_SET) == {"vmstorage-c"}


async def test_unknown_fields_are_told_of_and_ignored(stage: Stage) -> None:
    await stage.cluster(vmselect=SMALL["vmselect"], vmunknown={"a": 1})
    await stage.until_status("operational")
    stage.enqueue()
    await stage.settle()
    assert await stage.events() == [
        ("Warning", "UnknownFields", "unknown fields are ignored: spec.vmunknown"),
        STARTED,
        FINISHED,
    ]


async def test_a_paused_cluster_is_left_as_it_is(stage: Stage) -> None:
    await stage.cluster(vmselect=SMALL["vmselect"])
    await stage.until_status("operational")
    await stage.cluster(vmselect={"replicaCount": 2}, paused=True)
    await stage.until_status("paused")
    live = await stage.client.get(STATEFUL_SET, stage.key("vmselect-c"))
    assert live["spec"]["replicas"] == 1
    await stage.cluster(vmselect={"replicaCount": 2})
    await stage.until_status("operational")
    live = await stage.client.get(STATEFUL_SET, stage.key("vmselect-c"))
    assert live["spec"]["replicas"] == 2


async def test_trouble_of_the_api_server_is_not_the_objects(dev: DevCluster, stage: Stage) -> None:
    def is_ours(call: Call) -> bool:
        return call.user_agent == OPERATOR and call.verb == "patch" and call.served.storage.plural == "statefulsets"

    dev.server.faults.before.append(on(is_ours, fail(500), times=1))
    seen: list[str] = []

    async def states(call: Call) -> None:
        if call.served.storage.plural == "vmclusters" and call.subresource == "status":
            seen.append((await stage.status()).get("updateStatus", ""))

    dev.server.faults.after.append(states)
    await stage.cluster(vmselect=SMALL["vmselect"])
    await stage.until_status("operational")
    assert seen == ["expanding", "operational"]
    assert await stage.events() == [STARTED, FINISHED]


async def test_a_conflict_is_tried_again_without_a_word(dev: DevCluster, stage: Stage) -> None:
    def is_ours(call: Call) -> bool:
        return call.user_agent == OPERATOR and call.verb == "patch" and call.served.storage.plural == "statefulsets"

    dev.server.faults.before.append(on(is_ours, fail(409, "Conflict"), times=5))
    await stage.cluster(vmselect=SMALL["vmselect"])
    await stage.until_status("operational")
    assert await stage.events() == [STARTED, FINISHED]


async def test_a_deployment_that_is_not_ready_in_time_keeps_expanding(stage: Stage) -> None:
    never = {"podMetadata": {"annotations": {"simulator.vmop/behaviour": "never"}}}
    await stage.cluster(vminsert={"replicaCount": 1, **never})

    async def runs() -> bool:
        return any(
            (pod.get("status") or {}).get("phase") == "Running" for pod in (await stage.pods("vminsert")).values()
        )

    await stage.until(runs)
    stage.clock.put_forward(100)
    stage.enqueue()

    async def is_told() -> bool:
        return any(type_ == "Warning" for type_, _, _ in await stage.events())

    await stage.until(is_told)
    [message] = [message for type_, _, message in await stage.events() if type_ == "Warning"]
    assert message.startswith("Deployment=shop/vminsert-c is not ready in time: pod vminsert-c-")
    assert (await stage.status())["updateStatus"] == "expanding"
