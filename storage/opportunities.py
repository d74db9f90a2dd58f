"""Opportunities, by what they are found, and one page of a board. Who may see which is `fedserver.visibility`'s business."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Select, and_, delete, exists, func, or_, select, update

from storage.hot import insert_row, insert_rows
from storage.tables import account, application, bookmark, opportunity, opportunity_topic, post
from storage.words import fold

# Attributes are the columns of `opportunity`, and those of its post and author that are named here.
OpportunityRow = Any

COUNTED_MAX: Final = 5_000
"""Of how many the facets of a board count at the most."""
_OF_POST: Final = (
    "id", "uri", "url", "account_id", "visibility", "group_id", "thread_id", "local", "title", "summary", "source_text",
    "language", "content_html", "created_at", "edited_at", "deleted_at", "replies_count",
)  # fmt: skip
_OF_AUTHOR: Final = ("username", "domain", "display_name")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked of a board; an empty tuple asks for everything. `places` are keys of places or ``remote``, `words` are
    folded and must all be there. `state` is board (what is not closed), open, coming (it opens later), closed or all."""

    kinds: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    instances: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    organisation: str = ""
    group_id: int | None = None
    account_id: int | None = None
    closes_before_ms: int | None = None
    state: str = "board"
    sort: str = "deadline"


def select_opportunities() -> Select[Any]:
    """Opportunities as `OpportunityRow`s."""
    own = [column for column in opportunity.c if column.name != "post_id"]
    return (
        select(*(post.c[name] for name in _OF_POST), *own, *(account.c[name] for name in _OF_AUTHOR))
        .join_from(opportunity, post, post.c.id == opportunity.c.post_id)
        .join(account, account.c.id == post.c.account_id)
    )


def by_id(conn: Connection, post_id: int | None) -> OpportunityRow | None:
    return None if post_id is None else by_ids(conn, [post_id]).get(post_id)


def by_ids(conn: Connection, post_ids: Iterable[int]) -> dict[int, OpportunityRow]:
    """Those that are opportunities, by id."""
    wanted = set(post_ids)
    if not wanted:
        return {}
    query = select_opportunities().where(opportunity.c.post_id.in_(wanted))
    return {row.id: row for row in conn.execute(query)}


def locked(conn: Connection, post_id: int) -> None:
    """Until the unit ends nobody else applies to it, closes it or decides."""
    conn.execute(
        select(opportunity.c.post_id).where(opportunity.c.post_id == post_id).with_for_update()
    ).first()


def put(conn: Connection, post_id: int, topics: Mapping[str, str], **columns: Any) -> None:
    """Keep what a post says as an opportunity, for the first time or anew; `topics` are labels by key."""
    if not insert_row(conn, opportunity, {"post_id": post_id, **columns}, unless_there=True):
        change(conn, post_id, **{name: value for name, value in columns.items() if name != "uid"})
        conn.execute(delete(opportunity_topic).where(opportunity_topic.c.post_id == post_id))
    insert_rows(
        conn,
        opportunity_topic,
        [{"post_id": post_id, "key": key, "label": label} for key, label in topics.items()],
    )


def change(conn: Connection, post_id: int, **columns: Any) -> None:
    """Set columns of what is beside the post."""
    conn.execute(update(opportunity).where(opportunity.c.post_id == post_id).values(**columns))


def remove(conn: Connection, post_id: int) -> bool:
    """The post stays, without what is beside it; whether there was something."""
    return bool(conn.execute(delete(opportunity).where(opportunity.c.post_id == post_id)).rowcount)


# -- boards


def listed(
    conn: Connection,
    wanted: Wanted,
    shown: Any,
    *,
    now: int,
    limit: int,
    after: tuple[int, int] | None = None,
) -> list[OpportunityRow]:
    """A page of a board: what closes first is first, or (``new``) what came last; behind (value, id) `after`. `shown` is what
    the viewer may see of `post`."""
    value = opportunity.c.expires_at if wanted.sort == "deadline" else post.c.created_at
    found = _ids(wanted, shown, now)
    if after is not None:
        ahead = value > after[0] if wanted.sort == "deadline" else value < after[0]
        behind = post.c.id > after[1] if wanted.sort == "deadline" else post.c.id < after[1]
        found = found.where(or_(ahead, and_(value == after[0], behind)))
    order = (value, post.c.id) if wanted.sort == "deadline" else (value.desc(), post.c.id.desc())
    query = select_opportunities().where(opportunity.c.post_id.in_(found))
    return list(conn.execute(query.order_by(*order).limit(limit)))


def place_of(row: OpportunityRow, sort: str) -> tuple[int, int]:
    """Where a row stands in a list of this order: what `listed` goes on behind."""
    return (row.expires_at if sort == "deadline" else row.created_at), row.id


