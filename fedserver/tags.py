"""Hashtags as things of their own: how much they are used, members who follow them or show them on their profile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection

from fedserver import visibility
from fedserver.content.links import HASHTAG_CHARS_MAX, find_hashtags, tag_key
from fedserver.context import Server
from fedserver.errors import Invalid, NotFound
from fedserver.viewer import Member
from storage import relationships, tags
from storage.paging import Window
from storage.tags import Featured, TagRow
from storage.types import DAY_MS, instant_of, now_ms

__all__ = ["DAY_MS", "Featured", "TagRow", "instant_of"]

HISTORY_DAYS: Final = 7
FOLLOWED_MAX: Final = 500
FEATURED_MAX: Final = 10
SUGGESTED_MAX: Final = 10


@dataclass(frozen=True, slots=True)
class UnusedTag:
    """A hashtag that no post has; `id` is 0."""

    id: int
    key: str
    name: str


@dataclass(frozen=True, slots=True)
class ShownTag:
    """A hashtag with (first second of the day, uses, accounts) of the last seven days, today first; and whether the
    viewer follows or features it, None where nobody is looking who could."""

    row: TagRow | UnusedTag
    history: list[tuple[int, int, int]]
    following: bool | None
    featuring: bool | None


def shown_unit(conn: Connection, viewer_id: int | None, rows: Sequence[Any]) -> list[ShownTag]:
    """These hashtags as a viewer sees them, in this order: two statements, however many."""
    ids = [row.id for row in rows if row.id]
    now = now_ms()
    used = {(use.tag_id, use.day): use for use in tags.uses(conn, ids, days=HISTORY_DAYS, now=now)}
    stands = tags.standing(conn, viewer_id, ids) if viewer_id is not None and ids else set()

    def history(tag_id: int) -> list[tuple[int, int, int]]:
        today = now // DAY_MS
        found = ((day, used.get((tag_id, day))) for day in range(today, today - HISTORY_DAYS, -1))
        return [
            (day * DAY_MS // 1000, use.uses if use else 0, use.accounts if use else 0) for day, use in found
        ]

    return [
        ShownTag(
            row,
            history(row.id),
            None if viewer_id is None else ("following", row.id) in stands,
            None if viewer_id is None else ("featuring", row.id) in stands,
        )
        for row in rows
    ]


async def shown(server: Server, viewer_id: int | None, rows: Sequence[Any]) -> list[ShownTag]:
    """These hashtags as a viewer sees them, in this order."""
    return await server.db.read(shown_unit, viewer_id, rows) if rows else []


async def one(server: Server, viewer_id: int | None, name: str) -> ShownTag:
    """The hashtag of this name, used or not. Raises NotFound for what can be none."""
    key, name = _checked(name)

    def unit(conn: Connection) -> ShownTag:
        found = [row for row in tags.by_keys(conn, [key]) if tags.is_open(conn, row.id)]
        return shown_unit(conn, viewer_id, found or [UnusedTag(0, key, name)])[0]

    return await server.db.read(unit)


# -- following


async def follow(server: Server, member: Member, name: str) -> ShownTag:
    """From now on public posts with the hashtag come home. Raises NotFound for what can be none, Invalid."""
    key, name = _checked(name)

    def unit(conn: Connection) -> ShownTag:
        row = _put(conn, key, name)
        if (
            tags.follow(conn, member.account_id, row.id)
            and tags.count_followed(conn, member.account_id) > FOLLOWED_MAX
        ):
            raise Invalid({}, f"Validation failed: You can follow {FOLLOWED_MAX} hashtags")
        return shown_unit(conn, member.account_id, [row])[0]

    return await server.db.write(unit)


async def unfollow(server: Server, member: Member, name: str) -> ShownTag:
    """What came home stays there. Raises NotFound for what can be no hashtag."""
    key, name = _checked(name)

    def unit(conn: Connection) -> ShownTag:
        rows = tags.by_keys(conn, [key])
        for row in rows:
            tags.unfollow(conn, member.account_id, row.id)
        return shown_unit(conn, member.account_id, rows or [UnusedTag(0, key, name)])[0]

    return await server.db.write(unit)


async def followed(server: Server, member: Member, window: Window) -> tuple[list[int], list[ShownTag]]:
    """Which hashtags a member follows, the last first: the cursors, and the hashtags."""

    def unit(conn: Connection) -> tuple[list[int], list[ShownTag]]:
        rows = tags.followed(conn, member.account_id, window)
        return [row.relation_id for row in rows], shown_unit(conn, member.account_id, rows)

    return await server.db.read(unit)


# -- featuring


async def featured(server: Server, viewer_id: int | None, account_id: int) -> list[Featured]:
    """The hashtags on a profile. Raises NotFound."""

    def unit(conn: Connection) -> list[Featured]:
        row = visibility.known(conn, account_id, viewer_id)
        hidden = row.suspended_at is not None or (
            viewer_id is not None and relationships.block_between(conn, account_id, viewer_id) is not None
        )
        return [] if hidden else tags.featured(conn, account_id)

    return await server.db.read(unit)


async def feature(server: Server, member: Member, name: str) -> Featured:
    """Show a hashtag on one's profile. Raises Invalid for what can be none, is there already or is one too many."""
    names = find_hashtags(f"#{name.strip().removeprefix('#')}")
    if len(names) != 1 or tag_key(names[0]) != tag_key(name.strip()):
        raise Invalid({"name": "is invalid"}, "Validation failed: Name is invalid")

    def unit(conn: Connection) -> Featured:
        row = tags.put(conn, tag_key(name.strip()), names[0])
        row_id = _feature(conn, member.account_id, row.id, names[0])
        if row_id is None:
            raise Invalid({"name": "is taken"}, "Validation failed: Tag has already been taken")
        return next(one for one in tags.featured(conn, member.account_id) if one.id == row_id)

    return await server.db.write(unit)


