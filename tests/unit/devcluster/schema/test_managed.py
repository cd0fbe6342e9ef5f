"""Field ownership: the measured lines of the writing spec, and what differs between appliers and updaters."""

import copy
from datetime import UTC, datetime
from typing import Any

import pytest

from vmop.devcluster import schema
from vmop.devcluster.schema import Manifest

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = datetime(2026, 1, 1, 0, 1, tzinfo=UTC)


def builtin(group: str, version: str, kind: str) -> schema.Type:
    found = schema.builtin_type(group, version, kind)
    assert found is not None
    return found


DEPLOYMENT = builtin("apps", "v1", "Deployment")
CONFIG_MAP = builtin("", "v1", "ConfigMap")
CLUSTER = schema.crd_type(
    {
        "type": "object",
        "properties": {
            "spec": {
                "type": "object",
                "properties": {
                    "vminsert": {"type": "object", "properties": {"replicaCount": {"type": "integer"}}},
                    "zones": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
                },
            }
        },
    }
)


def config_map(**data: str) -> Manifest:
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": "obs"}}
    return manifest | ({"data": data} if data else {})


def deployment(*containers: Manifest, **spec: Any) -> Manifest:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": list(containers)}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "x", "namespace": "obs"},
        "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template, **spec},
    }


def cluster(**spec: Any) -> Manifest:
    return {"apiVersion": "e.com/v1", "kind": "Cluster", "metadata": {"name": "x"}, "spec": spec}


def applied(place: schema.Type, live: Manifest | None, body: Manifest, manager: str = "vmop", **how: Any) -> Manifest:
    result = schema.apply(place, live, body, manager, force=how.get("force", True), now=how.get("now", NOW))
    return schema.apply_defaults(place, result)


def updated(place: schema.Type, live: Manifest | None, body: Manifest, manager: str, subresource: str = "") -> Manifest:
    return schema.track_update(place, live, body, manager, "Update", subresource, NOW)


def owners(manifest: Manifest) -> dict[tuple[str, str], Manifest]:
    return {
        (entry["manager"], entry["operation"]): entry["fieldsV1"]
        for entry in manifest["metadata"].get("managedFields", [])
    }


def test_an_apply_owns_what_it_says_and_has_its_time() -> None:
    made = applied(CONFIG_MAP, None, config_map(a="1"))
    assert made == config_map(a="1") | {
        "metadata": {
            "name": "x",
            "namespace": "obs",
            "managedFields": [
                {
                    "manager": "vmop",
                    "operation": "Apply",
                    "apiVersion": "v1",
                    "time": "2026-01-01T00:00:00Z",
                    "fieldsType": "FieldsV1",
                    "fieldsV1": {"f:data": {"f:a": {}}},
                }
            ],
        }
    }


def test_what_an_applier_leaves_out_goes_and_what_others_own_stays() -> None:
    live = applied(CONFIG_MAP, None, config_map(a="1", b="2"))
    live = applied(CONFIG_MAP, live, config_map(b="2", c="3"), "other")
    live = applied(CONFIG_MAP, live, config_map(d="4"))
    assert live["data"] == {"b": "2", "c": "3", "d": "4"}


def test_a_metadata_only_apply_empties_the_data_of_a_config_map() -> None:
    live = applied(CONFIG_MAP, None, config_map(a="1"))
    assert "data" not in applied(CONFIG_MAP, live, config_map())


def test_an_apply_that_changes_nothing_has_no_time() -> None:
    live = applied(CONFIG_MAP, None, config_map(a="1"))
    live = applied(CONFIG_MAP, live, config_map(a="1"), "other", now=LATER)
    assert [entry.get("time") for entry in live["metadata"]["managedFields"]] == [None, "2026-01-01T00:00:00Z"]


def test_items_of_others_come_first_in_a_merged_list() -> None:
    live = applied(DEPLOYMENT, None, deployment({"name": "injected", "image": "i"}), "injector")
    live = applied(DEPLOYMENT, live, deployment({"name": "main", "image": "m"}))
    assert [container["name"] for container in live["spec"]["template"]["spec"]["containers"]] == ["injected", "main"]


def test_replicas_left_out_are_reset_unless_another_manager_owns_them() -> None:
    main = {"name": "main", "image": "m"}
    live = applied(DEPLOYMENT, None, deployment(main, replicas=3))
    assert applied(DEPLOYMENT, live, deployment(main))["spec"]["replicas"] == 1
    scaled = copy.deepcopy(live)
    scaled["spec"]["replicas"] = 5
    scaled = updated(DEPLOYMENT, live, scaled, "autoscaler", "scale")
    assert applied(DEPLOYMENT, scaled, deployment(main))["spec"]["replicas"] == 5


