"""What a digest tells a member of: answers and mentions, discussions in their groups, polls, who is new.

Everything is asked for one stretch of time, as the member may see it, without what they have read, at a fixed number of
statements.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, and_, case, exists, func, literal, or_, select

from fedserver import visibility
from fedserver.config import Config
from fedserver.content.html import shorten, to_text
from fedserver.content.text import clean_line
from fedserver.groups import mailing
from storage import accounts, groups, kept_out, posts
from storage.relationships import hides
from storage.subscriptions import level_between
from storage.tables import (
    account,
    group_request,
    group_thread,
    marker,
    membership,
    notification,
    poll,
    poll_vote,
    post,
    subscription,
    thread_mute,
    thread_read,
)
from storage.types import ID_BITS_WITHIN_MS, id_floor

THREADS_SHOWN: Final = 5
THREADS_COUNTED_MAX: Final = 200
POLLS_SHOWN: Final = 5
NEWCOMERS_NAMED: Final = 3
EXCERPT_CHARS_MAX: Final = 180
_AUTHOR = account.alias("author")


@dataclass(frozen=True, slots=True)
class ThreadNews:
    """A discussion with what is new in it. Of a new one `author` and excerpt are of its first post, else of the newest."""

    title: str
    group: str
    is_new: bool
    answers_count: int
    author: str
    excerpt: str
    url: str


@dataclass(frozen=True, slots=True)
class PollNews:
    """A poll that the member has not voted in."""

    title: str
    group: str
    closes_at: int | None
    url: str


@dataclass(frozen=True, slots=True)
class Contents:
    """What a digest tells. Counts are of everything, `threads` and `polls` the first of each."""

    replies_count: int = 0
    mentions_count: int = 0
    requests_count: int = 0
    new_threads_count: int = 0
    answers_count: int = 0
    threads: Sequence[ThreadNews] = ()
    threads_left_count: int = 0
    polls: Sequence[PollNews] = ()
    newcomers_count: int = 0
    newcomers: Sequence[tuple[str, str]] = ()
    """(group, "Ann, Bo and 3 more")"""

    @property
    def has_any(self) -> bool:
        return bool(
            self.replies_count
            or self.mentions_count
            or self.requests_count
            or self.threads
            or self.polls
            or self.newcomers_count
        )


def collect(
    conn: Connection, config: Config, account_id: int, since: int, until: int, *, wants_groups: bool = True
) -> Contents:
    """What happened after `since`, up to `until` (ms), that concerns a member or goes on in their groups.

    Whoever `wants_groups` gets what they asked each post of in mails of its own.
    """
    levels = ("digest",) if wants_groups else ("digest", "all")
    replies, mentions = _addressed(conn, account_id, since, until)
    polls = conn.execute(_polls(account_id, levels, since, until)).all()
    asked = {one.id for one in polls}
    news = conn.execute(_threads(account_id, levels, since, until)).all()
    # A poll that nobody has answered yet is told as a poll.
    news = [one for one in news if one.posts_count > 1 or one.post_id not in asked]
    shown = news[:THREADS_SHOWN]
    told = posts.by_ids(conn, [_told_id(one) for one in shown])
    named = groups.by_ids(conn, [one.group_id for one in (*shown, *polls)])
    people = accounts.by_ids(
        conn, {one.account_id for one in told.values()} | {one.account_id for one in polls}
    )
    newcomers = _newcomers(conn, account_id, since, until)
    return Contents(
        replies_count=replies,
        mentions_count=mentions,
        requests_count=_requests(conn, account_id, since, until),
        new_threads_count=sum(one.is_new for one in news),
        answers_count=sum(one.posts_count - one.is_new for one in news),
        threads=[_thread(config, one, told, named, people) for one in shown if _told_id(one) in told],
        threads_left_count=max(0, len(news) - THREADS_SHOWN),
        polls=[
            PollNews(
                one.title,
                mailing.name_of(named[one.group_id]),
                one.expires_at,
                mailing.page_of(config, one, people[one.account_id]),
            )
            for one in polls
        ],
        newcomers_count=sum(len(names) for _, names in newcomers),
        newcomers=[(name, _some(names)) for name, names in newcomers],
    )


def _told_id(one: Any) -> int:
    return int(one.post_id if one.is_new else one.newest_id)


def _thread(config: Config, one: Any, told: Any, named: Any, people: Any) -> ThreadNews:
    row = told[_told_id(one)]
    author = people[row.account_id]
    hidden = row.sensitive and row.summary and not row.title
    return ThreadNews(
        title=clean_line(one.title),
        group=mailing.name_of(named[one.group_id]),
        is_new=bool(one.is_new),
        answers_count=one.posts_count - one.is_new,
        author=mailing.name_of(author),
        excerpt=shorten(row.summary if hidden else to_text(row.content_html), EXCERPT_CHARS_MAX),
        url=mailing.page_of(config, row, author),
    )


def _some(names: Sequence[str]) -> str:
    """The first of some people, and how many more."""
    shown = ", ".join(names[:NEWCOMERS_NAMED])
    return shown if len(names) <= NEWCOMERS_NAMED else f"{shown} and {len(names) - NEWCOMERS_NAMED} more"


def _addressed(conn: Connection, account_id: int, since: int, until: int) -> tuple[int, int]:
    """How many answers and how many other mentions a member was notified of and has not looked at."""
    seen = (
        select(marker.c.last_read_id)
        .where(marker.c.account_id == account_id, marker.c.timeline == "notifications")
        .scalar_subquery()
    )
    answers = func.coalesce(func.sum(case((post.c.in_reply_to_account_id == account_id, 1), else_=0)), 0)
    query = (
        select(answers, func.count())
        .select_from(notification)
        .join(post, post.c.id == notification.c.post_id)
        .where(
            notification.c.account_id == account_id,
            notification.c.type == "mention",
            ~notification.c.filtered,
            notification.c.id >= id_floor(since + 1),
            notification.c.id < id_floor(until + 1),
            notification.c.id > func.coalesce(seen, 0),
            visibility.predicate(account_id),
        )
    )
    replies, all_count = conn.execute(query).one()
    return int(replies), int(all_count) - int(replies)


def _in_stretch(since: int, until: int) -> Any:
    return and_(post.c.created_at > since, post.c.created_at <= until)


def _unread(account_id: int) -> Any:
    """A post of somebody else that the member has not read in its thread or with its group, and does not keep from
    themselves; for statements with `post`, `group_thread`."""
    read_to = (
        select(thread_read.c.last_read_id)
        .where(thread_read.c.account_id == account_id, thread_read.c.thread_id == group_thread.c.post_id)
        .correlate(group_thread)
        .scalar_subquery()
    )
    read_at = (
        select(membership.c.read_at)
        .where(membership.c.account_id == account_id, membership.c.group_id == group_thread.c.group_id)
        .correlate(group_thread)
        .scalar_subquery()
    )
    muted = exists().where(
        thread_mute.c.account_id == account_id, thread_mute.c.thread_id == group_thread.c.post_id
    )
    return and_(
        post.c.account_id != account_id,
        post.c.boost_of_id.is_(None),
        post.c.id > func.coalesce(read_to, func.coalesce(read_at, 0) * (1 << ID_BITS_WITHIN_MS)),
        ~muted,
    )


def _hears(account_id: int, levels: Sequence[str]) -> Any:
    """Threads of the member's groups, and those they chose, of which a digest tells them."""
    belongs = exists().where(
        membership.c.account_id == account_id, membership.c.group_id == group_thread.c.group_id
    )
    chosen = exists().where(
        subscription.c.account_id == account_id,
        subscription.c.kind == "thread",
        subscription.c.target_id == group_thread.c.post_id,
    )
    level = level_between(literal(account_id), group_thread.c.group_id, group_thread.c.post_id)
    return and_(or_(belongs, chosen), level.in_(levels))


