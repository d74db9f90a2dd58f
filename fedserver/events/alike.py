"""Which of several announcements are of one event: a call that is announced in two groups, on two servers, or by a calendar that
was brought in as well, is shown once.

Two are the same if they come from different sources, and are known by one UID or address, or begin at the same time with a
common link or nearly the same title.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property
from typing import Any, Final
from urllib.parse import urlsplit

from fedserver.events.records import decode_details
from storage.words import words_of

LIKENESS: Final = 0.9
WORDS_IN_COMMON: Final = 0.75
_NUMBER: Final = re.compile(r"\d+")


@dataclass(frozen=True)
class Told:
    """One announcement. `key` tells the times of a series apart."""

    row: Any
    post_id: int
    key: str
    starts_at: int
    title: str
    source: tuple[str, str, int]
    names: frozenset[str]
    links: frozenset[str]
    rank: int

    @cached_property
    def words(self) -> tuple[str, ...]:
        return tuple(words_of(self.title))

    @cached_property
    def numbers(self) -> frozenset[str]:
        return frozenset(_NUMBER.findall(self.title))


def told(row: Any, post_id: int, *, key: str = "") -> Told:
    """What a row says that has the columns of a post and of its event; `key` is that of one time of it."""
    details = decode_details(row.details)
    links = (details.website, details.external_url)
    return Told(
        row=row,
        post_id=post_id,
        key=key,
        starts_at=row.starts_at,
        title=row.title,
        source=(row.domain, row.source_uri and "brought in", row.group_id or 0),
        names=frozenset(one for one in (row.uid, row.uri, row.url, row.source_uri) if one),
        links=frozenset(one for one in links if one and _is_page(one)),
        rank=2 if row.source_uri else 0 if row.local else 1,
    )


def _is_page(address: str) -> bool:
    """Whether a link may be about this one event: the front page of an organisation is about all of them."""
    parts = urlsplit(address)
    return len(parts.path) > 1 or bool(parts.query)


def same(one: Told, other: Told) -> bool:
    """Whether two announcements are of one event, or of the same time of it."""
    if one.post_id == other.post_id or one.source == other.source:
        return False
    together = one.starts_at == other.starts_at
    if one.names & other.names and (together or one.key == other.key):
        return True
    return together and (bool(one.links & other.links) or _nearly(one, other))


def _nearly(one: Told, other: Told) -> bool:
    if one.numbers != other.numbers:
        return False  # “Part 1” and “Part 2”
    mine, theirs = frozenset(one.words), frozenset(other.words)
    if not mine or not theirs:
        return False
    if len(mine & theirs) / len(mine | theirs) >= WORDS_IN_COMMON:
        return True
    compared = SequenceMatcher(None, " ".join(one.words), " ".join(other.words), autojunk=False)
    return (
        compared.real_quick_ratio() >= LIKENESS
        and compared.quick_ratio() >= LIKENESS
        and compared.ratio() >= LIKENESS
    )


def merged(found: Iterable[Told]) -> list[tuple[Told, Sequence[Told]]]:
    """Each event once, in the order of those that are shown: our own before one of elsewhere, that before what was brought
    in from a calendar; and who else announces it."""
    groups: dict[int, list[Told]] = {}
    # By start and by name the groups in which there is one such.
    places: dict[object, set[int]] = {}
    for number, one in enumerate(found):
        marks: tuple[object, ...] = (one.starts_at, *one.names)
        near = set[int]().union(*(places.get(mark, ()) for mark in marks))
        joined = [place for place in sorted(near) if any(same(one, other) for other in groups[place])]
        groups[number] = [one, *(other for place in joined for other in groups.pop(place))]
        for mark in {mark for other in groups[number] for mark in (other.starts_at, *other.names)}:
            places[mark] = (places.get(mark, set()) - set(joined)) | {number}
    made: list[tuple[Told, Sequence[Told]]] = []
    for group in groups.values():
        first, *others = sorted(group, key=lambda one: (one.rank, one.post_id))
        made.append((first, others))
    made.sort(key=lambda one: one[0].starts_at)
    return made
