"""Acts on what has arrived, many activities to a transaction, each for itself.

What needs nothing but the database is done in one unit for the whole batch, every activity in a savepoint, so
that one that fails takes nobody with it. What needs the network first (a proof, an unknown author, the post that
is answered) goes on alone, without holding up others but the same signer's later ones.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from random import SystemRandom
from typing import Final

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from activitypub.activities import Activity, read_activity
from activitypub.errors import NotTrusted, ProtocolError, WrongOrigin
from activitypub.values import normalise, parse_json
from activitypub.vocabulary.actor import actor_kind
from fedserver.context import Server
from fedserver.errors import FedError, Refused, TooLarge, Unreachable
from fedserver.federation import (
    announced,
    featured,
    fetch,
    flags,
    group_actors,
    group_moderation,
    inviting,
    joining,
    partners,
    people,
    posts,
)
from fedserver.federation.acting import Dropped, Handler, Incoming, Missing
from fedserver.federation.authenticate import Authenticated, by_others, by_signature
from fedserver.federation.policy import is_about_partners
from storage import accounts, inbox
from storage.accounts import AccountRow
from storage.database import integrity_conflict
from storage.inbox import Item
from storage.signals import PENDING
from storage.types import now_ms

log = logging.getLogger("fedserver.inbox")

BATCH: Final = 50
LEASE_MS: Final = 180_000
ITEM_SECONDS_MAX: Final = 120.0
ALONE_MAX: Final = 16  # activities that wait for the network at once
IN_HAND_MAX: Final = 400
FETCHES_MAX: Final = 6  # for one activity
TRIES_UNREACHABLE: Final = 8  # over some three hours
TRIES_FAILED: Final = 5
LOOK_AGAIN_SECONDS: Final = 30.0
STOP_SECONDS: Final = 10.0
PAUSE_SECONDS: Final = 5.0

_random = SystemRandom()


def _on_add(conn: Connection, incoming: Incoming) -> None:
    if not announced.on_container(conn, incoming):
        people.on_add(conn, incoming)


HANDLERS: Final[dict[str, Handler]] = {
    "Accept": people.on_accept,
    "Add": _on_add,
    "Announce": announced.on_announce,
    "Block": people.on_block,
    "Create": posts.on_create,
    "Dislike": posts.on_dislike,
    "EmojiReact": posts.on_like,
    "FeatureRequest": featured.on_feature_request,
    "Flag": flags.on_flag,
    "Follow": people.on_follow,
    "Invite": inviting.on_invite,
    "Join": joining.on_join,
    "Leave": joining.on_leave,
    "TentativeAccept": joining.on_tentative_accept,
    "Like": posts.on_like,
    "Lock": group_moderation.on_lock,
    "Move": people.on_move,
    "Offer": partners.on_offer,
    "QuoteRequest": posts.on_quote_request,
    "Reject": people.on_reject,
    "Resolve": flags.on_resolve,
    "Remove": people.on_remove,
    "Undo": posts.on_undo,
}


def handler_for(activity: Activity) -> Handler:
    """Who acts on it. Raises Dropped for what nobody here does."""
    if activity.type == "Delete":
        return people.on_delete_actor if activity.object_id == activity.actor_uri else posts.on_delete
    if activity.type == "Update" and activity.object_type == "FeaturedCollection":
        return featured.on_update
    if activity.type == "Update":
        about_actor = activity.object_id == activity.actor_uri or (
            activity.embedded is not None and actor_kind(activity.embedded) is not None
        )
        return people.on_update_actor if about_actor else posts.on_update
    handler = HANDLERS.get(activity.type)
    if handler is None:
        raise Dropped(f"nothing is done about {activity.type[:40]}")
    return handler


@dataclass(frozen=True, slots=True)
class _Ready:
    item: Item
    said: Authenticated
    inner: Authenticated | None = None


class InboxWorker:
    """The acting half of this process. `start` it once the database is open, `stop` it before that closes."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._db = server.db
        self._time_scale = server.config.testing.time_scale
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._alone = asyncio.Semaphore(ALONE_MAX)
        self._in_hand: dict[int, Item] = {}
        self._signers: dict[str, asyncio.Task[None]] = {}
        self._queues: dict[str, list[Item]] = {}
        self._loop: asyncio.Task[None] | None = None
        self._unsubscribe: Callable[[], None] = _nothing

    async def start(self) -> None:
        """Begin to act, also on what an earlier process left behind."""
        self._unsubscribe = self._server.bus.subscribe("inbox", lambda _: self._wake.set())
        if self._db.dialect == "sqlite":
            await self._db.write(inbox.recover)
        self._loop = asyncio.create_task(self._run(), name="inbox-worker")

    async def stop(self) -> None:
        """Take nothing more, give what is under way a few seconds, and put back the rest."""
        self._unsubscribe()
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.gather(self._loop, return_exceptions=True)
        tasks = list(self._signers.values())
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=STOP_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        if self._in_hand:
            await self._db.write(inbox.release, list(self._in_hand))

    async def idle(self) -> None:
        """Wait until nothing is in hand and nothing is due; what waits for a retry does not count."""
        self._idle.clear()
        self._wake.set()
        await self._idle.wait()

    # -- taking

    async def _run(self) -> None:
        while True:
            try:
                worked = await self._take()
            except Exception:
                # The database may be full or away; what was claimed comes back when its time is over.
                log.exception("The inbox could not be worked on; trying again.")
                await asyncio.sleep(PAUSE_SECONDS)
                continue
            if not worked:
                await self._sleep()

    async def _take(self) -> bool:
        self._wake.clear()
        if len(self._in_hand) >= IN_HAND_MAX:
            return False
        now = now_ms()
        items = await self._db.write(inbox.claim, now=now, until=now + LEASE_MS, limit=BATCH)
        items = [item for item in items if item.id not in self._in_hand]
        if not items:
            return False
        self._in_hand.update((item.id, item) for item in items)
        await self._work(items)
        return True

    async def _sleep(self) -> None:
        seconds = LOOK_AGAIN_SECONDS
        due_at = await self._db.read(inbox.next_at)
        if due_at is not None:
            seconds = min(seconds, max(0.02, (due_at - now_ms()) / 1000))
            if self._in_hand:
                seconds = min(seconds, 1.0)
        if not self._in_hand and (due_at is None or due_at > now_ms()):
            self._idle.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()

    # -- a batch

    async def _work(self, items: Sequence[Item]) -> None:
        ready: list[_Ready] = []
        later: list[Item] = []
        refused: list[tuple[Item, str]] = []
        waiting = set(self._signers)
        for item in items:
            if item.signer_uri in waiting:
                later.append(item)
                continue
            try:
                said = by_signature(item.signer_uri, _activity_of(item), item.body)
            except (ProtocolError, WrongOrigin) as error:
                refused.append((item, str(error)))
                continue
            if said is None:
                waiting.add(item.signer_uri)
                later.append(item)
            else:
                ready.append(_Ready(item, said))
        try:
            undone = await self._db.write(self._apply_all, ready, refused)
        except Exception:
            log.exception("A batch could not be acted on; each of it is tried alone.")
            undone = [one.item for one in ready] + [item for item, _ in refused]
        later_ids = {item.id for item in (*later, *undone)}
        for item in items:
            if item.id in later_ids:
                self._go_alone(item)
            else:
                del self._in_hand[item.id]

    def _apply_all(
        self, conn: Connection, ready: Sequence[_Ready], refused: Sequence[tuple[Item, str]]
    ) -> list[Item]:
        """Act on each in order; those that need the network, or failed, and those after them by the same signer."""
        for item, note in refused:
            inbox.dropped(conn, item.id, note)
        known = accounts.by_uris(conn, {one.said.activity.actor_uri for one in ready})
        done: list[int] = []
        undone: list[Item] = []
        held: set[str] = set()
        for one in ready:
            if one.item.signer_uri in held:
                undone.append(one.item)
                continue
            pending = dict(conn.info.get(PENDING, {}))
            savepoint = conn.begin_nested()
            try:
                self._act(conn, one, known.get(one.said.activity.actor_uri), frozenset())
            except (Dropped, ProtocolError, TooLarge) as error:
                savepoint.rollback()
                conn.info[PENDING] = pending
                inbox.dropped(conn, one.item.id, str(error))
                self._count("dropped")
            except Exception as error:
                savepoint.rollback()
                conn.info[PENDING] = pending
                if not isinstance(error, Missing):
                    log.info("An activity is tried alone: %s (%r)", one.item.activity_id, error)
                undone.append(one.item)
                held.add(one.item.signer_uri)
            else:
                savepoint.commit()
                done.append(one.item.id)
                if one.said.activity.type in ("Delete", "Move", "Update"):
                    known.update(accounts.by_uris(conn, [one.said.activity.actor_uri]))
        if done:
            inbox.done(conn, done)
            self._count("done", len(done))
        return undone

    def _act(self, conn: Connection, one: _Ready, actor: AccountRow | None, asked: frozenset[str]) -> None:
        activity = one.said.activity
        handler = handler_for(activity)
        if actor is None:
            if activity.actor_uri in asked:
                raise Dropped("its actor cannot be had")
            raise Missing("account", activity.actor_uri)
        hidden = actor.suspended_at is not None and activity.type != "Delete"
        if hidden and actor.own_suspended_at is None and is_about_partners(activity):
            hidden = False  # where only partners are federated with, they have to become so
        if actor.deleted_at is not None or hidden:
            raise Dropped("its actor is not heard here")
        incoming = Incoming(self._server, one.said, actor, one.item.id, one.item.arrived_at, asked, one.inner)
        handler(conn, incoming)

    # -- alone

    def _go_alone(self, item: Item) -> None:
        self._queues.setdefault(item.signer_uri, []).append(item)
        if item.signer_uri not in self._signers:
            self._signers[item.signer_uri] = asyncio.create_task(
                self._one_after_another(item.signer_uri), name="inbox-alone"
            )

    async def _one_after_another(self, signer_uri: str) -> None:
        queue = self._queues[signer_uri]
        try:
            while queue:
                item = queue[0]
                try:
                    async with self._alone:
                        await self._alone_with(item)
                except Exception:
                    # What became of it could not be written down: it comes back when its claim is over.
                    log.exception("An activity could not be settled: %s", item.activity_id)
                queue.pop(0)
                self._in_hand.pop(item.id, None)
        finally:
            del self._queues[signer_uri]
            del self._signers[signer_uri]
            self._wake.set()

    async def _alone_with(self, item: Item) -> None:
        try:
            async with asyncio.timeout(ITEM_SECONDS_MAX):
                await self._act_alone(item)
            self._count("done")
        except (Dropped, NotTrusted, ProtocolError, TooLarge, Refused) as error:
            await self._settle(item, inbox.dropped, str(error))
            self._count("dropped")
        except (Unreachable, TimeoutError) as error:
            if item.attempts + 1 >= TRIES_UNREACHABLE:
                await self._settle(item, inbox.dropped, f"could not be confirmed: {error}")
                self._count("dropped")
            else:
                await self._again(item, str(error) or "it took too long")
        except FedError as error:
            await self._settle(item, inbox.dropped, str(error))
            self._count("dropped")
        except Exception as error:
            if isinstance(error, IntegrityError) and integrity_conflict(error):
                # An id of theirs that stands for something else already, or a race that another has won.
                await self._settle(item, inbox.dropped, "its id is taken")
                self._count("dropped")
                return
            log.exception("An activity could not be acted on: %s", item.activity_id)
            note = f"{type(error).__name__}: {error}"
            if item.attempts + 1 >= TRIES_FAILED:
                await self._settle(item, inbox.failed, note)
                self._count("failed")
            else:
                await self._again(item, note)

    async def _act_alone(self, item: Item) -> None:
        activity = _activity_of(item)
        said = by_signature(item.signer_uri, activity, item.body)
        if said is None:
            said = await by_others(self._server, item.signer_uri, activity, item.body)
        asked: set[str] = set()
        inner: Authenticated | None = None
        while True:
            try:
                await self._db.write(self._apply_one, _Ready(item, said, inner), frozenset(asked))
                return
            except Missing as missing:
                what = missing.what
                if what in asked or len(asked) >= FETCHES_MAX:
                    raise Dropped("what it needs cannot be had") from None
                asked.add(what)
                if missing.kind == "inner":
                    inner = await announced.believed(self._server, said)
                else:
                    await self._fetch(missing)

    def _apply_one(self, conn: Connection, one: _Ready, asked: frozenset[str]) -> None:
        self._act(conn, one, accounts.by_uri(conn, one.said.activity.actor_uri), asked)
        inbox.done(conn, [one.item.id])

    async def _fetch(self, missing: Missing) -> None:
        try:
            if missing.kind == "moderators":
                group_id = await self._db.read(_id_of, missing.uri)
                if group_id is not None:
                    await group_actors.ask_moderators(self._server, group_id)
            elif missing.kind == "account":
                await fetch.account(self._server, missing.uri, refresh=missing.refresh)
            else:
                await fetch.post(self._server, missing.uri, viewer_id=missing.viewer_id)
        except Unreachable as error:
            if not missing.optional and not isinstance(error, Refused) and _may_pass(error):
                raise
            log.info("Not to be had: %s (%s)", missing.uri, error.reason)

    async def _again(self, item: Item, note: str) -> None:
        tries = item.attempts + 1
        seconds = (tries**4 + 15) * (1 + _random.random() / 5) / self._time_scale
        await self._db.write(inbox.retry, item.id, at_ms=now_ms() + int(seconds * 1000), note=note)
        self._count("retried")

    async def _settle(self, item: Item, unit: Callable[[Connection, int, str], None], note: str) -> None:
        await self._db.write(unit, item.id, note)

    def _count(self, result: str, number: int = 1) -> None:
        self._server.metrics.inbox.labels(result).inc(number)


def _activity_of(item: Item) -> Activity:
    return read_activity(normalise(parse_json(item.body)), signer_uri=item.signer_uri)


def _id_of(conn: Connection, uri: str) -> int | None:
    row = accounts.by_uri(conn, uri)
    return None if row is None else int(row.id)


def _may_pass(error: Unreachable) -> bool:
    """Whether asking later may bring more: an answer that cannot be used stays one."""
    return error.status is None or error.status >= 500 or error.status == 429


def _nothing() -> None:
    return None
