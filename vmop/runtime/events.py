"""Events: what a user reads at the end of ``kubectl describe``.

Written as the Go operator writes them (``01-common.md`` §3.4): core/v1, each an object of its own, nothing
aggregated. Those that are vmop's own (``own=True``) are held back while the same one was told within the last ten
minutes, and beyond 25 for one object they come one in five minutes.

:meth:`EventRecorder.event` only notes the event; :meth:`EventRecorder.run` writes them, one after the other, so no
reconcile waits for an event or fails by one.
"""

import asyncio
import uuid
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from datetime import datetime
from typing import Literal, Protocol, TypeVar

import attrs

from vmop.kube import ApiError, Fenced, Manifest, Resource
from vmop.kube.resources import EVENT
from vmop.kube.times import rfc3339
from vmop.runtime.logs import get_logger

_log = get_logger(__name__)

T = TypeVar("T")

_SAME = 600.0  # seconds for which an event of our own is not repeated
_BURST = 25  # events of our own for one object at once, then ...
_REFILL = 300.0  # ... one in so many seconds: client-go's spam filter
_REMEMBERED = 4096  # events and objects of which the last telling is known
_WAITING = 1000  # events that wait to be written; beyond that new ones are dropped


@attrs.frozen
class ObjectReference:
    """What an event is about, as much of it as the Go operator says."""

    kind: str
    namespace: str
    name: str
    uid: str = ""
    resource_version: str = ""

    @classmethod
    def of(cls, manifest: Manifest) -> "ObjectReference":
        """The reference to an object that says its kind."""
        metadata = manifest["metadata"]
        return cls(
            kind=manifest["kind"],
            namespace=metadata.get("namespace", ""),
            name=metadata["name"],
            uid=metadata.get("uid", ""),
            resource_version=metadata.get("resourceVersion", ""),
        )


class HasManifest(Protocol):
    """An object of a cache."""

    def manifest(self) -> Manifest: ...


class EventWriter(Protocol):
    """Who creates the events; :class:`~vmop.kube.Client` does."""

    async def create(self, resource: Resource, manifest: Manifest) -> Manifest: ...


class EventRecorder:
    """Records events about objects; see :mod:`vmop.runtime.events`. A manager runs it, or whoever runs the
    controllers.
    """

    def __init__(
        self, client: EventWriter, *, component: str = "victoria-metrics-operator", now: Callable[[], datetime]
    ) -> None:
        self._client = client
        self._component = component
        self._now = now
        self._waiting: deque[Manifest] = deque()
        self._wake = asyncio.Event()
        self._stopping = False
        self._told: OrderedDict[Hashable, float] = OrderedDict()
        self._budgets: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()  # tokens left, as of when

    def event(
        self,
        obj: Manifest | ObjectReference | HasManifest,
        type_: Literal["Normal", "Warning"],
        reason: str,
        message: str,
        *,
        own: bool = False,
    ) -> None:
        """Note an event about ``obj``; returns at once and never fails by the cluster.

        ``own`` events are vmop's and not the Go operator's: de-duplicated for ten minutes and limited in rate.
        """
        match obj:
            case ObjectReference():
                about = obj
            case dict():
                about = ObjectReference.of(obj)
            case _:
                about = ObjectReference.of(obj.manifest())
        if own and not self._worth_telling(about, type_, reason, message):
            return
        if len(self._waiting) >= _WAITING:
            _log.info("event is dropped, too many wait to be written", reason=reason, object=about.name)
            return
        self._waiting.append(self._manifest(about, type_, reason, message))
        self._wake.set()

    async def run(self) -> None:
        """Write events until :meth:`stop` (and then those that still wait) or until cancelled."""
        while True:
            while self._waiting:
                await self._write(self._waiting.popleft())
            if self._stopping:
                return
            self._wake.clear()
            await self._wake.wait()

    def stop(self) -> None:
        """Let :meth:`run` end once nothing waits any more."""
        self._stopping = True
        self._wake.set()

    def _manifest(self, about: ObjectReference, type_: str, reason: str, message: str) -> Manifest:
        namespace = about.namespace or "default"  # where events about cluster-scoped objects live
        now = rfc3339(self._now())
        involved = {
            "kind": about.kind,
            "namespace": about.namespace,
            "name": about.name,
            "uid": about.uid,
            "resourceVersion": about.resource_version,
        }
        return {
            "apiVersion": EVENT.api_version,
            "kind": EVENT.kind,
            "metadata": {"name": f"{self._component}-{uuid.uuid4()}", "namespace": namespace},
            "involvedObject": {field: value for field, value in involved.items() if value},
            "type": type_,
            "reason": reason,
            "message": message,
            "source": {"component": self._component},
            # the Go operator sets only the last one, and kubectl describe shows an unknown age
            "firstTimestamp": now,
            "lastTimestamp": now,
        }

    async def _write(self, manifest: Manifest) -> None:
        try:
            await self._client.create(EVENT, manifest)
        except (ApiError, Fenced) as error:
            _log.info("event could not be written", reason=manifest["reason"], error=str(error))

    def _worth_telling(self, about: ObjectReference, type_: str, reason: str, message: str) -> bool:
        now = asyncio.get_running_loop().time()
        about_whom = (about.kind, about.namespace, about.name, about.uid)
        what = (*about_whom, type_, reason, message)
        last = self._told.get(what)
        if last is not None and now - last < _SAME:
            return False
        tokens, since = self._budgets.get(about_whom, (float(_BURST), now))
        tokens = min(float(_BURST), tokens + (now - since) / _REFILL)
        enough = tokens >= 1
        _remember(self._budgets, about_whom, (tokens - 1 if enough else tokens, now))
        if enough:
            _remember(self._told, what, now)
        return enough


def _remember(memory: OrderedDict[Hashable, T], key: Hashable, value: T) -> None:
    memory[key] = value
    memory.move_to_end(key)
    if len(memory) > _REMEMBERED:
        memory.popitem(last=False)
