"""What waits for those who look after the server, and nothing of what they may not decide about."""

from __future__ import annotations

from sqlalchemy import Connection

from fedserver import settings
from fedserver.context import Server
from fedserver.greeting import GREETED_DAYS
from fedserver.moderation.permissions import Permission, allows
from fedserver.viewer import Member
from storage import domain_lists, greeting, instances, oversight
from storage.domain_lists import ListRow
from storage.instances import InstanceRow
from storage.oversight import Waiting
from storage.types import DAY_MS, now_ms

__all__ = ["Waiting", "failing", "lists", "waiting"]

FAILING_SHOWN: int = 5


async def waiting(server: Server, member: Member) -> Waiting:
    """How much waits; 0 for what is not theirs to decide."""
    role = member.role
    greets = allows(role, Permission.MANAGE_JOINS)
    days = (await settings.current(server)).nudge_days if greets else 0

    def unit(conn: Connection) -> Waiting:
        found = oversight.waiting(conn, member.account_id)
        if not days:
            return found
        now = now_ms()
        first, last = now - GREETED_DAYS * DAY_MS, now - days * DAY_MS
        alone, _ = greeting.left_alone(conn, member.account_id, first, last)
        return found._replace(newcomers=alone.number)

    found = await server.db.read(unit)
    return Waiting(
        cases=found.cases if allows(role, Permission.MANAGE_REPORTS) else 0,
        joins=found.joins if greets else 0,
        appeals=found.appeals if allows(role, Permission.MANAGE_APPEALS) else 0,
        instances=found.instances if allows(role, Permission.VIEW_DASHBOARD) else 0,
        held=found.held if allows(role, Permission.MANAGE_REPORTS) else 0,
        lists=found.lists if allows(role, Permission.MANAGE_FEDERATION) else 0,
        newcomers=found.newcomers,
    )


async def failing(server: Server) -> list[InstanceRow]:
    """The servers that have been out of reach the longest, without those that are kept out anyway."""
    found = await server.db.read(lambda conn: instances.failing(conn, limit=2 * FAILING_SHOWN))
    return [one for one in found if one.policy != "reject"][:FAILING_SHOWN]


async def lists(server: Server, member: Member) -> list[ListRow]:
    """The lists of servers that want a decision, for who may make one."""
    if not allows(member.role, Permission.MANAGE_FEDERATION):
        return []
    return await server.db.read(domain_lists.in_need)
