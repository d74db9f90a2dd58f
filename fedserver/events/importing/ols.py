"""Schedules of the cohorts of Open Seeds, the programme of OLS: a ``schedule.yaml`` with calls by week, one a cohort.

https://github.com/open-life-science/open-life-science.github.io/tree/main/_data/openseeds
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

from fedserver.content.text import clean_line, clean_text
from fedserver.errors import FedError, Invalid
from fedserver.events import checking, series
from fedserver.events.importing import wording
from fedserver.events.importing.found import EVENTS_MAX, Found, Read, joined, mark_of
from fedserver.events.records import AgendaItem, Described
from fedserver.events.series import Schedule
from fedserver.resources.importing import files, yaml_files
from fedserver.resources.importing.receipts import Receipt, quoted
from fedserver.resources.keeping import title_key

ZONE: Final = "Europe/London"
"""That of the organisation; schedules name none."""
WEEK_DAYS: Final = 5
USUAL_MINUTES: Final = 60
_KINDS: Final = {"skill-up": "workshop", "coworking": "cowork", "q&a": "office-hours", "cafeteria": "meetup"}
_DURATION: Final = re.compile(r"\s*(\d{1,4})\s*(?:m|min|mins|minutes)?\.?\s*", re.IGNORECASE)
_TIME: Final = re.compile(r"\s*(\d{1,2})[:.](\d{2})\s*")
_PARTS: Final = (
    ("content", ""), ("agenda", "Agenda"), ("learning_objectives", "What one learns"), ("before", "Before"),
    ("after", "After"), ("resources", "Resources"),
)  # fmt: skip
_KNOWN: Final = frozenset(
    {
        "type", "duration", "title", "date", "time", "notes", "recording", "talks", "hosts", "facilitators", "calendar-event",
        *(name for name, _ in _PARTS),
    }
)  # fmt: skip


def read_paths(paths: Sequence[Path], *, zone: str = ZONE) -> Read:
    """The calls of all schedules in these files and folders. Raises Invalid. Blocks."""
    parts: list[Read] = []
    for path in files.under(paths, (".yaml", ".yml")):
        if path.name not in ("schedule.yaml", "schedule.yml") and path not in paths:
            continue
        try:
            parts.append(
                read(files.text_of(path), _people_for(path), cohort=path.absolute().parent.name, zone=zone)
            )
        except FedError as error:
            unread = Read()
            unread.leave_out(str(path.name), str(error))
            parts.append(unread)
    if not parts:
        raise Invalid({}, "There is no schedule.yaml in it.")
    return joined(parts)


def _people_for(path: Path) -> str:
    """``people.yaml`` of the folder that the cohort's folder is in, or one above."""
    for folder in list(path.absolute().parents)[:4]:
        if (folder / "people.yaml").is_file():
            return files.text_of(folder / "people.yaml")
    return ""


def read(text: str, people: str = "", *, cohort: str, zone: str = ZONE) -> Read:
    """The calls of one cohort; `people` is ``people.yaml``, "" without it. Raises Invalid, TooLarge."""
    tree = yaml_files.load(text, "schedule.yaml")
    known = yaml_files.load(people, "people.yaml") if people.strip() else {}
    weeks = tree.get("weeks") if type(tree) is dict else None
    if type(weeks) is not dict or type(known) is not dict:
        raise Invalid({}, "A schedule has weeks with calls, and people.yaml has people by name.")
    series.zone(zone)
    done = Read(name=cohort)
    for one in _list(tree.get("timeline")):
        said = one.get("description") if type(one) is dict else one
        done.leave_out(clean_line(str(said or "")), "A date of the call for applications is no call.")
    names: Counter[str] = Counter()
    for week, start, call in _calls(weeks, done):
        if len(done.found) >= EVENTS_MAX:
            raise Invalid({}, f"A schedule may have at most {EVENTS_MAX:,} calls.")
        one_call = _Call(call, cohort, known, zone)
        base = f"ols:{cohort}/{week}/{title_key(one_call.title)}"
        names[base] += 1
        found = one_call.found(week, start, f"{base}/{names[base]}")
        if found is None:
            done.leave_out(one_call.title, "It says neither its day nor its week.")
        else:
            done.found.append(found)
    return done


def _calls(weeks: Mapping[Any, Any], done: Read) -> Iterator[tuple[str, date | None, dict[Any, Any]]]:
    for week, inner in weeks.items():
        start, _ = _day(inner.get("start")) if type(inner) is dict else (None, "")
        for call in _list(inner.get("calls")) if type(inner) is dict else ():
            if type(call) is dict:
                yield str(week), start, call
            else:
                done.leave_out(f"Week {week}", "An entry is no call.")


