"""Rules for other servers in the admin API: blocked or limited ones, and those that are allowed."""

from __future__ import annotations

import hashlib
from typing import Any, Final

from aiohttp import web

from fedserver.moderation import domains
from fedserver.moderation.domains import POLICIES, SEVERITIES, Rule, instant_of
from fedserver.moderation.permissions import Permission
from web import auth, forms, gate, keys, replies
from web.api.admin import shown
from web.api.admin.entities import AdminDomainBlock, DomainAllow, DomainBlockExists
from web.api.paging import window
from web.api.render import instant, maybe_instant
from web.params import Params
from web.verbs import put_or_patch

BLOCKS: Final = "/api/v1/admin/domain_blocks"
ALLOWS: Final = "/api/v1/admin/domain_allows"
_FLAGS: Final = (
    ("rejects_media", "reject_media"),
    ("rejects_reports", "reject_reports"),
    ("obfuscates", "obfuscate"),
)
_TEXTS: Final = (("note", "private_comment"), ("public_comment", "public_comment"))


async def blocks(request: web.Request) -> web.Response:
    """``GET /api/v1/admin/domain_blocks``"""
    member = auth.moderator(request, "admin:read:domain_blocks")
    asked = window(forms.query(request), shown.SIZES)
    rows = await domains.page(keys.server(request), member, asked, allowed=False)
    return shown.page(request, [_block(row) for row in rows], [row.rule_id for row in rows], asked.limit)


async def show_block(request: web.Request) -> web.Response:
    """``GET /api/v1/admin/domain_blocks/:id``"""
    member = auth.moderator(request, "admin:read:domain_blocks")
    row = await domains.one(keys.server(request), member, forms.path_id(request), allowed=False)
    return replies.json(_block(row))


async def block(request: web.Request) -> web.Response:
    """``POST /api/v1/admin/domain_blocks``"""
    member = auth.moderator(request, "admin:write:domain_blocks")
    params = await forms.params(request)
    rule = Rule(POLICIES["silence"])
    changes = _changes(params)
    wanted = Rule(**{name: changes.get(name, getattr(rule, name)) for name in Rule.__dataclass_fields__})
    try:
        row = await domains.add(keys.server(request), member, params.text("domain"), wanted)
    except domains.Exists as error:
        return replies.json(DomainBlockExists(str(error), _block(error.row)), status=422)
    return replies.json(_block(row))


async def update_block(request: web.Request) -> web.Response:
    """``PUT /api/v1/admin/domain_blocks/:id``"""
    member = auth.moderator(request, "admin:write:domain_blocks")
    changes = _changes(await forms.params(request))
    row = await domains.change(keys.server(request), member, forms.path_id(request), **changes)
    return replies.json(_block(row))


async def unblock(request: web.Request) -> web.Response:
    """``DELETE /api/v1/admin/domain_blocks/:id``"""
    member = auth.moderator(request, "admin:write:domain_blocks")
    await domains.remove(keys.server(request), member, forms.path_id(request), allowed=False)
    return replies.json(shown.EMPTY)


def _changes(params: Params) -> dict[str, Any]:
    """What was sent, by the names of a `Rule`."""
    found: dict[str, Any] = {}
    severity = params.maybe_text("severity")
    if severity is not None:
        if severity not in POLICIES:
            raise params.wrong("severity", f"must be one of {', '.join(POLICIES)}")
        found["policy"] = POLICIES[severity]
    if "expires_in" in params:
        found["until_at"] = domains.ends_after(params.integer("expires_in", least=0))
    found |= {ours: params.flag(theirs) for ours, theirs in _FLAGS if theirs in params}
    return found | {ours: params.text(theirs) for ours, theirs in _TEXTS if theirs in params}


def _block(row: Any) -> AdminDomainBlock:
    return AdminDomainBlock(
        id=str(row.rule_id),
        domain=row.host,
        digest=hashlib.sha256(row.host.encode()).hexdigest(),
        created_at=instant(instant_of(row.rule_id)),
        severity=SEVERITIES.get(row.policy, "noop"),
        reject_media=bool(row.rejects_media),
        reject_reports=bool(row.rejects_reports),
        private_comment=row.note or None,
        public_comment=row.public_comment or None,
        obfuscate=bool(row.obfuscates),
        expires_at=maybe_instant(row.rule_until_at),
    )


# -- allowed servers


async def allows(request: web.Request) -> web.Response:
    """``GET /api/v1/admin/domain_allows``"""
    member = auth.moderator(request, "admin:read:domain_allows")
    asked = window(forms.query(request), shown.SIZES)
    rows = await domains.page(keys.server(request), member, asked, allowed=True)
    return shown.page(request, [_allow(row) for row in rows], [row.rule_id for row in rows], asked.limit)


async def show_allow(request: web.Request) -> web.Response:
    """``GET /api/v1/admin/domain_allows/:id``"""
    member = auth.moderator(request, "admin:read:domain_allows")
    row = await domains.one(keys.server(request), member, forms.path_id(request), allowed=True)
    return replies.json(_allow(row))


async def allow(request: web.Request) -> web.Response:
    """``POST /api/v1/admin/domain_allows``"""
    member = auth.moderator(request, "admin:write:domain_allows")
    params = await forms.params(request)
    row = await domains.add(keys.server(request), member, params.text("domain"), Rule("allow"))
    return replies.json(_allow(row))


async def disallow(request: web.Request) -> web.Response:
    """``DELETE /api/v1/admin/domain_allows/:id``"""
    member = auth.moderator(request, "admin:write:domain_allows")
    await domains.remove(keys.server(request), member, forms.path_id(request), allowed=True)
    return replies.json(shown.EMPTY)


def _allow(row: Any) -> DomainAllow:
    return DomainAllow(str(row.rule_id), row.host, instant(instant_of(row.rule_id)))


routes: Final[list[web.RouteDef]] = gate.behind(
    Permission.MANAGE_FEDERATION,
    web.get(BLOCKS, blocks),
    web.post(BLOCKS, block),
    web.get(BLOCKS + "/{id}", show_block),
    *put_or_patch(BLOCKS + "/{id}", update_block),
    web.delete(BLOCKS + "/{id}", unblock),
    web.get(ALLOWS, allows),
    web.post(ALLOWS, allow),
    web.get(ALLOWS + "/{id}", show_allow),
    web.delete(ALLOWS + "/{id}", disallow),
)
