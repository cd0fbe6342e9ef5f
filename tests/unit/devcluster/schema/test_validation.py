"""Validation says what a real 1.36 API server says: the messages here were taken from one."""

# ruff: noqa: E501 - tables of manifests and of the server's sentences, one a row

from typing import Any

import pytest

from vmop.devcluster import schema
from vmop.devcluster.schema import Cause, Manifest

FACTOR: list[Manifest] = [
    {"rule": "(self.type == 'Factor') == has(self.factor)", "message": "factor is required"},
    {"rule": "self.type != 'bad'"},
]
INT_OR_STRING: Manifest = {"x-kubernetes-int-or-string": True, "anyOf": [{"type": "integer"}, {"type": "string"}]}
ITEM: Manifest = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": {"type": "string"},
        "v": {"type": "integer", "x-kubernetes-validations": [{"rule": "self >= oldSelf", "message": "grows"}]},
    },
}
SPEC: dict[str, Manifest] = {
    "need": {"type": "string"},
    "i": {"type": "integer", "minimum": 1, "maximum": 5},
    "i32": {"type": "integer", "format": "int32"},
    "n": {"type": "number", "exclusiveMinimum": True, "minimum": 0, "multipleOf": 2},
    "below": {"type": "number", "exclusiveMaximum": True, "maximum": 3},
    "b": {"type": "boolean"},
    "s": {"type": "string", "minLength": 2, "maxLength": 4, "pattern": "^a+$"},
    "e": {"type": "string", "enum": ["x", "y"]},
    "l": {"type": "array", "minItems": 1, "maxItems": 2, "items": {"type": "string"}},
    "set": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
    "m": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"], "items": ITEM},
    "o": {"type": "object", "additionalProperties": {"type": "integer"}, "minProperties": 1, "maxProperties": 2},
    "nul": {"type": "string", "nullable": True},
    "ios": {**INT_OR_STRING, "pattern": "^[0-9]+$"},
    "dt": {"type": "string", "format": "date-time"},
    "q": {
        "type": "object",
        "properties": {"type": {"type": "string"}, "factor": {"type": "integer"}},
        "x-kubernetes-validations": FACTOR,
    },
    "imm": {
        "type": "string",
        "x-kubernetes-validations": [
            {"rule": "self == oldSelf", "message": "is immutable", "reason": "FieldValueForbidden"}
        ],
    },
    "req": {
        "type": "string",
        "x-kubernetes-validations": [{"rule": "size(self) > 0", "message": "say it", "reason": "FieldValueRequired"}],
    },
    "dup": {
        "type": "string",
        "x-kubernetes-validations": [{"rule": "self == 'a'", "message": "no", "reason": "FieldValueDuplicate"}],
    },
    "one": {
        "type": "object",
        "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
        "oneOf": [{"required": ["a"]}, {"required": ["b"]}],
    },
    "any": {"type": "object", "properties": {"a": {"type": "string"}}, "anyOf": [{"required": ["a"]}]},
    "all": {"type": "integer", "allOf": [{"minimum": 2}], "not": {"enum": [3]}},
}
VALUE = schema.crd_type(
    {
        "type": "object",
        "required": ["spec"],
        "properties": {"spec": {"type": "object", "required": ["need"], "properties": SPEC}},
    }
)
UNCHECKED = (
    "FieldValueInvalid",
    (
        "Invalid value: null: some validation rules were not checked because the object was invalid; "
        "correct the existing errors to complete validation"
    ),
    "<nil>",
)


def invalid(field: str, message: str) -> tuple[str, str, str]:
    return ("FieldValueInvalid", f"Invalid value: {message}", field)


def mistyped(field: str, wanted: str, got: str) -> tuple[str, str, str]:
    return (
        "FieldValueTypeInvalid",
        f'Invalid value: "{got}": {field} in body must be of type {wanted}: "{got}"',
        field,
    )


