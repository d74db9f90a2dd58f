"""Other servers: how they fare, what was decided about them, and lists of such decisions, in and out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace
from typing import Any, Final, get_args
from urllib.parse import quote

from aiohttp import web

from fedserver.context import Server
from fedserver.errors import Invalid, TooLarge
from fedserver.moderation import domain_lists, domain_subscriptions, domains, server_files
from fedserver.moderation.domain_subscriptions import Wish
from fedserver.moderation.domains import Rule
from fedserver.moderation.permissions import Permission, allows
from fedserver.moderation.server_files import Sort, Which
from fedserver.viewer import Member
from web import auth, forms, gate, keys, replies
from web.pages import page
from web.pages.panel import frame
from web.pages.panel.accounts import DAYS
from web.params import Params
from web.verbs import Handler

HERE: Final = "/admin/federation"
ONE_LIST: Final = HERE + "/lists/{id:[0-9]{1,19}}"
ENTRIES_SHOWN_MAX: Final = 200
TEXT_CHARACTERS_MAX: Final = 400_000
"""Of a list that is shown before it is followed: the form has it within. Longer ones are for the command line."""

_WHICH: Final[dict[str, Which]] = {one: one for one in get_args(Which)}
_SORTS: Final[dict[str, Sort]] = {one: one for one in get_args(Sort)}
_POLICIES: Final[dict[str, Any]] = {one: one for one in ("", "noop", "limit", "reject", "allow")}
_NAMES: Final = {"private_comment": "note", "expires_in": "days", "domain": "policy"}


async def servers(request: web.Request) -> web.StreamResponse:
    """Servers that are known: all, those with a rule, or those out of reach; by name, trouble or size."""
    query = forms.query(request)
    chosen = {
        "q": query.text("q"),
        "which": _WHICH.get(query.text("which"), ""),
        "sort": _SORTS.get(query.text("sort"), "name"),
    }
    rows = await server_files.page(
        keys.server(request),
        auth.member(request),
        text=chosen["q"],
        which=_WHICH[chosen["which"]],
        sort=_SORTS[chosen["sort"]],
        after_host=query.text("after"),
    )
    more = rows[-1].row.host if len(rows) == server_files.LISTED_SHOWN else ""
    return await frame.show(request, "panel/servers.html", found=rows, chosen=chosen, more=more)


async def one(request: web.Request) -> web.StreamResponse:
    """A server, what ties members to it, reports, notes, decisions, and the rule for it."""
    host = forms.query(request).text("host")
    try:
        return await _one(request, host, None)
    except Invalid as error:
        chosen = {"q": host, "which": "", "sort": "name"}
        return await frame.show_again(
            request, "panel/servers.html", error, {"domain": "host"}, found=[], chosen=chosen, more=""
        )


async def decide(request: web.Request) -> web.StreamResponse:
    """Keep a rule; one that parts members from people asks whether that is understood."""
    server, member = keys.server(request), auth.member(request)
    params = await forms.params(request)
    host, rule = params.text("host"), _rule(params)
    try:
        ties = await domains.ties(server, member, host)
        if rule.policy == "reject" and ties.members and not params.flag("understood"):
            raise Invalid({"understood": "must be ticked: members lose people by this"})
        await domains.set_rule(server, member, host, rule)
    except page.MENDABLE as error:
        return await _one(request, host, rule, error)
    done = "rule-kept" if rule != Rule("") else "rule-gone"
    return page.go(f"{HERE}/server?host={quote(host, safe='')}&done={done}")


async def _one(
    request: web.Request, host: str, entered: Rule | None, error: Any = None
) -> web.StreamResponse:
    member = auth.member(request)
    file = await server_files.file(keys.server(request), member, host)
    context: dict[str, Any] = {
        "file": file,
        "rule": entered or (domains.rule_of(file.listed.row) if file.listed else Rule("")),
        "days": DAYS[1:],
        "decides": allows(member.role, Permission.MANAGE_FEDERATION),
        "retries": allows(member.role, Permission.MANAGE_SETTINGS),
        "judges": allows(member.role, Permission.MANAGE_REPORTS),
    }
    if error is None:
        return await frame.show(request, "panel/server.html", **context)
    return await frame.show_again(request, "panel/server.html", error, _NAMES, **context)


def _rule(params: Params) -> Rule:
    rule = Rule(
        _POLICIES.get(params.text("policy"), ""),
        params.flag("rejects_media"),
        params.flag("rejects_reports"),
        params.text("note"),
        params.text("public_comment"),
        params.flag("obfuscates"),
    )
    stands = rule.policy or rule.rejects_media or rule.rejects_reports
    return replace(rule, until_at=_until(params)) if stands else rule


def _until(params: Params) -> int | None:
    """When a rule is to end: as it was to before, or after so many days from now."""
    if params.text("days") == "as_before":
        return params.integer("until_at")
    return domains.ends_after_days(params.integer("days", 0, least=0, most=DAYS[-1]))


# -- lists


async def lists(request: web.Request) -> web.StreamResponse:
    """Lists that are followed, the form for one that is not, and the ways out for one's own."""
    return await _lists(request)


