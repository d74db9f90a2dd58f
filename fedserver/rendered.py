"""JSON that was made once: what a post or an account shows whoever looks, kept by id and version.

The version is in the key, so a change by another process needs no message: its rows name a newer version, and
what is kept under the old one is never asked for again and falls out at the end. Rows are kept by all that is in
them, for the same reason.
"""

from __future__ import annotations

from typing import Any, Final, Generic, TypeVar

from storage.cards import Card, Rendering

T = TypeVar("T")

POSTS_MAX: Final = 20_000  # about 1.5 kB each
ACCOUNTS_MAX: Final = 10_000
PREVIEWS_MAX: Final = 2_000
CARDS_MAX: Final = 4_000  # with what is shown of most about 4 kB each


class Shelf:
    """The renderings one process holds, those used last kept longest. Units ask it from their threads."""

    def __init__(
        self,
        posts_max: int = POSTS_MAX,
        accounts_max: int = ACCOUNTS_MAX,
        previews_max: int = PREVIEWS_MAX,
        cards_max: int = CARDS_MAX,
    ) -> None:
        self._posts: Kept[Rendering] = Kept(posts_max)
        self._accounts: Kept[bytes] = Kept(accounts_max)
        self._previews: Kept[bytes] = Kept(previews_max)
        self.cards: Kept[Card] = Kept(cards_max)
        """Rows of timelines, by all that the database says of them."""
        self.thread_rows: Kept[tuple[Card, int]] = Kept(cards_max)
        """The same of threads."""
        self.notices: Kept[Any] = Kept(cards_max)
        """The same of notifications."""

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


class Kept(Generic[T]):
    """In two halves: when the new one is full, the old one is forgotten but for what was asked for meanwhile.

    Where threads meet here, the worst is that something is forgotten early.
    """

    def __init__(self, entries_max: int) -> None:
        self._new: dict[Any, T] = {}
        self._old: dict[Any, T] = {}
        self._half = entries_max // 2

    def get(self, key: Any) -> T | None:
        found = self._new.get(key)
        if found is None:
            found = self._old.get(key)
            if found is not None:
                self.put(key, found)
        return found

    def put(self, key: Any, value: T) -> None:
        if len(self._new) >= self._half:
            if not self._half:
                return
            self._old, self._new = self._new, {}
        self._new[key] = value
