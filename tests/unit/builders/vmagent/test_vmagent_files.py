"""Files and errors of agents: texts of relabeling and aggregation, contents of Secrets, and what cannot be built."""

from base64 import b64decode
from typing import Any

import pytest

from vmop.api import Manifest, parse
from vmop.api.v1beta1 import VMAgent
from vmop.builders.base import BuildError, Platform
from vmop.builders.references import MissingReference, Reference, References
from vmop.builders.vmagent import VMAgentInputs, VMAgentManifests, build_vmagent, referenced
from vmop.settings import Settings

TARGET = {"url": "http://a/w"}
MAP = Reference("configmap", "mon", "c")
SECRET = Reference("secret", "mon", "s")


def agent(spec: dict[str, Any]) -> VMAgent:
    base = {"ingestOnlyMode": True, "remoteWrite": [TARGET]}
    return parse(VMAgent, {"metadata": {"namespace": "mon", "name": "edge"}, "spec": base | spec}).object


def build(spec: dict[str, Any], references: References | None = None, **settings: Any) -> VMAgentManifests:
    inputs = VMAgentInputs(references=references or References())
    return build_vmagent(agent(spec), Settings(**settings), inputs=inputs)


def files(spec: dict[str, Any], references: References | None = None) -> dict[str, Manifest]:
    built = build(spec, references)
    assert built.error is None
    return {manifest["metadata"]["name"]: manifest.get("data", {}) for manifest in built.files.objects}


def test_inline_rules_before_those_of_the_config_map() -> None:
    spec = {
        "inlineRelabelConfig": [{"action": "drop", "sourceLabels": ["zone"], "regex": "eu-.*"}],
        "relabelConfig": {"name": "c", "key": "k"},
    }
    text = "- source_labels:\n  - zone\n  regex: eu-.*\n  action: drop\n- {target_label: team, replacement: infra}"
    references = References({MAP: {"k": b"- {target_label: team, replacement: infra}\n\n"}})
    assert files(spec, references) == {"relabelings-assets-vmagent-edge": {"global_relabeling.yaml": text}}


def test_keys_of_relabeling_rules() -> None:
    rule = {
        "labels": {"b": "1", "a": "2"},
        "match": "m",
        "if": ["x", "y"],
        "action": "graphite",
        "replacement": "",
        "modulus": 3,
        "regex": ["one"],
        "target_label": "t",
        "separator": "",
        "source_labels": ["s"],
    }
    text = """- source_labels:
  - s
  separator: ""
  target_label: t
  regex: one
  modulus: 3
  replacement: ""
  action: graphite
  if:
  - x
  - "y"
  match: m
  labels:
    a: "2"
    b: "1"
"""
    spec = {"remoteWrite": [TARGET, TARGET | {"inlineUrlRelabelConfig": [{}, rule]}]}
    assert files(spec) == {"relabelings-assets-vmagent-edge": {"url_relabeling-1.yaml": text}}


def test_keys_of_aggregation_rules() -> None:
    rule = {
        "enable_windows": True,
        "input_relabel_configs": [{"separator": ",", "targetLabel": "t", "sourceLabels": ["s"]}],
        "output_relabel_configs": [{"action": "labeldrop", "regex": "x"}],
        "drop_input_labels": ["d"],
        "ignoreFirstSampleInterval": "3s",
        "ignore_first_intervals": 0,
        "without": ["w"],
        "by": ["b"],
        "ignore_old_samples": False,
        "keep_metric_names": False,
        "outputs": ["total"],
        "staleness_interval": "2m",
        "dedup_interval": "1s",
        "flush_on_shutdown": True,
        "no_align_flush_to_interval": False,
        "interval": "1m",
        "match": ['{a="b"}', "c"],
    }
    text = """- match:
  - '{a="b"}'
  - c
  interval: 1m
  no_align_flush_to_interval: false
  flush_on_shutdown: true
  dedup_interval: 1s
  staleness_interval: 2m
  outputs:
  - total
  keep_metric_names: false
  ignore_old_samples: false
  by:
  - b
  without:
  - w
  ignore_first_intervals: 0
  ignore_first_sample_interval: 3s
  drop_input_labels:
  - d
  input_relabel_configs:
  - source_labels:
    - s
    target_label: t
    separator: ','
  output_relabel_configs:
  - regex: x
    action: labeldrop
  enable_windows: true
"""
    spec = {"remoteWrite": [TARGET | {"streamAggrConfig": {"rules": [rule]}}]}
    assert files(spec) == {"stream-aggr-vmagent-edge": {"RWS_0-CM-STREAM-AGGR-CONF": text}}


