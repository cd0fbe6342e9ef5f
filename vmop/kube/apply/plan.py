"""One desired manifest made ready to be compared and written."""

import base64
import copy
import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypeAlias

import attrs
import msgspec

from vmop.kube.apply.claims import Claims, Path, claims_of, get_path, scaled_field, set_path, without
from vmop.kube.apply.compare import contains, keep_live_bytes, same
from vmop.kube.apply.fields import FieldPath, add_to_apply, entries_of, field_path, owned_by_apply, owned_by_others
from vmop.kube.apply.shapes import is_custom
from vmop.kube.resources import Manifest, ObjectKey, Resource, key_of

DESIRED_ANNOTATION = "operator.victoriametrics.com/vmop-desired"
"""``<hash> <RFC 3339 time of the last write>`` of what was desired, on every object that was applied."""

ReplicasBy: TypeAlias = Literal["us", "autoscaler"]


@attrs.frozen(kw_only=True)
class Plan:
    """What one apply wants. ``recorded`` is the hash that is written on the object, ``fingerprint`` the one that is
    remembered.

    They differ in Secrets only: nothing of their values may be guessed from an annotation.
    """

    resource: Resource
    key: ObjectKey
    desired: Manifest = attrs.field(repr=False)
    claims: Claims
    manager: str
    scaled: Path | None
    recorded: str
    fingerprint: str

    @property
    def labels(self) -> Mapping[str, str]:
        """The labels that are ours."""
        return self.desired["metadata"].get("labels") or {}

    @property
    def annotations(self) -> Mapping[str, str]:
        """The annotations that are ours, without the recorded one."""
        return self.desired["metadata"].get("annotations") or {}

    @property
    def owners(self) -> list[dict[str, Any]]:
        """The owner references that are ours."""
        return list(self.desired["metadata"].get("ownerReferences") or ())


def make_plan(resource: Resource, desired: Manifest, *, claims: Claims, manager: str, replicas_by: ReplicasBy) -> Plan:
    """Normalise ``desired`` (nulls and ``stringData`` resolved, nothing that only the server sets) and hash it.

    A workload that names no number of replicas leaves it to others, as under an autoscaler. Claims that are not those
    of the kind are hashed too: another claim is another wish.
    """
    wanted = _without_nulls(desired)
    wanted.pop("status", None)
    for field in ("resourceVersion", "managedFields", "creationTimestamp", "generation"):
        wanted["metadata"].pop(field, None)
    if text := wanted.pop("stringData", None):
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in text.items()}
        wanted["data"] = {**wanted.get("data", {}), **encoded}
    wanted.setdefault("apiVersion", resource.api_version)
    wanted.setdefault("kind", resource.kind)
    narrowed = "" if claims == claims_of(resource) else repr(claims)
    path = scaled_field(resource)
    can_scale = resource.group == "apps" or path != ("spec", "replicas")
    scaled = None
    if replicas_by == "autoscaler" or (can_scale and get_path(wanted, path) is None):
        scaled, claims = path, without(claims, path)
    hashed = copy.deepcopy(wanted) if scaled else dict(wanted)
    hashed["metadata"] = {k: v for k, v in wanted["metadata"].items() if k != "uid"}
    if scaled:
        set_path(hashed, scaled, None)
    if narrowed:
        hashed["claims"] = narrowed
    fingerprint = recorded = _digest(hashed)
    if resource.kind == "Secret" and not resource.group:
        recorded = _digest({**hashed, "data": sorted(wanted.get("data") or ())})
    return Plan(
        resource=resource,
        key=key_of(wanted),
        desired=wanted,
        claims=claims,
        manager=manager,
        scaled=scaled,
        recorded=recorded,
        fingerprint=fingerprint,
    )


def _digest(value: object) -> str:
    return hashlib.sha256(msgspec.json.encode(value, order="deterministic")).hexdigest()[:32]


