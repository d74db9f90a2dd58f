"""Network addresses from which nobody may sign up, or come at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, Final, Literal

from sqlalchemy import Connection

from fedserver.content.text import clean_line
from fedserver.context import Server
from fedserver.errors import Invalid, NotFound
from fedserver.moderation import audit
from fedserver.moderation.permissions import Permission, require
from fedserver.remembered import network_of
from fedserver.viewer import Member
from storage import rules
from storage.paging import Window
from storage.rules import IpRule
from storage.types import now_ms

__all__ = ["IpRule"]

Severity = Literal["sign_up_requires_approval", "sign_up_block", "no_access"]
SEVERITIES: Final[tuple[Severity, ...]] = ("sign_up_requires_approval", "sign_up_block", "no_access")
COMMENT_CHARACTERS_MAX: Final = 1_000
ADDRESSES_KEPT: Final = 4_096
YEAR_SECONDS: Final = 366 * 86_400


@dataclass(frozen=True)
class Networks:
    """The rules in force, and which of them stands for an address."""

    found: Sequence[tuple[IPv4Network | IPv6Network, Severity, int | None]] = ()
    severity_of: Any = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "severity_of", lru_cache(ADDRESSES_KEPT)(self._severity_of))

    def severity(self, client: str) -> Severity | None:
        """The strictest severity for a client's address; None for one without a rule."""
        found: Severity | None = self.severity_of(client) if self.found else None
        return found

    def _severity_of(self, client: str) -> Severity | None:
        address = _address(client)
        if address is None:
            return None
        now = now_ms()
        met = [
            severity
            for network, severity, expires_at in self.found
            if address in network and (expires_at is None or expires_at > now)
        ]
        return max(met, key=SEVERITIES.index, default=None)


async def current(server: Server) -> Networks:
    """The rules in force, remembered until one changes or, as they may run out, for some seconds."""

    async def load() -> Networks:
        found = await server.db.read(rules.ip_rules_in_force, now_ms())
        return Networks([(ip_network(one.network), _severity(one.severity), one.expires_at) for one in found])

    networks: Networks = await server.remembered.networks.get("networks", load)
    return networks


def around(ip: str) -> str:
    """The network that is meant by an address somebody came from: an IPv4 address alone, or the /64 around an IPv6 one."""
    network = network_of(ip)
    return f"{network}/64" if ":" in network and "/" not in network else network


# -- looking after them


async def page(server: Server, member: Member, window: Window) -> list[IpRule]:
    """The rules, the newest first. Raises Forbidden."""
    require(member, Permission.MANAGE_BLOCKS)
    return await server.db.read(rules.ip_rules, window)


async def one(server: Server, member: Member, rule_id: int) -> IpRule:
    """One of them. Raises Forbidden, NotFound."""
    require(member, Permission.MANAGE_BLOCKS)
    return await server.db.read(_one, rule_id)


async def add(
    server: Server,
    member: Member,
    *,
    network: str,
    severity: str,
    comment: str = "",
    expires_in_s: int | None = None,
    client: str = "",
) -> IpRule:
    """A rule for an address or a network. `client` is where the member is: nobody shuts themselves out.

    Raises Forbidden, Invalid.
    """
    require(member, Permission.MANAGE_BLOCKS)
    wanted = _parsed(network)
    values = _checked(wanted, severity, comment, expires_in_s, client)

    def unit(conn: Connection) -> IpRule:
        rules.forget_expired_ip_rules(conn, now_ms())
        made = rules.add_ip_rule(conn, str(wanted), **values)
        if made is None:
            raise Invalid({"ip": "has already been taken"})
        audit.note(conn, member, "create", ("ip_block", made.id, made.network), after=values)
        return made

    made = await server.db.write(unit)
    server.remembered.networks.clear()
    return made


async def change(
    server: Server,
    member: Member,
    rule_id: int,
    *,
    network: str | None = None,
    severity: str | None = None,
    comment: str | None = None,
    expires_in_s: int | None = None,
    endless: bool = False,
    client: str = "",
) -> IpRule:
    """Change what is given; a term that is given begins now, and with `endless` there is none any more.

    Raises Forbidden, NotFound, Invalid.
    """
    require(member, Permission.MANAGE_BLOCKS)

    def unit(conn: Connection) -> IpRule:
        known = _one(conn, rule_id)
        wanted = _parsed(known.network if network is None else network)
        values = _checked(
            wanted,
            known.severity if severity is None else severity,
            known.comment if comment is None else comment,
            expires_in_s,
            client,
        )
        if expires_in_s is None and not endless:
            values["expires_at"] = known.expires_at
        namesake = rules.ip_rule_for(conn, str(wanted))
        if namesake is not None and namesake.id != rule_id:
            raise Invalid({"ip": "has already been taken"})
        rules.change_ip_rule(conn, rule_id, network=str(wanted), **values)
        before = {name: getattr(known, name) for name in ("network", "severity", "comment", "expires_at")}
        after = {"network": str(wanted), **values}
        audit.note(conn, member, "update", ("ip_block", rule_id, known.network), before=before, after=after)
        return _one(conn, rule_id)

    changed = await server.db.write(unit)
    server.remembered.networks.clear()
    return changed


async def remove(server: Server, member: Member, rule_id: int) -> None:
    """Take a rule back. Raises Forbidden, NotFound."""
    require(member, Permission.MANAGE_BLOCKS)

    def unit(conn: Connection) -> None:
        known = _one(conn, rule_id)
        rules.remove_ip_rule(conn, rule_id)
        before = {"severity": known.severity, "comment": known.comment}
        audit.note(conn, member, "destroy", ("ip_block", rule_id, known.network), before=before)

    await server.db.write(unit)
    server.remembered.networks.clear()


def _one(conn: Connection, rule_id: int) -> IpRule:
    found = rules.ip_rule_by_id(conn, rule_id)
    if found is None:
        raise NotFound("Record not found")
    return found


def _checked(
    network: IPv4Network | IPv6Network, severity: str, comment: str, expires_in_s: int | None, client: str
) -> dict[str, Any]:
    if severity not in SEVERITIES:
        raise Invalid({"severity": f"must be one of {', '.join(SEVERITIES)}"})
    if len(comment) > COMMENT_CHARACTERS_MAX:
        raise Invalid({"comment": f"is too long (at most {COMMENT_CHARACTERS_MAX} characters)"})
    if expires_in_s is not None and not 0 < expires_in_s <= 10 * YEAR_SECONDS:
        raise Invalid({"expires_in": "must be a number of seconds, ten years at the most"})
    here = _address(client)
    if severity == "no_access" and here is not None and here in network:
        raise Invalid({"ip": "is where you are: this would shut you out"})
    return {
        "severity": severity,
        "comment": clean_line(comment),
        "expires_at": None if expires_in_s is None else now_ms() + expires_in_s * 1000,
    }


def _parsed(text: str) -> IPv4Network | IPv6Network:
    try:
        network = ip_network(text.strip(), strict=False)
    except ValueError as error:
        raise Invalid({"ip": "must be an address or a network, such as 192.0.2.0/24"}) from error
    if network.prefixlen == 0:
        raise Invalid({"ip": "must not be everybody"})
    return network


def _severity(text: str) -> Severity:
    """A stored severity as its type; an unknown one does least."""
    return next((one for one in SEVERITIES if one == text), SEVERITIES[0])


def _address(client: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(client)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
