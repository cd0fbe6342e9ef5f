"""Validation of VMAgent and VMAuth: one case a rule, in the order of the specs, with the exact messages."""

from typing import Any

import pytest

from vmop.api import parse, validate
from vmop.api.v1beta1 import VMAgent, VMAuth

WRITE = {"remoteWrite": [{"url": "http://vm:8428/api/v1/write"}]}
CLIENT = {"client_id": {"secret": {"name": "a", "key": "b"}}, "token_url": "http://t"}
MAX = "spec.statefulRollingUpdateStrategyBehavior.maxUnavailable"


def problems(kind: type[VMAgent] | type[VMAuth], spec: Any, **metadata: Any) -> list[tuple[str, str]]:
    parsed = parse(kind, {"metadata": {"name": "x", "namespace": "obs", **metadata}, "spec": spec})
    assert parsed.unknown_fields == ()
    return [(problem.path, problem.message) for problem in validate(parsed.object)]


def scrape_class(**fields: Any) -> dict[str, Any]:
    return {**WRITE, "scrapeClasses": [{"name": "c", **fields}]}


def tls_problem(message: str) -> list[tuple[str, str]]:
    return [("spec.scrapeClasses[0].tlsConfig", f'incorrect tlsConfig for scrapeClass="c": {message}')]


def oauth2_problem(message: str) -> list[tuple[str, str]]:
    return [("spec.scrapeClasses[0].oauth2", f'incorrect oauth2 for scrapeClass="c": {message}')]


