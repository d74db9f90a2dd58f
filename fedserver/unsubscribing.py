"""Which mails a member gets, and the link in each that ends its kind without signing in."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection

from fedserver import mail_links
from fedserver.context import Server
from fedserver.errors import Invalid
from fedserver.mail import KINDS
from fedserver.viewer import Member
from storage import users


@dataclass(frozen=True, slots=True)
class Subscription:
    """What an unsubscribe link is about. `words` follow "hear of"; `active` is whether such mails still come."""

    account_id: int
    username: str
    kind: str
    words: str
    active: bool


async def look_at(server: Server, secret: str) -> Subscription:
    """What the link would end, for its page: changes nothing. Raises LinkExpired."""
    return await server.db.read(_subscription, secret)


async def unsubscribe(server: Server, secret: str) -> Subscription:
    """End the mails of the link's kind. Works without signing in, any number of times. Raises LinkExpired."""
    return await server.db.write(_unsubscribe, secret)


async def choose(server: Server, member: Member, kinds: Iterable[str]) -> None:
    """Set the kinds of notification the member gets by mail, of `mail.KINDS`. Raises Invalid for others."""
    wanted = sorted(set(kinds))
    if unknown := [kind for kind in wanted if kind not in KINDS]:
        raise Invalid({"mail_kinds": f"has no {unknown[0][:40]}"})
    await server.db.write(users.change, member.account_id, mail_kinds=json.dumps(wanted))


def _subscription(conn: Connection, secret: str) -> Subscription:
    link = mail_links.look_at(conn, secret, "unsubscribe")
    member = users.by_id(conn, link.account_id)
    if member is None:
        raise mail_links.LinkExpired
    return Subscription(
        link.account_id,
        member.username,
        link.detail,
        KINDS.get(link.detail, link.detail),
        link.detail in member.wants_mail,
    )


def _unsubscribe(conn: Connection, secret: str) -> Subscription:
    found = _subscription(conn, secret)
    member = users.by_id(conn, found.account_id)
    if member is not None and found.active:
        users.change(conn, found.account_id, mail_kinds=json.dumps(sorted(member.wants_mail - {found.kind})))
    return found
