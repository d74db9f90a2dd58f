"""Who sees what: the predicate for lists and the function for one post give the answer of the table, and the same one."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, insert, select, update

from fedserver.visibility import VISIBILITIES, may_see, predicate
from storage import posts, tables
from storage.database import Database
from storage.types import new_id, now_ms
from tests.people import ORIGIN, add_follow, add_member, add_post, add_stranger

SEES = {
    "public": {
        "nobody",
        "author",
        "follower",
        "asked",
        "named",
        "member",
        "in_group",
        "stranger",
        "remote_follower",
    },
    "unlisted": {
        "nobody",
        "author",
        "follower",
        "asked",
        "named",
        "member",
        "in_group",
        "stranger",
        "remote_follower",
    },
    "followers": {"author", "follower", "remote_follower", "named"},
    "members": {"author", "follower", "asked", "named", "member", "in_group"},
    "group": {"author", "in_group"},
    "direct": {"author", "named"},
}


def _cast(conn: Connection) -> dict[str, int | None]:
    people: dict[str, int | None] = {
        name: add_member(conn, name)
        for name in ("author", "follower", "asked", "named", "member", "in_group", "shunned")
    }
    people |= {
        "nobody": None,
        "stranger": add_stranger(conn, "sam"),
        "remote_follower": add_stranger(conn, "rae"),
    }
    author = people["author"]
    assert author is not None
    for name in ("follower", "remote_follower", "shunned"):
        add_follow(conn, people[name] or 0, author)
    add_follow(conn, people["asked"] or 0, author, accepted=False)
    conn.execute(
        insert(tables.block).values(
            id=new_id(), uri=f"{ORIGIN}/b", account_id=author, target_id=people["shunned"]
        )
    )
    group = add_member(conn, "a_group")
    for member in (people["in_group"], people["shunned"]):
        conn.execute(insert(tables.membership).values(group_id=group, account_id=member))
    people["group"] = group
    return people


def _look(conn: Connection, post_id: int, viewer_id: int | None) -> bool:
    row = posts.by_id(conn, post_id)
    assert row is not None
    by_function = may_see(conn, row, viewer_id)
    listed = conn.execute(
        select(tables.post.c.id).where(tables.post.c.id == post_id, predicate(viewer_id))
    ).first()
    assert by_function == (listed is not None), "the predicate and the function disagree"
    return by_function


@pytest.mark.parametrize("visibility", VISIBILITIES)
async def test_each_viewer_sees_what_the_table_says(db: Database, visibility: str) -> None:
    def unit(conn: Connection) -> None:
        people = _cast(conn)
        author = people["author"] or 0
        group_id = people["group"] if visibility == "group" else None
        post_id = add_post(conn, author, visibility, group_id=group_id)
        posts.put_mentions(conn, post_id, [people["named"] or 0, people["shunned"] or 0])
        viewers = set(people) - {"shunned", "group"}
        assert {name for name in viewers if _look(conn, post_id, people[name])} == SEES[visibility]
        assert not _look(conn, post_id, people["shunned"]), "somebody blocked sees the post"

    await db.write(unit)


@pytest.mark.parametrize("gone", ["deleted", "suspended"])
async def test_nobody_sees_a_deleted_post_or_one_of_a_suspended_author(db: Database, gone: str) -> None:
    def unit(conn: Connection) -> None:
        author, member = add_member(conn, "author"), add_member(conn, "member")
        post_id = add_post(conn, author)
        assert _look(conn, post_id, member)
        if gone == "deleted":
            conn.execute(update(tables.post).values(deleted_at=now_ms()))
        else:
            conn.execute(
                update(tables.account).where(tables.account.c.id == author).values(suspended_at=now_ms())
            )
        assert not any(_look(conn, post_id, viewer) for viewer in (None, member, author))

    await db.write(unit)
