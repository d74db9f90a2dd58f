"""Reports of the client API."""

from __future__ import annotations

from typing import Final

from aiohttp import web
from msgspec import Struct

from fedserver import reports, spam_marks
from fedserver.errors import Invalid
from fedserver.reports import Complaint
from web import auth, forms, keys, replies
from web.api.notifications import report_entity
from web.api.render import renderer


async def create(request: web.Request) -> web.Response:
    """``POST /api/v1/reports``"""
    member = auth.member(request, "write:reports")
    params = await forms.params(request)
    account_id = params.id("account_id")
    if account_id is None:
        raise Invalid({"account_id": "can't be blank"}, "Validation failed: Account can't be blank")
    rule_ids = params.texts("rule_ids", count_max=50)
    complaint = Complaint(
        account_id=account_id,
        post_ids=params.ids("status_ids"),
        comment=params.text("comment"),
        category=params.text("category") or ("violation" if rule_ids else "other"),
        rule_ids=rule_ids,
        forward=params.flag("forward"),
    )
    row, target = await reports.report(keys.server(request), member, complaint)
    return replies.json(report_entity(renderer(request), row, target))


class SpamMark(Struct):
    """Whether the member has marked the status, and whether it waits for a moderator now."""

    marked: bool
    held: bool


async def mark_as_spam(request: web.Request) -> web.Response:
    """``POST /api/v1/statuses/:id/mark_as_spam``, by a trusted member, of somebody new."""
    member = auth.member(request, "write:reports")
    found = await spam_marks.mark(keys.server(request), member, forms.path_id(request))
    return replies.json(SpamMark(found.marked, found.held))


async def unmark_as_spam(request: web.Request) -> web.Response:
    """``POST /api/v1/statuses/:id/unmark_as_spam``"""
    member = auth.member(request, "write:reports")
    found = await spam_marks.unmark(keys.server(request), member, forms.path_id(request))
    return replies.json(SpamMark(found.marked, found.held))


routes: Final[list[web.RouteDef]] = [
    web.post("/api/v1/reports", create),
    web.post("/api/v1/statuses/{id}/mark_as_spam", mark_as_spam),
    web.post("/api/v1/statuses/{id}/unmark_as_spam", unmark_as_spam),
]
