"""The listing of all variables."""

import json

import pytest
import yaml

from vmop.settings import print_defaults, variable_values

ENVIRON = {"VM_METRICS_VERSION": "v9", "VM_LOOPBACK": "::1"}

ORDER = (
    *("VM_METRICS_VERSION", "VM_CONFIG_RELOADER_REQUEST_EPHEMERAL_STORAGE", "VM_VLOGSDEFAULT_IMAGE"),
    *("VM_VLAGENTDEFAULT_IMAGE", "VM_VLSINGLEDEFAULT_IMAGE", "VM_VTSINGLEDEFAULT_IMAGE", "VM_VMALERTDEFAULT_IMAGE"),
    *("VM_VMSERVICESCRAPEDEFAULT_ENFORCEENDPOINTSLICES", "VM_VMAGENTDEFAULT_IMAGE", "VM_VMANOMALYDEFAULT_IMAGE"),
    *("VM_VMSINGLEDEFAULT_IMAGE", "VM_VMCLUSTERDEFAULT_USEDEFAULTRESOURCES"),
    *("VM_VMCLUSTERDEFAULT_VMSELECTDEFAULT_IMAGE", "VM_VMCLUSTERDEFAULT_VMSTORAGEDEFAULT_VMINSERTPORT"),
    *("VM_VMCLUSTERDEFAULT_VMSTORAGEDEFAULT_IMAGE", "VM_VMCLUSTERDEFAULT_VMINSERTDEFAULT_IMAGE"),
    *("VM_VMALERTMANAGER_ALERTMANAGERDEFAULTBASEIMAGE", "VM_DISABLESELFSERVICESCRAPECREATION", "VM_VMBACKUP_IMAGE"),
    *("VM_VMAUTHDEFAULT_IMAGE", "VM_VLCLUSTERDEFAULT_USEDEFAULTRESOURCES", "VM_VTCLUSTERDEFAULT_SELECT_IMAGE"),
    *("VM_ENABLEDPROMETHEUSCONVERTER_PODMONITOR", "VM_CLUSTERDOMAINNAME", "VM_OPENSHIFT_COMPATIBILITY"),
)


def test_variables_come_in_their_order() -> None:
    names = [value.name for value in variable_values({})]
    assert [name for name in names if name in ORDER] == list(ORDER)


def test_a_component_lists_its_variables_in_order() -> None:
    suffixes = [
        value.name.removeprefix("VM_VMAUTHDEFAULT_")
        for value in variable_values({})
        if value.name.startswith("VM_VMAUTHDEFAULT_")
    ]
    assert suffixes == [
        *("IMAGE", "VERSION", "PORT", "USEDEFAULTRESOURCES"),
        *("RESOURCE_LIMIT_MEM", "RESOURCE_LIMIT_CPU", "RESOURCE_LIMIT_EPHEMERAL_STORAGE"),
        *("RESOURCE_REQUEST_MEM", "RESOURCE_REQUEST_CPU", "RESOURCE_REQUEST_EPHEMERAL_STORAGE"),
        "TERMINATION_GRACE_PERIOD_SECONDS",
    ]


def test_shown_values_are_raw_and_used_ones_interpolated() -> None:
    found = {value.name: (value.shown, value.used, value.is_set) for value in variable_values(ENVIRON)}
    assert [found[name] for name in ("VM_METRICS_VERSION", "VM_VMAGENTDEFAULT_VERSION", "VM_LOOPBACK")] == [
        ("v9", "v9", True),
        ("${VM_METRICS_VERSION}", "v9", False),
        ("::1", "::1", True),
    ]


def test_json_is_one_object() -> None:
    text = print_defaults(ENVIRON, "json")
    assert json.loads(text) == {value.name: value.shown for value in variable_values(ENVIRON)}


def test_yaml_begins_with_an_empty_line() -> None:
    text = print_defaults(ENVIRON, "yaml")
    assert text.startswith("\nVM_METRICS_VERSION: 'v9'\n")
    assert yaml.safe_load(text) == {value.name: value.shown for value in variable_values(ENVIRON)}


def test_table_columns_are_at_least_four_spaces_apart() -> None:
    header, first, *rest = print_defaults(ENVIRON, "table").splitlines()
    assert (header.split(), first.split("    ")[0], len(rest)) == (
        ["KEY", "DEFAULT", "REQUIRED", "DESCRIPTION"],
        "VM_METRICS_VERSION",
        272,
    )
    place = header.index("REQUIRED")
    assert {line[place - 4 : place + 5] for line in [first, *rest]} == {"    false"}


def test_list_has_three_aligned_lines_a_variable() -> None:
    assert print_defaults(ENVIRON, "list").splitlines()[:4] == [
        "VM_METRICS_VERSION",
        "  [default]        v9",
        "  [required]       false",
        "  [description]    image tag of the VictoriaMetrics applications",
    ]


def test_markdown_names_an_anchor_and_shows_a_dash_for_nothing() -> None:
    lines = print_defaults({}, "markdown").splitlines()
    assert lines[0] == "| Environment variables |"
    assert (
        "| VM_LOOPBACK: `-` "
        '<a href="#variables-vm-loopback" id="variables-vm-loopback">#</a>'
        "<br>host by which containers of one pod reach each other |"
    ) in lines


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown format 'xml', expected one of table, list, json, yaml, markdown"):
        print_defaults({}, "xml")
