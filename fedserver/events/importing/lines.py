"""The text of a calendar before it is parsed: bounded, whole, and without what makes programs count for ever.

RFC 5545 §3.1. What a parser would choke on is taken out here and said, so that the rest can be read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from fedserver.errors import Invalid, TooLarge
from fedserver.events.importing.found import EVENTS_MAX, Read
from fedserver.resources.importing.files import decoded
from fedserver.resources.importing.receipts import Note, quoted

BYTES_MAX: Final = 4_000_000
LINES_MAX: Final = 80_000
LINE_CHARS_MAX: Final = 100_000
DEPTH_MAX: Final = 6
ZONE_PARTS_MAX: Final = 400
_LINE_END: Final = re.compile(r"\r\n|\r|\n")
_NAME: Final = re.compile(r"[^;:\s]{1,100}")
_ZONE_RULE: Final = re.compile(
    r"RRULE:(?:(?:FREQ=YEARLY|INTERVAL=[1-9]\d?|BYMONTH=\d{1,2}|BYDAY=[-+\dA-Z,]{2,40}|BYMONTHDAY=[-\d,]{1,60}"
    r"|WKST=[A-Z]{2}|COUNT=\d{1,4}|UNTIL=[\dTZ]{8,16})(?:;|$))+",
    re.IGNORECASE,
)
# Of what programs say by themselves. Everything else that begins with X- is passed over.
_OURS: Final = (
    "X-WR-CALNAME", "X-WR-TIMEZONE", "X-WR-CALDESC", "X-ALT-DESC", "X-LIC-LOCATION", "X-GOOGLE-CONFERENCE",
    "X-MICROSOFT-SKYPETEAMSMEETINGURL", "X-MICROSOFT-ONLINEMEETINGCONFLINK",
)  # fmt: skip


def prepared(body: bytes | str, done: Read) -> str:
    """The calendar as lines that can be parsed; what was mended is told to `done`.

    Raises TooLarge, Invalid for what is no calendar or is nested beyond reason.
    """
    if len(body) > BYTES_MAX:
        raise TooLarge(f"A calendar may have at most {BYTES_MAX:,} bytes.")
    text = decoded(body) if isinstance(body, bytes) else body.removeprefix("\ufeff")
    text = text.replace("\0", "")
    lines = _unfolded(text)
    if not lines or not any(one.lstrip()[:6].upper() == "BEGIN:" for one in lines[:50]):
        raise Invalid({}, "This is no calendar: it does not begin as iCalendar does (BEGIN:VCALENDAR).")
    if len(lines) > LINES_MAX:
        raise TooLarge(f"A calendar may have at most {LINES_MAX:,} lines.")
    if sum(one[:12].upper() == "BEGIN:VEVENT" for one in lines) > EVENTS_MAX * 2:
        raise TooLarge(f"A calendar may have at most {EVENTS_MAX:,} events.")
    return "\r\n".join(_mended(lines, done)) + "\r\n"


def _unfolded(text: str) -> list[str]:
    """Lines as they were meant, without empty ones; some programs leave an empty line within one that is folded."""
    parts: list[list[str]] = []
    for one in _LINE_END.split(text):
        if one[:1] in (" ", "\t") and parts:
            parts[-1].append(one[1:])
        elif one.strip():
            parts.append([one])
    return ["".join(one) for one in parts]


def _mended(lines: list[str], done: Read) -> Iterator[str]:
    open_parts: list[str] = []
    zone_parts = 0
    for number, line in enumerate(lines, 1):
        head = line[:7].upper()
        if head[:6] == "BEGIN:":
            open_parts.append(line[6:].strip().upper())
            if len(open_parts) > DEPTH_MAX:
                raise Invalid({}, f"The calendar is nested too deeply, at line {number:,}.")
            zone_parts += "VTIMEZONE" in open_parts
            if zone_parts > ZONE_PARTS_MAX:
                raise Invalid({}, "The calendar brings the rules of more time zones than there are.")
        elif head[:4] == "END:" and open_parts:
            open_parts.pop()
        elif len(line) > LINE_CHARS_MAX:
            found = _NAME.match(line)
            name = found[0].upper() if found else "A line"
            if name not in ("ATTACH", "X-ALT-DESC", "IMAGE"):
                note = f"{name} had {len(line):,} characters, and was left out."
                done.repaired.append(Note(field="", sentence=note, line=number))
            continue
        elif head[:2] == "X-" and not line.upper().startswith(_OURS):
            continue
        elif "VTIMEZONE" in open_parts and head.startswith("RRULE") and not _ZONE_RULE.fullmatch(line):
            note = f"A zone changes its clocks by a rule that no zone has: {quoted(line)}"
            done.repaired.append(Note(field="schedule", sentence=note, line=number))
            continue
        yield line
    if open_parts:
        done.whole = False
        note = f"It ends in the middle ({open_parts[-1][:40]} is not closed), so something may be missing."
        done.repaired.append(Note(field="", sentence=note, line=len(lines)))
        for name in reversed(open_parts):
            yield f"END:{name}"
