"""The pictures of the sample community, drawn here: portraits by hue, and a few scenes."""

from __future__ import annotations

import colorsys
import random
from collections.abc import Callable
from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw

Colour = tuple[int, int, int]
SIZE: Final = (1200, 800)


def colour(hue: float, saturation: float, lightness: float) -> Colour:
    """Hue in degrees, the others from 0 to 1."""
    red, green, blue = colorsys.hls_to_rgb((hue % 360) / 360, lightness, saturation)
    return round(red * 255), round(green * 255), round(blue * 255)


def portrait(hue: int, to: Path) -> Path:
    """An abstract face of overlapping circles, different for every hue."""
    chance = random.Random(hue)  # noqa: S311  the same picture each time is the point
    image = Image.new("RGB", (480, 480), colour(hue, 0.35, 0.86))
    draw = ImageDraw.Draw(image)
    draw.ellipse((60, 300, 420, 660), fill=colour(hue + 150, 0.4, 0.42))
    hair = colour(hue + chance.randint(-20, 20), chance.uniform(0.1, 0.45), chance.uniform(0.14, 0.4))
    draw.ellipse((122, 78, 358, chance.choice((260, 300, 380))), fill=hair)
    draw.ellipse(
        (148, 116, 332, 330), fill=colour(chance.choice((18, 24, 28)), 0.42, chance.uniform(0.35, 0.75))
    )
    draw.chord((140, 84, 340, 260), 180 + chance.randint(-12, 28), 360 - chance.randint(-12, 28), fill=hair)
    for x in (200, 280):
        draw.ellipse((x - 9, 216, x + 9, 236), fill=colour(hue, 0.3, 0.12))
    draw.arc((200, 230, 280, 290), 25, 155, fill=colour(hue, 0.3, 0.15), width=6)
    image.save(to, "PNG")
    return to


def banner(hue: int, to: Path) -> Path:
    """Soft hills in one hue."""
    image = Image.new("RGB", (1500, 500), colour(hue, 0.3, 0.9))
    draw = ImageDraw.Draw(image)
    chance = random.Random(hue + 1)  # noqa: S311
    for layer in range(5):
        height = 200 + layer * 60
        points = [(x, height + chance.randint(-40, 40)) for x in range(-100, 1700, 150)]
        draw.polygon(
            [(-100, 500), *points, (1600, 500)], fill=colour(hue + layer * 6, 0.32, 0.8 - layer * 0.12)
        )
    image.save(to, "PNG")
    return to


def _wall(draw: ImageDraw.ImageDraw) -> None:
    draw.rectangle((0, 0, *SIZE), fill=(236, 233, 226))
    chance = random.Random(7)  # noqa: S311
    for column, (hue, notes) in enumerate(((52, 4), (190, 5), (120, 4), (300, 3), (28, 7))):
        for row in range(notes):
            x, y = 90 + column * 215 + chance.randint(-8, 8), 60 + row * 100 + chance.randint(-5, 5)
            draw.rectangle((x, y, x + 150, y + 84), fill=colour(hue, 0.8, 0.72))
            for line in range(chance.randint(2, 3)):
                end = x + chance.randint(80, 130)
                draw.line(
                    (x + 16, y + 22 + line * 20, end, y + 22 + line * 20), fill=colour(hue, 0.5, 0.3), width=4
                )


def _axes(draw: ImageDraw.ImageDraw) -> None:
    draw.rectangle((0, 0, *SIZE), fill=(252, 252, 250))
    draw.line((160, 80, 160, 680, 1100, 680), fill=(60, 66, 72), width=5)


def _bars(draw: ImageDraw.ImageDraw) -> None:
    _axes(draw)
    draw.rectangle((300, 330, 500, 678), fill=colour(198, 0.6, 0.45))
    draw.rectangle((720, 318, 920, 678), fill=colour(28, 0.75, 0.52))


def _dots(draw: ImageDraw.ImageDraw) -> None:
    _axes(draw)
    chance = random.Random(3)  # noqa: S311
    for centre_x, centres, hue in ((400, (330,), 198), (820, (170, 500), 28)):
        for one in range(44):
            x = centre_x + chance.gauss(0, 45)
            y = centres[one % len(centres)] + chance.gauss(0, 32)
            draw.ellipse((x - 9, y - 9, x + 9, y + 9), fill=colour(hue, 0.65, 0.48))


def _sea(draw: ImageDraw.ImageDraw) -> None:
    for y in range(440):
        draw.line((0, y, SIZE[0], y), fill=colour(30 + y / 12, 0.55, 0.45 + y / 1200))
    for y in range(440, SIZE[1]):
        draw.line((0, y, SIZE[0], y), fill=colour(205, 0.45, 0.42 - (y - 440) / 1600))
    draw.ellipse((840, 330, 1000, 490), fill=colour(42, 0.9, 0.75))
    draw.rectangle((0, 440, SIZE[0], 500), fill=colour(205, 0.45, 0.42))
    draw.polygon([(300, 420), (480, 420), (450, 462), (330, 462)], fill=(52, 56, 62))
    draw.rectangle((352, 372, 420, 420), fill=(228, 226, 220))
    draw.line((386, 372, 386, 310), fill=(52, 56, 62), width=5)


SCENES: Final[dict[str, Callable[[ImageDraw.ImageDraw], None]]] = {
    "wall": _wall,
    "bars": _bars,
    "dots": _dots,
    "sea": _sea,
}


def scene(name: str, to: Path) -> Path:
    """One of `SCENES` as a PNG."""
    image = Image.new("RGB", SIZE)
    SCENES[name](ImageDraw.Draw(image))
    image.save(to, "PNG")
    return to
