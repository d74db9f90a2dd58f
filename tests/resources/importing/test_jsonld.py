"""JSON-LD of schema.org as it is found: every usual spelling is read, and what was supposed is said."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fedserver.errors import Invalid
from fedserver.resources import checking
from fedserver.resources.importing import jsonld
from fedserver.resources.importing.gathering import checked
from fedserver.resources.importing.receipts import Found
from fedserver.resources.records import Person, Source, Topic
from tests.resources.importing.samples import LESSON, lesson, only, sentences


def found(**changes: Any) -> Found:
    return only(jsonld.read(lesson(**changes)))


def test_a_whole_description_is_read() -> None:
    one = found()
    said = one.described
    assert (said.title, said.licence, said.level, said.language) == (
        "FAIR data in 90 minutes", "CC-BY-4.0", "beginner", "en",
    )  # fmt: skip
    assert said.authors == (
        Person(name="Ada Doe", orcid="0000-0002-1825-0097"),
        Person(name="Ben Roe"),
        Person(name="A University", kind="Organization", url="https://university.example"),
    )
    assert (said.types, said.keywords) == (("slides", "exercise"), ("FAIR", "data management"))
    assert (said.doi, said.url) == ("10.5281/zenodo.1234567", "https://lessons.example/fair")
    assert (said.time_required_minutes, said.issued, one.version.number) == (90, "2024-05-06", "1.2")
    assert one.source_uri == "https://lessons.example/fair"
    assert checked(one) == checking.checked(said)
    assert not one.receipt.missing
    assert "one text" in sentences(one.receipt, "guessed", "keywords")


@pytest.mark.parametrize("prefix", ["schema:", "https://schema.org/", "http://schema.org/"])
def test_names_may_have_prefixes(prefix: str) -> None:
    value = {name if name.startswith("@") else f"{prefix}{name}": one for name, one in LESSON.items()}
    value["@type"] = f"{prefix}LearningResource"
    assert only(jsonld.read(json.dumps(value))).described == found().described


def test_a_graph_names_its_parts_once() -> None:
    graph = [
        {"@id": "#ada", "@type": "Person", "name": "Ada Doe"},
        {"@id": "#site", "@type": "WebSite", "name": "Lessons"},
        {**LESSON, "author": {"@id": "#ada"}, "isPartOf": {"@id": "#site"}},
    ]
    one = only(jsonld.read(json.dumps({"@context": "https://schema.org", "@graph": graph})))
    assert one.described.authors == (Person(name="Ada Doe"),)


def test_lists_pages_and_entries_lead_to_resources() -> None:
    other = {**LESSON, "name": "Another", "@id": "https://lessons.example/2"}
    assert len(jsonld.read(json.dumps([LESSON, other])).found) == 2
    entries = [{"@type": "ListItem", "item": LESSON}, {"@type": "ListItem", "item": other}]
    assert len(jsonld.read(json.dumps({"@type": "ItemList", "itemListElement": entries})).found) == 2
    assert only(jsonld.read(json.dumps({"@type": "WebPage", "mainEntity": LESSON})))


def test_events_are_left_for_the_calendar() -> None:
    for event in (
        {"@type": "CourseInstance", "name": "A course in May"},
        {"@type": "Event", "name": "A meeting"},
        {"name": "A talk", "startDate": "2024-05-06"},
        {
            "@type": "CreativeWork",
            "name": "A course in June",
            "dct:conformsTo": {"@id": "https://bioschemas.org/profiles/CourseInstance/1.0-RELEASE"},
        },
    ):
        done = jsonld.read(json.dumps(event))
        assert not done.found
        assert [one.field for one in done.left_out] == [event["name"]]
        assert "calendar" in done.left_out[0].sentence


def test_a_profile_says_more_than_a_type() -> None:
    profile = "https://bioschemas.org/profiles/Course/0.10-DRAFT"
    one = found(**{"@type": "CreativeWork", "dct:conformsTo": profile, "learningResourceType": None})
    assert one.described.types == ("course",)
    assert "profile" in sentences(one.receipt, "guessed", "types")


@pytest.mark.parametrize(
    ("text", "minutes", "said"),
    [
        ("PT1H30M", 90, ""),
        ("P40M0S", 40, "lacks a T"),
        ("P3D", 4320, "24 hours"),
        ("90 minutes", 90, "taken for 90"),
        ("1.5 hours", 90, "taken for 90"),
        ("01:30", 90, "hours and minutes"),
    ],
)
def test_durations_are_read_as_they_are_meant(text: str, minutes: int, said: str) -> None:
    one = found(timeRequired=text)
    assert one.described.time_required_minutes == minutes
    assert said in sentences(one.receipt, "guessed", "time_required_minutes")


@pytest.mark.parametrize("text", ["P3M", "P1Y", "soon", "PT", "P99999W"])
def test_what_is_no_length_of_time_is_left_out(text: str) -> None:
    one = found(timeRequired=text)
    assert one.described.time_required_minutes is None
    assert text in sentences(one.receipt, "left_out", "time_required_minutes")


@pytest.mark.parametrize(
    "licence",
    [
        "https://creativecommons.org/licenses/by/4.0/",
        ["https://creativecommons.org/licenses/by/4.0/legalcode"],
        "CC BY 4.0",
        "Creative Commons Attribution 4.0 International",
        {"@type": "CreativeWork", "name": "CC-BY-4.0"},
        {"@id": "https://spdx.org/licenses/CC-BY-4.0"},
    ],
    ids=str,
)
def test_licences_are_known_by_many_names(licence: Any) -> None:
    assert found(license=licence).described.licence == "CC-BY-4.0"


def test_a_licence_that_is_none_is_not_made_up() -> None:
    one = found(license="do what you want")
    assert one.described.licence == ""
    assert "do what you want" in sentences(one.receipt, "left_out", "licence")
    assert sentences(one.receipt, "missing", "licence")
    within = found(license="Text under CC BY-SA 4.0, pictures not")
    assert within.described.licence == "CC-BY-SA-4.0"
    assert sentences(within.receipt, "guessed", "licence")


def test_a_wrong_orcid_leaves_the_name() -> None:
    author = {"@type": "Person", "name": "Ada Doe", "@id": "https://orcid.org/0000-0002-1825-0098"}
    one = found(author=author)
    assert one.described.authors == (Person(name="Ada Doe"),)
    assert "cannot be an ORCID" in sentences(one.receipt, "left_out", "authors")
    spelled = found(
        author={"@type": "Person", "name": "Ada Doe", "identifier": " orcid.org/0000000218250097"}
    )
    assert spelled.described.authors == (Person(name="Ada Doe"),)


def test_topics_have_names_and_addresses() -> None:
    uri = "http://edamontology.org/topic_0089"
    one = found(
        about=[
            {"@id": uri},
            {"@type": "DefinedTerm", "@id": uri, "name": "Ontology"},
            {"@id": "http://edamontology.org/topic_3316"},
            {"id": "https://subjects.example/1", "prefLabel": {"de": "Französisch"}},
            "a word",
        ]
    )
    assert one.described.topics == (
        Topic(label="Ontology", uri=uri),
        Topic(label="Französisch", uri="https://subjects.example/1"),
        Topic(label="a word"),
        Topic(label="topic_3316", uri="http://edamontology.org/topic_3316"),
    )
    assert "topic_3316" in sentences(one.receipt, "guessed", "topics")


def test_markup_becomes_text_and_markdown() -> None:
    evil = "<script>alert(1)</script><b onclick='x'>Bold</b> &amp; <a href='javascript:alert(1)'>more</a>"
    one = found(
        name=evil, description=f"<p>{evil}</p><ul><li>one</li><li>two</li></ul>", keywords=[evil], teaches=[evil],
        author={"name": evil}, audience=evil, competencyRequired=evil, accessibilitySummary=evil, about={"name": evil},
    )  # fmt: skip
    said = one.described
    assert said.title == "Bold & more"
    assert "- one" in said.text
    assert "**Bold**" in said.text
    for text in (said.title, said.abstract, said.text, said.accessibility, *said.keywords, *said.teaches):
        assert "<" not in text, text
        assert "javascript" not in text
    assert said.authors[0].name == "Bold & more"
    assert "HTML" in sentences(one.receipt, "repaired", "title")
    assert checked(one).title == said.title


def test_it_is_not_made_from_itself() -> None:
    one = found(
        isBasedOn=[
            "https://lessons.example/fair",
            {"@id": "https://doi.org/10.5281/zenodo.1234567"},
            {
                "@type": "Course",
                "name": "Elsewhere",
                "url": "https://other.example/1",
                "license": "CC BY 3.0",
            },
            {"name": "On paper alone"},
        ],
        translationOfWork="https://doi.org/10.1234/5678",
    )
    assert one.described.based_on == (
        Source(uri="https://other.example/1", title="Elsewhere", licence="CC-BY-3.0"),
        Source(uri="https://doi.org/10.1234/5678", relation="translation"),
    )
    assert "itself" in sentences(one.receipt, "left_out", "based_on")
    assert "On paper alone" in sentences(one.receipt, "left_out", "based_on")


def test_what_is_missing_and_what_has_no_place_is_said() -> None:
    one = only(
        jsonld.read('{"@type": "Course", "name": "A course", "aggregateRating": "4/5", "mentions": []}')
    )
    assert {note.field for note in one.receipt.missing} == {
        "abstract", "licence", "authors", "keywords", "language",
    }  # fmt: skip
    assert "aggregateRating" in sentences(one.receipt, "left_out", "")
    assert checked(one).abstract
    assert sentences(one.receipt, "guessed", "abstract")


def test_mendings_are_in_the_receipt() -> None:
    one = only(jsonld.read('{"@type": "Course"\n "name": "A course",}'))
    assert [(note.line, note.column) for note in one.receipt.repaired] == [(1, 19), (2, 21)]


def test_long_and_many_values_are_cut_and_said() -> None:
    one = found(
        name="x" * 5_000,
        description="word " * 100_000,
        keywords=[f"word {number}" for number in range(10_000)],
        author=[{"name": f"Person {number}"} for number in range(10_000)],
        teaches=["y" * 10_000] * 3,
    )
    kept = checked(one)
    assert (len(kept.title), len(kept.keywords), len(kept.authors)) == (200, 50, 100)
    assert "cut" in sentences(one.receipt, "left_out", "title")
    assert "50" in sentences(one.receipt, "left_out", "keywords")


def test_hostile_json_ld_is_harmless() -> None:
    circle: dict[str, Any] = {"@id": "#a", "@type": "Course", "name": "Round", "isPartOf": {"@id": "#a"}}
    remote = {
        "@context": ["http://127.0.0.1:1/context", {"@import": "file:///etc/passwd"}],
        "@graph": [circle],
    }
    assert only(jsonld.read(json.dumps(remote))).described.title == "Round"
    strange = {
        "@type": ["Course", 5, None, {"a": 1}], "name": {"@value": "A course"}, "author": [[["x"]], 5, None, {"name": {}}],
        "keywords": {"a": [1]}, "license": 7, "about": [5, None], "timeRequired": True, "url": ["nonsense", 5],
        "isBasedOn": [None, 5, {}], "identifier": {"value": {}}, "inLanguage": {"name": "English"}, "funder": [5, {}],
        "version": {"a": "b"}, "encoding": [5, {"contentUrl": "x"}], "@id": 5,
    }  # fmt: skip
    one = only(jsonld.read(json.dumps(strange)))
    assert (one.described.title, one.described.language) == ("A course", "en")
    assert checked(one)
    for nothing in ("[]", "[1, 2]", "{}", '{"@graph": 5}', '{"@type": "Person", "name": "Ada"}'):
        assert not jsonld.read(nothing).found
    with pytest.raises(Invalid):
        jsonld.read("[" * 10_000)


def test_the_official_examples_come_in_with_every_mending(shared: Any) -> None:
    folder = shared / "data" / "domain" / "bioschemas" / "examples"
    name = "TrainingMaterial__examples__1.0-RELEASE__trainingMaterial.json"
    one = only(jsonld.read((folder / name).read_text(), source=name))
    assert [(note.line, note.column) for note in one.receipt.repaired] == [(8, 2)]
    assert one.described.time_required_minutes == 40
    assert one.described.topics == (
        Topic(label="Ontology and terminology", uri="http://edamontology.org/topic_0089"),
    )
    other = jsonld.read((folder / "CourseInstance__examples__0.9-DRAFT__courseInstance.json").read_text())
    assert not other.found
    # Trailing commas before the brackets of lines 51 and 61; none after the addresses and descriptions of works.
    assert sorted(one.line or 0 for one in other.repaired) == [51, 61, 136, 137, 143, 144]


def test_whatever_amb_has_is_read(shared: Any) -> None:
    folder = shared / "data" / "domain" / "amb"
    files = sorted(folder.glob("*/*.json"))
    assert len(files) > 30
    for file in files:
        value = json.loads(file.read_text())
        one = only(jsonld.read(file.read_text(), source=file.name))
        assert one.described.title == value["name"]
        assert checked(one)