BOTH = {"secret": {"name": "a", "key": "b"}, "configMap": {"name": "a", "key": "b"}}
AGENT: dict[str, tuple[Any, list[tuple[str, str]]]] = {
    "one target is enough": (WRITE, []),
    "the service has the default name": (
        {**WRITE, "serviceSpec": {"metadata": {"name": "vmagent-x"}, "spec": {}}},
        [("spec.serviceSpec.metadata.name", 'spec.serviceSpec.Name cannot be equal to prefixed name="vmagent-x"')],
    ),
    "no target": (
        {"remoteWrite": []},
        [("spec.remoteWrite", "spec.remoteWrite cannot be empty array, provide at least one remoteWrite")],
    ),
    "inline jobs are no YAML": (
        {**WRITE, "inlineScrapeConfig": "- {a: ["},
        [
            (
                "spec.inlineScrapeConfig",
                "bad cr.spec.inlineScrapeConfig it must be valid yaml: did not find expected node content",
            )
        ],
    ),
    "inline jobs are scalars": (
        {**WRITE, "inlineScrapeConfig": "- a"},
        [
            (
                "spec.inlineScrapeConfig",
                "bad cr.spec.inlineScrapeConfig it must be valid yaml: expected a list of mappings",
            )
        ],
    ),
    "inline jobs may be one mapping": ({**WRITE, "inlineScrapeConfig": "job_name: a"}, []),
    "a target without URL": (
        {"remoteWrite": [{"url": "http://a"}, {"url": ""}]},
        [("spec.remoteWrite[1].url", "remoteWrite[1].url cannot be empty")],
    ),
    "two modes at once": (
        {**WRITE, "statefulMode": True, "daemonSetMode": True},
        [("spec.daemonSetMode", "daemonSetMode and statefulMode cannot be used in the same time")],
    ),
    "a bad update speed": (
        {**WRITE, "statefulMode": True, "statefulRollingUpdateStrategyBehavior": {"maxUnavailable": 0}},
        [
            (
                MAX,
                "vmagent.spec.statefulRollingUpdateStrategyBehavior: maxUnavailable must be greater than 0, got 0",
            )
        ],
    ),
    "a bad update speed outside of stateful mode": (
        {**WRITE, "statefulRollingUpdateStrategyBehavior": {"maxUnavailable": 0}},
        [],
    ),
    "what a DaemonSet cannot have": (
        {
            **WRITE,
            "daemonSetMode": True,
            "hpa": {},
            "vpa": {"updatePolicy": {"updateMode": "Off"}, "resourcePolicy": {"containerPolicies": [{}]}},
            "podDisruptionBudget": {},
            "enableKubernetesAPISelectors": True,
        },
        [
            ("spec.hpa", "hpa cannot be used with daemonSetMode"),
            ("spec.vpa", "vpa cannot be used with daemonSetMode"),
            ("spec.podDisruptionBudget", "podDisruptionBudget cannot be used with daemonSetMode"),
            ("spec.enableKubernetesAPISelectors", "enableKubernetesAPISelectors cannot be used with daemonSetMode"),
        ],
    ),
    "the autoscaler is upside down": (
        {**WRITE, "hpa": {"minReplicas": 2}},
        [("spec.hpa.minReplicas", "minReplicas cannot be greater then maxReplicas")],
    ),
    "the vertical autoscaler is empty": (
        {**WRITE, "vpa": {}},
        [
            ("spec.vpa.updatePolicy.updateMode", "VPA must have updatePolicy.updateMode"),
            ("spec.vpa.resourcePolicy.containerPolicies", "VPA must have resourcePolicy.containerPolicies"),
        ],
    ),
    "a class with two CAs": (
        scrape_class(tlsConfig={"caFile": "/ca", "ca": {"secret": {"name": "a", "key": "b"}}}),
        tls_problem("tls config can not both specify CAFile and CA"),
    ),
    "a class with two certificates": (
        scrape_class(tlsConfig={"certFile": "/c", "cert": {"configMap": {"name": "a", "key": "b"}}}),
        tls_problem("tls config can not both specify CertFile and Cert"),
    ),
    "a class with two keys": (
        scrape_class(tlsConfig={"keyFile": "/k", "keySecret": {"name": "a", "key": "b"}}),
        tls_problem("tls config can not both specify KeyFile and KeySecret"),
    ),
    "a class with a CA of two sources": (
        scrape_class(tlsConfig={"ca": BOTH, "cert": {}}),
        tls_problem("SecretOrConfigMap can not specify both Secret and ConfigMap"),
    ),
    "a class with an empty OAuth2": (
        scrape_class(oauth2={}),
        [
            *oauth2_problem("token_url field for oauth2 config must be set"),
            *oauth2_problem("client_id field must be set"),
        ],
    ),
    "a class with an OAuth2 client of two sources": (
        scrape_class(oauth2={**CLIENT, "client_id": BOTH}),
        oauth2_problem("cannot specify both Secret and ConfigMap for client_id field"),
    ),
    "a class with a bad TLS of its OAuth2": (
        scrape_class(oauth2={**CLIENT, "tls_config": {"keyFile": "/k", "keySecret": {"name": "a", "key": "b"}}}),
        oauth2_problem("invalid tls_config: tls config can not both specify KeyFile and KeySecret"),
    ),
    "a class with basic authorization": (
        scrape_class(authorization={"type": "Basic", "credentialsFile": "/f"}),
        [
            (
                "spec.scrapeClasses[0].authorization",
                (
                    "incorrect authorization for scrapeClass=\"c\": Authorization type cannot be set to 'basic', "
                    "use 'basic_auth' instead`"
                ),
            )
        ],
    ),
    "a class with an authorization without credentials": (
        scrape_class(authorization={}),
        [
            (
                "spec.scrapeClasses[0].authorization",
                'incorrect authorization for scrapeClass="c": at least `credentials` or `credentials_file` must be set',
            )
        ],
    ),
    "a slow stop": (
        {**WRITE, "preStopSleepSeconds": 5, "terminationGracePeriodSeconds": 5},
        [
            (
                "spec.preStopSleepSeconds",
                "preStopSleepSeconds (5) must be less than terminationGracePeriodSeconds (5)",
            )
        ],
    ),
}

