"""What was counted by day and is kept: what is counted, keeping it, and reading it for any span in one statement."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Connection, and_, case, delete, func, insert, or_, select, update

from storage.figures import (
    Source,
    active_users,
    by_day,
    new_users,
    opened_reports,
    resolved_reports,
    within,
)  # fmt: skip
from storage.tables import (
    account,
    day_figure,
    event,
    group,
    group_thread,
    like,
    member_day,
    occurrence,
    partner,
    post,
    report,
    resource,
    resource_relation,
    resource_report,
    rsvp,
    user,
)
from storage.types import DAY_MS, ID_BITS_WITHIN_MS

ANSWER_MS: Final = 48 * 3_600_000
MINUTE_MS: Final = 60_000
# How long the first answer took, in minutes at most: as many are counted of each, so that a median can be told of any span.
REPLY_MINUTES: Final = (
    5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 240, 360, 480, 720, 1080, 1440, 2160, 2880, 4320, 5760, 7200, 8640, 10080,
)  # fmt: skip
CLASSES: Final = (0, *REPLY_MINUTES)
"""0 counts what had no answer in that time."""
EDITION: Final = 1
"""Grows with what is counted: days that were counted when it was less have a lower one."""
_OF_IDS: Final = 1 << ID_BITS_WITHIN_MS
_MS: Final = 1
_counted: Final = func.count()
_SAID: Final = ("public", "unlisted", "followers", "members", "group")
_ADAPTED: Final = ("adaptation", "translation")


def sources() -> dict[str, list[Source]]:
    """What is counted by day, by name; several of one name are added up."""
    return {
        "active": [active_users()],
        "joined": [new_users()],
        "posts": [_posts()],
        "replies": [_posts(post.c.in_reply_to_id.is_not(None))],
        "questions": [_questions()],
        "answered": [_questions(_answered_in_time())],
        "events": [_events(_counted)],
        "answers": [_answers()],
        "attended": [_attended()],
        "resources": [_resources()],
        "reused": [_used(), _adapted()],
        "came_in": _between("in"),
        "went_out": _between("out"),
        "reports": [opened_reports()],
        "decided": [resolved_reports()],
        "decided_minutes": [_minutes()],
    }


def _posts(*where: Any) -> Source:
    """What members wrote, other than in private. Looked up by the index of visibility, place and id."""
    written = (post.c.local, post.c.visibility.in_(_SAID), post.c.kind != "boost", *where)
    return Source(post, post.c.id, _OF_IDS, _counted, written)


def _questions(*where: Any) -> Source:
    """Discussions that were begun in groups for help."""
    origin = group_thread.join(post, post.c.id == group_thread.c.post_id).join(
        group, group.c.account_id == group_thread.c.group_id
    )
    return Source(origin, group_thread.c.post_id, _OF_IDS, _counted, (group.c.kind == "help", *where))


def _answered_in_time() -> Any:
    answer = post.alias("answer")
    return (
        select(answer.c.id)
        .where(*_answers_it(answer), answer.c.created_at <= post.c.created_at + ANSWER_MS)
        .exists()
    )


def _answers_it(answer: Any) -> tuple[Any, ...]:
    """It is somebody else's, in the discussion that a post began."""
    return (
        answer.c.thread_id == post.c.id,
        answer.c.account_id != post.c.account_id,
        answer.c.deleted_at.is_(None),
    )


def _first_posts() -> Source:
    """The first post of each member that answers nobody."""
    earlier = post.alias("earlier")
    is_first = ~(
        select(earlier.c.id)
        .where(
            earlier.c.account_id == post.c.account_id, earlier.c.id < post.c.id, *_begins_something(earlier)
        )
        .exists()
    )
    origin = post.join(user, user.c.account_id == post.c.account_id)
    return Source(origin, post.c.id, _OF_IDS, _counted, (post.c.local, *_begins_something(post), is_first))


def _begins_something(one: Any) -> tuple[Any, ...]:
    return one.c.visibility.in_(_SAID), one.c.kind != "boost", one.c.in_reply_to_id.is_(None)


