"""Bringing a calendar in: it is shown what would happen, and then done. And the calendars that are read again and again."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from aiohttp import web

from fedserver.beside import VISIBILITIES
from fedserver.errors import Invalid
from fedserver.events import pages, series
from fedserver.events.importing import bringing, subscribing
from fedserver.events.importing.bringing import Wanted
from fedserver.events.importing.filling import Report
from fedserver.events.importing.subscribing import Wish
from fedserver.groups import catalogue
from fedserver.moderation.permissions import Permission, allows
from web import forms, keys
from web.pages import page
from web.params import Params

IMPORT: Final = "/events/import"
CALENDARS: Final = "/events/calendars"
_TEXTS: Final = ("url", "zone", "visibility", "group", "kept", "name")


async def ask(request: web.Request) -> web.StreamResponse:
    """Which calendar, and how."""
    zone = await pages.zone_of(keys.server(request), page.member(request))
    fields = {**dict.fromkeys(_TEXTS, ""), "zone": zone, "visibility": "public", "answers": False}
    return await page.show(request, "event/import.html", problems={}, **await _context(request, fields))


async def bring(request: web.Request) -> web.StreamResponse:
    """Show what would happen, or do it."""
    server, member, params = keys.server(request), page.member(request), await forms.params(request)
    fields: dict[str, Any] = {name: params.text(name).strip() for name in _TEXTS}
    fields["answers"] = params.flag("answers")
    saves = params.text("what") == "save"
    try:
        wanted = await _wanted(params, fields)
        report, body = await bringing.look(server, member, wanted, dry_run=not saves)
    except page.MENDABLE as error:
        fields["kept"] = ""
        return await page.show_again(
            request, "event/import.html", error, {"group_id": "group"}, **await _context(request, fields)
        )
    fields["kept"] = "" if saves else bringing.packed(body)
    fields["name"] = wanted.name or wanted.url
    context = await _context(request, fields, report, saved=saves)
    return await page.show(request, "event/import.html", problems={}, **context)


async def _wanted(params: Params, fields: dict[str, Any]) -> Wanted:
    file, body, name = params.upload("file"), b"", ""
    if file is not None and file.size:
        body, name = await asyncio.to_thread(file.path.read_bytes), file.filename[:200]
    elif fields["kept"]:
        body, name = bringing.unpacked(fields["kept"]), fields["name"][:200]
    if not body and not fields["url"]:
        raise Invalid({"file": "is missing: choose one, or name an address"})
    return Wanted(
        url="" if body else fields["url"],
        body=body,
        name=name,
        zone=fields["zone"],
        visibility=fields["visibility"] or "public",
        group_id=forms.row_id(fields["group"]) if fields["group"] else None,
        answers=fields["answers"],
    )


async def _context(
    request: web.Request, fields: dict[str, Any], report: Report | None = None, *, saved: bool = False
) -> dict[str, Any]:
    rows = await catalogue.of_member(keys.server(request), page.member(request))
    return {
        "fields": fields,
        "report": report,
        "counts": {name: number for name, number in report.counts().items() if number} if report else {},
        "saved": saved,
        "zones": sorted(series.zones()),
        "visibilities": VISIBILITIES,
        "groups": [(str(row.account_id), row.display_name or row.username) for row in rows if not row.domain],
    }


# -- calendars that are subscribed to


async def calendars(request: web.Request) -> web.StreamResponse:
    """Those that the member looks after, and a form for one more."""
    zone = await pages.zone_of(keys.server(request), page.member(request))
    fields = {
        "url": request.query.get("url", "")[:2_000],
        "title": "",
        "zone": zone,
        "hours": "6",
        "group": "",
    }
    return await page.show(
        request, "event/calendars.html", problems={}, fields=fields, **await _calendars(request)
    )


async def subscribe(request: web.Request) -> web.StreamResponse:
    """One more."""
    server, member, params = keys.server(request), page.member(request), await forms.params(request)
    fields = {name: params.text(name).strip() for name in ("url", "title", "zone", "hours", "group")}
    hours = fields["hours"]
    try:
        wish = Wish(
            url=fields["url"],
            title=fields["title"],
            zone=fields["zone"],
            hours=int(hours) if hours.isascii() and hours.isdigit() and len(hours) < 5 else 0,
            group_id=forms.row_id(fields["group"]) if fields["group"] else None,
        )
        await subscribing.subscribe(server, member, wish)
    except page.MENDABLE as error:
        return await page.show_again(
            request, "event/calendars.html", error, {"group_id": "group"}, fields=fields,
            **await _calendars(request),
        )  # fmt: skip
    return page.go(f"{CALENDARS}?done=subscribed-calendar")


async def act(request: web.Request) -> web.StreamResponse:
    """Pause one, go on with it, read it now, or end it."""
    server, member, params = keys.server(request), page.member(request), await forms.params(request)
    feed_id, what = forms.path_id(request), params.text("what")
    try:
        if what in ("end", "keep"):
            await subscribing.end(server, member, feed_id, keep=what == "keep")
        elif what in subscribing.ACTS:
            await subscribing.act(server, member, feed_id, what)
        else:
            raise Invalid({"what": f"must be end, keep, {', '.join(subscribing.ACTS)}"})
    except page.MENDABLE as error:
        fields = {"url": "", "title": "", "zone": "UTC", "hours": "6", "group": ""}
        return await page.show_again(
            request, "event/calendars.html", error, fields=fields, **await _calendars(request)
        )
    return page.go(f"{CALENDARS}?done=saved")


async def _calendars(request: web.Request) -> dict[str, Any]:
    server, member = keys.server(request), page.member(request)
    rows = await catalogue.of_member(server, member)
    mine = [row for row in rows if not row.domain and row.role in ("owner", "moderator")]
    names = {row.account_id: row.display_name or row.username for row in mine}
    return {
        "feeds": await subscribing.listed(server, member),
        "group_names": names,
        "zones": sorted(series.zones()),
        "places": [
            *([("", "The whole server")] if allows(member.role, Permission.MANAGE_EVENTS) else []),
            *((str(group_id), name) for group_id, name in names.items()),
        ],
    }


routes: Final[list[web.RouteDef]] = [
    web.get(IMPORT, ask),
    web.post(IMPORT, bring),
    web.get(CALENDARS, calendars),
    web.post(CALENDARS, subscribe),
    web.post(CALENDARS + "/{id:[0-9]+}", act),
]
