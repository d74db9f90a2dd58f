"""A file on its way in: kept when it was sent, shown with what it would change, and begun when its member says yes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from sqlalchemy import Connection, Row

from fedserver.errors import Conflict, NotFound
from fedserver.jobs.plan import plan
from fedserver.mentions import Home
from fedserver.moving_in import files
from fedserver.moving_in.comparing import Comparison, compare
from fedserver.moving_in.files import File, Kind
from storage import moving_in
from storage.database import Database
from storage.types import DAY_MS, now_ms

ROWS_PER_UNIT: Final = 2_000
LEFT_OUT_SHOWN_MAX: Final = 100
ENDED_KEPT_MAX: Final = 20
ASKED_KEPT_MS: Final = DAY_MS
ENDED_KEPT_MS: Final = 90 * DAY_MS
_STOPPED: Final = "You stopped before its turn came."


class Here(Home, Protocol):
    """Where it is brought in: a Server, or what a command has of one."""

    @property
    def db(self) -> Database: ...


@dataclass(frozen=True, slots=True)
class Shown:
    """A file: `run` has its columns, `waiting`, `failed` and `unread` are numbers of rows, `later` those of `waiting` whose
    server has not answered yet. `left_out` are the first of `failed` and `unread`; `comparison` is there while it is asked."""

    run: Any
    kind: Kind
    waiting: int
    later: int
    failed: int
    unread: int
    left_out: list[tuple[int, str, str]]
    next_due_at: int | None
    comparison: Comparison | None

    @property
    def is_running(self) -> bool:
        return self.run.state in moving_in.RUNNING


async def receive(here: Here, account_id: int, file: File, *, overwrites: bool) -> int:
    """Keep a file until its member says yes; its id. One of the same kind that they were asked about before goes.

    Raises Conflict while another of the kind is being brought in.
    """
    import_id = await here.db.write(_begin, account_id, file, overwrites)
    rows = [
        *(("waiting", one.line, one.key, one.host, one.cells, "") for one in file.rows),
        *(("unread", one.line, "", "", one.cells, one.why) for one in file.unread),
    ]
    for start in range(0, len(rows), ROWS_PER_UNIT):
        await here.db.write(moving_in.add_rows, import_id, rows[start : start + ROWS_PER_UNIT])
    await here.db.write(lambda conn: moving_in.change(conn, import_id, state="asked"))
    return import_id


def _begin(conn: Connection, account_id: int, file: File, overwrites: bool) -> int:
    rows = moving_in.of_member(conn, account_id)
    if any(one.kind == file.kind and one.state in moving_in.RUNNING for one in rows):
        raise Conflict("Another file of this kind is still being brought in. Wait for it, or stop it.")
    ended = [one.id for one in rows if one.ended_at is not None]
    unasked = [one.id for one in rows if one.kind == file.kind and one.state in ("reading", "asked")]
    moving_in.remove(conn, [*unasked, *ended[ENDED_KEPT_MAX - 1 :]])
    return moving_in.add(
        conn, account_id, kind=file.kind, guessed=file.guessed, name=file.name, overwrites=overwrites,
        total=len(file.rows), twice=file.twice,
    )  # fmt: skip


async def listed(here: Here, account_id: int) -> list[Row[Any]]:
    """What a member has brought in, or is about to, newest first."""
    return await here.db.read(moving_in.of_member, account_id)


async def show(here: Here, account_id: int, import_id: int) -> Shown:
    """A file, and what came of it or would. Raises NotFound."""
    return await here.db.read(_show, here, account_id, import_id)


def _show(conn: Connection, home: Home, account_id: int, import_id: int) -> Shown:
    run = _own(conn, account_id, import_id)
    counts = moving_in.counted(conn, import_id)
    kind = _kind(run)
    comparison = None
    if run.state == "asked":
        keys = moving_in.keys(conn, import_id)
        comparison = compare(conn, home, account_id, kind, keys, overwrites=run.overwrites)
    return Shown(
        run=run,
        kind=kind,
        waiting=counts["waiting"],
        later=counts["later"],
        failed=counts["failed"],
        unread=counts["unread"],
        left_out=[
            (row.line, files.shown(kind, cells), row.why)
            for row, cells in _left_out(conn, import_id, LEFT_OUT_SHOWN_MAX)
        ],
        next_due_at=moving_in.next_due_at(conn, import_id),
        comparison=comparison,
    )


async def table_of_rest(here: Here, account_id: int, import_id: int) -> bytes:
    """What could not be brought in and why, as a table to mend and send again. Raises NotFound."""

    def unit(conn: Connection) -> bytes:
        kind = _kind(_own(conn, account_id, import_id))
        rows = _left_out(conn, import_id, files.ROWS_MAX)
        return files.as_table(kind, ((cells, row.why) for row, cells in rows))

    return await here.db.read(unit)


async def begin(here: Here, account_id: int, import_id: int) -> None:
    """The member says yes: a job brings it in. Twice is as once. Raises NotFound, Conflict for a file of unreadable rows."""

    def unit(conn: Connection) -> None:
        run = _own(conn, account_id, import_id)
        if run.state == "asked":
            if not run.total:  # to replace something by it would take away all there is
                raise Conflict("There is no row in it that can be brought in.")
            moving_in.change(conn, import_id, state="removing" if run.overwrites else "adding")
            plan_part(conn, import_id)

    await here.db.write(unit)


def plan_part(conn: Connection, import_id: int, not_before_ms: int | None = None) -> None:
    """Have the next part of a file brought in."""
    plan(conn, "move_in", {"import_id": import_id}, key=str(import_id), not_before_ms=not_before_ms)


async def stop(here: Here, account_id: int, import_id: int) -> None:
    """Bring in no more of it; what has come stays. Raises NotFound."""

    def unit(conn: Connection) -> None:
        if _own(conn, account_id, import_id).state in moving_in.RUNNING:
            end(conn, import_id, _STOPPED)

    await here.db.write(unit)


def end(conn: Connection, import_id: int, why: str) -> None:
    """What has not come does not come any more."""
    moving_in.give_up(conn, import_id, why)
    moving_in.change(conn, import_id, state="stopped", ended_at=now_ms())


async def remove(here: Here, account_id: int, import_id: int) -> None:
    """Forget a file that is not being brought in. Raises NotFound, Conflict."""

    def unit(conn: Connection) -> None:
        if _own(conn, account_id, import_id).state in moving_in.RUNNING:
            raise Conflict("It is being brought in. Stop it first.")
        moving_in.remove(conn, [import_id])

    await here.db.write(unit)


def forget_old(conn: Connection) -> None:
    """A chore: what was never said yes to goes after a day, what has ended after three months."""
    now = now_ms()
    moving_in.forget(conn, asked_before=now - ASKED_KEPT_MS, ended_before=now - ENDED_KEPT_MS)


def _own(conn: Connection, account_id: int, import_id: int) -> Any:
    run = moving_in.own(conn, account_id, import_id)
    if run is None or run.state == "reading":
        raise NotFound
    return run


def _kind(run: Any) -> Kind:
    return next(one for one in files.KINDS if one == run.kind)


def _left_out(conn: Connection, import_id: int, limit: int) -> list[tuple[Row[Any], Sequence[str]]]:
    return [(row, moving_in.cells(row)) for row in moving_in.left_out(conn, import_id, limit)]
