"""What a StatefulSet makes: pods with a number, and their claims. No I/O."""

import copy
import re
from collections.abc import Mapping
from typing import Any

from vmop.devcluster.workloads.objects import REVISION_LABEL, is_active, is_ready, owner_reference, phase, pod_from
from vmop.devcluster.workloads.revisions import template_of
from vmop.informers import StoredObject
from vmop.kube import Manifest

POD_NAME = "statefulset.kubernetes.io/pod-name"
POD_INDEX = "apps.kubernetes.io/pod-index"

_NAME = re.compile(r"(.*)-([0-9]+)")


def parent_and_ordinal(name: str) -> tuple[str, int]:
    """Of a pod's name; ("", -1) when it is none of a StatefulSet."""
    match = _NAME.fullmatch(name)
    return (match[1], int(match[2])) if match else ("", -1)


def ordinal_of(pod: StoredObject) -> int:
    return parent_and_ordinal(pod.name)[1]


def first_ordinal(owner: StoredObject) -> int:
    return int((owner.get("spec").get("ordinals") or {}).get("start") or 0)


def is_running_and_ready(pod: StoredObject) -> bool:
    return phase(pod) == "Running" and is_ready(pod)


def is_healthy(pod: StoredObject) -> bool:
    return is_running_and_ready(pod) and is_active(pod)


def claim_name(template: Mapping[str, Any], owner: StoredObject, ordinal: int) -> str:
    return f"{template['metadata']['name']}-{owner.name}-{ordinal}"


def stateful_pod(owner: StoredObject, revision: StoredObject, ordinal: int) -> Manifest:
    """The pod with this number, of this revision."""
    name = f"{owner.name}-{ordinal}"
    pod = pod_from(owner, template_of(revision), name=name)
    labels = pod["metadata"].get("labels") or {}
    own = {POD_NAME: name, POD_INDEX: str(ordinal), REVISION_LABEL: revision.name}
    pod["metadata"] |= {"generateName": f"{owner.name}-", "labels": labels | own}
    pod["spec"]["hostname"] = name
    if service := owner.get("spec").get("serviceName"):
        pod["spec"]["subdomain"] = service
    templates = owner.get("spec").get("volumeClaimTemplates") or ()
    claims = {template["metadata"]["name"]: claim_name(template, owner, ordinal) for template in templates}
    volumes = [{"name": volume, "persistentVolumeClaim": {"claimName": claim}} for volume, claim in claims.items()]
    volumes += [volume for volume in pod["spec"].get("volumes") or () if volume["name"] not in claims]
    if volumes:
        pod["spec"]["volumes"] = volumes
    return pod


def claims_for(owner: StoredObject, ordinal: int) -> list[Manifest]:
    """The claims of the pod with this number, with the selector's labels."""
    claims = []
    for template in owner.get("spec").get("volumeClaimTemplates") or ():
        metadata = template["metadata"]
        labels = dict(metadata.get("labels") or {}) | (owner.get("spec")["selector"].get("matchLabels") or {})
        kept = {"annotations": dict(metadata["annotations"])} if metadata.get("annotations") else {}
        name = claim_name(template, owner, ordinal)
        claims.append(
            {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "metadata": {"name": name, "namespace": owner.namespace, "labels": labels, **kept},
                "spec": copy.deepcopy(template["spec"]),
            }
        )
    return claims


def claim_owners(
    owner: StoredObject, pod: StoredObject | None, claim: StoredObject, *, condemned: bool
) -> list[Manifest]:
    """The owner references that a claim has by the StatefulSet's retention policy; those of others are left alone."""
    policy = owner.get("spec").get("persistentVolumeClaimRetentionPolicy") or {}
    ours = {owner.uid} | ({pod.uid} if pod else set())
    references = [one for one in claim.metadata.get("ownerReferences") or () if one["uid"] not in ours]
    if policy.get("whenScaled") == "Delete" and condemned and pod is not None:
        references.append(owner_reference(pod))
    elif policy.get("whenDeleted") == "Delete":
        references.append(owner_reference(owner))
    return references
