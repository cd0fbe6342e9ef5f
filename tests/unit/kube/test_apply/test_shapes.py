"""What apply cannot say."""

from typing import Any

import pytest

from vmop.kube.apply.shapes import emptied_objects, is_custom, repeated_keys
from vmop.kube.resources import (
    CONFIG_MAP,
    DEPLOYMENT,
    HTTP_ROUTE,
    INGRESS,
    ROLE,
    SERVICE,
    STATEFUL_SET,
    VERTICAL_POD_AUTOSCALER,
    VM_CLUSTER,
)


def workload(**pod: Any) -> Any:
    return {"spec": {"template": {"spec": pod}}}


@pytest.mark.parametrize(
    ("pod", "path"),
    [
        ({"containers": [{"name": "a", "env": [{"name": "A"}, {"name": "A"}]}]}, "containers[0].env"),
        ({"initContainers": [{"name": "a"}, {"name": "b", "env": [{"name": "A"}] * 2}]}, "initContainers[1].env"),
        ({"containers": [{"name": "a"}, {"name": "a"}]}, "containers"),
        (
            {"containers": [{"name": "a", "ports": [{"containerPort": 1}, {"containerPort": 1, "protocol": "TCP"}]}]},
            "containers[0].ports",
        ),
        ({"imagePullSecrets": [{"name": "a"}, {"name": "a"}]}, "imagePullSecrets"),
        ({"hostAliases": [{"ip": "1"}, {"ip": "1"}]}, "hostAliases"),
        (
            {"topologySpreadConstraints": [{"topologyKey": "z", "whenUnsatisfiable": "x"}] * 2},
            "topologySpreadConstraints",
        ),
    ],
)
def test_repeated_keys_of_a_pod_are_found(pod: Any, path: str) -> None:
    assert repeated_keys(STATEFUL_SET, workload(**pod)) == f"spec.template.spec.{path}"


def test_lists_without_repeated_keys_are_fine() -> None:
    ports = [{"containerPort": 1}, {"containerPort": 1, "protocol": "UDP"}]
    container = {"name": "a", "ports": ports, "env": [{"name": "A"}, {"name": "B"}], "args": ["x", "x"]}
    other = {"name": "b", "env": [{"name": "A"}]}
    constraints = [{"topologyKey": "z", "whenUnsatisfiable": when} for when in ("a", "b")]
    pod = workload(containers=[container, other], topologySpreadConstraints=constraints, tolerations=[{}, {}])
    assert repeated_keys(DEPLOYMENT, pod) == ""


def test_ports_of_a_service_are_keyed_by_number_and_protocol() -> None:
    ports = [{"port": 1}, {"port": 1, "protocol": "TCP"}, {"port": 1, "protocol": "UDP"}]
    found = [repeated_keys(SERVICE, {"spec": {"ports": ports[start:]}}) for start in (0, 1)]
    assert found == ["spec.ports", ""]


def test_other_kinds_have_no_keyed_lists() -> None:
    assert [repeated_keys(resource, workload()) for resource in (CONFIG_MAP, VM_CLUSTER)] == ["", ""]


def test_kinds_of_definitions_are_told_from_built_in_ones() -> None:
    custom = [VM_CLUSTER, VERTICAL_POD_AUTOSCALER, HTTP_ROUTE]
    built_in = [DEPLOYMENT, CONFIG_MAP, INGRESS, ROLE]
    assert ([is_custom(r) for r in custom], [is_custom(r) for r in built_in]) == ([True] * 3, [False] * 4)


def test_objects_that_become_empty_are_found_on_custom_resources() -> None:
    desired = {"spec": {"a": {}, "b": {"c": {}, "d": 1}, "e": {}, "f": [{}], "new": {}, "was": "text"}}
    live = {"spec": {"a": {"x": 1}, "b": {"c": {"y": 1}}, "e": {}, "f": [{"z": 1}], "was": {"x": 1}}}
    assert emptied_objects(VM_CLUSTER, desired, live) == [("spec", "a"), ("spec", "b", "c")]
    assert emptied_objects(DEPLOYMENT, desired, live) == []
