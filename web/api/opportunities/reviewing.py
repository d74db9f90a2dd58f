"""Opportunities of the client API: reviewing what was sent, deciding, and telling it."""

from __future__ import annotations

from typing import Final

from aiohttp import web
from msgspec import Struct

from fedserver.opportunities import applying, deciding, reviewing
from fedserver.opportunities.seeing import Seen
from fedserver.viewer import Member
from web import auth, forms, keys, replies
from web.api.opportunities.applications import application, named
from web.api.opportunities.applying import MemberInput
from web.api.opportunities.entities import DecisionMail, Decisions, Reviewer, Sent

_PATH: Final = "/api/v1/opportunities/{id}"
_ONE: Final = "/api/v1/opportunities/applications/{id}"


class ReviewInput(Struct, frozen=True, kw_only=True):
    """What a reviewer says: 1 to 5 by criterion, and a comment; or that they know the applicants too well."""

    scores: dict[str, int] = {}
    comment: str = ""
    conflict: bool = False


class DecisionInput(Struct, frozen=True, kw_only=True):
    """accepted, waitlisted, declined; or nothing, to take it back."""

    decision: str = ""


class MailsInput(Struct, frozen=True, kw_only=True):
    """Texts by decision; an empty one is the usual one again."""

    mails: dict[str, str] = {}


class SendInput(Struct, frozen=True, kw_only=True):
    """The digest of the preview that was looked at."""

    digest: str = ""


async def listed(request: web.Request) -> web.Response:
    """``GET /api/v1/opportunities/:id/applications``: what was sent: for the poster ranked, with names and reviews; for reviewers once nobody can change it any more, without names where reviews are blind."""
    member = auth.member(request, "read:opportunities")
    row, found = await reviewing.listed(keys.server(request), member, forms.path_id(request))
    return replies.json([application(row.title, one) for one in found])


async def as_csv(request: web.Request) -> web.Response:
    """``GET /api/v1/opportunities/:id/applications.csv``: the same as a table, for the poster."""
    member = auth.member(request, "read:opportunities")
    body = await deciding.as_csv(keys.server(request), member, forms.path_id(request))
    return replies.table(body, "applications.csv")


async def reviewers(request: web.Request) -> web.Response:
    """``GET /api/v1/opportunities/:id/reviewers``: who reviews, for the poster."""
    member = auth.member(request, "read:opportunities")
    return await _reviewers(request, forms.path_id(request), member)


async def appoint(request: web.Request) -> web.Response:
    """``POST /api/v1/opportunities/:id/reviewers``: asks a member (`account`, a name or id) to review."""
    member = auth.member(request, "write:opportunities")
    sent = await forms.read(request, MemberInput)
    post_id = forms.path_id(request)
    await reviewing.appoint(keys.server(request), member, post_id, sent.account)
    return await _reviewers(request, post_id, member)


async def dismiss(request: web.Request) -> web.Response:
    """``DELETE /api/v1/opportunities/:id/reviewers/:account_id``: lets somebody, or oneself, review no longer; what they said goes."""
    member = auth.member(request, "write:opportunities")
    account_id = forms.path_id(request, "account_id")
    await reviewing.dismiss(keys.server(request), member, forms.path_id(request), account_id)
    return replies.json({})


async def _reviewers(request: web.Request, post_id: int, member: Member) -> web.Response:
    rows = await reviewing.reviewers(keys.server(request), member, post_id)
    return replies.json([Reviewer(**named(row)) for row in rows])


async def review(request: web.Request) -> web.Response:
    """``POST /api/v1/opportunities/applications/:id/review``: `scores` by criterion and a `comment`; or `conflict`, after which one sees nothing of it any more."""
    member = auth.member(request, "write:opportunities")
    sent = await forms.read(request, ReviewInput)
    server, application_id = keys.server(request), forms.path_id(request)
    if sent.conflict:
        found = await reviewing.declare_conflict(server, member, application_id)
    else:
        found = await reviewing.review(server, member, application_id, sent.scores, sent.comment)
    return await _one(request, member, found)


async def decide(request: web.Request) -> web.Response:
    """``POST /api/v1/opportunities/applications/:id/decision``: notes accepted, waitlisted or declined (`decision`), or nothing again. Nobody is told yet."""
    member = auth.member(request, "write:opportunities")
    sent = await forms.read(request, DecisionInput)
    found = await deciding.decide(keys.server(request), member, forms.path_id(request), sent.decision)
    return await _one(request, member, found)


async def _one(request: web.Request, member: Member, found: Seen) -> web.Response:
    row, again = await applying.show(keys.server(request), member, found.id)
    return replies.json(application(row.title, again))


async def preview(request: web.Request) -> web.Response:
    """``GET /api/v1/opportunities/:id/decisions``: the mails that would tell what is decided, and the `digest` that sending asks for."""
    member = auth.member(request, "read:opportunities")
    return await _preview(request, forms.path_id(request), member)


async def write(request: web.Request) -> web.Response:
    """``PUT /api/v1/opportunities/:id/decisions``: changes what decisions say (`mails`); ``{name}``, ``{title}`` and ``{organisation}`` stand for what they name."""
    member = auth.member(request, "write:opportunities")
    sent = await forms.read(request, MailsInput)
    post_id = forms.path_id(request)
    await deciding.write(keys.server(request), member, post_id, sent.mails)
    return await _preview(request, post_id, member)


async def _preview(request: web.Request, post_id: int, member: Member) -> web.Response:
    found = await deciding.preview(keys.server(request), member, post_id)
    mails = [
        DecisionMail(
            application_id=str(one.application_id),
            number=one.number,
            decision=one.decision,
            acct=one.acct,
            subject=one.subject,
            text=one.text,
        )
        for one in found.mails
    ]
    return replies.json(Decisions(mails=dict(found.texts), preview=mails, digest=found.digest))


async def send(request: web.Request) -> web.Response:
    """``POST /api/v1/opportunities/:id/decisions/send``: tells what is decided, by mail, each once; 409 if it is not what was looked at (`digest`)."""
    member = auth.member(request, "write:opportunities")
    sent = await forms.read(request, SendInput)
    count = await deciding.tell(keys.server(request), member, forms.path_id(request), sent.digest)
    return replies.json(Sent(sent=count))


routes: Final[list[web.RouteDef]] = [
    web.get(_PATH + "/applications", listed),
    web.get(_PATH + "/applications.csv", as_csv),
    web.get(_PATH + "/reviewers", reviewers),
    web.post(_PATH + "/reviewers", appoint),
    web.delete(_PATH + "/reviewers/{account_id}", dismiss),
    web.get(_PATH + "/decisions", preview),
    web.put(_PATH + "/decisions", write),
    web.post(_PATH + "/decisions/send", send),
    web.post(_ONE + "/review", review),
    web.post(_ONE + "/decision", decide),
]
