"""Who is in the sample community, and what they say. Times are hours before now."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from fedserver.viewer import Role


@dataclass(frozen=True, slots=True)
class Person:
    """A made-up member. `hue` colours the drawn picture, in degrees."""

    name: str
    display_name: str
    note: str
    hue: int
    role: Role = "member"
    fields: tuple[tuple[str, str], ...] = ()
    follows: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawing by `fedserver.sample.pictures` and the words for who cannot see it."""

    drawing: str
    alt: str


@dataclass(frozen=True, slots=True)
class Poll:
    """Choices, and who voted for which (positions)."""

    options: tuple[str, ...]
    votes: dict[str, int]
    hours: int
    multiple: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """One post: by whom, when, what, and what people did with it."""

    key: str
    author: str
    hours_ago: float
    text: str
    answers: str = ""
    title: str = ""
    summary: str = ""
    visibility: str = "public"
    pictures: tuple[Picture, ...] = ()
    poll: Poll | None = None
    liked_by: tuple[str, ...] = ()
    boosted_by: tuple[str, ...] = ()
    markdown: bool = False
    language: str = "en"
    pinned: bool = field(default=False)
    group: str = ""  # begins a discussion there
    topics: tuple[str, ...] = ()


TITLE: Final = "Open Bench Trainers"
DESCRIPTION: Final = (
    "A network of people who teach scientists how to share, explain and look after their work: "
    "workshops, mentoring, communities and everything around them."
)
RULES: Final = (
    "Be generous: assume that a question was asked in good faith.",
    "Credit people. If an exercise came from somebody, say so.",
    "What is said in a mentoring conversation stays there.",
    "Describe pictures in words, so that everybody can follow.",
)

PEOPLE: Final = (
    Person(
        "maren",
        "Maren Holtz",
        "I look after this network and the people in it. Ask me anything about getting started. #community #facilitation",
        198,
        role="owner",
        fields=(("Pronouns", "she/her"), ("Based in", "Bremen")),
        follows=(
            "tobias",
            "ines",
            "kwame",
            "yuki",
            "leila",
            "rafael",
            "sofie",
            "amara",
            "piotr",
            "noor",
            "elena",
        ),
    ),
    Person(
        "tobias",
        "Tobias Renner",
        "Trainer for #scicomm and writing. Former plant biologist; the plants forgave me.",
        96,
        role="moderator",
        fields=(("Workshops", "Writing for people who did not ask"),),
        follows=("maren", "ines", "leila", "sofie", "elena"),
    ),
    Person(
        "ines",
        "Inês Carvalho",
        "Bioinformatics training, lesson design, and far too many sticky notes. #lessondesign",
        22,
        fields=(("Pronouns", "she/her"), ("Languages", "PT, EN, some DE")),
        follows=("maren", "kwame", "yuki", "rafael", "amara"),
    ),
    Person(
        "kwame",
        "Kwame Asante",
        "Runs a mentoring programme for first-time open-science projects. Cohort 6 is on its way.",
        41,
        follows=("maren", "ines", "amara", "noor", "leila"),
    ),
    Person(
        "yuki",
        "Yuki Tanabe",
        "Research software and the people who keep it running. I collect good error messages.",
        262,
        follows=("ines", "piotr", "rafael", "maren"),
    ),
    Person(
        "leila",
        "Leila Haddad",
        "Science theatre, museum nights, and training researchers to be heard. #improv",
        338,
        follows=("tobias", "sofie", "maren", "elena"),
    ),
    Person(
        "rafael",
        "Rafael Ortiz",
        "Statistics teacher. Yes, you may plot the raw data first. #teaching",
        148,
        follows=("ines", "yuki", "maren", "piotr"),
    ),
    Person(
        "sofie",
        "Sofie Lindqvist",
        "Community manager for marine researchers in six time zones. #community",
        215,
        follows=("maren", "leila", "amara", "tobias"),
    ),
    Person(
        "amara",
        "Amara Okoye",
        "Training coordinator, accessibility first. Captions are not an extra. #a11y",
        300,
        fields=(("Ask me about", "accessible slides"),),
        follows=("maren", "ines", "kwame", "sofie", "noor"),
    ),
    Person(
        "piotr",
        "Piotr Wolny",
        "Data steward. I read data management plans so that you can enjoy writing them. #datamanagement",
        180,
        follows=("yuki", "rafael", "maren", "noor"),
    ),
    Person(
        "noor",
        "Noor Rahman",
        "New here. Doctoral student who was asked to teach a course next term and said yes too quickly.",
        8,
        follows=("maren", "ines", "kwame", "amara", "rafael", "tobias"),
    ),
    Person(
        "elena",
        "Elena Petrova",
        "Évaluation de formations, entretiens, enquêtes. I ask trainers what changed afterwards.",
        276,
        follows=("maren", "tobias", "leila", "sofie", "kwame"),
    ),
)

