"""Finding each other: handles, WebFinger (RFC 7033), host-meta (RFC 6415) and NodeInfo."""

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from activitypub.errors import Malformed
from activitypub.identifiers import ActorUris, Uris, normal_host, origin_of
from activitypub.names import ACTIVITY_JSON, AS2, is_activitypub_media_type
from activitypub.values import number, objects_of, one_or_many, string

_USERNAME = re.compile(r"[^\s@/?#:<>\"'\\\x00-\x20\x7f]{1,128}")
_PROFILE_PAGE: Final = "http://webfinger.net/rel/profile-page"
_SUBSCRIBE: Final = "http://ostatus.org/schema/1.0/subscribe"
_NODEINFO: Final = "http://nodeinfo.diaspora.software/ns/schema/"
_APPLICATION: Final = f"{AS2}#Application"


class Handle(NamedTuple):
    """``username`` in the spelling given, ``host`` in lower-case ASCII, with a port if it has one."""

    username: str
    host: str

    def __str__(self) -> str:
        return f"{self.username}@{self.host}"

    @property
    def acct(self) -> str:
        return f"acct:{self}"

    def is_same(self, other: "Handle") -> bool:
        """Whether both name one account: user names differ by more than case nowhere."""
        return self.host == other.host and self.username.lower() == other.username.lower()


def parse_handle(text: str) -> Handle:
    """``alice@a.example``, ``@alice@a.example`` or ``acct:alice@a.example``, in any case.

    Raises ``Malformed`` for anything else, an address and a handle without host included.
    """
    stripped = text.strip()
    if stripped[:5].lower() == "acct:":
        stripped = stripped[5:]
    username, at, authority = stripped.removeprefix("@").rpartition("@")
    # Some encode the @ of a handle inside an acct URI (RFC 7565 §7).
    if not at and "%40" in stripped:
        username, at, authority = stripped.removeprefix("@").rpartition("%40")
    host = _authority(authority)
    if not at or host is None or not _USERNAME.fullmatch(username):
        raise Malformed(f"{text[:200]!r} is not a handle like @user@host")
    return Handle(username, host)


def _authority(text: str) -> str | None:
    name, colon, port = text.partition(":")
    host = normal_host(name) if name else None
    if host is None:
        return None
    if not colon:
        return host
    if not (port.isascii() and port.isdigit() and 0 < int(port[:6]) < 65536):
        return None
    return host if int(port) == 443 else f"{host}:{int(port)}"


def parse_resource(resource: str) -> Handle | str:
    """What a WebFinger query asks for: a handle, or the address of an actor or a profile page.

    Raises ``Malformed`` for anything else.
    """
    if origin_of(resource) is not None:
        return resource
    return parse_handle(resource)


# --- WebFinger --------------------------------------------------------------------------------


class Jrd(NamedTuple):
    """What a WebFinger answer says about an account."""

    subject: Handle
    self_uri: str
    profile_page: str | None = None
    subscribe_template: str | None = None
    aliases: tuple[str, ...] = ()


def build_jrd(handle: Handle, uris: ActorUris, *, subscribe_template: str | None = None) -> dict[str, Any]:
    """Our answer about one of our actors."""
    links: list[dict[str, str]] = [
        {"rel": "self", "type": ACTIVITY_JSON, "href": uris.id},
        {"rel": _PROFILE_PAGE, "type": "text/html", "href": uris.page},
    ]
    if subscribe_template is not None:
        links.append({"rel": _SUBSCRIBE, "template": subscribe_template})
    aliases = list(dict.fromkeys((uris.page, uris.id)))
    return {"subject": handle.acct, "aliases": aliases, "links": links}


