"""Signing in and out in a browser, and getting back in: passwords, sessions, links that sign in once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from fedserver import email_addresses, mail_links, passkeys, passwords, second_factors
from fedserver.content.text import clean_line
from fedserver.context import Server
from fedserver.errors import Conflict, Forbidden, Invalid, NotFound, Unauthorized
from fedserver.mail import plan_mail
from fedserver.moderation import actions, audit
from fedserver.moderation import addresses as mail_rules
from fedserver.moderation.permissions import Permission, require
from fedserver.remembered import digest, new_secret
from fedserver.second_factors import Factors
from fedserver.viewer import PAGE_SCOPES, ROLES, Member, Role
from storage import oauth, rules, sessions, users
from storage import second_factors as steps
from storage.oauth import TokenHolder
from storage.sessions import SessionHolder, SessionRow
from storage.types import DAY_MS, HOUR_MS, instant_of, now_ms
from storage.users import UserRow

SESSION_MS: Final = 90 * DAY_MS  # from the last visit
FRESH_MS: Final = 30 * 60_000
STEP_MS: Final = 600_000  # between the password and the second factor
SEEN_EVERY_MS: Final = HOUR_MS
LOGINS_PER_ACCOUNT: Final = 25
LOGINS_SECONDS: Final = 3_600
RESETS_PER_ADDRESS: Final = 5
RESETS_SECONDS: Final = 1_800
USER_AGENT_CHARS_MAX: Final = 300

_WRONG: Final = "The name or the password is not right, or the address is not confirmed yet."


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session that has just begun. `secret` goes into the cookie and is never seen again."""

    secret: str
    id: int
    account_id: int
    expires_at: int


def check_standing(row: UserRow | SessionHolder | TokenHolder, *, pending: bool = False) -> None:
    """Forbidden, in the words of Mastodon's API, unless this member may come in; `pending` ones may, too, who have
    still to confirm their address or to be approved."""
    if row.disabled_at is not None or row.suspended_at is not None or row.deleted_at is not None:
        raise Forbidden("Your login is currently disabled")
    if pending:
        return
    if row.confirmed_at is None:
        raise Forbidden("Your login is missing a confirmed e-mail address")
    if row.approved_at is None:
        raise Forbidden("Your login is currently pending approval")


@dataclass(frozen=True, slots=True)
class SecondStep:
    """The password was right, and a second factor is asked for. `secret` goes into a cookie."""

    secret: str


async def log_in(
    server: Server, name: str, password: str, *, ip: str = "", user_agent: str = "", target: str = ""
) -> NewSession | SecondStep:
    """Begin a session with a password; `name` is the user name or the e-mail address. Who has a second factor has to
    give it first; `target` is kept for after that.

    Raises Unauthorized (never saying which of the two is wrong), Forbidden (not confirmed, not approved,
    disabled), RateLimited (25 tries an hour for one account).
    """
    row = await authenticate(server, name, password)
    if passwords.is_outdated(row.password_hash):
        rehashed = await passwords.hash_of(passwords.normalise(password))
        await server.db.write(_put_password, row.account_id, rehashed)

    def unit(conn: Connection) -> NewSession | SecondStep:
        if not second_factors.factors(conn, row.account_id).any:
            return begin(conn, row.account_id, ip=ip, user_agent=user_agent)
        secret, secret_hash = new_secret()
        expires_at = now_ms() + STEP_MS
        steps.add_step(
            conn,
            secret_hash,
            purpose="second",
            account_id=row.account_id,
            target=target,
            expires_at=expires_at,
        )
        return SecondStep(secret)

    return await server.db.write(unit)


async def look_at_step(server: Server, secret: str) -> tuple[UserRow, Factors, str] | None:
    """Who has given the password and with what they may go on, and where to; None when the time for it is over."""

    def unit(conn: Connection) -> tuple[UserRow, Factors, str] | None:
        found = _step(conn, secret)
        return (
            None if found is None else (found[0], second_factors.factors(conn, found[0].account_id), found[1])
        )

    return await server.db.read(unit)


