"""Posts: look-ups, writing, threads, revisions, tags, mentions, polls. Who may see one is `fedserver.visibility`'s."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, case, delete, func, insert, select, update

from storage.hot import Hot, insert_kept, insert_row, insert_rows
from storage.signals import signal
from storage.tables import (
    account,
    hashtag,
    media,
    mention,
    poll,
    poll_option,
    poll_vote,
    post,
    post_source,
    post_tag,
    quote,
    revision,
)
from storage.types import AnyOf, new_id, now_ms

# Attributes are the table's columns.
PostRow = Any

REPLIES_SHOWN_MAX = 4_000
_SAY_WHO_SEES = frozenset({"visibility", "group_id", "deleted_at"})
# Answers that a post counts: whoever sees the post sees most of them.
_COUNTED = ("public", "unlisted", "followers", "group")


_by_id: Hot[PostRow] = Hot(lambda: select(post).where(post.c.id == bindparam("id")))
_by_uri: Hot[PostRow] = Hot(lambda: select(post).where(post.c.uri == bindparam("uri")))
_mentioned: Hot[Any] = Hot(
    lambda: (
        select(mention.c.post_id, mention.c.silent, account)
        .join(account, account.c.id == mention.c.account_id)
        .where(AnyOf(mention.c.post_id, bindparam("post_ids")))
        .order_by(mention.c.account_id)
    )
)
_tags: Hot[Any] = Hot(
    lambda: (
        select(post_tag.c.post_id, hashtag.c.key, hashtag.c.name)
        .join(hashtag, hashtag.c.id == post_tag.c.tag_id)
        .where(AnyOf(post_tag.c.post_id, bindparam("post_ids")))
        .order_by(hashtag.c.key)
    )
)
MEDIA: Hot[Any] = Hot(
    lambda: (
        select(media)
        .where(AnyOf(media.c.post_id, bindparam("post_ids")))
        .order_by(media.c.post_id, media.c.position, media.c.id)
    )
)
_polls: Hot[Any] = Hot(lambda: select(poll).where(AnyOf(poll.c.post_id, bindparam("post_ids"))))
_poll_options: Hot[Any] = Hot(
    lambda: (
        select(poll_option)
        .where(AnyOf(poll_option.c.post_id, bindparam("post_ids")))
        .order_by(poll_option.c.post_id, poll_option.c.position)
    )
)
_tags_named: Hot[Any] = Hot(lambda: select(hashtag).where(AnyOf(hashtag.c.key, bindparam("keys"))))
_orphans: Hot[Any] = Hot(
    lambda: select(post.c.id, post.c.thread_id).where(
        post.c.in_reply_to_uri == bindparam("uri"), post.c.in_reply_to_id.is_(None)
    )
)


def by_post(rows: Iterable[Any]) -> dict[int, list[Any]]:
    """Rows by their `post_id`."""
    found: dict[int, list[Any]] = {}
    for row in rows:
        found.setdefault(row.post_id, []).append(row)
    return found


def lock(conn: Connection, post_id: int) -> None:
    """Have other units that lock this post wait until this one ends."""
    conn.execute(select(post.c.id).where(post.c.id == post_id).with_for_update()).first()


def by_id(conn: Connection, post_id: int) -> PostRow | None:
    return _by_id.first(conn, id=post_id)


def by_ids(conn: Connection, post_ids: Iterable[int]) -> dict[int, PostRow]:
    """Those that exist, by id."""
    wanted = set(post_ids)
    if not wanted:
        return {}
    return {row.id: row for row in conn.execute(select(post).where(post.c.id.in_(wanted)))}


def by_uri(conn: Connection, uri: str) -> PostRow | None:
    return _by_uri.first(conn, uri=uri)


def by_uri_or_url(conn: Connection, address: str) -> PostRow | None:
    """The post that a member means when pasting its address."""
    found = by_uri(conn, address)
    return found or conn.execute(select(post).where(post.c.url == address, post.c.kind != "boost")).first()


def insert_post(conn: Connection, *, post_id: int, **columns: Any) -> PostRow:
    """A new row; `columns` are those of the table. Its parent's count of replies goes up."""
    row = insert_kept(conn, post, {"id": post_id, **columns})
    parent_id = columns.get("in_reply_to_id")
    if parent_id is not None and columns["visibility"] in _COUNTED:
        answer_given(conn, parent_id)
    return row


