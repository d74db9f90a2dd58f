"""Being found: what our WebFinger, host-meta and NodeInfo say."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any, Final

import msgspec
from sqlalchemy import Connection

from activitypub.discovery import (
    Handle,
    NodeInfo,
    build_host_meta,
    build_jrd,
    build_nodeinfo,
    build_nodeinfo_index,
    parse_resource,
)
from activitypub.errors import Malformed
from activitypub.identifiers import ActorUris, Uris
from fedserver import site
from fedserver.config import Config
from fedserver.context import Server
from fedserver.errors import Gone, NotFound
from storage import accounts
from storage.accounts import AccountRow

SOFTWARE: Final = "fedserver"
RESOURCE_CHARS_MAX: Final = 2048


async def webfinger(server: Server, resource: str) -> bytes:
    """The JRD, as JSON, for a handle (with or without ``acct:`` or ``@``), an actor, a profile page or our origin itself.

    Malformed for anything else, NotFound for whom we do not know, Gone for who was deleted.
    """
    if not resource or len(resource) > RESOURCE_CHARS_MAX:
        raise Malformed("resource must be a handle or an address")
    try:
        asked = parse_resource(resource)
    except Malformed:
        asked = resource.removeprefix("acct:").removeprefix("@")
        if not asked.isascii() or not asked.replace("_", "").replace("-", "").replace(".", "").isalnum():
            raise
        asked = Handle(asked, server.config.domain)
    server.remembered.listen(server.bus)

    async def load() -> bytes:
        return msgspec.json.encode(await server.db.read(_jrd, server.config, server.uris, asked))

    document: bytes = await server.remembered.webfinger.get(asked, load)
    return document


def _jrd(conn: Connection, config: Config, uris: Uris, asked: Handle | str) -> dict[str, Any]:
    row = _account(conn, config, uris, asked)
    if row is None or row.hidden:
        raise NotFound("There is nobody of that name here.")
    if row.deleted_at is not None:  # and suspended with that
        raise Gone("This account has been deleted.")
    if row.suspended_at is not None:
        raise NotFound("There is nobody of that name here.")
    handle = Handle(row.username, config.domain)
    return build_jrd(handle, _addresses(uris, row), subscribe_template=uris.interact())


def _addresses(uris: Uris, row: AccountRow) -> ActorUris:
    if row.uri == uris.instance_actor():
        return uris.instance_uris()
    return uris.group_uris(row.username) if row.actor_type == "Group" else uris.actor_uris(row.username)


def _account(conn: Connection, config: Config, uris: Uris, asked: Handle | str) -> AccountRow | None:
    if isinstance(asked, Handle):
        if asked.host not in (config.domain, uris.host):
            return None
        # FEP-d556: the server itself is the account named like its domain, with or without the port.
        if asked.username.lower() in (config.domain, config.domain.partition(":")[0]):
            return accounts.by_uri(conn, uris.instance_actor())
        return accounts.by_handle(conn, asked.username, "")
    if asked.rstrip("/") == uris.origin:
        return accounts.by_uri(conn, uris.instance_actor())
    name = uris.parse(asked)
    if name is None:
        return None
    if name.kind == "instance_actor":
        return accounts.by_uri(conn, uris.instance_actor())
    if name.kind not in ("actor", "group", "profile"):
        return None
    row = accounts.by_handle(conn, name.value, "")
    is_group = row is not None and row.actor_type == "Group"
    return row if name.kind == "profile" or is_group == (name.kind == "group") else None


def host_meta(server: Server) -> str:
    """The XRD document (RFC 6415)."""
    return build_host_meta(server.uris)


def nodeinfo_index(server: Server) -> dict[str, Any]:
    """The index of NodeInfo documents."""
    return build_nodeinfo_index(server.uris)


async def nodeinfo(server: Server, schema: str) -> dict[str, Any]:
    """NodeInfo of version ``2.0`` or ``2.1``; NotFound for others.

    ``metadata.upstream`` tells clients which API we speak: some refuse software they have not heard of.
    """
    if schema not in ("2.0", "2.1"):
        raise NotFound
    described = await site.describe(server)
    figures = described.figures
    info = NodeInfo(
        software=SOFTWARE,
        version=version("fedserver"),
        open_registrations=described.registrations_open,
        users=figures.members,
        active_month=figures.active_month,
        active_half_year=figures.active_half_year,
        local_posts=figures.posts,
        name=described.settings.title,
        description=described.settings.description,
    )
    return build_nodeinfo(info, version=schema, metadata={"upstream": {"name": "mastodon"}})
