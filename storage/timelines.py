"""Timelines written on arrival, of members' homes and of their lists: what enters them, and what leaves.

How they are read is `fedserver.timelines`; whether a post may still be seen is asked there each time.
"""

from __future__ import annotations

from itertools import product
from typing import Any, Final

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    FromClause,
    Insert,
    Select,
    Table,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    tuple_,
    union,
)

from storage.hot import Hot, insert_row
from storage.paging import Window
from storage.relationships import hides, mutes
from storage.tables import (
    account,
    follow,
    home_entry,
    list_account,
    list_entry,
    member_list,
    post,
    post_tag,
    tag_follow,
    user,
)
from storage.types import now_ms

HOME_ENTRIES_MAX = 800
PRUNED_PER_UNIT = 500
HOME_ENTRIES_ON_FOLLOW = 40


def fan_out(conn: Connection, row: Any, *, boosted: Any = None, own: bool = False) -> None:
    """Put a post into the home timeline of every member who follows its author, or one of its hashtags, and into
    the lists that its author is in: two statements, whoever there is.

    A reply reaches those who also follow whom it answers (or are answered themselves), a list those whom its
    `replies_policy` names; a boost those who want boosts from its author and do not hide the one boosted. Only
    a public post reaches those who follow its hashtags, who may not hide its author. Nobody is shown posts in
    languages they did not ask for, or at home those of people in an exclusive list. A direct post reaches nobody
    this way. With `own` it also comes into its author's home timeline, to which it is new.
    """
    if row.visibility == "direct":
        return
    parameters: dict[str, Any] = {
        "post_id": row.id,
        "author_id": row.account_id,
        "now": now_ms(),
        "language": f'"{row.language.partition("-")[0]}' if row.language else "",
    }
    answers = row.in_reply_to_account_id is not None and row.in_reply_to_account_id != row.account_id
    if answers:
        parameters["answered_id"] = row.in_reply_to_account_id
    if boosted is not None:
        parameters |= {"boosted_id": boosted.id, "boosted_author_id": boosted.account_id}
    tagged = boosted is None and row.visibility == "public"
    _to_homes[answers, boosted is not None, tagged, own].run(conn, **parameters)
    _to_lists[answers, boosted is not None].run(conn, **parameters)


def _into_homes(*, answers: bool, boosts: bool, tagged: bool, own: bool) -> Insert:
    reader = follow.c.account_id
    post_id, author_id, now = _id("post_id"), _id("author_id"), _id("now")
    readers = (
        select(reader, post_id)
        .join(user, user.c.account_id == reader)
        .where(
            follow.c.target_id == author_id,
            follow.c.accepted,
            _speaks(follow),
            ~mutes(reader, author_id, now),
            ~_has_in_exclusive_list(reader, author_id),
            ~_is_in_home(reader, post_id),
        )
    )
    if answers:
        answered_id = _id("answered_id")
        readers = readers.where(or_(reader == answered_id, _follows(reader, answered_id)))
    if boosts:
        boosted_author_id = _id("boosted_author_id")
        readers = readers.where(
            follow.c.shows_boosts,
            reader != boosted_author_id,
            ~hides(reader, boosted_author_id, _domain_of(boosted_author_id), now),
            # What somebody has in their timeline is not shown to them again.
            ~_is_in_home(reader, _id("boosted_id")),
        )
    sources: list[Any] = [readers]
    if tagged:
        sources.append(_followers_of_tags(post_id, author_id, now))
    if own:
        sources.append(select(author_id, post_id))
    entries = union(*sources) if len(sources) > 1 else readers
    return insert(home_entry).from_select(["account_id", "post_id"], entries)


def _followers_of_tags(post_id: Any, author_id: Any, now: Any) -> Select[Any]:
    reader = tag_follow.c.account_id
    return (
        select(reader, post_id)
        .join(post_tag, post_tag.c.tag_id == tag_follow.c.tag_id)
        .where(
            post_tag.c.post_id == post_id,
            reader != author_id,
            ~hides(reader, author_id, _domain_of(author_id), now),
            ~_has_in_exclusive_list(reader, author_id),
            ~_is_in_home(reader, post_id),
        )
    )


def _into_lists(*, answers: bool, boosts: bool) -> Insert:
    owner = member_list.c.account_id
    post_id, author_id, now = _id("post_id"), _id("author_id"), _id("now")
    lists = (
        select(member_list.c.id, post_id)
        .join(list_account, list_account.c.list_id == member_list.c.id)
        .join(follow, follow.c.id == list_account.c.follow_id, isouter=True)
        .where(
            list_account.c.account_id == author_id,
            or_(owner == author_id, and_(follow.c.accepted, _speaks(follow))),
            ~mutes(owner, author_id, now),
            ~_is_in_list(member_list.c.id, post_id),
        )
    )
    if answers:
        answered_id = _id("answered_id")
        other = list_account.alias("other")
        lists = lists.where(
            or_(
                owner == answered_id,
                and_(member_list.c.replies_policy == "followed", _follows(owner, answered_id)),
                and_(
                    member_list.c.replies_policy == "list",
                    exists().where(other.c.list_id == member_list.c.id, other.c.account_id == answered_id),
                ),
            )
        )
    if boosts:
        boosted_author_id = _id("boosted_author_id")
        lists = lists.where(
            or_(owner == author_id, follow.c.shows_boosts),
            owner != boosted_author_id,
            ~hides(owner, boosted_author_id, _domain_of(boosted_author_id), now),
            ~_is_in_list(member_list.c.id, _id("boosted_id")),
        )
    return insert(list_entry).from_select(["list_id", "post_id"], lists)


