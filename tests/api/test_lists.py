"""Lists: who may be in one, which posts enter it, and what an exclusive one takes out of home."""

from __future__ import annotations

from typing import Any

from fedserver import lists
from fedserver.context import Server
from tests.api.test_statuses import say
from tests.conftest import MakeMember
from tests.members import Person

LISTS = "/api/v1/lists"


async def listing(owner: Person, *people: Person, **more: Any) -> str:
    made = await owner.post(LISTS, {"title": "Trainers", **more})
    for one in people:
        await owner.post(f"/api/v1/accounts/{one.id}/follow")
    if people:
        await owner.post(f"{LISTS}/{made['id']}/accounts", {"account_ids": [one.id for one in people]})
    return str(made["id"])


async def timeline(owner: Person, list_id: str, **query: Any) -> list[str]:
    return [one["id"] for one in await owner.get(f"/api/v1/timelines/list/{list_id}", **query)]


async def home(person: Person) -> list[str]:
    return [one["id"] for one in await person.get("/api/v1/timelines/home")]


async def test_a_list_has_whom_one_follows(alice: Person, bob: Person, member: MakeMember) -> None:
    carol = await member("carol")
    list_id = await listing(alice, bob)
    at = f"{LISTS}/{list_id}"
    assert [one["username"] for one in await alice.get(f"{at}/accounts")] == ["bob"]
    for ids, status in ((["1"], 404), ([carol.id], 422), ([bob.id], 422)):
        assert (await alice.raw("POST", f"{at}/accounts", json={"account_ids": ids})).status == status
    assert await alice.post(f"{at}/accounts", {"account_ids": [alice.id]}) == {}
    assert [one["id"] for one in await alice.get(f"/api/v1/accounts/{bob.id}/lists")] == [list_id]
    changed = await alice.put(at, {"title": "Friends", "replies_policy": "none"})
    assert changed == {"id": list_id, "title": "Friends", "replies_policy": "none", "exclusive": False}
    for form in ({"title": ""}, {"title": "x", "replies_policy": "some"}):
        assert (await alice.raw("POST", LISTS, json=form)).status == 422
    for path in (at, f"{at}/accounts", f"/api/v1/timelines/list/{list_id}"):
        assert (await bob.raw("GET", path)).status == 404
    # Whom one follows no longer is in no list any more.
    await say(bob, "before")
    await alice.post(f"/api/v1/accounts/{bob.id}/unfollow")
    assert [one["username"] for one in await alice.get(f"{at}/accounts", limit=0)] == ["alice"]
    assert await timeline(alice, list_id) == []
    assert await alice.delete(f"{at}/accounts", **{"account_ids[]": alice.id}) == {}
    assert await alice.delete(at) == {}
    assert await alice.get(LISTS) == []


async def test_replies_enter_as_the_list_wants_them(alice: Person, bob: Person, member: MakeMember) -> None:
    carol, dan = await member("carol"), await member("dan")
    by_policy = {
        policy: await listing(alice, bob, replies_policy=policy) for policy in ("none", "list", "followed")
    }
    for one in (carol, dan):
        await alice.post(f"/api/v1/accounts/{one.id}/follow")
    await alice.post(f"{LISTS}/{by_policy['list']}/accounts", {"account_ids": [carol.id]})
    asked = {one.username: await say(one, "hello") for one in (alice, bob, carol, dan)}
    answers = {
        name: (await say(bob, name, in_reply_to_id=status["id"]))["id"] for name, status in asked.items()
    }
    names = {post_id: name for name, post_id in answers.items()}
    entered = {
        policy: sorted(names[one] for one in await timeline(alice, list_id) if one in names)
        for policy, list_id in by_policy.items()
    }
    assert entered == {
        "none": ["alice", "bob"],
        "list": ["alice", "bob", "carol"],
        "followed": ["alice", "bob", "carol", "dan"],
    }


async def test_an_exclusive_list_takes_its_people_out_of_home_and_gives_them_back(
    server: Server, alice: Person, bob: Person, member: MakeMember
) -> None:
    carol = await member("carol")
    list_id = await listing(alice, bob, carol)
    before = await say(bob, "before")
    await alice.put(f"{LISTS}/{list_id}", {"exclusive": True})
    during = await say(bob, "during")
    boost = await carol.post(f"/api/v1/statuses/{(await say(alice, 'mine'))['id']}/reblog")
    boosted = await carol.post(f"/api/v1/statuses/{during['id']}/reblog")
    own = (await home(alice))[0]
    assert await home(alice) == [own]
    assert await timeline(alice, list_id) == [during["id"], before["id"]]
    assert await timeline(alice, list_id, min_id=before["id"]) == [during["id"]]
    found = await lists.containing(server, int(during["id"]), [int(list_id)])
    assert found == [(int(list_id), alice.account_id)]
    # Boosts of one's own posts, and of what is there already, enter neither.
    assert not {boost["id"], boosted["id"]} & set(await timeline(alice, list_id))
    await alice.put(f"{LISTS}/{list_id}", {"exclusive": False})
    assert await home(alice) == [own, during["id"], before["id"]]
    await alice.put(f"{LISTS}/{list_id}", {"exclusive": True})
    await alice.delete(f"{LISTS}/{list_id}")
    assert await home(alice) == [own, during["id"], before["id"]]


async def test_mutes_hide_in_lists_and_their_end_brings_back(alice: Person, bob: Person) -> None:
    list_id = await listing(alice, bob)
    status = await say(bob)
    await alice.post(f"/api/v1/accounts/{bob.id}/mute")
    await say(bob, "unheard")
    assert await timeline(alice, list_id) == []
    await alice.post(f"/api/v1/accounts/{bob.id}/unmute")
    assert status["id"] in await timeline(alice, list_id)
