"""Other servers' old posts: which of them nobody here has made anything of, and what hangs on a post, a part at a time.

It is decided by thread: where one post is kept, its whole discussion is, so that nobody is left with answers to nothing.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Select,
    bindparam,
    case,
    delete,
    exists,
    func,
    or_,
    select,
    tuple_,
    update,
)

from storage.hot import Hot
from storage.tables import (
    account,
    archive_post,
    bookmark,
    dislike,
    draft,
    filter_post,
    follow,
    home_entry,
    like,
    list_account,
    list_entry,
    media,
    membership,
    mention,
    notification,
    pin,
    poll_vote,
    post,
    post_tag,
    quote,
    remote_file,
    report,
    revision,
    scheduled_post,
    thread_read,
    user,
)
from storage.types import AnyOf

STEP_ROWS: Final = 200
KINDS: Final = ("note", "article", "question", "page")
"""Resources, events and what is told of them are no passing talk: they stay."""
VISIBILITIES: Final = ("public", "unlisted", "followers")
_REPLY_DRAFT: Final = "reply:"

# What there can be any number of for one post, and nothing but the post needs.
_HANGING: Final[tuple[Column[Any], ...]] = (
    home_entry.c.post_id,
    list_entry.c.post_id,
    like.c.post_id,
    dislike.c.post_id,
    notification.c.post_id,
    bookmark.c.post_id,
    pin.c.post_id,
    poll_vote.c.post_id,
    revision.c.post_id,
    thread_read.c.thread_id,
    filter_post.c.post_id,
)
_POINTING: Final[tuple[Column[Any], ...]] = (post.c.in_reply_to_id, quote.c.quoted_id)


class Old(NamedTuple):
    """A post that may be too old to keep."""

    id: int
    thread_id: int
    created_at: int
    host: str


def old_posts(conn: Connection, before_ms: int, after_id: int) -> list[Old]:
    """The next of other servers' posts that were written and last read before this instant, in the order of their ids."""
    query = (
        select(post.c.id, post.c.thread_id, post.c.created_at, account.c.host)
        .join(account, account.c.id == post.c.account_id)
        .where(post.c.id > after_id, _is_old(post, before_ms))
        .order_by(post.c.id)
        .limit(STEP_ROWS)
    )
    return [Old._make(row) for row in conn.execute(query)]


def _is_old(table: Any, before_ms: int) -> ColumnElement[bool]:
    old: ColumnElement[bool] = (
        ~table.c.local
        & table.c.boost_of_id.is_(None)
        & table.c.kind.in_(KINDS)
        & table.c.visibility.in_(VISIBILITIES)
        & (table.c.created_at < before_ms)
        & or_(table.c.fetched_at.is_(None), table.c.fetched_at < before_ms)
    )
    return old


def kept_threads(
    conn: Connection, thread_ids: Collection[int], before_ms: int, needed: Collection[int] = ()
) -> set[int]:
    """Those of these threads in which something is young or of this server, or that somebody here has made something of:
    liked, boosted, bookmarked, answered, quoted, voted, pinned; that names a member, is in a group that is known to
    members, or by somebody in a member's list. `needed` are posts that something else needs (see `needed`)."""
    if not thread_ids:
        return set()
    threads = post.c.thread_id.in_(list(thread_ids))
    member = account.c.domain == ""
    boost, quoting, author = post.alias("boost"), post.alias("quoting"), account.alias("author")
    by_member = exists().where(account.c.id == like.c.account_id, member)
    here = select(post.c.thread_id).where(threads)
    queries: list[Select[Any]] = [
        here.where(~_is_old(post, before_ms) & post.c.boost_of_id.is_(None)),
        here.where(post.c.group_id.is_not(None), _known_group()),
        here.join(like, like.c.post_id == post.c.id).where(by_member),
        here.join(dislike, dislike.c.post_id == post.c.id).where(
            exists().where(account.c.id == dislike.c.account_id, member)
        ),
        here.join(poll_vote, poll_vote.c.post_id == post.c.id).where(
            exists().where(account.c.id == poll_vote.c.account_id, member)
        ),
        here.join(mention, mention.c.post_id == post.c.id).where(
            exists().where(account.c.id == mention.c.account_id, member)
        ),
        here.join(bookmark, bookmark.c.post_id == post.c.id),
        here.join(pin, pin.c.post_id == post.c.id),
        here.join(archive_post, archive_post.c.post_id == post.c.id),
        here.join(list_account, list_account.c.account_id == post.c.account_id),
        here.join(boost, boost.c.boost_of_id == post.c.id).where(
            or_(boost.c.local, boost.c.created_at >= before_ms)
        ),
        here.join(quote, quote.c.quoted_id == post.c.id)
        .join(quoting, quoting.c.id == quote.c.post_id)
        .join(author, author.c.id == quoting.c.account_id)
        .where(or_(quoting.c.local, author.c.domain == "", quoting.c.created_at >= before_ms)),
    ]
    if needed:
        queries.append(here.where(post.c.id.in_(list(needed))))
    return {int(one) for query in queries for one in conn.scalars(query.distinct())}


