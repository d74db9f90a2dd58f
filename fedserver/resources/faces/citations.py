"""A resource as reference managers, authors and archives take it: BibTeX, RIS, CSL-JSON, CITATION.cff, APA, Zenodo.

Each format has its own words for what a thing is and its own characters that mean something; both are kept here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from activitypub.vocabulary.resource import Person
from fedserver.content.text import clean_line
from fedserver.resources.faces.entry import Entry
from fedserver.resources.faces.names import Name, family_first, initials, parts_of
from fedserver.resources.faces.zenodo import zenodo

KEYWORD_SEPARATOR: Final = ", "
APA_AUTHORS_MAX: Final = 20
_LINE_ENDS: Final = re.compile(r"\s+")


class Format(NamedTuple):
    """A format of citations: how it is made, its media type, and what its file's name ends in."""

    make: Callable[[Entry], str]
    media_type: str
    suffix: str


def cite(entry: Entry, name: str) -> str:
    """The citation in one of `FORMATS`."""
    return FORMATS[name].make(entry)


def file_name(entry: Entry, name: str) -> str:
    """What a file with this citation is called."""
    return "CITATION.cff" if name == "cff" else f"{key_of(entry)}.{FORMATS[name].suffix}"


def key_of(entry: Entry) -> str:
    """A key for a bibliography, in ASCII: first author, year, first word of note and the end of the id: ``doe2026fair-5121``."""
    name = parts_of(entry.authors_or_publisher[0])
    words = [word for word in _ascii(entry.row.title).split() if len(word) > 2] or ["resource"]
    author = "".join(_ascii(name.family or name.literal).split())
    # Some numbers of the id, so that two resources of one author and year never share a key.
    return f"{author or 'anonymous'}{entry.issued[:4]}{words[0]}-{entry.row.id % 10_000:04}"


def _ascii(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", " ", plain)


# -- BibTeX


_BIBTEX: Final = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        # Readers count braces before they know of commands: a brace in a text must not be one in the file.
        "{": r"\textbraceleft{}",
        "}": r"\textbraceright{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        **{char: f"\\{char}" for char in "&%$#_"},
    }
)
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def bibtex(entry: Entry) -> str:
    """A ``@misc`` entry in UTF-8, as BibTeX with inputenc and biber read it. Braces around the title keep its capitals."""
    row, details = entry.row, entry.details
    issued = entry.issued
    fields: dict[str, str] = {
        "author": " and ".join(_bibtex_name(parts_of(one)) for one in entry.authors_or_publisher),
        "title": f"{{{_tex(row.title)}}}",
        "year": issued[:4],
        "month": _MONTHS[int(issued[5:7]) - 1] if len(issued) >= 7 else "",
        "publisher": _tex(entry.publisher),
        "version": _tex(row.version),
        "howpublished": _tex(", ".join(one.replace("-", " ") for one in details.types).capitalize()),
        "language": row.language,
        "doi": _tex(details.doi),
        "url": _tex_address(entry.doi_url or entry.url),
        "keywords": _tex(KEYWORD_SEPARATOR.join(entry.keywords)),
        "abstract": _tex(row.summary),
        "note": _tex(f"Licence: {details.licence}") if details.licence else "",
    }
    # Months are macros that every style knows.
    lines = [
        f"  {name:<12} = {value if name == 'month' else f'{{{value}}}'}"
        for name, value in fields.items()
        if value
    ]
    return f"@misc{{{key_of(entry)},\n" + ",\n".join(lines) + "\n}\n"


def _tex(text: str) -> str:
    return _one_line(text).translate(_BIBTEX)


def _tex_address(address: str) -> str:
    """An address stands as it is in what is set verbatim; braces and backslashes have another way to be written."""
    return address.replace("\\", "%5C").replace("{", "%7B").replace("}", "%7D")


def _bibtex_name(name: Name) -> str:
    """``von Last, Jr, First``; a whole name in braces where it has no parts."""
    if name.literal:
        return f"{{{_tex(name.literal)}}}"
    family = _protected(name.family)
    if name.family[:1].islower():
        family = f"{{{_tex(name.family)}}}"  # not a particle, though it looks like one
    parts = [f"{_tex(name.particle)} {family}".strip(), _protected(name.suffix), _protected(name.given)]
    return ", ".join(one for one in parts if one)


def _protected(text: str) -> str:
    """In names a comma parts, and `and` begins the next one."""
    escaped = _tex(text)
    return f"{{{escaped}}}" if "," in text or "and" in text.lower().split() else escaped


# -- RIS


_RIS_TYPES: Final = {
    "slides": "SLIDE", "video": "VIDEO", "podcast": "SOUND", "dataset": "DATA", "software": "COMP", "game": "COMP",
}  # fmt: skip


