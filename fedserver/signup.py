"""How somebody becomes a member: sign up and confirm the address; or be made one by an admin. Who waits to be let in is in
`fedserver.admission`.

Whether an address is known is never said: who signs up with one that is gets what everybody gets, a sign-up that waits
to be confirmed, and its owner a mail. User names are public, so that one is taken is said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final
from zoneinfo import available_timezones

from sqlalchemy import Connection

from activitypub.identifiers import Uris
from fedserver import (
    email_addresses,
    invites,
    join_questions,
    mail_links,
    names,
    notifications,
    passwords,
    policies,
    settings,
)
from fedserver.config import Config
from fedserver.content.text import language_tag
from fedserver.context import Server
from fedserver.email_addresses import EmailAddress
from fedserver.errors import Conflict, Forbidden, Invalid, RateLimited
from fedserver.join_questions import Answer
from fedserver.keys import KeyPair, Keys, new_pair
from fedserver.mail import plan_mail
from fedserver.moderation import addresses, duty, networks
from fedserver.moderation.permissions import Permission, roles_with
from fedserver.remembered import network_of
from fedserver.settings import InstanceSettings
from fedserver.viewer import ROLES, Member, Role
from storage import accounts, rules, users
from storage.database import Database
from storage.types import DAY_MS, new_id, now_ms
from storage.users import UserRow

MAILS_PER_ADDRESS: Final = 5
MAILS_SECONDS: Final = 30 * 60
UNCONFIRMED_DAYS: Final = 7
DAY_SECONDS: Final = 86_400

_CLOSED: Final = {
    "closed": "This server takes no new members at the moment.",
    "invite": "This server takes new members by invitation. Please ask somebody who is here.",
}


class Full(RateLimited):
    """As many people have asked as somebody can read and answer."""

    default = "More people have asked to join than we can welcome at once. Please come again later."


@dataclass(frozen=True, slots=True)
class SignUp:
    """What the sign-up form asks. `agreed` says that the rules were accepted. `answers` are by the id of their question,
    which are asked where members are approved; apps, which know one question, leave it None and say a `reason`.
    `invite_code` is of a link by which somebody came."""

    username: str
    email: str
    password: str
    reason: str = ""
    agreed: bool = False
    locale: str = "en"
    time_zone: str = "UTC"
    answers: Mapping[str, str] | None = None
    invite_code: str = ""


@dataclass(frozen=True, slots=True)
class SignedUp:
    """What to tell whoever signed up, whether or not the address was known."""

    account_id: int
    needs_approval: bool


@dataclass(frozen=True, slots=True)
class NewUser:
    """A member to be made, checked: `password_hash` may be "" for one who signs in by a link first."""

    username: str
    email: EmailAddress
    password_hash: str = ""
    role: Role = "member"
    display_name: str = ""
    locale: str = "en"
    time_zone: str = "UTC"
    answers: Sequence[Answer] = ()
    trust: str = "member"
    confirmed: bool = False
    approved: bool = False


async def sign_up(server: Server, form: SignUp, *, ip: str = "") -> SignedUp:
    """Ask to become a member; a mail with a link to confirm follows.

    Raises Forbidden (closed, by invitation only, an invitation that has ended), Invalid (what, where), RateLimited (too
    many mails to one address or from one network, or as many people as may ask).
    """
    now = await settings.current(server)
    await server.db.read(_check_door, server.config, form.invite_code)
    answers = _answers(now, form)
    severity = (await networks.current(server)).severity(ip)
    if severity in ("sign_up_block", "no_access"):
        raise Forbidden("This server takes no new members from your network.")
    username = names.check_free_for_all(form.username)
    email = email_addresses.parse(form.email)
    doubtful = await addresses.check(server, email.text, ip=ip) or severity is not None
    password = passwords.check(form.password, (username, email.text, email.text.partition("@")[0]))
    if not form.agreed:
        raise Invalid({"agreement": "must be accepted"})
    _limit_mails(server, email.key)
    if ip:
        factor = server.config.rate_limit_factor
        server.remembered.attempts.take(f"sign-up:{network_of(ip)}", limit=20 * factor, seconds=MAILS_SECONDS)
    # Both take their time whether or not the address is known, so the time tells nothing.
    password_hash = await passwords.hash_of(password)
    pair = await new_pair(server.uris.actor(username))
    user = NewUser(
        username,
        email,
        password_hash,
        answers=answers,
        trust="member" if form.invite_code else "new",
        locale=locale_of(form.locale, now.language),
        time_zone=form.time_zone if form.time_zone in available_timezones() else now.time_zone,
    )
    return await server.db.write(_sign_up, server, user, pair, ip, doubtful, form.invite_code)


def _sign_up(
    conn: Connection, server: Server, user: NewUser, pair: KeyPair, ip: str, doubtful: bool, code: str
) -> SignedUp:
    uris = server.uris
    now = _check_door(conn, server.config, code)
    needs_approval = doubtful or (now.registrations == "approval" and not code)
    _check_name_free(conn, uris, user.username)
    # An invitation is used in any case: what is left of it must not tell whether the address is known.
    invite = invites.take(conn, now, code) if code else None
    known = users.by_email(conn, user.email.key)
    if known is not None:
        # A name that stays free, or an app's token that opens nothing, would tell that the address is known. So this waits
        # like any other sign-up, and is forgotten like any other unless another address is named (`confirm_later`).
        user = replace(user, email=email_addresses.nobodys())
    account_id = create_user(
        conn, uris, server.keys, user, pair, invite_id=None if invite is None else invite.id
    )
    if ip:
        rules.saw_ip(conn, account_id, ip[:64], now_ms())
    if not needs_approval:
        users.change(conn, account_id, approved_at=now_ms())
    policies.agree_on_joining(conn, account_id)
    if known is None:
        plan_mail(conn, account_id, "confirm", {"needs_approval": needs_approval})
    else:
        _tell_owner(conn, known, needs_approval=needs_approval)
    return SignedUp(account_id, needs_approval)


def _tell_owner(conn: Connection, known: UserRow, *, needs_approval: bool) -> None:
    """Somebody has given the address of a member as theirs: that it is known, the mailbox alone hears."""
    if known.confirmed_at is None:
        plan_mail(conn, known.account_id, "confirm", {"needs_approval": needs_approval})
    else:
        plan_mail(conn, known.account_id, "address_in_use")


def _answers(now: InstanceSettings, form: SignUp) -> list[Answer]:
    """What somebody answers to what they are asked: nothing where nobody reads it."""
    if form.invite_code or now.registrations != "approval":
        return []
    if form.answers is None:
        return join_questions.by_reason(now.join_questions, form.reason)
    return join_questions.check(now.join_questions, form.answers)


def create_user(
    conn: Connection, uris: Uris, keys: Keys, user: NewUser, pair: KeyPair, *, invite_id: int | None = None
) -> int:
    """Make account, keys and member within a unit; the account's id. `pair` is of the actor with this name.

    Raises Invalid if name or address is taken.
    """
    _check_name_free(conn, uris, user.username)
    if users.by_email(conn, user.email.key) is not None:
        raise Invalid({"email": "is taken"})
    account_id, is_in = new_id(), user.confirmed and user.approved
    accounts.insert_local(
        conn,
        account_id,
        uri=uris.actor(user.username),
        url=uris.profile(user.username),
        username=user.username,
        actor_type="Person",
        display_name=user.display_name,
        # Nobody is shown or listed before they are let in.
        hidden=not is_in,
        discoverable=is_in,
    )
    keys.store(conn, account_id, pair)
    users.add(
        conn,
        account_id,
        email=user.email.text,
        email_key=user.email.key,
        password_hash=user.password_hash,
        role=user.role,
        locale=user.locale,
        time_zone=user.time_zone,
        answers=join_questions.stored(user.answers),
        trust=user.trust,
        invite_id=invite_id,
        confirmed=user.confirmed,
        approved=user.approved,
    )
    return account_id


async def make_user(
    db: Database,
    uris: Uris,
    keys: Keys,
    *,
    username: str,
    email: str,
    password: str | None = None,
    role: Role = "member",
    display_name: str = "",
) -> int:
    """Make a member who is confirmed and approved: for the command line, imports and admins. Invalid as ever.

    Without a password they sign in by a link (`sessions.login_link`) and choose one.
    """
    if role not in ROLES:
        raise Invalid({"role": f"must be one of {', '.join(ROLES)}"})
    name = names.check(username)
    address = email_addresses.parse(email)
    password_hash = ""
    if password is not None:
        password_hash = await passwords.hash_of(passwords.check(password, (name, address.text)))
    user = NewUser(
        name, address, password_hash, role=role, display_name=display_name, confirmed=True, approved=True
    )
    pair = await new_pair(uris.actor(name))
    return await db.write(create_user, uris, keys, user, pair)


# --- confirming -----------------------------------------------------------------------------


async def full_until(server: Server) -> int | None:
    """When to come again (ms), because as many have asked to join as may; None where anybody can ask now."""

    def unit(conn: Connection) -> int | None:
        config = server.config
        seconds = _full_for(conn, settings.in_force(conn, config), config)
        return now_ms() + seconds * 1000 if seconds else None

    return await server.db.read(unit)


async def look_at_confirmation(server: Server, secret: str) -> UserRow:
    """Whose address the link confirms, for its page: changes nothing. Raises LinkExpired."""

    def unit(conn: Connection) -> UserRow:
        link = mail_links.look_at(conn, secret, "confirm")
        member = users.by_id(conn, link.account_id)
        if member is None:
            raise mail_links.LinkExpired
        return member

    return await server.db.read(unit)


async def confirm(server: Server, secret: str) -> UserRow:
    """The address is theirs: let them in, or tell the staff who waits; for a changed address, use it from now on.

    Raises LinkExpired, or Conflict if somebody else has that address by now.
    """
    return await server.db.write(_confirm, server, secret)


def _confirm(conn: Connection, server: Server, secret: str) -> UserRow:
    link = mail_links.use(conn, secret, "confirm")
    member = users.by_id(conn, link.account_id)
    if member is None or member.disabled_at is not None or member.suspended_at is not None:
        raise mail_links.LinkExpired
    if link.detail:
        _change_address(conn, member, link.detail)
    elif member.confirmed_at is None:
        users.change(conn, member.account_id, confirmed_at=now_ms())
        if member.approved_at is not None:
            accounts.change(conn, member.account_id, hidden=False, discoverable=True)
            plan_mail(conn, member.account_id, "welcome")
            invites.arrived(conn, server, member)
        else:
            _tell_staff(conn, member)
    return users.by_id(conn, member.account_id) or member


async def resend_confirmation(server: Server, email: str) -> None:
    """Send the link again, if somebody waits for it; says nothing either way. Raises Invalid, RateLimited."""
    address = email_addresses.parse(email)
    _limit_mails(server, address.key)

    def unit(conn: Connection) -> None:
        member = users.by_email(conn, address.key)
        if member is not None and member.confirmed_at is None:
            plan_mail(conn, member.account_id, "confirm", {"needs_approval": member.approved_at is None})

    await server.db.write(unit)


async def is_confirmed(server: Server, member: Member) -> bool:
    """Whether the member's address is."""
    row = await server.db.read(users.by_id, member.account_id)
    return row is not None and row.confirmed_at is not None


