"""Somebody on a third server, who signs what they fetch and has nothing to do with anybody."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from aiohttp import web

from activitypub.signatures import PrivateKey, sign_request
from tests.federation.hosts import listening

ACTIVITY_JSON = "application/activity+json"


class Outsider:
    """An actor whom every server can look up and whose signatures are good."""

    def __init__(self) -> None:
        self.uri = ""
        self._key: PrivateKey | None = None
        self._http = httpx.Client(timeout=30, trust_env=False)

    def settle(self, port: int) -> None:
        self.uri = f"http://127.0.0.1:{port}/users/eve"
        self._key = PrivateKey.generate_rsa(key_id=f"{self.uri}#main-key", owner_uri=self.uri)

    async def answer(self, request: web.Request) -> web.Response:
        if request.path != "/users/eve" or self._key is None:
            return web.Response(status=404)
        actor = {
            "@context": ["https://www.w3.org/ns/activitystreams", "https://w3id.org/security/v1"],
            "id": self.uri,
            "type": "Person",
            "preferredUsername": "eve",
            "inbox": f"{self.uri}/inbox",
            "outbox": f"{self.uri}/outbox",
            "followers": f"{self.uri}/followers",
            "publicKey": {
                "id": f"{self.uri}#main-key",
                "owner": self.uri,
                "publicKeyPem": self._key.public_key.to_pem(),
            },
        }
        return web.json_response(actor, content_type=ACTIVITY_JSON)

    def get(self, url: str) -> httpx.Response:
        """A signed fetch of an ActivityPub document."""
        assert self._key is not None
        headers = sign_request("cavage", "GET", url, None, self._key, time.time())
        return self._http.get(url, headers={**headers, "accept": ACTIVITY_JSON})


@contextmanager
def outsider() -> Iterator[Outsider]:
    """An Outsider, as long as their server listens."""
    somebody = Outsider()
    with listening(somebody.answer) as port:
        somebody.settle(port)
        yield somebody
