"""Addresses: ours are minted and parsed here and nowhere else; of others' we compare the origin.

URIs once minted never change, so a path written here is a promise. Nothing here asks whether the
named thing exists.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import quote, unquote, urlsplit

import idna

URI_CHARS_MAX: Final = 2048
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
# RFC 3986 has no place for controls and blanks, and readers disagree about the backslash.
_NEVER_IN_URI = re.compile(r"[\x00-\x20\x7f-\x9f\\\u2028\u2029]")
_HOST = re.compile(r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*")
_IP6 = re.compile(r"[0-9a-f:.]+")


class Origin(NamedTuple):
    """Scheme, host and port that vouch for a document (FEP-fe34); ``str`` is the RFC 6454 form."""

    scheme: str
    host: str
    port: int

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}"


def normal_host(host: str) -> str | None:
    """A host name in lower-case ASCII (IDNA 2008 with UTS 46 mapping), without the trailing dot.

    ``None`` for what is no host name. IPv6 is given and returned without brackets.
    """
    host = host.strip().lower().removesuffix(".")
    if not host.isascii():
        try:
            host = idna.encode(host, uts46=True, transitional=False).decode("ascii")
        except idna.IDNAError:
            return None
    if ":" in host:
        return host if _IP6.fullmatch(host) else None
    return host if len(host) <= 253 and _HOST.fullmatch(host) else None


@lru_cache(maxsize=4096)
def origin_of(uri: str) -> Origin | None:
    """The origin of an absolute http(s) address, or ``None``.

    ``None`` also for user information, control characters, blanks, backslashes, an empty or malformed
    host or port, and more than ``URI_CHARS_MAX`` characters: two parsers might see two hosts.
    """
    if len(uri) > URI_CHARS_MAX or _NEVER_IN_URI.search(uri):
        return None
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError:
        return None
    scheme = parts.scheme
    if (
        scheme not in _DEFAULT_PORTS
        or "@" in parts.netloc
        or not parts.hostname
        or parts.netloc.endswith(":")
    ):
        return None
    host = normal_host(parts.hostname)
    if host is None or port == 0:
        return None
    return Origin(scheme, host, port or _DEFAULT_PORTS[scheme])


def same_origin(one: str | None, other: str | None) -> bool:
    """Whether both are usable addresses of one origin (FEP-fe34)."""
    if one is None or other is None:
        return False
    origin = origin_of(one)
    return origin is not None and origin == origin_of(other)


def host_of(uri: str) -> str | None:
    """The host, with its port when that is not the scheme's own, as in handles; ``None`` if unusable."""
    origin = origin_of(uri)
    return None if origin is None else origin.authority


def without_fragment(uri: str) -> str:
    """The document that an address like ``…/alice#main-key`` is part of."""
    return uri.partition("#")[0]


# --- ours -----------------------------------------------------------------------------------