def read_jrd(document: dict[str, Any]) -> Jrd:
    """A WebFinger answer. Raises ``Malformed`` without subject or ActivityPub ``self`` link.

    It is a claim and no more: see ``loops_back``.
    """
    subject = string(document.get("subject"))
    if subject is None:
        raise Malformed("a WebFinger answer without subject")
    self_uri = profile_page = subscribe_template = None
    for link in objects_of(document, "links"):
        rel, href = string(link.get("rel")), string(link.get("href"))
        kind = string(link.get("type"))
        usable = href is not None and origin_of(href) is not None
        if rel == "self" and usable and kind is not None and is_activitypub_media_type(kind):
            self_uri = self_uri or href
        elif rel == _PROFILE_PAGE and usable:
            profile_page = profile_page or href
        elif rel == _SUBSCRIBE:
            subscribe_template = subscribe_template or string(link.get("template"))
    if self_uri is None:
        raise Malformed("a WebFinger answer without a link to an ActivityPub actor")
    aliases = tuple(alias for alias in one_or_many(document.get("aliases")) if isinstance(alias, str))
    return Jrd(parse_handle(subject), self_uri, profile_page, subscribe_template, aliases)


def loops_back(jrd: Jrd, actor_uri: str, asked: Handle) -> bool:
    """Whether an answer confirms that ``asked`` is the handle of ``actor_uri``.

    The ``self`` link must equal the actor's id byte for byte and the subject the handle that was asked
    for. When only the subject differs, the caller asks once more for the subject, at its own host.
    """
    return jrd.self_uri == actor_uri and jrd.subject.is_same(asked)


# --- host-meta --------------------------------------------------------------------------------

HOST_META_BYTES_MAX: Final = 1 << 16

# Every repetition is bounded or cannot be tried twice, so hostile input costs no more than its length.
# A comment that is never closed hides the rest, as it does from an XML parser.
_COMMENT = re.compile(r"<!--(?:.*?-->|.*)", re.DOTALL)
_LINK = re.compile(r"<(?:[A-Za-z_][\w.-]{0,63}:)?Link\b([^<>]{0,2048})>")
_ATTRIBUTE = re.compile(r"([A-Za-z_][\w.-]{0,63})\s{0,16}=\s{0,16}(?:\"([^\"<]*)\"|'([^'<]*)')")


def build_host_meta(uris: Uris) -> str:
    """The XRD document with our one ``lrdd`` template (RFC 6415 §3.1)."""
    template = html.escape(uris.webfinger())
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<XRD xmlns="http://docs.oasis-open.org/ns/xri/xrd-1.0">\n'
        f'  <Link rel="lrdd" template="{template}"/>\n'
        "</XRD>\n"
    )


