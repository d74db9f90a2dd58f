"""No route tells of a group what is for its members, and of a private one not even that it is there.

Every route of the application is asked before a group says anything (a private one: before there is one) and afterwards, by
nobody, by a member of the server who is not in it, by one who was and is no longer, and by an actor of another server: the
answers are the same, byte for byte, but for the time of day. Where a route has an id or a name, it is asked first with
one that nothing has.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, field
from typing import Any

import pytest

from fedserver import sessions
from fedserver.context import Server
from storage.types import new_id
from tests.api.uploads import upload
from tests.federation.stub import Door, Stub, StubActor
from tests.groups.conftest import MakeGroup
from tests.members import Person
from web.app import ROUTES

PARAMETER = re.compile(r"\{([a-z_]+)(?::((?:[^{}]|\{[^{}]*\})*))?\}")
ALTERNATIVES = re.compile(r"[a-z_/|]+")
# What differs from one moment, or one request, to the next.
OF_THE_MOMENT = (
    re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+00:00)?"),
    re.compile(r"this request: [0-9a-f]{16}"),
    re.compile(r'"week":"\d+"'),
    re.compile(r'name="key" value="[^"]+"'),
)
ACTIVITY = "application/activity+json"
# Streams never end, and are tested by themselves; what happens to the process itself is nobody's content.
LEFT_OUT = ("/api/v1/streaming", "/metrics", "/livez", "/readyz", "/static", "/logout")
# Where other servers ask, so that the same address has a page and a document.
DOCUMENTS = ("/@", "/users/", "/groups/", "/posts/", "/contexts/", "/activities/", "/tags/", "/collections/")
# Of what is said in the group; nowhere else.
WORDS = ("zirkon", "quokka", "hushhush", "obsidian")
NAME = "core"


@dataclass
class Secrets:
    """What nobody else may learn of, by the names that stand for it in paths and answers; and what all may know that
    stands in paths likewise."""

    is_private: bool
    open: dict[str, str]
    ids: dict[str, int] = field(
        default_factory=lambda: {one: new_id() for one in ("group", "thread", "reply", "topic")}
    )

    def fill(self, text: str) -> str:
        for name, value in {**self.ids, **self.open}.items():
            text = text.replace(f"<{name}>", str(value))
        return text

    def mask(self, text: str) -> str:
        """An answer may repeat what it was asked for."""
        for name, row_id in self.ids.items():
            text = text.replace(str(row_id), f"<{name}>")
        for pattern in OF_THE_MOMENT:
            text = pattern.sub("<…>", text)
        return text


@dataclass
class Asking:
    """Somebody who is not in the group. `known` are ids that may be asked for."""

    name: str
    person: Person
    door: Door
    cookie: str = ""
    signer: StubActor | None = None

    async def answers(self, secrets: Secrets, known: list[str]) -> dict[str, str]:
        """What each address says."""
        found = {}
        for path in _paths(known):
            if self.signer is not None and not path.startswith((*DOCUMENTS, "/.well-known", "/nodeinfo")):
                continue
            for accept in ("*/*", ACTIVITY) if path.startswith(DOCUMENTS) else ("*/*",):
                if self.signer is not None and accept != ACTIVITY and path.startswith(DOCUMENTS):
                    continue
                key = f"{self.name}: {path} {accept}"
                found[key] = secrets.mask(await self._get(secrets.fill(path), accept))
        return found

    async def _get(self, path: str, accept: str) -> str:
        if self.signer is not None:
            status, body = await self.door.get(path, self.signer)
            return f"{status} {body}"
        headers = {"accept": accept}
        person = self.person
        if not path.startswith("/api/") and not path.startswith("/oauth"):
            person = Person(self.person.client)
            if self.cookie:
                headers["cookie"] = f"session={self.cookie}"
        async with await person.raw("GET", path, headers=headers) as answer:
            text = (await answer.read()).decode(errors="replace")
            assert answer.status < 500, f"{path}: {text[:300]}"
            told = [answer.headers.get(name, "") for name in ("location", "link")]
            return f"{answer.status} {' '.join(told)} {text}"

    async def does(self, secrets: Secrets) -> dict[str, str]:
        """What comes of trying to do something with it."""
        found = {}
        for method, path, body in _deeds(secrets.is_private):
            filled = {
                name: [secrets.fill(one) for one in value] if isinstance(value, list) else secrets.fill(value)
                for name, value in body.items()
            }
            async with await self.person.raw(method, secrets.fill(path), json=filled) as answer:
                text = await answer.text()
                assert answer.status < 500, f"{method} {path}: {text[:300]}"
                found[f"{self.name}: {method} {path} {body}"] = secrets.mask(f"{answer.status} {text}")
        return found


def _paths(known: list[str]) -> list[str]:
    """Every GET route of ours with the ids, names and words of the secrets in it, and with ids that all may know."""
    found: dict[str, None] = {}
    for route in ROUTES:
        if route.method not in ("GET", "*") or route.path.startswith(LEFT_OUT):
            continue
        if route.path.endswith("/") and route.path != "/":
            continue  # the same once more, for clients that write it so
        parameters = PARAMETER.findall(route.path)
        values = [_values(name, pattern, known) for name, pattern in parameters]
        few = values if len(values) < 2 else [one[:3] for one in values]
        for chosen in itertools.product(*few):
            rest = iter(chosen)
            found[PARAMETER.sub(lambda _, rest=rest: next(rest), route.path)] = None
    found.update(dict.fromkeys(_narrowed(known)))
    return list(found)


def _values(name: str, pattern: str, known: list[str]) -> list[str]:
    if ALTERNATIVES.fullmatch(pattern):
        return pattern.split("|")
    if name in ("tag", "hashtag"):
        return ["hushhush", "obsidian"]
    if name in ("username", "acct", "handle", "actor", "name"):
        return [NAME, "alice", "bob", "hushhush"]
    if name == "key":
        return ["group:<group>", "reply:<thread>"]
    if name == "version":
        return ["2.1"]
    if "id" in name.split("_") or name in ("number", "post", "status"):
        return ["<thread>", "<reply>", "<group>", "<topic>", *known]
    return ["<thread>", NAME]


def _narrowed(known: list[str]) -> list[str]:
    """Addresses with what narrows them, or leads to their first page."""
    asked = [f"/api/v1/accounts/{one}/statuses?{how}" for one in ("<group>", *known) for how in
             ("pinned=true", "only_media=true", "exclude_replies=true", "exclude_reblogs=true", "tagged=hushhush")]  # fmt: skip
    words = [*WORDS, NAME, f"@{NAME}", f"#{WORDS[2]}", f"in:all {WORDS[0]}", f"from:@{NAME} {WORDS[1]}"]
    for word in words:
        quoted = word.replace("#", "%23").replace(" ", "%20")
        asked += [f"/api/v2/search?q={quoted}&type={kind}" for kind in ("accounts", "hashtags", "statuses")]
        asked += [f"/api/v1/accounts/search?q={quoted}", f"/search?q={quoted}", f"/api/v1/groups?q={quoted}"]
    for address in (
        f"<origin>/groups/{NAME}",
        f"<origin>/@{NAME}",
        "<origin>/posts/<thread>",
        "<origin>/@bob/<thread>",
    ):
        asked += [
            f"/api/v2/search?q={address}&resolve=true", f"/.well-known/webfinger?resource={address}",
            f"/authorize_interaction?uri={address}", f"/interact?uri={address}", f"/api/oembed?url={address}",
            f"/search?q={address}",
        ]  # fmt: skip
    several = "id[]=<group>&id[]=<thread>&id[]=<reply>"
    return [
        *asked,
        f"/.well-known/webfinger?resource=acct:{NAME}@<host>",
        *(f"/api/v1/{path}?{several}" for path in ("accounts", "statuses", "accounts/relationships", "accounts/familiar_followers")),
        *(f"/api/v1/{path}?acct={NAME}" for path in ("accounts/lookup",)),
        f"/api/v1/groups/lookup?name={NAME}",
        *(f"/api/v1/timelines/{which}" for which in
          ("public?local=true", "public?only_media=true", "tag/hushhush?local=true", "tag/obsidian?any[]=hushhush")),
        *(f"/{kind}/{name}/{part}?page=true" for kind, name in (("groups", NAME), ("users", "bob"), ("users", "alice"))
          for part in ("outbox", "followers", "following")),
        "/contexts/<thread>?page=1", "/posts/<thread>/replies?page=true",
        "/api/v1/directory?local=true&order=new", "/api/v1/groups?belonging=joined", "/api/v1/notifications?types[]=mention",
        "/api/v1/timelines/link?url=https://obsidian.example/page",
    ]  # fmt: skip


# What a route with an id does to it is refused alike whether there is such a thing or not; but these change who asks.
_OF_ONESELF = (
    "/api/v1/suggestions/",
    "/api/v1/push",
    "/api/v1/tags/",
    "/api/v1/featured_tags",
    "/api/v1/drafts/",
)


def _deeds(is_private: bool) -> list[tuple[str, str, dict[str, Any]]]:
    found: list[tuple[str, str, dict[str, Any]]] = []
    for route in ROUTES:
        if route.method not in ("POST", "PUT", "PATCH", "DELETE") or not route.path.startswith("/api/"):
            continue
        if route.path.startswith(_OF_ONESELF) or route.path.endswith("/") or "/admin/" in route.path:
            continue
        if "{" not in route.path:
            continue
        body = {"reason": "x", "role": "member", "title": "T"}
        for number in range(3):
            names = itertools.islice(itertools.cycle(("<group>", "<thread>", "<reply>")), number, None)
            path = PARAMETER.sub(lambda _, names=names: next(names), route.path)
            found.append((route.method, path, body))
    found += [
        ("POST", "/api/v1/statuses", {"status": "Aha", "in_reply_to_id": "<thread>"}),
        ("POST", "/api/v1/statuses", {"status": "Aha", "quoted_status_id": "<thread>"}),
        ("POST", "/api/v1/statuses", {"status": "Aha", "in_reply_to_id": "<reply>", "visibility": "direct"}),
        ("POST", "/api/v1/reports", {"account_id": "<bob>", "status_ids": ["<thread>"]}),
        ("POST", "/api/v1/lists/<list>/accounts", {"account_ids": ["<group>"]}),
        ("POST", "/api/v1/polls/<thread>/votes", {"choices": ["0"]}),
        ("POST", "/api/v1/markers", {"home[last_read_id]": "x"}),
        ("POST", "/api/v1/groups/<group>/join", {"answer": "Please"}),
        ("POST", "/api/v1/groups/<group>/threads", {"title": "T", "text": "T"}),
        ("PUT", "/api/v1/threads/<thread>/subscription", {"level": "all"}),
        ("POST", "/api/v1/threads/<thread>/split", {"status_id": "<reply>", "title": "T"}),
        ("POST", "/api/v1/accounts/<group>/email_subscriptions", {"email": "x@mail.example"}),
    ]  # fmt: skip
    if is_private:
        # Where a group is known to all, these are done, and seen by who does them.
        found.append(("POST", "/api/v1/collections", {"name": "Friends", "account_ids": ["<group>"]}))
        found.append(("POST", "/api/v1/reports", {"account_id": "<group>"}))
    return found


# That predicates say the same on both databases is tested by themselves (tests/test_visibility.py, test_known.py).
@pytest.mark.long
@pytest.mark.parametrize(
    ("access", "database_url"),
    [("private", "sqlite"), ("private", "postgresql"), ("members", "sqlite")],
    indirect=["database_url"],
)
async def test_no_route_tells_outsiders_of_a_group(
    access: str, server: Server, door: Door, there: Stub, alice: Person, bob: Person, member: Any, nobody: Person,
    make_group: MakeGroup,
) -> None:  # fmt: skip
    carol, dave = await member("carol"), await member("dave")
    list_id = (await carol.post("/api/v1/lists", {"title": "Mine"}))["id"]
    public = await alice.post("/api/v1/statuses", {"status": "For everybody #open"})
    for one in (carol, dave, bob):
        await one.post(f"/api/v1/accounts/{alice.id}/follow")
    open_id = await make_group(alice, "plaza")
    secrets = Secrets(
        access == "private",
        {"list": list_id, "bob": bob.id, "origin": server.config.origin, "host": server.config.domain},
    )
    if access == "members":
        secrets.ids["group"] = await make_group(alice, NAME, access="members", join_mode="invite")
        await _bring_in(alice, bob, secrets.ids["group"])
    known = [alice.id, bob.id, public["id"], str(open_id), list_id]
    people = [
        Asking("nobody", nobody, door),
        *[Asking(one.username, one, door, await _cookie(server, one)) for one in (carol, dave)],
        Asking("ann", nobody, door, signer=there.actor("ann")),
    ]

    await door.get("/users/alice", people[-1].signer)  # she is known from now on

    async def said() -> dict[str, str]:
        server.remembered.webfinger.clear()
        server.remembered.actors.clear()
        found: dict[str, str] = {}
        for one in people:
            found |= await one.answers(secrets, known)
        return found | await people[1].does(secrets)

    await people[1].does(secrets)  # what is done to a group that all know of is done now
    before = await said()
    await _live(secrets, alice, bob, dave, make_group)
    for path in (
        f"/api/v1/statuses/{secrets.ids['thread']}",
        f"/api/v2/search?q={WORDS[0]}",
        f"/@bob/{secrets.ids['thread']}",
    ):
        text = await _text(bob, path, await _cookie(server, bob))
        assert WORDS[0] in text, f"{path} shows nothing to a member either"
    after = await said()
    assert before.keys() == after.keys()
    different = {key: (before[key], after[key]) for key in before if before[key] != after[key]}
    assert not different, "\n\n".join(f"{key}\n{_apart(*two)}" for key, two in different.items())
    told = [
        key
        for key, text in after.items()
        if any(word in text.replace(key, "") for word in WORDS if word not in key)
    ]
    assert not told


async def _live(secrets: Secrets, alice: Person, bob: Person, dave: Person, make_group: MakeGroup) -> None:
    """Everything that can go on in a group; in the end one who was in it is put out."""
    if secrets.is_private:
        secrets.ids["group"] = await make_group(
            alice, NAME, access="private", title="Zirkon", topics=["obsidian"]
        )
        await _bring_in(alice, bob, secrets.ids["group"])
    else:
        await alice.patch(f"/api/v1/groups/{secrets.ids['group']}", {"allows_downvotes": "false"})
    group_id = secrets.ids["group"]
    at = f"/api/v1/groups/{group_id}"
    await _bring_in(alice, dave, group_id)
    topics = await alice.get(f"{at}/topics")
    secrets.ids["topic"] = int(topics[0]["id"]) if topics else new_id()
    media = await upload(bob, description="zirkon drawn")
    text = "zirkon quokka #hushhush @carol @dave https://obsidian.example/page"
    poll = {"options": ["zirkon a", "zirkon b"], "expires_in": 3600}
    thread = await bob.post(
        f"{at}/threads", {"title": "quokka zirkon", "text": text, "media_ids": [media["id"]]}
    )
    polled = await bob.post(f"{at}/threads", {"title": "zirkon?", "text": "quokka", "poll": poll})
    secrets.ids["thread"] = thread_id = int(thread["id"])
    reply = await alice.post(
        "/api/v1/statuses", {"status": "@dave @carol quokka zirkon", "in_reply_to_id": thread["id"]}
    )
    secrets.ids["reply"] = int(reply["id"])
    await alice.post(f"/api/v1/threads/{thread_id}/pin")
    await alice.post(f"/api/v1/threads/{thread_id}/lock", {"reason": "zirkon"})
    if secrets.is_private:
        # Of a group that all know of, all may learn whom it is recommended by.
        await alice.post(f"/api/v1/accounts/{group_id}/endorse")
        await dave.post(f"/api/v1/accounts/{group_id}/note", {"comment": "zirkon"})
    await bob.put(f"{at}/subscription", {"level": "all"})
    # One who is in it takes note of everything, and has to go.
    for action in ("favourite", "bookmark", "mute"):
        await dave.post(f"/api/v1/statuses/{thread_id}/{action}")
    await dave.post(f"/api/v1/polls/{polled['id']}/votes", {"choices": ["0"]})
    await dave.put(f"/api/v1/threads/{thread_id}/subscription", {"level": "all"})
    await dave.post(f"/api/v1/accounts/{group_id}/endorse")
    await dave.post(f"/api/v1/accounts/{group_id}/follow", {"notify": True})
    await alice.delete(f"{at}/members/{dave.id}", reason="zirkon")


async def _text(asking: Person, path: str, cookie: str) -> str:
    bearer = {"authorization": f"Bearer {asking.token}"}
    headers = bearer if path.startswith("/api/") else {"cookie": f"session={cookie}"}
    async with asking.client.get(path, headers=headers) as answer:
        return str(await answer.text())


async def _bring_in(owner: Person, who: Person, group_id: int) -> None:
    await owner.post(f"/api/v1/groups/{group_id}/invitations/{who.id}")
    await who.post(f"/api/v1/groups/{group_id}/join")


async def _cookie(server: Server, one: Person) -> str:
    return str((await server.db.write(sessions.begin, one.account_id)).secret)


def _apart(before: str, after: str) -> str:
    """Where two answers begin to differ."""
    place = next(
        (number for number, (a, b) in enumerate(zip(before, after, strict=False)) if a != b),
        min(len(before), len(after)),
    )
    start = max(0, place - 80)
    return f"- {before[start : place + 160]}\n+ {after[start : place + 160]}"
