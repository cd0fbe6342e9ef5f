"""Updates of OnDelete StatefulSets on a cluster with nodes: safety above all."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from tests.integration.reconcilers.stage import NAMESPACE, OPERATOR, SETTINGS, Stage, staged
from vmop.devcluster import StatusError
from vmop.devcluster.cluster import DevCluster
from vmop.devcluster.faults import fail, on
from vmop.devcluster.nodes import BEHAVIOUR
from vmop.devcluster.requests import Call
from vmop.kube import Manifest
from vmop.kube.resources import (
    HORIZONTAL_POD_AUTOSCALER,
    PERSISTENT_VOLUME_CLAIM,
    POD,
    POD_DISRUPTION_BUDGET,
    STATEFUL_SET,
)
from vmop.reconcilers.pods import is_ready


def storage(replicas: int = 3, **spec: Any) -> Manifest:
    return {"replicaCount": replicas, **spec}


def marked(behaviour: str = "ready", text: str = "") -> Manifest:
    """Metadata of pods that behave like this."""
    return {"annotations": {BEHAVIOUR: behaviour, "text": text}}


class Watcher:
    """Notes how pods are taken down, and how many were ready at that moment, the one included."""

    def __init__(self, dev: DevCluster, stage: Stage) -> None:
        self.seen: list[tuple[str, str, int]] = []
        self._stage = stage
        dev.server.faults.before.append(self)

    async def __call__(self, call: Call) -> None:
        if call.user_agent != OPERATOR or call.served.storage.plural != "pods" or call.verb not in ("create", "delete"):
            return
        pods = await self._stage.pods("vmstorage")
        ready = sum(is_ready(pod) for pod in pods.values())
        self.seen.append((call.subresource or call.verb, call.name, ready))


async def uids(stage: Stage, part: str = "vmstorage") -> dict[str, str]:
    return {name: pod["metadata"]["uid"] for name, pod in (await stage.pods(part)).items()}


async def test_pods_are_evicted_one_by_one_in_order_while_all_others_are_ready(dev: DevCluster, stage: Stage) -> None:
    await stage.cluster(vmstorage=storage(podMetadata=marked(text="a")))
    await stage.until_status("operational")
    watcher = Watcher(dev, stage)
    await stage.cluster(vmstorage=storage(podMetadata=marked(text="b")))
    await stage.until_status("operational")
    assert watcher.seen == [("eviction", f"vmstorage-c-{ordinal}", 3) for ordinal in range(3)]
    live = await stage.client.get(STATEFUL_SET, stage.key("vmstorage-c"))
    assert live["status"]["currentRevision"] == live["status"]["updateRevision"]


async def test_a_bad_template_stops_at_its_first_pod_and_recovers_when_corrected(dev: DevCluster, stage: Stage) -> None:
    await stage.cluster(vmstorage=storage(podMetadata=marked(text="a")))
    await stage.until_status("operational")
    before = await uids(stage)
    watcher = Watcher(dev, stage)
    await stage.cluster(vmstorage=storage(podMetadata=marked("never")))

    async def first_is_replaced() -> bool:
        pod = (await stage.pods("vmstorage")).get("vmstorage-c-0")
        return pod is not None and pod["metadata"]["uid"] != before["vmstorage-c-0"] and is_running(pod)

    await stage.until(first_is_replaced)
    stage.clock.put_forward(100)
    for _ in range(5):
        stage.enqueue()
        await stage.settle()
    after = await uids(stage)
    assert {name for name in after if after[name] == before[name]} == {"vmstorage-c-1", "vmstorage-c-2"}
    status = await stage.until_status("expanding")
    assert "reason" not in status
    [message] = [message for type_, _, message in await stage.events() if type_ == "Warning"]
    assert message == (
        "pod of StatefulSet=shop/vmstorage-c is not ready in time: pod vmstorage-c-0: phase=Running, "
        "conditions=[Ready=False, ContainersReady=False], containers=[]"
    )
    stage.clock.put_forward(-100)
    await stage.cluster(vmstorage=storage(podMetadata=marked(text="c")))
    await stage.until_status("operational")
    assert watcher.seen == [
        ("eviction", "vmstorage-c-0", 3),
        ("eviction", "vmstorage-c-0", 2),
        ("eviction", "vmstorage-c-1", 3),
        ("eviction", "vmstorage-c-2", 3),
    ]


def is_running(pod: Manifest) -> bool:
    return bool((pod.get("status") or {}).get("phase") == "Running")


async def test_a_template_that_crashes_is_a_failure_until_it_is_corrected(stage: Stage) -> None:
    await stage.cluster(vmstorage=storage(podMetadata=marked(text="a")))
    await stage.until_status("operational")
    await stage.cluster(vmstorage=storage(podMetadata=marked("crash")))

    async def crashes() -> bool:
        pod = (await stage.pods("vmstorage")).get("vmstorage-c-0") or {}
        containers = (pod.get("status") or {}).get("containerStatuses") or [{}]
        return bool(containers[0].get("restartCount", 0) > 1)

    await stage.until(crashes)
    stage.clock.put_forward(100)
    stage.enqueue()
    status = await stage.until_status("failed")
    assert status["reason"].startswith("pod of StatefulSet=shop/vmstorage-c is not ready in time: pod vmstorage-c-0: ")
    assert status["reason"].endswith(": pod has crashed containers")
    stage.clock.put_forward(-100)
    await stage.cluster(vmstorage=storage(podMetadata=marked(text="c")))
    assert "reason" not in await stage.until_status("operational")


async def test_all_pods_broken_from_the_start_recover_in_spite_of_their_budget(stage: Stage) -> None:
    budget: Manifest = {"minAvailable": 2}
    await stage.cluster(vmstorage=storage(podMetadata=marked("never"), podDisruptionBudget=budget))

    async def all_there() -> bool:
        return len(await stage.pods("vmstorage")) == 3

    await stage.until(all_there)
    await stage.cluster(vmstorage=storage(podMetadata=marked(text="b"), podDisruptionBudget=budget))
    await stage.until_status("operational")
    assert await stage.names(POD_DISRUPTION_BUDGET) == {"vmstorage-c"}


async def test_two_pods_at_a_time_where_two_may_be_down(dev: DevCluster, stage: Stage) -> None:
    behavior = {"maxUnavailable": 2}
    await stage.cluster(vmstorage=storage(4, podMetadata=marked(text="a"), rollingUpdateStrategyBehavior=behavior))
    await stage.until_status("operational")
    watcher = Watcher(dev, stage)
    await stage.cluster(vmstorage=storage(4, podMetadata=marked(text="b"), rollingUpdateStrategyBehavior=behavior))
    await stage.until_status("operational")
    assert sorted(name for _, name, _ in watcher.seen) == [f"vmstorage-c-{ordinal}" for ordinal in range(4)]
    assert min(ready for _, _, ready in watcher.seen) >= 3


async def test_with_all_unavailable_pods_are_deleted_past_their_budget(dev: DevCluster, stage: Stage) -> None:
    parts: Manifest = {
        "rollingUpdateStrategyBehavior": {"maxUnavailable": "100%"},
        "podDisruptionBudget": {"minAvailable": 3},
    }
    await stage.cluster(vmstorage=storage(podMetadata=marked(text="a"), **parts))
    await stage.until_status("operational")
    watcher = Watcher(dev, stage)
    await stage.cluster(vmstorage=storage(podMetadata=marked(text="b"), **parts))
    await stage.until_status("operational")
    assert sorted((verb, name) for verb, name, _ in watcher.seen) == [
        ("delete", f"vmstorage-c-{ordinal}") for ordinal in range(3)
    ]


async def test_a_budget_that_allows_nothing_is_told_of_and_waited_for(stage: Stage) -> None:
    budget: Manifest = {"podDisruptionBudget": {"minAvailable": 3}}
    await stage.cluster(vmstorage=storage(podMetadata=marked(text="a"), **budget))
    await stage.until_status("operational")
    before = await uids(stage)
    await stage.cluster(vmstorage=storage(podMetadata=marked(text="b"), **budget))

    async def is_told() -> bool:
        return any(reason == "EvictionRefused" for _, reason, _ in await stage.events())

    await stage.until(is_told)
    assert await uids(stage) == before
    assert (await stage.status())["updateStatus"] == "expanding"
    await stage.cluster(vmstorage=storage(podMetadata=marked(text="b"), podDisruptionBudget={"minAvailable": 2}))
    await stage.until_status("operational")
    assert sum(reason == "EvictionRefused" for _, reason, _ in await stage.events()) == 1


async def test_a_cache_that_lags_costs_no_pod(dev: DevCluster, stage: Stage) -> None:
    await stage.cluster(vmstorage=storage(podMetadata=marked(text="a")))
    await stage.until_status("operational")
    watcher = Watcher(dev, stage)
    dev.server.faults.withhold = lambda event: event.new.resource.plural == "pods"
    await stage.cluster(vmstorage=storage(podMetadata=marked(text="b")))

    async def one_went() -> bool:
        return bool(watcher.seen)

    await stage.until(one_went)
    for _ in range(5):
        stage.enqueue()
        await stage.settle()
    assert [name for _, name, _ in watcher.seen] == ["vmstorage-c-0"]


# -- made again --------------------------------------------------------------------------------------------------------


async def test_another_policy_makes_the_stateful_set_again_and_keeps_its_pods(stage: Stage) -> None:
    await stage.cluster(vmstorage=storage())
    await stage.until_status("operational")
    old, before = await stage.client.get(STATEFUL_SET, stage.key("vmstorage-c")), await uids(stage)
    await stage.cluster(vmstorage=storage(minReadySeconds=1))
    await stage.until_status("operational")
    new = await stage.client.get(STATEFUL_SET, stage.key("vmstorage-c"))
    assert (old["spec"]["podManagementPolicy"], new["spec"]["podManagementPolicy"]) == ("Parallel", "OrderedReady")
    assert new["metadata"]["uid"] != old["metadata"]["uid"]
    assert await uids(stage) == before
    assert {type_ for type_, _, _ in await stage.events()} == {"Normal"}


async def test_other_claims_make_it_again_and_its_pods_one_by_one(dev: DevCluster, stage: Stage) -> None:
    await stage.cluster(vmstorage=storage())
    await stage.until_status("operational")
    old = await uids(stage)
    watcher = Watcher(dev, stage)
    claim = {"spec": {"resources": {"requests": {"storage": "1Gi"}}}}
    await stage.cluster(vmstorage=storage(storage={"volumeClaimTemplate": claim}))
    await stage.until_status("operational")
    assert not set(old.values()) & set((await uids(stage)).values())
    assert [each for each in watcher.seen if each[0] == "eviction"] == [
        ("eviction", f"vmstorage-c-{ordinal}", 3) for ordinal in range(3)
    ]
    assert await stage.names(PERSISTENT_VOLUME_CLAIM) == {f"vmstorage-db-vmstorage-c-{n}" for n in range(3)}


async def test_an_autoscaled_stateful_set_that_is_made_again_keeps_all_its_pods(stage: Stage) -> None:
    scaled: Manifest = {"replicaCount": 1, "hpa": {"minReplicas": 1, "maxReplicas": 5}}
    await stage.cluster(vmselect=scaled)
    await stage.until_status("operational")
    await stage.merge(STATEFUL_SET, "vmselect-c", {"spec": {"replicas": 3}}, subresource="scale")

    async def three() -> bool:
        return len(await stage.pods("vmselect")) == 3

    await stage.until(three)
    before = await uids(stage, "vmselect")
    await stage.cluster(vmselect={**scaled, "minReadySeconds": 1})
    await stage.until_status("operational")
    live = await stage.client.get(STATEFUL_SET, stage.key("vmselect-c"))
    assert live["spec"]["replicas"] == 3
    assert await stage.names(HORIZONTAL_POD_AUTOSCALER) == {"vmselect-c"}
    assert await uids(stage, "vmselect") == before


async def test_a_stateful_set_that_a_user_deletes_comes_back_around_its_pods(stage: Stage) -> None:
    await stage.cluster(vmstorage=storage())
    await stage.until_status("operational")
    before = await uids(stage)
    await stage.client.delete(STATEFUL_SET, stage.key("vmstorage-c"), propagation="Orphan")

    async def is_back() -> bool:
        live = await stage.get(STATEFUL_SET, "vmstorage-c")
        return bool(live and (live.get("status") or {}).get("readyReplicas") == 3)

    await stage.until(is_back)
    assert await uids(stage) == before


async def test_missing_pods_are_told_of(dev: DevCluster, stage: Stage) -> None:
    await stage.cluster(vmstorage=storage())
    await stage.until_status("operational")

    async def no_quota(call: Call) -> None:
        if call.served.storage.plural == "pods" and call.verb == "create" and not call.subresource:
            raise StatusError(403, "Forbidden", "exceeded quota")

    dev.server.faults.before.append(no_quota)
    await stage.client.delete(POD, stage.key("vmstorage-c-2"))

    async def two() -> bool:
        return len(await stage.pods("vmstorage")) == 2

    await stage.until(two)
    stage.clock.put_forward(100)
    stage.enqueue()

    async def is_told() -> bool:
        return any(type_ == "Warning" for type_, _, _ in await stage.events())

    await stage.until(is_told)
    assert [message for type_, _, message in await stage.events() if type_ == "Warning"] == [
        "StatefulSet=shop/vmstorage-c: actual pod count: 2 less than needed: 3, possible statefulset misconfiguration"
    ]


# -- claims ------------------------------------------------------------------------------------------------------------


def with_claim(size: str, storage_class: str = "standard", **metadata: Any) -> Manifest:
    spec = {"storageClassName": storage_class, "resources": {"requests": {"storage": size}}}
    return storage(2, storage={"volumeClaimTemplate": {"metadata": metadata, "spec": spec}})


async def claims(stage: Stage) -> dict[str, tuple[str, str]]:
    listed = await stage.client.list(PERSISTENT_VOLUME_CLAIM, stage.namespace)
    return {
        item["metadata"]["name"]: (
            item["spec"]["resources"]["requests"]["storage"],
            item["status"]["capacity"]["storage"],
        )
        for item in listed.items
    }


async def test_claims_grow_with_their_template_and_take_its_metadata(stage: Stage) -> None:
    await stage.cluster(vmstorage=with_claim("1Gi"))
    await stage.until_status("operational")
    before = await uids(stage)
    await stage.cluster(vmstorage=with_claim("2Gi", labels={"tier": "hot"}, annotations={"note": "n"}))
    await stage.until_status("operational")
    assert await claims(stage) == {f"vmstorage-db-vmstorage-c-{n}": ("2Gi", "2Gi") for n in range(2)}
    assert await uids(stage) == before
    first = await stage.client.get(PERSISTENT_VOLUME_CLAIM, stage.key("vmstorage-db-vmstorage-c-0"))
    assert first["metadata"]["labels"]["tier"] == "hot"
    assert first["metadata"]["annotations"]["note"] == "n"


async def test_claims_never_shrink(stage: Stage) -> None:
    await stage.cluster(vmstorage=with_claim("2Gi"))
    await stage.until_status("operational")
    await stage.cluster(vmstorage=with_claim("1Gi"))
    await stage.until_status("operational")
    assert await claims(stage) == {f"vmstorage-db-vmstorage-c-{n}": ("2Gi", "2Gi") for n in range(2)}


async def test_a_class_that_does_not_expand_keeps_the_cluster_waiting_until_an_annotation_allows_it(
    stage: Stage,
) -> None:
    await stage.cluster(vmstorage=with_claim("1Gi", "fixed"))
    await stage.until_status("operational")
    await stage.cluster(vmstorage=with_claim("2Gi", "fixed"))
    await stage.until_status("expanding")
    for _ in range(3):
        stage.enqueue()
        await stage.settle()
    assert await claims(stage) == {f"vmstorage-db-vmstorage-c-{n}": ("1Gi", "1Gi") for n in range(2)}
    assert (await stage.status())["updateStatus"] == "expanding"
    allow = {"metadata": {"annotations": {"operator.victoriametrics.com/pvc-allow-volume-expansion": "true"}}}
    for name in await claims(stage):
        await stage.merge(PERSISTENT_VOLUME_CLAIM, name, allow)
        grown = {"status": {"capacity": {"storage": "2Gi"}}}
        await stage.merge(PERSISTENT_VOLUME_CLAIM, name, grown, subresource="status")
    await stage.until_status("operational")
    assert {size for size, _ in (await claims(stage)).values()} == {"2Gi"}


async def test_an_annotation_that_says_nothing_is_a_failure(stage: Stage) -> None:
    await stage.cluster(vmstorage=with_claim("1Gi"))
    await stage.until_status("operational")
    odd = {"metadata": {"annotations": {"operator.victoriametrics.com/pvc-allow-volume-expansion": "maybe"}}}
    await stage.merge(PERSISTENT_VOLUME_CLAIM, "vmstorage-db-vmstorage-c-0", odd)
    await stage.cluster(vmstorage=with_claim("2Gi"))
    status = await stage.until_status("failed")
    assert status["reason"].endswith(
        "unexpected value format for annotation=operator.victoriametrics.com/pvc-allow-volume-expansion: "
        '"maybe", want true or false'
    )


async def test_without_rights_on_classes_nothing_grows_by_itself(dev: DevCluster) -> None:
    settings = attrs.evolve(SETTINGS, watch_namespace=(NAMESPACE,))
    async with staged(dev.config, dev.nodes, settings=settings) as stage:
        await stage.cluster(vmstorage=with_claim("1Gi"))
        await stage.until_status("operational")
        await stage.cluster(vmstorage=with_claim("2Gi"))
        await stage.until_status("expanding")
        for _ in range(3):
            stage.enqueue()
            await stage.settle()
        assert {size for size, _ in (await claims(stage)).values()} == {"1Gi"}


@pytest.mark.parametrize(("code", "reason"), [(404, "NotFound"), (409, "Conflict")])
async def test_a_pod_that_went_in_the_meantime_is_no_trouble(
    dev: DevCluster, stage: Stage, code: int, reason: str
) -> None:
    await stage.cluster(vmstorage=storage(podMetadata=marked(text="a")))
    await stage.until_status("operational")

    def is_eviction(call: Call) -> bool:
        return call.user_agent == OPERATOR and call.subresource == "eviction"

    dev.server.faults.before.append(on(is_eviction, fail(code, reason), times=1))
    await stage.cluster(vmstorage=storage(podMetadata=marked(text="b")))
    await stage.until_status("operational")
    assert {type_ for type_, _, _ in await stage.events()} == {"Normal"}
