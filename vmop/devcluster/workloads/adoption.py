"""Whose is an object? Those that match the selector and have no controller are adopted, those that stopped to match
released.
"""

from collections.abc import Callable, Iterable

from vmop.devcluster.workloads.objects import controller_of, is_controlled_by, is_kind, owner_reference, selector_of
from vmop.devcluster.workloads.writer import Writer
from vmop.informers import Informer, LabelSelector, StoredObject
from vmop.kube import ApiError, Conflict, Manifest, NotFound, ObjectKey

_BY_CONTROLLER = "controller"


async def claim(
    writer: Writer,
    owner: StoredObject,
    informer: Informer,
    *,
    belongs: Callable[[StoredObject], bool] = lambda obj: True,
) -> list[StoredObject]:
    """The objects of `informer` that `owner` controls, after adopting and releasing; sorted by name.

    `belongs` says more of what may be adopted than the selector does (a StatefulSet's pods carry its name).
    """
    selector = selector_of(owner)
    mine: list[StoredObject] = []
    for obj in _candidates(owner, informer, selector):
        matches = selector.matches(obj.label) and belongs(obj)
        if is_controlled_by(obj, owner):
            if matches or owner.deletion_timestamp is not None or await _release(writer, owner, obj):
                mine.append(obj)
        elif matches and controller_of(obj) is None and obj.deletion_timestamp is None:
            mine += await _adopt(writer, owner, obj)
    return sorted(mine, key=lambda obj: obj.name)


def index_by_controller(*informers: Informer) -> None:
    """Prepare informers for :func:`claim` and :func:`controlled_by`."""
    for informer in informers:
        informer.add_index(_BY_CONTROLLER, _controllers)


def controlled_by(owner: StoredObject, informer: Informer) -> list[StoredObject]:
    """What `owner` controls, whether or not it matches."""
    return informer.lister.by_index(_BY_CONTROLLER, owner.uid)


def _controllers(obj: StoredObject) -> list[str]:
    reference = controller_of(obj)
    return [] if reference is None else [reference["uid"]]


def _candidates(owner: StoredObject, informer: Informer, selector: LabelSelector) -> Iterable[StoredObject]:
    found = {obj.uid: obj for obj in informer.lister.list(owner.namespace, selector)}
    return (found | {obj.uid: obj for obj in controlled_by(owner, informer)}).values()


async def _adopt(writer: Writer, owner: StoredObject, obj: StoredObject) -> list[StoredObject]:
    if owner.deletion_timestamp is not None:
        return []
    references: list[Manifest] = [*(obj.metadata.get("ownerReferences") or ()), owner_reference(owner)]
    try:
        await writer.patch(obj.resource, obj.key, {"metadata": {"uid": obj.uid, "ownerReferences": references}})
    except (NotFound, Conflict):
        return []
    adopted = writer.factory.cached(obj.resource, obj.key)
    return [adopted] if adopted is not None else []


async def _release(writer: Writer, owner: StoredObject, obj: StoredObject) -> bool:
    """Returns whether it is still ours."""
    references = [one for one in obj.metadata.get("ownerReferences") or () if one["uid"] != owner.uid]
    try:
        await writer.patch(obj.resource, obj.key, {"metadata": {"uid": obj.uid, "ownerReferences": references or None}})
    except ApiError:
        return False
    return False


def keys_of_owners(owners: Informer) -> Callable[[StoredObject], Iterable[ObjectKey]]:
    """Maps an object to its controlling owner among `owners`; an orphan to all that would adopt it."""

    def keys(obj: StoredObject) -> Iterable[ObjectKey]:
        reference = controller_of(obj)
        if reference is not None:
            if is_kind(reference, owners.resource):
                yield ObjectKey(obj.namespace, reference["name"])
            return
        for owner in owners.lister.list(obj.namespace):
            if selector_of(owner).matches(obj.label):
                yield owner.key

    return keys
