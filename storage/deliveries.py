"""What must still be sent: one message, a row for each inbox, and which process sends to which host.

A host is claimed before anything is sent to it, for a limited time, so several processes never send to one
host at once; results come back in batches, and a claim ends with them. Whatever is not recorded as delivered
is sent again under the same id: at least once, never lost.
"""

# Long because planning, claiming, recording and the lists for admins are one story about one table.

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    Connection,
    Row,
    Select,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    update,
)

from storage import instances, kept_out
from storage.hot import Hot
from storage.signals import PAYLOAD_BYTES_MAX, signal
from storage.tables import account, delivery, instance, message, partner, post
from storage.types import AnyOf, id_floor, instant_of, new_id, now_ms

ERROR_CHARS_MAX: Final = 500
LISTED_MAX: Final = 200
DROPPED_PER_UNIT: Final = 200
HELD_MS: Final = 7 * 24 * 3_600_000  # Nobody is tried longer than that (DECISIONS: seven days).


class Recipient(NamedTuple):
    """An inbox and the authority of its URI."""

    host: str
    inbox_uri: str


class Due(NamedTuple):
    """One delivery that may be attempted now. `attempts` counts those that were made."""

    id: int
    message_id: int
    account_id: int
    topic: str
    host: str
    inbox_uri: str
    attempts: int


class Message(NamedTuple):
    """What is sent: `account_id` signs it, `body` goes out byte for byte."""

    id: int
    account_id: int
    uri: str
    body: bytes
    synchronises_followers: bool


class Claim(NamedTuple):
    """A host that this process may send to. `failures` above 0: it was down when last tried."""

    host: str
    failures: int
    signature_scheme: str
    scheme_until_at: int


@dataclass(slots=True)
class Results:
    """What came of many attempts, to be written in one unit."""

    delivered: list[int] = field(default_factory=list)
    dropped: list[int] = field(default_factory=list)
    retried: list[tuple[int, int, str]] = field(default_factory=list)  # (delivery id, next_at, error)
    given_up: list[tuple[int, str]] = field(default_factory=list)  # (delivery id, error)
    gone_inboxes: list[str] = field(default_factory=list)
    succeeded_hosts: set[str] = field(default_factory=set)
    failed_hosts: dict[str, instances.Failure] = field(default_factory=dict)
    postponed_hosts: dict[str, int] = field(default_factory=dict)
    schemes: dict[str, instances.SignatureScheme] = field(default_factory=dict)
    released: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return (
            len(self.delivered)
            + len(self.dropped)
            + len(self.retried)
            + len(self.given_up)
            + len(self.released)
        )


# --- planning -------------------------------------------------------------------------------------


def plan(
    conn: Connection,
    *,
    account_id: int,
    uri: str,
    topic: str,
    body: bytes,
    recipients: Iterable[Recipient],
    synchronises_followers: bool = False,
) -> int | None:
    """Write down that `body` must reach these inboxes; the message's id, or None when there is nobody.

    `topic` is the object it is about: a later message on the same waits while an earlier one is retried.
    A host that has failed for a week holds one delivery at a time, which is its daily probe.
    """
    wanted = list(dict.fromkeys(recipients))
    if not wanted:
        return None
    hosts = list(dict.fromkeys(one.host for one in wanted))
    instances.see(conn, hosts)
    dead = _dead_with_probe(conn, hosts)
    wanted = [one for one in wanted if one.host not in dead]
    if not wanted:
        return None
    message_id, now = new_id(), now_ms()
    conn.execute(
        insert(message).values(
            id=message_id,
            account_id=account_id,
            uri=uri,
            topic=topic,
            body=body,
            synchronises_followers=int(synchronises_followers),
        )
    )
    conn.execute(
        insert(delivery),
        [
            {
                "id": new_id(now),
                "message_id": message_id,
                "host": one.host,
                "inbox_uri": one.inbox_uri,
                "next_at": now,
            }
            for one in wanted
        ],
    )
    tell(conn, hosts)
    return message_id


def tell(conn: Connection, hosts: Iterable[str]) -> None:
    """Wake whoever delivers to these hosts: the signal's payload is their names with blanks between."""
    payload = ""
    for host in hosts:
        if len(payload) + 1 + len(host) > PAYLOAD_BYTES_MAX - 100:
            signal(conn, "delivery", payload)
            payload = ""
        payload = f"{payload} {host}" if payload else host
    if payload:
        signal(conn, "delivery", payload)


