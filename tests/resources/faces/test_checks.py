"""The page for authors: which catalogue takes a resource, and what it lacks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from jsonschema import Draft7Validator, FormatChecker

from fedserver.resources.faces import amb, bioschemas_rules, checks, schema_org
from fedserver.resources.faces.entry import Entry
from tests.described import described
from tests.members import Person
from tests.resources.faces.conftest import FULL
from tests.resources.faces.made import ENTRIES
from tests.resources.test_publishing import LESSON, RESOURCES


async def seen(who: Person, made: dict[str, Any]) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    found = await who.get(f"{RESOURCES}/{made['id']}/catalogues")
    described(RESOURCES + "/{id}/catalogues").validate(found)
    return found, {one["name"]: one for one in found["catalogues"]}


async def test_a_whole_description_is_accepted_everywhere(alice: Person) -> None:
    found, by_name = await seen(alice, await alice.post(RESOURCES, FULL))
    assert (found["listed"], found["hidden"]) == (True, "")
    assert set(by_name) == {"bioschemas", "amb", "oai", "datacite"}
    for one in by_name.values():
        assert one["accepted"], one
        assert (one["needed"], one["problems"]) == ([], [])
    assert by_name["bioschemas"]["wanted"] == []
    assert [one["field"] for one in by_name["datacite"]["wanted"]] == ["authors.orcid"]


async def test_what_is_missing_is_named_with_its_reason(alice: Person, nobody: Person) -> None:
    bare = {"title": "T", "abstract": "A", "licence": "CC-BY-NC-4.0"}
    made = await alice.post(RESOURCES, bare)
    found, by_name = await seen(nobody, made)
    assert not found["listed"]
    assert [one["field"] for one in by_name["bioschemas"]["needed"]] == ["keywords"]
    assert by_name["bioschemas"]["needed"][0]["why"].endswith(".")
    assert {"authors", "level", "topics"} <= {one["field"] for one in by_name["bioschemas"]["wanted"]}
    assert by_name["datacite"]["problems"] == ["CC-BY-NC-4.0 is not known as an open licence."]
    await alice.patch(f"{RESOURCES}/{made['id']}", {"topics": [{"label": "Openness"}]})
    assert (await seen(nobody, made))[0]["listed"]  # topics are keywords too


@pytest.mark.parametrize(("visibility", "why"), [("unlisted", "not public"), ("members", "not public")])
async def test_what_catalogues_do_not_see_says_why(alice: Person, visibility: str, why: str) -> None:
    found, _ = await seen(alice, await alice.post(RESOURCES, {**FULL, "visibility": visibility}))
    assert not found["listed"]
    assert why in found["hidden"]


async def test_a_withdrawn_one_is_listed_no_more(alice: Person, nobody: Person) -> None:
    made = await alice.post(RESOURCES, LESSON)
    assert (await seen(alice, made))[0]["listed"]
    await alice.post(f"{RESOURCES}/{made['id']}/withdraw", {"reason": "Wrong."})
    assert (await seen(alice, made))[0]["hidden"] == "It was withdrawn."


@given(entry=ENTRIES)
@settings(max_examples=80)
def test_whatever_is_listed_is_valid(training_material: dict[str, Any], shared: Path, entry: Entry) -> None:
    document = json.loads(schema_org.script(entry))
    valid = Draft7Validator(training_material, format_checker=FormatChecker()).is_valid(document)
    if checks.listed(entry):
        assert valid
        assert amb.problems(amb.document(entry)) == []
    elif not entry.withdrawn:
        assert checks.report(entry).catalogues[0].needed
    # Ours and Bioschemas' own schema are of one mind.
    assert valid == (not bioschemas_rules.problems(document))


def test_our_rules_and_the_schema_agree_on_broken_documents(training_material: dict[str, Any]) -> None:
    validator = Draft7Validator(training_material)
    whole = {
        "name": "T", "description": "D", "keywords": ["k"], "abstract": "A", "url": "https://a.example/",
        "educationalLevel": {"name": "beginner"}, "timeRequired": {"@value": "PT1H"}, "version": "1", "license": "https://a.example/",
        "about": [{"name": "x"}], "identifier": "x", "author": {"name": "x"}, "audience": [{"name": "y"}], "inLanguage": ["en"],
        "teaches": ["a"], "mentions": {"name": "m"}, "accessibilitySummary": "s", "learningResourceType": "slides",
    }  # fmt: skip
    assert validator.is_valid(whole)
    assert bioschemas_rules.problems(whole) == []
    for key in whole:
        for other in (1, [], {}, ["x", {}], [1], None):
            broken = {**whole, key: other}
            if key == "keywords" and other == []:
                continue  # empty: the schema lets it pass, catalogues do not
            ours = not bioschemas_rules.problems(broken)
            assert validator.is_valid(broken) == ours or (key in bioschemas_rules.MINIMUM and not other), (
                key,
                other,
            )
