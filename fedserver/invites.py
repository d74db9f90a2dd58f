"""Invitations by link: who may give them, what they give, whether they hold, and what happens when somebody comes by one.

A link holds as long as its inviter may invite; whom it brings needs no approval. What it gives, a role and groups, is
asked for again when somebody arrives: nobody gives through a link what they may not give any more.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from sqlalchemy import Connection

from fedserver import relationships, settings
from fedserver.config import Config
from fedserver.content.text import clean_line
from fedserver.context import Server
from fedserver.errors import FedError, Forbidden, Invalid, NotFound
from fedserver.groups import rules
from fedserver.groups.rules import Action, Standing
from fedserver.moderation import audit
from fedserver.moderation.permissions import NOT_ALLOWED, Permission, allows, may_give, require
from fedserver.settings import InstanceSettings
from fedserver.viewer import ROLES, Member, Role
from storage import groups, invites, users
from storage.groups import GroupRow
from storage.invites import InviteRow
from storage.paging import Window
from storage.types import DAY_MS, now_ms
from storage.users import UserRow

__all__ = ["InviteRow", "Window"]

CODE_CHARS: Final = 12
ALPHABET: Final = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Without the letters and digits that are read as one another."""
NOTE_CHARS_MAX: Final = 420
USES_MAX: Final = 10_000
GROUPS_MAX: Final = 20
EXPIRES_S_MIN: Final = 300
EXPIRES_S_MAX: Final = 5 * 366 * 86_400
A_DAY_MAX: Final = 50
"""How many links a member who does not look after the server makes in a day."""
State = Literal["open", "used", "expired", "revoked", "idle"]


class InvitationEnded(Forbidden):
    """The link never was one of ours, was used up, has expired or was revoked; which of them is nobody's business."""

    default = "This invitation does not hold any more. Please ask whoever gave it to you for a new one."


@dataclass(frozen=True, slots=True)
class NewInvite:
    """What an invitation is to be. `uses_max` and `expires_in_s` are None where it holds for any number, or for good."""

    note: str = ""
    uses_max: int | None = None
    expires_in_s: int | None = None
    role: str = "member"
    group_ids: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Invitation:
    """An invitation with the groups it leads into and the accounts that came by it. `state` is "idle" while its inviter
    may invite nobody."""

    row: InviteRow
    url: str
    state: State
    groups: tuple[GroupRow, ...]
    people: tuple[Any, ...]


# -- who may


def may_invite(site: InstanceSettings, user: UserRow | None) -> bool:
    """Whether a member may give invitations, as an admin has set it."""
    if user is None or not user.is_let_in:
        return False
    role: Any = user.role
    if allows(role, Permission.ADMINISTRATOR):
        return True
    if site.invites_by == "admins":
        return False
    return allows(role, Permission.MANAGE_INVITES) or (
        site.invites_by == "trusted" and user.trust == "trusted"
    )


async def allowed(server: Server, member: Member) -> bool:
    """Whether the member may give invitations at present."""
    site = await settings.current(server)
    return may_invite(site, await server.db.read(users.by_id, member.account_id))


def groups_to_give(conn: Connection, member: Member) -> list[Any]:
    """The groups of this server into which a member may invite."""
    return [
        one
        for one in groups.of_member(conn, member.account_id)
        if not one.domain and rules.refusal(Action.INVITE, one, Standing(one.role)) is None
    ]


def roles_to_give(member: Member) -> list[Role]:
    """The roles that a link of this member may give: none that administers, because links are passed on."""
    return [one for one in ROLES if one not in ("admin", "owner") and may_give(member.role, one)]


# -- what members do


