"""The exact text of vmauth configs: worked examples of the specs (06 §23, 02 §7) and the rules they leave out."""

from typing import Any

import pytest
import yaml

from vmop.api import parse
from vmop.api.v1beta1 import VMAuth
from vmop.builders.base import BuildError
from vmop.builders.references import MissingReference, Reference, References
from vmop.builders.vmauth import TargetKey, VMAuthInputs, render_config
from vmop.builders.vmauth.config import assets_hash

NO_ASSETS = "# tls-assets-hash: ef46db3751d8e999\n"


def manifest(kind: str, namespace: str, name: str, **spec: Any) -> tuple[TargetKey, dict[str, Any]]:
    return TargetKey(kind, namespace, name), {"metadata": {"namespace": namespace, "name": name}, "spec": spec}


TARGETS = dict(
    [
        manifest("VMAgent", "edge", "a1"),
        manifest("VMAgent", "edge", "a2"),
        manifest("VMAgent", "obs", "met-east"),
        manifest("VMAgent", "obs", "met-west"),
        manifest("VMCluster", "obs", "met-east", vminsert={}, vmselect={}),
        manifest("VMCluster", "obs", "met-west", vminsert={}, vmselect={}),
        manifest("VMCluster", "tsdb", "c1", vminsert={}, vmselect={}, vmstorage={}),
        manifest("VMCluster", "tsdb", "write-only", vminsert={}),
        manifest("VLCluster", "logs", "l1", vlinsert={}),
        manifest("VMSingle", "tsdb", "main"),
        manifest("VMSingle", "z1", "s"),
        manifest("VMSingle", "z2", "s", port="8443", extraArgs={"tls": "true"}),
        manifest("VMSingle", "z3", "s"),
    ]
)


def render(spec: str, references: References | None = None) -> str:
    metadata = {"namespace": "edge", "name": "gw"}
    cr = parse(VMAuth, {"metadata": metadata, "spec": yaml.safe_load(spec)}).object
    inputs = VMAuthInputs(targets=TARGETS, references=references or References())
    text = render_config(cr, inputs).text
    return text.removeprefix(NO_ASSETS) if references is None else text


def unauthorized(access: str, references: References | None = None) -> str:
    indented = "".join(f"  {line}\n" for line in access.strip("\n").splitlines())
    text = render(f"unauthorizedUserAccessSpec:\n{indented}", references)
    lines = text.splitlines(keepends=True)
    assert lines.pop(0) == "unauthorized_user:\n"
    return "".join(line.removeprefix("  ") for line in lines)


def test_zones_of_a_vmdistributed() -> None:
    spec = """
defaultTargetRefs:
- name: write
  crd:
    kind: VMAgent
    name: ""
    namespace: ""
    objects: [{name: met-east, namespace: obs}, {name: met-west, namespace: obs}]
  paths: [/insert/.+, /api/v1/write]
  load_balancing_policy: least_loaded
  retry_status_codes: [500, 502, 503]
- name: read
  crd:
    kind: VMCluster/vmselect
    name: ""
    namespace: ""
    objects: [{name: met-west, namespace: obs}, {name: met-east, namespace: obs}]
  paths: [/flags, /metrics, /select/.+, /admin/tenants]
  load_balancing_policy: first_available
  retry_status_codes: [500, 502, 503]
unauthorizedUserAccessSpec: {targetRefs: [{name: write}, {name: read}]}
"""
    assert (
        render(spec)
        == """unauthorized_user:
  url_map:
  - url_prefix:
    - http://vmagent-met-east.obs.svc:8429
    - http://vmagent-met-west.obs.svc:8429
    src_paths:
    - /insert/.+
    - /api/v1/write
    retry_status_codes:
    - 500
    - 502
    - 503
    load_balancing_policy: least_loaded
  - url_prefix:
    - http://vmselect-met-west.obs.svc:8481
    - http://vmselect-met-east.obs.svc:8481
    src_paths:
    - /flags
    - /metrics
    - /select/.+
    - /admin/tenants
    retry_status_codes:
    - 500
    - 502
    - 503
    load_balancing_policy: first_available
"""
    )


def test_nothing_at_all() -> None:
    assert render("{}", References()) == f"{NO_ASSETS}{{}}\n"


