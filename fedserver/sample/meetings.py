"""Announce the events of the sample community, and answer to them."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from msgspec.structs import replace
from sqlalchemy import Connection

from fedserver.context import Server
from fedserver.events import adding, answers, attendance, publishing, series
from fedserver.events.adding import NewOutput
from fedserver.events.checking import checked
from fedserver.events.publishing import OccurrenceChange
from fedserver.events.records import Described
from fedserver.sample import agenda
from fedserver.sample.agenda import Entry
from fedserver.viewer import Member
from storage import events
from storage.event_mail import Person
from storage.types import HOUR_MS, now_ms


async def fill(server: Server, members: dict[str, Member], resources: dict[str, int]) -> int:
    """Events with their answers; how many. `resources` are the ids of those in the library, by key."""
    for entry in sorted(agenda.ENTRIES, key=lambda one: -one.hours_ago):
        author, said = members[entry.author], _dated(entry, resources)
        post_id = await server.db.write(_announce, server, author, entry, said)
        await _answer(server, members, entry, post_id)
        keys = [key for key, _, _ in series.spans_of(said.schedule)]
        if entry.calls_off is not None:
            number, note = entry.calls_off
            change = OccurrenceChange(cancelled=True, note=note)
            await publishing.change_occurrence(server, author, post_id, keys[number - 1], change)
        if entry.came:
            came = [members[name].account_id for name in entry.came]
            await attendance.note(server, author, post_id, keys[0], came)
        for one in entry.outputs:
            resource_id = resources[one.resource] if one.resource else None
            await adding.add(server, author, post_id, NewOutput(one.role, one.title, one.url, resource_id))
    return len(agenda.ENTRIES)


def _dated(entry: Entry, resources: dict[str, int]) -> Described:
    said, named = entry.said, dict(entry.agenda_resources)
    today = datetime.now(ZoneInfo(said.schedule.zone))
    starts = f"{(today + timedelta(days=entry.in_days)).date()}" + (f"T{entry.at}" if entry.at else "")
    items = (
        replace(item, resources=(str(resources[named[place]]),)) if place in named else item
        for place, item in enumerate(said.agenda)
    )
    return checked(replace(said, schedule=replace(said.schedule, starts=starts), agenda=tuple(items)))


def _announce(conn: Connection, server: Server, author: Member, entry: Entry, said: Described) -> int:
    at_ms = now_ms() - round(entry.hours_ago * HOUR_MS)
    return publishing.publish_unit(
        conn, server, author.account_id, said, visibility=entry.visibility, at_ms=at_ms
    )


async def _answer(server: Server, members: dict[str, Member], entry: Entry, post_id: int) -> None:
    if entry.in_days < 0 and not entry.said.schedule.is_series:
        await server.db.write(_have_answered, members, entry, post_id)
        return
    for name, status in entry.answers:
        said = dict(entry.said_to_questions) if status == "going" else None
        await answers.answer(server, members[name], post_id, status, questions=said)


def _have_answered(conn: Connection, members: dict[str, Member], entry: Entry, post_id: int) -> None:
    """It is over: they answered when it was not."""
    for one in events.occurrences(conn, post_id):
        for name, status in entry.answers:
            columns = {"answer": status, "state": "in" if status == "going" else ""}
            events.put_answer(conn, one.id, Person(members[name].account_id), columns)
        events.count_anew(conn, one.id)
