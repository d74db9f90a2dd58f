"""Groups as things of their own: made, changed, archived, found."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, Final

from sqlalchemy import Connection, and_, exists, func, insert, or_, select

from activitypub.identifiers import Uris
from fedserver import names
from fedserver import posts as own_posts
from fedserver.content import markdown
from fedserver.content.html import excerpt
from fedserver.content.links import HASHTAG_CHARS_MAX, find_hashtags, tag_key
from fedserver.content.text import clean_line, clean_text, language_tag
from fedserver.context import Server
from fedserver.errors import Forbidden, Invalid
from fedserver.federation import group_backfill
from fedserver.groups import rules
from fedserver.groups.rules import Action, Standing
from fedserver.keys import KeyPair, new_pair
from fedserver.moderation import audit
from fedserver.viewer import Member
from storage import accounts, group_ties, groups, kept_out, posts, relationships, users
from storage.group_ties import Ties
from storage.groups import GroupRow, TopicRow, select_groups
from storage.paging import Window
from storage.signals import signal
from storage.tables import account, group, group_invitation, group_request, idempotency, membership
from storage.types import new_id, now_ms

__all__ = ["GroupRow", "Shown"]

TITLE_CHARS_MAX: Final = 100
CHARTER_CHARS_MAX: Final = 20_000
QUESTION_CHARS_MAX: Final = 500
RULES_MAX: Final = 20
RULE_CHARS_MAX: Final = 300
TOPICS_MAX: Final = 40
DESCRIPTION_CHARS: Final = 300
BELONGINGS: Final = ("joined", "invited", "waiting")


@dataclass(frozen=True, slots=True)
class GroupFields:
    """What an owner says about a group; None leaves it as it is. `charter` is Markdown, `topics` are hashtags."""

    title: str | None = None
    kind: str | None = None
    access: str | None = None
    join_mode: str | None = None
    join_question: str | None = None
    posting: str | None = None
    charter: str | None = None
    rules: Sequence[str] | None = None
    topics: Sequence[str] | None = None
    language: str | None = None
    allows_downvotes: bool | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """A group as a viewer sees it."""

    group: GroupRow
    standing: Standing
    topics: list[TopicRow] = field(default_factory=list)
    staff: list[Any] = field(default_factory=list)
    requests_count: int = 0
    is_waiting: bool = False  # has asked to join
    level: str | None = None  # how the viewer hears of it; None: as is usual


# -- making and changing


async def create(
    server: Server, member: Member, name: str, fields: GroupFields, *, idempotency_key: str | None = None
) -> int:
    """Make a group; its account's id. The member is its first owner. With an `idempotency_key` used within the last
    hour, the id of the group made then.

    Raises Forbidden without the right to, Invalid (what, where).
    """
    checked = names.check_free_for_all(name, field="name")
    columns = check_fields(replace(fields, title=fields.title or ""), server.uris)
    pair = await new_pair(server.uris.group(checked))

    def unit(conn: Connection) -> int:
        key = f"group:{idempotency_key}"
        earlier = own_posts.posted_before(conn, member.account_id, key, now_ms()) if idempotency_key else None
        if earlier is not None:
            return earlier
        if not may_create(conn, member):
            raise Forbidden("An admin has to grant you the right to make groups.")
        group_id = create_unit(conn, server, checked, columns, fields.topics or (), pair, member.account_id)
        if idempotency_key:
            made = {"account_id": member.account_id, "key": key, "post_id": group_id, "created_at": now_ms()}
            conn.execute(insert(idempotency).values(made))
        audit.note(conn, member, "create", ("group", group_id, checked))
        return group_id

    return await server.db.write(unit)


def may_create(conn: Connection, member: Member) -> bool:
    """Whether the member may make groups."""
    row = users.by_id(conn, member.account_id)
    return row is not None and (member.moderates or row.may_create_groups)


def create_unit(
    conn: Connection,
    server: Server,
    name: str,
    columns: dict[str, Any],
    topics: Sequence[str],
    pair: KeyPair,
    owner_id: int,
) -> int:
    """The unit of `create`; `columns` are those of `check_fields`, `pair` are keys of the actor of this name."""
    uris = server.uris
    if users.name_is_taken(conn, accounts.fold(name), names.addresses(name, uris)):
        raise Invalid({"name": "is taken"})
    kind = columns.get("kind", "forum")
    access = columns.get("access", "public")
    join_mode = columns.get("join_mode", "open" if access == "public" else "request")
    group_id = new_id()
    accounts.insert_local(
        conn, group_id, uri=uris.group(name), url=uris.group(name), username=name, actor_type="Group",
        display_name=columns["title"], locked=join_mode != "open", hidden=access == "private",
        discoverable=access != "private", indexable=access == "public",
        note_html=columns.get("charter_html", ""), note_source=columns.get("charter_source", ""),
    )  # fmt: skip
    server.keys.store(conn, group_id, pair)
    groups.add(
        conn, group_id, kind=kind, access=access, join_mode=join_mode,
        posting=columns.get("posting") or _posting_of(kind, access),
        **{name: value for name, value in columns.items() if name in _KEPT},
    )  # fmt: skip
    _put_topics(conn, group_id, topics)
    groups.put_member(conn, group_id, owner_id, "owner")
    _follow(conn, server, owner_id, group_id)
    signal(conn, "relationship", str(owner_id))
    return group_id


_KEPT: Final = ("join_question", "charter_source", "charter_html", "rules", "language", "allows_downvotes")


def _posting_of(kind: str, access: str) -> str:
    posting = rules.POSTING_OF_KIND[kind]
    return "members" if posting == "anybody" and access != "public" else posting


def _follow(conn: Connection, server: Server, account_id: int, group_id: int) -> None:
    """Who belongs to a group follows its account: that is how it comes into timelines."""
    follow_id = new_id()
    relationships.add_follow(
        conn, account_id, group_id, server.uris.activity(follow_id), follow_id=follow_id, accepted=True
    )
    row = groups.by_id(conn, group_id)
    if row is not None and not row.hidden:
        accounts.add_to_counts(conn, account_id, following=1)
    accounts.add_to_counts(conn, group_id, followers=1)


async def change(server: Server, member: Member, group_id: int, fields: GroupFields) -> None:
    """Change what a group says and asks. Raises NotFound, Forbidden, Invalid.

    Who reads in it is settled when it is made: what was said among members must not become public later, and what
    has been public cannot be called back.
    """
    columns = check_fields(fields, server.uris)

    def unit(conn: Connection) -> None:
        row, _ = rules.known(conn, group_id, member.account_id)
        rules.check(conn, Action.EDIT, row, member.account_id)
        if columns.get("access", row.access) != row.access:
            raise Invalid({"access": "cannot be changed any more"})
        kept = (*_KEPT, "kind", "posting", "join_mode")
        groups.change(conn, group_id, **{name: columns[name] for name in kept if name in columns})
        of_account: dict[str, Any] = {}
        if "title" in columns:
            of_account["display_name"] = columns["title"]
        if "join_mode" in columns:
            of_account["locked"] = columns["join_mode"] != "open"
        if "charter_html" in columns:
            of_account["note_html"] = columns["charter_html"]
            of_account["note_source"] = columns["charter_source"]
        accounts.change(conn, group_id, **of_account)
        if fields.topics is not None:
            _put_topics(conn, group_id, fields.topics)
        server.publish.group_updated(conn, group_id, member.account_id)
        signal(conn, "group", str(group_id))

    await server.db.write(unit)


async def archive(server: Server, member: Member, group_id: int) -> None:
    """From now on the group can only be read. Raises NotFound, Forbidden."""
    await server.db.write(_archive, member.account_id, group_id, Action.ARCHIVE)


async def unarchive(server: Server, member: Member, group_id: int) -> None:
    """Bring an archived group back. Raises NotFound, Forbidden."""
    await server.db.write(_archive, member.account_id, group_id, Action.UNARCHIVE)


def _archive(conn: Connection, account_id: int, group_id: int, action: Action) -> None:
    row, _ = rules.known(conn, group_id, account_id)
    if (row.archived_at is not None) == (action is Action.ARCHIVE):
        rules.check(
            conn, Action.UNARCHIVE, row, account_id
        )  # which may be asked of any group, archived or not
        return
    rules.check(conn, action, row, account_id)
    groups.change(conn, group_id, archived_at=now_ms() if action is Action.ARCHIVE else None)
    groups.note_action(conn, group_id, account_id, action)


def check_fields(fields: GroupFields, uris: Uris) -> dict[str, Any]:
    """The columns that these fields set. Raises Invalid."""
    problems: dict[str, str] = {}
    columns: dict[str, Any] = {}
    for name, choices in (
        ("kind", rules.KINDS), ("access", rules.ACCESSES), ("join_mode", rules.JOIN_MODES), ("posting", rules.POSTINGS),
    ):  # fmt: skip
        value = getattr(fields, name)
        if value is not None and value not in choices:
            problems[name] = f"must be one of {', '.join(choices)}"
        elif value is not None:
            columns[name] = value
    if fields.title is not None:
        columns["title"] = title = clean_line(fields.title)
        if not title or len(title) > TITLE_CHARS_MAX:
            problems["title"] = f"must have 1 to {TITLE_CHARS_MAX} characters"
    if fields.charter is not None:
        columns["charter_source"] = charter = clean_text(fields.charter)
        if len(charter) > CHARTER_CHARS_MAX:
            problems["charter"] = f"must have at most {CHARTER_CHARS_MAX} characters"
        else:
            columns["charter_html"] = markdown.render_markdown(
                charter, {}, lambda tag: uris.tag(tag_key(tag))
            ).html
    if fields.join_question is not None:
        columns["join_question"] = clean_text(fields.join_question)
        if len(columns["join_question"]) > QUESTION_CHARS_MAX:
            problems["join_question"] = f"must have at most {QUESTION_CHARS_MAX} characters"
    if fields.rules is not None:
        kept = [one for one in map(clean_line, fields.rules) if one]
        if len(kept) > RULES_MAX or any(len(one) > RULE_CHARS_MAX for one in kept):
            problems["rules"] = f"must be at most {RULES_MAX}, each with at most {RULE_CHARS_MAX} characters"
        columns["rules"] = json.dumps(kept, ensure_ascii=False)
    if fields.language is not None:
        language = language_tag(fields.language) if fields.language else ""
        if language is None:
            problems["language"] = "is not a language code such as en or pt-BR"
        columns["language"] = language
    if fields.allows_downvotes is not None:
        columns["allows_downvotes"] = fields.allows_downvotes
    if fields.topics is not None:
        wrong = next((one for one in fields.topics if not _is_topic(one)), None)
        if wrong is not None:
            problems["topics"] = f"must each be a hashtag: {wrong!r} is none"
        elif len({tag_key(one.lstrip("#")) for one in fields.topics}) > TOPICS_MAX:
            problems["topics"] = f"must be at most {TOPICS_MAX}"
    if problems:
        raise Invalid(problems)
    return columns


def _is_topic(name: str) -> bool:
    bare = name.strip().lstrip("#")
    return 0 < len(bare) <= HASHTAG_CHARS_MAX and find_hashtags(f"#{bare}") == [bare]


def _put_topics(conn: Connection, group_id: int, topics: Sequence[str]) -> None:
    named = {tag_key(name): name for name in (one.strip().lstrip("#") for one in topics)}
    ids = posts.tag_ids(conn, named)
    groups.put_topics(conn, group_id, [(ids[key], name) for key, name in named.items()])


# -- finding


async def show(server: Server, viewer_id: int | None, group_id: int) -> Shown:
    """A group as the viewer sees it; of one elsewhere, a member's look has the latest fetched. Raises NotFound."""
    shown = await server.db.read(show_unit, viewer_id, group_id)
    if viewer_id is not None:
        await group_backfill.looked_at(server, shown.group)
    return shown


