"""Links in a profile that lead back to it: whoever wrote the page there is the member here.

A field whose text is one address is checked when the profile changes: the page must have an ``<a>`` or
``<link>`` with ``rel="me"`` (microformats rel-me) to the member's profile here.
"""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

from sqlalchemy import Connection

from activitypub.identifiers import origin_of
from fedserver.content import page
from fedserver.context import Server
from fedserver.errors import Unreachable
from fedserver.jobs.handlers import handles
from storage import accounts
from storage.types import now_ms

log = logging.getLogger("fedserver.verified_links")


@handles("verify_links", attempts_max=3)
async def check(server: Server, payload: dict[str, Any]) -> None:
    """Look at every field that is an address and not yet known to lead back."""
    account_id = payload["account_id"]
    row = await server.db.read(accounts.by_id, account_id)
    if row is None or row.deleted_at is not None or not server.config.federates:
        return
    proven = [
        one["source"]
        for one in json.loads(row.fields)
        if not one.get("verified_at")
        and is_address(one["source"])
        and await _leads_back(server, one["source"], row.url)
    ]
    if proven:
        await server.db.write(_mark, server, account_id, proven)


def is_address(text: str) -> bool:
    """Whether a field's text is one web address and nothing else."""
    return not any(map(str.isspace, text.strip())) and origin_of(text.strip()) is not None


def names(html: str, page_url: str, profile_url: str) -> bool:
    """Whether a page names the profile as its author's with ``rel="me"``."""
    return any(
        page.absolute(page_url, one.attributes.get("href", "")) == profile_url
        for one in page.elements(html)
        if one.name in ("a", "link") and "me" in one.attributes.get("rel", "").split()
    )


async def _leads_back(server: Server, url: str, profile_url: str) -> bool:
    try:
        found = await server.http.get(url.strip(), accept="text/html", max_bytes=page.PAGE_BYTES_MAX)
    except Unreachable as error:
        log.info("A profile's link could not be checked: %s (%s)", url, error.reason)
        return False
    if found.status != 200:
        return False
    html = page.decode(found.body, found.headers.get("Content-Type", ""))
    return await asyncio.to_thread(names, html, found.url, profile_url)


def _mark(conn: Connection, server: Server, account_id: int, proven: list[str]) -> None:
    row = accounts.by_id(conn, account_id)
    if row is None:
        return
    fields = json.loads(row.fields)
    for one in fields:
        if one["source"] in proven:
            one["verified_at"] = now_ms()
    accounts.change(conn, account_id, fields=json.dumps(fields, ensure_ascii=False))
