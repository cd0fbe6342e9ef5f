"""VMAlertmanagerConfig: routes, receivers and silences of a team, merged into the config of a VMAlertmanager."""

from typing import Any, ClassVar

import attrs

from vmop.api.fields import Manifest, field
from vmop.api.kinds import AGE, STATUS, SYNC_ERROR, Column, CustomResource, ObjectStatus
from vmop.api.v1beta1 import _receivers as to

DURATION = "[0-9]+(ms|s|m|h)"


@attrs.frozen(kw_only=True)
class Route:
    """Which alerts go to which receiver, and how they are grouped."""

    receiver: str | None = field("Name of the receiver, of the same object.", required=True)
    matchers: list[str] | None = field('Matchers of the route\'s alerts, e.g. `severity="page"`.')
    group_by: list[str] | None = field("Labels by which alerts are grouped into one message.", snake=True)
    group_wait: str | None = field("How long the first message of a group waits.", snake=True, pattern=DURATION)
    group_interval: str | None = field("Time between messages about news of a group.", snake=True, pattern=DURATION)
    repeat_interval: str | None = field("Time until a message is repeated.", snake=True, pattern=DURATION)
    continue_: bool | None = field("Go on to the following routes after a match.", name="continue")
    active_time_intervals: list[str] | None = field("Time intervals outside of which the route is silent.", snake=True)
    mute_time_intervals: list[str] | None = field("Time intervals in which the route is silent.", snake=True)
    routes: list[Any] | None = field("Routes below this one, with the same fields.")


@attrs.frozen(kw_only=True)
class InhibitRule:
    """Alerts that silence others."""

    source_matchers: list[str] | None = field("Matchers of the alerts that silence.", snake=True)
    target_matchers: list[str] | None = field("Matchers of the alerts that are silenced.", snake=True)
    equal: list[str] | None = field("Labels that both alerts must have in common.")


@attrs.frozen(kw_only=True)
class TimeRange:
    """A part of a day."""

    start_time: str | None = field("Begin of the range as HH:MM.", snake=True, required=True)
    end_time: str | None = field("End of the range as HH:MM; it does not belong to it.", snake=True, required=True)


@attrs.frozen(kw_only=True)
class TimeInterval:
    """A time that is in all of its parts."""

    times: list[TimeRange] | None = field("Parts of the day; the whole day by default.")
    weekdays: list[str] | None = field("Days of the week, as names or ranges such as `monday:friday`.")
    days_of_month: list[str] | None = field(
        "Days of the month or ranges; negative ones count from its end.", snake=True
    )
    months: list[str] | None = field("Months, as names, numbers or ranges.")
    years: list[str] | None = field("Years or ranges such as `2026:2028`.")
    location: str | None = field("Time zone of all parts; UTC by default.")


@attrs.frozen(kw_only=True)
class NamedTimeIntervals:
    """Times with a name that routes refer to."""

    name: str | None = field("Name by which routes refer to the intervals.", required=True)
    time_intervals: list[TimeInterval] | None = field("Intervals of which any may match.", snake=True, required=True)


@attrs.frozen(kw_only=True)
class NamedReceiver:
    """Everybody who is told under one name."""

    name: str | None = field("Name by which routes refer to the receiver.", required=True, schema=to.NOT_EMPTY)
    email_configs: list[to.EmailConfig] | None = field("Mailboxes that get the alerts by e-mail.", snake=True)
    webhook_configs: list[to.WebhookConfig] | None = field("Programs that take notifications as JSON.", snake=True)
    slack_configs: list[to.SlackConfig] | None = field("Slack channels that are told.", snake=True)
    pagerduty_configs: list[to.PagerDutyConfig] | None = field("PagerDuty services that are told.", snake=True)
    opsgenie_configs: list[to.OpsGenieConfig] | None = field("OpsGenie accounts that are told.", snake=True)
    pushover_configs: list[to.PushoverConfig] | None = field("Pushover users that are told.", snake=True)
    victorops_configs: list[to.VictorOpsConfig] | None = field("VictorOps teams that are told.", snake=True)
    wechat_configs: list[to.WeChatConfig] | None = field("WeChat users that are told by name.", snake=True)
    telegram_configs: list[to.TelegramConfig] | None = field("Telegram chats that are told.", snake=True)
    msteams_configs: list[to.MSTeamsConfig] | None = field("Teams channels told by connectors.", snake=True)
    msteamsv2_configs: list[to.MSTeamsV2Config] | None = field("Teams channels told by workflows.", snake=True)
    discord_configs: list[to.DiscordConfig] | None = field("Discord channels that are told.", snake=True)
    sns_configs: list[to.SNSConfig] | None = field("SNS topics and phones that are told.", snake=True)
    webex_configs: list[to.WebexConfig] | None = field("Webex rooms that are told.", snake=True)
    jira_configs: list[to.JiraConfig] | None = field("Jira projects in which issues are opened.", snake=True)
    rocketchat_configs: list[to.RocketChatConfig] | None = field("Rocket.Chat channels to tell.", snake=True)
    incidentio_configs: list[to.IncidentIOConfig] | None = field("incident.io sources that are told.", snake=True)
    mattermost_configs: list[to.MattermostConfig] | None = field("Mattermost channels to tell.", snake=True)


@attrs.frozen(kw_only=True)
class VMAlertmanagerConfigSpec:
    """A part of an Alertmanager config; names in it are local to the object."""

    route: Route | None = field("The object's top route; alerts that match it go down its routes.")
    receivers: list[NamedReceiver] | None = field("Receivers that the object's routes lead to.")
    inhibit_rules: list[InhibitRule] | None = field("Rules by which alerts silence others.", snake=True)
    time_intervals: list[NamedTimeIntervals] | None = field("Named times that the object's routes use.", snake=True)


@attrs.frozen(kw_only=True)
class VMAlertmanagerConfigStatus(ObjectStatus):
    """Status of a VMAlertmanagerConfig."""

    last_error_parent_alertmanager_name: str | None = field("VMAlertmanager that last refused the object.")


@attrs.frozen(kw_only=True)
class VMAlertmanagerConfig(CustomResource):
    """Routes and receivers of alerts, merged into the config of a VMAlertmanager."""

    kind: ClassVar[str] = "VMAlertmanagerConfig"
    plural: ClassVar[str] = "vmalertmanagerconfigs"
    status_type: ClassVar[type] = VMAlertmanagerConfigStatus
    columns: ClassVar[tuple[Column, ...]] = (AGE, STATUS, SYNC_ERROR)

    metadata: Manifest = attrs.field(factory=dict)
    spec: VMAlertmanagerConfigSpec = attrs.field(factory=VMAlertmanagerConfigSpec)
    status: Manifest = attrs.field(factory=dict)
