"""E-mail addresses that every mail server reads alike."""

from __future__ import annotations

import re
import secrets
import unicodedata
from typing import Final, NamedTuple

from activitypub.identifiers import normal_host
from fedserver.errors import Invalid

CHARS_MAX: Final = 254  # RFC 5321 §4.5.3.1.3, without the angle brackets
LOCAL_CHARS_MAX: Final = 64

# Quotes, comments, "%", "!" and the like mean different things to different mail servers, so that a mail could
# reach somebody else than the one whose address it looks like.
_LOCAL = re.compile(r"[A-Za-z0-9_+&'=~#-]+(?:\.[A-Za-z0-9_+&'=~#-]+)*")


class EmailAddress(NamedTuple):
    """`text` as mails are addressed, `key` the folded form by which two are the same."""

    text: str
    key: str


def parse(text: str, *, field: str = "email") -> EmailAddress:
    """Read an address; Invalid, naming `field`, if it is none or one that mail servers disagree about."""
    text = unicodedata.normalize("NFC", text.strip())
    local, at, domain = text.rpartition("@")
    host = normal_host(domain) if at and len(text) <= CHARS_MAX and not domain.startswith("[") else None
    if host is None or ":" in host or len(local) > LOCAL_CHARS_MAX or not _LOCAL.fullmatch(local):
        raise Invalid({field: "is not an e-mail address that we can write to"})
    return EmailAddress(f"{local}@{host}", f"{local.casefold()}@{host}")


def nobodys() -> EmailAddress:
    """The address of who has none: no mail goes there, and it is like no other."""
    return EmailAddress("", secrets.token_hex(16))
