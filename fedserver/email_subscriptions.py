"""People without an account read a member's public posts by e-mail.

Only where the server offers it (`email_subscriptions`) and the member does. Nobody is written to twice in a day who
has not confirmed that they want it, and every mail ends with a link that ends them all. Posts wait for a quarter of an
hour, so that what is posted together comes in one mail.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any, Final

from sqlalchemy import Connection

from fedserver import email_addresses, settings
from fedserver.config import Config
from fedserver.content.html import to_text
from fedserver.content.text import clean_line
from fedserver.context import Server
from fedserver.errors import NotFound
from fedserver.jobs.handlers import handles
from fedserver.jobs.plan import plan
from fedserver.mail_compose import Envelope, compose
from fedserver.mail_out import hand_over
from fedserver.moderation import addresses
from fedserver.viewer import Member
from storage import accounts, email_subscriptions, posts
from storage.email_subscriptions import SubscriptionRow
from storage.posts import PostRow
from storage.types import DAY_MS, now_ms

DELAY_MS: Final = 15 * 60_000
POSTS_IN_ONE_MAIL: Final = 20
EXCERPT_CHARS_MAX: Final = 1_500
ASKED_FOR_ONE_ADDRESS_MAX: Final = 5  # a day: each makes us write to a mailbox that may be somebody else's
UNCONFIRMED_KEPT_MS: Final = 7 * DAY_MS
SUBSCRIBERS_PER_UNIT: Final = 100
SECRET_BYTES: Final = 24


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a link in a mail is about."""

    name: str
    username: str
    email: str
    confirmed: bool


# -- beginning and ending


async def ask(server: Server, account_id: int, email: str, *, locale: str = "en") -> None:
    """Somebody wants a member's posts by e-mail: have the address confirmed. Whether it is known is not told.

    Raises NotFound where that is not offered, Invalid for what is no address.
    """
    if not server.config.email_subscriptions or not await server.db.read(
        email_subscriptions.offers, account_id
    ):
        raise NotFound("Record not found")
    address = email_addresses.parse(email)
    await addresses.check(server, address.text)

    def unit(conn: Connection) -> None:
        since = now_ms() - DAY_MS
        known = email_subscriptions.of_address(conn, account_id, address.key)
        if known is not None and (known.confirmed_at is not None or known.created_at > since):
            return
        if email_subscriptions.asked_since(conn, address.key, since) >= ASKED_FOR_ONE_ADDRESS_MAX:
            return
        if known is not None:
            email_subscriptions.remove(conn, known.id)
        subscription_id = email_subscriptions.add(
            conn,
            account_id=account_id,
            email=address.text,
            email_key=address.key,
            locale=locale[:16],
            secret=secrets.token_urlsafe(SECRET_BYTES),
        )
        plan(conn, "mail_subscriber", {"subscription_id": subscription_id, "post_ids": []})

    await server.db.write(unit)


async def look_at(server: Server, secret: str) -> Subscription:
    """What a link is about, without using it. Raises NotFound."""
    return await server.db.read(lambda conn: _shown(_of_secret(conn, secret)))


async def confirm(server: Server, secret: str) -> Subscription:
    """Begin the mails. Raises NotFound."""

    def unit(conn: Connection) -> Subscription:
        row = _of_secret(conn, secret)
        email_subscriptions.confirm(conn, row.id)
        return _shown(row)

    return await server.db.write(unit)


async def end(server: Server, secret: str) -> None:
    """End the mails for good; nothing happens when they had ended."""

    def unit(conn: Connection) -> None:
        row = email_subscriptions.by_secret(conn, secret)
        if row is not None:
            email_subscriptions.remove(conn, row.id)

    await server.db.write(unit)


async def offer(server: Server, member: Member, *, wanted: bool) -> None:
    """Whether people without an account may have a member's posts by e-mail."""

    def unit(conn: Connection) -> None:
        accounts.change(conn, member.account_id, mails_posts=wanted)

    await server.db.write(unit)


async def readers(server: Server, member: Member) -> tuple[bool, int]:
    """Whether a member offers their posts by e-mail, and how many get them."""

    def unit(conn: Connection) -> tuple[bool, int]:
        row = accounts.by_id(conn, member.account_id)
        return row is not None and row.mails_posts, email_subscriptions.count(conn, member.account_id)

    return await server.db.read(unit)


def forget_unconfirmed(conn: Connection) -> None:
    """Forget addresses that nobody has confirmed for a week. A chore."""
    email_subscriptions.forget_unconfirmed(conn, now_ms() - UNCONFIRMED_KEPT_MS)


