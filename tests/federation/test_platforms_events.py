"""What Mobilizon and Gancio really sent, and the examples of FEP-8a8e: each ends as the event that it says, or as none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from activitypub.names import PUBLIC
from fedserver import relationships
from fedserver.events.records import decode_details
from fedserver.federation import fetch
from storage import events
from storage import posts as stored_posts
from tests.events.test_events import EVENTS, call, states
from tests.federation.guild import Guild
from tests.federation.replay import Stage, replays
from tests.federation.stub import Door, Stub, StubActor
from tests.members import Person

MOBILIZON = "https://mobilizon.org"
GANCIO = "https://demo.gancio.org"


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


async def row_of(door: Door, document: Any) -> Any:
    """What is kept of an event, or None."""

    def unit(conn: Any) -> Any:
        post = stored_posts.by_uri(conn, document["id"])
        return None if post is None else events.by_id(conn, post.id)

    return await door.server.db.read(unit)


async def spans_of(door: Door, row: Any) -> list[tuple[int, int, str]]:
    found = await door.server.db.read(events.occurrences, row.id)
    return [(one.starts_at, one.ends_at, one.status) for one in found]


def place_of(row: Any) -> dict[str, Any]:
    """What is said of where it is."""
    place = decode_details(row.details).place
    return {
        name: value for name in place.__struct_fields__ if (value := getattr(place, name)) not in ("", None)
    }


async def followed(door: Door, alice: Person, actor: StubActor) -> None:
    """Alice follows somebody elsewhere, and has been accepted."""
    account_id = await fetch.account(door.server, actor.uri)
    assert account_id is not None
    await relationships.follow(door.server, alice.member, account_id)
    follow = {"type": "Follow", "actor": door.server.uris.actor("alice"), "object": actor.uri}
    await door.takes(actor, actor.says("Accept", follow))


# -- Mobilizon


@replays(
    "mobilizon",
    delivered="pleroma-mobilizon.org-event pleroma-mobilizon-event-join pleroma-mobilizon-event-join-accept",
    served="pleroma-mobilizon.org-user",
)
async def test_an_event_of_mobilizon_is_joined_and_one_of_ours_by_its_people(
    stage: Stage, door: Door, there: Stub, alice: Person
) -> None:
    tcit = there.actor("tcit")
    stage.names = {
        f"{MOBILIZON}/@tcit": tcit.uri,
        MOBILIZON: there.origin,
        "https://mobilizon.mkljczk.pl": there.origin,
    }
    stage.cast(tcit, "pleroma-mobilizon.org-user")
    await followed(door, alice, tcit)
    event = stage.read("pleroma-mobilizon.org-event")
    await door.takes(tcit, tcit.says("Create", event))
    row = await row_of(door, event)
    assert await spans_of(door, row) == [(at("2019-12-18T13:00Z"), at("2019-12-18T14:00Z"), "scheduled")]
    assert (row.title, row.zone, row.status, row.rsvp_mode) == (
        "Mobilizon Launching Party", "UTC", "scheduled", "free",
    )  # fmt: skip
    assert row.capacity is None  # "0" is how Mobilizon says that there is no limit
    assert (row.username, row.domain, bool(row.local)) == ("tcit", there.host, False)
    assert place_of(row) == {
        "name": "Cour du Château des Ducs de Bretagne", "locality": "Nantes", "region": "Pays de la Loire",
        "country": "France",
    }  # fmt: skip
    # It is over; what comes next is not.
    later = {
        **event,
        "startTime": "2099-12-18T13:00:00Z",
        "endTime": "2099-12-18T14:00:00Z",
        "updated": "2026-01-01T00:00:00Z",
    }
    await door.takes(tcit, tcit.says("Update", later))
    path = f"{EVENTS}/{row.id}"
    assert states(await alice.post(f"{path}/rsvp", {"status": "going"})) == ["sent"]
    (mine,) = await door.server.db.read(
        lambda conn: list(
            events.answers_of(
                conn, alice.account_id, [one.id for one in events.occurrences(conn, row.id)]
            ).values()
        )
    )
    accept = stage.read(
        "pleroma-mobilizon-event-join-accept",
        **{"https://pleroma.mkljczk.pl/activities/7d1f3986-8b2c-48c2-b89e-d27ba8459777": mine.uri},
    )
    await door.takes(tcit, accept)
    assert states(await alice.get(path)) == ["in"]
    ours = await alice.post(EVENTS, call())
    join = stage.read(
        "pleroma-mobilizon-event-join",
        **{"https://pleroma.mkljczk.pl/objects/b800bdb9-2cbb-40b6-9b29-196cfbd42398": ours["uri"]},
    )
    await door.takes(tcit, join)
    (seen,) = await alice.get(f"{EVENTS}/{ours['id']}/rsvps")
    assert (seen["acct"], seen["state"]) == (f"tcit@{there.host}", "in")


@replays("mobilizon", delivered="mobilizon-post-activity-group")
async def test_an_event_of_a_mobilizon_group_is_its_persons_in_the_group(
    stage: Stage, door: Door, there: Stub, alice: Person
) -> None:
    # It is for the group alone, which is one that only its members read.
    club, user = there.actor("group", "Group", membersOnly=True), there.actor("user")
    stage.names = {
        "http://mobilizon1.com/@user": user.uri,
        "http://mobilizon1.com/@group": club.uri,
        "http://mobilizon1.com": there.origin,
    }
    guild = await Guild.found(door, there, user, alice, existing=club)
    create = stage.read("mobilizon-post-activity-group")
    stage.serve(there, create["object"])
    await guild.announces(create)
    row = await row_of(door, create["object"])
    assert (row.username, row.group_id, row.title) == ("user", guild.group_id, "My first event")
    # It does not say when it ends: an hour later.
    assert await spans_of(door, row) == [
        (at("2018-02-12T14:08:20Z"), at("2018-02-12T15:08:20Z"), "scheduled")
    ]
    assert row.visibility == "group"
    assert (await guild.thread(create["object"])).title == "My first event"


@replays(
    "mobilizon",
    delivered="mobilizon-invite-activity mastodon-accept-activity",
    served="mastodon-status-2 objects-person bonfire-mobilizon.org-user",
)
async def test_the_rest_of_what_mobilizon_sends_makes_no_event(
    stage: Stage, door: Door, there: Stub, elsewhere: Stub, alice: Person
) -> None:
    sanof, tcit, framasoft = there.actor("sanof44"), elsewhere.actor("tcit"), elsewhere.actor("Framasoft")
    admin, thomas = there.actor("admin"), elsewhere.actor("thomas0")
    me = door.server.uris.actor("alice")
    stage.names = {
        "https://mobilizon.fr/@sanof44": sanof.uri, "https://mobilizon.fr": there.origin,
        "https://mobilizon.local/@tcit": tcit.uri, "https://mobilizon.local": elsewhere.origin,
        "https://framapiaf.org/users/Framasoft": framasoft.uri, "https://framapiaf.org": elsewhere.origin,
        "http://mobilizon2.test/@admin": admin.uri, "http://mobilizon2.test": there.origin,
        "http://mobilizon.test/@someuser": me, "http://mobilizon.test/@thomas1": me,
        "http://mobilizon.test/@thomas0": thomas.uri, "http://mobilizon.test": elsewhere.origin,
    }  # fmt: skip
    for actor, name, shown in (
        (sanof, "objects-person", "Sanof44"),
        (tcit, "bonfire-mobilizon.org-user", "Thomas Citharel"),
    ):
        stage.cast(actor, name)
        found = await alice.get("/api/v2/search", q=actor.uri, resolve="true")
        assert [one["display_name"] for one in found["accounts"]] == [shown]
    note = stage.read("mastodon-status-2")
    stage.serve(elsewhere, note)
    assert "Mobilizon" in (await stage.pasted(alice, note))["statuses"][0]["content"]
    # Nobody is invited to a group this way, nor follows whom they did not ask to.
    before = await stage.rows()
    assert await stage.takes(admin, stage.read("mobilizon-invite-activity")) != [""]
    assert await stage.takes(thomas, stage.read("mastodon-accept-activity")) != [""]
    assert (await stage.rows())["follow"] == before["follow"]
    assert await alice.get("/api/v1/calendar") == []
    assert await alice.get("/api/v1/notifications") == []


# -- Gancio


@replays("gancio", delivered="gancio-event-activity event-bridge-events-gancio-v1.22", served="gancio-actor")
async def test_an_event_of_gancio(
    stage: Stage, door: Door, there: Stub, elsewhere: Stub, alice: Person
) -> None:
    gancio, organizer = there.actor("gancio"), elsewhere.actor("organizer")
    stage.names = {
        f"{GANCIO}/federation/u/gancio": gancio.uri, GANCIO: there.origin,
        "https://remote.example/@organizer": organizer.uri, "https://remote.example": elsewhere.origin,
    }  # fmt: skip
    stage.cast(gancio, "gancio-actor")
    for actor in (gancio, organizer):
        await followed(door, alice, actor)
    create = stage.read("gancio-event-activity")
    await door.takes(gancio, create)
    row = await row_of(door, create["object"])
    assert await spans_of(door, row) == [
        (at("2021-07-14T17:30:57+02:00"), at("2021-07-14T18:30:57+02:00"), "scheduled")
    ]
    assert (row.title, row.zone, row.username, place_of(row)) == (
        "Demo event",
        "UTC",
        "gancio",
        {"name": "Colosseo"},
    )
    assert (row.url, row.status, row.capacity, row.rsvp_mode) == (
        f"{there.origin}/event/demo-event",
        "scheduled",
        None,
        "free",
    )
    # The same with what is new in 1.22, and no time at all: a post to read, in no calendar.
    timeless = stage.read("event-bridge-events-gancio-v1.22")
    await door.takes(organizer, organizer.says("Create", timeless))
    post = await stage.post(timeless)
    assert (post.title, await row_of(door, timeless)) == ("Picture Show", None)
    timed = {**timeless, "startTime": "2099-01-01T20:00:00+01:00", "updated": "2026-01-01T00:00:00Z"}
    await door.takes(organizer, organizer.says("Update", timed))
    row = await row_of(door, timeless)
    assert place_of(row) == {"name": "Fediverse TV", "street": "C/ Falsa 123"}
    assert await spans_of(door, row) == [
        (at("2099-01-01T20:00+01:00"), at("2099-01-01T21:00+01:00"), "scheduled")
    ]


@replays(
    "gancio",
    delivered="AP-location-physical-location-with-postal-address AP-location-physical-location-without-id AP-location-virtual-location",
)
async def test_places_of_gancio(stage: Stage, door: Door, there: Stub, alice: Person) -> None:
    ann = there.actor("ann")
    await followed(door, alice, ann)
    expected: dict[str, tuple[dict[str, Any], bool]] = {
        "physical-location-with-postal-address": (
            {"name": "Location with a postal address", "street": "15 Fediverse Street", "postal_code": "8010",
             "locality": "Fediverse Town", "region": "Steiermark", "country": "Austria"}, False,
        ),
        "physical-location-without-id": ({"name": "Location without id"}, False),
        "virtual-location": ({}, True),
    }  # fmt: skip
    for name, (place, online) in expected.items():
        document = ann.note(
            "x",
            type="Event",
            name="There",
            startTime="2099-01-01T20:00:00Z",
            location=stage.read(f"AP-location-{name}"),
        )
        await door.takes(ann, ann.says("Create", document))
        row = await row_of(door, document)
        assert (place_of(row), decode_details(row.details).online) == (place, online)
        assert "virtual.location.org" not in row.details


# -- FEP-8a8e

TIMES: dict[str, tuple[str, str]] = {
    "02-time-zone": ("2014-12-31T23:00+01:00", "2015-01-01T04:00+01:00"),
    "08-signaling-how-joins-are-handled": ("2014-12-31T23:00-08:00", "2025-01-01T04:00-08:00"),
    "11-example-of-an-event-with-a-single-catego": ("2014-05-01T18:00-08:00", "2014-05-01T19:00-08:00"),
}  # fmt: skip
SAID: dict[str, dict[str, Any]] = {
    "02-time-zone": {"zone": "Europe/Rome"},
    "04-physical": {"place": {
        "name": "Foo Bar", "street": "15 Fediverse Street", "postal_code": "8010", "locality": "Fediverse Town",
        "region": "Steiermark", "country": "Austria", "latitude": 47.077892, "longitude": 15.460744,
    }},
    "05-virtual": {"online": True},
    "07-signaling-how-joins-are-handled": {"rsvp_mode": "external", "external_url": "#register"},
    # An address of mail is none that is shown.
    "08-signaling-how-joins-are-handled": {"rsvp_mode": "external"},
    "09-showing-rsvp-status-via-activitypub": {"capacity": 100, "participants_elsewhere": 84},
    "10-banner": {},
    "11-example-of-an-event-with-a-single-catego": {},
}  # fmt: skip


@pytest.mark.parametrize("name", SAID)
async def test_examples_of_fep_8a8e(shared: Path, door: Door, there: Stub, alice: Person, name: str) -> None:
    text = (shared / "data" / "federation" / "fep" / f"fep-8a8e-{name}.json").read_text()
    document = json.loads(text.replace("https://example.org", there.origin))
    ann = there.actor("ann")
    await followed(door, alice, ann)
    # They say nothing of who wrote them, and for whom.
    await door.takes(ann, ann.says("Create", {**document, "attributedTo": ann.uri, "to": [PUBLIC]}))
    row = await row_of(door, document)
    details = decode_details(row.details)
    start, end = TIMES.get(name, ("2014-12-31T23:00-08:00", "2015-01-01T04:00-08:00"))
    assert await spans_of(door, row) == [(at(start), at(end), "scheduled")]
    usual = {
        "zone": "UTC",
        "rsvp_mode": "free",
        "capacity": None,
        "participants_elsewhere": None,
        "status": "scheduled",
    }
    said = SAID[name]
    for column, value in usual.items():
        assert getattr(row, column) == said.get(column, value), column
    assert place_of(row) == said.get("place", {})
    assert details.online is said.get("online", False)
    assert details.external_url.removeprefix(f"{there.origin}/foo") == said.get("external_url", "")
    assert "jitsi" not in row.details
    assert (row.title, row.username) == (document["name"], "ann")


# -- nothing is left out


def found_in(value: Any) -> Iterator[str]:
    """The types of whatever is somewhere inside."""
    if isinstance(value, dict):
        kinds = value.get("type")
        yield from (str(one) for one in (kinds if isinstance(kinds, list) else [kinds]))
        for one in value.values():
            yield from found_in(one)
    elif isinstance(value, list):
        for one in value:
            yield from found_in(one)


def test_no_event_of_another_platform_is_left_out(shared: Path) -> None:
    folder = shared / "data" / "federation"
    holding = {
        file.parent.name
        for platform in ("mobilizon", "gancio", "wordpress", "piefed", "friendica", "hubzilla", "fep")
        for file in (folder / platform).glob("*.json")
        if {"Event", "Join", "Leave", "Invite"} & set(found_in(json.loads(file.read_bytes())))
    }
    assert holding == {"mobilizon", "gancio", "fep"}  # of which the first two are replayed whole
    of_events = {file.stem for file in (folder / "fep").glob("*.json") if '"Event"' in file.read_text()}
    assert {f"fep-8a8e-{name}" for name in SAID} == of_events


# -- invitations


async def test_who_is_invited_to_an_event_elsewhere_hears_of_it_and_may_come(
    door: Door, there: Stub, alice: Person, bob: Person
) -> None:
    ann, eve = there.actor("ann"), there.actor("eve")
    me = door.server.uris.actor("alice")
    event = ann.note("x", served=True, type="Event", name="Ours", startTime="2099-01-01T20:00:00Z")
    await door.takes(eve, eve.says("Invite", event["id"], target=me, to=[me]))
    assert await alice.get("/api/v1/notifications") == []  # the event is not Eve's
    invite = ann.says("Invite", event["id"], target=me, to=[me])
    await door.takes(ann, invite, invite)
    (told,) = await alice.get("/api/v1/notifications")
    assert (told["type"], told["status"]["uri"]) == ("mention", event["id"])
    assert await bob.get("/api/v1/notifications") == []
    path = f"{EVENTS}/{told['status']['id']}"
    assert states(await alice.post(f"{path}/rsvp", {"status": "going"})) == ["sent"]


async def test_an_event_that_is_announced_with_an_invitation_is_known(
    door: Door, there: Stub, alice: Person
) -> None:
    """As Friendica and Hubzilla do it: the whole event is inside."""
    ann = there.actor("ann")
    await followed(door, alice, ann)
    event = ann.note("x", type="Event", name="Party", startTime="2099-01-01T20:00:00", location="Lund")
    await door.takes(ann, ann.says("Invite", event))
    row = await row_of(door, event)
    assert await spans_of(door, row) == [(at("2099-01-01T20:00Z"), at("2099-01-01T21:00Z"), "scheduled")]
    assert place_of(row) == {"name": "Lund"}
    assert [
        one["event"]["title"]
        for one in await alice.get("/api/v1/calendar", **{"from": "2099-01-01", "to": "2099-01-03"})
    ] == ["Party"]
