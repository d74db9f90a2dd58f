"""Home timelines, written on arrival; and the lists of posts that are queries: public, by tag, by account."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Insert,
    bindparam,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    tuple_,
)

from storage.hot import Hot, insert_row
from storage.paging import Window
from storage.tables import account, block, follow, hashtag, home_entry, media, mute, post, post_tag, user
from storage.types import now_ms

HOME_ENTRIES_MAX = 800
HOME_ENTRIES_ON_FOLLOW = 40


def fan_out(conn: Connection, row: Any, *, boosted: Any = None) -> None:
    """Put a post into the home timeline of every member who follows its author, in one statement.

    A reply reaches those who also follow whom it answers (or are answered themselves); a boost those who want
    boosts from its author and neither block nor mute the one boosted. A direct post reaches nobody this way.
    """
    if row.visibility == "direct":
        return
    parameters: dict[str, Any] = {"post_id": row.id, "author_id": row.account_id, "now": now_ms()}
    answers = row.in_reply_to_account_id is not None and row.in_reply_to_account_id != row.account_id
    if answers:
        parameters["answered_id"] = row.in_reply_to_account_id
    if boosted is not None:
        parameters |= {"boosted_id": boosted.id, "boosted_author_id": boosted.account_id}
    _fan_outs[answers, boosted is not None].run(conn, **parameters)


def _fan_out(*, answers: bool, boosts: bool) -> Insert:
    reader = follow.c.account_id
    post_id: BindParameter[int] = bindparam("post_id")
    now: BindParameter[int] = bindparam("now")
    readers = (
        select(reader, post_id)
        .join(user, user.c.account_id == reader)
        .where(follow.c.target_id == bindparam("author_id"), follow.c.accepted)
        .where(~_mutes(reader, bindparam("author_id"), now))
        .where(~exists().where(home_entry.c.account_id == reader, home_entry.c.post_id == post_id))
    )
    if answers:
        answered = follow.alias("answered")
        answered_id: BindParameter[int] = bindparam("answered_id")
        knows_both = exists().where(
            answered.c.account_id == reader, answered.c.target_id == answered_id, answered.c.accepted
        )
        readers = readers.where(or_(reader == answered_id, knows_both))
    if boosts:
        boosted_author_id: BindParameter[int] = bindparam("boosted_author_id")
        readers = readers.where(
            follow.c.shows_boosts,
            reader != boosted_author_id,
            ~_mutes(reader, boosted_author_id, now),
            ~_blocks(reader, boosted_author_id),
            # What somebody has in their timeline is not shown to them again.
            ~exists().where(
                home_entry.c.account_id == reader, home_entry.c.post_id == bindparam("boosted_id")
            ),
        )
    return insert(home_entry).from_select(["account_id", "post_id"], readers)


def _prepared(*, answers: bool, boosts: bool) -> Hot[Any]:
    return Hot(lambda: _fan_out(answers=answers, boosts=boosts), tuple)


_fan_outs: Final = {
    (answers, boosts): _prepared(answers=answers, boosts=boosts)
    for answers in (False, True)
    for boosts in (False, True)
}


def put_home(conn: Connection, account_id: int, post_id: int) -> None:
    """Into one member's own home timeline; twice is as once."""
    insert_row(conn, home_entry, {"account_id": account_id, "post_id": post_id}, unless_there=True)


def fill_home(conn: Connection, account_id: int, author_id: int) -> None:
    """A new follow brings the author's latest posts."""
    known = exists().where(home_entry.c.account_id == account_id, home_entry.c.post_id == post.c.id)
    latest = (
        select(literal(account_id), post.c.id)
        .where(
            post.c.account_id == author_id,
            post.c.visibility.in_(["public", "unlisted", "followers"]),
            post.c.deleted_at.is_(None),
            or_(post.c.in_reply_to_account_id.is_(None), post.c.in_reply_to_account_id == author_id),
            ~known,
        )
        .order_by(post.c.id.desc())
        .limit(HOME_ENTRIES_ON_FOLLOW)
    )
    conn.execute(insert(home_entry).from_select(["account_id", "post_id"], latest))


