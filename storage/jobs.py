"""Planned work: one queue, on each database its own.

On SQLite it is the table `job`. On PostgreSQL it is PgQueuer's tables, written in the unit's own transaction
by the statement PgQueuer itself would use. `add` and what admins need work on both; `claim`, `finish` and
`fail` are for the engine on SQLite, since on PostgreSQL PgQueuer does that itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import Connection, bindparam, delete, func, literal, null, or_, select, update

from storage.hot import Hot, insert_row, insert_rows
from storage.signals import signal
from storage.tables import job
from storage.types import AnyOf, new_id, now_ms

if TYPE_CHECKING:
    from pgqueuer.adapters.persistence.qb import QueryBuilderEnvironment, QueryQueueBuilder

ERROR_CHARS_MAX: Final = 2_000
LISTED_MAX: Final = 200


class Job(NamedTuple):
    """Work that was claimed. `attempts` counts this one too."""

    id: int
    kind: str
    key: str | None
    payload: dict[str, Any]
    attempts: int


class FailedJob(NamedTuple):
    """Work that was given up."""

    id: int
    kind: str
    payload: dict[str, Any]
    attempts: int
    error: str


def add(
    conn: Connection,
    kind: str,
    payload: Mapping[str, Any],
    *,
    key: str | None = None,
    not_before_ms: int | None = None,
) -> None:
    """Plan work. While one of this kind and `key` waits (it may not have begun), that one stays instead."""
    text = json.dumps(dict(payload), ensure_ascii=False, separators=(",", ":"))
    if conn.dialect.name == "postgresql":
        _enqueue(conn, kind, [(text, key)], not_before_ms)
        return
    now = now_ms()
    run_at = max(now, not_before_ms or 0)
    values = {"id": new_id(now), "kind": kind, "key": key, "payload": text, "run_at": run_at}
    insert_row(conn, job, values, unless_there=True)
    signal(conn, "job", kind)


def add_many(conn: Connection, kind: str, wanted: Sequence[tuple[Mapping[str, Any], str | None]]) -> None:
    """Plan work for each (payload, key) now, in one statement; see `add`."""
    if not wanted:
        return
    texts = [json.dumps(dict(one), ensure_ascii=False, separators=(",", ":")) for one, _ in wanted]
    if conn.dialect.name == "postgresql":
        _enqueue(conn, kind, [(text, key) for text, (_, key) in zip(texts, wanted, strict=True)])
        return
    now = now_ms()
    rows = [
        {"id": new_id(now), "kind": kind, "key": key, "payload": text, "run_at": now}
        for text, (_, key) in zip(texts, wanted, strict=True)
    ]
    insert_rows(conn, job, rows, unless_there=True)
    signal(conn, "job", kind)


# --- the engine on SQLite -------------------------------------------------------------------------


def claim(conn: Connection, kinds: Sequence[str], *, limit: int, now: int, until: int) -> list[Job]:
    """Take what is due, and what was claimed and not finished by its time; ours until `until`.

    What runs has no key any more, so the same planned meanwhile is kept and runs afterwards.
    """
    found = _due.run(conn, kinds=list(kinds), now=now, limit=limit)
    if found:
        _take.run(conn, ids=[one.id for one in found], until=until)
    return found


def turn(
    conn: Connection, kinds: Sequence[str], done_ids: Sequence[int], *, limit: int, now: int, until: int
) -> tuple[list[Job], int | None]:
    """`finish` these, `claim` what is due, and say when the next wants to run: all of one look at the queue."""
    if done_ids:
        finish(conn, done_ids)
    return claim(conn, kinds, limit=limit, now=now, until=until), next_at(conn, kinds)


def finish(conn: Connection, job_ids: Sequence[int]) -> None:
    """These have been done."""
    _finish.run(conn, ids=list(job_ids))


def fail(conn: Connection, done: Job, error: str, *, retry_at: int | None) -> None:
    """This one went wrong: it runs again at `retry_at`, or with None waits for an admin."""
    values: dict[str, Any] = {"last_error": error[:ERROR_CHARS_MAX]}
    if retry_at is None:
        values["state"] = "failed"
    elif done.key is not None and _waits(conn, done.kind, done.key):
        finish(conn, [done.id])  # The same was planned again meanwhile, and will do.
        return
    else:
        values |= {"state": "waiting", "run_at": retry_at, "key": done.key}
    conn.execute(update(job).where(job.c.id == done.id).values(**values))


def next_at(conn: Connection, kinds: Sequence[str]) -> int | None:
    """When the next job wants to run, or a claim ends; None while there is none."""
    return _next.run(conn, kinds=list(kinds))[0]


def recover(conn: Connection) -> int:
    """At the start of the only process: what was running when the last one ended runs again; how many."""
    return conn.execute(
        update(job).where(job.c.state == "running").values(state="waiting", run_at=now_ms())
    ).rowcount


def _waits(conn: Connection, kind: str, key: str) -> bool:
    return conn.execute(select(job.c.id).where(job.c.kind == kind, job.c.key == key)).first() is not None


def _open() -> Any:
    return or_(job.c.state == literal("waiting"), job.c.state == literal("running"))


_due: Hot[Job] = Hot(
    lambda: (
        select(job.c.id, job.c.kind, job.c.key, job.c.payload, job.c.attempts + literal(1))
        .where(_open(), job.c.run_at <= bindparam("now"), AnyOf(job.c.kind, bindparam("kinds")))
        .order_by(job.c.run_at, job.c.id)
        .limit(bindparam("limit"))
    ),
    lambda row: Job(row[0], row[1], row[2], json.loads(row[3]), row[4]),
)

_take: Hot[Any] = Hot(
    lambda: (
        update(job)
        .where(AnyOf(job.c.id, bindparam("ids")))
        .values(
            state=literal("running"),
            run_at=bindparam("until"),
            attempts=job.c.attempts + literal(1),
            key=null(),
        )
    ),
    tuple,
)

_finish: Hot[Any] = Hot(lambda: delete(job).where(AnyOf(job.c.id, bindparam("ids"))), tuple)

_next: Hot[int | None] = Hot(
    lambda: select(func.min(job.c.run_at)).where(_open(), AnyOf(job.c.kind, bindparam("kinds"))),
    lambda row: row[0],
)


# --- PgQueuer -------------------------------------------------------------------------------------


def install(conn: Connection) -> None:
    """Make PgQueuer's tables in this transaction, unless they are there. Nothing to do on SQLite."""
    if conn.dialect.name == "postgresql" and not installed(conn):
        conn.exec_driver_sql(_pgqueuer().build_install_query())


