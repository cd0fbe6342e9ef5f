"""What stands around the pods of a VMAuth: identity, Services, its own scrape, ways in, autoscalers (06 §8)."""

from collections.abc import Iterator, Mapping

from vmop.api.v1beta1 import EmbeddedHTTPRoute, EmbeddedIngress
from vmop.builders.base import BuildError, Manifest, present
from vmop.builders.metadata import managed_annotations, managed_labels, object_metadata
from vmop.builders.policies import (
    horizontal_autoscaler,
    network_policy,
    pod_disruption_budget,
    service_account,
    target_reference,
    vertical_autoscaler,
)
from vmop.builders.scrapes import self_scrape
from vmop.builders.services import service, service_port, with_user_service
from vmop.builders.vmauth.proxy import Proxy
from vmop.settings import Settings

_RBAC = "rbac.authorization.k8s.io"


def identity(proxy: Proxy) -> Iterator[Manifest]:
    """Service account and the right to read Secrets, where the user did not name an account of his own."""
    if proxy.spec.service_account_name:
        return
    cr, name = proxy.cr, proxy.name
    yield service_account(cr, name, proxy.labels)
    metadata = object_metadata(cr, name, proxy.labels)
    yield {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "Role",
        "metadata": metadata,
        "rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list", "watch"]}],
    }
    yield {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": metadata,
        "roleRef": {"apiGroup": _RBAC, "kind": "Role", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": cr.namespace}],
    }


def services(proxy: Proxy) -> list[Manifest]:
    """The additional Service, if any, and the main one."""
    internal = proxy.internal_port
    main = service(
        proxy.cr,
        proxy.name,
        labels=proxy.labels,
        selector=proxy.selector,
        ports=[
            service_port("http", proxy.port),
            *([service_port("internal", internal)] if internal is not None else []),
        ],
    )
    return with_user_service(main, proxy.spec.service_spec, app="vmauth", name=proxy.name, path="spec")


def own_scrape(proxy: Proxy, main_service: Manifest) -> Manifest | None:
    """How vmauth itself is scraped; not at all through a listener that expects the proxy protocol."""
    spec = proxy.spec
    if spec.disable_self_service_scrape or proxy.proxy_protocol:
        return None
    scrape = self_scrape(main_service, spec.extra_args, spec.service_scrape_spec, reloader=proxy.is_managed)
    if not spec.internal_listen_port:
        return scrape
    endpoints: list[Manifest] = scrape["spec"]["endpoints"]
    public = next((index for index, endpoint in enumerate(endpoints) if endpoint.get("port") == "http"), None)
    if public is not None:
        # metrics are on the internal listener
        endpoints[public] = {**endpoints[public], "port": "internal"}
    return scrape


def ways_in(proxy: Proxy) -> Iterator[Manifest]:
    """Ingress and HTTPRoute."""
    if proxy.spec.ingress is not None:
        yield _ingress(proxy, proxy.spec.ingress)
    if proxy.spec.http_route is not None:
        yield _http_route(proxy, proxy.spec.http_route)


def _ingress(proxy: Proxy, ingress: EmbeddedIngress) -> Manifest:
    backend = {"service": {"name": proxy.name, "port": {"name": "http"}}}
    paths = [{"path": path, "pathType": "Prefix", "backend": backend} for path in ingress.paths or ("/",)]
    hosts = (ingress.tls_hosts or []) if ingress.tls_secret_name else [ingress.host or ""]
    tls = [present({"secretName": ingress.tls_secret_name, "hosts": ingress.tls_hosts})]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": _own_metadata(proxy, ingress.labels, ingress.annotations),
        "spec": present(
            {
                "ingressClassName": ingress.class_name,
                "rules": [
                    *({**({"host": host} if host else {}), "http": {"paths": paths}} for host in hosts),
                    *(ingress.extra_rules or ()),
                ],
                "tls": [*(tls if ingress.tls_secret_name else ()), *(ingress.extra_tls or ())] or None,
            }
        ),
    }


def _http_route(proxy: Proxy, route: EmbeddedHTTPRoute) -> Manifest:
    """The user's rules, each of which leads here whatever it says; or one for everything."""
    backends = [{"name": proxy.name, "port": proxy.port}]
    everything = [{"matches": [{"path": {"type": "PathPrefix", "value": "/"}}]}]
    rules = everything if route.extra_rules is None else [rule for rule in route.extra_rules if rule]
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": _own_metadata(proxy, route.labels, route.annotations),
        "spec": present(
            {
                "parentRefs": route.parent_refs,
                "hostnames": route.hostnames,
                "rules": [{**rule, "backendRefs": backends} for rule in rules],
            }
        ),
    }


def _own_metadata(proxy: Proxy, labels: Mapping[str, str] | None, annotations: Mapping[str, str] | None) -> Manifest:
    """Metadata of an object with labels and annotations of its own: over managed ones, under selector labels."""
    return object_metadata(
        proxy.cr,
        proxy.name,
        managed_labels(proxy.cr) | dict(labels or {}) | proxy.selector,
        managed_annotations(proxy.cr) | dict(annotations or {}),
    )


def autoscalers(proxy: Proxy) -> Iterator[Manifest]:
    target = target_reference("Deployment", proxy.name)
    if proxy.spec.hpa is not None:
        yield horizontal_autoscaler(proxy.cr, proxy.spec.hpa, target, labels=proxy.labels)
    if proxy.spec.vpa is not None:
        yield vertical_autoscaler(proxy.cr, proxy.spec.vpa, target, labels=proxy.labels)


def guards(proxy: Proxy) -> Iterator[Manifest]:
    """Disruption budget and network policy."""
    spec, names = proxy.spec, {"labels": proxy.labels, "selector": proxy.selector}
    if spec.pod_disruption_budget is not None:
        yield pod_disruption_budget(proxy.cr, proxy.name, spec.pod_disruption_budget, **names)
    if spec.network_policy is not None:
        yield network_policy(proxy.cr, proxy.name, spec.network_policy, **names)


def check_gateway_enabled(route: EmbeddedHTTPRoute | None, settings: Settings) -> None:
    """Raises `BuildError` for an `httpRoute` of an operator that was not told to manage them."""
    if route is not None and not settings.gateway_api_enabled:
        message = "spec.httpRoute is set but VM_GATEWAY_API_ENABLED=true env var was not provided"
        raise BuildError("spec.httpRoute", message)
