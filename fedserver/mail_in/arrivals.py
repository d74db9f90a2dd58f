"""Mails that members send in: kept the moment they are handed over, then posted, or refused with a reason.

Whoever hands a mail over (a mailbox that is read, a mail server's pipe) calls `take_in`; when it returns, the mail is durable or
was not for us. A job does the rest, so that nothing is lost and nothing posted twice, wherever a process dies. Headers prove
nothing: who writes is told by the code in our address alone, and what is refused is told to that member's own address,
so nobody can have us write to others.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from enum import Enum
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection

from fedserver import mail, mail_codes, posts, uploads
from fedserver.config import Config
from fedserver.context import Server
from fedserver.errors import FedError, Forbidden
from fedserver.events import itip, replying
from fedserver.events.itip import Reply
from fedserver.groups import mailing
from fedserver.jobs.handlers import handles
from fedserver.jobs.plan import plan
from fedserver.mail_compose import host_of
from fedserver.mail_in.message import Head, Letter, Unreadable, read_calendars, read_head, read_letter
from fedserver.posts import Draft
from fedserver.sessions import role_of
from fedserver.viewer import PAGE_SCOPES, Member
from storage import accounts, groups, mail_arrivals, mail_preferences, media, users
from storage import posts as stored_posts
from storage.database import Database
from storage.event_mail import Person
from storage.mail_arrivals import ArrivalRow
from storage.types import DAY_MS, HOUR_MS, now_ms
from storage.users import UserRow

log = logging.getLogger("fedserver.mail")

REMEMBERED_MS: Final = 90 * DAY_MS
"""How long the same mail is known again."""

IN_AN_HOUR_MAX: Final = 60
"""From one member; nobody writes more, but a program that answers every mail does."""

REFUSALS_TOLD_MAX: Final = 10
"""To one member in a day."""

HEAD_BYTES_MAX: Final = 256_000
EXCERPT_CHARS_MAX: Final = 10_000
CONVERTING_MS: Final = 2_000
_CODE = re.compile(rf"\+([a-z2-7]{{{mail_codes.CHARS}}})@")
_SECRET = re.compile(rf"(?<=[+/])[a-z2-7]{{{mail_codes.CHARS}}}(?![a-z2-7])", re.IGNORECASE)
_OWN_ID = re.compile(r"<(?:post|thread|digest|mail_refused)\.[\d.]+@(?P<host>[^>]+)>")
_MESSAGE_ID = re.compile(r"<[^<>\s]{1,400}>")


class Outcome(Enum):
    """What became of a mail that was handed over."""

    TAKEN = "taken"
    KNOWN = "taken before"
    IGNORED = "ignored: nobody wrote it by hand"
    UNKNOWN = "not for us: no address of ours that is in force"
    LATER = "to be handed over again later: too many came from this member"


async def take_in(
    db: Database,
    config: Config,
    raw: bytes,
    *,
    recipients: Sequence[str] = (),
    sender: str | None = None,
    is_large: bool = False,
) -> Outcome:
    """Keep a mail, and have it posted or refused. `recipients` and `sender` are of the envelope, where they are known.

    Of one that `is_large`, larger than `mail_in_bytes_max`, the beginning is enough.
    """
    is_large = is_large or len(raw) > config.mail_in_bytes_max
    head = read_head(raw[:HEAD_BYTES_MAX])
    # A calendar program may answer by itself, once somebody has pressed a button in it.
    replies = [] if is_large or sender == "" else await asyncio.to_thread(_replies, raw)
    if sender == "" or (head.automatic and not replies) or _is_ours(config, head):
        log.info("A mail was ignored: %s.", head.automatic or "it has no sender, or is ours")
        return Outcome.IGNORED
    # Nothing of it is read when it is too large: that much says why.
    body = raw[:HEAD_BYTES_MAX] if is_large else raw
    addresses = [*(one.strip().lower() for one in recipients), *head.addresses]
    outcome = await db.write(_keep, head, body, addresses, is_large, replies)
    if outcome is Outcome.UNKNOWN:
        log.warning("A mail came to no address of ours that is in force.")
    return outcome


def _is_ours(config: Config, head: Head) -> bool:
    found = _OWN_ID.fullmatch(head.message_id)
    return found is not None and found["host"] == host_of(config)


def _replies(raw: bytes) -> list[Reply]:
    """What a calendar program answers in this mail."""
    return [reply for calendar in read_calendars(raw) for reply in itip.replies(calendar)]


def _keep(
    conn: Connection,
    head: Head,
    body: bytes,
    addresses: Sequence[str],
    is_large: bool,
    replies: Sequence[Reply],
) -> Outcome:
    for address in addresses:
        text = _CODE.search(address)
        code = None if text is None else mail_codes.read(conn, text[1])
        if code is not None and code.purpose == "guest" and replies:
            replying.plan_of_guest(
                conn, code.account_id, code.target_id, replies, head.message_id or body.hex()[:200]
            )
            return Outcome.TAKEN
        if code is None or code.purpose not in mail_codes.ADDRESSES:
            continue
        if head.automatic and code.purpose not in mail_codes.TO_EVENTS:
            return Outcome.IGNORED
        if mail_arrivals.count(conn, code.account_id, now_ms() - HOUR_MS) >= IN_AN_HOUR_MAX:
            return Outcome.LATER
        same = head.message_id.encode() if head.message_id else body
        arrival_id = mail_arrivals.add(
            conn,
            # Also by the thing: one mail to two discussions comes as two copies.
            sha256(f"{code.account_id} {code.target_id} ".encode() + same).digest(),
            account_id=code.account_id,
            kind=code.purpose,
            target_id=code.target_id,
            body=body,
        )
        if arrival_id is None:
            return Outcome.KNOWN
        plan(conn, "mail_arrival", {"id": arrival_id, "is_large": is_large}, key=str(arrival_id))
        return Outcome.TAKEN
    return Outcome.UNKNOWN


def forget_old(conn: Connection) -> None:
    """Forget mails that came long ago. A chore."""
    mail_arrivals.forget(conn, now_ms() - REMEMBERED_MS)


# -- posting


@handles("mail_arrival", timeout_seconds=300)
async def post_arrival(server: Server, payload: dict[str, Any]) -> None:
    """Post what came, or say why not: the handler of the job that `take_in` plans."""
    row = await server.db.read(mail_arrivals.waiting, payload["id"])
    if row is None:
        return
    letter = Letter("", "", ())
    try:
        if row.kind == "event":
            replies = await asyncio.to_thread(_replies, bytes(row.body))
            await server.db.write(_answer, server, row, replies)
            return
        if payload["is_large"]:
            most = server.config.mail_in_bytes_max >> 20
            raise Unreadable({}, f"It is too large: with everything attached it may have {most} MB at most.")
        member, language, ours = await server.db.read(_who, server.config, row)
        letter = await asyncio.to_thread(read_letter, bytes(row.body), ours=ours)
        if not letter.text and not letter.attachments:
            raise Unreadable({}, "Nothing was left of it without what it quotes and without a signature.")
        media_ids = await _attached(server, member, row, letter)
        if media_ids is None:
            await server.db.write(_look_again, payload)
            return
        draft = _draft(row, letter, media_ids, language)
        posts.check(draft)
        await posts.find_strangers(server, draft)
        await server.db.write(_post, server, row, draft)
    except FedError as error:
        await server.db.write(_refuse, server.config, row, letter, str(error))


def _who(conn: Connection, config: Config, row: ArrivalRow) -> tuple[Member, str, tuple[str, ...]]:
    """The member whose address it came to, the language they write in, and what their mail program may say of the mail
    that is answered."""
    user: UserRow | None = users.by_id(conn, row.account_id)
    if user is None or not user.is_let_in:
        raise Forbidden("Your account cannot post at present.")
    ours = [config.mail_sender, config.mail_in_address.replace("@", "+")]
    answered = stored_posts.by_id(conn, row.target_id) if row.kind == "reply" else None
    group = None if answered is None else groups.by_id(conn, answered.group_id)
    author = None if answered is None else accounts.by_id(conn, answered.account_id)
    if group is not None and author is not None:
        ours.append(mailing.sender_name(author, group))
    member = Member(user.account_id, user.username, role_of(user.role), PAGE_SCOPES)
    return member, user.default_language, tuple(ours)


async def _attached(server: Server, member: Member, row: ArrivalRow, letter: Letter) -> list[int] | None:
    """The ids of its attachments, uploaded the first time this is asked; None while some are converted.

    Raises FedError for what we do not take.
    """
    if len(letter.attachments) > posts.MEDIA_MAX:
        raise Unreadable({}, f"It has {len(letter.attachments)} files; a post takes {posts.MEDIA_MAX}.")
    if row.media_ids is None:
        media_ids = [await _upload(server, member, one.name, one.data) for one in letter.attachments]
        await server.db.write(mail_arrivals.put_media, row.id, media_ids)
    else:
        media_ids = json.loads(row.media_ids)
    for media_id, attachment in zip(media_ids, letter.attachments, strict=True):
        found = await server.db.read(media.own, member.account_id, media_id)
        if found is None or found.state == "failed":
            raise Unreadable({}, f"The file {attachment.name} could not be used.")
        if found.state == "processing":
            return None
    return list(media_ids)


async def _upload(server: Server, member: Member, name: str, data: bytes) -> int:
    with tempfile.NamedTemporaryFile(prefix="fedserver-mail-") as file:
        await asyncio.to_thread(file.write, data)
        await asyncio.to_thread(file.flush)
        try:
            return int((await uploads.attach(server, member, Path(file.name))).id)
        except FedError as error:
            raise Unreadable({}, f"The file {name} cannot be used: {error}") from error


def _look_again(conn: Connection, payload: dict[str, Any]) -> None:
    plan(conn, "mail_arrival", payload, key=str(payload["id"]), not_before_ms=now_ms() + CONVERTING_MS)


def _draft(row: ArrivalRow, letter: Letter, media_ids: Sequence[int], language: str) -> Draft:
    draft = Draft(_without_codes(letter.text), "text/markdown", language=language, media_ids=media_ids)
    if row.kind == "reply":
        return replace(draft, in_reply_to_id=row.target_id)
    if not letter.subject:
        raise Unreadable({}, "It has no subject, which would be the title of the discussion.")
    title = letter.subject[: posts.TITLE_CHARACTERS_MAX]
    return replace(draft, title=title, group_id=row.target_id)


def _without_codes(text: str) -> str:
    """The text without addresses and links of ours that would let others act for the member."""
    return _SECRET.sub("…", text)


def _post(conn: Connection, server: Server, row: ArrivalRow, draft: Draft) -> None:
    if mail_arrivals.finish(conn, row.id, "posted"):
        posts.create_unit(conn, server, row.account_id, draft)


def _answer(conn: Connection, server: Server, row: ArrivalRow, replies: Sequence[Reply]) -> None:
    """Answer to an event as a calendar program says."""
    if not replies:
        raise Unreadable(
            {},
            "Its address takes answers of calendar programs alone. Please write to the discussion of the event.",
        )
    if mail_arrivals.finish(conn, row.id, "posted"):
        replying.answer(conn, server, row.target_id, Person(row.account_id), replies)


def _refuse(conn: Connection, config: Config, row: ArrivalRow, letter: Letter, why: str) -> None:
    """Tell the member, at their own address, why their mail was not posted; with what they wrote, so that it is not lost."""
    mail_preferences.lock(conn, row.account_id)
    if not mail_arrivals.finish(conn, row.id, "refused"):
        return
    log.info("A mail by account %d was refused: %s", row.account_id, why)
    if mail_arrivals.count_refused(conn, row.account_id, now_ms() - DAY_MS) > REFUSALS_TOLD_MAX:
        return
    head = read_head(bytes(row.body)[:HEAD_BYTES_MAX])
    answers = _MESSAGE_ID.match(head.message_id)
    excerpt = _without_codes(letter.text)[:EXCERPT_CHARS_MAX]
    mail.plan_mail(
        conn,
        row.account_id,
        "mail_refused",
        {
            "about": letter.subject,
            "why": why,
            "url": _url(conn, config, row),
            "excerpt": mail.quoted(excerpt),
            "answers": answers[0] if answers else "",
        },
    )


def _url(conn: Connection, config: Config, row: ArrivalRow) -> str:
    """Where the same can be written on the web."""
    if row.kind == "event":
        return f"{config.origin}/events/{row.target_id}"
    if row.kind == "group":
        group = groups.by_id(conn, row.target_id)
        return "" if group is None else str(group.url)
    answered = stored_posts.by_id(conn, row.target_id)
    author = None if answered is None else accounts.by_id(conn, answered.account_id)
    return "" if answered is None or author is None else mailing.page_of(config, answered, author)
