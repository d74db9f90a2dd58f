"""Records of Zenodo, DOIs, BibTeX and tables as they are found."""

from __future__ import annotations

import json
import re
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from fedserver.errors import Invalid, TooLarge
from fedserver.resources.importing import bibtex, doi, files, tables, webpage, zenodo
from fedserver.resources.importing.gathering import checked
from fedserver.resources.records import Person, Source, Topic
from tests.resources.importing.samples import lesson, only, sentences

RECORD: dict[str, Any] = {
    "id": 1234567,
    "doi": "10.5281/zenodo.1234567",
    "conceptdoi": "10.5281/zenodo.1234566",
    "metadata": {
        "title": "FAIR data in 90 minutes",
        "description": "<p>Slides for a <strong>first</strong> look.</p>" + "<p>More of it.</p>" * 100,
        "creators": [
            {"name": "Doe, Ada", "affiliation": "A University", "orcid": "0000-0002-1825-0097"},
            {"name": "Roe, Ben", "orcid": "0000-0002-1825-0098"},
            {"name": "Australian Research Data Commons", "affiliation": None},
        ],
        "contributors": [{"name": "Moe, Eve", "type": "ProjectLeader"}],
        "license": {"id": "cc-by-4.0"},
        "resource_type": {"type": "presentation", "title": "Presentation"},
        "language": "eng",
        "keywords": ["FAIR", "data"],
        "subjects": [
            {"term": "Data management", "identifier": "http://edamontology.org/topic_3571", "scheme": "url"}
        ],
        "publication_date": "2024-05-06",
        "version": "1.2",
        "related_identifiers": [
            {"identifier": "10.1234/a", "relation": "isDerivedFrom", "scheme": "doi"},
            {"identifier": "https://lessons.example/0", "relation": "isNewVersionOf", "scheme": "url"},
            {"identifier": "10.1234/course", "relation": "isPartOf", "scheme": "doi"},
            {"identifier": "10.1234/cited", "relation": "cites", "scheme": "doi"},
        ],
        "access_right": "open",
        "communities": [{"id": "trainers"}],
    },
    "files": [{"key": "slides.pdf", "links": {"self": "https://zenodo.org/api/files/1/slides.pdf"}}],
}


def test_a_record_of_zenodo_is_read() -> None:
    one = only(zenodo.read(json.dumps(RECORD)))
    said = one.described
    assert said.authors == (
        Person(name="Ada Doe", orcid="0000-0002-1825-0097", affiliation="A University"),
        Person(name="Ben Roe"),
        Person(name="Australian Research Data Commons", kind="Organization"),
    )
    assert said.contributors == (Person(name="Eve Moe", role="project leader"),)
    assert (said.licence, said.language, said.types, said.issued) == (
        "CC-BY-4.0",
        "en",
        ("slides",),
        "2024-05-06",
    )
    assert said.text.startswith("Slides for a **first** look.")
    assert "<" not in said.abstract + said.text
    assert said.topics == (Topic(label="Data management", uri="http://edamontology.org/topic_3571"),)
    assert said.based_on == (
        Source(uri="https://doi.org/10.1234/a"),
        Source(uri="https://lessons.example/0", relation="version"),
        Source(uri="https://doi.org/10.1234/course", relation="part"),
    )
    assert (said.doi, said.url) == ("10.5281/zenodo.1234567", "https://zenodo.org/records/1234567")
    assert one.source_uri == "https://doi.org/10.5281/zenodo.1234566"
    assert one.version.number == "1.2"
    assert one.version.links[0].name == "slides.pdf"
    assert "cites" in sentences(one.receipt, "left_out", "based_on")
    assert "cannot be an ORCID" in sentences(one.receipt, "left_out", "authors")
    assert checked(one) == said


def test_answers_of_searches_and_lists_are_read_and_others_are_not() -> None:
    assert len(zenodo.read(json.dumps({"hits": {"hits": [RECORD, RECORD]}})).found) == 2
    done = zenodo.read(json.dumps([RECORD, 5, {"metadata": 5}, {}]))
    assert (len(done.found), len(done.left_out)) == (1, 3)
    strange = {
        "metadata": {
            "title": 5,
            "creators": [5, {}],
            "license": [],
            "files": 5,
            "subjects": [{}],
            "grants": [{}],
        }
    }
    assert only(zenodo.read(json.dumps(strange))).described.title == "5"


