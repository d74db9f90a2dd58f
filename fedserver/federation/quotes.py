"""What other servers answer to members who quote (FEP-044f): units, called with activities that are their actor's own."""

from __future__ import annotations

from sqlalchemy import Connection

from activitypub.activities import activity_kind
from activitypub.identifiers import same_origin
from activitypub.values import id_of
from fedserver import quotes as own_quotes
from fedserver.federation.acting import Dropped, Incoming
from fedserver.federation.actors import usable_uri
from storage import posts, quotes
from storage.quotes import QuoteRow


def answered(conn: Connection, incoming: Incoming, *, accepted: bool) -> bool:
    """Whether an Accept or Reject answers a member's QuoteRequest; then how the quote stands is kept.

    The quoted author's own word is as good as the stamp, which others will ask for. Raises Dropped for the
    answer of somebody else.
    """
    activity = incoming.activity
    quote = quotes.by_request(conn, activity.object_id) if activity.object_id else None
    if quote is None and activity.embedded is not None:
        if activity_kind(activity.embedded) != "QuoteRequest":
            return False
        quote = _by_posts(conn, incoming)
    if quote is None:
        return False
    if quote.quoted_account_id != incoming.actor.id or not incoming.server.uris.is_local(quote.request_uri):
        raise Dropped("it answers a question that was put to somebody else")
    if not accepted:
        state: quotes.State = "revoked" if quote.state == "accepted" else "rejected"
        own_quotes.settle(conn, incoming.server, quote, state, stamp_uri="")
        return True
    stamp_uri = activity.result
    if stamp_uri is None or not usable_uri(stamp_uri) or not same_origin(stamp_uri, incoming.actor.uri):
        raise Dropped("it names no stamp of its actor's")
    if quote.state in ("pending", "rejected"):
        own_quotes.settle(conn, incoming.server, quote, "accepted", stamp_uri=stamp_uri)
    return True


def _by_posts(conn: Connection, incoming: Incoming) -> QuoteRow | None:
    """The quote of an answer that has another id than our question: by the two posts that are named."""
    embedded = incoming.activity.embedded or {}
    quoting, quoted = id_of(embedded.get("instrument")), id_of(embedded.get("object"))
    row = posts.by_uri(conn, quoting) if quoting is not None else None
    quote = quotes.of_post(conn, row.id) if row is not None and row.local else None
    return quote if quote is not None and quote.quoted_uri == quoted and quote.request_uri else None


def stamp_deleted(conn: Connection, incoming: Incoming) -> bool:
    """Whether a Delete takes back consent that its actor gave to a quote."""
    uri = incoming.activity.object_id
    quote = quotes.by_stamp(conn, uri, incoming.actor.id) if uri else None
    if quote is None:
        return False
    if quote.state in ("pending", "accepted"):
        own_quotes.settle(conn, incoming.server, quote, "revoked", stamp_uri="")
    return True
