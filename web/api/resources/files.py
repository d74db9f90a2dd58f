"""Files of resources: sent through the client API, and downloaded by whoever may see the resource."""

from __future__ import annotations

import re
from base64 import b64encode
from typing import Final
from urllib.parse import quote

from aiohttp import hdrs, web

from fedserver.errors import Invalid
from fedserver.resources import files
from fedserver.resources.reading import FileRow
from web import auth, forms, keys, replies
from web.api.render import instant
from web.api.resources.entities import UnusedFile

SHARED: Final = "public, max-age=3600"
NOT_SHARED: Final = "private, no-cache"
_RANGE: Final = re.compile(r"bytes=(?:(?P<start>[0-9]{1,15})-(?P<end>[0-9]{0,15})|-(?P<last>[0-9]{1,15}))")


async def send(request: web.Request) -> web.Response:
    """``POST /api/v1/resources/files``: keeps a `file` for a version to come, which names it in `file_ids`."""
    member = auth.member(request, "write:resources")
    sent = (await forms.params(request)).upload("file")
    if sent is None:
        raise Invalid({"file": "can't be blank"})
    return replies.json(_unused(await files.keep(keys.server(request), member, sent.path, sent.filename)))


async def unused(request: web.Request) -> web.Response:
    """``GET /api/v1/resources/files``: those of the member that no version has, the latest first."""
    member = auth.member(request, "read:resources")
    return replies.json([_unused(row) for row in await files.unused(keys.server(request), member)])


async def remove(request: web.Request) -> web.Response:
    """``DELETE /api/v1/resources/files/:id``: one that no version has."""
    member = auth.member(request, "write:resources")
    await files.remove(keys.server(request), member, forms.path_id(request))
    return replies.json({})


async def download(request: web.Request) -> web.StreamResponse:
    """``GET /api/v1/resources/:id/files/:file_id``: the file, or one range of it, so that a download can go on."""
    viewer = auth.viewer(request, "read:resources")
    return await _download(request, viewer.account_id)


async def download_of_page(request: web.Request) -> web.StreamResponse:
    """The same at the address that pages and other servers know, for whoever is signed in there."""
    return await _download(request, request[keys.VIEWER].account_id)


async def _download(request: web.Request, viewer_id: int | None) -> web.StreamResponse:
    server = keys.server(request)
    found = await files.find(server, viewer_id, forms.path_id(request), forms.path_id(request, "file_id"))
    row = found.row
    size: int = row.file_bytes
    headers = {
        hdrs.CONTENT_TYPE: row.media_type + ("; charset=utf-8" if row.media_type.startswith("text/") else ""),
        hdrs.CONTENT_DISPOSITION: _disposition(row.name),
        hdrs.ETAG: f'"{row.sha256}"',
        hdrs.ACCEPT_RANGES: "bytes",
        hdrs.CACHE_CONTROL: SHARED if found.shared else NOT_SHARED,
        hdrs.VARY: "Origin" if found.shared else "Cookie, Authorization",
        # RFC 9530 §3: of the whole file, also where a range of it is sent.
        "Repr-Digest": f"sha-256=:{b64encode(bytes.fromhex(row.sha256)).decode()}:",
        "Content-Security-Policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
        "X-Content-Type-Options": "nosniff",
    }
    if _names(request.headers.get(hdrs.IF_NONE_MATCH, ""), headers[hdrs.ETAG]):
        return web.Response(status=304, headers=headers)
    start, end, status = 0, size, 200
    # RFC 9110 §14.2: a range of what is got, and (§13.1.5) of nothing else than what the client has begun to get.
    if (
        request.method == hdrs.METH_GET
        and request.headers.get(hdrs.IF_RANGE, headers[hdrs.ETAG]) == headers[hdrs.ETAG]
    ):
        wanted = _range(request.headers.get(hdrs.RANGE, ""), size)
        if wanted is not None:
            start, end = wanted
            if start >= end:
                headers[hdrs.CONTENT_RANGE] = f"bytes */{size}"
                return web.Response(status=416, headers=headers)
            headers[hdrs.CONTENT_RANGE] = f"bytes {start}-{end - 1}/{size}"
            status = 206
    headers[hdrs.CONTENT_LENGTH] = str(end - start)
    response = web.StreamResponse(status=status, headers=headers)
    if request.method == hdrs.METH_HEAD:
        await response.prepare(request)
        return response
    stream = await files.read(server, row, start, end)
    await response.prepare(request)
    async for chunk in stream.chunks:
        await response.write(chunk)
    await response.write_eof()
    if start == 0 and end == size:
        await files.downloaded(server, row)
    return response


def _disposition(name: str) -> str:
    """RFC 6266: the name as it is, and in ASCII for those who read no other."""
    plain = re.sub(r"[^A-Za-z0-9._ -]", "_", name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _names(known: str, tag: str) -> bool:
    return known.strip() == "*" or tag in (one.strip().removeprefix("W/") for one in known.split(","))


def _range(header: str, size: int) -> tuple[int, int] | None:
    """The bytes that are asked for, from and to before; nothing of them where the file is shorter. None for no range, for
    several, and for what cannot be read: then the whole is sent (RFC 9110 §14.2)."""
    match = _RANGE.fullmatch(header.strip())
    if match is None:
        return None
    if match["last"] is not None:
        last = int(match["last"])
        return (max(0, size - last), size) if last else (size, size)
    start = int(match["start"])
    if not match["end"]:
        return start, size
    end = int(match["end"]) + 1
    return None if end <= start else (start, min(end, size))


def _unused(row: FileRow) -> UnusedFile:
    return UnusedFile(
        id=str(row.id),
        name=row.name,
        media_type=row.media_type,
        size=row.file_bytes,
        sha256=row.sha256,
        created_at=instant(row.created_at),
    )


FILE: Final = r"/resources/{id:\d+}/files/{file_id:\d+}"

routes: Final[list[web.RouteDef]] = [
    web.post("/api/v1/resources/files", send),
    web.get("/api/v1/resources/files", unused),
    web.delete("/api/v1/resources/files/{id}", remove),
    web.get("/api/v1/resources/{id}/files/{file_id}", download),
]
pages: Final[list[web.RouteDef]] = [
    web.get(FILE, download_of_page),
    web.get(FILE + "/{name}", download_of_page),
]
