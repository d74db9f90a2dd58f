"""The panel: pages for those who moderate and administer the server, without JavaScript like all others.

Each part has its file; `frame` has what they share. Whoever adds a part puts its routes here and its entry into
`frame.SECTIONS`.
"""

from __future__ import annotations

from typing import Final

from aiohttp import web

from web.pages.panel import (
    access,
    accounts,
    addresses,
    announcements,
    appeals,
    cases,
    desk,
    emoji,
    federation,
    held,
    house_rules,
    joins,
    log,
    mails,
    metrics,
    operations,
    partners,
    policies,
    registration,
    roles,
    rulings,
    site,
    trends,
    with_whom,
)

ROUTES: Final[list[web.RouteDef]] = [
    *desk.routes,
    *cases.routes,
    *accounts.routes,
    *rulings.routes,
    *appeals.routes,
    *joins.routes,
    *held.routes,
    *trends.routes,
    *log.routes,
    *mails.routes,
    *partners.routes,
    *registration.routes,
    *addresses.routes,
    *operations.routes,
    *federation.routes,
    *with_whom.routes,
    *roles.routes,
    *metrics.routes,
    *site.routes,
    *house_rules.routes,
    *access.routes,
    *policies.routes,
    *announcements.routes,
    *emoji.routes,
]
