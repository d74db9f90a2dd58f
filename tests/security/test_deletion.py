"""What was deleted is gone: a post, an event, an account; others are told, and nothing brings it back (SECURITY DEL)."""

from __future__ import annotations

import pytest
from aiohttp import FormData

from fedserver import export, farewell, oauth, signup
from fedserver.context import Server
from fedserver.errors import Invalid
from fedserver.federation import fetch
from fedserver.viewer import PAGE_SCOPES, Member
from storage import deliveries, keys, posts
from tests.api.streams import Ear
from tests.api.uploads import picture, upload
from tests.events.test_events import EVENTS, call
from tests.federation.stranger import Stranger
from tests.federation.stub import Door, Stub, StubActor
from tests.members import Person
from tests.panel.test_gate import browser_of
from tests.planned import do_planned
from tests.receivers import receivers
from tests.security.conftest import WORD, deliver, followed, hosts_of, mentioning
from tests.test_publish import follower, sent, stranger

STATUSES = "/api/v1/statuses"
GOOD = "seven quiet otters"
EDITED = {"updated": "2099-01-01T00:00:00Z"}


async def test_del_01_a_deleted_post_is_gone_everywhere_and_all_who_had_it_are_told(
    server: Server, door: Door, ann: StubActor, mallory: StubActor, third: Stub, alice: Person, bob: Person
) -> None:
    zoe = third.actor("zoe")
    await fetch.account(server, mallory.uri)
    await door.takes(ann, ann.says("Follow", server.uris.actor("alice")))
    await bob.post(f"/api/v1/accounts/{alice.id}/follow")
    listed = await bob.post("/api/v1/lists", {"title": "Near"})
    await bob.post(f"/api/v1/lists/{listed['id']}/accounts", {"account_ids": [alice.id]})
    picture = await upload(alice, description=WORD)
    said = {"status": f"{WORD} #hush, @bob", "media_ids": [picture["id"]]}
    post = await alice.post(
        STATUSES, {**said, "status": f"{said['status']} and @mallory@{mallory.stub.host}"}
    )
    at, path = f"{STATUSES}/{post['id']}", post["uri"].removeprefix(server.config.origin)
    await alice.put(at, said)  # mallory, who is named no longer, has it all the same
    await door.takes(zoe, zoe.says("Announce", post["uri"]))
    for what in ("favourite", "bookmark", "reblog"):
        await bob.post(f"{at}/{what}")
    quoting = await bob.post(STATUSES, {"status": "See", "quoted_status_id": post["id"]})
    answer = await bob.post(STATUSES, {"status": "So?", "in_reply_to_id": post["id"]})
    await alice.post(f"{at}/pin")
    shown = (
        at, "/api/v1/timelines/public", "/api/v1/timelines/home", "/api/v1/timelines/tag/hush", "/api/v1/bookmarks",
        f"/api/v1/timelines/list/{listed['id']}", "/api/v1/favourites", "/api/v1/notifications", f"/api/v2/search?q={WORD}",
        f"/api/v1/accounts/{alice.id}/statuses", f"/api/v1/accounts/{alice.id}/statuses?pinned=true",
        f"{STATUSES}/{quoting['id']}", f"{STATUSES}/{answer['id']}/context", "/@alice", "/@alice/feed.atom", "/tags/hush",
        f"/@alice/{post['id']}", f"{at}/history", f"{at}/source", f"/api/v1/media/{picture['id']}",
    )  # fmt: skip
    before = await mentioning(bob, shown)
    assert set(shown) - before <= {f"{at}/source", f"/api/v1/media/{picture['id']}"}, (
        "which are the author's alone"
    )
    file = "/media/" + picture["url"].partition("/media/")[2]
    assert (await bob.raw("GET", file)).status == (await door.get(path, ann))[0] == 200

    async with Ear(bob, "user") as ear:
        await alice.delete(at, delete_media="true")
        while (await ear.next("delete"))[1] != int(post["id"]):
            pass  # the boost goes with it
    deleted = [one for one in await sent(server) if one.activity["type"] == "Delete"]
    assert {one.activity["object"]["id"] for one in deleted} >= {post["uri"]}
    about = [one for one in deleted if one.activity["object"]["id"] == post["uri"]]
    assert hosts_of(about) == {ann.stub.host, mallory.stub.host, third.host}
    status, document = await door.get(path, ann)
    assert (status, document["type"]) == (410, "Tombstone")
    for part in ("replies", "likes", "shares"):
        assert (await door.get(f"{path}/{part}", ann))[0] in (404, 410), part
    for collection in ("outbox?page=true", "collections/featured"):
        assert WORD not in str(await door.get(f"/users/alice/{collection}", ann)), collection
    for reader in (alice, bob):
        assert await mentioning(reader, shown) == set()
        assert (await reader.raw("GET", at)).status == 404
    assert (await bob.get(f"{STATUSES}/{quoting['id']}"))["quote"] == {
        "state": "deleted",
        "quoted_status": None,
    }
    await do_planned(server, "delete_files")
    assert (await bob.raw("GET", file)).status == 404