class LocalName(NamedTuple):
    """What one of our addresses names.

    ``kind`` is one of ``actor group instance_actor`` with the user name (``""`` for the instance);
    ``inbox outbox followers following featured featured_tags featured_collections
    followers_synchronization moderators library directory main_key ed25519_key`` with the name of the actor they belong to (``""`` for the instance);
    ``shared_inbox``; ``profile`` with the name; ``post replies likes shares post_page event
    event_attendees event_question event_note occurrence resource opportunity shelf context activity stamp place collection collection_item
    feature_authorization`` with the id, ``emoji`` with the shortcode, and ``post_activity`` with the
    id of the post a ``#create``, ``#updates/…`` or ``#delete`` belongs to; ``tag`` with the tag;
    ``media`` with the path below ``/media/``.
    """

    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class ActorUris:
    """All addresses of one actor of ours. ``id`` is the actor, ``page`` what people look at."""

    id: str
    page: str
    shared_inbox: str

    @property
    def inbox(self) -> str:
        return f"{self.id}/inbox"

    @property
    def outbox(self) -> str:
        return f"{self.id}/outbox"

    @property
    def followers(self) -> str:
        return f"{self.id}/followers"

    @property
    def following(self) -> str:
        return f"{self.id}/following"

    @property
    def featured(self) -> str:
        return f"{self.id}/collections/featured"

    @property
    def featured_tags(self) -> str:
        return f"{self.id}/collections/tags"

    @property
    def featured_collections(self) -> str:
        return f"{self.id}/collections/recommended"

    @property
    def followers_synchronization(self) -> str:
        return f"{self.id}/followers_synchronization"

    @property
    def moderators(self) -> str:
        return f"{self.id}/moderators"

    @property
    def library(self) -> str:
        return f"{self.id}/resources"

    @property
    def upcoming_events(self) -> str:
        return f"{self.id}/upcoming_events"

    @property
    def directory(self) -> str:
        return f"{self.id}/directory"

    @property
    def main_key(self) -> str:
        return f"{self.id}#main-key"

    @property
    def ed25519_key(self) -> str:
        return f"{self.id}#ed25519-key"


_NAME: Final = r"(?P<value>[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?)"
_ID: Final = r"(?P<value>[A-Za-z0-9_-]{1,64})"
_BELONGINGS: Final = {
    "inbox": "inbox",
    "outbox": "outbox",
    "followers": "followers",
    "following": "following",
    "collections/featured": "featured",
    "collections/tags": "featured_tags",
    "collections/recommended": "featured_collections",
    "followers_synchronization": "followers_synchronization",
    "moderators": "moderators",
    "resources": "library",
    "upcoming_events": "upcoming_events",
    "directory": "directory",
    "#main-key": "main_key",
    "#ed25519-key": "ed25519_key",
}
_BELONGING: Final = r"(?:/?(?P<part>(?<=/)[a-z_/]+|#[a-z0-9-]+))?"
_PATTERNS: Final = tuple(
    (kind, re.compile(pattern))
    for kind, pattern in (
        ("actor", rf"/users/{_NAME}{_BELONGING}"),
        ("group", rf"/groups/{_NAME}{_BELONGING}"),
        ("instance_actor", rf"/actor(?P<value>){_BELONGING}"),
        ("shared_inbox", r"/inbox(?P<value>)"),
        ("post", rf"/posts/{_ID}"),
        ("post_activity", rf"/posts/{_ID}#(?:create|delete|updates/[0-9]+)"),
        ("replies", rf"/posts/{_ID}/replies"),
        ("likes", rf"/posts/{_ID}/likes"),
        ("shares", rf"/posts/{_ID}/shares"),
        ("event", rf"/events/{_ID}"),
        ("event_attendees", rf"/events/{_ID}/attendees"),
        ("event_question", rf"/events/{_ID}/question"),
        ("event_note", rf"/events/{_ID}/notes/[0-9]+"),
        ("occurrence", rf"/events/{_ID}/[0-9]{{8}}(?:T[0-9]{{4}})?"),
        ("resource", rf"/resources/{_ID}"),
        ("opportunity", rf"/opportunities/{_ID}"),
        ("shelf", rf"/shelves/{_ID}"),
        ("context", rf"/contexts/{_ID}"),
        ("activity", rf"/activities/{_ID}"),
        ("stamp", rf"/stamps/{_ID}"),
        ("place", rf"/places/{_ID}"),
        ("collection", rf"/collections/{_ID}"),
        ("collection_item", rf"/collections/[A-Za-z0-9_-]{{1,64}}/items/{_ID}"),
        ("feature_authorization", rf"/feature_authorizations/{_ID}"),
        ("emoji", rf"/emojis/{_ID}"),
        ("profile", rf"/@{_NAME}"),
        ("post_page", rf"/@[A-Za-z0-9_.-]+/{_ID}"),
        ("tag", r"/tags/(?P<value>[^/?#]+)"),
        ("media", r"/media/(?P<value>[^?#]+)"),
    )
)


