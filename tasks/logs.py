"""Logs: one event a line, as text or as JSON, with the id of the request that it belongs to, and no line forged.

Ours have a static name and fields (`extra`); what libraries say goes the same way.
"""

import json
import logging
import re
import sys
from collections.abc import Callable
from contextvars import ContextVar
from datetime import UTC, datetime
from enum import StrEnum
from time import monotonic
from types import TracebackType
from typing import Any

from uuid_utils import uuid4

# Set where a request begins, each of which is a task of its own; whatever is logged in it has it.
correlation_id: ContextVar[str] = ContextVar("correlation_id", default="")

_TAKEN_FROM_CLIENTS = re.compile(r"[A-Za-z0-9._~+/=:-]{1,128}")
_OF_EVERY_RECORD = {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"}
# They tell of every look, or of what is told of anyway.
_QUIET = ("alembic", "asyncio", "celery", "kombu", "multiprocessing")
# Whatever a terminal obeys, or takes for the end of a line: C0, DEL, C1, and Unicode's own ends of lines.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_ROW = re.compile(r"\n(?:DETAIL|CONTEXT): .*")
_PLAIN = re.compile(r"[^\s\"=]+")

_encode = json.JSONEncoder(default=str).encode

log = logging.getLogger(__name__)


class LogFormat(StrEnum):
    TEXT = "text"
    JSON = "json"


def begin(asked: str | None = None) -> str:
    """Give what goes on from here an id, the sender's own where it is one, and return it."""
    name = asked if asked is not None and _TAKEN_FROM_CLIENTS.fullmatch(asked) else str(uuid4())
    correlation_id.set(name)
    return name


def configure(form: LogFormat) -> None:
    """Have this process log to stderr, warnings and the error that ends it included."""
    handler = logging.StreamHandler()
    handler.setFormatter(Json() if form is LogFormat.JSON else Text())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.getLogger("multiprocessing").handlers = [handler]  # it hands nothing on to the root
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)
    sys.excepthook = _uncaught


class OnceAMinute:
    """A warning of what fails again and again: it names the error, and is left out for a minute after it was given."""

    def __init__(self, logger: logging.Logger, event: str, *, clock: Callable[[], float] = monotonic) -> None:
        self._logger, self._event, self._clock = logger, event, clock
        self._next = float("-inf")

    def __call__(self, error: Exception) -> None:
        now = self._clock()
        if now >= self._next:
            self._next = now + 60
            self._logger.warning(self._event, extra={"error": type(error).__name__})


def fields(record: logging.LogRecord) -> dict[str, Any]:
    """Return what a record says beside its event, the request's id first."""
    given = {name: value for name, value in vars(record).items() if name not in _OF_EVERY_RECORD}
    name = given.pop("correlation_id", None) or correlation_id.get()
    return {"correlation_id": name, **given} if name else given


class _Formatter(logging.Formatter):
    def formatException(self, ei: Any) -> str:  # noqa: N802 - as logging has it
        """Leave out the rows that PostgreSQL adds to its errors: logs are no place for a person's data."""
        return _ROW.sub("", super().formatException(ei))


class Json(_Formatter):
    """One object a line, in ASCII."""

    def format(self, record: logging.LogRecord) -> str:
        said: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname,
            "logger": record.name,
            "event": record.getMessage(),
            **fields(record),
        }
        if record.exc_info:
            said["trace"] = self.formatException(record.exc_info)
        return _encode(said)


class Text(_Formatter):
    """For people: `time level logger event field=value`, and a trace in lines that are indented."""

    def format(self, record: logging.LogRecord) -> str:
        said = [_time(record), record.levelname, record.name, escaped(record.getMessage())]
        line = " ".join([*said, *(f"{name}={_value(value)}" for name, value in fields(record).items())])
        if record.exc_info:
            trace = self.formatException(record.exc_info).split("\n")
            line = "\n    ".join([line, *(escaped(each) for each in trace)])
        return line


def escaped(text: str) -> str:
    return _CONTROL.sub(lambda character: character[0].encode("unicode_escape").decode(), text)


def _value(value: object) -> str:
    text = str(value)
    return text if _PLAIN.fullmatch(text) and not _CONTROL.search(text) else json.dumps(text, ensure_ascii=True)


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
    else:
        log.critical("uncaught", exc_info=(kind, error, trace))
