"""What is reported of a group: its moderators see it, here and elsewhere, as far as it is about what was said there.

The server's own moderators see every report; see `fedserver.moderation.reports`.
"""

from __future__ import annotations

from sqlalchemy import Connection

from fedserver.context import Server
from fedserver.errors import NotFound
from fedserver.groups import rules
from fedserver.groups.rules import Action
from fedserver.viewer import Member
from storage import groups, posts, reports
from storage.groups import GroupRow
from storage.paging import Window
from storage.reports import ReportRow
from storage.types import now_ms


async def waiting(server: Server, member: Member, group_id: int, window: Window) -> list[ReportRow]:
    """Reports about posts in the group that nobody has resolved, newest first. Raises NotFound, Forbidden."""

    def unit(conn: Connection) -> list[ReportRow]:
        group, _ = rules.known(conn, group_id, member.account_id)
        rules.check(conn, Action.REMOVE, group, member.account_id)
        return reports.page(conn, window, group_id=group_id)

    return await server.db.read(unit)


async def resolve(server: Server, member: Member, group_id: int, report_id: int) -> None:
    """Nothing is left to be done. Raises NotFound, Forbidden."""

    def unit(conn: Connection) -> None:
        group, _ = rules.known(conn, group_id, member.account_id)
        rules.check(conn, Action.REMOVE, group, member.account_id)
        row = reports.by_id(conn, report_id)
        if row is None or row.group_id != group_id:
            raise NotFound
        resolve_unit(conn, row, member.account_id)

    await server.db.write(unit)


def resolve_unit(conn: Connection, row: ReportRow, by_id: int) -> None:
    """The unit of `resolve`, by somebody who may."""
    if row.resolved_at is None:
        reports.change(conn, row.id, resolved_at=now_ms(), resolved_by_id=by_id)


def group_of(conn: Connection, post_ids: list[int]) -> GroupRow | None:
    """The group of this server that reported posts are in, if they are in one."""
    for row in posts.by_ids(conn, post_ids).values():
        group = groups.by_id(conn, row.group_id)
        if group is not None and not group.domain:
            return group
    return None