def test_a_url_as_it_is_written() -> None:
    assert unauthorized("""targetRefs: [{static: {url: "http://db.apps.svc:8428/"}}]""") == (
        "url_prefix:\n- http://db.apps.svc:8428/\n"
    )


def test_one_target_for_everything_drops_its_conditions() -> None:
    access = """
targetRefs:
- {crd: {kind: VMSingle, name: main, namespace: tsdb}, paths: ["/*"], target_path_suffix: /prometheus/, hosts: [h],
   src_headers: ["X: 1"], src_query_args: ["q=1"], headers: ["X-C: 3"], response_headers: ["X-D: 4"],
   discover_backend_ips: true, retry_status_codes: [500, 502],
   load_balancing_policy: first_available, drop_src_path_prefix_parts: 2}
"""
    assert (
        unauthorized(access)
        == """url_prefix:
- http://vmsingle-main.tsdb.svc:8428/prometheus
headers:
- 'X-C: 3'
response_headers:
- 'X-D: 4'
discover_backend_ips: true
retry_status_codes:
- 500
- 502
load_balancing_policy: first_available
drop_src_path_prefix_parts: 2
"""
    )


def test_a_tenant_of_a_cluster_with_automatic_paths() -> None:
    access = """
targetRefs:
- {crd: {kind: VMCluster/vminsert, name: c1, namespace: tsdb}, target_path_suffix: /insert/7}
- {static: {url: "http://vmselect-c1.tsdb.svc:8481/"}, paths: [/internal/resetRollupResultCache]}
"""
    assert (
        unauthorized(access)
        == """url_map:
- url_prefix:
  - http://vminsert-c1.tsdb.svc:8480/insert/7
  src_paths:
  - /newrelic/.*
  - /opentelemetry/.*
  - /prometheus/api/v1/write
  - /prometheus/api/v1/import.*
  - /influx/.*
  - /datadog/.*
- url_prefix:
  - http://vmselect-c1.tsdb.svc:8481/
  src_paths:
  - /internal/resetRollupResultCache
"""
    )


def test_automatic_paths_without_a_suffix() -> None:
    access = """
targetRefs:
- {crd: {kind: VMCluster/vminsert, name: c1, namespace: tsdb}}
- crd: {kind: VMCluster/vmselect, name: c1, namespace: tsdb}
  query_args: [{name: extra_label, values: ["env=dev", "team=a b"]}]
- {crd: {kind: VLCluster/vlinsert, name: l1, namespace: logs}, target_path_suffix: /insert/x}
- {crd: {kind: VMCluster/vmstorage, name: c1, namespace: tsdb}}
"""
    assert (
        unauthorized(access)
        == """url_map:
- url_prefix:
  - http://vminsert-c1.tsdb.svc:8480
  src_paths:
  - /insert/.*
- url_prefix:
  - http://vmselect-c1.tsdb.svc:8481?extra_label=env%3Ddev&extra_label=team%3Da+b
  src_paths:
  - /select/.*
  - /admin/.*
- url_prefix:
  - http://vlinsert-l1.logs.svc:9481/insert/x
  src_paths:
  - /insert/.*
- url_prefix:
  - http://vmstorage-c1.tsdb.svc:8482
  src_paths:
  - /.*
"""
    )


