"""What all members are told: written, planned for a time, edited, ended, taken down."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from aiohttp import web

from fedserver import announcements
from fedserver.announcements import Draft
from fedserver.errors import FedError, Invalid
from fedserver.moderation.permissions import Permission
from fedserver.scheduled import instant_of
from web import auth, forms, gate, keys
from web.forms import Params
from web.pages import page
from web.pages.panel import frame

HERE: Final = "/admin/announcements"
ONE: Final = HERE + r"/{id:\d+}"
FIELDS: Final = ("text", "starts_at", "ends_at", "scheduled_at")


async def listed(request: web.Request) -> web.StreamResponse:
    """All of them, the newest first, and a form for another."""
    return await _show(request)


async def add(request: web.Request) -> web.StreamResponse:
    """Write one: shown at once, at a time to come, or not yet."""
    server, params = keys.server(request), await forms.params(request)
    try:
        draft, at_ms = _read(request, params)
        await announcements.write(
            server, auth.member(request), draft, scheduled_at=at_ms, publish=not params.flag("keep")
        )
    except page.MENDABLE as error:
        return await _show(request, error, given=_given(params))
    return page.go(f"{HERE}?done=saved")


async def edit(request: web.Request) -> web.StreamResponse:
    """Write one anew."""
    server, params = keys.server(request), await forms.params(request)
    announcement_id = int(request.match_info["id"])
    try:
        draft, _ = _read(request, params)
        await announcements.edit(server, auth.member(request), announcement_id, draft)
    except page.MENDABLE as error:
        return await _show(request, error, at=announcement_id, given=_given(params))
    return page.go(f"{HERE}?done=saved")


async def settle(request: web.Request) -> web.StreamResponse:
    """Publish one now, end it, or take it down for good."""
    acts = {"publish": announcements.publish_now, "end": announcements.end, "delete": announcements.take_down}
    act = acts[request.path.rpartition("/")[2]]
    await act(keys.server(request), auth.member(request), int(request.match_info["id"]))
    return page.go(f"{HERE}?done=saved")


def _read(request: web.Request, params: Params) -> tuple[Draft, int | None]:
    zone = ZoneInfo(request[keys.SETTINGS].time_zone)
    instants: dict[str, int | None] = {}
    for name in FIELDS[1:]:
        text = params.text(name, chars_max=64).strip()
        try:
            instants[name] = instant_of(text, zone) if text else None
        except Invalid as error:
            raise Invalid({name: "is not a date and time"}) from error
    all_day = params.flag("all_day")
    text = params.text("text").replace("\r\n", "\n")
    return Draft(text, instants["starts_at"], instants["ends_at"], all_day), instants["scheduled_at"]


def _given(params: Params) -> dict[str, Any]:
    return {**{name: params.text(name) for name in FIELDS}, "all_day": params.flag("all_day")}


async def _show(
    request: web.Request, error: FedError | None = None, *, at: int = 0, given: dict[str, Any] | None = None
) -> web.Response:
    zone = ZoneInfo(request[keys.SETTINGS].time_zone)

    def local(at_ms: int | None) -> str:
        return "" if at_ms is None else f"{datetime.fromtimestamp(at_ms / 1000, zone):%Y-%m-%dT%H:%M}"

    found = await announcements.all_of_them(keys.server(request), auth.member(request))
    empty = {**dict.fromkeys(FIELDS, ""), "all_day": False}
    context: dict[str, Any] = {
        "found": [
            {
                "row": row,
                "state": announcements.state_of(row),
                "fields": (given or empty)
                if at == row.id
                else {
                    "text": row.source_text,
                    "starts_at": local(row.starts_at),
                    "ends_at": local(row.ends_at),
                    "all_day": bool(row.all_day),
                },
            }
            for row in reversed(found)
        ],
        "at": at,
        "given": empty if at or given is None else given,
    }
    if error is None:
        return await frame.show(request, "panel/announcements.html", **context)
    return await frame.show_again(request, "panel/announcements.html", error, **context)


routes: Final[list[web.RouteDef]] = gate.behind(
    Permission.MANAGE_ANNOUNCEMENTS,
    web.get(HERE, listed),
    web.post(HERE, add),
    web.post(ONE, edit),
    *(web.post(f"{ONE}/{verb}", settle) for verb in ("publish", "end", "delete")),
)
