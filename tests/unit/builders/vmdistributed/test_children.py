"""Backends, agents and the VMAuth of each zone (spec 02 §2, §3, §6 to §8, §20)."""

from typing import Any

import pytest

from tests.unit.builders.vmdistributed.resources import COMPONENTS, WRITE, builder, chosen, created, referenced
from vmop.api import Manifest
from vmop.builders import BuildError
from vmop.builders.vmdistributed.children import accepts_writes
from vmop.builders.vmdistributed.targets import Routing, choose, target_refs
from vmop.settings import Settings

EAST, WEST = f"http://vminsert-met-east.obs.svc:8480{WRITE}", f"http://vminsert-met-west.obs.svc:8480{WRITE}"
REFS = target_refs(choose([], Routing(), keep_last=True), "VMCluster")


def names(spec: Manifest) -> list[tuple[str, str]]:
    return [(zone.backend.name, zone.agent.name) for zone in builder(spec).zones()]


def test_names_are_derived_given_or_made_of_the_zone() -> None:
    common = {"vmcluster": {"name": "db-%ZONE%", **COMPONENTS["vmcluster"]}}
    spec = {"zoneCommon": common, "zones": [{"name": "east"}, {"name": "west", "vmcluster": {"name": "legacy"}}]}
    assert (names(spec), builder(spec).balancer(REFS).name) == (
        [("db-east", "met-east"), ("legacy", "met-west")],
        "met",
    )


def test_names_of_agents_and_balancer() -> None:
    spec = {
        "vmauth": {"name": "front-%ZONE%"},
        "zoneCommon": {**COMPONENTS, "vmagent": {"name": "in-%ZONE%-%ZONE%"}},
        "zones": [{"name": "east"}, {"name": "west", "vmagent": {"name": "%ZONE%"}}],
    }
    assert names(spec) == [("met-east", "in-east-east"), ("met-west", "%ZONE%")]
    assert builder(spec).balancer(REFS).name == "front-%ZONE%"


def test_the_agents_of_two_zones() -> None:
    spec = {
        "zoneCommon": {**COMPONENTS, "vmagent": {"spec": {"replicaCount": 2}}},
        "zones": [{"name": "east"}, {"name": "west", "remoteWrite": {"sendTimeout": "30s"}}],
    }
    expected = {
        "replicaCount": 2,
        "ingestOnlyMode": True,
        "remoteWriteSettings": {"useMultiTenantMode": True},
        "remoteWrite": [{"url": EAST}, {"url": WEST, "sendTimeout": "30s"}],
        "shardCount": 0,
    }
    for zone in builder(spec).zones():
        assert chosen(zone.agent, *expected) == expected


def test_settings_of_the_agent_are_kept_but_for_tenants() -> None:
    settings = {"showURL": True, "useMultiTenantMode": False}
    spec = {"zoneCommon": COMPONENTS, "zones": [{"name": "a", "vmagent": {"spec": {"remoteWriteSettings": settings}}}]}
    [zone] = builder(spec).zones()
    assert zone.agent.spec["remoteWriteSettings"] == {"showURL": True, "useMultiTenantMode": True}


def test_how_to_write_to_a_zone_is_expanded_with_the_name_of_that_zone() -> None:
    spec = {
        "zoneCommon": {**COMPONENTS, "remoteWrite": {"headers": ["X-Zone: %ZONE%"]}},
        "zones": [{"name": "east"}, {"name": "west", "remoteWrite": {"proxyURL": "http://%ZONE%"}}],
    }
    [east, west] = builder(spec).zones()
    assert (
        east.agent.spec["remoteWrite"]
        == west.agent.spec["remoteWrite"]
        == [
            {"url": EAST, "headers": ["X-Zone: east"]},
            {"url": WEST, "headers": ["X-Zone: west"], "proxyURL": "http://%ZONE%"},
        ]
    )


