"""Sending what was planned: one lane for each host, many hosts at once, nothing lost.

The dispatcher sleeps until a `delivery` signal or the earliest instant at which something may be tried again,
claims hosts in the database and starts a lane for each. A lane sends one host its due messages, in order for
each actor; a host that hangs holds up its own lane and nothing else. Results of all lanes are written together,
and the claim on a host ends with them, so a process killed at any moment only leaves messages to be sent again.
"""

# Long because dispatching and recording share the state of the lanes.

from __future__ import annotations

import asyncio
import heapq
import logging
import os
import secrets
import socket
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Final

from sqlalchemy import Connection

from activitypub.errors import SignatureError
from activitypub.signatures import PrivateKey, body_digest
from fedserver.context import Server
from fedserver.federation import sync
from fedserver.federation.lane import Lane, Outcome, Parcel
from fedserver.federation.signing import Signers
from storage import deliveries
from storage.instances import Failure
from storage.types import now_ms

log = logging.getLogger("fedserver.delivery")

CLAIMED_AT_ONCE: Final = 64  # hosts in one unit
PER_HOST: Final = 50  # deliveries a lane takes before the claim is renewed
LEASE_MS: Final = 150_000  # longer than a lane may start sending, plus two knocks of 30 s each
SLOW_LANES_MAX: Final = 384  # lanes beyond the limit on hosts, because those wait for a host that hangs
LOOK_AGAIN_SECONDS: Final = 60.0  # finds what a process that has ended was holding
PARCELS_KEPT: Final = 512
BATCH_SECONDS: Final = 0.02
BATCH_MAX: Final = 100
RECORD_AGAIN_SECONDS: Final = 1.0
STOP_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class _Work:
    claims: list[tuple[deliveries.Claim, list[deliveries.Due]]]
    later: dict[str, int]
    parcels: dict[int, Parcel]
    keys: dict[int, PrivateKey | None]
    synchronisation: dict[tuple[int, str], str]
    unwanted: set[int]


