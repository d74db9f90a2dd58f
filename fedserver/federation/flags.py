"""Reports from other servers: kept for our moderators and those of the group they are about, never published, never
answered."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from fedserver import notifications
from fedserver.content.html import sanitise, to_text
from fedserver.errors import TooLarge
from fedserver.federation.acting import Dropped, Incoming
from fedserver.groups import reports as group_reports
from fedserver.groups import rules
from fedserver.moderation import duty
from fedserver.moderation.permissions import Permission
from fedserver.reports import evidence_of
from storage import accounts, groups, instances, posts, reports, users
from storage.types import new_id

SUBJECTS_MAX: Final = 100
COMMENT_CHARS_MAX: Final = 5_000


def on_flag(conn: Connection, incoming: Incoming) -> None:
    """Somebody elsewhere reports a member, or posts of one, or posts in a group of ours. What is not ours is passed over."""
    activity, actor = incoming.activity, incoming.actor
    if instances.rules(conn, actor.host).rejects_reports:
        raise Dropped("reports of this server are not taken")
    if reports.by_uri(conn, incoming.uri) is not None:
        raise Dropped("it is known")
    uris = [uri for uri in activity.object_ids[:SUBJECTS_MAX] if incoming.server.uris.is_local(uri)]
    people = [row.id for row in accounts.by_uris(conn, uris).values() if not row.domain]
    known = [posts.by_uri(conn, uri) for uri in activity.object_ids[:SUBJECTS_MAX]]
    found = [row for row in known if row is not None]
    in_groups = {row.id for row in found if group_reports.group_of(conn, [row.id]) is not None}
    reported = [row for row in found if row.local or row.id in in_groups]
    targets = dict.fromkeys([*people, *(row.account_id for row in reported)])
    if not targets:
        raise Dropped("it is about nobody here")
    target_id = next(iter(targets))
    about = [row for row in reported if row.account_id == target_id]
    group = group_reports.group_of(conn, [row.id for row in about])
    report_id = new_id()
    reports.add(
        conn,
        report_id,
        uri=incoming.uri,
        # Commonly the instance actor: a server speaks for its members, and who wrote to it is not for us to know.
        account_id=actor.id,
        target_id=target_id,
        origin_host=actor.host,
        post_ids=[row.id for row in about],
        post_uris=[row.uri for row in about],
        comment=_text(activity.content or activity.summary or ""),
        evidence=evidence_of(conn, [row.id for row in about]),
        group_id=None if group is None else group.account_id,
    )
    for moderator_id in users.staff_ids(conn):
        if moderator_id != target_id:
            notifications.notify(conn, moderator_id, "admin.report", actor.id, report_id=report_id)
    duty.waits(conn, Permission.MANAGE_REPORTS)


def on_resolve(conn: Connection, incoming: Incoming) -> None:
    """A moderator elsewhere has settled a report about their group here (Lemmy)."""
    uri = incoming.activity.object_id
    row = reports.by_uri(conn, uri) if uri is not None else None
    group = None if row is None else groups.by_id(conn, row.group_id)
    if row is None or group is None:
        raise Dropped("it settles no report about a group here")
    if not rules.standing_of(conn, group.account_id, incoming.actor.id).moderates:
        raise Dropped("its actor does not moderate the group")
    if row.handed_up_at is not None:
        raise Dropped("it has been handed up, and is the server's to settle")
    group_reports.resolve_unit(conn, row, incoming.actor.id)


def _text(comment: str) -> str:
    try:
        return to_text(sanitise(comment))[:COMMENT_CHARS_MAX]
    except TooLarge:
        return ""