@dataclass(slots=True)
class _Call:
    """One call of a schedule."""

    said: dict[Any, Any]
    cohort: str
    people: Mapping[Any, Any]
    zone: str

    @property
    def title(self) -> str:
        return wording.line(str(self.said.get("title") or self.said.get("type") or "Call"), 200)

    def found(self, week: str, start: date | None, uid: str) -> Found | None:
        """The event of it; None where nobody can say when it is."""
        receipt = Receipt(source=f"{self.cohort}/schedule.yaml")
        schedule = self._schedule(receipt, start)
        if schedule is None:
            return None
        kind = str(self.said.get("type") or "").strip()
        text, join_url = self._text(receipt)
        strange = sorted(str(one) for one in set(self.said) - _KNOWN)
        if strange:
            receipt.note("left_out", "", f"What it says of {', '.join(strange)[:200]} has no place here.")
        said = Described(
            title=self.title,
            text=text,
            kind=_KINDS.get(kind.lower(), "call"),
            rsvp_mode="none",
            schedule=schedule,
            online=True,
            join_url=join_url,
            agenda=self._agenda(receipt),
            organisers=self._names(receipt, "hosts", "facilitators"),
            keywords=tuple(one for one in (self.cohort, kind) if one),
        )
        return Found(described=said, receipt=receipt, uid=uid, mark=mark_of(schedule, self.title))

    def _schedule(self, receipt: Receipt, start: date | None) -> Schedule | None:
        day, how = _day(self.said.get("date"))
        if day is None and self.said.get("date"):
            receipt.note("left_out", "schedule", f"{quoted(self.said['date'])} is no day.")
        if day is not None and start is not None and abs(day.year - start.year) > 1:
            mended = _nearest(day, start)
            receipt.note(
                "repaired", "schedule", f"{quoted(self.said['date'])} is {mended}, by the week it is in."
            )
            day = mended
        elif how:
            receipt.note("repaired", "schedule", f"{quoted(self.said['date'])} is {day}.")
        if day is None:
            if start is None:
                return None
            receipt.note("guessed", "schedule", f"It names no day: it is some time in the week from {start}.")
            return Schedule(starts=start.isoformat(), zone=self.zone, days=WEEK_DAYS)
        time = _TIME.fullmatch(str(self.said.get("time") or ""))
        if time is None or int(time[1]) > 23 or int(time[2]) > 59:
            receipt.note("guessed", "schedule", "It names no time: it is some time on that day.")
            return Schedule(starts=day.isoformat(), zone=self.zone, days=1)
        receipt.note("guessed", "schedule", f"It names no zone: {self.zone} was taken.")
        return Schedule(
            starts=f"{day.isoformat()}T{int(time[1]):02}:{time[2]}",
            zone=self.zone,
            minutes=self._minutes(receipt),
        )

    def _minutes(self, receipt: Receipt) -> int:
        found = _DURATION.fullmatch(str(self.said.get("duration") or ""))
        minutes = int(found[1]) if found else 0
        if 0 < minutes <= checking.MINUTES_MAX:
            return minutes
        receipt.note("guessed", "schedule", "It does not say how long it lasts: an hour was taken.")
        return USUAL_MINUTES

    def _text(self, receipt: Receipt) -> tuple[str, str]:
        parts: list[str] = []
        for name, heading in _PARTS:
            said = self.said.get(name)
            text = _words(said)
            if text:
                parts.append(f"**{heading}**\n\n{text}" if heading else text)
        for name, heading in (("notes", "Notes"), ("recording", "Recording")):
            text = clean_line(str(self.said.get(name) or ""))
            if text:
                parts.append(f"{heading}: {text}")
        return wording.markdown(receipt, clean_text("\n\n".join(parts)))

    def _agenda(self, receipt: Receipt) -> tuple[AgendaItem, ...]:
        items = []
        for one in _list(self.said.get("talks")):
            if type(one) is not dict or not one.get("title"):
                continue
            speakers = self._people(receipt, [str(name) for name in _list(one.get("speakers")) if name])
            items.append(AgendaItem(title=wording.line(str(one["title"]), 200), speakers=speakers))
        return tuple(dict.fromkeys(items))[: checking.AGENDA_MAX]

    def _names(self, receipt: Receipt, *fields: str) -> tuple[str, ...]:
        return self._people(
            receipt, [str(name) for field in fields for name in _list(self.said.get(field)) if name]
        )

    def _people(self, receipt: Receipt, names: Sequence[str]) -> tuple[str, ...]:
        """What people are called, by the names that the programme has for them."""
        found = []
        for name in dict.fromkeys(names):
            one = self.people.get(name)
            full = (
                f"{one.get('first-name') or ''} {one.get('last-name') or ''}".strip()
                if type(one) is dict
                else ""
            )
            if not full:
                receipt.note("missing", "organisers", f"people.yaml does not say who {quoted(name)} is.")
            found.append(wording.line(full or name, 100))
        return tuple(found)[: checking.SPEAKERS_MAX]


def _words(said: Any) -> str:
    """A text, or a list of texts and links, as Markdown."""
    if type(said) is str:
        return said.strip()
    lines = []
    for one in _list(said):
        if type(one) is dict:
            title, link = str(one.get("title") or ""), str(one.get("link") or one.get("url") or "")
            lines.append(f"- {title} {link}".rstrip() if title or link else "")
        elif one:
            lines.append(f"- {one}".replace("\n", " "))
    return "\n".join(one for one in lines if one)


def _day(said: Any) -> tuple[date | None, str]:
    """A day, and how it had to be read ("" where it is written as dates are)."""
    text = str(said or "").strip()
    for form, how in (
        ("%Y-%m-%d", ""),
        ("%B %d, %Y", "words"),
        ("%b %d, %Y", "words"),
        ("%d %B %Y", "words"),
    ):
        try:
            return datetime.strptime(text, form).date(), how  # noqa: DTZ007  a day
        except ValueError:
            continue
    return None, ""


def _nearest(day: date, to: date) -> date:
    """The day of the same name that is nearest to another."""
    found = []
    for year in (to.year - 1, to.year, to.year + 1):
        try:
            found.append(day.replace(year=year))
        except ValueError:
            continue
    return min(found, key=lambda one: abs(one - to)) if found else to


def _list(value: Any) -> list[Any]:
    return value if type(value) is list else [] if value is None else [value]
