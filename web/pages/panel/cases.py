"""Reports, grouped by whom they are about: the list of cases, and having one in hand."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final, get_args
from urllib.parse import parse_qsl, urlencode

from aiohttp import web

from fedserver.context import Server
from fedserver.errors import FedError
from fedserver.moderation import cases, reports
from fedserver.moderation.cases import Sought
from fedserver.moderation.permissions import Permission
from fedserver.reports import CATEGORIES
from fedserver.viewer import Member
from web import auth, forms, gate, keys
from web.pages import page
from web.pages.panel import frame
from web.params import Params
from web.verbs import Handler

CASE: Final = "/mod/accounts/{id:[0-9]{1,19}}"
REPORT: Final = "/mod/reports/{id:[0-9]{1,19}}"
HANDS: Final = ("", "mine", "nobody")
FILTERS: Final = ("state", "hand", "origin", "category", "up", "domain")
WITHIN_CHARS_MAX: Final = 500
ORIGINS: Final[tuple[cases.Origin, ...]] = get_args(cases.Origin)


async def listed(request: web.Request) -> web.StreamResponse:
    """What waits, or what is settled."""
    return await _show(request, forms.query(request), Params({}))


async def listed_again(request: web.Request, given: Params, error: FedError) -> web.Response:
    """The list with what was filled in below it, and what was wrong with that."""
    return await _show(request, given, given, error)


async def _show(
    request: web.Request, params: Params, given: Params, error: FedError | None = None
) -> web.Response:
    member = auth.member(request)
    found = await cases.page(
        keys.server(request), member, sought(params, member), page.window(request, page.PEOPLE_PER_PAGE)
    )
    chosen = {name: params.text(name) for name in FILTERS}
    context: dict[str, Any] = {"found": found, "chosen": chosen, "given": given, "within": within(params)}
    if error is None:
        return await frame.show(request, "panel/cases.html", **context)
    return await frame.show_again(request, "panel/cases.html", error, **context)


def within(params: Params) -> str:
    """Which of the cases somebody goes through, as it is kept in addresses from case to case."""
    return urlencode({name: value for name in FILTERS if (value := params.text(name))})


def kept_within(params: Params) -> Params:
    """The same, read again from an address or a form."""
    pairs = parse_qsl(params.text("within", chars_max=WITHIN_CHARS_MAX))
    return Params({name: value for name, value in pairs if name in FILTERS})


def go_to_case(params: Params, account_id: int, done: str, place: str = "") -> web.Response:
    """To the page of a case, within the cases that somebody goes through."""
    asked = {"done": done, "within": within(kept_within(params))}
    return page.go(f"/mod/accounts/{account_id}?{urlencode({k: v for k, v in asked.items() if v})}{place}")


def sought(params: Params, member: Member) -> Sought:
    """Which cases are asked for."""
    hand, category = params.text("hand"), params.text("category")
    origin: cases.Origin = next((one for one in ORIGINS if one == params.text("origin")), "")
    return Sought(
        closed=params.text("state") == "closed",
        assigned_to_id=member.account_id if hand == "mine" else None,
        unassigned=hand == "nobody",
        handed_up=params.flag("up"),
        origin=origin,
        category=category if category in CATEGORIES else "",
        domain=params.text("domain").strip().lower(),
    )


async def of_report(request: web.Request) -> web.StreamResponse:
    """The case that a report belongs to."""
    found = await reports.subject_of(keys.server(request), auth.member(request), forms.path_id(request))
    return page.go(f"/mod/accounts/{found}")


async def hand_over(request: web.Request) -> web.StreamResponse:
    """Give a case to a colleague."""
    account_id, params = forms.path_id(request), await forms.params(request)
    await cases.hand_over(keys.server(request), auth.member(request), account_id, params.id("to") or 0)
    return go_to_case(params, account_id, "handed-over")


async def forward(request: web.Request) -> web.StreamResponse:
    """Tell the account's own server."""
    found = await cases.forward(keys.server(request), auth.member(request), forms.path_id(request))
    return page.go(f"/mod/accounts/{found}?done=forwarded")


async def reopen(request: web.Request) -> web.StreamResponse:
    """Something is left to be done about a report after all."""
    server, member, report_id = keys.server(request), auth.member(request), forms.path_id(request)
    await reports.reopen(server, member, report_id)
    return page.go(f"/mod/accounts/{await reports.subject_of(server, member, report_id)}?done=reopened")


async def note(request: web.Request) -> web.StreamResponse:
    """Write something down for colleagues: about the account, a report of it, or its server."""
    account_id = forms.path_id(request)
    params = await forms.params(request)
    kind, _, subject = params.text("about").partition(":")
    await reports.add_note(
        keys.server(request),
        auth.member(request),
        kind or "account",
        subject or str(account_id),
        params.text("text"),
    )
    return go_to_case(params, account_id, "noted", "#notes")


async def note_elsewhere(request: web.Request) -> web.StreamResponse:
    """The same from another page, which says as `about` what it is about."""
    params = await forms.params(request)
    kind, _, subject = params.text("about").partition(":")
    await reports.add_note(keys.server(request), auth.member(request), kind, subject, params.text("text"))
    return page.go_back(params, "/mod")


async def forget_note(request: web.Request) -> web.StreamResponse:
    """Take a note away."""
    params = await forms.params(request)
    await reports.remove_note(keys.server(request), auth.member(request), forms.path_id(request))
    return page.go_back(params, "/mod/reports")


def _hand(change: Callable[[Server, Member, int], Awaitable[None]], done: str) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        account_id = forms.path_id(request)
        await change(keys.server(request), auth.member(request), account_id)
        return go_to_case(await forms.params(request), account_id, done)

    return handler


routes: Final[list[web.RouteDef]] = gate.behind(
    Permission.MANAGE_REPORTS,
    web.get("/mod/reports", listed),
    web.get(REPORT, of_report),
    web.post(REPORT + "/forward", forward),
    web.post(REPORT + "/reopen", reopen),
    web.post(CASE + "/claim", _hand(cases.claim, "claimed")),
    web.post(CASE + "/release", _hand(cases.release, "released")),
    web.post(CASE + "/hand-over", hand_over),
    web.post(CASE + "/notes", note),
    web.post("/mod/notes", note_elsewhere),
    web.post("/mod/notes/{id:[0-9]{1,19}}/delete", forget_note),
)
