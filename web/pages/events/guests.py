"""People without an account come to an event: the form, and the page behind the link in their mail. No script is needed."""

from __future__ import annotations

from typing import Final

from aiohttp import hdrs, web

from fedserver.errors import NotFound
from fedserver.events import guests, pages, reading
from web import forms, keys
from web.pages import page
from web.pages.events.agenda import EVENT

GUEST: Final = "/guests/{secret:[^/]+}"
_BLANK: Final = {"name": "", "email": "", "occurrences": (), "guests": "0"}
_HEADERS: Final = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex"}


async def ask(request: web.Request) -> web.StreamResponse:
    """The form: name, mail address, which times."""
    return await page.show(
        request, "event/guest_form.html", view=await _offered(request), fields=dict(_BLANK), problems={}
    )


async def send(request: web.Request) -> web.StreamResponse:
    """Have the address confirmed. The answer is the same whether or not it is known."""
    server, params, view = keys.server(request), await forms.params(request), await _offered(request)
    wanted = params.texts("occurrences", count_max=len(view.times) + 1)
    number = params.text("guests") or "0"
    asked = view.found.details.questions
    said = {question: params.text(f"answer{place}") for place, question in enumerate(asked)}
    name, email = params.text("name"), params.text("email")
    fields = {
        "name": name, "email": email, "occurrences": wanted, "guests": number,
    }  # fmt: skip
    try:
        await guests.ask(
            server, view.row.id, name=name, email=email,
            keys=wanted if wanted and len(view.times) > 1 else None,
            guests=int(number) if number.isascii() and number.isdigit() and len(number) < 4 else -1,
            questions={question: text for question, text in said.items() if text.strip()},
            ip=request[keys.CLIENT],
        )  # fmt: skip
    except page.MENDABLE as error:
        return await page.show_again(request, "event/guest_form.html", error, view=view, fields=fields)
    return await page.show(request, "event/guest_sent.html", view=view)


async def _offered(request: web.Request) -> pages.EventView:
    server = keys.server(request)
    view = await pages.show(server, request[keys.VIEWER], forms.path_id(request))
    if not reading.takes_mail(view.row, view.found.details):
        raise NotFound("One cannot come to this event without an account.")
    return view


# -- behind the link


async def look_at(request: web.Request) -> web.StreamResponse:
    """What was asked or answered; programs open links, too, so nothing happens."""
    opened = await guests.look_at(keys.server(request), request.match_info["secret"])
    return await page.show(
        request, "event/guest.html", headers=_HEADERS, opened=opened, address=_address(request), problems={}
    )


async def change(request: web.Request) -> web.StreamResponse:
    """Confirm, answer anew (`status`, to one `occurrence` or all), hear no more (`hear`), or be forgotten (`forget`)."""
    server, secret, params = keys.server(request), request.match_info["secret"], await forms.params(request)
    opened = await guests.look_at(server, secret)
    what, key = params.text("what"), params.text("occurrence")
    try:
        if what == "forget":
            await guests.forget(server, secret)
            return await page.show(request, "event/guest_gone.html", headers=_HEADERS, opened=opened)
        if what in ("hear", "silence"):
            await guests.hear(server, secret, wanted=what == "hear")
        elif what == "confirm":
            await guests.confirm(server, secret)
        else:
            await guests.answer(server, secret, params.text("status"), keys=[key] if key else None)
    except page.MENDABLE as error:
        response = await page.show_again(
            request, "event/guest.html", error, opened=opened, address=_address(request)
        )
        response.headers.update(_HEADERS)
        return response
    return _go(f"{_address(request)}?done=saved")


async def ask_unsubscribing(request: web.Request) -> web.StreamResponse:
    """Make sure that the end of the mails is wanted."""
    opened = await guests.look_at(keys.server(request), request.match_info["secret"])
    return await page.show(
        request, "event/guest_silence.html", headers=_HEADERS, opened=opened, address=_address(request),
        ended=not opened.guest.wants_mail,
    )  # fmt: skip


async def unsubscribe(request: web.Request) -> web.StreamResponse:
    """No more mails about this event. Mail programs send this by themselves, without a cookie (RFC 8058 §3.2)."""
    server, secret = keys.server(request), request.match_info["secret"]
    await guests.hear(server, secret, wanted=False)
    opened = await guests.look_at(server, secret)
    return await page.show(
        request,
        "event/guest_silence.html",
        headers=_HEADERS,
        opened=opened,
        address=_address(request),
        ended=True,
    )


async def join(request: web.Request) -> web.StreamResponse:
    """On to where the event takes place online, for who is in."""
    return _go(await guests.join_link(keys.server(request), request.match_info["secret"]))


def _go(location: str) -> web.StreamResponse:
    response = page.go(location)
    response.headers[hdrs.CACHE_CONTROL] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _address(request: web.Request) -> str:
    return f"/guests/{request.match_info['secret']}"


routes: Final[list[web.RouteDef]] = [
    web.get(EVENT + "/guest", ask),
    web.post(EVENT + "/guest", send),
    web.get(GUEST, look_at),
    web.post(GUEST, change),
    web.get(GUEST + "/unsubscribe", ask_unsubscribing),
    web.post(GUEST + "/unsubscribe", unsubscribe),
    web.get(GUEST + "/join", join),
]