async def subscribe(request: web.Request) -> web.StreamResponse:
    """Follow a list from now on; what it would change is shown."""
    params = await forms.params(request)
    wish = _wish(params)
    try:
        list_id = await domain_subscriptions.subscribe(
            keys.server(request), auth.member(request), params.text("address"), wish
        )
    except page.MENDABLE as error:
        return await _lists(request, error, address=params.text("address"), wish=wish)
    return page.go(f"{HERE}/lists/{list_id}")


async def followed(request: web.Request) -> web.StreamResponse:
    """A list that is followed: how it fares, what it would change."""
    return await _followed(request)


async def change(request: web.Request) -> web.StreamResponse:
    """Follow a list otherwise."""
    list_id = forms.path_id(request)
    wish = _wish(await forms.params(request))
    try:
        await domain_subscriptions.change(keys.server(request), auth.member(request), list_id, wish)
    except page.MENDABLE as error:
        return await _followed(request, error, wish=wish)
    return page.go(f"{HERE}/lists/{list_id}?done=saved")


def _act(act: Callable[[Server, Member, int], Awaitable[None]], done: str) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        list_id = forms.path_id(request)
        try:
            await act(keys.server(request), auth.member(request), list_id)
        except page.MENDABLE as error:
            return await _followed(request, error)
        return page.go(f"{HERE}/lists/{list_id}?done={done}")

    return handler


def _settle(settled: Callable[[Server, Member, int, Collection[str]], Awaitable[int]], done: str) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        params = await forms.params(request)
        list_id, chosen = forms.path_id(request), params.texts("chosen", count_max=ENTRIES_SHOWN_MAX)
        await settled(keys.server(request), auth.member(request), list_id, chosen)
        return page.go(f"{HERE}/lists/{list_id}?done={done}")

    return handler


async def end(request: web.Request) -> web.StreamResponse:
    """Follow a list no more; its rules stay or go."""
    params = await forms.params(request)
    rules = params.text("rules")
    if rules not in ("keep", "drop"):
        return await _followed(request, Invalid({"rules": "must be answered: they stay, or they go"}))
    await domain_subscriptions.end(
        keys.server(request), auth.member(request), forms.path_id(request), keep=rules == "keep"
    )
    return page.go(f"{HERE}/lists?done=list-ended")


async def _lists(
    request: web.Request, error: Any = None, *, address: str = "", wish: Wish | None = None
) -> web.StreamResponse:
    rows = await domain_subscriptions.listed(keys.server(request), auth.member(request))
    context: dict[str, Any] = {"entered": {}, "lists": rows, "address": address, "wish": wish or Wish()}
    if error is None:
        return await frame.show(request, "panel/domain_list.html", **context)
    return await frame.show_again(request, "panel/domain_list.html", error, {"url": "address"}, **context)


async def _followed(
    request: web.Request, error: Any = None, *, wish: Wish | None = None
) -> web.StreamResponse:
    found = await domain_subscriptions.show(
        keys.server(request), auth.member(request), forms.path_id(request)
    )
    row = found.row
    context: dict[str, Any] = {
        "row": row,
        "rules": found.rules,
        "steps": found.steps[:ENTRIES_SHOWN_MAX],
        "total": len(found.steps),
        "costly": sum(one.costs for one in found.steps),
        "wish": wish or Wish(title=row.title, priority=row.priority, severest=row.severest, mode=row.mode),
    }
    if error is None:
        return await frame.show(request, "panel/followed_list.html", **context)
    return await frame.show_again(request, "panel/followed_list.html", error, **context)


