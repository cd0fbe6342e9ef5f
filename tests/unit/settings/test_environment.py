"""What the environment makes of the settings."""

import pytest

from vmop.settings import (
    ComponentDefaults,
    DefaultResources,
    Settings,
    SettingsError,
    parse_duration,
    parse_quantity,
    variable_values,
)


def test_an_empty_environment_gives_the_defaults() -> None:
    assert Settings.from_env({}) == Settings()


def test_an_empty_value_is_the_same_as_none() -> None:
    assert Settings.from_env({"VM_APPREADYTIMEOUT": "", "VM_VMAGENTDEFAULT_PORT": ""}) == Settings()


def test_unknown_and_removed_variables_are_ignored() -> None:
    assert Settings.from_env({"VM_USECUSTOMCONFIGRELOADER": "nonsense", "HOME": "/root"}) == Settings()


def test_a_component_has_eleven_variables() -> None:
    settings = Settings.from_env(
        {
            "VM_VMSINGLEDEFAULT_IMAGE": "acme/single",
            "VM_VMSINGLEDEFAULT_VERSION": "v9.0.0",
            "VM_VMSINGLEDEFAULT_PORT": "9000",
            "VM_VMSINGLEDEFAULT_USEDEFAULTRESOURCES": "F",
            "VM_VMSINGLEDEFAULT_RESOURCE_LIMIT_MEM": "1Gi",
            "VM_VMSINGLEDEFAULT_RESOURCE_LIMIT_CPU": "unlimited",
            "VM_VMSINGLEDEFAULT_RESOURCE_LIMIT_EPHEMERAL_STORAGE": "10G",
            "VM_VMSINGLEDEFAULT_RESOURCE_REQUEST_MEM": "512Mi",
            "VM_VMSINGLEDEFAULT_RESOURCE_REQUEST_CPU": "0.5",
            "VM_VMSINGLEDEFAULT_RESOURCE_REQUEST_EPHEMERAL_STORAGE": "1e9",
            "VM_VMSINGLEDEFAULT_TERMINATION_GRACE_PERIOD_SECONDS": "45",
        }
    )
    assert settings.vmsingle == ComponentDefaults(
        image="acme/single",
        version="v9.0.0",
        port="9000",
        use_default_resources=False,
        resources=DefaultResources(
            limit_mem="1Gi",
            limit_cpu="unlimited",
            limit_ephemeral_storage="10G",
            request_mem="512Mi",
            request_cpu="0.5",
            request_ephemeral_storage="1e9",
        ),
        termination_grace_period_seconds=45,
    )


def test_resources_by_name_leave_out_what_is_unlimited() -> None:
    resources = Settings().vmagent.resources
    assert (resources.limits, resources.requests) == (
        {"cpu": "200m", "memory": "500Mi"},
        {"cpu": "50m", "memory": "200Mi"},
    )


def test_alertmanager_has_names_of_its_own_and_no_interpolation() -> None:
    settings = Settings.from_env(
        {
            "VM_VMALERTMANAGER_ALERTMANAGERDEFAULTBASEIMAGE": "acme/am",
            "VM_VMALERTMANAGER_ALERTMANAGERVERSION": "$VM_METRICS_VERSION",
        }
    )
    manager = settings.vmalertmanager
    assert (manager.image, manager.version, manager.port, manager.termination_grace_period_seconds) == (
        "acme/am",
        "$VM_METRICS_VERSION",
        "9093",
        120,
    )


@pytest.mark.parametrize(
    ("environ", "versions"),
    [
        ({}, ("v1.150.0", "v1.150.0-cluster", "v1.150.0-enterprise")),
        ({"VM_METRICS_VERSION": "v1.200.0"}, ("v1.200.0", "v1.200.0-cluster", "v1.200.0-enterprise")),
        (
            {
                "VM_METRICS_VERSION": "v1.200.0",
                "VM_VMCLUSTERDEFAULT_VMSELECTDEFAULT_VERSION": "${VM_METRICS_VERSION}-custom",
            },
            ("v1.200.0", "v1.200.0-custom", "v1.200.0-enterprise"),
        ),
        ({"VM_METRICS_VERSION": "${BASE}", "BASE": "$NEXT", "NEXT": "v2"}, ("v2", "v2-cluster", "v2-enterprise")),
        ({"VM_METRICS_VERSION": "v1${NOBODY}"}, ("v1", "v1-cluster", "v1-enterprise")),
        ({"VM_METRICS_VERSION": "v1$VM_METRICS_VERSION"}, ("v1v1", "v1v1-cluster", "v1v1-enterprise")),
    ],
)
def test_versions_are_interpolated(environ: dict[str, str], versions: tuple[str, str, str]) -> None:
    settings = Settings.from_env(environ)
    assert (settings.vmagent.version, settings.vmselect.version, settings.vmbackup.version) == versions


def test_other_variables_keep_dollars() -> None:
    assert Settings.from_env({"VM_CONTAINERREGISTRY": "$HOME/r"}).containerregistry == "$HOME/r"


