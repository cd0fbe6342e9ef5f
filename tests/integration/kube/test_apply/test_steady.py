"""When nothing is written (``00-writing.md`` §3), and what a write is for."""

import base64
import gzip
from datetime import UTC, datetime
from typing import Any

import pytest

from vmop.kube import JsonPatch, Manifest, MergePatch, ObjectKey, Resource, key_of
from vmop.kube.applier import DESIRED_ANNOTATION, NOTHING, Applied, Applier
from vmop.kube.resources import CONFIG_MAP, DEPLOYMENT, SECRET, SERVICE, STATEFUL_SET


def config_map(stage: Any, data: dict[str, str], **metadata: Any) -> Manifest:
    manifest: Manifest = stage.manifest(CONFIG_MAP, "cm", metadata=metadata, data=data)
    return manifest


def stateful_set(stage: Any, image: str = "db:1", **spec: Any) -> Manifest:
    labels = {"app": "db"}
    container = {"name": "db", "image": image, "resources": {"requests": {"cpu": "1000m", "memory": "1024Mi"}}}
    manifest: Manifest = stage.manifest(
        STATEFUL_SET,
        "db",
        metadata={"labels": labels},
        spec={
            "replicas": 1,
            "serviceName": "db",
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
            **spec,
        },
    )
    return manifest


async def counted(stage: Any, resource: Resource, desired: Manifest, **how: Any) -> tuple[str, int]:
    """What an apply did, and how many requests it took."""
    await stage.cache.watch(resource, key_of(desired))
    before = stage.requests()
    applied: Applied = await stage.applier.apply(resource, desired, **how)
    return applied.action, stage.requests() - before


async def test_create_takes_one_request_and_the_same_again_none(stage: Any) -> None:
    desired = stateful_set(stage)
    assert [await counted(stage, STATEFUL_SET, desired) for _ in range(3)] == [
        ("created", 1),
        ("unchanged", 0),
        ("unchanged", 0),
    ]


async def test_a_restart_reads_and_writes_nothing(stage: Any) -> None:
    objects = [
        (STATEFUL_SET, stateful_set(stage)),
        (CONFIG_MAP, config_map(stage, {"a": "1"})),
        (SECRET, stage.manifest(SECRET, "s", data={"a": "MQ=="})),
        (SERVICE, stage.manifest(SERVICE, "svc", spec={"ports": [{"port": 80}], "clusterIP": "None"})),
    ]
    for resource, desired in objects:
        await stage.apply(resource, desired)
        await stage.cache.watch(resource, key_of(desired))
    before = stage.requests()
    restarted = stage.restart()
    results = [await restarted.apply(resource, desired) for resource, desired in objects]
    assert [(r.action, r.reason) for r in results] == [("unchanged", "holds what is desired")] * 4
    assert stage.requests() == before


async def test_a_new_desired_takes_a_read_and_a_write(stage: Any) -> None:
    await stage.apply(STATEFUL_SET, stateful_set(stage))
    assert await counted(stage, STATEFUL_SET, stateful_set(stage, image="db:2")) == ("updated", 2)


async def test_a_dropped_field_goes(stage: Any) -> None:
    await stage.apply(STATEFUL_SET, stateful_set(stage, minReadySeconds=5, revisionHistoryLimit=3))
    await stage.apply(STATEFUL_SET, stateful_set(stage))
    spec = (await stage.live(STATEFUL_SET, "db"))["spec"]
    assert (spec.get("minReadySeconds"), spec["revisionHistoryLimit"]) == (None, 10)


@pytest.mark.parametrize(
    "drift",
    [{"spec": {"minReadySeconds": 9}}, {"metadata": {"labels": {"app": "theirs"}}}, {"metadata": {"labels": None}}],
)
async def test_drift_is_put_right(stage: Any, drift: Manifest) -> None:
    desired = stateful_set(stage)
    await stage.apply(STATEFUL_SET, desired)
    want = await stage.live(STATEFUL_SET, "db")
    await stage.client.patch(STATEFUL_SET, key_of(desired), MergePatch(drift), field_manager="third")
    applied = await stage.apply(STATEFUL_SET, desired)
    got = await stage.live(STATEFUL_SET, "db")
    assert (applied.action, got["spec"], got["metadata"]["labels"]) == (
        "updated",
        want["spec"],
        want["metadata"]["labels"],
    )


async def test_drift_while_we_were_down_is_put_right(stage: Any) -> None:
    desired = stateful_set(stage)
    await stage.apply(STATEFUL_SET, desired)
    patch = MergePatch({"spec": {"template": {"spec": {"containers": [{"name": "db", "image": "evil"}]}}}})
    await stage.client.patch(STATEFUL_SET, key_of(desired), patch, field_manager="third")
    await stage.cache.watch(STATEFUL_SET, key_of(desired))
    assert (await stage.restart().apply(STATEFUL_SET, desired)).reason == "content drifted"
    live = await stage.live(STATEFUL_SET, "db")
    assert live["spec"]["template"]["spec"]["containers"][0]["image"] == "db:1"