def _dead_with_probe(conn: Connection, hosts: Sequence[str]) -> set[str]:
    rows = _dead.run(conn, hosts=hosts, before=now_ms() - HELD_MS)
    return {str(row[0]) for row in rows}


_dead: Hot[tuple[Any, ...]] = Hot(
    lambda: select(instance.c.host).where(
        AnyOf(instance.c.host, bindparam("hosts")),
        instance.c.failing_since_at <= bindparam("before"),
        exists().where(delivery.c.host == instance.c.host, delivery.c.state == literal("waiting")),
    ),
    tuple,
)


# --- sending --------------------------------------------------------------------------------------


class Taken(NamedTuple):
    """What `take` found: hosts now ours with what may be sent to each, and when to ask again for others."""

    claims: list[tuple[Claim, list[Due]]]
    later: dict[str, int]


def take(
    conn: Connection, worker: str, hosts: Sequence[str], *, now: int, until: int, per_host: int
) -> Taken:
    """Claim those of `hosts` that may be sent to and have something due, until the instant `until`."""
    claims = {one.host: one for one in _claim.run(conn, hosts=hosts, worker=worker, now=now, until=until)}
    due: dict[str, list[Due]] = {}
    for one in _due.run(conn, hosts=list(claims), now=now, per_host=per_host) if claims else ():
        due.setdefault(one.host, []).append(one)
    idle = [host for host in claims if host not in due]
    if idle:
        _release.run(conn, hosts=idle, worker=worker)
    later = _wake_times(conn, [host for host in hosts if host not in due], after=now)
    return Taken([(claims[host], due[host]) for host in due], later)


_meetings: Hot[tuple[str, str]] = Hot(
    lambda: (
        select(partner.c.host, account.c.uri)
        .join_from(partner, account, account.c.id == partner.c.account_id)
        .join(instance, instance.c.host == partner.c.host)
        .where(AnyOf(partner.c.host, bindparam("hosts")), ~instance.c.kept_out, kept_out.is_mode("allowlist"))
    ),
    tuple,
)


def unwanted(conn: Connection, due: Iterable[Due]) -> set[int]:
    """Those of these deliveries that were planned before their server was kept out: only a partnership with it may still
    be spoken of, where servers become partners before anything else is exchanged."""
    waiting = list(due)
    closed = instances.closed(conn, list({one.host for one in waiting}))
    if not closed:
        return set()
    meetings = set(_meetings.run(conn, hosts=closed))
    return {one.id for one in waiting if one.host in closed and (one.host, one.topic) not in meetings}


def waiting_hosts(conn: Connection) -> dict[str, int]:
    """Every host something waits for, and the instant from which on it may be tried."""
    rows = conn.execute(
        select(delivery.c.host, func.min(delivery.c.next_at), func.max(func.coalesce(instance.c.retry_at, 0)))
        .join_from(delivery, instance, instance.c.host == delivery.c.host)
        .where(delivery.c.state == "waiting")
        .group_by(delivery.c.host)
    )
    return {host: max(next_at, retry_at) for host, next_at, retry_at in rows}


def messages(conn: Connection, message_ids: Iterable[int]) -> list[Message]:
    """The messages with these ids."""
    return _messages.run(conn, ids=list(message_ids))


def record(
    conn: Connection, worker: str, results: Results, *, now: int, held_ms: int = HELD_MS
) -> dict[str, int]:
    """Write what came of attempts and let go of the `released` hosts; for those, when to look again.

    Deliveries to a failing host that are older than `held_ms` are given up.
    """
    _remove(conn, [*results.delivered, *results.dropped])
    if results.retried:
        conn.execute(
            update(delivery)
            .where(delivery.c.id == bindparam("b_id"))
            .values(
                attempts=delivery.c.attempts + 1, next_at=bindparam("b_next"), last_error=bindparam("b_error")
            ),
            [
                {"b_id": i, "b_next": next_at, "b_error": e[:ERROR_CHARS_MAX]}
                for i, next_at, e in results.retried
            ],
        )
    if results.given_up:
        conn.execute(
            update(delivery)
            .where(delivery.c.id == bindparam("b_id"))
            .values(state="failed", attempts=delivery.c.attempts + 1, last_error=bindparam("b_error")),
            [{"b_id": i, "b_error": e[:ERROR_CHARS_MAX]} for i, e in results.given_up],
        )
    if results.gone_inboxes:
        # Not believed for good until the actor itself is asked; until then nothing more is sent there.
        conn.execute(
            update(account)
            .where(account.c.inbox_uri.in_(results.gone_inboxes), account.c.gone_since_at.is_(None))
            .values(gone_since_at=now)
        )
    _record_hosts(conn, results, now=now, held_ms=held_ms)
    if not results.released:
        return {}
    _release.run(conn, hosts=results.released, worker=worker)
    return _wake_times(conn, results.released, after=0)


