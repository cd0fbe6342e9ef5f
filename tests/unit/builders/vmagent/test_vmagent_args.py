"""Arguments of vmagent: a value for each target of remote write (04 §4, §5), and what belongs to modes (04 §14)."""

from collections.abc import Sequence
from typing import Any

import pytest

from vmop.api import parse
from vmop.api.v1beta1 import VMAgent
from vmop.builders.references import Reference, References
from vmop.builders.vmagent import VMAgentInputs, build_vmagent
from vmop.settings import Settings

BASE = {
    "-httpListenAddr=:8429",
    "-remoteWrite.maxDiskUsagePerURL=1073741824",
    "-remoteWrite.tmpDataPath=/tmp/vmagent-remotewrite-data",
    "-remoteWrite.url=u0,u1,u2",
}
REFERENCES = References(
    {
        Reference("secret", "mon", "s"): {"user": b'bo"b\n', "id": b"client\n", "k": b"value"},
        Reference("configmap", "mon", "c"): {"id": b"from-map", "k": b"- a: b\n"},
    }
)


def key(name: str) -> dict[str, str]:
    return {"name": "s", "key": name}


OAUTH2 = {"token_url": "t"}
AWS = {"ec2Endpoint": "e", "region": "r", "roleARN": "a", "service": "s", "stsEndpoint": "t", "useSigv4": True}
RULE = {"interval": "1m", "outputs": ["total"]}


def args_of(spec: dict[str, Any], shard: int = 0) -> list[str]:
    manifest = {"metadata": {"namespace": "mon", "name": "edge"}, "spec": {"ingestOnlyMode": True} | spec}
    inputs = VMAgentInputs(references=REFERENCES, scrape_config="")
    built = build_vmagent(parse(VMAgent, manifest).object, Settings(), inputs=inputs)
    assert built.error is None
    workload = built.shards[shard].workload
    assert workload is not None
    args: list[str] = workload["spec"]["template"]["spec"]["containers"][0]["args"]
    return args


def more_than_base(*targets: dict[str, Any], **spec: Any) -> Sequence[str]:
    """The arguments beside those that three targets always give."""
    numbered = [{"url": f"u{i}"} | target for i, target in enumerate((*targets, {}, {}, {}))]
    return [arg for arg in args_of({"remoteWrite": numbered[:3]} | spec) if arg not in BASE]


@pytest.mark.parametrize(
    ("index", "target", "expected"),
    [
        (1, {"tlsConfig": {"ca": {"secret": key("k")}}}, ["tlsCAFile=,/etc/vmagent-tls/certs/mon_s_k,"]),
        (1, {"tlsConfig": {"ca": {"configMap": {"name": "c", "key": "k"}}, "caFile": "/f"}}, ["tlsCAFile=,/f,"]),
        (
            0,
            {"tlsConfig": {"certFile": "/c", "keySecret": key("k")}},
            ["tlsCertFile=/c,,", "tlsKeyFile=/etc/vmagent-tls/certs/mon_s_k,,"],
        ),
        (
            2,
            {"tlsConfig": {"insecureSkipVerify": True, "serverName": "b"}},
            ["tlsInsecureSkipVerify=false,false,true", "tlsServerName=,,b"],
        ),
        (1, {"basicAuth": {"username": key("user")}}, ['basicAuth.username="","bo\\"b",""']),
        (1, {"basicAuth": {"password": key("k")}}, ["basicAuth.passwordFile=,/etc/vmagent/config/mon_s_k,"]),
        (1, {"basicAuth": {"password_file": "/p"}}, ["basicAuth.passwordFile=,/p,"]),
        (0, {"bearerTokenSecret": key("k")}, ['bearerTokenFile="/etc/vmagent/config/mon_s_k","",""']),
        (0, {"bearerTokenSecret": {"name": "", "key": "k"}}, []),
        (
            1,
            {"oauth2": OAUTH2 | {"client_id": {"secret": key("id")}, "client_secret": key("k"), "scopes": ["a", "b"]}},
            [
                "oauth2.clientID=,client,",
                "oauth2.clientSecretFile=,/etc/vmagent/config/mon_s_k,",
                "oauth2.scopes=,a,b,",
                "oauth2.tokenUrl=,t,",
            ],
        ),
        (
            2,
            {"oauth2": OAUTH2 | {"client_id": {"configMap": {"name": "c", "key": "id"}}, "client_secret_file": "/s"}},
            ["oauth2.clientID=,,from-map", "oauth2.clientSecretFile=,,/s", "oauth2.tokenUrl=,,t"],
        ),
        (2, {"forceVMProto": True}, ["forceVMProto=false,false,true"]),
        (2, {"forceVMProto": False}, []),
        (2, {"headers": ["X-A: 1", "X-B: 2"]}, ["headers=,,X-A: 1^^X-B: 2"]),
        (2, {"queues": 4}, ["queues=0,0,4"]),
        (2, {"maxDiskUsage": "2GiB"}, ["maxDiskUsagePerURL=1073741824,1073741824,2GiB"]),
        (0, {"sendTimeout": "5s", "proxyURL": "http://p"}, ["proxyURL=http://p,,", "sendTimeout=5s,,"]),
        (
            1,
            {"aws": AWS},
            [
                "aws.ec2Endpoint=,e,",
                "aws.region=,r,",
                "aws.roleARN=,a,",
                "aws.service=,s,",
                "aws.stsEndpoint=,t,",
                "aws.useSigv4=false,true,false",
            ],
        ),
        (
            1,
            {"inlineUrlRelabelConfig": [{"action": "drop"}]},
            ["urlRelabelConfig=,/etc/vm/relabeling/url_relabeling-1.yaml,"],
        ),
        (
            1,
            {"streamAggrConfig": {"rules": [RULE], "dropInput": True, "ignoreFirstIntervals": 2}},
            [
                "streamAggr.config=,/etc/vm/stream-aggr/RWS_1-CM-STREAM-AGGR-CONF,",
                "streamAggr.dropInput=false,true,false",
                "streamAggr.ignoreFirstIntervals=0,2,0",
            ],
        ),
        (
            1,
            {"streamAggrConfig": {"keepInput": True, "dedupInterval": "1s", "dropInputLabels": ["a", "b"]}},
            ["streamAggr.dedupInterval=,1s,", "streamAggr.dropInputLabels=,a,b,"],
        ),
    ],
)
def test_an_option_of_one_of_three_targets(index: int, target: dict[str, Any], expected: list[str]) -> None:
    targets: list[dict[str, Any]] = [{}, {}, {}]
    targets[index] = target
    found = more_than_base(*targets)
    assert found == [f"-remoteWrite.{arg}" for arg in expected]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"maxBlockSize": 5, "queues": 2, "flushInterval": "2s"}, ["flushInterval=2s", "maxBlockSize=5", "queues=2"]),
        ({"showURL": False, "label": {"b": "2", "a": "1"}}, ["label=a=1,b=2", "showURL=false"]),
        ({"label": {}, "useMultiTenantMode": False}, []),
    ],
)
def test_settings_for_all_targets(settings: dict[str, Any], expected: list[str]) -> None:
    assert more_than_base(remoteWriteSettings=settings) == [f"-remoteWrite.{arg}" for arg in expected]


