"""VMAgent and VMAuth on a cluster with nodes: from their objects to their end."""

from __future__ import annotations

import gzip
from base64 import b64decode
from collections.abc import AsyncIterator

import pytest

from tests.integration.reconcilers.stage import Stage, staged
from vmop.devcluster.cluster import DevCluster
from vmop.devcluster.nodes.behaviour import Behaviour
from vmop.kube import Manifest, Resource
from vmop.kube.resources import (
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    CONFIG_MAP,
    DEPLOYMENT,
    POD_DISRUPTION_BUDGET,
    ROLE,
    ROLE_BINDING,
    SECRET,
    SERVICE,
    SERVICE_ACCOUNT,
    STATEFUL_SET,
    VM_AGENT,
    VM_AUTH,
    VM_SERVICE_SCRAPE,
)

TARGET = {"url": "http://x/w"}
TOKEN = {"bearerTokenSecret": {"name": "tok", "key": "t"}}
OPEN: Manifest = {"unauthorizedUserAccessSpec": {"url_prefix": "http://a"}}


@pytest.fixture
async def stage(dev: DevCluster) -> AsyncIterator[Stage]:
    async with staged(dev.config, dev.nodes, run=frozenset({"vmagent", "vmauth"})) as stage:
        yield stage


async def agent(stage: Stage, name: str = "edge", **spec: object) -> None:
    full = {"ingestOnlyMode": True, "remoteWrite": [TARGET], **spec}
    await stage.apply(VM_AGENT, {"metadata": {"name": name}, "spec": full})


async def proxy(stage: Stage, name: str = "gw", **spec: object) -> None:
    await stage.apply(VM_AUTH, {"metadata": {"name": name}, "spec": spec})


async def until(stage: Stage, resource: Resource, name: str, status: str) -> Manifest:
    """Wait for a status of the present generation; the status without the spec in it."""
    seen: Manifest = {}

    async def is_there() -> bool:
        nonlocal seen
        found = await stage.client.get(resource, stage.key(name))
        seen = found.get("status") or {}
        return bool(
            seen.get("observedGeneration") == found["metadata"]["generation"] and seen["updateStatus"] == status
        )

    await stage.until(is_there)
    return {key: value for key, value in seen.items() if key != "lastAppliedSpec"}


async def config(stage: Stage, name: str = "gw") -> str:
    secret = await stage.client.get(SECRET, stage.key(f"vmauth-config-{name}"))
    return gzip.decompress(b64decode(secret["data"]["config.yaml.gz"])).decode()


async def all_names(stage: Stage, resource: Resource) -> set[str]:
    """Names of cluster-scoped objects."""
    return {item["metadata"]["name"] for item in (await stage.client.list(resource)).items}


# -- VMAgent -----------------------------------------------------------------------------------------------------------


async def test_an_agent_with_credentials_from_its_objects_to_its_end(stage: Stage) -> None:
    await stage.apply(SECRET, {"metadata": {"name": "tok"}, "data": {"t": "dG9rZW4K"}})
    await agent(stage, replicaCount=2, remoteWrite=[TARGET | TOKEN])
    selector = "app.kubernetes.io/component=monitoring,app.kubernetes.io/instance=edge"
    assert await until(stage, VM_AGENT, "edge", "operational") == {
        "updateStatus": "operational",
        "observedGeneration": 1,
        "shards": 1,
        "replicas": 2,
        "selector": f"{selector},app.kubernetes.io/name=vmagent,managed-by=vm-operator",
    }
    for resource in (SERVICE_ACCOUNT, SERVICE, VM_SERVICE_SCRAPE, DEPLOYMENT):
        assert "vmagent-edge" in await stage.names(resource)
    rights = "monitoring:shop:vmagent-edge"
    for resource in (ROLE, ROLE_BINDING):
        assert await stage.names(resource) == {rights}
    for resource in (CLUSTER_ROLE, CLUSTER_ROLE_BINDING):
        assert rights in await all_names(stage, resource)
    secret = await stage.client.get(SECRET, stage.key("vmagent-edge"))
    assert b64decode(secret["data"]["shop_tok_t"]) == b"token"
    await stage.client.delete(VM_AGENT, stage.key("edge"))

    async def gone() -> bool:
        left = [rights in await all_names(stage, resource) for resource in (CLUSTER_ROLE, CLUSTER_ROLE_BINDING)]
        return not any(left) and not await stage.names(DEPLOYMENT) and await stage.get(VM_AGENT, "edge") is None

    await stage.until(gone)


