"""Killed at any moment while a post goes out, the server forgets nobody: each inbox gets it, under one id."""

from __future__ import annotations

import asyncio
import json
import os
import random
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from aiohttp import web
from sqlalchemy import Connection, insert

from storage import accounts, tables
from storage.database import open_database
from storage.types import new_id
from tests.client import Api
from tests.federation.hosts import listening, static_hosts
from tests.running import RunningServer
from tests.waiting import eventually

KILLS = int(os.environ.get("FEDSERVER_TEST_KILLS", "5"))
HOSTS = [f"h{number}.kill.example" for number in range(100)]
FOLLOWERS_PER_HOST = 3
ANSWER_SECONDS = (0.02, 0.4)

StartServer = Callable[..., RunningServer]


@dataclass
class Elsewhere:
    """A hundred other servers. `got` has, by post and inbox, the ids of the Create activities that arrived."""

    got: dict[str, dict[str, list[str]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(list))
    )

    async def answer(self, request: web.Request) -> web.Response:
        if request.method != "POST":
            return web.Response(status=404)
        activity = json.loads(await request.read())
        # It counts as arrived before it is answered: whoever is killed in between has to send again.
        if activity["type"] == "Create":
            inbox = f"http://{request.host}{request.path}"
            self.got[activity["object"]["id"]][inbox].append(activity["id"])
        await asyncio.sleep(random.uniform(*ANSWER_SECONDS))
        return web.Response(status=202)


@pytest.fixture
def elsewhere() -> Iterator[tuple[Elsewhere, int]]:
    receiver = Elsewhere()
    with listening(receiver.answer) as port:
        yield receiver, port


def _add_followers(conn: Connection, member_id: int) -> set[str]:
    """Followers on every host, half of the hosts with a shared inbox; the inboxes a post has to reach."""
    inboxes = set()
    for number, host in enumerate(HOSTS):
        for follower in range(FOLLOWERS_PER_HOST):
            uri = f"http://{host}/users/f{follower}"
            shared = f"http://{host}/inbox" if number % 2 else ""
            account_id = accounts.upsert_remote(
                conn,
                accounts.RemoteAccount(
                    uri=uri, url=uri, username=f"f{follower}", domain=host, host=host, actor_type="Person",
                    inbox_uri=f"{uri}/inbox", shared_inbox_uri=shared, followers_uri=f"{uri}/followers",
                ),
            )  # fmt: skip
            follow = {
                "id": new_id(),
                "uri": f"{uri}#follow",
                "account_id": account_id,
                "target_id": member_id,
            }
            conn.execute(insert(tables.follow).values(**follow, accepted=True))
            inboxes.add(shared or f"{uri}/inbox")
    return inboxes


def _fill(server: RunningServer, member_id: int) -> set[str]:
    async def fill() -> set[str]:
        db = await open_database(server.environment["FEDSERVER_DATABASE"])
        try:
            return await db.write(_add_followers, member_id)
        finally:
            await db.close()

    return asyncio.run(fill())


def _post(member: Api, number: int) -> dict[str, Any]:
    """The status with this number: the same one, however often it is asked for."""
    status: dict[str, Any] = member.post(
        "/api/v1/statuses", {"status": f"Post {number}"}, headers={"idempotency-key": f"kill-{number}"}
    )
    return status


def _post_unless_killed(member: Api, number: int) -> None:
    try:
        _post(member, number)
    except httpx.TransportError:
        return  # it was killed before it could answer; the member asks again


@pytest.mark.long
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_each_inbox_gets_the_post_however_often_the_server_is_killed(
    start_server: StartServer, elsewhere: tuple[Elsewhere, int], kind: str
) -> None:
    receiver, port = elsewhere
    server = start_server(kind, TESTING__HOSTS=static_hosts(HOSTS, port))
    member = server.member("famous")
    inboxes = _fill(server, int(member.me["id"]))

    def arrived(uri: str) -> bool:
        return receiver.got[uri].keys() >= inboxes

    def lacking(uri: str) -> str:
        missing = sorted(inboxes - receiver.got[uri].keys())
        return f"{len(missing)} inboxes lack it, such as {missing[:3]}; {server.log_end(1500)}"

    began = time.monotonic()
    uri = _post(member, 0)["uri"]
    eventually(lambda: arrived(uri), "that an undisturbed post arrives", lambda: lacking(uri))
    whole = time.monotonic() - began

    uris = [uri]
    for number in range(1, KILLS + 1):
        posting = threading.Thread(target=_post_unless_killed, args=(member, number))
        posting.start()
        time.sleep(random.uniform(0, whole))
        server.kill()
        posting.join()
        server.start()
        uri = _post(member, number)["uri"]
        uris.append(uri)
        eventually(lambda uri=uri: arrived(uri), f"that post {number} arrives", lambda uri=uri: lacking(uri))

    written = {
        status["uri"] for status in member.get(f"/api/v1/accounts/{member.me['id']}/statuses", limit=40)
    }
    assert written == set(uris), "each was written once"
    assert set(receiver.got) == set(uris)
    for uri in uris:
        ids = {one for several in receiver.got[uri].values() for one in several}
        assert len(ids) == 1, "the same activity everywhere, however often it was sent"