def _known_group() -> ColumnElement[bool]:
    """The post is in a group of this server, or in one that a member is in or follows."""
    ours = exists().where(account.c.id == post.c.group_id, account.c.domain == "")
    followed = (
        exists()
        .where(follow.c.target_id == post.c.group_id, user.c.account_id == follow.c.account_id)
        .correlate(post)
    )
    belongs = (
        exists()
        .where(membership.c.group_id == post.c.group_id, user.c.account_id == membership.c.account_id)
        .correlate(post)
    )
    return or_(ours, followed, belongs)


def needed(conn: Connection) -> set[int]:
    """Posts that an open report is about, and those that members are writing an answer to."""
    found = {
        int(one)
        for text in conn.scalars(select(report.c.post_ids).where(report.c.resolved_at.is_(None)))
        for one in json.loads(text)
    }
    for key in conn.scalars(select(draft.c.key).where(draft.c.key.startswith(_REPLY_DRAFT))):
        found.add(int(key.removeprefix(_REPLY_DRAFT)))
    for text in conn.scalars(select(scheduled_post.c.draft)):
        answered = json.loads(text).get("in_reply_to_id")
        if answered is not None:
            found.add(int(answered))
    return found


def by_ids(conn: Connection, post_ids: Iterable[int]) -> list[Any]:
    """The rows of posts."""
    return list(conn.execute(select(post).where(post.c.id.in_(list(post_ids))).order_by(post.c.id)))


def boosts_of(conn: Connection, post_ids: Sequence[int], limit: int) -> list[Any]:
    """Some of the boosts of these posts."""
    return list(conn.execute(select(post).where(post.c.boost_of_id.in_(list(post_ids))).limit(limit)))


_there: Hot[Any] = Hot(
    lambda: select(
        *(
            select(column).where(AnyOf(column, bindparam("ids"))).exists().label(f"there_{number}")
            for number, column in enumerate((*_HANGING, *_POINTING))
        )
    ),
    tuple,
)


def clear_some(conn: Connection, post_ids: Sequence[int], limit: int) -> int:
    """Take away no more than `limit` rows that hang on posts that are going, or let them point nowhere; how many. Less than
    `limit` says that there is no more."""
    there = _there.first(conn, ids=list(post_ids)) if post_ids else ()
    left = limit
    for column, is_there in zip((*_HANGING, *_POINTING), there, strict=True) if there else ():
        if left <= 0:
            break
        if not is_there:
            continue
        table = column.table
        keys = list(table.primary_key)
        some = select(*keys).where(column.in_(list(post_ids))).limit(left)
        among = keys[0].in_(some) if len(keys) == 1 else tuple_(*keys).in_(some)
        if column in _HANGING:
            done = conn.execute(delete(table).where(among))
        else:
            done = conn.execute(update(table).where(among).values({column.name: None}))
        left -= done.rowcount
    return limit - left


def weights(conn: Connection, post_ids: Sequence[int]) -> dict[int, int]:
    """How many rows go with each of these posts beside those that `clear_some` takes away; some are left out that have none."""
    found: Counter[int] = Counter()
    for column in (mention.c.post_id, post_tag.c.post_id, media.c.post_id):
        query = select(column, func.count()).where(column.in_(list(post_ids))).group_by(column)
        for post_id, count in conn.execute(query):
            found[post_id] += count
    return found


def drop_media(conn: Connection, post_ids: Sequence[int]) -> None:
    """Posts that are going show no files any more: what is only named goes, files of this server stay with their owners."""
    among = media.c.post_id.in_(list(post_ids))
    conn.execute(delete(media).where(among, media.c.store_key == "", media.c.remote_url != ""))
    conn.execute(update(media).where(among).values(post_id=None, position=0))


def remove_plain(conn: Connection, rows: Sequence[Any]) -> None:
    """Remove notes and boosts together as `posts.remove` and the end of a boost do one, where nothing hangs on them any more; what
    told of the boosts goes when their account does."""
    counted = [row for row in rows if row.visibility != "group"]
    answered = (row.in_reply_to_id for row in rows if row.in_reply_to_id is not None)
    boosted = (row.boost_of_id for row in rows if row.boost_of_id is not None)
    _count_down(conn, account.c.posts_count, Counter(row.account_id for row in counted))
    _count_down(conn, post.c.replies_count, Counter(answered))
    _count_down(conn, post.c.boosts_count, Counter(boosted))
    conn.execute(delete(post).where(post.c.id.in_([row.id for row in rows])))


def _count_down(conn: Connection, count: Column[int], by: Counter[int]) -> None:
    several: dict[int, list[int]] = {}
    for row_id, number in by.items():
        several.setdefault(number, []).append(row_id)
    for number, row_ids in several.items():
        fewer = case((count > number, count - number), else_=0)
        conn.execute(update(count.table).where(count.table.c.id.in_(row_ids)).values({count.name: fewer}))


def old_copies(conn: Connection, before_ms: int) -> tuple[int, int]:
    """How many copies of other servers' files were fetched before this instant, and how many bytes they take."""
    query = select(func.count(), func.coalesce(func.sum(remote_file.c.file_bytes), 0))
    row = conn.execute(query.where(remote_file.c.fetched_at < before_ms, remote_file.c.state == "kept")).one()
    return int(row[0]), int(row[1])
