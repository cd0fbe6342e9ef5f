"""Which pods of an OnDelete StatefulSet may be taken down now: a decision on what is seen, without I/O (spec 01 §7.9).

A pod that is ready goes only while, with it, no more than ``maxUnavailable`` of the pods that must be ready are not. A
pod that is not ready anyway goes while fewer than ``maxUnavailable`` are on their way to the current template. So a
template whose first pod does not become ready stops there, and when it is corrected, that pod is the next to go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any

import attrs

from vmop.api import Manifest
from vmop.kube.times import parse_time
from vmop.reconcilers.pods import REVISION, Pod, is_ready
from vmop.reconcilers.progress import Failure

#: this much of ``maxUnavailable`` means that disruption budgets do not count
ALL = "100%"


@attrs.frozen(slots=False)
class PodUpdate:
    """A StatefulSet and the pods that its selector matches, as seen at one moment.

    `limit` is ``maxUnavailable``: a number, or a percentage of the replicas.
    """

    live: Manifest
    pods: Sequence[Pod]
    limit: int | str
    now: datetime

    @property
    def replicas(self) -> int:
        return int(self.live["spec"].get("replicas", 1))

    @property
    def revision(self) -> str:
        """The revision of the current template."""
        return str((self.live.get("status") or {}).get("updateRevision", ""))

    @property
    def budget(self) -> int:
        """How many pods may be down at once: a percentage is rounded down, and it is at least one."""
        if isinstance(self.limit, int):
            return max(1, self.limit)
        percent = self.limit.removesuffix("%")
        if not percent.isdigit():
            raise Failure(f"maxUnavailable must be a number or a percentage, got {self.limit!r}", terminal=True)
        return max(1, self.replicas * int(percent) // 100)

    @cached_property
    def by_ordinal(self) -> Mapping[int, Pod]:
        """The pods that must be there, in order. Those beyond ``replicas`` are on their way out and do not count."""
        name, uid = self.live["metadata"]["name"], self.live["metadata"]["uid"]
        found: dict[int, Pod] = {}
        for pod in self.pods:
            owners = pod["metadata"].get("ownerReferences") or ()
            prefix, _, ordinal = pod["metadata"]["name"].rpartition("-")
            if prefix == name and ordinal.isdigit() and any(owner.get("uid") == uid for owner in owners):
                found[int(ordinal)] = pod
        return {each: found[each] for each in self._ordinals if each in found}

    @property
    def members(self) -> list[Pod]:
        return list(self.by_ordinal.values())

    @property
    def missing(self) -> int:
        """How many pods are not there."""
        return self.replicas - len(self.by_ordinal)

    @property
    def leaving(self) -> list[Pod]:
        """Pods on their way out."""
        return [pod for pod in self.members if _is_deleted(pod)]

    @property
    def outdated(self) -> list[Pod]:
        """Pods that have yet to go."""
        return [pod for pod in self.members if not _is_deleted(pod) and self.is_outdated(pod)]

    @property
    def unready(self) -> list[Pod]:
        """Pods of the current template that are not ready, or not for ``minReadySeconds`` yet."""
        current = [pod for pod in self.members if not _is_deleted(pod) and not self.is_outdated(pod)]
        return [pod for pod in current if not self._is_available(pod)]

    @property
    def done(self) -> bool:
        """All pods are there, on the current template and ready."""
        return not (self.missing or self.leaving or self.outdated or self.unready)

    def is_outdated(self, pod: Pod) -> bool:
        """Made from an older template, or adopted from a StatefulSet with other claims or another Service (§7.7)."""
        if (pod["metadata"].get("labels") or {}).get(REVISION) != self.revision:
            return True
        born, since = _born(pod), _born(self.live)
        if born is None or since is None or born > since:
            return False
        other_service = pod["spec"].get("subdomain", "") != self.live["spec"].get("serviceName", "")
        return other_service or self._claims() != _own_claims(pod, self._template_volumes())

    def next(self) -> list[Pod]:
        """Pods to take down now: those that are not ready anyway come before all others."""
        if not self.revision:
            return []
        broken = [pod for pod in self.outdated if not is_ready(pod)]
        if broken:
            underway = len(self.leaving) + len(self.unready) + self._gaps
            return broken[: max(0, self.budget - underway)]
        available = sum(self._is_available(pod) for pod in self.members)
        return self.outdated[: max(0, self.budget - (self.replicas - available))]

    def _is_available(self, pod: Pod) -> bool:
        return is_ready(pod, int(self.live["spec"].get("minReadySeconds", 0)), self.now)

    @property
    def _ordinals(self) -> range:
        start = int((self.live["spec"].get("ordinals") or {}).get("start", 0))
        return range(start, start + self.replicas)

    @property
    def _gaps(self) -> int:
        """Pods that are being made again. Those after the last one may be waiting for their predecessors."""
        last = max(self.by_ordinal, default=-1)
        return sum(each < last for each in self._ordinals if each not in self.by_ordinal)

    def _claims(self) -> set[str]:
        return {claim["metadata"]["name"] for claim in self.live["spec"].get("volumeClaimTemplates") or ()}

    def _template_volumes(self) -> set[str]:
        return {volume["name"] for volume in self.live["spec"]["template"]["spec"].get("volumes") or ()}


def _own_claims(pod: Pod, others: set[str]) -> set[str]:
    """The claim templates that a pod was made with, by its volumes."""
    name = pod["metadata"]["name"]
    return {
        volume["name"]
        for volume in _volumes(pod)
        if (volume.get("persistentVolumeClaim") or {}).get("claimName") == f"{volume['name']}-{name}"
        and volume["name"] not in others
    }


def _volumes(pod: Pod) -> Iterable[Mapping[str, Any]]:
    return pod["spec"].get("volumes") or ()


def _is_deleted(pod: Pod) -> bool:
    return bool(pod["metadata"].get("deletionTimestamp"))


def _born(manifest: Mapping[str, Any]) -> datetime | None:
    return parse_time(manifest["metadata"].get("creationTimestamp"))
