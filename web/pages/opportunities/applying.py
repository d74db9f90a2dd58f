"""Applying to an opportunity: the form with its questions, the team, and what a member has applied for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from fedserver.errors import FedError, NotFound
from fedserver.opportunities import applying, pages, reviewing, teams
from fedserver.opportunities.pages import OpportunityView
from fedserver.opportunities.seeing import Seen
from web import forms, keys
from web.pages import page
from web.pages.opportunities.board import OPPORTUNITY
from web.params import Params

TEMPLATE: Final = "opportunity/apply.html"
APPLICATION: Final = "/opportunities/applications/{application:[0-9]+}"
PER_PAGE: Final = 40


async def ask(request: web.Request) -> web.StreamResponse:
    """The questions, with what was answered so far; what was sent, to read, once it cannot be changed any more."""
    view, mine = await _found(request)
    typed = {one.question.key: one.text for one in mine.answers} if mine else {}
    return await page.show(request, TEMPLATE, view=view, mine=mine, typed=typed, problems={})


async def apply(request: web.Request) -> web.StreamResponse:
    """Keep it as a draft, or send it."""
    server, member, params = keys.server(request), page.member(request), await forms.params(request)
    view, mine = await _found(request)
    typed = _typed(view, params)
    try:
        await applying.save(server, member, view.row.id, typed, submit=params.text("what") == "submit")
    except page.MENDABLE as error:
        return await _again(request, view, mine, error, typed)
    done = (
        "applied"
        if params.text("what") == "submit" or (mine and mine.state == "submitted")
        else "application-kept"
    )
    return page.go(f"{view.path}/apply?done={done}")


async def withdraw(request: web.Request) -> web.StreamResponse:
    """Take it back."""
    server, member = keys.server(request), page.member(request)
    view, mine = await _found(request)
    try:
        await applying.withdraw(server, member, view.row.id)
    except page.MENDABLE as error:
        return await _again(request, view, mine, error, {})
    return page.go(f"{view.path}?done=application-withdrawn")


async def team(request: web.Request) -> web.StreamResponse:
    """Ask somebody into the team, or take them out of it."""
    server, member, params = keys.server(request), page.member(request), await forms.params(request)
    view, mine = await _found(request)
    try:
        if params.text("remove"):
            await teams.remove(server, member, view.row.id, params.id("remove") or 0)
        else:
            await teams.invite(server, member, view.row.id, params.text("account"))
    except page.MENDABLE as error:
        typed = {one.question.key: one.text for one in mine.answers} if mine else {}
        return await _again(request, view, mine, error, typed)
    return page.go(f"{view.path}/apply?done=saved#team")


async def _found(request: web.Request) -> tuple[OpportunityView, Seen | None]:
    """The opportunity with the member's own application. Raises NotFound where one does not apply here."""
    server, member = keys.server(request), page.member(request)
    view = await pages.show(server, member, forms.path_id(request))
    if view.found.form is None:
        raise NotFound
    return view, await applying.mine(server, member, view.row.id)


async def _again(
    request: web.Request, view: OpportunityView, mine: Seen | None, error: FedError, typed: Mapping[str, str]
) -> web.Response:
    names = {
        f"answers.{one.key}": f"a-{one.key}" for one in (view.found.form.questions if view.found.form else ())
    }
    return await page.show_again(request, TEMPLATE, error, names, view=view, mine=mine, typed=typed)


def _typed(view: OpportunityView, params: Params) -> dict[str, str]:
    questions = view.found.form.questions if view.found.form else ()
    return {one.key: params.text(f"a-{one.key}").replace("\r\n", "\n") for one in questions}


async def listed(request: web.Request) -> web.StreamResponse:
    """What the member has begun, sent, is asked to take part in, and reviews."""
    server, member, query = keys.server(request), page.member(request), forms.query(request)
    rows = await applying.listed(server, member, limit=PER_PAGE, below=query.id("max_id"))
    return await page.show(
        request,
        "opportunity/mine.html",
        rows=rows,
        assigned=await reviewing.assigned(server, member),
        older=rows[-1].id if len(rows) == PER_PAGE else None,
    )


async def show(request: web.Request) -> web.StreamResponse:
    """An application, as far as the member may see it."""
    return await page.show(
        request, "opportunity/application.html", problems={}, typed={}, **await seen(request)
    )


async def seen(request: web.Request) -> dict[str, Any]:
    """What the page of an application shows. Raises NotFound."""
    member = page.member(request)
    row, found = await applying.show(keys.server(request), member, forms.path_id(request, "application"))
    return {"row": row, "found": found, "at": f"/opportunities/{row.id}", "form": pages.form_of_row(row)}


async def answer(request: web.Request) -> web.StreamResponse:
    """Join a team, decline, or leave it."""
    server, member, params = keys.server(request), page.member(request), await forms.params(request)
    application_id = forms.path_id(request, "application")
    joins = params.text("answer") == "join"
    try:
        await teams.answer(server, member, application_id, joins=joins)
    except page.MENDABLE as error:
        if isinstance(error, NotFound):
            raise
        return await page.show_again(
            request, "opportunity/application.html", error, typed={}, **await seen(request)
        )
    return page.go(
        f"/opportunities/applications/{application_id}?done=answered"
        if joins
        else "/opportunities/applications?done=answered"
    )


routes: Final[list[web.RouteDef]] = [
    web.get("/opportunities/applications", listed),
    web.get(APPLICATION, show),
    web.post(APPLICATION + "/team", answer),
    web.get(OPPORTUNITY + "/apply", ask),
    web.post(OPPORTUNITY + "/apply", apply),
    web.post(OPPORTUNITY + "/withdraw", withdraw),
    web.post(OPPORTUNITY + "/team", team),
]
