"""Who says this: the signer of a request, and whether an activity is its actor's (FEP-fe34).

A signature proves an actor; nobody acts for another, neighbours on one server included. What somebody else
forwards counts only with the actor's own proof inside (FEP-8b32), or when the origin, asked, says the same.

| signer                      | believed when                                                      |
|-----------------------------|--------------------------------------------------------------------|
| is the actor                | the activity's id is of the actor's origin, or it has none          |
| is the actor's server       | as above, and it is a Flag                                          |
| somebody else               | the actor's proof holds; or the origin serves the activity or object |
| a group that hands it on    | as above; what only moderates in the group is the group's own word    |
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Final, Literal

from sqlalchemy import Connection

from activitypub.activities import Activity, read_activity
from activitypub.errors import (
    KeyUnusable,
    NotTrusted,
    ProtocolError,
    SignatureError,
    SignatureMissing,
    WrongOrigin,
)
from activitypub.identifiers import host_of, origin_of, same_origin, without_fragment
from activitypub.signatures import PublicKey, RequestFacts, SignatureClaim, read_proof, read_signature
from activitypub.values import id_of, parse_json
from activitypub.vocabulary import read_keys
from fedserver.context import Server
from fedserver.errors import BadAnswer, Unreachable
from fedserver.federation import fetch
from fedserver.federation.peers import KnownKey
from fedserver.federation.policy import check_incoming, federates_with
from storage import accounts
from storage.types import now_ms

KEY_YOUNG_MS: Final = 60_000  # a key read so lately is not read again because a signature does not hold
BACK_OFF_SECONDS: Final = 300
KEY_MISSED_SECONDS: Final = 60
KEY_FETCHES_MAX: Final = 30  # a minute for each host, so that nobody can have us storm it
REFETCHES_MAX: Final = 60  # a minute for each signer's host
HANDED_ON_MAX: Final = 600  # the same of what a group that members follow hands on
_MODERATES: Final = frozenset({"Lock", "Block", "Add", "Remove"})
_MAY_MODERATE: Final = frozenset({"Delete", "Undo", "Update"})

How = Literal["signature", "proof", "refetched", "group"]


@dataclass(frozen=True, slots=True)
class Signer:
    """The actor whose key signed a request. `account_id` is its row here."""

    uri: str
    account_id: int
    host: str
    actor_type: str
    followers_uri: str
    suspended: bool


@dataclass(frozen=True, slots=True)
class Authenticated:
    """An activity that is its actor's own. `body` holds the bytes that were signed or fetched.

    With `how` "refetched" only the object may have been confirmed by its origin: `object_document` is it then,
    None when the origin says that it is gone. With "group" nobody but a group says that its actor did this: it counts
    as the group's own word, for what a group may do to its own content.
    """

    activity: Activity
    body: bytes
    how: How
    signer_uri: str
    object_document: fetch.Document | None = None


# -- the signer of a request


async def signer_of(server: Server, facts: RequestFacts, source_ip: str) -> Signer:
    """Verify a request. Raises SignatureError (401), Forbidden (a server we refuse), Unreachable (503)."""
    claim = read_signature(facts)
    claim.check_window(time.time())
    claim.check_body()
    host = host_of(claim.key_id)
    if host is None:
        raise KeyUnusable("the key's id is not an address")
    await check_incoming(server, host)
    known = await key_for(server, claim.key_id, source_ip)
    try:
        verified = claim.verify(known.key, now=time.time())
    except SignatureError:
        known = await _refreshed(server, claim, known, source_ip)
        verified = claim.verify(known.key, now=time.time())
    return Signer(
        verified.owner_uri, known.account_id, host, known.actor_type, known.followers_uri, known.suspended
    )


async def check_asker(server: Server, facts: RequestFacts) -> None:
    """Of a request that needs no signature: raise Forbidden when a server that we refuse says that it is asking, and
    SignatureError when it says so in no form that is known. Whoever does not say who they are is not asked."""
    try:
        claim = read_signature(facts)
    except SignatureMissing:
        return
    host = host_of(claim.key_id)
    if host is None:
        raise KeyUnusable("the key's id is not an address")
    await check_incoming(server, host)


async def _refreshed(server: Server, claim: SignatureClaim, known: KnownKey, source_ip: str) -> KnownKey:
    """The same key read once more, when what we have is old enough to have been replaced."""
    if known.fetched_at > now_ms() - KEY_YOUNG_MS:
        return known
    server.peers.forget_key(claim.key_id)
    await _fetch_owner(server, claim.key_id, known.key.owner_uri, source_ip)
    return await key_for(server, claim.key_id, source_ip)


async def key_for(server: Server, key_id: str, source_ip: str = "") -> KnownKey:
    """The key of this id, listed by its owner's own document; fetched when it is not known.

    Raises KeyUnusable when there is none, Unreachable when its server does not answer.
    """
    server.peers.listen(server.bus)
    known = server.peers.key(key_id)
    if known is None:
        known = await server.db.read(_known_key, key_id)
    if known is None:
        await _fetch_owner(server, key_id, None, source_ip)
        known = await server.db.read(_known_key, key_id)
        if known is None:
            server.peers.wait(f"key:{key_id}", KEY_MISSED_SECONDS)
            raise KeyUnusable("the actor does not list this key")
    server.peers.remember_key(known)
    return known


def _known_key(conn: Connection, key_id: str) -> KnownKey | None:
    row = accounts.key_by_uri(conn, key_id)
    if row is None or not row.owner_domain:
        return None
    owner = accounts.by_id(conn, row.account_id)
    if owner is None or owner.deleted_at is not None:
        return None
    load = PublicKey.from_multibase if row.algorithm == "ed25519" else PublicKey.from_pem
    return KnownKey(
        key=load(row.public_key, key_id=key_id, owner_uri=owner.uri),
        account_id=owner.id,
        suspended=owner.own_suspended_at is not None,
        followers_uri=owner.followers_uri,
        actor_type=owner.actor_type,
        fetched_at=row.fetched_at,
    )


async def _fetch_owner(server: Server, key_id: str, owner_uri: str | None, source_ip: str) -> None:
    """Read the owner's actor document, which lists its keys. Asked with care: strangers choose the key id."""
    host = host_of(key_id)
    peers = server.peers
    if host is None or server.uris.is_local(key_id):
        raise KeyUnusable("the key's id is not an address of another server")
    if peers.must_wait(f"key:{key_id}"):
        raise KeyUnusable("the key cannot be had")
    back_off = f"{source_ip} {host}"
    if peers.must_wait(back_off):
        raise Unreachable("The server of this key did not answer a moment ago.", reason="refused")
    limit = int(KEY_FETCHES_MAX * max(1.0, server.config.rate_limit_factor))
    if not peers.allow(f"keys of {host}", limit=limit, seconds=60):
        raise Unreachable("Too many keys of this server were asked for.", reason="policy")
    try:
        owner_uri = owner_uri or await _owner_of(server, key_id)
        found = await fetch.account(server, owner_uri, refresh=True)
    except BadAnswer as error:
        # It answered: asking again would bring the same.
        peers.wait(f"key:{key_id}", KEY_MISSED_SECONDS)
        if error.status is not None and error.status >= 500:
            raise
        raise KeyUnusable("the key cannot be had from its server") from error
    except Unreachable:
        peers.wait(back_off, BACK_OFF_SECONDS / server.config.testing.time_scale)
        raise
    if found is None:
        peers.wait(f"key:{key_id}", KEY_MISSED_SECONDS)
        raise KeyUnusable("there is no such actor")


