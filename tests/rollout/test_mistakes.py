"""Wrong manifests: a status and an event that say what is wrong, and everybody else goes on."""

from __future__ import annotations

from tests.rollout.manifests import COMPONENTS, distributed, with_common
from tests.support.stage import Stage
from vmop.kube import Manifest

UNPARSED = 'parsing object error for object controller="vmdistributed": "cannot parse VMDistributedSpec: {}"'
GHOST = "spec.zones[0]: vmcluster.name=ghost is not found and no vmcluster spec is provided"
REASONS = {
    "twice": "VMDistributed twice update failed: spec.zones[1].name=east is duplicated, zone names must be unique",
    "mixed": "VMDistributed mixed update failed: "
    "spec.zones[0]: backendType=VMCluster is incompatible with vmsingle configuration",
    "duration": UNPARSED.format(
        "spec.zoneCommon.readyTimeout: expected duration such as 90s, 1m30s or 1.5h, got string"
    ),
    "typed": UNPARSED.format("spec.zoneCommon.vmcluster.spec.vmselect.replicaCount: expected integer, got string"),
    "ghost": "VMDistributed ghost update failed: "
    f"failed to build distributed zones VMDistributed=default/ghost: {GHOST}",
}


def wrong(pause: str) -> dict[str, Manifest]:
    """Manifests that the API server takes and the operator cannot."""
    return {
        "twice": distributed(["east", "east"], name="twice", pause=pause),
        "mixed": distributed([{"name": "east", "vmsingle": {"spec": {}}}], name="mixed", pause=pause),
        "duration": with_common(distributed(["east"], name="duration", pause=pause), {"readyTimeout": "5 minutes"}),
        "typed": with_common(
            distributed(["east"], name="typed", pause=pause),
            {"vmcluster": {"spec": {**COMPONENTS, "vmselect": {"replicaCount": "two"}}}},
        ),
        "ghost": distributed([{"name": "east", "vmcluster": {"name": "ghost"}}], name="ghost", pause=pause),
    }


async def test_each_says_what_is_wrong_and_others_go_on(stage: Stage, pause: str) -> None:
    await stage.start_operator()
    manifests = wrong(pause)
    del manifests["ghost"]["spec"]["zoneCommon"]["vmcluster"]
    await stage.apply(*manifests.values(), distributed(["east"], name="right", pause=pause))
    await stage.until_operational("VMDistributed", "right")
    failed = dict.fromkeys(manifests, "failed")
    await stage.until(lambda: {name: stage.status(name).get("updateStatus") for name in manifests} == failed, "failed")
    assert {name: stage.status(name)["reason"] for name in manifests} == REASONS
    await stage.until(lambda: all(stage.events(name, "ReconciliationError") for name in manifests), "events")
    assert {name: stage.events(name, "ReconciliationError") for name in manifests} == {
        name: [reason] for name, reason in REASONS.items()
    }
    # and nothing was made for them
    assert stage.names("VMCluster") == ["right-east"]
