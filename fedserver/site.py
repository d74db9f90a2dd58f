"""What this server says about itself: for the instance documents of the API, NodeInfo and the pages."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from fedserver import settings
from fedserver.config import Config
from fedserver.context import Server
from fedserver.settings import InstanceSettings
from storage import accounts, policies, users
from storage.types import DAY_MS, now_ms


@dataclass(frozen=True, slots=True)
class Figures:
    """Counts of this server: members let in, of them active within a month and half a year, posts, peers."""

    members: int
    active_month: int
    active_half_year: int
    posts: int
    known_domains: int


@dataclass(frozen=True, slots=True)
class Site:
    """Everything the instance documents need. `contact_account_id` is None where no member is named."""

    domain: str
    origin: str
    settings: InstanceSettings
    figures: Figures
    contact_account_id: int | None
    registrations_open: bool
    approval_required: bool
    testing: bool
    has_terms: bool


async def describe(server: Server) -> Site:
    """The site as it is now."""
    server.remembered.listen(server.bus)
    site: Site = await server.remembered.site.get("site", lambda: server.db.read(_describe, server.config))
    return site


def _describe(conn: Connection, config: Config) -> Site:
    now = settings.in_force(conn, config)
    contact = users.by_name(conn, now.contact_username) if now.contact_username else None
    return Site(
        domain=config.domain,
        origin=config.origin,
        settings=now,
        figures=_figures(conn),
        contact_account_id=contact.account_id if contact else None,
        registrations_open=now.registrations in ("open", "approval"),
        approval_required=now.registrations == "approval",
        testing=config.testing.enabled,
        has_terms="terms" in policies.newest(conn),
    )


def _figures(conn: Connection) -> Figures:
    now = now_ms()
    return Figures(
        members=users.count(conn),
        active_month=users.count_active(conn, now - 30 * DAY_MS),
        active_half_year=users.count_active(conn, now - 182 * DAY_MS),
        posts=accounts.count_local_posts(conn),
        known_domains=accounts.count_domains(conn),
    )
