"""What is wrong in a manifest, as a value that parser and validation share."""

from typing import NamedTuple


class Problem(NamedTuple):
    """Something wrong: where (`spec.zones[1].name`, empty for the whole object) and what."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message
