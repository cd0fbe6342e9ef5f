"""Receivers of VMAlertmanagerConfig: everybody who can be told of an alert. Most texts are Alertmanager templates."""

from typing import Any

import attrs

from vmop.api.fields import ATOMIC, ATOMIC_ITEMS, ATOMIC_LISTS, field
from vmop.api.v1beta1._auth import Authorization, BasicAuth, OAuth2, TLSConfig
from vmop.api.v1beta1._common import KeySelector

PROMETHEUS_DURATION = "^(0|(([0-9]+)y)?(([0-9]+)w)?(([0-9]+)d)?(([0-9]+)h)?(([0-9]+)m)?(([0-9]+)s)?(([0-9]+)ms)?)$"
NOT_EMPTY = {"minLength": 1}


@attrs.frozen(kw_only=True)
class HTTPHeader:
    """Values of one HTTP header."""

    values: list[str] | None = field("Values of the header in plain text.")
    secrets: list[KeySelector] | None = field("Secret keys with values of the header.", schema=ATOMIC_ITEMS)
    files: list[str] | None = field("Paths of files in the container with values of the header.")


@attrs.frozen(kw_only=True)
class HTTPConfig:
    """How Alertmanager speaks HTTP to a receiver."""

    tls_config: TLSConfig | None = field("TLS of the connection to the receiver.", snake=True)
    authorization: Authorization | None = field("Authorization header sent to the receiver.")
    basic_auth: BasicAuth | None = field("Basic authentication at the receiver.", snake=True)
    bearer_token_secret: KeySelector | None = field(
        "Secret key with the bearer token for the receiver.", snake=True, schema=ATOMIC
    )
    bearer_token_file: str | None = field("Path of a file in the container with the receiver's token.", snake=True)
    follow_redirects: bool | None = field("Whether redirects of the receiver are followed.", snake=True, pointer=True)
    http_headers: dict[str, HTTPHeader] | None = field("HTTP headers sent to the receiver, by name.", snake=True)
    oauth2: OAuth2 | None = field("OAuth2 client credentials for the receiver.")
    proxy_url: str | None = field(
        "Proxy for requests to the receiver.", name="proxyURL", pattern="^(http|https|socks5)://.+$"
    )
    no_proxy: str | None = field("Hosts that are reached without the proxy, separated by commas.")
    proxy_from_environment: bool | None = field("Take the proxy from Alertmanager's environment.")
    proxy_connect_header: dict[str, list[KeySelector]] | None = field(
        "Secret keys with headers of the proxy's CONNECT request, by name.", schema=ATOMIC_LISTS
    )


@attrs.frozen(kw_only=True, slots=False)
class Receiver:
    """What every receiver but e-mail has."""

    send_resolved: bool | None = field("Whether to tell that alerts are resolved.", snake=True, pointer=True)
    http_config: HTTPConfig | None = field("HTTP of the connection to the receiver.", snake=True)


@attrs.frozen(kw_only=True, slots=False)
class WebhookURL:
    """A URL that is a secret itself: plain or in a Secret."""

    webhook_url: str | None = field("URL that notifications are posted to, in plain text.", snake=True, pointer=True)
    webhook_url_secret: KeySelector | None = field(
        "Secret key with the URL that notifications are posted to.", snake=True, schema=ATOMIC
    )


@attrs.frozen(kw_only=True)
class WebhookConfig(Receiver):
    """A program that takes notifications as JSON."""

    url: str | None = field("URL of the webhook in plain text; excludes `url_secret`.", pointer=True)
    url_secret: KeySelector | None = field("Secret key with the URL of the webhook.", snake=True, schema=ATOMIC)
    max_alerts: int | None = field(
        "Most alerts in one message to the webhook; 0: no limit.", snake=True, format="int32", schema={"minimum": 0}
    )
    timeout: str | None = field("Time limit of a request to the webhook.", pattern=PROMETHEUS_DURATION)


