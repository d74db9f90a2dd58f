"""A post is about to be deleted: the signal says who may be told, because afterwards nobody can find out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import Struct
from sqlalchemy import Connection

from storage import posts
from storage.posts import PostRow
from storage.signals import PAYLOAD_BYTES_MAX, signal

CHANNEL: Final = "delete"


class Gone(Struct, frozen=True, omit_defaults=True):
    """What decides who hears that a post is gone. `mentioned` are the accounts here, `tags` their keys."""

    id: int
    author_id: int
    visibility: str
    local: bool = False
    boost: bool = False
    answers_others: bool = False
    has_media: bool = False
    group_id: int | None = None
    mentioned: tuple[int, ...] = ()
    tags: tuple[str, ...] = ()


def signal_gone(conn: Connection, row: PostRow) -> None:
    """Tell those who could see this post or boost that it is gone; to be called before its rows are."""
    signal_all_gone(conn, [row])


def signal_all_gone(conn: Connection, rows: Sequence[PostRow]) -> None:
    """The same of several."""
    own = [row.id for row in rows if row.boost_of_id is None]
    public = [row.id for row in rows if row.boost_of_id is None and row.visibility == "public"]
    named = posts.mentioned(conn, own) if own else {}
    media = posts.media_of(conn, public) if public else {}
    tags = posts.tags_of(conn, public) if public else {}
    for row in rows:
        gone = Gone(
            row.id,
            row.account_id,
            row.visibility,
            bool(row.local),
            row.boost_of_id is not None,
            row.in_reply_to_account_id not in (None, row.account_id),
            bool(media.get(row.id)),
            row.group_id,
            tuple(one.id for one in named.get(row.id, ()) if not one.domain),
            tuple(one.key for one in tags.get(row.id, ())),
        )
        signal(conn, CHANNEL, _short(gone))


def heard(payload: str) -> Gone:
    """The same, as it was heard."""
    return _decode(payload)


def _short(gone: Gone) -> str:
    """What fits a signal: whoever is left out hears it when they look next."""
    text = msgspec.json.encode(gone)
    while len(text) > PAYLOAD_BYTES_MAX - len(CHANNEL) - 1:
        gone = msgspec.structs.replace(
            gone, tags=gone.tags[: len(gone.tags) // 2], mentioned=gone.mentioned[:100]
        )
        text = msgspec.json.encode(gone)
    return text.decode()


_decode: Final = msgspec.json.Decoder(Gone).decode
