"""Accounts here and elsewhere: look-ups, profiles, keys, counts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import (
    Connection,
    Row,
    and_,
    bindparam,
    case,
    func,
    insert,
    or_,
    select,
    update,
)

from storage import instances, kept_out, search
from storage.hot import Hot
from storage.signals import signal
from storage.tables import account, account_key
from storage.tables.archives import NAMES_DOMAIN
from storage.types import AnyOf, new_id, now_ms

# Attributes are the table's columns, as `kept_out.columns` has them.
AccountRow = Any
KeyRow = Row[Any]


@dataclass(frozen=True, slots=True)
class RemoteKey:
    """A public key as its owner's actor document lists it: PEM for rsa, multibase for ed25519."""

    uri: str
    algorithm: Literal["rsa", "ed25519"]
    public_key: str


@dataclass(frozen=True, slots=True)
class RemoteAccount:
    """What we keep of an actor elsewhere; texts are already safe, URIs already checked to be of one origin."""

    uri: str
    url: str
    username: str
    domain: str
    host: str
    actor_type: str
    inbox_uri: str
    display_name: str = ""
    note_html: str = ""
    fields: Sequence[dict[str, Any]] = ()
    emojis: Sequence[dict[str, Any]] = ()
    avatar_url: str = ""
    avatar_alt: str = ""
    header_url: str = ""
    header_alt: str = ""
    locked: bool = False
    bot: bool = False
    discoverable: bool = False
    indexable: bool = False
    memorial: bool = False
    also_known_as: Sequence[str] = ()
    moved_to_id: int | None = None
    shared_inbox_uri: str = ""
    outbox_uri: str = ""
    followers_uri: str = ""
    following_uri: str = ""
    featured_uri: str = ""
    collections_uri: str = ""
    show_media: bool = True
    show_media_replies: bool = True
    show_featured: bool = True
    attribution_domains: Sequence[str] = ()
    feature_policy: dict[str, list[str]] | None = None
    created_at: int | None = None
    keys: Sequence[RemoteKey] = field(default=())
    group: dict[str, Any] | None = None  # of a group: columns of `group_account`

    def columns(self) -> dict[str, Any]:
        """The row's values, but for id, counts and times."""
        return {
            "uri": self.uri,
            "url": self.url,
            "username": self.username,
            "username_key": fold(self.username),
            "domain": self.domain,
            "host": self.host,
            "actor_type": self.actor_type,
            "inbox_uri": self.inbox_uri,
            "display_name": self.display_name,
            "note_html": self.note_html,
            "fields": json.dumps(list(self.fields), ensure_ascii=False),
            "emojis": json.dumps(list(self.emojis), ensure_ascii=False),
            "avatar_url": self.avatar_url,
            "avatar_alt": self.avatar_alt,
            "header_url": self.header_url,
            "header_alt": self.header_alt,
            "locked": self.locked,
            "bot": self.bot,
            "discoverable": self.discoverable,
            "indexable": self.indexable,
            "memorial": self.memorial,
            "also_known_as": json.dumps(list(self.also_known_as)),
            "moved_to_id": self.moved_to_id,
            "shared_inbox_uri": self.shared_inbox_uri,
            "outbox_uri": self.outbox_uri,
            "followers_uri": self.followers_uri,
            "following_uri": self.following_uri,
            "featured_uri": self.featured_uri,
            "collections_uri": self.collections_uri,
            "show_media": self.show_media,
            "show_media_replies": self.show_media_replies,
            "show_featured": self.show_featured,
            "attribution_domains": json.dumps(list(self.attribution_domains)),
            "feature_policy": json.dumps(self.feature_policy) if self.feature_policy is not None else "",
        }


_by_id: Hot[AccountRow] = Hot(lambda: select(*kept_out.columns()).where(account.c.id == bindparam("id")))
_by_uri: Hot[AccountRow] = Hot(lambda: select(*kept_out.columns()).where(account.c.uri == bindparam("uri")))
_by_ids: Hot[AccountRow] = Hot(
    lambda: select(*kept_out.columns()).where(AnyOf(account.c.id, bindparam("ids")))
)
_by_uris: Hot[AccountRow] = Hot(
    lambda: select(*kept_out.columns()).where(AnyOf(account.c.uri, bindparam("uris")))
)
_by_handle: Hot[AccountRow] = Hot(
    lambda: select(*kept_out.columns()).where(
        account.c.username_key == bindparam("username_key"), account.c.domain == bindparam("domain")
    )
)
_posted: Hot[Any] = Hot(
    lambda: (
        update(account)
        .where(account.c.id == bindparam("account_id"))
        .values(
            posts_count=account.c.posts_count + 1,
            last_posted_at=case(
                (account.c.last_posted_at > bindparam("at_ms"), account.c.last_posted_at),
                else_=bindparam("at_ms"),
            ),
        )
    )
)


def fold(username: str) -> str:
    """The form of a user name by which two are the same."""
    return username.casefold()


def by_id(conn: Connection, account_id: int) -> AccountRow | None:
    return _by_id.first(conn, id=account_id)


def by_ids(conn: Connection, account_ids: Iterable[int]) -> dict[int, AccountRow]:
    """Those that exist, by id."""
    wanted = set(account_ids)
    return {row.id: row for row in _by_ids.run(conn, ids=wanted)} if wanted else {}


def by_uri(conn: Connection, uri: str) -> AccountRow | None:
    return _by_uri.first(conn, uri=uri)


def by_uris(conn: Connection, uris: Iterable[str]) -> dict[str, AccountRow]:
    """Those that are known, by URI."""
    wanted = set(uris)
    return {row.uri: row for row in _by_uris.run(conn, uris=wanted)} if wanted else {}


