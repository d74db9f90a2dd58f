"""Who is really asking: the address past the proxies we trust."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

from aiohttp import web

FORWARDED_HOPS_MAX: Final = 16
_CACHED_ADDRESSES: Final = 4096
# What a proxy adds. Without the one we read, the client stays unknown rather than "this machine".
_SIGNS_OF_A_PROXY: Final = (
    "X-Forwarded-For",
    "X-Forwarded-Proto",
    "X-Forwarded-Host",
    "X-Real-IP",
    "Forwarded",
    "Via",
)

UNKNOWN: Final = "unknown"


class Proxies:
    """Reads ``X-Forwarded-For`` where the connection comes from one of the trusted networks."""

    def __init__(self, trusted: Iterable[str]) -> None:
        self._trusted = tuple(ip_network(net, strict=False) for net in trusted)
        # Clients come back: their addresses are parsed once.
        self._client = lru_cache(_CACHED_ADDRESSES)(self._uncached)

    def client(self, request: web.BaseRequest) -> str:
        """The right-most address that is no trusted proxy; `UNKNOWN` where a proxy does not say.

        A unix socket counts as trusted: only a proxy on this machine can reach it.
        """
        transport = request.transport
        peer = transport.get_extra_info("peername") if transport is not None else None
        address = peer[0] if isinstance(peer, tuple) else ""
        forwarded = request.headers.getall("X-Forwarded-For", ())
        if not forwarded:
            if any(name in request.headers for name in _SIGNS_OF_A_PROXY) and self._trusts(address):
                return UNKNOWN
            return self._client(address, "")
        return self._client(address, ",".join(forwarded))

    def _uncached(self, peer: str, forwarded: str) -> str:
        client = _normal(peer) or peer
        if not self._trusts(peer):
            return client
        hops = forwarded.split(",")[-FORWARDED_HOPS_MAX:] if forwarded else []
        for hop in reversed(hops):
            address = _normal(hop)
            if address is None:
                return UNKNOWN
            client = address
            if not self._trusts(address):
                return address
        return client

    def _trusts(self, text: str) -> bool:
        if not text:
            return True
        address = _parsed(text)
        return address is not None and any(address in net for net in self._trusted)


def is_loopback(client: str) -> bool:
    """Whether the client is this very machine (or whoever may open its unix socket)."""
    if not client:
        return True
    address = _parsed(client)
    return address is not None and address.is_loopback


@lru_cache(_CACHED_ADDRESSES)
def subject(client: str) -> str:
    """The client as limits count it: an IPv6 customer has a whole /64, so that is one subject."""
    address = _parsed(client)
    if isinstance(address, IPv6Address):
        return f"{IPv6Address(int(address) >> 64 << 64)}/64"
    return client


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text.strip().partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _normal(text: str) -> str | None:
    """The address in its one spelling; some proxies write ``1.2.3.4:5678`` or ``[::1]:5678``."""
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    address = _parsed(text)
    return None if address is None else str(address)
