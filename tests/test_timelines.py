"""What reaches a home timeline, and what leaves it."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, insert, select, update

from storage import posts, tables, timelines
from storage.database import Database
from storage.paging import Window
from storage.types import new_id, now_ms
from tests.people import add_follow, add_member, add_post, add_stranger


def _home(conn: Connection, account_id: int) -> list[int]:
    return timelines.home(conn, account_id, Window(limit=40))


def _arrive(conn: Connection, post_id: int) -> int:
    row = posts.by_id(conn, post_id)
    assert row is not None
    boosted = posts.by_id(conn, row.boost_of_id) if row.boost_of_id else None
    timelines.fan_out(conn, row, boosted=boosted)
    return post_id


async def test_a_post_reaches_those_who_follow_and_nobody_else(db: Database) -> None:
    def unit(conn: Connection) -> None:
        author, reader, asked, other = (
            add_member(conn, name) for name in ("author", "reader", "asked", "other")
        )
        far = add_stranger(conn, "far")
        add_follow(conn, reader, author)
        add_follow(conn, far, author)
        add_follow(conn, asked, author, accepted=False)
        post_id = _arrive(conn, add_post(conn, author, "followers"))
        assert _home(conn, reader) == [post_id]
        assert _home(conn, asked) == _home(conn, other) == []
        assert list(conn.scalars(select(tables.home_entry.c.account_id))) == [reader]

    await db.write(unit)


async def test_a_reply_reaches_those_who_know_both_sides(db: Database) -> None:
    def unit(conn: Connection) -> None:
        one, two, knows_both, knows_one = (add_member(conn, name) for name in ("one", "two", "both", "lone"))
        add_follow(conn, knows_both, one)
        add_follow(conn, knows_both, two)
        add_follow(conn, knows_one, two)
        add_follow(conn, one, two)
        first = add_post(conn, one)
        reply = _arrive(
            conn, add_post(conn, two, in_reply_to_id=first, in_reply_to_account_id=one, thread_id=first)
        )
        assert _home(conn, knows_both) == [reply]
        assert _home(conn, one) == [reply]
        assert _home(conn, knows_one) == []

    await db.write(unit)


async def test_a_boost_is_not_shown_to_who_wrote_it_has_it_or_wants_no_boosts(db: Database) -> None:
    def unit(conn: Connection) -> None:
        author, booster = add_member(conn, "author"), add_member(conn, "booster")
        reader, has_it, wants_none, blocks = (
            add_member(conn, name) for name in ("reader", "has", "none", "blocks")
        )
        for one in (author, reader, has_it, wants_none, blocks):
            add_follow(conn, one, booster)
        conn.execute(
            update(tables.follow).where(tables.follow.c.account_id == wants_none).values(shows_boosts=False)
        )
        conn.execute(insert(tables.block).values(id=new_id(), uri="b", account_id=blocks, target_id=author))
        add_follow(conn, has_it, author)
        original = _arrive(conn, add_post(conn, author))
        boost = _arrive(conn, add_post(conn, booster, kind="boost", boost_of_id=original))
        assert _home(conn, reader) == [boost]
        assert _home(conn, has_it) == [original]
        assert _home(conn, author) == _home(conn, wants_none) == _home(conn, blocks) == []

    await db.write(unit)


async def test_a_follow_in_one_language_brings_no_other(db: Database) -> None:
    def unit(conn: Connection) -> None:
        author, reader = add_member(conn, "author"), add_member(conn, "reader")
        add_follow(conn, reader, author)
        conn.execute(update(tables.follow).values(languages='["pt"]'))
        wanted = [_arrive(conn, add_post(conn, author, language=one)) for one in ("pt", "pt-BR", "")]
        _arrive(conn, add_post(conn, author, language="en"))
        assert _home(conn, reader) == wanted[::-1]

    await db.write(unit)


async def test_a_mute_that_is_over_hides_nothing(db: Database) -> None:
    def unit(conn: Connection) -> None:
        author, muting, muted_once = (
            add_member(conn, "author"),
            add_member(conn, "muting"),
            add_member(conn, "once"),
        )
        for one, expires_at in ((muting, None), (muted_once, now_ms() - 1)):
            add_follow(conn, one, author)
            conn.execute(
                insert(tables.mute).values(
                    id=new_id(), account_id=one, target_id=author, expires_at=expires_at
                )
            )
        post_id = _arrive(conn, add_post(conn, author))
        assert _home(conn, muted_once) == [post_id]
        assert _home(conn, muting) == []

    await db.write(unit)


async def test_parting_takes_posts_and_boosts_of_theirs_away(db: Database) -> None:
    def unit(conn: Connection) -> None:
        author, friend, reader = (add_member(conn, name) for name in ("author", "friend", "reader"))
        add_follow(conn, reader, author)
        add_follow(conn, reader, friend)
        _arrive(conn, add_post(conn, author))
        old = add_post(conn, author)
        _arrive(conn, add_post(conn, friend, kind="boost", boost_of_id=old))
        kept = _arrive(conn, add_post(conn, friend))
        assert len(_home(conn, reader)) == 3
        timelines.empty_home_of(conn, reader, author)
        assert _home(conn, reader) == [kept]
        timelines.fill_home(conn, reader, author)
        assert len(_home(conn, reader)) == 3

    await db.write(unit)


async def test_home_keeps_a_bounded_number_of_posts(db: Database) -> None:
    def unit(conn: Connection) -> None:
        author, reader = add_member(conn, "author"), add_member(conn, "reader")
        ids = [add_post(conn, author) for _ in range(timelines.HOME_ENTRIES_MAX + 3)]
        conn.execute(insert(tables.home_entry), [{"account_id": reader, "post_id": one} for one in ids])
        with pytest.MonkeyPatch.context() as few:
            few.setattr(timelines, "PRUNED_PER_UNIT", 2)
            assert [timelines.trim_homes(conn), timelines.trim_homes(conn)] == [True, False]
        assert (
            timelines.home(conn, reader, Window(limit=2000))
            == sorted(ids, reverse=True)[: timelines.HOME_ENTRIES_MAX]
        )

    await db.write(unit)


async def test_windows_page_through_every_post_once_in_both_directions(db: Database) -> None:
    def unit(conn: Connection) -> None:
        author, reader = add_member(conn, "author"), add_member(conn, "reader")
        add_follow(conn, reader, author)
        ids = sorted((_arrive(conn, add_post(conn, author)) for _ in range(11)), reverse=True)
        down: list[int] = []
        while page := timelines.home(conn, reader, Window(limit=3, max_id=down[-1] if down else None)):
            down += page
        up: list[int] = []
        while page := timelines.home(conn, reader, Window(limit=3, min_id=up[0] if up else 0)):
            up = page + up
        assert down == up == ids
        assert timelines.home(conn, reader, Window(limit=3, since_id=ids[5])) == ids[:3]

    await db.write(unit)
