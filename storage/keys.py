"""The private keys of this server's own actors. Other servers' public keys are `storage.accounts`' concern."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, bindparam, insert, select

from storage.hot import Hot
from storage.tables import account, account_key
from storage.types import new_id, now_ms


class OwnKey(NamedTuple):
    """One key pair of a local account. `uri` is the key's id, `algorithm` is ``rsa`` or ``ed25519``."""

    uri: str
    algorithm: str
    private_pem: str
    actor_uri: str


_own = Hot(
    lambda: (
        select(
            account_key.c.uri,
            account_key.c.algorithm,
            account_key.c.private_pem,
            account.c.uri.label("actor_uri"),
        )
        .join_from(account_key, account, account.c.id == account_key.c.account_id)
        .where(account_key.c.account_id == bindparam("account_id"), account_key.c.private_pem.is_not(None))
    ),
    OwnKey._make,
)


def own(conn: Connection, account_id: int) -> list[OwnKey]:
    """The key pairs of one local account: none for a remote one or one whose keys were destroyed."""
    return _own.run(conn, account_id=account_id)


def add(
    conn: Connection, account_id: int, *, uri: str, algorithm: str, public_key: str, private_pem: str
) -> None:
    """Keep a new key pair: `public_key` is PEM for rsa and multibase for ed25519."""
    conn.execute(
        insert(account_key).values(
            id=new_id(),
            uri=uri,
            account_id=account_id,
            algorithm=algorithm,
            public_key=public_key,
            private_pem=private_pem,
            fetched_at=now_ms(),
        )
    )
