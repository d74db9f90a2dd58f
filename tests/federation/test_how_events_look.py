"""Our events before readers of other kinds, as strict as Mobilizon, Lemmy and PieFed are; what JSON-LD and Mastodon keep."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from activitypub.jsonld import expand
from activitypub.names import NAMESPACE
from activitypub.values import normalise
from activitypub.vocabulary.event import read_event
from fedserver.content.html import to_text
from fedserver.federation import fetch
from fedserver.groups import catalogue
from fedserver.groups.catalogue import GroupFields
from storage import users
from tests.events.test_events import EVENTS, SECRET, call, wall
from tests.federation.stub import Door, Stub, StubActor
from tests.federation.test_how_resources_look import as_mastodon_shows, keys_of
from tests.groups.test_lemmy_like import MUTATIONS as LEMMY_MUTATIONS
from tests.members import Person
from tests.peers import lemmy_like, mobilizon_like, piefed_like
from tests.peers.shapes import Refused, Unknown
from tests.test_publish import sent

PLACE = {"name": "Library", "street": "Övre Slottsgatan 1", "postal_code": "753 10", "locality": "Uppsala",
         "country": "Sweden", "latitude": 59.85, "longitude": 17.63}  # fmt: skip
OURS: dict[str, dict[str, Any]] = {
    "single": {},
    "place": {"place": PLACE, "online": False, "tool": "", "join_url": None, "website": "https://example.org/ttt"},
    "hybrid": {"place": PLACE, "capacity": 25, "language": "en", "cost": "free"},
    "nowhere": {"online": False, "tool": ""},
    "coordinates": {"online": False, "tool": "", "place": {"latitude": 59.85, "longitude": 17.63}},
    "series": {"schedule": {"rule": {"frequency": "weekly", "count": 8}}},
    "all-day": {"schedule": {"starts": wall()[:10], "days": 2}},
    "approval": {"rsvp_mode": "approval"},
    "invited": {"rsvp_mode": "invite"},
    "external": {"rsvp_mode": "external", "external_url": "https://example.org/sign-up"},
    "nobody-signs-up": {"rsvp_mode": "none"},
    "no-text": {"text": "", "abstract": "", "keywords": []},
    "long-title": {"title": "Ö" * 200},
}  # fmt: skip
STATUSES = ("tentative", "postponed", "rescheduled", "moved-online", "cancelled")


# -- the readers themselves


def payloads(shared: Path, platform: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """All that a platform really sent, by the name of its file; of several in one file each."""
    for file in sorted((shared / "data" / "federation" / platform).glob("*.json")):
        document = json.loads(file.read_bytes())
        several = next(iter(document.values())) if len(document) == 1 else [document]
        for one in several:
            yield file.stem, one


@pytest.mark.parametrize(
    ("platform", "reader", "kinds"),
    [
        ("mobilizon", mobilizon_like, {"Event", "Create", "Join", "Accept", "Invite", "Note", "Person"}),
        ("piefed", piefed_like, {"Announce", "Delete", "Feed", "Follow", "Accept", "Undo", "OrderedCollection"}),
    ],
    ids=["mobilizon", "piefed"],
)  # fmt: skip
def test_a_reader_reads_all_that_its_platform_sends(
    shared: Path, platform: str, reader: Any, kinds: set[str]
) -> None:
    read = [reader.parse(document) for _, document in payloads(shared, platform)]
    assert kinds <= set(read)


@pytest.mark.parametrize(
    "mutation",
    [
        {"attributedTo": ["https://mobilizon.org/@tcit"]},
        {"location": [{"type": "Place", "name": "Here"}]},
        {"joinMode": "none"},
        {"status": "POSTPONED"},
        {"draft": True},
        {"attachment": {"type": "Link", "href": "https://a.example/"}},
        {"type": ["Event"]},
        {"startTime": None},
    ],
    ids=lambda one: next(iter(one)),
)  # fmt: skip
def test_it_refuses_what_mobilizon_refuses(shared: Path, mutation: dict[str, Any]) -> None:
    event = dict(payloads(shared, "mobilizon"))["pleroma-mobilizon.org-event"]
    assert mobilizon_like.parse(event) == "Event"
    with pytest.raises(Refused):
        mobilizon_like.parse(event | mutation)


def test_it_refuses_articles_and_answers_that_mobilizon_refuses(shared: Path) -> None:
    files = dict(payloads(shared, "mobilizon"))
    article = {
        "type": "Article", "id": "https://a.example/p/1", "name": "News", "to": [],
        "actor": "https://a.example/u/ann", "attributedTo": "https://a.example/g/club",
    }  # fmt: skip
    assert mobilizon_like.parse(article) == "Article"
    for name in ("actor", "attributedTo"):
        with pytest.raises(Refused):
            mobilizon_like.parse({key: value for key, value in article.items() if key != name})
    accept = files["pleroma-mobilizon-event-join-accept"]
    by_id = accept | {"object": accept["object"]["id"]}
    with pytest.raises(Refused):
        mobilizon_like.parse(by_id)
    assert mobilizon_like.parse(by_id, joins=[accept["object"]["id"]]) == "Accept"


# -- our events before them


async def made(door: Door, reader: StubActor, alice: Person, **more: Any) -> dict[str, Any]:
    """The document of a new event, as it is served."""
    event = await alice.post(EVENTS, call(**more))
    status, document = await door.get(event["uri"].removeprefix(door.server.config.origin), reader)
    assert status == 200
    found: dict[str, Any] = document
    return found


def read_by_all(document: dict[str, Any]) -> None:
    for reader in (mobilizon_like, piefed_like, lemmy_like):
        assert reader.parse(document) == "Event", reader.__name__  # type: ignore[attr-defined]
    assert mobilizon_like.visibility_of(document) == "public"


@pytest.mark.parametrize("form", OURS)
async def test_our_events_pass_readers_as_strict_as_mobilizon_lemmy_and_piefed(
    door: Door, there: Stub, alice: Person, form: str
) -> None:
    document = await made(door, there.actor("ann"), alice, **OURS[form])
    read_by_all(document)
    assert SECRET not in json.dumps(document)
    assert document["name"]
    assert len(document["name"]) <= 200  # Lemmy cuts there
    # What it says, it says in the order of its own zone, with the offset of that day.
    start = datetime.fromisoformat(document["startTime"])
    assert start.utcoffset() == start.astimezone(ZoneInfo(document["timezone"])).utcoffset()
    assert datetime.fromisoformat(document["endTime"]) > start
    if form == "place":
        assert mobilizon_like.website_of(document) == "https://example.org/ttt"
    for mutation in LEMMY_MUTATIONS.values():
        with pytest.raises((Refused, Unknown)):
            lemmy_like.parse(document | mutation)
    for key in piefed_like.EVENT_KEYS:
        with pytest.raises(Refused):
            piefed_like.parse({name: value for name, value in document.items() if name != key})
    for name in ("attributedTo", "location"):
        with pytest.raises(Refused):
            mobilizon_like.parse(document | {name: [document[name]]})


@pytest.mark.parametrize("status", STATUSES)
async def test_what_changes_passes_them_as_well(door: Door, there: Stub, alice: Person, status: str) -> None:
    ann = there.actor("ann")
    await door.takes(ann, ann.says("Follow", door.server.uris.actor("alice")))
    event = await alice.post(EVENTS, call())
    await alice.patch(f"{EVENTS}/{event['id']}", {"status": status})
    told = [one.activity for one in await sent(door.server)]
    update = next(one for one in told if one["type"] == "Update")
    assert mobilizon_like.parse(update) == piefed_like.parse(update) == "Update"
    read_by_all(update["object"])
    assert update["object"]["updated"]
    found = read_event(normalise(update["object"]))
    assert found is not None
    assert found.status == status


async def test_an_event_in_a_group_passes_them_within_what_the_group_announces(
    door: Door, there: Stub, alice: Person
) -> None:
    await door.server.db.write(users.change, alice.account_id, may_create_groups=True)
    group_id = await catalogue.create(
        door.server, alice.member, "python", GroupFields(title="Python", language="en")
    )
    uri, ann = door.server.uris.group("python"), there.actor("ann")
    assert await fetch.account(door.server, ann.uri) is not None
    await door.takes(ann, ann.says("Follow", uri))
    event = await alice.post(EVENTS, call(group_id=str(group_id), place=PLACE))
    announced = [one.activity for one in await sent(door.server) if one.activity["type"] == "Announce"]
    wrapped = next(one for one in announced if isinstance(one["object"], dict))
    assert lemmy_like.parse(wrapped) == piefed_like.parse(wrapped) == "Announce"
    lemmy_like.verify(wrapped["object"], uri)
    create = wrapped["object"]
    assert mobilizon_like.parse(create) == "Create"
    document = create["object"]
    read_by_all(document)
    assert (document["id"], document["audience"]) == (event["uri"], uri)
    assert uri in document["to"]
    # Microblogs, which read nothing else, are shown the thread by a plain boost.
    assert event["uri"] in [one["object"] for one in announced]


async def test_joins_and_answers_are_such_as_mobilizon_reads(door: Door, there: Stub, alice: Person) -> None:
    dana = there.actor("dana")
    full = await alice.post(EVENTS, call(capacity=1))
    asked = await alice.post(EVENTS, call(rsvp_mode="approval"))
    for event in (full, asked):
        await door.takes(dana, dana.says("Join", event["uri"]))
    dana_id = (await alice.get("/api/v1/accounts/lookup", acct=f"dana@{there.host}"))["id"]
    await alice.post(f"{EVENTS}/{asked['id']}/rsvps/{dana_id}/reject")
    theirs = dana.note(
        "x", type="Event", name="Theirs", startTime="2099-01-01T10:00:00Z", served=True, summary="x"
    )
    await door.takes(dana, dana.says("Create", theirs, to=[door.server.uris.actor("alice")]))
    shown = await alice.get("/api/v2/search", q=theirs["id"], resolve="true")
    at = f"{EVENTS}/{shown['statuses'][0]['id']}"
    await alice.post(f"{at}/rsvp", {"status": "going"})
    await alice.delete(f"{at}/rsvp")
    kinds = [
        mobilizon_like.parse(one.activity)
        for one in await sent(door.server)
        if one.activity["type"] in ("Accept", "Reject", "Join", "Leave")
    ]
    assert kinds == ["Accept", "Reject", "Join", "Leave"]


@pytest.mark.parametrize("form", ["hybrid", "series", "nobody-signs-up"])
async def test_processors_of_json_ld_lose_nothing_of_an_event(
    door: Door, there: Stub, alice: Person, form: str
) -> None:
    document = await made(door, there.actor("ann"), alice, **OURS[form])
    [expanded] = expand(document)
    names = keys_of(expanded)
    assert not [one for one in names if one.startswith("_:") or (":" not in one and not one.startswith("@"))]
    kept = {one.rpartition("#")[2].rpartition("/")[2] for one in expanded}
    said = {name for name, value in document.items() if value not in (None, [], {}) and name[0] != "@"}
    assert said - kept - {"id", "type", "contentMap"} == set()
    if form == "series":
        assert len(expanded[f"{NAMESPACE}series"]) == 8


async def test_gatherpress_1182_mastodon_shows_the_time_of_the_events_zone(
    door: Door, there: Stub, alice: Person
) -> None:
    """GatherPress#1182: Mastodon showed an event of Berlin two hours early, since its time was in UTC."""
    schedule = {"starts": "2099-07-01T18:00", "zone": "Europe/Berlin", "minutes": 90}
    document = await made(door, there.actor("ann"), alice, schedule=schedule)
    assert document["startTime"] == "2099-07-01T18:00:00+02:00"
    assert (document["endTime"], document["timezone"]) == ("2099-07-01T19:30:00+02:00", "Europe/Berlin")
    text = to_text(as_mastodon_shows(document))
    assert "1 Jul 2099, 18:00–19:30 (Europe/Berlin)" in text
    assert "16:00" not in text


async def test_an_event_to_which_nobody_signs_up_is_read_as_such(
    door: Door, there: Stub, alice: Person
) -> None:
    document = await made(door, there.actor("ann"), alice, rsvp_mode="none")
    # Mobilizon knows no such word: whoever wants to sign up is led to the page of the event.
    assert (document["joinMode"], document["externalParticipationUrl"]) == ("external", document["url"])
    found = read_event(normalise(document))
    assert found is not None
    assert (found.join_mode, found.external_url) == ("none", "")
