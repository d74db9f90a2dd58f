"""Everything that is one member's, in steps small enough for a unit: for taking it along, and for removing it."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Row,
    Table,
    bindparam,
    delete,
    exists,
    select,
    tuple_,
    update,
)

from storage import users
from storage.hot import Hot
from storage.tables import (
    account,
    account_key,
    account_note,
    account_word,
    appeal,
    application,
    application_member,
    application_review,
    block,
    bookmark,
    calendar_feed,
    calendar_token,
    collection,
    collection_item,
    dislike,
    endorsement,
    event_origin,
    featured_tag,
    filter_keyword,
    follow,
    greeting,
    group_ban,
    group_invitation,
    group_request,
    hashtag,
    join_inquiry,
    like,
    list_account,
    media,
    member_domain_block,
    member_list,
    membership,
    metadata,
    moderation_note,
    mute,
    notification,
    notification_permission,
    notification_request,
    opportunity,
    opportunity_reviewer,
    pin,
    poll_vote,
    post,
    post_filter,
    report,
    resource_draft,
    scheduled_post,
    shelf,
    shelf_curator,
    shelf_follow,
    strike,
    suggestion_dismissal,
    tag_follow,
    user,
)

STEP_ROWS: Final = 200


class Followed(NamedTuple):
    """Somebody the member follows."""

    username: str
    domain: str
    shows_boosts: bool
    notifies: bool
    languages: tuple[str, ...]


class File(NamedTuple):
    """An upload of the member's, as the media store knows it."""

    id: int
    store_key: str
    preview_key: str
    source_key: str


def following(conn: Connection, account_id: int) -> list[Followed]:
    """Whom the member follows."""
    query = (
        select(
            account.c.username, account.c.domain, follow.c.shows_boosts, follow.c.notifies, follow.c.languages
        )
        .join_from(follow, account, account.c.id == follow.c.target_id)
        .where(follow.c.account_id == account_id, follow.c.accepted)
        .order_by(follow.c.id)
    )
    return [
        Followed(row.username, row.domain, row.shows_boosts, row.notifies, tuple(json.loads(row.languages)))
        for row in conn.execute(query)
    ]


def followers(conn: Connection, account_id: int) -> list[tuple[str, str]]:
    """Who follows the member: name and domain."""
    query = _handles().join(follow, account.c.id == follow.c.account_id)
    return _pairs(
        conn, query.where(follow.c.target_id == account_id, follow.c.accepted).order_by(follow.c.id)
    )


def blocked(conn: Connection, account_id: int) -> list[tuple[str, str]]:
    """Whom the member blocks: name and domain."""
    query = _handles().join(block, account.c.id == block.c.target_id)
    return _pairs(conn, query.where(block.c.account_id == account_id).order_by(block.c.id))


def muted(conn: Connection, account_id: int) -> list[tuple[str, str, bool]]:
    """Whom the member mutes: name, domain, and whether their notifications are hidden as well."""
    query = (
        select(account.c.username, account.c.domain, mute.c.hides_notifications)
        .join_from(mute, account, account.c.id == mute.c.target_id)
        .where(mute.c.account_id == account_id)
        .order_by(mute.c.id)
    )
    return [(row.username, row.domain, bool(row.hides_notifications)) for row in conn.execute(query)]


def listed(conn: Connection, account_id: int) -> list[tuple[str, str, str]]:
    """Who is in the member's lists: title, name and domain."""
    query = (
        select(member_list.c.title, account.c.username, account.c.domain)
        .join_from(member_list, list_account, list_account.c.list_id == member_list.c.id)
        .join(account, account.c.id == list_account.c.account_id)
        .where(member_list.c.account_id == account_id)
        .order_by(member_list.c.id, list_account.c.id)
    )
    return [(row.title, row.username, row.domain) for row in conn.execute(query)]


def kept_out(conn: Connection, account_id: int) -> list[str]:
    """The servers that the member keeps out."""
    query = select(member_domain_block.c.domain).where(member_domain_block.c.account_id == account_id)
    return list(conn.scalars(query.order_by(member_domain_block.c.id)))


