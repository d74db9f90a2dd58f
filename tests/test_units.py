"""Units of work: each commits wholly or not at all, also where SQLite commits several at once."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select, text
from sqlalchemy.exc import DBAPIError

from storage.database import Database, SqliteDatabase
from storage.hot import insert_row
from storage.signals import signal
from storage.tables import hashtag
from storage.types import new_id
from tests.waiting import until


def name(conn: Connection, tag: str, *, rows: int = 1, chars: int = 0, fails: bool = False) -> int:
    """Keeps hashtags, half of them by SQLAlchemy; how many there are then."""
    for number in range(rows):
        values = {"id": new_id(), "key": f"{tag}{number}", "name": "x" * chars}
        if number % 2:
            conn.execute(insert(hashtag).values(values))
        else:
            insert_row(conn, hashtag, values)
    signal(conn, "tag", tag)
    if fails:
        raise LookupError(tag)
    return len(keys(conn))


def keys(conn: Connection) -> set[str]:
    return set(conn.scalars(select(hashtag.c.key)))


async def at_once(db: Database, *wanted: dict[str, Any]) -> list[Any]:
    """What comes of units that all wait while another one runs."""
    may_go_on = threading.Event()
    first = asyncio.create_task(db.write(lambda _: may_go_on.wait(10)))
    await asyncio.sleep(0)
    others = [asyncio.create_task(db.write(name, one.pop("tag"), **one)) for one in wanted]
    await asyncio.sleep(0)
    may_go_on.set()
    _, *results = await asyncio.gather(first, *others, return_exceptions=True)
    return results


async def test_inj_03_no_error_says_what_was_asked_or_written(db: Database) -> None:
    """It may be somebody's own, and errors are logged."""
    statement = text("SELECT 1 FROM no_table WHERE :secret = 'x'")
    with pytest.raises(DBAPIError, match="no_table") as error:
        await db.write(lambda conn: conn.execute(statement, {"secret": "s3cr3t"}))
    assert "s3cr3t" not in str(error.value)


async def test_a_unit_that_fails_takes_none_with_it_and_leaves_nothing(db: Database) -> None:
    heard: list[str] = []
    db.listen(lambda channel, payload: heard.append(payload) if channel == "tag" else None)
    results = await at_once(
        db, {"tag": "a", "rows": 3}, {"tag": "b", "rows": 3, "fails": True}, {"tag": "c", "rows": 2}
    )
    assert isinstance(results[1], LookupError)
    assert results[0] >= 3
    assert results[2] >= 2
    assert await db.read(keys) == {"a0", "a1", "a2", "c0", "c1"}
    await until(lambda: sorted(heard) == ["a", "c"], "that the other two are heard of")


async def test_the_first_of_several_may_fail(db: Database) -> None:
    failed, kept = await at_once(db, {"tag": "a", "rows": 2, "fails": True}, {"tag": "b"})
    assert isinstance(failed, LookupError)
    assert kept == 1
    assert await db.read(keys) == {"b0"}


async def test_a_caller_who_goes_does_not_stop_the_unit(db: Database) -> None:
    may_go_on = threading.Event()
    first = asyncio.create_task(db.write(lambda _: may_go_on.wait(10)))
    gone = asyncio.create_task(db.write(name, "a"))
    await asyncio.sleep(0)
    gone.cancel()
    may_go_on.set()
    await first
    with pytest.raises(asyncio.CancelledError):
        await gone
    await db.write(name, "b")
    await until(lambda: _has(db, {"a0", "b0"}), "both units")


async def _has(db: Database, wanted: set[str]) -> bool:
    return await db.read(keys) == wanted


@pytest.fixture
async def lane(db: Database) -> Any:
    """The connection that writes, on SQLite."""
    if not isinstance(db, SqliteDatabase):
        pytest.skip("only SQLite has one connection that writes")
    return db._writer._raw._conn


async def test_units_that_wait_are_committed_together(db: Database, lane: Any) -> None:
    commits: list[str] = []
    lane.set_trace_callback(lambda text: commits.append(text) if text.startswith("COMMIT") else None)
    await at_once(db, *({"tag": tag} for tag in "abcd"))
    lane.set_trace_callback(None)
    assert await db.read(keys) == {"a0", "b0", "c0", "d0"}
    assert len(commits) <= 3, "one for the unit before them at the most, and for those that waited by then"


async def test_what_the_disk_has_no_room_for_is_never_answered_as_kept(db: Database, lane: Any) -> None:
    await db.write(name, "before")
    pages = lane.execute("PRAGMA page_count").fetchone()[0]
    lane.execute(f"PRAGMA max_page_count = {pages + 20}")
    results = await at_once(
        db, {"tag": "a"}, {"tag": "b", "rows": 50, "chars": 60_000}, {"tag": "c"}, {"tag": "d", "fails": True}
    )
    lane.execute("PRAGMA max_page_count = 1073741823")
    assert isinstance(results[1], Exception)
    kept = {f"{tag}0" for tag, result in zip("abcd", results, strict=True) if isinstance(result, int)}
    assert await db.read(keys) == {"before0"} | kept
    await db.write(name, "after")
    assert "after0" in await db.read(keys)
