"""From names to addresses: the system's DNS, a given DNS server, or a fixed table, and always a check.

Lookups are asynchronous (c-ares). The system's blocking lookup would run in the few threads everything
else shares, where slow name servers of hostile domains could hold all of them.
"""

import errno
import socket
from collections.abc import Mapping
from typing import Any

from aiohttp import AsyncResolver
from aiohttp.abc import AbstractResolver, ResolveResult

from fedserver.federation.addresses import Network, may_be_dialled

# (name, port) or (name, None for every port) -> (address, port or None to keep the port of the URL)
StaticHosts = Mapping[tuple[str, int | None], tuple[str, int | None]]

LOOKUP_SECONDS = 2.0  # First wait for an answer; asked twice, with a longer second wait.
ADDRESSES_MAX = 4  # Dialled in turn; a name with a hundred dead addresses must not cost a hundred waits.


class AddressRefused(OSError):
    """An address outside the ranges we may contact. An OSError, because it passes through aiohttp."""

    def __init__(self, host: str) -> None:
        super().__init__(errno.EACCES, f"{host} has no address that this server may contact")


class GuardedResolver(AbstractResolver):
    """Resolve names and hand on only those addresses that may be dialled.

    Addresses that may not are dropped, not ignored together with their name: behind DNS64 every name
    with only an IPv4 address also has a synthetic IPv6 one. When nothing is left, AddressRefused.
    """

    def __init__(
        self,
        *,
        allow_nets: tuple[Network, ...] = (),
        static_hosts: StaticHosts | None = None,
        dns: str | None = None,
    ) -> None:
        """`dns` is the `address:port` of the one DNS server to ask; must be made while a loop runs."""
        self._allow_nets = allow_nets
        self._static = static_hosts or {}
        servers: dict[str, Any] = {"nameservers": [dns]} if dns else {}
        self._asked = AsyncResolver(timeout=LOOKUP_SECONDS, tries=2, **servers)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        fixed = self._static.get((host, port)) or self._static.get((host, None))
        if fixed is not None:
            found = [_result(host, fixed[0], fixed[1] or port)]
        else:
            found = await self._asked.resolve(host, port, family)
        allowed = [one for one in found if may_be_dialled(one["host"], self._allow_nets)]
        if not allowed:
            raise AddressRefused(host)
        return allowed[:ADDRESSES_MAX]

    async def close(self) -> None:
        await self._asked.close()


def _result(host: str, address: str, port: int) -> ResolveResult:
    return ResolveResult(
        hostname=host,
        host=address,
        port=port,
        family=socket.AF_INET6 if ":" in address else socket.AF_INET,
        proto=0,
        flags=socket.AI_NUMERICHOST,
    )


def guarded_socket(
    allow_nets: tuple[Network, ...],
    address_info: tuple[socket.AddressFamily | int, socket.SocketKind | int, int, str, tuple[object, ...]],
) -> socket.socket:
    """Make the socket for one address: the last check, on the very address that will be dialled.

    Whatever resolved, cached or rebound the name before, nothing is connected that was not seen here.
    """
    family, kind, protocol, _, sockaddr = address_info
    address = str(sockaddr[0])
    if not may_be_dialled(address, allow_nets):
        raise AddressRefused(address)
    return socket.socket(family, kind, protocol)
