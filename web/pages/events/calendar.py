"""The calendar: day by day, as a list, a month; of everything, or of a group; and a member's own, for their calendar program."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import hdrs, web

from fedserver.errors import Invalid, NotFound
from fedserver.events import calendars, page_calendar, series
from fedserver.events.finding import Wanted
from fedserver.events.page_calendar import Choices
from fedserver.groups import pages as group_pages
from fedserver.resources.cards import LANGUAGES
from web import calendar, forms, keys
from web.calendar import as_query
from web.kept import for_strangers
from web.pages import page

VIEWS: Final = ("", "list")
MONTH: Final = "/events/calendar"
MINE: Final = "/events/mine"
_NOTHING: Final = Choices((), (), (), (), ())


@for_strangers
async def listed(request: web.Request) -> web.StreamResponse:
    """What takes place from now on: day by day, or as a list that is easily printed."""
    return await _shown(request, "event/list.html", "/events")


@for_strangers
async def month(request: web.Request) -> web.StreamResponse:
    """A month, by its name (``2026-11``), or this one."""
    return await _shown(request, "event/month.html", MONTH)


async def _shown(request: web.Request, template: str, base: str) -> web.StreamResponse:
    server, viewer, query = keys.server(request), request[keys.VIEWER], forms.query(request)
    asked, name = calendar.wanted(request), request.match_info.get("month", "")
    asked_zone = query.text("zone").strip()
    zone = await page_calendar.zone_of(server, viewer, asked_zone)
    zoned = [("zone", asked_zone)] if asked_zone == zone else []
    view = "list" if query.text("view") == "list" else ""
    context: dict[str, Any] = {
        "asked": asked, "zone": zone, "zones": sorted({*page_calendar.ZONES, zone}), "view": view, "problem": "",
        "languages": LANGUAGES, "origin": server.config.origin, "feed": as_query(calendar.pairs(asked)),
        "query": as_query([*calendar.pairs(asked), *zoned]), "choices": _NOTHING, "entries": [], "month": None,
        "chosen": _chosen(asked, zoned, base + (f"/{name}" if name else "")), "following": "", "after": "",
    }  # fmt: skip
    if asked_zone and asked_zone not in series.zones():
        context["problem"] = "There is no such time zone."
    try:
        if base == MONTH:
            context["month"] = await page_calendar.month(server, viewer, asked, zone, name)
        else:
            after = query.text("after")
            entries, following = await page_calendar.coming(server, viewer, asked, zone, after=after)
            more = [*calendar.pairs(asked), *zoned, *([("view", view)] if view else [])]
            context |= {"entries": entries, "after": after}
            context["following"] = "/events" + as_query([*more, ("after", following)]) if following else ""
    except Invalid as error:
        return await page.show(request, template, status=422, **{**context, "problem": str(error)})
    except ValueError:
        raise NotFound from None
    context["choices"] = await page_calendar.choices(server, viewer)
    return await page.show(request, template, **context)


def _chosen(asked: Wanted, zoned: list[tuple[str, str]], base: str) -> list[tuple[str, str, str]]:
    """What is asked for, by name and value, each with the address of the calendar without it."""
    pairs = calendar.pairs(asked)
    return [
        (name, value, base + as_query([*(one for one in pairs if one != (name, value)), *zoned]))
        for name, value in pairs
    ]


async def to_month(request: web.Request) -> web.StreamResponse:
    """On to this month."""
    query = request.rel_url.raw_query_string
    return page.go(MONTH + (f"?{query}" if query else ""))


async def of_group(request: web.Request) -> web.StreamResponse:
    """What is to come in a group, as far as the viewer may see it."""
    server, viewer = keys.server(request), request[keys.VIEWER]
    view = await group_pages.show(server, viewer, request.match_info["name"])
    zone = await page_calendar.zone_of(server, viewer, "")
    after = forms.query(request).text("after")
    entries, following = await page_calendar.coming(
        server, viewer, Wanted(group=str(view.card.id)), zone, after=after
    )
    return await page.show(
        request,
        "group/events.html",
        view=view,
        entries=entries if view.readable else [],
        zone=zone,
        after=after,
        following=f"{view.card.path}/events{as_query([('after', following)])}" if following else "",
    )


# -- a member's own


async def mine(request: web.Request) -> web.StreamResponse:
    """The secret addresses of the member's calendar, to subscribe to."""
    return await _mine(request)


async def add(request: web.Request) -> web.StreamResponse:
    """A new one, which is shown this once."""
    member, params = page.member(request), await forms.params(request)
    try:
        _, secret = await calendars.add_token(keys.server(request), member, params.text("label"))
    except page.MENDABLE as error:
        tokens = await calendars.tokens(keys.server(request), member)
        return await page.show_again(request, "event/mine.html", error, tokens=tokens, address="")
    return await _mine(request, f"{keys.server(request).config.origin}/calendar/{secret}.ics")


async def remove(request: web.Request) -> web.StreamResponse:
    """Take one back: it shows nothing from now on."""
    member, params = page.member(request), await forms.params(request)
    await calendars.remove_token(keys.server(request), member, params.id("token") or 0)
    return page.go(f"{MINE}?done=saved")


async def _mine(request: web.Request, address: str = "") -> web.StreamResponse:
    tokens = await calendars.tokens(keys.server(request), page.member(request))
    response = await page.show(request, "event/mine.html", tokens=tokens, address=address, problems={})
    response.headers[hdrs.CACHE_CONTROL] = "private, no-store"
    return response


routes: Final[list[web.RouteDef]] = [
    web.get("/events", listed),
    web.get(MONTH, month),
    web.get(MONTH + r"/{month:\d{4}-\d{2}}", month),
    web.get("/calendar", to_month),
    web.get("/groups/{name:[^/]+}/events", of_group),
    web.get(MINE, mine),
    web.post(MINE, add),
    web.post(MINE + "/remove", remove),
]
