"""Shelves: resources that somebody put together in an order, alone or with others, for everybody, the members or themselves.

A shelf shows and counts what its viewer may see. Its followers hear of what is put on it, once a day at most, as of a post by
the author of the resource: whoever follows both hears of it once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Connection

from activitypub.builders import shelf as builder
from activitypub.identifiers import Uris
from fedserver import notifications, visibility
from fedserver.content.text import clean_line, clean_text
from fedserver.context import Server
from fedserver.errors import Conflict, Forbidden, Invalid, NotFound
from fedserver.jobs.handlers import handles
from fedserver.jobs.plan import plan
from fedserver.resources import catalogue, reading
from fedserver.resources.reading import Shown
from fedserver.viewer import Member
from storage import accounts, posts, relationships, shelves, users
from storage.accounts import AccountRow
from storage.paging import Window
from storage.shelves import ItemRow, ShelfRow
from storage.signals import signal
from storage.types import now_ms

__all__ = ["ItemRow", "ShelfRow", "Window"]

TITLE_CHARS_MAX: Final = 120
DESCRIPTION_CHARS_MAX: Final = 2_000
NOTE_CHARS_MAX: Final = 500
SHELVES_MAX: Final = 100
ITEMS_MAX: Final = 500
CURATORS_MAX: Final = 20
VISIBILITIES: Final = ("public", "members", "private")
TOLD_EVERY_MS: Final = 86_400_000
DOCUMENT_ITEMS: Final = 100


@dataclass(frozen=True, slots=True)
class Draft:
    """A shelf as its owner wants it; None leaves a thing as it is."""

    title: str | None = None
    description: str | None = None
    visibility: str | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """A shelf as its viewer sees it: with its owner, its curators, and how much of it they see."""

    row: ShelfRow
    owner: AccountRow
    curators: Sequence[AccountRow]
    items_count: int
    followers_count: int
    following: bool
    may_curate: bool


@dataclass(frozen=True, slots=True)
class Item:
    """A resource on a shelf, as lists show resources."""

    row: ItemRow
    shown: Shown
    author: AccountRow


# -- looking


async def show(server: Server, viewer_id: int | None, shelf_id: int) -> Seen:
    """A shelf that the viewer may see. Raises NotFound."""
    return await server.db.read(lambda conn: _seen(conn, viewer_id, [visible(conn, shelf_id, viewer_id)])[0])


async def listed(
    server: Server,
    viewer_id: int | None,
    window: Window,
    *,
    account_id: int | None = None,
    curator_id: int | None = None,
    follower_id: int | None = None,
    post_id: int | None = None,
) -> list[Seen]:
    """The shelves that the viewer may see, the newest first: those of an account, those it may put things on, those it follows,
    those that hold a resource. Raises NotFound for a resource that they may not see."""

    def unit(conn: Connection) -> list[Seen]:
        if post_id is not None:
            reading.visible(conn, post_id, viewer_id)
        rows = shelves.page(
            conn, visibility.of_shelves(viewer_id), window,
            account_id=account_id, curator_id=curator_id, follower_id=follower_id, post_id=post_id,
        )  # fmt: skip
        return _seen(conn, viewer_id, rows)

    return await server.db.read(unit)


async def items(
    server: Server, viewer_id: int | None, shelf_id: int, *, limit: int, offset: int = 0
) -> list[Item]:
    """What is on a shelf in its order, as far as the viewer may see it. Raises NotFound."""

    def unit(conn: Connection) -> list[Item]:
        visible(conn, shelf_id, viewer_id)
        rows = shelves.items(conn, shelf_id, visibility.predicate(viewer_id), limit=limit, offset=offset)
        found = {one.row.id: one for one in catalogue.of_ids(conn, viewer_id, [row.post_id for row in rows])}
        people = accounts.by_ids(conn, {one.row.account_id for one in found.values()})
        return [
            Item(row, one, people[one.row.account_id])
            for row in rows
            if (one := found.get(row.post_id)) is not None
        ]

    return await server.db.read(unit)


def visible(conn: Connection, shelf_id: int, viewer_id: int | None) -> ShelfRow:
    """A shelf that the viewer may see. Raises NotFound."""
    row = shelves.by_id(conn, shelf_id, visibility.of_shelves(viewer_id))
    if row is None:
        raise NotFound("Record not found")
    return row


def _seen(conn: Connection, viewer_id: int | None, rows: Sequence[ShelfRow]) -> list[Seen]:
    ids = [row.id for row in rows]
    if not ids:
        return []
    items_counts = shelves.items_counts(conn, ids, visibility.predicate(viewer_id))
    followers_counts = shelves.followers_counts(conn, ids)
    curators = shelves.curators(conn, ids)
    followed = shelves.followed(conn, viewer_id, ids) if viewer_id is not None else set()
    wanted = {row.account_id for row in rows} | {one for ones in curators.values() for one in ones}
    people = accounts.by_ids(conn, wanted)
    return [
        Seen(
            row,
            people[row.account_id],
            [people[one] for one in curators.get(row.id, ()) if people[one].suspended_at is None],
            items_counts.get(row.id, 0),
            followers_counts.get(row.id, 0),
            row.id in followed,
            viewer_id is not None and viewer_id in (row.account_id, *curators.get(row.id, ())),
        )
        for row in rows
    ]


# -- making and changing them


async def create(server: Server, member: Member, draft: Draft) -> Seen:
    """A new, empty shelf. Raises Invalid (by field), Conflict (too many)."""
    columns = {"description": "", "visibility": "public", **_checked(draft)}
    if "title" not in columns:
        raise Invalid({"title": "cannot be empty"})

    def unit(conn: Connection) -> Seen:
        if shelves.number_of(conn, member.account_id) >= SHELVES_MAX:
            raise Conflict(f"You have {SHELVES_MAX} shelves: delete one first.")
        shelf_id = shelves.mint()
        shelves.add(conn, member.account_id, uri=server.uris.shelf(shelf_id), shelf_id=shelf_id, **columns)
        return _one(conn, member, shelf_id)

    return await server.db.write(unit)


async def change(server: Server, member: Member, shelf_id: int, draft: Draft) -> Seen:
    """Give a shelf of one's own another title, description or visibility. Raises Invalid, NotFound, Forbidden."""
    columns = _checked(draft)

    def unit(conn: Connection) -> Seen:
        _own(conn, member, shelf_id)
        if columns:
            shelves.change(conn, shelf_id, **columns, changed_at=now_ms())
        return _one(conn, member, shelf_id)

    return await server.db.write(unit)


