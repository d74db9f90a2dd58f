"""Resources as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from aiohttp import web
from msgspec import UNSET, Raw

from fedserver.resources import checking, leaving, licences, publishing
from fedserver.resources.catalogue import Found
from fedserver.resources.reading import FileRow, Shown, VersionRow
from fedserver.resources.reports import Given
from web import keys, replies
from web.api.render import filter_results, instant, maybe_instant, renderer
from web.api.resources.entities import Resource, ResourceDraft, ResourceFile, ResourceReport, ResourceVersion


def resources(request: web.Request, found: Found) -> bytes:
    """A page of a list; what of it is the same for every viewer is made once, as long as the row is the same."""
    made = []
    for one in found.shown:
        body = one.made.get("list")
        if body is None:
            body = msgspec.json.encode(resource(request, one, one.author, alone=False))[:-1]
            one.made["list"] = body
        matches = found.matches.get(one.row.id)
        made.append(b'%b,"filtered":%b}' % (body, filter_results(matches)) if matches else body + b"}")
    return b"[%b]" % b",".join(made)


def resource(request: web.Request, found: Shown, account: Any, *, alone: bool = True) -> Resource:
    """A resource as its viewer sees it, in a list (not `alone`) without its versions; `account` is the full row of its
    author."""
    row, details, server = found.row, found.details, keys.server(request)
    files = found.files or {}
    return Resource(
        id=str(row.id),
        status_id=str(row.id),
        uri=row.uri,
        url=row.url or row.uri,
        local=bool(row.local),
        instance=row.domain or server.config.domain,
        title=row.title,
        abstract=row.summary,
        description=row.text_html,
        text=row.source_text,
        language=row.language or None,
        visibility=row.visibility,
        group_id=None if row.group_id is None else str(row.group_id),
        types=list(details.types),
        authors=list(details.authors),
        contributors=list(details.contributors),
        licence=details.licence or None,
        licence_url=licences.address(details.licence) or None,
        open=licences.is_open(details.licence),
        doi=details.doi or None,
        landing_url=details.url or None,
        identifiers=list(details.identifiers),
        level=details.level or None,
        audience=list(details.audience),
        time_required_minutes=details.time_required_minutes,
        teaches=list(details.teaches),
        prerequisites=list(details.prerequisites),
        topics=list(details.topics),
        keywords=list(details.keywords),
        skills=list(details.skills),
        accessibility=details.accessibility,
        state=details.status,
        based_on=list(details.based_on),
        funders=list(details.funders),
        issued=details.issued or None,
        review_by=details.review_by or None,
        version=row.version or None,
        versions=[version(request, one, files.get(one.id, ())) for one in found.versions] if alone else UNSET,
        versions_count=row.versions_count,
        uses_count=row.uses_count,
        reviews_count=row.reviews_count,
        rating=None if found.rating is None else round(found.rating, 2),
        adaptations_count=row.adaptations_count,
        replies_count=row.replies_count,
        favourites_count=row.likes_count,
        reblogs_count=row.boosts_count,
        withdrawn_at=maybe_instant(row.withdrawn_at),
        withdrawal_reason=row.withdrawal_reason or None,
        links_state=row.links_state,
        links_problem=row.links_problem,
        created_at=instant(row.created_at),
        changed_at=instant(row.changed_at),
        account=Raw(renderer(request).account(account)),  # type: ignore[arg-type]
    )


def version(request: web.Request, row: VersionRow, files: Sequence[FileRow]) -> ResourceVersion:
    """One version with its files."""
    return ResourceVersion(
        number=row.number,
        notes=row.notes,
        doi=row.doi or None,
        created_at=instant(row.created_at),
        files=[file(request, one) for one in files],
    )


def file(request: web.Request, row: FileRow) -> ResourceFile:
    """One file."""
    return ResourceFile(
        id=str(row.id),
        name=row.name,
        url=leaving.file_address(keys.server(request).uris, row),
        media_type=row.media_type,
        size=row.file_bytes,
        sha256=row.sha256 or None,
        downloads_count=row.downloads_count,
    )


def report(request: web.Request, given: Given) -> ResourceReport:
    """That a resource was used, or a review of it."""
    row = given.row
    return ResourceReport(
        id=str(row.post_id),
        status_id=str(row.post_id),
        resource_id=str(row.resource_id),
        kind=row.kind,
        uri=row.uri,
        url=row.url or row.uri,
        visibility=row.visibility,
        language=row.language or None,
        version=row.version or None,
        rating=row.rating,
        used_in=row.used_in,
        used_on=row.used_on or None,
        changed=row.changed,
        worked=row.worked,
        text=row.source_text,
        content=row.content_html,
        created_at=instant(row.created_at),
        edited_at=maybe_instant(row.edited_at),
        account=Raw(renderer(request).account(given.account)),  # type: ignore[arg-type]
    )


def draft(row: Any) -> web.Response:
    """A draft with what is wrong with it."""
    return replies.json(draft_entity(row))


def draft_entity(row: Any) -> ResourceDraft:
    """The same as a value."""
    described = publishing.draft_described(row)
    return ResourceDraft(
        id=str(row.id),
        described=msgspec.to_builtins(described),
        problems=checking.problems_of(described),
        licence_warnings=checking.licence_warnings(described),
        receipt=msgspec.json.decode(row.receipt),
        created_at=instant(row.created_at),
        updated_at=instant(row.updated_at),
    )
