"""Roles as the client API shows them: their permissions are Mastodon's bits."""

from __future__ import annotations

from typing import Final

from fedserver.moderation.permissions import GRANTED
from fedserver.viewer import Role as RoleName
from web.api.entities import Role

_NAMES: Final[dict[RoleName, tuple[str, str]]] = {
    # Mastodon's role of everybody has the id -99 and no name.
    "member": ("-99", ""),
    "moderator": ("1", "Moderator"),
    "admin": ("2", "Admin"),
    "owner": ("3", "Owner"),
    "organiser": ("4", "Organiser"),
    "curator": ("5", "Curator"),
    "greeter": ("6", "Greeter"),
}

ROLES: Final[dict[str, Role]] = {
    role: Role(row_id, name, "", str(int(GRANTED[role])), bool(name))
    for role, (row_id, name) in _NAMES.items()
}
"""By the names that `fedserver.viewer` knows."""

BY_ID: Final[dict[str, RoleName]] = {row_id: role for role, (row_id, _) in _NAMES.items()}
