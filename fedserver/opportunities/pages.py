"""Opportunities as pages show them: times in their zone and in the viewer's, what the viewer may do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection

from fedserver import search, settings, visibility
from fedserver.config import Config
from fedserver.context import Server
from fedserver.errors import NotFound
from fedserver.groups.pages import GroupCard, card_of
from fedserver.opportunities import reading, saying, times
from fedserver.opportunities.faces import schema_org
from fedserver.opportunities.leaving import closed_as_of
from fedserver.opportunities.reading import OpportunityRow, Shown, Wanted
from fedserver.opportunities.records import Form, form_of
from fedserver.page_cards import person_of
from fedserver.viewer import Viewer
from storage import applications, groups, users

LISTED_MAX: Final = 20


@dataclass(frozen=True, slots=True)
class OpportunityView:
    """An opportunity for its page, or for a list. `deadline` is in its own zone, `here` in the viewer's ("" if that is the same),
    `left` how long there is still; `json_ld` is for search engines, "" where it is not for everybody."""

    row: OpportunityRow
    found: Shown
    where: str
    pay: str
    opens: str
    deadline: str
    here: str
    left: str
    line: str
    author: Any
    mine: bool
    group: Any = None
    sent_count: int = 0  # applications, for the poster
    application: Any = None  # the viewer's own
    reviews: bool = False  # the viewer does
    json_ld: str = ""

    @property
    def path(self) -> str:
        return f"/opportunities/{self.row.id}"

    @property
    def state(self) -> str:
        return self.found.state


async def show(server: Server, viewer: Viewer, post_id: int) -> OpportunityView:
    """One opportunity with what the viewer has to do with it. Raises NotFound."""

    def unit(conn: Connection) -> OpportunityView:
        found = reading.shown(conn, post_id, viewer.account_id)
        row, viewer_id = found.row, viewer.account_id
        mine = viewer_id is not None and row.account_id == viewer_id
        group = groups.by_id(conn, row.group_id)
        for_everybody = row.visibility in visibility.FOR_EVERYBODY
        return _view(
            server.config,
            found,
            viewer_id,
            _zone(conn, viewer),
            group=None if group is None else card_of(server.config, group),
            sent_count=applications.counts(conn, [row.id]).get(row.id, 0) if mine else 0,
            application=None if viewer_id is None else applications.of_account(conn, row.id, viewer_id),
            reviews=viewer_id is not None and applications.is_reviewer(conn, row.id, viewer_id),
            json_ld=schema_org.script(schema_org.document(found)) if for_everybody and row.local else "",
        )

    return await server.db.read(unit)


async def board(
    server: Server, viewer: Viewer, wanted: Wanted, *, after: str = ""
) -> tuple[Sequence[OpportunityView], str]:
    """A page of the board, and where the next begins, or "". Raises Invalid."""
    page = await reading.board(server, viewer.account_id, wanted, limit=LISTED_MAX, after=after)
    zone = await server.db.read(_zone, viewer)
    return [_view(server.config, one, viewer.account_id, zone) for one in page.lines], page.after


async def named(server: Server, viewer: Viewer, text: str, *, limit: int) -> list[OpportunityView]:
    """Opportunities that are found by words, closed ones too."""
    found = await reading.named(server, viewer.account_id, text, search.Wanted(limit=limit))
    zone = await server.db.read(_zone, viewer)
    return [_view(server.config, one, viewer.account_id, zone) for one in found]


def _zone(conn: Connection, viewer: Viewer) -> str:
    """The zone in which the viewer reads times; "" where that is not known."""
    member = None if viewer.account_id is None else users.by_id(conn, viewer.account_id)
    return "" if member is None else str(member.time_zone)


def _view(config: Config, found: Shown, viewer_id: int | None, zone: str, **more: Any) -> OpportunityView:
    row, details = found.row, found.details
    deadline = times.words(details.deadline, details.zone) if details.deadline else ""
    here = times.instant_words(row.deadline_at, zone) if row.deadline_at is not None and zone else ""
    same = zone == times.iana(details.zone)
    return OpportunityView(
        row=row,
        found=found,
        where=saying.where(details),
        pay=saying.pay(details.pay),
        opens=times.words(details.opens, details.zone) if details.opens else "",
        deadline=deadline,
        here="" if same else here,
        left=_left(row, found.at_ms) if found.state == "soon" else "",
        line=saying.line(row.kind, details, closed_as=closed_as_of(row)),
        author=person_of(config, found.author),
        mine=viewer_id is not None and row.account_id == viewer_id,
        **more,
    )


def _left(row: OpportunityRow, at_ms: int) -> str:
    """How long one can still apply: ``3 days``, ``5 hours``, ``20 minutes``."""
    minutes = max(0, (row.expires_at - at_ms) // 60_000)
    for unit, length in (("day", 1440), ("hour", 60), ("minute", 1)):
        if minutes >= length:
            number = minutes // length
            return f"{number} {unit}" + ("s" if number != 1 else "")
    return "less than a minute"


async def group_named(server: Server, viewer: Viewer, group_id: int) -> GroupCard:
    """The group whose opportunities are looked at. Raises NotFound."""

    def unit(conn: Connection) -> GroupCard:
        visibility.known(conn, group_id, viewer.account_id)
        row = groups.by_id(conn, group_id)
        if row is None:
            raise NotFound
        return card_of(server.config, row)

    return await server.db.read(unit)


async def zone_of(server: Server, viewer: Viewer) -> str:
    """The zone that a form for a new opportunity begins with: the member's, or else the server's."""
    zone = await server.db.read(_zone, viewer)
    return zone if zone not in ("", "UTC") else (await settings.current(server)).time_zone


def form_of_row(row: OpportunityRow) -> Form:
    """How one applies here for this; an empty form where one does not."""
    return form_of(row.form) or Form()