def test_every_option() -> None:
    access = """
metric_labels: {team: core, dc: "1"}
default_url: ["http://err.apps.svc:80/deny"]
tlsConfig:
  {insecureSkipVerify: true, caFile: /etc/ca.pem, certFile: /etc/c.pem, keyFile: /etc/k.pem, serverName: db.local}
ip_filters: {deny_list: [10.9.0.0/16], allow_list: [10.0.0.0/8]}
headers: ["X-A: 1"]
response_headers: ["X-B: 2"]
discover_backend_ips: true
retry_status_codes: [502]
max_concurrent_requests: 25
load_balancing_policy: least_loaded
drop_src_path_prefix_parts: 1
dump_request_on_errors: false
access_log: {filters: {skip_status_codes: [200]}}
targetRefs:
- {static: {urls: ["http://a:1", "http://b:2"]}, paths: ["/api/.*"], hosts: ["^m[.]example[.]com$"],
   src_query_args: ["db=x"], src_headers: ["X-T: 9"], headers: ["X-C: 3"], response_headers: ["X-D: 4"],
   discover_backend_ips: false, load_balancing_policy: first_available, drop_src_path_prefix_parts: 0}
- {static: {url: "http://c:3/x?k=v"}, paths: ["/"]}
"""
    assert (
        unauthorized(access)
        == """url_map:
- url_prefix:
  - http://a:1
  - http://b:2
  src_paths:
  - /api/.*
  src_hosts:
  - ^m[.]example[.]com$
  discover_backend_ips: false
  src_headers:
  - 'X-T: 9'
  src_query_args:
  - db=x
  headers:
  - 'X-C: 3'
  response_headers:
  - 'X-D: 4'
  drop_src_path_prefix_parts: 0
  load_balancing_policy: first_available
- url_prefix:
  - http://c:3/x?k=v
  src_paths:
  - /.*
metric_labels:
  dc: "1"
  team: core
default_url:
- http://err.apps.svc:80/deny
tls_insecure_skip_verify: true
tls_ca_file: /etc/ca.pem
tls_cert_file: /etc/c.pem
tls_key_file: /etc/k.pem
tls_server_name: db.local
ip_filters:
  allow_list:
  - 10.0.0.0/8
  deny_list:
  - 10.9.0.0/16
headers:
- 'X-A: 1'
response_headers:
- 'X-B: 2'
discover_backend_ips: true
retry_status_codes:
- 502
max_concurrent_requests: 25
load_balancing_policy: least_loaded
drop_src_path_prefix_parts: 1
dump_request_on_errors: false
access_log:
  filters:
    skip_status_codes:
    - 200
"""
    )


def test_an_option_of_the_only_target_wins_over_the_same_of_the_user() -> None:
    access = """
headers: ["X-User: 1"]
access_log: {filters: {}}
targetRefs: [{static: {url: "http://a:1"}, headers: ["X-Target: 1"]}]
"""
    assert unauthorized(access) == "url_prefix:\n- http://a:1\nheaders:\n- 'X-Target: 1'\naccess_log: {}\n"


def test_several_objects_with_suffix_and_query() -> None:
    access = """
targetRefs:
- crd: {kind: VMSingle, name: s, namespace: z1, objects: [{name: s, namespace: z3}, {name: s, namespace: z2}]}
  target_path_suffix: /prometheus?nocache=1
  query_args: [{name: extra_filters, values: ['{env="dev"}']}]
  paths: ["/api/v1/query.*"]
"""
    assert (
        unauthorized(access)
        == """url_map:
- url_prefix:
  - http://vmsingle-s.z1.svc:8428/prometheus?extra_filters=%7Benv%3D%22dev%22%7D&nocache=1
  - http://vmsingle-s.z3.svc:8428/prometheus?extra_filters=%7Benv%3D%22dev%22%7D&nocache=1
  - https://vmsingle-s.z2.svc:8443/prometheus?extra_filters=%7Benv%3D%22dev%22%7D&nocache=1
  src_paths:
  - /api/v1/query.*
"""
    )


NAMED = """
defaultTargetRefs:
- {name: write,
   crd: {kind: VMAgent, name: "", namespace: "", objects: [{name: a1, namespace: edge}, {name: a2, namespace: edge}]},
   paths: [/api/v1/write], load_balancing_policy: least_loaded, retry_status_codes: [503]}
- {name: read, static: {url: "http://127.0.0.1:9999"}, paths: ["/select/.+"]}
unauthorizedUserAccessSpec:
  targetRefs:
"""


def test_named_targets_under_references() -> None:
    refs = """
  - {name: write, paths: [/push], target_path_suffix: /api/v1/write, load_balancing_policy: first_available}
  - {name: read, static: {url: "http://other:1"}}
  - {name: write}
"""
    assert (
        render(NAMED + refs)
        == """unauthorized_user:
  url_map:
  - url_prefix:
    - http://vmagent-a1.edge.svc:8429/api/v1/write
    - http://vmagent-a2.edge.svc:8429/api/v1/write
    src_paths:
    - /push
    retry_status_codes:
    - 503
    load_balancing_policy: first_available
  - url_prefix:
    - http://other:1
    src_paths:
    - /select/.+
  - url_prefix:
    - http://vmagent-a1.edge.svc:8429
    - http://vmagent-a2.edge.svc:8429
    src_paths:
    - /api/v1/write
    retry_status_codes:
    - 503
    load_balancing_policy: least_loaded
"""
    )


