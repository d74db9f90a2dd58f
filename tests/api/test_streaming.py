"""Streams: what reaches whom at once, what never does, and what ends a connection."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from sqlalchemy import update

from fedserver import announcements, oauth, settings
from fedserver.announcements import Draft
from fedserver.context import Server
from fedserver.remembered import digest
from fedserver.streams import heard
from fedserver.streams.events import Event
from fedserver.streams.hub import Hub
from fedserver.streams.names import Stream
from storage import oauth as tokens
from storage import tables, users
from storage.database import open_database
from storage.types import now_ms
from tests.api.streams import Ear
from tests.counting import fewest_statements
from tests.members import Person
from tests.running import RunningServer
from web.api import connections
from web.api.streaming import HUB

STREAMING = "/api/v1/streaming"


async def follow(who: Person, whom: Person) -> None:
    await who.post(f"/api/v1/accounts/{whom.id}/follow")


async def post(author: Person, text: str, **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = await author.post("/api/v1/statuses", {"status": text, **more})
    return made


async def narrow(server: Server, person: Person, scopes: str) -> Person:
    """The same member with another token."""
    issued = await server.db.write(oauth.issue, person.account_id, scopes)
    return Person(person.client, person.username, person.account_id, issued.access_token)


def hub_of(person: Person) -> Hub:
    """Where the server this person talks to keeps its listeners."""
    app: Any = person.client.app
    hub: Hub = app[HUB]
    return hub


# -- how a socket is opened


async def test_a_token_is_taken_in_three_places_and_a_protocol_is_echoed(alice: Person) -> None:
    """Complaint 8: browsers can set no header, and drop a connection whose subprotocol is not echoed."""
    query, header = {"access_token": alice.token}, {"authorization": f"Bearer {alice.token}"}
    for params, headers, protocols in (
        ({}, header, ()),
        (query, {}, ()),
        ({}, {}, (alice.token,)),
        (query, {}, ("anything",)),
    ):
        async with alice.client.ws_connect(
            STREAMING, params={"stream": "user", **params}, headers=headers, protocols=protocols
        ) as ws:
            assert ws.protocol == (protocols[0] if protocols else None)
            made = await post(alice, "heard")
            message = await ws.receive_json(timeout=20)
            assert (message["stream"], message["event"]) == (["user"], "update")
            assert f'"id":"{made["id"]}"' in message["payload"]


async def test_who_may_not_listen_is_told_so(
    server: Server, alice: Person, bob: Person, nobody: Person
) -> None:
    for query in ({"access_token": "wrong", "stream": "public"}, {"stream": "user"}):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await nobody.client.ws_connect(STREAMING, params=query)
        assert refused.value.status == 401
    bobs = await bob.post("/api/v1/lists", {"title": "Bob's"})
    async with Ear(alice) as ear:
        for said, status in (
            ({"type": "subscribe", "stream": "nothing"}, 400),
            ({"type": "subscribe", "stream": "hashtag"}, 400),
            ({"type": "subscribe", "stream": "list", "list": "x"}, 400),
            ({"type": "subscribe", "stream": "list", "list": bobs["id"]}, 404),
            ({"type": "shout"}, 400),
        ):
            await ear.ws.send_json(said)
            assert (await ear.error())[1] == status, said
        await ear.ws.send_str("no JSON")
        assert (await ear.error())[1] == 400
    for scopes, stream, refusal in (
        ("read:accounts", "public", 401),
        ("read:accounts", "user", 401),
        ("read:statuses", "user:notification", 401),
        ("read:notifications", "user", 401),
        ("read:statuses", "user", None),
        ("read:lists", "list", 404),
    ):
        async with Ear(await narrow(server, alice, scopes), stream=stream, list=bobs["id"]) as ear:
            if refusal is not None:
                assert (await ear.error())[1] == refusal, (scopes, stream)
        path = f"{STREAMING}/{stream.replace(':', '/')}"
        if refusal is not None:
            answer = await (await narrow(server, alice, scopes)).raw("GET", path, params={"list": bobs["id"]})
            assert answer.status == refusal
    assert (await nobody.raw("GET", f"{STREAMING}/user")).status == 401
    assert await (await nobody.raw("GET", f"{STREAMING}/health")).text() == "OK"


# -- what is told to whom


async def test_a_member_hears_what_happens_around_them(alice: Person, bob: Person, nobody: Person) -> None:
    await follow(bob, alice)
    bobs_list = await bob.post("/api/v1/lists", {"title": "Trainers"})
    await bob.post(f"/api/v1/lists/{bobs_list['id']}/accounts", {"account_ids": [alice.id]})
    of_list = f"list={bobs_list['id']}"
    async with Ear(bob, "user") as ear, Ear(bob, "user:notification") as bell, Ear(bob, of_list) as listed:
        made = await post(alice, "Hello @bob")
        seen = [await ear._next(), await ear._next()]
        assert {one["event"] for one in seen} == {"update", "notification"}
        stream, notified = await bell.next("notification")
        assert (stream, notified["type"], notified["status"]["id"]) == (
            ["user:notification"],
            "mention",
            made["id"],
        )
        stream, status = await listed.next("update")
        assert (stream, status["id"]) == (["list", bobs_list["id"]], made["id"])
        assert status == await bob.get(f"/api/v1/statuses/{made['id']}")

        await alice.put(f"/api/v1/statuses/{made['id']}", {"status": "Hello again @bob"})
        assert "again" in (await ear.next("status.update"))[1]["content"]
        assert "again" in (await listed.next("status.update"))[1]["content"]
        await alice.delete(f"/api/v1/statuses/{made['id']}")
        message = await ear._next()
        assert (message["event"], message["payload"]) == ("delete", made["id"])
        assert str((await listed.next("delete"))[1]) == made["id"]

        await bob.post("/api/v2/filters", {"title": "f", "context": ["home"], "filter_action": "hide"})
        assert await ear.next("filters_changed") == (["user"], None)

        await ear.subscribe("user", "unsubscribe")
        await post(alice, "not heard")
        await listed.next("update")
        await ear.subscribe("public")
        last = await post(alice, "heard elsewhere")
        assert (await ear.next("update"))[1]["id"] == last["id"]


@pytest.mark.jobs
async def test_members_hear_of_announcements_conversations_and_what_was_held_back(
    server: Server, alice: Person, bob: Person
) -> None:
    async with Ear(alice, "user", "direct") as ear:
        announced_id = await server.db.write(announcements.add, server, Draft("Closed on **Monday**"))
        announced = (await ear.next("announcement"))[1]
        assert (announced["id"], "read" in announced) == (str(announced_id), False)
        path = f"/api/v1/announcements/{announced_id}"
        await bob.put(f"{path}/reactions/👍")
        reaction = (await ear.next("announcement.reaction"))[1]
        assert reaction == {"name": "👍", "count": 1, "announcement_id": str(announced_id)}
        await server.db.write(announcements.remove, announced_id)
        assert str((await ear.next("announcement.delete"))[1]) == str(announced_id)

        await alice.put("/api/v2/notifications/policy", {"for_private_mentions": "filter"})
        made = await post(bob, "@alice in private", visibility="direct")
        asking = (await alice.get("/api/v1/notifications/requests"))[0]
        await alice.post(f"/api/v1/notifications/requests/{asking['id']}/accept")
        heard = {tuple(one["stream"]): one for one in [await ear._next() for _ in range(2)]}
        assert heard["user",]["event"] == "notifications_merged"
        assert "payload" not in heard["user",]
        conversation = heard["direct",]
        assert conversation["event"] == "conversation"
        assert json.loads(conversation["payload"]) == (await alice.get("/api/v1/conversations"))[0]
        assert made["id"] in conversation["payload"]


async def test_public_streams_are_open_and_sorted(
    server: Server, alice: Person, bob: Person, nobody: Person
) -> None:
    streams = (
        "public",
        "public:local",
        "hashtag=Training",
        "hashtag:local=training",
        "public:remote",
        "public:media",
    )
    async with Ear(nobody, *streams) as ear:
        made = await post(alice, "Plain")
        heard = [await ear.next("update") for _ in range(2)]
        assert sorted(stream for stream, _ in heard) == [["public"], ["public:local"]]
        assert heard[0][1] == await nobody.get(f"/api/v1/statuses/{made['id']}")
        answer = await post(bob, "An answer #training", in_reply_to_id=made["id"])
        heard = [await ear.next("update") for _ in range(2)]
        assert sorted(stream for stream, _ in heard) == [
            ["hashtag", "Training"],
            ["hashtag:local", "training"],
        ]
        await bob.post(f"/api/v1/statuses/{made['id']}/reblog")
        await bob.delete(f"/api/v1/statuses/{answer['id']}")
        assert [str((await ear.next("delete"))[1]) for _ in range(2)] == [answer["id"]] * 2


@pytest.mark.parametrize("visibility", ["private", "direct"])
async def test_nobody_else_hears_of_a_private_post(
    alice: Person, bob: Person, member: Callable[..., Any], nobody: Person, visibility: str
) -> None:
    """PRV-02: not the post, not its edit, not even that one of this id is gone."""
    carol = await member("carol")
    await follow(bob, alice)
    everything = ("user", "public", "public:local", "hashtag=secret", "direct")
    async with AsyncExitStack() as stack:
        bobs = await stack.enter_async_context(Ear(bob, "user"))
        others = [
            await stack.enter_async_context(Ear(carol, *everything)),
            await stack.enter_async_context(Ear(nobody, "public", "public:local", "hashtag=secret")),
        ]
        made = await post(alice, "For @bob alone #secret", visibility=visibility)
        assert {(await bobs._next())["event"] for _ in range(2)} == {"update", "notification"}
        await alice.put(f"/api/v1/statuses/{made['id']}", {"status": "Still @bob alone #secret"})
        await bobs.next("status.update")
        await alice.delete(f"/api/v1/statuses/{made['id']}")
        assert str((await bobs.next("delete"))[1]) == made["id"]
        last = await post(alice, "For all")
        for ear in others:
            assert (await ear.next("update"))[1]["id"] == last["id"]


async def test_listeners_hear_what_their_timelines_would_show(
    server: Server, alice: Person, bob: Person, member: Callable[..., Any]
) -> None:
    """Blocks both ways, mutes and filters, each listener for themselves, in as many statements for ten as for two."""
    people = [await member(name) for name in ("blocks", "blocked", "mutes", "hides", "warned", "plain")]
    blocks, blocked, mutes, hides, warned, _ = people
    await blocks.post(f"/api/v1/accounts/{alice.id}/block")
    await alice.post(f"/api/v1/accounts/{blocked.id}/block")
    await mutes.post(f"/api/v1/accounts/{alice.id}/mute")
    for person, action in ((hides, "hide"), (warned, "warn")):
        keywords = [{"keyword": "spoiler", "whole_word": True}]
        wanted = {
            "title": action,
            "context": ["public"],
            "filter_action": action,
            "keywords_attributes": keywords,
        }
        await person.post("/api/v2/filters", wanted)
    async with AsyncExitStack() as stack:
        ears = {one.username: await stack.enter_async_context(Ear(one, "public")) for one in people}
        first = await post(alice, "A spoiler")
        assert [await ears[name].next("update") for name in ("warned", "plain")]
        last = await post(bob, "For all")
        for name, ear in ears.items():
            status = (await ear.next("update"))[1]
            assert status["id"] == last["id"], (name, first["id"])
        await warned.post(f"/api/v1/statuses/{first['id']}/favourite")
        await alice.put(f"/api/v1/statuses/{first['id']}", {"status": "The spoiler, still"})
        status = (await ears["warned"].next("status.update"))[1]
        assert status == await warned.get(f"/api/v1/statuses/{first['id']}")
        assert status["favourited"]
        assert status["filtered"][0]["keyword_matches"] == ["spoiler"]
        status = (await ears["plain"].next("status.update"))[1]
        assert (status["favourited"], status["filtered"]) == (False, [])

        crowded = await statements_for(server, hub_of(alice), last["id"])
        for name in ("blocks", "blocked", "mutes", "hides"):
            await ears[name].ws.close()
        assert await statements_for(server, hub_of(alice), last["id"]) == crowded


async def test_a_post_nobody_listens_to_costs_one_look(server: Server, alice: Person) -> None:
    made = await post(alice, "With sockets")
    async with Ear(alice, "user:notification", "direct"):
        assert await statements_for(server, hub_of(alice), made["id"]) == 0
    async with Ear(await narrow(server, alice, "read"), "user") as ear:
        assert await statements_for(server, hub_of(alice), made["id"]) > 1
        await ear.subscribe("user", "unsubscribe")
        assert await statements_for(server, hub_of(alice), made["id"]) == 0


async def statements_for(server: Server, hub: Hub, post_id: str) -> int:
    """How many statements are run to find out who is told of a post, and how each sees it."""
    ask = hub.ask([("post", post_id)])
    return await fewest_statements(server, lambda: server.db.read(heard.read, ask))


async def test_server_sent_events_say_the_same(alice: Person, nobody: Person) -> None:
    client = alice.client
    async with (
        client.get(f"{STREAMING}/user", params={"access_token": alice.token}) as own,
        client.get(f"{STREAMING}/hashtag", params={"tag": "sse"}) as tagged,
    ):
        for answer in (own, tagged):
            assert answer.content_type == "text/event-stream"
            assert await answer.content.readline() == b":)\n"
        made = await post(alice, "One line #sse")
        for answer in (own, tagged):
            assert await answer.content.readline() == b"event: update\n"
            line = await answer.content.readline()
            assert line.startswith(b"data: {")
            assert made["id"].encode() in line
            assert await answer.content.readline() == b"\n"
        await alice.post("/api/v2/filters", {"title": "f", "context": ["home"], "filter_action": "warn"})
        assert [await own.content.readline() for _ in range(2)] == [
            b"event: filters_changed\n",
            b"data: undefined\n",
        ]


async def test_a_closed_timeline_is_a_closed_stream(
    server: Server, admin: Person, alice: Person, nobody: Person
) -> None:
    async with Ear(nobody, "public:local") as before:
        await settings.change(server, admin.member, {"local_live_feed_access": "authenticated"})
        await before.closed()
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await nobody.client.ws_connect(STREAMING, params={"stream": "public"})
    assert refused.value.status == 401
    changes, ends = server.bus.queue("setting")
    await settings.change(server, admin.member, {"remote_live_feed_access": "disabled"})
    assert await asyncio.wait_for(changes.get(), 20) == ("setting", "remote_live_feed_access")
    ends()
    async with Ear(nobody) as stranger, Ear(alice, "public") as ear:
        await stranger.ws.send_json({"type": "subscribe", "stream": "public"})
        assert (await stranger.error())[1] == 401
        await ear.ws.send_json({"type": "subscribe", "stream": "public:remote"})
        assert (await ear.error())[1] == 403
        made = await post(alice, "Of this server")
        stream, status = await ear.next("update")
        assert (stream, status["id"]) == (["public"], made["id"])
        await ear.subscribe("public", "unsubscribe")
        assert not hub_of(alice).listeners.open


# -- what ends a connection


@pytest.mark.parametrize("how", ["revoked", "suspended", "outside", "app"])
async def test_a_stream_ends_with_what_opened_it(
    server: Server, alice: Person, bob: Person, how: str
) -> None:
    """OAU-10, MOD-07: at once, however it was opened."""
    account = tables.account

    def disable(conn: Any) -> None:
        users.change(conn, alice.account_id, disabled_at=now_ms())

    def suspend(conn: Any) -> None:
        conn.execute(update(account).where(account.c.id == alice.account_id).values(suspended_at=now_ms()))
        users.change(conn, alice.account_id, locale="en")

    def revoke(conn: Any) -> None:
        tokens.revoke_all(conn, alice.account_id, now_ms())

    person, end = (
        alice,
        {"revoked": revoke, "outside": disable, "suspended": suspend}.get(how),
    )
    stream = "user"
    if how == "app":
        issued = await server.db.write(_app_token)
        person, stream = Person(alice.client, token=issued), "public"
        held = await server.db.read(tokens.holder, digest(issued))
        assert held is not None

        def end(conn: Any) -> None:
            tokens.revoke(conn, held.id, now_ms())

    assert end is not None
    path = f"{STREAMING}/{stream}"
    async with Ear(person, stream) as ear, Ear(bob, "public") as other:
        async with person.client.get(path, params={"access_token": person.token}) as answer:
            assert await answer.content.readline() == b":)\n"
            if how == "outside":  # by a command beside the server
                beside = await open_database(server.config.database_url)
                await beside.write(end)
                await beside.close()
            else:
                await server.db.write(end)
            assert await ear.closed() == aiohttp.WSCloseCode.POLICY_VIOLATION
            assert await answer.content.read() == b""
        made = await post(bob, "Still here")
        assert (await other.next("update"))[1]["id"] == made["id"]
    assert (await person.raw("GET", path)).status in (401, 403)


def _app_token(conn: Any) -> str:
    app = tokens.add_app(
        conn,
        client_id="streams",
        client_secret="s",
        name="App",
        website="",
        redirect_uris=(),
        scopes="read",
    )
    return oauth._issue(conn, app.id, None, "read", now_ms())[1].access_token


async def test_the_server_says_goodbye(server: Server, alice: Person) -> None:
    async with Ear(alice, "user") as ear:
        await hub_of(alice).close()
        assert await ear.closed() == aiohttp.WSCloseCode.GOING_AWAY


async def test_who_does_not_read_is_cut_off_and_nobody_waits(
    server: Server, alice: Person, bob: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "WAITING_MAX", 5)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.config.listen_on.port, limit=1024)
    writer.write(
        f"GET {STREAMING}?stream=public&access_token={alice.token} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
    )
    assert b" 101 " in await reader.readline()
    hub = hub_of(alice)
    large = Event("update", b'"%b"' % (b"x" * 100_000))
    async with Ear(bob, "public") as other:
        listening = 2
        for _ in range(1_000):
            for listener, label in hub.listeners.of(Stream("public", "")):
                listener.put(large, label)
            await other.next("update")
            listening = len(hub.listeners.all())
            if listening == 1:
                break
        assert listening == 1
    writer.close()


# -- several processes


def test_two_processes_on_one_database_tell_the_same(second_server: RunningServer, tmp_path: Path) -> None:
    one = second_server
    url = one.environment["FEDSERVER_DATABASE"]
    other = RunningServer(tmp_path, url, domain=one.domain, origin=one.origin).start()
    try:
        alice, bob = one.member("streams_alice"), one.member("streams_bob")
        bob.post(f"/api/v1/accounts/{alice.me['id']}/follow")
        text = {"status": f"@{bob.username}"}
        asyncio.run(
            _hears_the_other(other.address, str(bob.token), lambda: alice.post("/api/v1/statuses", text))
        )
    finally:
        other.close()


async def _hears_the_other(address: str, token: str, act: Callable[[], Any]) -> None:
    async with aiohttp.ClientSession() as http:
        query = {"stream": "user", "access_token": token}
        async with http.ws_connect(f"{address}{STREAMING}", params=query) as ws:
            made = await asyncio.to_thread(act)
            heard = [await ws.receive_json(timeout=20) for _ in range(2)]
            assert {one["event"] for one in heard} == {"update", "notification"}
            assert all(made["id"] in one["payload"] for one in heard)