def test_all_shared_records_are_read_as_their_files_say(shared: Path) -> None:
    paths = sorted((shared / "data" / "domain" / "zenodo").glob("*.json"))
    records = [record for path in paths for record in json.loads(path.read_text())]
    done = files.read_each(paths, (".json",), zenodo.read)
    assert len(done.found) == len(records) >= 50
    assert not done.left_out
    for record, one in zip(records, done.found, strict=True):
        said = record["metadata"]
        title = re.sub(r"\s+", " ", said["title"]).strip()
        assert one.described.title == (title if len(title) <= 200 else f"{title[:199].rstrip()}…")
        assert one.described.doi == record["doi"].lower()
        assert one.described.licence.lower() == said["license"]["id"]
        assert len(one.described.authors) == len({json.dumps(creator) for creator in said["creators"]})
        orcids = [creator["orcid"] for creator in said["creators"] if creator.get("orcid")]
        assert [author.orcid for author in one.described.authors if author.orcid] == list(
            dict.fromkeys(orcids)
        )
        assert one.described.issued == said["publication_date"]
        assert one.described.language == {"eng": "en"}.get(said.get("language"), said.get("language") or "")
        assert checked(one)


DATACITE: dict[str, Any] = {
    "id": "https://doi.org/10.1234/abc",
    "doi": "10.1234/ABC",
    "url": "https://lessons.example/fair",
    "titles": [{"title": "FAIR data"}],
    "creators": [
        {"name": "Doe, Ada", "givenName": "Ada", "familyName": "Doe", "nameType": "Personal", "affiliation": ["A University"],
         "nameIdentifiers": [{"nameIdentifier": "https://orcid.org/0000-0002-1825-0097", "nameIdentifierScheme": "ORCID"}]},
        {"name": "A Network", "nameType": "Organizational"},
    ],
    "descriptions": [
        {"description": "Contents", "descriptionType": "TableOfContents"},
        {"description": "<p>Words.</p>", "descriptionType": "Abstract"},
    ],
    "rightsList": [{"rights": "Creative Commons", "rightsIdentifier": "cc-by-4.0"}],
    "subjects": [{"subject": "FAIR"}],
    "dates": [{"date": "2024-05-06", "dateType": "Issued"}],
    "publicationYear": 2024,
    "types": {"resourceTypeGeneral": "Text", "resourceType": "Presentation"},
    "language": "en",
    "version": "2",
    "relatedIdentifiers": [{"relatedIdentifier": "10.1234/old", "relationType": "IsDerivedFrom"}],
    "fundingReferences": [{"funderName": "A Fund", "awardNumber": "7"}],
}  # fmt: skip
CSL: dict[str, Any] = {
    "type": "article-journal",
    "DOI": "10.1234/abc",
    "title": "FAIR data",
    "abstract": "<jats:p>Words.</jats:p>",
    "author": [
        {"given": "Ada", "family": "Doe", "ORCID": "http://orcid.org/0000-0002-1825-0097"},
        {"literal": "A Network"},
    ],
    "issued": {"date-parts": [[2024, 5]]},
    "license": [{"URL": "https://creativecommons.org/licenses/by/4.0/"}],
    "URL": "http://dx.doi.org/10.1234/abc",
}


@pytest.mark.parametrize(
    "answer",
    [DATACITE, CSL, {"data": {"attributes": DATACITE}}, [CSL]],
    ids=["datacite", "csl", "wrapped", "list"],
)
def test_what_is_known_of_a_doi_is_read(answer: Any) -> None:
    one = only(doi.read(json.dumps(answer), "https://doi.org/10.1234/abc", "10.1234/abc"))
    said = one.described
    assert (said.title, said.abstract, said.doi, said.licence) == (
        "FAIR data",
        "Words.",
        "10.1234/abc",
        "CC-BY-4.0",
    )
    assert (said.authors[0].name, said.authors[0].orcid) == ("Ada Doe", "0000-0002-1825-0097")
    assert said.authors[1] == Person(name="A Network", kind="Organization")
    assert said.issued[:7] == "2024-05"
    assert one.source_uri == "https://doi.org/10.1234/abc"


