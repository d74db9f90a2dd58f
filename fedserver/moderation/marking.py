"""Posts that are shown behind a warning because moderators decided so, whatever their author says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from storage.accounts import AccountRow
from storage.posts import PostRow


def of_new(author: AccountRow, values: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of a new post, marked if everything by its author is."""
    if author.sensitized_at is None or values["sensitive"]:
        return dict(values)
    return {**values, "sensitive": True, "marked_sensitive": True}


def of_edited(row: PostRow, values: Mapping[str, Any]) -> dict[str, Any]:
    """The columns that an edit changes: a mark stays, unless the author sets one of their own."""
    if not row.marked_sensitive:
        return dict(values)
    return {**values, "sensitive": True, "marked_sensitive": not values["sensitive"]}