def answer_given(conn: Connection, parent_id: int) -> None:
    """A post has one more answer."""
    conn.execute(update(post).where(post.c.id == parent_id).values(replies_count=post.c.replies_count + 1))


def answer_taken_away(conn: Connection, row: PostRow) -> None:
    """A post no longer answers what `row` says."""
    conn.execute(
        update(post)
        .where(post.c.id == row.in_reply_to_id, post.c.replies_count > 0)
        .values(replies_count=post.c.replies_count - 1)
    )


def change(conn: Connection, post_id: int, **columns: Any) -> None:
    """Set columns; whatever shows the post is rendered anew."""
    conn.execute(update(post).where(post.c.id == post_id).values(version=post.c.version + 1, **columns))
    if not _SAY_WHO_SEES.isdisjoint(columns):
        signal(conn, "resource", str(post_id))  # it may be one, and others find it now


def put_into_group(conn: Connection, post_id: int, group_id: int) -> bool:
    """A post that was in no group is in this one. Whether it was in none: of two units that find it out at once only one
    has to count it."""
    free = update(post).where(post.c.id == post_id, post.c.group_id.is_(None))
    if not conn.execute(free.values(version=post.c.version + 1, group_id=group_id)).rowcount:
        return False
    signal(conn, "resource", str(post_id))
    return True


def remove(conn: Connection, row: PostRow) -> None:
    """Take a post away for good, and with it its likes, boosts, mentions, media links and notifications."""
    if row.in_reply_to_id is not None and row.visibility in _COUNTED:
        answer_taken_away(conn, row)
    if row.visibility != "group":
        conn.execute(
            update(account)
            .where(account.c.id == row.account_id, account.c.posts_count > 0)
            .values(posts_count=account.c.posts_count - 1)
        )
    if row.quote_uri:
        quoted = select(quote.c.quoted_id).where(quote.c.post_id == row.id, quote.c.state == "accepted")
        conn.execute(
            update(post)
            .where(post.c.id == quoted.scalar_subquery(), post.c.quotes_count > 0)
            .values(quotes_count=post.c.quotes_count - 1)
        )
    conn.execute(delete(post).where(post.c.id == row.id))


def add_to_counts(conn: Connection, post_id: int, *, likes: int = 0, boosts: int = 0) -> None:
    """Move the counts that a post shows; they never fall below nought."""
    changes = {
        column.name: case((column + delta > 0, column + delta), else_=0)
        for column, delta in ((post.c.likes_count, likes), (post.c.boosts_count, boosts))
        if delta
    }
    if changes:
        conn.execute(update(post).where(post.c.id == post_id).values(**changes))


# -- the original document


def put_source(conn: Connection, post_id: int, body: bytes) -> None:
    """Keep the document as its origin sent it."""
    if not insert_row(conn, post_source, {"post_id": post_id, "body": body}, unless_there=True):
        conn.execute(update(post_source).where(post_source.c.post_id == post_id).values(body=body))


def source(conn: Connection, post_id: int) -> bytes | None:
    return conn.scalar(select(post_source.c.body).where(post_source.c.post_id == post_id))


# -- threads


def adopt_orphans(conn: Connection, row: PostRow) -> int:
    """Hang the replies that arrived before this post under it, and move their threads into its own; how many."""
    orphans = _orphans.run(conn, uri=row.uri)
    for orphan in orphans:
        conn.execute(
            update(post)
            .where(post.c.id == orphan.id)
            .values(in_reply_to_id=row.id, in_reply_to_account_id=row.account_id, version=post.c.version + 1)
        )
        conn.execute(update(post).where(post.c.thread_id == orphan.thread_id).values(thread_id=row.thread_id))
    if orphans:
        conn.execute(
            update(post).where(post.c.id == row.id).values(replies_count=post.c.replies_count + len(orphans))
        )
    return len(orphans)


def ids_of_thread(conn: Connection, thread_id: int) -> list[int]:
    """Every post of a thread."""
    return list(conn.scalars(select(post.c.id).where(post.c.thread_id == thread_id).order_by(post.c.id)))