def causes(spec: Any, old: Any = None) -> list[tuple[str, str, str]]:
    manifests = [
        None if one is None else {"apiVersion": "e.com/v1", "kind": "Val", "metadata": {"name": "x"}, "spec": one}
        for one in (spec, old)
    ]
    assert manifests[0] is not None
    found = schema.validate(VALUE, schema.prune(VALUE, manifests[0]), manifests[1])
    return [(cause.reason, cause.message, cause.field) for cause in found]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"nul": None}, []),
        ({"i": None}, []),
        ({"ios": 5}, []),
        ({"i": 0}, [invalid("spec.i", "0: spec.i in body should be greater than or equal to 1")]),
        ({"i": 9}, [invalid("spec.i", "9: spec.i in body should be less than or equal to 5")]),
        ({"i": "a"}, [mistyped("spec.i", "integer", "string"), UNCHECKED]),
        (
            {"i": 1.5},
            [
                mistyped("spec.i", "integer", "number"),
                invalid("<nil>", '"": Checked value must be of type integer (default format) in spec.i'),
                UNCHECKED,
            ],
        ),
        (
            {"i32": 3000000000},
            [invalid("<nil>", '"": Checked value must be of type integer with format int32 in spec.i32')],
        ),
        ({"n": 0}, [invalid("spec.n", "0: spec.n in body should be greater than 0")]),
        ({"n": 3}, [invalid("spec.n", "3: spec.n in body should be a multiple of 2")]),
        ({"below": 3}, [invalid("spec.below", "3: spec.below in body should be less than 3")]),
        ({"b": "true"}, [mistyped("spec.b", "boolean", "string"), UNCHECKED]),
        ({"b": 1}, [mistyped("spec.b", "boolean", "integer"), UNCHECKED]),
        ({"s": "a"}, [invalid("spec.s", '"a": spec.s in body should be at least 2 chars long')]),
        ({"s": "bb"}, [invalid("spec.s", "\"bb\": spec.s in body should match '^a+$'")]),
        ({"s": "bbbbb"}, [("FieldValueTooLong", "Too long: may not be more than 4 bytes", "spec.s"), UNCHECKED]),
        (
            {"e": "z"},
            [("FieldValueNotSupported", 'Unsupported value: "z": supported values: "x", "y"', "spec.e"), UNCHECKED],
        ),
        ({"l": []}, [invalid("spec.l", "0: spec.l in body should have at least 1 items")]),
        ({"l": list("abc")}, [("FieldValueTooMany", "Too many: 3: must have at most 2 items", "spec.l"), UNCHECKED]),
        ({"l": [1]}, [mistyped("spec.l[0]", "string", "integer"), UNCHECKED]),
        ({"l": "a"}, [mistyped("spec.l", "array", "string"), UNCHECKED]),
        ({"set": ["a", "a"]}, [("FieldValueDuplicate", 'Duplicate value: "a"', "spec.set[1]")]),
        (
            {"m": [{"name": "a"}, {"name": "a"}]},
            [("FieldValueDuplicate", 'Duplicate value: {"name":"a"}', "spec.m[1]")],
        ),
        ({"m": [{"v": 1}]}, [("FieldValueRequired", "Required value", "spec.m[0].name"), UNCHECKED]),
        (
            {"m": [1]},
            [
                mistyped("spec.m[0]", "object", "integer"),
                invalid("spec.m[0]", "1: must be an object for an array of list-type map"),
                UNCHECKED,
            ],
        ),
        ({"o": {}}, [invalid("spec.o", "0: spec.o in body should have at least 1 properties")]),
        (
            {"o": {"a": 1, "b": 2, "c": 3}},
            [("FieldValueTooMany", "Too many: 3: must have at most 2 items", "spec.o"), UNCHECKED],
        ),
        ({"o": {"a": "x"}}, [mistyped("spec.o.a", "integer", "string"), UNCHECKED]),
        (
            {"ios": True},
            [
                mistyped("spec.ios", "integer,string", "boolean"),
                invalid("<nil>", '"": "spec.ios" must validate at least one schema (anyOf)'),
                mistyped("spec.ios", "integer", "boolean"),
                UNCHECKED,
            ],
        ),
        ({"ios": "abc"}, [invalid("spec.ios", "\"abc\": spec.ios in body should match '^[0-9]+$'")]),
        (
            {"dt": "nope"},
            [
                (
                    "FieldValueTypeInvalid",
                    'Invalid value: "nope": spec.dt in body must be of type date-time: "nope"',
                    "spec.dt",
                ),
                UNCHECKED,
            ],
        ),
        ({"dt": "2026-01-01T00:00:00Z"}, []),
        ({"q": {"type": "Factor", "factor": 1}}, []),
        ({"q": {"type": "Factor"}}, [invalid("spec.q", "factor is required")]),
        ({"q": {"type": "bad"}}, [invalid("spec.q", "failed rule: self.type != 'bad'")]),
        (
            {"q": {}},
            [
                invalid("spec.q", '"object": no such key: type evaluating rule: factor is required'),
                invalid("spec.q", "\"object\": no such key: type evaluating rule: self.type != 'bad'"),
            ],
        ),
        ({"req": ""}, [("FieldValueRequired", "Required value: say it", "spec.req")]),
        ({"dup": "b"}, [("FieldValueDuplicate", 'Duplicate value: "b"', "spec.dup")]),
        (
            {"one": {}},
            [
                invalid("<nil>", '"": "spec.one" must validate one and only one schema (oneOf). Found none valid'),
                ("FieldValueRequired", "Required value", "spec.one.a"),
                UNCHECKED,
            ],
        ),
        (
            {"one": {"a": "1", "b": "2"}},
            [
                invalid(
                    "<nil>", '"": "spec.one" must validate one and only one schema (oneOf). Found 2 valid alternatives'
                )
            ],
        ),
        (
            {"any": {}},
            [
                invalid("<nil>", '"": "spec.any" must validate at least one schema (anyOf)'),
                ("FieldValueRequired", "Required value", "spec.any.a"),
                UNCHECKED,
            ],
        ),
        ({"all": 1}, [invalid("spec.all", "1: spec.all in body should be greater than or equal to 2")]),
        ({"all": 3}, [invalid("<nil>", '"": "spec.all" must not validate the schema (not)')]),
    ],
)
def test_causes_of_a_custom_resource(fields: Manifest, expected: list[tuple[str, str, str]]) -> None:
    assert causes({"need": "x"} | fields) == expected


