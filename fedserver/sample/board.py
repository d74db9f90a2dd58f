"""What the sample community offers on its board, and who applies. Times are hours before now, deadlines days from today."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from fedserver.events.records import Place
from fedserver.opportunities.records import ANYWHERE, Described, Form, Organisation, Pay, Question


@dataclass(frozen=True, slots=True)
class Application:
    """What somebody answers, by position of the question; `team` has joined them, `reviews` are (who, scores, comment)."""

    author: str
    answers: tuple[str, ...]
    team: tuple[str, ...] = ()
    reviews: tuple[tuple[str, tuple[int, ...], str], ...] = ()
    decision: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """An opportunity. Without `closes_in_days` it has no deadline; `kept_by` have bookmarked it."""

    key: str
    author: str
    hours_ago: float
    said: Described
    closes_in_days: int | None = None
    at: str = ""
    visibility: str = "public"
    reviewers: tuple[str, ...] = ()
    applications: tuple[Application, ...] = ()
    kept_by: tuple[str, ...] = ()


_NETWORK: Final = Organisation(name="Open Bench Trainers", url="https://openbench.example/")

ENTRIES: Final = (
    Entry(
        "coordinator", "maren", 130,
        Described(
            title="Training coordinator, part time", kind="job", language="en", organisation=_NETWORK,
            abstract="Keep our workshops on their feet: dates, rooms, trainers, and the letters in between. Twenty hours a week, from "
            "wherever you are awake when Bremen is.",
            text="You write well and like lists. Whether you come from research, from schools or from a theatre is the same to us.\n\n"
            "* Plan six workshops a year with those who teach them\n* Look after forty trainers\n* Write what went wrong, so that it does "
            "not do so again",
            place=Place(locality="Bremen", country="Germany"), remote="partly",
            pay=Pay(least=26_400, most=29_800, currency="EUR", period="year", note="for twenty hours a week"), zone="Europe/Berlin",
            topics=("Training", "Coordination"), contact="jobs@openbench.example", apply_url="https://openbench.example/jobs/coordinator",
        ),
        closes_in_days=18, at="23:59", kept_by=("noor", "leila"),
    ),
    Entry(
        "fellowship", "kwame", 90,
        Described(
            title="Teaching fellowship, seventh cohort", kind="fellowship", language="en", organisation=_NETWORK,
            abstract="Half a year with a mentor, a small stipend, and a course of your own at the end of it. Apply alone or as a team of "
            "up to three.",
            text="We read without names. What counts is whom you want to teach, and why now.", remote="yes",
            pay=Pay(least=1_500, currency="EUR", period="once"), zone=ANYWHERE, slots=8,
            eligibility="Everybody who teaches beside other work, in any country", topics=("Mentoring", "Teaching"),
            contact="@kwame",
            form=Form(
                questions=(
                    Question(label="What would you like to teach, and to whom?", kind="long", required=True),
                    Question(label="How often have you taught so far?", kind="choice", required=True, choices=("Never", "Up to five times", "More often")),
                    Question(label="Something of yours that we can look at", kind="link"),
                ),
                criteria=("Idea", "Those it is for", "Why now"), team_max=3,
            ),
        ),
        closes_in_days=11,
        reviewers=("amara", "leila"),
        applications=(
            Application("noor", ("Statistics for biologists who were told that they cannot count. They can.", "Up to five times")),
            Application("elena", ("Des entretiens, pour celles et ceux qui évaluent.", "More often", "https://elena.openbench.example/"), team=("piotr",)),
        ),
    ),
    Entry(
        "microgrant", "sofie", 900,
        Described(
            title="Microgrants for small meetings", kind="microgrant", language="en", organisation=_NETWORK,
            abstract="Up to 300 € for a room, a train ticket or child care, so that members of ours can meet.", remote="no",
            pay=Pay(most=300, currency="EUR", period="once"), zone=ANYWHERE, slots=2, topics=("Community",),
            form=Form(
                questions=(Question(label="Who meets, where, and what for?", kind="long", required=True),
                           Question(label="What will you spend it on?", required=True)),
                criteria=("Use", "Care"),
            ),
        ),
        closes_in_days=-6,
        visibility="members",
        reviewers=("ines", "yuki"),
        applications=(
            Application("leila", ("Seven people who train for museum nights, in Lyon, for one afternoon of improvising.", "The room"),
                        reviews=(("ines", (5, 4), "I would like to be there."), ("yuki", (4, 4), "")), decision="accepted"),
            Application("rafael", ("Teachers of statistics in Oaxaca; we compare what we draw.", "Two bus tickets and coffee"),
                        reviews=(("ines", (4, 5), ""), ("yuki", (5, 4), "Two tickets for nine people: very well spent."))),
            Application("tobias", ("My writing circle, somewhere warm.", "Cake"), reviews=(("ines", (2, 3), "Cake is a reason, but not for this."),)),
        ),
    ),
    Entry(
        "reviewers", "piotr", 34,
        Described(
            title="Read data management plans with me", kind="volunteer", language="en", organisation=Organisation(name="Data office of the institute"),
            abstract="Two hours a month. I bring the plans and biscuits, you bring the questions that I have stopped asking.", remote="yes",
            topics=("Data management",), contact="@piotr",
        ),
        kept_by=("noor",),
    ),
)  # fmt: skip
