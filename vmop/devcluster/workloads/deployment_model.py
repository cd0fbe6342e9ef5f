"""A Deployment and its ReplicaSets as one value, and the arithmetic of rolling over them: no I/O.

The rules are those of the Deployment controller of kube-controller-manager, as its users observe them.
"""

import copy
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import attrs

from vmop.devcluster.workloads.objects import HASH_LABEL, condition, parse_time, scaled, without_zeros
from vmop.informers import StoredObject
from vmop.kube import Manifest

REVISION = "deployment.kubernetes.io/revision"
REVISION_HISTORY = "deployment.kubernetes.io/revision-history"
DESIRED = "deployment.kubernetes.io/desired-replicas"
MAXIMUM = "deployment.kubernetes.io/max-replicas"
NOT_COPIED = frozenset(
    (
        "kubectl.kubernetes.io/last-applied-configuration",
        "deprecated.deployment.rollback.to",
        REVISION,
        REVISION_HISTORY,
        DESIRED,
        MAXIMUM,
    )
)
_NO_DEADLINE = 2147483647


def spec_replicas(obj: StoredObject) -> int:
    replicas = obj.get("spec").get("replicas")
    return 1 if replicas is None else int(replicas)


def status_of(obj: StoredObject, field: str) -> int:
    return int((obj.get("status") or {}).get(field) or 0)


def revision_of(obj: StoredObject) -> int:
    try:
        return int(obj.annotations.get(REVISION) or 0)
    except ValueError:
        return 0


def without_hash(template: Mapping[str, Any]) -> Manifest:
    """A template without the label that a ReplicaSet's has in addition."""
    plain = copy.deepcopy(dict(template))
    labels = (plain.get("metadata") or {}).get("labels")
    if labels:
        labels.pop(HASH_LABEL, None)
    return _normal(plain)


def _normal(template: Manifest) -> Manifest:
    metadata = {name: value for name, value in (template.get("metadata") or {}).items() if value}
    metadata.pop("creationTimestamp", None)
    return {**template, "metadata": metadata}


def _age(obj: StoredObject) -> tuple[str, str]:
    return str(obj.metadata.get("creationTimestamp") or ""), obj.name


