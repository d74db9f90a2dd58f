"""The library of the sample community: resources, what was made from them, who used them, and shelves. Times are hours
before now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from activitypub.vocabulary.resource import RelationKind
from fedserver.resources.publishing import Link
from fedserver.resources.records import Described, Funder, Identifier, Person, Topic


@dataclass(frozen=True, slots=True)
class Version:
    """A version after the first."""

    number: str
    hours_ago: float
    notes: str
    links: tuple[Link, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """A resource: by whom it is shared, when, what is said of it. `adapts` is the key of the one it is made from."""

    key: str
    author: str
    hours_ago: float
    said: Described
    links: tuple[Link, ...] = ()
    visibility: str = "public"
    versions: tuple[Version, ...] = ()
    adapts: str = ""
    relation: RelationKind = "adaptation"
    liked_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Told:
    """That somebody used a resource, or (with a `rating`) what they think of it."""

    key: str
    author: str
    note: str
    used_in: str = ""
    changed: str = ""
    worked: str = ""
    used_on: str = ""
    rating: int | None = None


@dataclass(frozen=True, slots=True)
class Shelf:
    """A shelf: (key of a resource, what is noted beside it)."""

    owner: str
    title: str
    description: str
    items: tuple[tuple[str, str], ...]
    visibility: str = "public"
    curators: tuple[str, ...] = ()
    followers: tuple[str, ...] = ()


def _file(name: str) -> Link:
    return Link(f"https://files.openbench.example/{name}", name)


_MAREN: Final = Person(
    name="Maren Holtz", orcid="0000-0002-1825-0097", affiliation="Open Bench Trainers", role="author"
)
_DATA: Final = Topic(label="Data management", uri="http://edamontology.org/topic_3571")
_FAIR: Final = Topic(label="FAIR data", uri="http://edamontology.org/topic_4012")

ENTRIES: Final = (
    Entry(
        "fair", "maren", 900,
        Described(
            title="FAIR data in 90 minutes",
            abstract="A first look at findable, accessible, interoperable and reusable data, for people who have heard the word and "
            "wonder what it asks of them. Slides, three exercises and notes for whoever teaches it.",
            text="## How the ninety minutes go\n\n| Minutes | What happens |\n|---:|---|\n| 15 | Whose data did you last fail to find? |\n"
            "| 30 | The four letters, each with one example that went wrong |\n| 30 | Exercise in pairs: rescue a spreadsheet |\n"
            "| 15 | What you do on Monday |\n\nThe second exercise works without a computer.",
            language="en", types=("slides", "exercise"), authors=(_MAREN, Person(name="Kwame Asante", role="exercises")),
            licence="CC-BY-4.0", level="beginner", time_required_minutes=90, doi="10.5072/open-bench.fair",
            teaches=("Say what the four letters stand for", "Find three things that make a data set hard to use again",
                     "Choose a repository for your own data"),
            prerequisites=("Having worked with data, in whatever way",), audience=("PhD students", "Research staff"),
            topics=(_DATA, _FAIR), keywords=("FAIR", "spreadsheets", "research data"),
            accessibility="Slides have alternative texts and a contrast of at least 7:1. The exercise in pairs needs no mouse.",
            funders=(Funder(name="Foundation for Small Steps", grant="FSS-2024-017"),), issued="2024-03", review_by="2027-03-01",
        ),
        (_file("fair-90-slides.pdf"), _file("fair-90-notes.odt"), _file("rescue-a-spreadsheet.xlsx")),
        versions=(Version("1.1.0", 300, "The exercise has solutions now, and the data set is smaller.", (
            _file("fair-90-slides-1.1.pdf"), _file("fair-90-notes-1.1.odt"), _file("rescue-a-spreadsheet-1.1.xlsx"))),),
        liked_by=("ines", "noor", "tobias"),
    ),
    Entry(
        "fair-es", "rafael", 250,
        Described(
            title="Datos FAIR en 90 minutos",
            abstract="Traducción de la lección de Maren Holtz y Kwame Asante, con ejemplos de archivos y museos de América Latina.",
            text="Los ejercicios usan un catálogo de herbario en lugar de la hoja de cálculo original.", language="es",
            types=("slides", "exercise"), authors=(_MAREN, Person(name="Kwame Asante"), Person(name="Rafael Ortiz", role="translation")),
            licence="CC-BY-4.0", level="beginner", time_required_minutes=90, topics=(_DATA, _FAIR),
            audience=("Estudiantes de doctorado",), keywords=("FAIR", "herbarios"), teaches=("Decir qué significan las cuatro letras",),
        ),
        (_file("datos-fair-90.pdf"),), adapts="fair", relation="translation", liked_by=("maren",),
    ),
    Entry(
        "fair-half-day", "yuki", 120,
        Described(
            title="FAIR data, half a day, for imaging facilities",
            abstract="The ninety-minute lesson with two more exercises on metadata of microscopes, as it is taught in our facility.",
            language="en", types=("lesson",), authors=(Person(name="Yuki Tanabe"), _MAREN), licence="CC-BY-SA-4.0", level="intermediate",
            time_required_minutes=210, topics=(_FAIR, Topic(label="Imaging", uri="http://edamontology.org/topic_3382")),
            audience=("Facility staff",), prerequisites=("FAIR data in 90 minutes",), keywords=("microscopy", "metadata"),
        ),
        (_file("fair-imaging.pdf"),), adapts="fair",
    ),
    Entry(
        "code-of-conduct", "sofie", 1_400,
        Described(
            title="A code of conduct, and what to do when it is broken",
            abstract="A template for workshops and communities, with a flow chart for those who receive a report and words for the "
            "hard conversations.",
            language="en", types=("template", "guide"), authors=(Person(name="Sofie Lindqvist"), Person(name="Open Bench Trainers", kind="Organization")),
            licence="CC0-1.0", audience=("Organisers", "Community managers"), topics=(Topic(label="Community management"),),
            keywords=("code of conduct", "safety"), teaches=("Receive a report without making things worse",),
        ),
        (_file("code-of-conduct.md"), _file("when-a-report-comes.pdf")), liked_by=("leila", "amara"),
    ),
    Entry(
        "mentoring", "amara", 700,
        Described(
            title="Six conversations for a mentor and a mentee",
            abstract="One page for each meeting of a half-year mentorship: what to talk about, one question that opens the talk, and "
            "one thing to write down.",
            text="Print it, fold it, lose it, print it again.", language="en", types=("handout",), authors=(Person(name="Amara Okoye"),),
            licence="CC-BY-4.0", level="beginner", time_required_minutes=360, audience=("Mentors", "Mentees"),
            topics=(Topic(label="Mentoring"),), keywords=("mentoring", "listening"),
        ),
        (_file("six-conversations.pdf"),), liked_by=("maren", "elena", "piotr"),
    ),
    Entry(
        "git", "kwame", 520,
        Described(
            title="Git for people who write",
            abstract="A course in four parts for those who write texts, not programs: keeping versions, going back, writing together.",
            language="en", types=("course", "video"), authors=(Person(name="Kwame Asante"),), licence="CC-BY-SA-4.0", level="beginner",
            time_required_minutes=240, topics=(Topic(label="Version control"),), audience=("Writers", "Humanities researchers"),
            keywords=("git", "writing"), teaches=("Keep versions of a text", "Go back without fear", "Join two people’s changes"),
            accessibility="The videos have captions and transcripts.", url="https://git-for-writers.example/",
            identifiers=(Identifier(scheme="isbn", value="978-3-16-148410-0"),),
        ),
        liked_by=("noor", "sofie"),
    ),
    Entry(
        "alt-text", "ines", 400,
        Described(
            title="Describing figures: a checklist",
            abstract="Twelve questions to ask of a figure before it is published, for those who cannot see it.", language="en",
            types=("checklist",), authors=(Person(name="Inês Carvalho"),), licence="CC-BY-4.0", level="beginner", time_required_minutes=20,
            topics=(Topic(label="Accessibility"),), audience=("Everybody who publishes figures",), keywords=("alt text", "figures"),
        ),
        (_file("describing-figures.pdf"),), liked_by=("maren", "tobias", "yuki", "leila"),
    ),
    Entry(
        "stat-game", "piotr", 200,
        Described(
            title="The garden of forking paths, a card game",
            abstract="Four to six players analyse the same data and find out how many answers there are. Cards to print, forty minutes.",
            language="en", types=("game",), authors=(Person(name="Piotr Wolny"),), licence="CC-BY-NC-SA-4.0", level="intermediate",
            time_required_minutes=40, topics=(Topic(label="Statistics and probability", uri="http://edamontology.org/topic_2269"),),
            audience=("Students",), keywords=("reproducibility", "p-hacking"), status="under-development",
        ),
        (_file("forking-paths-cards.pdf"),),
    ),
    Entry(
        "onboarding", "leila", 96,
        Described(
            title="Welcome package for new trainers",
            abstract="Who is who, where things are, and the three mistakes that everybody makes once. For members of our network.",
            language="en", types=("guide",), authors=(Person(name="Leila Haddad"),), licence="CC-BY-4.0", topics=(Topic(label="Community management"),),
        ),
        (_file("welcome.pdf"),), visibility="members",
    ),
    Entry(
        "fragebogen", "tobias", 60,
        Described(
            title="Fragebogen nach dem Workshop: zehn Fragen, die sich lohnen",
            abstract="Zehn Fragen, die wir nach vierzig Workshops behalten haben, und zwanzig, die wir gestrichen haben, mit Gründen.",
            language="de", types=("template", "case-study"), authors=(Person(name="Tobias Renner"),), licence="CC-BY-4.0", level="intermediate",
            topics=(Topic(label="Evaluation"),), audience=("Trainerinnen und Trainer",), keywords=("Umfrage", "Evaluation"),
        ),
        (_file("fragebogen.docx"),),
    ),
)  # fmt: skip

TOLD: Final = (
    Told("fair", "ines", "It carried a room of forty, which I had not expected.", "Summer school on plant data, Coimbra", "Two exercises "
         "instead of three, since half of the room had never opened a spreadsheet.", "The question at the beginning.", "2026-07-14"),
    Told("fair", "noor", "The notes are written by somebody who has taught this.", used_in="Induction week", used_on="2026-09-30"),
    Told("fair", "tobias", "The best ninety minutes on the subject that I know. I would wish for one example from the humanities.", rating=5),
    Told("fair", "elena", "Good, and a little full: plan two hours.", changed="We left out the last part.", rating=4),
    Told("mentoring", "elena", "We used the first three pages and then talked by ourselves, which I take as praise.",
         "Mentoring round of autumn 2026"),
    Told("alt-text", "sofie", "It hangs beside our printer now.", rating=5),
)  # fmt: skip

SHELVES: Final = (
    Shelf(
        "maren", "For your first workshop", "What we hand to everybody who teaches for the first time, in the order in which it helps.",
        (("code-of-conduct", "Before anything else."), ("fair", "Teach this one first: it forgives mistakes."),
         ("alt-text", "Go through your own slides with it."), ("fragebogen", "And ask them how it was.")),
        curators=("ines",), followers=("noor", "elena", "rafael"),
    ),
    Shelf("amara", "Mentoring", "Everything for the next round of mentors.", (("mentoring", "Print it for both."),), followers=("maren",)),
)  # fmt: skip
