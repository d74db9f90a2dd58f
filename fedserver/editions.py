"""What a post said and says: its text for the author to edit, and every version for those who read it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from fedserver import interactions, posts, quotes
from fedserver.context import Server
from fedserver.errors import NotFound
from fedserver.viewer import Member
from storage import accounts, users
from storage import posts as stored
from storage.accounts import AccountRow


@dataclass(frozen=True, slots=True)
class Current:
    """A post as its author typed it. `media_ids` are its attachments in order."""

    post_id: int
    text: str
    title: str
    summary: str
    visibility: str
    language: str
    media_ids: Sequence[int]
    media_type: str
    quoted_id: int | None = None


@dataclass(frozen=True, slots=True)
class Edition:
    """One version. `media` are rows of the media table or, of past versions, what was kept of them."""

    title: str
    content_html: str
    summary: str
    sensitive: bool
    emojis: str
    created_at: int
    media: Sequence[Any]
    poll_options: Sequence[str]


@dataclass(frozen=True, slots=True)
class History:
    """Every version of a post, the present one last."""

    author: AccountRow
    editions: list[Edition]


async def current(server: Server, member: Member, post_id: int) -> Current:
    """A member's own post. Raises NotFound, and Forbidden for somebody else's."""

    def unit(conn: Connection) -> Current:
        row = posts.own(conn, post_id, member.account_id)
        if row.boost_of_id is not None:
            raise NotFound
        media = [one.id for one in stored.media_of(conn, [row.id]).get(row.id, ())]
        target = quotes.quoted_by(conn, row)
        return Current(
            row.id,
            row.source_text,
            row.title,
            row.summary,
            row.visibility,
            row.language,
            media,
            row.source_type,
            None if target is None else target.id,
        )

    return await server.db.read(unit)


async def all_of(server: Server, viewer_id: int | None, post_id: int) -> History:
    """Every version. Raises NotFound when the viewer may not see the post."""

    def unit(conn: Connection) -> History:
        row = interactions.seen(conn, post_id, viewer_id)
        author = accounts.by_id(conn, row.account_id)
        assert author is not None
        past = [
            Edition(
                one.title,
                one.content_html,
                one.summary,
                one.sensitive,
                one.emojis,
                one.created_at,
                json.loads(one.media),
                json.loads(one.poll_options),
            )
            for one in stored.revisions(conn, row.id)
        ]
        present = Edition(
            row.title,
            row.content_html,
            row.summary,
            row.sensitive,
            row.emojis,
            row.edited_at or row.created_at,
            stored.media_of(conn, [row.id]).get(row.id, ()),
            [one.title for one in stored.poll_options_of(conn, [row.id]).get(row.id, ())],
        )
        return History(author, [*past, present])

    return await server.db.read(unit)


@dataclass(frozen=True, slots=True)
class Defaults:
    """What a member's posts are when they say nothing else; `language` is "" when they never said."""

    account_id: int
    visibility: str = "public"
    language: str = ""
    sensitive: bool = False
    quote_policy: str = "public"


async def defaults(server: Server, member: Member) -> Defaults:
    """How a member prefers to post; remembered until they change it."""
    server.remembered.listen(server.bus)

    async def load() -> Defaults:
        row = await server.db.read(users.by_id, member.account_id)
        if row is None:
            return Defaults(member.account_id)
        return Defaults(
            row.account_id,
            row.default_visibility,
            row.default_language,
            row.default_sensitive,
            row.default_quote_policy,
        )

    found: Defaults = await server.remembered.defaults.get(member.account_id, load)
    return found
