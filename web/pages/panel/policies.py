"""Terms and privacy policy: a draft of each, its publication, and the versions so far with who agreed."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from fedserver import policies
from fedserver.errors import FedError, NotFound
from fedserver.moderation.permissions import Permission
from fedserver.policies import Kind
from fedserver.reading import cursors
from web import auth, forms, gate, keys, replies
from web.pages import page
from web.pages.panel import frame

HERE: Final = "/admin/terms"
ONE: Final = HERE + "/{kind}"
MISSING: Final = HERE + "/versions/{id:[0-9]{1,19}}/not-agreed"
NAMES_PER_PAGE: Final = 40


async def listed(request: web.Request) -> web.StreamResponse:
    """Both, with all versions."""
    return await _show(request)


async def write(request: web.Request) -> web.StreamResponse:
    """Keep a draft."""
    kind, params = _kind(request), await forms.params(request)
    try:
        await policies.write(keys.server(request), auth.member(request), kind, params.text("text"))
    except page.MENDABLE as error:
        return await _show(request, error, kind, text=params.text("text"))
    return page.go(f"{HERE}?done=saved#{kind}")


async def publish(request: web.Request) -> web.StreamResponse:
    """Publish the draft."""
    kind, params = _kind(request), await forms.params(request)
    try:
        await policies.publish(keys.server(request), auth.member(request), kind, params.text("day"))
    except page.MENDABLE as error:
        return await _show(request, error, kind, day=params.text("day"))
    return page.go(f"{HERE}?done=saved#{kind}")


async def missing(request: web.Request) -> web.StreamResponse:
    """Who has not agreed to a version, to be searched."""
    server, member, window = keys.server(request), auth.member(request), page.window(request, NAMES_PER_PAGE)
    sought = forms.query(request).text("q", chars_max=100).strip()
    version, found = await policies.missing(server, member, forms.path_id(request), window, sought)
    newer, older = cursors(window, [one.id for one in found])
    leaf = {"newer": newer, "older": older}
    return await frame.show(
        request, "panel/not_agreed.html", version=version, found=found, leaf=leaf, sought=sought
    )


async def table(request: web.Request) -> web.StreamResponse:
    """All of them as CSV. By POST, because that somebody took them along is in the log."""
    body = await policies.missing_table(keys.server(request), auth.member(request), forms.path_id(request))
    return replies.table(body, "not-agreed.csv")


def _kind(request: web.Request) -> Kind:
    kind = request.match_info["kind"]
    if kind not in policies.KINDS:
        raise NotFound
    return kind


async def _show(
    request: web.Request, error: FedError | None = None, at: str = "", **entered: str
) -> web.Response:
    kept, members = await policies.kept(keys.server(request), auth.member(request))
    context: dict[str, Any] = {"kept": kept, "members": members, "at": at, "entered": entered}
    if error is None:
        return await frame.show(request, "panel/policies.html", **context)
    return await frame.show_again(request, "panel/policies.html", error, **context)


routes: Final[list[web.RouteDef]] = gate.behind(
    Permission.MANAGE_SETTINGS,
    web.get(HERE, listed),
    web.post(ONE, write),
    web.post(f"{ONE}/publish", publish),
    web.get(MISSING, missing),
    web.post(f"{MISSING}.csv", table),
)
