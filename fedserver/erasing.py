"""Take away many posts without anybody who writes meanwhile noticing: few rows and little time in a unit, and a pause
after each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Concatenate, Final, ParamSpec, Protocol

from sqlalchemy import Connection

from fedserver.streams.gone import signal_gone
from storage import posts, pruning
from storage.database import Database
from storage.posts import PostRow

P = ParamSpec("P")

POSTS_PER_UNIT: Final = 25
BOOSTS_PER_UNIT: Final = 50
ROWS_PER_UNIT: Final = 300
UNIT_SECONDS: Final = 0.01
PAUSE_SECONDS_MAX: Final = 1.0

_alone = asyncio.Lock()


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
        async with _alone:
            began = monotonic()
            more = await here.db.write(unit, *args, **kwargs)
            await asyncio.sleep(min(monotonic() - began, PAUSE_SECONDS_MAX))


def take_away_some(
    conn: Connection, rows: Sequence[PostRow], take_away: Callable[[Connection, PostRow], None]
) -> bool:
    """Take away a part of these posts and of what hangs on them, boosts first; whether any is left. At most
    `POSTS_PER_UNIT` rows are looked at."""
    until = monotonic() + UNIT_SECONDS
    rows = rows[:POSTS_PER_UNIT]
    ids = [row.id for row in rows]
    boosts = pruning.boosts_of(conn, ids, BOOSTS_PER_UNIT) if ids else []
    if pruning.clear_some(conn, [*ids, *(boost.id for boost in boosts)], ROWS_PER_UNIT) >= ROWS_PER_UNIT:
        return True
    for boost in boosts:
        signal_gone(conn, boost)
        posts.remove(conn, boost)
    if len(boosts) == BOOSTS_PER_UNIT:
        return True
    for number, row in enumerate(rows):
        if number and monotonic() > until:
            return True
        take_away(conn, row)
    return False