@pytest.mark.parametrize(("live", "expected"), [(3, 3), (0, 0), (None, 0)])
def test_shards_stay_as_an_autoscaler_left_them(live: int | None, expected: int) -> None:
    stored = {} if live is None else {"shardCount": live}
    spec = {"zoneCommon": COMPONENTS, "zones": [{"name": "east"}]}
    [zone] = builder(spec, [created("VMAgent", "met-east", stored)]).zones()
    assert zone.agent.spec.get("shardCount") == expected


# -- URLs (§6.3) -------------------------------------------------------------------------------------------------------

VARIANTS: dict[str, tuple[Manifest, str]] = {
    "plain": ({"vminsert": {}}, EAST),
    "port, TLS and prefix": (
        {"vminsert": {"port": "9480", "extraArgs": {"tls": "true", "http.pathPrefix": "/p"}}},
        f"https://vminsert-met-east.obs.svc:9480/p{WRITE}",
    ),
    "only the first value of tls counts": (
        {"vminsert": {"extraArgs": {"tls": "false,true"}}},
        EAST,
    ),
    "legacy naming": (
        {"useLegacyNaming": True, "vminsert": {}},
        f"http://met-east-vminsert.obs.svc:8480{WRITE}",
    ),
    "the port of a service in the default's place": (
        {"vminsert": {"serviceSpec": {"useAsDefault": True, "spec": {"ports": [{"name": "http", "port": 80}]}}}},
        f"http://vminsert-met-east.obs.svc:80{WRITE}",
    ),
    "an additional service changes nothing": (
        {"vminsert": {"serviceSpec": {"spec": {"ports": [{"name": "http", "port": 80}]}}}},
        EAST,
    ),
    "a load balancer takes the component's name": (
        {"requestsLoadBalancer": {"enabled": True}, "vminsert": {}},
        EAST,
    ),
}


@pytest.mark.parametrize(("backend", "url"), VARIANTS.values(), ids=VARIANTS.keys())
def test_where_agents_write_to_a_cluster(backend: Manifest, url: str) -> None:
    zones = [{"name": "east", "vmcluster": {"spec": {"vmselect": {}, **backend}}}]
    [zone] = builder({"zones": zones}).zones()
    assert (zone.url, zone.agent.spec["remoteWrite"]) == (url, [{"url": url}])


@pytest.mark.parametrize(
    ("single", "url"),
    [
        ({}, "http://vmsingle-met-east.obs.svc:8429/api/v1/write"),
        ({"port": "8428"}, "http://vmsingle-met-east.obs.svc:8428/api/v1/write"),
        ({"useLegacyNaming": True}, "http://met-east.obs.svc:8429/api/v1/write"),
        ({"extraArgs": {"tls": "true"}}, "https://vmsingle-met-east.obs.svc:8429/api/v1/write"),
    ],
)
def test_where_agents_write_to_a_single(single: Manifest, url: str) -> None:
    [zone] = builder({"backendType": "VMSingle", "zones": [{"name": "east", "vmsingle": {"spec": single}}]}).zones()
    assert (zone.backend.kind, zone.url) == ("VMSingle", url)


def test_a_port_that_the_operator_is_set_to_is_that_of_a_referenced_cluster_too() -> None:
    settings = Settings.from_env({"VM_VMCLUSTERDEFAULT_VMINSERTDEFAULT_PORT": "9999"})
    live = [referenced("VMCluster", "db", {"vminsert": {}, "vmselect": {}})]
    spec = {"zones": [{"name": "east", "vmcluster": {"name": "db"}}]}
    [zone] = builder(spec, live, settings=settings).zones()
    assert zone.url == f"http://vminsert-db.obs.svc:9999{WRITE}"


