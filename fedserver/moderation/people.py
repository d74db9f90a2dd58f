"""Accounts as those who moderate see them: with address, role, where from they come, and what was decided."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final

from sqlalchemy import Connection

from fedserver import admission
from fedserver.admission import JoinRequest
from fedserver.context import Server
from fedserver.errors import Forbidden, Invalid, NotFound
from fedserver.moderation import audit
from fedserver.moderation.permissions import (
    NOT_ALLOWED,
    Permission,
    allows,
    require,
    require_any,
    require_over,
)
from fedserver.trust import STEPS
from fedserver.viewer import Member
from storage import accounts, invites, oversight, rules, users
from storage.accounts import AccountRow
from storage.invites import Inviter
from storage.oversight import Sought, State
from storage.paging import Window
from storage.rules import Origin
from storage.types import now_ms
from storage.users import UserRow

__all__ = ["Sought", "State", "Window"]

SIGHT: Final = Permission.MANAGE_REPORTS | Permission.MANAGE_USERS
"""Either of these lets somebody look at accounts, and decide about them."""
IPS_KEPT_MS: Final = 90 * 86_400_000
STATES: Final[tuple[State, ...]] = (
    "active",
    "pending",
    "disabled",
    "sensitized",
    "silenced",
    "suspended",
)


@dataclass(frozen=True, slots=True)
class Overseen:
    """An account; of members of this server also who they are and where from they came, the latest first."""

    row: AccountRow
    user: UserRow | None
    ips: tuple[Origin, ...] = ()
    invited_by: Inviter | None = None


async def page(
    server: Server, member: Member, sought: Sought, window: Window, ip: str = ""
) -> list[Overseen]:
    """Accounts, the newest first; `ip` is an address or network from which they came. Raises Forbidden, Invalid."""
    require_sight(member)
    network = _network(ip) if ip else None

    def unit(conn: Connection) -> list[Overseen]:
        wanted = sought if network is None else replace(sought, ips=_seen_within(conn, network))
        rows = oversight.page(conn, wanted, window)
        return [_as_seen(member, one) for one in _completed(conn, rows).values()]

    return await server.db.read(unit)


async def one(server: Server, member: Member, account_id: int) -> Overseen:
    """One account. Raises Forbidden, NotFound."""
    require_sight(member)
    return await server.db.read(one_unit, member, account_id)


def one_unit(conn: Connection, member: Member, account_id: int, *, deleted: bool = False) -> Overseen:
    """The same within a unit, by somebody who may look at accounts; with `deleted` also a member who has left. Raises
    NotFound."""
    return _as_seen(member, _one(conn, account_id, deleted=deleted))


def why_not_over(member: Member, found: Overseen) -> str:
    """Why the member may not decide about an account, as a sentence; "" if they may."""
    if found.row.id == member.account_id:
        return "This is you: somebody else decides about you."
    try:
        require_over(member, found.row.id, None if found.user is None else found.user.role)
    except Forbidden:
        return "You decide about those of a lower rank only."
    return ""


def _as_seen(member: Member, found: Overseen) -> Overseen:
    """Mail addresses and those of the network are for those who look after members."""
    if found.user is None or allows(member.role, Permission.MANAGE_USERS):
        return found
    return Overseen(found.row, found.user._replace(email="", email_key=""), invited_by=found.invited_by)


def some(conn: Connection, account_ids: Iterable[int]) -> dict[int, Overseen]:
    """These accounts, within a unit: four statements whatever their number."""
    return _completed(conn, list(accounts.by_ids(conn, account_ids).values()))


def require_sight(member: Member) -> None:
    """Raise Forbidden unless the member may look at accounts."""
    require_any(member, SIGHT)


def _one(conn: Connection, account_id: int, *, deleted: bool = False) -> Overseen:
    found = some(conn, [account_id]).get(account_id)
    if found is None or (found.row.deleted_at is not None and not found.row.domain and not deleted):
        raise NotFound("Record not found")
    return found


def _completed(conn: Connection, rows: list[AccountRow]) -> dict[int, Overseen]:
    members = [row.id for row in rows if not row.domain]
    known, ips = users.by_ids(conn, members), rules.ips_of(conn, members) if members else {}
    by = invites.inviters(conn, members)
    return {
        row.id: Overseen(row, known.get(row.id), tuple(ips.get(row.id, ())), by.get(row.id)) for row in rows
    }


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text.strip(), strict=False)
    except ValueError as error:
        raise Invalid({"ip": "must be an address or a network, such as 192.0.2.0/24"}) from error


def _seen_within(conn: Connection, network: IPv4Network | IPv6Network) -> list[str]:
    if network.prefixlen == network.max_prefixlen:
        return [str(network.network_address)]
    # What all addresses of the network begin with, as text; the rest is compared as numbers.
    whole = network.prefixlen // 8 if network.version == 4 else 0
    prefix = "".join(f"{part}." for part in str(network.network_address).split(".")[:whole])
    return [one for one in oversight.ips_within(conn, prefix) if ip_address(one) in network]


async def let_create_groups(server: Server, member: Member, account_id: int, *, granted: bool) -> Overseen:
    """Grant somebody the right to make groups, or take it back; twice is as once. Raises Forbidden, NotFound."""
    require(member, Permission.ADMINISTRATOR)

    def unit(conn: Connection) -> Overseen:
        found = _one(conn, account_id)
        if found.user is None:
            raise NotFound("Record not found")
        if found.user.may_create_groups == granted:
            return found
        users.change(conn, account_id, may_create_groups=granted)
        audit.note(
            conn,
            member,
            "change_group_creation",
            ("account", account_id, found.row.username),
            before={"may_create_groups": not granted},
            after={"may_create_groups": granted},
        )
        return _one(conn, account_id)

    return await server.db.write(unit)


async def trust(server: Server, member: Member, account_id: int, step: str) -> None:
    """Say how far a member is trusted. Raises Forbidden, NotFound, Invalid."""
    require(member, Permission.MANAGE_USERS)
    if step not in STEPS:
        raise Invalid({"trust": f"must be one of {', '.join(STEPS)}"})

    def unit(conn: Connection) -> None:
        found = _one(conn, account_id)
        if found.user is None:
            raise NotFound("Record not found")
        require_over(member, account_id, found.user.role)
        if found.user.trust != step:
            again = {"new_since_at": now_ms()} if step == "new" else {}
            users.change(conn, account_id, trust=step, **again)
            audit.note(
                conn, member, "change_trust", ("account", account_id, found.row.username),
                before={"trust": found.user.trust}, after={"trust": step},
            )  # fmt: skip

    await server.db.write(unit)


# -- who waits to be let in


async def waiting(server: Server, member: Member) -> list[tuple[JoinRequest, Overseen]]:
    """Who waits to be let in, longest first, with their accounts; where from they came is for those who look after
    members. Raises Forbidden."""
    found = await admission.waiting(server, member)
    known = await server.db.read(some, [one.account_id for one in found])
    sees_all = allows(member.role, Permission.MANAGE_USERS)
    return [
        (one, known[one.account_id] if sees_all else replace(known[one.account_id], ips=()))
        for one in found
        if one.account_id in known
    ]


async def approve(server: Server, member: Member, account_id: int) -> Overseen:
    """Let somebody in who waits. Raises Forbidden (also when they do not wait), NotFound."""
    await _waiting(server, member, account_id)
    await admission.approve(server, member, account_id)
    return await server.db.read(one_unit, member, account_id)


async def reject(server: Server, member: Member, account_id: int) -> Overseen:
    """Refuse somebody who waits, and delete what they entered; as they were. Raises as `approve`."""
    found = await _waiting(server, member, account_id)
    await admission.reject(server, member, account_id)
    return found


async def _waiting(server: Server, member: Member, account_id: int) -> Overseen:
    require(member, Permission.MANAGE_JOINS)
    found = await server.db.read(one_unit, member, account_id)
    require_over(member, account_id, None if found.user is None else found.user.role)
    if found.user is None or found.user.approved_at is not None:
        raise Forbidden(NOT_ALLOWED)
    return found
