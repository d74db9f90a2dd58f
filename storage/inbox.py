"""What has arrived from other servers and waits to be acted on; and what was deleted or undone before we knew it.

An activity is kept once for each (signer, id), so what arrives twice, by whatever inbox, is acted on once. Rows
stay after that for longer than any signature is valid (13 hours), which is why a replayed request changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, bindparam, delete, exists, func, insert, literal, select, update

from storage.hot import Hot, insert_rows
from storage.signals import signal
from storage.tables import inbox_item, media, tombstone
from storage.types import AnyOf, id_floor, instant_of, new_id, now_ms

KEPT_MS: Final = 7 * 24 * 3_600_000
TOMBSTONE_MS: Final = 6 * 3_600_000
NOTE_CHARS_MAX: Final = 500
_CLAIM_LOCK: Final = 0x66656469  # of this database: two processes never claim at once


class Arrival(NamedTuple):
    """A verified activity: the actor that signed the request, the activity's id, the bytes as received."""

    signer_uri: str
    activity_id: str
    body: bytes


class Item(NamedTuple):
    """An arrival to act on. `attempts` counts earlier ones."""

    id: int
    signer_uri: str
    activity_id: str
    body: bytes
    attempts: int

    @property
    def arrived_at(self) -> int:
        return instant_of(self.id)


def add(conn: Connection, arrivals: Sequence[Arrival]) -> None:
    """Keep what has arrived; what is known by (signer, id) stays as it is."""
    now = now_ms()
    rows = [{"id": new_id(now), "next_at": now, **arrival._asdict()} for arrival in arrivals]
    insert_rows(conn, inbox_item, rows, unless_there=True)
    signal(conn, "inbox")


def claim(conn: Connection, *, now: int, until: int, limit: int) -> list[Item]:
    """Take the oldest that are due; nobody else gets them before `until`.

    While one of a signer's is claimed for the first time, that signer's later ones wait, so that a Create comes
    before its Delete. What is tried again holds nobody up.
    """
    if conn.dialect.name == "postgresql":
        conn.exec_driver_sql("SELECT pg_advisory_xact_lock(%(key)s)", {"key": _CLAIM_LOCK})
    found = _due.run(conn, now=now, limit=limit)
    if found:
        _hold.run(conn, ids=[item.id for item in found], until=until)
    return found


def next_at(conn: Connection) -> int | None:
    """When the next one is due, None while there is none."""
    earliest: int | None = conn.scalar(
        select(func.min(inbox_item.c.next_at)).where(inbox_item.c.state == "waiting")
    )
    return earliest


def recover(conn: Connection) -> None:
    """At the start of the only process: what the last one had claimed is due now."""
    conn.execute(
        update(inbox_item)
        .where(inbox_item.c.state == "waiting", inbox_item.c.attempts == 0)
        .values(next_at=now_ms())
    )


def release(conn: Connection, item_ids: Sequence[int]) -> None:
    """These were claimed and not acted on: they are due now."""
    conn.execute(
        update(inbox_item)
        .where(inbox_item.c.id.in_(list(item_ids)), inbox_item.c.state == "waiting")
        .values(next_at=now_ms())
    )


def done(conn: Connection, item_ids: Sequence[int]) -> None:
    """These have been acted on. Their bodies are not needed any more."""
    _done.run(conn, ids=list(item_ids), nothing=b"")


def dropped(conn: Connection, item_id: int, note: str) -> None:
    """This one changes nothing; `note` says why."""
    _settle(conn, item_id, state="dropped", body=b"", note=note)


def retry(conn: Connection, item_id: int, *, at_ms: int, note: str) -> None:
    """Try this one again."""
    _settle(conn, item_id, attempts=inbox_item.c.attempts + 1, next_at=at_ms, note=note)


def failed(conn: Connection, item_id: int, note: str) -> None:
    """This one was tried often enough; an admin may look at it."""
    _settle(conn, item_id, state="failed", attempts=inbox_item.c.attempts + 1, note=note)


def retry_failed(conn: Connection, item_id: int) -> bool:
    """Try a failed one once more; whether it was there."""
    changed = conn.execute(
        update(inbox_item)
        .where(inbox_item.c.id == item_id, inbox_item.c.state == "failed")
        .values(state="waiting", attempts=0, next_at=now_ms(), note="")
    ).rowcount
    signal(conn, "inbox")
    return bool(changed)


def drop_failed(conn: Connection, item_id: int) -> bool:
    """Forget a failed one; whether it was there."""
    gone = conn.execute(delete(inbox_item).where(inbox_item.c.id == item_id, inbox_item.c.state == "failed"))
    return bool(gone.rowcount)


def failed_listed(conn: Connection, *, limit: int = 50) -> list[Any]:
    """The newest that were tried often enough, for admins; `note` says why."""
    query = select(inbox_item).where(inbox_item.c.state == "failed").order_by(inbox_item.c.id.desc())
    return list(conn.execute(query.limit(min(limit, 200))))