def _without_nulls(value: Any) -> Any:
    match value:
        case dict():
            return {key: _without_nulls(item) for key, item in value.items() if item is not None}
        case list():
            return [_without_nulls(item) for item in value]
    return value


def record(plan: Plan, time: str) -> str:
    """The value of :data:`DESIRED_ANNOTATION`."""
    return f"{plan.recorded} {time}"


def read_record(annotations: Mapping[str, str] | None) -> tuple[str, str]:
    """The recorded hash and time of the last write; empty where there is none."""
    recorded, _, time = (annotations or {}).get(DESIRED_ANNOTATION, "").partition(" ")
    return recorded, time


def own_metadata(plan: Plan, metadata: Mapping[str, Any]) -> tuple[object, ...]:
    """What an object has under the keys that are ours: to be compared with what desired or an earlier answer has."""
    labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
    owners = {ref.get("uid") for ref in metadata.get("ownerReferences") or ()}
    return (
        tuple(labels.get(key) for key in plan.labels),
        tuple(annotations.get(key) for key in plan.annotations),
        tuple(ref["uid"] in owners for ref in plan.owners),
    )


def settle(plan: Plan, live: Manifest) -> Manifest:
    """Desired as it can be said of ``live``: what only a new object gets is taken from live, equal gzip content
    keeps its bytes, and ports of a Service keep their node port."""
    settled = copy.deepcopy(plan.desired)
    for path in plan.claims.kept:
        if get_path(settled, path) is not None:
            set_path(settled, path, copy.deepcopy(get_path(live, path)))
    if plan.scaled:
        set_path(settled, plan.scaled, None)
    if plan.resource.kind == "Service" and not plan.resource.group:
        _keep_node_ports(settled, live)
    return keep_live_bytes(settled, live)


def _keep_node_ports(desired: Manifest, live: Manifest) -> None:
    spec = desired.get("spec") or {}
    if spec.get("type") not in ("NodePort", "LoadBalancer"):
        return
    allocated = {
        port.get("name"): port["nodePort"]
        for port in (live.get("spec") or {}).get("ports") or ()
        if port.get("nodePort")
    }
    for port in spec.get("ports") or ():
        if not port.get("nodePort") and (number := allocated.pop(port.get("name"), None)):
            port["nodePort"] = number


def content_in_place(plan: Plan, live: Manifest) -> bool:
    """Whether ``live`` holds everything that desired says outside the metadata; under an exact claim, and nothing
    else."""
    settled = settle(plan, live)
    if plan.claims.exact and not all(
        same(get_path(live, path), get_path(settled, path), field=path[-1]) for path in plan.claims.paths
    ):
        return False
    zero_is_absent = not is_custom(plan.resource)
    return all(
        contains(live.get(field), value, zero_is_absent=zero_is_absent, field=field)
        for field, value in settled.items()
        if field not in ("apiVersion", "kind", "metadata")
    )


def create_body(plan: Plan, time: str) -> Manifest:
    """What to apply where no object is: ``resourceVersion`` 1 makes an existing one a conflict."""
    body = _with_record(copy.deepcopy(plan.desired), record(plan, time))
    body["metadata"].pop("uid", None)
    body["metadata"]["resourceVersion"] = "1"
    return body


def update_body(plan: Plan, live: Manifest, recorded: str) -> Manifest:
    """What to apply to ``live``, which must still be the same object. ``recorded``: the annotation, empty for none."""
    body = _with_record(settle(plan, live), recorded)
    body["metadata"]["uid"] = live["metadata"]["uid"]
    _share_control(body, live)
    if plan.scaled and not _scaled_by_other(plan, live):
        replicas = get_path(live, plan.scaled)
        if replicas is not None:
            set_path(body, plan.scaled, replicas)
            body["metadata"]["resourceVersion"] = live["metadata"]["resourceVersion"]
    return body


def _scaled_by_other(plan: Plan, live: Manifest) -> bool:
    path: FieldPath = field_path(plan.scaled or ())
    return path in owned_by_others(entries_of(live), plan.manager)


