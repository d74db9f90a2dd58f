"""The front page, and what the community says about itself."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import cast

from aiohttp import web

from fedserver import policies, profiles, reading, settings, site
from fedserver.about import kept_out
from fedserver.content.markdown import render_markdown
from fedserver.groups import pages
from fedserver.moderation import transparency
from fedserver.policies import Kind
from fedserver.reading import Window
from fedserver.resources import catalogue
from fedserver.resources.cards import card_of
from fedserver.resources.catalogue import Page, Wanted
from fedserver.viewer import Member
from web import forms, keys
from web.kept import for_strangers
from web.pages import page
from web.templating import initials_picture

FRONT_CARDS = 10
FRONT_GROUPS = 3
FRONT_RESOURCES = 3
SERVERS_PER_PAGE = 100


@for_strangers
async def front(request: web.Request) -> web.StreamResponse:
    """What this network is, its newest groups and resources, and latest posts; members are led to their timeline."""
    viewer = request[keys.VIEWER]
    if isinstance(viewer, Member):
        return page.go("/home")
    server = keys.server(request)
    leaf = await reading.public(server, viewer, Window(limit=FRONT_CARDS), local=True)
    groups, _, _ = await pages.find(server, viewer, Window(limit=FRONT_GROUPS), words="", kind="", local=True)
    found = await catalogue.find(server, viewer.account_id, Wanted(), Page(FRONT_RESOURCES))
    return await page.show(
        request,
        "front.html",
        leaf=leaf,
        groups=groups,
        resources=[card_of(one.row, one.details) for one in found.shown],
        about=await site.describe(server),
    )


async def about(request: web.Request) -> web.StreamResponse:
    """Who runs this, for whom, and how many take part."""
    server = keys.server(request)
    described = await site.describe(server)
    people = await profiles.some(
        server, request[keys.VIEWER], [described.contact_account_id] if described.contact_account_id else []
    )
    return await page.show(
        request,
        "about.html",
        about=described,
        text=_text(described.settings.extended_description),
        contact=people.people[0] if people.people else None,
    )


async def rules(request: web.Request) -> web.StreamResponse:
    """The rules of the community, in another language where they are translated."""
    now = await settings.current(keys.server(request))
    wanted = request.query.get("lang", "")
    return await page.show(
        request,
        "rules.html",
        rules=[(rule.id, rule.worded(wanted)) for rule in now.rules],
        wanted=wanted if any(wanted in rule.translations for rule in now.rules) else "",
        languages=sorted({language for rule in now.rules for language in rule.translations}),
    )


async def moderation(request: web.Request) -> web.StreamResponse:
    """What was reported and decided, in numbers without names; and which servers are kept out, and why."""
    server = keys.server(request)
    offset = forms.query(request).integer("offset", 0, least=0)
    servers = await kept_out(server, limit=SERVERS_PER_PAGE + 1, offset=offset)
    return await page.show(
        request,
        "moderation.html",
        spans=await transparency.spans(server),
        mode=(await settings.current(server)).federation_mode,
        servers=servers[:SERVERS_PER_PAGE],
        offset=offset,
        per_page=SERVERS_PER_PAGE,
        has_more=len(servers) > SERVERS_PER_PAGE,
    )


async def privacy(request: web.Request) -> web.StreamResponse:
    """The privacy policy or the terms, as they hold or held from a day on."""
    server, kind = keys.server(request), cast(Kind, request.path.split("/")[1])
    day = request.match_info.get("day", "")
    return await page.show(
        request,
        "policy.html",
        kind=kind,
        version=await (policies.of_day(server, kind, day) if day else policies.current(server, kind)),
        days=await policies.days(server, kind),
        today=f"{datetime.now(UTC):%Y-%m-%d}",
    )


async def agree(request: web.Request) -> web.StreamResponse:
    """A member agrees to the versions that the form named."""
    params = await forms.params(request)
    await policies.agree(keys.server(request), page.member(request), params.ids("versions"))
    return page.go_back(params, "/home")


async def menu(request: web.Request) -> web.StreamResponse:
    """Every page there is for this visitor: what the bar at the bottom of small screens has no room for."""
    return await page.show(request, "menu.html")


async def avatar(request: web.Request) -> web.StreamResponse:
    """The picture of somebody who has none. It follows from the address alone, so anybody may keep it."""
    picture = initials_picture(int(request.match_info["colour"]), request.match_info["initials"])
    return web.Response(
        text=picture,
        content_type="image/svg+xml",
        headers={"Cache-Control": "public, max-age=31536000, immutable"},
    )


def _text(markdown: str) -> str:
    return render_markdown(markdown, {}, lambda name: f"/tags/{name}").html if markdown.strip() else ""


routes = [
    web.get("/", front),
    web.get("/about", about),
    web.get("/about/rules", rules),
    web.get("/about/moderation", moderation),
    web.get("/privacy", privacy),
    web.get("/terms", privacy),
    web.get(r"/privacy/{day:\d{4}-\d\d-\d\d}", privacy),
    web.get(r"/terms/{day:\d{4}-\d\d-\d\d}", privacy),
    web.post("/agree", agree),
    web.get("/menu", menu),
    web.get("/avatars/{colour:[0-7]}/{initials:[^/]{1,2}}.svg", avatar),
]
