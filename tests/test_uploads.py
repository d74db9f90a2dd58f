"""Uploads have an end: the space of their member; and those that nobody posted go by themselves, files and all."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import Connection

from fedserver import quota
from fedserver.context import Server
from storage import media, stored_files
from storage.types import now_ms
from tests.api.uploads import picture, upload, upload_form
from tests.members import Person


@pytest.fixture
def server_settings() -> dict[str, str]:
    return {"testing__time_scale": "10000"}  # what is done every hour is done three times a second


@pytest.mark.jobs
async def test_an_upload_without_a_post_is_removed_within_a_day(server: Server, alice: Person) -> None:
    """LIM-06: since it is looked for every hour, one that is 23 hours old goes now."""
    forgotten, posted, fresh = [await upload(alice) for _ in range(3)]
    await alice.post("/api/v1/statuses", {"status": "Look", "media_ids": [posted["id"]]})
    files = {
        name: file_of(server, one["url"]) for name, one in (("forgotten", forgotten), ("posted", posted))
    }
    assert all(file.exists() for file in files.values())
    old = now_ms() - 23 * 3_600_000
    for one in (forgotten, posted):
        await server.db.write(_made_at, int(one["id"]), old)
    async with asyncio.timeout(20):
        while True:
            if not files["forgotten"].exists():
                break
            await asyncio.sleep(0.02)
    assert files["posted"].exists()
    assert (await alice.get(f"/api/v1/media/{fresh['id']}"))["id"] == fresh["id"]
    assert (await alice.raw("GET", f"/api/v1/media/{forgotten['id']}")).status == 404


@pytest.mark.parametrize("server_settings", [{"member_bytes_max": "3000"}])
async def test_lim_06_pictures_are_taken_until_the_space_is_full(server: Server, alice: Person) -> None:
    """Also of several that are sent at once, of which each alone would have room."""

    async def send() -> int:
        answer = await alice.raw("POST", "/api/v2/media", data=upload_form(picture()))
        await answer.read()
        return int(answer.status)

    assert await send() == 200
    taken = (await quota.room(server, alice.member)).taken
    seen = await asyncio.gather(*(send() for _ in range(3000 // taken + 2)))
    assert set(seen) == {200, 422}
    room = await quota.room(server, alice.member)
    assert room.taken == taken * (1 + seen.count(200)) <= room.most
    folder = server.config.data_dir / "media"
    kept = {one.relative_to(folder).as_posix() for one in folder.rglob("*") if one.is_file()}
    assert kept == await server.db.read(stored_files.named), "of what is refused no file is kept"
    assert list((server.config.data_dir / "tmp").iterdir()) == []


def _made_at(conn: Connection, media_id: int, instant: int) -> None:
    media.change(conn, media_id, created_at=instant)


def file_of(server: Server, url: str) -> Path:
    path = server.media.local_path(url.rpartition("/media/")[2])
    assert path is not None
    return path
