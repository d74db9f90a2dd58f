"""Who is addressed: from ``to`` and ``cc`` to one word of visibility, and back.

``group`` and ``members`` are visibilities of this server alone: on the wire they are addressed to
collections or inboxes that only their builder knows, so neither function here speaks of them.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum

from activitypub.names import PUBLIC, is_public


class Visibility(StrEnum):
    """Who may see a post. The values are stored and shown to clients; they never change."""

    PUBLIC = "public"
    UNLISTED = "unlisted"
    FOLLOWERS = "followers"
    DIRECT = "direct"
    GROUP = "group"
    MEMBERS = "members"


def visibility_of(to: Sequence[str], cc: Sequence[str], followers_uri: str | None = None) -> Visibility:
    """What the addressing of a remote post means.

    ``followers_uri`` is the author's followers collection. When it is not known, an address whose last
    path segment is ``followers`` is taken for it, which is how every known server names it.
    """
    if any(is_public(uri) for uri in to):
        return Visibility.PUBLIC
    if any(is_public(uri) for uri in cc):
        return Visibility.UNLISTED
    for uri in (*to, *cc):
        if uri == followers_uri or (followers_uri is None and uri.rstrip("/").endswith("/followers")):
            return Visibility.FOLLOWERS
    return Visibility.DIRECT


def addressing(
    visibility: Visibility, followers_uri: str, mentioned_uris: Iterable[str] = ()
) -> tuple[list[str], list[str]]:
    """``(to, cc)`` of a post of ours. Raises ``ValueError`` for ``group`` and ``members``.

    Mastodon's layout, because others recognise visibility by it: the mentioned are in ``cc`` of what is
    public or unlisted, and in ``to`` of a direct post. A follower-only post has them in ``cc`` too.
    """
    mentioned = list(dict.fromkeys(mentioned_uris))
    match visibility:
        case Visibility.PUBLIC:
            return [PUBLIC], [followers_uri, *mentioned]
        case Visibility.UNLISTED:
            return [followers_uri], [PUBLIC, *mentioned]
        case Visibility.FOLLOWERS:
            return [followers_uri], mentioned
        case Visibility.DIRECT:
            return mentioned, []
        case _:
            raise ValueError(f"{visibility.value} is not addressed by visibility alone")
