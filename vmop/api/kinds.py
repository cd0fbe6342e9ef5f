"""The frame of every custom resource: metadata and status as plain JSON around a typed spec."""

import inspect
from typing import Any, ClassVar, Self

import attrs

from vmop.api.fields import Manifest

GROUP = "operator.victoriametrics.com"


@attrs.frozen
class Column:
    """A column of `kubectl get`."""

    name: str
    type: str
    path: str
    description: str = ""


AGE = Column("Age", "date", ".metadata.creationTimestamp")
STATUS = Column("Status", "string", ".status.updateStatus", "Result of the last reconcile")
SYNC_ERROR = Column("Sync Error", "string", ".status.reason", "Why the object could not be used")


class CustomResource:
    """Base of the kinds. A kind is an attrs class with `metadata`, `spec` and `status` and these class variables."""

    group: ClassVar[str] = GROUP
    version: ClassVar[str] = "v1beta1"
    kind: ClassVar[str]
    plural: ClassVar[str]
    short_names: ClassVar[tuple[str, ...]] = ()
    columns: ClassVar[tuple[Column, ...]] = (STATUS, AGE)
    scale: ClassVar[tuple[str, str, str] | None] = None  # JSON paths: replicas of spec, of status, label selector
    spec_required: ClassVar[bool] = False

    metadata: Manifest
    spec: Any
    status: Manifest

    @classmethod
    def spec_type(cls) -> type:
        """The class of `spec`."""
        spec: type = inspect.get_annotations(cls)["spec"]
        return spec

    @classmethod
    def make(cls, metadata: Manifest, spec: Any, status: Manifest) -> Self:
        """An object of its three parts (every kind's constructor takes them as keywords)."""
        construct: Any = cls
        made: Self = construct(metadata=metadata, spec=spec, status=status)
        return made

    @classmethod
    def api_version(cls) -> str:
        """`operator.victoriametrics.com/v1beta1`."""
        return f"{cls.group}/{cls.version}"

    @property
    def name(self) -> str:
        name: str = self.metadata.get("name", "")
        return name

    @property
    def namespace(self) -> str:
        namespace: str = self.metadata.get("namespace", "")
        return namespace