async def delete(server: Server, member: Member, shelf_id: int) -> None:
    """Delete a shelf of one's own; what is on it stays where it is. Raises NotFound, Forbidden."""

    def unit(conn: Connection) -> None:
        _own(conn, member, shelf_id)
        ids = shelves.post_ids(conn, shelf_id)
        shelves.remove(conn, shelf_id)
        _shelved_anew(conn, ids)

    await server.db.write(unit)


# -- what is on them


async def put(
    server: Server,
    member: Member,
    shelf_id: int,
    post_id: int,
    *,
    position: int | None = None,
    note: str | None = None,
) -> Seen:
    """Put a resource on a shelf, or change its place or note where it is there. `position` counts from 0; without it a new
    one goes to the end.

    Raises Invalid, NotFound (shelf, resource), Forbidden (who may not put things on it), Conflict (full, or withdrawn).
    """
    text = None if note is None else clean_text(note).strip()
    if text is not None and len(text) > NOTE_CHARS_MAX:
        raise Invalid({"note": f"is longer than {NOTE_CHARS_MAX} characters"})
    if position is not None and position < 0:
        raise Invalid({"position": "must be 0 or more"})

    def unit(conn: Connection) -> Seen:
        row = _curated(conn, member, shelf_id)
        about = reading.visible(conn, post_id, member.account_id)
        shelves.lock(conn, shelf_id)
        before = shelves.post_ids(conn, shelf_id)
        if post_id not in before:
            if about.withdrawn_at is not None:
                raise Conflict("This resource was withdrawn: it is in no list any more.")
            if len(before) >= ITEMS_MAX:
                raise Conflict(f"A shelf holds {ITEMS_MAX} resources at the most.")
        if shelves.put_item(conn, shelf_id, post_id, member.account_id, text):
            _added(conn, row, post_id, member.account_id)
        if position is not None:
            others = [one for one in before if one != post_id]
            shelves.arrange(conn, shelf_id, [*others[:position], post_id, *others[position:]])
        shelves.change(conn, shelf_id, changed_at=now_ms())
        _shelved_anew(conn, [post_id])
        return _one(conn, member, shelf_id)

    return await server.db.write(unit)


