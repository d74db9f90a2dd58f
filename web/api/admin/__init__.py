"""The admin API: what those who moderate do from an app. Who may do what is `fedserver.moderation.permissions`."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from web.api.admin import (
    accounts,
    addresses,
    appeals,
    cases,
    domains,
    figures,
    joins,
    networks,
    reports,
    tags,
)

routes: Final[list[web.RouteDef]] = [
    *accounts.routes,
    *joins.routes,
    *reports.routes,
    *cases.routes,
    *appeals.routes,
    *domains.routes,
    *addresses.routes,
    *networks.routes,
    *tags.routes,
    *figures.routes,
]
