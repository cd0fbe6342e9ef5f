"""``vmop render``: resources in, manifests out."""

import io
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from vmop.api import Manifest
from vmop.cli.render import render

CLUSTER = """
apiVersion: operator.victoriametrics.com/v1beta1
kind: VMCluster
metadata:
  name: main
spec:
  vmselect:
    replicaCount: 1
"""
AUTH = """
apiVersion: operator.victoriametrics.com/v1beta1
kind: VMAuth
metadata: {name: entry, namespace: obs}
spec:
  unauthorizedUserAccessSpec: {url_prefix: ["http://somewhere:8481"]}
"""
AGENT = """
apiVersion: operator.victoriametrics.com/v1beta1
kind: VMAgent
metadata: {name: ingest}
spec:
  ingestOnlyMode: true
  remoteWrite: [{url: "http://somewhere:8480"}]
"""


def rendered(
    tmp_path: Path, *texts: str, environ: Mapping[str, str] | None = None, namespace: str = "default"
) -> tuple[int, list[Manifest], str]:
    """The exit code, the manifests, and what was said about `tmp_path`'s files `0`, `1`…"""
    files = [tmp_path / str(number) for number in range(len(texts))]
    for file, text in zip(files, texts, strict=True):
        file.write_text(text)
    out, err = io.StringIO(), io.StringIO()
    code = render(files, namespace, environ or {}, out, err)
    return code, list(yaml.safe_load_all(out.getvalue())), err.getvalue().replace(f"{tmp_path}/", "")


def names(manifests: list[Manifest]) -> list[str]:
    return [f"{each['kind']} {each['metadata']['namespace']}/{each['metadata']['name']}" for each in manifests]


def test_all_documents_of_all_files_are_rendered_in_order(tmp_path: Path) -> None:
    code, manifests, errors = rendered(tmp_path, f"{CLUSTER}---{AUTH}", AGENT)
    assert (code, errors) == (0, "")
    assert names(manifests) == [
        "ServiceAccount default/vmcluster-main",
        "StatefulSet default/vmselect-main",
        "Service default/vmselect-main",
        "VMServiceScrape default/vmselect-main",
        "ServiceAccount obs/vmauth-entry",
        "Role obs/vmauth-entry",
        "RoleBinding obs/vmauth-entry",
        "Service obs/vmauth-entry",
        "VMServiceScrape obs/vmauth-entry",
        "Secret obs/vmauth-config-entry",
        "Deployment obs/vmauth-entry",
        "ServiceAccount default/vmagent-ingest",
        "Service default/vmagent-ingest",
        "VMServiceScrape default/vmagent-ingest",
        "Deployment default/vmagent-ingest",
    ]


def test_manifests_have_no_owner_and_no_anchors(tmp_path: Path) -> None:
    _, manifests, _ = rendered(tmp_path, CLUSTER)
    assert [each for each in manifests if "ownerReferences" in each["metadata"]] == []
    out = io.StringIO()
    render([tmp_path / "0"], "default", {}, out, io.StringIO())
    assert "&id" not in out.getvalue()


def test_the_namespace_is_that_of_resources_that_name_none(tmp_path: Path) -> None:
    _, manifests, _ = rendered(tmp_path, f"{CLUSTER}---{AUTH}", namespace="elsewhere")
    assert {each["metadata"]["namespace"] for each in manifests} == {"elsewhere", "obs"}


def test_the_operators_environment_counts(tmp_path: Path) -> None:
    environ = {"VM_VMCLUSTERDEFAULT_VMSELECTDEFAULT_VERSION": "v9-cluster"}
    _, manifests, _ = rendered(tmp_path, CLUSTER, environ=environ)
    (container,) = manifests[1]["spec"]["template"]["spec"]["containers"]
    assert container["image"].endswith(":v9-cluster")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (CLUSTER.replace("1\n", "many\n"), "0:8: spec.vmselect.replicaCount: expected integer, got string"),
        (
            CLUSTER.replace("VMCluster", "VMRule"),
            "0:2: cannot render kind VMRule, only VMCluster, VMAgent, VMAuth",
        ),
        ("[]", "0:1: cannot render kind None, only VMCluster, VMAgent, VMAuth"),
        (CLUSTER.replace("name: main", "labels: {}"), "0:2: metadata.name is missing"),
        (
            AGENT.replace("  ingestOnlyMode: true\n", "  ingestOnlyMode: true\n  vpa: {}\n"),
            "0:7: spec.vpa: spec.vpa is set but VM_VPA_API_ENABLED=true env var was not provided",
        ),
    ],
    ids=["ill-typed", "other-kind", "no-object", "no-name", "unbuildable"],
)
def test_what_cannot_be_rendered_is_told_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    assert rendered(tmp_path, text) == (1, [], f"error: {message}\n")


def test_what_is_no_yaml_is_told_with_its_line(tmp_path: Path) -> None:
    code, manifests, errors = rendered(tmp_path, "a: [\n")
    assert (code, manifests, errors[:9]) == (1, [], "error: 0:")


def test_a_missing_file_and_a_bad_environment_are_told(tmp_path: Path) -> None:
    err = io.StringIO()
    assert render([tmp_path / "missing"], "default", {}, io.StringIO(), err) == 1
    assert err.getvalue() == f"error: [Errno 2] No such file or directory: '{tmp_path}/missing'\n"
    code, _, errors = rendered(tmp_path, CLUSTER, environ={"VM_FORCERESYNCINTERVAL": "soon"})
    assert (code, "VM_FORCERESYNCINTERVAL" in errors) == (1, True)
