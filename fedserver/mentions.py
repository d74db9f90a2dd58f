"""Handles in a text, and the accounts they mean on this server."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from sqlalchemy import Connection

from activitypub.identifiers import Uris
from fedserver.config import Config
from fedserver.content.links import Handle
from fedserver.content.plain import MentionTarget
from storage import accounts
from storage.accounts import AccountRow
from storage.tables.archives import NAMES_DOMAIN


class Home(Protocol):
    """Where a text is written: a Server, or what a command has of one."""

    @property
    def config(self) -> Config: ...

    @property
    def uris(self) -> Uris: ...


def is_ours(server: Home, domain: str | None) -> bool:
    """Whether a handle with this domain (None or "" for none) names somebody here."""
    return (domain or "").lower() in ("", server.config.domain, server.uris.host)


def known(
    conn: Connection, server: Home, handles: Sequence[Handle], *, private: Collection[int] = ()
) -> dict[str, AccountRow]:
    """By the handle's key, the accounts this server knows and may name; one statement. Nobody reads what is said to a
    name in an archive.

    Of private groups only those in `private`: whoever reads a text would learn that they are there.
    """
    pairs = {
        handle.key: (
            accounts.fold(handle.username),
            "" if is_ours(server, handle.domain) else (handle.domain or "").lower(),
        )
        for handle in handles
    }
    found = accounts.by_handles(conn, pairs.values())
    rows = {key: found.get(pair) for key, pair in pairs.items()}
    return {
        key: row
        for key, row in rows.items()
        if row is not None
        and row.suspended_at is None
        and row.deleted_at is None
        and row.domain != NAMES_DOMAIN
        and (not row.hidden or row.id in private)
    }


def targets(rows: dict[str, AccountRow]) -> dict[str, MentionTarget]:
    """What `fedserver.content` needs to make links of them."""
    return {
        key: MentionTarget(row.uri, row.url, f"{row.username}@{row.domain}" if row.domain else row.username)
        for key, row in rows.items()
    }
