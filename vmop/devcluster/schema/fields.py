"""Sets of field paths, and their wire form ``FieldsV1``.

A path is a tuple of elements in the spelling of ``FieldsV1``: ``f:name`` for a field or key, ``k:{"name":"x"}`` for
an item of a list map, ``v:"x"`` for an item of a set, ``i:0`` for an index. A set is a tree: its members, and the
sets below its elements.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, TypeAlias

from vmop.devcluster.schema.types import ListShape, Type

Path: TypeAlias = tuple[str, ...]

# Order of kinds of elements in messages.
_ORDER: Final = {"f": 0, "k": 1, "v": 2, "i": 3}


class FieldSet:
    """A set of paths. Operations return new sets and share what is equal; a set handed out is never changed."""

    __slots__ = ("children", "members")

    def __init__(self, paths: Iterable[Path] = ()) -> None:
        self.members: set[str] = set()
        self.children: dict[str, FieldSet] = {}
        for path in paths:
            self.insert(path)

    @classmethod
    def _of(cls, members: set[str], children: Mapping[str, "FieldSet"]) -> "FieldSet":
        made = cls()
        made.members = members
        made.children = {element: child for element, child in children.items() if child}
        return made

    def insert(self, path: Path) -> None:
        """Add one path while the set is built; the empty path (the whole object) has no owner."""
        place = self
        for element in path[:-1]:
            place = place.children.setdefault(element, FieldSet())
        if path:
            place.members.add(path[-1])

    def __bool__(self) -> bool:
        return bool(self.members) or any(self.children.values())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, FieldSet):
            return NotImplemented
        return self.to_wire() == other.to_wire()

    __hash__ = None  # type: ignore[assignment]  # mutable while it is built

    def __contains__(self, element: str) -> bool:
        return element in self.members

    def below(self, element: str) -> "FieldSet":
        """The part of the set under one element, without it."""
        return self.children.get(element) or FieldSet()

    def __or__(self, other: "FieldSet") -> "FieldSet":
        children = dict(self.children)
        for element, child in other.children.items():
            children[element] = children[element] | child if element in children else child
        return self._of(self.members | other.members, children)

    def __and__(self, other: "FieldSet") -> "FieldSet":
        shared = self.children.keys() & other.children.keys()
        return self._of(self.members & other.members, {key: self.children[key] & other.children[key] for key in shared})

    def __sub__(self, other: "FieldSet") -> "FieldSet":
        """What is not in ``other``: a member of ``other`` does not take what is below it away."""
        children = {
            key: child - other.children[key] if key in other.children else child for key, child in self.children.items()
        }
        return self._of(self.members - other.members, children)

    def without_tree(self, other: "FieldSet") -> "FieldSet":
        """What is neither in ``other`` nor below one of its members."""
        children = {
            key: child.without_tree(other.children[key]) if key in other.children else child
            for key, child in self.children.items()
            if key not in other.members
        }
        return self._of(self.members - other.members, children)

    def with_named_fields(self, place: Type | None) -> "FieldSet":
        """Add every struct field that has members below it: fields of a struct are owned with what they hold."""
        shape = place.map if place is not None else None
        named = {key for key in self.children if shape is not None and key[:2] == "f:" and key[2:] in shape.fields}
        children = {key: child.with_named_fields(_descend(place, key)) for key, child in self.children.items()}
        return self._of(self.members | named, children)

    def __iter__(self) -> Iterator[Path]:
        """Every path: members of a level first, in the order in which the server lists conflicts."""
        yield from self._walk(())

    def _walk(self, prefix: Path) -> Iterator[Path]:
        for element in sorted(self.members, key=_sort_key):
            yield (*prefix, element)
        for element in sorted(self.children, key=_sort_key):
            yield from self.children[element]._walk((*prefix, element))

    def to_wire(self) -> dict[str, Any]:
        """The set as ``fieldsV1``."""
        wire: dict[str, Any] = {element: {} for element in self.members if not self.children.get(element)}
        for element, child in self.children.items():
            if child:
                wire[element] = ({".": {}} if element in self.members else {}) | child.to_wire()
        return wire

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> "FieldSet":
        """Read ``fieldsV1``; keys and values are brought to the server's spelling. ValueError if it is none."""
        made = cls()
        for raw, below in wire.items():
            if raw == ".":
                continue
            element = _canonical(raw)
            if not below or "." in below:
                made.members.add(element)
            child = cls.from_wire(below)
            if child:
                made.children[element] = child
        return made


def field_element(name: str) -> str:
    return "f:" + name


def item_element(shape: ListShape, item: Any) -> str:
    """The element by which an item of a set or list map is known. ValueError as the server words it."""
    if not shape.keys:
        return _set_element(item)
    if item is None:
        raise ValueError("associative list with keys may not have a null element")
    if not isinstance(item, dict):
        raise ValueError("associative list with keys may not have non-map elements")
    key: dict[str, Any] = {}
    for name in shape.keys:
        value = item[name] if name in item else shape.key_default(name)
        if value is not None or name in item:
            key[name] = value
    if not key:
        names = " ".join(_quoted(name) for name in shape.keys)
        raise ValueError(
            f"associative list with keys has an element that omits all key fields [{names}] "
            "(and doesn't have default values for any key fields)"
        )
    return "k:" + _compact(dict(sorted(key.items())))


def _set_element(item: Any) -> str:
    match item:
        case dict():
            raise ValueError("associative list without keys has an element that's a map type")
        case list():
            raise ValueError("not supported: associative list with lists as elements")
        case None:
            raise ValueError("associative list without keys has an element that's an explicit null")
    return "v:" + _compact(item)


def format_path(path: Path) -> str:
    """A path as messages show it: ``.spec.template.spec.containers[name="main"].image``."""
    return "".join(format_element(element) for element in path)


def format_element(element: str) -> str:
    kind, value = element[0], element[2:]
    match kind:
        case "f":
            return "." + value
        case "k":
            parts = (f"{name}={_compact(part)}" for name, part in json.loads(value).items())
            return f"[{','.join(parts)}]"
        case "v":
            return f"[={value}]"
    return f"[{value}]"


def _descend(place: Type | None, element: str) -> Type | None:
    if place is None:
        return None
    if element.startswith("f:"):
        return place.map.at(element[2:]) if place.map is not None else None
    if element.startswith("k:"):
        return place.list.items if place.list is not None else None
    return None


def _canonical(element: str) -> str:
    kind, separator, value = element.partition(":")
    if not separator or kind not in _ORDER:
        raise ValueError(f"unexpected field path element {element!r}")
    match kind:
        case "k":
            return "k:" + _compact(dict(sorted(json.loads(value).items())))
        case "v":
            return "v:" + _compact(json.loads(value))
    return element


def _sort_key(element: str) -> tuple[int, str]:
    return _ORDER[element[0]], element


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