class DeliveryLanes:
    """The sending half of this process. `start` it once the database is open, `stop` it before that closes."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._db = server.db
        self._worker = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._hosts_max = server.config.delivery_hosts_max
        self._time_scale = server.config.testing.time_scale
        self._ready: OrderedDict[str, None] = OrderedDict()
        self._later: list[tuple[int, str]] = []  # a heap; an entry counts if `_later_at` says the same
        self._later_at: dict[str, int] = {}
        # From the moment a host is asked for until its claim has ended.
        self._active: dict[str, asyncio.Task[None] | None] = {}
        self._again: set[str] = set()
        self._slow: set[str] = set()
        self._running = 0
        self._results = deliveries.Results()
        self._parcels: OrderedDict[int, Parcel] = OrderedDict()
        self._signers = Signers()
        self._wake = asyncio.Event()
        self._written = asyncio.Event()
        self._reported = asyncio.Event()
        self._batch_full = asyncio.Event()
        self._unwritten = deliveries.Results()
        self._looked = False
        self._look_again_at = 0.0  # by the loop's clock
        self._stopping = False
        self._tasks: list[asyncio.Task[None]] = []
        self._rules_changed = 0  # lanes that began before take nothing more
        self._ends: list[Callable[[], None]] = []

    async def start(self) -> None:
        """Begin to send, also what an earlier process left behind."""
        bus = self._server.bus
        self._ends = [bus.subscribe("delivery", self._hear)]
        self._ends += [bus.subscribe(channel, self._hear_of_rules) for channel in ("instance", "setting")]
        asyncio.get_running_loop().run_in_executor(None, self._server.http.load_trust)
        await self._db.write(_let_go_of_the_dead, self._worker)
        self._tasks = [
            asyncio.create_task(self._dispatch(), name="delivery-dispatch"),
            asyncio.create_task(self._record_batches(), name="delivery-record"),
        ]

    async def stop(self) -> None:
        """Begin nothing more, give what is under way a few seconds, record it and let go of every host."""
        self._stopping = True
        for end in self._ends:
            end()
        dispatch, recorder = self._tasks
        dispatch.cancel()
        await asyncio.gather(dispatch, return_exceptions=True)
        lanes = [task for task in self._active.values() if task is not None]
        if lanes:
            _, late = await asyncio.wait(lanes, timeout=STOP_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        recorder.cancel()
        await asyncio.gather(recorder, return_exceptions=True)
        self._results.released = list(dict.fromkeys([*self._results.released, *self._active]))
        for results in (self._unwritten, self._results):
            if len(results):
                await self._record(results)
        # Also what was claimed by a unit that nobody waited for any more.
        await self._db.write(deliveries.release_claims, [self._worker])
        self._signers.close()

    async def idle(self) -> None:
        """Wait until nothing is under way and nothing may be tried now; what waits for a retry does not count."""
        while self._ready or self._active or len(self._results) or not self._looked:
            self._written.clear()
            await self._written.wait()

    # --- dispatching

    @property
    def _held_ms(self) -> int:
        return int(deliveries.HELD_MS / self._time_scale)

    def _hear(self, payload: str) -> None:
        for host in payload.split():
            self._want(host)
        if not payload:
            self._look_again_at = 0.0
        self._wake.set()

    def _hear_of_rules(self, _: str) -> None:
        self._rules_changed += 1

    def _want(self, host: str) -> None:
        if host in self._active:
            self._again.add(host)
        else:
            self._ready[host] = None

    async def _dispatch(self) -> None:
        clock = asyncio.get_running_loop()
        while not self._stopping:
            try:
                if clock.time() >= self._look_again_at:
                    self._look_again_at = clock.time() + LOOK_AGAIN_SECONDS
                    self._schedule(await self._db.read(deliveries.waiting_hosts))
                self._wake.clear()
                self._move_due()
                self._looked = True
                hosts = self._next_hosts()
                if hosts:
                    await self._begin(hosts)
                    continue
                self._written.set()
                wait = self._look_again_at - clock.time()
                if self._later:
                    wait = min(wait, max(0.0, (self._later[0][0] - now_ms()) / 1000))
                with suppress(TimeoutError):
                    async with asyncio.timeout(max(0.001, wait)):
                        await self._wake.wait()
            except Exception:
                # The database may be away for a while; what is planned stays planned.
                log.exception("Deliveries could not be read; trying again.")
                await asyncio.sleep(RECORD_AGAIN_SECONDS)
                self._look_again_at = 0.0

    def _schedule(self, times: Mapping[str, int]) -> None:
        for host, at in times.items():
            if at < self._later_at.get(host, at + 1):
                self._later_at[host] = at
                heapq.heappush(self._later, (at, host))

    def _move_due(self) -> None:
        now = now_ms()
        while self._later and self._later[0][0] <= now:
            at, host = heapq.heappop(self._later)
            if self._later_at.get(host) == at:
                del self._later_at[host]
                self._want(host)

    def _next_hosts(self) -> list[str]:
        busy = len(self._active) - len(self._slow)
        free = min(
            self._hosts_max - busy, self._hosts_max + SLOW_LANES_MAX - len(self._active), CLAIMED_AT_ONCE
        )
        hosts: list[str] = []
        while self._ready and len(hosts) < free:
            hosts.append(self._ready.popitem(last=False)[0])
        return hosts

    async def _begin(self, hosts: list[str]) -> None:
        self._active.update(dict.fromkeys(hosts))
        try:
            work = await self._db.write(self._take, hosts, dict(self._parcels))
        except BaseException:
            for host in hosts:
                self._ended(host)
            raise
        self._parcels.update(work.parcels)
        for claim, due in work.claims:
            lane = self._lane(claim, due, work)
            self._active[claim.host] = asyncio.create_task(self._run(lane), name=f"lane-{claim.host}")
        for host in hosts:
            if self._active.get(host) is None:
                self._ended(host)
        self._schedule(work.later)
        while len(self._parcels) > PARCELS_KEPT:
            self._parcels.popitem(last=False)
        self._written.set()

    def _lane(self, claim: deliveries.Claim, due: list[deliveries.Due], work: _Work) -> Lane:
        rules = self._rules_changed
        return Lane(
            self._server.http,
            self._signers,
            claim,
            due,
            parcels={one.message_id: self._parcels[one.message_id] for one in due},
            keys=work.keys,
            synchronisation={
                account_id: header
                for (account_id, host), header in work.synchronisation.items()
                if host == claim.host
            },
            time_scale=self._time_scale,
            held_ms=self._held_ms,
            report=self._report,
            waits=partial(self._waits, claim.host),
            stopping=lambda: self._stopping or self._rules_changed != rules,
            unwanted=work.unwanted,
        )

    def _take(self, conn: Connection, hosts: list[str], known: dict[int, Parcel]) -> _Work:
        now = now_ms()
        taken = deliveries.take(conn, self._worker, hosts, now=now, until=now + LEASE_MS, per_host=PER_HOST)
        due = [one for _, several in taken.claims for one in several]
        missing = {one.message_id for one in due} - known.keys()
        parcels = {
            message.id: Parcel(
                message.id,
                message.uri,
                message.body,
                body_digest(message.body),
                message.synchronises_followers,
            )
            for message in (deliveries.messages(conn, missing) if missing else ())
        }
        parcels_known = known | parcels
        return _Work(
            taken.claims,
            taken.later,
            parcels,
            {account_id: self._key(conn, account_id) for account_id in {one.account_id for one in due}},
            sync.headers(
                conn,
                {
                    (one.account_id, one.host)
                    for one in due
                    if parcels_known[one.message_id].synchronises_followers
                },
            ),
            deliveries.unwanted(conn, due),
        )

    def _key(self, conn: Connection, account_id: int) -> PrivateKey | None:
        try:
            return self._server.keys.rsa(conn, account_id)
        except (LookupError, SignatureError):
            log.warning("Account %d has no key to sign with.", account_id)
            return None

    async def _run(self, lane: Lane) -> None:
        host = lane.host
        self._running += 1
        try:
            await lane.run()
        except Exception:
            # A fault of ours must neither keep the host claimed nor be repeated in a hurry.
            log.exception("The lane to %s stopped.", host)
            self._results.postponed_hosts[host] = now_ms() + int(LOOK_AGAIN_SECONDS * 1000)
        finally:
            self._running -= 1
            self._slow.discard(host)
            self._results.released.append(host)
            self._batch()

    def _waits(self, host: str, slowly: bool) -> None:
        """A lane has waited for a while, or waits no more: while it does, its place is free for another."""
        if slowly:
            self._slow.add(host)
            self._wake.set()
        else:
            self._slow.discard(host)

    def _ended(self, host: str) -> None:
        self._active.pop(host, None)
        if host in self._again:
            self._again.discard(host)
            self._ready[host] = None
        self._wake.set()

    # --- writing down

    def _report(self, outcome: Outcome) -> None:
        results, due = self._results, outcome.due
        self._server.metrics.deliveries.labels(outcome.result).inc()
        match outcome.result:
            case "delivered":
                results.delivered.append(due.id)
            case "dropped":
                results.dropped.append(due.id)
            case "retried":
                results.retried.append((due.id, outcome.next_at, outcome.error))
                log.info("%s did not take a delivery: %s", due.host, outcome.error)
            case "given_up":
                results.given_up.append((due.id, outcome.error))
                log.warning("A delivery to %s was given up: %s", due.inbox_uri, outcome.error)
        if outcome.reached:
            results.succeeded_hosts.add(due.host)
        if outcome.inbox_gone:
            results.gone_inboxes.append(due.inbox_uri)
        if outcome.scheme is not None:
            results.schemes[due.host] = outcome.scheme
        if outcome.host_retry_at is not None:
            results.failed_hosts[due.host] = Failure(due.host, outcome.host_retry_at, outcome.error)
        if outcome.host_pause_at is not None:
            results.postponed_hosts[due.host] = outcome.host_pause_at
        self._batch()

    def _batch(self) -> None:
        self._reported.set()
        if len(self._results) >= BATCH_MAX or not self._running:
            self._batch_full.set()

    async def _record_batches(self) -> None:
        while True:
            await self._reported.wait()
            # Many answers arrive within a few milliseconds, and one commit serves them all.
            if self._running:
                with suppress(TimeoutError):
                    async with asyncio.timeout(BATCH_SECONDS):
                        await self._batch_full.wait()
            self._reported.clear()
            self._batch_full.clear()
            self._unwritten, self._results = self._results, deliveries.Results()
            await self._record_surely(self._unwritten)
            self._unwritten = deliveries.Results()
            self._written.set()

    async def _record_surely(self, results: deliveries.Results) -> None:
        done = await self._record(results)
        while not done:
            await asyncio.sleep(RECORD_AGAIN_SECONDS)
            done = await self._record(results)

    async def _record(self, results: deliveries.Results) -> bool:
        try:
            times = await self._db.write(
                deliveries.record, self._worker, results, now=now_ms(), held_ms=self._held_ms
            )
        except Exception:
            # Kept and tried again: what was delivered must not be sent twice for want of a note.
            log.exception("The results of %d deliveries could not be written; trying again.", len(results))
            return False
        self._schedule(times)
        for host in results.released:
            self._ended(host)
        return True


def _let_go_of_the_dead(conn: Connection, worker: str) -> None:
    """End the claims of processes of this machine that are no more. Those of other machines run out."""
    machine, pid, _ = worker.split(":")
    others = [other for other in deliveries.claiming_workers(conn) if other != worker]
    if conn.dialect.name != "sqlite":  # With SQLite there is one process, and this is it.
        others = [other for other in others if _has_ended(other, machine, pid)]
    if others:
        deliveries.release_claims(conn, others)
    deliveries.prune(conn)


def _has_ended(worker: str, machine: str, own_pid: str) -> bool:
    its_machine, _, rest = worker.partition(":")
    pid = rest.partition(":")[0]
    if its_machine != machine:
        return False
    if pid == own_pid:
        return True  # Our number, not our name: the one before us.
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
