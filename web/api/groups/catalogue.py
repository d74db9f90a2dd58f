"""Groups of the client API: finding, making, changing, archiving, joining and leaving them."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from fedserver import mentions
from fedserver.groups import catalogue, members
from fedserver.groups.catalogue import GroupFields
from web import auth, forms, keys, replies
from web.api.groups import shown
from web.api.paging import window
from web.api.statuses import KEY_CHARS_MAX
from web.params import Params
from web.verbs import put_or_patch

GROUPS: Final = (20, 40)


async def listed(request: web.Request) -> web.Response:
    """``GET /api/v1/groups``: groups that the viewer may know of, the latest first; `q`, `kind`, `local`, `belonging`."""
    viewer = auth.viewer(request, "read:groups")
    params = forms.query(request)
    asked = window(params, GROUPS)
    found = await catalogue.find_shown(
        keys.server(request),
        viewer.account_id,
        asked,
        words=params.text("q"),
        kind=params.text("kind"),
        local=params.flag("local"),
        belonging=params.text("belonging"),
    )
    return replies.page(
        request,
        [shown.group(request, one, alone=False) for one in found],
        newest=found[0].group.account_id if found else None,
        oldest=found[-1].group.account_id if found else None,
        complete=len(found) >= asked.limit,
    )


async def show(request: web.Request) -> web.Response:
    """``GET /api/v1/groups/:id``: one group, by the id of its account."""
    viewer = auth.viewer(request, "read:groups")
    return await _shown(request, viewer.account_id, forms.path_id(request))


async def lookup(request: web.Request) -> web.Response:
    """``GET /api/v1/groups/lookup?name=``: a known group by ``name`` or ``name@domain``, without asking elsewhere."""
    viewer = auth.viewer(request, "read:groups")
    handle = forms.query(request).text("name").strip().removeprefix("@").removeprefix("!")
    name, _, domain = handle.partition("@")
    server = keys.server(request)
    domain = "" if not domain or mentions.is_ours(server, domain) else domain.lower()
    found = await catalogue.show_named(server, viewer.account_id, name, domain)
    return replies.json(shown.group(request, found))


async def create(request: web.Request) -> web.Response:
    """``POST /api/v1/groups``: makes a group, for who has been granted the right to."""
    member = auth.member(request, "write:groups")
    params = await forms.params(request)
    key = request.headers.get("Idempotency-Key", "")[:KEY_CHARS_MAX]
    group_id = await catalogue.create(
        keys.server(request), member, params.text("name"), _fields(params), idempotency_key=key or None
    )
    return await _shown(request, member.account_id, group_id)


async def change(request: web.Request) -> web.Response:
    """``PATCH /api/v1/groups/:id``: what is not mentioned stays as it is."""
    member = auth.member(request, "write:groups")
    group_id = forms.path_id(request)
    await catalogue.change(keys.server(request), member, group_id, _fields(await forms.params(request)))
    return await _shown(request, member.account_id, group_id)


async def join(request: web.Request) -> web.Response:
    """``POST /api/v1/groups/:id/join``: joins, or asks to with an ``answer`` to the group's question."""
    member = auth.member(request, "write:groups")
    server, group_id = keys.server(request), forms.path_id(request)
    await members.join(server, member, group_id, answer=(await forms.params(request)).text("answer"))
    found = await catalogue.show(server, member.account_id, group_id)
    return replies.json(shown.membership(request, found))


async def leave(request: web.Request) -> web.Response:
    """``POST /api/v1/groups/:id/leave``: leaves, takes a request back, or declines an invitation."""
    member = auth.member(request, "write:groups")
    await members.leave(keys.server(request), member, forms.path_id(request))
    return replies.json(shown.NOTHING)


async def archive(request: web.Request) -> web.Response:
    """``POST /api/v1/groups/:id/archive``: from now on it can only be read."""
    member = auth.member(request, "write:groups")
    await catalogue.archive(keys.server(request), member, forms.path_id(request))
    return await _shown(request, member.account_id, forms.path_id(request))


async def unarchive(request: web.Request) -> web.Response:
    """``POST /api/v1/groups/:id/unarchive``: brings it back."""
    member = auth.member(request, "write:groups")
    await catalogue.unarchive(keys.server(request), member, forms.path_id(request))
    return await _shown(request, member.account_id, forms.path_id(request))


async def topics(request: web.Request) -> web.Response:
    """``GET /api/v1/groups/:id/topics``: the topics that a thread in it can have."""
    viewer = auth.viewer(request, "read:groups")
    found = await catalogue.show(keys.server(request), viewer.account_id, forms.path_id(request))
    return replies.json(shown.topics(request, found.topics))


async def _shown(request: web.Request, viewer_id: int | None, group_id: int) -> web.Response:
    found = await catalogue.show(keys.server(request), viewer_id, group_id)
    return replies.json(shown.group(request, found))


def _fields(params: Params) -> GroupFields:
    def several(name: str) -> list[str] | None:
        return params.texts(name, count_max=100) if name in params else None

    texts: dict[str, Any] = {
        name: params.maybe_text(name)
        for name in (
            *("title", "kind", "access", "join_mode", "join_question", "posting", "charter", "language"),
        )
    }
    return GroupFields(
        rules=several("rules"),
        topics=several("topics"),
        allows_downvotes=params.maybe_flag("allows_downvotes"),
        **texts,
    )


routes: Final[list[web.RouteDef]] = [
    web.get("/api/v1/groups", listed),
    web.post("/api/v1/groups", create),
    web.get("/api/v1/groups/lookup", lookup),
    web.get("/api/v1/groups/{id}", show),
    *put_or_patch("/api/v1/groups/{id}", change),
    web.post("/api/v1/groups/{id}/join", join),
    web.post("/api/v1/groups/{id}/leave", leave),
    web.post("/api/v1/groups/{id}/archive", archive),
    web.post("/api/v1/groups/{id}/unarchive", unarchive),
    web.get("/api/v1/groups/{id}/topics", topics),
]
