"""How the server fares, for those who run it: what waits and what was given up, how much room there is, the last backup."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection

from fedserver import doctor, erasing, pruning, queues, settings
from fedserver.backups import making
from fedserver.backups.making import Last
from fedserver.content.text import clean_line
from fedserver.context import Server
from fedserver.errors import Invalid, NotFound
from fedserver.jobs.handlers import handles
from fedserver.jobs.plan import plan
from fedserver.mail import plan_mail
from fedserver.mail_compose import Envelope, compose
from fedserver.moderation import audit
from fedserver.moderation.permissions import Permission, require, roles_with
from fedserver.queues import GivenUp
from fedserver.viewer import Member
from storage import deliveries, instances, space, users
from storage import settings as stored_settings
from storage.space import Space
from storage.types import new_id, now_ms

DISK_LOW_SHARE: Final = 0.1
DISK_TOLD: Final = "disk_told"  # no name of `fedserver.settings`: nobody sets it
MAILS_TRIED_MAX: Final = 10
ANSWER_CHARS_MAX: Final = 1_000
BACKUP_OLD_MS: Final = doctor.BACKUP_DAYS_OLD * 86_400_000


@dataclass(frozen=True, slots=True)
class Overview:
    """What the page of operations shows. Bytes, and ms since 1970."""

    queues: dict[str, Any]
    given_up: list[GivenUp]
    space: Space
    disk_free: int
    disk_total: int
    backup: Last | None
    pruned: pruning.Report | None

    @property
    def disk_is_low(self) -> bool:
        """Whether somebody should make room."""
        return is_low(self.disk_free, self.disk_total)

    @property
    def backup_is_old(self) -> bool:
        """Whether there is none, or none of this week."""
        return self.backup is None or self.backup.made_at < now_ms() - BACKUP_OLD_MS


async def overview(server: Server, member: Member) -> Overview:
    """All of it. Raises Forbidden."""
    require(member, Permission.MANAGE_SETTINGS)
    disk = await asyncio.to_thread(shutil.disk_usage, server.config.data_dir)

    def unit(conn: Connection) -> Overview:
        return Overview(
            queues.status_of(conn),
            queues.given_up(conn),
            space.taken(conn),
            disk.free,
            disk.total,
            making.last(conn),
            pruning.last(conn),
        )

    return await server.db.read(unit)


async def examine(server: Server, member: Member) -> list[doctor.Result]:
    """What the doctor says. Raises Forbidden."""
    require(member, Permission.MANAGE_SETTINGS)
    return await doctor.examine(server.config)


def plan_disk_look(conn: Connection) -> None:
    """Have somebody look whether the disk is full; a unit, for the chores."""
    plan(conn, "look_at_disk", {}, key="disk")


@handles("look_at_disk")
async def look_at_disk(server: Server, _: dict[str, Any]) -> None:
    """Write to those who run the server once the disk is nearly full, and not again before there was room."""
    disk = await asyncio.to_thread(shutil.disk_usage, server.config.data_dir)

    def unit(conn: Connection) -> None:
        told = DISK_TOLD in stored_settings.stored(conn)
        if not is_low(disk.free, disk.total):
            if told:
                stored_settings.drop(conn, DISK_TOLD)
        elif not told:
            stored_settings.put(conn, DISK_TOLD, now_ms())
            about = {"free_mb": disk.free // 1_000_000, "total_mb": disk.total // 1_000_000}
            for account_id in users.staff_ids(conn, roles_with(Permission.MANAGE_SETTINGS)):
                plan_mail(conn, account_id, "disk_low", about)

    await server.db.write(unit)


def is_low(free: int, total: int) -> bool:
    """Whether somebody should make room on a disk, in bytes."""
    return free < max(doctor.FREE_BYTES_LOW, int(total * DISK_LOW_SHARE))


@dataclass(frozen=True, slots=True)
class Tried:
    """A mail that was sent to try it out: to which address, whether it was taken, and what was answered."""

    to: str
    taken: bool
    answer: str


async def try_mail(server: Server, member: Member) -> Tried:
    """Send a mail to the member now, by the way all mails go. Raises Forbidden, RateLimited."""
    require(member, Permission.MANAGE_SETTINGS)
    server.remembered.attempts.take(f"try mail:{member.account_id}", limit=MAILS_TRIED_MAX, seconds=600)

    def unit(conn: Connection) -> tuple[str, str]:
        row = users.by_id(conn, member.account_id)
        return ("" if row is None else row.email), settings.in_force(conn, server.config).title

    to, title = await server.db.read(unit)
    if not to:
        raise NotFound("You have no address here that a mail could go to.")
    envelope = Envelope(to=to, message_id=f"test.{new_id()}", kind="test")
    message = compose(server.config, title, "test", envelope, {"username": member.username})
    try:
        answer, taken = await server.mail.send(message), True
    except Exception as error:  # whatever it is, the admin asked to be told
        answer, taken = f"{type(error).__name__}: {error}", False
    await server.db.write(audit.note, member, "test", ("mail", "", "mail"), after={"taken": taken})
    return Tried(to, taken, clean_line(answer)[:ANSWER_CHARS_MAX])


async def settle(server: Server, member: Member, kind: str, row_id: int, *, again: bool) -> None:
    """Try something that was given up once more, or forget it. Raises Forbidden, Invalid, NotFound."""
    require(member, Permission.MANAGE_SETTINGS)
    if kind not in queues.KINDS:
        raise Invalid({"kind": f"must be one of {', '.join(queues.KINDS)}"})

    def unit(conn: Connection) -> None:
        done = (queues.retry if again else queues.drop)(conn, kind, row_id)
        if not done:
            raise NotFound("There is no such thing among what was given up.")
        audit.note(conn, member, "retry" if again else "drop", (f"failed_{kind}", row_id, str(row_id)))

    await server.db.write(unit)


async def retry_host(server: Server, member: Member, host: str) -> None:
    """Try everything that is meant for a server now. Raises Forbidden, NotFound."""
    require(member, Permission.MANAGE_SETTINGS)

    def unit(conn: Connection) -> None:
        _known(conn, host)
        queues.retry_host(conn, host)
        audit.note(conn, member, "retry", ("deliveries", host, host))

    await server.db.write(unit)


async def drop_host(server: Server, member: Member, host: str) -> None:
    """Forget everything that is meant for a server. Raises Forbidden, NotFound."""
    require(member, Permission.MANAGE_SETTINGS)

    def unit(conn: Connection) -> None:
        _known(conn, host)
        audit.note(conn, member, "drop", ("deliveries", host, host))

    await server.db.write(unit)
    await erasing.in_steps(server, deliveries.drop_some, host)


def _known(conn: Connection, host: str) -> None:
    if instances.by_host(conn, host) is None:
        raise NotFound("No such server is known here.")


async def would_prune(server: Server, member: Member) -> pruning.Report:
    """What would go. Raises Forbidden."""
    require(member, Permission.MANAGE_SETTINGS)
    return await pruning.preview(server)


async def prune_now(server: Server, member: Member) -> None:
    """Have it go now, by job. Raises Forbidden."""
    require(member, Permission.MANAGE_SETTINGS)

    def unit(conn: Connection) -> None:
        plan(conn, "prune", {}, key="prune now")
        audit.note(conn, member, "prune", ("operations", "prune", "prune"))

    await server.db.write(unit)
