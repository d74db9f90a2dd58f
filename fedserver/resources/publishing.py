"""Members publish resources, change them, bring out new versions, withdraw them.

A resource is a post with more beside it: `fedserver.posts` writes the post and sets in motion what a post does.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from sqlalchemy import Connection

from activitypub.identifiers import Uris, origin_of
from fedserver import notifications, posts, visibility
from fedserver.beside import check_visibility, draft_of, provider
from fedserver.content.text import clean_line, clean_text
from fedserver.context import Server
from fedserver.errors import Conflict, Invalid, NotFound, TooLarge
from fedserver.resources import keeping, saying
from fedserver.resources.checking import checked
from fedserver.resources.faces import harvesting
from fedserver.resources.identifiers import doi as doi_of
from fedserver.resources.records import Described, Details, decode_described, decode_details, encode
from fedserver.resources.terms import with_addresses
from fedserver.viewer import Member
from storage import posts as stored_posts
from storage import resource_drafts, resource_reports, resources
from storage.posts import PostRow
from storage.resources import NewFile, ResourceRow
from storage.signals import signal
from storage.types import now_ms

NUMBER_CHARS_MAX: Final = 32
NOTES_CHARS_MAX: Final = 5_000
REASON_CHARS_MAX: Final = 1_000
FILES_MAX: Final = 30
FIRST_VERSION: Final = "1.0.0"


@dataclass(frozen=True, slots=True)
class Link:
    """A file of a version that lies elsewhere."""

    url: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class NewVersion:
    """A version that comes out: its number, what is new (plain text), a DOI of its own, and its files: `file_ids` of those
    that were sent before, and links to others."""

    number: str = FIRST_VERSION
    notes: str = ""
    doi: str = ""
    file_ids: Sequence[int] = ()
    links: Sequence[Link] = ()


@dataclass(frozen=True, slots=True)
class Imported:
    """Where an import found a resource, and what it said there (see `fedserver.resources.importing.filling`)."""

    source_uri: str
    digest: str = ""

    def columns(self) -> dict[str, str]:
        """Of the row beside the post."""
        return {"source_uri": self.source_uri, "source_digest": self.digest}


class _Beside:
    """What a resource is beside its post; see `fedserver.posts.Beside`."""

    def __init__(
        self, server: Server, described: Described, provider: str, *, withdrawn: str | None = None
    ) -> None:
        self._described = described
        self._details = described.details()
        self._host = server.config.domain
        self._provider = provider
        self._withdrawn = withdrawn

    def address(self, uris: Uris, post_id: int) -> str | None:
        return uris.resource(post_id)

    def says(self, html: str) -> Mapping[str, Any]:
        content = saying.whole_html(self._described.abstract, html, self._details, withdrawn=self._withdrawn)
        return {"kind": keeping.KIND, "content_html": content}

    def hashtags(self) -> Mapping[str, str]:
        return keeping.hashtags_of(self._details)

    def concerned(self, conn: Connection) -> Collection[int]:
        """Those whose work this is made from hear of it."""
        uris = [one.uri for one in self._details.based_on if one.relation != "part"]
        return resources.authors_of(conn, uris)

    def differs(self, conn: Connection, row: PostRow) -> bool:
        known = resources.by_id(conn, row.id)
        return known is None or decode_details(known.details) != self._details

    def put(self, conn: Connection, row: PostRow, html: str) -> None:
        # Before the rows of this one lead anywhere. Who is new may be named already by whoever guessed its address.
        for source in self._details.based_on:
            if source.uri in (row.uri, row.url) or resources.is_made_from(conn, source.uri, row.id):
                raise Invalid({"based_on": "cannot lead back to the resource itself"})
        keeping.put(conn, row, self._details, html, host=self._host, provider=self._provider)


# -- publishing


async def publish(
    server: Server,
    member: Member,
    described: Described,
    *,
    visibility: str = "public",
    group_id: int | None = None,
    version: NewVersion | None = None,
    draft_id: int | None = None,
    idempotency_key: str | None = None,
) -> int:
    """Publish a resource; its post's id. A draft that it comes from is used up.

    Raises Invalid (by field), NotFound (group, draft), Forbidden.
    """
    kept, first = checked(described), checked_version(version or NewVersion())
    check_visibility(visibility)
    await posts.find_strangers(server, draft_of(kept))

    def unit(conn: Connection) -> int:
        if draft_id is not None and resource_drafts.by_id(conn, member.account_id, draft_id) is None:
            raise NotFound("This draft does not exist any more.")
        return publish_unit(
            conn, server, member.account_id, kept, visibility=visibility, group_id=group_id, version=first,
            draft_id=draft_id, app_id=member.app_id, idempotency_key=idempotency_key,
        )  # fmt: skip

    return await server.db.write(unit)


def publish_unit(
    conn: Connection,
    server: Server,
    account_id: int,
    described: Described,
    *,
    visibility: str = "public",
    group_id: int | None = None,
    version: NewVersion,
    draft_id: int | None = None,
    app_id: int | None = None,
    idempotency_key: str | None = None,
    imported: Imported | None = None,
    at_ms: int | None = None,
) -> int:
    """The unit of `publish`, for imports too; `described` is as `checked` gives it, and what is `imported` is published
    quietly (see `fedserver.posts.create_unit`)."""
    if idempotency_key is not None:
        earlier = posts.posted_before(conn, account_id, idempotency_key, now_ms())
        if earlier is not None:
            return earlier
    described = with_addresses(server.library.terms_now(conn), described)
    beside = _WithVersion(server, described, provider(conn, server), version, imported)
    draft = draft_of(
        described, visibility=visibility, group_id=group_id, app_id=app_id, idempotency_key=idempotency_key
    )
    quiet = imported is not None
    post_id = posts.create_unit(conn, server, account_id, draft, beside=beside, at_ms=at_ms, quiet=quiet)
    if draft_id is not None:
        known = resource_drafts.by_id(conn, account_id, draft_id)
        if known is not None and known.source_uri:
            resources.change(conn, post_id, source_uri=known.source_uri)
        resource_drafts.remove(conn, draft_id)
    return post_id


class _WithVersion(_Beside):
    """A new resource, whose first version is there before anybody is told of it."""

    def __init__(
        self,
        server: Server,
        described: Described,
        provider: str,
        version: NewVersion,
        imported: Imported | None,
    ) -> None:
        super().__init__(server, described, provider)
        self._version, self._imported = version, imported

    def put(self, conn: Connection, row: PostRow, html: str) -> None:
        super().put(conn, row, html)
        if self._imported is not None:
            resources.change(conn, row.id, **self._imported.columns())
        _add_version(conn, row.id, row.account_id, self._version, at_ms=row.created_at)


async def change(server: Server, member: Member, post_id: int, described: Described) -> None:
    """Say something else of a resource of one's own. Raises Invalid (by field), NotFound, Forbidden."""
    kept = checked(described)
    await posts.find_strangers(server, draft_of(kept))
    await server.db.write(_change, server, member.account_id, post_id, kept)


