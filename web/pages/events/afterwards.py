"""What comes after an event, for who organises it: what came out of it, who came, and a message to them."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from fedserver.events import adding, attendance
from fedserver.events.adding import NewOutput
from web import forms, keys, replies
from web.pages import page
from web.pages.events.agenda import EVENT
from web.pages.events.organising import mine, people_again


async def add(request: web.Request) -> web.StreamResponse:
    """Add notes, a recording or slides: an address elsewhere, or that of a resource of this server."""
    server, member, params, view = (
        keys.server(request),
        page.member(request),
        await forms.params(request),
        await mine(request),
    )
    url = params.text("url").strip()
    named = server.uris.parse(url)
    resource_id = int(named.value) if named is not None and named.kind == "resource" else None
    said = NewOutput(
        role=params.text("role"),
        title=params.text("title"),
        url="" if resource_id is not None else url,
        resource_id=resource_id,
        key=params.text("occurrence"),
    )
    try:
        await adding.add(server, member, view.row.id, said)
    except page.MENDABLE as error:
        return await page.show_again(request, "event/event.html", error, {"resource_id": "url"}, view=view)
    return page.go(f"{view.path}?done=saved#outputs")


async def remove(request: web.Request) -> web.StreamResponse:
    """Take one away again."""
    member, params, view = page.member(request), await forms.params(request), await mine(request)
    await adding.remove(keys.server(request), member, view.row.id, params.id("output") or 0)
    return page.go(f"{view.path}?done=saved#outputs")


async def note(request: web.Request) -> web.StreamResponse:
    """Tick who came: all who are listed, and of these whose box is ticked."""
    member, params, view = page.member(request), await forms.params(request), await mine(request)
    came, listed = set(params.ids("came")), set(params.ids("listed"))
    try:
        await attendance.note(
            keys.server(request), member, view.row.id, params.text("occurrence"), came & listed, absent=listed
        )
    except page.MENDABLE as error:
        return await people_again(request, view, error)
    return page.go(f"{view.path}/people?done=saved")


async def table(request: web.Request) -> web.StreamResponse:
    """Who answered and who came, as a table to keep."""
    member, view = page.member(request), await mine(request)
    return replies.table(await attendance.table(keys.server(request), member, view.row.id), "attendance.csv")


async def follow_up(request: web.Request) -> web.StreamResponse:
    """Write to those who came."""
    member, params, view = page.member(request), await forms.params(request), await mine(request)
    try:
        await attendance.follow_up(
            keys.server(request),
            member,
            view.row.id,
            params.text("occurrence"),
            params.text("text"),
            params.text("link"),
        )
    except page.MENDABLE as error:
        return await people_again(request, view, error)
    return page.go(f"{view.path}/people?done=written")


routes: Final[list[web.RouteDef]] = [
    web.post(EVENT + "/outputs", add),
    web.post(EVENT + "/outputs/remove", remove),
    web.post(EVENT + "/attendance", note),
    web.get(EVENT + "/people.csv", table),
    web.post(EVENT + "/follow-up", follow_up),
]
