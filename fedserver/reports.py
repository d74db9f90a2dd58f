"""Members report accounts and posts to those who moderate here and, if they like, to the account's own server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection

from fedserver import notifications, settings, visibility
from fedserver.content.text import clean_text
from fedserver.context import Server
from fedserver.errors import Invalid, NotFound
from fedserver.groups import reports as group_reports
from fedserver.moderation import duty
from fedserver.moderation.permissions import Permission
from fedserver.viewer import Member
from storage import posts, reports, users
from storage.accounts import AccountRow
from storage.reports import ReportRow
from storage.types import new_id

COMMENT_CHARACTERS_MAX: Final = 1_000
POSTS_MAX: Final = 100
CATEGORIES: Final = ("spam", "legal", "violation", "other")


@dataclass(frozen=True, slots=True)
class Complaint:
    """What a member reports. `rule_ids` are those of this server's rules, for the category `violation`."""

    account_id: int
    post_ids: Sequence[int] = ()
    comment: str = ""
    category: str = "other"
    rule_ids: Sequence[str] = ()
    forward: bool = False


async def report(server: Server, member: Member, complaint: Complaint) -> tuple[ReportRow, AccountRow]:
    """File a report and tell the moderators; the report and the account it is about. Raises NotFound, Invalid."""
    if len(complaint.comment) > COMMENT_CHARACTERS_MAX:
        raise Invalid({"comment": f"is too long (at most {COMMENT_CHARACTERS_MAX} characters)"})
    if complaint.category not in CATEGORIES:
        raise Invalid({"category": f"must be one of {', '.join(CATEGORIES)}"})
    if len(complaint.post_ids) > POSTS_MAX:
        raise Invalid({"status_ids": f"can be {POSTS_MAX} at the most"})
    return await server.db.write(_report, server, member, complaint)


def _report(
    conn: Connection, server: Server, member: Member, complaint: Complaint
) -> tuple[ReportRow, AccountRow]:
    target = visibility.known(conn, complaint.account_id, member.account_id)
    found = posts.by_ids(conn, complaint.post_ids)
    about = [
        found[one]
        for one in dict.fromkeys(complaint.post_ids)
        if one in found
        and found[one].account_id == target.id
        and visibility.may_see(conn, found[one], member.account_id)
    ]
    if complaint.post_ids and not about:
        raise NotFound("Record not found")
    rules = {rule.id for rule in settings.in_force(conn, server.config).rules}
    forward = complaint.forward and bool(target.domain)
    group = group_reports.group_of(conn, [one.id for one in about])
    report_id = new_id()
    row = reports.add(
        conn,
        report_id,
        uri=server.uris.activity(report_id),
        account_id=member.account_id,
        target_id=target.id,
        post_ids=[one.id for one in about],
        post_uris=[one.uri for one in about],
        comment=clean_text(complaint.comment),
        category=complaint.category,
        rule_ids=[one for one in complaint.rule_ids if one in rules],
        forwarded=forward,
        evidence=evidence_of(conn, [one.id for one in about]),
        group_id=None if group is None else group.account_id,
    )
    for staff_id in users.staff_ids(conn):
        if staff_id != target.id:
            notifications.notify(conn, staff_id, "admin.report", member.account_id, report_id=report_id)
    duty.waits(conn, Permission.MANAGE_REPORTS)
    if forward:
        server.publish.flagged(conn, report_id)
    return row, target


def evidence_of(conn: Connection, post_ids: Sequence[int]) -> list[dict[str, Any]]:
    """What these posts say now, to be kept with a report: they may be edited or deleted."""
    found = posts.by_ids(conn, post_ids)
    media = posts.media_of(conn, found)
    return [
        {
            "id": str(row.id),
            "uri": row.uri,
            "created_at": row.created_at,
            "visibility": row.visibility,
            "summary": row.summary,
            "content_html": row.content_html,
            "media": [
                {"url": one.url or one.remote_url, "description": one.description}
                for one in media.get(row.id, [])
            ],
        }
        for row in found.values()
    ]
