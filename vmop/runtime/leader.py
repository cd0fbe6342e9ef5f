"""Leader election on a Lease, and the fence that it gives to writes.

Whoever holds the lease renews it every ``retry_period``; the others watch it and take it once it was not renewed for
``lease_duration``, by *their own* monotonic clock since they last saw it change: clocks of different machines are never
compared. Every write of the lease carries the resource version it is based on, so of two who take it one fails.

A leader that cannot renew must stop writing before anybody else may start: :meth:`LeaderElection.check` raises
:class:`~vmop.kube.Fenced` when the last successful renewal is ``renew_deadline`` ago or longer (``00-writing.md``
§9). Given to a :class:`~vmop.kube.Client` as its fence, it is asked before each write. A process that was frozen
beyond the deadline thereby sends nothing, until a renewal that is based on the very version it wrote last proves
that nobody came in between.

The lease is not released on shutdown: a successor waits until it expires (``08-operator.md`` §6).
"""

import asyncio
import math
import random
import socket
import time
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import NoReturn, Protocol

import attrs
from prometheus_client import CollectorRegistry, Gauge

from vmop.kube import ApiError, Conflict, Fenced, Manifest, NotFound, ObjectKey, Resource
from vmop.kube.resources import LEASE
from vmop.kube.times import rfc3339_micro
from vmop.runtime.logs import get_logger

_log = get_logger(__name__)

_JITTER = 1.2  # client-go's: attempts to acquire are up to 2.2 retry periods apart


@attrs.frozen
class _Moment:
    """An instant on two clocks: the loop's, and the machine's, since uvloop's stands still while a callback runs."""

    loop: float
    machine: float

    @classmethod
    def now(cls) -> "_Moment":
        return cls(asyncio.get_running_loop().time(), time.monotonic())

    def age(self) -> float:
        """The seconds since then, by the clock that says more."""
        return max(asyncio.get_running_loop().time() - self.loop, time.monotonic() - self.machine)


class LeaseClient(Protocol):
    """The three verbs that the role of an operator grants on leases; :class:`~vmop.kube.Client` has them."""

    async def get(self, resource: Resource, key: ObjectKey) -> Manifest: ...

    async def create(self, resource: Resource, manifest: Manifest) -> Manifest: ...

    async def replace(self, resource: Resource, manifest: Manifest) -> Manifest: ...


class LeadershipLost(Exception):
    """The lease could not be renewed in time, or somebody else holds it. The process has to end."""


def new_identity() -> str:
    """An identity as the Go operator has: ``<hostname>_<uuid>``, new for each process."""
    return f"{socket.gethostname()}_{uuid.uuid4()}"


@attrs.frozen
class LeaderElectionConfig:
    """Which lease, under which identity. Durations are seconds; a deadline below the duration is what makes it safe."""

    namespace: str
    name: str = "57410f0d.victoriametrics.com"
    identity: str = attrs.field(factory=new_identity)
    lease_duration: float = 15.0
    renew_deadline: float = 10.0
    retry_period: float = 2.0

    def __attrs_post_init__(self) -> None:
        if not self.lease_duration > self.renew_deadline > self.retry_period * _JITTER > 0:
            raise ValueError(
                "leader election needs lease duration > renew deadline > 1.2 * retry period > 0,"
                f" got {self.lease_duration:g}s, {self.renew_deadline:g}s, {self.retry_period:g}s"
            )


