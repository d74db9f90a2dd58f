"""Accounts for people to look at: a profile, lists of people, and what every page says to the member who reads it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from sqlalchemy import Connection

from fedserver import noticeboard, page_cards, reading, visibility
from fedserver.config import Config
from fedserver.context import Server
from fedserver.errors import Gone, NotFound
from fedserver.media import remote_urls
from fedserver.noticeboard import Asked
from fedserver.page_cards import Person, PostCard
from fedserver.reading import Window
from fedserver.viewer import Member, Viewer
from storage import accounts, relationships, users
from storage import notifications as stored_notifications
from storage.accounts import AccountRow
from storage.hot import Together
from storage.relationships import Relationship
from storage.types import instant_of
from storage.users import UserRow

UNREAD_COUNTED_MAX: Final = 100


@dataclass(frozen=True, slots=True)
class Field:
    """A line of a profile. `html` is safe; `verified_at` says when a link was seen to lead back."""

    name: str
    html: str
    source: str
    verified_at: int | None


@dataclass(frozen=True, slots=True)
class Profile:
    """An account's page. `standing` is how the viewer stands to it, None for nobody and oneself."""

    person: Person
    note_html: str
    note_source: str
    fields: tuple[Field, ...]
    header: str
    header_alt: str
    posts_count: int
    followers_count: int
    following_count: int
    hides_follows: bool
    discoverable: bool
    indexable: bool
    limited: bool
    memorial: bool
    created_at: int
    aliases: tuple[str, ...]
    moved_to: Person | None
    standing: Relationship | None
    mine: bool


@dataclass(frozen=True, slots=True)
class People:
    """A page of a list of people with how the viewer stands to each; cursors as in `reading.Leaf`."""

    people: list[Person]
    standings: dict[int, Relationship]
    newer: int | None
    older: int | None


@dataclass(frozen=True, slots=True)
class Shell:
    """What surrounds every page of a member: who they are, and what waits for them."""

    person: Person
    role: str
    trust: str
    unread: int
    requests: int
    appearance: str
    default_visibility: str
    default_sensitive: bool
    default_language: str


@dataclass(frozen=True, slots=True)
class Told:
    """A notification. `post` is None where it is about none, or one that cannot be seen any more."""

    id: int
    type: str
    person: Person
    post: PostCard | None
    at: int
    unread: bool
    severed_from: str  # the server or account with which follows have ended


@dataclass(frozen=True, slots=True)
class ToldLeaf:
    """A page of notifications; `newest_id` is what marking all as read takes."""

    items: list[Told]
    newest_id: int | None
    newer: int | None
    older: int | None


_shell: Final = Together(users.AROUND, noticeboard.UNREAD)


async def shell(server: Server, member: Member) -> Shell:
    """What surrounds a member's page."""

    def unit(conn: Connection) -> Shell:
        rows, unread = _shell.run(
            conn, account_id=member.account_id, counted_max=UNREAD_COUNTED_MAX,
            viewer_id=member.account_id, size=UNREAD_COUNTED_MAX, **Asked().parameters,
        )  # fmt: skip
        if not rows:
            raise NotFound
        row = rows[0]
        return Shell(
            person=page_cards.person_of(server.config, row),
            role=row.role,
            trust=row.trust,
            unread=len(unread),
            requests=row.requests,
            appearance=row.appearance,
            default_visibility=row.default_visibility,
            default_sensitive=bool(row.default_sensitive),
            default_language=row.default_language,
        )

    return await server.db.read(unit)


async def by_handle(server: Server, viewer: Viewer, handle: str) -> Profile:
    """The profile of ``name`` or ``name@domain``. Raises NotFound, Gone."""

    def unit(conn: Connection) -> Profile:
        return _profile(conn, server.config, viewer, _account(conn, server.config, viewer, handle))

    return await server.db.read(unit)


async def by_id(server: Server, viewer: Viewer, account_id: int) -> Profile:
    """The profile of an account. Raises NotFound, Gone."""

    def unit(conn: Connection) -> Profile:
        row = accounts.by_id(conn, account_id)
        if row is None or not visibility.may_know(conn, row, viewer.account_id):
            raise NotFound
        return _profile(conn, server.config, viewer, row)

    return await server.db.read(unit)


async def own_user(server: Server, member: Member) -> UserRow:
    """The member's own row: address, preferences, kinds of mail."""
    row = await server.db.read(users.by_id, member.account_id)
    if row is None:
        raise NotFound
    return row


# -- lists of people


async def followers(server: Server, viewer: Viewer, profile: Profile, window: Window) -> People:
    """Who follows an account. Raises NotFound if it does not show that to the viewer."""
    _check_shown(profile)
    return await _people(server, viewer, window, relationships.followers, profile.person.id)


async def following(server: Server, viewer: Viewer, profile: Profile, window: Window) -> People:
    """Whom an account follows. Raises as `followers`."""
    _check_shown(profile)
    following_known = partial(relationships.following, viewer_id=viewer.account_id)
    return await _people(server, viewer, window, following_known, profile.person.id)


async def requests(server: Server, member: Member, window: Window) -> People:
    """Who asks to follow a member."""

    def asking(conn: Connection, account_id: int, window: Window) -> list[Any]:
        return relationships.followers(conn, account_id, window, accepted=False)

    return await _people(server, member, window, asking, member.account_id)


async def blocked(server: Server, member: Member, window: Window) -> People:
    """Whom a member blocks."""
    return await _people(server, member, window, relationships.blocked, member.account_id)


