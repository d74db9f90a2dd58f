"""Applications as JSON: what `fedserver.opportunities.seeing` says that the viewer may see, and no more."""

from __future__ import annotations

from typing import Any

from fedserver.opportunities.seeing import Review as SeenReview
from fedserver.opportunities.seeing import Seen
from web.api.opportunities.entities import Answer, Applicant, Application, Review
from web.api.render import instant, maybe_instant


def application(title: str, found: Seen) -> Application:
    """An application as its viewer may see it; `title` is the opportunity's."""
    said = found.reviews or ([found.mine] if found.mine is not None else [])
    return Application(
        id=str(found.id),
        opportunity_id=str(found.post_id),
        opportunity_title=title,
        number=found.number,
        state=found.state,
        decision=found.decision or None,
        account_id=None if found.lead is None else str(found.lead.account_id),
        team=[]
        if found.lead is None
        else [person(found.lead, "lead"), *(person(one, one.state) for one in found.team)],
        answers=[Answer(key=one.question.key, question=one.question, text=one.text) for one in found.answers],
        reviews=[_review(one) for one in said],
        average=found.average,
        rank=found.rank,
        may=sorted(one.value for one in found.may),
        created_at=instant(found.created_at),
        changed_at=instant(found.changed_at),
        submitted_at=maybe_instant(found.submitted_at),
        decided_at=maybe_instant(found.decided_at),
    )


def person(row: Any, state: str) -> Applicant:
    """Somebody who applies, or is asked to."""
    return Applicant(**named(row), state=state)


def named(row: Any) -> dict[str, str]:
    """Who somebody is, of a row that has their name."""
    acct = f"{row.username}@{row.domain}" if row.domain else row.username
    return {"account_id": str(row.account_id), "acct": acct, "display_name": row.display_name}


def _review(found: SeenReview) -> Review:
    row = found.row
    return Review(
        **named(row),
        has_conflict=bool(row.has_conflict),
        scores=dict(found.scores),
        average=found.average,
        comment=row.comment,
        changed_at=instant(row.changed_at),
    )