def installed(conn: Connection) -> bool:
    """Whether PgQueuer's queue table is there."""
    return bool(conn.scalar(select(func.to_regclass(_queue_table()).is_not(None))))


def release_key(conn: Connection, job_id: int) -> None:
    """A job of PgQueuer begins: from now on the same may be planned again (see `claim`).

    Waits for the units under way that planned the same and left it at this job, so that its run sees what they wrote.
    """
    statement = f"UPDATE {_queue_table()} SET dedupe_key = NULL WHERE id = %(id)s"  # noqa: S608
    conn.exec_driver_sql(statement, {"id": job_id})


def _enqueue(
    conn: Connection, kind: str, wanted: Sequence[tuple[str, str | None]], not_before_ms: int | None = None
) -> None:
    delay = timedelta(milliseconds=max(0, (not_before_ms or 0) - now_ms()))
    # PgQueuer's keys hold across kinds; ours within one.
    missing = [(text.encode(), None if key is None else f"{kind}:{key}") for text, key in wanted]
    while missing:
        count = len(missing)
        bodies, keys = [body for body, _ in missing], [key for _, key in missing]
        added = _raw(
            conn,
            _query_builder().build_enqueue_query("skip"),
            [[0] * count, [kind] * count, bodies, [delay] * count, keys, ["null"] * count],
        )
        if len(added) == count:
            return
        kept = _keep(conn, [key for key in keys if key is not None])
        # What has begun since is not there any more, and is planned again.
        missing = [(body, key) for body, key in missing if key is not None and key not in kept]


def _keep(conn: Connection, keys: Sequence[str]) -> set[str]:
    """Those of the keys that wait: they do not begin (`release_key`) before this unit has ended."""
    found = conn.exec_driver_sql(
        f"SELECT dedupe_key FROM {_queue_table()} WHERE dedupe_key = ANY(%(keys)s) FOR SHARE",  # noqa: S608
        {"keys": list(keys)},
    )
    # A worker that looks meanwhile passes over what is locked.
    _wake_workers(conn)
    return {row[0] for row in found}


def _wake_workers(conn: Connection) -> None:
    """When this unit ends. PgQueuer's trigger tells its workers of new jobs, and of nothing else."""
    channel = _pgqueuer().settings.channel
    event = {
        "channel": channel,
        "operation": "update",
        "sent_at": datetime.now(UTC).isoformat(),
        "table": _queue_table(),
        "type": "table_changed_event",
    }
    conn.exec_driver_sql(
        "SELECT pg_notify(%(channel)s, %(event)s)", {"channel": channel, "event": json.dumps(event)}
    )


