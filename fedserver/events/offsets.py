"""How long before an event begins somebody can be reminded of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from fedserver.errors import Invalid

OFFSETS: Final = (5, 10, 15, 30, 60, 120, 180, 360, 720, 1_440, 2_880, 4_320, 10_080, 20_160)
"""How long before it begins somebody can be reminded of an event, in minutes: five of them to fourteen days."""


def checked_minutes(minutes: Sequence[int]) -> tuple[int, ...]:
    """Each once, the longest before first. Raises Invalid."""
    if any(one not in OFFSETS for one in minutes):
        words = ", ".join(str(one) for one in OFFSETS)
        raise Invalid({"minutes": f"must be among {words} minutes before it begins"})
    return tuple(sorted(set(minutes), reverse=True))
