"""A dev cluster's API server, and a client of plain HTTP for it."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp
import attrs
import pytest

from vmop.devcluster.server import ApiServer

Manifest = dict[str, Any]
JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
APPLY = "application/apply-patch+yaml"


@attrs.frozen
class Answer:
    status: int
    body: Any
    headers: Mapping[str, str]


class Http:
    """Requests to one server; answers decoded."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.session = session

    async def __call__(
        self, method: str, path: str, body: Any = None, *, media: str = "application/json", accept: str = ""
    ) -> Answer:
        headers = {"Content-Type": media, "User-Agent": "tester/1"}
        if accept:
            headers["Accept"] = accept
        async with self.session.request(method, path, json=body, headers=headers) as answer:
            is_json = "json" in answer.content_type
            decoded = await answer.json(content_type=None) if is_json else await answer.text()
            return Answer(answer.status, decoded, answer.headers)

    async def ok(self, method: str, path: str, body: Any = None, *, media: str = "application/json") -> Manifest:
        """The answer's body; the test fails when the answer is a failure."""
        answer = await self(method, path, body, media=media)
        assert answer.status in (200, 201), answer.body
        result: Manifest = answer.body
        return result


@pytest.fixture
async def server() -> AsyncIterator[ApiServer]:
    async with ApiServer.start() as running:
        yield running


@pytest.fixture
async def http(server: ApiServer) -> AsyncIterator[Http]:
    headers = {"Authorization": f"Bearer {server.token}"}
    async with aiohttp.ClientSession(server.url, headers=headers) as session:
        yield Http(session)
