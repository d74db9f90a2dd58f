"""Who used a resource and what they say of it, in the client API."""

from __future__ import annotations

from typing import Annotated, Final

from aiohttp import web
from msgspec import Meta, Struct

from fedserver.resources import reports
from fedserver.resources.reports import Report, Told
from web import auth, forms, keys, replies
from web.api import paging
from web.api.resources import shown
from web.api.statuses import KEY_CHARS_MAX


class UseInput(Struct, frozen=True, kw_only=True):
    """That a member used a resource. `context` is another name of `used_in`: a course, an event, a place."""

    context: str = ""
    used_in: str = ""
    event_id: str = ""
    used_on: str = ""
    changed: str = ""
    worked: str = ""
    version: str = ""
    note: str = ""
    visibility: str = ""
    language: str = ""


class ReviewInput(Struct, frozen=True, kw_only=True):
    """A review: `rating` from 1 to 5, or `text`, or both."""

    rating: Annotated[int, Meta(description="1 to 5")] | None = None
    text: str = ""
    version: str = ""
    used_in: str = ""
    used_on: str = ""
    changed: str = ""
    worked: str = ""
    visibility: str = ""
    language: str = ""


async def use(request: web.Request) -> web.Response:
    """``POST /api/v1/resources/:id/use``: tells where it was used (`used_in`, `event_id`, `used_on`), what was `changed`, what
    `worked`, and a `note`; answers the resource, and its author hears of it."""
    sent = await forms.read(request, UseInput)
    report = Report(
        kind="use",
        version=sent.version,
        used_in=sent.used_in or sent.context,
        changed=sent.changed,
        worked=sent.worked,
        used_on=sent.used_on,
    )
    return await _told(request, report, sent.note, sent.visibility, sent.language, sent.event_id)


async def review(request: web.Request) -> web.Response:
    """``POST /api/v1/resources/:id/reviews``: a second review of the same version replaces the first."""
    sent = await forms.read(request, ReviewInput)
    report = Report(
        kind="review",
        version=sent.version,
        used_in=sent.used_in,
        changed=sent.changed,
        worked=sent.worked,
        used_on=sent.used_on,
        rating=sent.rating,
    )
    return await _told(request, report, sent.text, sent.visibility, sent.language)


async def _told(
    request: web.Request, report: Report, note: str, shown_to: str, language: str, event_id: str = ""
) -> web.Response:
    member = auth.member(request, "write:resources")
    key = request.headers.get("Idempotency-Key", "")[:KEY_CHARS_MAX]
    told = Told(report, note, forms.row_id(event_id) if event_id else None, shown_to, language, key or None)
    given = await reports.tell(keys.server(request), member, forms.path_id(request), told)
    return replies.json(shown.report(request, given))


async def uses(request: web.Request) -> web.Response:
    """``GET /api/v1/resources/:id/uses``: the latest first."""
    return await _listed(request, "use")


async def reviews(request: web.Request) -> web.Response:
    """``GET /api/v1/resources/:id/reviews``: the latest first."""
    return await _listed(request, "review")


async def _listed(request: web.Request, kind: str) -> web.Response:
    viewer = auth.viewer(request, "read:resources")
    window = paging.window(await forms.params(request), paging.STATUSES)
    found = await reports.listed(
        keys.server(request), viewer.account_id, forms.path_id(request), kind, window
    )
    return replies.page(
        request,
        [shown.report(request, one) for one in found],
        newest=found[0].row.post_id if found else None,
        oldest=found[-1].row.post_id if found else None,
        complete=len(found) >= window.limit,
    )


routes: Final[list[web.RouteDef]] = [
    web.post("/api/v1/resources/{id}/use", use),
    web.get("/api/v1/resources/{id}/uses", uses),
    web.get("/api/v1/resources/{id}/reviews", reviews),
    web.post("/api/v1/resources/{id}/reviews", review),
]
