"""Reading resources: one with all that belongs to it. Lists are in `fedserver.resources.catalogue`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from fedserver import visibility
from fedserver.context import Server
from fedserver.errors import NotFound
from fedserver.resources.records import Details, decode_details
from storage import accounts, resource_reports, resources
from storage import posts as stored_posts
from storage.resources import FileRow, ResourceRow, VersionRow

__all__ = ["FileRow", "ResourceRow", "VersionRow"]


@dataclass(frozen=True, slots=True)
class Shown:
    """A resource as its viewer sees it: its row, what is said of it, its versions (newest first) and their files."""

    row: ResourceRow
    details: Details
    versions: Sequence[VersionRow] = ()
    files: dict[int, list[FileRow]] | None = None
    rating: float | None = None  # the mean of its reviews', 1 to 5
    author: Any = None  # in lists, the full row of who published it
    # What whoever shows it has made of it, while it is kept.
    made: dict[str, bytes] = field(default_factory=dict, compare=False, repr=False)

    @property
    def newest_files(self) -> Sequence[FileRow]:
        """Those of the newest version."""
        return (self.files or {}).get(self.versions[0].id, []) if self.versions else []


async def show(server: Server, viewer_id: int | None, post_id: int) -> Shown:
    """A resource that the viewer may see. Raises NotFound."""
    return await server.db.read(shown, post_id, viewer_id)


async def author(server: Server, found: Shown) -> Any:
    """The full row of who published it."""
    return await server.db.read(accounts.by_id, found.row.account_id)


def shown(conn: Connection, post_id: int, viewer_id: int | None) -> Shown:
    """The unit of `show`."""
    row = visible(conn, post_id, viewer_id)
    return Shown(
        row,
        decode_details(row.details),
        resources.versions(conn, post_id),
        resources.files(conn, post_id),
        resource_reports.average_rating(conn, post_id) if row.reviews_count else None,
    )


def visible(conn: Connection, post_id: int, viewer_id: int | None) -> ResourceRow:
    """The row of a resource that the viewer may see. Raises NotFound."""
    post = stored_posts.by_id(conn, post_id)
    row = resources.by_id(conn, post_id)
    if post is None or row is None or not visibility.may_see(conn, post, viewer_id):
        raise NotFound("Record not found")
    return row
