"""What came out of an event: notes, a recording, slides; pages elsewhere or resources of the library. And the resources that
its agenda names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from fedserver.events.records import AgendaItem
from fedserver.resources import catalogue
from storage.event_afterwards import OutputRow

ROLES: Final = ("notes", "recording", "slides", "other")
WORDS: Final = {"notes": "Notes", "recording": "Recording", "slides": "Slides"}
"""The first word of the link by which other servers learn of one; of others there is none."""


@dataclass(frozen=True, slots=True)
class Linked:
    """A resource of the library that an event leads to."""

    id: int
    title: str
    url: str


@dataclass(frozen=True, slots=True)
class Output:
    """One thing that came out of it; `key` is of the occurrence that it is of, "" for the whole event."""

    id: int
    role: str
    title: str
    url: str
    key: str = ""
    resource_id: int | None = None


def linked(conn: Connection, viewer_id: int | None, post_ids: Iterable[int]) -> dict[int, Linked]:
    """Those of these resources that the viewer may see, by id."""
    wanted = list(dict.fromkeys(post_ids))
    found = catalogue.of_ids(conn, viewer_id, wanted) if wanted else []
    return {one.row.id: Linked(one.row.id, one.row.title, one.row.url) for one in found}


def of_agenda(agenda: Sequence[AgendaItem]) -> list[int]:
    """The ids of the resources that an agenda names."""
    return [int(one) for item in agenda for one in item.resources]


def shown(rows: Sequence[OutputRow], resources: Mapping[int, Linked]) -> list[Output]:
    """As whoever sees these resources sees them: what is not for them is left out."""
    found = []
    for row in rows:
        resource = resources.get(row.resource_id)
        if row.resource_id is not None and resource is None:
            continue
        title, url = (row.title, row.url) if resource is None else (resource.title, resource.url)
        found.append(Output(row.id, row.role, title, url, row.key or "", row.resource_id))
    return found
