"""Zones whose backend is a VMSingle: installed, changed, moved to other traffic modes, one after the other."""

from __future__ import annotations

from tests.rollout.manifests import ACCESS, child, distributed, with_common
from tests.support.mirror import Routes
from tests.support.stage import Stage
from vmop.kube import Manifest

ZONES = ("east", "west")
COMMON: Manifest = {"vmsingle": {"spec": {"retentionPeriod": "1d"}}}


def singles(*zones: str | Manifest, pause: str, common: Manifest | None = None) -> Manifest:
    manifest = distributed(zones, pause=pause, common=common, backendType="VMSingle")
    del manifest["spec"]["zoneCommon"]["vmcluster"]
    return manifest


async def installed(stage: Stage, *zones: str | Manifest, pause: str) -> Manifest:
    manifest = singles(*zones, pause=pause, common=COMMON)
    await stage.start_operator()
    await stage.apply(manifest)
    await stage.until_operational("VMDistributed", "met")
    assert stage.checker.turns == list(ZONES)
    stage.checker.turns.clear()
    return manifest


def refs(stage: Stage) -> dict[str, tuple[list[str], list[str]]]:
    """Paths and names of objects of the balancer's targets."""
    targets = stage.spec("VMAuth", "met")["defaultTargetRefs"]
    return {ref["name"]: (ref["paths"], [each["name"] for each in ref["crd"]["objects"]]) for ref in targets}


async def test_zones_of_singles_are_installed_and_changed_one_by_one(stage: Stage, pause: str) -> None:
    manifest = await installed(stage, *ZONES, pause=pause)
    names = ["met-east", "met-west"]
    assert {kind: stage.names(kind) for kind in ("VMSingle", "VMCluster", "StatefulSet")} == {
        "VMSingle": names,
        "VMCluster": [],
        "StatefulSet": [],
    }
    urls = [f"http://vmsingle-{name}.default.svc:8429/api/v1/write" for name in names]
    assert [[each["url"] for each in stage.spec("VMAgent", name)["remoteWrite"]] for name in names] == [urls, urls]
    assert refs(stage) == {
        "write": (["/insert/.+", "/api/v1/write"], ["met-east", "met-west"]),
        "read": (["/flags", "/metrics", "/api/v1/.+"], ["met-west", "met-east"]),
    }
    await stage.apply(with_common(manifest, {"vmsingle": {"spec": {"retentionPeriod": "2d"}}}))
    await stage.until_operational("VMDistributed", "met")
    assert stage.checker.turns == list(ZONES)
    assert [stage.arguments("vmsingle", name)["retentionPeriod"] for name in names] == ["2d", "2d"]
    everybody = frozenset(ZONES)
    assert list(stage.running_routes("met").values()) == [Routes(everybody, everybody)]


async def test_a_traffic_mode_changes_targets_and_no_pod(stage: Stage, pause: str) -> None:
    manifest = await installed(stage, *ZONES, pause=pause)
    pods = [pod["metadata"]["uid"] for name in ("met-east", "met-west") for pod in stage.pods("vmsingle", name)]
    manifest["spec"]["zones"][0]["trafficMode"] = "read-only"
    await stage.apply(manifest)
    await stage.until_operational("VMDistributed", "met")
    both, west = frozenset(ZONES), frozenset({"west"})
    assert list(stage.running_routes("met").values()) == [Routes(read=both, write=west)]
    # other zones' agents write to it in every mode
    assert len(stage.spec("VMAgent", "met-west")["remoteWrite"]) == 2
    assert pods == [pod["metadata"]["uid"] for name in ("met-east", "met-west") for pod in stage.pods("vmsingle", name)]


async def test_another_default_image_rolls_singles_that_are_only_referenced_one_at_a_time(
    stage: Stage, pause: str
) -> None:
    await stage.start_operator()
    names = [f"{zone}-single" for zone in ZONES]
    await stage.apply(*(child("VMSingle", name, {"retentionPeriod": "1d"}) for name in names))
    manifest = singles(*({"name": zone, "vmsingle": {"name": f"{zone}-single"}} for zone in ZONES), pause=pause)
    await stage.apply({**manifest, "spec": {**manifest["spec"], "vmauth": {"spec": ACCESS}}})
    await stage.until_operational("VMDistributed", "met")
    await stage.stop_operator()
    stage.checker.turns.clear()
    await stage.start_operator(VM_VMSINGLEDEFAULT_VERSION="v1.999.0")

    def images() -> set[str]:
        pods = [pod for name in names for pod in stage.pods("vmsingle", name)]
        return {container["image"].rpartition(":")[2] for pod in pods for container in pod["spec"]["containers"]}

    await stage.until(lambda: images() == {"v1.999.0"}, "the new image everywhere")
    await stage.until(lambda: stage.is_idle("met"), "the rollout completed")
    assert sorted(stage.checker.turns) == list(ZONES)
    assert [stage.spec("VMSingle", name) for name in names] == [{"retentionPeriod": "1d"}] * 2
