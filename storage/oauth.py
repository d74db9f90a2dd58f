"""Apps, authorization codes and access tokens. Codes and tokens are kept as digests only."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, bindparam, delete, exists, insert, select, update

from storage.hot import Hot
from storage.second_factors import has_second_factor
from storage.signals import signal
from storage.tables import account, app, oauth_code, push_subscription, token, user
from storage.types import AnyOf, id_floor, new_id


class AppRow(NamedTuple):
    """A client program. `scopes` are the most it may ask for."""

    id: int
    client_id: str
    client_secret: str
    name: str
    website: str
    redirect_uris: tuple[str, ...]
    scopes: str


class CodeRow(NamedTuple):
    """An authorization code; `token_id` is what its first use got."""

    app_id: int
    account_id: int
    redirect_uri: str
    scopes: str
    challenge: str
    expires_at: int
    token_id: int | None


class TokenHolder(NamedTuple):
    """A token with what decides whether it opens anything. Without `account_id` it is an app's own."""

    id: int
    app_id: int | None
    account_id: int | None
    scopes: str
    last_used_at: int | None
    revoked_at: int | None
    username: str | None
    role: str | None
    confirmed_at: int | None
    approved_at: int | None
    disabled_at: int | None
    suspended_at: int | None
    deleted_at: int | None
    has_second_factor: bool


class Grant(NamedTuple):
    """A token of a member as shown in settings: which app, what it may do, when it was used last (ms)."""

    token_id: int
    app_name: str | None
    website: str | None
    scopes: str
    last_used_at: int | None


def _select_holders() -> Select[Any]:
    return (
        select(
            token.c.id,
            token.c.app_id,
            token.c.account_id,
            token.c.scopes,
            token.c.last_used_at,
            token.c.revoked_at,
            account.c.username,
            user.c.role,
            user.c.confirmed_at,
            user.c.approved_at,
            user.c.disabled_at,
            account.c.suspended_at,
            account.c.deleted_at,
            has_second_factor(token.c.account_id),
        )
        .join_from(token, user, user.c.account_id == token.c.account_id, isouter=True)
        .join(account, account.c.id == token.c.account_id, isouter=True)
    )


_holder: Hot[TokenHolder] = Hot(
    lambda: _select_holders().where(token.c.secret_hash == bindparam("secret_hash")), TokenHolder._make
)
_holders: Hot[TokenHolder] = Hot(
    lambda: _select_holders().where(AnyOf(token.c.id, bindparam("ids"))), TokenHolder._make
)


def add_app(
    conn: Connection,
    *,
    client_id: str,
    client_secret: str,
    name: str,
    website: str,
    redirect_uris: tuple[str, ...],
    scopes: str,
) -> AppRow:
    """Register an app."""
    row = AppRow(new_id(), client_id, client_secret, name, website, redirect_uris, scopes)
    conn.execute(insert(app).values(row._asdict() | {"redirect_uris": json.dumps(redirect_uris)}))
    return row


def _app(row: Any) -> AppRow | None:
    if row is None:
        return None
    found = AppRow._make(row)
    return found._replace(redirect_uris=tuple(json.loads(row.redirect_uris)))


_APP_COLUMNS = [app.c[name] for name in AppRow._fields]


def app_by_id(conn: Connection, app_id: int) -> AppRow | None:
    return _app(conn.execute(select(*_APP_COLUMNS).where(app.c.id == app_id)).first())


def app_by_client_id(conn: Connection, client_id: str) -> AppRow | None:
    return _app(conn.execute(select(*_APP_COLUMNS).where(app.c.client_id == client_id)).first())


def add_code(
    conn: Connection,
    *,
    code_hash: bytes,
    app_id: int,
    account_id: int,
    redirect_uri: str,
    scopes: str,
    challenge: str,
    expires_at: int,
) -> None:
    """Remember an authorization code."""
    conn.execute(
        insert(oauth_code).values(
            code_hash=code_hash,
            app_id=app_id,
            account_id=account_id,
            redirect_uri=redirect_uri,
            scopes=scopes,
            challenge=challenge,
            expires_at=expires_at,
        )
    )


