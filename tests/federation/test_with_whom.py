"""With whom the server speaks: where only partners are federated with, or nobody, nothing of anybody else is taken, sent, asked
for or shown, on no route; and what was here before comes back with the mode.

MOD-05 (partners only), and of MOD-01 what is hidden at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import Connection, select, update

from activitypub.names import PUBLIC
from fedserver import oauth, partners, posts, settings
from fedserver.context import Server
from fedserver.federation import fetch
from fedserver.federation.deliver import DeliveryLanes
from fedserver.posts import Draft
from storage import posts as stored
from storage import quotes, tables
from tests.api.streams import Ear
from tests.events.test_secrets import browsing
from tests.federation.network import network as network_of
from tests.federation.network import offers, page, partner_of
from tests.federation.stranger import Stranger
from tests.federation.stub import Door, Stub, StubActor
from tests.federation.test_platforms_events import followed
from tests.groups.conftest import MakeGroup
from tests.groups.conftest import make_group as make_group
from tests.groups.test_privacy import DOCUMENTS
from tests.members import Person
from tests.test_publish import sent

NAME, WORD, TITLE = "zirkonia", "quokkaword", "Obsidianname"
JSON = {"Accept": "application/activity+json"}


@dataclass
class Scene:
    """Zirkonia of another server, and what she did here: each kind of thing that is shown somewhere."""

    door: Door
    stub: Stub
    actor: StubActor
    her: Stranger

    @property
    def ids(self) -> dict[str, str]:
        return self.her.ids


@pytest.fixture
async def scene(
    server: Server, door: Door, there: Stub, alice: Person, bob: Person, make_group: MakeGroup
) -> Scene:
    her = there.actor(NAME, discoverable=True, indexable=True, summary=f"<p>{WORD}</p>")
    there.documents[f"/users/{NAME}"]["name"] = TITLE
    await followed(door, alice, her)
    account_id = await fetch.account(server, her.uri)
    assert account_id is not None
    group_id = await make_group(alice, "python")
    ours = await posts.create(server, alice.member, Draft("What alice wrote #hush", "text/markdown"))
    uri, me = server.uris.post(ours), server.uris.actor("alice")
    tag = {"type": "Hashtag", "href": f"{there.origin}/tags/hush", "name": "#hush"}
    picture = {"type": "Document", "mediaType": "image/png", "url": f"{there.origin}/{WORD}.png"}
    mention = {"type": "Mention", "href": me}
    said = {
        "plain": her.note(
            WORD, tag=[tag], attachment=[picture],
            interactionPolicy={"canQuote": {"automaticApproval": [PUBLIC]}},
        ),
        "answer": her.note(WORD, inReplyTo=uri, tag=[mention], cc=[me]),
        "direct": her.note(WORD, to=[me], cc=[], tag=[mention]),
        "quoting": her.note(WORD, quote=uri, quoteUrl=uri),
        "resource": page(her, name=f"{WORD} in 90 minutes"),
        "event": {
            **her.note(WORD, name=f"{WORD} meets"), "type": "Event",
            "startTime": "2031-05-01T10:00:00Z", "endTime": "2031-05-01T11:00:00Z",
        },
    }  # fmt: skip
    for note in said.values():
        await door.takes(her, her.says("Create", note, to=note["to"]))
    group = server.uris.group("python")
    await door.takes(her, her.says("Follow", me), her.says("Like", uri), her.says("Announce", uri))
    await door.takes(her, her.says("Join", group))
    await door.takes(her, her.says("Create", her.note(WORD, audience=group, to=[group], name=WORD)))
    ids = {}
    for name, note in said.items():
        row = await server.db.read(stored.by_uri, note["id"])
        assert row is not None, name
        ids[name] = str(row.id)
    for path in ("reblog", "favourite", "bookmark"):
        await alice.post(f"/api/v1/statuses/{ids['plain']}/{path}")
    await alice.post(f"/api/v1/statuses/{ids['resource']}/bookmark")
    await posts.create(
        server, alice.member, Draft("Alice quotes", "text/markdown", quoted_id=int(ids["plain"]))
    )
    await server.db.write(lambda conn: conn.execute(update(tables.quote).values(state=quotes.ACCEPTED)))
    made = await alice.post("/api/v1/lists", {"title": "Near"})
    await alice.post(f"/api/v1/lists/{made['id']}/accounts", {"account_ids": [str(account_id)]})
    await alice.post(f"/api/v1/accounts/{account_id}/pin")
    ids |= {"ours": str(ours), "list": made["id"], "group": str(group_id)}
    marks = (NAME, WORD, TITLE, there.host)
    return Scene(door, there, her, Stranger(NAME, there.host, her.uri, account_id, ids, marks))


Asked = tuple[str, bool]
"""An address, and whether it is asked for as another server asks."""


async def walk(
    scene: Scene, reader: Person, headers: dict[str, str], asked: Iterable[Asked]
) -> dict[Asked, list[str]]:
    """What of her each address shows to a reader; "…" where the server fails."""
    found = {}
    for path, as_server in asked:
        more = JSON if as_server else {}
        async with await reader.raw("GET", path, headers={**headers, **more}) as answer:
            text = await answer.text(errors="replace") + str(answer.headers)
            marks = ["…"] if answer.status >= 500 else scene.her.marks(text, path)
            if marks:
                found[path, as_server] = marks
    return found


def _written_at(conn: Connection, account_id: int) -> Any:
    """What would differ if a row of hers had been written."""
    person, entry = tables.account.c, tables.post.c
    versions = select(entry.id, entry.version).where(entry.account_id == account_id).order_by(entry.id)
    one = select(person.version, person.suspended_at, person.limited_at).where(person.id == account_id)
    return conn.execute(one).one(), conn.execute(versions).all()


async def choose(server: Server, mode: str) -> None:
    await server.db.write(settings.store, server.config, {"federation_mode": mode})
    server.remembered.forget_settings()


@pytest.mark.long
async def test_mod_05_nothing_of_anybody_but_partners_is_shown_on_any_route_and_all_of_it_comes_back(
    server: Server, scene: Scene, alice: Person, nobody: Person
) -> None:
    readers = [(alice, await browsing(server, alice)), (nobody, dict[str, str]())]
    some = [(path, False) for path in scene.her.at()]
    before = [await walk(scene, *one, some) for one in readers]
    assert [len(found) > least for found, least in zip(before, (16, 4), strict=True)] == [True, True], before
    rows = await server.db.read(_written_at, scene.her.account_id)
    every = list(some)
    if server.config.database_url.startswith("sqlite"):  # what the queries say they say on both
        paths = scene.her.paths()
        assert len(paths) > 300
        every += [(path, False) for path in paths] + [
            (path, True) for path in paths if path.startswith(DOCUMENTS)
        ]
    for mode, asked in (("allowlist", every), ("closed", some)):
        await choose(server, mode)
        for reader in readers:
            assert await walk(scene, *reader, asked) == {}, (mode, reader[0].username)
    await choose(server, "open")
    for reader, found in zip(readers, before, strict=True):
        assert (await walk(scene, *reader, found)).keys() == found.keys()
    assert await server.db.read(_written_at, scene.her.account_id) == rows  # no row of hers was touched


async def test_mod_05_who_is_no_partner_is_neither_heard_nor_answered_nor_asked_nor_sent_anything(
    server: Server, scene: Scene, third: Stub, door: Door, alice: Person
) -> None:
    pat, her, here = third.actor("pat"), scene.actor, scene.stub
    us = network_of(third)
    await offers(door, us)
    await partners.accept(server, None, (await partner_of(door, third)).id)
    await followed(door, alice, pat)
    await door.takes(pat, pat.says("Follow", server.uris.actor("alice")))
    # What she said last waits to be acted on, and what is for her waits to be sent.
    late = her.note(f"{WORD} again")
    await door.worker.stop()
    assert await door.post(her, her.says("Create", late)) == 202
    await posts.create(server, alice.member, Draft("For all who follow", "text/plain"))
    await choose(server, "allowlist")
    await door.worker.start()
    await door.worker.idle()
    assert await server.db.read(stored.by_uri, late["id"]) is None
    asked = len(here.asked)
    async with Ear(alice, "user", "public") as ear:
        assert await door.post(her, her.says("Create", her.note(WORD))) == 403
        assert await door.post(pat, pat.says("Announce", her.note(WORD, served=True)["id"])) == 202
        await door.takes(pat, pat.says("Create", pat.note("Hello of a partner")))
        _, heard = await ear.next("update")
        assert "Hello of a partner" in heard["content"]
    refused = {}
    for path in (
        "/users/alice", "/users/alice/outbox", "/users/alice/followers", "/groups/python", server.uris.post(scene.ids["ours"]).removeprefix(server.config.origin),
        f"/.well-known/webfinger?resource=acct:alice@{server.config.domain}",
    ):  # fmt: skip
        refused[path] = (await door.get(path, her))[0], (await door.get(path, pat))[0]
    assert set(refused.values()) == {(403, 200)}, refused
    for path, form in (
        (f"/api/v2/search?resolve=true&q={her.uri}", None),
        (f"/api/v2/search?resolve=true&q=@{NAME}@{here.host}", None),
        (f"/api/v1/accounts/{scene.her.account_id}/follow", {}),
        (f"/api/v1/statuses/{scene.ids['plain']}/favourite", {}),
    ):
        async with await alice.raw("GET" if form is None else "POST", path, json=form) as answer:
            assert answer.status in (200, 404), path
            assert scene.her.marks(await answer.text(), path) == [], path
    await posts.create(server, alice.member, Draft(f"Of course, @{NAME}@{here.host}", "text/plain"))
    assert here.asked[asked:] == []
    lanes = DeliveryLanes(server)
    await lanes.start()
    await lanes.idle()
    await lanes.stop()
    assert here.asked[asked:] == []
    assert "/users/pat/inbox" in third.asked
    assert not [one for one in await sent(server) for inbox in one.inboxes if here.host in inbox]


async def test_mod_05_closed_timelines_are_closed_to_strangers_and_to_apps_by_every_way(
    server: Server, alice: Person, admin: Person, nobody: Person
) -> None:
    """Pages, API and streams; an app's own token opens no more, and a member's none without the scope."""
    await posts.create(server, alice.member, Draft(f"{WORD} #hush https://page.example/", "text/markdown"))
    app = await nobody.post(
        "/api/v1/apps", {"client_name": "x", "redirect_uris": "https://a.example/", "scopes": "read"}
    )
    grant = {**app, "grant_type": "client_credentials", "scope": "read"}
    by_app = Person(nobody.client, "app", token=(await nobody.post("/oauth/token", grant))["access_token"])
    narrow = (await server.db.write(oauth.issue, alice.account_id, "read:accounts")).access_token
    paths = [
        "/api/v1/timelines/public",
        "/api/v1/timelines/public?local=true",
        "/api/v1/timelines/tag/hush",
        "/local",
        "/tags/hush",
    ]
    streams = [
        f"/api/v1/streaming/{one}"
        for one in ("public", "public/local", "hashtag?tag=hush", "hashtag/local?tag=hush")
    ]
    for path in paths:
        async with await nobody.raw("GET", path) as answer:
            assert WORD in await answer.text(), path
    for access in ("authenticated", "disabled"):
        decided = {f"{side}_live_feed_access": access for side in ("local", "remote")}
        decided |= {f"{side}_topic_feed_access": "authenticated" for side in ("local", "remote")}
        await settings.change(server, admin.member, decided)
        for person in (nobody, by_app):
            for path in (*paths, *streams):
                async with await person.raw("GET", path) as answer:
                    refused = (401, 403) if path.startswith("/api/") else (200, 303, 401)
                    assert answer.status in refused, (person.username, path)
                    assert WORD not in await answer.text(), (person.username, path)
        for path in (*paths[:3], *streams):
            assert (await Person(alice.client, token=narrow).raw("GET", path)).status in (401, 403), path
        assert (WORD in str(await alice.get(paths[0]))) == (access == "authenticated")
