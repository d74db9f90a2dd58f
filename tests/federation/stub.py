"""Another server, on a loopback address of its own: actors with keys, documents by path, requests that it counts."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient
from sqlalchemy import select

from activitypub.names import ACTIVITY_JSON, AS2, PUBLIC
from activitypub.signatures import PrivateKey, sign_request
from fedserver.context import Server
from fedserver.federation.inbox_worker import InboxWorker
from storage import tables
from tests.waiting import until

_numbers = itertools.count(1)
_addresses = itertools.cycle(range(20, 250))


@dataclass
class Stub:
    """One other server at `origin`. `documents` by path: a dict, a status alone, or what makes a response; `asked` counts the paths."""

    origin: str
    documents: dict[str, Any] = field(default_factory=dict)
    content_type: str = ACTIVITY_JSON
    asked: list[str] = field(default_factory=list)

    @property
    def host(self) -> str:
        return self.origin.removeprefix("http://")

    def actor(self, name: str, kind: str = "Person", **more: Any) -> StubActor:
        """A new actor, who can be looked up."""
        made = StubActor(self, name)
        self.documents[f"/users/{name}"] = {
            "@context": [AS2, "https://w3id.org/security/v1"],
            "id": made.uri,
            "type": kind,
            "preferredUsername": name,
            "inbox": f"{made.uri}/inbox",
            "outbox": f"{made.uri}/outbox",
            "followers": f"{made.uri}/followers",
            "featured": f"{made.uri}/featured",
            "publicKey": {
                "id": made.key.key_id,
                "owner": made.uri,
                "publicKeyPem": made.key.public_key.to_pem(),
            },
            **more,
        }
        return made

    async def handle(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        if request.path == "/.well-known/webfinger":
            name = request.query["resource"].removeprefix("acct:").partition("@")[0].lower()
            link = {"rel": "self", "type": ACTIVITY_JSON, "href": f"{self.origin}/users/{name}"}
            if f"/users/{name}" not in self.documents and f"webfinger:{name}" not in self.documents:
                return web.Response(status=404)
            jrd = {"subject": f"acct:{name}@{self.host}", "links": [link]}
            return web.json_response(
                self.documents.get(f"webfinger:{name}", jrd), content_type="application/jrd+json"
            )
        found = self.documents.get(request.path, 404)
        if isinstance(found, int):
            return web.Response(status=found)
        if callable(found):
            answer: web.Response = found()
            return answer
        return web.json_response(found, content_type=self.content_type)


class StubActor:
    """Somebody on that server."""

    def __init__(self, stub: Stub, name: str) -> None:
        self.stub = stub
        self.name = name
        self.uri = f"{stub.origin}/users/{name}"
        self.key = PrivateKey.generate_rsa(key_id=f"{self.uri}#main-key", owner_uri=self.uri)

    def uri_of(self, what: str) -> str:
        return f"{self.stub.origin}/{what}/{next(_numbers)}"

    def note(self, content: str, *, served: bool = False, **more: Any) -> dict[str, Any]:
        """A public Note; with `served` it can be fetched too."""
        made = {
            "@context": AS2,
            "id": self.uri_of("notes"),
            "type": "Note",
            "attributedTo": self.uri,
            "content": f"<p>{content}</p>",
            "published": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "to": [PUBLIC],
            "cc": [f"{self.uri}/followers"],
            **more,
        }
        if served:
            self.stub.documents[made["id"].removeprefix(self.stub.origin)] = made
        return made

    def says(self, kind: str, what: Any, **more: Any) -> dict[str, Any]:
        """An activity of this actor's."""
        return {
            "@context": AS2,
            "id": self.uri_of("activities"),
            "type": kind,
            "actor": self.uri,
            "object": what,
            "to": [PUBLIC],
            **more,
        }


@asynccontextmanager
async def stub_server() -> AsyncIterator[Stub]:
    """A Stub, as long as it listens."""
    address = f"127.0.1.{next(_addresses)}"
    stub = Stub("")
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", stub.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0)
    await runner.setup()
    site = web.TCPSite(runner, address, 0)
    await site.start()
    stub.origin = f"http://{address}:{runner.addresses[0][1]}"
    try:
        yield stub
    finally:
        await runner.cleanup()


@dataclass
class Door:
    """The inbox of the server in this process, and its worker, which acts only when asked to."""

    server: Server
    client: TestClient[Any, Any]
    worker: InboxWorker
    posted: list[Any] = field(default_factory=list)

    async def post(
        self, signer: StubActor, activity: Any, *, path: str = "/inbox", key_id: str = "", **headers: str
    ) -> int:
        """The status of a signed POST, which is kept in `posted`."""
        self.posted.append(activity)
        body = activity if isinstance(activity, bytes) else json.dumps(activity).encode()
        key = signer.key
        if key_id:
            key = PrivateKey.from_own_pem(key.to_pem(), key_id=key_id, owner_uri=signer.uri)
        url = self.server.config.origin + path
        signed = sign_request("cavage", "POST", url, body, key, time.time())
        async with self.client.post(path, data=body, headers={**signed, **headers}) as answer:
            await answer.read()
            return answer.status

    async def get(self, path: str, signer: StubActor | None = None, **headers: str) -> tuple[int, Any]:
        """Status and JSON of a GET for ActivityPub, signed if somebody signs."""
        url = self.server.config.origin + path
        signed = {} if signer is None else sign_request("cavage", "GET", url, None, signer.key, time.time())
        headers = {"Accept": ACTIVITY_JSON, **headers}
        async with self.client.get(path, headers={**signed, **headers}, allow_redirects=False) as answer:
            text = await answer.text()
            is_json = bool(text) and "json" in answer.headers.get("Content-Type", "")
            return answer.status, json.loads(text) if is_json else text

    async def takes(self, signer: StubActor, *activities: dict[str, Any]) -> None:
        """Each is accepted, and acted on."""
        for activity in activities:
            assert await self.post(signer, activity) == 202
        await self.worker.idle()
        # Where jobs run the server has a worker of its own, which may hold some of it.
        await until(self._is_settled, "what arrived is acted on")

    async def _is_settled(self) -> bool:
        item = tables.inbox_item.c
        query = select(item.id).where(item.state == "waiting", item.attempts == 0).limit(1)
        return await self.server.db.read(lambda conn: conn.scalar(query)) is None
