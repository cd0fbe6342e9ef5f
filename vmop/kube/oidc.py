"""Renewing the id-token of an OIDC user of a kubeconfig.

kubernetes-asyncio can do that too, but talks to the identity provider without verifying its certificate, and fails
where the kubeconfig names an authority. So an expired token is renewed here, before the library sees it.
"""

import base64
import binascii
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import aiohttp
import msgspec

from vmop.kube.config import ConfigError
from vmop.kube.proxy import proxy_for
from vmop.kube.wire import decode

EXPIRY_MARGIN = timedelta(minutes=5)
_TIMEOUT = 30.0


def expired(id_token: str, now: datetime) -> bool:
    """Whether an id-token is missing or ends within five minutes. One that does not say when it ends lasts."""
    if not id_token:
        return True
    try:
        payload = id_token.split(".")[1]
        claims = decode(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return datetime.fromtimestamp(claims["exp"], UTC) - EXPIRY_MARGIN <= now
    except (IndexError, binascii.Error, msgspec.DecodeError, KeyError, TypeError):
        return False


async def refresh(config: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    """New ``id-token`` and ``refresh-token`` for the ``config`` of an ``oidc`` auth-provider.

    Raises :class:`ConfigError`, which names the provider and quotes none of the tokens.
    """
    issuer = config.get("idp-issuer-url", "").rstrip("/")
    token = config.get("refresh-token", "")
    if not issuer or not token:
        raise ConfigError("oidc: the id-token expired, and idp-issuer-url or refresh-token is missing to renew it")
    form = {"grant_type": "refresh_token", "refresh_token": token}
    headers = {"Accept": "application/json"}
    identity, secret = config.get("client-id", ""), config.get("client-secret", "")
    if secret:
        pair = f"{quote(identity, safe='')}:{quote(secret, safe='')}".encode()
        headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
    else:
        form["client_id"] = identity
    try:
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=_ssl_context(config)), timeout=aiohttp.ClientTimeout(total=_TIMEOUT)
        ) as session:
            found = await _answer(session, "GET", f"{issuer}/.well-known/openid-configuration", environ)
            answer = await _answer(session, "POST", found["token_endpoint"], environ, headers=headers, data=form)
        return {"id-token": answer["id_token"], "refresh-token": answer.get("refresh_token") or token}
    except (aiohttp.ClientError, TimeoutError, ssl.SSLError, OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"oidc: cannot renew the id-token at {issuer}: {_said(error)}") from None


async def _answer(
    session: aiohttp.ClientSession, method: str, url: str, environ: Mapping[str, str], **more: Any
) -> Any:
    proxy = proxy_for(url, environ) or None
    async with session.request(
        method, url, proxy=proxy, allow_redirects=False, raise_for_status=True, **more
    ) as response:
        return decode(await response.read())


def _ssl_context(config: Mapping[str, str]) -> ssl.SSLContext:
    data = config.get("idp-certificate-authority-data", "")
    return ssl.create_default_context(
        cafile=config.get("idp-certificate-authority") or None,
        cadata=base64.b64decode(data).decode() if data else None,
    )


def _said(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientResponseError):
        return f"the provider answered {error.status}"
    return type(error).__name__
