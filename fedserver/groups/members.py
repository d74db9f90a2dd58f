"""Who belongs to a group: joining, leaving, asking, inviting, roles and bans.

Whoever belongs to a group follows its account, and the other way round: `fedserver.relationships` calls `admission`
before somebody follows one, and `joined` and `left` when that begins and ends.
"""

from __future__ import annotations

from typing import Any, Final, Literal

from sqlalchemy import Connection, Row

from fedserver import relationships
from fedserver.content.text import clean_text
from fedserver.context import Server
from fedserver.errors import Conflict, Forbidden, Invalid, NotFound
from fedserver.groups import membership, rules
from fedserver.groups.membership import ANSWER_CHARS_MAX
from fedserver.groups.rules import Action
from fedserver.mail import plan_mail
from fedserver.viewer import Member
from storage import accounts, groups
from storage import relationships as stored
from storage.accounts import AccountRow
from storage.paging import Window
from storage.types import now_ms

REASON_CHARS_MAX: Final = 500
State = Literal["member", "waiting"]


async def join(server: Server, member: Member, group_id: int, *, answer: str = "") -> State:
    """Join a group, or ask to with an answer to its question: "member" or "waiting" ("waiting" for one elsewhere until
    its server answers).

    Raises NotFound, Forbidden (banned, by invitation only), Invalid (the question needs an answer).
    """

    def unit(conn: Connection) -> State:
        group, standing = rules.known(conn, group_id, member.account_id)
        if standing.role is not None:
            return "member"
        text = clean_text(answer)
        if len(text) > ANSWER_CHARS_MAX:
            raise Invalid({"answer": f"must have at most {ANSWER_CHARS_MAX} characters"})
        asks = not group.domain and group.join_mode == "request" and not standing.is_invited
        if asks and group.join_question and not text:
            raise Invalid({"answer": "must be filled in"})
        relationships.follow_unit(conn, server, member.account_id, group_id, {})
        if groups.is_waiting(conn, group_id, member.account_id) and text:
            groups.put_request(conn, group_id, member.account_id, text)
        return "member" if groups.membership_of(conn, group_id, member.account_id) else "waiting"

    return await server.db.write(unit)


async def leave(server: Server, member: Member, group_id: int) -> None:
    """Leave a group, take a request back, or decline an invitation. Raises NotFound, Conflict for its last owner."""

    def unit(conn: Connection) -> None:
        rules.known(conn, group_id, member.account_id)
        groups.withdraw_invitation(conn, group_id, member.account_id)
        relationships.unfollow_unit(conn, server.publish, member.account_id, group_id)
        membership.left(conn, group_id, member.account_id)

    await server.db.write(unit)


# -- what moderators do


async def members(
    server: Server, viewer_id: int | None, group_id: int, window: Window, *, role: str | None = None
) -> list[Row[Any]]:
    """(role, joined_at, account columns…), for whoever may read in the group. Raises NotFound, Forbidden."""

    def unit(conn: Connection) -> list[Row[Any]]:
        group, _ = rules.known(conn, group_id, viewer_id)
        rules.check(conn, Action.READ, group, viewer_id)
        return groups.members(conn, group_id, window, role=role)

    return await server.db.read(unit)


async def requests(server: Server, member: Member, group_id: int, window: Window) -> list[Row[Any]]:
    """(relation_id, answer, asked_at, account columns…) of who asks to join. Raises NotFound, Forbidden."""
    return await _listed(server, member, group_id, Action.ADMIT, groups.requests, window)


async def bans(server: Server, member: Member, group_id: int, window: Window) -> list[Row[Any]]:
    """(relation_id, reason, banned_at, expires_at, account columns…). Raises NotFound, Forbidden."""
    return await _listed(server, member, group_id, Action.BAN, groups.bans, window)


async def invitations(server: Server, member: Member, group_id: int, window: Window) -> list[Row[Any]]:
    """(relation_id, account columns…). Raises NotFound, Forbidden."""
    return await _listed(server, member, group_id, Action.INVITE, groups.invitations, window)


async def log(server: Server, viewer_id: int | None, group_id: int, window: Window) -> list[Row[Any]]:
    """What moderators did, newest first, for whoever may read in the group. Raises NotFound, Forbidden."""
    return (await log_with_people(server, viewer_id, group_id, window))[0]


async def log_with_people(
    server: Server, viewer_id: int | None, group_id: int, window: Window
) -> tuple[list[Row[Any]], dict[int, AccountRow]]:
    """The same, with the accounts of who did it and whom it was done to, by id."""

    def unit(conn: Connection) -> tuple[list[Row[Any]], dict[int, AccountRow]]:
        group, _ = rules.known(conn, group_id, viewer_id)
        rules.check(conn, Action.READ, group, viewer_id)
        rows = groups.actions(conn, group_id, window)
        ids = {one for row in rows for one in (row.by_id, row.account_id) if one is not None}
        return rows, dict(accounts.by_ids(conn, ids))

    return await server.db.read(unit)


