"""Answers that calendar programs send by mail (METHOD:REPLY) become answers to the event. Units.

Who answers was told by the address that the mail came to; what it says of itself is not asked."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import date, datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection

from fedserver.context import Server
from fedserver.errors import FedError, NotFound
from fedserver.events import answers, itip
from fedserver.events.itip import Reply
from fedserver.jobs.handlers import handles
from fedserver.jobs.plan import plan
from storage import event_mail, events
from storage.event_mail import Person
from storage.types import now_ms


def answer(conn: Connection, server: Server, post_id: int, who: Person, replies: Sequence[Reply]) -> None:
    """Answer so to an event of this server. Raises NotFound for another event, and what `fedserver.events.answers` does."""
    row = events.by_id(conn, post_id)
    if row is None or not row.local or any(one.uid != row.uid for one in replies):
        raise NotFound("This is about an event that there is not.")
    every = events.occurrences(conn, post_id)
    mine = event_mail.answers_of(conn, who, [one.id for one in every])
    # What they were asked to are the times that they had said they come to, not all of a series.
    usual = [one.key for one in every if one.id in mine and one.ends_at > now_ms()] or None
    for one in replies:
        keys = usual if one.begins is None else [itip.key_of(one.begins, row.zone)]
        if who.account_id is not None:
            answers.answer_unit(conn, server, who.account_id, post_id, one.answer, keys=keys)
        elif who.guest_id is not None:
            answers.answer_as_guest(conn, server, who.guest_id, post_id, one.answer, keys=keys)


def plan_of_guest(
    conn: Connection, guest_id: int, post_id: int, replies: Sequence[Reply], message_id: str
) -> None:
    """Have somebody without an account answer so."""
    said = [
        {
            "uid": one.uid,
            "answer": one.answer,
            "begins": None if one.begins is None else one.begins.isoformat(),
        }
        for one in replies
    ]
    key = sha256(f"{guest_id} {message_id}".encode()).hexdigest()
    plan(conn, "event_reply", {"guest_id": guest_id, "post_id": post_id, "replies": said}, key=key)


@handles("event_reply")
async def answer_of_guest(server: Server, payload: dict[str, Any]) -> None:
    """Answer as the calendar program of somebody without an account said. What cannot be is told to nobody: they have the page
    of their answer."""
    replies = [Reply(one["uid"], one["answer"], _begins(one["begins"])) for one in payload["replies"]]
    who = Person(guest_id=payload["guest_id"])
    with suppress(FedError):
        await server.db.write(answer, server, payload["post_id"], who, replies)


def _begins(text: str | None) -> date | datetime | None:
    if text is None:
        return None
    return datetime.fromisoformat(text) if "T" in text else date.fromisoformat(text)