def filtered(conn: Connection, account_id: int) -> list[tuple[str, str, tuple[str, ...], str, bool]]:
    """What the member filters: title and action of the filter, its contexts, and each keyword of it with whether
    it must be a whole word."""
    query = (
        select(
            post_filter.c.title,
            post_filter.c.action,
            post_filter.c.contexts,
            filter_keyword.c.keyword,
            filter_keyword.c.whole_word,
        )
        .join_from(post_filter, filter_keyword, filter_keyword.c.filter_id == post_filter.c.id)
        .where(post_filter.c.account_id == account_id)
        .order_by(post_filter.c.id, filter_keyword.c.id)
    )
    return [
        (row.title, row.action, tuple(json.loads(row.contexts)), row.keyword, bool(row.whole_word))
        for row in conn.execute(query)
    ]


def tags_followed(conn: Connection, account_id: int) -> list[str]:
    """The hashtags that the member follows."""
    query = select(hashtag.c.name).join(tag_follow, tag_follow.c.tag_id == hashtag.c.id)
    return list(conn.scalars(query.where(tag_follow.c.account_id == account_id).order_by(tag_follow.c.id)))


def tags_featured(conn: Connection, account_id: int) -> list[str]:
    """The hashtags on the member's profile."""
    query = select(featured_tag.c.name).where(featured_tag.c.account_id == account_id)
    return list(conn.scalars(query.order_by(featured_tag.c.id)))


def endorsed(conn: Connection, account_id: int) -> list[tuple[str, str]]:
    """Whom the member recommends: name and domain."""
    query = _handles().join(endorsement, account.c.id == endorsement.c.target_id)
    return _pairs(conn, query.where(endorsement.c.account_id == account_id).order_by(endorsement.c.id))


def noted(conn: Connection, account_id: int) -> list[tuple[str, str, str]]:
    """What the member noted about people: name, domain, the note."""
    query = (
        select(account.c.username, account.c.domain, account_note.c.comment)
        .join_from(account_note, account, account.c.id == account_note.c.target_id)
        .where(account_note.c.account_id == account_id)
        .order_by(account.c.id)
    )
    return [(row.username, row.domain, row.comment) for row in conn.execute(query)]


def bookmarked(conn: Connection, account_id: int) -> list[str]:
    """URIs of the posts the member has bookmarked."""
    query = select(post.c.uri).join(bookmark, bookmark.c.post_id == post.c.id)
    return list(conn.scalars(query.where(bookmark.c.account_id == account_id).order_by(bookmark.c.id)))


def liked(conn: Connection, account_id: int) -> list[str]:
    """URIs of the posts the member likes."""
    query = select(post.c.uri).join(like, like.c.post_id == post.c.id)
    return list(conn.scalars(query.where(like.c.account_id == account_id).order_by(like.c.id)))


def scheduled(conn: Connection, account_id: int) -> list[tuple[int, str]]:
    """What the member has written for later: when it is due, and the draft (JSON)."""
    query = select(scheduled_post.c.scheduled_at, scheduled_post.c.draft)
    found = conn.execute(query.where(scheduled_post.c.account_id == account_id).order_by(scheduled_post.c.id))
    return [(row.scheduled_at, row.draft) for row in found]


def collected(conn: Connection, account_id: int) -> list[tuple[str, str, str]]:
    """Whom the member recommends: the name of the collection, name and domain."""
    query = (
        select(collection.c.name, account.c.username, account.c.domain)
        .join_from(collection, collection_item, collection_item.c.collection_id == collection.c.id)
        .join(account, account.c.id == collection_item.c.account_id)
        .where(collection.c.account_id == account_id, collection_item.c.state.in_(("pending", "accepted")))
        .order_by(collection.c.id, collection_item.c.position)
    )
    return [(row.name, row.username, row.domain) for row in conn.execute(query)]


def posts(conn: Connection, account_id: int, after_id: int = 0, *, limit: int = STEP_ROWS) -> list[Row[Any]]:
    """The next of the account's posts and boosts, oldest first."""
    query = select(post).where(post.c.account_id == account_id, post.c.id > after_id)
    return list(conn.execute(query.order_by(post.c.id).limit(limit)))


def files(conn: Connection, account_id: int, after_id: int = 0) -> list[File]:
    """The next of the account's uploads."""
    query = (
        select(media.c.id, media.c.store_key, media.c.preview_key, media.c.source_key)
        .where(media.c.account_id == account_id, media.c.id > after_id)
        .order_by(media.c.id)
        .limit(STEP_ROWS)
    )
    return [File._make(row) for row in conn.execute(query)]


