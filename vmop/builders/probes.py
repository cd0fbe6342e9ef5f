"""Probes of an application, and how it is asked to stop (01 §5.6, §5.7)."""

from collections.abc import Mapping

import attrs

from vmop.builders.args import prefixed_path, uses_proxy_protocol, uses_tls
from vmop.builders.base import Manifest, Platform, present, without_nulls

_SLEEP_SINCE = (1, 30)
_HANDLERS = ("httpGet", "tcpSocket", "exec", "grpc")
_FILLED_NUMBERS = {"periodSeconds": 5, "failureThreshold": 10, "timeoutSeconds": 5, "successThreshold": 1}


@attrs.frozen
class ProbeTarget:
    """Where an application answers. `port` is a number, or a port's name for Alertmanager."""

    port: int | str
    path: str = "/health"
    https: bool = False
    proxy_protocol: bool = False

    @classmethod
    def of(cls, port: int, extra_args: Mapping[str, str] | None) -> "ProbeTarget":
        """Where an application with these arguments answers on its port."""
        return cls(
            port=port,
            path=prefixed_path(extra_args, "/health"),
            https=uses_tls(extra_args),
            proxy_protocol=uses_proxy_protocol(extra_args),
        )

    def filled(self, probe: Manifest, handler: str) -> Manifest:
        """The user's probe with what it lacks: `handler` where it has none, this target, and the usual numbers."""
        result: Manifest = without_nulls(probe)
        if not any(name in result for name in _HANDLERS):
            result[handler] = {}
        if "httpGet" in result:
            given = {key: value for key, value in result["httpGet"].items() if value not in ("", 0)}
            scheme = "HTTPS" if self.https else "HTTP"
            result["httpGet"] = {"path": self.path, "port": self.port, "scheme": scheme} | given
        if "tcpSocket" in result:
            given = {key: value for key, value in result["tcpSocket"].items() if value not in ("", 0)}
            result["tcpSocket"] = {"port": self.port} | given
        return result | {name: result.get(name) or number for name, number in _FILLED_NUMBERS.items()}


def probes(
    target: ProbeTarget,
    *,
    liveness: Manifest | None,
    readiness: Manifest | None,
    startup: Manifest | None,
    uses_liveness: bool = True,
) -> Manifest:
    """The probe fields of a container.

    With TLS and no probe of the user's, only a startup probe knocks at the port. Else readiness, liveness where the
    application uses it (a user's is ignored where it does not), and startup only if given.
    """
    if target.https and liveness is None and readiness is None and startup is None:
        return {"startupProbe": target.filled({}, "tcpSocket")}
    usual = "tcpSocket" if target.proxy_protocol else "httpGet"
    return present(
        {
            "livenessProbe": target.filled(liveness or {}, usual) if uses_liveness else None,
            "readinessProbe": target.filled(readiness or {}, usual),
            "startupProbe": None if startup is None else target.filled(startup, "tcpSocket"),
        }
    )


def pre_stop(sleep_seconds: int | None, grace_seconds: int | None, platform: Platform) -> Manifest | None:
    """`lifecycle` of a container that sleeps before it stops, so that endpoints forget it first."""
    if not sleep_seconds or platform.kubernetes < _SLEEP_SINCE:
        return None
    if grace_seconds is not None and sleep_seconds >= grace_seconds:
        return None
    return {"preStop": {"sleep": {"seconds": sleep_seconds}}}


def default_pre_stop_seconds(enabled: bool, grace_seconds: int | None, platform: Platform) -> int | None:
    """What `preStopSleepSeconds` defaults to: 15, where Kubernetes can sleep and the grace period leaves time."""
    default = 15
    if not enabled or platform.kubernetes < _SLEEP_SINCE or (grace_seconds or 0) <= default:
        return None
    return default
