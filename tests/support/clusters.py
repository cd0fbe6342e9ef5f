"""The clusters that tests run on: the dev cluster and the real control plane, seen alike."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Literal

import aiohttp
import attrs
from prometheus_client import CollectorRegistry

from vmop.devcluster.server import ApiServer, utc_now
from vmop.devcluster.workloads import workload_controllers
from vmop.devcluster.workloads.writer import MANAGER
from vmop.informers import InformerFactory
from vmop.kube import Client, ClientConfig
from vmop.runtime import Manager

Manifest = dict[str, Any]
MEDIA: Mapping[str, str] = {
    "body": "application/json",
    "merge": "application/merge-patch+json",
    "json": "application/json-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "apply": "application/apply-patch+yaml",
}


@attrs.frozen
class Cluster:
    """Where an API server listens, and the token of a user who may do everything."""

    name: Literal["dev", "real"]
    url: str
    token: str = attrs.field(repr=False)

    @property
    def config(self) -> ClientConfig:
        return ClientConfig.with_token(self.url, self.token, insecure=self.url.startswith("https"))


@attrs.frozen
class Answer:
    """An answer in full: the body decoded where it is JSON."""

    status: int
    body: Any
    headers: Mapping[str, str] = attrs.field(eq=False, repr=False)


@asynccontextmanager
async def dev_control_plane() -> AsyncIterator[Cluster]:
    """A dev cluster that has what the real control plane has: an API server and controllers, and no nodes."""
    async with ApiServer.start() as server:
        cluster = Cluster("dev", server.url, server.token)
        async with Client(cluster.config, qps=0, user_agent=MANAGER) as client:
            factory = InformerFactory(client)
            manager = Manager(client, factory, registry=CollectorRegistry(), drain_timeout=1.0)
            for controller in workload_controllers(client, factory, now=utc_now):
                manager.add(controller)
            stop = asyncio.Event()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(manager.run(stop))
                yield cluster
                stop.set()


class Http:
    """Plain requests to one cluster, by a program named `tester`.

    Paths without a leading slash are in the namespace: `secrets/a`, `apps/v1/deployments/d/scale`.
    """

    def __init__(self, session: aiohttp.ClientSession, namespace: str) -> None:
        self.session = session
        self.namespace = namespace

    def path(self, path: str) -> str:
        """The absolute path."""
        if path.startswith("/"):
            return path
        match path.partition("?")[0].split("/"):
            case [group, version, plural, *_] if re.fullmatch(r"v\d\w*", version) and plural:
                rest = path.removeprefix(f"{group}/{version}/")
                return f"/apis/{group}/{version}/namespaces/{self.namespace}/{rest}"
        return f"/api/v1/namespaces/{self.namespace}/{path}"

    async def __call__(
        self, method: str, path: str, body: Any = None, *, kind: str = "body", accept: str = "application/json"
    ) -> Answer:
        """`kind`: of the body, a key of `MEDIA` or a media type."""
        headers = {"Content-Type": MEDIA.get(kind, kind), "Accept": accept}
        async with self.session.request(method, self.path(path), json=body, headers=headers) as answer:
            decoded = await answer.json(content_type=None) if "json" in answer.content_type else await answer.text()
            return Answer(answer.status, decoded, answer.headers)

    async def ok(self, method: str, path: str, body: Any = None, *, kind: str = "body") -> Manifest:
        """The answer's body; the test fails when the answer is a failure."""
        answer = await self(method, path, body, kind=kind)
        assert answer.status in (200, 201), answer.body
        result: Manifest = answer.body
        return result


@asynccontextmanager
async def connected(cluster: Cluster, namespace: str) -> AsyncIterator[Http]:
    """Plain HTTP to the cluster, for one namespace (that exists)."""
    headers = {"Authorization": f"Bearer {cluster.token}", "User-Agent": "tester/1"}
    connector = aiohttp.TCPConnector(ssl=False)
    async with aiohttp.ClientSession(cluster.url, headers=headers, connector=connector) as session:
        yield Http(session, namespace)
