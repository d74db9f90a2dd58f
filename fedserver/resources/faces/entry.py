"""One resource as catalogues are told of it: the values that every face is made from, so that all say the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

from sqlalchemy import Connection

from activitypub.vocabulary.resource import File, Person
from fedserver import settings
from fedserver.content.html import to_text
from fedserver.context import Server
from fedserver.resources import leaving, licences, reading
from fedserver.resources.identifiers import doi_address
from fedserver.resources.records import Details, decode_details
from storage import catalogues, resources
from storage.catalogues import DerivedRow
from storage.resources import ResourceRow

DESCRIPTION_CHARS_MAX: Final = 5_000
_WHOLE_DATE_CHARS: Final = len("2026-11-29")


@dataclass(frozen=True, slots=True)
class Entry:
    """A resource with the files of its newest version, and what is made from it (`derived`: translations and parts).
    `publisher` is the server's name as people read it, `publisher_url` its address."""

    row: ResourceRow
    details: Details
    files: Sequence[File]
    derived: Sequence[DerivedRow]
    publisher: str
    publisher_url: str
    rating: float | None = None

    @property
    def page(self) -> str:
        """Its page in the library where it was published."""
        return str(self.row.url or self.row.uri)

    @property
    def url(self) -> str:
        """Where it lies: outside the library, if it is said so."""
        return self.details.url or self.page

    @property
    def doi_url(self) -> str:
        return doi_address(self.details.doi) if self.details.doi else ""

    @property
    def description(self) -> str:
        """Plain text: the abstract, or else the beginning of the description."""
        return str(self.row.summary) or to_text(self.row.text_html)[:DESCRIPTION_CHARS_MAX]

    @property
    def keywords(self) -> list[str]:
        """Its keywords, or else what it is about."""
        return list(self.details.keywords) or [one.label for one in self.details.topics]

    @property
    def licence_url(self) -> str:
        """Where its licence can be read; "" for none, and for an expression of several."""
        return licences.address(self.details.licence) if self.details.licence else ""

    @property
    def added(self) -> str:
        """The day on which the library got it."""
        return day(self.row.created_at)

    @property
    def modified(self) -> str:
        """The day on which it was last changed."""
        return day(self.row.edited_at or self.row.created_at)

    @property
    def issued(self) -> str:
        """When it came out: a date, perhaps only a year or a month."""
        return self.details.issued or self.added

    @property
    def issued_day(self) -> str:
        """The same if the day is known, else ""."""
        return self.issued if len(self.issued) == _WHOLE_DATE_CHARS else ""

    @property
    def withdrawn(self) -> bool:
        return self.row.withdrawn_at is not None

    @property
    def authors_or_publisher(self) -> Sequence[Person]:
        """Its authors; where nobody is named, the community that published it."""
        return self.details.authors or (
            Person(name=self.publisher, kind="Organization", url=self.publisher_url),
        )


async def read(server: Server, viewer_id: int | None, post_id: int) -> Entry:
    """A resource that the viewer may see. Raises NotFound."""

    def unit(conn: Connection) -> Entry:
        found = reading.shown(conn, post_id, viewer_id)
        name = settings.in_force(conn, server.config).title
        derived = catalogues.derived(conn, [post_id]).get(post_id, ())
        return _entry(server, name, found.row, found.newest_files, derived, found.rating)

    return await server.db.read(unit)


def entries(conn: Connection, server: Server, rows: Sequence[ResourceRow], name: str) -> list[Entry]:
    """The entries of these rows in their order: two statements for however many. `name` is this server's."""
    ids = [row.id for row in rows]
    files, derived = resources.newest_files(conn, ids), catalogues.derived(conn, ids)
    return [_entry(server, name, row, files.get(row.id, ()), derived.get(row.id, ())) for row in rows]


def _entry(
    server: Server,
    name: str,
    row: ResourceRow,
    files: Sequence[Any],
    derived: Sequence[DerivedRow],
    rating: float | None = None,
) -> Entry:
    if row.local:
        publisher, address = name, server.config.origin
    else:
        parts = urlsplit(row.uri)
        publisher, address = row.domain, f"{parts.scheme}://{parts.netloc}"
    return Entry(
        row, decode_details(row.details), [leaving.file_of(server.uris, one) for one in files], derived,
        publisher, address, rating,
    )  # fmt: skip


def day(at_ms: int) -> str:
    """The day of an instant, in UTC: ``2026-11-29``."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d")
