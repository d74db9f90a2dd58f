"""Groups in apps that know none: an account that is followed, a list that is read, streams, statuses that can be answered."""

from __future__ import annotations

from typing import Any

from fedserver.context import Server
from storage import users
from tests.api.streams import Ear
from tests.conftest import MakeMember
from tests.groups.conftest import MakeGroup, StartThread
from tests.members import Person

LISTS = "/api/v1/lists"


async def ids(asking: Person, path: str, **query: Any) -> list[str]:
    return [one["id"] for one in await asking.get(path, **query)]


async def test_following_a_group_is_joining_it(alice: Person, bob: Person, make_group: MakeGroup) -> None:
    group_id = await make_group(alice, join_mode="request")
    at = f"/api/v1/accounts/{group_id}"
    shown = await bob.get(at)
    assert (shown["group"], shown["locked"], shown["acct"]) == (True, True, "python")
    asked = await bob.post(f"{at}/follow")
    assert (asked["following"], asked["requested"]) == (False, True)
    await alice.post(f"/api/v1/groups/{group_id}/requests/{bob.id}/accept")
    (stands,) = await bob.get("/api/v1/accounts/relationships", **{"id[]": str(group_id)})
    assert (stands["following"], stands["requested"]) == (True, False)
    assert (await bob.post(f"{at}/unfollow"))["following"] is False
    assert (await bob.get(f"/api/v1/groups/{group_id}"))["membership"]["role"] is None
    assert (await alice.raw("POST", f"{at}/block", json={})).status == 200  # nobody else is in it


async def test_a_group_is_a_list_of_its_members_that_can_only_be_read(
    alice: Person,
    bob: Person,
    member: MakeMember,
    make_group: MakeGroup,
    start: StartThread,
    answer: StartThread,
) -> None:
    carol = await member("carol")
    group_id = await make_group(alice, access="members", join_mode="open")
    await bob.post(f"/api/v1/groups/{group_id}/join")
    first = await start(bob, group_id, "First")
    await answer(alice, first)
    second = await start(alice, group_id, "Second")
    at = f"{LISTS}/{group_id}"
    expected = {"id": str(group_id), "title": "Python", "replies_policy": "none", "exclusive": False}
    assert await bob.get(LISTS) == [expected]
    assert await bob.get(at) == expected
    assert {one["acct"] for one in await bob.get(f"{at}/accounts")} == {"alice", "bob"}
    assert await ids(bob, f"/api/v1/accounts/{alice.id}/lists") == [str(group_id)]
    timeline = f"/api/v1/timelines/list/{group_id}"
    assert await ids(bob, timeline) == [str(second), str(first)]
    assert await ids(bob, timeline, max_id=str(second)) == [str(first)]
    sentence = "Validation failed: This list is a group. Join or leave the group instead."
    for method, path, form in (
        ("PUT", at, {"title": "Mine"}),
        ("DELETE", at, {}),
        ("POST", f"{at}/accounts", {"account_ids": [alice.id]}),
        ("DELETE", f"{at}/accounts", {"account_ids": [alice.id]}),
    ):
        refused = await bob.raw(method, path, json=form)
        assert (refused.status, (await refused.json())["error"]) == (422, sentence)
    assert await carol.get(LISTS) == []
    for path in (at, f"{at}/accounts", timeline):
        assert (await carol.raw("GET", path)).status == 404
        await bob.get(path)
    await bob.post(f"/api/v1/groups/{group_id}/leave")
    for path in (at, f"{at}/accounts", timeline):
        assert (await bob.raw("GET", path)).status == 404


async def test_a_status_says_in_which_thread_it_is(
    alice: Person, bob: Person, make_group: MakeGroup, start: StartThread, answer: StartThread
) -> None:
    group_id = await make_group(alice, kind="help")
    thread_id = await start(bob, group_id, "How?")
    reply = await answer(alice, thread_id)
    path = f"/api/v1/statuses/{reply}"
    shown = {
        "id": str(thread_id),
        "group_id": str(group_id),
        "title": "How?",
        "locked": False,
        "answered": False,
    }
    assert (await bob.get(path))["thread"] == shown
    await alice.post(f"/api/v1/threads/{thread_id}/lock")
    await bob.post(f"/api/v1/threads/{thread_id}/answer", {"status_id": str(reply)})
    for status in (await bob.get(path), (await alice.get("/api/v1/timelines/home"))[-1]["reblog"]):
        assert status["thread"] == {**shown, "locked": True, "answered": True}
    await alice.delete(path)
    assert not (await bob.get(f"/api/v1/statuses/{thread_id}"))["thread"]["answered"]
    assert "thread" not in await bob.post("/api/v1/statuses", {"status": "Elsewhere"})


async def test_streams_tell_of_threads_members_alone(
    server: Server,
    alice: Person,
    bob: Person,
    member: MakeMember,
    make_group: MakeGroup,
    start: StartThread,
    answer: StartThread,
) -> None:
    carol = await member("carol")
    group_id = await make_group(alice, access="private")
    for one in (bob, carol):
        await alice.post(f"/api/v1/groups/{group_id}/invitations/{one.id}")
        await one.post(f"/api/v1/groups/{group_id}/join")
    await carol.post(f"/api/v1/accounts/{alice.id}/follow")
    of_list = f"list={group_id}"
    async with (
        Ear(bob, "user", of_list) as bobs,
        Ear(carol, "user", of_list, "public", "hashtag=git") as carols,
        Ear(Person(alice.client), "public", "hashtag=git") as everybody,
    ):
        first = await start(alice, group_id, "Between us", "About #git")
        for ear in (bobs, carols):
            heard = [await ear.next("update") for _ in range(2)]
            assert sorted(
                (stream, shown["id"] if shown["reblog"] is None else shown["reblog"]["id"])
                for stream, shown in heard
            ) == [
                (["list", str(group_id)], str(first)),
                (["user"], str(first)),
            ]
        await carol.post(f"/api/v1/groups/{group_id}/leave")
        second = await start(alice, group_id, "Without carol", "More #git")
        reply = await answer(bob, second, "@carol you do not hear this")
        await alice.post(f"/api/v1/threads/{second}/rename", {"title": "Still without"})
        await alice.delete(f"/api/v1/statuses/{first}")
        await alice.delete(f"/api/v1/groups/{group_id}/statuses/{reply}", reason="Rude")
        open_post = await alice.post("/api/v1/statuses", {"status": "For everybody #git"})
        # Nothing of the group comes before what is for everybody.
        for ear, streams in ((carols, 3), (everybody, 2)):
            for _ in range(streams):
                assert (await ear.next("update"))[1]["id"] == open_post["id"]
        told = [await bobs.next(event) for event in ("update", "update")]
        assert {(one["reblog"] or one)["id"] for _, one in told} == {str(second)}


async def test_an_admin_grants_the_right_to_make_groups(
    server: Server, alice: Person, moderator: Person, admin: Person
) -> None:
    path = f"/api/v1/admin/accounts/{alice.id}/group_creation"
    form = {"name": "python", "title": "Python"}
    assert (await moderator.raw("PUT", path)).status == 403
    assert (await admin.put(path))["may_create_groups"] is True
    group = await alice.post("/api/v1/groups", form)
    assert group["membership"]["role"] == "owner"
    assert (await admin.delete(path))["may_create_groups"] is False
    assert (await alice.raw("POST", "/api/v1/groups", json={**form, "name": "other"})).status == 403
    row = await server.db.read(users.by_id, alice.account_id)
    assert row is not None
    assert not row.may_create_groups
    assert (await admin.raw("PUT", "/api/v1/admin/accounts/1/group_creation")).status == 404
