"""Lists of servers that are followed, in the admin API: what they would change, and what becomes of it. All of it is ours."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from typing import Final

from aiohttp import web
from msgspec import UNSET

from fedserver.context import Server
from fedserver.errors import TooLarge
from fedserver.moderation import domain_lists, domain_subscriptions
from fedserver.moderation.domain_subscriptions import Followed, Step, Wish
from fedserver.moderation.domains import SEVERITIES
from fedserver.moderation.permissions import Permission
from fedserver.viewer import Member
from web import auth, forms, gate, keys, replies
from web.api.admin import shown
from web.api.admin.entities import AdminDomainList, AdminDomainListChange, AdminListedDomain
from web.api.render import instant, maybe_instant
from web.params import KEYS_MAX, Params
from web.verbs import Handler, put_or_patch

LISTS: Final = "/api/v1/admin/domain_lists"
LIST: Final = LISTS + "/{id}"
TEXT_CHARACTERS_MAX: Final = 400_000


async def listed(request: web.Request) -> web.Response:
    """``GET /api/v1/admin/domain_lists``: the lists that are followed, the one that counts most first."""
    member = auth.moderator(request, "admin:read:domain_blocks")
    found = await domain_subscriptions.listed(keys.server(request), member)
    return replies.json([_entity(one) for one in found])


async def preview(request: web.Request) -> web.Response:
    """``POST /api/v1/admin/domain_lists/preview``: what the list at ``url``, or given as ``text``, would change. Nothing is changed."""
    member, params = auth.moderator(request, "admin:read:domain_blocks"), await forms.params(request)
    server, text = keys.server(request), params.text("text")
    if not text:
        text = await domain_lists.fetch(server.http, params.required_text("url"))
    if len(text) > TEXT_CHARACTERS_MAX:
        raise TooLarge("This list is too long to be looked at: use fedserver import blocklist --dry-run.")
    _, entries = await domain_lists.look(
        server, member, text, allows=params.flag("allows"), severest=params.text("severest", "suspend")
    )
    return replies.json(
        [
            AdminListedDomain(
                domain=one.domain,
                severity=one.severity,
                change=one.change,
                accounts_count=one.accounts,
                following_count=one.following,
                followers_count=one.followers,
                members_count=one.members,
                public_comment=one.comment,
            )
            for one in entries[:KEYS_MAX]
        ]
    )


async def follow(request: web.Request) -> web.Response:
    """``POST /api/v1/admin/domain_lists``: follow the list at ``url``; it is read at once, and what it would change waits."""
    member, params = auth.moderator(request, "admin:write:domain_blocks"), await forms.params(request)
    wish = _wish(params, Wish())
    list_id = await domain_subscriptions.subscribe(keys.server(request), member, params.text("url"), wish)
    return await _shown(request, member, list_id)


async def show(request: web.Request) -> web.Response:
    """``GET /api/v1/admin/domain_lists/:id``: one of them, with ``changes`` that wait."""
    return await _shown(request, auth.moderator(request, "admin:read:domain_blocks"), forms.path_id(request))


async def change(request: web.Request) -> web.Response:
    """``PUT /api/v1/admin/domain_lists/:id``: follow it otherwise; what is not given stays."""
    member, params = auth.moderator(request, "admin:write:domain_blocks"), await forms.params(request)
    server, list_id = keys.server(request), forms.path_id(request)
    row = (await domain_subscriptions.show(server, member, list_id)).row
    now = Wish(title=row.title, priority=row.priority, severest=row.severest, mode=row.mode)
    await domain_subscriptions.change(server, member, list_id, _wish(params, now))
    return await _shown(request, member, list_id)


async def end(request: web.Request) -> web.Response:
    """``DELETE /api/v1/admin/domain_lists/:id``: follow it no more; with ``rules`` keep its rules stay, with drop they go."""
    member, params = auth.moderator(request, "admin:write:domain_blocks"), await forms.params(request)
    rules = params.text("rules")
    if rules not in ("keep", "drop"):
        raise params.wrong("rules", "must be keep or drop")
    await domain_subscriptions.end(keys.server(request), member, forms.path_id(request), keep=rules == "keep")
    return replies.json(shown.EMPTY)


def _settle(settled: Callable[[Server, Member, int, Collection[str]], Awaitable[int]]) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        member, params = auth.moderator(request, "admin:write:domain_blocks"), await forms.params(request)
        list_id = forms.path_id(request)
        await settled(keys.server(request), member, list_id, params.texts("changes"))
        return await _shown(request, member, list_id)

    return handler


def _act(act: Callable[[Server, Member, int], Awaitable[None]]) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        member, list_id = auth.moderator(request, "admin:write:domain_blocks"), forms.path_id(request)
        await act(keys.server(request), member, list_id)
        return await _shown(request, member, list_id)

    return handler


def _wish(params: Params, now: Wish) -> Wish:
    return Wish(
        title=params.text("title", now.title),
        priority=params.integer("priority", now.priority),
        severest=params.text("severest", now.severest),
        mode=params.text("mode", now.mode),
    )


async def _shown(request: web.Request, member: Member, list_id: int) -> web.Response:
    found = await domain_subscriptions.show(keys.server(request), member, list_id)
    entity = _entity(found)
    entity.changes = [_change(one) for one in found.steps[:KEYS_MAX]]
    return replies.json(entity)


def _entity(found: Followed) -> AdminDomainList:
    row = found.row
    return AdminDomainList(
        id=str(row.id),
        url=row.url,
        title=row.title,
        priority=row.priority,
        severest=row.severest,
        mode=row.mode,
        state=row.state,
        created_at=instant(row.created_at),
        read_at=maybe_instant(row.read_at),
        due_at=instant(row.due_at),
        problem=row.problem or None,
        shrunk=bool(row.shrunk),
        domains_count=row.rows_read,
        rules_count=found.rules,
        changes_count=len(found.steps),
        changes=UNSET,
    )


def _change(step: Step) -> AdminDomainListChange:
    return AdminDomainListChange(
        key=step.key,
        domain=step.domain,
        change=step.verb,
        severity=SEVERITIES.get(step.rule.policy),
        severity_before=SEVERITIES.get(step.before.policy),
        reject_media=step.rule.rejects_media,
        reject_reports=step.rule.rejects_reports,
        public_comment=step.rule.public_comment,
        costs_members=step.costs,
        members_count=step.ties.members,
        following_count=step.ties.following,
        followers_count=step.ties.followers,
    )


routes: Final[list[web.RouteDef]] = gate.behind(
    Permission.MANAGE_FEDERATION,
    web.get(LISTS, listed),
    web.post(LISTS, follow),
    web.post(LISTS + "/preview", preview),
    web.get(LIST, show),
    *put_or_patch(LIST, change),
    web.delete(LIST, end),
    web.post(LIST + "/settle", _settle(domain_subscriptions.agree)),
    web.post(LIST + "/leave", _settle(domain_subscriptions.keep_off)),
    web.post(LIST + "/refresh", _act(domain_subscriptions.refresh)),
    web.post(LIST + "/believe", _act(domain_subscriptions.believe)),
    web.post(LIST + "/pause", _act(domain_subscriptions.pause)),
    web.post(LIST + "/resume", _act(domain_subscriptions.resume)),
)