def remove_files(conn: Connection, media_ids: list[int]) -> None:
    """Forget uploads whose files are gone."""
    conn.execute(delete(media).where(media.c.id.in_(media_ids)))


class _Place(NamedTuple):
    """Where something of an account is: in these rows of a table, by its ``id``."""

    table: Table
    whose: ColumnElement[bool]


def _named(*columns: Column[Any]) -> tuple[_Place, ...]:
    return tuple(_Place(column.table, column == bindparam("id")) for column in columns)


def _going_with(parent: Table) -> list[Column[Any]]:
    """The columns by which rows go when a row of this table does; what depends on others comes before them."""
    return [
        column
        for table in reversed(metadata.sorted_tables)
        for column in table.columns
        if any(key.column.table is parent and key.ondelete == "CASCADE" for key in column.foreign_keys)
    ]


def _hanging_on(column: Column[Any], *, but: Collection[Table] = ()) -> Iterator[_Place]:
    """What goes with rows that this column says are the account's."""
    for below in _going_with(column.table):
        (key,) = below.foreign_keys
        if below.table not in but:
            yield _Place(below.table, below.in_(select(key.column).where(column == bindparam("id"))))


def _going_with_user() -> Iterator[_Place]:
    """What goes with the user row, by the foreign keys themselves: no table can be forgotten."""
    columns = _going_with(user)
    for column in columns:
        yield from _hanging_on(column, but={one.table for one in columns})
        yield from _named(column)


# What there can be any number of for an account, and nobody but it needs.
_TRACES: Final[tuple[_Place, ...]] = _named(
    dislike.c.account_id,
    poll_vote.c.account_id,
    pin.c.account_id,
    membership.c.account_id,
    group_request.c.account_id,
    group_invitation.c.account_id,
    featured_tag.c.account_id,
    endorsement.c.target_id,
    account_note.c.target_id,
    list_account.c.account_id,
    suggestion_dismissal.c.target_id,
    notification.c.from_account_id,
    notification_permission.c.from_account_id,
    notification_request.c.from_account_id,
    block.c.account_id,
    collection.c.account_id,
    collection_item.c.account_id,
    account_word.c.account_id,
)
# The same of a member.
_RELATIONS: Final[tuple[_Place, ...]] = (
    *_TRACES,
    *_hanging_on(shelf.c.account_id),
    *_named(
        block.c.target_id,
        mute.c.account_id,
        mute.c.target_id,
        endorsement.c.account_id,
        account_note.c.account_id,
        group_ban.c.account_id,
        greeting.c.account_id,
        greeting.c.greeter_id,
        join_inquiry.c.account_id,
        shelf.c.account_id,
        shelf_curator.c.account_id,
        shelf_follow.c.account_id,
        calendar_feed.c.account_id,
        calendar_feed.c.group_id,
        event_origin.c.account_id,
        calendar_token.c.account_id,
        resource_draft.c.account_id,
        application.c.account_id,
        application_member.c.account_id,
        application_review.c.account_id,
        opportunity_reviewer.c.account_id,
    ),
)
# What is only a member's, and would go with the user row at one blow: timelines, notifications, bookmarks, sessions.
_OF_USER: Final[tuple[_Place, ...]] = tuple(_going_with_user())


def _asking(places: Iterable[_Place]) -> Hot[Any]:
    """In which of these places something of an account is at all."""
    return Hot(
        lambda: select(
            *(exists().where(place.whose).label(f"there_{number}") for number, place in enumerate(places))
        ),
        tuple,
    )


_there: Final = {places: _asking(places) for places in (_TRACES, _RELATIONS, _OF_USER)}


def remove_relations(conn: Connection, account_id: int, limit: int) -> bool:
    """Take away a part of the follows, blocks, mutes, likes, votes and memberships of a member's account, and of what others'
    counts had of them: no more than `limit` rows, and as many counts; whether there may be more. A closed poll keeps its counts."""
    left = limit
    for own, other, count in (
        (follow.c.account_id, follow.c.target_id, account.c.followers_count),
        (follow.c.target_id, follow.c.account_id, account.c.following_count),
    ):
        query = select(follow.c.id, other, follow.c.accepted).where(own == account_id).limit(left)
        rows = conn.execute(query).all() if left > 0 else []
        accepted = [row[1] for row in rows if row.accepted]
        conn.execute(
            update(account).where(account.c.id.in_(accepted), count > 0).values({count.name: count - 1})
        )
        conn.execute(delete(follow).where(follow.c.id.in_([row.id for row in rows])))
        left -= len(rows)
    left -= _unlike_some(conn, account_id, left)
    return _remove_some(conn, _RELATIONS, account_id, left)