@attrs.frozen(kw_only=True)
class EmailConfig:
    """A receiver of e-mail."""

    send_resolved: bool | None = field("Whether to mail that alerts are resolved.", snake=True, pointer=True)
    to: str | None = field("E-mail address of the receiver.")
    from_: str | None = field("E-mail address of the sender.", name="from")
    hello: str | None = field("Host name given to the mail server.")
    smarthost: str | None = field("Address `host:port` of the mail server.")
    auth_username: str | None = field("User name at the mail server.", snake=True)
    auth_password: KeySelector | None = field(
        "Secret key with the password at the mail server.", snake=True, schema=ATOMIC
    )
    auth_secret: KeySelector | None = field("Secret key with the secret for CRAM-MD5.", snake=True, schema=ATOMIC)
    auth_identity: str | None = field("Identity for PLAIN authentication.", snake=True)
    headers: dict[str, str] | None = field("Headers of the mail; they replace the generated ones.")
    html: str | None = field("Body of the mail as HTML.")
    text: str | None = field("Body of the mail as plain text.")
    require_tls: bool | None = field("Whether the mail server must speak TLS.", snake=True, pointer=True)
    tls_config: TLSConfig | None = field("TLS of the connection to the mail server.", snake=True)


@attrs.frozen(kw_only=True)
class SlackConfirm:
    """A question before a Slack action."""

    text: str | None = field("Text of the question before the action.", required=True, schema=NOT_EMPTY)
    title: str | None = field("Title of the question before the action.")
    ok_text: str | None = field("Label of the button that confirms.", snake=True)
    dismiss_text: str | None = field("Label of the button that cancels.", snake=True)


@attrs.frozen(kw_only=True)
class SlackAction:
    """A button or menu of a Slack message."""

    type: str | None = field("Type of the action, e.g. `button`.", required=True, schema=NOT_EMPTY)
    text: str | None = field("Label of the action's button.", required=True, schema=NOT_EMPTY)
    url: str | None = field("URL that the button opens; excludes `name`.")
    style: str | None = field("Style of the button: default, primary or danger.")
    name: str | None = field("Name of the action, for interactive messages.")
    value: str | None = field("Value sent with the action, for interactive messages.")
    confirm: SlackConfirm | None = field("A question asked before the action.")


@attrs.frozen(kw_only=True)
class SlackField:
    """A field of a Slack message."""

    title: str | None = field("Title of the message's field.", required=True, schema=NOT_EMPTY)
    value: str | None = field("Text of the message's field.", required=True, schema=NOT_EMPTY)
    short: bool | None = field("Whether the field may share a line with others.", pointer=True)


@attrs.frozen(kw_only=True)
class SlackConfig(Receiver):
    """A Slack channel."""

    api_url: KeySelector | None = field("Secret key with the URL of Slack's webhook.", snake=True, schema=ATOMIC)
    channel: str | None = field("Slack channel or user that is told.")
    username: str | None = field("Name under which the Slack message is sent.")
    color: str | None = field("Colour of the line beside the Slack message.")
    title: str | None = field("Title of the Slack message.")
    title_link: str | None = field("URL behind the title of the Slack message.", snake=True)
    pretext: str | None = field("Text above the Slack message.")
    text: str | None = field("Text of the Slack message itself.")
    fields: list[SlackField] | None = field("Fields in the Slack message.")
    short_fields: bool | None = field("Whether fields share lines by default.", snake=True)
    footer: str | None = field("Text below the Slack message.")
    fallback: str | None = field("Text of the Slack message for plain clients.")
    callback_id: str | None = field("Id of interactive Slack messages.", snake=True)
    icon_emoji: str | None = field("Emoji shown as the sender in Slack.", snake=True)
    icon_url: str | None = field("URL of the sender's picture in Slack.", snake=True)
    image_url: str | None = field("URL of a picture in the Slack message.", snake=True)
    thumb_url: str | None = field("URL of a thumbnail in the Slack message.", snake=True)
    link_names: bool | None = field("Whether names in the Slack message become links.", snake=True)
    mrkdwn_in: list[str] | None = field("Parts of the Slack message that are Markdown.", snake=True)
    actions: list[SlackAction] | None = field("Buttons and menus of the Slack message.")
    update_message: bool | None = field(
        "Change the first Slack message instead of sending new ones.", snake=True, pointer=True
    )


