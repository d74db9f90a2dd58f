"""Shelves as pages show them: every value that a template needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from fedserver.context import Server
from fedserver.page_cards import Person, person_of
from fedserver.reading import Window, cursors
from fedserver.resources import cards, shelves
from fedserver.resources.cards import ResourceCard
from fedserver.resources.shelves import Seen
from fedserver.viewer import Viewer

ITEMS_PER_PAGE: Final = 50


@dataclass(frozen=True, slots=True)
class ShelfCard:
    """A shelf as a list shows it; `items_count` is how much of it the viewer sees."""

    id: int
    path: str
    uri: str
    title: str
    description: str
    visibility: str
    by: str
    by_path: str
    local: bool
    items_count: int
    followers_count: int
    following: bool
    may_curate: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """A resource on a shelf, with what is noted beside it there; `position` counts from 0."""

    card: ResourceCard
    note: str
    position: int


@dataclass(frozen=True, slots=True)
class ShelfView:
    """A shelf as its own page shows it; `before` and `after` are the numbers of the pages around this one, from 1."""

    card: ShelfCard
    owner: Person
    curators: tuple[Person, ...]
    items: tuple[Standing, ...]
    mine: bool
    created_at: int
    changed_at: int
    page: int
    before: int | None
    after: int | None


def card_of(seen: Seen) -> ShelfCard:
    """A shelf as a list shows it."""
    row, owner = seen.row, seen.owner
    handle = f"{owner.username}@{owner.domain}" if owner.domain else owner.username
    return ShelfCard(
        id=row.id,
        path=f"/shelves/{row.id}",
        uri=row.uri,
        title=row.title,
        description=row.description,
        visibility=row.visibility,
        by=owner.display_name.strip() or owner.username,
        by_path=f"/@{handle}",
        local=bool(row.local),
        items_count=seen.items_count,
        followers_count=seen.followers_count,
        following=seen.following,
        may_curate=seen.may_curate,
    )


async def listed(
    server: Server,
    viewer: Viewer,
    window: Window,
    *,
    account_id: int | None = None,
    curator_id: int | None = None,
    follower_id: int | None = None,
) -> tuple[list[ShelfCard], int | None, int | None]:
    """Shelves as `shelves.listed` finds them, with the cursors of `reading.Leaf`."""
    found = await shelves.listed(
        server,
        viewer.account_id,
        window,
        account_id=account_id,
        curator_id=curator_id,
        follower_id=follower_id,
    )
    newer, older = cursors(window, [one.row.id for one in found])
    return [card_of(one) for one in found], newer, older


async def show(server: Server, viewer: Viewer, shelf_id: int, page: int) -> ShelfView:
    """A shelf with a page of what is on it. Raises NotFound."""
    seen = await shelves.show(server, viewer.account_id, shelf_id)
    found = await shelves.items(
        server, viewer.account_id, shelf_id, limit=ITEMS_PER_PAGE + 1, offset=(page - 1) * ITEMS_PER_PAGE
    )
    items = [
        Standing(cards.card_of(one.shown.row, one.shown.details), one.row.note, one.row.position)
        for one in found
    ]
    return ShelfView(
        card=card_of(seen),
        owner=person_of(server.config, seen.owner),
        curators=tuple(person_of(server.config, one) for one in seen.curators),
        items=tuple(items[:ITEMS_PER_PAGE]),
        mine=seen.owner.id == viewer.account_id,
        created_at=seen.row.created_at,
        changed_at=seen.row.changed_at,
        page=page,
        before=page - 1 if page > 1 else None,
        after=page + 1 if len(items) > ITEMS_PER_PAGE else None,
    )