def _id(name: str) -> BindParameter[int]:
    return bindparam(name, type_=post.c.id.type)


def _speaks(followed: FromClause) -> ColumnElement[bool]:
    """Whether the post is in a language that the follower wants from its author."""
    languages, language = followed.c.languages, bindparam("language", type_=follow.c.languages.type)
    # Not LIKE: SQLite would plan the statement anew for each value of its pattern.
    return or_(languages == "[]", language == "", func.replace(languages, language, "") != languages)


def _follows(reader: Any, target_id: Any) -> ColumnElement[bool]:
    other = follow.alias("other_follow")
    return exists().where(other.c.account_id == reader, other.c.target_id == target_id, other.c.accepted)


def _is_in_home(reader: Any, post_id: Any) -> ColumnElement[bool]:
    return exists().where(home_entry.c.account_id == reader, home_entry.c.post_id == post_id)


def _is_in_list(list_id: Any, post_id: Any) -> ColumnElement[bool]:
    return exists().where(list_entry.c.list_id == list_id, list_entry.c.post_id == post_id)


def _has_in_exclusive_list(reader: Any, author_id: Any) -> ColumnElement[bool]:
    return exists(
        select(literal(1))
        .select_from(list_account)
        .join(member_list, member_list.c.id == list_account.c.list_id)
        .where(
            list_account.c.account_id == author_id,
            member_list.c.account_id == reader,
            member_list.c.exclusive,
        )
    )


def _domain_of(account_id: Any) -> Any:
    one = account.alias("of_domain")
    return select(one.c.domain).where(one.c.id == account_id).scalar_subquery()


def _homes(answers: bool, boosts: bool, tagged: bool, own: bool) -> Hot[Any]:
    return Hot(lambda: _into_homes(answers=answers, boosts=boosts, tagged=tagged, own=own), tuple)


def _lists(answers: bool, boosts: bool) -> Hot[Any]:
    return Hot(lambda: _into_lists(answers=answers, boosts=boosts), tuple)


_EITHER: Final = (False, True)
_to_homes: Final = {key: _homes(*key) for key in product(_EITHER, repeat=4)}
_to_lists: Final = {(a, b): _lists(a, b) for a in _EITHER for b in _EITHER}


def put_home(conn: Connection, account_id: int, post_id: int) -> None:
    """Into one member's own home timeline; twice is as once."""
    insert_row(conn, home_entry, {"account_id": account_id, "post_id": post_id}, unless_there=True)


def fill_home(conn: Connection, account_id: int, author_id: int) -> None:
    """A new follow, or the end of a mute, brings the author's latest posts; so it does to the lists they are in."""
    exclusive = conn.scalar(select(_has_in_exclusive_list(account_id, author_id)))
    latest = _latest_of(author_id)
    if not exclusive:
        known = _is_in_home(account_id, latest.c.id)
        entries = select(literal(account_id), latest.c.id).where(~known)
        conn.execute(insert(home_entry).from_select(["account_id", "post_id"], entries))
    lists = (
        select(list_account.c.list_id)
        .join(member_list, member_list.c.id == list_account.c.list_id)
        .where(member_list.c.account_id == account_id, list_account.c.account_id == author_id)
    )
    for list_id in conn.scalars(lists).all():
        fill_list(conn, list_id, author_id)


def fill_list(conn: Connection, list_id: int, author_id: int) -> None:
    """Somebody new in a list brings their latest posts."""
    latest = _latest_of(author_id)
    entries = select(literal(list_id), latest.c.id).where(~_is_in_list(list_id, latest.c.id))
    conn.execute(insert(list_entry).from_select(["list_id", "post_id"], entries))


def _latest_of(author_id: int) -> Any:
    return (
        select(post.c.id)
        .where(
            post.c.account_id == author_id,
            post.c.visibility.in_(["public", "unlisted", "followers"]),
            post.c.deleted_at.is_(None),
            or_(post.c.in_reply_to_account_id.is_(None), post.c.in_reply_to_account_id == author_id),
        )
        .order_by(post.c.id.desc())
        .limit(HOME_ENTRIES_ON_FOLLOW)
        .subquery("latest")
    )


def empty_home_of(conn: Connection, account_id: int, author_id: int) -> None:
    """After an unfollow, block or mute: the author's posts and boosts leave a member's home timeline and lists, and
    boosts of the author's posts."""
    boosted = post.alias("boosted")
    theirs = (post.outerjoin(boosted, boosted.c.id == post.c.boost_of_id), _is(author_id, post, boosted))
    _leave(conn, account_id, *theirs)


