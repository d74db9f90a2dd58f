"""Telling the moderators about a post or an account."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from fedserver import profiles, relationships, reports, settings, spam_marks
from fedserver.moderation import cases
from fedserver.page_cards import PostCard
from fedserver.profiles import Profile
from fedserver.reports import Complaint
from web import forms, keys
from web.forms import Params
from web.pages import page
from web.pages.posts import POST, card_of


async def ask_about_post(request: web.Request) -> web.StreamResponse:
    """What is wrong with a post."""
    page.member(request)
    card = await card_of(request)
    profile = await profiles.by_id(keys.server(request), request[keys.VIEWER], card.author.id)
    return await _show(request, profile, card)


async def about_post(request: web.Request) -> web.StreamResponse:
    """Report a post and its author."""
    page.member(request)
    card = await card_of(request)
    profile = await profiles.by_id(keys.server(request), request[keys.VIEWER], card.author.id)
    return await _report(request, profile, card)


async def mark(request: web.Request) -> web.StreamResponse:
    """A trusted member marks a post of somebody new as spam, or takes that back."""
    act = spam_marks.mark if request.path.endswith("/mark") else spam_marks.unmark
    found = await act(keys.server(request), page.member(request), forms.path_id(request))
    done = "spam-held" if found.held else "spam-marked" if found.marked else "spam-unmarked"
    return page.go(f"/home?done={done}")


async def ask_about_account(request: web.Request) -> web.StreamResponse:
    """What is wrong with an account."""
    page.member(request)
    return await _show(request, await _profile(request), None)


async def about_account(request: web.Request) -> web.StreamResponse:
    """Report an account."""
    page.member(request)
    return await _report(request, await _profile(request), None)


async def own(request: web.Request) -> web.StreamResponse:
    """What the member has reported, and what came of it."""
    found, newer, older = await cases.reported_by(
        keys.server(request), page.member(request), page.window(request, page.PEOPLE_PER_PAGE)
    )
    return await page.show(
        request, "settings/reports.html", found=found, leaf={"newer": newer, "older": older}
    )


async def _profile(request: web.Request) -> Profile:
    return await profiles.by_handle(keys.server(request), request[keys.VIEWER], request.match_info["handle"])


async def _report(request: web.Request, profile: Profile, card: PostCard | None) -> web.StreamResponse:
    server, member, params = keys.server(request), page.member(request), await forms.params(request)
    complaint = Complaint(
        account_id=profile.person.id,
        post_ids=[card.id] if card else [],
        comment=params.text("comment"),
        category=params.text("category", "other"),
        rule_ids=params.texts("rules", count_max=settings.RULES_MAX),
        forward=params.flag("forward"),
    )
    try:
        await reports.report(server, member, complaint)
    except page.MENDABLE as error:
        return await page.show_again(
            request, "people/report.html", error, **await _context(request, profile, card, params)
        )
    if params.flag("block"):
        await relationships.block(server, member, profile.person.id)
    return page.go("/home?done=reported")


async def _show(request: web.Request, profile: Profile, card: PostCard | None) -> web.StreamResponse:
    if profile.mine:
        return page.go(profile.person.path)
    return await page.show(
        request,
        "people/report.html",
        problems={},
        **await _context(request, profile, card, Params({})),
    )


async def _context(
    request: web.Request, profile: Profile, card: PostCard | None, params: Params
) -> dict[str, Any]:
    server = keys.server(request)
    now = await settings.current(server)
    spam = spam_marks.Mark(may=False)
    if card is not None and now.spam_marks:
        spam = await spam_marks.look(server, page.member(request), card.id)
    return {
        "spam": spam,
        "profile": profile,
        "card": card,
        "rules": now.rules,
        "address": request.path,
        "category": params.text("category", "violation" if now.rules else "other"),
        "comment": params.text("comment"),
        "chosen": set(params.texts("rules")),
    }


routes = [
    web.get("/settings/reports", own),
    web.get(POST + "/report", ask_about_post),
    web.post(POST + "/report", about_post),
    web.post(POST + "/mark", mark),
    web.post(POST + "/unmark", mark),
    web.get("/@{handle:[^/]+}/report", ask_about_account),
    web.post("/@{handle:[^/]+}/report", about_account),
]
