"""Whether a post elsewhere may quote another one elsewhere: the quoted author's server is asked for its stamp.

A stamp is believed for its origin and what it says, never because a post names one (FEP-044f).
"""

from __future__ import annotations

import logging
from typing import Any, Final

from sqlalchemy import Connection

from activitypub.errors import ProtocolError
from activitypub.vocabulary import Stamp, read_stamp
from fedserver import quotes as own_quotes
from fedserver.context import Server
from fedserver.errors import BadAnswer, Refused
from fedserver.federation import fetch
from fedserver.jobs.handlers import handles
from storage import accounts, posts, quotes
from storage.types import now_ms

log = logging.getLogger("fedserver.stamps")

CHAIN_MAX: Final = 2
"""A quoted post is fetched, and what that one quotes; a chain that goes on is no reason to go on fetching."""


@handles("verify_quote", attempts_max=4)
async def verify_quote(server: Server, payload: dict[str, Any]) -> None:
    """Fetch what is quoted if it is not known, and ask for the stamp."""
    quote = await server.db.read(quotes.by_id, payload["quote_id"])
    if quote is None or quote.state == quotes.ACCEPTED:
        return
    try:
        if quote.quoted_id is None and not await _find(server, quote):
            return
        await _ask(server, quote.id)
    except Refused as error:
        log.info("A quote is not looked into: %s (%s)", quote.quoted_uri, error.reason)


async def _find(server: Server, quote: quotes.QuoteRow) -> bool:
    """Fetch the quoted post; whether it is known now."""
    row = await server.db.read(posts.by_id, quote.post_id)
    if row is None or server.uris.is_local(quote.quoted_uri):
        return False
    if await server.db.read(quotes.length_above, row.uri, CHAIN_MAX) >= CHAIN_MAX:
        return False
    quoted_id = await fetch.post(server, quote.quoted_uri, climbs=False)
    return quoted_id is not None and await server.db.write(_link, server, quote.id, quoted_id)


def _link(conn: Connection, server: Server, quote_id: int, quoted_id: int) -> bool:
    quote, quoted = quotes.by_id(conn, quote_id), posts.by_id(conn, quoted_id)
    if quote is None or quoted is None or quoted.boost_of_id is not None:
        return False
    quote = quotes.change(conn, quote, quoted_id=quoted.id, quoted_account_id=quoted.account_id)
    if quoted.account_id == quote.account_id:  # nobody else is to be asked
        own_quotes.settle(conn, server, quote, "accepted")
    return True


async def _ask(server: Server, quote_id: int) -> None:
    quote = await server.db.read(quotes.by_id, quote_id)
    if quote is None or quote.state == quotes.ACCEPTED or not quote.stamp_uri:
        return
    try:
        found = await fetch.document(server, quote.stamp_uri)
        stamp = read_stamp(found.json)
    except BadAnswer as error:
        if error.reason == "status" and error.status not in fetch.GONE_STATUSES:
            raise
        log.info("There is no stamp %s (%s)", quote.stamp_uri, error.reason)
        await server.db.write(_settle, server, quote_id, quote.stamp_uri, None)
    except ProtocolError as error:
        log.info("What should be a stamp is none: %s (%s)", quote.stamp_uri, error)
    else:
        await server.db.write(_settle, server, quote_id, quote.stamp_uri, stamp)


def _settle(conn: Connection, server: Server, quote_id: int, asked_uri: str, stamp: Stamp | None) -> None:
    """Believe the stamp that was read, or (None) that there is none."""
    quote = quotes.by_id(conn, quote_id)
    if quote is None or quote.stamp_uri != asked_uri or quote.state != "pending":
        return
    if stamp is None:
        own_quotes.settle(conn, server, quote, "rejected", stamp_uri="")
        return
    row, author = posts.by_id(conn, quote.post_id), accounts.by_id(conn, quote.quoted_account_id or 0)
    if row is None or author is None or stamp.id != asked_uri:
        return
    if not stamp.allows(author=author.uri, quoting_post=row.uri, quoted_post=quote.quoted_uri):
        log.info("A stamp is for something else: %s", asked_uri)
        return
    quotes.change(conn, quote, checked_at=now_ms())
    own_quotes.settle(conn, server, quote, "accepted")
