"""Finding accounts, hashtags and posts by what somebody typed or pasted; elsewhere only when asked to.

An address or handle is looked up where it belongs; anything else is searched among what is known here.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, select

from activitypub.identifiers import host_of
from fedserver import mentions, timelines
from fedserver.content.links import tag_key
from fedserver.context import Server
from fedserver.errors import FedError, Forbidden, NotFound, Unreachable
from fedserver.rendered import Shelf
from storage import accounts, cards, posts, relationships
from storage.accounts import AccountRow
from storage.cards import Batch
from storage.tables import account

log = logging.getLogger("fedserver.search")

QUERY_CHARACTERS_MAX: Final = 500
KINDS: Final = ("accounts", "hashtags", "statuses")


@dataclass(frozen=True, slots=True)
class Found:
    """What was found: rows of accounts and hashtags, and posts with what is needed to show them."""

    accounts: list[AccountRow]
    hashtags: list[Row[Any]]
    posts: Batch


async def search(
    server: Server,
    viewer_id: int | None,
    text: str,
    shelf: Shelf,
    *,
    kinds: Sequence[str] = KINDS,
    limit: int = 20,
    offset: int = 0,
    resolve: bool = False,
    following: bool = False,
) -> Found:
    """Search; `resolve` asks other servers about an address or handle that is not known here."""
    text = text.strip()[:QUERY_CHARACTERS_MAX]
    post_ids: list[int] = []
    found: list[AccountRow] = []
    if is_address(text):
        kind, row_id = await _by_address(server, viewer_id, text, resolve=resolve)
        if kind == "post" and "statuses" in kinds:
            post_ids = [row_id]
        if kind == "account" and "accounts" in kinds:
            found = await server.db.read(_accounts_by_id, [row_id])
        batch = await timelines.some(server, viewer_id, post_ids, shelf)
        return Found(found, [], batch)
    if "accounts" in kinds:
        found = await accounts_named(
            server,
            text,
            limit=limit,
            offset=offset,
            resolve=resolve,
            followed_by=viewer_id if following else None,
            viewer_id=viewer_id,
        )
    tags: list[Row[Any]] = []
    key = tag_key(text.removeprefix("#"))
    if "hashtags" in kinds and key and not text.startswith("@"):
        tags = await server.db.read(cards.tags_named, key, limit=limit, offset=offset)
    return Found(found, tags, await timelines.some(server, viewer_id, [], shelf))


async def accounts_named(
    server: Server,
    text: str,
    *,
    limit: int,
    offset: int = 0,
    resolve: bool = False,
    followed_by: int | None = None,
    viewer_id: int | None = None,
) -> list[AccountRow]:
    """Accounts whose handle begins with the text, or whose name contains it; those that block the viewer not."""
    text = text.strip()[:QUERY_CHARACTERS_MAX]
    if not text.removeprefix("@"):
        return []
    if is_address(text):
        kind, row_id = await _by_address(server, viewer_id, text, resolve=resolve)
        return await server.db.read(_accounts_by_id, [row_id]) if kind == "account" else []
    name, at, domain = text.removeprefix("@").partition("@")
    if at and mentions.is_ours(server, domain):
        row = await server.db.read(accounts.local, name)
        return [row] if row is not None and not offset else []
    rows = await server.db.read(_named, text, limit, offset, followed_by, viewer_id)
    whole = (at and "." in domain.strip(".")) or ":" in domain
    if whole and resolve and not offset and not _has(rows, name, domain):
        remote_id = await _remote(server, name, domain)
        if remote_id is not None:
            rows = [
                *await server.db.read(_accounts_by_id, [remote_id]),
                *(row for row in rows if row.id != remote_id),
            ]
    return rows[:limit]


def is_address(text: str) -> bool:
    """Whether somebody pasted an address rather than words."""
    return text.startswith(("https://", "http://")) and not any(blank in text for blank in " \n\t")


def _named(
    conn: Connection, text: str, limit: int, offset: int, followed_by: int | None, viewer_id: int | None
) -> list[AccountRow]:
    rows = accounts.search(conn, text, limit=limit, offset=offset, followed_by=followed_by)
    if viewer_id is None:
        return rows
    return [row for row in rows if relationships.block_between(conn, row.id, viewer_id) is None]


def _accounts_by_id(conn: Connection, account_ids: Sequence[int]) -> list[AccountRow]:
    found = accounts.by_ids(conn, account_ids)
    return [found[one] for one in account_ids if one in found and found[one].deleted_at is None]


def _has(rows: Sequence[AccountRow], name: str, domain: str) -> bool:
    return any(
        row.username_key == name.casefold() and row.domain.casefold() == domain.casefold() for row in rows
    )


async def _by_address(
    server: Server, viewer_id: int | None, address: str, *, resolve: bool
) -> tuple[str, int]:
    """("post" or "account", id), or ("", 0)."""

    def known(conn: Connection) -> tuple[str, int]:
        post = posts.by_uri_or_url(conn, address)
        if post is not None:
            return "post", post.id
        row = accounts.by_uri(conn, address) or _of_page(conn, server, address)
        return ("account", row.id) if row is not None else ("", 0)

    found = await server.db.read(known)
    if found[0] or not resolve or server.uris.is_local(address):
        return found
    from fedserver.federation import fetch

    try:
        return await fetch.resolve(server, address) or ("", 0)
    except (Unreachable, NotFound, Forbidden) as error:
        _told(address, error)
        return "", 0


def _of_page(conn: Connection, server: Server, address: str) -> AccountRow | None:
    """The account whose profile page this is."""
    ours = server.uris.parse(address)
    if ours is not None:
        return accounts.local(conn, ours.value) if ours.kind == "profile" else None
    host = host_of(address)
    query = select(account).where(account.c.host == host, account.c.url == address)
    return conn.execute(query).first() if host else None


async def _remote(server: Server, name: str, domain: str) -> int | None:
    from fedserver.federation import fetch

    try:
        return await fetch.account_by_handle(server, name, domain)
    except (Unreachable, NotFound, Forbidden) as error:
        _told(f"{name}@{domain}", error)
        return None


def _told(what: str, error: FedError) -> None:
    log.info("A search found nothing elsewhere for %r: %s", what[:200], error)


@dataclass(frozen=True, slots=True)
class UnusedTag:
    """A hashtag that no post has; `id` is 0."""

    id: int
    key: str
    name: str


async def tag(server: Server, name: str) -> Row[Any] | UnusedTag:
    """The hashtag of this name, used or not. Raises NotFound for what can be none."""
    key = tag_key(name.removeprefix("#"))
    if not key or any(blank in key for blank in " #/?"):
        raise NotFound("Record not found")
    return await server.db.read(cards.tag, key) or UnusedTag(0, key, name)