async def test_a_foreign_annotation_costs_no_write(stage: Any) -> None:
    desired = config_map(stage, {"a": "1"}, annotations={"ours": "1"})
    await stage.apply(CONFIG_MAP, desired)
    patch = MergePatch({"metadata": {"annotations": {"theirs": "1"}}})
    await stage.client.patch(CONFIG_MAP, key_of(desired), patch, field_manager="third")
    assert [await counted(stage, CONFIG_MAP, desired) for _ in range(2)] == [("unchanged", 0)] * 2


async def test_the_values_of_a_secret_are_compared_but_not_hashed(stage: Any) -> None:
    first = stage.manifest(SECRET, "s", data={"password": base64.b64encode(b"one").decode()})
    second = stage.manifest(SECRET, "s", data={"password": base64.b64encode(b"two").decode()})
    made = await stage.apply(SECRET, first)
    changed = await stage.apply(SECRET, second)
    records = [r.object["metadata"]["annotations"][DESIRED_ANNOTATION].split()[0] for r in (made, changed)]
    assert (changed.action, records[0]) == ("updated", records[1])
    assert (await stage.live(SECRET, "s"))["data"] == second["data"]


async def test_a_secret_changed_while_we_were_down_is_seen(stage: Any) -> None:
    await stage.apply(SECRET, stage.manifest(SECRET, "s", data={"password": "b25l"}))
    await stage.cache.watch(SECRET, key_of(stage.manifest(SECRET, "s")))
    applied = await stage.restart().apply(SECRET, stage.manifest(SECRET, "s", data={"password": "dHdv"}))
    assert (applied.action, (await stage.live(SECRET, "s"))["data"]) == ("updated", {"password": "dHdv"})


async def test_text_of_a_secret_becomes_data(stage: Any) -> None:
    desired = stage.manifest(SECRET, "s", stringData={"a": "1"})
    await stage.apply(SECRET, desired)
    assert (await stage.live(SECRET, "s"))["data"] == {"a": "MQ=="}
    assert await counted(stage, SECRET, desired) == ("unchanged", 0)


def zipped(content: bytes, level: int) -> str:
    return base64.b64encode(gzip.compress(content, level, mtime=0)).decode()


async def test_live_bytes_are_kept_when_gzip_content_is_equal(stage: Any) -> None:
    content = b"scrape_configs: []\n" * 100
    live = stage.manifest(SECRET, "conf", data={"c.gz": zipped(content, 1), "x": "MQ=="})
    ours = stage.manifest(SECRET, "conf", data={"c.gz": zipped(content, 9), "x": "MQ=="})
    assert live["data"]["c.gz"] != ours["data"]["c.gz"]
    await stage.client.create(SECRET, live, field_manager="app")
    await stage.apply(SECRET, ours)
    assert (await stage.live(SECRET, "conf"))["data"] == live["data"]
    assert await counted(stage, SECRET, ours) == ("unchanged", 0)
    other = stage.manifest(SECRET, "conf", data={"c.gz": zipped(content, 9), "x": "Mg=="})
    await stage.apply(SECRET, other)
    assert (await stage.live(SECRET, "conf"))["data"] == {"c.gz": live["data"]["c.gz"], "x": "Mg=="}


IMAGES = """object.spec.template.spec.containers.map(c,
  JSONPatch{op: "replace", path: "/spec/template/spec/containers/0/image", value: "mirror.example.com/" + "db:1"})"""


async def rewrite_images(stage: Any) -> None:
    """A mutating admission policy, in the place of a webhook, that rewrites the image in this namespace."""
    api = Resource("admissionregistration.k8s.io", "v1", "MutatingAdmissionPolicy", "mutatingadmissionpolicies", False)
    binding = Resource(
        api.group, api.version, "MutatingAdmissionPolicyBinding", "mutatingadmissionpolicybindings", False
    )
    rules = {"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["*"], "resources": ["statefulsets"]}
    selector = {"matchLabels": {"kubernetes.io/metadata.name": stage.namespace}}
    spec = {
        "failurePolicy": "Fail",
        "reinvocationPolicy": "Never",
        "matchConstraints": {"resourceRules": [rules], "namespaceSelector": selector},
        "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": IMAGES}}],
    }
    for resource, content in ((api, spec), (binding, {"policyName": stage.namespace})):
        manifest = {"apiVersion": api.api_version, "kind": resource.kind, "spec": content}
        await stage.client.create(resource, {**manifest, "metadata": {"name": stage.namespace}})


