"""What a group takes over from elsewhere and takes along; names in its archives, and whose they are."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final

from aiohttp import hdrs, web

from fedserver.archives import claims, exporting, received
from fedserver.archives.exporting import FORMATS, MEDIA_TYPES
from fedserver.archives.importing import Options, Receipt
from fedserver.errors import Invalid
from fedserver.groups import catalogue
from web import auth, forms, keys, replies
from web.api.groups import shown
from web.api.groups.entities import ArchiveClaim, ArchiveImport, ArchiveName, ClaimState
from web.api.paging import window
from web.api.render import instant

ONE: Final = "/api/v1/groups/{id}"
SOME: Final = (40, 80)
CHANNELS_MAX: Final = 500


async def imports(request: web.Request) -> web.Response:
    """``GET /api/v1/groups/:id/imports``: what has been brought in, newest first, for owners."""
    member = auth.member(request, "read:groups")
    asked = window(forms.query(request), SOME)
    found = await received.runs(keys.server(request), member, forms.path_id(request), asked)
    entities = [_import(one) for one in found]
    return _page(request, entities, [one.run_id for one in found], asked.limit)


async def bring_in(request: web.Request) -> web.Response:
    """``POST /api/v1/groups/:id/imports``: sends an archive (`file`, `source` slack or mbox, `channels[]`); 202 with the run."""
    member = auth.member(request, "write:groups")
    params = await forms.params(request)
    file = params.upload("file")
    if file is None:
        raise Invalid({"file": "can't be blank"})
    options = Options(params.texts("channels", count_max=CHANNELS_MAX), params.flag("match_members"))
    receipt = await received.receive(
        keys.server(request), member, forms.path_id(request), file.path, params.text("source"), options,
        name=file.filename,
    )  # fmt: skip
    return replies.json(_import(receipt), status=202)


async def show(request: web.Request) -> web.Response:
    """``GET /api/v1/groups/:id/imports/:run``: how far one has come, and what became of what it read."""
    member = auth.member(request, "read:groups")
    receipt = await received.show(
        keys.server(request), member, forms.path_id(request), forms.path_id(request, "run")
    )
    return replies.json(_import(receipt))


async def export(request: web.Request) -> web.StreamResponse:
    """``GET /api/v1/groups/:id/export``: all threads as its owner sees them, by `format` jsonl or mbox."""
    member = auth.member(request, "read:groups")
    server, group_id = keys.server(request), forms.path_id(request)
    wanted = forms.query(request).text("format") or "jsonl"
    format_ = next((one for one in FORMATS if one == wanted), None)
    if format_ is None:
        raise Invalid({"format": f"must be one of {', '.join(FORMATS)}"})
    pieces = await exporting.export(server, group_id, member.account_id, format_)
    group = (await catalogue.show(server, member.account_id, group_id)).group
    return await streamed(request, pieces, MEDIA_TYPES[format_], f"{group.username}.{format_}")


async def streamed(
    request: web.Request, pieces: AsyncIterator[bytes], media_type: str, name: str
) -> web.StreamResponse:
    """A file for keeping, sent while it is written."""
    response = web.StreamResponse(
        headers={
            hdrs.CONTENT_TYPE: media_type,
            hdrs.CONTENT_DISPOSITION: f'attachment; filename="{name}"',
            hdrs.CACHE_CONTROL: "private, no-store",
        }
    )
    await response.prepare(request)
    async for piece in pieces:
        await response.write(piece)
    await response.write_eof()
    return response


async def names(request: web.Request) -> web.Response:
    """``GET /api/v1/groups/:id/names``: people in its archives whom nobody has claimed."""
    viewer = auth.viewer(request, "read:groups")
    asked = window(forms.query(request), SOME)
    rows = await claims.names(keys.server(request), viewer.account_id, forms.path_id(request), asked)
    entities = [
        ArchiveName(
            str(row.id), row.name, None if row.account_id is None else str(row.account_id), row.posts_count
        )
        for row in rows
    ]
    return _page(request, entities, [row.id for row in rows], asked.limit)


async def claim(request: web.Request) -> web.Response:
    """``POST /api/v1/groups/:id/names/:name/claim``: says that a name is one's own; `email` is where a link is sent."""
    member = auth.member(request, "write:groups")
    email = (await forms.params(request)).text("email")
    state = await claims.claim(
        keys.server(request), member, forms.path_id(request), forms.path_id(request, "name"), email=email
    )
    return replies.json(ClaimState(state))


async def claimed(request: web.Request) -> web.Response:
    """``GET /api/v1/groups/:id/claims``: who says that a name is theirs, for owners to decide."""
    member = auth.member(request, "read:groups")
    asked = window(forms.query(request), SOME)
    rows = await claims.waiting(keys.server(request), member, forms.path_id(request), asked)
    entities = [
        ArchiveClaim(
            str(row.id),
            str(row.person_id),
            row.name,
            str(row.account_id),
            row.username,
            instant(row.created_at),
        )
        for row in rows
    ]
    return _page(request, entities, [row.id for row in rows], asked.limit)


async def accept(request: web.Request) -> web.Response:
    """``POST /api/v1/groups/:id/claims/:claim/accept``: the name is theirs, and what was written under it."""
    member = auth.member(request, "write:groups")
    await claims.decide(
        keys.server(request), member, forms.path_id(request), forms.path_id(request, "claim"), accept=True
    )
    return replies.json(shown.NOTHING)


async def reject(request: web.Request) -> web.Response:
    """``POST /api/v1/groups/:id/claims/:claim/reject``: it is not."""
    member = auth.member(request, "write:groups")
    await claims.decide(
        keys.server(request), member, forms.path_id(request), forms.path_id(request, "claim"), accept=False
    )
    return replies.json(shown.NOTHING)


def _import(receipt: Receipt) -> ArchiveImport:
    return ArchiveImport(
        id=str(receipt.run_id),
        state=receipt.state,  # type: ignore[arg-type]
        total=receipt.total,
        read=receipt.read,
        added=receipt.added,
        known=receipt.known,
        left_out=receipt.left_out,
        files_added=receipt.files_added,
        reasons=receipt.reasons,
        problems=receipt.problems,
        error=receipt.error or None,
    )


def _page(request: web.Request, entities: list[Any], ids: list[int], limit: int) -> web.Response:
    return replies.page(
        request, entities, newest=ids[0] if ids else None, oldest=ids[-1] if ids else None, complete=len(ids) >= limit
    )  # fmt: skip


routes: Final[list[web.RouteDef]] = [
    web.get(f"{ONE}/imports", imports),
    web.post(f"{ONE}/imports", bring_in),
    web.get(f"{ONE}/imports/{{run}}", show),
    web.get(f"{ONE}/export", export),
    web.get(f"{ONE}/names", names),
    web.post(f"{ONE}/names/{{name}}/claim", claim),
    web.get(f"{ONE}/claims", claimed),
    web.post(f"{ONE}/claims/{{claim}}/accept", accept),
    web.post(f"{ONE}/claims/{{claim}}/reject", reject),
]