async def show_named(server: Server, viewer_id: int | None, username: str, domain: str = "") -> Shown:
    """The group of this name, here or elsewhere. Raises NotFound."""

    def unit(conn: Connection) -> Shown:
        row = groups.by_handle(conn, username, domain)
        return show_unit(conn, viewer_id, row.account_id if row is not None else None)

    shown = await server.db.read(unit)
    if viewer_id is not None:
        await group_backfill.looked_at(server, shown.group)
    return shown


def show_unit(conn: Connection, viewer_id: int | None, group_id: int | None) -> Shown:
    """The unit of `show`."""
    row, standing = rules.known(conn, group_id, viewer_id)
    waits = standing.moderates and groups.request_counts(conn, [row.account_id]).get(row.account_id, 0)
    (shown,) = shown_unit(conn, viewer_id, [row])
    return replace(shown, staff=groups.staff(conn, row.account_id), requests_count=waits or 0)


def shown_unit(conn: Connection, viewer_id: int | None, rows: Sequence[GroupRow]) -> list[Shown]:
    """Groups that the viewer may know of, as they see them, in two statements: without staff and requests."""
    ids = [row.account_id for row in rows]
    ties, topics = group_ties.of_account(conn, viewer_id, ids), groups.topics_of(conn, ids) if ids else {}
    return [_shown(row, ties.get(row.account_id, Ties()), topics.get(row.account_id, [])) for row in rows]