async def create(server: Server, member: Member, wanted: NewInvite) -> Invitation:
    """Make a link. Raises Forbidden, Invalid."""
    problems: dict[str, str] = {}
    note = clean_line(wanted.note)
    if len(note) > NOTE_CHARS_MAX:
        problems["note"] = f"must have at most {NOTE_CHARS_MAX} characters"
    if wanted.uses_max is not None and not 1 <= wanted.uses_max <= USES_MAX:
        problems["uses_max"] = f"must be from 1 to {USES_MAX}"
    if wanted.expires_in_s is not None and not EXPIRES_S_MIN <= wanted.expires_in_s <= EXPIRES_S_MAX:
        problems["expires_in"] = f"must be from {EXPIRES_S_MIN} to {EXPIRES_S_MAX} seconds"
    group_ids = list(dict.fromkeys(wanted.group_ids))
    if len(group_ids) > GROUPS_MAX:
        problems["group_ids"] = f"can be {GROUPS_MAX} at the most"
    if problems:
        raise Invalid(problems)
    if wanted.role not in roles_to_give(member):
        raise Invalid({"role": "is one that you may not give"})

    def unit(conn: Connection) -> Invitation:
        site = settings.in_force(conn, server.config)
        _require_inviter(conn, site, member)
        mine = {one.account_id for one in groups_to_give(conn, member)}
        if not mine.issuperset(group_ids):
            raise Invalid({"group_ids": "must be groups into which you may invite"})
        now = now_ms()
        if not allows(member.role, Permission.MANAGE_INVITES) and (
            invites.count_since(conn, member.account_id, now - DAY_MS) >= A_DAY_MAX
        ):
            raise Invalid({}, f"You can make {A_DAY_MAX} links a day.")
        invite_id = invites.add(
            conn,
            member.account_id,
            code="".join(secrets.choice(ALPHABET) for _ in range(CODE_CHARS)),
            note=note,
            uses_max=wanted.uses_max,
            role=wanted.role,
            group_ids=json.dumps(group_ids),
            expires_at=None if wanted.expires_in_s is None else now + wanted.expires_in_s * 1000,
        )
        # The code is a key: whoever reads the log need not have it.
        after = {"uses": wanted.uses_max, "role": wanted.role, "groups": len(group_ids)}
        audit.note(conn, member, "create", ("invite", invite_id, note), after=after)
        return _complete(conn, server.config, site, [_known(conn, invite_id)])[0]

    return await server.db.write(unit)


async def revoke(server: Server, member: Member, invite_id: int) -> Invitation:
    """Let a link lead nowhere any more; who came by it stays. One's own, or any for those who look after members.
    Raises NotFound."""

    def unit(conn: Connection) -> Invitation:
        row = _known(conn, invite_id)
        if row.account_id != member.account_id and not allows(member.role, Permission.MANAGE_INVITES):
            raise NotFound("Record not found")
        if invites.revoke(conn, invite_id, now_ms()):
            audit.note(conn, member, "revoke", ("invite", invite_id, row.note))
        site = settings.in_force(conn, server.config)
        return _complete(conn, server.config, site, [_known(conn, invite_id)])[0]

    return await server.db.write(unit)


async def own(server: Server, member: Member, window: Window) -> list[Invitation]:
    """The member's links, the newest first."""
    return await server.db.read(_listed, server.config, window, member.account_id)


async def everybodys(server: Server, member: Member, window: Window) -> list[Invitation]:
    """All links, the newest first. Raises Forbidden."""
    require(member, Permission.MANAGE_INVITES)
    return await server.db.read(_listed, server.config, window, None)


async def one(server: Server, member: Member, invite_id: int) -> Invitation:
    """Any link. Raises Forbidden, NotFound."""
    require(member, Permission.MANAGE_INVITES)

    def unit(conn: Connection) -> Invitation:
        site = settings.in_force(conn, server.config)
        return _complete(conn, server.config, site, [_known(conn, invite_id)])[0]

    return await server.db.read(unit)


async def choices(server: Server, member: Member) -> list[Any]:
    """The groups into which the member may invite."""
    return await server.db.read(groups_to_give, member)


# -- at the door


