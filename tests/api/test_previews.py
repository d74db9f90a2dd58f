"""What a linked page says is shown with the post; who links to a page; and our posts on other sites."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from fedserver.content.description import describe
from fedserver.content.page import decode
from fedserver.context import Server
from fedserver.jobs.engine import open_engine
from fedserver.jobs.handlers import Kind
from fedserver.oembed import read_embed
from fedserver.previews import fetch_preview
from storage import previews
from tests.client import ApiError
from tests.members import Person
from tests.waiting import until

PAGE = """<!doctype html><html lang="de"><head><meta charset="utf-8"><title>Plain &amp; simple</title>
<meta property="og:title" content="Lesson <i>plans</i>"><meta name="description" content="How to begin.">
<meta property="og:image" content="/cover.png"><meta property="og:image:alt" content="A board">
<meta name="fediverse:creator" content="@alice@{domain}"><link rel="canonical" href="/lesson">
<link rel="alternate" type="application/json+oembed" href="/oembed">
<script type="application/ld+json">{{"@graph": [{{"@type": "Article", "author": {{"name": "Ada"}}, "datePublished": "2026-01-02T03:04:05Z"}}]}}</script>
</head><body><a href="/">x</a></body></html>"""
VIDEO = {
    "type": "video",
    "width": 640,
    "height": 360,
    "html": '<iframe src="https://v.example/1?a=1&amp;b=2"></iframe>',
}


@pytest.fixture
async def site(server: Server) -> AsyncIterator[Any]:
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        if request.path == "/oembed":
            return web.json_response(VIDEO)
        if request.path == "/gone":
            raise web.HTTPNotFound
        return web.Response(text=PAGE.format(domain=server.config.domain), content_type="text/html")

    app = web.Application()
    app.router.add_get("/{path}", answer)
    async with TestServer(app, host="127.0.0.1") as made:
        made.asked = asked
        yield made


async def look(server: Server, url: Any) -> None:
    """Do what is planned, until the page at `url` has been asked and the queue is done with it."""
    engine = open_engine(server, {"preview": Kind("preview", fetch_preview, 60, 2)})
    await engine.start()
    try:
        await until(lambda: server.db.read(previews.known, str(url)), f"that {url} is asked")
    finally:
        await engine.stop()


async def test_a_page_is_asked_once_and_shown_with_every_post(
    server: Server, alice: Person, bob: Person, site: Any
) -> None:
    await alice.patch("/api/v1/profile", {"attribution_domains[]": "127.0.0.1"})
    url = str(site.make_url("/lesson?utm=1"))
    first = await alice.post("/api/v1/statuses", {"status": f"Read {url} #teaching"})
    assert first["card"] is None
    await look(server, url)
    second = await bob.post("/api/v1/statuses", {"status": f"So do I: {url}"})
    card = (await bob.get(f"/api/v1/statuses/{first['id']}"))["card"]
    assert site.asked == ["/lesson", "/oembed"]
    assert second["card"] == card == await bob.get(f"/api/v1/statuses/{first['id']}/card")
    assert (card["title"], card["description"]) == ("Lesson <i>plans</i>", "How to begin.")
    assert (card["type"], card["language"], card["image_description"]) == ("video", "de", "A board")
    assert card["url"] == str(site.make_url("/lesson"))
    assert card["published_at"] == "2026-01-02T03:04:05.000Z"
    assert card["image"].startswith(server.config.origin)
    assert 'src="https://v.example/1?a=1&amp;b=2"' in card["html"]
    assert "sandbox" in card["html"]
    (author,) = card["authors"]
    assert (author["name"], author["account"]["acct"]) == ("Ada", "alice")
    linking = await bob.get(f"/api/v1/timelines/link?url={card['url']}")
    assert [one["id"] for one in linking] == [second["id"], first["id"]]


async def test_an_edit_changes_what_is_shown(server: Server, alice: Person, site: Any) -> None:
    status = await alice.post("/api/v1/statuses", {"status": f"{site.make_url('/lesson')}"})
    await look(server, site.make_url("/lesson"))
    at = f"/api/v1/statuses/{status['id']}"
    assert (await alice.put(at, {"status": "Nothing to see"}))["card"] is None
    await alice.put(at, {"status": f"{site.make_url('/gone')}"})
    await look(server, site.make_url("/gone"))
    assert (await alice.get(at))["card"] is None
    assert (await alice.put(at, {"status": f"{site.make_url('/lesson')}"}))["card"]["provider_name"] == ""


async def test_a_creator_who_does_not_name_the_site_is_not_believed(
    server: Server, alice: Person, site: Any
) -> None:
    status = await alice.post("/api/v1/statuses", {"status": f"{site.make_url('/lesson')}"})
    await look(server, site.make_url("/lesson"))
    card = (await alice.get(f"/api/v1/statuses/{status['id']}"))["card"]
    assert [one["account"] for one in card["authors"]] == [None]


@pytest.mark.parametrize(
    ("html", "field", "value"),
    [
        ("<title> a\n b </title>", "title", "a b"),
        ('<link rel="canonical" href="https://other.example/x">', "url", "https://a.example/page"),
        ('<link rel="canonical" href="/">', "url", "https://a.example/page"),
        ('<meta property="og:image" content="javascript:alert(1)">', "image_url", ""),
        ('<meta name="twitter:player" content="http://a.example/p">', "player_url", ""),
        ('<meta property="og:image:width" content="9e9">', "width", 0),
        ('<script type="application/ld+json">' + "[" * 100_000 + "</script>", "author_name", ""),
        ("<div>" * 200_000 + "<title>late</title>", "title", ""),
        (
            '<meta property="article:published_time" content="0001-01-01T00:00:00+14:00">',
            "published_at",
            None,
        ),
    ],
)
def test_odd_pages_are_read_with_care(html: str, field: str, value: Any) -> None:
    assert getattr(describe(html, "https://a.example/page"), field) == value


@pytest.mark.parametrize("codec", ["punycode", "idna", "undefined", "unicode_escape", "rot13", "no such"])
def test_codecs_that_no_page_is_written_in_are_not_used(codec: str) -> None:
    assert decode(b"Gr\\x41\xc3\xbc-kva", f"text/html; charset={codec}") == "Gr\\x41ü-kva"


@pytest.mark.parametrize(
    "value",
    [
        {"type": "video", "html": "<script>alert(1)</script>"},
        {"type": "video", "html": '<iframe src="http://plain.example">'},
        {"type": "video", "html": '<iframe src="javascript:alert(1)">'},
        {"type": "video", "html": "<iframe " * 2_000 + ' src="https://late.example/">'},
        {"type": "photo", "url": 5},
    ],
)
def test_players_that_cannot_be_shown_are_links(value: Any) -> None:
    embed = read_embed(value, "https://a.example/oembed")
    assert embed is not None
    assert (embed.type, embed.player_url) == ("link", "")


async def test_other_sites_can_embed_a_public_post(server: Server, alice: Person, app_client: Any) -> None:
    status = await alice.post("/api/v1/statuses", {"status": "Hello <world>"})
    offer = await alice.get(f"/api/oembed?url={status['url']}&maxwidth=400")
    assert (offer["type"], offer["width"], offer["author_url"]) == ("rich", 400, status["account"]["url"])
    path = status["url"].removeprefix(server.config.origin)
    assert f'src="{status["url"]}/embed"' in offer["html"]
    page = await app_client.get(f"{path}/embed")
    assert "frame-ancestors *" in page.headers["Content-Security-Policy"]
    assert "Hello &lt;world&gt;" in await page.text()
    private = await alice.post("/api/v1/statuses", {"status": "Ours", "visibility": "private"})
    with pytest.raises(ApiError) as refused:
        await alice.get(f"/api/oembed?url={private['url']}")
    assert refused.value.status == 404
    assert (await app_client.get(private["url"].removeprefix(server.config.origin) + "/embed")).status == 404
