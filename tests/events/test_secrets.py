"""No route, feed, stream, activity or mail shows the link to join, who comes, or what they answered to somebody who may not see it.

Every address of ours is asked, by everybody for whom something is different.
"""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from fedserver import oauth, sessions
from fedserver.context import Server
from fedserver.events import telling
from fedserver.groups import members as group_members
from fedserver.moderation import standing
from storage import accounts, tables
from tests.api.streams import SECONDS_MAX, Ear
from tests.conftest import MakeMember
from tests.events.test_events import EVENTS, call
from tests.federation.stub import Door, Stub
from tests.groups.conftest import MakeGroup
from tests.groups.test_privacy import ALTERNATIVES, PARAMETER
from tests.mailing import Mailbox, mails
from tests.members import Person
from tests.test_publish import sent
from web.app import ROUTES
from web.auth import cookie_name

NEAR, FAR = "nearlink", "farlink"
ANSWER = "quaggadiet"
NAMES = ("zebrafinch", "yellowhammer")  # of who comes, and of who waits
GOING = {"status": "going"}
# Streams never end and are listened to below; what happens to the process itself is nobody's content.
LEFT_OUT = ("/api/v1/streaming", "/metrics", "/livez", "/readyz", "/static", "/logout")
ACTIVITY = {"Accept": "application/activity+json"}


@dataclass
class Scene:
    """Two events of Alice's in a group, one that begins soon and one in a week, and what stands in paths."""

    soon: dict[str, Any]
    later: dict[str, Any]
    group_id: int
    alice_id: str

    def values(self, name: str, pattern: str) -> list[str]:
        if ALTERNATIVES.fullmatch(pattern):
            return pattern.split("|")
        if name == "key":
            return [self.soon["occurrences"][0]["key"], self.later["occurrences"][0]["key"]]
        if name in ("tag", "hashtag"):
            return ["training"]
        if name in ("username", "acct", "handle", "actor", "name"):
            return ["alice", "python"]
        if name in ("account_id", "account"):
            return [self.alice_id, str(self.group_id)]
        if name == "decision":
            return ["approve"]
        return [self.soon["id"], self.later["id"], self.alice_id, str(self.group_id)]

    def paths(self, method: str) -> list[str]:
        """Every address of ours for this method, with the ids of all this in it."""
        found: dict[str, None] = {}
        for route in ROUTES:
            if route.method not in (method, "*") or route.path.startswith(LEFT_OUT):
                continue
            if route.path.endswith("/") and route.path != "/":
                continue  # the same once more, for clients that write it so
            values = [self.values(name, pattern) for name, pattern in PARAMETER.findall(route.path)]
            few = values if len(values) < 2 else [one[:2] for one in values]
            for chosen in itertools.product(*few):
                rest = iter(chosen)
                found[PARAMETER.sub(lambda _, rest=rest: next(rest), route.path)] = None
        words = (NEAR, FAR, ANSWER, "Cohort")
        found.update(
            dict.fromkeys(
                f"{at}?q={word}"
                for at in ("/api/v2/search", "/search", "/events", "/api/v1/calendar")
                for word in words
            )
        )
        return list(found)


def shown_in(text: str, path: str, *, allowed: tuple[str, ...] = ()) -> list[str]:
    """The secrets in an answer, which may repeat what it was asked for."""
    asked = path.partition("?q=")[2]
    return [
        one
        for one in (NEAR, FAR, ANSWER, *NAMES)
        if one in text.lower() and one not in allowed and one != asked
    ]


