"""A resource as schema.org's LearningResource: whole, valid, and harmless inside a page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator, FormatChecker
from pyld import jsonld

from fedserver.context import Server
from fedserver.resources.faces import entry, schema_org
from tests.members import Person
from tests.resources.faces.conftest import FULL
from tests.resources.test_publishing import LESSON, RESOURCES

AS2 = 'application/ld+json; profile="https://www.w3.org/ns/activitystreams"'


async def json_ld(who: Person, made: dict[str, Any]) -> dict[str, Any]:
    answer = await who.raw("GET", f"/resources/{made['id']}.jsonld")
    assert (answer.status, answer.content_type) == (200, "application/ld+json")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    found: dict[str, Any] = await answer.json(content_type=None)
    return found


async def test_all_that_is_said_of_it_is_there(
    alice: Person, nobody: Person, training_material: dict[str, Any]
) -> None:
    part_of = await alice.post(RESOURCES, FULL)
    await alice.post(RESOURCES, {**LESSON, "based_on": [{"uri": part_of["uri"], "relation": "part"}]})
    deutsch = {**LESSON, "language": "de", "based_on": [{"uri": part_of["uri"], "relation": "translation"}]}
    await alice.post(RESOURCES, deutsch)
    found = await json_ld(nobody, part_of)
    Draft7Validator(training_material, format_checker=FormatChecker()).validate(found)
    wanted = {*training_material["required"], *training_material["recommended"]}
    wanted |= {*training_material["optional"]} - {"recordedAt", "dateCreated"}
    assert wanted <= set(found)
    assert found["dct:conformsTo"]["@id"] == "https://bioschemas.org/profiles/TrainingMaterial/1.0-RELEASE"
    assert found["license"] == "https://creativecommons.org/licenses/by/4.0/"
    assert found["author"][0]["@id"] == "https://orcid.org/0000-0002-1825-0097"
    assert found["author"][0]["affiliation"]["@id"] == "https://ror.org/041nas322"
    assert found["author"][2] == {
        "@type": "Organization", "@id": "https://ror.org/05f950310", "name": "Science and Society, Inc.",
    }  # fmt: skip
    assert found["about"][0]["termCode"] == "topic_3571"
    assert found["about"][0]["inDefinedTermSet"]["@id"] == "http://edamontology.org"
    assert found["timeRequired"] == {"@type": "Duration", "@value": "PT1H30M"}
    assert {one["name"] for one in found["identifier"]} == {"DOI", "ISBN"}
    assert found["isBasedOn"][0]["@id"] == "https://o.example/1"
    assert found["isPartOf"][0]["@id"] == "https://o.example/3"
    assert found["translationOfWork"][0]["name"] == "FAIR auf Deutsch"
    assert found["workTranslation"][0]["inLanguage"] == "de"
    assert found["hasPart"][0]["name"] == LESSON["title"]
    assert found["funding"][0]["identifier"] == "101017452"
    assert found["encoding"][0]["contentUrl"] == "https://files.example/fair.pdf"
    assert (found["datePublished"], found["version"]) == ("2026-03-01", "1.2.0")
    assert found["description"] == FULL["abstract"]


async def test_nothing_of_it_is_lost_to_readers_of_linked_data(
    alice: Person, nobody: Person, shared: Path
) -> None:
    found = await json_ld(nobody, await alice.post(RESOURCES, FULL))
    contexts = json.loads((shared / "data/conformance/jsonld-contexts/contexts.json").read_text())
    ours = next(value for address, value in contexts.items() if "schema.org" in address)

    def load(address: str, options: Any) -> dict[str, Any]:
        assert address.rstrip("/") == "https://schema.org"
        return {"contextUrl": None, "documentUrl": address, "document": ours}

    (expanded,) = jsonld.expand(found, {"documentLoader": load})
    terms = {key.rpartition("/")[2] for key in expanded if not key.startswith("@")}
    assert terms == {key.rpartition(":")[2] for key in found if not key.startswith("@")}
    (duration,) = expanded["http://schema.org/timeRequired"]
    assert duration == {"@type": "http://schema.org/Duration", "@value": "PT1H30M"}


@pytest.mark.parametrize("server_settings", [{"secure_mode": "false"}])
@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("application/ld+json", "schema"),
        ("application/ld+json;q=0.9, text/html;q=0.8", "schema"),
        (AS2, "activity"),
        ("application/activity+json, application/ld+json", "activity"),
        ("application/activity+json", "activity"),
    ],
)
async def test_one_address_answers_catalogues_and_servers(
    alice: Person, nobody: Person, accept: str, kind: str
) -> None:
    made = await alice.post(RESOURCES, LESSON)
    answer = await nobody.raw("GET", f"/resources/{made['id']}", headers={"Accept": accept})
    assert "Accept" in answer.headers["Vary"]
    document = await answer.json(content_type=None)
    assert document.get("@type") == ("LearningResource" if kind == "schema" else None)
    assert document.get("type") == ("Page" if kind == "activity" else None)


async def test_what_is_not_for_everybody_is_told_to_nobody(alice: Person, nobody: Person) -> None:
    made = await alice.post(RESOURCES, {**LESSON, "visibility": "members"})
    for path in (".jsonld", ".bib", ".ris", ".csl.json", ".zenodo.json", ".txt", "/CITATION.cff"):
        for who in (nobody, alice):  # the documents say what anybody may see, whoever asks
            assert (await who.raw("GET", f"/resources/{made['id']}{path}")).status == 404
    at = f"/api/v1/resources/{made['id']}/cite"
    assert (await nobody.raw("GET", at)).status == 404
    assert (await alice.raw("GET", at)).status == 200


async def test_no_title_ends_the_script_that_holds_it(server: Server, alice: Person) -> None:
    made = await alice.post(RESOURCES, {**FULL, "abstract": "</SCRIPT ><!--<script>\u2028]]>&amp;"})
    text = schema_org.script(await entry.read(server, None, int(made["id"])))
    assert not set("<>&\u2028\u2029") & set(text)
    found = json.loads(text)
    assert found["name"] == made["title"]
    assert found["abstract"] == made["abstract"]


async def test_a_year_is_not_made_into_a_day(
    alice: Person, nobody: Person, training_material: dict[str, Any]
) -> None:
    found = await json_ld(nobody, await alice.post(RESOURCES, {**LESSON, "issued": "2019"}))
    Draft7Validator(training_material, format_checker=FormatChecker()).validate(found)
    assert "datePublished" not in found
    assert found["copyrightYear"] == 2019
