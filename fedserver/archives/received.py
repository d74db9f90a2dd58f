"""Archives that owners of a group send through the web: kept until a job has brought them in.

A command is trusted with whose words are whose; somebody who owns a group is not. What they send is attributed to names
alone, unless they are an admin: else a made-up archive could put words into a member's mouth.
"""

from __future__ import annotations

import asyncio
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection

from fedserver.archives import importing
from fedserver.archives.importing import Options, Receipt
from fedserver.context import Server
from fedserver.errors import Conflict, FedError, Forbidden, Invalid, NotFound
from fedserver.groups import rules
from fedserver.groups.rules import Action
from fedserver.jobs.handlers import handles
from fedserver.jobs.plan import plan
from fedserver.viewer import Member
from storage import archives
from storage.paging import Window
from storage.types import now_ms

HOURS_MAX: Final = 6
KEPT_MS: Final = 14 * 86_400_000
OPEN_MAX: Final = 5  # of a group: each is a file that waits on the disk
_LOST: Final = "The file is not there any more. Send it again: what has come already does not come twice."


async def receive(
    server: Server, member: Member, group_id: int, path: Path, source: str, options: Options, *, name: str
) -> Receipt:
    """Take an archive that was sent, and have it brought in. Sent again after it was cut off, it goes on.

    Raises NotFound, Forbidden, Invalid, Conflict (so many wait already).
    """
    await server.db.read(_check, member, group_id)
    if await server.db.read(archives.count_open, group_id) >= OPEN_MAX:
        raise Conflict(f"{OPEN_MAX} archives are being brought in already. Please wait until one is done.")
    if options.matches_members and not member.administers:
        raise Forbidden("Only admins may have messages attributed to members: the archive could be made up.")
    known = next((one for one in importing.SOURCES if one == source), None)
    if known is None:
        raise Invalid({"source": f"must be one of {', '.join(importing.SOURCES)}"})
    row = await importing.begin(server, group_id, path, known, options, name=name, by_id=member.account_id)
    await asyncio.to_thread(_keep, path, _path(server, row.id))

    def unit(conn: Connection) -> Receipt:
        archives.change_run(conn, row.id, state="waiting", error="", ended_at=None)
        plan(conn, "import_archive", {"run_id": row.id}, key=str(row.id))
        return _shown(conn, group_id, row.id)

    return await server.db.write(unit)


async def show(server: Server, member: Member, group_id: int, run_id: int) -> Receipt:
    """How far an import has come. Raises NotFound, Forbidden."""

    def unit(conn: Connection) -> Receipt:
        _check(conn, member, group_id)
        return _shown(conn, group_id, run_id)

    return await server.db.read(unit)


async def runs(server: Server, member: Member, group_id: int, window: Window) -> list[Receipt]:
    """The imports of a group, newest first. Raises NotFound, Forbidden."""

    def unit(conn: Connection) -> list[Receipt]:
        _check(conn, member, group_id)
        return [importing.receipt(row) for row in archives.runs_of(conn, group_id, window)]

    return await server.db.read(unit)


@handles("import_archive", timeout_seconds=HOURS_MAX * 3_600.0)
async def bring_in(server: Server, payload: dict[str, Any]) -> None:
    """Bring in the rest of an archive; after a crash, from where it was. The file goes when it is done."""
    run_id: int = payload["run_id"]
    path = _path(server, run_id)
    if not await asyncio.to_thread(path.is_file):
        await server.db.write(_lost, run_id)
        return
    with suppress(FedError):  # it is kept with the run, for who sent it
        await importing.carry_out(server, run_id, path)
    await asyncio.to_thread(path.unlink, missing_ok=True)


def plan_cleaning(conn: Connection) -> None:
    """Have files removed that nobody has asked for in two weeks. A chore."""
    plan(conn, "remove_old_archives", {}, key="all")


@handles("remove_old_archives")
async def remove_old(server: Server, _: dict[str, Any]) -> None:
    """Remove archives that were sent and never brought in."""
    await asyncio.to_thread(_remove_old, server.config.data_dir / "imports")


def _remove_old(folder: Path) -> None:
    for file in folder.glob("*"):
        if file.stat().st_mtime_ns // 1_000_000 < now_ms() - KEPT_MS:
            file.unlink(missing_ok=True)


def _check(conn: Connection, member: Member, group_id: int) -> None:
    group, _ = rules.known(conn, group_id, member.account_id)
    rules.check(conn, Action.IMPORT, group, member.account_id)


def _shown(conn: Connection, group_id: int, run_id: int) -> Receipt:
    row = archives.run_by_id(conn, run_id)
    if row is None or row.group_id != group_id:
        raise NotFound("This import is not there any more.")
    return importing.receipt(row)


def _lost(conn: Connection, run_id: int) -> None:
    row = archives.run_by_id(conn, run_id)
    if row is not None and row.state != "done":
        archives.change_run(conn, run_id, state="failed", error=_LOST, ended_at=now_ms())


def _keep(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    waiting = target.with_suffix(".part")
    shutil.copyfile(source, waiting)
    waiting.chmod(0o600)
    waiting.replace(target)


def _path(server: Server, run_id: int) -> Path:
    return server.config.data_dir / "imports" / str(run_id)
