"""Partner networks: other servers and how we stand to them, one row each.

| state    | |
|---|---|
| offered  | we have offered, they have not answered |
| asked    | they have offered, nobody here has answered |
| active   | both sides want it |
| declined | one of the two did not |
| ended    | it was active, or an offer was taken back |
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final, Literal

from sqlalchemy import Connection, Row, bindparam, func, literal, or_, select, update

from storage import instances
from storage.hot import Hot, insert_row
from storage.signals import signal
from storage.tables import (
    account,
    bookmark,
    follow,
    like,
    occurrence,
    partner,
    post,
    quote,
    resource_relation,
    rsvp,
    shelf_item,
)
from storage.types import new_id, now_ms

State = Literal["offered", "asked", "active", "declined", "ended"]
# Attributes are the columns of `partner`, and `uri`, `inbox_uri` and `display_name` of the other side's instance actor.
PartnerRow = Row[Any]

LISTED_MAX: Final = 500
_OF_ACTOR: Final = (account.c.uri, account.c.inbox_uri, account.c.display_name, account.c.url)


def _select() -> Any:
    return select(partner, *_OF_ACTOR).join_from(partner, account, account.c.id == partner.c.account_id)


def by_id(conn: Connection, partner_id: int) -> PartnerRow | None:
    return conn.execute(_select().where(partner.c.id == partner_id)).first()


def by_host(conn: Connection, host: str) -> PartnerRow | None:
    return conn.execute(_select().where(partner.c.host == host)).first()


def listed(
    conn: Connection, states: Collection[State], *, below_id: int | None = None, limit: int = LISTED_MAX
) -> list[PartnerRow]:
    """Those in one of these states, the newest relation first."""
    query = _select().where(partner.c.state.in_(states))
    if below_id is not None:
        query = query.where(partner.c.id < below_id)
    return list(conn.execute(query.order_by(partner.c.id.desc()).limit(min(limit, LISTED_MAX))))


def put(conn: Connection, host: str, account_id: int, **columns: Any) -> PartnerRow:
    """The row of a host, made or changed; those who cache rules hear ``instance``."""
    values = {"account_id": account_id, **columns}
    row = {"id": new_id(), "host": host, "created_at": now_ms(), **values}
    if not insert_row(conn, partner, row, unless_there=True):
        conn.execute(update(partner).where(partner.c.host == host).values(**values))
    instances.see(conn, [host])
    instances.judge(conn, host)
    signal(conn, "instance", host)
    found = by_host(conn, host)
    assert found is not None
    return found


def change(conn: Connection, row: PartnerRow, **columns: Any) -> None:
    """Set columns; those who cache rules hear ``instance``."""
    conn.execute(update(partner).where(partner.c.id == row.id).values(**columns))
    instances.judge(conn, row.host)
    signal(conn, "instance", row.host)


def count_since(conn: Connection, state: State, since_ms: int) -> int:
    """How many are in this state that came into being, or asked again, since then."""
    query = select(func.count()).select_from(partner)
    return conn.scalar(query.where(partner.c.state == state, partner.c.created_at >= since_ms)) or 0


# -- who shares with us

_active = Hot(
    lambda: select(partner.c.host).where(partner.c.state == literal("active")), lambda row: str(row[0])
)
_is_active = Hot(
    lambda: select(partner.c.id).where(
        partner.c.host == bindparam("host"), partner.c.state == literal("active")
    ),
    tuple,
)


def active_hosts(conn: Connection) -> set[str]:
    """The hosts (authorities) of partners."""
    return set(_active.run(conn))


def is_active(conn: Connection, host: str) -> bool:
    """Whether this very host is a partner's."""
    return bool(_is_active.run(conn, host=host))


# -- what is here of a library


def kept_only_for(conn: Connection, host: str, *, limit: int) -> list[Any]:
    """Posts that are resources, events or opportunities of a host with which nobody here has anything to do: nobody follows the
    author, and nobody has answered, boosted, quoted, liked, bookmarked, shelved or adapted them, or goes to them, and they are in no group."""
    author, follower, ours = account.alias(), account.alias(), post.alias()

    def nobody(found: Any) -> Any:
        return ~found.correlate(post, author).exists()

    query = (
        select(post)
        .join(author, author.c.id == post.c.account_id)
        .where(
            author.c.host == host,
            author.c.domain != "",
            post.c.kind.in_(("resource", "event", "opportunity")),
            ~post.c.local,
            post.c.group_id.is_(None),
            nobody(
                select(follow.c.id)
                .join(follower, follower.c.id == follow.c.account_id)
                .where(follow.c.target_id == author.c.id, follower.c.domain == "")
            ),
            nobody(
                select(ours.c.id).where(
                    ours.c.local, or_(ours.c.boost_of_id == post.c.id, ours.c.in_reply_to_id == post.c.id)
                )
            ),
            nobody(
                select(ours.c.id)
                .join(resource_relation, resource_relation.c.post_id == ours.c.id)
                .where(ours.c.local, resource_relation.c.target_id == post.c.id)
            ),
            nobody(select(quote.c.id).where(quote.c.quoted_id == post.c.id)),
            nobody(select(like.c.id).where(like.c.post_id == post.c.id)),
            nobody(select(bookmark.c.id).where(bookmark.c.post_id == post.c.id)),
            nobody(
                select(rsvp.c.id)
                .join(occurrence, occurrence.c.id == rsvp.c.occurrence_id)
                .where(occurrence.c.post_id == post.c.id)
            ),
            nobody(select(shelf_item.c.shelf_id).where(shelf_item.c.post_id == post.c.id)),
        )
        .order_by(post.c.id)
        .limit(limit)
    )
    return list(conn.execute(query))
