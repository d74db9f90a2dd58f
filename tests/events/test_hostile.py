"""Events that are meant to do harm: numbers and dates beyond all measure, documents of any shape, what stops being an event."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from activitypub.errors import ProtocolError
from activitypub.values import normalise
from activitypub.vocabulary.event import read_event
from activitypub.vocabulary.resource import read_resource
from fedserver.resources import licences
from storage import posts as stored_posts
from tests.conftest import MakeMember
from tests.events.test_events import EVENTS, call, refused, wall
from tests.federation.stub import Door, StubActor
from tests.federation.test_inbox import arrived
from tests.members import Person

HUGE: Final = 9_000_000_000_000_000_000
RESOURCES: Final = "/api/v1/resources"


# -- members


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"rsvp_closes_at": HUGE}, "rsvp_closes_at"),
        ({"rsvp_closes_at": -1}, "rsvp_closes_at"),
        ({"schedule": {"dates": [wall(8)] * 201}}, "schedule.dates"),
        ({"schedule": {"left_out": [wall(8)] * 201}}, "schedule.left_out"),
        ({"schedule": {"starts": "2200-12-30T10:00", "rule": {"frequency": "daily", "count": 9}}}, "schedule.rule"),
        ({"schedule": {"starts": "9999-12-31T10:00"}}, "schedule.starts"),
        ({"schedule": {"zone": "../../etc/passwd"}}, "schedule.zone"),
        ({"agenda": [{"title": "Talk", "speakers": [f"Speaker {number}" for number in range(21)]}]}, "agenda"),
        ({"website": "javascript:alert(1)"}, "website"),
        ({"place": {"latitude": 1e308, "longitude": 0}}, "place"),
    ],
)  # fmt: skip
async def test_what_nobody_can_mean_is_refused(alice: Person, form: dict[str, Any], field: str) -> None:
    code, text = await refused(alice, EVENTS, call(**form))
    assert (code, field in text) == (422, True)
    assert await alice.get("/api/v1/calendar") == []


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"capacity": 10**12}, "capacity"),
        ({"starts": "9999-12-31T23:59"}, "starts"),
        ({"starts": "0001-01-01T00:00"}, "starts"),
    ],
)
async def test_no_single_time_is_moved_beyond_all_measure(
    alice: Person, change: dict[str, Any], field: str
) -> None:
    made = await alice.post(EVENTS, call())
    at = f"{EVENTS}/{made['id']}"
    code, text = await refused(alice, f"{at}/occurrences/{made['occurrences'][0]['key']}", change, "PATCH")
    assert (code, field in text) == (422, True)
    assert (await alice.get(at))["sequence"] == 0


@pytest.mark.parametrize("after", ["²-1", "1-²", "9" * 40 + "-1", "1-" + "9" * 40, "x", "-"])
async def test_a_place_in_the_calendar_is_one_that_was_given(nobody: Person, after: str) -> None:
    assert (await nobody.raw("GET", "/api/v1/calendar", params={"after": after})).status == 422


async def test_a_calendar_of_all_zones_costs_no_more_than_once(
    alice: Person, nobody: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    import icalendar

    asked = list[str]()
    honest = icalendar.Timezone.from_tzid

    def counted(tzid: str, **more: Any) -> Any:
        asked.append(tzid)
        return honest(tzid, **more)

    monkeypatch.setattr(icalendar.Timezone, "from_tzid", counted)
    await alice.post(EVENTS, call(schedule={"zone": "Pacific/Chatham"}))
    for _ in range(3):
        body = await (await nobody.raw("GET", "/events.ics")).text()
        assert body.count("BEGIN:VTIMEZONE") == 1
    assert asked.count("Pacific/Chatham") <= 1


@pytest.mark.parametrize("text", ["()", "MIT ()", "MIT MIT", "(" * 150, "WITH", "AND OR", "\x00", "\ud800"])
def test_no_expression_of_licences_is_too_strange_to_be_refused(text: str) -> None:
    assert licences.normal(text) is None
    assert licences.terms("MIT OR " * 20_000 + "MIT") is None


# -- other servers


def gathering(actor: StubActor, **more: Any) -> dict[str, Any]:
    return actor.note(
        "We meet.", **{"type": "Event", "name": "Gathering", "startTime": "2031-03-12T15:00:00Z", **more}
    )


async def titles(who: Person) -> list[str]:
    listed = await who.get("/api/v1/calendar", **{"from": "2031-01-01", "to": "2031-12-31"})
    return [one["event"]["title"] for one in listed]


async def test_what_stops_being_an_event_is_in_no_calendar(door: Door, ann: StubActor, alice: Person) -> None:
    first, second = gathering(ann), gathering(ann, name="Other")
    await door.takes(ann, ann.says("Create", first), ann.says("Create", second))
    assert sorted(await titles(alice)) == ["Gathering", "Other"]
    as_note = {name: value for name, value in first.items() if name not in ("name", "startTime")}
    without_time = {name: value for name, value in second.items() if name != "startTime"}
    await door.takes(ann, ann.says("Update", {**as_note, "type": "Note"}), ann.says("Update", without_time))
    assert await titles(alice) == []
    row = await door.server.db.read(stored_posts.by_uri, first["id"])
    assert (row.kind, row.preview_id) == ("note", None)
    assert (await alice.raw("GET", f"{EVENTS}/{row.id}")).status == 404
    await door.takes(ann, ann.says("Update", first))
    assert await titles(alice) == ["Gathering"]


async def test_what_stops_being_a_resource_is_in_no_library(
    door: Door, ann: StubActor, alice: Person
) -> None:
    page = ann.note(
        "A lesson.", type="Page", name="Lesson",
        learningResource={"@type": "schema:LearningResource", "schema:description": "About", "schema:license": "()"},
    )  # fmt: skip
    await door.takes(ann, ann.says("Create", page))
    assert [one["title"] for one in await alice.get(RESOURCES)] == ["Lesson"]
    assert (await alice.get(f"{RESOURCES}/facets", **{"facets[]": "instance"}))["total"] == 1
    plain = {name: value for name, value in page.items() if name not in ("name", "learningResource")}
    await door.takes(ann, ann.says("Update", {**plain, "type": "Note"}))
    assert await alice.get(RESOURCES) == []
    assert (await alice.get(f"{RESOURCES}/facets", **{"facets[]": "instance"}))["total"] == 0
    row = await door.server.db.read(stored_posts.by_uri, page["id"])
    assert (await alice.raw("GET", f"{RESOURCES}/{row.id}")).status == 404


async def test_an_event_that_moves_keeps_those_who_go(
    door: Door, ann: StubActor, alice: Person, member: MakeMember
) -> None:
    made = gathering(ann, participantCount=HUGE, maximumAttendeeCapacity=HUGE)
    await door.takes(ann, ann.says("Create", made))
    row = await door.server.db.read(stored_posts.by_uri, made["id"])
    at = f"{EVENTS}/{row.id}"
    await alice.post(f"{at}/rsvp", {"status": "going"})
    await door.takes(ann, ann.says("Update", {**made, "startTime": "2031-03-14T10:00:00Z"}))
    (one,) = (await alice.get(at))["occurrences"]
    assert (one["starts_at"], one["rsvp"]["state"]) == ("2031-03-14T10:00:00.000Z", "sent")


@pytest.mark.parametrize("moment", ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "1900-01-01T00:00:00Z"])
async def test_no_time_is_too_far_away_to_be_read(
    door: Door, ann: StubActor, alice: Person, moment: str
) -> None:
    made = gathering(ann)
    far = {**made, "startTime": moment, "endTime": moment}
    await door.takes(
        ann,
        ann.says("Create", made),
        ann.says("Update", far),
        ann.says("Create", gathering(ann, startTime=moment)),
    )
    assert [state for state, _ in await arrived(door)][-3:] == ["done"] * 3
    assert await titles(alice) == []


# -- documents of any shape

SEEDS: Final = [
    {"startTime": "2031-03-12T15:00:00Z", "endTime": "2031-03-12T16:00:00+01:00", "timezone": "Europe/Stockholm",
     "location": {"type": "Place", "name": "Room", "address": {"streetAddress": "1", "addressCountry": {"name": "SE"}},
                  "latitude": 1.5, "longitude": 2}, "joinMode": "free", "maximumAttendeeCapacity": 9,
     "eventStatus": "EventScheduled", "series": [{"schema:startDate": "2031-03-12", "schema:endDate": "2031-03-13"}]},
    {"learningResource": {"@type": "schema:LearningResource", "schema:license": "MIT", "schema:timeRequired": "PT90M",
     "schema:author": [{"type": "Person", "name": "A", "id": "https://orcid.org/0000-0002-1825-0097"}],
     "schema:isBasedOn": [{"id": "https://a.example/1", "schema:name": "B"}], "schema:encoding": [
     {"schema:contentUrl": "https://a.example/f", "schema:contentSize": "12"}], "net:versions": [{"schema:version": "1"}]}},
]  # fmt: skip
_scalars = (
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False) | st.text(max_size=8)
    | st.sampled_from(["9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "()", "\x00", "https://a.example/x", "PT9999999D"])
)  # fmt: skip
_values = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["id", "@id", "type", "name", "schema:name", "@value", "url", "schema:url", "address"]), inner, max_size=3
    ),
    max_leaves=6,
)  # fmt: skip


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        found += _places(inner, (*path, key))
    return found


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_a_document_of_any_shape_is_read_or_dropped(data: st.DataObject) -> None:
    from activitypub.vocabulary import Post
    from fedserver.events import arriving as events
    from fedserver.resources import arriving as resources

    seed = json.loads(json.dumps(data.draw(st.sampled_from(SEEDS))))
    for path in data.draw(st.lists(st.sampled_from(_places(seed)), min_size=1, max_size=3, unique=True)):
        inner: Any = seed
        if path in _places(seed):  # another change may have taken it away
            for key in path[:-1]:
                inner = inner[key]
            inner[path[-1]] = data.draw(_values)
    try:
        document = normalise(seed)
        event, resource = read_event(document), read_resource(document)
    except ProtocolError:
        return
    about: dict[str, Any] = {
        "id": "https://a.example/p",
        "kind": "Event",
        "attributed_to": "https://a.example/u",
    }
    row: Any = SimpleNamespace(title="T", summary="", language="en")
    if event is not None:
        found = events._usable(Post(**about, event=event))
        if found is not None:
            said = events._described(row, found)
            assert events._spans(found, said.schedule)
    if resource is not None:
        kept = resources.details_of(Post(**about, resource=resource))
        assert resources.details_of(Post(**about, resource=resource)) == kept
