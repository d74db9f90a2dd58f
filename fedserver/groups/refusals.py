"""A group tells people of other servers why it did not take what they posted: once, in a direct post of its own.

Without that they would see their post at home and wonder why nobody answers. Members of this server are told by the form
or app that they post with.
"""

from __future__ import annotations

import html
from typing import Final

from sqlalchemy import Connection, select

from fedserver.context import Server
from storage import posts
from storage.accounts import AccountRow
from storage.groups import GroupRow
from storage.tables import mention, post
from storage.types import new_id, now_ms

EVERY_MS: Final = 24 * 3_600_000  # for one reason
A_DAY_MAX: Final = 3  # for all reasons together
# Who is no person does not read what it is told, and may answer it.
_PEOPLE: Final = frozenset({"Person", "Organization"})


def tell(
    conn: Connection, server: Server, group: GroupRow, author: AccountRow, post_uri: str, why: str
) -> None:
    """Plan the direct post, in answer to what was refused; nothing happens when they have been told this today."""
    if author.actor_type not in _PEOPLE or author.bot or author.suspended_at is not None:
        return
    content = (
        f'<p><span class="h-card"><a href="{html.escape(author.url)}" class="u-url mention">'
        f"@<span>{html.escape(author.username)}</span></a></span> {html.escape(why, quote=False)}</p>"
    )
    told = _told(conn, group.account_id, author.id)
    if content in told or len(told) >= A_DAY_MAX:
        return
    now = now_ms()
    post_id = new_id(now)
    posts.insert_post(
        conn, post_id=post_id, uri=server.uris.post(post_id), url=server.uris.post(post_id),
        account_id=group.account_id, kind="note", visibility="direct", content_html=content, source_text=why,
        language="en", in_reply_to_uri=post_uri, thread_id=post_id, context_uri=server.uris.context(post_id),
        local=True, created_at=now,
    )  # fmt: skip
    posts.put_mentions(conn, post_id, [author.id], [], new=True)
    server.publish.post_created(conn, post_id)


def _told(conn: Connection, group_id: int, author_id: int) -> list[str]:
    query = (
        select(post.c.content_html)
        .join(mention, mention.c.post_id == post.c.id)
        .where(
            post.c.account_id == group_id,
            post.c.visibility == "direct",
            mention.c.account_id == author_id,
            post.c.created_at > now_ms() - EVERY_MS,
        )
    )
    return list(conn.scalars(query))
