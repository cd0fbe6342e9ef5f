"""A real HTTP server that answers what a test scripts, and remembers what it was asked."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeAlias

import attrs
import pytest
from aiohttp import web

from vmop.kube import ClientConfig

# Told that there is no loop, the policy makes none for whoever asks (the looptime plugin does): nobody would close it.
asyncio.set_event_loop(None)

Reply: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]


@attrs.frozen
class Seen:
    """One request as the server saw it."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


@attrs.define
class Script:
    """Answers in order; the last one goes on for ever."""

    url: str = ""
    replies: list[Reply] = attrs.field(factory=list)
    seen: list[Seen] = attrs.field(factory=list)

    def json(self, body: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        async def reply(request: web.Request) -> web.StreamResponse:
            return web.json_response(body, status=status, headers=headers)

        self.replies.append(reply)

    def raw(self, body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> None:
        async def reply(request: web.Request) -> web.StreamResponse:
            return web.Response(body=body, status=status, headers=headers)

        self.replies.append(reply)

    def status(self, code: int, reason: str, headers: dict[str, str] | None = None) -> None:
        self.json(
            {"kind": "Status", "apiVersion": "v1", "code": code, "reason": reason, "message": f"says {reason}"},
            code,
            headers,
        )

    def stream(self, *chunks: bytes, then: Callable[[web.Request], Awaitable[None]] | None = None) -> None:
        async def reply(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse()
            await response.prepare(request)
            for chunk in chunks:
                await response.write(chunk)
            if then is not None:
                await then(request)
            return response

        self.replies.append(reply)

    def hang_up(self) -> None:
        async def reply(request: web.Request) -> web.StreamResponse:
            assert request.transport is not None
            request.transport.close()
            return web.Response()

        self.replies.append(reply)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(
            Seen(request.method, request.path, dict(request.query), dict(request.headers), await request.read())
        )
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        return await reply(request)

    @property
    def calls(self) -> list[tuple[str, str]]:
        return [(seen.method, seen.path) for seen in self.seen]

    @property
    def config(self) -> ClientConfig:
        return ClientConfig(server=self.url)


@pytest.fixture
async def script() -> AsyncIterator[Script]:
    script = Script()
    application = web.Application(client_max_size=1 << 24)
    application.router.add_route("*", "/{path:.*}", script.handle)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    address = runner.addresses[0]
    script.url = f"http://127.0.0.1:{address[1]}"
    yield script
    await runner.cleanup()