async def _listed(
    server: Server, member: Member, group_id: int, action: Action, query: Any, window: Window
) -> list[Row[Any]]:
    def unit(conn: Connection) -> list[Row[Any]]:
        group, _ = rules.known(conn, group_id, member.account_id)
        rules.check(conn, action, group, member.account_id)
        rows: list[Row[Any]] = query(conn, group_id, window)
        return rows

    return await server.db.read(unit)


async def admit(server: Server, member: Member, group_id: int, account_id: int) -> None:
    """Let somebody in who asked. Raises NotFound (nobody asks), Forbidden."""
    await server.db.write(_answer, server, member.account_id, group_id, account_id, accept=True)


async def refuse(server: Server, member: Member, group_id: int, account_id: int) -> None:
    """Refuse somebody who asked. Raises NotFound (nobody asks), Forbidden."""
    await server.db.write(_answer, server, member.account_id, group_id, account_id, accept=False)


def _answer(
    conn: Connection, server: Server, by_id: int, group_id: int, account_id: int, *, accept: bool
) -> None:
    group = _local(conn, group_id, by_id)
    rules.check(conn, Action.ADMIT, group, by_id)
    relationships.answer_request_unit(conn, server.publish, group_id, account_id, accept=accept)
    who = accounts.by_id(conn, account_id)
    if who is not None and not who.domain:
        template = "group_admitted" if accept else "group_refused"
        plan_mail(conn, account_id, template, {"group": group.display_name, "group_url": group.url})


async def invite(server: Server, member: Member, group_id: int, account_id: int) -> None:
    """Invite somebody, who may then join however the group is joined. Raises NotFound, Forbidden, Conflict, Invalid."""

    def unit(conn: Connection) -> None:
        group = _local(conn, group_id, member.account_id)
        rules.check(conn, Action.INVITE, group, member.account_id)
        who = _person(conn, account_id)
        if who.domain and group.access == "private":
            raise Invalid(
                {"account_id": "is not of this server, and what is said in a private group never leaves it"}
            )
        if groups.membership_of(conn, group_id, account_id) is not None:
            raise Conflict("They belong to the group already.")
        if groups.is_banned(conn, group_id, account_id):
            raise Conflict("They are banned from the group. End the ban first.")
        if groups.is_waiting(conn, group_id, account_id):
            relationships.answer_request_unit(conn, server.publish, group_id, account_id, accept=True)
            return
        if groups.invite(conn, group_id, account_id, member.account_id) and not who.domain:
            inviter = accounts.by_id(conn, member.account_id)
            plan_mail(
                conn, account_id, "group_invited",
                {
                    "group": group.display_name, "group_url": group.url,
                    "inviter": inviter.display_name or inviter.username if inviter is not None else "",
                },
            )  # fmt: skip

    await server.db.write(unit)


async def uninvite(server: Server, member: Member, group_id: int, account_id: int) -> None:
    """Take an invitation back; nothing happens when there is none. Raises NotFound, Forbidden."""

    def unit(conn: Connection) -> None:
        group = _local(conn, group_id, member.account_id)
        rules.check(conn, Action.INVITE, group, member.account_id)
        groups.withdraw_invitation(conn, group_id, account_id)

    await server.db.write(unit)


async def appoint(server: Server, member: Member, group_id: int, account_id: int, role: str) -> None:
    """Give a member of the group a role. Raises NotFound, Forbidden, Invalid, Conflict (the last owner)."""
    if role not in rules.ROLES:
        raise Invalid({"role": f"must be one of {', '.join(rules.ROLES)}"})

    def unit(conn: Connection) -> None:
        group = _local(conn, group_id, member.account_id)
        rules.check(conn, Action.APPOINT, group, member.account_id)
        appoint_unit(conn, server, group, account_id, role, by_id=member.account_id)

    await server.db.write(unit)


def appoint_unit(
    conn: Connection,
    server: Server,
    group: groups.GroupRow,
    account_id: int,
    role: str,
    *,
    by_id: int,
    tell: bool = True,
) -> None:
    """The unit of `appoint`, by somebody who may; `tell` other servers unless they told us."""
    there = groups.membership_of(conn, group.account_id, account_id)
    if there is None:
        raise NotFound("They do not belong to the group.")
    if there.role == role:
        return
    who = accounts.by_id(conn, account_id)
    if role == "owner" and who is not None and who.domain:
        raise Invalid({"role": "cannot be owner for somebody of another server"})
    if there.role == "owner" and groups.count_owners(conn, group.account_id) < 2:
        raise Conflict("A group needs an owner. Make somebody else one first.")
    groups.change_member(conn, group.account_id, account_id, role=role)
    groups.note_action(conn, group.account_id, by_id, Action.APPOINT, account_id=account_id, reason=role)
    moderated, moderates = there.role != "member", role != "member"
    if moderated != moderates and tell:
        server.publish.group_moderated(
            conn, group, by_id, Action.APPOINT, account_id=account_id, undo=not moderates
        )


