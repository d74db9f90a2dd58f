"""Which resources here are, or may be, the same work as one that was found elsewhere.

A source that names its works is believed; else a DOI, an address, or a title that is the same or nearly so by the same first
author. What shares no more than its title may be another edition, or next year's talk: something else that differs speaks
against it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from sqlalchemy import Connection

from fedserver.resources.importing.receipts import Double, Found
from fedserver.resources.keeping import author_key, title_key
from fedserver.resources.records import Details, Person, decode_details
from storage import resource_doubles
from storage.words import fold

By = Literal["source", "doi", "url", "title"]
NEARLY: Final = 0.8
"""Of the words of two titles together, as many are in both."""
SHARING_MAX: Final = 5_000
_SHOWN_TO_ALL: Final = frozenset({"public", "unlisted", "members"})


@dataclass(slots=True)
class Known:
    """A resource that is here already."""

    id: int
    url: str
    title: str
    title_key: str
    account_id: int
    source_uri: str
    source_digest: str
    doi: str
    page_url: str
    version: str
    withdrawn: bool
    details: Details
    ours: bool

    @property
    def first_author(self) -> Collection[str]:
        return _author_keys(self.details.authors[:1])


@dataclass(frozen=True, slots=True)
class Match:
    """A resource here, what it shares with what was found, and whether nothing speaks against their being one work."""

    known: Known
    by: By
    sure: bool

    def double(self) -> Double:
        """As a receipt names it."""
        return Double(id=str(self.known.id), url=self.known.url, title=self.known.title, by=self.by)


class Shelf:
    """What is here of the works that were found, and grows while they are brought in."""

    def __init__(self, rows: Iterable[Any], account_id: int) -> None:
        self._by: dict[By, dict[str, list[Known]]] = {"source": {}, "doi": {}, "url": {}, "title": {}}
        self._by_author: dict[str, list[Known]] = {}
        self._ids: set[int] = set()
        for row in rows:
            # What is shared in a private group is not known to others.
            if row.visibility in _SHOWN_TO_ALL or row.account_id == account_id:
                self.add(_known(row))

    def add(self, one: Known) -> None:
        """There is one more."""
        if one.id in self._ids:
            return
        self._ids.add(one.id)
        keys: tuple[tuple[By, str], ...] = (
            ("source", one.source_uri), ("doi", one.doi), ("url", one.page_url), ("title", one.title_key),
        )  # fmt: skip
        for by, key in keys:
            if key:
                self._by[by].setdefault(key, []).append(one)
        for key in one.first_author:
            self._by_author.setdefault(key, []).append(one)

    def matches(self, found: Found) -> list[Match]:
        """The surest first, each resource once."""
        said = found.described
        done: dict[int, Match] = {}

        def take(by: By, keys: Iterable[str]) -> None:
            for key in keys:
                for one in self._by[by].get(key, ()):
                    if one.id not in done and not (by != "source" and _told_apart(found, one)):
                        sure = by != "title" or _nothing_against(found, one)
                        done[one.id] = Match(one, by, sure)

        take("source", (found.source_uri,))
        take("doi", (said.doi, *found.dois))
        take("url", (said.url,))
        key = title_key(said.title)
        take("title", (key,) if key else ())
        for author in _author_keys(said.authors[:1]):
            for one in self._by_author.get(author, ()):
                if one.id not in done and not _told_apart(found, one) and nearly_alike(key, one.title_key):
                    done[one.id] = Match(one, "title", _nothing_against(found, one))
        return list(done.values())


def look(conn: Connection, found: Sequence[Found], account_id: int) -> Shelf:
    """What is here of these works, in two statements."""
    said = [one.described for one in found]
    rows = resource_doubles.sharing(
        conn,
        source_uris={one.source_uri for one in found} - {""},
        dois={doi for one in found for doi in (one.described.doi, *one.dois)} - {""},
        page_urls={one.url for one in said} - {""},
        title_keys={title_key(one.title) for one in said} - {""},
        limit=SHARING_MAX,
    )
    authors = {key for one in said for key in _author_keys(one.authors[:1])}
    rows += resource_doubles.by_authors(conn, sorted(authors))
    return Shelf(rows, account_id)


def nearly_alike(one: str, other: str) -> bool:
    """Whether two titles (as `title_key` gives them) have nearly all words in common."""
    first, second = set(one.split()), set(other.split())
    return bool(first and second) and len(first & second) >= NEARLY * len(first | second)


def _author_keys(people: Sequence[Person]) -> set[str]:
    return {key for one in people for key in (author_key(one), fold(one.name)) if key}


def _told_apart(found: Found, one: Known) -> bool:
    """A collection knows its works, and says that these are two."""
    return bool(
        found.collection
        and one.source_uri.startswith(found.collection)
        and one.source_uri != found.source_uri
    )


def _nothing_against(found: Found, one: Known) -> bool:
    said = found.described
    theirs = one.details
    if said.authors and theirs.authors and not _author_keys(said.authors[:1]) & set(one.first_author):
        return False
    return not any(
        ours and other and ours != other
        for ours, other in (
            (said.doi, one.doi),
            (said.url, one.page_url),
            (
                said.issued if len(said.issued) == 10 else "",
                theirs.issued if len(theirs.issued) == 10 else "",
            ),
        )
    )


def _known(row: Any) -> Known:
    return Known(
        id=row.id,
        url=row.url,
        title=row.title,
        title_key=row.title_key,
        account_id=row.account_id,
        source_uri=row.source_uri,
        source_digest=row.source_digest,
        doi=row.doi,
        page_url=row.page_url,
        version=row.version,
        withdrawn=row.withdrawn_at is not None,
        details=decode_details(row.details),
        ours=bool(row.local),
    )
