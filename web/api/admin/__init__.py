"""The admin API: what those who moderate do from an app. Who may do what is `fedserver.moderation.permissions`."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from web.api.admin import (
    accounts,
    addresses,
    appeals,
    cases,
    domain_lists,
    domains,
    figures,
    held,
    joins,
    networks,
    reports,
    servers,
    tags,
)

routes: Final[list[web.RouteDef]] = [
    *accounts.routes,
    *joins.routes,
    *reports.routes,
    *cases.routes,
    *held.routes,
    *appeals.routes,
    *domains.routes,
    *domain_lists.routes,
    *servers.routes,
    *addresses.routes,
    *networks.routes,
    *tags.routes,
    *figures.routes,
]
