"""A resource as its own page shows it: what is said of it, its versions and files, and what was said about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import msgspec

from fedserver import posts, reading, visibility
from fedserver.context import Server
from fedserver.groups import pages as group_pages
from fedserver.page_cards import PostCard
from fedserver.reading import Reply, Window
from fedserver.resources import adapting, cards, keeping, leaving, licences, publishing, shelf_cards, shelves
from fedserver.resources import reading as resource_reading
from fedserver.resources.adapting import Node, Tree
from fedserver.resources.cards import ResourceCard
from fedserver.resources.faces import citations, schema_org
from fedserver.resources.faces import entry as entries
from fedserver.resources.identifiers import doi_address
from fedserver.resources.importing.receipts import Receipt, decode_receipt
from fedserver.resources.licences import Terms
from fedserver.resources.publishing import DraftBeside, Link
from fedserver.resources.reading import FileRow, Shown, VersionRow
from fedserver.resources.records import Described, Details
from fedserver.resources.shelf_cards import ShelfCard
from fedserver.resources.shelves import Seen
from fedserver.viewer import Member, Viewer

SAID_SHOWN: Final = 10
SAID_PER_PAGE: Final = 50
SHELVES_SHOWN: Final = 10
SHELVES_OFFERED: Final = 100
# Those that ask for no names.
_UNNAMED: Final = ("CC0-", "CC-PDDC", "PDDL-", "Unlicense", "0BSD")


@dataclass(frozen=True, slots=True)
class FileView:
    """A file of a version; `size` in bytes is None where it is not known, `is_here` whether this server keeps it."""

    name: str
    url: str
    media_type: str
    size: int | None
    sha256: str
    downloads_count: int
    is_here: bool


@dataclass(frozen=True, slots=True)
class VersionView:
    """A version with its files."""

    number: str
    notes: str
    doi: str
    created_at: int
    files: tuple[FileView, ...]


@dataclass(frozen=True, slots=True)
class Permits:
    """What a licence permits, as far as that is known: `terms` is None where nothing is claimed."""

    terms: Terms | None
    names_authors: bool


@dataclass(frozen=True, slots=True)
class Kin:
    """A resource that another is made from, or that is made from it, at `depth` steps (from 1). `by` is "" of what is not known
    here; `licence` is the source's as it was then."""

    depth: int
    relation: str
    title: str
    href: str
    licence: str
    by: str


@dataclass(frozen=True, slots=True)
class Said:
    """What was said of a resource in one way, the first first: answers to it and what was answered to these. `count` is how
    many answers to it there are, of which a page shows some."""

    replies: tuple[Reply, ...]
    count: int

    @property
    def shown_count(self) -> int:
        """Of how many all is here."""
        return sum(one.depth == 1 for one in self.replies)


@dataclass(frozen=True, slots=True)
class ResourceView:
    """A resource as its page shows it. `post` is what members like, boost, answer and report; `place` the discussion of a
    group in which it is talked about, or "" where that is done below; `landing_url` where it lies outside the library;
    `may_shelve` are shelves that the viewer may put it on; `json_ld` is for catalogues, "" where it is not for everybody."""

    card: ResourceCard
    post: PostCard
    details: Details
    text_html: str
    uri: str
    url: str
    landing_url: str
    doi_url: str
    permits: Permits
    versions: tuple[VersionView, ...]
    sources: tuple[Kin, ...]
    made_from_it: tuple[Kin, ...]
    uses: Said
    reviews: Said
    discussion: Said
    shelves: tuple[ShelfCard, ...]
    may_shelve: tuple[ShelfCard, ...]
    citation: str
    json_ld: str
    place: str
    rating: float | None
    withdrawal_reason: str
    links_problem: str
    created_at: int
    edited_at: int | None
    indexable: bool
    mine: bool

    @property
    def newest_files(self) -> tuple[FileView, ...]:
        """Those of the newest version."""
        return self.versions[0].files if self.versions else ()


