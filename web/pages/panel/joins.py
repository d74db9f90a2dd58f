"""Who waits to be let in, for those who decide it; who greets newcomers, and who was refused."""

from __future__ import annotations

from aiohttp import web

from fedserver import admission, greeting, refusals, settings
from fedserver.moderation.permissions import Permission
from fedserver.reading import cursors
from web import auth, forms, gate, keys
from web.pages import page
from web.pages.panel import frame


async def waiting(request: web.Request) -> web.StreamResponse:
    """Everybody who waits, longest first, with what they answered."""
    server, member = keys.server(request), auth.member(request)
    people = await admission.waiting(server, member)
    greeters = await greeting.greeters(server, member)
    return await frame.show(
        request, "panel/joins.html", people=people, greeters=greeters, own_id=member.account_id
    )


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