def empty_home_of(conn: Connection, account_id: int, author_id: int) -> None:
    """After an unfollow, block or mute: the author's posts and boosts leave, and boosts of the author's posts."""
    boosted = post.alias("boosted")
    theirs = (
        select(post.c.id)
        .outerjoin(boosted, boosted.c.id == post.c.boost_of_id)
        .where(or_(post.c.account_id == author_id, boosted.c.account_id == author_id))
    )
    conn.execute(
        delete(home_entry).where(home_entry.c.account_id == account_id, home_entry.c.post_id.in_(theirs))
    )


def prune_homes(conn: Connection) -> int:
    """Keep the newest `HOME_ENTRIES_MAX` of every member; how many rows went."""
    place = func.row_number().over(partition_by=home_entry.c.account_id, order_by=home_entry.c.post_id.desc())
    ranked = select(home_entry.c.account_id, home_entry.c.post_id, place.label("place")).subquery()
    surplus = select(ranked.c.account_id, ranked.c.post_id).where(ranked.c.place > HOME_ENTRIES_MAX)
    gone = conn.execute(
        delete(home_entry).where(tuple_(home_entry.c.account_id, home_entry.c.post_id).in_(surplus))
    )
    return gone.rowcount


def home(conn: Connection, account_id: int, window: Window) -> list[int]:
    """Ids of the posts in a member's home timeline."""
    query = select(home_entry.c.post_id).where(home_entry.c.account_id == account_id)
    return [row.post_id for row in window.rows(conn, query, home_entry.c.post_id)]


def by_tag(
    conn: Connection,
    keys: list[str],
    window: Window,
    *,
    all_keys: list[str] | None = None,
    none_keys: list[str] | None = None,
    local: bool = False,
    remote: bool = False,
    only_media: bool = False,
    viewer_id: int | None = None,
) -> list[int]:
    """Ids of public posts with any of `keys`, all of `all_keys`, none of `none_keys` (folded hashtags)."""
    query = (
        select(post.c.id)
        .join(account, account.c.id == post.c.account_id)
        .where(
            post.c.visibility == "public",
            post.c.kind != "boost",
            post.c.deleted_at.is_(None),
            account.c.suspended_at.is_(None),
            account.c.limited_at.is_(None),
            _tagged(keys),
        )
    )
    for key in all_keys or ():
        query = query.where(_tagged([key]))
    if none_keys:
        query = query.where(~_tagged(none_keys))
    if local:
        query = query.where(post.c.local)
    if remote:
        query = query.where(post.c.local.is_(False))
    query = _narrow(query, only_media=only_media, viewer_id=viewer_id)
    return [row.id for row in window.rows(conn, query, post.c.id)]


def _narrow(query: Any, *, only_media: bool, viewer_id: int | None) -> Any:
    if only_media:
        query = query.where(exists().where(media.c.post_id == post.c.id))
    if viewer_id is not None:
        query = query.where(
            ~_mutes(literal(viewer_id), post.c.account_id),
            ~_blocks(literal(viewer_id), post.c.account_id),
            ~_blocks(post.c.account_id, literal(viewer_id)),
        )
    return query


def _tagged(keys: list[str]) -> ColumnElement[bool]:
    tags = select(hashtag.c.id).where(hashtag.c.key.in_(keys))
    return exists().where(post_tag.c.post_id == post.c.id, post_tag.c.tag_id.in_(tags))


def _mutes(viewer: Any, target: Any, now: Any = None) -> ColumnElement[bool]:
    return exists().where(
        mute.c.account_id == viewer,
        mute.c.target_id == target,
        or_(mute.c.expires_at.is_(None), mute.c.expires_at > (now_ms() if now is None else now)),
    )


def _blocks(viewer: Any, target: Any) -> ColumnElement[bool]:
    return exists().where(block.c.account_id == viewer, block.c.target_id == target)
