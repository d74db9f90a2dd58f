"""Resources of the client API: publishing and changing them, their versions, withdrawing and deleting."""

from __future__ import annotations

from typing import Final

import msgspec
from aiohttp import web
from msgspec import Struct

from fedserver.errors import NotFound
from fedserver.resources import checking, publishing, reading
from fedserver.resources.publishing import Link, NewVersion
from fedserver.resources.records import Described
from web import auth, forms, keys, replies
from web.api.resources import shown
from web.api.resources.entities import ResourceCheck
from web.api.statuses import KEY_CHARS_MAX
from web.params import Params
from web.verbs import put_or_patch


class LinkInput(Struct, frozen=True):
    """A file of a version that lies elsewhere."""

    url: str
    name: str = ""


class VersionInput(Struct, frozen=True, kw_only=True):
    """A version that comes out; `file_ids` are files sent before."""

    number: str = publishing.FIRST_VERSION
    notes: str = ""
    doi: str = ""
    file_ids: list[str] = []
    links: list[LinkInput] = []

    def new(self) -> NewVersion:
        ids = [forms.row_id(one) for one in self.file_ids]
        links = [Link(one.url, one.name) for one in self.links]
        return NewVersion(self.number, self.notes, self.doi, ids, links)


class PublishInput(Described, frozen=True, kw_only=True, omit_defaults=True):
    """What is said of a new resource, where it is to be seen, and its first version."""

    visibility: str = "public"
    group_id: str = ""
    draft_id: str = ""
    version: VersionInput = VersionInput()


async def create(request: web.Request) -> web.Response:
    """``POST /api/v1/resources``: publishes a resource, perhaps into a group (`group_id`), perhaps out of a draft
    (`draft_id`), with a first `version`."""
    member = auth.member(request, "write:resources")
    sent = await forms.read(request, PublishInput)
    key = request.headers.get("Idempotency-Key", "")[:KEY_CHARS_MAX]
    post_id = await publishing.publish(
        keys.server(request),
        member,
        described_of(sent),
        visibility=sent.visibility,
        group_id=forms.row_id(sent.group_id) if sent.group_id else None,
        version=sent.version.new(),
        draft_id=forms.row_id(sent.draft_id) if sent.draft_id else None,
        idempotency_key=key or None,
    )
    return await one(request, member.account_id, post_id)


async def show(request: web.Request) -> web.Response:
    """``GET /api/v1/resources/:id``: a resource with all its versions."""
    viewer = auth.viewer(request, "read:resources")
    return await one(request, viewer.account_id, forms.path_id(request))


async def change(request: web.Request) -> web.Response:
    """``PATCH /api/v1/resources/:id``: what is not mentioned stays as it is; a list replaces the whole list."""
    member = auth.member(request, "write:resources")
    server, post_id = keys.server(request), forms.path_id(request)
    found = await reading.show(server, member.account_id, post_id)
    described = merged(publishing.described_of(found.row), await forms.params(request))
    await publishing.change(server, member, post_id, described)
    return await one(request, member.account_id, post_id)


async def delete(request: web.Request) -> web.Response:
    """``DELETE /api/v1/resources/:id``: with its versions and files."""
    member = auth.member(request, "write:resources")
    await publishing.delete(keys.server(request), member, forms.path_id(request))
    return replies.json({})


async def withdraw(request: web.Request) -> web.Response:
    """``POST /api/v1/resources/:id/withdraw``: says with a `reason` that nobody should use it any more."""
    member = auth.member(request, "write:resources")
    reason = (await forms.params(request)).text("reason")
    await publishing.withdraw(keys.server(request), member, forms.path_id(request), reason)
    return await one(request, member.account_id, forms.path_id(request))


async def check(request: web.Request) -> web.Response:
    """``POST /api/v1/resources/check``: what would be refused, by field, and what speaks against the licence."""
    auth.member(request, "write:resources")
    described = described_of(await forms.read(request, PublishInput))
    return replies.json(
        ResourceCheck(
            problems=checking.problems_of(described), licence_warnings=checking.licence_warnings(described)
        )
    )


async def versions(request: web.Request) -> web.Response:
    """``GET /api/v1/resources/:id/versions``: newest first."""
    viewer = auth.viewer(request, "read:resources")
    found = await reading.show(keys.server(request), viewer.account_id, forms.path_id(request))
    files = found.files or {}
    return replies.json([shown.version(request, row, files.get(row.id, ())) for row in found.versions])


async def version(request: web.Request) -> web.Response:
    """``GET /api/v1/resources/:id/versions/:number``: one version."""
    viewer = auth.viewer(request, "read:resources")
    found = await reading.show(keys.server(request), viewer.account_id, forms.path_id(request))
    files = found.files or {}
    for row in found.versions:
        if row.number == request.match_info["number"]:
            return replies.json(shown.version(request, row, files.get(row.id, ())))
    raise NotFound("Record not found")


async def bring_out(request: web.Request) -> web.Response:
    """``POST /api/v1/resources/:id/versions``: a new version; whoever recorded that they use it hears of it."""
    member = auth.member(request, "write:resources")
    sent = await forms.read(request, VersionInput)
    await publishing.bring_out(keys.server(request), member, forms.path_id(request), sent.new())
    return await one(request, member.account_id, forms.path_id(request))


async def one(request: web.Request, viewer_id: int | None, post_id: int) -> web.Response:
    """The resource as it stands now."""
    server = keys.server(request)
    found = await reading.show(server, viewer_id, post_id)
    account = await reading.author(server, found)
    return replies.json(shown.resource(request, found, account))


def described_of(sent: Described) -> Described:
    """What is said of a resource, out of an input that says more."""
    return Described(**{name: getattr(sent, name) for name in Described.__struct_fields__})


def merged(known: Described, params: Params) -> Described:
    """What was known, changed as far as something else was sent."""
    tree = msgspec.json.decode(msgspec.json.encode(known))
    return forms.as_struct(Params({**tree, **params.tree}), Described)


routes: Final[list[web.RouteDef]] = [
    web.post("/api/v1/resources", create),
    web.post("/api/v1/resources/check", check),
    web.get("/api/v1/resources/{id}", show),
    *put_or_patch("/api/v1/resources/{id}", change),
    web.delete("/api/v1/resources/{id}", delete),
    web.post("/api/v1/resources/{id}/withdraw", withdraw),
    web.get("/api/v1/resources/{id}/versions", versions),
    web.get("/api/v1/resources/{id}/versions/{number}", version),
    web.post("/api/v1/resources/{id}/versions", bring_out),
]