def first_replies(
    conn: Connection, name: str, source: Source, first_day: int, last_day: int
) -> dict[str, dict[int, int]]:
    """How long the first answer to what a source counts took: by ``{name}_{minutes}`` and day how many took so long at
    most, and longer than the one before (see `CLASSES`)."""
    answer = post.alias("answer")
    # Grouped, so that the answers of a discussion are gone through once and not for each class.
    one = (
        select(
            (source.at // int(DAY_MS * source.per_ms)).label("day"),
            (func.min(answer.c.created_at) - post.c.created_at).label("waited"),
        )
        .select_from(source.origin.join(answer, and_(*_answers_it(answer)), isouter=True))
        .where(*within(source, first_day, last_day), *source.where)
        .group_by(post.c.id, source.at, post.c.created_at)
        .subquery()
    )
    most = case(*((one.c.waited <= minutes * MINUTE_MS, minutes) for minutes in REPLY_MINUTES), else_=0)
    counted = select(one.c.day, most.label("most")).subquery()
    query = select(counted.c.day, counted.c.most, func.count())
    found: dict[str, dict[int, int]] = {}
    for day, minutes, number in conn.execute(query.group_by(counted.c.day, counted.c.most)):
        found.setdefault(f"{name}_{minutes}", {})[int(day)] = int(number)
    return found


def _events(counted: Any) -> Source:
    """Events of this server that took place: each time of a series."""
    origin = occurrence.join(event, event.c.post_id == occurrence.c.post_id).join(
        post, post.c.id == occurrence.c.post_id
    )
    held = (post.c.local, occurrence.c.status != "cancelled", event.c.status != "cancelled")
    return Source(origin, occurrence.c.starts_at, _MS, counted, held)


def _answers() -> Source:
    """Who said that they come to events of this server."""
    origin = rsvp.join(occurrence, occurrence.c.id == rsvp.c.occurrence_id).join(
        post, post.c.id == occurrence.c.post_id
    )
    return Source(origin, rsvp.c.created_at, _MS, _counted, (post.c.local, rsvp.c.answer == "going"))


def _attended() -> Source:
    """Who came, by the day of the event, as organisers ticked."""
    origin = rsvp.join(occurrence, occurrence.c.id == rsvp.c.occurrence_id).join(
        post, post.c.id == occurrence.c.post_id
    )
    return Source(origin, occurrence.c.starts_at, _MS, _counted, (post.c.local, rsvp.c.attended))


def _resources() -> Source:
    """Resources that members put into the library."""
    origin = resource.join(post, post.c.id == resource.c.post_id)
    return Source(origin, resource.c.post_id, _OF_IDS, _counted, (post.c.local,))


def _used() -> Source:
    """Uses of resources that somebody told of."""
    return Source(
        resource_report,
        resource_report.c.created_at,
        _MS,
        _counted,
        (resource_report.c.kind == "use",),
    )


def _adapted() -> Source:
    """Resources that were made from others."""
    origin = resource_relation.join(post, post.c.id == resource_relation.c.post_id)
    made = (post.c.local, resource_relation.c.relation.in_(_ADAPTED))
    return Source(origin, resource_relation.c.post_id, _OF_IDS, func.count(post.c.id.distinct()), made)


def _between(way: str) -> list[Source]:
    """Answers, boosts and likes between this server and others: from there to posts of here, or from here to there."""
    there, here = account.alias("there"), post.alias("here")
    from_there = way == "in"
    who = there.c.domain != "" if from_there else there.c.domain == ""
    whose = here.c.local if from_there else ~here.c.local
    liked = like.join(here, here.c.id == like.c.post_id).join(there, there.c.id == like.c.account_id)
    said = post.join(here, here.c.id == func.coalesce(post.c.boost_of_id, post.c.in_reply_to_id)).join(
        there, there.c.id == post.c.account_id
    )
    about = or_(post.c.boost_of_id.is_not(None), post.c.in_reply_to_id.is_not(None))
    return [
        Source(liked, like.c.id, _OF_IDS, _counted, (who, whose)),
        Source(said, post.c.id, _OF_IDS, _counted, (who, whose, about)),
    ]


def _minutes() -> Source:
    """How long the reports that were decided had waited, added up."""
    waited = func.sum((report.c.resolved_at - report.c.created_at) // 60_000)
    return Source(report, report.c.resolved_at, _MS, waited)


# -- keeping


def count(conn: Connection, first_day: int, last_day: int) -> dict[str, dict[int, int]]:
    """Everything for a span of days, counted from what there is: by name and day, one statement for each source."""
    found: dict[str, dict[int, int]] = {}
    for name, several in sources().items():
        days = found[name] = {}
        for source in several:
            for day, value in by_day(conn, source, first_day, last_day).items():
                days[day] = days.get(day, 0) + value
    return found | count_first_replies(conn, first_day, last_day)


def count_first_replies(conn: Connection, first_day: int, last_day: int) -> dict[str, dict[int, int]]:
    """The first posts of members, and how soon they and questions were answered. What was answered within a week is
    ``welcomed`` of ``first_posts``."""
    found = {"first_posts": by_day(conn, _first_posts(), first_day, last_day)}
    for name, source in (("first_posts", _first_posts()), ("questions", _questions())):
        found |= first_replies(conn, name, source, first_day, last_day)
    welcomed = found["welcomed"] = {}
    for minutes in REPLY_MINUTES:
        for day, value in found.get(f"first_posts_{minutes}", {}).items():
            welcomed[day] = welcomed.get(day, 0) + value
    return found


def put(conn: Connection, first_day: int, last_day: int, found: Mapping[str, Mapping[int, int]]) -> None:
    """Keep what was counted, in the place of what was kept of these days. A day on which nothing was has a row, too,
    so that it is known to be counted."""
    conn.execute(delete(day_figure).where(day_figure.c.day >= first_day, day_figure.c.day <= last_day))
    rows = [{"day": day, "name": "", "value": EDITION} for day in range(first_day, last_day + 1)]
    conn.execute(insert(day_figure), rows + _rows(found))


def of_earlier_editions(conn: Connection, first_day: int) -> tuple[int, int] | None:
    """The first and last day from `first_day` on that were counted when less was."""
    query = select(func.min(day_figure.c.day), func.max(day_figure.c.day)).where(
        day_figure.c.day >= first_day, day_figure.c.name == "", day_figure.c.value < EDITION
    )
    first, last = conn.execute(query).one()
    return None if first is None else (int(first), int(last))


def put_first_replies(
    conn: Connection, first_day: int, last_day: int, found: Mapping[str, Mapping[int, int]]
) -> None:
    """Keep what `count_first_replies` has found with all else that is kept of these days, which need not be there any more
    to be counted again."""
    span = (day_figure.c.day >= first_day, day_figure.c.day <= last_day)
    names = [f"{name}_{most}" for name in ("first_posts", "questions") for most in CLASSES]
    conn.execute(delete(day_figure).where(*span, day_figure.c.name.in_([*names, "first_posts", "welcomed"])))
    conn.execute(update(day_figure).where(*span, day_figure.c.name == "").values(value=EDITION))
    rows = _rows(found)
    if rows:
        conn.execute(insert(day_figure), rows)


def _rows(found: Mapping[str, Mapping[int, int]]) -> list[dict[str, Any]]:
    return [
        {"day": day, "name": name, "value": value}
        for name, days in found.items()
        for day, value in days.items()
        if value
    ]


def last_day(conn: Connection) -> int | None:
    """The last day that was counted."""
    found = conn.scalar(select(func.max(day_figure.c.day)))
    return None if found is None else int(found)


def first_used(conn: Connection) -> int | None:
    """The day of the oldest post or visit here."""
    post_id = conn.scalar(select(func.min(post.c.id)).where(post.c.local))
    visit = conn.scalar(select(func.min(member_day.c.day)))
    days = [int(visit)] if visit is not None else []
    if post_id is not None:
        days.append(int(post_id) // (DAY_MS * _OF_IDS))
    return min(days, default=None)


def read(conn: Connection, first_day: int, last_day: int) -> dict[str, dict[int, int]]:
    """What is kept of a span of days, by name and day; under "" in which `EDITION` each day was counted."""
    query = select(day_figure.c.name, day_figure.c.day, day_figure.c.value).where(
        day_figure.c.day >= first_day, day_figure.c.day <= last_day
    )
    found: dict[str, dict[int, int]] = {}
    for row in conn.execute(query):
        found.setdefault(row.name, {})[int(row.day)] = int(row.value)
    return found


# -- what cannot be added up


def active_within(conn: Connection, spans: list[tuple[int, int]]) -> list[int]:
    """How many different members were here in each of these spans of days, which must not overlap."""
    place = case(
        *(
            (and_(member_day.c.day >= first, member_day.c.day <= last), number)
            for number, (first, last) in enumerate(spans)
        ),
        else_=-1,
    ).label("place")
    query = (
        select(place, func.count(member_day.c.account_id.distinct()))
        .where(member_day.c.day >= spans[0][0], member_day.c.day <= spans[-1][1])
        .group_by(place)
    )
    found = {int(row[0]): int(row[1]) for row in conn.execute(query)}
    return [found.get(number, 0) for number in range(len(spans))]


def partners_since(conn: Connection) -> list[int]:
    """Since when each partner of now is one, the first first."""
    query = select(partner.c.decided_at).where(partner.c.state == "active", partner.c.decided_at.is_not(None))
    return [int(at) for at in conn.scalars(query.order_by(partner.c.decided_at))]
