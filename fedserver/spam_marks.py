"""Trusted members mark public posts of new members as spam; enough marks hold a post until a moderator has looked at it.

It is then no post any more, as everything that is held: here it is gone, other servers are asked to delete it, and its
author finds it among what waits and hears of it by mail. Once a moderator has let something of theirs through, only what
they wrote afterwards can be marked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from fedserver import posts, quotes, settings, trust, visibility
from fedserver.context import Server
from fedserver.errors import Forbidden, NotFound
from fedserver.mail import plan_mail, quoted
from fedserver.moderation import audit
from fedserver.posts import KINDS_WITH_MORE, Draft, PollDraft
from fedserver.settings import InstanceSettings
from fedserver.viewer import Member
from storage import posts as stored
from storage import spam_marks, users
from storage.posts import PostRow
from storage.types import now_ms
from storage.users import UserRow

SEEN_BY_ALL: Final = ("public", "unlisted")
_AUTHORS_ALONE: Final = "Only public posts of new members can be marked as spam. Report it instead."


@dataclass(frozen=True, slots=True)
class Mark:
    """How it stands between a member and a post: whether they `may` mark it, have `marked` it, and it is `held` now."""

    may: bool
    marked: bool = False
    held: bool = False


async def look(server: Server, member: Member, post_id: int) -> Mark:
    """How it stands, for the page that offers it. Changes nothing."""

    def unit(conn: Connection) -> Mark:
        try:
            row, _ = _markable(conn, settings.in_force(conn, server.config), member, post_id)
        except (Forbidden, NotFound):
            return Mark(may=False)
        return Mark(may=True, marked=spam_marks.has(conn, row.id, member.account_id))

    return await server.db.read(unit)


async def mark(server: Server, member: Member, post_id: int) -> Mark:
    """Mark a post as spam; with marks enough it is held. Raises NotFound, Forbidden."""

    def unit(conn: Connection) -> Mark:
        site = settings.in_force(conn, server.config)
        stored.lock(conn, post_id)
        row, author = _markable(conn, site, member, post_id)
        about = ("account", author.account_id, author.username)
        if spam_marks.put(conn, row.id, member.account_id):
            audit.note(conn, member, "mark_spam", about, after={"post": str(row.id)})
        number = spam_marks.count(conn, row.id)
        if number < site.spam_marks:
            return Mark(may=True, marked=True)
        _hold(conn, server, row, author, f"{number} marks of spam by trusted members")
        audit.note(conn, None, "hold_marked", about, after={"post": str(row.id), "marks": number})
        return Mark(may=False, marked=True, held=True)

    return await server.db.write(unit)


async def unmark(server: Server, member: Member, post_id: int) -> Mark:
    """Take one's mark back. Raises NotFound, Forbidden."""

    def unit(conn: Connection) -> Mark:
        row, author = _markable(conn, settings.in_force(conn, server.config), member, post_id)
        if spam_marks.remove(conn, row.id, member.account_id):
            about = ("account", author.account_id, author.username)
            audit.note(conn, member, "unmark_spam", about, after={"post": str(row.id)})
        return Mark(may=True)

    return await server.db.write(unit)


def _markable(
    conn: Connection, site: InstanceSettings, member: Member, post_id: int
) -> tuple[PostRow, UserRow]:
    marker = users.by_id(conn, member.account_id)
    if marker is None or not site.spam_marks or marker.trust != "trusted":
        raise Forbidden("Here you cannot mark posts as spam. Report it instead.")
    row = stored.by_id(conn, post_id)
    if row is None or not visibility.may_see(conn, row, member.account_id):
        raise NotFound
    author = users.by_id(conn, row.account_id)
    if (
        author is None
        or author.account_id == member.account_id
        or not trust.still_new(conn, site, author)
        or row.visibility not in SEEN_BY_ALL
        or row.boost_of_id is not None
        or row.kind in KINDS_WITH_MORE
        or row.created_at <= (author.vouched_at or 0)
    ):
        raise Forbidden(_AUTHORS_ALONE)
    return row, author


def _hold(conn: Connection, server: Server, row: PostRow, author: UserRow, why: str) -> None:
    """Take the post back and keep what it said, with its attachments, until a moderator has decided."""
    draft = _draft_of(conn, row)
    server.publish.post_deleted(conn, row)
    posts.erase(conn, row)
    trust.hold(conn, author.account_id, draft, why)
    plan_mail(conn, author.account_id, "held_later", {"said": quoted(draft.text[:500])})


def _draft_of(conn: Connection, row: PostRow) -> Draft:
    target = quotes.quoted_by(conn, row)
    begins = row.in_reply_to_id is None
    return Draft(
        row.source_text,
        media_type=row.source_type,
        visibility=row.visibility,
        title=row.title,
        summary=row.summary,
        sensitive=row.sensitive,
        language=row.language,
        in_reply_to_id=row.in_reply_to_id,
        group_id=row.group_id if begins else None,
        media_ids=[one.id for one in stored.media_of(conn, [row.id]).get(row.id, ())],
        poll=_poll_of(conn, row.id),
        quoted_id=None if target is None else target.id,
        quote_policy=quotes.policy_name(row),
    )


def _poll_of(conn: Connection, post_id: int) -> PollDraft | None:
    """The poll anew: without votes, and open for as long as was left."""
    found = stored.polls_of(conn, [post_id]).get(post_id)
    if found is None:
        return None
    options = [one.title for one in stored.poll_options_of(conn, [post_id]).get(post_id, ())]
    left = ((found.expires_at or 0) - now_ms()) // 1000
    seconds = min(max(left, posts.POLL_S_MIN), posts.POLL_S_MAX)
    return PollDraft(options, seconds, multiple=bool(found.multiple), hide_totals=bool(found.hide_totals))