def test_settings_that_replace_defaults() -> None:
    settings = {"maxDiskUsagePerURL": 7, "tmpDataPath": "/q", "queues": 1, "useMultiTenantMode": True}
    targets = [{"url": "a", "queues": 1, "maxDiskUsage": 7}, {"url": "b"}]
    assert args_of({"remoteWrite": targets, "remoteWriteSettings": settings}) == [
        "-enableMultitenantHandlers=true",
        "-httpListenAddr=:8429",
        "-remoteWrite.tmpDataPath=/q",
        "-remoteWrite.url=a,b",
    ]


@pytest.mark.parametrize(
    ("storage", "expected"),
    [
        *(("30Gi", "16106127360"), ("3000000001", "1500000000"), ("10G", "5000000000"), ("99Ti", str(99 * 2**39))),
        *((size, "1073741824") for size in ("1.5Gi", "100Ti", "1Pi", "100m", "x", "")),
    ],
)
def test_queues_share_the_volume(storage: str, expected: str) -> None:
    claim = {"spec": {"resources": {"requests": {"storage": storage}}}}
    spec = {
        "statefulMode": True,
        "statefulStorage": {"volumeClaimTemplate": claim},
        "remoteWrite": [{"url": "a"}, {"url": "b"}],
    }
    assert f"-remoteWrite.maxDiskUsagePerURL={expected}" in args_of(spec)


def test_shards_that_scrape_know_their_number() -> None:
    cluster = ["-promscrape.cluster.membersCount=9", "-promscrape.cluster.memberNum=9", "-x=1"]
    spec = {
        "ingestOnlyMode": False,
        "shardCount": 2,
        "remoteWrite": [{"url": "a"}],
        "containers": [{"name": "vmagent", "args": cluster}, {"name": "other", "args": cluster}],
    }
    told = ["-x=1", "-promscrape.cluster.membersCount=2", "-promscrape.cluster.memberNum=1"]
    assert args_of(spec, shard=1) == told


def test_global_relabeling_and_aggregation() -> None:
    aggregation = {"configmap": {"name": "c", "key": "k"}, "enableWindows": True, "ignoreOldSamples": False}
    spec = {"relabelConfig": {"name": "c", "key": "k"}, "streamAggrConfig": aggregation}
    assert more_than_base(**spec) == [
        "-remoteWrite.relabelConfig=/etc/vm/relabeling/global_relabeling.yaml",
        "-streamAggr.config=/etc/vm/stream-aggr/global_aggregation.yaml",
        "-streamAggr.enableWindows=true",
    ]
