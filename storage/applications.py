"""Applications to opportunities: who applies, with whom, who reviews them and how. Who may see what of it is
`fedserver.opportunities.permissions`' business."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from sqlalchemy import Connection, Select, and_, delete, exists, func, or_, select, update

from storage.hot import insert_row
from storage.tables import (
    account,
    application,
    application_member,
    application_review,
    opportunity,
    opportunity_reviewer,
    post,
)
from storage.types import new_id, now_ms

# Attributes are the columns of `application`, and username, domain and display_name of who leads it.
ApplicationRow = Any
# Attributes are the columns of `application_member`, and the same of the person.
MemberRow = Any
ReviewRow = Any

SENT: Final = ("submitted", "accepted", "waitlisted", "declined")
"""States of what has been sent and not been taken back."""
_PERSON: Final = ("username", "domain", "display_name")


def _select() -> Select[Any]:
    named = (account.c[name] for name in _PERSON)
    return select(application, *named).join(account, account.c.id == application.c.account_id)


def by_id(conn: Connection, application_id: int) -> ApplicationRow | None:
    return conn.execute(_select().where(application.c.id == application_id)).first()


def of_account(conn: Connection, post_id: int, account_id: int) -> ApplicationRow | None:
    """The one that an account leads."""
    return conn.execute(
        _select().where(application.c.post_id == post_id, application.c.account_id == account_id)
    ).first()


def of_post(conn: Connection, post_id: int, states: Iterable[str] = SENT) -> list[ApplicationRow]:
    """Those for an opportunity, by their numbers."""
    query = _select().where(application.c.post_id == post_id, application.c.state.in_(tuple(states)))
    return list(conn.execute(query.order_by(application.c.number)))


def add(conn: Connection, post_id: int, account_id: int, **columns: Any) -> ApplicationRow:
    """A new one, with the next number; the caller has the opportunity locked."""
    number = conn.scalar(
        select(func.coalesce(func.max(application.c.number), 0)).where(application.c.post_id == post_id)
    )
    now = now_ms()
    row = {
        "id": new_id(now), "post_id": post_id, "account_id": account_id, "number": int(number or 0) + 1,
        "created_at": now, "changed_at": now, **columns,
    }  # fmt: skip
    insert_row(conn, application, row)
    found = by_id(conn, row["id"])
    assert found is not None
    return found


def change(conn: Connection, application_id: int, **columns: Any) -> None:
    """Set columns of one."""
    conn.execute(
        update(application).where(application.c.id == application_id).values(changed_at=now_ms(), **columns)
    )


def told(conn: Connection, application_id: int, decision: str, at_ms: int) -> bool:
    """That a decision is told now; False where it was told before, or is another by now."""
    done = conn.execute(
        update(application)
        .where(
            application.c.id == application_id,
            application.c.decision == decision,
            application.c.state != decision,
            application.c.state.in_(SENT),
        )
        .values(state=decision, decided_at=at_ms, changed_at=at_ms)
    )
    return bool(done.rowcount)


def remove(conn: Connection, application_id: int) -> None:
    """With its team and reviews."""
    conn.execute(delete(application).where(application.c.id == application_id))


def count_sent(conn: Connection, post_id: int) -> int:
    """How many have been sent, whatever became of them."""
    query = select(func.count()).select_from(application)
    return (
        conn.scalar(query.where(application.c.post_id == post_id, application.c.submitted_at.is_not(None)))
        or 0
    )


def counts(conn: Connection, post_ids: Iterable[int]) -> dict[int, int]:
    """By opportunity, how many wait or were decided."""
    query = (
        select(application.c.post_id, func.count())
        .where(application.c.post_id.in_(set(post_ids)), application.c.state.in_(SENT))
        .group_by(application.c.post_id)
    )
    return {row.post_id: row[1] for row in conn.execute(query)}


def is_reviewed(conn: Connection, post_id: int) -> bool:
    """Whether there is a review with scores."""
    query = (
        select(application_review.c.application_id)
        .join(application, application.c.id == application_review.c.application_id)
        .where(application.c.post_id == post_id, application_review.c.scores != "{}")
    )
    return conn.execute(query.limit(1)).first() is not None


def who_applies(conn: Connection, post_id: int) -> list[int]:
    """The accounts that have begun to apply or have applied, alone or in a team."""
    lead = select(application.c.account_id).where(
        application.c.post_id == post_id, application.c.state != "withdrawn"
    )
    others = (
        select(application_member.c.account_id)
        .join(application, application.c.id == application_member.c.application_id)
        .where(
            application.c.post_id == post_id,
            application.c.state != "withdrawn",
            application_member.c.state.in_(("invited", "confirmed")),
        )
    )
    return sorted(set(conn.scalars(lead)) | set(conn.scalars(others)))


# -- what is a member's own


def of_member(conn: Connection, account_id: int, *, limit: int, below: int | None = None) -> list[Any]:
    """What a member has begun, sent, or is asked to take part in, the latest first: the columns of `application`, of its leader,
    and `title`, `expires_at`, `closed_at`, `team_state` (of the member in a team they do not lead, else null)."""
    mine = and_(
        application_member.c.application_id == application.c.id, application_member.c.account_id == account_id
    )
    named = (account.c[name] for name in _PERSON)
    query = (
        select(
            application, *named, post.c.title, post.c.url, opportunity.c.expires_at, opportunity.c.closed_at,
            opportunity.c.kind, application_member.c.state.label("team_state"),
        )
        .join_from(application, account, account.c.id == application.c.account_id)
        .join(post, post.c.id == application.c.post_id)
        .join(opportunity, opportunity.c.post_id == application.c.post_id)
        .outerjoin(application_member, mine)
        .where(
            or_(
                application.c.account_id == account_id,
                and_(
                    application_member.c.state.in_(("invited", "confirmed")),
                    or_(application.c.state != "withdrawn", application.c.submitted_at.is_not(None)),
                ),
            )
        )
    )  # fmt: skip
    if below is not None:
        query = query.where(application.c.id < below)
    return list(conn.execute(query.order_by(application.c.id.desc()).limit(limit)))


def count_drafts(conn: Connection, account_id: int) -> int:
    """How many a member has begun and not sent."""
    query = select(func.count()).select_from(application)
    return (
        conn.scalar(query.where(application.c.account_id == account_id, application.c.state == "draft")) or 0
    )


# -- teams


def team_of(conn: Connection, application_ids: Iterable[int]) -> dict[int, list[MemberRow]]:
    """Those beside who leads, whatever they answered, in the order they were asked, by application."""
    named = (account.c[name] for name in _PERSON)
    query = (
        select(application_member, *named)
        .join(account, account.c.id == application_member.c.account_id)
        .where(application_member.c.application_id.in_(set(application_ids)))
        .order_by(application_member.c.created_at, application_member.c.account_id)
    )
    found: dict[int, list[MemberRow]] = {}
    for row in conn.execute(query):
        found.setdefault(row.application_id, []).append(row)
    return found


def put_member(conn: Connection, application_id: int, account_id: int, state: str) -> bool:
    """Whether they are new in the team."""
    row = {"application_id": application_id, "account_id": account_id, "state": state, "created_at": now_ms()}
    if insert_row(conn, application_member, row, unless_there=True):
        return True
    conn.execute(
        update(application_member)
        .where(
            application_member.c.application_id == application_id,
            application_member.c.account_id == account_id,
        )
        .values(state=state)
    )
    return False


def takes_part(conn: Connection, post_id: int, account_id: int) -> bool:
    """Whether somebody applies, as leader or in a team that they have joined, with what has not been taken back."""
    alive = and_(application.c.post_id == post_id, application.c.state != "withdrawn")
    lead = select(application.c.id).where(alive, application.c.account_id == account_id)
    joined = (
        select(application.c.id)
        .join(application_member, application_member.c.application_id == application.c.id)
        .where(
            alive, application_member.c.account_id == account_id, application_member.c.state == "confirmed"
        )
    )
    return conn.execute(lead.union(joined).limit(1)).first() is not None


# -- reviewers


def add_reviewer(conn: Connection, post_id: int, account_id: int) -> bool:
    """Whether they were none before."""
    row = {"post_id": post_id, "account_id": account_id, "created_at": now_ms()}
    return bool(insert_row(conn, opportunity_reviewer, row, unless_there=True))


def remove_reviewer(conn: Connection, post_id: int, account_id: int) -> bool:
    """What they said goes with them; whether they were one."""
    conn.execute(
        delete(application_review).where(
            application_review.c.account_id == account_id,
            application_review.c.application_id.in_(
                select(application.c.id).where(application.c.post_id == post_id)
            ),
        )
    )
    gone = delete(opportunity_reviewer).where(
        opportunity_reviewer.c.post_id == post_id, opportunity_reviewer.c.account_id == account_id
    )
    return bool(conn.execute(gone).rowcount)


def is_reviewer(conn: Connection, post_id: int, account_id: int) -> bool:
    query = select(opportunity_reviewer.c.post_id).where(
        opportunity_reviewer.c.post_id == post_id, opportunity_reviewer.c.account_id == account_id
    )
    return conn.execute(query).first() is not None


def reviewers(conn: Connection, post_id: int) -> list[Any]:
    """Their account ids and names, in the order they were asked."""
    named = (account.c[name] for name in _PERSON)
    query = (
        select(opportunity_reviewer, *named)
        .join(account, account.c.id == opportunity_reviewer.c.account_id)
        .where(opportunity_reviewer.c.post_id == post_id)
        .order_by(opportunity_reviewer.c.created_at, opportunity_reviewer.c.account_id)
    )
    return list(conn.execute(query))


def reviewed_by(conn: Connection, account_id: int, now: int, *, limit: int) -> list[Any]:
    """Opportunities whose applications a member reviews: id, title, expires_at; the latest first."""
    query = (
        select(post.c.id, post.c.title, opportunity.c.expires_at)
        .join_from(opportunity_reviewer, post, post.c.id == opportunity_reviewer.c.post_id)
        .join(opportunity, opportunity.c.post_id == post.c.id)
        .where(
            opportunity_reviewer.c.account_id == account_id,
            post.c.deleted_at.is_(None),
            exists().where(application.c.post_id == post.c.id) | (opportunity.c.expires_at > now),
        )
        .order_by(post.c.id.desc())
        .limit(limit)
    )
    return list(conn.execute(query))


def reviews_of(conn: Connection, application_ids: Iterable[int]) -> dict[int, list[ReviewRow]]:
    """Reviews with the names of who wrote them, by application."""
    named = (account.c[name] for name in _PERSON)
    query = (
        select(application_review, *named)
        .join(account, account.c.id == application_review.c.account_id)
        .where(application_review.c.application_id.in_(set(application_ids)))
        .order_by(application_review.c.account_id)
    )
    found: dict[int, list[ReviewRow]] = {}
    for row in conn.execute(query):
        found.setdefault(row.application_id, []).append(row)
    return found


def put_review(conn: Connection, application_id: int, account_id: int, columns: Mapping[str, Any]) -> None:
    """Keep what a reviewer says, for the first time or anew."""
    row = {
        "application_id": application_id, "account_id": account_id, "changed_at": now_ms(), **columns,
    }  # fmt: skip
    if not insert_row(conn, application_review, row, unless_there=True):
        conn.execute(
            update(application_review)
            .where(
                application_review.c.application_id == application_id,
                application_review.c.account_id == account_id,
            )
            .values(changed_at=now_ms(), **columns)
        )


# -- what is forgotten


def decided_forms(conn: Connection) -> list[tuple[int, str]]:
    """Opportunities with decided applications: id, and the form, which says how long those are kept."""
    query = select(opportunity.c.post_id, opportunity.c.form).where(
        exists().where(application.c.post_id == opportunity.c.post_id, application.c.decided_at.is_not(None))
    )
    return [(row.post_id, row.form) for row in conn.execute(query)]


def remove_decided(conn: Connection, post_id: int, before_ms: int) -> int:
    """Remove what was decided before an instant; how many."""
    gone = delete(application).where(application.c.post_id == post_id, application.c.decided_at <= before_ms)
    return int(conn.execute(gone).rowcount)


def remove_stale(conn: Connection, *, unsent_before_ms: int, undecided_before_ms: int) -> int:
    """Remove what was never sent, or was taken back, of what has closed before the first instant; and what was never decided
    of what has closed before the second; how many."""
    closed = func.coalesce(opportunity.c.closed_at, opportunity.c.expires_at)
    of_closed = select(opportunity.c.post_id)
    done = conn.execute(
        delete(application).where(
            or_(
                and_(
                    application.c.state.in_(("draft", "withdrawn")),
                    application.c.changed_at < unsent_before_ms,
                    application.c.post_id.in_(of_closed.where(closed < unsent_before_ms)),
                ),
                and_(
                    application.c.decided_at.is_(None),
                    application.c.post_id.in_(of_closed.where(closed < undecided_before_ms)),
                ),
            )
        )
    )
    return int(done.rowcount)
