"""``/.well-known/`` and NodeInfo: how other servers and client apps find out what is here."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from aiohttp import hdrs, web

from activitypub.names import JRD_JSON, XRD_XML
from fedserver import settings
from fedserver.errors import NotFound
from fedserver.federation import discovery
from fedserver.federation.authenticate import check_asker
from web import forms, keys, replies
from web.federation.inbox import facts_of

CACHED: Final = "public, max-age=600"
SECURITY_TXT_DAYS: Final = 180


async def webfinger(request: web.Request) -> web.Response:
    """RFC 7033. 400 without a usable ``resource``, 404 for whom we do not know, 410 for who was deleted; 403 for a server that
    we refuse, as far as it says who it is."""
    resource = forms.query(request).text("resource")
    await check_asker(keys.server(request), facts_of(request))
    document = await discovery.webfinger(keys.server(request), resource)
    return replies.json(
        document, headers={hdrs.CONTENT_TYPE: f"{JRD_JSON}; charset=utf-8", hdrs.CACHE_CONTROL: CACHED}
    )


async def host_meta(request: web.Request) -> web.Response:
    """RFC 6415: where our WebFinger is."""
    text = discovery.host_meta(keys.server(request))
    return web.Response(
        body=text.encode(),
        headers={hdrs.CONTENT_TYPE: f"{XRD_XML}; charset=utf-8", hdrs.CACHE_CONTROL: CACHED},
    )


async def nodeinfo_index(request: web.Request) -> web.Response:
    """Which NodeInfo documents there are."""
    return replies.json(discovery.nodeinfo_index(keys.server(request)), headers={hdrs.CACHE_CONTROL: CACHED})


async def nodeinfo(request: web.Request) -> web.Response:
    """NodeInfo 2.0 or 2.1, with the profile that its schema asks for."""
    schema = request.match_info["version"]
    document = await discovery.nodeinfo(keys.server(request), schema)
    profile = f"http://nodeinfo.diaspora.software/ns/schema/{schema}#"
    return replies.json(
        document,
        headers={
            hdrs.CONTENT_TYPE: f'application/json; profile="{profile}"; charset=utf-8',
            hdrs.CACHE_CONTROL: CACHED,
        },
    )


async def security_txt(request: web.Request) -> web.Response:
    """Where to report a weakness (RFC 9116); 404 until the server has a contact address."""
    server = keys.server(request)
    contact = (await settings.current(server)).contact_email
    if not contact:
        raise NotFound
    expires = (datetime.now(UTC) + timedelta(days=SECURITY_TXT_DAYS)).strftime("%Y-%m-%dT00:00:00Z")
    canonical = f"{server.config.origin}/.well-known/security.txt"
    return web.Response(text=f"Contact: mailto:{contact}\nExpires: {expires}\nCanonical: {canonical}\n")


async def change_password(_: web.Request) -> web.Response:
    """Where password managers send a member whose password should be changed."""
    raise web.HTTPFound("/settings/security")


routes = [
    web.get("/.well-known/webfinger", webfinger),
    web.get("/.well-known/host-meta", host_meta),
    web.get("/.well-known/nodeinfo", nodeinfo_index),
    web.get("/.well-known/security.txt", security_txt),
    web.get("/.well-known/change-password", change_password),
    web.get("/nodeinfo/{version}", nodeinfo),
]
