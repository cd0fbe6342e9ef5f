"""Which proxy the usual variables name for a server, by the rules that Go programs follow
(``golang.org/x/net/http/httpproxy``).
"""

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit


def proxy_for(server: str, environ: Mapping[str, str]) -> str:
    """The URL of the proxy for ``server`` by ``HTTPS_PROXY``, ``HTTP_PROXY`` and ``NO_PROXY`` (or in lower case);
    empty: none.

    Loopback is never asked through a proxy.
    """
    url = urlsplit(server)
    host = (url.hostname or "").rstrip(".").lower()
    port = url.port or (443 if url.scheme == "https" else 80)
    proxy = _either(environ, "HTTPS_PROXY" if url.scheme == "https" else "HTTP_PROXY")
    if not proxy or _bypassed(host, port, _either(environ, "NO_PROXY")):
        return ""
    return proxy if "://" in proxy else f"http://{proxy}"


def _either(environ: Mapping[str, str], name: str) -> str:
    return environ.get(name) or environ.get(name.lower()) or ""


def _bypassed(host: str, port: int, no_proxy: str) -> bool:
    address = _address(host)
    if host == "localhost" or (address is not None and address.is_loopback):
        return True
    return any(_covers(entry.strip().lower(), host, port, address) for entry in no_proxy.split(","))


def _covers(entry: str, host: str, port: int, address: IPv4Address | IPv6Address | None) -> bool:
    if not entry:
        return False
    if entry == "*":
        return True
    if "/" in entry:
        try:
            return address is not None and address in ip_network(entry, strict=False)
        except ValueError:
            return False
    if (plain := _address(entry.strip("[]"))) is not None:
        return plain == address
    name, separator, wanted = entry.rpartition(":")
    if separator and wanted.isdigit():
        if int(wanted) != port:
            return False
        entry = name.strip("[]")
        if (plain := _address(entry)) is not None:
            return plain == address
    entry = entry.removeprefix("*")
    if entry.startswith("."):
        return host.endswith(entry)
    return host == entry or host.endswith(f".{entry}")


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None
