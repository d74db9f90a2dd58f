"""Organisers add what came out of an event: notes, a recording, slides; pages elsewhere or resources of the library."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from fedserver.context import Server
from fedserver.errors import Conflict, Invalid, NotFound
from fedserver.events import organising
from fedserver.events.outputs import ROLES
from fedserver.fields import Fields
from fedserver.resources import reading as library
from fedserver.viewer import Member
from storage import event_afterwards, events
from storage import posts as stored_posts
from storage.events import EventRow
from storage.signals import signal
from storage.types import now_ms

OUTPUTS_MAX: Final = 100
TITLE_CHARS_MAX: Final = 200


@dataclass(frozen=True, slots=True)
class NewOutput:
    """What an organiser says of one: an address with a title, or a resource, which has both."""

    role: str = "notes"
    title: str = ""
    url: str = ""
    resource_id: int | None = None
    key: str = ""


async def add(server: Server, member: Member, post_id: int, said: NewOutput) -> int:
    """Add to what came out of an event that the member organises; its id. Raises Invalid (by field), NotFound, Forbidden,
    Conflict."""
    return await server.db.write(_add, server, member.account_id, post_id, said)


def _add(conn: Connection, server: Server, account_id: int, post_id: int, said: NewOutput) -> int:
    row = organising.organised(conn, post_id, account_id)
    fields = Fields()
    role = fields.one_of("role", said.role, ROLES)
    title = fields.line("title", said.title, TITLE_CHARS_MAX, required=said.resource_id is None)
    url = fields.address("url", said.url)
    if bool(url) == (said.resource_id is not None) and "url" not in fields.problems:
        fields.wrong("url", "must be an address, or else a resource of the library is named")
    if url and url == row.join_url:
        fields.wrong("url", "is the link to join, which everybody would read")
    occurrence = events.occurrence_by_key(conn, post_id, said.key) if said.key else None
    if said.key and occurrence is None:
        fields.wrong("occurrence", "is no time at which this event takes place")
    if said.resource_id is not None:
        _check_resource(fields, conn, said.resource_id, account_id)
    if fields.problems:
        raise Invalid(fields.problems)
    known = event_afterwards.outputs_of(conn, [post_id]).get(post_id, [])
    if len(known) >= OUTPUTS_MAX:
        raise Conflict(f"An event has {OUTPUTS_MAX} of these at the most.")
    output_id = event_afterwards.add_output(
        conn, post_id, role=role, title=title, url=url, resource_id=said.resource_id,
        occurrence_id=None if occurrence is None else occurrence.id,
    )  # fmt: skip
    _say_anew(conn, server, row)
    return output_id


def _check_resource(fields: Fields, conn: Connection, resource_id: int, account_id: int) -> None:
    try:
        library.visible(conn, resource_id, account_id)
    except NotFound:
        fields.wrong("resource_id", "is no resource of the library")


async def remove(server: Server, member: Member, post_id: int, output_id: int) -> None:
    """Take one away again. Raises NotFound, Forbidden."""

    def unit(conn: Connection) -> None:
        row = organising.organised(conn, post_id, member.account_id)
        if not event_afterwards.remove_output(conn, post_id, output_id):
            raise NotFound("Record not found")
        _say_anew(conn, server, row)

    await server.db.write(unit)


def _say_anew(conn: Connection, server: Server, row: EventRow) -> None:
    events.change(conn, row.id, changed_at=now_ms())
    stored_posts.change(conn, row.id, edited_at=now_ms())
    server.publish.post_updated(conn, row.id)
    signal(conn, "event", str(row.id))
    signal(conn, "status.update", str(row.id))
