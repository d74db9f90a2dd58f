"""How a member wants the pages to look and their posts to begin."""

from __future__ import annotations

from typing import Final

from fedserver import accounts
from fedserver.accounts import ProfileChange
from fedserver.content.text import language_tag
from fedserver.context import Server
from fedserver.errors import Invalid
from fedserver.viewer import Member
from storage import users

APPEARANCES: Final = ("auto", "light", "dark")


async def choose(
    server: Server,
    member: Member,
    *,
    appearance: str,
    visibility: str,
    sensitive: bool,
    language: str,
    quote_policy: str | None = None,
) -> None:
    """Set the colours of pages, and what a new post is unless something else is said. Raises Invalid."""
    if appearance not in APPEARANCES:
        raise Invalid({"appearance": f"must be one of {', '.join(APPEARANCES)}"})
    if language and language_tag(language) is None:
        raise Invalid({"language": "is not a language code such as en or pt-BR"})
    change = ProfileChange(
        default_visibility=visibility,
        default_sensitive=sensitive,
        default_quote_policy=quote_policy,
        default_language=language_tag(language) or "" if language else "",
    )
    await accounts.change_profile(server, member, change)
    await server.db.write(users.change, member.account_id, appearance=appearance)
