"""Suffixes and query arguments of target URLs, and addresses of the kinds that targets name (06 §12, §13)."""

import re
from typing import Any

import pytest

from vmop.builders.vmauth.targets import TARGET_KINDS, object_url
from vmop.builders.vmauth.urls import extended, parsed


@pytest.mark.parametrize(
    ("url", "suffix", "query", "result"),
    [
        ("http://d:1/", "/x/", {}, "http://d:1/x"),
        ("http://d:1", "insert/multitenant", {}, "http://d:1/insert/multitenant"),
        ("http://d:1", "", {"q": ["1"]}, "http://d:1?q=1"),
        ("http://d:1/", "", {"q": ["1"]}, "http://d:1/?q=1"),
        ("http://d:1/base/?z=1&a=2", "x//y/../q?b=3&a=9", {}, "http://d:1/base/x/q?a=9&b=3&z=1"),
        (
            "http://d:1",
            "/s?x=1",
            {"x": ["2"], "f": ['{a="b c"}']},
            "http://d:1/s?f=%7Ba%3D%22b+c%22%7D&x=2",
        ),
        ("http://d:1", "/select/{{.MetricsTenant}}", {}, "http://d:1/select/%7B%7B.MetricsTenant%7D%7D"),
        ("http://d:1/b%2Fq/", "/p[1]", {}, "http://d:1/b/q/p%5B1%5D"),
        ("http://d/b%2Fq", "", {"q": ["1"]}, "http://d/b%2Fq?q=1"),
        ("http://d/a b", "", {"q": ["1"]}, "http://d/a%20b?q=1"),
        ("http://d", "//h/x", {}, "http://d/x"),
        ("http://u:p@d/a?k=%zz&n=1;2&l=v#f", "/b", {"m": []}, "http://u:p@d/a/b?l=v#f"),
        ("http://d/a?keep=%zz", "/b", {}, "http://d/a/b?keep=%zz"),
        ("http://d", "/../../x/./..", {}, "http://d/"),
        ("http://d", "a/../..", {"e": [""]}, "http://d/..?e="),
    ],
)
def test_extended_urls(url: str, suffix: str, query: dict[str, list[str]], result: str) -> None:
    assert extended(url, parsed(suffix) if suffix else None, query) == result


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("/a\n", 'parse "/a\n": net/url: invalid control character in URL'),
        ("/%q", 'parse "/%q": invalid URL escape "%q"'),
        ("1:b/c", 'parse "1:b/c": first path segment in URL cannot contain colon'),
    ],
)
def test_malformed_urls(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        parsed(text)


@pytest.mark.parametrize(
    ("kind", "spec", "url"),
    [
        ("VMAgent", {}, "http://vmagent-n.ns.svc:8429"),
        ("VMAlert", {"port": "1"}, "http://vmalert-n.ns.svc:1"),
        ("VMSingle", {"useLegacyNaming": True}, "http://n.ns.svc:8428"),
        ("VLogs", {}, "http://vlogs-n.ns.svc:9428"),
        ("VMAlertmanager", {"webConfig": {"tls_server_config": {}}}, "https://vmalertmanager-n.ns.svc:9093"),
        ("VMAlertManager", {"extraArgs": {"tls": "true"}}, "http://vmalertmanager-n.ns.svc:9093"),
        ("VMAnomaly", {"server": {"port": "2"}, "extraArgs": {"tls": "true"}}, "http://vmanomaly-n.ns.svc:2"),
        ("VLSingle", {}, "http://vlsingle-n.ns.svc:9428"),
        ("VLAgent", {}, "http://vlagent-n.ns.svc:9429"),
        ("VTSingle", {}, "http://vtsingle-n.ns.svc:10428"),
        ("VMCluster/vminsert", {"vminsert": {}, "useLegacyNaming": True}, "http://n-vminsert.ns.svc:8480"),
        ("VMCluster/vmselect", {"vmselect": {"extraArgs": {"tls": " TRUE,x"}}}, "https://vmselect-n.ns.svc:8481"),
        ("VMCluster/vmstorage", {"vmselect": {}}, None),
        ("VLCluster/vlselect", {"vlselect": {}}, "http://vlselect-n.ns.svc:9471"),
        ("VTCluster/vtinsert", {"insert": {"port": "3"}}, "http://vtinsert-n.ns.svc:3"),
        ("VTCluster/vtstorage", {"storage": {}}, "http://vtstorage-n.ns.svc:10491"),
    ],
)
def test_addresses(kind: str, spec: dict[str, Any], url: str | None) -> None:
    assert object_url(TARGET_KINDS[kind], {"metadata": {"namespace": "ns", "name": "n"}, "spec": spec}) == url


EXTRA = {"metadata": {"name": "public"}, "spec": {"ports": [{"name": "http", "port": 80}, {"name": "web", "port": 90}]}}


@pytest.mark.parametrize(
    ("kind", "service", "additional", "url"),
    [
        ("VMAgent", EXTRA, True, "http://public.ns.svc:80"),
        ("VMAgent", EXTRA, False, "http://vmagent-n.ns.svc:8429"),
        ("VMAgent", EXTRA | {"useAsDefault": True}, False, "http://vmagent-n.ns.svc:80"),
        ("VMAlertmanager", EXTRA, True, "http://public.ns.svc:90"),
        ("VMAgent", None, True, "http://vmagent-n-additional-service.ns.svc:8429"),
    ],
)
def test_addresses_of_further_services(kind: str, service: Any, additional: bool, url: str) -> None:
    manifest = {"metadata": {"namespace": "ns", "name": "n"}, "spec": {"serviceSpec": service}}
    assert object_url(TARGET_KINDS[kind], manifest, additional=additional) == url
