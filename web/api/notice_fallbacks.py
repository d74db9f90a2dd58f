"""What an app can show of a notification whose type it does not know (Mastodon 4.6).

An app names the types it knows in ``supported_types[]``; only then, and only for types that came late, is there
something to show instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final, NamedTuple

import msgspec
from aiohttp import web

from fedserver.noticeboard import Notice, Notices
from web import forms, keys
from web.api.notice_entities import NotificationFallback

TYPES_ASKED_MAX: Final = 50
LATE_TYPES: Final = frozenset(
    {
        *("severed_relationships", "moderation_warning", "admin.sign_up", "admin.report"),
        *("added_to_collection", "collection_update", "event_reminder"),
    }
)


class Supported(NamedTuple):
    """The types an app knows, and where to send its member for the rest."""

    types: Sequence[str]
    origin: str
    domain: str

    def fallback(self, one: Notice, found: Notices, account: bytes, *, others: int = 0) -> bytes:
        """The member ``fallback`` of a notification or group, after a comma, if the app needs it. `account` is the
        entity of who caused it, and `others` did the same."""
        if one.type not in LATE_TYPES or one.type in self.types:
            return b""
        page = f'<a href="{escape(self.origin)}/notifications">{escape(self.domain)}</a>'
        title, summary = _words(one, found, account, others)
        shown = NotificationFallback(title, f"{summary} See {page}.".strip())
        return b',"fallback":' + msgspec.json.encode(shown)


def supported_by(request: web.Request) -> Supported | None:
    """What the app that asks says it knows; None when it does not say."""
    types = forms.query(request).texts("supported_types", count_max=TYPES_ASKED_MAX)
    config = keys.server(request).config
    return Supported(types, config.origin, config.domain) if types else None


class _Account(msgspec.Struct):
    acct: str
    url: str


_account: Final = msgspec.json.Decoder(_Account).decode


def _words(one: Notice, found: Notices, account: bytes, others: int) -> tuple[str, str]:
    """Title and summary, as HTML."""
    who = _account(account)
    name = f'<a href="{escape(who.url)}">@{escape(who.acct)}</a>'
    match one.type:
        case "severed_relationships":
            row = found.severances.get(one.severance_id or 0)
            if row is None:
                return "You have lost connections", ""
            return (
                f"You have lost connections with {escape(row.target_name)}",
                f"Followers: {row.followers_count}. Followed by you: {row.following_count}.",
            )
        case "moderation_warning":
            return "The moderators have decided something about your account", "You can appeal."
        case "admin.sign_up":
            return f"{name} and {others} more signed up" if others else f"{name} signed up", ""
        case "admin.report":
            row = found.reports.get(one.report_id or 0)
            target = found.targets.get(row.target_id) if row is not None else None
            if target is None:
                return f"{name} has reported something", ""
            return f"{name} has reported @{escape(target.username)}", escape(row.comment) if row else ""
        case "added_to_collection":
            return f"{name} has put you into a collection", ""
        case "event_reminder":
            return "An event that you go to begins soon", ""
        case _:
            return f"{name} has changed a collection that you are in", ""
