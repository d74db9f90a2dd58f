"""Looking in: what is counted and measured (Prometheus), and one log line for each event.

Nothing secret is logged: no token, cookie, password, signature or text of a member. Request paths go without
their query. Control characters are escaped, so nobody can write a second line.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache
from textwrap import indent
from time import perf_counter
from typing import IO, TYPE_CHECKING, Any, Concatenate, Final, Literal, ParamSpec, TypeVar

import msgspec
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from sqlalchemy.engine import URL

    from storage.database import Database, Listener

P = ParamSpec("P")
T = TypeVar("T")

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
LINE_CHARS_MAX: Final = 4000
VALUE_CHARS_MAX: Final = 500
TRACE_CHARS_MAX: Final = 30_000
LATENCY_SECONDS: Final = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="")
ACTIVITY_ID: ContextVar[str] = ContextVar("activity_id", default="")
"""Set around the work they name; every log line in between carries them."""


class Metrics:
    """What one process counts, in a registry of its own.

    Count a result with ``metrics.deliveries.labels("sent").inc()``.
    """

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        self.requests = Counter(
            "fedserver_requests", "Requests by route and status.", ["route", "status"], registry=registry
        )
        self.request_seconds = Histogram(
            "fedserver_request_seconds",
            "Time from a request's headers to its answer, by route.",
            ["route"],
            buckets=LATENCY_SECONDS,
            registry=registry,
        )
        self.database_seconds = Histogram(
            "fedserver_database_seconds",
            "Time of units of work, waiting for a connection included.",
            ["kind"],
            buckets=LATENCY_SECONDS,
            registry=registry,
        )
        self.database_statements = Gauge(
            "fedserver_database_statements", "Statements run since the start.", registry=registry
        )
        self.deliveries = Counter(
            "fedserver_deliveries",
            "Attempts to deliver an activity, by result.",
            ["result"],
            registry=registry,
        )
        self.inbox = Counter(
            "fedserver_inbox", "Activities received, by what became of them.", ["result"], registry=registry
        )
        self.jobs = Counter(
            "fedserver_jobs", "Jobs run, by kind and result.", ["kind", "result"], registry=registry
        )
        self.cache = Counter(
            "fedserver_cache",
            "Look-ups in a cache, by result (hit, miss).",
            ["cache", "result"],
            registry=registry,
        )
        self.queue_depth = Gauge(
            "fedserver_queue_depth",
            "Work that waits, runs or has failed.",
            ["queue", "state"],
            registry=registry,
        )
        self.queue_oldest_seconds = Gauge(
            "fedserver_queue_oldest_seconds",
            "How long the oldest work has been waiting past its time.",
            ["queue"],
            registry=registry,
        )
        ProcessCollector(registry=registry)
        self._answered: dict[tuple[str, int], tuple[Any, Any]] = {}

    def answered(self, route: str, status: int, seconds: float | None) -> None:
        """Count one request; `seconds` unless it is of a kind that stays open. `route` is the pattern, never the path, so the number of series is bounded."""
        children = self._answered.get((route, status))
        if children is None:
            children = self._answered[route, status] = (
                self.requests.labels(route, str(status)),
                self.request_seconds.labels(route),
            )
        children[0].inc()
        if seconds is not None:
            children[1].observe(seconds)

    def text(self) -> bytes:
        """Everything in Prometheus' text format."""
        return generate_latest(self.registry)


class TimedDatabase:
    """A Database that tells `metrics` how long its units take."""

    def __init__(self, db: Database, metrics: Metrics) -> None:
        self._db = db
        self.dialect: str = db.dialect
        self.url: URL = db.url
        metrics.database_statements.set_function(lambda: db.statements)
        self._read_seconds = metrics.database_seconds.labels("read").observe
        self._write_seconds = metrics.database_seconds.labels("write").observe

    async def read(
        self, unit: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        started = perf_counter()
        try:
            return await self._db.read(unit, *args, **kwargs)
        finally:
            self._read_seconds(perf_counter() - started)

    async def write(
        self, unit: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        started = perf_counter()
        try:
            return await self._db.write(unit, *args, **kwargs)
        finally:
            self._write_seconds(perf_counter() - started)

    @property
    def statements(self) -> int:
        return self._db.statements

    def listen(self, listener: Listener) -> None:
        self._db.listen(listener)

    async def close(self) -> None:
        await self._db.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._db, name)


# --- the log --------------------------------------------------------------------------------

_OWN_FIELDS: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_encode: Final = msgspec.json.Encoder(enc_hook=str).encode


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, logger, event, ids, and whatever `extra` added."""

    def format(self, record: logging.LogRecord) -> str:
        return _encode(_fields(self, record)).decode()


class PlainLines(logging.Formatter):
    """One readable line for a person at a terminal; a traceback follows on lines of its own."""

    def format(self, record: logging.LogRecord) -> str:
        fields = _fields(self, record)
        trace = fields.pop("trace", "")
        time, level, _, event = (fields.pop(name) for name in ("time", "level", "logger", "event"))
        rest = " ".join(f"{name}={value}" for name, value in fields.items())
        line = f"{time[11:23]} {level:7} {event}" + (f"  ({rest})" if rest else "")
        return line + (f"\n{indent(trace, '    ')}" if trace else "")


def _fields(formatter: logging.Formatter, record: logging.LogRecord) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "time": f"{_second(int(record.created))}.{int(record.msecs):03}Z",
        "level": record.levelname.lower(),
        "logger": record.name,
        "event": escaped(record.getMessage(), LINE_CHARS_MAX),
    }
    if request_id := REQUEST_ID.get():
        fields["request"] = request_id
    if activity_id := ACTIVITY_ID.get():
        fields["activity"] = escaped(activity_id)
    for name, value in vars(record).items():
        if name not in _OWN_FIELDS:
            fields[name] = escaped(value) if isinstance(value, str) else value
    if record.exc_info:
        fields["trace"] = _trace(formatter.formatException(record.exc_info))
    return fields


def _trace(text: str) -> str:
    """A traceback, in which what somebody else said may stand: each of its lines escaped, and an end to all of it."""
    return "\n".join(escaped(line, LINE_CHARS_MAX) for line in text[:TRACE_CHARS_MAX].split("\n"))


@lru_cache(8)
def _second(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def escaped(text: str, chars_max: int = VALUE_CHARS_MAX) -> str:
    """The text cut to `chars_max`, control characters and half characters written as escapes."""
    if len(text) > chars_max:
        text = text[:chars_max] + "…"
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def set_up_logging(
    level: Literal["debug", "info", "warning", "error"] = "info", stream: IO[str] | None = None
) -> None:
    """Send what this process has to say to `stream` (standard error): readable on a terminal, else JSON."""
    stream = sys.stderr if stream is None else stream
    # Nobody reads the file, thread and process of a record, and finding them out costs as much as the line.
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    handler = logging.StreamHandler(stream)
    handler.setFormatter(PlainLines() if stream.isatty() else JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)  # what libraries tell while all is well is of no use here
    logging.getLogger("fedserver").setLevel(level.upper())
    logging.captureWarnings(True)
