"""Beside groups and threads on pages: their people, what moderators did, what is written and not sent, feeds."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import Connection

from fedserver import page_cards, profiles, reading
from fedserver import posts as own_posts
from fedserver import threads as conversations
from fedserver.config import Config
from fedserver.context import Server
from fedserver.errors import NotFound
from fedserver.groups import drafts, members, reports, rules, threads
from fedserver.groups.pages import GroupCard, GroupView, ThreadView, card_of
from fedserver.groups.rules import Action, Standing
from fedserver.groups.threads import ThreadLine, Wanted
from fedserver.page_cards import Person, PostCard
from fedserver.viewer import Anonymous, Member, Viewer
from storage import accounts, group_threads, groups, posts
from storage.groups import GroupRow
from storage.paging import Window

SIBLINGS_SHOWN: Final = 60


@dataclass(frozen=True, slots=True)
class Listed:
    """People of a group: (person, what the list says of them), with the cursors of `reading.Leaf`."""

    people: list[tuple[Person, Any]]
    newer: int | None
    older: int | None


@dataclass(frozen=True, slots=True)
class Reported:
    """A report about posts in a group; who wrote it is None for another server's. `posts` are those still there."""

    id: int
    at: int
    by: Person | None
    about: Person | None
    comment: str
    posts: tuple[PostCard, ...]
    handed_up_at: int | None


@dataclass(frozen=True, slots=True)
class Deed:
    """A line of a group's log. `path` leads to what it was about, "" when that is gone."""

    at: int
    action: str
    by: Person | None
    whom: Person | None
    title: str
    reason: str
    path: str


# -- feeds


async def newest_threads(server: Server, view: GroupView, limit: int) -> list[PostCard]:
    """The first posts of the newest threads that everybody may read, under the titles that the group gives them."""

    def unit(conn: Connection) -> list[PostCard]:
        found = threads.page_unit(conn, None, [view.card.id], Wanted(sort="new", limit=limit))
        titles = {line.post_id: line.title for line in found.lines}
        made = reading.cards(conn, server.config, None, list(titles))
        return [replace(card, title=titles[card.id]) for card in made]

    return await server.db.read(unit)


async def newest_posts(
    server: Server, view: GroupView, thread_id: int, limit: int
) -> tuple[str, list[PostCard]]:
    """A thread's title and its newest posts, of what everybody may read. Raises NotFound."""

    def unit(conn: Connection) -> tuple[str, list[PostCard]]:
        row = group_threads.opened(conn, thread_id, None)
        if row is None or row.merged_into_id is not None or row.group_id != view.card.id or not view.readable:
            raise NotFound
        ids = [line.post.id for line, _ in conversations.whole_unit(conn, None, thread_id)]
        return row.title, reading.cards(conn, server.config, None, sorted(ids)[-limit:][::-1])

    return await server.db.read(unit)


# -- drafts


@dataclass(frozen=True, slots=True)
class DraftLine:
    """A draft as a list shows it: where it belongs, and the address of the form that goes on with it."""

    key: str
    title: str
    text: str
    updated_at: int
    where: str
    path: str


async def drafts_of(server: Server, member: Member) -> list[DraftLine]:
    """What a member has begun to write, the latest first; what belongs to nothing any more has no address."""
    kept = await drafts.of_member(server, member)

    def unit(conn: Connection) -> list[DraftLine]:
        ids = {one.key: int(one.key.partition(":")[2]) for one in kept}
        known = groups.by_ids(conn, [row_id for key, row_id in ids.items() if key.startswith("group:")])
        replies = [row_id for key, row_id in ids.items() if key.startswith("reply:")]
        answered = posts.by_ids(conn, replies)
        of_thread = group_threads.by_ids(conn, {row.thread_id for row in answered.values()})
        homes = groups.by_ids(conn, {row.group_id for row in of_thread.values()})
        mine = {row.account_id for row in groups.of_member(conn, member.account_id)}

        def is_open(row: GroupRow) -> bool:
            return row.access == "public" or row.account_id in mine

        found = []
        for one in kept:
            where = path = ""
            if ids[one.key] in known and is_open(known[ids[one.key]]):
                card = card_of(server.config, known[ids[one.key]])
                where, path = card.name, f"{card.path}/new-thread"
            elif ids[one.key] in answered:
                thread_row = of_thread.get(answered[ids[one.key]].thread_id)
                if thread_row is not None and is_open(homes[thread_row.group_id]):
                    home = card_of(server.config, homes[thread_row.group_id])
                    where = thread_row.title
                    path = f"{home.path}/{thread_row.post_id}/reply?to={ids[one.key]}"
            found.append(DraftLine(one.key, one.title, one.text, one.updated_at, where, path))
        return found

    return await server.db.read(unit)


# -- people and deeds


async def members_of(server: Server, viewer: Viewer, view: GroupView, window: Window) -> Listed:
    """(person, role). Raises Forbidden."""
    rows = await members.members(server, viewer.account_id, view.card.id, window)
    return _listed(server.config, window, rows, [row.id for row in rows], lambda row: row.role)


async def requests_of(server: Server, member: Member, view: GroupView, window: Window) -> Listed:
    """(person, row with answer and asked_at) of who asks to join. Raises Forbidden."""
    rows = await members.requests(server, member, view.card.id, window)
    return _listed(server.config, window, rows, [row.relation_id for row in rows], lambda row: row)


