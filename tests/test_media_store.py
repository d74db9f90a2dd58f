"""Where media is kept (SECURITY MED-02, MED-06, MED-11) and the way into it."""

import pytest
from PIL import Image

from fedserver.errors import Invalid, NotFound
from fedserver.media import pipeline
from fedserver.media.images import ImageProcessor
from fedserver.media.sniff import sniff
from fedserver.media.store import DiskStore, media_type_of, new_key


@pytest.fixture
def store(tmp_path):
    return DiskStore(tmp_path / "media", "https://media.a.example/")


@pytest.fixture
async def processor():
    made = ImageProcessor()
    yield made
    await made.close()


def files_in(tmp_path):
    return [path for path in (tmp_path / "media").rglob("*") if path.is_file()]


async def content(stream) -> bytes:
    return b"".join([chunk async for chunk in stream.chunks])


async def test_a_file_comes_back_whole_and_in_parts(store, tmp_path):
    source = tmp_path / "x"
    source.write_bytes(bytes(range(256)) * 4096)
    key = new_key("image/png")
    await store.put(key, source, "image/png")
    assert source.exists()
    whole = await store.open(key)
    assert (whole.media_type, whole.size) == ("image/png", 1_048_576)
    assert await content(whole) == source.read_bytes()
    part = await store.open(key, start=300_000, end=300_010)
    assert await content(part) == source.read_bytes()[300_000:300_010]
    assert (await store.open(key, start=1_048_570, end=2_000_000)).end == 1_048_576
    with pytest.raises(ValueError, match="not within"):
        await store.open(key, start=2_000_000)


async def test_a_deleted_file_is_gone(store, tmp_path):
    source = tmp_path / "x"
    source.write_bytes(b"x")
    key = new_key("image/png")
    await store.put(key, source, "image/png")
    await store.delete(key)
    await store.delete(key)
    with pytest.raises(NotFound):
        await store.open(key)
    assert files_in(tmp_path) == []


@pytest.mark.parametrize(
    "key",
    [
        "../x.png",
        "/etc/passwd",
        "ab/cd/../../../x.png",
        "ab/cd/" + "ab" * 16 + ".png",  # not its own directory
        "AB/CD/" + "ABCD" + "0" * 28 + ".png",
        "ab/cd/abcd" + "0" * 28 + ".php",
        "ab/cd/abcd" + "0" * 28 + ".png\n",
        "ab/cd/abcd" + "0" * 28 + ".png\x00",
        "ab\\cd\\abcd" + "0" * 28 + ".png",
        "",
    ],
)
async def test_only_keys_of_ours_are_looked_up(store, key):
    with pytest.raises(NotFound):
        await store.open(key)
    with pytest.raises(NotFound):
        await store.delete(key)
    with pytest.raises(NotFound):
        store.url(key)
    with pytest.raises(NotFound):
        store.local_path(key)


def test_keys_tell_the_type_and_nothing_else(store):
    key = new_key("image/jpeg")
    assert media_type_of(key) == "image/jpeg"
    assert store.url(key) == f"https://media.a.example/{key}"
    assert new_key("text/html; ../../x.html").endswith(".bin")
    assert len({new_key("image/png") for _ in range(100)}) == 100


async def test_a_key_made_for_another_type_is_a_mistake(store, tmp_path):
    source = tmp_path / "x"
    source.write_bytes(b"x")
    with pytest.raises(ValueError, match="not made for"):
        await store.put(new_key("image/png"), source, "image/jpeg")


async def test_nothing_half_written_stays(store, tmp_path):
    with pytest.raises(FileNotFoundError):
        await store.put(new_key("image/png"), tmp_path / "absent", "image/png")
    assert files_in(tmp_path) == []


async def test_a_picture_is_stored_with_its_preview_and_deleted_with_it(store, processor, tmp_path):
    source = tmp_path / "..%2f<script>.php"
    Image.new("RGB", (1600, 900), "teal").save(source, format="PNG")
    media = await pipeline.store_picture(source, store=store, processor=processor)
    assert media.media_type == "image/png"
    assert media.url == store.url(media.key)
    assert media.key.endswith(".png")
    assert media.meta["original"]["size"] == "1600x900"
    assert media.meta["small"]["size"] == "640x360"
    assert len(files_in(tmp_path)) == len(media.keys) == 2
    await pipeline.delete_media(media, store)
    assert files_in(tmp_path) == []


async def test_a_still_avatar_is_one_file(store, processor, tmp_path):
    source = tmp_path / "x"
    Image.new("RGB", (500, 500), "teal").save(source, format="JPEG")
    media = await pipeline.store_picture(source, store=store, processor=processor, purpose="avatar")
    assert media.preview_url == media.url
    assert len(files_in(tmp_path)) == 1


async def test_a_failing_store_leaves_nothing_behind(processor, tmp_path):
    class Full(DiskStore):
        puts = 0

        async def put(self, key, path, media_type):
            self.puts += 1
            if self.puts == 2:
                raise OSError(28, "No space left on device")
            await super().put(key, path, media_type)

    source = tmp_path / "x"
    Image.new("RGB", (1600, 900), "teal").save(source, format="PNG")
    with pytest.raises(OSError, match="No space"):
        await pipeline.store_picture(
            source, store=Full(tmp_path / "media", "https://a.example"), processor=processor
        )
    assert files_in(tmp_path) == []


@pytest.mark.parametrize(
    ("head", "media_type"),
    [
        (b"\xff\xd8\xff\xe1", "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8X", "image/webp"),
        (b"\x00\x00\x00\x1cftypmif1\x00\x00\x00\x00mif1avifmiaf", "image/avif"),
        (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic", "image/heic"),
        (b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isommp42", "video/mp4"),
        (b"\xef\xbb\xbf  <SVG onload=alert(1)>", "image/svg+xml"),
        (b'<?xml version="1.0"?><!-- x --><svg/>', "image/svg+xml"),
        (b"<!DOCTYPE HTML><p>", "text/html"),
        (b"%PDF-1.7", "application/pdf"),
        (b"hello", None),
        (b"", None),
    ],
)
def test_types_are_told_by_content(head, media_type):
    assert sniff(head) == media_type


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"<svg onload='alert(1)'/>", "SVG"),
        (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic", "HEIC"),
        (b"%PDF-1.7", "pictures only"),
        (b"MZ\x90\x00", "not a picture"),
        (b"\x89PNG\r\n\x1a\n<script>", "not a picture"),
    ],
)
async def test_other_files_are_refused_with_advice(store, processor, tmp_path, content, sentence):
    source = tmp_path / "x.png"
    source.write_bytes(content)
    with pytest.raises(Invalid, match=sentence):
        await pipeline.store_picture(source, store=store, processor=processor)
    assert files_in(tmp_path) == []