ACCESS = "spec.unauthorizedUserAccessSpec"
SYNTAX = "incorrect cr.spec.UnauthorizedUserAccess syntax: "
URL = {"static": {"url": "http://vm"}}
PATTERN = "^[a-zA-Z_:.][a-zA-Z0-9_:.]*$"


def access(**fields: Any) -> dict[str, Any]:
    return {"unauthorizedUserAccessSpec": fields}


def access_problem(path: str, message: str) -> list[tuple[str, str]]:
    return [(f"{ACCESS}{path}", f"{SYNTAX}{message}")]


def default_problem(path: str, message: str) -> list[tuple[str, str]]:
    return [(f"spec.defaultTargetRefs[0]{path}", f"spec.defaultTargetRefs[0]: {message}")]


AUTH: dict[str, tuple[Any, list[tuple[str, str]]]] = {
    "nothing is valid": ({}, []),
    "the service has the default name": (
        {"serviceSpec": {"metadata": {"name": "vmauth-x"}, "spec": {}}},
        [("spec.serviceSpec.metadata.name", 'spec.serviceSpec.Name cannot be equal to prefixed name="vmauth-x"')],
    ),
    "TLS hosts need a Secret": (
        {"ingress": {"tlsHosts": ["a"]}},
        [
            (
                "spec.ingress.tlsSecretName",
                "spec.ingress.tlsSecretName cannot be empty with non-empty spec.ingress.tlsHosts",
            )
        ],
    ),
    "a TLS Secret needs hosts": (
        {"ingress": {"tlsSecretName": "a"}},
        [("spec.ingress.tlsHosts", "spec.ingress.tlsHosts cannot be empty with non-empty spec.ingress.tlsSecretName")],
    ),
    "two Secrets with a config": (
        {"configSecret": "a", "externalConfig": {"secretRef": {"name": "a", "key": "b"}}},
        [
            (
                "spec.configSecret",
                "spec.configSecret and spec.externalConfig.secretRef cannot be used at the same time",
            )
        ],
    ),
    "a Secret and a file with a config": (
        {"externalConfig": {"secretRef": {"name": "a", "key": "b"}, "localPath": "/c"}},
        [
            (
                "spec.externalConfig",
                "at most one option can be used for externalConfig: spec.configSecret or spec.externalConfig.secretRef",
            )
        ],
    ),
    "a Secret of a reserved name": (
        {"externalConfig": {"secretRef": {"name": "vmauth-x", "key": "b"}}},
        [
            (
                "spec.externalConfig.secretRef.name",
                (
                    "spec.externalConfig.secretRef cannot be equal to the vmauth-config-CR_NAME="
                    '"vmauth-config-x", it\'s operator reserved value'
                ),
            )
        ],
    ),
    "a Secret without key": (
        {"externalConfig": {"secretRef": {"name": "a"}}},
        [
            (
                "spec.externalConfig.secretRef",
                'name="a" and key="" fields must be non-empty for spec.externalConfig.secretRef',
            )
        ],
    ),
    "a config in a file": ({"externalConfig": {"localPath": "/c"}}, []),
    "old and new access": (
        {"unauthorizedAccessConfig": [{"src_paths": ["/"], "url_prefix": "http://a"}], **access(targetRefs=[URL])},
        [
            (
                "spec.unauthorizedAccessConfig",
                (
                    "at most one option can be used `spec.unauthorizedAccessConfig` or "
                    "`spec.unauthorizedUserAccessSpec`, "
                    "got both"
                ),
            )
        ],
    ),
    "old access": (
        {"unauthorizedAccessConfig": [{"url_prefix": ["ftp://a"]}], "headers": ["nope"]},
        [
            (
                "spec.unauthorizedAccessConfig[0]",
                (
                    "incorrect cr.spec.UnauthorizedAccessConfig: incorrect url_map config at least of one "
                    "src_paths,src_hosts,src_query_args or src_headers must be defined"
                ),
            ),
            (
                "spec.unauthorizedAccessConfig[0].url_prefix",
                (
                    'incorrect cr.spec.UnauthorizedAccessConfig: incorrect url_prefix="ftp://a" at idx: 0: '
                    "unsupported scheme "
                    'for `url_prefix: "ftp://a"`: "ftp"; must be `http` or `https`'
                ),
            ),
            (
                "spec.headers",
                (
                    "incorrect cr.spec UnauthorizedAccessConfig options: incorrect 'headers' syntax: "
                    'expected colon separated header: value, got="nope"'
                ),
            ),
        ],
    ),
    "options without old access are not checked": ({"headers": ["nope"]}, []),
    "access without targets": (
        access(),
        access_problem("", "at least one of `url_map`, `url_prefix` or `targetRefs` must be defined"),
    ),
    "access with targets in two ways": (
        access(targetRefs=[URL], url_prefix="http://a"),
        access_problem("", "`targetRefs` cannot be used together with `url_prefix` or `url_map`"),
    ),
    "access with a bad target": (
        access(targetRefs=[{}]),
        access_problem(
            ".targetRefs[0]",
            "targetRef validation failed, exactly one of `crd` or `static` must be configured if `name` is not set, "
            "found: [] for unauthorized_user",
        ),
    ),
    "access and target both retry": (
        access(retry_status_codes=[500], targetRefs=[{**URL, "retry_status_codes": [502]}]),
        access_problem(
            ".targetRefs[0].retry_status_codes",
            "retry_status_codes already set at global spec level for unauthorized_user",
        ),
    ),
    "access with a map without URL": (
        access(url_map=[{"src_hosts": ["a"]}]),
        access_problem(".url_map[0].url_prefix", "incorrect url_map at idx=0: url_prefix cannot be empty for url_map"),
    ),
    "access with a URL without host": (
        access(url_prefix=["http://"]),
        access_problem(".url_prefix", 'missing hostname in `url_prefix "http:"`'),
    ),
    "access with a URL that cannot be parsed": (
        access(url_prefix="http://a:port"),
        access_problem(".url_prefix", "parse \"http://a:port\": Port could not be cast to integer value as 'port'"),
    ),
    "access with a control character in a URL": (
        access(url_prefix="http://a\u0001"),
        access_problem(".url_prefix", 'parse "http://a\u0001": net/url: invalid control character in URL'),
    ),
    "access with contradicting TLS": (
        access(url_prefix="http://a", tlsConfig={"keyFile": "/k", "keySecret": {"name": "a", "key": "b"}}),
        [
            *access_problem(
                ".tlsConfig",
                "incorrect tlsConfig for UnauthorizedUserAccess: tls config can not both specify KeyFile and KeySecret",
            ),
            *access_problem(
                ".tlsConfig",
                "incorrect UnauthorizedUserAccess options: tls config can not both specify KeyFile and KeySecret",
            ),
        ],
    ),
    "access with a bad metric label": (
        access(url_prefix="http://a", metric_labels={"a-b": "c"}),
        access_problem(".metric_labels.a-b", f'incorrect metricLabelName="a-b", must match pattern="{PATTERN}"'),
    ),
    "access with a bad default URL": (
        access(url_prefix="http://a", default_url=["a"]),
        access_problem(
            ".default_url",
            'incorrect UnauthorizedUserAccess options: unexpected spec.default_url="a": unsupported scheme for '
            '`url_prefix: "a"`: ""; must be `http` or `https`',
        ),
    ),
    "access with a bad response header": (
        access(url_prefix="http://a", response_headers=[":x"]),
        access_problem(
            ".response_headers",
            "incorrect UnauthorizedUserAccess options: incorrect 'response_headers' syntax: "
            'expected colon separated header: value, got=":x"',
        ),
    ),
    "a default target without name": (
        {"defaultTargetRefs": [URL]},
        default_problem(".name", "default targetRef items should contain name"),
    ),
    "a default target of a repeated name": (
        {"defaultTargetRefs": [{**URL, "name": "a"}, {**URL, "name": "a"}]},
        [
            (
                "spec.defaultTargetRefs[1].name",
                "spec.defaultTargetRefs[1] contains duplicated targets with name=a",
            )
        ],
    ),
    "a default target in two ways": (
        {"defaultTargetRefs": [{**URL, "name": "a", "crd": {"kind": "VMAgent", "name": "a", "namespace": "b"}}]},
        default_problem("", "targetRef validation failed, both `crd` and `static` cannot be configured"),
    ),
    "a static target without URL": (
        {"defaultTargetRefs": [{"name": "a", "static": {}}]},
        default_problem(".static", "for targetRef.static url or urls option must be set"),
    ),
    "static targets with bad URLs": (
        {"defaultTargetRefs": [{"name": "a", "static": {"url": "x://a", "urls": ["http://b", "y://b"]}}]},
        [
            *default_problem(
                ".static.url",
                'incorrect static.url: unsupported scheme for `url_prefix: "x://a"`: "x"; must be `http` or `https`',
            ),
            *default_problem(
                ".static.urls",
                'incorrect value at static.urls: unsupported scheme for `url_prefix: "y://b"`: "y"; '
                "must be `http` or `https`",
            ),
        ],
    ),
    "a target object without namespace": (
        {"defaultTargetRefs": [{"name": "a", "crd": {"kind": "VMAgent", "name": "a", "namespace": ""}}]},
        default_problem(".crd", "crd.name and crd.namespace cannot be empty"),
    ),
    "one of several target objects without namespace": (
        {"defaultTargetRefs": [{"name": "a", "crd": {"kind": "VMAgent", "objects": [{"name": "a"}]}}]},
        default_problem(".crd.objects[0]", "crd.objects[0].name and crd.objects[0].namespace cannot be empty"),
    ),
    "target headers": (
        {"defaultTargetRefs": [{**URL, "name": "a", "response_headers": ["b"], "headers": ["c"]}]},
        [
            *default_problem(
                ".response_headers",
                'failed to parse targetRef response headers: expected colon separated header: value, got="b"',
            ),
            *default_problem(
                ".headers", 'failed to parse targetRef headers: expected colon separated header: value, got="c"'
            ),
        ],
    ),
    "the autoscaler is upside down": (
        {"hpa": {"minReplicas": 3, "maxReplicas": 1}},
        [
            (
                "spec.hpa.minReplicas",
                "incorrect cr.spec.hpa syntax: minReplicas cannot be greater then maxReplicas",
            )
        ],
    ),
    "the vertical autoscaler is empty": (
        {"vpa": {}},
        [
            (
                "spec.vpa.updatePolicy.updateMode",
                "incorrect cr.spec.vpa syntax: VPA must have updatePolicy.updateMode",
            ),
            (
                "spec.vpa.resourcePolicy.containerPolicies",
                "incorrect cr.spec.vpa syntax: VPA must have resourcePolicy.containerPolicies",
            ),
        ],
    ),
    "a slow stop": (
        {"preStopSleepSeconds": 5, "terminationGracePeriodSeconds": 4},
        [
            (
                "spec.preStopSleepSeconds",
                "preStopSleepSeconds (5) must be less than terminationGracePeriodSeconds (4)",
            )
        ],
    ),
}


@pytest.mark.parametrize(("spec", "expected"), AGENT.values(), ids=AGENT)
def test_vmagent(spec: Any, expected: list[tuple[str, str]]) -> None:
    assert problems(VMAgent, spec) == expected


@pytest.mark.parametrize(("spec", "expected"), AUTH.values(), ids=AUTH)
def test_vmauth(spec: Any, expected: list[tuple[str, str]]) -> None:
    assert problems(VMAuth, spec) == expected


def test_the_annotation_skips_validation() -> None:
    annotations = {"operator.victoriametrics.com/skip-validation": "true"}
    assert problems(VMAgent, {"remoteWrite": []}, annotations=annotations) == []
