"""Whom a member may want to follow, and why: because staff recommends them, friends follow them, many here do, or
what they post is liked here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from fedserver import mentions, settings
from fedserver.context import Server
from fedserver.viewer import Member
from storage import accounts, suggestions
from storage.accounts import AccountRow

OF_EACH_SOURCE_MAX: Final = 40


@dataclass(frozen=True, slots=True)
class Suggestion:
    """An account and why it is suggested: `featured`, `friends_of_friends`, `most_followed`, `most_interactions`."""

    row: AccountRow
    sources: list[str]


async def page(server: Server, member: Member, *, limit: int, offset: int) -> list[Suggestion]:
    """Suggestions for a member: what more sources name comes first, then in the order of the sources."""
    handles = [
        _parted(server, handle) for handle in (await settings.current(server)).featured_accounts if handle
    ]

    def unit(conn: Connection) -> list[Suggestion]:
        me, most = member.account_id, OF_EACH_SOURCE_MAX
        found: dict[int, list[str]] = {}
        for source, ids in (
            ("featured", suggestions.featured(conn, me, handles, limit=most)),
            ("friends_of_friends", suggestions.friends_of_friends(conn, me, limit=most)),
            ("most_followed", suggestions.most_followed(conn, me, limit=most)),
            ("most_interactions", suggestions.most_liked(conn, me, limit=most)),
        ):
            for account_id in ids:
                found.setdefault(account_id, []).append(source)
        ordered = sorted(found, key=lambda one: -len(found[one]))[offset : offset + limit]
        rows = accounts.by_ids(conn, ordered)
        return [Suggestion(rows[one], found[one]) for one in ordered if one in rows]

    return await server.db.read(unit)


async def dismiss(server: Server, member: Member, account_id: int) -> None:
    """Suggest this account to the member no more. Nothing happens for one that does not exist."""

    def unit(conn: Connection) -> None:
        if accounts.by_id(conn, account_id) is not None:
            suggestions.dismiss(conn, member.account_id, account_id)

    await server.db.write(unit)


def _parted(server: Server, handle: str) -> tuple[str, str]:
    name, _, domain = handle.strip().removeprefix("@").partition("@")
    ours = not domain or mentions.is_ours(server, domain)
    return accounts.fold(name), "" if ours else domain.lower()
