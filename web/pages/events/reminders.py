"""When a member is reminded of one event."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from fedserver.events import pages, preferences
from fedserver.events.offsets import OFFSETS
from web import forms, keys
from web.pages import page
from web.pages.events.agenda import EVENT


async def ask(request: web.Request) -> web.StreamResponse:
    """When it is, and when it is to be."""
    server, member = keys.server(request), page.member(request)
    view = await pages.show(server, member, forms.path_id(request))
    minutes, chosen = await preferences.reminding(server, member, view.row.id)
    return await page.show(
        request, "event/reminders.html", view=view, offsets=OFFSETS, minutes=[str(one) for one in minutes],
        chosen=chosen, problems={},
    )  # fmt: skip


async def choose(request: web.Request) -> web.StreamResponse:
    """So long before, or as of all events."""
    server, member, params = keys.server(request), page.member(request), await forms.params(request)
    view = await pages.show(server, member, forms.path_id(request))
    texts = params.texts("reminders", count_max=len(OFFSETS))
    minutes = None if params.text("what") == "usual" else read_minutes(texts)
    try:
        await preferences.choose_reminding(server, member, view.row.id, minutes)
    except page.MENDABLE as error:
        return await page.show_again(
            request, "event/reminders.html", error, view=view, offsets=OFFSETS, minutes=texts, chosen=True
        )
    return page.go(f"{view.path}?done=saved")


def read_minutes(texts: list[str]) -> list[int]:
    """Numbers that were ticked; 0, which is refused, for what is none."""
    return [int(one) if one.isascii() and one.isdigit() and len(one) < 6 else 0 for one in texts]


routes: Final[list[web.RouteDef]] = [
    web.get(EVENT + "/reminders", ask),
    web.post(EVENT + "/reminders", choose),
]
