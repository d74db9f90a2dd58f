"""Emoji of Unicode, one at a time: whether a text is one, and how it is written in full."""

from __future__ import annotations

from functools import cache
from typing import Final

# Asks for the coloured picture; many keyboards leave it out (UTS 51, section 2.9).
_PRESENTATION: Final = "\ufe0f"


def emoji_of(text: str) -> str | None:
    """The fully-qualified form of a single emoji; None for anything else."""
    return _qualified().get(text.replace(_PRESENTATION, ""))


@cache
def _qualified() -> dict[str, str]:
    import emoji  # a table of thousands, which most servers never need

    full = emoji.STATUS["fully_qualified"]
    return {
        one.replace(_PRESENTATION, ""): one
        for one, data in emoji.EMOJI_DATA.items()
        if data["status"] == full
    }
