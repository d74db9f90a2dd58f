"""What is fetched because somebody here reads: the rest of a thread, once in a while, behind the reader's back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from fedserver import reading
from fedserver.context import Server
from fedserver.federation import fetch
from storage import jobs, posts
from tests.federation.stub import Stub
from tests.members import Person


async def by_api(server: Server, reader: Person, post_id: int) -> Any:
    return await reader.get(f"/api/v1/statuses/{post_id}/context")


async def by_page(server: Server, reader: Person, post_id: int) -> Any:
    return await reading.thread(server, reader.member, post_id)


async def nothing_waits(server: Server) -> None:
    """Wait until everything planned is done."""
    async with asyncio.timeout(20):
        while True:
            status = await server.db.read(jobs.queue_status)
            if not status["waiting"] and not status["running"]:
                return
            await asyncio.sleep(0.02)


@pytest.mark.jobs
@pytest.mark.parametrize("opens", [by_api, by_page])
async def test_a_thread_that_a_member_opens_is_completed_once(
    server: Server,
    there: Stub,
    alice: Person,
    nobody: Person,
    opens: Callable[[Server, Person, int], Awaitable[Any]],
) -> None:
    ann = there.actor("ann")
    root = ann.note("Root", served=True, replies=f"{there.origin}/replies")
    answer = ann.note("Answer", served=True, inReplyTo=root["id"])
    there.documents["/replies"] = {"type": "Collection", "id": root["replies"], "items": [answer["id"]]}
    post_id = await fetch.post(server, root["id"])
    assert post_id is not None
    await by_api(server, nobody, post_id)
    await nothing_waits(server)
    assert "/replies" not in there.asked
    for _ in range(2):
        await opens(server, alice, post_id)
        await nothing_waits(server)
    found = await server.db.read(posts.by_uri, answer["id"])
    assert found is not None
    assert found.in_reply_to_id == post_id
    assert there.asked.count("/replies") == 1