@pytest.fixture
async def scene(
    server: Server,
    door: Door,
    there: Stub,
    alice: Person,
    bob: Person,
    member: MakeMember,
    make_group: MakeGroup,
) -> Scene:
    """Who comes soon is of another server, so that nothing but the event leads to them; so is who waits. Bob has answered to
    both what the organiser asks: he waits, too, for the first, and comes to the second, which is too early yet."""
    group_id = await make_group(alice, "python")
    mo = await member("mo")
    for one in (bob, mo):
        await group_members.join(server, one.member, group_id)
    await group_members.appoint(server, alice.member, group_id, mo.account_id, "moderator")
    begins = (datetime.now(UTC) + timedelta(minutes=30)).strftime("%Y-%m-%dT%H:%M")
    about = {"questions": ["Diet?"], "capacity": 1, "group_id": str(group_id)}
    soon = await alice.post(
        EVENTS,
        call(join_url=f"https://meet.example/{NEAR}", schedule={"starts": begins, "zone": "UTC"}, **about),
    )
    later = await alice.post(EVENTS, call(join_url=f"https://meet.example/{FAR}", **about))
    for name in NAMES:
        actor = there.actor(name)
        await door.takes(actor, actor.says("Join", soon["uri"]))
    for event in (soon, later):
        await bob.post(f"{EVENTS}/{event['id']}/rsvp", {**GOING, "answers": {"Diet?": ANSWER}})
    seen = {
        one["acct"].partition("@")[0]: one["state"] for one in await alice.get(f"{EVENTS}/{soon['id']}/rsvps")
    }
    assert seen == {NAMES[0]: "in", NAMES[1]: "waiting", "bob": "waiting"}
    return Scene(soon, later, group_id, alice.id)


async def browsing(server: Server, who: Person) -> dict[str, str]:
    """What a browser sends in which they have signed in; whoever sends a token as well is the same one everywhere."""
    if not who.account_id:
        return {}
    new = await server.db.write(sessions.begin, who.account_id)
    return {"Cookie": f"{cookie_name(server.config.origin)}={new.secret}"}


async def known(server: Server, somebody: Person, name: str) -> Person:
    """A member who is there already, with a token of theirs."""
    row = await server.db.read(accounts.local, name)
    assert row is not None
    issued = await server.db.write(oauth.issue, row.id, "read write follow push")
    return Person(somebody.client, name, row.id, issued.access_token)


READERS = ("nobody", "going-too-early", "member", "moderator", "suspended")


async def reader_of(
    server: Server, who: str, nobody: Person, bob: Person, member: MakeMember
) -> tuple[Person, dict[str, str]]:
    if who == "moderator":
        reader = await known(server, nobody, "mo")
    elif who == "going-too-early":
        reader = bob
    else:
        reader = nobody if who == "nobody" else await member("dave")
    headers = await browsing(server, reader)
    if who == "suspended":
        row = await server.db.read(accounts.by_id, reader.account_id)
        await server.db.write(standing.suspend, server, row)
    return reader, headers


@pytest.mark.long
@pytest.mark.parametrize("who", READERS)
async def test_no_address_shows_what_is_not_for_its_reader(
    server: Server, scene: Scene, bob: Person, nobody: Person, member: MakeMember, who: str
) -> None:
    reader, headers = await reader_of(server, who, nobody, bob, member)
    # What Bob said himself he may read again.
    allowed = (ANSWER,) if who == "going-too-early" else ()
    paths, wrong = scene.paths("GET"), []
    assert len(paths) > 300
    for path in paths:
        for more in ({}, ACTIVITY) if not path.startswith("/api/") else ({},):
            answer = await reader.raw("GET", path, headers={**headers, **more})
            text = await answer.text(errors="replace") + str(answer.headers)
            secrets = shown_in(text, path, allowed=allowed)
            if secrets or answer.status >= 500:
                wrong.append((path, answer.status, secrets))
    assert wrong == []


@pytest.mark.long
async def test_the_walk_would_find_what_is_shown(server: Server, scene: Scene, alice: Person) -> None:
    """The same, as the organiser: there all of it is to be seen."""
    headers, seen = await browsing(server, alice), set[str]()
    for path in scene.paths("GET"):
        if "/events/" in path:
            answer = await alice.raw("GET", path, headers=headers)
            seen.update(shown_in(await answer.text(errors="replace") + str(answer.headers), path))
    assert seen == {NEAR, FAR, ANSWER, *NAMES}


