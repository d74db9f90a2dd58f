"""Quotes among members: who may, what everybody is shown of one, and taking consent back."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from fedserver.context import Server
from storage import tables
from tests.client import ApiError
from tests.conftest import MakeMember
from tests.members import Person


async def say(person: Person, text: str = "Hello", **more: Any) -> Any:
    return await person.post("/api/v1/statuses", {"status": text, **more})


async def refused(person: Person, status: int, text: str = "Quoting", **more: Any) -> None:
    with pytest.raises(ApiError) as error:
        await say(person, text, **more)
    assert error.value.status == status, error.value


async def shown(person: Person, status_id: str) -> Any:
    """The quote in a status, as somebody sees it."""
    return (await person.get(f"/api/v1/statuses/{status_id}"))["quote"]


async def test_a_quote_shows_what_is_quoted_and_its_author_hears_of_it(
    alice: Person, bob: Person, nobody: Person
) -> None:
    first = await say(alice, "The lesson is online", poll={"options": ["a", "b"], "expires_in": 600})
    assert first["quote_approval"] == {"automatic": ["public"], "manual": [], "current_user": "automatic"}
    second = await say(bob, "Look", quoted_status_id=first["id"])
    quoted = second["quote"]["quoted_status"]
    assert second["quote"]["state"] == "accepted"
    assert quoted["id"] == first["id"]
    assert [one["title"] for one in quoted["poll"]["options"]] == ["a", "b"]
    assert 'class="quote-inline"' in second["content"]
    assert first["url"].partition("://")[2][:20] in second["content"]
    (notice,) = await alice.get("/api/v1/notifications", **{"types[]": "quote"})
    assert (notice["status"]["id"], notice["account"]["username"]) == (second["id"], "bob")
    third = await say(alice, "", quoted_status_id=second["id"])
    inner = third["quote"]["quoted_status"]["quote"]
    assert inner == {"state": "accepted", "quoted_status_id": first["id"]}
    at = f"/api/v1/statuses/{first['id']}"
    assert (await nobody.get(at))["quotes_count"] == 1
    assert (await nobody.get(at))["quote_approval"]["current_user"] == "denied"
    assert (await shown(nobody, third["id"]))["quoted_status"]["id"] == second["id"]
    assert [one["id"] for one in await bob.get(f"{at}/quotes")] == [second["id"]]
    await alice.put(at, {"status": "The lesson is gone"})
    (edited,) = await bob.get("/api/v1/notifications", **{"types[]": "quoted_update"})
    assert edited["status"]["id"] == second["id"]
    assert (await bob.get(f"/api/v1/statuses/{second['id']}/history"))[0]["quote"]["state"] == "accepted"
    await bob.delete(f"/api/v1/statuses/{second['id']}")
    assert (await nobody.get(at))["quotes_count"] == 0
    assert await shown(nobody, third["id"]) == {"state": "deleted", "quoted_status": None}


async def test_an_edit_keeps_the_quote_and_one_without_changes_leaves_no_trace(
    alice: Person, bob: Person
) -> None:
    first = await say(alice)
    second = await say(bob, "Look", quoted_status_id=first["id"])
    at = f"/api/v1/statuses/{second['id']}"
    assert (await bob.put(at, {"status": "Look"}))["edited_at"] is None
    edited = await bob.put(at, {"status": "See", "quote_approval_policy": "nobody"})
    assert edited["quote"]["quoted_status"]["id"] == first["id"]
    assert edited["quote_approval"]["automatic"] == []
    assert edited["content"].count("quote-inline") == 1
    assert (await bob.get(f"{at}/source"))["text"] == "See"
    deleted = await bob.delete(at)
    assert deleted["quote"]["quoted_status"]["id"] == first["id"]


async def test_the_author_says_who_may_quote(alice: Person, bob: Person) -> None:
    first = await say(alice, quote_approval_policy="followers")
    at = f"/api/v1/statuses/{first['id']}"
    assert (await bob.get(at))["quote_approval"] == {
        "automatic": ["followers"],
        "manual": [],
        "current_user": "denied",
    }
    await refused(bob, 404, quoted_status_id=first["id"])
    await bob.post(f"/api/v1/accounts/{alice.id}/follow")
    assert (await bob.get(at))["quote_approval"]["current_user"] == "automatic"
    second = await say(bob, quoted_status_id=first["id"])
    changed = await alice.put(f"{at}/interaction_policy", {"quote_approval_policy": "nobody"})
    assert changed["quote_approval"] == {"automatic": [], "manual": [], "current_user": "automatic"}
    for person, could in ((bob, "denied"), (alice, "automatic"), (bob, "denied")):
        assert (await person.get(at))["quote_approval"]["current_user"] == could
    await refused(bob, 404, quoted_status_id=first["id"])
    await say(alice, "Myself", quoted_status_id=first["id"])
    assert (await shown(bob, second["id"]))["state"] == "accepted", "what was agreed to stays"
    with pytest.raises(ApiError) as error:
        await bob.put(f"{at}/interaction_policy", {"quote_approval_policy": "public"})
    assert error.value.status == 403
    await refused(alice, 422, quote_approval_policy="friends")
    await alice.patch("/api/v1/accounts/update_credentials", {"source": {"quote_policy": "nobody"}})
    assert (await alice.get("/api/v1/preferences"))["posting:default:quote_policy"] == "nobody"
    assert (await say(alice))["quote_approval"]["automatic"] == []


async def test_what_is_not_for_everybody_is_quoted_by_its_author_alone_and_to_no_more_people(
    alice: Person, bob: Person
) -> None:
    await bob.post(f"/api/v1/accounts/{alice.id}/follow")
    private = await say(alice, "Among us", visibility="private", quote_approval_policy="public")
    assert private["quote_approval"]["automatic"] == []
    await refused(bob, 404, quoted_status_id=private["id"])
    again = await say(alice, "Again", quoted_status_id=private["id"], visibility="public")
    assert again["visibility"] == "private"
    direct = await say(alice, "@bob psst", visibility="direct")
    for person in (alice, bob):
        await refused(person, 404, quoted_status_id=direct["id"])
    first = await say(alice)
    await refused(bob, 422, "Secretly", quoted_status_id=first["id"], visibility="direct")
    await say(bob, "@alice openly", quoted_status_id=first["id"], visibility="direct")
    boost = await bob.post(f"/api/v1/statuses/{first['id']}/reblog")
    through = await say(bob, quoted_status_id=boost["id"])
    assert through["quote"]["quoted_status"]["id"] == first["id"], "a boost stands for what it boosts"


async def test_a_quote_never_shows_more_than_one_may_see(
    alice: Person, bob: Person, member: MakeMember, server: Server
) -> None:
    carol = await member("carol")
    first = await say(alice, "Original")
    second = await say(bob, "Look", quoted_status_id=first["id"])
    third = await say(carol, "Both", quoted_status_id=second["id"])
    for how, state in (("mute", "muted_account"), ("block", "blocked_account")):
        await carol.post(f"/api/v1/accounts/{alice.id}/{how}")
        seen = await shown(carol, second["id"])
        assert (seen["state"], seen["quoted_status"]["id"]) == (state, first["id"])
        assert (await shown(carol, third["id"]))["quoted_status"]["quote"]["state"] == state
        await carol.post(f"/api/v1/accounts/{alice.id}/un{how}")
    await alice.post(f"/api/v1/accounts/{carol.id}/block")
    assert await shown(carol, second["id"]) == {"state": "unauthorized", "quoted_status": None}
    await refused(carol, 404, quoted_status_id=first["id"])
    # A post whose visibility was narrowed afterwards, as another server may do.
    await server.db.write(
        lambda conn: conn.execute(
            tables.post.update().where(tables.post.c.id == int(first["id"])).values(visibility="followers")
        )
    )
    assert (await shown(bob, second["id"]))["state"] == "unauthorized"
    assert (await shown(alice, second["id"]))["quoted_status"]["id"] == first["id"]


async def test_a_quote_reaches_nobody_for_whom_it_is_not_meant(alice: Person, bob: Person) -> None:
    first = await say(alice, "Among us", visibility="members")
    await refused(alice, 422, "For my followers", visibility="private", quoted_status_id=first["id"])
    second = await say(alice, "For whoever may", visibility="public", quoted_status_id=first["id"])
    assert second["visibility"] == first["visibility"]
    assert (await shown(bob, second["id"]))["quoted_status"]["id"] == first["id"]
    third = await say(alice, "Note to self", visibility="direct", quoted_status_id=first["id"])
    assert third["visibility"] == "direct"


async def test_consent_is_taken_back_by_the_quoted_author_alone(
    alice: Person, bob: Person, server: Server
) -> None:
    first = await say(alice)
    second = await say(bob, quoted_status_id=first["id"])
    at = f"/api/v1/statuses/{first['id']}/quotes"
    with pytest.raises(ApiError) as error:
        await bob.post(f"{at}/{second['id']}/revoke")
    assert error.value.status == 403
    revoked = await alice.post(f"{at}/{second['id']}/revoke")
    assert revoked["quote"] == {"state": "revoked", "quoted_status": None}
    assert (await alice.get(f"/api/v1/statuses/{first['id']}"))["quotes_count"] == 0
    assert await alice.get(at) == []
    rows = await server.db.read(lambda conn: conn.execute(select(tables.quote.c.state)).all())
    assert [row.state for row in rows] == ["revoked"]


async def test_a_page_of_quotes_asks_no_more_than_a_page_of_one(
    alice: Person, bob: Person, server: Server
) -> None:
    first = await say(alice)
    for number in range(3):
        last = await say(bob, f"{number}", quoted_status_id=first["id"])
        await say(alice, f"again {number}", quoted_status_id=last["id"])
    from fedserver import timelines
    from fedserver.rendered import Shelf

    def count(conn: Any, size: int) -> int:
        conn.info["statements"] = 0
        timelines.home_unit(conn, alice.account_id, timelines.Window(limit=size), Shelf())
        return int(conn.info["statements"])

    assert await server.db.read(count, 6) <= await server.db.read(count, 1) + 1
