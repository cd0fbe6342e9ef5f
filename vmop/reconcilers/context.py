"""What every reconciler works with: one value, made once by whoever runs the controllers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from random import Random

import attrs

from vmop.builders.base import Platform
from vmop.informers import InformerFactory
from vmop.kube import Applier, Client, PodHttp
from vmop.kube.resources import VM_AGENT, VM_CLUSTER, VM_DISTRIBUTED
from vmop.runtime import EventRecorder
from vmop.settings import Settings

FINALIZER = "apps.victoriametrics.com/finalizer"


def effective_disabled(disabled: Iterable[str]) -> frozenset[str]:
    """Controllers that do not run, those included that cannot do without a disabled one (spec 01 §7.10)."""
    named = frozenset(disabled)
    return named | {VM_DISTRIBUTED.kind} if named & {VM_AGENT.kind, VM_CLUSTER.kind} else named


@attrs.frozen
class Context:
    """The collaborators of all reconcilers, and the settings that they share.

    `disabled` holds names of controllers that do not run (``-controller.disableReconcileFor``), and of those that need
    them; `validate` is off where admission webhooks validate already. `now` is the wall clock (aware, UTC),
    `random` the source of jitter.
    """

    client: Client
    informers: InformerFactory
    applier: Applier
    events: EventRecorder
    pods: PodHttp
    settings: Settings
    platform: Platform
    now: Callable[[], datetime]
    random: Random
    disabled: frozenset[str] = attrs.field(default=frozenset(), converter=effective_disabled)
    validate: bool = True

    def resync_delay(self) -> float | None:
        """Seconds until an object in order is looked at again (spec 01 §3.3); None where resync is off."""
        interval = self.settings.forceresyncinterval
        if not interval:
            return None
        return interval + self.random.random() * min(interval / 10, 10.0) / 2
