"""What all pages of the panel share: which parts there are, who may open them, and how much waits in each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from fedserver.errors import FedError
from fedserver.moderation import desk, people
from fedserver.moderation.permissions import ANY, Permission, allows
from fedserver.viewer import Member
from web import auth, keys
from web.pages import page


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the panel. Any one permission of `wanted` opens it; `counted` is the field of
    `fedserver.moderation.desk.Waiting` whose number stands beside its name."""

    path: str
    icon: str
    label: str
    wanted: Permission
    counted: str = ""
    exact: bool = False  # pages below its path belong to others


MODERATION: Final = (
    Section("/mod", "shield", "What waits", ANY, exact=True),
    Section("/mod/reports", "flag", "Reports", Permission.MANAGE_REPORTS, "cases"),
    Section("/mod/joins", "door", "Requests to join", Permission.MANAGE_JOINS, "joins"),
    Section("/mod/welcome", "star", "Newcomers", Permission.MANAGE_JOINS, "newcomers"),
    Section("/mod/held", "clock", "Held posts", Permission.MANAGE_REPORTS, "held"),
    Section("/mod/appeals", "scales", "Appeals", Permission.MANAGE_APPEALS, "appeals"),
    Section("/mod/tags", "chat", "Trends", Permission.MANAGE_TAXONOMIES),
    Section("/mod/accounts", "people", "Accounts", people.SIGHT),
    Section("/mod/log", "file", "Log", Permission.VIEW_AUDIT_LOG),
    Section("/mod/presets", "pen", "Texts to use again", people.SIGHT),
)
ADMINISTRATION: Final[tuple[Section, ...]] = (
    Section("/admin", "shield", "Overview", Permission.VIEW_DASHBOARD, exact=True),
    Section("/admin/metrics", "poll", "Figures", Permission.VIEW_DASHBOARD),
    Section("/admin/roles", "people", "Roles", Permission.MANAGE_ROLES),
    Section("/admin/registration", "door", "Joining", Permission.MANAGE_SETTINGS),
    Section("/admin/addresses", "block", "Kept out", Permission.MANAGE_BLOCKS),
    Section("/admin/invites", "link", "Invitations", Permission.MANAGE_INVITES),
    Section("/admin/site", "home", "Site", Permission.MANAGE_SETTINGS),
    Section("/admin/rules", "scales", "Rules", Permission.MANAGE_RULES),
    Section("/admin/terms", "file", "Terms and privacy", Permission.MANAGE_SETTINGS),
    Section("/admin/announcements", "horn", "Announcements", Permission.MANAGE_ANNOUNCEMENTS),
    Section("/admin/emoji", "star", "Emoji", Permission.MANAGE_CUSTOM_EMOJIS),
    Section("/admin/mail", "mail", "Mail", Permission.MANAGE_SETTINGS),
    Section("/admin/mails", "pen", "Texts of mails", Permission.MANAGE_SETTINGS),
    Section("/admin/access", "lock", "Signing in", Permission.MANAGE_SETTINGS),
    Section("/admin/operations", "tools", "Operations", Permission.MANAGE_SETTINGS),
    Section("/admin/federation", "globe", "Other servers", Permission.MANAGE_FEDERATION, "lists"),
    Section("/admin/partners", "people", "Partners", Permission.MANAGE_FEDERATION),
)
SECTIONS: Final = (("Moderation", MODERATION), ("Administration", ADMINISTRATION))


@dataclass(frozen=True, slots=True)
class Entry:
    """A section as the navigation shows it."""

    section: Section
    count: int
    here: bool


async def show(request: web.Request, template: str, /, *, status: int = 200, **context: Any) -> web.Response:
    """A page of the panel, with its navigation."""
    member = auth.member(request)
    waiting = await desk.waiting(keys.server(request), member)
    parts = [
        (label, [_entry(request, one, waiting) for one in sections if _opens(member, one)])
        for label, sections in SECTIONS
    ]
    context.setdefault("problems", None)
    return await page.show(
        request,
        template,
        status=status,
        parts=[(label, entries) for label, entries in parts if entries],
        waiting=waiting,
        waits=sum(waiting),
        **context,
    )


async def show_again(
    request: web.Request,
    template: str,
    error: FedError,
    names: Mapping[str, str] | None = None,
    **context: Any,
) -> web.Response:
    """A form again, with what was wrong beside each field (see `page.show_again`)."""
    status, problems = page.told_of(error, names or {})
    return await show(request, template, status=status, problems=problems, **context)


def _opens(member: Member, section: Section) -> bool:
    return any(allows(member.role, one) for one in section.wanted)


def _entry(request: web.Request, section: Section, waiting: desk.Waiting) -> Entry:
    below = not section.exact and request.path.startswith(f"{section.path}/")
    return Entry(
        section,
        getattr(waiting, section.counted) if section.counted else 0,
        request.path == section.path or below,
    )
