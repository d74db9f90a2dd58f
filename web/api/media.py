"""Uploads of the client API, and the files themselves under ``/media/``."""

from __future__ import annotations

import asyncio
import re
from typing import Final

from aiohttp import hdrs, web

from fedserver import remote_media, uploads
from fedserver.errors import Invalid, NotFound, TooLarge
from fedserver.media.store import media_type_of, shows_inline
from web import auth, forms, keys, replies
from web.api.render import renderer
from web.api.statuses import focus
from web.verbs import put_or_patch

A_DAY: Final = "public, max-age=86400"
A_WHILE: Final = "public, max-age=600"
FOREVER: Final = "public, max-age=31536000, immutable"
_RANGE: Final = re.compile(r"bytes=([0-9]{1,15})-([0-9]{0,15})")


async def upload(request: web.Request) -> web.Response:
    """``POST /api/v2/media``: 200 with a picture that is ready, 202 with what is still to be converted."""
    return await _uploaded(request, wait_seconds=0)


async def upload_and_wait(request: web.Request) -> web.Response:
    """``POST /api/v1/media``: the same, and converted when this answers."""
    return await _uploaded(request, wait_seconds=uploads.WAIT_SECONDS)


async def _uploaded(request: web.Request, *, wait_seconds: float) -> web.Response:
    member = auth.member(request, "write:media")
    params = await forms.params(request)
    file, thumbnail = params.upload("file"), params.upload("thumbnail")
    if file is None:
        raise Invalid({"file": "can't be blank"}, "Validation failed: File can't be blank")
    try:
        row = await uploads.attach(
            keys.server(request),
            member,
            file.path,
            description=params.text("description"),
            focus=focus(params) or (0.0, 0.0),
            thumbnail=thumbnail.path if thumbnail is not None else None,
            wait_seconds=wait_seconds,
        )
    except TooLarge as error:
        # Apps show what comes with this status, and know no other for a file.
        raise Invalid({}, f"Validation failed: {error}") from error
    return replies.json(renderer(request).attachment(row), status=200 if row.state == "ready" else 202)


async def show(request: web.Request) -> web.Response:
    """``GET /api/v1/media/:id``: 206 while it is being converted, 422 with the reason when it could not be."""
    member = auth.member(request, "write:media")
    row = await uploads.show(keys.server(request), member, forms.path_id(request))
    if row.state == "failed":
        raise Invalid({}, row.error)
    return replies.json(renderer(request).attachment(row), status=200 if row.state == "ready" else 206)


async def change(request: web.Request) -> web.Response:
    """``PUT /api/v1/media/:id``"""
    member = auth.member(request, "write:media")
    params = await forms.params(request)
    thumbnail = params.upload("thumbnail")
    row = await uploads.change(
        keys.server(request),
        member,
        forms.path_id(request),
        description=params.maybe_text("description"),
        focus=focus(params),
        thumbnail=thumbnail.path if thumbnail is not None else None,
    )
    if row.state == "failed":
        raise Invalid({}, row.error)
    return replies.json(renderer(request).attachment(row), status=200 if row.state == "ready" else 206)


async def delete(request: web.Request) -> web.Response:
    """``DELETE /api/v1/media/:id``"""
    member = auth.member(request, "write:media")
    await uploads.remove(keys.server(request), member, forms.path_id(request))
    return replies.json({})


async def remote(request: web.Request) -> web.StreamResponse:
    """``GET /media/remote/…``: a file of another server, out of our copy of it, which is made when somebody first
    looks; 302 to where it is when it is too large for that."""
    named = request.match_info
    reference = f"{named['host']}/{named['shortcode']}" if "host" in named else str(forms.path_id(request))
    found = await remote_media.find(
        keys.server(request), named.get("what", "emoji"), reference, named["digest"]
    )
    if isinstance(found, remote_media.Elsewhere):
        headers = {hdrs.LOCATION: found.url, hdrs.CACHE_CONTROL: A_WHILE}
        return web.Response(status=302, headers=headers)
    return await _file(request, found.store_key, A_DAY)


async def file(request: web.Request) -> web.StreamResponse:
    """``GET /media/…``: a stored file, whole or one range of it (RFC 9110 §14). Its name never changes what it
    holds. Always of the type it was stored as, and nothing in it may run."""
    return await _file(request, request.match_info["key"], FOREVER)


async def _file(request: web.Request, key: str, cached: str) -> web.StreamResponse:
    server = keys.server(request)
    kind = media_type_of(key)
    headers = {
        hdrs.CONTENT_TYPE: kind,
        hdrs.CACHE_CONTROL: cached,
        hdrs.ETAG: f'"{key.rpartition("/")[2]}"',
        hdrs.ACCEPT_RANGES: "bytes",
        "Content-Security-Policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
        "X-Content-Type-Options": "nosniff",
        hdrs.CONTENT_DISPOSITION: "inline" if shows_inline(kind) else "attachment",
    }
    if request.headers.get(hdrs.IF_NONE_MATCH) in (headers[hdrs.ETAG], "*"):
        return web.Response(status=304, headers=headers)
    path = server.media.local_path(key)
    if path is not None:
        if not await asyncio.to_thread(path.is_file):
            raise NotFound("There is no such file.")
        return web.FileResponse(path, headers=headers)
    return await _streamed(request, key, headers)


async def _streamed(request: web.Request, key: str, headers: dict[str, str]) -> web.StreamResponse:
    """A file that is not on this machine. Of several ranges, or the last so many bytes, the whole is sent."""
    match = _RANGE.fullmatch(request.headers.get(hdrs.RANGE, "").strip())
    start = int(match[1]) if match else 0
    end = int(match[2]) + 1 if match and match[2] else None
    try:
        stream = await uploads.read(keys.server(request), key, start=start, end=end)
    except ValueError:
        return web.Response(status=416)
    if match:
        headers[hdrs.CONTENT_RANGE] = f"bytes {stream.start}-{stream.end - 1}/{stream.size}"
    headers[hdrs.CONTENT_LENGTH] = str(stream.end - stream.start)
    response = web.StreamResponse(status=206 if match else 200, headers=headers)
    await response.prepare(request)
    async for chunk in stream.chunks:
        if request.method == hdrs.METH_HEAD:
            break
        await response.write(chunk)
    await response.write_eof()
    return response


routes: Final[list[web.RouteDef]] = [
    web.post("/api/v1/media", upload_and_wait),
    web.post("/api/v2/media", upload),
    web.get("/api/v1/media/{id}", show),
    *put_or_patch("/api/v1/media/{id}", change),
    web.delete("/api/v1/media/{id}", delete),
    web.get("/media/remote/{what:attachment|preview|avatar|header|card}/{id}/{digest:[0-9a-f]{32}}", remote),
    web.get("/media/remote/emoji/{host}/{shortcode}/{digest:[0-9a-f]{32}}", remote),
    web.get("/media/{key:.+}", file),
]
