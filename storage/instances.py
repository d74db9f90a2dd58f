"""Other servers: what we decided about them, how well they can be reached, which signature they take."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, Literal, NamedTuple

from sqlalchemy import ColumnElement, Connection, Row, bindparam, delete, func, literal, or_, select, update

from storage import jobs, kept_out
from storage.hot import Hot, insert_rows
from storage.paging import Window
from storage.signals import signal
from storage.tables import account, delivery, instance, partner
from storage.types import AnyOf, new_id, now_ms

Policy = Literal["", "noop", "limit", "reject", "allow"]
"""Nothing decided; nothing but its flags; shown to followers only; nothing exchanged; exchanged where only allowed
servers are."""
SignatureScheme = Literal["cavage", "rfc9421"]
InstanceRow = Row[Any]

SCHEME_BELIEVED_MS: Final = 7 * 24 * 3_600_000
LISTED_MAX: Final = 200
DELIVERIES_PER_UNIT: Final = 500
HOSTS_PER_RULE: Final = 40  # judged in the unit of a rule: lists make several rules in one
HOSTS_PER_UNIT: Final = 500


class Rules(NamedTuple):
    """What we decided about a host. `policy` of a parent domain holds for its subdomains too; `partner` is this very host."""

    policy: Policy
    rejects_media: bool
    rejects_reports: bool
    partner: bool = False


NO_RULES: Final = Rules("", False, False)


_known = Hot(
    lambda: select(instance.c.host).where(AnyOf(instance.c.host, bindparam("hosts"))),
    lambda row: str(row[0]),
)


def see(conn: Connection, hosts: Iterable[str]) -> None:
    """Make sure that each host has a row, which says whether it is kept out or let in."""
    wanted = list(dict.fromkeys(hosts))
    known = set(_known.run(conn, hosts=wanted)) if wanted else set()
    new = [host for host in wanted if host not in known]
    if new:
        now, verdicts = now_ms(), _verdicts(conn, new)
        rows = [{"host": host, "first_seen_at": now, **verdicts[host]._asdict()} for host in new]
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

STRICTNESS: Final = {"reject": 4, "limit": 3, "allow": 2, "noop": 1, "": 0}
"""Of several rules that stand for a host the strictest holds."""


def rules(conn: Connection, host: str) -> Rules:
    """The rules that hold for a host: its own and those of the domains above it, the strictest winning."""
    found = _rules.run(conn, hosts=domains_of(host))
    if not found:
        return NO_RULES
    policy = max((row[1] for row in found), key=lambda name: STRICTNESS.get(name, 0))
    return Rules(policy, any(bool(row[2]) for row in found), any(bool(row[3]) for row in found))


class _Verdict(NamedTuple):
    """What rules and partnerships come to for one host: `storage.kept_out` asks for it."""

    kept_out: bool
    let_in: bool


_partners = Hot(
    lambda: select(partner.c.host).where(
        AnyOf(partner.c.host, bindparam("hosts")), partner.c.state == literal("active")
    ),
    lambda row: str(row[0]),
)


def _verdicts(conn: Connection, hosts: Sequence[str]) -> dict[str, _Verdict]:
    domains = {host: domains_of(host) for host in hosts}
    found = _rules.run(conn, hosts=list({one for several in domains.values() for one in several}))
    policies = {row[0]: row[1] for row in found}
    sharing = set(_partners.run(conn, hosts=list(hosts)))
    verdicts = {}
    for host, above in domains.items():
        policy = max((policies.get(one, "") for one in above), key=lambda name: STRICTNESS.get(name, 0))
        let_in = policy == "allow" or (host in sharing and policy not in ("reject", "limit"))
        verdicts[host] = _Verdict(policy == "reject", let_in)
    return verdicts


def judge(conn: Connection, domain: str, most: int = HOSTS_PER_UNIT) -> bool:
    """Note of servers of a domain what its rules come to now, at once for all who ask; whether there are more than
    `most` that change."""
    query = select(instance.c.host, instance.c.kept_out, instance.c.let_in).where(
        under(instance.c.host, domain)
    )
    known = {row.host: _Verdict(bool(row.kept_out), bool(row.let_in)) for row in conn.execute(query)}
    verdicts = _verdicts(conn, list(known)) if known else {}
    changed = [host for host, verdict in verdicts.items() if verdict != known[host]]
    by_verdict: dict[_Verdict, list[str]] = {}
    for host in changed[:most]:
        by_verdict.setdefault(verdicts[host], []).append(host)
    for verdict, several in by_verdict.items():
        which = instance.c.host.in_(several)
        conn.execute(update(instance).where(which).values(**verdict._asdict()))
    if changed:
        signal(conn, "instance", domain)
    return len(changed) > most


_kept_out = Hot(
    lambda: select(instance.c.host).where(
        AnyOf(instance.c.host, bindparam("hosts")), kept_out.keeps_out(instance)
    ),
    lambda row: str(row[0]),
)


def kept_out_of(conn: Connection, hosts: Iterable[str]) -> set[str]:
    """Those of these hosts with which nothing is exchanged at present, whether they were known or not."""
    wanted = list(dict.fromkeys(hosts))
    see(conn, wanted)
    return closed(conn, wanted)


def closed(conn: Connection, hosts: Sequence[str]) -> set[str]:
    """The same of hosts that are known."""
    return set(_kept_out.run(conn, hosts=list(hosts))) if hosts else set()


def set_rules(
    conn: Connection,
    host: str,
    *,
    policy: Policy,
    rejects_media: bool = False,
    rejects_reports: bool = False,
    note: str = "",
    public_comment: str = "",
    obfuscates: bool = False,
    until_at: int | None = None,
) -> None:
    """Decide about a host (until an instant in ms), or with no policy and no flag take a decision back. Those who cache rules hear
    ``instance``; for many servers below the domain `judge` goes on, and `drop_deliveries` forgets what waits."""
    see(conn, [host])
    before = by_host(conn, host)
    assert before is not None
    stands = bool(policy or rejects_media or rejects_reports)
    now = now_ms()
    conn.execute(
        update(instance)
        .where(instance.c.host == host)
        .values(
            policy=policy,
            rejects_media=rejects_media,
            rejects_reports=rejects_reports,
            note=note,
            public_comment=public_comment if stands else "",
            obfuscates=obfuscates and stands,
            rule_id=(before.rule_id or new_id(now)) if stands else None,
            # The accounts that a rule hides carry this instant.
            rule_at=(before.rule_at if before.policy == policy and before.rule_at else now)
            if stands
            else None,
            rule_until_at=until_at if stands else None,
        )
    )
    judge(conn, host, HOSTS_PER_RULE)
    if policy == "reject" or rejects_media:
        jobs.add(conn, "forget_media_of_host", {"host": host}, key=host)
    signal(conn, "instance", host)


def drop_deliveries(conn: Connection, host: str) -> bool:
    """Forget some of what waits for a rejected server and those below it; whether there may be more."""
    if rules(conn, host).policy != "reject":
        return False
    some = select(delivery.c.id).where(under(delivery.c.host, host)).limit(DELIVERIES_PER_UNIT)
    return conn.execute(delete(delivery).where(delivery.c.id.in_(some))).rowcount == DELIVERIES_PER_UNIT


def under(column: ColumnElement[str], domain: str) -> ColumnElement[bool]:
    """A condition: the host in `column` is this domain or one below it, whatever its port."""
    like = escaped(domain)
    return or_(
        column == domain,
        *(column.like(pattern, escape="\\") for pattern in (f"{like}:%", f"%.{like}", f"%.{like}:%")),
    )


def of_domain(domain: str) -> ColumnElement[bool]:
    """A condition over the `account` table: of this domain or one below it, by address or by handle."""
    return or_(under(account.c.host, domain), under(account.c.domain, domain))


def number_rules(conn: Connection) -> None:
    """Give those rules an id that were made before rules had one."""
    query = select(instance.c.host, instance.c.first_seen_at).where(
        instance.c.rule_id.is_(None), is_decided(), instance.c.rule_at.is_(None)
    )
    for host, first_seen_at in conn.execute(query).all():
        conn.execute(
            update(instance)
            .where(instance.c.host == host)
            .values(rule_id=new_id(first_seen_at), rule_at=first_seen_at)
        )


def is_decided() -> ColumnElement[bool]:
    """A condition over the `instance` table: a rule stands for the row itself."""
    return or_(instance.c.policy != "", instance.c.rejects_media, instance.c.rejects_reports)


def decided(conn: Connection, window: Window, *, allowed: bool) -> list[InstanceRow]:
    """Rows with a rule, the newest first: those that are allowed, or those that are kept out in some way."""
    which = instance.c.policy == "allow" if allowed else instance.c.policy != "allow"
    query = select(instance).where(instance.c.rule_id.is_not(None), which)
    return window.rows(conn, query, instance.c.rule_id)


def all_decided(
    conn: Connection, *, allowed: bool = False, about: Iterable[str] | None = None
) -> list[InstanceRow]:
    """Every row with a rule (of some hosts), by name: those that are allowed, or those that are kept out in some way."""
    which = instance.c.policy == "allow" if allowed else instance.c.policy != "allow"
    query = select(instance).where(is_decided(), which)
    if about is not None:
        query = query.where(instance.c.host.in_(list(about)))
    return list(conn.execute(query.order_by(instance.c.host)))


def allowed_hosts(conn: Connection) -> set[str]:
    """The hosts that are allowed."""
    return set(conn.scalars(select(instance.c.host).where(instance.c.policy == "allow")))


def by_rule(conn: Connection, rule_id: int) -> InstanceRow | None:
    """The row whose rule this is."""
    return conn.execute(select(instance).where(instance.c.rule_id == rule_id)).first()


def rules_covering(conn: Connection, host: str) -> list[InstanceRow]:
    """The rows of all rules that stand for a host, that of the widest domain first."""
    query = select(instance).where(instance.c.host.in_(domains_of(host)), is_decided())
    return sorted(conn.execute(query).all(), key=lambda row: len(row.host))


def rule_covering(conn: Connection, host: str) -> InstanceRow | None:
    """The row of the strictest rule that stands for a host: its own, or that of a domain above it."""
    return max(
        rules_covering(conn, host),
        key=lambda row: (STRICTNESS.get(row.policy, 0), len(row.host)),
        default=None,
    )


def expired(conn: Connection, now: int, limit: int) -> list[InstanceRow]:
    """Rows whose rule should have ended by now, locked: whoever prolongs one at this moment comes before or after."""
    query = select(instance).where(instance.c.rule_until_at <= now).order_by(instance.c.rule_until_at)
    return list(conn.execute(query.limit(limit).with_for_update()))


def published(conn: Connection, *, limit: int | None = None, offset: int = 0) -> list[InstanceRow]:
    """What strangers are told of: domains that are rejected or limited, the strictest first; all, or a part."""
    query = select(instance).where(instance.c.policy.in_(("reject", "limit")))
    query = query.order_by(instance.c.policy.desc(), instance.c.host)
    return list(conn.execute(query.limit(limit).offset(offset)))


def describe(conn: Connection, host: str, *, software: str, software_version: str) -> None:
    """Remember what a host says it runs (NodeInfo)."""
    see(conn, [host])
    conn.execute(
        update(instance)
        .where(instance.c.host == host)
        .values(software=software[:200], software_version=software_version[:200])
    )


_heard: Hot[Any] = Hot(
    lambda: (
        update(instance).where(instance.c.host == bindparam("host")).values(last_heard_at=bindparam("now"))
    ),
    tuple,
)


def heard_from(conn: Connection, host: str) -> None:
    """A valid signed request came from there: whatever waits for this host is worth trying at once."""
    _heard.run(conn, host=host, now=now_ms())
    try_now(conn, host)


def try_now(conn: Connection, host: str) -> None:
    """What waits for a host that could not be reached is due."""
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


def escaped(text: str) -> str:
    """A text as LIKE takes it literally, with a backslash to escape."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