async def finish_step(
    server: Server, secret: str, *, code: str = "", passkey: str = "", ip: str = "", user_agent: str = ""
) -> tuple[NewSession, str]:
    """Begin the session with a code or the answer of a passkey; where to go on.

    Raises LinkExpired when the time for it is over, Invalid, Forbidden, RateLimited (ten tries in ten minutes).
    """
    found = await look_at_step(server, secret)
    if found is None:
        raise mail_links.LinkExpired("Please sign in again: the time for the second step is over.")
    account_id = found[0].account_id
    second_factors.count_try(server, account_id)

    def unit(conn: Connection) -> tuple[NewSession, str]:
        again = _step(conn, secret)
        if again is None or not steps.end_step(conn, digest(secret)):
            raise mail_links.LinkExpired("Please sign in again: the time for the second step is over.")
        check_standing(again[0])
        _prove(conn, server, account_id, code=code, passkey=passkey)
        return begin(conn, account_id, ip=ip, user_agent=user_agent), again[1]

    begun = await server.db.write(unit)
    second_factors.forgive_tries(server, account_id)
    return begun


def _step(conn: Connection, secret: str) -> tuple[UserRow, str] | None:
    row = steps.step(conn, digest(secret), "second")
    if row is None or row.account_id is None or row.expires_at <= now_ms():
        return None
    user = users.by_id(conn, row.account_id)
    return None if user is None else (user, row.target)


def _prove(conn: Connection, server: Server, account_id: int, *, code: str, passkey: str) -> None:
    if passkey:
        if passkeys.prove(conn, server.config, passkey) != account_id:
            raise Invalid({"code": "is of somebody else"})
    elif not second_factors.spend(conn, server.config, account_id, code):
        raise Invalid({"code": "is not right, or was used already"})


async def log_in_by_passkey(server: Server, answer: str, *, ip: str = "", user_agent: str = "") -> NewSession:
    """Begin a session with a passkey alone, which is two factors in one: the device, and what unlocks it.

    Raises Invalid, Forbidden.
    """

    def unit(conn: Connection) -> NewSession:
        row = users.by_id(conn, passkeys.prove(conn, server.config, answer))
        if row is None:
            raise Invalid({"passkey": "is of nobody"})
        check_standing(row)
        return begin(conn, row.account_id, ip=ip, user_agent=user_agent)

    return await server.db.write(unit)


def is_fresh(member: Member) -> bool:
    """Whether the member has shown not long ago, in this session, who they are."""
    return member.proved_at >= now_ms() - FRESH_MS


async def prove_again(
    server: Server, member: Member, *, password: str = "", code: str = "", passkey: str = ""
) -> None:
    """Whoever sits there shows once more that they are the member. Raises Invalid, Conflict, RateLimited."""
    if member.session_id is None:
        raise Unauthorized
    session_id = member.session_id
    if password:
        await check_password(server, member, password, field="proof_password")
        await server.db.write(sessions.proved, session_id, now_ms())
    else:
        second_factors.count_try(server, member.account_id)

        def unit(conn: Connection) -> None:
            _prove(conn, server, member.account_id, code=code, passkey=passkey)
            sessions.proved(conn, session_id, now_ms())

        await server.db.write(unit)
        second_factors.forgive_tries(server, member.account_id)
    server.remembered.forget_session(session_id)


async def authenticate(server: Server, name: str, password: str) -> UserRow:
    """The member with this name and password. Raises as `log_in`; a known and an unknown name take equally long."""
    row = await server.db.read(_by_login, name)
    key = f"log-in:{row.account_id if row else name.strip().casefold()[:300]}"
    limit = LOGINS_PER_ACCOUNT * server.config.rate_limit_factor
    server.remembered.attempts.take(key, limit=limit, seconds=LOGINS_SECONDS)
    if not await passwords.matches(password, row.password_hash if row else "") or row is None:
        raise Unauthorized(_WRONG)
    server.remembered.attempts.forgive(key)
    check_standing(row)
    return row


def begin(conn: Connection, account_id: int, *, ip: str = "", user_agent: str = "") -> NewSession:
    """Begin a session, within a unit, for somebody who has proved who they are."""
    now = now_ms()
    secret, secret_hash = new_secret()
    session_id = sessions.add(
        conn,
        account_id,
        secret_hash=secret_hash,
        ip=ip[:64],
        user_agent=clean_line(user_agent)[:USER_AGENT_CHARS_MAX],
        now=now,
        expires_at=now + SESSION_MS,
    )
    users.touch(conn, account_id, now)
    if ip:
        rules.saw_ip(conn, account_id, ip[:64], now)
    return NewSession(secret, session_id, account_id, now + SESSION_MS)


