"""Members keep a whole server out for themselves: they see and hear nothing of its people, and share nothing.

What moderators decide about servers for everybody is `fedserver.moderation.domains`' business.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection, Row

from fedserver import mentions, notifications, relationships
from fedserver.context import Server
from fedserver.errors import Invalid
from fedserver.jobs.handlers import handles
from fedserver.jobs.plan import plan
from fedserver.moderation.domains import normal_domain
from fedserver.notifications import Lost
from fedserver.viewer import Member
from storage import domain_blocks, timelines
from storage.domain_blocks import Ties
from storage.paging import Window
from storage.signals import signal

__all__ = ["Ties"]

STEP_FOLLOWS: Final = 50
MINUTES_MAX: Final = 30


async def listed(server: Server, member: Member, window: Window) -> list[Row[Any]]:
    """(id, domain) of the servers a member keeps out, the last first."""
    return await server.db.read(domain_blocks.page, member.account_id, window)


async def preview(server: Server, member: Member, domain: str) -> Ties:
    """What would end. Raises Invalid."""
    return await server.db.read(domain_blocks.ties, member.account_id, _checked(server, domain))


async def block(server: Server, member: Member, domain: str) -> None:
    """Keep a server out: follows in both directions end, and its people know. Raises Invalid.

    Of many follows some end now and the rest in a job.
    """
    await server.db.write(_block, server, member.account_id, _checked(server, domain))


def _block(conn: Connection, server: Server, account_id: int, domain: str) -> None:
    if not domain_blocks.add(conn, account_id, domain):
        return
    followers, following = domain_blocks.ties(conn, account_id, domain)
    notifications.severed(conn, "user_domain_block", domain, [Lost(account_id, followers, following)])
    domain_blocks.remove_notifications(conn, account_id, domain)
    timelines.empty_home_of_domain(conn, account_id, domain)
    if _part_some(conn, server, account_id, domain):
        payload = {"account_id": account_id, "domain": domain}
        plan(conn, "part_from_domain", payload, key=f"{account_id}:{domain}")
    signal(conn, "relationship", str(account_id))


async def unblock(server: Server, member: Member, domain: str) -> None:
    """Let a server in again; what ended stays so. Raises Invalid."""

    def unit(conn: Connection) -> None:
        domain_blocks.remove(conn, member.account_id, name)
        signal(conn, "relationship", str(member.account_id))

    name = _checked(server, domain)
    await server.db.write(unit)


@handles("part_from_domain", timeout_seconds=MINUTES_MAX * 60)
async def part_from_domain(server: Server, payload: dict[str, Any]) -> None:
    """End the rest of the follows between a member and the people of a server that they keep out."""
    account_id, domain = payload["account_id"], payload["domain"]
    while await server.db.write(_part_some, server, account_id, domain):
        pass


def _part_some(conn: Connection, server: Server, account_id: int, domain: str) -> bool:
    """Whether there may be more."""
    if not domain_blocks.is_kept_out(conn, account_id, domain):
        return False
    found = domain_blocks.follows(conn, account_id, domain, limit=STEP_FOLLOWS)
    for row in found:
        relationships.end_follow(conn, server.publish, row, account_id)
    return len(found) == STEP_FOLLOWS


def _checked(server: Server, domain: str) -> str:
    name = normal_domain(domain)
    if mentions.is_ours(server, name):
        raise Invalid({"domain": "is this server"}, "Validation failed: You cannot block this server")
    return name
