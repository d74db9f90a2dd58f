"""Direct posts as conversations: one for each member, thread and circle of people."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from fedserver import posts
from fedserver.context import Server
from storage import posts as stored
from storage.types import new_id
from tests import people
from tests.members import Person

AT = "/api/v1/conversations"


async def write(person: Person, text: str, **form: Any) -> str:
    status = await person.post("/api/v1/statuses", {"status": text, "visibility": "direct", **form})
    return str(status["id"])


async def seen(person: Person) -> list[tuple[bool, set[str], str]]:
    """(unread, the others, last post) of each conversation."""
    return [
        (one["unread"], {each["username"] for each in one["accounts"]}, one["last_status"]["id"])
        for one in await person.get(AT)
    ]


async def test_a_conversation_is_kept_for_each_who_takes_part(
    server: Server, alice: Person, bob: Person, member: Any
) -> None:
    carol = await member("carol")
    told, end = server.bus.queue(f"conversation:{bob.id}")
    first = await write(alice, "@bob @carol hello")
    assert await seen(alice) == [(False, {"bob", "carol"}, first)]
    assert await seen(bob) == [(True, {"alice", "carol"}, first)]
    answer = await write(bob, "@alice @carol hi", in_reply_to_id=first)
    apart = await write(bob, "@alice just you", in_reply_to_id=first)
    assert await seen(alice) == [(True, {"bob"}, apart), (True, {"bob", "carol"}, answer)]
    assert await seen(carol) == [(True, {"alice", "bob"}, answer)]
    note = await write(alice, "to myself")
    assert (await seen(alice))[0] == (False, {"alice"}, note)
    [whole] = await bob.get(AT, max_id=apart)
    assert {(await told.get())[1] for _ in range(3)} == {whole["id"], (await bob.get(AT))[0]["id"]}
    end()

    page = await alice.raw("GET", f"{AT}?limit=2")
    assert [one["last_status"]["id"] for one in await page.json()] == [note, apart]
    rest = await alice.raw("GET", str(page.links["next"]["url"].relative()))
    assert [one["last_status"]["id"] for one in await rest.json()] == [answer]
    one = (await alice.get(AT))[1]
    assert (await alice.post(f"{AT}/{one['id']}/read"))["unread"] is False
    assert (await alice.post(f"{AT}/{one['id']}/unread"))["unread"] is True
    for method, path in (("POST", "/read"), ("POST", "/unread"), ("DELETE", "")):
        assert (await bob.raw(method, f"{AT}/{one['id']}{path}")).status == 404

    await bob.delete(f"/api/v1/statuses/{answer}")
    await bob.delete(f"/api/v1/statuses/{apart}")
    assert await seen(alice) == [(False, {"alice"}, note), (True, {"bob", "carol"}, first)]
    assert await seen(carol) == [(True, {"alice", "bob"}, first)]
    await alice.delete(f"{AT}/{(await alice.get(AT))[1]['id']}")
    assert await seen(alice) == [(False, {"alice"}, note)]
    again = await write(bob, "@alice @carol still there?", in_reply_to_id=first)
    assert (await seen(alice))[0] == (True, {"bob", "carol"}, again)

    direct = await alice.get("/api/v1/timelines/direct")
    assert [each["id"] for each in direct] == [again, note, first]
    above = await alice.get("/api/v1/timelines/direct", min_id=first, limit=1)
    assert [each["id"] for each in above] == [note]
    assert [each["id"] for each in await carol.get("/api/v1/timelines/direct")] == [again, first]


async def test_what_one_does_not_want_to_hear_is_in_no_conversation(alice: Person, bob: Person) -> None:
    first = await write(alice, "@bob hello")
    await alice.post(f"/api/v1/statuses/{first}/mute")
    await write(bob, "@alice once more", in_reply_to_id=first)
    assert await seen(alice) == [(False, {"bob"}, first)]
    await alice.post(f"/api/v1/statuses/{first}/unmute")
    await alice.post(f"/api/v1/accounts/{bob.id}/mute")
    await write(bob, "@alice hear me")
    assert await seen(alice) == [(False, {"bob"}, first)]
    public = await alice.post("/api/v1/statuses", {"status": "@bob for all"})
    assert public["id"] not in {one[2] for one in await seen(alice)}


async def test_somebody_new_in_an_edit_joins(alice: Person, bob: Person, member: Any) -> None:
    carol = await member("carol")
    post = await write(alice, "@bob hello")
    await alice.put(f"/api/v1/statuses/{post}", {"status": "@bob @carol hello"})
    assert await seen(carol) == [(True, {"alice", "bob"}, post)]
    assert await seen(bob) == [(True, {"alice"}, post)]


async def test_answers_that_came_first_are_one_conversation_with_the_post(
    server: Server, alice: Person
) -> None:
    def arrive(conn: Connection, sender_id: int, **columns: Any) -> int:
        post_id = people.add_post(conn, sender_id, "direct", local=False, **columns)
        stored.put_mentions(conn, post_id, [alice.account_id], new=True)
        row = stored.by_id(conn, post_id)
        assert row is not None
        posts.distribute(conn, row)
        return post_id

    def unit(conn: Connection) -> tuple[int, int]:
        sender_id = people.add_stranger(conn, "ann")
        first_id = new_id()
        answer_id = arrive(conn, sender_id, in_reply_to_uri=f"{people.ORIGIN}/posts/{first_id}")
        arrive(conn, sender_id, post_id=first_id)
        return first_id, answer_id

    _, answer_id = await server.db.write(unit)
    assert await seen(alice) == [(True, {"ann"}, str(answer_id))]
    await server.db.write(lambda conn: posts.erase(conn, stored.by_id(conn, answer_id)))
    assert [(unread, names) for unread, names, _ in await seen(alice)] == [(True, {"ann"})]
