"""``vmop demo``: in under a minute, without a cluster, what this operator is for.

A dev cluster and the operator start; the VMDistributed of the documentation is applied, and its objects appear; then it
is changed, and the change rolls over its zones one at a time while the other one takes the traffic. The exit code says
whether all of that happened, so that CI can run it.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.resources
import textwrap
from collections.abc import AsyncIterator
from pathlib import Path

import attrs
import yaml
from rich.console import Console

from vmop.cli.dev import DevEnvironment, dev_environment, own_name
from vmop.cli.operatorprocess import OperatorFailed
from vmop.cli.rollout import Display, RolloutView, follow
from vmop.kube import Client, Manifest, MergePatch, ObjectKey
from vmop.kube.resources import VM_AGENT, VM_AUTH, VM_CLUSTER, VM_DISTRIBUTED
from vmop.runtime import stop_on_signals

UPDATE_PAUSE = "2s"
TIME_LIMIT = 60.0  # seconds, from the start of the dev cluster to the end
NAMESPACE = "default"
CHANGE: Manifest = {
    "spec": {
        "zoneCommon": {
            "vmcluster": {
                "spec": {"vminsert": {"replicaCount": 2}, "vmselect": {"extraArgs": {"search.maxQueryDuration": "1m"}}}
            }
        }
    }
}


class DemoFailed(Exception):
    """Something did not happen as promised; the text says what."""


def example() -> Manifest:
    """The VMDistributed of the documentation (``examples/vmdistributed.yaml``)."""
    text = importlib.resources.files("vmop.cli").joinpath("example.yaml").read_text(encoding="utf-8")
    manifest: Manifest = yaml.safe_load(text)
    return manifest


async def run_demo(folder: Path, *, time_limit: float = TIME_LIMIT) -> int:
    """The command; returns the exit code. `folder` gets the kubeconfig and the operator's log."""
    console = Console(highlight=False)
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "demo-operator.log"
    log.unlink(missing_ok=True)
    stop = asyncio.Event()
    with stop_on_signals(stop):
        demo = asyncio.create_task(_within(console, folder / "demo-kubeconfig", log, time_limit))
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait((demo, stopped), return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if stop.is_set():
            demo.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await demo
            console.print("stopped")
            return 130
        try:
            await demo
        except (DemoFailed, OperatorFailed) as error:
            console.print(f"\nThe demo failed: {error}", markup=False, style="red", soft_wrap=True)
            _tail(console, log)
            return 1
    return 0


def _tail(console: Console, log: Path) -> None:
    """The end of the operator's log, where there is one."""
    if log.exists() and (lines := log.read_text(encoding="utf-8", errors="replace").splitlines()):
        console.print(f"The operator's log is {log}; it ends with:", markup=False, soft_wrap=True)
        for line in lines[-5:]:
            console.print(f"  {line}", markup=False, soft_wrap=True)


async def _within(console: Console, kubeconfig: Path, log: Path, time_limit: float) -> None:
    demo: Demo | None = None
    started = asyncio.get_running_loop().time()
    try:
        async with asyncio.timeout(time_limit):
            console.print("Starting a cluster in this process, and the operator next to it.")
            async with dev_environment(kubeconfig) as environment:
                demo = Demo(console, environment, started)
                with log.open("wb") as file:
                    async with environment.operator(log=file) as operator:
                        await operator.during(demo.run())
    except TimeoutError:
        last = f"; last seen: {demo.last}" if demo is not None and demo.last else ""
        raise DemoFailed(f"not through after {time_limit:g} s{last}") from None


@attrs.define
class Demo:
    """One run of the demo on a dev cluster with a running operator."""

    console: Console
    environment: DevEnvironment
    started: float
    last: str = ""
    most_out: int = 0

    @property
    def client(self) -> Client:
        return self.environment.client

    async def run(self) -> None:
        manifest = example()
        manifest["metadata"]["namespace"] = NAMESPACE
        manifest["spec"]["zoneCommon"]["updatePause"] = UPDATE_PAUSE
        key = ObjectKey(NAMESPACE, manifest["metadata"]["name"])
        self.say(f"To look into it from elsewhere: export KUBECONFIG={self.environment.kubeconfig.resolve()}")
        self.heading(f"1. Applying examples/vmdistributed.yaml, with zoneCommon.updatePause: {UPDATE_PAUSE}")
        self.say("The pause between zones is 1m by default; nobody wants to wait for it in a demo.")
        self.say(
            "Traffic is what the VMAuth sends to a zone; one that does not exist yet, or is being changed, gets none.\n"
        )
        applied = await self.client.create(VM_DISTRIBUTED, manifest)
        async with contextlib.aclosing(follow(self.client, key)) as views:
            await self.watch(views, applied["metadata"]["generation"])
            self.heading("2. Changing it: the change reaches one zone at a time")
            self.console.print(textwrap.indent(yaml.safe_dump(CHANGE, sort_keys=False), "    "), markup=False)
            changed = await self.client.patch(VM_DISTRIBUTED, key, MergePatch(CHANGE))
            self.most_out = 0
            await self.watch(views, changed["metadata"]["generation"])
        await self.check(key)

    async def watch(self, views: AsyncIterator[RolloutView | None], generation: int) -> None:
        """Show the rollout of that generation until it is through."""
        with Display(self.console, prefix=self.elapsed) as display:
            async for view in views:
                if view is None or view.generation < generation:
                    continue
                self.last = view.headline
                self.most_out = max(self.most_out, sum(zone.traffic == "out" for zone in view.zones))
                display.show(view)
                if view.failed:
                    raise DemoFailed(f"VMDistributed {view.key} failed: {view.reason}")
                if view.done:
                    return

    async def check(self, key: ObjectKey) -> None:
        """Every object is operational, and never were two zones seen without traffic."""
        if self.most_out > 1:
            raise DemoFailed(f"{self.most_out} zones were out of traffic at once during the second rollout")
        self.heading("3. The result")
        waiting = []
        for resource in (VM_DISTRIBUTED, VM_CLUSTER, VM_AGENT, VM_AUTH):
            for manifest in (await self.client.list(resource, key.namespace)).items:
                status = (manifest.get("status") or {}).get("updateStatus") or "without status"
                self.console.print(f"  {resource.kind:<14} {manifest['metadata']['name']:<32} {status}")
                if status != "operational":
                    waiting.append(f"{resource.kind} {manifest['metadata']['name']}")
        if waiting:
            raise DemoFailed(f"not operational: {', '.join(waiting)}")
        self.say(f"\nEverything is operational after {self.seconds():.0f} s; never were two zones seen out of traffic.")
        self.say(f"To try it yourself: {own_name()} dev")

    def say(self, text: str) -> None:
        self.console.print(text, markup=False, soft_wrap=True)

    def heading(self, text: str) -> None:
        self.console.print(f"\n{text}", style="bold", markup=False, soft_wrap=True)

    def seconds(self) -> float:
        return asyncio.get_running_loop().time() - self.started

    def elapsed(self) -> str:
        return f"{self.seconds():5.1f}s "