async def _owner_of(server: Server, key_id: str) -> str:
    """Whose key this is: the actor it is a part of, or whom the document at its own address names."""
    if "#" in key_id:
        return without_fragment(key_id)
    found = await fetch.raw_document(server, key_id)
    public_keys, multikeys = read_keys(found.json)
    owners = [key.owner for key in public_keys if key.id == key_id]
    owners += [key.controller for key in multikeys if key.id == key_id]
    owner = next((uri for uri in owners if same_origin(uri, key_id)), None)
    if owner is None:
        raise KeyUnusable("the key names no owner at its own server")
    return owner


# -- the actor of an activity


def by_signature(signer_uri: str, activity: Activity, body: bytes) -> Authenticated | None:
    """What the signature alone proves; None when the signer is not the actor and more must be asked.

    Raises WrongOrigin when the activity cannot be the signer's.
    """
    if signer_uri != activity.actor_uri:
        return None
    if activity.id is not None and not same_origin(activity.id, activity.actor_uri):
        raise WrongOrigin("the activity's id is of another origin than its actor")
    return Authenticated(activity, body, "signature", signer_uri)


async def by_group(server: Server, group_uri: str, activity: Activity, body: bytes) -> Authenticated:
    """What a group hands on that members here follow: believed as `by_others` does. Of what only its moderators do the
    group itself is the witness (`how` is "group"), for it is the group that does it.

    Raises NotTrusted when it is not believed, Unreachable when the origin does not answer.
    """
    if activity.actor_uri == group_uri:
        said = by_signature(group_uri, activity, body)
        assert said is not None
        return said
    witnessed = Authenticated(activity, body, "group", group_uri)
    if server.uris.is_local(activity.actor_uri):
        return witnessed
    host = host_of(activity.actor_uri)
    if host is None or not await federates_with(server, host):
        raise NotTrusted("by an actor of a server we do not federate with", reason="policy")
    if activity.type in _MODERATES:
        return witnessed
    try:
        return await by_others(server, group_uri, activity, body, limit=HANDED_ON_MAX)
    except NotTrusted:
        if activity.type in _MAY_MODERATE:
            return witnessed
        raise


