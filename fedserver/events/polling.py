"""Answering to an event by voting in the poll that it has in apps (`storage.event_polls`). A vote answers to all that is to come."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from fedserver.context import Server
from fedserver.errors import Conflict, Invalid, NotFound
from fedserver.events import answers, telling
from storage import event_polls, events
from storage.posts import PostRow
from storage.signals import signal


def vote(conn: Connection, server: Server, account_id: int, row: PostRow, choices: Sequence[int]) -> None:
    """A member votes, or votes again, which is to think better of it. Who has to wait for a seat hears of it.

    Raises NotFound for an event without a poll, Invalid (also when it is too late), Forbidden.
    """
    event = events.by_id(conn, row.id)
    if event is None or event.rsvp_mode not in event_polls.SIGN_UP_MODES:
        raise NotFound
    # Clients look for Mastodon's words.
    if not choices or any(not 0 <= one < len(event_polls.CHOICES) for one in choices):
        raise Invalid({"choices": "must name options"}, "The chosen vote option does not exist.")
    if len(choices) > 1:
        raise Invalid(
            {"choices": "must be one"}, "You have already voted on this poll with the first choice."
        )
    if event.status == "cancelled":
        raise Invalid({}, "The poll has already ended.")
    status = event_polls.CHOICES[choices[0]][0]
    try:
        kept = answers.answer_unit(conn, server, account_id, row.id, status)
    except Conflict as error:
        raise Invalid({}, str(error)) from error
    waiting = [one for one in kept if one.state == "waiting"]
    if waiting:
        telling.tell(conn, server, event, "waiting", waiting)
    signal(conn, "status.update", str(row.id))