def test_a_required_field_is_named() -> None:
    assert causes({}) == [("FieldValueRequired", "Required value", "spec.need"), UNCHECKED]


def test_a_struct_must_be_an_object() -> None:
    assert causes(5) == [mistyped("spec", "object", "integer"), UNCHECKED]


def test_a_transition_rule_compares_with_what_was_there() -> None:
    assert causes({"need": "x", "imm": "b"}) == []
    assert causes({"need": "x", "imm": "b"}, {"need": "x", "imm": "a"}) == [
        ("FieldValueForbidden", "Forbidden: is immutable", "spec.imm")
    ]


def test_a_transition_rule_finds_items_by_their_key() -> None:
    old = {"need": "x", "m": [{"name": "a", "v": 1}, {"name": "b", "v": 5}]}
    new = {"need": "x", "m": [{"name": "b", "v": 4}, {"name": "c", "v": 0}]}
    assert causes(new, old) == [invalid("spec.m[0].v", "4: grows")]


# Built-in kinds


def stored(group: str, version: str, kind: str, **content: Any) -> list[Cause]:
    place = schema.builtin_type(group, version, kind)
    assert place is not None
    api_version = f"{group}/{version}" if group else version
    manifest = {"apiVersion": api_version, "kind": kind, "metadata": {"name": "x"}, **content}
    return schema.validate(place, schema.apply_defaults(place, manifest))


def shown(found: list[Cause]) -> list[str]:
    return [f"{cause.field}: {cause.message}" for cause in found]


def workload(container: Manifest, **pod: Any) -> Manifest:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [container], **pod}}
    return {"selector": {"matchLabels": {"a": "b"}}, "template": template}


