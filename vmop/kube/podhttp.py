"""HTTP to a port of a pod: its metrics, its reload endpoint.

Inside a cluster the pod's address is reached directly. From a laptop it is not, so the same goes through the API
server's ``pods/proxy``. ``auto`` tries the direct way, and where that does not connect but the proxy does, stays with
the proxy for a while. Nothing of our credentials is sent to a pod, and pods' certificates, which nobody signs for
their address, are not verified.
"""

import asyncio
import ssl
from collections.abc import Mapping
from types import TracebackType
from typing import Literal, Self, TypeAlias
from urllib.parse import urlencode

import aiohttp
import attrs
from yarl import URL

from vmop.kube import requests
from vmop.kube.client import Client
from vmop.kube.errors import Forbidden, Timeout, Unavailable
from vmop.kube.requests import Request
from vmop.kube.resources import ObjectKey
from vmop.kube.transport import describe

Mode: TypeAlias = Literal["auto", "direct", "proxy"]

CONNECT_TIMEOUT = 3.0
PREFER_PROXY_FOR = 300.0
_NO_CONNECTION = "NoConnection"


@attrs.frozen
class PodResponse:
    """What a pod answered, whatever the status."""

    status: int
    body: bytes = attrs.field(repr=False)


class PodHttp:
    """Requests to pods; use it in ``async with``. ``mode`` chooses the way, see the module's text."""

    def __init__(self, client: Client, mode: Mode = "auto") -> None:
        self._client = client
        self._mode = mode
        self._session: aiohttp.ClientSession | None = None
        self._proxy_until = 0.0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections to pods. A later request opens new ones."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def get(
        self,
        pod: ObjectKey,
        port: int,
        path: str = "/",
        *,
        scheme: Literal["http", "https"] = "http",
        params: Mapping[str, str] | None = None,
        pod_ip: str = "",
        timeout: float = 10.0,
    ) -> PodResponse:
        """GET ``path`` of the pod, within ``timeout`` seconds.

        ``path`` is URL-encoded. ``pod_ip`` is the pod's address; without one only the proxy is tried. Raises
        :class:`Unavailable` or :class:`Timeout` when the pod cannot be reached, and what the API server's proxy says,
        such as :class:`NotFound` for a pod that is gone.
        """
        return await self._send(_call("GET", pod, port, path, scheme, params, pod_ip, timeout, None))

    async def post(
        self,
        pod: ObjectKey,
        port: int,
        path: str = "/",
        *,
        body: bytes = b"",
        scheme: Literal["http", "https"] = "http",
        params: Mapping[str, str] | None = None,
        pod_ip: str = "",
        timeout: float = 10.0,
    ) -> PodResponse:
        """POST ``body`` to ``path`` of the pod; otherwise as :meth:`get`."""
        return await self._send(_call("POST", pod, port, path, scheme, params, pod_ip, timeout, body))

    async def _send(self, call: "_Call") -> PodResponse:
        match self._way(call):
            case "direct":
                return await self._direct(call)
            case "proxy":
                return await self._proxied(call)
            case "auto":
                return await self._either(call)

    def _way(self, call: "_Call") -> Mode:
        if self._mode != "auto":
            return self._mode
        if not call.url or asyncio.get_running_loop().time() < self._proxy_until:
            return "proxy"
        return "auto"

    async def _either(self, call: "_Call") -> PodResponse:
        """Only a failure to connect leads to the proxy: after that the pod may have acted on the request."""
        try:
            return await self._direct(call)
        except Unavailable as error:
            if error.reason != _NO_CONNECTION:
                raise
            unreached = error
        try:
            response = await self._proxied(call)
        except (Forbidden, Timeout, Unavailable) as error:
            raise call.failed(_NO_CONNECTION, f"{unreached.message}; through the API server: {error.message}") from None
        self._proxy_until = asyncio.get_running_loop().time() + PREFER_PROXY_FOR
        return response

    async def _direct(self, call: "_Call") -> PodResponse:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, ssl=_unverified(), keepalive_timeout=30.0),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT),
            )
        if not call.url:
            raise call.failed(_NO_CONNECTION, "the pod has no address yet")
        request = call.proxied
        try:
            async with (
                asyncio.timeout(request.timeout),
                self._session.request(
                    request.method, URL(call.url, encoded=True), data=request.body, allow_redirects=False
                ) as response,
            ):
                return PodResponse(response.status, await response.read())
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise call.failed(_NO_CONNECTION, describe(error)) from None
        except TimeoutError:
            raise Timeout(
                0, "Timeout", f"no answer within {request.timeout:g} s", verb=request.verb, target=request.target
            ) from None
        except aiohttp.ClientError as error:
            raise call.failed("ConnectionFailed", describe(error)) from None

    async def _proxied(self, call: "_Call") -> PodResponse:
        answer = await self._client.send(call.proxied)
        return PodResponse(answer.status, answer.body)


@attrs.frozen
class _Call:
    """One request, both ways: the pod's own URL (empty without an address), and the request through the API server."""

    url: str = attrs.field(repr=False)
    proxied: Request

    def failed(self, reason: str, message: str) -> Unavailable:
        return Unavailable(0, reason, message, verb=self.proxied.verb, target=self.proxied.target)


def _call(
    method: str,
    pod: ObjectKey,
    port: int,
    path: str,
    scheme: str,
    params: Mapping[str, str] | None,
    pod_ip: str,
    timeout: float,
    body: bytes | None,
) -> _Call:
    query = tuple((params or {}).items())
    path = f"/{path.lstrip('/')}"
    host = f"[{pod_ip}]" if ":" in pod_ip else pod_ip
    url = f"{scheme}://{host}:{port}{path}{f'?{urlencode(query)}' if query else ''}" if pod_ip else ""
    proxied = requests.pod_proxy(method, pod, port, path, scheme=scheme, params=query, body=body, timeout=timeout)
    return _Call(url, proxied)


def _unverified() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
