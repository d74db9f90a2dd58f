"""Opportunities of other servers: read into the same rows as our own. Units, called once their post is stored.

What does not fit our lists is left out, not refused: it is another server's board.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from msgspec.structs import replace
from sqlalchemy import Connection

from activitypub.identifiers import host_of
from activitypub.vocabulary import Post
from activitypub.vocabulary.opportunity import Opportunity
from fedserver.content import markdown
from fedserver.content.text import clean_line, clean_text
from fedserver.errors import Invalid
from fedserver.events.records import Place
from fedserver.opportunities import checking, keeping, times
from fedserver.opportunities.leaving import closed_as_of
from fedserver.opportunities.records import (
    CLOSE_REASONS,
    KINDS,
    PERIODS,
    REMOTE,
    Described,
    Details,
    Organisation,
    Pay,
    decode_details,
)
from storage import opportunities
from storage.posts import PostRow
from storage.types import now_ms

KINDS_OF_POSTS: Final = frozenset({"Article", "Page"})
_EARLIEST: Final = datetime(1970, 1, 2, tzinfo=UTC)
_LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)


def kind_of(post: Post) -> str | None:
    """``opportunity`` for what is kept as one; None for all others."""
    found = post.opportunity
    usable = found is not None and found.kind in KINDS and post.kind in KINDS_OF_POSTS and bool(post.name)
    return keeping.KIND if usable and post.in_reply_to is None else None


def abstract_of(post: Post) -> str:
    """What stands alone of it: what it says of itself, not the summary made for those who read nothing else."""
    assert post.opportunity is not None
    return clean_text(post.opportunity.abstract)[: checking.ABSTRACT_CHARS_MAX]


def put(conn: Connection, row: PostRow, post: Post) -> None:
    """Keep what a stored post is as an opportunity, if it is one."""
    if row.kind != keeping.KIND or post.opportunity is None:
        keeping.forget(conn, row)
        return
    known, closed_as = opportunities.by_id(conn, row.id), _closed_as(post.opportunity)
    closed_at = None if closed_as is None else now_ms() if known is None else known.closed_at or now_ms()
    keeping.put(
        conn, row, post.opportunity.kind, details_of(post.opportunity), _text_html(row, post),
        provider=host_of(row.uri) or "", closed_as=closed_as, uid=row.uri, closed_at=closed_at,
    )  # fmt: skip


def differs(conn: Connection, row: PostRow, post: Post) -> bool:
    """Whether a known opportunity says something else beside its words."""
    known = opportunities.by_id(conn, row.id)
    if known is None or post.opportunity is None:
        return (known is None) != (post.opportunity is None)
    return (
        decode_details(known.details) != details_of(post.opportunity)
        or known.kind != post.opportunity.kind
        or closed_as_of(known) != _closed_as(post.opportunity)
    )


def _closed_as(found: Opportunity) -> str | None:
    if found.closed is None:
        return None
    return found.closed if found.closed in CLOSE_REASONS else "closed"


def details_of(found: Opportunity) -> Details:
    """What the document says, as far as our own rules let it be kept."""
    said = Described(
        title="-",
        kind=found.kind,
        organisation=Organisation(
            name=clean_line(found.organisation)[:200] or "-", url=found.organisation_url, ror=found.ror
        ),
        place=Place(
            name=_line(found.place, "name"),
            locality=_line(found.place, "locality"),
            region=_line(found.place, "region"),
            country=_line(found.place, "country"),
        ),
        remote=found.remote if found.remote in REMOTE else "no",
        pay=Pay(
            least=found.least,
            most=found.most,
            currency=found.currency,
            period=found.period if found.period in PERIODS else "",
            note=clean_line(found.pay_note)[:200],
        ),
        slots=found.slots or None,
        eligibility=clean_text(found.eligibility)[: checking.ELIGIBILITY_CHARS_MAX],
        topics=tuple(clean_line(one)[:100] for one in found.topics[: checking.TOPICS_MAX]),
        contact=clean_line(found.contact)[:300],
        apply_url=found.apply_url,
        website=found.website,
    )
    said = replace(said, **_times(found))
    try:
        kept = checking.checked(said)
    except Invalid as error:
        nothing = {name.partition(".")[0] for name in error.fields}
        kept = checking.checked(replace(said, **{name: getattr(_NOTHING, name) for name in nothing}))
    return kept.details()


def _line(place: Mapping[str, str], name: str) -> str:
    return clean_line(place.get(name, ""))[:200]


_NOTHING: Final = Described(title="-", organisation=Organisation(name="-"))


def _times(found: Opportunity) -> dict[str, str]:
    """Zone and wall times: as they were said where that agrees with the instants, else as UTC."""
    opens_at, deadline_at = _usable(found.opens_at), _usable(found.deadline_at)
    as_said = Details(opens=found.opens, deadline=found.deadline, zone=found.zone or "UTC")
    try:
        as_said = replace(as_said, zone=times.zone_name(as_said.zone))
        agrees = times.opens_at(as_said) == _ms(opens_at) and times.deadline_at(as_said) == _ms(deadline_at)
    except (ValueError, OverflowError):
        agrees = False
    if agrees:
        return {"opens": as_said.opens, "deadline": as_said.deadline, "zone": as_said.zone}
    return {"opens": _wall(opens_at), "deadline": _wall(deadline_at), "zone": "UTC"}


def _usable(moment: datetime | None) -> datetime | None:
    """An instant within living memory, to the minute."""
    if moment is None or not _EARLIEST <= moment <= _LATEST:
        return None
    return moment.replace(second=0, microsecond=0)


def _ms(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp() * 1000)


def _wall(moment: datetime | None) -> str:
    return "" if moment is None else moment.strftime("%Y-%m-%dT%H:%M")


def _text_html(row: PostRow, post: Post) -> str:
    """The description alone, if its source came along; else all that the post says."""
    source = post.source if post.source_media_type == "text/markdown" else None
    if source is None or len(source) > checking.TEXT_CHARS_MAX:
        return str(row.content_html)
    return markdown.render_markdown(source, {}, lambda name: "").html
