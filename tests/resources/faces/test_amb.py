"""AMB: what we write passes the profile's own schemas, and our rules and the schemas refuse the same documents."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from jsonschema import Draft7Validator, FormatChecker
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7

from fedserver.resources.faces import amb
from fedserver.resources.faces.entry import Entry
from tests.members import Person
from tests.resources.faces.conftest import FULL
from tests.resources.faces.made import ENTRIES
from tests.resources.test_publishing import LESSON, RESOURCES

# The two that jsonschema looks at only with more libraries than we have.
FORMATS = FormatChecker(["date"])
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?", re.IGNORECASE)
FORMATS.checks("date-time")(lambda value: not isinstance(value, str) or bool(_INSTANT.fullmatch(value)))
FORMATS.checks("uri")(lambda value: not isinstance(value, str) or bool(urlsplit(value).scheme))


@pytest.fixture(scope="module")
def profile(shared: Path) -> Draft7Validator:
    """AMB's own JSON Schemas."""
    schemas = [
        json.loads(one.read_text()) for one in (shared / "data/domain/vocab/amb-schemas").glob("*.json")
    ]
    resources = [(one["$id"], Resource.from_contents(one, default_specification=DRAFT7)) for one in schemas]
    registry: Registry[Any] = Registry().with_resources(resources)
    whole = next(one for one in schemas if one["$id"].endswith("/schema.json"))
    return Draft7Validator(whole, registry=registry, format_checker=FORMATS)


def examples(shared: Path, kind: str) -> dict[str, Any]:
    found = {
        one.name: json.loads(one.read_text()) for one in (shared / f"data/domain/amb/{kind}").glob("*.json")
    }
    assert len(found) == {"valid": 17, "invalid": 19}[kind]
    return found


async def test_a_document_passes_the_schemas_and_says_what_it_can(
    alice: Person, nobody: Person, profile: Draft7Validator
) -> None:
    subject = {"label": "Informatik", "uri": "https://w3id.org/kim/hochschulfaechersystematik/n079"}
    said = {**FULL, "topics": [*FULL["topics"], subject], "audience": ["Students", "Pilots"]}
    made = await alice.post(RESOURCES, said)
    part = {**LESSON, "based_on": [{"uri": made["uri"], "relation": "part"}]}
    await alice.post(RESOURCES, part)
    answer = await nobody.raw("GET", f"/resources/{made['id']}.amb.json")
    assert (answer.status, answer.content_type) == (200, "application/json")
    found = await answer.json()
    profile.validate(found)
    assert found["type"] == ["LearningResource", "PresentationDigitalDocument"]
    assert found["learningResourceType"][0]["id"] == "https://w3id.org/kim/hcrt/slide"
    assert found["license"] == {"id": "https://creativecommons.org/licenses/by/4.0/"}
    assert found["id"] == "https://lessons.example/fair?a=1&b=%7B2%7D"
    assert found["mainEntityOfPage"][0]["id"] == made["url"]
    assert [one["id"].rpartition("/")[2] for one in found["about"]] == ["topic_3571", "n079"]
    assert found["audience"] == [
        {"id": "http://purl.org/dcx/lrmi-vocabs/educationalAudienceRole/student", "type": "Concept"}
    ]
    assert "Data management" in found["keywords"]
    assert found["hasPart"][0]["name"] == LESSON["title"]
    assert {"creator", "contributor", "funder", "encoding", "isBasedOn", "isPartOf", "inLanguage"} <= set(
        found
    )


def test_what_is_valid_is_accepted(shared: Path) -> None:
    for name, document in examples(shared, "valid").items():
        assert amb.problems(document) == [], name


def test_what_is_invalid_is_refused_with_a_sentence(shared: Path) -> None:
    for name, document in examples(shared, "invalid").items():
        found = amb.problems(document)
        assert found, name
        assert all(one.endswith(".") for one in found)


@pytest.mark.parametrize(
    ("document", "place"),
    [
        ([], "The document must be an object."),
        ({}, "@context is missing."),
        ({"type": ["Nonsense"]}, "type[0] must be a type that AMB knows."),
        ({"creator": [{"type": "Person"}]}, "creator[0].name is missing."),
        ({"encoding": [{"type": "MediaObject"}]}, "encoding[0] must have contentUrl or embedUrl."),
        ({"about": [{"id": "https://a.example"}]}, "about must have a subject of the Hochschulfächersystematik or of the school subjects."),
        ({"dateCreated": "2026-02-30"}, "dateCreated must be a date such as 2026-11-29, or an instant such as 2026-11-29T08:00:00Z."),
        ({"teaches": [{"id": "https://a.example/1", "prefLabel": {"klingon": 1}}]}, "teaches[0].prefLabel has 'klingon', which is no language of ISO 639-1."),
    ],
)  # fmt: skip
def test_a_problem_says_where_it_is(document: Any, place: str) -> None:
    assert place in amb.problems(document)


def test_our_rules_and_the_schemas_agree_on_broken_documents(shared: Path, profile: Draft7Validator) -> None:
    """Every value of every valid example in turn replaced by something else."""
    differing = []
    for name, document in examples(shared, "valid").items():
        for key in document:
            for other in (None, 1, "x", [], {}, ["x"], [{}], [1], True, "https://a.example/x"):
                broken = {**document, key: other}
                if profile.is_valid(broken) != (not amb.problems(broken)):
                    differing.append((name, key, other))
    assert differing == []


@given(entry=ENTRIES)
@settings(max_examples=80)
def test_whatever_a_resource_says_is_valid(entry: Entry) -> None:
    assert amb.problems(amb.document(entry)) == []


@given(entry=ENTRIES)
@settings(max_examples=40)
def test_whatever_a_resource_says_passes_the_schemas(profile: Draft7Validator, entry: Entry) -> None:
    profile.validate(amb.document(entry))
