"""Uploads of the client API: pictures at once, everything else when it has been converted."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from aiohttp import FormData

from fedserver import uploads
from fedserver.context import Server
from fedserver.jobs.engine import open_engine
from storage import jobs, media
from storage.types import now_ms
from tests.api.uploads import picture, upload, upload_form
from tests.client import ApiError
from tests.media.clips import PLACE, film, moving_gif, needs_ffmpeg, silent_film, song
from tests.members import Person
from tests.waiting import until


def form(data: bytes, *, thumbnail: bytes | None = None, **fields: str) -> FormData:
    sent = upload_form(data, **fields)
    if thumbnail is not None:
        sent.add_field("thumbnail", thumbnail, filename="t.png", content_type="image/png")
    return sent


async def ready(person: Person, media_id: str) -> Any:
    """The attachment once it has been converted: 206 until then."""

    async def seen() -> Any:
        async with await person.raw("GET", f"/api/v1/media/{media_id}") as answer:
            shown = await answer.json()
            assert (answer.status == 206) == (shown.get("url") is None), shown
            return None if answer.status == 206 else shown

    return await until(seen, "that the upload is converted")


async def file_of(person: Person, url: str, **more: Any) -> tuple[int, Any, bytes]:
    async with await person.raw("GET", "/media/" + url.partition("/media/")[2], **more) as answer:
        return answer.status, answer.headers, await answer.read()


async def document_of(server: Server, post_id: str) -> Any:
    return await server.db.read(server.publish.documents.post_document, int(post_id))


@needs_ffmpeg
@pytest.mark.jobs
async def test_films_and_sounds_are_converted_later_and_say_nothing_of_their_origin(
    server: Server, alice: Person, bob: Person, tmp_path: Path
) -> None:
    async with await alice.raw(
        "POST", "/api/v2/media", data=form(film(tmp_path), description="A test card", focus="0.5,0")
    ) as answer:
        sent = await answer.json()
        assert answer.status == 202
    assert (sent["type"], sent["url"], sent["preview_url"]) == ("video", None, None)
    with pytest.raises(ApiError, match="have not finished processing"):
        await alice.post("/api/v1/statuses", {"status": "Look", "media_ids": [sent["id"]]})
    shown = await ready(alice, sent["id"])
    assert shown["description"] == "A test card"
    meta = shown["meta"]
    assert {name: meta["original"][name] for name in ("width", "height", "frame_rate")} == {
        "width": 320, "height": 240, "frame_rate": "25/1",
    }  # fmt: skip
    assert meta["original"]["duration"] == pytest.approx(1, abs=0.1)
    assert meta["original"]["bitrate"] > 0
    assert (meta["audio_encode"], meta["small"]["width"], shown["blurhash"] is not None) == ("aac", 320, True)
    status, headers, body = await file_of(bob, shown["url"])
    assert (status, headers["Content-Type"]) == (200, "video/mp4")
    assert headers["Content-Security-Policy"].endswith("sandbox; frame-ancestors 'none'")
    assert b"secret" not in body
    assert PLACE.encode() not in body
    status, headers, part = await file_of(bob, shown["url"], headers={"Range": "bytes=100-199"})
    assert (status, headers["Content-Range"], part) == (206, f"bytes 100-199/{len(body)}", body[100:200])

    for data, kind in (
        (silent_film(tmp_path), "gifv"),
        (moving_gif(tmp_path), "gifv"),
        (song(tmp_path), "audio"),
    ):
        other = await ready(alice, (await alice.post("/api/v2/media", data=form(data)))["id"])
        assert other["type"] == kind
        assert b"secret" not in (await file_of(bob, other["url"]))[2]
    post = await alice.post("/api/v1/statuses", {"status": "Look", "media_ids": [sent["id"]]})
    assert post["media_attachments"][0]["url"] == shown["url"]
    (attached,) = (await document_of(server, post["id"]))["attachment"]
    assert (attached["mediaType"], attached["icon"]["url"]) == ("video/mp4", shown["preview_url"])


@needs_ffmpeg
@pytest.mark.jobs
async def test_the_first_version_of_the_call_answers_when_all_is_done(alice: Person, tmp_path: Path) -> None:
    cover = tmp_path / "cover.png"
    cover.write_bytes(picture(300, 300))
    async with await alice.raw(
        "POST", "/api/v1/media", data=form(song(tmp_path, "mp3", cover=cover))
    ) as answer:
        shown = await answer.json()
        assert (answer.status, shown["type"], shown["meta"]["small"]["size"]) == (200, "audio", "300x300")
    thumbnail = FormData()
    thumbnail.add_field("thumbnail", picture(40, 30), filename="t.png", content_type="image/png")
    changed = await alice.put(f"/api/v1/media/{shown['id']}", data=thumbnail)
    assert changed["meta"] == {**shown["meta"], "small": changed["meta"]["small"]}
    assert changed["meta"]["small"]["size"] == "40x30"
    assert (await file_of(alice, changed["preview_url"]))[0] == 200
    await until(lambda: file_gone(alice, shown["preview_url"]), "that the former cover is deleted")


async def file_gone(person: Person, url: str) -> bool:
    return (await file_of(person, url))[0] == 404


@needs_ffmpeg
@pytest.mark.jobs
async def test_what_cannot_be_converted_says_why(alice: Person) -> None:
    broken = b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isommp42" + bytes(500)
    # Guessed, this would be a playlist, which names other files.
    playlist = b"ID3#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n"
    for data in (broken, playlist):
        sent = await alice.post("/api/v2/media", data=form(data))

        async def failed(media_id: str = sent["id"]) -> Any:
            async with await alice.raw("GET", f"/api/v1/media/{media_id}") as answer:
                return await answer.json() if answer.status == 422 else None

        why = await until(failed, "that it fails")
        assert why == {"error": "This file is no video or sound that we can read."}
    with pytest.raises(ApiError, match=r"422.*no video or sound"):
        await alice.post("/api/v1/media", data=form(broken))


@pytest.mark.parametrize("server_settings", [{"ffmpeg": ""}])
async def test_without_ffmpeg_there_are_pictures_only(server: Server, alice: Person, nobody: Person) -> None:
    limits = (await nobody.get("/api/v2/instance"))["configuration"]["media_attachments"]
    assert {one.partition("/")[0] for one in limits["supported_mime_types"]} == {"image"}
    assert limits["video_size_limit"] == 0
    for data in (b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isommp42", b"fLaC" + bytes(100)):
        with pytest.raises(ApiError, match=r"422.*pictures only, no video and no sound"):
            await alice.post("/api/v2/media", data=form(data))


@needs_ffmpeg
@pytest.mark.parametrize(
    "server_settings", [{"video_seconds_max": "1", "video_pixels_max": "5000", "video_bytes_max": "40000"}]
)
@pytest.mark.jobs
async def test_limits_are_told_and_kept(alice: Person, nobody: Person, tmp_path: Path) -> None:
    limits = (await nobody.get("/api/v2/instance"))["configuration"]["media_attachments"]
    assert {"image/png", "video/mp4", "audio/mpeg"} < set(limits["supported_mime_types"])
    assert (limits["video_size_limit"], limits["video_matrix_limit"]) == (40_000, 5_000)
    with pytest.raises(ApiError, match="too large"):
        await alice.post("/api/v1/media", data=form(song(tmp_path, "wav")))
    with pytest.raises(ApiError, match="101x81 videos are not supported"):
        await alice.post("/api/v1/media", data=form(silent_film(tmp_path)))


@needs_ffmpeg
async def test_what_a_crash_cut_off_is_converted_after_the_start(
    server: Server, alice: Person, tmp_path: Path
) -> None:
    sent = await alice.post("/api/v2/media", data=form(song(tmp_path)))
    if server.config.database_url.startswith("sqlite:"):  # PgQueuer finds out what a dead worker had
        now = now_ms()
        (begun,) = await server.db.write(
            lambda conn: jobs.claim(conn, ["convert_upload"], limit=9, now=now, until=now + 3_600_000)
        )
        assert begun.payload == {"media_id": int(sent["id"])}
    assert await server.db.write(media.begin, int(sent["id"]))
    engine = open_engine(server)
    await engine.start()
    assert (await ready(alice, sent["id"]))["type"] == "audio"
    await engine.stop()


@needs_ffmpeg
async def test_an_upload_that_keeps_ending_the_server_is_given_up(
    server: Server, alice: Person, tmp_path: Path
) -> None:
    sent = await alice.post("/api/v2/media", data=form(song(tmp_path)))
    for _ in range(uploads.ATTEMPTS_MAX):  # begun, and cut off by a crash
        assert await server.db.write(media.begin, int(sent["id"]))
    await uploads.convert_upload(server, {"media_id": int(sent["id"])})
    with pytest.raises(ApiError, match=r"422.*could not be converted"):
        await alice.get(f"/api/v1/media/{sent['id']}")
    lost = await alice.post("/api/v2/media", data=form(song(tmp_path)))
    await server.db.write(
        lambda conn: media.change(conn, int(lost["id"]), created_at=now_ms() - uploads.STUCK_AFTER_MS - 1)
    )
    left = server.config.data_dir / "tmp" / "half.upload"
    left.write_bytes(b"half a request")
    os.utime(left, (1, 1))
    await uploads.remove_abandoned(server, {})
    assert not left.exists()
    with pytest.raises(ApiError, match=r"422.*could not be converted"):
        await alice.get(f"/api/v1/media/{lost['id']}")


async def test_uploads_are_their_owners_until_a_post_has_them(
    server: Server, alice: Person, bob: Person
) -> None:
    sent = await upload(alice, description="A gradient")
    at = f"/api/v1/media/{sent['id']}"
    for method in ("GET", "PUT", "DELETE"):
        assert (await bob.raw(method, at)).status == 404
    assert (await alice.put(at, {"description": "Grey", "focus": "0,1"}))["description"] == "Grey"
    post = await alice.post("/api/v1/statuses", {"status": "Look", "media_ids": [sent["id"]]})
    assert [(await alice.raw(method, at)).status for method in ("GET", "PUT", "DELETE")] == [404, 404, 422]
    edited = await alice.put(
        f"/api/v1/statuses/{post['id']}",
        {
            "status": "Look",
            "media_ids": [sent["id"]],
            "media_attributes": [
                {"id": sent["id"], "description": "From white to black", "focus": "0.25,-1"}
            ],
        },
    )
    assert edited["edited_at"] is not None
    assert edited["media_attachments"][0]["meta"]["focus"] == {"x": 0.25, "y": -1.0}
    document = await document_of(server, post["id"])
    assert "updated" in document
    assert (document["attachment"][0]["name"], document["attachment"][0]["focalPoint"]) == (
        "From white to black",
        [0.25, -1.0],
    )
    long = [{"id": sent["id"], "description": "x" * (uploads.ALT_CHARACTERS_MAX + 1)}]
    with pytest.raises(ApiError, match="too long"):
        await alice.put(f"/api/v1/statuses/{post['id']}", {"status": "Look", "media_attributes": long})
