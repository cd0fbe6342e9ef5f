"""URLs as Go takes them apart and puts them together, for suffixes and query arguments of targets (06 §13)."""

import re
from collections.abc import Mapping, Sequence
from urllib.parse import quote, quote_plus, unquote, unquote_plus

import attrs

_URL = re.compile(r"(?:(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]*):)?(?://(?P<host>[^/?#]*))?(?P<path>[^?#]*)")
_BAD_ESCAPE = re.compile(r"%(?![0-9a-fA-F]{2}).{0,2}", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_ENCODED = re.compile(r"[A-Za-z0-9\-_.~!$&'()*+,;=:@/%\[\]]*")
_PATH_SAFE = "$&+,/:;=@-_.~"


@attrs.frozen
class URL:
    """A URL in its parts; `path` is decoded, `spelling` is how it was written."""

    scheme: str
    authority: str | None
    path: str
    spelling: str
    query: str
    fragment: str

    def __str__(self) -> str:
        as_written = unquote(self.spelling) == self.path and _ENCODED.fullmatch(self.spelling)
        path = self.spelling if as_written else quote(self.path, safe=_PATH_SAFE)
        scheme = f"{self.scheme}:" if self.scheme else ""
        authority = "" if self.authority is None else f"//{self.authority}"
        slash = "/" if authority and path and not path.startswith("/") else ""
        query = f"?{self.query}" if self.query else ""
        fragment = f"#{self.fragment}" if self.fragment else ""
        return f"{scheme}{authority}{slash}{path}{query}{fragment}"


def parsed(text: str) -> URL:
    """Raises ValueError saying what is wrong, in Go's words."""
    if _CONTROL.search(text):
        raise ValueError(f'parse "{text}": net/url: invalid control character in URL')
    rest, _, fragment = text.partition("#")
    rest, _, query = rest.partition("?")
    match = _URL.fullmatch(rest)
    assert match is not None, "the pattern takes any text"  # noqa: S101
    path = match["path"]
    if bad := _BAD_ESCAPE.search(path):
        raise ValueError(f'parse "{text}": invalid URL escape "{bad[0]}"')
    if match["scheme"] is None and match["host"] is None and ":" in path.partition("/")[0]:
        raise ValueError(f'parse "{text}": first path segment in URL cannot contain colon')
    return URL((match["scheme"] or "").lower(), match["host"], unquote(path), path, query, fragment)


def extended(url: str, suffix: URL | None, query_args: Mapping[str, Sequence[str]]) -> str:
    """`url` with the path and query of `suffix` and with query arguments, which win over those of both."""
    base = parsed(url)
    added = _query(suffix.query) if suffix else {}
    added |= {name: list(values) for name, values in query_args.items()}
    query = _encoded(_query(base.query) | added) if added else base.query
    return str(attrs.evolve(base, path=_joined(base.path, suffix.path if suffix else ""), query=query))


def _joined(*parts: str) -> str:
    """One path with single slashes, without `.`, `..` and a slash at the end."""
    path = "/".join(part for part in parts if part)
    if not path:
        return ""
    rooted = path.startswith("/")
    kept: list[str] = []
    for part in path.split("/"):
        if part in ("", "."):
            continue
        if part != "..":
            kept.append(part)
        elif kept and kept[-1] != "..":
            kept.pop()
        elif not rooted:
            kept.append(part)
    return ("/" if rooted else "") + "/".join(kept) or "."


def _query(text: str) -> dict[str, list[str]]:
    """Names and values; pairs that are malformed do not count."""
    found: dict[str, list[str]] = {}
    for pair in text.split("&"):
        if pair and ";" not in pair and not _BAD_ESCAPE.search(pair):
            name, _, value = pair.partition("=")
            found.setdefault(unquote_plus(name), []).append(unquote_plus(value))
    return found


def _encoded(query: Mapping[str, Sequence[str]]) -> str:
    return "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name in sorted(query) for value in query[name])
