"""Reading a partner's library: as far as it goes, in pieces, politely; and how ours can be read."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection, func, select, update

from activitypub.jsonld import expand
from activitypub.names import AS2
from fedserver.federation import directories, fetch, library
from storage import accounts, partners, suggestions, tables
from storage.types import now_ms
from tests.federation.network import befriended, network, page, partner_of
from tests.federation.stub import Door, Stub, StubActor
from tests.members import Person
from tests.planned import planned
from tests.resources.test_publishing import LESSON, RESOURCES


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "PAUSE_SECONDS", 0)
    monkeypatch.setattr(directories, "PAUSE_SECONDS", 0)


def shelve(stub: Stub, pages: list[list[Any]]) -> None:
    """The stub's library has these pages."""
    stub.documents["/users/server"]["resources"] = f"{stub.origin}/library"
    stub.documents["/library"] = {
        "@context": AS2, "id": f"{stub.origin}/library", "type": "OrderedCollection",
        "totalItems": sum(map(len, pages)), "first": f"{stub.origin}/library/0",
    }  # fmt: skip
    for number, resources in enumerate(pages):
        items = [_listed(stub, one) if isinstance(one, dict) else one for one in resources]
        following = {"next": f"{stub.origin}/library/{number + 1}"} if number + 1 < len(pages) else {}
        stub.documents[f"/library/{number}"] = {
            "@context": AS2, "id": f"{stub.origin}/library/{number}", "type": "OrderedCollectionPage",
            "partOf": f"{stub.origin}/library", "orderedItems": items, **following,
        }  # fmt: skip


def _listed(stub: Stub, made: dict[str, Any]) -> dict[str, Any]:
    """A resource as a list names it; it can be fetched."""
    if str(made.get("id", "")).startswith(stub.origin):
        stub.documents[made["id"].removeprefix(stub.origin)] = made
    return {"type": "Page", "id": made.get("id"), "updated": made.get("updated") or made.get("published")}


async def reads(door: Door, stub: Stub) -> None:
    """One run, as it is planned when somebody becomes a partner."""
    row = await partner_of(door, stub)
    await library.read_library(door.server, {"partner_id": row.id})


async def titles(door: Door) -> list[str]:
    def unit(conn: Connection) -> list[str]:
        found = select(tables.post.c.title).join(
            tables.resource, tables.resource.c.post_id == tables.post.c.id
        )
        return sorted(conn.scalars(found))

    return await door.server.db.read(unit)


async def forget_plans(door: Door) -> None:
    """As if what is planned had run."""

    def unit(conn: Connection) -> None:
        if conn.dialect.name == "postgresql":
            from sqlalchemy import text

            from storage import jobs

            conn.execute(text(f"DELETE FROM {jobs._queue_table()}"))
        else:
            conn.execute(tables.job.delete())

    await door.server.db.write(unit)


async def test_what_was_there_before_is_read_page_by_page(
    door: Door, there: Stub, elsewhere: Stub, alice: Person
) -> None:
    await befriended(door, there)
    ann = there.actor("ann")
    pages = [[page(ann, name=f"{number}-{one}") for one in range(3)] for number in range(4)]
    pages[1].append(page(elsewhere.actor("eve"), name="of another server"))
    pages[1].append(page(ann, name="in anothers name", attributedTo=f"{elsewhere.origin}/users/eve"))
    pages[2].append(page(ann, name="unlisted", to=[]))
    pages[2].append(ann.note("no resource"))
    pages[2].append(page(ann, name="withdrawn", details={"net:withdrawn": "Wrong."}))
    pages[3] += ["javascript:alert(1)", 7, None, f"{elsewhere.origin}/x", {"type": "Page"}]
    shelve(there, pages)
    await reads(door, there)
    assert await titles(door) == sorted(f"{number}-{one}" for number in range(4) for one in range(3))
    assert (await partner_of(door, there)).library_read_at is not None
    assert there.asked.count("/users/ann") == 1
    assert elsewhere.asked == []
    assert await alice.get("/api/v1/notifications") == []
    assert await alice.get("/api/v1/timelines/home") == []


