"""What simulated workloads say of themselves, without any cluster."""

import asyncio
import gzip
import random
import zlib

import aiohttp
import pytest
from aiohttp import web

from tests.unit.devcluster.workloads.objects import pod
from vmop.devcluster.nodes import Behaviour, Knobs, Network
from vmop.devcluster.nodes.apps import app_of, reloader_source
from vmop.devcluster.nodes.args import arguments, listen_port
from vmop.devcluster.nodes.behaviour import seconds
from vmop.devcluster.nodes.reloader import ConfigSource, Reloader
from vmop.devcluster.nodes.status import Moment, pod_status
from vmop.devcluster.nodes.vmagent import Queues, internal_names, service_of
from vmop.kube import ObjectKey

# spec/02-vmdistributed.md 11.2 gives this URL with its hash.
URL = "http://vminsert-met-east.obs.svc:8480/insert/multitenant/prometheus/api/v1/write"
FOLDER = "data/persistent-queue/1_3B95FF61862804A3"


@pytest.mark.parametrize(("text", "expected"), [("2s", 2.0), ("250ms", 0.25), ("1m30s", 90.0), ("1.5h", 5400.0)])
def test_durations_are_read(text: str, expected: float) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["", "2", "s", "2 s", "-1s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no duration"):
        seconds(text)


def test_a_function_comes_before_annotations_and_they_before_the_default() -> None:
    annotations = {"simulator.vmop/behaviour": "ready", "simulator.vmop/ready-after": "3s"}
    plain, annotated = pod("plain"), pod("annotated", metadata={"annotations": annotations})
    knobs = Knobs(default=Behaviour("never"))
    seen = [knobs.of(plain), knobs.of(annotated)]
    knobs.behaviour = lambda one: Behaviour("crash")
    seen.append(knobs.of(annotated))
    assert seen == [Behaviour("never"), Behaviour("ready", 3.0), Behaviour("crash")]


def test_an_unknown_behaviour_is_named() -> None:
    odd = pod("odd", metadata={"annotations": {"simulator.vmop/behaviour": "sleep"}})
    with pytest.raises(ValueError, match=r"behaviour='sleep' of pod obs/odd: ready, never, crash are accepted"):
        Knobs().of(odd)


def test_lists_of_flags_are_split_and_repeated_flags_joined() -> None:
    container = {"args": ["-remoteWrite.url=a,'b,c'", "--remoteWrite.url=d", "-x=1,2", "word"], "command": ["-v"]}
    assert arguments(container) == {"remoteWrite.url": ["a", "b,c", "d"], "x": ["1,2"], "v": [""]}


@pytest.mark.parametrize(("flags", "port"), [({"l": [":80"]}, 80), ({"l": ["bad"]}, None), ({}, None)])
def test_the_port_of_a_listen_address_is_found(flags: dict[str, list[str]], port: int | None) -> None:
    assert listen_port(flags, "l") == port


def test_a_queue_fills_until_somebody_takes_it_and_then_drains() -> None:
    taken = False
    knobs = Knobs(fill_rate=10, drain_rate=100, in_memory=5)
    queues = Queues([f"{URL}?a=b"], "data", knobs, lambda url: taken)
    queues.advance(0.0)
    full = queues.metrics(10.0)
    taken = True
    queues.advance(20.0)
    half, empty = queues.metrics(21.0), queues.metrics(30.0)
    on_disk = f'vm_persistentqueue_bytes_pending{{path="{FOLDER}", name="1:secret-url"}}'
    in_all = f'vmagent_remotewrite_pending_data_bytes{{path="{FOLDER}", url="1:secret-url"}}'
    assert [full, half, empty] == [
        [f"{on_disk} 100", f"{in_all} 105"],
        [f"{on_disk} 100", f"{in_all} 105"],
        [f"{on_disk} 0", f"{in_all} 5"],
    ]


def test_a_queue_shows_its_url_when_asked_to_and_holds_what_is_put() -> None:
    queues = Queues(["http://x/a", ""], "data", Knobs(in_memory=0), lambda url: False, show_url=True)
    queues.queues[0].put(7)
    assert [line.partition('", ')[2] for line in queues.metrics(1.0)] == [
        'name="1:http://x/a"} 7',
        'url="1:http://x/a"} 7',
    ]


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("http://name:1/x", ObjectKey("here", "name")),
        ("http://name.there/x", ObjectKey("there", "name")),
        ("http://name.there.svc.cluster.local.:1", ObjectKey("there", "name")),
        ("http://pod-0.name.there.svc/x", ObjectKey("there", "name")),
        ("https://metrics.example.com/x", None),
        ("nonsense", None),
    ],
)
def test_the_service_behind_a_url_is_found(url: str, key: ObjectKey | None) -> None:
    assert service_of(url, "here") == key


@pytest.mark.parametrize(
    ("name", "internal"),
    [
        ("vminsert-x", ("vminsertinternal-x", "vminsert-x-internal")),
        ("x-vminsert", ("x-vminsert", "x-vminsert-internal")),
    ],
)
def test_the_service_behind_a_balancer_is_found(name: str, internal: tuple[str, str]) -> None:
    assert tuple(key.name for key in internal_names(ObjectKey("ns", name))) == internal


