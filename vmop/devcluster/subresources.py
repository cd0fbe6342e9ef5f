"""Subresources that are no part of the object: scale, eviction, binding, proxy; and the reviews, which store
nothing.
"""

from typing import Any

import attrs

from vmop.devcluster import strategies
from vmop.devcluster.jsonpath import json_path
from vmop.devcluster.registry import Served
from vmop.devcluster.requests import Call
from vmop.devcluster.rest import DeleteOptions, Rest
from vmop.devcluster.selectors import selector_of
from vmop.devcluster.status import (
    Cause,
    Manifest,
    StatusError,
    bad_request,
    conflict,
    invalid,
    no_such_resource,
    too_many_requests,
    undecodable_patch,
)
from vmop.devcluster.storage import Stored

# Scale


def _path(served: Served, field: str) -> list[str]:
    return str((served.scale or {}).get(field, "")).strip(".").split(".")


def scale_of(served: Served, obj: Manifest) -> Manifest:
    """The `Scale` of an object."""
    scale = served.scale or {}
    replicas = json_path(obj, scale["specReplicasPath"])
    current = json_path(obj, scale["statusReplicasPath"])
    status: Manifest = {"replicas": current[0] if current else 0}
    if not served.is_custom:
        status["selector"] = _selector_text((obj.get("spec") or {}).get("selector") or {})
    elif scale.get("labelSelectorPath"):
        selector = json_path(obj, scale["labelSelectorPath"])
        if selector and selector[0]:
            status["selector"] = selector[0]
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    metadata = {field: obj["metadata"][field] for field in kept if field in obj["metadata"]}
    spec = {"replicas": replicas[0]} if replicas and replicas[0] else {}
    return {"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": metadata, "spec": spec, "status": status}


def _selector_text(selector: Manifest) -> str:
    parts = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    parts += [
        f"{one['key']} {one['operator'].lower()} ({','.join(one.get('values') or ())})"
        for one in selector.get("matchExpressions") or ()
    ]
    return ",".join(parts)


async def replace_scale(rest: Rest, call: Call, scale: Manifest) -> Manifest:
    """Set the replicas of the object to those of `scale`."""
    return await _rescale(rest, call, lambda live: scale)


async def patch_scale(rest: Rest, call: Call, patch: Any) -> Manifest:
    """Patch the `Scale` of the object."""

    def patched(live: Manifest) -> Manifest:
        if patch.media == "application/json-patch+json":
            result: Manifest = patch.on(rest, call, live)
            return result
        return rest.schemas.merge_patch(live, patch.content)

    return await _rescale(rest, call, patched)


async def _rescale(rest: Rest, call: Call, change: Any) -> Manifest:
    served = call.served

    def mutate(live: Manifest) -> tuple[Manifest, bool]:
        scale = change(scale_of(served, live))
        replicas = (scale.get("spec") or {}).get("replicas") or 0
        if not isinstance(replicas, int):
            why = "json: cannot unmarshal string into Go struct field ScaleSpec.spec.replicas of type int32"
            raise undecodable_patch(scale, why) if call.verb == "patch" else bad_request(why)
        if replicas < 0 and not served.is_custom:
            message = f"Invalid value: {replicas}: must be greater than or equal to 0"
            raise invalid("autoscaling", "Scale", call.name, (Cause("FieldValueInvalid", message, "spec.replicas"),))
        version = (scale.get("metadata") or {}).get("resourceVersion")
        if version and version != live["metadata"]["resourceVersion"]:
            raise conflict(served.group, served.plural, call.name)
        *parents, last = _path(served, "specReplicasPath")
        target = live
        for parent in parents:
            target = target.setdefault(parent, {})
        target[last] = replicas
        return live, False

    return scale_of(served, await rest.mutate(call, mutate))


# Creating below an object, and reviews


async def create(rest: Rest, call: Call, body: Manifest) -> Manifest:
    """POST to a subresource, or of a review."""
    if not call.subresource:
        return _review(rest, call, body)
    match call.subresource:
        case "eviction":
            return await _evict(rest, call, body)
        case "binding":
            return await _bind(rest, call, body)
        case _:
            raise no_such_resource()


def _review(rest: Rest, call: Call, body: Manifest) -> Manifest:
    served = call.served
    asked = {"kind": served.kind, "apiVersion": served.api_version, "metadata": {}, "spec": body.get("spec") or {}}
    head = rest.schemas.track(served, None, asked, call.options.field_manager, subresource="", now=rest.now())
    user = {"username": call.options.user, "groups": ["system:masters", "system:authenticated"]}
    match served.kind:
        case "SelfSubjectReview":
            status: Manifest = {"userInfo": user}
        case "TokenReview":
            status = {"authenticated": True, "user": user}
        case _:
            status = {"allowed": True}
    return head | {"status": status}