@attrs.frozen(kw_only=True)
class ImageConfig:
    """A picture in a PagerDuty incident."""

    href: str | None = field("URL that the incident's picture leads to.")
    source: str | None = field("URL of the incident's picture.", required=True)
    alt: str | None = field("Text for the incident's picture.")


@attrs.frozen(kw_only=True)
class LinkConfig:
    """A link in a PagerDuty incident."""

    href: str | None = field("URL of the link in the incident.", required=True)
    text: str | None = field("Text of the link in the incident.")


@attrs.frozen(kw_only=True)
class PagerDutyConfig(Receiver):
    """A PagerDuty service."""

    routing_key: KeySelector | None = field("Secret key with the key of Events API v2.", snake=True, schema=ATOMIC)
    service_key: KeySelector | None = field(
        "Secret key with the key of the Prometheus integration.", snake=True, schema=ATOMIC
    )
    url: str | None = field("URL of PagerDuty's API; the public one by default.")
    client: str | None = field("Name of the reporting system in the incident.")
    client_url: str | None = field("URL of the reporting system in the incident.", snake=True)
    description: str | None = field("Description of the PagerDuty incident.")
    severity: str | None = field("Severity of the PagerDuty incident.")
    class_: str | None = field("Class of the PagerDuty event.", name="class")
    group: str | None = field("Group of the source in the PagerDuty event.")
    component: str | None = field("Component of the source in the PagerDuty event.")
    images: list[ImageConfig] | None = field("Pictures in the PagerDuty incident.")
    links: list[LinkConfig] | None = field("Links in the PagerDuty incident.")
    details: dict[str, str] | None = field("Further details of the PagerDuty incident.")


@attrs.frozen(kw_only=True)
class OpsGenieResponder:
    """Who is responsible for an OpsGenie alert."""

    id: str | None = field("Id of the responder; excludes name and username.")
    name: str | None = field("Name of the responding team.")
    username: str | None = field("User name of the responder.")
    type: str | None = field("Type of the responder, e.g. `team` or `user`.", required=True, schema=NOT_EMPTY)


@attrs.frozen(kw_only=True)
class OpsGenieConfig(Receiver):
    """OpsGenie."""

    api_key: KeySelector | None = field("Secret key with OpsGenie's API key.", snake=True, schema=ATOMIC)
    api_url: str | None = field("URL of OpsGenie's API; the global one of Alertmanager by default.", name="apiURL")
    message: str | None = field("Text of the OpsGenie alert, at most 130 characters.")
    description: str | None = field("Description of the OpsGenie alert.")
    source: str | None = field("Source named in the OpsGenie alert.")
    details: dict[str, str] | None = field("Further details of the OpsGenie alert.")
    entity: str | None = field("Entity that the OpsGenie alert is about.")
    responders: list[OpsGenieResponder] | None = field("Who is responsible for the OpsGenie alert.")
    tags: str | None = field("Tags of the OpsGenie alert, separated by commas.")
    note: str | None = field("Note at the OpsGenie alert.")
    priority: str | None = field("Priority of the OpsGenie alert, P1 to P5.")
    update_alerts: bool | None = field("Whether message and description are updated.", snake=True)
    actions: str | None = field("Actions of the OpsGenie alert, separated by commas.")


@attrs.frozen(kw_only=True)
class PushoverConfig(Receiver):
    """A Pushover user."""

    user_key: KeySelector | None = field("Secret key with the Pushover user's key.", snake=True, schema=ATOMIC)
    token: KeySelector | None = field("Secret key with the Pushover application's token.", schema=ATOMIC)
    title: str | None = field("Title of the Pushover notification.")
    message: str | None = field("Text of the Pushover notification.")
    url: str | None = field("URL shown beside the Pushover notification.")
    url_title: str | None = field("Title of the URL in the Pushover notification.", snake=True)
    sound: str | None = field("Sound of the Pushover notification.")
    priority: str | None = field("Priority of the Pushover notification.")
    retry: str | None = field("How often Pushover repeats an emergency.")
    expire: str | None = field("How long Pushover repeats an emergency.")
    html: bool | None = field("Whether the Pushover text is HTML.")


