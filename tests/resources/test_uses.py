"""That members used a resource, and their reviews: answers that say more, and counts that stay right."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from sqlalchemy import Connection, func, select

from fedserver import farewell
from fedserver.context import Server
from storage.tables import resource, resource_report
from tests.client import ApiError
from tests.counting import fewest_statements
from tests.described import described
from tests.members import Person
from tests.resources.test_publishing import LESSON, RESOURCES, refused

USE: dict[str, Any] = {
    "context": "PhD retreat, Lund",
    "used_on": "2026-05",
    "changed": "Half the slides.\nOur own data.",
    "worked": "The exercises",
    "note": "Twenty people, <b>all</b> happy.",
}


async def published(who: Person, **more: Any) -> str:
    """The path of a new resource."""
    return f"{RESOURCES}/{(await who.post(RESOURCES, {**LESSON, **more}))['id']}"


def counted(conn: Connection) -> dict[int, tuple[dict[str, int], dict[str, int]]]:
    """By resource, what it says of itself and what the rows say."""
    found = {}
    for row in conn.execute(select(resource)):
        rows = conn.execute(
            select(resource_report.c.kind, func.count().label("number"))
            .where(resource_report.c.resource_id == row.post_id)
            .group_by(resource_report.c.kind)
        )
        told = {"use": row.uses_count, "review": row.reviews_count}
        found[row.post_id] = (told, {"use": 0, "review": 0} | {one.kind: one.number for one in rows})
    return found


async def check_counts(server: Server) -> None:
    for told, rows in (await server.db.read(counted)).values():
        assert told == rows


async def test_a_use_is_an_answer_that_stands_alone(alice: Person, bob: Person, nobody: Person) -> None:
    at = await published(alice)
    told = await bob.post(f"{at}/use", USE)
    described(f"{RESOURCES}/{{id}}/use", "post").validate(told)
    assert (told["kind"], told["used_in"], told["used_on"]) == ("use", "PhD retreat, Lund", "2026-05")
    assert (told["version"], told["visibility"]) == ("1.0.0", "public")
    status = await nobody.get(f"/api/v1/statuses/{told['status_id']}")
    for words in ("FAIR data in 90 minutes", "1.0.0", "PhD retreat, Lund", "2026-05", "Half the slides.<br>Our own",
                  "The exercises", "&lt;b&gt;all&lt;/b&gt;"):  # fmt: skip
        assert words in status["content"]
    assert status["in_reply_to_id"] == at.rpartition("/")[2]
    listed = await nobody.get(f"{at}/uses")
    described(f"{RESOURCES}/{{id}}/uses").validate(listed)
    assert [one["id"] for one in listed] == [told["id"]]
    found = await alice.get(at)
    assert (found["uses_count"], found["reviews_count"], found["replies_count"]) == (1, 0, 1)
    assert [one["type"] for one in await alice.get("/api/v1/notifications")] == ["mention"]


async def test_a_click_is_enough_and_uses_may_be_many(alice: Person, bob: Person) -> None:
    at = await published(alice)
    for _ in range(3):
        await bob.post(f"{at}/use")
    await alice.post(f"{at}/use", {"note": "I taught it myself."})
    assert (await bob.get(at))["uses_count"] == 4
    first = await bob.get(f"{at}/uses", limit=2)
    rest = await bob.get(f"{at}/uses", max_id=first[-1]["id"])
    assert [one["account"]["username"] for one in first + rest] == ["alice", "bob", "bob", "bob"]


async def test_a_second_review_of_a_version_replaces_the_first(alice: Person, bob: Person) -> None:
    at = await published(alice)
    first = await bob.post(f"{at}/reviews", {"rating": 3, "text": "Good."})
    described(f"{RESOURCES}/{{id}}/reviews", "post").validate(first)
    again = await bob.post(f"{at}/reviews", {"rating": 4, "text": "Very good."})
    assert (again["id"], again["rating"], again["text"]) == (first["id"], 4, "Very good.")
    assert again["edited_at"]
    assert "★★★★☆" in (await alice.get(f"/api/v1/statuses/{first['id']}"))["content"]
    await alice.post(f"{at}/versions", {"number": "2"})
    later = await bob.post(f"{at}/reviews", {"rating": 5})
    assert (later["version"], later["id"] != first["id"]) == ("2", True)
    old = await bob.post(f"{at}/reviews", {"rating": 2, "version": "1.0.0"})
    assert old["id"] == first["id"]
    found = await alice.get(at)
    assert (found["reviews_count"], found["rating"]) == (2, 3.5)
    listed = await alice.get(f"{at}/reviews")
    described(f"{RESOURCES}/{{id}}/reviews").validate(listed)
    assert [(one["version"], one["rating"]) for one in listed] == [("2", 5), ("1.0.0", 2)]


async def test_what_an_app_edits_keeps_the_rest(alice: Person, bob: Person) -> None:
    at = await published(alice)
    told = await bob.post(f"{at}/use", USE)
    status = await bob.put(f"/api/v1/statuses/{told['id']}", {"status": "Thirty people."})
    assert "Thirty people." in status["content"]
    assert "PhD retreat, Lund" in status["content"]
    assert "all" not in status["content"]
    (listed,) = await bob.get(f"{at}/uses")
    assert (listed["text"], listed["changed"]) == ("Thirty people.", USE["changed"])


@pytest.mark.parametrize(
    ("path", "form", "names"),
    [
        ("use", {"used_on": "yesterday"}, "used_on must be a date"),
        ("use", {"used_on": "2026-02-30"}, "used_on must be a date"),
        ("use", {"used_on": "9999"}, "used_on cannot be in the future"),
        ("use", {"context": "x" * 301}, "used_in is longer"),
        ("use", {"changed": "x" * 2_001, "worked": "x" * 2_001}, "worked is longer"),
        ("use", {"note": "x" * 3_001}, "note is longer"),
        ("use", {"version": "7"}, "version is no version of this resource"),
        ("use", {"visibility": "direct"}, "visibility must be"),
        ("use", {"language": "klingon!"}, "language is not"),
        ("use", {"changed": {"a": "b"}}, "changed is not valid"),
        ("reviews", {}, "rating is needed"),
        ("reviews", {"rating": 0}, "rating must be"),
        ("reviews", {"rating": 6}, "rating must be"),
        ("reviews", {"rating": "many"}, "rating is not valid"),
        ("reviews", {"text": "x" * 3_001}, "text is longer"),
    ],
)
async def test_what_is_wrong_is_told_by_field(
    server: Server, alice: Person, bob: Person, path: str, form: Any, names: str
) -> None:
    at = await published(alice)
    code, text = await refused(bob, f"{at}/{path}", form)
    assert (code, names in text) == (422, True), text
    assert not (await bob.get(at))["replies_count"]
    await check_counts(server)


async def test_who_may_tell(alice: Person, bob: Person, nobody: Person) -> None:
    at = await published(alice, visibility="members")
    assert (await refused(alice, f"{at}/reviews", {"rating": 5}))[0] == 403
    assert (await refused(nobody, f"{at}/use", {}))[0] == 401
    assert (await refused(bob, f"{RESOURCES}/1/use", {}))[0] == 404
    assert (await refused(bob, f"{at}/use", {"event_id": "1"}))[0] == 404
    told = await bob.post(f"{at}/use", {"visibility": "public"})
    assert told["visibility"] == "members"
    for path in ("uses", "reviews"):
        assert (await nobody.raw("GET", f"{at}/{path}")).status == 404
    await alice.post(f"/api/v1/accounts/{bob.id}/block")
    assert (await refused(bob, f"{at}/use", {}))[0] == 404


async def test_a_status_that_is_no_resource_has_no_uses(alice: Person, bob: Person) -> None:
    status = await alice.post("/api/v1/statuses", {"status": "Hello"})
    assert (await refused(bob, f"{RESOURCES}/{status['id']}/use", {}))[0] == 404


async def test_what_is_withdrawn_takes_no_new_uses(alice: Person, bob: Person) -> None:
    at = await published(alice)
    await bob.post(f"{at}/reviews", {"rating": 4})
    await alice.post(f"{at}/withdraw", {"reason": "Wrong."})
    assert (await refused(bob, f"{at}/use", {}))[0] == 409
    assert (await bob.post(f"{at}/reviews", {"rating": 1}))["rating"] == 1


async def test_the_same_key_tells_it_once(alice: Person, bob: Person) -> None:
    at = await published(alice)
    key = {"headers": {"Idempotency-Key": "once"}}
    first = await bob.post(f"{at}/use", USE, **key)
    assert (await bob.post(f"{at}/use", USE, **key))["id"] == first["id"]
    assert (await bob.get(at))["uses_count"] == 1


async def test_users_hear_of_a_new_version(alice: Person, bob: Person) -> None:
    at = await published(alice)
    await bob.post(f"{at}/use")
    await alice.post(f"{at}/versions", {"number": "2", "notes": "New."})
    assert [one["type"] for one in await bob.get("/api/v1/notifications")] == ["update"]


async def test_the_counts_outlive_whoever_told(
    server: Server, alice: Person, bob: Person, member: Any
) -> None:
    at = await published(alice)
    carol = await member("carol")
    for who in (bob, carol):
        await who.post(f"{at}/use")
        await who.post(f"{at}/reviews", {"rating": 4})
    gone = await bob.post(f"{at}/use")
    await bob.delete(f"/api/v1/statuses/{gone['id']}")
    assert (await alice.get(at))["uses_count"] == 2
    await server.db.write(farewell.leave, server.publish, bob.account_id)
    await farewell.remove_rest(server, {"account_id": bob.account_id, "pictures": []})
    found = await alice.get(at)
    assert (found["uses_count"], found["reviews_count"]) == (1, 1)
    await check_counts(server)
    await alice.delete(at)
    assert not await server.db.read(counted)


async def test_a_list_takes_as_many_statements_however_long(
    server: Server, alice: Person, member: Any
) -> None:
    at = await published(alice)

    async def taken() -> int:
        await alice.get(f"{at}/uses")  # whoever asks is remembered from now on
        return await fewest_statements(server, lambda: alice.get(f"{at}/uses", limit=40))

    await (await member("user")).post(f"{at}/use", USE)
    of_one = await taken()
    for index in range(12):
        await (await member(f"user{index}")).post(f"{at}/use", USE)
    assert await taken() == of_one <= 8


@pytest.mark.parametrize("seed", range(3))
async def test_counts_equal_rows_whatever_happens(
    server: Server, alice: Person, bob: Person, member: Any, seed: int
) -> None:
    chance = Random(seed)
    people = [alice, bob, await member("carol")]
    at = await published(alice)
    answers: list[tuple[Person, str]] = []
    for step in range(40):
        person = chance.choice(people)
        what = chance.choice(("use", "review", "delete", "edit", "version"))
        try:
            if what == "use":
                answers.append((person, (await person.post(f"{at}/use"))["id"]))
            elif what == "review":
                told = await person.post(f"{at}/reviews", {"rating": step % 5 + 1})
                answers.append((person, told["id"]))
            elif what == "version":
                await alice.post(f"{at}/versions", {"number": str(chance.randrange(4))})
            elif answers:
                writer, answer = chance.choice(answers)
                if what == "delete":
                    await writer.delete(f"/api/v1/statuses/{answer}")
                else:
                    await writer.put(f"/api/v1/statuses/{answer}", {"status": f"{step}"})
        except ApiError as error:
            assert error.status in (403, 404, 422)  # noqa: PT017
        await check_counts(server)
