"""Shelves: resources that somebody put together, as an ordered collection (ActivityStreams 2.0 §5)."""

from collections.abc import Sequence
from datetime import datetime
from html import escape
from typing import Any

from activitypub.builders import activity
from activitypub.values import format_time

Document = dict[str, Any]


def shelf(
    uri: str,
    *,
    attributed_to: str,
    name: str,
    summary: str,
    published: datetime,
    updated: datetime,
    total: int,
) -> Document:
    """The shelf, of ``total`` resources; ``summary`` is plain text."""
    document = activity.collection(uri, total=total, first=f"{uri}?page=1", attributed_to=attributed_to)
    document |= {
        "name": name,
        "url": uri,
        "published": format_time(published),
        "updated": format_time(updated),
    }
    if summary:
        document["summary"] = f"<p>{escape(summary, quote=False)}</p>".replace("\n", "<br>")
    return document


def page(uri: str, number: int, items: Sequence[str], *, has_next: bool, total: int) -> Document:
    """A page of it, from 1: the addresses of resources, in the order of the shelf."""
    return activity.collection_page(
        f"{uri}?page={number}",
        part_of=uri,
        items=items,
        next_page=f"{uri}?page={number + 1}" if has_next else None,
        prev_page=f"{uri}?page={number - 1}" if number > 1 else None,
        total=total,
    )
