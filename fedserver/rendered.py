"""JSON that was made once: what a post or an account shows whoever looks, kept by id and version.

The version is in the key, so a change by another process needs no message: its rows name a newer version, and
what is kept under the old one is never asked for again and falls out at the end.
"""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import Final

POSTS_MAX: Final = 20_000  # about 1.5 kB each
ACCOUNTS_MAX: Final = 10_000


class Shelf:
    """The renderings one process holds, those used last kept longest. Units ask it from their threads."""

    def __init__(self, posts_max: int = POSTS_MAX, accounts_max: int = ACCOUNTS_MAX) -> None:
        self._posts = _Kept(posts_max)
        self._accounts = _Kept(accounts_max)

    def post(self, post_id: int, version: int) -> bytes | None:
        """What this version of the post shows to everybody."""
        return self._posts.get((post_id, version))

    def account(self, account_id: int, version: int) -> bytes | None:
        """What this version of the account shows to everybody."""
        return self._accounts.get((account_id, version))

    def put_post(self, post_id: int, version: int, body: bytes) -> None:
        """Keep it."""
        self._posts.put((post_id, version), body)

    def put_account(self, account_id: int, version: int, body: bytes) -> None:
        """Keep it."""
        self._accounts.put((account_id, version), body)


class _Kept:
    def __init__(self, entries_max: int) -> None:
        self._entries: OrderedDict[tuple[int, int], bytes] = OrderedDict()
        self._entries_max = entries_max
        self._lock = Lock()

    def get(self, key: tuple[int, int]) -> bytes | None:
        with self._lock:
            body = self._entries.get(key)
            if body is not None:
                self._entries.move_to_end(key)
            return body

    def put(self, key: tuple[int, int], body: bytes) -> None:
        with self._lock:
            self._entries[key] = body
            self._entries.move_to_end(key)
            if len(self._entries) > self._entries_max:
                self._entries.popitem(last=False)
