"""A member's notifications as they are read: a page of them with everything that is needed to show it.

Whether something is worth a notification is decided in `fedserver.notifications`, when it happens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Row, Select, bindparam, exists, literal_column, or_, select

from fedserver import timelines
from fedserver.context import Server
from fedserver.errors import Conflict, NotFound
from fedserver.notifications import TYPES
from fedserver.rendered import Shelf
from fedserver.viewer import Member
from storage import accounts, cards, notifications
from storage.cards import AUTHOR, VIEWER, AccountLine, Batch, Card, Page
from storage.paging import Window
from storage.tables import block, mute, notification, report
from storage.types import AnyOf, instant_of, now_ms

__all__ = ["TYPES", "instant_of"]

MARKED_TIMELINES: Final = ("home", "notifications")


class Notice(NamedTuple):
    """A notification, and who caused it."""

    id: int
    type: str
    post_id: int | None
    report_id: int | None
    account: AccountLine


@dataclass(frozen=True, slots=True)
class Notices:
    """A page of notifications, newest first: `cards` by post id, reports and their targets by id."""

    notices: list[Notice]
    cards: dict[int, Card]
    batch: Batch
    reports: dict[int, Row[Any]]
    targets: dict[int, Row[Any]]


def _select() -> Select[Any]:
    now = bindparam("now", type_=mute.c.expires_at.type)
    sender = bindparam("from_account_id", type_=notification.c.id.type)
    return (
        select(
            notification.c.id.label("notification_id"),
            notification.c.type,
            notification.c.post_id,
            notification.c.report_id,
            *(AUTHOR.c[name] for name in AccountLine._fields),
        )
        .join_from(notification, AUTHOR, AUTHOR.c.id == notification.c.from_account_id)
        .where(
            notification.c.account_id == VIEWER,
            AnyOf(notification.c.type, bindparam("types")),
            AUTHOR.c.suspended_at.is_(None),
            or_(sender == literal_column("0"), notification.c.from_account_id == sender),
            ~exists().where(
                block.c.account_id == VIEWER, block.c.target_id == notification.c.from_account_id
            ),
            ~exists().where(
                block.c.account_id == notification.c.from_account_id, block.c.target_id == VIEWER
            ),
            # Whoever asks for one account's notifications wants to see them, muted or not.
            or_(
                sender != literal_column("0"),
                ~exists().where(
                    mute.c.account_id == VIEWER,
                    mute.c.target_id == notification.c.from_account_id,
                    or_(mute.c.expires_at.is_(None), mute.c.expires_at > now),
                ),
            ),
        )
    )


def _notice(row: Any) -> Notice:
    notice_id, type_, post_id, report_id, *account = row
    return Notice(notice_id, type_, post_id, report_id, AccountLine._make(account))


_page = Page(_select, notification.c.id, _notice)


def page_unit(
    conn: Connection,
    viewer_id: int,
    window: Window,
    shelf: Shelf,
    types: Sequence[str],
    from_account_id: int | None,
) -> Notices:
    """One page: four statements at most when everything has been rendered before."""
    notices = _page.run(
        conn,
        window,
        viewer_id=viewer_id,
        types=list(types),
        from_account_id=from_account_id or 0,
        now=now_ms(),
    )
    return _completed(conn, viewer_id, notices, shelf)


def _completed(conn: Connection, viewer_id: int, notices: list[Notice], shelf: Shelf) -> Notices:
    post_ids = list(dict.fromkeys(one.post_id for one in notices if one.post_id is not None))
    batch = timelines.batch_of(conn, viewer_id, post_ids, shelf)
    known = {card.post.id: card for card in batch.cards}
    missing = {one.account.id: one.account for one in notices}
    cards.add_accounts(conn, batch, missing.values(), shelf)
    report_ids = [one.report_id for one in notices if one.report_id is not None]
    reports = (
        {row.id: row for row in conn.execute(select(report).where(report.c.id.in_(report_ids)))}
        if report_ids
        else {}
    )
    targets = accounts.by_ids(conn, {row.target_id for row in reports.values()})
    return Notices(notices, known, batch, reports, targets)


async def page(
    server: Server,
    member: Member,
    window: Window,
    shelf: Shelf,
    *,
    types: Sequence[str] = (),
    exclude: Sequence[str] = (),
    from_account_id: int | None = None,
) -> Notices:
    """A member's notifications of these types (all, if none are named), without those from people they hide."""
    wanted = [one for one in TYPES if (not types or one in types) and one not in exclude]
    return await server.db.read(page_unit, member.account_id, window, shelf, wanted, from_account_id)


async def one(server: Server, account_id: int, notification_id: int, shelf: Shelf) -> Notices:
    """One notification of a member. Raises NotFound."""
    window = Window(1, max_id=notification_id + 1, min_id=notification_id - 1)
    found = await server.db.read(page_unit, account_id, window, shelf, TYPES, None)
    if not found.notices:
        raise NotFound("Record not found")
    return found


async def clear(server: Server, member: Member) -> None:
    """Forget all of them."""
    await server.db.write(notifications.clear, member.account_id)


async def dismiss(server: Server, member: Member, notification_id: int) -> None:
    """Forget one. Raises NotFound."""

    def unit(conn: Connection) -> None:
        if notifications.by_id(conn, member.account_id, notification_id) is None:
            raise NotFound("Record not found")
        notifications.dismiss(conn, member.account_id, notification_id)

    await server.db.write(unit)


async def unread(server: Server, member: Member, limit: int) -> int:
    """How many are newer than the member's marker, counted up to `limit`."""

    def unit(conn: Connection) -> int:
        return notifications.unread_count(conn, member.account_id, limit=limit)

    return await server.db.read(unit)


async def markers(server: Server, member: Member, names: Sequence[str]) -> list[Row[Any]]:
    """How far the member has read these timelines."""
    wanted = [name for name in names if name in MARKED_TIMELINES]
    return await server.db.read(notifications.markers, member.account_id, wanted)


async def put_markers(server: Server, member: Member, read: dict[str, int]) -> list[Row[Any]]:
    """Remember how far the member has read. Raises Conflict when a newer marker is there already."""

    def unit(conn: Connection) -> list[Row[Any]]:
        now = {
            row.timeline: row.last_read_id
            for row in notifications.markers(conn, member.account_id, list(read))
        }
        for name, last_read_id in read.items():
            if now.get(name, 0) > last_read_id:
                raise Conflict("Conflict during update, please try again")
            notifications.put_marker(conn, member.account_id, name, last_read_id)
        return notifications.markers(conn, member.account_id, list(read))

    return await server.db.write(unit)
