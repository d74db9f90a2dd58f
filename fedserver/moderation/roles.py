"""Who has which role, and giving somebody another. What each role may do is in `fedserver.moderation.permissions`."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from fedserver.context import Server
from fedserver.errors import Conflict, Forbidden, Invalid
from fedserver.mail import plan_mail
from fedserver.moderation import audit
from fedserver.moderation.permissions import Permission, require, require_to_appoint
from fedserver.viewer import ROLES, Member, Role
from storage import users
from storage.users import UserRow

SERVING: Final[tuple[Role, ...]] = tuple(role for role in reversed(ROLES) if role != "member")
"""The roles of those who look after something, the highest first."""


async def holders(server: Server, member: Member) -> list[tuple[Role, list[UserRow]]]:
    """Who has a role, by role, the highest first. Raises Forbidden."""
    require(member, Permission.MANAGE_ROLES)
    rows = await server.db.read(lambda conn: users.listed(conn, roles=SERVING))
    return [(role, [row for row in rows if row.role == role]) for role in SERVING]


def may_appoint(member: Member, row: UserRow, role: str) -> bool:
    """Whether the member may give this one this role."""
    try:
        require_to_appoint(member, row.account_id, row.role, role)
    except Forbidden:
        return False
    return True


async def appoint(server: Server, member: Member, username: str, role: str) -> None:
    """Give the member of this name another role, and tell them. Raises Forbidden, Invalid (by field), Conflict."""
    require(member, Permission.MANAGE_ROLES)
    wanted = next((one for one in ROLES if one == role), None)
    if wanted is None:
        raise Invalid({"role": f"must be one of {', '.join(ROLES)}"})

    def unit(conn: Connection) -> int:
        row = users.by_name(conn, username.strip().removeprefix("@"))
        if row is None or row.deleted_at is not None:
            raise Invalid({"username": "is no member of this server"})
        require_to_appoint(member, row.account_id, row.role, wanted)
        if wanted != "member" and not row.is_let_in:
            raise Conflict("Only somebody who can sign in may have this role.")
        give(conn, member, row, wanted)
        return row.account_id

    server.remembered.forget_member(await server.db.write(unit))


def give(conn: Connection, by: Member | None, row: UserRow, role: Role) -> None:
    """The same within a unit, by somebody who may or (None) from the command line. Raises Conflict where it would leave
    no owner."""
    if row.role == role:
        return
    if row.role == "owner" and row.is_let_in and users.count_owners(conn) == 1:
        raise Conflict("This is the only owner. Make another one first.")
    users.change(conn, row.account_id, role=role)
    subject = ("account", row.account_id, row.username)
    audit.note(conn, by, "change_role", subject, before={"role": row.role}, after={"role": role})
    if row.confirmed_at is not None:
        told = {"role": role, "before": row.role, "by": "" if by is None else by.username}
        plan_mail(conn, row.account_id, "role_changed", told)
