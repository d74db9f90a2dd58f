"""What a member arranges about people and their servers: endorsements, notes, mutes that end, servers kept out."""

from __future__ import annotations

from sqlalchemy import Connection, update

from fedserver import notifications, relationships
from fedserver.context import Server
from storage import accounts, posts, tables, timelines
from storage.types import now_ms
from tests.api.test_statuses import say
from tests.members import Person
from tests.people import add_follow, add_post, add_stranger
from tests.test_publish import sent

THERE = "there.example"


async def stands(one: Person, other: Person) -> dict[str, object]:
    found: dict[str, object] = (await one.get("/api/v1/accounts/relationships", **{"id[]": other.id}))[0]
    return found


async def test_one_endorses_whom_one_follows(alice: Person, bob: Person, nobody: Person) -> None:
    at = f"/api/v1/accounts/{bob.id}"
    assert (await alice.raw("POST", f"{at}/endorse")).status == 422
    await alice.post(f"{at}/follow")
    assert (await alice.post(f"{at}/endorse"))["endorsed"] is True
    assert (await alice.post(f"{at}/pin"))["endorsed"] is True
    shown = await nobody.get(f"/api/v1/accounts/{alice.id}/endorsements")
    assert [one["username"] for one in shown] == ["bob"]
    assert await alice.get("/api/v1/endorsements") == shown
    assert (await alice.post(f"{at}/unpin"))["endorsed"] is False
    await alice.post(f"{at}/endorse")
    await alice.post(f"{at}/unfollow")
    assert await alice.get("/api/v1/endorsements") == []


async def test_a_note_is_seen_by_its_author_alone(alice: Person, bob: Person) -> None:
    at = f"/api/v1/accounts/{bob.id}/note"
    assert (await alice.post(at, {"comment": "met in Lyon"}))["note"] == "met in Lyon"
    assert (await stands(alice, bob))["note"] == "met in Lyon"
    assert (await stands(bob, alice))["note"] == ""
    assert (await alice.raw("POST", at, json={"comment": "x" * 2_001})).status == 422
    assert (await alice.post(at, {"comment": ""}))["note"] == ""


async def test_a_mute_ends_on_its_own(server: Server, alice: Person, bob: Person) -> None:
    await alice.post(f"/api/v1/accounts/{bob.id}/follow")
    status = await say(bob, "@alice hello")
    await alice.post(f"/api/v1/accounts/{bob.id}/mute", {"duration": 3600})
    paths = ("/api/v1/timelines/home", "/api/v1/timelines/public", "/api/v1/notifications?types[]=mention")
    for path in paths:
        assert await alice.get(path) == []

    def let_pass(conn: Connection) -> None:
        conn.execute(update(tables.mute).values(expires_at=now_ms() - 1))

    await server.db.write(let_pass)
    assert (await stands(alice, bob))["muting"] is False
    await relationships.end_mute(server, {"account_id": alice.account_id, "target_id": bob.account_id})
    for path in paths:
        shown = (await alice.get(path))[0]
        assert (shown.get("status") or shown)["id"] == status["id"], path


async def test_a_server_is_kept_out(server: Server, alice: Person, bob: Person) -> None:
    """Follows end both ways and are told; nobody from there is seen or heard."""
    status = await say(alice, "hello")

    def meet(conn: Connection) -> tuple[int, int, int]:
        fan, idol = add_stranger(conn, "fan", THERE), add_stranger(conn, "idol", THERE)
        add_follow(conn, fan, alice.account_id)
        add_follow(conn, alice.account_id, idol)
        first = add_post(conn, idol, local=False)
        posts.put_tags(conn, first, {"a": "a"}, new=True)
        row = posts.by_id(conn, first)
        timelines.fan_out(conn, row)
        add_post(
            conn, fan, local=False, in_reply_to_id=int(status["id"]), thread_id=int(status["id"]),
            in_reply_to_account_id=alice.account_id,
        )  # fmt: skip
        notifications.notify(conn, alice.account_id, "follow", fan)
        return fan, idol, first

    fan, idol, first = await server.db.write(meet)
    seen = {
        "/api/v1/timelines/home": str(first),
        "/api/v1/timelines/public": str(first),
        "/api/v1/timelines/tag/a": str(first),
    }
    for path, post_id in seen.items():
        assert post_id in [one["id"] for one in await alice.get(path)], path
    assert len((await alice.get(f"/api/v1/statuses/{status['id']}/context"))["descendants"]) == 1
    preview = await alice.get("/api/v1/domain_blocks/preview", domain=THERE)
    assert preview == {"following_count": 1, "followers_count": 1}
    assert await alice.post("/api/v1/domain_blocks", {"domain": "There.Example"}) == {}
    assert {one.activity["type"] for one in await sent(server)} >= {"Undo", "Reject"}
    for path, post_id in seen.items():
        assert post_id not in [one["id"] for one in await alice.get(path)], path
        assert path.endswith("home") or post_id in [one["id"] for one in await bob.get(path)]
    assert (await alice.get(f"/api/v1/statuses/{status['id']}/context"))["descendants"] == []
    assert [one["type"] for one in await alice.get("/api/v1/notifications")] == ["severed_relationships"]
    stands = await alice.get("/api/v1/accounts/relationships", **{"id[]": str(idol)})
    assert [(one["domain_blocking"], one["following"]) for one in stands] == [(True, False)]
    assert await alice.get("/api/v1/domain_blocks") == [THERE]
    assert (await alice.raw("POST", f"/api/v1/accounts/{idol}/follow")).status == 403

    def ask_again(conn: Connection) -> None:
        follower, target = accounts.by_id(conn, fan), accounts.by_id(conn, alice.account_id)
        assert follower is not None
        assert target is not None
        relationships.receive_follow(conn, server.publish, follower, target, "https://there.example/f/2")

    await server.db.write(ask_again)
    assert (await sent(server))[-1].activity["type"] == "Reject"
    for domain in (server.config.domain, "not a domain", ""):
        assert (await alice.raw("POST", "/api/v1/domain_blocks", json={"domain": domain})).status == 422
    assert await alice.delete("/api/v1/domain_blocks", domain=THERE) == {}
    assert await alice.get("/api/v1/domain_blocks") == []
    assert str(first) in [one["id"] for one in await alice.get("/api/v1/timelines/public")]
