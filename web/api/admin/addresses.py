"""Rules for mail addresses in the admin API: whole domains, and single addresses as digests."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from fedserver.moderation import addresses
from fedserver.moderation.addresses import DAY_MS, DAYS_COUNTED, MailDomain
from fedserver.moderation.permissions import Permission
from fedserver.timelines import now_ms
from web import auth, forms, gate, keys, replies
from web.api.admin import shown
from web.api.admin.entities import CanonicalEmailBlock, EmailDomainBlock, History
from web.api.paging import window
from web.api.render import instant

DOMAINS: Final = "/api/v1/admin/email_domain_blocks"
SINGLE: Final = "/api/v1/admin/canonical_email_blocks"


async def domain_blocks(request: web.Request) -> web.Response:
    """``GET /api/v1/admin/email_domain_blocks``"""
    member = auth.moderator(request, "admin:read:email_domain_blocks")
    asked = window(forms.query(request), shown.SIZES)
    found = await addresses.mail_domains(keys.server(request), member, asked)
    return shown.page(request, [_domain(one) for one in found], [one.row.id for one in found], asked.limit)


async def show_domain(request: web.Request) -> web.Response:
    """``GET /api/v1/admin/email_domain_blocks/:id``"""
    member = auth.moderator(request, "admin:read:email_domain_blocks")
    return replies.json(
        _domain(await addresses.mail_domain(keys.server(request), member, forms.path_id(request)))
    )


async def block_domain(request: web.Request) -> web.Response:
    """``POST /api/v1/admin/email_domain_blocks``"""
    member = auth.moderator(request, "admin:write:email_domain_blocks")
    params = await forms.params(request)
    found = await addresses.add_mail_domain(
        keys.server(request),
        member,
        params.text("domain"),
        allows_with_approval=params.flag("allow_with_approval"),
    )
    return replies.json(_domain(found))


async def unblock_domain(request: web.Request) -> web.Response:
    """``DELETE /api/v1/admin/email_domain_blocks/:id``"""
    member = auth.moderator(request, "admin:write:email_domain_blocks")
    await addresses.remove_mail_domain(keys.server(request), member, forms.path_id(request))
    return replies.json(shown.EMPTY)


def _domain(found: MailDomain) -> EmailDomainBlock:
    uses = {one.day: one for one in found.uses}
    today = now_ms() // DAY_MS
    history = []
    for day in range(today, today - DAYS_COUNTED, -1):
        use = uses.get(day)
        counts = (use.subjects, use.uses) if use else (0, 0)
        history.append(History(str(day * DAY_MS // 1000), str(counts[0]), str(counts[1])))
    return EmailDomainBlock(
        id=str(found.row.id),
        domain=found.row.domain,
        created_at=instant(found.row.created_at),
        history=history,
        allow_with_approval=bool(found.row.allows_with_approval),
    )


# -- single addresses


async def address_blocks(request: web.Request) -> web.Response:
    """``GET /api/v1/admin/canonical_email_blocks``"""
    member = auth.moderator(request, "admin:read:canonical_email_blocks")
    asked = window(forms.query(request), shown.SIZES)
    rows = await addresses.addresses(keys.server(request), member, asked)
    return shown.page(request, [_address(row) for row in rows], [row.id for row in rows], asked.limit)


async def show_address(request: web.Request) -> web.Response:
    """``GET /api/v1/admin/canonical_email_blocks/:id``"""
    member = auth.moderator(request, "admin:read:canonical_email_blocks")
    return replies.json(
        _address(await addresses.address(keys.server(request), member, forms.path_id(request)))
    )


async def test_address(request: web.Request) -> web.Response:
    """``POST /api/v1/admin/canonical_email_blocks/test``: which rules keep an address out; changes nothing."""
    member = auth.moderator(request, "admin:read:canonical_email_blocks")
    email = (await forms.params(request)).text("email")
    rows = await addresses.matching(keys.server(request), member, email)
    return replies.json([_address(row) for row in rows])


async def block_address(request: web.Request) -> web.Response:
    """``POST /api/v1/admin/canonical_email_blocks``"""
    member = auth.moderator(request, "admin:write:canonical_email_blocks")
    params = await forms.params(request)
    row = await addresses.add_address(
        keys.server(request),
        member,
        email=params.text("email"),
        digest=params.text("canonical_email_hash").strip().lower(),
    )
    return replies.json(_address(row))


async def unblock_address(request: web.Request) -> web.Response:
    """``DELETE /api/v1/admin/canonical_email_blocks/:id``"""
    member = auth.moderator(request, "admin:write:canonical_email_blocks")
    await addresses.remove_address(keys.server(request), member, forms.path_id(request))
    return replies.json(shown.EMPTY)


def _address(row: Any) -> CanonicalEmailBlock:
    return CanonicalEmailBlock(str(row.id), row.digest)


routes: Final[list[web.RouteDef]] = gate.behind(
    Permission.MANAGE_BLOCKS,
    web.get(DOMAINS, domain_blocks),
    web.post(DOMAINS, block_domain),
    web.get(DOMAINS + "/{id}", show_domain),
    web.delete(DOMAINS + "/{id}", unblock_domain),
    web.get(SINGLE, address_blocks),
    web.post(SINGLE, block_address),
    web.post(SINGLE + "/test", test_address),
    web.get(SINGLE + "/{id}", show_address),
    web.delete(SINGLE + "/{id}", unblock_address),
)
