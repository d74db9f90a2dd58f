"""Where units of work run.

A unit is a synchronous function of a `Connection`: ``await db.write(unit, …)`` commits the whole of it or
nothing, and cannot wait for the network in the middle.

* SQLite: threads owned by aiosqlite, each holding one connection for good. One writes (``BEGIN IMMEDIATE``,
  so no unit fails half-way for want of a lock), a few read (``query_only``), all in WAL mode. Units that wait to
  write are committed together, each in a savepoint: the disk is waited for once, and answers are given after that.
* PostgreSQL: psycopg 3 from a pool of threads, one connection each while a unit runs. Processes hear of each other's
  changes by LISTEN and NOTIFY, or by a Valkey.

A cancelled caller does not cancel its unit; it may still commit, so a retry must be harmless.
"""

# Long because both kinds of database stand side by side, so that they can be compared.

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

import aiosqlite
from sqlalchemy import Connection, create_engine, event
from sqlalchemy.engine import URL, Engine, make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from storage import changes, signals
from storage.valkey import Valkey

log = logging.getLogger("fedserver.database")

P = ParamSpec("P")
T = TypeVar("T")
Listener = Callable[[str, str], None]
Signals = Sequence[tuple[str, str]]  # channel and payload of each
# A unit that has run: whoever waits for it, its result or else what went wrong, and the signals it left.
_Done = tuple[asyncio.Future[Any], Any, BaseException | None, Signals]

SQLITE_READERS = 3
PATIENCE_SECONDS = 0.02  # how long a reading lane may be silent before units go to the next one
TOGETHER_SECONDS = 0.01  # how long a result may wait before another unit begins that it is given out with
SQLITE_STATEMENTS_CACHED = 512
SQLITE_WATCH_SECONDS = 1.0
POSTGRESQL_CONNECTIONS = 8
SERIALISATION_TRIES = 4
STATEMENTS = "statements"
_OVERTAKEN = {"23503", "23505"}  # a foreign key that leads nowhere, a unique row that is there


