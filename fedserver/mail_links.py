"""Links that prove who reads a mailbox: what each is good for, for how long, and where it leads.

A link is minted when its mail is written, so its secret exists in the mail alone; the database has the digest.
Opening a link changes nothing, because scanners open them too: only the form on its page does.
"""

from __future__ import annotations

from typing import Final, Literal

from sqlalchemy import Connection

from fedserver.errors import NotFound
from fedserver.remembered import digest, new_secret
from storage import sessions
from storage.sessions import MailTokenRow
from storage.types import DAY_MS, HOUR_MS, now_ms

Purpose = Literal["confirm", "reset", "login", "unsubscribe", "appeal", "claim", "inquiry"]

LIFETIME_MS: Final[dict[Purpose, int]] = {
    "confirm": 2 * DAY_MS,
    "reset": HOUR_MS,
    "login": DAY_MS,
    "unsubscribe": 180 * DAY_MS,
    "appeal": 20 * DAY_MS,
    "claim": 2 * DAY_MS,
    "inquiry": 14 * DAY_MS,
}
_PATHS: Final[dict[Purpose, str]] = {
    "confirm": "/confirm/",
    "reset": "/password/",
    "login": "/login/once/",
    "unsubscribe": "/unsubscribe/",
    "appeal": "/disputes/",
    "claim": "/claim/",
    "inquiry": "/answer/",
}


class LinkExpired(NotFound):
    """The link was used before, has expired, or never was one of ours."""

    default = "This link has expired or was used already. You can ask for a new one."


def mint(conn: Connection, origin: str, account_id: int, purpose: Purpose, detail: str = "") -> str:
    """A new link; earlier ones of the same purpose stop working, except those to unsubscribe, to appeal, to
    claim a name and to answer a question."""
    if purpose not in ("unsubscribe", "appeal", "claim", "inquiry"):
        sessions.drop_mail_tokens(conn, account_id, purpose)
    secret, secret_hash = new_secret()
    sessions.add_mail_token(
        conn,
        account_id,
        purpose=purpose,
        secret_hash=secret_hash,
        detail=detail,
        expires_at=now_ms() + LIFETIME_MS[purpose],
    )
    return f"{origin}{_PATHS[purpose]}{secret}"


def look_at(conn: Connection, secret: str, purpose: Purpose) -> MailTokenRow:
    """What the link is good for, without using it. Raises LinkExpired."""
    row = sessions.mail_token_of(conn, digest(secret), purpose)
    if row is None or row.used_at is not None or row.expires_at <= now_ms():
        raise LinkExpired
    return row


def use(conn: Connection, secret: str, purpose: Purpose) -> MailTokenRow:
    """What the link is good for; it works this once. Raises LinkExpired."""
    row = look_at(conn, secret, purpose)
    if not sessions.use_mail_token(conn, digest(secret), now_ms()):
        raise LinkExpired
    return row


def withdraw(conn: Connection, account_id: int) -> None:
    """Make every link useless that could open the account: its address or password has changed."""
    for purpose in ("confirm", "reset", "login"):
        sessions.drop_mail_tokens(conn, account_id, purpose)