@attrs.frozen(kw_only=True)
class VictorOpsConfig(Receiver):
    """VictorOps (Splunk On-Call)."""

    api_key: KeySelector | None = field("Secret key with VictorOps' API key.", snake=True, schema=ATOMIC)
    api_url: str | None = field("URL of VictorOps' API; the global one of Alertmanager by default.", snake=True)
    routing_key: str | None = field("Key that routes to a VictorOps team.", snake=True, required=True)
    message_type: str | None = field("Kind of the VictorOps alert, e.g. `CRITICAL`.", snake=True)
    entity_display_name: str | None = field("Summary of the VictorOps alert.", snake=True)
    state_message: str | None = field("Long text of the VictorOps alert.", snake=True)
    monitoring_tool: str | None = field("Monitoring tool named in the VictorOps alert.", snake=True)
    custom_fields: dict[str, str] | None = field("Further fields of the VictorOps alert.", snake=True)


@attrs.frozen(kw_only=True)
class WeChatConfig(Receiver):
    """WeChat."""

    api_secret: KeySelector | None = field("Secret key with WeChat's API secret.", snake=True, schema=ATOMIC)
    api_url: str | None = field("URL of WeChat's API; the global one of Alertmanager by default.", snake=True)
    corp_id: str | None = field("WeChat id of the company.", snake=True)
    agent_id: str | None = field("WeChat id of the sending application.", snake=True)
    to_user: str | None = field("WeChat users that are told.", snake=True)
    to_party: str | None = field("WeChat departments that are told.", snake=True)
    to_tag: str | None = field("WeChat tags that are told.", snake=True)
    message: str | None = field("Text of the WeChat message.")
    message_type: str | None = field("Type of the WeChat message: text or markdown.", snake=True)


@attrs.frozen(kw_only=True)
class TelegramConfig(Receiver):
    """A Telegram chat."""

    bot_token: KeySelector | None = field(
        "Secret key with the Telegram bot's token.", snake=True, required=True, schema=ATOMIC
    )
    chat_id: int | None = field(
        "Id of the Telegram chat that is told; negative for groups.", name="chat_id", required=True
    )
    message_thread_id: int | None = field("Id of the topic in the Telegram chat.", snake=True)
    api_url: str | None = field("URL of Telegram's API; the public one by default.", snake=True)
    message: str | None = field("Text of the Telegram message.")
    disable_notifications: bool | None = field("Send Telegram messages silently.", snake=True, pointer=True)
    parse_mode: str | None = field("Markup of the message: MarkdownV2, Markdown, HTML or none.", snake=True)


@attrs.frozen(kw_only=True)
class MSTeamsConfig(Receiver, WebhookURL):
    """Microsoft Teams by a connector."""

    title: str | None = field("Title of the Teams message.")
    text: str | None = field("Text of the Teams message.")


@attrs.frozen(kw_only=True)
class MSTeamsV2Config(Receiver, WebhookURL):
    """Microsoft Teams by a workflow."""

    title: str | None = field("Title of the message to the Teams workflow.")
    text: str | None = field("Text of the message to the Teams workflow.")


@attrs.frozen(kw_only=True)
class DiscordConfig(Receiver, WebhookURL):
    """A Discord channel."""

    title: str | None = field("Title of the Discord message.")
    message: str | None = field("Text of the Discord message.")
    content: str | None = field("Text above the Discord message.", schema={"maxLength": 2000})
    username: str | None = field("Name under which the Discord message is sent.")
    avatar_url: str | None = field("URL of the sender's picture in Discord.", snake=True)


@attrs.frozen(kw_only=True)
class Sigv4Config:
    """Signing of requests for AWS."""

    region: str | None = field("AWS region of the topic; from the environment by default.")
    access_key: str | None = field("AWS access key in plain text.", snake=True)
    access_key_selector: KeySelector | None = field("Secret key with the AWS access key id.", snake=True, schema=ATOMIC)
    secret_key_selector: KeySelector | None = field(
        "Secret key with the AWS secret access key.", snake=True, schema=ATOMIC
    )
    profile: str | None = field("AWS profile whose credentials are used.")
    role_arn: str | None = field("AWS role that is assumed for notifications.", snake=True)


