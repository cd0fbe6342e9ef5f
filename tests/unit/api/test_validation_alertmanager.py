"""Validation of VMAlertmanager and VMAlertmanagerConfig: one case a rule, with the exact messages."""

from typing import Any

import pytest

from vmop.api import CustomResource, parse, validate
from vmop.api.v1beta1 import VMAlertmanager, VMAlertmanagerConfig

Expected = list[tuple[str, str]]
KEY = {"name": "a", "key": "b"}
CERT = {"cert_file": "/c", "key_file": "/k"}


def problems(kind: type[CustomResource], spec: Any, **metadata: Any) -> Expected:
    parsed = parse(kind, {"metadata": {"name": "x", "namespace": "obs", **metadata}, "spec": spec})
    assert parsed.unknown_fields == ()
    return [(problem.path, problem.message) for problem in validate(parsed.object)]


MANAGER: dict[str, tuple[Any, Expected]] = {
    "nothing is valid": ({}, []),
    "the service": (
        {
            "serviceSpec": {
                "metadata": {"name": "vmalertmanager-x"},
                "useAsDefault": True,
                "spec": {"type": "NodePort"},
            }
        },
        [
            (
                "spec.serviceSpec.metadata.name",
                'spec.serviceSpec.Name cannot be equal to prefixed name="vmalertmanager-x"',
            ),
            (
                "spec.serviceSpec.spec.type",
                (
                    'serviceSpec.useAsDefault cannot be combined with an explicit spec.type="NodePort": the default '
                    "service "
                    "is headless (clusterIP: None) and must stay headless. Remove spec.type, or create a separate "
                    "service "
                    "with serviceSpec.useAsDefault=false and a distinct metadata.name"
                ),
            ),
        ],
    ),
    "a reserved Secret": (
        {"configSecret": "vmalertmanager-x-config"},
        [
            (
                "spec.configSecret",
                (
                    "spec.configSecret uses the same name as built-in config secret used by operator. "
                    "Please change it's name"
                ),
            )
        ],
    ),
    "HTTP/2 without TLS": (
        {"webConfig": {"http_server_config": {"http2": True}}},
        [
            (
                "spec.webConfig.tls_server_config",
                "with enabled http2 for webserver, tls_server_config must be defined",
            )
        ],
    ),
    "TLS of the web listener": (
        {"webConfig": {"tls_server_config": {"client_auth_type": "RequireAndVerifyClientCert"}}},
        [
            (
                "spec.webConfig.tls_server_config",
                "either cert_secret_ref or cert_file must be set for tls_server_config",
            ),
            (
                "spec.webConfig.tls_server_config",
                "either key_secret_ref or key_file must be set for tls_server_config",
            ),
            (
                "spec.webConfig.tls_server_config",
                (
                    "either client_ca_secret_ref or client_ca_file must be set for tls_server_config with enabled "
                    "RequireAndVerifyClientCert"
                ),
            ),
        ],
    ),
    "TLS of the gossip": (
        {"gossipConfig": {"tls_server_config": CERT, "tls_client_config": {"cert_file": "/c"}}},
        [
            (
                "spec.gossipConfig.tls_client_config",
                "either key_secret_ref or key_file must be set for tls_client_config",
            )
        ],
    ),
    "TLS of the traces": (
        {"tracingConfig": {"endpoint": "a", "tls_config": {"key_file": "/k"}}},
        [
            (
                "spec.tracingConfig.tls_config",
                "either cert_secret_ref or cert_file must be set for tls_config",
            )
        ],
    ),
    "two ways with namespaces": (
        {"disableNamespaceMatcher": True, "enforcedNamespaceLabel": "ns"},
        [
            (
                "spec.enforcedNamespaceLabel",
                "cannot use both disableNamespaceMatcher and enforcedNamespaceLabel at the same time",
            )
        ],
    ),
    "vertical autoscaler and stop": (
        {
            "vpa": {"updatePolicy": {"updateMode": "Off"}},
            "preStopSleepSeconds": 9,
            "terminationGracePeriodSeconds": 9,
        },
        [
            ("spec.vpa.resourcePolicy.containerPolicies", "VPA must have resourcePolicy.containerPolicies"),
            (
                "spec.preStopSleepSeconds",
                "preStopSleepSeconds (9) must be less than terminationGracePeriodSeconds (9)",
            ),
        ],
    ),
}


def receiver(**integrations: Any) -> dict[str, Any]:
    return {"receivers": [{"name": "a", **integrations}]}


def refused(where: str, *messages: str) -> Expected:
    return [(f"spec.receivers[0].{where}", f"receivers[0]: {where}: {message}") for message in messages]


def routed(**route: Any) -> dict[str, Any]:
    return {"receivers": [{"name": "a"}], "time_intervals": [{"name": "t", "time_intervals": []}], "route": route}


