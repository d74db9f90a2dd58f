"""How much room a member's files may take, and how much they do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from sqlalchemy import Connection

from fedserver import settings
from fedserver.config import Config
from fedserver.context import Server
from fedserver.errors import Invalid, TooLarge
from fedserver.megabytes import MB
from fedserver.moderation import audit
from fedserver.moderation.permissions import Permission, require
from fedserver.viewer import Member, Role
from storage import media, users


@dataclass(frozen=True, slots=True)
class Room:
    """What a member's files take and may take, in bytes."""

    taken: int
    most: int

    @property
    def left(self) -> int:
        """What is still free."""
        return max(0, self.most - self.taken)


def room_of(conn: Connection, config: Config, account_id: int) -> Room:
    """How it stands for one member; a unit."""
    user = users.by_id(conn, account_id)
    most = None if user is None else user.bytes_max
    if most is None:
        site = settings.in_force(conn, config)
        most = site.member_bytes_max
        if user is not None:
            most = site.role_bytes_max.get(cast(Role, user.role), most)
    return Room(media.bytes_of(conn, account_id), most)


async def room(server: Server, member: Member) -> Room:
    """How it stands for the member who asks."""
    return await server.db.read(room_of, server.config, member.account_id)


async def grant(server: Server, member: Member, username: str, most: int | None) -> None:
    """Give one member another limit than everybody has, or with None the same again. Raises Forbidden, Invalid,
    NotFound."""
    require(member, Permission.MANAGE_SETTINGS)
    if most is not None and not 0 <= most <= settings.BYTES_MAX:
        raise Invalid({"room": "must be a number of MB"})

    def unit(conn: Connection) -> None:
        user = users.by_name(conn, username.strip().removeprefix("@"))
        if user is None:
            raise Invalid({"username": "is the name of nobody here"})
        users.change(conn, user.account_id, bytes_max=most)
        audit.note(
            conn,
            member,
            "grant_room",
            ("account", user.account_id, user.username),
            before={"bytes_max": user.bytes_max},
            after={"bytes_max": most},
        )

    await server.db.write(unit)


async def with_own(server: Server, member: Member) -> list[tuple[str, int]]:
    """Who has a limit of their own, by name. Raises Forbidden."""
    require(member, Permission.MANAGE_SETTINGS)
    return await server.db.read(users.with_own_room)


def check(conn: Connection, config: Config, account_id: int, size: int) -> None:
    """Raise TooLarge where another file of this size would be too much; a unit."""
    room = room_of(conn, config, account_id)
    if size > room.left:
        raise TooLarge(
            f"This file has {_mb(size)} MB, and of the space for your files here, {_mb(room.most)} MB, only "
            f"{_mb(room.left)} MB are left. Delete some posts with pictures or some files first."
        )


def claim(conn: Connection, config: Config, account_id: int, size: int) -> None:
    """`check` in the unit that keeps the file: of several that are sent at once none sees room that another one takes."""
    users.lock(conn, account_id)
    check(conn, config, account_id, size)


def _mb(size: int) -> str:
    return f"{size / MB:,.1f}"