def holding(conn: Connection, site: InstanceSettings, code: str) -> InviteRow:
    """The invitation with this code, which holds. Raises InvitationEnded, and Forbidden where nobody comes in at all."""
    if site.registrations == "closed":
        raise Forbidden(site.registrations_message or "This server takes no new members at the moment.")
    row = invites.by_code(conn, code)
    if row is None or _state(row, now_ms()) != "open":
        raise InvitationEnded
    if not may_invite(site, users.by_id(conn, row.account_id)):
        raise InvitationEnded
    return row


async def look_at(server: Server, code: str) -> Invitation:
    """What a link leads to, for its page. Raises as `holding`."""

    def unit(conn: Connection) -> Invitation:
        site = settings.in_force(conn, server.config)
        return _complete(conn, server.config, site, [holding(conn, site, code)])[0]

    return await server.db.read(unit)


def take(conn: Connection, site: InstanceSettings, code: str) -> InviteRow:
    """Count a use of it. Raises as `holding`, also where somebody else was quicker."""
    row = holding(conn, site, code)
    if not invites.take(conn, row.id, now_ms()):
        raise InvitationEnded
    return row


def arrived(conn: Connection, server: Server, user: UserRow) -> None:
    """Somebody is in: give them what their invitation says, as far as its inviter may still give it."""
    row = invites.by_id(conn, user.invite_id)
    inviter = users.by_id(conn, row.account_id) if row is not None else None
    if row is None or inviter is None or not inviter.is_let_in:
        return
    role: Any = inviter.role
    by = Member(inviter.account_id, inviter.username, role, frozenset())
    if row.role != "member" and row.role in roles_to_give(by):
        users.change(conn, user.account_id, role=row.role)
        audit.note(
            conn, by, "change_role", ("account", user.account_id, user.username),
            before={"role": user.role}, after={"role": row.role},
        )  # fmt: skip
    wanted = set(json.loads(row.group_ids))
    for group in groups_to_give(conn, by):
        if group.account_id not in wanted or groups.is_banned(conn, group.account_id, user.account_id):
            continue
        groups.invite(conn, group.account_id, user.account_id, by.account_id)
        try:
            relationships.follow_unit(conn, server, user.account_id, group.account_id, {})
        except FedError:
            # A group that takes nobody is no reason not to come in.
            groups.withdraw_invitation(conn, group.account_id, user.account_id)


# -- steps


def _require_inviter(conn: Connection, site: InstanceSettings, member: Member) -> None:
    if not may_invite(site, users.by_id(conn, member.account_id)):
        raise Forbidden(NOT_ALLOWED)


def _known(conn: Connection, invite_id: int) -> InviteRow:
    row = invites.by_id(conn, invite_id)
    if row is None:
        raise NotFound("Record not found")
    return row


def _listed(conn: Connection, config: Config, window: Window, account_id: int | None) -> list[Invitation]:
    site = settings.in_force(conn, config)
    return _complete(conn, config, site, invites.page(conn, window, account_id=account_id))


def _complete(
    conn: Connection, config: Config, site: InstanceSettings, rows: Sequence[InviteRow]
) -> list[Invitation]:
    """The rows with their groups and people: four statements whatever their number."""
    named = {row.id: json.loads(row.group_ids) for row in rows}
    known = groups.by_ids(conn, {one for ids in named.values() for one in ids})
    came = invites.people(conn, [row.id for row in rows])
    inviters = users.by_ids(conn, {row.account_id for row in rows})
    now = now_ms()
    return [
        Invitation(
            row,
            f"{config.origin}/join/{row.code}",
            _state(row, now, may_invite(site, inviters.get(row.account_id))),
            tuple(known[one] for one in named[row.id] if one in known),
            tuple(came.get(row.id, ())),
        )
        for row in rows
    ]


def _state(row: InviteRow, now: int, inviter_may: bool = True) -> State:
    if row.revoked_at is not None:
        return "revoked"
    if row.expires_at is not None and row.expires_at <= now:
        return "expired"
    if row.uses_max is not None and row.uses >= row.uses_max:
        return "used"
    return "open" if inviter_may else "idle"