@pytest.mark.parametrize(
    ("live", "zones", "expected"),
    [
        ("west", "east west north", "west east north"),
        ("north east west", "north west", "north west"),
        ("west east west", "east west north", "east west north"),
        ("x x x x x west", "east west", "west east"),
        ("", "east west", "east west"),
    ],
)
def test_the_order_of_the_live_list_is_kept(live: str, zones: str, expected: str) -> None:
    def url(zone: str) -> str:
        return f"http://vminsert-met-{zone}.obs.svc:8480{WRITE}"

    stored = {"remoteWrite": [{"url": url(zone)} for zone in live.split()]}
    spec = {"zoneCommon": COMPONENTS, "zones": [{"name": zone} for zone in zones.split()]}
    made = builder(spec, [created("VMAgent", f"met-{zone}", stored) for zone in zones.split()]).zones()
    assert [entry["url"] for entry in made[0].agent.spec["remoteWrite"]] == [url(zone) for zone in expected.split()]


# -- traffic modes (§8) ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "replicas", "accepts"),
    [("read-write", 2, True), ("write-only", 2, True), ("read-only", 0, False), ("maintenance", 0, False)],
)
def test_a_cluster_takes_writes_in_the_modes_with_them(mode: str, replicas: int, accepts: bool) -> None:
    cluster = {"spec": {"vminsert": {"replicaCount": 2, "hpa": {"maxReplicas": 3}}, "vmselect": {}}}
    [zone] = builder({"zones": [{"name": "east", "trafficMode": mode, "vmcluster": cluster}]}).zones()
    insert = zone.backend.spec["vminsert"]
    # an autoscaler would bring vminsert back (T32)
    assert (insert["replicaCount"], "hpa" in insert, zone.accepts_writes) == (replicas, accepts, accepts)
    assert zone.agent.spec["remoteWrite"] == [{"url": EAST}]


@pytest.mark.parametrize(
    ("kind", "spec", "accepts"),
    [
        ("VMCluster", {"vminsert": {}}, True),
        ("VMCluster", {"vminsert": {"replicaCount": None}}, True),
        ("VMCluster", {"vminsert": {"replicaCount": 0}}, False),
        ("VMCluster", {"vmselect": {}}, False),
        ("VMSingle", {}, True),
    ],
)
def test_which_stored_backends_take_writes(kind: str, spec: Manifest, accepts: bool) -> None:
    assert accepts_writes(kind, spec) is accepts


# -- licenses (§3, S5) -------------------------------------------------------------------------------------------------

KEY, OWN = {"key": "common"}, {"keyRef": {"name": "s", "key": "k"}}


@pytest.mark.parametrize(
    ("common", "zone", "expected"),
    [
        (None, None, KEY),
        (OWN, None, OWN),
        (None, OWN, OWN),
        ({"key": "other", "forceOffline": True}, OWN, OWN),
        ({"key": "other"}, {"forceOffline": True}, {"key": "other", "forceOffline": True}),
        (None, {"forceOffline": True}, {"key": "common", "forceOffline": True}),
    ],
)
def test_a_license_reaches_what_has_none_and_is_one_thing(
    common: Manifest | None, zone: Manifest | None, expected: Manifest
) -> None:
    def part(license_: Manifest | None) -> Manifest:
        own: Manifest = {"license": license_} if license_ else {}
        return {"vmcluster": {"spec": {"vminsert": {}, "vmselect": {}, **own}}, "vmagent": {"spec": own}}

    spec = {"license": KEY, "zoneCommon": part(common), "zones": [{"name": "east", **part(zone)}]}
    made = builder(spec)
    [east] = made.zones()
    assert (east.backend.spec["license"], east.agent.spec["license"]) == (expected, expected)
    assert made.balancer(REFS).spec["license"] == KEY
    assert east.backend.spec["vminsert"]["image"]["tag"].endswith("-enterprise-cluster")


def test_without_a_license_nobody_gets_one() -> None:
    made = builder({"license": {"forceOffline": True}, "zoneCommon": COMPONENTS, "zones": [{"name": "east"}]})
    [east] = made.zones()
    assert not any("license" in child.spec for child in (east.backend, east.agent, made.balancer(REFS)))


# -- references by name alone (§6.4, S3, S4, S6) -----------------------------------------------------------------------

BY_NAME = {"zones": [{"name": "z", "vmcluster": {"name": "ghost"}}]}