def test_a_reloader_applies_what_came_after_its_delay() -> None:
    old, new = gzip.compress(b"old", mtime=0), b"plain"
    reloader = Reloader(ConfigSource("ns", "s", "k"), old, 0.0, lambda: 2.0)
    reloader.follow(old, 5.0)
    reloader.follow(new, 10.0)
    assert [reloader.config(11.9), reloader.config(12.0)] == [b"old", b"plain"]
    assert reloader.metrics(12.0) == [
        "configreloader_last_reload_successful 1",
        "configreloader_last_reload_success_timestamp_seconds 10",
        "configreloader_last_reload_errors_total 0",
        "configreloader_config_last_reload_total 2",
        "configreloader_k8s_watch_errors_total 0",
        "configreloader_secret_content_update_errors_total 0",
        f'configreloader_reload_content_hash{{key="main"}} {zlib.crc32(new)}',
    ]


def test_an_app_answers_on_ports_that_are_declared_or_listened_on() -> None:
    agent = {"name": "vmagent", "args": [f"-remoteWrite.url={URL}"], "ports": [{"containerPort": 8429}]}
    udp = {"containerPort": 53, "protocol": "UDP"}
    reloader = {"name": "r", "args": ["--config-secret-name=ns/s"], "ports": [udp]}
    one = pod("p", spec={"containers": [agent, reloader]})
    app = app_of(
        one,
        queues=lambda urls, folder, show: Queues(urls, folder, Knobs(), lambda url: True),
        reloader=lambda source: Reloader(source, b"c", 0.0, lambda: 0.0),
        clock=lambda: 1.0,
    )
    names = [{line.partition("{")[0].partition(" ")[0] for line in app.metrics(port).splitlines()} for port in (1, 2)]
    assert (set(app.ports), app.agent_port, app.reloader_port) == ({8429, 8435}, 8429, 8435)
    assert names == [{"vm_app_version"}, {"vm_app_version"}]
    assert "vm_persistentqueue_bytes_pending" in app.metrics(8429)
    assert "configreloader_reload_content_hash" in app.metrics(8435)


@pytest.mark.parametrize(
    ("args", "source"),
    [
        (["--config-secret-name=ns/s", "--config-secret-key=k"], ConfigSource("ns", "s", "k")),
        (["--config-secret-name=s"], ConfigSource("here", "s", "config.yaml.gz")),
        (["--config-file=x"], None),
    ],
)
def test_the_secret_of_a_reloader_is_found(args: list[str], source: ConfigSource | None) -> None:
    assert reloader_source({"containers": [{"args": args}]}, "here") == source


def test_times_of_a_status_are_kept_while_nothing_changes() -> None:
    spec = {"containers": [{"name": "c", "image": "i"}], "initContainers": [{"name": "init", "image": "i"}]}
    first = pod_status(spec, {"qosClass": "Burstable"}, Moment("ready", "127.1.2.3", "10.0.0.1", 0, "T1"))
    assert pod_status(spec, first, Moment("ready", "127.1.2.3", "10.0.0.1", 0, "T2")) == first


def test_a_pod_that_is_being_created_has_no_address() -> None:
    spec = {"containers": [{"name": "c"}], "initContainers": [{"name": "init"}]}
    status = pod_status(spec, {}, Moment("creating", "", "10.0.0.1", 0, "T1"))
    states = [status["containerStatuses"][0]["state"], status["initContainerStatuses"][0]["state"]]
    assert (status["phase"], "podIP" in status) == ("Pending", False)
    assert states == [{"waiting": {"reason": "ContainerCreating"}}, {"waiting": {"reason": "PodInitializing"}}]


async def _answer(port: int, request: web.BaseRequest) -> web.StreamResponse:
    return web.Response(text=str(port))


async def test_two_pods_listen_on_one_port_of_different_addresses() -> None:
    network = Network(jitter=random.Random(1))
    pods = [await network.listen([18429], _answer) for _ in range(2)]
    try:
        async with aiohttp.ClientSession() as session:
            pages = [await (await session.get(f"http://{one.address}:18429/")).text() for one in pods]
        assert pages == ["18429", "18429"]
        assert pods[0].address != pods[1].address
    finally:
        for one in pods:
            await network.close(one)


async def test_an_address_that_somebody_else_listens_on_is_passed_over() -> None:
    first = Network(jitter=random.Random(7))
    second = Network(jitter=random.Random(7))
    one = await first.listen([18430], _answer)
    other = await second.listen([18430], _answer, wanted=one.address)
    try:
        assert one.address != other.address
    finally:
        await asyncio.gather(first.close(one), second.close(other))


async def test_a_network_that_does_not_serve_gives_addresses_only() -> None:
    network = Network("10.250.0.0/16", serve=False)
    pods = [await network.listen([80], _answer, wanted="10.250.9.9") for _ in range(2)]
    assert pods[0].address == "10.250.9.9"
    assert pods[1].address != "10.250.9.9"
    for one in pods:
        await network.close(one)


async def test_a_port_that_may_not_be_listened_on_is_an_error() -> None:
    with pytest.raises(OverflowError):
        await Network().listen([70000], _answer)
