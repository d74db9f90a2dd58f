"""Calendars that people subscribe to, as two independent programs read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import icalendar
import recurring_ical_events
import vobject

from fedserver.context import Server
from fedserver.events import zone_rules
from storage import users
from tests.conftest import MakeMember
from tests.events.test_events import EVENTS, SECRET, call
from tests.members import Person


async def read(who: Person, path: str) -> Any:
    answer = await who.raw("GET", path)
    assert answer.status == 200, await answer.text()
    assert answer.headers["Content-Type"] == "text/calendar; charset=utf-8"
    body = await answer.read()
    assert SECRET.encode() not in body.replace(b"\r\n ", b"")
    assert all(len(line) <= 75 for line in body.split(b"\r\n"))
    return icalendar.Calendar.from_ical(body)


def starts(calendar: Any) -> list[datetime]:
    now = datetime.now(UTC)
    found = recurring_ical_events.of(calendar).between(now, now + timedelta(days=120))
    return sorted(one.start.astimezone(UTC) for one in found if one.get("status") != "CANCELLED")


def said(event: dict[str, Any]) -> list[datetime]:
    return [
        datetime.fromisoformat(one["starts_at"])
        for one in event["occurrences"]
        if one["status"] != "cancelled"
    ]


async def test_a_series_is_the_same_in_a_calendar_whatever_becomes_of_it(
    alice: Person, nobody: Person
) -> None:
    weekly = {"rule": {"frequency": "weekly", "weekdays": ["MO", "TH"], "count": 6}}
    made = await alice.post(EVENTS, call(schedule=weekly, title="Läsning; del 1, ☕ " + "långt " * 20))
    at, path = f"{EVENTS}/{made['id']}", f"/events/{made['id']}.ics"
    first = await read(nobody, path)
    assert starts(first) == said(made)
    keys = [one["key"] for one in made["occurrences"]]
    moved = (datetime.fromisoformat(made["occurrences"][1]["starts"]) + timedelta(hours=2)).isoformat(
        timespec="minutes"
    )
    await alice.patch(f"{at}/occurrences/{keys[1]}", {"starts": moved, "note": "Room taken"})
    await alice.patch(f"{at}/occurrences/{keys[3]}", {"cancelled": True})
    changed = await alice.patch(at, {"title": "Other"})
    second = await read(nobody, path)
    assert second.to_ical() == (await read(nobody, f"{at}.ics")).to_ical()
    assert starts(second) == said(changed)
    components = second.walk("VEVENT")
    assert {str(one["uid"]) for one in components} == {str(first.walk("VEVENT")[0]["uid"])} == {made["uid"]}
    assert {int(one["sequence"]) for one in components} == {2}
    assert sorted(str(one["status"]) for one in components) == ["CANCELLED", "CONFIRMED", "CONFIRMED"]
    assert second.walk("VTIMEZONE")


async def test_the_calendar_of_the_server_has_what_is_public(alice: Person, nobody: Person) -> None:
    shown = await alice.post(EVENTS, call(title="Open"))
    await alice.post(EVENTS, call(title="Closed", visibility="members"))
    whole_day = {"starts": shown["schedule"]["starts"][:10], "days": 2}
    await alice.post(EVENTS, call(title="Two days", schedule=whole_day))
    calendar = await read(nobody, "/events.ics")
    assert {str(one["summary"]) for one in calendar.walk("VEVENT")} == {"Open", "Two days"}
    (days,) = [one for one in calendar.walk("VEVENT") if str(one["summary"]) == "Two days"]
    assert days["dtend"].dt - days["dtstart"].dt == timedelta(days=2)


async def test_a_members_own_calendar_has_a_secret_address(
    alice: Person, bob: Person, nobody: Person
) -> None:
    made = await alice.post(EVENTS, call(title="Mine", visibility="members"))
    await alice.post(EVENTS, call(title="Not mine"))
    await bob.post(f"{EVENTS}/{made['id']}/rsvp", {"status": "going"})
    token = await bob.post("/api/v1/calendar/tokens", {"label": "Telephone"})
    path = "/" + token["url"].split("/", 3)[3]
    assert [str(one["summary"]) for one in (await read(nobody, path)).walk("VEVENT")] == ["Mine"]
    listed = await bob.get("/api/v1/calendar/tokens")
    assert [(one["id"], one["label"], one["url"]) for one in listed] == [(token["id"], "Telephone", None)]
    assert (await alice.raw("DELETE", f"/api/v1/calendar/tokens/{token['id']}")).status == 404
    await bob.delete(f"/api/v1/calendar/tokens/{token['id']}")
    assert (await nobody.raw("GET", path)).status == 404


async def test_every_public_calendar_has_what_anybody_may_find(
    server: Server, alice: Person, nobody: Person
) -> None:
    await server.db.write(users.change, alice.account_id, may_create_groups=True)
    for access in ("public", "private"):
        group = await alice.post("/api/v1/groups", {"name": f"{access}s", "title": access, "access": access})
        await alice.post(EVENTS, call(title=f"In a {access} group", group_id=group["id"]))
    await alice.post(EVENTS, call(title="Elsewhere", keywords=["Open science"]))

    async def summaries(path: str) -> set[str]:
        return {str(one["summary"]) for one in (await read(nobody, path)).walk("VEVENT")}

    assert await summaries("/calendar.ics") == {"In a public group", "Elsewhere"}
    assert await summaries("/groups/publics/events.ics") == {"In a public group"}
    assert await summaries("/tags/openscience/events.ics") == {"Elsewhere"}
    # Of what is hidden it is not even said that it is there.
    assert (
        await summaries("/groups/privates/events.ics") == await summaries("/groups/none/events.ics") == set()
    )
    first = await nobody.raw("GET", "/calendar.ics?kind=call")
    again = await nobody.raw(
        "GET", "/calendar.ics?kind=call", headers={"If-None-Match": first.headers["ETag"]}
    )
    assert (again.status, await again.read()) == (304, b"")


async def test_the_link_to_join_is_in_the_calendar_of_who_is_in_when_it_is_due(
    server: Server, alice: Person, bob: Person, member: MakeMember, nobody: Person
) -> None:
    now = datetime.now(UTC)
    begins = now + timedelta(minutes=20)
    daily = {
        "starts": begins.strftime("%Y-%m-%dT%H:%M"), "zone": "UTC", "rule": {"frequency": "daily", "count": 3}
    }  # fmt: skip
    made = await alice.post(EVENTS, call(schedule=daily))
    single = await alice.post(
        EVENTS, call(title="Single", schedule={"starts": daily["starts"], "zone": "UTC"})
    )
    later = await alice.post(EVENTS, call(title="Later"))
    carol = await member("carol")
    for who, status in ((bob, "going"), (carol, "maybe")):
        for event in (made, single, later):
            await who.post(f"{EVENTS}/{event['id']}/rsvp", {"status": status})
    for who, linked in ((bob, {"Cohort call", "Single"}), (alice, {"Cohort call", "Single"}), (carol, set())):
        token = await who.post("/api/v1/calendar/tokens", {"label": "x"})
        body = await (await nobody.raw("GET", "/" + token["url"].split("/", 3)[3])).read()
        events = icalendar.Calendar.from_ical(body).walk("VEVENT")
        shown = [one for one in events if SECRET in str(one["description"])]
        assert {str(one["summary"]) for one in shown} == linked, who.username
        assert all(str(one["conference"]) == SECRET for one in shown)
        # Of a series it is at that one time, and at no other.
        assert all(SECRET not in str(one.get("conference", "")) for one in events if "RRULE" in one)
        (kept,) = await who.get("/api/v1/calendar/tokens")
        assert kept["used_at"] in {f"{day:%Y-%m-%d}T00:00:00.000Z" for day in (now, datetime.now(UTC))}


async def test_what_groups_do_is_in_a_members_own_calendar_if_wanted(
    server: Server, alice: Person, bob: Person, nobody: Person
) -> None:
    await server.db.write(users.change, alice.account_id, may_create_groups=True)
    group = await alice.post(
        "/api/v1/groups", {"name": "cohort", "title": "Cohort", "access": "members", "join_mode": "open"}
    )
    for title in ("Wanted", "Declined"):
        made = await alice.post(EVENTS, call(title=title, group_id=group["id"]))
    await bob.post(f"/api/v1/groups/{group['id']}/join")
    await bob.post(f"{EVENTS}/{made['id']}/rsvp", {"status": "declined"})
    token = await bob.post("/api/v1/calendar/tokens", {"label": "x"})
    path = "/" + token["url"].split("/", 3)[3]
    for address, found in ((path, []), (f"{path}?groups=1", ["Wanted"])):
        assert [str(one["summary"]) for one in (await read(nobody, address)).walk("VEVENT")] == found


def test_two_programs_know_the_hour_in_every_zone_from_our_rules() -> None:
    zones = (
        "Europe/Stockholm", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Kolkata", "Europe/Dublin",
        "Asia/Jerusalem", "America/Santiago", "America/Sao_Paulo",
    )  # fmt: skip
    wrong = []
    for zone in zones:
        rules = zone_rules.of(zone)
        assert rules is not None
        first = datetime(2005, 1, 5, 15)  # noqa: DTZ001  wall time
        begins = [first + timedelta(days=73 * number) for number in range(120)]
        calendar = icalendar.Calendar()
        # By a name that no program knows, so that it has to read the rules.
        rules = icalendar.Timezone.from_ical(rules.to_ical().replace(zone.encode(), f"{zone}-here".encode()))
        calendar.add_component(rules)
        for one in begins:
            event = icalendar.Event()
            event.add("dtstart", one)
            event["dtstart"].params["TZID"] = f"{zone}-here"
            calendar.add_component(event)
        wanted = [one.replace(tzinfo=ZoneInfo(zone)).utcoffset() for one in begins]
        read = icalendar.Calendar.from_ical(calendar.to_ical())
        theirs = [one["dtstart"].dt.utcoffset() for one in read.walk("VEVENT")]
        others = [
            one.dtstart.value.utcoffset() for one in vobject.readOne(calendar.to_ical().decode()).vevent_list
        ]
        wrong += [
            (zone, begins[at])
            for at, each in enumerate(zip(wanted, theirs, others, strict=True))
            if len(set(each)) > 1
        ]
        ruled = [one for one in rules.subcomponents if "rrule" in one]
        assert len(ruled) == (2 if zone in zones[:3] else len(ruled)), zone
    assert not wrong, wrong
