"""What is reported of a group: its moderators see it, here and elsewhere, as far as it is about what was said there.

The server's own moderators see every report; see `fedserver.moderation.reports`.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from fedserver.content.text import clean_text
from fedserver.context import Server
from fedserver.errors import Conflict, NotFound
from fedserver.groups import rules
from fedserver.groups.rules import Action
from fedserver.mail import plan_mail
from fedserver.moderation import audit, outcomes
from fedserver.moderation.actions import handle_of
from fedserver.viewer import Member
from storage import accounts, groups, posts, reports, users
from storage.groups import GroupRow
from storage.paging import Window
from storage.reports import ReportRow
from storage.types import now_ms

NOTE_CHARACTERS_MAX: Final = 1_000


async def waiting(server: Server, member: Member, group_id: int, window: Window) -> list[ReportRow]:
    """Reports about posts in the group that nobody has resolved, newest first, but for those about the member. Raises
    NotFound, Forbidden."""

    def unit(conn: Connection) -> list[ReportRow]:
        group, _ = rules.known(conn, group_id, member.account_id)
        rules.check(conn, Action.REMOVE, group, member.account_id)
        return reports.page(conn, window, group_id=group_id, without_target_id=member.account_id)

    return await server.db.read(unit)


async def resolve(server: Server, member: Member, group_id: int, report_id: int) -> None:
    """Nothing is left to be done, and whoever reported hears of it. Raises NotFound, Forbidden, Conflict (it has been
    handed up, and is the server's to settle)."""

    def unit(conn: Connection) -> None:
        _, row = _known(conn, member, group_id, report_id)
        if row.handed_up_at is not None and row.resolved_at is None:
            raise Conflict("This report has been handed up: the moderators of the server settle it.")
        resolve_unit(conn, row, member.account_id)

    await server.db.write(unit)


async def hand_up(server: Server, member: Member, group_id: int, report_id: int, note: str) -> None:
    """Ask the moderators of the server to look at a report, with a word of why. They hear of it by mail. Raises NotFound,
    Forbidden, Conflict (it is settled, or has been handed up)."""

    def unit(conn: Connection) -> None:
        group, row = _known(conn, member, group_id, report_id)
        if row.resolved_at is not None:
            raise Conflict("This report is settled.")
        if row.handed_up_at is not None:
            raise Conflict("This report has been handed up.")
        words = clean_text(note)[:NOTE_CHARACTERS_MAX]
        reports.change(
            conn, report_id, handed_up_at=now_ms(), handed_up_by_id=member.account_id, handed_up_note=words
        )
        handle = _handle(conn, row)
        audit.note(conn, member, "hand_up", ("report", report_id, handle))
        about = {
            "group": group.display_name or group.username,
            "about": handle,
            "by": member.username,
            "quoted": "\n".join(f"> {line}" for line in words.splitlines() if line.strip()),
            "link": f"/mod/reports/{report_id}",
        }
        for staff_id in users.staff_ids(conn):
            if staff_id not in (member.account_id, row.target_id):
                plan_mail(conn, staff_id, "case_handed_up", about)

    await server.db.write(unit)


def resolve_unit(conn: Connection, row: ReportRow, by_id: int) -> None:
    """The unit of `resolve`, by somebody who may. Whoever reported hears that it is settled."""
    if row.resolved_at is None:
        reports.change(conn, row.id, resolved_at=now_ms(), resolved_by_id=by_id)
        outcomes.tell(conn, outcomes.told(conn, by_id, [row]), _handle(conn, row), "")


def _known(conn: Connection, member: Member, group_id: int, report_id: int) -> tuple[GroupRow, ReportRow]:
    """A group that the member moderates, and a report about what somebody else said in it. Raises NotFound, Forbidden."""
    group, _ = rules.known(conn, group_id, member.account_id)
    rules.check(conn, Action.REMOVE, group, member.account_id)
    row = reports.by_id(conn, report_id)
    if row is None or row.group_id != group_id or row.target_id == member.account_id:
        raise NotFound
    return group, row


def _handle(conn: Connection, row: ReportRow) -> str:
    target = accounts.by_id(conn, row.target_id)
    return "" if target is None else handle_of(target)


def group_of(conn: Connection, post_ids: list[int]) -> GroupRow | None:
    """The group of this server that reported posts are in, if they are in one."""
    for row in posts.by_ids(conn, post_ids).values():
        group = groups.by_id(conn, row.group_id)
        if group is not None and not group.domain:
            return group
    return None
