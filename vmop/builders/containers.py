"""The user's containers over the generated ones: a strategic merge by name (01 §5.9)."""

from collections.abc import Iterable, Sequence
from typing import Any

from vmop.builders.base import Manifest, without_nulls

_MERGE_KEYS = {"env": "name", "volumeMounts": "mountPath", "ports": "containerPort", "volumeDevices": "devicePath"}
"""Lists of a container that are merged item by item, with the key that tells the items apart; others are replaced."""


def merge_containers(generated: Iterable[Manifest], user: Sequence[Manifest] | None) -> list[Manifest]:
    """Generated containers with the user's patches of the same name, then the user's other containers."""
    patches = [without_nulls(container) for container in user or ()]
    result = list(generated)
    names = {container["name"]: index for index, container in enumerate(result)}
    others: list[Manifest] = []
    for patch in patches:
        index = names.get(patch.get("name", ""))
        if index is None:
            others.append(patch)
        else:
            result[index] = merge_container(result[index], patch)
    return result + others


def merge_container(generated: Manifest, patch: Manifest) -> Manifest:
    """A container with the user's fields over it: lists that have a merge key by that, objects by member."""
    result = dict(generated)
    for field, value in patch.items():
        key = _MERGE_KEYS.get(field)
        if key is not None:
            result[field] = merge_lists(generated.get(field) or [], value, key)
        else:
            result[field] = _merged(generated.get(field), value)
    return result


def merge_lists(generated: Sequence[Manifest], patch: Sequence[Manifest], key: str) -> list[Manifest]:
    """Two lists woven by `key`.

    Patched entries keep the patch's order, entries that the patch does not name keep theirs. While both are left, the
    unnamed one goes first only if the patch's next entry is a generated one that stood after it.
    """
    position: dict[Any, int] = {}
    for index, item in enumerate(generated):
        position.setdefault(item.get(key), index)
    patched: dict[Any, Manifest] = {}
    for item in patch:
        name = item.get(key)
        before = patched.get(name) or (generated[position[name]] if name in position else {})
        patched[name] = _merged(before, item)
    named = {position[name] for name in patched if name in position}
    unnamed = [index for index in range(len(generated)) if index not in named]
    woven: list[Manifest] = []
    for name, item in patched.items():
        while unnamed and name in position and position[name] > unnamed[0]:
            woven.append(generated[unnamed.pop(0)])
        woven.append(item)
    return woven + [generated[index] for index in unnamed]


def _merged(generated: Any, patch: Any) -> Any:
    if not isinstance(generated, dict) or not isinstance(patch, dict):
        return patch
    return {**generated, **{key: _merged(generated.get(key), value) for key, value in patch.items()}}