async def take_off(server: Server, member: Member, shelf_id: int, post_id: int) -> Seen:
    """Take a resource off a shelf. Raises NotFound (also where it is not on it), Forbidden."""

    def unit(conn: Connection) -> Seen:
        _curated(conn, member, shelf_id)
        shelves.lock(conn, shelf_id)
        if not shelves.remove_item(conn, shelf_id, post_id):
            raise NotFound("This resource is not on the shelf.")
        rest = shelves.post_ids(conn, shelf_id)
        if rest:
            shelves.arrange(conn, shelf_id, rest)
        shelves.change(conn, shelf_id, changed_at=now_ms())
        _shelved_anew(conn, [post_id])
        return _one(conn, member, shelf_id)

    return await server.db.write(unit)


async def arrange(server: Server, member: Member, shelf_id: int, post_ids: Sequence[int]) -> Seen:
    """Put what is on a shelf in this order; what is not named stays behind, in the order it has. Raises Invalid (something
    that is not on it), NotFound, Forbidden."""

    def unit(conn: Connection) -> Seen:
        _curated(conn, member, shelf_id)
        shelves.lock(conn, shelf_id)
        known = shelves.post_ids(conn, shelf_id)
        wanted = list(dict.fromkeys(post_ids))
        if not set(wanted) <= set(known):
            raise Invalid({"resource_ids": "must be resources that are on the shelf"})
        if wanted:
            first = set(wanted)
            shelves.arrange(conn, shelf_id, [*wanted, *(one for one in known if one not in first)])
            shelves.change(conn, shelf_id, changed_at=now_ms())
        return _one(conn, member, shelf_id)

    return await server.db.write(unit)


# -- who may put things on them


async def add_curator(server: Server, member: Member, shelf_id: int, account_id: int) -> Seen:
    """Let another member put things on a shelf of one's own. Raises Invalid, NotFound, Forbidden, Conflict (too many)."""

    def unit(conn: Connection) -> Seen:
        row = _own(conn, member, shelf_id)
        curator = users.by_id(conn, account_id)
        if curator is None or not curator.is_let_in or account_id == row.account_id:
            raise Invalid({"account_id": "must be another member of this server"})
        if relationships.either_blocks(conn, row.account_id, account_id):
            raise Forbidden("You cannot ask this member to look after your shelf.")
        if len(shelves.curators(conn, [shelf_id]).get(shelf_id, ())) >= CURATORS_MAX:
            raise Conflict(f"A shelf has {CURATORS_MAX} curators at the most.")
        shelves.add_curator(conn, shelf_id, account_id)
        return _one(conn, member, shelf_id)

    return await server.db.write(unit)


async def remove_curator(server: Server, member: Member, shelf_id: int, account_id: int) -> None:
    """Let somebody put nothing more on a shelf: its owner everybody, a curator themselves. Raises NotFound, Forbidden."""

    def unit(conn: Connection) -> None:
        if account_id != member.account_id:
            _own(conn, member, shelf_id)
        visible(conn, shelf_id, member.account_id)
        shelves.remove_curator(conn, shelf_id, account_id)

    await server.db.write(unit)


# -- who follows them


async def follow(server: Server, member: Member, shelf_id: int) -> Seen:
    """Hear of what is put on a shelf. Raises NotFound."""

    def unit(conn: Connection) -> Seen:
        visible(conn, shelf_id, member.account_id)
        shelves.follow(conn, shelf_id, member.account_id)
        return _one(conn, member, shelf_id)

    return await server.db.write(unit)


async def unfollow(server: Server, member: Member, shelf_id: int) -> Seen:
    """Hear of it no longer. Raises NotFound."""

    def unit(conn: Connection) -> Seen:
        visible(conn, shelf_id, member.account_id)
        shelves.unfollow(conn, shelf_id, member.account_id)
        return _one(conn, member, shelf_id)

    return await server.db.write(unit)


def _added(conn: Connection, row: ShelfRow, post_id: int, by_id: int) -> None:
    """Something is new on a shelf: its followers hear of it now, or of the latest a day after they last did."""
    now = now_ms()
    if row.told_at is not None and now - row.told_at < TOLD_EVERY_MS:
        due = row.told_at + TOLD_EVERY_MS
        plan(conn, "tell_of_shelf", {"shelf_id": row.id}, key=str(row.id), not_before_ms=due)
        return
    _tell(conn, row, post_id, by_id)


