"""One event of a calendar (RFC 5545 §3.6.1): a VEVENT, with those that say what is different about single times of it."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace

from activitypub.identifiers import origin_of
from fedserver.events import checking, series
from fedserver.events.importing import recurring, wording, zones
from fedserver.events.importing.found import Change, Found, mark_of
from fedserver.events.importing.recurring import Unusable
from fedserver.events.records import Described, Place
from fedserver.events.series import Schedule
from fedserver.fields import ADDRESS_CHARS_MAX
from fedserver.later import Later
from fedserver.resources.importing.receipts import Receipt, quoted

if TYPE_CHECKING:
    from icalendar import error
    from icalendar.prop import broken
else:
    error = Later("icalendar.error")
    broken = Later("icalendar.prop.broken")

log = logging.getLogger("fedserver.calendars")

USUAL_MINUTES: Final = 60
DATES_READ_MAX: Final = 2_000
_STATUS: Final = {"TENTATIVE": "tentative", "CANCELLED": "cancelled"}
_NEVER: Final = {
    "ATTENDEE": "Who is invited is not taken over.",
    "ATTACH": "Files and links that are attached are not taken over.",
    "CONTACT": "Whom to ask is not taken over: it may be a private address.",
}


class Unreadable(Exception):
    """No event can be made of it; the text says why."""


class Source:
    """What all events of a calendar share: `zone` is that of times without one, `today` the day of reading it."""

    def __init__(self, name: str, zone: str, *, said_zone: bool, cancels: bool, today: date) -> None:
        self.name, self.zone, self.said_zone, self.cancels, self.today = name, zone, said_zone, cancels, today
        self._of_rules: dict[str, str | None] = {}

    def zone_of(self, value: Any, moment: datetime) -> tuple[str, str]:
        """The zone of a moment, and how it was found: ``named``, ``rules``, ``offset`` or ``floating``."""
        if moment.tzinfo is UTC or (moment.tzinfo is not None and "TZID" not in value.params):
            return "UTC", "named"
        tzid = str(value.params.get("TZID", ""))
        if not tzid:
            return self.zone, "floating"
        named = zones.by_name(tzid)
        if named is not None:
            return named, "named"
        if moment.tzinfo is None:
            return self.zone, "unknown"
        if tzid not in self._of_rules:
            self._of_rules[tzid] = zones.by_rules(moment.tzinfo, moment)
        found = self._of_rules[tzid]
        return (found, "rules") if found is not None else ("UTC", "offset")


def read(source: Source, master: Any, overrides: Sequence[Any]) -> Found:
    """The event of a component and of those with its UID that have a RECURRENCE-ID. Raises Unreadable."""
    try:
        return _Reader(source, master).found(overrides)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        # Whatever a stranger wrote that nobody thought of costs that one event.
        log.info("An event of a calendar could not be read.", exc_info=True)
        raise Unreadable(f"It cannot be read: {quoted(error)}") from error


class _Reader:
    def __init__(self, source: Source, component: Any) -> None:
        self.source, self.component = source, component
        self.receipt = Receipt(source=source.name)

    def found(self, overrides: Sequence[Any]) -> Found:
        if _text(self.component, "CLASS").upper() in ("PRIVATE", "CONFIDENTIAL"):
            raise Unreadable("It is marked as private.")
        for name, problem in self.component.errors:
            self.receipt.note(
                "left_out", "", f"{str(name or 'A line')[:40]} cannot be read: {quoted(problem)}"
            )
        for name, sentence in _NEVER.items():
            if name in self.component:
                self.receipt.note("left_out", "", sentence)
        once = self._once()
        said = self._said(once)
        schedule, mark = self._series(once), mark_of(once, said.title)
        changes = self._changes(overrides, schedule, said)
        schedule = _with_dates(schedule, changes)
        return Found(
            described=replace(said, schedule=schedule),
            receipt=self.receipt,
            uid=_text(self.component, "UID")[:500],
            mark=mark,
            sequence=_sequence(self.component),
            changes=changes,
        )

    # -- when

    def _once(self) -> Schedule:
        """When it takes place the first time."""
        value = _value(self.component, "DTSTART")
        if value is None:
            raise Unreadable("It does not say when it begins.")
        starts = value.dt
        if not isinstance(starts, datetime):
            if not isinstance(starts, date):
                raise Unreadable("When it begins is neither a day nor a time.")
            return Schedule(starts=starts.isoformat(), zone=self.source.zone, days=self._days(starts))
        zone, how = self.source.zone_of(value, starts)
        tzid = str(value.params.get("TZID", ""))
        if how == "rules":
            self.receipt.note("guessed", "schedule", f"The zone {quoted(tzid)} goes as {zone} does.")
        elif how == "offset":
            self.receipt.note(
                "guessed", "schedule", f"No zone goes as {quoted(tzid)} does: its times are kept in UTC."
            )
        elif how == "unknown":
            self.receipt.note(
                "guessed", "schedule", f"Nobody knows the zone {quoted(tzid)}: {zone} was taken."
            )
        elif how == "floating" and not self.source.said_zone:
            self.receipt.note("guessed", "schedule", f"It names no zone: {zone} was taken.")
        elif tzid and tzid != zone:
            self.receipt.note("repaired", "schedule", f"The zone {quoted(tzid)} is {zone}.")
        wall = self._wall(value, starts, zone)
        if wall.second or wall.microsecond:
            self.receipt.note("repaired", "schedule", "It began at a second; the whole minute was taken.")
            wall = wall.replace(second=0, microsecond=0)
        if not checking.YEARS[0] <= wall.year <= checking.YEARS[1]:
            raise Unreadable(f"It begins in the year {wall.year}.")
        minutes = self._minutes(starts, wall, zone)
        if minutes > checking.MINUTES_MAX:
            days = -(-minutes // (24 * 60))
            self.receipt.note("guessed", "schedule", f"It goes on for {days} days: whole days were taken.")
            return Schedule(starts=wall.date().isoformat(), zone=zone, days=self._few(days))
        return Schedule(starts=wall.isoformat(timespec="minutes"), zone=zone, minutes=minutes)

    def _days(self, starts: date) -> int:
        ends, lasts = _value(self.component, "DTEND"), _value(self.component, "DURATION")
        days = 1
        if ends is not None and isinstance(ends.dt, date):
            last = ends.dt.date() if isinstance(ends.dt, datetime) else ends.dt
            days = (last - starts).days
            if days < 1:
                if days < 0:
                    self.receipt.note("repaired", "schedule", "It ended before it began: one day was taken.")
                days = 1
        elif lasts is not None and isinstance(lasts.dt, timedelta):
            days = max(1, -(-lasts.dt // timedelta(days=1)) * -1 if lasts.dt < timedelta() else lasts.dt.days)
        return self._few(days)

    def _few(self, days: int) -> int:
        if days > checking.DAYS_MAX:
            raise Unreadable(f"It goes on for {days:,} days; an event here has at most {checking.DAYS_MAX}.")
        return days

    def _minutes(self, starts: datetime, wall: datetime, zone: str) -> int:
        ends, lasts = _value(self.component, "DTEND"), _value(self.component, "DURATION")
        minutes: int | None = None
        if ends is not None and isinstance(ends.dt, datetime):
            end_zone, how = self.source.zone_of(ends, ends.dt)
            if how in ("floating", "unknown"):
                end_zone = zone
            until = series.instant(self._wall(ends, ends.dt, end_zone), end_zone)
            minutes = (until - series.instant(wall, zone)) // 60_000
            if minutes < 0:
                self.receipt.note("repaired", "schedule", "It ended before it began.")
        elif ends is not None and isinstance(ends.dt, date):
            minutes = int((datetime.combine(ends.dt, wall.time()) - wall).total_seconds() // 60)
        elif lasts is not None and isinstance(lasts.dt, timedelta):
            minutes = int(lasts.dt.total_seconds() // 60)
        if minutes is None or minutes < 1:
            self.receipt.note("guessed", "schedule", "It does not say how long it lasts: an hour was taken.")
            return USUAL_MINUTES
        return minutes

    def _wall(self, value: Any, moment: datetime, zone: str) -> datetime:
        """What clocks of `zone` show then."""
        own, how = self.source.zone_of(value, moment)
        if (
            moment.tzinfo is None
            or how in ("floating", "unknown")
            or (how in ("named", "rules") and own == zone)
        ):
            try:
                return moment.replace(tzinfo=None)
            except (ValueError, OverflowError):
                pass
        if how == "named" and own != "UTC":
            moment = moment.replace(tzinfo=series.zone(own))
        try:
            return zones.wall(moment, zone)
        except (ValueError, OverflowError):
            raise Unreadable("It names a time that no calendar has.") from None

    def _starts(self, value: Any, dt: Any, once: Schedule) -> datetime | None:
        """A further time of the series, in wall time of its zone; None for what fits it not."""
        if isinstance(dt, tuple):
            dt = dt[0]
        if isinstance(dt, datetime):
            wall = self._wall(value, dt, once.zone).replace(second=0, microsecond=0)
            return datetime.combine(wall.date(), datetime.min.time()) if once.all_day else wall
        if isinstance(dt, date):
            hour = series.moment(once.starts).time()
            return datetime.combine(dt, hour)
        return None

    def _listed(self, name: str, once: Schedule) -> list[datetime]:
        found: list[datetime] = []
        values = self.component.get(name, [])
        for value in values if isinstance(values, list) else [values]:
            try:
                dts = list(value.dts)
            except error.BrokenCalendarProperty:
                continue
            for one in dts:
                if len(found) >= DATES_READ_MAX:
                    self.receipt.note(
                        "left_out", "schedule", f"{name} has more than {DATES_READ_MAX:,} dates."
                    )
                    return found
                period = one.dt
                starts = self._starts(value, period, once)
                if starts is not None and checking.YEARS[0] <= starts.year <= checking.YEARS[1]:
                    found.append(starts)
                if isinstance(period, tuple) and starts is not None:
                    self._periods[series.key_of(starts)] = period
        return found

    def _series(self, once: Schedule) -> Schedule:
        """The whole series."""
        self._periods: dict[str, Any] = {}
        rules = self.component.get("RRULE", [])
        rules = rules if isinstance(rules, list) else [rules]
        rules = [one for one in rules if not isinstance(one, broken.vBroken)]
        added, left_out = self._listed("RDATE", once), self._listed("EXDATE", once)
        if "EXRULE" in self.component:
            self.receipt.note("left_out", "schedule", "A rule of exceptions (EXRULE) is not followed.")
        if not rules and not added and not left_out:
            return once

        def until(value: Any) -> datetime:
            return self._until(value, once)

        try:
            done = recurring.schedule_of(
                once, rules[:5], until=until, added=added, left_out=left_out, today=self.source.today
            )
        except (Unusable, ValueError, OverflowError) as error:
            why = str(error) if isinstance(error, Unusable) else "it leads beyond all calendars"
            self.receipt.note(
                "left_out",
                "schedule",
                f"How it is repeated cannot be followed: {why}. Its first time was taken.",
            )
            done = recurring.schedule_of(
                once, [], until=until, added=added, left_out=left_out, today=self.source.today
            )
        if done is None:
            raise Unreadable("Nothing of its series takes place in this year or the next.")
        if done.cut:
            self.receipt.note("left_out", "schedule", done.cut)
        if done.as_dates:
            number = len(series.starts_of(done.schedule))
            self.receipt.note("repaired", "schedule", f"Its rule became a list of {number} dates.")
        return done.schedule

    def _until(self, value: Any, once: Schedule) -> datetime:
        if isinstance(value, datetime):
            if value.tzinfo is not None:
                return zones.wall(value, once.zone)
            if not once.all_day and once.zone != "UTC":
                self.receipt.note(
                    "repaired", "schedule", f"Its last day (UNTIL) had no zone: it is that of {once.zone}."
                )
            return value
        if isinstance(value, date):
            return datetime.combine(value, datetime.max.time().replace(microsecond=0))
        raise Unusable("its UNTIL is no day")

    # -- single times

    def _changes(self, overrides: Sequence[Any], schedule: Schedule, said: Described) -> tuple[Change, ...]:
        changes: dict[str, Change] = {}
        keys = {series.key_of(one, all_day=schedule.all_day) for one in series.starts_of(schedule)}
        usual = schedule.days * 24 * 60 if schedule.all_day else schedule.minutes
        for key, period in self._periods.items():
            minutes = _period_minutes(period)
            if not schedule.all_day and key in keys and minutes not in (None, usual):
                changes[key] = Change(key=key, minutes=minutes or 0)
        for one in overrides:
            change = self._change(one, schedule, said, keys)
            if change is not None:
                changes[change.key] = change
        return tuple(changes[key] for key in sorted(changes))

    def _change(self, one: Any, schedule: Schedule, said: Described, keys: set[str]) -> Change | None:
        value = _value(one, "RECURRENCE-ID")
        wall = None if value is None else self._starts(value, value.dt, schedule)
        if value is None or wall is None:
            self.receipt.note("left_out", "schedule", "It cannot be read which time is to be another.")
            return None
        if str(value.params.get("RANGE", "")):
            self.receipt.note(
                "left_out", "schedule", f"What changes from {wall:%Y-%m-%d} on was changed on that day alone."
            )
        key = series.key_of(wall, all_day=schedule.all_day)
        if _text(one, "STATUS").upper() == "CANCELLED":
            return Change(key=key, cancelled=True) if key in keys else None
        inner = _Reader(self.source, one)
        try:
            once = inner._once()
        except Unreadable as error:
            self.receipt.note("left_out", "schedule", f"On {wall:%Y-%m-%d} it is to be another: {error}")
            return None
        first, last = self.source.today.year - 1, self.source.today.year + 2
        if key not in keys and not first <= wall.year <= last:
            return None
        at_ms = series.instant(series.moment(once.starts), once.zone)
        starts = series.wall_time(at_ms, schedule.zone)
        if once.all_day:
            starts = datetime.combine(series.moment(once.starts).date(), wall.time())
        minutes = once.days * 24 * 60 if once.all_day else once.minutes
        usual = schedule.days * 24 * 60 if schedule.all_day else schedule.minutes
        note = _difference(inner._said(once), said)
        if note:
            self.receipt.note("repaired", "schedule", f"What is different on {wall:%Y-%m-%d} became a note.")
        elif starts == wall and minutes == usual and key in keys:
            return None
        return Change(
            key=key,
            starts="" if starts == wall else starts.isoformat(timespec="minutes"),
            minutes=0 if minutes == usual else minutes,
            note=note,
        )

    # -- what

    def _said(self, once: Schedule) -> Described:
        """All but when."""
        summary = _text(self.component, "SUMMARY")
        text, join_url = self._body()
        join_url = self._conference() or join_url
        place, online, website = self._place()
        if not join_url and website and wording.is_meeting(website):
            join_url, website = website, ""
        url = _address(_text(self.component, "URL"))
        title = wording.title(self.receipt, summary, text, self.source.name)
        status = _text(self.component, "STATUS").upper()
        return Described(
            title=title,
            text=text,
            language=wording.language_of(self.component.get("SUMMARY")),
            kind=wording.kind_of(title),
            status="cancelled" if self.source.cancels else _STATUS.get(status, "scheduled"),
            rsvp_mode="none",
            schedule=once,
            place=place,
            online=online or bool(join_url),
            tool=wording.tool_of(join_url),
            join_url=join_url,
            website=website if not url or wording.is_meeting(url) else url,
            organisers=self._organisers(),
            keywords=wording.keywords(self.receipt, _categories(self.component)),
        )

    def _body(self) -> tuple[str, str]:
        rich = self.component.get("X-ALT-DESC")
        rich = rich[0] if isinstance(rich, list) and rich else rich
        plain = _text(self.component, "DESCRIPTION")
        html = str(rich) if rich is not None and "html" in str(rich.params.get("FMTTYPE", "")).lower() else ""
        return wording.body(self.receipt, plain, html)

    def _conference(self) -> str:
        for name in (
            "CONFERENCE", "X-GOOGLE-CONFERENCE", "X-MICROSOFT-SKYPETEAMSMEETINGURL",
            "X-MICROSOFT-ONLINEMEETINGCONFLINK",
        ):  # fmt: skip
            values = self.component.get(name, [])
            for one in values if isinstance(values, list) else [values]:
                found = _address(str(one))
                if found:
                    return found
                self.receipt.note("left_out", "join_url", f"{quoted(one)} is not an address on the web.")
        return ""

    def _place(self) -> tuple[Place, bool, str]:
        place, online, website = wording.place(self.receipt, _text(self.component, "LOCATION"))
        geo = _value(self.component, "GEO")
        latitude, longitude = getattr(geo, "latitude", None), getattr(geo, "longitude", None)
        if latitude is not None and longitude is not None:
            if abs(latitude) <= 90 and abs(longitude) <= 180:
                place = replace(place, latitude=float(latitude), longitude=float(longitude))
            else:
                self.receipt.note("left_out", "place", "Its coordinates are nowhere on earth.")
        return place, online, website

    def _organisers(self) -> tuple[str, ...]:
        value = self.component.get("ORGANIZER")
        name = "" if value is None else str(getattr(value, "params", {}).get("CN", ""))
        if value is not None and (not name or "@" in name):
            self.receipt.note("left_out", "organisers", "Who organises it has an address and no name.")
            return ()
        return (wording.line(name, 300),) if name else ()


# -- parts


def _with_dates(schedule: Schedule, changes: Sequence[Change]) -> Schedule:
    """A time that is said to be another, and that the rule does not have, takes place nonetheless."""
    keys = {series.key_of(one, all_day=schedule.all_day) for one in series.starts_of(schedule)}
    more = [one.key for one in changes if one.key not in keys]
    if not more:
        return schedule
    form = "%Y%m%d" if schedule.all_day else "%Y%m%dT%H%M"
    walls = [datetime.strptime(one, form) for one in more]  # noqa: DTZ007  wall time
    said = [f"{one:%Y-%m-%d}" if schedule.all_day else one.isoformat(timespec="minutes") for one in walls]
    out = tuple(one for one in schedule.left_out if one not in said)
    return replace(schedule, dates=(*schedule.dates, *said), left_out=out)


def _difference(one: Described, usual: Described) -> str:
    parts = []
    if one.title != usual.title:
        parts.append(one.title)
    if one.place.line() and one.place.line() != usual.place.line():
        parts.append(one.place.line())
    return "; ".join(parts)


def _period_minutes(period: Any) -> int | None:
    begins, ends = period
    lasts = ends if isinstance(ends, timedelta) else None
    if lasts is None:
        try:
            lasts = ends - begins
        except TypeError:
            return None
    minutes = int(lasts.total_seconds() // 60)
    return minutes if 0 < minutes <= checking.MINUTES_MAX else None


def _value(component: Any, name: str) -> Any:
    """The value of a property, of several the first; None for what is not there or cannot be read."""
    value = component.get(name)
    if isinstance(value, list):
        value = value[0] if value else None
    return None if value is None or isinstance(value, broken.vBroken) else value


def _text(component: Any, name: str) -> str:
    value = component.get(name)
    if isinstance(value, list):
        value = value[0] if value else None
    return "" if value is None else str(value).strip()


def _sequence(component: Any) -> int:
    text = _text(component, "SEQUENCE")
    return int(text) if re.fullmatch(r"\d{1,9}", text) else 0


def _categories(component: Any) -> list[str]:
    values = component.get("CATEGORIES", [])
    found: list[str] = []
    for one in values if isinstance(values, list) else [values]:
        found += [
            str(name) for name in ([one] if isinstance(one, broken.vBroken) else getattr(one, "cats", [one]))
        ]
    return found


def _address(text: str) -> str:
    text = text.strip()
    return text if len(text) <= ADDRESS_CHARS_MAX and origin_of(text) is not None else ""
