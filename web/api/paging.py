"""Windows of lists as clients ask for them, and the pages they get."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from aiohttp import web

from fedserver.timelines import Batch, Window
from web import replies
from web.api.render import joined, renderer
from web.params import ID_MAX, Params, Unreadable

# Of a page, unless asked for otherwise, and at most (CLIENT limits of Mastodon).
STATUSES: Final = (20, 40)
ACCOUNTS: Final = (40, 80)
NOTIFICATIONS: Final = (40, 80)
SEARCH: Final = (20, 40)


def window(params: Params, sizes: tuple[int, int]) -> Window:
    """``limit``, ``max_id``, ``since_id`` and ``min_id``. Unreadable (400) for what is no number."""
    return Window(
        limit=params.limit(*sizes),
        max_id=_cursor(params, "max_id"),
        since_id=_cursor(params, "since_id"),
        min_id=_cursor(params, "min_id"),
    )


def _cursor(params: Params, name: str) -> int | None:
    text = params.text(name).strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit()):
        raise Unreadable(f"{name} must be an id.")
    # Some clients begin with an id beyond every other.
    return min(int(text), ID_MAX) if len(text) < 20 else ID_MAX


def status_page(
    request: web.Request, batch: Batch, asked: Window, cursors: Sequence[int] | None = None
) -> web.Response:
    """A page of statuses; `cursors` are the ids that page the list, those of the posts unless given."""
    ids = [card.post.id for card in batch.cards] if cursors is None else cursors
    return replies.page(
        request,
        renderer(request).statuses(batch),
        newest=ids[0] if ids else None,
        oldest=ids[-1] if ids else None,
        complete=len(ids) >= asked.limit,
    )


def account_page(request: web.Request, rows: Sequence[Any], asked: Window) -> web.Response:
    """A page of accounts, paged by the ids of the relations, which only the ``Link`` shows."""
    render = renderer(request)
    return replies.page(
        request,
        joined(render.account(row) for row in rows),
        newest=rows[0].relation_id if rows else None,
        oldest=rows[-1].relation_id if rows else None,
        complete=len(rows) >= asked.limit,
    )
