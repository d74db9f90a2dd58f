"""BibTeX files, as reference managers write them; read by pybtex, entry by entry, past what is wrong in one."""

from __future__ import annotations

import codecs
import re
from typing import Final

import latexcodec  # noqa: F401 (registers the codec "ulatex")
from pybtex.database import InvalidNameString
from pybtex.database import Person as Name
from pybtex.database.input.bibtex import LowLevelParser, month_names
from pybtex.scanner import PybtexSyntaxError

from fedserver.errors import Invalid, TooLarge
from fedserver.resources import identifiers
from fedserver.resources.importing.gathering import LIST_MAX, Gathered
from fedserver.resources.importing.receipts import Found, Note, Read, quoted
from fedserver.resources.records import Person

CHARS_MAX: Final = 2_000_000
ENTRIES_MAX: Final = 5_000
FIELD_CHARS_MAX: Final = 40_000
JOINED_MAX: Final = 5_000
"""Values that are put together with #: pybtex looks at all of one again with each."""

_COMMAND: Final = re.compile(r"\\[a-zA-Z]{1,30}\s?")
_SPELLED: Final = {r"\textless": "<", r"\textgreater": ">", r"\textendash": "–", r"\textemdash": "—"}
_NO_PLACE: Final = frozenset(
    {"journal", "volume", "number", "pages", "publisher", "issn", "shorttitle", "booktitle", "series", "edition",
     "school", "institution", "organization", "address", "file", "urldate", "howpublished"}
)  # fmt: skip


def read(text: str, source: str = "") -> Read:
    """The entries of a BibTeX file. Raises Invalid, TooLarge."""
    if len(text) > CHARS_MAX or text.count("#") > JOINED_MAX:
        raise TooLarge(
            f"BibTeX with more than {CHARS_MAX:,} characters, or {JOINED_MAX:,} marks #, is not read."
        )
    done = Read()

    def wrong(error: PybtexSyntaxError) -> None:
        said = Note(
            field=source[:200], sentence=f"An entry is not BibTeX: {_reason(error)}.", line=error.lineno
        )
        if len(done.left_out) < LIST_MAX:
            done.left_out.append(said)

    entries = LowLevelParser(text, handle_error=wrong, macros=dict(month_names))
    try:
        for kind, body in entries:
            if kind.lower() in ("string", "preamble", "comment"):
                continue
            if len(done.found) >= ENTRIES_MAX:
                done.leave_out(source, f"Only the first {ENTRIES_MAX:,} entries were read.")
                break
            key, fields = body
            said = {name.lower(): "".join(parts)[:FIELD_CHARS_MAX] for name, parts in fields}
            if said.get("title"):
                done.found.append(_entry(kind.lower(), str(key or ""), said, source))
            else:
                done.leave_out(f"{key or kind}", "The entry has no title.")
    except (PybtexSyntaxError, RecursionError) as error:
        raise Invalid({}, "This is not BibTeX that can be read.") from error
    if not done.found and not done.left_out:
        done.leave_out(source, "There is no entry in it.")
    return done


def _reason(error: PybtexSyntaxError) -> str:
    return re.sub(r"^syntax error[^:]*:\s*", "", str(error))[:100]


def _entry(kind: str, key: str, said: dict[str, str], source: str) -> Found:
    into = Gathered(source)
    into.title(_plain(said["title"]))
    into.description(_plain(said.get("abstract", "")))
    for name, field in (("author", "authors"), ("editor", "contributors"), ("translator", "contributors")):
        for one in re.split(r"\s+and\s+", said.get(name, ""))[:LIST_MAX]:
            person = _person(into, one, field, role="" if name == "author" else name)
            (into.author if name == "author" else into.contributor)(person)
    for name in ("license", "licence", "copyright", "rights"):
        into.licence(_plain(said.get(name, "")))
    into.language(_plain(said.get("language") or said.get("langid") or ""))
    if not into.kind(_plain(said.get("type") or said.get("entrysubtype") or ""), quietly=True):
        into.kind(kind, quietly=True)
    into.keywords([_plain(said.get("keywords", ""))])
    into.issued(_date(said))
    into.version(_plain(said.get("version", "")))
    into.doi(said.get("doi", ""))
    address = said.get("url", "").replace("\\", "")
    if identifiers.doi(address) is not None:
        into.doi(address, quietly=True)
    into.url(address or (identifiers.doi_address(into.said("doi")) if into.has("doi") else ""))
    for name in ("isbn", "eprint", "pmid"):
        into.identifier(_plain(said.get(name, "")), "arxiv" if name == "eprint" else name)
    if said.get("note") or said.get("annote"):
        into.note("left_out", "", f"Its note: {quoted(_plain(said.get('note') or said['annote']))}.")
    others = [name for name in said if name in _NO_PLACE]
    if others:
        into.note("left_out", "", f"There is no place here for: {', '.join(others)}.")
    doi = into.said("doi")
    return into.found(source_uri=identifiers.doi_address(doi) if doi else into.said("url"))


def _person(into: Gathered, text: str, field: str, *, role: str) -> Person | None:
    text = text.strip()
    if not text or text.lower() == "others":
        return None
    whole = text.startswith("{") and text.endswith("}")
    if whole:
        return into.person(_plain(text), field=field, role=role, organisation=True)
    try:
        name = Name(text)
    except InvalidNameString:
        return into.person(_plain(text), field=field, role=role)
    parts = (name.first_names, name.middle_names, name.prelast_names, name.last_names, name.lineage_names)
    return into.person(_plain(" ".join(one for part in parts for one in part)), field=field, role=role)


def _date(said: dict[str, str]) -> str:
    whole = _plain(said.get("date", ""))
    if whole:
        return whole.partition("/")[0]
    year, month, number = (_plain(said.get(name, "")) for name in ("year", "month", "day"))
    if not month:
        return year
    return (
        f"{number} {month} {year}"
        if number and not month.isdigit()
        else (f"{year}-{month.zfill(2)}" if month.isdigit() else f"{month} {year}")
    )


def _plain(text: str) -> str:
    """LaTeX as text: accents as letters, without braces and commands."""
    for name, character in _SPELLED.items():
        text = text.replace(f"{{{name}}}", character).replace(name, character)
    if "\\" in text or "~" in text:
        text = str(codecs.decode(text, "ulatex", "ignore"))  # type: ignore[call-overload]
    return re.sub(r"[{}]", "", _COMMAND.sub("", text)).strip()