async def confirm_later(server: Server, member: Member, email: str | None) -> None:
    """Send somebody who signed up through an app the link again, to another address if they name one. Whether that
    is somebody else's is not told.

    Raises Forbidden for who is confirmed, Invalid for an address that cannot be used, RateLimited.
    """
    address = None if email is None else email_addresses.parse(email)
    if address is not None:
        await addresses.check(server, address.text)
    row = await server.db.read(users.by_id, member.account_id)
    if row is None or row.confirmed_at is not None:
        raise Forbidden("This method is only available while the e-mail is awaiting confirmation")
    _limit_mails(server, row.email_key if address is None else address.key)

    def unit(conn: Connection) -> None:
        if address is not None and address.key != row.email_key:
            known = users.by_email(conn, address.key)
            if known is not None:
                _tell_owner(conn, known, needs_approval=known.approved_at is None)
                return
            users.change(conn, row.account_id, email=address.text, email_key=address.key)
            # A link that was sent to the first mailbox proves nothing about this one.
            mail_links.withdraw(conn, row.account_id)
        plan_mail(conn, row.account_id, "confirm", {"needs_approval": row.approved_at is None})

    await server.db.write(unit)


def _change_address(conn: Connection, member: UserRow, address: str) -> None:
    email = email_addresses.parse(address)
    if users.by_email(conn, email.key) is not None:
        raise Conflict("This address belongs to another account by now.")
    plan_mail(conn, member.account_id, "address_changed", {"to": member.email, "new_address": email.text})
    users.change(conn, member.account_id, email=email.text, email_key=email.key)
    # A link that was sent to the old mailbox must not open the account any more.
    mail_links.withdraw(conn, member.account_id)


