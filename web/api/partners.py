"""Partner networks: who is one, for everybody; offering, accepting, declining and ending, for admins."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web
from msgspec import UNSET, Struct, UnsetType

from fedserver import partners
from fedserver.partners import STATES, PartnerRow
from web import auth, forms, keys, replies
from web.api.render import instant

PATH: Final = "/api/v1/partners"


class Partner(Struct, kw_only=True):
    """A server and how this one stands to it. `state` is ``active``, ``asked`` (it has offered, nobody here has answered),
    ``offered`` (by this server), ``declined`` or ``ended``. `offered_here`, `note` (what came with the offer, plain text),
    `created_at`, `decided_at` and `library_read_at` are shown to admins alone."""

    id: str
    host: str
    title: str
    url: str
    uri: str
    state: str
    offered_here: bool | UnsetType = UNSET
    note: str | UnsetType = UNSET
    created_at: str | UnsetType = UNSET
    decided_at: str | UnsetType | None = UNSET
    library_read_at: str | UnsetType | None = UNSET


async def listed(request: web.Request) -> web.Response:
    """``GET /api/v1/partners``: the servers that are partners; for an admin with `state` also those that are not (``all``
    for whatever there is)."""
    viewer = auth.viewer(request, "read:resources")
    params = forms.query(request)
    state = params.text("state", "active")
    if state not in (*STATES, "all"):
        raise params.wrong("state", f"must be one of {', '.join(STATES)}, all")
    is_admin = state != "active"
    if is_admin:
        viewer = auth.admin(request, "admin:read:domain_allows")
    states = STATES if state == "all" else [one for one in STATES if one == state]
    rows = await partners.listed(keys.server(request), viewer, states)
    return replies.json([_entity(request, row, whole=is_admin) for row in rows])


async def offer(request: web.Request) -> web.Response:
    """``POST /api/v1/partners``: offers the server at `host` (its domain, or an address on it) to be partners, with a `note`
    for its admins."""
    member = auth.admin(request, "admin:write:domain_allows")
    params = await forms.params(request)
    row = await partners.offer(
        keys.server(request), member, params.required_text("host"), params.text("note")
    )
    return replies.json(_entity(request, row, whole=True))


async def accept(request: web.Request) -> web.Response:
    """``POST /api/v1/partners/:id/accept``: what it offers."""
    return await _decide(request, partners.accept)


async def decline(request: web.Request) -> web.Response:
    """``POST /api/v1/partners/:id/decline``: what it offers."""
    return await _decide(request, partners.decline)


async def end(request: web.Request) -> web.Response:
    """``POST /api/v1/partners/:id/end``: being partners, or an offer of ours that waits."""
    return await _decide(request, partners.end)


async def _decide(request: web.Request, decision: Any) -> web.Response:
    member = auth.admin(request, "admin:write:domain_allows")
    row = await decision(keys.server(request), member, forms.path_id(request))
    return replies.json(_entity(request, row, whole=True))


def _entity(request: web.Request, row: PartnerRow, *, whole: bool) -> Partner:
    shown = Partner(
        id=str(row.id),
        host=row.host,
        title=row.display_name or row.host,
        url=row.url or row.uri,
        uri=row.uri,
        state=row.state,
    )
    if whole:
        shown.offered_here = partners.offered_here(keys.server(request), row)
        shown.note = row.note
        shown.created_at = instant(row.created_at)
        shown.decided_at = instant(row.decided_at) if row.decided_at is not None else None
        shown.library_read_at = instant(row.library_read_at) if row.library_read_at is not None else None
    return shown


routes: Final[list[web.RouteDef]] = [
    web.get(PATH, listed),
    web.post(PATH, offer),
    web.post(f"{PATH}/{{id}}/accept", accept),
    web.post(f"{PATH}/{{id}}/decline", decline),
    web.post(f"{PATH}/{{id}}/end", end),
]
