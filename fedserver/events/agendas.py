"""An agenda as lines of text, for forms: ``0:15 Lesson design | Ada Lovelace, Grace Hopper | /resources/7``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from fedserver.events.records import AgendaItem

_OFFSET: Final = re.compile(r"(\d{1,3}):([0-5]\d)\s+", re.ASCII)
_RESOURCE: Final = re.compile(r"(?:\S*/resources/)?(\d{1,19})(?:[/?#]\S*)?", re.ASCII)


def from_lines(text: str) -> tuple[AgendaItem, ...]:
    """The items of these lines: hours and minutes after the beginning, title, speakers, addresses of resources. What cannot be
    read as the address of one stays as it is, and is refused where the agenda is checked."""
    return tuple(_item(line.strip()) for line in text.splitlines() if line.strip())


def _item(line: str) -> AgendaItem:
    title, speakers, resources, *_ = [*(part.strip() for part in line.split("|")), "", ""]
    offset = _OFFSET.match(title)
    found = (_RESOURCE.fullmatch(one) or one for one in resources.replace(",", " ").split())
    return AgendaItem(
        title=title[offset.end() :] if offset else title,
        offset_minutes=int(offset[1]) * 60 + int(offset[2]) if offset else 0,
        speakers=tuple(one.strip() for one in speakers.split(",") if one.strip()),
        resources=tuple(one if isinstance(one, str) else one[1] for one in found),
    )


def to_lines(agenda: Sequence[AgendaItem]) -> str:
    """The lines from which the same agenda is read."""
    return "\n".join(_line(one) for one in agenda)


def _line(item: AgendaItem) -> str:
    parts = [f"{clock(item)} {item.title}" if item.offset_minutes else item.title]
    if item.speakers or item.resources:
        parts.append(", ".join(item.speakers))
    if item.resources:
        parts.append(" ".join(f"/resources/{one}" for one in item.resources))
    return " | ".join(parts)


def clock(item: AgendaItem) -> str:
    """How long after the beginning, as ``1:15``."""
    return f"{item.offset_minutes // 60}:{item.offset_minutes % 60:02d}"
