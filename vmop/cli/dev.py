"""``vmop dev``: a cluster on this machine, with our custom resources and the operator in it, until Ctrl-C.

The API server, the workload controllers and the simulated nodes run in this process; the operator is a process of its
own, exactly the one that runs in a cluster.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import IO

import attrs
from rich.console import Console

from vmop.api import KINDS, Manifest, crd
from vmop.cli.operatorprocess import OperatorFailed, OperatorProcess
from vmop.devcluster.cluster import DevCluster
from vmop.devcluster.nodes import Behaviour, Knobs
from vmop.kube import Client, ObjectKey
from vmop.kube.resources import CUSTOM_RESOURCE_DEFINITION
from vmop.runtime import stop_on_signals

#: for people; further words may say otherwise
LOG_FORMAT = "-zap-encoder=console"
#: pods take a moment to start, so that one sees what is waited for
POD = Behaviour(ready_after=1.0)
_ESTABLISH_TIMEOUT = 30.0
_POLL_INTERVAL = 0.05


@attrs.frozen
class DevEnvironment:
    """A running dev cluster that serves our custom resources."""

    kubeconfig: Path
    cluster: DevCluster
    client: Client

    @contextlib.asynccontextmanager
    async def operator(
        self, words: Sequence[str] = (), *, log: IO[bytes] | None = None
    ) -> AsyncIterator[OperatorProcess]:
        """The operator as a process, ready, until the context is left; see :meth:`OperatorProcess.start`."""
        async with OperatorProcess.start(self.kubeconfig, words, log=log) as operator:
            await operator.wait_ready()
            yield operator


@contextlib.asynccontextmanager
async def dev_environment(kubeconfig: Path, *, port: int = 0) -> AsyncIterator[DevEnvironment]:
    """Start a dev cluster on `port` of loopback (0: a free one) and install our CRDs.

    `kubeconfig` is written, and removed at the end.
    """
    with tempfile.TemporaryDirectory() as folder:
        async with DevCluster.start(Path(folder), port=port, knobs=Knobs(default=POD)) as cluster:
            cluster.server.write_kubeconfig(kubeconfig)
            try:
                async with Client(cluster.config, qps=0) as client:
                    await install_crds(client)
                    yield DevEnvironment(kubeconfig, cluster, client)
            finally:
                kubeconfig.unlink(missing_ok=True)


async def install_crds(client: Client) -> None:
    """Create the CustomResourceDefinitions of all our kinds and wait until they are served."""
    async with asyncio.timeout(_ESTABLISH_TIMEOUT), asyncio.TaskGroup() as group:
        for kind in KINDS:
            group.create_task(_install(client, crd(kind)))


async def _install(client: Client, definition: Manifest) -> None:
    await client.create(CUSTOM_RESOURCE_DEFINITION, definition)
    key = ObjectKey("", definition["metadata"]["name"])
    while not _established(await client.get(CUSTOM_RESOURCE_DEFINITION, key)):
        await asyncio.sleep(_POLL_INTERVAL)


def _established(definition: Manifest) -> bool:
    conditions = (definition.get("status") or {}).get("conditions") or ()
    return any(each["type"] == "Established" and each["status"] == "True" for each in conditions)


def example_file() -> str:
    """The VMDistributed of the documentation, as a file that can be applied."""
    in_checkout = Path("examples/vmdistributed.yaml")
    return str(in_checkout) if in_checkout.exists() else str(Path(__file__).with_name("example.yaml"))


def own_name() -> str:
    """How to call this program again from here."""
    called = Path(sys.argv[0])
    if called.name != "vmop":
        return "python -m vmop.cli"
    return "vmop" if shutil.which("vmop") else os.path.relpath(called)


async def run_dev(kubeconfig: Path, *, port: int = 0, operator: bool = True, words: Sequence[str] = ()) -> int:
    """The command; returns the exit code. `words` are further flags of the operator."""
    console = Console(highlight=False, soft_wrap=True)
    stop = asyncio.Event()
    with stop_on_signals(stop):
        async with dev_environment(kubeconfig, port=port) as environment, contextlib.AsyncExitStack() as stack:
            if operator:
                try:
                    running = await stack.enter_async_context(environment.operator((LOG_FORMAT, *words)))
                except OperatorFailed as error:
                    console.print(f"{error}: its log is above", markup=False)
                    return 1
                _welcome(console, environment, running)
                return await _until(stop, running, console)
            _welcome(console, environment, None)
            await stop.wait()
            console.print("stopping")
            return 0


async def _until(stop: asyncio.Event, operator: OperatorProcess, console: Console) -> int:
    """Until somebody stops us, or the operator ends by itself."""
    stopped = asyncio.create_task(stop.wait())
    ended = asyncio.create_task(operator.wait())
    await asyncio.wait((stopped, ended), return_when=asyncio.FIRST_COMPLETED)
    for task in (stopped, ended):
        task.cancel()
    if not stop.is_set():
        console.print(f"the operator ended with exit code {await operator.wait()}: stopping", markup=False)
        return 1
    console.print("stopping")
    return 0


def _welcome(console: Console, environment: DevEnvironment, operator: OperatorProcess | None) -> None:
    console.print(f"\nA cluster is running at {environment.cluster.url}; it is gone when you press Ctrl-C.\n")
    console.print(f"  export KUBECONFIG={environment.kubeconfig.resolve()}")
    console.print(f"  kubectl apply -f {example_file()}")
    console.print("  kubectl get vmdistributed,vmclusters,vmagents,vmauths,deploy,sts,svc,secrets,pods")
    console.print(f"  {own_name()} rollout my-distributed-cluster --watch\n")
    if operator is None:
        console.print(f"No operator runs in it. Yours would be: {own_name()} operator --kubeconfig $KUBECONFIG\n")
    else:
        console.print(f"The operator runs as process {operator.pid}, with metrics at {operator.metrics_url}/metrics;")
        console.print("its log goes to this terminal.\n")
