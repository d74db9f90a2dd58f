"""Citations: each format is read by a program that we did not write, and says what the resource says."""

from __future__ import annotations

import json
import re
from typing import Any

import bibtexparser
import pytest
import rispy
import yaml
from bibtexparser.bparser import BibTexParser
from hypothesis import given, settings

from activitypub.vocabulary.resource import Person as Named
from fedserver.resources.faces import citations
from fedserver.resources.faces.entry import Entry
from fedserver.resources.faces.names import Name, family_first, initials, parts_of
from tests.members import Person
from tests.peers.node import Missing
from tests.resources.faces import cffconvert
from tests.resources.faces.conftest import FULL
from tests.resources.faces.made import ENTRIES
from tests.resources.test_publishing import LESSON, RESOURCES

SUFFIXES = {"bibtex": ".bib", "ris": ".ris", "csl": ".csl.json", "cff": "/CITATION.cff", "apa": ".txt", "zenodo": ".zenodo.json"}  # fmt: skip
_COMMANDS = {
    r"\textbackslash{}": "\\", r"\textbraceleft{}": "{", r"\textbraceright{}": "}", r"\textasciitilde{}": "~",
    r"\textasciicircum{}": "^", **{f"\\{char}": char for char in "&%$#_"},
}  # fmt: skip
_COMMAND = re.compile("|".join(map(re.escape, _COMMANDS)))


def typeset(field: str) -> str:
    """What TeX would print of a field; braces group and are not printed."""
    texts = re.split(f"({_COMMAND.pattern})", field)
    return "".join(_COMMANDS.get(one) or one.replace("{", "").replace("}", "") for one in texts)


def bibtex_entry(text: str) -> dict[str, str]:
    parser = BibTexParser(common_strings=True, ignore_nonstandard_types=False)
    (found,) = bibtexparser.loads(text, parser=parser).entries
    return dict(found)


async def cited(who: Person, made: dict[str, Any], name: str) -> str:
    """The same from the API and at the resource's own address."""
    answer = await who.raw("GET", f"{RESOURCES}/{made['id']}/cite?format={name}")
    same = await who.raw("GET", f"/resources/{made['id']}{SUFFIXES[name]}")
    assert (answer.status, same.status) == (200, 200)
    assert answer.content_type == same.content_type == citations.FORMATS[name].media_type
    text: str = await answer.text()
    assert text == await same.text()
    return text


async def test_every_format_says_what_the_resource_says(alice: Person, nobody: Person) -> None:
    made = await alice.post(RESOURCES, FULL)
    bib = bibtex_entry(await cited(nobody, made, "bibtex"))
    assert typeset(bib["title"]) == FULL["title"]
    assert typeset(bib["author"]) == "van Beethoven, Ludwig and Açıköz, Ayşe and Science and Society, Inc."
    assert (bib["year"], bib["month"], bib["doi"]) == ("2026", "March", "10.5281/zenodo.1234567")
    (ris,) = rispy.loads(await cited(nobody, made, "ris"))
    assert ris["title"] == FULL["title"]
    assert ris["authors"] == ["van Beethoven, Ludwig", "Açıköz, Ayşe", "Science and Society, Inc."]
    assert (ris["type_of_reference"], ris["year"], ris["doi"]) == ("SLIDE", "2026", FULL["doi"])
    assert ris["keywords"] == FULL["keywords"]
    (csl,) = json.loads(await cited(nobody, made, "csl"))
    assert csl["author"][0] == {"family": "Beethoven", "given": "Ludwig", "non-dropping-particle": "van"}
    assert csl["author"][2] == {"literal": "Science and Society, Inc."}
    assert csl["issued"] == {"date-parts": [[2026, 3, 1]]}
    zenodo = json.loads(await cited(nobody, made, "zenodo"))["metadata"]
    assert zenodo["creators"][0] == {
        "name": "van Beethoven, Ludwig", "affiliation": "University of Bonn", "orcid": "0000-0002-1825-0097",
    }  # fmt: skip
    assert (zenodo["upload_type"], zenodo["license"], zenodo["language"]) == (
        "presentation",
        "cc-by-4.0",
        "eng",
    )
    assert {"identifier": "https://o.example/1", "relation": "isDerivedFrom"} in zenodo["related_identifiers"]
    apa = await cited(nobody, made, "apa")
    assert apa.startswith(
        "van Beethoven, L., Açıköz, A., & Science and Society, Inc. (2026, March 1). FAIR data"
    )
    assert apa.endswith("(Version 1.2.0) [Slides]. fedserver. https://doi.org/10.5281/zenodo.1234567\n")


