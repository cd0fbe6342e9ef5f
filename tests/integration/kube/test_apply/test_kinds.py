"""What is special about single kinds: what is kept, what is compared, and what happens without a right."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from tests.support.clusters import Cluster
from vmop.kube import Client, ClientConfig, Manifest, MergePatch, Resource, key_of
from vmop.kube.applier import DESIRED_ANNOTATION, Applier
from vmop.kube.requests import Request
from vmop.kube.resources import (
    CONFIG_MAP,
    DEPLOYMENT,
    HORIZONTAL_POD_AUTOSCALER,
    PERSISTENT_VOLUME_CLAIM,
    ROLE,
    ROLE_BINDING,
    SECRET,
    SERVICE_ACCOUNT,
)


async def test_a_claim_gets_nothing_but_its_requests(stage: Any) -> None:
    def claim(size: str, storage_class: str) -> Manifest:
        spec = {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": size}},
            "storageClassName": storage_class,
        }
        manifest: Manifest = stage.manifest(PERSISTENT_VOLUME_CLAIM, "data", spec=spec)
        return manifest

    made = await stage.client.create(PERSISTENT_VOLUME_CLAIM, claim("1Gi", "slow"), field_manager="app")
    applied = await stage.apply(PERSISTENT_VOLUME_CLAIM, claim("1024Mi", "fast"))
    again = await stage.apply(PERSISTENT_VOLUME_CLAIM, claim("1024Mi", "fast"))
    live = await stage.live(PERSISTENT_VOLUME_CLAIM, "data")
    assert (applied.action, again.action, live["spec"]) == ("updated", "unchanged", made["spec"])


async def test_the_rest_of_secrets_config_maps_and_accounts_stays_as_it_is(stage: Any) -> None:
    kept: list[tuple[Resource, Manifest, Manifest]] = [
        (SECRET, {"type": "example.com/theirs", "data": {"a": "MQ=="}}, {"type": "Opaque", "data": {"a": "MQ=="}}),
        (CONFIG_MAP, {"immutable": True, "data": {"a": "1"}}, {"data": {"a": "1"}}),
        (
            SERVICE_ACCOUNT,
            {"automountServiceAccountToken": True, "imagePullSecrets": [{"name": "pull"}]},
            {"automountServiceAccountToken": False},
        ),
    ]
    for resource, theirs, ours in kept:
        made = await stage.client.create(resource, stage.manifest(resource, "x", **theirs), field_manager="app")
        await stage.apply(resource, stage.manifest(resource, "x", metadata={"labels": {"l": "1"}}, **ours))
        live = await stage.live(resource, "x")
        assert {k: v for k, v in live.items() if k != "metadata"} == {k: v for k, v in made.items() if k != "metadata"}
        assert live["metadata"]["labels"] == {"l": "1"}


async def test_rules_and_subjects_of_strangers_go(stage: Any) -> None:
    rule = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}
    subject = {"kind": "ServiceAccount", "name": "a", "namespace": stage.namespace}
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"}
    objects = [
        (ROLE, stage.manifest(ROLE, "r", rules=[rule]), {"rules": [rule, {**rule, "verbs": ["delete"]}]}),
        (
            ROLE_BINDING,
            stage.manifest(ROLE_BINDING, "r", roleRef=reference, subjects=[subject]),
            {"subjects": [subject, {**subject, "name": "b"}]},
        ),
    ]
    for resource, desired, drift in objects:
        await stage.apply(resource, desired)
        await stage.client.patch(resource, key_of(desired), MergePatch(drift), field_manager="third")
        applied = await stage.apply(resource, desired)
        live = await stage.live(resource, "r")
        field = next(iter(drift))
        assert (applied.action, live[field]) == ("updated", desired[field])


async def test_fields_that_are_owned_in_another_version_go_too(stage: Any, beyond_dev: None) -> None:
    old = Resource("autoscaling", "v1", "HorizontalPodAutoscaler", "horizontalpodautoscalers")
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    theirs = {"scaleTargetRef": target, "minReplicas": 2, "maxReplicas": 5, "targetCPUUtilizationPercentage": 60}
    await stage.client.create(old, stage.manifest(old, "web", spec=theirs), field_manager="app")
    cpu = {"name": "memory", "target": {"type": "Utilization", "averageUtilization": 70}}
    ours = {"scaleTargetRef": target, "maxReplicas": 5, "metrics": [{"type": "Resource", "resource": cpu}]}
    desired = stage.manifest(HORIZONTAL_POD_AUTOSCALER, "web", spec=ours)
    applied = await stage.apply(HORIZONTAL_POD_AUTOSCALER, desired)
    live = await stage.live(HORIZONTAL_POD_AUTOSCALER, "web")
    assert applied.reason == "first contact, by PUT: fields owned in another version"
    assert live["spec"] == {**ours, "minReplicas": 1}
    assert (await stage.apply(HORIZONTAL_POD_AUTOSCALER, desired)).action == "unchanged"


@pytest.fixture
async def limited(stage: Any, cluster: Cluster, beyond_dev: None) -> AsyncIterator[Client]:
    """A client with the rights that the Go operator's role has on Deployments: not on their status."""
    rule = {"apiGroups": ["apps"], "resources": ["deployments", "deployments/finalizers"], "verbs": ["*"]}
    account = {"kind": "ServiceAccount", "name": "limited", "namespace": stage.namespace}
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "limited"}
    await stage.client.create(SERVICE_ACCOUNT, stage.manifest(SERVICE_ACCOUNT, "limited"))
    await stage.client.create(ROLE, stage.manifest(ROLE, "limited", rules=[rule]))
    binding = stage.manifest(ROLE_BINDING, "limited", roleRef=reference, subjects=[account])
    await stage.client.create(ROLE_BINDING, binding)
    path = SERVICE_ACCOUNT.path(stage.namespace, "limited", "token")
    body = msgspec.json.encode({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}})
    request = Request(
        verb="create", method="POST", path=path, target="TokenRequest", content_type="application/json", body=body
    )
    answer = await stage.client.send(request)
    token = msgspec.json.decode(answer.body)["status"]["token"]
    async with Client(ClientConfig.with_token(cluster.url, token, insecure=True), qps=0) as client:
        yield client


async def test_without_the_right_to_its_status_a_deployment_is_applied_all_the_same(
    stage: Any, limited: Client
) -> None:
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "web", "image": "web:1"}]}}
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
    desired = stage.manifest(DEPLOYMENT, "web", spec=spec)
    await stage.client.create(DEPLOYMENT, desired, field_manager="app")
    for _ in range(2):
        applier = Applier(limited, stage.cache, now=lambda: datetime.now(UTC))
        await stage.cache.watch(DEPLOYMENT, key_of(desired))
        first = await applier.apply(DEPLOYMENT, desired)
        second = await applier.apply(DEPLOYMENT, desired)
        assert (first.generation, second.action) == (1, "unchanged")
    changed = {**desired, "spec": {**spec, "minReadySeconds": 1}}
    applied = await applier.apply(DEPLOYMENT, changed)
    assert DESIRED_ANNOTATION in applied.object["metadata"]["annotations"]
