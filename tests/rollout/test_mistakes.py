"""Wrong manifests: a status and an event that say what is wrong, and everybody else goes on."""

from __future__ import annotations

from tests.rollout.manifests import COMPONENTS, distributed, with_common
from tests.support.stage import Stage
from vmop.kube import Manifest


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
    reasons = {name: stage.status(name)["reason"] for name in manifests}
    assert reasons == REASONS
    await stage.until(lambda: all(stage.events(name, "ReconciliationError") for name in manifests), "events")
    assert {name: stage.events(name, "ReconciliationError") for name in manifests} == {
        name: [reason] for name, reason in REASONS.items()
    }
    # and nothing was made for them
    assert stage.names("VMCluster") == ["right-east"]


REASONS: dict[str, str] = {}
