"""Pods on simulated nodes: when they are ready, what they answer, and what is left when all is over."""

import asyncio
import base64
import contextlib
import gzip
import zlib
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.integration.devcluster.workloads.bench import Bench, claim_template, pod_template, workload
from vmop.devcluster.cluster import DevCluster
from vmop.devcluster.nodes import Behaviour
from vmop.kube import Client, Forbidden, Manifest, MergePatch, ObjectKey, PodHttp
from vmop.kube.resources import (
    DEPLOYMENT,
    NODE,
    PERSISTENT_VOLUME_CLAIM,
    POD,
    SECRET,
    SERVICE,
    STATEFUL_SET,
    STORAGE_CLASS,
)

WRITE_PATH = "/insert/multitenant/prometheus/api/v1/write"


def _ready(pod: Manifest) -> bool:
    conditions = pod["status"].get("conditions") or ()
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


async def _pod(bench: Bench, name: str, annotations: Manifest | None = None, **container: Any) -> None:
    template = pod_template(name, annotations=annotations, **container)
    metadata = {"labels": template["metadata"]["labels"], "annotations": annotations or {}}
    await bench.create(POD, name, template["spec"], **metadata)


async def _running(bench: Bench, name: str) -> Manifest:
    async def check() -> Manifest | None:
        pod = await bench.get(POD, name)
        return pod if pod["status"]["phase"] == "Running" else None

    result: Manifest = await bench.until(check)
    return result


async def _is_ready(bench: Bench, name: str) -> Manifest:
    async def check() -> Manifest | None:
        pod = await bench.get(POD, name)
        return pod if _ready(pod) else None

    result: Manifest = await bench.until(check)
    return result


async def _page(bench: Bench, name: str, port: int, path: str = "/metrics") -> str:
    pod = await bench.get(POD, name)
    async with PodHttp(bench.client, "direct") as http:
        answer = await http.get(bench.key(name), port, path, pod_ip=pod["status"]["podIP"])
    assert answer.status == 200
    return answer.body.decode()


async def _samples(bench: Bench, name: str, port: int) -> dict[str, float]:
    lines = (await _page(bench, name, port)).splitlines()
    return {sample: float(value) for sample, _, value in (line.rpartition(" ") for line in lines)}


async def test_nodes_and_storage_classes_are_there(bench: Bench) -> None:
    nodes = {node["metadata"]["name"] for node in (await bench.client.list(NODE)).items}
    classes = {one["metadata"]["name"]: one["allowVolumeExpansion"] for one in await _classes(bench)}
    assert (nodes, classes) == ({"node-0", "node-1", "node-2"}, {"standard": True, "fixed": False})


async def _classes(bench: Bench) -> list[Manifest]:
    return (await bench.client.list(STORAGE_CLASS)).items


async def test_a_pod_becomes_ready_after_the_time_that_its_annotation_says(bench: Bench) -> None:
    await _pod(bench, "slow", {"simulator.vmop/ready-after": "700ms"})
    early = await _running(bench, "slow")
    late = await _is_ready(bench, "slow")
    assert (_ready(early), late["status"]["containerStatuses"][0]["restartCount"]) == (False, 0)


async def test_a_pod_that_is_never_ready_becomes_so_when_the_knob_is_turned(bench: Bench) -> None:
    bench.nodes.knobs.behaviour = lambda pod: Behaviour("never") if pod.name == "shy" else None
    await _pod(bench, "shy")
    assert not _ready(await _running(bench, "shy"))
    bench.nodes.knobs.behaviour = None
    bench.nodes.refresh()
    await _is_ready(bench, "shy")


async def test_a_crashing_pod_waits_in_back_off_and_counts_restarts(bench: Bench) -> None:
    bench.nodes.knobs.crash_interval = 0.2
    await _pod(bench, "broken", {"simulator.vmop/behaviour": "crash"})

    async def restarted() -> Manifest | None:
        for status in (await bench.get(POD, "broken"))["status"].get("containerStatuses") or ():
            if status["restartCount"] >= 2:
                found: Manifest = status
                return found
        return None

    status = await bench.until(restarted)
    seen = (status["ready"], status["state"]["waiting"]["reason"], status["lastState"]["terminated"]["exitCode"])
    assert seen == (False, "CrashLoopBackOff", 1)


async def test_a_deleted_pod_keeps_running_until_it_has_stopped(bench: Bench) -> None:
    await _pod(bench, "leaving", {"simulator.vmop/stop-after": "500ms"})
    await _is_ready(bench, "leaving")
    await bench.client.delete(POD, bench.key("leaving"))
    leaving = await bench.get(POD, "leaving")
    assert leaving["metadata"]["deletionGracePeriodSeconds"] == 1

    async def gone() -> bool:
        return not await bench.all(POD)

    await bench.until(gone)


