"""Who greets whom: somebody who asks to join, or who came not long ago; what was done for them; and what they are asked before
they are let in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from sqlalchemy import Connection, Row, delete, exists, func, insert, or_, select, update

from storage.duty_mail import News
from storage.hot import insert_row
from storage.paging import Window
from storage.tables import account, greeting, join_inquiry, newcomer_step, post, user
from storage.types import new_id, now_ms

GreeterRow = Row[Any]
"""A row of `greeting`, with `greeter`, the user name of who greets."""
InquiryRow = Row[Any]
"""A row of `join_inquiry`, with `asker`, the user name of who asked; None once that account is gone."""
StepRow = Row[Any]
"""A row of `newcomer_step`, with `by`, the user name of who did it; None once that account is gone."""
NewcomerRow = Row[Any]
"""An account's id, username, display_name and approved_at; `greeter_id`, `greeter`, and whether they `has_posted`."""


def put(conn: Connection, account_id: int, greeter_id: int, *, by_other: bool) -> None:
    """From now on this is who greets them."""
    remove(conn, account_id)
    conn.execute(
        insert(greeting).values(
            account_id=account_id, greeter_id=greeter_id, by_other=by_other, created_at=now_ms()
        )
    )


def remove(conn: Connection, account_id: int) -> None:
    """Nobody greets them."""
    conn.execute(delete(greeting).where(greeting.c.account_id == account_id))


def of_accounts(conn: Connection, account_ids: Sequence[int]) -> dict[int, GreeterRow]:
    """By account who greets them."""
    if not account_ids:
        return {}
    query = (
        select(greeting, account.c.username.label("greeter"))
        .join_from(greeting, account, account.c.id == greeting.c.greeter_id)
        .where(greeting.c.account_id.in_(account_ids))
    )
    return {row.account_id: row for row in conn.execute(query)}


def given_since(conn: Connection, greeter_id: int, since_ms: int) -> News:
    """How many were given to a member by somebody else after this instant."""
    query = select(func.count(), func.max(greeting.c.created_at)).where(
        greeting.c.greeter_id == greeter_id, greeting.c.by_other.is_(True), greeting.c.created_at > since_ms
    )
    return News._make(conn.execute(query).one())


def _has_posted() -> Any:
    return exists().where(post.c.account_id == account.c.id, post.c.boost_of_id.is_(None)).correlate(account)


def _is_here() -> tuple[Any, ...]:
    return user.c.confirmed_at.is_not(None), account.c.suspended_at.is_(None), account.c.deleted_at.is_(None)


def newcomers(
    conn: Connection,
    window: Window,
    since_ms: int,
    member_id: int,
    *,
    of: Literal["mine", "all", "alone"],
    alone_ms: int = 0,
) -> list[NewcomerRow]:
    """Others than the member who were let in after this instant, the newest account first: those whom they greet, all, or
    those of theirs and nobody's who were left alone and let in at `alone_ms` at the latest."""
    greets = account.alias("greets")
    query = (
        select(
            account.c.id,
            account.c.username,
            account.c.display_name,
            user.c.approved_at,
            greeting.c.greeter_id,
            greets.c.username.label("greeter"),
            _has_posted().label("has_posted"),
        )
        .select_from(
            user.join(account, account.c.id == user.c.account_id)
            .outerjoin(greeting, greeting.c.account_id == user.c.account_id)
            .outerjoin(greets, greets.c.id == greeting.c.greeter_id)
        )
        .where(
            user.c.approved_at > since_ms,
            account.c.id != member_id,
            *_is_here(),
        )
    )
    if of == "mine":
        query = query.where(greeting.c.greeter_id == member_id)
    elif of == "alone":
        query = query.where(user.c.approved_at <= alone_ms, *_alone(member_id))
    return window.rows(conn, query, account.c.id)


def steps_of(conn: Connection, account_ids: Sequence[int]) -> dict[int, list[StepRow]]:
    """By account what was done for them, the first first."""
    found: dict[int, list[StepRow]] = {}
    if account_ids:
        query = (
            select(newcomer_step, account.c.username.label("by"))
            .outerjoin_from(newcomer_step, account, account.c.id == newcomer_step.c.by_id)
            .where(newcomer_step.c.account_id.in_(account_ids))
            .order_by(newcomer_step.c.done_at, newcomer_step.c.step)
        )
        for row in conn.execute(query):
            found.setdefault(row.account_id, []).append(row)
    return found


def put_steps(conn: Connection, account_id: int, steps: Sequence[str], by_id: int) -> None:
    """Keep that a member did these for somebody; who was first with one stays."""
    for step in steps:
        row = {"account_id": account_id, "step": step, "by_id": by_id, "done_at": now_ms()}
        insert_row(conn, newcomer_step, row, unless_there=True)


