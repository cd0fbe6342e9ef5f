"""The real control plane, started for tests: etcd, kube-apiserver and kube-controller-manager as processes.

Where :mod:`vmop.devcluster` is ours and may be wrong in the way we are wrong, this is the real thing. The programs come
from the folder that ``KUBEBUILDER_ASSETS`` names, as controller developers know it, or are built into ``hack/bin`` by
``make control-plane``. There are no nodes: pods stay pending unless somebody simulates a kubelet.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import socket
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

import aiohttp
import attrs

PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager")
START_TIMEOUT = 60.0
STOP_TIMEOUT = 10.0
POLL_INTERVAL = 0.1
# Nodes are simulated, so nothing may judge their heartbeats, and claims are bound by the simulator.
CONTROLLERS = (
    "*",
    "-node-lifecycle-controller",
    "-node-ipam-controller",
    "-taint-eviction-controller",
    "-persistentvolume-binder-controller",
    "-persistentvolume-attach-detach-controller",
)

KUBECONFIG = """\
apiVersion: v1
kind: Config
clusters: [{{name: real, cluster: {{server: "{url}", insecure-skip-tls-verify: true}}}}]
users: [{{name: admin, user: {{token: "{token}"}}}}]
contexts: [{{name: real, context: {{cluster: real, user: admin, namespace: default}}}}]
current-context: real
"""


class ControlPlaneMissing(Exception):
    """The programs of the control plane are not there; the message names what is missing and how to get it."""


def find_assets(environ: Mapping[str, str], default: Path) -> Path:
    """The folder with the programs: ``KUBEBUILDER_ASSETS``, else `default`.

    Raises :class:`ControlPlaneMissing` when one of them is not there.
    """
    folder = Path(environ.get("KUBEBUILDER_ASSETS") or default)
    if missing := [name for name in PROGRAMS if not os.access(folder / name, os.X_OK)]:
        raise ControlPlaneMissing(
            f"no {', '.join(missing)} in {folder}: run 'make control-plane' or set KUBEBUILDER_ASSETS"
        )
    return folder


@attrs.frozen
class ControlPlane:
    """A running control plane: where it listens and how to talk to it as cluster-admin."""

    url: str
    token: str = attrs.field(repr=False)
    kubeconfig: Path

    @classmethod
    @contextlib.asynccontextmanager
    async def start(
        cls, folder: Path, *, assets: Path, controllers: Sequence[str] = CONTROLLERS, prefix: Sequence[str] = ()
    ) -> AsyncIterator[ControlPlane]:
        """Start all three programs on free loopback ports with their state and logs in `folder`; stop them at exit.

        `controllers` goes to ``kube-controller-manager --controllers``; `prefix` is put before each command line, e.g.
        ``("ip", "netns", "exec", name)``. Raises :class:`ControlPlaneMissing` or :class:`TimeoutError` after a minute;
        the logs stay in `folder`.
        """
        folder.mkdir(parents=True, exist_ok=True)
        await _service_account_keys(folder)
        ports = _free_ports(4)
        plane = cls(
            url=f"https://127.0.0.1:{ports[2]}",
            token=secrets.token_urlsafe(24),
            kubeconfig=folder / "kubeconfig",
        )
        (folder / "tokens.csv").write_text(f'{plane.token},admin,1,"system:masters"\n')
        plane.kubeconfig.write_text(KUBECONFIG.format(url=plane.url, token=plane.token))
        async with contextlib.AsyncExitStack() as stack:
            for name, arguments in _command_lines(folder, ports, controllers):
                await stack.enter_async_context(_process(folder, name, [*prefix, str(assets / name), *arguments]))
                if name == "kube-apiserver":
                    await plane._wait_ready(folder)
            yield plane

    async def _wait_ready(self, folder: Path) -> None:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        headers = {"Authorization": f"Bearer {self.token}"}
        try:
            async with (
                asyncio.timeout(START_TIMEOUT),
                aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context), headers=headers) as session,
            ):
                while not await _is_ready(session, f"{self.url}/readyz"):
                    await asyncio.sleep(POLL_INTERVAL)
        except TimeoutError:
            log = folder / "kube-apiserver.log"
            raise TimeoutError(f"kube-apiserver is not ready after {START_TIMEOUT:.0f} s; see {log}") from None


def _command_lines(folder: Path, ports: Sequence[int], controllers: Sequence[str]) -> list[tuple[str, list[str]]]:
    client, peer = f"http://127.0.0.1:{ports[0]}", f"http://127.0.0.1:{ports[1]}"
    key, public = folder / "sa.key", folder / "sa.pub"
    return [
        (
            "etcd",
            [
                f"--data-dir={folder / 'etcd'}",
                f"--listen-client-urls={client}",
                f"--advertise-client-urls={client}",
                f"--listen-peer-urls={peer}",
                f"--initial-advertise-peer-urls={peer}",
                f"--initial-cluster=default={peer}",
                "--unsafe-no-fsync",
            ],
        ),
        (
            "kube-apiserver",
            [
                f"--etcd-servers={client}",
                f"--cert-dir={folder / 'certs'}",
                f"--secure-port={ports[2]}",
                "--bind-address=127.0.0.1",
                # loopback is no valid address of the `kubernetes` service; nobody connects to this one
                "--advertise-address=10.250.255.254",
                f"--service-account-key-file={public}",
                f"--service-account-signing-key-file={key}",
                "--service-account-issuer=https://kubernetes.default.svc",
                f"--token-auth-file={folder / 'tokens.csv'}",
                "--authorization-mode=RBAC",
                "--service-cluster-ip-range=10.96.0.0/16",
                "--disable-admission-plugins=ServiceAccount",
                "--allow-privileged=true",
            ],
        ),
        (
            "kube-controller-manager",
            [
                f"--kubeconfig={folder / 'kubeconfig'}",
                f"--secure-port={ports[3]}",
                f"--cert-dir={folder / 'certs-kcm'}",
                "--leader-elect=false",
                f"--service-account-private-key-file={key}",
                f"--controllers={','.join(controllers)}",
                "--concurrent-deployment-syncs=20",
                "--concurrent-statefulset-syncs=20",
                "--kube-api-qps=500",
                "--kube-api-burst=1000",
            ],
        ),
    ]


async def _is_ready(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(url) as response:
            return response.status == 200
    except aiohttp.ClientError:
        return False


@contextlib.asynccontextmanager
async def _process(folder: Path, name: str, command: Sequence[str]) -> AsyncIterator[None]:
    with (folder / f"{name}.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=asyncio.subprocess.STDOUT
        )
        try:
            yield
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(STOP_TIMEOUT):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()


async def _service_account_keys(folder: Path) -> None:
    for command in (
        ("openssl", "genrsa", "-out", str(folder / "sa.key"), "2048"),
        ("openssl", "rsa", "-in", str(folder / "sa.key"), "-pubout", "-out", str(folder / "sa.pub")),
    ):
        process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.DEVNULL)
        if await process.wait():
            raise RuntimeError(f"{command[0]} {command[1]} failed with exit code {process.returncode}")


def _free_ports(count: int) -> list[int]:
    """Ports of loopback that were free a moment ago; all are held until all are chosen, so that they differ."""
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in held:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in held]
