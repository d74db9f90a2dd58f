"""Schedules of cohorts and calendars in YAML: counted as their files say, guesses said, twice the same as once."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from fedserver.errors import Invalid
from fedserver.events import series
from fedserver.events.checking import checked
from fedserver.events.importing import ols, yaml2ics
from fedserver.events.records import AgendaItem
from tests.events.importing.samples import sentences
from tests.resources.importing.test_commands import Run, counts, run, snapshot

__all__ = ["run"]

SCHEDULE = """
timeline:
- {date: 2024-01-01, description: Applications open}
weeks:
  '00':
    start: March 4, 2024
    calls:
    - {title: Meet your mentor, type: Mentor-Mentee, duration: 30 min}
    - title: Welcome
      type: Cohort
      date: March 05, 1900
      time: "17:00"
      duration: 90 min
      notes: https://pad.example/1
      content: Join https://zoom.us/j/12
      before: [Read this, Then that]
      hosts: [ada]
      talks:
      - {title: Open canvas, speakers: [ada, nobody]}
    - {title: Skills, type: Skill-up, date: 2024-03-06, mood: good}
    - no call
  '01':
    calls:
    - {title: Some day}
"""
PEOPLE = "ada: {first-name: Ada, last-name: Doe}"


def test_calls_of_a_cohort() -> None:
    done = ols.read(SCHEDULE, PEOPLE, cohort="ols-x")
    mentor, welcome, skills = done.found
    assert (mentor.described.schedule.starts, mentor.described.schedule.days) == ("2024-03-04", 5)
    assert "week from 2024-03-04" in sentences(mentor, "guessed")
    schedule = welcome.described.schedule
    assert (schedule.starts, schedule.zone, schedule.minutes) == ("2024-03-05T17:00", "Europe/London", 90)
    assert "1900" in sentences(welcome, "repaired")
    assert welcome.described.agenda == (AgendaItem(title="Open canvas", speakers=("Ada Doe", "nobody")),)
    assert welcome.described.organisers == ("Ada Doe",)
    assert welcome.described.join_url == "https://zoom.us/j/12"
    assert "zoom" not in welcome.described.text
    assert "- Then that" in welcome.described.text
    assert (skills.described.kind, skills.described.schedule.days) == ("workshop", 1)
    assert "mood" in sentences(skills, "left_out")
    assert [one.title for one in done.left_out] == ["Applications open", "Week 00", "Some day"]


@pytest.mark.parametrize("text", ["- a", "weeks: [", "weeks: 3"], ids=["list", "broken", "number"])
def test_what_is_no_schedule_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        ols.read(text, cohort="x")


def test_entries_of_yaml2ics() -> None:
    text = """
name: Team
timezone: Europe/Stockholm
include: [other.yaml, "https://a.example/c.ics"]
events:
- summary: Meeting
  begin: 2024-11-11 14:00:00
  duration: {minutes: 30}
  repeat: {interval: {weeks: 2}, until: 2024-12-31, except_on: [2024-11-25 14:00:00]}
  mood: good