@attrs.frozen(kw_only=True)
class SNSConfig(Receiver):
    """An AWS SNS topic, phone or endpoint."""

    api_url: str | None = field("URL of the SNS API; that of the region by default.", snake=True)
    topic_arn: str | None = field("ARN of the SNS topic that is told.", snake=True)
    phone_number: str | None = field("Phone that SNS tells by SMS.", snake=True)
    target_arn: str | None = field("Mobile endpoint that SNS tells.", snake=True)
    subject: str | None = field("Subject of the SNS message to a topic.")
    message: str | None = field("Text of the SNS message or SMS that is sent.")
    attributes: dict[str, str] | None = field("Attributes of the SNS message.")
    sigv4: Sigv4Config | None = field("Signing of the SNS requests.")


@attrs.frozen(kw_only=True)
class WebexConfig(Receiver):
    """A Webex room."""

    api_url: str | None = field("URL of Webex' API; the public one by default.", snake=True, pointer=True)
    room_id: str | None = field("Id of the Webex room that is told.", name="room_id", required=True)
    message: str | None = field("Text of the Webex message.")


@attrs.frozen(kw_only=True)
class JiraConfig(Receiver):
    """A Jira project."""

    api_url: str | None = field(
        "URL of Jira's API; the global one of Alertmanager by default.", name="api_url", pointer=True
    )
    project: str | None = field("Key of the Jira project of the issue.", required=True)
    issue_type: str | None = field("Type of the Jira issue, e.g. `Bug`.", snake=True, required=True)
    summary: str | None = field("Summary of the Jira issue.")
    description: str | None = field("Description of the Jira issue.")
    labels: list[str] | None = field("Labels of the Jira issue.")
    priority: str | None = field("Priority of the Jira issue.")
    reopen_transition: str | None = field("Transition that opens a Jira issue again.", snake=True)
    resolve_transition: str | None = field("Transition that closes a Jira issue.", snake=True)
    wont_fix_resolution: str | None = field("Resolution of issues that are not opened again.", snake=True)
    reopen_duration: str | None = field(
        "How long a closed issue is opened again instead of a new one.", snake=True, pattern=PROMETHEUS_DURATION
    )
    custom_fields: dict[str, Any] | None = field("Further fields of the Jira issue.", snake=True)


@attrs.frozen(kw_only=True)
class RocketChatField:
    """A field of a Rocket.Chat message."""

    title: str | None = field("Title of the Rocket.Chat field.", pointer=True)
    value: str | None = field("Text of the Rocket.Chat field.", pointer=True)
    short: bool | None = field("Whether the Rocket.Chat field may share a line.", pointer=True)


@attrs.frozen(kw_only=True)
class RocketChatAction:
    """A button of a Rocket.Chat message."""

    type: str | None = field("Type of the Rocket.Chat action.", pointer=True)
    text: str | None = field("Label of the Rocket.Chat button.", pointer=True)
    url: str | None = field("URL that the Rocket.Chat button opens.", pointer=True)
    msg: str | None = field("Text that the Rocket.Chat button sends.", pointer=True)


@attrs.frozen(kw_only=True)
class RocketChatConfig(Receiver):
    """A Rocket.Chat channel."""

    api_url: str | None = field("URL of Rocket.Chat's API.", snake=True, pointer=True)
    token_id: KeySelector | None = field("Secret key with the id of the Rocket.Chat token.", snake=True, schema=ATOMIC)
    token: KeySelector | None = field("Secret key with the Rocket.Chat token.", schema=ATOMIC)
    channel: str | None = field("Rocket.Chat channel that is told.")
    color: str | None = field("Colour of the line beside the Rocket.Chat message.")
    title: str | None = field("Title of the Rocket.Chat message.")
    title_link: str | None = field("Accepted without effect: URL behind the title.", snake=True)
    text: str | None = field("Text of the Rocket.Chat message.")
    fields: list[RocketChatField] | None = field("Fields in the Rocket.Chat message.")
    short_fields: bool | None = field("Whether Rocket.Chat fields share lines by default.", snake=True)
    emoji: str | None = field("Emoji shown as the sender in Rocket.Chat.")
    icon_url: str | None = field("URL of the sender's picture in Rocket.Chat.", snake=True)
    image_url: str | None = field("URL of a picture in the Rocket.Chat message.", snake=True)
    thumb_url: str | None = field("URL of a thumbnail in the Rocket.Chat message.", snake=True)
    link_names: bool | None = field("Whether names in the Rocket.Chat message become links.", snake=True)
    actions: list[RocketChatAction] | None = field("Buttons of the Rocket.Chat message.")


