"""What a part of a resource is made of, in the order in which it is written.

A part is built as a sequence: what comes before its workload, the workload, which is waited for, and what comes after.
If something cannot be built, the sequence ends there; what stands before is still wanted (03 §3.14).
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator

import attrs

from vmop.builders.base import BuildError, Manifest, without_nulls
from vmop.builders.metadata import with_common_metadata
from vmop.settings import Settings

WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet")


@attrs.frozen
class Component:
    """The objects of one part, in writing order. With an `error`, the objects after it are missing."""

    name: str
    objects: tuple[Manifest, ...] = attrs.field(default=(), repr=False)
    error: BuildError | None = None

    @classmethod
    def collect(cls, name: str, objects: Iterable[Manifest], settings: Settings) -> "Component":
        """Take objects until they end or one cannot be built. They get the operator-wide metadata and lose nulls."""
        done: list[Manifest] = []
        try:
            done.extend(with_common_metadata(without_nulls(manifest), settings) for manifest in objects)
        except BuildError as error:
            return cls(name, tuple(done), error)
        return cls(name, tuple(done))

    @property
    def workload(self) -> Manifest | None:
        """The workload; None if it could not be built."""
        return next((manifest for manifest in self.objects if manifest["kind"] in WORKLOADS), None)

    @property
    def before(self) -> tuple[Manifest, ...]:
        """What is written before the workload."""
        return self.objects[: self._position()]

    @property
    def after(self) -> tuple[Manifest, ...]:
        """What is written when the workload is ready."""
        return self.objects[self._position() + 1 :]

    @property
    def services(self) -> tuple[Manifest, ...]:
        return tuple(self.of_kind("Service"))

    @property
    def scrape(self) -> Manifest | None:
        return next(self.of_kind("VMServiceScrape"), None)

    @property
    def autoscaled(self) -> bool:
        """Whether an autoscaler decides on replicas."""
        return any(True for _ in self.of_kind("HorizontalPodAutoscaler"))

    def of_kind(self, kind: str) -> Iterator[Manifest]:
        return (manifest for manifest in self.objects if manifest["kind"] == kind)

    def _position(self) -> int:
        kinds = [manifest["kind"] in WORKLOADS for manifest in self.objects]
        return kinds.index(True) if True in kinds else len(kinds)


class Parts(ABC):
    """What a resource stands for, part by part: what the manifests of all kinds have in common."""

    __slots__ = ()

    @property
    @abstractmethod
    def components(self) -> tuple[Component, ...]:
        """The parts in writing order."""

    @property
    def error(self) -> BuildError | None:
        """The first thing that cannot be built."""
        return next((part.error for part in self.components if part.error is not None), None)

    def all(self) -> list[Manifest]:
        """Every object in writing order. Raises `BuildError` if one could not be built."""
        if self.error is not None:
            raise self.error
        return [manifest for part in self.components for manifest in part.objects]

    def names(self, kinds: Iterable[str]) -> dict[str, frozenset[str]]:
        """The names of the objects of some kinds, for the removal of leftovers; only complete without an `error`."""
        return {
            kind: frozenset(m["metadata"]["name"] for part in self.components for m in part.of_kind(kind))
            for kind in kinds
        }
