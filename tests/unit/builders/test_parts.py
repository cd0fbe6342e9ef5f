"""Images, resources, security contexts and probes: the small parts of a container (01 §5.1, §5.2, §5.6, §5.10)."""

import pytest

from vmop.api import Manifest
from vmop.api.v1beta1 import Image, KeySelector, License
from vmop.builders import Platform
from vmop.builders.defaults import default_image
from vmop.builders.images import enterprise_tag, image_reference, is_licensed, with_registry
from vmop.builders.license import license_args, license_mounts, license_volumes
from vmop.builders.probes import ProbeTarget, pre_stop, probes
from vmop.builders.resources import canonical_quantity, with_default_resources
from vmop.builders.security import container_security_context, pod_security_context
from vmop.settings import DefaultResources, Settings

LATEST = Platform()


@pytest.mark.parametrize(
    ("tag", "result"),
    [
        ("v1.2.3", "v1.2.3-enterprise"),
        ("v1.2.3-cluster", "v1.2.3-enterprise-cluster"),
        ("v1.2.3-enterprise", "v1.2.3-enterprise"),
        ("v1.2.3-enterprise-cluster", "v1.2.3-enterprise-cluster"),
        ("v1.2.3-scratch", "v1.2.3-scratch"),
        ("v1.2.3-", "v1.2.3-"),
        ("v1.2", "v1.2"),
        ("latest", "latest"),
        ("v1.2.3@sha256", "v1.2.3@sha256"),
    ],
)
def test_enterprise_tags(tag: str, result: str) -> None:
    assert enterprise_tag(tag) == result


@pytest.mark.parametrize(
    ("registry", "image", "result"),
    [
        ("", "vmauth", "vmauth"),
        ("reg.local", "victoriametrics/vmauth", "reg.local/victoriametrics/vmauth"),
        ("reg.local/", "busybox", "reg.local/busybox"),
        ("reg.local", "ghcr.io/acme/vmauth", "ghcr.io/acme/vmauth"),
        ("reg.local", "ghcr.io/vmauth", "reg.local/ghcr.io/vmauth"),
        ("reg.local", "reg.local/busybox", "reg.local/busybox"),
    ],
)
def test_registries(registry: str, image: str, result: str) -> None:
    assert with_registry(image, registry) == result


def test_a_digest_is_no_tag() -> None:
    digest = "sha256:" + "ab" * 32
    assert (image_reference("a", digest), image_reference("a", "v1")) == (f"a@{digest}", "a:v1")


@pytest.mark.parametrize(
    ("image", "versions", "tag"),
    [
        (None, (), "v1.150.0-enterprise"),
        (None, (None, "", "v1.1.1"), "v1.1.1-enterprise"),
        (Image(tag="v1.0.0"), ("v1.1.1",), "v1.0.0"),
    ],
)
def test_only_a_tag_that_the_user_did_not_set_becomes_enterprise(
    image: Image | None, versions: tuple[str | None, ...], tag: str
) -> None:
    settings = Settings()
    found = default_image(image, settings.vmagent, settings, versions=versions, enterprise=True)
    assert found == Image(repository="victoriametrics/vmagent", tag=tag, pull_policy="IfNotPresent")


@pytest.mark.parametrize(
    ("license_", "args", "mounts"),
    [
        (None, [], []),
        (License(force_offline=True), [], []),
        (License(key="k", force_offline=False), ["-license=k", "-license.forceOffline=false"], []),
        (
            License(key_ref=KeySelector(name="s", key="k"), reload_interval="1h"),
            ["-licenseFile=/etc/vm/secrets/s/k", "-licenseFile.reloadInterval=1h"],
            [{"name": "license", "mountPath": "/etc/vm/secrets/s", "readOnly": True}],
        ),
    ],
)
def test_licenses(license_: License | None, args: list[str], mounts: list[Manifest]) -> None:
    assert (license_args(license_), license_mounts(license_)) == (args, mounts)
    assert [volume["name"] for volume in license_volumes(license_)] == [mount["name"] for mount in mounts]
    assert is_licensed(license_) == bool(args)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        *[("1000m", "1"), ("1200m", "1200m"), ("1024Mi", "1Gi"), ("1500Mi", "1500Mi"), ("2048Mi", "2Gi")],
        *[("1000", "1k"), ("0", "0"), ("0.5", "0.5"), ("1e3", "1e3"), ("x", "x"), ("5", "5"), ("100Mi", "100Mi")],
    ],
)
def test_quantities_as_the_server_stores_them(text: str, canonical: str) -> None:
    assert canonical_quantity(text) == canonical


DEFAULTS = DefaultResources(limit_cpu="1000m", limit_mem="2Gi", request_cpu="100m", request_mem="1Gi")


