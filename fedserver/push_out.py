"""Notifications on their way to the apps of members: what they say, and what becomes of a subscription.

`fedserver.notifications` plans a job for each app that wants to be woken. Whether there is still something to
tell, and whether the member may still see it, is asked again when it is sent.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection

from fedserver import noticeboard, pushes, sealing, settings, webpush
from fedserver.content.html import to_text
from fedserver.content.text import clean_line
from fedserver.context import Server
from fedserver.errors import Refused, Unreachable
from fedserver.jobs.handlers import handles
from fedserver.jobs.plan import plan
from fedserver.media import remote_urls
from fedserver.noticeboard import Asked, Notice, Notices
from fedserver.rendered import Shelf
from storage import push, relationships, users
from storage.paging import Window
from storage.push import SubscriptionRow
from storage.types import HOUR_MS, instant_of, now_ms
from storage.users import UserRow

log = logging.getLogger("fedserver.push")

HOURS: Final = 48  # what is older wakes nobody any more
ATTEMPTS_MAX: Final = 5
FIRST_WAIT_MS: Final = 30_000  # four times as long after each attempt
REFUSALS_MAX: Final = 3
BODY_CHARACTERS_MAX: Final = 140
TITLE_CHARACTERS_MAX: Final = 200
DEFAULT_ICON: Final = "/static/avatar.png"

_GONE: Final = (404, 410)
_LATER: Final = (408, 425, 429)
_NOTHING_HELD: Final = Shelf(0, 0, 0, 0)

_TITLES: Final = {
    "mention": "{who} mentioned you",
    "status": "{who} has posted",
    "reblog": "{who} boosted your post",
    "follow": "{who} follows you now",
    "follow_request": "{who} asks to follow you",
    "favourite": "{who} likes your post",
    "poll": "A poll has ended",
    "update": "{who} edited a post",
    "quote": "{who} quoted your post",
    "quoted_update": "{who} edited a post that you quoted",
    "admin.sign_up": "{who} has signed up",
    "admin.report": "{who} has reported somebody",
    "severed_relationships": "You have lost followers, or people you follow",
    "moderation_warning": "The moderators have written to you",
    "added_to_collection": "{who} put you into a collection",
    "event_reminder": "An event that you go to begins soon",
    "collection_update": "{who} changed a collection that you are in",
}


@dataclass(frozen=True, slots=True)
class _Message:
    subscription: SubscriptionRow
    receiver: webpush.Receiver
    content: dict[str, Any]


@handles("push")
async def send(server: Server, payload: dict[str, Any]) -> None:
    """Wake one app for one notification."""
    subscription_id, notification_id = payload["subscription_id"], payload["notification_id"]
    message = await server.db.read(_compose, server, subscription_id, notification_id)
    if message is None:
        return
    content = {
        "access_token": await asyncio.to_thread(_token_of, server, message.subscription),
        **message.content,
    }
    contact = (await settings.current(server)).contact_email
    sender = webpush.Sender(server.keys.vapid, f"mailto:{contact}" if contact else server.config.origin)
    now = now_ms()
    ttl_s = HOURS * 3600 - (now - instant_of(notification_id)) // 1000
    request = webpush.request(
        message.receiver,
        sender,
        json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode(),
        now_s=now // 1000,
        ttl_s=ttl_s,
        # When we have heard no answer the service may have the message all the same.
        topic=str(notification_id),
    )
    try:
        answer = await server.http.post(message.receiver.endpoint, request.body, request.headers)
    except Refused:
        await server.db.write(push.refused, subscription_id, at_most=REFUSALS_MAX)
        return
    except Unreachable as error:
        await _again(server, payload, str(error), None)
        return
    if answer.status < 300:
        if message.subscription.failures:
            await server.db.write(push.taken, subscription_id)
    elif answer.status in _GONE:
        await server.db.write(push.forget, subscription_id)
    elif answer.status in _LATER or answer.status >= 500:
        await _again(server, payload, f"status {answer.status}", answer.headers.get("Retry-After"))
    else:
        log.info("A push service refuses a message: status %d.", answer.status)
        await server.db.write(push.refused, subscription_id, at_most=REFUSALS_MAX)


async def _again(server: Server, payload: dict[str, Any], why: str, retry_after: str | None) -> None:
    """Plan the next attempt; after the last the message is dropped, because the app will ask when it is opened."""
    attempt = payload["attempt"]
    if attempt >= ATTEMPTS_MAX:
        log.info("A push message was dropped after %d attempts: %s.", attempt, why)
        return
    wait_ms = FIRST_WAIT_MS * 4 ** (attempt - 1)
    if retry_after is not None and retry_after.isascii() and retry_after.isdigit():
        wait_ms = max(wait_ms, min(int(retry_after[:7]) * 1000, HOURS * HOUR_MS))
    wait_ms = round(wait_ms * random.uniform(1, 1.25) / server.config.testing.time_scale)  # noqa: S311
    await server.db.write(
        plan,
        "push",
        {**payload, "attempt": attempt + 1},
        key=f"{payload['subscription_id']}:{payload['notification_id']}",
        not_before_ms=now_ms() + wait_ms,
    )


# -- what is said


def _compose(conn: Connection, server: Server, subscription_id: int, notification_id: int) -> _Message | None:
    """The message, unless there is nothing (any more) that this app should be told."""
    subscription = push.by_id(conn, subscription_id)
    if subscription is None or now_ms() - instant_of(notification_id) >= HOURS * HOUR_MS:
        return None
    member = users.by_id(conn, subscription.account_id)
    if member is None or not member.is_let_in:
        return None
    window = Window(1, max_id=notification_id + 1, min_id=notification_id - 1)
    found = noticeboard.page_unit(conn, member.account_id, window, _NOTHING_HELD, Asked())
    if not found.notices:
        return None
    notice = found.notices[0]
    # Asked again, because both may have been changed meanwhile.
    if not json.loads(subscription.alerts).get(notice.type) or not _wants_from(
        conn, subscription.policy, member.account_id, notice.account.id
    ):
        return None
    receiver = webpush.Receiver(
        subscription.endpoint,
        pushes.decoded(subscription.p256dh),
        pushes.decoded(subscription.auth),
        bool(subscription.standard),
    )
    return _Message(subscription, receiver, _content(server, member, notice, found))


def _wants_from(conn: Connection, policy: str, account_id: int, from_account_id: int) -> bool:
    if policy == "followed":
        return relationships.is_following(conn, account_id, from_account_id)
    if policy == "follower":
        return relationships.is_following(conn, from_account_id, account_id)
    return policy == "all"


def _content(server: Server, member: UserRow, notice: Notice, found: Notices) -> dict[str, Any]:
    """In the form of Mastodon's messages; `notification_id` is a number there, and apps rely on it."""
    profile = found.batch.profiles[notice.account.id]
    who = clean_line(profile.display_name) or profile.username
    text = to_text(profile.note_html)
    if notice.card is not None:
        row = found.batch.contents[notice.card.post.id].row
        text = row.summary or row.title or to_text(row.content_html)
    return {
        "preferred_locale": member.locale,
        "notification_id": notice.id,
        "notification_type": notice.type,
        "icon": remote_urls.avatar(server.config, profile) or f"{server.config.origin}{DEFAULT_ICON}",
        "title": _shortened(_TITLES[notice.type].format(who=who), TITLE_CHARACTERS_MAX),
        "body": _shortened(" ".join(text.split()), BODY_CHARACTERS_MAX),
    }


def _shortened(text: str, characters_max: int) -> str:
    return text if len(text) <= characters_max else f"{text[: characters_max - 1]}…"


def _token_of(server: Server, subscription: SubscriptionRow) -> str:
    if subscription.sealed_token is None:
        return ""
    about = pushes.about_token(subscription.token_id)
    return sealing.unseal(server.config, subscription.sealed_token, about) or ""