async def show(server: Server, viewer: Viewer, post_id: int) -> ResourceView:
    """A resource with all that belongs to it. Raises NotFound."""
    found = await resource_reading.show(server, viewer.account_id, post_id)
    place = await group_pages.place_of(server, viewer, post_id) or ""
    thread = await reading.thread(server, viewer, post_id)
    row, details = found.row, found.details
    entry = await entries.read(server, viewer.account_id, post_id)
    on = await shelves.listed(server, viewer.account_id, Window(limit=SHELVES_SHOWN), post_id=post_id)
    mine: list[Seen] = []
    if isinstance(viewer, Member):
        window = Window(limit=SHELVES_OFFERED)
        mine = await shelves.listed(server, viewer.account_id, window, curator_id=viewer.account_id)
    has_it = {one.row.id for one in on}
    tree = await adapting.tree(server, viewer.account_id, post_id)
    return ResourceView(
        card=cards.card_of(row, details),
        post=thread.card,
        details=details,
        text_html=row.text_html,
        uri=row.uri,
        url=row.url or row.uri,
        landing_url=details.url,
        doi_url=doi_address(details.doi) if details.doi else "",
        permits=permits(details.licence),
        versions=_versions(server, found),
        sources=_sources(tree, post_id),
        made_from_it=_made_from(tree, post_id),
        uses=_said(thread.replies, "use"),
        reviews=_said(thread.replies, "review"),
        discussion=Said((), 0) if place else _said(thread.replies, ""),
        shelves=tuple(shelf_cards.card_of(one) for one in on),
        may_shelve=tuple(shelf_cards.card_of(one) for one in mine if one.row.id not in has_it),
        citation=citations.cite(entry, "apa"),
        json_ld=schema_org.script(entry) if row.visibility in visibility.FOR_EVERYBODY else "",
        place=place,
        rating=found.rating,
        withdrawal_reason=row.withdrawal_reason,
        links_problem=row.links_problem,
        created_at=row.created_at,
        edited_at=row.edited_at,
        indexable=thread.indexable and row.withdrawn_at is None,
        mine=row.account_id == viewer.account_id,
    )


async def said(
    server: Server, viewer: Viewer, post_id: int, kind: str, page: int
) -> tuple[ResourceView, Said]:
    """A page (from 1) of what was said of a resource: `kind` is use, review or "" for the rest. Raises NotFound."""
    view = await show(server, viewer, post_id)
    thread = await reading.thread(server, viewer, post_id)
    return view, _said(thread.replies, kind, skip=(page - 1) * SAID_PER_PAGE, limit=SAID_PER_PAGE)


def _said(replies: Sequence[Reply], kind: str, *, skip: int = 0, limit: int | None = None) -> Said:
    """Of the replies to a resource those of one kind, with what was answered to them."""
    limit = SAID_SHOWN if limit is None else limit
    kept: list[Reply] = []
    number, within = 0, False
    for reply in replies:
        if reply.depth == 1:
            theirs = reply.card.kind if reply.card.kind in keeping.KINDS_OF_ANSWERS else ""
            number += theirs == kind
            within = theirs == kind and skip < number <= skip + limit
        if within:
            # Each names the resource, which would be shown again below it.
            card = (
                replace(reply.card, preview=None)
                if reply.card.kind in keeping.KINDS_OF_ANSWERS
                else reply.card
            )
            kept.append(Reply(card, reply.depth))
    return Said(tuple(kept), number)


def _sources(tree: Tree, post_id: int) -> tuple[Kin, ...]:
    """What a resource is made from, each followed by what that one is made from."""
    nodes = {one.shown.row.id: one for one in tree.nodes}
    found: list[Kin] = []

    def walk(below: int, depth: int, seen: frozenset[int]) -> None:
        for edge in tree.edges:
            if edge.post_id != below:
                continue
            source = nodes.get(edge.source_id or 0)
            title = source.shown.row.title if source else edge.title or edge.source_uri
            href = cards.path_of(source.shown.row.id) if source else edge.source_uri
            found.append(Kin(depth, edge.relation, title, href, edge.licence, _by(source)))
            if source is not None and source.shown.row.id not in seen:
                walk(source.shown.row.id, depth + 1, seen | {source.shown.row.id})

    walk(post_id, 1, frozenset({post_id}))
    return tuple(found)


