"""With whom the server federates, for admins: chosen with what it hides in sight."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from fedserver import settings
from fedserver.moderation import with_whom
from fedserver.moderation.permissions import Permission
from web import auth, forms, gate, keys
from web.pages import page
from web.pages.panel import frame

HERE: Final = "/admin/federation/mode"


async def ask(request: web.Request) -> web.StreamResponse:
    """The modes, and what each hides."""
    now = await settings.current(keys.server(request))
    return await _show(request, now.federation_mode, now.secure_mode)


async def choose(request: web.Request) -> web.StreamResponse:
    """Federate in the mode that was chosen."""
    params = await forms.params(request)
    server, now = keys.server(request), await settings.current(keys.server(request))
    locked = settings.locked(server.config)
    # A browser does not send what it may not change.
    mode = now.federation_mode if "federation_mode" in locked else params.text("federation_mode")
    signed_only = now.secure_mode if "secure_mode" in locked else params.flag("secure_mode")
    understood = params.flag("understood")
    try:
        await with_whom.choose(
            server, auth.member(request), mode, signed_only=signed_only, understood=understood
        )
    except page.MENDABLE as error:
        return await _show(request, mode, signed_only, error)
    return page.go(f"{HERE}?done=saved")


async def _show(request: web.Request, mode: str, signed_only: bool, error: Any = None) -> web.StreamResponse:
    server = keys.server(request)
    context: dict[str, Any] = {
        "mode": mode,
        "signed_only": signed_only,
        "hidden": await with_whom.hidden_by(server, auth.member(request)),
        "locked": settings.locked(server.config),
    }
    if error is None:
        return await frame.show(request, "panel/with_whom.html", **context)
    return await frame.show_again(request, "panel/with_whom.html", error, **context)


routes: Final = gate.behind(Permission.MANAGE_FEDERATION, web.get(HERE, ask), web.post(HERE, choose))