async def expel(server: Server, member: Member, group_id: int, account_id: int, *, reason: str = "") -> None:
    """End somebody's membership; they may come back. Raises NotFound, Forbidden, Conflict."""

    def unit(conn: Connection) -> None:
        group = _local(conn, group_id, member.account_id)
        rules.check(conn, Action.EXPEL, group, member.account_id)
        _check_rank(conn, group_id, member.account_id, account_id)
        if groups.membership_of(conn, group_id, account_id) is None:
            raise NotFound("They do not belong to the group.")
        _put_out(conn, server, group_id, account_id)
        groups.note_action(
            conn, group_id, member.account_id, Action.EXPEL, account_id=account_id, reason=_reason(reason)
        )

    await server.db.write(unit)


async def ban(
    server: Server,
    member: Member,
    group_id: int,
    account_id: int,
    *,
    reason: str = "",
    duration_s: int = 0,
) -> None:
    """Keep somebody out, for `duration_s` seconds or (0) for good. Raises NotFound, Forbidden, Conflict."""

    def unit(conn: Connection) -> None:
        group = _local(conn, group_id, member.account_id)
        rules.check(conn, Action.BAN, group, member.account_id)
        expires_at = now_ms() + duration_s * 1000 if duration_s > 0 else None
        ban_unit(
            conn, server, group, member.account_id, account_id, reason=_reason(reason), expires_at=expires_at
        )

    await server.db.write(unit)


def ban_unit(
    conn: Connection,
    server: Server,
    group: groups.GroupRow,
    by_id: int,
    account_id: int,
    *,
    reason: str,
    expires_at: int | None,
    tell: bool = True,
) -> None:
    """The unit of `ban`, by somebody who may; `tell` other servers unless they told us."""
    if not group.domain:
        _check_rank(conn, group.account_id, by_id, account_id)
    _person(conn, account_id)
    groups.put_ban(conn, group.account_id, account_id, by_id=by_id, reason=reason, expires_at=expires_at)
    groups.withdraw_invitation(conn, group.account_id, account_id)
    _put_out(conn, server, group.account_id, account_id)
    groups.note_action(conn, group.account_id, by_id, Action.BAN, account_id=account_id, reason=reason)
    if tell:
        server.publish.group_moderated(
            conn, group, by_id, Action.BAN, account_id=account_id, reason=reason, expires_at=expires_at
        )


async def unban(server: Server, member: Member, group_id: int, account_id: int) -> None:
    """Raises NotFound, Forbidden."""

    def unit(conn: Connection) -> None:
        group = _local(conn, group_id, member.account_id)
        rules.check(conn, Action.UNBAN, group, member.account_id)
        unban_unit(conn, server, group, member.account_id, account_id)

    await server.db.write(unit)


def unban_unit(
    conn: Connection,
    server: Server,
    group: groups.GroupRow,
    by_id: int,
    account_id: int,
    *,
    tell: bool = True,
) -> None:
    """The unit of `unban`, by somebody who may."""
    if not groups.remove_ban(conn, group.account_id, account_id):
        return
    groups.note_action(conn, group.account_id, by_id, Action.UNBAN, account_id=account_id)
    if tell:
        server.publish.group_moderated(conn, group, by_id, Action.BAN, account_id=account_id, undo=True)


def _put_out(conn: Connection, server: Server, group_id: int, account_id: int) -> None:
    row = stored.follow_between(conn, account_id, group_id)
    if row is not None:
        relationships.end_follow(conn, server.publish, row, group_id)
    membership.left(conn, group_id, account_id)


def _check_rank(conn: Connection, group_id: int, by_id: int, account_id: int) -> None:
    """Nobody puts out themselves, and moderators put out no moderators."""
    if by_id == account_id:
        raise Conflict("You cannot do this to yourself. Leave the group instead.")
    theirs = rules.standing_of(conn, group_id, account_id)
    mine = rules.standing_of(conn, group_id, by_id)
    if theirs.moderates and mine.role != "owner":
        raise Forbidden("Only owners decide about moderators.")
    if theirs.role == "owner":
        raise Forbidden("An owner has to give up that role first.")


def _local(conn: Connection, group_id: int, viewer_id: int) -> groups.GroupRow:
    """A group of this server that the viewer may know of. Raises NotFound, Forbidden."""
    group, _ = rules.known(conn, group_id, viewer_id)
    if group.domain:
        raise Forbidden("This group is kept by another server.")
    return group


def _person(conn: Connection, account_id: int) -> accounts.AccountRow:
    who = accounts.by_id(conn, account_id)
    if who is None or who.deleted_at is not None or who.actor_type in ("Group", "Application"):
        raise NotFound
    return who


def _reason(text: str) -> str:
    return clean_text(text)[:REASON_CHARS_MAX]
