"""The door for what other servers send: checked in order of cost, kept, answered; acted on afterwards.

1. size and shape of the document        400, 413
2. Delete or Update of an actor we do not know: nothing to do, and no key worth fetching
3. our rules for its server              403
4. signature, age, digest                401; 503 when the key's server does not answer
5. how much its server sends             429
6. known by (signer, id)                 nothing changes
7. one durable row; the answer is 202

What it does is `inbox_worker`'s business: a stranger waits for the disk, never for the work.
"""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Final

from sqlalchemy import Connection

from activitypub.activities import Activity, is_unnamed_request, read_activity
from activitypub.errors import Unsupported
from activitypub.identifiers import host_of, same_origin
from activitypub.signatures import RequestFacts
from activitypub.values import BODY_BYTES_MAX, normalise, parse_json
from fedserver.context import Server
from fedserver.errors import TooLarge
from fedserver.federation.actors import usable_uri
from fedserver.federation.arrivals import Synchronisation
from fedserver.federation.authenticate import Signer, signer_of
from fedserver.federation.policy import check_incoming, is_about_partners, meeting
from storage import accounts, partners
from storage.inbox import Arrival

PER_HOST_MAX: Final = 20_000  # a minute, from however many addresses: far more than the largest servers send
HEARD_SECONDS: Final = 60
SYNCHRONISED_SECONDS: Final = 600
_PARAMETER = re.compile(r'([A-Za-z]+)="([^"]{0,2048})"')
_DIGEST = re.compile(r"[0-9a-f]{64}")


async def accept(server: Server, facts: RequestFacts, body: bytes, source_ip: str) -> None:
    """Take an activity in; when this returns it is durable, or nothing has to be done about it.

    Raises TooLarge, Malformed (400), Forbidden, SignatureError (401), RateLimited, Unreachable (503).
    """
    if len(body) > BODY_BYTES_MAX:
        raise TooLarge("An activity may have 1 MiB at the most.")
    document = normalise(parse_json(body))
    signer: Signer | None = None
    if is_unnamed_request(document):
        signer = await signer_of(server, facts, source_ip)
    try:
        activity = read_activity(document, signer_uri=None if signer is None else signer.uri)
    except Unsupported:
        return
    if await _is_news_of_a_stranger(server, activity):
        return
    host = host_of(activity.actor_uri)
    assert host is not None
    # Where only partners are federated with, somebody must be able to become one.
    door = meeting(server, host) if is_about_partners(activity) else server
    await check_incoming(door, host)
    signer = signer or await signer_of(door, facts, source_ip)
    if door is not server and signer.actor_type != "Application":
        await check_incoming(server, host)
    # Who has signed counts, or anybody could use up what another server may send.
    limit = PER_HOST_MAX * server.config.rate_limit_factor
    server.peers.attempts.take(f"inbox {signer.host}", limit=limit, seconds=60)
    if signer.suspended and activity.type != "Delete":
        return
    heard_from = ""
    if not server.peers.must_wait(f"heard {signer.host}"):
        heard_from = signer.host
        server.peers.wait(f"heard {signer.host}", HEARD_SECONDS)
    await server.peers.arrivals.keep(
        server.db,
        Arrival(signer.uri, activity_key(activity.id, body), body),
        heard_from=heard_from,
        synchronisation=_synchronisation(server, facts, signer),
    )


def activity_key(activity_id: str | None, body: bytes) -> str:
    """By what an activity is known: its id, or a digest of its bytes when it has none that can be kept."""
    if activity_id is not None and usable_uri(activity_id):
        return activity_id
    return f"sha256:{sha256(body).hexdigest()}"


async def _is_news_of_a_stranger(server: Server, activity: Activity) -> bool:
    """Servers tell everybody when an actor is deleted or changed: 1,450 such messages a minute have been seen."""
    if activity.type not in ("Delete", "Update") or activity.object_id != activity.actor_uri:
        return False

    def is_stranger(conn: Connection) -> bool:
        row = accounts.by_uri(conn, activity.actor_uri)
        if row is not None:
            return row.deleted_at is not None
        # Somebody new who wants to be found among partners says so like this.
        wants_to_be_found = (
            activity.type == "Update" and (activity.embedded or {}).get("discoverable") is True
        )
        return not (wants_to_be_found and partners.is_active(conn, host_of(activity.actor_uri) or ""))

    return await server.db.read(is_stranger)


def _synchronisation(server: Server, facts: RequestFacts, signer: Signer) -> Synchronisation | None:
    """What the sender says of its followers here, once in a while (FEP-8fcf)."""
    lines = facts.lines("collection-synchronization")
    if len(lines) != 1 or not signer.followers_uri:
        return None
    said = dict(_PARAMETER.findall(lines[0]))
    url, digest = said.get("url", ""), said.get("digest", "")
    if said.get("collectionId") != signer.followers_uri or not same_origin(url, signer.uri):
        return None
    waiting = f"synchronised {signer.uri} {digest}"
    if not _DIGEST.fullmatch(digest) or server.peers.must_wait(waiting):
        return None
    server.peers.wait(waiting, SYNCHRONISED_SECONDS)
    return Synchronisation(signer.account_id, url, digest)
