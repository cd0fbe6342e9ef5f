"""Whether the agents' queues for a backend are empty (spec 02 §11.2).

Each pod of an agent is asked once for its metrics. A sample belongs to a backend's URL by the name of the queue's
folder, or by its ``url`` label, which real vmagents fill with ``N:secret-url``. Nothing here waits: what was counted in
earlier polls comes in with the question and goes out with the answer.
"""

from __future__ import annotations

import asyncio
import enum
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal

import attrs
import xxhash

from vmop.kube import ApiError, ObjectKey, PodHttp
from vmop.reconcilers.vmdistributed.model import Drain

ON_DISK = "vm_persistentqueue_bytes_pending"
TOTAL = "vmagent_remotewrite_pending_data_bytes"
#: memory is never quite empty under load
TOLERANCE = 1 << 20
GOOD_POLLS = 3
#: how long samples may be missing, or agents without an endpoint, before they are no longer waited for
PATIENCE = timedelta(seconds=30)
HTTP_TIMEOUT = 10.0

_SAMPLE = re.compile(r"^(?P<name>[a-zA-Z_:][\w:]*)(?:\{(?P<labels>.*)\})?\s+(?P<value>\S+)")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_FOLDER = re.compile(r"^(?P<position>\d+)_(?P<hash>[0-9A-F]{16})$")


@attrs.frozen
class Endpoint:
    """A pod of an agent that takes traffic, and how it serves its metrics."""

    pod: ObjectKey
    ip: str
    port: int
    scheme: Literal["http", "https"] = "http"
    path: str = "/metrics"
    #: the value of ``extraArgs.metricsAuthKey``
    auth_key: str = attrs.field(default="", repr=False)


@attrs.frozen
class Agent:
    """A VMAgent of the VMDistributed: its ready pods and the URLs that it writes to, in its order."""

    name: str
    zone: str
    endpoints: tuple[Endpoint, ...]
    urls: tuple[str, ...]


@attrs.frozen
class Question:
    """Which queues must be empty, and what earlier polls of the same step found."""

    #: of the backends that are asked for; samples of other URLs do not count
    urls: frozenset[str]
    now: datetime
    #: when the step began, from which patience is counted
    since: datetime
    good_polls: int = 0
    first_good_poll: datetime | None = None
    #: agents of this zone are waited for even without an endpoint; None: of no zone
    required_zone: str | None = None


class Verdict(enum.IntEnum):
    """What one page of metrics says, from best to worst."""

    EMPTY = 0
    NEARLY_EMPTY = 1
    UNKNOWN = 2
    FULL = 3


@attrs.frozen
class Reading:
    """One pod's answer for all URLs that were asked for."""

    verdict: Verdict
    pending: int = 0


def queue_hash(url: str) -> str:
    """The hash in the name of vmagent's queue folder for `url`: xxHash64, seed 0, without query and fragment."""
    plain = url.partition("#")[0].partition("?")[0]
    return xxhash.xxh64_hexdigest(plain.encode()).upper().zfill(16)


async def poll(agents: Sequence[Agent], question: Question, pods: PodHttp) -> Drain:
    """Ask every ready pod of `agents` once, all at the same time."""
    patient = question.now < question.since + PATIENCE
    silent = [agent for agent in agents if not agent.endpoints]
    waited_for = [agent for agent in silent if patient or agent.zone == question.required_zone]
    async with asyncio.TaskGroup() as group:
        asked = [
            group.create_task(_read(pods, agent, endpoint, question.urls))
            for agent in agents
            for endpoint in agent.endpoints
        ]
    readings = [task.result() for task in asked]
    worst = max((reading.verdict for reading in readings if reading is not None), default=Verdict.EMPTY)
    answered = [reading for reading in readings if reading is not None]
    pending = sum(reading.pending for reading in answered) if answered else None
    skipped = [agent.name for agent in silent if agent not in waited_for]
    note = f"no ready endpoint of VMAgent {', '.join(skipped)}" if skipped else ""
    if waited_for or len(answered) < len(readings) or worst is Verdict.FULL:
        return Drain(drained=False, pending=pending)
    if worst is Verdict.EMPTY:
        return Drain(drained=True, pending=pending, skipped=note)
    first, count = question.first_good_poll or question.now, question.good_polls + 1
    if worst is Verdict.NEARLY_EMPTY:
        done = count >= GOOD_POLLS
    else:
        done = question.now >= first + PATIENCE
        note = "; ".join(filter(None, (note, "no metrics of the queue")))
    return Drain(done, pending, note if done else "", good_polls=count, first_good_poll=first)


