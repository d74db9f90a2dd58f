"""The poll that an event has in apps: made of its answers when it is read, so that there is nothing to keep in step.

It is about the whole event, and shows the answers to the occurrence that is next, or was last when the event is over. Events
to which nobody signs up here have none.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    and_,
    case,
    func,
    literal,
    literal_column,
    null,
    or_,
    select,
    union_all,
)

from storage.tables import event, occurrence, rsvp
from storage.types import AnyOf

CHOICES: Final = (("going", "Going"), ("maybe", "Maybe"), ("declined", "Can't go"))
"""Answers by the position of their choice, and the choice in words."""

SIGN_UP_MODES: Final = ("free", "approval")
"""How one comes in where everybody may answer."""

_POSITION: Final = {answer: position for position, (answer, _) in enumerate(CHOICES)}


def has_poll(mode: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether everybody may answer an event that one comes into in this way."""
    return or_(*(mode == one for one in SIGN_UP_MODES))


def meant(event_id: Any, now: Any) -> ColumnElement[Any]:
    """The id of the occurrence whose answers are shown of an event."""
    held = occurrence.alias("held")
    mine = and_(held.c.post_id == event_id, held.c.status != "cancelled")
    following = (
        select(held.c.id)
        .where(mine, held.c.ends_at > now)
        .order_by(held.c.starts_at, held.c.id)
        .limit(1)
        .correlate_except(held)
        .scalar_subquery()
    )
    last = (
        select(held.c.id)
        .where(mine)
        .order_by(held.c.starts_at.desc(), held.c.id.desc())
        .limit(1)
        .correlate_except(held)
        .scalar_subquery()
    )
    return func.coalesce(following, last)


def position(answer: ColumnElement[Any]) -> ColumnElement[Any]:
    """The place of the choice that an answer is."""
    return case(
        *((answer == one, literal_column(str(place))) for one, place in _POSITION.items()), else_=null()
    )


def closes_at() -> ColumnElement[Any]:
    """When nobody can answer any more."""
    early = and_(event.c.rsvp_closes_at.is_not(None), event.c.rsvp_closes_at < event.c.ends_at)
    return case((early, event.c.rsvp_closes_at), else_=event.c.ends_at)


def select_choices(ids: Any, viewer: Any, now: Any) -> Select[Any]:
    """A row for each choice: what `storage.cards.POLLS` says of a poll, in its order of columns."""
    choice = union_all(
        *(
            select(literal_column(str(place), Integer).label("position"), literal(words).label("title"))
            for place, (_, words) in enumerate(CHOICES)
        )
    ).subquery("choice")
    counted = case(
        (choice.c.position == 0, func.coalesce(event.c.participants_elsewhere, occurrence.c.yes_count)),
        (choice.c.position == 1, occurrence.c.maybe_count),
        else_=occurrence.c.no_count,
    )
    return (
        select(
            event.c.post_id,
            literal_column("false").label("multiple"),
            literal_column("false").label("hide_totals"),
            closes_at().label("expires_at"),
            case((event.c.status == "cancelled", event.c.changed_at), else_=null()).label("closed_at"),
            literal_column("NULL", Integer).label("voters_count"),
            choice.c.title,
            counted.label("votes_count"),
            case((position(rsvp.c.answer) == choice.c.position, choice.c.position), else_=null()).label(
                "chosen"
            ),
            choice.c.position.label("place"),
        )
        .join_from(event, occurrence, occurrence.c.id == meant(event.c.post_id, now))
        .join(choice, choice.c.position >= 0)
        .join(
            rsvp,
            and_(rsvp.c.occurrence_id == occurrence.c.id, rsvp.c.account_id == viewer),
            isouter=True,
        )
        .where(AnyOf(event.c.post_id, ids), has_poll(event.c.rsvp_mode))
    )


def select_votes(ids: Any, viewers: Any, now: Any) -> Select[Any]:
    """(account_id, post_id, position) of what these accounts answered."""
    return (
        select(rsvp.c.account_id, event.c.post_id, position(rsvp.c.answer))
        .join_from(event, occurrence, occurrence.c.id == meant(event.c.post_id, now))
        .join(rsvp, rsvp.c.occurrence_id == occurrence.c.id)
        .where(AnyOf(rsvp.c.account_id, viewers), AnyOf(event.c.post_id, ids), has_poll(event.c.rsvp_mode))
    )
