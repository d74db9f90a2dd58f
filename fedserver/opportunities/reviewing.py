"""Reviewing applications: whom the poster asks, what they say, and whom they know too well."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Connection

from fedserver import mail, visibility
from fedserver.content.text import clean_text
from fedserver.context import Server
from fedserver.errors import Conflict, Forbidden, Invalid, NotFound
from fedserver.opportunities import publishing, seeing
from fedserver.opportunities.permissions import Action
from fedserver.opportunities.records import SCORE_MAX, Form, encode, form_of
from fedserver.opportunities.seeing import Seen
from fedserver.opportunities.teams import member_named
from fedserver.viewer import Member
from storage import applications, opportunities, relationships
from storage import posts as stored_posts
from storage.opportunities import OpportunityRow
from storage.types import now_ms

REVIEWERS_MAX: Final = 50
COMMENT_CHARS_MAX: Final = 10_000


async def appoint(server: Server, member: Member, post_id: int, name: str) -> None:
    """Ask a member of this server, by name or id, to review what is sent to an opportunity of one's own. They hear of it by mail,
    once. Raises Invalid, NotFound, Forbidden, Conflict."""
    await server.db.write(_appoint, server, member.account_id, post_id, name)


def _appoint(conn: Connection, server: Server, account_id: int, post_id: int, name: str) -> None:
    opportunities.locked(conn, post_id)
    row = publishing.own(conn, post_id, account_id)
    if not row.form:
        raise Conflict("One applies for this elsewhere.")
    other_id, post = member_named(conn, name), stored_posts.by_id(conn, post_id)
    if other_id is None or post is None or not visibility.may_see(conn, post, other_id):
        raise Invalid({"account": "is nobody here who may see this"})
    if relationships.either_blocks(conn, account_id, other_id):
        raise Forbidden("You cannot ask them.")
    if applications.takes_part(conn, post_id, other_id):
        raise Invalid({"account": "applies for this"})
    if len(applications.reviewers(conn, post_id)) >= REVIEWERS_MAX:
        raise Conflict(f"There can be {REVIEWERS_MAX} reviewers at the most.")
    if applications.add_reviewer(conn, post_id, other_id) and other_id != account_id:
        context = {
            "opportunity": row.title,
            "url": f"{server.config.origin}/opportunities/{post_id}/applications",
        }
        mail.plan_mail(conn, other_id, "reviewer_asked", context)


async def dismiss(server: Server, member: Member, post_id: int, account_id: int) -> None:
    """Let somebody review no longer, or (for oneself) stop; what they said goes. Raises NotFound, Forbidden."""

    def unit(conn: Connection) -> None:
        if account_id != member.account_id:
            publishing.own(conn, post_id, member.account_id)
        if not applications.remove_reviewer(conn, post_id, account_id):
            raise NotFound("They do not review this.")

    await server.db.write(unit)


async def reviewers(server: Server, member: Member, post_id: int) -> list[Any]:
    """Who reviews, for the poster. Raises NotFound, Forbidden."""

    def unit(conn: Connection) -> list[Any]:
        publishing.own(conn, post_id, member.account_id)
        return applications.reviewers(conn, post_id)

    return await server.db.read(unit)


async def listed(server: Server, member: Member, post_id: int) -> tuple[OpportunityRow, list[Seen]]:
    """What was sent to an opportunity, as its poster or a reviewer may see it. Raises NotFound for all others."""

    def unit(conn: Connection) -> tuple[OpportunityRow, list[Seen]]:
        row = opportunities.by_id(conn, post_id)
        concerned = row is not None and (
            row.account_id == member.account_id or applications.is_reviewer(conn, post_id, member.account_id)
        )
        if row is None or row.deleted_at is not None or not concerned:
            raise NotFound("Record not found")
        return row, seeing.of_opportunity(conn, row, member.account_id)

    return await server.db.read(unit)


async def assigned(server: Server, member: Member, *, limit: int = 20) -> list[Any]:
    """Opportunities whose applications the member reviews."""
    return await server.db.read(
        lambda conn: applications.reviewed_by(conn, member.account_id, now_ms(), limit=limit)
    )


async def review(
    server: Server, member: Member, application_id: int, scores: Mapping[str, int], comment: str
) -> Seen:
    """Say what one thinks of an application, 1 to 5 for each criterion; again, to change it.

    Raises Invalid, NotFound; Forbidden for whom it is not to review (any more)."""

    def unit(conn: Connection) -> Seen:
        row = _reviewable(conn, application_id, member.account_id)
        kept = _checked(form_of(row.form) or Form(), scores, comment)
        applications.put_review(conn, application_id, member.account_id, kept)
        return seeing.one(conn, application_id, member.account_id)[1]

    return await server.db.write(unit)


async def declare_conflict(server: Server, member: Member, application_id: int) -> Seen:
    """Say that one knows the applicants too well: what one said of it goes, and one sees nothing of it any more. Raises NotFound,
    Forbidden."""

    def unit(conn: Connection) -> Seen:
        _reviewable(conn, application_id, member.account_id)
        nothing = {"has_conflict": True, "scores": "{}", "comment": ""}
        applications.put_review(conn, application_id, member.account_id, nothing)
        return seeing.one(conn, application_id, member.account_id)[1]

    return await server.db.write(unit)


def _reviewable(conn: Connection, application_id: int, account_id: int) -> OpportunityRow:
    known = applications.by_id(conn, application_id)
    if known is None:
        raise NotFound("Record not found")
    opportunities.locked(conn, known.post_id)
    row, found = seeing.one(conn, application_id, account_id)
    if Action.REVIEW not in found.may:
        raise Forbidden("This application is not yours to review, or it is decided.")
    return row


def _checked(form: Form, scores: Mapping[str, int], comment: str) -> dict[str, Any]:
    problems: dict[str, str] = {}
    text = clean_text(comment).strip()
    if len(text) > COMMENT_CHARS_MAX:
        problems["comment"] = f"is longer than {COMMENT_CHARS_MAX:,} characters"
    if any(name not in form.criteria for name in scores):
        problems["scores"] = "must be for the criteria of this opportunity"
    missing = [one for one in form.criteria if one not in scores]
    if missing:
        problems.setdefault("scores", f"must be there for each criterion: {', '.join(missing)}")
    if any(not 1 <= score <= SCORE_MAX for score in scores.values()):
        problems["scores"] = f"must be numbers from 1 to {SCORE_MAX}"
    if not form.criteria and not text:
        problems["comment"] = "cannot be empty"
    if problems:
        raise Invalid(problems)
    return {"scores": encode(dict(scores)).decode(), "comment": text}