def remove_traces(conn: Connection, account_id: int, limit: int) -> bool:
    """Take away a part of what an account elsewhere has done here besides posts and follows, and of what is kept about it:
    no more than `limit` rows, and as many counts; whether there may be more. A closed poll keeps its counts."""
    return _remove_some(conn, _TRACES, account_id, limit - _unlike_some(conn, account_id, limit))


def remove_user(conn: Connection, account_id: int, limit: int) -> bool:
    """Take away a part of what is only a member's, no more than `limit` rows, and with the last part the user row itself;
    whether there may be more. For who has left already."""
    if _remove_some(conn, _OF_USER, account_id, limit):
        return True
    users.remove(conn, account_id)
    return False


def _unlike_some(conn: Connection, account_id: int, limit: int) -> int:
    if limit <= 0:
        return 0
    liked = select(like.c.id, like.c.post_id).where(like.c.account_id == account_id).limit(limit)
    rows = conn.execute(liked).all()
    if rows:
        conn.execute(
            update(post)
            .where(post.c.id.in_([row.post_id for row in rows]), post.c.likes_count > 0)
            .values(likes_count=post.c.likes_count - 1)
        )
        conn.execute(delete(like).where(like.c.id.in_([row.id for row in rows])))
    return len(rows)


def _remove_some(conn: Connection, places: tuple[_Place, ...], account_id: int, left: int) -> bool:
    there = _there[places].first(conn, id=account_id)
    for place, is_there in zip(places, there or (), strict=True):
        if left <= 0:
            return True
        if not is_there:
            continue
        keys = list(place.table.primary_key.columns)
        some = select(*keys).where(place.whose).limit(left)
        among = keys[0].in_(some) if len(keys) == 1 else tuple_(*keys).in_(some)
        left -= conn.execute(delete(place.table).where(among), {"id": account_id}).rowcount
    return left <= 0


def decisions(conn: Connection, account_id: int) -> list[Row[Any]]:
    """What moderators decided about the account, and what it said against that; oldest first."""
    query = select(strike, appeal.c.text.label("appeal"), appeal.c.approved, appeal.c.decided_at).join_from(
        strike, appeal, appeal.c.strike_id == strike.c.id, isouter=True
    )
    return list(conn.execute(query.where(strike.c.account_id == account_id).order_by(strike.c.id)))


def remove_decisions(conn: Connection, account_id: int) -> None:
    """Forget what moderators decided and noted about an account, and what they kept of its posts. The audit log
    stays, which has none of its words."""
    about = (moderation_note.c.subject_type == "account") & (moderation_note.c.subject == str(account_id))
    conn.execute(delete(strike).where(strike.c.account_id == account_id))
    conn.execute(delete(moderation_note).where(about))
    conn.execute(update(report).where(report.c.target_id == account_id).values(evidence="[]"))


def remove_keys(conn: Connection, account_id: int) -> None:
    """Destroy the keys of an account: nothing can be signed in its name any more."""
    conn.execute(delete(account_key).where(account_key.c.account_id == account_id))


def _handles() -> Any:
    return select(account.c.username, account.c.domain).select_from(account)


def _pairs(conn: Connection, query: Any) -> list[tuple[str, str]]:
    return [(row.username, row.domain) for row in conn.execute(query)]


def applied(conn: Connection, account_id: int) -> list[Row[Any]]:
    """What the member has applied for, alone or leading a team: title and address of the opportunity, state, answers (JSON by the
    keys of the questions), the form that asked, when it was sent and decided."""
    query = (
        select(
            post.c.title, post.c.uri, application.c.state, application.c.answers, opportunity.c.form, application.c.submitted_at,
            application.c.decided_at,
        )
        .join_from(application, post, post.c.id == application.c.post_id)
        .join(opportunity, opportunity.c.post_id == application.c.post_id)
        .where(application.c.account_id == account_id)
        .order_by(application.c.id)
    )  # fmt: skip
    return list(conn.execute(query))