async def _read(pods: PodHttp, agent: Agent, endpoint: Endpoint, urls: frozenset[str]) -> Reading | None:
    """What a pod says; None where it does not answer as it should."""
    params = {"authKey": endpoint.auth_key} if endpoint.auth_key else None
    try:
        response = await pods.get(
            endpoint.pod,
            endpoint.port,
            endpoint.path,
            scheme=endpoint.scheme,
            params=params,
            pod_ip=endpoint.ip,
            timeout=HTTP_TIMEOUT,
        )
    except ApiError:
        return None
    if response.status != 200:
        return None
    return read_metrics(response.body.decode(errors="replace"), agent.urls, urls)


def read_metrics(text: str, positions: tuple[str, ...], urls: Iterable[str]) -> Reading:
    """The state of the queues for `urls` in one page of a vmagent that writes to `positions`."""
    samples = list(_samples(text))
    readings = [_queue(samples, url, positions) for url in urls]
    worst = max((reading.verdict for reading in readings), default=Verdict.EMPTY)
    return Reading(worst, sum(reading.pending for reading in readings))


def _queue(samples: Iterable[tuple[str, Mapping[str, str], float]], url: str, positions: tuple[str, ...]) -> Reading:
    on_disk: float | None = None
    total: float | None = None
    for name, labels, value in samples:
        if not _belongs(labels, url, positions):
            continue
        if name == ON_DISK:
            on_disk = (on_disk or 0.0) + value
        else:
            total = (total or 0.0) + value
    if on_disk is None and total is None:
        # an agent that does not write there has nothing that could wait
        return Reading(Verdict.UNKNOWN if url in positions else Verdict.EMPTY)
    pending = int(max(on_disk or 0.0, total or 0.0))
    if on_disk is not None:
        return Reading(Verdict.EMPTY if not on_disk and pending <= TOLERANCE else Verdict.FULL, pending)
    if not pending:
        return Reading(Verdict.EMPTY)
    return Reading(Verdict.NEARLY_EMPTY if pending <= TOLERANCE else Verdict.FULL, pending)


def _belongs(labels: Mapping[str, str], url: str, positions: tuple[str, ...]) -> bool:
    """The first rule of §11.2 that applies to the sample."""
    path = labels.get("path", "")
    folder = _FOLDER.match(path.rstrip("/").rpartition("/")[2])
    if folder is not None:
        return folder["hash"] == queue_hash(url)
    number, separator, label = labels.get("url", "").partition(":")
    plain = label if separator and number.isdigit() else labels.get("url", "")
    if plain == url:
        return True
    hidden = not path and plain == "secret-url" and number.isdigit()
    return hidden and positions[int(number) - 1 : int(number)] == (url,)


def _samples(text: str) -> Iterator[tuple[str, Mapping[str, str], float]]:
    for line in text.splitlines():
        if not line.startswith((ON_DISK, TOTAL)):
            continue
        match = _SAMPLE.match(line)
        if match is None or match["name"] not in (ON_DISK, TOTAL):
            continue
        try:
            value = float(match["value"])
        except ValueError:
            continue
        if not math.isfinite(value):
            continue
        labels = {key: re.sub(r"\\(.)", r"\1", text) for key, text in _LABEL.findall(match["labels"] or "")}
        yield match["name"], labels, value