def ris(entry: Entry) -> str:
    """A record in RIS, with line ends as its specification wants them."""
    row, details = entry.row, entry.details
    issued = [*entry.issued.split("-"), "", ""][:3]
    lines: list[tuple[str, str]] = [
        ("TY", next((_RIS_TYPES[one] for one in details.types if one in _RIS_TYPES), "GEN")),
        *(("AU", family_first(parts_of(one))) for one in entry.authors_or_publisher),
        ("TI", row.title),
        ("PY", issued[0]),
        ("DA", "/".join([*issued, ""])),
        ("PB", entry.publisher),
        ("ET", row.version),
        ("AB", row.summary),
        *(("KW", one) for one in entry.keywords),
        ("LA", row.language),
        ("DO", details.doi),
        ("UR", entry.url),
        ("N1", f"Licence: {details.licence}" if details.licence else ""),
        ("ID", key_of(entry)),
        ("ER", ""),
    ]
    return "".join(f"{tag}  - {_one_line(text)}\r\n" for tag, text in lines if _one_line(text) or tag == "ER")


# -- CSL-JSON


_CSL_TYPES: Final = {
    "slides": "speech", "video": "motion_picture", "podcast": "song", "dataset": "dataset", "software": "software",
    "game": "software",
}  # fmt: skip


def csl(entry: Entry) -> str:
    """An array with one item of CSL-JSON, as citation processors take it."""
    row, details = entry.row, entry.details
    item: dict[str, Any] = {
        "id": key_of(entry),
        "type": next((_CSL_TYPES[one] for one in details.types if one in _CSL_TYPES), "document"),
        "title": _one_line(row.title),
        "author": [_csl_name(parts_of(one)) for one in entry.authors_or_publisher],
        "issued": {"date-parts": [[int(one) for one in entry.issued.split("-")]]},
        "publisher": _one_line(entry.publisher),
        "version": row.version,
        "abstract": row.summary,
        "keyword": KEYWORD_SEPARATOR.join(entry.keywords),
        "language": row.language,
        "DOI": details.doi,
        "URL": entry.doi_url or entry.url,
        "note": f"Licence: {details.licence}" if details.licence else "",
    }
    body = msgspec.json.encode([{key: value for key, value in item.items() if value}])
    return msgspec.json.format(body, indent=2).decode() + "\n"


def _csl_name(name: Name) -> Mapping[str, str]:
    if name.literal:
        return {"literal": name.literal}
    parts = {
        "family": name.family,
        "given": name.given,
        "non-dropping-particle": name.particle,
        "suffix": name.suffix,
    }
    return {key: value for key, value in parts.items() if value}


# -- CITATION.cff


_CFF_TYPES: Final = {
    "slides": "slides", "video": "video", "podcast": "sound-recording", "dataset": "data", "software": "software",
    "game": "software", "lesson": "website", "tutorial": "website", "course": "website", "handout": "pamphlet",
    "guide": "manual",
}  # fmt: skip
# The schema of 1.2.0 has a fixed list of SPDX names; these families are all on it. Others are told by their address.
_CFF_LICENCES: Final = re.compile(
    r"CC-BY(?:-NC)?(?:-SA|-ND)?-[1234]\.0|CC0-1\.0|MIT|ISC|Unlicense|Apache-2\.0|BSD-[23]-Clause|MPL-2\.0|EUPL-1\.[12]"
    r"|A?GPL-3\.0-(?:only|or-later)|GPL-2\.0-(?:only|or-later)|LGPL-(?:2\.1|3\.0)-(?:only|or-later)"
)
_CFF_DOI: Final = re.compile(r"10\.\d{4,9}(?:\.\d+)*/[A-Za-z0-9:/_;\-.()\[\]\\]+")


def cff(entry: Entry) -> str:
    """A file for the root of a repository (Citation File Format 1.2.0). Its top knows software and data alone, so what the
    resource is stands in `preferred-citation`."""
    row, details = entry.row, entry.details
    work = _cff_work(entry)
    found: dict[str, Any] = {
        "cff-version": "1.2.0",
        "message": "If you use this resource, please cite it as below.",
        "type": "dataset" if "dataset" in details.types else "software",
        **work,
        "keywords": list(dict.fromkeys(filter(None, map(_one_line, entry.keywords)))),
        "preferred-citation": {
            "type": next((_CFF_TYPES[one] for one in details.types if one in _CFF_TYPES), "generic"),
            **work,
            "publisher": {"name": _one_line(entry.publisher), "website": entry.publisher_url},
            "year": int(entry.issued[:4]),
            "languages": [row.language] if re.fullmatch(r"[a-z]{2,3}", row.language) else [],
        },
    }
    return "\n".join(_yaml(_filled(found))) + "\n"


def _cff_work(entry: Entry) -> dict[str, Any]:
    """What the file says of the work at its top and in its preferred citation alike."""
    row, details = entry.row, entry.details
    licence = details.licence if _CFF_LICENCES.fullmatch(details.licence) else ""
    known = [("doi", details.doi)] if details.doi else []
    known += [
        (one.scheme if one.scheme == "url" else "other", one.value)
        for one in details.identifiers
        if one.scheme != "url" or "://" in one.value
    ]
    return {
        "title": _one_line(row.title),
        "authors": [_cff_author(one) for one in entry.authors_or_publisher],
        "abstract": row.summary,
        "version": row.version,
        "date-released": entry.issued_day,
        "doi": details.doi if _CFF_DOI.fullmatch(details.doi) else "",
        "identifiers": [
            {"type": kind if kind != "doi" or _CFF_DOI.fullmatch(value) else "other", "value": value}
            for kind, value in dict.fromkeys(known)
        ],
        "license": licence,
        "license-url": "" if licence else entry.licence_url,
        "url": entry.url,
    }


