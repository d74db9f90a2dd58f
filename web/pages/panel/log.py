"""The audit log: who did what, to look through, to take along, and to check that nothing in it was changed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from aiohttp import web

from fedserver.moderation import audit
from fedserver.moderation.audit import Entry, Sought
from fedserver.moderation.permissions import Permission
from fedserver.reading import cursors
from web import auth, forms, gate, keys, replies
from web.pages import page
from web.pages.panel import frame

NAMES: Final = ("actor", "action", "type", "about", "from", "to")


async def listed(request: web.Request) -> web.StreamResponse:
    """Entries, the newest first."""
    server, member = keys.server(request), auth.member(request)
    chosen, sought, problems = _sought(request)
    window = page.window(request, page.PEOPLE_PER_PAGE)
    found = [] if problems else await audit.page(server, member, sought, window)
    newer, older = cursors(window, [one.number for one in found])
    return await frame.show(
        request,
        "panel/log.html",
        found=[(one, _details(one)) for one in found],
        kinds=await audit.kinds(server, member),
        chosen=chosen,
        leaf={"newer": newer, "older": older},
        problems=problems or None,
    )


def _details(one: Entry) -> list[tuple[str, str, str]]:
    """(name, before, after) of what an entry says beyond its sentence."""
    was, now = one.changed_from, one.changed_to
    rows = [(name, _shown(was.get(name)), _shown(now.get(name))) for name in dict.fromkeys([*was, *now])]
    return [row for row in rows if row[1] or row[2]]


def _shown(value: Any) -> str:
    if value in (None, "", [], {}):
        return ""
    if isinstance(value, list):
        return ", ".join(filter(None, map(_shown, value)))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


async def table(request: web.Request) -> web.StreamResponse:
    """The same entries as CSV. By POST, because that somebody took it along is an entry of its own."""
    _, sought, problems = _sought(request)
    if problems:
        return page.go("/mod/log")
    body = await audit.table(keys.server(request), auth.member(request), sought)
    return replies.table(body, f"audit-log-{datetime.now(UTC):%Y-%m-%d}.csv")


async def check(request: web.Request) -> web.StreamResponse:
    """Whether every entry is as it was written."""
    found = await audit.check(keys.server(request), auth.member(request))
    return await frame.show(request, "panel/log_checked.html", checked=found)


def _sought(request: web.Request) -> tuple[dict[str, str], Sought, dict[str, str]]:
    """What was chosen, as it was entered and as it was understood, and what was not."""
    params = forms.query(request)
    chosen = {name: params.text(name).strip() for name in NAMES}
    problems: dict[str, str] = {}
    days: dict[str, Any] = {}
    for name in ("from", "to"):
        try:
            days[name] = datetime.fromisoformat(chosen[name]).replace(tzinfo=UTC) if chosen[name] else None
        except ValueError:
            problems[name] = "Must be a day, such as 2026-05-04."
            days[name] = None
    sought = Sought(
        actor_name=chosen["actor"],
        action=chosen["action"],
        subject_type=chosen["type"],
        subject_id=chosen["about"],
        since=None if days["from"] is None else int(days["from"].timestamp() * 1000),
        until=None if days["to"] is None else int((days["to"] + timedelta(days=1)).timestamp() * 1000),
    )
    return chosen, sought, problems


routes: Final[list[web.RouteDef]] = gate.behind(
    Permission.VIEW_AUDIT_LOG,
    web.get("/mod/log", listed),
    web.post("/mod/log.csv", table),
    web.get("/mod/log/check", check),
)
