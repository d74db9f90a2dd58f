"""When series take place: across changes of clocks, in odd zones, as independent software sees them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import icalendar
import recurring_ical_events
from hypothesis import given, settings
from hypothesis import strategies as st

from fedserver.events import series
from fedserver.events.series import Rule, Schedule

ZONES = ["Europe/Stockholm", "America/New_York", "Australia/Lord_Howe", "UTC", "Asia/Kathmandu"]


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def test_a_weekly_call_stays_at_its_hour_when_clocks_change() -> None:
    call = Schedule(starts="2027-03-24T15:00", zone="Europe/Stockholm", minutes=90, rule=Rule(count=2))
    assert series.spans_of(call) == [
        ("20270324T1500", at("2027-03-24T14:00+00:00"), at("2027-03-24T15:30+00:00")),
        ("20270331T1500", at("2027-03-31T13:00+00:00"), at("2027-03-31T14:30+00:00")),
    ]


def test_an_hour_that_clocks_pass_over_or_show_twice() -> None:
    skipped = Schedule(starts="2027-03-28T02:30", zone="Europe/Stockholm")
    assert series.spans_of(skipped)[0][1] == at("2027-03-28T01:30+00:00")
    twice = Schedule(starts="2027-10-31T02:30", zone="Europe/Stockholm")
    assert series.spans_of(twice)[0][1] == at("2027-10-31T00:30+00:00")
    half_an_hour = Schedule(starts="2027-10-03T02:15", zone="Australia/Lord_Howe")
    assert series.spans_of(half_an_hour)[0][1] == at("2027-10-02T15:45+00:00")


def test_whole_days_are_those_of_the_zone_also_when_one_has_23_hours() -> None:
    ((key, begins, ends),) = series.spans_of(Schedule(starts="2027-03-28", zone="Europe/Stockholm", days=1))
    assert (key, ends - begins) == ("20270328", 23 * 3_600_000)


def test_dates_are_added_and_left_out() -> None:
    found = series.starts_of(
        Schedule(
            starts="2027-01-04T10:00", rule=Rule(weekdays=("MO", "TH"), until="2027-01-18"),
            dates=("2027-02-01T11:00",), left_out=("2027-01-11T10:00",),
        )
    )  # fmt: skip
    days = [(one.month, one.day, one.hour) for one in found]
    assert days == [(1, 4, 10), (1, 7, 10), (1, 14, 10), (1, 18, 10), (2, 1, 11)]


def test_the_last_friday_of_each_month() -> None:
    rule = Rule(frequency="monthly", weekdays=("FR",), position=-1, count=3)
    found = series.starts_of(Schedule(starts="2027-01-29T09:00", rule=rule))
    assert [(one.month, one.day) for one in found] == [(1, 29), (2, 26), (3, 26)]


RULES = st.builds(
    Rule,
    frequency=st.sampled_from(["daily", "weekly", "monthly"]),
    interval=st.integers(1, 5),
    weekdays=st.lists(st.sampled_from(series.WEEKDAYS), max_size=3, unique=True).map(tuple),
    count=st.integers(1, 20),
)


@settings(max_examples=150)
@given(
    day=st.integers(0, 3 * 365 * 24 * 60).map(
        lambda minutes: datetime.fromisoformat("2026-01-01T00:00") + timedelta(minutes=minutes)
    ),
    zone=st.sampled_from(ZONES),
    rule=RULES,
)
def test_other_software_sees_the_same_occurrences(day: datetime, zone: str, rule: Rule) -> None:
    # RFC 5545 leaves undefined what a first day means that its own rule does not have.
    if rule.weekdays:
        day += timedelta(days=min((series.WEEKDAYS.index(one) - day.weekday()) % 7 for one in rule.weekdays))
    schedule = Schedule(starts=day.isoformat(timespec="minutes"), zone=zone, minutes=45, rule=rule)
    calendar = icalendar.Calendar()
    event = icalendar.Event()
    event.add("dtstart", day.replace(tzinfo=series.zone(zone)))
    event.add("duration", timedelta(minutes=45))
    said = {"freq": rule.frequency, "interval": rule.interval, "count": rule.count}
    event.add("rrule", said | ({"byday": list(rule.weekdays)} if rule.weekdays else {}))
    calendar.add_component(event)
    first, *_ = found = [begins for _, begins, _ in series.spans_of(schedule)]
    horizon = datetime.fromtimestamp(found[-1] / 1000, UTC) + timedelta(days=1)
    seen = recurring_ical_events.of(calendar).between(datetime.fromtimestamp(first / 1000, UTC), horizon)
    assert sorted(int(one.start.timestamp() * 1000) for one in seen) == found
