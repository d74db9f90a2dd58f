"""Between servers: follow or reply from your own server, come back from there, and find people and posts."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from fedserver import profiles, reading, remote_interaction, search
from fedserver.errors import FedError, NotFound
from fedserver.events import pages as events
from fedserver.federation import fetch
from fedserver.opportunities import pages as opportunities
from fedserver.viewer import Member
from web import forms, keys
from web.pages import page

FOUND_MAX: Final = 20
TYPED_MAX: Final = 5


async def ask(request: web.Request) -> web.StreamResponse:
    """Which server a visitor has an account on."""
    uri = _uri(request.query.get("uri", ""))
    if isinstance(request[keys.VIEWER], Member):
        return page.go(await _place(request, uri))
    return await page.show(
        request, "remote/interact.html", problems={}, uri=uri, handle="", about=await _about(request, uri)
    )


async def send_home(request: web.Request) -> web.StreamResponse:
    """Lead the visitor to their own server."""
    params = await forms.params(request)
    uri, handle = _uri(params.text("uri")), params.text("handle")
    try:
        target = await remote_interaction.address_at_home(keys.server(request), handle, uri)
    except page.MENDABLE as error:
        return await page.show_again(
            request, "remote/interact.html", error, uri=uri, handle=handle, about=await _about(request, uri)
        )
    # Browsers hold `form-action` against redirects as well, and which server it will be was not known before:
    # so the way on is a link.
    return await page.show(request, "remote/go.html", target=target, handle=handle.strip().removeprefix("@"))


async def arrive(request: web.Request) -> web.StreamResponse:
    """A member comes from a page elsewhere, to follow or answer what is there."""
    page.member(request)
    uri = _uri(request.query.get("uri", "").removeprefix("acct:"))
    return page.go(await _place(request, uri))


async def find(request: web.Request) -> web.StreamResponse:
    """Find people, hashtags, events, opportunities and posts; for members also on other servers, by handle or address."""
    server, viewer = keys.server(request), request[keys.VIEWER]
    text = request.query.get("q", "").strip()[: search.QUERY_CHARACTERS_MAX]
    nothing: dict[str, Any] = {"people": None, "tags": [], "cards": [], "events": [], "opportunities": []}
    if not text:
        return await page.show(request, "remote/search.html", text="", **nothing)
    found = await search.search(
        server,
        viewer,
        text,
        reading.NOTHING_HELD,
        search.Wanted(limit=FOUND_MAX, resolve=isinstance(viewer, Member)),
    )
    people = await profiles.some(server, viewer, [row.id for row in found.accounts])
    cards = await reading.of_batch(server, viewer, found.posts)
    return await page.show(
        request,
        "remote/search.html",
        text=text,
        people=people,
        tags=[row.name for row in found.hashtags],
        cards=cards,
        events=await events.named(server, viewer, text, limit=TYPED_MAX),
        opportunities=await opportunities.named(server, viewer, text, limit=TYPED_MAX),
    )


async def _place(request: web.Request, uri: str) -> str:
    """The page here of an account or post, wherever it is from. Raises NotFound, Unreachable."""
    server, viewer = keys.server(request), request[keys.VIEWER]
    nothing = NotFound("Nothing was found at that address.")
    found = await fetch.resolve(server, uri, viewer_id=viewer.account_id)
    if found is None:
        raise nothing
    kind, row_id = found
    if kind == "collection":
        return f"/collections/{row_id}"
    try:
        if kind == "account":
            return (await profiles.by_id(server, viewer, row_id)).person.path
        return f"{(await reading.one(server, viewer, row_id)).path}/reply"
    except NotFound:
        # What somebody may not see is as if it were not there.
        raise nothing from None


async def _about(request: web.Request, uri: str) -> str:
    """The name of whom or whose post it is about, as far as it is from here; else the address."""
    server, viewer = keys.server(request), request[keys.VIEWER]
    named = server.uris.parse(uri)
    try:
        if named is not None and named.kind in ("actor", "group", "profile"):
            return (await profiles.by_handle(server, viewer, named.value)).person.name
        if named is not None and named.kind in ("post", "post_page") and named.value.isdecimal():
            return (await reading.one(server, viewer, int(named.value))).author.name
    except FedError:
        return uri
    return uri


def _uri(text: str) -> str:
    text = text.strip()
    if not text or len(text) > remote_interaction.URI_CHARS_MAX:
        raise NotFound("The address says nothing about what to follow or answer.")
    return text


routes = [
    web.get("/interact", ask),
    web.post("/interact", send_home),
    web.get("/authorize_interaction", arrive),
    web.get("/search", find),
]