OLD_ROUTE = (
    "{src_paths: [/metrics], src_hosts: [m.local], url_prefix: 'http://app:8080', src_headers: ['X: 1'], "
    "src_query_args: ['a=b'], drop_src_path_prefix_parts: 1, load_balancing_policy: first_available}"
)
OLD_ROUTE_TEXT = """url_map:
- src_paths:
  - /metrics
  src_hosts:
  - m.local
  url_prefix:
  - http://app:8080
  src_query_args:
  - a=b
  src_headers:
  - 'X: 1'
  load_balancing_policy: first_available
  drop_src_path_prefix_parts: 1
"""


@pytest.mark.parametrize(
    ("prefix", "text"),
    [
        ("http://deny:80", "url_prefix: http://deny:80\n"),
        ("[http://deny:80]", "url_prefix: http://deny:80\n"),
        ("['http://one:80', 'http://two:80']", "url_prefix:\n- http://one:80\n- http://two:80\n"),
    ],
)
def test_deprecated_routes(prefix: str, text: str) -> None:
    access = f"url_prefix: {prefix}\nurl_map: [{OLD_ROUTE}]\nmetric_labels: {{zone: a}}\nmax_concurrent_requests: 0\n"
    assert unauthorized(access) == f"{OLD_ROUTE_TEXT}{text}metric_labels:\n  zone: a\nmax_concurrent_requests: 0\n"


def test_the_deprecated_section_takes_its_options_from_the_spec() -> None:
    spec = f"unauthorizedAccessConfig: [{OLD_ROUTE}]\ndefault_url: ['http://e:1']\nheaders: ['X-A: 1']\n"
    routes = "".join(f"  {line}\n" for line in OLD_ROUTE_TEXT.splitlines())
    expected = f"unauthorized_user:\n{routes}  default_url:\n  - http://e:1\n  headers:\n  - 'X-A: 1'\n"
    assert render(spec) == expected


def test_options_of_the_spec_alone_mean_nothing() -> None:
    assert render("default_url: ['http://e:1']") == "{}\n"


TLS = """
url_prefix: http://a:1
tlsConfig:
  {ca: {configMap: {name: root-ca, key: ca.crt}}, cert: {secret: {name: client, key: tls.crt}}, keyFile: /k.pem}
"""
CA, CERT = Reference("configmap", "edge", "root-ca"), Reference("secret", "edge", "client")


def test_tls_from_references() -> None:
    references = References({CA: {"ca.crt": b"CA1"}, CERT: {"tls.crt": b"CERT\n"}})
    spec = f"unauthorizedUserAccessSpec: {yaml.safe_load(TLS)}"
    cr = parse(VMAuth, {"metadata": {"namespace": "edge", "name": "gw"}, "spec": yaml.safe_load(spec)}).object
    config = render_config(cr, VMAuthInputs(references=references))
    assert config.assets == {"edge_configmap_root-ca_ca.crt": b"CA1", "edge_client_tls.crt": b"CERT"}
    assert (
        config.text
        == """# tls-assets-hash: 6bc891b5df35ce5b
unauthorized_user:
  url_prefix: http://a:1
  tls_ca_file: /opt/vmauth/config/edge_configmap_root-ca_ca.crt
  tls_cert_file: /opt/vmauth/config/edge_client_tls.crt
  tls_key_file: /k.pem
"""
    )


def test_the_hash_has_no_zeros_before_it() -> None:
    found = next(i for i in range(1000) if len(assets_hash({"a": str(i).encode()})) < 16)
    assert not assets_hash({"a": str(found).encode()}).startswith("0")


