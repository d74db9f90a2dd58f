"""Followers synchronisation (FEP-8fcf), our half: what we say about our members' followers at other servers.

A post to followers carries a digest of those followers the receiving server has. A server that counts others
asks for the list, and each server sees its own members only.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import Connection, bindparam, select

from activitypub.names import AS2
from storage.hot import Hot
from storage.tables import account, follow
from storage.types import AnyOf

DIGEST_BYTES: Final = 32
LISTED_MAX: Final = 50_000


def digest_of(follower_uris: Iterable[str]) -> str:
    """The digest of a set of ids: the SHA-256 of each, XORed, in hex; 64 zeros for none."""
    total = 0
    for uri in follower_uris:
        total ^= int.from_bytes(sha256(uri.encode()).digest())
    return total.to_bytes(DIGEST_BYTES).hex()


def headers(conn: Connection, wanted: set[tuple[int, str]]) -> dict[tuple[int, str], str]:
    """The value of `Collection-Synchronization` for each (account id, receiving host)."""
    if not wanted:
        return {}
    accounts, hosts = {account_id for account_id, _ in wanted}, {host for _, host in wanted}
    found: dict[tuple[int, str], list[str]] = {}
    for account_id, host, uri in _followers.run(conn, accounts=sorted(accounts), hosts=sorted(hosts)):
        found.setdefault((account_id, host), []).append(uri)
    uris = dict(_uris.run(conn, accounts=sorted(accounts)))
    return {
        (account_id, host): header(uris[account_id], found.get((account_id, host), ()))
        for account_id, host in wanted
        if account_id in uris
    }


def header(actor_uri: str, follower_uris: Iterable[str]) -> str:
    """The header's value for one actor and the followers that one server has."""
    return (
        f'collectionId="{actor_uri}/followers", url="{actor_uri}/followers_synchronization", '
        f'digest="{digest_of(follower_uris)}"'
    )


def followers_at(conn: Connection, account_id: int, host: str) -> list[str]:
    """The ids of the account's followers whose ids have this authority."""
    return sorted(row[2] for row in _followers.run(conn, accounts=[account_id], hosts=[host]))[:LISTED_MAX]


def document(conn: Connection, account_id: int, actor_uri: str, asking_host: str) -> dict[str, Any]:
    """What `followers_synchronization` answers to a signed request of `asking_host`."""
    items = followers_at(conn, account_id, asking_host)
    return {
        "@context": AS2,
        "id": f"{actor_uri}/followers_synchronization",
        "type": "OrderedCollection",
        "totalItems": len(items),
        "orderedItems": items,
    }


_followers: Hot[tuple[int, str, str]] = Hot(
    lambda: (
        select(follow.c.target_id, account.c.host, account.c.uri)
        .join_from(follow, account, account.c.id == follow.c.account_id)
        .where(
            AnyOf(follow.c.target_id, bindparam("accounts")),
            follow.c.accepted,
            AnyOf(account.c.host, bindparam("hosts")),
        )
    ),
    tuple,
)

_uris: Hot[tuple[int, str]] = Hot(
    lambda: select(account.c.id, account.c.uri).where(AnyOf(account.c.id, bindparam("accounts"))), tuple
)
