"""Other servers' actors: their handle confirmed by WebFinger, their document as the row we keep.

A document is believed by `fedserver.federation.fetch`; what is decided here is what of it we take. Every address
in it must be of the actor's own origin, or an actor could have us deliver to somebody who never asked for it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote, urlsplit

from activitypub import names
from activitypub.discovery import (
    Handle,
    Jrd,
    loops_back,
    parse_handle,
    read_host_meta,
    read_jrd,
    read_nodeinfo,
    read_nodeinfo_index,
)
from activitypub.errors import KeyUnusable, Malformed, ProtocolError
from activitypub.identifiers import host_of, origin_of, same_origin
from activitypub.signatures import PublicKey
from activitypub.vocabulary import Actor, Emoji, Picture
from fedserver.content.html import sanitise_article, sanitise_bio
from fedserver.content.text import clean_line, language_tag
from fedserver.context import Server
from fedserver.errors import BadAnswer, FedError, Unreachable
from fedserver.federation.http import JRD, JSON
from fedserver.federation.policy import check_address, check_outgoing
from storage import accounts, instances
from storage.accounts import RemoteAccount, RemoteKey
from storage.types import now_ms

URI_BYTES_MAX: Final = (
    1_000  # An index row of PostgreSQL holds some 2,700, and the longest real ones have 300.
)
USERNAME_CHARS_MAX: Final = 128
DISPLAY_NAME_CHARS_MAX: Final = 500
FIELDS_MAX: Final = 20
ALIASES_MAX: Final = 50
EMOJIS_MAX: Final = 60
DOMAIN_CHARS_MAX: Final = 253
LANGUAGE_CHARS_MAX: Final = 16
_NEW_HOSTS_PER_SITE: Final = 30
_NEW_HOSTS_SECONDS: Final = 600


def usable_uri(uri: str | None) -> bool:
    """Whether this address can be kept."""
    return uri is not None and origin_of(uri) is not None and len(uri.encode()) <= URI_BYTES_MAX


def instant(moment: datetime | None) -> int | None:
    """Milliseconds since 1970 UTC."""
    return None if moment is None else int(moment.timestamp() * 1000)


def row_of(actor: Actor, handle: Handle) -> RemoteAccount:
    """What we keep of an actor whose handle is confirmed. Raises Malformed when it cannot be kept."""
    if not usable_uri(actor.id) or not same_origin(actor.id, actor.inbox):
        raise Malformed("an actor whose inbox is at another origin, or whose id is too long")
    host = host_of(actor.id)
    assert host is not None

    def own(uri: str | None) -> str:
        return uri if uri is not None and usable_uri(uri) and same_origin(uri, actor.id) else ""

    avatar, header = _picture(actor.icon), _picture(actor.image)
    return RemoteAccount(
        uri=actor.id,
        url=actor.url if actor.url is not None and same_origin(actor.url, actor.id) else actor.id,
        username=handle.username[:USERNAME_CHARS_MAX],
        domain=handle.host,
        host=host,
        actor_type=actor.kind if actor.kind in names.ACTOR_TYPES else "Person",
        inbox_uri=actor.inbox,
        display_name=clean_line(actor.name or "")[:DISPLAY_NAME_CHARS_MAX],
        note_html=_bio(actor.summary_html or ""),
        fields=[
            {"name": clean_line(field.name), "value": _bio(field.value_html), "verified_at": None}
            for field in actor.fields[:FIELDS_MAX]
        ],
        emojis=emoji_rows(actor.emojis),
        avatar_url=avatar[0],
        avatar_alt=avatar[1],
        header_url=header[0],
        header_alt=header[1],
        locked=actor.manually_approves_followers,
        bot=actor.kind in ("Service", "Application"),
        discoverable=bool(actor.discoverable),
        indexable=bool(actor.indexable),
        memorial=actor.memorial,
        also_known_as=[uri for uri in actor.also_known_as[:ALIASES_MAX] if usable_uri(uri)],
        shared_inbox_uri=own(actor.shared_inbox),
        outbox_uri=own(actor.outbox),
        followers_uri=own(actor.followers),
        following_uri=own(actor.following),
        featured_uri=own(actor.featured),
        collections_uri=own(actor.featured_collections),
        show_media=actor.show_media,
        show_media_replies=actor.show_media_replies,
        show_featured=actor.show_featured,
        attribution_domains=[clean_line(one)[:DOMAIN_CHARS_MAX] for one in actor.attribution_domains],
        feature_policy=_feature_policy(actor),
        created_at=min(instant(actor.published) or now_ms(), now_ms()),
        keys=tuple(_keys(actor)),
        group=_group(actor, own(actor.moderators)),
    )


def _group(actor: Actor, moderators_uri: str) -> dict[str, Any] | None:
    """What makes an actor a group (FEP-1b12), as columns of `group_account`."""
    if actor.kind != "Group":
        return None
    try:
        charter = sanitise_article(actor.summary_html or "")
    except FedError:
        charter = ""
    language = language_tag(actor.language or "") or ""
    return {
        "kind": "announce" if actor.posting_restricted_to_mods else "forum",
        "access": "members" if actor.members_only else "public",
        "posting": "moderators" if actor.posting_restricted_to_mods else "anybody",
        "join_mode": "request" if actor.manually_approves_followers else "open",
        "moderators_uri": moderators_uri,
        "charter_html": charter,
        "language": language if len(language) <= LANGUAGE_CHARS_MAX else "",
        "allows_downvotes": actor.downvotes,
    }


def _feature_policy(actor: Actor) -> dict[str, list[str]] | None:
    """Who may put an actor into a collection, in the words of the client API; None where it does not say."""
    if actor.can_feature is None:
        return None

    def words(uris: tuple[str, ...]) -> list[str]:
        found = [
            "public"
            if names.is_public(uri)
            else {actor.followers: "followers", actor.following: "following"}.get(uri, "unsupported_policy")
            for uri in uris
            if uri != actor.id
        ]
        return list(dict.fromkeys(found))

    return {"automatic": words(actor.can_feature.automatic), "manual": words(actor.can_feature.manual)}


def emoji_rows(emojis: tuple[Emoji, ...]) -> list[dict[str, str]]:
    """Custom emoji as rows keep them."""
    return [
        {"shortcode": one.shortcode, "url": one.url, "static_url": one.url}
        for one in emojis[:EMOJIS_MAX]
        if one.shortcode.replace("_", "").isalnum() and len(one.shortcode) <= 64
    ]


def _keys(actor: Actor) -> Iterator[RemoteKey]:
    """The keys that this document lists as its own; what we cannot use is passed over."""
    for pem_key in actor.public_keys:
        if pem_key.owner == actor.id and usable_uri(pem_key.id) and same_origin(pem_key.id, actor.id):
            try:
                yield _key(PublicKey.from_pem(pem_key.pem, key_id=pem_key.id, owner_uri=actor.id))
            except KeyUnusable:
                continue
    for multikey in actor.multikeys:
        if multikey.controller == actor.id and usable_uri(multikey.id) and same_origin(multikey.id, actor.id):
            try:
                yield _key(
                    PublicKey.from_multibase(multikey.multibase, key_id=multikey.id, owner_uri=actor.id)
                )
            except KeyUnusable:
                continue


def _key(key: PublicKey) -> RemoteKey:
    text = key.to_multibase() if key.algorithm == "ed25519" else key.to_pem()
    return RemoteKey(key.key_id, key.algorithm, text)


def _bio(html: str) -> str:
    try:
        return sanitise_bio(html)
    except FedError:
        return ""  # Too long to be a profile.


def _picture(picture: Picture | None) -> tuple[str, str]:
    if picture is None or not usable_uri(picture.url):
        return "", ""
    return picture.url, clean_line(picture.alt or "")[:1500]


# -- handles


async def confirmed_handle(server: Server, actor: Actor) -> Handle:
    """The handle that WebFinger and the actor agree on (WIRE 1); one change of subject is followed.

    Raises BadAnswer when they do not agree, Unreachable when WebFinger does not answer. Where there is none, as
    with some servers' own actors, the actor is known by the host that serves it.
    """
    host = host_of(actor.id)
    origin = origin_of(actor.id)
    if host is None or origin is None:
        raise BadAnswer("The actor has no usable address.", reason="json")
    asked = Handle(actor.preferred_username, host)
    if actor.webfinger is not None:
        with suppress(Malformed):
            asked = parse_handle(actor.webfinger)  # FEP-2c59
    try:
        jrd = await webfinger(server, asked, scheme=origin.scheme)
    except BadAnswer as error:
        lacks_webfinger = error.status == 404 or actor.kind in ("Application", "Service")
        namesake = await server.db.read(accounts.by_handle, asked.username, asked.host)
        if asked.host == host and lacks_webfinger and (namesake is None or namesake.uri == actor.id):
            return asked  # Its own origin says so, and nobody else is called that.
        raise
    if loops_back(jrd, actor.id, asked):
        return asked
    if jrd.self_uri == actor.id and not jrd.subject.is_same(asked):
        second = await webfinger(server, jrd.subject, scheme=origin.scheme)
        if loops_back(second, actor.id, jrd.subject):
            return jrd.subject
    raise BadAnswer("The handle of this account does not lead back to it.", reason="webfinger")


async def webfinger(server: Server, handle: Handle, *, scheme: str | None = None) -> Jrd:
    """Ask the host of a handle for it: a claim, see `confirmed_handle`. Raises Unreachable."""
    if handle.host in (server.config.domain, server.uris.host):
        raise BadAnswer("This name is one of this server's own.", reason="webfinger")
    await check_outgoing(server, handle.host)
    scheme = scheme or ("http" if server.config.testing.allow_http else "https")
    resource = quote(handle.acct, safe=":@")
    try:
        url = f"{scheme}://{handle.host}/.well-known/webfinger?resource={resource}"
        return await _jrd(server, url)
    except BadAnswer as error:
        if error.status != 404:
            raise
    meta = await server.http.get(f"{scheme}://{handle.host}/.well-known/host-meta", accept=names.XRD_XML)
    try:
        template = read_host_meta(meta.body)
    except Malformed as error:
        raise BadAnswer("There is nobody of that name.", reason="status", status=404) from error
    elsewhere = template.replace("{uri}", resource)
    await check_address(server, elsewhere)
    return await _jrd(server, elsewhere)


async def _jrd(server: Server, url: str) -> Jrd:
    answer = await server.http.get_json(url, accept=f"{names.JRD_JSON}, application/json", content_types=JRD)
    try:
        return read_jrd(answer.json)
    except ProtocolError as error:
        raise BadAnswer("The other server's answer about this name cannot be used.", reason="json") from error


# -- servers


async def greet(server: Server, host: str) -> None:
    """A server we have not met: note it, and have it described. Raises Unreachable (Refused) when too many new
    ones appear under one domain at once, which is what endless sub-domains look like (CVE-2022-46405)."""
    if await server.db.read(instances.by_host, host) is not None:
        return
    factor = max(1.0, server.config.rate_limit_factor)
    limit = int(_NEW_HOSTS_PER_SITE * factor)
    if not server.peers.allow(f"new hosts:{_site(host)}", limit=limit, seconds=_NEW_HOSTS_SECONDS):
        raise Unreachable("Too many servers of this domain are new here. Try again later.", reason="policy")
    await server.db.write(instances.see, [host])


def _site(host: str) -> str:
    name = host.partition(":")[0]
    if name.replace(".", "").isdigit():
        return host
    return ".".join(name.split(".")[-2:])


async def describe_instance(server: Server, host: str) -> None:
    """Ask a server what it runs (NodeInfo), for the admins' list. Raises Unreachable."""
    await check_outgoing(server, host)
    scheme = "http" if server.config.testing.allow_http else "https"
    try:
        index = await server.http.get_json(
            f"{scheme}://{host}/.well-known/nodeinfo",
            accept=f"application/json, {names.JRD_JSON}",
            content_types=JRD,  # The document has that shape, and some give it that name.
        )
        address = read_nodeinfo_index(index.json)
        if urlsplit(address).netloc.lower() != host:
            return
        answer = await server.http.get_json(address, accept="application/json", content_types=JSON)
        info = read_nodeinfo(answer.json)
    except ProtocolError:
        return  # It says nothing usable about itself; that is its right.
    await server.db.write(
        instances.describe,
        host,
        software=clean_line(info.software),
        software_version=clean_line(info.version),
    )


def as_json(value: object) -> str:
    """A value as a JSON column keeps it."""
    return json.dumps(value, ensure_ascii=False)
