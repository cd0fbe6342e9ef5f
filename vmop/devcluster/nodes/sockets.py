"""Addresses of simulated pods, and the sockets behind them.

Each pod has an address of loopback (or of another network that is local, such as one of a network namespace) and
listens there on the ports that its containers declare, and on no others. Addresses are tried from a random one on, so
that several simulators share a machine.
"""

import errno
import ipaddress
import random
from collections.abc import Awaitable, Callable, Iterable

import attrs
from aiohttp import web

Handle = Callable[[int, web.BaseRequest], Awaitable[web.StreamResponse]]

_ATTEMPTS = 64
_SHUTDOWN = 0.05


@attrs.frozen
class PodSockets:
    """The listening sockets of one pod."""

    address: str
    runner: web.ServerRunner

    async def close(self) -> None:
        """Close them and their connections."""
        await self.runner.cleanup()


class Network:
    """Gives addresses of `prefix` (at most /29 to leave room) and listens on them, if it is to `serve`."""

    def __init__(self, prefix: str = "127.0.0.0/8", *, serve: bool = True, jitter: random.Random | None = None) -> None:
        self._network = ipaddress.IPv4Network(prefix)
        self._serve = serve
        # 127.0.0.x and 127.0.1.x are what people use for themselves.
        spare = 1024 if self._network.num_addresses > 4096 else 1
        self._first = int(self._network.network_address) + spare
        self._count = self._network.num_addresses - spare - 1
        self._next = (jitter or random.Random()).randrange(self._count)
        self._taken: set[str] = set()

    def _addresses(self, wanted: str) -> Iterable[str]:
        if wanted and ipaddress.IPv4Address(wanted) in self._network and wanted not in self._taken:
            yield wanted
        for _ in range(_ATTEMPTS):
            self._next = (self._next + 1) % self._count
            address = str(ipaddress.IPv4Address(self._first + self._next))
            if address not in self._taken and not address.endswith((".0", ".255")):
                yield address

    async def listen(self, ports: Iterable[int], handle: Handle, *, wanted: str = "") -> PodSockets:
        """Listen on all `ports` of one address: `wanted` if that is free. Raises :class:`OSError` when none is."""
        ports = sorted(set(ports)) if self._serve else []
        last: OSError | None = None
        for address in self._addresses(wanted):
            self._taken.add(address)
            try:
                return PodSockets(address, await _open(address, ports, handle))
            except OSError as error:
                self._taken.discard(address)
                if error.errno not in (errno.EADDRINUSE, errno.EADDRNOTAVAIL):
                    raise
                last = error
        raise last or OSError(errno.EADDRNOTAVAIL, f"no address of {self._network} is free")

    async def close(self, sockets: PodSockets) -> None:
        """Close a pod's sockets; its address is free again."""
        await sockets.close()
        self._taken.discard(sockets.address)


async def _open(address: str, ports: Iterable[int], handle: Handle) -> web.ServerRunner:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        transport = request.transport
        port = transport.get_extra_info("sockname")[1] if transport is not None else 0
        return await handle(port, request)

    runner = web.ServerRunner(web.Server(answer, access_log=None), shutdown_timeout=_SHUTDOWN)
    await runner.setup()
    try:
        for port in ports:
            await web.TCPSite(runner, address, port).start()
    except BaseException:
        await runner.cleanup()
        raise
    return runner
