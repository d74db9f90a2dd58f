"""Answers kept for strangers: the same bytes until something shown changes, and never what is gone or hidden."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import update

from fedserver.context import Server
from storage import instances, tables
from storage.changes import shows
from storage.types import now_ms
from tests.counting import fewest_statements
from tests.members import Person

PUBLIC = "/api/v1/timelines/public"


async def seen(nobody: Person, path: str) -> tuple[int, str, str]:
    async with await nobody.raw("GET", path) as answer:
        return answer.status, await answer.text(), answer.headers.get("ETag", "")


async def suspend(server: Server, alice: Person) -> None:
    def unit(conn: Any) -> None:
        chosen = tables.account.c.id == alice.account_id
        conn.execute(update(tables.account).where(chosen).values(suspended_at=now_ms()))

    await server.db.write(unit)


@pytest.mark.parametrize("page", [PUBLIC, "/@alice", "/", "status", "statuses"])
async def test_a_stranger_sees_every_change_at_once(
    server: Server, alice: Person, bob: Person, nobody: Person, page: str
) -> None:
    post = await alice.post("/api/v1/statuses", {"status": "the first words"})
    path = {"status": f"/@alice/{post['id']}", "statuses": f"/api/v1/accounts/{alice.id}/statuses"}.get(
        page, page
    )
    status = f"/api/v1/statuses/{post['id']}"

    assert "the first words" in (await seen(nobody, path))[1]
    assert await fewest_statements(server, lambda: seen(nobody, path)) == 0
    assert (await seen(nobody, path))[0] == 200

    steps: list[tuple[Callable[[], Awaitable[Any]], Callable[[int, str], bool]]] = [
        (lambda: alice.put(status, {"status": "other words"}), lambda _, text: "other words" in text),
        (
            lambda: alice.patch("/api/v1/accounts/update_credentials", {"display_name": "Alice Renamed"}),
            lambda _, text: "Alice Renamed" in text,
        ),
        (lambda: bob.post(f"{status}/favourite"), lambda _, text: '"favourites_count":0' not in text),
        (lambda: suspend(server, alice), lambda _, text: "other words" not in text),
    ]
    for change, shown in steps:
        await seen(nobody, path)
        await change()
        code, text, _ = await seen(nobody, path)
        assert shown(code, text), text


async def test_what_is_deleted_or_new_shows_at_once(alice: Person, nobody: Person) -> None:
    gone = await alice.post("/api/v1/statuses", {"status": "soon gone"})
    for path in (PUBLIC, "/@alice", f"/@alice/{gone['id']}"):
        assert "soon gone" in (await seen(nobody, path))[1]
    await alice.post("/api/v1/statuses", {"status": "quite new"})
    for path in (PUBLIC, "/@alice"):
        assert "quite new" in (await seen(nobody, path))[1]
    await alice.delete(f"/api/v1/statuses/{gone['id']}")
    for path in (PUBLIC, "/@alice", f"/@alice/{gone['id']}"):
        assert "soon gone" not in (await seen(nobody, path))[1]


async def test_members_get_their_own_and_leave_nothing_behind(
    alice: Person, bob: Person, nobody: Person
) -> None:
    await alice.post("/api/v1/statuses", {"status": "for followers", "visibility": "private"})
    post = await alice.post("/api/v1/statuses", {"status": "for all"})
    path = f"/api/v1/accounts/{alice.id}/statuses"
    async with await alice.raw("GET", path) as own:
        assert "for followers" in await own.text()
        assert "no-store" in own.headers["Cache-Control"]
    assert "for followers" not in (await seen(nobody, path))[1]
    await bob.post(f"/api/v1/statuses/{post['id']}/favourite")
    stranger = (await seen(nobody, PUBLIC))[1]
    assert "favourited" not in stranger
    assert [one["favourited"] for one in await bob.get(PUBLIC)] == [True]


async def test_bytes_that_a_visitor_has_are_not_sent_again(alice: Person, nobody: Person) -> None:
    await alice.post("/api/v1/statuses", {"status": "once"})
    _, _, tag = await seen(nobody, "/@alice")
    async with await nobody.raw("GET", "/@alice", headers={"If-None-Match": tag}) as same:
        assert same.status == 304
    await alice.post("/api/v1/statuses", {"status": "twice"})
    async with await nobody.raw("GET", "/@alice", headers={"If-None-Match": tag}) as other:
        assert other.status == 200


async def test_a_decision_about_another_server_drops_what_is_kept(
    server: Server, alice: Person, nobody: Person
) -> None:
    await alice.post("/api/v1/statuses", {"status": "kept"})
    await seen(nobody, PUBLIC)
    heard: list[str] = []
    server.bus.subscribe("instance", heard.append)

    def decide(conn: Any) -> None:
        instances.set_rules(conn, "bad.example", policy="reject")

    await server.db.write(decide)
    before = server.db.statements
    while not heard:
        await server.db.read(lambda _: None)
    await seen(nobody, PUBLIC)
    assert server.db.statements > before


def test_bookkeeping_is_told_from_what_shows() -> None:
    for text in (
        "INSERT INTO post (id) VALUES (1)",
        "UPDATE account SET followers_count = 1",
        "WITH one AS (SELECT 1) UPDATE post SET likes_count = 1",
        'DELETE FROM "media" WHERE id = 1',
        "INSERT INTO something_new (id) VALUES (1)",
    ):
        assert shows(text), text
    for text in (
        "INSERT INTO home_entry (post_id) SELECT id FROM post ON CONFLICT DO UPDATE SET post_id = 1",
        "UPDATE delivery SET state = 'sent'",
        "SELECT id FROM post FOR UPDATE SKIP LOCKED",
    ):
        assert not shows(text), text
