"""Who may do what, decided in one place: a role is a set of permissions, and nobody acts on their equals or betters
but owners.

The numbers are those of Mastodon's roles, so that clients know what to offer; ours begin where no client looks.
"""

from __future__ import annotations

from enum import IntFlag
from typing import Final

from fedserver.errors import Forbidden
from fedserver.viewer import ROLES, Member, Role


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
    MANAGE_INVITES = 1 << 11
    MANAGE_RULES = 1 << 12
    MANAGE_ANNOUNCEMENTS = 1 << 13
    MANAGE_CUSTOM_EMOJIS = 1 << 14
    MANAGE_ROLES = 1 << 17
    MANAGE_USER_ACCESS = 1 << 18  # second factors of others, and where they are signed in
    DELETE_USER_DATA = 1 << 19
    MANAGE_JOINS = 1 << 24  # who asks to join, and how they are welcomed
    MANAGE_EVENTS = 1 << 25  # of the whole server
    MANAGE_LIBRARY = 1 << 26  # its vocabularies, and what is in doubt in it


GRANTED: Final[dict[Role, Permission]] = {
    "member": Permission(0),
    "greeter": Permission.MANAGE_JOINS,
    "curator": Permission.MANAGE_LIBRARY,
    "organiser": Permission.MANAGE_EVENTS,
    "moderator": (
        Permission.VIEW_AUDIT_LOG
        | Permission.VIEW_DASHBOARD
        | Permission.MANAGE_REPORTS
        | Permission.MANAGE_TAXONOMIES
        | Permission.MANAGE_APPEALS
        | Permission.MANAGE_USERS
        | Permission.MANAGE_INVITES
        | Permission.MANAGE_JOINS
        | Permission.MANAGE_EVENTS
        | Permission.MANAGE_LIBRARY
    ),
    "admin": Permission.ADMINISTRATOR,
    "owner": Permission.ADMINISTRATOR,
}
ANY: Final = Permission(sum(Permission)) ^ Permission.ADMINISTRATOR
"""For what is open to everybody who looks after something."""
_RANK: Final[dict[str, int]] = {"moderator": 1, "admin": 2, "owner": 3}
"""Above whom nobody decides from below; all other roles are as members in this."""
NOT_ALLOWED: Final = "This action is not allowed"


def allows(role: Role, permission: Permission) -> bool:
    """Whether a role includes a permission."""
    granted = GRANTED[role]
    return Permission.ADMINISTRATOR in granted or permission in granted


def may_give(role: Role, given: str) -> bool:
    """Whether who has `role` may give somebody who comes in the role `given`."""
    return given == "member" or (allows(role, Permission.MANAGE_ROLES) and _is_over(role, given))


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

    Nobody decides about themselves. Those who moderate decide about lower ranks only; owners about each other, too.
    """
    if account_id == member.account_id or not _is_over(member.role, role or "member"):
        raise Forbidden(NOT_ALLOWED)


def require_to_appoint(member: Member, account_id: int, now: str, then: str) -> None:
    """Raise Forbidden unless the member may give somebody who has the role `now` the role `then`: both must be below
    their own, or they are an owner. Nobody changes their own role."""
    require(member, Permission.MANAGE_ROLES)
    if account_id == member.account_id or not (_is_over(member.role, now) and _is_over(member.role, then)):
        raise Forbidden("Only owners decide who is an admin or an owner, and nobody about themselves.")


def _is_over(role: Role, other: str) -> bool:
    theirs = _RANK.get(other, 0)
    return theirs == 0 or role == "owner" or _RANK.get(role, 0) > theirs


def roles_with(permission: Permission) -> tuple[Role, ...]:
    """The roles that include a permission, the least first."""
    return tuple(role for role in ROLES if allows(role, permission))