def last_of_thread(conn: Connection, thread_id: int) -> int | None:
    """The newest post of a thread."""
    newest: int | None = conn.scalar(select(func.max(post.c.id)).where(post.c.thread_id == thread_id))
    return newest


# -- mentions and tags


def put_mentions(
    conn: Connection,
    post_id: int,
    account_ids: Iterable[int],
    silent_ids: Iterable[int] = (),
    *,
    new: bool = False,
) -> None:
    """Exactly these are mentioned; `silent_ids` are addressed without being named. A `new` post has none yet."""
    if not new:
        conn.execute(delete(mention).where(mention.c.post_id == post_id))
    named = list(dict.fromkeys(account_ids))
    silent = [one for one in dict.fromkeys(silent_ids) if one not in named]
    rows = [{"post_id": post_id, "account_id": one, "silent": False} for one in named]
    rows += [{"post_id": post_id, "account_id": one, "silent": True} for one in silent]
    insert_rows(conn, mention, rows)


def mentioned(conn: Connection, post_ids: Iterable[int]) -> dict[int, list[Any]]:
    """By post: rows of (post_id, silent, account columns…)."""
    return by_post(_mentioned.run(conn, post_ids=list(post_ids)))


def put_tags(conn: Connection, post_id: int, tags: Mapping[str, str], *, new: bool = False) -> Sequence[Any]:
    """Exactly these hashtags: folded key to the name as written. A `new` post has none yet. Their rows, in order."""
    if not new:
        conn.execute(delete(post_tag).where(post_tag.c.post_id == post_id))
    if not tags:
        return ()
    known = _tags_kept(conn, tags)
    insert_rows(conn, post_tag, [{"post_id": post_id, "tag_id": known[key].id} for key in tags])
    return [known[key] for key in sorted(tags)]


def tag_ids(conn: Connection, tags: Mapping[str, str]) -> dict[str, int]:
    """Ids of these hashtags (folded key to the name as written), made where they are not there yet, by key."""
    return {key: row.id for key, row in _tags_kept(conn, tags).items()}


def _tags_kept(conn: Connection, tags: Mapping[str, str]) -> dict[str, Any]:
    known = {row.key: row for row in _tags_named.run(conn, keys=list(tags))}
    missing = [key for key in tags if key not in known]
    for key in missing:
        insert_row(conn, hashtag, {"id": new_id(), "key": key, "name": tags[key]}, unless_there=True)
    if missing:  # as they are now: another process may have named one first
        known |= {row.key: row for row in _tags_named.run(conn, keys=missing)}
    return known


def tags_of(conn: Connection, post_ids: Iterable[int]) -> dict[int, list[Any]]:
    """By post: rows of (post_id, key, name)."""
    return by_post(_tags.run(conn, post_ids=list(post_ids)))


# -- media


def media_of(conn: Connection, post_ids: Iterable[int]) -> dict[int, list[Any]]:
    """By post: its attachments in order."""
    return by_post(MEDIA.run(conn, post_ids=list(post_ids)))


# -- revisions


def add_revision(
    conn: Connection,
    row: PostRow,
    *,
    media_shown: Sequence[Mapping[str, Any]] = (),
    poll_options: Sequence[str] = (),
) -> None:
    """Keep what the post says now, before it is changed."""
    conn.execute(
        insert(revision).values(
            id=new_id(),
            post_id=row.id,
            title=row.title,
            content_html=row.content_html,
            summary=row.summary,
            sensitive=row.sensitive,
            emojis=row.emojis,
            media=json.dumps(list(media_shown), ensure_ascii=False),
            poll_options=json.dumps(list(poll_options), ensure_ascii=False),
            created_at=row.edited_at or row.created_at,
        )
    )


def revisions(conn: Connection, post_id: int) -> list[Row[Any]]:
    """What it said before, oldest first."""
    return list(conn.execute(select(revision).where(revision.c.post_id == post_id).order_by(revision.c.id)))


# -- polls


