"""Everybody in this process who has a stream open, found by stream and by account."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Final, Protocol

from fedserver.errors import RateLimited
from fedserver.streams import names
from fedserver.streams.events import Event
from fedserver.streams.names import Stream
from fedserver.viewer import Viewer

PER_ACCOUNT_MAX: Final = 50
PER_CLIENT_MAX: Final = 300  # nobody we know: a class room may sit behind one address
STREAMS_MAX: Final = 100  # of one listener


class Listener(Protocol):
    """A connection. `streams` has the label under which each stream's events are sent; `Listeners` writes it."""

    viewer: Viewer
    client: str
    streams: dict[Stream, bytes]

    def put(self, event: Event, label: bytes) -> None:
        """Send the event some time; whoever falls too far behind is cut off instead."""

    def end(self, *, going_away: bool = False) -> None:
        """Close the connection."""


class Listeners:
    """The connections of one process."""

    def __init__(self) -> None:
        self._all: set[Listener] = set()
        self._streams: dict[str, dict[int | str, dict[Listener, None]]] = {}
        self._accounts: dict[int, set[Listener]] = {}
        self._clients: defaultdict[str, int] = defaultdict(int)
        self.open: dict[Stream, frozenset[int]] = {}
        """Streams open to all that somebody listens to: the members among those who do. The sets are never
        changed, so that units may look at them from their threads."""

    def __bool__(self) -> bool:
        return bool(self._streams)

    def all(self) -> list[Listener]:
        """Every connection, whatever it listens to."""
        return list(self._all)

    @property
    def accounts(self) -> Collection[int]:
        """The members among them."""
        return self._accounts.keys()

    def join(self, listener: Listener) -> None:
        """A connection has been opened. Raises RateLimited when there are too many of the same."""
        account_id = listener.viewer.account_id
        if account_id is None:
            full = self._clients.get(listener.client, 0) >= PER_CLIENT_MAX
        else:
            full = len(self._accounts.get(account_id, ())) >= PER_ACCOUNT_MAX
        if full:
            raise RateLimited(60, "Too many streams are open")
        self._all.add(listener)
        if account_id is None:
            self._clients[listener.client] += 1
        else:
            self._accounts.setdefault(account_id, set()).add(listener)

    def leave(self, listener: Listener) -> None:
        """The connection is closed; a second time nothing happens."""
        if listener not in self._all:
            return
        for stream in list(listener.streams):
            self.unsubscribe(listener, stream)
        self._all.discard(listener)
        account_id = listener.viewer.account_id
        if account_id is None:
            self._clients[listener.client] -= 1
            if not self._clients[listener.client]:
                del self._clients[listener.client]
        else:
            self._accounts[account_id].discard(listener)
            if not self._accounts[account_id]:
                del self._accounts[account_id]

    def subscribe(self, listener: Listener, stream: Stream, label: bytes) -> None:
        """Send this listener what the stream tells, under this label; again changes nothing.

        Raises RateLimited when it listens to too many already.
        """
        if stream in listener.streams or listener not in self._all:
            return
        if len(listener.streams) >= STREAMS_MAX:
            raise RateLimited(60, "Too many streams on one connection")
        listener.streams[stream] = label
        self._streams.setdefault(stream.name, {}).setdefault(stream.of, {})[listener] = None
        self._find_members(stream)

    def unsubscribe(self, listener: Listener, stream: Stream) -> None:
        """Send no more of it."""
        if listener.streams.pop(stream, None) is None:
            return
        of_name = self._streams[stream.name]
        del of_name[stream.of][listener]
        if not of_name[stream.of]:
            del of_name[stream.of]
            if not of_name:
                del self._streams[stream.name]
        self._find_members(stream)

    def of(self, stream: Stream) -> list[tuple[Listener, bytes]]:
        """Who listens to a stream, each with the label for it."""
        found = self._streams.get(stream.name, {}).get(stream.of, ())
        return [(listener, listener.streams[stream]) for listener in found]

    def named(self, name: str) -> Mapping[int | str, object]:
        """By account, list or hashtag: the streams of this name that somebody listens to."""
        return self._streams.get(name, {})

    def members_of(self, name: str) -> set[int]:
        """The members who listen to some stream of this name."""
        found = (one.viewer.account_id for several in self._streams.get(name, {}).values() for one in several)
        return {one for one in found if one is not None}

    def _find_members(self, stream: Stream) -> None:
        if stream.name not in names.OPEN_TO_ALL:
            return
        listening = self._streams.get(stream.name, {}).get(stream.of)
        if listening is None:
            del self.open[stream]
        else:
            ids = (one.viewer.account_id for one in listening)
            self.open[stream] = frozenset(one for one in ids if one is not None)
