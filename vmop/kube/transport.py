"""Sending requests: credentials, TLS, rate limit, fence, time limits, repetition, metrics, and errors as types.

A request is repeated only where a second effect would do no harm (:attr:`Request.idempotent`): after 429 and after
those 5xx that say "not now", when the server wants it or with growing pauses, and after a connection that failed. A
time-out is not repeated, it took long enough. A rejected credential is renewed once, for any request: nothing
happened yet.
"""

import asyncio
import contextlib
import logging
import random
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar
from urllib.parse import urlencode, urlsplit

import aiohttp
import attrs
import msgspec
from aiohttp.abc import AbstractStreamWriter
from yarl import URL

from vmop.kube.config import RENEW_INTERVAL, ClientConfig, Credentials
from vmop.kube.errors import ApiError, Invalid, Timeout, Unavailable, error_from_status
from vmop.kube.metrics import ClientMetrics
from vmop.kube.ratelimit import TokenBucket
from vmop.kube.requests import Request
from vmop.kube.wire import decode

logger = logging.getLogger(__name__)

CONNECT_TIMEOUT = 10.0
MAX_RETRY_AFTER = 30.0
_FIRST_PAUSE = 0.2
_READ_BUFFER = 1 << 18
_REPEATABLE = frozenset({429, 502, 503, 504})
_MAX_WARNINGS = 256
_TOO_NEW = "ResourceVersionTooLarge"
"""The server waited in vain for a version that it does not know: better ask without one than again."""


T = TypeVar("T")


@attrs.frozen
class Answer:
    """A good answer: its HTTP status and its body."""

    status: int
    body: bytes = attrs.field(repr=False)


class Transport:
    """One session to one server. ``fence`` is called before each write and raises to hold it back."""

    def __init__(
        self,
        config: ClientConfig,
        *,
        limiter: TokenBucket,
        metrics: ClientMetrics | None,
        fence: Callable[[], None] | None,
        timeout: float,
        retries: int,
        jitter: random.Random,
        user_agent: str,
    ) -> None:
        self.config = config
        self.fence = fence
        self._limiter = limiter
        self._metrics = metrics
        self._timeout = timeout
        self._retries = retries
        self._jitter = jitter
        self._user_agent = user_agent
        self._host = urlsplit(config.server).netloc
        self._session: aiohttp.ClientSession | None = None
        self._ssl: ssl.SSLContext | None = None
        self._ssl_stamp: tuple[object, ...] | None = None
        self._ssl_credentials: Credentials | None = None
        self._ssl_checked = 0.0
        self._warned: set[str] = set()

    async def open(self) -> None:
        """Make the session. Connections are made as needed and kept, without a limit: each watch holds one."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT),
            headers={"User-Agent": self._user_agent},
            read_bufsize=_READ_BUFFER,
        )

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def send(self, request: Request) -> Answer:
        """The answer, read to its end. Raises :class:`ApiError` types, and what the fence raises."""
        return await self._insist(request, self._exchange)

    @contextlib.asynccontextmanager
    async def stream(self, request: Request) -> AsyncIterator[aiohttp.ClientResponse]:
        """The answer while it goes on, for a watch. Failures of reading it become :class:`ApiError` types too."""
        response = await self._insist(request, self._begin)
        try:
            yield response
        except aiohttp.ClientError as error:
            raise _connection_error(request, error) from None
        finally:
            response.close()

    async def _insist(self, request: Request, once: Callable[[Request, Credentials], Awaitable[T]]) -> T:
        """Send ``once``, and again where that is safe and promising."""
        rejected: Credentials | None = None
        attempt = 0
        while True:
            if not request.urgent:
                await self._limiter.wait()
            credentials = await self.config.credentials.current(rejected)
            if self.fence is not None and _is_fenced(request):
                self.fence()
            try:
                return await once(request, credentials)
            except ApiError as error:
                if error.status == 401 and rejected is None:
                    rejected = credentials
                    if await self.config.credentials.current(rejected) is not rejected:
                        continue
                pause = self._pause(request, error, attempt)
                if pause is None:
                    raise
                logger.debug("repeating a request", extra={"request": f"{request.verb} {request.target}"})
            await asyncio.sleep(pause)
            attempt += 1

    async def _exchange(self, request: Request, credentials: Credentials) -> Answer:
        """Send once and read the answer; that of a refusal is raised."""
        async with self._limited(request) as seen:
            response = seen(await self._request(request, credentials))
            async with response:
                body = await response.read()
        if response.status >= 300 and (not request.relayed or _is_status(body)):
            raise _refusal(request, response, body)
        self._warn(request, response)
        return Answer(response.status, body)

    async def _begin(self, request: Request, credentials: Credentials) -> aiohttp.ClientResponse:
        """Send once and leave the body of a good answer to the caller."""
        async with self._limited(request) as seen:
            response = seen(await self._request(request, credentials))
            if response.status == 200:
                return response
            async with response:
                body = await response.read()
        raise _refusal(request, response, body)

    @contextlib.asynccontextmanager
    async def _limited(
        self, request: Request
    ) -> AsyncIterator[Callable[[aiohttp.ClientResponse], aiohttp.ClientResponse]]:
        """Limit the time of what is inside, count it, and turn its failures into ours.

        What is inside shows the response that it got, so that its status is counted.
        """
        loop = asyncio.get_running_loop()
        started = loop.time()
        timeout = self._timeout if request.timeout is None else request.timeout
        code = "<error>"

        def seen(response: aiohttp.ClientResponse) -> aiohttp.ClientResponse:
            nonlocal code
            code = str(response.status)
            return response

        try:
            async with asyncio.timeout(timeout):
                yield seen
        except aiohttp.ConnectionTimeoutError:
            raise _unavailable(request, f"no connection to {self._host} within {CONNECT_TIMEOUT:.0f} s") from None
        except TimeoutError:
            raise Timeout(
                0, "Timeout", f"no answer within {timeout:g} s", verb=request.verb, target=request.target
            ) from None
        except aiohttp.ClientError as error:
            raise _connection_error(request, error) from None
        finally:
            if self._metrics is not None:
                self._metrics.observe(
                    code=code,
                    method=request.method,
                    host=self._host,
                    path=request.path,
                    seconds=loop.time() - started,
                )

    async def _request(self, request: Request, credentials: Credentials) -> aiohttp.ClientResponse:
        if self._session is None:
            raise RuntimeError("the client is not open: use it in `async with`")
        headers = {"Accept": request.accept}
        if request.content_type:
            headers["Content-Type"] = request.content_type
        if credentials.authorization:
            headers["Authorization"] = credentials.authorization
        query = f"?{urlencode(request.params)}" if request.params else ""
        context = self._ssl_context(credentials)
        body = None
        if request.body is not None:
            body = _Body(request.body, self.fence if _is_fenced(request) else None)
        try:
            return await self._session.request(
                request.method,
                URL(f"{self.config.server}{request.path}{query}", encoded=True),
                data=body,
                headers=headers,
                ssl=True if context is None else context,
                server_hostname=self.config.server_name or None,
                proxy=self.config.proxy or None,
                allow_redirects=False,
            )
        except aiohttp.ClientError:
            if body is not None and body.held_back is not None:
                raise body.held_back from None
            raise

    def _ssl_context(self, credentials: Credentials) -> ssl.SSLContext | None:
        """The TLS context, made anew when the files behind it changed: the next requests then use new connections."""
        now = asyncio.get_running_loop().time()
        if credentials is self._ssl_credentials and now - self._ssl_checked < RENEW_INTERVAL:
            return self._ssl
        stamp = self.config.tls_stamp(credentials)
        if stamp != self._ssl_stamp:
            self._ssl = self.config.ssl_context(credentials)
            self._ssl_stamp = stamp
        self._ssl_credentials = credentials
        self._ssl_checked = now
        return self._ssl

    def _pause(self, request: Request, error: ApiError, attempt: int) -> float | None:
        """Seconds to wait before asking again; ``None``: the error is the caller's."""
        if not request.idempotent or attempt >= self._retries or isinstance(error, Invalid):
            return None
        if error.has_cause(_TOO_NEW):
            return None
        if error.retry_after is not None and (error.status == 429 or error.status >= 500):
            return error.retry_after if error.retry_after <= MAX_RETRY_AFTER else None
        if error.status in _REPEATABLE or (error.status == 0 and isinstance(error, Unavailable)):
            return _FIRST_PAUSE * 2.0**attempt * self._jitter.uniform(0.5, 1.5)
        return None

    def _warn(self, request: Request, response: aiohttp.ClientResponse) -> None:
        """Log each warning of the server once, as kubectl shows them: deprecated versions, unknown fields."""
        if request.conceal:
            return
        for header in response.headers.getall("Warning", ()):
            text = header.partition('"')[2].rpartition('"')[0].replace('\\"', '"') or header
            if text not in self._warned and len(self._warned) < _MAX_WARNINGS:
                self._warned.add(text)
                logger.warning("the API server warns: %s", text, extra={"request": f"{request.verb} {request.target}"})


