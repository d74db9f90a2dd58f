"""Media in a bucket of an object store that speaks S3, by a server of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from fedserver.assembly import build_server
from fedserver.context import Server
from fedserver.errors import NotFound
from fedserver.media import s3
from fedserver.media.store import new_key
from tests.api.uploads import upload
from tests.conftest import MakeConfig
from tests.members import Person

ACCESS = {"s3_access_key": "id", "s3_secret_key": "secret"}


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """An object store with a bucket called media."""
    store = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    store.start()
    _, port = store.get_host_and_port()
    address = f"http://127.0.0.1:{port}"
    bucket(address).create()
    yield address
    store.stop()


def bucket(address: str) -> Any:
    keys = {"aws_access_key_id": "id", "aws_secret_access_key": "secret"}
    return boto3.resource("s3", endpoint_url=address, region_name="us-east-1", **keys).Bucket("media")


@pytest.fixture
def server_settings(endpoint: str) -> dict[str, str]:
    return {"media": "s3://media/community", "s3_endpoint": endpoint, **ACCESS}


async def content(stream: Any) -> bytes:
    return b"".join([chunk async for chunk in stream.chunks])


async def test_a_file_comes_back_whole_and_in_parts_and_goes(
    config: MakeConfig, server_settings: dict[str, str], tmp_path: Path
) -> None:
    store = s3.open_bucket(config(**server_settings))
    source = tmp_path / "large"
    source.write_bytes(os.urandom(s3.PART_BYTES + 1000))  # in two parts
    key = new_key("video/mp4")
    await store.put(key, source, "video/mp4")
    whole = await store.open(key)
    assert (whole.media_type, whole.size) == ("video/mp4", s3.PART_BYTES + 1000)
    assert await content(whole) == source.read_bytes()
    part = await store.open(key, start=s3.PART_BYTES - 5, end=s3.PART_BYTES + 5)
    assert await content(part) == source.read_bytes()[s3.PART_BYTES - 5 : s3.PART_BYTES + 5]
    assert (await store.open(key, start=5, end=10**9)).end == s3.PART_BYTES + 1000
    with pytest.raises(ValueError, match="not within"):
        await store.open(key, start=10**9, end=10**9 + 1)
    await store.delete(key)
    await store.delete(key)
    for start in (0, 5):
        with pytest.raises(NotFound):
            await store.open(key, start=start)
    with pytest.raises(ValueError, match="not made for"):
        await store.put(new_key("image/png"), source, "image/jpeg")
    with pytest.raises(NotFound):
        await store.delete("../elsewhere.png")


async def test_uploads_are_kept_there_and_read_through_us(
    server: Server, endpoint: str, alice: Person, nobody: Person
) -> None:
    sent = await upload(alice)
    assert sent["url"].startswith(f"{server.config.origin}/media/")
    key = sent["url"].partition("/media/")[2]
    kept = bucket(endpoint).Object(f"community/{key}").get()
    assert (kept["ContentType"], kept["CacheControl"]) == ("image/png", s3.FOREVER)
    data = kept["Body"].read()
    async with await nobody.raw("GET", f"/media/{key}") as answer:
        assert (answer.status, await answer.read()) == (200, data)
    async with await nobody.raw("GET", f"/media/{key}", headers={"Range": "bytes=1-3"}) as answer:
        assert (answer.status, await answer.read()) == (206, data[1:4])
        assert answer.headers["Content-Range"] == f"bytes 1-3/{len(data)}"
    await alice.delete(f"/api/v1/media/{sent['id']}")
    assert (await nobody.raw("GET", f"/media/{key}")).status == 404


async def test_browsers_can_be_sent_to_the_store_itself(
    config: MakeConfig, endpoint: str, server_settings: dict[str, str], tmp_path: Path
) -> None:
    settings = config(**server_settings, media_url="https://media.example/files/")
    async with build_server(settings) as server:
        key = new_key("image/png")
        assert server.media.url(key) == f"https://media.example/files/{key}"
        assert server.media.key_of(server.media.url(key)) == key
        assert server.media.key_of("https://media.example/files/../x.png") is None


async def test_the_doctor_tries_it(config: MakeConfig, server_settings: dict[str, str]) -> None:
    assert await s3.trial(config(**server_settings)) == ""
    missing = config(**{**server_settings, "media": "s3://nowhere"})
    assert "nowhere" in await s3.trial(missing)
    assert (
        list(bucket(server_settings["s3_endpoint"]).objects.filter(Prefix="community/fedserver-doctor")) == []
    )
