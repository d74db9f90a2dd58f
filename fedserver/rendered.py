"""JSON that was made once: what a post or an account shows whoever looks, kept by id and version.

The version is in the key, so a change by another process needs no message: its rows name a newer version, and
what is kept under the old one is never asked for again and falls out at the end.
"""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import Final, Generic, TypeVar

from storage.cards import Rendering

T = TypeVar("T")

POSTS_MAX: Final = 20_000  # about 1.5 kB each
ACCOUNTS_MAX: Final = 10_000
PREVIEWS_MAX: Final = 2_000


class Shelf:
    """The renderings one process holds, those used last kept longest. Units ask it from their threads."""

    def __init__(
        self, posts_max: int = POSTS_MAX, accounts_max: int = ACCOUNTS_MAX, previews_max: int = PREVIEWS_MAX
    ) -> None:
        self._posts: _Kept[Rendering] = _Kept(posts_max)
        self._accounts: _Kept[bytes] = _Kept(accounts_max)
        self._previews: _Kept[bytes] = _Kept(previews_max)

    def post(self, post_id: int, version: int) -> Rendering | None:
        """What this version of the post shows to everybody."""
        return self._posts.get((post_id, version))

    def account(self, account_id: int, version: int) -> bytes | None:
        """What this version of the account shows to everybody."""
        return self._accounts.get((account_id, version))

    def put_post(self, post_id: int, version: int, body: bytes, words: str) -> None:
        """Keep it, and its words as `fedserver.filters` compares them."""
        self._posts.put((post_id, version), Rendering(body, words))

    def put_account(self, account_id: int, version: int, body: bytes) -> None:
        """Keep it."""
        self._accounts.put((account_id, version), body)

    def preview(self, preview_id: int) -> bytes | None:
        """What a linked page says about itself: it has no versions, because such a row never changes."""
        return self._previews.get((preview_id, 0))

    def put_preview(self, preview_id: int, body: bytes) -> None:
        """Keep it."""
        self._previews.put((preview_id, 0), body)


class _Kept(Generic[T]):
    def __init__(self, entries_max: int) -> None:
        self._entries: OrderedDict[tuple[int, int], T] = OrderedDict()
        self._entries_max = entries_max
        self._lock = Lock()

    def get(self, key: tuple[int, int]) -> T | None:
        with self._lock:
            body = self._entries.get(key)
            if body is not None:
                self._entries.move_to_end(key)
            return body

    def put(self, key: tuple[int, int], body: T) -> None:
        with self._lock:
            self._entries[key] = body
            self._entries.move_to_end(key)
            if len(self._entries) > self._entries_max:
                self._entries.popitem(last=False)
