"""What an admin sets of the community: its name and contact, how it looks, what visitors see, how much is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from aiohttp import hdrs, web

from fedserver import branding, megabytes, quota, settings, upload_limits
from fedserver.errors import FedError, Invalid
from fedserver.moderation.permissions import Permission
from fedserver.settings import InstanceSettings
from fedserver.viewer import ROLES
from web import auth, forms, gate, keys, replies
from web.forms import Params
from web.pages import page
from web.pages.panel import frame
from web.templating import FOREVER

Kind = Literal["line", "text", "number", "megabytes", "up_to", "choice", "flag", "email", "zone"]


@dataclass(frozen=True, slots=True)
class Asked:
    """A setting as a form asks for it."""

    name: str
    label: str
    kind: Kind = "line"
    hint: str = ""
    options: tuple[tuple[str, str], ...] = ()
    chars_max: int = 100
    rows: int = 4


_ACCESS: Final = (
    ("public", "everybody"),
    ("authenticated", "members alone"),
    ("disabled", "nobody but those who moderate"),
)
FORMS: Final[dict[str, tuple[str, tuple[Asked, ...]]]] = {
    "/admin/site": (
        "Name and contact",
        (
            Asked("title", "Name of the community", hint="Shown on every page and in every mail."),
            Asked("description", "In one or two sentences", "text", chars_max=1_000, rows=3),
            Asked(
                "extended_description",
                "More about it",
                "text",
                "Markdown. Shown on the page About.",
                chars_max=50_000,
                rows=10,
            ),
            Asked(
                "contact_email",
                "Address for questions",
                "email",
                "Public, also for reports of security holes.",
                chars_max=254,
            ),
            Asked("contact_username", "Member to turn to", hint="Their user name.", chars_max=30),
            Asked(
                "language",
                "Language",
                hint="Such as en or pt-BR: of those who have chosen none.",
                chars_max=16,
            ),
            Asked(
                "time_zone",
                "Time zone",
                "zone",
                "Such as Europe/Berlin: of those who have chosen none.",
                chars_max=64,
            ),
        ),
    ),
    "/admin/site/visitors": (
        "What visitors see",
        (
            Asked(
                "local_live_feed_access", "The timeline of this community is for", "choice", options=_ACCESS
            ),
            Asked(
                "remote_live_feed_access", "The timeline of other servers is for", "choice", options=_ACCESS
            ),
            Asked(
                "local_topic_feed_access",
                "This community's posts under a hashtag are for",
                "choice",
                options=_ACCESS[:2],
            ),
            Asked(
                "remote_topic_feed_access",
                "Other servers' posts under a hashtag are for",
                "choice",
                options=_ACCESS,
            ),
            Asked("profile_directory", "Offer a directory of the people who want to be found", "flag"),
            Asked("trends", "Show what is talked about at present", "flag"),
        ),
    ),
    "/admin/site/limits": (
        "How much is kept",
        (
            Asked(
                "member_bytes_max",
                "Space for the files of one member, in MB",
                "megabytes",
                "Pictures, videos and files of resources together.",
            ),
            Asked("largest_picture", "Largest picture, in MB", "up_to"),
            Asked("largest_video", "Largest video, in MB", "up_to"),
            Asked("largest_audio", "Largest sound, in MB", "up_to"),
            Asked("largest_document", "Largest file of a resource, in MB", "up_to"),
            Asked(
                "remote_media_days",
                "Copies of other servers' media go after days",
                "number",
                "They are fetched again when somebody looks.",
            ),
            Asked(
                "remote_post_days",
                "Other servers' posts go after days",
                "number",
                "Those alone that nobody here has answered or kept. 0 keeps them for ever.",
            ),
        ),
    ),
}
TABS: Final = (
    *((path, title) for path, (title, _) in list(FORMS.items())[:1]),
    ("/admin/site/looks", "Looks"),
    *((path, title) for path, (title, _) in list(FORMS.items())[1:]),
)
LIMITS: Final = "/admin/site/limits"
LOOKS: Final = "/admin/site/looks"
STAFF: Final = tuple(role for role in ROLES if role != "member")


async def ask(request: web.Request) -> web.StreamResponse:
    """The settings of one page as they are."""
    now = await settings.current(keys.server(request))
    return await frame.show(request, "panel/site.html", **await _form(request, _shown(request, now)))


async def grant_room(request: web.Request) -> web.StreamResponse:
    """Give one member another limit for their files, or that of everybody again."""
    server, params = keys.server(request), await forms.params(request)
    try:
        text = params.text("room").strip()
        most = megabytes.entered(text) if text else None
        if text and most is None:
            raise Invalid({"room": "must be a number of MB"})
        await quota.grant(server, auth.member(request), params.text("username"), most)
    except page.MENDABLE as error:
        shown = _shown(request, await settings.current(server), LIMITS)
        entered = {name: params.text(name) for name in ("username", "room")}
        context = await _form(request, shown, LIMITS) | {"for_one": entered}
        return await frame.show_again(request, "panel/site.html", error, **context)
    return page.go(f"{LIMITS}?done=saved")


async def grant_roles(request: web.Request) -> web.StreamResponse:
    """Give those in a role another limit, or that of everybody again."""
    server, params = keys.server(request), await forms.params(request)
    entered = {role: params.text(f"room-{role}", chars_max=20).strip() for role in STAFF}
    wanted = {role: megabytes.entered(text) for role, text in entered.items() if text}
    try:
        problems = {
            f"room-{role}": "must be a number of MB" for role, most in wanted.items() if not most or most < 0
        }
        if problems:
            raise Invalid(problems)
        await settings.change(server, auth.member(request), {"role_bytes_max": wanted})
    except page.MENDABLE as error:
        shown = _shown(request, await settings.current(server), LIMITS)
        context = await _form(request, shown, LIMITS) | {"roles": entered}
        return await frame.show_again(request, "panel/site.html", error, **context)
    return page.go(f"{LIMITS}?done=saved")


async def change(request: web.Request) -> web.StreamResponse:
    """Change those that are changed."""
    server, params = keys.server(request), await forms.params(request)
    now = await settings.current(server)
    try:
        values = _values(request, params, now)
        if values:
            await settings.change(server, auth.member(request), values)
    except page.MENDABLE as error:
        entered = {one.name: params.text(one.name) for one in FORMS[request.path][1]}
        return await frame.show_again(request, "panel/site.html", error, **await _form(request, entered))
    return page.go(f"{request.path}?done=saved")


async def _form(request: web.Request, shown: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    path = path or request.path
    title, asked = FORMS[path]
    server = keys.server(request)
    by_role = (await settings.current(server)).role_bytes_max
    return {
        "form_path": path,
        "roles": {role: megabytes.shown(by_role[role]) if role in by_role else "" for role in STAFF},
        "ceilings": {
            name: megabytes.shown(most) for name, most in upload_limits.ceilings(server.config).items()
        },
        "with_own": await quota.with_own(server, auth.member(request)) if path == LIMITS else None,
        "for_one": {"username": "", "room": ""},
        "title": title,
        "asked": asked,
        "shown": shown,
        "locked": settings.locked(server.config),
        "tabs": TABS,
    }


def _shown(request: web.Request, now: InstanceSettings, path: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for one in FORMS[path or request.path][1]:
        value = getattr(now, one.name)
        in_mb = one.kind in ("megabytes", "up_to")
        found[one.name] = (
            "" if one.kind == "up_to" and not value else megabytes.shown(value) if in_mb else value
        )
    return found


def _values(request: web.Request, params: Params, now: InstanceSettings) -> dict[str, Any]:
    """What was entered and differs, as settings are; what is locked is not asked for."""
    locked = settings.locked(keys.server(request).config)
    values: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for one in FORMS[request.path][1]:
        if one.name in locked or (one.kind != "flag" and one.name not in params):
            continue
        try:
            value = _value(params, one)
        except Invalid as error:
            problems |= error.fields
            continue
        if value != getattr(now, one.name):
            values[one.name] = value
    if problems:
        raise Invalid(problems)
    return values


def _value(params: Params, one: Asked) -> Any:
    if one.kind == "flag":
        return params.flag(one.name)
    if one.kind == "number":
        found = params.integer(one.name)
    elif one.kind in ("megabytes", "up_to"):
        text = params.text(one.name).strip()
        found = 0 if one.kind == "up_to" and not text else megabytes.entered(text)
    else:
        return params.text(one.name, chars_max=one.chars_max).replace("\r\n", "\n").strip()
    if found is None:
        raise Invalid({one.name: "must be a number"})
    return found


# -- looks


async def ask_looks(request: web.Request) -> web.StreamResponse:
    """The colour and the logo as they are."""
    now = await settings.current(keys.server(request))
    return await _looks(request, now)


async def change_colours(request: web.Request) -> web.StreamResponse:
    """Choose the colour of links and buttons, or none."""
    server, params = keys.server(request), await forms.params(request)
    entered = {name: _colour(params.text(name, chars_max=20)) for name in ("accent", "accent_dark")}
    if params.flag("none"):
        entered = {"accent": "", "accent_dark": ""}
    try:
        await settings.change(server, auth.member(request), entered)
    except page.MENDABLE as error:
        return await _looks(request, await settings.current(server), error, entered)
    return page.go(f"{LOOKS}?done=saved")


def _colour(text: str) -> str:
    text = text.strip().lower()
    return f"#{text}" if text and not text.startswith("#") else text


async def change_logo(request: web.Request) -> web.StreamResponse:
    """Upload a logo, or take it away."""
    server, member, params = keys.server(request), auth.member(request), await forms.params(request)
    try:
        upload = params.upload("logo")
        if params.flag("remove"):
            await branding.remove_logo(server, member)
        elif upload is None:
            raise Invalid({"logo": "must be a picture"})
        else:
            await branding.set_logo(server, member, upload.path)
    except page.MENDABLE as error:
        return await _looks(request, await settings.current(server), error)
    return page.go(f"{LOOKS}?done=saved")


async def _looks(
    request: web.Request,
    now: InstanceSettings,
    error: FedError | None = None,
    entered: Mapping[str, str] | None = None,
) -> web.Response:
    context: dict[str, Any] = {
        "tabs": TABS,
        "now": now,
        "entered": entered or {"accent": now.accent, "accent_dark": now.accent_dark},
        "shades": branding.shades(now),
    }
    if error is None:
        return await frame.show(request, "panel/looks.html", **context)
    return await frame.show_again(request, "panel/looks.html", error, **context)


async def stylesheet(request: web.Request) -> web.StreamResponse:
    """``GET /colours.css``: the community's colour. Asked for by its version it may be kept for ever."""
    now = await settings.current(keys.server(request))
    text = branding.stylesheet(now)
    current = bool(text) and request.query.get("v") == branding.version(now)
    response = web.Response(
        body=text.encode(),
        headers={
            hdrs.CONTENT_TYPE: "text/css; charset=utf-8",
            hdrs.CACHE_CONTROL: FOREVER if current else "no-cache",
        },
    )
    return replies.conditional(request, response)


routes: Final[list[web.RouteDef]] = [
    web.get("/colours.css", stylesheet),
    *gate.behind(
        Permission.MANAGE_SETTINGS,
        *(web.get(path, ask) for path in FORMS),
        *(web.post(path, change) for path in FORMS),
        web.post(f"{LIMITS}/member", grant_room),
        web.post(f"{LIMITS}/roles", grant_roles),
        web.get(LOOKS, ask_looks),
        web.post(f"{LOOKS}/colours", change_colours),
        web.post(f"{LOOKS}/logo", change_logo),
    ),
]
