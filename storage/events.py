"""Events, when they take place, and who goes. How seats are given is `fedserver.events.answers`' business."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Select, and_, delete, func, select, update

from storage.event_mail import Person
from storage.hot import insert_row, insert_rows
from storage.tables import account, calendar_token, event, event_guest, occurrence, post, rsvp
from storage.types import new_id, now_ms

# Attributes are the columns of `event`, and those of its post and author that `_OF_POST` and `_OF_AUTHOR` name.
EventRow = Any
OccurrenceRow = Any
RsvpRow = Any

_OF_POST: Final = (
    "id", "uri", "url", "account_id", "visibility", "title", "summary", "source_text", "content_html", "language", "group_id",
    "local", "replies_count", "likes_count", "boosts_count", "created_at", "edited_at", "deleted_at", "thread_id",
)  # fmt: skip
_OF_AUTHOR: Final = ("username", "domain", "display_name")


def select_events(*more: Any) -> Select[Any]:
    """Events as `EventRow`s, with `more` columns behind."""
    own = [column for column in event.c if column.name != "post_id"]
    return (
        select(*(post.c[name] for name in _OF_POST), *own, *(account.c[name] for name in _OF_AUTHOR), *more)
        .join_from(event, post, post.c.id == event.c.post_id)
        .join(account, account.c.id == post.c.account_id)
    )


def by_id(conn: Connection, post_id: int | None) -> EventRow | None:
    if post_id is None:
        return None
    return conn.execute(select_events().where(event.c.post_id == post_id)).first()


def by_ids(conn: Connection, post_ids: Iterable[int]) -> dict[int, EventRow]:
    """Those that are events, by id."""
    wanted = set(post_ids)
    if not wanted:
        return {}
    return {row.id: row for row in conn.execute(select_events().where(event.c.post_id.in_(wanted)))}


def put(conn: Connection, post_id: int, **columns: Any) -> None:
    """Keep what a post says as an event, for the first time or anew."""
    if not insert_row(conn, event, {"post_id": post_id, **columns}, unless_there=True):
        change(conn, post_id, **{name: value for name, value in columns.items() if name != "uid"})


def change(conn: Connection, post_id: int, **columns: Any) -> None:
    """Set columns of what is beside the post."""
    conn.execute(update(event).where(event.c.post_id == post_id).values(**columns))


def remove(conn: Connection, post_id: int) -> bool:
    """The post stays, without what is beside it; whether there was something."""
    return bool(conn.execute(delete(event).where(event.c.post_id == post_id)).rowcount)


# -- when it takes place


def occurrences(conn: Connection, post_id: int) -> list[OccurrenceRow]:
    """All of them, in order."""
    return occurrences_of(conn, [post_id]).get(post_id, [])


def occurrences_of(conn: Connection, post_ids: Iterable[int]) -> dict[int, list[OccurrenceRow]]:
    """Those of these events, in order, by event."""
    query = select(occurrence).where(occurrence.c.post_id.in_(set(post_ids)))
    found: dict[int, list[OccurrenceRow]] = {}
    for row in conn.execute(query.order_by(occurrence.c.starts_at, occurrence.c.id)):
        found.setdefault(row.post_id, []).append(row)
    return found


def occurrence_by_key(conn: Connection, post_id: int, key: str) -> OccurrenceRow | None:
    return conn.execute(
        select(occurrence).where(occurrence.c.post_id == post_id, occurrence.c.key == key)
    ).first()


def occurrences_by_ids(conn: Connection, occurrence_ids: Iterable[int]) -> list[OccurrenceRow]:
    """These, in order of their ids."""
    query = select(occurrence).where(occurrence.c.id.in_(set(occurrence_ids)))
    return list(conn.execute(query.order_by(occurrence.c.id)))


def locked(conn: Connection, occurrence_ids: Iterable[int]) -> list[OccurrenceRow]:
    """These, in order of their ids, which nobody else changes until the unit ends: seats are given one after the other."""
    query = select(occurrence).where(occurrence.c.id.in_(set(occurrence_ids)))
    return list(conn.execute(query.order_by(occurrence.c.id).with_for_update()))


def put_occurrences(conn: Connection, post_id: int, spans: Sequence[tuple[str, int, int]]) -> None:
    """It takes place at these (key, begin, end), and at none else. One that was moved or cancelled by hand stays so. What
    takes place at another hour of the same day, or is the only one before and after, is the same one with its answers; the
    answers to one that goes go, too."""
    wanted = {key: (starts_at, ends_at) for key, starts_at, ends_at in spans}
    _follow_keys(conn, occurrences(conn, post_id), wanted)
    known = {row.key: row for row in occurrences(conn, post_id)}
    gone = [row.id for key, row in known.items() if key not in wanted]
    if gone:
        conn.execute(delete(occurrence).where(occurrence.c.id.in_(gone)))
    for key, (starts_at, ends_at) in wanted.items():
        row = known.get(key)
        if (
            row is not None
            and row.status == "scheduled"
            and (row.starts_at, row.ends_at) != (starts_at, ends_at)
        ):
            change_occurrence(conn, row.id, starts_at=starts_at, ends_at=ends_at)
    now = now_ms()
    insert_rows(
        conn,
        occurrence,
        [
            {"id": new_id(now), "post_id": post_id, "key": key, "starts_at": starts_at, "ends_at": ends_at}
            for key, (starts_at, ends_at) in wanted.items()
            if key not in known
        ],
    )
    _span(conn, post_id)


def _follow_keys(
    conn: Connection, known: Sequence[OccurrenceRow], wanted: Mapping[str, tuple[int, int]]
) -> None:
    """Give those the new key that are to begin at another time, as far as it is plain which is which."""
    gone = [row for row in known if row.key not in wanted]
    new = [key for key in wanted if key not in {row.key for row in known}]
    if len(known) == len(wanted) == len(gone) == 1:
        # Who moves the whole has said when it is, whatever had been moved before.
        status = "scheduled" if gone[0].status == "moved" else gone[0].status
        starts_at, ends_at = wanted[new[0]]
        change_occurrence(conn, gone[0].id, key=new[0], status=status, starts_at=starts_at, ends_at=ends_at)
        return
    for row in gone:
        here = [key for key in new if key[:8] == row.key[:8]]
        if len(here) == 1 and sum(one.key[:8] == row.key[:8] for one in gone) == 1:
            change_occurrence(conn, row.id, key=here[0])


def change_occurrence(conn: Connection, occurrence_id: int, **columns: Any) -> None:
    """Set columns of one occurrence."""
    conn.execute(update(occurrence).where(occurrence.c.id == occurrence_id).values(**columns))


def moved(conn: Connection, post_id: int, occurrence_id: int, **columns: Any) -> None:
    """Change one occurrence by hand; the event begins and ends where its first and last do."""
    change_occurrence(conn, occurrence_id, **columns)
    _span(conn, post_id)


def _span(conn: Connection, post_id: int) -> None:
    query = select(func.min(occurrence.c.starts_at), func.max(occurrence.c.ends_at))
    first, last = conn.execute(query.where(occurrence.c.post_id == post_id)).one()
    if first is not None:
        change(conn, post_id, starts_at=first, ends_at=last)


# -- who goes


def answers_of(conn: Connection, account_id: int, occurrence_ids: Iterable[int]) -> dict[int, RsvpRow]:
    """What an account answered to these occurrences, by occurrence."""
    query = select(rsvp).where(rsvp.c.account_id == account_id, rsvp.c.occurrence_id.in_(set(occurrence_ids)))
    return {row.occurrence_id: row for row in conn.execute(query)}


def answers_by_uri(conn: Connection, uri: str | None) -> list[RsvpRow]:
    """The answers that a Join gave, to each occurrence of its event."""
    return list(conn.execute(select(rsvp).where(rsvp.c.uri == uri))) if uri else []


def event_of_answer(conn: Connection, rsvp_id: int) -> int | None:
    """The event that an answer is about."""
    query = select(occurrence.c.post_id).join(rsvp, rsvp.c.occurrence_id == occurrence.c.id)
    return conn.scalar(query.where(rsvp.c.id == rsvp_id))


def organises(conn: Connection, rsvp_id: int, account_id: int) -> bool:
    """Whether this account is the author of the event that an answer is about."""
    query = (
        select(post.c.id)
        .join(occurrence, occurrence.c.post_id == post.c.id)
        .join(rsvp, rsvp.c.occurrence_id == occurrence.c.id)
        .where(rsvp.c.id == rsvp_id, post.c.account_id == account_id)
    )
    return conn.execute(query).first() is not None


def put_answer(conn: Connection, occurrence_id: int, who: Person, columns: Mapping[str, Any]) -> RsvpRow:
    """Keep an answer, for the first time or anew; as it stands then."""
    now = now_ms()
    row = {"id": new_id(now), "occurrence_id": occurrence_id, **who._asdict(), "created_at": now,
           "queue": new_id(now), "changed_at": now, **columns}  # fmt: skip
    here = (rsvp.c.occurrence_id == occurrence_id, who.of(rsvp))
    if not insert_row(conn, rsvp, row, unless_there=True):
        conn.execute(update(rsvp).where(*here).values(changed_at=now, **columns))
    return conn.execute(select(rsvp).where(*here)).one()


def answered(conn: Connection, account_id: int, since_ms: int | None) -> list[OccurrenceRow]:
    """What an account has answered to and not declined, in order: only what is not over since an instant, or (None) all, with
    what it declined."""
    query = (
        select(occurrence)
        .join(rsvp, rsvp.c.occurrence_id == occurrence.c.id)
        .where(rsvp.c.account_id == account_id)
        .order_by(occurrence.c.starts_at, occurrence.c.id)
    )
    if since_ms is not None:
        query = query.where(occurrence.c.ends_at > since_ms, rsvp.c.answer != "declined")
    return list(conn.execute(query))


def who_answered(conn: Connection, account_ids: Iterable[int], since_ms: int) -> list[int]:
    """Those of these accounts that did not decline something that is not over since an instant."""
    query = (
        select(rsvp.c.account_id)
        .join(occurrence, occurrence.c.id == rsvp.c.occurrence_id)
        .where(
            rsvp.c.account_id.in_(set(account_ids)),
            rsvp.c.answer != "declined",
            occurrence.c.ends_at > since_ms,
        )
    )
    return list(conn.scalars(query.distinct().order_by(rsvp.c.account_id)))


def remove_answers(conn: Connection, occurrence_ids: Iterable[int], account_id: int) -> None:
    """As if they had never been given."""
    conn.execute(_given(delete(rsvp), occurrence_ids, account_id))


def decline(conn: Connection, occurrence_ids: Iterable[int], account_id: int) -> None:
    """Somebody does not come to these, whatever they had answered."""
    values = {"answer": "declined", "state": "", "guests": 0, "changed_at": now_ms()}
    conn.execute(_given(update(rsvp), occurrence_ids, account_id).values(values))


def _given(statement: Any, occurrence_ids: Iterable[int], account_id: int) -> Any:
    return statement.where(rsvp.c.occurrence_id.in_(set(occurrence_ids)), rsvp.c.account_id == account_id)


def change_answer(conn: Connection, rsvp_id: int, **columns: Any) -> None:
    """Set columns of one answer."""
    conn.execute(update(rsvp).where(rsvp.c.id == rsvp_id).values(changed_at=now_ms(), **columns))


def waiting(conn: Connection, occurrence_id: int) -> list[RsvpRow]:
    """Who waits for a seat, the longest first."""
    query = select(rsvp).where(rsvp.c.occurrence_id == occurrence_id, rsvp.c.state == "waiting")
    return list(conn.execute(query.order_by(rsvp.c.queue)))


def let_in(conn: Connection, rsvp_ids: Iterable[int]) -> None:
    """Those who gave these answers are in."""
    conn.execute(update(rsvp).where(rsvp.c.id.in_(set(rsvp_ids))).values(state="in", changed_at=now_ms()))


def count_anew(conn: Connection, *occurrence_ids: int) -> None:
    """Bring the counts of occurrences in line with their answers."""
    here = rsvp.c.occurrence_id == occurrence.c.id

    def count(what: Any, *conditions: Any) -> Any:
        return select(what).where(here, *conditions).scalar_subquery()

    people = func.coalesce(func.sum(rsvp.c.guests + 1), 0)
    counts = {
        "going_count": count(people, rsvp.c.state == "in"),
        "waiting_count": count(people, rsvp.c.state == "waiting"),
        **{
            name: count(func.count(), rsvp.c.answer == said, rsvp.c.state != "refused")
            for name, said in (("yes_count", "going"), ("maybe_count", "maybe"), ("no_count", "declined"))
        },
    }
    conn.execute(update(occurrence).where(occurrence.c.id.in_(set(occurrence_ids))).values(counts))


def attendees(
    conn: Connection, occurrence_ids: Iterable[int], *, limit: int, after: int = 0
) -> dict[int, list[Any]]:
    """By occurrence so many of the answers to it, behind a place in the `queue`, with the accounts that gave them, or (`guest_name`,
    `guest_email`) who answered by mail, the earliest first. For organisers."""
    place = func.row_number().over(partition_by=rsvp.c.occurrence_id, order_by=(rsvp.c.queue, rsvp.c.id))
    some = (
        select(rsvp.c.id, place.label("place"))
        .where(rsvp.c.occurrence_id.in_(set(occurrence_ids)), rsvp.c.queue > after)
        .subquery()
    )
    query = (
        select(
            rsvp,
            account.c.username,
            account.c.domain,
            account.c.display_name,
            account.c.uri.label("account_uri"),
            event_guest.c.name.label("guest_name"),
            event_guest.c.email.label("guest_email"),
        )
        .join(some, some.c.id == rsvp.c.id)
        .outerjoin(account, account.c.id == rsvp.c.account_id)
        .outerjoin(event_guest, event_guest.c.id == rsvp.c.guest_id)
        .where(some.c.place <= limit)
        .order_by(rsvp.c.queue, rsvp.c.id)
    )
    found: dict[int, list[Any]] = {}
    for row in conn.execute(query):
        found.setdefault(row.occurrence_id, []).append(row)
    return found


def without_link(conn: Connection, occurrence_id: int, starts_at: int, *, limit: int) -> list[RsvpRow]:
    """Some of those who are in and have not been sent the link to join for when it begins."""
    told = and_(rsvp.c.link_told_for.is_not(None), rsvp.c.link_told_for == starts_at)
    query = select(rsvp).where(rsvp.c.occurrence_id == occurrence_id, rsvp.c.state == "in", ~told)
    return list(conn.execute(query.order_by(rsvp.c.id).limit(limit)))


def forget_links_told(conn: Connection, occurrence_ids: Iterable[int]) -> None:
    """What those who come were sent leads nowhere any more."""
    told = update(rsvp).where(
        rsvp.c.occurrence_id.in_(set(occurrence_ids)), rsvp.c.link_told_for.is_not(None)
    )
    conn.execute(told.values(link_told_for=None))


def note_link_told(conn: Connection, rsvp_ids: Iterable[int], starts_at: int) -> None:
    """They were sent the link for when it begins."""
    conn.execute(update(rsvp).where(rsvp.c.id.in_(set(rsvp_ids))).values(link_told_for=starts_at))


def answers_of_those_who_go(conn: Connection, occurrence_ids: Iterable[int]) -> list[RsvpRow]:
    """What was answered to these occurrences by who is in at them, or waits."""
    query = select(rsvp).where(
        rsvp.c.occurrence_id.in_(set(occurrence_ids)), rsvp.c.state.in_(("in", "waiting", "asked", "sent"))
    )
    return list(conn.execute(query.order_by(rsvp.c.queue)))


# -- secret addresses of calendars


def add_token(conn: Connection, account_id: int, digest: str, label: str) -> int:
    """The id of a new one."""
    token_id = new_id()
    row = {"id": token_id, "account_id": account_id, "digest": digest, "label": label, "created_at": now_ms()}
    insert_row(conn, calendar_token, row)
    return token_id


def token(conn: Connection, digest: str) -> Any:
    """Whose calendar a secret address shows, or None."""
    return conn.execute(select(calendar_token).where(calendar_token.c.digest == digest)).first()


def tokens(conn: Connection, account_id: int) -> list[Any]:
    """Those of a member, newest first."""
    query = select(calendar_token).where(calendar_token.c.account_id == account_id)
    return list(conn.execute(query.order_by(calendar_token.c.id.desc())))


def use_token(conn: Connection, token_id: int, used_at: int) -> None:
    """Somebody has read the calendar."""
    conn.execute(update(calendar_token).where(calendar_token.c.id == token_id).values(used_at=used_at))


def remove_token(conn: Connection, account_id: int, token_id: int) -> bool:
    """Whether it was there."""
    gone = delete(calendar_token).where(
        calendar_token.c.id == token_id, calendar_token.c.account_id == account_id
    )
    return bool(conn.execute(gone).rowcount)
