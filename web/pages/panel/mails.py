"""Mails in the community's own words: which there are, one in a language with how it looks, and back to the built-in text."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import hdrs, web

from fedserver import mail_wordings, settings
from fedserver.content.text import language_tag
from fedserver.errors import FedError, NotFound
from fedserver.mail_compose import html_page
from fedserver.mail_wordings import KINDS
from fedserver.moderation.permissions import Permission
from web import auth, forms, gate, guard, keys
from web.pages import page
from web.pages.panel import frame
from web.templating import HTML

HERE: Final = "/admin/mails"
ONE: Final = HERE + "/{kind}"
# A mail has its looks in itself, loads nothing, and is shown here alone.
MAIL_CSP: Final = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; sandbox"


async def listed(request: web.Request) -> web.StreamResponse:
    """All of them, each with the languages in which it has words of the community's own."""
    own = await mail_wordings.all_of_them(keys.server(request), auth.member(request))
    return await frame.show(request, "panel/mails.html", kinds=KINDS, own=own)


async def ask(request: web.Request) -> web.StreamResponse:
    """One of them in a language, as it is, and how it looks."""
    return await _show(request)


async def change(request: web.Request) -> web.StreamResponse:
    """Have it go out in these words, or keep them as a draft to look at."""
    server, member, params = keys.server(request), auth.member(request), await forms.params(request)
    name, language, as_draft = _kind(request), params.text("language"), params.flag("draft")
    try:
        language = await mail_wordings.put(
            server, member, name, language, params.text("subject"), params.text("text"), as_draft=as_draft
        )
    except page.MENDABLE as error:
        return await _show(request, error)
    return page.go(f"{HERE}/{name}?language={language}&done={'mail-drafted' if as_draft else 'mail-worded'}")


async def forget(request: web.Request) -> web.StreamResponse:
    """Back to the built-in text, in the language of the page."""
    name = _kind(request)
    await mail_wordings.forget(keys.server(request), auth.member(request), name, await _language(request))
    return page.go(f"{HERE}/{name}?done=mail-built-in")


async def sheet(request: web.Request) -> web.StreamResponse:
    """The HTML part, for the frame of the page alone."""
    server, name = keys.server(request), _kind(request)
    said = await mail_wordings.example(server, auth.member(request), name, await _language(request))
    body = html_page((await settings.current(server)).title, server.config.origin, said)
    headers = {hdrs.CONTENT_TYPE: HTML, "Content-Security-Policy": MAIL_CSP}
    return web.Response(body=body.encode(), headers=headers)


async def _show(request: web.Request, error: FedError | None = None) -> web.Response:
    server, member, name = keys.server(request), auth.member(request), _kind(request)
    language = await _language(request)
    shown = await mail_wordings.one(server, member, name, language)
    guard.allow_own_frames(request)
    context: dict[str, Any] = {
        "name": name,
        "kind": KINDS[name],
        "language": language,
        "typed": language,
        "languages": (await mail_wordings.all_of_them(server, member))[name],
        "shown": shown,
        "given": shown,
        "example": await mail_wordings.example(server, member, name, language),
    }
    if error is None:
        return await frame.show(request, "panel/mail_wording.html", **context)
    params = await forms.params(request)
    context["given"] = {one: params.text(one) for one in ("subject", "text")}
    context["typed"] = params.text("language")
    return await frame.show_again(request, "panel/mail_wording.html", error, **context)


def _kind(request: web.Request) -> str:
    name = request.match_info["kind"]
    if name not in KINDS:
        raise NotFound
    return name


async def _language(request: web.Request) -> str:
    """The one asked for, or the community's."""
    wanted = (await forms.params(request)).text("language").strip()
    return (language_tag(wanted) or "")[:16] or (await settings.current(keys.server(request))).language


routes: Final[list[web.RouteDef]] = gate.behind(
    Permission.MANAGE_SETTINGS,
    web.get(HERE, listed),
    web.get(ONE, ask),
    web.post(ONE, change),
    web.post(f"{ONE}/built-in", forget),
    web.get(f"{ONE}/sheet", sheet),
)
