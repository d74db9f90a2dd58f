"""Second factors of members: codes of an app that counts time, recovery codes for when it is lost, and who must have one.

Passkeys are in `fedserver.passkeys`. What is proved here opens a session in `fedserver.sessions`.
"""

from __future__ import annotations

import hmac
import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection

from fedserver import sealing, settings
from fedserver.config import Config
from fedserver.context import Server
from fedserver.errors import Conflict, Invalid, NotFound
from fedserver.later import Later
from fedserver.mail import plan_mail
from fedserver.moderation import actions, audit
from fedserver.moderation.permissions import Permission, require
from fedserver.settings import InstanceSettings
from fedserver.viewer import Member
from storage import second_factors as stored
from storage import users
from storage.second_factors import PasskeyRow
from storage.types import now_ms
from storage.users import UserRow

if TYPE_CHECKING:
    import pyotp
else:
    pyotp = Later("pyotp")

STEP_SECONDS: Final = 30
STEPS_ASIDE: Final = 1  # clocks of telephones are not ours
TRIES: Final = 10
TRIES_SECONDS: Final = 600
CODES: Final = 10
CODE_CHARS: Final = 16
_ALPHABET: Final = (
    "23456789abcdefghjkmnpqrstuvwxyz"  # without what is mistaken for something else: 79 bits a code
)
_SEALED_ABOUT: Final = "totp of {}"
_NOT_IN_CODE: Final = re.compile(r"[\s-]+")


@dataclass(frozen=True, slots=True)
class Factors:
    """The second factors of somebody. `codes_left` counts recovery codes."""

    has_totp: bool
    passkeys: tuple[PasskeyRow, ...]
    codes_left: int

    @property
    def any(self) -> bool:
        """Whether there is one."""
        return self.has_totp or bool(self.passkeys)


@dataclass(frozen=True, slots=True)
class Setup:
    """What an app needs to count along: as an address, for a picture of it, and to be typed."""

    secret: str
    uri: str


def factors(conn: Connection, account_id: int) -> Factors:
    """What somebody has, within a unit."""
    row = stored.totp_of(conn, account_id)
    return Factors(
        row is not None and row.confirmed_at is not None,
        tuple(stored.passkeys_of(conn, account_id)),
        stored.count_codes(conn, account_id),
    )


async def of_account(server: Server, account_id: int) -> Factors:
    """What somebody has."""
    return await server.db.read(factors, account_id)


def is_missing(now: InstanceSettings, member: Member) -> bool:
    """Whether the member must have a second factor before going on, and has none."""
    wanted = now.require_two_factor
    return not member.has_second_factor and (wanted == "everybody" or (wanted == "staff" and member.serves))


# --- proving --------------------------------------------------------------------------------


def count_try(server: Server, account_id: int) -> None:
    """Count one try at somebody's second factor. RateLimited after ten in ten minutes, whoever tries."""
    server.remembered.attempts.take(f"second-factor:{account_id}", limit=TRIES, seconds=TRIES_SECONDS)


def forgive_tries(server: Server, account_id: int) -> None:
    """The right one was given."""
    server.remembered.attempts.forgive(f"second-factor:{account_id}")


def spend(conn: Connection, config: Config, account_id: int, code: str) -> bool:
    """Use up a code of the app or for recovery, within a unit: False if it is wrong or was used before."""
    plain = _NOT_IN_CODE.sub("", code).lower()[:CODE_CHARS]
    if len(plain) == 6 and plain.isascii() and plain.isdigit():
        row = stored.totp_of(conn, account_id)
        return row is not None and row.confirmed_at is not None and _spend_totp(conn, config, row, plain)
    if len(plain) < CODE_CHARS:
        return False
    if not stored.use_code(conn, account_id, _digest(config, account_id, plain), now_ms()):
        return False
    tell(conn, account_id, "code_used", left=stored.count_codes(conn, account_id))
    return True


def _spend_totp(conn: Connection, config: Config, row: stored.TotpRow, code: str) -> bool:
    secret = sealing.unseal(config, row.sealed, _SEALED_ABOUT.format(row.account_id))
    if secret is None:  # the key it was sealed with is lost
        return False
    counted, present = pyotp.TOTP(secret, interval=STEP_SECONDS), now_ms() // 1000 // STEP_SECONDS
    for step in range(present - STEPS_ASIDE, present + STEPS_ASIDE + 1):
        if hmac.compare_digest(counted.at(step * STEP_SECONDS), code):
            return stored.use_step(conn, row.account_id, step)
    return False


# --- an app that counts ---------------------------------------------------------------------