def _change(conn: Connection, server: Server, account_id: int, post_id: int, described: Described) -> None:
    row = own(conn, post_id, account_id)
    described = with_addresses(server.library.terms_now(conn), described)
    reason = row.withdrawal_reason if row.withdrawn_at is not None else None
    beside = _Beside(server, described, provider(conn, server), withdrawn=reason)
    posts.edit_unit(conn, server, account_id, post_id, draft_of(described), beside=beside)


def renew_unit(
    conn: Connection,
    server: Server,
    account_id: int,
    post_id: int,
    described: Described,
    version: NewVersion,
    imported: Imported,
) -> None:
    """An imported resource is described otherwise where it comes from: it is changed as quietly as it came in, and `version`
    becomes its newest one if it is another. Raises NotFound, Forbidden, Conflict."""
    row = own(conn, post_id, account_id)
    beside = _Beside(server, described, provider(conn, server))
    posts.edit_unit(conn, server, account_id, post_id, draft_of(described), beside=beside, quiet=True)
    known = resources.version(conn, post_id, version.number)
    if known is None:
        _add_version(conn, post_id, account_id, version)
    else:
        resources.change_version(conn, known.id, notes=version.notes, doi=version.doi)
        resources.put_links(conn, post_id, known.id, account_id, _files_of(version.links))
    resources.change(conn, post_id, changed_at=now_ms(), **imported.columns())
    stored_posts.change(conn, row.id, edited_at=now_ms())
    signal(conn, "status.update", str(post_id))
    signal(conn, "resource", str(post_id))


