"""Drafts: what a member has begun to write in a group, kept until it is sent or thrown away."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from fedserver.content.links import HASHTAG_CHARS_MAX
from fedserver.context import Server
from fedserver.errors import Conflict, Invalid
from fedserver.posts import CHARACTERS_MAX, TITLE_CHARACTERS_MAX
from fedserver.viewer import Member
from storage import drafts

DRAFTS_MAX: Final = 100
TOPICS_MAX: Final = 100
_KEY: Final = re.compile(r"(?:group|reply):[0-9]{1,19}")


@dataclass(frozen=True, slots=True)
class KeptDraft:
    """`key` is "group:ID" for a new thread, "reply:ID" for an answer to a post. `updated_at` in milliseconds."""

    key: str
    title: str = ""
    text: str = ""
    topics: Sequence[str] = ()
    updated_at: int = 0


async def keep(server: Server, member: Member, draft: KeptDraft) -> None:
    """Keep it in place of what was kept for the same; an empty one is forgotten. Raises Invalid, Conflict."""
    if not _KEY.fullmatch(draft.key):
        raise Invalid({"key": 'must be like "group:1" or "reply:1"'})
    if len(draft.text) > CHARACTERS_MAX or len(draft.title) > TITLE_CHARACTERS_MAX:
        raise Invalid({"text": "is too long to be kept"})
    if len(draft.topics) > TOPICS_MAX or any(len(one) > HASHTAG_CHARS_MAX for one in draft.topics):
        raise Invalid({"topics": "are too many or too long to be kept"})

    def unit(conn: Connection) -> None:
        if not draft.text.strip() and not draft.title.strip():
            drafts.remove(conn, member.account_id, draft.key)
            return
        if (
            drafts.get(conn, member.account_id, draft.key) is None
            and drafts.count(conn, member.account_id) >= DRAFTS_MAX
        ):
            raise Conflict(f"You have {DRAFTS_MAX} drafts already. Send or delete one first.")
        body = {"title": draft.title, "text": draft.text, "topics": list(draft.topics)}
        drafts.put(conn, member.account_id, draft.key, body)

    await server.db.write(unit)


async def kept(server: Server, member: Member, key: str) -> KeptDraft | None:
    """The draft of this key, or None."""
    body = await server.db.read(drafts.get, member.account_id, key)
    return None if body is None else KeptDraft(key, body["title"], body["text"], body["topics"])


async def of_member(server: Server, member: Member) -> list[KeptDraft]:
    """All that the member has kept, the latest first."""
    found = []
    for row in await server.db.read(drafts.of_member, member.account_id):
        body = json.loads(row.body)
        found.append(KeptDraft(row.key, body["title"], body["text"], body["topics"], row.updated_at))
    return found


async def discard(server: Server, member: Member, key: str) -> None:
    """Nothing happens when there is none."""
    await server.db.write(drafts.remove, member.account_id, key)
