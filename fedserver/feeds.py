"""Who may read the timelines that are open to all, by what an admin has decided for each side of them."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from fedserver import settings
from fedserver.context import Server
from fedserver.errors import Unauthorized
from fedserver.settings import InstanceSettings
from fedserver.viewer import Anonymous, Member, Viewer

Kind = Literal["live", "topic"]
SIGN_IN: Final = "This method requires an authenticated user"


class Access(NamedTuple):
    """Who may read the posts of this server, and those of others: public, authenticated or disabled."""

    local: str
    remote: str


class Sides(NamedTuple):
    """Which posts to show: those of this server, those of others, or both."""

    local: bool
    remote: bool

    @property
    def only_local(self) -> bool:
        return self.local and not self.remote

    @property
    def only_remote(self) -> bool:
        return self.remote and not self.local


def access(now: InstanceSettings, kind: Kind) -> Access:
    """What holds for the public timelines (`live`) or those of hashtags (`topic`)."""
    if kind == "live":
        return Access(now.local_live_feed_access, now.remote_live_feed_access)
    return Access(now.local_topic_feed_access, now.remote_topic_feed_access)


async def sides(
    server: Server, viewer: Viewer, kind: Kind, *, local: bool = False, remote: bool = False
) -> Sides | None:
    """What to show somebody who asks for one side, or with neither (or both) for all; None for nothing.

    Moderators read what is disabled. Raises Unauthorized for a stranger where one has to sign in.
    """
    decided = access(await settings.current(server), kind)
    asked = Sides(local, remote) if local != remote else Sides(True, True)
    if isinstance(viewer, Anonymous) and any(
        wanted and side != "public" for wanted, side in zip(asked, decided, strict=True)
    ):
        raise Unauthorized(SIGN_IN)
    moderates = isinstance(viewer, Member) and viewer.moderates
    shown = Sides(
        *(wanted and (side != "disabled" or moderates) for wanted, side in zip(asked, decided, strict=True))
    )
    return shown if any(shown) else None
