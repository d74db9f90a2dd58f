"""What is pruned, and what is not because somebody here has made something of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select

from fedserver import pruning
from fedserver.context import Server
from storage import remote_files, tables
from storage.remote_files import Original
from storage.types import new_id, now_ms
from tests.counting import rows_written
from tests.people import add_member, add_post, add_stranger
from tests.planned import planned

DAY_MS = 86_400_000
OLD_MS = 100 * DAY_MS


def add_old(conn: Connection, author_id: int, days: int = 100, **columns: Any) -> int:
    """A post of another server that came so many days ago."""
    at = now_ms() - days * DAY_MS
    made = {"created_at": at, "fetched_at": at, "local": False, "post_id": new_id(at), **columns}
    return add_post(conn, author_id, made.pop("visibility", "public"), **made)


def like(conn: Connection, account_id: int, post_id: int) -> None:
    values = {
        "id": new_id(),
        "uri": f"https://x.example/{new_id()}",
        "account_id": account_id,
        "post_id": post_id,
    }
    conn.execute(insert(tables.like).values(**values))


def bookmark(conn: Connection, account_id: int, post_id: int) -> None:
    conn.execute(insert(tables.bookmark).values(id=new_id(), account_id=account_id, post_id=post_id))


def boost(conn: Connection, account_id: int, post_id: int, **columns: Any) -> None:
    add_post(conn, account_id, boost_of_id=post_id, content_html="", **columns)


def answer(conn: Connection, account_id: int, post_id: int) -> None:
    add_post(conn, account_id, thread_id=post_id, in_reply_to_id=post_id)


def quote(conn: Connection, account_id: int, post_id: int) -> None:
    values = {"account_id": account_id, "quoted_uri": "https://x.example/1", "state": "accepted"}
    quoting = add_post(conn, account_id)
    conn.execute(insert(tables.quote).values(id=new_id(), post_id=quoting, quoted_id=post_id, **values))


def mention(conn: Connection, account_id: int, post_id: int) -> None:
    conn.execute(insert(tables.mention).values(post_id=post_id, account_id=account_id, silent=False))


def put_in_list(conn: Connection, account_id: int, post_id: int) -> None:
    author_id = conn.scalar(select(tables.post.c.account_id).where(tables.post.c.id == post_id))
    list_id = new_id()
    conn.execute(
        insert(tables.member_list).values(
            id=list_id, account_id=account_id, title="Trainers", replies_policy="list", exclusive=False
        )
    )
    conn.execute(insert(tables.list_account).values(id=new_id(), list_id=list_id, account_id=author_id))


def report(conn: Connection, account_id: int, post_id: int) -> None:
    author_id = conn.scalar(select(tables.post.c.account_id).where(tables.post.c.id == post_id))
    conn.execute(
        insert(tables.report).values(
            id=new_id(),
            uri=f"https://x.example/{new_id()}",
            account_id=account_id,
            target_id=author_id,
            post_ids=f'["{post_id}"]',
            created_at=now_ms(),
        )
    )


def begin_an_answer(conn: Connection, account_id: int, post_id: int) -> None:
    conn.execute(
        insert(tables.draft).values(
            account_id=account_id, key=f"reply:{post_id}", body="{}", updated_at=now_ms()
        )
    )


def stay(conn: Connection, post_id: int) -> set[int]:
    return set(conn.scalars(select(tables.post.c.id).where(tables.post.c.id >= post_id)))


MADE_OF_IT: list[Callable[[Connection, int, int], None]] = [
    like, bookmark, boost, answer, quote, mention, put_in_list, report, begin_an_answer,
]  # fmt: skip


async def test_old_posts_go_that_nobody_here_has_made_anything_of(server: Server) -> None:
    def fill(conn: Connection) -> tuple[int, int, list[int]]:
        add_member(conn, "maren")
        author = add_stranger(conn, "ann")
        other = add_stranger(conn, "ola", "other.example")
        gone = add_old(conn, author)
        answered = add_old(conn, other, thread_id=gone, in_reply_to_id=gone)
        boost(conn, other, gone, local=False, created_at=now_ms() - OLD_MS)
        like(conn, other, answered)
        young = add_old(conn, author, days=80)
        read_again = add_old(conn, author, fetched_at=now_ms())
        event = add_old(conn, author, kind="event")
        direct = add_old(conn, author, visibility="direct")
        young_answer = add_old(conn, author)
        add_old(conn, other, days=1, thread_id=young_answer, in_reply_to_id=young_answer)
        return gone, answered, [young, read_again, event, direct, young_answer]

    gone, answered, kept = await server.db.write(fill)
    seen = await pruning.preview(server)
    assert (seen.posts, dict(seen.hosts)) == (2, {"there.example": 1, "other.example": 1})
    assert gone in await server.db.read(stay, gone)
    done = await pruning.prune(server)
    assert (done.posts, done.hosts) == (seen.posts, seen.hosts)
    left = await server.db.read(stay, 0)
    assert not {gone, answered} & left
    assert set(kept) <= left
    assert len(left) == len(kept) + 1  # the young answer; the boost went with what it boosted
    assert (await server.db.read(pruning.last)) == done
    assert await server.db.read(lambda conn: conn.execute(select(tables.tombstone)).all()) == []
    assert (await pruning.prune(server)).posts == 0


@pytest.mark.parametrize("made_of_it", MADE_OF_IT, ids=lambda one: one.__name__)
async def test_a_discussion_stays_of_which_somebody_here_has_made_something(
    server: Server, made_of_it: Callable[[Connection, int, int], None]
) -> None:
    def fill(conn: Connection) -> int:
        member, author = add_member(conn, "maren"), add_stranger(conn, "ann")
        root = add_old(conn, author)
        made_of_it(conn, member, root)
        return add_old(conn, author, thread_id=root, in_reply_to_id=root)

    answer_id = await server.db.write(fill)
    assert (await pruning.prune(server)).posts == 0
    assert answer_id in await server.db.read(stay, 0)


async def test_what_members_made_of_something_meanwhile_is_kept(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(conn: Connection) -> tuple[int, int]:
        return add_member(conn, "maren"), add_old(conn, add_stranger(conn, "ann"))

    member, post_id = await server.db.write(fill)
    look = pruning._going

    def look_before_it_is_liked(conn: Connection, found: list[Any], before_ms: int) -> list[Any]:
        monkeypatch.setattr(pruning, "_going", look)
        return found

    await server.db.write(like, member, post_id)
    monkeypatch.setattr(pruning, "_going", look_before_it_is_liked)
    assert (await pruning.prune(server)).posts == 0
    assert post_id in await server.db.read(stay, 0)


async def test_no_write_takes_many_rows(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def fill(conn: Connection) -> None:
        author = add_stranger(conn, "ann")
        for _ in range(60):
            add_old(conn, author)
        much = add_old(conn, author)
        at = now_ms() - OLD_MS
        for number in range(1_200):
            fan = add_stranger(conn, f"fan{number}")
            like(conn, fan, much)
            if number < 200:
                add_old(conn, fan, boost_of_id=much, created_at=at)

    await server.db.write(fill)
    with rows_written(server, monkeypatch) as written:
        assert (await pruning.prune(server)).posts == 61
    assert max(written) <= 1_000
    assert await server.db.read(stay, 0) == set()


async def test_old_copies_of_media_go(server: Server) -> None:
    def fill(conn: Connection) -> None:
        for name, days in (("old", 20), ("young", 2)):
            original = Original(f"https://there.example/{name}.png", "there.example")
            remote_files.put(
                conn, name, original, state="kept", now=now_ms() - days * DAY_MS, store_key=f"{name}-key", file_bytes=7
            )  # fmt: skip

    await server.db.write(fill)
    assert (await pruning.preview(server)).bytes == 7
    assert (await pruning.prune(server)).files == 1
    assert await server.db.read(remote_files.total_bytes) == 7
    assert await server.db.read(planned, "delete_files") == [{"keys": ["old-key"]}]
    assert (await pruning.preview(server, media_days=1)).files == 1
    assert (await pruning.preview(server, media_days=0, post_days=0)).media_before is None


async def test_it_is_done_every_night_once(server: Server) -> None:
    for _ in range(2):
        await server.db.write(lambda conn: pruning.plan_nightly(server.config, conn))
    assert await server.db.read(planned, "prune") == [{}]
