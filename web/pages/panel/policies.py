"""Terms and privacy policy: a draft of each, its publication, and the versions so far with who agreed."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from fedserver import policies
from fedserver.errors import FedError, NotFound
from fedserver.moderation.permissions import Permission
from fedserver.policies import Kind
from web import auth, forms, gate, keys
from web.pages import page
from web.pages.panel import frame

HERE: Final = "/admin/terms"
ONE: Final = HERE + "/{kind}"


async def listed(request: web.Request) -> web.StreamResponse:
    """Both, with all versions."""
    return await _show(request)


async def write(request: web.Request) -> web.StreamResponse:
    """Keep a draft."""
    kind, params = _kind(request), await forms.params(request)
    try:
        await policies.write(keys.server(request), auth.member(request), kind, params.text("text"))
    except page.MENDABLE as error:
        return await _show(request, error, kind)
    return page.go(f"{HERE}?done=saved#{kind}")


async def publish(request: web.Request) -> web.StreamResponse:
    """Publish the draft."""
    kind, params = _kind(request), await forms.params(request)
    try:
        await policies.publish(keys.server(request), auth.member(request), kind, params.text("day"))
    except page.MENDABLE as error:
        return await _show(request, error, kind)
    return page.go(f"{HERE}?done=saved#{kind}")


def _kind(request: web.Request) -> Kind:
    kind = request.match_info["kind"]
    if kind not in policies.KINDS:
        raise NotFound
    return kind


async def _show(request: web.Request, error: FedError | None = None, at: str = "") -> web.Response:
    kept, members = await policies.kept(keys.server(request), auth.member(request))
    context: dict[str, Any] = {"kept": kept, "members": members, "at": at}
    if error is None:
        return await frame.show(request, "panel/policies.html", **context)
    return await frame.show_again(request, "panel/policies.html", error, **context)


routes: Final[list[web.RouteDef]] = gate.behind(
    Permission.MANAGE_SETTINGS,
    web.get(HERE, listed),
    web.post(ONE, write),
    web.post(f"{ONE}/publish", publish),
)