def _record_hosts(conn: Connection, results: Results, *, now: int, held_ms: int) -> None:
    if results.succeeded_hosts:
        _succeeded.run(conn, hosts=sorted(results.succeeded_hosts), now=now)
    instances.postponed(conn, sorted(results.postponed_hosts.items()))
    instances.remember_scheme(conn, sorted(results.schemes.items()), now)
    failures = sorted(results.failed_hosts.values())
    instances.failed(conn, failures, now)
    if failures:
        conn.execute(
            update(delivery)
            .where(
                delivery.c.host.in_([one.host for one in failures]),
                delivery.c.state == "waiting",
                delivery.c.message_id < id_floor(now - held_ms),
            )
            .values(state="failed", last_error="The server could not be reached for too long.")
        )


def release_claims(conn: Connection, workers: Iterable[str]) -> None:
    """Let go of every host these workers hold: they are known to have ended."""
    conn.execute(
        update(instance)
        .where(instance.c.claimed_by.in_(list(workers)))
        .values(claimed_by="", claimed_until_at=None)
    )


def claiming_workers(conn: Connection) -> list[str]:
    """The workers that hold some host."""
    rows = conn.execute(select(instance.c.claimed_by).where(instance.c.claimed_by != "").distinct())
    return [row.claimed_by for row in rows]


def prune(conn: Connection) -> int:
    """Remove messages that nobody waits for any more; how many there were."""
    return conn.execute(
        delete(message).where(~exists().where(delivery.c.message_id == message.c.id))
    ).rowcount


def _remove(conn: Connection, delivery_ids: list[int]) -> None:
    if not delivery_ids:
        return
    message_ids = {row[0] for row in _deleted.run(conn, ids=delivery_ids)}
    _deleted_messages.run(conn, ids=sorted(message_ids))


def _wake_times(conn: Connection, hosts: Sequence[str], *, after: int) -> dict[str, int]:
    """For each host the next instant, later than `after`, at which something may be sent to it."""
    if not hosts:
        return {}
    return {row[0]: max(row[1], row[2]) for row in _wakes.run(conn, hosts=hosts, after=after)}


_claim: Hot[Claim] = Hot(
    lambda: (
        update(instance)
        .where(
            instance.c.host.in_(
                select(instance.c.host)
                .where(
                    AnyOf(instance.c.host, bindparam("hosts")),
                    or_(instance.c.retry_at.is_(None), instance.c.retry_at <= bindparam("now")),
                    or_(
                        instance.c.claimed_until_at.is_(None),
                        instance.c.claimed_until_at <= bindparam("now"),
                        instance.c.claimed_by == bindparam("worker"),
                    ),
                )
                .order_by(instance.c.host)  # the same order everywhere, so that nobody waits in a circle
                .with_for_update()
            )
        )
        .values(claimed_by=bindparam("worker"), claimed_until_at=bindparam("until"))
        .returning(
            instance.c.host, instance.c.failures, instance.c.signature_scheme, instance.c.scheme_until_at
        )
    ),
    lambda row: Claim(row[0], row[1], row[2], row[3] or 0),
)

_release: Hot[Any] = Hot(
    lambda: (
        update(instance)
        .where(AnyOf(instance.c.host, bindparam("hosts")), instance.c.claimed_by == bindparam("worker"))
        .values(claimed_by=literal(""), claimed_until_at=null())
    ),
    tuple,
)

_succeeded: Hot[Any] = Hot(
    lambda: (
        update(instance)
        .where(AnyOf(instance.c.host, bindparam("hosts")))
        .values(
            failures=literal(0),
            failing_since_at=null(),
            retry_at=null(),
            last_success_at=bindparam("now"),
            last_error=literal(""),
        )
    ),
    tuple,
)


