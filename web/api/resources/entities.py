"""Entities of the library. Instants as in Mastodon's API, dates as ``2026-11-29``."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType

from fedserver.resources.records import Funder, Identifier, Person, Source, Topic
from web.api.entities import Account, FilterResult


class ResourceFile(Struct, kw_only=True):
    """A file of a version: here, or at an address elsewhere. `size` is in bytes, `sha256` in hexadecimal."""

    id: str
    name: str
    url: str
    media_type: str
    size: int | None
    sha256: str | None
    downloads_count: int


class UnusedFile(Struct, kw_only=True):
    """A file that was sent, for a version to come (`file_ids`). Nobody else sees it; without a version it goes within a day."""

    id: str
    name: str
    media_type: str
    size: int
    sha256: str
    created_at: str


class ResourceVersion(Struct, kw_only=True):
    """A version with its files; `notes` say what is new (plain text)."""

    number: str
    notes: str
    doi: str | None
    created_at: str
    files: list[ResourceFile]


class Resource(Struct, kw_only=True):
    """A resource of the library. Its id is that of its status, which any client can open, boost, answer and bookmark.

    `licence` is an SPDX expression or the address of a licence, `open` whether it is an open one; `description` is HTML,
    `text` the Markdown it was made from (of resources of this server). `links_state` is what came of looking at its links: "" (not yet),
    ``ok``, ``moved`` or ``broken``. In lists `versions` is left out; `filtered` is what
    of the viewer's filters it matches there.
    """

    id: str
    status_id: str
    uri: str
    url: str
    local: bool
    instance: str
    title: str
    abstract: str
    description: str
    text: str
    language: str | None
    visibility: str
    group_id: str | None
    types: list[str]
    authors: list[Person]
    contributors: list[Person]
    licence: str | None
    licence_url: str | None
    open: bool
    doi: str | None
    landing_url: str | None
    identifiers: list[Identifier]
    level: str | None
    audience: list[str]
    time_required_minutes: int | None
    teaches: list[str]
    prerequisites: list[str]
    topics: list[Topic]
    keywords: list[str]
    skills: list[Topic]
    accessibility: str
    state: str
    based_on: list[Source]
    funders: list[Funder]
    issued: str | None
    review_by: str | None
    version: str | None
    versions: list[ResourceVersion] | UnsetType = UNSET
    versions_count: int
    uses_count: int
    reviews_count: int
    rating: float | None
    adaptations_count: int
    replies_count: int
    favourites_count: int
    reblogs_count: int
    withdrawn_at: str | None
    withdrawal_reason: str | None
    links_state: str
    links_problem: str
    created_at: str
    changed_at: str
    account: Account
    filtered: list[FilterResult] | UnsetType = UNSET


class FacetValue(Struct, kw_only=True):
    """A value of a facet with how many of the resources found have it; `chosen` if it was asked for."""

    value: str
    label: str
    count: int
    chosen: bool


class ResourceFacets(Struct, kw_only=True):
    """How many resources are found, and by facet how many have which value: the most frequent ones, and those chosen."""

    total: int
    facets: dict[str, list[FacetValue]]


class ResourceReport(Struct, kw_only=True):
    """That somebody used a resource (`kind` use), or a review of it (review). It is a status as well, which any client can
    open, answer and (its author) delete: `status_id`.

    `used_in` says where, `used_on` is a date (perhaps only a year or month), `changed` and `worked` are plain text. `text` is
    what its author wrote beside that (of people of this server), `content` all of it as HTML.
    """

    id: str
    status_id: str
    resource_id: str
    kind: Literal["use", "review"]
    uri: str
    url: str
    visibility: str
    language: str | None
    version: str | None
    rating: int | None
    used_in: str
    used_on: str | None
    changed: str
    worked: str
    text: str
    content: str
    created_at: str
    edited_at: str | None
    account: Account


class ResourceLink(Struct, kw_only=True):
    """Where a resource leads, and what came of asking: `state` is "" (not yet), ``ok``, ``moved`` or ``broken``. What fails is
    broken only once it has failed for a day."""

    url: str
    state: str
    problem: str
    checked_at: str | None
    failing_since: str | None


class Adaptation(Struct, kw_only=True):
    """A resource in the tree of what is made from what. `depth` is 0 for the one that was asked for, negative for what it is
    made from, positive for what is made from it."""

    id: str
    depth: int
    uri: str
    url: str
    title: str
    language: str | None
    licence: str | None
    licence_url: str | None
    version: str | None
    instance: str
    withdrawn: bool
    account: Account


class AdaptationSource(Struct, kw_only=True):
    """That a resource is made from another: `source_id` if that is among the nodes. `licence` is the source's as it was then."""

    resource_id: str
    source_id: str | None
    uri: str
    relation: str
    title: str
    licence: str | None


class AdaptationTree(Struct, kw_only=True):
    """What a resource is made from and what is made from it, as far as the viewer may see."""

    nodes: list[Adaptation]
    edges: list[AdaptationSource]
    complete: bool


class Shelf(Struct, kw_only=True):
    """Resources that somebody put together in an order. `description` is plain text, `visibility` public, members or private;
    `items_count` counts what the viewer may see. `following` and `may_curate` are about the viewer."""

    id: str
    uri: str
    url: str
    title: str
    description: str
    visibility: Literal["public", "members", "private"]
    account: Account
    curators: list[Account]
    items_count: int
    followers_count: int
    following: bool
    may_curate: bool
    created_at: str
    changed_at: str


class ShelfItem(Struct, kw_only=True):
    """A resource on a shelf, with a note on why it is there (plain text). `position` counts from 0, and with what the viewer
    may not see."""

    position: int
    note: str
    added_at: str
    added_by_id: str | None
    resource: Resource


class ResourceCheck(Struct, kw_only=True):
    """What would be refused of a resource, by field, and what speaks against its licence, given what it is made from."""

    problems: dict[str, str]
    licence_warnings: list[str]


class MissingField(Struct, kw_only=True):
    """A field of a resource in which nothing is said, and what it is good for."""

    field: str
    why: str


class SeenByCatalogue(Struct, kw_only=True):
    """What one catalogue makes of a resource: `needed` and `wanted` are missing, `problems` sentences about what is wrong;
    at `url` is what it reads."""

    name: str
    title: str
    url: str
    accepted: bool
    needed: list[MissingField]
    wanted: list[MissingField]
    problems: list[str]


class ResourceCatalogues(Struct, kw_only=True):
    """How catalogues see a resource. `hidden` says why they do not, if they do not; `listed` ones are good enough for all
    that ask for Bioschemas or AMB."""

    listed: bool
    hidden: str
    catalogues: list[SeenByCatalogue]


class ImportNote(Struct, kw_only=True):
    """What was done to a `field` of something that comes from elsewhere, as a sentence; `line` and `column` of the source where
    that is known. In lists of what is no resource `field` is what it is called there."""

    field: str
    sentence: str
    line: int | UnsetType | None = UNSET
    column: int | UnsetType | None = UNSET


class ResourceDraft(Struct, kw_only=True):
    """A resource that is not published: what has been said of it so far, what would be refused (by field), what speaks
    against its licence, and what an import repaired, guessed and missed."""

    id: str
    described: dict[str, Any]
    problems: dict[str, str]
    licence_warnings: list[str]
    receipt: dict[str, Any]
    created_at: str
    updated_at: str


class ResourceImport(Struct, kw_only=True):
    """What came of bringing something in: a draft for each resource in it, and what in it was none."""

    drafts: list[ResourceDraft]
    left_out: list[ImportNote]
    repaired: list[ImportNote]
