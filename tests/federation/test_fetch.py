"""What we ask other servers for: which answers are believed, and which are not."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web

from fedserver.errors import Unreachable
from fedserver.federation import actors, backfill, fetch, people
from storage import accounts, inbox, instances, posts
from tests.federation.stub import Door, Stub


async def handle_of(door: Door, account_id: int | None) -> str | None:
    row = None if account_id is None else await door.server.db.read(accounts.by_id, account_id)
    return None if row is None else f"{row.username}@{row.domain}"


async def row_of(door: Door, account_id: int) -> Any:
    return await door.server.db.read(accounts.by_id, account_id)


async def test_a_handle_leads_to_an_actor_and_back(door: Door, there: Stub) -> None:
    there.actor("ann")
    found = await fetch.account_by_handle(door.server, "Ann", there.host)
    assert await handle_of(door, found) == f"ann@{there.host}"


async def test_a_host_cannot_name_others_people_its_own(door: Door, there: Stub, elsewhere: Stub) -> None:
    boss = there.actor("boss")
    link = {"rel": "self", "type": "application/activity+json", "href": boss.uri}
    elsewhere.actor("ceo")
    elsewhere.documents["webfinger:ceo"] = {"subject": f"acct:ceo@{elsewhere.host}", "links": [link]}
    assert await fetch.account_by_handle(door.server, "ceo", elsewhere.host) is None
    assert await handle_of(door, await fetch.account(door.server, boss.uri)) == f"boss@{there.host}"


async def test_a_subject_elsewhere_must_agree(door: Door, there: Stub, elsewhere: Stub) -> None:
    spoof = elsewhere.actor("spoof")
    link = {"rel": "self", "type": "application/activity+json", "href": spoof.uri}
    claim = {"subject": f"acct:spoof@{there.host}", "links": [link]}
    elsewhere.documents["webfinger:spoof"] = claim
    with pytest.raises(Unreachable):
        await fetch.account(door.server, spoof.uri)
    # One change of subject is followed when the other host says the same: split domains.
    there.documents["webfinger:spoof"] = claim
    found = await fetch.account(door.server, spoof.uri)
    assert await handle_of(door, found) == f"spoof@{there.host}"


@pytest.mark.parametrize("kind", ["text/html", "application/json", "application/ld+json", "image/png"])
async def test_other_media_types_are_no_documents(door: Door, there: Stub, kind: str) -> None:
    ann = there.actor("ann")
    there.content_type = kind
    with pytest.raises(Unreachable):
        await fetch.account(door.server, ann.uri)


async def test_an_inbox_elsewhere_is_no_inbox(door: Door, there: Stub, elsewhere: Stub) -> None:
    thief = there.actor("thief", inbox=f"{elsewhere.origin}/inbox")
    with pytest.raises(Unreachable):
        await fetch.account(door.server, thief.uri)
    shared = there.actor("shared", endpoints={"sharedInbox": f"{elsewhere.origin}/inbox"})
    found = await fetch.account(door.server, shared.uri)
    assert found is not None
    assert (await row_of(door, found)).shared_inbox_uri == ""


async def test_an_id_is_asked_for_where_it_lives(door: Door, there: Stub, elsewhere: Stub) -> None:
    ann, mallory = there.actor("ann"), elsewhere.actor("mallory")
    claimed = ann.note("Never said")
    elsewhere.documents["/notes/fake"] = claimed
    assert await fetch.resolve(door.server, f"{elsewhere.origin}/notes/fake") is None
    assert await door.server.db.read(posts.by_uri, claimed["id"]) is None
    other = mallory.note("Other id", id=f"{elsewhere.origin}/notes/other")
    elsewhere.documents["/notes/asked"] = other
    assert await fetch.resolve(door.server, f"{elsewhere.origin}/notes/asked") is None


async def test_a_post_is_found_by_its_address(door: Door, there: Stub) -> None:
    note = there.actor("ann").note("Look me up", served=True)
    kind, post_id = await fetch.resolve(door.server, note["id"]) or ("", 0)
    assert (kind, post_id) == ("post", await fetch.post(door.server, note["id"]))


async def test_a_blocked_server_is_not_asked(door: Door, there: Stub) -> None:
    ann = there.actor("ann")
    await door.server.db.write(instances.set_rules, there.host, policy="reject")
    with pytest.raises(Unreachable):
        await fetch.account(door.server, ann.uri)
    assert there.asked == []


async def test_what_was_deleted_is_not_fetched_again(door: Door, there: Stub) -> None:
    note = there.actor("ann").note("Gone", served=True)
    await door.server.db.write(inbox.bury, note["id"], "deleted")
    assert await fetch.post(door.server, note["id"]) is None


async def test_an_account_that_is_gone_is_closed(door: Door, there: Stub) -> None:
    ann = there.actor("ann")
    found = await fetch.account(door.server, ann.uri)
    assert found is not None
    await door.server.db.write(people.close_account, found)
    assert not await door.server.db.write(people.erase_some, found)
    assert await fetch.account(door.server, ann.uri) is None


async def test_threads_end_somewhere(door: Door, there: Stub) -> None:
    ann = there.actor("ann")
    above: str | None = None
    notes: list[dict[str, Any]] = []
    for _ in range(60):
        notes.append(ann.note("Deep", served=True, **({"inReplyTo": above} if above else {})))
        above = notes[-1]["id"]
    post_id = await fetch.post(door.server, notes[-1]["id"])
    assert post_id is not None
    await backfill.ancestors(door.server, post_id)
    assert sum(path.startswith("/notes/") for path in there.asked) < 50


async def test_lists_without_end_are_left(door: Door, there: Stub) -> None:
    ann = there.actor("ann")
    there.documents["/loop"] = {
        "type": "OrderedCollection",
        "id": f"{there.origin}/loop",
        "orderedItems": [],
        "next": f"{there.origin}/loop",
    }
    note = ann.note("Root", served=True, replies=f"{there.origin}/loop")
    post_id = await fetch.post(door.server, note["id"])
    assert post_id is not None
    assert await backfill.thread(door.server, post_id) == 0
    assert there.asked.count("/loop") == 1


@pytest.mark.parametrize("kind", ["application/json", "application/jrd+json"])
async def test_what_a_server_runs_is_remembered(door: Door, there: Stub, kind: str) -> None:
    schema = "http://nodeinfo.diaspora.software/ns/schema/2.1"
    index = {"links": [{"rel": schema, "href": f"{there.origin}/nodeinfo/2.1"}]}
    info = {"version": "2.1", "software": {"name": "lemmy", "version": "0.19"}, "protocols": ["activitypub"]}
    there.documents["/.well-known/nodeinfo"] = lambda: web.json_response(index, content_type=kind)
    there.documents["/nodeinfo/2.1"] = lambda: web.json_response(info, content_type="application/json")
    await actors.describe_instance(door.server, there.host)
    row = await door.server.db.read(instances.by_host, there.host)
    assert row is not None
    assert (row.software, row.software_version) == ("lemmy", "0.19")
