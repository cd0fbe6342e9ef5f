"""The command line in Go's syntax."""

import pytest

from vmop.settings import FlagError, HelpRequested, OperatorFlags, SettingsError, parse_flags, usage
from vmop.settings.values import format_duration


def test_no_flag_gives_the_defaults() -> None:
    flags = parse_flags([])
    assert flags == OperatorFlags()
    assert (flags.client_qps, flags.controller_cache_sync_timeout, flags.webhook_port, flags.zap_encoder) == (
        50.0,
        180.0,
        9443,
        "",
    )


@pytest.mark.parametrize(
    "argv",
    [
        ["-client.burst", "7", "-leader-elect"],
        ["-client.burst=7", "-leader-elect=true"],
        ["--client.burst", "7", "--leader-elect=1"],
        ["--client.burst=7", "--leader-elect", "--"],
        ["--client.burst=7", "--leader-elect", "rest", "-client.burst=9"],
        ["--client.burst=7", "--enable-leader-election"],
    ],
)
def test_all_forms_of_a_flag(argv: list[str]) -> None:
    assert parse_flags(argv) == OperatorFlags(
        client_burst=7, leader_elect=True, given=frozenset({"client.burst", "leader-elect"})
    )


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["-nonsense"], "flag provided but not defined: -nonsense"),
        (["-client.burst"], "flag needs an argument: -client.burst"),
        (["-client.burst=x"], 'invalid value "x" for flag -client.burst: expected a decimal integer'),
        (["-client.qps=x"], 'invalid value "x" for flag -client.qps: expected a number'),
        (["-leader-elect=perhaps"], 'invalid boolean value "perhaps" for flag -leader-elect: expected true or false'),
        (["-leader-elect="], 'invalid boolean value "" for flag -leader-elect: expected true or false'),
        (["-=x"], "bad flag syntax: -=x"),
        (["---x"], "bad flag syntax: ---x"),
        (
            ["-zap-log-level=warn"],
            (
                'invalid value "warn" for flag -zap-log-level: '
                "expected one of debug, info, error, panic or an integer above 0"
            ),
        ),
        (["-zap-encoder=xml"], 'invalid value "xml" for flag -zap-encoder: expected one of json, console'),
    ],
)
def test_what_is_wrong_with_a_flag(argv: list[str], message: str) -> None:
    with pytest.raises(FlagError) as caught:
        parse_flags(argv)
    assert (str(caught.value), caught.value.usage, caught.value.exit_code) == (message, usage(), 2)


@pytest.mark.parametrize("argv", [["-h"], ["--help"], ["-leader-elect", "-help"]])
def test_help(argv: list[str]) -> None:
    with pytest.raises(HelpRequested) as caught:
        parse_flags(argv)
    assert (caught.value.usage, caught.value.exit_code) == (usage(), 0)


def test_usage_lists_flags_with_their_defaults() -> None:
    lines = usage("operator").splitlines()
    assert lines[:3] == [
        "Usage of operator:",
        "  -client.burst int",
        "    \trequests to the API server at once before `client.qps` counts (default 100)",
    ]
    assert "  -leader-elect" in lines
    assert '    \tname of the Lease (default "57410f0d.victoriametrics.com")' in lines


@pytest.mark.parametrize(
    ("argv", "environ", "dry"),
    [
        ([], {}, False),
        ([], {"DRY_RUN": "true"}, True),
        ([], {"DRY_RUN": "1"}, False),
        (["-dry-run=false"], {"DRY_RUN": "true"}, False),
        (["-dry-run"], {}, True),
    ],
)
def test_dry_run_has_its_default_in_the_environment(argv: list[str], environ: dict[str, str], dry: bool) -> None:
    assert parse_flags(argv, environ).dry_run is dry


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("configmap,secret", {"configmap", "secret"}),
        ("", set()),
        ("pod", {"pod"}),
    ],
)
def test_uncached_kinds(text: str, names: set[str]) -> None:
    assert parse_flags([f"-controller.disableCacheFor={text}"]).uncached() == names


def test_an_unknown_uncached_kind_is_refused() -> None:
    with pytest.raises(SettingsError) as caught:
        parse_flags(["-controller.disableCacheFor=secret,node"]).uncached()
    assert caught.value.problems == ('not supported client object name="node"',)


def test_disabled_controllers() -> None:
    known = frozenset({"VMAgent", "VMAuth"})
    assert parse_flags(["-controller.disableReconcileFor=VMAgent"]).disabled_controllers(known) == {"VMAgent"}
    assert parse_flags([]).disabled_controllers(known) == frozenset()


def test_an_unknown_controller_is_refused() -> None:
    with pytest.raises(SettingsError) as caught:
        parse_flags(["-controller.disableReconcileFor=VMAgent, VMAuth"]).disabled_controllers(
            frozenset({"VMAgent", "VMAuth"})
        )
    assert caught.value.problems == (
        'bad value=" VMAuth" for flag=controller.disableReconcileFor. Expected name of reconcile controller',
    )


def test_log_field_names() -> None:
    assert parse_flags(["-loggerJSONFields= ts:timestamp , msg : message"]).log_field_names() == {
        "ts": "timestamp",
        "msg": "message",
    }
    assert parse_flags([]).log_field_names() == {}


@pytest.mark.parametrize("text", ["ts", "ts:", "time:t", "ts:a,"])
def test_bad_log_field_names(text: str) -> None:
    with pytest.raises(SettingsError, match="-loggerJSONFields"):
        parse_flags([f"-loggerJSONFields={text}"]).log_field_names()


def test_values_as_the_flag_metric_shows_them() -> None:
    shown = {name: (value, given) for name, value, given in parse_flags(["-zap-log-level=INFO"]).values()}
    assert [
        shown[name]
        for name in ("zap-log-level", "client.qps", "controller.cacheSyncTimeout", "leader-elect", "webhook.port")
    ] == [("info", True), ("50", False), ("3m0s", False), ("false", False), ("9443", False)]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (0.3, "300ms"), (15, "15s"), (180, "3m0s"), (3600, "1h0m0s"), (-90, "-1m30s"), (1.5, "1.5s")],
)
def test_durations_are_shown_as_go_shows_them(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text
