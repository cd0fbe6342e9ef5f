"""Validation of VMUser, VMAlert, VMRule and scrape objects: one case a rule, with the exact messages."""

from typing import Any

import pytest

from vmop.api import CustomResource, parse, validate
from vmop.api.v1beta1 import VMAlert, VMNodeScrape, VMPodScrape, VMProbe, VMRule, VMServiceScrape, VMUser

Expected = list[tuple[str, str]]
TARGET = {"targetRefs": [{"static": {"url": "http://a"}}]}
JWT = "exactly one spec.jwt.{skipVerify,publicKeys|publicKeyRefs,oidc} JWT verification mechanism is expected, got: "
IDENTITY = "VMRule: obs/x group: g"
LABEL_RULE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)


def problems(kind: type[CustomResource], spec: Any) -> Expected:
    parsed = parse(kind, {"metadata": {"name": "x", "namespace": "obs"}, "spec": spec})
    assert parsed.unknown_fields == ()
    return [(problem.path, problem.message) for problem in validate(parsed.object)]


USER: dict[str, tuple[Any, Expected]] = {
    "a target is enough": (TARGET, []),
    "no target": ({}, [("spec.targetRefs", "at least 1 TargetRef must be provided for spec.targetRefs")]),
    "an issuer is missing": (
        {**TARGET, "jwt": {"oidc": {"issuer": ""}}},
        [("spec.jwt.oidc.issuer", "jwt.oidc.issuer is required if OIDC is set")],
    ),
    "no verification of tokens": ({**TARGET, "jwt": {}}, [("spec.jwt", f"{JWT}[]")]),
    "several verifications of tokens": (
        {**TARGET, "jwt": {"skipVerify": True, "publicKeys": ["k"], "oidc": {"issuer": "http://i"}}},
        [("spec.jwt", f"{JWT}[skip_verify,public_keys,oidc]")],
    ),
    "several credentials": (
        {**TARGET, "username": "a", "bearerToken": "b", "jwt": {"skipVerify": True}},
        [
            (
                "spec",
                "one of spec.{username,bearerToken,jwt} must be defined for user, got: [username,bearerToken,jwt]",
            )
        ],
    ),
    "two passwords": (
        {**TARGET, "password": "a", "passwordRef": {"name": "a", "key": "b"}},
        [("spec.password", "one of spec.password or spec.passwordRef must be used for user, got both")],
    ),
    "a bad target": (
        {"targetRefs": [{"static": {}}]},
        [
            (
                "spec.targetRefs[0].static",
                "for targetRef.static url or urls option must be set for users[0]",
            )
        ],
    ),
    "user and target both retry": (
        {"retry_status_codes": [500], "targetRefs": [{"name": "a", "retry_status_codes": [502]}]},
        [
            (
                "spec.targetRefs[0].retry_status_codes",
                "retry_status_codes already set at global spec level for users[0]",
            )
        ],
    ),
    "a bad metric label": (
        {**TARGET, "metric_labels": {"1a": "b"}},
        [
            (
                "spec.metric_labels.1a",
                'incorrect metricLabels key="1a", must match pattern="^[a-zA-Z_:.][a-zA-Z0-9_:.]*$"',
            )
        ],
    ),
    "bad headers": (
        {**TARGET, "headers": ["a"], "response_headers": ["b"]},
        [
            (
                "spec.headers",
                'failed to parse vmuser headers: expected colon separated header: value, got="a"',
            ),
            (
                "spec.response_headers",
                'failed to parse vmuser response headers: expected colon separated header: value, got="b"',
            ),
        ],
    ),
}

