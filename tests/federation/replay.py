"""Documents that other platforms really sent, replayed as conversations with the server of this process.

Each scene says which files it delivers to the inbox and which it has its stubs serve; that each of them was, is checked
when the scene is over. Names of hosts become those of the stubs, what was scrubbed is filled in, and nothing else changes.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, func, select

from activitypub.signatures import PrivateKey
from storage import accounts, tables
from storage import posts as stored_posts
from tests.federation.stub import Door, Stub, StubActor
from tests.members import Person

PLATFORMS = ("discourse", "gancio", "lemmy", "mbin", "mitra", "mobilizon", "nodebb", "piefed", "smithereen")
REPLAYED: dict[str, set[str]] = {one: set() for one in PLATFORMS}


def replays(platform: str, *, delivered: str = "", served: str = "") -> pytest.MarkDecorator:
    """The scene has these files of the platform (their names, separated by spaces) sent to the inbox, and these served to
    the server, which must ask for them."""
    REPLAYED[platform].update(delivered.split(), served.split())
    return pytest.mark.replays(platform, set(delivered.split()), set(served.split()))


def folder_of(shared: Path, platform: str) -> Path:
    return shared / "data" / "federation" / platform


class Stage:
    """One scene: reads the payloads of a platform, with its addresses turned into those of stubs, and plays them."""

    def __init__(self, shared: Path, platform: str, door: Door) -> None:
        self._folder = folder_of(shared, platform)
        self._read: dict[str, list[Any]] = {}
        self._shown: list[tuple[Stub, str, int, Any]] = []
        self.door = door
        self.names: dict[str, str] = {}

    # -- reading

    def read(self, name: str, *ids: str, **also: str) -> Any:
        """The payload; `ids` are put, in order, where ids were scrubbed, and `also` are names to change afterwards: {old: new}."""
        text = (self._folder / f"{name}.json").read_text()
        text = text.replace("SCRUBBED_DATE", "2026-01-01T00:00:00Z")
        for uri in ids:
            text = text.replace('"SCRUBBED_ID"', json.dumps(uri), 1)
        for names in (self.names, also):
            for old, new in sorted(names.items(), key=lambda one: -len(one[0])):
                text = text.replace(json.dumps(old)[1:-1], new)
        document = json.loads(text)
        if "response" in document:
            document = json.loads(document["body"])  # a recorded answer, with its headers around it
        elif len(document) == 1 and isinstance(parts := next(iter(document.values())), list):
            document = parts  # several, under a name for them
        self._read.setdefault(name, []).append(document)
        return document

    def cast(self, actor: StubActor, name: str, *ids: str, **also: str) -> Any:
        """Have the actor described by this payload, which has a key of which the stub knows the private half."""
        document = self.read(name, *ids, **also)
        key = document.get("publicKey")
        if isinstance(key, dict) and "id" in key:
            actor.key = PrivateKey.from_own_pem(actor.key.to_pem(), key_id=key["id"], owner_uri=actor.uri)
        document["publicKey"] = {
            "id": actor.key.key_id, "owner": actor.uri, "publicKeyPem": actor.key.public_key.to_pem(),
        }  # fmt: skip
        assert document["id"] == actor.uri
        self.serve(actor.stub, document)
        return document

    # -- playing

    def serve(self, stub: Stub, *documents: Any, at: str = "") -> None:
        """Let the stub show these to whoever asks, from now on; at their own address, or `at` a path or "webfinger:NAME"."""
        for document in documents:
            path = at or str(document["id"]).removeprefix(stub.origin)
            assert path.startswith(("/", "webfinger:")), document["id"]
            stub.documents[path] = document
            asked = "/.well-known/webfinger" if path.startswith("webfinger:") else path
            self._shown.append((stub, asked, len(stub.asked), document))

    async def takes(self, signer: StubActor, *activities: Any) -> list[str]:
        """Each is accepted, and acted on; what was noted of each, which is "" where it was done."""
        await self.door.takes(signer, *activities)
        return (await self.notes())[-len(activities) :]

    async def pasted(self, person: Person, document: Any) -> dict[str, Any]:
        """What somebody finds who pastes the address of a document."""
        found: dict[str, Any] = await person.get("/api/v2/search", q=document["id"], resolve="true")
        return found

    # -- how it stands

    async def notes(self) -> list[str]:
        item = tables.inbox_item.c
        return await self.door.server.db.read(
            lambda conn: list(conn.scalars(select(item.note).order_by(item.id)))
        )

    async def post(self, document: Any) -> Any:
        uri = document if isinstance(document, str) else document["id"]
        return await self.door.server.db.read(stored_posts.by_uri, uri)

    async def account(self, uri: str) -> Any:
        return await self.door.server.db.read(accounts.by_uri, uri)

    async def rows(self) -> dict[str, int]:
        """How many rows there are of whatever others can cause."""
        named = {
            name: getattr(tables, name)
            for name in ("account", "post", "follow", "like", "report", "block", "poll_vote")
        }

        def count(conn: Connection) -> dict[str, int]:
            return {
                name: int(conn.scalar(select(func.count()).select_from(table)) or 0)
                for name, table in named.items()
            }

        return await self.door.server.db.read(count)

    # -- afterwards

    def played(self) -> tuple[set[str], set[str]]:
        """The files that were delivered, and those that were served and asked for."""
        shown = [one for stub, path, since, one in self._shown if path in stub.asked[since:]]
        delivered = {name for name, read in self._read.items() if _are_in(self.door.posted, read)}
        served = {name for name, read in self._read.items() if _are_in(shown, read)}
        return delivered, served - delivered


def _are_in(whole: Any, documents: list[Any]) -> bool:
    """Whether one of these is somewhere inside; of several under one name all of them."""
    return any(
        all(_is_in(whole, part) for part in one) if isinstance(one, list) else _is_in(whole, one)
        for one in documents
    )


def _is_in(whole: Any, part: Any) -> bool:
    """Whether a JSON value is somewhere inside another, as it stands; a context stands around it or within."""
    if _bare(whole) == _bare(part):
        return True
    inner = whole.values() if isinstance(whole, dict) else whole if isinstance(whole, list) else ()
    return any(_is_in(one, part) for one in inner)


def _bare(value: Any) -> Any:
    return (
        {name: one for name, one in value.items() if name != "@context"} if isinstance(value, dict) else value
    )
