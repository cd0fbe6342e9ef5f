"""Embedded Kubernetes structures are plain JSON that no schema checks: look at them before building on them.

A shape says what builders rely on: an object is a dict of its parts' shapes, a list a list with the shape of its items.
What a shape does not name may be anything; Kubernetes will judge it.
"""

from collections.abc import Mapping
from typing import Any, TypeAlias

from vmop.api.structure import json_type
from vmop.api.v1beta1 import AppParams
from vmop.builders.base import BuildError

Shape: TypeAlias = "Mapping[str, Shape] | list[Shape]"

OBJECT: Shape = {}
CONTAINERS: Shape = [{"env": [OBJECT], "volumeMounts": [OBJECT], "ports": [OBJECT], "volumeDevices": [OBJECT]}]
PROBE: Shape = {"httpGet": OBJECT, "tcpSocket": OBJECT}
SERVICE_SPEC: Shape = {"ports": [OBJECT]}
SCRAPE_SPEC: Shape = {
    "endpoints": [{"relabelConfigs": [OBJECT], "metricRelabelConfigs": [OBJECT]}],
    "selector": {"matchLabels": OBJECT},
}
CLAIM: Shape = {"metadata": {"labels": OBJECT, "annotations": OBJECT}, "spec": OBJECT}


def check_shape(value: Any, shape: Shape, path: str) -> None:
    """Raises `BuildError` naming the part of `value` that is not what builders rely on. Null is absent."""
    if value is None:
        return
    if isinstance(shape, list):
        if not isinstance(value, list):
            raise BuildError(path, f"{path}: expected array, got {json_type(value)}")
        for index, item in enumerate(value):
            check_shape(item, shape[0], f"{path}[{index}]")
        return
    if not isinstance(value, dict):
        raise BuildError(path, f"{path}: expected object, got {json_type(value)}")
    for key, part in shape.items():
        check_shape(value.get(key), part, f"{path}.{key}")


def check_app(app: AppParams, path: str) -> None:
    """The embedded structures of an application's parameters at `path` in the spec."""
    for field, value, shape in (
        ("containers", app.containers, CONTAINERS),
        ("initContainers", app.init_containers, CONTAINERS),
        ("volumeMounts", app.volume_mounts, [OBJECT]),
        ("livenessProbe", app.liveness_probe, PROBE),
        ("readinessProbe", app.readiness_probe, PROBE),
        ("startupProbe", app.startup_probe, PROBE),
    ):
        check_shape(value, shape, f"{path}.{field}")
