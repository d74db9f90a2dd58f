"""What is worth doing first, for members who came not long ago: ticked by what they have really done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from fedserver.context import Server
from fedserver.greeting import GREETED_DAYS
from fedserver.viewer import Member
from storage import first_steps, users
from storage.types import DAY_MS, now_ms

_STEPS: Final = (
    ("profile", "Say in your profile who you are", "/settings/profile"),
    ("follow", "Join a group, or follow a topic", "/groups"),
    ("post", "Introduce yourself in a post", "/compose"),
    ("event", "Go to an event", "/events"),
)


@dataclass(frozen=True, slots=True)
class Step:
    """One of them: in words, where it is done, and whether it is."""

    words: str
    path: str
    done: bool


async def of_member(server: Server, member: Member) -> list[Step]:
    """The member's own, in order; none for who has done them all or hidden them, or is no newcomer any more."""
    since = now_ms() - GREETED_DAYS * DAY_MS
    row = await server.db.read(first_steps.of_member, member.account_id, since)
    if row is None:
        return []
    steps = [Step(words, path, bool(getattr(row, name))) for name, words, path in _STEPS]
    return [] if all(step.done for step in steps) else steps


async def hide(server: Server, member: Member) -> None:
    """Do not show them any more."""
    await server.db.write(lambda conn: users.change(conn, member.account_id, steps_hidden_at=now_ms()))
