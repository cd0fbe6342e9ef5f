"""Addresses of applications, for other resources and for containers of the same pod (01 §2.1, §5.8)."""

from collections.abc import Mapping
from urllib.parse import quote_plus

from vmop.api.v1beta1 import AdditionalService, AppParams
from vmop.builders.args import prefixed_path, uses_tls
from vmop.builders.services import additional_service_name
from vmop.settings import Settings


def app_url(
    app: AppParams,
    service_spec: AdditionalService | None,
    *,
    name: str,
    namespace: str,
    fallback_port: str,
    additional: bool = False,
    port_name: str = "http",
) -> str:
    """`<http|https>://<service>.<namespace>.svc:<port>` of a resource as it is stored, without the cluster's domain.

    With `useAsDefault`, or for the `additional` Service, the port called `port_name` of `serviceSpec` wins.
    """
    port: str | int = app.port or fallback_port
    service = name
    if service_spec is not None and (additional or service_spec.use_as_default):
        for entry in (service_spec.spec or {}).get("ports") or ():
            if entry.get("name") == port_name:
                port = entry.get("port", port)
    if additional and service_spec is not None:
        service = additional_service_name(service_spec, name)
    return f"{scheme(app.extra_args)}://{service}.{namespace}.svc:{port}"


def scheme(extra_args: Mapping[str, str] | None) -> str:
    return "https" if uses_tls(extra_args) else "http"


def prefixed_url(base: str, extra_args: Mapping[str, str] | None, path: str) -> str:
    """`base` with `path` behind `http.pathPrefix`; in a URL the path always begins with a slash."""
    return f"{base}/{prefixed_path(extra_args, path).removeprefix('/')}"


def local_url(
    port: str | int, path: str, extra_args: Mapping[str, str] | None, settings: Settings, *, auth_key: str = ""
) -> str:
    """An address inside the pod. `auth_key` names the argument that holds the value of `authKey`, if it is set."""
    base = f"{scheme(extra_args)}://{settings.loopback_host}:{port}"
    key = (extra_args or {}).get(auth_key, "")
    return prefixed_url(base, extra_args, path) + (f"?authKey={quote_plus(key)}" if key else "")


def reload_url(port: str | int, extra_args: Mapping[str, str] | None, settings: Settings) -> str:
    return local_url(port, "/-/reload", extra_args, settings, auth_key="reloadAuthKey")
