"""Every calendar that we give reads alike in two independent programs, and names of events stay when they are edited."""

from __future__ import annotations

from typing import Any

import icalendar
import vobject

from fedserver.context import Server
from storage import users
from tests.events.test_events import EVENTS, call, wall
from tests.members import Person

ODD = {
    "title": "Läsning; del 1, ☕ \\ " + "långt " * 20,
    "text": 'Rader\n\nmed; tecken, \\ och "citat" ' + "x" * 200,
    "keywords": ["one, two", "tre;fyra"],
    "place": {"name": "Sal 3; hus B", "locality": "Umeå", "latitude": 63.8, "longitude": 20.3},
}


async def both(who: Person, path: str) -> list[tuple[str, str, str, str, int]]:
    """The events of a calendar as both programs read them: name, title, when it begins, which time is meant, version."""
    answer = await who.raw("GET", path)
    assert answer.status == 200, path
    body = (await answer.read()).decode()
    ours = [
        _told(
            one,
            lambda name, one=one: one.decoded(name),
            str(one["summary"]),
            str(one["uid"]),
            int(one["sequence"]),
        )
        for one in icalendar.Calendar.from_ical(body).walk("VEVENT")
    ]
    theirs = [
        _told(
            one,
            lambda name, one=one: one.getChildValue(name.replace("-", "_")),
            one.summary.value,
            one.uid.value,
            int(one.sequence.value),
        )
        for one in vobject.readOne(body).vevent_list
    ]
    assert sorted(ours) == sorted(theirs), path
    return sorted(ours)


def _told(one: Any, value: Any, title: str, uid: str, sequence: int) -> tuple[str, str, str, str, int]:
    has = "recurrence-id" in one if isinstance(one, icalendar.Event) else hasattr(one, "recurrence_id")
    # By the clock: the other program does not know half an hour of summer time.
    at, recurrence = (
        f"{one:%Y-%m-%dT%H:%M}" for one in (value("dtstart"), value("recurrence-id" if has else "dtstart"))
    )
    return uid, title, at, recurrence if has else "", sequence


async def test_two_programs_read_the_same_and_names_stay(
    server: Server, alice: Person, bob: Person, nobody: Person
) -> None:
    await server.db.write(users.change, alice.account_id, may_create_groups=True)
    group = await alice.post("/api/v1/groups", {"name": "readers", "title": "Readers"})
    weekly = {"rule": {"frequency": "weekly", "count": 6}, "left_out": [wall(14)], "dates": [wall(9, 10)]}
    forms = [
        call(schedule=weekly, **ODD), call(title="Days", schedule={"starts": wall()[:10], "days": 2}),
        call(title="In the group", group_id=group["id"], schedule={"zone": "Australia/Lord_Howe"}),
    ]  # fmt: skip
    made = [await alice.post(EVENTS, one) for one in forms]
    await bob.post(f"{EVENTS}/{made[0]['id']}/rsvp", {"status": "going"})
    token = (await bob.post("/api/v1/calendar/tokens", {"label": "x"}))["url"]
    paths = [
        "/events.ics",
        "/groups/readers/events.ics",
        "/tags/training/events.ics",
        "/" + token.split("/", 3)[3],
    ]
    paths += [f"/events/{one['id']}.ics" for one in made]
    before = {path: await both(nobody, path) for path in paths}
    key = made[0]["occurrences"][1]["key"]
    at = f"{EVENTS}/{made[0]['id']}"
    await alice.patch(f"{at}/occurrences/{key}", {"starts": wall(15, 9), "note": "Moved, really; \\"})
    await alice.patch(f"{at}/occurrences/{made[0]['occurrences'][2]['key']}", {"cancelled": True})
    await alice.patch(f"{EVENTS}/{made[1]['id']}", {"title": "More days", "status": "cancelled"})
    for path in paths:
        after = await both(nobody, path)
        assert {one[0] for one in after} == {one[0] for one in before[path]}, path
    assert {one["uid"] for one in made} == {one[0] for one in await both(nobody, "/events.ics")}
    versions = {one[0]: one[4] for one in await both(nobody, "/events.ics")}
    assert [versions[one["uid"]] for one in made] == [2, 1, 0]
