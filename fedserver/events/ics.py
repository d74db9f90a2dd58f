"""Events as iCalendar (RFC 5545, RFC 7986): one, or a calendar to subscribe to. The link to join is in none of them but those
of single persons, who say for which times.

A series is one component with its rule; an occurrence that was moved or cancelled is a further one with RECURRENCE-ID, as
calendars expect it. UIDs never change, SEQUENCE counts what matters to those who go.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Final

from fedserver.events import saying, series, zone_rules
from fedserver.events.reading import Shown, described_of
from fedserver.events.series import Schedule
from fedserver.later import Later

if TYPE_CHECKING:
    import icalendar
else:
    icalendar = Later("icalendar")

PRODUCT: Final = "-//fedserver//events//EN"
REFRESH: Final = timedelta(hours=1)
_STATUS: Final = {"tentative": "TENTATIVE", "postponed": "TENTATIVE", "cancelled": "CANCELLED"}


def calendar(
    name: str, found: Sequence[Shown], *, url: str = "", links: Mapping[int, str] | None = None
) -> bytes:
    """A calendar of these events, with the zones it names; `links` are where to join, by occurrence, for who reads it alone."""
    made = empty(name, url)
    for one in found:
        for component in _components(one, links or {}):
            made.add_component(component)
    return _with_zones(made)


def empty(name: str, url: str = "") -> icalendar.Calendar:
    """A calendar to subscribe to, with nothing in it yet."""
    made = icalendar.Calendar()
    made.add("prodid", PRODUCT)
    made.add("version", "2.0")
    made.add("calscale", "GREGORIAN")
    made.add("method", "PUBLISH")
    made.add("name", name)
    made.add("x-wr-calname", name)
    made.add("refresh-interval", REFRESH, parameters={"VALUE": "DURATION"})
    made.add("x-published-ttl", "PT1H")
    if url:
        made.add("url", url)
    return made


def _with_zones(made: icalendar.Calendar) -> bytes:
    zones = (zone_rules.of(zone) for zone in sorted(made.get_missing_tzids()))
    made.subcomponents[:0] = [one for one in zones if one is not None]
    return bytes(made.to_ical())


def _components(found: Shown, links: Mapping[int, str]) -> list[icalendar.Event]:
    row, schedule = found.row, found.details.schedule
    zone, all_day = row.zone, schedule.all_day
    times = {one.key: one for one in found.occurrences}
    if row.local:
        spans = {key: (begins, ends) for key, begins, ends in series.spans_of(schedule)}
    else:
        spans = {one.key: (one.starts_at, one.ends_at) for one in found.occurrences}
    if not spans:
        return []
    first_key = min(spans, key=lambda key: spans[key][0])
    master = event(found)
    put_times(master, *spans[first_key], zone=zone, all_day=all_day)
    if len(spans) > 1:
        _put_recurrence(master, schedule, spans, first_key, zone=zone, all_day=all_day, local=bool(row.local))
    made = [master]
    for key, (begins, ends) in spans.items():
        one = times.get(key)
        if one is None:
            continue
        link = links.get(one.id, "")
        unchanged = one.status == "scheduled" and (one.starts_at, one.ends_at) == (begins, ends)
        if unchanged and not (link and len(spans) > 1):
            _put_link(master, link)
            continue
        if len(spans) == 1:
            # There is nothing to make an exception from.
            master.pop("dtstart")
            master.pop("dtend")
            put_times(master, one.starts_at, one.ends_at, zone=zone, all_day=all_day)
            if one.status == "cancelled":
                master["status"] = icalendar.vText("CANCELLED")
            _put_link(master, link)
            continue
        changed = event(found)
        changed.add("recurrence-id", _value(begins, zone=zone, all_day=all_day))
        put_times(changed, one.starts_at, one.ends_at, zone=zone, all_day=all_day)
        if one.status == "cancelled":
            changed["status"] = icalendar.vText("CANCELLED")
        if one.note:
            changed.add("comment", one.note)
        _put_link(changed, link)
        made.append(changed)
    return made


def _put_link(made: icalendar.Event, link: str) -> None:
    """Where to join: for programs (RFC 7986 §5.11), and for people whose program knows no such thing."""
    if link:
        made.add("conference", link, parameters={"VALUE": "URI", "FEATURE": "VIDEO"})
        made["description"] = icalendar.vText(f"{link}\n\n{made.get('description', '')}".rstrip())


def event(found: Shown) -> icalendar.Event:
    """What all components of an event have in common."""
    row, details = found.row, found.details
    made = icalendar.Event()
    made.add("uid", row.uid)
    made.add("sequence", row.sequence)
    made.add("dtstamp", _instant(row.changed_at))
    made.add("last-modified", _instant(row.changed_at))
    made.add("created", _instant(row.created_at))
    made.add("summary", row.title)
    said = described_of(row)
    spans = [(one.key, one.starts_at, one.ends_at) for one in found.occurrences if one.status != "cancelled"]
    made.add("description", "\n\n".join(one for one in (saying.summary(said, spans), row.url) if one))
    made.add("url", row.url)
    made.add("status", _STATUS.get(row.status, "CONFIRMED"))
    where = saying.where(details)
    if where:
        made.add("location", where)
    if details.place.latitude is not None and details.place.longitude is not None:
        made.add("geo", (details.place.latitude, details.place.longitude))
    if details.keywords:
        made.add("categories", list(details.keywords))
    return made


def put_times(made: icalendar.Event, begins: int, ends: int, *, zone: str, all_day: bool) -> None:
    made.add("dtstart", _value(begins, zone=zone, all_day=all_day))
    made.add("dtend", _value(ends, zone=zone, all_day=all_day))


def _put_recurrence(
    made: icalendar.Event,
    schedule: Schedule,
    spans: dict[str, tuple[int, int]],
    first_key: str,
    *,
    zone: str,
    all_day: bool,
    local: bool,
) -> None:
    """The rule, where calendars would count the first day into it as we do; else every date."""
    rule = schedule.rule if local else None
    by_rule = [] if rule is None else series.starts_of(Schedule(starts=schedule.starts, rule=rule))
    keys = {series.key_of(one, all_day=all_day) for one in by_rule}
    counts_alike = rule is not None and (rule.count is None or len(by_rule) == rule.count)
    if rule is not None and counts_alike and first_key in keys and first_key == min(keys):
        made.add("rrule", _rrule(rule, zone=zone, all_day=all_day))
        out = sorted(keys - set(spans))
        if out:
            made.add("exdate", [_wall(one, schedule, zone=zone, all_day=all_day) for one in out])
        more = sorted(set(spans) - keys)
    else:
        more = sorted(set(spans) - {first_key})
    if more:
        made.add("rdate", [_value(spans[one][0], zone=zone, all_day=all_day) for one in more])


def _rrule(rule: series.Rule, *, zone: str, all_day: bool) -> dict[str, Any]:
    said: dict[str, Any] = {"freq": rule.frequency, "interval": rule.interval}
    if rule.weekdays:
        said["byday"] = [f"{rule.position or ''}{one}" for one in rule.weekdays]
    if rule.count is not None:
        said["count"] = rule.count
    elif rule.until:
        until = date.fromisoformat(rule.until)
        # RFC 5545 §3.3.10: in UTC where DTSTART has a zone.
        end = datetime.combine(until, time(23, 59)).replace(tzinfo=series.zone(zone)).astimezone(UTC)
        said["until"] = until if all_day else end
    return said


def _wall(key: str, schedule: Schedule, *, zone: str, all_day: bool) -> date | datetime:
    """The value of an occurrence that does not take place."""
    found = datetime.strptime(key, "%Y%m%d" if all_day else "%Y%m%dT%H%M")  # noqa: DTZ007  wall time
    return found.date() if all_day else found.replace(tzinfo=series.zone(zone))


def _value(at_ms: int, *, zone: str, all_day: bool) -> date | datetime:
    moment = _instant(at_ms).astimezone(series.zone(zone))
    if all_day:
        return moment.date()
    return moment.astimezone(UTC) if zone == "UTC" else moment


def _instant(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms // 1000, UTC)


# -- for one person's calendar program (RFC 5546)


def scheduling(method: str, components: Sequence[icalendar.Event]) -> bytes:
    """What a mail of this method holds, with the zones it names."""
    made = icalendar.Calendar()
    made.add("prodid", PRODUCT)
    made.add("version", "2.0")
    made.add("calscale", "GREGORIAN")
    made.add("method", method)
    for one in components:
        made.add_component(one)
    return _with_zones(made)


def whole(found: Shown, times: Mapping[str, tuple[int, int]]) -> list[icalendar.Event]:
    """An event that takes place at these times alone, by key: its rule or dates, and a component for each that was moved."""
    row, schedule = found.row, found.details.schedule
    zone, all_day = row.zone, schedule.all_day
    planned = {key: (begins, ends) for key, begins, ends in series.spans_of(schedule) if key in times}
    master = event(found)
    if not schedule.is_series:
        put_times(master, *min(times.values()), zone=zone, all_day=all_day)
        return [master]
    first_key = min(planned, key=lambda key: planned[key][0])
    put_times(master, *planned[first_key], zone=zone, all_day=all_day)
    if len(planned) > 1:
        _put_recurrence(master, schedule, planned, first_key, zone=zone, all_day=all_day, local=True)
    moved = {key: span for key, span in times.items() if planned.get(key) != span}
    return [master, *parts(found, moved)]


def parts(found: Shown, times: Mapping[str, tuple[int, int]]) -> list[icalendar.Event]:
    """These times of a series, each a component with the RECURRENCE-ID of when it was to begin."""
    row, all_day = found.row, found.details.schedule.all_day
    notes = {one.key: one.note for one in found.occurrences}
    made = []
    for key, (begins, ends) in sorted(times.items()):
        one = event(found)
        first = datetime.strptime(key, "%Y%m%d" if all_day else "%Y%m%dT%H%M")  # noqa: DTZ007  wall time
        one.add("recurrence-id", _value(series.instant(first, row.zone), zone=row.zone, all_day=all_day))
        put_times(one, begins, ends, zone=row.zone, all_day=all_day)
        if notes.get(key):
            one.add("comment", notes[key])
        made.append(one)
    return made