async def test_who_wants_to_be_found_is_told_to_partners_alone(
    door: Door, there: Stub, third: Stub, alice: Person, bob: Person
) -> None:
    them, stranger = await befriended(door, there), third.actor("pat")
    await bob.patch("/api/v1/accounts/update_credentials", {"discoverable": False})
    at = "/actor/directory"
    assert (await door.get("/actor"))[1]["directory"] == door.server.config.origin + at
    assert ((await door.get(at))[0], (await door.get(at, stranger))[0]) == (401, 404)
    _, found = await door.get(at, them)
    _, page = await door.get(f"{at}?page=true", them)
    assert found["totalItems"] == 1
    assert page["orderedItems"] == [{"type": "Person", "id": door.server.uris.actor("alice")}]


async def test_a_directory_is_read_as_a_whole_and_everybody_is_asked_about_whom_it_says_something_new(
    door: Door, there: Stub
) -> None:
    await befriended(door, there)
    row = await partner_of(door, there)
    new, gone, back, known = (there.actor(name, discoverable=True) for name in ("nia", "gus", "bea", "kim"))
    for one in (gone, back, known):
        await fetch.account(door.server, one.uri)
    bea = await fetch.account(door.server, back.uri)
    await door.server.db.write(lambda conn: accounts.change(conn, bea or 0, discoverable=False))
    there.documents["/users/gus"]["discoverable"] = False
    there.documents["/users/server"]["directory"] = f"{there.origin}/directory"
    there.documents["/directory"] = {
        "@context": AS2, "id": f"{there.origin}/directory", "type": "OrderedCollection", "totalItems": 4,
        "orderedItems": [{"type": "Person", "id": one.uri} for one in (new, back, known)] + ["https://else.example/u"],
    }  # fmt: skip
    asked = len(there.asked)
    await directories.read_directory(door.server, {"partner_id": row.id})
    [plan] = await door.server.db.read(planned, "look_at_people")
    await directories.look_at_people(door.server, plan)
    assert set(there.asked[asked:]) >= {f"/users/{name}" for name in ("nia", "gus", "bea")}
    assert "/users/kim" not in there.asked[asked:]
    found = await door.server.db.read(suggestions.of_host, there.host)
    assert {name: found[there.origin + f"/users/{name}"] for name in ("nia", "gus", "bea", "kim")} == {
        "nia": True, "gus": False, "bea": True, "kim": True,
    }  # fmt: skip


async def test_a_long_library_is_read_in_several_runs(door: Door, there: Stub) -> None:
    await befriended(door, there)
    ann = there.actor("ann")
    shelve(there, [[page(ann, name=f"{number:02}")] for number in range(12)])
    await forget_plans(door)
    await reads(door, there)
    assert len(await titles(door)) == library.PAGES_A_RUN - 1  # the collection itself is one
    assert (await partner_of(door, there)).library_read_at is None
    for pages in (9, 12):
        [waiting] = await door.server.db.read(planned, "read_library")
        assert waiting["url"].startswith(there.origin)
        await forget_plans(door)
        await library.read_library(door.server, waiting)
        assert len(await titles(door)) == pages
    assert (await partner_of(door, there)).library_read_at == waiting["began_at"]


