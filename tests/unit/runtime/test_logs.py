import io
import json
import logging
from collections.abc import Iterator
from typing import Any, Literal

import pytest
from structlog.contextvars import bound_contextvars

from vmop.runtime import configure_logging, get_logger


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """Where the root logger writes; it is put back as it was afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers.clear()
    yield io.StringIO()
    root.handlers[:] = handlers
    root.setLevel(level)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in stream.getvalue().splitlines()]
    for line in found:
        line["ts"] = "…"
    return found


def test_a_line_is_json_with_the_keys_in_order(stream: io.StringIO) -> None:
    configure_logging(stream=stream)
    get_logger("controller.VMAgent").info("object was successfully reconciled", vmagent="edge", namespace="mon")
    assert list(lines(stream)[0].items()) == [
        ("level", "info"),
        ("ts", "…"),
        ("logger", "controller.VMAgent"),
        ("msg", "object was successfully reconciled"),
        ("vmagent", "edge"),
        ("namespace", "mon"),
    ]


def test_times_are_rfc_3339_to_the_second(stream: io.StringIO) -> None:
    handler = configure_logging(stream=stream)
    handler.handle(
        logging.makeLogRecord({"msg": "x", "levelno": logging.INFO, "created": 1772359200.7, "name": "root"})
    )
    assert json.loads(stream.getvalue()) == {"level": "info", "ts": "2026-03-01T10:00:00Z", "msg": "x"}


@pytest.mark.parametrize(
    ("method", "level"),
    [("debug", "debug"), ("info", "info"), ("warning", "info"), ("error", "error"), ("critical", "panic")],
)
def test_levels_are_those_of_the_go_operator(stream: io.StringIO, method: str, level: str) -> None:
    configure_logging(level="debug", stream=stream)
    logging.getLogger("x").log(getattr(logging, method.upper()), "text")
    assert lines(stream) == [{"level": level, "ts": "…", "logger": "x", "msg": "text"}]


def test_what_is_below_the_level_is_not_written(stream: io.StringIO) -> None:
    configure_logging(level="error", stream=stream)
    get_logger("x").info("text")
    assert stream.getvalue() == ""


def test_what_is_bound_around_a_reconcile_is_in_each_line(stream: io.StringIO) -> None:
    configure_logging(stream=stream)
    with bound_contextvars(namespace="obs", name="a"):
        get_logger("x").bind(zone="b").info("by structlog")
        logging.getLogger("y").info("by logging: %s", 1, extra={"resource": "pods"})
    assert lines(stream) == [
        {
            "level": "info",
            "ts": "…",
            "logger": "x",
            "msg": "by structlog",
            "namespace": "obs",
            "name": "a",
            "zone": "b",
        },
        {
            "level": "info",
            "ts": "…",
            "logger": "y",
            "msg": "by logging: 1",
            "namespace": "obs",
            "name": "a",
            "resource": "pods",
        },
    ]


def test_an_exception_brings_error_and_stack_trace(stream: io.StringIO) -> None:
    configure_logging(stream=stream)
    try:
        raise KeyError("spec")
    except KeyError:
        get_logger("x").exception("Reconciler error")
    (line,) = lines(stream)
    assert "KeyError: 'spec'" in line.pop("stacktrace")
    assert line == {"level": "error", "ts": "…", "logger": "x", "msg": "Reconciler error", "error": "'spec'"}


def test_keys_may_be_renamed(stream: io.StringIO) -> None:
    configure_logging(stream=stream, renames={"ts": "timestamp", "msg": "message"})
    get_logger("x").info("text")
    assert list(json.loads(stream.getvalue())) == ["level", "timestamp", "logger", "message"]


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [({}, "INFO\tx\ttext"), ({"namespace": "obs"}, 'INFO\tx\ttext\t{"namespace":"obs"}')],
)
def test_the_console_gets_tab_separated_lines(stream: io.StringIO, pairs: dict[str, str], expected: str) -> None:
    configure_logging("console", stream=stream)
    get_logger("x").info("text", **pairs)
    assert stream.getvalue().partition("\t")[2] == f"{expected}\n"


def test_the_console_gets_the_stack_trace_below(stream: io.StringIO) -> None:
    configure_logging("console", stream=stream)
    get_logger("x").error("text", exc_info=ValueError("bad"))
    assert stream.getvalue().endswith('text\t{"error":"bad"}\nValueError: bad\n')


@pytest.mark.parametrize(("sampling", "written"), [(True, 103), (False, 351)])
def test_identical_messages_of_a_second_are_sampled(
    stream: io.StringIO, sampling: Literal[True, False], written: int
) -> None:
    handler = configure_logging(stream=stream, sampling=sampling)
    for _ in range(350):
        record = {"msg": "same", "levelno": logging.INFO, "created": 1772359200.5}
        handler.handle(logging.makeLogRecord(record))
    handler.handle(logging.makeLogRecord({"msg": "same", "levelno": logging.INFO, "created": 1772359201.0}))
    assert len(lines(stream)) == written


def test_a_host_without_our_formatter_sees_plain_messages(stream: io.StringIO) -> None:
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s %(context)s"))
    logging.getLogger().addHandler(handler)
    logging.getLogger().setLevel(logging.INFO)
    get_logger("x").info("text", name="a")
    assert stream.getvalue() == "INFO text {'name': 'a'}\n"