async def test_a_format_nobody_knows_is_refused_with_those_there_are(alice: Person, nobody: Person) -> None:
    made = await alice.post(RESOURCES, LESSON)
    answer = await nobody.raw("GET", f"{RESOURCES}/{made['id']}/cite?format=endnote")
    assert answer.status == 422
    assert "zenodo" in (await answer.json())["error"]
    assert (await nobody.raw("GET", f"/resources/{made['id']}.enw")).status == 404


async def test_where_nobody_is_named_the_community_is_cited(alice: Person, nobody: Person) -> None:
    made = await alice.post(RESOURCES, {**LESSON, "authors": []})
    assert (await cited(nobody, made, "apa")).startswith("fedserver. (")
    assert typeset(bibtex_entry(await cited(nobody, made, "bibtex"))["author"]) == "fedserver"


@pytest.mark.parametrize(
    "changes", [{}, {"authors": [], "doi": "", "issued": "2019"}, {"doi": "10.1000/a<b>{c}&d"}]
)
async def test_a_citation_file_passes_its_own_validator(
    alice: Person, nobody: Person, changes: dict[str, Any], tmp_path: Any
) -> None:
    made = await alice.post(RESOURCES, {**FULL, **changes})
    text = await cited(nobody, made, "cff")
    found = yaml.safe_load(text)
    assert found["title"] == found["preferred-citation"]["title"] == FULL["title"]
    if not changes:
        assert found["authors"][0] == {
            "family-names": "Beethoven", "given-names": "Ludwig", "name-particle": "van",
            "affiliation": "University of Bonn", "orcid": "https://orcid.org/0000-0002-1825-0097",
        }  # fmt: skip
        assert (found["license"], str(found["date-released"])) == ("CC-BY-4.0", "2026-03-01")
    try:
        cffconvert.install()
    except Missing as missing:
        pytest.skip(f"skipped: {missing}")
    assert cffconvert.validate(text, tmp_path) == ""
    assert "authors" in cffconvert.validate(text.replace("authors:", "writers:", 1), tmp_path)


def von_last_jr_first(name: Name) -> str:
    """As BibTeX writes names: the suffix stands before the given name."""
    if not name.suffix:
        return family_first(name)
    return ", ".join((f"{name.particle} {name.family}".strip(), name.suffix, name.given))


@given(ENTRIES)
@settings(max_examples=60)
def test_whatever_it_is_called_it_is_read_back(entry: Entry) -> None:
    parts = [parts_of(one) for one in entry.authors_or_publisher]
    names = [family_first(one) for one in parts]
    bib = bibtex_entry(citations.bibtex(entry))
    assert typeset(bib["title"]) == " ".join(entry.row.title.split())
    assert typeset(bib["author"]) == " and ".join(map(von_last_jr_first, parts))
    (ris,) = rispy.loads(citations.ris(entry))
    assert ris["title"] == " ".join(entry.row.title.split())
    assert ris["authors"] == names
    (csl,) = json.loads(citations.csl(entry))
    assert csl["title"] == entry.row.title
    cff = yaml.safe_load(citations.cff(entry))
    assert cff["title"] == entry.row.title
    assert cff.get("abstract", "") == entry.row.summary
    json.loads(citations.cite(entry, "zenodo"))
    assert citations.apa(entry).count("\n") == 1


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("Ludwig van Beethoven", Name("", "Beethoven", "Ludwig", "van")),
        ("van Beethoven, Ludwig", Name("", "Beethoven", "Ludwig", "van")),
        ("Jane Doe", Name("", "Doe", "Jane")),
        ("Doe, Jane", Name("", "Doe", "Jane")),
        ("King, Martin Luther, Jr.", Name("", "King", "Martin Luther", "", "Jr.")),
        ("Martin Luther King Jr.", Name("", "King", "Martin Luther", "", "Jr.")),
        ("Martin Luther King, Jr.", Name("", "King", "Martin Luther", "", "Jr.")),
        ("King, Jr., Martin Luther", Name("", "King", "Martin Luther", "", "Jr.")),
        ("María de la Cruz", Name("", "Cruz", "María", "de la")),
        ("Van Morrison", Name("", "Morrison", "Van")),
        ("De la Soul", Name("", "Soul", "De", "la")),
        ("danah boyd", Name("", "boyd", "danah")),
        ("山田太郎", Name("山田太郎")),
        ("Plato", Name("Plato")),
    ],
)
def test_names_are_parted_as_people_would(said: str, name: Name) -> None:
    assert parts_of(Named(name=said)) == name


def test_given_names_are_shortened() -> None:
    assert (initials("Jean-Luc Marie"), initials("Ö.")) == ("J.-L. M.", "Ö.")
