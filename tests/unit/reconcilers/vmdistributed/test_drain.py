"""Whether the agents' queues for a backend are empty (spec 02 §11.2)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import attrs
import pytest
from aiohttp import web

from vmop.kube import Client, ClientConfig, ObjectKey, PodHttp
from vmop.reconcilers.vmdistributed.drain import (
    Agent,
    Endpoint,
    Question,
    Reading,
    Verdict,
    poll,
    queue_hash,
    read_metrics,
)
from vmop.reconcilers.vmdistributed.model import Drain

EAST = "http://vminsert-met-east.obs.svc:8480/insert/multitenant/prometheus/api/v1/write"
SINGLE = "http://vmsingle-met-east.obs.svc:8429/api/v1/write"
DISK, TOTAL = "vm_persistentqueue_bytes_pending", "vmagent_remotewrite_pending_data_bytes"
FOLDER = 'path="/x/persistent-queue/1_3B95FF61862804A3"'
OTHER = 'path="/x/persistent-queue/2_00000000000000AA"'
MIB = 1 << 20
NOW = datetime(2030, 1, 1, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("url", "digest"),
    [
        (EAST, "3B95FF61862804A3"),
        (SINGLE, "522E72A09777569D"),
        (f"{SINGLE}?extra_label=a=b#part", "522E72A09777569D"),
    ],
)
def test_a_queues_folder_is_named_after_its_url(url: str, digest: str) -> None:
    assert queue_hash(url) == digest


PAGES = {
    "nothing waits; another zone's queue does not count": (
        f'{TOTAL}{{{FOLDER},url="1:secret-url"}} 0\n{TOTAL}{{{OTHER},url="2:secret-url"}} 900',
        Verdict.EMPTY,
        0,
    ),
    "much waits": (f'{TOTAL}{{{FOLDER},url="1:secret-url"}} 5e6', Verdict.FULL, 5_000_000),
    "something waits on disk": (f"{DISK}{{{FOLDER}}} 1\n{TOTAL}{{{FOLDER}}} 1", Verdict.FULL, 1),
    "only memory, a little": (f"{DISK}{{{FOLDER}}} 0\n{TOTAL}{{{FOLDER}}} {MIB}", Verdict.EMPTY, MIB),
    "only memory, too much": (f"{DISK}{{{FOLDER}}} 0\n{TOTAL}{{{FOLDER}}} {MIB + 1}", Verdict.FULL, MIB + 1),
    "only the part on disk is told": (f"{DISK}{{{FOLDER}}} 0", Verdict.EMPTY, 0),
    "only the total is told, a little": (f"{TOTAL}{{{FOLDER}}} {MIB}", Verdict.NEARLY_EMPTY, MIB),
    "two samples of one queue": (f'{DISK}{{{FOLDER},name="a"}} 2\n{DISK}{{{FOLDER},name="b"}} 3', Verdict.FULL, 5),
    "by the URL": (f'{TOTAL}{{url="{EAST}"}} 7', Verdict.NEARLY_EMPTY, 7),
    "by the numbered URL": (f'{TOTAL}{{url="9:{EAST}"}} 7', Verdict.NEARLY_EMPTY, 7),
    "by the position": (f'{TOTAL}{{url="2:secret-url"}} 7', Verdict.NEARLY_EMPTY, 7),
    "another position": (f'{TOTAL}{{url="1:secret-url"}} 7', Verdict.UNKNOWN, 0),
    "a position beyond the list": (f'{TOTAL}{{url="7:secret-url"}} 7', Verdict.UNKNOWN, 0),
    "no position": (f'{TOTAL}{{url="secret-url"}} 7', Verdict.UNKNOWN, 0),
    "the folder decides before the label": (f'{TOTAL}{{{OTHER},url="2:secret-url"}} 7', Verdict.UNKNOWN, 0),
    "a folder of another form leaves it to the label": (
        f'{TOTAL}{{path="/x/queue",url="{EAST}"}} 7',
        Verdict.NEARLY_EMPTY,
        7,
    ),
    "a position does not count beside a path": (f'{TOTAL}{{path="/x/queue",url="2:secret-url"}} 7', Verdict.UNKNOWN, 0),
    "comments, similar names and other values": (
        f"# HELP {TOTAL} x\n{TOTAL}_more{{{FOLDER}}} 9\n{TOTAL}{{{FOLDER}}} x\n{TOTAL}{{{FOLDER}}} NaN\n{TOTAL} ",
        Verdict.UNKNOWN,
        0,
    ),
    "escaped labels and a timestamp": (f'{TOTAL}{{a="}}\\"",url="{EAST}"}} 7 1700000000000', Verdict.NEARLY_EMPTY, 7),
    "no labels at all": (f"{TOTAL} 7", Verdict.UNKNOWN, 0),
    "an empty page": ("", Verdict.UNKNOWN, 0),
}


@pytest.mark.parametrize(("page", "verdict", "pending"), PAGES.values(), ids=PAGES.keys())
def test_what_a_page_of_metrics_says(page: str, verdict: Verdict, pending: int) -> None:
    assert read_metrics(page, ("http://first", EAST), [EAST]) == Reading(verdict, pending)


def test_an_agent_that_does_not_write_there_has_nothing_that_waits() -> None:
    assert read_metrics("", ("http://first",), [EAST]) == Reading(Verdict.EMPTY)


def test_a_queue_that_is_not_in_the_list_any_more_still_counts() -> None:
    assert read_metrics(f"{DISK}{{{FOLDER}}} 5", (), [EAST]) == Reading(Verdict.FULL, 5)


def test_the_worst_of_several_queues_decides_and_all_are_counted() -> None:
    page = f'{DISK}{{{FOLDER}}} 5\n{DISK}{{path="/1_522E72A09777569D"}} 7\n{DISK}{{{OTHER}}} 9'
    assert read_metrics(page, (EAST, SINGLE), [EAST, SINGLE]) == Reading(Verdict.FULL, 12)


def test_nothing_is_asked_for_so_nothing_waits() -> None:
    assert read_metrics(f"{DISK}{{{FOLDER}}} 5", (EAST,), []) == Reading(Verdict.EMPTY)


# -- polls of real HTTP servers ----------------------------------------------------------------------------------------


@attrs.define
class Pod:
    """A pod of a vmagent on loopback: what it answers, and what it was asked."""

    port: int = 0
    page: str = ""
    status: int = 200
    asked: list[str] = attrs.field(factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(request.path_qs)
        return web.Response(text=self.page, status=self.status)


@pytest.fixture
async def pod() -> AsyncIterator[Pod]:
    made = Pod()
    app = web.Application()
    app.router.add_get("/{path:.*}", made.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.port = runner.addresses[0][1]
    yield made
    await runner.cleanup()


@pytest.fixture
async def http() -> AsyncIterator[PodHttp]:
    async with Client(ClientConfig(server="http://127.0.0.1:1")) as client, PodHttp(client, mode="direct") as pods:
        yield pods


def agent(*pods: Pod, zone: str = "east", path: str = "/metrics", auth_key: str = "", port: int = 0) -> Agent:
    endpoints = tuple(
        Endpoint(ObjectKey("obs", "a-0"), "127.0.0.1", port or pod.port, path=path, auth_key=auth_key) for pod in pods
    )
    return Agent(f"met-{zone}", zone, endpoints, (EAST,))


def question(
    after: float = 0.0, *, good: int = 0, first: float | None = None, required: str | None = "east"
) -> Question:
    """Asked `after` seconds since the step began, with `good` polls before, the first of which was at `first`."""
    since = None if first is None else NOW + timedelta(seconds=first)
    return Question(frozenset({EAST}), NOW + timedelta(seconds=after), NOW, good, since, required)


def nearly(count: int, first: float) -> Drain:
    return Drain(False, 5, "", count, NOW + timedelta(seconds=first))


async def test_an_empty_queue_is_drained(pod: Pod, http: PodHttp) -> None:
    pod.page = f"{DISK}{{{FOLDER}}} 0\n{TOTAL}{{{FOLDER}}} 9"
    assert await poll([agent(pod)], question(), http) == Drain(True, 9)


async def test_pods_are_asked_as_they_serve(pod: Pod, http: PodHttp) -> None:
    await poll([agent(pod, path="/p/metrics", auth_key="k&y")], question(), http)
    assert pod.asked == ["/p/metrics?authKey=k%26y"]


async def test_all_pods_of_all_agents_count(pod: Pod, http: PodHttp) -> None:
    pod.page = f"{DISK}{{{FOLDER}}} 5"
    drain = await poll([agent(pod, pod), agent(pod, zone="west")], question(), http)
    assert (drain, len(pod.asked)) == (Drain(False, 15), 3)


@pytest.mark.parametrize("status", [401, 500])
async def test_a_pod_that_refuses_is_not_drained(pod: Pod, http: PodHttp, status: int) -> None:
    pod.status = status
    assert await poll([agent(pod)], question(100.0, good=9, first=0.0), http) == Drain(False)


async def test_a_pod_that_is_not_there_is_not_drained(pod: Pod, http: PodHttp) -> None:
    pod.page = f"{DISK}{{{FOLDER}}} 0"
    gone = agent(pod, zone="west", port=1)
    assert await poll([agent(pod), gone], question(), http) == Drain(False, 0)


@pytest.mark.parametrize(
    ("good", "drain"), [(0, nearly(1, 10)), (1, nearly(2, 10)), (2, Drain(True, 5, "", 3, NOW + timedelta(seconds=10)))]
)
async def test_a_little_is_accepted_at_the_third_poll(pod: Pod, http: PodHttp, good: int, drain: Drain) -> None:
    pod.page = f"{TOTAL}{{{FOLDER}}} 5"
    assert await poll([agent(pod)], question(10.0, good=good, first=10.0 if good else None), http) == drain


@pytest.mark.parametrize(
    ("after", "drained", "note"), [(0.0, False, ""), (29.0, False, ""), (30.0, True, "no metrics of the queue")]
)
async def test_missing_metrics_are_accepted_after_a_while(
    pod: Pod, http: PodHttp, after: float, drained: bool, note: str
) -> None:
    assert await poll([agent(pod)], question(after, good=2, first=0.0), http) == Drain(drained, 0, note, 3, NOW)


async def test_a_full_queue_starts_the_count_again(pod: Pod, http: PodHttp) -> None:
    pod.page = f"{DISK}{{{FOLDER}}} 5"
    assert await poll([agent(pod)], question(30.0, good=2, first=0.0), http) == Drain(False, 5)


@pytest.mark.parametrize(
    ("zone", "after", "required", "drain"),
    [
        pytest.param("west", 29.0, "east", Drain(False), id="patience with another zone"),
        pytest.param("west", 30.0, "east", Drain(True, None, "no ready endpoint of VMAgent met-west"), id="its end"),
        pytest.param("east", 999.0, "east", Drain(False), id="never for the zone's own"),
        pytest.param(
            "east", 30.0, None, Drain(True, None, "no ready endpoint of VMAgent met-east"), id="before the update"
        ),
    ],
)
async def test_agents_without_a_ready_endpoint(
    http: PodHttp, zone: str, after: float, required: str | None, drain: Drain
) -> None:
    assert await poll([agent(zone=zone)], question(after, required=required), http) == drain


async def test_no_agents_hold_nothing(http: PodHttp) -> None:
    assert await poll([], question(), http) == Drain(True)
