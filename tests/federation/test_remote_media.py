"""Other servers' pictures, shown through our copy of them (SECURITY SSRF-14, MED-05, MED-06, MED-11)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp import web
from sqlalchemy import Connection, update

from fedserver import remote_media
from fedserver.context import Server
from fedserver.errors import RateLimited
from fedserver.federation import fetch
from fedserver.media.downloads import WAITING_FOR_HOST_MAX, Downloads
from fedserver.media.remote_urls import digest
from storage import instances, remote_files, tables
from storage.types import now_ms
from tests.api.uploads import picture
from tests.federation.stub import Door, Stub, StubActor
from tests.members import Person
from tests.waiting import until


def serve(stub: Stub, path: str, body: bytes, kind: str = "image/png", **headers: str) -> str:
    """The address of a file that the other server has."""
    stub.documents[path] = lambda: web.Response(body=body, headers={"Content-Type": kind, **headers})
    return stub.origin + path


async def seen(person: Person, url: str, **more: Any) -> tuple[int, Any, bytes]:
    """What comes from an address of ours."""
    async with await person.raw("GET", "/media/" + url.partition("/media/")[2], **more) as answer:
        return answer.status, answer.headers, await answer.read()


def attached(url: str, kind: str = "image/png", **more: Any) -> dict[str, Any]:
    return {"attachment": [{"type": "Document", "mediaType": kind, "url": url, "name": "A picture", **more}]}


async def posted(door: Door, alice: Person, author: StubActor, url: str, kind: str = "image/png") -> Any:
    """A post of the other server with this attachment, as alice sees it."""
    note = author.note("Look", served=True, **attached(url, kind))
    post_id = await fetch.post(door.server, note["id"])
    return await alice.get(f"/api/v1/statuses/{post_id}")


def files(server: Server) -> list[Any]:
    return [one for one in (server.config.data_dir / "media").rglob("*.*") if one.is_file()]


async def test_pictures_come_from_here_and_are_fetched_once(
    door: Door, there: Stub, alice: Person, nobody: Person
) -> None:
    data = picture(300, 200)
    url = serve(there, "/files/a.png", data)
    blob = serve(there, "/files/blob.png", picture(20, 20))
    emoji = {
        "type": "Emoji",
        "id": f"{there.origin}/e/1",
        "name": ":blob:",
        "icon": {"type": "Image", "url": blob},
    }
    ann = there.actor("ann", icon={"type": "Image", "url": url}, tag=[emoji])
    there.documents["/users/ann"]["name"] = "Ann :blob:"
    note = ann.note("Look :blob:", served=True, tag=[emoji], **attached(url))
    status = await alice.get(f"/api/v1/statuses/{await fetch.post(door.server, note['id'])}")
    (media,) = status["media_attachments"]
    (in_text,), (in_name,) = status["emojis"], status["account"]["emojis"]
    shown = [
        media["url"],
        media["preview_url"],
        status["account"]["avatar"],
        in_text["url"],
        in_name["static_url"],
    ]
    assert all(one.startswith(f"{door.server.config.origin}/media/remote/") for one in shown)
    assert media["remote_url"] == url
    assert in_text["url"] == in_name["url"]

    answers = await asyncio.gather(*(seen(nobody, one) for one in shown * 2))
    assert [status for status, _, _ in answers] == [200] * 10
    assert {body for _, _, body in answers} == {data, picture(20, 20)}
    assert (there.asked.count("/files/a.png"), there.asked.count("/files/blob.png")) == (1, 1)
    _, headers, part = await seen(nobody, media["url"], headers={"Range": "bytes=8-15"})
    assert (headers["Content-Type"], headers["Content-Range"]) == ("image/png", f"bytes 8-15/{len(data)}")
    assert (headers["X-Content-Type-Options"], part) == ("nosniff", data[8:16])
    assert "sandbox" in headers["Content-Security-Policy"]

    page = await (await nobody.raw("GET", f"/@ann@{there.host}")).text()
    assert status["account"]["avatar"] in page
    assert url not in page


async def test_nobody_makes_us_fetch_an_address_of_their_choice(
    door: Door, there: Stub, alice: Person, nobody: Person
) -> None:
    ann = there.actor("ann")
    secret = serve(there, "/files/secret.png", picture())
    url = serve(there, "/files/a.png", picture())
    (media,) = (await posted(door, alice, ann, url))["media_attachments"]
    tried = [
        media["url"].replace(digest(url), digest(secret)),
        media["url"].replace(f"/{media['id']}/", "/1/"),
        f"/media/remote/attachment/{media['id']}/{digest(url)}/../../{secret}",
        f"/media/remote/emoji/{there.host}/blob/{digest(secret)}",
        f"/media/remote/card/1/{digest(secret)}",
        f"/media/remote/?url={secret}",
        f"/media/remote/attachment/{2**70}/{digest(url)}",
    ]
    assert [(await seen(nobody, one))[0] for one in tried] == [404] * len(tried)
    assert "/files/secret.png" not in there.asked


NO_MEDIA = {
    "html": (b"<script>alert(1)</script>", "image/png"),
    "svg": (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "image/svg+xml"),
    "svg-as-png": (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "image/png"),
    "png-as-html": (picture(), "text/html"),
    # 200,000 × 1
    "strip": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\3\r@\0\0\0\1\1\0\0\0\0" + bytes(60), "image/png"),
}


async def test_only_media_are_shown_and_a_failure_is_remembered(
    door: Door, there: Stub, alice: Person
) -> None:
    ann = there.actor("ann")
    for name, (body, kind) in NO_MEDIA.items():
        url = serve(there, f"/files/{name}", body, kind)
        (media,) = (await posted(door, alice, ann, url))["media_attachments"]
        assert [(await seen(alice, media["url"]))[0] for _ in range(2)] == [404, 404], name
        assert there.asked.count(f"/files/{name}") == 1, name
    assert files(door.server) == []


@pytest.mark.parametrize("server_settings", [{"remote_file_bytes_max": "20000"}])
async def test_what_is_too_large_is_fetched_from_where_it_is(door: Door, there: Stub, alice: Person) -> None:
    url = serve(there, "/files/film.mp4", b"\0\0\0\x18ftypisom" + bytes(30_000), "video/mp4")
    ann = there.actor("ann", icon={"type": "Image", "url": url})
    shown = await posted(door, alice, ann, url, "video/mp4")
    for _ in range(2):
        status, headers, _ = await seen(alice, shown["media_attachments"][0]["url"])
        assert (status, headers["Location"]) == (302, url)
        assert (await seen(alice, shown["account"]["avatar"]))[0] == 404, "all who meet Ann would go there"
    assert there.asked.count("/files/film.mp4") == 1


@pytest.mark.parametrize("server_settings", [{"remote_media_bytes_max": "0"}])
async def test_without_copies_originals_are_named(door: Door, there: Stub, alice: Person) -> None:
    url = serve(there, "/files/a.png", picture())
    status = await posted(door, alice, there.actor("ann", icon={"type": "Image", "url": url}), url)
    assert (status["media_attachments"][0]["url"], status["account"]["avatar"]) == (url, url)


@pytest.mark.jobs
@pytest.mark.parametrize("server_settings", [{"remote_media_bytes_max": "2500", "remote_media_days": "3"}])
async def test_the_space_is_bounded_and_what_nobody_looks_at_goes_first(
    door: Door, there: Stub, alice: Person
) -> None:
    server, ann = door.server, there.actor("ann")
    urls = [serve(there, f"/files/{n}.png", picture(30 + n, 30) + bytes(1000)) for n in range(3)]
    shown = [(await posted(door, alice, ann, url))["media_attachments"][0]["url"] for url in urls]
    for one in shown[:2]:
        assert (await seen(alice, one))[0] == 200
    await server.db.write(_used_long_ago, urls[1])
    assert (await seen(alice, shown[2]))[0] == 200
    await until(lambda: _kept(server) == 2 or None, "that one copy goes")
    assert (await seen(alice, shown[0]))[0] == 200
    assert [there.asked.count(f"/files/{n}.png") for n in range(3)] == [1, 1, 1]
    assert (await seen(alice, shown[1]))[0] == 200
    assert there.asked.count("/files/1.png") == 2

    await server.db.write(
        lambda conn: conn.execute(
            update(tables.remote_file).values(fetched_at=now_ms() - 4 * remote_media.DAY_MS)
        )
    )
    await remote_media.trim(server, {})
    await until(lambda: _kept(server) == 0, "that old copies go")


def _kept(server: Server) -> int:
    return len(files(server))


def _used_long_ago(conn: Connection, url: str) -> None:
    conn.execute(update(tables.remote_file).where(tables.remote_file.c.url == url).values(used_at=1))


@pytest.mark.jobs
async def test_what_is_deleted_or_not_wanted_is_gone_here(door: Door, there: Stub, alice: Person) -> None:
    server, ann = door.server, there.actor("ann")
    first, second = (serve(there, f"/files/{n}.png", picture(30 + n, 30)) for n in range(2))
    status = await posted(door, alice, ann, first)
    deleted, kept = (await posted(door, alice, ann, second)), status["media_attachments"][0]
    (going,) = deleted["media_attachments"]
    assert [(await seen(alice, one["url"]))[0] for one in (going, kept)] == [200, 200]
    assert len(files(server)) == 2
    assert await door.post(ann, ann.says("Delete", deleted["uri"])) == 202

    async def is_gone() -> bool:
        return (await seen(alice, going["url"]))[0] == 404

    await until(is_gone, "that a deleted picture is not shown")
    await until(lambda: len(files(server)) == 1, "that the copy of a deleted picture goes")

    await server.db.write(lambda conn: instances.set_rules(conn, there.host, policy="", rejects_media=True))

    async def is_refused() -> bool:
        return (await seen(alice, kept["url"]))[0] == 404

    await until(is_refused, "that no picture of a server is shown whose pictures are refused")
    await until(lambda: files(server) == [], "that copies go when no pictures are wanted")
    assert await server.db.read(remote_files.total_bytes) == 0


async def test_a_host_that_hangs_keeps_nobody_else_waiting() -> None:
    downloads, hanging = Downloads(), asyncio.Event()
    fetched: list[str] = []

    async def hang() -> None:
        await hanging.wait()

    async def fetch() -> None:
        fetched.append("other")

    def asked(number: int) -> asyncio.Task[None]:
        return asyncio.create_task(downloads.once(f"key {number}", "hangs.example", hang))

    waiting = [asked(number) for number in range(WAITING_FOR_HOST_MAX)]
    await asyncio.sleep(0)
    with pytest.raises(RateLimited):
        await downloads.once("one more", "hangs.example", hang)
    async with asyncio.timeout(30):
        await downloads.once("key", "other.example", fetch)
    assert fetched == ["other"]
    hanging.set()
    await asyncio.gather(*waiting)
    await downloads.once("one more", "hangs.example", hang)