async def viewer_of_cookie(server: Server, secret: str) -> Member | None:
    """Who is signed in with this cookie; None if it is none (any more) or its member may not come in."""
    server.remembered.listen(server.bus)

    async def load() -> SessionHolder | None:
        row = await server.db.read(sessions.holder, digest(secret))
        now = now_ms()
        if row is None or row.expires_at <= now:
            raise Unauthorized
        check_standing(row)
        if row.last_seen_at < now - SEEN_EVERY_MS:
            await server.db.write(_seen, row.id, row.account_id, now)
        return row

    try:
        row: SessionHolder = await server.remembered.sessions.get(digest(secret), load)
    except (Unauthorized, Forbidden):
        return None
    return Member(
        row.account_id,
        row.username,
        role_of(row.role),
        PAGE_SCOPES,
        session_id=row.id,
        proved_at=row.proved_at,
        has_second_factor=bool(row.has_second_factor),
    )


def role_of(role: str | None) -> Role:
    """A stored role as its type; an unknown one may do least."""
    return next((one for one in ROLES if one == role), "member")


async def of_member(server: Server, member: Member) -> list[SessionRow]:
    """The member's sessions, most recently used first; `member.session_id` is the present one."""
    return await server.db.read(sessions.of_member, member.account_id, now_ms())


def begun_at(row_id: int) -> int:
    """When the session with this id began."""
    return instant_of(row_id)


async def log_out(server: Server, member: Member) -> None:
    """End the present session."""
    if member.session_id is not None:
        await server.db.write(sessions.end, member.account_id, member.session_id)
        server.remembered.forget_session(member.session_id)


async def end(server: Server, member: Member, session_id: int) -> None:
    """End one of the member's sessions; NotFound if it is not theirs."""
    if not await server.db.write(sessions.end, member.account_id, session_id):
        raise NotFound
    server.remembered.forget_session(session_id)


async def end_for(server: Server, member: Member, account_id: int) -> None:
    """Sign somebody out everywhere, apps included. Raises Forbidden, NotFound."""
    require(member, Permission.MANAGE_USERS)

    def unit(conn: Connection) -> None:
        row, user = actions.decidable(conn, member, account_id)
        if user is None:
            raise NotFound("Record not found")
        end_everything(conn, account_id)
        audit.note(conn, member, "end_sessions", ("account", account_id, row.username))

    await server.db.write(unit)
    server.remembered.forget_member(account_id)


async def end_others(server: Server, member: Member) -> None:
    """Sign out everywhere else: other browsers and all apps."""
    await server.db.write(end_everything, member.account_id, keep=member.session_id)
    server.remembered.forget_member(member.account_id)


def end_everything(conn: Connection, account_id: int, *, keep: int | None = None) -> None:
    """End all sessions but `keep`, all apps' tokens and all links that could open the account; for units."""
    sessions.end_all(conn, account_id, keep=keep)
    steps.end_steps(conn, account_id)
    oauth.revoke_all(conn, account_id, now_ms())
    mail_links.withdraw(conn, account_id)


# --- passwords ------------------------------------------------------------------------------


async def check_password(
    server: Server, member: Member, password: str, *, field: str = "password"
) -> UserRow:
    """Make sure that the member sits at the keyboard. Raises Invalid, RateLimited; Conflict without a password."""
    row = await server.db.read(users.by_id, member.account_id)
    if row is None:
        raise NotFound
    if not row.password_hash:
        raise Conflict("You have no password yet. Please set one first.")
    limit = LOGINS_PER_ACCOUNT * server.config.rate_limit_factor
    server.remembered.attempts.take(f"password:{row.account_id}", limit=limit, seconds=LOGINS_SECONDS)
    if not await passwords.matches(password, row.password_hash):
        raise Invalid({field: "is not right"})
    server.remembered.attempts.forgive(f"password:{row.account_id}")
    return row


async def change_password(server: Server, member: Member, *, old: str, new: str) -> None:
    """Change the password and sign out everywhere else. `old` is not asked of whoever has none yet.

    Raises Invalid for ``current_password`` or ``password``.
    """
    row = await server.db.read(users.by_id, member.account_id)
    if row is None:
        raise NotFound
    if row.password_hash:
        await check_password(server, member, old, field="current_password")
    password_hash = await passwords.hash_of(passwords.check(new, (row.username, row.email)))

    def unit(conn: Connection) -> None:
        users.change(conn, member.account_id, password_hash=password_hash)
        end_everything(conn, member.account_id, keep=member.session_id)
        plan_mail(conn, member.account_id, "password_changed")

    await server.db.write(unit)
    server.remembered.forget_member(member.account_id)