class LeaderElection:
    """Acquires and renews one lease; see :mod:`vmop.runtime.leader`.

    ``client`` must have no fence of its own (a client that is fenced by this election could never renew).
    """

    def __init__(
        self,
        client: LeaseClient,
        config: LeaderElectionConfig,
        *,
        now: Callable[[], datetime],
        jitter: random.Random | None = None,
        registry: CollectorRegistry | None = None,
    ) -> None:
        self.config = config
        self._client = client
        self._now = now
        self._jitter = jitter if jitter is not None else random.Random()
        self._registry = registry
        self._lease: Manifest | None = None  # as last read or written
        self._seen: tuple[object, ...] | None = None  # what of it says that its holder lives, and ...
        self._seen_at = 0.0  # ... when that was last seen to change
        self._renewed: _Moment | None = None  # while leading: when the last successful renewal was begun
        self._acquired = asyncio.Event()

    @property
    def leading(self) -> bool:
        """Whether the lease was acquired (it may be in doubt: :meth:`check` knows)."""
        return self._renewed is not None

    def check(self) -> None:
        """Raises :class:`~vmop.kube.Fenced` unless the lease was renewed less than the renew deadline ago."""
        lease = f"lease {self.config.namespace}/{self.config.name}"
        if not self.leading:
            raise Fenced(f"{lease} is not held by {self.config.identity}: nothing is written")
        age = self._age()
        if age >= self.config.renew_deadline:
            raise Fenced(f"{lease} was last renewed {age:.1f}s ago: nothing is written until it is renewed")

    async def wait_acquired(self) -> None:
        """Returns once the lease is held."""
        await self._acquired.wait()

    async def run(self) -> NoReturn:
        """Acquire the lease, then renew it until cancelled. Raises :class:`LeadershipLost` when it is lost."""
        gauge = None
        if self._registry is not None:
            text = "1 while this process holds the lease"
            gauge = Gauge("leader_election_master_status", text, ("name",), registry=self._registry)
            gauge.labels(self.config.name).set(0)
        try:
            await self._acquire()
            if gauge is not None:
                gauge.labels(self.config.name).set(1)
            await self._renew()
        finally:
            self._renewed = None
            self._acquired.clear()
            if gauge is not None and self._registry is not None:
                self._registry.unregister(gauge)

    async def _acquire(self) -> None:
        _log.info("waiting for the leader lease", lease=f"{self.config.namespace}/{self.config.name}")
        while not await self._attempt(self._api_timeout):
            await asyncio.sleep(self.config.retry_period * (1 + _JITTER * self._jitter.random()))
        self._acquired.set()
        _log.info("leader lease acquired", identity=self.config.identity)

    async def _renew(self) -> NoReturn:
        while True:
            await asyncio.sleep(self.config.retry_period)
            left = self.config.renew_deadline - self._age()
            if await self._attempt(min(self._api_timeout, max(1.0, left))):
                continue
            if self._holder() != self.config.identity:
                raise LeadershipLost(f"leader election lost: the lease is held by {self._holder() or 'nobody'}")
            if self._age() >= self.config.renew_deadline:
                raise LeadershipLost(
                    f"leader election lost: the lease was not renewed within {self.config.renew_deadline:g}s"
                )

    def _age(self) -> float:
        """Seconds since the last successful renewal was begun."""
        return math.inf if self._renewed is None else self._renewed.age()

    @property
    def _api_timeout(self) -> float:
        return max(1.0, self.config.renew_deadline / 2)

    def _holder(self) -> str:
        spec = (self._lease or {}).get("spec") or {}
        return str(spec.get("holderIdentity") or "")

    async def _attempt(self, timeout: float) -> bool:
        """Take or renew the lease if that is possible; whether it is ours now."""
        started = _Moment.now()
        try:
            async with asyncio.timeout(timeout):
                held = await self._take_or_renew(started.loop)
        except (ApiError, TimeoutError) as error:
            _log.info("leader lease could not be taken or renewed", reason=str(error) or f"no answer in {timeout:g}s")
            return False
        if held:
            self._renewed = started
        return held

    async def _take_or_renew(self, started: float) -> bool:
        if self.leading and self._lease is not None:
            try:
                return await self._write(self._lease, started)
            except (Conflict, NotFound):
                pass  # somebody wrote it, or deleted it: look who
        key = ObjectKey(self.config.namespace, self.config.name)
        try:
            lease = await self._client.get(LEASE, key)
        except NotFound:
            return await self._write(None, started)
        self._remember(lease, started)
        spec = lease.get("spec") or {}
        expires = self._seen_at + float(spec.get("leaseDurationSeconds") or self.config.lease_duration)
        if self._holder() not in ("", self.config.identity) and (self.leading or started < expires):
            return False
        return await self._write(lease, started)

    async def _write(self, before: Manifest | None, started: float) -> bool:
        now = rfc3339_micro(self._now())
        old = ((before or {}).get("spec") or {}) if before else {}
        kept = old.get("holderIdentity") == self.config.identity
        spec = {
            **old,
            "holderIdentity": self.config.identity,
            "leaseDurationSeconds": max(1, round(self.config.lease_duration)),
            "acquireTime": old["acquireTime"] if kept and "acquireTime" in old else now,
            "renewTime": now,
            "leaseTransitions": int(old.get("leaseTransitions") or 0) + (1 if before and not kept else 0),
        }
        if before is None:
            metadata = {"name": self.config.name, "namespace": self.config.namespace}
            lease = {"apiVersion": LEASE.api_version, "kind": LEASE.kind, "metadata": metadata, "spec": spec}
            written = await self._client.create(LEASE, lease)
        else:
            written = await self._client.replace(LEASE, {**before, "spec": spec})
        self._remember(written, started)
        return True

    def _remember(self, lease: Manifest, at: float) -> None:
        self._lease = lease
        spec = lease.get("spec") or {}
        seen = (spec.get("holderIdentity"), spec.get("renewTime"), spec.get("leaseTransitions"))
        if seen != self._seen:
            self._seen, self._seen_at = seen, at