CONFIG: dict[str, tuple[Any, Expected]] = {
    "nothing is valid": ({}, []),
    "a receiver name twice": (
        {"receivers": [{"name": "a"}, {"name": "a"}]},
        [("spec.receivers[1].name", 'notification config name "a" is not unique')],
    ),
    "a receiver without name": (
        {"receivers": [{"name": ""}]},
        [("spec.receivers[0].name", "receivers[0]: name field cannot be empty")],
    ),
    "e-mail": (receiver(email_configs=[{}]), refused("email_configs[0]", "required field `to` must be set")),
    "PagerDuty without key": (
        receiver(pagerduty_configs=[{}]),
        refused("pagerduty_configs[0]", "one of 'routing_key' or 'service_key' must be configured"),
    ),
    "PagerDuty with two keys": (
        receiver(pagerduty_configs=[{"routing_key": KEY, "service_key": KEY}]),
        refused("pagerduty_configs[0]", "at most one of 'routing_key' or 'service_key' must be configured"),
    ),
    "Pushover": (
        receiver(pushover_configs=[{}]),
        refused(
            "pushover_configs[0]",
            "required field 'user_key' must be set",
            "required field 'token' must be set",
        ),
    ),
    "a webhook": (
        receiver(webhook_configs=[{"url": "http://a"}, {}]),
        refused("webhook_configs[1]", "one of 'url' or 'url_secret' must be specified"),
    ),
    "VictorOps": (
        receiver(victorops_configs=[{}]),
        refused("victorops_configs[0]", "missing 'routing_key' key"),
    ),
    "Telegram": (
        receiver(telegram_configs=[{"bot_token": KEY}]),
        refused("telegram_configs[0]", "required field 'chat_id' must be set"),
    ),
    "Mattermost": (
        receiver(mattermost_configs=[{}]),
        refused("mattermost_configs[0]", "url_secret or url must be configured"),
    ),
    "Teams": (
        receiver(msteams_configs=[{"webhook_url": "a", "webhook_url_secret": KEY}]),
        refused(
            "msteams_configs[0]",
            "at most one of webhook_url or webhook_url_secret must be configured",
        ),
    ),
    "SNS": (
        receiver(sns_configs=[{}]),
        refused("sns_configs[0]", "one of target_arn, topic_arn or phone_number fields must be set"),
    ),
    "Webex": (receiver(webex_configs=[{}]), refused("webex_configs[0]", "missing required field 'room_id'")),
    "Jira": (
        receiver(jira_configs=[{"project": "p"}]),
        refused("jira_configs[0]", "missing required field 'issue_type'"),
    ),
    "a time without name": (
        {"time_intervals": [{"name": ""}]},
        [("spec.time_intervals[0].name", "time_intervals[0]: empty name field for time interval")],
    ),
    "a time of a repeated name": (
        {"time_intervals": [{"name": "a"}, {"name": "a"}]},
        [("spec.time_intervals[1].name", 'time_intervals[1].name="a" is not unique')],
    ),
    "a good route": (
        routed(receiver="a", mute_time_intervals=["t"], routes=[{"receiver": "a", "active_time_intervals": ["t"]}]),
        [],
    ),
    "a root without receiver": (
        routed(),
        [("spec.route.receiver", "root route receiver cannot be empty")],
    ),
    "a root with an unknown receiver": (
        routed(receiver="b"),
        [("spec.route.receiver", 'receiver="b" for spec root not found at receivers')],
    ),
    "a root with unknown times": (
        routed(receiver="a", active_time_intervals=["u"], mute_time_intervals=["v"]),
        [
            (
                "spec.route.active_time_intervals",
                'undefined active time interval "u" used in root route',
            ),
            (
                "spec.route.mute_time_intervals",
                'undefined mute time interval "v" used in root route',
            ),
        ],
    ),
    "bad children": (
        routed(
            receiver="a",
            routes=[
                {},
                {"receiver": "b", "mute_time_intervals": ["v"]},
                {"receiver": "a", "routes": [{"receiver": "c"}]},
                {"routes": [{"receiver": "unchecked"}]},
            ],
        ),
        [
            (
                "spec.route.routes[0]",
                "cannot parse nested route for alertmanager config err: unexpected empty route",
            ),
            (
                "spec.route.routes[1].mute_time_intervals",
                'subRoute=1 is not valid: undefined time interval "v" used in route',
            ),
            (
                "spec.route.routes[1].receiver",
                'subRoute=1 is not valid: undefined receiver "b" used in route',
            ),
            (
                "spec.route.routes[2].routes[0].receiver",
                'subRoute=2 is not valid: nested route=0: undefined receiver "c" used in route',
            ),
        ],
    ),
}


@pytest.mark.parametrize(("spec", "expected"), MANAGER.values(), ids=MANAGER)
def test_vmalertmanager(spec: Any, expected: Expected) -> None:
    assert problems(VMAlertmanager, spec) == expected


@pytest.mark.parametrize(("spec", "expected"), CONFIG.values(), ids=CONFIG)
def test_vmalertmanagerconfig(spec: Any, expected: Expected) -> None:
    assert problems(VMAlertmanagerConfig, spec) == expected


def test_a_vmalertmanager_is_validated_whatever_its_annotation_says() -> None:
    annotations = {"operator.victoriametrics.com/skip-validation": "true"}
    assert problems(VMAlertmanager, {"configSecret": "vmalertmanager-x-config"}, annotations=annotations) != []