def test_a_conflict_names_managers_and_fields() -> None:
    live = updated(CONFIG_MAP, None, config_map(a="1", b="1"), "kubectl")
    with pytest.raises(schema.ApplyConflict) as conflict:
        applied(CONFIG_MAP, live, config_map(a="2", b="2"), force=False)
    assert str(conflict.value) == (
        'Apply failed with 2 conflicts: conflicts with "kubectl" using v1:\n- .data.a\n- .data.b'
    )
    assert conflict.value.causes == [
        {"reason": "FieldManagerConflict", "message": 'conflict with "kubectl" using v1', "field": f".data.{key}"}
        for key in "ab"
    ]


def test_a_single_conflict_is_one_sentence() -> None:
    live = updated(CONFIG_MAP, None, config_map(a="1"), "hpa", "scale")
    with pytest.raises(schema.ApplyConflict) as conflict:
        applied(CONFIG_MAP, live, config_map(a="2"), force=False)
    assert str(conflict.value) == (
        'Apply failed with 1 conflict: conflict with "hpa" with subresource "scale" using v1: .data.a'
    )


def test_equal_values_are_owned_together() -> None:
    live = applied(CONFIG_MAP, None, config_map(a="1"))
    live = applied(CONFIG_MAP, live, config_map(a="1"), "other", force=False)
    assert set(owners(live)) == {("vmop", "Apply"), ("other", "Apply")}


def test_an_update_takes_what_it_changes() -> None:
    live = applied(CONFIG_MAP, None, config_map(a="1", b="2"))
    changed = live | {"data": {"a": "9"}}
    assert owners(updated(CONFIG_MAP, live, changed, "kubectl")) == {("kubectl", "Update"): {"f:data": {"f:a": {}}}}


def test_before_the_first_apply_an_untracked_object_belongs_to_nobody_known() -> None:
    live = config_map(a="1")
    live["metadata"]["uid"] = "u"
    assert "managedFields" not in updated(CONFIG_MAP, live, live, "kubectl")["metadata"]
    live = applied(CONFIG_MAP, live, config_map(b="2"))
    assert owners(live) == {
        ("vmop", "Apply"): {"f:data": {"f:b": {}}},
        ("before-first-apply", "Update"): {"f:data": {".": {}, "f:a": {}}},
    }


@pytest.mark.parametrize("entries", [[], [{}]])
def test_managed_fields_can_be_reset(entries: list[Manifest]) -> None:
    live = applied(CONFIG_MAP, None, config_map(a="1"))
    body = live | {"metadata": live["metadata"] | {"managedFields": entries}}
    assert "managedFields" not in updated(CONFIG_MAP, live, body, "kubectl")["metadata"]


def test_a_request_may_move_ownership_by_its_own_managed_fields() -> None:
    live = updated(CONFIG_MAP, None, config_map(a="1"), "manager")
    moved = copy.deepcopy(live)
    moved["metadata"]["managedFields"][0] |= {"manager": "vmop", "operation": "Apply"}
    live = updated(CONFIG_MAP, live, moved, "vmop-metadata")
    assert owners(live) == {("vmop", "Apply"): {"f:data": {".": {}, "f:a": {}}}}
    assert "data" not in applied(CONFIG_MAP, live, config_map())


@pytest.mark.parametrize(
    "entry",
    [{"operation": "Create"}, {"operation": "Apply"}, {"operation": "Apply", "apiVersion": "v1", "fieldsType": "V2"}],
)
def test_broken_managed_fields_of_a_request_are_ignored(entry: Manifest) -> None:
    live = applied(CONFIG_MAP, None, config_map(a="1"))
    body = live | {"metadata": live["metadata"] | {"managedFields": [entry]}}
    assert updated(CONFIG_MAP, live, body, "kubectl") == live


def test_through_a_subresource_managed_fields_cannot_be_set() -> None:
    live = applied(CONFIG_MAP, None, config_map(a="1"))
    body = live | {"metadata": live["metadata"] | {"managedFields": []}}
    assert updated(CONFIG_MAP, live, body, "kubectl", "status") == live


