"""How simulated pods behave: said by a function of the test, by annotations of the pod, or by default."""

import re
from collections.abc import Callable
from typing import Literal, TypeAlias, get_args

import attrs

from vmop.informers import StoredObject

PREFIX = "simulator.vmop/"
READY_AFTER = f"{PREFIX}ready-after"
BEHAVIOUR = f"{PREFIX}behaviour"
RELOAD_AFTER = f"{PREFIX}reload-after"
STOP_AFTER = f"{PREFIX}stop-after"

Kind: TypeAlias = Literal["ready", "never", "crash"]

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)")


@attrs.frozen
class Behaviour:
    """What becomes of a pod: Ready after so many seconds, never, or crash-looping from then on."""

    kind: Kind = "ready"
    ready_after: float = 0.0


Choose: TypeAlias = Callable[[StoredObject], Behaviour | None]


@attrs.define(kw_only=True)
class Knobs:
    """What tests turn while the simulator runs. Times in seconds, rates and sizes in bytes (a second).

    `behaviour` is asked of every pod first; for those of which it says nothing their annotations count, then
    `default`. After turning it, :meth:`NodeSimulator.refresh` lets pods feel it that are at rest.
    """

    behaviour: Choose | None = None
    default: Behaviour = Behaviour()
    stop_after: float = 0.0  # between a pod's deletion and its end, if its grace period is not over before
    crash_interval: float = 1.0  # between restarts of a crashing container
    bind_after: float = 0.0  # until a new claim is bound
    resize_after: float = 0.2  # until a claim has grown
    reload_after: float = 0.2  # until a config-reloader has applied what is in its Secret
    fill_rate: float = 1024.0 * 1024  # of a vmagent's queue while nothing takes it off
    drain_rate: float = 16 * 1024.0 * 1024  # of a queue with a backlog, once somebody takes it
    in_memory: float = 1024.0  # what is pending in memory, always

    def of(self, pod: StoredObject) -> Behaviour:
        """The behaviour of a pod at this moment."""
        chosen = self.behaviour(pod) if self.behaviour is not None else None
        if chosen is not None:
            return chosen
        kind = pod.annotations.get(BEHAVIOUR, self.default.kind)
        for known in get_args(Kind):
            if kind == known:
                return Behaviour(known, annotated_seconds(pod, READY_AFTER, self.default.ready_after))
        raise ValueError(f"annotation {BEHAVIOUR}={kind!r} of pod {pod.key}: {', '.join(get_args(Kind))} are accepted")


def annotated_seconds(pod: StoredObject, annotation: str, default: float) -> float:
    """The duration that an annotation of the pod says."""
    text = pod.annotations.get(annotation)
    return default if text is None else seconds(text)


def seconds(text: str) -> float:
    """A duration such as ``1m30s`` or ``250ms``. Raises :class:`ValueError` for anything else."""
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"{text!r} is no duration such as 2s, 250ms or 1m30s")
    return sum(float(number) * _UNITS[unit] for number, unit in parts)
