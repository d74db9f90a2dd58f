"""Mail addresses that may not sign up: whole domains, or single addresses of people who were suspended."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection

from activitypub.identifiers import normal_host
from fedserver import email_addresses
from fedserver.context import Server
from fedserver.errors import Invalid, NotFound
from fedserver.moderation import audit
from fedserver.moderation.permissions import Permission, require
from fedserver.remembered import network_of
from fedserver.viewer import Member
from storage import instances, rules
from storage.paging import Window
from storage.rules import AddressRow, MailDomainRow, Use
from storage.types import now_ms

DAY_MS: Final = 86_400_000
DAYS_COUNTED: Final = 7
DIGEST: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class MailDomain:
    """A rule for a domain and those below it, with how often it kept somebody out in the last seven days."""

    row: MailDomainRow
    uses: tuple[Use, ...]


def canonical(address: str) -> str:
    """The address by which one mailbox is known however it is written: without dots and what follows a plus."""
    local, _, domain = address.strip().lower().rpartition("@")
    return f"{local.partition('+')[0].replace('.', '')}@{domain}"


def digest_of(address: str) -> str:
    """What is kept of an address: SHA-256 of its canonical form, in hexadecimal as Mastodon has it."""
    return hashlib.sha256(canonical(address).encode()).hexdigest()


# -- at the door


async def check(server: Server, address: str, *, ip: str = "") -> bool:
    """Whether somebody with this address needs approval. Raises Invalid if they may not sign up at all."""

    def look(conn: Connection) -> tuple[MailDomainRow | None, bool]:
        covering = rules.mail_domain_covering(conn, instances.domains_of(address.rpartition("@")[2]))
        return covering, rules.address_by_digest(conn, digest_of(address)) is not None

    covering, is_refused = await server.db.read(look)
    if covering is not None:
        day = now_ms() // DAY_MS
        subject = hashlib.sha256(f"{day} {network_of(ip)}".encode()).digest()
        await server.db.write(rules.count_mail_domain_use, covering.id, day, subject)
        is_refused = is_refused or not covering.allows_with_approval
    if is_refused:
        raise Invalid({"email": "is not accepted here"})
    return covering is not None


# -- domains


async def mail_domains(server: Server, member: Member, window: Window) -> list[MailDomain]:
    """The rules, the newest first. Raises Forbidden."""
    require(member, Permission.MANAGE_BLOCKS)
    return await server.db.read(lambda conn: _with_uses(conn, rules.mail_domains(conn, window)))


async def mail_domain(server: Server, member: Member, rule_id: int) -> MailDomain:
    """One of them. Raises Forbidden, NotFound."""
    require(member, Permission.MANAGE_BLOCKS)
    return await server.db.read(lambda conn: _with_uses(conn, [_mail_domain(conn, rule_id)])[0])


async def add_mail_domain(
    server: Server, member: Member, domain: str, *, allows_with_approval: bool = False
) -> MailDomain:
    """Nobody with an address there can sign up, or only with approval. Raises Forbidden, Invalid."""
    require(member, Permission.MANAGE_BLOCKS)
    host = normal_host(domain.strip().rpartition("@")[2])
    if host is None or ":" in host or "." not in host:
        raise Invalid({"domain": "must be the domain of mail addresses, such as other.example"})

    def unit(conn: Connection) -> MailDomain:
        row = rules.add_mail_domain(conn, host, allows_with_approval=allows_with_approval)
        if row is None:
            raise Invalid({"domain": "has already been taken"})
        after = {"allow_with_approval": allows_with_approval}
        audit.note(conn, member, "create", ("email_domain_block", row.id, host), after=after)
        return MailDomain(row, ())

    return await server.db.write(unit)


async def remove_mail_domain(server: Server, member: Member, rule_id: int) -> None:
    """Take a rule back. Raises Forbidden, NotFound."""
    require(member, Permission.MANAGE_BLOCKS)

    def unit(conn: Connection) -> None:
        row = _mail_domain(conn, rule_id)
        before = {"allow_with_approval": bool(row.allows_with_approval)}
        audit.note(conn, member, "destroy", ("email_domain_block", row.id, row.domain), before=before)
        rules.remove_mail_domain(conn, rule_id)

    await server.db.write(unit)


def _mail_domain(conn: Connection, rule_id: int) -> MailDomainRow:
    row = rules.mail_domain(conn, rule_id)
    if row is None:
        raise NotFound("Record not found")
    return row


def _with_uses(conn: Connection, rows: list[MailDomainRow]) -> list[MailDomain]:
    since = now_ms() // DAY_MS - DAYS_COUNTED + 1
    uses = rules.mail_domain_uses(conn, [row.id for row in rows], since) if rows else []
    return [MailDomain(row, tuple(one for one in uses if one.rule_id == row.id)) for row in rows]


# -- single addresses


async def addresses(server: Server, member: Member, window: Window) -> list[AddressRow]:
    """Addresses that are kept out, as digests, the newest first. Raises Forbidden."""
    require(member, Permission.MANAGE_BLOCKS)
    return await server.db.read(rules.addresses, window)


async def address(server: Server, member: Member, rule_id: int) -> AddressRow:
    """One of them. Raises Forbidden, NotFound."""
    require(member, Permission.MANAGE_BLOCKS)
    return await server.db.read(_address, rule_id)


async def matching(server: Server, member: Member, email: str) -> list[AddressRow]:
    """The rules that keep an address out. Raises Forbidden, Invalid."""
    require(member, Permission.MANAGE_BLOCKS)
    wanted = digest_of(email_addresses.parse(email).text)

    def unit(conn: Connection) -> list[AddressRow]:
        row = rules.address_by_digest(conn, wanted)
        return [] if row is None else [row]

    return await server.db.read(unit)


async def add_address(server: Server, member: Member, *, email: str = "", digest: str = "") -> AddressRow:
    """Keep an address out, given as itself or as its digest. Raises Forbidden, Invalid."""
    require(member, Permission.MANAGE_BLOCKS)
    if email:
        digest = digest_of(email_addresses.parse(email).text)
    if not DIGEST.fullmatch(digest):
        raise Invalid({"canonical_email_hash": "can't be blank"})

    def unit(conn: Connection) -> AddressRow:
        if rules.address_by_digest(conn, digest) is not None:
            raise Invalid({"canonical_email_hash": "has already been taken"})
        row = rules.put_address(conn, digest)
        audit.note(conn, member, "create", ("canonical_email_block", row.id, digest))
        return row

    return await server.db.write(unit)


async def remove_address(server: Server, member: Member, rule_id: int) -> None:
    """Let an address in again. Raises Forbidden, NotFound."""
    require(member, Permission.MANAGE_BLOCKS)

    def unit(conn: Connection) -> None:
        row = _address(conn, rule_id)
        audit.note(conn, member, "destroy", ("canonical_email_block", row.id, row.digest))
        rules.remove_address(conn, rule_id)

    await server.db.write(unit)


def _address(conn: Connection, rule_id: int) -> Any:
    row = rules.address(conn, rule_id)
    if row is None:
        raise NotFound("Record not found")
    return row
