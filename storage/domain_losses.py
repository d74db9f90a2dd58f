"""What ties members to other servers, by server: what a rule against one would cost them."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from storage.instances import domains_of
from storage.tables import account, follow, instance, user


class Ties(NamedTuple):
    """Of one host: accounts that are known, members' follows of them, their follows of members, and how many members."""

    accounts: int = 0
    following: int = 0
    followers: int = 0
    members: int = 0


def by_host(conn: Connection) -> dict[str, Ties]:
    """Every host (authority) of which an account is known."""
    counted = select(account.c.host, func.count()).where(
        account.c.domain != "", account.c.deleted_at.is_(None)
    )
    known = {row[0]: int(row[1]) for row in conn.execute(counted.group_by(account.c.host))}
    following: dict[str, int] = defaultdict(int)
    followers: dict[str, int] = defaultdict(int)
    members: dict[str, set[int]] = defaultdict(set)
    for theirs, own, counts in (
        (follow.c.target_id, follow.c.account_id, following),
        (follow.c.account_id, follow.c.target_id, followers),
    ):
        query = (
            select(account.c.host, own, func.count())
            .join_from(follow, account, account.c.id == theirs)
            .join(user, user.c.account_id == own)
            .where(follow.c.accepted, account.c.domain != "")
            .group_by(account.c.host, own)
        )
        for host, member_id, number in conn.execute(query):
            counts[host] += int(number)
            members[host].add(member_id)
    return {
        host: Ties(number, following[host], followers[host], len(members[host]))
        for host, number in known.items()
    }


def of_domain(conn: Connection, domain: str) -> Ties:
    """The same of a domain and all below it."""
    found = [ties for host, ties in by_host(conn).items() if domain in domains_of(host)]
    return _together(found)


def _together(found: list[Ties]) -> Ties:
    return Ties(*(sum(numbers) for numbers in zip(*found, strict=True))) if found else Ties()


def by_mode(conn: Connection) -> dict[str, Ties]:
    """What each mode of federation hides of what is here (`members` once for each server)."""
    query = select(instance.c.host, instance.c.kept_out, instance.c.let_in)
    verdicts = {row.host: (bool(row.kept_out), bool(row.let_in)) for row in conn.execute(query)}
    hidden: dict[str, list[Ties]] = {"open": [], "allowlist": [], "closed": []}
    for host, ties in by_host(conn).items():
        kept_out, let_in = verdicts.get(host, (False, False))
        for mode, hides in (("open", kept_out), ("allowlist", not let_in), ("closed", True)):
            if hides:
                hidden[mode].append(ties)
    return {mode: _together(found) for mode, found in hidden.items()}
