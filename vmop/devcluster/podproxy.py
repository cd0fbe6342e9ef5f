"""The `proxy` subresource of pods: requests passed on to a pod's address."""

from collections.abc import Mapping
from types import TracebackType

import aiohttp
from aiohttp import web
from yarl import URL

from vmop.devcluster.requests import Call
from vmop.devcluster.rest import Rest
from vmop.devcluster.status import Manifest, StatusError, bad_request

_HOP_BY_HOP = frozenset(("connection", "keep-alive", "transfer-encoding", "host", "content-length", "authorization"))


def _passed_on(headers: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in headers.items() if key.lower() not in _HOP_BY_HOP}


class PodProxy:
    """The client that reaches pods; certificates of pods are not verified, as the API server does not."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> "PodProxy":
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=False), auto_decompress=False)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def forward(self, rest: Rest, call: Call, request: web.Request, path: str) -> web.Response:
        """Pass a request on to `[scheme:]pod[:port]`; 503 when the pod has no address or does not answer."""
        scheme, name, port = _target(call.name)
        pod = rest.get(call.served, call.namespace, name).object
        address = (pod.get("status") or {}).get("podIP")
        if not address or self._session is None:
            raise _unavailable(f"pod {call.namespace}/{name} has no address")
        query = f"?{request.query_string}" if request.query_string else ""
        url = URL(f"{scheme}://{address}:{port or _first_port(pod)}/{path}{query}", encoded=True)
        try:
            async with self._session.request(
                request.method,
                url,
                headers=_passed_on(request.headers),
                data=await request.read(),
                allow_redirects=False,
            ) as answer:
                body = await answer.read()
                return web.Response(status=answer.status, body=body, headers=_passed_on(answer.headers))
        except aiohttp.ClientError as error:
            raise _unavailable(f"error trying to reach service: {error}") from None


def _unavailable(message: str) -> StatusError:
    return StatusError(503, "ServiceUnavailable", message)


def _target(name: str) -> tuple[str, str, str]:
    match name.split(":"):
        case [pod]:
            return "http", pod, ""
        case [pod, port]:
            return "http", pod, port
        case [scheme, pod, port] if scheme in ("", "http", "https"):
            return scheme or "http", pod, port
        case _:
            raise bad_request(f'invalid pod request "{name}"')


def _first_port(pod: Manifest) -> int:
    for container in pod["spec"].get("containers") or ():
        for port in container.get("ports") or ():
            return int(port["containerPort"])
    raise _unavailable(f"pod {pod['metadata']['name']} declares no port")
