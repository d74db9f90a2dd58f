"""Handles of one domain, served from another: `@name@science.example` at `social.science.example`."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from aiohttp import web

from tests.federation.hosts import listening
from tests.federation.walk import Friends, befriend, hears
from tests.running import RunningServer, free_port

pytestmark = pytest.mark.xdist_group("split-domain")

DOMAIN = "science.example"
ORIGIN = f"http://social.{DOMAIN}"
LRDD = f"""<?xml version="1.0" encoding="UTF-8"?>
<XRD xmlns="http://docs.oasis-open.org/ns/xri/xrd-1.0">
  <Link rel="lrdd" template="{ORIGIN}/.well-known/webfinger?resource={{uri}}"/>
</XRD>"""

StartServer = Callable[..., RunningServer]


class Apex:
    """What runs at the domain itself: sends WebFinger on, or only says in host-meta where it is."""

    redirects = True

    async def answer(self, request: web.Request) -> web.Response:
        if self.redirects and request.path == "/.well-known/webfinger":
            raise web.HTTPFound(f"{ORIGIN}{request.raw_path}")
        if not self.redirects and request.path == "/.well-known/host-meta":
            return web.Response(text=LRDD, content_type="application/xrd+xml")
        return web.Response(status=404)


def test_handles_of_a_domain_served_elsewhere(start_server: StartServer) -> None:
    apex = Apex()
    with listening(apex.answer) as apex_port:
        port = free_port()
        names = f"{DOMAIN}=127.0.0.1:{apex_port},social.{DOMAIN}=127.0.0.1:{port}"
        split = start_server("postgresql", port=port, domain=DOMAIN, origin=ORIGIN, TESTING__HOSTS=names)
        other = start_server("sqlite", TESTING__HOSTS=names)
        for apex.redirects in (True, False):
            friends = befriend(split, other)
            assert friends.here.handle.endswith(f"@{DOMAIN}")
            for pair in (friends, friends.turned()):
                _both_use_the_handle(pair)


def _both_use_the_handle(friends: Friends) -> None:
    sent, came = friends.says(f"Hello {friends.there.handle}")
    assert came["account"]["acct"] == friends.here.handle.removeprefix("@")
    assert sent["mentions"][0]["acct"] == friends.there.handle.removeprefix("@")
    answer = friends.there.post(
        "/api/v1/statuses", {"status": f"{friends.here.handle} hello", "in_reply_to_id": came["id"]}
    )
    notice = hears(friends.here, "mention", friends.there_id, answer["uri"])
    assert notice["account"]["acct"] == friends.there.handle.removeprefix("@")
