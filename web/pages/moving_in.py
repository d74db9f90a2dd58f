"""Bringing along what one had elsewhere: a file is sent, what it would change is shown, and then a job does it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any, Final

from aiohttp import web

from fedserver.errors import Invalid
from fedserver.moving_in import archives, files, runs
from fedserver.moving_in.files import KINDS, Empty, File
from web import forms, keys, replies
from web.pages import page
from web.params import Upload

HERE: Final = "/settings/import"
_ONE: Final = HERE + "/{id:[0-9]{1,19}}"


async def ask(request: web.Request) -> web.StreamResponse:
    """Which file, and what has been brought in before."""
    return await page.show(
        request, "settings/import.html", problems={}, kind="", mode="merge", **await _context(request)
    )


async def receive(request: web.Request) -> web.StreamResponse:
    """Read the file, or those in an archive, and show what each would change."""
    server, member, params = keys.server(request), page.member(request), await forms.params(request)
    kind, mode = params.text("kind"), params.text("mode", "merge")
    try:
        if mode not in ("merge", "overwrite"):
            raise Invalid({"mode": "must be merge or overwrite"})
        upload = params.upload("file")
        if upload is None or not upload.size:
            raise Invalid({"file": "is missing: choose one"})
        found = await asyncio.to_thread(_read, upload, kind)
        ids = [
            await runs.receive(server, member.account_id, one, overwrites=mode == "overwrite")
            for one in found
        ]
    except page.MENDABLE as error:
        return await page.show_again(
            request, "settings/import.html", error, kind=kind, mode=mode, **await _context(request)
        )
    return page.go(f"{HERE}/{ids[0]}" if len(ids) == 1 else f"{HERE}?done=archive-read")


def _read(upload: Upload, kind: str) -> list[File]:
    """What was sent, at least one file; of an archive those that have something in them. Blocks."""
    parts = archives.gathered(upload.path, upload.filename)
    if [name for name, _ in parts] == [upload.filename]:
        return [files.read(upload.filename, parts[0][1], kind)]
    found = []
    for name, body in parts:
        with suppress(Empty):
            found.append(files.read(name, body))
    found = [one for one in found if kind in ("", one.kind)]
    if not found:
        raise Invalid({"file": "has nothing in it that can be brought in"})
    return found


async def show(request: web.Request) -> web.StreamResponse:
    """What a file would change, how far it has come, or what came of it."""
    found = await runs.show(keys.server(request), page.member(request).account_id, forms.path_id(request))
    return await page.show(request, "settings/import_one.html", found=found, run=found.run)


async def begin(request: web.Request) -> web.StreamResponse:
    """Have it brought in."""
    import_id = forms.path_id(request)
    await runs.begin(keys.server(request), page.member(request).account_id, import_id)
    return page.go(f"{HERE}/{import_id}?done=bringing-in")


async def stop(request: web.Request) -> web.StreamResponse:
    """Bring in no more of it."""
    import_id = forms.path_id(request)
    await runs.stop(keys.server(request), page.member(request).account_id, import_id)
    return page.go(f"{HERE}/{import_id}?done=stopped-import")


async def remove(request: web.Request) -> web.StreamResponse:
    """Forget the file."""
    await runs.remove(keys.server(request), page.member(request).account_id, forms.path_id(request))
    return page.go(f"{HERE}?done=forgotten-import")


async def rest(request: web.Request) -> web.StreamResponse:
    """What could not be brought in, as a table."""
    server, member, import_id = keys.server(request), page.member(request), forms.path_id(request)
    found = await runs.show(server, member.account_id, import_id)
    body = await runs.table_of_rest(server, member.account_id, import_id)
    return replies.table(body, f"{found.kind}_left_out.csv")


async def _context(request: web.Request) -> dict[str, Any]:
    listed = await runs.listed(keys.server(request), page.member(request).account_id)
    return {"listed": [one for one in listed if one.state != "reading"], "kinds": KINDS}


routes = [
    web.get(HERE, ask),
    web.post(HERE, receive),
    web.get(_ONE, show),
    web.post(_ONE + "/begin", begin),
    web.post(_ONE + "/stop", stop),
    web.post(_ONE + "/remove", remove),
    web.get(_ONE + "/left-out.csv", rest),
]