@attrs.frozen
class Rollout:
    """One look at a Deployment: `sets` are all ReplicaSets that it controls."""

    deployment: StoredObject
    sets: tuple[StoredObject, ...]

    @property
    def spec(self) -> Mapping[str, Any]:
        spec: Mapping[str, Any] = self.deployment.get("spec")
        return spec

    @property
    def replicas(self) -> int:
        return spec_replicas(self.deployment)

    @property
    def is_rolling(self) -> bool:
        return bool(((self.spec.get("strategy") or {}).get("type") or "RollingUpdate") == "RollingUpdate")

    @property
    def max_surge(self) -> int:
        if not self.is_rolling:
            return 0
        rolling = (self.spec.get("strategy") or {}).get("rollingUpdate") or {}
        return scaled(rolling.get("maxSurge"), self.replicas, up=True)

    @property
    def max_unavailable(self) -> int:
        if not self.is_rolling or self.replicas == 0:
            return 0
        rolling = (self.spec.get("strategy") or {}).get("rollingUpdate") or {}
        unavailable = scaled(rolling.get("maxUnavailable"), self.replicas, up=False)
        if unavailable == 0 and self.max_surge == 0:
            unavailable = 1
        return min(unavailable, self.replicas)

    @property
    def newest(self) -> StoredObject | None:
        """The ReplicaSet of the present template; the oldest, should there be several."""
        wanted = without_hash(self.spec["template"])
        for one in sorted(self.sets, key=_age):
            if without_hash(one.get("spec")["template"]) == wanted:
                return one
        return None

    @property
    def old(self) -> list[StoredObject]:
        """All others, the oldest first."""
        newest = self.newest
        return sorted((one for one in self.sets if newest is None or one.uid != newest.uid), key=_age)

    @property
    def total(self) -> int:
        """Replicas that all ReplicaSets together are to have."""
        return sum(map(spec_replicas, self.sets))

    @property
    def available(self) -> int:
        return sum(status_of(one, "availableReplicas") for one in self.sets)

    @property
    def deadline(self) -> int | None:
        """Seconds within which there must be progress; None when there is no limit."""
        seconds = self.spec.get("progressDeadlineSeconds")
        return None if seconds is None or seconds == _NO_DEADLINE else int(seconds)

    def new_replicas(self) -> int:
        """How far the newest ReplicaSet may be scaled up now."""
        current = spec_replicas(self.newest) if self.newest else 0
        if not self.is_rolling:
            return self.replicas
        room = self.replicas + self.max_surge - self.total
        if room <= 0:
            return current
        return current + min(room, self.replicas - current)

    def scaling(self) -> dict[str, int]:
        """ReplicaSets (by name) to scale when the Deployment was scaled, in proportion while it rolls."""
        active = [one for one in self.sets if spec_replicas(one) > 0]
        newest, old = self.newest, self.old
        if len(active) <= 1:
            latest = active[0] if active else newest or (old[-1] if old else None)
            return {} if latest is None or spec_replicas(latest) == self.replicas else {latest.name: self.replicas}
        if newest is not None and self._is_saturated(newest):
            return {one.name: 0 for one in old if spec_replicas(one) > 0}
        return self._proportional(active) if self.is_rolling else {}

    def _is_saturated(self, newest: StoredObject) -> bool:
        desired = newest.annotations.get(DESIRED)
        return (
            spec_replicas(newest) == self.replicas == status_of(newest, "availableReplicas")
            and desired is not None
            and int(desired) == self.replicas
        )

    def _proportional(self, active: Sequence[StoredObject]) -> dict[str, int]:
        allowed = self.replicas + self.max_surge if self.replicas else 0
        missing = allowed - sum(map(spec_replicas, active))
        if missing > 0:
            ordered = sorted(active, key=lambda one: (-spec_replicas(one), *map(_reversed, _age(one))))
        else:
            ordered = sorted(active, key=lambda one: (-spec_replicas(one), _age(one)))
        sizes, added = {}, 0
        for one in ordered:
            share = 0 if missing == 0 else self._share(one)
            left = missing - added
            share = min(share, left) if missing > 0 else max(share, left)
            sizes[one.name] = spec_replicas(one) + share
            added += share
        if ordered and missing:
            first = ordered[0].name
            sizes[first] = max(0, sizes[first] + missing - added)
        return {one.name: sizes[one.name] for one in ordered if sizes[one.name] != spec_replicas(one)}

    def _share(self, one: StoredObject) -> int:
        if self.replicas == 0:
            return -spec_replicas(one)
        before = int(one.annotations.get(MAXIMUM) or 0) or status_of(self.deployment, "replicas") or self.replicas
        return int(spec_replicas(one) * (self.replicas + self.max_surge) / before + 0.5) - spec_replicas(one)

    def scale_down(self) -> dict[str, int]:
        """Old ReplicaSets (by name) to scale down in a rolling update: unhealthy replicas first, then as many as
        availability allows.
        """
        newest = self.newest
        sizes = {one.name: spec_replicas(one) for one in self.old}
        if newest is None or not any(sizes.values()):
            return {}
        least = self.replicas - self.max_unavailable
        new_unavailable = spec_replicas(newest) - status_of(newest, "availableReplicas")
        budget = self.total - least - new_unavailable
        if budget <= 0:
            return {}
        cleaned = 0
        for one in self.old:
            healthy = status_of(one, "availableReplicas")
            unhealthy = min(sizes[one.name] - healthy, budget - cleaned)
            if sizes[one.name] > 0 and unhealthy > 0:
                sizes[one.name] -= unhealthy
                cleaned += unhealthy
        left = max(0, self.available - least)
        for one in self.old:
            step = min(sizes[one.name], left)
            sizes[one.name] -= step
            left -= step
        return {one.name: sizes[one.name] for one in self.old if sizes[one.name] != spec_replicas(one)}

    def is_complete(self, status: Mapping[str, Any]) -> bool:
        counts = (status.get("updatedReplicas", 0), status.get("replicas", 0), status.get("availableReplicas", 0))
        observed = status.get("observedGeneration", 0)
        return counts == (self.replicas,) * 3 and observed >= self.deployment.generation

    def counts(self) -> Manifest:
        """The status without its conditions."""
        newest = self.newest
        known = self.deployment.get("status") or {}
        return {
            "observedGeneration": self.deployment.generation,
            "replicas": sum(status_of(one, "replicas") for one in self.sets),
            "updatedReplicas": status_of(newest, "replicas") if newest else 0,
            "readyReplicas": sum(status_of(one, "readyReplicas") for one in self.sets),
            "availableReplicas": self.available,
            "unavailableReplicas": max(0, self.total - self.available),
            "terminatingReplicas": sum(status_of(one, "terminatingReplicas") for one in self.sets),
            "collisionCount": known.get("collisionCount"),
        }

    def status(self, now: datetime, *, rolling: bool = True) -> Manifest:
        """The whole status; with `rolling` the progress is judged, too."""
        known = self.deployment.get("status") or {}
        counts = self.counts()
        conditions = Conditions(known.get("conditions") or (), now)
        if counts["availableReplicas"] >= self.replicas - self.max_unavailable:
            text = "Deployment has minimum availability."
            conditions.set("Available", "True", "MinimumReplicasAvailable", text)
        else:
            text = "Deployment does not have minimum availability."
            conditions.set("Available", "False", "MinimumReplicasUnavailable", text)
        if rolling:
            self._judge_progress(known, counts, conditions, now)
        return without_zeros(counts | {"conditions": conditions.all}, "observedGeneration", "terminatingReplicas")

    def _judge_progress(
        self, known: Mapping[str, Any], counts: Mapping[str, Any], conditions: "Conditions", now: datetime
    ) -> None:
        if self.deadline is None:
            conditions.remove("Progressing")
            return
        current = condition(known, "Progressing")
        available = current is not None and current["reason"] == "NewReplicaSetAvailable"
        if counts["replicas"] == counts["updatedReplicas"] and available:
            return
        newest = self.newest
        what = f'ReplicaSet "{newest.name}"' if newest else f'Deployment "{self.deployment.name}"'
        if self.is_complete(counts):
            text = f"{what} has successfully progressed."
            conditions.set("Progressing", "True", "NewReplicaSetAvailable", text)
        elif _has_progressed(known, counts):
            conditions.set("Progressing", "True", "ReplicaSetUpdated", f"{what} is progressing.", refresh=True)
        elif self.timed_out(now):
            text = f"{what} has timed out progressing."
            conditions.set("Progressing", "False", "ProgressDeadlineExceeded", text)

    def timed_out(self, now: datetime) -> bool:
        left = self.seconds_left(now)
        current = condition(self.deployment.get("status") or {}, "Progressing")
        if current is not None and current["reason"] == "ProgressDeadlineExceeded":
            return True
        return left is not None and left <= 0

    def seconds_left(self, now: datetime) -> float | None:
        """Seconds until the deadline passes; None when none is running."""
        current = condition(self.deployment.get("status") or {}, "Progressing")
        if self.deadline is None or current is None:
            return None
        if current["reason"] in ("NewReplicaSetAvailable", "ProgressDeadlineExceeded"):
            return None
        end = parse_time(current["lastUpdateTime"]) + timedelta(seconds=self.deadline)
        return (end - now).total_seconds()


