"""Checks that several kinds share."""

import re
from collections.abc import Iterator, Sequence

from vmop.api.fields import IntOrString
from vmop.api.problems import Problem
from vmop.api.v1beta1 import (
    AdditionalService,
    AppParams,
    Authorization,
    HorizontalAutoscaler,
    License,
    OAuth2,
    ScrapeClass,
    SecretOrConfigMap,
    TLSConfig,
    UpdateBehavior,
    VerticalAutoscaler,
)

ENTERPRISE = "https://docs.victoriametrics.com/victoriametrics/enterprise/"


def at(path: str, messages: Iterator[str]) -> Iterator[Problem]:
    """Problems at one path."""
    return (Problem(path, message) for message in messages)


def service_name(
    path: str, service: AdditionalService | None, reserved: str, prefix: str = "spec"
) -> Iterator[Problem]:
    """An additional Service may not be named like the default one."""
    if service and service.metadata and service.metadata.name == reserved:
        yield Problem(
            f"{path}.metadata.name", f'{prefix}.serviceSpec.Name cannot be equal to prefixed name="{reserved}"'
        )


def headless_service(path: str, service: AdditionalService | None) -> Iterator[Problem]:
    """The default Service of a StatefulSet must stay headless."""
    if not service or not service.use_as_default or not service.spec:
        return
    kind, address = service.spec.get("type"), service.spec.get("clusterIP")
    if kind and not (kind == "ClusterIP" and address == "None"):
        yield Problem(
            f"{path}.spec.type",
            f'serviceSpec.useAsDefault cannot be combined with an explicit spec.type="{kind}": the default service is '
            "headless (clusterIP: None) and must stay headless. Remove spec.type, or create a separate service with "
            "serviceSpec.useAsDefault=false and a distinct metadata.name",
        )


def autoscaler(path: str, hpa: HorizontalAutoscaler | None, prefix: str = "") -> Iterator[Problem]:
    if hpa and hpa.min_replicas is not None and hpa.min_replicas > (hpa.max_replicas or 0):
        yield Problem(f"{path}.minReplicas", f"{prefix}minReplicas cannot be greater then maxReplicas")


def vertical(path: str, vpa: VerticalAutoscaler | None, prefix: str = "") -> Iterator[Problem]:
    if vpa is None:
        return
    if not (vpa.update_policy or {}).get("updateMode"):
        yield Problem(f"{path}.updatePolicy.updateMode", f"{prefix}VPA must have updatePolicy.updateMode")
    if not (vpa.resource_policy or {}).get("containerPolicies"):
        yield Problem(
            f"{path}.resourcePolicy.containerPolicies", f"{prefix}VPA must have resourcePolicy.containerPolicies"
        )


def pre_stop(path: str, params: AppParams, prefix: str = "") -> Iterator[Problem]:
    sleep, grace = params.pre_stop_sleep_seconds, params.termination_grace_period_seconds
    if sleep is not None and grace is not None and sleep >= grace:
        yield Problem(
            f"{path}.preStopSleepSeconds",
            f"{prefix}preStopSleepSeconds ({sleep}) must be less than terminationGracePeriodSeconds ({grace})",
        )


def update_behavior(path: str, behavior: UpdateBehavior | None, prefix: str) -> Iterator[Problem]:
    """A missing `maxUnavailable` means 1 (01-common.md 9.2, defect 7)."""
    if behavior is not None and behavior.max_unavailable is not None:
        yield from at(f"{path}.maxUnavailable", _max_unavailable(behavior.max_unavailable, prefix))


def _max_unavailable(value: IntOrString, prefix: str) -> Iterator[str]:
    match value:
        case int() if value < 1:
            yield f"{prefix}maxUnavailable must be greater than 0, got {value}"
        case str() if not re.fullmatch(r"[0-9]+%", value):
            yield f"{prefix}maxUnavailable must be a percentage, got {value}"
        case str() if not 1 <= int(value[:-1]) <= 100:
            yield f"{prefix}maxUnavailable percentage must be between 1% and 100%, got {value}"


def license_given(granted: License | None) -> bool:
    """Whether a license names a key, itself or in a Secret."""
    return granted is not None and (bool(granted.key) or granted.key_ref is not None)


def license_fields(path: str, granted: License | None) -> Iterator[Problem]:
    """Checked only where an enterprise feature needs the license."""
    if granted is None:
        return
    if granted.key and granted.key_ref:
        yield Problem(path, "only one of key or keyRef can be specified")
    if granted.reload_interval is not None and granted.key_ref is None:
        yield Problem(f"{path}.reloadInterval", "reloadInterval can be specified only with keyRef")


def tls_config(tls: TLSConfig | None) -> Iterator[str]:
    """Messages about contradictions in a TLS config."""
    if tls is None:
        return
    pairs = (
        (tls.ca_file, tls.ca, "CAFile and CA"),
        (tls.cert_file, tls.cert, "CertFile and Cert"),
        (tls.key_file, tls.key_secret, "KeyFile and KeySecret"),
    )
    for file, reference, names in pairs:
        if file and _named(reference):
            yield f"tls config can not both specify {names}"
    for reference in (tls.ca, tls.cert):
        if reference and reference.secret and reference.config_map:
            yield "SecretOrConfigMap can not specify both Secret and ConfigMap"


def _named(reference: object) -> bool:
    if isinstance(reference, SecretOrConfigMap):
        return reference.secret is not None or reference.config_map is not None
    return reference is not None


def oauth2(config: OAuth2 | None) -> Iterator[str]:
    """Messages about an OAuth2 config."""
    if config is None:
        return
    if not config.token_url:
        yield "token_url field for oauth2 config must be set"
    client = config.client_id
    if client is None or not _named(client):
        yield "client_id field must be set"
    elif client.secret and client.config_map:
        yield "cannot specify both Secret and ConfigMap for client_id field"
    for message in tls_config(config.tls_config):
        yield f"invalid tls_config: {message}"


def authorization(config: Authorization | None) -> Iterator[str]:
    """Messages about an Authorization header."""
    if config is None:
        return
    if (config.type or "").strip().lower() == "basic":
        yield "Authorization type cannot be set to 'basic', use 'basic_auth' instead`"
    if config.credentials is None and not config.credentials_file:
        yield "at least `credentials` or `credentials_file` must be set"


def scrape_classes(path: str, classes: Sequence[ScrapeClass] | None) -> Iterator[Problem]:
    seen: set[str] = set()
    defaults = 0
    for index, each in enumerate(classes or ()):
        name, where = each.name or "", f"{path}[{index}]"
        if name in seen:
            yield Problem(f"{where}.name", f'duplicated scrapeClass="{name}"')
        seen.add(name)
        defaults += bool(each.default)
        if each.default and defaults > 1:
            yield Problem(f"{where}.default", "multiple default scrape classes defined")
        for part, key, messages in (
            ("tlsConfig", "tlsConfig", tls_config(each.tls_config)),
            ("oauth2", "oauth2", oauth2(each.oauth2)),
            ("authorization", "authorization", authorization(each.authorization)),
        ):
            for message in messages:
                yield Problem(f"{where}.{key}", f'incorrect {part} for scrapeClass="{name}": {message}')
