"""What posts with more beside them have in common: resources, events, opportunities (see `fedserver.posts.Beside`)."""

from __future__ import annotations

from typing import Any, Final, Protocol

from sqlalchemy import Connection

from fedserver import settings
from fedserver.context import Server
from fedserver.errors import Invalid
from fedserver.posts import Draft

VISIBILITIES: Final = ("public", "unlisted", "members")


class Said(Protocol):
    """What their authors say of all of them."""

    @property
    def title(self) -> str: ...

    @property
    def abstract(self) -> str: ...

    @property
    def text(self) -> str: ...

    @property
    def language(self) -> str: ...


def draft_of(said: Said, **more: Any) -> Draft:
    """The post itself."""
    return Draft(
        text=said.text,
        media_type="text/markdown",
        title=said.title,
        summary=said.abstract,
        language=said.language,
        **more,
    )


def check_visibility(visibility: str) -> None:
    """Raise Invalid for one that none of them can have."""
    if visibility not in VISIBILITIES:
        raise Invalid({"visibility": "must be public, unlisted or members"})


def provider(conn: Connection, server: Server) -> str:
    """By whom their cards say that they are published."""
    return settings.in_force(conn, server.config).title
