"""Tables as CSV, as people keep their materials in: a row is a resource, and the names of columns are known in many spellings."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from typing import Final

from fedserver.errors import Invalid, TooLarge
from fedserver.resources import identifiers
from fedserver.resources.importing.gathering import Gathered
from fedserver.resources.importing.receipts import Found, Read, quoted

CHARS_MAX: Final = 5_000_000
ROWS_MAX: Final = 5_000
COLUMNS_MAX: Final = 200
SAMPLE_CHARS: Final = 8_192
_DELIMITERS: Final = ",;\t|"
_MANY: Final = re.compile(r"\s*[;|\n]\s*")
_COLUMNS: Final = {
    "title": "title name resource material titel",
    "description": "description abstract summary about text beschreibung details",
    "authors": "author authors creator creators by speaker speakers trainer trainers instructor instructors autor contact",
    "orcid": "orcid orcids authororcid authororcids",
    "contributors": "contributor contributors",
    "licence": "licence license lizenz rights",
    "doi": "doi",
    "url": "url link address website webaddress uri landingpage homepage",
    "language": "language languages lang inlanguage sprache",
    "types": "type types kind format resourcetype learningresourcetype materialtype",
    "level": "level difficulty difficultylevel educationallevel skilllevel",
    "audience": "audience targetaudience",
    "duration": "duration timerequired time length",
    "teaches": "teaches outcomes learningoutcomes objectives learningobjectives",
    "prerequisites": "prerequisites prerequisite competencyrequired requirements",
    "topics": "topic topics subject subjects scientifictopics category",
    "keywords": "keyword keywords tag tags",
    "issued": "date issued published datepublished publicationdate year datum",
    "version": "version",
    "status": "status",
    "id": "id identifier",
    "files": "file files download downloads slides recording video",
    "based_on": "basedon isbasedon source derivedfrom adaptedfrom",
}
_FIELD_OF: Final = {word: field for field, words in _COLUMNS.items() for word in words.split()}


def read(text: str, source: str = "") -> Read:
    """The rows of a table whose first row names its columns. Raises Invalid, TooLarge."""
    if len(text) > CHARS_MAX:
        raise TooLarge(f"A table with more than {CHARS_MAX:,} characters is not read.")
    text = text.lstrip("\ufeff").replace("\x00", "")
    done = Read()
    try:
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text))
        header = next(rows, [])[:COLUMNS_MAX]
        fields = [_FIELD_OF.get(re.sub(r"[\W_]+", "", one).lower(), "") for one in header]
        if "title" not in fields:
            names = ", ".join(quoted(one) for one in header[:10])
            raise Invalid({}, f"No column is called title; there are {names or 'none'}.")
        for number, row in enumerate(rows, start=2):
            if number > ROWS_MAX + 1:
                done.leave_out(source, f"Only the first {ROWS_MAX:,} rows were read.")
                break
            if not any(one.strip() for one in row):
                continue
            found = _row(header, fields, row, source)
            if found.described.title:
                done.found.append(found)
            else:
                done.leave_out(f"{source} row {number}".strip(), "The row has no title.")
    except csv.Error as error:
        raise Invalid({}, f"This is not a table that can be read: {error}.") from error
    return done


def _delimiter(text: str) -> str:
    """What stands between cells: of the usual characters the most frequent one in the first line, outside quotation marks."""
    first = re.sub(r'"[^"]*"', "", text[:SAMPLE_CHARS].lstrip("\r\n").partition("\n")[0])
    return max(_DELIMITERS, key=first.count)


def _row(header: Sequence[str], fields: Sequence[str], row: Sequence[str], source: str) -> Found:
    into = Gathered(source)
    cells: dict[str, list[str]] = {}
    for name, field, cell in zip(header, fields, row, strict=False):
        text = cell.strip()
        if text.startswith("="):
            # Whoever opens the table sees its result; nobody meant the formula.
            into.note("left_out", field, f"The column {quoted(name)} has a formula, {quoted(text)}.")
        elif text and field:
            cells.setdefault(field, []).append(text)
        elif text:
            into.note("left_out", "", f"There is no place here for the column {quoted(name)}.")
    if len(row) > len(header):
        into.note("left_out", "", "The row has more cells than there are columns.")

    def many(field: str) -> list[str]:
        return [one for cell in cells.get(field, ()) for one in _MANY.split(cell) if one]

    into.title(next(iter(cells.get("title", ())), ""))
    for text in cells.get("description", ()):
        into.description(text)
    orcids, names = many("orcid"), many("authors")
    for at, name in enumerate(names):
        orcid = orcids[at] if len(orcids) == len(names) else ""
        into.author(into.person(name, orcid=orcid, family_first=True))
    if orcids and len(orcids) != len(names):
        into.note(
            "left_out", "authors", "There are not as many ORCIDs as authors, so nobody knows whose they are."
        )
    for name in many("contributors"):
        into.contributor(into.person(name, field="contributors", family_first=True))
    for text in cells.get("licence", ()):
        into.licence(text)
    for text in (*many("doi"), *(one for one in many("id") if identifiers.doi(one))):
        into.doi(text)
    for text in many("url"):
        into.doi(text, quietly=True)
        into.url(text)
    for text in many("language"):
        into.language(text)
    for text in many("types"):
        into.kind(text)
    for text in many("level"):
        into.level(text)
    for field in ("audience", "teaches", "prerequisites"):
        into.lines(field, cells.get(field, ()), split=field == "audience")
    into.duration(next(iter(cells.get("duration", ())), ""))
    for text in many("topics"):
        into.topic(text if "://" not in text else "", text)
    into.keywords(many("keywords"))
    into.issued(next(iter(cells.get("issued", ())), ""))
    into.version(next(iter(cells.get("version", ())), ""))
    into.status(next(iter(cells.get("status", ())), ""))
    for text in many("files"):
        into.link(text)
    for text in many("based_on"):
        into.source(text)
    for text in many("id"):
        if not identifiers.doi(text):
            into.identifier(text, "local")
    doi = into.said("doi")
    return into.found(source_uri=into.said("url") or (identifiers.doi_address(doi) if doi else ""))
