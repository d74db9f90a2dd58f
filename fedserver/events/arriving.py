"""Events of other servers: read into the same rows as our own. Units, called once their post is stored."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Connection

from activitypub.identifiers import host_of
from activitypub.vocabulary import Post
from activitypub.vocabulary.event import Event
from fedserver.content.text import clean_line
from fedserver.events import keeping, outputs, series
from fedserver.events.records import Described, Place, encode
from fedserver.events.series import Schedule
from storage import event_afterwards, events
from storage.posts import PostRow

LINE_CHARS_MAX: Final = 200
_EARLIEST: Final = datetime(1970, 1, 2, tzinfo=UTC)
_LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)


def put(conn: Connection, row: PostRow, post: Post) -> None:
    """Keep what a stored post is as an event, if it says when it takes place, within living memory."""
    found = _usable(post)
    if found is None:
        keeping.forget(conn, row)
        return
    said = _described(row, found)
    keeping.put(
        conn, row, said, row.content_html, provider=host_of(row.uri) or "",
        spans=_spans(found, said.schedule), uid=row.uri, participants_elsewhere=_count(found.participants),
    )  # fmt: skip
    wanted = _outputs(found)
    if wanted != _known_outputs(conn, row.id):
        event_afterwards.replace_outputs(conn, row.id, wanted)


def _usable(post: Post) -> Event | None:
    """What a post says as an event, within living memory."""
    found = post.event if post.kind == "Event" else None
    return found if found is not None and _EARLIEST <= found.start <= found.end <= _LATEST else None


def differs(conn: Connection, row: PostRow, post: Post) -> bool:
    """Whether a known event says something else about when, where or how one comes in."""
    known, found = events.by_id(conn, row.id), _usable(post)
    if known is None or found is None:
        return known is not None or found is not None
    said = _described(row, found)
    spans = [(one.key, one.starts_at, one.ends_at) for one in events.occurrences(conn, row.id)]
    return (
        encode(said.details()).decode() != known.details
        or (said.status, said.rsvp_mode, said.capacity) != (known.status, known.rsvp_mode, known.capacity)
        or sorted(spans) != sorted(_spans(found, said.schedule))
        or _known_outputs(conn, row.id) != _outputs(found)
    )


def _described(row: PostRow, found: Event) -> Described:
    try:
        zone = series.zone(found.zone).key
    except ValueError:
        zone = "UTC"
    starts = found.start.astimezone(series.zone(zone))
    place = {name: value for name, value in found.place.items() if value not in ("", None)}
    return Described(
        title=row.title,
        abstract=row.summary,
        language=row.language,
        kind="meetup",
        status=found.status,
        rsvp_mode=found.join_mode,
        capacity=_count(found.capacity),
        schedule=Schedule(
            starts=starts.replace(tzinfo=None, second=0, microsecond=0).isoformat(timespec="minutes"),
            zone=zone,
            minutes=max(1, int((found.end - found.start).total_seconds() // 60)),
        ),
        place=Place(
            name=_line(place.get("name")),
            street=_line(place.get("streetAddress")),
            postal_code=_line(place.get("postalCode")),
            locality=_line(place.get("addressLocality")),
            region=_line(place.get("addressRegion")),
            country=_line(place.get("addressCountry")),
            latitude=place.get("latitude"),
            longitude=place.get("longitude"),
        ),
        online=found.online,
        website=next((href for name, href in found.links if name == "Website"), ""),
        external_url=found.external_url,
    )


def _outputs(found: Event) -> list[tuple[str, str, str]]:
    """Role, title and address of what came out of it, as servers of our kind name it."""
    roles = {word: role for role, word in outputs.WORDS.items()}
    named = ((*name.partition(": "), href) for name, href in found.links)
    return [
        (roles[word], _line(title), href) for word, _, title, href in named if word in roles and _line(title)
    ]


def _known_outputs(conn: Connection, post_id: int) -> list[tuple[str, str, str]]:
    return [
        (one.role, one.title, one.url)
        for one in event_afterwards.outputs_of(conn, [post_id]).get(post_id, [])
    ]


def _spans(found: Event, schedule: Schedule) -> list[tuple[str, int, int]]:
    """Of a series each time that it takes place, else that one."""
    times = [(one.start, one.end) for one in found.occurrences if one.status != "cancelled"]
    zone = series.zone(schedule.zone)
    spans = {}
    for start, end in times or [(found.start, found.end)]:
        if _EARLIEST <= start <= end <= _LATEST:
            key = series.key_of(start.astimezone(zone))
            spans[key] = (key, _ms(start), _ms(end))
    return list(spans.values()) or [("once", _ms(found.start), _ms(found.end))]


def _count(number: int | None) -> int | None:
    """A number of people, unless it is none."""
    return number if number is not None and number < 1 << 31 else None


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _line(text: object) -> str:
    return clean_line(text)[:LINE_CHARS_MAX] if isinstance(text, str) else ""