def _raw(conn: Connection, statement: str, arguments: Sequence[Any]) -> list[Any]:
    """The rows, if any, of a statement of PgQueuer, which numbers its parameters, in this unit's transaction."""
    from psycopg import RawCursor

    with RawCursor(conn.connection.driver_connection) as cursor:  # type: ignore[arg-type]
        cursor.execute(statement, arguments)
        return [] if cursor.description is None else cursor.fetchall()


@cache
def _pgqueuer() -> QueryBuilderEnvironment:
    from pgqueuer.adapters.persistence.qb import QueryBuilderEnvironment

    return QueryBuilderEnvironment()


@cache
def _query_builder() -> QueryQueueBuilder:
    from pgqueuer.adapters.persistence.qb import QueryQueueBuilder

    return QueryQueueBuilder()


@cache
def _queue_table() -> str:
    return str(_pgqueuer().qualified.queue_table)


@cache
def _log_table() -> str:
    return str(_pgqueuer().qualified.queue_table_log)


# --- for admins -----------------------------------------------------------------------------------


def failed_listed(conn: Connection, *, limit: int = 50) -> list[FailedJob]:
    """Work that was given up, the newest first."""
    limit = min(limit, LISTED_MAX)
    if conn.dialect.name == "postgresql":
        rows = conn.exec_driver_sql(
            f"""SELECT q.id, q.entrypoint, q.payload, q.attempts + 1,
                       (SELECT l.traceback->>'exception_message' FROM {_log_table()} l
                        WHERE l.job_id = q.id AND l.status = 'failed' ORDER BY l.id DESC LIMIT 1)
                FROM {_queue_table()} q WHERE q.status = 'failed' ORDER BY q.id DESC LIMIT %(limit)s""",  # noqa: S608
            {"limit": limit},
        )
        return [FailedJob(row[0], row[1], json.loads(bytes(row[2])), row[3], row[4] or "") for row in rows]
    found = conn.execute(select(job).where(job.c.state == "failed").order_by(job.c.id.desc()).limit(limit))
    return [
        FailedJob(row.id, row.kind, json.loads(row.payload), row.attempts, row.last_error) for row in found
    ]


def retry(conn: Connection, job_id: int) -> bool:
    """Run a job that was given up once more; whether it was there."""
    if conn.dialect.name == "postgresql":
        statement = f"SELECT 1 FROM {_queue_table()} WHERE id = %(id)s AND status = 'failed' FOR UPDATE"  # noqa: S608
        if conn.exec_driver_sql(statement, {"id": job_id}).first() is None:
            return False
        _raw(conn, _query_builder().build_requeue_jobs_query(), [[job_id]])
        _wake_workers(conn)
        return True
    changed = conn.execute(
        update(job)
        .where(job.c.id == job_id, job.c.state == "failed")
        .values(state="waiting", attempts=0, run_at=now_ms())
    ).rowcount
    signal(conn, "job")
    return bool(changed)


def drop(conn: Connection, job_id: int) -> bool:
    """Forget a job that was given up; whether it was there."""
    if conn.dialect.name == "postgresql":
        return bool(
            conn.exec_driver_sql(
                f"DELETE FROM {_queue_table()} WHERE id = %(id)s AND status = 'failed'",  # noqa: S608
                {"id": job_id},
            ).rowcount
        )
    return bool(conn.execute(delete(job).where(job.c.id == job_id, job.c.state == "failed")).rowcount)


def queue_status(conn: Connection) -> dict[str, int]:
    """How many jobs are ``waiting``, ``running`` and ``failed``, and ``oldest_seconds``: how late the latest is."""
    if conn.dialect.name == "postgresql":
        row = conn.exec_driver_sql(
            f"""SELECT count(*) FILTER (WHERE status = 'queued'), count(*) FILTER (WHERE status = 'picked'),
                       count(*) FILTER (WHERE status = 'failed'),
                       coalesce(extract(epoch FROM now() - min(execute_after) FILTER (WHERE status = 'queued')), 0)
                FROM {_queue_table()}"""  # noqa: S608
        ).one()
    else:
        row = conn.execute(
            select(
                func.count().filter(job.c.state == "waiting"),
                func.count().filter(job.c.state == "running"),
                func.count().filter(job.c.state == "failed"),
                func.coalesce((now_ms() - func.min(job.c.run_at).filter(job.c.state == "waiting")) / 1000, 0),
            )
        ).one()
    return {
        "waiting": row[0],
        "running": row[1],
        "failed": row[2],
        "oldest_seconds": max(0, int(row[3])),
    }