def _threads(account_id: int, levels: Sequence[str], since: int, until: int) -> Any:
    """(post_id, group_id, title, posts_count, is_new, newest_id), the liveliest first."""
    is_first = case((post.c.id == group_thread.c.post_id, 1), else_=0)
    return (
        select(
            group_thread.c.post_id,
            group_thread.c.group_id,
            group_thread.c.title,
            func.count().label("posts_count"),
            func.max(is_first).label("is_new"),
            func.max(post.c.id).label("newest_id"),
        )
        .join_from(group_thread, post, post.c.thread_id == group_thread.c.post_id)
        .join(_AUTHOR, _AUTHOR.c.id == post.c.account_id)
        .where(
            _in_stretch(since, until),
            post.c.group_id == group_thread.c.group_id,
            _unread(account_id),
            _hears(account_id, levels),
            visibility.predicate(account_id),
            ~hides(literal(account_id), _AUTHOR.c.id, _AUTHOR.c.domain, until),
        )
        .group_by(group_thread.c.post_id, group_thread.c.group_id, group_thread.c.title)
        .order_by(func.count().desc(), func.max(post.c.id).desc())
        .limit(THREADS_COUNTED_MAX)
    )


def _polls(account_id: int, levels: Sequence[str], since: int, until: int) -> Any:
    """(id, account_id, group_id, title, expires_at) of polls that were begun and can be voted in, the first to close first."""
    voted = exists().where(poll_vote.c.post_id == post.c.id, poll_vote.c.account_id == account_id)
    return (
        select(post.c.id, post.c.account_id, group_thread.c.group_id, group_thread.c.title, poll.c.expires_at)
        .join_from(group_thread, post, post.c.thread_id == group_thread.c.post_id)
        .join(poll, poll.c.post_id == post.c.id)
        .join(_AUTHOR, _AUTHOR.c.id == post.c.account_id)
        .where(
            _in_stretch(since, until),
            post.c.group_id == group_thread.c.group_id,
            _unread(account_id),
            _hears(account_id, levels),
            poll.c.closed_at.is_(None),
            or_(poll.c.expires_at.is_(None), poll.c.expires_at > until),
            ~voted,
            visibility.predicate(account_id),
            ~hides(literal(account_id), _AUTHOR.c.id, _AUTHOR.c.domain, until),
        )
        .order_by(poll.c.expires_at, post.c.id)
        .limit(POLLS_SHOWN)
    )


