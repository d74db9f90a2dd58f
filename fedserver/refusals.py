"""Who was refused at the door: remembered for so many days, so that somebody who asks again is known.

Of the address only a keyed digest is kept, by which the same mailbox is known again and from which nobody reads it. What
is remembered goes after the days that the settings say, when somebody is let in after all, and when it is taken away.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import Connection

from fedserver import sealing, settings
from fedserver.config import Config
from fedserver.context import Server
from fedserver.errors import NotFound
from fedserver.moderation import addresses, audit
from fedserver.moderation.permissions import Permission, require
from fedserver.viewer import Member
from storage import refusals
from storage.paging import Window
from storage.refusals import RefusalRow
from storage.types import DAY_MS, now_ms

__all__ = ["RefusalRow"]

Digest = Callable[[str], bytes]


def digester(config: Config) -> Digest:
    """What an address is known by here, however it is written. Reads a small file."""
    digest = sealing.digester(config, "refused at the door")
    return lambda address: digest(addresses.canonical(address))


def remember(
    conn: Connection, config: Config, member: Member, digest: Digest, address: str, reason: str
) -> int:
    """Keep that the member has refused this address, within a unit; for how many days. 0: nothing is kept."""
    days = settings.in_force(conn, config).refusals_days
    if days:
        refusals.add(conn, email_digest=digest(address), reason=reason, actor_id=member.account_id)
    return days


def forget(conn: Connection, digest: Digest, address: str) -> None:
    """Whoever has this address is let in: what was is no matter any more. Within a unit."""
    refusals.remove_of(conn, digest(address))


def known(conn: Connection, digest: Digest, given: Sequence[str]) -> dict[str, list[RefusalRow]]:
    """Earlier refusals of these addresses, the newest first, by address. A unit."""
    digests = {one: digest(one) for one in given}
    found: dict[bytes, list[RefusalRow]] = {}
    for row in refusals.of_addresses(conn, list(set(digests.values()))):
        found.setdefault(bytes(row.email_digest), []).append(row)
    return {one: found[known_by] for one, known_by in digests.items() if known_by in found}


async def page(server: Server, member: Member, window: Window) -> list[RefusalRow]:
    """All that is remembered, the newest first. Raises Forbidden."""
    require(member, Permission.MANAGE_JOINS)
    return await server.db.read(refusals.page, window)


async def remove(server: Server, member: Member, refusal_id: int) -> None:
    """Forget one before its time. Raises Forbidden, NotFound."""
    require(member, Permission.MANAGE_JOINS)

    def unit(conn: Connection) -> None:
        if refusals.by_id(conn, refusal_id) is None:
            raise NotFound("This refusal is not remembered any more.")
        audit.note(conn, member, "destroy", ("refusal", refusal_id, ""))
        refusals.remove(conn, refusal_id)

    await server.db.write(unit)


def forget_old(config: Config, conn: Connection) -> None:
    """Forget what has been kept for as many days as the settings say. A chore."""
    days = settings.in_force(conn, config).refusals_days
    refusals.remove_older(conn, now_ms() - days * DAY_MS)
