"""How much room a member's files may take, and how much they do."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from fedserver import settings
from fedserver.config import Config
from fedserver.errors import TooLarge
from storage import media

MB = 1_000_000


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
    return Room(media.bytes_of(conn, account_id), settings.in_force(conn, config).member_bytes_max)


def check(conn: Connection, config: Config, account_id: int, size: int) -> None:
    """Raise TooLarge where another file of this size would be too much; a unit."""
    room = room_of(conn, config, account_id)
    if size > room.left:
        raise TooLarge(
            f"This file has {_mb(size)} MB, and of the space for your files here, {_mb(room.most)} MB, only "
            f"{_mb(room.left)} MB are left. Delete some posts with pictures or some files first."
        )


def _mb(size: int) -> str:
    return f"{size / MB:,.1f}"
