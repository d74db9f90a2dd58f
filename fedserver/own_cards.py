"""The card that apps show with a post that is more than its text: an event, a resource. It tells of the post's own page.

Of what is not for everybody there is none: whoever posts its address would be shown what it says.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from storage import previews
from storage.posts import PostRow


def show(conn: Connection, row: PostRow, columns: Mapping[str, Any]) -> None:
    """Show a card with these columns of `preview`, if the post is for everybody."""
    if row.visibility not in ("public", "unlisted"):
        return
    preview_id = previews.put(conn, row.url, columns)
    if preview_id != row.preview_id:
        previews.show(conn, row.id, preview_id)
