"""Which groups there are, one of them with its threads, making one, and coming in and going."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlencode

from aiohttp import web

from fedserver.errors import FedError, Forbidden
from fedserver.groups import catalogue, members, pages, reading, rules
from fedserver.groups.catalogue import GroupFields
from fedserver.groups.pages import GroupCard, GroupView
from fedserver.groups.rules import Action
from fedserver.groups.threads import PERIODS_MS, SORTS, Wanted
from fedserver.reading import cursors
from fedserver.resources import cards
from fedserver.viewer import Member
from web import forms, keys, replies
from web.federation import objects
from web.forms import Params
from web.kept import for_strangers
from web.pages import page

GROUP: Final = "/groups/{name:[^/]+}"
GROUPS_PER_PAGE: Final = 30
PERIODS: Final = (
    ("day", "the last day"), ("week", "the last week"), ("month", "the last month"), ("year", "the last year"),
    ("all", "all time"),
)  # fmt: skip
LEVELS: Final = (
    ("all", "Every post"),
    ("mentions", "Only what is for me"),
    ("digest", "In the digest"),
    ("none", "Nothing"),
)


async def found(request: web.Request) -> GroupView:
    """The group that the address names. Raises NotFound for one that the viewer may not know of."""
    name = request.match_info["name"]
    view = await pages.show(keys.server(request), request[keys.VIEWER], name)
    if view.card.handle != name and request.method == "GET":
        rest = request.rel_url.path.removeprefix(f"/groups/{name}")
        page.divert(f"{view.card.path}{rest}")
    return view


async def listed(request: web.Request) -> web.StreamResponse:
    """The groups of the member, those they are invited to, and all others they may know of."""
    server, viewer = keys.server(request), request[keys.VIEWER]
    query = forms.query(request)
    words, kind, everywhere = query.text("q")[:100], query.text("kind"), query.flag("everywhere")
    window = page.window(request, GROUPS_PER_PAGE)
    mine: list[GroupCard] = []
    invited: list[GroupCard] = []
    if isinstance(viewer, Member) and not words and not kind and window.max_id is None:
        mine, invited = await pages.of_member(server, viewer)
    others, newer, older = await pages.find(
        server, viewer, window, words=words, kind=kind if kind in rules.KINDS else "", local=not everywhere
    )
    asked = {
        name: value
        for name, value in (("q", words), ("kind", kind), ("everywhere", "1" if everywhere else ""))
        if value
    }
    return await page.show(
        request,
        "group/list.html",
        mine=mine,
        invited=invited,
        # What is above need not be below.
        others=others if words or kind else [one for one in others if one.role is None],
        newer=newer,
        older=older,
        words=words,
        kind=kind,
        everywhere=everywhere,
        query=f"{urlencode(asked)}&" if asked else "",
        may_create=await pages.may_create(server, viewer),
    )


@for_strangers
async def group(request: web.Request) -> web.StreamResponse:
    """A group with its threads; the actor for those who ask for ActivityPub."""
    server, viewer = keys.server(request), request[keys.VIEWER]
    if replies.wants_activity(request) and "@" not in request.match_info["name"]:
        return await objects.group(request, request.match_info["name"])
    view = await found(request)
    query = forms.query(request)
    wanted = Wanted(
        sort=next((one for one in SORTS if one == query.text("sort")), "activity"),
        period=query.text("period") if query.text("period") in PERIODS_MS else "month",
        topic=query.text("topic")[:100],
        before=query.text("before"),
    )
    listed = await pages.threads_of(server, viewer, view, wanted) if view.readable else None
    return await page.show(
        request, "group/group.html", view=view, wanted=wanted, listed=listed, periods=PERIODS, levels=LEVELS
    )


async def resources(request: web.Request) -> web.StreamResponse:
    """What was shared in the group for the library."""
    server, viewer, view = keys.server(request), request[keys.VIEWER], await found(request)
    if not view.readable:
        raise Forbidden(view.why_not[Action.READ])
    window = page.window(request)
    listed = await cards.shared(server, viewer, window, group_id=view.card.id)
    newer, older = cursors(window, [one.id for one in listed])
    return await page.show(
        request, "group/resources.html", view=view, listed=listed, newer=newer, older=older
    )


# -- coming in and going


async def ask_join(request: web.Request) -> web.StreamResponse:
    """What joining means here, the rules, and the question if there is one."""
    page.member(request)
    view = await found(request)
    if view.standing.role is not None:
        return page.go(view.card.path)
    return await page.show(request, "group/join.html", view=view, problems={}, answer="")


async def join(request: web.Request) -> web.StreamResponse:
    """Join the group, or ask to."""
    member, view, params = page.member(request), await found(request), await forms.params(request)
    answer = params.text("answer")
    try:
        state = await members.join(keys.server(request), member, view.card.id, answer=answer)
    except page.MENDABLE as error:
        return await page.show_again(request, "group/join.html", error, view=view, answer=answer)
    return page.go(f"{view.card.path}?done={'joined' if state == 'member' else 'asked'}")


async def ask_leave(request: web.Request) -> web.StreamResponse:
    """Make sure that leaving is meant."""
    page.member(request)
    view = await found(request)
    if view.standing.role is None:
        return page.go(view.card.path)
    return await page.show(request, "group/leave.html", view=view, problems={})


async def leave(request: web.Request) -> web.StreamResponse:
    """Leave the group, take a request back, or decline an invitation."""
    member, view = page.member(request), await found(request)
    try:
        await members.leave(keys.server(request), member, view.card.id)
    except page.MENDABLE as error:
        return await page.show_again(request, "group/leave.html", error, view=view)
    return page.go("/groups?done=left-group")


async def read_all(request: web.Request) -> web.StreamResponse:
    """All there is in the group counts as read."""
    member, view = page.member(request), await found(request)
    await reading.read_all(keys.server(request), member, view.card.id)
    return page.go(view.card.path)


async def subscribe(request: web.Request) -> web.StreamResponse:
    """How the member hears of the group."""
    member, view, params = page.member(request), await found(request), await forms.params(request)
    await reading.subscribe(keys.server(request), member, "group", view.card.id, params.text("level") or None)
    return page.go(f"{view.card.path}?done=saved")


# -- making one, and what it says about itself


async def ask_new(request: web.Request) -> web.StreamResponse:
    """The form for a new group."""
    page.member(request)
    if not await pages.may_create(keys.server(request), request[keys.VIEWER]):
        return await page.show(request, "group/may_not.html", status=403)
    return await page.show(request, "group/new.html", problems={}, fields=_blank())


async def new(request: web.Request) -> web.StreamResponse:
    """Make a group."""
    server, member, params = keys.server(request), page.member(request), await forms.params(request)
    fields = typed(params)
    name = params.text("name").strip()
    try:
        group_id = await catalogue.create(server, member, name, _fields(fields))
        made = (await catalogue.show(server, member.account_id, group_id)).group
    except page.MENDABLE as error:
        return await page.show_again(request, "group/new.html", error, NAMES, fields={**fields, "name": name})
    return page.go(f"/groups/{made.username}?done=group-made")


async def ask_settings(request: web.Request) -> web.StreamResponse:
    """What the group says about itself, for its owners to change."""
    member = page.member(request)
    view = await found(request)
    return await _settings(request, view, await _current(request, member, view))


async def change(request: web.Request) -> web.StreamResponse:
    """Change it."""
    server, member, params = keys.server(request), page.member(request), await forms.params(request)
    view = await found(request)
    fields = typed(params)
    try:
        await catalogue.change(server, member, view.card.id, _fields({**fields, "access": None}))
    except page.MENDABLE as error:
        return await _settings(request, view, {**fields, "access": view.card.access}, error)
    return page.go(f"{view.card.path}/settings?done=saved")


async def archive(request: web.Request) -> web.StreamResponse:
    """From now on the group can only be read, or is used again."""
    member, view = page.member(request), await found(request)
    act = catalogue.unarchive if view.card.archived else catalogue.archive
    await act(keys.server(request), member, view.card.id)
    return page.go(f"{view.card.path}/settings?done=saved")


NAMES: Final = {"display_name": "title"}


def _blank() -> dict[str, Any]:
    return {
        "name": "", "title": "", "kind": "forum", "access": "public", "join_mode": "open", "join_question": "",
        "posting": "", "charter": "", "rules": "", "topics": "", "language": "", "allows_downvotes": False,
    }  # fmt: skip


def typed(params: Params) -> dict[str, Any]:
    """The fields as they were typed, to be shown again: rules a line each, topics with commas between."""
    return {
        name: params.flag(name) if name == "allows_downvotes" else params.text(name).replace("\r\n", "\n")
        for name in _blank()
        if name != "name"
    }


def _fields(fields: dict[str, Any]) -> GroupFields:
    return GroupFields(
        title=fields["title"],
        kind=fields["kind"] or None,
        access=fields["access"] or None,
        join_mode=fields["join_mode"] or None,
        join_question=fields["join_question"],
        posting=fields["posting"] or None,
        charter=fields["charter"],
        rules=fields["rules"].splitlines(),
        topics=[one for part in fields["topics"].replace("\n", ",").split(",") if (one := part.strip())],
        language=fields["language"],
        allows_downvotes=fields["allows_downvotes"],
    )


async def _current(request: web.Request, member: Member, view: GroupView) -> dict[str, Any]:
    row = (await catalogue.show(keys.server(request), member.account_id, view.card.id)).group
    return {
        "title": view.card.name, "kind": row.kind, "access": row.access, "join_mode": row.join_mode,
        "join_question": row.join_question, "posting": row.posting, "charter": row.charter_source,
        "rules": "\n".join(view.rules), "topics": ", ".join(one.name for one in view.topics), "language": row.language,
        "allows_downvotes": bool(row.allows_downvotes),
    }  # fmt: skip


async def _settings(
    request: web.Request, view: GroupView, fields: dict[str, Any], error: FedError | None = None
) -> web.StreamResponse:
    if view.standing.role != "owner":
        raise Forbidden(view.why_not.get(Action.EDIT, ""))
    if error is not None:
        return await page.show_again(request, "group/settings.html", error, NAMES, view=view, fields=fields)
    return await page.show(request, "group/settings.html", problems={}, view=view, fields=fields)


routes = [
    web.get("/groups", listed),
    web.get("/groups/new", ask_new),
    web.post("/groups/new", new),
    web.get(GROUP, group),
    web.get(GROUP + "/resources", resources),
    web.get(GROUP + "/join", ask_join),
    web.post(GROUP + "/join", join),
    web.get(GROUP + "/leave", ask_leave),
    web.post(GROUP + "/leave", leave),
    web.post(GROUP + "/read", read_all),
    web.post(GROUP + "/subscription", subscribe),
    web.get(GROUP + "/settings", ask_settings),
    web.post(GROUP + "/settings", change),
    web.post(GROUP + "/archive", archive),
]
