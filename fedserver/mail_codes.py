"""Codes in the addresses and links of mails: whose they are and what for, so that nothing else has to be believed.

A code names a member (or somebody who comes to an event without an account), a purpose and a thing, and ends with a signature
by a secret of theirs, so it cannot be guessed and no row is needed for each mail. Codes are letters and digits in one case, as some mail servers write
addresses in lower case.
"""

from __future__ import annotations

import base64
import hmac
import struct
from hashlib import sha256
from typing import Final, Literal, NamedTuple

from sqlalchemy import Connection

from fedserver.config import Config
from storage import event_guests, mail_preferences
from storage.mail_preferences import PreferenceRow

Purpose = Literal[
    "reply", "group", "end_thread", "end_group", "end_groups", "end_digest", "event", "end_invites",
    "end_reminders", "guest",
]  # fmt: skip

# What these codes are good for ends when a member makes new addresses; links that end mails work for ever.
ADDRESSES: Final[frozenset[Purpose]] = frozenset({"reply", "group", "event"})
TO_EVENTS: Final[frozenset[Purpose]] = frozenset({"event", "guest"})
"""Addresses that take answers of calendar programs, to the event that is their target."""
_NUMBERS: Final[dict[Purpose, int]] = {
    "reply": 1,
    "group": 2,
    "end_thread": 3,
    "end_group": 4,
    "end_groups": 5,
    "end_digest": 6,
    "event": 7,
    "end_invites": 8,
    "end_reminders": 9,
    "guest": 10,
}
_PURPOSES: Final = {number: purpose for purpose, number in _NUMBERS.items()}
_SHAPE: Final = struct.Struct(">BQQ")
SIGNATURE_BYTES: Final = 10
"""80 bits: nobody can try codes but by sending us a mail or a request for each."""
CHARS: Final = 44


class Code(NamedTuple):
    """`target_id` is a post, a thread, a group, or 0; of purpose `guest`, `account_id` is the guest's."""

    purpose: Purpose
    account_id: int
    target_id: int = 0


def write(preference: PreferenceRow, purpose: Purpose, target_id: int = 0) -> str:
    """The code, CHARS letters and digits."""
    content = _SHAPE.pack(_NUMBERS[purpose], preference.account_id, target_id)
    return _encoded(content + _signature(preference, purpose, content))


def _encoded(code: bytes) -> str:
    return base64.b32encode(code).decode().rstrip("=").lower()


def address(config: Config, preference: PreferenceRow, purpose: Purpose, target_id: int) -> str:
    """The member's own address for this; "" where nobody posts by mail."""
    local, at, domain = config.mail_in_address.partition("@")
    return f"{local}+{write(preference, purpose, target_id)}@{domain}" if at else ""


def guest_address(config: Config, guest_id: int, secret: str, post_id: int) -> str:
    """Where the calendar program of somebody without an account answers to an event; "" where no mails come in."""
    local, at, domain = config.mail_in_address.partition("@")
    content = _SHAPE.pack(_NUMBERS["guest"], guest_id, post_id)
    return f"{local}+{_encoded(content + _signed(secret.encode(), 0, content))}@{domain}" if at else ""


def link(config: Config, preference: PreferenceRow, purpose: Purpose, target_id: int = 0) -> str:
    """The member's own link to end mails."""
    return f"{config.origin}/unsubscribe/{write(preference, purpose, target_id)}"


def read(conn: Connection, text: str) -> Code | None:
    """What a code of ours says; None for anything else, and for an address that its member has ended."""
    if len(text) != CHARS or not text.isascii():
        return None
    try:
        raw = base64.b32decode(text.upper() + "=" * (-CHARS % 8))
    except ValueError:
        return None
    content, signature = raw[: _SHAPE.size], raw[_SHAPE.size :]
    number, account_id, target_id = _SHAPE.unpack(content)
    purpose = _PURPOSES.get(number)
    if purpose is None or max(account_id, target_id) >= 1 << 63:
        return None
    if purpose == "guest":
        secret = event_guests.secret(conn, account_id, target_id)
        if secret is None or not hmac.compare_digest(signature, _signed(secret.encode(), 0, content)):
            return None
        return Code(purpose, account_id, target_id)
    preference = mail_preferences.get(conn, account_id)
    if preference is None or not hmac.compare_digest(signature, _signature(preference, purpose, content)):
        return None
    return Code(purpose, account_id, target_id)


def _signature(preference: PreferenceRow, purpose: Purpose, content: bytes) -> bytes:
    return _signed(preference.secret, preference.generation if purpose in ADDRESSES else 0, content)


def _signed(secret: bytes, generation: int, content: bytes) -> bytes:
    words = b"fedserver mail code\0" + struct.pack(">I", generation) + content
    return hmac.digest(secret, words, sha256)[:SIGNATURE_BYTES]
