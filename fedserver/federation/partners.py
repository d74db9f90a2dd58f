"""What other servers offer: to be partners, and their answers. An activity of this kind is the word of a server's own actor,
and of nobody else: it counts only as that actor has signed it.

Units; the rules are in `fedserver.partners`.
"""

from __future__ import annotations

import logging
from typing import Any, Final

from sqlalchemy import Connection

from activitypub.names import NAMESPACE, PARTNER
from activitypub.values import id_of, type_of
from fedserver import partners
from fedserver.content import html
from fedserver.context import Server
from fedserver.errors import FedError, Invalid
from fedserver.federation import servers
from fedserver.federation.acting import Dropped, Incoming
from fedserver.federation.actors import usable_uri
from fedserver.federation.policy import is_about_partners
from fedserver.jobs.handlers import handles
from fedserver.jobs.plan import plan
from storage import accounts, inbox
from storage import partners as stored

log = logging.getLogger("fedserver.partners")

_PARTNER: Final = frozenset({PARTNER, "net:partner", f"as:{NAMESPACE}partner"})


def on_offer(conn: Connection, incoming: Incoming) -> None:
    """Another server offers to be partners. Unless we know its actor by name, it is asked first whose actor that is."""
    if not is_about_partners(incoming.activity):
        raise Dropped("it offers nothing that is known here")
    _check_own_word(incoming)
    offer_uri = _offered(incoming, incoming.activity.embedded or {})
    note = _note_of(incoming)
    known = stored.by_host(conn, incoming.actor.host)
    if known is not None and known.account_id == incoming.actor.id:
        problem = partners.receive_offer(conn, incoming.server, incoming.actor, offer_uri, note)
        if problem:
            raise Dropped(problem)
        return
    if inbox.is_buried(conn, offer_uri):
        raise Dropped("it was taken back before")
    about = {"account_id": incoming.actor.id, "offer_uri": offer_uri, "note": note}
    # One at a time of each server, however many it sends.
    plan(conn, "look_at_offer", about, key=incoming.actor.host)


def answered(conn: Connection, incoming: Incoming, *, accepted: bool) -> bool:
    """An Accept or Reject of what we offered; whether it was one. Dropped when it answers nothing of ours."""
    activity = incoming.activity
    if not is_about_partners(activity):
        # Some send only the address of what they answer.
        known = stored.by_host(conn, incoming.actor.host)
        if activity.embedded is not None or known is None or known.offer_uri != activity.object_id:
            return False
    _check_own_word(incoming)
    if activity.embedded is not None:
        _check_pair(
            activity.embedded.get("object"), incoming.server.uris.instance_actor(), incoming.actor.uri
        )
    if not partners.receive_answer(
        conn, incoming.server, incoming.actor, activity.object_id, accepted=accepted
    ):
        raise Dropped("it answers nothing that we offered")
    return True


def undo_offer(conn: Connection, incoming: Incoming, uri: str | None, target_uri: str | None) -> bool:
    """Whether another server took back an offer that is known."""
    _check_own_word(incoming)
    return partners.receive_undo(conn, incoming.server, incoming.actor, "Offer", uri)


def undo_accept(conn: Connection, incoming: Incoming, uri: str | None, target_uri: str | None) -> bool:
    """Whether another server took back its consent to what we offered; of another Accept it is not."""
    embedded = incoming.activity.embedded
    if embedded is None or type_of(embedded.get("object")) != "Offer":
        return False
    _check_own_word(incoming)
    return partners.receive_undo(conn, incoming.server, incoming.actor, "Accept", target_uri)


def _check_own_word(incoming: Incoming) -> None:
    if incoming.how != "signature" or incoming.group is not None:
        raise Dropped("its actor has not signed it")
    if incoming.actor.actor_type != "Application":
        raise Dropped("its actor is no server")


def _offered(incoming: Incoming, relationship: dict[str, Any]) -> str:
    """The id of the offer. Raises Dropped unless it is between its actor and this server."""
    uri = incoming.activity.id
    if uri is None or not usable_uri(uri):
        raise Dropped("it has no id by which it could be answered")
    _check_pair(relationship, incoming.actor.uri, incoming.server.uris.instance_actor())
    return uri


def _check_pair(relationship: Any, subject_uri: str, object_uri: str) -> None:
    """Raise Dropped unless this says that `subject_uri` and `object_uri` are to be partners."""
    if not isinstance(relationship, dict) or id_of(relationship.get("relationship")) not in _PARTNER:
        raise Dropped("it is about another relationship")
    if id_of(relationship.get("subject")) != subject_uri or id_of(relationship.get("object")) != object_uri:
        raise Dropped("it is between others")


def _note_of(incoming: Incoming) -> str:
    try:
        said = html.to_text(html.sanitise(incoming.activity.content or incoming.activity.summary or ""))
    except FedError:  # too long to be a note
        return ""
    return said[: partners.NOTE_CHARS_MAX]


@handles("look_at_offer", attempts_max=5)
async def look_at_offer(server: Server, payload: dict[str, Any]) -> None:
    """An offer by an actor that we do not know as its server's own: ask the server. Raises Unreachable to try again."""
    row = await server.db.read(accounts.by_id, payload["account_id"])
    if row is None or row.deleted_at is not None:
        return
    try:
        found = await servers.actor_of(server, row.host)
    except Invalid as error:
        log.info("An offer of %s is passed over: %s", row.uri, error)
        return
    if found != row.id:
        log.info("%s offers to be a partner, but is not the actor of its server.", row.uri)
        return
    problem = await server.db.write(_received, server, row.id, payload["offer_uri"], payload["note"])
    if problem:
        log.info("An offer of %s is passed over: %s", row.uri, problem)


def _received(conn: Connection, server: Server, account_id: int, offer_uri: str, note: str) -> str:
    them = accounts.by_id(conn, account_id)
    assert them is not None
    return partners.receive_offer(conn, server, them, offer_uri, note)
