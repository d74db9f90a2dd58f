"""Second factors: codes of an app, passkeys, recovery codes; and the steps of signing in that wait for one.

Secrets are kept sealed or as digests; who may see or change what is no matter of this module.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, bindparam, delete, exists, func, insert, or_, select, update

from storage.hot import Hot, insert_row
from storage.signals import signal
from storage.tables import login_step, passkey, recovery_code, totp
from storage.types import new_id


class TotpRow(NamedTuple):
    """The codes of a member's app. Instants in ms."""

    account_id: int
    sealed: bytes
    last_step: int
    created_at: int
    confirmed_at: int | None


class PasskeyRow(NamedTuple):
    """A passkey."""

    id: int
    account_id: int
    credential_id: bytes
    public_key: bytes
    sign_count: int
    name: str
    last_used_at: int | None


class StepRow(NamedTuple):
    """What waits for the next step of signing in. `account_id` is None where the step says who it is."""

    purpose: str
    account_id: int | None
    target: str
    expires_at: int


def has_second_factor(account_id: ColumnElement[Any]) -> ColumnElement[bool]:
    """For queries: whether this member has a second factor."""
    return or_(
        exists().where(totp.c.account_id == account_id, totp.c.confirmed_at.is_not(None)),
        exists().where(passkey.c.account_id == account_id),
    ).label("has_second_factor")


# -- codes of an app


def totp_of(conn: Connection, account_id: int) -> TotpRow | None:
    """The member's codes, confirmed or not."""
    columns: list[Any] = [totp.c[name] for name in TotpRow._fields]
    row = conn.execute(select(*columns).where(totp.c.account_id == account_id)).first()
    return None if row is None else TotpRow._make(row)


def begin_totp(conn: Connection, account_id: int, sealed: bytes, now: int) -> None:
    """Keep a new secret, which holds once it is confirmed; it takes the place of one that is not."""
    conn.execute(delete(totp).where(totp.c.account_id == account_id, totp.c.confirmed_at.is_(None)))
    insert_row(conn, totp, {"account_id": account_id, "sealed": sealed, "created_at": now}, unless_there=True)


def confirm_totp(conn: Connection, account_id: int, now: int) -> None:
    """The codes hold from now on."""
    conn.execute(update(totp).where(totp.c.account_id == account_id).values(confirmed_at=now))
    signal(conn, "user", str(account_id))


def use_step(conn: Connection, account_id: int, step: int) -> bool:
    """A code of this step was given; False if one of it, or of a later one, was before."""
    used = conn.execute(
        update(totp).where(totp.c.account_id == account_id, totp.c.last_step < step).values(last_step=step)
    )
    return bool(used.rowcount)


def remove_totp(conn: Connection, account_id: int) -> bool:
    """Forget the member's codes; False if there were none that held."""
    removed = conn.execute(
        delete(totp).where(totp.c.account_id == account_id, totp.c.confirmed_at.is_not(None))
    )
    conn.execute(delete(totp).where(totp.c.account_id == account_id))
    signal(conn, "user", str(account_id))
    return bool(removed.rowcount)


# -- passkeys


_by_credential: Hot[PasskeyRow] = Hot(
    lambda: select(*(passkey.c[name] for name in PasskeyRow._fields)).where(
        passkey.c.credential_id == bindparam("credential_id")
    ),
    PasskeyRow._make,
)


def passkeys_of(conn: Connection, account_id: int) -> list[PasskeyRow]:
    """The member's passkeys, the oldest first."""
    columns: list[Any] = [passkey.c[name] for name in PasskeyRow._fields]
    query = select(*columns).where(passkey.c.account_id == account_id).order_by(passkey.c.id)
    return [PasskeyRow._make(row) for row in conn.execute(query)]


def passkey_by_credential(conn: Connection, credential_id: bytes) -> PasskeyRow | None:
    """The passkey with this id of its maker's."""
    return _by_credential.first(conn, credential_id=credential_id)