async def change_email(server: Server, member: Member, *, password: str, email: str) -> None:
    """Ask for another address; it is used once the link sent there has been confirmed. Raises Invalid, RateLimited."""
    await check_password(server, member, password, field="current_password")
    address = email_addresses.parse(email)
    await mail_rules.check(server, address.text)
    limit = RESETS_PER_ADDRESS * server.config.rate_limit_factor
    server.remembered.attempts.take(f"mail:{address.key}", limit=limit, seconds=RESETS_SECONDS)

    def unit(conn: Connection) -> None:
        known = users.by_email(conn, address.key)
        if known is not None and known.account_id != member.account_id:
            # Its owner hears of it; whoever asked learns nothing.
            plan_mail(conn, known.account_id, "address_in_use")
        elif known is None:
            plan_mail(conn, member.account_id, "confirm_change", {"to": address.text})

    await server.db.write(unit)


async def request_reset(server: Server, email: str) -> None:
    """Send a link for a new password, if a member has this address; says nothing either way.

    Raises Invalid for what is no address, RateLimited after five in half an hour for one address.
    """
    address = email_addresses.parse(email)
    limit = RESETS_PER_ADDRESS * server.config.rate_limit_factor
    server.remembered.attempts.take(f"mail:{address.key}", limit=limit, seconds=RESETS_SECONDS)

    def unit(conn: Connection) -> None:
        row = users.by_email(conn, address.key)
        if row is not None and not (row.disabled_at or row.suspended_at or row.deleted_at):
            plan_mail(conn, row.account_id, "reset")

    await server.db.write(unit)


async def look_at_reset(server: Server, secret: str) -> UserRow:
    """Whose password the link changes, for its page: changes nothing. Raises LinkExpired, Forbidden (disabled)."""

    def unit(conn: Connection) -> UserRow:
        row = users.by_id(conn, mail_links.look_at(conn, secret, "reset").account_id)
        if row is None:
            raise mail_links.LinkExpired
        check_standing(row, pending=True)
        return row

    return await server.db.read(unit)


async def reset_password(server: Server, secret: str, new: str) -> UserRow:
    """Set the password with a link, and sign out everywhere. Raises LinkExpired, Forbidden (disabled), Invalid (the link
    stays good)."""
    row = await look_at_reset(server, secret)
    password_hash = await passwords.hash_of(passwords.check(new, (row.username, row.email)))

    def unit(conn: Connection) -> None:
        link = mail_links.use(conn, secret, "reset")
        users.change(conn, link.account_id, password_hash=password_hash)
        end_everything(conn, link.account_id)
        plan_mail(conn, link.account_id, "password_changed")

    await server.db.write(unit)
    server.remembered.forget_member(row.account_id)
    return row


# --- links that sign in once ----------------------------------------------------------------


def login_link(conn: Connection, origin: str, account_id: int) -> str:
    """A link that signs this member in once, within a day: printed for the first admin, within a unit."""
    return mail_links.mint(conn, origin, account_id, "login")


async def log_in_by_link(server: Server, secret: str, *, ip: str = "", user_agent: str = "") -> NewSession:
    """Begin a session with such a link. Raises LinkExpired, Forbidden."""

    def unit(conn: Connection) -> NewSession:
        link = mail_links.use(conn, secret, "login")
        row = users.by_id(conn, link.account_id)
        if row is None:
            raise mail_links.LinkExpired
        check_standing(row)
        return begin(conn, row.account_id, ip=ip, user_agent=user_agent)

    return await server.db.write(unit)


def _by_login(conn: Connection, name: str) -> UserRow | None:
    name = name.strip()
    if "@" in name.removeprefix("@"):
        try:
            row = users.by_email(conn, email_addresses.parse(name).key)
        except Invalid:
            return None
        # Whoever signs up with an address and then in with it must not learn whether it was known before.
        return row if row is not None and row.confirmed_at is not None else None
    return users.by_name(conn, name.removeprefix("@"))


def _put_password(conn: Connection, account_id: int, password_hash: str) -> None:
    users.change(conn, account_id, password_hash=password_hash)


def _seen(conn: Connection, session_id: int, account_id: int, now: int) -> None:
    sessions.seen(conn, session_id, at_ms=now, expires_at=now + SESSION_MS)
    users.touch(conn, account_id, now)
