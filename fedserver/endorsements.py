"""Members recommend people on their profile, and keep private notes about them."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from fedserver import visibility
from fedserver.context import Server
from fedserver.errors import Invalid
from fedserver.viewer import Member
from storage import endorsements, relationships
from storage.accounts import AccountRow
from storage.paging import Window

NOTE_CHARACTERS_MAX: Final = 2_000


async def endorse(server: Server, member: Member, target_id: int) -> None:
    """Show somebody on one's profile for as long as one follows them. Raises Invalid when one does not."""

    def unit(conn: Connection) -> None:
        row = relationships.follow_between(conn, member.account_id, target_id)
        if row is None or not row.accepted:
            raise Invalid(
                {}, "Validation failed: You must be already following the person you want to endorse"
            )
        endorsements.endorse(conn, member.account_id, target_id, row.id)

    await server.db.write(unit)


async def unendorse(server: Server, member: Member, target_id: int) -> None:
    """Nothing happens when they were not shown."""
    await server.db.write(endorsements.unendorse, member.account_id, target_id)


async def endorsed(
    server: Server, viewer_id: int | None, account_id: int, window: Window
) -> list[AccountRow]:
    """Whom an account recommends, the last first. Raises NotFound."""

    def unit(conn: Connection) -> list[AccountRow]:
        row = visibility.known(conn, account_id, viewer_id)
        if row.suspended_at is not None or (
            viewer_id is not None and relationships.block_between(conn, account_id, viewer_id) is not None
        ):
            return []
        return endorsements.endorsed(conn, account_id, window, viewer_id=viewer_id)

    return await server.db.read(unit)


async def note(server: Server, member: Member, target_id: int, comment: str) -> None:
    """Note something about somebody that nobody else sees; empty forgets it. Raises Invalid."""
    if len(comment) > NOTE_CHARACTERS_MAX:
        problem = f"is too long (maximum is {NOTE_CHARACTERS_MAX} characters)"
        raise Invalid({"comment": problem}, f"Validation failed: Comment {problem}")
    await server.db.write(endorsements.put_note, member.account_id, target_id, comment.strip())
