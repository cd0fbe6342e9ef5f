"""What of a VMAuth cannot be built, and what its config is made of."""

from typing import Any

import pytest

from vmop.api import parse
from vmop.api.v1beta1 import VMAuth
from vmop.builders.base import BuildError, Platform
from vmop.builders.references import Reference
from vmop.builders.vmauth import (
    CONFIG_KEY,
    SWEPT_KINDS,
    TargetKey,
    VMAuthInputs,
    VMAuthManifests,
    build_vmauth,
    default_vmauth,
    referenced,
    render_config,
    target_objects,
)
from vmop.builders.vmauth.proxy import config_is_external
from vmop.settings import Settings


def proxy(spec: dict[str, Any]) -> VMAuth:
    return parse(VMAuth, {"metadata": {"namespace": "edge", "name": "gw"}, "spec": spec}).object


def build(spec: dict[str, Any]) -> VMAuthManifests:
    return build_vmauth(proxy(spec), Settings(), inputs=VMAuthInputs(scrapes=False))


CLASH = (
    "cannot create or update vmauth service: vmauth additional service name: "
    '"vmauth-gw" cannot be the same as crd.prefixedname: "vmauth-gw"'
)


@pytest.mark.parametrize(
    ("spec", "path", "text", "written"),
    [
        (
            {"serviceSpec": {"metadata": {"name": "vmauth-gw"}, "spec": {}}},
            "spec.serviceSpec.metadata.name",
            CLASH,
            ["ServiceAccount", "Role", "RoleBinding"],
        ),
        (
            {"port": "http"},
            "spec.port",
            ("cannot create or update vmauth service: "
            "spec.port: expected a port number, got 'http'"),
            ["ServiceAccount", "Role", "RoleBinding"],
        ),
    ],
)  # fmt: skip
def test_what_stands_before_an_error_is_written(spec: dict[str, Any], path: str, text: str, written: list[str]) -> None:
    built = build(spec)
    with pytest.raises(BuildError) as raised:
        built.all()
    assert (raised.value.path, str(raised.value)) == (path, text)
    assert [manifest["kind"] for manifest in built.surroundings.objects] == written


@pytest.mark.parametrize(
    ("spec", "path", "variable"),
    [
        ({"httpRoute": {}, "vpa": {}}, "spec.httpRoute", "VM_GATEWAY_API_ENABLED"),
        ({"vpa": {}}, "spec.vpa", "VM_VPA_API_ENABLED"),
    ],
)
def test_kinds_that_the_operator_was_not_told_to_manage(spec: dict[str, Any], path: str, variable: str) -> None:
    with pytest.raises(BuildError) as raised:
        build(spec)
    message = f"{path} is set but {variable}=true env var was not provided"
    assert (raised.value.path, str(raised.value)) == (path, message)


def test_what_was_built_shows_no_credentials() -> None:
    target = {"url_prefix": ["http://a"], "src_paths": ["/.*"], "headers": ["Authorization: hunter2"]}
    cr = proxy({"unauthorizedUserAccessSpec": {"url_map": [target]}})
    config = render_config(cr, VMAuthInputs())
    assert ("hunter2" in config.text, "hunter2" in repr(config)) == (True, False)
    built = build_vmauth(cr, Settings())
    [secret] = built.config.objects
    assert secret["data"][CONFIG_KEY] not in repr(built)


def test_names_to_keep() -> None:
    built = build(
        {"ingress": {}, "serviceSpec": {"spec": {}}, "unauthorizedUserAccessSpec": {"url_prefix": "http://a"}}
    )
    kept = {"Service": {"vmauth-gw", "vmauth-gw-additional-service"}, "Ingress": {"vmauth-gw"}}
    assert built.wanted == {kind: kept.get(kind, set()) for kind in SWEPT_KINDS}


def test_the_deprecated_config_secret_is_an_external_config() -> None:
    cr = default_vmauth(proxy({"configSecret": "own"}), Settings(), Platform())
    assert config_is_external(cr.spec)
    assert cr.spec.config_secret is None
    assert cr == default_vmauth(cr, Settings(), Platform())


TLS = {"ca": {"configMap": {"name": "m", "key": "k"}}, "keySecret": {"name": "s", "key": "k"}}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"unauthorizedUserAccessSpec": {"tlsConfig": TLS}}, True),
        ({"unauthorizedAccessConfig": [{}], "tlsConfig": TLS}, True),
        ({"unauthorizedUserAccessSpec": {}, "unauthorizedAccessConfig": [{}], "tlsConfig": TLS}, False),
        ({"tlsConfig": TLS}, False),
    ],
)
def test_references_count_where_their_options_do(spec: dict[str, Any], expected: bool) -> None:
    both = {Reference("configmap", "edge", "m"), Reference("secret", "edge", "s")}
    assert referenced(proxy(spec)) == (both if expected else set())


def test_objects_of_all_targets() -> None:
    objects = [{"name": "b", "namespace": "n"}]
    alertmanager = {"kind": "VMAlertManager", "name": "a", "namespace": "n"}
    spec = {
        "defaultTargetRefs": [
            {"name": "x", "crd": {"kind": "VMCluster/vminsert", "name": "", "namespace": "", "objects": objects}},
            {"name": "y", "static": {"url": "http://a"}},
        ],
        "unauthorizedUserAccessSpec": {"targetRefs": [{"crd": alertmanager}]},
    }
    assert target_objects(proxy(spec)) == {TargetKey("VMCluster", "n", "b"), TargetKey("VMAlertmanager", "n", "a")}
