"""A resource on a page of its own; at the same address documents for those who ask for them."""

from __future__ import annotations

import secrets
from typing import Any, Final

from aiohttp import web

from fedserver.resources import adapting, pages, reports, shelves
from fedserver.resources.cards import card_of
from fedserver.resources.faces import checks
from fedserver.resources.faces import entry as entries
from fedserver.resources.pages import ResourceView
from fedserver.resources.reports import Report, Told
from web import forms, keys, replies
from web.catalogues import documents
from web.federation import objects
from web.kept import for_strangers
from web.pages import page
from web.pages.resources.writing import RESOURCE
from web.params import Params

TEMPLATE: Final = "resource/resource.html"
KINDS: Final = {"uses": "use", "reviews": "review", "discussion": ""}
TYPED: Final = ("used_in", "used_on", "changed", "worked", "note", "version", "rating")
# Where in the form that is filled in which catalogues miss.
PLACES: Final = {
    "types": "edit#what", "landing_url": "edit#url", "authors.orcid": "edit#authors", "version": "versions/new",
}  # fmt: skip
NOTES: Final = {"text": "note", "status": "note"}


async def resource(request: web.Request) -> web.StreamResponse:
    """A resource as a page; schema.org's JSON-LD for catalogues that ask for it, the object for other servers."""
    if documents.wants_json_ld(request):
        return await documents.json_ld(request)
    if replies.wants_activity(request):
        return await objects.resource(request, request.match_info["id"])
    return await _page(request)


@for_strangers
async def _page(request: web.Request) -> web.StreamResponse:
    """A resource with its versions, what it is made from, and what was said about it."""
    view = await pages.show(keys.server(request), request[keys.VIEWER], forms.path_id(request))
    return await page.show(request, TEMPLATE, problems={}, **_context(view))


async def said(request: web.Request) -> web.StreamResponse:
    """All that was said of a resource in one way: uses, reviews, or the discussion."""
    part = request.match_info["part"]
    number = forms.query(request).integer("page", 1, least=1, most=1_000)
    view, found = await pages.said(
        keys.server(request), request[keys.VIEWER], forms.path_id(request), KINDS[part], number
    )
    return await page.show(
        request,
        "resource/said.html",
        view=view,
        said=found,
        part=part,
        number=number,
        per_page=pages.SAID_PER_PAGE,
    )


async def catalogues(request: web.Request) -> web.StreamResponse:
    """How catalogues see it: what each of them needs, wants, and finds wrong."""
    viewer = request[keys.VIEWER]
    found = await entries.read(keys.server(request), viewer.account_id, forms.path_id(request))
    return await page.show(
        request,
        "resource/catalogues.html",
        card=card_of(found.row, found.details),
        report=checks.report(found),
        mine=found.row.account_id == viewer.account_id,
        places=PLACES,
    )


# -- what members do with it


async def use(request: web.Request) -> web.StreamResponse:
    """Tell that one used it."""
    params = await forms.params(request)
    report = Report(
        kind="use",
        version=params.text("version"),
        used_in=params.text("used_in"),
        used_on=params.text("used_on"),
        changed=_lines(params, "changed"),
        worked=_lines(params, "worked"),
    )
    return await _tell(request, params, report, "use-told", "uses")


async def review(request: web.Request) -> web.StreamResponse:
    """Say what one thinks of it."""
    params = await forms.params(request)
    rating = params.text("rating")
    report = Report(
        kind="review",
        version=params.text("version"),
        rating=int(rating) if rating.isdecimal() and len(rating) == 1 else None,
    )
    return await _tell(request, params, report, "review-told", "reviews")


async def _tell(
    request: web.Request, params: Params, report: Report, done: str, section: str
) -> web.StreamResponse:
    server, member, post_id = keys.server(request), page.member(request), forms.path_id(request)
    key = params.text("key", chars_max=64)
    told = Told(report, _lines(params, "note"), idempotency_key=f"page:{key}" if key else None)
    try:
        await reports.tell(server, member, post_id, told)
    except page.MENDABLE as error:
        view = await pages.show(server, member, post_id)
        # Both forms have such fields.
        sentences = {
            f"{report.kind}-{NOTES.get(name, name)}" if name else "": text
            for name, text in page.problems_of(error, {}).items()
        }
        typed = {f"{report.kind}-{name}": params.text(name) for name in TYPED}
        return await page.show_again(
            request, TEMPLATE, error, sentences=sentences, **_context(view, report.kind, typed)
        )
    return page.go(f"/resources/{post_id}?done={done}#{section}")


async def adapt(request: web.Request) -> web.StreamResponse:
    """Begin a draft of what is made from it."""
    server, member, params = keys.server(request), page.member(request), await forms.params(request)
    post_id, relation = forms.path_id(request), params.text("relation", "adaptation")
    draft_id = await adapting.adapt(
        server, member, post_id, relation=relation, language=params.text("language")
    )
    return page.go(f"/resources/drafts/{draft_id}?done=adapt-begun")


async def shelve(request: web.Request) -> web.StreamResponse:
    """Put it on a shelf."""
    server, member, params = keys.server(request), page.member(request), await forms.params(request)
    post_id, shelf_id = forms.path_id(request), params.id("shelf")
    if shelf_id is None:
        return page.go(f"/shelves/new?resource={post_id}")
    await shelves.put(server, member, shelf_id, post_id, note=params.text("shelf_note"))
    return page.go(f"/resources/{post_id}?done=shelved#shelves")


def _lines(params: Params, name: str) -> str:
    return params.text(name).replace("\r\n", "\n")


def _context(view: ResourceView, opened: str = "", typed: dict[str, str] | None = None) -> dict[str, Any]:
    """What the page needs besides: which form is open, and what was typed in it."""
    return {"view": view, "opened": opened, "typed": typed or {}, "key": secrets.token_urlsafe(12)}


routes = [
    web.get(RESOURCE, resource),
    web.get(RESOURCE + "/catalogues", catalogues),
    web.get(RESOURCE + "/{part:uses|reviews|discussion}", said),
    web.post(RESOURCE + "/use", use),
    web.post(RESOURCE + "/review", review),
    web.post(RESOURCE + "/adapt", adapt),
    web.post(RESOURCE + "/shelve", shelve),
]
