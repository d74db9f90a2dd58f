"""One event with its times, and answering to it."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from fedserver.events import answers, pages
from web import forms, keys, replies
from web.catalogues import documents
from web.federation import objects
from web.kept import for_strangers
from web.pages import page
from web.pages.events import feeds

EVENT: Final = "/events/{id:[0-9]+}"


async def event(request: web.Request) -> web.StreamResponse:
    """An event as a page; schema.org's JSON-LD for catalogues that ask for it, its object for other servers."""
    if documents.wants_json_ld(request):
        return await feeds.json_ld(request)
    if replies.wants_activity(request):
        return await objects.event(request, request.match_info["id"])
    return await _page(request)


@for_strangers
async def _page(request: web.Request) -> web.StreamResponse:
    view = await pages.show(keys.server(request), request[keys.VIEWER], forms.path_id(request))
    return await page.show(request, "event/event.html", view=view, problems={})


async def occurrence(request: web.Request) -> web.StreamResponse:
    """One time of an event, on the page of the event."""
    view = await pages.show(keys.server(request), request[keys.VIEWER], forms.path_id(request))
    return page.go(f"{view.path}#{request.match_info['key']}")


async def answer(request: web.Request) -> web.StreamResponse:
    """Say whether one comes, to one time or all."""
    server, member, params = keys.server(request), page.member(request), await forms.params(request)
    post_id, key = forms.path_id(request), params.text("occurrence")
    guests = params.text("guests") or "0"
    view = await pages.show(server, member, post_id)
    asked = view.found.details.questions
    said = {question: params.text(f"answer{number}") for number, question in enumerate(asked)}
    try:
        await answers.answer(
            server,
            member,
            post_id,
            params.text("status"),
            keys=[key] if key else None,
            guests=int(guests) if guests.isascii() and guests.isdigit() and len(guests) < 4 else -1,
            questions={question: text for question, text in said.items() if text.strip()},
        )
    except page.MENDABLE as error:
        return await page.show_again(request, "event/event.html", error, view=view)
    return page.go(f"{view.path}?done=answered" + (f"#{key}" if key else ""))


async def join(request: web.Request) -> web.StreamResponse:
    """On to where the event takes place online, for those who go."""
    member = page.member(request)
    url = await answers.join_link(keys.server(request), member, forms.path_id(request))
    response = page.go(url)
    response.headers.update({"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})
    return response


routes: Final[list[web.RouteDef]] = [
    web.get(EVENT, event),
    web.get(EVENT + "/{key:[0-9T]+}", occurrence),
    web.post(EVENT + "/rsvp", answer),
    web.get(EVENT + "/join", join),
]
