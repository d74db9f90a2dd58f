"""Everything about one other server for those who moderate: how it fares, what ties members to it, what lets it in or keeps it
out, reports about its people, what was decided about it, and what colleagues noted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection

from fedserver import settings
from fedserver.context import Server
from fedserver.federation import policy
from fedserver.moderation import cases, people
from fedserver.moderation.audit import Entry, Window
from fedserver.moderation.cases import Case, Noted, Sought
from fedserver.moderation.domains import normal_domain
from fedserver.moderation.permissions import Permission, allows, require, require_any
from fedserver.viewer import Member
from storage import audit, domain_lists, domain_losses, instances, partners, server_files, strikes
from storage.domain_losses import Ties
from storage.instances import InstanceRow
from storage.partners import PartnerRow
from storage.server_files import LISTED_SHOWN, Listed, Reports, Sort, Which

__all__ = ["LISTED_SHOWN", "Listed", "Sort", "Which", "normal_domain"]

SIGHT: Final = Permission.MANAGE_FEDERATION | Permission.MANAGE_REPORTS
"""Either of these lets somebody look at a server; decide about it those alone with the first."""
HISTORY_SHOWN: Final = 50
CASES_SHOWN: Final = 20
_DECISIONS: Final = ("domain_block", "domain_allow", "partner", "deliveries")


@dataclass(frozen=True, slots=True)
class Standing:
    """A rule that holds for a server, its own or that of a domain above it. `source` is the list that it comes from: `list_id`,
    `url`, `title`; None for one that was made by hand."""

    row: InstanceRow
    source: Any | None


@dataclass(frozen=True, slots=True)
class File:
    """Everything about one server or domain. `listed` is None where nothing was exchanged and nothing decided. `left_alone`
    says that no list makes a rule of it, since one was taken back by hand. `cases` are those that wait."""

    host: str
    listed: Listed | None
    ties: Ties
    mode: str
    is_open: bool
    rules: list[Standing]
    left_alone: bool
    partner: PartnerRow | None
    reports: Reports | None
    cases: list[Case]
    notes: list[Noted]
    history: list[Entry]


async def page(
    server: Server,
    member: Member,
    *,
    text: str = "",
    which: Which = "",
    sort: Sort = "name",
    after_host: str = "",
) -> list[Listed]:
    """Servers, `LISTED_SHOWN` of them; see `storage.server_files.listed`. Raises Forbidden."""
    require(member, Permission.MANAGE_FEDERATION)
    return await server.db.read(
        lambda conn: server_files.listed(
            conn, text=text.strip(), which=which, sort=sort, after_host=after_host
        )
    )


async def file(server: Server, member: Member, domain: str) -> File:
    """Everything about a server or domain, as far as the member may know it. Raises Forbidden, Invalid."""
    require_any(member, SIGHT)
    host = normal_domain(domain)
    waiting: list[Case] = []
    if allows(member.role, Permission.MANAGE_REPORTS):
        waiting = (await cases.page(server, member, Sought(domain=host), Window(limit=CASES_SHOWN))).cases
    return await server.db.read(_file, server, member, host, waiting)


def _file(conn: Connection, server: Server, member: Member, host: str, waiting: list[Case]) -> File:
    above = instances.domains_of(host)
    holders = domain_lists.holders_of(conn, above)
    mode = settings.in_force(conn, server.config).federation_mode
    judges = allows(member.role, Permission.MANAGE_REPORTS)
    notes = strikes.notes_about(conn, [("instance", one) for one in above]) if judges else []
    authors = people.some(conn, {one.author_id for one in notes if one.author_id is not None})
    history: list[Entry] = []
    if allows(member.role, Permission.VIEW_AUDIT_LOG):
        history = audit.page(conn, Window(limit=HISTORY_SHOWN), subject_types=_DECISIONS, subject_names=above)
    return File(
        host=host,
        listed=server_files.one(conn, host),
        ties=domain_losses.of_domain(conn, host),
        mode=mode,
        is_open=policy.admits(mode, policy.rules_unit(conn, host)),
        rules=[
            Standing(row, source if (source := holders.get(row.host)) and source.list_id else None)
            for row in instances.rules_covering(conn, host)
        ],
        left_alone=host in holders and holders[host].list_id is None,
        partner=partners.by_host(conn, host),
        reports=server_files.reports(conn, host) if judges else None,
        cases=waiting,
        notes=cases.noted(member, notes, authors),
        history=history,
    )
