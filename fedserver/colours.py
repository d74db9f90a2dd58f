"""Colours that can be read: how much one stands out from another, and shades of it that stand out enough."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass
from typing import Final

CONTRAST_MIN: Final = 4.5  # WCAG 2.2, 1.4.3
TINT_SHARE: Final = 0.09  # as `--tint` of the style sheet mixes it
_STEPS: Final = 200


@dataclass(frozen=True, slots=True)
class Scheme:
    """What an accent lies on in a colour scheme: page and cards, and what is written on the accent itself."""

    page: str
    surface: str
    on_accent: str
    lightness_wanted: float  # of a shade that is computed
    name: str


LIGHT: Final = Scheme("#fbfbf9", "#ffffff", "#ffffff", 0.0, "light")
DARK: Final = Scheme("#14171a", "#1c2024", "#0e1a20", 1.0, "dark")


def contrast(one: str, other: str) -> float:
    """How much two colours (``#rrggbb``) stand out from each other: 1 not at all, 21 as black from white."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def readable(accent: str, scheme: Scheme) -> float:
    """The least contrast that an accent has with anything it lies on, or that lies on it."""
    tinted = _mixed(accent, scheme.surface, TINT_SHARE)
    return min(contrast(accent, one) for one in (scheme.page, scheme.surface, tinted, scheme.on_accent))


def shade(accent: str, scheme: Scheme) -> str:
    """The same hue in this scheme: the accent itself where it can be read, else the nearest lightness that can."""
    hue, lightness, saturation = colorsys.rgb_to_hls(*_parts(accent))
    for step in range(_STEPS + 1):
        there = lightness + (scheme.lightness_wanted - lightness) * step / _STEPS
        found = _hex(colorsys.hls_to_rgb(hue, there, saturation))
        if readable(found, scheme) >= CONTRAST_MIN:
            return found
    return scheme.on_accent if scheme is DARK else "#000000"  # cannot be: black and white can be read


def too_faint(accent: str, scheme: Scheme) -> str:
    """What is wrong with an accent, with what was measured, as a sentence part; "" where it can be read."""
    measured = readable(accent, scheme)
    if measured >= CONTRAST_MIN:
        return ""
    # Never rounded up to what would be enough.
    shown = int(measured * 100) / 100
    return (
        f"has a contrast of {shown:.2f}:1 in the {scheme.name} colours and needs {CONTRAST_MIN}:1; "
        f"the nearest of this hue that can be read is {shade(accent, scheme)}"
    )


def _parts(colour: str) -> tuple[float, float, float]:
    red, green, blue = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    return red, green, blue


def _hex(parts: tuple[float, float, float]) -> str:
    return "#" + "".join(f"{round(part * 255):02x}" for part in parts)


def _mixed(one: str, other: str, share: float) -> str:
    red, green, blue = (a * share + b * (1 - share) for a, b in zip(_parts(one), _parts(other), strict=True))
    return _hex((red, green, blue))


def _luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in _parts(colour)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
