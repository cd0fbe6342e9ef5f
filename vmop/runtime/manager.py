"""The manager: everything that runs, started and stopped in order.

Start: listeners → informers → runnables that need no lease (they also serve on a follower) → wait until caches are
synced (then ``/ready`` is fine) → wait for the lease → controllers. A follower waits at the last step with warm
caches.

Stop: controllers take no more work and running reconciles get ``drain_timeout`` → the other runnables → lease →
informers → listeners. The lease is renewed until the last write is done, and then left to expire.

If anything fails (the lease is lost, caches do not sync, a runnable raises), all is cancelled and the error comes
out of :meth:`Manager.run`. Either way no task is left behind.
"""

import asyncio
import contextlib
import random
import ssl
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Protocol, runtime_checkable

from prometheus_client import CollectorRegistry

from vmop.informers import InformerFactory
from vmop.kube import Client, ClientConfig
from vmop.runtime.controller import Controller
from vmop.runtime.leader import LeaderElection, LeaderElectionConfig
from vmop.runtime.logs import get_logger
from vmop.runtime.metrics import ControllerMetrics, LoopLag
from vmop.runtime.servers import metrics_app, probes_app, serve
from vmop.workqueue import QueueMetrics

_log = get_logger(__name__)


class CacheSyncTimeout(Exception):
    """Informers had not synced in time; the text names them. Often a CRD is missing, or the role lacks a rule."""


class FencedClient(Protocol):
    """What the manager does with the client of the controllers: it fences its writes."""

    config: ClientConfig
    fence: Callable[[], None] | None


class Runnable(Protocol):
    """Anything with a life of its own. Cancellation ends it; one that returns by itself has done its work."""

    async def run(self) -> None: ...


@runtime_checkable
class Stoppable(Protocol):
    """A runnable that wants to finish what it began: after ``stop`` its ``run`` returns soon."""

    def stop(self) -> None: ...


class Manager:
    """Runs controllers and other runnables on one factory's informers; see :mod:`vmop.runtime.manager`.

    With ``leader_election`` controllers wait for the lease, and ``client`` is fenced by it: all its writes, from
    now on. Addresses are ``host:port``; ``""`` and ``"0"`` mean none. ``drain_timeout`` and ``cache_sync_timeout``
    are seconds. ``registry`` has the metrics of controllers, queues, event loop and lease while :meth:`run` runs. A
    manager runs once.
    """

    def __init__(
        self,
        client: FencedClient,
        factory: InformerFactory,
        *,
        registry: CollectorRegistry,
        leader_election: LeaderElectionConfig | LeaderElection | None = None,
        probe_address: str = "",
        metrics_address: str = "",
        metrics_tls: ssl.SSLContext | None = None,
        drain_timeout: float = 30.0,
        cache_sync_timeout: float = 180.0,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        jitter: random.Random | None = None,
    ) -> None:
        self._factory = factory
        self._registry = registry
        self._probe_address = probe_address
        self._metrics_address = metrics_address
        self._metrics_tls = metrics_tls
        self._drain_timeout = drain_timeout
        self._cache_sync_timeout = cache_sync_timeout
        self._leaders: list[Runnable] = []
        self._others: list[Runnable] = []
        self._synced = asyncio.Event()
        self._lease_client: Client | None = None
        self.election: LeaderElection | None
        self.probe_url: str | None = None
        self.metrics_url: str | None = None
        match leader_election:
            case LeaderElectionConfig():
                # A client of its own, since the one of the controllers is fenced by what this one achieves.
                self._lease_client = Client(client.config)
                self.election = LeaderElection(
                    self._lease_client, leader_election, now=now, jitter=jitter, registry=registry
                )
            case _:
                self.election = leader_election
        if self.election is not None:
            client.fence = self.election.check

    def add(self, runnable: Runnable, *, needs_leadership: bool | None = None) -> None:
        """Have ``runnable`` run, too. Controllers need leadership, others (webhooks, recorders) do not, unless told
        so.
        """
        if needs_leadership is None:
            needs_leadership = isinstance(runnable, Controller)
        (self._leaders if needs_leadership else self._others).append(runnable)

    async def run(self, stop: asyncio.Event) -> None:
        """Run until ``stop`` is set, then stop in order and return.

        Raises :class:`CacheSyncTimeout`, :class:`~vmop.runtime.LeadershipLost`, ``OSError`` for an address that is
        taken, or what a runnable raised; several at once come as an ``ExceptionGroup``.
        """
        async with contextlib.AsyncExitStack() as stack:
            if self._lease_client is not None:
                await stack.enter_async_context(self._lease_client)
            stack.enter_context(self._measured())
            probes = serve(probes_app(self._synced), self._probe_address)
            self.probe_url = await stack.enter_async_context(probes)
            metrics = serve(metrics_app(self._registry), self._metrics_address, tls=self._metrics_tls)
            self.metrics_url = await stack.enter_async_context(metrics)
            try:
                await self._run(stop)
            except ExceptionGroup as group:
                if len(group.exceptions) == 1:
                    raise group.exceptions[0] from None
                raise

    @contextlib.contextmanager
    def _measured(self) -> Iterator[None]:
        metrics = ControllerMetrics(self._registry)
        queue_metrics = QueueMetrics(self._registry)
        for runnable in (*self._leaders, *self._others):
            if isinstance(runnable, Controller):
                runnable.measure(metrics, queue_metrics)
        try:
            yield
        finally:
            metrics.close()
            queue_metrics.close()

    async def _run(self, stop: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as group:
            lag = group.create_task(LoopLag(self._registry).run(), name="event-loop-lag")
            factory = group.create_task(self._factory.run(), name="informers")
            others = _start(group, self._others)
            election = [] if self.election is None else [group.create_task(self.election.run(), name="leader-election")]
            leaders: dict[asyncio.Task[None], Runnable] = {}
            start = group.create_task(self._start_leaders(group, leaders), name="start")
            await stop.wait()
            _log.info("stopping")
            start.cancel()
            await _stop(leaders, self._drain_timeout)
            await _stop(others, self._drain_timeout)
            for task in (*election, factory, lag):
                task.cancel()
        _log.info("gracefully stopped")

    async def _start_leaders(self, group: asyncio.TaskGroup, leaders: dict[asyncio.Task[None], Runnable]) -> None:
        try:
            await self._factory.wait_synced(self._cache_sync_timeout)
        except TimeoutError as error:
            raise CacheSyncTimeout(f"caches did not sync: {error}") from None
        self._synced.set()
        if self.election is not None:
            await self.election.wait_acquired()
        leaders |= _start(group, self._leaders)


def _start(group: asyncio.TaskGroup, runnables: Iterable[Runnable]) -> dict[asyncio.Task[None], Runnable]:
    return {
        group.create_task(runnable.run(), name=getattr(runnable, "name", type(runnable).__name__)): runnable
        for runnable in runnables
    }


async def _stop(running: dict[asyncio.Task[None], Runnable], timeout: float) -> None:
    """Ask all to stop, cancel at once those that cannot be asked, and after ``timeout`` seconds those that did not."""
    for task, runnable in running.items():
        if isinstance(runnable, Stoppable):
            runnable.stop()
        else:
            task.cancel()
    if not running:
        return
    _, pending = await asyncio.wait(running, timeout=timeout)
    for task in pending:
        _log.info("still running at the end of its time to stop: cancelled", runnable=task.get_name())
        task.cancel()
    if pending:
        await asyncio.wait(pending)