class Database(Protocol):
    """What the rest of the server knows of a database."""

    dialect: str  # sqlite, postgresql
    url: URL
    aside: asyncio.Lock
    """Held for a unit of much that can wait: of all such work one unit runs at a time."""

    @property
    def statements(self) -> int:
        """How many statements ran so far, by this process."""

    async def read(
        self, unit: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a unit that changes nothing: SQLite shows it one state of the data, PostgreSQL shows each statement what
        was committed when it began."""

    async def write(
        self, unit: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a unit and commit it as a whole; an exception rolls it back and is raised to the caller."""

    def listen(self, listener: Listener) -> None:
        """Call ``listener(channel, payload)`` in the event loop for each signal of a committed unit, whichever
        process it ran in."""

    async def close(self) -> None:
        """Finish what runs and let go of every connection."""


async def open_database(url: str, bus: str = "") -> Database:
    """Open ``sqlite:///path`` or ``postgresql://…``, whose processes may hear of each other at a `bus`, ``redis://…``.

    Raises ValueError for any other scheme.
    """
    parsed = make_url(url)
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        return await SqliteDatabase.open(parsed)
    if backend == "postgresql":
        return await PostgresDatabase.open(parsed, bus)
    raise ValueError(f"The database must be sqlite:///… or postgresql://…, not {backend}.")


class _Listeners:
    """Those who want to hear of signals; called in the event loop."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> None:
        self._listeners.append(listener)

    def tell(self, heard: Signals) -> None:
        for channel, payload in heard:
            for listener in self._listeners:
                listener(channel, payload)


def _count(conn: Connection, _cursor: object, text: str, *_: object) -> None:
    """Called by SQLAlchemy before each statement; `storage.hot` counts its own."""
    conn.info[STATEMENTS] = conn.info.get(STATEMENTS, 0) + 1
    changes.note(conn, text)


class _Lane:
    """One SQLite connection in a thread of its own, which aiosqlite runs. `tell` is given signals of units."""

    def __init__(self, raw: aiosqlite.Connection, tell: Callable[[Signals], None], *, writes: bool) -> None:
        self._raw = raw
        self._tell = tell
        self._writes = writes
        self._begin = "BEGIN IMMEDIATE" if writes else "BEGIN"
        self._engine: Engine
        self._conn: Connection
        self.statements = 0
        self.waiting = 0  # units that were asked for and are not done
        self._asked: deque[tuple[asyncio.Future[Any], Callable[[Connection], Any]]] = deque()
        self._done: deque[_Done] = deque()
        self._running = False
        self._look: asyncio.TimerHandle | None = None
        self.busy_since = 0.0  # when the lane was last seen to get on

    @classmethod
    async def open(cls, path: str, tell: Callable[[Signals], None], *, writes: bool) -> _Lane:
        raw = await aiosqlite.connect(
            path, isolation_level=None, cached_statements=SQLITE_STATEMENTS_CACHED, check_same_thread=False
        )
        lane = cls(raw, tell, writes=writes)
        await lane.call(lane._prepare, writes)
        return lane

    async def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Have the thread call a function, between units."""
        # aiosqlite has no public way to run a function of ours in its thread; a test pins this one.
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._raw._tx.put_nowait((future, partial(function, *args, **kwargs)))
        return await future

    def run(self, unit: Callable[[Connection], T]) -> asyncio.Future[T]:
        """Have the thread run a unit, after those that wait for it already. Cancelling the future does not stop it.

        Handing over costs more than a small unit, so whatever has been asked for is run in one go and taken back
        in one. If the event loop were woken for each result, it and the thread would take the interpreter from each
        other at every step of SQLite's, twenty times for a page, and both would do little else.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        if not self.waiting:
            self.busy_since = monotonic()
        self.waiting += 1
        self._asked.append((future, unit))
        if not self._running:
            self._begin_asked(loop)
        return future

    def _begin_asked(self, loop: asyncio.AbstractEventLoop) -> None:
        self._running = True
        self._raw._tx.put_nowait((None, partial(self._run_asked, loop)))
        self._look = loop.call_later(TOGETHER_SECONDS, self._look_in, loop)

    def _run_asked(self, loop: asyncio.AbstractEventLoop) -> None:
        """In the thread: every unit that waits."""
        while self._asked:
            if self._writes:
                self._done.extend(self._run_together())
                if self._asked:
                    loop.call_soon_threadsafe(self._give_out)
                continue
            future, unit = self._asked.popleft()
            try:
                result, heard = self._run(unit)
                self._commit()
                self._done.append((future, result, None, heard))
            except BaseException as error:
                self._done.append((future, None, error, ()))
        loop.call_soon_threadsafe(self._take_back, loop)

    def _run_together(self) -> list[_Done]:
        """Some of the units that wait to write, in one transaction; one that fails is as if it had never run."""
        done: list[_Done] = []
        until = monotonic() + TOGETHER_SECONDS
        while self._asked and (not done or monotonic() < until):
            future, unit = self._asked.popleft()
            try:
                result, heard = self._run(unit)
                done.append((future, result, None, heard))
            except BaseException as error:
                done.append((future, None, error, ()))
                if not self._raw._conn.in_transaction:
                    # SQLite has given up all of it, as when the disk is full; or this was the first.
                    done = _failed(done, error)
        try:
            self._commit()
        except BaseException as error:
            done = _failed(done, error)
        return done

    def _look_in(self, loop: asyncio.AbstractEventLoop) -> None:
        """In the event loop, while the thread runs: nobody should wait for a long unit behind their own."""
        self._give_out()
        self._look = loop.call_later(TOGETHER_SECONDS, self._look_in, loop)

    def _take_back(self, loop: asyncio.AbstractEventLoop) -> None:
        """In the event loop, when the thread has nothing left to do."""
        if self._look is not None:
            self._look.cancel()
        self._give_out()
        self._running = False
        if self._asked:
            self._begin_asked(loop)

    def _give_out(self) -> None:
        if self._done:
            self.busy_since = monotonic()
        while self._done:
            future, result, error, heard = self._done.popleft()
            self.waiting -= 1
            if heard:
                self._tell_safely(heard)
            if future.done():
                continue  # its caller has gone
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)

    def _tell_safely(self, heard: Signals) -> None:
        try:
            self._tell(heard)
        except Exception:
            # It is committed all the same, and so are others that wait to be given out.
            log.exception("A change could not be told of.")

    def _prepare(self, writes: bool) -> None:
        driver = self._raw._conn
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",
            "foreign_keys = ON",
            "busy_timeout = 10000",
            "temp_store = MEMORY",
            "cache_size = -16000",
            "mmap_size = 134217728",
        ):
            driver.execute(f"PRAGMA {pragma}")
        if not writes:
            driver.execute("PRAGMA query_only = ON")
        self._engine = create_engine(
            "sqlite://", creator=lambda: driver, poolclass=StaticPool, hide_parameters=True
        )
        event.listen(self._engine, "begin", self._on_begin)
        event.listen(self._engine, "before_cursor_execute", _count)
        self._conn = self._engine.connect()

    def _on_begin(self, conn: Connection) -> None:
        # A unit's transaction has begun already when its first statement of SQLAlchemy's comes.
        if not self._raw._conn.in_transaction:
            self._raw._conn.execute(self._begin)

    def _run(self, unit: Callable[[Connection], T]) -> tuple[T, Signals]:
        """In the thread: the unit's result and its signals, in a transaction that others may share."""
        conn, driver = self._conn, self._raw._conn
        shared = driver.in_transaction
        # On the driver: SQLAlchemy's own transaction costs more than a small unit, and only begins when needed.
        driver.execute("SAVEPOINT unit" if shared else self._begin)
        try:
            result = unit(conn)
            if shared:
                driver.execute("RELEASE unit")
        except BaseException:
            signals.take(conn)
            if not shared:
                self._end(Connection.rollback, sqlite3.Connection.rollback)
            elif driver.in_transaction:
                driver.execute("ROLLBACK TO unit")
                driver.execute("RELEASE unit")
            raise
        finally:
            self.statements += conn.info.pop(STATEMENTS, 0)
        return result, signals.take(conn)

    def _commit(self) -> None:
        try:
            self._end(Connection.commit, sqlite3.Connection.commit)
        except BaseException:
            with suppress(SQLAlchemyError, sqlite3.Error):
                self._end(Connection.rollback, sqlite3.Connection.rollback)
            raise

    def _end(
        self, of_sqlalchemy: Callable[[Connection], None], of_driver: Callable[[sqlite3.Connection], None]
    ) -> None:
        if self._conn.in_transaction():
            of_sqlalchemy(self._conn)
        else:
            of_driver(self._raw._conn)

    def version(self) -> int:
        """Changes when another connection has committed; never by what this one writes."""
        row = self._raw._conn.execute("PRAGMA data_version").fetchone()
        return int(row[0])

    async def close(self) -> None:
        await self.run(lambda _: None)  # after whatever waits
        await self.call(self._conn.close)
        await self._raw.close()


class SqliteDatabase(_Listeners):
    """One writing lane, a few reading ones."""

    dialect = "sqlite"

    def __init__(self, url: URL) -> None:
        super().__init__()
        self.url = url
        self.aside = asyncio.Lock()
        self._writer: _Lane
        self._readers: list[_Lane] = []
        self._watching: asyncio.Task[None] | None = None

    @property
    def statements(self) -> int:
        """Statements run so far, by this process."""
        return self._writer.statements + sum(lane.statements for lane in self._readers)

    @classmethod
    async def open(cls, url: URL) -> SqliteDatabase:
        path = url.database
        if not path or path == ":memory:":
            raise ValueError("SQLite needs a file: sqlite:///path/to/fedserver.sqlite3")
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        database = cls(url)
        database._writer = await _Lane.open(path, database.tell, writes=True)
        database._readers = [
            await _Lane.open(path, database.tell, writes=False) for _ in range(SQLITE_READERS)
        ]
        return database

    def listen(self, listener: Listener) -> None:
        super().listen(listener)
        if self._watching is None:
            self._watching = asyncio.get_running_loop().create_task(self._watch(), name="sqlite-watch")

    async def _watch(self) -> None:
        """Notice what other processes write, such as a command of the administrator's."""
        seen = await self._writer.call(self._writer.version)
        while True:
            await asyncio.sleep(SQLITE_WATCH_SECONDS)
            now = await self._writer.call(self._writer.version)
            if now != seen:
                seen = now
                self.tell([(channel, "") for channel in signals.FROM_OUTSIDE])

    async def read(
        self, unit: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        bound: Callable[[Connection], T] = partial(_call, unit, args, kwargs)
        return await self._reader().run(bound)

    def _reader(self) -> _Lane:
        """The lane for the next unit: the first one, unless what it does takes long.

        Threads that read side by side gain nothing, because one at a time runs Python, and lose much to
        changing places. The others are there so that nobody waits for a long unit.
        """
        late = monotonic() - PATIENCE_SECONDS
        for lane in self._readers:
            if not lane.waiting or lane.busy_since > late:
                return lane
        return min(self._readers, key=lambda lane: lane.waiting)

    async def write(
        self, unit: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        bound: Callable[[Connection], T] = partial(_call, unit, args, kwargs)
        return await self._writer.run(bound)

    async def close(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        await self._writer.close()
        for lane in self._readers:
            await lane.close()


class PostgresDatabase(_Listeners):
    """psycopg 3 in threads; signals through LISTEN and NOTIFY, or through a Valkey."""

    dialect = "postgresql"

    def __init__(self, url: URL, engine: Engine, valkey: Valkey | None) -> None:
        super().__init__()
        self.url = url
        self.aside = asyncio.Lock()
        self._engine = engine
        self._valkey = valkey
        self.statements = 0
        event.listen(engine, "before_cursor_execute", _count)
        # Each statement sees what was committed when it begins, within a transaction or not (READ COMMITTED). So what
        # only reads needs none, and waits for the database twice less.
        self._reading = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._threads = ThreadPoolExecutor(POSTGRESQL_CONNECTIONS, thread_name_prefix="postgresql")
        self._ear: asyncio.Task[None] | None = None
        self._listening = asyncio.Event()

    @classmethod
    async def open(cls, url: URL, bus: str = "") -> PostgresDatabase:
        # Two servers on one Valkey do not hear each other: they have different databases.
        valkey = Valkey(bus, f"{url.host or ''}/{url.database}") if bus else None
        url = url.set(drivername="postgresql+psycopg")
        # What members wrote, and digests of their secrets, are parameters: no error takes them into a log.
        engine = create_engine(
            url,
            pool_size=POSTGRESQL_CONNECTIONS,
            max_overflow=0,
            pool_use_lifo=True,
            hide_parameters=True,
        )
        database = cls(url, engine, valkey)
        await database._in_thread(partial(database._run, _ping, writes=False))
        return database

    def listen(self, listener: Listener) -> None:
        super().listen(listener)
        if self._ear is None:
            self._ear = asyncio.get_running_loop().create_task(self._hear(), name="signals-listen")

    async def listening(self) -> None:
        """Wait until signals of other processes are being heard."""
        await self._listening.wait()

    async def read(
        self, unit: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        result, _ = await self._in_thread(
            partial(self._run, partial(_call, unit, args, kwargs), writes=False)
        )
        return result

    async def write(
        self, unit: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        result, heard = await self._in_thread(
            partial(self._run, partial(_call, unit, args, kwargs), writes=True)
        )
        at_once = [one for one in heard if one[0] in signals.AT_ONCE]
        if at_once:
            self.tell(at_once)
        return result

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.shield(asyncio.get_running_loop().run_in_executor(self._threads, work))

    def _run(self, unit: Callable[[Connection], T], *, writes: bool) -> tuple[T, list[tuple[str, str]]]:
        """The unit's result and the signals it sent."""
        for attempt in range(1, SERIALISATION_TRIES + 1):
            try:
                with (self._engine if writes else self._reading).connect() as conn:
                    return self._run_on(conn, unit, writes=writes)
            except DBAPIError as error:
                # Another unit did at this instant what this one had looked whether to do, or took away what it builds on:
                # asked again it sees that. What is wrong by itself is so again.
                overtaken = attempt == 1 and _sqlstate(error) in _OVERTAKEN
                if attempt == SERIALISATION_TRIES or not (overtaken or _worth_repeating(error)):
                    raise
        raise AssertionError("unreachable")

    def _run_on(
        self, conn: Connection, unit: Callable[[Connection], T], *, writes: bool
    ) -> tuple[T, list[tuple[str, str]]]:
        signals.take(conn)
        heard: list[tuple[str, str]] = []
        with conn.begin():
            result = unit(conn)
            if writes:
                heard = signals.take(conn)
                for channel, payload in heard if self._valkey is None else ():
                    conn.exec_driver_sql(
                        "SELECT pg_notify(%(channel)s, %(payload)s)",
                        {"channel": signals.CHANNEL, "payload": f"{channel} {payload}"},
                    )
        self.statements += conn.info.pop(STATEMENTS, 0)
        if heard and self._valkey is not None:
            self._valkey.publish(heard)
        return result, heard

    async def _hear(self) -> None:
        has_been_deaf = False
        while True:
            try:
                async with self._signals() as signalled:
                    self._listening.set()
                    if has_been_deaf:
                        self.tell([(channel, "") for channel in signals.FROM_OUTSIDE])
                    async for channel, payload in signalled:
                        self.tell([(channel, payload)])
            except ConnectionError as error:
                log.warning("The connection that listens for changes was lost (%s); opening another.", error)
            self._listening.clear()
            has_been_deaf = True
            await asyncio.sleep(1)

    def _signals(self) -> AbstractAsyncContextManager[AsyncIterator[tuple[str, str]]]:
        return self._notifications() if self._valkey is None else self._valkey.listening()

    @asynccontextmanager
    async def _notifications(self) -> AsyncIterator[AsyncIterator[tuple[str, str]]]:
        import psycopg

        dsn = self.url.set(drivername="postgresql").render_as_string(hide_password=False)
        try:
            async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as conn:
                await conn.execute(f"LISTEN {signals.CHANNEL}")
                yield _heard(conn)
        except psycopg.Error as error:
            raise ConnectionError(str(error)) from error

    async def close(self) -> None:
        if self._ear is not None:
            self._ear.cancel()
            await asyncio.gather(self._ear, return_exceptions=True)
        await asyncio.to_thread(self._threads.shutdown)
        if self._valkey is not None:
            self._valkey.close()
        self._engine.dispose()


def _failed(done: list[_Done], error: BaseException) -> list[_Done]:
    """The same units, none of which came to anything: those that had, for this reason."""
    return [(future, None, earlier or error, ()) for future, _, earlier, _ in done]


def _call(unit: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any], conn: Connection) -> T:
    return unit(conn, *args, **kwargs)


async def _heard(conn: Any) -> AsyncIterator[tuple[str, str]]:
    async for note in conn.notifies():
        channel, _, payload = note.payload.partition(" ")
        yield channel, payload


def _ping(conn: Connection) -> None:
    conn.exec_driver_sql("SELECT 1")


def _worth_repeating(error: DBAPIError) -> bool:
    """Deadlocks and serialisation failures pass when the unit runs again; so does a connection the server closed."""
    return _sqlstate(error) in {"40001", "40P01"} or error.connection_invalidated


def _sqlstate(error: DBAPIError) -> str | None:
    return getattr(error.orig, "sqlstate", None)


def integrity_conflict(error: BaseException) -> bool:
    """Whether a database error says that a unique row is already there."""
    original = getattr(error, "orig", error)
    if isinstance(original, sqlite3.IntegrityError):
        return original.sqlite_errorname in {"SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY"}
    return getattr(original, "sqlstate", None) == "23505"
