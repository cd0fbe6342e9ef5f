"""Markdown as GitHub reads it."""

import re
from collections.abc import Iterable, Iterator, Sequence

_CODE = re.compile(r"(`[^`]*`)")


def code(text: str) -> str:
    """Text as it is typed. A `|` in it is escaped for tables."""
    return f"`{text}`".replace("|", "\\|")


def anchor(heading: str) -> str:
    """What follows `#` in a link to a heading that is one word."""
    return heading.lower()


def link(heading: str) -> str:
    """A link to a heading of the same file that is one word."""
    return f"[{heading}](#{anchor(heading)})"


def prose(text: str) -> str:
    """A text in which what is not between backticks means itself: `<name>` is no tag and `*` no emphasis."""
    parts = _CODE.split(text)
    return "".join(part if index % 2 else part.replace("<", "&lt;") for index, part in enumerate(parts))


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """The lines of a table, and an empty one after it."""
    yield _line(header)
    yield _line(["---"] * len(header))
    for row in rows:
        yield _line(row)
    yield ""


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