def test_a_workload_needs_selector_labels_and_containers() -> None:
    assert shown(stored("apps", "v1", "Deployment", spec={})) == [
        "spec.selector: Required value",
        "spec.template.metadata.labels: Invalid value: null: `selector` does not match template `labels`",
        "spec.template.spec.containers: Required value",
    ]


def test_a_container_is_checked_in_depth() -> None:
    container = {
        "name": "c",
        "image": "i",
        "volumeMounts": [{"name": "no", "mountPath": "/x"}, {"name": "v", "mountPath": "/x"}, {}],
        "ports": [{"containerPort": 0}, {"containerPort": 80, "name": "a"}, {"containerPort": 99999, "name": "a"}],
        "env": [{"name": ""}, {"name": "A", "value": "x", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
        "resources": {"limits": {"cpu": "1", "memory": "-1"}, "requests": {"cpu": "2"}},
    }
    spec = workload(container, volumes=[{"name": "v"}, {"name": "v"}, {"name": "Bad"}], restartPolicy="Never")
    path = "spec.template.spec.containers[0]"
    assert shown(stored("apps", "v1", "DaemonSet", spec=spec)) == [
        'spec.template.spec.volumes[1].name: Duplicate value: "v"',
        (
            'spec.template.spec.volumes[2].name: Invalid value: "Bad": a lowercase RFC 1123 label must consist of lower case '
            "alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or "
            "'123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
        ),
        f"{path}.ports[0].containerPort: Required value",
        f'{path}.ports[2].name: Duplicate value: "a"',
        f"{path}.ports[2].containerPort: Invalid value: 99999: must be between 1 and 65535, inclusive",
        f"{path}.env[0].name: Required value",
        f'{path}.env[1].valueFrom: Invalid value: "": may not be specified when `value` is not empty',
        f'{path}.volumeMounts[0].name: Not found: "no"',
        f'{path}.volumeMounts[1].mountPath: Invalid value: "/x": must be unique',
        f"{path}.volumeMounts[2].name: Required value",
        f"{path}.volumeMounts[2].mountPath: Required value",
        f'{path}.resources.limits[memory]: Invalid value: "-1": must be greater than or equal to 0',
        f'{path}.resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1',
        'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"',
    ]


def test_container_names_are_given_once() -> None:
    spec = {
        "containers": [{"name": "c"}, {"name": "c", "image": "i"}, {"image": "i"}, {"name": "c" * 64, "image": "i"}]
    }
    assert shown(stored("", "v1", "Pod", spec=spec)) == [
        "spec.containers[0].image: Required value",
        'spec.containers[1].name: Duplicate value: "c"',
        "spec.containers[2].name: Required value",
        "spec.containers[3].name: Too long: may not be more than 63 bytes",
    ]


def test_a_stateful_set_knows_two_policies_and_two_strategies() -> None:
    spec = workload({"name": "c", "image": "i"}) | {"replicas": -1, "podManagementPolicy": "X"}
    assert shown(stored("apps", "v1", "StatefulSet", spec=spec | {"updateStrategy": {"type": "Foo"}})) == [
        "spec.replicas: Invalid value: -1: must be greater than or equal to 0",
        "spec.podManagementPolicy: Invalid value: \"X\": must be 'OrderedReady' or 'Parallel'",
        'spec.updateStrategy: Invalid value: {"Type":"Foo","RollingUpdate":null}: must be \'RollingUpdate\' or \'OnDelete\'',
    ]


def test_on_delete_takes_no_rolling_update() -> None:
    spec = workload({"name": "c", "image": "i"})
    strategy = {"type": "OnDelete", "rollingUpdate": {"partition": 1}}
    assert shown(stored("apps", "v1", "StatefulSet", spec=spec | {"updateStrategy": strategy})) == [
        (
            'spec.updateStrategy.rollingUpdate: Invalid value: {"Partition":1,"MaxUnavailable":null}: '
            "only allowed for updateStrategy 'RollingUpdate'"
        )
    ]


@pytest.mark.parametrize(
    ("group", "version", "kind", "content", "expected"),
    [
        ("", "v1", "Service", {"spec": {}}, ["spec.ports: Required value"]),
        ("", "v1", "Service", {"spec": {"clusterIP": "None"}}, []),
        ("", "v1", "Service", {"spec": {"type": "ExternalName"}}, ["spec.externalName: Required value"]),
        (
            "",
            "v1",
            "Service",
            {"spec": {"type": "Foo", "ports": [{"port": 80}, {"port": 80, "name": "a"}, {"port": 0, "name": "a"}]}},
            [
                "spec.ports[0].name: Required value",
                'spec.ports[2].name: Duplicate value: "a"',
                "spec.ports[2].port: Invalid value: 0: must be between 1 and 65535, inclusive",
                "spec.ports[2].targetPort: Invalid value: 0: must be between 1 and 65535, inclusive",
                (
                    'spec.type: Unsupported value: "Foo": supported values: "ClusterIP", "ExternalName", "LoadBalancer", '
                    '"NodePort"'
                ),
                (
                    'spec.ports[1]: Duplicate value: {"Name":"","Protocol":"TCP","AppProtocol":null,"Port":80,'
                    '"TargetPort":0,"NodePort":0}'
                ),
            ],
        ),
        (
            "",
            "v1",
            "ConfigMap",
            {"data": {"x": ""}, "binaryData": {"x": ""}},
            ['data[x]: Invalid value: "x": duplicate of key present in binaryData'],
        ),
        (
            "",
            "v1",
            "Secret",
            {"data": {"a b": "eA=="}},
            [
                (
                    "data[a b]: Invalid value: \"a b\": a valid config key must consist of alphanumeric characters, '-', '_' "
                    "or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is "
                    "'[-._a-zA-Z0-9]+')"
                )
            ],
        ),
        (
            "",
            "v1",
            "PersistentVolumeClaim",
            {"spec": {}},
            [
                "spec.accessModes: Required value: at least 1 access mode is required",
                "spec.resources[storage]: Required value",
            ],
        ),
        (
            "policy",
            "v1",
            "PodDisruptionBudget",
            {"spec": {"minAvailable": 1, "maxUnavailable": 1}},
            [
                (
                    'spec: Invalid value: {"MinAvailable":1,"Selector":null,"MaxUnavailable":1,'
                    '"UnhealthyPodEvictionPolicy":null}: minAvailable and maxUnavailable cannot be both set'
                )
            ],
        ),
        (
            "autoscaling",
            "v2",
            "HorizontalPodAutoscaler",
            {"spec": {"maxReplicas": 0, "scaleTargetRef": {"kind": "", "name": ""}}},
            [
                "spec.maxReplicas: Required value: must be set and greater than 0",
                "spec.maxReplicas: Invalid value: 0: must be greater than or equal to `minReplicas`",
                "spec.scaleTargetRef.kind: Required value",
                "spec.scaleTargetRef.name: Required value",
                'spec.scaleTargetRef.apiVersion: Invalid value: "": apiVersion must specify API group',
            ],
        ),
        (
            "networking.k8s.io",
            "v1",
            "Ingress",
            {"spec": {}},
            ["spec: Invalid value: null: either `defaultBackend` or `rules` must be specified"],
        ),
        (
            "coordination.k8s.io",
            "v1",
            "Lease",
            {"spec": {"leaseDurationSeconds": 0}},
            ["spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0"],
        ),
        ("", "v1", "Event", {}, []),
    ],
)
def test_causes_of_built_in_kinds(group: str, version: str, kind: str, content: Manifest, expected: list[str]) -> None:
    assert shown(stored(group, version, kind, **content)) == expected


def test_an_empty_selector_selects_nothing_on_purpose() -> None:
    spec = workload({"name": "c", "image": "i"}) | {"selector": {}}
    assert shown(stored("apps", "v1", "ReplicaSet", spec=spec)) == [
        "spec.selector: Invalid value: {}: empty selector is invalid for replicaset"
    ]
