"""Groups and their threads as pages show them: every value a template needs, in a fixed number of statements.

Who may do what is asked of `fedserver.groups.rules` here, so that a page offers nothing that would be refused.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection

from fedserver import filters, page_cards, quoted, reading, visibility
from fedserver import threads as conversations
from fedserver.config import Config
from fedserver.context import Server
from fedserver.errors import NotFound
from fedserver.federation import backfill
from fedserver.filters import Filters
from fedserver.groups import catalogue, rules, threads
from fedserver.groups.rules import Action, Standing
from fedserver.groups.threads import ThreadLine, Wanted
from fedserver.page_cards import Person, PostCard
from fedserver.viewer import Member, Viewer
from storage import group_pages, group_threads, groups, posts, subscriptions
from storage.cards import ID_MAX
from storage.groups import GroupRow, TopicRow
from storage.paging import Window

ANSWERS_PER_PAGE: Final = 50
INDENT_MAX: Final = 3


@dataclass(frozen=True, slots=True)
class GroupCard:
    """A group as a list shows it. `handle` is a name here and name@domain elsewhere; `role` is the viewer's, or None;
    `unread` counts the threads that have something new for them."""

    id: int
    handle: str
    full_handle: str
    uri: str
    name: str
    path: str
    kind: str
    access: str
    local: bool
    description: str
    members_count: int
    threads_count: int
    last_activity_at: int | None
    archived: bool
    role: str | None = None
    unread: int = 0


@dataclass(frozen=True, slots=True)
class GroupView:
    """A group as its own pages show it. `may` is what the viewer may do as far as it depends on no thread; `why_not` says
    why not the rest, for those a page would otherwise offer."""

    card: GroupCard
    charter_html: str
    rules: tuple[str, ...]
    topics: tuple[TopicRow, ...]
    staff: tuple[tuple[Person, str], ...]
    language: str
    join_mode: str
    join_question: str
    allows_downvotes: bool
    standing: Standing
    may: frozenset[Action]
    why_not: dict[Action, str]
    is_waiting: bool
    requests_count: int
    level: str | None
    created_at: int

    @property
    def readable(self) -> bool:
        """Whether the viewer may read what is said in it."""
        return Action.READ in self.may


@dataclass(frozen=True, slots=True)
class Parent:
    """What a post answers, where that is not to be seen at a glance: whose it is, and the address of it."""

    name: str
    path: str


@dataclass(frozen=True, slots=True)
class Within:
    """An answer within a thread. `depth` counts from 1 and stops at `INDENT_MAX`; `path` is its permanent address."""

    card: PostCard
    depth: int
    path: str
    parent: Parent | None
    is_unread: bool
    is_answer: bool
    against: int
    is_voted_against: bool


@dataclass(frozen=True, slots=True)
class ThreadView:
    """A page of a thread, answers in the order of the conversation. `answer` is the marked one, shown with the question;
    `unread_path` leads to the first answer not read yet."""

    group: GroupCard
    standing: Standing
    may: frozenset[Action]
    why_not: dict[Action, str]
    id: int
    title: str
    path: str
    topics: tuple[TopicRow, ...]
    first: Within
    answer: Within | None
    answers: tuple[Within, ...]
    answers_count: int
    page: int
    pages: int
    unread_count: int
    unread_path: str
    read_up_to: int | None
    level: str | None
    locked: bool
    pinned: bool
    allows_downvotes: bool


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What is at an address is to be read at another: the thread was merged, or it is an answer in one."""

    path: str


# -- groups


def card_of(config: Config, row: GroupRow, *, role: str | None = None, unread: int = 0) -> GroupCard:
    """A group's row as a list shows it."""
    handle = row.username if not row.domain else f"{row.username}@{row.domain}"
    return GroupCard(
        id=row.account_id,
        handle=handle,
        full_handle=f"{row.username}@{row.domain or config.domain}",
        uri=row.uri,
        name=row.display_name.strip() or row.username,
        path=f"/groups/{handle}",
        kind=row.kind,
        access=row.access,
        local=not row.domain,
        description=catalogue.description_of(row),
        members_count=row.members_count,
        threads_count=row.threads_count,
        last_activity_at=row.last_activity_at,
        archived=row.archived_at is not None,
        role=role,
        unread=unread,
    )


