"""How far a member is trusted: new, member, trusted. What those who are new may not do yet, and when that ends.

Somebody is new until some days have passed and somebody has answered a post of theirs, or a moderator has let one through;
or until a moderator says so. A limit is told with what it is and when it ends. What looks like advertising is held instead:
`ToHold` ends the unit that would have made the post, and `keep` keeps what was written where no post is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import msgspec
from sqlalchemy import Connection

from fedserver import settings
from fedserver.config import Config
from fedserver.content.links import find_urls
from fedserver.errors import Conflict, Forbidden, Invalid, RateLimited
from fedserver.moderation import duty
from fedserver.moderation.permissions import Permission
from fedserver.settings import InstanceSettings
from storage import held, users
from storage.accounts import AccountRow
from storage.types import DAY_MS, HOUR_MS, now_ms
from storage.users import UserRow

if TYPE_CHECKING:
    from fedserver.posts import Draft

STEPS: Final = ("new", "member", "trusted")
HELD_MAX: Final = 20
"""How much of one member's waits at most."""


class ToHold(Forbidden):
    """This is to be looked at before it is published. `why` says what it was found by, for moderators."""

    default = "This looks like advertising. Write it as a post, so that a moderator can look at it."

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__()


class Held(Conflict):
    """It was kept, and is not published before a moderator has looked at it."""

    default = "Your post waits: a moderator looks at it before it is published. You find it among your waiting posts."


def check(
    conn: Connection,
    config: Config,
    user: UserRow,
    draft: Draft,
    named: Sequence[AccountRow],
    *,
    answered_id: int | None = None,
    is_more: bool = False,
    is_edit: bool = False,
) -> None:
    """Raise what keeps a member who is new from posting this: Invalid or RateLimited for a limit, ToHold.

    `named` are the accounts that the text names, `answered_id` is whose post is answered; `is_more` says that it is more
    than a post, whose text is not all its author's.
    """
    if not is_new(user):
        return
    site = settings.in_force(conn, config)
    if _has_arrived(conn, site, user):
        users.change(conn, user.account_id, trust="member")
        return
    ends = _ends(site, user)
    if not is_edit:
        _check_pace(conn, site, user, ends)
    links = find_urls(draft.text)
    if not is_more:
        strangers = held.strangers(
            conn, user.account_id, [one.id for one in named if one.id not in (answered_id, user.account_id)]
        )
        if draft.visibility == "direct" and strangers and not site.new_direct:
            raise Invalid({}, f"New members write directly only to people who follow them. {ends}")
        for found, most, words in (
            (len(links), site.new_links_max, "links"),
            (len(draft.media_ids), site.new_media_max, "pictures or files"),
            (strangers, site.new_mentions_max, "people who do not follow you"),
        ):
            if found > most:
                raise Invalid(
                    {}, f"New members post at most {most} {words} in a post, and this has {found}. {ends}"
                )
    why = _advertises(site, draft, links, is_more=is_more)
    if why:
        raise ToHold(why)


def is_new(user: UserRow) -> bool:
    """Whether a member is new, and nothing more than a member."""
    return user.trust == "new" and user.role == "member"


def still_new(conn: Connection, site: InstanceSettings, user: UserRow) -> bool:
    """Whether they are new even when what has happened since they posted last is counted."""
    return is_new(user) and not _has_arrived(conn, site, user)


def keep(conn: Connection, account_id: int, draft: Draft, why: str) -> None:
    """Keep what was written, and tell those who look at it. Raises RateLimited where too much of theirs waits."""
    if held.count_of(conn, account_id) >= HELD_MAX:
        raise RateLimited(
            3600, f"{HELD_MAX} of your posts wait for a moderator. Please wait until they are looked at."
        )
    hold(conn, account_id, draft, why)


def hold(conn: Connection, account_id: int, draft: Draft, why: str) -> None:
    """The same, however much of theirs waits."""
    kept = replace(draft, idempotency_key=None)
    held.keep(
        conn, account_id, draft=msgspec.json.encode(kept), held_for=why,
        media_ids=list(dict.fromkeys(draft.media_ids)), now=now_ms(),
    )  # fmt: skip
    duty.waits(conn, Permission.MANAGE_REPORTS)


def _has_arrived(conn: Connection, site: InstanceSettings, user: UserRow) -> bool:
    since = _since(user)
    if now_ms() - since < site.new_days * DAY_MS:
        return False
    return (user.vouched_at or 0) > since or held.was_answered(conn, user.account_id, since)


def _since(user: UserRow) -> int:
    """From when on they are new."""
    return user.new_since_at or user.approved_at or now_ms()


def _ends(site: InstanceSettings, user: UserRow) -> str:
    """When the limits end, as a sentence."""
    at = datetime.fromtimestamp((_since(user) + site.new_days * DAY_MS) / 1000, UTC)
    return f"This ends on {at.day} {at:%B %Y}, once somebody has answered you or a moderator has let a post of yours through."


def _check_pace(conn: Connection, site: InstanceSettings, user: UserRow, ends: str) -> None:
    now = now_ms()
    posted = held.posted_since(conn, user.account_id, now - HOUR_MS)
    if len(posted) >= site.new_posts_an_hour:
        seconds = (posted[-site.new_posts_an_hour] + HOUR_MS - now) // 1000
        raise RateLimited(seconds, f"New members post at most {site.new_posts_an_hour} times an hour. {ends}")


def _advertises(site: InstanceSettings, draft: Draft, links: Sequence[str], *, is_more: bool) -> str:
    """What a post is to be held for; "" for nothing."""
    options = draft.poll.options if draft.poll else ()
    text = "\n".join((draft.text, draft.title, draft.summary, *options)).casefold()
    for word in site.held_words:
        if re.search(rf"(?<!\w){re.escape(word.casefold())}(?!\w)", text):
            return f"the word “{word}”"
    for link in find_urls(text):
        host = (urlsplit(link).hostname or "").removesuffix(".")
        for kept_out in site.held_hosts:
            if host == kept_out or host.endswith(f".{kept_out}"):
                return f"a link to {kept_out}"
    if not is_more and site.held_links and len(links) >= site.held_links:
        return f"{len(links)} links"
    return ""
