"""What is worth doing before members come, for those who run the server: each until it is done."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from fedserver import settings
from fedserver.context import Server
from fedserver.moderation.permissions import Permission, require, roles_with
from fedserver.viewer import Member
from storage import policies, users


@dataclass(frozen=True, slots=True)
class Step:
    """Something to be done: in words, and where."""

    words: str
    path: str


async def left(server: Server, member: Member) -> list[Step]:
    """What is not done yet, in order. Raises Forbidden."""
    require(member, Permission.MANAGE_SETTINGS)
    return await server.db.read(_left, server, member)


def _left(conn: Connection, server: Server, member: Member) -> list[Step]:
    site = settings.in_force(conn, server.config)
    judges = users.staff_ids(conn, roles_with(Permission.MANAGE_APPEALS))
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
            len(judges) > 1,
            "Have a colleague: somebody else than who decided looks at appeals",
            "/admin/roles#give",
        ),
    )
    return [Step(words, path) for done, words, path in steps if not done]