def test_a_reference_that_is_missing_is_named() -> None:
    with pytest.raises(BuildError) as caught:
        builder(BY_NAME).zones()
    assert (caught.value.path, caught.value.message) == (
        "spec.zones[0]",
        "spec.zones[0]: vmcluster.name=ghost is not found and no vmcluster spec is provided",
    )


def test_a_cluster_that_we_made_is_not_emptied_when_its_spec_goes() -> None:
    with pytest.raises(BuildError) as caught:
        builder(BY_NAME, [created("VMCluster", "ghost", {"vminsert": {}, "vmselect": {}})]).zones()
    assert caught.value.path == "spec.zones[0].vmcluster.spec.vminsert"


def test_a_referenced_cluster_keeps_its_spec() -> None:
    stored = {"retentionPeriod": "3", "vminsert": {"replicaCount": 2}, "vmselect": {}}
    [zone] = builder(BY_NAME, [referenced("VMCluster", "ghost", stored)]).zones()
    assert (zone.backend.spec, zone.backend.part, zone.backend.annotations) == (stored, {}, {})


def test_an_empty_component_is_a_spec() -> None:
    spec = {"zones": [{"name": "z", "vmcluster": {"name": "db", "spec": {"vminsert": {}, "vmselect": {}}}}]}
    [zone] = builder(spec, [referenced("VMCluster", "db", {"retentionPeriod": "3"})]).zones()
    assert (zone.backend.part, "retentionPeriod" in zone.backend.spec) == (None, False)


def test_a_referenced_cluster_without_vminsert_is_written_to_by_nobody() -> None:
    spec = {"zones": [{"name": "z", "vmcluster": {"name": "ghost"}}, {"name": "east", **COMPONENTS}]}
    [zone, _] = builder(spec, [referenced("VMCluster", "ghost", {"vmselect": {}})]).zones()
    assert (zone.url, zone.accepts_writes, zone.agent.spec["remoteWrite"]) == ("", False, [{"url": EAST}])


def test_a_referenced_cluster_gets_a_license_only_where_it_has_none() -> None:
    spec = {"license": KEY, **BY_NAME}
    [bare] = builder(spec, [referenced("VMCluster", "ghost", {"vminsert": {}})]).zones()
    [licensed] = builder(spec, [referenced("VMCluster", "ghost", {"license": OWN})]).zones()
    assert (bare.backend.part, licensed.backend.part) == ({"license": KEY}, {})


def test_a_referenced_cluster_that_does_not_parse_is_named() -> None:
    with pytest.raises(BuildError) as caught:
        builder(BY_NAME, [referenced("VMCluster", "ghost", {"vminsert": "no"})]).zones()
    assert caught.value.message.startswith("spec.zones[0]: VMCluster=obs/ghost: ")


def test_a_zone_name_that_breaks_what_it_is_put_into_is_named() -> None:
    common = {**COMPONENTS, "vmagent": {"spec": {"extraArgs": {"zone": "%ZONE%"}}}}
    with pytest.raises(
        BuildError, match="zoneCommon with %ZONE% replaced by the name of zone 'a\"b' is not valid JSON"
    ):
        builder({"zoneCommon": common, "zones": [{"name": 'a"b'}]}).zones()


def test_a_named_single_that_is_missing_is_made_of_defaults() -> None:
    [zone] = builder({"backendType": "VMSingle", "zones": [{"name": "z", "vmsingle": {"name": "db"}}]}).zones()
    assert (zone.backend.name, zone.backend.part) == ("db", None)


PREFIX = "operator.victoriametrics.com/vmdistributed-"
SAVED, SAVED_HPA, ADDED = f"{PREFIX}saved-insert-replicas", f"{PREFIX}saved-insert-hpa", f"{PREFIX}added"


