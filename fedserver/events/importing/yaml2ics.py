"""Calendars that are kept as YAML and published by yaml2ics, as CodeRefinery's are: each entry is read as the event of a calendar
that it would become, without the new names that each publishing gives.

https://github.com/scientific-python/yaml2ics
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fedserver.errors import FedError, Invalid
from fedserver.events import series
from fedserver.events.importing import components, zones
from fedserver.events.importing.components import Source, Unreadable
from fedserver.events.importing.found import EVENTS_MAX, Read, joined
from fedserver.events.importing.wording import line
from fedserver.later import Later
from fedserver.resources.importing import files, yaml_files
from fedserver.resources.importing.receipts import quoted

if TYPE_CHECKING:
    import icalendar
else:
    icalendar = Later("icalendar")

_UNITS: Final = {"days": "DAILY", "weeks": "WEEKLY", "months": "MONTHLY", "years": "YEARLY"}
_LASTS: Final = frozenset({"weeks", "days", "hours", "minutes", "seconds"})
_KNOWN: Final = frozenset(
    {
        "summary",
        "description",
        "location",
        "url",
        "begin",
        "end",
        "duration",
        "repeat",
        "timezone",
        "status",
        "organizer",
        "uid",
    }
)


def read_paths(paths: Sequence[Path], *, zone: str = "UTC", today: date | None = None) -> Read:
    """The events of these files, or of the YAML files of these folders. A single file brings those beside it that it includes.
    Raises Invalid. Blocks."""
    parts: list[Read] = []
    single = len(paths) == 1 and paths[0].is_file()
    for path in files.under(paths, (".yaml", ".yml")):
        parts += _read_file(path, zone, today, follow=single)
    return joined(parts)


def _read_file(path: Path, zone: str, today: date | None, *, follow: bool) -> list[Read]:
    try:
        done, included = read(files.text_of(path), path.name, zone=zone, today=today)
    except FedError as error:
        done, included = Read(), []
        done.leave_out(path.name, str(error))
    parts = [done]
    for name in included:
        beside = path.parent / name
        if "://" in name:
            done.leave_out(name, "A calendar elsewhere can be subscribed to; it is not read with this one.")
        elif not follow:
            continue
        elif "/" in name or "\\" in name or not beside.is_file() or beside == path:
            done.leave_out(name, "There is no such file beside it.")
        else:
            parts += _read_file(beside, zone, today, follow=False)
    return parts


def read(text: str, name: str, *, zone: str = "UTC", today: date | None = None) -> tuple[Read, list[str]]:
    """The events of one file, and what it includes. Raises Invalid, TooLarge."""
    tree = yaml_files.load(text, name)
    if type(tree) is not dict or type(tree.get("events")) is not list:
        raise Invalid({}, "It has no list of events.")
    if len(tree["events"]) > EVENTS_MAX:
        raise Invalid({}, f"It may have at most {EVENTS_MAX:,} events.")
    done = Read(name=line(str(tree.get("name") or ""), 200))
    said = zones.by_name(str(tree.get("timezone") or ""))
    shared = Source(
        name, said or zone, said_zone=said is not None, cancels=False, today=today or datetime.now(UTC).date()
    )
    for entry in tree["events"]:
        if type(entry) is not dict:
            done.leave_out(quoted(entry), "It is no event.")
            continue
        title = line(str(entry.get("summary") or ""), 200) or "Without a title"
        try:
            found = components.read(shared, _component(entry, shared.zone), ())
        except Unreadable as error:
            done.leave_out(title, str(error))
            continue
        strange = sorted(str(one) for one in set(entry) - _KNOWN)
        if strange:
            found.receipt.note(
                "left_out", "", f"What it says of {', '.join(strange)[:200]} has no place here."
            )
        done.found.append(found)
    included = tree.get("include")
    return done, [str(one) for one in included if one] if type(included) is list else []


def _component(entry: dict[Any, Any], zone: str) -> icalendar.Event:
    """The event of an entry. Raises Unreadable."""
    made = icalendar.Event()
    own = zones.by_name(str(entry.get("timezone") or "")) or zone
    for name in ("summary", "description", "location", "url", "status", "uid"):
        if entry.get(name):
            made.add(name, str(entry[name]).strip())
    begin = _moment(entry.get("begin"), own)
    if begin is None:
        raise Unreadable("It does not say when it begins.")
    made.add("dtstart", begin)
    end = _moment(entry.get("end"), own)
    if end is not None and isinstance(end, datetime) == isinstance(begin, datetime):
        # Days are written with the last one, where calendars have the one after it.
        made.add("dtend", end if isinstance(end, datetime) else end + timedelta(days=1))
    elif type(entry.get("duration")) is dict:
        made.add("duration", _lasting(entry["duration"]))
    if entry.get("repeat") is not None:
        _put_repeat(made, entry["repeat"], own)
    return made


def _put_repeat(made: icalendar.Event, said: Any, zone: str) -> None:
    interval = said.get("interval") if type(said) is dict else None
    if type(said) is not dict or type(interval) is not dict or len(interval) != 1:
        raise Unreadable("How it is repeated cannot be read.")
    unit, number = next(iter(interval.items()))
    unit = f"{unit}s" if f"{unit}s" in _UNITS else str(unit)
    if unit not in _UNITS or not str(number).isdigit():
        raise Unreadable("How it is repeated cannot be read.")
    rule: dict[str, Any] = {"freq": _UNITS[unit], "interval": int(number)}
    until = _moment(said.get("until"), zone)
    if until is not None:
        rule["until"] = until
    made.add("rrule", rule)
    for name, ours in (("except_on", "exdate"), ("also_on", "rdate")):
        listed = said.get(name)
        found = [_moment(one, zone) for one in listed] if type(listed) is list else []
        if any(one is not None for one in found):
            made.add(ours, [one for one in found if one is not None])


def _moment(said: Any, zone: str) -> date | datetime | None:
    """A day, or a time in its zone."""
    text = str(said or "").strip()
    if not text:
        return None
    try:
        if len(text) == 10:
            return date.fromisoformat(text)
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=series.zone(zone))


def _lasting(said: dict[Any, Any]) -> timedelta:
    try:
        parts = {str(name): float(value) for name, value in said.items() if str(name) in _LASTS}
        return timedelta(**parts)
    except (TypeError, ValueError, OverflowError):
        raise Unreadable("How long it lasts cannot be read.") from None
