"""Directories of partners: who wants to be found there is known here, and who does not want it any more is found no more.

Ours is given to partners alone. What changes is told at once (`Publisher.profile_updated`); once a day theirs is read as a
whole, so that nothing stays as it was because a message was lost.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Final

from sqlalchemy import Connection

from activitypub.builders import activity
from activitypub.errors import ProtocolError
from activitypub.identifiers import ActorUris, same_origin
from activitypub.values import id_of
from activitypub.vocabulary import read_collection
from fedserver.context import Server
from fedserver.errors import Unreachable
from fedserver.federation import backfill, fetch
from fedserver.jobs.handlers import handles
from fedserver.jobs.plan import plan, plan_many
from storage import partners, suggestions
from storage.partners import PartnerRow

log = logging.getLogger("fedserver.directories")

Document = dict[str, Any]

PAGE_ITEMS: Final = 200
PEOPLE_MAX: Final = 5_000
PAGES_MAX: Final = 200
PEOPLE_A_JOB: Final = 50
PAUSE_SECONDS: Final = 0.2
FORGOTTEN_PER_UNIT: Final = 200


# -- ours


def collection(
    conn: Connection, owner: ActorUris, *, is_open: bool, page: bool = False, max_id: int | None = None
) -> Document:
    """Members and groups of this server that want to be found, the newest first; the collection itself, or a page. Nobody,
    if it is not open."""
    uri = owner.directory
    if not page:
        total = suggestions.count_of_directory(conn) if is_open else 0
        return activity.collection(uri, total=total, first=f"{uri}?page=true", attributed_to=owner.id)
    found = suggestions.own_directory(conn, max_id=max_id, limit=PAGE_ITEMS) if is_open else []
    here = "" if max_id is None else f"&max_id={max_id}"
    return activity.collection_page(
        f"{uri}?page=true{here}",
        part_of=uri,
        items=[{"type": one.actor_type, "id": one.uri} for one in found],
        next_page=f"{uri}?page=true&max_id={found[-1].id}" if len(found) == PAGE_ITEMS else None,
    )


# -- theirs


def plan_reading(conn: Connection, row: PartnerRow) -> None:
    """Have a partner's directory read."""
    plan(conn, "read_directory", {"partner_id": row.id}, key=str(row.id))


@handles("read_directory", timeout_seconds=600.0)
async def read_directory(server: Server, payload: dict[str, Any]) -> None:
    """Read a partner's directory, and plan to look at everybody about whom it says something new. Raises Unreachable."""
    row = await server.db.read(partners.by_id, payload["partner_id"])
    if row is None or row.state != "active":
        return
    found = await fetch.document(server, row.uri)
    uri = id_of(found.json.get("directory"))
    listed = set() if uri is None else await _listed(server, row, uri)

    def compare(conn: Connection) -> None:
        known = suggestions.of_host(conn, row.host)
        # Who is new, wants to be found again, or is listed no more: their own profile says what holds.
        news = [one for one in sorted(listed) if not known.get(one)]
        news += [one for one, is_found in known.items() if is_found and one not in listed and uri is not None]
        some = [news[at : at + PEOPLE_A_JOB] for at in range(0, min(len(news), PEOPLE_MAX), PEOPLE_A_JOB)]
        plan_many(
            conn,
            "look_at_people",
            [({"partner_id": row.id, "uris": uris}, f"{row.id} {uris[0]}") for uris in some],
        )

    await server.db.write(compare)


async def _listed(server: Server, row: PartnerRow, uri: str) -> set[str]:
    """Whom it names, of its own people alone."""
    found: set[str] = set()
    following: str | None = uri
    for _ in range(PAGES_MAX):
        if following is None or not same_origin(following, row.uri) or len(found) >= PEOPLE_MAX:
            break
        answer = await fetch.raw_document(server, following)
        try:
            page = read_collection(answer.json)
        except ProtocolError as error:
            log.info("A directory cannot be read: %s (%s)", following, error)
            break
        for item in (*page.items, *(page.first_page.items if page.first_page else ())):
            person = id_of(item)
            if person is not None and same_origin(person, row.uri):
                found.add(person)
        after = backfill.following(page)
        following = None if after == following else after
        await asyncio.sleep(PAUSE_SECONDS / server.config.testing.time_scale)
    return found


@handles("look_at_people", timeout_seconds=600.0)
async def look_at_people(server: Server, payload: dict[str, Any]) -> None:
    """Read the profiles of some people of a partner's anew."""
    row = await server.db.read(partners.by_id, payload["partner_id"])
    if row is None or row.state != "active":
        return
    for uri in payload["uris"]:
        try:
            await fetch.account(server, uri, refresh=True)
        except Unreachable as error:
            log.info("Not to be had: %s (%s)", uri, error.reason)
        await asyncio.sleep(PAUSE_SECONDS / server.config.testing.time_scale)


# -- parting


def plan_forgetting(conn: Connection, host: str) -> None:
    """Have nobody found of a server that is no partner any more."""
    plan(conn, "forget_directory", {"host": host}, key=host)


@handles("forget_directory")
async def forget_directory(server: Server, payload: dict[str, Any]) -> None:
    """Let those be found no more whom nobody here follows, and who follow nobody here."""

    def some(conn: Connection) -> bool:
        if partners.is_active(conn, payload["host"]):
            return False
        return suggestions.find_no_more(conn, payload["host"], FORGOTTEN_PER_UNIT) == FORGOTTEN_PER_UNIT

    while await server.db.write(some):
        pass
