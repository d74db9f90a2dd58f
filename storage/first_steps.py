"""What a new member has done of what is worth doing first."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, exists, or_, select

from storage.tables import account, membership, post, rsvp, tag_follow, user

StepsRow = Row[Any]
"""Whether they have a profile (`profile`), follow a topic or belong to a group (`follow`), have written something
(`post`), and go to an event (`event`)."""
_IN_PRIVATE = "direct"


def of_member(conn: Connection, account_id: int, since_ms: int) -> StepsRow | None:
    """All of it in one statement; None for who was let in before this instant, or has seen enough of it."""
    me = account.c.id
    query: Any = (
        select(
            or_(account.c.note_html != "", account.c.avatar_url != "").label("profile"),
            or_(
                exists().where(tag_follow.c.account_id == me).correlate(account),
                exists().where(membership.c.account_id == me).correlate(account),
            ).label("follow"),
            exists()
            .where(post.c.account_id == me, post.c.boost_of_id.is_(None), post.c.visibility != _IN_PRIVATE)
            .correlate(account)
            .label("post"),
            exists()
            .where(rsvp.c.account_id == me, rsvp.c.answer == "going")
            .correlate(account)
            .label("event"),
        )
        .join_from(user, account, account.c.id == user.c.account_id)
        .where(
            user.c.account_id == account_id, user.c.approved_at > since_ms, user.c.steps_hidden_at.is_(None)
        )
    )
    found: StepsRow | None = conn.execute(query).first()
    return found