# -- sending


def posted(conn: Connection, row: PostRow) -> None:
    """A member has posted: have it sent, together with what follows within a quarter of an hour."""
    if (
        row.visibility != "public"
        or row.in_reply_to_uri
        or not email_subscriptions.has_any(conn, row.account_id)
    ):
        return
    plan(
        conn,
        "mail_subscribers",
        {"account_id": row.account_id, "from_id": row.id},
        key=str(row.account_id),
        not_before_ms=now_ms() + DELAY_MS,
    )


@handles("mail_subscribers")
async def mail_subscribers(server: Server, payload: dict[str, Any]) -> None:
    """Plan a mail for everybody who gets these posts."""
    account_id: int = payload["account_id"]
    if not server.config.email_subscriptions:
        return
    after_id: int | None = 0
    while after_id is not None:
        after_id = await server.db.write(_plan_some, account_id, payload["from_id"], after_id)


def _plan_some(conn: Connection, account_id: int, from_id: int, after_id: int) -> int | None:
    """Plan the mails of some readers; where to go on."""
    if not email_subscriptions.offers(conn, account_id):
        return None
    post_ids = email_subscriptions.posts_to_send(conn, account_id, from_id, limit=POSTS_IN_ONE_MAIL)
    if not post_ids:
        return None
    found = email_subscriptions.confirmed_ids(conn, account_id, after_id, limit=SUBSCRIBERS_PER_UNIT)
    for subscription_id in found:
        plan(
            conn,
            "mail_subscriber",
            {"subscription_id": subscription_id, "post_ids": post_ids},
            key=f"{subscription_id} {post_ids[0]}",
        )
    return found[-1] if len(found) == SUBSCRIBERS_PER_UNIT else None


@handles("mail_subscriber", attempts_max=10)
async def mail_subscriber(server: Server, payload: dict[str, Any]) -> None:
    """Write and send one mail: with posts, or without any the one that asks whether they are wanted."""
    message = await server.db.read(_written, server.config, payload["subscription_id"], payload["post_ids"])
    await hand_over(server.mail, message)


def _written(
    conn: Connection, config: Config, subscription_id: int, post_ids: list[int]
) -> EmailMessage | None:
    row = email_subscriptions.by_id(conn, subscription_id)
    if row is None or not email_subscriptions.offers(conn, row.account_id):
        return None
    site = settings.in_force(conn, config)
    name = clean_line(row.display_name) or row.username
    values: dict[str, Any] = {
        "name": name,
        "handle": f"@{row.username}@{config.domain}",
        "contact_email": site.contact_email,
    }
    end_url = f"{config.origin}/unsubscribe/posts/{row.secret}"
    if not post_ids:
        if row.confirmed_at is not None:
            return None
        values["url"] = f"{config.origin}/confirm/posts/{row.secret}"
        envelope = Envelope(
            to=row.email,
            message_id=f"subscription.{row.id}",
            kind="subscription_confirm",
            unsubscribe_url=end_url,
        )
        return compose(config, site.title, "subscription_confirm", envelope, values)
    if row.confirmed_at is None:
        return None
    found = posts.by_ids(conn, post_ids)
    shown = [found[one] for one in post_ids if one in found and found[one].visibility == "public"]
    if not shown:
        return None
    values["posts"] = [_post(one) for one in shown]
    envelope = Envelope(
        to=row.email,
        message_id=f"subscription.{row.id}.{shown[0].id}",
        kind="subscription",
        unsubscribe_url=end_url,
        archive_url=f"{config.origin}/@{row.username}",
    )
    return compose(config, site.title, "subscription", envelope, values)


def _post(row: PostRow) -> dict[str, str]:
    """What a mail shows of a post; not what is behind a warning."""
    hidden = row.sensitive and row.summary and not row.title
    text = row.summary if hidden else to_text(row.content_html)
    if len(text) > EXCERPT_CHARS_MAX:
        text = text[: EXCERPT_CHARS_MAX - 1].rstrip() + "…"
    quoted = "\n".join(f"> {line}" for line in text.splitlines() if line.strip())
    return {"title": clean_line(row.title), "text": quoted, "url": row.url, "line": clean_line(text)[:60]}


def _of_secret(conn: Connection, secret: str) -> SubscriptionRow:
    row = email_subscriptions.by_secret(conn, secret)
    if row is None:
        raise NotFound("This link has expired, or the mails have ended already.")
    return row


def _shown(row: SubscriptionRow) -> Subscription:
    return Subscription(
        clean_line(row.display_name) or row.username, row.username, row.email, row.confirmed_at is not None
    )