SOURCE = {"datasource": {"url": "http://vm"}}
REF = {"notifierConfigRef": {"name": "a", "key": "b"}}
NO_NOTIFIER = "notifier.url and notifier.selector cannot be empty at the same time, provide at least one setting"
ALERT: dict[str, tuple[Any, Expected]] = {
    "a datasource is enough": (SOURCE, []),
    "the service has the default name": (
        {**SOURCE, "serviceSpec": {"metadata": {"name": "vmalert-x"}, "spec": {}}},
        [("spec.serviceSpec.metadata.name", 'spec.serviceSpec.Name cannot be equal to prefixed name="vmalert-x"')],
    ),
    "no datasource": ({}, [("spec.datasource.url", "spec.datasource.url cannot be empty")]),
    "a notifier into the void": (
        {**SOURCE, **REF, "extraArgs": {"notifier.blackhole": "true"}},
        [
            (
                "spec.extraArgs.notifier.blackhole",
                (
                    "notifier.blackhole and spec.notifier or spec.notifiers or spec.notifier.notifierConfigRef "
                    "cannot be used "
                    "at the same time, provide at most one setting"
                ),
            )
        ],
    ),
    "notifiers in two ways": (
        {**SOURCE, **REF, "notifiers": [{"url": "http://am"}]},
        [
            (
                "spec.notifierConfigRef",
                (
                    "spec.notifiers and spec.notifier.notifierConfigRef cannot be used at the same time, provide at "
                    "most one "
                    "setting"
                ),
            )
        ],
    ),
    "empty notifiers": (
        {**SOURCE, "notifier": {}, "notifiers": [{"url": "http://a"}, {}]},
        [
            ("spec.notifier", f"incorrect cr.spec.notifier syntax: {NO_NOTIFIER}"),
            ("spec.notifiers[1]", f"incorrect cr.spec.notifiers idx=1 syntax: {NO_NOTIFIER}"),
        ],
    ),
    "a notifier without a proper URL": (
        {**SOURCE, "notifier": {"url": "http://a:b"}},
        [
            (
                "spec.notifier.url",
                (
                    'incorrect cr.spec.notifier syntax: incorrect notifier.url syntax: "http://a:b": '
                    "Port could not be cast to integer value as 'b'"
                ),
            )
        ],
    ),
    "vertical autoscaler and stop": (
        {**SOURCE, "vpa": {}, "preStopSleepSeconds": 3, "terminationGracePeriodSeconds": 2},
        [
            ("spec.vpa.updatePolicy.updateMode", "VPA must have updatePolicy.updateMode"),
            ("spec.vpa.resourcePolicy.containerPolicies", "VPA must have resourcePolicy.containerPolicies"),
            (
                "spec.preStopSleepSeconds",
                "preStopSleepSeconds (3) must be less than terminationGracePeriodSeconds (2)",
            ),
        ],
    ),
}


def group(*rules: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"groups": [{"name": "g", "rules": list(rules), **fields}]}


def tenant_problem(tenant: str, part: str, text: str) -> Expected:
    return [
        (
            "spec.groups[0].tenant",
            (
                f'at idx=0 bad tenant="{tenant}": cannot parse {part}: "{text}" as int32, '
                f'err: strconv.ParseInt: parsing "{text}": invalid syntax'
            ),
        )
    ]


def parse_problem(path: str, message: str) -> tuple[str, str]:
    return f"spec.groups[0].{path}", f"cannot parse vmalert group {IDENTITY}, err: {message}"


def check_problem(path: str, message: str) -> tuple[str, str]:
    return f"spec.groups[0].{path}", f"validation failed for {IDENTITY} err: {message}"


GOOD = {"record": "a:b", "expr": "sum(b)"}
RULE: dict[str, tuple[Any, Expected]] = {
    "a good group": (group(GOOD, {"alert": "Down", "expr": "up == 0", "for": "1h30m"}, tenant="1:2"), []),
    "a bad account": (group(tenant="a:1"), tenant_problem("a:1", "account_id", "a")),
    "a bad project": (group(tenant="1:4294967296"), tenant_problem("1:4294967296", "project_id", "4294967296")),
    "a group name twice": (
        {"groups": [{"name": "g"}, {"name": "g"}]},
        [("spec.groups[1].name", f"duplicate group name: {IDENTITY}")],
    ),
    "both kinds of rule": (
        group({**GOOD, "alert": "a"}),
        [("spec.groups[0].rules[0]", "rule at group g index 0 has both record and alert set")],
    ),
    "no kind of rule": (
        group({"expr": "a"}),
        [("spec.groups[0].rules[0]", "rule at group g index 0 has neither record nor alert set")],
    ),
    "bad durations": (
        group({**GOOD, "for": "5 parsecs"}, interval="10parsecs", eval_offset="-1h"),
        [
            parse_problem("interval", 'cannot parse duration "10parsecs"'),
            parse_problem("rules[0].for", 'cannot parse duration "5 parsecs"'),
        ],
    ),
    "an unknown type": (
        group(type="sql"),
        [parse_problem("type", 'unknown datasource type="sql", want prometheus, graphite or vlogs')],
    ),
    "bad headers": (
        group(headers=["a"], notifier_headers=["b"]),
        [
            parse_problem("headers", 'missing \':\' in header "a"; expecting "key: value" format'),
            parse_problem("notifier_headers", 'missing \':\' in header "b"; expecting "key: value" format'),
        ],
    ),
    "no group name": (
        {"groups": [{"name": ""}]},
        [("spec.groups[0].name", "validation failed for VMRule: obs/x group:  err: group name must be set")],
    ),
    "offset and delay": (
        group(eval_offset="1s", eval_delay="1s"),
        [check_problem("eval_offset", "eval_offset cannot be used with eval_delay")],
    ),
    "negative numbers": (
        group(limit=-1, concurrency=-2),
        [
            check_problem("limit", "invalid limit -1, shouldn't be less than 0"),
            check_problem("concurrency", "invalid concurrency -2, shouldn't be less than 0"),
        ],
    ),
    "a rule without query": (
        group({"alert": "Down", "labels": {"__name__": "x"}}),
        [
            check_problem("rules[0].expr", 'invalid rule "Down": expression can\'t be empty'),
            check_problem("rules[0].labels", 'invalid rule "Down": invalid rule label __name__'),
        ],
    ),
}