def _shown(row: GroupRow, ties: Ties, topics: list[TopicRow]) -> Shown:
    standing = Standing(ties.role or None, ties.is_banned, ties.is_invited)
    return Shown(
        veiled(row, standing), standing, topics, is_waiting=ties.is_waiting, level=ties.level or None
    )


def veiled(row: GroupRow, standing: Standing) -> GroupRow:
    """A group as whoever stands so to it may see it: how much is said in it, and when, is for those who may read there."""
    if rules.refusal(Action.READ, row, standing) is None:
        return row
    shown = row._asdict() if hasattr(row, "_asdict") else vars(row)
    return SimpleNamespace(**{**shown, "threads_count": 0, "last_activity_at": None})


async def of_member(server: Server, member: Member) -> list[GroupRow]:
    """Every group that the member belongs to, with `role` and `joined_at`, by name."""
    return await server.db.read(groups.of_member, member.account_id)


async def invited_to(server: Server, member: Member) -> list[GroupRow]:
    """The groups that the member is invited to."""
    return await server.db.read(groups.invited_to, member.account_id)


def find_unit(
    conn: Connection,
    viewer_id: int | None,
    window: Window,
    *,
    words: str = "",
    kind: str = "",
    local: bool = True,
    belonging: str = "",
) -> list[GroupRow]:
    """Groups that the viewer may know of, newest first; with `words`, those whose name or title has them. Besides ours
    those of other servers that somebody here knows, unless `local`. Each with the viewer's `role`, or None.

    `belonging` leaves only those the viewer is in ("joined"), invited to ("invited") or waits for ("waiting"). Raises
    Invalid.
    """
    if belonging not in ("", *BELONGINGS):
        raise Invalid({"belonging": f"must be one of {', '.join(BELONGINGS)}"})
    mine = membership.alias("mine")
    query = (
        select_groups(mine.c.role)
        .outerjoin(mine, and_(mine.c.group_id == group.c.account_id, mine.c.account_id == (viewer_id or 0)))
        .where(kept_out.shows(account), account.c.deleted_at.is_(None), _is_known(viewer_id, mine))
    )
    if local:
        query = query.where(account.c.domain == "")
    if kind:
        query = query.where(group.c.kind == kind)
    if belonging == "joined":
        query = query.where(mine.c.account_id.is_not(None))
    elif belonging == "invited":
        query = query.where(_has_row(group_invitation, viewer_id))
    elif belonging == "waiting":
        query = query.where(_has_row(group_request, viewer_id))
    for word in words.split()[:5]:
        pattern = word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_").casefold()
        query = query.where(
            or_(
                func.lower(account.c.display_name).like(f"%{pattern}%", escape="\\"),
                account.c.username_key.like(f"%{pattern}%", escape="\\"),
            )
        )
    return [veiled(row, Standing(row.role)) for row in window.rows(conn, query, group.c.account_id)]


async def find_shown(server: Server, viewer_id: int | None, window: Window, **wanted: Any) -> list[Shown]:
    """The groups of `find_unit`, as the viewer sees them. Raises Invalid."""

    def unit(conn: Connection) -> list[Shown]:
        return shown_unit(conn, viewer_id, find_unit(conn, viewer_id, window, **wanted))

    return await server.db.read(unit)


def _is_known(viewer_id: int | None, mine: Any) -> Any:
    """What `rules.is_known_to` says, in SQL."""
    invited = _has_row(group_invitation, viewer_id)
    return or_(account.c.hidden.is_(False), mine.c.account_id.is_not(None), invited)


def _has_row(table: Any, viewer_id: int | None) -> Any:
    return exists(
        select(table.c.id).where(
            table.c.group_id == group.c.account_id, table.c.account_id == (viewer_id or 0)
        )
    )


def description_of(row: GroupRow) -> str:
    """What a group is about, in a line or two: how its charter begins."""
    first, _, _ = (row.charter_html or row.note_html).partition("</p>")
    return excerpt(first, DESCRIPTION_CHARS)
