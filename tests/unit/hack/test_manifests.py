"""Samples and the Deployment of `config`: complete, valid, and such as the operator understands."""

import io
from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from hack.generators.output import ROOT
from vmop.api import KINDS, CustomResource, fields_of, kind_of
from vmop.cli.validate import validate
from vmop.settings import Settings, parse_flags

SAMPLES = ROOT / "config" / "samples"
# Fields that cannot stand beside others of the full sample, that have no effect any more, or that repeat another.
LEFT_OUT: Mapping[str, set[str]] = {
    "VMAgent": {
        "configReloaderImageTag",
        "daemonSetMode",
        "daemonSetRollingUpdateStrategyBehavior",
        "daemonSetUpdateStrategy",
        "useVMConfigReloader",
        "vmAgentExternalLabelName",
        "vpa",
    },
    "VMAlert": {"configReloaderImageTag", "notifier", "notifierConfigRef", "useVMConfigReloader"},
    "VMAlertmanager": {"configRawYaml", "configReloaderImageTag", "useVMConfigReloader"},
    "VMAuth": {
        "access_log",
        "configReloaderImageTag",
        "configSecret",
        "default_url",
        "discover_backend_ips",
        "drop_src_path_prefix_parts",
        "dump_request_on_errors",
        "externalConfig",
        "headers",
        "ip_filters",
        "load_balancing_policy",
        "max_concurrent_requests",
        "response_headers",
        "retry_status_codes",
        "tlsConfig",
        "unauthorizedAccessConfig",
        "useVMConfigReloader",
        "vpa",
    },
    "VMCluster": {"discovery"},
    "VMNodeScrape": {"authorization", "basicAuth", "bearerTokenSecret", "oauth2", "scrape_interval"},
    "VMProbe": {
        "authorization",
        "bearerTokenFile",
        "bearerTokenSecret",
        "oauth2",
        "path",
        "scheme",
        "scrape_interval",
    },
    "VMScrapeConfig": {"authorization", "bearerTokenFile", "bearerTokenSecret", "oauth2", "scrape_interval"},
    "VMSingle": {"configReloaderImageTag", "storageDataPath", "useVMConfigReloader", "vmAgentExternalLabelName"},
    "VMUser": {"bearerToken", "generatePassword", "jwt", "password", "tokenRef"},
}


def sample(kind: type[CustomResource], variant: str) -> dict[str, Any]:
    manifest: dict[str, Any] = yaml.safe_load((SAMPLES / f"{kind.kind.lower()}-{variant}.yaml").read_text())
    return manifest


def test_each_kind_has_a_minimal_and_a_full_sample() -> None:
    wanted = {f"{kind.kind.lower()}-{variant}.yaml" for kind in KINDS for variant in ("minimal", "full")}
    assert {path.name for path in SAMPLES.iterdir()} == wanted


def test_samples_are_without_a_problem() -> None:
    out, summary = io.StringIO(), io.StringIO()
    assert (validate([SAMPLES], "text", out, summary), out.getvalue()) == (0, "")
    assert summary.getvalue() == f"{2 * len(KINDS)} objects checked, 0 problems\n"


def test_seeds_have_the_one_problem_that_they_have() -> None:
    out = io.StringIO()
    assert validate([ROOT / "tests" / "seeds"], "text", out) == 1
    [line] = out.getvalue().splitlines()
    assert line.endswith(": document 10, VMAlert example-vmalert: spec.replicas: unknown field")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_a_full_sample_sets_every_field_but_those_that_exclude_others(kind: type[CustomResource]) -> None:
    manifest = sample(kind, "full")
    assert kind_of(manifest["apiVersion"], manifest["kind"]) is kind
    known = {each.spec.json for each in fields_of(kind.spec_type())}
    assert known - set(manifest["spec"]) == LEFT_OUT.get(kind.kind, set())


def test_the_deployment_starts_the_operator_with_flags_and_variables_that_it_knows() -> None:
    deployment = yaml.safe_load((ROOT / "config" / "manager" / "manager.yaml").read_text())
    pod = deployment["spec"]["template"]["spec"]
    [container] = pod["containers"]
    flags = parse_flags(container["args"])
    probes = [container[name]["httpGet"] for name in ("livenessProbe", "readinessProbe")]
    assert (flags.leader_elect, flags.health_probe_bind_address, flags.metrics_bind_address) == (True, ":8081", ":8080")
    assert probes == [{"path": "/health", "port": 8081}, {"path": "/ready", "port": 8081}]
    assert {port["name"]: port["containerPort"] for port in container["ports"]} == {"http": 8080, "probe": 8081}
    assert Settings.from_env({each["name"]: each["value"] for each in container["env"]}) == Settings()


def test_the_service_selects_the_pods_of_the_deployment() -> None:
    folder = ROOT / "config" / "manager"
    deployment = yaml.safe_load((folder / "manager.yaml").read_text())
    service = yaml.safe_load((folder / "metrics_service.yaml").read_text())
    policy = yaml.safe_load((ROOT / "config" / "network-policy" / "allow_metrics_traffic.yaml").read_text())
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    for selector in (
        service["spec"]["selector"],
        policy["spec"]["podSelector"]["matchLabels"],
        deployment["spec"]["selector"]["matchLabels"],
    ):
        assert selector.items() <= labels.items()