def test_strange_answers_about_a_doi_are_harmless() -> None:
    for strange in (
        "[]",
        "[5]",
        '{"title": {}}',
        '{"titles": 5, "creators": [5, {"nameIdentifiers": 5}]}',
    ):
        for one in doi.read(strange, "", "10.1234/abc").found:
            assert one.described.doi == "10.1234/abc"


BIBTEX = r"""
@comment{not this}
@string{press = "A Press"}
@misc{doe2024,
  author = {Doe, Ada and van der Walt, Anelda and {Australian Research Data Commons} and others},
  title = {{FAIR} data \& {M\"u}ller's \textbf{notes}},
  abstract = {Words.},
  copyright = {Creative Commons Attribution 4.0 International},
  doi = {10.5281/ZENODO.1234567},
  url = {https://zenodo.org/doi/10.5281/zenodo.1234567},
  keywords = {FAIR, data},
  month = may, year = 2024, publisher = press, language = {en}
}
@article{broken, title = {No comma} year = 2020}
@book{nameless, year = 2020}
@video{b, title = "Another" # " one", author = "A, B, C, D", year = "2020"}
"""


def test_entries_of_bibtex_are_read_past_what_is_wrong() -> None:
    done = bibtex.read(BIBTEX, "list.bib")
    first, broken, last = done.found
    said = first.described
    assert said.title == "FAIR data & Müller's notes"
    assert [one.name for one in said.authors] == [
        "Ada Doe",
        "Anelda van der Walt",
        "Australian Research Data Commons",
    ]
    assert said.authors[2].kind == "Organization"
    assert (said.licence, said.doi, said.issued) == ("CC-BY-4.0", "10.5281/zenodo.1234567", "2024-05")
    assert said.keywords == ("FAIR", "data")
    assert "publisher" in sentences(first.receipt, "left_out", "")
    assert broken.described.title == "No comma"
    assert (last.described.title, last.described.types) == ("Another one", ("video",))
    said_of = {one.field: one for one in done.left_out}
    assert said_of["nameless"].sentence == "The entry has no title."
    assert said_of["list.bib"].line == 14


def test_the_shared_bibliography_is_read_as_its_file_says(shared: Path) -> None:
    text = (shared / "data" / "domain" / "ols" / "team.bib").read_text()
    done = bibtex.read(text, "team.bib")
    assert len(done.found) == len(re.findall(r"^@\w+\{", text, re.MULTILINE))
    dois = [one.lower() for one in re.findall(r"^ doi = \{(.*)\}", text, re.MULTILINE)]
    assert [one.described.doi for one in done.found if one.described.doi] == dois
    authors = [len(one.split(" and ")) for one in re.findall(r"^ author = \{(.*)\}", text, re.MULTILINE)]
    assert [len(one.described.authors) for one in done.found] == authors


@pytest.mark.parametrize(
    "text",
    [
        "@misc{a, title=" + "{" * 100_000 + "}" * 100_000 + "}",
        "@misc{" * 50_000,
        "@" * 500_000,
        '@misc{a, t="a"' + '#"a"' * 100_000,
        "x" * 2_500_000,
    ],
    ids=lambda text: text[:12],
)
def test_hostile_bibtex_costs_little(text: str) -> None:
    began = time.process_time()
    with suppress(Invalid, TooLarge):
        assert not bibtex.read(text).found
    assert time.process_time() - began < 20


TABLE = """Title;Author(s);ORCID;License;Link;Tags;Date;Level;Room
FAIR data;Doe, Ada|Roe, Ben;0000-0002-1825-0097|0000-0002-1825-0098;CC BY 4.0;www.lessons.example/fair;FAIR, data;06.05.2024;beginner;12
=HYPERLINK("http://evil.example";"Click");Eve;;;https://evil.example;;;;

"Two
lines";Moe, Eve;;;https://lessons.example/2;;;;
"""


