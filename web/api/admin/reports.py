"""Reports in the admin API."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiohttp import web
from msgspec import Raw

from fedserver.context import Server
from fedserver.moderation import reports
from fedserver.moderation.permissions import Permission
from fedserver.moderation.reports import Case, Cases, Wanted
from fedserver.viewer import Member
from web import auth, forms, gate, keys, replies
from web.api.admin import shown
from web.api.admin.entities import AdminReport, AdminRule
from web.api.paging import window
from web.api.render import Renderer, instant, maybe_instant, renderer
from web.verbs import Handler, put_or_patch

PATH: Final = "/api/v1/admin/reports/{id}"


async def listed(request: web.Request) -> web.Response:
    """``GET /api/v1/admin/reports``"""
    member = auth.moderator(request, "admin:read:reports")
    params = forms.query(request)
    wanted = Wanted(
        resolved=params.flag("resolved"),
        account_id=params.id("account_id"),
        target_id=params.id("target_account_id"),
        target_domain=params.text("by_target_domain").strip().lower(),
    )
    asked, render = window(params, shown.SIZES), renderer(request)
    found = await reports.page(keys.server(request), member, wanted, asked, render.shelf)
    entities = [_entity(render, one, found) for one in found.cases]
    return shown.page(request, list(entities), [one.row.id for one in found.cases], asked.limit)


async def show(request: web.Request) -> web.Response:
    """``GET /api/v1/admin/reports/:id``"""
    return await _shown(request, auth.moderator(request, "admin:read:reports"))


async def update(request: web.Request) -> web.Response:
    """``PUT /api/v1/admin/reports/:id``"""
    member = auth.moderator(request, "admin:write:reports")
    params = await forms.params(request)
    await reports.change(
        keys.server(request),
        member,
        forms.path_id(request),
        category=params.maybe_text("category"),
        rule_ids=params.texts("rule_ids", count_max=50) if "rule_ids" in params else None,
    )
    return await _shown(request, member)


def _change(change: Callable[[Server, Member, int], Awaitable[None]]) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        member = auth.moderator(request, "admin:write:reports")
        await change(keys.server(request), member, forms.path_id(request))
        return await _shown(request, member)

    return handler


async def _shown(request: web.Request, member: Member) -> web.Response:
    render = renderer(request)
    found = await reports.one(keys.server(request), member, forms.path_id(request), render.shelf)
    return replies.json(_entity(render, found.cases[0], found))


def _entity(render: Renderer, case: Case, found: Cases) -> AdminReport:
    row = case.row
    statuses: list[Any] = [Raw(render.status(card, found.batch)) for card in case.cards]
    return AdminReport(
        id=str(row.id),
        action_taken=row.resolved_at is not None,
        action_taken_at=maybe_instant(row.resolved_at),
        category=row.category,
        comment=row.comment,
        forwarded=bool(row.forwarded),
        created_at=instant(row.created_at),
        updated_at=instant(row.updated_at or row.created_at),
        account=shown.account(render, case.reporter),
        target_account=shown.account(render, case.target),
        assigned_account=shown.account(render, case.assigned_to) if case.assigned_to else None,
        action_taken_by_account=shown.account(render, case.resolved_by) if case.resolved_by else None,
        statuses=statuses,
        rules=[AdminRule(one.id, one.text, one.hint, one.translations) for one in case.rules],
    )


routes: Final[list[web.RouteDef]] = gate.behind(
    Permission.MANAGE_REPORTS,
    web.get("/api/v1/admin/reports", listed),
    web.get(PATH, show),
    *put_or_patch(PATH, update),
    web.post(PATH + "/assign_to_self", _change(reports.assign_to_self)),
    web.post(PATH + "/unassign", _change(reports.unassign)),
    web.post(PATH + "/resolve", _change(reports.resolve)),
    web.post(PATH + "/reopen", _change(reports.reopen)),
)
