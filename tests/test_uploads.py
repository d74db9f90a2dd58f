"""Uploads that nobody posted: they go by themselves, files and all, and nothing else does."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import Connection

from fedserver.context import Server
from fedserver.uploads import ABANDONED_AFTER_MS
from storage import media
from storage.types import now_ms
from tests.api.uploads import upload
from tests.members import Person


@pytest.fixture
def server_settings() -> dict[str, str]:
    return {"testing__time_scale": "10000"}  # what is done every hour is done three times a second


@pytest.mark.jobs
async def test_an_upload_without_a_post_is_removed_after_a_day(server: Server, alice: Person) -> None:
    forgotten, posted, fresh = [await upload(alice) for _ in range(3)]
    await alice.post("/api/v1/statuses", {"status": "Look", "media_ids": [posted["id"]]})
    files = {
        name: file_of(server, one["url"]) for name, one in (("forgotten", forgotten), ("posted", posted))
    }
    assert all(file.exists() for file in files.values())
    old = now_ms() - ABANDONED_AFTER_MS - 1
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


def _made_at(conn: Connection, media_id: int, instant: int) -> None:
    media.change(conn, media_id, created_at=instant)


def file_of(server: Server, url: str) -> Path:
    path = server.media.local_path(url.rpartition("/media/")[2])
    assert path is not None
    return path
