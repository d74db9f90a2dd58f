"""Who may do what, decided in one place: a role is a set of permissions, and nobody acts on their equals or betters
but admins.

The numbers are those of Mastodon's roles, so that clients know what to offer.
"""

from __future__ import annotations

from enum import IntFlag
from typing import Final

from fedserver.errors import Forbidden
from fedserver.viewer import Member, Role


class Permission(IntFlag):
    """What somebody may do beyond what every member may."""

    ADMINISTRATOR = 1 << 0  # everything
    VIEW_AUDIT_LOG = 1 << 2
    VIEW_DASHBOARD = 1 << 3
    MANAGE_REPORTS = 1 << 4
    MANAGE_FEDERATION = 1 << 5
    MANAGE_SETTINGS = 1 << 6
    MANAGE_BLOCKS = 1 << 7  # of mail addresses and networks
    MANAGE_TAXONOMIES = 1 << 8  # hashtags and trends
    MANAGE_APPEALS = 1 << 9
    MANAGE_USERS = 1 << 10
    DELETE_USER_DATA = 1 << 19


GRANTED: Final[dict[Role, Permission]] = {
    "member": Permission(0),
    "moderator": (
        Permission.VIEW_AUDIT_LOG
        | Permission.VIEW_DASHBOARD
        | Permission.MANAGE_REPORTS
        | Permission.MANAGE_TAXONOMIES
        | Permission.MANAGE_APPEALS
        | Permission.MANAGE_USERS
    ),
    "admin": Permission.ADMINISTRATOR,
}
_RANK: Final[dict[str, int]] = {"member": 0, "moderator": 1, "admin": 2}
NOT_ALLOWED: Final = "This action is not allowed"


def allows(role: Role, permission: Permission) -> bool:
    """Whether a role includes a permission."""
    granted = GRANTED[role]
    return Permission.ADMINISTRATOR in granted or permission in granted


def require(member: Member, permission: Permission) -> None:
    """Raise Forbidden unless the member's role includes the permission."""
    if not allows(member.role, permission):
        raise Forbidden(NOT_ALLOWED)


def require_any(member: Member, wanted: Permission) -> None:
    """Raise Forbidden unless the member's role includes one of these permissions."""
    if not any(allows(member.role, one) for one in wanted):
        raise Forbidden(NOT_ALLOWED)


def require_over(member: Member, account_id: int, role: str | None) -> None:
    """Raise Forbidden unless the member may decide about an account; `role` is None for accounts elsewhere.

    Nobody decides about themselves. Only admins decide about moderators and admins.
    """
    if account_id == member.account_id:
        raise Forbidden(NOT_ALLOWED)
    if _RANK.get(role or "member", 0) >= _RANK["moderator"] and member.role != "admin":
        raise Forbidden(NOT_ALLOWED)
