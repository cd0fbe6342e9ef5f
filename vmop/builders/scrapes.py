"""The VMServiceScrape by which an application's own metrics are scraped (01 §6.3)."""

from collections.abc import Mapping

from vmop.builders.args import prefixed_path, uses_tls
from vmop.builders.base import Manifest, present, without_nulls
from vmop.builders.metadata import ADDITIONAL_SERVICE_LABEL

_APP_LABEL = "victoriametrics_app"
_SPELLINGS = (("sourceLabels", "source_labels"), ("targetLabel", "target_label"))
_RULE_LISTS = ("relabelConfigs", "metricRelabelConfigs")
RELOADER_PORT = 8435


def self_scrape(
    service: Manifest,
    extra_args: Mapping[str, str] | None,
    user: Manifest | None,
    *,
    path: str = "/metrics",
    extra_ports: tuple[str, ...] = (),
    job_label: str | None = None,
    reloader: bool = False,
    always_match: Mapping[str, str] | None = None,
    https: bool | None = None,
) -> Manifest:
    """The scrape object of a Service, which must not have the operator-wide common labels yet.

    `user` is `serviceScrapeSpec`; `extra_ports` names ports beside `http`; `job_label` wins over the user's;
    `always_match` is added to whatever labels are selected; `reloader` adds the config-reloader's endpoint last. `path`
    goes behind `http.pathPrefix`; `https` replaces what `extra_args` say about TLS.
    """
    spec = _with_both_spellings(without_nulls(user or {}))
    secure = uses_tls(extra_args) if https is None else https
    generated = [
        _endpoint(port["name"], prefixed_path(extra_args, path), extra_args, secure)
        for port in service["spec"]["ports"]
        if port.get("name") == "http" or port.get("name") in extra_ports
    ]
    endpoints = [_labelled(endpoint) for endpoint in _joined(spec.get("endpoints") or [], generated)]
    if reloader:
        endpoints.append({"targetPort": RELOADER_PORT, "path": "/metrics", "relabelConfigs": [_job("reloader-http")]})
    metadata = service["metadata"]
    return {
        "apiVersion": "operator.victoriametrics.com/v1beta1",
        "kind": "VMServiceScrape",
        "metadata": metadata,
        "spec": present(
            {
                **spec,
                "jobLabel": job_label or spec.get("jobLabel"),
                "endpoints": endpoints,
                "selector": _selector(spec.get("selector") or {}, metadata["labels"], always_match or {}),
            }
        ),
    }


def _endpoint(port: str, path: str, extra_args: Mapping[str, str] | None, secure: bool) -> Manifest:
    auth_key = (extra_args or {}).get("metricsAuthKey")
    extra = port != "http"
    return present(
        {
            "port": port,
            "path": "/metrics" if extra else path,
            "scheme": "https" if secure else None,
            "tlsConfig": {"insecureSkipVerify": True} if secure else None,
            "params": {"authKey": [auth_key]} if auth_key else None,
            "relabelConfigs": [_job(port)] if extra else None,
        }
    )


def _job(suffix: str) -> Manifest:
    """Tell the job of a second endpoint from that of the application."""
    return {"sourceLabels": ["job"], "targetLabel": "job", "regex": "(.+)", "replacement": f"${{1}}-{suffix}"}


def _joined(user: list[Manifest], generated: list[Manifest]) -> list[Manifest]:
    """The user's endpoints, completed with a path where the port is a generated one, then the other generated ones."""
    paths = {endpoint["port"]: endpoint["path"] for endpoint in generated}
    named = {endpoint.get("port") for endpoint in user}
    completed = [
        {**endpoint, "path": endpoint.get("path") or paths[endpoint["port"]]}
        if endpoint.get("port") in paths
        else endpoint
        for endpoint in user
    ]
    return completed + [endpoint for endpoint in generated if endpoint["port"] not in named]


def _labelled(endpoint: Manifest) -> Manifest:
    rules = list(endpoint.get("relabelConfigs") or ())
    if any(_APP_LABEL in (rule.get("targetLabel"), rule.get("target_label")) for rule in rules):
        return endpoint
    return {**endpoint, "relabelConfigs": [*rules, {"targetLabel": _APP_LABEL, "replacement": "true"}]}


def _selector(user: Manifest, labels: Mapping[str, str], always: Mapping[str, str]) -> Manifest:
    selector = dict(user)
    if user.get("matchLabels") is None and user.get("matchExpressions") is None:
        selector["matchLabels"] = dict(labels)
        selector["matchExpressions"] = [{"key": ADDITIONAL_SERVICE_LABEL, "operator": "DoesNotExist"}]
    if always:
        selector["matchLabels"] = {**(selector.get("matchLabels") or {}), **always}
    return selector


def _with_both_spellings(spec: Manifest) -> Manifest:
    """Relabel rules of the user's hold what they say in both spellings, as the Go operator stores them (01 §4.9)."""

    def rule(value: Manifest) -> Manifest:
        result = dict(value)
        for camel, snake in _SPELLINGS:
            said = value.get(camel) or value.get(snake)
            if said:
                result |= {camel: said, snake: said}
        return result

    def endpoint(value: Manifest) -> Manifest:
        return {**value, **{key: [rule(item) for item in value[key]] for key in _RULE_LISTS if value.get(key)}}

    return {**spec, **({"endpoints": [endpoint(item) for item in spec["endpoints"]]} if spec.get("endpoints") else {})}