def read_host_meta(body: bytes) -> str:
    """The ``lrdd`` template of an XRD document, the one for JSON if there are several.

    Links are matched by pattern and nothing is ever expanded, so there is no XML parser to attack; a
    document type is refused all the same. Raises ``Malformed`` if there is no usable template, and for
    more than ``HOST_META_BYTES_MAX`` bytes.
    """
    if len(body) > HOST_META_BYTES_MAX:
        raise Malformed(f"host-meta has {len(body)} bytes, at most {HOST_META_BYTES_MAX} are read")
    try:
        text = _COMMENT.sub("", body.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise Malformed("host-meta is not UTF-8") from error
    if "<!DOCTYPE" in text.upper() or "<!ENTITY" in text.upper():
        raise Malformed("host-meta with a document type")
    found = None
    for link in _LINK.finditer(text):
        attributes = {
            match[1]: html.unescape(match[2] if match[2] is not None else match[3])
            for match in _ATTRIBUTE.finditer(link[1])
        }
        template = attributes.get("template", "")
        if attributes.get("rel") != "lrdd" or not _usable_template(template):
            continue
        if "json" in attributes.get("type", ""):
            return template
        found = found or template
    if found is None:
        raise Malformed("host-meta without an lrdd template")
    return found


def _usable_template(template: str) -> bool:
    return "{uri}" in template and origin_of(template.replace("{uri}", "")) is not None


# --- NodeInfo ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeInfo:
    """What NodeInfo tells about a server. ``software`` is ``[a-z0-9-]+``."""

    software: str
    version: str
    open_registrations: bool = False
    users: int | None = None
    active_month: int | None = None
    active_half_year: int | None = None
    local_posts: int | None = None
    local_comments: int | None = None
    name: str | None = None
    description: str | None = None
    repository: str | None = None
    homepage: str | None = None


def build_nodeinfo_index(uris: Uris) -> dict[str, Any]:
    """``/.well-known/nodeinfo``: both versions, and the instance actor (FEP-2677)."""
    return {
        "links": [
            {"rel": f"{_NODEINFO}2.1", "href": uris.nodeinfo("2.1")},
            {"rel": f"{_NODEINFO}2.0", "href": uris.nodeinfo("2.0")},
            {"rel": _APPLICATION, "href": uris.instance_actor()},
        ]
    }


def build_nodeinfo(
    info: NodeInfo, *, version: str, metadata: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """NodeInfo 2.0 or 2.1; raises ``ValueError`` for another version. Unknown counts are left out."""
    if version not in ("2.0", "2.1"):
        raise ValueError(f"NodeInfo {version} is not served")
    software = {"name": info.software, "version": info.version}
    if version == "2.1":
        # The schema of 2.0 allows no further members here.
        extra = {"repository": info.repository, "homepage": info.homepage}
        software |= {name: value for name, value in extra.items() if value is not None}
    users = {"total": info.users, "activeHalfyear": info.active_half_year, "activeMonth": info.active_month}
    usage: dict[str, Any] = {"users": {name: count for name, count in users.items() if count is not None}}
    counts = {"localPosts": info.local_posts, "localComments": info.local_comments}
    usage |= {name: count for name, count in counts.items() if count is not None}
    described = {"nodeName": info.name, "nodeDescription": info.description}
    return {
        "version": version,
        "software": software,
        "protocols": ["activitypub"],
        "services": {"inbound": [], "outbound": []},
        "openRegistrations": info.open_registrations,
        "usage": usage,
        "metadata": {
            **{name: text for name, text in described.items() if text is not None},
            **(metadata or {}),
        },
    }


def read_nodeinfo_index(document: dict[str, Any]) -> str:
    """The address of the newest NodeInfo 2.x document; raises ``Malformed`` if there is none."""
    versions: dict[str, str] = {}
    for link in objects_of(document, "links"):
        rel, href = string(link.get("rel")), string(link.get("href"))
        if (
            rel is not None
            and rel.startswith(f"{_NODEINFO}2.")
            and href is not None
            and origin_of(href) is not None
        ):
            versions[rel] = href
    if not versions:
        raise Malformed("no NodeInfo 2.x is offered")
    return versions[max(versions)]


def read_nodeinfo(document: dict[str, Any]) -> NodeInfo:
    """A NodeInfo document; raises ``Malformed`` without the name of the software."""
    software = next(objects_of(document, "software"), {})
    name = string(software.get("name"))
    if name is None:
        raise Malformed("NodeInfo without software.name")
    usage = next(objects_of(document, "usage"), {})
    users = next(objects_of(usage, "users"), {})
    metadata = next(objects_of(document, "metadata"), {})
    return NodeInfo(
        software=name.lower(),
        version=string(software.get("version")) or "",
        open_registrations=document.get("openRegistrations") is True,
        users=number(users.get("total")),
        active_month=number(users.get("activeMonth")),
        active_half_year=number(users.get("activeHalfyear")),
        local_posts=number(usage.get("localPosts")),
        local_comments=number(usage.get("localComments")),
        name=string(metadata.get("nodeName")),
        description=string(metadata.get("nodeDescription")),
        repository=string(software.get("repository")),
        homepage=string(software.get("homepage")),
    )


def instance_actor_of(document: dict[str, Any]) -> str | None:
    """The instance actor that a NodeInfo index names (FEP-2677), or ``None``."""
    for link in objects_of(document, "links"):
        href = string(link.get("href"))
        if link.get("rel") == _APPLICATION and href is not None and origin_of(href) is not None:
            return href
    return None
