"""What is read when signals have been heard: everything that is to be told of them, in one unit."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Connection

from fedserver import announcements, noticeboard
from fedserver.announcements import Shown as Announced
from fedserver.conversations import Conversations
from fedserver.errors import Forbidden
from fedserver.noticeboard import Asked, Notices
from fedserver.rendered import Shelf
from fedserver.sessions import check_standing
from fedserver.streams import audience, gone
from fedserver.streams.audience import Interest, Shown
from fedserver.streams.gone import Gone
from storage import oauth
from storage.oauth import TokenHolder
from storage.paging import Window

Signal = tuple[str, str]
"""The channel and the payload."""

POSTS: Final = {"post": "update", "status.update": "status.update"}
"""The channels that tell of posts, and the events that come of them."""

STANDING: Final = "standing"
"""Not a channel: whether all who listen may still do so."""


@dataclass(frozen=True, slots=True)
class Ask:
    """Signals that are worked off together, and what a unit must know of those who listen."""

    signals: list[Signal]
    interest: Interest
    members: Collection[int]  # everybody we know who listens to something
    tokens: Sequence[int]  # of all who listen, if they are to be checked
    shelf: Shelf


@dataclass(slots=True)
class Heard:
    """The same signals, and what was read for them."""

    signals: list[Signal]
    shown: Shown | None = None
    gone: dict[str, tuple[Gone, set[int]]] = field(default_factory=dict)
    notices: dict[Signal, Notices] = field(default_factory=dict)
    conversations: dict[Signal, Conversations] = field(default_factory=dict)
    announced: dict[str, Announced] = field(default_factory=dict)
    open_tokens: set[int] | None = None


def read(conn: Connection, ask: Ask) -> Heard:
    """A unit. `conversations` are left to the caller."""
    heard = Heard(ask.signals)
    post_ids = list(dict.fromkeys(int(payload) for channel, payload in ask.signals if channel in POSTS))
    if post_ids:
        heard.shown = audience.told_of(conn, post_ids, ask.interest, ask.shelf)
    for channel, payload in ask.signals:
        kind, _, account_id = channel.partition(":")
        if channel == gone.CHANNEL:
            one = gone.heard(payload)
            heard.gone[payload] = one, audience.told_it_is_gone(conn, one, ask.members)
        elif kind == "notification":
            heard.notices[channel, payload] = _notices(conn, int(account_id), int(payload), ask.shelf)
        elif channel == "announcement":
            # As nobody sees it: the same for all.
            heard.announced[payload] = announcements.shown_unit(conn, 0, int(payload))
        elif channel == STANDING:
            heard.open_tokens = _open_tokens(conn, ask.tokens)
    return heard


def _notices(conn: Connection, account_id: int, notification_id: int, shelf: Shelf) -> Notices:
    window = Window(1, max_id=notification_id + 1, min_id=notification_id - 1)
    return noticeboard.page_unit(conn, account_id, window, shelf, Asked())


def _open_tokens(conn: Connection, token_ids: Sequence[int]) -> set[int]:
    """Those of these tokens that still open anything."""
    return {
        holder.id
        for holder in oauth.holders(conn, token_ids)
        if holder.revoked_at is None and (holder.account_id is None or _may_come_in(holder))
    }


def _may_come_in(holder: TokenHolder) -> bool:
    try:
        check_standing(holder)
    except Forbidden:
        return False
    return True
