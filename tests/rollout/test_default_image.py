"""Another operator release changes the pods of every zone at once, and still one zone has its turn after the other."""

from __future__ import annotations

from tests.rollout.manifests import ACCESS, COMPONENTS, child, distributed
from tests.support.stage import Stage
from vmop.kube import Manifest

ZONES: list[Manifest] = [{"name": name, "vmcluster": {"name": f"{name}-cluster"}} for name in ("east", "north", "west")]
APPS = ("vmstorage", "vmselect", "vminsert")


def versions(stage: Stage, name: str) -> set[str]:
    """Image tags of all pods of a VMCluster."""
    return {
        container["image"].rpartition(":")[2]
        for pod in stage.pods_of(name)
        for container in pod["spec"]["containers"]
        if container["name"] in APPS
    }


async def test_another_default_image_rolls_zones_that_are_only_referenced_one_at_a_time(
    stage: Stage, pause: str
) -> None:
    await stage.start_operator()
    clusters = [zone["vmcluster"]["name"] for zone in ZONES]
    await stage.apply(*(child("VMCluster", name, COMPONENTS) for name in clusters))
    manifest = distributed(ZONES, pause=pause, vmauth={"spec": ACCESS})
    del manifest["spec"]["zoneCommon"]["vmcluster"]
    await stage.apply(manifest)
    await stage.until_operational("VMDistributed", "met")
    await stage.stop_operator()
    stage.checker.turns.clear()
    await stage.start_operator(VM_METRICS_VERSION="v1.999.0")
    await stage.until(
        lambda: all(versions(stage, name) == {"v1.999.0-cluster"} for name in clusters), "the new image everywhere"
    )
    await stage.until(lambda: stage.is_idle("met"), "the rollout completed")
    assert sorted(stage.checker.turns) == ["east", "north", "west"]
    # and no spec was touched
    assert [stage.spec("VMCluster", name) for name in clusters] == [COMPONENTS] * 3
