"""The client against API servers, the real one and the dev cluster's: what unit tests only believe of it."""

import asyncio
from contextlib import aclosing
from typing import Any

import pytest

from tests.support.clusters import Cluster
from vmop.devcluster.controlplane import ControlPlane
from vmop.kube import (
    AlreadyExists,
    ApplyPatch,
    BadRequest,
    Client,
    Conflict,
    Forbidden,
    Invalid,
    JsonPatch,
    Manifest,
    MergePatch,
    NotFound,
    ObjectKey,
    PodHttp,
    StrategicMergePatch,
    Timeout,
    TooManyRequests,
    Unauthorized,
    Unavailable,
)
from vmop.kube.config import ClientConfig
from vmop.kube.resources import (
    ALL,
    CONFIG_MAP,
    DEPLOYMENT,
    POD,
    POD_DISRUPTION_BUDGET,
    SECRET,
    STATEFUL_SET,
)


def config_map(namespace: str, name: str = "a", **data: str) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace},
        "data": data,
    }


def pod(namespace: str, name: str = "p") -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": {"app": "x"}},
        "spec": {"containers": [{"name": "c", "image": "i"}]},
    }


def workload(kind: str, namespace: str) -> Manifest:
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": "w", "namespace": namespace},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": {"app": "x"}},
            "template": {
                "metadata": {"labels": {"app": "x"}},
                "spec": {"containers": [{"name": "c", "image": "i"}]},
            },
        },
    }


async def test_an_object_lives_through_every_verb(client: Client, namespace: str) -> None:
    key = ObjectKey(namespace, "a")
    created = await client.create(CONFIG_MAP, config_map(namespace, x="1"), field_manager="test")
    data = [created["data"]]
    for patch in (
        MergePatch({"data": {"y": "2", "x": None}}),
        StrategicMergePatch({"data": {"z": "3"}}),
        JsonPatch([{"op": "replace", "path": "/data/y", "value": "4"}]),
        ApplyPatch(config_map(namespace, z="5")),
    ):
        applying = isinstance(patch, ApplyPatch)
        data.append((await client.patch(CONFIG_MAP, key, patch, field_manager="test", force=applying))["data"])
    data.append((await client.replace(CONFIG_MAP, config_map(namespace, r="6")))["data"])
    data.append((await client.get(CONFIG_MAP, key))["data"])
    assert data == [
        {"x": "1"},
        {"y": "2"},
        {"y": "2", "z": "3"},
        {"y": "4", "z": "3"},
        {"y": "4", "z": "5"},
        {"r": "6"},
        {"r": "6"},
    ]
    await client.delete(CONFIG_MAP, key)
    with pytest.raises(NotFound):
        await client.get(CONFIG_MAP, key)


async def test_a_dry_run_changes_nothing(client: Client, namespace: str) -> None:
    key = ObjectKey(namespace, "a")
    assert (await client.create(CONFIG_MAP, config_map(namespace), dry_run=True))["metadata"]["uid"]
    with pytest.raises(NotFound):
        await client.get(CONFIG_MAP, key)
    await client.create(CONFIG_MAP, config_map(namespace, x="1"))
    await client.patch(CONFIG_MAP, key, MergePatch({"data": {"x": "2"}}), dry_run=True)
    await client.replace(CONFIG_MAP, config_map(namespace), dry_run=True)
    await client.delete(CONFIG_MAP, key, dry_run=True)
    assert (await client.get(CONFIG_MAP, key))["data"] == {"x": "1"}


async def test_refusals_have_their_types(client: Client, namespace: str) -> None:
    key = ObjectKey(namespace, "a")
    live = await client.create(CONFIG_MAP, config_map(namespace))
    with pytest.raises(AlreadyExists):
        await client.create(CONFIG_MAP, config_map(namespace))
    with pytest.raises(Conflict):
        await client.delete(CONFIG_MAP, key, uid="another")
    await client.patch(CONFIG_MAP, key, MergePatch({"data": {"x": "1"}}))
    with pytest.raises(Conflict):
        await client.replace(CONFIG_MAP, live)
    with pytest.raises(Invalid):
        await client.patch(CONFIG_MAP, key, JsonPatch([{"op": "test", "path": "/metadata/uid", "value": "x"}]))
    with pytest.raises(BadRequest):
        await client.create(CONFIG_MAP, config_map(namespace) | {"data": "x"})


async def test_an_invalid_object_names_the_fields(client: Client, namespace: str) -> None:
    broken = workload("Deployment", namespace)
    broken["spec"]["replicas"] = -1
    with pytest.raises(Invalid) as caught:
        await client.create(DEPLOYMENT, broken)
    assert [(cause.field, cause.reason) for cause in caught.value.causes] == [("spec.replicas", "FieldValueInvalid")]
    assert str(caught.value).startswith(f"create Deployment {namespace}/w: Invalid (422): ")


