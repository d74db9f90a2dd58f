"""User names: one name space for members, groups and the server itself."""

from __future__ import annotations

import re
from typing import Final

from activitypub.identifiers import Uris
from fedserver.errors import Invalid

CHARS_MAX: Final = 30

_NAME = re.compile(rf"[A-Za-z0-9_]{{1,{CHARS_MAX}}}")

# Names that would pass for the server or its staff, or that the server's own addresses use.
_RESERVED_WORDS: Final = """
    abuse about account accounts activities activity actor actors admin administration administrator
    administrators announce api apps auth authorize authorize_interaction billing blog bot bots calendar
    community confirm contact contexts dashboard dev directory drafts edit emoji emojis events everyone explore
    export favicon federated feed feeds fedserver followers following groups guest health help here home
    hostmaster import inbox info instance interact invite invites join legal library local localhost
    login logout mail mailer_daemon me media members messages metrics mod moderation moderator
    moderators mods network new news nobody nodeinfo noreply no_reply notifications null oauth official
    operator opportunities outbox owner page pages partners password places policy post postmaster posts press privacy
    profile public readyz livez register relay report reports resources robots root rss rules search
    security server service settings setup share shared_inbox sign_in sign_out sign_up signin signout
    signup sitemap staff stamps static status statuses streaming subscribe support sysadmin system tag
    tags team terms test timeline timelines undefined unsubscribe user users web webfinger webmaster
    welcome well_known www you
"""
RESERVED: Final = frozenset(_RESERVED_WORDS.split())


def check(name: str, *, field: str = "username") -> str:
    """The name in the form we keep, which is lower case; Invalid, naming `field`, if it cannot be a name."""
    name = name.strip().removeprefix("@")
    if not _NAME.fullmatch(name) or not name.strip("_"):
        raise Invalid({field: f"must be 1 to {CHARS_MAX} of the letters a to z, digits and underscores"})
    return name.casefold()


def check_free_for_all(name: str, *, field: str = "username") -> str:
    """As `check`, and not one of the names that only staff may hand out."""
    name = check(name, field=field)
    if name in RESERVED or name.strip("_") in RESERVED:
        raise Invalid({field: "is reserved"})
    return name


def addresses(name: str, uris: Uris) -> tuple[str, ...]:
    """Every actor URI that a member or group of this name has or had: none is ever used again."""
    return uris.actor(name), uris.group(name)
