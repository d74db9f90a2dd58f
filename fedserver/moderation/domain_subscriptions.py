"""Lists of servers elsewhere that are followed: read every day, and what changes in them becomes of our rules.

Of every rule it is known from which list it comes; those made by hand belong to none, and no list touches them. What a list would
change waits for an admin, or is done at once, as was chosen for it; the first time it always waits. A rule goes with the last list
that names its domain. A list that cannot be read takes nothing back, and one that has suddenly lost more than half of what it named
does so only after an admin has said that it is right.
"""

# Long because what a list says, what may become of it and what people decide instead have to be read together.

from __future__ import annotations

import asyncio
import hashlib
import logging
import random
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, NamedTuple

from sqlalchemy import Connection

from fedserver.content.text import clean_line
from fedserver.context import Server
from fedserver.errors import BadAnswer, Conflict, FedError, Invalid, NotFound, RateLimited
from fedserver.fields import ADDRESS_CHARS_MAX
from fedserver.jobs.handlers import handles
from fedserver.jobs.plan import plan
from fedserver.moderation import audit, domain_lists, domains, duty
from fedserver.moderation.domain_lists import BYTES_MAX, RULES_PER_UNIT, Listed, Outcome, Row
from fedserver.moderation.domains import POLICIES, Rule, rule_of
from fedserver.moderation.permissions import Permission, require
from fedserver.viewer import Member
from storage import domain_lists as stored
from storage import instances
from storage.domain_lists import EntryRow, ListRow
from storage.domain_losses import Ties
from storage.types import DAY_MS, now_ms

log = logging.getLogger("fedserver.domain_lists")

LOOK_SECONDS: Final = 600.0
LONGEST_MS: Final = 7 * DAY_MS
"""Between two tries of what does not answer."""
RETRY_MS: Final = 3_600_000
FAILURES_TOLD: Final = 3
"""In a row, before admins hear that a list cannot be read any more: after about three hours."""
ASKED_AGAIN_AFTER_MS: Final = 60_000
LISTS_MAX: Final = 20
PRIORITIES: Final = (0, 255)
LEFT_OUT_SHOWN: Final = 100
TITLE_CHARACTERS_MAX: Final = 200
MODES: Final = ("ask", "careful", "automatic")
"""All changes wait; those wait by which members would lose somebody; none does."""
_ACCEPT: Final = "text/csv, text/plain;q=0.9, */*;q=0.1"

Verb = Literal["new", "changed", "gone"]


class Step(NamedTuple):
    """A rule that a list would make, change or take back. `holder` is the list that the rule comes from now."""

    domain: str
    verb: Verb
    list_id: int
    holder: int | None
    rule: Rule
    before: Rule
    ties: Ties

    @property
    def costs(self) -> bool:
        """Whether it parts members from somebody."""
        return self.rule.policy == "reject" != self.before.policy and self.ties.members > 0

    @property
    def key(self) -> str:
        """What an admin saw and agrees to."""
        return f"{self.verb} {self.rule.policy} {self.domain}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to be followed, and how."""

    title: str = ""
    priority: int = 0
    severest: str = "suspend"
    mode: str = "ask"


@dataclass(frozen=True, slots=True)
class Followed:
    """A list, how many rules come from it, and what it would change that has not been done."""

    row: ListRow
    rules: int
    steps: list[Step]


# -- looking after them


async def listed(server: Server, member: Member) -> list[Followed]:
    """All lists that are followed, the one that counts most first. Raises Forbidden."""
    require(member, Permission.MANAGE_FEDERATION)

    def unit(conn: Connection) -> tuple[list[Step], list[Followed]]:
        rows, numbers = stored.listed(conn), stored.numbers(conn)
        steps = waiting(conn, _names(server)) if rows else []
        return steps, [
            Followed(row, numbers.get(row.id, 0), [one for one in steps if one.list_id == row.id])
            for row in rows
        ]

    steps, found = await server.db.read(unit)
    if any(one.row.changes != _count(one.row, steps) for one in found):  # rules were made by hand since
        await server.db.write(_keep_counts, steps)
    return found


async def show(server: Server, member: Member, list_id: int) -> Followed:
    """One of them. Raises Forbidden, NotFound."""
    found = [one for one in await listed(server, member) if one.row.id == list_id]
    if not found:
        raise NotFound("This list is not followed.")
    return found[0]


async def source(server: Server, member: Member, domain: str) -> Any | None:
    """From which list the rule of a domain comes (`list_id`, `url`, `title`): None if from none; without a `list_id` no list
    makes one since it was taken back by hand. Raises Forbidden."""
    require(member, Permission.MANAGE_FEDERATION)
    return (await server.db.read(stored.holders_of, [domain])).get(domain)


