"""Whom a stranger can make this server ask: nobody inside, nobody for long, and nobody again and again."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from aiohttp import web

from tests import databases
from tests.federation.stub import Door, Stub, StubActor
from tests.members import Person

INSIDE = "127.66.0.1"


@pytest.fixture
def database_url(tmp_path: Any) -> str:
    """Nothing here depends on the kind of database."""
    return databases.sqlite_database(tmp_path / "database")


@pytest.fixture
def server_settings() -> dict[str, str]:
    return {"testing__allow_nets": "127.0.1.0/24"}


class Listener:
    """A port inside that nobody may knock at."""

    def __init__(self) -> None:
        self._socket = socket.socket()
        self._socket.bind((INSIDE, 0))
        self._socket.listen(50)
        self._socket.setblocking(False)
        self.port = self._socket.getsockname()[1]

    @property
    def knocked(self) -> bool:
        try:
            self._socket.accept()[0].close()
        except BlockingIOError:
            return False
        return True

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def inside() -> Iterator[Listener]:
    listener = Listener()
    yield listener
    listener.close()


def spellings(port: int) -> list[str]:
    number = int.from_bytes(socket.inet_aton(INSIDE), "big")
    hosts = [
        INSIDE, f"{INSIDE}.", "0.0.0.0", "0", "[::]", f"[::ffff:{INSIDE}]", f"[::{INSIDE}]", f"[64:ff9b::{INSIDE}]",
        str(number), hex(number), "0177.0102.0.1", "127.4325377", "①②⑦.66.0.1", f"user@{INSIDE}",
    ]  # fmt: skip
    return [f"http://{host}:{port}/x" for host in hosts]


async def test_no_address_in_any_place_leads_inside(
    door: Door, ann: StubActor, there: Stub, alice: Person, inside: Listener
) -> None:
    addresses = spellings(inside.port)
    bad = addresses[0]
    there.documents["/hop"] = lambda: web.Response(status=302, headers={"Location": bad})
    there.documents["webfinger:hop"] = {
        "subject": f"acct:hop@{there.host}",
        "links": [{"rel": "self", "type": "application/activity+json", "href": bad}],
    }
    there.actor("hop")
    second = there.actor(
        "second", icon={"type": "Image", "url": bad}, outbox=bad, featured=bad, endpoints={"sharedInbox": bad}
    )
    for address in [
        *addresses,
        f"{there.origin}/hop",
        f"@hop@{there.host}",
        f"@x@{INSIDE}:{inside.port}",
        second.uri,
    ]:
        await alice.get("/api/v2/search", q=address, resolve="true")
        await alice.raw("GET", "/authorize_interaction", params={"uri": address})
    for account in (await alice.get("/api/v2/search", q=second.uri, resolve="true"))["accounts"]:
        await alice.post(f"/api/v1/accounts/{account['id']}/follow")
    for address in [*addresses, f"{there.origin}/hop"]:
        picture = {"type": "Image", "mediaType": "image/png", "url": address}
        note = ann.note(
            "Look",
            inReplyTo=address,
            quoteUrl=address,
            attachment=[{"type": "Document", "mediaType": "image/png", "url": address}],
            tag=[
                {"type": "Emoji", "name": ":x:", "id": address, "icon": picture},
                {"type": "Mention", "href": address},
            ],
            replies={
                "type": "Collection",
                "first": {"type": "CollectionPage", "next": address, "items": [address]},
            },
        )
        for activity in (
            ann.says("Create", note),
            ann.says("Announce", address),
            ann.says("Like", address),
            ann.says("Move", ann.uri, target=address),
        ):
            await door.post(ann, activity)
        await door.post(ann, ann.says("Create", ann.note("x")), key_id=address)
    await alice.post("/api/v1/statuses", {"status": f"Look at {bad} and @x@{INSIDE}:{inside.port}"})
    await door.worker.idle()
    assert not inside.knocked


async def test_a_handle_is_its_own_hosts_to_give(
    door: Door, there: Stub, elsewhere: Stub, alice: Person
) -> None:
    victim = elsewhere.actor("vic")
    there.actor("spoof")
    for name, subject, href in (
        ("spoof", f"acct:vic@{elsewhere.host}", f"{there.origin}/users/spoof"),
        ("ceo", f"acct:ceo@{there.host}", victim.uri),
    ):
        there.documents.setdefault(f"/users/{name}", 404)
        link = {"rel": "self", "type": "application/activity+json", "href": href}
        there.documents[f"webfinger:{name}"] = {"subject": subject, "links": [link]}
        found = await alice.get("/api/v2/search", q=f"@{name}@{there.host}", resolve="true")
        assert [one["acct"] for one in found["accounts"] if one["acct"] != f"vic@{elsewhere.host}"] == []
        assert [one["uri"] for one in found["accounts"] if one["uri"] != victim.uri] == []


async def test_a_file_is_no_document_whatever_is_in_it(there: Stub, alice: Person) -> None:
    zoe = there.actor("zoe")
    assert await finds(alice, zoe.note("Known", served=True)["id"])
    file = zoe.note("A file that somebody uploaded", served=True)
    wrong_profile = 'application/ld+json; profile="https://other.example/ns"'
    for kind in (
        "text/html",
        "text/plain",
        "application/json",
        "image/png",
        "application/ld+json",
        wrong_profile,
    ):
        there.documents[file["id"].removeprefix(there.origin)] = partial(answer_as, kind, file)
        assert not await finds(alice, file["id"]), kind
    there.documents[file["id"].removeprefix(there.origin)] = file
    assert await finds(alice, file["id"])


async def finds(person: Person, address: str) -> bool:
    return bool((await person.get("/api/v2/search", q=address, resolve="true"))["statuses"])


def answer_as(kind: str, document: Any) -> web.Response:
    return web.Response(body=json.dumps(document).encode(), headers={"Content-Type": kind})
