"""Take away many posts without anybody who writes meanwhile noticing: few rows and little time in a unit, and a pause
after each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from time import monotonic
from typing import Concatenate, Final, ParamSpec, Protocol, TypeVar

from sqlalchemy import Connection

from fedserver import remote_media
from fedserver.federation.publish import KIND_NAMES
from fedserver.streams.gone import signal_all_gone
from storage import inbox, pruning
from storage.database import Database
from storage.posts import PostRow

P = ParamSpec("P")
T = TypeVar("T")

POSTS_PER_UNIT: Final = 25
BOOSTS_PER_UNIT: Final = 50
ROWS_PER_UNIT: Final = 300
UNIT_SECONDS: Final = 0.01
PAUSE_SECONDS_MAX: Final = 1.0
_PLAIN: Final = ("public", "unlisted", "followers", "members")


class Has(Protocol):
    """What has the database: a server, or a command beside it."""

    @property
    def db(self) -> Database: ...


async def in_steps(
    here: Has, unit: Callable[Concatenate[Connection, P], bool], *args: P.args, **kwargs: P.kwargs
) -> None:
    """Run a unit until it says that there is no more to do. Of all that is done so in this process one step runs at a
    time, and after each the database is left to others for as long."""
    more = True
    while more:
        async with here.db.aside:
            began = monotonic()
            more = await here.db.write(unit, *args, **kwargs)
            await asyncio.sleep(min(monotonic() - began, PAUSE_SECONDS_MAX))


def while_short(rows: Iterable[T]) -> Iterator[T]:
    """These, until a unit that does something with each has run for long enough; the first one always."""
    until = monotonic() + UNIT_SECONDS
    for number, row in enumerate(rows):
        if number and monotonic() > until:
            return
        yield row


def take_away_some(
    conn: Connection, rows: Sequence[PostRow], take_away: Callable[[Connection, PostRow], None]
) -> bool:
    """Take away a part of these posts and of what hangs on them, boosts first; whether any is left. At most
    `POSTS_PER_UNIT` rows are looked at."""
    rows = rows[:POSTS_PER_UNIT]
    return _clear_some(conn, [row.id for row in rows]) or _one_by_one(conn, rows, take_away)


def _one_by_one(
    conn: Connection, rows: Sequence[PostRow], take_away: Callable[[Connection, PostRow], None]
) -> bool:
    left = len(rows)
    for row in while_short(rows):
        take_away(conn, row)
        left -= 1
    return left > 0


def erase_some(
    conn: Connection, rows: Sequence[PostRow], erase: Callable[[Connection, PostRow], None]
) -> bool:
    """The same for posts and boosts that are erased: those that need nothing but to go go together, the others by `erase`."""
    rows = rows[:POSTS_PER_UNIT]
    if not rows:
        return False
    if _clear_some(conn, [row.id for row in rows]):
        return True
    plain = [row for row in rows if _is_plain(row)]
    weights = pruning.weights(conn, [row.id for row in plain])
    room = ROWS_PER_UNIT
    going: list[PostRow] = []
    for row in plain:
        room -= weights.get(row.id, 0)
        if going and room < 0:
            break
        going.append(row)
    _erase_together(conn, going)
    if len(going) < len(plain):
        return True
    return _one_by_one(conn, [row for row in rows if not _is_plain(row)], erase)


def _clear_some(conn: Connection, post_ids: Sequence[int]) -> bool:
    """Take away a part of what hangs on posts, and of their boosts; whether there was so much that the posts have to wait."""
    if not post_ids:
        return False
    boosts = pruning.boosts_of(conn, post_ids, BOOSTS_PER_UNIT)
    if pruning.clear_some(conn, [*post_ids, *(boost.id for boost in boosts)], ROWS_PER_UNIT) >= ROWS_PER_UNIT:
        return True
    if boosts:
        signal_all_gone(conn, boosts)
        pruning.remove_plain(conn, boosts)
    return bool(boosts)


def _is_plain(row: PostRow) -> bool:
    """Whether a boost, or a note that is in no group and no conversation and quotes nothing: nobody keeps anything else of it."""
    return row.boost_of_id is not None or (
        row.kind == "note" and row.visibility in _PLAIN and row.group_id is None and not row.quote_uri
    )


def _erase_together(conn: Connection, rows: Sequence[PostRow]) -> None:
    """What `fedserver.posts.erase` and the end of a boost come to for plain ones of which nothing hangs on anything."""
    if not rows:
        return
    signal_all_gone(conn, rows)
    written = [row for row in rows if row.boost_of_id is None]
    if written:
        remote_media.forget_of_posts(conn, [row.id for row in written if not row.local])
        pruning.drop_media(conn, [row.id for row in written])
        inbox.bury_posts(conn, [(row.uri, KIND_NAMES[row.kind]) for row in written])
    pruning.remove_plain(conn, rows)
