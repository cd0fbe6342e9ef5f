"""VMAlertmanager (07-vmalert-alertmanager.md B14, in its order); the base config is checked where it is built."""

from collections.abc import Iterator

from vmop.api.problems import Problem
from vmop.api.v1beta1 import TLSClientConfig, TLSServerConfig, VMAlertmanager, VMAlertmanagerSpec
from vmop.api.validation.shared import headless_service, pre_stop, service_name, vertical


def check_vmalertmanager(cr: VMAlertmanager) -> Iterator[Problem]:
    """Problems of a VMAlertmanager, in the order in which the Go operator looks for them."""
    spec = cr.spec
    name = cr.name if spec.use_legacy_naming else f"vmalertmanager-{cr.name}"
    yield from service_name("spec.serviceSpec", spec.service_spec, name)
    yield from headless_service("spec.serviceSpec", spec.service_spec)
    if spec.config_secret == f"{name}-config":
        yield Problem(
            "spec.configSecret",
            "spec.configSecret uses the same name as built-in config secret used by operator. Please change it's name",
        )
    yield from _web(spec)
    yield from _gossip(spec)
    if spec.tracing_config and spec.tracing_config.tls_config:
        yield from _client("spec.tracingConfig.tls_config", spec.tracing_config.tls_config, "tls_config")
    if spec.disable_namespace_matcher and spec.enforced_namespace_label:
        yield Problem(
            "spec.enforcedNamespaceLabel",
            "cannot use both disableNamespaceMatcher and enforcedNamespaceLabel at the same time",
        )
    yield from vertical("spec.vpa", spec.vpa)
    yield from pre_stop("spec", spec)


def _web(spec: VMAlertmanagerSpec) -> Iterator[Problem]:
    web, path = spec.web_config, "spec.webConfig"
    if web is None:
        return
    if web.http_server_config and web.http_server_config.http2 and web.tls_server_config is None:
        message = "with enabled http2 for webserver, tls_server_config must be defined"
        yield Problem(f"{path}.tls_server_config", message)
    if web.tls_server_config:
        yield from _server(f"{path}.tls_server_config", web.tls_server_config)


def _gossip(spec: VMAlertmanagerSpec) -> Iterator[Problem]:
    gossip, path = spec.gossip_config, "spec.gossipConfig"
    if gossip and gossip.tls_server_config:
        yield from _server(f"{path}.tls_server_config", gossip.tls_server_config)
    if gossip and gossip.tls_client_config:
        yield from _client(f"{path}.tls_client_config", gossip.tls_client_config, "tls_client_config")


def _server(path: str, tls: TLSServerConfig) -> Iterator[Problem]:
    if not tls.cert_secret_ref and not tls.cert_file:
        yield Problem(path, "either cert_secret_ref or cert_file must be set for tls_server_config")
    if not tls.key_secret_ref and not tls.key_file:
        yield Problem(path, "either key_secret_ref or key_file must be set for tls_server_config")
    if tls.client_auth_type == "RequireAndVerifyClientCert" and not (tls.client_ca_secret_ref or tls.client_ca_file):
        yield Problem(
            path,
            "either client_ca_secret_ref or client_ca_file must be set for tls_server_config "
            "with enabled RequireAndVerifyClientCert",
        )


def _client(path: str, tls: TLSClientConfig, name: str) -> Iterator[Problem]:
    if not tls.cert_secret_ref and not tls.cert_file:
        yield Problem(path, f"either cert_secret_ref or cert_file must be set for {name}")
    if not tls.key_secret_ref and not tls.key_file:
        yield Problem(path, f"either key_secret_ref or key_file must be set for {name}")