async def subscribe(server: Server, member: Member, url: str, wish: Wish) -> int:
    """Follow a list; it is read at once, and what it would change waits. Its id. Raises Forbidden, Invalid, Conflict."""
    require(member, Permission.MANAGE_FEDERATION)
    address = url.strip()
    if (
        not address.lower().startswith(("https://", "http://"))
        or len(address) > ADDRESS_CHARS_MAX
        or " " in address
    ):
        raise Invalid({"url": "must be the address of a list, which begins with https://"})
    columns = _columns(wish)

    def unit(conn: Connection) -> int:
        known = stored.listed(conn)
        if any(row.url == address for row in known):
            raise Conflict("This list is followed already.")
        if len(known) >= LISTS_MAX:
            raise Conflict(f"At most {LISTS_MAX} lists can be followed.")
        list_id = stored.add(conn, url=address, **columns)
        audit.note(conn, member, "create", ("domain_list", list_id, address), after=columns)
        return list_id

    list_id = await server.db.write(unit)
    await read_list(server, {"id": list_id})
    return list_id


async def change(server: Server, member: Member, list_id: int, wish: Wish) -> None:
    """Follow it otherwise. Raises Forbidden, NotFound, Invalid."""
    require(member, Permission.MANAGE_FEDERATION)
    columns = _columns(wish)

    def unit(conn: Connection) -> None:
        row = _own(conn, list_id)
        again = {"etag": "", "last_modified": "", "digest": "", "due_at": now_ms()}
        stored.change(conn, list_id, **columns, **(again if row.severest != wish.severest else {}))
        before = {name: getattr(row, name) for name in columns}
        audit.note(conn, member, "update", ("domain_list", list_id, row.url), before=before, after=columns)
        plan(conn, "read_domain_list", {"id": list_id}, key=str(list_id))

    await server.db.write(unit)


async def pause(server: Server, member: Member, list_id: int) -> None:
    """Read it no more; its rules stay. Raises Forbidden, NotFound."""
    await _set_state(server, member, list_id, "paused")


async def resume(server: Server, member: Member, list_id: int) -> None:
    """Read it again from now on. What it would change by now waits, as at first. Raises Forbidden, NotFound."""
    await _set_state(server, member, list_id, "new")
    await read_list(server, {"id": list_id})


