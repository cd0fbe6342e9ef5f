"""The frame of every custom resource: metadata and status as plain JSON around a typed spec.

The status stays plain JSON for those who write it; its classes here only declare its schema.
"""

import inspect
from typing import Any, ClassVar, Self

import attrs

from vmop.api.fields import Manifest, field

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


@attrs.frozen(kw_only=True)
class Condition:
    """A condition of an object, as Kubernetes' API conventions define them, with a heartbeat."""

    type: str | None = field("What the condition is about; one entry a type.", required=True, schema={"maxLength": 316})
    status: str | None = field(
        "Whether the condition holds: True, False or Unknown.", required=True, enum=("True", "False", "Unknown")
    )
    reason: str | None = field(
        "Why, as one word for programs.", required=True, schema={"minLength": 1, "maxLength": 1024}
    )
    message: str | None = field("Why, as a sentence for people.", schema={"maxLength": 32768})
    observed_generation: int | None = field(
        "Generation of the object that the condition is about.", format="int64", schema={"minimum": 0}
    )
    last_transition_time: str | None = field("When the status last changed.", required=True, format="date-time")
    last_update_time: str | None = field("When the condition was last confirmed.", required=True, format="date-time")


@attrs.frozen(kw_only=True, slots=False)
class ObjectStatus:
    """The status of every kind."""

    update_status: str | None = field(
        "Outcome of the last reconcile: expanding, operational, failed, paused, or ignored for unused objects."
    )
    reason: str | None = field("Why the last reconcile failed; absent when it did not.")
    observed_generation: int | None = field("Generation of the object that was handled last.", format="int64")
    conditions: list[Condition] | None = field(
        "What each resource that uses the object says about it.",
        schema={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
    )


@attrs.frozen(kw_only=True, slots=False)
class WorkloadStatus(ObjectStatus):
    """The status of kinds that run pods."""

    last_applied_spec: Manifest | None = field("Spec with all defaults that was applied last.", raw=True)


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
    may_skip_validation: ClassVar[bool] = True  # by the annotation of 01-common.md 1.5
    status_type: ClassVar[type] = ObjectStatus

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
        """`metadata.name`."""
        name: str = self.metadata.get("name", "")
        return name

    @property
    def namespace(self) -> str:
        """`metadata.namespace`."""
        namespace: str = self.metadata.get("namespace", "")
        return namespace