# -- what cannot be rendered -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        (
            "defaultTargetRefs: [{name: x, crd: {kind: VMAgent, name: in-z, namespace: edge}}]",
            (
                'failed to fetch spec.defaultTargetRefs[0]: cannot find CRD link for kind="VMAgent": '
                'cannot find object by the given ref,namespace="edge",name="in-z": '
                'vmagents.operator.victoriametrics.com "in-z" not found'
            ),
        ),
        (
            "unauthorizedUserAccessSpec: {targetRefs: [{crd: {kind: VMCluster/vmselect, name: n, namespace: e}}]}",
            (
                "failed to fetch spec.unauthorizedUserAccessSpec.targetRefs[0]: cannot find CRD link for "
                'kind="VMCluster/vmselect": cannot find object by the given ref,namespace="e",name="n": '
                'vmclusters.operator.victoriametrics.com "n" not found'
            ),
        ),
        (
            (
                "unauthorizedUserAccessSpec: "
                "{targetRefs: [{crd: {kind: VMCluster/vmselect, name: write-only, namespace: tsdb}}]}"
            ),
            (
                "cannot build unauthorized_user config section: cannot build urlPrefix for one ref: "
                'cannot find crdRef target: "VMCluster/vmselect/tsdb/write-only", for user: unauthorized_user'
            ),
        ),
        (
            f"unauthorizedUserAccessSpec: {yaml.safe_load(TLS)}",
            (
                "cannot build unauthorized_user config section: failed to build tls config for vmauth gw under edge: "
                'failed to load tls secret: cannot fetch ca: unable to fetch configmap="root-ca", ns="edge": '
                'configmaps "root-ca" not found'
            ),
        ),
    ],
)
def test_what_is_missing_may_come(spec: str, text: str) -> None:
    with pytest.raises(MissingReference) as raised:
        render(spec)
    assert str(raised.value) == text


@pytest.mark.parametrize(
    ("spec", "path", "text"),
    [
        (
            "unauthorizedUserAccessSpec: {targetRefs: [{name: b}]}",
            "spec.unauthorizedUserAccessSpec.targetRefs[0].name",
            "failed to fetch spec.unauthorizedUserAccessSpec.targetRefs[0]: failed to find defaultTargetRef=b",
        ),
        (
            "defaultTargetRefs: [{name: x, crd: {kind: VMAuth, name: n, namespace: e}}]",
            "spec.defaultTargetRefs[0].crd.kind",
            'failed to fetch spec.defaultTargetRefs[0]: unsupported kind="VMAuth"',
        ),
        (
            NAMED + '  - {name: write, static: {url: "http://a"}}',
            "spec.unauthorizedUserAccessSpec.targetRefs[0]",
            (
                "failed to validate target ref: targetRef validation failed, both `crd` and `static` cannot be "
                "configured for unauthorized_user"
            ),
        ),
        (
            "unauthorizedUserAccessSpec: {max_concurrent_requests: 5}",
            "spec.unauthorizedUserAccessSpec",
            (
                "cannot build unauthorized_user config section: incorrect spec.UnauthorizedUserAccess syntax: "
                "at least one of `url_map`, `url_prefix` or `targetRefs` must be defined"
            ),
        ),
        (
            'unauthorizedUserAccessSpec: {targetRefs: [{static: {url: "http://a"}, target_path_suffix: "/%zz"}]}',
            "target_path_suffix",
            (
                "cannot build unauthorized_user config section: cannot build urlPrefix for one ref: cannot parse "
                'targetPath="/%zz": parse "/%zz": invalid URL escape "%zz"'
            ),
        ),
        (
            'unauthorizedUserAccessSpec: {targetRefs: [{static: {url: "http://a/%q"}, target_path_suffix: /b}]}',
            "static",
            (
                "cannot build unauthorized_user config section: cannot build urlPrefix for one ref: cannot parse "
                'urlPrefix="http://a/%q": parse "http://a/%q": invalid URL escape "%q"'
            ),
        ),
        (
            "selectAllByDefault: true",
            "spec.userSelector",
            "VMUsers are not supported yet: use spec.unauthorizedUserAccessSpec, and no selector of users",
        ),
    ],
)
def test_what_is_wrong_names_its_field(spec: str, path: str, text: str) -> None:
    with pytest.raises(BuildError) as raised:
        render(spec)
    assert (raised.value.path, str(raised.value)) == (path, text)
    assert not isinstance(raised.value, MissingReference)


def test_users_stand_first() -> None:
    metadata = {"namespace": "edge", "name": "gw"}
    spec = {"selectAllByDefault": True, "unauthorizedUserAccessSpec": {"url_prefix": "http://a"}}
    cr = parse(VMAuth, {"metadata": metadata, "spec": spec}).object
    config = render_config(cr, VMAuthInputs(users=[{"url_prefix": ["http://d"], "username": "1234"}]))
    users = 'users:\n- url_prefix:\n  - http://d\n  username: "1234"\n'
    assert config.text == f"{NO_ASSETS}{users}unauthorized_user:\n  url_prefix: http://a\n"