def _reversed(text: str) -> tuple[int, ...]:
    return tuple(-ord(letter) for letter in text)


def _has_progressed(known: Mapping[str, Any], counts: Mapping[str, Any]) -> bool:
    before = {name: known.get(name) or 0 for name in counts}
    outdated = counts["replicas"] - counts["updatedReplicas"]
    return bool(
        counts["updatedReplicas"] > before["updatedReplicas"]
        or outdated < before["replicas"] - before["updatedReplicas"]
        or counts["readyReplicas"] > before["readyReplicas"]
        or counts["availableReplicas"] > before["availableReplicas"]
    )


class Conditions:
    """The conditions of a Deployment, changed by its rules: an equal one keeps its times."""

    def __init__(self, known: Sequence[Manifest], now: datetime) -> None:
        self.all: list[Manifest] = [dict(one) for one in known]
        self._stamp = now.strftime("%Y-%m-%dT%H:%M:%SZ")

    def set(self, kind: str, status: str, reason: str, message: str, *, refresh: bool = False) -> None:
        """`refresh`: also an equal one is updated, for its time counts."""
        current = next((one for one in self.all if one["type"] == kind), None)
        same_status = current is not None and current["status"] == status
        if current is not None and same_status and current["reason"] == reason and not refresh:
            return
        since = current["lastTransitionTime"] if current is not None and same_status else self._stamp
        self.remove(kind)
        times = {"lastUpdateTime": self._stamp, "lastTransitionTime": since}
        self.all.append({"type": kind, "status": status, "reason": reason, "message": message, **times})

    def remove(self, kind: str) -> None:
        self.all = [one for one in self.all if one["type"] != kind]