def test_the_eleventh_updater_goes_into_one_entry_with_the_oldest() -> None:
    live = updated(CONFIG_MAP, None, config_map(k0="v"), "m00")
    for index in range(1, 11):
        body = live | {"data": live["data"] | {f"k{index}": "v"}}
        live = updated(CONFIG_MAP, live, body, f"m{index:02}")
    assert [key[0] for key in owners(live)] == ["ancient-changes", *(f"m{index:02}" for index in range(2, 11))]


def test_an_object_that_becomes_empty_turns_null_on_custom_resources() -> None:
    live = applied(CLUSTER, None, cluster(vminsert={"replicaCount": 1}))
    emptied = applied(CLUSTER, live, cluster(vminsert={}))
    assert emptied["spec"] == {"vminsert": None}
    assert [cause.message for cause in schema.validate(CLUSTER, emptied, live)] == [
        'Invalid value: "null": spec.vminsert in body must be of type object: "null"'
    ]


def test_repeated_keys_cannot_be_applied() -> None:
    body = deployment({"name": "main", "image": "m", "env": [{"name": "A"}, {"name": "A"}]})
    with pytest.raises(schema.DuplicateKeys) as error:
        applied(DEPLOYMENT, None, body)
    assert str(error.value) == (
        "failed to create typed patch object (obs/x; apps/v1, Kind=Deployment): "
        '.spec.template.spec.containers[name="main"].env: duplicate entries for key [name="A"]'
    )


def test_fields_that_the_schema_lacks_cannot_be_applied() -> None:
    with pytest.raises(schema.FieldNotDeclared) as error:
        applied(CLUSTER, None, cluster(nope=1))
    assert str(error.value) == (
        "failed to create typed patch object (/x; e.com/v1, Kind=Cluster): .spec.nope: field not declared in schema"
    )


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (cluster(zones="a"), ".spec.zones: expected list, got &{a}"),
        (cluster(vminsert=[1]), ".spec.vminsert: expected map, got &{[1]}"),
        (
            cluster(vminsert={"replicaCount": "1"}),
            ".spec.vminsert.replicaCount: expected numeric (int or float), got string",
        ),
        (cluster(zones=[{}]), ".spec.zones: element 0: associative list without keys has an element that's a map type"),
        (cluster(zones=[[1]]), ".spec.zones: element 0: not supported: associative list with lists as elements"),
        (
            cluster(zones=[None]),
            ".spec.zones: element 0: associative list without keys has an element that's an explicit null",
        ),
        (
            cluster(vminsert={"replicaCount": True}, zones="a"),
            (
                "errors:\n  .spec.vminsert.replicaCount: expected numeric (int or float), got bool\n"
                "  .spec.zones: expected list, got &{a}"
            ),
        ),
    ],
)
def test_mistyped_configurations_cannot_be_applied(body: Manifest, message: str) -> None:
    with pytest.raises(schema.UntypedApply) as error:
        applied(CLUSTER, None, body)
    assert str(error.value) == f"failed to create typed patch object (/x; e.com/v1, Kind=Cluster): {message}"


def test_a_configuration_with_managed_fields_is_refused() -> None:
    body = config_map()
    body["metadata"]["managedFields"] = []
    with pytest.raises(schema.InvalidApply, match="managedFields must be nil"):
        applied(CONFIG_MAP, None, body)


def test_repeated_keys_that_a_put_stored_are_owned_as_one_and_replaced_by_an_apply() -> None:
    env = [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]
    doubled = schema.apply_defaults(DEPLOYMENT, deployment({"name": "main", "image": "m", "env": env}))
    live = updated(DEPLOYMENT, None, doubled, "kubectl")
    single = deployment({"name": "main", "image": "m", "env": [{"name": "A", "value": "3"}]})
    result = applied(DEPLOYMENT, live, single)
    assert result["spec"]["template"]["spec"]["containers"][0]["env"] == [{"name": "A", "value": "3"}]
    again = updated(DEPLOYMENT, result, doubled | {"metadata": result["metadata"]}, "kubectl")
    env_of = again["spec"]["template"]["spec"]["containers"][0]["env"]
    assert env_of == env
    changed = copy.deepcopy(again)
    changed["spec"]["template"]["spec"]["containers"][0]["env"][1]["value"] = "7"
    fields = owners(updated(DEPLOYMENT, again, changed, "editor"))["editor", "Update"]
    container = fields["f:spec"]["f:template"]["f:spec"]["f:containers"]['k:{"name":"main"}']
    assert container == {"f:env": {'k:{"name":"A"}': {}}}
