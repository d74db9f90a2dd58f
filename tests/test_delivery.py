"""Sending: each inbox once if all goes well, in order for each actor, past every fault of the other side."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from fedserver.context import Server
from fedserver.federation import deliver, lane, sync
from fedserver.federation.deliver import DeliveryLanes
from storage import accounts, deliveries, instances
from storage.types import new_id
from tests import sender
from tests.quick_server import Forked
from tests.receivers import Receiver, receivers

SECONDS = 30


@pytest.fixture
def server_settings() -> dict[str, str]:
    return {"testing__time_scale": "1000"}


@asynccontextmanager
async def others(server: Server, count: int) -> AsyncIterator[list[Receiver]]:
    public = server.keys.instance_rsa().public_key
    async with receivers(count, {public.key_id: public}) as made:
        yield made


@asynccontextmanager
async def sending(server: Server) -> AsyncIterator[DeliveryLanes]:
    lanes = DeliveryLanes(server)
    await lanes.start()
    try:
        yield lanes
    finally:
        await lanes.stop()


async def send(
    server: Server, to: list[Receiver], *, topic: str = "", path: str = "/inbox", **more: Any
) -> str:
    """Plan one activity of the instance actor for these; its id."""
    uri = server.uris.activity(new_id())
    await server.db.write(
        deliveries.plan,
        account_id=server.keys.instance_account_id,
        uri=uri,
        topic=topic or uri,
        body=json.dumps({"id": uri, "type": "Create"}).encode(),
        recipients=[deliveries.Recipient(one.host, one.origin + path) for one in to],
        **more,
    )
    return uri


async def until(condition: Any) -> None:
    """Wait for what must happen sooner or later."""
    async with asyncio.timeout(SECONDS):
        while True:
            result = condition()
            if asyncio.iscoroutine(result):
                result = await result
            if result:
                return
            await asyncio.sleep(0.01)


async def status(server: Server) -> dict[str, Any]:
    return await server.db.read(deliveries.queue_status)


async def nothing_waits(server: Server) -> None:
    async def empty() -> bool:
        return (await status(server))["waiting"] == 0

    await until(empty)


def ids(receiver: Receiver) -> list[str]:
    return [activity["id"] for activity in receiver.got]


def answering(*statuses: int, headers: dict[str, str] | None = None) -> Any:
    """Give these answers in turn, and 202 after the last."""
    left = list(statuses)

    def answer(request: web.Request, activity: dict[str, Any]) -> web.Response:
        return web.Response(status=left.pop(0) if left else 202, headers=headers)

    return answer


async def test_every_inbox_gets_it_once_signed_and_nothing_is_left(server: Server) -> None:
    async with others(server, 20) as there, sending(server) as lanes:
        uri = await send(server, there)
        await nothing_waits(server)
        await lanes.idle()
        assert [ids(one) for one in there] == [[uri]] * 20
        assert {scheme for one in there for scheme in one.schemes} == {"cavage"}
        assert await server.db.write(deliveries.prune) == 0


async def test_what_was_planned_before_the_start_is_sent(server: Server) -> None:
    async with others(server, 3) as there:
        uri = await send(server, there)
        async with sending(server):
            await nothing_waits(server)
        assert [ids(one) for one in there] == [[uri]] * 3


async def test_an_actor_is_heard_in_order(server: Server) -> None:
    async with others(server, 1) as there, sending(server):
        planned = [await send(server, there) for _ in range(70)]
        await nothing_waits(server)
        assert ids(there[0]) == planned


async def test_a_hanging_host_slows_no_other(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    # More of them than hosts are sent to at once, so a place that is never given back would show.
    hanging_count = server.config.delivery_hosts_max + 6

    async def hang(request: web.Request, activity: dict[str, Any]) -> web.Response:
        await asyncio.sleep(3600)
        return web.Response()

    async with others(server, hanging_count + 5) as there:
        hanging, well = there[:hanging_count], there[hanging_count:]
        for one in hanging:
            one.answer = hang
        lanes = DeliveryLanes(server)
        await lanes.start()
        await send(server, hanging)
        uri = await send(server, well)
        await until(lambda: all(ids(one) == [uri] for one in well))
        assert (await status(server))["waiting"] >= hanging_count
        monkeypatch.setattr(deliver, "STOP_SECONDS", 0.1)
        await lanes.stop()
        assert (await status(server))["running"] == 0


async def test_a_failed_message_holds_back_those_about_the_same_and_no_others(server: Server) -> None:
    async with others(server, 1) as there:
        there[0].answer = answering(503, 503)
        first = await send(server, there, topic="post")
        update = await send(server, there, topic="post")
        other = await send(server, there, topic="other")
        async with sending(server):
            await nothing_waits(server)
        assert ids(there[0]) == [other, first, update]


async def test_a_host_that_cannot_be_reached_gets_everything_in_order_once_it_is_back(server: Server) -> None:
    async with others(server, 2) as there:
        away, well = there

        async def broken(request: web.Request, activity: dict[str, Any]) -> web.Response:
            assert request.transport is not None
            request.transport.close()
            return web.Response(status=503)

        away.answer = broken
        async with sending(server):
            planned = [await send(server, there, topic="post") for _ in range(3)]

            async def seen_failing() -> bool:
                row = await server.db.read(instances.by_host, away.host)
                return row is not None and row.failures >= 1

            await until(seen_failing)
            assert ids(away) == []
            await until(lambda: ids(well) == planned)
            away.answer = None
            await nothing_waits(server)
            assert ids(away) == planned
            row = await server.db.read(instances.by_host, away.host)
            assert row is not None
            assert (row.failures, row.retry_at, row.failing_since_at) == (0, None, None)


async def test_a_reader_of_rfc_9421_alone_is_knocked_at_twice_and_remembered(server: Server) -> None:
    async with others(server, 1) as there:
        receiver = there[0]

        def only_rfc9421(request: web.Request, activity: dict[str, Any]) -> web.Response:
            return web.Response(status=202 if "Signature-Input" in request.headers else 401)

        receiver.answer = only_rfc9421
        async with sending(server):
            await send(server, there)
            await nothing_waits(server)
            await send(server, there)
            await nothing_waits(server)
        assert receiver.schemes == ["cavage", "rfc9421", "rfc9421"]
        assert len(receiver.got) == 2


@pytest.mark.parametrize("refusal", [400, 403, 404, 422, 401])
async def test_a_refusal_is_tried_three_times_then_listed_for_admins(server: Server, refusal: int) -> None:
    async with others(server, 1) as there:
        there[0].answer = answering(*[refusal] * 6)
        async with sending(server):
            uri = await send(server, there)
            await until(lambda: _failed(server))
            [row] = await server.db.read(deliveries.failed_listed)
            assert (row.uri, row.attempts, row.last_error[:3]) == (uri, 3, str(refusal))
            assert await server.db.write(deliveries.retry, host=there[0].host) == 1
            await nothing_waits(server)
        assert ids(there[0]) == [uri]


async def _failed(server: Server) -> bool:
    return bool((await status(server))["failed"])


async def test_a_given_up_delivery_can_be_dropped(server: Server) -> None:
    async with others(server, 1) as there:
        there[0].answer = answering(*[404] * 6)
        async with sending(server):
            await send(server, there)
            await until(lambda: _failed(server))
        assert await server.db.write(deliveries.drop) == 1
        assert (await status(server))["failed"] == 0
        assert await server.db.write(deliveries.prune) == 0


async def test_gone_ends_it_and_nothing_more_goes_to_that_inbox(server: Server) -> None:
    async with others(server, 1) as there:
        receiver = there[0]
        receiver.answer = answering(410, 410)
        inbox = f"{receiver.origin}/users/eve/inbox"
        account_id = await server.db.write(
            accounts.upsert_remote,
            accounts.RemoteAccount(
                uri=f"{receiver.origin}/users/eve", url="", username="eve", domain=receiver.host, host=receiver.host,
                actor_type="Person", inbox_uri=inbox,
            ),
        )  # fmt: skip
        async with sending(server):
            await send(server, there, path="/users/eve/inbox")
            await nothing_waits(server)
        assert receiver.schemes == ["cavage"]
        assert (await status(server))["failed"] == 0
        row = await server.db.read(accounts.by_id, account_id)
        assert row is not None
        assert row.gone_since_at is not None


async def test_too_many_requests_and_its_retry_after_are_obeyed(server: Server) -> None:
    async with others(server, 1) as there:
        there[0].answer = answering(429, headers={"Retry-After": "600"})
        async with sending(server):
            planned = [await send(server, there, topic=topic) for topic in ("one", "two")]
            await nothing_waits(server)
        # The whole host rests, so the second one cannot have overtaken the first.
        assert ids(there[0]) == planned


def test_back_off_grows_with_the_fourth_power_up_to_a_day() -> None:
    day = 24 * 3_600_000
    for attempts in range(1, 17):
        least = (attempts**4 + 15) * 1000
        for _ in range(20):
            wait = lane.backoff_ms(attempts)
            assert min(least, day) <= wait <= min(least * 1.2, day)
    assert len({lane.backoff_ms(5) for _ in range(20)}) > 1


def test_retry_after_is_read_as_seconds_or_as_a_date() -> None:
    assert lane.retry_after_ms("120", 0) == 120_000
    assert lane.retry_after_ms("Thu, 01 Jan 1970 00:01:00 GMT", 20_000) == 40_000
    assert lane.retry_after_ms("Thu, 01 Jan 1970 00:00:00 GMT", 20_000) == 0
    assert lane.retry_after_ms("99999999", 0) == 24 * 3_600_000
    assert lane.retry_after_ms("soon", 0) is None
    assert lane.retry_after_ms("²", 0) is None


async def test_two_processes_never_send_to_one_host_at_once(server: Server) -> None:
    together, most = 0, 0

    async def slowly(request: web.Request, activity: dict[str, Any]) -> web.Response:
        nonlocal together, most
        together += 1
        most = max(most, together)
        await asyncio.sleep(0.005)
        together -= 1
        return web.Response(status=202)

    async with others(server, 1) as there, sending(server), sending(server):
        there[0].answer = slowly
        planned = [await send(server, there) for _ in range(30)]
        await nothing_waits(server)
        assert ids(there[0]) == planned
        assert most == 1


async def test_the_digest_of_followers_is_that_of_the_specification() -> None:
    # FEP-8fcf, "Examples".
    followers = ["https://testing.example.org/users/1", "https://testing.example.org/users/2"]
    expected = "c33f48cd341ef046a206b8a72ec97af65079f9a3a9b90eef79c5920dce45c61f"
    assert sync.digest_of(followers) == expected
    assert sync.digest_of(reversed(followers)) == expected
    assert sync.digest_of([]) == "0" * 64


async def test_posts_to_followers_say_which_followers_the_receiver_has(server: Server) -> None:
    async with others(server, 1) as there, sending(server):
        await send(server, there, synchronises_followers=True)
        await nothing_waits(server)
        said = there[0].headers[0]
        assert f'digest="{"0" * 64}"' in said["Collection-Synchronization"]
        assert "collection-synchronization" in said["Signature"].partition("headers=")[2]


# --- killed


@pytest.fixture
def victim() -> Iterator[list[Forked]]:
    running: list[Forked] = []
    yield running
    for process in running:
        if process.poll() is None:
            process.kill()
            process.wait()


async def test_a_process_killed_at_any_moment_loses_nothing(
    server: Server, victim: list[Forked], tmp_path: Path
) -> None:
    kills = int(os.environ.get("FEDSERVER_TEST_KILLS", "3"))
    environ = {
        **os.environ,
        **{f"FEDSERVER_{name.upper()}": str(getattr(server.config, name)) for name in ("domain", "url", "data", "database")},
        "FEDSERVER_TESTING__ENABLED": "1",
        "FEDSERVER_TESTING__ALLOW_HTTP": "1",
        "FEDSERVER_TESTING__ALLOW_NETS": "127.0.0.0/8",
    }  # fmt: skip
    async with others(server, 30) as there:
        uri = server.uris.activity(new_id())
        inboxes = [(one, f"{one.origin}/users/{number}/inbox") for one in there for number in range(3)]
        arrived: set[str] = set()
        bodies: set[bytes] = set()

        def note(receiver: Receiver) -> Any:
            async def answer(request: web.Request, activity: dict[str, Any]) -> web.Response:
                await asyncio.sleep(0.005)
                arrived.add(receiver.origin + request.path)
                bodies.add(await request.read())
                return web.Response(status=202)

            return answer

        for one in there:
            one.answer = note(one)
        await server.db.write(
            deliveries.plan,
            account_id=server.keys.instance_account_id,
            uri=uri,
            topic=uri,
            body=json.dumps({"id": uri}).encode(),
            recipients=[deliveries.Recipient(one.host, inbox) for one, inbox in inboxes],
        )
        for kill in range(kills):
            process = Forked(sender.main, environ, tmp_path / "sender.log")
            victim.append(process)
            goal = len(inboxes) * (kill + 1) // (kills + 2)
            await until(lambda goal=goal: len(arrived) >= goal)
            process.kill()
            await asyncio.to_thread(process.wait)
        async with sending(server):
            await nothing_waits(server)
        assert arrived == {inbox for _, inbox in inboxes}
        assert bodies == {json.dumps({"id": uri}).encode()}
