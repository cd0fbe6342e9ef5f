"""``managedFields`` as sets of paths.

A FieldsV1 tree is flattened into the set of its members, each a tuple of elements as the API server spells them:
``f:name`` for a field or map key, ``k:{…}`` for an item of a list with keys, ``v:…`` for an item of a set, ``i:0``
for an index. A node with children is a member itself only where it holds ``.``; one without children always is. On
sets, who owns what is plain algebra.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from vmop.kube.resources import Manifest

FieldPath: TypeAlias = tuple[str, ...]
FieldSet: TypeAlias = frozenset[FieldPath]
Claimed: TypeAlias = Callable[[FieldPath], bool]

APPLY, UPDATE = "Apply", "Update"


class MixedVersions(Exception):
    """Fields under a claim are owned in another version of the API, whose paths cannot be counted with ours: write
    by PUT."""


def parse(tree: Mapping[str, Any]) -> FieldSet:
    """The members of a FieldsV1 tree. The empty tree has none."""
    found: set[FieldPath] = set()
    _collect(tree, (), found)
    return frozenset(found)


def _collect(node: Mapping[str, Any], path: FieldPath, found: set[FieldPath]) -> None:
    for element, child in node.items():
        if element == ".":
            found.add(path)
        elif child:
            _collect(child, (*path, element), found)
        else:
            found.add((*path, element))


def render(fields: Iterable[FieldPath]) -> dict[str, Any]:
    """The FieldsV1 tree of a set of paths: the inverse of :func:`parse`."""
    tree: dict[str, Any] = {}
    paths = sorted(fields)
    for path in paths:
        node = tree
        for element in path:
            node = node.setdefault(element, {})
    for path in paths:
        node = tree
        for element in path:
            node = node[element]
        if node:
            node["."] = {}
    return tree


def field_path(names: Iterable[str]) -> FieldPath:
    """The path of nested fields."""
    return tuple(f"f:{name}" for name in names)


def entries_of(manifest: Manifest) -> list[dict[str, Any]]:
    """``managedFields`` of an object, never ``None``."""
    return list((manifest.get("metadata") or {}).get("managedFields") or ())


def is_apply_entry(entry: Mapping[str, Any], manager: str) -> bool:
    """Whether ``entry`` is what ``manager`` applied to the object itself."""
    return entry.get("manager") == manager and entry.get("operation") == APPLY and not entry.get("subresource")


def owned_by_apply(managed: Iterable[Mapping[str, Any]], manager: str) -> FieldSet:
    """What ``manager`` owns through apply."""
    return frozenset().union(*(parse(e.get("fieldsV1") or {}) for e in managed if is_apply_entry(e, manager)))


def owned_by_others(managed: Iterable[Mapping[str, Any]], manager: str) -> FieldSet:
    """What any entry but the apply of ``manager`` owns: other managers, and updates of our own."""
    return frozenset().union(*(parse(e.get("fieldsV1") or {}) for e in managed if not is_apply_entry(e, manager)))


def take_over(
    managed: Sequence[Mapping[str, Any]], *, manager: str, api_version: str, claimed: Claimed, time: str
) -> list[dict[str, Any]] | None:
    """``managed`` with all that is claimed moved to the apply entry of ``manager``; ``None`` where nobody else owns
    any of it.

    ``time`` (RFC 3339) is that of a new entry. Raises :class:`MixedVersions` where an entry of another API version
    is concerned.
    """
    taken: set[FieldPath] = set()
    kept: list[dict[str, Any]] = []
    for entry in managed:
        if is_apply_entry(entry, manager):
            if entry.get("apiVersion") != api_version:
                raise MixedVersions
            kept.append(dict(entry))
            continue
        fields = parse(entry.get("fieldsV1") or {})
        moving = {path for path in fields if claimed(path)}
        if moving and entry.get("apiVersion") != api_version:
            raise MixedVersions
        taken |= moving
        if not moving:
            kept.append(dict(entry))
        elif rest := fields - moving:
            kept.append({**entry, "fieldsV1": render(rest)})
    if not taken:
        return None
    return add_to_apply(kept, taken, manager=manager, api_version=api_version, time=time)


def add_to_apply(
    managed: Sequence[Mapping[str, Any]], fields: Iterable[FieldPath], *, manager: str, api_version: str, time: str
) -> list[dict[str, Any]]:
    """``managed`` with ``fields`` owned by the apply entry of ``manager``, which is made where there is none."""
    ours: dict[str, Any] = {
        "manager": manager,
        "operation": APPLY,
        "apiVersion": api_version,
        "time": time,
        "fieldsType": "FieldsV1",
    }
    for entry in managed:
        if is_apply_entry(entry, manager):
            ours = dict(entry)
    ours["fieldsV1"] = render(parse(ours.get("fieldsV1") or {}) | set(fields))
    return [ours, *(dict(entry) for entry in managed if not is_apply_entry(entry, manager))]


def give_back(managed: Sequence[Mapping[str, Any]], *, manager: str, neutral: str) -> list[dict[str, Any]]:
    """``managed`` with every entry of ``manager`` for the object itself made an update of ``neutral``.

    The values stay, and whoever edits the object may remove them; an apply of ours no longer would
    (``00-writing.md`` §8).
    """
    kept: list[dict[str, Any]] = []
    released: dict[str, dict[str, Any]] = {}
    for entry in managed:
        mine = entry.get("manager") in (manager, neutral) and not entry.get("subresource")
        if not mine:
            kept.append(dict(entry))
            continue
        version = str(entry.get("apiVersion"))
        fields = parse(entry.get("fieldsV1") or {})
        if version in released:
            fields |= parse(released[version]["fieldsV1"])
        released[version] = {**entry, "manager": neutral, "operation": UPDATE, "fieldsV1": render(fields)}
    return [*kept, *released.values()]


def newest_change(managed: Iterable[Mapping[str, Any]], ours: Callable[[str], bool]) -> str:
    """When another manager last changed the object itself (RFC 3339, whole seconds, UTC); empty when none did.

    Takes ``managedFields`` in full or as the informers keep them: reduced to that one entry.
    """
    times = (
        str(entry.get("time") or "")
        for entry in managed
        if not entry.get("subresource") and not ours(str(entry.get("manager") or ""))
    )
    return max(times, default="")
