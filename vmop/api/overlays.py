"""Where CRDs are more open than the types: places that the Go operator's CRDs leave to the operator itself.

An overlay is a path in the schema and a change of what is there. The API server neither prunes nor checks such places,
so an ill-typed value in them is found by the strict parser (01-common.md 1.4, 3.6).
"""

from collections.abc import Callable, Mapping
from typing import Any

Schema = dict[str, Any]
Change = Callable[[Schema], Schema | None]
Overlay = tuple[tuple[str, Change], ...]

_OPEN = "x-kubernetes-preserve-unknown-fields"


def opened(schema: Schema) -> Schema:
    """Any object: only what is required in it remains of its rules."""
    kept: Schema = {key: schema[key] for key in ("description", "required") if key in schema}
    return {"type": "object", _OPEN: True} | kept


def anything(schema: Schema) -> Schema:
    """Any value at all."""
    kept: Schema = {key: schema[key] for key in ("description",) if key in schema}
    return {_OPEN: True} | kept


def extensible(schema: Schema) -> Schema:
    """The declared properties stay, further ones are kept."""
    return {**schema, _OPEN: True}


def without(name: str) -> Change:
    """One property less, further ones are kept."""

    def change(schema: Schema) -> Schema:
        properties = {key: value for key, value in schema["properties"].items() if key != name}
        return {**schema, "properties": properties, _OPEN: True}

    return change


def any_items(schema: Schema) -> Schema:
    """A stray rule for items of what is no list; without effect, but the Go operator's CRDs have it."""
    return {**schema, "items": {_OPEN: True}}


def removed(_: Schema) -> None:
    """No property: the field is accepted only where the schema preserves unknown ones."""
    return


def under(prefix: str, overlay: Overlay) -> Overlay:
    """The same changes at another place."""
    return tuple((f"{prefix}.{path}", change) for path, change in overlay)


# The pods of every component.
PODS: Overlay = (
    ("affinity|securityContext|livenessProbe|readinessProbe|startupProbe|serviceScrapeSpec", opened),
    ("containers[]|initContainers[]|volumes[]|topologySpreadConstraints[]", opened),
    ("extraEnvs[]", without("valueFrom")),
    ("dnsConfig", any_items),
    ("serviceSpec.spec", opened),
)

# The deprecated user options of a VMAuth (06-vmauth-vmuser.md 2.1).
USER_OPTIONS = (
    "default_url|tlsConfig|ip_filters|discover_backend_ips|headers|response_headers|retry_status_codes"
    "|max_concurrent_requests|load_balancing_policy|drop_src_path_prefix_parts|dump_request_on_errors|access_log"
)

AUTH: Overlay = (("spec", extensible), (f"spec.{USER_OPTIONS}", removed), ("spec.httpRoute.extraRules", extensible))

# Receivers whose HTTP client is left open, as an object or as anything.
OPEN_RECEIVERS = (
    "opsgenie_configs[]|pagerduty_configs[]|pushover_configs[]|slack_configs[]|telegram_configs[]|webhook_configs[]"
)
FREE_RECEIVERS = "incidentio_configs[]|jira_configs[]|mattermost_configs[]|msteamsv2_configs[]|rocketchat_configs[]"

OVERLAYS: Mapping[str, Overlay] = {
    "VMAgent": (*under("spec", PODS), ("spec.claimTemplates[].metadata", opened)),
    "VMAlert": (
        *under("spec", PODS),
        ("spec.datasource|remoteRead|remoteWrite|notifier|notifiers[].oauth2|tlsConfig", opened),
    ),
    "VMAlertmanager": (*under("spec", PODS), ("spec.claimTemplates[].metadata", opened)),
    "VMAlertmanagerConfig": (
        (f"spec.receivers[].{OPEN_RECEIVERS}.http_config", opened),
        (f"spec.receivers[].{FREE_RECEIVERS}.http_config", anything),
    ),
    "VMAuth": (*under("spec", PODS), *AUTH),
    "VMSingle": under("spec", PODS),
    "VMCluster": (
        *under("spec.vmselect|vmstorage|vminsert", PODS),
        ("spec.vmselect|vminsert.hpa", opened),
        # The Go operator's schema of vmselect prunes each entry to {} (03-vmcluster-vmsingle.md P13); ours does not.
        ("spec.vmselect|vmstorage.claimTemplates[]", opened),
        ("spec.vmstorage.storage.volumeClaimTemplate", opened),
        ("spec.requestsLoadBalancer.spec", opened),
    ),
    "VMDistributed": (
        *under("spec.vmauth", AUTH),
        ("status.rollout.zones[]", extensible),
        ("status.rollout", extensible),
        ("status.zones[]", extensible),
    ),
}