class Uris:
    """Mints and parses the addresses of the server at ``origin``, such as ``https://a.example``.

    Raises ``ValueError`` when that is not an origin: a path, a query or user information is refused.
    """

    def __init__(self, origin: str) -> None:
        parsed = origin_of(origin)
        if parsed is None or urlsplit(origin)._replace(scheme="", netloc="").geturl() not in ("", "/"):
            raise ValueError(f"{origin!r} is not an origin like https://a.example")
        self._parsed = parsed
        self.origin = str(parsed)
        self.host = parsed.authority

    # Actors. A person and a group never share a name, so their profile pages share one path.

    def actor(self, username: str) -> str:
        return f"{self.origin}/users/{username}"

    def group(self, username: str) -> str:
        return f"{self.origin}/groups/{username}"

    def instance_actor(self) -> str:
        return f"{self.origin}/actor"

    def profile(self, username: str) -> str:
        return f"{self.origin}/@{username}"

    def actor_uris(self, username: str) -> ActorUris:
        """All addresses of a member's actor."""
        return ActorUris(self.actor(username), self.profile(username), self.shared_inbox())

    def group_uris(self, username: str) -> ActorUris:
        """All addresses of a group's actor."""
        return ActorUris(self.group(username), self.group(username), self.shared_inbox())

    def instance_uris(self) -> ActorUris:
        """All addresses of the instance actor."""
        return ActorUris(self.instance_actor(), f"{self.origin}/about", self.shared_inbox())

    def inbox(self, username: str) -> str:
        return self.actor_uris(username).inbox

    def outbox(self, username: str) -> str:
        return self.actor_uris(username).outbox

    def followers(self, username: str) -> str:
        return self.actor_uris(username).followers

    def following(self, username: str) -> str:
        return self.actor_uris(username).following

    def featured(self, username: str) -> str:
        return self.actor_uris(username).featured

    def featured_tags(self, username: str) -> str:
        return self.actor_uris(username).featured_tags

    def followers_synchronization(self, username: str) -> str:
        return self.actor_uris(username).followers_synchronization

    def main_key(self, username: str) -> str:
        return self.actor_uris(username).main_key

    def ed25519_key(self, username: str) -> str:
        return self.actor_uris(username).ed25519_key

    def shared_inbox(self) -> str:
        return f"{self.origin}/inbox"

    # Posts and what belongs to them.

    def post(self, post_id: int | str) -> str:
        return f"{self.origin}/posts/{post_id}"

    def post_page(self, username: str, post_id: int | str) -> str:
        return f"{self.origin}/@{username}/{post_id}"

    def replies(self, post_id: int | str) -> str:
        return f"{self.post(post_id)}/replies"

    def likes(self, post_id: int | str) -> str:
        return f"{self.post(post_id)}/likes"

    def shares(self, post_id: int | str) -> str:
        return f"{self.post(post_id)}/shares"

    def context(self, context_id: int | str) -> str:
        return f"{self.origin}/contexts/{context_id}"

    def event(self, post_id: int | str) -> str:
        return f"{self.origin}/events/{post_id}"

    def occurrence(self, post_id: int | str, key: str) -> str:
        """One time that an event takes place."""
        return f"{self.event(post_id)}/{key}"

    def event_attendees(self, post_id: int | str) -> str:
        return f"{self.event(post_id)}/attendees"

    def event_question(self, post_id: int | str) -> str:
        """The poll by which people of other servers are asked whether they come."""
        return f"{self.event(post_id)}/question"

    def event_note(self, post_id: int | str, note_id: int | str) -> str:
        """A direct note to one of those who answered."""
        return f"{self.event(post_id)}/notes/{note_id}"

    def opportunity(self, post_id: int | str) -> str:
        return f"{self.origin}/opportunities/{post_id}"

    def resource(self, post_id: int | str) -> str:
        return f"{self.origin}/resources/{post_id}"

    def resource_file(self, post_id: int | str, file_id: int | str) -> str:
        """A file of a resource; a name may follow, which is the browser's."""
        return f"{self.resource(post_id)}/files/{file_id}"

    def shelf(self, shelf_id: int | str) -> str:
        """An ordered collection of resources, and its page."""
        return f"{self.origin}/shelves/{shelf_id}"

    def term(self, scheme: str, name: str) -> str:
        """A term of this server's own vocabulary, and a page with what is about it."""
        return f"{self.origin}/vocabularies/{scheme}/{quote(name)}"

    def resources(self) -> str:
        """The catalogue of this server."""
        return f"{self.origin}/resources"

    def place(self, place_id: int | str) -> str:
        return f"{self.origin}/places/{place_id}"

    def collection(self, collection_id: int | str) -> str:
        """A ``FeaturedCollection`` (FEP-7aa9), and its page."""
        return f"{self.origin}/collections/{collection_id}"

    def collection_item(self, collection_id: int | str, item_id: int | str) -> str:
        """A ``FeaturedItem`` in it."""
        return f"{self.collection(collection_id)}/items/{item_id}"

    def feature_authorization(self, item_id: int | str) -> str:
        """A ``FeatureAuthorization`` (FEP-7aa9)."""
        return f"{self.origin}/feature_authorizations/{item_id}"

    def stamp(self, stamp_id: int | str) -> str:
        """A ``QuoteAuthorization`` (FEP-044f)."""
        return f"{self.origin}/stamps/{stamp_id}"

    # Activities. Those about a post are fragments of it, so nobody can fetch a Create and boost it.

    def activity(self, activity_id: int | str) -> str:
        return f"{self.origin}/activities/{activity_id}"

    def create(self, post_id: int | str) -> str:
        return f"{self.post(post_id)}#create"

    def update(self, post_id: int | str, milliseconds: int) -> str:
        """``milliseconds`` since the epoch tell two edits of one post apart."""
        return f"{self.post(post_id)}#updates/{milliseconds}"

    def delete(self, post_id: int | str) -> str:
        return f"{self.post(post_id)}#delete"

    # Everything else.

    def emoji(self, shortcode: str) -> str:
        return f"{self.origin}/emojis/{shortcode}"

    def tag(self, name: str) -> str:
        return f"{self.origin}/tags/{quote(name, safe='')}"

    def media(self, path: str) -> str:
        return f"{self.origin}/media/{quote(path)}"

    def interact(self) -> str:
        """The template other servers send their visitors to, with ``{uri}`` in it."""
        return f"{self.origin}/authorize_interaction?uri={{uri}}"

    def nodeinfo(self, version: str) -> str:
        return f"{self.origin}/nodeinfo/{version}"

    def webfinger(self) -> str:
        """The template of our WebFinger, with ``{uri}`` in it."""
        return f"{self.origin}/.well-known/webfinger?resource={{uri}}"

    def is_local(self, uri: str) -> bool:
        """Whether the address is of this server's origin, whatever it names."""
        return origin_of(uri) == self._parsed

    def parse(self, uri: str) -> LocalName | None:
        """What of ours this address names, or ``None`` if it is foreign or no address we mint."""
        if not self.is_local(uri):
            return None
        parts = urlsplit(uri)
        if parts.query:
            return None
        path = f"{parts.path}#{parts.fragment}" if parts.fragment else parts.path
        for kind, pattern in _PATTERNS:
            match = pattern.fullmatch(path)
            if match is None:
                continue
            value = unquote(match["value"])
            part = match.groupdict().get("part")
            if part is None:
                return LocalName(kind, value)
            belonging = _BELONGINGS.get(part)
            return None if belonging is None else LocalName(belonging, value)
        return None
