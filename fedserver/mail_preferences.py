"""What members hear by mail of groups, how often a digest comes, and their own addresses to post by mail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from zoneinfo import available_timezones

from sqlalchemy import Connection

from fedserver import digests, mail_codes
from fedserver.config import Config
from fedserver.context import Server
from fedserver.errors import Invalid, NotFound
from fedserver.groups import mailing, rules
from fedserver.groups.rules import Action, Standing
from fedserver.viewer import Member
from storage import groups, mail_preferences, users
from storage.types import now_ms

GROUPS_WORDS: Final = "each post of the groups, topics and discussions where you asked for that"
DIGEST_WORDS: Final = "what is new, in a digest"


@dataclass(frozen=True, slots=True)
class GroupAddress:
    """Where a member begins discussions in a group by mail."""

    name: str
    url: str
    address: str


@dataclass(frozen=True, slots=True)
class Shown:
    """`addresses` are empty where nobody posts by mail; `posts_by_mail` says whether anybody does."""

    wants_groups: bool
    rhythm: str
    posts_by_mail: bool
    addresses: tuple[GroupAddress, ...]


async def show(server: Server, member: Member) -> Shown:
    """What the member has chosen, and their addresses."""

    def unit(conn: Connection) -> Shown:
        row = mail_preferences.ensure(conn, member.account_id)
        addresses = (
            _addresses(conn, server.config, member.account_id) if server.config.mail_in_address else ()
        )
        return Shown(row.wants_groups, row.rhythm, bool(server.config.mail_in_address), tuple(addresses))

    return await server.db.write(unit)


async def choose(
    server: Server, member: Member, *, wants_groups: bool, rhythm: str, time_zone: str | None = None
) -> None:
    """Set them; `rhythm` is daily, weekly or off, `time_zone` an IANA name, None leaves it. Raises Invalid."""
    if rhythm not in digests.RHYTHMS:
        raise Invalid({"rhythm": f"must be one of {', '.join(digests.RHYTHMS)}"})
    if time_zone is not None and time_zone not in available_timezones():
        raise Invalid({"time_zone": "is not a time zone such as Europe/Berlin"})

    def unit(conn: Connection) -> None:
        row = mail_preferences.ensure(conn, member.account_id)
        user = users.by_id(conn, member.account_id)
        moved = user is not None and time_zone not in (None, user.time_zone)
        if moved:
            users.change(conn, member.account_id, time_zone=time_zone)
        mail_preferences.change(conn, member.account_id, wants_groups=wants_groups)
        if moved and rhythm == row.rhythm:
            digests.move(conn, member.account_id, now_ms())
        if rhythm != row.rhythm:
            digests.set_rhythm(conn, member.account_id, rhythm, now_ms())

    await server.db.write(unit)


async def address_of(server: Server, member: Member, group_id: int) -> str:
    """Where the member begins discussions in this group by mail; "" if they may not, or nobody does. Raises NotFound."""

    def unit(conn: Connection) -> str:
        group, standing = rules.known(conn, group_id, member.account_id)
        if not server.config.mail_in_address or rules.refusal(Action.START, group, standing) is not None:
            return ""
        preference = mail_preferences.ensure(conn, member.account_id)
        return mail_codes.address(server.config, preference, "group", group_id)

    return await server.db.write(unit)


async def renew_addresses(server: Server, member: Member) -> None:
    """End every address by which the member could post so far; those in mails to come are new."""

    def unit(conn: Connection) -> None:
        row = mail_preferences.ensure(conn, member.account_id)
        mail_preferences.change(conn, member.account_id, generation=row.generation + 1)

    await server.db.write(unit)


def _addresses(conn: Connection, config: Config, account_id: int) -> list[GroupAddress]:
    if users.by_id(conn, account_id) is None:
        raise NotFound
    preference = mail_preferences.ensure(conn, account_id)
    return [
        GroupAddress(
            mailing.name_of(one), one.url, mail_codes.address(config, preference, "group", one.account_id)
        )
        for one in groups.of_member(conn, account_id)
        if rules.refusal(Action.START, one, Standing(one.role)) is None
    ]
