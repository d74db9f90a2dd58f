"""What waits for those who look after the server, and nothing of what they may not decide about."""

from __future__ import annotations

from fedserver.context import Server
from fedserver.moderation.permissions import Permission, allows
from fedserver.viewer import Member
from storage import instances, oversight
from storage.instances import InstanceRow
from storage.oversight import Waiting

__all__ = ["Waiting", "failing", "waiting"]

FAILING_SHOWN: int = 5


async def waiting(server: Server, member: Member) -> Waiting:
    """How much waits; 0 for what is not theirs to decide."""
    found = await server.db.read(oversight.waiting)
    role = member.role
    return Waiting(
        cases=found.cases if allows(role, Permission.MANAGE_REPORTS) else 0,
        joins=found.joins if allows(role, Permission.MANAGE_JOINS) else 0,
        appeals=found.appeals if allows(role, Permission.MANAGE_APPEALS) else 0,
        instances=found.instances if allows(role, Permission.VIEW_DASHBOARD) else 0,
        held=found.held if allows(role, Permission.MANAGE_REPORTS) else 0,
    )


async def failing(server: Server) -> list[InstanceRow]:
    """The servers that have been out of reach the longest, without those that are kept out anyway."""
    found = await server.db.read(lambda conn: instances.failing(conn, limit=2 * FAILING_SHOWN))
    return [one for one in found if one.policy != "reject"][:FAILING_SHOWN]