def test_secrets_hold_copies_under_names_of_their_origin() -> None:
    target = TARGET | {
        "basicAuth": {"password": {"name": "s", "key": "p"}},
        "oauth2": {"client_id": {"secret": {"name": "s", "key": "p"}}, "client_secret": {"name": "s", "key": "o"}},
        "tlsConfig": {
            "ca": {"configMap": {"name": "c", "key": "ca"}},
            "cert": {"secret": {"name": "s", "key": "crt"}},
            "keySecret": {"name": "s", "key": "key"},
        },
    }
    references = References(
        {SECRET: {"p": b"pw \n", "o": b"os", "crt": b"CRT", "key": b"\xff\xfe"}, MAP: {"ca": b"CA\n"}}
    )
    found = files({"remoteWrite": [target]}, references)
    found["vmagent-edge"].pop("vmagent.yaml.gz")
    decoded = {name: {key: b64decode(value) for key, value in data.items()} for name, data in found.items()}
    assert decoded == {
        "vmagent-edge": {"mon_s_p": b"pw", "mon_s_o": b"os"},
        "tls-assets-vmagent-edge": {"mon_configmap_c_ca": b"CA", "mon_s_crt": b"CRT", "mon_s_key": b"\xff\xfe"},
    }
    assert referenced(agent({"remoteWrite": [target]})) == {SECRET, MAP}


def test_all_that_is_referred_to() -> None:
    spec = {
        "relabelConfig": {"name": "r1", "key": "k"},
        "streamAggrConfig": {"configmap": {"name": "a1", "key": "k"}},
        "remoteWrite": [
            {
                "url": "u",
                "basicAuth": {"username": {"name": "user", "key": "k"}},
                "bearerTokenSecret": {"name": "", "key": "k"},
                "oauth2": {"client_id": {"configMap": {"name": "id", "key": "k"}}},
                "urlRelabelConfig": {"name": "r2", "key": "k"},
                "streamAggrConfig": {"configmap": {"name": "a2", "key": "k"}},
            }
        ],
    }
    maps = {Reference("configmap", "mon", name) for name in ("r1", "a1", "r2", "a2", "id")}
    assert referenced(agent(spec)) == {*maps, Reference("secret", "mon", "user")}


# -- what cannot be built ----------------------------------------------------------------------------------------------

MISSING = 'unable to fetch secret="s", ns="mon": secrets "s" not found'
WITHOUT_KEY = 'expected key="k" was not found at object="configmap/mon/c"'


@pytest.mark.parametrize(
    ("spec", "path", "text", "written"),
    [
        (
            {"remoteWrite": [TARGET | {"bearerTokenSecret": {"name": "s", "key": "k"}}]},
            "spec.remoteWrite[0].bearerTokenSecret",
            f"cannot load remote write assets for ingest-only mode: cannot load BearerTokenSecret: {MISSING}",
            ["surroundings", "vmagent-edge"],
        ),
        (
            {"remoteWrite": [TARGET | {"tlsConfig": {"cert": {"secret": {"name": "s", "key": "k"}}}}]},
            "spec.remoteWrite[0].tlsConfig.cert",
            f"cannot load remote write assets for ingest-only mode: cannot fetch cert: {MISSING}",
            ["surroundings", "vmagent-edge"],
        ),
        (
            {"remoteWrite": [TARGET | {"basicAuth": {"username": {"name": "s", "key": "k"}}}]},
            "spec.remoteWrite[0].basicAuth.username",
            (
                "cannot build new deploy for vmagent: failed to build remote write args: "
                f"cannot load BasicAuth username: {MISSING}"
            ),
            ["surroundings", "files"],
        ),
        (
            {"relabelConfig": {"name": "c", "key": "k"}},
            "spec.relabelConfig",
            f"cannot update relabeling asset for vmagent: cannot fetch configmap: c, err: {WITHOUT_KEY}",
            ["surroundings", "vmagent-edge"],
        ),
    ],
)
def test_what_is_missing_may_come(spec: dict[str, Any], path: str, text: str, written: list[str]) -> None:
    built = build(spec, References({MAP: {}}))
    assert isinstance(built.error, MissingReference)
    assert (built.error.path, str(built.error)) == (path, text)
    assert [part.name for part in built.components if part.error is None] == written


