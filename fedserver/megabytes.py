"""Megabytes as people read and write them: a million bytes each, exact to the byte. No I/O."""

from __future__ import annotations

from decimal import Decimal, DecimalException
from typing import Final

MB: Final = 1_000_000
DIGITS_MAX: Final = 18


def shown(size: int) -> str:
    """So many bytes in MB with as many places as they need: `entered` makes the same of it."""
    whole, rest = divmod(size, MB)
    return f"{whole}.{rest:06d}".rstrip("0") if rest else str(whole)


def entered(text: str) -> int | None:
    """So many MB in bytes, with a point or a comma; None for what is no number, or one beyond all storage."""
    try:
        number = Decimal(text.strip().replace(",", "."))
        return round(number * MB) if number.adjusted() < DIGITS_MAX else None
    except (DecimalException, ValueError, OverflowError):
        return None