def facts(conn: Connection, wanted: Wanted, shown: Any, *, now: int) -> list[Any]:
    """By what those of a board are found: id, kind, remote, place_key, place_label, language, expires_at, domain; the newest."""
    query = (
        select(
            post.c.id, opportunity.c.kind, opportunity.c.remote, opportunity.c.place_key, opportunity.c.place_label,
            post.c.language, opportunity.c.expires_at, account.c.domain,
        )
        .join_from(opportunity, post, post.c.id == opportunity.c.post_id)
        .join(account, account.c.id == post.c.account_id)
        .where(opportunity.c.post_id.in_(_ids(wanted, shown, now)))
        .order_by(post.c.id.desc())
        .limit(COUNTED_MAX)
    )  # fmt: skip
    return list(conn.execute(query))


def topics_of(conn: Connection, wanted: Wanted, shown: Any, *, now: int) -> list[Any]:
    """Topics (post_id, key, label) of all that is on a board."""
    query = select(opportunity_topic).where(opportunity_topic.c.post_id.in_(_ids(wanted, shown, now)))
    return list(conn.execute(query.order_by(opportunity_topic.c.post_id.desc())))


def _ids(wanted: Wanted, shown: Any, now: int) -> Select[Any]:
    """The ids of what is asked for. By themselves: what the viewer may see asks for accounts, too."""
    conditions: list[Any] = [shown, *_in_state(wanted.state, now)]
    if wanted.kinds:
        conditions.append(opportunity.c.kind.in_(wanted.kinds))
    if wanted.places:
        keys = [one for one in wanted.places if one != "remote"]
        anywhere = opportunity.c.remote.in_(("partly", "yes")) if "remote" in wanted.places else None
        conditions.append(
            or_(
                *(
                    one
                    for one in (opportunity.c.place_key.in_(keys) if keys else None, anywhere)
                    if one is not None
                )
            )
        )
    if wanted.topics:
        conditions.append(
            exists().where(
                opportunity_topic.c.post_id == opportunity.c.post_id,
                opportunity_topic.c.key.in_(wanted.topics),
            )
        )
    if wanted.languages:
        conditions.append(
            or_(
                *(
                    or_(post.c.language == one, post.c.language.startswith(f"{one}-", autoescape=True))
                    for one in wanted.languages
                )
            )
        )
    if wanted.instances:
        conditions.append(
            exists().where(account.c.id == post.c.account_id, account.c.domain.in_(wanted.instances))
        )
    conditions += [opportunity.c.words.contains(word, autoescape=True) for word in wanted.words]
    if wanted.organisation:
        conditions.append(opportunity.c.words.contains(fold(wanted.organisation), autoescape=True))
    if wanted.group_id is not None:
        conditions.append(post.c.group_id == wanted.group_id)
    if wanted.account_id is not None:
        conditions.append(post.c.account_id == wanted.account_id)
    if wanted.closes_before_ms is not None:
        conditions.append(opportunity.c.expires_at <= wanted.closes_before_ms)
    return (
        select(opportunity.c.post_id)
        .join_from(opportunity, post, post.c.id == opportunity.c.post_id)
        .where(*conditions)
    )


def _in_state(state: str, now: int) -> Sequence[Any]:
    still = and_(opportunity.c.expires_at > now, opportunity.c.closed_at.is_(None))
    if state == "open":
        return [still, or_(opportunity.c.opens_at.is_(None), opportunity.c.opens_at <= now)]
    if state == "coming":
        return [still, opportunity.c.opens_at > now]
    if state == "closed":
        return [or_(opportunity.c.expires_at <= now, opportunity.c.closed_at.is_not(None))]
    return [still] if state == "board" else []


def of_member(conn: Connection, account_id: int, shown: Any, *, now: int, limit: int) -> list[OpportunityRow]:
    """What a member has kept in mind and can still apply to: what they have bookmarked, or begun to apply to."""
    marked = exists().where(bookmark.c.post_id == post.c.id, bookmark.c.account_id == account_id)
    begun = exists().where(
        application.c.post_id == post.c.id,
        application.c.account_id == account_id,
        application.c.state == "draft",
    )
    found = _ids(Wanted(state="board"), and_(shown, or_(marked, begun)), now)
    query = select_opportunities().where(opportunity.c.post_id.in_(found))
    return list(conn.execute(query.order_by(opportunity.c.expires_at, post.c.id).limit(limit)))


def count_open(conn: Connection, account_id: int, now: int) -> int:
    """How many a member has on boards at present."""
    found = _ids(Wanted(state="board", account_id=account_id), post.c.deleted_at.is_(None), now).subquery()
    return conn.scalar(select(func.count()).select_from(found)) or 0