def _made_from(tree: Tree, post_id: int) -> tuple[Kin, ...]:
    """What is made from a resource, each followed by what is made from that."""
    nodes = {one.shown.row.id: one for one in tree.nodes}
    found: list[Kin] = []

    def walk(above: int, depth: int, seen: frozenset[int]) -> None:
        for edge in tree.edges:
            made = nodes.get(edge.post_id)
            if edge.source_id != above or made is None or edge.relation == "part" or edge.post_id in seen:
                continue
            row = made.shown.row
            licence = made.shown.details.licence
            found.append(Kin(depth, edge.relation, row.title, cards.path_of(row.id), licence, _by(made)))
            walk(row.id, depth + 1, seen | {row.id})

    walk(post_id, 1, frozenset({post_id}))
    return tuple(found)


def _by(node: Node | None) -> str:
    return "" if node is None else node.author.display_name.strip() or node.author.username


def permits(licence: str) -> Permits:
    """What may be done with a work under this licence."""
    return Permits(licences.terms(licence), not licence.startswith(_UNNAMED))


def _versions(server: Server, found: Shown) -> tuple[VersionView, ...]:
    files = found.files or {}
    return tuple(_version(server, one, files.get(one.id, ())) for one in found.versions)


def _version(server: Server, row: VersionRow, files: Sequence[FileRow]) -> VersionView:
    return VersionView(
        row.number,
        row.notes,
        row.doi,
        row.created_at,
        tuple(
            FileView(
                name=one.name,
                url=leaving.file_address(server.uris, one),
                media_type=one.media_type,
                size=one.file_bytes,
                sha256=one.sha256,
                downloads_count=one.downloads_count,
                is_here=bool(one.store_key),
            )
            for one in files
        ),
    )


# -- what a member changes


@dataclass(frozen=True, slots=True)
class DraftView:
    """A draft of the member's own; `receipt` is of what was imported, None of what was written here."""

    id: int
    described: Described
    beside: DraftBeside
    receipt: Receipt | None


async def draft(server: Server, member: Member, draft_id: int) -> DraftView:
    """A draft, with what its source says of the version where it was imported and not touched since. Raises NotFound."""
    row = await publishing.draft(server, member, draft_id)
    receipt = decode_receipt(row.receipt) if row.receipt != "{}" else None
    beside = msgspec.json.decode(row.beside, type=DraftBeside)
    if beside == DraftBeside() and receipt is not None and receipt.version is not None:
        version = receipt.version
        links = tuple(Link(one.get("url", ""), one.get("name", "")) for one in version.links)
        beside = DraftBeside(number=version.number, notes=version.notes, doi=version.doi, links=links)
    return DraftView(row.id, publishing.draft_described(row), beside, receipt)


@dataclass(frozen=True, slots=True)
class Own:
    """A resource of the member's own, to be changed: what is said of it, and where it stands."""

    card: ResourceCard
    described: Described
    is_withdrawn: bool
    next_number: str


async def own(server: Server, member: Member, post_id: int) -> Own:
    """A resource that the member may change. Raises NotFound, Forbidden."""
    row = await server.db.read(publishing.own, post_id, member.account_id)
    return Own(
        cards.card_of(row),
        publishing.described_of(row),
        row.withdrawn_at is not None,
        next_number(row.version),
    )


async def preview(server: Server, text: str) -> str:
    """A description in Markdown as the HTML it would become."""
    return await server.db.read(posts.preview_unit, server, text)


def next_number(number: str) -> str:
    """What commonly follows a version's number: ``1.2.0`` after 1.1.0, ``3`` after 2; "" where nothing does."""
    parts = number.split(".")
    if not all(part.isascii() and part.isdigit() and len(part) < 10 for part in parts):
        return ""
    at = min(1, len(parts) - 1)
    return ".".join([*parts[:at], str(int(parts[at]) + 1), *("0" for _ in parts[at + 1 :])])
