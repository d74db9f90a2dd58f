"""A member's notifications as they are read: a page of them with everything that is needed to show it.

Whether something is worth a notification is decided in `fedserver.notifications`, when it happens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    bindparam,
    case,
    exists,
    func,
    literal_column,
    or_,
    select,
)

from fedserver import collections, filters, quoted, visibility
from fedserver.collections import Collection
from fedserver.context import Server
from fedserver.errors import Conflict, NotFound
from fedserver.notifications import TYPES
from fedserver.rendered import Shelf
from fedserver.viewer import Member
from storage import accounts, cards, kept_out, notifications, strikes
from storage.cards import AUTHOR, VIEWER, AccountLine, Batch, Card, Page, PostLine
from storage.hot import Hot
from storage.paging import Window
from storage.relationships import keeps_out
from storage.strikes import Strike
from storage.tables import account, block, follow, marker, mute, notification, post, report, severance
from storage.types import AnyOf, instant_of, now_ms

__all__ = ["TYPES", "Strike", "instant_of"]

MARKED_TIMELINES: Final = ("home", "notifications")
SENDER: Final = account.alias("sender")

# Columns of the viewer's parameters, which have no table to take a type from.
_ID: Final = notification.c.id.type


@dataclass(frozen=True, slots=True)
class Asked:
    """Which notifications are wanted: of these types, from one account only, those held back as well."""

    types: Sequence[str] = TYPES
    from_account_id: int | None = None
    include_filtered: bool = False

    @property
    def parameters(self) -> dict[str, Any]:
        """The same for the statements."""
        return {
            "types": list(self.types),
            "from_account_id": self.from_account_id or 0,
            "include_filtered": int(self.include_filtered or self.from_account_id is not None),
            "now": now_ms(),
        }


class Notice(NamedTuple):
    """A notification, who caused it, and the post it is about."""

    id: int
    type: str
    post_id: int | None
    report_id: int | None
    collection_id: int | None
    severance_id: int | None
    strike_id: int | None
    group_key: str
    filtered: bool
    account: AccountLine
    card: Card | None


@dataclass(frozen=True, slots=True)
class Notices:
    """A page of notifications, newest first; by id the reports, severances, strikes and collections they tell
    of, and the accounts that reports are about."""

    notices: list[Notice]
    batch: Batch
    reports: dict[int, Row[Any]]
    severances: dict[int, Row[Any]]
    strikes: dict[int, Strike]
    targets: dict[int, Row[Any]]
    collections: dict[int, Collection]


# -- statements


def shown(told: Any = notification, sender: Any = SENDER) -> tuple[ColumnElement[bool], ...]:
    """What holds for the viewer's notifications that they are shown; `sender` is who caused one.

    Parameters: ``viewer_id``, ``now``, ``from_account_id`` (0 for any), ``include_filtered``.
    """
    now = bindparam("now", type_=mute.c.expires_at.type)
    only_from = bindparam("from_account_id", type_=_ID)
    follows = exists().where(
        follow.c.account_id == VIEWER, follow.c.target_id == sender.c.id, follow.c.accepted
    )
    return (
        told.c.account_id == VIEWER,
        kept_out.shows(sender),
        or_(only_from == literal_column("0"), told.c.from_account_id == only_from),
        or_(~told.c.filtered, bindparam("include_filtered", type_=_ID) != literal_column("0")),
        ~exists().where(block.c.account_id == VIEWER, block.c.target_id == sender.c.id),
        ~exists().where(block.c.account_id == sender.c.id, block.c.target_id == VIEWER),
        # Whoever asks for one account's notifications wants to see them, muted or not.
        or_(
            only_from != literal_column("0"),
            ~exists().where(
                mute.c.account_id == VIEWER,
                mute.c.target_id == sender.c.id,
                mute.c.hides_notifications,
                or_(mute.c.expires_at.is_(None), mute.c.expires_at > now),
            ),
        ),
        or_(~keeps_out(VIEWER, sender.c.domain), follows),
    )


def select_notices() -> Select[Any]:
    """The columns of `notice_of`, of those with their post where they are about one that the viewer may see."""
    visible = case((visibility.predicate(VIEWER), True), else_=False)
    return (
        select(
            *(notification.c[name] for name in Notice._fields[:_OWN_WIDTH]),
            *(SENDER.c[name] for name in AccountLine._fields),
            *(post.c[name] for name in PostLine._fields),
            *(AUTHOR.c[name] for name in AccountLine._fields),
        )
        .join_from(notification, SENDER, SENDER.c.id == notification.c.from_account_id)
        .join(post, (post.c.id == notification.c.post_id) & visible, isouter=True)
        .join(
            AUTHOR,
            # Who mentions somebody is the author of the post, and is there already.
            (AUTHOR.c.id == post.c.account_id) & (post.c.account_id != notification.c.from_account_id),
            isouter=True,
        )
        .where(
            *shown(),
            AnyOf(notification.c.type, bindparam("types")),
            or_(notification.c.post_id.is_(None), post.c.id.is_not(None)),
        )
    )


_new: Final = tuple.__new__
_OWN_WIDTH: Final = len(Notice._fields) - 2
_SENDER_END: Final = _OWN_WIDTH + len(AccountLine._fields)
_POST_END: Final = _SENDER_END + len(PostLine._fields)
AUTHOR_COLUMNS: Final = (_POST_END, _POST_END + len(AccountLine._fields))
"""Those of a notification whose post is not by who caused it: the gap of packed statements (`Hot`)."""


def notice_of(values: Any) -> Notice:
    """A `Notice` of the columns of `select_notices`."""
    # Past the constructors of named tuples, as in `cards.card_of`.
    sender = _new(AccountLine, values[_OWN_WIDTH:_SENDER_END])
    if values[_SENDER_END] is None:
        return _new(Notice, (*values[:_OWN_WIDTH], sender, None))
    is_by_sender = len(values) == _POST_END or values[_POST_END] is None
    author = sender if is_by_sender else _new(AccountLine, values[_POST_END:])
    card = Card(_new(PostLine, values[_SENDER_END:_POST_END]), author)
    return _new(Notice, (*values[:_OWN_WIDTH], sender, card))


def _select_unread() -> Select[Any]:
    return (
        select(notification.c.id)
        .join_from(notification, SENDER, SENDER.c.id == notification.c.from_account_id)
        .where(*shown(), AnyOf(notification.c.type, bindparam("types")), notification.c.id > last_read())
        .limit(bindparam("size"))
    )


def last_read() -> Any:
    """The id of the last notification that the viewer has read; 0 for none."""
    read = select(marker.c.last_read_id).where(
        marker.c.account_id == VIEWER, marker.c.timeline == "notifications"
    )
    return func.coalesce(read.scalar_subquery(), literal_column("0"))


_page = Page(select_notices, notification.c.id, notice_of, AUTHOR_COLUMNS)
UNREAD: Hot[Any] = Hot(_select_unread, tuple)


# -- units


def page_unit(conn: Connection, viewer_id: int, window: Window, shelf: Shelf, asked: Asked) -> Notices:
    """One page: three statements at most when everything has been rendered before."""
    return completed(conn, viewer_id, notices_unit(conn, viewer_id, window, shelf, asked), shelf)


def notices_unit(
    conn: Connection, viewer_id: int, window: Window, shelf: Shelf, asked: Asked
) -> list[Notice]:
    """The notifications of a page alone."""
    return _page.run(conn, window, shelf.notices, viewer_id=viewer_id, **asked.parameters)


def completed(
    conn: Connection, viewer_id: int, notices: list[Notice], shelf: Shelf, others: Sequence[AccountLine] = ()
) -> Notices:
    """These notifications with everything that is needed to show them, and `others` beside their senders."""
    found = {one.card.post.id: one.card for one in notices if one.card is not None}
    batch = quoted.complete(conn, list(found.values()), viewer_id, shelf)
    known = {card.author.id for card in found.values()}
    lines = {one.account.id: one.account for one in notices if one.account.id not in known}
    lines.update((one.id, one) for one in others if one.id not in known)
    if lines:
        cards.add_accounts(conn, batch, lines.values(), shelf)
    reports = _rows(conn, report, [one.report_id for one in notices])
    return Notices(
        notices,
        batch,
        reports,
        severances(conn, notices),
        strikes.by_ids(conn, [one.strike_id for one in notices if one.strike_id is not None]),
        accounts.by_ids(conn, {row.target_id for row in reports.values()}) if reports else {},
        collections.some_unit(
            conn, viewer_id, [one.collection_id for one in notices if one.collection_id is not None]
        ),
    )


def severances(conn: Connection, notices: Sequence[Notice]) -> dict[int, Row[Any]]:
    """By id, the losses of follows that these tell of."""
    return _rows(conn, severance, [one.severance_id for one in notices])


def _rows(conn: Connection, table: Any, ids: Sequence[int | None]) -> dict[int, Row[Any]]:
    wanted = [one for one in ids if one is not None]
    if not wanted:
        return {}
    return {row.id: row for row in conn.execute(select(table).where(table.c.id.in_(wanted)))}


def unread_unit(conn: Connection, viewer_id: int, limit: int, asked: Asked) -> int:
    """How many are newer than the marker, counted up to `limit`."""
    return len(UNREAD.run(conn, viewer_id=viewer_id, size=limit, **asked.parameters))


# -- what web asks


def types_of(types: Sequence[str], exclude: Sequence[str]) -> list[str]:
    """Those of `TYPES` that are wanted: all, if none are named."""
    return [one for one in TYPES if (not types or one in types) and one not in exclude]


async def page(server: Server, member: Member, window: Window, shelf: Shelf, asked: Asked) -> Notices:
    """A member's notifications, without those from people they hide."""
    return await filtered(
        server, member.account_id, await server.db.read(page_unit, member.account_id, window, shelf, asked)
    )


