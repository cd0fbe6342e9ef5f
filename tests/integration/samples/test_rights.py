"""The generated rights are enough: the operator does its work with them, and the API server refuses it nothing."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from vmop.cli.operatorprocess import OperatorProcess
from vmop.devcluster.controlplane import ControlPlane, ControlPlaneMissing, find_assets
from vmop.devcluster.nodes import simulate_nodes
from vmop.kube import ApplyPatch, Client, ClientConfig, Manifest, ObjectKey
from vmop.kube.resources import DEPLOYMENT, STATEFUL_SET, VM_AGENT, VM_AUTH, VM_CLUSTER, VM_DISTRIBUTED, by_kind

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[3]
INSTALLED = ("config/crd", "config/rbac", "config/manager/namespace.yaml")
PARTS = ("vmagent", "vminsert", "vmselect", "vmstorage")
KINDS = (VM_DISTRIBUTED, VM_CLUSTER, VM_AGENT, VM_AUTH)
EXAMPLE = ObjectKey("default", "example")
KUBECONFIG = """\
apiVersion: v1
kind: Config
clusters: [{{name: real, cluster: {{server: "{url}", insecure-skip-tls-verify: true}}}}]
users: [{{name: operator, user: {{token: "{token}"}}}}]
contexts: [{{name: real, context: {{cluster: real, user: operator, namespace: vm}}}}]
current-context: real
"""


@pytest.fixture
async def plane(tmp_path: Path) -> AsyncIterator[ControlPlane]:
    """A control plane of this test alone: the operator works in all of its namespaces."""
    try:
        assets = find_assets(os.environ, ROOT / "hack" / "bin")
    except ControlPlaneMissing as error:
        pytest.skip(str(error))
    async with ControlPlane.start(tmp_path / "control-plane", assets=assets) as plane:
        yield plane


async def kubectl(plane: ControlPlane, *arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *("kubectl", "--kubeconfig", str(plane.kubeconfig), *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, error = await process.communicate()
    assert process.returncode == 0, error.decode()
    return out.decode()


async def as_the_operator(plane: ControlPlane, folder: Path) -> Path:
    """A kubeconfig with a token of the operator's service account, whose rights are those that are installed."""
    for place in INSTALLED[::-1]:
        await kubectl(plane, "apply", "--server-side", "-f", str(ROOT / place))
    await kubectl(plane, "wait", "--for=condition=Established", "--timeout=30s", "crd", "--all")
    token = (await kubectl(plane, "create", "token", "vm-operator", "--namespace=vm")).strip()
    path = folder / "operator.kubeconfig"
    path.write_text(KUBECONFIG.format(url=plane.url, token=token))
    return path


def sample(kind: str, **spec: Any) -> Manifest:
    """The minimal sample of a kind, with further fields."""
    manifest: Manifest = yaml.safe_load((ROOT / "config" / "samples" / f"{kind.lower()}-minimal.yaml").read_text())
    return {**manifest, "spec": manifest["spec"] | spec}


def proxy() -> Manifest:
    target = {"static": {"url": "http://vmselect-example.default.svc:8481/select/0/prometheus"}}
    return sample("VMAuth") | {"spec": {"unauthorizedUserAccessSpec": {"targetRefs": [target]}}}


def cluster(**vmstorage: Any) -> Manifest:
    """A cluster whose pods a budget protects, so that the operator has to evict them."""
    budget = {"podDisruptionBudget": {"maxUnavailable": 1}}
    return sample("VMCluster", vmstorage={"replicaCount": 2, **budget, **vmstorage})


async def apply(client: Client, manifest: Manifest) -> None:
    resource = by_kind(manifest["apiVersion"], manifest["kind"])
    key = ObjectKey("default", manifest["metadata"]["name"])
    await client.patch(resource, key, ApplyPatch(manifest), field_manager="kubectl", force=True)


async def until(done: Callable[[], Awaitable[bool]], seconds: float, what: str) -> None:
    try:
        async with asyncio.timeout(seconds):
            while not await done():
                await asyncio.sleep(0.2)
    except TimeoutError:
        pytest.fail(f"not within {seconds:.0f} s: {what}")


