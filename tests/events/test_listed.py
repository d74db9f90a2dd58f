"""Who finds which event in the calendar: what is not for them, or not to be listed, is in none of its faces."""

from __future__ import annotations

import pytest

from fedserver.context import Server
from fedserver.moderation import standing
from storage import groups, users
from tests.conftest import MakeMember
from tests.events.test_events import EVENTS, call
from tests.members import Person

WANTED = {"Accept": "application/activity+json"}


async def found(who: Person) -> set[str]:
    """The titles that somebody finds in lists."""
    text = await (await who.raw("GET", "/events.ics")).text() + await (await who.raw("GET", "/events")).text()
    listed = {one["event"]["title"] for one in await who.get("/api/v1/calendar")}
    return listed | {title for title in ("Quiet", "Loud", "Limited") if title in text}


async def test_what_is_unlisted_is_in_no_list(alice: Person, bob: Person, nobody: Person) -> None:
    made = await alice.post(EVENTS, call(title="Quiet", visibility="unlisted"))
    assert (await found(bob), await found(nobody)) == (set(), set())
    assert (await nobody.get(f"{EVENTS}/{made['id']}"))["title"] == "Quiet"
    assert [one["event"]["title"] for one in await alice.get("/api/v1/calendar")] == ["Quiet"]


@pytest.mark.parametrize("how", ["block", "mute"])
async def test_nobody_is_shown_whom_they_do_not_want_to_see(alice: Person, bob: Person, how: str) -> None:
    await alice.post(EVENTS, call(title="Loud"))
    await bob.post(f"/api/v1/accounts/{alice.id}/{how}")
    assert await bob.get("/api/v1/calendar") == []


async def test_a_limited_author_is_found_by_followers_alone(
    server: Server, alice: Person, bob: Person, nobody: Person, member: MakeMember
) -> None:
    carol = await member("carol")
    await carol.post(f"/api/v1/accounts/{alice.id}/follow")
    await alice.post(EVENTS, call(title="Limited"))
    await server.db.write(standing.limit, alice.account_id)
    assert (await found(bob), await found(nobody)) == (set(), set())
    assert [one["event"]["title"] for one in await carol.get("/api/v1/calendar")] == ["Limited"]


@pytest.mark.parametrize("path", [EVENTS, "/api/v1/resources"])
async def test_what_is_in_a_private_group_is_shown_to_nobody_else(
    server: Server, alice: Person, bob: Person, nobody: Person, path: str
) -> None:
    await server.db.write(users.change, alice.account_id, may_create_groups=True)
    group = await alice.post("/api/v1/groups", {"name": "cohort", "title": "Cohort", "access": "private"})
    form = {"title": "Zebrafish", "abstract": "Zebrafish", "keywords": ["zebrafish"], "group_id": group["id"]}
    made = await alice.post(path, {**call(), **form} if path == EVENTS else form)
    row = await server.db.read(groups.by_id, int(group["id"]))
    assert row is not None
    assert row.hidden
    page = made["uri"].removeprefix(server.config.origin)
    reads = (
        f"{path}/{made['id']}", path, f"/api/v1/statuses/{made['id']}", f"/api/v1/statuses/{made['id']}/context", page,
        f"{page}.ics", f"{page}/attendees", f"{page}/embed", f"{page}/cite", f"{path}/{made['id']}/rsvps", f"{path}/{made['id']}/join",
        "/events", "/events.ics", "/resources", "/api/v1/calendar", "/api/v1/resources/facets", "/api/v1/timelines/public",
        "/api/v1/timelines/tag/zebrafish", "/api/v2/search?q=zebr", "/@alice", "/users/alice/outbox?page=true", "/actor/resources",
        "/actor/resources?page=true", "/sitemap.xml", "/oai?verb=ListRecords&metadataPrefix=oai_dc", "/api/v1/notifications",
    )  # fmt: skip
    assert (await alice.get(f"{path}/{made['id']}"))["title"] == "Zebrafish"
    for who in (bob, nobody):
        for read in reads:
            for headers in ({}, WANTED):
                text = await (await who.raw("GET", read, headers=headers)).text()
                assert "zebrafish" not in text.replace("q=zebr", "").lower().replace("/tag/zebrafish", ""), (
                    read
                )
        # Nor does a card say it to whoever posts the address.
        if who is bob:
            status = await bob.post("/api/v1/statuses", {"status": f"Look: {made['url']}"})
            assert "zebrafish" not in str(status).lower()
    assert (await bob.raw("POST", f"{EVENTS}/{made['id']}/rsvp", json={"status": "going"})).status == 404
