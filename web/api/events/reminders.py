"""Events of the client API: how a member hears of those they go to."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web
from msgspec import UNSET, Struct, UnsetType

from fedserver.events import preferences
from fedserver.events.preferences import Preference
from web import auth, forms, keys, replies
from web.api.events.entities import EventPreferences, EventReminders
from web.verbs import put_or_patch


class PreferencesInput(Struct, frozen=True, kw_only=True):
    """What is to change; what is not mentioned stays."""

    invites_by_mail: bool | UnsetType = UNSET
    reminds_here: bool | UnsetType = UNSET
    reminds_by_mail: bool | UnsetType = UNSET
    reminders: list[int] | UnsetType | None = UNSET


class RemindersInput(Struct, frozen=True, kw_only=True):
    """Minutes before the event begins; none of them: never."""

    reminders: list[int]


async def show(request: web.Request) -> web.Response:
    """``GET /api/v1/calendar/preferences``: how the member hears of events they go to."""
    member = auth.member(request, "read:events")
    return replies.json(_entity(await preferences.show(keys.server(request), member)))


async def choose(request: web.Request) -> web.Response:
    """``PATCH /api/v1/calendar/preferences``: entries for calendar programs by mail, reminders here and by mail, and when
    (`reminders`, minutes before; null: as each event has it)."""
    member = auth.member(request, "write:events")
    sent = await forms.read(request, PreferencesInput)
    names = {"reminders": "minutes"}
    changed: dict[str, Any] = {
        names.get(name, name): value
        for name in sent.__struct_fields__
        if (value := getattr(sent, name)) is not UNSET
    }
    return replies.json(_entity(await preferences.choose(keys.server(request), member, **changed)))


async def show_one(request: web.Request) -> web.Response:
    """``GET /api/v1/events/:id/reminders``: when the member is reminded of this event."""
    member = auth.member(request, "read:events")
    return await _one(request, member)


async def choose_one(request: web.Request) -> web.Response:
    """``PUT /api/v1/events/:id/reminders``: so many minutes before (`reminders`), or never, if it is empty."""
    member = auth.member(request, "write:events")
    sent = await forms.read(request, RemindersInput)
    await preferences.choose_reminding(keys.server(request), member, forms.path_id(request), sent.reminders)
    return await _one(request, member)


async def forget_one(request: web.Request) -> web.Response:
    """``DELETE /api/v1/events/:id/reminders``: as of all events again."""
    member = auth.member(request, "write:events")
    await preferences.choose_reminding(keys.server(request), member, forms.path_id(request), None)
    return await _one(request, member)


async def _one(request: web.Request, member: Any) -> web.Response:
    minutes, chosen = await preferences.reminding(keys.server(request), member, forms.path_id(request))
    return replies.json(EventReminders(reminders=list(minutes), chosen=chosen))


def _entity(chosen: Preference) -> EventPreferences:
    return EventPreferences(
        invites_by_mail=chosen.invites_by_mail,
        reminds_here=chosen.reminds_here,
        reminds_by_mail=chosen.reminds_by_mail,
        reminders=None if chosen.minutes is None else list(chosen.minutes),
    )


routes: Final[list[web.RouteDef]] = [
    web.get("/api/v1/calendar/preferences", show),
    *put_or_patch("/api/v1/calendar/preferences", choose),
    web.get("/api/v1/events/{id}/reminders", show_one),
    web.put("/api/v1/events/{id}/reminders", choose_one),
    web.delete("/api/v1/events/{id}/reminders", forget_one),
]
