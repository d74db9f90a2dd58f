"""The directory: accounts that want to be found, here, among partner networks, or wherever they are known from."""

from __future__ import annotations

from fedserver import profiles, settings
from fedserver.context import Server
from fedserver.errors import NotFound
from fedserver.profiles import People
from fedserver.viewer import Viewer
from storage import suggestions
from storage.accounts import AccountRow
from storage.suggestions import Where

__all__ = ["Where", "page", "people"]


async def page(
    server: Server, viewer_id: int | None, *, newest: bool, where: Where, limit: int, offset: int
) -> list[AccountRow]:
    """Those who posted last first, or the `newest`; without those the viewer hides. NotFound where it is closed."""
    if not (await settings.current(server)).profile_directory:
        raise NotFound("Record not found")
    return await server.db.read(
        suggestions.directory, viewer_id, newest=newest, where=where, limit=limit, offset=offset
    )


async def people(
    server: Server, viewer: Viewer, *, newest: bool, where: Where, limit: int, offset: int
) -> People:
    """The same with how the viewer stands to each."""
    rows = await page(server, viewer.account_id, newest=newest, where=where, limit=limit, offset=offset)
    return await profiles.some(server, viewer, [row.id for row in rows])