async def refresh(server: Server, member: Member, list_id: int) -> None:
    """Read it now. Raises Forbidden, NotFound, RateLimited."""
    require(member, Permission.MANAGE_FEDERATION)

    def unit(conn: Connection) -> None:
        since = now_ms() - (_own(conn, list_id).asked_at or 0)
        if since < ASKED_AGAIN_AFTER_MS:
            raise RateLimited((ASKED_AGAIN_AFTER_MS - since) // 1000 + 1, "It was read a moment ago.")
        stored.change(conn, list_id, due_at=now_ms())

    await server.db.write(unit)
    await read_list(server, {"id": list_id})


async def believe(server: Server, member: Member, list_id: int) -> None:
    """A list that has shrunk is right: what is missing in it takes its rules along. Raises Forbidden, NotFound."""
    require(member, Permission.MANAGE_FEDERATION)

    def unit(conn: Connection) -> None:
        row = _own(conn, list_id)
        if not row.shrunk:
            return
        stored.forget_missing(conn, list_id)
        stored.change(conn, list_id, shrunk=False, trouble_at=None)
        audit.note(
            conn, member, "update", ("domain_list", list_id, row.url), before={"shrunk": True}, after={"shrunk": False}
        )  # fmt: skip

    await server.db.write(unit)
    await _do_what_may_be_done(server)


async def agree(server: Server, member: Member, list_id: int, keys: Collection[str]) -> int:
    """Do those of the changes that wait for an admin that they have chosen; from now on the list is followed as its mode says.
    How many were done. Raises Forbidden, NotFound."""
    require(member, Permission.MANAGE_FEDERATION)

    def begin(conn: Connection) -> None:
        row = _own(conn, list_id)
        if row.state == "new":
            stored.change(conn, list_id, state="active")
            audit.note(
                conn, member, "update", ("domain_list", list_id, row.url), before={"state": "new"}, after={"state": "active"}
            )  # fmt: skip

    await server.db.write(begin)
    wanted = set(keys)
    found = await server.db.read(waiting, _names(server))
    chosen = [one for one in found if one.list_id == list_id and one.key in wanted]
    done = await _do(server, member, chosen)
    left = [one for one in found if one.list_id != list_id or one.key not in wanted]
    await server.db.write(_keep_counts, left)
    return done


async def keep_off(server: Server, member: Member, list_id: int, keys: Collection[str]) -> int:
    """Leave these domains to people: no list makes or changes a rule of them, and a rule that is there is one's own. How many.
    Raises Forbidden, NotFound."""
    require(member, Permission.MANAGE_FEDERATION)

    def unit(conn: Connection) -> int:
        row = _own(conn, list_id)
        wanted = set(keys)
        steps = waiting(conn, _names(server))
        some = [one for one in steps if one.list_id == list_id and one.key in wanted]
        for one in some:
            if one.before == Rule(""):
                stored.hold(conn, one.domain, None)
            else:
                stored.release(conn, one.domain)
        if some:
            left = {"left_alone": [one.domain for one in some]}
            audit.note(conn, member, "update", ("domain_list", list_id, row.url), after=left)
        _keep_counts(conn, [one for one in steps if one.list_id != list_id or one.key not in wanted])
        return len(some)

    return await server.db.write(unit)


async def end(server: Server, member: Member, list_id: int, *, keep: bool) -> None:
    """Follow it no more. Its rules go with it as far as no other list has them, unless one `keep`s them as one's own.

    Raises Forbidden, NotFound.
    """
    require(member, Permission.MANAGE_FEDERATION)

    def unit(conn: Connection) -> None:
        row = _own(conn, list_id)
        audit.note(
            conn, member, "destroy", ("domain_list", list_id, row.url), after={"rules": "kept" if keep else "gone"}
        )  # fmt: skip
        if keep:
            stored.remove(conn, list_id)
            return
        stored.change(conn, list_id, state="ending")
        plan(conn, "end_domain_list", {"id": list_id}, key=str(list_id))

    await server.db.write(unit)


def _columns(wish: Wish) -> dict[str, Any]:
    if not PRIORITIES[0] <= wish.priority <= PRIORITIES[1]:
        raise Invalid({"priority": f"must be a number from {PRIORITIES[0]} to {PRIORITIES[1]}"})
    if wish.severest not in POLICIES:
        raise Invalid({"severest": f"must be one of {', '.join(POLICIES)}"})
    if wish.mode not in MODES:
        raise Invalid({"mode": f"must be one of {', '.join(MODES)}"})
    return {
        "title": clean_line(wish.title)[:TITLE_CHARACTERS_MAX],
        "priority": wish.priority,
        "severest": wish.severest,
        "mode": wish.mode,
    }


def _own(conn: Connection, list_id: int) -> ListRow:
    row = stored.by_id(conn, list_id)
    if row is None or row.state == "ending":
        raise NotFound("This list is not followed.")
    return row


async def _set_state(server: Server, member: Member, list_id: int, state: str) -> None:
    require(member, Permission.MANAGE_FEDERATION)

    def unit(conn: Connection) -> None:
        row = _own(conn, list_id)
        stored.change(conn, list_id, state=state, due_at=now_ms())
        audit.note(
            conn, member, "update", ("domain_list", list_id, row.url), before={"state": row.state}, after={"state": state}
        )  # fmt: skip

    await server.db.write(unit)


def _names(server: Server) -> tuple[str, str]:
    return server.config.domain, server.uris.host


# -- what they would change


def waiting(conn: Connection, ours: Iterable[str], only: Collection[str] | None = None) -> list[Step]:
    """What all lists together would change of the rules, what costs members first; or of the rules of `only` some domains, and
    what that costs is not counted. A unit."""
    about = None if only is None else {one for domain in only for one in instances.domains_of(domain)}
    said, holders = stored.said(conn, only), stored.holders(conn, about)
    rules = {row.host: row for row in instances.all_decided(conn, about=about)}
    rows = [Row(one.domain, _rule(one)) for one in said.values()]
    if only is None:
        outcomes = domain_lists.compare(conn, rows, ours)
    else:
        outcomes = [Outcome(*one, Ties()) for one in domain_lists.changes(conn, rows, ours)]
    found = []
    for (domain, wanted), outcome, ties in outcomes:
        list_id, own, holder = said[domain].list_id, rules.get(domain), holders.get(domain)
        if holder is not None and own is not None:
            before = rule_of(own)
            wanted = replace(wanted, note=before.note)
            if outcome in ("allowed", "partner", "ours"):
                found.append(Step(domain, "gone", list_id, holder, Rule(""), before, ties))
            elif wanted != before or holder != list_id:
                found.append(Step(domain, "changed", list_id, holder, wanted, before, ties))
        elif own is None and domain not in holders and outcome in ("new", "stricter"):
            above = [one for one in instances.domains_of(domain) if one in rules]
            if all(holders.get(one) is not None for one in above):
                found.append(Step(domain, "new", list_id, None, wanted, Rule(""), ties))
    for domain, holder in holders.items():
        own = rules.get(domain)
        mine = only is None or domain in only
        if holder is not None and own is not None and mine and domain not in said:
            found.append(Step(domain, "gone", holder, holder, Rule(""), rule_of(own), Ties()))
    return sorted(found, key=lambda one: (not one.costs, -one.ties.members, one.domain))


def _rule(entry: EntryRow) -> Rule:
    return Rule(
        entry.policy,
        bool(entry.rejects_media),
        bool(entry.rejects_reports),
        public_comment=entry.public_comment,
        obfuscates=bool(entry.obfuscates),
    )


async def _do(server: Server, member: Member | None, steps: list[Step]) -> int:
    """Do these, some in a write; how many were still to be done."""
    done = 0
    for start in range(0, len(steps), RULES_PER_UNIT):
        done += await server.db.write(_do_some, member, steps[start : start + RULES_PER_UNIT], _names(server))
    if done:
        server.peers.forget_rules()
    return done


def _do_some(conn: Connection, member: Member | None, steps: list[Step], ours: Iterable[str]) -> int:
    agreed = {one.key for one in steps}
    addresses = {row.id: row.url for row in stored.listed(conn)}
    found = [one for one in waiting(conn, ours, {one.domain for one in steps}) if one.key in agreed]
    for one in found:
        domains.decide(conn, member, one.domain, one.rule, source=addresses.get(one.list_id, ""))
        if one.verb == "gone":
            stored.release(conn, one.domain)
        else:
            stored.hold(conn, one.domain, one.list_id)
    return len(found)


async def _do_what_may_be_done(server: Server) -> None:
    """What no admin has to agree to, of all lists; of the rest they hear."""

    def unit(conn: Connection) -> tuple[list[Step], list[Step]]:
        lists = {row.id: row for row in stored.listed(conn)}
        steps = waiting(conn, _names(server))
        return steps, [one for one in steps if _is_free(lists[one.list_id], one)]

    steps, free = await server.db.read(unit)
    await _do(server, None, free)
    await server.db.write(_tell_admins, steps)


def _count(row: ListRow, steps: Iterable[Step]) -> int:
    """How many of these wait for an admin."""
    return sum(one.list_id == row.id and not _is_free(row, one) for one in steps)


def _keep_counts(conn: Connection, steps: Collection[Step]) -> bool:
    """Keep of each list how many of these wait for an admin; whether there are more somewhere than there were."""
    more = False
    for row in stored.listed(conn):
        number = _count(row, steps)
        if number != row.changes:
            # Of a list that one has just begun to follow nobody has to be told.
            grows = row.state == "active" and number > row.changes
            stored.change(conn, row.id, changes=number, **({"changes_at": now_ms()} if grows else {}))
            more = more or grows
    return more


def _tell_admins(conn: Connection, steps: Collection[Step]) -> None:
    if _keep_counts(conn, steps):
        duty.waits(conn, Permission.MANAGE_FEDERATION)


def _is_free(row: ListRow, step: Step) -> bool:
    return row.state == "active" and (row.mode == "automatic" or (row.mode == "careful" and not step.costs))


# -- reading them


def plan_due(conn: Connection) -> None:
    """Have those read that are due. A unit, for the chores."""
    for list_id in stored.due(conn, now_ms(), limit=LISTS_MAX):
        plan(conn, "read_domain_list", {"id": list_id}, key=str(list_id))


@handles("read_domain_list", timeout_seconds=3600)
async def read_list(server: Server, payload: dict[str, Any]) -> None:
    """Read one list if it is due, and do what may be done without asking."""
    row = await server.db.read(stored.by_id, payload["id"])
    if row is None or row.state not in ("new", "active"):
        return
    if row.due_at <= now_ms():
        # A process that dies over a list does not take it up again at once.
        await server.db.write(_change, row.id, asked_at=now_ms(), due_at=now_ms() + RETRY_MS)
        try:
            await _read(server, row)
        except FedError as error:
            said = "; ".join(error.fields.values()) if isinstance(error, Invalid) else str(error)
            log.info("A list of servers could not be read: %s (%s)", row.url, said)
            await server.db.write(_bad, row, said)
    await _do_what_may_be_done(server)


@handles("end_domain_list", timeout_seconds=3600)
async def end_list(server: Server, payload: dict[str, Any]) -> None:
    """Take back the rules of a list that is followed no more, or leave them to the next list that has them."""
    list_id: int = payload["id"]
    row = await server.db.read(stored.by_id, list_id)
    if row is None or row.state != "ending":
        return
    steps = await server.db.read(waiting, _names(server))
    await _do(server, None, [one for one in steps if one.holder == list_id])
    await server.db.write(_forget, list_id)


def _forget(conn: Connection, list_id: int) -> None:
    stored.remove(conn, list_id)
    stored.forget_taken_back(conn)


async def _read(server: Server, row: ListRow) -> None:
    if not server.config.federates:
        raise Invalid({"url": "This server contacts no others."})
    conditions = {"If-None-Match": row.etag, "If-Modified-Since": row.last_modified}
    sent = {name: value for name, value in conditions.items() if value}
    got = await server.http.get(row.url, accept=_ACCEPT, headers=sent, max_bytes=BYTES_MAX)
    if got.status == 304:
        await server.db.write(_good, row, {})
        return
    if got.status != 200:
        raise BadAnswer(f"It was answered with status {got.status}.", reason="status", status=got.status)
    headers = {
        "etag": got.headers.get("ETag", "")[:500],
        "last_modified": got.headers.get("Last-Modified", "")[:100],
        "digest": hashlib.sha256(got.body).hexdigest(),
    }
    if headers["digest"] == row.digest:
        await server.db.write(_good, row, headers)
        return
    try:
        text = got.body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Invalid({"url": "It is no text in UTF-8."}) from error
    read = await asyncio.to_thread(domain_lists.read, text, severest=row.severest)
    if not read.rows:
        raise Invalid({"url": "It names no domain."})
    await server.db.write(_keep, row, headers, read)


def _keep(conn: Connection, row: ListRow, headers: dict[str, str], read: Listed) -> None:
    """What a list says now counts; if it has shrunk by more than half, what it said before does so, too."""
    if stored.by_id(conn, row.id) is None:
        return
    before = {one.domain: one for one in stored.entries(conn, row.id)}
    entries = [_entry(domain, rule, missing=False) for domain, rule in read.rows]
    shrunk = len(entries) * 2 < len(before)
    if shrunk:
        names = {one.domain for one in read.rows}
        gone = [one for one in before.values() if one.domain not in names]
        entries += [_entry(one.domain, _rule(one), missing=True) for one in gone]
    stored.replace_entries(conn, row.id, entries)
    stored.forget_taken_back(conn)
    left_out = [f"{one.line}, {one.text}: {one.why}" for one in read.left_out[:LEFT_OUT_SHOWN]]
    said = {"shrunk": shrunk, "rows_read": len(read.rows), "left_out": "\n".join(left_out)}
    _good(conn, row, {**headers, **said})


def _entry(domain: str, rule: Rule, *, missing: bool) -> dict[str, Any]:
    return {
        "domain": domain,
        "policy": rule.policy,
        "rejects_media": rule.rejects_media,
        "rejects_reports": rule.rejects_reports,
        "obfuscates": rule.obfuscates,
        "public_comment": rule.public_comment,
        "missing": missing,
    }


def _change(conn: Connection, /, list_id: int, **columns: Any) -> None:
    stored.change(conn, list_id, **columns)


def _good(conn: Connection, row: ListRow, columns: dict[str, Any]) -> None:
    shrunk = columns.get("shrunk", row.shrunk)
    values = {
        "failures": 0,
        "problem": "",
        "read_at": now_ms(),
        "due_at": now_ms() + _spread(DAY_MS),
        **columns,
    }
    stored.change(conn, row.id, **values, trouble_at=_trouble(conn, row) if shrunk else None)


def _bad(conn: Connection, row: ListRow, said: str) -> None:
    """It is asked again later, and later still each time that it fails."""
    wait = min(RETRY_MS * (1 << min(row.failures, 10)), LONGEST_MS)
    failures = row.failures + 1
    stored.change(
        conn,
        row.id,
        failures=failures,
        problem=said[:500],
        due_at=now_ms() + _spread(wait),
        trouble_at=_trouble(conn, row) if failures >= FAILURES_TOLD else row.trouble_at,
    )


def _trouble(conn: Connection, row: ListRow) -> int:
    """Since when it is in trouble; admins hear of it once."""
    if row.trouble_at is None:
        duty.waits(conn, Permission.MANAGE_FEDERATION)
    return row.trouble_at or now_ms()


def _spread(ms: int) -> int:
    """So that what was subscribed to together is not always asked together."""
    return int(ms * random.uniform(1.0, 1.1))  # noqa: S311
