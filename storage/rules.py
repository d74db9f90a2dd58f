"""Rules for sign-ups and visitors: domains of mail addresses, single addresses, network addresses; and where from
members sign up and in."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Row, delete, func, insert, or_, select, update

from storage.hot import insert_row
from storage.paging import Window
from storage.signals import signal
from storage.tables import (
    ip_rule,
    mail_address_rule,
    mail_domain_rule,
    mail_domain_use,
    member_ip,
)
from storage.types import new_id, now_ms

IP_CHANNEL: Final = "ip_rule"
"""The channel, without payload: the rules for network addresses have changed."""

# Attributes are the tables' columns.
MailDomainRow = Row[Any]
AddressRow = Row[Any]


class IpRule(NamedTuple):
    """A rule for a network, as CIDR. Instants in ms."""

    id: int
    network: str
    severity: str
    comment: str
    created_at: int
    expires_at: int | None


class Use(NamedTuple):
    """How often a rule kept somebody out on a day (days since 1970), and how many networks they came from."""

    rule_id: int
    day: int
    uses: int
    subjects: int


class Origin(NamedTuple):
    """A network address that a member came from, and when last."""

    account_id: int
    ip: str
    used_at: int


# -- domains of mail addresses


def mail_domains(conn: Connection, window: Window) -> list[MailDomainRow]:
    return window.rows(conn, select(mail_domain_rule), mail_domain_rule.c.id)


def mail_domain(conn: Connection, rule_id: int) -> MailDomainRow | None:
    return conn.execute(select(mail_domain_rule).where(mail_domain_rule.c.id == rule_id)).first()


def mail_domain_covering(conn: Connection, domains: Iterable[str]) -> MailDomainRow | None:
    """The strictest rule that stands for one of these domains."""
    query = select(mail_domain_rule).where(mail_domain_rule.c.domain.in_(list(domains)))
    return conn.execute(query.order_by(mail_domain_rule.c.allows_with_approval).limit(1)).first()


def add_mail_domain(conn: Connection, domain: str, *, allows_with_approval: bool) -> MailDomainRow | None:
    """A new rule; None when there is one for this domain."""
    rule_id = new_id()
    values = {
        "id": rule_id,
        "domain": domain,
        "allows_with_approval": allows_with_approval,
        "created_at": now_ms(),
    }
    added = insert_row(conn, mail_domain_rule, values, unless_there=True)
    return mail_domain(conn, rule_id) if added else None


def remove_mail_domain(conn: Connection, rule_id: int) -> None:
    conn.execute(delete(mail_domain_rule).where(mail_domain_rule.c.id == rule_id))


def count_mail_domain_use(conn: Connection, rule_id: int, day: int, subject: bytes) -> None:
    """The rule kept somebody out."""
    counted = conn.execute(
        update(mail_domain_use)
        .where(
            mail_domain_use.c.rule_id == rule_id,
            mail_domain_use.c.day == day,
            mail_domain_use.c.subject == subject,
        )
        .values(uses=mail_domain_use.c.uses + 1)
    )
    if not counted.rowcount:
        values = {"rule_id": rule_id, "day": day, "subject": subject, "uses": 1}
        insert_row(conn, mail_domain_use, values, unless_there=True)


def mail_domain_uses(conn: Connection, rule_ids: Iterable[int], since_day: int) -> list[Use]:
    """By rule and day since this one."""
    query = (
        select(
            mail_domain_use.c.rule_id,
            mail_domain_use.c.day,
            func.sum(mail_domain_use.c.uses),
            func.count(),
        )
        .where(mail_domain_use.c.rule_id.in_(list(rule_ids)), mail_domain_use.c.day >= since_day)
        .group_by(mail_domain_use.c.rule_id, mail_domain_use.c.day)
    )
    return [Use(row[0], row[1], int(row[2]), int(row[3])) for row in conn.execute(query)]


def forget_uses(conn: Connection, before_day: int) -> None:
    conn.execute(delete(mail_domain_use).where(mail_domain_use.c.day < before_day))


# -- single addresses


def addresses(conn: Connection, window: Window) -> list[AddressRow]:
    return window.rows(conn, select(mail_address_rule), mail_address_rule.c.id)


def address(conn: Connection, rule_id: int) -> AddressRow | None:
    return conn.execute(select(mail_address_rule).where(mail_address_rule.c.id == rule_id)).first()


def address_by_digest(conn: Connection, digest: str) -> AddressRow | None:
    return conn.execute(select(mail_address_rule).where(mail_address_rule.c.digest == digest)).first()


def put_address(conn: Connection, digest: str, account_id: int | None = None) -> AddressRow:
    """Keep an address out; the rule that does, which may have been there."""
    values = {"id": new_id(), "digest": digest, "account_id": account_id, "created_at": now_ms()}
    insert_row(conn, mail_address_rule, values, unless_there=True)
    row = address_by_digest(conn, digest)
    assert row is not None
    return row


def remove_address(conn: Connection, rule_id: int) -> None:
    conn.execute(delete(mail_address_rule).where(mail_address_rule.c.id == rule_id))


def remove_addresses_of(conn: Connection, account_id: int) -> None:
    """Let the address of an account in again."""
    conn.execute(delete(mail_address_rule).where(mail_address_rule.c.account_id == account_id))


# -- network addresses

_IP_COLUMNS: Final = [ip_rule.c[name] for name in IpRule._fields]


def ip_rules(conn: Connection, window: Window) -> list[IpRule]:
    return [IpRule._make(row) for row in window.rows(conn, select(*_IP_COLUMNS), ip_rule.c.id)]


def ip_rules_in_force(conn: Connection, now: int) -> list[IpRule]:
    """Every rule that has not expired."""
    query = select(*_IP_COLUMNS).where(or_(ip_rule.c.expires_at.is_(None), ip_rule.c.expires_at > now))
    return [IpRule._make(row) for row in conn.execute(query)]


def ip_rule_by_id(conn: Connection, rule_id: int) -> IpRule | None:
    row = conn.execute(select(*_IP_COLUMNS).where(ip_rule.c.id == rule_id)).first()
    return None if row is None else IpRule._make(row)


def add_ip_rule(
    conn: Connection, network: str, *, severity: str, comment: str, expires_at: int | None
) -> IpRule | None:
    """A new rule; None when there is one for this network."""
    rule = IpRule(new_id(), network, severity, comment, now_ms(), expires_at)
    if not insert_row(conn, ip_rule, rule._asdict(), unless_there=True):
        return None
    signal(conn, IP_CHANNEL)
    return rule


def change_ip_rule(conn: Connection, rule_id: int, **columns: Any) -> None:
    conn.execute(update(ip_rule).where(ip_rule.c.id == rule_id).values(**columns))
    signal(conn, IP_CHANNEL)


def remove_ip_rule(conn: Connection, rule_id: int) -> None:
    conn.execute(delete(ip_rule).where(ip_rule.c.id == rule_id))
    signal(conn, IP_CHANNEL)


def ip_rule_for(conn: Connection, network: str) -> IpRule | None:
    row = conn.execute(select(*_IP_COLUMNS).where(ip_rule.c.network == network)).first()
    return None if row is None else IpRule._make(row)


def forget_expired_ip_rules(conn: Connection, now: int) -> None:
    conn.execute(delete(ip_rule).where(ip_rule.c.expires_at <= now))


# -- where from members come


def saw_ip(conn: Connection, account_id: int, ip: str, at_ms: int) -> None:
    """A member signed up or in from this address."""
    seen = conn.execute(
        update(member_ip)
        .where(member_ip.c.account_id == account_id, member_ip.c.ip == ip)
        .values(used_at=at_ms)
    )
    if not seen.rowcount:
        conn.execute(insert(member_ip).values(account_id=account_id, ip=ip, used_at=at_ms))


def ips_of(conn: Connection, account_ids: Iterable[int]) -> dict[int, list[Origin]]:
    """By member, the latest first."""
    query = select(member_ip.c.account_id, member_ip.c.ip, member_ip.c.used_at)
    query = query.where(member_ip.c.account_id.in_(list(account_ids))).order_by(member_ip.c.used_at.desc())
    found: dict[int, list[Origin]] = {}
    for row in conn.execute(query):
        found.setdefault(row.account_id, []).append(Origin._make(row))
    return found


def forget_ips(conn: Connection, before_ms: int) -> None:
    """Forget where from members came before this instant."""
    conn.execute(delete(member_ip).where(member_ip.c.used_at < before_ms))