async def of_member(server: Server, member: Member) -> tuple[list[GroupCard], list[GroupCard]]:
    """The groups that a member belongs to, those with something new first; and those they are invited to."""

    def unit(conn: Connection) -> tuple[list[GroupCard], list[GroupCard]]:
        unread = group_threads.unread_counts(conn, member.account_id)
        mine = [
            card_of(server.config, row, role=row.role, unread=unread.get(row.account_id, 0))
            for row in groups.of_member(conn, member.account_id)
        ]
        invited = [
            card_of(server.config, catalogue.veiled(row, Standing(is_invited=True)))
            for row in groups.invited_to(conn, member.account_id)
        ]
        return sorted(mine, key=lambda one: not one.unread), invited

    return await server.db.read(unit)


async def find(
    server: Server, viewer: Viewer, window: Window, *, words: str, kind: str, local: bool
) -> tuple[list[GroupCard], int | None, int | None]:
    """Groups that the viewer may know of, with the cursors of `reading.Leaf`."""
    rows = await server.db.read(
        catalogue.find_unit, viewer.account_id, window, words=words, kind=kind, local=local
    )
    newer, older = reading.cursors(window, [row.account_id for row in rows])
    return [card_of(server.config, row, role=row.role) for row in rows], newer, older


async def is_group(server: Server, account_id: int) -> bool:
    """Whether the account, here or elsewhere, is a group whose discussions are known here."""
    return await server.db.read(groups.by_id, account_id) is not None


async def may_create(server: Server, viewer: Viewer) -> bool:
    """Whether the viewer may make groups."""
    return isinstance(viewer, Member) and await server.db.read(catalogue.may_create, viewer)


async def show(server: Server, viewer: Viewer, handle: str) -> GroupView:
    """The group called ``name`` or ``name@domain``. Raises NotFound."""
    return await server.db.read(show_unit, server.config, viewer.account_id, handle)


def show_unit(conn: Connection, config: Config, viewer_id: int | None, handle: str) -> GroupView:
    """The unit of `show`."""
    name, _, domain = handle.partition("@")
    row = groups.by_handle(conn, name, "" if domain.lower() == config.domain else domain.lower())
    shown = catalogue.show_unit(conn, viewer_id, row.account_id if row is not None else None)
    may, why_not = _rights(shown.group, shown.standing)
    level = None
    if viewer_id is not None and shown.standing.role is not None:
        level = subscriptions.level_of(conn, viewer_id, "group", shown.group.account_id)
    return GroupView(
        card=card_of(config, shown.group, role=shown.standing.role),
        charter_html=shown.group.charter_html or shown.group.note_html,
        rules=tuple(json.loads(shown.group.rules)),
        topics=tuple(shown.topics),
        staff=tuple((page_cards.person_of(config, one), one.role) for one in shown.staff),
        language=shown.group.language,
        join_mode=shown.group.join_mode,
        join_question=shown.group.join_question,
        allows_downvotes=bool(shown.group.allows_downvotes),
        standing=shown.standing,
        may=may,
        why_not=why_not,
        is_waiting=shown.is_waiting,
        requests_count=shown.requests_count,
        level=level,
        created_at=shown.group.created_at,
    )


def _rights(
    group: GroupRow, standing: Standing, *, thread: Any = None, is_own: bool = False
) -> tuple[frozenset[Action], dict[Action, str]]:
    refused = {
        action: why
        for action in Action
        if (why := rules.refusal(action, group, standing, thread=thread, is_own=is_own)) is not None
    }
    return frozenset(Action) - refused.keys(), refused


