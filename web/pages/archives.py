"""Archives of a group: names to claim, for everybody who reads there; bringing in and taking along, for its owners."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from fedserver.archives import claims, exporting, received
from fedserver.archives.exporting import FORMATS, MEDIA_TYPES
from fedserver.archives.importing import Options
from fedserver.errors import FedError, Invalid, NotFound
from fedserver.groups import catalogue
from fedserver.groups.catalogue import Shown
from fedserver.reading import Window
from fedserver.viewer import Member
from web import forms, keys
from web.api.groups.archives import streamed
from web.pages import page

HERE = "/groups/{name:[A-Za-z0-9_]+}/archives"
NAMES_PER_PAGE = 40


async def show(request: web.Request) -> web.StreamResponse:
    """Whose names are in the archives; for owners, what has been brought in and what waits for them."""
    found = await _group(request)
    return await page.show(request, "archive/archives.html", problems={}, **await _context(request, found))


async def bring_in(request: web.Request) -> web.StreamResponse:
    """Take an archive that an owner sends."""
    server, member = keys.server(request), page.member(request)
    found = await _group(request)
    params = await forms.params(request)
    try:
        file = params.upload("file")
        if file is None or not file.size:
            raise Invalid({"file": "is missing: choose the archive"})
        channels = params.text("channels").replace(",", " ").split()
        await received.receive(
            server, member, found.group.account_id, file.path, params.text("source"), Options(channels),
            name=file.filename,
        )  # fmt: skip
    except page.MENDABLE as error:
        return await page.show_again(
            request, "archive/archives.html", error, **await _context(request, found)
        )
    return page.go(f"{_here(found)}?done=import-begun")


async def export(request: web.Request) -> web.StreamResponse:
    """All threads as a file."""
    server, member = keys.server(request), page.member(request)
    found = await _group(request)
    format_ = next((one for one in FORMATS if one == request.match_info["format"]), None)
    if format_ is None:
        raise NotFound
    pieces = await exporting.export(server, found.group.account_id, member.account_id, format_)
    return await streamed(request, pieces, MEDIA_TYPES[format_], f"{found.group.username}.{format_}")


async def decide(request: web.Request) -> web.StreamResponse:
    """Give a name to the member who claims it, or do not."""
    server, member = keys.server(request), page.member(request)
    found = await _group(request)
    accept = request.match_info["decision"] == "accept"
    await claims.decide(server, member, found.group.account_id, forms.path_id(request), accept=accept)
    return page.go(f"{_here(found)}?done=claim-decided")


async def ask_claim(request: web.Request) -> web.StreamResponse:
    """The form to say that a name is one's own."""
    page.member(request)
    found = await _group(request)
    person = await claims.name(
        keys.server(request), request[keys.VIEWER].account_id, found.group.account_id, forms.path_id(request)
    )
    return await page.show(request, "archive/name.html", found=found, person=person, email="", problems={})


async def claim(request: web.Request) -> web.StreamResponse:
    """Say that a name is one's own, by a link to a mailbox or to be decided by the owners."""
    server, member = keys.server(request), page.member(request)
    found = await _group(request)
    group_id, person_id = found.group.account_id, forms.path_id(request)
    email = (await forms.params(request)).text("email")
    try:
        state = await claims.claim(server, member, group_id, person_id, email=email)
    except page.MENDABLE as error:
        person = await claims.name(server, member.account_id, group_id, person_id)
        return await page.show_again(
            request, "archive/name.html", error, found=found, person=person, email=email
        )
    return page.go(f"{_here(found)}?done=name-{state}")


async def look_at_link(request: web.Request) -> web.StreamResponse:
    """The page of the link: a button, because mail scanners open links too."""
    person = await claims.look_at(keys.server(request), request.match_info["secret"])
    return await page.show(request, "archive/claim.html", person=person)


async def confirm(request: web.Request) -> web.StreamResponse:
    """The mailbox is theirs, and so is the name."""
    await claims.confirm(keys.server(request), request.match_info["secret"])
    return page.go("/claimed")


async def confirmed(request: web.Request) -> web.StreamResponse:
    """What happens now."""
    return await page.show(request, "archive/claimed.html")


async def _group(request: web.Request) -> Shown:
    viewer = request[keys.VIEWER]
    return await catalogue.show_named(keys.server(request), viewer.account_id, request.match_info["name"])


async def _context(request: web.Request, found: Shown) -> dict[str, Any]:
    server, viewer = keys.server(request), request[keys.VIEWER]
    group_id = found.group.account_id
    window = page.window(request, NAMES_PER_PAGE)
    names = await claims.names(server, viewer.account_id, group_id, window)
    context: dict[str, Any] = {
        "found": found,
        "here": _here(found),
        "unclaimed": names,
        "older": names[-1].id if len(names) == NAMES_PER_PAGE else None,
        "runs": [],
        "waiting": [],
        "owns": False,
    }
    if isinstance(viewer, Member) and found.standing.role == "owner":
        try:
            context["runs"] = await received.runs(server, viewer, group_id, Window(limit=10))
            context["waiting"] = await claims.waiting(server, viewer, group_id, Window(limit=40))
            context["owns"] = True
        except FedError:
            pass  # an archived group takes nothing any more
    return context


def _here(found: Shown) -> str:
    return f"/groups/{found.group.username}/archives"


routes = [
    web.get(HERE, show),
    web.post(HERE, bring_in),
    web.get(HERE + "/export/{format}", export),
    web.post(HERE + "/claims/{id}/{decision:accept|reject}", decide),
    web.get(HERE + "/names/{id}", ask_claim),
    web.post(HERE + "/names/{id}", claim),
    web.get("/claim/{secret:[^/]+}", look_at_link),
    web.post("/claim/{secret:[^/]+}", confirm),
    web.get("/claimed", confirmed),
]
