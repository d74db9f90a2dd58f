"""With whom we federate: the admin's rules for other servers, applied to everything that comes in or goes out to ask."""

from __future__ import annotations

from activitypub.identifiers import host_of
from fedserver import settings
from fedserver.context import Server
from fedserver.errors import Forbidden, Refused
from storage import instances
from storage.instances import Rules


async def rules_for(server: Server, host: str) -> Rules:
    """Our rules for a host (authority), those of its parent domains included; remembered for a few seconds."""
    server.peers.listen(server.bus)

    async def load() -> Rules:
        return await server.db.read(instances.rules, host)

    return await server.peers.rules.get(host, load)


async def federates_with(server: Server, host: str) -> bool:
    """Whether anything may be exchanged with this host."""
    if not server.config.federates:
        return False
    mode = (await settings.current(server)).federation_mode
    if mode == "closed":
        return False
    policy = (await rules_for(server, host)).policy
    return policy == "allow" if mode == "allowlist" else policy != "reject"


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
