"""Decisions about accounts, appeals against them, what moderators note, and texts they use again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Row, Select, delete, insert, select, tuple_, update

from storage.hot import insert_row, insert_rows
from storage.paging import Window
from storage.tables import appeal, erasure, moderation_note, strike, warning_preset
from storage.types import new_id, now_ms

# Attributes are the tables' columns.
AppealRow = Row[Any]
NoteRow = Row[Any]
PresetRow = Row[Any]


class Strike(NamedTuple):
    """A decision with the appeal against it, if there is one. Instants in ms."""

    id: int
    account_id: int
    actor_id: int | None
    report_id: int | None
    action: str
    text: str
    post_ids: str
    created_at: int
    expires_at: int | None
    undone_at: int | None
    ruling_id: int | None
    group_id: int | None
    appeal_id: int | None
    appeal_text: str | None
    appealed_at: int | None
    decided_at: int | None
    approved: bool | None

    @property
    def posts(self) -> list[int]:
        """Ids of the posts it names."""
        return [int(one) for one in json.loads(self.post_ids)]

    @property
    def appeal_state(self) -> str | None:
        """approved, rejected or pending; None without an appeal."""
        if self.appeal_id is None:
            return None
        if self.decided_at is None:
            return "pending"
        return "approved" if self.approved else "rejected"


_STRIKE_COLUMNS: Final = [strike.c[name] for name in Strike._fields[:12]]
_APPEAL_COLUMNS: Final = [
    appeal.c.id.label("appeal_id"),
    appeal.c.text.label("appeal_text"),
    appeal.c.created_at.label("appealed_at"),
    appeal.c.decided_at,
    appeal.c.approved,
]


def _select() -> Select[Any]:
    return select(*_STRIKE_COLUMNS, *_APPEAL_COLUMNS).join_from(
        strike, appeal, appeal.c.strike_id == strike.c.id, isouter=True
    )


def add(
    conn: Connection,
    account_id: int,
    *,
    actor_id: int | None,
    action: str,
    text: str = "",
    report_id: int | None = None,
    post_ids: Sequence[int] = (),
    expires_at: int | None = None,
    ruling_id: int | None = None,
    group_id: int | None = None,
) -> int:
    """Keep a decision; its id. `ruling_id` is that of all decided at once, `group_id` the group of a ban."""
    strike_id = new_id()
    conn.execute(
        insert(strike).values(
            id=strike_id,
            account_id=account_id,
            actor_id=actor_id,
            action=action,
            text=text,
            report_id=report_id,
            post_ids=json.dumps([str(one) for one in post_ids]),
            created_at=now_ms(),
            expires_at=expires_at,
            ruling_id=ruling_id,
            group_id=group_id,
        )
    )
    return strike_id


def by_id(conn: Connection, strike_id: int) -> Strike | None:
    row = conn.execute(_select().where(strike.c.id == strike_id)).first()
    return None if row is None else Strike._make(row)


def by_ids(conn: Connection, strike_ids: Iterable[int]) -> dict[int, Strike]:
    """Those that exist, by id."""
    wanted = list(strike_ids)
    if not wanted:
        return {}
    return {row.id: Strike._make(row) for row in conn.execute(_select().where(strike.c.id.in_(wanted)))}


def of_account(conn: Connection, account_id: int, window: Window | None = None) -> list[Strike]:
    """Decisions about an account, the newest first."""
    query = _select().where(strike.c.account_id == account_id)
    return [Strike._make(row) for row in (window or Window()).rows(conn, query, strike.c.id)]


def in_force(conn: Connection, account_id: int, action: str) -> list[Strike]:
    """Decisions of this kind about an account that have not been undone."""
    query = _select().where(
        strike.c.account_id == account_id, strike.c.action == action, strike.c.undone_at.is_(None)
    )
    return [Strike._make(row) for row in conn.execute(query.order_by(strike.c.id))]


def together(conn: Connection, found: Strike) -> list[Strike]:
    """All that was decided at once with this decision, itself included, the weightiest (the last) first."""
    if found.ruling_id is None:
        return [found]
    query = _select().where(strike.c.ruling_id == found.ruling_id)
    return [Strike._make(row) for row in conn.execute(query.order_by(strike.c.id.desc()))]


def expired(conn: Connection, now: int, limit: int) -> list[Strike]:
    """Decisions that should have ended by now."""
    query = _select().where(strike.c.expires_at <= now, strike.c.undone_at.is_(None))
    return [Strike._make(row) for row in conn.execute(query.order_by(strike.c.expires_at).limit(limit))]


def undone(conn: Connection, strike_ids: Sequence[int]) -> None:
    """These decisions hold no longer."""
    conn.execute(update(strike).where(strike.c.id.in_(list(strike_ids))).values(undone_at=now_ms()))


def remove_of(conn: Connection, account_id: int) -> None:
    """Forget every decision about an account, and its appeals."""
    conn.execute(delete(strike).where(strike.c.account_id == account_id))


# -- appeals


def add_appeal(conn: Connection, strike_id: int, text: str) -> int | None:
    """An appeal against a decision; None when there is one already."""
    appeal_id = new_id()
    values = {
        "id": appeal_id,
        "strike_id": strike_id,
        "text": text,
        "created_at": now_ms(),
        "approved": False,
    }
    return appeal_id if insert_row(conn, appeal, values, unless_there=True) else None


def decide_appeal(conn: Connection, appeal_id: int, *, by_id: int, approved: bool) -> bool:
    """Settle an appeal; False if it has been."""
    settled = conn.execute(
        update(appeal)
        .where(appeal.c.id == appeal_id, appeal.c.decided_at.is_(None))
        .values(decided_at=now_ms(), decided_by_id=by_id, approved=approved)
    )
    return bool(settled.rowcount)


def appealed(conn: Connection, window: Window, *, pending: bool = True) -> list[Strike]:
    """Decisions that somebody appeals against, the newest appeal first; those that wait, or those settled."""
    waits = appeal.c.decided_at.is_(None) if pending else appeal.c.decided_at.is_not(None)
    asked = _select().where(appeal.c.id.is_not(None), waits)
    return [Strike._make(row) for row in window.rows(conn, asked, appeal.c.id)]


def by_appeal(conn: Connection, appeal_id: int) -> Strike | None:
    """The decision that an appeal is against."""
    row = conn.execute(_select().where(appeal.c.id == appeal_id)).first()
    return None if row is None else Strike._make(row)


# -- notes and presets


def add_note(conn: Connection, author_id: int, subject_type: str, subject: str, text: str) -> int:
    """A note for other moderators about an account, a report or another server; its id."""
    note_id = new_id()
    conn.execute(
        insert(moderation_note).values(
            id=note_id,
            author_id=author_id,
            subject_type=subject_type,
            subject=subject,
            text=text,
            created_at=now_ms(),
        )
    )
    return note_id


def notes(conn: Connection, subject_type: str, subject: str) -> list[NoteRow]:
    """What was noted about a subject, the oldest first."""
    return notes_about(conn, [(subject_type, subject)])


def notes_about(conn: Connection, subjects: Sequence[tuple[str, str]]) -> list[NoteRow]:
    """What was noted about any of these subjects (type and name of each), the oldest first."""
    which = tuple_(moderation_note.c.subject_type, moderation_note.c.subject).in_(list(subjects))
    return list(conn.execute(select(moderation_note).where(which).order_by(moderation_note.c.id)))


def note_by_id(conn: Connection, note_id: int) -> NoteRow | None:
    return conn.execute(select(moderation_note).where(moderation_note.c.id == note_id)).first()


def remove_note(conn: Connection, note_id: int) -> None:
    conn.execute(delete(moderation_note).where(moderation_note.c.id == note_id))


def remove_notes_about(conn: Connection, account_id: int) -> None:
    """Forget what was noted about an account."""
    conn.execute(
        delete(moderation_note).where(
            moderation_note.c.subject_type == "account", moderation_note.c.subject == str(account_id)
        )
    )


def presets(conn: Connection) -> list[PresetRow]:
    """Texts that moderators use again, by title."""
    return list(conn.execute(select(warning_preset).order_by(warning_preset.c.title, warning_preset.c.id)))


def preset(conn: Connection, preset_id: int) -> PresetRow | None:
    return conn.execute(select(warning_preset).where(warning_preset.c.id == preset_id)).first()


def put_preset(
    conn: Connection,
    *,
    title: str,
    text: str,
    language: str,
    kind: str = "message",
    preset_id: int | None = None,
) -> int:
    """A new text, or another wording of one; its id."""
    values = {"title": title, "text": text, "language": language, "kind": kind}
    if preset_id is None:
        preset_id = new_id()
        conn.execute(insert(warning_preset).values(id=preset_id, **values))
    else:
        conn.execute(update(warning_preset).where(warning_preset.c.id == preset_id).values(**values))
    return preset_id


def remove_preset(conn: Connection, preset_id: int) -> None:
    conn.execute(delete(warning_preset).where(warning_preset.c.id == preset_id))


# -- what will be erased


def plan_erasures(conn: Connection, account_ids: Iterable[int], due_at: int) -> None:
    """The data of these accounts will be erased at this instant; an earlier plan stays."""
    rows = [{"account_id": account_id, "due_at": due_at} for account_id in account_ids]
    insert_rows(conn, erasure, rows, unless_there=True)


def cancel_erasures(conn: Connection, account_ids: Iterable[int]) -> None:
    """The data of these accounts will not be erased, or have been."""
    conn.execute(delete(erasure).where(erasure.c.account_id.in_(list(account_ids))))


def erasure_due_at(conn: Connection, account_id: int) -> int | None:
    """When an account's data will be erased; None if they will not, or have been."""
    found = conn.scalar(select(erasure.c.due_at).where(erasure.c.account_id == account_id))
    return None if found is None else int(found)


def erasures_due(conn: Connection, now: int, limit: int, after_id: int = 0) -> list[int]:
    """Accounts whose data are to be erased by now: the next in the order of their ids."""
    query = select(erasure.c.account_id).where(erasure.c.due_at <= now, erasure.c.account_id > after_id)
    return [int(one) for one in conn.scalars(query.order_by(erasure.c.account_id).limit(limit))]