def _select_due() -> Select[Any]:
    """Due deliveries of some hosts, oldest message first, without those that wait behind one being retried."""
    retried = (
        select(delivery.c.host, message.c.topic, func.min(delivery.c.message_id).label("first_id"))
        .join_from(delivery, message, message.c.id == delivery.c.message_id)
        .where(
            AnyOf(delivery.c.host, bindparam("hosts")),
            delivery.c.state == literal("waiting"),
            delivery.c.next_at > bindparam("now"),
            message.c.topic != literal(""),
        )
        .group_by(delivery.c.host, message.c.topic)
        .cte("retried")
    )
    place = func.row_number().over(
        partition_by=delivery.c.host, order_by=(delivery.c.message_id, delivery.c.id)
    )
    ranked = (
        select(
            delivery.c.id,
            delivery.c.message_id,
            message.c.account_id,
            message.c.topic,
            delivery.c.host,
            delivery.c.inbox_uri,
            delivery.c.attempts,
            place.label("place"),
        )
        .join_from(delivery, message, message.c.id == delivery.c.message_id)
        .outerjoin(retried, and_(retried.c.host == delivery.c.host, retried.c.topic == message.c.topic))
        .where(
            AnyOf(delivery.c.host, bindparam("hosts")),
            delivery.c.state == literal("waiting"),
            delivery.c.next_at <= bindparam("now"),
            or_(retried.c.first_id.is_(None), retried.c.first_id >= delivery.c.message_id),
        )
        .subquery()
    )
    return (
        select(*[ranked.c[name] for name in Due._fields])
        .where(ranked.c.place <= bindparam("per_host"))
        .order_by(ranked.c.host, ranked.c.place)
    )


_due: Hot[Due] = Hot(_select_due, Due._make)

_messages: Hot[Message] = Hot(
    lambda: select(
        message.c.id, message.c.account_id, message.c.uri, message.c.body, message.c.synchronises_followers
    ).where(AnyOf(message.c.id, bindparam("ids"))),
    lambda row: Message(row[0], row[1], row[2], bytes(row[3]), bool(row[4])),
)

_deleted: Hot[tuple[int]] = Hot(
    lambda: delete(delivery).where(AnyOf(delivery.c.id, bindparam("ids"))).returning(delivery.c.message_id),
    tuple,
)

_deleted_messages: Hot[Any] = Hot(
    lambda: delete(message).where(
        AnyOf(message.c.id, bindparam("ids")), ~exists().where(delivery.c.message_id == message.c.id)
    ),
    tuple,
)

_wakes: Hot[tuple[str, int, int]] = Hot(
    lambda: (
        select(delivery.c.host, func.min(delivery.c.next_at), func.max(func.coalesce(instance.c.retry_at, 0)))
        .join_from(delivery, instance, instance.c.host == delivery.c.host)
        .where(
            AnyOf(delivery.c.host, bindparam("hosts")),
            delivery.c.state == literal("waiting"),
            # After an empty look only what is due later, or held back by the breaker, can bring new work.
            or_(delivery.c.next_at > bindparam("after"), instance.c.retry_at > bindparam("after")),
        )
        .group_by(delivery.c.host)
    ),
    tuple,
)


# --- for admins -----------------------------------------------------------------------------------


def failed_listed(conn: Connection, *, limit: int = 50, before_id: int | None = None) -> list[Row[Any]]:
    """Deliveries that were given up, the newest first: with the activity's `uri` and its `account_id`."""
    statement = (
        select(delivery, message.c.uri, message.c.account_id)
        .join_from(delivery, message, message.c.id == delivery.c.message_id)
        .where(delivery.c.state == "failed")
        .order_by(delivery.c.id.desc())
        .limit(min(limit, LISTED_MAX))
    )
    if before_id is not None:
        statement = statement.where(delivery.c.id < before_id)
    return list(conn.execute(statement))


def retry(conn: Connection, *, ids: Sequence[int] | None = None, host: str | None = None) -> int:
    """Try given-up deliveries once more, from the start: these, or all of a host, or all; how many."""
    now = now_ms()
    chosen = _failed(ids, host)
    hosts = [row.host for row in conn.execute(select(delivery.c.host).where(chosen).distinct())]
    changed = conn.execute(
        update(delivery).where(chosen).values(state="waiting", attempts=0, next_at=now, last_error="")
    ).rowcount
    conn.execute(update(instance).where(instance.c.host.in_(hosts)).values(retry_at=None))
    tell(conn, hosts)
    return changed


