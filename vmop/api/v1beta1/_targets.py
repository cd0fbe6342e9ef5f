"""Where vmauth sends requests: targets, URL options and user options, shared by VMAuth and VMUser."""

import attrs

from vmop.api.fields import ATOMIC, StringOrList, field
from vmop.api.v1beta1._auth import TLSConfig
from vmop.api.v1beta1._common import KeySelector

POLICIES = ("least_loaded", "first_available")
TARGET_KINDS = (
    "VMAgent",
    "VMAlert",
    "VMSingle",
    "VLogs",
    "VMAlertManager",
    "VMAlertmanager",
    "VMCluster/vmselect",
    "VMCluster/vmstorage",
    "VMCluster/vminsert",
    "VLSingle",
    "VLCluster/vlinsert",
    "VLCluster/vlselect",
    "VLCluster/vlstorage",
    "VLAgent",
    "VTCluster/vtinsert",
    "VTCluster/vtselect",
    "VTCluster/vtstorage",
    "VTSingle",
    "VMAnomaly",
)


@attrs.frozen(kw_only=True, slots=False)
class TargetReference:
    """An object of the operator whose Service is the target."""

    name: str | None = field("Name of the target object.", required=True)
    namespace: str | None = field("Namespace of the target object; any may be named.", required=True)
    use_extra_service: bool | None = field("Use the additional Service of the target instead of its default one.")


@attrs.frozen(kw_only=True)
class CRDObject(TargetReference):
    """One of several target objects of a kind."""


@attrs.frozen(kw_only=True)
class CRDRef(TargetReference):
    """Target objects of a kind of the operator; their URLs follow their specs."""

    kind: str | None = field("Kind of the target, for clusters with the part.", required=True, enum=TARGET_KINDS)
    objects: list[CRDObject] | None = field("Several objects of the kind; requests are balanced over them.")


@attrs.frozen(kw_only=True)
class StaticRef:
    """Targets by URL."""

    url: str | None = field("URL of the target; wins over `urls`.")
    urls: list[str] | None = field("URLs over which requests are balanced.")


@attrs.frozen(kw_only=True)
class QueryArg:
    """A query argument added to requests."""

    name: str | None = field("Name of the query argument, e.g. `extra_label`.", required=True)
    values: list[str] | None = field("Values of the query argument; each is added.", required=True)


@attrs.frozen(kw_only=True)
class TargetBasicAuth:
    """Basic authentication at a target."""

    username: KeySelector | None = field("Secret key with the user name at the target.", required=True, schema=ATOMIC)
    password: KeySelector | None = field("Secret key with the password at the target.", required=True, schema=ATOMIC)


@attrs.frozen(kw_only=True, slots=False)
class RoutingOptions:
    """How requests are passed on; on a target it overrides what the user says."""

    discover_backend_ips: bool | None = field(
        "Resolve the host of the URLs and balance over all its addresses.", name="discover_backend_ips", pointer=True
    )
    headers: list[str] | None = field("HTTP headers set on requests to the target, each as `Name: value`.")
    response_headers: list[str] | None = field(
        "HTTP headers set on answers, each as `Name: value`.", name="response_headers"
    )
    retry_status_codes: list[int] | None = field(
        "Status codes on which a request is retried at another target.", name="retry_status_codes"
    )
    load_balancing_policy: str | None = field(
        "`least_loaded` (default), or `first_available`: the others only stand in.",
        name="load_balancing_policy",
        enum=POLICIES,
        pointer=True,
    )
    drop_src_path_prefix_parts: int | None = field(
        "Leading parts of the request path that are dropped.", name="drop_src_path_prefix_parts", pointer=True
    )


@attrs.frozen(kw_only=True, slots=False)
class URLOptions(RoutingOptions):
    """Routing options and further conditions of a target."""

    src_query_args: list[str] | None = field(
        "Query arguments `name=value` that a request must have.", name="src_query_args"
    )
    src_headers: list[str] | None = field("Headers `Name: value` that a request must have.", name="src_headers")


@attrs.frozen(kw_only=True)
class TargetRef(URLOptions):
    """Where requests of a user go, and which ones. Exactly one of `crd`, `static` or the name of a default target."""

    name: str | None = field("Name of a default target of the VMAuth that is the base of this one.")
    crd: CRDRef | None = field("Objects of the operator; excludes `static`.")
    static: StaticRef | None = field("Targets by URL; excludes `crd`.")
    paths: list[str] | None = field("Regular expressions of request paths; one must match.")
    hosts: list[str] | None = field("Regular expressions of request hosts; one must match.")
    target_path_suffix: str | None = field(
        "Path or query appended to the URLs of the target.", name="target_path_suffix"
    )
    query_args: list[QueryArg] | None = field("Query arguments added to requests.", name="query_args")
    target_ref_basic_auth: TargetBasicAuth | None = field("Basic authentication at the target of this reference.")


@attrs.frozen(kw_only=True)
class IPFilters:
    """Addresses of clients that may or may not come in (enterprise)."""

    allow_list: list[str] | None = field("Addresses and networks that may come in; all when empty.", name="allow_list")
    deny_list: list[str] | None = field("Addresses and networks that may not come in.", name="deny_list")


@attrs.frozen(kw_only=True)
class AccessLogFilters:
    """Which requests are not logged."""

    skip_status_codes: list[int] | None = field(
        "Status codes of answers that are not logged.", name="skip_status_codes"
    )


@attrs.frozen(kw_only=True)
class AccessLog:
    """Logging of requests; an empty object turns it on."""

    filters: AccessLogFilters | None = field("Requests that are left out of the log.")


@attrs.frozen(kw_only=True, slots=False)
class UserOptions(RoutingOptions):
    """Options of a user for all its targets."""

    default_url: list[str] | None = field("URLs for requests that no target matches.", name="default_url")
    tls_config: TLSConfig | None = field("TLS of the connections to all targets.")
    ip_filters: IPFilters | None = field("Client addresses that are let in (enterprise).", name="ip_filters")
    max_concurrent_requests: int | None = field(
        "Most requests at a time; further ones get status 429.", name="max_concurrent_requests", pointer=True
    )
    dump_request_on_errors: bool | None = field(
        "Log the whole request when no target matches it.", name="dump_request_on_errors", pointer=True
    )
    access_log: AccessLog | None = field("Logging of the requests of this user.", name="access_log")


@attrs.frozen(kw_only=True)
class URLMap(URLOptions):
    """Deprecated: a route by URL; `targetRefs` says the same."""

    src_paths: list[str] | None = field("Regular expressions of request paths for this URL.", name="src_paths")
    src_hosts: list[str] | None = field("Regular expressions of request hosts for this URL.", name="src_hosts")
    url_prefix: StringOrList | None = field("URL, or several, that requests go to.", name="url_prefix", raw=True)
