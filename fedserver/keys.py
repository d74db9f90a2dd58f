"""The keys our actors sign with: made once, loaded once, kept in this process.

Making an RSA key takes some 100 ms, so it happens before a unit (`new_pair`) and the unit only stores it.
"""

from __future__ import annotations

import asyncio
import base64
from dataclasses import dataclass
from threading import Lock
from typing import Final
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from sqlalchemy import Connection

import storage.keys
from activitypub.identifiers import Uris
from activitypub.signatures.keys import PrivateKey
from fedserver.config import Config
from storage import accounts, settings
from storage.database import Database
from storage.types import new_id

_VAPID: Final = "vapid_private_key"  # no name of `fedserver.settings`, so the panel never shows it
PAIRS_LOADED_MAX: Final = 10_000  # some 5 kB each


@dataclass(frozen=True, slots=True)
class KeyPair:
    """An actor's two keys: RSA for HTTP signatures everybody reads, Ed25519 for object proofs (FEP-8b32)."""

    rsa: PrivateKey
    ed25519: PrivateKey


def make_pair(actor_uri: str) -> KeyPair:
    """Make the keys of the actor at `actor_uri`. Blocks for some 100 ms: see `new_pair`."""
    return KeyPair(
        PrivateKey.generate_rsa(key_id=f"{actor_uri}#main-key", owner_uri=actor_uri),
        PrivateKey.generate_ed25519(key_id=f"{actor_uri}#ed25519-key", owner_uri=actor_uri),
    )


async def new_pair(actor_uri: str) -> KeyPair:
    """Make the keys of the actor at `actor_uri`, in a thread."""
    return await asyncio.to_thread(make_pair, actor_uri)


class Keys:
    """The private keys of this server's actors. Its functions that take a connection belong inside units."""

    def __init__(self) -> None:
        self._pairs: dict[int, KeyPair] = {}
        self._lock = Lock()
        self._instance: KeyPair | None = None
        self._vapid: EllipticCurvePrivateKey | None = None
        self._instance_account_id: int | None = None

    @classmethod
    async def open(cls, db: Database, config: Config, uris: Uris) -> Keys:
        """Keys whose instance actor exists and is loaded."""
        keys = cls()
        if await db.read(_instance_account, uris) is None:
            pair = await new_pair(uris.instance_actor())
            await db.write(keys.ensure_instance_actor, config, uris, pair)
        else:
            await db.read(keys._load_instance, uris)
        await db.write(keys._ensure_vapid)
        return keys

    def store(self, conn: Connection, account_id: int, pair: KeyPair) -> None:
        """Keep the keys of a new local account."""
        storage.keys.add(
            conn,
            account_id,
            uri=pair.rsa.key_id,
            algorithm="rsa",
            public_key=pair.rsa.public_key.to_pem(),
            private_pem=pair.rsa.to_pem(),
        )
        storage.keys.add(
            conn,
            account_id,
            uri=pair.ed25519.key_id,
            algorithm="ed25519",
            public_key=pair.ed25519.public_key.to_multibase(),
            private_pem=pair.ed25519.to_pem(),
        )

    def generate(self, conn: Connection, account_id: int, actor_uri: str, uris: Uris) -> KeyPair:
        """Make and keep an actor's keys inside a unit that may take 100 ms longer for it, such as an import's.

        Raises ValueError unless `actor_uri` is an address of this server.
        """
        if not uris.is_local(actor_uri):
            raise ValueError(f"{actor_uri} is not an actor of this server")
        pair = make_pair(actor_uri)
        self.store(conn, account_id, pair)
        return pair

    def rsa(self, conn: Connection, account_id: int) -> PrivateKey:
        """The RSA key of a local account; LookupError where it has none (any more)."""
        return self._pair(conn, account_id).rsa

    def ed25519(self, conn: Connection, account_id: int) -> PrivateKey:
        """The Ed25519 key of a local account; LookupError where it has none (any more)."""
        return self._pair(conn, account_id).ed25519

    def instance_rsa(self) -> PrivateKey:
        """The RSA key of the instance actor, which signs what the server fetches for itself."""
        if self._instance is None:
            raise LookupError("the instance actor has not been loaded: open Keys with Keys.open")
        return self._instance.rsa

    @property
    def vapid(self) -> EllipticCurvePrivateKey:
        """The P-256 key that identifies this server to push services (RFC 8292)."""
        if self._vapid is None:
            raise LookupError("the push key has not been loaded: open Keys with Keys.open")
        return self._vapid

    def vapid_public_key(self) -> str:
        """Its public half as clients get it: the uncompressed point in base64url (RFC 8292 §3.2)."""
        point = self.vapid.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return base64.urlsafe_b64encode(point).rstrip(b"=").decode()

    @property
    def instance_account_id(self) -> int:
        """The account of the instance actor."""
        if self._instance_account_id is None:
            raise LookupError("the instance actor has not been loaded: open Keys with Keys.open")
        return self._instance_account_id

    def forget(self, account_id: int) -> None:
        """Drop the loaded keys of an account, whose rows have changed."""
        with self._lock:
            self._pairs.pop(account_id, None)

    def ensure_instance_actor(
        self, conn: Connection, config: Config, uris: Uris, pair: KeyPair | None = None
    ) -> int:
        """Make the instance actor with `pair` unless there is one, load its keys, and return its account id."""
        if _instance_account(conn, uris) is None:
            account_id = new_id()
            accounts.insert_local(
                conn,
                account_id,
                uri=uris.instance_actor(),
                url=uris.instance_uris().page,
                username=urlsplit(f"//{config.domain}").hostname or uris.host,
                actor_type="Application",
                discoverable=False,
                bot=True,
            )
            self.store(conn, account_id, pair or make_pair(uris.instance_actor()))
        return self._load_instance(conn, uris)

    def _ensure_vapid(self, conn: Connection) -> None:
        pem = settings.stored(conn).get(_VAPID)
        if pem is None:
            key = generate_private_key(SECP256R1())
            pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
            settings.put(conn, _VAPID, pem)
        loaded = load_pem_private_key(pem.encode(), password=None)
        if not isinstance(loaded, EllipticCurvePrivateKey):
            raise TypeError("the stored push key is not an elliptic curve key")
        self._vapid = loaded

    def _load_instance(self, conn: Connection, uris: Uris) -> int:
        account_id = _instance_account(conn, uris)
        if account_id is None:
            raise LookupError("there is no instance actor")
        self._instance = self._pair(conn, account_id)
        self._instance_account_id = account_id
        return account_id

    def _pair(self, conn: Connection, account_id: int) -> KeyPair:
        pair = self._pairs.get(account_id)
        if pair is not None:
            return pair
        loaded = {
            row.algorithm: PrivateKey.from_own_pem(row.private_pem, key_id=row.uri, owner_uri=row.actor_uri)
            for row in storage.keys.own(conn, account_id)
        }
        if "rsa" not in loaded or "ed25519" not in loaded:
            raise LookupError(f"account {account_id} has no keys of its own")
        pair = KeyPair(loaded["rsa"], loaded["ed25519"])
        with self._lock:
            if len(self._pairs) >= PAIRS_LOADED_MAX:
                self._pairs.pop(next(iter(self._pairs)))
            self._pairs[account_id] = pair
        return pair


def _instance_account(conn: Connection, uris: Uris) -> int | None:
    row = accounts.by_uri(conn, uris.instance_actor())
    return None if row is None else int(row.id)
