"""VMRule (07-vmalert-alertmanager.md A9): what can be told without parsers of MetricsQL and Go templates.

Never refuses what vmalert would accept: queries and templates are taken for valid.
"""

from collections.abc import Iterator

from vmop.api.problems import Problem
from vmop.api.syntax import metricsql_duration
from vmop.api.v1beta1 import Rule, RuleGroup, VMRule

TYPES = ("prometheus", "graphite", "vlogs")
_INT32 = range(-(2**31), 2**31)


def check_vmrule(cr: VMRule) -> Iterator[Problem]:
    """Problems of a VMRule, group by group in the order in which the Go operator looks for them."""
    seen: set[str] = set()
    for index, group in enumerate(cr.spec.groups or ()):
        path, name = f"spec.groups[{index}]", group.name or ""
        identity = f"VMRule: {cr.namespace}/{cr.name} group: {name}"
        if group.tenant:
            yield from _tenant(f"{path}.tenant", index, group.tenant)
        if name in seen:
            yield Problem(f"{path}.name", f"duplicate group name: {identity}")
        seen.add(name)
        for number, rule in enumerate(group.rules or ()):
            if message := _kind(rule):
                yield Problem(f"{path}.rules[{number}]", f"rule at group {name} index {number} {message}")
        for problem in _durations(path, group):
            yield Problem(problem.path, f"cannot parse vmalert group {identity}, err: {problem.message}")
        for problem in _semantics(path, group):
            yield Problem(problem.path, f"validation failed for {identity} err: {problem.message}")


def _tenant(path: str, index: int, tenant: str) -> Iterator[Problem]:
    names = ("account_id", "project_id")
    for name, text in zip(names, tenant.split(":", 1), strict=False):
        digits = text.removeprefix("-").removeprefix("+")
        if not (digits.isascii() and digits.isdigit() and int(text) in _INT32):
            yield Problem(
                path,
                f'at idx={index} bad tenant="{tenant}": cannot parse {name}: "{text}" as int32, '
                f'err: strconv.ParseInt: parsing "{text}": invalid syntax',
            )
            return


def _kind(rule: Rule) -> str:
    if rule.record and rule.alert:
        return "has both record and alert set"
    return "" if rule.record or rule.alert else "has neither record nor alert set"


def _durations(path: str, group: RuleGroup) -> Iterator[Problem]:
    given = [
        (f"{path}.interval", group.interval),
        (f"{path}.eval_offset", group.eval_offset),
        (f"{path}.eval_delay", group.eval_delay),
    ]
    for number, rule in enumerate(group.rules or ()):
        where = f"{path}.rules[{number}]"
        given += [(f"{where}.for", rule.for_), (f"{where}.keep_firing_for", rule.keep_firing_for)]
    for where, text in given:
        if text and not _is_duration(text):
            yield Problem(where, f'cannot parse duration "{text}"')
    if group.type and group.type not in TYPES:
        message = f'unknown datasource type="{group.type}", want prometheus, graphite or vlogs'
        yield Problem(f"{path}.type", message)
    for name, headers in (("headers", group.headers), ("notifier_headers", group.notifier_headers)):
        for header in headers or ():
            if ":" not in header:
                message = f'missing \':\' in header "{header}"; expecting "key: value" format'
                yield Problem(f"{path}.{name}", message)


def _is_duration(text: str) -> bool:
    try:
        metricsql_duration(text.removeprefix("-"))
    except ValueError:
        return False
    return True


def _semantics(path: str, group: RuleGroup) -> Iterator[Problem]:
    if not group.name:
        yield Problem(f"{path}.name", "group name must be set")
    if group.eval_offset and group.eval_delay:
        yield Problem(f"{path}.eval_offset", "eval_offset cannot be used with eval_delay")
    for name, number in (("limit", group.limit), ("concurrency", group.concurrency)):
        if number is not None and number < 0:
            yield Problem(f"{path}.{name}", f"invalid {name} {number}, shouldn't be less than 0")
    for index, rule in enumerate(group.rules or ()):
        title = rule.record or rule.alert or ""
        if not rule.expr:
            yield Problem(f"{path}.rules[{index}].expr", f'invalid rule "{title}": expression can\'t be empty')
        if "__name__" in (rule.labels or {}):
            yield Problem(f"{path}.rules[{index}].labels", f'invalid rule "{title}": invalid rule label __name__')
