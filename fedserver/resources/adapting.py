"""What is made from a resource: a draft of an adaptation or translation, and the tree of all that is known here.

The tree goes over servers, whose resources may say that they are made from each other in a circle; nothing follows one twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from msgspec.structs import replace
from sqlalchemy import Connection

from fedserver.content.from_html import markdown_of
from fedserver.content.text import language_tag
from fedserver.context import Server
from fedserver.errors import Conflict, Invalid
from fedserver.resources import catalogue, publishing, reading
from fedserver.resources.reading import Shown
from fedserver.resources.records import Described, Source
from fedserver.viewer import Member
from storage import accounts, resource_trees
from storage.accounts import AccountRow

RELATIONS: Final = ("adaptation", "translation", "version")
DEPTH_USUAL: Final = 3
DEPTH_MAX: Final = 10


@dataclass(frozen=True, slots=True)
class Node:
    """A resource in the tree; `depth` is 0 for the one that was asked for, negative for what it is made from, positive for what
    is made from it."""

    shown: Shown
    author: AccountRow
    depth: int


@dataclass(frozen=True, slots=True)
class Edge:
    """One resource is made from another, which `source_id` is if it is among the nodes. `licence` is the source's as it was
    then."""

    post_id: int
    source_id: int | None
    source_uri: str
    relation: str
    title: str
    licence: str


@dataclass(frozen=True, slots=True)
class Tree:
    """All of it that the viewer may see; not `complete` where there is more than is shown."""

    nodes: Sequence[Node]
    edges: Sequence[Edge]
    complete: bool


async def adapt(
    server: Server, member: Member, post_id: int, *, relation: str = "adaptation", language: str = ""
) -> int:
    """Begin a resource that is made from another: a draft with all that is said of that one, which names it and its licence as
    it is now. The draft's id.

    Raises Invalid (by field), NotFound, Conflict (a withdrawn one, too many drafts).
    """
    problems: dict[str, str] = {}
    tag = language_tag(language.strip()) if language.strip() else ""
    if relation not in RELATIONS:
        problems["relation"] = "must be adaptation, translation or version"
    if tag is None:
        problems["language"] = "is not a language code such as en or pt-BR"
    elif relation == "translation" and not tag:
        problems["language"] = "is needed for a translation"
    if problems:
        raise Invalid(problems)
    found = await reading.show(server, member.account_id, post_id)
    row = found.row
    if row.withdrawn_at is not None:
        raise Conflict("This resource was withdrawn: nobody should use it any more.")
    if relation == "translation" and tag == row.language:
        raise Invalid({"language": "is the language that the resource is in already"})
    return await publishing.keep_draft(server, member, _made_from(found, relation, tag or row.language))


def _made_from(found: Shown, relation: str, language: str) -> Described:
    row = found.row
    source = Source(uri=row.uri, relation=relation, title=row.title, licence=found.details.licence)  # type: ignore[arg-type]
    described = publishing.described_of(row)
    text = described.text if row.local else markdown_of(row.text_html)
    # What is the other's alone: where it lies, what it is known by, who paid for it, its days.
    return replace(
        described, text=text, language=language, based_on=(source,), doi="", url="", identifiers=(), funders=(),
        issued="", review_by="", status="active",
    )  # fmt: skip


async def tree(server: Server, viewer_id: int | None, post_id: int, *, depth: int = DEPTH_USUAL) -> Tree:
    """What a resource is made from and what is made from it, so many steps each way, as far as the viewer may see. What lies
    behind something that they may not see is left out. Raises NotFound."""
    return await server.db.read(_tree, viewer_id, post_id, min(max(depth, 0), DEPTH_MAX))


def _tree(conn: Connection, viewer_id: int | None, post_id: int, depth: int) -> Tree:
    reading.visible(conn, post_id, viewer_id)
    family = resource_trees.family(conn, post_id, depth)
    rows = resource_trees.edges(conn, family.ids)
    seen = {one.row.id: one for one in catalogue.of_ids(conn, viewer_id, sorted(family.ids))}
    depths = {post_id: 0}
    _walk(depths, post_id, seen, _by(rows, "post_id", "target_id"), -1)
    _walk(depths, post_id, seen, _by(rows, "target_id", "post_id"), 1)
    people = accounts.by_ids(conn, {seen[one].row.account_id for one in depths})
    nodes = [Node(seen[one], people[seen[one].row.account_id], at) for one, at in depths.items()]
    edges = [
        Edge(
            row.post_id, row.target_id if row.target_id in depths else None, row.uri, row.relation, row.title, row.licence
        )
        for row in rows
        # Of what may not be seen not even the address is told, unless whoever is made from it says so.
        if row.post_id in depths
    ]  # fmt: skip
    return Tree(sorted(nodes, key=lambda one: (one.depth, one.shown.row.id)), edges, family.complete)


def _by(rows: Sequence[Any], from_: str, to: str) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for row in rows:
        if row.target_id is not None and row.relation != "part":
            found.setdefault(getattr(row, from_), []).append(getattr(row, to))
    return found


def _walk(
    depths: dict[int, int],
    start: int,
    seen: Mapping[int, Shown],
    steps: Mapping[int, Sequence[int]],
    sign: int,
) -> None:
    """Put down how far each is that can be reached over what the viewer sees, in one direction, each once."""
    waiting, distance = [start], 0
    while waiting:
        distance += 1
        following = []
        for one in waiting:
            for other in steps.get(one, ()):
                if other in seen and other not in depths:
                    depths[other] = sign * distance
                    following.append(other)
        waiting = following