def by_handle(conn: Connection, username: str, domain: str) -> AccountRow | None:
    """`domain` is "" for accounts of this server, else lower case and in its IDNA form."""
    return _by_handle.first(conn, username_key=fold(username), domain=domain)


def by_handles(conn: Connection, handles: Iterable[tuple[str, str]]) -> dict[tuple[str, str], AccountRow]:
    """Those that are known, by (folded name, domain)."""
    wanted = {(fold(name), domain) for name, domain in handles}
    if not wanted:
        return {}
    matches = or_(
        *(and_(account.c.username_key == name, account.c.domain == domain) for name, domain in wanted)
    )
    return {
        (row.username_key, row.domain): row
        for row in conn.execute(select(*kept_out.columns()).where(matches))
    }


def local(conn: Connection, username: str) -> AccountRow | None:
    """An account of this server that is still there."""
    row = by_handle(conn, username, "")
    return row if row is not None and row.deleted_at is None else None


def insert_local(conn: Connection, account_id: int, **columns: Any) -> None:
    """A new account of this server; `columns` are those of the table."""
    columns.setdefault("created_at", now_ms())
    conn.execute(
        insert(account).values(
            id=account_id, username_key=fold(columns["username"]), domain="", host="", **columns
        )
    )
    search.put_account(conn, account_id, columns["username"], columns.get("display_name", ""))


def upsert_remote(conn: Connection, remote: RemoteAccount) -> int:
    """Insert or refresh an account elsewhere and replace its keys; its id.

    An older account of another URI under the same handle keeps its row and loses the handle: the origin has
    just said, through WebFinger, whose it is.
    """
    now = now_ms()
    known = by_uri(conn, remote.uri)
    namesake = by_handle(conn, remote.username, remote.domain)
    if namesake is not None and namesake.uri != remote.uri:
        conn.execute(
            update(account)
            .where(account.c.id == namesake.id)
            .values(username_key=f"{namesake.username_key}#{namesake.id}")
        )
    values = remote.columns() | {"fetched_at": now, "gone_since_at": None}
    if known is None:
        account_id = new_id()
        values["created_at"] = remote.created_at or now
        conn.execute(insert(account).values(id=account_id, **values))
        instances.see(conn, [remote.host])
    else:
        account_id = known.id
        if any(getattr(known, name) != value for name, value in remote.columns().items()):
            values["version"] = known.version + 1
        conn.execute(update(account).where(account.c.id == account_id).values(**values))
    if known is None or (known.username, known.display_name) != (remote.username, remote.display_name):
        search.put_account(conn, account_id, remote.username, remote.display_name)
    replace_keys(conn, account_id, remote.keys)
    signal(conn, "account", str(account_id))
    return account_id


def change(conn: Connection, account_id: int, **columns: Any) -> None:
    """Set columns of a profile; whatever shows it is rendered anew."""
    conn.execute(
        update(account).where(account.c.id == account_id).values(version=account.c.version + 1, **columns)
    )
    if "display_name" in columns:
        row = by_id(conn, account_id)
        if row is not None:
            search.put_account(conn, account_id, row.username, row.display_name)
    signal(conn, "account", str(account_id))


def add_to_counts(
    conn: Connection, account_id: int, *, followers: int = 0, following: int = 0, posts: int = 0
) -> None:
    """Move the counts that a profile shows; they never fall below nought."""
    changes = {
        name: func.max(0, column + delta)
        if conn.dialect.name == "sqlite"
        else func.greatest(0, column + delta)
        for name, column, delta in (
            ("followers_count", account.c.followers_count, followers),
            ("following_count", account.c.following_count, following),
            ("posts_count", account.c.posts_count, posts),
        )
        if delta
    }
    if changes:
        conn.execute(update(account).where(account.c.id == account_id).values(**changes))


def posted(conn: Connection, account_id: int, at_ms: int) -> None:
    """Count one more post, and note when the last one was."""
    _posted.run(conn, account_id=account_id, at_ms=at_ms)


def count_local_posts(conn: Connection) -> int:
    """Posts that were written here, as the accounts count them."""
    query = select(func.coalesce(func.sum(account.c.posts_count), 0)).where(account.c.domain == "")
    return int(conn.execute(query).scalar_one())


def count_domains(conn: Connection) -> int:
    """Other domains of which an account is known."""
    query = select(func.count(account.c.domain.distinct())).where(account.c.domain.not_in(("", NAMES_DOMAIN)))
    return int(conn.execute(query).scalar_one())


# -- keys


def key_by_uri(conn: Connection, uri: str) -> KeyRow | None:
    """The key with its owner's row fields: columns of `account_key` and ``owner_uri``."""
    return conn.execute(
        select(account_key, account.c.uri.label("owner_uri"), account.c.domain.label("owner_domain"))
        .join(account, account.c.id == account_key.c.account_id)
        .where(account_key.c.uri == uri)
    ).first()


def keys_of(conn: Connection, account_id: int) -> list[KeyRow]:
    return list(conn.execute(select(account_key).where(account_key.c.account_id == account_id)))


def replace_keys(conn: Connection, account_id: int, keys: Sequence[RemoteKey]) -> None:
    """The keys an actor document lists now are the only ones it has."""
    now = now_ms()
    conn.execute(
        account_key.delete().where(
            or_(account_key.c.account_id == account_id, account_key.c.uri.in_([key.uri for key in keys]))
        )
    )
    if keys:
        unique = {key.uri: key for key in keys}
        conn.execute(
            insert(account_key),
            [
                {
                    "id": new_id(),
                    "uri": key.uri,
                    "account_id": account_id,
                    "algorithm": key.algorithm,
                    "public_key": key.public_key,
                    "fetched_at": now,
                }
                for key in unique.values()
            ],
        )
