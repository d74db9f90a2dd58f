"""One lane: the due messages of one host, sent in order for each actor, and what each answer means.

A lane knows no database. It is given what is due, reports each outcome at once, and ends when it has nothing
more to send, when the host cannot be reached, or when its claim is about to end.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from functools import partial
from random import SystemRandom
from typing import Final, Literal

from yarl import URL

from activitypub.errors import SignatureMalformed
from activitypub.signatures import PrivateKey, Scheme, sign_request
from fedserver.errors import Refused, Unreachable
from fedserver.federation.http import Answer, GuardedClient
from fedserver.federation.signing import Signers
from storage.deliveries import Claim, Due
from storage.types import instant_of, now_ms

Result = Literal["delivered", "retried", "dropped", "given_up"]

CONNECTIONS: Final = 2
SEND_SECONDS: Final = (
    60.0  # A lane starts nothing later than this, so that its claim outlives what it started.
)
# After that an unanswered host no longer counts as one of those sent to at once. A tenth of a thousand hosts that hang
# holds a place each for so long, and a thousand are reached within a second: with a whole second no place would be left.
SLOW_SECONDS: Final = 0.3
RECOVERING_PAUSE_SECONDS: Final = 0.5  # A host that has just come back gets two requests a second.
BACKOFF_MS_MAX: Final = 24 * 3_600_000
TRIES_WHEN_REFUSED: Final = 3
ERRORS_IN_A_ROW_MAX: Final = 10
BUSY: Final = 429
GONE: Final = 410
# An answer that trying again for days may change: too early, too slow, too often, or their fault.
_MAY_PASS: Final = frozenset({408, 425, BUSY})
# With a format we know this host takes, only these can mean that it takes it no longer.
_MAY_BE_SIGNATURE: Final = frozenset({400, 401, 403})

_random = SystemRandom()


@dataclass(frozen=True, slots=True)
class Parcel:
    """A message ready to be sent: the digest is that of the body, computed once for all inboxes."""

    id: int
    uri: str
    body: bytes
    digest: bytes
    synchronises_followers: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one attempt. `next_at` is set when it is retried.

    The rest is about the host: it was `reached` and is well, whatever it thinks of the message; it could not be reached until at least `host_retry_at`; it asked us to wait
    until `host_pause_at`; it took the signature format `scheme`.
    """

    due: Due
    result: Result
    error: str = ""
    next_at: int = 0
    reached: bool = False
    inbox_gone: bool = False
    host_retry_at: int | None = None
    host_pause_at: int | None = None
    scheme: Scheme | None = None

    @property
    def ends_lane(self) -> bool:
        """Whether nothing more should be sent to this host now."""
        return self.host_retry_at is not None or self.host_pause_at is not None


def backoff_ms(attempts: int, time_scale: float = 1.0) -> int:
    """How long to wait after so many attempts: (n^4 + 15) s and up to a fifth more, at most a day."""
    wait: float = min((attempts**4 + 15) * 1000 * _random.uniform(1.0, 1.2), BACKOFF_MS_MAX)
    return max(1, int(wait / time_scale))


def retry_after_ms(value: str | None, now: int) -> int | None:
    """What a Retry-After header asks for (RFC 9110 §10.2.3), at most a day; None without a usable one."""
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit() and len(text) <= 10:
        wait = int(text) * 1000
    else:
        try:
            wait = int(parsedate_to_datetime(text).timestamp() * 1000) - now
        except (ValueError, OverflowError):
            return None
    return min(max(0, wait), BACKOFF_MS_MAX)