# -- threads


@dataclass(frozen=True, slots=True)
class ThreadList:
    """Threads of a group: those that stay on top, and a page of the others. `after` is the cursor of what follows."""

    pinned: list[ThreadLine]
    lines: list[ThreadLine]
    after: str
    topics: dict[int, list[TopicRow]]


async def threads_of(server: Server, viewer: Viewer, view: GroupView, wanted: Wanted) -> ThreadList:
    """A page of the threads of a group that the viewer may read. Raises Invalid."""

    def unit(conn: Connection) -> ThreadList:
        help_group = view.card.kind == "help"
        found = threads.page_unit(conn, viewer.account_id, [view.card.id], wanted, help_group=help_group)
        pinned = threads.ThreadPage([], "", {})
        if not wanted.before and group_threads.pinned_ids(conn, view.card.id):
            top = Wanted(topic=wanted.topic, only_pinned=True)
            pinned = threads.page_unit(conn, viewer.account_id, [view.card.id], top)
        on_top = {line.post_id for line in pinned.lines}
        lines = [line for line in found.lines if line.post_id not in on_top]
        return ThreadList(pinned.lines, lines, found.after, found.topics | pinned.topics)

    return await server.db.read(unit)


async def thread(
    server: Server, viewer: Viewer, thread_id: int, *, page: int = 1, at: int | None = None
) -> ThreadView | Elsewhere:
    """A page of a thread: the one with the post `at`, if that is named. Raises NotFound, also where the viewer may not read."""
    mine = None if viewer.account_id is None else await filters.of_member(server, viewer.account_id)
    view = await server.db.read(
        thread_unit, server.config, viewer.account_id, thread_id, page=page, at=at, mine=mine
    )
    if viewer.account_id is not None:
        await backfill.opened(server, thread_id)
    return view


