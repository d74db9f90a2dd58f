"""Resources as lists and timelines show them: every value that a template needs, in one statement for a whole list."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from fedserver import visibility
from fedserver.context import Server
from fedserver.resources import languages, licences, saying
from fedserver.resources.records import Details, decode_details
from fedserver.viewer import Viewer
from storage import resources
from storage.paging import Window
from storage.resources import ResourceRow

# As their speakers call them; of other languages the tag is shown.
LANGUAGES: Final = languages.NAMES


@dataclass(frozen=True, slots=True)
class ResourceCard:
    """A resource as a list shows it. `licence_url` is "" where there is nothing to read, `duration` in words, `instance` the
    server that it comes from and "" for this one; `by` is who shared it."""

    id: int
    path: str
    title: str
    abstract: str
    types: tuple[str, ...]
    level: str
    status: str
    licence: str
    licence_url: str
    is_open: bool
    language: str
    authors: str
    duration: str
    instance: str
    by: str
    by_path: str
    version: str
    uses_count: int
    reviews_count: int
    adaptations_count: int
    visibility: str
    is_withdrawn: bool
    links_state: str
    created_at: int
    changed_at: int

    @property
    def language_name(self) -> str:
        """What its language is called in itself, or its tag."""
        return language_name(self.language)


def language_name(tag: str) -> str:
    """``português`` for pt and pt-BR; the tag itself where the name is not known."""
    return LANGUAGES.get(tag.partition("-")[0].lower(), tag)


def card_of(row: ResourceRow, details: Details | None = None) -> ResourceCard:
    """A row as a list shows it; `details` are the row's where they have been read."""
    said = details or decode_details(row.details)
    handle = f"{row.username}@{row.domain}" if row.domain else row.username
    return ResourceCard(
        id=row.id,
        path=path_of(row.id),
        title=row.title,
        abstract=row.summary,
        types=said.types,
        level=said.level,
        status=said.status,
        licence=said.licence,
        licence_url=licences.address(said.licence),
        is_open=licences.is_open(said.licence),
        language=row.language,
        authors=saying.names(said.authors),
        duration=saying.duration_words(said.time_required_minutes or 0),
        instance=row.domain or "",
        by=row.display_name.strip() or row.username,
        by_path=f"/@{handle}",
        version=row.version,
        uses_count=row.uses_count,
        reviews_count=row.reviews_count,
        adaptations_count=row.adaptations_count,
        visibility=row.visibility,
        is_withdrawn=row.withdrawn_at is not None,
        links_state=row.links_state,
        created_at=row.created_at,
        changed_at=row.changed_at,
    )


def path_of(post_id: int) -> str:
    """The page of a resource, wherever it is from."""
    return f"/resources/{post_id}"


def of_posts(conn: Connection, post_ids: Iterable[int]) -> dict[int, ResourceCard]:
    """By id, of those posts that are resources; what the viewer may see was decided before."""
    return {row.id: card_of(row) for row in resources.by_ids(conn, post_ids).values()}


async def shared(
    server: Server,
    viewer: Viewer,
    window: Window,
    *,
    account_id: int | None = None,
    group_id: int | None = None,
) -> list[ResourceCard]:
    """What an account shared, or what is in a group, as far as the viewer may see it; the latest first."""

    def unit(conn: Connection) -> list[ResourceCard]:
        shown = visibility.predicate(viewer.account_id)
        rows = resources.shared(conn, window, shown, account_id=account_id, group_id=group_id)
        return [card_of(row) for row in rows]

    return await server.db.read(unit)
