"""Reading a store."""

from collections.abc import Iterable, Mapping
from typing import Final

from vmop.informers.indexes import Index
from vmop.informers.objects import StoredObject
from vmop.informers.selectors import LabelSelector
from vmop.informers.store import Store
from vmop.kube import ObjectKey

_LABEL_INDEXES: Final = 16


class Lister:
    """Read access to the objects of one informer: never an API call, and never older than what this process wrote."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._labels: dict[str, Index] = {}

    def get(self, key: ObjectKey) -> StoredObject | None:
        return self._store.get(key)

    def by_index(self, name: str, value: str) -> list[StoredObject]:
        """Objects of which the index function gave ``value``.

        Raises :class:`KeyError` when there is no such index.
        """
        index = self._store.index(name)
        if index is None:
            raise KeyError(f"the informer of {self._store.resource} has no index {name!r}")
        return index.find(value)

    def keys(self) -> list[ObjectKey]:
        return [stored.key for stored in self._store.objects()]

    def list(
        self, namespace: str = "", selector: Mapping[str, str] | LabelSelector | None = None
    ) -> list[StoredObject]:
        """Objects of one namespace (all, when empty) whose labels match.

        The first label of which the selector demands a value is indexed from then on (at most 16 labels a store).
        """
        if selector is None:
            return list(self._store.objects(namespace))
        wanted = selector if isinstance(selector, LabelSelector) else LabelSelector.of(selector)
        return [
            stored
            for stored in self._candidates(namespace, wanted)
            if namespace in ("", stored.namespace) and wanted.matches(stored.label)
        ]

    def __len__(self) -> int:
        return len(self._store)

    def _candidates(self, namespace: str, selector: LabelSelector) -> Iterable[StoredObject]:
        for requirement in selector.requirements:
            if requirement.operator == "In":
                index = self._label_index(requirement.label)
                if index is not None:
                    return [stored for value in dict.fromkeys(requirement.values) for stored in index.find(value)]
        return self._store.objects(namespace)

    def _label_index(self, label: str) -> Index | None:
        index = self._labels.get(label)
        if index is None and len(self._labels) < _LABEL_INDEXES:

            def value_of(stored: StoredObject) -> tuple[str, ...]:
                value = stored.label(label)
                return () if value is None else (value,)

            index = self._labels[label] = self._store.add_index(f"label {label}", value_of)
        return index
