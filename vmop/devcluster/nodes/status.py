"""The status of a simulated pod, as a kubelet would write it. No I/O."""

from collections.abc import Mapping
from typing import Any, Literal

import attrs

from vmop.kube import Manifest


@attrs.frozen
class Moment:
    """What a kubelet knows of a pod: `restarts` of its containers, and how it is now."""

    state: Literal["creating", "starting", "ready", "crashing"]
    address: str
    host: str
    restarts: int
    stamp: str


def pod_status(spec: Mapping[str, Any], known: Mapping[str, Any], moment: Moment) -> Manifest:
    """The whole status; times of what stayed as it was are kept."""
    created = moment.state != "creating"
    ready = moment.state == "ready"
    status: Manifest = {
        **known,
        "phase": "Running" if created else "Pending",
        "hostIP": moment.host,
        "hostIPs": [{"ip": moment.host}],
        "startTime": known.get("startTime") or moment.stamp,
        "conditions": _conditions(spec, known, moment, created=created, ready=ready),
        "containerStatuses": [
            _container(one, _known(known, "containerStatuses", one), moment) for one in spec.get("containers") or ()
        ],
    }
    if created:
        status |= {"podIP": moment.address, "podIPs": [{"ip": moment.address}]}
    if spec.get("initContainers"):
        status["initContainerStatuses"] = [
            _init_container(one, _known(known, "initContainerStatuses", one), moment) for one in spec["initContainers"]
        ]
    return status


def _known(status: Mapping[str, Any], field: str, container: Mapping[str, Any]) -> Mapping[str, Any]:
    return next((one for one in status.get(field) or () if one["name"] == container["name"]), {})


def _conditions(
    spec: Mapping[str, Any], known: Mapping[str, Any], moment: Moment, *, created: bool, ready: bool
) -> list[Manifest]:
    names = " ".join(container["name"] for container in spec.get("containers") or ())
    unready = {} if ready else {"reason": "ContainersNotReady", "message": f"containers with unready status: [{names}]"}
    wanted = {
        "PodReadyToStartContainers": (created, {}),
        "Initialized": (created or not spec.get("initContainers"), {}),
        "Ready": (ready, unready),
        "ContainersReady": (ready, unready),
        "PodScheduled": (True, {}),
    }
    before = {one["type"]: one for one in known.get("conditions") or ()}
    conditions = [one for kind, one in before.items() if kind not in wanted]
    for kind, (holds, why) in wanted.items():
        status = "True" if holds else "False"
        old = before.get(kind) or {}
        since = old.get("lastTransitionTime") if old.get("status") == status else None
        times = {"lastProbeTime": None, "lastTransitionTime": since or moment.stamp}
        conditions.append({"type": kind, "status": status, **why, **times})
    return conditions


def _container(container: Mapping[str, Any], known: Mapping[str, Any], moment: Moment) -> Manifest:
    image = container.get("image") or ""
    last = known.get("lastState") or {}
    running = (known.get("state") or {}).get("running") or {"startedAt": moment.stamp}
    match moment.state:
        case "creating":
            state: Manifest = {"waiting": {"reason": "ContainerCreating"}}
        case "starting" | "ready":
            state = {"running": running}
        case "crashing":
            text = f"back-off restarting failed container={container['name']}"
            state = {"waiting": {"reason": "CrashLoopBackOff", "message": text}}
            times = {"startedAt": moment.stamp, "finishedAt": moment.stamp}
            if known.get("restartCount") != moment.restarts or not last:
                last = {"terminated": {"exitCode": 1, "reason": "Error", **times}}
    up = "running" in state
    return {
        "name": container["name"],
        "image": image,
        "imageID": f"simulated://{image}" if moment.state != "creating" else "",
        "ready": moment.state == "ready",
        "started": up,
        "restartCount": moment.restarts,
        "state": state,
        "lastState": last,
    }


def _init_container(container: Mapping[str, Any], known: Mapping[str, Any], moment: Moment) -> Manifest:
    created = moment.state != "creating"
    state: Manifest = {"waiting": {"reason": "PodInitializing"}}
    if created:
        times = {"startedAt": moment.stamp, "finishedAt": moment.stamp}
        ended = {"terminated": {"exitCode": 0, "reason": "Completed", **times}}
        state = known["state"] if "terminated" in (known.get("state") or {}) else ended
    image = container.get("image") or ""
    return {
        "name": container["name"],
        "image": image,
        "imageID": f"simulated://{image}" if created else "",
        "ready": created,
        "started": False,
        "restartCount": 0,
        "state": state,
        "lastState": {},
    }
