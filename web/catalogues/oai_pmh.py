"""Harvesting by OAI-PMH 2.0: one address, asked with GET or with a form."""

from __future__ import annotations

import asyncio
from typing import Final
from urllib.parse import parse_qsl

from aiohttp import hdrs, web

from fedserver import settings
from fedserver.errors import TooLarge
from fedserver.resources.faces import oai_pmh
from web import keys
from web.forms import TooSlow
from web.params import Unreadable

BODY_BYTES_MAX: Final = 8_192
BODY_SECONDS_MAX: Final = 10.0
ARGUMENTS_MAX: Final = 20
XML: Final = "text/xml; charset=utf-8"


async def harvest(request: web.Request) -> web.StreamResponse:
    """The library for harvesters: the verbs of OAI-PMH, as query or as form."""
    pairs = await _pairs(request)
    server = keys.server(request)
    body = await oai_pmh.answer(server, await settings.current(server), pairs)
    # Every answer has the instant in it: there is nothing to keep and to compare.
    headers = {hdrs.CONTENT_TYPE: XML, hdrs.CACHE_CONTROL: "no-cache"}
    return web.Response(body=body, headers=headers)


async def _pairs(request: web.Request) -> list[tuple[str, str]]:
    text = request.rel_url.raw_query_string
    if request.method == "POST":
        text = (await _body(request)).decode("ascii", "replace")
    try:
        return parse_qsl(text, keep_blank_values=True, max_num_fields=ARGUMENTS_MAX)
    except ValueError:
        raise Unreadable from None


async def _body(request: web.Request) -> bytes:
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS_MAX):
            async for chunk in request.content.iter_any():
                body += chunk
                if len(body) > BODY_BYTES_MAX:
                    raise TooLarge
    except TimeoutError:
        raise TooSlow from None
    return bytes(body)


routes = [web.get("/oai-pmh", harvest), web.post("/oai-pmh", harvest)]
