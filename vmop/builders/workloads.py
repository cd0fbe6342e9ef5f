"""Pod templates, Deployments and StatefulSets, read top to bottom like their manifests (01 §5.9 to §5.12)."""

from collections.abc import Mapping, Sequence

from vmop.api import CustomResource
from vmop.api.v1beta1 import AppParams, Metadata
from vmop.builders.args import flag
from vmop.builders.base import Manifest, Platform, present, without_nulls
from vmop.builders.images import image_reference
from vmop.builders.metadata import object_metadata
from vmop.builders.probes import ProbeTarget, pre_stop, probes
from vmop.builders.security import container_security_context, pod_security_context
from vmop.settings import Settings

FALLBACK_TO_LOGS = "FallbackToLogsOnError"
_REVISIONS = 10
_PROGRESS_DEADLINE = 600
_QUARTER = "25%"


def common_args(
    app: AppParams, settings: Settings, *, log_level: str | None = None, log_format: str | None = None
) -> list[str]:
    """Arguments that every VictoriaMetrics application understands."""
    return [
        *(["-enableTCP6"] if settings.enabletcp6 else []),
        *flag("loggerLevel", log_level),
        *flag("loggerFormat", log_format),
        *(["-envflag.enable=true"] if app.extra_envs or app.extra_envs_from else []),
    ]


def app_image(app: AppParams) -> str:
    """The image of a defaulted application."""
    image = app.image
    assert image is not None, "defaults are applied before anything is built"  # noqa: S101 - a contract, not input
    return image_reference(image.repository or "", image.tag or "")


def app_container(
    name: str,
    app: AppParams,
    *,
    args: Sequence[str],
    ports: Sequence[Manifest],
    mounts: Sequence[Manifest],
    target: ProbeTarget,
    platform: Platform,
    uses_liveness: bool = True,
    sleeps: bool = True,
    startup: Manifest | None = None,
    message_policy: str | None = FALLBACK_TO_LOGS,
    message_path: str | None = None,
) -> Manifest:
    """The application's own container. `startup` stands in for a startup probe that the user did not give."""
    return present(
        {
            "name": name,
            "image": app_image(app),
            "imagePullPolicy": app.image.pull_policy if app.image else None,
            "args": list(args),
            "ports": list(ports),
            "env": app.extra_envs or None,
            "envFrom": app.extra_envs_from or None,
            "resources": app.resources or None,
            "volumeMounts": list(mounts) or None,
            **probes(
                target,
                liveness=app.liveness_probe,
                readiness=app.readiness_probe,
                startup=startup if app.startup_probe is None else app.startup_probe,
                uses_liveness=uses_liveness,
            ),
            "lifecycle": pre_stop(app.pre_stop_sleep_seconds, app.termination_grace_period_seconds, platform)
            if sleeps
            else None,
            "securityContext": container_security_context(app.security_context, app.use_strict_security, platform),
            "terminationMessagePath": message_path,
            "terminationMessagePolicy": message_policy,
        }
    )


