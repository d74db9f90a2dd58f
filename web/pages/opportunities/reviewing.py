"""What was sent to an opportunity: for its poster with names, ranks and decisions, for reviewers to review."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from fedserver.opportunities import deciding, pages, reviewing
from fedserver.opportunities.records import DECISIONS
from web import forms, keys, replies
from web.pages import page
from web.pages.opportunities import applying
from web.pages.opportunities.applying import APPLICATION
from web.pages.opportunities.board import OPPORTUNITY
from web.pages.opportunities.posting import mine

ONE: Final = "opportunity/application.html"
LIST: Final = "opportunity/applications.html"


async def listed(request: web.Request) -> web.StreamResponse:
    """All that was sent."""
    return await page.show(request, LIST, problems={}, **await _listed(request))


async def _listed(request: web.Request) -> dict[str, Any]:
    server, member, post_id = keys.server(request), page.member(request), forms.path_id(request)
    row, found = await reviewing.listed(server, member, post_id)
    is_poster = row.account_id == member.account_id
    return {
        "row": row,
        "at": f"/opportunities/{row.id}",
        "form": pages.form_of_row(row),
        "listed": found,
        "is_poster": is_poster,
        "reviewers": await reviewing.reviewers(server, member, post_id) if is_poster else [],
        "waiting": sum(bool(one.decision) and one.decision != one.state for one in found),
    }


async def reviewers(request: web.Request) -> web.StreamResponse:
    """Ask somebody to review, or let them no longer."""
    server, member, params = keys.server(request), page.member(request), await forms.params(request)
    post_id = forms.path_id(request)
    try:
        if params.text("remove"):
            await reviewing.dismiss(server, member, post_id, params.id("remove") or 0)
        else:
            await reviewing.appoint(server, member, post_id, params.text("account"))
    except page.MENDABLE as error:
        return await page.show_again(request, LIST, error, **await _listed(request))
    return page.go(f"/opportunities/{post_id}/applications?done=saved#reviewers")


async def review(request: web.Request) -> web.StreamResponse:
    """Review an application, or declare a conflict of interest."""
    server, member, params = keys.server(request), page.member(request), await forms.params(request)
    context = await applying.seen(request)
    found, form = context["found"], context["form"]
    typed = {f"s{number}": params.text(f"s{number}") for number in range(len(form.criteria))}
    typed["comment"] = params.text("comment").replace("\r\n", "\n")
    scores = {
        name: int(typed[f"s{number}"])
        for number, name in enumerate(form.criteria)
        if typed[f"s{number}"].isascii() and typed[f"s{number}"].isdigit() and len(typed[f"s{number}"]) == 1
    }
    try:
        if params.text("what") == "conflict":
            await reviewing.declare_conflict(server, member, found.id)
            return page.go(f"{context['at']}/applications?done=conflict-declared")
        await reviewing.review(server, member, found.id, scores, typed["comment"])
    except page.MENDABLE as error:
        return await page.show_again(request, ONE, error, {"scores": "s0"}, **{**context, "typed": typed})
    return page.go(f"{context['at']}/applications?done=reviewed")


async def decide(request: web.Request) -> web.StreamResponse:
    """Note what is decided; nobody is told yet."""
    server, member, params = keys.server(request), page.member(request), await forms.params(request)
    application_id = forms.path_id(request, "application")
    found = await deciding.decide(server, member, application_id, params.text("decision"))
    return page.go(f"/opportunities/{found.post_id}/applications?done=saved#n{found.number}")


async def decisions(request: web.Request) -> web.StreamResponse:
    """What decisions say, and the mails that would tell them."""
    return await _decisions(request)


async def _decisions(request: web.Request, error: Any = None) -> web.StreamResponse:
    view = await mine(request)
    found = await deciding.preview(keys.server(request), page.member(request), view.row.id)
    context: dict[str, Any] = {"view": view, "found": found, "decisions": DECISIONS}
    if error is not None:
        return await page.show_again(request, "opportunity/decisions.html", error, **context)
    return await page.show(request, "opportunity/decisions.html", problems={}, **context)


async def tell(request: web.Request) -> web.StreamResponse:
    """Keep what decisions say, or send the mails that were looked at."""
    server, member, params = keys.server(request), page.member(request), await forms.params(request)
    post_id = forms.path_id(request)
    try:
        if params.text("what") == "send":
            await deciding.tell(server, member, post_id, params.text("digest"))
            return page.go(f"/opportunities/{post_id}/applications?done=decisions-told")
        texts = {name: params.text(f"mail-{name}").replace("\r\n", "\n") for name in DECISIONS}
        await deciding.write(server, member, post_id, texts)
    except page.MENDABLE as error:
        return await _decisions(request, error)
    return page.go(f"/opportunities/{post_id}/decisions?done=saved")


async def as_csv(request: web.Request) -> web.StreamResponse:
    """All that was sent, as a table."""
    member = page.member(request)
    body = await deciding.as_csv(keys.server(request), member, forms.path_id(request))
    return replies.table(body, "applications.csv")


routes: Final[list[web.RouteDef]] = [
    web.get(OPPORTUNITY + "/applications", listed),
    web.get(OPPORTUNITY + "/applications.csv", as_csv),
    web.post(OPPORTUNITY + "/reviewers", reviewers),
    web.get(OPPORTUNITY + "/decisions", decisions),
    web.post(OPPORTUNITY + "/decisions", tell),
    web.post(APPLICATION + "/review", review),
    web.post(APPLICATION + "/decision", decide),
]
