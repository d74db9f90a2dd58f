"""From signals to events: what happened reaches those in this process who listen, and costs nothing for the rest.

The hub hears the same signals in every process (`fedserver.live.Bus`), asks the database only for what somebody
listens to, and hands each listener bytes that were made once for all who are shown the same. Nothing waits for a
listener: `Listener.put` keeps what it is given in a bounded queue of its own.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Collection, Hashable
from contextlib import suppress
from functools import partial
from typing import Any, Final, Protocol

from fedserver import conversations, filters
from fedserver.announcements import Shown as Announced
from fedserver.context import Server
from fedserver.conversations import Conversation, Conversations
from fedserver.errors import NotFound
from fedserver.filters import Filters
from fedserver.noticeboard import Notice, Notices
from fedserver.rendered import Shelf
from fedserver.streams import audience, eyes, gone, heard, names
from fedserver.streams.audience import Interest, Shown, Told
from fedserver.streams.events import Event
from fedserver.streams.gone import Gone
from fedserver.streams.heard import POSTS, STANDING, Ask, Heard, Signal
from fedserver.streams.listeners import Listener, Listeners
from fedserver.streams.names import Stream
from fedserver.timelines import Batch, Card
from fedserver.viewer import has_scope

log = logging.getLogger("fedserver.streams")

WAITING_MAX: Final = 5_000  # signals that were heard and not worked off; the oldest go first
TOGETHER_MAX: Final = 20  # of them are worked off in one unit


class Render(Protocol):
    """Makes the JSON of what is told."""

    shelf: Shelf

    def status(self, card: Card, batch: Batch) -> bytes: ...

    def notification(self, one: Notice, found: Notices) -> bytes: ...

    def conversation(self, one: Conversation, found: Conversations) -> bytes: ...

    def announcement(self, row: Any, found: Announced) -> bytes: ...


# Of one account, and heard while that account listens to such a stream.
_OF_ACCOUNT: Final = {
    names.USER: ("notification", "notifications_merged", "filters"),
    names.NOTIFICATIONS: ("notification", "notifications_merged"),
    names.DIRECT: ("conversation",),
}
_TO_ALL_MEMBERS: Final = ("announcement", "announcement.reaction", "announcement.delete")


class Hub:
    """Make one for the process; `close` it when the server stops."""

    def __init__(self, server: Server, render: Render) -> None:
        self.listeners = Listeners()
        self._server = server
        self._render = render
        self._ends: dict[str, Callable[[], None]] = {}
        self._filters: dict[int, Filters] = {}  # of members who listen, until they change
        self._filters_changes = 0
        self._waiting: OrderedDict[Signal, None] = OrderedDict()
        self._working: asyncio.Task[None] | None = None
        self._telling: Final[dict[str, Callable[[Signal, Heard], None]]] = {
            **dict.fromkeys(POSTS, self._tell_of_post),
            gone.CHANNEL: self._tell_it_is_gone,
            "notification": self._tell_of_notification,
            "notifications_merged": self._tell_of_merging,
            "conversation": self._tell_of_conversation,
            "filters": self._tell_of_filters,
            **dict.fromkeys(_TO_ALL_MEMBERS, self._tell_all_members),
            STANDING: self._end_others,
        }
        bus = server.bus
        for channel in (*POSTS, gone.CHANNEL, *_TO_ALL_MEMBERS):
            bus.subscribe(channel, partial(self._hear, channel))
        bus.subscribe("token", self._token_ended)
        for channel in ("user", "account"):
            bus.subscribe(channel, self._member_changed)
        bus.subscribe("filters", self._filters_changed)
        bus.subscribe("setting", self._setting_changed)

    # -- who listens

    def join(self, listener: Listener) -> None:
        """A connection has been opened. Raises RateLimited when there are too many of the same."""
        self.listeners.join(listener)

    def leave(self, listener: Listener) -> None:
        """The connection is closed; a second time nothing happens."""
        streams = list(listener.streams)
        self.listeners.leave(listener)
        for stream in streams:
            self._hear_no_more(stream)
        account_id = listener.viewer.account_id
        if account_id is not None and account_id not in self.listeners.accounts:
            self._filters.pop(account_id, None)

    def subscribe(self, listener: Listener, stream: Stream, label: bytes) -> None:
        """Send this listener what the stream tells, under this label; again changes nothing.

        Raises RateLimited when it listens to too many already.
        """
        self.listeners.subscribe(listener, stream, label)
        for kind in _OF_ACCOUNT.get(stream.name, ()):
            channel = f"{kind}:{stream.of}"
            if channel not in self._ends:
                self._ends[channel] = self._server.bus.subscribe(channel, partial(self._hear, channel))

    def unsubscribe(self, listener: Listener, stream: Stream) -> None:
        """Send no more of it."""
        self.listeners.unsubscribe(listener, stream)
        self._hear_no_more(stream)

    def _hear_no_more(self, stream: Stream) -> None:
        """End what was heard for a stream alone to which nobody listens any more."""
        wanted = {
            kind
            for name, kinds in _OF_ACCOUNT.items()
            if stream.of in self.listeners.named(name)
            for kind in kinds
        }
        for kind in _OF_ACCOUNT.get(stream.name, ()):
            if kind not in wanted and f"{kind}:{stream.of}" in self._ends:
                self._ends.pop(f"{kind}:{stream.of}")()

    async def close(self) -> None:
        """The server stops: every connection is told so."""
        for listener in self.listeners.all():
            listener.end(going_away=True)
        if self._working is not None:
            self._working.cancel()
            await asyncio.gather(self._working, return_exceptions=True)

    # -- what is heard

    def _hear(self, channel: str, payload: str) -> None:
        if not self.listeners:
            return
        self._waiting[channel, payload] = None
        if len(self._waiting) > WAITING_MAX:
            self._waiting.popitem(last=False)
        if self._working is None:
            self._working = asyncio.create_task(self._work_off(), name="streams")

    def _token_ended(self, payload: str) -> None:
        for listener in self.listeners.all():
            if str(listener.viewer.token_id) == payload:
                listener.end()

    def _member_changed(self, payload: str) -> None:
        if payload and int(payload) in self.listeners.accounts:
            self._hear(STANDING, "")

    def _filters_changed(self, payload: str) -> None:
        self._filters_changes += 1
        if payload:
            self._filters.pop(int(payload), None)
        else:
            self._filters.clear()

    def _setting_changed(self, payload: str) -> None:
        if payload.endswith("_feed_access"):
            # Who comes back is let in by what holds now.
            for listener in self.listeners.all():
                if any(one.name in names.OPEN_TO_ALL for one in listener.streams):
                    listener.end()
        elif not payload:
            # Another process has written to the SQLite file, or we were deaf for a while: nobody says what changed.
            self._server.remembered.tokens.clear()
            self._filters_changed("")
            self._hear(STANDING, "")

    async def _work_off(self) -> None:
        try:
            while self._waiting:
                count = min(TOGETHER_MAX, len(self._waiting))
                signals = [self._waiting.popitem(last=False)[0] for _ in range(count)]
                changes = self._filters_changes
                try:
                    found = await self._server.db.read(heard.read, self.ask(signals))
                    await self._add_conversations(found)
                    self._tell(found, changes)
                except Exception:
                    # Clients page when they look next: what is lost is the moment, not the post.
                    log.exception("What happened could not be told to those who listen.")
        finally:
            self._working = None

    def ask(self, signals: list[Signal]) -> Ask:
        """What is to be read for these signals, as long as the same people listen."""
        listeners = self.listeners
        tokens = [one.viewer.token_id for one in listeners.all() if one.viewer.token_id is not None]
        return Ask(
            signals,
            Interest(
                home={int(one) for one in listeners.named(names.USER)},
                open=dict(listeners.open),
                lists=[int(one) for one in listeners.named(names.LIST)],
                of_lists=listeners.members_of(names.LIST),
                unfiltered=set(listeners.accounts).difference(self._filters),
            ),
            set(listeners.accounts),
            tokens if any(channel == STANDING for channel, _ in signals) else (),
            self._render.shelf,
        )

    async def _add_conversations(self, found: Heard) -> None:
        for channel, payload in found.signals:
            kind, _, account_id = channel.partition(":")
            if kind == "conversation":
                with suppress(NotFound):  # it was taken off the list meanwhile
                    found.conversations[channel, payload] = await conversations.one(
                        self._server, int(account_id), int(payload), self._render.shelf
                    )

    # -- what is told

    def _tell(self, found: Heard, filters_changes: int) -> None:
        loaded = {} if found.shown is None else found.shown.filters
        self._filters.update({one: Filters(one, theirs) for one, theirs in loaded.items()})
        for signal in found.signals:
            self._telling[signal[0].partition(":")[0]](signal, found)
        for account_id in loaded:
            # What changed while it was read is read again for the next post.
            if self._filters_changes != filters_changes or account_id not in self.listeners.accounts:
                self._filters.pop(account_id, None)

    def _tell_of_post(self, signal: Signal, found: Heard) -> None:
        told = None if found.shown is None else found.shown.told.get(int(signal[1]))
        if found.shown is None or told is None:
            return
        event_for = partial(self._event_for, POSTS[signal[0]], told, found.shown, {})
        own = [(Stream(names.USER, account_id), account_id) for account_id in told.home]
        own += [
            (Stream(names.LIST, list_id), one) for list_id, owners in told.lists.items() for one in owners
        ]
        for stream, account_id in own:
            event = event_for(account_id, "home")
            if event is not None:
                # A list that is a group is that of many.
                self._send(stream, event, of=(account_id,))
        for stream in told.streams:
            for listener, label in self.listeners.of(stream):
                viewer_id = listener.viewer.account_id
                if viewer_id is not None and viewer_id not in told.welcome:
                    continue
                event = event_for(viewer_id, "public")
                if event is not None:
                    listener.put(event, label)

    def _event_for(
        self,
        name: str,
        told: Told,
        shown: Shown,
        made: dict[Hashable, Event],
        viewer_id: int | None,
        context: str,
    ) -> Event | None:
        """The event as this viewer is told of it; None where their filters keep it from them."""
        mine = self._filters.get(viewer_id) if viewer_id is not None else None
        seen = eyes.seen_by(told.card, shown, viewer_id, mine)
        if seen.matches and filters.withholds(seen.matches, context):
            return None
        if seen.sameness not in made:
            made[seen.sameness] = Event(name, self._render.status(told.card, seen.batch))
        return made[seen.sameness]

    def _tell_it_is_gone(self, signal: Signal, found: Heard) -> None:
        one, members = found.gone[signal[1]]
        event = Event("delete", str(one.id).encode())
        for account_id in members:
            self._send(Stream(names.USER, account_id), event)
        for list_id in list(self.listeners.named(names.LIST)):
            self._send(Stream(names.LIST, list_id), event, of=members)
        for stream in _open_streams_of(one, self.listeners.open):
            self._send(stream, event)

    def _tell_of_notification(self, signal: Signal, found: Heard) -> None:
        for notice in found.notices[signal].notices:
            rendered = self._render.notification(notice, found.notices[signal])
            self._tell_account(_account_in(signal), Event("notification", rendered))

    def _tell_of_merging(self, signal: Signal, _: Heard) -> None:
        self._tell_account(_account_in(signal), Event("notifications_merged"))

    def _tell_of_conversation(self, signal: Signal, found: Heard) -> None:
        shown = found.conversations.get(signal)
        for one in () if shown is None else shown.conversations:
            event = Event("conversation", self._render.conversation(one, found.conversations[signal]))
            self._send(Stream(names.DIRECT, _account_in(signal)), event)

    def _tell_of_filters(self, signal: Signal, _: Heard) -> None:
        self._send(Stream(names.USER, _account_in(signal)), Event("filters_changed"))

    def _tell_all_members(self, signal: Signal, found: Heard) -> None:
        channel, payload = signal
        if channel == "announcement":
            shown = found.announced[payload]
            events = [Event(channel, self._render.announcement(row, shown)) for row in shown.rows]
        else:
            # A reaction comes as JSON, and what was taken down as its id.
            events = [Event(channel, payload.encode())]
        for event in events:
            for account_id in list(self.listeners.named(names.USER)):
                self._send(Stream(names.USER, account_id), event)

    def _tell_account(self, account_id: int, event: Event) -> None:
        """Tell a member of their notifications, on connections that may read them."""
        for name in (names.USER, names.NOTIFICATIONS):
            for listener, label in self.listeners.of(Stream(name, account_id)):
                if has_scope(listener.viewer, "read:notifications"):
                    listener.put(event, label)

    def _send(self, stream: Stream, event: Event, *, of: Collection[int] | None = None) -> None:
        """To everybody who listens to the stream, or those `of` them whose account is among these."""
        for listener, label in self.listeners.of(stream):
            if of is None or listener.viewer.account_id in of:
                listener.put(event, label)

    def _end_others(self, _: Signal, found: Heard) -> None:
        for listener in self.listeners.all():
            token_id = listener.viewer.token_id
            if token_id is not None and token_id not in (found.open_tokens or ()):
                listener.end()


def _account_in(signal: Signal) -> int:
    return int(signal[0].partition(":")[2])


def _open_streams_of(one: Gone, listened: Collection[Stream]) -> list[Stream]:
    if one.visibility != "public" or one.boost:
        return []
    return audience.open_streams(
        listened,
        in_public=not one.answers_others,
        local=one.local,
        has_media=one.has_media,
        tags=one.tags,
    )
