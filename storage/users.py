"""Members: their account here, how they sign in, what they prefer. Sessions are in `storage.sessions`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, bindparam, delete, func, insert, or_, select, update

from storage import kept_out
from storage.hot import Hot, insert_row
from storage.signals import signal
from storage.tables import account, follow, member_day, tombstone, user
from storage.types import DAY_MS, now_ms

MEMBERS_LISTED_MAX = 1_000


class UserRow(NamedTuple):
    """A member: the account's name and standing, and everything of the user row. Instants in ms."""

    account_id: int
    username: str
    display_name: str
    uri: str
    suspended_at: int | None
    deleted_at: int | None
    email: str
    email_key: str
    password_hash: str
    role: str
    locale: str
    time_zone: str
    default_visibility: str
    default_sensitive: bool
    default_language: str
    default_quote_policy: str
    mail_kinds: str
    appearance: str
    answers: str
    trust: str
    vouched_at: int | None
    new_since_at: int | None
    invite_id: int | None
    may_create_groups: bool
    bytes_max: int | None
    created_at: int
    confirmed_at: int | None
    approved_at: int | None
    disabled_at: int | None
    last_active_at: int | None

    @property
    def wants_mail(self) -> frozenset[str]:
        """The kinds of notification this member wants by mail."""
        return frozenset(json.loads(self.mail_kinds))

    @property
    def reason(self) -> str:
        """What they answered to the first question that was asked when they wanted to join."""
        answers = json.loads(self.answers)
        return answers[0]["answer"] if answers else ""

    @property
    def is_let_in(self) -> bool:
        """Whether the member may sign in: address confirmed, approved, neither disabled nor suspended."""
        return bool(self.confirmed_at and self.approved_at) and not (
            self.disabled_at or self.suspended_at or self.deleted_at
        )


_ACCOUNT_COLUMNS = ("username", "display_name", "uri", "suspended_at", "deleted_at")


def _select_user() -> Select[Any]:
    columns = [account.c[name] if name in _ACCOUNT_COLUMNS else user.c[name] for name in UserRow._fields]
    return select(*columns).join_from(user, account, account.c.id == user.c.account_id)


def _user_row(values: Any) -> UserRow:
    row = UserRow._make(values)
    # SQLite's driver gives 0 and 1.
    return row._replace(
        default_sensitive=bool(row.default_sensitive), may_create_groups=bool(row.may_create_groups)
    )


# Of a member, beside the columns of the account, what surrounds each of their pages.
_PREFERENCES = ("role", "trust", "appearance", "default_visibility", "default_sensitive", "default_language")


def _select_around() -> Select[Any]:
    asker = account.alias("asker")
    asking = (
        select(follow.c.id)
        .join(asker, asker.c.id == follow.c.account_id)
        .where(
            follow.c.target_id == bindparam("account_id"),
            follow.c.accepted.is_(False),
            kept_out.shows(asker),
        )
        .limit(bindparam("counted_max"))
        .subquery()
    )
    return (
        select(
            account,
            *(user.c[name] for name in _PREFERENCES),
            select(func.count()).select_from(asking).scalar_subquery().label("requests"),
        )
        .join_from(user, account, account.c.id == user.c.account_id)
        .where(user.c.account_id == bindparam("account_id"))
    )


AROUND: Hot[Any] = Hot(_select_around)
"""A member's account (``account_id``), all columns of it, with what surrounds their pages: role, preferences, and
`requests`, how many ask to follow them, counted up to ``counted_max``."""

_by_id = Hot(lambda: _select_user().where(user.c.account_id == bindparam("account_id")), _user_row)
_by_email = Hot(lambda: _select_user().where(user.c.email_key == bindparam("email_key")), _user_row)
_by_name = Hot(
    lambda: _select_user().where(account.c.username_key == bindparam("username_key"), account.c.domain == ""),
    _user_row,
)


def name_is_taken(conn: Connection, username_key: str, uris: tuple[str, ...]) -> bool:
    """Whether an account or group here has this name, or had one of these `uris` in the past."""
    held = select(account.c.id).where(account.c.username_key == username_key, account.c.domain == "")
    past = select(tombstone.c.uri).where(tombstone.c.uri.in_(uris))
    return conn.execute(held).first() is not None or conn.execute(past).first() is not None


def add(
    conn: Connection,
    account_id: int,
    *,
    email: str,
    email_key: str,
    password_hash: str,
    role: str,
    locale: str,
    time_zone: str,
    answers: str,
    trust: str,
    invite_id: int | None,
    confirmed: bool,
    approved: bool,
) -> None:
    """Make the account's owner a member. The database refuses an e-mail address that is taken."""
    now = now_ms()
    conn.execute(
        insert(user).values(
            account_id=account_id,
            email=email,
            email_key=email_key,
            password_hash=password_hash,
            role=role,
            locale=locale,
            time_zone=time_zone,
            answers=answers,
            trust=trust,
            invite_id=invite_id,
            created_at=now,
            confirmed_at=now if confirmed else None,
            approved_at=now if approved else None,
        )
    )


def by_id(conn: Connection, account_id: int) -> UserRow | None:
    """The member with this account."""
    return _by_id.first(conn, account_id=account_id)


def by_ids(conn: Connection, account_ids: Iterable[int]) -> dict[int, UserRow]:
    """The members among these accounts."""
    wanted = list(account_ids)
    if not wanted:
        return {}
    found = conn.execute(_select_user().where(user.c.account_id.in_(wanted)))
    return {row.account_id: row for row in (_user_row(tuple(one)) for one in found)}


def by_email(conn: Connection, email_key: str) -> UserRow | None:
    """The member with this (folded) e-mail address."""
    return _by_email.first(conn, email_key=email_key)


