"""Who does which kind of planned work.

A module declares a handler with `handles`, and is named in `MODULES` so that an engine knows it::

    @handles("thumbnail", timeout_seconds=120)
    async def make_thumbnail(server: Server, payload: dict[str, Any]) -> None: ...

A handler may run twice with the same payload, and must leave the same result behind.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

from fedserver.context import Server
from fedserver.federation.lane import backoff_ms

Handler = Callable[[Server, dict[str, Any]], Awaitable[None]]

TIMEOUT_SECONDS: Final = 60.0
ATTEMPTS_MAX: Final = 5

MODULES: Final[tuple[str, ...]] = (
    "fedserver.announcements",
    "fedserver.archives.claims",
    "fedserver.archives.received",
    "fedserver.digests",
    "fedserver.domain_blocks",
    "fedserver.email_subscriptions",
    "fedserver.events.asking",
    "fedserver.events.attendance",
    "fedserver.events.guests",
    "fedserver.events.inviting",
    "fedserver.events.reminding",
    "fedserver.events.replying",
    "fedserver.events.seats",
    "fedserver.events.telling",
    "fedserver.export",
    "fedserver.farewell",
    "fedserver.federation.errands",
    "fedserver.federation.featured",
    "fedserver.federation.library",
    "fedserver.federation.partners",
    "fedserver.federation.stamps",
    "fedserver.groups.mailing",
    "fedserver.groups.telling",
    "fedserver.mail",
    "fedserver.mail_in.arrivals",
    "fedserver.moderation.domain_subscriptions",
    "fedserver.moderation.domains",
    "fedserver.moderation.standing",
    "fedserver.moving_in.carrying",
    "fedserver.polls",
    "fedserver.push_out",
    "fedserver.previews",
    "fedserver.pruning",
    "fedserver.remote_media",
    "fedserver.relationships",
    "fedserver.resources.links",
    "fedserver.resources.shelves",
    "fedserver.scheduled",
    "fedserver.search_index",
    "fedserver.trends",
    "fedserver.uploads",
    "fedserver.verified_links",
)
"""Modules that declare handlers. They are imported when an engine starts, not before."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of work: after `timeout_seconds` an attempt is cut off, after `attempts_max` it waits for an admin."""

    name: str
    handler: Handler
    timeout_seconds: float
    attempts_max: int

    def retry_ms(self, attempts: int, time_scale: float) -> int | None:
        """How long to wait after so many attempts, or None when those were all."""
        return None if attempts >= self.attempts_max else backoff_ms(attempts, time_scale)


_kinds: dict[str, Kind] = {}


def handles(
    kind: str, *, timeout_seconds: float = TIMEOUT_SECONDS, attempts_max: int = ATTEMPTS_MAX
) -> Callable[[Handler], Handler]:
    """Declare the function that does this kind of work. A kind has one: ValueError for a second."""

    def declare(handler: Handler) -> Handler:
        if kind in _kinds:
            raise ValueError(f"there is a handler for {kind} already")
        _kinds[kind] = Kind(kind, handler, timeout_seconds, attempts_max)
        return handler

    return declare


def kinds() -> Mapping[str, Kind]:
    """Every kind that is declared, after importing the modules that do."""
    for name in MODULES:
        import_module(name)
    return dict(_kinds)
