"""The example manifests, applied: everything becomes operational."""

import asyncio
from pathlib import Path

import pytest
import yaml

from vmop.cli.dev import DevEnvironment, dev_environment
from vmop.kube import Client, Manifest, Resource, by_kind
from vmop.kube.resources import VM_AGENT, VM_AUTH, VM_CLUSTER, VM_DISTRIBUTED

EXAMPLES = Path(__file__).parents[3] / "examples"
pytestmark = pytest.mark.timeout(120)


async def apply(environment: DevEnvironment, name: str) -> None:
    for manifest in yaml.safe_load_all((EXAMPLES / name).read_text()):
        manifest["metadata"]["namespace"] = "default"
        if manifest["kind"] == VM_DISTRIBUTED.kind:
            manifest["spec"]["zoneCommon"]["updatePause"] = "1s"
        await environment.client.create(by_kind(manifest["apiVersion"], manifest["kind"]), manifest)


async def statuses(client: Client, *resources: Resource) -> dict[str, str]:
    found: list[Manifest] = []
    for resource in resources:
        found += [each | {"kind": resource.kind} for each in (await client.list(resource, "default")).items]
    return {
        f"{each['kind']} {each['metadata']['name']}": (each.get("status") or {}).get("updateStatus", "")
        for each in found
    }


@pytest.mark.parametrize(
    ("example", "names"),
    [
        (
            "vmdistributed-names.yaml",
            [
                "VMDistributed metrics",
                "VMCluster store-zone-a",
                "VMCluster store-zone-b",
                "VMAgent ingest-zone-a",
                "VMAgent ingest-zone-b",
                "VMAuth metrics-entry",
            ],
        ),
        (
            "vmdistributed-referenced.yaml",
            [
                "VMDistributed adopted",
                "VMCluster cluster-1",
                "VMCluster cluster-2",
                "VMAgent adopted-zone-1",
                "VMAgent adopted-zone-2",
                "VMAuth vmauth-global",
            ],
        ),
    ],
)
async def test_everything_that_an_example_stands_for_becomes_operational(
    tmp_path: Path, example: str, names: list[str]
) -> None:
    async with dev_environment(tmp_path / "kubeconfig") as environment:
        with (tmp_path / "log").open("wb") as log:
            async with environment.operator(log=log):
                await apply(environment, example)
                async with asyncio.timeout(90.0):
                    while set((await statuses(environment.client, VM_DISTRIBUTED)).values()) != {"operational"}:
                        await asyncio.sleep(0.2)
                found = await statuses(environment.client, VM_DISTRIBUTED, VM_CLUSTER, VM_AGENT, VM_AUTH)
    assert found == dict.fromkeys(names, "operational")
