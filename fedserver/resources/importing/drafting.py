"""A member brings something in: it becomes a draft, or several, with its receipt. Nothing is published."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection

from fedserver.context import Server
from fedserver.errors import Conflict, Invalid
from fedserver.resources.importing import doi, doubles, jsonld, tables, webpage, zenodo
from fedserver.resources.importing.filling import break_circles
from fedserver.resources.importing.receipts import Note, Read, Suggested, encode_receipt
from fedserver.resources.publishing import DRAFTS_MAX
from fedserver.resources.records import encode
from fedserver.viewer import Member
from storage import resource_drafts

AT_ONCE_MAX: Final = 50
WAYS: Final = ("url", "doi", "zenodo", "jsonld", "bibtex", "csv")


@dataclass(frozen=True, slots=True)
class Drafted:
    """The rows of the drafts that were made, and what in the source was no resource."""

    drafts: Sequence[Any]
    left_out: Sequence[Note]
    repaired: Sequence[Note]


async def read(server: Server, way: str, text: str) -> Read:
    """What a source gives: the `url` of a page, a `doi`, a record of `zenodo` (number, address or JSON), or a text in one of
    the other ways. Raises Invalid, TooLarge, Unreachable."""
    text = text.strip()
    if not text:
        raise Invalid({way: "cannot be empty"})
    if way == "url":
        return await webpage.fetch(server, text)
    if way == "doi":
        return await doi.fetch(server, text)
    if way == "zenodo" and not text.startswith(("{", "[")):
        return await zenodo.fetch(server, text)
    from fedserver.resources.importing import bibtex  # with pybtex, loaded where it is needed alone

    readers = {"zenodo": zenodo.read, "jsonld": _json_ld, "bibtex": bibtex.read, "csv": tables.read}
    if way not in readers:
        raise Invalid({way: f"must be one of {', '.join(WAYS)}"})
    return await asyncio.to_thread(readers[way], text)


def _json_ld(text: str) -> Read:
    return jsonld.read(text) if not text.startswith("<") else webpage.read(text, "")


async def bring(server: Server, member: Member, way: str, text: str) -> Drafted:
    """Drafts of what a source gives. Raises Invalid (there is no resource in it), TooLarge, Unreachable, Conflict (too many
    drafts)."""
    done = await read(server, way, text)
    if not done.found:
        raise jsonld.nothing_found(done)
    if len(done.found) > AT_ONCE_MAX:
        raise Invalid(
            {way: f"has {len(done.found)} resources; at most {AT_ONCE_MAX} are brought in at a time"}
        )
    break_circles(done.found)
    drafts = await server.db.write(_keep, member.account_id, done)
    return Drafted(drafts, done.left_out, done.repaired)


def _keep(conn: Connection, account_id: int, done: Read) -> list[Any]:
    there = len(resource_drafts.of_account(conn, account_id))
    if there + len(done.found) > DRAFTS_MAX:
        raise Conflict(f"You have {there} of at most {DRAFTS_MAX} drafts: publish or delete some.")
    shelf = doubles.look(conn, done.found, account_id)
    ids: list[int] = []
    for found in done.found:
        found.receipt.doubles = [one.double() for one in shelf.matches(found)]
        version = found.version
        found.receipt.version = Suggested(
            number=version.number,
            notes=version.notes,
            doi=version.doi,
            links=[{"url": one.url, "name": one.name} for one in version.links],
        )
        draft_id = resource_drafts.add(
            conn, account_id, encode(found.described), receipt=encode_receipt(found.receipt),
            source_uri=found.source_uri,
        )  # fmt: skip
        ids.append(draft_id)
    by_id = {one.id: one for one in resource_drafts.of_account(conn, account_id)}
    return [by_id[one] for one in ids]
