"""What the server says about itself in the client API: the instance documents, rules, peers, emoji."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, Final

import msgspec
from aiohttp import web

from fedserver import (
    about,
    accounts,
    feeds,
    interactions,
    people,
    policies,
    posts,
    site,
    tags,
    upload_limits,
    uploads,
)
from fedserver.content.links import URL_CHARACTERS
from fedserver.context import Server
from fedserver.errors import NotFound
from fedserver.groups import catalogue, moderation
from fedserver.groups.rules import KINDS
from fedserver.media.images import PIXELS_MAX
from fedserver.site import Site
from web import keys, replies
from web.api.entities import CustomEmoji
from web.api.render import instant, renderer

MASTODON_VERSION: Final = "4.6.0"
API_VERSIONS: Final = {"mastodon": 10, "fedserver": 2}
"""What clients may rely on: every promise of Mastodon's API up to this number, and the version of our own.

Of ours, 2 has groups."""

THUMBNAIL: Final = "thumbnail.png"
ICONS: Final = (("icon-192.png", "192x192"), ("icon-512.png", "512x512"))
ICON_SIDE: Final = 400  # of the square of a logo
ALT_OF_PICTURES_MAX: Final = 150


async def instance_v2(request: web.Request) -> web.Response:
    """``GET /api/v2/instance``"""
    server = keys.server(request)
    now = await site.describe(server)
    document = {
        "domain": now.domain,
        "title": now.settings.title,
        "version": _version(),
        "source_url": f"{now.origin}/about",
        "description": now.settings.description,
        "wrapstodon": None,
        "usage": {"users": {"active_month": now.figures.active_month}},
        "thumbnail": {"url": f"{now.origin}/static/{THUMBNAIL}", "description": ""},
        "icon": _icons(now),
        "languages": [now.settings.language],
        "configuration": _configuration(server, now),
        "registrations": {
            "enabled": now.registrations_open,
            "approval_required": now.approval_required,
            "reason_required": now.approval_required,
            "message": now.settings.registrations_message or None,
            "min_age": None,
            "url": None,
        },
        "api_versions": API_VERSIONS,
        "rules": _rules(now),
    }
    contact = b',"contact":{"email":%b,"account":%b}' % (
        msgspec.json.encode(now.settings.contact_email),
        await _contact(request, now),
    )
    return replies.conditional(request, replies.json(msgspec.json.encode(document)[:-1] + contact + b"}"))


async def instance_v1(request: web.Request) -> web.Response:
    """``GET /api/v1/instance``"""
    server = keys.server(request)
    now = await site.describe(server)
    configuration = _configuration(server, now)
    document = {
        "uri": now.domain,
        "title": now.settings.title,
        "short_description": now.settings.description,
        "description": now.settings.description,
        "email": now.settings.contact_email,
        "version": _version(),
        "urls": {"streaming_api": _streaming(now)},
        "stats": {
            "user_count": now.figures.members,
            "status_count": now.figures.posts,
            "domain_count": now.figures.known_domains,
        },
        "thumbnail": f"{now.origin}/static/{THUMBNAIL}",
        "languages": [now.settings.language],
        "registrations": now.registrations_open,
        "approval_required": now.approval_required,
        "invites_enabled": now.settings.registrations == "invite",
        "configuration": {
            name: configuration[name] for name in ("accounts", "statuses", "media_attachments", "polls")
        },
        "rules": _rules(now),
        "max_toot_chars": posts.CHARACTERS_MAX,
        "poll_limits": {
            "max_options": posts.POLL_OPTIONS_MAX,
            "max_option_chars": posts.POLL_OPTION_CHARACTERS_MAX,
            "min_expiration": posts.POLL_S_MIN,
            "max_expiration": posts.POLL_S_MAX,
        },
    }
    contact = b',"contact_account":' + await _contact(request, now)
    return replies.conditional(request, replies.json(msgspec.json.encode(document)[:-1] + contact + b"}"))


def _icons(now: Site) -> list[dict[str, str]]:
    if now.settings.logo.icon_url:
        return [{"src": now.settings.logo.icon_url, "size": f"{ICON_SIDE}x{ICON_SIDE}"}]
    return [{"src": f"{now.origin}/static/{name}", "size": size} for name, size in ICONS]


def _version() -> str:
    # Clients read the number in front to know what they may ask for.
    return f"{MASTODON_VERSION} (compatible; fedserver {version('fedserver')})"


def _streaming(now: Site) -> str:
    return "ws" + now.origin.removeprefix("http")


def _configuration(server: Server, now: Site) -> dict[str, Any]:
    topics = feeds.access(now.settings, "topic")._asdict()
    limits = upload_limits.in_force(server.config, now.settings)
    return {
        "urls": {
            "streaming": _streaming(now),
            "status": None,
            "about": f"{now.origin}/about",
            "privacy_policy": f"{now.origin}/privacy",
            "terms_of_service": f"{now.origin}/terms" if now.has_terms else None,
        },
        "vapid": {"public_key": server.keys.vapid_public_key()},
        "accounts": {
            "max_display_name_length": accounts.NAME_CHARACTERS_MAX,
            "max_note_length": accounts.NOTE_CHARACTERS_MAX,
            "max_avatar_description_length": ALT_OF_PICTURES_MAX,
            "max_header_description_length": ALT_OF_PICTURES_MAX,
            "max_featured_tags": tags.FEATURED_MAX,
            "max_pinned_statuses": interactions.PINS_MAX,
            "max_profile_fields": accounts.FIELDS_MAX,
            "profile_field_name_limit": accounts.FIELD_CHARACTERS_MAX,
            "profile_field_value_limit": accounts.FIELD_CHARACTERS_MAX,
        },
        "statuses": {
            "max_characters": posts.CHARACTERS_MAX,
            "max_media_attachments": posts.MEDIA_MAX,
            "characters_reserved_per_url": URL_CHARACTERS,
            "supported_mime_types": list(posts.TEXT_TYPES),
        },
        "groups": {
            "max_title_characters": catalogue.TITLE_CHARS_MAX,
            "max_charter_characters": catalogue.CHARTER_CHARS_MAX,
            "max_rules": catalogue.RULES_MAX,
            "max_topics": catalogue.TOPICS_MAX,
            "max_pinned_threads": moderation.PINS_MAX,
            "max_thread_title_characters": posts.TITLE_CHARACTERS_MAX,
            "kinds": list(KINDS),
        },
        "media_attachments": {
            "supported_mime_types": list(uploads.accepted_types(server)),
            "description_limit": uploads.ALT_CHARACTERS_MAX,
            "image_size_limit": limits.picture,
            "image_matrix_limit": PIXELS_MAX,
            "video_size_limit": limits.video if server.clips.available else 0,
            "video_frame_rate_limit": server.config.video_frame_rate_max if server.clips.available else 0,
            "video_matrix_limit": server.config.video_pixels_max if server.clips.available else 0,
            "audio_size_limit": limits.audio if server.clips.available else 0,
            "document_size_limit": limits.document,
        },
        "polls": {
            "max_options": posts.POLL_OPTIONS_MAX,
            "max_characters_per_option": posts.POLL_OPTION_CHARACTERS_MAX,
            "min_expiration": posts.POLL_S_MIN,
            "max_expiration": posts.POLL_S_MAX,
        },
        "translation": {"enabled": server.translator is not None},
        "timelines_access": {
            "live_feeds": feeds.access(now.settings, "live")._asdict(),
            "hashtag_feeds": topics,
            "trending_link_feeds": topics,
        },
        "limited_federation": now.settings.federation_mode == "allowlist",
    }


async def _contact(request: web.Request, now: Site) -> bytes:
    if now.contact_account_id is None:
        return b"null"
    try:
        found = await people.one(keys.server(request), None, now.contact_account_id)
    except NotFound:
        return b"null"
    return renderer(request).account(found.row)


def _rules(now: Site) -> list[dict[str, Any]]:
    return [
        {"id": rule.id, "text": rule.text, "hint": rule.hint, "translations": rule.translations}
        for rule in now.settings.rules
    ]


async def rules(request: web.Request) -> web.Response:
    """``GET /api/v1/instance/rules``"""
    return replies.json(_rules(await site.describe(keys.server(request))))


async def peers(request: web.Request) -> web.Response:
    """``GET /api/v1/instance/peers``"""
    return replies.json(await about.peers(keys.server(request)))


async def activity(request: web.Request) -> web.Response:
    """``GET /api/v1/instance/activity``: counts by week, as texts."""
    return replies.json(
        [
            {
                "week": str(week.began_at // 1000),
                "statuses": str(week.posts),
                "logins": str(week.active),
                "registrations": str(week.joined),
            }
            for week in await about.weeks(keys.server(request))
        ]
    )


async def domain_blocks(request: web.Request) -> web.Response:
    """``GET /api/v1/instance/domain_blocks``"""
    return replies.json(
        [
            {
                "domain": one.domain,
                "digest": one.digest,
                "severity": "suspend" if one.policy == "reject" else "silence",
                "comment": one.comment,
            }
            for one in await about.kept_out(keys.server(request))
        ]
    )


async def extended_description(request: web.Request) -> web.Response:
    """``GET /api/v1/instance/extended_description``"""
    html, changed_at = await about.text(keys.server(request), "extended_description")
    return replies.json({"updated_at": instant(changed_at), "content": html})


async def privacy_policy(request: web.Request) -> web.Response:
    """``GET /api/v1/instance/privacy_policy``"""
    found = await policies.current(keys.server(request), "privacy")
    if found is None:
        _, begun_at = await about.text(keys.server(request), "extended_description")
        return replies.json({"updated_at": instant(begun_at), "content": ""})
    return replies.json({"updated_at": instant(found.published_at), "content": found.html})


async def terms_of_service(request: web.Request) -> web.Response:
    """``GET /api/v1/instance/terms_of_service``: what holds, or the version of a day. NotFound when there is none."""
    server, day = keys.server(request), request.match_info.get("date", "")
    found = await (policies.of_day(server, "terms", day) if day else policies.current(server, "terms"))
    if found is None:
        raise NotFound("Record not found")
    return replies.json(
        {
            "effective_date": found.day,
            "effective": found.day <= f"{datetime.now(UTC):%Y-%m-%d}",
            "content": found.html,
            "succeeded_by": found.succeeded_by,
        }
    )


async def languages(request: web.Request) -> web.Response:
    """``GET /api/v1/instance/languages``"""
    now = await site.describe(keys.server(request))
    return replies.json([{"code": now.settings.language, "name": now.settings.language}])


async def custom_emojis(request: web.Request) -> web.Response:
    """``GET /api/v1/custom_emojis``"""
    rows = await about.custom_emojis(keys.server(request))
    return replies.json(
        [CustomEmoji(row.shortcode, row.url, row.static_url, True, row.category or None) for row in rows]
    )


routes: Final[list[web.RouteDef]] = [
    web.get("/api/v2/instance", instance_v2),
    web.get("/api/v1/instance", instance_v1),
    web.get("/api/v1/instance/rules", rules),
    web.get("/api/v1/instance/peers", peers),
    web.get("/api/v1/instance/activity", activity),
    web.get("/api/v1/instance/domain_blocks", domain_blocks),
    web.get("/api/v1/instance/extended_description", extended_description),
    web.get("/api/v1/instance/privacy_policy", privacy_policy),
    web.get("/api/v1/instance/terms_of_service", terms_of_service),
    web.get("/api/v1/instance/terms_of_service/{date}", terms_of_service),
    web.get("/api/v1/instance/languages", languages),
    web.get("/api/v1/custom_emojis", custom_emojis),
]
