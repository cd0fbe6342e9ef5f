"""Objects beside a workload: service account, disruption budget, autoscalers, network policy (01 §6.4, §6.5)."""

from collections.abc import Mapping

from vmop.api import CustomResource
from vmop.api.v1beta1 import HorizontalAutoscaler, NetworkPolicy, PodDisruptionBudget, VerticalAutoscaler
from vmop.builders.base import BuildError, Manifest, present
from vmop.builders.metadata import object_metadata
from vmop.settings import Settings


def service_account(cr: CustomResource, name: str, labels: Mapping[str, str]) -> Manifest:
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": object_metadata(cr, name, labels)}


def pod_disruption_budget(
    cr: CustomResource,
    name: str,
    budget: PodDisruptionBudget,
    *,
    labels: Mapping[str, str],
    selector: Mapping[str, str],
) -> Manifest:
    """`selectorLabels` of the budget replace the selector whole."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": object_metadata(cr, name, labels),
        "spec": present(
            {
                "minAvailable": budget.min_available,
                "maxUnavailable": budget.max_unavailable,
                "selector": {"matchLabels": dict(budget.selector_labels or selector)},
                "unhealthyPodEvictionPolicy": budget.unhealthy_pod_eviction_policy or None,
            }
        ),
    }


def network_policy(
    cr: CustomResource, name: str, policy: NetworkPolicy, *, labels: Mapping[str, str], selector: Mapping[str, str]
) -> Manifest:
    types = [kind for kind, rules in (("Ingress", policy.ingress), ("Egress", policy.egress)) if rules]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": object_metadata(cr, name, labels),
        "spec": present(
            {
                "podSelector": {"matchLabels": dict(selector)},
                "ingress": policy.ingress or None,
                "egress": policy.egress or None,
                "policyTypes": types or None,
            }
        ),
    }


def target_reference(kind: str, name: str, *, api_version: str = "apps/v1") -> Manifest:
    return {"apiVersion": api_version, "kind": kind, "name": name}


def horizontal_autoscaler(
    cr: CustomResource, hpa: HorizontalAutoscaler, target: Manifest, *, labels: Mapping[str, str]
) -> Manifest:
    """Named as its target. `behaviour` of our resources is `behavior` of Kubernetes."""
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": object_metadata(cr, target["name"], labels),
        "spec": present(
            {
                "scaleTargetRef": target,
                "minReplicas": hpa.min_replicas,
                "maxReplicas": hpa.max_replicas,
                "metrics": hpa.metrics or None,
                "behavior": hpa.behaviour,
            }
        ),
    }


def vertical_autoscaler(
    cr: CustomResource, vpa: VerticalAutoscaler, target: Manifest, *, labels: Mapping[str, str]
) -> Manifest:
    return {
        "apiVersion": "autoscaling.k8s.io/v1",
        "kind": "VerticalPodAutoscaler",
        "metadata": object_metadata(cr, target["name"], labels),
        "spec": present(
            {
                "targetRef": target,
                "updatePolicy": vpa.update_policy,
                "resourcePolicy": vpa.resource_policy,
                "recommenders": vpa.recommenders or None,
            }
        ),
    }


def check_vpa_enabled(vpa: VerticalAutoscaler | None, settings: Settings, path: str = "spec") -> None:
    """Raises `BuildError` for a `vpa` of an operator that was not told to manage them."""
    if vpa is not None and not settings.vpa_api_enabled:
        message = f"{path}.vpa is set but VM_VPA_API_ENABLED=true env var was not provided"
        raise BuildError(f"{path}.vpa", message)