async def test_a_pod_waits_for_the_secret_that_it_mounts(bench: Bench) -> None:
    spec = pod_template("waiting")["spec"] | {"volumes": [{"name": "v", "secret": {"secretName": "late"}}]}
    await bench.create(POD, "waiting", spec)

    async def creating() -> bool:
        statuses = (await bench.get(POD, "waiting"))["status"].get("containerStatuses") or [{}]
        return bool(statuses[0].get("state") == {"waiting": {"reason": "ContainerCreating"}})

    await bench.until(creating)
    await bench.client.create(SECRET, {"metadata": {"name": "late", "namespace": bench.namespace}})
    await _is_ready(bench, "waiting")


async def test_a_claim_grows_where_its_class_allows_it(bench: Bench) -> None:
    bench.nodes.knobs.resize_after = 0.5
    await bench.create(PERSISTENT_VOLUME_CLAIM, "data", claim_template()["spec"] | {"storageClassName": "standard"})
    await bench.until(lambda: _phase(bench, "Bound"))
    await bench.patch(PERSISTENT_VOLUME_CLAIM, "data", resources={"requests": {"storage": "2Gi"}})

    async def resizing() -> bool:
        status = (await bench.get(PERSISTENT_VOLUME_CLAIM, "data"))["status"]
        return any(one["type"] == "Resizing" for one in status.get("conditions") or ())

    await bench.until(resizing)

    async def grown() -> Manifest | None:
        status: Manifest = (await bench.get(PERSISTENT_VOLUME_CLAIM, "data"))["status"]
        return status if status["capacity"] == {"storage": "2Gi"} else None

    assert await bench.until(grown) == {
        "phase": "Bound",
        "capacity": {"storage": "2Gi"},
        "accessModes": ["ReadWriteOnce"],
    }


async def test_a_claim_of_a_class_without_expansion_stays_as_it_is(bench: Bench) -> None:
    await bench.create(PERSISTENT_VOLUME_CLAIM, "data", claim_template()["spec"] | {"storageClassName": "fixed"})
    await bench.until(lambda: _phase(bench, "Bound"))
    with contextlib.suppress(Forbidden):  # a server may refuse it, too
        await bench.patch(PERSISTENT_VOLUME_CLAIM, "data", resources={"requests": {"storage": "2Gi"}})
    [claim] = (await bench.settled())["PersistentVolumeClaim"]
    assert claim["status"] == {
        "phase": "Bound",
        "capacity": {"storage": "1Gi"},
        "accessModes": ["ReadWriteOnce"],
    }


async def _phase(bench: Bench, phase: str) -> bool:
    return bool((await bench.get(PERSISTENT_VOLUME_CLAIM, "data"))["status"]["phase"] == phase)


async def test_queues_of_an_agent_fill_while_nobody_takes_and_drain_afterwards(dev: Bench) -> None:
    knobs = dev.nodes.knobs
    knobs.fill_rate, knobs.drain_rate, knobs.in_memory = 1e6, 1e9, 500.0
    url = f"http://vminsert-a.{dev.namespace}.svc:8480{WRITE_PATH}"
    args = [f"-remoteWrite.url={url}", "-httpListenAddr=:8429", "-remoteWrite.tmpDataPath=/tmp/data"]
    await _pod(dev, "agent", args=args)
    await _is_ready(dev, "agent")
    labels = [line.partition("{")[2].partition("}")[0] for line in await _samples(dev, "agent", 8429)]
    folder = labels[1].partition('"')[2].partition('"')[0]
    assert folder.startswith("/tmp/data/persistent-queue/1_")
    on_disk = f'vm_persistentqueue_bytes_pending{{path="{folder}", name="1:secret-url"}}'
    in_all = f'vmagent_remotewrite_pending_data_bytes{{path="{folder}", url="1:secret-url"}}'

    async def filled() -> bool:
        samples = await _samples(dev, "agent", 8429)
        assert samples[in_all] == samples[on_disk] + 500
        return samples[on_disk] > 1e5

    await dev.until(filled)
    ports = [{"name": "http", "port": 8480, "targetPort": "http"}]
    await dev.create(SERVICE, "vminsert-a", {"selector": {"app": "vminsert"}, "ports": ports})
    await dev.create(DEPLOYMENT, "vminsert", workload("vminsert", replicas=1))

    async def drained() -> bool:
        samples = await _samples(dev, "agent", 8429)
        return samples[on_disk] == 0 and samples[in_all] == 500

    await dev.until(drained)


async def test_a_balancer_with_nobody_behind_it_takes_nothing(dev: Bench) -> None:
    ports = [{"name": "http", "port": 8480, "targetPort": "http"}]
    await dev.create(SERVICE, "vminsert-a", {"selector": {"app": "balancer"}, "ports": ports})
    await dev.create(SERVICE, "vminsertinternal-a", {"selector": {"app": "vminsert"}, "ports": ports})
    await dev.create(DEPLOYMENT, "balancer", workload("balancer", replicas=1))
    await dev.status(DEPLOYMENT, "balancer", readyReplicas=1)
    await _pod(dev, "agent", args=[f"-remoteWrite.url=http://vminsert-a.{dev.namespace}.svc:8480{WRITE_PATH}"])
    await _is_ready(dev, "agent")
    queues = dev.nodes.queues(dev.key("agent"))
    assert queues is not None

    def pending() -> float:
        return queues.queues[0].advance(asyncio.get_running_loop().time(), dev.nodes.knobs)

    async def filled() -> bool:
        return pending() > 0

    async def drained() -> bool:
        return pending() == 0

    await dev.until(filled)
    await dev.create(DEPLOYMENT, "vminsert", workload("vminsert", replicas=1))
    await dev.until(drained)