def _cff_author(person: Person) -> dict[str, Any]:
    name = parts_of(person)
    if person.kind == "Organization":
        return {"name": name.literal, "website": person.url}
    return {
        "family-names": name.family or name.literal,
        "given-names": name.given,
        "name-particle": name.particle,
        "name-suffix": name.suffix,
        "affiliation": person.affiliation,
        "orcid": f"https://orcid.org/{person.orcid}" if person.orcid else "",
        "website": person.url,
    }


def _filled(value: Any) -> Any:
    """Without what is empty, at any depth: the schema refuses empty texts and lists."""
    if isinstance(value, dict):
        kept = {key: _filled(inner) for key, inner in value.items()}
        return {key: inner for key, inner in kept.items() if inner not in ("", [], {})}
    return [_filled(inner) for inner in value] if isinstance(value, list) else value


def _yaml(value: Any, indent: str = "") -> list[str]:
    """Lines of block YAML; every text is in double quotes, where nothing means anything but the backslash."""
    lines: list[str] = []
    items = value.items() if isinstance(value, dict) else ((None, one) for one in value)
    for key, inner in items:
        head = f"{indent}-" if key is None else f"{indent}{key}:"
        if isinstance(inner, dict) and key is None:
            nested = _yaml(inner, indent + "  ")
            lines += [f"{indent}- {nested[0].strip()}", *nested[1:]]
        elif isinstance(inner, dict | list):
            lines += [head, *_yaml(inner, indent + "  ")]
        else:
            lines.append(f"{head} {_yaml_scalar(inner)}")
    return lines


def _yaml_scalar(value: str | int) -> str:
    if isinstance(value, int):
        return str(value)
    out = []
    for char in value:
        code = ord(char)
        if char in '"\\':
            out.append("\\" + char)
        elif char == "\n":
            out.append("\\n")
        elif 0x20 <= code < 0x7F or (0xA0 <= code < 0xFFFE and char.isprintable()):
            out.append(char)
        else:
            out.append(f"\\U{code:08X}" if code > 0xFFFF else f"\\u{code:04X}")
    return f'"{"".join(out)}"'


# -- APA


_MONTH_NAMES: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip


def apa(entry: Entry) -> str:
    """A reference in the style of APA 7 (10.12 and 9.30), as plain text in one line."""
    row, details = entry.row, entry.details
    kind = details.types[0].replace("-", " ").capitalize() if details.types else ""
    authors = _apa_authors([parts_of(one) for one in entry.authors_or_publisher])
    version = f" (Version {_one_line(row.version)})" if row.version else ""
    title = f"{_one_line(row.title)}{version}{f' [{kind}]' if kind else ''}"
    # Who published it is said once (9.29).
    publisher = "" if authors.rstrip(".") == entry.publisher else f" {_one_line(entry.publisher)}."
    end = "." if authors and not authors.endswith(".") else ""
    return f"{authors}{end} ({_apa_date(entry.issued)}). {title}.{publisher} {entry.doi_url or entry.url}\n"


def _apa_authors(names: list[Name]) -> str:
    shown = [_apa_name(one) for one in names]
    if len(shown) == 1:
        return shown[0]
    if len(shown) > APA_AUTHORS_MAX:
        return f"{', '.join(shown[: APA_AUTHORS_MAX - 1])}, … {shown[-1]}"
    return f"{', '.join(shown[:-1])}, & {shown[-1]}"


def _apa_name(name: Name) -> str:
    if name.literal:
        return name.literal
    family = f"{name.particle} {name.family}".strip()
    return ", ".join(one for one in (family, initials(name.given), name.suffix) if one)


def _apa_date(issued: str) -> str:
    year, *rest = issued.split("-")
    if not rest:
        return year
    month = _MONTH_NAMES[int(rest[0]) - 1]
    return f"{year}, {month} {int(rest[1])}" if len(rest) > 1 else f"{year}, {month}"


def _one_line(text: str) -> str:
    return clean_line(_LINE_ENDS.sub(" ", text))


def _zenodo(entry: Entry) -> str:
    return msgspec.json.format(msgspec.json.encode(zenodo(entry)), indent=2).decode() + "\n"


FORMATS: Final[Mapping[str, Format]] = {
    "bibtex": Format(bibtex, "application/x-bibtex", "bib"),
    "ris": Format(ris, "application/x-research-info-systems", "ris"),
    "csl": Format(csl, "application/vnd.citationstyles.csl+json", "csl.json"),
    "cff": Format(cff, "application/yaml", "cff"),
    "apa": Format(apa, "text/plain", "txt"),
    "zenodo": Format(_zenodo, "application/json", "zenodo.json"),
}
