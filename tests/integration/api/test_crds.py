"""The generated CustomResourceDefinitions on a real API server, loaded as users load them."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from vmop.api import KINDS, CustomResource
from vmop.devcluster.controlplane import ControlPlane

pytestmark = pytest.mark.real

CRDS = Path(__file__).parents[3] / "config" / "crd"


class Kubectl:
    """kubectl against the real control plane."""

    def __init__(self, kubeconfig: Path) -> None:
        self._command = ["kubectl", "--kubeconfig", str(kubeconfig)]

    def __call__(self, arguments: Sequence[str], manifest: Any = None) -> subprocess.CompletedProcess[str]:
        given = None if manifest is None else json.dumps(manifest)
        return subprocess.run([*self._command, *arguments], input=given, capture_output=True, text=True, check=False)

    def output(self, *arguments: str) -> str:
        done = self(arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def kubectl(real_cluster: ControlPlane) -> Kubectl:
    kubectl = Kubectl(real_cluster.kubeconfig)
    kubectl.output("apply", "--server-side", "-f", str(CRDS))
    kubectl.output("wait", "--for=condition=Established", "--timeout=30s", "crd", "--all")
    return kubectl


def apply(kubectl: Kubectl, kind: type[CustomResource], spec: Any) -> subprocess.CompletedProcess[str]:
    manifest = {
        "apiVersion": kind.api_version(),
        "kind": kind.kind,
        "metadata": {"name": "example", "namespace": "default"},
        "spec": spec,
    }
    return kubectl(
        ["apply", "--server-side", "--validate=strict", "--dry-run=server", "-o", "json", "-f", "-"], manifest
    )


def test_every_definition_is_established_and_structural(kubectl: Kubectl) -> None:
    listed = json.loads(kubectl.output("get", "crd", "-o", "json"))["items"]
    conditions = {
        item["metadata"]["name"]: {c["type"]: c["status"] for c in item["status"]["conditions"]}
        for item in listed
        if item["spec"]["group"] == "operator.victoriametrics.com"
    }
    assert sorted(conditions) == sorted(f"{kind.plural}.{kind.group}" for kind in KINDS)
    assert {
        name for name, found in conditions.items() if found != {"NamesAccepted": "True", "Established": "True"}
    } == set()


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("vmcluster.spec.vmstorage", "The storage part; not deployed when absent. Its claims are never deleted."),
        ("vmagent.spec.remoteWrite.maxDiskUsage", "Size of the queue on disk for this target, in bytes or with a unit"),
        ("vmdistributed.spec.zones.trafficMode", "Traffic the zone takes: `read-write` (default), `read-only`"),
        ("vma.spec.retention", "How long notification logs and silences are kept."),
    ],
)
def test_fields_are_explained(kubectl: Kubectl, path: str, text: str) -> None:
    assert text in " ".join(kubectl.output("explain", path).split())


VALID: list[tuple[str, Any]] = [
    ("VMCluster", {"vmstorage": {"replicaCount": 2}, "vmselect": {"claimTemplates": [{"metadata": {"name": "a"}}]}}),
    ("VMAgent", {"remoteWrite": [{"url": "http://vm", "maxDiskUsage": 1073741824}]}),
    ("VMAgent", {"remoteWrite": [{"url": "http://vm", "maxDiskUsage": "1GB"}], "host_aliases": [{"ip": "10.0.0.1"}]}),
    ("VMAuth", {"default_url": ["http://a"], "unauthorizedUserAccessSpec": {"url_prefix": ["http://a"]}}),
    ("VMSingle", {"retentionPeriod": "1", "storage": {"resources": {"requests": {"storage": "1Gi"}}}}),
    ("VMDistributed", {"zones": [{"name": "a", "vmcluster": {"spec": {"vmselect": {"replicaCount": 1}}}}]}),
    ("VMDistributed", {"rollout": {"canary": {"zone": "a"}, "verification": [{"name": "a", "query": "up", "min": 1}]}}),
    (
        "VMServiceScrape",
        {"endpoints": [{"port": "http", "relabelConfigs": [{"source_labels": ["a"], "regex": ["b", "c"]}]}]},
    ),
    ("VMPodScrape", {"podMetricsEndpoints": [{"portNumber": 9100}]}),
    ("VMNodeScrape", {"scheme": "https"}),
    ("VMStaticScrape", {"targetEndpoints": [{"targets": ["a:1"]}]}),
    ("VMProbe", {"vmProberSpec": {"url": "blackbox:9115"}, "targets": {"static": {"targets": ["http://a"]}}}),
    ("VMScrapeConfig", {"gceSDConfigs": [{"project": "p", "zone": ["a", "b"]}]}),
    ("VMRule", {"groups": [{"name": "a", "rules": [{"alert": "Down", "record": "", "expr": "up == 0", "for": "5m"}]}]}),
    ("VMUser", {"targetRefs": [{"static": {"url": "http://a"}}], "access_log": {}}),
    ("VMAlert", {"datasource": {"url": "http://a", "tlsConfig": {"anything": 1}}}),
    ("VMAlertmanager", {"logLevel": "info", "templates": [{"key": "a", "name": "b"}]}),
    ("VMAlertmanagerConfig", {"route": {"receiver": "a", "routes": [{"receiver": "b"}]}, "receivers": [{"name": "a"}]}),
]
BY_NAME = {kind.kind: kind for kind in KINDS}


@pytest.mark.parametrize(("kind", "spec"), VALID, ids=[f"{kind}-{index}" for index, (kind, _) in enumerate(VALID)])
def test_valid_objects_are_accepted_as_they_are(kubectl: Kubectl, kind: str, spec: Any) -> None:
    done = apply(kubectl, BY_NAME[kind], spec)
    assert (done.returncode, done.stderr) == (0, "")
    stored = json.loads(done.stdout)["spec"]
    assert {key: stored[key] for key in spec} == spec


def test_the_api_server_fills_in_defaults(kubectl: Kubectl) -> None:
    done = apply(kubectl, BY_NAME["VMDistributed"], {"vmauth": {}})
    assert json.loads(done.stdout)["spec"] == {"vmauth": {"enabled": True}}
    done = apply(kubectl, BY_NAME["VMAgent"], {"remoteWrite": []})
    assert json.loads(done.stdout)["spec"] == {"remoteWrite": [], "shardCount": 0}


@pytest.mark.parametrize(
    ("kind", "spec", "message"),
    [
        ("VMCluster", {"retentionPeriod": "1month"}, "spec.retentionPeriod"),
        ("VMCluster", {"vmstorage": {"replicaCount": "two"}}, "replicaCount"),
        ("VMAgent", {}, "spec.remoteWrite"),
        ("VMDistributed", {"zones": [{"trafficMode": "none"}]}, "trafficMode"),
        ("VMServiceScrape", {"endpoints": [{"nonsense": 1}]}, "nonsense"),
    ],
)
def test_wrong_objects_are_refused(kubectl: Kubectl, kind: str, spec: Any, message: str) -> None:
    done = apply(kubectl, BY_NAME[kind], spec)
    assert done.returncode != 0
    assert message in done.stderr


def test_a_recorded_rollout_is_kept(kubectl: Kubectl) -> None:
    kind = BY_NAME["VMDistributed"]
    manifest = {
        "apiVersion": kind.api_version(),
        "kind": kind.kind,
        "metadata": {"name": "recorded", "namespace": "default"},
        "spec": {},
    }
    created = kubectl(["create", "-f", "-"], manifest)
    assert created.returncode == 0, created.stderr
    instant = "2030-01-01T10:00:00Z"
    status = {
        "rollout": {"revision": "a", "zones": [{"name": "east", "stepDeadline": instant, "new": 1}], "newer": {"a": 1}},
        "zones": [{"name": "east", "phase": "Ready", "inRead": True, "agents": [{"name": "met-east"}]}],
        "detached": [{"kind": "VMCluster", "name": "old", "since": instant}],
    }
    patch = json.dumps({"status": status})
    done = kubectl(
        ["patch", kind.plural, "recorded", "--subresource=status", "--type=merge", "-p", patch, "-o", "json"]
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["status"] == status
