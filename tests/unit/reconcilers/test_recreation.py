"""When a StatefulSet must be made again."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.reconcilers.made import stateful_set, stored
from vmop.kube import Manifest
from vmop.kube.resources import STATEFUL_SET
from vmop.reconcilers.recreation import Recreation, recreation

CLAIM: Manifest = {
    "metadata": {"name": "data", "labels": {"tier": "hot"}},
    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
}


def desired() -> Manifest:
    spec: dict[str, Any] = {"podManagementPolicy": "Parallel", "volumeClaimTemplates": [copy.deepcopy(CLAIM)]}
    return stateful_set(**spec)


def as_served(manifest: Manifest) -> Manifest:
    """With what the API server fills in."""
    live = copy.deepcopy(manifest)
    for claim in live["spec"]["volumeClaimTemplates"]:
        claim |= {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "status": {"phase": "Pending"}}
        claim["spec"] |= {"volumeMode": "Filesystem"}
        claim["spec"]["resources"] = {"requests": {"storage": "1024Mi"}}
    live["spec"] |= {"revisionHistoryLimit": 10, "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain"}}
    return live


def edit(path: str, value: Any) -> Callable[[Manifest], None]:
    def change(manifest: Manifest) -> None:
        node: Any = manifest["spec"]
        *parents, last = path.split(".")
        for name in parents:
            node = node[int(name) if name.isdigit() else name]
        if value is None:
            del node[last]
        else:
            node[last] = value

    return change


@pytest.mark.parametrize(
    ("change", "why"),
    [
        pytest.param(edit("replicas", 5), Recreation.NONE, id="replicas"),
        pytest.param(edit("template", {"spec": {"nodeName": "n"}}), Recreation.NONE, id="template"),
        pytest.param(edit("updateStrategy", {"type": "RollingUpdate"}), Recreation.NONE, id="strategy"),
        pytest.param(edit("minReadySeconds", 5), Recreation.NONE, id="minReadySeconds"),
        pytest.param(edit("serviceName", "other"), Recreation.SERVICE_NAME, id="serviceName"),
        pytest.param(edit("volumeClaimTemplates", []), Recreation.CLAIMS, id="no claims any more"),
        pytest.param(edit("volumeClaimTemplates.0.metadata.name", "x"), Recreation.CLAIMS, id="another claim"),
        pytest.param(edit("volumeClaimTemplates.0.metadata.labels", {}), Recreation.CLAIM_CONTENT, id="claim label"),
        pytest.param(
            edit("volumeClaimTemplates.0.metadata.annotations", {"a": "b"}), Recreation.CLAIM_CONTENT, id="annotation"
        ),
        pytest.param(
            edit("volumeClaimTemplates.0.spec.resources.requests.storage", "2Gi"), Recreation.CLAIM_CONTENT, id="size"
        ),
        pytest.param(
            edit("volumeClaimTemplates.0.spec.resources.requests.storage", "1048576Ki"), Recreation.NONE, id="notation"
        ),
        pytest.param(edit("volumeClaimTemplates.0.spec.storageClassName", "x"), Recreation.CLAIM_CONTENT, id="class"),
        pytest.param(edit("podManagementPolicy", "OrderedReady"), Recreation.IMMUTABLE, id="policy"),
        pytest.param(edit("podManagementPolicy", None), Recreation.IMMUTABLE, id="policy by default"),
        pytest.param(edit("selector.matchLabels", {"app": "x"}), Recreation.IMMUTABLE, id="selector"),
        pytest.param(edit("selector.matchLabels", {}), Recreation.IMMUTABLE, id="selector loses a label"),
    ],
)
def test_recreation(change: Callable[[Manifest], None], why: Recreation) -> None:
    live = stored(STATEFUL_SET, as_served(desired()))
    wanted = desired()
    change(wanted)
    assert recreation(wanted, live) is why


def test_a_field_that_a_claim_has_lost_is_a_change_unless_somebody_else_put_it_there() -> None:
    live = as_served(desired())
    live["spec"]["volumeClaimTemplates"][0]["spec"]["storageClassName"] = "fast"
    assert recreation(desired(), stored(STATEFUL_SET, live)) is Recreation.CLAIM_CONTENT
    assert recreation(desired(), stored(STATEFUL_SET, live), recorded=True) is Recreation.NONE


@pytest.mark.parametrize("why", Recreation)
def test_pods_that_do_not_fit_are_replaced(why: Recreation) -> None:
    assert why.replaces_pods is (why in (Recreation.SERVICE_NAME, Recreation.CLAIMS))
