"""VMAlertmanagerConfig (07-vmalert-alertmanager.md B11): names, routes and the required parts of receivers.

Matchers, URLs and the values inside time intervals are checked where the config is rendered.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from vmop.api.problems import Problem
from vmop.api.structure import to_json
from vmop.api.v1beta1 import NamedReceiver, Route, VMAlertmanagerConfig, VMAlertmanagerConfigSpec

# Of each pair exactly one must be set: (first, second, message when none is, message when both are).
ONE_OF: Mapping[str, tuple[str, str, str, str]] = {
    "pagerduty_configs": (
        "routing_key",
        "service_key",
        "one of 'routing_key' or 'service_key' must be configured",
        "at most one of 'routing_key' or 'service_key' must be configured",
    ),
    "webhook_configs": (
        "url",
        "url_secret",
        "one of 'url' or 'url_secret' must be specified",
        "at most one of 'url' or 'url_secret' must be specified",
    ),
    "mattermost_configs": (
        "url",
        "url_secret",
        "url_secret or url must be configured",
        "at most one of url_secret or url must be configured",
    ),
    **dict.fromkeys(
        ("msteams_configs", "msteamsv2_configs", "discord_configs"),
        (
            "webhook_url",
            "webhook_url_secret",
            "webhook_url or webhook_url_secret must be configured",
            "at most one of webhook_url or webhook_url_secret must be configured",
        ),
    ),
}
REQUIRED: Mapping[str, tuple[tuple[str, str], ...]] = {
    "email_configs": (("to", "required field `to` must be set"),),
    "pushover_configs": (
        ("user_key", "required field 'user_key' must be set"),
        ("token", "required field 'token' must be set"),
    ),
    "victorops_configs": (("routing_key", "missing 'routing_key' key"),),
    "telegram_configs": (
        ("bot_token", "required field 'bot_token' must be set"),
        ("chat_id", "required field 'chat_id' must be set"),
    ),
    "webex_configs": (("room_id", "missing required field 'room_id'"),),
    "jira_configs": (
        ("project", "missing required field 'project'"),
        ("issue_type", "missing required field 'issue_type'"),
    ),
}


def check_vmalertmanagerconfig(cr: VMAlertmanagerConfig) -> Iterator[Problem]:
    """Problems of a VMAlertmanagerConfig, in the order in which the Go operator looks for them."""
    spec = cr.spec
    yield from _receivers(spec)
    intervals: set[str] = set()
    for index, named in enumerate(spec.time_intervals or ()):
        where, name = f"time_intervals[{index}]", named.name or ""
        if not name:
            yield Problem(f"spec.{where}.name", f"{where}: empty name field for time interval")
        elif name in intervals:
            yield Problem(f"spec.{where}.name", f'{where}.name="{name}" is not unique')
        intervals.add(name)
    if spec.route is not None:
        names = {receiver.name or "" for receiver in spec.receivers or ()}
        yield from _root(spec.route, names, intervals)
        for index, child in enumerate(spec.route.routes or ()):
            path, prefix = f"spec.route.routes[{index}]", f"subRoute={index} is not valid: "
            yield from _child(path, child, prefix, names, intervals)


def _receivers(spec: VMAlertmanagerConfigSpec) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, receiver in enumerate(spec.receivers or ()):
        path, name = f"spec.receivers[{index}]", receiver.name or ""
        if name in seen:
            yield Problem(f"{path}.name", f'notification config name "{name}" is not unique')
        seen.add(name)
        if not name:
            yield Problem(f"{path}.name", f"receivers[{index}]: name field cannot be empty")
        for where, message in _integrations(receiver):
            yield Problem(f"{path}.{where}", f"receivers[{index}]: {where}: {message}")


def _integrations(receiver: NamedReceiver) -> Iterator[tuple[str, str]]:
    for kind, entries in to_json(receiver).items():
        for index, entry in enumerate(entries if isinstance(entries, list) else ()):
            where = f"{kind}[{index}]"
            for field, message in REQUIRED.get(kind, ()):
                if not entry.get(field):
                    yield where, message
            if kind in ONE_OF:
                first, second, none, both = ONE_OF[kind]
                match bool(entry.get(first)), bool(entry.get(second)):
                    case False, False:
                        yield where, none
                    case True, True:
                        yield where, both
            if kind == "sns_configs" and not any(entry.get(k) for k in ("target_arn", "topic_arn", "phone_number")):
                yield where, "one of target_arn, topic_arn or phone_number fields must be set"


def _root(route: Route, receivers: set[str], intervals: set[str]) -> Iterator[Problem]:
    if not route.receiver:
        yield Problem("spec.route.receiver", "root route receiver cannot be empty")
    elif route.receiver not in receivers:
        message = f'receiver="{route.receiver}" for spec root not found at receivers'
        yield Problem("spec.route.receiver", message)
    for kind, used in (("active", route.active_time_intervals), ("mute", route.mute_time_intervals)):
        for name in used or ():
            if name not in intervals:
                message = f'undefined {kind} time interval "{name}" used in root route'
                yield Problem(f"spec.route.{kind}_time_intervals", message)


def _child(path: str, route: Any, prefix: str, receivers: set[str], intervals: set[str]) -> Iterator[Problem]:
    """A nested route is free JSON; those below a route without receiver are not checked, as in the Go operator."""
    if not isinstance(route, dict) or not route:
        text = "cannot parse nested route for alertmanager config err: unexpected empty route"
        yield Problem(path, text)
        return
    for key in ("active_time_intervals", "mute_time_intervals"):
        for name in route.get(key) or ():
            if name not in intervals:
                yield Problem(f"{path}.{key}", f'{prefix}undefined time interval "{name}" used in route')
    receiver = route.get("receiver")
    if not receiver:
        return
    if receiver not in receivers:
        yield Problem(f"{path}.receiver", f'{prefix}undefined receiver "{receiver}" used in route')
    for index, child in enumerate(route.get("routes") or ()):
        nested = f"{prefix}nested route={index}: "
        yield from _child(f"{path}.routes[{index}]", child, nested, receivers, intervals)