def remove_step(conn: Connection, account_id: int, step: str) -> None:
    """It was not done."""
    conn.execute(
        delete(newcomer_step).where(newcomer_step.c.account_id == account_id, newcomer_step.c.step == step)
    )


def _alone(greeter_id: int | None) -> tuple[Any, ...]:
    """Who was neither greeted nor has posted: of one greeter those whom they greet or nobody does, None for all."""
    alone = ~_has_posted(), ~exists().where(newcomer_step.c.account_id == account.c.id).correlate(account)
    if greeter_id is None:
        return alone
    theirs = or_(greeting.c.greeter_id.is_(None), greeting.c.greeter_id == greeter_id)
    return account.c.id != greeter_id, theirs, *alone


def left_alone(
    conn: Connection, greeter_id: int | None, after_ms: int, until_ms: int, *, limit: int = 0
) -> tuple[News, list[str]]:
    """How many of those let in between two instants were neither greeted nor have posted; when the latest was let in; and
    up to `limit` names, the latest first. Of one greeter those whom they greet or nobody does; None counts all."""
    origin = user.join(account, account.c.id == user.c.account_id).outerjoin(
        greeting, greeting.c.account_id == user.c.account_id
    )
    let_in = (user.c.approved_at > after_ms, user.c.approved_at <= until_ms)
    where = (*let_in, *_is_here(), *_alone(greeter_id))
    counted = News._make(
        conn.execute(
            select(func.count(), func.max(user.c.approved_at)).select_from(origin).where(*where)
        ).one()
    )
    if not counted.number or not limit:
        return counted, []
    names = (
        select(account.c.username)
        .select_from(origin)
        .where(*where)
        .order_by(user.c.approved_at.desc(), account.c.id.desc())
    )
    return counted, list(conn.scalars(names.limit(limit)))


def remove_older(conn: Connection, before_ms: int) -> None:
    """Nobody greets any more whoever was let in before this instant, and what was done for them is forgotten."""
    old = select(user.c.account_id).where(user.c.approved_at < before_ms)
    conn.execute(delete(greeting).where(greeting.c.account_id.in_(old)))
    conn.execute(delete(newcomer_step).where(newcomer_step.c.account_id.in_(old)))


# -- what is asked back


def _inquiries() -> Any:
    return select(join_inquiry, account.c.username.label("asker")).outerjoin_from(
        join_inquiry, account, account.c.id == join_inquiry.c.asker_id
    )


def ask(conn: Connection, account_id: int, *, asker_id: int, question: str) -> int:
    """Keep a question; its id."""
    inquiry_id = new_id()
    conn.execute(
        insert(join_inquiry).values(
            id=inquiry_id, account_id=account_id, asker_id=asker_id, question=question, created_at=now_ms()
        )
    )
    return inquiry_id


def inquiry(conn: Connection, inquiry_id: int) -> InquiryRow | None:
    """One question."""
    return conn.execute(_inquiries().where(join_inquiry.c.id == inquiry_id)).first()


def inquiries_of(conn: Connection, account_ids: Sequence[int]) -> dict[int, list[InquiryRow]]:
    """By account what they were asked, the first first."""
    found: dict[int, list[InquiryRow]] = {}
    if account_ids:
        query = _inquiries().where(join_inquiry.c.account_id.in_(account_ids)).order_by(join_inquiry.c.id)
        for row in conn.execute(query):
            found.setdefault(row.account_id, []).append(row)
    return found


def answer(conn: Connection, inquiry_id: int, text: str) -> None:
    """Keep what was answered."""
    conn.execute(
        update(join_inquiry).where(join_inquiry.c.id == inquiry_id).values(answer=text, answered_at=now_ms())
    )


def remove_inquiries(conn: Connection, account_id: int) -> None:
    """Forget what somebody was asked, and answered."""
    conn.execute(delete(join_inquiry).where(join_inquiry.c.account_id == account_id))


def answered_since(conn: Connection, account_id: int, since_ms: int) -> News:
    """How many have answered after this instant whom the member greets, or asked where nobody greets them."""
    query = (
        select(func.count(), func.max(join_inquiry.c.answered_at))
        .select_from(join_inquiry.outerjoin(greeting, greeting.c.account_id == join_inquiry.c.account_id))
        .where(
            join_inquiry.c.answered_at > since_ms,
            or_(
                greeting.c.greeter_id == account_id,
                greeting.c.greeter_id.is_(None) & (join_inquiry.c.asker_id == account_id),
            ),
        )
    )
    return News._make(conn.execute(query).one())
