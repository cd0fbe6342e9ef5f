"""Samples, seeds and examples on a real API server: what we hand to users is taken by it as it stands."""

import json
import subprocess
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import yaml

from vmop.cli.validate import check_text
from vmop.devcluster.controlplane import ControlPlane

pytestmark = pytest.mark.real

ROOT = Path(__file__).parents[3]
SAMPLES = sorted((ROOT / "config" / "samples").glob("*.yaml"))
APPLY = ("apply", "--server-side", "--validate=strict")
CREATE = ("create", "--validate=ignore")  # server-side apply refuses unknown fields, and a seed has one
SEEDS = sorted((ROOT / "tests" / "seeds").glob("*.yaml"))


class Kubectl:
    """kubectl against the real control plane, in a namespace of this test run."""

    def __init__(self, kubeconfig: Path, namespace: str) -> None:
        self._command = ["kubectl", "--kubeconfig", str(kubeconfig), "--namespace", namespace]

    def __call__(self, *arguments: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*self._command, *arguments], input=given, capture_output=True, text=True, check=False)

    def output(self, *arguments: str) -> str:
        done = self(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def kubectl(real_cluster: ControlPlane) -> Iterator[Kubectl]:
    namespace = f"samples-{uuid.uuid4().hex[:8]}"
    kubectl = Kubectl(real_cluster.kubeconfig, namespace)
    kubectl.output("apply", "--server-side", "-f", str(ROOT / "config" / "crd"))
    kubectl.output("wait", "--for=condition=Established", "--timeout=30s", "crd", "--all")
    kubectl.output("create", "namespace", namespace)
    yield kubectl
    # other tests share the cluster, and an operator of theirs would work on what is left
    kubectl.output("delete", "namespace", namespace, "vm", "--ignore-not-found")


def documents(path: Path) -> Sequence[dict[str, object]]:
    return [each for each in yaml.safe_load_all(path.read_text()) if each]


def stored(kubectl: Kubectl, command: Sequence[str], manifest: dict[str, object]) -> dict[str, object]:
    """What the server stored of an object, under a name that no other test uses."""
    renamed = {**manifest, "metadata": {"name": f"sample-{uuid.uuid4().hex[:8]}"}}
    done = kubectl(*command, "-o", "json", "-f", "-", given=json.dumps(renamed))
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


def lost(wanted: object, found: object, path: str = "spec") -> list[str]:
    """Paths of what was applied and is not stored as it was."""
    match wanted, found:
        case dict(), dict():
            return [each for key, value in wanted.items() for each in lost(value, found.get(key), f"{path}.{key}")]
        case list(), list() if len(wanted) == len(found):
            pairs = enumerate(zip(wanted, found, strict=True))
            return [each for index, (one, other) in pairs for each in lost(one, other, f"{path}[{index}]")]
    return [] if wanted == found else [path]


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_is_stored_as_it_is_written(kubectl: Kubectl, path: Path) -> None:
    [manifest] = documents(path)
    assert lost(manifest["spec"], stored(kubectl, APPLY, manifest)["spec"]) == []


@pytest.mark.parametrize("path", SEEDS, ids=lambda path: path.stem)
def test_the_seeds_are_stored_as_they_are_written(kubectl: Kubectl, path: Path) -> None:
    missing = {
        f"{manifest['kind']} {index}": paths
        for index, manifest in enumerate(documents(path))
        if (paths := lost(manifest["spec"], stored(kubectl, CREATE, manifest)["spec"]))
    }
    assert missing == ({"VMAlert 9": ["spec.replicas"]} if path.stem == "high-availability" else {})


def test_the_whole_installation_is_accepted(kubectl: Kubectl) -> None:
    built = kubectl.output("kustomize", str(ROOT / "config" / "default"))
    done = kubectl(
        "apply", "--server-side", "--validate=strict", "-o", "name", "--namespace=vm", "-f", "-", given=built
    )
    assert done.returncode == 0, done.stderr
    kinds = [line.partition("/")[0] for line in done.stdout.split()]
    assert sorted(set(kinds)) == [
        "clusterrole.rbac.authorization.k8s.io",
        "clusterrolebinding.rbac.authorization.k8s.io",
        "customresourcedefinition.apiextensions.k8s.io",
        "deployment.apps",
        "namespace",
        "role.rbac.authorization.k8s.io",
        "rolebinding.rbac.authorization.k8s.io",
        "service",
        "serviceaccount",
    ]


@pytest.mark.parametrize(
    ("kind", "spec", "path"),
    [
        ("VMAgent", {"remoteWrite": [{"url": "http://a"}]}, ""),
        ("VMAgent", {}, "spec.remoteWrite"),
        ("VMAgent", {"remoteWrite": [{}]}, "spec.remoteWrite[0].url"),
        ("VMAgent", {"remoteWrite": [{"url": "http://a"}], "logLevel": "loud"}, "spec.logLevel"),
        ("VMAgent", {"remoteWrite": [{"url": "http://a"}], "scrapeInterval": "soon"}, "spec.scrapeInterval"),
        ("VMAgent", {"remoteWrite": [{"url": "http://a"}], "probeSelector": None}, ""),
        ("VMAgent", {"remoteWrite": None}, "spec.remoteWrite"),
        ("VMAgent", {"remoteWrite": [{"url": "http://a"}], "secrets": [None]}, "spec.secrets[0]"),
        ("VMAgent", {"remoteWrite": [{"url": "http://a"}], "replicaCount": 2**31}, "spec.replicaCount"),
        ("VMAgent", {"remoteWrite": [{"url": "http://a"}], "bogus": 1}, "spec.bogus"),
        (
            "VMUser",
            {"targetRefs": [{"crd": {"kind": "Pod", "name": "a", "namespace": "b"}}]},
            "spec.targetRefs[0].crd.kind",
        ),
    ],
)
def test_rules_of_the_schema_are_judged_as_the_server_judges_them(
    kubectl: Kubectl, kind: str, spec: dict[str, object], path: str
) -> None:
    metadata = {"name": f"sample-{uuid.uuid4().hex[:8]}"}
    manifest = {"apiVersion": "operator.victoriametrics.com/v1beta1", "kind": kind, "metadata": metadata, "spec": spec}
    done = kubectl("create", "--validate=strict", "--dry-run=server", "-f", "-", given=json.dumps(manifest))
    [checked] = check_text(json.dumps(manifest), "-")
    assert (done.returncode == 0, [finding.path for finding in checked.findings]) == (not path, [path] if path else [])
