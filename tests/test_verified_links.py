"""A link in a profile is marked as checked when the page it leads to names the profile as its author's."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from fedserver import accounts as profiles
from fedserver.context import Server
from fedserver.verified_links import check, names
from storage import accounts

PROFILE = "https://here.example/@alice"


@pytest.mark.parametrize(
    ("html", "leads_back"),
    [
        (f'<a rel="nofollow me" href="{PROFILE}">me</a>', True),
        (f'<link rel="me" href="{PROFILE}">', True),
        (f'<a href="{PROFILE}">not said to be me</a>', False),
        (f'<a rel="me" href="{PROFILE}2">somebody else</a>', False),
        (f'<!-- <a rel="me" href="{PROFILE}">x</a> -->', False),
        (f'<a rel="me" href="http://[">x</a>{"<div>" * 200_000}<a rel="me" href="{PROFILE}">', False),
    ],
)
def test_only_a_rel_me_link_to_the_profile_counts(html: str, leads_back: bool) -> None:
    assert names(html, "https://home.example/", PROFILE) is leads_back


async def test_the_field_that_leads_back_is_marked_and_no_other(server: Server, alice: Any) -> None:
    row = await server.db.read(accounts.by_id, alice.member.account_id)
    pages = {"/mine": f'<a rel="me" href="{row.url}">me</a>', "/other": "<p>Nothing</p>"}

    async def page(request: web.Request) -> web.Response:
        return web.Response(text=pages[request.path], content_type="text/html")

    app = web.Application()
    app.router.add_get("/{path}", page)
    async with TestServer(app, host="127.0.0.1") as home:
        fields = [
            ("Home", str(home.make_url("/mine"))),
            ("Other", str(home.make_url("/other"))),
            ("Text", "she"),
        ]
        await profiles.change_profile(server, alice.member, profiles.ProfileChange(fields=fields))
        await check(server, {"account_id": alice.member.account_id})
    changed = await server.db.read(accounts.by_id, alice.member.account_id)
    assert [bool(one["verified_at"]) for one in json.loads(changed.fields)] == [True, False, False]
