"""A server that is blocked is hidden at once and erased after a month, in writes that are small whatever it had."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, func, insert, select

from fedserver import farewell
from fedserver.context import Server
from fedserver.moderation import domains, standing
from storage import accounts, kept_out, strikes, tables
from storage.types import new_id, now_ms
from tests.conftest import MakeMember
from tests.counting import rows_written
from tests.people import add_post, add_stranger

HOST = "spam.example"
ROWS_MAX = 1_000
PEOPLE = 450
FANS = 1_200


def fill(conn: Connection, member_id: int, member_post: int) -> list[int]:
    """Many accounts of one server; the first has posted much, is followed, and likes, boosts and answers a member."""
    found = [add_stranger(conn, f"p{number}", f"w{number % 2}.{HOST}") for number in range(PEOPLE)]
    first = found[0]
    for _ in range(40):
        add_post(conn, first, local=False)
    loved = add_post(conn, first, local=False)
    home = add_post(conn, found[1], local=False, boost_of_id=loved)
    add_post(conn, found[1], local=False, boost_of_id=member_post)
    add_post(conn, first, local=False, in_reply_to_id=member_post, thread_id=member_post)
    add_post(conn, first, local=False, kind="article", title="Not so plain")
    _insert(
        conn,
        "post_like",
        [{"account_id": add_stranger(conn, f"f{one}"), "post_id": loved} for one in range(FANS)],
    )
    _insert(conn, "post_like", [{"account_id": first, "post_id": member_post}])
    conn.execute(
        tables.post.update().where(tables.post.c.id == member_post).values(likes_count=1, boosts_count=1)
    )
    for post_id in (loved, home):
        conn.execute(insert(tables.home_entry).values(account_id=member_id, post_id=post_id))
    _insert(
        conn, "follow", [{"account_id": one, "target_id": member_id, "accepted": True} for one in found[:120]]
    )
    _insert(
        conn, "follow", [{"account_id": member_id, "target_id": one, "accepted": True} for one in found[:3]]
    )
    return found


def _insert(conn: Connection, table: str, rows: list[dict[str, object]]) -> None:
    made = [{"id": new_id(), "uri": f"https://x.example/{new_id()}", **row} for row in rows]
    conn.execute(insert(tables.metadata.tables[table]), made)


def left(conn: Connection, account_ids: list[int]) -> dict[str, int]:
    """What there is of these accounts."""

    def count(column: object) -> int:
        return int(conn.scalar(select(func.count()).where(column.in_(account_ids))) or 0)  # type: ignore[attr-defined]

    theirs = select(tables.post.c.id).where(tables.post.c.account_id.in_(account_ids))
    found = {
        "posts": count(tables.post.c.account_id),
        "likes": count(tables.like.c.account_id),
        "follows": count(tables.follow.c.account_id) + count(tables.follow.c.target_id),
        "words": count(tables.account_word.c.account_id),
        "notices": count(tables.notification.c.from_account_id),
        "home": len(
            conn.execute(select(tables.home_entry).where(tables.home_entry.c.post_id.in_(theirs))).all()
        ),
    }
    return {what: number for what, number in found.items() if number}


async def test_a_member_leaves_in_small_steps(
    server: Server, member: MakeMember, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DEL-02: what was made of a post, follows and likes go in writes that are small however many there are; counts follow."""
    alice, bob = await member("alice"), await member("bob")
    liked = int((await alice.post("/api/v1/statuses", {"status": "Liked by many"}))["id"])
    theirs = int((await bob.post("/api/v1/statuses", {"status": "Bob's"}))["id"])
    await alice.post(f"/api/v1/statuses/{theirs}/favourite")
    await alice.post(f"/api/v1/statuses/{theirs}/reblog")
    await alice.post("/api/v1/statuses", {"status": "An answer", "in_reply_to_id": str(theirs)})
    await alice.post(f"/api/v1/accounts/{bob.account_id}/follow")

    def fill(conn: Connection) -> list[int]:
        fans = [add_stranger(conn, f"f{one}") for one in range(FANS)]
        ties = [{"account_id": one, "target_id": alice.account_id, "accepted": True} for one in fans]
        ties += [{"account_id": alice.account_id, "target_id": one, "accepted": True} for one in fans]
        _insert(conn, "follow", ties)
        _insert(conn, "post_like", [{"account_id": one, "post_id": liked} for one in fans])
        conn.execute(
            tables.account.update().where(tables.account.c.id.in_(fans[:2])).values(followers_count=3)
        )
        return fans

    fans = await server.db.write(fill)
    with rows_written(server, monkeypatch) as written:
        await server.db.write(farewell.leave, server.publish, alice.account_id)
        await farewell.remove_rest(server, {"account_id": alice.account_id, "pictures": []})
    assert max(written) <= ROWS_MAX
    assert await server.db.read(left, [alice.account_id]) == {}
    shown = await bob.get(f"/api/v1/statuses/{theirs}")
    assert [shown[f"{what}_count"] for what in ("favourites", "reblogs", "replies")] == [0, 0, 0]
    assert (await bob.get("/api/v1/accounts/verify_credentials"))["followers_count"] == 0
    row = await server.db.read(accounts.by_id, fans[1])
    assert row is not None
    assert row.followers_count == 2


async def test_a_blocked_server_is_hidden_at_once_and_goes_in_small_steps(
    server: Server, member: MakeMember, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, admin = await member("alice"), await member("ada", role="admin")
    posted = await alice.post("/api/v1/statuses", {"status": "Ours"})
    people = await server.db.write(fill, alice.account_id, int(posted["id"]))
    with rows_written(server, monkeypatch) as written:
        made = await admin.post("/api/v1/admin/domain_blocks", {"domain": HOST, "severity": "suspend"})
        assert made["domain"] == HOST
        assert await server.db.read(_shown, people) == 0
        await domains.carry_out(server, {"host": HOST, "lifted_at": None})
        # A month later.
        due = await server.db.read(strikes.erasures_due, now_ms() + standing.ERASED_AFTER_MS + 1_000, PEOPLE)
        assert set(due) == set(people)
        over = (
            tables.erasure.update()
            .where(tables.erasure.c.account_id.in_(people[:3]))
            .values(due_at=now_ms() - 1)
        )
        await server.db.write(lambda conn: conn.execute(over) and None)
        await standing.erase_due(server, {})
    assert max(written) <= ROWS_MAX
    assert await server.db.read(left, people[:3]) == {}
    assert len(await server.db.read(strikes.erasures_due, now_ms() * 2, PEOPLE)) == PEOPLE - 3
    shown = await alice.get(f"/api/v1/statuses/{posted['id']}")
    assert [shown[f"{what}_count"] for what in ("favourites", "reblogs", "replies")] == [0, 0, 0]


def _shown(conn: Connection, people: list[int]) -> int:
    shown = select(func.count()).where(tables.account.c.id.in_(people), kept_out.shows())
    return int(conn.scalar(shown) or 0)
