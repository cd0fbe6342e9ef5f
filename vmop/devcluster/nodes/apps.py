"""What answers on a simulated pod's ports: a part for each container that has something of its own to say.

Every port answers ``/health`` and ``/metrics``; a vmagent's pages have its queues (:mod:`.vmagent`), a
config-reloader's what it has applied (:mod:`.reloader`), and what it has applied is what the application runs with:
``GET /config`` on any port of the pod.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import attrs
from aiohttp import web

from vmop.devcluster.nodes.args import arguments, listen_port
from vmop.devcluster.nodes.reloader import ConfigSource, Reloader
from vmop.devcluster.nodes.vmagent import Queues
from vmop.informers import StoredObject

RELOADER_PORT = 8435


@attrs.frozen
class App:
    """The workload of one pod. `ports` are those on which it answers."""

    ports: frozenset[int]
    reloader_port: int | None
    agent_port: int | None
    queues: Queues | None
    reloader: Reloader | None
    clock: Callable[[], float]

    async def handle(self, port: int, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        path = request.path.rstrip("/") or "/"
        if path == "/config" and self.reloader is not None:
            return web.Response(body=self.reloader.config(self.clock()), content_type="text/plain")
        if path.endswith("/metrics"):
            return web.Response(text=self.metrics(port), content_type="text/plain")
        return web.Response(text="OK")

    def metrics(self, port: int) -> str:
        """The page of metrics of a port, in the text format of Prometheus."""
        lines = ['vm_app_version{version="simulated", short_version="simulated"} 1']
        if port == self.reloader_port and self.reloader is not None:
            lines += self.reloader.metrics(self.clock())
        if port == self.agent_port and self.queues is not None:
            lines += self.queues.metrics(self.clock())
        return "\n".join(lines) + "\n"


def reloader_source(spec: Mapping[str, Any], namespace: str) -> ConfigSource | None:
    """The Secret that a pod's config-reloader follows through the API."""
    for container in spec.get("containers") or ():
        args = arguments(container)
        if name := args.get("config-secret-name"):
            where, _, secret = name[0].rpartition("/")
            key = args.get("config-secret-key", ["config.yaml.gz"])[0]
            return ConfigSource(where or namespace, secret, key)
    return None


def ports_of(spec: Mapping[str, Any]) -> frozenset[int]:
    """Ports that containers declare."""
    return frozenset(
        int(port["containerPort"])
        for container in spec.get("containers") or ()
        for port in container.get("ports") or ()
        if (port.get("protocol") or "TCP") == "TCP"
    )


def app_of(
    pod: StoredObject,
    *,
    queues: Callable[[list[str], str, bool], Queues],
    reloader: Callable[[ConfigSource], Reloader],
    clock: Callable[[], float],
) -> App:
    """The workload that a pod's containers make. The factories are asked for what it needs."""
    spec = pod.get("spec")
    ports = set(ports_of(spec))
    source = reloader_source(spec, pod.namespace)
    reloader_port = agent_port = None
    agent: Queues | None = None
    for container in spec.get("containers") or ():
        args = arguments(container)
        if "config-secret-name" in args or "reload-url" in args:
            reloader_port = listen_port(args, "http.listenAddr") or RELOADER_PORT
            ports.add(reloader_port)
        elif "remoteWrite.url" in args:
            agent_port = listen_port(args, "httpListenAddr") or _first_port(container)
            data = args.get("remoteWrite.tmpDataPath", ["vmagent-remotewrite-data"])[0]
            agent = queues(args["remoteWrite.url"], data, args.get("remoteWrite.showURL", ["false"])[0] == "true")
            ports |= {agent_port} if agent_port else set()
    return App(frozenset(ports), reloader_port, agent_port, agent, reloader(source) if source else None, clock)


def _first_port(container: Mapping[str, Any]) -> int | None:
    ports: Iterable[Mapping[str, Any]] = container.get("ports") or ()
    return next((int(port["containerPort"]) for port in ports), None)
