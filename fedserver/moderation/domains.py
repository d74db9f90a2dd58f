"""Rules for other servers: blocked, limited, allowed; how they are written, and what becomes of who is there.

A rule holds for a domain and everything below it. Whoever is on a blocked server is hidden as soon as its row says so
(`storage.kept_out`), before the answer. What else a rule does to what is here happens by job, some at a time: accounts of a
blocked server are suspended, of a limited one limited, and carry the instant of the rule, by which it can be taken back. After
30 days what was hidden is erased.
"""

# Long because a rule and its consequences have to be read together.

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from sqlalchemy import ColumnElement, Connection, or_, select, update

from activitypub.identifiers import normal_host
from fedserver import erasing, notifications
from fedserver.content.text import clean_text
from fedserver.context import Server
from fedserver.errors import Invalid, NotFound
from fedserver.events import seats
from fedserver.jobs.handlers import handles
from fedserver.jobs.plan import plan
from fedserver.moderation import audit
from fedserver.moderation.actions import day_of
from fedserver.moderation.permissions import Permission, require
from fedserver.moderation.rulings import YEARS_S_MAX
from fedserver.moderation.standing import ERASED_AFTER_MS, end_follow, lost_with
from fedserver.viewer import Member
from storage import belongings, domain_lists, domain_losses, instances, relationships, strikes
from storage.domain_losses import Ties
from storage.instances import InstanceRow, Policy, of_domain
from storage.paging import Window
from storage.signals import signal
from storage.tables import account, media, post
from storage.types import DAY_MS, instant_of, now_ms

__all__ = ["Rule", "instant_of"]

Severity = Literal["noop", "silence", "suspend"]
POLICIES: Final[dict[str, Policy]] = {"noop": "noop", "silence": "limit", "suspend": "reject"}
SEVERITIES: Final[dict[str, Severity]] = {"noop": "noop", "limit": "silence", "reject": "suspend"}
COMMENT_CHARACTERS_MAX: Final = 2_000
ACCOUNTS_PER_UNIT: Final = 100
FOLLOWS_PER_UNIT: Final = 50
FILES_PER_UNIT: Final = 200
EXPIRED_AT_ONCE: Final = 20
TERM_MS_MAX: Final = YEARS_S_MAX * 1000
UNITS_AT_ONCE: Final = 100  # of accounts, before the request is answered; the job does the rest
HOURS_MAX: Final = 6
_DEFAULT_PORTS: Final = ("80", "443")
_PORT: Final = re.compile(r"[0-9]{0,5}")


@dataclass(frozen=True, slots=True)
class Rule:
    """What is decided about a domain. The comment `note` is for moderators; `obfuscates` shows strangers the name
    with asterisks; at `until_at` (ms) it ends by itself."""

    policy: Policy
    rejects_media: bool = False
    rejects_reports: bool = False
    note: str = ""
    public_comment: str = ""
    obfuscates: bool = False
    until_at: int | None = None


class Exists(Invalid):
    """Another rule, which is at least as strict, stands for the domain already: `row`."""

    def __init__(self, row: InstanceRow) -> None:
        self.row = row
        super().__init__({}, f"A rule for {row.host} stands for this domain already.")


def normal_domain(text: str) -> str:
    """A domain as rules keep it: lower case, IDNA, no dot at the end; a port only where it is not the scheme's own.

    Raises Invalid for what is no domain, or would be far too much.
    """
    name, _, port = text.strip().removeprefix("@").partition(":")
    host = normal_host(name)
    if host is None or "." not in host or not _PORT.fullmatch(port):
        raise Invalid({"domain": "must be the name of a server, such as other.example"})
    return f"{host}:{int(port)}" if port and port not in _DEFAULT_PORTS else host


def ends_after(seconds: int | None) -> int | None:
    """When a term that begins now is over (ms); None for no term."""
    return now_ms() + seconds * 1000 if seconds else None


def ends_after_days(days: int | None) -> int | None:
    """When a term of so many days that begins now is over (ms); None for no term."""
    return now_ms() + days * DAY_MS if days else None


def rule_of(row: InstanceRow) -> Rule:
    """What the row of an instance says is decided."""
    return Rule(
        row.policy,
        bool(row.rejects_media),
        bool(row.rejects_reports),
        row.note,
        row.public_comment,
        bool(row.obfuscates),
        row.rule_until_at,
    )


