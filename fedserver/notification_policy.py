"""How a member has notifications sifted by kind of sender, decided when they are made; and the choices themselves.

The kinds, the exceptions and the periods are Mastodon's, so that its apps explain them rightly.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from sqlalchemy import Connection

from fedserver.context import Server
from fedserver.errors import Invalid
from fedserver.moderation.permissions import Permission, roles_with
from fedserver.viewer import Member
from storage import notification_policy, notification_requests, posts
from storage.notification_policy import Policy
from storage.notifications import Facts
from storage.types import DAY_MS, instant_of, now_ms

Verdict = Literal["accept", "filter", "drop"]

CHOICES: Final[tuple[Verdict, ...]] = ("accept", "filter", "drop")
CONDITIONS: Final = Policy._fields
NEW_ACCOUNT_MS: Final = 30 * DAY_MS
NEW_FOLLOWER_MS: Final = 3 * DAY_MS

_FILTERABLE: Final = frozenset(
    {"mention", "reblog", "follow", "follow_request", "favourite", "quote", "added_to_collection"}
)

_STAFF: Final = roles_with(Permission.MANAGE_REPORTS)


@dataclass(frozen=True, slots=True)
class PolicyNow:
    """A member's choices, and how much waits behind requests, each counted up to `COUNTED_MAX`."""

    choices: Policy
    requests_count: int
    notifications_count: int


def verdict(
    conn: Connection, facts: Facts, type_: str, *, account_id: int, from_account_id: int, post_id: int | None
) -> Verdict:
    """What the member's policy does with a notification of this type from this sender: the strictest that applies."""
    if type_ not in _FILTERABLE or facts.permitted:
        return "accept"
    if type_ == "mention" and facts.role in _STAFF:
        return "accept"
    found: Verdict = "accept"
    for choice in _applying(conn, facts, type_, account_id, from_account_id, post_id):
        if choice == "drop":
            return "drop"
        found = "filter"
    return found


def _applying(
    conn: Connection, facts: Facts, type_: str, account_id: int, from_account_id: int, post_id: int | None
) -> Iterator[str]:
    policy, now = facts.policy, now_ms()
    since = facts.followed_since
    if policy.for_not_followers != "accept" and (since is None or instant_of(since) > now - NEW_FOLLOWER_MS):
        yield policy.for_not_followers
    if facts.following:
        return
    if policy.for_not_following != "accept":
        yield policy.for_not_following
    if policy.for_new_accounts != "accept" and facts.created_at > now - NEW_ACCOUNT_MS:
        yield policy.for_new_accounts
    if policy.for_limited_accounts != "accept" and facts.limited_at is not None:
        yield policy.for_limited_accounts
    if policy.for_bots != "accept" and facts.bot:
        yield policy.for_bots
    if (
        policy.for_private_mentions != "accept"
        and type_ == "mention"
        and post_id is not None
        and _is_unasked(conn, post_id, account_id, from_account_id)
    ):
        yield policy.for_private_mentions


def _is_unasked(conn: Connection, post_id: int, account_id: int, from_account_id: int) -> bool:
    """Whether a mention is private, and not in an exchange that the member began."""
    row = posts.by_id(conn, post_id)
    if row is None or row.visibility != "direct":
        return False
    return row.in_reply_to_id is None or not notification_policy.answers_private_mention(
        conn, post_id, account_id, from_account_id
    )


async def current(server: Server, member: Member) -> PolicyNow:
    """The member's choices, and what waits."""
    return await server.db.read(_current, member.account_id)


async def change(server: Server, member: Member, choices: Mapping[str, str]) -> PolicyNow:
    """Make some of the choices; what is filtered already stays so. Raises Invalid for what is no choice."""
    wrong = {
        name: f"must be one of {', '.join(CHOICES)}" for name, one in choices.items() if one not in CHOICES
    }
    if wrong:
        raise Invalid(wrong)

    def unit(conn: Connection) -> PolicyNow:
        notification_policy.change_policy(conn, member.account_id, choices)
        return _current(conn, member.account_id)

    return await server.db.write(unit)


def _current(conn: Connection, account_id: int) -> PolicyNow:
    waiting = notification_requests.waiting(conn, account_id)
    return PolicyNow(notification_policy.policy_of(conn, account_id), *waiting)