def empty_home_of_domain(conn: Connection, account_id: int, domain: str) -> None:
    """The same for everybody of another server."""
    boosted, author, boosted_author = (
        post.alias("boosted"),
        account.alias("author"),
        account.alias("boosted_author"),
    )
    joined = (
        post.join(author, author.c.id == post.c.account_id)
        .outerjoin(boosted, boosted.c.id == post.c.boost_of_id)
        .outerjoin(boosted_author, boosted_author.c.id == boosted.c.account_id)
    )
    _leave(conn, account_id, joined, or_(author.c.domain == domain, boosted_author.c.domain == domain))


def _is(author_id: int, *tables: FromClause) -> ColumnElement[bool]:
    return or_(*(table.c.account_id == author_id for table in tables))


def _leave(conn: Connection, account_id: int, joined: FromClause, condition: ColumnElement[bool]) -> None:
    # From the entries, of which there are few, to the posts, of which there are many.
    at_home = joined.join(home_entry, home_entry.c.post_id == post.c.id)
    gone = (
        select(home_entry.c.post_id)
        .select_from(at_home)
        .where(home_entry.c.account_id == account_id, condition)
    )
    conn.execute(
        delete(home_entry).where(home_entry.c.account_id == account_id, home_entry.c.post_id.in_(gone))
    )
    own = select(member_list.c.id).where(member_list.c.account_id == account_id).scalar_subquery()
    in_lists = joined.join(list_entry, list_entry.c.post_id == post.c.id)
    gone = select(list_entry.c.post_id).select_from(in_lists).where(list_entry.c.list_id.in_(own), condition)
    conn.execute(delete(list_entry).where(list_entry.c.list_id.in_(own), list_entry.c.post_id.in_(gone)))


def empty_list_of(conn: Connection, list_id: int, author_ids: list[int]) -> None:
    """People have been taken out of a list: so are their posts."""
    theirs = (
        select(list_entry.c.post_id)
        .join(post, post.c.id == list_entry.c.post_id)
        .where(list_entry.c.list_id == list_id, post.c.account_id.in_(author_ids))
    )
    conn.execute(delete(list_entry).where(list_entry.c.list_id == list_id, list_entry.c.post_id.in_(theirs)))


def take_from_home(conn: Connection, account_id: int, list_id: int) -> None:
    """What people in a list posted leaves the home timeline of its owner, who wants it in the list alone."""
    theirs = (
        select(home_entry.c.post_id)
        .join(post, post.c.id == home_entry.c.post_id)
        .join(list_account, list_account.c.account_id == post.c.account_id)
        .where(
            home_entry.c.account_id == account_id,
            list_account.c.list_id == list_id,
            list_account.c.account_id != account_id,
        )
    )
    conn.execute(
        delete(home_entry).where(home_entry.c.account_id == account_id, home_entry.c.post_id.in_(theirs))
    )


def bring_home(conn: Connection, account_id: int, list_id: int) -> None:
    """What is in a list comes (back) into the home timeline of its owner."""
    entries = (
        select(literal(account_id), list_entry.c.post_id)
        .join(post, post.c.id == list_entry.c.post_id)
        .where(
            list_entry.c.list_id == list_id,
            ~_has_in_exclusive_list(account_id, post.c.account_id),
            ~_is_in_home(account_id, list_entry.c.post_id),
        )
    )
    conn.execute(insert(home_entry).from_select(["account_id", "post_id"], entries))


def prune_homes(conn: Connection) -> int:
    """Keep the newest `HOME_ENTRIES_MAX` of every member, and of every list; how many rows went, at most `PRUNED_PER_UNIT`."""
    done = _prune(conn, home_entry, home_entry.c.account_id, PRUNED_PER_UNIT)
    return done + _prune(conn, list_entry, list_entry.c.list_id, PRUNED_PER_UNIT - done)


def trim_homes(conn: Connection) -> bool:
    """A part of that; whether there is more."""
    return prune_homes(conn) == PRUNED_PER_UNIT


def _prune(conn: Connection, table: Table, whose: ColumnElement[int], most: int) -> int:
    place = func.row_number().over(partition_by=whose, order_by=table.c.post_id.desc())
    ranked = select(whose.label("whose"), table.c.post_id, place.label("place")).subquery()
    surplus = select(ranked.c.whose, ranked.c.post_id).where(ranked.c.place > HOME_ENTRIES_MAX).limit(most)
    return conn.execute(delete(table).where(tuple_(whose, table.c.post_id).in_(surplus))).rowcount


def home(conn: Connection, account_id: int, window: Window) -> list[int]:
    """Ids of the posts in a member's home timeline."""
    query = select(home_entry.c.post_id).where(home_entry.c.account_id == account_id)
    return [row.post_id for row in window.rows(conn, query, home_entry.c.post_id)]