def _with_record(body: Manifest, recorded: str) -> Manifest:
    if recorded:
        metadata = body["metadata"]
        metadata["annotations"] = {**(metadata.get("annotations") or {}), DESIRED_ANNOTATION: recorded}
    return body


def _share_control(body: Manifest, live: Manifest) -> None:
    """An object has one controlling owner: where another has that place, our references do without (``02`` §16.1)."""
    ours = {ref["uid"] for ref in body["metadata"].get("ownerReferences") or ()}
    stale = set(stale_owners(body, live))
    others = [ref for ref in live["metadata"].get("ownerReferences") or () if ref.get("uid") not in ours | stale]
    if any(ref.get("controller") for ref in others):
        for ref in body["metadata"].get("ownerReferences") or ():
            ref["controller"] = False


def stale_owners(desired: Manifest, live: Manifest) -> list[str]:
    """The uids of owner references in ``live`` to an owner that desired names under another uid: a gone object of
    that name."""
    wanted = {_owner_name(ref): ref["uid"] for ref in desired["metadata"].get("ownerReferences") or ()}
    return [
        str(ref.get("uid"))
        for ref in live["metadata"].get("ownerReferences") or ()
        if wanted.get(_owner_name(ref), ref.get("uid")) != ref.get("uid")
    ]


def _owner_name(reference: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(reference.get(field)) for field in ("apiVersion", "kind", "name"))


def replace_body(plan: Plan, live: Manifest, recorded: str, emptied: Iterable[Path], time: str) -> Manifest:
    """What to PUT over ``live``: its claimed paths are desired's, its metadata is merged (``00-writing.md`` §6).

    ``emptied`` are objects that become empty: nobody would own them afterwards, and no apply could remove them again.
    """
    body = copy.deepcopy(live)
    wanted = update_body(plan, live, recorded)
    for field, value in wanted.items():
        if field != "metadata":
            body[field] = _overlay(body.get(field), value)
    for path in plan.claims.paths:
        set_path(body, path, copy.deepcopy(get_path(wanted, path)))
    for path in plan.claims.excluded:
        set_path(body, path, _merged(plan, live, path, get_path(wanted, path)))
    for name in ("labels", "annotations"):
        path = ("metadata", name)
        set_path(body, path, _merged(plan, live, path, get_path(wanted, path)))
    metadata = body["metadata"]
    ours = wanted["metadata"].get("ownerReferences") or []
    replaced = {ref["uid"] for ref in ours} | set(stale_owners(plan.desired, live))
    others = [ref for ref in metadata.get("ownerReferences") or () if ref.get("uid") not in replaced]
    metadata["ownerReferences"] = [*others, *ours]
    if fields := [field_path(path) for path in emptied]:
        metadata["managedFields"] = add_to_apply(
            entries_of(live), fields, manager=plan.manager, api_version=str(plan.desired["apiVersion"]), time=time
        )
    return body


def _merged(plan: Plan, live: Manifest, path: Path, wanted: Any) -> Any:
    """What is to stand at ``path``, which others share: desired's over theirs, without the keys that we no longer
    want.
    """
    before = get_path(live, path)
    if not isinstance(before, dict):
        return before if wanted is None else wanted
    parent = field_path(path)
    applied = {fields[-1] for fields in owned_by_apply(entries_of(live), plan.manager) if fields[:-1] == parent}
    return {key: value for key, value in before.items() if f"f:{key}" not in applied} | (wanted or {})


def _overlay(live: Any, desired: Any) -> Any:
    """``desired`` over ``live``: objects merged, everything else replaced, and an empty object is meant to be
    empty."""
    if not isinstance(live, dict) or not isinstance(desired, dict) or not desired:
        return copy.deepcopy(desired)
    return {**live, **{key: _overlay(live.get(key), value) for key, value in desired.items()}}
