"""Deciding: what was ticked is shown as what it will do, with the mail that goes out, and done only then."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from fedserver.errors import Conflict, FedError, Invalid
from fedserver.moderation import cases, people, presets, rulings
from fedserver.moderation.permissions import Permission, allows
from fedserver.moderation.rulings import Ruling
from web import auth, forms, gate, keys
from web.pages import page
from web.pages.panel import accounts, frame
from web.pages.panel.cases import go_to_case, kept_within, listed_again, within
from web.params import Params

DAY_S: Final = 86_400
NAMES: Final = {"post_ids": "post_ids", "group_ids": "group_ids", "expires_in": "days"}


def _ruling(params: Params) -> Ruling:
    days = params.integer("days", 0, least=0, most=3_650)
    return Ruling(
        measures=rulings.measures_of(params.texts("measures")),
        report_ids=params.ids("report_ids"),
        post_ids=params.ids("post_ids"),
        group_ids=params.ids("group_ids"),
        text=params.text("text"),
        preset_id=params.id("preset_id") or None,
        by_mail=params.flag("by_mail"),
        expires_in_s=days * DAY_S or None,
        tells_reporters=params.flag("tells_reporters"),
        answer=params.text("answer"),
        answer_preset_id=params.id("answer_preset_id") or None,
    )


async def confirm(request: web.Request) -> web.StreamResponse:
    """What will happen, exactly, before it does. Nothing is changed."""
    server, member, params = keys.server(request), auth.member(request), await forms.params(request)
    up_to = 0
    try:
        if params.flag("whole"):
            up_to = await _take_whole(request, params)
        account_ids = params.ids("account_ids")
        ruling = _ruling(params)
        plans = await rulings.preview(server, member, account_ids, ruling)
    except page.MENDABLE as error:
        return await _form_again(request, params, error)
    able = [one for one in plans if not one.problem]
    return await frame.show(
        request,
        "panel/confirm.html",
        plans=plans,
        able=able,
        ruling=ruling,
        days=params.integer("days", 0, least=0, most=3_650),
        # The words of the presets have become the text's.
        text=able[0].text if len(able) == 1 else ruling.text,
        answer=able[0].answer if len(able) == 1 else ruling.answer,
        up_to=up_to,
        within=within(params if params.flag("whole") and not params.text("within") else kept_within(params)),
    )


async def _form_again(request: web.Request, params: Params, error: FedError) -> web.StreamResponse:
    """The page that the form was on, the list of cases or that of an account, with what was filled in."""
    if params.flag("whole"):
        return await listed_again(request, params, error)
    account_ids = params.ids("account_ids")
    if len(account_ids) != 1:
        raise error
    status, problems = page.told_of(error, NAMES)
    return await accounts.shown(request, account_ids[0], params, status=status, problems=problems)


async def _take_whole(request: web.Request, params: Params) -> int:
    """From the list of cases everything of each chosen case is meant: its reports, and the posts they name, up to the
    latest that whoever decides has seen; that report's id."""
    account_ids = params.ids("account_ids")
    if not account_ids:
        raise Invalid({}, "Tick a case first.")
    seen = params.id("up_to")
    found = await cases.waiting_about(keys.server(request), auth.member(request), account_ids)
    found = [one for one in found if seen is None or one.id <= seen]
    params.tree["report_ids"] = [str(one.id) for one in found]
    params.tree["post_ids"] = [str(one) for row in found for one in cases.report_posts(row)]
    if not found:
        raise Conflict("What you have ticked has been settled in the meantime.")
    # What a colleague has settled in the meantime is not decided a second time.
    params.tree["account_ids"] = [str(one) for one in dict.fromkeys(row.target_id for row in found)]
    return max(int(one.id) for one in found)


async def decide(request: web.Request) -> web.StreamResponse:
    """Do it."""
    server, member, params = keys.server(request), auth.member(request), await forms.params(request)
    try:
        if params.flag("whole"):
            await _take_whole(request, params)
        account_ids = params.ids("account_ids")
        outcomes = await rulings.decide(server, member, account_ids, _ruling(params))
    except page.MENDABLE as error:
        return await _form_again(request, params, error)
    failed = [(account_id, problem) for account_id, problem in outcomes if problem]
    if not failed:
        if len(account_ids) == 1:
            return go_to_case(params, account_ids[0], "decided")
        asked = within(kept_within(params))
        return page.go(f"/mod/reports?done=all-decided{f'&{asked}' if asked else ''}")
    known = await server.db.read(people.some, [one for one, _ in failed])
    return await frame.show(
        request,
        "panel/outcome.html",
        done_count=len(outcomes) - len(failed),
        failed=[(known[account_id], problem) for account_id, problem in failed],
    )


async def listed_presets(request: web.Request) -> web.StreamResponse:
    """Texts that are used again, and the form for a new one."""
    return await _presets(request)


async def _presets(request: web.Request, **more: Any) -> web.Response:
    server, member = keys.server(request), auth.member(request)
    more.setdefault("given", Params({}))
    more.setdefault("at", None)
    more.setdefault("problems", None)
    return await frame.show(
        request,
        "panel/presets.html",
        status=more.pop("status", 200),
        presets=await presets.all_of_them(server, member),
        may_change=allows(member.role, Permission.MANAGE_SETTINGS),
        **more,
    )


async def put_preset(request: web.Request) -> web.StreamResponse:
    """Keep a new text, or another wording."""
    server, member, params = keys.server(request), auth.member(request), await forms.params(request)
    preset_id = int(request.match_info.get("id", 0)) or None
    try:
        await presets.put(
            server,
            member,
            presets.Wording(
                params.text("title"),
                params.text("text"),
                params.text("language"),
                params.text("kind", "message"),
            ),
            preset_id=preset_id,
        )
    except page.MENDABLE as error:
        status, problems = page.told_of(error, {})
        return await _presets(request, status=status, problems=problems, given=params, at=preset_id)
    return page.go("/mod/presets?done=saved")


async def remove_preset(request: web.Request) -> web.StreamResponse:
    """A text is not used again."""
    await presets.remove(keys.server(request), auth.member(request), forms.path_id(request))
    return page.go("/mod/presets?done=preset-gone")


PRESET: Final = "/mod/presets/{id:[0-9]{1,19}}"
routes: Final[list[web.RouteDef]] = [
    *gate.behind(people.SIGHT, web.post("/mod/decide/confirm", confirm), web.post("/mod/decide", decide)),
    *gate.behind(people.SIGHT, web.get("/mod/presets", listed_presets)),
    *gate.behind(
        Permission.MANAGE_SETTINGS,
        web.post("/mod/presets", put_preset),
        web.post(PRESET, put_preset),
        web.post(PRESET + "/delete", remove_preset),
    ),
]
