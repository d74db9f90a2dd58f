"""What other servers are told of our resources: the parts of a document beside those that every post has (WIRE: a `Page`
with `learningResource`). Each part is read once for all posts of a list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection

from activitypub.builders import resource as builder
from activitypub.builders.note import LinkAttachment
from activitypub.identifiers import Uris
from activitypub.vocabulary.resource import File, Resource, Version
from fedserver.resources import keeping, licences, saying
from fedserver.resources.identifiers import doi_address
from fedserver.resources.records import decode_details
from storage import resource_reports, resources
from storage.posts import PostRow
from storage.resources import FileRow, ResourceRow, VersionRow


class Outgoing(NamedTuple):
    """Of one resource: what Mastodon shows, the links that Lemmy and PieFed show, and the keys of its document."""

    summary_html: str
    links: Sequence[LinkAttachment]
    document: Mapping[str, Any]


def resources_of(conn: Connection, uris: Uris, rows: Sequence[PostRow]) -> dict[int, Outgoing]:
    """By id, of posts that are resources."""
    if not rows:
        return {}
    ids = [row.id for row in rows]
    found = resources.by_ids(conn, ids)
    versions, files = resources.versions_of(conn, ids), resources.newest_files(conn, ids)
    return {
        row.id: _outgoing(uris, found[row.id], versions.get(row.id, ()), files.get(row.id, ()))
        for row in rows
        if row.id in found
    }


def resource_of(
    row: ResourceRow, versions: Sequence[VersionRow], files: Sequence[FileRow], uris: Uris
) -> Resource:
    """What is known of a resource as the value that builders take; `files` are those of the newest version."""
    return Resource(
        details=decode_details(row.details),
        abstract=row.summary,
        versions=tuple(
            Version(number=one.number, issued=_day(one.created_at), notes=one.notes, doi=one.doi)
            for one in versions
        ),
        files=tuple(file_of(uris, one) for one in files),
        withdrawn=row.withdrawal_reason if row.withdrawn_at is not None else None,
    )


def file_of(uris: Uris, file: FileRow) -> File:
    """A file as others are told of it."""
    return File(
        url=file_address(uris, file),
        name=file.name,
        media_type=file.media_type,
        size=file.file_bytes,
        sha256=file.sha256,
    )


def file_address(uris: Uris, file: FileRow) -> str:
    """Where a file can be had: here, or where it lies."""
    return uris.resource_file(file.post_id, file.id) if file.store_key else str(file.url)


def _outgoing(
    uris: Uris, row: ResourceRow, versions: Sequence[VersionRow], files: Sequence[FileRow]
) -> Outgoing:
    said = resource_of(row, versions, files, uris)
    details = said.details
    page = details.url or (doi_address(details.doi) if details.doi else row.url)
    # The first link is what the others take the post to be about.
    links = [LinkAttachment(href=page, name=row.title)]
    links += [
        LinkAttachment(href=one.url, media_type=one.media_type or "text/html", name=one.name)
        for one in said.files
    ]
    document = builder.learning_resource(
        said,
        name=row.title,
        abstract=row.summary,
        language=row.language,
        page=row.url,
        licence_uri=licences.spdx_address,
    )
    summary = saying.summary_html(row.summary, details, withdrawn=said.withdrawn)
    return Outgoing(summary, links, {"learningResource": document})


def reports_of(conn: Connection, rows: Sequence[PostRow]) -> dict[int, Mapping[str, Any]]:
    """By id, the keys that answers have which tell of the use of a resource."""
    if not rows:
        return {}
    return {
        post_id: builder.report(keeping.report_of(row))
        for post_id, row in resource_reports.by_posts(conn, [one.id for one in rows]).items()
    }


def _day(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d")
