"""What somebody typed into a search: words, phrases and the operators that people know from Mastodon.

Whatever is no operator, or one with a value that cannot be meant, is words. A minus before anything asks for posts
without it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fedserver.content.text import language_tag
from storage.search import Clause, Scope, mark
from storage.types import id_floor
from storage.words import Sought, fold, sought, words_of

CLAUSES_MAX: Final = 30
HOLES_MAX: Final = 3
ID_MAX: Final = (1 << 63) - 1
PROPERTIES: Final = frozenset(
    {"media", "image", "video", "audio", "poll", "link", "embed", "quote", "reply", "sensitive", "resource"}
)
SCOPES: Final[dict[str, Scope]] = {"all": "all", "library": "library", "public": "public"}

_QUOTES: Final = re.compile("[“”„«»「」『』《》]")
_PIECE: Final = re.compile(
    r'(?P<sign>[+-]?)(?:(?P<name>[A-Za-z]+):)?(?:"(?P<phrase>[^"]*)"|(?P<term>[^\s"]+))'
)
_DATE: Final = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?")
_EPOCH: Final = re.compile(r"\d{9,14}")


@dataclass(slots=True)
class Query:
    """A query for posts. `authors` are handles ("me" for oneself) with whether their posts are wanted; ids lie
    between `above` and `below`, and in none of the `holes` [first, end)."""

    clauses: list[Clause] = field(default_factory=list)
    authors: list[tuple[str, bool]] = field(default_factory=list)
    scope: Scope = "all"
    above: int = 0
    below: int = ID_MAX
    holes: list[tuple[int, int]] = field(default_factory=list)

    @property
    def asks(self) -> bool:
        """Whether anything is asked for at all: marks of punctuation alone are no query."""
        return self != Query()


def read(text: str, time_zone: str = "UTC") -> Query:
    """The query that somebody typed; days are those of their time zone. Never fails."""
    query = Query()
    zone = _zone(time_zone)
    for piece in _PIECE.finditer(_QUOTES.sub('"', text)):
        if len(query.clauses) >= CLAUSES_MAX:
            break
        wanted = piece["sign"] != "-"
        name, value = (piece["name"] or "").lower(), piece["phrase"] or piece["term"] or ""
        if name and _operator(query, name, value, wanted, zone):
            continue
        _words(query, f"{name} {value}" if name else value, wanted)
    return query


def tag_mark(name: str) -> str | None:
    """The mark of posts with this hashtag; None where no letter or digit is in it."""
    key = "".join(words_of(name)) if name.isascii() else re.sub(r"[\W_]+", "", fold(name))
    return mark("tag", key) if key else None


def language_marks(tag: str) -> list[str]:
    """The marks of posts in this language: ``pt-BR`` is Portuguese too."""
    parts = [part for part in tag.lower().replace("_", "-").split("-") if part.isalnum() and part.isascii()]
    return [mark("lang", "".join(parts[:number])) for number in range(1, len(parts) + 1)]


def _words(query: Query, text: str, wanted: bool) -> None:
    if text.startswith("#"):
        tagged = tag_mark(text)
        found = None if tagged is None else Sought((tagged,))
    else:
        found = sought(text)
    if found is not None:
        query.clauses.append(Clause(found, wanted))


def _operator(query: Query, name: str, value: str, wanted: bool, zone: tzinfo) -> bool:
    """Whether this is an operator with a value that makes sense."""
    match name:
        case "has" | "is" if value.lower() in PROPERTIES:
            query.clauses.append(Clause(Sought((mark(value.lower()),)), wanted))
        case "language" if language_tag(value) is not None:
            query.clauses.append(Clause(Sought((language_marks(value)[-1],)), wanted))
        case "from" if value.strip("@"):
            query.authors.append((value, wanted))
        case "in" if value.lower() in SCOPES and wanted:
            query.scope = SCOPES[value.lower()]
        case "before" | "after" | "during":
            span = _span(value, zone)
            if span is None or not _between(query, name, span, wanted):
                return False
        case _:
            return False
    return True


def _between(query: Query, name: str, span: tuple[int, int], wanted: bool) -> bool:
    """Narrow the ids down. `after` a day begins when that day is over."""
    first, end = span
    if name == "during" and not wanted:
        if len(query.holes) >= HOLES_MAX:
            return False
        query.holes.append(span)
        return True
    is_lower = (name == "after") == wanted
    if name == "during":
        query.above, query.below = max(query.above, first - 1), min(query.below, end)
    elif is_lower:
        query.above = max(query.above, (end if wanted else first) - 1)
    else:
        query.below = min(query.below, first if wanted else end)
    return True


def _span(value: str, zone: tzinfo) -> tuple[int, int] | None:
    """The ids [first, end) of a year, month, day or instant; None for what is none."""
    if _EPOCH.fullmatch(value):
        at_ms = int(value) if len(value) > 11 else int(value) * 1000
        return id_floor(at_ms), id_floor(at_ms + 1)
    dated = _DATE.fullmatch(value)
    try:
        if dated is None:
            at = datetime.fromisoformat(value)
            first = end = at if at.tzinfo is not None else at.replace(tzinfo=zone)
            end += timedelta(milliseconds=1)
        else:
            year, month, day = (int(part) if part else None for part in dated.groups())
            assert year is not None
            first = datetime(year, month or 1, day or 1, tzinfo=zone)
            end = _next(first, month is not None, day is not None)
        return _id_at(first), _id_at(end)
    except (ValueError, OverflowError):
        return None


def _next(first: datetime, has_month: bool, has_day: bool) -> datetime:
    if has_day:
        return first + timedelta(days=1)
    if has_month:
        return first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
    return first.replace(year=first.year + 1)


def _id_at(moment: datetime) -> int:
    # Of the far future there are no ids.
    return min(id_floor(int(moment.astimezone(UTC).timestamp() * 1000)), ID_MAX)


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def handles(authors: Iterable[tuple[str, bool]]) -> list[str]:
    """The handles among them that are not oneself."""
    return [handle for handle, _ in authors if handle.lower() != "me"]
