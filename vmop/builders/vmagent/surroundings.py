"""What stands around an agent's pods: identity and rights, Services, its own scrape, autoscalers (04 §11)."""

from collections.abc import Iterator

from vmop.builders.args import prefixed_path, uses_tls
from vmop.builders.base import Manifest, present, without_nulls
from vmop.builders.metadata import object_metadata
from vmop.builders.policies import (
    horizontal_autoscaler,
    network_policy,
    service_account,
    target_reference,
    vertical_autoscaler,
)
from vmop.builders.rights import rights
from vmop.builders.scrapes import RELOADER_PORT, self_scrape
from vmop.builders.services import service, service_port, with_user_service
from vmop.builders.vmagent.agent import Agent


def identity(agent: Agent) -> Iterator[Manifest]:
    """Service account and rights, where the user did not name an account of his own.

    An agent that neither scrapes nor holds credentials needs no rights.
    """
    if agent.spec.service_account_name:
        return
    yield service_account(agent.cr, agent.service_account, agent.labels)
    if not agent.needs_config:
        return
    yield from rights(
        agent.cr,
        agent.name,
        labels=agent.labels,
        account=agent.service_account,
        settings=agent.settings,
        scrapes=agent.scrapes,
    )


def services(agent: Agent) -> list[Manifest]:
    """The additional Service, if any, and the main one, which covers all shards."""
    ports = [service_port("http", agent.port)]
    ports += [port for listener in agent.listeners for port in listener.service_ports()]
    main = service(
        agent.cr,
        agent.name,
        labels=agent.labels,
        selector=agent.selector,
        ports=ports,
        headless=agent.mode == "StatefulSet",
    )
    return with_user_service(main, agent.spec.service_spec, app="vmagent", name=agent.name, path="spec")


def own_scrape(agent: Agent, main_service: Manifest) -> Manifest:
    """How the agent itself is scraped: through its Service, or pod by pod where there is one on each node."""
    if agent.mode == "DaemonSet":
        return _pod_scrape(agent)
    spec = agent.spec
    return self_scrape(main_service, spec.extra_args, spec.service_scrape_spec, reloader=agent.has_reloader)


_APP_RULE: Manifest = {"targetLabel": "victoriametrics_app", "replacement": "true"}
_RELOADER_RULE: Manifest = {
    "sourceLabels": ["job"],
    "targetLabel": "job",
    "regex": "(.+)",
    "replacement": "${1}-reloader-http",
}
_COPIED = ("podTargetLabels", "sampleLimit", "seriesLimit", "attach_metadata")


def _pod_scrape(agent: Agent) -> Manifest:
    extra = agent.spec.extra_args or {}
    user = without_nulls(agent.spec.service_scrape_spec or {})
    generated: Manifest = present(
        {
            "port": "http",
            "path": prefixed_path(extra, "/metrics"),
            "scheme": "https" if uses_tls(extra) else None,
            "tlsConfig": {"insecureSkipVerify": True} if uses_tls(extra) else None,
            "params": {"authKey": [extra["metricsAuthKey"]]} if extra.get("metricsAuthKey") else None,
        }
    )
    given: list[Manifest] = user.get("endpoints") or []
    own = next((endpoint for endpoint in given if endpoint.get("port") == "http"), generated)
    others = [endpoint for endpoint in given if endpoint.get("port") != "http"]
    endpoints = [_with_app_label(endpoint) for endpoint in (own, *map(_without_authorization, others))]
    if agent.has_reloader:
        endpoints.append({"portNumber": RELOADER_PORT, "path": "/metrics", "relabelConfigs": [_RELOADER_RULE]})
    return {
        "apiVersion": agent.cr.api_version(),
        "kind": "VMPodScrape",
        "metadata": object_metadata(agent.cr, agent.name, agent.selector, {}),
        "spec": {
            **{key: user[key] for key in _COPIED if key in user},
            "podMetricsEndpoints": endpoints,
            "selector": {"matchLabels": agent.selector},
        },
    }


def _with_app_label(endpoint: Manifest) -> Manifest:
    rules = list(endpoint.get("relabelConfigs") or ())
    label = _APP_RULE["targetLabel"]
    if any(label in (rule.get("targetLabel"), rule.get("target_label")) for rule in rules):
        return endpoint
    return {**endpoint, "relabelConfigs": [*rules, _APP_RULE]}


_AUTHORIZATION = ("tlsConfig", "basicAuth", "oauth2", "authorization", "bearerTokenSecret", "bearerTokenFile")


def _without_authorization(endpoint: Manifest) -> Manifest:
    """Of a further endpoint port, parameters and relabeling are taken over."""
    return {key: value for key, value in endpoint.items() if key not in _AUTHORIZATION}


def scaling_and_policy(agent: Agent) -> Iterator[Manifest]:
    """Autoscalers of the VMAgent itself, whose shards they scale, and the network policy."""
    spec, cr = agent.spec, agent.cr
    target = target_reference("VMAgent", cr.name, api_version=cr.api_version())
    if spec.hpa is not None and agent.mode != "DaemonSet":
        yield horizontal_autoscaler(cr, spec.hpa, target, labels=agent.labels)
    if spec.vpa is not None and agent.mode != "DaemonSet":
        yield vertical_autoscaler(cr, spec.vpa, target, labels=agent.labels)
    if spec.network_policy is not None:
        yield network_policy(cr, agent.name, spec.network_policy, labels=agent.labels, selector=agent.selector)
