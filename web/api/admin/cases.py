"""Cases in the admin API: reports grouped by whom they are about, and deciding several things at once. All of it is ours."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from fedserver.context import Server
from fedserver.moderation import actions, cases, people, reports, rulings
from fedserver.moderation.cases import File, Sought
from fedserver.moderation.permissions import Permission
from fedserver.moderation.rulings import Plan, Ruling
from fedserver.viewer import Member
from web import auth, forms, gate, keys, replies
from web.api.admin import shown
from web.api.admin.entities import (
    AdminCase,
    AdminCaseFile,
    AdminCaseReport,
    AdminEvidence,
    AdminOutcome,
    AdminPlan,
)
from web.api.paging import window
from web.api.render import instant, maybe_instant, renderer
from web.params import Params
from web.verbs import Handler

CASES: Final = "/api/v1/admin/cases"
CASE: Final = CASES + "/{id}"


async def listed(request: web.Request) -> web.Response:
    """``GET /api/v1/admin/cases``"""
    member = auth.moderator(request, "admin:read:reports")
    params = forms.query(request)
    assigned, origin = params.text("assigned"), params.text("origin")
    if assigned not in ("", "me", "nobody"):
        raise params.wrong("assigned", "must be me or nobody")
    sought = Sought(
        closed=params.flag("resolved"),
        assigned_to_id=member.account_id if assigned == "me" else None,
        unassigned=assigned == "nobody",
        handed_up=params.flag("handed_up"),
        origin="local" if origin == "local" else "remote" if origin == "remote" else "",
        category=params.text("category"),
        domain=params.text("by_target_domain").strip().lower(),
    )
    asked, render = window(params, shown.SIZES), renderer(request)
    found = await cases.page(keys.server(request), member, sought, asked)
    entities = [
        AdminCase(
            id=str(one.row.target_id),
            account=shown.account(render, one.subject),
            reports_count=one.row.reports,
            reporters_count=one.row.reporters,
            handed_up=one.row.handed_up > 0,
            assigned_account_id=_id(one.row.assigned_to_id),
            opened_at=instant(one.row.since_at),
            last_report_at=instant(one.row.last_at),
            last_report_id=str(one.row.last_id),
        )
        for one in found.cases
    ]
    return shown.page(request, list(entities), [one.row.last_id for one in found.cases], asked.limit)


async def show(request: web.Request) -> web.Response:
    """``GET /api/v1/admin/cases/:id``"""
    member = auth.moderator(request, "admin:read:reports")
    opens = forms.query(request).flag("private")
    found = await cases.file(keys.server(request), member, forms.path_id(request), opens=opens)
    return _file(request, found)


async def hand_over(request: web.Request) -> web.Response:
    """``POST /api/v1/admin/cases/:id/hand_over``"""
    member = auth.moderator(request, "admin:write:reports")
    server, account_id = keys.server(request), forms.path_id(request)
    to_id = (await forms.params(request)).id("account_id")
    await cases.hand_over(server, member, account_id, to_id or 0)
    return _file(request, await cases.file(server, member, account_id))


async def note(request: web.Request) -> web.Response:
    """``POST /api/v1/admin/cases/:id/notes``"""
    member = auth.moderator(request, "admin:write:reports")
    server, params = keys.server(request), await forms.params(request)
    kind = params.text("subject_type", "account")
    subject = params.text("subject", str(forms.path_id(request)) if kind == "account" else "")
    note_id = await reports.add_note(server, member, kind, subject, params.text("text"))
    kept = next(one for one in await reports.notes(server, member, kind, subject) if one.id == note_id)
    return replies.json(shown.note(kept))


async def forget_note(request: web.Request) -> web.Response:
    """``DELETE /api/v1/admin/notes/:id``"""
    member = auth.moderator(request, "admin:write:reports")
    await reports.remove_note(keys.server(request), member, forms.path_id(request))
    return replies.json(shown.EMPTY)


async def preview(request: web.Request) -> web.Response:
    """``POST /api/v1/admin/cases/preview``"""
    member, params = auth.moderator(request, "admin:read:reports"), await forms.params(request)
    found = await rulings.preview(keys.server(request), member, params.ids("account_ids"), _ruling(params))
    return replies.json([_plan(one) for one in found])


async def decide(request: web.Request) -> web.Response:
    """``POST /api/v1/admin/cases/decide``"""
    member, params = auth.moderator(request, "admin:write:accounts"), await forms.params(request)
    found = await rulings.decide(keys.server(request), member, params.ids("account_ids"), _ruling(params))
    return replies.json([AdminOutcome(str(account_id), problem or None) for account_id, problem in found])


async def undo(request: web.Request) -> web.Response:
    """``POST /api/v1/admin/strikes/:id/undo``"""
    member = auth.moderator(request, "admin:write:accounts")
    server = keys.server(request)
    account_id = await actions.take_back(server, member, forms.path_id(request))
    return _file(request, await cases.file(server, member, account_id))


def _change(change: Callable[[Server, Member, int], Awaitable[None]]) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        member = auth.moderator(request, "admin:write:reports")
        server, account_id = keys.server(request), forms.path_id(request)
        await change(server, member, account_id)
        return _file(request, await cases.file(server, member, account_id))

    return handler


def _ruling(params: Params) -> Ruling:
    return Ruling(
        measures=rulings.measures_of(params.texts("measures")),
        report_ids=params.ids("report_ids"),
        post_ids=params.ids("status_ids"),
        group_ids=params.ids("group_ids"),
        text=params.text("text"),
        preset_id=params.id("warning_preset_id"),
        by_mail=params.flag("send_email_notification", True),
        expires_in_s=params.integer("expires_in"),
        tells_reporters=params.flag("tell_reporters", True),
        answer=params.text("answer"),
        answer_preset_id=params.id("answer_preset_id"),
    )


def _plan(one: Plan) -> AdminPlan:
    return AdminPlan(
        account_id=str(one.subject.row.id),
        measures=list(one.measures),
        report_ids=[str(row.id) for row in one.reports],
        status_ids=[str(row.id) for row in one.posts],
        expires_at=maybe_instant(one.expires_at),
        subject=one.mail[0],
        mail=one.mail[1],
        reporters_told=len(one.told),
        problem=one.problem or None,
    )


def _file(request: web.Request, found: File) -> web.Response:
    return replies.json(
        AdminCaseFile(
            account=shown.account(renderer(request), found.subject),
            assigned_account_id=_id(None if found.assigned_to is None else found.assigned_to.id),
            reports=[
                AdminCaseReport(
                    id=str(one.row.id),
                    account_id=None if one.row.origin_host else _id(one.row.account_id),
                    domain=one.row.origin_host or None,
                    category=one.row.category,
                    comment=one.row.comment,
                    created_at=instant(one.row.created_at),
                    action_taken_at=maybe_instant(one.row.resolved_at),
                    handed_up_at=maybe_instant(one.row.handed_up_at),
                    handed_up_note=one.row.handed_up_note,
                    forwarded=bool(one.row.forwarded),
                )
                for one in [*found.waiting, *found.settled]
            ],
            evidence=[
                AdminEvidence(
                    id=str(one.id),
                    uri=one.uri,
                    created_at=instant(one.at),
                    visibility=one.visibility,
                    spoiler_text=one.summary,
                    content=one.html if one.opened else None,
                    deleted=one.gone,
                    edited=one.edited,
                    sensitive=one.sensitive,
                )
                for one in found.evidence
            ],
            notes=[shown.note(one.row) for one in found.notes],
            strikes=[shown.strike(one.strike) for one in found.history],
        )
    )


def _id(number: int | None) -> str | None:
    return None if number is None else str(number)


routes: Final[list[web.RouteDef]] = [
    *gate.behind(
        people.SIGHT,
        web.post(CASES + "/preview", preview),
        web.post(CASES + "/decide", decide),
    ),
    *gate.behind(
        Permission.MANAGE_REPORTS,
        web.get(CASES, listed),
        web.get(CASE, show),
        web.post(CASE + "/assign_to_self", _change(cases.claim)),
        web.post(CASE + "/unassign", _change(cases.release)),
        web.post(CASE + "/hand_over", hand_over),
        web.post(CASE + "/notes", note),
        web.delete("/api/v1/admin/notes/{id}", forget_note),
    ),
    *gate.behind(Permission.MANAGE_USERS, web.post("/api/v1/admin/strikes/{id}/undo", undo)),
]
