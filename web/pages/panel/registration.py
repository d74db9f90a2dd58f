"""How people come in: who may join, what they are asked, how many at once, and the links by which they are invited."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from fedserver import invites, settings
from fedserver.content.text import clean_line
from fedserver.join_questions import KINDS, QUESTIONS_MAX
from fedserver.moderation.permissions import Permission, allows
from web import auth, forms, gate, keys
from web.pages import invites as pages
from web.pages import page
from web.pages.panel import frame
from web.params import Params

HERE: Final = "/admin/registration"
INVITES: Final = "/admin/invites"
NAMES: Final = (
    *("registrations", "registrations_message", "join_questions", "invites_by"),
    *("joins_waiting_max", "joins_a_day_max", "refusals_days", "new_direct", "welcome_steps", "nudge_days"),
)
LIMITS: Final = {
    "new_days": "Days until they are members",
    "new_links_max": "Links in a post",
    "new_media_max": "Pictures and files in a post",
    "new_mentions_max": "People in a post who do not follow them",
    "new_posts_an_hour": "Posts an hour",
}
"""Of those who are new, in words."""
_EMPTY: Final = {"id": "", "text": "", "hint": "", "kind": "long", "options": "", "required": False}


async def ask(request: web.Request) -> web.StreamResponse:
    """The settings as they are."""
    now = await settings.current(keys.server(request))
    values = {name: getattr(now, name) for name in (*NAMES, *LIMITS)}
    rows = [
        {
            "id": one.id, "text": one.text, "hint": one.hint, "kind": one.kind, "required": one.required,
            "options": "\n".join(one.options),
        }
        for one in now.join_questions
    ]  # fmt: skip
    return await frame.show(request, "panel/registration.html", **_context(request, values, rows))


async def change(request: web.Request) -> web.StreamResponse:
    """Change them."""
    server, member, params = keys.server(request), auth.member(request), await forms.params(request)
    rows = [_row(params, f"q{at}") for at in range(QUESTIONS_MAX)]
    numbers = [int(one["id"]) for one in rows if one["id"].isdigit() and len(one["id"]) < 9]
    values: dict[str, Any] = {
        "registrations_message": params.text("registrations_message").replace("\r\n", "\n"),
        "invites_by": params.text("invites_by"),
        "join_questions": _questions(rows, max(numbers, default=0)),
        **{
            name: params.integer(name, 0, least=0)
            for name in ("joins_waiting_max", "joins_a_day_max", "refusals_days", "nudge_days", *LIMITS)
        },
        "welcome_steps": list(
            dict.fromkeys(filter(None, map(clean_line, params.text("welcome_steps").splitlines())))
        ),
        "new_direct": params.flag("new_direct"),
    }
    if params.text("registrations"):
        values["registrations"] = params.text("registrations")
    try:
        await settings.change(server, member, values)
    except page.MENDABLE as error:
        now = await settings.current(server)
        entered = {"registrations": now.registrations, **values}
        return await frame.show_again(
            request,
            "panel/registration.html",
            error,
            **_context(request, entered, [one for one in rows if one["text"]]),
        )
    return page.go(f"{HERE}?done=saved")


def _row(params: Params, at: str) -> dict[str, Any]:
    return {
        **{name: params.text(f"{at}-{name}") for name in ("id", "text", "hint", "options")},
        "kind": params.text(f"{at}-kind", "long"),
        "required": params.flag(f"{at}-required"),
    }


def _questions(rows: list[dict[str, Any]], number: int) -> list[dict[str, Any]]:
    """The rows with something in them as the setting has them; new ones get the next number."""
    found = []
    for one in rows:
        text = one["text"].strip()
        if not text:
            continue
        if not one["id"]:
            number += 1
        lines = [line.strip() for line in one["options"].splitlines() if line.strip()]
        found.append(
            {
                "id": one["id"] or str(number), "text": text, "hint": one["hint"].strip(),
                "kind": one["kind"] if one["kind"] in KINDS else "long", "required": one["required"],
                "options": lines if one["kind"] == "choice" else [],
            }
        )  # fmt: skip
    return found


def _context(request: web.Request, values: dict[str, Any], rows: list[dict[str, Any]]) -> dict[str, Any]:
    more = [_EMPTY] if len(rows) < QUESTIONS_MAX else []
    locked = settings.locked(keys.server(request).config)
    return {
        "values": values,
        "questions": [*rows, *more],
        "locked": locked,
        "limits": LIMITS,
        "keeps_out": allows(auth.member(request).role, Permission.MANAGE_BLOCKS),
    }


async def everybodys(request: web.Request) -> web.StreamResponse:
    """All links, the newest first, with who came by them."""
    return await frame.show(request, "panel/invites.html", problems={}, **await _links(request, Params({})))


async def invite(request: web.Request) -> web.StreamResponse:
    """Make a link."""
    params = await forms.params(request)
    try:
        await invites.create(keys.server(request), auth.member(request), pages.wanted(params))
    except page.MENDABLE as error:
        return await frame.show_again(
            request, "panel/invites.html", error, pages.NAMES, **await _links(request, params)
        )
    return page.go(f"{INVITES}?done=link-made")


async def revoke(request: web.Request) -> web.StreamResponse:
    """Let a link lead nowhere any more."""
    await invites.revoke(keys.server(request), auth.member(request), forms.path_id(request))
    return page.go(f"{INVITES}?done=link-revoked")


async def _links(request: web.Request, given: Params) -> dict[str, Any]:
    server, member = keys.server(request), auth.member(request)
    window = page.window(request)
    found = await invites.everybodys(server, member, window)
    now = await settings.current(server)
    return {
        **await pages.context(request, found, window, given),
        "closed": now.registrations == "closed",
    }


routes: Final[list[web.RouteDef]] = [
    *gate.behind(Permission.MANAGE_SETTINGS, web.get(HERE, ask), web.post(HERE, change)),
    *gate.behind(
        Permission.MANAGE_INVITES,
        web.get(INVITES, everybodys),
        web.post(INVITES, invite),
        web.post(INVITES + "/{id:[0-9]{1,19}}/revoke", revoke),
    ),
]