- {summary: Days, begin: 2024-11-11, end: 2024-11-13}
- {summary: Never}
- {summary: Odd, begin: 2024-11-11 14:00:00, repeat: often}
"""
    done, included = yaml2ics.read(text, "team.yaml", today=date(2024, 1, 1))
    meeting, days = done.found
    assert [f"{one:%m-%d}" for one in series.starts_of(meeting.described.schedule)] == [
        "11-11",
        "12-09",
        "12-23",
    ]
    assert "mood" in sentences(meeting, "left_out")
    assert days.described.schedule.days == 3
    assert [one.title for one in done.left_out] == ["Never", "Odd"]
    assert included == ["other.yaml", "https://a.example/c.ics"]


def calls(folder: Path) -> list[dict[str, Any]]:
    """Every call of the shared schedules, with the start of its week."""
    found = []
    for path in sorted(folder.glob("*/schedule.yaml")):
        for week in yaml.safe_load(path.read_text())["weeks"].values():
            found += [{**call, "week": week.get("start")} for call in week["calls"]]
    return found


def test_the_shared_cohorts_are_counted_as_their_files_say(shared: Path) -> None:
    folder = shared / "data" / "domain" / "ols"
    wanted = calls(folder / "cohorts")
    done = ols.read_paths([folder])
    assert len(done.found) == len(wanted) == 181
    assert len({one.uid for one in done.found}) == 181
    for found, said in zip(done.found, wanted, strict=True):
        schedule = checked(found.described).schedule
        assert found.described.title == said["title"].strip()
        assert schedule.days == (0 if said.get("date") and said.get("time") else 1 if said.get("date") else 5)
        day = said.get("date") or said["week"]
        if len(str(day)) == 10:
            assert schedule.starts[:10] == str(day)
        if schedule.days == 0:
            assert schedule.starts[11:] == said["time"]
            assert schedule.minutes == int(str(said.get("duration") or "60").split()[0])
        assert "meet.example.org" not in found.described.text
        assert 2019 < int(schedule.starts[:4]) < 2026
        assert len(found.described.agenda) <= len(said.get("talks") or [])


@pytest.mark.long
def test_the_shared_cohorts_and_calendars_come_in_once(run: Run, shared: Path, database_url: str) -> None:
    folder = shared / "data" / "domain"
    talks_of_calls = ("import", "ols-schedule", str(folder / "ols" / "cohorts"), "--as", "lib", "--json")
    timeline = sum(
        len(yaml.safe_load(path.read_text())["timeline"])
        for path in (folder / "ols" / "cohorts").glob("*/schedule.yaml")
    )
    assert counts(run(*talks_of_calls)) == {"added": 181, "left_out": timeline}
    files = [
        yaml.safe_load(path.read_text()) for path in (folder / "coderefinery" / "calendars").glob("*.yaml")
    ]
    entries = sum(len(one.get("events") or []) for one in files)
    yaml_calendars = (
        "import",
        "yaml2ics",
        str(folder / "coderefinery" / "calendars"),
        "--as",
        "lib",
        "--json",
    )
    assert counts(run(*yaml_calendars))["added"] == entries == 13
    # What their own tool makes of the same entries, with new names each time, is the same.
    published = [str(path) for path in sorted((folder / "ics").glob("coderefinery-*.ics"))]
    other = ("import", "ics", *published, "--as", "lib", "--json")
    assert counts(run(*other)) == {"unchanged": entries}
    before = snapshot(database_url)
    assert before["event"] == 181 + entries
    assert counts(run(*talks_of_calls)) == {"unchanged": 181, "left_out": timeline}
    assert counts(run(*yaml_calendars))["unchanged"] == entries
    assert counts(run(*other)) == {"unchanged": entries}
    assert snapshot(database_url) == before


@pytest.mark.long
def test_the_shared_corpus_comes_in_and_again_changes_nothing(
    run: Run, shared: Path, database_url: str
) -> None:
    corpus = [
        str(path)
        for path in sorted((shared / "data" / "domain" / "ics" / "collective-icalendar").glob("*.ics"))
    ]
    arguments = ("import", "ics", *corpus, "--as", "lib", "--json")
    first = counts(run(*arguments))
    before = snapshot(database_url)
    assert before["event"] == first["added"]
    again = counts(run(*arguments))
    assert again == {
        **{name: number for name, number in first.items() if name != "added"},
        "unchanged": first["added"],
    }
    assert snapshot(database_url) == before
    refused = [one for one in corpus if "invalid_month" in one or "UTC_offset" in one]
    for path in refused:
        result = run("import", "ics", path, "--as", "lib")
        assert (result.exit_code, "cannot be read" in result.stderr) == (1, True)
    assert len(refused) == 2