def forget_old(conn: Connection, now: int) -> int:
    """Remove what was acted on or dropped long ago, and tombstones that have had their time; how many."""
    return (
        conn.execute(
            delete(inbox_item).where(
                inbox_item.c.state.in_(["done", "dropped"]), inbox_item.c.id < id_floor(now - KEPT_MS)
            )
        ).rowcount
        + conn.execute(delete(tombstone).where(tombstone.c.expires_at <= now)).rowcount
    )


def _settle(conn: Connection, item_id: int, **values: Any) -> None:
    values["note"] = values["note"].replace("\0", "")[:NOTE_CHARS_MAX]
    conn.execute(update(inbox_item).where(inbox_item.c.id == item_id).values(**values))


_earlier = inbox_item.alias("earlier")

_due: Hot[Item] = Hot(
    lambda: (
        select(
            inbox_item.c.id,
            inbox_item.c.signer_uri,
            inbox_item.c.activity_id,
            inbox_item.c.body,
            inbox_item.c.attempts,
        )
        .where(
            inbox_item.c.state == literal("waiting"),
            inbox_item.c.next_at <= bindparam("now"),
            ~exists().where(
                _earlier.c.signer_uri == inbox_item.c.signer_uri,
                _earlier.c.state == literal("waiting"),
                _earlier.c.attempts == literal(0),
                _earlier.c.next_at > bindparam("now"),
                _earlier.c.id < inbox_item.c.id,
            ),
        )
        .order_by(inbox_item.c.id)
        .limit(bindparam("limit"))
    ),
    lambda row: Item(row[0], row[1], row[2], bytes(row[3]), row[4]),
)

_hold: Hot[Any] = Hot(
    lambda: (
        update(inbox_item).where(AnyOf(inbox_item.c.id, bindparam("ids"))).values(next_at=bindparam("until"))
    ),
    tuple,
)

_done: Hot[Any] = Hot(
    lambda: (
        update(inbox_item)
        .where(AnyOf(inbox_item.c.id, bindparam("ids")))
        .values(state=literal("done"), body=bindparam("nothing"))
    ),
    tuple,
)


# -- tombstones


def bury(conn: Connection, uri: str, kind: str, *, former_type: str = "", for_good: bool = False) -> None:
    """Remember that this was deleted (``deleted``; by its author in a group ``own``), taken back (``undone``), removed from
    a group by its moderators (``removed``) or an account that is gone (``account``), so that what arrives late does not
    bring it back."""
    if _tombstones.run(conn, uris=[uri]):
        return
    now = now_ms()
    conn.execute(
        insert(tombstone).values(
            uri=uri,
            kind=kind,
            former_type=former_type[:32],
            created_at=now,
            expires_at=None if for_good else now + TOMBSTONE_MS,
        )
    )


def bury_posts(conn: Connection, gone: Iterable[tuple[str, str]]) -> None:
    """Remember for good of posts that they were deleted: the URI of each, and what it was."""
    now = now_ms()
    rows = [
        {"uri": uri, "kind": "deleted", "former_type": former_type, "created_at": now}
        for uri, former_type in gone
    ]
    insert_rows(conn, tombstone, rows, unless_there=True)


def by_author(author_uri: str, uri: str) -> str:
    """Under what is kept that its author deleted a post, or said so of one that was not known here: a word for their own
    posts alone, which only they take back.
    """
    return f"{author_uri} {uri}"


def unbury(conn: Connection, uri: str, kind: str) -> bool:
    """Forget that this was deleted, if it was for that reason. Whether it was."""
    removed = conn.execute(delete(tombstone).where(tombstone.c.uri == uri, tombstone.c.kind == kind))
    return bool(removed.rowcount)


def is_buried(conn: Connection, *uris: str | None) -> bool:
    """Whether one of these was deleted or taken back."""
    wanted = [uri for uri in uris if uri]
    return bool(wanted and _tombstones.run(conn, uris=wanted))


def tombstone_of(conn: Connection, uri: str) -> Any:
    """The row of what was deleted under this address, or None."""
    return conn.execute(select(tombstone).where(tombstone.c.uri == uri)).first()


_tombstones: Hot[Any] = Hot(
    lambda: select(tombstone.c.uri).where(AnyOf(tombstone.c.uri, bindparam("uris"))),
    tuple,
)


# -- attachments of other servers' posts


def put_remote_media(
    conn: Connection, post_id: int, account_id: int, files: Iterable[dict[str, Any]]
) -> None:
    """Exactly these are attached, in this order; a file that stays keeps its row and so its id."""
    known = {row.remote_url: row for row in conn.execute(select(media).where(media.c.post_id == post_id))}
    now = now_ms()
    for position, file in enumerate(files):
        row = known.pop(file["remote_url"], None)
        if row is None:
            values = {"id": new_id(now), "account_id": account_id, "post_id": post_id, "created_at": now}
            conn.execute(insert(media).values(**values, position=position, **file))
        else:
            kept = {
                name: value for name, value in file.items() if name in ("description", "focus_x", "focus_y")
            }
            conn.execute(update(media).where(media.c.id == row.id).values(position=position, **kept))
    if known:
        conn.execute(delete(media).where(media.c.id.in_([row.id for row in known.values()])))
