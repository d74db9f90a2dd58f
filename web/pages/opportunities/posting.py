"""Posting an opportunity, changing, closing and deleting it: for those who offer it."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from fedserver import editions, posts
from fedserver.errors import FedError, Forbidden
from fedserver.events import series
from fedserver.groups import pages as group_pages
from fedserver.opportunities import currencies, pages, publishing, records
from fedserver.opportunities.pages import OpportunityView
from fedserver.opportunities.reading import described_of
from web import forms, keys
from web.pages import page
from web.pages.opportunities import written as form
from web.pages.opportunities.board import OPPORTUNITY
from web.pages.opportunities.written import Written

TEMPLATE: Final = "opportunity/form.html"


async def ask_new(request: web.Request) -> web.StreamResponse:
    """The form for a new opportunity, perhaps in a group (``?group=``)."""
    member, server = page.member(request), keys.server(request)
    usual = await editions.defaults(server, member)
    wanted = request.query.get("group", "")
    fields = form.blank(
        language=usual.language,
        zone=await pages.zone_of(server, member),
        place=f"group:{wanted}" if wanted.isdecimal() else "public",
    )
    return await _form(request, fields)


async def new(request: web.Request) -> web.StreamResponse:
    """Post it."""
    server, member, params = keys.server(request), page.member(request), await forms.params(request)
    fields = form.typed(params)
    if params.text("more"):
        return await _form(request, fields)
    word, _, group_id = fields.place.partition(":")
    in_group = word == "group" and group_id.isdecimal()
    try:
        post_id = await publishing.publish(
            server,
            member,
            form.said(fields),
            visibility="public" if in_group else word or "public",
            group_id=forms.row_id(group_id) if in_group else None,
        )
    except page.MENDABLE as error:
        return await _form_again(request, fields, error)
    return page.go(f"/opportunities/{post_id}?done=opportunity-posted")


async def ask_change(request: web.Request) -> web.StreamResponse:
    """What is said of it, to be changed."""
    view = await mine(request)
    return await _form(request, form.of_described(described_of(view.row)), view)


async def change(request: web.Request) -> web.StreamResponse:
    """Change it."""
    server, member, params = keys.server(request), page.member(request), await forms.params(request)
    view, fields = await mine(request), form.typed(params)
    if params.text("more"):
        return await _form(request, fields, view)
    try:
        await publishing.change(server, member, view.row.id, form.said(fields))
    except page.MENDABLE as error:
        return await _form_again(request, fields, error, view)
    return page.go(f"{view.path}?done=saved")


async def close(request: web.Request) -> web.StreamResponse:
    """Take it from the board, or put it back."""
    server, member, params = keys.server(request), page.member(request), await forms.params(request)
    view = await mine(request)
    try:
        if params.text("what") == "reopen":
            await publishing.reopen(server, member, view.row.id)
        else:
            await publishing.close(server, member, view.row.id, params.text("reason"))
    except page.MENDABLE as error:
        return await page.show_again(request, "opportunity/opportunity.html", error, view=view)
    return page.go(f"{view.path}?done=saved")


async def ask_delete(request: web.Request) -> web.StreamResponse:
    """Make sure that deleting is meant, and not closing."""
    return await page.show(request, "opportunity/delete.html", view=await mine(request), problems={})


async def delete(request: web.Request) -> web.StreamResponse:
    """Delete it for good, with what was sent in answer to it."""
    member, view = page.member(request), await mine(request)
    await posts.delete_post(keys.server(request), member, view.row.id)
    return page.go("/opportunities?done=opportunity-deleted")


async def mine(request: web.Request) -> OpportunityView:
    """The opportunity that the path names, which is the member's own. Raises NotFound, Forbidden."""
    member = page.member(request)
    view = await pages.show(keys.server(request), member, forms.path_id(request))
    if not view.mine:
        raise Forbidden("This opportunity is somebody else's.")
    return view


async def _form(request: web.Request, fields: Written, view: OpportunityView | None = None) -> web.Response:
    return await page.show(request, TEMPLATE, problems={}, **await _context(request, fields, view))


async def _form_again(
    request: web.Request, fields: Written, error: FedError, view: OpportunityView | None = None
) -> web.Response:
    context = await _context(request, fields, view)
    return await page.show_again(request, TEMPLATE, error, form.NAMES, **context)


async def _context(request: web.Request, fields: Written, view: OpportunityView | None) -> dict[str, Any]:
    groups, _ = await group_pages.of_member(keys.server(request), page.member(request))
    return {
        "fields": fields,
        "view": view,
        "kinds": records.KINDS,
        "question_kinds": records.QUESTION_KINDS,
        "periods": records.PERIODS,
        "currencies": sorted(currencies.CODES),
        "zones": sorted(series.zones()),
        "groups": [(one.id, one.name) for one in groups if not one.archived] if view is None else [],
    }


routes: Final[list[web.RouteDef]] = [
    web.get("/opportunities/new", ask_new),
    web.post("/opportunities/new", new),
    web.get(OPPORTUNITY + "/edit", ask_change),
    web.post(OPPORTUNITY + "/edit", change),
    web.post(OPPORTUNITY + "/close", close),
    web.get(OPPORTUNITY + "/delete", ask_delete),
    web.post(OPPORTUNITY + "/delete", delete),
]
