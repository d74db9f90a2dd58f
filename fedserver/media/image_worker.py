"""The process that decodes pictures from strangers: `python -m fedserver.media.image_worker`.

Started by `images.ImageProcessor` with an empty environment. It reads jobs on standard input and answers on
standard output, each a msgpack map after four bytes of length (big endian). It sets its own limits of memory,
processor time and files before the first picture, and imports nothing of the server.

Every result is drawn anew from pixels: no byte of the input, no EXIF, GPS position, comment, thumbnail or
colour profile is carried over.
"""

import io
import os
import resource
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
from blurhash_rs import blurhash_encode
from PIL import AvifImagePlugin, GifImagePlugin, Image, ImageCms, ImageOps, WebPImagePlugin

# Named explicitly, so that Pillow tries no other decoder on what it is given.
FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "AVIF")

MEMORY_BYTES_MAX = 1 << 30
OUTPUT_BYTES_MAX = 64 << 20
OPEN_FILES_MAX = 32
FRAMES_MAX = 1_000
ANIMATION_PIXELS_MAX = 50_000_000
"""Frames times pixels of an animation that stays one; 480×270 for twelve seconds at 30 frames a second."""
ANIMATION_BYTES_MAX = 16 << 20  # Drawn anew it may have grown beyond what anybody would wait for.
SIDE_MAX = 20_000  # A strip of 200,000 × 1 is small in pixels and still breaks layouts and encoders.

ORIGINAL_PIXELS_MAX = 8_294_400  # 3840 × 2160, as Mastodon.
PREVIEW_PIXELS_MAX = 230_400  # 640 × 360, as Mastodon.
CROPS = {"avatar": (400, 400), "header": (1500, 500)}
EMOJI_SIDE_MAX = 128

BLURHASH_SIDE = 64  # The hash holds a dozen colours; more pixels change nothing.
_ORIENTATION = 0x0112
_JPEG_LIKE = ("JPEG", "MPO")  # MPO: a JPEG with more of them behind it, as many phones write.
_ICC_MODES = ("RGB", "RGBA", "CMYK", "L")
_TRANSPOSITIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_MEDIA_TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "GIF": "image/gif", "WEBP": "image/webp"}
_SUFFIXES = {"JPEG": ".jpg", "PNG": ".png", "GIF": ".gif", "WEBP": ".webp"}
_SAVE_OPTIONS: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 88, "optimize": True, "progressive": True},
    "PNG": {},
    "GIF": {},
    "WEBP": {"quality": 85, "method": 3},
}


class Refused(Exception):
    """The picture is not accepted: a code that `images` has a sentence for, and what the decoder said."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail


def process(job: dict[str, Any]) -> dict[str, Any]:
    """One picture: read `source`, write into `out_dir`, describe what was written. Raises Refused."""
    purpose: str = job["purpose"]
    try:
        outputs = _decode(job["source"], purpose, pixels_max=job["pixels_max"])
    except Refused:
        raise
    except MemoryError as error:
        raise Refused("too_many_pixels") from error
    except Exception as error:  # A decoder fed with hostile bytes raises anything at all.
        raise Refused("unreadable", f"{type(error).__name__}: {error!s:.200}") from error
    # From here on an error is ours (a full disk), not the picture's.
    files: dict[str, Any] = {}
    for name, output in outputs["files"].items():
        if output is None:  # the original is small enough to be its own preview
            files[name] = None
            continue
        media_type = _MEDIA_TYPES[output["format"]]
        # The name says nothing new: the caller knows it from `name` and the type.
        (Path(job["out_dir"]) / f"{name}{_SUFFIXES[output['format']]}").write_bytes(output["data"])
        files[name] = {"media_type": media_type, "width": output["size"][0], "height": output["size"][1]}
    return {**files, "blurhash": outputs["blurhash"], "animated": outputs["animated"]}


def measure(job: dict[str, Any]) -> tuple[int, int]:
    """Width and height as the file's head says. Raises Refused for what is no picture, or too large a one."""
    try:
        with open(job["source"], "rb") as file, Image.open(file, formats=FORMATS) as image:
            return _checked_size(image, job["pixels_max"])
    except Refused:
        raise
    except Exception as error:
        raise Refused("unreadable", f"{type(error).__name__}: {error!s:.200}") from error


def _checked_size(image: Image.Image, pixels_max: int) -> tuple[int, int]:
    width, height = image.size
    if width * height > pixels_max or max(width, height) > SIDE_MAX:
        raise Refused("too_many_pixels")
    return width, height


def _decode(source: str, purpose: str, *, pixels_max: int) -> dict[str, Any]:
    with open(source, "rb") as file, Image.open(file, formats=FORMATS) as image:
        _checked_size(image, pixels_max)
        shape = _shape_for(purpose)
        if getattr(image, "is_animated", False) and image.format in ("GIF", "WEBP", "PNG"):
            animation = _animation(image, shape)
            if animation is not None:
                return animation
            image.seek(0)
        still = shape(_still(image))
        return _result(still, _still_format(image.format, still), purpose)


