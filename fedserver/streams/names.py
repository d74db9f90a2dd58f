"""Which streams there are, what a client says to name one, and who may listen to it."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from fedserver import feeds, lists
from fedserver.content.links import tag_key
from fedserver.context import Server
from fedserver.errors import Forbidden, Invalid, Unauthorized
from fedserver.viewer import Member, Viewer, has_scope

USER: Final = "user"
NOTIFICATIONS: Final = "user:notification"
DIRECT: Final = "direct"
LIST: Final = "list"
HASHTAG: Final = "hashtag"
HASHTAG_LOCAL: Final = "hashtag:local"
PUBLIC: Final = frozenset(
    {
        "public",
        "public:media",
        "public:local",
        "public:local:media",
        "public:remote",
        "public:remote:media",
    }
)
HASHTAG_REMOTE: Final = "hashtag:remote"
"""Not for clients to name: what is left of a hashtag where an admin has closed the timeline of this server."""
HASHTAGS: Final = frozenset({HASHTAG, HASHTAG_LOCAL})
OPEN_TO_ALL: Final = PUBLIC | HASHTAGS | {HASHTAG_REMOTE}
OWN: Final = frozenset({USER, NOTIFICATIONS, DIRECT, LIST})

TAG_CHARACTERS_MAX: Final = 200
ID_MAX: Final = (1 << 63) - 1
_DIGITS: Final = re.compile(r"[0-9]{1,19}")

_SCOPES: Final = {NOTIFICATIONS: ("read:notifications",), LIST: ("read:statuses", "read:lists")}


class Stream(NamedTuple):
    """A stream: `of` is the id of the account or the list it belongs to, the key of the hashtag, or "" for all."""

    name: str
    of: int | str


class UnknownStream(Invalid):
    """The client asked for a stream that there is not, or named it by half."""

    def __init__(self, message: str) -> None:
        super().__init__({}, message)


class OutOfScope(Unauthorized):
    """The token does not cover the stream. Mastodon's streams say 401 here, and clients look for that."""

    default = "Access token does not have the required scopes"


class Asked(NamedTuple):
    """What a client said: the name of a stream, with a list's id and a hashtag as it was typed."""

    name: str
    list_id: str = ""
    tag: str = ""

    @property
    def label(self) -> list[str]:
        """How events say which stream they belong to: in the words of the client."""
        if self.name == LIST:
            return [self.name, self.list_id]
        return [self.name, self.tag] if self.name in HASHTAGS else [self.name]


def named(viewer: Viewer, asked: Asked) -> Stream:
    """The stream that is meant, whether or not the viewer may listen to it. Raises UnknownStream; Unauthorized or Invalid
    for somebody who has no streams of their own."""
    name = asked.name
    if name in PUBLIC:
        return Stream(name, "")
    if name in HASHTAGS:
        # Every event repeats what the client said, so that is no longer than a hashtag can be.
        key = tag_key(asked.tag) if len(asked.tag) <= TAG_CHARACTERS_MAX else ""
        if not key:
            raise UnknownStream("Missing tag name parameter")
        return Stream(name, key)
    if name not in OWN:
        raise UnknownStream("UnknownStream stream type")
    if not isinstance(viewer, Member):
        if viewer.app_id is None:
            raise Unauthorized("Missing access token")
        raise Invalid(message="This method requires an authenticated user")
    if name != LIST:
        return Stream(name, viewer.account_id)
    if not _DIGITS.fullmatch(asked.list_id) or int(asked.list_id) > ID_MAX:
        raise UnknownStream("Missing list name parameter")
    return Stream(name, int(asked.list_id))


async def admit(server: Server, viewer: Viewer, asked: Asked) -> Stream:
    """The stream that is meant, if the viewer may listen to it; of one open to all, what an admin leaves open of it.

    Raises UnknownStream, Unauthorized (nobody, or out of scope), Invalid (an app without a member), NotFound (a
    list), Forbidden (closed).
    """
    stream = named(viewer, asked)
    # Whoever has a token needs the scope of what they read, public or not (GHSA-7gwh-mw97-qjgp).
    if viewer.token_id is not None and not any(
        has_scope(viewer, one) for one in _SCOPES.get(stream.name, ("read:statuses",))
    ):
        raise OutOfScope
    if stream.name == LIST and isinstance(viewer, Member):
        await lists.one(server, viewer, int(stream.of))
    return await _left_open(server, viewer, stream) if stream.name in OPEN_TO_ALL else stream


async def _left_open(server: Server, viewer: Viewer, stream: Stream) -> Stream:
    base, *sides = stream.name.removesuffix(":media").split(":")
    media = ":media" if stream.name.endswith(":media") else ""
    shown = await feeds.sides(
        server,
        viewer,
        "topic" if base == HASHTAG else "live",
        local="local" in sides,
        remote="remote" in sides,
    )
    if shown is None:
        raise Forbidden("This stream is closed.")
    side = ":local" if shown.only_local else ":remote" if shown.only_remote else ""
    return Stream(f"{base}{side}{media}", stream.of)


def maybe_narrowed(stream: Stream) -> list[Stream]:
    """The streams that somebody may have been given who asked for this one."""
    base, _, rest = stream.name.partition(":")
    if stream.name not in OPEN_TO_ALL or rest not in ("", "media"):
        return [stream]
    end = f":{rest}" if rest else ""
    return [Stream(f"{base}{side}{end}", stream.of) for side in ("", ":local", ":remote")]
