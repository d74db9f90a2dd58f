"""Announcements: what those who run the server tell all members, who read, dismiss and react.

Published is by a job, so that a command beside the running server reaches its streams, and at the time it was
planned for. Signals: ``announcement`` and ``announcement.delete`` with the id, ``announcement.reaction`` with
the reaction as JSON.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from sqlalchemy import Connection, Row

from fedserver import mentions, page_cards, visibility
from fedserver.content import markdown
from fedserver.content.emoji import emoji_of
from fedserver.content.links import tag_key
from fedserver.content.text import emoji_shortcodes
from fedserver.context import Server
from fedserver.errors import Invalid, NotFound
from fedserver.jobs.handlers import handles
from fedserver.jobs.plan import plan
from fedserver.mentions import Home
from fedserver.moderation import audit
from fedserver.moderation.permissions import Permission, require
from fedserver.viewer import Member
from storage import accounts, announcements, emojis, posts
from storage.announcements import AnnouncementRow, Reaction
from storage.signals import signal
from storage.types import now_ms

CHARACTERS_MAX: Final = 5_000
POSTS_NAMED_MAX: Final = 20
REACTIONS_MAX: Final = 8
LOGGED_CHARS_MAX: Final = 300


@dataclass(frozen=True, slots=True)
class Draft:
    """What is to be announced, in Markdown. With `ends_at` it is taken down then; instants in ms."""

    text: str
    starts_at: int | None = None
    ends_at: int | None = None
    all_day: bool = False


@dataclass(frozen=True, slots=True)
class Shown:
    """Announcements for one member: rows with `is_read`; by announcement the reactions; by id the accounts and posts
    they name; by name the custom emoji of reactions."""

    rows: list[Any]
    reactions: dict[int, list[Reaction]]
    accounts: dict[int, Row[Any]]
    posts: dict[int, Row[Any]]
    emojis: dict[str, Row[Any]]


@dataclass(frozen=True, slots=True)
class Notice:
    """An announcement as pages show it. `html` is safe; instants in ms."""

    id: int
    html: str
    emojis: tuple[page_cards.Emoji, ...]
    starts_at: int | None
    ends_at: int | None
    all_day: bool


# -- what members do with them


async def shown(server: Server, member: Member) -> Shown:
    """What is announced at present, by when it begins."""
    return await server.db.read(shown_unit, member.account_id)


def shown_unit(conn: Connection, account_id: int, only_id: int | None = None) -> Shown:
    """The unit of `shown`, or of one announcement; without rows where it is none that is shown."""
    rows = announcements.shown(conn, account_id, now_ms(), only_id)
    reactions: dict[int, list[Reaction]] = defaultdict(list)
    for one in announcements.reactions(conn, [row.id for row in rows], account_id):
        reactions[one.announcement_id].append(one)
    named = {name for found in reactions.values() for _, name, _, _ in found if emoji_of(name) is None}
    return Shown(
        rows,
        dict(reactions),
        accounts.by_ids(conn, {one for row in rows for one in json.loads(row.mentioned_ids)}),
        {
            post_id: row
            for post_id, row in posts.by_ids(
                conn, {one for row in rows for one in json.loads(row.post_ids)}
            ).items()
            if row.visibility in visibility.FOR_EVERYBODY
        },
        {one.shortcode: one for one in emojis.named(conn, named)},
    )


async def unread(server: Server, member: Member) -> list[Notice]:
    """What is announced at present and the member has not dismissed, by when it begins."""

    def unit(conn: Connection) -> list[Notice]:
        return [
            Notice(
                row.id,
                row.content_html,
                page_cards.emojis_of(server.config, row.emojis, ""),
                row.starts_at,
                row.ends_at,
                bool(row.all_day),
            )
            for row in announcements.shown(conn, member.account_id, now_ms())
            if not row.is_read
        ]

    return await server.db.read(unit)


async def dismiss(server: Server, member: Member, announcement_id: int) -> None:
    """The member has read it. Raises NotFound."""

    def unit(conn: Connection) -> None:
        _published(conn, announcement_id)
        announcements.mark_read(conn, member.account_id, announcement_id)

    await server.db.write(unit)


async def react(server: Server, member: Member, announcement_id: int, name: str) -> None:
    """Give a reaction: an emoji, or the shortcode of a custom one. Raises NotFound, Invalid."""

    def unit(conn: Connection) -> None:
        _published(conn, announcement_id)
        known = announcements.reactions(conn, [announcement_id], member.account_id)
        wanted = emoji_of(name) or name
        if emoji_of(name) is None and not emojis.named(conn, [name]):
            raise Invalid(
                {"name": "is not a recognized emoji"}, "Validation failed: Name is not a recognized emoji"
            )
        if len(known) >= REACTIONS_MAX and wanted not in {one.name for one in known}:
            raise Invalid({}, "Validation failed: Limit of different reactions reached")
        if announcements.react(conn, announcement_id, member.account_id, wanted):
            _tell_of_reaction(conn, announcement_id, wanted)

    await server.db.write(unit)


async def take_back(server: Server, member: Member, announcement_id: int, name: str) -> None:
    """Take a reaction back. Raises NotFound where the member gave none."""

    def unit(conn: Connection) -> None:
        _published(conn, announcement_id)
        wanted = emoji_of(name) or name
        if not announcements.take_back(conn, announcement_id, member.account_id, wanted):
            raise NotFound("Record not found")
        _tell_of_reaction(conn, announcement_id, wanted)

    await server.db.write(unit)


def _published(conn: Connection, announcement_id: int) -> AnnouncementRow:
    row = announcements.by_id(conn, announcement_id)
    if row is None or row.published_at is None:
        raise NotFound("Record not found")
    return row


def _tell_of_reaction(conn: Connection, announcement_id: int, name: str) -> None:
    found = announcements.reactions(conn, [announcement_id], 0)
    told: dict[str, Any] = {
        "name": name,
        "count": next((one.total for one in found if one.name == name), 0),
        "announcement_id": str(announcement_id),
    }
    if emoji_of(name) is None:
        for custom in emojis.named(conn, [name]):
            told |= {"url": custom.url, "static_url": custom.static_url}
    signal(conn, "announcement.reaction", json.dumps(told, ensure_ascii=False))


# -- what those who run the server do in the panel


async def all_of_them(server: Server, member: Member) -> list[AnnouncementRow]:
    """Every announcement, published or not, oldest first. Raises Forbidden."""
    require(member, Permission.MANAGE_ANNOUNCEMENTS)
    return await server.db.read(listed)


def state_of(row: AnnouncementRow) -> Literal["draft", "planned", "shown", "over"]:
    """How it stands with one at present."""
    if row.published_at is None:
        return "draft" if row.scheduled_at is None else "planned"
    return "shown" if row.ends_at is None or row.ends_at > now_ms() else "over"


async def write(
    server: Server, member: Member, draft: Draft, *, scheduled_at: int | None = None, publish: bool = True
) -> None:
    """Write one, and have it published now, at `scheduled_at`, or not yet. Raises Forbidden, Invalid."""

    def unit(conn: Connection) -> None:
        _log(conn, member, "create", add(conn, server, draft, scheduled_at=scheduled_at, publish=publish))

    await _change(server, member, unit)


async def edit(server: Server, member: Member, announcement_id: int, draft: Draft) -> None:
    """Write one anew; who has read it is not asked again. Raises Forbidden, Invalid, NotFound."""

    def unit(conn: Connection) -> None:
        row = _known(conn, announcement_id)
        announcements.change(conn, announcement_id, updated_at=now_ms(), **_columns(conn, server, draft))
        _log(conn, member, "update", announcement_id, row.source_text)
        if row.published_at is not None:
            signal(conn, "announcement", str(announcement_id))
            if draft.ends_at is not None:
                _plan_end(conn, announcement_id, draft.ends_at)

    await _change(server, member, unit)


async def publish_now(server: Server, member: Member, announcement_id: int) -> None:
    """Show one that is a draft or planned. Raises Forbidden, Invalid, NotFound."""

    def unit(conn: Connection) -> None:
        plan_publication(conn, announcement_id)
        _log(conn, member, "publish", announcement_id)

    await _change(server, member, unit)


async def end(server: Server, member: Member, announcement_id: int) -> None:
    """Show one no more; it stays among those that are over. Raises Forbidden, NotFound."""

    def unit(conn: Connection) -> None:
        _known(conn, announcement_id)
        now = now_ms()
        announcements.change(conn, announcement_id, ends_at=now, updated_at=now)
        _plan_end(conn, announcement_id, now)
        _log(conn, member, "end", announcement_id)

    await _change(server, member, unit)


async def take_down(server: Server, member: Member, announcement_id: int) -> None:
    """Take one down for good. Raises Forbidden, NotFound."""

    def unit(conn: Connection) -> None:
        row = _known(conn, announcement_id)
        remove(conn, announcement_id)
        _log(conn, member, "destroy", announcement_id, row.source_text)

    await _change(server, member, unit)


async def _change(server: Server, member: Member, unit: Callable[[Connection], None]) -> None:
    require(member, Permission.MANAGE_ANNOUNCEMENTS)
    await server.db.write(unit)


def _known(conn: Connection, announcement_id: int) -> AnnouncementRow:
    row = announcements.by_id(conn, announcement_id)
    if row is None:
        raise NotFound("There is no such announcement.")
    return row


def _log(
    conn: Connection, member: Member, action: str, announcement_id: int, before: str | None = None
) -> None:
    row = announcements.by_id(conn, announcement_id)
    audit.note(
        conn,
        member,
        action,
        ("announcement", announcement_id, str(announcement_id)),
        before={} if before is None else {"text": before[:LOGGED_CHARS_MAX]},
        after={} if row is None else {"text": row.source_text[:LOGGED_CHARS_MAX]},
    )


def _plan_end(conn: Connection, announcement_id: int, at_ms: int) -> None:
    plan(
        conn,
        "announcement_gone",
        {"announcement_id": announcement_id},
        key=f"{announcement_id}:ends:{at_ms}",
        not_before_ms=at_ms,
    )


# -- what those who run the server do, in units


def add(
    conn: Connection, home: Home, draft: Draft, *, scheduled_at: int | None = None, publish: bool = True
) -> int:
    """Write an announcement, and have it published now, at `scheduled_at`, or not yet; its id. Raises Invalid."""
    announcement_id = announcements.add(conn, **_columns(conn, home, draft))
    if publish:
        plan_publication(conn, announcement_id, scheduled_at)
    return announcement_id


def _columns(conn: Connection, home: Home, draft: Draft) -> dict[str, Any]:
    _check(draft)
    handles_ = markdown.find_mentions(draft.text)
    known = mentions.known(conn, home, handles_)
    rendered = markdown.render_markdown(
        draft.text, mentions.targets(known), lambda name: home.uris.tag(tag_key(name))
    )
    return {
        "source_text": draft.text,
        "content_html": rendered.html,
        "starts_at": draft.starts_at,
        "ends_at": draft.ends_at,
        "all_day": draft.all_day,
        "mentioned_ids": json.dumps([row.id for row in known.values()]),
        "post_ids": json.dumps(_posts_named(conn, draft.text)),
        "tags": json.dumps(
            [{"name": name, "url": home.uris.tag(tag_key(name))} for name in rendered.hashtags]
        ),
        "emojis": emojis.stored(conn, emoji_shortcodes(draft.text)),
    }


def plan_publication(conn: Connection, announcement_id: int, at_ms: int | None = None) -> None:
    """Have an announcement published, at once unless `at_ms` says when; also one that was planned for another time.
    Raises NotFound, Invalid for one that is published."""
    row = announcements.by_id(conn, announcement_id)
    if row is None:
        raise NotFound("There is no such announcement.")
    if row.published_at is not None:
        raise Invalid({}, "This announcement is published already.")
    due = at_ms or now_ms()
    announcements.change(conn, announcement_id, scheduled_at=due)
    payload = {"announcement_id": announcement_id, "scheduled_at": due}
    plan(conn, "publish_announcement", payload, key=f"{announcement_id}:{due}", not_before_ms=at_ms)


def remove(conn: Connection, announcement_id: int) -> None:
    """Take an announcement down for good. Raises NotFound."""
    if not announcements.remove(conn, announcement_id):
        raise NotFound("There is no such announcement.")
    plan(conn, "announcement_gone", {"announcement_id": announcement_id}, key=f"{announcement_id}:gone")


def listed(conn: Connection) -> list[AnnouncementRow]:
    """Every announcement, published or not, oldest first."""
    return announcements.listed(conn)


def _check(draft: Draft) -> None:
    if not draft.text.strip():
        raise Invalid({"text": "can't be blank"})
    if len(draft.text) > CHARACTERS_MAX:
        raise Invalid({"text": f"is longer than {CHARACTERS_MAX} characters"})
    if (draft.starts_at is None) != (draft.ends_at is None):
        raise Invalid({"starts_at": "and ends_at go together"})
    if draft.starts_at is not None and draft.ends_at is not None and draft.ends_at < draft.starts_at:
        raise Invalid({"ends_at": "must not be before starts_at"})


def _posts_named(conn: Connection, text: str) -> Sequence[int]:
    found = (posts.by_uri_or_url(conn, url) for url in markdown.find_urls(text)[:POSTS_NAMED_MAX])
    return [row.id for row in found if row is not None and row.visibility in visibility.FOR_EVERYBODY]


@handles("publish_announcement")
async def publish(server: Server, payload: dict[str, Any]) -> None:
    """Show an announcement to all members, unless it is gone or planned for another time by now."""
    await server.db.write(_publish, payload["announcement_id"], payload["scheduled_at"])


def _publish(conn: Connection, announcement_id: int, scheduled_at: int) -> None:
    row = announcements.by_id(conn, announcement_id)
    if row is None or row.published_at is not None or row.scheduled_at != scheduled_at:
        return
    now = now_ms()
    announcements.change(conn, announcement_id, published_at=now, updated_at=now)
    if row.ends_at is not None:
        _plan_end(conn, announcement_id, row.ends_at)
    signal(conn, "announcement", str(announcement_id))


@handles("announcement_gone")
async def tell_of_end(server: Server, payload: dict[str, Any]) -> None:
    """Tell those who look that an announcement is over, or was taken down, unless its end was moved meanwhile."""

    def unit(conn: Connection) -> None:
        row = announcements.by_id(conn, payload["announcement_id"])
        if row is not None and (row.ends_at is None or row.ends_at > now_ms()):
            return
        signal(conn, "announcement.delete", str(payload["announcement_id"]))

    await server.db.write(unit)
