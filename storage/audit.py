"""Who did what: entries that are only ever added, each with a digest that covers the one before.

Whoever changes or removes one, or puts one in between, breaks the chain from there on. Only the end can be cut
off unnoticed, which is why `fedserver.moderation.audit` logs each digest as well.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Select, func, insert, select

from storage.paging import Window
from storage.tables import audit_entry
from storage.types import now_ms

_LOCK: Final = 0x6175646974  # for PostgreSQL, where two units could read the same last entry
_STEP_ROWS: Final = 1_000
_KINDS_MAX: Final = 200


class Entry(NamedTuple):
    """One thing somebody did. `actor_id` is None for the command line and for the server itself."""

    number: int
    created_at: int
    actor_id: int | None
    actor_name: str
    action: str
    subject_type: str
    subject_id: str
    subject_name: str
    before: str
    after: str
    digest: bytes

    @property
    def changed_from(self) -> dict[str, Any]:
        """What it was before."""
        found: dict[str, Any] = json.loads(self.before)
        return found

    @property
    def changed_to(self) -> dict[str, Any]:
        """What it has been since."""
        found: dict[str, Any] = json.loads(self.after)
        return found


_COLUMNS: Final = [audit_entry.c[name] for name in Entry._fields]


def add(
    conn: Connection,
    *,
    actor_id: int | None,
    actor_name: str,
    action: str,
    subject_type: str,
    subject_id: str,
    subject_name: str,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
) -> Entry:
    """Add an entry behind the last one."""
    if conn.dialect.name == "postgresql":
        conn.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    last = head(conn)
    entry = Entry(
        number=1 if last is None else last.number + 1,
        created_at=now_ms(),
        actor_id=actor_id,
        actor_name=actor_name,
        action=action,
        subject_type=subject_type,
        subject_id=subject_id,
        subject_name=subject_name,
        before=_json(before),
        after=_json(after),
        digest=b"",
    )
    entry = entry._replace(digest=digest_of(entry, b"" if last is None else last.digest))
    conn.execute(insert(audit_entry).values(entry._asdict()))
    return entry


def digest_of(entry: Entry, before: bytes) -> bytes:
    """What the digest of an entry must be when the one before has the digest `before`."""
    values = entry._asdict()
    del values["digest"]
    return hashlib.sha256(before + _json(values).encode()).digest()


def head(conn: Connection) -> Entry | None:
    """The last entry."""
    return _entry(conn.execute(select(*_COLUMNS).order_by(audit_entry.c.number.desc()).limit(1)).first())


def first_broken(conn: Connection) -> int | None:
    """The number of the first entry that is not as it was written, or None if all are."""
    number, digest = 0, b""
    while True:
        query = select(*_COLUMNS).where(audit_entry.c.number > number).order_by(audit_entry.c.number)
        rows = conn.execute(query.limit(_STEP_ROWS)).all()
        for row in rows:
            entry = Entry._make(row)
            number += 1
            if entry.number != number or bytes(entry.digest) != digest_of(entry, digest):
                return number
            digest = bytes(entry.digest)
        if not rows:
            return None


def has(conn: Connection, actor_id: int, action: str, subject_type: str, subject_id: str) -> bool:
    """Whether there is an entry of this actor, action and subject."""
    query = select(audit_entry.c.number).where(
        audit_entry.c.subject_type == subject_type,
        audit_entry.c.subject_id == subject_id,
        audit_entry.c.actor_id == actor_id,
        audit_entry.c.action == action,
    )
    return conn.execute(query.limit(1)).first() is not None


def latest_of(
    conn: Connection, subject_type: str, subject_ids: Collection[str], actions: Collection[str]
) -> dict[str, Entry]:
    """By subject the latest entry of one of these actions."""
    latest = (
        select(func.max(audit_entry.c.number))
        .where(
            audit_entry.c.subject_type == subject_type,
            audit_entry.c.subject_id.in_(subject_ids),
            audit_entry.c.action.in_(actions),
        )
        .group_by(audit_entry.c.subject_id)
    )
    rows = conn.execute(select(*_COLUMNS).where(audit_entry.c.number.in_(latest)))
    return {entry.subject_id: entry for entry in map(Entry._make, rows)}


def kinds(conn: Connection) -> tuple[list[str], list[str], list[str]]:
    """Every action, type of subject and name of an actor that the log has, each in order."""
    columns = (audit_entry.c.action, audit_entry.c.subject_type, audit_entry.c.actor_name)
    action, subject, actor = (
        list(conn.scalars(select(column).distinct().order_by(column).limit(_KINDS_MAX))) for column in columns
    )
    return action, subject, actor


def page(
    conn: Connection,
    window: Window,
    *,
    actor_id: int | None = None,
    action: str = "",
    subject_type: str = "",
    subject_id: str = "",
    subject_types: Collection[str] = (),
    subject_names: Collection[str] = (),
    actor_name: str = "",
    since_at: int | None = None,
    until_at: int | None = None,
) -> list[Entry]:
    """Entries, the newest first, all or those of one actor, action or subject (or of some types and names of subjects), from
    `since_at` to before `until_at`."""
    query: Select[Any] = select(*_COLUMNS)
    if actor_id is not None:
        query = query.where(audit_entry.c.actor_id == actor_id)
    if action:
        query = query.where(audit_entry.c.action == action)
    if subject_type:
        query = query.where(audit_entry.c.subject_type == subject_type)
    if subject_id:
        query = query.where(audit_entry.c.subject_id == subject_id)
    if subject_types:
        query = query.where(audit_entry.c.subject_type.in_(subject_types))
    if subject_names:
        query = query.where(audit_entry.c.subject_name.in_(subject_names))
    if actor_name:
        query = query.where(audit_entry.c.actor_name == actor_name)
    if since_at is not None:
        query = query.where(audit_entry.c.created_at >= since_at)
    if until_at is not None:
        query = query.where(audit_entry.c.created_at < until_at)
    return [Entry._make(row) for row in window.rows(conn, query, audit_entry.c.number)]


def _entry(row: Any) -> Entry | None:
    return None if row is None else Entry._make(row)


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
