"""The operator daemon: flags and environment in, a manager with all controllers out (spec 08 §4).

``vmop operator`` and ``cmd/operator`` are the same program. The environment is read here and nowhere below.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import attrs
from prometheus_client import CollectorRegistry

from vmop import __version__
from vmop.builders.base import Platform
from vmop.cli.metrics import ClusterMetrics, LogMessages, register
from vmop.informers import InformerFactory, InformerMetrics
from vmop.kube import Client, ClientConfig, ClientMetrics, ConfigError, PodHttp, ServerVersion, load_kubeconfig
from vmop.kube.applier import Applier
from vmop.reconcilers.context import Context
from vmop.reconcilers.controllers import CONTROLLER_NAMES, PARENTS, controllers
from vmop.runtime import EventRecorder, LeaderElectionConfig, Manager, configure_logging, get_logger, stop_on_signals
from vmop.settings import (
    FlagError,
    HelpRequested,
    OperatorFlags,
    Settings,
    SettingsError,
    parse_flags,
    print_defaults,
    usage,
    variable_values,
)

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
OPENSHIFT = "security.openshift.io/v1"
DRAIN_TIMEOUT = 30.0

_log = get_logger(__name__)


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run the operator until it is told to stop; returns the exit code (spec 08 §4)."""
    kubeconfig, words = _without_kubeconfig(list(argv))
    try:
        flags = parse_flags(words, environ)
    except HelpRequested as help_:
        sys.stderr.write(f"{help_.usage}\n")
        return 0
    except FlagError as error:
        sys.stderr.write(f"{error}\n{usage()}\n")
        return 2
    if flags.version:
        sys.stderr.write(f"vmop-{__version__}\n")
        return 0
    registry = CollectorRegistry()
    register(registry, flags, variable_values(environ))
    try:
        settings = Settings.from_env(environ)
        if flags.print_defaults:
            sys.stdout.write(print_defaults(environ, flags.print_format))
            return 0
        flags.uncached()
        disabled = flags.disabled_controllers(CONTROLLER_NAMES)
        _configure_logging(flags).addFilter(LogMessages(registry))
    except (SettingsError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    program = Program(flags, settings, environ, registry, disabled, Path(kubeconfig) if kubeconfig else None)
    try:
        with runner() as run:
            run.run(program.run())
    except (KeyboardInterrupt, SystemExit):
        return 1
    except Exception as error:  # noqa: BLE001 - the end of the program: whatever it was, it is told and the exit code is 1
        _log.error("cannot setup manager", error=str(error) or repr(error), exc_info=not isinstance(error, ConfigError))
        return 1
    return 0


def runner() -> asyncio.Runner:
    """A runner on uvloop where that is installed."""
    try:
        import uvloop  # noqa: PLC0415 - an extra that may not be installed
    except ImportError:
        return asyncio.Runner()
    return asyncio.Runner(loop_factory=uvloop.new_event_loop)


def _without_kubeconfig(words: list[str]) -> tuple[str, list[str]]:
    """``--kubeconfig FILE`` or ``--kubeconfig=FILE`` taken out of the Go operator's flags, which have no such one."""
    for i, word in enumerate(words):
        name, separator, value = word.lstrip("-").partition("=")
        if word.startswith("-") and name == "kubeconfig":
            if separator:
                return value, words[:i] + words[i + 1 :]
            return "".join(words[i + 1 : i + 2]), words[:i] + words[i + 2 :]
    return "", words


def _configure_logging(flags: OperatorFlags) -> logging.Handler:
    console = flags.zap_encoder == "console" or (flags.zap_devel and not flags.zap_encoder)
    level = flags.zap_log_level.lower() or ("debug" if flags.zap_devel else "info")
    return configure_logging(
        "console" if console else "json",
        "debug" if level.isdigit() else _level(level),
        renames=flags.log_field_names(),
    )


def _level(name: str) -> Literal["debug", "info", "error", "panic"]:
    match name:
        case "debug" | "error" | "panic":
            return name
        case _:
            return "info"


@attrs.frozen
class Program:
    """One run of the operator."""

    flags: OperatorFlags
    settings: Settings
    environ: Mapping[str, str]
    registry: CollectorRegistry
    disabled: frozenset[str] = frozenset()
    kubeconfig: Path | None = None

    async def run(self, stop: asyncio.Event | None = None) -> None:
        """Run until `stop` is set, or a signal asks for it where no `stop` is given."""
        stop = stop or asyncio.Event()
        _log.info(f"starting VictoriaMetrics operator build version: vmop-{__version__}, short_version: {__version__}")
        config = await self._config()
        with stop_on_signals(stop):
            async with assembled(config, self.flags, self.settings, self.registry, self.disabled) as manager:
                await manager.run(stop)
        _log.info("gracefully stopped")
        _log.info("stopped")

    async def _config(self) -> ClientConfig:
        """``--kubeconfig``, else ``KUBECONFIG``, else the pod's service account, else ``~/.kube/config``."""
        in_cluster = self.environ.get("KUBERNETES_SERVICE_HOST") and SERVICE_ACCOUNT.is_dir()
        if self.kubeconfig is None and not self.environ.get("KUBECONFIG") and in_cluster:
            return ClientConfig.in_cluster(self.environ)
        return await load_kubeconfig(self.kubeconfig, environ=self.environ)


@contextlib.asynccontextmanager
async def assembled(
    config: ClientConfig,
    flags: OperatorFlags,
    settings: Settings,
    registry: CollectorRegistry,
    disabled: frozenset[str] = frozenset(),
) -> AsyncIterator[Manager]:
    """A manager with all of the operator's controllers, ready to run; its client is closed at the end."""
    async with (
        Client(config, qps=flags.client_qps, burst=flags.client_burst, metrics=ClientMetrics(registry)) as client,
        PodHttp(client) as pods,
    ):
        version = await client.server_version()
        platform = await _platform(client, version, flags, settings)
        informers = InformerFactory(
            client, namespaces=settings.watch_namespace, now=_now, metrics=InformerMetrics(registry)
        )
        events = EventRecorder(client, now=_now)
        context = Context(
            client=client,
            informers=informers,
            applier=Applier(client, informers, now=_now),
            events=events,
            pods=pods,
            settings=settings,
            platform=platform,
            now=_now,
            random=random.Random(),
            disabled=disabled,
            validate=not flags.webhook_enable,
        )
        manager = Manager(
            client,
            informers,
            registry=registry,
            leader_election=_election(config, flags),
            probe_address=flags.health_probe_bind_address,
            metrics_address=flags.metrics_bind_address,
            drain_timeout=DRAIN_TIMEOUT,
            cache_sync_timeout=flags.controller_cache_sync_timeout,
        )
        manager.add(events)
        workers = flags.controller_max_concurrent_reconciles
        for controller in controllers(context, registry=registry, workers=workers):
            manager.add(controller)
        registry.register(ClusterMetrics(informers, PARENTS, version.git_version))
        if settings.watch_namespace:
            _log.info(
                "operator configured with watching for subset of namespaces, cluster wide access is disabled",
                namespaces=",".join(settings.watch_namespace),
            )
        yield manager


def _now() -> datetime:
    return datetime.now(UTC)


def _election(config: ClientConfig, flags: OperatorFlags) -> LeaderElectionConfig | None:
    if not flags.leader_elect:
        return None
    return LeaderElectionConfig(
        namespace=flags.leader_elect_namespace or config.namespace,
        name=flags.leader_elect_id,
        lease_duration=flags.leader_elect_lease_duration,
        renew_deadline=flags.leader_elect_renew_deadline,
    )


async def _platform(client: Client, version: ServerVersion, flags: OperatorFlags, settings: Settings) -> Platform:
    """The server's version, and whether it is OpenShift."""
    numbers = version.major, version.minor
    if not version.major:
        numbers = flags.default_kubernetes_version_major, flags.default_kubernetes_version_minor
    openshift = settings.openshift_compatibility == "enabled" or (
        settings.openshift_compatibility == "auto" and (await client.discover()).has_group_version(OPENSHIFT)
    )
    return Platform(kubernetes=numbers, openshift=openshift)
