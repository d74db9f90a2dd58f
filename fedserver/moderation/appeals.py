"""Appeals: a member says why a decision was wrong, and somebody else than who made it looks at it again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from fedserver import mail_links
from fedserver.content.text import clean_text
from fedserver.context import Server
from fedserver.errors import Conflict, Forbidden, Invalid, NotFound
from fedserver.mail import plan_mail
from fedserver.moderation import actions, audit, duty
from fedserver.moderation.permissions import NOT_ALLOWED, Permission, require
from fedserver.viewer import Member
from storage import accounts, strikes, users
from storage.accounts import AccountRow
from storage.paging import Window
from storage.strikes import Strike
from storage.types import DAY_MS, now_ms

__all__ = ["Strike", "Window"]

TEXT_CHARACTERS_MAX: Final = 2_000
APPEALED_WITHIN_MS: Final = 20 * DAY_MS


@dataclass(frozen=True, slots=True)
class Told:
    """A decision as its member sees it: who made it is not said. `together` is all that was decided at once."""

    strike: Strike
    username: str
    may_appeal: bool
    together: tuple[Strike, ...] = ()


# -- for the member


async def of_member(server: Server, member: Member) -> list[Told]:
    """What was decided about a member, the newest first."""

    def unit(conn: Connection) -> list[Told]:
        found = strikes.of_account(conn, member.account_id, Window(limit=100))
        return [Told(one, member.username, False) for one in found]

    return await server.db.read(unit)


async def own(server: Server, member: Member, strike_id: int) -> Told:
    """One decision about a member. Raises NotFound."""

    def unit(conn: Connection) -> Told:
        found = strikes.by_id(conn, strike_id)
        if found is None or found.account_id != member.account_id:
            raise NotFound
        return _told(conn, found, member.username)

    return await server.db.read(unit)


async def by_link(server: Server, secret: str) -> Told:
    """The decision that a mail told of: for members who cannot sign in any more. Raises LinkExpired."""
    return await server.db.read(_by_link, secret)


def _by_link(conn: Connection, secret: str) -> Told:
    link = mail_links.look_at(conn, secret, "appeal")
    found = strikes.by_id(conn, int(link.detail))
    row = accounts.by_id(conn, link.account_id)
    if found is None or row is None or found.account_id != row.id:
        raise mail_links.LinkExpired
    return _told(conn, found, row.username)


async def appeal(server: Server, member: Member, strike_id: int, text: str) -> None:
    """Appeal against a decision about oneself. Raises NotFound, Invalid, Conflict (too late, or done before)."""
    wanted = _checked(text)

    def unit(conn: Connection) -> None:
        found = strikes.by_id(conn, strike_id)
        if found is None or found.account_id != member.account_id:
            raise NotFound
        _appeal(conn, found, member.username, wanted)

    await server.db.write(unit)


async def appeal_by_link(server: Server, secret: str, text: str) -> None:
    """The same with the link of a mail. Raises LinkExpired, Invalid, Conflict."""
    wanted = _checked(text)

    def unit(conn: Connection) -> None:
        told = _by_link(conn, secret)
        _appeal(conn, told.strike, told.username, wanted)

    await server.db.write(unit)


def _told(conn: Connection, strike: Strike, username: str) -> Told:
    in_time = strike.created_at > now_ms() - APPEALED_WITHIN_MS
    # What was decided at once is appealed against at once.
    together = strikes.together(conn, strike)
    appealed = any(one.appeal_id is not None for one in together)
    return Told(strike, username, not appealed and strike.undone_at is None and in_time, tuple(together))


def _checked(text: str) -> str:
    wanted = clean_text(text)
    if not wanted:
        raise Invalid({"text": "must be filled in"})
    if len(wanted) > TEXT_CHARACTERS_MAX:
        raise Invalid({"text": f"is too long (at most {TEXT_CHARACTERS_MAX} characters)"})
    return wanted


def _appeal(conn: Connection, strike: Strike, username: str, text: str) -> None:
    if not _told(conn, strike, username).may_appeal or strikes.add_appeal(conn, strike.id, text) is None:
        raise Conflict("This decision cannot be appealed against any more.")
    duty.waits(conn, Permission.MANAGE_APPEALS)


# -- for those who decide


@dataclass(frozen=True, slots=True)
class Appealed:
    """A decision that is appealed against: whom it is about, who made it, all that was decided at once, and why the
    member who asks may not settle it ("" if they may)."""

    strike: Strike
    row: AccountRow
    actor: AccountRow | None
    together: tuple[Strike, ...]
    may_not: str


async def listed(server: Server, member: Member, window: Window, *, pending: bool = True) -> list[Appealed]:
    """Appeals, the newest first: those that wait, or those that are settled. Raises Forbidden."""
    require(member, Permission.MANAGE_APPEALS)

    def unit(conn: Connection) -> list[Appealed]:
        found = strikes.appealed(conn, window, pending=pending)
        concerned = {one for each in found for one in (each.account_id, each.actor_id) if one is not None}
        known = accounts.by_ids(conn, concerned)
        return [_appealed(one, (one,), known, member) for one in found if one.account_id in known]

    return await server.db.read(unit)


async def one(server: Server, member: Member, appeal_id: int) -> Appealed:
    """One appeal, with all that was decided at once. Raises Forbidden, NotFound."""
    require(member, Permission.MANAGE_APPEALS)

    def unit(conn: Connection) -> Appealed:
        found = strikes.by_appeal(conn, appeal_id)
        if found is None:
            raise NotFound("Record not found")
        known = accounts.by_ids(conn, {found.account_id} | ({found.actor_id} if found.actor_id else set()))
        return _appealed(found, strikes.together(conn, found), known, member)

    return await server.db.read(unit)


def _appealed(
    found: Strike, together: Sequence[Strike], known: Mapping[int, AccountRow], member: Member
) -> Appealed:
    may_not = ""
    if member.account_id == found.account_id:
        may_not = "This is about you: somebody else looks at it."
    elif member.account_id in {one.actor_id for one in together}:
        may_not = "You decided this: somebody else looks at it again."
    actor = None if found.actor_id is None else known.get(found.actor_id)
    return Appealed(found, known[found.account_id], actor, tuple(together), may_not)


async def page(server: Server, member: Member, window: Window, *, pending: bool = True) -> list[Strike]:
    """Decisions that somebody appeals against, the newest appeal first. Raises Forbidden."""
    require(member, Permission.MANAGE_APPEALS)
    return await server.db.read(lambda conn: strikes.appealed(conn, window, pending=pending))


async def decide(server: Server, member: Member, appeal_id: int, *, approved: bool) -> None:
    """Settle an appeal: approved, the decision is taken back. The member hears of it by mail.

    Raises Forbidden for whoever made the decision or is its subject, NotFound, Conflict if it has been settled.
    """
    require(member, Permission.MANAGE_APPEALS)

    def unit(conn: Connection) -> int:
        strike = strikes.by_appeal(conn, appeal_id)
        if strike is None:
            raise NotFound("Record not found")
        if member.account_id in (strike.actor_id, strike.account_id):
            raise Forbidden(NOT_ALLOWED)
        if not strikes.decide_appeal(conn, appeal_id, by_id=member.account_id, approved=approved):
            raise Conflict("This appeal has been settled.")
        if approved:
            actions.lift_together(conn, server, strike)
        row, user = accounts.by_id(conn, strike.account_id), users.by_id(conn, strike.account_id)
        name = "" if row is None else actions.handle_of(row)
        audit.note(
            conn,
            member,
            "approve_appeal" if approved else "reject_appeal",
            ("account", strike.account_id, name),
            after={"strike_id": str(strike.id), "action": strike.action},
        )
        if user is not None:
            plan_mail(conn, user.account_id, "appeal_decided", {"approved": approved})
        return strike.account_id

    server.remembered.forget_member(await server.db.write(unit))
