"""The operator's command line, in the syntax of Go's `flag` package (08 §2).

`OperatorFlags` is the table: one field a flag, with its name, how its text is read and what the help says. Nothing here
exits or prints: `HelpRequested` and `FlagError` carry what the caller shows and which exit code it uses.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import attrs

from vmop.settings.values import format_duration, parse_bool, parse_duration, parse_int, parse_text
from vmop.settings.variables import SettingsError

CACHEABLE = ("namespace", "pod", "service", "secret", "configmap", "deployment", "statefulset")
"""Names that `-controller.disableCacheFor` understands."""

_LOG_KEYS = ("ts", "level", "caller", "msg")
_LOG_LEVELS = ("debug", "info", "error", "panic")
_TIME_ENCODINGS = ("epoch", "millis", "nano", "iso8601", "rfc3339", "rfc3339nano")
_MARK = "vmop.flag"


class FlagError(ValueError):
    """A flag is unknown or its value bad. Show `str(error)` and `usage` on stderr, exit with 2."""

    exit_code = 2

    def __init__(self, message: str, usage: str) -> None:
        super().__init__(message)
        self.usage = usage


class HelpRequested(Exception):
    """`-h` or `-help`: show `usage` on stderr, exit with 0."""

    exit_code = 0

    def __init__(self, usage: str) -> None:
        super().__init__("help requested")
        self.usage = usage


@attrs.frozen
class Flag:
    """One flag: how its text is read, and what the help shows. `bare` is the text of a flag given without a value."""

    name: str
    default: str
    help: str
    parse: Callable[[str], Any] = parse_text
    value_name: str = "string"
    bare: str | None = None
    hidden: bool = False

    def usage(self) -> str:
        head = f"  -{self.name}" + (f" {self.value_name}" if self.bare is None else "")
        shown = f'"{self.default}"' if self.value_name == "string" and self.bare is None else self.default
        tail = f" (default {shown})" if self.default not in {"", "false"} else ""
        return f"{head}\n    \t{self.help}{tail}"


def _one_of(*accepted: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text.lower() not in accepted:
            raise ValueError("expected one of " + ", ".join(accepted))
        return text.lower()

    return parse


def _log_level(text: str) -> str:
    if text.lower() in _LOG_LEVELS:
        return text.lower()
    if text.isdecimal() and int(text) > 0:
        return text
    raise ValueError("expected one of " + ", ".join(_LOG_LEVELS) + " or an integer above 0")


def _qps(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError("expected a number") from None


def _flag(flag: Flag) -> Any:
    default = flag.parse(flag.default) if flag.default else ""
    return attrs.field(default=default, metadata={_MARK: flag})


def _text(name: str, default: str, text: str) -> str:
    value: str = _flag(Flag(name, default, text))
    return value


def _bool(name: str, text: str, default: str = "false") -> bool:
    value: bool = _flag(Flag(name, default, text, parse_bool, bare="true"))
    return value


def _int(name: str, default: str, text: str) -> int:
    value: int = _flag(Flag(name, default, text, parse_int, "int"))
    return value


def _seconds(name: str, default: str, text: str) -> float:
    value: float = _flag(Flag(name, default, text, parse_duration, "duration"))
    return value


def _choice(name: str, parse: Callable[[str], str], text: str) -> str:
    value: str = _flag(Flag(name, "", text, parse, "value"))
    return value


@attrs.frozen(kw_only=True)
class OperatorFlags:
    """The flags of the operator. Durations are seconds; an empty text means that the flag says nothing."""

    client_qps: float = _flag(Flag("client.qps", "50", "requests a second to the API server", _qps, "float"))
    client_burst: int = _int("client.burst", "100", "requests to the API server at once before `client.qps` counts")
    controller_cache_sync_timeout: float = _seconds(
        "controller.cacheSyncTimeout", "3m0s", "time that the watches of a controller have to sync"
    )
    controller_max_concurrent_reconciles: int = _int(
        "controller.maxConcurrentReconciles", "15", "workers of each controller"
    )
    controller_disable_cache_for: str = _text(
        "controller.disableCacheFor", "configmap,secret", "kinds read from the API server instead of a cache"
    )
    controller_disable_reconcile_for: str = _text(
        "controller.disableReconcileFor", "", "kinds that are not reconciled, between commas"
    )
    controller_status_last_update_time_ttl: float = _seconds(
        "controller.statusLastUpdateTimeTTL", "1h0m0s", "how long a condition's lastUpdateTime may stay as it is"
    )
    controller_disable_crd_ownership: bool = _bool("controller.disableCRDOwnership", "deprecated: has no effect")
    controller_prometheus_crd_resync_period: float = _seconds(
        "controller.prometheusCRD.resyncPeriod", "0s", "deprecated: has no effect"
    )
    default_kubernetes_version_major: int = _int(
        "default.kubernetesVersion.major", "1", "major version of a server that does not tell its own"
    )
    default_kubernetes_version_minor: int = _int(
        "default.kubernetesVersion.minor", "21", "minor version of a server that does not tell its own"
    )
    disable_secret_key_space_trim: bool = _bool(
        "disableSecretKeySpaceTrim", "keep white space at the end of values of Secrets and ConfigMaps"
    )
    dry_run: bool = _bool("dry-run", "read, compare and report, write nothing")
    health_probe_bind_address: str = _text(
        "health-probe-bind-address", ":8081", "address of the probes; empty or 0 means none"
    )
    leader_elect: bool = _bool("leader-elect", "let one of several operators work at a time")
    leader_elect_id: str = _text("leader-elect-id", "57410f0d.victoriametrics.com", "name of the Lease")
    leader_elect_namespace: str = _text(
        "leader-elect-namespace", "", "namespace of the Lease; that of the pod if empty"
    )
    leader_elect_lease_duration: float = _seconds(
        "leader-elect-lease-duration", "15s", "time after which others may take a lease that was not renewed"
    )
    leader_elect_renew_deadline: float = _seconds(
        "leader-elect-renew-deadline", "10s", "time after which a leader that cannot renew its lease stops"
    )
    logger_json_fields: str = _text(
        "loggerJSONFields", "", "other names for keys of the JSON log: ts:timestamp,msg:message"
    )
    metrics_bind_address: str = _text("metrics-bind-address", ":8080", "address of the metrics; 0 means none")
    mtls_enable: bool = _bool("mtls.enable", "demand client certificates on the metrics address")
    mtls_ca_name: str = _text("mtls.CAName", "clietCA.crt", "file of client authorities in `tls.certDir`")
    pprof_addr: str = _text("pprof-addr", ":8435", "address of diagnostics; empty or 0 means none")
    print_defaults: bool = _bool("printDefaults", "print all environment variables and exit")
    print_format: str = _text("printFormat", "table", "format of `printDefaults`: table, list, json, yaml")
    tls_enable: bool = _bool("tls.enable", "serve the metrics by HTTPS")
    tls_cert_dir: str = _text(
        "tls.certDir",
        "/tmp/k8s-metrics-server/serving-certs",  # noqa: S108 - the contract's default
        "directory of the metrics certificate",
    )
    tls_cert_name: str = _text("tls.certName", "tls.crt", "file of the metrics certificate")
    tls_key_name: str = _text("tls.keyName", "tls.key", "file of the metrics key")
    version: bool = _bool("version", "print the version and exit")
    webhook_enable: bool = _bool("webhook.enable", "serve validating webhooks")
    webhook_port: int = _int("webhook.port", "9443", "port of the webhooks")
    webhook_cert_dir: str = _text(
        "webhook.certDir",
        "/tmp/k8s-webhook-server/serving-certs/",  # noqa: S108 - the contract's default
        "directory of the webhook certificate",
    )
    webhook_cert_name: str = _text("webhook.certName", "tls.crt", "file of the webhook certificate")
    webhook_key_name: str = _text("webhook.keyName", "tls.key", "file of the webhook key")
    zap_devel: bool = _bool("zap-devel", "log for people: console format, debug level")
    zap_encoder: str = _choice("zap-encoder", _one_of("json", "console"), "format of the log: json or console")
    zap_log_level: str = _choice("zap-log-level", _log_level, "level of the log: debug, info, error, panic or a number")
    zap_stacktrace_level: str = _choice(
        "zap-stacktrace-level", _one_of("info", "error", "panic"), "level from which tracebacks are logged"
    )
    zap_time_encoding: str = _choice(
        "zap-time-encoding", _one_of(*_TIME_ENCODINGS), "format of times in the log: " + ", ".join(_TIME_ENCODINGS)
    )
    given: frozenset[str] = frozenset()
    """Names of the flags that stood on the command line."""

    def values(self) -> Iterator[tuple[str, str, bool]]:
        """Name, value as text and whether it was given, of every flag: what the `flag` metric shows."""
        for attribute, flag in _flags():
            yield flag.name, _shown(flag, attrs.asdict(self, recurse=False)[attribute]), flag.name in self.given

    def uncached(self) -> frozenset[str]:
        """Kinds of `-controller.disableCacheFor`. Raises `SettingsError` for one that is not known."""
        names = frozenset(self.controller_disable_cache_for.split(",")) - {""}
        if unknown := sorted(names.difference(CACHEABLE)):
            raise SettingsError(tuple(f'not supported client object name="{name}"' for name in unknown))
        return names

    def disabled_controllers(self, known: frozenset[str]) -> frozenset[str]:
        """Kinds of `-controller.disableReconcileFor`. Raises `SettingsError` for one that is not in `known`."""
        text = self.controller_disable_reconcile_for
        names = frozenset(text.split(",")) if text else frozenset[str]()
        if unknown := sorted(names - known):
            expected = "Expected name of reconcile controller"
            flag = "controller.disableReconcileFor"
            raise SettingsError(tuple(f'bad value="{name}" for flag={flag}. {expected}' for name in unknown))
        return names

    def log_field_names(self) -> dict[str, str]:
        """New names of JSON log keys by their usual ones. Raises `SettingsError` for wrong syntax or an unknown key."""
        names: dict[str, str] = {}
        for item in self.logger_json_fields.split(",") if self.logger_json_fields else ():
            key, separator, name = (part.strip() for part in item.strip().partition(":"))
            if not separator or key not in _LOG_KEYS or not name:
                accepted = ", ".join(_LOG_KEYS)
                raise SettingsError((f"-loggerJSONFields: {item!r} is not key:name with a key of {accepted}",))
            names[key] = name
        return names


_ALIASES = {
    "enable-leader-election": "leader-elect",
    "metrics-addr": "metrics-bind-address",
    "http.readyListenAddr": "health-probe-bind-address",
    "http.listenAddr": "pprof-addr",
}
"""Flags of older releases, understood but not advertised (08 §2)."""


def _flags() -> Iterator[tuple[str, Flag]]:
    for field in attrs.fields(OperatorFlags):
        if _MARK in field.metadata:
            yield field.name, field.metadata[_MARK]


def usage(program: str = "vmop operator") -> str:
    """The help text: every flag, in alphabetical order."""
    flags = sorted((flag for _, flag in _flags()), key=lambda flag: flag.name)
    return f"Usage of {program}:\n" + "\n".join(flag.usage() for flag in flags) + "\n"


def parse_flags(argv: Sequence[str], environ: Mapping[str, str] | None = None) -> OperatorFlags:
    """The flags of a command line without the program's name; what follows the first positional argument is ignored.

    `environ` is looked at for `DRY_RUN` only, the default of `-dry-run`. Raises `FlagError` for an unknown flag or a
    bad value and `HelpRequested` for `-h`.
    """
    known = {flag.name: (attribute, flag) for attribute, flag in _flags()}
    values: dict[str, Any] = {"dry_run": (environ or {}).get("DRY_RUN") == "true"}
    given: set[str] = set()
    rest = list(argv)
    while rest and (found := _split(rest[0])) is not None:
        word = rest.pop(0)
        if word == "--":
            break
        name, text = found
        if not name or name.startswith(("-", "=")):
            raise FlagError(f"bad flag syntax: {word}", usage())
        name = _ALIASES.get(name, name)
        if name in {"h", "help"} and name not in known:
            raise HelpRequested(usage())
        if name not in known:
            raise FlagError(f"flag provided but not defined: -{name}", usage())
        attribute, flag = known[name]
        if text is None and flag.bare is None:
            if not rest:
                raise FlagError(f"flag needs an argument: -{name}", usage())
            text = rest.pop(0)
        values[attribute] = _value(flag, flag.bare or "" if text is None else text)
        given.add(name)
    return OperatorFlags(**values, given=frozenset(given))


def _split(word: str) -> tuple[str, str | None] | None:
    """Name and text of `-name=text` or `--name`; None for a positional argument."""
    if len(word) < 2 or not word.startswith("-"):
        return None
    name, separator, text = word[2 if word.startswith("--") else 1 :].partition("=")
    if not name and separator:
        return separator, None
    return name, text if separator else None


def _value(flag: Flag, text: str) -> Any:
    try:
        return flag.parse(text)
    except ValueError as error:
        kind = "boolean value" if flag.bare is not None else "value"
        raise FlagError(f'invalid {kind} "{text}" for flag -{flag.name}: {error}', usage()) from error


def _shown(flag: Flag, value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case float() if flag.value_name == "duration":
            return format_duration(value)
        case float():
            return f"{value:g}"
        case _:
            return str(value)