def pod_template(
    app: AppParams,
    pod_metadata: Metadata | None,
    *,
    selector: Mapping[str, str],
    containers: Sequence[Manifest],
    volumes: Sequence[Manifest],
    service_account: str,
    platform: Platform,
    init_containers: Sequence[Manifest] | None = None,
    spread: bool = True,
    spread_selector: Mapping[str, str] | None = None,
    restart_policy: str | None = None,
    security_context: Manifest | None = None,
) -> Manifest:
    """The pod template. `spread` fills the selector of topology constraints, from `spread_selector` or the pod's own.

    `security_context` replaces what the application's fields say, where a kind has rules of its own.
    """
    metadata = pod_metadata or Metadata()
    context = security_context
    if context is None:
        context = pod_security_context(app.security_context, app.use_strict_security, platform)
    constraints = app.topology_spread_constraints
    if spread and constraints:
        constraints = [_spread(constraint, spread_selector or selector) for constraint in constraints]
    spec = {
        "serviceAccountName": service_account,
        "automountServiceAccountToken": False if app.disable_automount_service_account_token else None,
        "imagePullSecrets": [present({"name": secret.name}) for secret in app.image_pull_secrets or ()] or None,
        "initContainers": list(init_containers or ()) or None,
        "containers": list(containers),
        "volumes": list(volumes) or None,
        "securityContext": context,
        "restartPolicy": restart_policy,
        "terminationGracePeriodSeconds": app.termination_grace_period_seconds,
        "nodeSelector": app.node_selector or None,
        "affinity": app.affinity,
        "tolerations": app.tolerations or None,
        "topologySpreadConstraints": constraints or None,
        "schedulerName": app.scheduler_name or None,
        "priorityClassName": app.priority_class_name or None,
        "runtimeClassName": app.runtime_class_name,
        "readinessGates": app.readiness_gates or None,
        "hostNetwork": app.host_network or None,
        "hostAliases": app.host_aliases or None,
        "dnsPolicy": app.dns_policy or None,
        "dnsConfig": app.dns_config,
        "enableServiceLinks": app.enable_service_links,
    }
    return {
        "metadata": present(
            {
                "labels": {**(metadata.labels or {}), **selector},
                "annotations": metadata.annotations or None,
            }
        ),
        "spec": without_nulls(spec),
    }


def _spread(constraint: Manifest, selector: Mapping[str, str]) -> Manifest:
    if constraint.get("labelSelector") is not None:
        return constraint
    return {**constraint, "labelSelector": {"matchLabels": dict(selector)}}


def deployment(
    cr: CustomResource,
    name: str,
    app: AppParams,
    template: Manifest,
    *,
    labels: Mapping[str, str],
    selector: Mapping[str, str],
    strategy: str | None = None,
    rolling_update: Manifest | None = None,
) -> Manifest:
    """A Deployment with the operator's defaults; `strategy` is `RollingUpdate` unless given."""
    kind = strategy or "RollingUpdate"
    given = without_nulls(rolling_update or {})
    rolling = {"maxUnavailable": _QUARTER, "maxSurge": _QUARTER} | given
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": object_metadata(cr, name, labels),
        "spec": present(
            {
                "replicas": 1 if app.replica_count is None else app.replica_count,
                "selector": {"matchLabels": dict(selector)},
                "strategy": {"type": kind, **({"rollingUpdate": rolling} if kind == "RollingUpdate" else {})},
                "minReadySeconds": app.min_ready_seconds or None,
                "revisionHistoryLimit": _revisions(app),
                "progressDeadlineSeconds": _PROGRESS_DEADLINE,
                "template": template,
            }
        ),
    }


def stateful_set(
    cr: CustomResource,
    name: str,
    app: AppParams,
    template: Manifest,
    *,
    labels: Mapping[str, str],
    selector: Mapping[str, str],
    service_name: str,
    strategy: str | None = None,
    claims: Sequence[Manifest] = (),
    claim_retention: Manifest | None = None,
    always_parallel: bool = False,
) -> Manifest:
    """A StatefulSet with the operator's defaults; `strategy` is `OnDelete` unless given.

    Pods start in parallel, one after another only where Kubernetes itself rolls them or `minReadySeconds` is set.
    """
    kind = strategy or "OnDelete"
    ordered = not always_parallel and (bool(app.min_ready_seconds) or kind == "RollingUpdate")
    spec = template["spec"]
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": object_metadata(cr, name, labels),
        "spec": present(
            {
                "serviceName": service_name,
                "replicas": 1 if app.replica_count is None else app.replica_count,
                "selector": {"matchLabels": dict(selector)},
                "updateStrategy": {"type": kind},
                "podManagementPolicy": "OrderedReady" if ordered else "Parallel",
                "minReadySeconds": app.min_ready_seconds or None,
                "revisionHistoryLimit": _revisions(app),
                "persistentVolumeClaimRetentionPolicy": claim_retention,
                "template": {**template, "spec": {**spec, "securityContext": spec.get("securityContext", {})}},
                "volumeClaimTemplates": [without_nulls(claim) for claim in claims] or None,
            }
        ),
    }


def _revisions(app: AppParams) -> int:
    return _REVISIONS if app.revision_history_limit_count is None else app.revision_history_limit_count