@attrs.frozen(kw_only=True)
class IncidentIOConfig(Receiver):
    """incident.io."""

    url: str | None = field("URL of the alert source at incident.io.")
    url_file: str | None = field("Path of a file in the container with the alert source's URL.", snake=True)
    alert_source_token: KeySelector | None = field(
        "Secret key with the alert source's token.", snake=True, schema=ATOMIC
    )
    alert_source_token_file: str | None = field("Path of a file with the alert source's token.", snake=True)
    timeout: str | None = field("Time limit of a request to incident.io.")
    max_alerts: int | None = field("Most alerts in one message to incident.io.", snake=True)


@attrs.frozen(kw_only=True)
class MattermostField:
    """A field of a Mattermost attachment."""

    title: str | None = field("Title of the Mattermost field.")
    value: str | None = field("Text of the Mattermost field.")
    short: bool | None = field("Whether the Mattermost field may share a line.", pointer=True)


@attrs.frozen(kw_only=True)
class MattermostAttachment:
    """An attachment of a Mattermost message."""

    fallback: str | None = field("Text of the attachment for plain clients.")
    color: str | None = field("Colour of the line beside the attachment.")
    pretext: str | None = field("Text above the attachment.")
    text: str | None = field("Text of the attachment itself.")
    author_name: str | None = field("Name of the attachment's author.", snake=True)
    author_link: str | None = field("URL behind the author's name.", snake=True)
    author_icon: str | None = field("URL of the author's picture.", snake=True)
    title: str | None = field("Title of the Mattermost attachment.")
    title_link: str | None = field("URL behind the attachment's title.", snake=True)
    fields: list[MattermostField] | None = field("Fields in the Mattermost attachment.")
    thumb_url: str | None = field("URL of a thumbnail in the attachment.", snake=True)
    footer: str | None = field("Text below the Mattermost attachment.")
    footer_icon: str | None = field("URL of the footer's picture.", snake=True)
    image_url: str | None = field("URL of a picture in the attachment.", snake=True)


@attrs.frozen(kw_only=True)
class MattermostProps:
    """Properties of a Mattermost post."""

    card: str | None = field("Markdown shown beside the post on demand.", pointer=True)


@attrs.frozen(kw_only=True)
class MattermostPriority:
    """Priority of a Mattermost post."""

    priority: str | None = field("Priority of the post: important or urgent.")
    requested_ack: bool | None = field("Ask readers of the post to acknowledge it.", snake=True, pointer=True)
    persistent_notifications: bool | None = field("Remind until the post is acknowledged.", snake=True, pointer=True)


@attrs.frozen(kw_only=True)
class MattermostConfig(Receiver):
    """A Mattermost channel."""

    url: str | None = field("URL of Mattermost's webhook in plain text.", pointer=True)
    url_secret: KeySelector | None = field(
        "Secret key with the URL of Mattermost's webhook.", snake=True, schema=ATOMIC
    )
    channel: str | None = field("Mattermost channel that is told.")
    username: str | None = field("Name under which the Mattermost post is sent.")
    text: str | None = field("Text of the Mattermost post.", required=True)
    icon_url: str | None = field("URL of the sender's picture in Mattermost.", snake=True)
    icon_emoji: str | None = field("Emoji shown as the sender in Mattermost.", snake=True)
    attachments: list[MattermostAttachment] | None = field("Attachments of the Mattermost post.")
    props: MattermostProps | None = field("Properties of the Mattermost post.")
    priority: MattermostPriority | None = field("Priority of the Mattermost post.")
