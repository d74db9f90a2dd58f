"""Other servers: what we decided about them, how well they can be reached, which signature they take."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, Literal, NamedTuple

from sqlalchemy import Connection, Row, bindparam, delete, func, literal, or_, select, update

from storage.hot import Hot, insert_rows
from storage.signals import signal
from storage.tables import account, delivery, instance
from storage.types import AnyOf, now_ms

Policy = Literal["", "limit", "reject", "allow"]
SignatureScheme = Literal["cavage", "rfc9421"]
InstanceRow = Row[Any]

SCHEME_BELIEVED_MS: Final = 7 * 24 * 3_600_000
LISTED_MAX: Final = 200


class Rules(NamedTuple):
    """What we decided about a host. `policy` of a parent domain holds for its subdomains too."""

    policy: Policy
    rejects_media: bool
    rejects_reports: bool


NO_RULES: Final = Rules("", False, False)


def see(conn: Connection, hosts: Iterable[str]) -> None:
    """Make sure that each host has a row."""
    rows = [{"host": host, "first_seen_at": now_ms()} for host in dict.fromkeys(hosts)]
    insert_rows(conn, instance, rows, unless_there=True)


def by_host(conn: Connection, host: str) -> InstanceRow | None:
    """The row of a host (authority: with the port where it is not the scheme's own)."""
    return conn.execute(select(instance).where(instance.c.host == host)).first()


def domains_of(host: str) -> list[str]:
    """The host, the same without its port, and every domain above it: where a rule about it may stand."""
    bare = host if host.startswith("[") else host.rpartition(":")[0] or host
    labels = bare.split(".")
    parents = [".".join(labels[start:]) for start in range(max(1, len(labels)))]
    return list(dict.fromkeys([host, *parents]))


_rules = Hot(
    lambda: select(
        instance.c.host, instance.c.policy, instance.c.rejects_media, instance.c.rejects_reports
    ).where(
        AnyOf(instance.c.host, bindparam("hosts")),
        or_(instance.c.policy != literal(""), instance.c.rejects_media, instance.c.rejects_reports),
    ),
    tuple,
)

_STRICTNESS: Final = {"reject": 3, "limit": 2, "allow": 1, "": 0}


def rules(conn: Connection, host: str) -> Rules:
    """The rules that hold for a host: its own and those of the domains above it, the strictest winning."""
    found = _rules.run(conn, hosts=domains_of(host))
    if not found:
        return NO_RULES
    policy = max((row[1] for row in found), key=lambda name: _STRICTNESS.get(name, 0))
    return Rules(policy, any(bool(row[2]) for row in found), any(bool(row[3]) for row in found))


_rejected = Hot(
    lambda: select(instance.c.host).where(instance.c.policy == bindparam("policy")),
    lambda row: str(row[0]),
)


def hosts_with(conn: Connection, policy: Policy) -> set[str]:
    """Every host or domain this policy stands for."""
    return set(_rejected.run(conn, policy=policy))


def set_rules(
    conn: Connection,
    host: str,
    *,
    policy: Policy,
    rejects_media: bool = False,
    rejects_reports: bool = False,
    note: str = "",
) -> None:
    """Decide about a host. Those who cache rules hear ``instance``; deliveries to a rejected one are dropped."""
    see(conn, [host])
    conn.execute(
        update(instance)
        .where(instance.c.host == host)
        .values(policy=policy, rejects_media=rejects_media, rejects_reports=rejects_reports, note=note)
    )
    if policy == "reject":
        conn.execute(
            delete(delivery).where(
                or_(delivery.c.host == host, delivery.c.host.like(f"%.{_escaped(host)}", escape="\\"))
            )
        )
    signal(conn, "instance", host)


def describe(conn: Connection, host: str, *, software: str, software_version: str) -> None:
    """Remember what a host says it runs (NodeInfo)."""
    see(conn, [host])
    conn.execute(
        update(instance)
        .where(instance.c.host == host)
        .values(software=software[:200], software_version=software_version[:200])
    )


def heard_from(conn: Connection, host: str) -> None:
    """A valid signed request came from there: whatever waits for this host is worth trying at once."""
    changed = conn.execute(
        update(instance)
        .where(instance.c.host == host, instance.c.retry_at.is_not(None))
        .values(retry_at=None)
    )
    if changed.rowcount:
        conn.execute(
            update(delivery)
            .where(delivery.c.host == host, delivery.c.state == "waiting", delivery.c.next_at > now_ms())
            .values(next_at=now_ms())
        )
        signal(conn, "delivery", host)


def remember_scheme(conn: Connection, schemes: Iterable[tuple[str, SignatureScheme]], now: int) -> None:
    """Believe for a week that these hosts take this signature format."""
    rows = [
        {"b_host": host, "b_scheme": scheme, "b_until": now + SCHEME_BELIEVED_MS} for host, scheme in schemes
    ]
    if rows:
        conn.execute(
            update(instance)
            .where(instance.c.host == bindparam("b_host"))
            .values(signature_scheme=bindparam("b_scheme"), scheme_until_at=bindparam("b_until")),
            rows,
        )


def scheme_of(conn: Connection, host: str) -> SignatureScheme | None:
    """The signature format this host took within the last week, if any."""
    row = conn.execute(
        select(instance.c.signature_scheme).where(
            instance.c.host == host, instance.c.signature_scheme != "", instance.c.scheme_until_at > now_ms()
        )
    ).first()
    return row.signature_scheme if row else None


class Failure(NamedTuple):
    """A host that could not be reached: from when on it may be tried again, and why."""

    host: str
    retry_at: int
    error: str


def failed(conn: Connection, failures: Sequence[Failure], now: int) -> None:
    """These hosts could not be reached: nothing is sent to them before `retry_at`."""
    rows = [{"b_host": one.host, "b_retry": one.retry_at, "b_error": one.error} for one in failures]
    if rows:
        conn.execute(
            update(instance)
            .where(instance.c.host == bindparam("b_host"))
            .values(
                failures=instance.c.failures + 1,
                failing_since_at=func.coalesce(instance.c.failing_since_at, now),
                retry_at=bindparam("b_retry"),
                last_error=bindparam("b_error"),
            ),
            rows,
        )


def postponed(conn: Connection, until: Iterable[tuple[str, int]]) -> None:
    """These hosts asked for a pause (429 or 503 with Retry-After), until this instant."""
    rows = [{"b_host": host, "b_retry": retry_at} for host, retry_at in until]
    if rows:
        conn.execute(
            update(instance)
            .where(instance.c.host == bindparam("b_host"))
            .values(retry_at=bindparam("b_retry")),
            rows,
        )


def listed(conn: Connection, *, text: str = "", after_host: str = "", limit: int = 50) -> list[Row[Any]]:
    """For admins: every host in order, with `accounts`, `waiting` and `failed_deliveries` counted."""
    accounts = (
        select(func.count()).where(account.c.host == instance.c.host).correlate(instance).scalar_subquery()
    )

    def deliveries(state: str) -> Any:
        return (
            select(func.count())
            .where(delivery.c.host == instance.c.host, delivery.c.state == state)
            .correlate(instance)
            .scalar_subquery()
        )

    statement = (
        select(
            instance,
            accounts.label("accounts"),
            deliveries("waiting").label("waiting"),
            deliveries("failed").label("failed_deliveries"),
        )
        .where(instance.c.host > after_host)
        .order_by(instance.c.host)
        .limit(min(limit, LISTED_MAX))
    )
    if text:
        statement = statement.where(instance.c.host.like(f"%{_escaped(text.lower())}%", escape="\\"))
    return list(conn.execute(statement))


def failing(conn: Connection, *, limit: int = 50) -> list[InstanceRow]:
    """Hosts that cannot be reached at present, the longest failing first."""
    return list(
        conn.execute(
            select(instance)
            .where(instance.c.failing_since_at.is_not(None))
            .order_by(instance.c.failing_since_at)
            .limit(min(limit, LISTED_MAX))
        )
    )


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
