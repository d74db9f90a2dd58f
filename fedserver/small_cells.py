"""Tables of numbers in which nobody can be recognised: small cells are hidden, and others with them where totals would
give them away. No I/O.

A number under `LEAST` is hidden (primary suppression). Whoever knows the sum of a row of cells could still work a hidden
one out, so further cells of the row are hidden until every value that a small cell can have fits what is shown
(complementary suppression); where that is not enough, the sum is hidden.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

LEAST: Final = 5
SMALL: Final = f"<{LEAST}"
HIDDEN: Final = "hidden"


@dataclass(frozen=True, slots=True)
class Shown:
    """Cells as they are shown, with their sum: numbers, `SMALL` or `HIDDEN`."""

    cells: tuple[str, ...]
    total: str


def alone(value: int) -> str:
    """A number that nothing is added up from."""
    return SMALL if value < LEAST else str(value)


def added(values: Sequence[int], *, total_is_hidden: bool = False) -> Shown:
    """Numbers and their sum. With `total_is_hidden` the sum is hidden for reasons of its own, as other tables could
    give it away: then one of the cells is hidden, too."""
    total = sum(values)
    small = [place for place, value in enumerate(values) if value < LEAST]
    # The smallest tell least: they are hidden first.
    visible = sorted((place for place in range(len(values)) if place not in small), key=lambda at: values[at])
    hidden: list[int] = []
    if total < LEAST:
        return Shown((SMALL,) * len(values), SMALL)
    if total_is_hidden:
        # What is shown must leave as much open as the sum that is hidden does.
        while visible and sum(values[at] - LEAST for at in hidden) < LEAST - 1:
            hidden.append(visible.pop(0))
    elif small:
        while visible and not _is_safe(values, small, hidden):
            hidden.append(visible.pop(0))
        if not _is_safe(values, small, hidden):
            total_is_hidden = True
    return Shown(
        tuple(
            SMALL if place in small else HIDDEN if place in hidden else str(value)
            for place, value in enumerate(values)
        ),
        HIDDEN if total_is_hidden else str(total),
    )


def _is_safe(values: Sequence[int], small: Sequence[int], hidden: Sequence[int]) -> bool:
    """Whether each small cell can have any value from 0 to `LEAST` - 1, for who knows the sum of all that is not shown
    and that what is `HIDDEN` is `LEAST` at least."""
    if not hidden:
        return False
    unknown = sum(values[place] for place in (*small, *hidden))
    return unknown - LEAST * len(hidden) >= LEAST - 1


def in_quarters(months: Sequence[int]) -> tuple[list[Shown], Shown]:
    """Twelve months: each quarter's months with their sum, and the quarters with the sum of the year. Neither gives
    away what the other hides."""
    quarters = [list(months[start : start + 3]) for start in range(0, len(months), 3)]
    year = added([sum(one) for one in quarters])
    return [
        added(one, total_is_hidden=shown == HIDDEN) for one, shown in zip(quarters, year.cells, strict=True)
    ], year


def share(part: int, whole: int) -> str:
    """A part of a whole in per cent, where neither is small."""
    if whole < LEAST or part < LEAST:
        return SMALL
    return f"{round(100 * part / whole)} %"
