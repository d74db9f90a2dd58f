"""Other servers: how they fare, what was decided about them, and lists of such decisions, in and out."""

from __future__ import annotations

import asyncio
from typing import Any, Final, Literal
from urllib.parse import quote

from aiohttp import hdrs, web

from fedserver.errors import Invalid, TooLarge
from fedserver.moderation import domain_lists, domains
from fedserver.moderation.domains import Rule
from fedserver.moderation.permissions import Permission
from web import auth, forms, gate, keys
from web.pages import page
from web.pages.panel import frame
from web.params import Params

HERE: Final = "/admin/federation"
ENTRIES_SHOWN_MAX: Final = 500
TEXT_CHARACTERS_MAX: Final = 400_000
"""Of a list that is shown before it is followed: the form has it within. Longer ones are for the command line."""

Which = Literal["", "ruled", "failing"]
_WHICH: Final[dict[str, Which]] = {"": "", "ruled": "ruled", "failing": "failing"}
_POLICIES: Final[dict[str, Any]] = {one: one for one in ("", "noop", "limit", "reject", "allow")}
_NAMES: Final = {"private_comment": "note"}


async def servers(request: web.Request) -> web.StreamResponse:
    """Servers that are known, by name: all, those with a rule, or those out of reach."""
    query = forms.query(request)
    text, which = query.text("q"), _WHICH.get(query.text("which"), "")
    rows = await domains.known(
        keys.server(request), auth.member(request), text=text, which=which, after_host=query.text("after")
    )
    more = rows[-1].host if len(rows) == domains.SHOWN else ""
    return await frame.show(request, "panel/servers.html", rows=rows, q=text, which=which, more=more)


async def one(request: web.Request) -> web.StreamResponse:
    """A server, what ties members to it, and the rule for it."""
    host = forms.query(request).text("host")
    try:
        return await _one(request, host, None)
    except Invalid as error:
        return await frame.show_again(
            request, "panel/servers.html", error, {"domain": "host"}, rows=[], q=host, which="", more=""
        )


async def decide(request: web.Request) -> web.StreamResponse:
    """Keep a rule; one that parts members from people asks whether that is understood."""
    server, member = keys.server(request), auth.member(request)
    params = await forms.params(request)
    host, rule = params.text("host"), _rule(params)
    try:
        _, _, ties = await domains.about(server, member, host)
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
    row, name, ties = await domains.about(keys.server(request), auth.member(request), host)
    rule = entered or (domains.rule_of(row) if row is not None else Rule(""))
    context: dict[str, Any] = {"row": row, "host": name, "ties": ties, "rule": rule}
    if error is None:
        return await frame.show(request, "panel/server.html", **context)
    return await frame.show_again(request, "panel/server.html", error, _NAMES, **context)


def _rule(params: Params) -> Rule:
    return Rule(
        _POLICIES.get(params.text("policy"), ""),
        params.flag("rejects_media"),
        params.flag("rejects_reports"),
        params.text("note"),
        params.text("public_comment"),
        params.flag("obfuscates"),
    )


# -- lists


async def lists(request: web.Request) -> web.StreamResponse:
    """The form for a list, and the ways out for one's own."""
    return await frame.show(request, "panel/domain_list.html", entered={})


async def preview(request: web.Request) -> web.StreamResponse:
    """What following a list would change, and what members would lose."""
    server, member = keys.server(request), auth.member(request)
    params = await forms.params(request)
    entered = {"severest": params.text("severest", "suspend"), "allows": params.flag("allows")}
    try:
        text = await _text(request, params)
        listed, entries = await domain_lists.look(
            server, member, text, allows=bool(entered["allows"]), severest=str(entered["severest"])
        )
    except page.MENDABLE as error:
        return await frame.show_again(request, "panel/domain_list.html", error, entered=entered)
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
    text = await domain_lists.export(keys.server(request), auth.member(request), allows=what == "allowed")
    name = f"{keys.server(request).config.domain.replace(':', '-')}-{what}.csv"
    return web.Response(
        text=text,
        content_type="text/csv",
        charset="utf-8",
        headers={hdrs.CONTENT_DISPOSITION: f'attachment; filename="{name}"', hdrs.CACHE_CONTROL: "no-store"},
    )


routes = gate.behind(
    Permission.MANAGE_FEDERATION,
    web.get(HERE, servers),
    web.get(f"{HERE}/server", one),
    web.post(f"{HERE}/server", decide),
    web.get(f"{HERE}/lists", lists),
    web.post(f"{HERE}/lists", preview),
    web.post(f"{HERE}/lists/follow", follow),
    *(web.get(f"{HERE}/lists/{what}.csv", export) for what in ("blocked", "allowed")),
)
