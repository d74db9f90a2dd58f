"""What this process remembers of other servers: their keys, our rules for them, and whom not to ask again yet.

All of it can be lost; the database and the other server have the truth.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from activitypub.signatures import PublicKey
from fedserver.errors import RateLimited
from fedserver.federation.arrivals import Arrivals
from fedserver.live import Bus
from fedserver.remembered import Attempts, Cache
from storage.instances import Rules

KEYS_MAX: Final = 20_000
WAITS_MAX: Final = 50_000
LOCKS_MAX: Final = 10_000


@dataclass(frozen=True, slots=True)
class KnownKey:
    """Another server's public key, whose owner's own actor document lists it. `fetched_at` is in ms."""

    key: PublicKey
    account_id: int
    suspended: bool
    followers_uri: str
    actor_type: str
    fetched_at: int


class Peers:
    """One for the process, in `Server.peers`."""

    def __init__(self) -> None:
        self.rules: Cache[Rules] = Cache(entries_max=WAITS_MAX)
        self.attempts = Attempts()
        self.arrivals = Arrivals()
        self._keys: OrderedDict[str, KnownKey] = OrderedDict()
        self._waits: OrderedDict[str, float] = OrderedDict()
        self._locks: OrderedDict[str, asyncio.Lock] = OrderedDict()
        self._listens = False

    def listen(self, bus: Bus) -> None:
        """Begin to hear of changes; further calls do nothing."""
        if self._listens:
            return
        self._listens = True
        bus.subscribe("account", lambda account_id: self._forget_keys_of(account_id))
        bus.subscribe("instance", lambda _: self.forget_rules())

    def forget_rules(self) -> None:
        """Ask anew for our rules about other servers, and whether whose key it is may still speak."""
        self.rules.clear()
        self._keys.clear()

    # -- keys

    def key(self, key_id: str) -> KnownKey | None:
        """The key, if it is remembered."""
        found = self._keys.get(key_id)
        if found is not None:
            self._keys.move_to_end(key_id)
        return found

    def remember_key(self, known: KnownKey) -> None:
        self._keys[known.key.key_id] = known
        if len(self._keys) > KEYS_MAX:
            self._keys.popitem(last=False)

    def forget_key(self, key_id: str) -> None:
        self._keys.pop(key_id, None)

    def _forget_keys_of(self, account_id: str) -> None:
        for key_id in [one for one, known in self._keys.items() if str(known.account_id) == account_id]:
            del self._keys[key_id]

    # -- whom not to ask again yet

    def wait(self, what: str, seconds: float) -> None:
        """Do not try this again for so long."""
        self._waits[what] = time.monotonic() + seconds
        self._waits.move_to_end(what)
        if len(self._waits) > WAITS_MAX:
            self._waits.popitem(last=False)

    def must_wait(self, what: str) -> bool:
        until = self._waits.get(what)
        if until is None:
            return False
        if until <= time.monotonic():
            del self._waits[what]
            return False
        return True

    def allow(self, what: str, *, limit: int, seconds: float) -> bool:
        """Count one try, and whether it is within the limit."""
        try:
            self.attempts.take(what, limit=limit, seconds=seconds)
        except RateLimited:
            return False
        return True

    # -- one at a time

    @asynccontextmanager
    async def alone(self, what: str) -> AsyncIterator[None]:
        """Nobody else in this process does this meanwhile."""
        lock = self._locks.get(what)
        if lock is None:
            lock = self._locks[what] = asyncio.Lock()
            while len(self._locks) > LOCKS_MAX and not next(iter(self._locks.values())).locked():
                self._locks.popitem(last=False)
        async with lock:
            yield
