"""The two listeners of every operator: probes for the kubelet, metrics for Prometheus (``08-operator.md`` §7)."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

_READY_TIMEOUT = 10.0  # seconds for which a request for /ready waits while caches sync


def parse_address(address: str) -> tuple[str | None, int] | None:
    """Host and port of ``":8080"``, ``"127.0.0.1:0"`` or ``"[::1]:8080"``; None where ``""`` or ``"0"`` switch it off.

    Raises ``ValueError`` for anything else.
    """
    if address in ("", "0"):
        return None
    host, separator, port = address.rpartition(":")
    if not separator or not port.isdecimal():
        raise ValueError(f"{address!r} is no address to listen on: want host:port or :port")
    return host.removeprefix("[").removesuffix("]") or None, int(port)


@contextlib.asynccontextmanager
async def serve(app: web.Application, address: str, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[str | None]:
    """Serve ``app`` on ``address`` within the block, which gets the base URL (None where the address is switched off).

    Raises ``OSError`` when the address cannot be bound.
    """
    parsed = parse_address(address)
    if parsed is None:
        yield None
        return
    runner = web.AppRunner(app, handle_signals=False, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, *parsed, ssl_context=tls).start()
        host, port = min(runner.addresses, key=len)[:2]  # IPv4, if there is one: port 0 gives each its own
        name = "127.0.0.1" if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in host else host  # noqa: S104
        yield f"{'https' if tls else 'http'}://{name}:{port}"
    finally:
        await runner.cleanup()


def probes_app(synced: asyncio.Event, *, ready_timeout: float = _READY_TIMEOUT) -> web.Application:
    """``/health``, always fine, and ``/ready``, fine once ``synced`` is set; the answers are controller-runtime's."""

    async def health(request: web.Request) -> web.Response:
        return _answer(request, "health", well=True)

    async def ready(request: web.Request) -> web.Response:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ready_timeout):
                await synced.wait()
        return _answer(request, "ready", well=synced.is_set())

    app = web.Application()
    for name, handler in (("health", health), ("ready", ready)):
        for path in (f"/{name}", f"/{name}/", f"/{name}/{name}"):
            app.router.add_get(path, handler)
    return app


def _answer(request: web.Request, name: str, *, well: bool) -> web.Response:
    if not well:
        return web.Response(status=500, text=f"[-]{name} failed: reason withheld\nhealthz check failed\n")
    verbose = "verbose" in request.query
    return web.Response(text=f"[+]{name} ok\nhealthz check passed\n" if verbose else "ok")


def metrics_app(registry: CollectorRegistry) -> web.Application:
    """``/metrics`` of ``registry``."""

    async def metrics(request: web.Request) -> web.Response:
        encoder, content_type = choose_encoder(request.headers.get("Accept", ""))
        # In a thread: ten thousand series take longer than the loop may be held.
        body = await asyncio.to_thread(encoder, registry)
        return web.Response(body=body, headers={"Content-Type": content_type})

    app = web.Application()
    app.router.add_get("/metrics", metrics)
    return app