async def test_an_apply_with_repeated_keys_is_invalid(client: Client, namespace: str) -> None:
    repeated = workload("Deployment", namespace)
    repeated["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "X", "value": "1"}] * 2
    with pytest.raises(Invalid, match="duplicate entries for key") as caught:
        await client.patch(DEPLOYMENT, ObjectKey(namespace, "w"), ApplyPatch(repeated), field_manager="test")
    assert caught.value.status == 500


async def test_a_refused_secret_is_not_quoted(client: Client, namespace: str) -> None:
    secret: dict[str, Any] = config_map(namespace) | {"kind": "Secret", "data": {"password": {"hunter2": "hunter2"}}}
    key = ObjectKey(namespace, "a")
    for call in (
        client.create(SECRET, secret),
        client.patch(SECRET, key, ApplyPatch(secret), field_manager="test"),
    ):
        with pytest.raises((Invalid, BadRequest)) as caught:
            await call
        assert "hunter2" not in f"{caught.value} {caught.value!r} {caught.value.causes}"


@pytest.mark.real
async def test_a_wrong_token_is_unauthorized_and_no_token_forbidden(real_cluster: ControlPlane) -> None:
    async with Client(ClientConfig.with_token(real_cluster.url, "wrong", insecure=True)) as client:
        with pytest.raises(Unauthorized):
            await client.get(POD, ObjectKey("default", "a"))
    async with Client(ClientConfig(server=real_cluster.url, insecure=True)) as client:
        with pytest.raises(Forbidden):
            await client.get(POD, ObjectKey("default", "a"))


@pytest.mark.real
async def test_a_certificate_that_nobody_vouches_for_is_refused(real_cluster: ControlPlane) -> None:
    async with Client(ClientConfig.with_token(real_cluster.url, real_cluster.token), retries=0) as client:
        with pytest.raises(Unavailable, match="CERTIFICATE_VERIFY_FAILED"):
            await client.server_version()


async def test_lists_in_pages_agree_with_lists_in_one(client: Client, namespace: str) -> None:
    names = [f"a{number}" for number in range(7)]
    for name in names:
        await client.create(CONFIG_MAP, config_map(namespace, name))
    field = "metadata.name!=kube-root-ca.crt"
    whole = await client.list(CONFIG_MAP, namespace, field_selector=field)
    paged = await client.list(CONFIG_MAP, namespace, field_selector=field, limit=3)
    assert paged.items == whole.items
    assert [item["metadata"]["name"] for item in paged.items] == names
    assert {(item["apiVersion"], item["kind"]) for item in paged.items} == {("v1", "ConfigMap")}
    pages = [page async for page in client.list_pages(CONFIG_MAP, namespace, field_selector=field, limit=3)]
    assert [[item.meta.name for item in page.items] for page in pages] == [names[:3], names[3:6], names[6:]]
    partial = await client.list(CONFIG_MAP, namespace, field_selector=field, metadata_only=True)
    assert [set(item) for item in partial.items] == [{"apiVersion", "kind", "metadata"}] * 7


async def test_a_watch_tells_what_happened_since_a_list(client: Client, namespace: str) -> None:
    since = (await client.list(CONFIG_MAP, namespace)).resource_version
    key = ObjectKey(namespace, "a")
    await client.create(CONFIG_MAP, config_map(namespace, x="1"))
    await client.patch(CONFIG_MAP, key, MergePatch({"data": {"x": "2"}}))
    await client.delete(CONFIG_MAP, key)
    seen = []
    async with aclosing(
        client.watch(CONFIG_MAP, namespace, resource_version=since, field_selector="metadata.name=a", timeout_seconds=5)
    ) as watch:
        async for event in watch:
            seen.append((event.type, event.object.manifest()["data"]))
            if event.type == "DELETED":
                break
    assert seen == [("ADDED", {"x": "1"}), ("MODIFIED", {"x": "2"}), ("DELETED", {"x": "2"})]


@pytest.mark.parametrize("metadata_only", [False, True])
async def test_a_streaming_list_ends_with_a_marked_bookmark(
    client: Client, namespace: str, metadata_only: bool
) -> None:
    await client.create(CONFIG_MAP, config_map(namespace, x="1"))
    seen = []
    async with aclosing(
        client.watch(
            CONFIG_MAP,
            namespace,
            send_initial_events=True,
            metadata_only=metadata_only,
            field_selector="metadata.name=a",
            timeout_seconds=10,
        )
    ) as watch:
        async for event in watch:
            seen.append((event.type, event.object.meta.name, sorted(event.object.fields)))
            if event.type == "BOOKMARK":
                assert event.object.metadata["annotations"] == {"k8s.io/initial-events-end": "true"}
                break
    fields = ["apiVersion", "kind"] if metadata_only else ["apiVersion", "data", "kind"]
    assert seen == [("ADDED", "a", fields), ("BOOKMARK", "", ["apiVersion", "kind"])]


async def test_a_version_that_the_server_has_not_reached_is_a_timeout(cluster: Cluster) -> None:
    async with Client(cluster.config, retries=0) as client:
        pages = client.list_pages(CONFIG_MAP, resource_version=str(10**12), resource_version_match="NotOlderThan")
        with pytest.raises(Timeout) as caught:
            await anext(pages)
    assert caught.value.has_cause("ResourceVersionTooLarge")


async def test_a_watch_ends_when_its_time_is_over(client: Client, namespace: str) -> None:
    since = (await client.list(CONFIG_MAP, namespace)).resource_version
    async with aclosing(
        client.watch(
            CONFIG_MAP, namespace, resource_version=since, field_selector="metadata.name=absent", timeout_seconds=1
        )
    ) as watch:
        assert [event.type async for event in watch if event.type != "BOOKMARK"] == []


async def test_an_object_of_a_megabyte_passes(client: Client, namespace: str) -> None:
    since = (await client.list(CONFIG_MAP, namespace)).resource_version
    await client.create(CONFIG_MAP, config_map(namespace, x="y" * 1_000_000))
    async with aclosing(
        client.watch(CONFIG_MAP, namespace, resource_version=since, field_selector="metadata.name=a")
    ) as watch:
        assert len((await anext(watch)).object.manifest()["data"]["x"]) == 1_000_000


async def test_status_and_scale_are_subresources(client: Client, namespace: str) -> None:
    key = ObjectKey(namespace, "w")
    created = await client.create(STATEFUL_SET, workload("StatefulSet", namespace))
    assert (await client.get_scale(STATEFUL_SET, key))["spec"] == {}
    assert (await client.patch_scale(STATEFUL_SET, key, 0, field_manager="test"))["kind"] == "Scale"
    changed = await client.patch(
        STATEFUL_SET, key, MergePatch({"status": {"replicas": 2}}), subresource="status", field_manager="test"
    )
    assert (changed["status"]["replicas"], changed["metadata"]["generation"]) == (
        2,
        created["metadata"]["generation"],
    )


async def test_an_eviction_asks_the_disruption_budget(client: Client, namespace: str) -> None:
    created = await client.create(POD, pod(namespace))
    key = ObjectKey(namespace, "p")
    await client.patch(
        POD,
        key,
        MergePatch({"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}),
        subresource="status",
    )
    budget = {
        "metadata": {"name": "b", "namespace": namespace},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "x"}}},
    }
    await client.create(POD_DISRUPTION_BUDGET, budget)
    async with asyncio.timeout(20):
        while (await client.get(POD_DISRUPTION_BUDGET, ObjectKey(namespace, "b"))).get("status", {}).get(
            "observedGeneration"
        ) != 1:
            await asyncio.sleep(0.1)
    with pytest.raises(TooManyRequests) as caught:
        await client.evict(key, uid=created["metadata"]["uid"])
    assert caught.value.has_cause("DisruptionBudget")
    await client.delete(POD_DISRUPTION_BUDGET, ObjectKey(namespace, "b"))
    with pytest.raises(Conflict):
        await client.evict(key, uid="another", grace_seconds=0)
    await client.evict(key, uid=created["metadata"]["uid"], grace_seconds=0)
    with pytest.raises(NotFound):
        await client.get(POD, key)


