"""Finding accounts, hashtags, posts and collections by what somebody typed or pasted; elsewhere only when asked to.

An address or handle is looked up where it belongs; anything else is searched among what is known here. Members find
posts, strangers do not: what a member may see and

* wrote, is mentioned in, liked, bookmarked, boosted or voted on (their library),
* or anybody posted in public whose account says that it may be found (`indexable`),
* or another member of this server posted in public, or to the members or a group of this server: what is said
  here is said to the community, whose memory this is.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, and_, bindparam, exists, or_, select

from activitypub.identifiers import host_of
from fedserver import mentions, search_query, timelines, visibility
from fedserver.content.links import tag_key
from fedserver.context import Server
from fedserver.errors import FedError, Forbidden, NotFound, Unreachable
from fedserver.rendered import Shelf
from fedserver.search_query import Query
from fedserver.viewer import Viewer
from storage import accounts, collections, instances, kept_out, posts, relationships, users
from storage import search as stored
from storage.accounts import AccountRow
from storage.cards import VIEWER, Batch
from storage.search import Bounds, Clause, Scope
from storage.tables import account, bookmark, follow, like, mention, poll_vote, post
from storage.types import now_ms
from storage.words import Sought

log = logging.getLogger("fedserver.search")

QUERY_CHARACTERS_MAX: Final = 500
KINDS: Final = ("accounts", "hashtags", "statuses", "collections")
HOSTS_FOUND_MAX: Final = 10
_OTHER_SCHEMES: Final = re.compile(r"(?:web\+)?(?:ap|activitypub)://", re.IGNORECASE)
# A page of Mastodon's that shows somebody of a third server, and views of its web client.
_FOREIGN_PROFILE: Final = re.compile(r"https?://[^/]+/(?:web/|deck/)?@([^@/]+)@([^@/?#]+)/?$", re.IGNORECASE)
_WEB_CLIENT: Final = re.compile(r"^(https?://[^/]+)/(?:web|deck)/", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for. `resolve` asks other servers about an address or handle that is not known here; posts can
    be narrowed down to those by `account_id` and by id."""

    kinds: Sequence[str] = KINDS
    limit: int = 20
    offset: int = 0
    resolve: bool = False
    following: bool = False
    exclude_unreviewed: bool = False
    account_id: int | None = None
    min_id: int | None = None
    max_id: int | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What was found: rows of accounts and hashtags, posts with what is needed to show them, ids of collections."""

    accounts: list[AccountRow]
    hashtags: list[Row[Any]]
    posts: Batch
    collection_ids: Sequence[int] = ()


async def search(server: Server, viewer: Viewer, text: str, shelf: Shelf, wanted: Wanted) -> Found:
    """Search for whatever a text may mean to this viewer."""
    text = _as_meant(text.strip()[:QUERY_CHARACTERS_MAX])
    viewer_id = viewer.account_id
    if is_address(text):
        return await _at_address(server, viewer_id, text, shelf, wanted)
    found: list[AccountRow] = []
    if "accounts" in wanted.kinds and not text.startswith("#"):
        found = await accounts_named(
            server,
            text,
            limit=wanted.limit,
            offset=wanted.offset,
            resolve=wanted.resolve,
            only_followed=wanted.following,
            viewer_id=viewer_id,
        )
    tags: list[Row[Any]] = []
    key = tag_key(text.removeprefix("#"))
    if "hashtags" in wanted.kinds and key and not text.startswith("@"):
        tags = await server.db.read(
            stored.tags_named,
            key,
            limit=wanted.limit,
            offset=wanted.offset,
            only_reviewed=wanted.exclude_unreviewed,
        )
    post_ids: list[int] = []
    if viewer_id is not None and "statuses" in wanted.kinds and not text.startswith("@"):
        post_ids = await server.db.read(find_posts, server, viewer_id, text, wanted)
    return Found(found, tags, await timelines.some(server, viewer_id, post_ids, shelf))


async def _at_address(
    server: Server, viewer_id: int | None, text: str, shelf: Shelf, wanted: Wanted
) -> Found:
    kind, row_id = ("", 0)
    if not wanted.offset:
        kind, row_id = await _by_address(server, viewer_id, text, resolve=wanted.resolve)
    found: list[AccountRow] = []
    if kind == "account" and "accounts" in wanted.kinds:
        found = await server.db.read(_accounts_by_id, viewer_id, [row_id])
    post_ids = [row_id] if kind == "post" and "statuses" in wanted.kinds else []
    collection_ids = [row_id] if kind == "collection" and "collections" in wanted.kinds else []
    return Found(found, [], await timelines.some(server, viewer_id, post_ids, shelf), collection_ids)


def _as_meant(text: str) -> str:
    """What was pasted as the address or handle it stands for: other schemes, other servers' pages about third ones."""
    text = _OTHER_SCHEMES.sub("https://", text, count=1) if _OTHER_SCHEMES.match(text) else text
    text = text.removeprefix("web+acct:").removeprefix("acct:")
    foreign = _FOREIGN_PROFILE.match(text)
    if foreign is not None:
        return f"@{foreign[1]}@{foreign[2]}"
    return _WEB_CLIENT.sub(r"\1/", text)