def _result(still: Image.Image, file_format: str, purpose: str) -> dict[str, Any]:
    preview = _within(still, PREVIEW_PIXELS_MAX) if purpose == "attachment" else still
    original = _output(still, file_format)
    return {
        "files": {
            "original": original,
            "preview": None if preview is still else _output(preview, _preview_format(file_format)),
        },
        "blurhash": _blurhash(preview),
        "animated": False,
    }


def _animation(image: Image.Image, shape: Callable[[Image.Image], Image.Image]) -> dict[str, Any] | None:
    """All frames, drawn anew in the same format; None when there is but one, or they are too many."""
    frames_max = min(FRAMES_MAX, ANIMATION_PIXELS_MAX // (image.width * image.height))
    frames: list[Image.Image] = []
    durations: list[int] = []
    # Frame by frame instead of `n_frames`, which reads the whole file however many there are.
    try:
        while True:
            if len(frames) >= frames_max:
                return None
            image.load()
            frames.append(shape(_plain_copy(image.convert("RGBA"))))
            durations.append(max(20, min(60_000, int(image.info.get("duration", 0) or 100))))
            image.seek(len(frames))
    except EOFError:
        pass
    if len(frames) < 2:
        return None
    file_format = str(image.format)
    buffer = io.BytesIO()
    options: dict[str, Any] = {
        "loop": 0,
        "duration": durations,
        "save_all": True,
        "append_images": frames[1:],
    }
    if file_format == "GIF":
        options |= {"disposal": 2, "optimize": False}
    elif file_format == "WEBP":
        options |= {"quality": 75, "method": 1}
    frames[0].save(buffer, format=file_format, **options)
    if buffer.tell() > ANIMATION_BYTES_MAX:
        return None
    preview = _opaque_if_possible(_within(frames[0], PREVIEW_PIXELS_MAX))
    return {
        "files": {
            "original": {"format": file_format, "data": buffer.getvalue(), "size": frames[0].size},
            "preview": _output(preview, "PNG" if file_format == "GIF" else "WEBP"),
        },
        "blurhash": _blurhash(preview),
        "animated": True,
    }


def _still(image: Image.Image) -> Image.Image:
    """The one picture as RGB or RGBA in sRGB, upright, at most as large as the largest original."""
    orientation = _orientation(image)
    target = _fitting(image.size, ORIGINAL_PIXELS_MAX)
    if image.format in _JPEG_LIKE:
        # libjpeg can decode at a half, quarter or eighth: most of the time and memory of a large photo.
        image.draft(None, target)
    image.load()
    profile = image.info.get("icc_profile")
    picture = _eight_bit(image)
    if picture.size != target and picture.width * picture.height > target[0] * target[1]:
        picture = picture.resize(target, Image.Resampling.LANCZOS, reducing_gap=2.0)
    picture = _to_srgb(picture, profile)
    if orientation in _TRANSPOSITIONS:
        picture = picture.transpose(_TRANSPOSITIONS[orientation])
    return _opaque_if_possible(_plain_copy(picture))


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # Broken metadata of a good picture: show it as it lies.
        return 1


def _eight_bit(image: Image.Image) -> Image.Image:
    """A mode that resizes and converts well: L, RGB, RGBA or CMYK."""
    if image.mode in ("L", "RGB", "RGBA", "CMYK") and "transparency" not in image.info:
        return image
    if image.mode.startswith("I"):  # 16 bits of grey
        return image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    if image.mode in ("P", "PA", "LA", "La", "RGBa") or "transparency" in image.info:
        return image.convert("RGBA")
    return image.convert("RGB")


def _to_srgb(picture: Image.Image, profile: Any) -> Image.Image:
    wanted = "RGBA" if picture.mode == "RGBA" else "RGB"
    if profile and picture.mode in _ICC_MODES:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            if not ImageCms.getProfileDescription(source).startswith("sRGB"):
                converted = ImageCms.profileToProfile(
                    picture, source, ImageCms.createProfile("sRGB"), outputMode=wanted
                )
                if converted is not None:
                    return converted
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            pass  # A broken profile, or one of other colours than the picture: take the numbers as sRGB.
    return picture if picture.mode == wanted else picture.convert(wanted)


def _plain_copy(picture: Image.Image) -> Image.Image:
    """Pixels only: encoders would write comments and profiles found in `info`."""
    if type(picture) is not Image.Image:
        picture = picture.copy()
    picture.info = {}
    return picture


def _opaque_if_possible(picture: Image.Image) -> Image.Image:
    if picture.mode == "RGBA" and picture.getchannel("A").getextrema() == (255, 255):
        return picture.convert("RGB")
    return picture


def _shape_for(purpose: str) -> Callable[[Image.Image], Image.Image]:
    if purpose in CROPS:
        size = CROPS[purpose]
        return lambda picture: _cropped(picture, size)
    if purpose == "emoji":
        return _emoji
    return lambda picture: _within(picture, ORIGINAL_PIXELS_MAX)


def _fitting(size: tuple[int, int], pixels_max: int) -> tuple[int, int]:
    width, height = size
    if width * height <= pixels_max:
        return size
    scale = (pixels_max / (width * height)) ** 0.5
    return max(1, int(width * scale)), max(1, int(height * scale))


def _within(picture: Image.Image, pixels_max: int) -> Image.Image:
    size = _fitting(picture.size, pixels_max)
    return (
        picture if size == picture.size else picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
    )


def _cropped(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The middle in the wanted proportion, never enlarged."""
    scale = min(1.0, picture.width / size[0], picture.height / size[1])
    target = (max(1, round(size[0] * scale)), max(1, round(size[1] * scale)))
    return ImageOps.fit(picture, target, Image.Resampling.LANCZOS)


def _emoji(picture: Image.Image) -> Image.Image:
    scale = EMOJI_SIDE_MAX / max(picture.size)
    if scale >= 1:
        return picture
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)


def _still_format(source: str | None, picture: Image.Image) -> str:
    if source in (*_JPEG_LIKE, "AVIF") and picture.mode == "RGB":
        return "JPEG"  # Not every app and server shows AVIF.
    return "WEBP" if source in ("WEBP", "AVIF") else "PNG"


def _preview_format(original: str) -> str:
    return "JPEG" if original == "JPEG" else "WEBP"


def _output(picture: Image.Image, file_format: str) -> dict[str, Any]:
    buffer = io.BytesIO()
    picture.save(buffer, format=file_format, **_SAVE_OPTIONS[file_format])
    return {"format": file_format, "data": buffer.getvalue(), "size": picture.size}


def _blurhash(picture: Image.Image) -> str:
    small = picture.copy()
    small.thumbnail((BLURHASH_SIDE, BLURHASH_SIDE))
    if small.mode == "RGBA":
        ground = Image.new("RGB", small.size, "white")
        ground.paste(small, mask=small.getchannel("A"))
        small = ground
    x, y = (4, 3) if small.width >= small.height else (3, 4)
    return blurhash_encode(small, x, y)


def limit_resources() -> None:
    """Bind this process: no later picture can take more, whatever its decoder does."""
    for limit, value in (
        (resource.RLIMIT_AS, MEMORY_BYTES_MAX),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, OUTPUT_BYTES_MAX),
        (resource.RLIMIT_NOFILE, OPEN_FILES_MAX),
    ):
        hard = resource.getrlimit(limit)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(limit, (value, value))
    Image.MAX_IMAGE_PIXELS = None  # Ours is checked with a sentence of its own, before a pixel is decoded.
    GifImagePlugin.LOADING_STRATEGY = GifImagePlugin.LoadingStrategy.RGB_AFTER_DIFFERENT_PALETTE_ONLY


def allow_processor_time(seconds: int) -> None:
    """From now on so much; beyond it the kernel ends the process (SIGXCPU)."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    allowed = int(used.ru_utime + used.ru_stime) + seconds + 1
    resource.setrlimit(
        resource.RLIMIT_CPU, (allowed if hard == resource.RLIM_INFINITY else min(allowed, hard), hard)
    )


def _read(stream: BinaryIO) -> dict[str, Any] | None:
    head = stream.read(4)
    if len(head) < 4:
        return None
    (length,) = struct.unpack(">I", head)
    job: dict[str, Any] = msgspec.msgpack.decode(stream.read(length))
    return job


def _write(stream: BinaryIO, answer: dict[str, Any]) -> None:
    data = msgspec.msgpack.encode(answer)
    stream.write(struct.pack(">I", len(data)) + data)
    stream.flush()


def main() -> None:
    """Answer jobs until standard input ends."""
    # Anything a library prints must not become part of an answer.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    limit_resources()
    _write(answers, {"ready": True, "formats": [AvifImagePlugin.SUPPORTED, WebPImagePlugin.SUPPORTED]})
    while (job := _read(sys.stdin.buffer)) is not None:
        allow_processor_time(job["seconds_max"])
        try:
            if job["purpose"] == "measure":
                _write(answers, {"measured": measure(job)})
            else:
                _write(answers, {"done": process(job)})
        except Refused as error:
            _write(answers, {"refused": error.code, "detail": error.detail})
        except OSError as error:
            _write(answers, {"failed": f"{type(error).__name__}: {error}"})


if __name__ == "__main__":
    main()