def put_poll(
    conn: Connection,
    post_id: int,
    *,
    options: Sequence[tuple[str, int]],
    multiple: bool,
    hide_totals: bool = False,
    expires_at: int | None,
    closed_at: int | None = None,
    voters_count: int | None = 0,
) -> None:
    """The poll of a post, with (title, votes) by position; replaces one that was there, votes included."""
    remove_poll(conn, post_id)
    conn.execute(
        insert(poll).values(
            post_id=post_id,
            multiple=multiple,
            hide_totals=hide_totals,
            expires_at=expires_at,
            closed_at=closed_at,
            voters_count=voters_count,
        )
    )
    conn.execute(
        insert(poll_option),
        [
            {"post_id": post_id, "position": position, "title": title, "votes_count": votes}
            for position, (title, votes) in enumerate(options)
        ],
    )


def set_poll_counts(
    conn: Connection,
    post_id: int,
    votes: Sequence[int],
    *,
    voters_count: int | None,
    expires_at: int | None,
    closed_at: int | None,
) -> None:
    """The counts as the poll's origin gives them."""
    for position, count in enumerate(votes):
        conn.execute(
            update(poll_option)
            .where(poll_option.c.post_id == post_id, poll_option.c.position == position)
            .values(votes_count=count)
        )
    conn.execute(
        update(poll)
        .where(poll.c.post_id == post_id)
        .values(voters_count=voters_count, expires_at=expires_at, closed_at=closed_at)
    )


def polls_of(conn: Connection, post_ids: Iterable[int]) -> dict[int, Any]:
    """By post: its poll row."""
    return {row.post_id: row for row in _polls.run(conn, post_ids=list(post_ids))}


def poll_options_of(conn: Connection, post_ids: Iterable[int]) -> dict[int, list[Any]]:
    """By post: options in order."""
    return by_post(_poll_options.run(conn, post_ids=list(post_ids)))


def votes_of(conn: Connection, account_id: int, post_ids: Iterable[int]) -> dict[int, list[int]]:
    """By post: the positions this account chose."""
    found: dict[int, list[int]] = {}
    wanted = list(post_ids)
    if wanted:
        query = select(poll_vote.c.post_id, poll_vote.c.position).where(
            poll_vote.c.account_id == account_id, poll_vote.c.post_id.in_(wanted)
        )
        for row in conn.execute(query.order_by(poll_vote.c.position)):
            found.setdefault(row.post_id, []).append(row.position)
    return found


def add_vote(conn: Connection, post_id: int, account_id: int, position: int, uri: str = "") -> bool:
    """Count one choice; False when it had been counted. A voter's first choice counts the voter too."""
    chosen = votes_of(conn, account_id, [post_id]).get(post_id, [])
    if position in chosen:
        return False
    conn.execute(insert(poll_vote).values(post_id=post_id, account_id=account_id, position=position, uri=uri))
    conn.execute(
        update(poll_option)
        .where(poll_option.c.post_id == post_id, poll_option.c.position == position)
        .values(votes_count=poll_option.c.votes_count + 1)
    )
    if not chosen:
        conn.execute(
            update(poll)
            .where(poll.c.post_id == post_id)
            .values(voters_count=func.coalesce(poll.c.voters_count, 0) + 1)
        )
    return True


def close_poll(conn: Connection, post_id: int, at_ms: int | None = None) -> None:
    conn.execute(update(poll).where(poll.c.post_id == post_id).values(closed_at=at_ms or now_ms()))


def poll_counted(conn: Connection, post_id: int, at_ms: int) -> None:
    """Note when followers elsewhere were last told the counts."""
    conn.execute(update(poll).where(poll.c.post_id == post_id).values(counted_at=at_ms))


def voters(conn: Connection, post_id: int) -> list[int]:
    """Who voted."""
    return list(conn.scalars(select(poll_vote.c.account_id).where(poll_vote.c.post_id == post_id).distinct()))


# -- those who carry it on


def boosts_of(conn: Connection, post_id: int) -> list[PostRow]:
    """Every boost of a post."""
    return list(conn.execute(select(post).where(post.c.boost_of_id == post_id)))


def local_boosters(conn: Connection, post_id: int) -> list[int]:
    """The members who boosted a post."""
    query = select(post.c.account_id).where(post.c.boost_of_id == post_id, post.c.local)
    return list(conn.scalars(query))


def remove_poll(conn: Connection, post_id: int) -> None:
    """The post is none with a poll any more; its votes go too."""
    for table in (poll_vote, poll_option, poll):
        conn.execute(delete(table).where(table.c.post_id == post_id))
