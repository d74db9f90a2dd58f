"""Calendars elsewhere are read again and again, politely, and events follow them; and once, through the API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import FormData, web
from aiohttp.test_utils import TestServer

from fedserver.context import Server
from fedserver.events.importing import subscribing
from storage import calendar_feeds, users
from storage.types import now_ms
from tests.described import described
from tests.events.importing.samples import calendar
from tests.events.test_events import EVENTS, refused
from tests.members import Person

FEEDS, IMPORT = "/api/v1/calendar/feeds", "/api/v1/calendar/import"
SOON = datetime.now(UTC).replace(hour=15, minute=0) + timedelta(days=7)
AT = f"DTSTART;TZID=Europe/Stockholm:{SOON:%Y%m%dT%H%M00}\nDURATION:PT1H"
CALL, OTHER = f"UID:a\nSUMMARY:Call\n{AT}", f"UID:b\nSUMMARY:Other\n{AT}"


@dataclass
class Elsewhere:
    """A server with a calendar, and what it was asked."""

    url: str = ""
    text: str = ""
    status: int = 200
    asked: list[str] = field(default_factory=list)

    def say(self, *components: str) -> None:
        self.text = calendar(*components, head="X-WR-CALNAME:Team\n")


@pytest.fixture
async def elsewhere() -> AsyncIterator[Elsewhere]:
    there = Elsewhere()

    async def answer(request: web.Request) -> web.Response:
        tag = f'"{hash(there.text)}"'
        there.asked.append(request.headers.get("If-None-Match", ""))
        if there.status == 200 and there.asked[-1] == tag:
            return web.Response(status=304)
        return web.Response(
            text=there.text, status=there.status, content_type="text/calendar", headers={"ETag": tag}
        )

    app = web.Application()
    app.router.add_get("/team.ics", answer)
    async with TestServer(app) as server:
        there.url = str(server.make_url("/team.ics"))
        yield there


async def read(server: Server, feed: dict[str, Any], who: Person) -> dict[str, Any]:
    """Have a calendar read now; it as it is then."""
    await server.db.write(lambda conn: calendar_feeds.change(conn, int(feed["id"]), due_at=now_ms()))
    await subscribing.read_calendar(server, {"id": int(feed["id"])})
    found: dict[str, Any] = await who.get(f"{FEEDS}/{feed['id']}")
    return found


async def titles(who: Person) -> dict[str, str]:
    return {one["event"]["title"]: one["occurrence"]["status"] for one in await who.get("/api/v1/calendar")}


async def test_events_follow_a_calendar(
    server: Server, admin: Person, bob: Person, elsewhere: Elsewhere
) -> None:
    elsewhere.say(CALL, OTHER)
    feed = await admin.post(FEEDS, {"url": elsewhere.url})
    described(FEEDS, "post").validate(feed)
    feed = await read(server, feed, admin)
    assert (feed["title"], feed["counts"], feed["problem"]) == ("Team", {"added": 2}, "")
    assert set(await titles(bob)) == {"Call", "Other"}
    assert await bob.get("/api/v1/notifications") == []
    # Nothing has changed: nothing is read. New names for the same are seen through.
    await read(server, feed, admin)
    assert elsewhere.asked[-1]
    elsewhere.say(CALL.replace("UID:a", "UID:x"), OTHER.replace("UID:b", "UID:y") + "\nLOCATION:Hall")
    assert (await read(server, feed, admin))["counts"] == {"unchanged": 1, "changed": 1}
    # What is gone from it, and yet to come, goes here too, unless somebody took notice of it: then it is called off.
    (other,) = [one for one in await bob.get("/api/v1/calendar") if one["event"]["title"] == "Other"]
    await bob.post(f"/api/v1/statuses/{other['event']['id']}/favourite", {})
    past = f"UID:p\nSUMMARY:Past\nDTSTART:{SOON - timedelta(days=20):%Y%m%dT%H%M00}Z"
    elsewhere.say(past)
    assert (await read(server, feed, admin))["counts"] == {"added": 1, "removed": 2}
    assert (await bob.get(f"{EVENTS}/{other['event']['id']}"))["state"] == "cancelled"
    assert "Call" not in await titles(bob)
    elsewhere.say(CALL, OTHER.replace("UID:b", "UID:y") + "\nLOCATION:Hall")
    assert (await read(server, feed, admin))["counts"] == {"added": 1, "changed": 1}
    assert (await bob.get(f"{EVENTS}/{other['event']['id']}"))["state"] == "scheduled"
    # One that says nothing, or is cut off, takes nothing away.
    for text in (calendar(), calendar(CALL)[:-40]):
        elsewhere.text = text
        await read(server, feed, admin)
    assert set(await titles(bob)) == {"Call", "Other"}
    # What a member deletes here stays away.
    (call,) = [one for one in await bob.get("/api/v1/calendar") if one["event"]["title"] == "Call"]
    await admin.delete(f"{EVENTS}/{call['event']['id']}")
    elsewhere.say(CALL + "\nLOCATION:Room")
    assert (await read(server, feed, admin))["counts"]["removed_here"] == 1
    page = await (await bob.raw("GET", f"/events/{other['event']['id']}")).text()
    assert "Team (127.0.0.1)" in page
    await admin.delete(f"{FEEDS}/{feed['id']}")
    assert await admin.get(FEEDS) == []
    assert set(await titles(bob)) == {"Other"}
    assert (await bob.get(f"{EVENTS}/{other['event']['id']}"))["state"] == "cancelled"


async def test_a_server_that_fails_is_asked_less_and_less_often(
    server: Server, admin: Person, elsewhere: Elsewhere
) -> None:
    elsewhere.status = 500
    feed = await admin.post(FEEDS, {"url": elsewhere.url, "hours": 2})
    waits = []
    for _ in range(4):
        feed = await read(server, feed, admin)
        waits.append((datetime.fromisoformat(feed["due_at"]) - datetime.now(UTC)).total_seconds() / 3600)
    assert feed["failures"] == 4
    assert "status 500" in feed["problem"]
    assert all(2 * 2**number * 0.99 <= wait <= 2 * 2**number * 1.21 for number, wait in enumerate(waits)), (
        waits
    )
    elsewhere.status, elsewhere.text = 200, "<html>"
    assert "no calendar" in (await read(server, feed, admin))["problem"]
    elsewhere.say(CALL)
    feed = await read(server, feed, admin)
    assert (feed["problem"], feed["failures"], feed["counts"]) == ("", 0, {"added": 1})
    elsewhere.status = 410
    assert (await read(server, feed, admin))["state"] == "paused"
    number = len(elsewhere.asked)
    assert (await read(server, feed, admin))["state"] == "paused"
    assert len(elsewhere.asked) == number
    assert (await admin.post(f"{FEEDS}/{feed['id']}/resume", {}))["state"] == "active"
    assert (await admin.raw("POST", f"{FEEDS}/{feed['id']}/refresh")).status == 429


async def test_who_may_subscribe(
    server: Server, alice: Person, bob: Person, admin: Person, nobody: Person, elsewhere: Elsewhere
) -> None:
    form = {"url": elsewhere.url}
    assert (await alice.raw("POST", FEEDS, json=form)).status == 403
    assert (await nobody.raw("GET", FEEDS)).status == 401
    for url in ("file:///etc/passwd", "x", "https://a b"):
        assert (await refused(admin, FEEDS, {"url": url}))[0] == 422, url
    assert "hours" in (await refused(admin, FEEDS, {**form, "hours": 0}))[1]
    assert "zone" in (await refused(admin, FEEDS, {**form, "zone": "Mars"}))[1]
    await server.db.write(users.change, alice.account_id, may_create_groups=True)
    group = await alice.post("/api/v1/groups", {"name": "readers", "title": "Readers", "access": "members"})
    assert (await bob.raw("POST", FEEDS, json={**form, "group_id": group["id"]})).status in (403, 404)
    feed = await alice.post(FEEDS, {**form, "group_id": group["id"], "title": "Ours"})
    assert (await refused(alice, FEEDS, {**form, "group_id": group["id"]}))[0] == 409
    elsewhere.say(CALL)
    assert (await read(server, feed, alice))["counts"] == {"added": 1}
    assert (set(await titles(alice)), set(await titles(bob))) == ({"Call"}, set())
    for who, method in ((bob, "GET"), (bob, "DELETE"), (admin, "DELETE")):
        assert (await who.raw(method, f"{FEEDS}/{feed['id']}")).status == 404
    assert [one["title"] for one in await alice.get(FEEDS)] == ["Ours"]


async def test_a_calendar_is_brought_in_once_through_the_api(
    alice: Person, bob: Person, nobody: Person, elsewhere: Elsewhere
) -> None:
    text = calendar(CALL, "UID:n\nSUMMARY:Never", head="X-WR-CALNAME:Team\n")
    asked = await alice.post(IMPORT, {"ics": text, "dry_run": "true"})
    described(IMPORT, "post").validate(asked)
    assert (asked["counts"]["added"], asked["events"][0]["id"], asked["name"]) == (1, None, "Team")
    assert [one["title"] for one in asked["left_out"]] == ["Never"]
    assert await titles(bob) == {}
    form = FormData()
    form.add_field("file", text.encode(), filename="team.ics", content_type="text/calendar")
    form.add_field("answers", "true")
    done = await alice.ask("POST", IMPORT, data=form)
    event = await bob.get(f"{EVENTS}/{done['events'][0]['id']}")
    assert (event["title"], event["rsvp_mode"]) == ("Call", "free")
    elsewhere.text = text
    again = await alice.post(IMPORT, {"url": elsewhere.url})
    assert again["counts"]["unchanged"] == 1
    for wrong in (
        {},
        {"ics": "x"},
        {"ics": text, "url": "https://a.example"},
        {"ics": text, "zone": "Mars"},
        {"url": "gopher://a"},
    ):
        assert (await refused(alice, IMPORT, wrong))[0] == 422, wrong
    assert (await nobody.raw("POST", IMPORT, json={"ics": text})).status == 401
