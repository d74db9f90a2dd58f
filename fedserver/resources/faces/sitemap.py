"""Site maps (https://www.sitemaps.org/protocol.html) of what everybody may find in the library and the calendar; and all of the
library as JSON-LD."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Final
from xml.etree import ElementTree as ET

import msgspec
from sqlalchemy import Connection

from fedserver import settings
from fedserver.content.xml import add, as_bytes
from fedserver.context import Server
from fedserver.errors import NotFound
from fedserver.resources.faces import schema_org
from fedserver.resources.faces.entry import Entry, entries
from storage import catalogues

NAMESPACE: Final = "http://www.sitemaps.org/schemas/sitemap/0.9"
ADDRESSES_MAX: Final = 50_000  # in one file, by the protocol
LINES_AT_ONCE: Final = 200


async def whole(server: Server) -> bytes:
    """The site map, or where there are too many addresses for one the index of several."""

    def unit(conn: Connection) -> ET.Element:
        number = catalogues.count(conn)
        if number < ADDRESSES_MAX:
            return _addresses(conn, server, 1)
        index = ET.Element("sitemapindex", {"xmlns": NAMESPACE})
        for part in range(1, number // ADDRESSES_MAX + 2):
            add(add(index, "sitemap"), "loc", f"{server.config.origin}/sitemap-{part}.xml")
        return index

    return as_bytes(await server.db.read(unit))


async def part(server: Server, number: int) -> bytes:
    """One of several, from 1. Raises NotFound."""

    def unit(conn: Connection) -> ET.Element:
        if not 1 <= number <= catalogues.count(conn) // ADDRESSES_MAX + 1:
            raise NotFound
        return _addresses(conn, server, number)

    return as_bytes(await server.db.read(unit))


def _addresses(conn: Connection, server: Server, number: int) -> ET.Element:
    root = ET.Element("urlset", {"xmlns": NAMESPACE})
    # The list of all begins the first part; so that part has one resource fewer than there is room for.
    first = number == 1
    if first:
        add(add(root, "url"), "loc", f"{server.config.origin}/resources")
    offset = 0 if first else (number - 1) * ADDRESSES_MAX - 1
    for url, changed_at in catalogues.addresses(conn, offset, ADDRESSES_MAX - first):
        shown = add(root, "url")
        add(shown, "loc", url)
        add(shown, "lastmod", datetime.fromtimestamp(changed_at // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
    return root


def robots(server: Server) -> str:
    """robots.txt (RFC 9309): where the site map is, and what is only for people and programs that were asked in."""
    lines = [
        "User-agent: *",
        *(f"Disallow: {one}" for one in ("/api/", "/oauth/", "/login", "/settings", "/search")),
    ]
    return "\n".join([*lines, "", f"Sitemap: {server.config.origin}/sitemap.xml", ""])


async def lines(server: Server) -> AsyncIterator[bytes]:
    """All resources that are for catalogues, the oldest first, each as JSON-LD in a line; some at once."""
    after = 0
    while True:
        found = await server.db.read(_some, server, after)
        if not found:
            return
        after = found[-1].row.id
        yield b"".join(msgspec.json.encode(schema_org.document(one)) + b"\n" for one in found)


def _some(conn: Connection, server: Server, after: int) -> list[Entry]:
    rows = catalogues.behind(conn, after, LINES_AT_ONCE)
    return entries(conn, server, rows, settings.in_force(conn, server.config).title) if rows else []