# -- posts


def find_posts(conn: Connection, server: Server, viewer_id: int, text: str, wanted: Wanted) -> list[int]:
    """Ids of the posts that a member's query finds, newest first; see the module for which those can be."""
    member = users.by_id(conn, viewer_id)
    query = search_query.read(text, member.time_zone if member is not None else "UTC")
    if not query.asks:
        return []
    clauses = _with_authors(conn, server, viewer_id, query)
    if wanted.account_id is not None:
        clauses.append(_by(wanted.account_id))
    bounds = Bounds(
        above=max(query.above, wanted.min_id or 0),
        below=min(query.below, wanted.max_id if wanted.max_id is not None else query.below),
        holes=tuple(query.holes),
    )
    return stored.posts(
        conn,
        clauses,
        _SHOWN[query.scope],
        bounds,
        limit=wanted.limit,
        offset=wanted.offset,
        ascending=wanted.min_id is not None,
        viewer_id=viewer_id,
        now=now_ms(),
    )


def _with_authors(conn: Connection, server: Server, viewer_id: int, query: Query) -> list[Clause]:
    """The clauses, and a mark for each author; nobody has written anything as one who is not known."""
    clauses = list(query.clauses)
    for handle, wanted in query.authors:
        if handle.lower() == "me":
            clauses.append(_by(viewer_id, wanted=wanted))
            continue
        name, _, domain = handle.strip("@").partition("@")
        ours = not domain or mentions.is_ours(server, domain)
        row = accounts.by_handle(conn, name, "" if ours else domain.lower())
        clauses.append(_by(row.id if row is not None else 0, wanted=wanted))
    return clauses


def _by(account_id: int, *, wanted: bool = True) -> Clause:
    return Clause(Sought((stored.mark("by", account_id),)), wanted)


def _may_be_found(scope: Scope) -> ColumnElement[bool]:
    """Over `post`: what the viewer may see and may find, of those they want to see anything of."""
    author = account.alias("found_author")
    library = or_(
        post.c.account_id == VIEWER,
        exists().where(mention.c.post_id == post.c.id, mention.c.account_id == VIEWER),
        exists().where(like.c.post_id == post.c.id, like.c.account_id == VIEWER),
        exists().where(bookmark.c.post_id == post.c.id, bookmark.c.account_id == VIEWER),
        exists().where(poll_vote.c.post_id == post.c.id, poll_vote.c.account_id == VIEWER),
        _boosted(),
    )
    # Wherever it was written, what is said in a group of theirs is found by its members.
    community = or_(
        post.c.visibility == "group",
        and_(post.c.local, or_(post.c.visibility == "public", post.c.visibility == "members")),
    )
    open_to_all = or_(
        community,
        and_(
            post.c.visibility == "public",
            exists().where(author.c.id == post.c.account_id, author.c.indexable),
        ),
    )
    # A limited account is found by those who follow it alone, and by whoever had to do with the post.
    is_limited = exists().where(author.c.id == post.c.account_id, author.c.limited_at.is_not(None))
    follows = exists().where(
        follow.c.account_id == VIEWER, follow.c.target_id == post.c.account_id, follow.c.accepted
    )
    open_to_all = and_(open_to_all, or_(~is_limited, follows))
    found = {"all": or_(open_to_all, library), "library": library, "public": open_to_all}[scope]
    wanted_author = exists().where(
        author.c.id == post.c.account_id,
        ~relationships.hides(VIEWER, author.c.id, author.c.domain, bindparam("now")),
    )
    return and_(visibility.predicate(VIEWER), found, wanted_author)


def _boosted() -> ColumnElement[bool]:
    boost = post.alias("found_boost")
    return exists().where(boost.c.boost_of_id == post.c.id, boost.c.account_id == VIEWER)


_SHOWN: Final = {scope: partial(_may_be_found, scope) for scope in ("all", "library", "public")}


