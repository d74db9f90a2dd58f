"""Applications as somebody may see them: everything that shows one to anybody takes it from here. Units."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import Connection

from fedserver.errors import NotFound
from fedserver.opportunities.permissions import Action, Facts, allowed
from fedserver.opportunities.records import Form, Question, form_of
from storage import applications, opportunities
from storage.applications import SENT, ApplicationRow, MemberRow, ReviewRow
from storage.opportunities import OpportunityRow
from storage.types import now_ms

LISTED_MAX: Final = 1_000


@dataclass(frozen=True, slots=True)
class Answered:
    """A question with its answer, "" for none."""

    question: Question
    text: str


@dataclass(frozen=True, slots=True)
class Review:
    """What a reviewer said; `average` of the scores, None without any."""

    row: ReviewRow
    scores: Mapping[str, int]
    average: float | None


@dataclass(frozen=True, slots=True)
class Seen:
    """An application as its viewer may see it: what they may not see is not in it. `lead` is the row with the name of who leads it,
    None where names are hidden; `decision` is "" for all but the poster."""

    id: int
    post_id: int
    number: int
    state: str
    may: frozenset[Action]
    submitted_at: int | None
    decided_at: int | None
    created_at: int
    changed_at: int
    decision: str = ""
    answers: Sequence[Answered] = ()
    lead: ApplicationRow | None = None
    team: Sequence[MemberRow] = ()
    reviews: Sequence[Review] = ()
    mine: Review | None = None
    average: float | None = None
    rank: int | None = None

    @property
    def has_conflict(self) -> bool:
        """Whether the viewer has declared a conflict of interest."""
        return self.mine is not None and bool(self.mine.row.has_conflict)


def is_open(row: OpportunityRow, at_ms: int) -> bool:
    """Whether one can apply at an instant."""
    return (
        row.closed_at is None and row.expires_at > at_ms and (row.opens_at is None or row.opens_at <= at_ms)
    )


def _is_settled(row: OpportunityRow, at_ms: int) -> bool:
    return row.deadline_at is None or row.closed_at is not None or row.expires_at <= at_ms


def seen(
    conn: Connection, opportunity: OpportunityRow, rows: Sequence[ApplicationRow], viewer_id: int
) -> list[Seen]:
    """Those of these applications to one opportunity of which the viewer may see anything, in their order."""
    form, now = form_of(opportunity.form) or Form(), now_ms()
    ids = [row.id for row in rows]
    teams, reviews = applications.team_of(conn, ids), applications.reviews_of(conn, ids)
    reviewer = applications.is_reviewer(conn, opportunity.id, viewer_id)
    found = []
    for row in rows:
        team, said = teams.get(row.id, []), [_review(one) for one in reviews.get(row.id, [])]
        mine = next((one for one in said if one.row.account_id == viewer_id), None)
        facts = Facts(
            relations=frozenset(_relations(opportunity, row, team, mine, viewer_id, reviewer=reviewer)),
            state=row.state,
            is_open=is_open(opportunity, now),
            is_settled=_is_settled(opportunity, now),
            is_blind=form.blind,
            has_teams=form.team_max > 1,
        )
        may = allowed(facts)
        if may or "conflicted" in facts.relations:
            found.append(_shown(form, row, team, said, mine, may))
    return found


def _relations(
    opportunity: OpportunityRow,
    row: ApplicationRow,
    team: Sequence[MemberRow],
    mine: Review | None,
    viewer_id: int,
    *,
    reviewer: bool,
) -> list[str]:
    found = [
        one.state for one in team if one.account_id == viewer_id and one.state in ("invited", "confirmed")
    ]
    if row.account_id == viewer_id:
        found.append("lead")
    if opportunity.account_id == viewer_id:
        found.append("poster")
    if reviewer:
        found.append("reviewer")
        if mine is not None and mine.row.has_conflict:
            found.append("conflicted")
    return found


def _shown(
    form: Form,
    row: ApplicationRow,
    team: Sequence[MemberRow],
    said: Sequence[Review],
    mine: Review | None,
    may: frozenset[Action],
) -> Seen:
    answers = json.loads(row.answers) if Action.READ in may else {}
    scored = [one.average for one in said if one.average is not None and not one.row.has_conflict]
    names, all_reviews = Action.NAMES in may, Action.READ_REVIEWS in may
    return Seen(
        id=row.id,
        post_id=row.post_id,
        number=row.number,
        state=row.state,
        may=may,
        submitted_at=row.submitted_at,
        decided_at=row.decided_at,
        created_at=row.created_at,
        changed_at=row.changed_at,
        decision=row.decision if Action.DECIDE in may else "",
        answers=[Answered(one, answers.get(one.key, "")) for one in form.questions]
        if Action.READ in may
        else (),
        lead=row if names else None,
        team=team if names else (),
        reviews=said if all_reviews else (),
        mine=mine,
        average=sum(scored) / len(scored) if scored and all_reviews else None,
    )


def _review(row: ReviewRow) -> Review:
    scores: dict[str, int] = json.loads(row.scores)
    return Review(row, scores, sum(scores.values()) / len(scores) if scores else None)


def one(
    conn: Connection, application_id: int, viewer_id: int, action: Action | None = None
) -> tuple[OpportunityRow, Seen]:
    """An application of which the viewer may see something (and may do `action`), with its opportunity. Raises NotFound."""
    row = applications.by_id(conn, application_id)
    opportunity = None if row is None else opportunities.by_id(conn, row.post_id)
    if row is None or opportunity is None or opportunity.deleted_at is not None:
        raise NotFound("Record not found")
    found = seen(conn, opportunity, [row], viewer_id)
    if not found or (action is not None and action not in found[0].may):
        raise NotFound("Record not found")
    return opportunity, found[0]


def of_opportunity(conn: Connection, opportunity: OpportunityRow, viewer_id: int) -> list[Seen]:
    """Those sent to an opportunity that its poster or a reviewer may see: for the poster ranked by the average of the reviews, the
    best first; else by number."""
    rows = applications.of_post(conn, opportunity.id, SENT)[:LISTED_MAX]
    found = seen(conn, opportunity, rows, viewer_id)
    ranked = sorted(found, key=lambda one: (one.average is None, -(one.average or 0), one.number))
    places: dict[float, int] = {}
    for number, one in enumerate(ranked, 1):
        if one.average is not None:
            places.setdefault(round(one.average, 6), number)
    return [
        one if one.average is None else replace(one, rank=places[round(one.average, 6)]) for one in ranked
    ]
