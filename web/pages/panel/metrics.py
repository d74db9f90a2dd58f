"""The first page of administration, the numbers of the community as pictures with tables, and the measures for funders."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from aiohttp import web

from fedserver import dashboards, operations, setting_up
from fedserver.errors import Invalid
from fedserver.moderation.permissions import Permission, allows
from web import auth, forms, gate, keys, replies
from web.pages import page
from web.pages.panel import frame
from web.pages.panel.desk import about_servers

HERE: Final = "/admin/metrics"


async def overview(request: web.Request) -> web.StreamResponse:
    """What an admin should see first: what is wrong with the machine, and the last thirty days in short."""
    server, member = keys.server(request), auth.member(request)
    board = await dashboards.shown(server, member, dashboards.PERIODS[0])
    runs = allows(member.role, Permission.MANAGE_SETTINGS)
    return await frame.show(
        request,
        "panel/overview.html",
        board=board,
        plots=[plot for plot in board.plots if plot.key in dashboards.SHORT],
        now=await operations.overview(server, member) if runs else None,
        to_do=await setting_up.left(server, member) if runs else [],
        **await about_servers(server, member),
    )


async def shown(request: web.Request) -> web.StreamResponse:
    """Pictures of a period, each with its table."""
    server, member = keys.server(request), auth.member(request)
    try:
        period = forms.query(request).integer("period", dashboards.PERIODS[1])
        board = await dashboards.shown(server, member, period)
        status = 200
    except Invalid:
        board, status = await dashboards.shown(server, member, dashboards.PERIODS[1]), 422
    year = datetime.now(UTC).year
    return await frame.show(
        request,
        "panel/metrics.html",
        status=status,
        board=board,
        periods=dashboards.PERIODS,
        years=range(year, year - 3, -1),
        opened=bool(server.config.metrics_token),
    )


async def count(request: web.Request) -> web.StreamResponse:
    """Have the numbers counted now."""
    await dashboards.count_now(keys.server(request), auth.member(request))
    return page.go(f"{HERE}?done=counting")


async def measures(request: web.Request) -> web.StreamResponse:
    """The measures of a year as CSV. By POST, because that somebody took them along is in the log."""
    year = (await forms.params(request)).integer("year", datetime.now(UTC).year)
    body = await dashboards.measures(keys.server(request), auth.member(request), year)
    return replies.table(body, f"measures-{year}.csv")


routes: Final[list[web.RouteDef]] = gate.behind(
    Permission.VIEW_DASHBOARD,
    web.get("/admin", overview),
    web.get(HERE, shown),
    web.post(f"{HERE}/count", count),
    web.post("/admin/measures.csv", measures),
)
