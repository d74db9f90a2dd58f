"""Numbers by day, and the most frequent of something, for those who look after the server.

A `Source` says what is counted and when it happened; each is asked once by day and once for a whole span.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, FromClause, case, func, select, text

from storage.instances import under
from storage.tables import (
    account,
    app,
    follow,
    like,
    media,
    member_day,
    post,
    post_tag,
    report,
    user,
)
from storage.types import DAY_MS, ID_BITS_WITHIN_MS

_MS: Final = 1
_OF_IDS: Final = 1 << ID_BITS_WITHIN_MS


class Source(NamedTuple):
    """What is counted. `at` tells the time in units of `per_ms` a millisecond; `counted` is an aggregate."""

    origin: FromClause
    at: ColumnElement[Any]
    per_ms: float
    counted: ColumnElement[Any]
    where: tuple[ColumnElement[bool], ...] = ()


def by_day(conn: Connection, source: Source, first_day: int, last_day: int) -> dict[int, int]:
    """What happened on each day of a span (days since 1970, both included); days without are left out."""
    unit = int(DAY_MS * source.per_ms)
    day = (source.at if unit == 1 else source.at // unit).label("day")
    query = select(day, source.counted).select_from(source.origin)
    query = query.where(*within(source, first_day, last_day), *source.where).group_by(day)
    return {int(row[0]): int(row[1] or 0) for row in conn.execute(query)}


def over(conn: Connection, source: Source, first_day: int, last_day: int) -> int:
    """What happened in the whole span."""
    query = select(source.counted).select_from(source.origin)
    found = conn.scalar(query.where(*within(source, first_day, last_day), *source.where))
    return int(found or 0)


def ever(conn: Connection, source: Source) -> int:
    """What has happened so far."""
    found = conn.scalar(select(source.counted).select_from(source.origin).where(*source.where))
    return int(found or 0)


def within(source: Source, first_day: int, last_day: int) -> list[ColumnElement[bool]]:
    """What holds of all that a source counts in a span of days (since 1970, both included)."""
    unit = int(DAY_MS * source.per_ms)
    return [source.at >= first_day * unit, source.at < (last_day + 1) * unit]


# -- measures

_PER_DAY: Final = 1 / DAY_MS  # for columns that hold days
_counted: Final = func.count()


def active_users() -> Source:
    """Members who were here."""
    return Source(member_day, member_day.c.day, _PER_DAY, func.count(member_day.c.account_id.distinct()))


def new_users() -> Source:
    """Members who signed up."""
    return Source(user, user.c.created_at, _MS, _counted)


def interactions() -> list[Source]:
    """Likes and boosts of posts of this server, and answers to them."""
    boosted, answered = post.alias("boosted"), post.alias("answered")
    return [
        Source(like.join(post, post.c.id == like.c.post_id), like.c.id, _OF_IDS, _counted, (post.c.local,)),
        Source(
            post.join(boosted, boosted.c.id == post.c.boost_of_id),
            post.c.id,
            _OF_IDS,
            _counted,
            (boosted.c.local,),
        ),
        Source(
            post.join(answered, answered.c.id == post.c.in_reply_to_id),
            post.c.id,
            _OF_IDS,
            _counted,
            (answered.c.local,),
        ),
    ]


def opened_reports() -> Source:
    """Reports that were made."""
    return Source(report, report.c.created_at, _MS, _counted)


def resolved_reports() -> Source:
    """Reports that were resolved."""
    return Source(report, report.c.resolved_at, _MS, _counted)


def of_tag(tag_id: int, what: str) -> Source:
    """How a hashtag was used: by how many `accounts`, in how many `uses`, on how many other `servers`."""
    origin = post_tag.join(post, post.c.id == post_tag.c.post_id).join(
        account, account.c.id == post.c.account_id
    )
    other = case((account.c.domain != "", account.c.domain))
    counted = {
        "accounts": func.count(post.c.account_id.distinct()),
        "uses": _counted,
        "servers": func.count(other.distinct()),
    }[what]
    shown = (post_tag.c.tag_id == tag_id, post.c.visibility != "group")
    return Source(origin, post_tag.c.post_id, _OF_IDS, counted, shown)


def of_instance(domain: str, what: str) -> Source:
    """What came from a domain and those below it: `accounts`, `media_attachments` (bytes), `reports` about them,
    `statuses`, `follows` of members to them and `followers` of members among them."""
    there = (under(account.c.domain, domain),)

    def joined(table: Any, whose: ColumnElement[Any]) -> FromClause:
        origin: FromClause = table.join(account, account.c.id == whose)
        return origin

    local = account.alias("local")
    match what:
        case "accounts":
            return Source(account, account.c.id, _OF_IDS, _counted, there)
        case "media_attachments":
            return Source(
                joined(media, media.c.account_id), media.c.id, _OF_IDS, func.sum(media.c.file_bytes), there
            )
        case "reports":
            return Source(joined(report, report.c.target_id), report.c.id, _OF_IDS, _counted, there)
        case "statuses":
            return Source(joined(post, post.c.account_id), post.c.id, _OF_IDS, _counted, there)
        case "follows":
            origin = joined(follow, follow.c.target_id).join(local, local.c.id == follow.c.account_id)
        case "followers":
            origin = joined(follow, follow.c.account_id).join(local, local.c.id == follow.c.target_id)
        case _:
            raise ValueError(what)
    return Source(origin, follow.c.id, _OF_IDS, _counted, (*there, follow.c.accepted, local.c.domain == ""))


# -- dimensions


class Share(NamedTuple):
    """One kind of something, and how much of it there is."""

    key: str
    value: int


def shares(
    conn: Connection,
    origin: FromClause,
    key: ColumnElement[Any],
    *where: ColumnElement[bool],
    limit: int,
) -> list[Share]:
    """The most frequent values of `key`."""
    query = select(key, func.count()).select_from(origin).where(*where).group_by(key)
    found = conn.execute(query.order_by(func.count().desc(), key).limit(limit))
    return [Share(str(row[0] or ""), int(row[1])) for row in found]


def _posts_within(first_day: int, last_day: int) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    unit = DAY_MS * _OF_IDS
    return post.c.id >= first_day * unit, post.c.id < (last_day + 1) * unit


def languages(conn: Connection, first_day: int, last_day: int, limit: int) -> list[Share]:
    """Languages of the members who were here."""
    origin = user.join(member_day, member_day.c.account_id == user.c.account_id)
    query = (
        select(user.c.locale, func.count(user.c.account_id.distinct()).label("members"))
        .select_from(origin)
        .where(member_day.c.day >= first_day, member_day.c.day <= last_day)
        .group_by(user.c.locale)
        .order_by(text("members DESC"), user.c.locale)
        .limit(limit)
    )
    return [Share(str(row[0]), int(row[1])) for row in conn.execute(query)]


def sources(conn: Connection, first_day: int, last_day: int, limit: int) -> list[Share]:
    """Apps with which members posted; "" for the pages of this server."""
    origin = post.join(app, app.c.id == post.c.app_id, isouter=True)
    name = func.coalesce(app.c.name, "")
    return shares(conn, origin, name, post.c.local, *_posts_within(first_day, last_day), limit=limit)


def servers(conn: Connection, first_day: int, last_day: int, limit: int) -> list[Share]:
    """Other servers with most posts."""
    origin = post.join(account, account.c.id == post.c.account_id)
    elsewhere = account.c.domain != ""
    return shares(conn, origin, account.c.domain, elsewhere, *_posts_within(first_day, last_day), limit=limit)


def tag_shares(conn: Connection, tag_id: int, what: str, span: tuple[int, int], limit: int) -> list[Share]:
    """`servers` ("" for this one) or `languages` of the posts with a hashtag."""
    origin = post_tag.join(post, post.c.id == post_tag.c.post_id)
    key: ColumnElement[Any] = post.c.language
    if what == "servers":
        origin = origin.join(account, account.c.id == post.c.account_id)
        key = account.c.domain
    return shares(conn, origin, key, post_tag.c.tag_id == tag_id, *_posts_within(*span), limit=limit)


def instance_shares(
    conn: Connection, domain: str, what: str, span: tuple[int, int], limit: int
) -> list[Share]:
    """`accounts` of a domain that members follow most, or `languages` of the posts from there."""
    there = under(account.c.domain, domain)
    if what == "accounts":
        origin = follow.join(account, account.c.id == follow.c.target_id)
        return shares(conn, origin, account.c.username, there, follow.c.accepted, limit=limit)
    origin = post.join(account, account.c.id == post.c.account_id)
    return shares(conn, origin, post.c.language, there, *_posts_within(*span), limit=limit)


def database_bytes(conn: Connection) -> int:
    """How large the database is."""
    if conn.dialect.name == "postgresql":
        return int(conn.scalar(select(func.pg_database_size(func.current_database()))) or 0)
    pages = conn.execute(text("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"))
    return int(pages.scalar_one())


def database_version(conn: Connection) -> str:
    """Which version of the database runs."""
    if conn.dialect.name == "postgresql":
        return str(conn.scalar(text("SHOW server_version"))).split()[0]
    return str(conn.scalar(select(func.sqlite_version())))


def media_bytes(conn: Connection) -> int:
    """How much space the kept files take."""
    return int(conn.scalar(select(func.coalesce(func.sum(media.c.file_bytes), 0))) or 0)


def stays(conn: Connection, first_day: int, last_day: int) -> list[tuple[int, int, int]]:
    """(day of signing up, day of the last visit, how many) of those who signed up within a span."""
    joined, last = user.c.created_at // DAY_MS, user.c.last_active_at // DAY_MS
    query = (
        select(joined.label("joined"), func.coalesce(last, joined).label("last"), func.count())
        .where(user.c.created_at >= first_day * DAY_MS, user.c.created_at < (last_day + 1) * DAY_MS)
        .group_by(text("joined"), text("last"))
    )
    return [(int(row[0]), int(row[1]), int(row[2])) for row in conn.execute(query)]
