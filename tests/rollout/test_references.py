"""Zones of objects that are there already: taken in without a restart, given back as they were; and what was made."""

from __future__ import annotations

import pytest

from tests.rollout.manifests import ACCESS, COMPONENTS, child, distributed
from tests.support.mirror import PREFIX, Routes
from tests.support.stage import Stage
from vmop.kube import Manifest

AGENT: Manifest = {
    "replicaCount": 1,
    "ingestOnlyMode": True,
    "remoteWrite": [{"url": "http://elsewhere:8428/api/v1/write"}],
}
#: two zones of the user's clusters, one of them with the user's agent
ZONES: list[Manifest] = [
    {"name": "east", "vmcluster": {"name": "cluster-1"}, "vmagent": {"name": "collector"}},
    {"name": "west", "vmcluster": {"name": "cluster-2"}},
]
OWN = (
    child("VMCluster", "cluster-1", COMPONENTS),
    child("VMCluster", "cluster-2", COMPONENTS),
    child("VMAgent", "collector", AGENT),
    child("VMAuth", "entry", ACCESS),
)
OWN_NAMES = {(manifest["kind"], manifest["metadata"]["name"]) for manifest in OWN}
CHILD_KINDS = ("VMCluster", "VMAgent", "VMAuth")


def referencing(pause: str) -> Manifest:
    manifest = distributed(ZONES, pause=pause, vmauth={"name": "entry"})
    # not a word of how a cluster is to be: these zones only name theirs
    del manifest["spec"]["zoneCommon"]["vmcluster"]
    return manifest


async def with_own_objects(stage: Stage) -> None:
    """What the user has is at work, but for the VMAuth: it names targets that only a VMDistributed gives it."""
    await stage.start_operator()
    await stage.apply(*OWN)
    for manifest in OWN[:3]:
        await stage.until_operational(manifest["kind"], manifest["metadata"]["name"])


async def test_objects_of_the_user_are_taken_in(stage: Stage, pause: str) -> None:
    await with_own_objects(stage)
    running = {pod["metadata"]["uid"] for name in ("cluster-1", "cluster-2") for pod in stage.pods_of(name)}
    await stage.apply(referencing(pause))
    await stage.until_operational("VMDistributed", "met")
    both = frozenset({"east", "west"})
    assert list(stage.running_routes("met").values()) == [Routes(both, both)]
    # no spec of a cluster is written, and no pod of one restarted
    assert [stage.spec("VMCluster", name) for name in ("cluster-1", "cluster-2")] == [COMPONENTS, COMPONENTS]
    assert {pod["metadata"]["uid"] for name in ("cluster-1", "cluster-2") for pod in stage.pods_of(name)} == running
    assert [entry["url"] for entry in stage.spec("VMAgent", "collector")["remoteWrite"]] == [
        "http://elsewhere:8428/api/v1/write",
        *(f"http://vminsert-cluster-{n}.default.svc:8480/insert/multitenant/prometheus/api/v1/write" for n in (1, 2)),
    ]
    assert {
        (kind, name): stage.annotations(kind, name)[f"{PREFIX}origin"]
        for kind in CHILD_KINDS
        for name in stage.names(kind)
    } == dict.fromkeys(OWN_NAMES, "referenced") | {("VMAgent", "met-west"): "created"}


async def test_objects_of_the_user_are_given_back_as_they_were(stage: Stage, pause: str) -> None:
    await with_own_objects(stage)
    manifest = referencing(pause)
    await stage.apply(manifest)
    await stage.until_operational("VMDistributed", "met")
    await stage.delete(manifest)
    await stage.until(lambda: stage.get("VMDistributed", "met") is None, "the VMDistributed gone")
    await stage.until(lambda: stage.get("VMAgent", "met-west") is None, "the agent that was made gone")
    await stage.until(lambda: stage.names("Deployment") == OWN_DEPLOYMENTS, "what belonged to it gone")
    assert {(kind, name) for kind in CHILD_KINDS for name in stage.names(kind)} == OWN_NAMES
    assert [stage.traces(kind, name) for kind, name in sorted(OWN_NAMES)] == [[]] * len(OWN_NAMES)
    assert stage.spec("VMAgent", "collector")["remoteWrite"] == AGENT["remoteWrite"]
    assert [stage.spec("VMCluster", name) for name in ("cluster-1", "cluster-2")] == [COMPONENTS, COMPONENTS]


OWN_DEPLOYMENTS = ["vmagent-collector", "vmauth-entry", "vminsert-cluster-1", "vminsert-cluster-2"]


async def test_what_was_made_is_deleted_with_it(stage: Stage, pause: str) -> None:
    await stage.start_operator()
    manifest = distributed(["east", "west"], pause=pause)
    await stage.apply(manifest)
    await stage.until_operational("VMDistributed", "met")
    await stage.delete(manifest)
    kinds = ("VMDistributed", *CHILD_KINDS, "Deployment", "StatefulSet", "Pod", "Secret", "ServiceAccount")
    await stage.until(lambda: not any(stage.names(kind) for kind in kinds), "all that was made gone")


@pytest.mark.parametrize("zones", [["east", "west"], ["east"]], ids=["as made", "one zone removed before"])
async def test_all_is_kept_with_retain(stage: Stage, pause: str, zones: list[str]) -> None:
    await stage.start_operator()
    await stage.apply(distributed(["east", "west"], pause=pause))
    await stage.until_operational("VMDistributed", "met")
    manifest = distributed(zones, pause=pause, retain=True)
    await stage.apply(manifest)
    await stage.until_operational("VMDistributed", "met")
    running = {pod["metadata"]["uid"] for pod in stage.checker.mirror.all("Pod")}
    await stage.delete(manifest)
    await stage.until(lambda: stage.get("VMDistributed", "met") is None, "the VMDistributed gone")
    children = [(kind, name) for kind in CHILD_KINDS for name in stage.names(kind)]
    assert children == [(kind, f"met-{zone}") for kind in CHILD_KINDS[:2] for zone in ("east", "west")] + [
        ("VMAuth", "met")
    ]
    assert [stage.traces(kind, name) for kind, name in children] == [[]] * len(children)
    assert {pod["metadata"]["uid"] for pod in stage.checker.mirror.all("Pod")} == running