async def by_others(
    server: Server, signer_uri: str, activity: Activity, body: bytes, *, limit: int = REFETCHES_MAX
) -> Authenticated:
    """What somebody else has handed on: believed for the actor's own proof, or when the origin confirms it.

    Asks origins `limit` times a minute for each signer's host. Raises NotTrusted when it is not believed, Unreachable
    when the origin does not answer.
    """
    host = host_of(activity.actor_uri)
    if host is None or not await federates_with(server, host):
        raise NotTrusted("by an actor of a server we do not federate with", reason="policy")
    if activity.id is not None and not same_origin(activity.id, activity.actor_uri):
        raise WrongOrigin("the activity's id is of another origin than its actor")
    if activity.type == "Flag" and await _is_server_of(server, signer_uri, activity.actor_uri):
        return Authenticated(activity, body, "signature", signer_uri)
    document = parse_json(body)
    if "proof" in document and await _proof_holds(server, document, activity.actor_uri):
        return Authenticated(activity, body, "proof", signer_uri)
    limit = int(limit * max(1.0, server.config.rate_limit_factor))
    if not server.peers.allow(f"handed on by {host_of(signer_uri)}", limit=limit, seconds=60):
        raise NotTrusted("too much handed on by one server", reason="limit")
    return await _from_origin(server, signer_uri, activity)


async def _is_server_of(server: Server, signer_uri: str, actor_uri: str) -> bool:
    if origin_of(signer_uri) != origin_of(actor_uri):
        return False
    row = await server.db.read(accounts.by_uri, signer_uri)
    return row is not None and row.actor_type == "Application"


async def _proof_holds(server: Server, document: dict[str, Any], actor_uri: str) -> bool:
    try:
        claim = read_proof(document)
        if not same_origin(claim.verification_method, actor_uri):
            return False
        known = await key_for(server, claim.verification_method)
        if known.key.owner_uri != actor_uri or known.suspended:
            return False
        claim.verify(known.key, now=time.time())
    except SignatureError:
        return False
    return True


async def _from_origin(server: Server, signer_uri: str, activity: Activity) -> Authenticated:
    """Ask the origin: for the activity, which many do not serve, or for what it is about."""
    if activity.id is not None and "#" not in activity.id:
        found = await _asked(server, activity.id)
        if isinstance(found, fetch.Document):
            try:
                said = read_activity(found.json)
            except ProtocolError as error:
                raise NotTrusted("the origin says something else", reason="refuted") from error
            if said.actor_uri != activity.actor_uri or said.id != activity.id or said.type != activity.type:
                raise NotTrusted("the origin says something else", reason="refuted")
            return Authenticated(said, found.body, "refetched", signer_uri)
    object_uri = activity.object_id
    if activity.type not in ("Create", "Update", "Delete") or not same_origin(object_uri, activity.actor_uri):
        raise NotTrusted("the origin does not confirm it", reason="unconfirmed")
    assert object_uri is not None
    found = await _asked(server, object_uri)
    if isinstance(found, fetch.Document) and found.json.get("type") != "Tombstone":
        if activity.type != "Delete":
            return Authenticated(activity, found.body, "refetched", signer_uri, found)
    # 404 may only mean that this server may not see it; it ends an actor, which everybody may see.
    elif activity.type == "Delete" and (found != 404 or object_uri == activity.actor_uri):
        return Authenticated(activity, b"", "refetched", signer_uri)
    raise NotTrusted("the origin does not confirm it", reason="unconfirmed")


async def _asked(server: Server, uri: str) -> fetch.Document | int:
    """The document, or the status with which its origin says that it is not there."""
    try:
        found = await fetch.document(server, uri)
    except BadAnswer as error:
        status = error.status
        if status is not None and status in fetch.GONE_STATUSES and error.reason == "status":
            return status
        if status is not None and status >= 500:
            raise
        raise NotTrusted("the origin does not show it", reason="unconfirmed") from error
    if id_of(found.json.get("id")) != uri:
        raise NotTrusted("the origin says something else", reason="refuted")
    return found
