"""Whoever is asking: nobody we know, or a member of this server, with what their token may do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from fedserver.errors import Forbidden

Role = Literal["member", "greeter", "curator", "organiser", "moderator", "admin", "owner"]
ROLES: Final[tuple[Role, ...]] = (
    "member",
    "greeter",
    "curator",
    "organiser",
    "moderator",
    "admin",
    "owner",
)
"""What each may do is in `fedserver.moderation.permissions`."""
_ADMINISTERING: Final[frozenset[Role]] = frozenset({"admin", "owner"})
MODERATING: Final = _ADMINISTERING | {"moderator"}


@dataclass(frozen=True, slots=True)
class Anonymous:
    """Nobody we know. An app's own token (client credentials) asks as this, with `app_id`."""

    app_id: int | None = None
    scopes: frozenset[str] = frozenset()
    account_id: None = None
    token_id: int | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """A confirmed, approved, not disabled member. Pages ask with every scope; apps with what was granted."""

    account_id: int
    username: str
    role: Role
    scopes: frozenset[str]
    app_id: int | None = None
    token_id: int | None = None
    session_id: int | None = None
    proved_at: int = 0  # when they proved in this session who they are, the last time
    has_second_factor: bool = False

    @property
    def moderates(self) -> bool:
        """May read reports and act on them."""
        return self.role in MODERATING

    @property
    def administers(self) -> bool:
        """May do everything, but for what owners alone may."""
        return self.role in _ADMINISTERING

    @property
    def serves(self) -> bool:
        """Looks after something here, so that the panel has a page for them."""
        return self.role != "member"


Viewer = Anonymous | Member

PAGE_SCOPES: Final = frozenset({"read", "write", "follow", "push", "admin:read", "admin:write"})


def has_scope(viewer: Viewer, scope: str) -> bool:
    """Whether `scope` (such as ``write:statuses``) or a wider one was granted.

    ``read`` covers ``read:…``; the old ``follow`` covers reading and writing follows, blocks and mutes.
    """
    granted = viewer.scopes
    family = scope.rpartition(":")[0]
    if (
        scope in granted
        or family in granted
        or (family.startswith("admin:") and family.split(":")[0] in granted)
    ):
        return True
    return "follow" in granted and scope.partition(":")[2] in {"follows", "blocks", "mutes"}


def require_scope(viewer: Viewer, scope: str) -> None:
    """Raise Forbidden unless the viewer `has_scope`."""
    if not has_scope(viewer, scope):
        raise Forbidden("This action is outside the authorized scopes")
