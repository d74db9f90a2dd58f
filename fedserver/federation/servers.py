"""The actor of a server itself, found by its domain: what signs for all of it, and can be a partner.

It is looked for where servers name it: in the index of NodeInfo documents (FEP-2677), as the account named like its domain
(FEP-d556), and at ``/actor``, where Mastodon and others have it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final

from activitypub import names
from activitypub.discovery import Handle, instance_actor_of
from activitypub.errors import ProtocolError
from activitypub.identifiers import host_of, normal_host, origin_of
from fedserver.context import Server
from fedserver.errors import BadAnswer, Invalid
from fedserver.federation import actors, fetch
from fedserver.federation.http import JRD
from fedserver.federation.policy import check_outgoing, meeting
from storage import accounts

TEXT_CHARS_MAX: Final = 500
_PORTS: Final = frozenset({"", "80", "443"})


def host_in(text: str) -> str:
    """The host (authority) that a domain, an address or a handle names. Raises Invalid, under ``host``."""
    said = text.strip()
    if "://" in said:
        found = host_of(said)
    else:
        name, _, port = said.rpartition("@")[2].rstrip("/").partition(":")
        host = normal_host(name) if len(said) <= TEXT_CHARS_MAX else None
        usable = host is not None and "." in host and port.isascii() and (port.isdigit() or not port)
        found = None if not usable else host if port in _PORTS else host_of(f"https://{host}:{port[:6]}")
    if found is None:
        raise Invalid({"host": "must be the name of a server, such as other.example, or an address on it"})
    return found


async def actor_of(server: Server, text: str) -> int:
    """The account of the actor of the server that `text` names: a domain, an address, a handle.

    It need not be allowed yet where only allowed servers are federated with. Raises Invalid (under ``host``), Unreachable.
    """
    host = host_in(text)
    if host in (server.config.domain, server.uris.host):
        raise Invalid({"host": "is this server"})
    problem: BadAnswer | None = None
    async for uri in _named(server, host):
        try:
            account_id = await _application(server, uri)
        except BadAnswer as error:
            problem = error
        else:
            if account_id is not None:
                return account_id
    if problem is not None and problem.status is not None and problem.status >= 500:
        raise problem
    raise Invalid({"host": "has no actor of its own that could be a partner"})


async def _named(server: Server, host: str) -> AsyncIterator[str]:
    """Addresses at which the server's actor may be, the best first."""
    own = await _by_nodeinfo(server, host)
    if own is not None:
        yield own
    with suppress(BadAnswer, ProtocolError):
        uri = (
            await actors.webfinger(meeting(server, host), Handle(host, host), scheme=_scheme(server))
        ).self_uri
        elsewhere = host_of(uri)
        # A domain may leave its handles to a server of another name, which then says itself that it is its actor.
        if elsewhere == host or (elsewhere is not None and await _by_nodeinfo(server, elsewhere) == uri):
            yield uri
    yield f"{_scheme(server)}://{host}/actor"


async def _by_nodeinfo(server: Server, host: str) -> str | None:
    await check_outgoing(meeting(server, host), host)
    try:
        index = await server.http.get_json(
            f"{_scheme(server)}://{host}/.well-known/nodeinfo",
            accept=f"application/json, {names.JRD_JSON}",
            content_types=JRD,
        )
    except BadAnswer:
        return None
    uri = instance_actor_of(index.json)
    return uri if uri is not None and host_of(uri) == host else None


async def _application(server: Server, uri: str) -> int | None:
    host = host_of(uri)
    if host is None or origin_of(uri) is None:
        return None
    account_id = await fetch.account(meeting(server, host), uri, refresh=True)
    row = None if account_id is None else await server.db.read(accounts.by_id, account_id)
    if row is None or row.actor_type != "Application" or row.uri != uri or row.host != host:
        return None
    return account_id


def _scheme(server: Server) -> str:
    return "http" if server.config.testing.allow_http else "https"