def thread_unit(
    conn: Connection,
    config: Config,
    viewer_id: int | None,
    thread_id: int,
    *,
    page: int = 1,
    at: int | None = None,
    mine: Filters | None = None,
) -> ThreadView | Elsewhere:
    """The unit of `thread`; `mine` are the viewer's filters, which hold for answers. Five statements, one more if anything
    is quoted."""
    row = group_threads.opened(conn, thread_id, viewer_id)
    if row is None or row.merged_into_id is not None:
        where = place_unit(conn, config, viewer_id, thread_id)
        if where is None:
            raise NotFound
        return Elsewhere(where)
    standing = Standing(row.role, bool(row.is_banned))
    if not rules.is_known_to(row, standing):
        raise NotFound
    may, why_not = _rights(row, standing, thread=row)
    if Action.READ not in may:
        raise NotFound
    card = card_of(config, row, role=row.role)
    path = f"{card.path}/{thread_id}"
    walked = conversations.whole_unit(conn, viewer_id, thread_id)
    (first, _), below = walked[0], walked[1:]
    place = {line.post.id: index for index, (line, _) in enumerate(below)}
    pages = max(1, -(-len(below) // ANSWERS_PER_PAGE))
    if at is not None and at in place:
        page = place[at] // ANSWERS_PER_PAGE + 1
    page = min(max(1, page), pages)
    shown = below[(page - 1) * ANSWERS_PER_PAGE : page * ANSWERS_PER_PAGE]
    unread = _unread(row, below, viewer_id)
    answer_id = row.answer_id if row.answer_id in place else None

    wanted = {line.post.id: line for line in (first, *(line for line, _ in shown))}
    if answer_id is not None:
        wanted.setdefault(answer_id, below[place[answer_id]][0])
    lines = list(wanted.values())
    quotes = quoted.shown_in(conn, lines, viewer_id)
    found = group_pages.complete(conn, lines, viewer_id, quotes, thread_id=thread_id)
    batch, against = found.batch, found.against if row.allows_downvotes else {}
    filters.marked(mine, batch)
    batch.filtered = {key: found for key, found in batch.filtered.items() if key != thread_id}
    made = {one.id: one for one in page_cards.cards_of(conn, config, viewer_id, batch, "thread")}
    if thread_id not in made:
        raise NotFound
    is_own = made[thread_id].mine
    if is_own:
        may, why_not = _rights(row, standing, thread=row, is_own=True)

    def path_of(post_id: int) -> str:
        if post_id == thread_id or post_id not in place:
            return path
        on = place[post_id] // ANSWERS_PER_PAGE + 1
        return f"{path}{f'?page={on}' if on > 1 else ''}#post-{post_id}"

    def within(post_id: int, depth: int, parent: Parent | None = None) -> Within:
        votes, mine = against.get(post_id, (0, False))
        return Within(
            made[post_id], min(depth, INDENT_MAX), path_of(post_id), parent,
            is_unread=post_id in unread, is_answer=post_id == answer_id, against=votes, is_voted_against=mine,
        )  # fmt: skip

    answers = []
    on_page = {line.post.id for line, _ in shown}
    for line, depth in shown:
        one = made.get(line.post.id)
        if one is None:
            continue
        above = one.in_reply_to_id
        # An indent says whose answer it is; beyond the last indent, or with a page between, words do.
        apart = above not in (None, thread_id) and (depth > INDENT_MAX or above not in on_page)
        name = one.answers.name if one.answers is not None else ""
        answers.append(
            within(one.id, depth, Parent(name, path_of(above)) if apart and above is not None else None)
        )
    later = [line.post.id for line, _ in below[page * ANSWERS_PER_PAGE :]]
    # What comes on later pages has not been read, whenever it was written.
    read_up_to = min(min(later, default=ID_MAX) - 1, max(place, default=thread_id))
    return ThreadView(
        group=card,
        standing=standing,
        may=may,
        why_not=why_not,
        id=thread_id,
        title=row.title,
        path=path,
        topics=tuple(found.topics),
        first=within(thread_id, 0),
        answer=within(answer_id, 1) if answer_id is not None and answer_id in made else None,
        answers=tuple(answers),
        answers_count=len(below),
        page=page,
        pages=pages,
        unread_count=len(unread),
        unread_path=next((path_of(line.post.id) for line, _ in below if line.post.id in unread), ""),
        read_up_to=read_up_to if row.role is not None and read_up_to > _read_until(row) else None,
        level=row.level,
        locked=row.locked_at is not None,
        pinned=bool(row.is_pinned),
        allows_downvotes=bool(row.allows_downvotes),
    )


def _read_until(row: Any) -> int:
    return int(row.last_read_id if row.last_read_id is not None else group_threads.read_until(row.read_at))


def _unread(row: Any, below: Sequence[tuple[Any, int]], viewer_id: int | None) -> frozenset[int]:
    """The answers of others that a member of the group has not read."""
    if row.role is None:
        return frozenset()
    since = _read_until(row)
    return frozenset(
        line.post.id for line, _ in below if line.post.id > since and line.post.account_id != viewer_id
    )


async def place_of(server: Server, viewer: Viewer, post_id: int) -> str | None:
    """Where a post stands in a group's thread, as an address; None for what is in none, or may not be seen."""
    return await server.db.read(place_unit, server.config, viewer.account_id, post_id)


def place_unit(conn: Connection, config: Config, viewer_id: int | None, post_id: int) -> str | None:
    """The unit of `place_of`."""
    row = posts.by_id(conn, post_id)
    if row is None or row.group_id is None or row.boost_of_id is not None:
        return None
    if not visibility.may_see(conn, row, viewer_id):
        return None
    found = group_threads.opened(conn, row.thread_id, viewer_id)
    if found is None or not rules.is_known_to(found, Standing(found.role)):
        return None
    path = f"{card_of(config, found).path}/{row.thread_id}"
    return path if row.id == row.thread_id else f"{path}?at={row.id}#post-{row.id}"
