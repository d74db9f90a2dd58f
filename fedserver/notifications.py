"""Decide whether something that happened is worth telling a member, and tell them once.

What is told is read through `fedserver.noticeboard`, in groups through `fedserver.notification_groups`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

from sqlalchemy import Connection

from fedserver import filters, mail, notification_policy
from fedserver.jobs.plan import plan_many
from storage import cards, notification_requests, notifications, posts, push
from storage import filters as stored_filters
from storage.posts import PostRow
from storage.signals import signal
from storage.types import HOUR_MS, now_ms

TYPES: Final = (
    "mention", "status", "reblog", "follow", "follow_request", "favourite", "poll", "update", "admin.sign_up",
    "admin.report", "severed_relationships", "moderation_warning", "quote", "quoted_update",
    "added_to_collection", "collection_update", "event_reminder",
)  # fmt: skip
"""Those of the client API."""

GROUPED_TYPES: Final = ("favourite", "reblog", "follow", "admin.sign_up")
"""Many of these, close together and about the same, can be shown as one."""

GROUP_HOURS: Final = 12
_OF_REQUESTS: Final = frozenset({"mention", "quote"})
# About a post that somebody else wrote: a filter of the member's may match it.
_BY_OTHERS: Final = frozenset({"mention", "quote", "status", "update", "poll"})
# Told again each time, instead of the one before.
_REPLACING: Final = frozenset({"update", "quoted_update", "collection_update"})

Severing = Literal["domain_block", "user_domain_block", "account_suspension"]


class Lost(NamedTuple):
    """How many followers, and how many whom they followed, a member lost at once."""

    account_id: int
    followers_count: int
    following_count: int


def notify(
    conn: Connection,
    account_id: int,
    type_: str,
    from_account_id: int,
    *,
    post_id: int | None = None,
    thread_id: int | None = None,
    report_id: int | None = None,
    collection_id: int | None = None,
) -> bool:
    """Tell a member, unless they are the one who did it, have blocked or muted them, or muted the thread, or
    their policy drops it, or a filter hides it. Whether they see it now: what the policy filters waits behind a request.

    `thread_id` goes with whatever is about a post. The same thing is told once, however often it happens; of
    edits the latest.
    """
    if account_id == from_account_id:
        return False
    prefix = _group_prefix(type_, post_id)
    hour = now_ms() // HOUR_MS
    facts = notifications.facts(
        conn, account_id, from_account_id, thread_id,
        [f"{prefix}-{hour - back}" for back in range(GROUP_HOURS)] if prefix else (),
    )  # fmt: skip
    if facts is None:
        return False
    if (
        facts.withholds
        and post_id is not None
        and type_ in _BY_OTHERS
        and _withholding(conn, [account_id], post_id)
    ):
        return False
    verdict = notification_policy.verdict(
        conn, facts, type_, account_id=account_id, from_account_id=from_account_id, post_id=post_id
    )
    if verdict == "drop":
        return False
    filtered = verdict == "filter"
    notification_id = notifications.add(
        conn,
        dedupe=dedupe_key(type_, from_account_id, report_id or collection_id or post_id),
        replacing=type_ in _REPLACING,
        account_id=account_id,
        type=type_,
        from_account_id=from_account_id,
        post_id=post_id,
        report_id=report_id,
        collection_id=collection_id,
        # A group goes on as long as it began less than twelve hours ago.
        group_key=(facts.latest_group or f"{prefix}-{hour}") if prefix and not filtered else "",
        filtered=filtered,
    )
    if notification_id is None:
        return False
    if filtered:
        if type_ in _OF_REQUESTS:
            notification_requests.put(conn, account_id, from_account_id)
        return False
    _announce(conn, {account_id: notification_id}, type_)
    mail.plan_notification_mail(conn, account_id, type_, post_id, from_account_id)
    return True


def notify_each_of_post(
    conn: Connection,
    account_ids: Collection[int],
    from_account_id: int,
    post_id: int,
    thread_id: int,
    *,
    type_: Literal["status", "update"] = "status",
) -> None:
    """Tell members who asked to hear of it of a new post (or what has changed about one), as `notify` would tell each, in a
    number of statements that does not depend on theirs. No policy sifts what somebody asked for."""
    hearing = notifications.who_hears(conn, account_ids, from_account_id, thread_id) if account_ids else {}
    withholding = _withholding(conn, [one for one, withholds in hearing.items() if withholds], post_id)
    told = notifications.add_to_each(
        conn,
        [one for one in hearing if one not in withholding],
        dedupe=dedupe_key(type_, from_account_id, post_id),
        replacing=type_ in _REPLACING,
        type=type_,
        from_account_id=from_account_id,
        post_id=post_id,
    )
    _announce(conn, told, type_)


def remind_each(
    conn: Connection, account_ids: Sequence[int], from_account_id: int, post_id: int, about: str
) -> None:
    """Tell members that an event begins soon to which they go, as they asked for; `about` is what makes two reminders of it
    the same. A number of statements that does not depend on theirs."""
    told = notifications.add_to_each(
        conn,
        account_ids,
        dedupe=f"event_reminder:{about}",
        type="event_reminder",
        from_account_id=from_account_id,
        post_id=post_id,
    )
    _announce(conn, told, "event_reminder")


def _withholding(conn: Connection, account_ids: Sequence[int], post_id: int) -> set[int]:
    """Which of these members have a filter that hides what is about this post from their notifications."""
    content = cards.contents_of(conn, [post_id]).get(post_id) if account_ids else None
    if content is None:
        return set()
    choices = posts.poll_options_of(conn, [post_id]).get(post_id, ())
    words = "\n".join((filters.words_of(content), filters.folded(" ".join(one.title for one in choices))))
    return {
        account_id
        for account_id, found in stored_filters.of_accounts(conn, account_ids).items()
        if filters.withholds(filters.Filters(account_id, found).matches(words, (post_id,)), "notifications")
    }


def _group_prefix(type_: str, post_id: int | None) -> str:
    """What the keys of a group begin with; "" for what stands alone."""
    if type_ not in GROUPED_TYPES:
        return ""
    return type_ if post_id is None else f"{type_}-{post_id}"


def take_back(
    conn: Connection, account_id: int, type_: str, from_account_id: int, post_id: int | None = None
) -> None:
    """What was told of has been undone."""
    notifications.take_back(conn, account_id, dedupe_key(type_, from_account_id, post_id))


def dedupe_key(type_: str, from_account_id: int, about_id: int | None) -> str:
    """What makes two notifications of one member the same."""
    return f"{type_}:{from_account_id}:{about_id or ''}"


def notify_of_new_post(
    conn: Connection, author_id: int, post_id: int, thread_id: int, *, except_for: Sequence[int]
) -> None:
    """Tell those members who asked to hear of everything this author posts."""
    asked = set(notifications.who_asked_for_posts_of(conn, author_id)).difference(except_for)
    notify_each_of_post(conn, asked, author_id, post_id, thread_id)


def quoted(conn: Connection, post_row: PostRow, quoted_post_row: PostRow) -> bool:
    """Somebody quotes a post: tell its author, if they are a member. Whether they see it now."""
    return notify(
        conn, quoted_post_row.account_id, "quote", post_row.account_id,
        post_id=post_row.id, thread_id=post_row.thread_id,
    )  # fmt: skip


def quoted_post_changed(
    conn: Connection, quoted_post_row: PostRow, quotes: Iterable[tuple[int, int]]
) -> None:
    """A quoted post was edited: tell the members who quote it. `quotes` are (account id, id of the quoting post)."""
    for account_id, post_id in quotes:
        notify(conn, account_id, "quoted_update", quoted_post_row.account_id, post_id=post_id)


# -- what one is told of oneself


def notify_author_of_poll(conn: Connection, account_id: int, post_id: int) -> None:
    """A member's own poll has ended."""
    _tell(conn, account_id, "poll", post_id, post_id=post_id)


