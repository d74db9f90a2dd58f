"""Shelves: made, filled, ordered and followed, by those who may, and seen as far as their viewer may see."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from sqlalchemy import func, select, update

from fedserver import farewell, settings
from fedserver.context import Server
from fedserver.resources import shelves
from storage.tables import shelf, shelf_curator, shelf_follow, shelf_item
from tests.client import ApiError
from tests.counting import fewest_statements
from tests.described import described
from tests.members import Person
from tests.resources.test_publishing import LESSON, RESOURCES, refused

SHELVES = "/api/v1/shelves"
ACTIVITY = {"Accept": "application/activity+json"}


async def resource(who: Person, title: str = "A lesson", **more: Any) -> str:
    """The id of a new one."""
    return str((await who.post(RESOURCES, {**LESSON, "title": title, **more}))["id"])


async def made(who: Person, **more: Any) -> str:
    """The path of a new shelf."""
    return f"{SHELVES}/{(await who.post(SHELVES, {'title': 'First steps', **more}))['id']}"


async def order(who: Person, at: str) -> list[str]:
    return [one["resource"]["id"] for one in await who.get(f"{at}/items")]


async def test_a_shelf_is_made_filled_and_ordered(alice: Person, bob: Person, nobody: Person) -> None:
    found = await alice.post(SHELVES, {"title": " First  steps ", "description": "For new people."})
    described(SHELVES, "post").validate(found)
    assert (found["title"], found["visibility"], found["may_curate"]) == ("First steps", "public", True)
    at = f"{SHELVES}/{found['id']}"
    a, b, c = [await resource(bob, title) for title in "ABC"]
    for one in (a, b):
        await alice.put(f"{at}/items/{one}", {"note": f"Note on {one}"})
    filled = await alice.put(f"{at}/items/{c}", {"position": 0})
    described(f"{SHELVES}/{{id}}/items/{{resource_id}}", "put").validate(filled)
    assert (filled["items_count"], await order(nobody, at)) == (3, [c, a, b])
    listed = await nobody.get(f"{at}/items")
    described(f"{SHELVES}/{{id}}/items").validate(listed)
    assert [(one["position"], one["note"]) for one in listed] == [
        (0, ""),
        (1, f"Note on {a}"),
        (2, f"Note on {b}"),
    ]
    await alice.put(f"{at}/items/{c}", {"position": 2, "note": "Last"})
    assert await order(nobody, at) == [a, b, c]
    await alice.put(f"{at}/items/{a}")
    assert (await nobody.get(f"{at}/items"))[0]["note"] == f"Note on {a}"
    await alice.put(f"{at}/items", {"resource_ids": [c, b]})
    assert await order(nobody, at) == [c, b, a]
    assert (await alice.delete(f"{at}/items/{b}"))["items_count"] == 2
    assert [one["position"] for one in await nobody.get(f"{at}/items")] == [0, 1]
    changed = await alice.patch(at, {"title": "Second steps"})
    assert (changed["title"], changed["description"]) == ("Second steps", "For new people.")
    await alice.delete(at)
    assert (await nobody.raw("GET", at)).status == 404
    assert (await nobody.raw("GET", f"{RESOURCES}/{a}")).status == 200


async def test_a_long_shelf_is_paged_in_its_order(alice: Person) -> None:
    at = await made(alice)
    ids = [await resource(alice, str(number)) for number in range(5)]
    for one in ids:
        await alice.put(f"{at}/items/{one}")
    first = await alice.raw("GET", f"{at}/items", params={"limit": 2})
    assert [one["resource"]["id"] for one in await first.json()] == ids[:2]
    assert 'offset=2>; rel="next"' in first.headers["Link"]
    last = await alice.raw("GET", f"{at}/items", params={"limit": 2, "offset": 4})
    assert [one["resource"]["id"] for one in await last.json()] == ids[4:]
    assert 'rel="next"' not in last.headers["Link"]


@pytest.mark.parametrize(
    ("form", "names"),
    [
        ({"title": " "}, "title cannot be empty"),
        ({}, "title cannot be empty"),
        ({"title": "x" * 121}, "title is longer"),
        ({"title": "A", "description": "x" * 2_001}, "description is longer"),
        ({"title": "A", "visibility": "direct"}, "visibility must be"),
        ({"title": {"a": "b"}}, "title must be a text"),
    ],
)
async def test_what_is_wrong_with_a_shelf_is_told_by_field(alice: Person, form: Any, names: str) -> None:
    code, text = await refused(alice, SHELVES, form)
    assert (code, names in text) == (422, True), text
    assert await alice.get(SHELVES) == []


async def test_what_is_wrong_with_an_item_changes_nothing(alice: Person, bob: Person) -> None:
    at, one = await made(alice), await resource(alice)
    status = await alice.post("/api/v1/statuses", {"status": "No resource"})
    withdrawn, other = await resource(alice), await resource(alice)
    await alice.post(f"{RESOURCES}/{withdrawn}/withdraw", {"reason": "Wrong."})
    for path, form, code in (
        (f"items/{one}", {"position": -1}, 422),
        (f"items/{one}", {"position": "first"}, 422),
        (f"items/{one}", {"note": "x" * 501}, 422),
        (f"items/{status['id']}", {}, 404),
        ("items/1", {}, 404),
        ("items/x", {}, 404),
        (f"items/{withdrawn}", {}, 409),
        ("items", {"resource_ids": [other]}, 422),
        ("items", {"resource_ids": ["x"]}, 422),
    ):
        assert (await refused(alice, f"{at}/{path}", form, "PUT"))[0] == code, path
    assert (await refused(alice, f"{at}/items/{one}", {}, "DELETE"))[0] == 404
    assert (await refused(bob, f"{at}/items/{one}", {}, "PUT"))[0] == 403
    assert (await alice.get(at))["items_count"] == 0


async def test_curators_fill_and_order_it(alice: Person, bob: Person, member: Any) -> None:
    at, one = await made(alice, visibility="private"), await resource(alice)
    carol = await member("carol")
    assert (await bob.raw("GET", at)).status == 404
    found = await alice.post(f"{at}/curators", {"account_id": bob.id})
    assert [who["username"] for who in found["curators"]] == ["bob"]
    assert (await bob.put(f"{at}/items/{one}"))["may_curate"]
    assert (await refused(bob, at, {"title": "Mine"}, "PATCH"))[0] == 403
    assert (await refused(bob, f"{at}/curators", {"account_id": carol.id}))[0] == 403
    assert (await refused(bob, at, {}, "DELETE"))[0] == 403
    for who in (alice.id, "1", ""):
        assert (await refused(alice, f"{at}/curators", {"account_id": who}))[0] == 422
    assert [one["id"] for one in await bob.get(SHELVES, curated="true")] == [found["id"]]
    await bob.delete(f"{at}/curators/{bob.id}")
    assert (await bob.raw("GET", at)).status == 404
    await alice.post(f"/api/v1/accounts/{carol.id}/block")
    assert (await refused(alice, f"{at}/curators", {"account_id": carol.id}))[0] == 403


async def test_it_shows_and_counts_what_its_viewer_may_see(
    alice: Person, bob: Person, nobody: Person
) -> None:
    at = await made(alice)
    public, among = await resource(alice), await resource(alice, visibility="members")
    withdrawn = await resource(alice)
    for one in (among, public, withdrawn):
        await alice.put(f"{at}/items/{one}")
    await alice.post(f"{RESOURCES}/{withdrawn}/withdraw", {"reason": "Wrong."})
    for who, ids in ((bob, [among, public]), (nobody, [public])):
        assert (await order(who, at), (await who.get(at))["items_count"]) == (ids, len(ids))
    await alice.patch(at, {"visibility": "members"})
    assert (await nobody.raw("GET", at)).status == 404
    assert (await nobody.raw("GET", f"{at}/items")).status == 404
    for path in (RESOURCES, f"{RESOURCES}/facets"):
        shelved = {"shelf": at.rpartition("/")[2]}
        assert (await nobody.raw("GET", path, params=shelved)).status == 404
        assert len(await bob.get(path, **shelved)) == 2
    assert await nobody.get(SHELVES) == []
    assert len(await bob.get(SHELVES, account_id=alice.id)) == 1
    assert len(await bob.get(SHELVES, resource_id=public)) == 1
    await alice.post(f"/api/v1/accounts/{bob.id}/block")
    assert (await bob.raw("GET", at)).status == 404
    assert await bob.get(SHELVES) == []


async def test_followers_hear_of_it_once_a_day(
    server: Server, alice: Person, bob: Person, member: Any
) -> None:
    at, carol = await made(alice), await member("carol")
    assert (await bob.post(f"{at}/follow"))["following"]
    assert (await bob.post(f"{at}/follow"))["followers_count"] == 1
    assert [one["id"] for one in await bob.get(SHELVES, followed="true")] == [at.rpartition("/")[2]]
    hidden, first, second, third = [await resource(carol, one) for one in "HABC"]
    await bob.post(f"/api/v1/accounts/{carol.id}/unfollow")

    async def heard() -> list[tuple[str, str]]:
        return [(one["type"], one["status"]["id"]) for one in await bob.get("/api/v1/notifications")]

    await alice.put(f"{at}/items/{first}")
    assert await heard() == [("status", first)]
    await alice.put(f"{at}/items/{second}")
    await alice.put(f"{at}/items/{third}")
    assert await heard() == [("status", first)]
    await shelves.tell_of_shelf(server, {"shelf_id": int(at.rpartition("/")[2])})
    assert await heard() == [("status", third), ("status", first)]
    await shelves.tell_of_shelf(server, {"shelf_id": int(at.rpartition("/")[2])})
    assert len(await heard()) == 2
    await server.db.write(lambda conn: conn.execute(update(shelf).values(told_at=1)) and None)
    await bob.post(f"{at}/unfollow")
    await alice.put(f"{at}/items/{hidden}")
    assert len(await heard()) == 2


async def test_nobody_hears_of_what_they_may_not_see(server: Server, alice: Person, bob: Person) -> None:
    at = await made(alice)
    await bob.post(f"{at}/follow")
    await alice.patch(at, {"visibility": "private"})
    await alice.put(f"{at}/items/{await resource(alice)}")
    assert await bob.get("/api/v1/notifications") == []
    assert (await refused(bob, f"{at}/follow", {}))[0] == 404


async def test_other_servers_read_a_public_shelf(
    server: Server, alice: Person, bob: Person, nobody: Person
) -> None:
    await server.db.write(settings.store, server.config, {"secure_mode": False})
    at = await made(alice, description="For <new> people.")
    uri = (await alice.get(at))["uri"]
    path = uri.removeprefix(str(alice.client.make_url("")).rstrip("/"))
    ids = [await resource(bob, str(number)) for number in range(2)]
    hidden = await resource(bob, visibility="members")
    for one in (*reversed(ids), hidden):
        await alice.put(f"{at}/items/{one}")
    whole = await nobody.ask("GET", path, headers=ACTIVITY)
    assert (whole["type"], whole["id"], whole["totalItems"]) == ("OrderedCollection", uri, 2)
    assert (whole["name"], whole["summary"]) == ("First steps", "<p>For &lt;new&gt; people.</p>")
    assert whole["attributedTo"].endswith("/users/alice")
    page = await nobody.ask("GET", f"{path}?page=1", headers=ACTIVITY)
    assert [one.rpartition("/")[2] for one in page["orderedItems"]] == ids[::-1]
    assert page["partOf"] == uri
    assert "next" not in page
    assert (await nobody.raw("GET", f"{path}?page=2", headers=ACTIVITY)).status == 404
    for visibility in ("members", "private"):
        await alice.patch(at, {"visibility": visibility})
        assert (await nobody.raw("GET", path, headers=ACTIVITY)).status == 404


async def test_a_page_takes_as_many_statements_however_full(
    server: Server, alice: Person, bob: Person
) -> None:
    async def taken(path: str) -> int:
        await alice.get(path)
        return await fewest_statements(server, lambda: alice.get(path, limit=40))

    at = await made(alice)
    await alice.put(f"{at}/items/{await resource(bob)}")
    few = [await taken(f"{at}/items"), await taken(SHELVES)]
    for _ in range(8):
        await alice.put(f"{at}/items/{await resource(bob)}")
        await made(bob)
    assert [await taken(f"{at}/items"), await taken(SHELVES)] == few
    assert max(few) <= 8


async def test_they_go_with_their_owner(server: Server, alice: Person, bob: Person) -> None:
    at, kept = await made(alice), await made(bob)
    one = await resource(bob)
    await alice.put(f"{at}/items/{one}")
    await bob.post(f"{kept}/curators", {"account_id": alice.id})
    await alice.post(f"{kept}/follow")
    await alice.put(f"{kept}/items/{one}")
    await server.db.write(farewell.leave, server.publish, alice.account_id)
    assert (await bob.raw("GET", at)).status == 404
    await farewell.remove_rest(server, {"account_id": alice.account_id, "pictures": []})
    found = await bob.get(kept)
    assert (found["items_count"], found["followers_count"], found["curators"]) == (1, 0, [])

    def rows(conn: Any) -> list[int]:
        tables = (shelf, shelf_item, shelf_curator, shelf_follow)
        return [conn.scalar(select(func.count()).select_from(table)) for table in tables]

    assert await server.db.read(rows) == [1, 1, 0, 0]


@pytest.mark.parametrize("seed", range(2))
async def test_counts_and_order_are_right_whatever_happens(
    server: Server, alice: Person, bob: Person, seed: int
) -> None:
    chance = Random(seed)
    at = await made(alice)
    await alice.post(f"{at}/curators", {"account_id": bob.id})
    ids = [await resource(alice, str(number)) for number in range(6)]
    wanted: list[str] = []
    for _ in range(40):
        one, who = chance.choice(ids), chance.choice((alice, bob))
        what = chance.choice(("put", "put", "at", "at", "off", "order", "gone"))
        try:
            if what == "put":
                await who.put(f"{at}/items/{one}")
                wanted += [] if one in wanted else [one]
            elif what == "at":
                place = chance.randrange(7)
                await who.put(f"{at}/items/{one}", {"position": place})
                wanted = [other for other in wanted if other != one]
                wanted.insert(place, one)
            elif what == "off":
                await who.delete(f"{at}/items/{one}")
                wanted.remove(one)
            elif what == "order" and wanted:
                some = chance.sample(wanted, chance.randint(1, len(wanted)))
                await who.put(f"{at}/items", {"resource_ids": some})
                wanted = some + [other for other in wanted if other not in some]
            elif what == "gone" and len(ids) > 3:
                await alice.delete(f"{RESOURCES}/{one}")
                ids.remove(one)
                wanted = [other for other in wanted if other != one]
        except ApiError as error:
            assert error.status == 404  # noqa: PT017
        assert await order(bob, at) == wanted
        assert (await bob.get(at))["items_count"] == len(wanted)
