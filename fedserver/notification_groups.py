"""Notifications in groups: likes and boosts of one post, follows, sign-ups, as far as they came close together.

A page is a window over the ids of notifications, with one of each group: going down its newest within the window,
going up its oldest. So paging is exact in both directions, and a group that goes on beyond a page shows up again on
the next, with what lies there (`page_min_id`, `page_max_id`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Select, bindparam, case, exists, func, literal_column, or_, select

from fedserver import noticeboard
from fedserver.context import Server
from fedserver.errors import NotFound
from fedserver.noticeboard import AUTHOR_COLUMNS, SENDER, Asked, Notice, Notices, select_notices, shown
from fedserver.notifications import GROUPED_TYPES
from fedserver.rendered import Shelf
from fedserver.viewer import Member
from storage import notifications
from storage.cards import ID_MAX, AccountLine, Batch, Page
from storage.hot import Hot
from storage.paging import Window
from storage.tables import account, notification
from storage.types import AnyOf, now_ms

SAMPLE_SIZE: Final = 8
ALONE: Final = "ungrouped-"


@dataclass(frozen=True, slots=True)
class Group:
    """Some notifications of a kind. `notice` is one of them; `newest_id` of all that are not above the page;
    `oldest_id` is the oldest on the page, None off a page. `sample` has some who caused them, the last first."""

    key: str
    notice: Notice
    count: int
    newest_id: int
    oldest_id: int | None
    sample: list[AccountLine]


@dataclass(frozen=True, slots=True)
class Groups:
    """A page of groups, newest first, with what is needed to show them."""

    groups: list[Group]
    found: Notices


@dataclass(frozen=True, slots=True)
class People:
    """Some who caused a group, with the ids of what they caused (the cursors) and what is needed to show them."""

    cursors: list[int]
    lines: list[AccountLine]
    batch: Batch


class _Sample(NamedTuple):
    key: str
    id: int
    size: int
    oldest_id: int
    sender: AccountLine


# -- statements


def _is_first(*, going_down: bool) -> Any:
    """Whether a notification is the first of its group that a page in this direction comes to."""
    other, sender = notification.alias("other"), account.alias("other_sender")
    before = (
        (other.c.id > notification.c.id, other.c.id < bindparam("below"))
        if going_down
        else (other.c.id < notification.c.id, other.c.id > bindparam("above"))
    )
    return or_(
        notification.c.group_key == literal_column("''"),
        ~AnyOf(notification.c.type, bindparam("grouped_types")),
        ~exists()
        .where(other.c.group_key == notification.c.group_key, *before, *shown(other, sender))
        .where(sender.c.id == other.c.from_account_id),
    )


def _select_samples() -> Select[Any]:
    """The newest of each group up to ``upper``, with the size of the group and its oldest from ``lower`` on."""
    key = notification.c.group_key
    on_page = case((notification.c.id >= bindparam("lower", type_=notification.c.id.type), notification.c.id))
    ranked = (
        select(
            notification.c.group_key,
            notification.c.id,
            func.count().over(partition_by=key).label("size"),
            func.min(on_page).over(partition_by=key).label("oldest_id"),
            func.row_number().over(partition_by=key, order_by=notification.c.id.desc()).label("place"),
            *(SENDER.c[name].label(f"sender_{name}") for name in AccountLine._fields),
        )
        .join_from(notification, SENDER, SENDER.c.id == notification.c.from_account_id)
        .where(
            *shown(),
            AnyOf(notification.c.group_key, bindparam("keys")),
            notification.c.id <= bindparam("upper"),
        )
        .subquery("ranked")
    )
    names = ("group_key", "id", "size", "oldest_id", *(f"sender_{name}" for name in AccountLine._fields))
    return (
        select(*(ranked.c[name] for name in names))
        .where(ranked.c.place <= bindparam("sample_size", type_=notification.c.id.type))
        .order_by(ranked.c.group_key, ranked.c.id.desc())
    )


def _sample(values: Any) -> _Sample:
    key, notification_id, size, oldest_id, *sender = values
    return _Sample(key, notification_id, size, oldest_id, AccountLine._make(sender))


def _select_unread() -> Select[Any]:
    other, sender = notification.alias("other"), account.alias("other_sender")
    newer = (
        exists()
        .where(other.c.group_key == notification.c.group_key, other.c.id > notification.c.id)
        .where(*shown(other, sender), sender.c.id == other.c.from_account_id)
    )
    return (
        select(notification.c.id)
        .join_from(notification, SENDER, SENDER.c.id == notification.c.from_account_id)
        .where(
            *shown(),
            AnyOf(notification.c.type, bindparam("types")),
            notification.c.id > noticeboard.last_read(),
            or_(
                notification.c.group_key == literal_column("''"),
                ~AnyOf(notification.c.type, bindparam("grouped_types")),
                ~newer,
            ),
        )
        .limit(bindparam("size"))
    )


_down = Page(
    lambda: select_notices().where(_is_first(going_down=True)),
    notification.c.id,
    noticeboard.notice_of,
    AUTHOR_COLUMNS,
)
_up = Page(
    lambda: select_notices().where(_is_first(going_down=False)),
    notification.c.id,
    noticeboard.notice_of,
    AUTHOR_COLUMNS,
)
_samples: Hot[_Sample] = Hot(_select_samples, _sample, packed=True)
_unread: Hot[Any] = Hot(_select_unread, tuple)
_people = Page(
    lambda: (
        select(notification.c.id, *(SENDER.c[name] for name in AccountLine._fields))
        .join_from(notification, SENDER, SENDER.c.id == notification.c.from_account_id)
        .where(*shown(), notification.c.group_key == bindparam("group_key"))
    ),
    notification.c.id,
    lambda values: (values[0], AccountLine._make(values[1:])),
)


# -- units


def page_unit(
    conn: Connection, viewer_id: int, window: Window, shelf: Shelf, asked: Asked, grouped_types: Sequence[str]
) -> Groups:
    """One page: four statements at most when everything has been rendered before."""
    notices = (_up if window.ascending else _down).run(
        conn, window, viewer_id=viewer_id, grouped_types=list(grouped_types), **asked.parameters
    )
    lower, upper = _range(window, notices)
    return _completed(conn, viewer_id, notices, shelf, grouped_types, asked, lower, upper)


def _range(window: Window, notices: Sequence[Notice]) -> tuple[int, int]:
    """The ids that the page covers. Where the list ends with it, the page reaches as far as was asked for."""
    lower, upper = (notices[-1].id, notices[0].id) if notices else (0, 0)
    if len(notices) < window.limit:
        if window.ascending:
            upper = ID_MAX if window.max_id is None else window.max_id - 1
        else:
            lower = 0 if window.since_id is None else window.since_id + 1
    return lower, upper


def _completed(
    conn: Connection,
    viewer_id: int,
    notices: list[Notice],
    shelf: Shelf,
    grouped_types: Sequence[str],
    asked: Asked,
    lower: int | None,
    upper: int,
) -> Groups:
    keys = [one.group_key for one in notices if one.group_key and one.type in grouped_types]
    samples: dict[str, list[_Sample]] = {}
    if keys:
        for row in _samples.run(
            conn, viewer_id=viewer_id, keys=keys, lower=lower or 0, upper=upper, sample_size=SAMPLE_SIZE,
            **{name: value for name, value in asked.parameters.items() if name != "types"},
        ):  # fmt: skip
            samples.setdefault(row.key, []).append(row)
    groups = []
    for one in notices:
        rows = samples.get(one.group_key, ()) if one.type in grouped_types else ()
        if rows:
            first, people = rows[0], [row.sender for row in rows]
            oldest_id = None if lower is None else first.oldest_id
            groups.append(Group(one.group_key, one, first.size, first.id, oldest_id, people))
        else:
            oldest_id = None if lower is None else one.id
            groups.append(Group(f"{ALONE}{one.id}", one, 1, one.id, oldest_id, [one.account]))
    others = [line for group in groups for line in group.sample]
    return Groups(groups, noticeboard.completed(conn, viewer_id, notices, shelf, others))


def _one_unit(conn: Connection, viewer_id: int, key: str, shelf: Shelf) -> Groups:
    asked = Asked(include_filtered=True)
    notification_id = _alone(key)
    if notification_id is None:
        newest = _people.run(conn, Window(1), viewer_id=viewer_id, group_key=key, **_people_parameters())
        notification_id = newest[0][0] if newest else 0
    window = Window(1, max_id=notification_id + 1, min_id=notification_id - 1)
    notices = noticeboard.notices_unit(conn, viewer_id, window, shelf, asked)
    if not notices:
        raise NotFound("Record not found")
    grouped = () if key.startswith(ALONE) else GROUPED_TYPES
    return _completed(conn, viewer_id, notices, shelf, grouped, asked, None, ID_MAX)


def _people_parameters() -> dict[str, Any]:
    return {"from_account_id": 0, "include_filtered": 1, "now": now_ms()}


def _alone(key: str) -> int | None:
    """The id in the key of a notification that stands alone. Raises NotFound where there is none."""
    if not key.startswith(ALONE):
        return None
    digits = key.removeprefix(ALONE)
    if not (digits.isascii() and digits.isdigit() and 0 < int(digits[:19]) <= ID_MAX and len(digits) < 20):
        raise NotFound("Record not found")
    return int(digits)


# -- what web asks


async def page(
    server: Server, member: Member, window: Window, shelf: Shelf, asked: Asked, grouped_types: Sequence[str]
) -> Groups:
    """A member's notifications, those of `grouped_types` in groups."""
    found = await server.db.read(page_unit, member.account_id, window, shelf, asked, _grouped(grouped_types))
    await noticeboard.filtered(server, member.account_id, found.found)
    return found


