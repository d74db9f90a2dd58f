"""Reading opportunities: one, a board with what there is on it, and how it stands at an instant."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import Connection

from fedserver import search, visibility
from fedserver.context import Server
from fedserver.errors import Invalid, NotFound
from fedserver.fields import either
from fedserver.opportunities.keeping import KIND
from fedserver.opportunities.records import KINDS, Described, Details, Form, decode_details, form_of
from storage import accounts, opportunities
from storage import posts as stored_posts
from storage.opportunities import OpportunityRow, Wanted
from storage.types import now_ms
from storage.words import fold

__all__ = ["OpportunityRow", "Wanted"]

STATES: Final = ("board", "open", "coming", "closed", "all")
"""``board`` is what one can still apply to, now or later."""
SORTS: Final = ("deadline", "new")
SOON_MS: Final = 7 * 86_400_000
QUERY_CHARS_MAX: Final = 200
WORDS_MAX: Final = 10
_AFTER: Final = re.compile(r"(\d{1,14})-(\d{1,18})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Shown:
    """An opportunity as its viewer sees it, at the instant `at_ms`."""

    row: OpportunityRow
    details: Details
    form: Form | None
    author: Any
    at_ms: int

    @property
    def state(self) -> str:
        """coming, open, soon (it closes within seven days), or closed."""
        return state_of(self.row, self.at_ms)


def state_of(row: OpportunityRow, at_ms: int) -> str:
    """How an opportunity stands at an instant."""
    if row.closed_at is not None or row.expires_at <= at_ms:
        return "closed"
    if row.opens_at is not None and row.opens_at > at_ms:
        return "coming"
    return "soon" if row.deadline_at is not None and row.deadline_at - at_ms <= SOON_MS else "open"


async def show(server: Server, viewer_id: int | None, post_id: int) -> Shown:
    """An opportunity that the viewer may see, whether or not it is still open. Raises NotFound."""
    return await server.db.read(shown, post_id, viewer_id)


def shown(conn: Connection, post_id: int, viewer_id: int | None) -> Shown:
    """The unit of `show`."""
    return of_rows(conn, [visible(conn, post_id, viewer_id)])[0]


def of_rows(conn: Connection, rows: Sequence[OpportunityRow]) -> list[Shown]:
    """Rows with what belongs to them, in their order."""
    authors, now = accounts.by_ids(conn, {row.account_id for row in rows}), now_ms()
    return [
        Shown(row, decode_details(row.details), form_of(row.form), authors.get(row.account_id), now)
        for row in rows
    ]


def visible(conn: Connection, post_id: int, viewer_id: int | None) -> OpportunityRow:
    """The row of an opportunity that the viewer may see. Raises NotFound."""
    post = stored_posts.by_id(conn, post_id)
    row = opportunities.by_id(conn, post_id)
    if post is None or row is None or not visibility.may_see(conn, post, viewer_id):
        raise NotFound("Record not found")
    return row


def described_of(row: OpportunityRow) -> Described:
    """All that is said of an opportunity, as its poster would change it."""
    details = decode_details(row.details)
    return Described(
        title=row.title,
        abstract=row.summary,
        text=row.source_text,
        language=row.language,
        kind=row.kind,
        form=form_of(row.form),
        **{name: getattr(details, name) for name in Details.__struct_fields__},
    )


async def named(server: Server, viewer_id: int | None, text: str, wanted: search.Wanted) -> list[Shown]:
    """Opportunities that are found by words, whether or not they are closed (see `fedserver.search.find_kind`)."""

    def unit(conn: Connection) -> list[Shown]:
        ids = search.find_kind(conn, viewer_id, KIND, text, wanted)
        rows = opportunities.by_ids(conn, ids)
        return of_rows(conn, [rows[one] for one in ids if one in rows])

    return await server.db.read(unit)


# -- boards


@dataclass(frozen=True, slots=True)
class Board:
    """A page of a board; `after` is where the next begins, "" behind the last."""

    lines: Sequence[Shown]
    after: str = ""


async def board(
    server: Server, viewer_id: int | None, wanted: Wanted, *, limit: int, after: str = ""
) -> Board:
    """What the viewer finds of what is asked for. What has passed its deadline is there only where it is asked for. Raises
    Invalid."""
    _check(wanted)
    place = _AFTER.fullmatch(after)
    if after and place is None:
        raise Invalid({"after": "must be what the page before gave"})

    def unit(conn: Connection) -> Board:
        rows = opportunities.listed(
            conn, wanted, visibility.listed(viewer_id), now=now_ms(), limit=limit,
            after=None if place is None else (int(place[1]), int(place[2])),
        )  # fmt: skip
        following = ""
        if len(rows) == limit:
            value, post_id = opportunities.place_of(rows[-1], wanted.sort)
            following = f"{value}-{post_id}"
        return Board(of_rows(conn, rows), following)

    return await server.db.read(unit)


def asked(
    *,
    kinds: Sequence[str] = (),
    places: Sequence[str] = (),
    topics: Sequence[str] = (),
    languages: Sequence[str] = (),
    instances: Sequence[str] = (),
    text: str = "",
    organisation: str = "",
    group_id: int | None = None,
    account_id: int | None = None,
    closes_within_ms: int | None = None,
    remote: bool | None = None,
    state: str = "board",
    sort: str = "deadline",
) -> Wanted:
    """What somebody asks for in their own words, in the form in which it is kept."""
    keys = [fold(one) for one in places]
    return Wanted(
        kinds=tuple(one.strip().lower() for one in kinds),
        places=tuple(dict.fromkeys([*keys, "remote"] if remote else keys)),
        topics=tuple(fold(one.removeprefix("#")) for one in topics),
        languages=tuple(one.strip().lower() for one in languages),
        instances=tuple(one.strip().lower() for one in instances),
        words=tuple(fold(text).split()[:WORDS_MAX]),
        organisation=organisation.strip(),
        group_id=group_id,
        account_id=account_id,
        closes_before_ms=None if closes_within_ms is None else now_ms() + closes_within_ms,
        state=state,
        sort=sort,
    )


def _check(wanted: Wanted) -> None:
    problems: dict[str, str] = {}
    if wanted.state not in STATES:
        problems["state"] = f"must be {either(STATES)}"
    if wanted.sort not in SORTS:
        problems["sort"] = f"must be {either(SORTS)}"
    if any(one not in KINDS for one in wanted.kinds):
        problems["kind"] = f"must be {either(KINDS)}"
    if problems:
        raise Invalid(problems)


@dataclass(frozen=True, slots=True)
class Choice:
    """A value of a facet: how it is asked for, what it is called, how many there are."""

    value: str
    label: str
    count: int


async def facets(server: Server, viewer_id: int | None, wanted: Wanted) -> dict[str, list[Choice]]:
    """What there is on a board, by facet (kind, place, topic, closing); each counted as if nothing had been chosen of it, the
    most frequent first. Raises Invalid."""
    _check(wanted)
    return await server.db.read(_facets, viewer_id, wanted)


def _facets(conn: Connection, viewer_id: int | None, wanted: Wanted) -> dict[str, list[Choice]]:
    shown, now = visibility.listed(viewer_id), now_ms()

    def facts(**without: Any) -> list[Any]:
        return opportunities.facts(conn, replace(wanted, **without), shown, now=now)

    kinds = Counter(one.kind for one in facts(kinds=()))
    of_place = facts(places=())
    places = Counter(one.place_key for one in of_place if one.place_key)
    labels = {one.place_key: one.place_label for one in reversed(of_place)}
    remote = sum(one.remote != "no" for one in of_place)
    found = opportunities.topics_of(conn, replace(wanted, topics=()), shown, now=now)
    topics, topic_labels = Counter(one.key for one in found), {one.key: one.label for one in reversed(found)}
    soon = sum(one.expires_at <= now + SOON_MS for one in facts(closes_before_ms=None))
    return {
        "kind": [Choice(one, one, count) for one, count in kinds.most_common()],
        "place": [
            *([Choice("remote", "remote", remote)] if remote else []),
            *(Choice(one, labels[one], count) for one, count in places.most_common()),
        ],
        "topic": [Choice(one, topic_labels[one], count) for one, count in topics.most_common()],
        "closing": [Choice("soon", "soon", soon)] if soon else [],
    }


def of_posts(conn: Connection, post_ids: Iterable[int]) -> dict[int, Shown]:
    """By id, of those posts that are opportunities; what the viewer may see was decided before."""
    rows = list(opportunities.by_ids(conn, post_ids).values())
    return {one.row.id: one for one in of_rows(conn, rows)}
