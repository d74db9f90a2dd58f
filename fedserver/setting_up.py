"""What is worth doing before members come, for those who run the server: each until it is done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from fedserver import settings
from fedserver.context import Server
from fedserver.moderation.permissions import Permission, require, roles_with
from fedserver.viewer import Member
from storage import policies, reports, users

COLLEAGUE: Final = "/admin/roles#give"


@dataclass(frozen=True, slots=True)
class Step:
    """Something to be done: in words, and where; `unseen` reports about the member wait until it is."""

    words: str
    path: str
    unseen: int = 0


async def left(server: Server, member: Member) -> list[Step]:
    """What is not done yet, in order. Raises Forbidden."""
    require(member, Permission.MANAGE_SETTINGS)
    return await server.db.read(_left, server, member)


def _left(conn: Connection, server: Server, member: Member) -> list[Step]:
    site = settings.in_force(conn, server.config)
    judges = users.staff_ids(conn, roles_with(Permission.MANAGE_APPEALS))
    others = set(users.staff_ids(conn, roles_with(Permission.MANAGE_REPORTS))) - {member.account_id}
    # Their number alone: nobody reads what is reported about themselves, nor who reported it.
    unseen = 0 if others else len(reports.waiting_about(conn, member.account_id))
    steps = (
        (
            server.config.mail != "log:",
            "Have mails leave this server, or nobody can confirm an address",
            "/admin/mail",
        ),
        (site.description, "Say in a sentence what this community is", "/admin/site"),
        (site.contact_email or site.contact_username, "Name somebody to turn to", "/admin/site"),
        (site.rules, "Write the first rules", "/admin/rules"),
        (policies.published(conn, "privacy"), "Publish a privacy policy", "/admin/terms"),
        (member.has_second_factor, "Set up a second factor for yourself", "/settings/security"),
        (
            len(judges) > 1 and not unseen,
            "Have a colleague: somebody else than who decided looks at appeals",
            COLLEAGUE,
        ),
    )
    return [Step(words, path, unseen if path == COLLEAGUE else 0) for done, words, path in steps if not done]
