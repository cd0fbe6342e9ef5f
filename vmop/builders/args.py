"""Command line arguments: generated ones, the user's on top, and flags with a value per target (01 §5.3)."""

from collections.abc import Iterable, Mapping, Sequence

from vmop.builders.base import first_of_list

_GO_ESCAPES = {"\a": r"\a", "\b": r"\b", "\f": r"\f", "\n": r"\n", "\r": r"\r", "\t": r"\t", "\v": r"\v"} | {
    '"': r"\"",
    "\\": r"\\",
}


def arguments(generated: Iterable[str], extra_args: Mapping[str, str] | None, *, dashes: str = "-") -> list[str]:
    """All arguments of an application in byte order.

    A generated argument gives way to a key of `extra_args` that equals its name: the text after exactly `dashes`, up to
    `=`. So arguments written with two dashes among one-dash ones stay beside the user's, as they do in the Go operator.
    """
    extra = extra_args or {}
    kept = [arg for arg in generated if arg.removeprefix(dashes).partition("=")[0] not in extra]
    return sorted([*kept, *(_extra(dashes, key, value) for key, value in extra.items())], key=str.encode)


def _extra(dashes: str, key: str, value: str) -> str:
    return f"{dashes}{key}={go_quoted(value) if key == 'rule' else value}"


def go_quoted(text: str) -> str:
    """`text` in double quotes, escaped as Go does."""
    return '"' + "".join(_GO_ESCAPES.get(c) or (c if c.isprintable() else _code(c)) for c in text) + '"'


def _code(character: str) -> str:
    point = ord(character)
    return f"\\x{point:02x}" if point < 0x80 else f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"


def flag(name: str, value: object | None) -> list[str]:
    """`-name=value` where there is a value that is not empty; booleans as Go prints them."""
    match value:
        case None | "":
            return []
        case bool():
            return [f"-{name}={str(value).lower()}"]
        case _:
            return [f"-{name}={value}"]


def list_flag(name: str, values: Sequence[object | None], *, empty: str = "") -> list[str]:
    """One flag with a value for each target, in order.

    A target without a value gets the flag's `empty` marker; where no target has one, there is no flag.
    """
    texts = [empty if value is None or value == "" else _text(value) for value in values]
    return [f"-{name}={','.join(texts)}"] if any(text != empty for text in texts) else []


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def uses_tls(extra_args: Mapping[str, str] | None) -> bool:
    """The first listener speaks TLS, by the argument `tls` (a list of booleans, one a listener)."""
    return first_of_list((extra_args or {}).get("tls")) == "true"


def uses_proxy_protocol(extra_args: Mapping[str, str] | None) -> bool:
    """The first listener expects the proxy protocol, by the argument `httpListenAddr.useProxyProtocol`."""
    return first_of_list((extra_args or {}).get("httpListenAddr.useProxyProtocol")) == "true"


def prefixed_path(extra_args: Mapping[str, str] | None, path: str) -> str:
    """`path` behind `http.pathPrefix`, with single slashes and none at the end or before a prefix that has none."""
    prefix = (extra_args or {}).get("http.pathPrefix", "")
    if not prefix:
        return path
    joined = "/".join(part for part in f"{prefix}/{path}".split("/") if part)
    return f"/{joined}" if prefix.startswith("/") else joined
