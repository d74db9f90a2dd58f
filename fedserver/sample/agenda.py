"""What takes place in the sample community, and who answers how. Days are counted from today, times are those of the zone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from fedserver.events.records import AgendaItem, Place
from fedserver.events.records import Described as Event
from fedserver.events.series import Rule, Schedule


@dataclass(frozen=True, slots=True)
class Output:
    """What came out of it: an address, or (its key in the library) a resource."""

    role: str
    title: str = ""
    url: str = ""
    resource: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """An event: by whom and how long ago it is announced, on which day it begins. `answers` are by name, in the order in which
    they come; `came` ticks who was there, `calls_off` is (which of the series, why), `agenda_resources` leads from lines of the
    agenda (positions) to keys of the library."""

    key: str
    author: str
    hours_ago: float
    in_days: int
    at: str
    said: Event
    visibility: str = "public"
    group: str = ""
    answers: tuple[tuple[str, str], ...] = ()
    said_to_questions: tuple[tuple[str, str], ...] = ()
    came: tuple[str, ...] = ()
    outputs: tuple[Output, ...] = ()
    calls_off: tuple[int, str] | None = None
    agenda_resources: tuple[tuple[int, str], ...] = ()


_BREMEN: Final = Place(
    name="Speicher am Fluss, room 2", street="Alter Speicher 4", postal_code="28195", locality="Bremen", country="Germany",
    latitude=53.0793, longitude=8.8017,
)  # fmt: skip


def _once(zone: str, minutes: int) -> Schedule:
    return Schedule(starts="", zone=zone, minutes=minutes)


ENTRIES: Final = (
    Entry(
        "clinic", "ines", 260, -9, "15:00",
        Event(
            title="Lesson clinic", kind="call", language="en",
            abstract="Bring one lesson, or one page of it. Three people look at it with you for fifteen minutes each, and you go "
            "home with one thing to change.",
            text="We meet for **eight weeks**. Come to all of them or to a single one.\n\nNobody has to bring something: whoever only "
            "listens asks the best questions.",
            schedule=Schedule(starts="", zone="Europe/Lisbon", minutes=60, rule=Rule(count=8)),
            online=True, tool="BigBlueButton", join_url="https://calls.openbench.example/lesson-clinic",
            agenda=(AgendaItem(title="Who brings what"), AgendaItem(title="The first lesson", offset_minutes=5, speakers=("Inês Carvalho",)),
                    AgendaItem(title="The second lesson", offset_minutes=25),
                    AgendaItem(title="One sentence each", offset_minutes=55)),
            organisers=("Inês Carvalho", "Rafael Ortiz"), captions=True, languages=("en", "pt"), keywords=("lesson design", "feedback"),
        ),
        answers=(("noor", "going"), ("rafael", "going"), ("amara", "going"), ("kwame", "going"), ("yuki", "maybe"), ("piotr", "declined")),
        calls_off=(4, "Half of us are at a conference. Use the hour for your own lesson."),
        agenda_resources=((1, "alt-text"),),
    ),
    Entry(
        "first-workshop", "maren", 190, 16, "09:30",
        Event(
            title="Your first workshop: from an idea to a plan", kind="workshop", language="en",
            abstract="A day for everybody who teaches for the first time. You leave with a plan for ninety minutes, an exercise that you "
            "have tried with others, and somebody to call the evening before.",
            text="## The day\n\nWe begin with what you want people to be able to do, and work backwards from there.\n\nLunch and coffee are "
            "there. Tell us what you do not eat.",
            schedule=_once("Europe/Berlin", 420), place=_BREMEN, capacity=4, guests_max=0,
            agenda=(AgendaItem(title="Arriving, coffee"), AgendaItem(title="What should they be able to do?", offset_minutes=30,
                    speakers=("Maren Holtz",)), AgendaItem(title="Lunch", offset_minutes=180),
                    AgendaItem(title="Try your exercise on us", offset_minutes=240, speakers=("Maren Holtz", "Inês Carvalho")),
                    AgendaItem(title="What you do on Monday", offset_minutes=390)),
            questions=("What will you teach?", "What do you not eat?"), cost="Free, lunch included",
            eligibility="For people who have taught three times or less", accessibility="A lift leads to the room, and there is a hearing loop.",
            organisers=("Maren Holtz", "Inês Carvalho"), website="https://openbench.example/first-workshop", keywords=("teaching", "beginners"),
        ),
        answers=(("noor", "going"), ("elena", "going"), ("piotr", "going"), ("sofie", "going"), ("tobias", "going"), ("leila", "going"),
                 ("kwame", "maybe"), ("yuki", "declined")),
        said_to_questions=(("What will you teach?", "Writing a data management plan"), ("What do you not eat?", "Fish")),
        agenda_resources=((1, "fair"),),
    ),
    Entry(
        "captions-webinar", "amara", 620, -12, "13:00",
        Event(
            title="Captions that help everybody", kind="webinar", language="en",
            abstract="How captions are made, what they cost, and what changes in a talk once you know that it is read as well as heard.",
            schedule=_once("UTC", 75), online=True, tool="Jitsi", join_url="https://calls.openbench.example/captions", captions=True,
            organisers=("Amara Okoye",), keywords=("accessibility", "captions"),
        ),
        answers=(("maren", "going"), ("sofie", "going"), ("noor", "going"), ("kwame", "going"), ("elena", "maybe")),
        came=("maren", "noor", "kwame"),
        outputs=(Output("recording", "Recording with captions", "https://video.openbench.example/captions"),
                 Output("slides", resource="alt-text"), Output("notes", "Notes that we wrote together", "https://pad.openbench.example/captions")),
    ),
    Entry(
        "mentors", "kwame", 70, 6, "17:30",
        Event(
            title="Mentors’ evening", kind="meetup", language="en",
            abstract="For mentors of the sixth cohort and for those who think of becoming one. What is said here stays here.",
            schedule=_once("Africa/Accra", 90), online=True, rsvp_mode="approval", join_url="https://calls.openbench.example/mentors",
            organisers=("Kwame Asante",), keywords=("mentoring",),
        ),
        visibility="members", answers=(("amara", "going"), ("maren", "going"), ("elena", "going")),
    ),
    Entry(
        "meeting", "sofie", 400, 58, "",
        Event(
            title="Open Bench days: two days in one room", kind="conference", language="en",
            abstract="Once a year we meet where one can share a table. Talks are ten minutes long, breaks are forty.",
            schedule=Schedule(starts="", zone="Europe/Stockholm", days=2),
            place=Place(name="Sjöfartshuset", locality="Göteborg", country="Sweden"), online=True, capacity=80, guests_max=1,
            organisers=("Sofie Lindqvist", "Open Bench Trainers"), cost="60 €, and nobody is asked why they pay less", keywords=("community",),
        ),
        answers=(("maren", "going"), ("leila", "going"), ("tobias", "maybe"), ("ines", "going")),
    ),
)  # fmt: skip