async def test_del_01_a_deleted_event_is_in_no_calendar(
    server: Server, door: Door, ann: StubActor, alice: Person, bob: Person
) -> None:
    event = await alice.post(EVENTS, call(title=f"{WORD} meets"))
    await bob.post(f"{EVENTS}/{event['id']}/rsvp", {"status": "going"})
    token = await bob.post("/api/v1/calendar/tokens", {"label": "x"})
    at = f"{EVENTS}/{event['id']}"
    shown = (
        "/events.ics", f"/events/{event['id']}.ics", f"{at}.ics", "/" + token["url"].split("/", 3)[3], "/tags/training/events.ics",
        "/events", f"/events/{event['id']}", f"/events/{event['id']}.jsonld", "/api/v1/events", "/api/v1/calendar", at,
    )  # fmt: skip
    assert await mentioning(bob, shown) == set(shown)
    await alice.delete(at)
    assert await mentioning(bob, shown) == set()
    status, document = await door.get(event["uri"].removeprefix(server.config.origin), ann)
    assert (status, document["type"], document["formerType"]) == (410, "Tombstone", "Event")


@pytest.mark.long
async def test_del_01_no_address_shows_what_was_deleted(
    server: Server, alice: Person, bob: Person, nobody: Person
) -> None:
    """Every address of ours is asked before and after."""
    post = await alice.post(STATUSES, {"status": f"{WORD} #hush, @bob"})
    event = await alice.post(EVENTS, call(title=f"{WORD} meets"))
    resource = await alice.post(
        "/api/v1/resources",
        {"title": f"{WORD} in 90 minutes", "abstract": "x", "version": {"number": "1.0", "links": [{"url": "https://f.example/a.pdf"}]}},
    )  # fmt: skip
    answer = await bob.post(STATUSES, {"status": "So?", "in_reply_to_id": post["id"]})
    listed = await bob.post("/api/v1/lists", {"title": "Near"})
    ids = {
        "plain": post["id"], "ours": answer["id"], "event": event["id"], "resource": resource["id"], "list": listed["id"],
        "group": post["id"],
    }  # fmt: skip
    hers = Stranger(
        "alice", server.config.domain, server.uris.actor("alice"), alice.account_id, ids, (WORD, WORD)
    )
    readers = [(bob, await browser_of(server, bob)), (nobody, dict[str, str]())]

    async def walk() -> list[dict[str, list[str]]]:
        found = []
        for reader, headers in readers:
            seen = {}
            for path in hers.paths():
                async with await reader.raw("GET", path, headers=headers) as got:
                    marks = hers.marks(await got.text(errors="replace") + str(got.headers), path)
                    assert got.status < 500, path
                    if marks:
                        seen[path] = marks
            found.append(seen)
        return found

    assert [len(one) > least for one, least in zip(await walk(), (30, 15), strict=True)] == [True, True]
    for path in (
        f"{STATUSES}/{post['id']}",
        f"{EVENTS}/{event['id']}",
        f"/api/v1/resources/{resource['id']}",
    ):
        await alice.delete(path)
    assert await walk() == [{}, {}]


