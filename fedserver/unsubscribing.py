"""Which mails a member gets, and the link in each that ends its kind without signing in."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from fedserver import digests, mail_codes, mail_links
from fedserver.content.text import clean_line
from fedserver.context import Server
from fedserver.errors import Invalid, NotFound
from fedserver.events import inviting
from fedserver.groups import mailing, rules
from fedserver.mail import KINDS
from fedserver.mail_codes import Code
from fedserver.mail_preferences import DIGEST_WORDS, GROUPS_WORDS
from fedserver.viewer import Member
from storage import event_mail, group_threads, mail_preferences, subscriptions, users
from storage.types import now_ms
from storage.users import UserRow

# What a link in a mail about events ends: the field of `storage.event_mail.Preference`, and what the mails are.
_OF_EVENTS: Final[dict[str, tuple[str, str]]] = {
    "end_invites": ("invites_by_mail", inviting.WORDS),
    "end_reminders": ("reminds_by_mail", "events that you go to, before they begin"),
}


@dataclass(frozen=True, slots=True)
class Subscription:
    """What an unsubscribe link is about. `words` follow "hear of", `about` is the name of what they are of; `active` is
    whether such mails still come."""

    account_id: int
    username: str
    kind: str
    words: str
    active: bool
    about: str = ""
    target_id: int = 0


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
    code = mail_codes.read(conn, secret)
    if code is not None:
        return _of_groups(conn, code)
    link = mail_links.look_at(conn, secret, "unsubscribe")
    member = _member(conn, link.account_id)
    return Subscription(
        link.account_id,
        member.username,
        link.detail,
        KINDS.get(link.detail, link.detail),
        link.detail in member.wants_mail,
    )


def _of_groups(conn: Connection, code: Code) -> Subscription:
    """What a link in a mail of groups is about; names alone that the member may know."""
    account_id = code.account_id
    preference = mail_preferences.get(conn, account_id)
    if preference is None or code.purpose in mail_codes.ADDRESSES:
        raise mail_links.LinkExpired
    about = ""
    if code.purpose == "end_digest":
        words, active = DIGEST_WORDS, preference.rhythm != "off"
    elif code.purpose in _OF_EVENTS:
        field, words = _OF_EVENTS[code.purpose]
        active = getattr(event_mail.preference(conn, account_id), field)
    elif code.purpose == "end_groups":
        words, active = GROUPS_WORDS, preference.wants_groups
    else:
        thread = group_threads.by_id(conn, code.target_id) if code.purpose == "end_thread" else None
        group_id = (
            code.target_id if code.purpose == "end_group" else None if thread is None else thread.group_id
        )
        words = "each post in a discussion" if code.purpose == "end_thread" else "each post in a group"
        active = group_id is not None and subscriptions.hears_all(
            conn, account_id, group_id, None if thread is None else thread.post_id
        )
        with suppress(NotFound):
            group, _ = rules.known(conn, group_id, account_id)
            about = clean_line(thread.title) if thread is not None else mailing.name_of(group)
    member = _member(conn, account_id)
    return Subscription(account_id, member.username, code.purpose, words, active, about, code.target_id)


def _member(conn: Connection, account_id: int) -> UserRow:
    member = users.by_id(conn, account_id)
    if member is None:
        raise mail_links.LinkExpired
    return member


def _unsubscribe(conn: Connection, secret: str) -> Subscription:
    found = _subscription(conn, secret)
    account_id = found.account_id
    match found.kind:
        case "end_digest":
            digests.set_rhythm(conn, account_id, "off", now_ms())
        case "end_invites" | "end_reminders" as purpose:
            field, _ = _OF_EVENTS[purpose]
            chosen = event_mail.preference(conn, account_id)._asdict() | {field: False}
            event_mail.put_preference(conn, account_id, event_mail.Preference(**chosen))
        case "end_groups":
            mail_preferences.change(conn, account_id, wants_groups=False)
        case "end_group":
            # What names them still comes: that is a kind of its own.
            subscriptions.lower_in_group(conn, account_id, found.target_id, "mentions")
        case "end_thread":
            subscriptions.put(conn, account_id, "thread", found.target_id, "mentions")
        case kind:
            wanted = _member(conn, account_id).wants_mail - {kind}
            if found.active:
                users.change(conn, account_id, mail_kinds=json.dumps(sorted(wanted)))
    return found
