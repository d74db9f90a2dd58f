"""How the server fares: what waits and has failed, how much room there is, the last backup, what the doctor says."""

from __future__ import annotations

from aiohttp import web

from fedserver import operations
from fedserver.moderation.permissions import Permission
from web import auth, forms, gate, keys
from web.pages import page
from web.pages.panel import frame

HERE = "/admin/operations"


async def overview(request: web.Request) -> web.StreamResponse:
    """Queues with what was given up, room, backup, what went at night."""
    now = await operations.overview(keys.server(request), auth.member(request))
    return await frame.show(request, "panel/operations.html", now=now)


async def doctor(request: web.Request) -> web.StreamResponse:
    """What the server needs from its surroundings, looked at now."""
    results = await operations.examine(keys.server(request), auth.member(request))
    return await frame.show(request, "panel/doctor.html", results=results)


async def ask_mail(request: web.Request) -> web.StreamResponse:
    """Where mails can be tried out."""
    return await frame.show(request, "panel/mail.html", tried=None)


async def try_mail(request: web.Request) -> web.StreamResponse:
    """Send one to the admin, and say what was answered: on the page itself, as it is about this moment."""
    try:
        tried = await operations.try_mail(keys.server(request), auth.member(request))
    except page.MENDABLE as error:
        return await frame.show_again(request, "panel/mail.html", error, tried=None)
    return await frame.show(request, "panel/mail.html", tried=tried)


async def settle(request: web.Request) -> web.StreamResponse:
    """Try something that was given up again, or forget it."""
    params = await forms.params(request)
    again = request.path.endswith("/retry")
    await operations.settle(
        keys.server(request), auth.member(request), params.text("kind"), params.id("id") or 0, again=again
    )
    return page.go(f"{HERE}?done={'again' if again else 'forgotten'}")


async def settle_host(request: web.Request) -> web.StreamResponse:
    """The same with everything that is meant for a server."""
    host = (await forms.params(request)).text("host")
    again = request.path.endswith("/retry")
    act = operations.retry_host if again else operations.drop_host
    await act(keys.server(request), auth.member(request), host)
    return page.go(f"{HERE}?done={'again' if again else 'forgotten'}")


async def would_prune(request: web.Request) -> web.StreamResponse:
    """What would go of other servers' media and posts."""
    report = await operations.would_prune(keys.server(request), auth.member(request))
    return await frame.show(request, "panel/prune.html", report=report)


async def prune(request: web.Request) -> web.StreamResponse:
    """Have it go now."""
    await operations.prune_now(keys.server(request), auth.member(request))
    return page.go(f"{HERE}?done=pruning")


routes = gate.behind(
    Permission.MANAGE_SETTINGS,
    web.get(HERE, overview),
    web.get(f"{HERE}/doctor", doctor),
    web.get(f"{HERE}/prune", would_prune),
    web.post(f"{HERE}/prune", prune),
    web.get("/admin/mail", ask_mail),
    web.post("/admin/mail", try_mail),
    *(web.post(f"{HERE}/given-up/{verb}", settle) for verb in ("retry", "drop")),
    *(web.post(f"{HERE}/servers/{verb}", settle_host) for verb in ("retry", "drop")),
)
