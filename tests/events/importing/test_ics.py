"""Calendars of all kinds become events, with a receipt that says what was done; hostile ones do no harm."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import icalendar
import pytest
import recurring_ical_events
from hypothesis import given, settings
from hypothesis import strategies as st

from fedserver.errors import Invalid, TooLarge
from fedserver.events import series
from fedserver.events.checking import checked
from fedserver.events.importing import ics
from fedserver.events.importing.found import Change
from fedserver.events.records import Place
from fedserver.events.series import Rule
from tests.events.importing.samples import TODAY, calendar, only, read, sentences

CALL = "UID:a@x\nSUMMARY:Call\nDTSTART;TZID=Europe/Stockholm:20270401T150000\nDTEND;TZID=Europe/Stockholm:20270401T163000"
BRASILIA = """BEGIN:VTIMEZONE
TZID:Our time
BEGIN:STANDARD
DTSTART:19700101T000000
TZOFFSETFROM:+0545
TZOFFSETTO:+0545
END:STANDARD
END:VTIMEZONE
"""


def test_an_event_is_read_with_all_it_says() -> None:
    found = only(
        CALL
        + "\nLOCATION:Room 3\\, Heidelberg\nGEO:49.4;8.7\nURL:https://a.example/e\nCATEGORIES:one,two\nCATEGORIES:three"
        "\nORGANIZER;CN=Ada Doe:mailto:ada@a.example\nATTENDEE:mailto:b@a.example\nSEQUENCE:3\nSTATUS:TENTATIVE"
        "\nDESCRIPTION:First *line*\\nhttps://a.example/x_y_z\nCONFERENCE;VALUE=URI:https://zoom.us/j/1\nCLASS:PUBLIC"
        "\nBEGIN:VALARM\nTRIGGER:-PT15M\nACTION:DISPLAY\nDESCRIPTION:x\nEND:VALARM"
    )
    said = found.described
    assert (said.schedule.starts, said.schedule.zone, said.schedule.minutes) == (
        "2027-04-01T15:00",
        "Europe/Stockholm",
        90,
    )
    assert said.place == Place(name="Room 3, Heidelberg", latitude=49.4, longitude=8.7)
    assert (said.website, said.keywords, said.organisers) == (
        "https://a.example/e",
        ("one", "two", "three"),
        ("Ada Doe",),
    )
    assert (said.join_url, said.tool, said.online, said.status, found.sequence) == (
        "https://zoom.us/j/1",
        "Zoom",
        True,
        "tentative",
        3,
    )
    assert said.text == "First \\*line\\*\nhttps://a.example/x_y_z"
    assert "invited" in sentences(found, "left_out")
    assert "ada@" not in str(said)
    assert (said.kind, found.uid) == ("call", "a@x")


@pytest.mark.parametrize(
    ("lines", "starts", "zone", "said"),
    [
        ("DTSTART;TZID=W. Europe Standard Time:20270401T150000", "2027-04-01T15:00", "Europe/Berlin", "is Europe/Berlin"),
        ("DTSTART;TZID=/ics.py/2020.1/Europe/Stockholm:20270401T150000", "2027-04-01T15:00", "Europe/Stockholm", "is Europe"),
        ("DTSTART;TZID=Our time:20270401T150000", "2027-04-01T15:00", "Asia/Kathmandu", "goes as Asia/Kathmandu"),
        ("DTSTART:20270401T150000Z", "2027-04-01T15:00", "UTC", "an hour"),
        ("DTSTART:20270401T150000", "2027-04-01T15:00", "America/New_York", "names no zone"),
        ("DTSTART;TZID=Nowhere:20270401T150000", "2027-04-01T15:00", "America/New_York", "Nobody knows"),
        ("DTSTART:20270401T150030Z", "2027-04-01T15:00", "UTC", "whole minute"),
        ("DTSTART;VALUE=DATE:20270401", "2027-04-01", "America/New_York", ""),
    ],
    ids=["windows", "vendor", "rules", "utc", "floating", "unknown", "seconds", "day"],
)  # fmt: skip
def test_zones_are_found_and_guesses_said(lines: str, starts: str, zone: str, said: str) -> None:
    found = only("UID:a\nSUMMARY:Call\n" + lines, head=BRASILIA, zone="America/New_York")
    assert (found.described.schedule.starts, found.described.schedule.zone) == (starts, zone)
    assert said in sentences(found, "guessed") + sentences(found, "repaired")


def test_lengths_are_mended() -> None:
    def length(lines: str) -> tuple[int, int]:
        schedule = only("UID:a\nSUMMARY:x\n" + lines).described.schedule
        return schedule.days, schedule.minutes

    assert length("DTSTART:20270401T150000Z\nDURATION:PT90M") == (0, 90)
    assert length("DTSTART:20270401T150000Z\nDTEND:20270401T140000Z") == (0, 60)
    assert length("DTSTART;VALUE=DATE:20270401\nDTEND;VALUE=DATE:20270403") == (2, 60)
    assert length("DTSTART;VALUE=DATE:20270401\nDTEND;VALUE=DATE:20270401") == (1, 60)
    assert length("DTSTART;VALUE=DATE:20270401\nDURATION:P3D") == (3, 60)
    assert length("DTSTART:20270401T000000Z\nDTEND:20270421T000000Z") == (20, 60)
    assert (
        "days"
        in read("UID:a\nSUMMARY:x\nDTSTART;VALUE=DATE:20270401\nDTEND;VALUE=DATE:20271001").left_out[0].why
    )


def test_series_keep_their_rule_where_ours_says_the_same() -> None:
    weekly = only(CALL + "\nRRULE:FREQ=WEEKLY;BYDAY=TH;UNTIL=20270501T000000")
    assert weekly.described.schedule.rule == Rule(weekdays=("TH",), until="2027-04-29")
    assert "UNTIL" in sentences(weekly, "repaired")
    counted = only(
        CALL + "\nRRULE:FREQ=MONTHLY;BYDAY=1TH;COUNT=4\nEXDATE;TZID=Europe/Stockholm:20270506T150000"
    )
    assert counted.described.schedule.rule == Rule(frequency="monthly", weekdays=("TH",), position=1, count=4)
    assert counted.described.schedule.left_out == ("2027-05-06T15:00",)
    utc = only(CALL + "\nRRULE:FREQ=WEEKLY;COUNT=3\nRDATE:20270402T130000Z\nEXDATE:20270408T130000Z")
    assert (utc.described.schedule.dates, utc.described.schedule.left_out) == (
        ("2027-04-02T15:00",),
        ("2027-04-08T15:00",),
    )
    odd = only(CALL + "\nRRULE:FREQ=MONTHLY;BYMONTHDAY=1,15;COUNT=4")
    assert odd.described.schedule.rule is None
    assert odd.described.schedule.dates == ("2027-04-15T15:00", "2027-05-01T15:00", "2027-05-15T15:00")
    assert "list of 4 dates" in sentences(odd, "repaired")


def test_what_never_ends_is_taken_for_this_year_and_the_next() -> None:
    found = only("UID:a\nSUMMARY:Team\nDTSTART;TZID=Europe/Stockholm:20200106T140000\nRRULE:FREQ=WEEKLY")
    days = [one.date() for one in series.starts_of(found.described.schedule)]
    assert (days[0].isoformat(), days[-1].isoformat(), len(days)) == ("2027-01-04", "2028-12-25", 104)
    assert found.described.schedule.rule is not None
    assert "2028-12-25" in sentences(found, "left_out")
    daily = only("UID:a\nSUMMARY:Team\nDTSTART:20200106T140000Z\nRRULE:FREQ=DAILY")
    starts = series.starts_of(daily.described.schedule)
    assert (starts[0].isoformat(), len(starts)) == ("2027-03-01T14:00:00", 200)
    assert read(
        "UID:a\nSUMMARY:x\nDTSTART:19990106T140000Z\nRRULE:FREQ=YEARLY;COUNT=300\nEXDATE:19990106T140000Z"
    ).found


def test_single_times_are_moved_and_cancelled() -> None:
    found = only(
        CALL + "\nRRULE:FREQ=WEEKLY;COUNT=4",
        "UID:a@x\nSUMMARY:Guest call\nRECURRENCE-ID;TZID=Europe/Stockholm:20270408T150000\nDTSTART:20270409T080000Z\nDTEND:20270409T090000Z",
        "UID:a@x\nRECURRENCE-ID:20270415T130000Z\nDTSTART:20270415T130000Z\nSTATUS:CANCELLED",
    )
    assert found.changes == (
        Change(key="20270408T1500", starts="2027-04-09T10:00", minutes=60, note="Guest call"),
        Change(key="20270415T1500", cancelled=True),
    )
    alone = only("UID:b\nSUMMARY:One of many\nRECURRENCE-ID:20270408T130000Z\nDTSTART:20270409T080000Z")
    assert alone.uid.startswith("b#")


def test_the_newest_of_several_versions_counts_and_private_ones_stay_away() -> None:
    done = read(
        CALL + "\nSEQUENCE:1", CALL.replace("Call", "Newer") + "\nSEQUENCE:2",
        "UID:p\nCLASS:PRIVATE\nSUMMARY:Dentist\nDTSTART:20270401T150000Z", "UID:n\nSUMMARY:Never",
    )  # fmt: skip
    assert [one.described.title for one in done.found] == ["Newer"]
    assert [one.why for one in done.left_out] == [
        "It is marked as private.",
        "It does not say when it begins.",
    ]


def test_html_everywhere_becomes_plain_or_markdown_and_links_to_join_are_hidden() -> None:
    found = only(
        "UID:a\nSUMMARY:<b>Bold</b><script>alert(1)</script> call\nDTSTART:20270401T150000Z\nLOCATION:<i>Room</i>"
        '\nCATEGORIES:<u>x</u>\nDESCRIPTION:<p>Join <a href="https://us02web.zoom.us/j/99">here</a></p><img src=x onerror=y>'
    )
    said = found.described
    assert (said.title, said.place.name, said.keywords) == ("Bold call", "Room", ("x",))
    assert "zoom" not in said.text
    assert (said.join_url, said.tool) == ("https://us02web.zoom.us/j/99", "Zoom")
    rich = only(CALL + "\nDESCRIPTION:plain\nX-ALT-DESC;FMTTYPE=text/html:<p>A <b>rich</b> text</p>")
    assert rich.described.text == "A **rich** text"
    checked(said)


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=SECONDLY", "FREQ=MINUTELY;BYSECOND=1", "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", "FREQ=DAILY;INTERVAL=0", "FREQ=WEEKLY;BYSETPOS=9",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "FREQ=MINUTELY", "FREQ=HOURLY;COUNT=999999999", "FREQ=DAILY;BYHOUR=0,1,2,3,4,5,6;BYMINUTE=0,1,2,3,4,5,6,7",
        "FREQ=WEEKLY;INTERVAL=99999999999999999999", "FREQ=MONTHLY;BYDAY=99MO", "RSCALE=CHINESE;FREQ=YEARLY", "FREQ=WEEKLY;UNTIL=99991231T235959Z",
        "FREQ=WEEKLY;COUNT=-1",
    ],
)  # fmt: skip
def test_rules_that_have_no_end_do_no_harm(rule: str) -> None:
    began = time.monotonic()
    done = read(f"UID:a\nSUMMARY:x\nDTSTART:19700101T150000Z\nDTEND:19700101T150100Z\nRRULE:{rule}")
    assert time.monotonic() - began < 10
    for found in done.found:
        checked(found.described)
        assert found.receipt.left_out


@pytest.mark.parametrize(
    ("body", "error", "said"),
    [
        ("", Invalid, "no calendar"),
        ("<html>", Invalid, "no calendar"),
        ("BEGIN:VCALENDAR\n" * 50, Invalid, "nested"),
        ("BEGIN:VCALENDAR\n" + "X:1\n" * 90_000, TooLarge, "lines"),
        ("BEGIN:VCALENDAR\n" + "x" * 5_000_000, TooLarge, "bytes"),
        ("BEGIN:VCALENDAR\n" + "BEGIN:VEVENT\nEND:VEVENT\n" * 5_000, TooLarge, "events"),
        ("BEGIN:V\nRRULE:%n;BYMONTH=", Invalid, "cannot be read"),
    ],
    ids=["empty", "html", "nested", "lines", "bytes", "events", "fuzz"],
)
def test_what_is_no_calendar_is_refused_with_a_sentence(body: str, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        ics.read(body)


def test_a_calendar_that_was_cut_off_or_is_odd_is_read_as_far_as_it_goes() -> None:
    whole = calendar(CALL, CALL.replace("a@x", "b@x"))
    cut = ics.read(whole[: whole.rindex("SUMMARY")], today=TODAY)
    assert ([one.uid for one in cut.found], cut.whole) == (["a@x"], False)
    evil = "BEGIN:VTIMEZONE\nTZID:evil\nBEGIN:STANDARD\nDTSTART:19700101T000000\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0200\nRRULE:FREQ=SECONDLY\nEND:STANDARD\nEND:VTIMEZONE\n"
    began = time.monotonic()
    done = read("UID:a\nSUMMARY:x\nDTSTART;TZID=evil:20270401T150000", head=evil)
    assert time.monotonic() - began < 10
    assert "no zone has" in done.repaired[0].sentence
    assert len(done.found) == 1
    long = read(CALL + "\nDESCRIPTION:" + "x" * 200_000)
    assert "left out" in long.repaired[0].sentence


ZONES = ["Europe/Stockholm", "America/New_York", "Australia/Lord_Howe", "UTC", "Asia/Kathmandu"]


@settings(max_examples=120)
@given(
    start=st.integers(0, 700 * 24 * 60).map(
        lambda one: datetime.fromisoformat("2026-03-01T00:00") + timedelta(minutes=one)
    ),
    zone=st.sampled_from(ZONES),
    frequency=st.sampled_from(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]),
    interval=st.integers(1, 4),
    count=st.integers(1, 15),
    days=st.lists(st.sampled_from(series.WEEKDAYS), max_size=3, unique=True),
    by_month=st.lists(st.integers(1, 12), max_size=2, unique=True),
    out=st.integers(0, 5),
)
def test_other_software_sees_the_same_times_in_a_calendar(
    start: datetime,
    zone: str,
    frequency: str,
    interval: int,
    count: int,
    days: list[str],
    by_month: list[int],
    out: int,
) -> None:
    by_day = days if frequency in ("DAILY", "WEEKLY") else []
    if by_day:
        start += timedelta(days=min((series.WEEKDAYS.index(one) - start.weekday()) % 7 for one in by_day))
    if by_month:
        by_month = sorted({*by_month, start.month})
    at = f"TZID={zone}:{start:%Y%m%dT%H%M%S}"
    rule = f"FREQ={frequency};INTERVAL={interval};COUNT={count}" + (
        f";BYDAY={','.join(by_day)}" if by_day else ""
    )
    rule += f";BYMONTH={','.join(map(str, by_month))}" if by_month and frequency != "YEARLY" else ""
    body = calendar(f"UID:a\nSUMMARY:x\nDTSTART;{at}\nDURATION:PT30M\nRRULE:{rule}")
    seen = sorted(one.start for one in recurring_ical_events.of(icalendar.Calendar.from_ical(body)).all())
    if out < len(seen) > 1:
        gone = seen.pop(out)
        body = calendar(
            f"UID:a\nSUMMARY:x\nDTSTART;{at}\nDURATION:PT30M\nRRULE:{rule}\nEXDATE:{gone.astimezone(UTC):%Y%m%dT%H%M%SZ}"
        )
    done = ics.read(body, today=start.date())
    found = [begins for _, begins, _ in series.spans_of(done.found[0].described.schedule)]
    assert found == [int(one.timestamp() * 1000) for one in seen]


def test_the_shared_calendars_are_read_but_for_two(shared: Path) -> None:
    refused, events, found, left_out = [], 0, 0, 0
    for path in sorted((shared / "data" / "domain" / "ics").rglob("*.ics")):
        body = path.read_bytes()
        try:
            parsed = icalendar.Calendar.from_ical(body, multiple=True)
        except ValueError:
            parsed = None
        try:
            done = ics.read(body, path.name, today=TODAY)
        except Invalid as error:
            refused.append((path.name, str(error), parsed))
            continue
        assert parsed is not None
        for one in done.found:
            checked(one.described)
        found += len(done.found)
        left_out += len(done.left_out)
        inner = [one for calendar in parsed for one in calendar.walk("VEVENT")]
        events += len(inner)
        begins = {str(one["uid"]) for one in inner if "DTSTART" in one and "UID" in one and not one.errors}
        assert begins <= {one.uid for one in done.found}, path.name
    assert [("cannot be read" in said, parsed) for _, said, parsed in refused] == [(True, None)] * 2
    assert found >= 50
    assert left_out