async def test_del_02_who_has_left_is_gone_for_other_servers_which_can_verify_the_farewell(
    server: Server, door: Door, ann: StubActor, bob: Person, nobody: Person
) -> None:
    nora_id = await signup.make_user(
        server.db, server.uris, server.keys, username="nora", email="nora@mail.example", password=GOOD
    )
    nora = Member(nora_id, "nora", "member", PAGE_SCOPES)
    token = (await server.db.write(oauth.issue, nora_id, "read write follow push")).access_token
    app = Person(nobody.client, "nora", nora_id, token)
    form = FormData()
    form.add_field("avatar", picture(), filename="a.png", content_type="image/png")
    shown = await app.patch("/api/v1/accounts/update_credentials", data=form)
    attached = await upload(app)
    post = await app.post(STATUSES, {"status": WORD, "media_ids": [attached["id"]]})
    await export.request(server, nora)
    await export.make_archive(server, {"account_id": nora_id})
    archive, browser = await export.archive(server, nora), await browser_of(server, app)
    files = [
        "/media/" + url.partition("/media/")[2]
        for url in (shown["avatar"], attached["url"], attached["preview_url"])
    ]
    path = post["uri"].removeprefix(server.config.origin)
    documents = [
        "/users/nora",
        path,
        "/users/nora/outbox",
        "/users/nora/followers",
        "/users/nora/collections/featured",
    ]
    finger = f"/.well-known/webfinger?resource=acct:nora@{server.config.domain}"
    assert {(await door.get(one, ann))[0] for one in [*documents, finger]} == {200}
    assert {(await nobody.raw("GET", one)).status for one in files} == {200}
    key = await server.db.read(server.keys.rsa, nora_id)

    async with receivers(2, {key.key_id: key.public_key}) as (fan, other):
        await server.db.write(follower, nora_id, "fan", fan.host)
        await server.db.write(stranger, "zoe", other.host)
        await farewell.delete_account(server, nora, GOOD)
        # What has been asked for before, and is done when they have left, does nothing.
        await export.make_archive(server, {"account_id": nora_id})
        await do_planned(server, "give_up_seats", "farewell")
        await deliver(server)
        for one in (fan, other):  # which have verified the signature
            assert [(told["type"], told["object"]) for told in one.got if told["type"] == "Delete"] == [
                ("Delete", server.uris.actor("nora"))
            ]

    found = {one: await door.get(one, ann) for one in documents}
    assert [(found[one][0], found[one][1]["type"]) for one in documents[:2]] == [(410, "Tombstone")] * 2
    assert found["/users/nora"][1]["formerType"] == "Person"
    assert {found[one][0] for one in documents[2:]} == {404}
    assert (await door.get(finger, ann))[0] == 410
    assert await door.post(ann, ann.says("Follow", server.uris.actor("nora")), path="/users/nora/inbox") in (
        404,
        410,
    )
    assert {(await nobody.raw("GET", one)).status for one in files} == {404}
    assert not archive.exists()
    answer = await nobody.raw("GET", "/settings/export/archive", headers=browser)
    assert (answer.status, answer.headers["Location"].partition("?")[0]) == (303, "/login")
    assert (await app.raw("GET", "/api/v1/timelines/home")).status == 401
    assert (
        await mentioning(
            bob,
            (f"{STATUSES}/{post['id']}", f"/api/v1/accounts/{nora_id}", "/api/v1/timelines/public", "/@nora"),
        )
        == set()
    )
    # Keys outlast every attempt to tell others, and then go.
    assert len(await server.db.read(keys.own, nora_id)) == 2
    assert farewell.KEYS_KEPT_MS > deliveries.HELD_MS
    assert await do_planned(server, "forget_keys") == [{"account_id": nora_id}]
    assert await server.db.read(keys.own, nora_id) == []
    # The name stays taken, in any spelling; the mailbox is free.
    for name, email, problem in (
        ("NORA", "other@mail.example", "username"),
        ("fresh", "nora@mail.example", ""),
    ):
        wanted = signup.SignUp(name, email, GOOD, reason="I teach.", agreed=True)
        if problem:
            with pytest.raises(Invalid) as refused:
                await signup.sign_up(server, wanted)
            assert list(refused.value.fields) == [problem]
        else:
            assert (await signup.sign_up(server, wanted)).account_id is not None


async def test_del_04_what_was_deleted_comes_back_by_nothing(
    door: Door, ann: StubActor, mallory: StubActor, alice: Person
) -> None:
    note = mallory.note("Said once", served=True)
    await followed(door, alice, mallory)
    await door.takes(mallory, mallory.says("Create", note))
    gone = mallory.says("Delete", {"id": note["id"], "type": "Tombstone"})
    mine = await alice.post(STATUSES, {"status": WORD})
    await alice.delete(f"{STATUSES}/{mine['id']}")
    await door.takes(mallory, gone)
    for uri in (note["id"], mine["uri"]):
        again = note | {"id": uri, "content": f"<p>{WORD} again</p>"}
        await door.takes(
            mallory,
            *(mallory.says(kind, one) for kind in ("Create", "Update", "Announce", "Like") for one in (again, again | EDITED, uri)),
            mallory.says("Undo", gone),
            mallory.says("Add", uri, target=f"{mallory.uri}/featured"),
        )  # fmt: skip
        await door.takes(
            ann,
            ann.says("Announce", uri),
            ann.says("Announce", again),
            ann.says("Create", ann.note("So?", inReplyTo=uri)),
            ann.says("Create", ann.note("See", quote=uri, quoteUrl=uri)),
        )
        await do_planned(door.server, "fetch_ancestors", "fetch_thread", "verify_quote")
        await alice.raw("GET", "/authorize_interaction", params={"uri": uri})
        assert (await alice.get("/api/v2/search", q=uri, resolve="true"))["statuses"] == []
        row = await door.server.db.read(posts.by_uri, uri)
        assert row is None or row.deleted_at is not None, uri
    assert (
        await mentioning(alice, ("/api/v1/timelines/home", "/api/v1/timelines/public"), "said once") == set()
    )
