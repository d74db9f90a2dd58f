"""The page that somebody without an account here was sent the address of: what they answered to an event, to be changed."""

from __future__ import annotations

from typing import Final

from aiohttp import hdrs, web

from fedserver.events import by_link
from web import forms, keys
from web.pages import page
from web.pages.events.feeds import MEDIA_TYPE

ANSWERS: Final = "/answers/{secret:[^/.]+}"
# The house's Referrer-Policy tells no other site the address; with none at all browsers would not say where its forms come from.
_HEADERS: Final = {"Cache-Control": "no-store", "X-Robots-Tag": "noindex"}


async def look_at(request: web.Request) -> web.StreamResponse:
    """What was answered. Scanners open links, so opening it changes nothing."""
    opened = await by_link.look_at(keys.server(request), _secret(request))
    return await page.show(
        request, "event/by_link.html", headers=_HEADERS, opened=opened, problems={}, address=_address(request)
    )


async def change(request: web.Request) -> web.StreamResponse:
    """Answer anew (`status`, to one `occurrence` or all), hear no more (`hear` off, on) or make the address useless (`revoke`)."""
    server, secret, params = keys.server(request), _secret(request), await forms.params(request)
    key, status, hear = params.text("occurrence"), params.text("status"), params.text("hear")
    if params.flag("revoke"):
        opened = await by_link.look_at(server, secret)
        await by_link.revoke(server, secret)
        return await page.show(request, "event/by_link_ended.html", headers=_HEADERS, opened=opened)
    if hear:
        await by_link.hear(server, secret, wanted=hear == "on")
        return _saved(request)
    opened = await by_link.look_at(server, secret)
    try:
        await by_link.answer(server, secret, status, keys=[key] if key else None)
    except page.MENDABLE as error:
        response = await page.show_again(
            request, "event/by_link.html", error, opened=opened, address=_address(request)
        )
        response.headers.update(_HEADERS)
        return response
    return _saved(request)


async def calendar(request: web.Request) -> web.StreamResponse:
    """The calendar file."""
    body = await by_link.calendar(keys.server(request), _secret(request))
    return web.Response(body=body, content_type=MEDIA_TYPE, charset="utf-8", headers=_HEADERS)


async def join(request: web.Request) -> web.StreamResponse:
    """On to where the event takes place online, for who is in."""
    response = page.go(await by_link.join_link(keys.server(request), _secret(request)))
    response.headers.update({**_HEADERS, "Referrer-Policy": "no-referrer"})
    return response


def _saved(request: web.Request) -> web.StreamResponse:
    response = page.go(f"{_address(request)}?done=saved")
    response.headers[hdrs.CACHE_CONTROL] = "no-store"
    return response


def _secret(request: web.Request) -> str:
    return request.match_info["secret"]


def _address(request: web.Request) -> str:
    return f"/answers/{_secret(request)}"


routes: Final[list[web.RouteDef]] = [
    web.get(ANSWERS, look_at),
    web.post(ANSWERS, change),
    web.get(ANSWERS + ".ics", calendar),
    web.get(ANSWERS + "/join", join),
]