def by_name(conn: Connection, username: str) -> UserRow | None:
    """The member with this user name, in any case."""
    return _by_name.first(conn, username_key=username.casefold())


def lock(conn: Connection, account_id: int) -> None:
    """Have other units that lock this member wait until this one ends."""
    query = select(user.c.account_id).where(user.c.account_id == account_id)
    conn.execute(query.with_for_update(key_share=True)).first()


def change(conn: Connection, account_id: int, /, **values: Any) -> None:
    """Set columns of the user row and tell every process (channel ``user``)."""
    conn.execute(update(user).where(user.c.account_id == account_id).values(**values))
    signal(conn, "user", str(account_id))


def touch(conn: Connection, account_id: int, at_ms: int) -> None:
    """Remember that the member was here; nobody needs to hear of it."""
    conn.execute(update(user).where(user.c.account_id == account_id).values(last_active_at=at_ms))
    insert_row(conn, member_day, {"day": at_ms // DAY_MS, "account_id": account_id}, unless_there=True)


def forget_days(conn: Connection, before_day: int) -> None:
    """Forget who was here before this day (since 1970)."""
    conn.execute(delete(member_day).where(member_day.c.day < before_day))


def listed(conn: Connection, *, roles: Sequence[str] = (), limit: int = MEMBERS_LISTED_MAX) -> list[UserRow]:
    """Members who are not deleted, by name, or those of them with one of these `roles`."""
    query = _select_user().where(account.c.deleted_at.is_(None)).order_by(account.c.username_key).limit(limit)
    if roles:
        query = query.where(user.c.role.in_(roles))
    return [_user_row(tuple(row)) for row in conn.execute(query)]


def waiting(conn: Connection, *, after_id: int = 0, limit: int = MEMBERS_LISTED_MAX) -> list[UserRow]:
    """Who confirmed the address and waits for approval, longest first; `after_id` is the account of the last of the
    page before."""
    query = _select_user().where(user.c.approved_at.is_(None), user.c.confirmed_at.is_not(None))
    query = query.where(user.c.account_id > after_id).order_by(user.c.account_id).limit(limit)
    return [_user_row(tuple(row)) for row in conn.execute(query)]


def count_waiting(conn: Connection) -> int:
    """How many confirmed their address and wait for approval."""
    query = select(func.count()).where(user.c.approved_at.is_(None), user.c.confirmed_at.is_not(None))
    return int(conn.execute(query).scalar_one())


def asked_since(conn: Connection, since_ms: int) -> list[int]:
    """When those asked to join who did so by themselves after this instant, the first first."""
    query = select(user.c.created_at).where(
        user.c.created_at > since_ms,
        user.c.invite_id.is_(None),
        # Whom an admin made was confirmed from the beginning.
        or_(user.c.confirmed_at.is_(None), user.c.confirmed_at > user.c.created_at),
    )
    return list(conn.scalars(query.order_by(user.c.created_at)))


def staff_ids(conn: Connection, roles: Sequence[str] = ("moderator", "admin", "owner")) -> list[int]:
    """Those who moderate and can act, or those with one of these `roles`."""
    query = (
        select(user.c.account_id)
        .join(account, account.c.id == user.c.account_id)
        .where(
            user.c.role.in_(roles),
            user.c.disabled_at.is_(None),
            account.c.suspended_at.is_(None),
        )
    )
    return list(conn.scalars(query))


def count_owners(conn: Connection) -> int:
    """Owners who can sign in."""
    query = (
        select(func.count())
        .select_from(user.join(account, account.c.id == user.c.account_id))
        .where(user.c.role == "owner", user.c.disabled_at.is_(None), account.c.suspended_at.is_(None))
    )
    return int(conn.execute(query).scalar_one())


def count(conn: Connection) -> int:
    """Members who were let in."""
    query = select(func.count()).where(user.c.approved_at.is_not(None), user.c.confirmed_at.is_not(None))
    return int(conn.execute(query).scalar_one())


def count_active(conn: Connection, since_ms: int) -> int:
    """Members who were here since this instant."""
    query = select(func.count()).select_from(user).where(user.c.last_active_at >= since_ms)
    return int(conn.execute(query).scalar_one())


def remove_with_account(conn: Connection, account_id: int) -> None:
    """Forget somebody who was never let in, so that the name is free again."""
    conn.execute(delete(account).where(account.c.id == account_id))
    signal(conn, "user", str(account_id))


def empty(conn: Connection, account_id: int) -> None:
    """Forget who somebody was who has left: address, password, what they said when they wanted to join. The row itself, by which
    everything hangs that is only theirs, goes when that has gone."""
    change(
        conn, account_id, email="", email_key=str(account_id), password_hash="", role="member", answers="[]",
        disabled_at=now_ms(),
    )  # fmt: skip


def remove(conn: Connection, account_id: int) -> None:
    """Delete the user row and with it every session, token, bookmark, home entry and notification that is left."""
    conn.execute(delete(user).where(user.c.account_id == account_id))
    signal(conn, "user", str(account_id))


def never_confirmed(conn: Connection, before_ms: int) -> list[int]:
    """Accounts that signed up before this instant and never confirmed their address."""
    query = select(user.c.account_id).where(user.c.confirmed_at.is_(None), user.c.created_at < before_ms)
    return list(conn.scalars(query))


def with_own_room(conn: Connection) -> list[tuple[str, int]]:
    """Members whose files may take more or less than everybody's, in bytes, by name."""
    query = (
        select(account.c.username, user.c.bytes_max)
        .join(account, account.c.id == user.c.account_id)
        .where(user.c.bytes_max.is_not(None))
    )
    return [(str(row[0]), int(row[1])) for row in conn.execute(query.order_by(account.c.username))]