@pytest.mark.long
async def test_nothing_that_is_done_shows_it(
    server: Server, scene: Scene, nobody: Person, member: MakeMember
) -> None:
    dave = await member("dave")
    headers, wrong = await browsing(server, dave), []
    origin = {"Origin": server.config.origin, "Sec-Fetch-Site": "same-origin"}
    key = scene.soon["occurrences"][0]["key"]
    form = {"status": "maybe", "occurrence": key, "text": "x", "title": "x", "url": "https://example.org/"}
    for method, reader in itertools.product(("POST", "PUT", "PATCH", "DELETE"), (nobody, dave)):
        for path in scene.paths(method):
            if "event" not in path and "calendar" not in path and "statuses" not in path:
                continue
            sent_along = {**(headers if reader is dave else {}), **origin}
            answer = await reader.raw(method, path, headers=sent_along, json=form)
            secrets = shown_in(await answer.text(errors="replace") + str(answer.headers), path)
            # 502: the calendar to import is where nobody answers.
            if secrets or (answer.status >= 500 and answer.status != 502):
                wrong.append((method, path, answer.status, secrets))
    assert wrong == []


@pytest.mark.long
async def test_other_servers_are_told_the_link_by_those_alone_who_come(
    server: Server, door: Door, there: Stub, scene: Scene, alice: Person
) -> None:
    eve, wrong = there.actor("eve"), []
    for path in scene.paths("GET"):
        status, document = await door.get(path, eve)
        if status >= 500 or shown_in(json.dumps(document), path):
            wrong.append((path, status))
    assert wrong == []
    await alice.patch(f"{EVENTS}/{scene.soon['id']}", {"schedule": {"minutes": 45}})
    await telling.tell_due(server, {"occurrence_id": await occurrence_id(server, scene.soon)})
    for one in await sent(server):
        text = json.dumps(one.activity).lower()
        assert ANSWER not in text
        assert FAR not in text
        for name in NAMES:
            if name in text or NEAR in text:
                assert len(one.inboxes) == 1, one
                assert one.activity["to"] in ([f"{there.origin}/users/{each}"] for each in NAMES), one
        if NEAR in text:
            assert one.activity["to"] == [f"{there.origin}/users/{NAMES[0]}"]


async def test_streams_show_no_more_than_pages(
    server: Server, scene: Scene, alice: Person, nobody: Person, member: MakeMember
) -> None:
    dave = await member("dave")
    await dave.post(f"/api/v1/accounts/{alice.id}/follow")
    async with Ear(dave, "user", "public", "public:local") as ear:
        await alice.patch(
            f"{EVENTS}/{scene.soon['id']}", {"text": "Bring cake.", "schedule": {"minutes": 50}}
        )
        heard: list[str] = []
        while not any("Bring cake" in one for one in heard):
            message = await ear.ws.receive(timeout=SECONDS_MAX)
            heard.append(str(message.data))
    assert shown_in("".join(heard), "") == []


@pytest.mark.jobs
async def test_mails_say_who_comes_to_nobody_and_the_link_to_nobody_too_early(
    scene: Scene, alice: Person, mailbox: Mailbox
) -> None:
    for event in (scene.soon, scene.later):
        await alice.patch(f"{EVENTS}/{event['id']}", {"schedule": {"minutes": 40}})
        await alice.patch(f"{EVENTS}/{event['id']}", {"status": "cancelled"})
    told = await mails(mailbox, 2)
    for one in told:
        text = "".join(str(part.get_payload(decode=True) or b"") for part in one.walk()).lower()
        assert not any(word in text for word in (NEAR, FAR, ANSWER, *NAMES)), one["Subject"]


async def occurrence_id(server: Server, event: dict[str, Any]) -> int:
    query = select(tables.occurrence.c.id).where(tables.occurrence.c.post_id == int(event["id"]))
    return int(await server.db.read(lambda conn: conn.scalar(query)) or 0)
