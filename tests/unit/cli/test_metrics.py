"""Dashboards and alerts of the Go operator find what they look for."""

from __future__ import annotations

import logging

from prometheus_client import CollectorRegistry

from vmop.cli.metrics import LogMessages, register
from vmop.settings import parse_flags, variable_values


def test_flags_and_environment_are_series() -> None:
    registry = CollectorRegistry()
    environ = {"VM_METRICS_VERSION": "v1.200.0"}
    register(registry, parse_flags(["-client.qps=7"]), variable_values(environ))
    given = {"name": "client.qps", "value": "7", "is_set": "true"}
    cluster = {
        "name": "VM_VMCLUSTERDEFAULT_VMSELECTDEFAULT_VERSION",
        "value": "v1.200.0-cluster",
        "is_set": "false",
    }
    assert (
        registry.get_sample_value("flag", given),
        registry.get_sample_value("flag", {"name": "client.burst", "value": "100", "is_set": "false"}),
        registry.get_sample_value("config_parameter", cluster),
        registry.get_sample_value("operator_rest_client_qps_limit"),
    ) == (1, 1, 1, 7)


def test_log_messages_are_counted_and_pass() -> None:
    registry = CollectorRegistry()
    count = LogMessages(registry)
    levels = (logging.DEBUG, logging.INFO, logging.ERROR)
    passed = [count.filter(logging.LogRecord("vmop", level, "", 0, "text", (), None)) for level in levels]
    values = [registry.get_sample_value("operator_log_messages_total", {"level": level}) for level in ("info", "error")]
    assert (passed, values) == ([True, True, True], [2, 1])