async def test_no_more_is_read_than_agreed(door: Door, there: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    await befriended(door, there)
    ann = there.actor("ann")
    monkeypatch.setattr(library, "RESOURCES_MAX", 4)
    shelve(there, [[page(ann, name=f"{number}-{one}") for one in range(2)] for number in range(5)])
    there.documents["/library/0"]["orderedItems"] += [page(ann)["id"] for _ in range(1_000)]
    monkeypatch.setattr(library, "ITEMS_A_PAGE_MAX", 2)
    await reads(door, there)
    assert len(await titles(door)) == 4
    assert "/library/2" not in there.asked


async def test_a_library_without_end_ends(door: Door, there: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    await befriended(door, there)
    monkeypatch.setattr(library, "PAGES_MAX", 4)
    shelve(there, [[], []])
    there.documents["/library/1"]["next"] = f"{there.origin}/library/0"
    await reads(door, there)
    assert len([path for path in there.asked if path.startswith("/library/")]) <= 4
    assert (await partner_of(door, there)).library_read_at is not None
    there.documents["/library/0"]["next"] = "http://127.0.1.1:1/elsewhere"
    await reads(door, there)
    shelve(there, [[]])
    there.documents["/library"]["type"] = "Note"
    await reads(door, there)
    there.documents["/users/server"]["resources"] = "http://127.0.1.1:1/elsewhere"
    await reads(door, there)
    del there.documents["/users/server"]["resources"]
    await reads(door, there)


async def test_a_run_fetches_so_many_and_no_more(
    door: Door, there: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    await befriended(door, there)
    monkeypatch.setattr(library, "FETCHES_A_RUN_MAX", 3)
    gone = [f"{there.origin}/gone/{number}" for number in range(3)]
    shelve(there, [[page(there.actor("ann"), name=str(number)) for number in range(3)], gone, gone[:2]])
    await forget_plans(door)
    await reads(door, there)
    assert len(await titles(door)) == 3
    for _ in range(5):
        waiting = await door.server.db.read(planned, "read_library")
        if not waiting:
            break
        await forget_plans(door)
        await library.read_library(door.server, waiting[0])
    assert (await partner_of(door, there)).library_read_at is not None
    assert len(await titles(door)) == 3


async def test_later_only_what_is_new_or_changed_is_taken(door: Door, there: Stub) -> None:
    await befriended(door, there)
    ann = there.actor("ann")
    old = [page(ann, name=f"old {number}", published="2026-01-01T00:00:00Z") for number in range(3)]
    changed = {**old[0], "name": "changed", "updated": "2026-11-28T00:00:00Z"}
    shelve(there, [old, [page(ann, name="never read again", published="2026-01-01T00:00:00Z")]])
    await reads(door, there)
    before = there.asked.count("/library/1")
    row = await partner_of(door, there)
    await door.server.db.write(lambda conn: partners.change(conn, row, library_read_at=now_ms()))
    shelve(there, [[changed, *old[1:]], []])
    await reads(door, there)
    assert (await titles(door))[0] == "changed"
    assert there.asked.count("/library/1") == before
    await reads(door, there)
    assert (await titles(door)).count("changed") == 1


async def test_who_is_no_partner_is_not_read(door: Door, there: Stub) -> None:
    from fedserver import partners as own

    await befriended(door, there)
    row = await partner_of(door, there)
    await own.end(door.server, None, row.id)
    there.asked.clear()
    await library.read_library(door.server, {"partner_id": row.id})
    await library.read_library(door.server, {"partner_id": 1})
    assert there.asked == []


async def test_every_day_libraries_and_calendars_are_looked_at(door: Door, there: Stub) -> None:
    await befriended(door, there)
    await forget_plans(door)
    await door.server.db.write(library.plan_reading)
    read = [one["what"] for one in await door.server.db.read(planned, "read_library")]
    assert sorted(read) == ["resources", "upcomingEvents"]
    assert await door.server.db.read(planned, "read_directory")


async def test_parting_spares_what_somebody_here_has_to_do_with(
    door: Door, there: Stub, alice: Person
) -> None:
    from fedserver import partners as own

    await befriended(door, there)
    ann = there.actor("ann")
    found = [there.actor(name, discoverable=True) for name in ("dora", "eve")]
    alone, followed = [await fetch.account(door.server, one.uri) or 0 for one in found]
    await alice.post(f"/api/v1/accounts/{followed}/follow")
    made = [
        page(ann, name=name)
        for name in ("liked", "answered", "boosted", "adapted", "nobody's", "read by ann")
    ]
    await door.takes(ann, *(ann.says("Create", one) for one in made))
    # What people of the same server do with it keeps it no longer.
    await door.takes(ann, ann.says("Create", ann.note("Mine.", inReplyTo=made[5]["id"])))
    ids = {one["title"]: one["id"] for one in await alice.get(RESOURCES)}
    await alice.post(f"/api/v1/statuses/{ids['liked']}/favourite")
    await alice.post("/api/v1/statuses", {"status": "Good", "in_reply_to_id": ids["answered"]})
    await alice.post(f"/api/v1/statuses/{ids['boosted']}/reblog")
    await alice.post(RESOURCES, {**LESSON, "title": "mine", "based_on": [{"uri": made[3]["id"]}]})
    row = await partner_of(door, there)
    await own.end(door.server, None, row.id)
    await library.let_go_of_library(door.server, {"host": there.host})
    assert await titles(door) == ["adapted", "answered", "boosted", "liked", "mine"]
    await directories.forget_directory(door.server, {"host": there.host})
    people = await door.server.db.read(accounts.by_ids, [alone, followed])
    assert [people[one].discoverable for one in (alone, followed)] == [False, True]
    # It was not deleted by its author, and may come back.
    graves = await door.server.db.read(
        lambda conn: conn.scalar(select(func.count()).select_from(tables.tombstone))
    )
    assert graves == 0


# -- ours


async def test_our_library_is_a_collection_of_whole_resources(door: Door, alice: Person, there: Stub) -> None:
    reader = network(there)
    made = [await alice.post(RESOURCES, {**LESSON, "title": f"Lesson {number}"}) for number in range(43)]
    for kind in ("unlisted", "members"):
        await alice.post(RESOURCES, {**LESSON, "visibility": kind})
    await alice.post("/api/v1/statuses", {"status": "No resource"})
    await alice.delete(f"{RESOURCES}/{made[0]['id']}")
    same = made[10]["id"]
    instant = now_ms()
    await door.server.db.write(lambda conn: conn.execute(update(tables.resource).values(changed_at=instant)))
    await alice.patch(f"{RESOURCES}/{same}", {"level": "advanced"})
    status, actor = await door.get("/actor")
    assert status == 200
    status, whole = await door.get(actor["resources"].removeprefix(door.server.config.origin), reader)
    assert (status, whole["type"], whole["totalItems"]) == (200, "OrderedCollection", 42)
    status, first = await door.get(whole["first"].removeprefix(door.server.config.origin), reader)
    assert first["orderedItems"][0]["id"] == made[10]["uri"]
    status, last = await door.get(first["next"].removeprefix(door.server.config.origin), reader)
    found = [one["id"] for one in (*first["orderedItems"], *last["orderedItems"])]
    assert sorted(found) == sorted(one["uri"] for one in made[1:])
    assert "next" not in last
    [expanded] = expand(first)
    assert not [key for one in _objects(expanded) for key in one if key.startswith("_:")]
    assert all({"id", "type", "updated"} == set(one) for one in first["orderedItems"])


def _objects(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, dict):
        return [value, *(one for inner in value.values() for one in _objects(inner))]
    return [one for inner in value for one in _objects(inner)] if isinstance(value, list) else []


@pytest.mark.parametrize(
    "path", ["/actor/resources?page=true&before=x&max_id=1", "/actor/resources?page=true&before=1", "/users/alice/resources"]
)  # fmt: skip
async def test_what_is_no_page_of_it_is_not_found(door: Door, alice: Person, there: Stub, path: str) -> None:
    status, _ = await door.get(path, network(there))
    assert status == 404


async def test_where_fetches_must_be_signed_the_library_is_no_exception(
    door: Door, there: Stub, elsewhere: Stub
) -> None:
    assert (await door.get("/actor/resources"))[0] == 401
    person: StubActor = there.actor("pat")
    assert (await door.get("/actor/resources", person))[0] == 200
