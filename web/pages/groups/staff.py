"""Who belongs to a group, asks to, is invited or banned, and what its moderators did."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiohttp import web

from fedserver.context import Server
from fedserver.errors import Conflict, FedError, Forbidden, Invalid, NotFound
from fedserver.groups import members, page_lists, reports
from fedserver.groups.page_lists import Listed
from fedserver.groups.pages import GroupView
from fedserver.groups.rules import Action
from fedserver.reading import Window
from fedserver.viewer import Member
from web import forms, keys
from web.pages import page
from web.pages.groups.catalogue import GROUP, found

BAN_SECONDS: Final = (
    ("0", "For good"), ("86400", "For a day"), ("604800", "For a week"), ("2592000", "For a month"),
)  # fmt: skip
_SOMEBODY: Final = "/{account_id:[0-9]{1,19}}"

Act = Callable[[Server, Member, int, int], Awaitable[None]]
ListOf = Callable[[Server, Member, GroupView, Window], Awaitable[Listed]]


async def shown_members(request: web.Request) -> web.StreamResponse:
    """Who belongs to the group."""
    view = await found(request)
    if not view.readable:
        raise Forbidden(view.why_not[Action.READ])
    window = page.window(request, page.PEOPLE_PER_PAGE)
    listed = await page_lists.members_of(keys.server(request), request[keys.VIEWER], view, window)
    return await page.show(request, "group/members.html", view=view, listed=listed, problems={})


async def one_member(request: web.Request) -> web.StreamResponse:
    """What can be done about a member: another role, or out."""
    page.member(request)
    view, person, role = await _one_member(request)
    return await page.show(
        request, "group/member.html", view=view, person=person, role=role, problems={}, spans=BAN_SECONDS
    )


async def appoint(request: web.Request) -> web.StreamResponse:
    """Give a member another role."""
    member, params = page.member(request), await forms.params(request)
    view, person, role = await _one_member(request)
    try:
        await members.appoint(keys.server(request), member, view.card.id, person.id, params.text("role"))
    except page.MENDABLE as error:
        return await page.show_again(
            request, "group/member.html", error, view=view, person=person, role=role, spans=BAN_SECONDS
        )
    return page.go(f"{view.card.path}/members?done=saved")


async def expel(request: web.Request) -> web.StreamResponse:
    """End somebody's membership, or (`seconds` is there) ban them as well."""
    server, member, params = keys.server(request), page.member(request), await forms.params(request)
    view, person, role = await _one_member(request)
    reason = params.text("reason")
    try:
        if params.flag("ban"):
            await members.ban(
                server, member, view.card.id, person.id, reason=reason,
                duration_s=params.integer("seconds", 0, least=0, most=365 * 86_400),
            )  # fmt: skip
        else:
            await members.expel(server, member, view.card.id, person.id, reason=reason)
    except page.MENDABLE as error:
        return await page.show_again(
            request, "group/member.html", error, view=view, person=person, role=role, spans=BAN_SECONDS
        )
    return page.go(f"{view.card.path}/members?done=put-out")


async def _one_member(request: web.Request) -> tuple[GroupView, Any, str]:
    view = await found(request)
    if not view.standing.moderates:
        raise Forbidden(view.why_not[Action.EXPEL])
    person, role = await page_lists.member_of(
        keys.server(request), view, forms.path_id(request, "account_id")
    )
    return view, person, role


# -- requests, invitations, bans


async def requests(request: web.Request) -> web.StreamResponse:
    """Who asks to join, and what they answered."""
    return await _list(request, "group/requests.html", page_lists.requests_of)


async def invitations(request: web.Request) -> web.StreamResponse:
    """Who is invited, and a form to invite somebody."""
    return await _list(request, "group/invitations.html", page_lists.invitations_of, handle="")


async def invite(request: web.Request) -> web.StreamResponse:
    """Invite somebody by their handle."""
    server, member, params = keys.server(request), page.member(request), await forms.params(request)
    view, handle = await found(request), params.text("handle")
    try:
        await members.invite(server, member, view.card.id, await page_lists.account_named(server, handle))
    except page.MENDABLE as error:
        said = Invalid({"handle": str(error)}) if isinstance(error, NotFound | Conflict) else error
        return await _list(
            request, "group/invitations.html", page_lists.invitations_of, error=said, handle=handle
        )
    return page.go(f"{view.card.path}/invitations?done=invited")


async def bans(request: web.Request) -> web.StreamResponse:
    """Who is kept out, and a form to keep out somebody."""
    return await _list(
        request, "group/bans.html", page_lists.bans_of, handle="", reason="", spans=BAN_SECONDS
    )