class _Body(aiohttp.payload.Payload):
    """A body that asks the fence once more in the moment in which it is written.

    Between the first question and this one lies the making of a connection, in which a lease can run out. A request
    whose body never comes is none: the server does not act on it.
    """

    _value: bytes
    _autoclose = True  # nothing to close, it is in memory

    def __init__(self, body: bytes, fence: Callable[[], None] | None) -> None:
        super().__init__(body)
        self._size = len(body)
        self._fence = fence
        self.held_back: Exception | None = None

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        return self._value.decode(encoding, errors)

    async def write(self, writer: AbstractStreamWriter) -> None:
        if self._fence is not None:
            try:
                self._fence()
            except Exception as error:
                self.held_back = error
                raise
        await writer.write(self._value)

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        await self.write(writer)


def _is_fenced(request: Request) -> bool:
    return request.write and not request.urgent


def _refusal(request: Request, response: aiohttp.ClientResponse, body: bytes) -> ApiError:
    try:
        document = decode(body)
    except msgspec.DecodeError:
        document = None
    return error_from_status(
        response.status,
        document,
        verb=request.verb,
        target=request.target,
        retry_after=_seconds(response.headers.get("Retry-After", "")),
        conceal=request.conceal,
    )


def _seconds(retry_after: str) -> float | None:
    """Kubernetes sends whole seconds; a date, which HTTP allows, is taken as not said."""
    return float(retry_after) if retry_after.isdigit() else None


def _unavailable(request: Request, message: str) -> Unavailable:
    return Unavailable(0, "ConnectionFailed", message, verb=request.verb, target=request.target)


def _connection_error(request: Request, error: aiohttp.ClientError) -> Unavailable:
    return _unavailable(request, describe(error))


def describe(error: aiohttp.ClientError) -> str:
    """What of an aiohttp error may be shown: some hold the request's headers, or a URL with its query."""
    match error:
        case aiohttp.ClientResponseError():
            text = error.message
        case aiohttp.InvalidURL():
            text = ""
        case _:
            text = str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _is_status(body: bytes) -> bool:
    """Whether the API server itself speaks, and not somebody whose answer it relays."""
    try:
        document = decode(body)
    except msgspec.DecodeError:
        return False
    return isinstance(document, dict) and document.get("kind") == "Status" and document.get("apiVersion") == "v1"
