"""The queues of a simulated vmagent: filling while nobody takes what is written, draining once somebody does.

Metrics and labels are those of vmagent (spec/02-vmdistributed.md 11.2): what is on disk of each queue, and what is
pending in all, under the folder of the queue, which is named by its place and by the hash of its URL.
"""

import functools
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit, urlunsplit

import xxhash

from vmop.devcluster.nodes.behaviour import Knobs
from vmop.kube import ObjectKey


class Queue:
    """The queue of one remote write URL; `taken` says whether somebody takes what is written, at this moment."""

    def __init__(self, number: int, url: str, folder: str, label: str, taken: Callable[[], bool]) -> None:
        bare = urlunsplit(urlsplit(url)._replace(query="", fragment=""))
        digest = xxhash.xxh64_intdigest(bare.encode())
        self.number = number
        self.url = url
        self.path = f"{folder}/persistent-queue/{number}_{digest:016X}"
        self.label = label
        self._taken = taken
        self._is_taken = taken()
        self._pending = 0.0
        self._at: float | None = None

    def advance(self, now: float, knobs: Knobs) -> float:
        """Let time pass until `now`, as it was taken so far. Returns the bytes on disk."""
        passed = 0.0 if self._at is None else now - self._at
        rate = -knobs.drain_rate if self._is_taken else knobs.fill_rate
        self._pending = max(0.0, self._pending + rate * passed)
        self._at, self._is_taken = now, self._taken()
        return self._pending

    def put(self, size: float) -> None:
        """Have so many bytes on disk."""
        self._pending = size


class Queues:
    """All queues of one vmagent pod."""

    def __init__(
        self,
        urls: Sequence[str],
        folder: str,
        knobs: Knobs,
        taken: Callable[[str], bool],
        *,
        show_url: bool = False,
    ) -> None:
        self._knobs = knobs
        self.queues: list[Queue] = []
        for number, url in enumerate(urls, 1):
            if url:
                label = f"{number}:{url if show_url else 'secret-url'}"
                self.queues.append(Queue(number, url, folder, label, functools.partial(taken, url)))

    def advance(self, now: float) -> None:
        """Something about who takes what is written has changed, or may have."""
        for queue in self.queues:
            queue.advance(now, self._knobs)

    def metrics(self, now: float) -> list[str]:
        lines = []
        for queue in self.queues:
            disk = queue.advance(now, self._knobs)
            total = disk + self._knobs.in_memory
            lines.append(f'vm_persistentqueue_bytes_pending{{path="{queue.path}", name="{queue.label}"}} {disk:.0f}')
            lines.append(
                f'vmagent_remotewrite_pending_data_bytes{{path="{queue.path}", url="{queue.label}"}} {total:.0f}'
            )
        return lines


def service_of(url: str, namespace: str) -> ObjectKey | None:
    """The Service that a URL names, as a pod of `namespace` resolves it; None for a host outside of the cluster."""
    parts = (urlsplit(url).hostname or "").removesuffix(".").split(".")
    match parts:
        case [name] if name:
            return ObjectKey(namespace, name)
        case [name, where]:
            return ObjectKey(where, name)
        case [name, where, "svc", *_]:
            return ObjectKey(where, name)
        case [_, name, where, "svc", *_]:
            return ObjectKey(where, name)
        case _:
            return None


def internal_names(service: ObjectKey) -> tuple[ObjectKey, ObjectKey]:
    """What vminsert's own Service may be called while its cluster's balancer has its name (spec/01-common.md 2.1)."""
    where, name = service
    return ObjectKey(where, name.replace("vminsert-", "vminsertinternal-", 1)), ObjectKey(where, f"{name}-internal")
