"""Sessions in browsers, and links that prove who reads a mailbox. Secrets are kept as digests only."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from storage.hot import Hot
from storage.second_factors import has_second_factor
from storage.signals import signal
from storage.tables import account, login_session, login_step, mail_token, user
from storage.types import new_id


class SessionRow(NamedTuple):
    """A signed-in browser. Instants in ms."""

    id: int
    account_id: int
    ip: str
    user_agent: str
    last_seen_at: int
    expires_at: int


class SessionHolder(NamedTuple):
    """A session with what decides whether its member may come in."""

    id: int
    account_id: int
    last_seen_at: int
    expires_at: int
    proved_at: int
    has_second_factor: bool
    username: str
    role: str
    confirmed_at: int | None
    approved_at: int | None
    disabled_at: int | None
    suspended_at: int | None
    deleted_at: int | None


class MailTokenRow(NamedTuple):
    """A link in a mail: `purpose` is confirm, reset, login or unsubscribe, `detail` depends on it."""

    purpose: str
    account_id: int
    detail: str
    expires_at: int
    used_at: int | None


_holder = Hot(
    lambda: (
        select(
            login_session.c.id,
            login_session.c.account_id,
            login_session.c.last_seen_at,
            login_session.c.expires_at,
            login_session.c.proved_at,
            has_second_factor(login_session.c.account_id),
            account.c.username,
            user.c.role,
            user.c.confirmed_at,
            user.c.approved_at,
            user.c.disabled_at,
            account.c.suspended_at,
            account.c.deleted_at,
        )
        .join_from(login_session, user, user.c.account_id == login_session.c.account_id)
        .join(account, account.c.id == user.c.account_id)
        .where(login_session.c.secret_hash == bindparam("secret_hash"))
    ),
    SessionHolder._make,
)


def add(
    conn: Connection,
    account_id: int,
    *,
    secret_hash: bytes,
    ip: str,
    user_agent: str,
    now: int,
    expires_at: int,
) -> int:
    """Remember a new session and return its id."""
    session_id = new_id(now)
    conn.execute(
        insert(login_session).values(
            id=session_id,
            secret_hash=secret_hash,
            account_id=account_id,
            ip=ip,
            user_agent=user_agent,
            last_seen_at=now,
            expires_at=expires_at,
            proved_at=now,
        )
    )
    return session_id


def proved(conn: Connection, session_id: int, at_ms: int) -> None:
    """Whoever sits there has proved anew who they are."""
    conn.execute(update(login_session).where(login_session.c.id == session_id).values(proved_at=at_ms))
    signal(conn, "session", str(session_id))


def holder(conn: Connection, secret_hash: bytes) -> SessionHolder | None:
    """Whose session this is, whether or not it has expired."""
    return _holder.first(conn, secret_hash=secret_hash)


def seen(conn: Connection, session_id: int, *, at_ms: int, expires_at: int) -> None:
    """The session was used and lives longer for it."""
    conn.execute(
        update(login_session)
        .where(login_session.c.id == session_id)
        .values(last_seen_at=at_ms, expires_at=expires_at)
    )


def of_member(conn: Connection, account_id: int, now: int) -> list[SessionRow]:
    """The member's sessions that have not expired, most recently used first."""
    query = (
        select(*(login_session.c[name] for name in SessionRow._fields))
        .where(login_session.c.account_id == account_id, login_session.c.expires_at > now)
        .order_by(login_session.c.last_seen_at.desc())
    )
    return [SessionRow._make(row) for row in conn.execute(query)]


def end(conn: Connection, account_id: int, session_id: int) -> bool:
    """End one session of this member; False if it is not theirs or gone."""
    ended = conn.execute(
        delete(login_session).where(
            login_session.c.id == session_id, login_session.c.account_id == account_id
        )
    )
    signal(conn, "session", str(session_id))
    return bool(ended.rowcount)


def end_all(conn: Connection, account_id: int, *, keep: int | None = None) -> None:
    """End every session of this member but `keep`."""
    query = select(login_session.c.id).where(login_session.c.account_id == account_id)
    for session_id in conn.scalars(query).all():
        if session_id != keep:
            end(conn, account_id, session_id)


def remove_expired(conn: Connection, now: int) -> None:
    """Forget sessions, mail links and steps of signing in that are of no use any more."""
    conn.execute(delete(login_step).where(login_step.c.expires_at <= now))
    conn.execute(delete(login_session).where(login_session.c.expires_at <= now))
    conn.execute(delete(mail_token).where(mail_token.c.expires_at <= now))


def add_mail_token(
    conn: Connection, account_id: int, *, purpose: str, secret_hash: bytes, detail: str, expires_at: int
) -> None:
    """Remember what a link sent by mail is good for."""
    conn.execute(
        insert(mail_token).values(
            secret_hash=secret_hash,
            purpose=purpose,
            account_id=account_id,
            detail=detail,
            expires_at=expires_at,
        )
    )


def mail_token_of(conn: Connection, secret_hash: bytes, purpose: str) -> MailTokenRow | None:
    """What a link is good for, used and expired ones included."""
    columns: list[Any] = [mail_token.c[name] for name in MailTokenRow._fields]
    query = select(*columns).where(mail_token.c.secret_hash == secret_hash, mail_token.c.purpose == purpose)
    row = conn.execute(query).first()
    return None if row is None else MailTokenRow._make(row)


def use_mail_token(conn: Connection, secret_hash: bytes, now: int) -> bool:
    """Mark a link as used; False if it was already, so that of two at once only one succeeds."""
    used = conn.execute(
        update(mail_token)
        .where(mail_token.c.secret_hash == secret_hash, mail_token.c.used_at.is_(None))
        .values(used_at=now)
    )
    return bool(used.rowcount)


def drop_mail_tokens(conn: Connection, account_id: int, purpose: str) -> None:
    """Make the member's earlier links of this purpose useless."""
    conn.execute(
        delete(mail_token).where(mail_token.c.account_id == account_id, mail_token.c.purpose == purpose)
    )
