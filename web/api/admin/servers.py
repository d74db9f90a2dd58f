"""Everything about another server, and what moderators noted about it, in the admin API. All of it is ours."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from fedserver.moderation import reports, server_files
from fedserver.moderation.domains import SEVERITIES, instant_of
from fedserver.moderation.permissions import Permission
from fedserver.moderation.server_files import File, Standing
from web import auth, forms, gate, keys, replies
from web.api.admin import shown
from web.api.admin.entities import AdminServer, AdminServerRule
from web.api.render import instant, maybe_instant

SERVER: Final = "/api/v1/admin/servers/{domain}"


async def show(request: web.Request) -> web.Response:
    """``GET /api/v1/admin/servers/:domain``: how it fares, what ties members to it, the rules for it, and reports in numbers."""
    member = auth.moderator(request, "admin:read:domain_blocks")
    found = await server_files.file(keys.server(request), member, request.match_info["domain"])
    return replies.json(_entity(found))


async def notes(request: web.Request) -> web.Response:
    """``GET /api/v1/admin/servers/:domain/notes``: what moderators noted about it, the oldest first."""
    member = auth.moderator(request, "admin:read:reports")
    host = server_files.normal_domain(request.match_info["domain"])
    found = await reports.notes(keys.server(request), member, "instance", host)
    return replies.json([shown.note(one) for one in found])


async def note(request: web.Request) -> web.Response:
    """``POST /api/v1/admin/servers/:domain/notes``: a note for colleagues, ``text``."""
    member = auth.moderator(request, "admin:write:reports")
    server, host = keys.server(request), server_files.normal_domain(request.match_info["domain"])
    text = (await forms.params(request)).text("text")
    note_id = await reports.add_note(server, member, "instance", host, text)
    found = await reports.notes(server, member, "instance", host)
    return replies.json(next(shown.note(one) for one in found if one.id == note_id))


def _entity(found: File) -> AdminServer:
    one, ties, told = found.listed, found.ties, found.reports
    row = None if one is None else one.row
    return AdminServer(
        domain=found.host,
        software=None if row is None else f"{row.software} {row.software_version}".strip() or None,
        first_seen_at=None if row is None else instant(row.first_seen_at),
        last_delivered_at=None if row is None else maybe_instant(row.last_success_at),
        last_heard_at=None if row is None else maybe_instant(row.last_heard_at),
        failing_since_at=None if row is None else maybe_instant(row.failing_since_at),
        last_error=None if row is None else row.last_error or None,
        accounts_count=0 if one is None else one.accounts,
        statuses_count=0 if one is None else one.posts,
        deliveries_waiting=0 if one is None else one.waiting,
        deliveries_failed=0 if one is None else one.failed_deliveries,
        members_count=ties.members,
        following_count=ties.following,
        followers_count=ties.followers,
        federated=found.is_open,
        partner=None if found.partner is None else found.partner.state,
        rules=[_rule(standing) for standing in found.rules],
        reports_waiting=None if told is None else told.waiting,
        reports_settled=None if told is None else told.settled,
        reports_made=None if told is None else told.made,
    )


def _rule(standing: Standing) -> AdminServerRule:
    row = standing.row
    return AdminServerRule(
        domain=row.host,
        severity="allow" if row.policy == "allow" else SEVERITIES.get(row.policy, "noop"),
        reject_media=bool(row.rejects_media),
        reject_reports=bool(row.rejects_reports),
        public_comment=row.public_comment or None,
        private_comment=row.note or None,
        created_at=None if row.rule_id is None else instant(instant_of(row.rule_id)),
        expires_at=maybe_instant(row.rule_until_at),
        list_id=None if standing.source is None else str(standing.source.list_id),
    )


routes: Final[list[web.RouteDef]] = [
    *gate.behind(server_files.SIGHT, web.get(SERVER, show)),
    *gate.behind(
        Permission.MANAGE_REPORTS, web.get(SERVER + "/notes", notes), web.post(SERVER + "/notes", note)
    ),
]