def _reloaded_pod(namespace: str) -> Manifest:
    reloader = {
        "name": "config-reloader",
        "image": "reloader",
        "args": [
            f"--config-secret-name={namespace}/config",
            "--config-secret-key=config.yaml.gz",
            "--reload-url=http://127.0.0.1:8427/-/reload",
        ],
        "ports": [{"name": "reloader-http", "containerPort": 8435}],
    }
    spec = pod_template("auth", ports=[{"name": "http", "containerPort": 8427}])["spec"]
    return {**spec, "containers": [*spec["containers"], reloader]}


def _secret(text: str) -> Manifest:
    return {"data": {"config.yaml.gz": base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()}}


async def test_a_config_reloader_follows_its_secret_after_a_delay(dev: Bench) -> None:
    dev.nodes.knobs.reload_after = 0.6
    await dev.client.create(SECRET, {"metadata": {"name": "config", "namespace": dev.namespace}, **_secret("old: 1")})
    await dev.create(POD, "auth", _reloaded_pod(dev.namespace))
    await _is_ready(dev, "auth")
    hash_line = 'configreloader_reload_content_hash{key="main"}'

    async def seen() -> tuple[float, str]:
        return (await _samples(dev, "auth", 8435))[hash_line], await _page(dev, "auth", 8427, "/config")

    old = (zlib.crc32(gzip.compress(b"old: 1", mtime=0)), "old: 1")
    new = (zlib.crc32(gzip.compress(b"new: 2", mtime=0)), "new: 2")
    assert await seen() == old
    await dev.client.patch(SECRET, dev.key("config"), MergePatch(_secret("new: 2")))
    assert await seen() == old

    async def reloaded() -> bool:
        return await seen() == new

    await dev.until(reloaded)
    assert dev.nodes.config(dev.key("auth")) == b"new: 2"


async def test_the_proxy_of_the_api_server_reaches_pods_by_port(dev: Bench) -> None:
    await _pod(dev, "plain")
    await _is_ready(dev, "plain")
    async with PodHttp(dev.client, "proxy") as http:
        answer = await http.get(dev.key("plain"), 8429, "/health")
    assert (answer.status, answer.body) == (200, b"OK")


async def test_a_pod_answers_only_on_its_ports(dev: Bench) -> None:
    await _pod(dev, "plain")
    address = (await _is_ready(dev, "plain"))["status"]["podIP"]
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.get(f"http://{address}:8430/health")


async def test_a_crashed_pod_answers_nothing(dev: Bench) -> None:
    await _pod(dev, "broken", {"simulator.vmop/behaviour": "crash"})
    address = (await _running(dev, "broken"))["status"]["podIP"]
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientError):
            await session.get(f"http://{address}:8429/health")


async def test_nothing_is_left_when_the_cluster_stops(tmp_path: Path) -> None:
    before = asyncio.all_tasks()
    async with DevCluster.start(tmp_path) as cluster, Client(cluster.config, qps=0) as client:
        spec = workload("app", replicas=3)
        await client.create(DEPLOYMENT, {"metadata": {"name": "app", "namespace": "default"}, "spec": spec})
        bench = Bench(client, cluster.nodes, "default")
        await bench.status(DEPLOYMENT, "app", readyReplicas=3)
        addresses = [pod["status"]["podIP"] for pod in await bench.pods("app")]
    assert asyncio.all_tasks() == before
    for address in addresses:
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(address, 8429)


async def test_an_error_of_the_body_comes_out_as_itself(tmp_path: Path) -> None:
    with pytest.raises(LookupError):
        async with DevCluster.start(tmp_path):
            raise LookupError


async def test_forty_pods_are_ready_soon(dev: Bench) -> None:
    names = [f"app-{number}" for number in range(20)]
    for name in names:
        if name.endswith("0"):
            await dev.create(STATEFUL_SET, name, workload(name, replicas=2, serviceName=name))
        else:
            await dev.create(DEPLOYMENT, name, workload(name, replicas=2))

    async def ready() -> bool:
        return sum(map(_ready, await dev.all(POD))) == 40

    await dev.until(ready)
    assert len(dev.nodes.running) == 40


async def test_a_pod_of_a_given_name_gets_no_second_life(dev: Bench) -> None:
    """A pod replaced under the same name has sockets of its own."""
    await _pod(dev, "same")
    first = await _is_ready(dev, "same")
    await dev.client.delete(POD, dev.key("same"), grace_seconds=0)
    await _pod(dev, "same")
    second = await _is_ready(dev, "same")
    assert first["metadata"]["uid"] != second["metadata"]["uid"]
    assert dev.nodes.running[ObjectKey(dev.namespace, "same")].uid == second["metadata"]["uid"]
