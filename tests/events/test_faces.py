"""Events as catalogues, feed readers and site maps see them: valid, of what is public, and without anything that is not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from jsonschema import Draft7Validator

from fedserver.context import Server
from storage import users
from tests.described import described
from tests.events.test_events import EVENTS, SECRET, call, wall
from tests.members import Person

ATOM = "{http://www.w3.org/2005/Atom}"
EVIL = 'Git </script><!-- & "quotes"'
WANTED = {
    "place": {"name": "Room 3", "street": "Main street 1", "locality": "Umeå", "country": "Sweden"},
    "agenda": [{"title": "Branches", "speakers": ["Ada Lovelace"]}], "organisers": ["Grace Hopper"],
    "languages": ["sv", "en"], "cost": "free", "capacity": 20, "website": "https://ols.example/git",
}  # fmt: skip


def profile(shared: Path, name: str) -> Draft7Validator:
    """Bioschemas' own schema. Its alternatives overlap (a Place is a PostalAddress to it), so that any of them will do, and its
    only form of a date is a day, while search engines want the hour as text."""
    text = (shared / f"data/domain/vocab/bioschemas/{name}.schema.json").read_text()
    return Draft7Validator(json.loads(text.replace('"oneOf"', '"anyOf"')))


async def json_ld(who: Person, made: dict[str, Any]) -> dict[str, Any]:
    answer = await who.raw("GET", f"/events/{made['id']}.jsonld")
    assert (answer.status, answer.content_type) == (200, "application/ld+json")
    found: dict[str, Any] = await answer.json(content_type=None)
    negotiated = await who.raw(
        "GET", f"/events/{made['id']}", headers={"Accept": "application/ld+json;profile=x"}
    )
    assert await negotiated.json(content_type=None) == found
    return found


async def test_a_workshop_is_a_course_with_its_instance(
    alice: Person, bob: Person, nobody: Person, shared: Path
) -> None:
    made = await alice.post(EVENTS, call(title=EVIL, kind="workshop", **WANTED))
    await bob.post(f"{EVENTS}/{made['id']}/rsvp", {"status": "going"})
    found = await json_ld(nobody, made)
    (instance,) = found["hasCourseInstance"]
    for document, name in ((found, "Course_v1.0-RELEASE"), (instance, "CourseInstance_v1.0-RELEASE")):
        validator = profile(shared, name)
        validator.validate(document)
        assert set(validator.schema["required"]) <= set(document)
    assert found["dct:conformsTo"]["@id"].endswith("/Course/1.0-RELEASE")
    assert (instance["courseMode"], instance["inLanguage"]) == (["blended", "synchronous"], "sv")
    assert [one["name"] for one in instance["instructor"]] == ["Ada Lovelace"]
    assert instance["location"]["address"]["addressLocality"] == "Umeå"
    assert instance["startDate"].startswith(f"{wall()}:00+0")
    page = await (await nobody.raw("GET", f"/events/{made['id']}")).text()
    inside = page.split('<script type="application/ld+json">')[1].split("</script>")[0]
    assert json.loads(inside) == found
    assert SECRET not in page
    assert "bob" not in inside


async def test_a_call_is_an_event_and_a_series_one_of_all_its_times(
    alice: Person, nobody: Person, shared: Path
) -> None:
    weekly = {"rule": {"frequency": "weekly", "count": 3}}
    series = await alice.post(EVENTS, call(schedule=weekly))
    whole_day = await alice.post(
        EVENTS, call(kind="conference", schedule={"starts": wall()[:10], "days": 2}, status="cancelled")
    )
    key = series["occurrences"][1]["key"]
    await alice.patch(f"{EVENTS}/{series['id']}/occurrences/{key}", {"cancelled": True})
    validator = profile(shared, "Event_v0.3-DRAFT")
    one, other = await json_ld(nobody, series), await json_ld(nobody, whole_day)
    for document in (one, other):
        validator.validate(document)
        assert set(validator.schema["required"]) <= set(document)
    assert (one["@type"], len(one["subEvent"])) == ("EventSeries", 3)
    assert [time["eventStatus"]["@id"].rpartition("/")[2] for time in one["subEvent"]] == [
        "EventScheduled", "EventCancelled", "EventScheduled"
    ]  # fmt: skip
    assert (one["eventSchedule"]["repeatFrequency"], one["eventSchedule"]["repeatCount"]) == ("P1W", 3)
    assert one["location"]["@type"] == "VirtualLocation"
    assert one["location"]["url"] == series["url"]
    assert SECRET not in json.dumps(one)
    assert (len(other["startDate"]), other["endDate"] > other["startDate"]) == (10, True)
    assert other["eventStatus"]["@id"] == "https://schema.org/EventCancelled"


async def test_feeds_and_site_maps_have_what_is_public(server: Server, alice: Person, nobody: Person) -> None:
    await server.db.write(users.change, alice.account_id, may_create_groups=True)
    group = await alice.post("/api/v1/groups", {"name": "trainers", "title": "Trainers"})
    made = [
        await alice.post(EVENTS, call(title=title, **more))
        for title, more in (
            (EVIL, {"group_id": group["id"]}), ("Second", {"keywords": ["Git"]}), ("Quiet", {"visibility": "unlisted"}),
            ("Ours", {"visibility": "members"}),
        )
    ]  # fmt: skip

    async def titles(path: str) -> list[str]:
        answer = await nobody.raw("GET", path)
        assert (answer.status, answer.content_type) == (200, "application/atom+xml")
        text = await answer.text()
        assert SECRET not in text
        again = await nobody.raw("GET", path, headers={"If-None-Match": answer.headers["ETag"]})
        assert again.status == 304
        return [one.findtext(f"{ATOM}title") or "" for one in ET.fromstring(text).iter(f"{ATOM}entry")]

    assert await titles("/events.atom") == ["Second", EVIL]
    assert await titles("/events.atom?group=trainers") == [EVIL]
    assert await titles("/events.atom?topic=git") == ["Second"]
    addresses = await (await nobody.raw("GET", "/sitemap.xml")).text()
    assert [one["url"] in addresses for one in made] == [True, True, False, False]
    for one, status in zip(made, (200, 200, 200, 404), strict=True):
        assert (await nobody.raw("GET", f"/events/{one['id']}.jsonld")).status == status


async def test_what_else_is_at_that_time_is_told_while_planning(
    alice: Person, bob: Person, nobody: Person
) -> None:
    weekly = {
        "starts": wall(7, 15),
        "zone": "UTC",
        "minutes": 60,
        "rule": {"frequency": "weekly", "count": 3},
    }
    made = await alice.post(EVENTS, call(title="Series", schedule=weekly))
    cancelled = made["occurrences"][2]["key"]
    await alice.patch(f"{EVENTS}/{made['id']}/occurrences/{cancelled}", {"cancelled": True})
    await alice.post(
        EVENTS, call(title="Quiet", visibility="unlisted", schedule={"starts": wall(7, 15), "zone": "UTC"})
    )
    clashes = "/api/v1/calendar/clashes"
    found = await bob.post(clashes, {"schedule": {**weekly, "starts": wall(0, 15), "minutes": 30}})
    described(clashes, "post").validate(found)
    assert [[line["event"]["title"] for line in one["entries"]] for one in found] == [["Series"]] * 2
    # What ends when the other begins is not at the same time.
    assert await bob.post(clashes, {"schedule": {**weekly, "starts": wall(7, 16)}}) == []
    assert (
        await alice.post(clashes, {"schedule": {**weekly, "starts": wall(21, 15)}, "event_id": made["id"]})
        == []
    )
    answer = await bob.raw("POST", clashes, json={"schedule": {**weekly, "zone": "Mars"}})
    assert (answer.status, list((await answer.json())["details"])) == (422, ["schedule.zone"])
    assert (await nobody.raw("POST", clashes, json={"schedule": weekly})).status == 401


@pytest.mark.parametrize("path", ["/events/1.jsonld", "/events.atom?kind=party", "/calendar.ics?how=x"])
async def test_what_is_not_there_or_cannot_be_asked_is_refused(nobody: Person, path: str) -> None:
    assert (await nobody.raw("GET", path)).status in (404, 422)