def _wish(params: Params) -> Wish:
    return Wish(
        title=params.text("title"),
        priority=params.integer("priority", 0),
        severest=params.text("severest", "suspend"),
        mode=params.text("mode", "ask"),
    )


async def preview(request: web.Request) -> web.StreamResponse:
    """What following a list would change, and what members would lose."""
    server, member = keys.server(request), auth.member(request)
    params = await forms.params(request)
    entered = {
        **{name: params.text(name) for name in ("url", "text")},
        "severest": params.text("severest", "suspend"),
        "allows": params.flag("allows"),
    }
    try:
        text = await _text(request, params)
        listed, entries = await domain_lists.look(
            server, member, text, allows=bool(entered["allows"]), severest=str(entered["severest"])
        )
    except page.MENDABLE as error:
        rows = await domain_subscriptions.listed(server, member)
        return await frame.show_again(
            request, "panel/domain_list.html", error, entered=entered, lists=rows, address="", wish=Wish()
        )
    changing = [one for one in entries if one.change in ("new", "stricter")]
    return await frame.show(
        request,
        "panel/domain_list_preview.html",
        text=text,
        entered=entered,
        entries=entries[:ENTRIES_SHOWN_MAX],
        total=len(entries),
        changing=len(changing),
        costly=[one for one in changing if one.members],
        left_out=listed.left_out[:ENTRIES_SHOWN_MAX],
    )


async def follow(request: web.Request) -> web.StreamResponse:
    """Make the rules that were shown."""
    params = await forms.params(request)
    await domain_lists.follow(
        keys.server(request),
        auth.member(request),
        params.text("text", chars_max=TEXT_CHARACTERS_MAX),
        allows=params.flag("allows"),
        severest=params.text("severest", "suspend"),
        spare=params.flag("spare"),
    )
    return page.go(f"{HERE}?which=ruled&done=list-followed")


async def _text(request: web.Request, params: Params) -> str:
    upload = params.upload("file")
    if upload is not None:
        body = await asyncio.to_thread(upload.path.read_bytes)
        try:
            text = body.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise Invalid({"file": "is no text in UTF-8"}) from error
    elif address := params.text("url"):
        text = await domain_lists.fetch(keys.server(request).http, address)
    else:
        text = params.text("text")
    if not text.strip():
        raise Invalid({"file": "is missing: choose a file, or give an address or the text"})
    if len(text) > TEXT_CHARACTERS_MAX:
        raise TooLarge("This list is too long for a page: use fedserver import blocklist.")
    return text


async def export(request: web.Request) -> web.StreamResponse:
    """The rules of this server in Mastodon's format, or whom it allows."""
    what = "allowed" if request.path.endswith("/allowed.csv") else "blocked"
    body = await domain_lists.export(keys.server(request), auth.member(request), allows=what == "allowed")
    return replies.table(body, f"{keys.server(request).config.domain.replace(':', '-')}-{what}.csv")


looking = gate.behind(server_files.SIGHT, web.get(f"{HERE}/server", one))
deciding = gate.behind(
    Permission.MANAGE_FEDERATION,
    web.get(HERE, servers),
    web.post(f"{HERE}/server", decide),
    web.get(f"{HERE}/lists", lists),
    web.post(f"{HERE}/lists", preview),
    web.post(f"{HERE}/lists/follow", follow),
    web.post(f"{HERE}/lists/subscribed", subscribe),
    web.get(ONE_LIST, followed),
    web.post(ONE_LIST, change),
    web.post(f"{ONE_LIST}/settle", _settle(domain_subscriptions.agree, "list-followed")),
    web.post(f"{ONE_LIST}/leave", _settle(domain_subscriptions.keep_off, "list-left")),
    web.post(f"{ONE_LIST}/refresh", _act(domain_subscriptions.refresh, "list-read")),
    web.post(f"{ONE_LIST}/believe", _act(domain_subscriptions.believe, "list-believed")),
    web.post(f"{ONE_LIST}/pause", _act(domain_subscriptions.pause, "list-paused")),
    web.post(f"{ONE_LIST}/resume", _act(domain_subscriptions.resume, "list-read")),
    web.post(f"{ONE_LIST}/end", end),
    *(web.get(f"{HERE}/lists/{what}.csv", export) for what in ("blocked", "allowed")),
)
routes: Final[list[web.RouteDef]] = [*looking, *deciding]