async def one(server: Server, member: Member, key: str, shelf: Shelf) -> Groups:
    """A group by its key. Raises NotFound."""
    found = await server.db.read(_one_unit, member.account_id, key, shelf)
    await noticeboard.filtered(server, member.account_id, found.found)
    return found


async def people(server: Server, member: Member, key: str, window: Window, shelf: Shelf) -> People:
    """Everybody in a group, the last first; nobody where there is no such group."""

    def unit(conn: Connection) -> People:
        if key.startswith(ALONE):
            group = _one_unit(conn, member.account_id, key, shelf)
            return People([group.groups[0].newest_id], group.groups[0].sample, group.found.batch)
        rows = _people.run(conn, window, viewer_id=member.account_id, group_key=key, **_people_parameters())
        lines = [line for _, line in rows]
        found = noticeboard.completed(conn, member.account_id, [], shelf, lines)
        return People([cursor for cursor, _ in rows], lines, found.batch)

    return await server.db.read(unit)


async def dismiss(server: Server, member: Member, key: str) -> None:
    """Forget everything of a group; nothing happens when there is no such group."""

    def unit(conn: Connection) -> None:
        notification_id = _alone(key)
        if notification_id is None:
            notifications.dismiss_group(conn, member.account_id, key)
        else:
            notifications.dismiss(conn, member.account_id, [notification_id])

    await server.db.write(unit)


async def unread(
    server: Server, member: Member, limit: int, asked: Asked, grouped_types: Sequence[str]
) -> int:
    """How many groups have something newer than the member's marker, counted up to `limit`."""

    def unit(conn: Connection) -> int:
        return len(
            _unread.run(
                conn, viewer_id=member.account_id, size=limit, grouped_types=_grouped(grouped_types),
                **asked.parameters,
            )
        )  # fmt: skip

    return await server.db.read(unit)


def _grouped(types: Sequence[str]) -> list[str]:
    """Those of the types that can be grouped; all, if none are named."""
    return [one for one in GROUPED_TYPES if not types or one in types]