ENTRIES: Final = (
    Entry(
        "welcome",
        "maren",
        312,
        "Welcome to Open Bench Trainers! Say hello, tell us what you teach, and what you would like to steal from others. "
        "#introductions",
        liked_by=("tobias", "ines", "kwame", "sofie", "amara", "elena"),
        boosted_by=("tobias",),
        pinned=True,
    ),
    Entry(
        "hello-kwame",
        "kwame",
        309,
        "Hello all. I run a sixteen-week mentoring programme. What I would like to steal: a kind way to end a call on time.",
        answers="welcome",
        liked_by=("maren", "amara", "noor"),
    ),
    Entry(
        "hello-end",
        "sofie",
        308.5,
        "Five minutes before the end somebody says “one sentence each: what do you take with you?” and that is the end. "
        "Works in six time zones.",
        answers="hello-kwame",
        liked_by=("kwame", "maren", "leila"),
    ),
    Entry(
        "sticky",
        "ines",
        200,
        "Four hours of planning, one wall. The orange column is everything we decided *not* to teach, and it is my favourite.",
        markdown=True,
        pictures=(
            Picture(
                "wall",
                "A wall of sticky notes in five columns. The rightmost column is orange and the longest.",
            ),
        ),
        liked_by=("maren", "yuki", "rafael", "amara", "noor"),
        boosted_by=("maren", "amara"),
    ),
    Entry(
        "sticky-q",
        "noor",
        198,
        "How do you decide what goes into the orange column? I want to teach all of it.",
        answers="sticky",
        liked_by=("ines",),
    ),
    Entry(
        "sticky-a",
        "ines",
        197.6,
        "Ask of each note: could they do the exercise without it? If yes, orange. It hurts for ten minutes and helps for years.",
        answers="sticky-q",
        liked_by=("noor", "rafael", "maren", "kwame", "tobias"),
    ),
    Entry(
        "sticky-b",
        "rafael",
        197,
        "And keep the orange notes. Half of them become the answers to questions in the break.",
        answers="sticky-a",
        liked_by=("ines", "noor"),
    ),
    Entry(
        "sticky-c",
        "noor",
        196.4,
        "Starting my orange column tonight. Thank you both.",
        answers="sticky-b",
        liked_by=("ines",),
    ),
    Entry(
        "habits",
        "kwame",
        150,
        "## 1. Start smaller than feels polite\n\nTwelve mentees and eight mentors is a good first cohort. You will know everybody's "
        "name in week two, and that is the point.\n\n## 2. Put the awkward week in the calendar\n\nWeek seven is when people go quiet. "
        "We now call it *quiet week* and plan nothing but one-to-one calls.\n\n## 3. Let mentors meet without us\n\nThey share "
        "things there that they would never write in a form.\n\n## 4. Write down what you promised\n\n| Who | Promise | Until |\n"
        "|---|---|---|\n| Organisers | an answer within two days | week 16 |\n| Mentors | thirty minutes a week | week 16 |\n"
        "| Mentees | to say when it is too much | always |\n\n## 5. End with a party\n\nThe talks are five minutes each and "
        "nobody is allowed to apologise for unfinished work.",
        title="Five habits that keep a mentoring cohort together",
        summary="What five cohorts taught us about size, quiet weeks, mentors and endings, with the promises we write down at the start.",
        markdown=True,
        liked_by=("maren", "amara", "sofie", "noor", "elena", "leila"),
        boosted_by=("maren", "sofie"),
    ),
    Entry(
        "habits-q",
        "elena",
        147,
        "Do you ask people half a year later what stayed with them? I would love to compare questions.",
        answers="habits",
        liked_by=("kwame",),
    ),
    Entry(
        "habits-a",
        "kwame",
        146,
        "We ask three things: what you still do, what you stopped doing, and whom you are still in touch with. The third one tells most.",
        answers="habits-q",
        liked_by=("elena", "maren"),
    ),
    Entry(
        "poll-day",
        "amara",
        30,
        "Our monthly call about accessible teaching moves. Which day suits you? We always meet at 13:00 UTC, with captions.",
        poll=Poll(
            ("Tuesday", "Wednesday", "Thursday", "I will watch the recording"),
            {"maren": 1, "ines": 1, "kwame": 2, "sofie": 1, "noor": 0, "elena": 3, "tobias": 2},
            120,
        ),
        boosted_by=("maren",),
    ),
    Entry(
        "poll-tools",
        "yuki",
        250,
        "What do you use for notes that a whole room writes in together?",
        poll=Poll(
            (
                "A shared text pad",
                "A slide deck everybody edits",
                "Paper, then photographs",
                "Something else (tell me)",
            ),
            {"ines": 0, "rafael": 0, "piotr": 0, "sofie": 1, "leila": 2, "amara": 0, "tobias": 2},
            72,
            multiple=True,
        ),
    ),
    Entry(
        "errors",
        "yuki",
        99,
        "Error message of the week: “Expected a table, found a poem.” Whoever wrote that parser: thank you. #errormessages",
        liked_by=("rafael", "piotr", "ines", "leila", "tobias"),
        boosted_by=("rafael",),
    ),
    Entry(
        "raw",
        "rafael",
        76,
        "Today's class, before and after we looked at the raw points instead of the averages. Same data. #teaching #statistics",
        pictures=(
            Picture("bars", "Two bars of almost equal height, labelled group A and group B."),
            Picture(
                "dots",
                "The same two groups as single points: group A is one tight cloud, group B falls into two clouds far apart.",
            ),
        ),
        liked_by=("ines", "yuki", "noor", "piotr", "elena", "maren"),
        boosted_by=("ines", "maren"),
    ),
    Entry(
        "raw-q",
        "noor",
        75,
        "May I use these two pictures in my course? With credit, of course.",
        answers="raw",
        liked_by=("rafael",),
    ),
    Entry(
        "raw-a",
        "rafael",
        74.5,
        "Please do. CC BY, and tell me which question they ask first.",
        answers="raw-q",
        liked_by=("noor", "maren"),
    ),
    Entry(
        "stage",
        "leila",
        52,
        "I used to write scripts for researchers. Now I only ask: what would you shout to a friend across a busy street? Start there.",
        summary="How to open a talk",
        liked_by=("tobias", "sofie", "elena"),
    ),
    Entry(
        "captions",
        "amara",
        44,
        "Small thing that changed our recordings: we read names and numbers out loud for the captions, and everybody understands "
        "them better, not only those who read along. #a11y",
        liked_by=("maren", "ines", "kwame", "sofie", "noor"),
        boosted_by=("kwame", "maren", "sofie"),
    ),
    Entry(
        "eval",
        "elena",
        36,
        "Question pour vous : que demandez-vous à vos participant·es six mois après un atelier ? Je compile les réponses. #évaluation",
        language="fr",
        liked_by=("kwame", "sofie"),
    ),
    Entry(
        "plan",
        "piotr",
        21,
        "A data management plan is a letter to the colleague who takes over your project. Write it to somebody you like. #datamanagement",
        liked_by=("yuki", "noor", "maren", "rafael"),
        boosted_by=("yuki",),
    ),
    Entry(
        "sea",
        "sofie",
        12,
        "Our members met in one room for the first time in three years. We spent the first hour just finding out how tall everybody is.",
        pictures=(
            Picture("sea", "A calm sea under an evening sky with a small research vessel on the horizon."),
        ),
        liked_by=("maren", "leila", "amara", "tobias"),
        boosted_by=("maren",),
    ),
    Entry(
        "first",
        "noor",
        6,
        "First session taught! Nobody left, two people laughed, and the exercise took twice as long as planned. Is that normal?",
        liked_by=("maren", "ines", "kwame", "amara", "rafael", "tobias", "sofie"),
    ),
    Entry(
        "first-a",
        "tobias",
        5.5,
        "Twice as long is the rule. Whoever plans for once is new, and you were new for exactly one session.",
        answers="first",
        liked_by=("noor", "maren"),
    ),
    Entry(
        "first-b",
        "maren",
        5.2,
        "So proud of you. What will you do differently next week?",
        answers="first",
        liked_by=("noor",),
    ),
    Entry(
        "first-c",
        "noor",
        4.9,
        "Orange column. Longer orange column.",
        answers="first-b",
        liked_by=("maren", "ines", "kwame", "tobias"),
    ),
    Entry(
        "office",
        "maren",
        2,
        "Office hour tomorrow at 15:00 UTC for everybody who is preparing a workshop. Bring the part you are least sure about.",
        boosted_by=("kwame",),
        liked_by=("noor", "amara"),
    ),
)
