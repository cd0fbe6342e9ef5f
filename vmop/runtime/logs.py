"""Logging: structlog's convenience over the standard library's loggers, so that a host keeps its own handlers.

:func:`get_logger` configures nothing. Its loggers hand the message to ``logging`` with everything else as one
attribute of the record, ``context``: a host's formatter may print it (``%(context)s``) or not. What is bound with
``structlog.contextvars`` (a controller binds the object that it works on) is in the context, too.

:func:`configure_logging` is for programs: it sets up the root logger as the Go operator logs (``08-operator.md`` §9).
"""

import json
import logging
import sys
import traceback
from collections.abc import Mapping, MutableMapping
from datetime import UTC, datetime
from typing import Any, Literal, TextIO, cast

import structlog
from structlog.contextvars import get_contextvars, merge_contextvars
from structlog.stdlib import BoundLogger, PositionalArgumentsFormatter, filter_by_level

_LEVELS = {logging.DEBUG: "debug", logging.INFO: "info", logging.WARNING: "info", logging.ERROR: "error"}
_NUMBERS = {"debug": logging.DEBUG, "info": logging.INFO, "error": logging.ERROR, "panic": logging.CRITICAL}

# What every record of the standard library has: anything else was given as `extra`.
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "context", "taskName"}


def _to_record(_: Any, __: str, event: MutableMapping[str, Any]) -> dict[str, Any]:
    """The last step of structlog: arguments for a method of ``logging.Logger``."""
    message = event.pop("event", "")
    options = {name: event.pop(name) for name in ("exc_info", "stack_info", "stacklevel") if name in event}
    return {"msg": message, "extra": {"context": dict(event)}, **options}


def get_logger(name: str) -> BoundLogger:
    """A structlog logger over ``logging.getLogger(name)``, for ``log.info("message", key=value)`` and
    ``log.bind(…)``.
    """
    logger = structlog.wrap_logger(
        logging.getLogger(name),
        processors=[filter_by_level, merge_contextvars, PositionalArgumentsFormatter(), _to_record],
        wrapper_class=BoundLogger,
        context_class=dict,
    )
    return cast("BoundLogger", logger)


def _context(record: logging.LogRecord) -> dict[str, Any]:
    """The pairs of a record: from :func:`get_logger`, or from ``extra`` of a plain logger and what is bound around
    it.
    """
    context = getattr(record, "context", None)
    if isinstance(context, Mapping):
        return dict(context)
    extra = {name: value for name, value in vars(record).items() if name not in _STANDARD}
    return {**get_contextvars(), **extra}


class OperatorFormatter(logging.Formatter):
    """A record as the Go operator's line: one JSON object, or tab-separated for people.

    ``renames`` gives other names to the keys ``ts``, ``level``, ``caller`` and ``msg`` (``caller`` is never written).
    """

    def __init__(self, format: Literal["json", "console"] = "json", renames: Mapping[str, str] | None = None) -> None:  # noqa: A002 - the word for it
        super().__init__()
        self._json = format == "json"
        self._renames = dict(renames or {})

    def format(self, record: logging.LogRecord) -> str:
        context = _context(record)
        level = _LEVELS.get(record.levelno, "panic" if record.levelno >= logging.CRITICAL else "debug")
        ts = datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        name = str(context.pop("logger", "" if record.name == "root" else record.name))
        trace = ""
        if record.exc_info and record.exc_info[1] is not None:
            context.setdefault("error", str(record.exc_info[1]))
            trace = "".join(traceback.format_exception(record.exc_info[1]))
        if self._json:
            head = {"level": level, "ts": ts, "logger": name, "msg": record.getMessage()}
            line = {self._renames.get(key, key): value for key, value in head.items() if value or key != "logger"}
            line |= context
            if trace:
                line["stacktrace"] = trace
            return _json(line)
        parts = [ts, level.upper(), name, record.getMessage(), _json(context) if context else ""]
        return "\t".join(part for part in parts if part) + (f"\n{trace.rstrip()}" if trace else "")


def _json(value: object) -> str:
    return json.dumps(value, default=str, ensure_ascii=False, separators=(",", ":"))


class Sampling:
    """A filter that lets the first 100 identical messages of a second pass, then each 100th (zap's production
    sampling).
    """

    def __init__(self, first: int = 100, thereafter: int = 100) -> None:
        self._first = first
        self._thereafter = thereafter
        self._second = 0
        self._counts: dict[tuple[int, str], int] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if int(record.created) != self._second:
            self._second = int(record.created)
            self._counts.clear()
        kind = (record.levelno, str(record.msg))
        seen = self._counts.get(kind, 0) + 1
        self._counts[kind] = seen
        return seen <= self._first or (seen - self._first) % self._thereafter == 0


def configure_logging(
    format: Literal["json", "console"] = "json",  # noqa: A002 - the word for it
    level: Literal["debug", "info", "error", "panic"] = "info",
    *,
    renames: Mapping[str, str] | None = None,
    sampling: bool = True,
    stream: TextIO | None = None,
) -> logging.Handler:
    """Let the root logger of this process write to ``stream`` (standard error), replacing what handlers it has.

    Only a program's entry point calls this. Returns the handler, so that filters may be added.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(OperatorFormatter(format, renames))
    if sampling:
        handler.addFilter(Sampling())
    logging.basicConfig(level=_NUMBERS[level], handlers=[handler], force=True)
    return handler