async def invitations_of(server: Server, member: Member, view: GroupView, window: Window) -> Listed:
    """(person, None) of who is invited. Raises Forbidden."""
    rows = await members.invitations(server, member, view.card.id, window)
    return _listed(server.config, window, rows, [row.relation_id for row in rows], lambda row: None)


async def bans_of(server: Server, member: Member, view: GroupView, window: Window) -> Listed:
    """(person, row with reason, banned_at and expires_at) of who is banned. Raises Forbidden."""
    rows = await members.bans(server, member, view.card.id, window)
    return _listed(server.config, window, rows, [row.relation_id for row in rows], lambda row: row)


def _listed(
    config: Config, window: Window, rows: Sequence[Any], ids: Sequence[int], said: Callable[[Any], Any]
) -> Listed:
    newer, older = reading.cursors(window, ids)
    return Listed([(page_cards.person_of(config, row), said(row)) for row in rows], newer, older)


async def reports_of(
    server: Server, member: Member, view: GroupView, window: Window
) -> tuple[list[Reported], int | None, int | None]:
    """What is reported of the group and waits, newest first, with the cursors of `reading.Leaf`. Raises Forbidden."""
    rows = await reports.waiting(server, member, view.card.id, window)

    def unit(conn: Connection) -> list[Reported]:
        ids = {one for row in rows for one in (row.account_id, row.target_id) if one is not None}
        people = {
            key: page_cards.person_of(server.config, one) for key, one in accounts.by_ids(conn, ids).items()
        }
        named = {row.id: [int(one) for one in json.loads(row.post_ids)] for row in rows}
        wanted = [post_id for post_ids in named.values() for post_id in post_ids]
        cards = {one.id: one for one in reading.cards(conn, server.config, member.account_id, wanted)}
        return [
            Reported(
                row.id,
                row.created_at,
                people.get(row.account_id),
                people.get(row.target_id),
                row.comment,
                tuple(cards[post_id] for post_id in named[row.id] if post_id in cards),
                row.handed_up_at,
            )
            for row in rows
        ]

    newer, older = reading.cursors(window, [row.id for row in rows])
    return await server.db.read(unit), newer, older


async def log_of(
    server: Server, viewer: Viewer, view: GroupView, window: Window
) -> tuple[list[Deed], int | None, int | None]:
    """What moderators did, newest first, with the cursors of `reading.Leaf`. Raises Forbidden."""
    rows = await members.log(server, viewer.account_id, view.card.id, window)

    def unit(conn: Connection) -> list[Deed]:
        ids = {one for row in rows for one in (row.by_id, row.account_id) if one is not None}
        people = {
            key: page_cards.person_of(server.config, one) for key, one in accounts.by_ids(conn, ids).items()
        }
        return [
            Deed(
                row.created_at,
                row.action,
                people.get(row.by_id),
                people.get(row.account_id),
                row.title,
                row.reason,
                f"{view.card.path}/{row.post_id}" if row.post_id is not None else "",
            )
            for row in rows
        ]

    newer, older = reading.cursors(window, [row.id for row in rows])
    return await server.db.read(unit), newer, older


async def member_of(server: Server, view: GroupView, account_id: int) -> tuple[Person, str]:
    """Somebody who belongs to the group, and their role. Raises NotFound."""

    def unit(conn: Connection) -> tuple[Person, str]:
        row = groups.membership_of(conn, view.card.id, account_id)
        who = accounts.by_id(conn, account_id)
        if row is None or who is None:
            raise NotFound("They do not belong to the group.")
        return page_cards.person_of(server.config, who), str(row.role)

    return await server.db.read(unit)


async def targets_of(server: Server, member: Member, view: ThreadView) -> list[GroupCard]:
    """The groups into which a moderator of this one may move a thread, by name."""

    def unit(conn: Connection) -> list[GroupCard]:
        found = []
        for row in groups.of_member(conn, member.account_id):
            fits = not row.domain and row.access == "public" and row.account_id != view.group.id
            if fits and rules.refusal(Action.START, row, Standing(row.role)) is None:
                found.append(card_of(server.config, row))
        return found

    if view.group.access != "public" or not view.group.local:
        return []
    return await server.db.read(unit)


async def siblings_of(server: Server, viewer: Viewer, view: ThreadView) -> list[ThreadLine]:
    """The other threads of the group, the liveliest first, to merge a thread with."""

    def unit(conn: Connection) -> list[ThreadLine]:
        wanted = Wanted(limit=SIBLINGS_SHOWN)
        found = threads.page_unit(conn, viewer.account_id, [view.group.id], wanted)
        return [line for line in found.lines if line.post_id != view.id]

    return await server.db.read(unit)


async def preview(server: Server, text: str) -> str:
    """A text in Markdown as the HTML it would become, those it mentions as links."""
    return await server.db.read(own_posts.preview_unit, server, text)


async def account_named(server: Server, handle: str) -> int:
    """The account called ``name`` or ``name@domain``, as somebody types it. Raises NotFound."""
    profile = await profiles.by_handle(server, Anonymous(), handle.strip().removeprefix("@"))
    return profile.person.id
