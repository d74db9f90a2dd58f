"""Keeping true what harvesters are told: which resources there are, when each changed, which have gone.

Whatever changes a resource calls `look` in its own unit. What makes many appear or go at once (an account is suspended, a
shelf becomes public) does not: `catch_up` is a chore and finds those. Until then nothing that has gone is shown, since
whoever shows records reads the resources themselves.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterator
from typing import Final

from sqlalchemy import Connection

from storage import harvesting
from storage.harvesting import Living, Set
from storage.types import now_ms
from storage.words import fold

FACETS: Final = ("type", "topic", "language")
TOPS: Final = {"language": "By language", "shelf": "By shelf", "topic": "By topic", "type": "By type"}
CATCH_UP_SECONDS: Final = 60.0
BATCH: Final = 500
# OAI-PMH 2.0 §2.6: what a part of a setSpec may be made of; we use less.
_NOT_IN_SPECS: Final = re.compile(r"[^A-Za-z0-9_.]+")
_EDAM: Final = re.compile(r"https?://edamontology\.org/(topic_\d+)")


def look(conn: Connection, post_ids: Collection[int]) -> None:
    """The unit: bring the records of these resources up to date."""
    there, told = harvesting.living(conn, post_ids, FACETS), harvesting.known(conn, post_ids)
    sets, now = harvesting.sets_of(conn, told), now_ms()
    for post_id, one in there.items():
        before = told.get(post_id)
        wanted = {found.spec: found for found in sets_of(one)}
        if (
            before is None
            or before.deleted
            or before.changed_at < one.changed_at
            or {found.spec: found for found in sets.get(post_id, ())} != wanted
        ):
            harvesting.put(conn, post_id, one.uri, list(wanted.values()), now)
    gone = [post_id for post_id, before in told.items() if post_id not in there and not before.deleted]
    if gone:
        harvesting.bury(conn, gone, now)


def bury(conn: Connection, post_id: int) -> None:
    """The unit: a resource is about to be deleted."""
    harvesting.bury(conn, [post_id], now_ms())


def catch_up(conn: Connection) -> None:
    """The chore: look at what has changed without a word, a batch at a time."""
    look(conn, harvesting.changed(conn, BATCH))


def sets_of(one: Living) -> Iterator[Set]:
    """The sets that a resource is in."""
    for facet, value, label in one.facets:
        yield Set(f"{facet}:{_part(value, label)}", label or value.replace("-", " "))
    for shelf_id, title in one.shelves:
        yield Set(f"shelf:{shelf_id}", title)


def _part(value: str, label: str) -> str:
    """A value as the part of a setSpec: itself where it can be, a term of EDAM by its code, else something readable and
    its hash."""
    edam = _EDAM.fullmatch(value)
    if edam is not None:
        return edam[1]
    plain = _NOT_IN_SPECS.sub("-", fold(label or value)).strip("-")[:40]
    if plain == value:
        return value
    digest = hashlib.blake2b(value.encode(), digest_size=4).hexdigest()
    return f"{plain}.{digest}" if plain else digest