def obfuscated(domain: str) -> str:
    """``b*******.example`` rather than the name: enough to recognise it, too little to advertise it."""
    visible = max(1, len(domain) // 4)
    hidden = range(visible, len(domain) - visible)
    return "".join("*" if place in hidden and sign != "." else sign for place, sign in enumerate(domain))


# -- looking after them


async def page(server: Server, member: Member, window: Window, *, allowed: bool) -> list[InstanceRow]:
    """Rules, the newest first: of allowed servers, or of the others. Raises Forbidden."""
    require(member, Permission.MANAGE_FEDERATION)

    def unit(conn: Connection) -> list[InstanceRow]:
        instances.number_rules(conn)
        return instances.decided(conn, window, allowed=allowed)

    return await server.db.write(unit)


async def one(server: Server, member: Member, rule_id: int, *, allowed: bool) -> InstanceRow:
    """One of them. Raises Forbidden, NotFound."""
    require(member, Permission.MANAGE_FEDERATION)
    return await server.db.read(_one, rule_id, allowed)


async def add(server: Server, member: Member, domain: str, rule: Rule) -> InstanceRow:
    """Decide about a domain that has no rule as strict. Raises Forbidden, Invalid, Exists."""
    require(member, Permission.MANAGE_FEDERATION)
    host = normal_domain(domain)
    _check(server, host, rule)

    def unit(conn: Connection) -> InstanceRow:
        known = instances.rule_covering(conn, host)
        if rule.policy == "allow":
            own = instances.by_host(conn, host)
            if own is not None and own.policy == "allow":
                return own
            if known is not None and known.policy in SEVERITIES:
                raise Exists(known)
        elif known is not None and known.policy != "allow":
            strictness = instances.STRICTNESS
            if known.host == host or strictness[known.policy] >= strictness[rule.policy]:
                raise Exists(known)
        return decide(conn, member, host, rule)

    row = await server.db.write(unit)
    await _begin(server, host)
    return row


async def ties(server: Server, member: Member, domain: str) -> Ties:
    """What ties members to a server or domain and all below it. Raises Forbidden, Invalid."""
    require(member, Permission.MANAGE_FEDERATION)
    return await server.db.read(domain_losses.of_domain, normal_domain(domain))


async def set_rule(server: Server, member: Member, domain: str, rule: Rule) -> InstanceRow:
    """Decide about a domain, whatever stood for it before; with an empty rule a decision is taken back. Raises Forbidden,
    Invalid."""
    require(member, Permission.MANAGE_FEDERATION)
    host = normal_domain(domain)
    _check(server, host, rule)
    row = await server.db.write(decide, member, host, rule)
    await _begin(server, row.host)
    return row


async def change(server: Server, member: Member, rule_id: int, **changes: Any) -> InstanceRow:
    """Change some fields of a `Rule`. Raises Forbidden, NotFound, Invalid."""
    require(member, Permission.MANAGE_FEDERATION)

    def unit(conn: Connection) -> InstanceRow:
        row = _one(conn, rule_id, False)
        wanted = replace(rule_of(row), **changes)
        # A term that is over, and that nobody has ended yet, is in nobody's way.
        _check(server, row.host, wanted if "until_at" in changes else replace(wanted, until_at=None))
        return decide(conn, member, row.host, wanted)

    row = await server.db.write(unit)
    await _begin(server, row.host)
    return row


async def remove(server: Server, member: Member, rule_id: int, *, allowed: bool) -> InstanceRow:
    """Take a rule back; what it hid comes back unless it has been erased. Raises Forbidden, NotFound."""
    require(member, Permission.MANAGE_FEDERATION)

    def unit(conn: Connection) -> InstanceRow:
        row = _one(conn, rule_id, allowed)
        decide(conn, member, row.host, Rule(""))
        return row

    row = await server.db.write(unit)
    await _begin(server, row.host)
    return row


def decide(
    conn: Connection, member: Member | None, host: str, rule: Rule, *, source: str = "", ended: bool = False
) -> InstanceRow:
    """Keep a decision about a host and have it carried out; its row. None as `member` is the command line, or with `ended` the
    term of a rule that is over.

    From then on it is one made by hand, with which no list that is followed meddles. `source` is the address of the list that
    it is made for: the log has it.
    """
    before = instances.by_host(conn, host)
    instances.set_rules(
        conn,
        host,
        policy=rule.policy,
        rejects_media=rule.rejects_media,
        rejects_reports=rule.rejects_reports,
        note=clean_text(rule.note),
        public_comment=clean_text(rule.public_comment),
        obfuscates=rule.obfuscates,
        until_at=rule.until_at,
    )
    row = instances.by_host(conn, host)
    assert row is not None
    domain_lists.by_hand(conn, host, stands=row.rule_id is not None)
    was = rule_of(before) if before is not None else Rule("")
    if was != rule_of(row):
        kind = "domain_allow" if "allow" in (was.policy, rule.policy) else "domain_block"
        verb = "destroy" if row.rule_id is None else "update" if was.policy else "create"
        verb = "end_rule" if ended else verb
        rule_id = row.rule_id or (before.rule_id if before is not None else None) or host
        after = _logged(rule_of(row)) | ({"list": source} if source else {})
        audit.note(conn, member, verb, (kind, rule_id, host), before=_logged(was), after=after)
    lifted = before.rule_at if before is not None and before.rule_at != row.rule_at else None
    if lifted is not None or row.rule_id is not None:
        plan(conn, "domain_rule", {"host": host, "lifted_at": lifted})
    return row


def end_expired(conn: Connection) -> None:
    """For the chore: take back the rules whose term is over, as if somebody did."""
    for row in instances.expired(conn, now_ms(), EXPIRED_AT_ONCE):
        decide(conn, None, row.host, Rule(""), ended=True)


def _one(conn: Connection, rule_id: int, allowed: bool) -> InstanceRow:
    row = instances.by_rule(conn, rule_id)
    if row is None or (row.policy == "allow") != allowed:
        raise NotFound("Record not found")
    return row


def _check(server: Server, host: str, rule: Rule) -> None:
    ours = {server.config.domain, server.uris.host}
    if rule.policy != "allow" and any(one == host or one.endswith(f".{host}") for one in ours):
        raise Invalid({"domain": "is this server"})
    for name, text in (("private_comment", rule.note), ("public_comment", rule.public_comment)):
        if len(text) > COMMENT_CHARACTERS_MAX:
            raise Invalid({name: f"is too long (at most {COMMENT_CHARACTERS_MAX} characters)"})
    if rule.until_at is not None and not 0 < rule.until_at - now_ms() <= TERM_MS_MAX:
        raise Invalid({"expires_in": "must be a number of seconds, ten years at the most"})


def _logged(rule: Rule) -> dict[str, Any]:
    return {
        "policy": rule.policy,
        "reject_media": rule.rejects_media,
        "reject_reports": rule.rejects_reports,
        "public_comment": rule.public_comment,
        "private_comment": rule.note,
        **({} if rule.until_at is None else {"until": day_of(rule.until_at)}),
    }


# -- carrying them out


async def _begin(server: Server, host: str) -> None:
    """What can be done before the answer: for most servers that is everything that people see."""
    server.peers.forget_rules()
    while await server.db.write(instances.judge, host):
        pass
    row = await server.db.read(instances.by_host, host)
    if row is None or row.policy != "limit":
        return  # hidden or shown already
    for _ in range(UNITS_AT_ONCE):
        if not await server.db.write(_hide_some, server, host):
            break


@handles("domain_rule", timeout_seconds=HOURS_MAX * 3600)
async def carry_out(server: Server, payload: dict[str, Any]) -> None:
    """Bring everything known of a domain into line with the rule that stands for it now."""
    host: str = payload["host"]
    lifted_at: int | None = payload["lifted_at"]
    while await server.db.write(instances.judge, host):
        pass
    if lifted_at is not None:
        shown: int | None = 0
        while shown is not None:
            shown = await server.db.write(_show_some, server, host, lifted_at, shown)
    await erasing.in_steps(server, _hide_some, server, host)
    await erasing.in_steps(server, instances.drop_deliveries, host)
    if await server.db.write(_tell_of_parting, host):
        await erasing.in_steps(server, _part_some, server, host)
    more = True
    while more:
        files, more = await server.db.write(_drop_media, host)
        for key in files:
            await server.media.delete(key)


def _hide_some(conn: Connection, server: Server, host: str) -> bool:
    """Suspend or limit some accounts of a domain, as its rule says; whether there are more."""
    row = instances.by_host(conn, host)
    if row is None or row.policy not in ("reject", "limit"):
        return False
    column = account.c.suspended_at if row.policy == "reject" else account.c.limited_at
    found = _some_accounts(conn, host, column.is_(None), account.c.deleted_at.is_(None))
    _hide(conn, server, row, found)
    return len(found) == ACCOUNTS_PER_UNIT


def _show_some(conn: Connection, server: Server, host: str, at_ms: int, after_id: int) -> int | None:
    """Bring some accounts back that a rule of this instant hid, unless another rule does too; the last one's id, or
    None if there were none."""
    hidden = or_(account.c.suspended_at == at_ms, account.c.limited_at == at_ms)
    found = _some_accounts(conn, host, account.c.id > after_id, hidden)
    own = (account.c.id, account.c.host, account.c.suspended_at, account.c.limited_at)
    rows = conn.execute(select(*own).where(account.c.id.in_(found))).all()
    suspended = [row.id for row in rows if row.suspended_at == at_ms]
    _set(conn, suspended, "suspended_at", None)
    strikes.cancel_erasures(conn, suspended)
    _set(conn, [row.id for row in rows if row.limited_at == at_ms], "limited_at", None)
    for row in rows:
        other = instances.rule_covering(conn, row.host)
        if other is not None and other.policy in ("reject", "limit"):
            _hide(conn, server, other, [row.id])
    return found[-1] if found else None


def _hide(conn: Connection, server: Server, rule: InstanceRow, account_ids: list[int]) -> None:
    _set(conn, account_ids, "suspended_at" if rule.policy == "reject" else "limited_at", rule.rule_at)
    if rule.policy == "reject":
        due_at = rule.rule_at + int(ERASED_AFTER_MS / server.config.testing.time_scale)
        strikes.plan_erasures(conn, account_ids, due_at)
        seats.plan_giving_up(conn, account_ids, gone=True)


def _some_accounts(conn: Connection, host: str, *conditions: ColumnElement[bool]) -> list[int]:
    query = select(account.c.id).where(of_domain(host), account.c.domain != "", *conditions)
    return list(conn.scalars(query.order_by(account.c.id).limit(ACCOUNTS_PER_UNIT)))


def _set(conn: Connection, account_ids: list[int], name: str, value: int | None) -> None:
    if account_ids:
        conn.execute(
            update(account)
            .where(account.c.id.in_(account_ids))
            .values({name: value, "version": account.c.version + 1})
        )
        for account_id in account_ids:
            signal(conn, "account", str(account_id))


def _tell_of_parting(conn: Connection, host: str) -> bool:
    """Whether the domain is blocked, so that its people and the members part."""
    row = instances.by_host(conn, host)
    if row is None or row.policy != "reject":
        return False
    notifications.severed(conn, "domain_block", host, lost_with(conn, of_domain(host)))
    return True


def _part_some(conn: Connection, server: Server, host: str) -> bool:
    there = of_domain(host) & (account.c.domain != "")
    found = relationships.some_with(conn, there, FOLLOWS_PER_UNIT)
    for row in erasing.while_short(found):
        end_follow(conn, server, row, row.away_id)
    return bool(found)


def _drop_media(conn: Connection, host: str) -> tuple[list[str], bool]:
    """Forget some pictures of a domain whose pictures are not shown: keys of their files, and whether there may be
    more."""
    row = instances.by_host(conn, host)
    if row is None or not row.rejects_media:
        return [], False
    with_pictures = or_(account.c.avatar_url != "", account.c.header_url != "", account.c.emojis != "[]")
    people = _some_accounts(conn, host, with_pictures)
    if people:
        bare = {"avatar_url": "", "avatar_alt": "", "header_url": "", "header_alt": "", "emojis": "[]"}
        conn.execute(
            update(account).where(account.c.id.in_(people)).values({**bare, "version": account.c.version + 1})
        )
        for account_id in people:
            signal(conn, "account", str(account_id))
    query = select(media.c.id, media.c.post_id, media.c.store_key, media.c.preview_key)
    query = query.join(account, account.c.id == media.c.account_id)
    found = conn.execute(query.where(of_domain(host), account.c.domain != "").limit(FILES_PER_UNIT)).all()
    belongings.remove_files(conn, [one.id for one in found])
    posts = {one.post_id for one in found if one.post_id is not None}
    if posts:
        conn.execute(update(post).where(post.c.id.in_(posts)).values(version=post.c.version + 1))
    keys = [key for one in found for key in (one.store_key, one.preview_key) if key]
    return keys, bool(found or people)