async def unfeature(server: Server, member: Member, row_id: int) -> None:
    """Take a hashtag off one's profile, by the id of its entry there. Raises NotFound."""

    def unit(conn: Connection) -> None:
        if not tags.unfeature(conn, member.account_id, row_id=row_id):
            raise NotFound("Record not found")

    await server.db.write(unit)


async def set_featured(server: Server, member: Member, id_or_name: str, *, wanted: bool) -> ShownTag:
    """Show a hashtag, found by id or name, on one's profile or not; twice is as once. Raises NotFound, Invalid."""

    def unit(conn: Connection) -> ShownTag:
        row = _found(conn, id_or_name, put=wanted)
        if wanted:
            _feature(conn, member.account_id, row.id, row.name)
        elif row.id:
            tags.unfeature(conn, member.account_id, tag_id=row.id)
        return shown_unit(conn, member.account_id, [row])[0]

    return await server.db.write(unit)


async def suggested(server: Server, member: Member) -> list[ShownTag]:
    """Hashtags that a member uses and could feature."""

    def unit(conn: Connection) -> list[ShownTag]:
        rows = tags.suggested(conn, member.account_id, limit=SUGGESTED_MAX)
        return shown_unit(conn, member.account_id, rows)

    return await server.db.read(unit)


# -- steps


def _checked(name: str) -> tuple[str, str]:
    name = name.removeprefix("#")
    key = tag_key(name)
    if not key or len(name) > HASHTAG_CHARS_MAX or any(blank in key for blank in " #/?"):
        raise NotFound("Record not found")
    return key, name


def _put(conn: Connection, key: str, name: str) -> TagRow:
    """The hashtag of this name, which need not have been used. Raises NotFound for what no text could have."""
    known = tags.by_keys(conn, [key])
    if known:
        return known[0]
    if find_hashtags(f"#{name}") != [name]:
        raise NotFound("Record not found")
    return tags.put(conn, key, name)


def _found(conn: Connection, id_or_name: str, *, put: bool) -> TagRow | UnusedTag:
    if id_or_name.isascii() and id_or_name.isdigit() and len(id_or_name) < 19:
        row = tags.by_id(conn, int(id_or_name))
        if row is not None:
            return row
    key, name = _checked(id_or_name)
    if put:
        return _put(conn, key, name)
    known = tags.by_keys(conn, [key])
    return known[0] if known else UnusedTag(0, key, name)


def _feature(conn: Connection, account_id: int, tag_id: int, name: str) -> int | None:
    row_id = tags.feature(conn, account_id, tag_id, name)
    if row_id is not None and len(tags.featured(conn, account_id)) > FEATURED_MAX:
        raise Invalid({}, "Validation failed: You have already featured the maximum number of hashtags")
    return row_id
