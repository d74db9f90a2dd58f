"""The rules of the community: written, reworded, translated, put in order, taken away."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from fedserver import house_rules, settings
from fedserver.errors import FedError
from fedserver.moderation.permissions import Permission
from web import auth, forms, gate, keys
from web.pages import page
from web.pages.panel import frame
from web.params import Params

HERE: Final = "/admin/rules"
RULE: Final = "/admin/rules/{id:[0-9]{1,9}}"


async def listed(request: web.Request) -> web.StreamResponse:
    """All of them, in their order."""
    return await _show(request)


async def add(request: web.Request) -> web.StreamResponse:
    """Write another."""
    server, params = keys.server(request), await forms.params(request)
    try:
        await house_rules.add(server, auth.member(request), params.text("text"), params.text("hint"))
    except page.MENDABLE as error:
        return await _show(request, error, params)
    return page.go(f"{HERE}?done=saved")


async def reword(request: web.Request) -> web.StreamResponse:
    """Say one in other words."""
    server, params = keys.server(request), await forms.params(request)
    rule_id = request.match_info["id"]
    try:
        await house_rules.reword(
            server, auth.member(request), rule_id, params.text("text"), params.text("hint")
        )
    except page.MENDABLE as error:
        return await _show(request, error, params, at=rule_id)
    return page.go(f"{HERE}?done=saved#rule-{rule_id}")


async def translate(request: web.Request) -> web.StreamResponse:
    """Say one in another language, or no more."""
    server, params = keys.server(request), await forms.params(request)
    rule_id = request.match_info["id"]
    try:
        await house_rules.translate(
            server,
            auth.member(request),
            rule_id,
            params.text("language"),
            params.text("text"),
            params.text("hint"),
        )
    except page.MENDABLE as error:
        return await _show(request, error, params, at=rule_id, language=params.text("language"))
    return page.go(f"{HERE}?done=saved#rule-{rule_id}")


async def move(request: web.Request) -> web.StreamResponse:
    """Change places with the one before or after."""
    rule_id = request.match_info["id"]
    await house_rules.move(
        keys.server(request),
        auth.member(request),
        rule_id,
        "up" if request.path.endswith("/up") else "down",
    )
    return page.go(f"{HERE}?done=saved#rule-{rule_id}")


async def remove(request: web.Request) -> web.StreamResponse:
    """Take one away."""
    await house_rules.remove(keys.server(request), auth.member(request), request.match_info["id"])
    return page.go(f"{HERE}?done=saved")


async def _show(
    request: web.Request,
    error: FedError | None = None,
    params: Params | None = None,
    *,
    at: str = "",
    language: str | None = None,
) -> web.Response:
    """All of them; what was filled in stands where it was: in the new rule, in that with the id `at`, or in its words in
    another `language`."""
    context: dict[str, Any] = {
        "rules": (await settings.current(keys.server(request))).rules,
        "given": {name: "" if params is None else params.text(name) for name in ("text", "hint")},
        "at": at,
        "language": language,
    }
    if error is None:
        return await frame.show(request, "panel/rules.html", **context)
    return await frame.show_again(request, "panel/rules.html", error, **context)


routes: Final[list[web.RouteDef]] = gate.behind(
    Permission.MANAGE_RULES,
    web.get(HERE, listed),
    web.post(HERE, add),
    web.post(RULE, reword),
    web.post(f"{RULE}/translation", translate),
    web.post(f"{RULE}/up", move),
    web.post(f"{RULE}/down", move),
    web.post(f"{RULE}/delete", remove),
)