@pytest.mark.parametrize(
    ("mode", "insert", "annotations", "part", "changes"),
    [
        pytest.param("read-only", {"replicaCount": 3}, {}, {"replicaCount": 0}, {SAVED: "3"}, id="held"),
        pytest.param("maintenance", {}, {}, {"replicaCount": 0}, {SAVED: ""}, id="held without a number"),
        pytest.param("read-only", {"replicaCount": 0}, {SAVED: "3"}, {"replicaCount": 0}, {}, id="stays held"),
        pytest.param(
            "read-only",
            {"replicaCount": 3, "hpa": {"maxReplicas": 5}},
            {},
            {"replicaCount": 0},
            {SAVED: "3", SAVED_HPA: '{"maxReplicas": 5}'},
            id="the autoscaler is held too",
        ),
        pytest.param(
            "read-write", {"replicaCount": 0}, {SAVED: "3"}, {"replicaCount": 3}, {SAVED: None}, id="restored"
        ),
        pytest.param(
            "write-only", {"replicaCount": 0, "port": "1"}, {SAVED: ""}, {"port": "1"}, {SAVED: None}, id="as it was"
        ),
        pytest.param("read-write", {"replicaCount": 0}, {SAVED: "many"}, {}, {SAVED: None}, id="garbage"),
        pytest.param(
            "read-write",
            {"replicaCount": 0},
            {SAVED: "3", SAVED_HPA: '{"maxReplicas": 5}'},
            {"replicaCount": 3, "hpa": {"maxReplicas": 5}},
            {SAVED: None, SAVED_HPA: None},
            id="restored with its autoscaler",
        ),
        pytest.param(
            "read-write",
            {"replicaCount": 0},
            {SAVED: "3", SAVED_HPA: "{"},
            {"replicaCount": 3},
            {SAVED: None, SAVED_HPA: None},
            id="garbage of an autoscaler",
        ),
        pytest.param("read-write", {"replicaCount": 3}, {}, None, {}, id="never held"),
    ],
)
def test_a_mode_holds_the_writes_of_a_referenced_cluster(
    mode: str, insert: Manifest, annotations: dict[str, str], part: Manifest | None, changes: dict[str, Any]
) -> None:
    live = [referenced("VMCluster", "ghost", {"vminsert": insert, "vmselect": {}}, **annotations)]
    spec = {"zones": [{"name": "z", "trafficMode": mode, "vmcluster": {"name": "ghost"}}]}
    [zone] = builder(spec, live).zones()
    assert (zone.backend.part, dict(zone.backend.annotations)) == ({} if part is None else {"vminsert": part}, changes)


AGENT = {"zones": [{"name": "east", **COMPONENTS, "vmagent": {"name": "mine"}}]}
THEIRS = {"url": "http://elsewhere/write", "sendTimeout": "1s"}


def agent_of(urls: list[Manifest], settings: Manifest | None = None, *, record: str | None = None) -> Any:
    annotations = {} if record is None else {ADDED: record}
    stored = {"remoteWrite": urls, "selectAllByDefault": True} | ({"remoteWriteSettings": settings} if settings else {})
    [zone] = builder(AGENT, [referenced("VMAgent", "mine", stored, **annotations)]).zones()
    assert zone.agent.part is not None
    assert zone.agent.spec == {**stored, **zone.agent.part}
    return zone.agent


def added(urls: list[str], tenants: str) -> str:
    listed = ", ".join(f'"{url}"' for url in urls)
    return f'{{"remoteWrite": [{listed}], "useMultiTenantMode": {tenants}}}'


ZONES_URL = {
    "added": ([THEIRS], [THEIRS, {"url": EAST}], [EAST]),
    "its own entry is not counted as added": ([{"url": EAST}, THEIRS], [{"url": EAST}, THEIRS], []),
    "another port of the service": (
        [{"url": f"http://vminsert-met-east.obs.svc:8428{WRITE}"}, THEIRS],
        [{"url": EAST}, THEIRS],
        [],
    ),
    "another name of the service": (
        [THEIRS, {"url": "http://vminsert-met-east:8428/insert/0/prometheus/api/v1/write"}],
        [THEIRS, {"url": EAST}],
        [],
    ),
    "with the cluster's domain": ([{"url": "http://vminsert-met-east.obs.svc.cluster.local:1/x"}], [{"url": EAST}], []),
    "twice": ([{"url": EAST}, {"url": "http://vminsert-met-east.obs:8428/x"}], [{"url": EAST}], []),
    "another namespace": (
        [{"url": "http://vminsert-met-east.prod.svc:8480/x"}],
        [{"url": "http://vminsert-met-east.prod.svc:8480/x"}, {"url": EAST}],
        [EAST],
    ),
    "a host outside": (
        [{"url": "http://vminsert-met-east.obs.example.org/x"}],
        [{"url": "http://vminsert-met-east.obs.example.org/x"}, {"url": EAST}],
        [EAST],
    ),
}


