"""Whether the pages, DOIs and files elsewhere to which resources lead are still there: asked once a week, politely.

One failure says little: only what fails twice, a day apart, is broken. Whoever published the resource is told once.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from sqlalchemy import Connection

from fedserver.context import Server
from fedserver.errors import RateLimited, Refused, Unreachable
from fedserver.jobs.handlers import handles
from fedserver.jobs.plan import plan
from fedserver.mail import plan_mail
from fedserver.resources import publishing, reading
from fedserver.viewer import Member
from storage import resource_links, resources, users
from storage.resource_links import LinkRow
from storage.types import DAY_MS, now_ms

log = logging.getLogger("fedserver.links")

LOOK_SECONDS: Final = 600.0
WEEK_MS: Final = 7 * DAY_MS
ASKED_AGAIN_AFTER_MS: Final = 3_600_000
HOSTS_AT_ONCE: Final = 50
URLS_AT_ONCE: Final = 20
SPACING_SECONDS: Final = 2.0  # between two requests to one host
PERMANENT: Final = frozenset({301, 308})
# Whoever says so is there, and does not want to talk to programs.
_THERE: Final = frozenset({401, 402, 403, 405, 406, 418, 429, 451, 999})
_WORDS: Final = {
    "dns": "cannot be found: there is no such server",
    "refused": "cannot be reached",
    "timeout": "did not answer in time",
    "tls": "has a certificate that is not valid",
    "broken": "did not answer properly",
    "redirects": "leads on and on without an end",
}


@dataclass(frozen=True, slots=True)
class _Found:
    """What came of asking: ok, moved, or "" for a failure; and in words what is wrong with it."""

    state: str
    problem: str = ""


async def listed(server: Server, viewer_id: int | None, post_id: int) -> list[LinkRow]:
    """The links of a resource, with what came of asking them. Raises NotFound."""

    def unit(conn: Connection) -> list[LinkRow]:
        reading.visible(conn, post_id, viewer_id)
        return resource_links.of_resource(conn, post_id)

    return await server.db.read(unit)


async def ask_now(server: Server, member: Member, post_id: int) -> None:
    """Have the links of a resource of one's own asked at once, once an hour. Raises NotFound, Forbidden, RateLimited."""

    def unit(conn: Connection) -> None:
        row = publishing.own(conn, post_id, member.account_id)
        since = now_ms() - (row.links_checked_at or 0)
        if since < ASKED_AGAIN_AFTER_MS:
            wait = (ASKED_AGAIN_AFTER_MS - since) // 1000
            raise RateLimited(wait, "These links were asked less than an hour ago.")
        for host in resource_links.ask_now(conn, post_id):
            plan(conn, "ask_links", {"host": host}, key=host)

    await server.db.write(unit)


def plan_asking(conn: Connection) -> None:
    """Have links asked that are due. A unit, for the chores."""
    for host in resource_links.due_hosts(conn, now_ms(), limit=HOSTS_AT_ONCE):
        plan(conn, "ask_links", {"host": host}, key=host)


@handles("ask_links", timeout_seconds=900)
async def ask_links(server: Server, payload: dict[str, Any]) -> None:
    """Ask some addresses of one host, one after the other."""
    urls = await server.db.read(_due_urls, payload["host"])
    for number, url in enumerate(urls):
        if number:
            await asyncio.sleep(SPACING_SECONDS / server.config.testing.time_scale)
        await server.db.write(_record, url, await _ask(server, url), now_ms())


def _due_urls(conn: Connection, host: str) -> list[str]:
    return resource_links.due_urls(conn, host, now_ms(), limit=URLS_AT_ONCE)


async def _ask(server: Server, url: str) -> _Found | None:
    """What is at an address; None where we may not ask."""
    try:
        found = await server.http.reach(url)
    except Refused as error:
        log.info("A link was not asked: %s (%s)", url, error.reason)
        return None
    except Unreachable as error:
        return _Found("", _WORDS.get(error.reason, "did not answer properly"))
    if found.status in _THERE:
        return _Found("ok")
    if found.status in (404, 410):
        return _Found("", "is not there any more")
    if found.status >= 400:
        return _Found("", f"answers with an error ({found.status})")
    if found.first_status in PERMANENT and _place(found.url) != _place(url):
        return _Found("moved", f"has moved to {found.url}")
    return _Found("ok")


def _place(url: str) -> str:
    """An address without what moves nobody: its scheme, ``www.`` and a slash at the end."""
    parts = urlsplit(url)
    return f"{parts.netloc.lower().removeprefix('www.')}{parts.path.rstrip('/')}?{parts.query}"


def _record(conn: Connection, url: str, found: _Found | None, now: int) -> None:
    """Keep what came of asking, for each resource that leads there."""
    rows = resource_links.by_url(conn, url)
    for row in rows:
        resource_links.change(conn, row, **_columns(row, found, now))
    for post_id in resource_links.sum_up(conn, [row.post_id for row in rows]):
        _tell(conn, post_id)


def _columns(row: LinkRow, found: _Found | None, now: int) -> dict[str, Any]:
    if found is None:
        return {"due_at": now + WEEK_MS}
    if found.state:
        return {
            "state": found.state,
            "problem": found.problem,
            "failing_since": None,
            "checked_at": now,
            "due_at": now + WEEK_MS,
        }
    since = row.failing_since if row.failing_since is not None else now
    if now - since < DAY_MS:
        return {"failing_since": since, "checked_at": now, "due_at": since + DAY_MS}
    return {"state": "broken", "problem": found.problem, "checked_at": now, "due_at": now + WEEK_MS}


def _tell(conn: Connection, post_id: int) -> None:
    """Whoever published a resource hears that a link of it is broken."""
    row = resources.by_id(conn, post_id)
    if row is None or not row.local:
        return
    member = users.by_id(conn, row.account_id)
    if member is not None and member.is_let_in:
        said = {"name": row.title, "url": row.url, "problem": row.links_problem}
        plan_mail(conn, row.account_id, "link_broken", said)