def _tell_staff(conn: Connection, member: UserRow) -> None:
    for staff_id in users.staff_ids(conn, roles_with(Permission.MANAGE_JOINS)):
        notifications.notify(conn, staff_id, "admin.sign_up", member.account_id)
    duty.waits(conn, Permission.MANAGE_JOINS)


def forget_unconfirmed(conn: Connection) -> int:
    """Delete sign-ups that nobody confirmed for a week, so that names are free again; how many."""
    before = now_ms() - UNCONFIRMED_DAYS * DAY_MS
    forgotten = users.never_confirmed(conn, before)
    for account_id in forgotten:
        users.remove_with_account(conn, account_id)
    return len(forgotten)


def locale_of(wanted: str, otherwise: str) -> str:
    """A language tag as we keep it, or `otherwise` if this is none."""
    return (language_tag(wanted) or otherwise)[:16]


def _check_door(conn: Connection, config: Config, code: str) -> InstanceSettings:
    """The settings in force, where somebody may ask to come in, with an invitation or ("") without."""
    now = settings.in_force(conn, config)
    if code:
        invites.holding(conn, now, code)
        return now
    if now.registrations in _CLOSED:
        raise Forbidden(now.registrations_message or _CLOSED[now.registrations])
    seconds = _full_for(conn, now, config)
    if seconds:
        raise Full(seconds)
    return now


def _full_for(conn: Connection, now: InstanceSettings, config: Config) -> int:
    """For how many seconds nobody else can ask; 0 where somebody can."""
    if (
        now.registrations == "approval"
        and now.joins_waiting_max
        and users.count_waiting(conn) >= now.joins_waiting_max
    ):
        return DAY_SECONDS
    if not now.joins_a_day_max:
        return 0
    most = max(1, int(now.joins_a_day_max * config.rate_limit_factor))
    at = now_ms()
    asked = users.asked_since(conn, at - DAY_MS)
    if len(asked) < most:
        return 0
    # As soon as enough of them asked more than a day ago.
    return max(1, (asked[-most] + DAY_MS - at) // 1000)


def _check_name_free(conn: Connection, uris: Uris, username: str) -> None:
    if users.name_is_taken(conn, username.casefold(), names.addresses(username, uris)):
        raise Invalid({"username": "is taken"})


def _limit_mails(server: Server, email_key: str) -> None:
    limit = MAILS_PER_ADDRESS * server.config.rate_limit_factor
    server.remembered.attempts.take(f"mail:{email_key}", limit=limit, seconds=MAILS_SECONDS)
