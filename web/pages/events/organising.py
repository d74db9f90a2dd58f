"""Announcing an event, changing it, calling off single times, and who comes: for those who organise."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from aiohttp import web
from msgspec.structs import replace

from fedserver import editions, posts
from fedserver.errors import FedError, Forbidden
from fedserver.events import agendas, clashes, organising, page_calendar, pages, publishing, records, series
from fedserver.events.offsets import OFFSETS
from fedserver.events.publishing import OccurrenceChange
from fedserver.events.reading import described_of
from fedserver.events.records import Described, Place
from fedserver.events.series import Rule, Schedule
from web import forms, keys
from web.pages import page
from web.pages.events.agenda import EVENT
from web.params import Params

_TEXTS: Final = (
    "title", "abstract", "text", "language", "kind", "status", "zone", "day", "time", "minutes", "days", "repeat", "interval",
    "count", "until", "dates", "place_name", "street", "postal_code", "locality", "country", "tool", "join_url", "website",
    "rsvp_mode", "external_url", "capacity", "guests_max", "questions", "agenda", "cost", "eligibility", "keywords", "visibility",
)  # fmt: skip
_FLAGS: Final = ("online", "has_waiting_list", "captions", "asks_elsewhere", "by_mail")
# From the names of what is wrong to fields of the form.
NAMES: Final = {
    "schedule": "day", "schedule.starts": "day", "schedule.zone": "zone", "schedule.minutes": "minutes",
    "schedule.days": "days", "schedule.rule": "repeat", "schedule.dates": "dates", "schedule.left_out": "dates",
    "place": "place_name",
}  # fmt: skip
_PLACE: Final = ("place_name", "street", "postal_code", "locality", "country")
REPEATS: Final = (
    ("", "It does not repeat"), ("daily", "Every day"), ("weekly", "Every week"), ("monthly", "Every month, on that day"),
    ("nth", "Every month, on that weekday (such as the second Friday)"), ("dates", "On the dates below"),
)  # fmt: skip


async def ask_new(request: web.Request) -> web.StreamResponse:
    """The form for a new event."""
    member, server = page.member(request), keys.server(request)
    usual = await editions.defaults(server, member)
    fields = {**_blank(), "language": usual.language, "zone": await pages.zone_of(server, member)}
    return await _form(request, fields, {})


async def new(request: web.Request) -> web.StreamResponse:
    """Announce it."""
    server, member, params = keys.server(request), page.member(request), await forms.params(request)
    fields = typed(params)
    if params.text("what") == "look":
        return await _look(request, fields)
    try:
        post_id = await publishing.publish(
            server, member, _said(fields), visibility=fields["visibility"] or "public"
        )
    except page.MENDABLE as error:
        return await _form_again(request, fields, error)
    return page.go(f"/events/{post_id}?done=announced")


async def ask_change(request: web.Request) -> web.StreamResponse:
    """What is said of an event, for its organiser to change."""
    view = await mine(request)
    return await _form(request, _typed_before(described_of(view.row)), {}, view)


async def change(request: web.Request) -> web.StreamResponse:
    """Change it."""
    server, member, params = keys.server(request), page.member(request), await forms.params(request)
    view, fields = await mine(request), typed(params)
    if params.text("what") == "look":
        return await _look(request, fields, view)
    before = described_of(view.row)
    said = _with_the_rest(_said(fields), fields, before)
    try:
        await publishing.change(server, member, view.row.id, said)
    except page.MENDABLE as error:
        return await _form_again(request, fields, error, view)
    return page.go(f"{view.path}?done=saved")


async def change_occurrence(request: web.Request) -> web.StreamResponse:
    """Move one time of it, call it off, or bring it back."""
    server, member, params = keys.server(request), page.member(request), await forms.params(request)
    view = await mine(request)
    what = params.text("what")
    moved = f"{params.text('day')}T{params.text('time')}" if what == "move" else None
    wanted = OccurrenceChange(
        starts=moved,
        cancelled={"cancel": True, "restore": False}.get(what),
        note=params.text("note") if what != "restore" else "",
    )
    try:
        await publishing.change_occurrence(server, member, view.row.id, request.match_info["key"], wanted)
    except page.MENDABLE as error:
        return await page.show_again(request, "event/event.html", error, view=view)
    return page.go(f"{view.path}?done=saved")


async def people(request: web.Request) -> web.StreamResponse:
    """Who comes, who waits, who asks."""
    view = await looked_after(request)
    return await page.show(
        request, "event/people.html", view=view, listed=await _listed(request, view), problems={}
    )


async def people_again(request: web.Request, view: pages.EventView, error: FedError) -> web.StreamResponse:
    """The same, with what was wrong."""
    return await page.show_again(
        request, "event/people.html", error, view=view, listed=await _listed(request, view)
    )


async def _listed(request: web.Request, view: pages.EventView) -> Any:
    params = forms.query(request)
    return await pages.people(
        keys.server(request), request[keys.VIEWER], view.row.id, key=params.text("occurrence"),
        after=params.id("after") or 0,
    )  # fmt: skip


async def decide(request: web.Request) -> web.StreamResponse:
    """Let somebody in, or not."""
    member, params, view = page.member(request), await forms.params(request), await looked_after(request)
    guest_id = params.id("guest")
    who = organising.Person(guest_id=guest_id) if guest_id else organising.Person(params.id("account") or 0)
    await organising.decide(
        keys.server(request), member, view.row.id, who, params.text("decision"), key=params.text("occurrence")
    )
    return page.go(f"{view.path}/people?done=saved")


async def ask_delete(request: web.Request) -> web.StreamResponse:
    """Make sure that deleting is meant, and not calling it off."""
    return await page.show(request, "event/delete.html", view=await mine(request), problems={})


async def delete(request: web.Request) -> web.StreamResponse:
    """Delete it for good."""
    member, view = page.member(request), await mine(request)
    await posts.delete_post(keys.server(request), member, view.row.id)
    return page.go("/events?done=deleted")


async def looked_after(request: web.Request) -> pages.EventView:
    """The event in the path, for who decides about answers to it. Raises NotFound, Forbidden."""
    member = page.member(request)
    view = await pages.show(keys.server(request), member, forms.path_id(request))
    if not organising.looks_after(view.row, member):
        raise Forbidden("This event is somebody else's.")
    return view


async def mine(request: web.Request) -> pages.EventView:
    """The event in the path, for who organises it. Raises NotFound, Forbidden."""
    member = page.member(request)
    view = await pages.show(keys.server(request), member, forms.path_id(request))
    if not view.mine:
        raise Forbidden("This event is somebody else's.")
    return view


# -- the form


def _blank() -> dict[str, Any]:
    tomorrow = datetime.now(UTC).date() + timedelta(days=7)
    return {
        **dict.fromkeys(_TEXTS, ""), **dict.fromkeys(_FLAGS, False), "kind": "call", "status": "scheduled", "zone": "UTC",
        "day": tomorrow.isoformat(), "time": "15:00", "minutes": "60", "interval": "1", "rsvp_mode": "free",
        "visibility": "public", "has_waiting_list": True, "online": True, "asks_elsewhere": True, "by_mail": True,
        "reminders": ["1440", "60"],
    }  # fmt: skip


def typed(params: Params) -> dict[str, Any]:
    """The fields as they were typed, to be shown again."""
    texts = {name: params.text(name).replace("\r\n", "\n") for name in _TEXTS}
    flags = {name: params.flag(name) for name in _FLAGS}
    return {**texts, **flags, "reminders": params.texts("reminders", count_max=len(OFFSETS))}


def _said(fields: Mapping[str, Any]) -> Described:
    def lines(name: str) -> tuple[str, ...]:
        return tuple(one.strip() for one in str(fields[name]).splitlines() if one.strip())

    return Described(
        title=fields["title"],
        abstract=fields["abstract"],
        text=fields["text"],
        language=fields["language"],
        kind=fields["kind"],
        status=fields["status"],
        schedule=_schedule(fields, lines("dates")),
        place=Place(
            name=fields["place_name"],
            street=fields["street"],
            postal_code=fields["postal_code"],
            locality=fields["locality"],
            country=fields["country"],
        ),
        online=bool(fields["online"]),
        tool=fields["tool"],
        join_url=fields["join_url"],
        website=fields["website"],
        rsvp_mode=fields["rsvp_mode"],
        external_url=fields["external_url"],
        capacity=_number(fields["capacity"]),
        has_waiting_list=bool(fields["has_waiting_list"]),
        asks_elsewhere=bool(fields["asks_elsewhere"]),
        guests_max=_number(fields["guests_max"]) or 0,
        questions=lines("questions"),
        reminders=tuple(_number(one) or 0 for one in fields["reminders"]),
        by_mail=bool(fields["by_mail"]),
        agenda=agendas.from_lines(fields["agenda"]),
        cost=fields["cost"],
        eligibility=fields["eligibility"],
        captions=bool(fields["captions"]),
        keywords=tuple(one.strip() for one in str(fields["keywords"]).split(",")),
    )


def _schedule(fields: Mapping[str, Any], dates: tuple[str, ...]) -> Schedule:
    days = _number(fields["days"]) or 0
    time = "" if days else f"T{fields['time']}"
    repeat = fields["repeat"]
    rule = None
    if repeat in ("daily", "weekly", "monthly", "nth"):
        position = None
        if repeat == "nth":
            try:
                day = date.fromisoformat(fields["day"]).day
            except ValueError:
                day = 1
            position = min((day - 1) // 7 + 1, 4)
        rule = Rule(
            frequency="monthly" if repeat == "nth" else repeat,
            interval=_number(fields["interval"]) or 1,
            position=position,
            count=_number(fields["count"]),
            until=fields["until"],
        )
    return Schedule(
        starts=f"{fields['day']}{time}",
        zone=fields["zone"].strip(),
        minutes=_number(fields["minutes"]) or 0,
        days=days,
        rule=rule,
        dates=tuple(one if "T" in one or days else f"{one}{time}" for one in dates)
        if repeat == "dates"
        else (),
    )


def _with_the_rest(said: Described, fields: Mapping[str, Any], before: Described) -> Described:
    """What the form has no field for stays as it was: on the map as long as the address is the same, of a series the days of
    the week and what is left out as long as it repeats like before and begins on the same day."""
    kept = {
        name: getattr(before, name) for name in ("organisers", "languages", "accessibility", "rsvp_closes_at")
    }
    typed_before = _typed_before(before)
    if all(fields[name] == typed_before[name] for name in _PLACE):
        kept["place"] = before.place
    if all(fields[name] == typed_before[name] for name in ("day", "repeat", "days")):
        kept["schedule"] = _like_before(said.schedule, before.schedule)
    return replace(said, **kept)


def _like_before(said: Schedule, before: Schedule) -> Schedule:
    rule = said.rule
    if rule is not None and before.rule is not None:
        rule = replace(rule, weekdays=before.rule.weekdays, position=before.rule.position)
    time, was = said.starts.partition("T")[2], before.starts.partition("T")[2]
    left_out = tuple(
        f"{one.partition('T')[0]}T{time}" if was and one.partition("T")[2] == was else one
        for one in before.left_out
    )
    dates = said.dates if said.rule is None else before.dates
    return replace(said, rule=rule, left_out=left_out, dates=dates)


def _typed_before(said: Described) -> dict[str, Any]:
    schedule, place = said.schedule, said.place
    day, _, time = schedule.starts.partition("T")
    rule = schedule.rule
    repeat = "dates" if rule is None and schedule.dates else ""
    if rule is not None:
        repeat = "nth" if rule.position is not None else rule.frequency
    return {
        **_blank(),
        **{name: getattr(said, name) for name in (
            *("title", "abstract", "text", "language", "kind", "status", "tool", "website", "rsvp_mode"),
            *("external_url", "cost", "eligibility", "online", "has_waiting_list", "captions", "asks_elsewhere"),
        )},
        "zone": schedule.zone, "day": day, "time": time or "15:00", "minutes": str(schedule.minutes),
        "days": str(schedule.days or ""), "repeat": repeat,
        "interval": str(rule.interval) if rule else "1",
        "count": str(rule.count or "") if rule else "", "until": rule.until if rule else "",
        "dates": "\n".join(schedule.dates),
        "place_name": place.name, "street": place.street, "postal_code": place.postal_code,
        "locality": place.locality, "country": place.country, "join_url": said.join_url or "",
        "capacity": str(said.capacity or ""), "guests_max": str(said.guests_max or ""),
        "questions": "\n".join(said.questions), "agenda": agendas.to_lines(said.agenda),
        "keywords": ", ".join(said.keywords), "reminders": [str(one) for one in said.reminders],
        "by_mail": said.by_mail if said.by_mail is not None else said.rsvp_mode == "free",
    }  # fmt: skip


def _number(text: str) -> int | None:
    text = str(text).strip()
    if not text:
        return None
    return int(text) if text.isascii() and text.isdigit() and len(text) < 8 else -1


async def _form(
    request: web.Request,
    fields: dict[str, Any],
    problems: Mapping[str, str],
    view: pages.EventView | None = None,
) -> web.StreamResponse:
    return await page.show(
        request,
        "event/form.html",
        fields=fields,
        problems=problems,
        view=view,
        looked=None,
        clashes=[],
        **_CHOICES,
    )


async def _form_again(
    request: web.Request, fields: dict[str, Any], error: FedError, view: pages.EventView | None = None
) -> web.StreamResponse:
    return await page.show_again(
        request,
        "event/form.html",
        error,
        NAMES,
        fields=fields,
        view=view,
        looked=None,
        clashes=[],
        **_CHOICES,
    )


async def _look(
    request: web.Request, fields: dict[str, Any], view: pages.EventView | None = None
) -> web.StreamResponse:
    """The form as it was filled in, with what else takes place at that time; nothing is kept."""
    server, member = keys.server(request), page.member(request)
    try:
        found = await clashes.of_schedule(
            server, member, _said(fields).schedule, without=None if view is None else view.row.id
        )
    except page.MENDABLE as error:
        return await _form_again(request, fields, error, view)
    zone = await page_calendar.zone_of(server, member, fields["zone"].strip())
    told = [
        (page_calendar.moment(one.starts_at, zone), page_calendar.entries(server, member, one.lines, zone))
        for one in found.clashes
    ]
    return await page.show(
        request,
        "event/form.html",
        fields=fields,
        problems={},
        view=view,
        looked=found,
        clashes=told,
        **_CHOICES,
    )


_CHOICES: Final[dict[str, Any]] = {
    "kinds": records.KINDS, "statuses": records.STATUSES, "repeats": REPEATS, "zones": sorted(series.zones()),
    "offsets": OFFSETS,
}  # fmt: skip

routes: Final[list[web.RouteDef]] = [
    web.get("/events/new", ask_new),
    web.post("/events/new", new),
    web.get(EVENT + "/edit", ask_change),
    web.post(EVENT + "/edit", change),
    web.get(EVENT + "/people", people),
    web.post(EVENT + "/people", decide),
    web.get(EVENT + "/delete", ask_delete),
    web.post(EVENT + "/delete", delete),
    web.post(EVENT + "/times/{key:[0-9T]+}", change_occurrence),
]
