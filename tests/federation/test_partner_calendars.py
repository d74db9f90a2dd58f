"""Calendars of partners: what is to come there is read, kept by delivery, and goes when they part; and how ours can be read."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from activitypub.names import AS2
from fedserver.federation import library
from storage import partners, posts, tables, users
from tests.events.test_events import EVENTS, SECRET, call, wall
from tests.federation.network import befriended, network, partner_of
from tests.federation.stub import Door, Stub, StubActor
from tests.members import Person

CALENDAR = "/api/v1/calendar"


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "PAUSE_SECONDS", 0)


def gathering(actor: StubActor, name: str, day: int, **more: Any) -> dict[str, Any]:
    return actor.note(
        "We meet.",
        **{"type": "Event", "name": name, "startTime": f"{wall(day)}:00Z", "mediaType": "text/html", **more},
    )


def listed(stub: Stub, events: list[dict[str, Any]]) -> None:
    """The stub's calendar has these, on two pages; each can be fetched."""
    at = f"{stub.origin}/upcoming"
    stub.documents["/users/server"]["upcomingEvents"] = at
    head = {"@context": AS2, "id": at, "type": "OrderedCollection", "totalItems": len(events)}
    stub.documents["/upcoming"] = {**head, "first": f"{at}/0"}
    for number in range(2):
        items = [
            {name: one[name] for name in ("type", "id", "name", "startTime", "updated") if name in one}
            for one in events[number::2]
        ]
        page = {
            "@context": AS2,
            "id": f"{at}/{number}",
            "type": "OrderedCollectionPage",
            "partOf": at,
            "orderedItems": items,
        }
        stub.documents[f"/upcoming/{number}"] = page | ({"next": f"{at}/1"} if number == 0 else {})
    for one in events:
        stub.documents[one["id"].removeprefix(stub.origin)] = one


async def reads(door: Door, stub: Stub) -> None:
    row = await partner_of(door, stub)
    await library.read_library(door.server, {"partner_id": row.id, "what": "upcomingEvents"})


async def titles(who: Person, **asked: Any) -> list[str]:
    return [one["event"]["title"] for one in await who.get(CALENDAR, **asked)]


async def test_what_is_to_come_at_a_partners_is_in_our_calendar(
    door: Door, there: Stub, elsewhere: Stub, alice: Person, nobody: Person
) -> None:
    await befriended(door, there)
    ann = there.actor("ann")
    first, second = gathering(ann, "Call", 3), gathering(ann, "Workshop", 2)
    quiet = gathering(ann, "Unlisted", 4, to=[])
    foreign = gathering(elsewhere.actor("eve"), "Of another", 5)
    listed(there, [first, second, quiet, foreign, ann.note("No event")])
    await reads(door, there)
    assert await titles(nobody) == await titles(nobody, network="partners") == ["Workshop", "Call"]
    assert {one["event"]["instance"] for one in await nobody.get(CALENDAR)} == {
        (await partner_of(door, there)).host
    }
    assert await alice.get("/api/v1/timelines/home") == []
    assert (await partner_of(door, there)).library_read_at is None

    # Read again, nothing is fetched but what has changed.
    there.asked.clear()
    later = {**first, "startTime": f"{wall(6)}:00Z", "updated": f"{wall(1)}:00Z", "name": "Call, later"}
    listed(there, [second, later])
    await reads(door, there)
    assert await titles(nobody) == ["Workshop", "Call, later"]
    assert sum(path.startswith("/users/ann/") or "note" in path for path in there.asked) <= 1

    # What is announced from now on comes by itself.
    await door.takes(ann, ann.says("Create", gathering(ann, "Delivered", 7)))
    assert await titles(nobody) == ["Workshop", "Call, later", "Delivered"]

    # When they part it goes, but for what somebody here goes to or has marked.
    row = await door.server.db.read(posts.by_uri, second["id"])
    assert row is not None
    await alice.post(f"{EVENTS}/{row.id}/rsvp", {"status": "maybe"})
    partner = await partner_of(door, there)
    await door.server.db.write(lambda conn: partners.change(conn, partner, state="ended"))
    await library.let_go_of_library(door.server, {"host": partner.host})
    assert await titles(nobody) == ["Workshop"]


async def test_what_is_to_come_here_can_be_read(door: Door, there: Stub, alice: Person) -> None:
    reader = network(there)
    await door.server.db.write(users.change, alice.account_id, may_create_groups=True)
    group, closed = [
        await alice.post("/api/v1/groups", {"name": name, "title": name, "access": access})
        for name, access in (("trainers", "public"), ("cohort", "members"))
    ]
    for day, more in enumerate(
        ({"title": "Second"}, {"title": "Quiet", "visibility": "unlisted"}, {"title": "Ours", "visibility": "members"},
         {"title": "In a group", "group_id": group["id"]}, {"title": "In a closed group", "group_id": closed["id"]}), 2
    ):  # fmt: skip
        await alice.post(EVENTS, call(schedule={"starts": wall(day)}, **more))
    await alice.post(EVENTS, call(title="First", schedule={"starts": wall(1)}))
    await alice.post(EVENTS, call(title="Over", schedule={"starts": wall(-3)}))
    for actor, names in (("/actor", ["First", "Second", "In a group"]), ("/groups/trainers", ["In a group"])):
        whole = await document(door, reader, actor)
        at = whole["upcomingEvents"]
        collection, found = await document(door, reader, at), await document(door, reader, f"{at}?page=true")
        assert (collection["totalItems"], collection["attributedTo"]) == (len(names), whole["id"])
        assert [one["name"] for one in found["orderedItems"]] == names
        assert SECRET not in str(found)
        assert (await document(door, reader, found["orderedItems"][0]["id"]))["name"] == names[0]
    assert "upcomingEvents" not in await document(door, reader, "/users/alice")
    for path in (
        "/groups/cohort/upcoming_events",
        "/groups/none/upcoming_events",
        "/actor/upcoming_events?page=true&begins=x",
    ):
        assert (await door.get(path, reader))[0] == 404, path


async def test_pages_of_what_is_to_come_follow_each_other(
    door: Door, there: Stub, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = network(there)
    monkeypatch.setattr("fedserver.events.leaving.PAGE_ITEMS", 2)
    for name in "abcde":
        await alice.post(EVENTS, call(title=name))
    path, seen = "/actor/upcoming_events?page=true", []
    while path:
        page = await document(door, reader, path)
        seen += [one["name"] for one in page["orderedItems"]]
        assert len(seen) <= 5
        path = page.get("next", "")
    assert seen == list("abcde")


async def document(door: Door, reader: StubActor, path: str) -> dict[str, Any]:
    status, found = await door.get(path.removeprefix(door.server.config.origin), reader)
    assert status == 200, path
    return found


async def test_what_we_announce_goes_to_partners(door: Door, there: Stub, alice: Person) -> None:
    await befriended(door, there)
    await alice.post(EVENTS, call(title="For partners"))
    await alice.post(EVENTS, call(title="Quiet", visibility="unlisted"))

    def unit(conn: Any) -> list[str]:
        return [bytes(one).decode() for one in conn.scalars(select(tables.message.c.body))]

    sent = await door.server.db.read(unit)
    assert sum('"name":"For partners"' in one for one in sent) == 1
    assert not any("Quiet" in one or SECRET in one for one in sent)
