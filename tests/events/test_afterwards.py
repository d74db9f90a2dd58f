"""What comes after an event: notes, recordings and slides; who came, as a number for all and by name for organisers; a message to
those who came."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from sqlalchemy import Connection, select, update

from fedserver.events import agendas, attendance
from fedserver.events.records import AgendaItem
from storage import tables
from storage.types import now_ms
from tests.conftest import MakeMember
from tests.described import described
from tests.events.test_events import EVENTS, SECRET, call, refused
from tests.federation.stub import Door, Stub
from tests.members import Person
from tests.peers import lemmy_like, mobilizon_like, piefed_like
from tests.resources.test_publishing import LESSON, RESOURCES
from tests.test_publish import sent

GOING = {"status": "going"}
WEEKLY = {"rule": {"frequency": "weekly", "count": 2}}
HOUR_MS = 3_600_000


async def pass_by(alice: Person, event: dict[str, Any], door_or_server: Any, *, hours: int = 2) -> None:
    """As if the first time of it had begun that many hours ago, and lasted one."""
    begun = now_ms() - hours * HOUR_MS
    key = event["occurrences"][0]["key"]

    def unit(conn: Connection) -> None:
        table = tables.occurrence
        conn.execute(
            update(table)
            .where(table.c.post_id == int(event["id"]), table.c.key == key)
            .values(starts_at=begun, ends_at=begun + HOUR_MS)
        )

    await door_or_server.db.write(unit)


async def test_an_agenda_leads_to_resources_of_the_library(
    alice: Person, bob: Person, nobody: Person
) -> None:
    lesson = await alice.post(RESOURCES, LESSON)
    inner = await alice.post(RESOURCES, {**LESSON, "title": "For us", "visibility": "members"})
    agenda = [
        {"title": "Welcome", "speakers": ["Ada"]},
        {"title": "FAIR", "offset_minutes": 75, "resources": [lesson["id"], inner["id"]]},
    ]
    made = await alice.post(EVENTS, call(agenda=agenda))
    described(EVENTS, "post").validate(made)
    assert [one["title"] for one in made["resources"]] == [LESSON["title"], "For us"]
    at = f"{EVENTS}/{made['id']}"
    assert [one["title"] for one in (await nobody.get(at))["resources"]] == [LESSON["title"]]
    html = await (await nobody.raw("GET", f"/events/{made['id']}")).text()
    assert f'<a href="{lesson["url"]}">{LESSON["title"]}</a>' in html
    assert "after 1:15" in html
    assert "For us" not in html
    for wrong in ("0", "999999999", "https://x.example/", "²"):
        code, text = await refused(bob, EVENTS, call(agenda=[{"title": "x", "resources": [wrong]}]))
        assert (code, "agenda" in text) == (422, True)
    # What was named before may go, without being in the way of other changes.
    await alice.delete(f"{RESOURCES}/{inner['id']}")
    assert [one["id"] for one in (await alice.patch(at, {"title": "Anew"}))["resources"]] == [lesson["id"]]


@pytest.mark.parametrize(
    ("line", "item"),
    [
        ("Welcome", AgendaItem(title="Welcome")),
        ("0:15 Talk | Ada, Grace", AgendaItem(title="Talk", offset_minutes=15, speakers=("Ada", "Grace"))),
        ("1:05 Talk |  | /resources/7 /resources/8", AgendaItem(title="Talk", offset_minutes=65, resources=("7", "8"))),
        ("10:61 is no time", AgendaItem(title="10:61 is no time")),
    ],
    ids=["title", "speakers", "resources", "no-time"],
)  # fmt: skip
def test_an_agenda_is_written_in_lines(line: str, item: AgendaItem) -> None:
    assert agendas.from_lines(line) == (item,)
    assert agendas.from_lines(agendas.to_lines([item, item])) == (item, item)


def test_addresses_of_resources_are_read_in_an_agenda() -> None:
    (item,) = agendas.from_lines("Talk | Ada | https://a.example/resources/7/v/2, 8 https://a.example/other")
    assert item.resources == ("7", "8", "https://a.example/other")


async def test_what_came_out_of_an_event_is_shown_and_told(
    door: Door, there: Stub, alice: Person, bob: Person, nobody: Person
) -> None:
    ann = there.actor("ann")
    await door.takes(ann, ann.says("Follow", door.server.uris.actor("alice")))
    lesson = await alice.post(RESOURCES, LESSON)
    inner = await alice.post(RESOURCES, {**LESSON, "title": "For us", "visibility": "members"})
    made = await alice.post(EVENTS, call(schedule=WEEKLY, website="https://example.org/"))
    at, key = f"{EVENTS}/{made['id']}", made["occurrences"][1]["key"]
    notes = {
        "role": "notes",
        "title": "Notes <b>of</b> the day",
        "url": "https://example.org/notes",
        "occurrence": key,
    }
    found = await alice.post(f"{at}/outputs", notes)
    described(f"{EVENTS}/{{id}}/outputs", "post").validate(found)
    await alice.post(f"{at}/outputs", {"role": "slides", "resource_id": lesson["id"]})
    await alice.post(f"{at}/outputs", {"role": "recording", "resource_id": inner["id"]})
    seen = (await nobody.get(at))["outputs"]
    assert [(one["role"], one["title"], one["url"], one["occurrence"]) for one in seen] == [
        ("notes", "Notes <b>of</b> the day", "https://example.org/notes", key),
        ("slides", LESSON["title"], lesson["url"], None),
    ]
    assert [one["title"] for one in (await bob.get(at))["outputs"]][2:] == ["For us"]
    html = await (await nobody.raw("GET", f"/events/{made['id']}")).text()
    assert "Notes &lt;b&gt;of&lt;/b&gt; the day" in html
    update = [one.activity for one in await sent(door.server)][-1]
    links = [(one["name"], one["href"]) for one in update["object"]["attachment"]]
    assert links == [
        ("Website", "https://example.org/"),
        ("Notes: Notes <b>of</b> the day", "https://example.org/notes"), (f"Slides: {LESSON['title']}", lesson["url"]),
    ]  # fmt: skip
    for reader in (lemmy_like, mobilizon_like, piefed_like):
        assert reader.parse(update) == "Update", reader.__name__
    assert (await bob.raw("POST", f"{at}/outputs", json=notes)).status == 403
    assert (await bob.raw("DELETE", f"{at}/outputs/{seen[0]['id']}")).status == 403
    assert [one["role"] for one in (await alice.delete(f"{at}/outputs/{seen[0]['id']}"))["outputs"]] == [
        "slides",
        "recording",
    ]
    assert (await alice.raw("DELETE", f"{at}/outputs/{seen[0]['id']}")).status == 404


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"role": "video", "title": "x", "url": "https://example.org/"}, "role"),
        ({"title": "x", "url": "javascript:alert(1)"}, "url"),
        ({"title": "x"}, "url"),
        ({"url": "https://example.org/"}, "title"),
        ({"title": "x", "url": SECRET}, "url"),
        ({"resource_id": "12"}, "resource_id"),
        ({"title": "x", "url": "https://example.org/", "occurrence": "20200101T1000"}, "occurrence"),
    ],
    ids=["role", "script", "nothing", "title", "link-to-join", "resource", "occurrence"],
)  # fmt: skip
async def test_what_cannot_have_come_out_of_it_is_told_by_field(
    alice: Person, form: dict[str, Any], field: str
) -> None:
    made = await alice.post(EVENTS, call())
    code, text = await refused(alice, f"{EVENTS}/{made['id']}/outputs", form)
    assert (code, field in text) == (422, True)
    assert (await alice.get(f"{EVENTS}/{made['id']}"))["outputs"] == []


async def test_what_came_out_of_an_event_elsewhere_is_shown(door: Door, there: Stub, alice: Person) -> None:
    ann = there.actor("ann")
    links = [
        {"type": "Link", "href": "https://example.org/", "mediaType": "text/html", "name": "Website"},
        {"type": "Link", "href": "https://example.org/video", "name": "Recording: All of it"},
        {"type": "Link", "href": "javascript:alert(1)", "name": "Notes: Bad"},
    ]
    event = ann.note(
        "x", served=True, type="Event", name="There", startTime="2099-01-01T20:00:00Z", attachment=links
    )
    found = await alice.get("/api/v2/search", q=event["id"], resolve="true")
    at = f"{EVENTS}/{found['statuses'][0]['id']}"
    shown = await alice.get(at)
    assert shown["website"] == "https://example.org/"
    assert [(one["role"], one["title"], one["url"]) for one in shown["outputs"]] == [
        ("recording", "All of it", "https://example.org/video")
    ]
    await door.takes(
        ann, ann.says("Update", {**event, "attachment": links[:1], "updated": "2099-01-01T00:00:00Z"})
    )
    assert (await alice.get(at))["outputs"] == []


async def test_who_came_is_ticked_and_stays_private(
    door: Door, alice: Person, bob: Person, member: MakeMember, nobody: Person
) -> None:
    carol = await member("carol")
    made = await alice.post(EVENTS, call(schedule=WEEKLY, questions=["=cmd|' /C calc'!A0"]))
    at, key = f"{EVENTS}/{made['id']}", made["occurrences"][0]["key"]
    await bob.patch("/api/v1/accounts/update_credentials", {"display_name": '=HYPERLINK("https://evil")'})
    for who in (bob, carol):
        await who.post(f"{at}/rsvp", {**GOING, "answers": {"=cmd|' /C calc'!A0": "+1"}})
    code, text = await refused(alice, f"{at}/attendance", {"occurrence": key, "attended": [str(bob.id)]})
    assert (code, "not begun" in text) == (409, True)
    await pass_by(alice, made, door.server)
    found = await alice.post(
        f"{at}/attendance", {"occurrence": key, "attended": [str(bob.id), str(carol.id)]}
    )
    assert [one["attended_count"] for one in found["occurrences"]] == [2, 0]
    await alice.post(f"{at}/attendance", {"occurrence": key, "absent": [str(carol.id)]})
    for who in (alice, bob, nobody):
        assert [one["attended_count"] for one in (await who.get(at))["occurrences"]] == [1, 0]
    seen = await alice.get(f"{at}/rsvps", occurrence=key)
    assert {one["acct"]: one["attended"] for one in seen} == {"bob": True, "carol": False}
    answer = await alice.raw("GET", f"{at}/attendance")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert "no-store" in answer.headers["Cache-Control"]
    header, *rows = csv.reader(io.StringIO(await answer.text()))
    assert header[:8] == ["Begins", "Zone", "Name", "Account", "Answer", "State", "Guests", "Came"]
    assert header[8].startswith("'=cmd")
    assert len(rows) == 4
    came = {row[3].partition("@")[0]: (row[2], row[7], row[8]) for row in rows if row[7]}
    assert came == {"bob": ('\'=HYPERLINK("https://evil")', "yes", "'+1"), "carol": ("carol", "no", "'+1")}
    for who, code in ((bob, 403), (nobody, 401)):
        assert (await who.raw("GET", f"{at}/attendance")).status == code
        assert (await who.raw("POST", f"{at}/attendance", json={"occurrence": key})).status == code
        assert (
            await who.raw("POST", f"{at}/follow_up", json={"occurrence": key, "text": "x"})
        ).status == code
    assert (
        await alice.raw("POST", f"{at}/attendance", json={"occurrence": key, "attended": ["7"]})
    ).status == 404


async def test_those_who_came_are_written_to_once_and_each_alone(
    door: Door, there: Stub, alice: Person, bob: Person, member: MakeMember
) -> None:
    carol, dana = await member("carol"), there.actor("dana")
    made = await alice.post(EVENTS, call())
    at, key = f"{EVENTS}/{made['id']}", made["occurrences"][0]["key"]
    for who in (bob, carol):
        await who.post(f"{at}/rsvp", GOING)
    await door.takes(dana, dana.says("Join", made["uri"]))
    dana_id = (await alice.get("/api/v1/accounts/lookup", acct=f"dana@{there.host}"))["id"]
    form = {"occurrence": key, "text": "Thank you! Tell us how it was.", "link": "https://survey.example/7"}
    assert "not over" in (await refused(alice, f"{at}/follow_up", form))[1]
    await pass_by(alice, made, door.server)
    assert "Tick first" in (await refused(alice, f"{at}/follow_up", form))[1]
    await alice.post(f"{at}/attendance", {"occurrence": key, "attended": [str(bob.id), dana_id]})
    assert (await refused(alice, f"{at}/follow_up", {**form, "text": " "}))[0] == 422
    assert (await refused(alice, f"{at}/follow_up", {**form, "link": "x"}))[0] == 422
    before = len(await sent(door.server))
    assert await alice.post(f"{at}/follow_up", form) == {"written_to": 2}
    assert (await refused(alice, f"{at}/follow_up", form))[0] == 409
    payload = {"occurrence_id": await occurrence_id(door, made), "text": form["text"], "link": form["link"]}
    for _ in range(2):  # also when its work is done twice
        await attendance.send_follow_up(door.server, payload)
    told = [one for one in await bob.get("/api/v1/notifications") if one["type"] == "mention"]
    assert [one["status"]["visibility"] for one in told] == ["direct"]
    assert "https://survey.example/7" in told[0]["status"]["content"]
    assert "carol" not in str(told)
    assert "dana" not in str(told)
    assert [one for one in await carol.get("/api/v1/notifications") if one["type"] == "mention"] == []
    (note,) = (await sent(door.server))[before:]
    assert (note.activity["to"], note.activity["object"]["cc"]) == ([dana.uri], [])
    assert "bob" not in str(note.activity["object"])


async def occurrence_id(door: Door, event: dict[str, Any]) -> int:
    query = select(tables.occurrence.c.id).where(tables.occurrence.c.post_id == int(event["id"]))
    return int(await door.server.db.read(lambda conn: conn.scalar(query)) or 0)