async def refused(operator: OperatorProcess) -> list[str]:
    """The lines of the operator's metrics that count refusals."""
    async with aiohttp.ClientSession() as session, session.get(f"{operator.metrics_url}/metrics") as response:
        text = await response.text()
    assert 'rest_client_requests_total{code="200"' in text
    return re.findall(r'^rest_client_requests_total\{code="40[13]".*$', text, re.MULTILINE)


async def test_the_operators_work_is_refused_nowhere(plane: ControlPlane, tmp_path: Path) -> None:
    kubeconfig = await as_the_operator(plane, tmp_path)
    config = ClientConfig.with_token(plane.url, plane.token, insecure=True)
    words = ("-leader-elect", "-leader-elect-namespace=vm")
    with (tmp_path / "operator.log").open("wb") as log:
        async with (
            Client(config, qps=0) as client,
            simulate_nodes(config),
            OperatorProcess.start(kubeconfig, words, log=log) as operator,
        ):
            await operator.wait_ready()

            async def operational() -> bool:
                found = [await client.get(resource, EXAMPLE) for resource in (VM_CLUSTER, VM_AUTH)]
                return all(
                    (status := each.get("status") or {}).get("updateStatus") == "operational"
                    and status.get("observedGeneration") == each["metadata"]["generation"]
                    for each in found
                )

            async def catching_up() -> bool:
                # no step goes further without agents that answer; these are asked through the API server in vain
                zones = ((await client.get(VM_DISTRIBUTED, EXAMPLE)).get("status") or {}).get("zones") or [{}]
                return bool(zones[0].get("phase") == "CatchingUp" and "no agent answered" in zones[0]["message"])

            for manifest in (proxy(), cluster(), sample("VMDistributed")):
                await apply(client, manifest)
            await until(operational, 90, "cluster and proxy operational")
            await apply(client, cluster(logLevel="WARN"))
            await until(operational, 90, "the pods of the cluster replaced")
            await until(catching_up, 90, "the first zone made")
            workloads = {
                each["metadata"]["name"]
                for resource in (DEPLOYMENT, STATEFUL_SET)
                for each in (await client.list(resource, "default")).items
            }

            async def gone() -> bool:
                return not [one for kind in KINDS for one in (await client.list(kind)).items]

            for kind in (VM_DISTRIBUTED, VM_CLUSTER, VM_AUTH):
                await client.delete(kind, EXAMPLE, propagation="Background")
            await until(gone, 60, "the deletion")
            assert await refused(operator) == [], (tmp_path / "operator.log").read_text()
    assert workloads == {
        "vmauth-example",
        *(f"{part}-example" for part in PARTS[1:]),
        *(f"{part}-example-zone-a" for part in PARTS),
    }


GRANTED = {
    "patch deployments.apps/status": True,
    "patch statefulsets.apps/status": True,
    "create pods/eviction": True,
    "get pods/proxy": True,
    "create leases.coordination.k8s.io": True,
    "delete leases.coordination.k8s.io": False,
    "create pods": False,
    "create pods/exec": False,
    "deletecollection secrets": False,
    "escalate clusterroles.rbac.authorization.k8s.io": False,
    "impersonate serviceaccounts": False,
    "delete nodes": False,
    "delete namespaces": False,
    "delete vmdistributed.operator.victoriametrics.com": False,
}


async def test_the_server_grants_what_is_needed_and_no_more(real_cluster: ControlPlane) -> None:
    for place in INSTALLED[::-1]:
        await kubectl(real_cluster, "apply", "--server-side", "-f", str(ROOT / place))

    async def may(verb: str, resource: str) -> bool:
        kind, _, subresource = resource.partition("/")
        process = await asyncio.create_subprocess_exec(
            *("kubectl", "--kubeconfig", str(real_cluster.kubeconfig), "auth", "can-i", "--quiet", verb, kind),
            *(f"--subresource={subresource}", "--namespace=vm", "--as=system:serviceaccount:vm:vm-operator"),
            stderr=asyncio.subprocess.DEVNULL,  # what it warns of: verbs without a resource of that scope
        )
        return await process.wait() == 0

    assert {question: await may(*question.split()) for question in GRANTED} == GRANTED