def code(conn: Connection, code_hash: bytes) -> CodeRow | None:
    """A code, used and expired ones included."""
    columns = [oauth_code.c[name] for name in CodeRow._fields]
    row = conn.execute(select(*columns).where(oauth_code.c.code_hash == code_hash)).first()
    return None if row is None else CodeRow._make(row)


def use_code(conn: Connection, code_hash: bytes, token_id: int) -> bool:
    """Bind a code to the token it got; False if it had been used before."""
    used = conn.execute(
        update(oauth_code)
        .where(oauth_code.c.code_hash == code_hash, oauth_code.c.token_id.is_(None))
        .values(token_id=token_id)
    )
    return bool(used.rowcount)


def add_token(
    conn: Connection, *, secret_hash: bytes, app_id: int | None, account_id: int | None, scopes: str, now: int
) -> int:
    """Remember a token; its id carries when it was made."""
    token_id = new_id(now)
    conn.execute(
        insert(token).values(
            id=token_id, secret_hash=secret_hash, app_id=app_id, account_id=account_id, scopes=scopes
        )
    )
    return token_id


def holder(conn: Connection, secret_hash: bytes) -> TokenHolder | None:
    """Whose token this is, revoked ones included."""
    return _holder.first(conn, secret_hash=secret_hash)


def holders(conn: Connection, token_ids: Sequence[int]) -> list[TokenHolder]:
    """Whose tokens these are, revoked ones included."""
    return _holders.run(conn, ids=list(token_ids))


def used(conn: Connection, token_id: int, at_ms: int) -> None:
    """The token was used."""
    conn.execute(update(token).where(token.c.id == token_id).values(last_used_at=at_ms))


def revoke(conn: Connection, token_id: int, now: int) -> None:
    """End a token and its push subscription; every process hears of it (channel ``token``)."""
    conn.execute(
        update(token).where(token.c.id == token_id, token.c.revoked_at.is_(None)).values(revoked_at=now)
    )
    conn.execute(delete(push_subscription).where(push_subscription.c.token_id == token_id))
    signal(conn, "token", str(token_id))


def revoke_all(conn: Connection, account_id: int, now: int) -> None:
    """End every token of a member, and codes that could still become one."""
    conn.execute(delete(oauth_code).where(oauth_code.c.account_id == account_id))
    live = select(token.c.id).where(token.c.account_id == account_id, token.c.revoked_at.is_(None))
    for token_id in conn.scalars(live).all():
        revoke(conn, token_id, now)


def token_is_of(conn: Connection, token_id: int, account_id: int) -> bool:
    """Whether this is a token of this member."""
    query = select(token.c.id).where(token.c.id == token_id, token.c.account_id == account_id)
    return conn.execute(query).first() is not None


def grants(conn: Connection, account_id: int) -> list[Grant]:
    """The member's tokens, newest first."""
    query = (
        select(token.c.id, app.c.name, app.c.website, token.c.scopes, token.c.last_used_at)
        .join_from(token, app, app.c.id == token.c.app_id, isouter=True)
        .where(token.c.account_id == account_id, token.c.revoked_at.is_(None))
        .order_by(token.c.id.desc())
    )
    return [Grant._make(row) for row in conn.execute(query)]


def remove_unused(conn: Connection, now: int, *, app_age_ms: int) -> None:
    """Forget expired codes, revoked tokens, and apps older than `app_age_ms` that nobody has authorized."""
    conn.execute(delete(oauth_code).where(oauth_code.c.expires_at <= now, oauth_code.c.token_id.is_(None)))
    conn.execute(delete(token).where(token.c.revoked_at.is_not(None), token.c.revoked_at < now - app_age_ms))
    unused = ~exists().where(token.c.app_id == app.c.id)
    conn.execute(delete(app).where(app.c.id < id_floor(now - app_age_ms), unused))
