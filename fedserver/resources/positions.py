"""Sets of places in a list: few as a set of numbers, many as the bits of one integer.

What is done with whole sets (both, either, how many) is one operation of the interpreter's on the bits. A set costs no more
than about 100 bytes for each of its members, however long the list is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

# Bits of a list of n cost n / 8 bytes, and a number in a set about 60: from one in 512 on bits are the smaller.
SPARSE: Final = 512
_ONES: Final = bytes(1 if one == ord("1") else 0 for one in range(256))


class Positions:
    """Places in a list. `bits` has the n-th bit set for the n-th place."""

    __slots__ = ("_bits", "_few", "count")

    def __init__(self) -> None:
        self._few: set[int] | None = set()
        self._bits = 0
        self.count = 0

    def add(self, place: int, size: int) -> None:
        """Put in a place, which is not in it, of a list that has `size` of them."""
        self.count += 1
        if self._few is None:
            self._bits |= 1 << place
            return
        self._few.add(place)
        if self.count * SPARSE > size:
            self._bits, self._few = bits_of(self._few), None

    def remove(self, place: int, size: int) -> None:
        """Take out a place that is in it."""
        self.count -= 1
        if self._few is not None:
            self._few.remove(place)
            return
        self._bits ^= 1 << place
        if self.count * SPARSE * 2 < size:
            self._few, self._bits = set(places_of(self._bits)), 0

    @property
    def bits(self) -> int:
        """As an integer."""
        return self._bits if self._few is None else bits_of(self._few)

    def count_in(self, bits: int, flags: bytes) -> int:
        """How many of them are among others, which are given as an integer and as `flags_of` it."""
        if self._few is None:
            return (self._bits & bits).bit_count()
        size = len(flags)
        return sum(flags[place] for place in self._few if place < size)


def bits_of(places: Iterable[int]) -> int:
    """The integer with these bits."""
    ordered = list(places)
    if len(ordered) < 8:
        bits = 0
        for place in ordered:
            bits |= 1 << place
        return bits
    made = bytearray((max(ordered) >> 3) + 1)
    for place in ordered:
        made[place >> 3] |= 1 << (place & 7)
    return int.from_bytes(made, "little")


def flags_of(bits: int) -> bytes:
    """A byte for each place up to the last: 1 for those that are in it, 0 for the others."""
    return f"{bits:b}".encode().translate(_ONES)[::-1] if bits else b""


def places_of(bits: int) -> Iterator[int]:
    """The places, from the first."""
    flags = flags_of(bits)
    at = flags.find(1)
    while at >= 0:
        yield at
        at = flags.find(1, at + 1)
