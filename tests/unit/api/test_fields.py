"""Declarations of fields: names, descriptions, and what is shared."""

import inspect
import types
from collections.abc import Iterator
from typing import Any, Union, get_args, get_origin

import attrs
import pytest

from vmop.api import KINDS, CustomResource, Field, camel_case, fields_of, snake_case
from vmop.api.fields import field

# JSON names that no rule can split, and those that are words of Python or of this package.
IRREGULAR = {
    "openTSDBHTTPPort": "open_tsdb_http_port",
    "puppetDBSDConfigs": "puppet_db_sd_configs",
    **{word: f"{word}_" for word in ("if", "for", "from", "class", "continue", "field")},
}


def classes_in(cl: Any) -> Iterator[type]:
    """A class and every class of this package that its fields lead to."""
    if get_origin(cl) in (Union, types.UnionType, list, dict):
        for argument in get_args(cl):
            yield from classes_in(argument)
    elif isinstance(cl, type) and attrs.has(cl):
        yield cl
        for declared in fields_of(cl):
            yield from classes_in(declared.type)


def all_classes() -> list[type]:
    found: dict[type, None] = {}
    for kind in KINDS:
        found |= dict.fromkeys(classes_in(kind.spec_type())) | dict.fromkeys(classes_in(kind.status_type))
    return list(found)


def declared_fields() -> dict[tuple[str, str], Field]:
    """Every field once, by the class that declares it: inherited fields belong to the base."""
    found = {}
    for cls in all_classes():
        for base in cls.__mro__:
            names = inspect.get_annotations(base)
            for declared in fields_of(cls):
                if declared.attribute in names:
                    found[base.__qualname__, declared.attribute] = declared
    return found


FIELDS = declared_fields()


@pytest.mark.parametrize(
    ("json_name", "attribute"),
    [
        ("replicaCount", "replica_count"),
        ("maxDiskUsagePerURL", "max_disk_usage_per_url"),
        ("maintenanceInsertNodeIDs", "maintenance_insert_node_ids"),
        ("arbitraryFSAccessThroughSMs", "arbitrary_fs_access_through_sms"),
        ("enableKubernetesAPISelectors", "enable_kubernetes_api_selectors"),
        ("useVMConfigReloader", "use_vm_config_reloader"),
        ("host_aliases", "host_aliases"),
        ("azureSDConfigs", "azure_sd_configs"),
    ],
)
def test_attribute_is_the_snake_case_of_the_json_name(json_name: str, attribute: str) -> None:
    assert snake_case(json_name) == attribute


def test_camel_case_is_the_default_json_name() -> None:
    assert camel_case("termination_grace_period_seconds") == "terminationGracePeriodSeconds"


def test_every_attribute_follows_the_naming_rule() -> None:
    wrong = {
        (owner, f.attribute): f.spec.json
        for (owner, _), f in FIELDS.items()
        if f.attribute != IRREGULAR.get(f.spec.json, snake_case(f.spec.json))
    }
    assert wrong == {}


def test_every_description_says_something() -> None:
    short = {key: f.spec.doc for key, f in FIELDS.items() if len(f.spec.doc) < 25}
    assert short == {}


def test_no_description_only_repeats_the_name() -> None:
    def words(text: str) -> set[str]:
        return {word for word in snake_case(text).replace("_", " ").replace(".", " ").split() if len(word) > 3}

    repeating = [key for key, f in FIELDS.items() if words(f.spec.doc) <= words(f.spec.json)]
    assert repeating == []


def test_no_two_fields_share_a_description() -> None:
    owners: dict[str, list[tuple[str, str]]] = {}
    for key, declared in FIELDS.items():
        owners.setdefault(declared.spec.doc, []).append(key)
    assert {doc: keys for doc, keys in owners.items() if len(keys) > 1} == {}


def test_every_class_has_a_description() -> None:
    assert [cls.__name__ for cls in all_classes() if not (cls.__doc__ or "").strip().endswith(".")] == []


