"""A server that an admin has blocked, and a person whom a member has: there is no way around."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp import web

from activitypub.names import PUBLIC
from fedserver import relationships
from fedserver.errors import Unreachable
from fedserver.federation import fetch, policy
from storage import instances, posts
from tests.federation.stub import Door, StubActor
from tests.members import Person
from tests.test_publish import sent


async def block(door: Door, host: str) -> None:
    """Processes on PostgreSQL hear of it a moment later."""
    await door.server.db.write(instances.set_rules, host, policy="reject")
    async with asyncio.timeout(10):
        while await policy.federates_with(door.server, host):  # noqa: ASYNC110 - nothing tells when
            await asyncio.sleep(0.01)


async def test_mod_01_nothing_of_a_blocked_server_gets_in_and_nobody_asks_it(
    door: Door, ann: StubActor, mallory: StubActor, alice: Person
) -> None:
    await fetch.account(door.server, mallory.uri)
    note = mallory.note("From a blocked server", served=True)
    redirect = ann.stub.origin + "/to-mallory"
    ann.stub.documents["/to-mallory"] = lambda: web.Response(status=302, headers={"Location": note["id"]})
    ann.stub.documents["/.well-known/host-meta"] = lambda: web.Response(
        text='<XRD xmlns="http://docs.oasis-open.org/ns/xri/xrd-1.0"><Link rel="lrdd" '
        f'template="{mallory.stub.origin}/.well-known/webfinger?resource={{uri}}"/></XRD>',
        content_type="application/xrd+xml",
    )
    await block(door, mallory.stub.host)
    mallory.stub.asked.clear()

    me = door.server.uris.actor("alice")
    for activity in (
        mallory.says("Create", note),
        mallory.says("Follow", me),
        mallory.says("Delete", mallory.uri),
    ):
        assert await door.post(mallory, activity) in (202, 403)
    assert await door.post(ann, mallory.says("Create", note)) == 403
    await door.takes(
        ann,
        ann.says("Announce", note["id"]),
        ann.says("Announce", note),
        ann.says("Create", ann.note("An answer", inReplyTo=note["id"])),
        ann.says("Add", note["id"], target=f"{ann.uri}/featured"),
    )
    for address in (note["id"], redirect, f"@mallory@{mallory.stub.host}", f"@nobody@{ann.stub.host}"):
        await alice.get("/api/v2/search", q=address, resolve="true")
        await alice.raw("GET", "/authorize_interaction", params={"uri": address})
    status, _ = await door.get(f"/users/{alice.username}", mallory)
    assert status == 403

    assert mallory.stub.asked == []
    assert await door.server.db.read(posts.by_uri, note["id"]) is None
    assert await alice.get("/api/v1/notifications") == []


@pytest.mark.parametrize(
    ("blocked", "asked"),
    [
        ("bad.example", "BAD.example"),
        ("bad.example", "sub.bad.example"),
        ("bad.example", "bad.example:8443"),
        ("bad.example", "a.b.bad.example:8443"),
        ("xn--bcher-kva.example", "bücher.example"),
        ("bad.example", "bad.example."),
    ],
)
async def test_mod_02_a_blocked_domain_is_blocked_however_it_is_written(
    door: Door, blocked: str, asked: str
) -> None:
    await block(door, blocked)
    for address in (f"http://{asked}/users/x", f"http://{asked}/"):
        with pytest.raises(Unreachable) as refused:
            await fetch.account(door.server, address)
        assert refused.value.reason == "policy"
    with pytest.raises(Unreachable) as refused:
        await fetch.account_by_handle(door.server, "x", asked)
    assert refused.value.reason == "policy"


async def test_mod_04_a_blocked_person_reaches_nobody_by_any_activity(
    door: Door, mallory: StubActor, bob: Person
) -> None:
    mallory_id = await fetch.account(door.server, mallory.uri)
    assert mallory_id is not None
    mine = await bob.post("/api/v1/statuses", {"status": "Mine"})
    await relationships.block(door.server, bob.member, mallory_id)
    me = door.server.uris.actor("bob")
    mention: dict[str, Any] = {"to": [PUBLIC, me], "tag": [{"type": "Mention", "href": me, "name": "@bob"}]}
    note = mallory.note("Hey bob", inReplyTo=mine["uri"], **mention)
    await door.takes(
        mallory,
        mallory.says("Create", note),
        mallory.says(
            "Update", note | {"content": "<p>Hey again, bob</p>", "updated": "2099-01-01T00:00:00Z"}
        ),
        mallory.says("Create", mallory.note("Only you", **(mention | {"to": [me], "cc": []}))),
        mallory.says("Follow", me),
        mallory.says("Like", mine["uri"]),
        mallory.says("Announce", mine["uri"]),
    )
    assert await bob.get("/api/v1/notifications") == []
    now = await bob.get(f"/api/v1/statuses/{mine['id']}")
    assert (now["favourites_count"], now["reblogs_count"]) == (0, 0)
    assert (await bob.get(f"/api/v1/statuses/{mine['id']}/context"))["descendants"] == []
    assert not (await bob.get("/api/v1/accounts/relationships", **{"id[]": str(mallory_id)}))[0][
        "followed_by"
    ]


async def test_mod_08_somebody_suspended_elsewhere_is_neither_seen_again_nor_kept_anew(
    door: Door, ann: StubActor, mallory: StubActor, alice: Person, moderator: Person
) -> None:
    mine = await alice.post("/api/v1/statuses", {"status": "Mine"})
    old = mallory.note("Old words", served=True, inReplyTo=mine["uri"])
    await door.takes(mallory, mallory.says("Create", old))
    row = await door.server.db.read(posts.by_uri, old["id"])
    assert row is not None
    await moderator.post(f"/api/v1/admin/accounts/{row.account_id}/action", {"type": "suspend"})
    new = mallory.note("New words", served=True)
    await door.takes(ann, ann.says("Announce", old["id"]), ann.says("Announce", new["id"]))
    await door.post(mallory, mallory.says("Create", new))
    await door.worker.idle()
    for address in (old["id"], new["id"], mallory.uri):
        found = await alice.get("/api/v2/search", q=address, resolve="true")
        assert found["statuses"] == []
    assert await door.server.db.read(posts.by_uri, new["id"]) is None
    context = await alice.get(f"/api/v1/statuses/{mine['id']}/context")
    assert context["descendants"] == []
    for path in ("/api/v1/timelines/public", "/api/v1/notifications"):
        assert "words" not in str(await alice.get(path)), path


async def test_del_01_a_deleted_post_is_gone_everywhere_and_all_who_had_it_are_told(
    door: Door, ann: StubActor, mallory: StubActor, alice: Person, bob: Person
) -> None:
    await fetch.account(door.server, mallory.uri)
    await door.takes(ann, ann.says("Follow", door.server.uris.actor("alice")))
    post = await alice.post("/api/v1/statuses", {"status": f"Quaggas, @bob and @mallory@{mallory.stub.host}"})
    await door.takes(mallory, mallory.says("Announce", post["uri"]))
    for what in ("favourite", "bookmark", "reblog"):
        await bob.post(f"/api/v1/statuses/{post['id']}/{what}")
    assert (await bob.get("/api/v2/search", q="quaggas"))["statuses"] != []
    await alice.delete(f"/api/v1/statuses/{post['id']}")
    said = [one for one in await sent(door.server) if one.activity["type"] == "Delete"]
    assert {host for one in said for inbox in one.inboxes for host in (inbox.split("/")[2],)} == {
        ann.stub.host, mallory.stub.host,
    }  # fmt: skip
    status, document = await door.get(post["uri"].removeprefix(door.server.config.origin), ann)
    assert (status, document["type"]) == (410, "Tombstone")
    for path in ("/api/v1/timelines/public", "/api/v1/bookmarks", "/api/v1/favourites", "/api/v1/notifications", "/@alice.rss"):  # fmt: skip
        async with await bob.raw("GET", path) as answer:
            assert "Quaggas" not in await answer.text(), path
    assert (await bob.get("/api/v2/search", q="quaggas"))["statuses"] == []
    async with await bob.raw("GET", f"/api/v1/statuses/{post['id']}") as answer:
        assert answer.status == 404


async def test_del_04_what_was_deleted_comes_back_by_nothing(
    door: Door, ann: StubActor, mallory: StubActor, alice: Person
) -> None:
    note = mallory.note("Said once", served=True)
    await door.takes(mallory, mallory.says("Create", note))
    await door.takes(mallory, mallory.says("Delete", {"id": note["id"], "type": "Tombstone"}))
    later = note | {"updated": "2099-01-01T00:00:00Z"}
    await door.takes(mallory, mallory.says("Create", note), mallory.says("Update", later))
    await door.takes(ann, ann.says("Announce", note["id"]), ann.says("Announce", note))
    assert (await alice.get("/api/v2/search", q=note["id"], resolve="true"))["statuses"] == []
    row = await door.server.db.read(posts.by_uri, note["id"])
    assert row is None or row.deleted_at is not None
