"""CustomResourceDefinitions made of the fields."""

import json
from collections.abc import Iterator
from typing import Any

import attrs
import pytest

from vmop.api import KINDS, CustomResource, Manifest, crd, field
from vmop.api.overlays import any_items, extensible, opened, removed, without
from vmop.api.schema import class_schema, kubernetes_schema
from vmop.api.v1alpha1 import VMDistributed
from vmop.api.v1beta1 import KeySelector, RelabelRule, VMAgent, VMCluster

OPEN = "x-kubernetes-preserve-unknown-fields"


def schema_of(kind: type[CustomResource]) -> Manifest:
    schema: Manifest = crd(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return schema


def at(kind: type[CustomResource], path: str) -> Manifest:
    place: Any = schema_of(kind)
    for step in path.split("."):
        place = place["properties"][step.removesuffix("[]")]
        place = place["items"] if step.endswith("[]") else place
    return {key: value for key, value in place.items() if key != "description"}


def nodes(schema: Any) -> Iterator[Manifest]:
    if isinstance(schema, dict):
        yield schema
        for key in ("items", "additionalProperties"):
            yield from nodes(schema.get(key))
        for each in schema.get("properties", {}).values():
            yield from nodes(each)


def test_a_class_becomes_a_structural_schema() -> None:
    assert class_schema(KeySelector) == {
        "type": "object",
        "description": "A key of a Secret or ConfigMap in the namespace of the resource.",
        "properties": {
            "key": {"type": "string", "description": "Key inside the Secret or ConfigMap whose value is used."},
            "name": {
                "type": "string",
                "default": "",
                "description": "Name of the Secret or ConfigMap that holds the key.",
            },
            "optional": {"type": "boolean", "description": "Whether the object or its key may be missing."},
        },
        "required": ["key"],
    }


def test_other_spellings_have_a_property_of_their_own() -> None:
    properties = class_schema(RelabelRule)["properties"]
    assert properties["source_labels"] == {
        "type": "array",
        "items": {"type": "string"},
        "description": "Another spelling of `sourceLabels`.",
    }


def test_types_without_a_schema_are_refused() -> None:
    @attrs.frozen(kw_only=True)
    class Odd:
        value: bytes | None = field("Something that JSON does not have.")

    with pytest.raises(TypeError, match="no schema for"):
        class_schema(Odd)


def test_unknown_kubernetes_structures_are_refused() -> None:
    with pytest.raises(KeyError):
        kubernetes_schema("NoSuchThing")


def test_references_inside_kubernetes_structures_are_expanded() -> None:
    assert "$ref" not in json.dumps(kubernetes_schema("Container"))


def test_pods_of_a_kind_are_left_open() -> None:
    assert at(VMAgent, "spec.affinity") == {"type": "object", OPEN: True}
    assert at(VMAgent, "spec.containers[]") == {"type": "object", OPEN: True, "required": ["name"]}


def test_zones_of_a_vmdistributed_are_checked_by_the_api_server() -> None:
    assert "properties" in at(VMDistributed, "spec.zoneCommon.vmagent.spec.affinity")
    assert at(VMDistributed, "spec.zones[].vmcluster.spec") == {OPEN: True}


def test_claims_of_vmselect_are_not_pruned() -> None:
    assert at(VMCluster, "spec.vmselect.claimTemplates[]") == {"type": "object", OPEN: True}


def test_defaults_and_rules_are_in_the_schema() -> None:
    assert at(VMAgent, "spec.shardCount") == {"type": "integer", "format": "int32", "default": 0}
    assert at(VMAgent, "spec.logLevel")["enum"] == ["INFO", "WARN", "ERROR", "FATAL", "PANIC"]
    assert at(VMCluster, "spec.retentionPeriod")["pattern"] == "^[0-9]+(h|d|w|y)?$"


def test_a_definition_says_how_a_kind_is_served() -> None:
    definition = crd(VMAgent)
    version = definition["spec"]["versions"][0]
    del version["schema"]
    assert definition == {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "vmagents.operator.victoriametrics.com"},
        "spec": {
            "group": "operator.victoriametrics.com",
            "names": {"kind": "VMAgent", "listKind": "VMAgentList", "plural": "vmagents", "singular": "vmagent"},
            "scope": "Namespaced",
            "versions": [version],
        },
    }
    assert version == {
        "name": "v1beta1",
        "served": True,
        "storage": True,
        "additionalPrinterColumns": [
            {
                "name": "Shards Count",
                "type": "integer",
                "jsonPath": ".status.shards",
                "description": "Shards that split the targets",
            },
            {
                "name": "Replica Count",
                "type": "integer",
                "jsonPath": ".status.replicas",
                "description": "Pods of each shard",
            },
            {
                "name": "Status",
                "type": "string",
                "jsonPath": ".status.updateStatus",
                "description": "Result of the last reconcile",
            },
            {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
        ],
        "subresources": {
            "status": {},
            "scale": {
                "specReplicasPath": ".spec.shardCount",
                "statusReplicasPath": ".status.shards",
                "labelSelectorPath": ".status.selector",
            },
        },
    }


def test_short_names_are_served() -> None:
    with_short = [k for k in KINDS if k.short_names]
    assert [crd(k)["spec"]["names"]["shortNames"] for k in with_short] == [list(k.short_names) for k in with_short]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_every_node_has_a_type_or_is_open(kind: type[CustomResource]) -> None:
    untyped = [
        node
        for node in nodes(schema_of(kind))
        if "type" not in node and not node.get(OPEN) and not node.get("x-kubernetes-int-or-string")
    ]
    assert untyped == []


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_definitions_fit_a_server_side_apply(kind: type[CustomResource]) -> None:
    assert len(json.dumps(crd(kind))) < 1_000_000


def test_making_a_definition_twice_gives_the_same() -> None:
    assert crd(VMCluster) == crd(VMCluster)


def test_overlays_change_copies() -> None:
    schema: Manifest = {"type": "object", "description": "d", "required": ["a"], "properties": {"a": {}, "b": {}}}
    assert opened(schema) == {"type": "object", OPEN: True, "description": "d", "required": ["a"]}
    assert extensible(schema) == {**schema, OPEN: True}
    assert without("b")(schema) == {**schema, "properties": {"a": {}}, OPEN: True}
    assert any_items(schema) == {**schema, "items": {OPEN: True}}
    removed(schema)
    assert schema["properties"] == {"a": {}, "b": {}}