QUEUE = "persistent-queue-data"


@pytest.mark.parametrize(
    ("spec", "path", "text"),
    [
        (
            {"volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}]},
            "spec.volumeMounts",
            (
                "cannot build new deploy for vmagent: cannot configure persistent queue volume: "
                f'unexpected volume="tmp" mounted to path="/tmp", which is reserved for '
                f'volume="{QUEUE}", path="/tmp/vmagent-remotewrite-data"'
            ),
        ),
        (
            {"statefulMode": True, "statefulStorage": {"emptyDir": {}}, "volumes": [{"name": QUEUE}]},
            "spec.statefulStorage",
            f'cannot build new deploy for vmagent: either unset storage.emptyDir or remove volume="{QUEUE}" from spec',
        ),
        (
            {"statefulMode": True, "volumeMounts": [{"name": "lost", "mountPath": "/x"}]},
            "spec.volumeMounts",
            (
                "cannot reconcile *v1.StatefulSet for vmagent(0): cannot find volumeMount.name=lost link for "
                f"container=vmagent at volumes and claimTemplates names={QUEUE},"
            ),
        ),
        (
            {"serviceSpec": {"metadata": {"name": "vmagent-edge"}, "spec": {}}},
            "spec.serviceSpec.metadata.name",
            'vmagent additional service name: "vmagent-edge" cannot be the same as crd.prefixedname: "vmagent-edge"',
        ),
        (
            {"insertPorts": {"influxPort": "x"}},
            "spec.insertPorts.influxPort",
            "spec.insertPorts.influxPort: expected a port number, got 'x'",
        ),
    ],
)
def test_what_contradicts_itself_names_its_field(spec: dict[str, Any], path: str, text: str) -> None:
    built = build(spec)
    with pytest.raises(BuildError) as raised:
        built.all()
    assert (raised.value.path, str(raised.value)) == (path, text)


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ({"ingestOnlyMode": False}, "spec.ingestOnlyMode"),
        ({"vpa": {}}, "spec.vpa"),
    ],
)
def test_what_is_wrong_before_anything_is_built(spec: dict[str, Any], path: str) -> None:
    with pytest.raises(BuildError) as raised:
        build(spec)
    assert raised.value.path == path


# -- rights and surroundings that no recorded case has -----------------------------------------------------------------


def test_rights_in_watched_namespaces() -> None:
    spec = {"remoteWrite": [TARGET | {"bearerTokenSecret": {"name": "s", "key": "k"}}]}
    built = build(spec, References({SECRET: {"k": b""}}), watch_namespace=("mon", "shop"))
    found = [
        (m["kind"], m["metadata"]["namespace"], "ownerReferences" in m["metadata"], len(m.get("rules", ())))
        for m in built.surroundings.objects
        if m["kind"].startswith(("Role", "ClusterRole"))
    ]
    expected = [("Role", "mon", True, 1), ("RoleBinding", "mon", True, 0)]
    assert found == [*expected, ("Role", "shop", False, 0), ("RoleBinding", "shop", False, 0)]


def test_nothing_handles_scrapes() -> None:
    inputs = VMAgentInputs(scrapes=False)
    built = build_vmagent(agent({"serviceAccountName": "mine"}), Settings(), inputs=inputs)
    assert [manifest["kind"] for manifest in built.all()] == ["Service", "Deployment"]


def test_agents_of_nodes_may_be_root_on_strict_pods() -> None:
    spec = {"daemonSetMode": True, "useStrictSecurity": True, "podDisruptionBudget": {}, "hpa": {}}
    built = build_vmagent(agent(spec), Settings(), Platform(openshift=True))
    assert [manifest["kind"] for manifest in built.all()] == ["ServiceAccount", "Service", "VMPodScrape", "DaemonSet"]
    pod = built.all()[-1]["spec"]["template"]["spec"]
    assert pod["securityContext"] == {"seccompProfile": {"type": "RuntimeDefault"}}
    assert pod["volumes"][-1]["name"] == "openshift-service-ca"


def test_a_headless_additional_service_governs_pods() -> None:
    spec = {"statefulMode": True, "serviceSpec": {"metadata": {"name": "own"}, "spec": {"clusterIP": "None"}}}
    workload = build(spec).shards[0].workload
    assert workload is not None
    assert workload["spec"]["serviceName"] == "own"
