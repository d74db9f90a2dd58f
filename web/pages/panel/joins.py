"""Who waits to be let in, for those who decide it; who greets newcomers, and who was refused."""

from __future__ import annotations

from typing import Any, get_args

from aiohttp import web

from fedserver import admission, greeting, refusals, settings
from fedserver.errors import FedError, Invalid
from fedserver.moderation.permissions import Permission
from fedserver.reading import cursors
from web import auth, forms, gate, keys
from web.pages import page
from web.pages.panel import frame
from web.params import Params


async def waiting(request: web.Request) -> web.StreamResponse:
    """Who waits, longest first, with what they answered; some at a time. With ``all`` in the address all are ticked."""
    return await _waiting(request, forms.query(request), Params({}))


async def _waiting(
    request: web.Request, params: Params, given: Params, error: FedError | None = None
) -> web.Response:
    """The list, with what was filled in below it, and what was wrong with that."""
    server, member = keys.server(request), auth.member(request)
    after_id, shown = params.id("after") or 0, admission.AT_ONCE_MAX
    people = await admission.waiting(server, member, after_id=after_id, limit=shown + 1)
    context: dict[str, Any] = {
        "people": people[:shown],
        "after": after_id,
        "next_after": people[shown - 1].account_id if len(people) > shown else 0,
        "greeters": await greeting.greeters(server, member),
        "own_id": member.account_id,
        "ticked": [one.account_id for one in people] if params.flag("all") else given.ids("account_ids"),
        "given": given,
    }
    if error is None:
        return await frame.show(request, "panel/joins.html", **context)
    return await frame.show_again(request, "panel/joins.html", error, **context)


def _ruling(params: Params) -> admission.Ruling:
    verdict: admission.Verdict | None = next(
        (one for one in get_args(admission.Verdict) if one == params.text("verdict")), None
    )
    if verdict is None:
        raise Invalid({}, "Choose whether to let them in or to refuse them.")
    comment = params.text("comment", chars_max=1_000)
    return admission.Ruling(verdict, comment, params.text("reason", chars_max=admission.REASON_CHARS_MAX))


async def confirm(request: web.Request) -> web.StreamResponse:
    """What will happen to those who are ticked, before it does. Nothing is changed."""
    server, member, params = keys.server(request), auth.member(request), await forms.params(request)
    try:
        ruling = _ruling(params)
        plans = await admission.preview(server, member, params.ids("account_ids"), ruling)
    except page.MENDABLE as error:
        return await _waiting(request, params, params, error)
    able = [one for one in plans if not one.problem]
    days = (await settings.current(server)).refusals_days
    return await frame.show(
        request, "panel/joins_confirm.html", plans=plans, able=able, ruling=ruling, days=days
    )


async def decide(request: web.Request) -> web.StreamResponse:
    """Let them in, or refuse them."""
    server, member, params = keys.server(request), auth.member(request), await forms.params(request)
    try:
        plans = await admission.decide(server, member, params.ids("account_ids"), _ruling(params))
    except page.MENDABLE as error:
        return await _waiting(request, params, params, error)
    left = [one for one in plans if one.problem]
    if not left:
        return page.go("/mod/joins?done=all-decided")
    return await frame.show(request, "panel/joins_outcome.html", left=left, done_count=len(plans) - len(left))


async def approve(request: web.Request) -> web.StreamResponse:
    """Let somebody in; they hear of it by mail."""
    await admission.approve(keys.server(request), auth.member(request), forms.path_id(request))
    return page.go("/mod/joins?done=let-in")


async def reject(request: web.Request) -> web.StreamResponse:
    """Refuse somebody, with a word of explanation if there is one; what they entered is deleted."""
    params = await forms.params(request)
    await admission.reject(
        keys.server(request),
        auth.member(request),
        forms.path_id(request),
        comment=params.text("comment", chars_max=1_000),
        reason=params.text("reason", chars_max=admission.REASON_CHARS_MAX),
    )
    return page.go("/mod/joins?done=refused")


async def greet(request: web.Request) -> web.StreamResponse:
    """Say who greets somebody: oneself, another, or nobody."""
    params = await forms.params(request)
    greeter_id = params.id("greeter") if params.text("greeter") else None
    await greeting.assign(keys.server(request), auth.member(request), forms.path_id(request), greeter_id)
    return page.go_back(params, "/mod/joins?done=greeter-set")


async def ask_back(request: web.Request) -> web.StreamResponse:
    """Send somebody who waits a question."""
    params = await forms.params(request)
    text = params.text("question", chars_max=greeting.QUESTION_CHARS_MAX)
    await greeting.ask(keys.server(request), auth.member(request), forms.path_id(request), text)
    return page.go("/mod/joins?done=asked-back")


async def welcome(request: web.Request) -> web.StreamResponse:
    """Who came not long ago: one's own newcomers, everybody, or who was left alone."""
    server, member, window = keys.server(request), auth.member(request), page.window(request)
    wanted = request.query.get("of")
    of: greeting.Of = "all" if wanted == "all" else "alone" if wanted == "alone" else "mine"
    found = await greeting.newcomers(server, member, window, of)
    newer, older = cursors(window, [one.row.id for one in found])
    return await frame.show(
        request, "panel/welcome.html", found=found, leaf={"newer": newer, "older": older},
        of=of, days=greeting.GREETED_DAYS, own_id=member.account_id,
    )  # fmt: skip


async def tick(request: web.Request) -> web.StreamResponse:
    """Say what one has done for a newcomer."""
    params = await forms.params(request)
    await greeting.tick(
        keys.server(request), auth.member(request), forms.path_id(request), params.texts("steps")
    )
    return page.go_back(params, "/mod/welcome?done=step-ticked")


async def untick(request: web.Request) -> web.StreamResponse:
    """It was not done after all."""
    params = await forms.params(request)
    await greeting.untick(
        keys.server(request), auth.member(request), forms.path_id(request), params.text("step")
    )
    return page.go_back(params, "/mod/welcome?done=step-unticked")


async def refused(request: web.Request) -> web.StreamResponse:
    """Refusals that are remembered, the newest first."""
    server, window = keys.server(request), page.window(request)
    found = await refusals.page(server, auth.member(request), window)
    newer, older = cursors(window, [one.id for one in found])
    days = (await settings.current(server)).refusals_days
    leaf = {"newer": newer, "older": older}
    return await frame.show(request, "panel/refusals.html", found=found, leaf=leaf, days=days)


async def forget(request: web.Request) -> web.StreamResponse:
    """Forget one before its time."""
    await refusals.remove(keys.server(request), auth.member(request), forms.path_id(request))
    return page.go("/mod/joins/refused?done=refusal-forgotten")


routes = gate.behind(
    Permission.MANAGE_JOINS,
    web.get("/mod/joins", waiting),
    web.post("/mod/joins/confirm", confirm),
    web.post("/mod/joins/decide", decide),
    web.post("/mod/joins/{id:[0-9]{1,19}}/approve", approve),
    web.post("/mod/joins/{id:[0-9]{1,19}}/reject", reject),
    web.post("/mod/joins/{id:[0-9]{1,19}}/greeter", greet),
    web.post("/mod/joins/{id:[0-9]{1,19}}/ask", ask_back),
    web.get("/mod/welcome", welcome),
    web.post("/mod/welcome/{id:[0-9]{1,19}}/steps", tick),
    web.post("/mod/welcome/{id:[0-9]{1,19}}/steps/undo", untick),
    web.get("/mod/joins/refused", refused),
    web.post("/mod/joins/refused/{id:[0-9]{1,19}}/forget", forget),
)