async def ban(request: web.Request) -> web.StreamResponse:
    """Keep somebody out by their handle."""
    server, member, params = keys.server(request), page.member(request), await forms.params(request)
    view, handle, reason = await found(request), params.text("handle"), params.text("reason")
    try:
        account_id = await page_lists.account_named(server, handle)
        seconds = params.integer("seconds", 0, least=0, most=365 * 86_400)
        await members.ban(server, member, view.card.id, account_id, reason=reason, duration_s=seconds)
    except page.MENDABLE as error:
        said = Invalid({"handle": str(error)}) if isinstance(error, NotFound | Conflict) else error
        return await _list(
            request,
            "group/bans.html",
            page_lists.bans_of,
            error=said,
            handle=handle,
            reason=reason,
            spans=BAN_SECONDS,
        )
    return page.go(f"{view.card.path}/bans?done=banned")


async def log(request: web.Request) -> web.StreamResponse:
    """What moderators did."""
    view = await found(request)
    if not view.readable:
        raise Forbidden(view.why_not[Action.READ])
    window = page.window(request, page.PEOPLE_PER_PAGE)
    deeds, newer, older = await page_lists.log_of(keys.server(request), request[keys.VIEWER], view, window)
    return await page.show(request, "group/log.html", view=view, deeds=deeds, newer=newer, older=older)


async def reported(request: web.Request) -> web.StreamResponse:
    """What is reported of posts in the group, for its moderators."""
    member, view = page.member(request), await found(request)
    window = page.window(request)
    listed, newer, older = await page_lists.reports_of(keys.server(request), member, view, window)
    return await page.show(request, "group/reports.html", view=view, listed=listed, newer=newer, older=older)


async def resolve(request: web.Request) -> web.StreamResponse:
    """Nothing is left to be done about a report."""
    member, view = page.member(request), await found(request)
    await reports.resolve(keys.server(request), member, view.card.id, forms.path_id(request))
    return page.go(f"{view.card.path}/reports?done=resolved")


async def hand_up(request: web.Request) -> web.StreamResponse:
    """Ask the moderators of the server to look at a report."""
    member, view = page.member(request), await found(request)
    note = (await forms.params(request)).text("note")
    await reports.hand_up(keys.server(request), member, view.card.id, forms.path_id(request), note)
    return page.go(f"{view.card.path}/reports?done=handed-up")


def _about(act: Act, back: str, done: str) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """A handler for a button beside somebody in a list."""

    async def handler(request: web.Request) -> web.StreamResponse:
        member, view = page.member(request), await found(request)
        await act(keys.server(request), member, view.card.id, forms.path_id(request, "account_id"))
        return page.go(f"{view.card.path}/{back}?done={done}")

    return handler


async def _list(
    request: web.Request, template: str, listed_of: ListOf, *, error: FedError | None = None, **more: Any
) -> web.StreamResponse:
    member, view = page.member(request), await found(request)
    window = page.window(request, page.PEOPLE_PER_PAGE)
    listed = await listed_of(keys.server(request), member, view, window)
    context: dict[str, Any] = {"view": view, "listed": listed, **more}
    if error is not None:
        return await page.show_again(request, template, error, **context)
    return await page.show(request, template, problems={}, **context)


routes = [
    web.get(GROUP + "/members", shown_members),
    web.get(GROUP + "/members" + _SOMEBODY, one_member),
    web.post(GROUP + "/members" + _SOMEBODY + "/role", appoint),
    web.post(GROUP + "/members" + _SOMEBODY + "/expel", expel),
    web.get(GROUP + "/requests", requests),
    web.post(GROUP + "/requests" + _SOMEBODY + "/admit", _about(members.admit, "requests", "admitted")),
    web.post(GROUP + "/requests" + _SOMEBODY + "/refuse", _about(members.refuse, "requests", "not-admitted")),
    web.get(GROUP + "/invitations", invitations),
    web.post(GROUP + "/invitations", invite),
    web.post(
        GROUP + "/invitations" + _SOMEBODY + "/withdraw", _about(members.uninvite, "invitations", "saved")
    ),
    web.get(GROUP + "/bans", bans),
    web.post(GROUP + "/bans", ban),
    web.post(GROUP + "/bans" + _SOMEBODY + "/end", _about(members.unban, "bans", "saved")),
    web.get(GROUP + "/log", log),
    web.get(GROUP + "/reports", reported),
    web.post(GROUP + "/reports/{id:[0-9]{1,19}}/resolve", resolve),
    web.post(GROUP + "/reports/{id:[0-9]{1,19}}/hand-up", hand_up),
]
