"""Opportunities of the client API: the board, and posting, changing and closing what is on it."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from aiohttp import web
from msgspec import Struct

from fedserver import posts
from fedserver.opportunities import publishing, reading
from fedserver.opportunities.reading import described_of
from fedserver.opportunities.records import Described
from web import auth, board, forms, keys, replies
from web.api.opportunities import shown
from web.api.opportunities.entities import OpportunityChoice, OpportunityFacets
from web.api.statuses import KEY_CHARS_MAX
from web.params import Params
from web.verbs import put_or_patch

SIZES: Final = (20, 80)
_NESTED: Final = ("organisation", "place", "pay")
"""What is not mentioned of these stays as it is, too."""


class PostInput(Described, frozen=True, kw_only=True, omit_defaults=True):
    """What is said of a new opportunity, and where it is to be seen."""

    visibility: str = "public"
    group_id: str = ""


class CloseInput(Struct, frozen=True, kw_only=True):
    """Why it is closed."""

    reason: str = "closed"


async def listed(request: web.Request) -> web.Response:
    """``GET /api/v1/opportunities``: what one can still apply to, what closes first is first; `q`, `kind`, `place`, `remote`, `topic`, `language`, `organisation`, `instance`, `group`, `closing_within_days`, `state` and `sort` narrow and order it."""
    viewer = auth.viewer(request, "read:opportunities")
    params = forms.query(request)
    page = await reading.board(
        keys.server(request),
        viewer.account_id,
        board.wanted(request),
        limit=params.limit(*SIZES),
        after=params.text("after"),
    )
    link = replies.link_header(request, next_={"after": page.after}) if page.after else ""
    return replies.json(
        [shown.opportunity(request, one) for one in page.lines], headers={"Link": link} if link else None
    )


async def facets(request: web.Request) -> web.Response:
    """``GET /api/v1/opportunities/facets``: how many there are of which kind, at which place, about what; it takes what the list takes."""
    viewer = auth.viewer(request, "read:opportunities")
    found = await reading.facets(keys.server(request), viewer.account_id, board.wanted(request))
    return replies.json(
        OpportunityFacets(
            **{
                name: [
                    OpportunityChoice(value=one.value, label=one.label, count=one.count) for one in choices
                ]
                for name, choices in found.items()
            }
        )
    )


async def create(request: web.Request) -> web.Response:
    """``POST /api/v1/opportunities``: posts one, perhaps into a group (`group_id`)."""
    member = auth.member(request, "write:opportunities")
    sent = await forms.read(request, PostInput)
    key = request.headers.get("Idempotency-Key", "")[:KEY_CHARS_MAX]
    post_id = await publishing.publish(
        keys.server(request),
        member,
        Described(**{name: getattr(sent, name) for name in Described.__struct_fields__}),
        visibility=sent.visibility,
        group_id=forms.row_id(sent.group_id) if sent.group_id else None,
        idempotency_key=key or None,
    )
    return await one(request, member.account_id, post_id)


async def show(request: web.Request) -> web.Response:
    """``GET /api/v1/opportunities/:id``: one, also after its deadline."""
    viewer = auth.viewer(request, "read:opportunities")
    return await one(request, viewer.account_id, forms.path_id(request))


async def change(request: web.Request) -> web.Response:
    """``PATCH /api/v1/opportunities/:id``: what is not mentioned stays as it is; a list replaces the whole list. Those who have begun to apply hear of another deadline."""
    member = auth.member(request, "write:opportunities")
    server, post_id = keys.server(request), forms.path_id(request)
    found = await reading.show(server, member.account_id, post_id)
    known = msgspec.json.decode(msgspec.json.encode(described_of(found.row)))
    sent = (await forms.params(request)).tree
    kept: dict[str, Any] = {
        name: {**known.get(name, {}), **sent[name]} for name in _NESTED if isinstance(sent.get(name), dict)
    }
    await publishing.change(
        server, member, post_id, forms.as_struct(Params({**known, **sent, **kept}), Described)
    )
    return await one(request, member.account_id, post_id)


async def delete(request: web.Request) -> web.Response:
    """``DELETE /api/v1/opportunities/:id``: with all that was sent in answer to it. To end it rather close it."""
    member = auth.member(request, "write:opportunities")
    server, post_id = keys.server(request), forms.path_id(request)
    await reading.show(server, member.account_id, post_id)
    await posts.delete_post(server, member, post_id)
    return replies.json({})


async def close(request: web.Request) -> web.Response:
    """``POST /api/v1/opportunities/:id/close``: takes it from the board: filled, withdrawn or closed (`reason`)."""
    member = auth.member(request, "write:opportunities")
    sent = await forms.read(request, CloseInput)
    post_id = forms.path_id(request)
    await publishing.close(keys.server(request), member, post_id, sent.reason)
    return await one(request, member.account_id, post_id)


async def reopen(request: web.Request) -> web.Response:
    """``POST /api/v1/opportunities/:id/reopen``: puts it back on the board, until its deadline."""
    member = auth.member(request, "write:opportunities")
    post_id = forms.path_id(request)
    await publishing.reopen(keys.server(request), member, post_id)
    return await one(request, member.account_id, post_id)


async def one(request: web.Request, viewer_id: int | None, post_id: int) -> web.Response:
    """The opportunity as it stands now."""
    found = await reading.show(keys.server(request), viewer_id, post_id)
    return replies.json(shown.opportunity(request, found))


routes: Final[list[web.RouteDef]] = [
    web.get("/api/v1/opportunities", listed),
    web.post("/api/v1/opportunities", create),
    web.get("/api/v1/opportunities/facets", facets),
    web.get("/api/v1/opportunities/{id}", show),
    *put_or_patch("/api/v1/opportunities/{id}", change),
    web.delete("/api/v1/opportunities/{id}", delete),
    web.post("/api/v1/opportunities/{id}/close", close),
    web.post("/api/v1/opportunities/{id}/reopen", reopen),
]