def expression(**fields: Any) -> dict[str, Any]:
    return {"matchExpressions": [{"key": "k", **fields}]}


SELECTOR: dict[str, tuple[Any, Expected]] = {
    "none": (None, []),
    "a good selector": ({"matchLabels": {"a": "b.c", "d": ""}, **expression(operator="In", values=["a"])}, []),
    "a bad value": (
        {"matchLabels": {"a": "b=c"}},
        [("spec.selector.matchLabels", f'values[0][a]: Invalid value: "b=c": {LABEL_RULE}')],
    ),
    "an unknown operator": (
        expression(operator="Foo"),
        [
            (
                "spec.selector.matchExpressions[0].operator",
                '"Foo" is not a valid label selector operator',
            )
        ],
    ),
    "an operator that needs values": (
        expression(operator="NotIn"),
        [
            (
                "spec.selector.matchExpressions[0].values",
                "values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty",
            )
        ],
    ),
    "an operator that takes no values": (
        expression(operator="Exists", values=["a"]),
        [
            (
                "spec.selector.matchExpressions[0].values",
                'values: Invalid value: ["a"]: values set must be empty for exists and does not exist',
            )
        ],
    ),
    "a bad value of an expression": (
        expression(operator="In", values=["a", "-b"]),
        [
            (
                "spec.selector.matchExpressions[0].values",
                f'values[1][k]: Invalid value: "-b": {LABEL_RULE}',
            )
        ],
    ),
}

BAD = {"matchExpressions": [{"key": "k", "operator": "Foo"}]}
PROBE: dict[str, tuple[Any, Expected]] = {
    "no targets": ({}, []),
    "a role is missing": (
        {"targets": {"kubernetes": [{}]}},
        [("spec.targets.kubernetes[0].role", "spec.targets.kubernetes[0].role is required")],
    ),
    "a bad selector of objects": (
        {"targets": {"kubernetes": [{"role": "pod", "selector": BAD}]}},
        [
            (
                "spec.targets.kubernetes[0].selector.matchExpressions[0].operator",
                'invalid spec.targets.kubernetes[0].selector: "Foo" is not a valid label selector operator',
            )
        ],
    ),
    "static targets twice": (
        {"targets": {"static": {"targets": ["a"]}, "staticConfig": {"targets": ["a"]}}},
        [
            (
                "spec.targets",
                (
                    "both spec.targets.staticConfig and spec.targets.static are set, which is not allowed. "
                    "Use spec.targets.static"
                ),
            )
        ],
    ),
    "a bad selector of ingresses": (
        {"targets": {"ingress": {"selector": BAD}}},
        [
            (
                "spec.targets.ingress.selector.matchExpressions[0].operator",
                'invalid spec.targets.ingress.selector: "Foo" is not a valid label selector operator',
            )
        ],
    ),
}


@pytest.mark.parametrize(("spec", "expected"), USER.values(), ids=USER)
def test_vmuser(spec: Any, expected: Expected) -> None:
    assert problems(VMUser, spec) == expected


@pytest.mark.parametrize(("spec", "expected"), ALERT.values(), ids=ALERT)
def test_vmalert(spec: Any, expected: Expected) -> None:
    assert problems(VMAlert, spec) == expected


@pytest.mark.parametrize(("spec", "expected"), RULE.values(), ids=RULE)
def test_vmrule(spec: Any, expected: Expected) -> None:
    assert problems(VMRule, spec) == expected


@pytest.mark.parametrize("kind", [VMServiceScrape, VMPodScrape, VMNodeScrape])
@pytest.mark.parametrize(("selector", "expected"), SELECTOR.values(), ids=SELECTOR)
def test_selectors_of_scrape_objects(kind: type[CustomResource], selector: Any, expected: Expected) -> None:
    assert problems(kind, {"selector": selector}) == expected


@pytest.mark.parametrize(("spec", "expected"), PROBE.values(), ids=PROBE)
def test_vmprobe(spec: Any, expected: Expected) -> None:
    assert problems(VMProbe, spec) == expected