async def test_a_steady_agent_writes_nothing(stage: Stage) -> None:
    await agent(stage)
    await until(stage, VM_AGENT, "edge", "operational")
    await stage.settle()
    before = [await stage.get(resource, "vmagent-edge") for resource in (DEPLOYMENT, SERVICE, SERVICE_ACCOUNT)]
    stage.controllers["vmagent"].enqueue(stage.key("edge"))
    await stage.settle()
    assert before == [await stage.get(resource, "vmagent-edge") for resource in (DEPLOYMENT, SERVICE, SERVICE_ACCOUNT)]


async def test_shards_come_and_go(stage: Stage) -> None:
    await agent(stage, shardCount=2, podDisruptionBudget={"maxUnavailable": 1})
    assert (await until(stage, VM_AGENT, "edge", "operational"))["shards"] == 2
    assert (
        await stage.names(DEPLOYMENT)
        == await stage.names(POD_DISRUPTION_BUDGET)
        == {"vmagent-edge-0", "vmagent-edge-1"}
    )
    await agent(stage, shardCount=0, statefulMode=True)
    assert (await until(stage, VM_AGENT, "edge", "operational"))["shards"] == 1
    await stage.settle()
    assert await stage.names(STATEFUL_SET) == {"vmagent-edge"}
    assert await stage.names(DEPLOYMENT) | await stage.names(POD_DISRUPTION_BUDGET) == set()


async def test_what_is_missing_is_waited_for(stage: Stage) -> None:
    await agent(stage, remoteWrite=[TARGET | TOKEN])
    status = await until(stage, VM_AGENT, "edge", "failed")
    reason = 'unable to fetch secret="tok", ns="shop": secrets "tok" not found'
    prefix = "cannot load remote write assets for ingest-only mode: cannot load BearerTokenSecret"
    assert status["reason"] == f"{prefix}: {reason}"
    assert await stage.names(SERVICE) == {"vmagent-edge"}
    assert await stage.names(DEPLOYMENT) == set()
    await stage.apply(SECRET, {"metadata": {"name": "tok"}, "data": {"t": ""}})
    assert "reason" not in await until(stage, VM_AGENT, "edge", "operational")


async def test_agents_that_scrape_are_refused(stage: Stage) -> None:
    await agent(stage, ingestOnlyMode=False)
    status = await until(stage, VM_AGENT, "edge", "failed")
    message = "scraping is not supported yet: set spec.ingestOnlyMode to true for an agent that only takes in samples"
    assert status["reason"] == message
    assert await stage.names(SERVICE) == set()


async def test_an_account_of_the_user_takes_the_place_of_ours(stage: Stage) -> None:
    await stage.apply(SECRET, {"metadata": {"name": "tok"}, "data": {"t": ""}})
    await agent(stage, remoteWrite=[TARGET | TOKEN], inlineRelabelConfig=[{"action": "keep"}])
    await until(stage, VM_AGENT, "edge", "operational")
    await agent(stage, serviceAccountName="default", serviceSpec={"metadata": {"name": "own"}, "spec": {}})
    await until(stage, VM_AGENT, "edge", "operational")
    await stage.settle()
    assert "vmagent-edge" not in await stage.names(SERVICE_ACCOUNT)
    assert await stage.names(ROLE) | await stage.names(ROLE_BINDING) == set()
    assert not {name for name in await all_names(stage, CLUSTER_ROLE) if "edge" in name}
    assert await stage.names(SERVICE) == {"vmagent-edge", "own"}
    assert "relabelings-assets-vmagent-edge" in await stage.names(CONFIG_MAP)


# -- VMAuth ------------------------------------------------------------------------------------------------------------