def test_the_cluster_switch_turns_off_resources_of_three_components_unless_one_says_otherwise() -> None:
    settings = Settings.from_env(
        {
            "VM_VMCLUSTERDEFAULT_USEDEFAULTRESOURCES": "false",
            "VM_VMCLUSTERDEFAULT_VMINSERTDEFAULT_USEDEFAULTRESOURCES": "true",
        }
    )
    parts = (settings.vmselect, settings.vmstorage, settings.vminsert, settings.vlselect)
    assert [part.use_default_resources for part in parts] == [False, False, True, True]


def test_all_bad_variables_are_told_together() -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_env(
            {
                "VM_APPREADYTIMEOUT": "soon",
                "WATCH_NAMESPACE": "a, b",
                "VM_COMMON_LABELS": "team",
                "VM_ENABLETCP6": "yes",
                "VM_VMAUTHDEFAULT_RESOURCE_LIMIT_CPU": "much",
                "VM_CONFIG_DATA_BUDGET_BYTES": "1k",
                "VM_OPENSHIFT_COMPATIBILITY": "perhaps",
            }
        )
    assert caught.value.problems == (
        "WATCH_NAMESPACE='a, b': expected namespaces between commas, ' b' is not a DNS label",
        "VM_ENABLETCP6='yes': expected true or false",
        "VM_CONFIG_DATA_BUDGET_BYTES='1k': expected a decimal integer",
        "VM_VMAUTHDEFAULT_RESOURCE_LIMIT_CPU='much': expected a quantity such as 500Mi or 200m, or the word unlimited",
        "VM_APPREADYTIMEOUT='soon': expected a duration such as 300ms, 80s or 1h30m",
        "VM_COMMON_LABELS='team': expected key=value pairs between commas",
        "VM_OPENSHIFT_COMPATIBILITY='perhaps': expected auto, enabled or disabled",
    )


def test_lists_and_maps() -> None:
    settings = Settings.from_env(
        {
            "WATCH_NAMESPACE": "a,b",
            "VM_FILTERPROMETHEUSCONVERTERLABELPREFIXES": "a,,b",
            "VM_COMMON_LABELS": "k=v,k2=a=b",
            "VM_COMMON_ANNOTATIONS": "empty=",
        }
    )
    assert (
        settings.watch_namespace,
        settings.filterprometheusconverterlabelprefixes,
        settings.filterprometheusconverterannotationprefixes,
        settings.common_labels,
        settings.common_annotations,
    ) == (("a", "b"), ("a", "", "b"), (), {"k": "v", "k2": "a=b"}, {"empty": ""})


@pytest.mark.parametrize(
    ("text", "mode"),
    [("auto", "auto"), ("enabled", "enabled"), ("disabled", "disabled"), ("true", "enabled"), ("false", "disabled")],
)
def test_openshift_understands_the_words_of_the_chart(text: str, mode: str) -> None:
    assert Settings.from_env({"VM_OPENSHIFT_COMPATIBILITY": text}).openshift_compatibility == mode


@pytest.mark.parametrize(
    ("environ", "host"),
    [
        ({}, "127.0.0.1"),
        ({"VM_ENABLETCP6": "1"}, "localhost"),
        ({"VM_ENABLETCP6": "1", "VM_LOOPBACK": "::1"}, "::1"),
    ],
)
def test_loopback_host(environ: dict[str, str], host: str) -> None:
    assert Settings.from_env(environ).loopback_host == host


@pytest.mark.parametrize(
    ("environ", "image"),
    [
        ({}, "victoriametrics/operator:config-reloader-v0.74.1"),
        ({"VM_OPERATOR_VERSION": "v1.2.3"}, "victoriametrics/operator:config-reloader-v1.2.3"),
        ({"VM_CONFIG_RELOADER_IMAGE": "a:1"}, "a:1"),
        ({"VM_CONFIG_RELOADER_IMAGE": "a:1", "VM_CUSTOMCONFIGRELOADERIMAGE": "b:2"}, "b:2"),
    ],
)
def test_reloader_image(environ: dict[str, str], image: str) -> None:
    assert Settings.from_env(environ).reloader_image == image


def test_reloader_resources() -> None:
    resources = Settings.from_env({"VM_CONFIG_RELOADER_LIMIT_MEMORY": "50Mi"}).reloader_resources
    assert (resources.limits, resources.requests) == ({"memory": "50Mi"}, {"cpu": "10m", "memory": "25Mi"})


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        ("0s", 0.0),
        ("300ms", 0.3),
        ("1h30m", 5400.0),
        ("1.5h", 5400.0),
        (".5s", 0.5),
        ("-2m", -120.0),
        ("+2m", 120.0),
        ("1m1s1ms", 61.001),
        ("5us", 5e-6),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "5", "s", "5x", "5s ", "1h 30m", "-", "h1"])
def test_bad_durations(text: str) -> None:
    with pytest.raises(ValueError, match="expected a duration"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["1", "100m", "1.5Gi", "1e3", "1E3", "5E", "-1", "unlimited", ".5"])
def test_quantities(text: str) -> None:
    assert parse_quantity(text) == text


@pytest.mark.parametrize("text", ["1 Gi", "1GiB", "Gi", "one", "1ki"])
def test_bad_quantities(text: str) -> None:
    with pytest.raises(ValueError, match="expected a quantity"):
        parse_quantity(text)


def test_every_variable_is_described_once() -> None:
    values = variable_values({})
    assert (len(values), len({value.name for value in values}), all(value.description for value in values)) == (
        273,
        273,
        True,
    )
