"""What this process remembers of what it has read, and how often somebody has tried, until it is out of date.

Whoever changes a row signals it, and what is remembered of it goes at once. A process that cannot hear the
change (the command line beside a server on SQLite) is noticed after `SECONDS_BELIEVED`.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable
from ipaddress import IPv6Address, ip_address
from math import ceil
from threading import Lock
from typing import Any, Final, Generic, TypeVar

from fedserver.errors import RateLimited
from fedserver.live import Bus

SECONDS_BELIEVED: Final = 5.0
ENTRIES_MAX: Final = 20_000
ACTORS_MAX: Final = 2_000  # about 3 kB each
POLICY_SECONDS: Final = 60.0  # who agrees in another process is asked there for so long
FILTER_SECONDS: Final = 300.0  # nothing but the API changes them, and it tells
SECRET_BYTES: Final = 32

T = TypeVar("T")


def new_secret() -> tuple[str, bytes]:
    """A secret of 256 random bits for somebody else to keep, and the digest of it for us to keep."""
    secret = secrets.token_urlsafe(SECRET_BYTES)
    return secret, digest(secret)


def digest(secret: str) -> bytes:
    """What the database keeps of a secret: as it is random, one round of SHA-256 is enough."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


class Cache(Generic[T]):
    """Values by key, each believed for a few seconds or until `forget` drops those it concerns."""

    def __init__(self, *, seconds: float = SECONDS_BELIEVED, entries_max: int = ENTRIES_MAX) -> None:
        self._entries: OrderedDict[Any, tuple[float, T]] = OrderedDict()
        self._seconds = seconds
        self._entries_max = entries_max
        self._changes = 0

    async def get(self, key: Any, load: Callable[[], Awaitable[T]]) -> T:
        """The remembered value, else what `load` reads; an error of `load` is raised and not remembered."""
        now = time.monotonic()
        known = self._entries.get(key)
        if known is not None and known[0] > now:
            return known[1]
        changes = self._changes
        value = await load()
        # What changed while we were reading may not be in what we read.
        if changes == self._changes:
            self._entries[key] = (now + self._seconds, value)
            self._entries.move_to_end(key)
            if len(self._entries) > self._entries_max:
                self._entries.popitem(last=False)
        return value

    def forget(self, concerned: Callable[[T], bool]) -> None:
        """Drop the values for which `concerned` is true, and those being read at this moment."""
        self._changes += 1
        for key in [key for key, (_, value) in self._entries.items() if concerned(value)]:
            del self._entries[key]

    def clear(self) -> None:
        """Drop everything, and what is being read at this moment."""
        self._changes += 1
        self._entries.clear()


class Attempts:
    """Counts tries in a sliding window, for what must not be guessed or made to happen endlessly. Units, which run in
    threads, may count too."""

    def __init__(self) -> None:
        self._tries: OrderedDict[str, deque[float]] = OrderedDict()
        self._lock = Lock()

    def take(self, key: str, *, limit: float, seconds: float) -> None:
        """Count one try; RateLimited if there were `limit` within the last `seconds` already."""
        now = time.monotonic()
        with self._lock:
            tries = self._tries.setdefault(key, deque())
            self._tries.move_to_end(key)
            while tries and tries[0] <= now - seconds:
                tries.popleft()
            if len(tries) >= max(1, limit):
                raise RateLimited(ceil(tries[0] + seconds - now))
            tries.append(now)
            if len(self._tries) > ENTRIES_MAX:
                self._tries.popitem(last=False)

    def forgive(self, key: str) -> None:
        """Forget the tries under this key: the right password was given."""
        with self._lock:
            self._tries.pop(key, None)


def network_of(ip: str) -> str:
    """What counts as one client: an IPv4 address, or the /64 an IPv6 address is in. Other text as it is."""
    try:
        address = ip_address(ip)
    except ValueError:
        return ip
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(IPv6Address(int(address) >> 64 << 64))
    return ip


class Remembered:
    """The caches of one process."""

    def __init__(self) -> None:
        self.tokens: Cache[Any] = Cache()
        self.sessions: Cache[Any] = Cache()
        self.settings: Cache[Any] = Cache(entries_max=1)
        self.networks: Cache[Any] = Cache(seconds=60, entries_max=1)
        self.site: Cache[Any] = Cache(seconds=60, entries_max=1)
        self.webfinger: Cache[Any] = Cache(seconds=60)
        self.actors: Cache[Any] = Cache(entries_max=ACTORS_MAX)
        self.filters: Cache[Any] = Cache(seconds=FILTER_SECONDS)
        self.defaults: Cache[Any] = Cache()
        self.policies: Cache[Any] = Cache(seconds=POLICY_SECONDS)
        self.attempts = Attempts()
        self._listens = False

    def listen(self, bus: Bus) -> None:
        """Begin to hear of changes, called by whoever uses the caches first; further calls do nothing."""
        if self._listens:
            return
        self._listens = True

        bus.subscribe("token", lambda row_id: self.forget_token(int(row_id)))
        bus.subscribe("session", lambda row_id: self.forget_session(int(row_id)))
        bus.subscribe("user", lambda row_id: self.forget_member(int(row_id)))
        bus.subscribe("account", lambda row_id: self.forget_member(int(row_id)))
        bus.subscribe("filters", lambda row_id: self.forget_filters(int(row_id)))
        bus.subscribe("setting", lambda _: self.forget_settings())
        bus.subscribe("ip_rule", lambda _: self.networks.clear())
        bus.subscribe("shown", lambda _: self.actors.clear())

    # Whoever changed something here calls these as well: on PostgreSQL a signal takes a moment to come back, and
    # the answer to the request must not be earlier.

    def forget_member(self, account_id: int) -> None:
        """Ask anew for the tokens, sessions and preferences of this member, and who is found under which name."""
        self.webfinger.clear()
        self.tokens.forget(lambda holder: holder.account_id == account_id)
        self.sessions.forget(lambda holder: holder.account_id == account_id)
        self.defaults.forget(lambda found: found.account_id == account_id)

    def forget_token(self, token_id: int) -> None:
        """Ask anew for this token."""
        self.tokens.forget(lambda holder: holder.id == token_id)

    def forget_session(self, session_id: int) -> None:
        """Ask anew for this session."""
        self.sessions.forget(lambda holder: holder.id == session_id)

    def forget_filters(self, account_id: int) -> None:
        """Ask anew for the filters of this member."""
        self.filters.forget(lambda found: found.account_id == account_id)

    def forget_settings(self) -> None:
        """Ask anew for the settings."""
        self.settings.forget(lambda _: True)
        self.policies.clear()
        self.site.forget(lambda _: True)
