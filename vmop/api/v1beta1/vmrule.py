"""VMRule: alerting and recording rules for VMAlert."""

from typing import ClassVar

import attrs

from vmop.api.fields import Manifest, field
from vmop.api.kinds import AGE, STATUS, SYNC_ERROR, Column, CustomResource


@attrs.frozen(kw_only=True)
class Rule:
    """An alerting rule or a recording rule."""

    record: str | None = field("Name of the series that a recording rule writes; excludes `alert`.", default="")
    alert: str | None = field("Name of the alert that an alerting rule raises; excludes `record`.", default="")
    expr: str | None = field("Query of the rule, in the language of the group's type.")
    debug: bool | None = field("Log the evaluation of this rule in detail.", pointer=True)
    for_: str | None = field("How long the query must give a result before the alert fires.", name="for")
    keep_firing_for: str | None = field("How long the alert keeps firing after its query gives no result.", snake=True)
    labels: dict[str, str] | None = field("Labels of the alert or of the written series.")
    annotations: dict[str, str] | None = field("Annotations of the alert; values are templates.")
    update_entries_limit: int | None = field(
        "Past evaluations of the rule that are kept for the UI.", snake=True, pointer=True
    )


@attrs.frozen(kw_only=True)
class RuleGroup:
    """Rules that are evaluated together, one after another."""

    name: str | None = field("Name of the group, unique in the object.", required=True)
    interval: str | None = field("Time between evaluations; that of the VMAlert by default.")
    rules: list[Rule] | None = field("Rules of the group in the order of evaluation.", required=True)
    limit: int | None = field("Most alerts or series of each rule; 0: no limit.")
    eval_offset: str | None = field("Evaluate at this offset inside the interval; excludes `eval_delay`.", snake=True)
    eval_delay: str | None = field("Evaluate for a moment this long ago, for data that comes late.", snake=True)
    eval_alignment: bool | None = field(
        "Whether evaluation times are aligned to the interval.", snake=True, pointer=True
    )
    concurrency: int | None = field("Rules of the group that are evaluated at the same time; 1 by default.")
    labels: dict[str, str] | None = field("Labels added to all results of the group.")
    tenant: str | None = field("Tenant `account` or `account:project` of the group's queries (enterprise).")
    params: dict[str, list[str]] | None = field("Query parameters added to the group's queries.")
    type: str | None = field("Language of the queries: `prometheus` (default), `graphite` or `vlogs`.")
    headers: list[str] | None = field("HTTP headers of the group's queries, each as `Name: value`.")
    notifier_headers: list[str] | None = field("HTTP headers of the group's notifications.", snake=True)


@attrs.frozen(kw_only=True)
class VMRuleSpec:
    """Groups of rules."""

    groups: list[RuleGroup] | None = field(
        "Groups of rules; their names differ.",
        required=True,
        schema={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
    )


@attrs.frozen(kw_only=True)
class VMRule(CustomResource):
    """Alerting and recording rules."""

    kind: ClassVar[str] = "VMRule"
    plural: ClassVar[str] = "vmrules"
    spec_required: ClassVar[bool] = True
    columns: ClassVar[tuple[Column, ...]] = (AGE, STATUS, SYNC_ERROR)

    metadata: Manifest = attrs.field(factory=dict)
    spec: VMRuleSpec = attrs.field(factory=VMRuleSpec)
    status: Manifest = attrs.field(factory=dict)
