"""Posts of new members that wait: publishing and refusing them, and what they are held for."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from fedserver import held, settings
from fedserver.errors import FedError
from fedserver.moderation.permissions import Permission
from fedserver.reading import cursors
from fedserver.settings import InstanceSettings
from web import auth, forms, gate, keys
from web.pages import page
from web.pages.panel import frame
from web.params import Params

HERE: Final = "/mod/held"


async def waiting(request: web.Request) -> web.StreamResponse:
    """What waits, the newest first, and the rules."""
    return await _shown(request)


async def publish(request: web.Request) -> web.StreamResponse:
    """Publish one in its author's name."""
    try:
        await held.publish(keys.server(request), auth.member(request), forms.path_id(request))
    except page.MENDABLE as error:
        return await _shown(request, error=error)
    return page.go(f"{HERE}?done=held-published")


async def refuse(request: web.Request) -> web.StreamResponse:
    """Do not publish it, with a message to its author."""
    params = await forms.params(request)
    await held.refuse(
        keys.server(request), auth.member(request), forms.path_id(request),
        message=params.text("message", chars_max=1_000),
    )  # fmt: skip
    return page.go(f"{HERE}?done=held-refused")


async def change(request: web.Request) -> web.StreamResponse:
    """Set what posts are held for."""
    params = await forms.params(request)
    try:
        values: dict[str, Any] = {
            "held_words": _lines(params, "held_words"),
            "held_hosts": [one.casefold().removeprefix("www.") for one in _lines(params, "held_hosts")],
            "held_links": params.integer("held_links", 0, least=0),
            "spam_marks": params.integer("spam_marks", 0, least=0),
        }
        await held.change_rules(keys.server(request), auth.member(request), values)
    except page.MENDABLE as error:
        return await _shown(request, error=error, entered={name: params.text(name) for name in held.NAMES})
    return page.go(f"{HERE}?done=saved")


def _lines(params: Params, name: str) -> list[str]:
    lines = (line.strip() for line in params.text(name).splitlines())
    return list(dict.fromkeys(line for line in lines if line))


def _as_text(now: InstanceSettings) -> dict[str, str]:
    """The rules as their form has them."""
    return {
        "held_words": "\n".join(now.held_words),
        "held_hosts": "\n".join(now.held_hosts),
        "held_links": str(now.held_links),
        "spam_marks": str(now.spam_marks),
    }


async def _shown(
    request: web.Request, *, error: FedError | None = None, entered: dict[str, str] | None = None
) -> web.Response:
    server, member, window = keys.server(request), auth.member(request), page.window(request)
    found = await held.waiting(server, member, window)
    newer, older = cursors(window, [one.id for one in found])
    status, problems = (200, None) if error is None else page.told_of(error, {})
    return await frame.show(
        request,
        "panel/held.html",
        status=status,
        found=found,
        leaf={"newer": newer, "older": older},
        rules=entered or _as_text(await settings.current(server)),
        problems=problems,
    )


routes: Final[list[web.RouteDef]] = gate.behind(
    Permission.MANAGE_REPORTS,
    web.get(HERE, waiting),
    web.post(HERE, change),
    web.post(HERE + "/{id:[0-9]{1,19}}/publish", publish),
    web.post(HERE + "/{id:[0-9]{1,19}}/refuse", refuse),
)
