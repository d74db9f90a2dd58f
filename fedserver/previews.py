"""Previews of the pages that posts link to: fetched once for everybody, when somebody first links to them.

A post shows the preview of its first link. What is known of that address is shown at once; else a job asks the
page, for posts from elsewhere a little later, because every server that got them asks at the same time.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
from typing import Any, Final
from urllib.parse import urlsplit

from sqlalchemy import Connection

from fedserver import search_index
from fedserver.content import page
from fedserver.content.description import Description, describe
from fedserver.content.html import links
from fedserver.content.links import find_mentions
from fedserver.context import Server
from fedserver.errors import Unreachable
from fedserver.federation import fetch
from fedserver.jobs.handlers import handles
from fedserver.jobs.plan import plan
from fedserver.oembed import Embed, fetch_embed
from storage import accounts, posts, previews
from storage.posts import PostRow
from storage.types import now_ms

log = logging.getLogger("fedserver.previews")

FRESH_MS: Final = 14 * 86_400_000
KEPT_MS: Final = 90 * 86_400_000
SPREAD_MS: Final = 60_000
PAGE_TYPES: Final = frozenset({"text/html", "application/xhtml+xml"})
_WITH_OWN_CARD: Final = frozenset({"resource", "event", "opportunity"})


def attach(conn: Connection, row: PostRow) -> None:
    """A post is new or says something else now: show the preview of its first link, or plan to look at it."""
    if row.kind in _WITH_OWN_CARD:
        return
    url = link_of(row)
    if url is None:
        if row.preview_id is not None:
            previews.show(conn, row.id, None)
        return
    known = previews.known(conn, url)
    preview_id = None if known is None else known.preview_id
    if preview_id != row.preview_id:
        previews.show(conn, row.id, preview_id)
    now = now_ms()
    if known is None or known.fetched_at < now - FRESH_MS:
        wait = 0 if row.local else random.randrange(SPREAD_MS)  # noqa: S311
        plan(conn, "preview", {"url": url, "post_id": row.id}, not_before_ms=now + wait)


def link_of(row: PostRow) -> str | None:
    """The first address in a post that is neither a mention nor a hashtag nor what it quotes."""
    if row.boost_of_id is not None or "<a " not in row.content_html:
        return None
    return next((one for one in links(row.content_html) if one != row.quote_uri), None)


@handles("preview", attempts_max=2)
async def fetch_preview(server: Server, payload: dict[str, Any]) -> None:
    """Ask a page what it is, and show that with the post that links to it."""
    url, post_id = payload["url"], payload["post_id"]
    if not server.config.federates or url.startswith(f"{server.config.origin}/"):
        return
    known = await server.db.read(previews.known, url)
    if known is None or known.fetched_at < now_ms() - FRESH_MS:
        values = await _ask(server, url)
        showed = known is not None and known.preview_id is not None
        await server.db.write(_keep, url, values, post_id, showed=showed)
    elif known.preview_id is not None:
        await server.db.write(_show, url, post_id)


def _keep(conn: Connection, url: str, values: dict[str, Any] | None, post_id: int, *, showed: bool) -> None:
    """Keep what a page says; `showed` is whether there was something to show before."""
    if previews.put(conn, url, values) is not None or showed:
        _show(conn, url, post_id)


def _show(conn: Connection, url: str, post_id: int) -> None:
    row, known = posts.by_id(conn, post_id), previews.known(conn, url)
    if row is not None and known is not None and link_of(row) == url and row.preview_id != known.preview_id:
        previews.show(conn, post_id, known.preview_id)
        search_index.change_by_id(conn, post_id)


async def _ask(server: Server, url: str) -> dict[str, Any] | None:
    """The columns of a preview, or None when there is nothing to show."""
    try:
        found = await server.http.get(
            url,
            accept="text/html, application/xhtml+xml;q=0.9",
            max_bytes=page.PAGE_BYTES_MAX,
            content_types=PAGE_TYPES,
        )
    except Unreachable as error:
        log.info("No preview of %s: %s", url, error.reason)
        return None
    if found.status != 200:
        return None
    text = page.decode(found.body, found.headers.get("Content-Type", ""))
    said = await asyncio.to_thread(describe, text, found.url)
    embed = await fetch_embed(server, said.oembed_url) if said.oembed_url else None
    if not said.title and (embed is None or not embed.title):
        return None
    return _columns(said, embed) | {"author_id": await _author(server, said)}


def _columns(said: Description, embed: Embed | None) -> dict[str, Any]:
    """oEmbed is asked for pictures and players; what the page says of itself comes first in everything else."""
    parts = urlsplit(said.url)
    values: dict[str, Any] = {
        "url": said.url,
        "type": "video" if said.player_url else "link",
        "title": said.title,
        "description": said.description,
        "language": said.language,
        "author_name": said.author_name,
        "author_url": said.author_url,
        "provider_name": said.provider_name,
        "provider_url": f"{parts.scheme}://{parts.netloc}",
        "image_url": said.image_url,
        "image_alt": said.image_alt,
        "player_url": said.player_url,
        "width": said.player_width or said.width,
        "height": said.player_height or said.height,
        "published_at": said.published_at,
    }
    if embed is not None:
        values |= {
            "type": embed.type,
            "title": values["title"] or embed.title,
            "author_name": values["author_name"] or embed.author_name,
            "author_url": values["author_url"] or embed.author_url,
            "provider_name": values["provider_name"] or embed.provider_name,
            "image_url": embed.image_url or values["image_url"],
            "player_url": embed.player_url,
            "width": embed.width or values["width"],
            "height": embed.height or values["height"],
        }
    return values


async def _author(server: Server, said: Description) -> int | None:
    """Who wrote the page: an account that the page names, and that says it writes there (`attribution_domains`)."""
    handles_named = find_mentions(said.author_handle)
    if not handles_named or handles_named[0].domain is None:
        return None
    named = handles_named[0]
    try:
        account_id = await fetch.account_by_handle(server, named.username, named.domain or "")
    except Unreachable as error:
        log.info("The author %s could not be looked up: %s", named, error.reason)
        return None
    row = None if account_id is None else await server.db.read(accounts.by_id, account_id)
    if row is None:
        return None
    host = urlsplit(said.url).hostname or ""
    theirs = [one.lower() for one in json.loads(row.attribution_domains)]
    return account_id if any(host == one or host.endswith(f".{one}") for one in theirs) else None


def forget_old(conn: Connection) -> int:
    """A chore: previews that no post shows any more."""
    return previews.prune(conn, now_ms() - KEPT_MS)
