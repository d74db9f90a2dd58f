"""A server that an admin has blocked, a person whom a member has, an account that moderators have suspended: there is no way
around (SECURITY MOD)."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import pytest
from aiohttp import web

from activitypub.names import PUBLIC
from fedserver import mail_links, oauth, relationships, sessions, signup
from fedserver.context import Server
from fedserver.errors import Unreachable
from fedserver.federation import fetch, policy
from fedserver.viewer import PAGE_SCOPES, Member
from storage import posts, scheduled, tables
from storage.types import now_ms
from tests.api.streams import Ear
from tests.api.uploads import picture, upload_form
from tests.events.test_events import EVENTS, call
from tests.federation.stub import Door, Stub, StubActor
from tests.federation.test_collections import shelf
from tests.members import Person
from tests.panel.test_gate import browser_of
from tests.planned import do_planned, planned
from tests.security.conftest import WORD, deliver, followed, hosts_of, mentioning
from tests.test_publish import sent

STATUSES = "/api/v1/statuses"
GOOD = "seven quiet otters"
EDITED = {"updated": "2099-01-01T00:00:00Z"}


async def block(door: Door, admin: Person, domain: str, host: str) -> None:
    """An admin suspends a domain. Processes on PostgreSQL hear of it a moment later."""
    await admin.post("/api/v1/admin/domain_blocks", {"domain": domain, "severity": "suspend"})
    async with asyncio.timeout(10):
        while await policy.federates_with(door.server, host):  # noqa: ASYNC110 - nothing tells when
            await asyncio.sleep(0.01)


# -- a blocked server


async def test_mod_01_nothing_of_a_blocked_server_gets_in_and_nobody_asks_it(
    server: Server, door: Door, ann: StubActor, mallory: StubActor, alice: Person, admin: Person
) -> None:
    me, host, origin = server.uris.actor("alice"), mallory.stub.host, mallory.stub.origin
    await door.takes(mallory, mallory.says("Follow", me))
    note = mallory.note("From a blocked server", served=True)
    redirect = ann.stub.origin + "/to-mallory"
    ann.stub.documents["/to-mallory"] = lambda: web.Response(status=302, headers={"Location": note["id"]})
    ann.stub.documents["/.well-known/host-meta"] = lambda: web.Response(
        text='<XRD xmlns="http://docs.oasis-open.org/ns/xri/xrd-1.0"><Link rel="lrdd" '
        f'template="{origin}/.well-known/webfinger?resource={{uri}}"/></XRD>',
        content_type="application/xrd+xml",
    )
    await block(door, admin, host, host)
    mallory.stub.asked.clear()

    renamed = mallory.stub.documents["/users/mallory"] | {"name": "Renamed"}
    for activity in (
        mallory.says("Create", note),
        mallory.says("Create", mallory.note("@alice", to=[me], tag=[{"type": "Mention", "href": me}])),
        mallory.says("Follow", me),
        mallory.says("Update", renamed),
        mallory.says("Delete", mallory.uri),
    ):
        assert await door.post(mallory, activity) in (202, 403)
        assert await door.post(mallory, activity, path="/users/alice/inbox") in (202, 403)
    assert await door.post(ann, mallory.says("Create", note)) == 403
    # Somebody honest names it, links to it, and shows what lies there.
    page, picture = f"{origin}/page", {"type": "Image", "mediaType": "image/png", "url": f"{origin}/a.png"}
    theirs = ann.note(
        f'{WORD} <a href="{page}">a page</a>', attachment=[picture], cc=[mallory.uri],
        tag=[{"type": "Mention", "href": mallory.uri}, {"type": "Emoji", "name": ":blob:", "icon": picture}],
    )  # fmt: skip
    await door.takes(
        ann,
        ann.says("Announce", note["id"]),
        ann.says("Announce", note),
        ann.says("Create", ann.note("An answer", inReplyTo=note["id"])),
        ann.says("Create", ann.note("A quote", quote=note["id"], quoteUrl=note["id"])),
        ann.says("Create", theirs),
        ann.says("Add", note["id"], target=f"{ann.uri}/featured"),
    )
    # So does a member.
    await alice.post(STATUSES, {"status": f"@mallory@{host} and @nobody@{host}, see {page}"})
    fields = [{"name": "Mine", "value": f"{origin}/me"}]
    await alice.patch("/api/v1/accounts/update_credentials", {"fields_attributes": fields})
    done = await do_planned(server, "preview", "verify_links", "fetch_ancestors", "refresh_account")
    assert [one["url"] for one in done if "url" in one] == [page] * 2
    for address in (note["id"], redirect, f"@mallory@{host}", f"@nobody@{host}", f"@nobody@{ann.stub.host}"):
        await alice.get("/api/v2/search", q=address, resolve="true")
        await alice.raw("GET", "/authorize_interaction", params={"uri": address})
    (shown,) = [one for one in await alice.get("/api/v1/timelines/home") if WORD in one["content"]]
    for url in (shown["media_attachments"][0]["url"], shown["emojis"][0]["url"]):
        assert (await alice.raw("GET", "/media/" + url.partition("/media/")[2])).status == 404
    own = (await alice.get(f"/api/v1/accounts/{alice.id}/statuses"))[0]
    for path in (
        "/users/alice", "/users/alice/outbox", own["uri"].removeprefix(server.config.origin),
        f"/.well-known/webfinger?resource=acct:alice@{server.config.domain}",
    ):  # fmt: skip
        assert (await door.get(path, mallory))[0] == 403, path
    await deliver(server)

    assert mallory.stub.asked == []
    assert host not in hosts_of(await sent(server))
    assert await server.db.read(posts.by_uri, note["id"]) is None
    told = await alice.get("/api/v1/notifications")
    assert {one["type"] for one in told} <= {"severed_relationships"}


@pytest.mark.parametrize(
    ("blocked", "asked"),
    [
        ("bad.example", "BAD.example"),
        ("bad.example", "sub.bad.example"),
        ("bad.example", "bad.example:443"),
        ("bad.example", "bad.example:8443"),
        ("bad.example", "a.b.bad.example:8443"),
        ("xn--bcher-kva.example", "bücher.example"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("bad.example", "\uff42ad\u3002example"),
        ("bad.example", "bad.example."),
        (" BAD.example. ", "bad.example"),
        ("bad.example:443", "sub.bad.example"),
    ],
)
async def test_mod_02_a_blocked_domain_is_blocked_however_it_is_written(
    door: Door, admin: Person, blocked: str, asked: str
) -> None:
    await block(door, admin, blocked, "bad.example" if "bad" in blocked.lower() else "xn--bcher-kva.example")
    for address in (f"http://{asked}/users/x", f"https://{asked}/users/x", f"http://{asked}/"):
        with pytest.raises(Unreachable) as refused:
            await fetch.account(door.server, address)
        assert refused.value.reason == "policy"
    with pytest.raises(Unreachable) as refused:
        await fetch.account_by_handle(door.server, "x", asked)
    assert refused.value.reason == "policy"
    there = StubActor(Stub(f"http://{asked}"), "x")
    assert await door.post(there, there.says("Create", there.note("x"))) == 403


@pytest.mark.parametrize(
    "address",
    [
        "http://bad.example@{good}/users/ann", "http://{good}@bad.example/users/ann", "http://bad.example /users/x",
        "http://bad.example\t/users/x", "http://bad.example%2f@{good}/users/ann", "http://bad.example\\@{good}/users/ann",
        "http://{good}#@bad.example/users/x", " http://bad.example/users/x", "http://bad.example:80:80/users/x",
    ],
)  # fmt: skip
async def test_mod_02_an_address_that_could_be_read_in_two_ways_is_nobodys(
    door: Door, there: Stub, admin: Person, address: str
) -> None:
    await block(door, admin, "bad.example", "bad.example")
    there.actor("ann")
    odd = address.format(good=there.host)
    found = None
    with suppress(Unreachable):
        found = await fetch.account(door.server, odd)
    assert found is None
    assert "/users/ann" not in there.asked
    mallory = there.actor("mallory")
    note = mallory.note("x", to=[PUBLIC, door.server.uris.actor("ada")])
    await door.post(mallory, mallory.says("Create", note, actor=odd))
    await door.worker.idle()
    assert await door.server.db.read(posts.by_uri, note["id"]) is None


# -- a person whom a member has blocked


async def test_mod_04_a_blocked_person_reaches_nobody_by_any_activity(
    server: Server, door: Door, mallory: StubActor, alice: Person, bob: Person
) -> None:
    lists = f"{mallory.stub.origin}/lists"
    mallory.stub.documents["/users/mallory"]["featuredCollections"] = lists
    mallory.stub.documents["/lists/1"] = shelf(mallory, f"{lists}/1")
    await followed(door, alice, mallory)  # so that all of it is there, for others
    mallory_id = await fetch.account(server, mallory.uri)
    assert mallory_id is not None
    mine = await bob.post(STATUSES, {"status": "Mine"})
    poll = await bob.post(STATUSES, {"status": "Tea?", "poll": {"options": ["Yes", "No"], "expires_in": 600}})
    event = await bob.post(EVENTS, call())
    hers = await alice.post(STATUSES, {"status": "Of alice"})
    old = mallory.note(f"{WORD} of old")
    await door.takes(mallory, mallory.says("Create", old))
    await relationships.block(server, bob.member, mallory_id)
    me = server.uris.actor("bob")
    named: dict[str, Any] = {
        "to": [PUBLIC, me],
        "tag": [{"type": "Mention", "href": me, "name": "@bob"}],
    }
    only = named | {"to": [me], "cc": []}
    quote = {"quote": mine["uri"], "quoteUrl": mine["uri"], "_misskey_quote": mine["uri"]}
    asking = mallory.note(WORD, **named) | quote
    later = {"type": "Event", "name": f"{WORD} meets", "startTime": "2031-05-01T10:00:00Z"}
    said = [
        mallory.says("Create", mallory.note(WORD, inReplyTo=mine["uri"], **named)),
        mallory.says("Create", mallory.note(WORD, inReplyTo=hers["uri"], **named)),
        mallory.says("Create", mallory.note(WORD, **only), to=[me]),
        mallory.says("Create", mallory.note(WORD, **only) | {"type": "ChatMessage"}, to=[me]),
        mallory.says("Create", mallory.note("<br>", name="Yes", inReplyTo=poll["uri"], **only), to=[me]),
        mallory.says("Create", mallory.note("<br>", name="Going", inReplyTo=event["uri"], **only), to=[me]),
        mallory.says("Create", asking),
        mallory.says("QuoteRequest", mine["uri"], instrument=mallory.note(WORD, **named) | quote),
        mallory.says("Update", old | named | EDITED),
        mallory.says("Follow", me),
        mallory.says("Like", mine["uri"]),
        mallory.says("EmojiReact", mine["uri"], content="🦘"),
        mallory.says("Announce", mine["uri"]),
        mallory.says("Join", event["uri"]),
        mallory.says("Invite", mallory.note(WORD) | later, target=me, to=[me]),
        mallory.says("FeatureRequest", me, instrument=f"{lists}/1"),
    ]
    async with Ear(bob, "user:notification") as ear:
        for path in ("/inbox", "/users/bob/inbox"):
            for activity in said:
                assert await door.post(mallory, activity, path=path) == 202, activity["type"]
            # What is sent again is sent under another name.
            said = [one | {"id": mallory.uri_of("activities")} for one in said]
        await door.worker.idle()
        assert len(await do_planned(server, "answer_feature_request")) == 2
        await alice.post(STATUSES, {"status": "@bob you hear me"})
        _, heard = await ear.next("notification")
        assert heard["account"]["username"] == "alice"
    (only_one,) = await bob.get("/api/v1/notifications")
    assert only_one["id"] == heard["id"]
    assert await bob.get("/api/v1/notifications/requests") == []
    assert await bob.get("/api/v1/conversations") == []
    now = await bob.get(f"{STATUSES}/{mine['id']}")
    assert [now[f"{what}_count"] for what in ("favourites", "reblogs", "replies", "quotes")] == [0, 0, 0, 0]
    assert (await bob.get(f"{STATUSES}/{poll['id']}"))["poll"]["votes_count"] == 0
    assert await bob.get(f"{EVENTS}/{event['id']}/rsvps") == []
    assert (await bob.get(f"{STATUSES}/{mine['id']}/context"))["descendants"] == []
    about = await bob.get("/api/v1/accounts/relationships", **{"id[]": str(mallory_id)})
    assert (about[0]["followed_by"], about[0]["requested_by"]) == (False, False)
    # Others, who have not blocked them, see what they said in public.
    places = ("/api/v1/timelines/public", "/api/v1/timelines/home", f"{STATUSES}/{hers['id']}/context")
    assert await mentioning(alice, places) == set(places)
    places += (
        f"{STATUSES}/{mine['id']}/quotes", f"{STATUSES}/{mine['id']}/favourited_by", f"/api/v2/search?q={WORD}",
        "/api/v1/timelines/direct", "/api/v1/events", f"/api/v1/accounts/{bob.id}/in_collections", "/events.ics",
    )  # fmt: skip
    assert await mentioning(bob, places) == set()


# -- who is suspended


async def test_mod_07_a_suspended_member_is_shut_out_of_every_door_and_says_nothing_more(
    server: Server, door: Door, there: Stub, nobody: Person, moderator: Person, mallory: StubActor
) -> None:
    nora_id = await signup.make_user(
        server.db, server.uris, server.keys, username="nora", email="nora@mail.example", password=GOOD
    )
    scopes = "read write follow push"
    token = (await server.db.write(oauth.issue, nora_id, scopes)).access_token
    nora = Person(nobody.client, "nora", nora_id, token)
    me, origin = server.uris.actor("nora"), server.config.origin
    await followed(door, nora, there.actor("ann"))
    await door.takes(mallory, mallory.says("Follow", me))
    made = await nobody.post(
        "/api/v1/apps", {"client_name": "x", "redirect_uris": "https://app.example/", "scopes": scopes}
    )
    app = {"client_id": made["client_id"], "client_secret": made["client_secret"]}
    asked = {**app, "response_type": "code", "redirect_uri": "https://app.example/", "scope": scopes}
    request = await oauth.read_request(
        server, **{name: asked[name] for name in asked if name != "client_secret"}
    )
    code = await oauth.grant(server, Member(nora_id, "nora", "member", PAGE_SCOPES), request)
    browser = await browser_of(server, nora)
    await sessions.request_reset(server, "nora@mail.example")
    reset = await server.db.write(lambda conn: mail_links.mint(conn, origin, nora_id, "reset"))
    await nora.patch("/api/v1/accounts/update_credentials", {"display_name": WORD, "note": WORD})
    calendar = (await nora.post("/api/v1/calendar/tokens", {"label": "x"}))["url"].removeprefix(origin)
    gone = await nora.post(STATUSES, {"status": "Gone before"})
    await server.db.write(lambda conn: conn.execute(tables.delivery.delete()) and None)  # all have it
    await nora.delete(f"{STATUSES}/{gone['id']}")
    post = await nora.post(STATUSES, {"status": f"{WORD} for all"})
    later = await nora.post(STATUSES, {"status": f"{WORD} later", "scheduled_at": "2099-01-01T00:00:00Z"})
    path = post["uri"].removeprefix(origin)
    assert (await door.get(path, mallory))[0] == (await nobody.raw("GET", calendar)).status == 200

    async with Ear(nora, "user") as ear:
        await moderator.post(f"/api/v1/admin/accounts/{nora_id}/action", {"type": "suspend"})
        await ear.closed()
    assert (await nora.raw("POST", "/api/v2/media", data=upload_form(picture()))).status == 403
    for method, where, form in (
        ("GET", "/api/v1/timelines/home", {}), ("GET", "/api/v1/accounts/verify_credentials", {}),
        ("POST", STATUSES, {"status": "Still here"}), ("POST", f"{STATUSES}/{post['id']}/reblog", {}),
        ("POST", "/api/v1/reports", {"account_id": moderator.id}), ("GET", "/api/v1/streaming/user", {}),
        ("POST", "/api/v1/push/subscription", {}), ("PATCH", "/api/v1/accounts/update_credentials", {"note": "x"}),
    ):  # fmt: skip
        assert (await nora.raw(method, where, json=form)).status == 403, where
    tokens = {
        "code": {"grant_type": "authorization_code", "code": code, "redirect_uri": asked["redirect_uri"]},
        "refresh": {"grant_type": "refresh_token", "refresh_token": token},
        "password": {"grant_type": "password", "username": "nora", "password": GOOD},
    }
    for name, form in tokens.items():
        answer = await nobody.raw("POST", "/oauth/token", json={**app, **form})
        assert (answer.status, "access_token" in await answer.text()) == (400, False), name
    for method, where, form in (
        ("GET", "/oauth/authorize", asked), ("POST", "/oauth/authorize", asked | {"decision": "allow"}),
        ("POST", "/oauth/authorize", asked | {"decision": "sign_in", "username": "nora", "password": GOOD}),
        ("POST", "/login", {"username": "nora", "password": GOOD}), ("GET", "/settings/profile", {}), ("POST", "/compose", {"text": "x"}),
    ):  # fmt: skip
        given = {"params": form} if method == "GET" else {"data": form}
        answer = await nobody.raw(method, where, headers=browser, **given)
        assert "code=" not in answer.headers.get("Location", ""), (method, where)
        assert not answer.cookies.get("session"), where
        assert answer.status in (303, 401, 403) or "nora" not in await answer.text(), (method, where)
    for method in ("GET", "POST"):
        answer = await nobody.raw(method, reset.removeprefix(origin), data={"password": "nine loud herons"})
        assert answer.status == 403, method
    await sessions.request_reset(server, "nora@mail.example")
    assert len([one for one in await server.db.read(planned, "mail") if one["template"] == "reset"]) == 1
    own = await nobody.post("/oauth/token", {**app, "grant_type": "client_credentials", "scope": scopes})
    by_app = Person(nobody.client, token=own["access_token"])
    for method, where in (("POST", STATUSES), ("GET", "/api/v1/timelines/home"), ("POST", "/api/v2/media")):
        assert (await by_app.raw(method, where, json={"status": "By the app"})).status in (401, 403, 422), (
            where
        )

    # Other servers read that the account is suspended, and nothing of what it says.
    status, actor = await door.get("/users/nora", mallory)
    assert (status, actor["suspended"]) == (200, True)
    assert WORD not in str(actor)
    assert (await door.get(path, mallory))[0] == 404
    for part in (
        "outbox",
        "outbox?page=true",
        "followers",
        "following",
        "collections/featured",
        "collections/tags",
    ):
        assert (await door.get(f"/users/nora/{part}", mallory))[0] == 404, part
    assert await mentioning(moderator, ("/@nora", "/@nora/feed.atom", "/api/v1/timelines/public")) == set()
    assert (await nobody.raw("GET", calendar)).status == 404
    # Nothing leaves in their name but that: neither what waited, nor what was to be posted, nor an answer.
    await do_planned(server, "stop_sending", "give_up_seats")
    await server.db.write(scheduled.change, int(later["id"]), scheduled_at=now_ms() - 1)
    await do_planned(server, "publish_scheduled")
    await door.takes(mallory, mallory.says("Undo", mallory.says("Follow", me)), mallory.says("Follow", me))
    waiting = [one.activity for one in await sent(server) if one.activity["actor"] == me and one.inboxes]
    assert [one["type"] for one in waiting] == ["Delete", "Update"]
    assert (waiting[0]["object"]["id"], waiting[1]["object"]["suspended"]) == (gone["uri"], True)


async def test_mod_08_somebody_suspended_elsewhere_is_neither_seen_again_nor_kept_anew(
    door: Door, ann: StubActor, mallory: StubActor, alice: Person, moderator: Person
) -> None:
    mine = await alice.post(STATUSES, {"status": "Mine"})
    old = mallory.note("Old words", served=True, inReplyTo=mine["uri"])
    await door.takes(mallory, mallory.says("Create", old))
    await door.takes(ann, ann.says("Announce", old["id"]))
    lists = ("/api/v1/timelines/home", f"{STATUSES}/{mine['id']}/context", "/api/v1/timelines/public")
    assert await mentioning(alice, lists[:2], "words") == set(lists[:2])
    row = await door.server.db.read(posts.by_uri, old["id"])
    assert row is not None
    await moderator.post(f"/api/v1/admin/accounts/{row.account_id}/action", {"type": "suspend"})
    new = mallory.note("New words", served=True)
    await door.takes(ann, ann.says("Announce", old["id"]), ann.says("Announce", new["id"]))
    await door.takes(ann, ann.says("Create", ann.note("So?", inReplyTo=new["id"])))
    await door.post(mallory, mallory.says("Create", new))
    await door.worker.idle()
    await do_planned(door.server, "fetch_ancestors")
    for address in (old["id"], new["id"], mallory.uri):
        found = await alice.get("/api/v2/search", q=address, resolve="true")
        assert found["statuses"] == []
    assert await door.server.db.read(posts.by_uri, new["id"]) is None
    assert (
        await mentioning(alice, (*lists, "/api/v1/notifications", f"{STATUSES}/{row.id}"), "words") == set()
    )


async def test_mod_10_a_report_goes_to_the_other_server_only_when_its_maker_wants_that(
    server: Server, door: Door, mallory: StubActor, alice: Person
) -> None:
    account_id = await fetch.account(server, mallory.uri)
    about = {"account_id": str(account_id), "comment": f"{WORD}, says @alice"}
    for forward, told in (({}, []), ({"forward": False}, []), ({"forward": True}, [mallory.stub.host])):
        made = await alice.post("/api/v1/reports", about | forward)
        assert made["forwarded"] is bool(told)
        flags = [one for one in await sent(server) if one.activity["type"] == "Flag"]
        assert sorted(hosts_of(flags)) == told
    assert flags[0].activity["actor"] == server.uris.instance_actor(), "who reported is not told"