@dataclass(slots=True)
class Lane:
    """The sending to one host. `report` hears each outcome, `waits` whether the host keeps us waiting."""

    http: GuardedClient
    signers: Signers
    claim: Claim
    due: Sequence[Due]
    parcels: Mapping[int, Parcel]
    keys: Mapping[int, PrivateKey | None]
    synchronisation: Mapping[int, str]  # by account: the Collection-Synchronization header for this host
    time_scale: float
    held_ms: int
    report: Callable[[Outcome], None]
    waits: Callable[[bool], None]
    stopping: Callable[[], bool]
    unwanted: Collection[int] = ()  # ids of what is dropped unsent, because the host is kept out
    _pending: list[Due] = field(init=False)
    _scheme: Scheme | None = field(init=False, default=None)
    _behind: dict[str, int] = field(init=False, default_factory=dict)
    _connections: int = field(init=False, default=1)
    _errors_in_a_row: int = field(init=False, default=0)
    _slow: int = field(init=False, default=0)
    _ended: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        self._pending = list(self.due)
        if self.claim.scheme_until_at > now_ms() and self.claim.signature_scheme in ("cavage", "rfc9421"):
            self._scheme = "cavage" if self.claim.signature_scheme == "cavage" else "rfc9421"

    @property
    def host(self) -> str:
        return self.claim.host

    @property
    def _recovering(self) -> bool:
        return self.claim.failures > 0

    async def run(self) -> None:
        """Send what is due until nothing is left or the host gives reason to stop."""
        last = asyncio.get_running_loop().time() + SEND_SECONDS
        under_way: dict[asyncio.Task[Outcome], Due] = {}
        try:
            while True:
                while len(under_way) < self._connections and self._may_go_on(last):
                    one = self._next(list(under_way.values()))
                    if one is None:
                        break
                    if not self._pending and not under_way:
                        self._take_in(await self._attempt(one))  # The usual case: one message for this host.
                        break
                    under_way[asyncio.create_task(self._attempt(one))] = one
                if not under_way:
                    return
                done, _ = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    del under_way[task]
                    self._take_in(task.result())
                if self._recovering and self._pending and not self._ended:
                    await asyncio.sleep(RECOVERING_PAUSE_SECONDS / self.time_scale)
        finally:
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)

    def _may_go_on(self, last: float) -> bool:
        return not self._ended and not self.stopping() and asyncio.get_running_loop().time() < last

    def _next(self, under_way: Sequence[Due]) -> Due | None:
        """The first message that overtakes nothing: of its actor, or about the same thing."""
        # One message may go to several inboxes of a host at once; the actor's next one waits for all of them.
        ahead = {one.account_id: one.message_id for one in under_way}
        for place, one in enumerate(self._pending):
            if self._behind.get(one.topic, one.message_id) < one.message_id:
                continue
            if ahead.setdefault(one.account_id, one.message_id) == one.message_id:
                return self._pending.pop(place)
        return None

    def _take_in(self, outcome: Outcome) -> None:
        if outcome.result == "delivered":
            if not self._recovering:
                self._connections = CONNECTIONS
            self._errors_in_a_row = 0
        elif outcome.result == "retried" and outcome.due.topic:
            first = self._behind.get(outcome.due.topic, outcome.due.message_id)
            self._behind[outcome.due.topic] = min(first, outcome.due.message_id)
        if outcome.ends_lane:
            self._ended = True
        self.report(outcome)

    # --- one attempt

    async def _attempt(self, due: Due) -> Outcome:
        if due.id in self.unwanted:
            return Outcome(due, "dropped", "The server is kept out.")
        key = self.keys.get(due.account_id)
        if key is None:
            return Outcome(due, "given_up", "The sender has no key to sign with any more.")
        with self._watched():
            try:
                answer, scheme = await self._knock(due, self.parcels[due.message_id], key)
            except (Refused, SignatureMalformed) as error:
                return Outcome(due, "given_up", str(error))
            except Unreachable as error:
                return self._unreached(due, f"{error.reason}: {error}")
        return self._judge(due, answer, scheme)

    @contextmanager
    def _watched(self) -> Iterator[None]:
        """Tell when this takes long, and when it has ended after all."""
        slow = False

        def is_slow() -> None:
            nonlocal slow
            slow = True
            self._slow += 1
            self.waits(True)

        timer = asyncio.get_running_loop().call_later(SLOW_SECONDS, is_slow)
        try:
            yield
        finally:
            timer.cancel()
            if slow:
                self._slow -= 1
                if not self._slow:
                    self.waits(False)

    async def _knock(self, due: Due, parcel: Parcel, key: PrivateKey) -> tuple[Answer, Scheme]:
        """Send, and once more in the other signature format when the answer may be due to the first."""
        scheme: Scheme = self._scheme or "cavage"
        answer = await self._send(due, parcel, key, scheme)
        if answer.status < 400 or answer.status in (BUSY, GONE):
            return answer, scheme
        if self._scheme is not None and answer.status not in _MAY_BE_SIGNATURE:
            return answer, scheme
        other: Scheme = "rfc9421" if scheme == "cavage" else "cavage"
        second = await self._send(due, parcel, key, other)
        if second.status < 300 or second.status in (BUSY, GONE):
            return second, other
        return answer, scheme

    async def _send(self, due: Due, parcel: Parcel, key: PrivateKey, scheme: Scheme) -> Answer:
        more: dict[str, str] = {}
        if parcel.synchronises_followers and due.account_id in self.synchronisation:
            more["Collection-Synchronization"] = self.synchronisation[due.account_id]
        try:
            url = str(URL(due.inbox_uri).with_fragment(None))
        except ValueError as error:
            raise Refused("The inbox is not a plain web address.", reason="url") from error
        headers = await self.signers.sign(
            partial(
                sign_request,
                scheme,
                "POST",
                url,
                parcel.body,
                key,
                time.time(),
                digest=parcel.digest,
                more=more,
            ),
        )
        return await self.http.post(url, parcel.body, headers)

    # --- what an answer means

    def _judge(self, due: Due, answer: Answer, scheme: Scheme) -> Outcome:
        status, now = answer.status, now_ms()
        if 200 <= status < 300:
            learnt = scheme if scheme != self._scheme else None
            self._scheme = scheme
            return Outcome(due, "delivered", reached=True, scheme=learnt)
        if status == GONE:
            return Outcome(due, "dropped", "410", reached=True, inbox_gone=True)
        error = f"{status} {answer.body[:200].decode('utf-8', 'replace')}".strip()
        asked = retry_after_ms(answer.headers.get("Retry-After"), now) if status in (BUSY, 503) else None
        if asked is not None or status == BUSY:
            wait = backoff_ms(1, self.time_scale) if asked is None else int(asked / self.time_scale)
            return self._again(due, error, now + wait, host_pause_at=now + wait)
        if status < 500 and status not in _MAY_PASS and due.attempts + 1 >= TRIES_WHEN_REFUSED:
            return Outcome(due, "given_up", error, reached=True)
        if status >= 500:
            self._errors_in_a_row += 1
            if self._errors_in_a_row >= ERRORS_IN_A_ROW_MAX:
                return self._unreached(due, error)
        wait = backoff_ms(due.attempts + 1, self.time_scale)
        return self._again(due, error, now + wait, reached=status < 500)

    def _unreached(self, due: Due, error: str) -> Outcome:
        """The breaker: everything for this host waits, the longer the more often it has failed."""
        retry_at = now_ms() + backoff_ms(self.claim.failures + 1, self.time_scale)
        return self._again(due, error, retry_at, host_retry_at=retry_at)

    def _again(
        self,
        due: Due,
        error: str,
        next_at: int,
        *,
        reached: bool = False,
        host_retry_at: int | None = None,
        host_pause_at: int | None = None,
    ) -> Outcome:
        too_old = now_ms() - instant_of(due.message_id) > self.held_ms
        return Outcome(
            due,
            "given_up" if too_old else "retried",
            error,
            next_at=next_at,
            reached=reached,
            host_retry_at=host_retry_at,
            host_pause_at=host_pause_at,
        )
