import pytest

from vmop.kube import NotRegistered, ObjectKey, Resource, by_kind, key_of
from vmop.kube.resources import ALL, CLUSTER_ROLE, CONFIG_MAP, DEPLOYMENT, NAMESPACE, VM_DISTRIBUTED


@pytest.mark.parametrize(
    ("resource", "arguments", "path"),
    [
        (CONFIG_MAP, (), "/api/v1/configmaps"),
        (CONFIG_MAP, ("obs",), "/api/v1/namespaces/obs/configmaps"),
        (CONFIG_MAP, ("obs", "a"), "/api/v1/namespaces/obs/configmaps/a"),
        (DEPLOYMENT, ("obs", "a", "status"), "/apis/apps/v1/namespaces/obs/deployments/a/status"),
        (NAMESPACE, ("", "obs"), "/api/v1/namespaces/obs"),
        (
            CLUSTER_ROLE,
            ("", "system:a/b"),
            "/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Aa%2Fb",
        ),
    ],
)
def test_paths(resource: Resource, arguments: tuple[str, ...], path: str) -> None:
    assert resource.path(*arguments) == path


def test_a_namespaced_object_has_no_path_without_its_namespace() -> None:
    with pytest.raises(ValueError, match="ConfigMap a is named without its namespace"):
        CONFIG_MAP.path("", "a")


def test_a_resource_says_its_kind_and_group() -> None:
    assert [str(DEPLOYMENT), str(CONFIG_MAP)] == ["Deployment.apps", "ConfigMap"]
    assert (DEPLOYMENT.api_version, CONFIG_MAP.api_version) == ("apps/v1", "v1")
    assert DEPLOYMENT.group_kind == ("apps", "Deployment")


def test_keys() -> None:
    assert str(ObjectKey("obs", "a")) == "obs/a"
    assert str(ObjectKey("", "a")) == "a"
    assert key_of({"metadata": {"name": "a", "namespace": "obs"}}) == ObjectKey("obs", "a")
    assert key_of({}) == ObjectKey("", "")


def test_every_constant_is_found_by_its_kind() -> None:
    assert [by_kind(resource.api_version, resource.kind) for resource in ALL] == list(ALL)
    assert by_kind("operator.victoriametrics.com/v1alpha1", "VMDistributed") is VM_DISTRIBUTED


def test_an_unknown_kind_is_not_registered() -> None:
    with pytest.raises(NotRegistered) as caught:
        by_kind("v2", "Pod")
    assert str(caught.value) == "no resource is registered for Pod of v2"
