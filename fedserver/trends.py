"""What is talked about at present, computed here from what can be seen here; nobody else is asked.

A hashtag or page counts once for each account that used it, less with each day since; a post counts its likes and
boosts likewise. What moderators rejected is left out; what nobody has decided about is shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from sqlalchemy import Connection

from fedserver import filters, settings, tags, timelines
from fedserver.context import Server
from fedserver.jobs.handlers import handles
from fedserver.jobs.plan import plan
from fedserver.rendered import Shelf
from fedserver.tags import DAY_MS, HISTORY_DAYS, ShownTag
from storage import previews, review, trends
from storage.cards import Batch
from storage.types import instant_of, now_ms

WINDOW_MS: Final = 7 * DAY_MS
HALF_LIFE_MS: Final = DAY_MS
ACCOUNTS_MIN: Final = 2
REACTIONS_MIN: Final = 2
KEPT_MAX: Final = 200


@dataclass(frozen=True, slots=True)
class TrendingLink:
    """A page that several people link to, with (first second of the day, uses, accounts) of the last days."""

    preview: Any
    writer: Any
    history: list[tuple[int, int, int]]


# -- computing


def plan_computing(conn: Connection) -> None:
    """A chore: have the trends computed anew."""
    plan(conn, "trends", {}, key="all")


@handles("trends", attempts_max=1)
async def compute(server: Server, _: dict[str, Any]) -> None:
    """Count what was public in the last days, and keep the result."""
    now = now_ms()
    found = await server.db.read(_count, now)

    def keep(conn: Connection) -> None:
        for kind, scores in found.items():
            trends.put(conn, kind, scores)

    await server.db.write(keep)


def _count(conn: Connection, now: int) -> dict[str, list[tuple[int, float]]]:
    since = now - WINDOW_MS
    links = trends.link_uses(conn, since)
    refused = _refused_links(conn, links)
    posts = trends.posts_read(conn, since, REACTIONS_MIN)
    decided = review.decisions(conn, "post", [str(row.id) for row in posts])
    return {
        "tag": _ranked(trends.tag_uses(conn, since), now),
        "link": _ranked([row for row in links if row.subject_id not in refused], now),
        "post": _best(
            (row.id, row.reactions * _weight(now - instant_of(row.id)))
            for row in posts
            if decided.get(str(row.id), True)
        ),
    }


def _refused_links(conn: Connection, links: Sequence[Any]) -> set[int]:
    """Pages that were rejected, or whose publisher was and they themselves were not approved."""
    hosts = {row.subject_id: urlsplit(row.url).hostname or "" for row in links}
    publishers = review.decisions(conn, "publisher", set(hosts.values()))
    pages = review.decisions(conn, "link", [str(one) for one in hosts])
    return {one for one, host in hosts.items() if not pages.get(str(one), publishers.get(host, True))}


def _ranked(uses: Iterable[Any], now: int) -> list[tuple[int, float]]:
    scores: dict[int, float] = {}
    accounts: dict[int, int] = {}
    for use in uses:
        scores[use.subject_id] = scores.get(use.subject_id, 0) + _weight(now - instant_of(use.last_post_id))
        accounts[use.subject_id] = accounts.get(use.subject_id, 0) + 1
    return _best((one, score) for one, score in scores.items() if accounts[one] >= ACCOUNTS_MIN)


def _weight(age_ms: int) -> float:
    return float(0.5 ** (max(0, age_ms) / HALF_LIFE_MS))


def _best(scores: Iterable[tuple[int, float]]) -> list[tuple[int, float]]:
    return sorted(scores, key=lambda one: one[1], reverse=True)[:KEPT_MAX]


# -- showing


async def tags_page(server: Server, viewer_id: int | None, *, limit: int, offset: int) -> list[ShownTag]:
    """Hashtags that are used most, as a viewer sees them; none where an admin wants no trends."""
    if not (await settings.current(server)).trends:
        return []

    def unit(conn: Connection) -> list[ShownTag]:
        ids = trends.listed(conn, "tag", limit=limit, offset=offset)
        rows = trends.tags_by_id(conn, ids)
        return tags.shown_unit(conn, viewer_id, [rows[one] for one in ids if one in rows])

    return await server.db.read(unit)


async def posts_page(
    server: Server, viewer_id: int | None, shelf: Shelf, *, limit: int, offset: int
) -> Batch:
    """Posts that are read most, without those of whom the viewer does not want to see."""
    wanted = (await settings.current(server)).trends

    def unit(conn: Connection) -> Batch:
        ids = trends.listed(conn, "post", limit=limit, offset=offset) if wanted else []
        return timelines.open_unit(conn, viewer_id, ids, shelf)

    return await filters.applied(server, viewer_id, await server.db.read(unit))


async def links_page(server: Server, *, limit: int, offset: int) -> list[TrendingLink]:
    """Pages that are linked to most."""
    if not (await settings.current(server)).trends:
        return []

    def unit(conn: Connection) -> list[TrendingLink]:
        return links_unit(conn, trends.listed(conn, "link", limit=limit, offset=offset))

    return await server.db.read(unit)


def links_unit(conn: Connection, ids: Sequence[int]) -> list[TrendingLink]:
    """These pages, with how often they were linked to of late."""
    rows, writers = previews.by_ids(conn, ids), previews.writers(conn, ids)
    today = now_ms() // DAY_MS
    days = range(today, today - HISTORY_DAYS, -1)
    used = {(use.preview_id, use.day): use for use in trends.link_days(conn, ids, since_ms=days[-1] * DAY_MS)}
    return [
        TrendingLink(
            rows[one],
            writers.get(one),
            [
                (day * DAY_MS // 1000, use.uses if use else 0, use.accounts if use else 0)
                for day in days
                for use in (used.get((one, day)),)
            ],
        )
        for one in ids
        if one in rows
    ]