async def test_a_collection_is_deleted_by_selector(client: Client, namespace: str) -> None:
    for name, label in (("a", "x"), ("b", "x"), ("c", "y")):
        manifest = config_map(namespace, name)
        manifest["metadata"]["labels"] = {"l": label}
        await client.create(CONFIG_MAP, manifest)
    await client.delete_collection(CONFIG_MAP, namespace, label_selector="l=x")
    left = await client.list(CONFIG_MAP, namespace, label_selector="l")
    assert [item["metadata"]["name"] for item in left.items] == ["c"]


async def test_deletion_says_whether_dependents_are_orphaned(client: Client, namespace: str) -> None:
    await client.create(DEPLOYMENT, workload("Deployment", namespace))
    answer = await client.delete(DEPLOYMENT, ObjectKey(namespace, "w"), propagation="Foreground")
    assert answer["metadata"]["finalizers"] == ["foregroundDeletion"]


async def test_discovery_knows_the_constants_that_the_server_has(client: Client) -> None:
    found = await client.discover()
    others = "operator.victoriametrics.com", "autoscaling.k8s.io", "gateway.networking.k8s.io"
    built_in = [resource for resource in ALL if resource.group not in others]
    assert [found.resource(resource.api_version, resource.kind) for resource in built_in] == built_in
    assert len(built_in) == 29
    assert not found.has_group_version("security.openshift.io/v1")
    assert found.failed == frozenset()


async def test_the_server_says_its_version(client: Client) -> None:
    version = await client.server_version()
    assert (version.major, version.minor >= 30) == (1, True)


async def test_the_proxy_says_that_a_pod_has_no_address(client: Client, namespace: str) -> None:
    await client.create(POD, pod(namespace))
    async with PodHttp(client, "proxy") as pods:
        with pytest.raises((BadRequest, Unavailable)):
            await pods.get(ObjectKey(namespace, "p"), 8429, "/metrics")
        with pytest.raises(NotFound):
            await pods.get(ObjectKey(namespace, "absent"), 8429, "/metrics")
