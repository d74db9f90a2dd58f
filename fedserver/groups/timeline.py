"""The timeline of a group for apps: the first posts of its threads, by id, as statuses."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection, Select, bindparam

from fedserver import filters, quoted, visibility
from fedserver.context import Server
from fedserver.groups import rules
from fedserver.groups.rules import Action
from fedserver.rendered import Shelf
from storage import cards
from storage.cards import VIEWER, Batch, Page
from storage.paging import Window
from storage.relationships import hides
from storage.tables import group_thread, mute, post
from storage.types import now_ms


def _for_viewer(table: Any) -> Any:
    return visibility.predicate(VIEWER, table)


def _select_threads() -> Select[Any]:
    """The first posts of a group's threads, those merged into others aside."""
    now = bindparam("now", type_=mute.c.expires_at.type)
    return (
        cards.select_cards(_for_viewer)
        .join(group_thread, group_thread.c.post_id == post.c.id)
        .where(
            group_thread.c.group_id == bindparam("group_id"),
            group_thread.c.merged_into_id.is_(None),
            ~hides(VIEWER, cards.AUTHOR.c.id, cards.AUTHOR.c.domain, now),
        )
    )


_threads: Final = Page(_select_threads, group_thread.c.post_id)


async def of_group(
    server: Server, viewer_id: int | None, group_id: int, window: Window, shelf: Shelf
) -> Batch:
    """One page, newest first. Raises NotFound, Forbidden."""
    batch = await server.db.read(of_group_unit, viewer_id, group_id, window, shelf)
    return await filters.applied(server, viewer_id, batch)


def of_group_unit(
    conn: Connection, viewer_id: int | None, group_id: int, window: Window, shelf: Shelf
) -> Batch:
    """The unit of `of_group`."""
    group, _ = rules.known(conn, group_id, viewer_id)
    rules.check(conn, Action.READ, group, viewer_id)
    found = _threads.run(conn, window, viewer_id=viewer_id or 0, group_id=group_id, now=now_ms())
    return quoted.complete(conn, found, viewer_id, shelf)
