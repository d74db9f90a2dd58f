"""With whom we federate: the admin's rules for other servers, applied to everything that comes in or goes out to ask.

Where only allowed servers are federated with, partners are allowed, and two servers that are not partners yet can become
so: the actors of both are read, and `Offer`, its answers and its end are heard (`is_about_partners`, `meeting`).
"""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection

from activitypub.activities import Activity
from activitypub.identifiers import host_of
from activitypub.values import type_of
from fedserver import settings
from fedserver.context import Server
from fedserver.errors import Forbidden, Refused
from storage import instances, partners
from storage.instances import Rules


async def rules_for(server: Server, host: str) -> Rules:
    """Our rules for a host (authority), those of its parent domains included; remembered for a few seconds."""
    server.peers.listen(server.bus)

    async def load() -> Rules:
        return await server.db.read(rules_unit, host)

    return await server.peers.rules.get(host, load)


def rules_unit(conn: Connection, host: str) -> Rules:
    """The same, as the database has them now. A unit."""
    return instances.rules(conn, host)._replace(partner=partners.is_active(conn, host))


async def federates_with(server: Server, host: str) -> bool:
    """Whether anything may be exchanged with this host."""
    if not server.config.federates:
        return False
    mode = (await settings.current(server)).federation_mode
    return mode != "closed" and admits(mode, await rules_for(server, host), meets=host == server.meets)


def admits(mode: str, rules: Rules, *, meets: bool = False) -> bool:
    """Whether anything is exchanged with a server of these rules in this mode of federation; one that one `meets` need not be
    allowed."""
    if mode == "closed":
        return False
    if mode != "allowlist":
        return rules.policy != "reject"
    if rules.policy in ("reject", "limit"):
        return False
    return rules.policy == "allow" or rules.partner or meets


def meeting(server: Server, host: str) -> Server:
    """The same server, for which this host need not be allowed yet: to read its own actor and hear what it offers."""
    return replace(server, meets=host)


def is_about_partners(activity: Activity) -> bool:
    """Whether this offers to be partners, answers that, or ends it; what is answered or ended must be inside."""
    about = activity.object_type
    if activity.type == "Undo" and about == "Accept" and activity.embedded is not None:
        return type_of(activity.embedded.get("object")) == "Offer"
    return about == {"Offer": "Relationship", "Accept": "Offer", "Reject": "Offer", "Undo": "Offer"}.get(
        activity.type
    )


async def check_incoming(server: Server, host: str) -> None:
    """Raise Forbidden for a server we take nothing from."""
    if not await federates_with(server, host):
        raise Forbidden("This server does not federate with yours.")


async def check_outgoing(server: Server, host: str) -> None:
    """Raise Refused for a server we do not contact."""
    if not await federates_with(server, host):
        raise Refused("This server does not federate with that one.", reason="policy")


async def check_address(server: Server, url: str) -> None:
    """Raise Refused for an address of a server we do not contact, wherever we have it from."""
    host = host_of(url)
    if host is None:
        raise Refused("This is not an address of another server.", reason="url")
    await check_outgoing(server, host)


async def check_not_rejected(server: Server, url: str) -> None:
    """Raise Refused for an address of a server that is kept out by a rule, whatever it is asked for: a page to preview, a file or
    a calendar need not be of a server that federates."""
    host = host_of(url)
    if host is not None and (await rules_for(server, host)).policy == "reject":
        raise Refused("This server does not federate with that one.", reason="policy")