def severed(conn: Connection, type_: Severing, target_name: str, lost: Sequence[Lost]) -> None:
    """Follows have ended because a server was blocked or an account suspended: tell every member who lost some.

    `target_name` is the domain, or the handle of the account. Members who lost none are not told.
    """
    concerned = [one for one in lost if one.followers_count or one.following_count]
    told = notifications.add_severances(conn, type_, target_name, concerned)
    _announce(conn, dict(told), "severed_relationships")


def warned(conn: Connection, account_id: int, strike_id: int) -> None:
    """Moderators have warned a member, or acted on their account."""
    _tell(conn, account_id, "moderation_warning", strike_id, strike_id=strike_id)


def _tell(conn: Connection, account_id: int, type_: str, about_id: int, **columns: Any) -> None:
    notification_id = notifications.add(
        conn, dedupe=dedupe_key(type_, account_id, about_id), account_id=account_id, type=type_,
        from_account_id=account_id, **columns,
    )  # fmt: skip
    if notification_id is not None:
        _announce(conn, {account_id: notification_id}, type_)


def _announce(conn: Connection, told: Mapping[int, int], type_: str) -> None:
    """Tell those who listen, and wake the apps that asked for it; `told` are ids of notifications by account."""
    for account_id, notification_id in told.items():
        signal(conn, f"notification:{account_id}", str(notification_id))
    wanted = []
    for account_id, subscription_id in push.wanting(conn, list(told), type_) if told else ():
        payload = {"subscription_id": subscription_id, "notification_id": told[account_id], "attempt": 1}
        wanted.append((payload, f"{subscription_id}:{told[account_id]}"))
    plan_many(conn, "push", wanted)
