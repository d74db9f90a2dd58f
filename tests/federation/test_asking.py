"""People of other servers answer to events by voting in the poll that follows one, and are told what becomes of it in private."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from activitypub.names import PUBLIC
from fedserver.context import Server
from fedserver.events import asking, telling
from storage import events, tables
from tests.conftest import MakeMember
from tests.events.test_events import EVENTS, SECRET, call, states
from tests.federation.stub import Door, Stub, StubActor
from tests.members import Person

WEEKLY = {"rule": {"frequency": "weekly", "count": 2}}


@dataclass
class Post:
    """What this server has sent."""

    server: Server

    async def sent(self) -> list[dict[str, Any]]:
        query = select(tables.message.c.body).order_by(tables.message.c.id)
        bodies = await self.server.db.read(lambda conn: list(conn.scalars(query)))
        return [json.loads(bytes(one)) for one in bodies]

    async def about_polls(self) -> list[dict[str, Any]]:
        return [one for one in await self.sent() if _kind(one) == "Question"]

    async def notes_to(self, person: StubActor) -> list[str]:
        """The direct notes to somebody, as HTML."""
        return [
            one["object"]["content"]
            for one in await self.sent()
            if one["type"] == "Create"
            and one["to"] == [person.uri]
            and not one["cc"]
            and _kind(one) == "Note"
        ]


def _kind(said: dict[str, Any]) -> str:
    return str(said["object"].get("type")) if isinstance(said["object"], dict) else ""


@pytest.fixture
def sent(server: Server) -> Post:
    return Post(server)


@pytest.fixture
async def vic(door: Door, there: Stub, alice: Person) -> StubActor:
    """Somebody who follows alice from elsewhere."""
    actor = there.actor("vic")
    await door.takes(actor, actor.says("Follow", _uri(door, alice), to=[_uri(door, alice)]))
    return actor


def _uri(door: Door, who: Person) -> str:
    return f"{door.server.config.origin}/users/{who.username}"


async def vote(door: Door, who: StubActor, made: dict[str, Any], choice: str, **more: Any) -> None:
    organiser = f"{door.server.config.origin}/users/alice"
    ballot = who.note("", name=choice, inReplyTo=f"{made['uri']}/question", to=[organiser], cc=[], **more)
    ballot.pop("content")
    await door.takes(who, who.says("Create", ballot, to=[organiser]))


def links(html: str) -> list[str]:
    return re.findall(r'href="(/[^"]*|http[^"]*)"', html)


def address_in(html: str, door: Door) -> str:
    """The path of the page on which an answer is changed."""
    found = [one for one in links(html) if "/answers/" in one and not one.endswith(".ics")]
    return found[0].removeprefix(door.server.config.origin)


async def test_a_public_event_is_followed_by_a_poll_that_members_never_see(
    door: Door, sent: Post, vic: StubActor, alice: Person, bob: Person
) -> None:
    made = await alice.post(EVENTS, call(schedule=WEEKLY))
    (said,) = await sent.about_polls()
    question = said["object"]
    assert (said["type"], question["id"], question["inReplyTo"]) == (
        "Create",
        f"{made['uri']}/question",
        made["uri"],
    )
    assert [one["name"] for one in question["oneOf"]] == ["Going", "Maybe", "Can't go"]
    assert (question["to"], "closed" in question, SECRET in str(question)) == ([PUBLIC], False, False)
    path = question["id"].removeprefix(door.server.config.origin)
    served = (await door.get(path, vic))[1]
    assert {name: value for name, value in served.items() if name != "@context"} == {
        name: value for name, value in question.items() if name != "@context"
    }
    assert (await door.get(path, Accept="text/html"))[0] in (302, 303)
    around = await bob.get(f"/api/v1/statuses/{made['id']}/context")
    assert around == {"ancestors": [], "descendants": []}
    found = await bob.get("/api/v2/search", q=question["id"], resolve="true")
    assert found["statuses"] in ([], [await bob.get(f"/api/v1/statuses/{made['id']}")])
    statuses = await bob.get(f"/api/v1/accounts/{alice.id}/statuses")
    assert [one["id"] for one in statuses] == [made["id"]]


@pytest.mark.parametrize(
    "more",
    [
        {"asks_elsewhere": False}, {"visibility": "members"}, {"visibility": "unlisted"}, {"rsvp_mode": "none"},
        {"status": "cancelled"}, {"rsvp_closes_at": 1_000},
    ],
    ids=["unwanted", "for members", "unlisted", "no answers", "cancelled", "too late"],
)  # fmt: skip
async def test_nobody_is_asked_what_they_need_not_or_must_not_answer(
    sent: Post, vic: StubActor, alice: Person, more: dict[str, Any]
) -> None:
    await alice.post(EVENTS, call(**more))
    assert await sent.about_polls() == []


async def test_a_vote_is_an_answer_confirmed_in_private(
    door: Door, sent: Post, vic: StubActor, alice: Person, nobody: Person
) -> None:
    made = await alice.post(EVENTS, call(schedule=WEEKLY))
    await vote(door, vic, made, "Going")
    (seen,) = await alice.get(f"{EVENTS}/{made['id']}/rsvps", occurrence=made["occurrences"][0]["key"])
    assert (seen["acct"].split("@")[0], seen["status"], seen["state"]) == ("vic", "going", "in")
    assert [one["going_count"] for one in (await alice.get(f"{EVENTS}/{made['id']}"))["occurrences"]] == [
        1,
        1,
    ]
    (html,) = await sent.notes_to(vic)
    assert "You are going" in html
    assert "“stop”" in html
    assert SECRET not in html  # it is a week until then
    at = address_in(html, door)
    # The same vote again changes nothing; nor does the organiser, or anybody else here, read the note.
    await vote(door, vic, made, "Going")
    assert len(await sent.notes_to(vic)) == 1
    for path in (f"/api/v1/accounts/{alice.id}/statuses", "/api/v1/conversations", "/api/v1/notifications"):
        assert at not in str(await alice.get(path))

    # Nobody needs an account to think better of it.
    page = await nobody.raw("GET", at)
    assert (page.status, page.headers["Cache-Control"], page.headers["Referrer-Policy"]) == (
        200, "no-store", "same-origin",
    )  # fmt: skip
    assert "BEGIN:VEVENT" in await (await nobody.raw("GET", f"{at}.ics")).text()
    key = made["occurrences"][0]["key"]
    form = {"status": "declined", "occurrence": key}
    answered = await nobody.raw("POST", at, data=form)
    assert answered.status == 303
    assert [one["going_count"] for one in (await alice.get(f"{EVENTS}/{made['id']}"))["occurrences"]] == [
        0,
        1,
    ]
    assert len(await sent.notes_to(vic)) == 1
    assert (await nobody.raw("GET", f"{at}/join")).status == 403
    await nobody.raw("POST", at, data={"revoke": "true"})
    for gone in (at, f"{at}.ics", f"{at}/join"):
        assert (await nobody.raw("GET", gone)).status == 404
    assert (await nobody.raw("POST", at, data={"status": "going"})).status == 404


async def test_who_waits_is_told_once_when_there_is_a_seat(
    server: Server, door: Door, sent: Post, vic: StubActor, alice: Person, bob: Person
) -> None:
    made = await alice.post(EVENTS, call(capacity=1))
    at = f"{EVENTS}/{made['id']}"
    await bob.post(f"{at}/rsvp", {"status": "going"})
    await vote(door, vic, made, "Going")
    (html,) = await sent.notes_to(vic)
    assert "on the waiting list" in html
    await bob.delete(f"{at}/rsvp")
    await alice.patch(at, {"capacity": 2})
    _, promoted = await sent.notes_to(vic)
    assert "There is a seat for you" in promoted


async def test_who_asked_to_hear_no_more_hears_no_more(
    server: Server, door: Door, sent: Post, vic: StubActor, there: Stub, alice: Person
) -> None:
    made = await alice.post(EVENTS, call())
    await vote(door, vic, made, "Maybe")
    (note,) = [one["object"] for one in await sent.sent() if one["to"] == [vic.uri] and _kind(one) == "Note"]
    organiser = _uri(door, alice)
    other = there.actor("other")
    for who, text in ((other, "stop"), (vic, f'<a href="{organiser}">@alice</a> may I bring a dog?')):
        said = who.note(
            text,
            inReplyTo=note["id"],
            to=[organiser],
            cc=[],
            tag=[{"type": "Mention", "href": organiser, "name": "@alice"}],
        )
        await door.takes(who, who.says("Create", said, to=[organiser]))
    # A question to the organiser is one; what somebody else asks ends nothing of hers.
    assert [
        "dog" in one["status"]["content"]
        for one in await alice.get("/api/v1/notifications", **{"types[]": "mention"})
    ] == [True]
    await vote(door, vic, made, "Going")
    assert len(await sent.notes_to(vic)) == 2
    said = vic.note(f'<a href="{organiser}">@alice</a> Stop!', inReplyTo=note["id"], to=[organiser], cc=[])
    await door.takes(vic, vic.says("Create", said, to=[organiser]))
    await vote(door, vic, made, "Can't go")
    later = await alice.post(EVENTS, call(title="Another"))
    await vote(door, vic, later, "Going")
    await alice.patch(f"{EVENTS}/{later['id']}", {"status": "cancelled"})
    assert len(await sent.notes_to(vic)) == 2
    assert states(await alice.get(f"{EVENTS}/{later['id']}"))  # the answers count all the same
    (seen,) = await alice.get(f"{EVENTS}/{later['id']}/rsvps")
    assert seen["state"] == "in"


async def test_the_link_to_join_comes_when_it_is_time_and_once(
    server: Server, door: Door, sent: Post, vic: StubActor, there: Stub, alice: Person, bob: Person
) -> None:
    soon = (datetime.now(UTC) + timedelta(hours=3)).strftime("%Y-%m-%dT%H:%M")
    made = await alice.post(EVENTS, call(schedule={"starts": soon, "zone": "UTC"}))
    await vote(door, vic, made, "Going")
    joiner, absent = there.actor("joiner"), there.actor("absent")
    await door.takes(joiner, joiner.says("Join", made["uri"]))
    await vote(door, absent, made, "Maybe")
    await bob.post(f"{EVENTS}/{made['id']}/rsvp", {"status": "going"})
    (one,) = await server.db.read(events.occurrences, int(made["id"]))
    await telling.tell_due(server, {"occurrence_id": one.id})
    assert SECRET not in str(await sent.sent())  # three hours are not one
    nearer = (datetime.now(UTC) + timedelta(minutes=30)).strftime("%Y-%m-%dT%H:%M")
    await alice.patch(f"{EVENTS}/{made['id']}/occurrences/{one.key}", {"starts": nearer})
    for _ in range(2):
        await telling.tell_due(server, {"occurrence_id": one.id})
    for who, told in ((vic, 1), (joiner, 1), (absent, 0)):
        assert sum(SECRET in html for html in await sent.notes_to(who)) == told, who.name
    assert all(SECRET not in str(said) for said in await sent.sent() if PUBLIC in said.get("to", []))
    # Who votes now is told at once.
    late = there.actor("late")
    await vote(door, late, made, "Going")
    await telling.tell_due(server, {"occurrence_id": one.id})
    assert [SECRET in html for html in await sent.notes_to(late)] == [True]


async def test_votes_that_do_not_count(
    server: Server, door: Door, sent: Post, vic: StubActor, there: Stub, alice: Person, member: MakeMember
) -> None:
    made = await alice.post(EVENTS, call(capacity=1, has_waiting_list=False))
    at = f"{EVENTS}/{made['id']}"
    await vote(door, vic, made, "Perhaps")
    blocked = there.actor("blocked")
    await vote(door, blocked, made, "Maybe")
    (seen,) = await alice.get(f"{at}/rsvps")
    await alice.post(f"/api/v1/accounts/{seen['account_id']}/block")
    await vote(door, blocked, made, "Going")
    assert [(one["status"], one["state"]) for one in await alice.get(f"{at}/rsvps")] == [("maybe", "")]
    await alice.post(f"{at}/rsvp", {"status": "going"})
    await vote(door, vic, made, "Going")
    assert ["Every seat is taken" in html for html in await sent.notes_to(vic)] == [True]
    await alice.patch(at, {"status": "cancelled"})
    assert [("closed" in said["object"], said["type"]) for said in await sent.about_polls()] == [
        (False, "Create"), (True, "Update"),
    ]  # fmt: skip
    await vote(door, vic, made, "Maybe")
    assert [one["acct"].split("@")[0] for one in await alice.get(f"{at}/rsvps")] == ["blocked", "alice"]


async def test_the_poll_follows_the_event_and_ends_with_it(
    server: Server, door: Door, sent: Post, vic: StubActor, alice: Person
) -> None:
    made = await alice.post(EVENTS, call())
    at = f"{EVENTS}/{made['id']}"
    await alice.patch(at, {"title": "Renamed"})
    assert "Renamed" in (await sent.about_polls())[-1]["object"]["content"]
    await alice.patch(at, {"asks_elsewhere": False})
    assert "closed" in (await sent.about_polls())[-1]["object"]
    await alice.patch(at, {"asks_elsewhere": True})
    assert "closed" not in (await sent.about_polls())[-1]["object"]
    await vote(door, vic, made, "Going")
    await asking.tell_counts(server, {"post_id": int(made["id"])})
    counted = (await sent.about_polls())[-1]
    assert [one["replies"]["totalItems"] for one in counted["object"]["oneOf"]] == [1, 0, 0]
    assert ("updated" in counted["object"], "vic" in str(counted)) == (False, False)
    past = int(datetime.now(UTC).timestamp() * 1000) - 1_000
    await server.db.write(lambda conn: events.change(conn, int(made["id"]), ends_at=past))
    await asking.end(server, {"post_id": int(made["id"])})
    assert "closed" in (await sent.about_polls())[-1]["object"]
    await alice.delete(at)
    gone = [one["object"]["id"] for one in await sent.sent() if one["type"] == "Delete"]
    assert gone == [made["uri"], f"{made['uri']}/question"]
    assert (await door.get(f"/events/{made['id']}/question", vic))[0] in (404, 410)


async def test_an_answer_in_words_to_the_poll_is_one_to_the_event(
    door: Door, vic: StubActor, alice: Person, bob: Person
) -> None:
    made = await alice.post(EVENTS, call())
    said = vic.note("Which room?", inReplyTo=f"{made['uri']}/question")
    await door.takes(vic, vic.says("Create", said))
    around = await bob.get(f"/api/v1/statuses/{made['id']}/context")
    assert [one["in_reply_to_id"] for one in around["descendants"]] == [made["id"]]


async def test_the_poll_of_an_event_elsewhere_is_left_out(door: Door, there: Stub, alice: Person) -> None:
    ann = there.actor("ann")
    await alice.post("/api/v1/statuses", {"status": "Hello"})
    account = (await alice.get("/api/v2/search", q=f"@ann@{there.host}", resolve="true", type="accounts"))[
        "accounts"
    ][0]
    await alice.post(f"/api/v1/accounts/{account['id']}/follow")
    event = f"{there.origin}/events/7"
    question = ann.note("Will you come?", inReplyTo=event)
    question |= {"id": f"{event}/question", "type": "Question", "oneOf": [{"type": "Note", "name": "Going"}]}
    await door.takes(ann, ann.says("Create", question), ann.says("Update", question))
    assert await alice.get(f"/api/v1/accounts/{account['id']}/statuses") == []