def drop(conn: Connection, *, ids: Sequence[int] | None = None, host: str | None = None) -> int:
    """Forget given-up deliveries: these, or all of a host, or all; how many."""
    found = list(conn.scalars(select(delivery.c.id).where(_failed(ids, host))))
    _remove(conn, found)
    return len(found)


def drop_some(conn: Connection, host: str) -> bool:
    """Forget some of all that is meant for a host, what waits as well; whether there may be more."""
    return _drop_some(conn, select(delivery.c.id).where(delivery.c.host == host))


def drop_some_posts(conn: Connection, account_id: int) -> bool:
    """Forget some of what others have not taken yet of posts and boosts of an account, whoever hands it on; whether there may be
    more. That some are gone they hear all the same."""
    of_post = _of_message().join(post, post.c.uri == message.c.topic)
    return _drop_some(conn, of_post.where(post.c.account_id == account_id))


def drop_some_by(conn: Connection, account_id: int) -> bool:
    """Forget some of all that an account had to say to others; whether there may be more."""
    theirs = message.c.account_id == account_id
    if _drop_some(conn, _of_message().where(theirs)):
        return True
    conn.execute(delete(message).where(theirs))
    return False


def _of_message() -> Select[Any]:
    return select(delivery.c.id).join(message, message.c.id == delivery.c.message_id)


def _drop_some(conn: Connection, chosen: Select[Any]) -> bool:
    found = list(conn.scalars(chosen.limit(DROPPED_PER_UNIT)))
    _remove(conn, found)
    return len(found) == DROPPED_PER_UNIT


def _failed(ids: Sequence[int] | None, host: str | None) -> Any:
    chosen = delivery.c.state == "failed"
    if ids is not None:
        chosen = and_(chosen, delivery.c.id.in_(list(ids)))
    if host is not None:
        chosen = and_(chosen, delivery.c.host == host)
    return chosen


def queue_status(conn: Connection, *, hosts_max: int = LISTED_MAX) -> dict[str, Any]:
    """Counts for people and monitoring.

    ``waiting`` and ``failed`` are deliveries, ``running`` those waiting for hosts some process sends to now,
    ``oldest_seconds`` the age of the oldest waiting message; ``hosts`` are those with most waiting.
    """
    now = now_ms()
    per_host = (
        select(
            delivery.c.host,
            func.count().filter(delivery.c.state == "waiting").label("waiting"),
            func.count().filter(delivery.c.state == "failed").label("failed"),
            func.min(delivery.c.message_id).filter(delivery.c.state == "waiting").label("oldest_id"),
        )
        .group_by(delivery.c.host)
        .subquery()
    )
    claimed = func.coalesce(instance.c.claimed_until_at, 0) > now
    totals = conn.execute(
        select(
            func.coalesce(func.sum(per_host.c.waiting), 0),
            func.coalesce(func.sum(per_host.c.failed), 0),
            func.coalesce(func.sum(per_host.c.waiting).filter(claimed), 0),
            func.min(per_host.c.oldest_id),
        ).join_from(per_host, instance, instance.c.host == per_host.c.host)
    ).one()
    rows = conn.execute(
        select(
            per_host,
            instance.c.failures,
            instance.c.retry_at,
            instance.c.last_error,
            claimed.label("sending"),
        )
        .join_from(per_host, instance, instance.c.host == per_host.c.host)
        .order_by(per_host.c.waiting.desc(), per_host.c.failed.desc(), per_host.c.host)
        .limit(hosts_max)
    )
    return {
        "waiting": int(totals[0]),
        "running": int(totals[2]),
        "failed": int(totals[1]),
        "oldest_seconds": 0 if totals[3] is None else max(0, now - instant_of(totals[3])) // 1000,
        "hosts": [
            {
                "host": row.host,
                "waiting": row.waiting,
                "failed": row.failed,
                "sending": bool(row.sending),
                "failures": row.failures,
                "retry_at": row.retry_at,
                "last_error": row.last_error,
            }
            for row in rows
        ],
    }
