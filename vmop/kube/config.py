"""Where the API server is and who we are.

In a cluster three files say it, read by our own code: token, certificate authority, namespace. Elsewhere it is a
kubeconfig (:mod:`vmop.kube.kubeconfig`). Credentials come from a source that is asked before each request and renews
them by itself, for tokens rotate while a process runs; what the server rejected is renewed at once.
"""

import asyncio
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import attrs

from vmop.kube.proxy import proxy_for

SERVICE_ACCOUNT_ROOT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
RENEW_INTERVAL = 60.0
"""Seconds for which credentials are used before their source is looked at again."""


class ConfigError(Exception):
    """The configuration cannot be used. The message names the file and the entry, never a credential."""


@attrs.frozen
class Credentials:
    """What a request shows: the value of its ``Authorization`` header (empty: none), and a certificate with its key
    (files).
    """

    authorization: str = attrs.field(default="", repr=False)
    client_certificate: tuple[Path, Path] | None = None


class CredentialSource(Protocol):
    """Gives credentials, renewing them as they age."""

    async def current(self, rejected: Credentials | None = None) -> Credentials:
        """Credentials to use now. ``rejected`` are those that the server just refused: others are fetched, if there
        are any.

        Raises :class:`ConfigError` when none can be had.
        """
        ...


class StaticCredentials:
    """Credentials that never change."""

    def __init__(self, credentials: Credentials | None = None) -> None:
        self._credentials = credentials or Credentials()

    async def current(self, rejected: Credentials | None = None) -> Credentials:
        return self._credentials


class TokenFile:
    """A bearer token in a file that somebody rotates: read again each minute and when the server rejects it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._credentials: Credentials | None = None
        self._read_at = 0.0

    async def current(self, rejected: Credentials | None = None) -> Credentials:
        now = asyncio.get_running_loop().time()
        if self._credentials is None or self._credentials is rejected or now - self._read_at >= RENEW_INTERVAL:
            self._credentials = self._read()
            self._read_at = now
        return self._credentials

    def _read(self) -> Credentials:
        token = _read_text(self._path)
        if not token:
            raise ConfigError(f"{self._path} is empty, a service account's token is expected")
        authorization = f"Bearer {token}"
        if self._credentials is not None and self._credentials.authorization == authorization:
            return self._credentials
        return Credentials(authorization)


def _without_slash(url: str) -> str:
    return url.rstrip("/")


@attrs.frozen(kw_only=True)
class ClientConfig:
    """Everything that a :class:`vmop.kube.Client` must know of the server.

    ``server`` is a URL, with a path where the server is behind one. The server's certificate is verified against
    ``ca_file``, ``ca_data`` (PEM) or, without both, the system's authorities; not at all if ``insecure``.
    ``server_name`` is the name expected in it, when it is not that of the URL. ``proxy`` is the URL of an HTTP proxy.
    ``namespace`` is the one to use where none is named.
    """

    server: str = attrs.field(converter=_without_slash)
    credentials: CredentialSource = attrs.field(factory=StaticCredentials, repr=False)
    ca_file: Path | None = None
    ca_data: str = attrs.field(default="", repr=False)
    insecure: bool = False
    server_name: str = ""
    proxy: str = attrs.field(default="", repr=False)
    namespace: str = "default"

    @classmethod
    def in_cluster(cls, environ: Mapping[str, str], root: Path = SERVICE_ACCOUNT_ROOT) -> "ClientConfig":
        """The configuration of a pod: ``KUBERNETES_SERVICE_HOST`` and ``_PORT`` of ``environ``, and three files under
        ``root``.

        Raises :class:`ConfigError` outside of a cluster.
        """
        host, port = environ.get("KUBERNETES_SERVICE_HOST", ""), environ.get("KUBERNETES_SERVICE_PORT", "")
        if not host or not port:
            raise ConfigError("not in a cluster: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not both set")
        server = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
        namespace = root / "namespace"
        ca_file = root / "ca.crt"
        if not ca_file.is_file():
            raise ConfigError(f"{ca_file} does not exist: is the service account's token mounted?")
        _read_text(root / "token")
        return cls(
            server=server,
            credentials=TokenFile(root / "token"),
            ca_file=ca_file,
            proxy=proxy_for(server, environ),
            namespace=(_read_text(namespace) if namespace.is_file() else "") or "default",
        )

    @classmethod
    def with_token(cls, server: str, token: str, *, ca_data: str = "", insecure: bool = False) -> "ClientConfig":
        """A server and a bearer token that does not change."""
        return cls(
            server=server,
            credentials=StaticCredentials(Credentials(f"Bearer {token}")),
            ca_data=ca_data,
            insecure=insecure,
        )

    def ssl_context(self, credentials: Credentials) -> ssl.SSLContext | None:
        """How to talk TLS; ``None`` for plain HTTP. Raises :class:`ConfigError` for unreadable certificates."""
        if not self.server.startswith("https:"):
            return None
        try:
            context = ssl.create_default_context(
                cafile=str(self.ca_file) if self.ca_file else None, cadata=self.ca_data or None
            )
            if self.insecure:
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE
            if credentials.client_certificate is not None:
                certificate, key = credentials.client_certificate
                context.load_cert_chain(certificate, key)
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(f"cannot read the certificates for {self.server}: {error}") from error
        return context

    def tls_stamp(self, credentials: Credentials) -> tuple[object, ...]:
        """Something that differs when the files behind :meth:`ssl_context` do: authorities and certificates rotate
        too.
        """
        files = (self.ca_file, *(credentials.client_certificate or ()))
        return tuple((file, _stamp(file)) for file in files if file is not None)


def _read_text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