async def test_a_proxy_routes_to_what_its_targets_name(stage: Stage) -> None:
    ref = {"name": "w", "crd": {"kind": "VMAgent", "name": "edge", "namespace": "shop"}, "paths": ["/w"]}
    spec: Manifest = {"defaultTargetRefs": [ref], "unauthorizedUserAccessSpec": {"targetRefs": [{"name": "w"}]}}
    await proxy(stage, **spec)
    status = await until(stage, VM_AUTH, "gw", "failed")
    where = 'cannot find object by the given ref,namespace="shop",name="edge"'
    assert status["reason"] == (
        "cannot create or update vmauth deploy: failed to fetch spec.defaultTargetRefs[0]: cannot find CRD link for "
        f'kind="VMAgent": {where}: vmagents.operator.victoriametrics.com "edge" not found'
    )
    assert await stage.names(SERVICE) == {"vmauth-gw"}
    assert await stage.names(DEPLOYMENT) == set()
    await agent(stage, port="8430")
    assert "reason" not in await until(stage, VM_AUTH, "gw", "operational")
    routes = "url_map:\n  - url_prefix:\n    - http://vmagent-edge.shop.svc:8430\n    src_paths:\n    - /w\n"
    assert await config(stage) == f"# tls-assets-hash: ef46db3751d8e999\nunauthorized_user:\n  {routes}"
    assert await stage.names(ROLE) == await stage.names(ROLE_BINDING) == {"vmauth-gw"}


async def test_a_config_is_waited_for(stage: Stage) -> None:
    await proxy(stage, waitForConfigReload=True, replicaCount=2, **OPEN)
    await until(stage, VM_AUTH, "gw", "operational")
    stage.knobs.reload_after = 3600.0
    await proxy(stage, waitForConfigReload=True, replicaCount=2, unauthorizedUserAccessSpec={"url_prefix": "http://b"})
    await until(stage, VM_AUTH, "gw", "expanding")
    await stage.settle()
    assert "http://b" in await config(stage)
    assert (await until(stage, VM_AUTH, "gw", "expanding"))["observedGeneration"] == 2
    stage.clock.put_forward(61)
    stage.controllers["vmauth"].enqueue(stage.key("gw"))

    async def told() -> bool:
        message = "timed out waiting for shop/gw to reload config: context deadline exceeded"
        text = f"cannot create or update vmauth deploy: {message}"
        return ("Warning", "ReconciliationError", text) in await stage.events("gw")

    await stage.until(told)
    await until(stage, VM_AUTH, "gw", "expanding")
    stage.knobs.reload_after = 0.0
    await until(stage, VM_AUTH, "gw", "operational")


async def test_pods_that_cannot_load_anything_are_replaced_first(stage: Stage) -> None:
    stage.knobs.default = Behaviour("never")
    await proxy(stage, waitForConfigReload=True, image={"tag": "broken"}, **OPEN)

    async def there() -> bool:
        return bool(await stage.pods("vmauth"))

    await stage.until(there)
    stage.knobs.default = Behaviour()
    await proxy(stage, waitForConfigReload=True, image={"tag": "mended"}, **OPEN)
    await until(stage, VM_AUTH, "gw", "operational")


async def test_features_that_are_gone_take_their_objects_along(stage: Stage) -> None:
    await proxy(stage, podDisruptionBudget={"minAvailable": 1}, serviceSpec={"spec": {}}, **OPEN)
    await until(stage, VM_AUTH, "gw", "operational")
    assert await stage.names(SERVICE) == {"vmauth-gw", "vmauth-gw-additional-service"}
    await proxy(stage, serviceAccountName="default", externalConfig={"localPath": "/own"})
    await until(stage, VM_AUTH, "gw", "operational")
    await stage.settle()
    assert await stage.names(SERVICE) == {"vmauth-gw"}
    assert await stage.names(POD_DISRUPTION_BUDGET) == set()
    assert "vmauth-gw" not in await stage.names(SERVICE_ACCOUNT)
    assert "vmauth-config-gw" in await stage.names(SECRET)


async def test_users_are_refused_rather_than_forgotten(stage: Stage) -> None:
    await proxy(stage, selectAllByDefault=True)
    status = await until(stage, VM_AUTH, "gw", "failed")
    assert status["reason"].startswith("cannot create or update vmauth deploy: VMUsers are not supported yet")
    assert await stage.names(SECRET) == set()
