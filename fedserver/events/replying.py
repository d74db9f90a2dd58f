"""Answers that calendar programs send by mail (METHOD:REPLY) become answers to the event. Units.

Who answers was told by the address that the mail came to; what it says of itself is not asked."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from fedserver.context import Server
from fedserver.errors import NotFound
from fedserver.events import answers, itip
from fedserver.events.itip import Reply
from storage import event_mail, events
from storage.event_mail import Person
from storage.types import now_ms


def answer(conn: Connection, server: Server, post_id: int, who: Person, replies: Sequence[Reply]) -> None:
    """Answer so to an event of this server. Raises NotFound for another event, and what `fedserver.events.answers` does."""
    row = events.by_id(conn, post_id)
    if row is None or not row.local or any(one.uid != row.uid for one in replies):
        raise NotFound("This is about an event that there is not.")
    assert who.account_id is not None
    every = events.occurrences(conn, post_id)
    mine = event_mail.answers_of(conn, who, [one.id for one in every])
    # What they were asked to are the times that they had said they come to, not all of a series.
    usual = [one.key for one in every if one.id in mine and one.ends_at > now_ms()] or None
    for one in replies:
        keys = usual if one.begins is None else [itip.key_of(one.begins, row.zone)]
        answers.answer_unit(conn, server, who.account_id, post_id, one.answer, keys=keys)
