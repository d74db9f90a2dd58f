"""The scopes of OAuth tokens: which there are, and which contain which. Asking for one is `viewer.require_scope`."""

from __future__ import annotations

from typing import Final

from fedserver.errors import Invalid

_READ: Final = (
    "accounts", "blocks", "bookmarks", "collections", "events", "favourites", "filters", "follows", "groups",
    "lists", "mutes", "notifications", "opportunities", "resources", "search", "statuses",
)  # fmt: skip
_WRITE: Final = (
    "accounts", "blocks", "bookmarks", "collections", "conversations", "events", "favourites", "filters",
    "follows", "groups", "lists", "media", "mutes", "notifications", "opportunities", "reports", "resources",
    "statuses",
)  # fmt: skip
_ADMIN: Final = (
    "accounts", "reports", "domain_allows", "domain_blocks", "ip_blocks", "email_domain_blocks",
    "canonical_email_blocks",
)  # fmt: skip

ALL: Final[tuple[str, ...]] = (
    "profile",
    "read",
    *(f"read:{name}" for name in _READ),
    "write",
    *(f"write:{name}" for name in _WRITE),
    "follow",
    "push",
    "admin:read",
    *(f"admin:read:{name}" for name in _ADMIN),
    "admin:write",
    *(f"admin:write:{name}" for name in _ADMIN),
)
DEFAULT: Final = "read"
_KNOWN: Final = frozenset(ALL)
# What the old "follow" stands for.
_FOLLOW: Final = frozenset(
    f"{verb}:{what}" for verb in ("read", "write") for what in ("follows", "blocks", "mutes")
)

# What a member reads on the consent page.
SENTENCES: Final[dict[str, str]] = {
    "profile": "See your name and picture",
    "read": "Read everything that you can read",
    "write": "Post, and change everything that you can change",
    "follow": "Follow, block and mute people for you",
    "push": "Receive your notifications",
    "admin:read": "Read what only moderators and admins see",
    "admin:write": "Moderate for you",
}


def parse(text: str) -> tuple[str, ...]:
    """The scopes in a list separated by blanks (or ``+``), each once and in order. Invalid for an unknown one."""
    names = tuple(dict.fromkeys(text.replace("+", " ").split()))
    for name in names:
        if name not in _KNOWN:
            raise Invalid({"scopes": "doesn't match configured on the server"})
    return names


def within(wanted: tuple[str, ...], granted: tuple[str, ...]) -> bool:
    """Whether each of `wanted` is in `granted` or part of one that is."""
    return all(_is_within(name, granted) for name in wanted)


def sentences(scopes: tuple[str, ...]) -> list[str]:
    """What these scopes allow, for people."""
    shown = []
    for name in scopes:
        verb, _, what = name.rpartition(":")
        if name in SENTENCES:
            shown.append(SENTENCES[name])
        elif not any(_is_within(name, (other,)) for other in scopes if other != name):
            action = {
                "read": "Read",
                "write": "Change",
                "admin:read": "Read as a moderator",
                "admin:write": "Change as a moderator",
            }
            shown.append(f"{action[verb]}: {what.replace('_', ' ')}")
    return shown


def _is_within(name: str, granted: tuple[str, ...]) -> bool:
    family = name.rpartition(":")[0]
    return (
        name in granted or (bool(family) and family in granted) or ("follow" in granted and name in _FOLLOW)
    )
