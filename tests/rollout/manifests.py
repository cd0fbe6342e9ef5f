"""What the tests of rollouts apply."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from vmop.kube import Manifest

EXAMPLES = Path(__file__).parents[2] / "examples"
ACCESS: Manifest = {"unauthorizedUserAccessSpec": {"targetRefs": [{"name": "write"}, {"name": "read"}]}}
COMPONENTS: Manifest = {name: {"replicaCount": 1} for name in ("vmstorage", "vmselect", "vminsert")}


def example(name: str) -> list[Manifest]:
    """The manifests of a file of `examples`."""
    return list(yaml.safe_load_all((EXAMPLES / name).read_text()))


def distributed(
    zones: Sequence[str | Manifest], *, name: str = "met", pause: str, common: Manifest | None = None, **spec: Any
) -> Manifest:
    """A VMDistributed that makes all its children, and lets anybody in; zones by name or as they are."""
    return {
        "apiVersion": "operator.victoriametrics.com/v1alpha1",
        "kind": "VMDistributed",
        "metadata": {"name": name},
        "spec": {
            "vmauth": {"spec": ACCESS},
            "zoneCommon": {"updatePause": pause, "vmcluster": {"spec": COMPONENTS}, **(common or {})},
            "zones": [{"name": zone} if isinstance(zone, str) else zone for zone in zones],
            **spec,
        },
    }


def child(kind: str, name: str, spec: Manifest) -> Manifest:
    """A VMCluster, VMAgent or VMAuth of the user's own."""
    metadata = {"name": name}
    return {"apiVersion": "operator.victoriametrics.com/v1beta1", "kind": kind, "metadata": metadata, "spec": spec}


def with_common(manifest: Manifest, common: Mapping[str, Any]) -> Manifest:
    """Another ``zoneCommon``: `common` laid over it, deeply."""
    changed = copy.deepcopy(manifest)
    _overlay(changed["spec"]["zoneCommon"], common)
    return changed


def _overlay(base: Manifest, top: Mapping[str, Any]) -> None:
    for key, value in top.items():
        if isinstance(value, Mapping) and isinstance(base.get(key), dict):
            _overlay(base[key], value)
        else:
            base[key] = copy.deepcopy(value)


def with_zones(manifest: Manifest, *zones: str | Manifest) -> Manifest:
    """Other zones."""
    changed = copy.deepcopy(manifest)
    changed["spec"]["zones"] = [{"name": zone} if isinstance(zone, str) else zone for zone in zones]
    return changed


#: restarts all backends of zones, and nothing else
ANOTHER_CLUSTER: Manifest = {"vmcluster": {"spec": {"vmselect": {"extraArgs": {"search.maxSeries": "1000"}}}}}
#: restarts all agents
ANOTHER_AGENT: Manifest = {"vmagent": {"spec": {"extraArgs": {"remoteWrite.showURL": "true"}}}}