def add_passkey(
    conn: Connection, account_id: int, *, credential_id: bytes, public_key: bytes, sign_count: int, name: str
) -> bool:
    """Keep a passkey; False if it is known already."""
    values = {
        "id": new_id(),
        "account_id": account_id,
        "credential_id": credential_id,
        "public_key": public_key,
        "sign_count": sign_count,
        "name": name,
    }
    added = insert_row(conn, passkey, values, unless_there=True)
    signal(conn, "user", str(account_id))
    return added


def used_passkey(conn: Connection, passkey_id: int, *, sign_count: int, now: int) -> None:
    """It was used, and counts so many signatures."""
    conn.execute(
        update(passkey).where(passkey.c.id == passkey_id).values(sign_count=sign_count, last_used_at=now)
    )


def remove_passkey(conn: Connection, account_id: int, passkey_id: int) -> str | None:
    """Forget one of the member's passkeys; its name, or None if there is none of this id."""
    mine = (passkey.c.account_id == account_id, passkey.c.id == passkey_id)
    name: str | None = conn.scalar(select(passkey.c.name).where(*mine))
    conn.execute(delete(passkey).where(*mine))
    signal(conn, "user", str(account_id))
    return name


# -- recovery codes


def put_codes(conn: Connection, account_id: int, hashes: Iterable[bytes]) -> None:
    """These codes take the place of all earlier ones."""
    conn.execute(delete(recovery_code).where(recovery_code.c.account_id == account_id))
    conn.execute(insert(recovery_code), [{"code_hash": one, "account_id": account_id} for one in hashes])


def use_code(conn: Connection, account_id: int, code_hash: bytes, now: int) -> bool:
    """Use one up; False if the member has none like it left."""
    used = conn.execute(
        update(recovery_code)
        .where(
            recovery_code.c.code_hash == code_hash,
            recovery_code.c.account_id == account_id,
            recovery_code.c.used_at.is_(None),
        )
        .values(used_at=now)
    )
    return bool(used.rowcount)


def count_codes(conn: Connection, account_id: int) -> int:
    """How many are left."""
    left = (recovery_code.c.account_id == account_id, recovery_code.c.used_at.is_(None))
    return int(conn.execute(select(func.count()).where(*left)).scalar_one())


def remove_codes(conn: Connection, account_id: int) -> None:
    """Forget them all."""
    conn.execute(delete(recovery_code).where(recovery_code.c.account_id == account_id))


def remove_all(conn: Connection, account_id: int) -> bool:
    """Forget every second factor of this member; False if there was none."""
    removed = conn.execute(delete(passkey).where(passkey.c.account_id == account_id)).rowcount
    remove_codes(conn, account_id)
    return remove_totp(conn, account_id) or bool(removed)


# -- steps of signing in


def add_step(
    conn: Connection,
    secret_hash: bytes,
    *,
    purpose: str,
    account_id: int | None,
    target: str,
    expires_at: int,
) -> None:
    """Remember that something waits for its next step."""
    values = {
        "secret_hash": secret_hash,
        "purpose": purpose,
        "account_id": account_id,
        "target": target,
        "expires_at": expires_at,
    }
    insert_row(conn, login_step, values)


def step(conn: Connection, secret_hash: bytes, purpose: str) -> StepRow | None:
    """What waits under this secret, whether or not its time is over."""
    columns: list[Any] = [login_step.c[name] for name in StepRow._fields]
    query = select(*columns).where(login_step.c.secret_hash == secret_hash, login_step.c.purpose == purpose)
    row = conn.execute(query).first()
    return None if row is None else StepRow._make(row)


def end_step(conn: Connection, secret_hash: bytes) -> bool:
    """It is done; False if it was already, so that of two at once only one succeeds."""
    return bool(conn.execute(delete(login_step).where(login_step.c.secret_hash == secret_hash)).rowcount)


def end_steps(conn: Connection, account_id: int) -> None:
    """Nothing of this member's waits any more."""
    conn.execute(delete(login_step).where(login_step.c.account_id == account_id))
