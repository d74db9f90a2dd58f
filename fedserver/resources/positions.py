"""Sets of places in a list: few as a set of numbers, many as the bits of one integer.

What is done with whole sets (both, either, how many) is one operation of the interpreter's on the bits. A set costs no more
than about 100 bytes for each of its members, however long the list is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import compress, count
from typing import Final

# Bits of a list of n cost n / 8 bytes, and a number in a set about 60: from one in 512 on bits are the smaller.
SPARSE: Final = 512
_ONES: Final = bytes(1 if one == ord("1") else 0 for one in range(256))


class Positions:
    """Places in a list. `bits` has the n-th bit set for the n-th place."""

    __slots__ = ("_bits", "_few", "count")

    def __init__(self) -> None:
        self._few: set[int] = set()  # those that are in it beside the bits
        self._bits = 0
        self.count = 0

    def add(self, place: int) -> None:
        """Put in a place that is not in it."""
        self.count += 1
        self._few.add(place)

    def remove(self, place: int) -> None:
        """Take out a place that is in it."""
        self.count -= 1
        if place in self._few:
            self._few.remove(place)
        else:
            self._bits ^= 1 << place

    def settle(self, size: int) -> None:
        """Take the smaller of both forms, in a list of `size` places."""
        if self.count * SPARSE > size:
            if self._few:
                self._bits, self._few = self._bits | bits_of(self._few), set()
        elif self._bits:
            self._few.update(places_of(self._bits))
            self._bits = 0

    @property
    def bits(self) -> int:
        """As an integer."""
        return self._bits | bits_of(self._few) if self._few else self._bits

    def count_in(self, result: Result) -> int:
        """How many of them are in a result."""
        number = (self._bits & result.bits).bit_count() if self._bits else 0
        return number + len(self._few & result.places) if self._few else number


class Result:
    """Places that have been found, in the forms in which they are asked."""

    __slots__ = ("_places", "bits", "count")

    def __init__(self, bits: int) -> None:
        self.bits = bits
        self.count = bits.bit_count()
        self._places: set[int] | None = None

    @property
    def places(self) -> set[int]:
        """As a set, made when it is first asked for."""
        if self._places is None:
            self._places = set(places_of(self.bits))
        return self._places


def bits_of(places: Iterable[int]) -> int:
    """The integer with these bits."""
    ordered = list(places)
    if not ordered:
        return 0
    made = bytearray((max(ordered) >> 3) + 1)
    for place in ordered:
        made[place >> 3] |= 1 << (place & 7)
    return int.from_bytes(made, "little")


def places_of(bits: int) -> Iterator[int]:
    """The places, from the first."""
    flags = f"{bits:b}".encode().translate(_ONES)[::-1] if bits else b""
    if bits.bit_count() * 16 > len(flags):
        yield from compress(count(), flags)
        return
    at = flags.find(1)
    while at >= 0:
        yield at
        at = flags.find(1, at + 1)
