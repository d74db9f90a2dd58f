"""Accounts: finding them, and everything about one on a page."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from fedserver import join_questions, second_factors, sessions
from fedserver.context import Server
from fedserver.moderation import actions, cases, people, presets, rulings
from fedserver.moderation.people import STATES, Sought
from fedserver.moderation.permissions import Permission, allows
from fedserver.reading import cursors
from fedserver.viewer import ROLES, Member
from web import auth, forms, gate, keys
from web.pages import page
from web.pages.panel import frame
from web.pages.panel.cases import CASE, kept_within, sought, within
from web.params import Params

DAYS: Final = (0, 1, 3, 7, 14, 30, 90, 180)


async def listed(request: web.Request) -> web.StreamResponse:
    """Accounts by name, state, origin, role, address, and where from they came."""
    server, member, params = keys.server(request), auth.member(request), forms.query(request)
    window = page.window(request, page.PEOPLE_PER_PAGE)
    names = ("q", "state", "origin", "role", "domain", "email", "ip")
    chosen = {name: params.text(name).strip() for name in names}
    found: list[people.Overseen] = []
    problems: Any = None
    try:
        sought = _sought(server, member, chosen)
        found = await people.page(server, member, sought, window, _ip(member, chosen))
    except page.MENDABLE as error:
        problems = page.problems_of(error, {})
    newer, older = cursors(window, [one.row.id for one in found])
    return await frame.show(
        request,
        "panel/accounts.html",
        found=found,
        chosen=chosen,
        states=STATES,
        roles=ROLES,
        sees_addresses=allows(member.role, Permission.MANAGE_USERS),
        leaf={"newer": newer, "older": older},
        problems=problems,
    )


def _sought(server: Server, member: Member, chosen: dict[str, str]) -> Sought:
    sees = allows(member.role, Permission.MANAGE_USERS)
    # Handles are pasted whole.
    username, _, domain = chosen["q"].removeprefix("@").lower().partition("@")
    here = domain == server.config.domain
    return Sought(
        local=here or chosen["origin"] == "local",
        remote=chosen["origin"] == "remote",
        states=frozenset(one for one in STATES if one == chosen["state"]),
        domain=chosen["domain"].lower() or ("" if here else domain),
        username=username,
        email=chosen["email"] if sees else "",
        roles=[one for one in ROLES if one == chosen["role"]],
    )


def _ip(member: Member, chosen: dict[str, str]) -> str:
    return chosen["ip"] if allows(member.role, Permission.MANAGE_USERS) else ""


async def show(request: web.Request) -> web.StreamResponse:
    """One account: what is reported, what it said, what was decided, what colleagues noted."""
    return await shown(request, forms.path_id(request), Params({}))


async def shown(
    request: web.Request, account_id: int, given: Params, *, status: int = 200, problems: Any = None
) -> web.Response:
    """The page of an account, with the form as it was filled in."""
    server, member = keys.server(request), auth.member(request)
    asked = forms.query(request)
    opens, judges = asked.flag("private"), cases.judges_about(member, account_id)
    gone_through = kept_within(given if given.text("within") else asked)
    next_case = None
    if judges and asked.text("done") == "decided":
        next_case = await cases.after(server, member, sought(gone_through, member), account_id)
    found = await cases.file(server, member, account_id, opens=opens)
    user = found.subject.user
    locale = user.locale if user else ""
    return await frame.show(
        request,
        "panel/account.html",
        status=status,
        file=found,
        answers=join_questions.read(user.answers) if user else [],
        presets=await presets.for_language(server, member, locale),
        measures=rulings.MEASURES,
        days=DAYS,
        given=given,
        chosen=set(given.texts("measures")),
        problems=problems,
        sees_addresses=allows(member.role, Permission.MANAGE_USERS),
        factors=None
        if found.subject.user is None or not allows(member.role, Permission.MANAGE_USER_ACCESS)
        else await second_factors.of_account(server, account_id),
        may_erase=allows(member.role, Permission.DELETE_USER_DATA),
        judges=judges,
        within=within(gone_through),
        next_case=next_case,
        sees_joins=allows(member.role, Permission.MANAGE_JOINS),
        grants_groups=allows(member.role, Permission.ADMINISTRATOR),
        keeps_out=allows(member.role, Permission.MANAGE_BLOCKS),
        appoints=allows(member.role, Permission.MANAGE_ROLES),
    )


async def take_back(request: web.Request) -> web.StreamResponse:
    """Undo one decision."""
    found = await actions.take_back(keys.server(request), auth.member(request), forms.path_id(request))
    return page.go(f"/mod/accounts/{found}?done=taken-back")


async def trust(request: web.Request) -> web.StreamResponse:
    """Say how far a member is trusted."""
    account_id, params = forms.path_id(request), await forms.params(request)
    await people.trust(keys.server(request), auth.member(request), account_id, params.text("trust"))
    return page.go(f"/mod/accounts/{account_id}?done=trust-given")


async def let_create_groups(request: web.Request) -> web.StreamResponse:
    """Let a member make groups, or no longer."""
    account_id, params = forms.path_id(request), await forms.params(request)
    granted = params.flag("granted")
    await people.let_create_groups(keys.server(request), auth.member(request), account_id, granted=granted)
    return page.go(f"/mod/accounts/{account_id}?done={'groups-granted' if granted else 'groups-withdrawn'}")


async def erase(request: web.Request) -> web.StreamResponse:
    """Erase what a suspended account has here, now."""
    account_id = forms.path_id(request)
    await actions.erase(keys.server(request), auth.member(request), account_id)
    return page.go(f"/mod/accounts/{account_id}?done=erasing")


async def sign_out(request: web.Request) -> web.StreamResponse:
    """Sign somebody out everywhere."""
    account_id = forms.path_id(request)
    await sessions.end_for(keys.server(request), auth.member(request), account_id)
    return page.go(f"/mod/accounts/{account_id}?done=signed-out-there")


async def remove_factors(request: web.Request) -> web.StreamResponse:
    """Take away the second factors that somebody has lost."""
    account_id = forms.path_id(request)
    await second_factors.remove_for(keys.server(request), auth.member(request), account_id)
    return page.go(f"/mod/accounts/{account_id}?done=factors-removed")


routes: Final[list[web.RouteDef]] = [
    *gate.behind(people.SIGHT, web.get("/mod/accounts", listed), web.get(CASE, show)),
    *gate.behind(Permission.MANAGE_USERS, web.post("/mod/strikes/{id:[0-9]{1,19}}/undo", take_back)),
    *gate.behind(Permission.MANAGE_USERS, web.post(CASE + "/sessions/end", sign_out)),
    *gate.behind(Permission.MANAGE_USER_ACCESS, web.post(CASE + "/second-factors/remove", remove_factors)),
    *gate.behind(Permission.MANAGE_USERS, web.post(CASE + "/trust", trust)),
    *gate.behind(Permission.DELETE_USER_DATA, web.post(CASE + "/erase", erase)),
    *gate.behind(Permission.ADMINISTRATOR, web.post(CASE + "/group-creation", let_create_groups)),
]
