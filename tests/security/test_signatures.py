"""Who signed what: a request whose signature does not prove its actor is refused, and leaves nothing behind."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, func, select

from activitypub.signatures import PrivateKey, sign_request
from storage import tables
from tests import databases
from tests.federation.stub import Door, Stub, StubActor

Headers = dict[str, str]
HOUR = 3600


@pytest.fixture
def database_url(tmp_path: Any) -> str:
    """Nothing here depends on the kind of database."""
    return databases.sqlite_database(tmp_path / "database")


class Forger:
    """Signs as ann does, and then goes wrong."""

    def __init__(self, door: Door, ann: StubActor, mallory: StubActor) -> None:
        self.door, self.ann, self.mallory = door, ann, mallory
        self.url = f"{door.server.config.origin}/inbox"
        self.body = json.dumps(ann.says("Create", ann.note("Forged"))).encode()

    def signed(
        self,
        *,
        key: PrivateKey | None = None,
        url: str = "",
        body: bytes | None = None,
        at: float = 0,
        scheme: Any = "cavage",
    ) -> Headers:
        signed = sign_request(
            scheme, "POST", url or self.url, body or self.body, key or self.ann.key, time.time() + at
        )
        return {name.lower(): value for name, value in signed.items()}

    def as_ann(self, key: PrivateKey) -> PrivateKey:
        """The key under the name of ann's."""
        return PrivateKey.from_own_pem(key.to_pem(), key_id=self.ann.key.key_id, owner_uri=self.ann.uri)

    def covering(self, names: str) -> Headers:
        """A good cavage signature over these names alone."""
        headers = self.signed()
        values = {**headers, "(request-target)": "post /inbox", "host": self.url.split("/")[2]}
        base = "\n".join(f"{name}: {values[name]}" for name in names.split())
        signature = base64.b64encode(self.ann.key.sign(base.encode())).decode()
        headers["signature"] = (
            f'keyId="{self.ann.key.key_id}",algorithm="rsa-sha256",headers="{names}",signature="{signature}"'
        )
        return headers

    def altered(self, alter: Callable[[str], str]) -> Headers:
        headers = self.signed()
        return {**headers, "signature": alter(headers["signature"])}


FORGERIES: dict[str, Callable[[Forger], Headers]] = {
    "no signature": lambda f: {},
    "another's key": lambda f: f.signed(key=f.as_ann(f.mallory.key)),
    "another body": lambda f: f.signed(body=b"{}"),
    "another path": lambda f: f.signed(url=f.url.replace("/inbox", "/users/alice/inbox")),
    "another host": lambda f: f.signed(url="http://other.example/inbox") | {"host": f.url.split("/")[2]},
    "thirteen hours old": lambda f: f.signed(at=-13 * HOUR),
    "from tomorrow": lambda f: f.signed(at=24 * HOUR),
    "RFC 9421, thirteen hours old": lambda f: f.signed(at=-13 * HOUR, scheme="rfc9421"),
    "RFC 9421, another body": lambda f: f.signed(body=b"{}", scheme="rfc9421"),
    "without digest": lambda f: f.covering("(request-target) host date"),
    "without target": lambda f: f.covering("host date digest"),
    "without host": lambda f: f.covering("(request-target) date digest"),
    "without date": lambda f: f.covering("(request-target) host digest"),
    "no algorithm": lambda f: f.altered(lambda s: s.split("signature=")[0] + 'signature=""'),
    "a MAC": lambda f: f.altered(
        lambda s: s.replace("rsa-sha256", "hmac-sha256").replace("hs2019", "hmac-sha256")[:-30] + '"'
    ),
    "garbage": lambda f: f.altered(lambda s: "garbage"),
    "unbalanced": lambda f: f.altered(lambda s: s[:-1]),
    "a key id of 6000 letters": lambda f: f.altered(lambda s: s.replace('keyId="', 'keyId="' + "k" * 6000)),
    "two key ids": lambda f: f.altered(lambda s: f'keyId="{f.mallory.key.key_id}",{s}'),
    "1500 names": lambda f: f.altered(lambda s: s.replace('headers="', 'headers="' + "x " * 1500)),
}


async def test_a_signature_that_proves_nothing_is_refused(
    door: Door, ann: StubActor, mallory: StubActor
) -> None:
    forger = Forger(door, ann, mallory)
    answers = {}
    for name, forge in FORGERIES.items():
        headers = {"Content-Type": "application/activity+json", **forge(forger)}
        async with door.client.post("/inbox", data=forger.body, headers=headers) as answer:
            answers[name] = answer.status
    assert {name: status for name, status in answers.items() if status not in (400, 401)} == {}
    await door.worker.idle()
    assert await door.server.db.read(number_of_posts) == 0
    headers = {
        "Content-Type": "application/activity+json",
        **forger.covering("(request-target) host date digest"),
    }
    async with door.client.post("/inbox", data=forger.body, headers=headers) as answer:
        assert answer.status == 202, "the same without a fault"


async def test_a_key_is_its_owners_only_if_the_owner_lists_it(
    door: Door, ann: StubActor, mallory: StubActor
) -> None:
    stub = mallory.stub
    actor = stub.documents["/users/mallory"]
    claims = {
        "/keys/1": {
            "id": f"{stub.origin}/keys/1",
            "owner": ann.uri,
            "publicKeyPem": mallory.key.public_key.to_pem(),
        },
        "/keys/2": actor
        | {
            "id": ann.uri,
            "publicKey": actor["publicKey"] | {"id": f"{stub.origin}/keys/2", "owner": ann.uri},
        },
        "/keys/3": {
            "id": f"{stub.origin}/keys/3",
            "owner": mallory.uri,
            "publicKeyPem": mallory.key.public_key.to_pem(),
        },
    }
    stub.documents |= claims
    note = ann.note("Claimed")
    for path in claims:
        assert await door.post(mallory, ann.says("Create", note), key_id=stub.origin + path) == 401
    # The key of a neighbour, or of the whole server, is none of hers either.
    for neighbour in (ann.stub.actor("eve"), ann.stub.actor("instance", "Application")):
        await door.takes(neighbour, ann.says("Create", note))
    assert await door.server.db.read(number_of_posts) == 0


async def test_bad_signatures_do_not_make_us_ask_again_and_again(
    door: Door, ann: StubActor, mallory: StubActor, there: Stub
) -> None:
    there.asked.clear()
    for number in range(12):
        missing = f"{there.origin}/users/{'missing' if number % 2 else 'ann'}#main-key"
        assert await door.post(mallory, ann.says("Like", "x"), key_id=missing) == 401
    assert len(there.asked) <= 3


def number_of_posts(conn: Connection) -> int:
    return int(conn.scalar(select(func.count()).select_from(tables.post)) or 0)
