"""What a person sees: the real kubectl on the dev cluster."""

import asyncio
import re
import shutil
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from vmop.devcluster.server import ApiServer

Kubectl = Callable[..., Awaitable[str]]

MANIFEST = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: c, image: nginx, ports: [{containerPort: 80}]}]
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, name: http}]}
"""
CRD = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {kind: Widget, plural: widgets, shortNames: [wd]}
  versions:
  - name: v1
    served: true
    storage: true
    additionalPrinterColumns:
    - {name: Size, type: integer, jsonPath: .spec.size}
    - {name: Age, type: date, jsonPath: .metadata.creationTimestamp}
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            description: What is wanted.
            properties: {size: {type: integer, default: 3, minimum: 1, description: How big.}}
"""


@pytest.fixture
def kubectl(server: ApiServer, tmp_path: Path) -> Kubectl:
    """Run kubectl with these arguments (and input); its output, errors included, with ages blanked."""
    program = shutil.which("kubectl", path=str(Path(sys.executable).parent)) or shutil.which("kubectl")
    if program is None:
        pytest.skip("there is no kubectl")
    config = server.write_kubeconfig(tmp_path / "kubeconfig")

    async def run(*arguments: str, stdin: str = "") -> str:
        process = await asyncio.create_subprocess_exec(
            program,
            "--kubeconfig",
            str(config),
            "--cache-dir",
            str(tmp_path / "cache"),
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate(stdin.encode())
        return re.sub(r"(?m)\b\d+s$", "AGE", output.decode())

    return run


async def test_apply_is_created_then_unchanged_then_configured(kubectl: Kubectl) -> None:
    first = await kubectl("apply", "-f", "-", stdin=MANIFEST)
    second = await kubectl("apply", "-f", "-", stdin=MANIFEST)
    third = await kubectl("apply", "-f", "-", stdin=MANIFEST.replace("replicas: 2", "replicas: 3"))
    assert (first, second, third) == (
        "deployment.apps/web created\nservice/web created\n",
        "deployment.apps/web unchanged\nservice/web unchanged\n",
        "deployment.apps/web configured\nservice/web unchanged\n",
    )


async def test_server_side_apply_meets_client_side_apply(kubectl: Kubectl) -> None:
    await kubectl("apply", "-f", "-", stdin=MANIFEST)
    changed = MANIFEST.replace("replicas: 2", "replicas: 3")
    assert await kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=changed) == (
        "deployment.apps/web serverside-applied\nservice/web serverside-applied\n"
    )
    assert await kubectl("get", "deploy/web", "-o", "jsonpath={.spec.replicas}") == "3"


async def test_get_prints_columns(kubectl: Kubectl) -> None:
    await kubectl("apply", "-f", "-", stdin=MANIFEST)
    await kubectl("create", "secret", "generic", "s", "--from-literal=k=v")
    assert await kubectl("get", "deploy,secret") == (
        "NAME                  READY   UP-TO-DATE   AVAILABLE   AGE\n"
        "deployment.apps/web   0/2     0            0           AGE\n"
        "\n"
        "NAME       TYPE     DATA   AGE\n"
        "secret/s   Opaque   1      AGE\n"
    )


async def test_crds_are_waited_for_explained_and_printed(kubectl: Kubectl) -> None:
    await kubectl("apply", "-f", "-", stdin=CRD)
    waited = await kubectl("wait", "--for=condition=Established", "crd/widgets.example.com", "--timeout=5s")
    assert waited == "customresourcedefinition.apiextensions.k8s.io/widgets.example.com condition met\n"
    widget = "{apiVersion: example.com/v1, kind: Widget, metadata: {name: w}}"
    assert await kubectl("apply", "-f", "-", stdin=widget[:-1] + ", spec: {}}") == "widget.example.com/w created\n"
    assert await kubectl("get", "wd") == "NAME   SIZE   AGE\nw      3      AGE\n"
    assert "size\t<integer>\n    How big." in await kubectl("explain", "widget.spec")
    refused = await kubectl("apply", "-f", "-", stdin=widget.replace("w}", "w2}")[:-1] + ", spec: {size: 0}}")
    assert refused == (
        'The Widget "w2" is invalid: spec.size: Invalid value: 0: '
        "spec.size in body should be greater than or equal to 1\n"
    )


async def test_patches_and_scale(kubectl: Kubectl) -> None:
    await kubectl("apply", "-f", "-", stdin=MANIFEST)
    strategic = '{"spec":{"template":{"spec":{"containers":[{"name":"c","env":[{"name":"A","value":"b"}]}]}}}}'
    await kubectl("patch", "deploy/web", "-p", strategic)
    await kubectl("patch", "deploy/web", "--type=json", "-p", '[{"op":"replace","path":"/spec/replicas","value":4}]')
    await kubectl("label", "deploy/web", "q=r")
    assert await kubectl("scale", "deploy/web", "--replicas=5") == "deployment.apps/web scaled\n"
    path = "jsonpath={.metadata.generation} {.spec.replicas} {.metadata.labels.q} "
    path += "{.spec.template.spec.containers[0].image} {.spec.template.spec.containers[0].env[0].value}"
    assert await kubectl("get", "deploy/web", "-o", path) == "4 5 r nginx b"


async def test_describe_shows_events(kubectl: Kubectl) -> None:
    await kubectl("apply", "-f", "-", stdin=MANIFEST)
    uid = await kubectl("get", "svc/web", "-o", "jsonpath={.metadata.uid}")
    event = (
        "{apiVersion: v1, kind: Event, metadata: {name: e}, reason: Because, message: it happened, type: Normal, "
        f"involvedObject: {{kind: Service, name: web, namespace: default, uid: {uid}}}, source: {{component: test}}}}"
    )
    await kubectl("create", "-f", "-", stdin=event)
    described = await kubectl("describe", "svc/web")
    assert "Selector:                 app=web" in described
    assert "Because" in described
    assert "it happened" in described


async def test_dry_run_and_delete(kubectl: Kubectl) -> None:
    dry = await kubectl("create", "-f", "-", "--dry-run=server", stdin=MANIFEST)
    assert dry == "deployment.apps/web created (server dry run)\nservice/web created (server dry run)\n"
    await kubectl("create", "-f", "-", stdin=MANIFEST)
    deleted = await kubectl("delete", "deploy/web", "--cascade=foreground")
    assert deleted == 'deployment.apps "web" deleted from default namespace\n'
    assert await kubectl("delete", "svc", "--all") == 'service "web" deleted from default namespace\n'
    assert await kubectl("get", "deploy,svc") == "No resources found in default namespace.\n"


async def test_namespaces_are_created_and_deleted(kubectl: Kubectl) -> None:
    assert await kubectl("create", "namespace", "n") == "namespace/n created\n"
    await kubectl("create", "configmap", "c", "--from-literal=k=v", "-n", "n")
    assert await kubectl("delete", "namespace", "n") == 'namespace "n" deleted\n'
    assert "NotFound" in await kubectl("get", "namespace", "n")


async def test_the_user_may_do_everything(kubectl: Kubectl) -> None:
    assert await kubectl("auth", "can-i", "delete", "pods") == "yes\n"
