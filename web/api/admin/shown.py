"""Accounts as the admin API shows them, alone and as parts of reports."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web
from msgspec import UNSET, Raw

from fedserver.moderation.appeals import Strike
from fedserver.moderation.cases import NoteRow
from fedserver.moderation.people import Overseen
from web import replies
from web.api.admin.entities import AdminAccount, AdminNote, AdminStrike, Ip
from web.api.render import Renderer, instant, maybe_instant
from web.api.roles import ROLES
from web.params import Params

SIZES: Final = (100, 200)
"""Of a page in the admin API, unless asked for otherwise, and at most."""
EMPTY: Final = b"{}"


def account(render: Renderer, found: Overseen) -> AdminAccount:
    """One account."""
    row, user = found.row, found.user
    embedded: Any = Raw(render.account(row))
    return AdminAccount(
        id=str(row.id),
        username=row.username,
        domain=row.domain or None,
        created_at=instant(row.created_at),
        email=user.email if user else "",
        ip=found.ips[0].ip if found.ips else None,
        ips=[Ip(one.ip, instant(one.used_at)) for one in found.ips],
        locale=user.locale if user else "",
        invite_request=user.reason or None if user else None,
        role=ROLES[user.role if user else "member"],
        confirmed=user is not None and user.confirmed_at is not None,
        approved=user is not None and user.approved_at is not None,
        disabled=user is not None and user.disabled_at is not None,
        sensitized=row.sensitized_at is not None,
        silenced=row.limited_at is not None,
        suspended=row.suspended_at is not None,
        account=embedded,
        may_create_groups=user is not None and user.may_create_groups,
        trust=None if user is None else user.trust,
        invited_by_account_id=UNSET if found.invited_by is None else str(found.invited_by.account_id),
    )


def embedded(render: Renderer, row: Any) -> Any:
    """An account as everybody sees it, within something else."""
    return Raw(render.account(row))


def note(row: NoteRow) -> AdminNote:
    """A note of a moderator."""
    return AdminNote(
        id=str(row.id),
        account_id=None if row.author_id is None else str(row.author_id),
        subject_type=row.subject_type,
        subject=row.subject,
        text=row.text,
        created_at=instant(row.created_at),
    )


def strike(one: Strike) -> AdminStrike:
    """A decision."""
    return AdminStrike(
        id=str(one.id),
        ruling_id=None if one.ruling_id is None else str(one.ruling_id),
        account_id=str(one.account_id),
        action=one.action,
        text=one.text,
        status_ids=[str(post_id) for post_id in one.posts],
        created_at=instant(one.created_at),
        expires_at=maybe_instant(one.expires_at),
        undone_at=maybe_instant(one.undone_at),
        decided_by_account_id=None if one.actor_id is None else str(one.actor_id),
        appeal=one.appeal_state,
    )


def page(request: web.Request, entities: list[Any], ids: list[int], limit: int) -> web.Response:
    """A page of a list by id."""
    return replies.page(
        request,
        entities,
        newest=ids[0] if ids else None,
        oldest=ids[-1] if ids else None,
        complete=len(ids) >= limit,
    )


def slice_of(params: Params) -> tuple[int, int]:
    """``offset`` and ``limit`` of a list that is paged by them."""
    return params.integer("offset", 0, least=0, most=10_000), params.limit(10, 100)
