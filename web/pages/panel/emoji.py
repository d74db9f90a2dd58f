"""The community's own emoji: uploaded, put into categories, hidden, copied from other servers, removed."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from fedserver import emojis
from fedserver.errors import FedError, Invalid
from fedserver.moderation.permissions import Permission
from web import auth, forms, gate, keys
from web.forms import Params
from web.pages import page
from web.pages.panel import frame

HERE: Final = "/admin/emoji"
ONE: Final = HERE + "/{shortcode}"


async def listed(request: web.Request) -> web.StreamResponse:
    """Ours by category, and those of other servers that bear the name that is looked for."""
    return await _show(request)


async def add(request: web.Request) -> web.StreamResponse:
    """Upload one."""
    server, params = keys.server(request), await forms.params(request)
    try:
        upload = params.upload("image")
        if upload is None:
            raise Invalid({"image": "must be a picture"})
        await emojis.upload(
            server,
            auth.member(request),
            params.text("shortcode").strip().strip(":"),
            upload.path,
            category=params.text("category").strip(),
        )
    except page.MENDABLE as error:
        return await _show(request, error, params)
    return page.go(f"{HERE}?done=saved")


async def copy(request: web.Request) -> web.StreamResponse:
    """Take one over from another server, under its name or another."""
    server, params = keys.server(request), await forms.params(request)
    try:
        await emojis.copy(
            server,
            auth.member(request),
            params.text("domain"),
            params.text("shortcode"),
            params.text("name").strip().strip(":") or params.text("shortcode"),
            category=params.text("category").strip(),
        )
    except page.MENDABLE as error:
        return await _show(request, error, params, copying=True)
    return page.go(f"{HERE}?done=saved")


async def change(request: web.Request) -> web.StreamResponse:
    """Put one into another category, offer it or not, let it be written or not."""
    server, params = keys.server(request), await forms.params(request)
    try:
        await emojis.change(
            server,
            auth.member(request),
            request.match_info["shortcode"],
            category=params.text("category").strip(),
            listed=params.flag("listed"),
            disabled=params.flag("disabled"),
        )
    except page.MENDABLE as error:
        return await _show(request, error)
    return page.go(f"{HERE}?done=saved")


async def remove(request: web.Request) -> web.StreamResponse:
    """Remove one; where it was written its name is left."""
    await emojis.discard(keys.server(request), auth.member(request), request.match_info["shortcode"])
    return page.go(f"{HERE}?done=saved")


async def _show(
    request: web.Request,
    error: FedError | None = None,
    params: Params | None = None,
    *,
    copying: bool = False,
) -> web.Response:
    """The page; what was filled in stands in the form for an upload, or with `copying` at the one that was to be copied."""
    server, member = keys.server(request), auth.member(request)
    given = params or Params({})
    sought = (given.text("q") or forms.query(request).text("q", chars_max=100)).strip()
    context: dict[str, Any] = {
        "own": await emojis.listed(server),
        "sought": sought,
        "elsewhere": await emojis.elsewhere(server, member, sought) if sought else [],
        "given": {name: given.text(name) for name in ("shortcode", "category", "name", "domain")},
        "copying": copying,
    }
    if error is None:
        return await frame.show(request, "panel/emoji.html", **context)
    return await frame.show_again(request, "panel/emoji.html", error, **context)


routes: Final[list[web.RouteDef]] = gate.behind(
    Permission.MANAGE_CUSTOM_EMOJIS,
    web.get(HERE, listed),
    web.post(HERE, add),
    web.post(f"{HERE}/copy", copy),
    web.post(ONE, change),
    web.post(f"{ONE}/delete", remove),
)
