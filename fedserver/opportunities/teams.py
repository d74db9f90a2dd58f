"""Teams that apply together: who leads an application asks others, who join or decline until the deadline."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from fedserver import mail, visibility
from fedserver.context import Server
from fedserver.errors import Conflict, Forbidden, Invalid, NotFound
from fedserver.opportunities import applying, seeing
from fedserver.opportunities.permissions import Action
from fedserver.opportunities.records import Form, form_of
from fedserver.opportunities.seeing import Seen
from fedserver.viewer import Member
from storage import accounts, applications, opportunities, relationships, users
from storage import posts as stored_posts

ASKED_PER_SEAT: Final = 3
"""How many are ever asked for a seat of a team: each may hear of it by mail once."""


async def invite(server: Server, member: Member, post_id: int, name: str) -> Seen:
    """Ask a member of this server, by name or id, to apply with one. They hear of it by mail, once. Raises Invalid, NotFound,
    Forbidden, Conflict."""
    return await server.db.write(_invite, server, member, post_id, name)


def _invite(conn: Connection, server: Server, member: Member, post_id: int, name: str) -> Seen:
    row = applying.open_to(conn, post_id, member.account_id)
    own = applications.of_account(conn, post_id, member.account_id)
    if own is None:
        raise NotFound("Begin your application first.")
    _, found = seeing.one(conn, own.id, member.account_id)
    if Action.INVITE not in found.may:
        raise Conflict("There are no teams here, or you have taken your application back.")
    other_id = member_named(conn, name)
    post = stored_posts.by_id(conn, post_id)
    if other_id is None or post is None or not visibility.may_see(conn, post, other_id):
        raise Invalid({"account": "is nobody here who may see this"})
    if other_id == member.account_id:
        raise Invalid({"account": "is you"})
    if relationships.either_blocks(conn, member.account_id, other_id):
        raise Forbidden("You cannot ask them.")
    if other_id == row.account_id or applications.is_reviewer(conn, post_id, other_id):
        raise Invalid({"account": "cannot apply for this"})
    form = form_of(row.form) or Form()
    if sum(one.state in ("invited", "confirmed") for one in found.team) + 2 > form.team_max:
        raise Conflict(f"A team has at most {form.team_max} people.")
    if len(found.team) >= ASKED_PER_SEAT * form.team_max:
        raise Conflict("You have asked as many people as you can.")
    state = next((one.state for one in found.team if one.account_id == other_id), "")
    if state not in ("invited", "confirmed") and applications.put_member(conn, own.id, other_id, "invited"):
        who = accounts.by_id(conn, member.account_id)
        context = {
            "who": (who.display_name or who.username) if who is not None else member.username,
            "opportunity": row.title,
            "url": f"{server.config.origin}/opportunities/applications/{own.id}",
        }
        mail.plan_mail(conn, other_id, "application_invited", context)
    return seeing.one(conn, own.id, member.account_id)[1]


def member_named(conn: Connection, name: str) -> int | None:
    """The id of a member of this server, by ``@name`` or id."""
    text = name.strip().removeprefix("@")
    if text.isascii() and text.isdigit() and len(text) < 19:
        row = accounts.by_id(conn, int(text))
    else:
        row = accounts.local(conn, text.lower())
    if row is None or row.suspended_at is not None or row.deleted_at is not None:
        return None
    user = users.by_id(conn, row.id)
    return row.id if user is not None and user.is_let_in else None


async def remove(server: Server, member: Member, post_id: int, account_id: int) -> Seen:
    """Take somebody out of the team that one leads, or an invitation back. Raises NotFound, Conflict."""

    def unit(conn: Connection) -> Seen:
        applying.open_to(conn, post_id, member.account_id)
        own = applications.of_account(conn, post_id, member.account_id)
        team = [] if own is None else applications.team_of(conn, [own.id]).get(own.id, [])
        if own is None or account_id not in [one.account_id for one in team]:
            raise NotFound("They are not in your team.")
        applications.put_member(conn, own.id, account_id, "removed")
        return seeing.one(conn, own.id, member.account_id)[1]

    return await server.db.write(unit)


async def answer(server: Server, member: Member, application_id: int, *, joins: bool) -> None:
    """Join a team that has asked, decline, or (having joined) leave it. Raises NotFound, Forbidden; Conflict for who applies in
    another way, after the deadline, and once it is decided."""
    await server.db.write(_answer, member.account_id, application_id, joins)


def _answer(conn: Connection, account_id: int, application_id: int, joins: bool) -> None:
    row = applications.by_id(conn, application_id)
    if row is None:
        raise NotFound("Record not found")
    opportunities.locked(conn, row.post_id)
    opportunity, found = seeing.one(conn, application_id, account_id)
    if not joins:
        if not found.may & {Action.JOIN, Action.LEAVE}:
            raise Conflict("It is decided, or not yours to leave.")
        applications.put_member(conn, application_id, account_id, "declined")
        return
    if Action.JOIN not in found.may:
        raise Conflict("You have answered already, or the deadline has passed.")
    applying.check_may_apply(conn, opportunity, account_id)
    if applications.takes_part(conn, opportunity.id, account_id):
        raise Conflict("You apply for this already: take that back first.")
    applications.put_member(conn, application_id, account_id, "confirmed")
