"""Lists of domains in the form that Mastodon reads and writes, in and out; and what following one would change here.

    #domain,#severity,#reject_media,#reject_reports,#public_comment,#obfuscate

Without a header, or with less in it, each line begins with a domain, which is blocked. Rows whose domain is hidden behind
asterisks name nobody and are left out. What is allowed here, a partner, and this server itself no list can block, and a rule
that is as strict already stays as it is.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal, NamedTuple

import msgspec
from sqlalchemy import Connection

from fedserver import csv_tables
from fedserver.content.text import clean_text
from fedserver.context import Server
from fedserver.errors import FedError, Invalid
from fedserver.federation.http import GuardedClient
from fedserver.moderation import domains
from fedserver.moderation.domains import COMMENT_CHARACTERS_MAX, POLICIES, SEVERITIES, Rule, normal_domain
from fedserver.moderation.permissions import Permission, require
from fedserver.viewer import Member
from storage import domain_losses, instances, partners
from storage.domain_losses import Ties
from storage.instances import STRICTNESS

ROWS_MAX: Final = 20_000
BYTES_MAX: Final = 8 << 20
RULES_PER_UNIT: Final = 20
CELL_CHARACTERS_MAX: Final = 10_000
HEADER: Final = ("#domain", "#severity", "#reject_media", "#reject_reports", "#public_comment", "#obfuscate")
_YES: Final = frozenset({"true", "1", "yes", "t"})

Change = Literal["new", "stricter", "there", "allowed", "partner", "ours"]
"""What a row would do: make a rule, make one stricter, nothing since there is one, or nothing since that server is allowed, a
partner, or this one."""
CHANGING: Final = ("new", "stricter")


class Row(NamedTuple):
    """A domain and what the list says of it."""

    domain: str
    rule: Rule


class LeftOut(NamedTuple):
    """A line that could not be used, and why."""

    line: int
    text: str
    why: str


class Listed(NamedTuple):
    """A list that was read."""

    rows: list[Row]
    left_out: list[LeftOut]


class Outcome(NamedTuple):
    """What a row would change, and what members would lose by it."""

    row: Row
    change: Change
    ties: Ties

    @property
    def counts(self) -> bool:
        """Whether anything changes."""
        return self.change in CHANGING


class Entry(msgspec.Struct, frozen=True):
    """An outcome as commands and pages tell it."""

    domain: str
    severity: str
    change: Change
    accounts: int
    following: int
    followers: int
    members: int
    comment: str = ""


def read(text: str, *, allows: bool = False, severest: str = "suspend") -> Listed:
    """Read a list; of `allows` every row is allowed. What it says more severely than `severest` counts as that.

    Raises Invalid for what is no table, or too long.
    """
    if severest not in POLICIES:
        raise Invalid({"severity": f"must be one of {', '.join(POLICIES)}"})
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    columns: Mapping[str, int] | None = None
    rows: dict[str, Row] = {}
    left_out: list[LeftOut] = []
    try:
        for cells in reader:
            first = cells[0].strip() if cells else ""
            if not first:
                continue
            if columns is None:
                columns = _columns(cells)
                if columns is not None:
                    continue
                columns = {"domain": 0}
            if first.startswith("#"):
                continue  # a remark
            if len(rows) + len(left_out) >= ROWS_MAX:
                raise Invalid({"file": f"has more than {ROWS_MAX} rows"})
            try:
                row = _row(cells, columns, allows=allows, severest=severest)
            except Invalid as error:
                why = "; ".join(error.fields.values())
                left_out.append(LeftOut(reader.line_num, first[:200], why))
                continue
            known = rows.get(row.domain)
            if known is None or STRICTNESS[known.rule.policy] < STRICTNESS[row.rule.policy]:
                rows[row.domain] = row
    except csv.Error as error:
        raise Invalid({"file": f"is no table in CSV (line {reader.line_num})"}) from error
    return Listed(list(rows.values()), left_out)


def _columns(cells: Sequence[str]) -> dict[str, int] | None:
    """Where each column is, if these are the names of columns."""
    names = [cell.strip().lstrip("#").strip().lower() for cell in cells]
    return {name: place for place, name in enumerate(names)} if "domain" in names else None


def _row(cells: Sequence[str], columns: Mapping[str, int], *, allows: bool, severest: str) -> Row:
    def cell(name: str) -> str:
        place = columns.get(name)
        return cells[place].strip() if place is not None and place < len(cells) else ""

    text = cell("domain")
    if "*" in text.removeprefix("*."):
        raise Invalid({"domain": "is hidden behind asterisks"})
    domain = normal_domain(text.removeprefix("*."))  # a rule holds for what is below it anyway
    if allows:
        return Row(domain, Rule("allow"))
    severity = cell("severity").lower() or "suspend"
    severity = {"limit": "silence", "block": "suspend", "none": "noop"}.get(severity, severity)
    if severity not in POLICIES:
        raise Invalid({"severity": f"must be one of {', '.join(POLICIES)}"})
    policy = POLICIES[severity]
    if STRICTNESS[policy] > STRICTNESS[POLICIES[severest]]:
        policy = POLICIES[severest]
    return Row(
        domain,
        Rule(
            policy,
            rejects_media=cell("reject_media").lower() in _YES,
            rejects_reports=cell("reject_reports").lower() in _YES,
            public_comment=clean_text(cell("public_comment"))[:COMMENT_CHARACTERS_MAX],
            obfuscates=cell("obfuscate").lower() in _YES,
        ),
    )


def write(conn: Connection, *, allows: bool = False) -> bytes:
    """The rules of this server as such a list: those against others, or the servers that are allowed. A unit."""
    rows = instances.all_decided(conn, allowed=allows)
    if allows:
        return csv_tables.table(HEADER[:1], ((row.host,) for row in rows))
    return csv_tables.table(
        HEADER,
        (
            (
                row.host,
                SEVERITIES.get(row.policy, "noop"),
                _word(row.rejects_media),
                _word(row.rejects_reports),
                row.public_comment,
                _word(row.obfuscates),
            )
            for row in rows
        ),
    )


def _word(value: object) -> str:
    return "true" if value else "false"


async def fetch(http: GuardedClient, url: str) -> str:
    """The text of a list elsewhere. Raises FedError."""
    got = await http.get(url, accept="text/csv, text/plain;q=0.9, */*;q=0.1", max_bytes=BYTES_MAX)
    if not 200 <= got.status < 300:
        raise FedError(f"{url} answers with status {got.status}.")
    try:
        return got.body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FedError(f"{url} is no text in UTF-8.") from error


# -- what it would change, and doing so


async def look(
    server: Server, member: Member, text: str, *, allows: bool = False, severest: str = "suspend"
) -> tuple[Listed, list[Entry]]:
    """What following a list would change here. Raises Forbidden, Invalid."""
    require(member, Permission.MANAGE_FEDERATION)
    listed = read(text, allows=allows, severest=severest)
    return listed, told(await server.db.read(compare, listed.rows, _names(server)))


async def follow(
    server: Server,
    member: Member,
    text: str,
    *,
    allows: bool = False,
    severest: str = "suspend",
    spare: bool = False,
) -> int:
    """Make rules of a list, some in a write; how many changed. With `spare` those that would cost members somebody wait.

    Raises Forbidden, Invalid.
    """
    require(member, Permission.MANAGE_FEDERATION)
    listed = read(text, allows=allows, severest=severest)
    outcomes = await server.db.read(compare, listed.rows, _names(server))
    rows = [one.row for one in outcomes if one.counts and not (spare and one.ties.members)]
    done = 0
    for start in range(0, len(rows), RULES_PER_UNIT):
        some = rows[start : start + RULES_PER_UNIT]
        done += len(await server.db.write(apply_some, member, some, _names(server)))
    return done


async def export(server: Server, member: Member, *, allows: bool = False) -> bytes:
    """`write`, for admins. Raises Forbidden."""
    require(member, Permission.MANAGE_FEDERATION)
    return await server.db.read(lambda conn: write(conn, allows=allows))


def _names(server: Server) -> tuple[str, str]:
    return server.config.domain, server.uris.host


def compare(conn: Connection, rows: Iterable[Row], ours: Iterable[str]) -> list[Outcome]:
    """What each row would change here, and what members would lose by it; `ours` are the names of this server. A unit."""
    wanted = list(rows)
    ties = _ties_below({row.domain for row in wanted}, domain_losses.by_host(conn))
    return [Outcome(row, change, ties.get(row.domain, Ties())) for row, change in changes(conn, wanted, ours)]


def changes(conn: Connection, rows: Sequence[Row], ours: Iterable[str]) -> list[tuple[Row, Change]]:
    """What each row would change, without counting what it would cost. For some rows it reads no more than concerns them. A unit."""
    about = None
    if len(rows) <= RULES_PER_UNIT:
        about = {one for row in rows for one in instances.domains_of(row.domain)}
    rules = {row.host: row for row in instances.all_decided(conn, about=about)}
    allowed = instances.allowed_hosts(conn)
    below_ours, below_allowed = _with_above(ours), _with_above(allowed)
    below_active = _with_above(partners.active_hosts(conn))
    found = []
    for row in rows:
        covering = [rules[one] for one in instances.domains_of(row.domain) if one in rules]
        own = rules.get(row.domain)
        strictest = max((STRICTNESS.get(one.policy, 0) for one in covering), default=0)
        change: Change = "new"
        if row.rule.policy == "allow":
            change = "there" if row.domain in allowed or covering else "new"
        elif row.domain in below_ours:
            change = "ours"
        elif row.domain in below_allowed:
            change = "allowed"
        elif row.domain in below_active:
            change = "partner"
        elif own is not None or covering:
            change = "stricter" if STRICTNESS[row.rule.policy] > strictest else "there"
        found.append((row, change))
    return found


def _with_above(hosts: Iterable[str]) -> set[str]:
    """These hosts and every domain that one of them is in."""
    return {domain for host in hosts for domain in instances.domains_of(host)}


def _ties_below(wanted: set[str], by_host: Mapping[str, Ties]) -> dict[str, Ties]:
    """The ties to each of these domains and all below it."""
    found: dict[str, Ties] = {}
    for host, ties in by_host.items():
        for domain in instances.domains_of(host):
            if domain in wanted:
                found[domain] = Ties(*(a + b for a, b in zip(found.get(domain, Ties()), ties, strict=True)))
    return found


def apply_some(
    conn: Connection, member: Member | None, some: Sequence[Row], ours: Iterable[str]
) -> list[str]:
    """Make rules of these rows as far as they still change something; the domains. A unit for `RULES_PER_UNIT` rows."""
    done = []
    for (domain, rule), change in changes(conn, some, ours):
        if change in CHANGING:
            before = instances.by_host(conn, domain)
            if before is not None:  # what is noted here stays, and no flag is taken away
                rule = Rule(
                    rule.policy,
                    rule.rejects_media or bool(before.rejects_media),
                    rule.rejects_reports or bool(before.rejects_reports),
                    before.note,
                    rule.public_comment or before.public_comment,
                    rule.obfuscates or bool(before.obfuscates),
                )
            domains.decide(conn, member, domain, rule)
            done.append(domain)
    return done


def told(outcomes: Iterable[Outcome]) -> list[Entry]:
    """As commands and pages tell it: what costs members most first, then what changes, then the rest."""
    entries = [
        Entry(
            one.row.domain,
            "allow" if one.row.rule.policy == "allow" else SEVERITIES.get(one.row.rule.policy, "noop"),
            one.change,
            *one.ties,
            one.row.rule.public_comment,
        )
        for one in outcomes
    ]
    return sorted(entries, key=lambda one: (one.change not in CHANGING, -one.members, one.domain))
