"""How often somebody may ask. Counted in this process, in windows of fixed length, in bounded memory.

The numbers are those of Mastodon, because clients are written for them; `rate_limit_factor` multiplies all.
With several web processes each counts for itself, so what they allow together is up to that many times more.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, NamedTuple

from fedserver.errors import RateLimited

SUBJECTS_MAX: Final = 50_000  # per limit; beyond, whoever was counted first in this window is forgotten
MINUTE: Final = 60


@dataclass(frozen=True, slots=True)
class Limit:
    """`count` requests in `seconds` for each subject: a client address, an account or a token (`by`)."""

    name: str
    by: str  # client, account, token
    count: int
    seconds: int


API_TOKEN: Final = Limit("api_token", "token", 300, 5 * MINUTE)
API_ACCOUNT: Final = Limit("api_account", "account", 1500, 5 * MINUTE)
API_CLIENT: Final = Limit("api_client", "client", 300, 5 * MINUTE)
PAGING: Final = Limit("paging", "account", 300, 15 * MINUTE)
PAGING_CLIENT: Final = Limit("paging_client", "client", 300, 15 * MINUTE)
UPLOADS: Final = Limit("uploads", "account", 30, 30 * MINUTE)
DELETES: Final = Limit("deletes", "account", 30, 30 * MINUTE)
REPORTS: Final = Limit("reports", "account", 30, 30 * MINUTE)
TRANSLATIONS: Final = Limit("translations", "account", 60, 5 * MINUTE)  # each may cost the operator money
POSTINGS: Final = Limit(
    "postings", "account", 30, 30 * MINUTE
)  # each is shown to everybody, or mailed to somebody
IMPORTS: Final = Limit("imports", "account", 60, 30 * MINUTE)  # each may make us ask somebody
EVENTS: Final = Limit("events", "account", 30, 30 * MINUTE)  # each goes to followers, and asks them
SIGN_UPS: Final = Limit("sign_ups", "client", 5, 30 * MINUTE)
# By links that somebody was given, which come to an end themselves: a whole workshop may join behind one address.
ARRIVALS: Final = Limit("arrivals", "client", 100, 30 * MINUTE)
APPS: Final = Limit("apps", "client", 5, 10 * MINUTE)
LOGINS: Final = Limit("logins", "client", 25, 5 * MINUTE)
MAILS: Final = Limit("mails", "client", 5, 30 * MINUTE)  # each makes us write to somebody's mailbox
TOKENS: Final = Limit("tokens", "client", 100, 5 * MINUTE)
# A page brings its pictures with it, and a class room may sit behind one address.
PAGES: Final = Limit("pages", "client", 3000, 5 * MINUTE)
# Pictures of a first look at a long list; what is not here yet makes us ask another server.
REMOTE_MEDIA: Final = Limit("remote_media", "client", 3000, 5 * MINUTE)
# Programs ask for a calendar every hour or so; a class room of them may sit behind one address.
CALENDARS: Final = Limit("calendars", "client", 300, 5 * MINUTE)
SEARCHES: Final = Limit("searches", "client", 300, 5 * MINUTE)
# Each makes us ask a server that anybody may name.
VISITORS: Final = Limit("visitors", "client", 30, 5 * MINUTE)
LOOKUPS: Final = Limit("lookups", "client", 1500, 5 * MINUTE)
# Of an address, before anybody knows whose request it is; `fedserver.federation.inbox` counts by server.
INBOX: Final = Limit("inbox", "client", 100_000, 5 * MINUTE)


class Quota(NamedTuple):
    """What is left of the tightest limit that applied: for the ``X-RateLimit-*`` headers."""

    limit: int
    remaining: int
    reset_at: int  # seconds since 1970


class _Window:
    """The counts of one limit in the window that runs now."""

    __slots__ = ("counts", "ends_at", "limit", "most")

    def __init__(self, limit: Limit, factor: float) -> None:
        self.limit = limit
        self.most = max(1, round(limit.count * factor))
        self.ends_at = 0
        self.counts: dict[str, int] = {}

    def take(self, subject: str, now: int) -> int:
        """Count one request; how many there have been in this window."""
        if now >= self.ends_at:
            self.ends_at = (now // self.limit.seconds + 1) * self.limit.seconds
            self.counts = {}
        counted = self.counts.get(subject, 0) + 1
        if counted == 1 and len(self.counts) >= SUBJECTS_MAX:
            del self.counts[next(iter(self.counts))]
        self.counts[subject] = counted
        return counted


class Limits:
    """All limits of this process."""

    def __init__(self, factor: float, clock: Callable[[], float] = time.time) -> None:
        self._factor = factor
        self._clock = clock
        self._windows: dict[str, _Window] = {}

    def take(self, applying: list[tuple[Limit, str]]) -> Quota | None:
        """Count one request against each (limit, subject); what is left of the tightest.

        Raises RateLimited, with `quota` set on it, when one is used up.
        """
        now = int(self._clock())
        tightest: Quota | None = None
        for limit, subject in applying:
            window = self._windows.get(limit.name)
            if window is None:
                window = self._windows[limit.name] = _Window(limit, self._factor)
            left = window.most - window.take(subject, now)
            if tightest is None or left < tightest.remaining:
                tightest = Quota(window.most, left, window.ends_at)
        if tightest is not None and tightest.remaining < 0:
            raise UsedUp(tightest._replace(remaining=0), tightest.reset_at - now)
        return tightest


class UsedUp(RateLimited):
    """One of the limits was reached."""

    def __init__(self, quota: Quota, retry_after: int) -> None:
        self.quota = quota
        super().__init__(retry_after, "Too many requests")


@lru_cache(256)
def reset_text(reset_at: int) -> str:
    """ISO 8601 with six decimals, which is how Mastodon writes it."""
    return datetime.fromtimestamp(reset_at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