def own(conn: Connection, post_id: int, account_id: int) -> ResourceRow:
    """A resource of the member's own. Raises NotFound, Forbidden."""
    posts.own(conn, post_id, account_id)
    row = resources.by_id(conn, post_id)
    if row is None:
        raise NotFound
    return row


def described_of(row: ResourceRow) -> Described:
    """All that is said of a resource, as its author would change it."""
    details: Details = decode_details(row.details)
    return Described(
        title=row.title,
        abstract=row.summary,
        text=row.source_text,
        language=row.language,
        **{name: getattr(details, name) for name in Details.__struct_fields__},
    )


# -- versions


async def bring_out(server: Server, member: Member, post_id: int, version: NewVersion) -> None:
    """A new version of a resource of one's own: those who recorded that they use it hear of it.

    Raises Invalid (a number that is taken), NotFound, Forbidden, Conflict (a withdrawn one).
    """
    kept = checked_version(version)
    await server.db.write(_bring_out, server, member.account_id, post_id, kept)


def _bring_out(conn: Connection, server: Server, account_id: int, post_id: int, version: NewVersion) -> None:
    row = own(conn, post_id, account_id)
    if row.withdrawn_at is not None:
        raise Conflict("This resource was withdrawn: there are no new versions of it.")
    if resources.version(conn, post_id, version.number) is not None:
        raise Invalid({"number": "is the number of another version"})
    _add_version(conn, post_id, account_id, version)
    resources.change(conn, post_id, changed_at=now_ms())
    harvesting.look(conn, [post_id])
    stored_posts.change(conn, post_id, edited_at=now_ms())
    tell_users(conn, stored_posts.by_id(conn, post_id))
    server.publish.post_updated(conn, post_id)
    signal(conn, "status.update", str(post_id))
    signal(conn, "resource", str(post_id))


def tell_users(conn: Connection, row: PostRow | None) -> None:
    """There is a new version: the members who recorded that they use the resource hear of it, whose ever it is, as far as they
    may still see it."""
    if row is None:
        return
    for account_id in sorted(visibility.who_may_see(conn, row, resource_reports.users_here(conn, row.id))):
        notifications.notify(
            conn, account_id, "update", row.account_id, post_id=row.id, thread_id=row.thread_id
        )


def _add_version(
    conn: Connection, post_id: int, account_id: int, version: NewVersion, *, at_ms: int | None = None
) -> None:
    version_id = resources.add_version(
        conn, post_id, version.number, notes=version.notes, doi=version.doi, created_at=at_ms
    )
    if version.file_ids:
        taken = resources.take_files(conn, post_id, version_id, account_id, version.file_ids)
        if taken != len(set(version.file_ids)):
            raise Invalid({"file_ids": "must be files that you have sent and not used yet"})
    if version.links:
        resources.add_links(conn, post_id, version_id, account_id, _files_of(version.links))
    keeping.follow_links(conn, post_id)


def _files_of(links: Sequence[Link]) -> list[NewFile]:
    return [NewFile(one.name or one.url.rpartition("/")[2] or one.url, one.url) for one in links]


def checked_version(version: NewVersion) -> NewVersion:
    """A version in the form in which it is kept. Raises Invalid."""
    problems: dict[str, str] = {}
    number, notes = clean_line(version.number) or FIRST_VERSION, clean_text(version.notes)
    if len(number) > NUMBER_CHARS_MAX:
        problems["number"] = f"is longer than {NUMBER_CHARS_MAX} characters"
    if len(notes) > NOTES_CHARS_MAX:
        problems["notes"] = f"is longer than {NOTES_CHARS_MAX:,} characters"
    doi = doi_of(version.doi) if version.doi.strip() else ""
    if doi is None:
        problems["doi"] = "is not a DOI such as 10.5281/zenodo.1234567"
    links = [Link(one.url.strip(), clean_line(one.name)[:200]) for one in version.links if one.url.strip()]
    if any(origin_of(one.url) is None for one in links):
        problems["links"] = "must be addresses that begin with http:// or https://"
    if len(links) + len(version.file_ids) > FILES_MAX:
        problems["file_ids"] = f"can be {FILES_MAX} at the most, with links"
    if problems:
        raise Invalid(problems)
    return NewVersion(number, notes, doi or "", tuple(version.file_ids), tuple(links))