@pytest.mark.parametrize(
    ("user", "enabled", "result"),
    [
        (None, True, {"limits": {"cpu": "1", "memory": "2Gi"}, "requests": {"cpu": "100m", "memory": "1Gi"}}),
        (None, False, {}),
        ({"limits": {"cpu": "5"}}, True, {"limits": {"cpu": "5", "memory": "2Gi"}, "requests": {"memory": "1Gi"}}),
        ({"requests": {"cpu": "5"}}, True, {"limits": {"memory": "2Gi"}, "requests": {"cpu": "5", "memory": "1Gi"}}),
        ({"claims": [{"name": "c"}]}, False, {"claims": [{"name": "c"}]}),
    ],
)
def test_default_resources_stand_beside_the_users(user: Manifest | None, enabled: bool, result: Manifest) -> None:
    assert with_default_resources(user, DEFAULTS, enabled) == result


STRICT_CONTAINER = {
    "privileged": False,
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
}
PROFILE = {"seccompProfile": {"type": "RuntimeDefault"}}
IDS = {"runAsUser": 65534, "runAsGroup": 65534}


@pytest.mark.parametrize(
    ("user", "strict", "platform", "pod", "container"),
    [
        (None, False, LATEST, None, None),
        (
            None,
            True,
            LATEST,
            {"runAsNonRoot": True, **IDS, "fsGroup": 65534, "fsGroupChangePolicy": "OnRootMismatch", **PROFILE},
            STRICT_CONTAINER | IDS,
        ),
        (
            None,
            True,
            Platform(kubernetes=(1, 19)),
            {"runAsNonRoot": True, **IDS, "fsGroup": 65534, **PROFILE},
            STRICT_CONTAINER | IDS,
        ),
        (None, True, Platform(openshift=True), {"runAsNonRoot": True, **PROFILE}, STRICT_CONTAINER),
        ({}, True, LATEST, None, {}),
        ({"fsGroup": 1}, False, LATEST, {"fsGroup": 1}, {}),
        (
            {"runAsUser": 1, "privileged": True, "fsGroup": None},
            False,
            LATEST,
            {"runAsUser": 1},
            {"runAsUser": 1, "privileged": True},
        ),
    ],
)
def test_security_contexts(
    user: Manifest | None, strict: bool, platform: Platform, pod: Manifest | None, container: Manifest | None
) -> None:
    assert pod_security_context(user, strict, platform) == pod
    assert container_security_context(user, strict, platform) == container


NUMBERS = {"periodSeconds": 5, "failureThreshold": 10, "timeoutSeconds": 5, "successThreshold": 1}
HTTP = {"httpGet": {"path": "/health", "port": 1, "scheme": "HTTP"}, **NUMBERS}
HTTPS = {"httpGet": {"path": "/health", "port": 1, "scheme": "HTTPS"}, **NUMBERS}
TCP = {"tcpSocket": {"port": 1}, **NUMBERS}


@pytest.mark.parametrize(
    ("target", "given", "uses_liveness", "result"),
    [
        (ProbeTarget(1), {}, True, {"livenessProbe": HTTP, "readinessProbe": HTTP}),
        (ProbeTarget(1), {"liveness": {"periodSeconds": 9}}, False, {"readinessProbe": HTTP}),
        (ProbeTarget(1, https=True), {}, True, {"startupProbe": TCP}),
        (
            ProbeTarget(1, https=True),
            {"startup": {"httpGet": {}}},
            False,
            {"readinessProbe": HTTPS, "startupProbe": HTTPS},
        ),
        (ProbeTarget(1), {"startup": {}}, False, {"readinessProbe": HTTP, "startupProbe": TCP}),
        (ProbeTarget(1, proxy_protocol=True), {}, True, {"livenessProbe": TCP, "readinessProbe": TCP}),
        (
            ProbeTarget(1),
            {"readiness": {"httpGet": {"path": "/r", "port": 0}, "periodSeconds": 0, "initialDelaySeconds": 2}},
            False,
            {
                "readinessProbe": {
                    "httpGet": {"path": "/r", "port": 1, "scheme": "HTTP"},
                    "initialDelaySeconds": 2,
                    **NUMBERS,
                }
            },
        ),
        (
            ProbeTarget("web"),
            {"readiness": {"exec": {"command": ["true"]}}},
            False,
            {"readinessProbe": {"exec": {"command": ["true"]}, **NUMBERS}},
        ),
    ],
)
def test_probes(target: ProbeTarget, given: dict[str, Manifest], uses_liveness: bool, result: Manifest) -> None:
    found = probes(
        target,
        liveness=given.get("liveness"),
        readiness=given.get("readiness"),
        startup=given.get("startup"),
        uses_liveness=uses_liveness,
    )
    assert found == result


@pytest.mark.parametrize(
    ("sleep", "grace", "kubernetes", "sleeps"),
    [
        (5, 30, (1, 30), True),
        (5, None, (1, 36), True),
        (0, 30, (1, 36), False),
        (30, 30, (1, 36), False),
        (5, 30, (1, 29), False),
    ],
)
def test_sleep_before_stopping(sleep: int, grace: int | None, kubernetes: tuple[int, int], sleeps: bool) -> None:
    found = pre_stop(sleep, grace, Platform(kubernetes=kubernetes))
    assert found == ({"preStop": {"sleep": {"seconds": sleep}}} if sleeps else None)