@pytest.mark.parametrize(("stored", "entries", "ours"), ZONES_URL.values(), ids=ZONES_URL.keys())
def test_a_referenced_agent_gets_the_zones_entries_beside_its_own(
    stored: list[Manifest], entries: list[Manifest], ours: list[str]
) -> None:
    agent = agent_of(stored)
    assert agent.part == {"remoteWrite": entries, "remoteWriteSettings": {"useMultiTenantMode": True}}
    assert agent.annotations == {ADDED: added(ours, "true")}


def test_what_was_added_before_stays_ours() -> None:
    agent = agent_of([THEIRS, {"url": EAST}], {"useMultiTenantMode": True}, record=added([EAST], "true"))
    assert (agent.part["remoteWrite"], agent.annotations) == ([THEIRS, {"url": EAST}], {ADDED: added([EAST], "true")})


def test_the_entry_of_a_removed_zone_goes() -> None:
    agent = agent_of([{"url": WEST}, THEIRS], record=added([WEST], "false"))
    assert (agent.part["remoteWrite"], agent.annotations) == ([THEIRS, {"url": EAST}], {ADDED: added([EAST], "true")})


def test_tenants_that_the_user_turned_on_are_his() -> None:
    agent = agent_of([THEIRS], {"useMultiTenantMode": True, "queues": 2})
    assert agent.part["remoteWriteSettings"] == {"useMultiTenantMode": True, "queues": 2}
    assert agent.annotations == {ADDED: added([EAST], "false")}


@pytest.mark.parametrize("garbage", ["{", "[]", "1", '{"remoteWrite": 1}'])
def test_a_record_that_cannot_be_read_leaves_all_to_the_user(garbage: str) -> None:
    assert agent_of([{"url": EAST}], record=garbage).annotations == {ADDED: added([], "true")}


# -- the balancer (§7) -------------------------------------------------------------------------------------------------


def test_the_balancer_has_our_targets_and_waits_for_its_reload() -> None:
    spec = {
        "zoneCommon": COMPONENTS,
        "zones": [],
        "vmauth": {"spec": {"replicaCount": 2, "waitForConfigReload": False}},
    }
    child = builder(spec).balancer(REFS)
    assert chosen(child, "replicaCount", "waitForConfigReload", "defaultTargetRefs") == {
        "replicaCount": 2,
        "waitForConfigReload": True,
        "defaultTargetRefs": REFS,
    }
    assert child.part is None


def test_a_balancer_that_is_only_named_keeps_its_spec() -> None:
    stored = {"defaultTargetRefs": [{"name": "own"}, {"name": "read"}], "port": "1"}
    live = [referenced("VMAuth", "gate", stored)]
    child = builder({"license": KEY, "vmauth": {"name": "gate"}, "zones": []}, live).balancer(REFS)
    assert child.part == {
        "license": KEY,
        "waitForConfigReload": True,
        "defaultTargetRefs": [{"name": "own"}, REFS[1], REFS[0]],
    }
    assert child.spec == {**stored, **child.part}


def test_a_balancer_that_we_made_is_ours_whole() -> None:
    child = builder({"vmauth": {"name": "gate"}, "zones": []}, [created("VMAuth", "gate", {"port": "1"})]).balancer(
        REFS
    )
    assert (child.part, child.spec["port"]) == (None, "8427")