def image(manifest: Manifest) -> str:
    return str(manifest["spec"]["template"]["spec"]["containers"][0]["image"])


async def test_a_webhook_has_the_last_word_after_one_apply(stage: Any, beyond_dev: None) -> None:
    await rewrite_images(stage)
    probe = stateful_set(stage)
    while True:  # the policy takes a moment to be in force
        made = await stage.client.create(STATEFUL_SET, {**probe, "metadata": {**probe["metadata"], "name": "probe"}})
        await stage.client.delete(STATEFUL_SET, key_of(made))
        if image(made) != "db:1":
            break
    desired = stateful_set(stage)
    assert await counted(stage, STATEFUL_SET, desired) == ("created", 1)
    assert image(await stage.live(STATEFUL_SET, "db")) == "mirror.example.com/db:1"
    assert [await counted(stage, STATEFUL_SET, desired) for _ in range(2)] == [("unchanged", 0)] * 2
    changed = stateful_set(stage, minReadySeconds=3)
    assert (await counted(stage, STATEFUL_SET, changed))[0] == "updated"
    assert [await counted(stage, STATEFUL_SET, changed) for _ in range(2)] == [("unchanged", 0)] * 2


async def test_an_apply_that_changes_no_content_raises_no_generation_of_a_deployment(stage: Any) -> None:
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "web", "image": "web:1"}]}}
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
    desired = stage.manifest(DEPLOYMENT, "web", spec=spec)
    await stage.client.create(DEPLOYMENT, desired, field_manager="app")
    first = await stage.apply(DEPLOYMENT, desired)
    labelled = stage.manifest(DEPLOYMENT, "web", metadata={"labels": {"new": "label"}}, spec=spec)
    second = await stage.apply(DEPLOYMENT, labelled)
    await stage.cache.watch(DEPLOYMENT, key_of(desired))
    before = stage.requests()
    third = await stage.restart().apply(DEPLOYMENT, labelled)
    assert [(r.action, r.generation) for r in (first, second, third)] == [
        ("updated", 1),
        ("updated", 1),
        ("unchanged", 1),
    ]
    assert stage.requests() == before


async def test_a_removed_annotation_of_the_record_is_restored(stage: Any) -> None:
    desired = config_map(stage, {"a": "1"})
    await stage.apply(CONFIG_MAP, desired)
    patch = JsonPatch([{"op": "remove", "path": "/metadata/annotations"}])
    await stage.client.patch(CONFIG_MAP, key_of(desired), patch, field_manager="third")
    await stage.apply(CONFIG_MAP, desired)
    assert DESIRED_ANNOTATION in (await stage.live(CONFIG_MAP, "cm"))["metadata"]["annotations"]


class Blind:
    """The cache of a process that does not watch the kind."""

    def is_cached(self, resource: Resource) -> bool:
        return False

    def cached(self, resource: Resource, key: ObjectKey) -> None:
        return None

    def record_write(self, resource: Resource, manifest: Manifest) -> None: ...

    def record_delete(self, resource: Resource, key: ObjectKey, uid: str) -> None: ...


async def test_a_kind_that_is_not_cached_costs_a_read_each_time(stage: Any) -> None:
    applier = Applier(stage.own, Blind(), now=lambda: datetime.now(UTC))
    desired = config_map(stage, {"a": "1"})
    seen = []
    for _ in range(3):
        before = stage.requests()
        applied = await applier.apply(CONFIG_MAP, desired)
        seen.append((applied.action, stage.requests() - before))
    assert seen == [("created", 2), ("unchanged", 1), ("unchanged", 1)]


async def test_an_object_that_goes_between_look_and_read_is_made_again(stage: Any) -> None:
    desired = config_map(stage, {"a": "1"})
    await stage.apply(CONFIG_MAP, desired)
    await stage.client.delete(CONFIG_MAP, key_of(desired))
    applied = await stage.applier.apply(CONFIG_MAP, config_map(stage, {"a": "2"}))
    assert (applied.action, (await stage.live(CONFIG_MAP, "cm"))["data"]) == ("created", {"a": "2"})


async def test_another_claim_is_another_wish(stage: Any) -> None:
    desired = config_map(stage, {"a": "1"})
    await stage.client.create(CONFIG_MAP, config_map(stage, {"b": "2"}), field_manager="app")
    await stage.apply(CONFIG_MAP, desired, claims=NOTHING)
    narrow = (await stage.live(CONFIG_MAP, "cm"))["data"]
    await stage.apply(CONFIG_MAP, desired)
    assert (narrow, (await stage.live(CONFIG_MAP, "cm"))["data"]) == ({"a": "1", "b": "2"}, {"a": "1"})
