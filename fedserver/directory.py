"""The directory: accounts that want to be found."""

from __future__ import annotations

from fedserver import settings
from fedserver.context import Server
from fedserver.errors import NotFound
from storage import suggestions
from storage.accounts import AccountRow


async def page(
    server: Server, viewer_id: int | None, *, newest: bool, local: bool, limit: int, offset: int
) -> list[AccountRow]:
    """Those who posted last first, or the `newest`; without those the viewer hides. NotFound where it is closed."""
    if not (await settings.current(server)).profile_directory:
        raise NotFound("Record not found")
    return await server.db.read(
        suggestions.directory, viewer_id, newest=newest, local=local, limit=limit, offset=offset
    )
