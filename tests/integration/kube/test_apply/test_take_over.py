"""First contact with objects that another operator made: what was dropped goes, what is of third parties stays."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from vmop.kube import ApplyPatch, Conflict, JsonPatch, Manifest, MergePatch, Resource, key_of
from vmop.kube.resources import CONFIG_MAP, DEPLOYMENT, SECRET, SERVICE

Ready = Callable[[Manifest], tuple[Resource, Manifest]]
Golden = Callable[[str, str], list[Manifest]]
KINDS = [
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "Service",
    "ServiceAccount",
    "ConfigMap",
    "Secret",
    "Role",
    "RoleBinding",
]
KINDS += ["PodDisruptionBudget", "HorizontalPodAutoscaler", "NetworkPolicy", "Ingress", "VMServiceScrape"]


async def make_as_go_operator(stage: Any, resource: Resource, manifest: Manifest) -> Manifest:
    """Create, then PUT, both under field manager ``app``, as the Go operator does."""
    await stage.client.create(resource, manifest, field_manager="app")
    while True:
        made = await stage.client.get(resource, key_of(manifest))
        made.update({k: v for k, v in manifest.items() if k != "metadata"})
        try:
            replaced: Manifest = await stage.client.replace(resource, made, field_manager="app")
        except Conflict:
            continue
        return replaced


@pytest.mark.parametrize(
    ("case", "step"),
    [
        ("vmcluster-kitchen-sink", "00-create"),
        ("vmcluster-load-balancer", "00-create"),
        ("vmagent-daemonset", "00-create"),
        ("vmauth-kitchen-sink", "00-create"),
    ],
)
async def test_taking_over_raises_no_generation_and_the_second_pass_sends_nothing(
    stage: Any, crds: None, golden: Golden, into_namespace: Ready, case: str, step: str
) -> None:
    objects = [into_namespace(manifest) for manifest in golden(case, step) if manifest["kind"] in KINDS]
    before = {}
    for resource, manifest in objects:
        made = await make_as_go_operator(stage, resource, manifest)
        before[resource.kind, key_of(manifest).name] = made["metadata"].get("generation")
    after = {}
    for resource, manifest in objects:
        applied = await stage.apply(resource, manifest)
        after[resource.kind, key_of(manifest).name] = applied.object["metadata"].get("generation")
    assert after == before
    for resource, manifest in objects:
        await stage.cache.watch(resource, key_of(manifest))
    sent = stage.requests()
    second = [(await stage.applier.apply(resource, manifest)).action for resource, manifest in objects]
    assert (second, stage.requests()) == (["unchanged"] * len(objects), sent)
    restarted = stage.restart()
    third = [(await restarted.apply(resource, manifest)).action for resource, manifest in objects]
    assert (third, stage.requests()) == (["unchanged"] * len(objects), sent)


def deployment(stage: Any, **spec: Any) -> Manifest:
    labels = {"app": "web"}
    container = {
        "name": "web",
        "image": "web:1",
        "env": [{"name": "A", "value": "1"}],
        "resources": {"limits": {"cpu": "1", "memory": "1Gi"}},
    }
    manifest: Manifest = stage.manifest(
        DEPLOYMENT,
        "web",
        metadata={"labels": labels},
        spec={
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels, "annotations": {"ours": "1"}},
                "spec": {"containers": [container], "tolerations": [{"operator": "Exists"}]},
            },
            **spec,
        },
    )
    return manifest


async def test_what_desired_lacks_disappears_from_an_object_of_another_operator(stage: Any) -> None:
    old = deployment(stage, minReadySeconds=7)
    old["spec"]["template"]["spec"]["nodeSelector"] = {"disk": "ssd"}
    old["spec"]["template"]["spec"]["containers"][0]["env"].append({"name": "B", "value": "2"})
    old["spec"]["template"]["spec"]["volumes"] = [{"name": "scratch", "emptyDir": {}}]
    await make_as_go_operator(stage, DEPLOYMENT, old)
    await stage.apply(DEPLOYMENT, deployment(stage))
    clean = await stage.client.create(
        DEPLOYMENT, {**deployment(stage), "metadata": {"name": "clean", "namespace": stage.namespace}}
    )
    assert (await stage.live(DEPLOYMENT, "web"))["spec"] == clean["spec"]


async def test_own_labels_of_another_operator_go_when_desired_drops_them_later(stage: Any) -> None:
    manifest = stage.manifest(CONFIG_MAP, "cm", metadata={"labels": {"a": "1", "b": "2"}}, data={"k": "v"})
    await make_as_go_operator(stage, CONFIG_MAP, manifest)
    await stage.apply(CONFIG_MAP, manifest)
    dropped = stage.manifest(CONFIG_MAP, "cm", metadata={"labels": {"a": "1"}}, data={"k": "v"})
    await stage.apply(CONFIG_MAP, dropped)
    assert (await stage.live(CONFIG_MAP, "cm"))["metadata"]["labels"] == {"a": "1"}


async def test_metadata_of_third_parties_survives(stage: Any) -> None:
    owner = await stage.owner()
    owner |= {"controller": False}
    await make_as_go_operator(stage, DEPLOYMENT, deployment(stage))
    extra = {
        "metadata": {
            "labels": {"theirs": "label"},
            "annotations": {"theirs": "annotation"},
            "finalizers": ["example.com/theirs"],
            "ownerReferences": [owner],
        },
        "spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "now"}}}},
    }
    key = key_of(deployment(stage))
    await stage.client.patch(DEPLOYMENT, key, MergePatch(extra), field_manager="third")
    changed = deployment(stage)
    changed["spec"]["template"]["spec"]["containers"][0]["image"] = "web:2"
    await stage.apply(DEPLOYMENT, changed)
    live = await stage.live(DEPLOYMENT, "web")
    template = live["spec"]["template"]
    assert live["metadata"]["labels"] == {"app": "web", "theirs": "label"}
    assert live["metadata"]["annotations"]["theirs"] == "annotation"
    assert live["metadata"]["finalizers"] == ["example.com/theirs"]
    assert [ref["uid"] for ref in live["metadata"]["ownerReferences"]] == [owner["uid"]]
    assert template["metadata"]["annotations"] == {"ours": "1", "kubectl.kubernetes.io/restartedAt": "now"}
    assert template["spec"]["containers"][0]["image"] == "web:2"
    await stage.client.patch(
        DEPLOYMENT, key, JsonPatch([{"op": "remove", "path": "/metadata/finalizers"}]), field_manager="third"
    )


async def test_an_injected_container_and_variable_are_reverted(stage: Any) -> None:
    await stage.apply(DEPLOYMENT, deployment(stage))
    before = (await stage.live(DEPLOYMENT, "web"))["spec"]
    key = key_of(deployment(stage))
    pod = {
        "containers": [
            {"name": "web", "env": [{"name": "INJECTED", "value": "x"}]},
            {"name": "side", "image": "side:1"},
        ]
    }
    injected = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {}, "spec": {"template": {"spec": pod}}}
    await stage.client.patch(DEPLOYMENT, key, ApplyPatch(injected), field_manager="injector", force=True)
    assert len((await stage.live(DEPLOYMENT, "web"))["spec"]["template"]["spec"]["containers"]) == 2
    applied = await stage.apply(DEPLOYMENT, deployment(stage))
    assert (applied.action, (await stage.live(DEPLOYMENT, "web"))["spec"]) == ("updated", before)


async def test_a_service_keeps_what_the_server_allocated(stage: Any) -> None:
    ports = [{"name": "http", "port": 80, "targetPort": 8080}, {"name": "admin", "port": 81, "targetPort": 8081}]
    desired = stage.manifest(SERVICE, "web", spec={"type": "NodePort", "selector": {"a": "b"}, "ports": ports})
    made = await make_as_go_operator(stage, SERVICE, desired)
    moved = copy.deepcopy(desired)
    moved["spec"]["ports"] = [{"name": "http", "port": 8000, "targetPort": 8080}]
    await stage.apply(SERVICE, moved)
    live = (await stage.live(SERVICE, "web"))["spec"]
    assert live["ports"] == [
        {
            "name": "http",
            "port": 8000,
            "protocol": "TCP",
            "targetPort": 8080,
            "nodePort": made["spec"]["ports"][0]["nodePort"],
        }
    ]
    assert {k: live[k] for k in ("clusterIP", "clusterIPs", "ipFamilies")} == {
        k: made["spec"][k] for k in ("clusterIP", "clusterIPs", "ipFamilies")
    }


async def test_a_stranger_in_the_data_of_a_secret_goes(stage: Any) -> None:
    desired = stage.manifest(SECRET, "conf", data={"a": "MQ=="}, type="Opaque")
    await stage.apply(SECRET, desired)
    await stage.client.patch(SECRET, key_of(desired), MergePatch({"data": {"b": "Mg=="}}), field_manager="third")
    applied = await stage.apply(SECRET, desired)
    assert (applied.action, (await stage.live(SECRET, "conf"))["data"]) == ("updated", {"a": "MQ=="})