def test_rows_of_a_table_are_read() -> None:
    done = tables.read(TABLE, "list.csv")
    first, second = done.found
    said = first.described
    assert said.authors == (Person(name="Ada Doe", orcid="0000-0002-1825-0097"), Person(name="Ben Roe"))
    assert (said.licence, said.url, said.issued) == (
        "CC-BY-4.0",
        "https://www.lessons.example/fair",
        "2024-05-06",
    )
    assert said.keywords == ("FAIR", "data")
    assert "Room" in sentences(first.receipt, "left_out", "")
    assert "cannot be an ORCID" in sentences(first.receipt, "left_out", "authors")
    assert second.described.title == "Two lines"
    assert [one.field for one in done.left_out] == ["list.csv row 3"]


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_tables_come_in_many_spellings(tmp_path: Path, delimiter: str, encoding: str) -> None:
    file = tmp_path / "list.csv"
    file.write_bytes(
        delimiter.join(("TITLE", "Landing_Page", "Sprache")).encode(encoding)
        + f"\r\nEinführung{delimiter}https://a.example{delimiter}de\r\n".encode(
            encoding if encoding != "utf-8-sig" else "utf-8"
        ).removeprefix(b"\xff\xfe")
    )
    one = only(tables.read(files.text_of(file)))
    assert (one.described.title, one.described.url, one.described.language) == (
        "Einführung",
        "https://a.example",
        "de",
    )


@pytest.mark.parametrize(
    "text",
    ["", "a,b\n1,2", "title\n" + '"' + "x" * 200_000, "x" * 6_000_000],
    ids=["empty", "no title", "long cell", "long"],
)
def test_what_is_no_table_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises((Invalid, TooLarge)) as raised:
        tables.read(text)
    assert str(raised.value).endswith(".")


PAGE = """<!doctype html><html lang="en"><head><title>FAIR data | Lessons</title>
<meta name="citation_title" content="FAIR data &amp; more"><meta name="citation_author" content="Doe, Ada">
<meta name="citation_author" content="Roe, Ben"><meta name="citation_doi" content="doi:10.1234/abc">
<meta name="citation_publication_date" content="2024/05/06"><meta name="citation_keywords" content="FAIR; data">
<meta name="DC.rights" content="CC-BY-4.0"><meta property="og:description" content="Words.">
<meta name="citation_pdf_url" content="/fair.pdf"><link rel="canonical" href="/fair"></head><body></body></html>"""


def test_a_page_without_json_ld_is_read_by_its_head() -> None:
    one = only(webpage.read(PAGE, "https://lessons.example/fair?from=mail"))
    said = one.described
    assert (said.title, said.abstract, said.doi) == ("FAIR data & more", "Words.", "10.1234/abc")
    assert [author.name for author in said.authors] == ["Ada Doe", "Ben Roe"]
    assert (said.licence, said.language, said.issued) == ("CC-BY-4.0", "en", "2024-05-06")
    assert (said.url, one.source_uri) == ("https://lessons.example/fair",) * 2
    assert one.version.links[0].url == "https://lessons.example/fair.pdf"


def test_a_page_that_says_little_gives_little_and_says_so() -> None:
    one = only(
        webpage.read(
            "<title>A page</title><meta property='og:title' content='A lesson'>", "https://a.example/1"
        )
    )
    assert one.described.title == "A lesson"
    assert "no data for catalogues" in sentences(one.receipt, "guessed", "")
    assert not webpage.read("<p>Nothing</p>", "https://a.example/1").found


def test_json_ld_comes_first_and_one_broken_script_spoils_no_other() -> None:
    scripts = "".join(
        f"<SCRIPT data-x type = 'application/ld+json; charset=utf-8'>{one}</script >"
        for one in ("nonsense", lesson(url=None, **{"@id": None}), '{"@type": "WebSite", "name": "Lessons"}')
    )
    one = only(
        webpage.read(PAGE.replace("</body>", f"{'<p>' * 9_000}{scripts}</body>"), "https://lessons.example/x")
    )
    assert one.described.title == "FAIR data in 90 minutes"
    assert one.described.url == "https://lessons.example/fair"
    assert "the page's was taken" in sentences(one.receipt, "guessed", "url")