async def begin_totp(server: Server, member: Member) -> None:
    """Make a secret for an app; it holds once a code has shown that the app has it. Conflict if there is one."""

    def unit(conn: Connection) -> None:
        row = stored.totp_of(conn, member.account_id)
        if row is not None and row.confirmed_at is not None:
            raise Conflict("You have an app for codes already.")
        secret = pyotp.random_base32()
        sealed = sealing.seal(server.config, secret, _SEALED_ABOUT.format(member.account_id))
        stored.begin_totp(conn, member.account_id, sealed, now_ms())

    await server.db.write(unit)


async def setup(server: Server, member: Member) -> Setup | None:
    """What the app needs, until it has shown a code; None when nothing is being set up."""
    row = await server.db.read(stored.totp_of, member.account_id)
    if row is None or row.confirmed_at is not None:
        return None
    secret = sealing.unseal(server.config, row.sealed, _SEALED_ABOUT.format(member.account_id))
    if secret is None:
        return None
    title = (await settings.current(server)).title
    name = f"{member.username}@{server.config.domain}"
    return Setup(secret, pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=title.replace(":", " ")))


async def confirm_totp(server: Server, member: Member, code: str) -> list[str]:
    """The app has shown a code: it holds from now on. Returns the recovery codes, which nobody sees again.

    Raises Invalid, NotFound, RateLimited.
    """
    count_try(server, member.account_id)

    def unit(conn: Connection) -> list[str]:
        row = stored.totp_of(conn, member.account_id)
        if row is None or row.confirmed_at is not None:
            raise NotFound
        if not _spend_totp(conn, server.config, row, _NOT_IN_CODE.sub("", code)):
            raise Invalid(
                {"code": "is not right: perhaps a new one has come, or the clock of the device is wrong"}
            )
        stored.confirm_totp(conn, member.account_id, now_ms())
        tell(conn, member.account_id, "totp_added")
        return _new_codes(conn, server.config, member.account_id)

    codes = await server.db.write(unit)
    forgive_tries(server, member.account_id)
    server.remembered.forget_member(member.account_id)
    return codes


async def remove_totp(server: Server, member: Member) -> None:
    """No codes of an app any more; recovery codes go with the last factor."""

    def unit(conn: Connection) -> None:
        if stored.remove_totp(conn, member.account_id):
            tell(conn, member.account_id, "totp_removed")
        tidy(conn, member.account_id)

    await server.db.write(unit)
    server.remembered.forget_member(member.account_id)


def tidy(conn: Connection, account_id: int) -> None:
    """Recovery codes are of no use without a factor, within a unit."""
    if not factors(conn, account_id).any:
        stored.remove_codes(conn, account_id)


# --- recovery codes -------------------------------------------------------------------------


async def renew_codes(server: Server, member: Member) -> list[str]:
    """Ten new recovery codes in place of all before, shown this once. Conflict without a second factor."""

    def unit(conn: Connection) -> list[str]:
        if not factors(conn, member.account_id).any:
            raise Conflict("Recovery codes are for when a second factor is lost, and you have none.")
        tell(conn, member.account_id, "codes_renewed")
        return _new_codes(conn, server.config, member.account_id)

    return await server.db.write(unit)


def _new_codes(conn: Connection, config: Config, account_id: int) -> list[str]:
    plain = ["".join(secrets.choice(_ALPHABET) for _ in range(CODE_CHARS)) for _ in range(CODES)]
    stored.put_codes(conn, account_id, [_digest(config, account_id, one) for one in plain])
    return ["-".join(one[at : at + 4] for at in range(0, CODE_CHARS, 4)) for one in plain]


def _digest(config: Config, account_id: int, plain: str) -> bytes:
    return sealing.digester(config, "recovery codes")(f"{account_id} {plain}")


# --- for somebody who has lost theirs -------------------------------------------------------


async def remove_for(server: Server, member: Member, account_id: int) -> None:
    """Take somebody's second factors away, who has lost them. Raises Forbidden, NotFound."""
    require(member, Permission.MANAGE_USER_ACCESS)

    def unit(conn: Connection) -> None:
        _, user = actions.decidable(conn, member, account_id)
        if user is None:
            raise NotFound("Record not found")
        remove_unit(conn, member, user)

    await server.db.write(unit)
    server.remembered.forget_member(account_id)


def remove_unit(conn: Connection, by: Member | None, user: UserRow) -> None:
    """The same within a unit, by somebody who may or (None) from the command line. Conflict where there are none."""
    if not stored.remove_all(conn, user.account_id):
        raise Conflict("There is no second factor to remove.")
    audit.note(conn, by, "remove_second_factors", ("account", user.account_id, user.username))
    tell(conn, user.account_id, "removed", by="" if by is None else by.username)


def tell(conn: Connection, account_id: int, what: str, **more: Any) -> None:
    row = users.by_id(conn, account_id)
    if row is not None and row.confirmed_at is not None:
        plan_mail(conn, account_id, "second_factor", {"what": what, "name": "", "left": 0, "by": "", **more})