async def muted(server: Server, member: Member, window: Window) -> People:
    """Whom a member mutes at present."""
    return await _people(server, member, window, relationships.muted, member.account_id)


async def some(server: Server, viewer: Viewer, account_ids: Sequence[int]) -> People:
    """These accounts, in this order, those left out that are gone or suspended."""

    def unit(conn: Connection) -> People:
        rows = accounts.by_ids(conn, account_ids)
        found = [
            rows[one]
            for one in account_ids
            if one in rows
            and not _is_away(rows[one])
            and visibility.may_know(conn, rows[one], viewer.account_id)
        ]
        return _of_rows(conn, server.config, viewer, found)

    return await server.db.read(unit)


# -- notifications


async def notifications_of(
    server: Server, member: Member, window: Window, *, types: Sequence[str] = ()
) -> ToldLeaf:
    """What happened to a member, newest first. Reading it changes nothing: see `mark_read`."""

    def unit(conn: Connection) -> ToldLeaf:
        wanted = Asked(types=types or noticeboard.TYPES)
        rows = noticeboard.notices_unit(conn, member.account_id, window, reading.NOTHING_HELD, wanted)
        found = reading.cards(
            conn, server.config, member.account_id, [row.post_id for row in rows if row.post_id is not None]
        )
        by_post = {card.id: card for card in found}
        people = accounts.by_ids(conn, {row.account.id for row in rows})
        severed = noticeboard.severances(conn, rows)
        markers = stored_notifications.markers(conn, member.account_id, ["notifications"])
        read_id = markers[0].last_read_id if markers else 0
        items = [
            Told(
                row.id,
                row.type,
                page_cards.person_of(server.config, people[row.account.id]),
                by_post.get(row.post_id or 0),
                instant_of(row.id),
                row.id > read_id,
                severed[row.severance_id].target_name if row.severance_id in severed else "",
            )
            for row in rows
            if row.account.id in people
        ]
        newer, older = reading.cursors(window, [row.id for row in rows])
        return ToldLeaf(items, rows[0].id if rows else None, newer, older)

    return await server.db.read(unit)


async def mark_read(server: Server, member: Member, newest_id: int) -> None:
    """The member has read everything up to this notification."""
    await server.db.write(stored_notifications.put_marker, member.account_id, "notifications", newest_id)


async def clear_notifications(server: Server, member: Member) -> None:
    """Forget all notifications of a member."""
    await server.db.write(stored_notifications.clear, member.account_id)


# -- steps


def _account(conn: Connection, config: Config, viewer: Viewer, handle: str) -> AccountRow:
    name, _, domain = handle.partition("@")
    row = (
        accounts.by_handle(conn, name, domain.lower())
        if domain and domain.lower() != config.domain
        else accounts.local(conn, name)
    )
    if row is None or not visibility.may_know(conn, row, viewer.account_id):
        raise NotFound("There is nobody of that name here.")
    return row


def _is_away(row: AccountRow) -> bool:
    return row.suspended_at is not None or row.deleted_at is not None


def _profile(conn: Connection, config: Config, viewer: Viewer, row: AccountRow) -> Profile:
    if row.deleted_at is not None:
        raise Gone("This account has been deleted.")
    if row.suspended_at is not None:
        raise NotFound("There is nobody of that name here.")
    mine = viewer.account_id == row.id
    standing = None
    if viewer.account_id is not None and not mine:
        standing = relationships.between(conn, viewer.account_id, [row.id])[row.id]
    moved_to = accounts.by_id(conn, row.moved_to_id) if row.moved_to_id is not None else None
    if moved_to is not None and moved_to.suspended_at is not None:
        moved_to = None
    return Profile(
        person=page_cards.person_of(config, row),
        note_html=row.note_html,
        note_source=row.note_source,
        fields=tuple(
            Field(one.get("name", ""), one.get("value", ""), one.get("source") or "", one.get("verified_at"))
            for one in json.loads(row.fields)
        ),
        header=remote_urls.header(config, row),
        header_alt=row.header_alt,
        posts_count=row.posts_count,
        followers_count=row.followers_count,
        following_count=row.following_count,
        hides_follows=bool(row.hides_follows),
        discoverable=bool(row.discoverable),
        indexable=bool(row.indexable),
        limited=row.limited_at is not None,
        memorial=bool(row.memorial),
        created_at=row.created_at,
        aliases=tuple(json.loads(row.also_known_as)),
        moved_to=page_cards.person_of(config, moved_to) if moved_to is not None else None,
        standing=standing,
        mine=mine,
    )


def _check_shown(profile: Profile) -> None:
    if profile.hides_follows and not profile.mine:
        raise NotFound("This member does not show who follows whom.")


async def _people(
    server: Server,
    viewer: Viewer,
    window: Window,
    listed: Callable[[Connection, int, Window], list[Any]],
    account_id: int,
) -> People:
    def unit(conn: Connection) -> People:
        rows = listed(conn, account_id, window)
        found = _of_rows(conn, server.config, viewer, rows)
        newer, older = reading.cursors(window, [row.relation_id for row in rows])
        return People(found.people, found.standings, newer, older)

    return await server.db.read(unit)


def _of_rows(conn: Connection, config: Config, viewer: Viewer, rows: Sequence[AccountRow]) -> People:
    standings: dict[int, Relationship] = {}
    if viewer.account_id is not None:
        standings = relationships.between(conn, viewer.account_id, [row.id for row in rows])
    return People([page_cards.person_of(config, row) for row in rows], standings, None, None)