_SUCCESS: Manifest = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}


async def _bind(rest: Rest, call: Call, body: Manifest) -> Manifest:
    node = (body.get("target") or {}).get("name", "")
    wanted_uid = (body.get("metadata") or {}).get("uid")

    def bind(pod: Manifest) -> tuple[Manifest, bool]:
        if wanted_uid and wanted_uid != pod["metadata"]["uid"]:
            raise conflict("", "pods", call.name, f"the UID in the binding ({wanted_uid}) does not match")
        if pod["spec"].get("nodeName"):
            why = f'pod {call.name} is already assigned to node "{pod["spec"]["nodeName"]}"'
            raise conflict("", "pods/binding", call.name, why)
        pod["spec"]["nodeName"] = node
        conditions = (pod.get("status") or {}).get("conditions") or []
        stamp = rest.now().strftime("%Y-%m-%dT%H:%M:%SZ")
        scheduled = {"type": "PodScheduled", "status": "True", "lastProbeTime": None, "lastTransitionTime": stamp}
        kept = [one for one in conditions if one["type"] != "PodScheduled"]
        pod["status"] = (pod.get("status") or {}) | {"conditions": [*kept, scheduled]}
        return pod, True

    await rest.mutate(call, bind)
    return _SUCCESS


def _is_ready(pod: Manifest) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


async def _evict(rest: Rest, call: Call, body: Manifest) -> Manifest:
    """Delete the pod if every disruption budget that selects it allows one disruption more."""
    stored = rest.get(call.served, call.namespace, call.name)
    pod = stored.object
    options = DeleteOptions.parse(body.get("deleteOptions") or {}, {})
    phase = (pod.get("status") or {}).get("phase")
    unprotected = phase in ("Pending", "Succeeded", "Failed") or pod["metadata"].get("deletionTimestamp")
    if options.uid and options.uid != stored.uid:
        why = f"Precondition failed: UID in precondition: {options.uid}, UID in object meta: {stored.uid}"
        raise conflict("", "pods", call.name, why)
    if not unprotected:
        budgets = _budgets(rest, stored)
        if len(budgets) > 1:
            message = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
            raise StatusError(500, "InternalError", message)
        for budget in budgets:
            await _use_budget(rest, call, budget, pod)
    deletion = attrs.evolve(call, verb="delete", subresource="")
    dry_run = options.dry_run or call.options.dry_run
    await rest.delete(deletion, attrs.evolve(options, dry_run=dry_run))
    return _SUCCESS


def _budgets(rest: Rest, pod: Stored) -> list[Stored]:
    labels = pod.metadata.get("labels") or {}
    return [
        budget
        for budget in rest.storage.objects(strategies.BUDGETS, pod.key.namespace)
        if selector_of((budget.object.get("spec") or {}).get("selector"))(labels)
    ]


async def _use_budget(rest: Rest, call: Call, budget: Stored, pod: Manifest) -> None:
    spec, status = budget.object.get("spec") or {}, budget.object.get("status") or {}
    name = budget.key.name
    if not _is_ready(pod):
        healthy = status.get("currentHealthy", 0) >= status.get("desiredHealthy", 0)
        always = spec.get("unhealthyPodEvictionPolicy") == "AlwaysAllow"
        if always or (healthy and status.get("desiredHealthy", 0) > 0):
            return
    blocked = "Cannot evict pod as it would violate the pod's disruption budget."
    if status.get("observedGeneration", 0) < budget.metadata.get("generation", 0):
        cause = Cause("DisruptionBudget", f"The disruption budget {name} is still being processed by the server.", "")
        raise too_many_requests(blocked, causes=(cause,), retry_after=10)
    if status.get("disruptionsAllowed", 0) <= 0:
        needs, has = status.get("desiredHealthy", 0), status.get("currentHealthy", 0)
        message = f"The disruption budget {name} needs {needs} healthy pods and has {has} currently"
        raise too_many_requests(blocked, causes=(Cause("DisruptionBudget", message, ""),))
    served = rest.registry.find("policy", "v1", "poddisruptionbudgets")
    if served is None or call.options.dry_run:
        return
    stamp = rest.now().strftime("%Y-%m-%dT%H:%M:%SZ")

    def use(live: Manifest) -> tuple[Manifest, bool]:
        now = live["status"]
        now["disruptionsAllowed"] -= 1
        now["disruptedPods"] = (now.get("disruptedPods") or {}) | {call.name: stamp}
        return live, False

    update = attrs.evolve(call, verb="update", served=served, name=name, subresource="status")
    await rest.mutate(update, use)