def test_all_fields_are_optional_and_unset() -> None:
    values = [
        (cls.__name__, name)
        for cls in all_classes()
        for name, value in attrs.asdict(cls(), recurse=False).items()
        if value is not None
    ]
    assert values == []


def test_json_names_are_unique_in_a_class() -> None:
    for cls in all_classes():
        names = [name for f in fields_of(cls) for name in (f.spec.json, *f.spec.aliases)]
        assert len(names) == len(set(names)), cls


def test_metadata_holds_what_was_declared() -> None:
    @attrs.frozen(kw_only=True)
    class Example:
        some_value: str | None = field("Some value.", aliases=("other",), enum=("a", "b"), pointer=True, required=True)

    [declared] = fields_of(Example)
    assert (declared.attribute, declared.spec.json, declared.spec.aliases) == ("some_value", "someValue", ("other",))
    assert (declared.spec.pointer, declared.spec.required, dict(declared.spec.schema)) == (
        True,
        True,
        {"enum": ["a", "b"]},
    )


def test_kinds_know_their_names() -> None:
    assert [
        (kind.api_version(), kind.kind, kind.plural) for kind in KINDS if kind.kind in ("VMCluster", "VMDistributed")
    ] == [
        ("operator.victoriametrics.com/v1beta1", "VMCluster", "vmclusters"),
        ("operator.victoriametrics.com/v1alpha1", "VMDistributed", "vmdistributed"),
    ]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_name_and_namespace_come_from_metadata(kind: type[CustomResource]) -> None:
    obj = kind.make({"name": "x", "namespace": "obs"}, kind.spec_type()(), {})
    assert (obj.name, obj.namespace) == ("x", "obs")


# 02-vmdistributed.md 5: whether the zero value of a scalar is a value of its own (pointer) or means "absent".
POINTERS = """
    VMStorage: replicaCount enableServiceLinks revisionHistoryLimitCount useDefaultResources useStrictSecurity
        disableSelfServiceScrape terminationGracePeriodSeconds preStopSleepSeconds runtimeClassName
    VMClusterSpec: replicationFactor useStrictSecurity
    VMInsert: updateStrategy
    ZoneAgentSpec: updateStrategy
    ZoneRemoteWrite: sendTimeout proxyURL maxDiskUsage
    RemoteWriteSettings: maxBlockSize queues showURL tmpDataPath flushInterval maxDiskUsagePerURL
    HorizontalAutoscaler: minReplicas
    License: key forceOffline reloadInterval
    Backup: concurrency customS3Endpoint disableHourly disableDaily disableWeekly disableMonthly logFormat logLevel
"""
PLAIN = """
    VMStorage: paused hostNetwork disableAutomountServiceAccountToken minReadySeconds port dnsPolicy schedulerName
        priorityClassName logLevel logFormat componentVersion storageDataPath vmInsertPort vmSelectPort
        rollingUpdateStrategy
    VMSelect: cacheMountPath clusterNativeListenPort
    VMClusterSpec: retentionPeriod clusterVersion clusterDomainName serviceAccountName paused useLegacyNaming
    RequestsLoadBalancer: enabled disableInsertBalancing disableSelectBalancing
    VMSingleSpec: retentionPeriod storageDataPath removePvcAfterDelete
    ZoneAgentSpec: statefulMode statefulRollingUpdateStrategy serviceAccountName logLevel logFormat
    ZoneRemoteWrite: forceVMProto
    Image: repository tag pullPolicy
    HorizontalAutoscaler: maxReplicas
"""


@pytest.mark.parametrize(("table", "pointer"), [(POINTERS, True), (PLAIN, False)], ids=["pointers", "plain"])
def test_merge_semantics_are_those_of_the_specs(table: str, pointer: bool) -> None:
    by_name = {cls.__name__: {f.spec.json: f.spec.pointer for f in fields_of(cls)} for cls in all_classes()}
    owner, wrong = "", []
    for word in table.split():
        if word.endswith(":"):
            owner = word.removesuffix(":")
        elif by_name[owner][word] is not pointer:
            wrong.append(f"{owner}.{word}")
    assert wrong == []