async def one(server: Server, account_id: int, notification_id: int, shelf: Shelf) -> Notices:
    """One notification of a member, held back or not. Raises NotFound."""
    window = Window(1, max_id=notification_id + 1, min_id=notification_id - 1)
    found = await server.db.read(page_unit, account_id, window, shelf, Asked(include_filtered=True))
    if not found.notices:
        raise NotFound("Record not found")
    return await filtered(server, account_id, found)


async def filtered(server: Server, account_id: int, found: Notices) -> Notices:
    """The same, knowing what of it matches the member's filters."""
    await filters.applied(server, account_id, found.batch)
    return found


async def clear(server: Server, member: Member) -> None:
    """Forget all of them."""
    await server.db.write(notifications.clear, member.account_id)


async def dismiss(server: Server, member: Member, notification_id: int) -> None:
    """Forget one. Raises NotFound."""

    def unit(conn: Connection) -> None:
        if not notifications.dismiss(conn, member.account_id, [notification_id]):
            raise NotFound("Record not found")

    await server.db.write(unit)


async def dismiss_several(server: Server, member: Member, notification_ids: Sequence[int]) -> None:
    """Forget those of these that there are."""
    await server.db.write(notifications.dismiss, member.account_id, notification_ids)


async def unread(server: Server, member: Member, limit: int, asked: Asked) -> int:
    """How many are newer than the member's marker, counted up to `limit`."""
    return await server.db.read(unread_unit, member.account_id, limit, asked)


async def markers(server: Server, member: Member, names: Sequence[str]) -> list[Row[Any]]:
    """How far the member has read these timelines."""
    wanted = [name for name in names if name in MARKED_TIMELINES]
    return await server.db.read(notifications.markers, member.account_id, wanted)


async def put_markers(server: Server, member: Member, read: dict[str, int]) -> list[Row[Any]]:
    """Remember how far the member has read. Raises Conflict when another app moves the same marker meanwhile."""

    def unit(conn: Connection) -> list[Row[Any]]:
        for name, last_read_id in read.items():
            if not notifications.put_marker(conn, member.account_id, name, last_read_id):
                raise Conflict("Conflict during update, please try again")
        return notifications.markers(conn, member.account_id, list(read))

    return await server.db.write(unit)