def _requests(conn: Connection, account_id: int, since: int, until: int) -> int:
    """How many have asked to join a group that the member looks after, and wait."""
    query = (
        select(func.count())
        .select_from(group_request)
        .join(membership, membership.c.group_id == group_request.c.group_id)
        .where(
            membership.c.account_id == account_id,
            membership.c.role.in_(("owner", "moderator")),
            group_request.c.created_at > since,
            group_request.c.created_at <= until,
        )
    )
    return conn.scalar(query) or 0


def _newcomers(conn: Connection, account_id: int, since: int, until: int) -> list[tuple[str, list[str]]]:
    """(group, names) of those who have joined the member's groups, unless they want to hear nothing of them."""
    mine, other = membership.alias("mine"), membership.alias("other")
    their_group = account.alias("their_group")
    chosen = exists().where(
        subscription.c.account_id == account_id,
        subscription.c.kind == "group",
        subscription.c.target_id == mine.c.group_id,
        subscription.c.level == "none",
    )
    query = (
        select(their_group.c.id, their_group.c.display_name, their_group.c.username, account)
        .join_from(mine, other, other.c.group_id == mine.c.group_id)
        .join(account, account.c.id == other.c.account_id)
        .join(their_group, their_group.c.id == mine.c.group_id)
        .where(
            mine.c.account_id == account_id,
            other.c.account_id != account_id,
            other.c.joined_at > since,
            other.c.joined_at <= until,
            # Who came before says nothing of who comes to a group that one joins.
            func.coalesce(mine.c.joined_at, 0) < other.c.joined_at,
            kept_out.shows(account),
            account.c.deleted_at.is_(None),
            ~chosen,
            ~hides(literal(account_id), account.c.id, account.c.domain, until),
        )
        .order_by(their_group.c.id, other.c.joined_at)
        .limit(THREADS_COUNTED_MAX)
    )
    found: dict[int, tuple[str, list[str]]] = {}
    for row in conn.execute(query):
        name = clean_line(row[1]) or row[2]
        who = clean_line(row._mapping[account.c.display_name]) or row._mapping[account.c.username]
        found.setdefault(row[0], (name, []))[1].append(who)
    return list(found.values())