@handles("tell_of_shelf")
async def tell_of_shelf(server: Server, payload: dict[str, Any]) -> None:
    """Tell the followers of a shelf of the latest that was put on it since they last heard."""
    await server.db.write(_tell_of_latest, payload["shelf_id"])


def _tell_of_latest(conn: Connection, shelf_id: int) -> None:
    row = shelves.by_id(conn, shelf_id)
    latest = shelves.latest_item(conn, shelf_id, row.told_at or 0) if row is not None else None
    if row is not None and latest is not None:
        _tell(conn, row, latest.post_id, latest.added_by_id)


def _tell(conn: Connection, row: ShelfRow, post_id: int, by_id: int | None) -> None:
    shelves.change(conn, row.id, told_at=now_ms())
    about = posts.by_id(conn, post_id)
    if about is None:
        return
    hearing = set(shelves.followers(conn, row.id)) - {by_id, about.account_id}
    if row.visibility == "private":
        hearing &= {row.account_id, *shelves.curators(conn, [row.id]).get(row.id, ())}
    seeing = visibility.who_may_see(conn, about, hearing)
    notifications.notify_each_of_post(conn, seeing, about.account_id, about.id, about.thread_id)


# -- for other servers


def document(
    conn: Connection, uris: Uris, row: ShelfRow, owner: AccountRow, *, page: int | None = None
) -> dict[str, Any]:
    """A shelf as an ``OrderedCollection`` of the resources that are for everybody, or one `page` (from 1) of it. Raises
    NotFound for a page that it does not have."""
    shown = visibility.predicate(None)
    total = shelves.items_counts(conn, [row.id], shown).get(row.id, 0)
    if page is None:
        return builder.shelf(
            row.uri,
            attributed_to=owner.uri,
            name=row.title,
            summary=row.description,
            published=_moment(row.created_at),
            updated=_moment(row.changed_at),
            total=total,
        )
    if not 1 <= page <= max(1, -(-total // DOCUMENT_ITEMS)):
        raise NotFound
    rows = shelves.items(conn, row.id, shown, limit=DOCUMENT_ITEMS, offset=(page - 1) * DOCUMENT_ITEMS)
    has_next = page * DOCUMENT_ITEMS < total
    return builder.page(row.uri, page, [one.uri for one in rows], has_next=has_next, total=total)


# -- parts


def _moment(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC)


def _one(conn: Connection, member: Member, shelf_id: int) -> Seen:
    return _seen(conn, member.account_id, [visible(conn, shelf_id, member.account_id)])[0]


def _own(conn: Connection, member: Member, shelf_id: int) -> ShelfRow:
    row = visible(conn, shelf_id, member.account_id)
    if row.account_id != member.account_id:
        raise Forbidden("This shelf is somebody else's.")
    return row


def _curated(conn: Connection, member: Member, shelf_id: int) -> ShelfRow:
    row = visible(conn, shelf_id, member.account_id)
    if member.account_id not in (row.account_id, *shelves.curators(conn, [shelf_id]).get(shelf_id, ())):
        raise Forbidden("Only its owner and its curators change what is on this shelf.")
    return row


def _shelved_anew(conn: Connection, post_ids: Sequence[int]) -> None:
    """A resource can be found by the shelves it is on."""
    for post_id in post_ids:
        signal(conn, "resource", str(post_id))


def _checked(draft: Draft) -> Mapping[str, str]:
    """The columns that are to be set. Raises Invalid with every field that is wrong."""
    problems: dict[str, str] = {}
    columns: dict[str, str] = {}
    if draft.title is not None:
        columns["title"] = clean_line(draft.title)
        if not columns["title"]:
            problems["title"] = "cannot be empty"
        elif len(columns["title"]) > TITLE_CHARS_MAX:
            problems["title"] = f"is longer than {TITLE_CHARS_MAX} characters"
    if draft.description is not None:
        columns["description"] = clean_text(draft.description).strip()
        if len(columns["description"]) > DESCRIPTION_CHARS_MAX:
            problems["description"] = f"is longer than {DESCRIPTION_CHARS_MAX:,} characters"
    if draft.visibility is not None:
        columns["visibility"] = draft.visibility
        if draft.visibility not in VISIBILITIES:
            problems["visibility"] = "must be public, members or private"
    if problems:
        raise Invalid(problems)
    return columns
