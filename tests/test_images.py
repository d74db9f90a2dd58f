"""Pictures from strangers: SECURITY MED-01 (type by content), MED-03 (pixel bombs), and what members see."""

import asyncio
import io
import os
import signal
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image, ImageCms, PngImagePlugin

from fedserver.errors import Invalid, TooLarge
from fedserver.media import image_worker, images
from fedserver.media.images import ImageProcessor, WorkerFailed


@pytest.fixture
async def processor():
    made = ImageProcessor(workers=1, seconds_max=15)
    yield made
    await made.close()


@pytest.fixture
def out(tmp_path):
    directory = tmp_path / "out"
    directory.mkdir()
    return directory


def photo(width: int, height: int, mode: str = "RGB") -> Image.Image:
    """Left half red, right half blue, a green corner top left: turned or cut, it shows."""
    picture = Image.new(mode, (width, height), "blue")
    picture.paste("red", (0, 0, width // 2, height))
    picture.paste("lime", (0, 0, max(1, width // 8), max(1, height // 8)))
    return picture


def saved(tmp_path: Path, picture: Image.Image, file_format: str, **options) -> Path:
    path = tmp_path / "in.dat"  # never a telling name
    picture.save(path, format=file_format, **options)
    return path


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_header(width: int, height: int, depth: int = 1, colour: int = 0) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + chunk(
        b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    )


@pytest.mark.parametrize(
    ("source", "original", "preview"),
    [
        ("JPEG", "image/jpeg", "image/jpeg"),
        ("PNG", "image/png", "image/webp"),
        ("WEBP", "image/webp", "image/webp"),
        ("GIF", "image/png", "image/webp"),
        ("AVIF", "image/jpeg", "image/jpeg"),
    ],
)
async def test_every_supported_format_becomes_a_picture_and_a_preview(
    processor, tmp_path, out, source, original, preview
):
    done = await processor.process(saved(tmp_path, photo(1200, 800), source), out, "attachment")
    assert (done.original.media_type, done.preview.media_type) == (original, preview)
    assert done.meta() == {
        "original": {"width": 1200, "height": 800, "size": "1200x800", "aspect": 1.5},
        "small": {"width": 587, "height": 391, "size": "587x391", "aspect": 587 / 391},
    }
    assert len(done.blurhash) == 28
    assert not done.animated
    with Image.open(done.original.path) as shown:
        assert shown.size == (1200, 800)
        assert Image.MIME[shown.format] == original
    assert done.original.path.stat().st_size == done.original.bytes
    assert done.preview.path.stat().st_size == done.preview.bytes


async def test_the_place_and_the_camera_are_removed_and_the_picture_stands_upright(processor, tmp_path, out):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter
    exif[0x010F] = "SecretCamera"
    exif.get_ifd(0x8825)[2] = (52.0, 31.0, 12.0)
    source = saved(tmp_path, photo(80, 40), "JPEG", exif=exif, comment=b"SecretComment", quality=95)
    assert b"SecretCamera" in source.read_bytes()
    done = await processor.process(source, out, "attachment")
    for file in (done.original, done.preview):
        data = file.path.read_bytes()
        assert b"Exif" not in data
        assert b"Secret" not in data
        assert (file.width, file.height) == (40, 80)
    with Image.open(done.original.path) as shown:
        red, green, blue = shown.convert("RGB").getpixel((20, 70))
        assert blue > 200  # what was right is below
        assert red < 60
        assert green < 60


@pytest.mark.parametrize("file_format", ["PNG", "WEBP"])
async def test_text_and_profiles_of_other_formats_are_removed_too(processor, tmp_path, out, file_format):
    text = PngImagePlugin.PngInfo()
    text.add_text("Author", "Secret Name")
    exif = Image.Exif()
    exif[0x010F] = "Secret Camera"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    options = {"pnginfo": text} if file_format == "PNG" else {}
    source = saved(tmp_path, photo(60, 60, "RGBA"), file_format, exif=exif, icc_profile=profile, **options)
    done = await processor.process(source, out, "attachment")
    data = done.original.path.read_bytes()
    assert b"Secret" not in data
    with Image.open(io.BytesIO(data)) as shown:
        assert "icc_profile" not in shown.info
        assert not shown.getexif()


async def test_colours_of_another_profile_become_srgb(processor, tmp_path, out):
    """The profile says that what is written as red is green, and the other way round."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for old, new in (
        (b"rXYZ", b"tmp_"),
        (b"gXYZ", b"rXYZ"),
        (b"tmp_", b"gXYZ"),
        ("sRGB".encode("utf-16-be"), "swap".encode("utf-16-be")),
    ):
        assert old in profile
        profile = profile.replace(old, new)
    source = saved(tmp_path, Image.new("RGB", (40, 40), "red"), "PNG", icc_profile=profile)
    done = await processor.process(source, out, "attachment")
    with Image.open(done.original.path) as shown:
        red, green, _ = shown.convert("RGB").getpixel((20, 20))
    assert green > 200
    assert red < 60


async def test_a_broken_profile_does_not_cost_the_picture(processor, tmp_path, out):
    source = saved(tmp_path, Image.new("RGB", (40, 40), "red"), "PNG", icc_profile=b"no profile" * 40)
    done = await processor.process(source, out, "attachment")
    with Image.open(done.original.path) as shown:
        assert shown.convert("RGB").getpixel((20, 20)) == (255, 0, 0)


async def test_a_phones_picture_of_several_pictures_is_one_photo(processor, tmp_path, out):
    source = saved(tmp_path, photo(60, 40), "MPO", save_all=True, append_images=[photo(30, 20)])
    done = await processor.process(source, out, "attachment")
    assert (done.original.media_type, done.original.width, done.animated) == ("image/jpeg", 60, False)


async def test_transparency_stays(processor, tmp_path, out):
    source = saved(tmp_path, Image.new("RGBA", (50, 50), (255, 0, 0, 128)), "PNG")
    done = await processor.process(source, out, "attachment")
    for file in (done.original, done.preview):
        with Image.open(file.path) as shown:
            assert shown.convert("RGBA").getpixel((5, 5))[3] == 128


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "CMYK", "I;16"])
async def test_unusual_colour_modes_are_read(processor, tmp_path, out, mode):
    picture = (
        Image.new(mode, (40, 40), 40_000)
        if mode == "I;16"
        else photo(40, 40).convert("L" if mode == "LA" else mode)
    )
    if mode == "LA":
        picture = picture.convert("LA")
    done = await processor.process(
        saved(tmp_path, picture, "JPEG" if mode == "CMYK" else "PNG"), out, "attachment"
    )
    with Image.open(done.original.path) as shown:
        assert shown.size == (40, 40)
        if mode == "I;16":
            assert abs(shown.convert("L").getpixel((9, 9)) - 40_000 // 256) <= 1


async def test_large_pictures_become_smaller_and_small_ones_never_larger(processor, tmp_path, out):
    done = await processor.process(saved(tmp_path, photo(6000, 4000), "JPEG"), out, "attachment")
    assert done.original.width * done.original.height <= 8_294_400
    assert done.original.width / done.original.height == pytest.approx(1.5, abs=0.01)
    done = await processor.process(saved(tmp_path, photo(20, 10), "PNG"), out, "header")
    assert (done.original.width, done.original.height) == (20, 7)


@pytest.mark.parametrize(
    ("purpose", "size"), [("avatar", (400, 400)), ("header", (1500, 500)), ("emoji", (128, 64))]
)
async def test_each_purpose_has_its_shape(processor, tmp_path, out, purpose, size):
    done = await processor.process(saved(tmp_path, photo(2000, 1000), "PNG"), out, purpose)
    assert (done.original.width, done.original.height) == size
    assert done.preview is done.original


def animation(tmp_path: Path, file_format: str, count: int, size: int = 40) -> Path:
    frames = [
        Image.new("RGB", (size, size), (i * 37 % 256, 255 - i * 53 % 256, i * 11 % 256)) for i in range(count)
    ]
    return saved(
        tmp_path, frames[0], file_format, save_all=True, append_images=frames[1:], duration=120, loop=0
    )


@pytest.mark.parametrize("file_format", ["GIF", "WEBP", "PNG"])
async def test_an_animation_stays_one_and_its_preview_stands_still(processor, tmp_path, out, file_format):
    done = await processor.process(animation(tmp_path, file_format, 5), out, "avatar")
    assert done.animated
    with Image.open(done.original.path) as shown, Image.open(done.preview.path) as still:
        assert shown.format == file_format
        assert shown.n_frames == 5
        shown.load()
        assert shown.info["duration"] == 120
        assert getattr(still, "n_frames", 1) == 1


async def test_an_endless_animation_becomes_its_first_frame(processor, tmp_path, out):
    done = await processor.process(
        animation(tmp_path, "GIF", image_worker.FRAMES_MAX + 1, size=4), out, "attachment"
    )
    assert not done.animated
    assert done.original.media_type == "image/png"


# Hostile files --------------------------------------------------------------------------------------

JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a picture",
        b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        b"<!doctype html><script>alert(1)</script>",
        b"%PDF-1.7",
        b"FWS\x09",
        b"<?php system($_GET['c']); ?>",
        b"GIF89a/*\x00\x00*/=alert(1)//",
        JPEG,
        png_header(10, 10),
        png_header(10, 10) + chunk(b"IDAT", zlib.compress(b"\x00")[:3]),
        b"RIFF\x00\x00\x00\x00WEBPVP8 ",
        b"\x00\x00\x00\x1cftypavif\x00\x00\x00\x00avifmif1miaf",
        b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic",
        b"BM" + bytes(100),
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        b"P6 9 9 255\n" + bytes(243),
    ],
)
async def test_what_is_no_picture_is_refused_in_words(processor, tmp_path, out, content):
    source = tmp_path / "holiday.png"
    source.write_bytes(content)
    with pytest.raises(Invalid, match="not a picture we can read"):
        await processor.process(source, out, "attachment")
    assert not list(out.iterdir())


async def test_half_a_picture_is_refused(processor, tmp_path, out):
    source = saved(tmp_path, photo(400, 400), "JPEG")
    source.write_bytes(source.read_bytes()[:2000])
    with pytest.raises(Invalid, match="not a picture we can read"):
        await processor.process(source, out, "attachment")


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "GIF"])
async def test_nothing_appended_to_a_picture_survives(processor, tmp_path, out, file_format):
    source = saved(tmp_path, photo(50, 50), file_format)
    source.write_bytes(source.read_bytes() + b"PK\x03\x04<script>alert('payload')</script><?php payload ?>")
    done = await processor.process(source, out, "attachment")
    assert b"payload" not in done.original.path.read_bytes()
    assert b"payload" not in done.preview.path.read_bytes()


def webp_header(width: int, height: int) -> bytes:
    """A canvas of VP8X, as animations have, with nothing on it."""
    canvas = bytes([0x02, 0, 0, 0]) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body = b"WEBPVP8X" + struct.pack("<I", len(canvas)) + canvas
    return b"RIFF" + struct.pack("<I", len(body)) + body


def jpeg_header(width: int, height: int) -> bytes:
    frame = struct.pack(">BHHB", 8, height, width, 3) + bytes([1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1])
    scan = bytes([3, 1, 0, 2, 0x11, 3, 0x11, 0, 63, 0])
    return (
        JPEG
        + b"\xff\xc0"
        + struct.pack(">H", len(frame) + 2)
        + frame
        + b"\xff\xda\x00\x0c"
        + scan
        + b"\xff\xd9"
    )


@pytest.mark.parametrize(
    "content",
    [
        png_header(30_000, 30_000) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b""),
        b"GIF89a"
        + struct.pack("<HHBBB", 65_535, 65_535, 0x80, 0, 0)
        + bytes(6)
        + b",\x00\x00\x00\x00\xff\xff\xff\xff\x00\x02\x00;",
        jpeg_header(65_500, 65_500),
        png_header(200_000, 1) + chunk(b"IDAT", zlib.compress(bytes(30_000))) + chunk(b"IEND", b""),
        png_header(2**31 - 1, 2**31 - 1),
        webp_header(16_383, 16_383),
    ],
    ids=["png", "gif", "jpeg", "strip", "png-overflow", "webp"],
)
async def test_a_pixel_bomb_is_refused_and_the_worker_lives(processor, tmp_path, out, content):
    source = tmp_path / "bomb"
    source.write_bytes(content)
    with pytest.raises(Invalid):
        await processor.process(source, out, "attachment")
    done = await processor.process(saved(tmp_path, photo(20, 20), "PNG"), out, "emoji")
    assert done.original.width == 20


async def test_too_many_pixels_are_named(processor, tmp_path, out):
    source = tmp_path / "bomb"
    source.write_bytes(
        png_header(30_000, 30_000) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )
    with pytest.raises(Invalid, match="40 million pixels"):
        await processor.process(source, out, "attachment")


async def test_a_compressed_text_bomb_in_a_good_picture_costs_little(processor, tmp_path, out):
    source = saved(tmp_path, photo(20, 20), "PNG")
    data = source.read_bytes()
    bomb = chunk(b"zTXt", b"k\x00\x00" + zlib.compress(bytes(200_000_000), 9))
    source.write_bytes(data[:33] + bomb + data[33:])
    try:
        await processor.process(source, out, "attachment")
    except Invalid as error:
        assert "not a picture" in str(error)  # noqa: PT017 - both are right; dying is not
    assert (await processor.process(saved(tmp_path, photo(20, 20), "PNG"), out, "emoji")).original.width == 20


async def test_a_file_of_too_many_bytes_is_not_even_opened(tmp_path, out):
    processor = ImageProcessor(bytes_max=1_048_576)
    source = tmp_path / "large"
    source.write_bytes(bytes(1_048_577))
    with pytest.raises(TooLarge, match="1 MB"):
        await processor.process(source, out, "attachment")


# The process ----------------------------------------------------------------------------------------


def worker_pid(processor: ImageProcessor) -> int:
    (worker,) = [*processor._idle, *processor._busy]
    return worker.pid


async def test_one_worker_serves_many_pictures_and_a_dead_one_is_replaced(processor, tmp_path, out):
    source = saved(tmp_path, photo(20, 20), "PNG")
    await processor.process(source, out, "emoji")
    first = worker_pid(processor)
    await processor.process(source, out, "emoji")
    assert worker_pid(processor) == first
    os.kill(first, signal.SIGKILL)
    await processor._idle[0]._process.wait()
    await processor.process(source, out, "emoji")
    assert worker_pid(processor) != first


async def test_a_picture_that_takes_too_long_is_given_up_and_its_worker_killed(processor, tmp_path, out):
    source = saved(tmp_path, photo(20, 20), "PNG")
    await processor.process(source, out, "emoji")
    stuck = worker_pid(processor)
    os.kill(stuck, signal.SIGSTOP)
    processor.seconds_max = 0
    with pytest.raises(Invalid, match="too long"):
        await processor.process(source, out, "emoji")
    with pytest.raises(ProcessLookupError):
        os.kill(stuck, 0)
    processor.seconds_max = 15
    await processor.process(source, out, "emoji")


async def test_a_cancelled_picture_leaves_no_answer_for_the_next(processor, tmp_path, out):
    large = saved(tmp_path, photo(3000, 2000), "PNG")
    job = asyncio.create_task(processor.process(large, out, "attachment"))
    while not processor._busy:  # noqa: ASYNC110 - there is no event to wait for, and none is needed elsewhere
        await asyncio.sleep(0.01)
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    done = await processor.process(saved(tmp_path, photo(20, 20), "PNG"), out, "emoji")
    assert done.original.width == 20


async def test_the_worker_is_bound_and_sees_no_secrets(processor, tmp_path, out, monkeypatch):
    monkeypatch.setenv("FEDSERVER_SECRET", "hunter2")
    await processor.process(saved(tmp_path, photo(20, 20), "PNG"), out, "emoji")
    process = Path("/proc", str(worker_pid(processor)))
    assert b"hunter2" not in (process / "environ").read_bytes()
    limits = (process / "limits").read_text()
    assert any(
        line.split()[3:5] == [str(image_worker.MEMORY_BYTES_MAX)] * 2
        for line in limits.splitlines()
        if "address space" in line
    )
    assert any(line.split()[4:6] == ["0", "0"] for line in limits.splitlines() if "core file" in line)


async def test_an_idle_worker_goes_home(tmp_path, out, monkeypatch):
    started = []
    start = images._Worker.start

    async def record():
        started.append(await start())
        return started[-1]

    monkeypatch.setattr(images._Worker, "start", record)
    processor = ImageProcessor(idle_seconds=0)
    await processor.process(saved(tmp_path, photo(20, 20), "PNG"), out, "emoji")
    assert await asyncio.wait_for(started[0]._process.wait(), 10) == 0
    assert processor._idle == []
    await processor.close()


async def test_a_worker_that_was_taken_over_cannot_hand_us_other_files(tmp_path, out):
    (tmp_path / "secret.pem").write_text("key")
    (out / "original.png").symlink_to(tmp_path / "secret.pem")
    done = images._Done(images._File("image/png", 1, 1), None, "LKO2?U%2Tw=w]~RBVZRi};RPxuwH", animated=False)
    with pytest.raises(WorkerFailed, match="something else than a file"):
        images._collect(done, out)


async def test_a_full_disk_is_not_blamed_on_the_picture(processor, tmp_path):
    with pytest.raises(WorkerFailed):
        await processor.process(saved(tmp_path, photo(20, 20), "PNG"), tmp_path / "missing", "emoji")


async def test_a_closed_processor_takes_nothing(processor, tmp_path, out):
    await processor.close()
    with pytest.raises(WorkerFailed):
        await processor.process(saved(tmp_path, photo(20, 20), "PNG"), out, "emoji")
    assert images.INPUT_BYTES_MAX == 16 * 1024 * 1024
