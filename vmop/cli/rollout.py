"""Where a VMDistributed's rollout stands: read from its status, shown as a table or as lines.

:class:`RolloutView` is a value made of one object; :func:`follow` yields one whenever the object changes; the rest
draws it. A terminal gets a table that is redrawn in place, anything else (a file, CI) a line for each thing that
changed.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncGenerator, Callable, Iterator
from pathlib import Path

import attrs
from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from vmop.informers import Handler, InformerFactory
from vmop.kube import Client, Manifest, NotFound, ObjectKey, load_kubeconfig
from vmop.kube.resources import VM_DISTRIBUTED

#: how long the first answer of the API server may take, in seconds
SYNC_TIMEOUT = 15.0

_COLOURS = {"Ready": "green", "Failed": "red", "Pending": "dim", "Maintenance": "magenta"}
#: phases that wait for what agents have queued
_QUEUES = frozenset({"Draining", "AgentDrain", "CatchingUp"})


@attrs.frozen
class ChildView:
    """A child of a zone: kind, name and ``status.updateStatus``, empty where it has none yet."""

    kind: str = ""
    name: str = ""
    update_status: str = ""

    @classmethod
    def of(cls, child: Manifest) -> ChildView:
        """From ``backend`` or an entry of ``agents`` in ``status.zones``."""
        return cls(child.get("kind", ""), child.get("name", ""), child.get("updateStatus", ""))


@attrs.frozen
class ZoneView:
    """One zone as the status tells of it. `pending_bytes` is None where no queue was looked at yet."""

    name: str
    phase: str
    in_read: bool
    in_write: bool
    pending_bytes: int | None = None
    backend: ChildView = ChildView()
    agents: tuple[ChildView, ...] = ()
    message: str = ""

    @property
    def traffic(self) -> str:
        """Of which targets of the VMAuth the zone is one."""
        match self.in_read, self.in_write:
            case True, True:
                return "read+write"
            case True, False:
                return "read only"
            case False, True:
                return "write only"
            case _:
                return "out"

    @classmethod
    def of(cls, zone: Manifest) -> ZoneView:
        """From an entry of ``status.zones``."""
        return cls(
            name=zone.get("name", ""),
            phase=zone.get("phase", ""),
            in_read=bool(zone.get("inRead")),
            in_write=bool(zone.get("inWrite")),
            pending_bytes=zone.get("pendingBytes"),
            backend=ChildView.of(zone.get("backend") or {}),
            agents=tuple(ChildView.of(agent) for agent in zone.get("agents") or ()),
            message=zone.get("message") or "",
        )


@attrs.frozen
class RolloutView:
    """A VMDistributed and its rollout, as its status tells of it."""

    key: ObjectKey
    generation: int
    #: the operator has looked at the spec as it is now
    seen: bool
    update_status: str
    reason: str
    #: ``status.rollout.state``, empty before the first pass
    state: str
    revision: str
    completed: bool
    current_zone: str
    zones: tuple[ZoneView, ...]

    @classmethod
    def of(cls, manifest: Manifest) -> RolloutView:
        """From the object as the API server has it."""
        metadata, status = manifest["metadata"], manifest.get("status") or {}
        rollout = status.get("rollout") or {}
        return cls(
            key=ObjectKey(metadata.get("namespace", ""), metadata["name"]),
            generation=metadata.get("generation", 1),
            seen=status.get("observedGeneration", 0) >= metadata.get("generation", 1),
            update_status=status.get("updateStatus", ""),
            reason=status.get("reason", ""),
            state=rollout.get("state", ""),
            revision=rollout.get("revision", ""),
            completed=bool(rollout.get("completionTime")),
            current_zone=rollout.get("currentZone", ""),
            zones=tuple(ZoneView.of(zone) for zone in status.get("zones") or ()),
        )

    @property
    def done(self) -> bool:
        """The spec as it is now is in all zones, and everything is operational."""
        return self.seen and self.update_status == "operational" and self.completed

    @property
    def failed(self) -> bool:
        """The operator gave up on the spec as it is now; `reason` says why."""
        return self.seen and self.update_status == "failed"

    @property
    def headline(self) -> str:
        """One sentence: what is going on."""
        if not self.seen:
            return "waiting for the operator to look at it"
        if self.failed:
            return f"failed: {self.reason}"
        if self.update_status == "paused":
            return "paused: spec.paused is set"
        ready = sum(zone.phase == "Ready" for zone in self.zones)
        if self.done:
            return f"operational, {ready} of {len(self.zones)} zones ready"
        where = f", {self.current_zone} has its turn" if self.current_zone else ""
        state = self.state.lower() if self.state not in ("", "Idle") else self.update_status
        return f"{state}, {ready} of {len(self.zones)} zones ready{where}"


# -- following ---------------------------------------------------------------------------------------------------------


async def follow(client: Client, key: ObjectKey) -> AsyncGenerator[RolloutView | None, None]:
    """The rollout of one VMDistributed as it is, then again after each change; None while there is no such object.

    Watching goes through an informer, so an interrupted connection is the informer's business. Changes that come faster
    than they are taken are told as one. Raises ``TimeoutError`` where the API server does not answer.
    """
    factory = InformerFactory(client)
    informer = factory.informer(VM_DISTRIBUTED, namespace=key.namespace, field_selector=f"metadata.name={key.name}")
    changed = asyncio.Event()
    informer.add_handler(Handler(lambda *_: changed.set(), lambda *_: changed.set(), lambda *_: changed.set()))
    running = asyncio.create_task(factory.run())
    try:
        await informer.wait_synced(SYNC_TIMEOUT)
        changed.set()
        while True:
            await changed.wait()
            changed.clear()
            stored = informer.lister.get(key)
            yield RolloutView.of(stored.manifest()) if stored is not None else None
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


# -- drawing -----------------------------------------------------------------------------------------------------------


def table(view: RolloutView) -> RenderableType:
    """The rollout as a table, one row a zone, and under it what is waited for."""
    rows = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("zone", "phase", "traffic", "queued", "backend", "agent"):
        rows.add_column(column, justify="right" if column == "queued" else "left", no_wrap=column != "agent")
    for zone in view.zones:
        rows.add_row(
            zone.name,
            Text(zone.phase, style=_COLOURS.get(zone.phase, "yellow")),
            Text(zone.traffic, style="red" if zone.traffic == "out" else ""),
            "" if zone.pending_bytes is None else size(zone.pending_bytes),
            zone.backend.update_status or "-",
            ", ".join(agent.update_status or "-" for agent in zone.agents),
        )
    waiting = [Text(f"  {zone.name}: {zone.message}", style="dim") for zone in view.zones if zone.message]
    return Group(Text(f"VMDistributed {view.key}", style="bold"), Text(view.headline), rows, *waiting)


def lines(before: RolloutView | None, view: RolloutView) -> Iterator[str]:
    """What is new since `before`, a line each."""
    if before is None or before.headline != view.headline:
        yield view.headline
    known = {zone.name: zone for zone in before.zones} if before is not None else {}
    for zone in view.zones:
        old = known.get(zone.name)
        if (
            old is None
            or (old.phase, old.traffic) != (zone.phase, zone.traffic)
            or zone.message not in ("", old.message)
        ):
            queued = f"{size(zone.pending_bytes)} queued " if zone.pending_bytes and zone.phase in _QUEUES else ""
            line = f"  zone {zone.name:<12} {zone.phase:<16} traffic: {zone.traffic:<11} {queued}{zone.message}"
            yield line.rstrip()


def size(count: int) -> str:
    """Bytes for people: ``4.0 KiB``."""
    amount, units = float(count), ["B", "KiB", "MiB", "GiB", "TiB"]
    while amount >= 1024 and len(units) > 1:
        amount /= 1024
        units.pop(0)
    return f"{count} B" if units[0] == "B" else f"{amount:.1f} {units[0]}"


class Display:
    """Shows one rollout: a line for each thing that changed and, on a terminal, below them the table as it is now.

    A context manager. `prefix` is asked for what stands before each line.
    """

    def __init__(self, console: Console, *, prefix: Callable[[], str] = str) -> None:
        self._console = console
        self._prefix = prefix
        self._before: RolloutView | None = None
        self._live = Live(console=console, auto_refresh=False) if console.is_terminal else None

    def __enter__(self) -> Display:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, view: RolloutView) -> None:
        """Show the rollout as it is now."""
        for line in lines(self._before, view):
            self._console.print(f"{self._prefix()}{line}", markup=False, highlight=False, soft_wrap=True)
        if self._live is not None:
            self._live.update(table(view), refresh=True)
        self._before = view


# -- the command -------------------------------------------------------------------------------------------------------


async def show_rollout(key: ObjectKey, *, kubeconfig: Path | None, context: str | None, watch: bool) -> int:
    """``vmop rollout``: print once, or until the rollout is through; returns the exit code.

    0: it is through, or its state was printed (without `watch`); 1: it failed, or does not exist. Raises
    ConfigError, and ApiError where the API server cannot be asked.
    """
    console = Console()
    config = await load_kubeconfig(kubeconfig, context, environ=os.environ)
    key = ObjectKey(key.namespace or config.namespace or "default", key.name)
    async with Client(config) as client:
        try:
            found = await client.get(VM_DISTRIBUTED, key)
        except NotFound:
            return _missing(console, key)
        if watch:
            return await _watch(console, client, key)
        console.print(table(RolloutView.of(found)))
        return 0


async def _watch(console: Console, client: Client, key: ObjectKey) -> int:
    async with contextlib.aclosing(follow(client, key)) as views:
        with Display(console) as display:
            async for view in views:
                if view is None:
                    break
                display.show(view)
                if view.done or view.failed:
                    return int(view.failed)
    return _missing(console, key)


def _missing(console: Console, key: ObjectKey) -> int:
    console.print(f"no VMDistributed {key}", markup=False, highlight=False)
    return 1