def find_kind(conn: Connection, viewer_id: int | None, kind: str, text: str, wanted: Wanted) -> list[int]:
    """Ids of events or opportunities that have these words in title, text or place, newest first, of what lists show the viewer:
    strangers find those that are for everybody."""
    query = search_query.read(text)
    if not query.asks or is_address(text) or wanted.account_id is not None:
        return []
    bounds = Bounds(
        above=max(query.above, wanted.min_id or 0),
        below=min(query.below, wanted.max_id if wanted.max_id is not None else query.below),
    )
    return stored.of_kind(
        conn,
        kind,
        query.clauses,
        visibility.listed(viewer_id),
        bounds,
        limit=wanted.limit,
        offset=wanted.offset,
    )


# -- accounts


async def accounts_named(
    server: Server,
    text: str,
    *,
    limit: int,
    offset: int = 0,
    resolve: bool = False,
    only_followed: bool = False,
    viewer_id: int | None = None,
) -> list[AccountRow]:
    """Accounts by handle or name, whom the viewer follows first; those that block the viewer not."""
    text = _as_meant(text.strip()[:QUERY_CHARACTERS_MAX])
    if not text.removeprefix("@"):
        return []
    if is_address(text):
        kind, row_id = await _by_address(server, viewer_id, text, resolve=resolve)
        return await server.db.read(_accounts_by_id, viewer_id, [row_id]) if kind == "account" else []
    name, at, domain = text.removeprefix("@").partition("@")
    if at and mentions.is_ours(server, domain):
        return [] if offset else await server.db.read(_named_here, viewer_id, name)

    def unit(conn: Connection) -> list[AccountRow]:
        found = stored.accounts_named(
            conn, text, viewer_id=viewer_id, limit=limit, offset=offset, only_followed=only_followed
        )
        if viewer_id is None:
            return found
        return [row for row in found if relationships.block_between(conn, row.id, viewer_id) is None]

    rows = await server.db.read(unit)
    whole = (at and "." in domain.strip(".")) or ":" in domain
    if whole and resolve and not offset and not _has(rows, name, domain):
        remote_id = await _remote(server, name, domain)
        if remote_id is not None:
            rows = [
                *await server.db.read(_accounts_by_id, viewer_id, [remote_id]),
                *(row for row in rows if row.id != remote_id),
            ]
    return rows[:limit]


def is_address(text: str) -> bool:
    """Whether somebody pasted an address rather than words."""
    return text.lower().startswith(("https://", "http://")) and not any(blank in text for blank in " \n\t")


def _accounts_by_id(conn: Connection, viewer_id: int | None, account_ids: Sequence[int]) -> list[AccountRow]:
    found = accounts.by_ids(conn, account_ids)
    rows = [found[one] for one in account_ids if one in found and found[one].deleted_at is None]
    return [row for row in rows if visibility.may_know(conn, row, viewer_id)]


def _named_here(conn: Connection, viewer_id: int | None, name: str) -> list[AccountRow]:
    row = accounts.local(conn, name)
    return [row] if row is not None and visibility.may_know(conn, row, viewer_id) else []


def _has(rows: Sequence[AccountRow], name: str, domain: str) -> bool:
    return any(
        row.username_key == name.casefold() and row.domain.casefold() == domain.casefold() for row in rows
    )


async def _by_address(
    server: Server, viewer_id: int | None, address: str, *, resolve: bool
) -> tuple[str, int]:
    """("post", "account" or "collection", id), or ("", 0), also for what the viewer may not know of."""

    def known(conn: Connection) -> tuple[str, int] | None:
        found = posts.by_uri_or_url(conn, address)
        if found is not None:
            return ("post", found.id) if visibility.may_see(conn, found, viewer_id) else ("", 0)
        row = accounts.by_uri(conn, address) or _of_page(conn, server, address)
        if row is not None:
            return ("account", row.id) if visibility.may_know(conn, row, viewer_id) else ("", 0)
        listed = collections.by_uri(conn, address)
        return ("collection", listed.id) if listed is not None else None

    found = await server.db.read(known)
    if found is not None or not resolve or server.uris.is_local(address):
        return found or ("", 0)
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
    query = select(*kept_out.columns()).where(account.c.host == host, account.c.url == address)
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


# -- servers


async def hosts(server: Server, prefix: str) -> list[str]:
    """Other servers that are known here and whose name begins so, without those kept out."""
    prefix = prefix.strip().lower()

    def unit(conn: Connection) -> list[str]:
        found = stored.hosts(conn, prefix, limit=4 * HOSTS_FOUND_MAX)
        closed = instances.closed(conn, found)
        return [host for host in found if host not in closed]

    return (await server.db.read(unit))[:HOSTS_FOUND_MAX] if prefix else []