# -- withdrawing and deleting


async def withdraw(server: Server, member: Member, post_id: int, reason: str) -> None:
    """Say that nobody should use the resource any more, and why. It stays at its address, and in no list. Raises Invalid,
    NotFound, Forbidden."""
    said = clean_text(reason).strip()
    if not said or len(said) > REASON_CHARS_MAX:
        raise Invalid({"reason": f"must be a sentence of at most {REASON_CHARS_MAX:,} characters"})
    await server.db.write(_withdraw, server, member.account_id, post_id, said)


def _withdraw(conn: Connection, server: Server, account_id: int, post_id: int, reason: str) -> None:
    row = own(conn, post_id, account_id)
    if row.withdrawn_at is not None:
        raise Conflict("This resource was withdrawn before.")
    described = described_of(row)
    resources.change(conn, post_id, withdrawn_at=now_ms(), withdrawal_reason=reason)
    beside = _Beside(server, described, provider(conn, server), withdrawn=reason)
    posts.edit_unit(conn, server, account_id, post_id, draft_of(described), beside=beside)
    tell_users(conn, stored_posts.by_id(conn, post_id))


async def delete(server: Server, member: Member, post_id: int) -> None:
    """Delete a resource of one's own, with its versions and files. Raises NotFound, Forbidden."""
    await server.db.read(own, post_id, member.account_id)
    await posts.delete_post(server, member, post_id)


# -- drafts


class DraftBeside(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a draft has beside what is said of the resource: who is to see it (a visibility, or ``group:`` and its id), and its
    first version."""

    place: str = ""
    number: str = ""
    notes: str = ""
    doi: str = ""
    links: tuple[Link, ...] = ()
    file_ids: tuple[int, ...] = ()


async def keep_draft(
    server: Server,
    member: Member,
    described: Described,
    *,
    draft_id: int | None = None,
    beside: DraftBeside | None = None,
) -> int:
    """Keep what has been said so far, whatever is missing; the draft's id. Without `beside` what was kept of that stays.
    Raises NotFound, Conflict (too many), TooLarge."""
    body = encode(described)
    more = None if beside is None else msgspec.json.encode(beside)
    if max(len(body), len(more or b"")) > DRAFT_BYTES_MAX:
        raise TooLarge("This is too long to be kept.")

    def unit(conn: Connection) -> int:
        if draft_id is None:
            if len(resource_drafts.of_account(conn, member.account_id)) >= DRAFTS_MAX:
                raise Conflict(f"You have {DRAFTS_MAX} drafts: publish or delete some.")
            return resource_drafts.add(conn, member.account_id, body, beside=more or b"{}")
        if resource_drafts.by_id(conn, member.account_id, draft_id) is None:
            raise NotFound("This draft does not exist any more.")
        resource_drafts.change(conn, draft_id, body, beside=more)
        return draft_id

    return await server.db.write(unit)


async def draft(server: Server, member: Member, draft_id: int) -> Any:
    """A draft of the member's own: its row, with `described` and `receipt` as JSON. Raises NotFound."""
    row = await server.db.read(resource_drafts.by_id, member.account_id, draft_id)
    if row is None:
        raise NotFound("This draft does not exist any more.")
    return row


async def drafts(server: Server, member: Member) -> list[Any]:
    """The member's drafts, the latest first."""
    return await server.db.read(resource_drafts.of_account, member.account_id)


async def delete_draft(server: Server, member: Member, draft_id: int) -> None:
    """Raises NotFound."""

    def unit(conn: Connection) -> None:
        if resource_drafts.by_id(conn, member.account_id, draft_id) is None:
            raise NotFound("This draft does not exist any more.")
        resource_drafts.remove(conn, draft_id)

    await server.db.write(unit)


def draft_described(row: Any) -> Described:
    """What a draft says."""
    return decode_described(row.described)


DRAFTS_MAX: Final = 200
DRAFT_BYTES_MAX: Final = 500_000  # a long text with a hundred authors has a fifth of that


# -- parts
