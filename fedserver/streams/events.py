"""What is told: an event, written once for everybody who is told the same in the same words."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import msgspec

_encode: Final = msgspec.json.Encoder().encode

LABELS_KEPT: Final = 4_096


@lru_cache(LABELS_KEPT)
def label_of(name: str, of: str = "") -> bytes:
    """The JSON array by which events name a stream: ``["hashtag","foo"]``. Listeners share the bytes."""
    return _encode([name, of] if of else [name])


class Event:
    """`payload` is JSON, or the bare id of what was deleted; None where there is nothing to say but the name."""

    __slots__ = ("_messages", "_middle", "_sent", "name", "payload")

    def __init__(self, name: str, payload: bytes | None = None) -> None:
        self.name = name
        self.payload = payload
        self._messages: dict[bytes, bytes] = {}
        self._middle: bytes | None = None
        self._sent: bytes | None = None

    def message(self, label: bytes) -> bytes:
        """The event as a WebSocket carries it. The payload is a JSON text within a JSON string."""
        message = self._messages.get(label)
        if message is None:
            if self._middle is None:
                self._middle = b',"event":' + _encode(self.name)
                if self.payload is not None:
                    self._middle += b',"payload":' + _encode(self.payload.decode())
            message = self._messages[label] = b'{"stream":' + label + self._middle + b"}"
        return message

    def lines(self) -> bytes:
        """The event as a server-sent one (HTML Living Standard §9.2)."""
        if self._sent is None:
            # Browsers drop an event without data; Mastodon says this word instead, and clients look for it.
            data = b"undefined" if self.payload is None else self.payload
            self._sent = b"event: %b\ndata: %b\n\n" % (self.name.encode(), data)
        return self._sent
