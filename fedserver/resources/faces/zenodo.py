"""What Zenodo wants to know of a deposit: its REST API's "deposit metadata", to be sent or kept as ``.zenodo.json``."""

from __future__ import annotations

from html import escape
from typing import Any, Final

from activitypub.vocabulary.resource import Person
from fedserver.resources.faces.entry import Entry
from fedserver.resources.faces.names import Name, family_first, parts_of
from fedserver.resources.identifiers import doi as doi_of

_TYPES: Final = {
    "slides": "presentation", "video": "video", "podcast": "video", "dataset": "dataset", "software": "software",
    "game": "software", "lesson": "lesson", "tutorial": "lesson", "exercise": "lesson", "course": "lesson",
    "curriculum": "lesson", "guide": "lesson", "handout": "lesson",
}  # fmt: skip
_RELATIONS: Final = {
    "adaptation": "isDerivedFrom", "translation": "isDerivedFrom", "version": "isNewVersionOf", "part": "isPartOf",
}  # fmt: skip
# Zenodo wants ISO 639-2 or 639-3; the languages that training materials are written in most.
_PAIRS: Final = (
    "af:afr am:amh ar:ara az:aze be:bel bg:bul bn:ben bs:bos ca:cat cs:ces cy:cym da:dan de:deu el:ell en:eng eo:epo "
    "es:spa et:est eu:eus fa:fas fi:fin fr:fra ga:gle gl:glg gu:guj ha:hau he:heb hi:hin hr:hrv hu:hun hy:hye id:ind "
    "ig:ibo is:isl it:ita ja:jpn ka:kat kk:kaz km:khm kn:kan ko:kor la:lat lb:ltz lo:lao lt:lit lv:lav mk:mkd ml:mal "
    "mn:mon mr:mar ms:msa mt:mlt my:mya nb:nob ne:nep nl:nld nn:nno no:nor pa:pan pl:pol ps:pus pt:por rm:roh ro:ron "
    "ru:rus rw:kin si:sin sk:slk sl:slv so:som sq:sqi sr:srp sv:swe sw:swa ta:tam te:tel th:tha ti:tir tr:tur uk:ukr "
    "ur:urd uz:uzb vi:vie wo:wol xh:xho yo:yor zh:zho zu:zul"
)
_LANGUAGES: Final = dict(one.split(":") for one in _PAIRS.split())


def zenodo(entry: Entry) -> dict[str, Any]:
    """The body of a request to ``/api/deposit/depositions``. Zenodo asks for one kind, so the first that it knows counts."""
    row, details = entry.row, entry.details
    notes = [f"Funded by {one.name}{f' ({one.grant})' if one.grant else ''}." for one in details.funders]
    language = row.language.partition("-")[0]
    metadata: dict[str, Any] = {
        "title": row.title,
        "upload_type": next((_TYPES[one] for one in details.types if one in _TYPES), "other"),
        "description": _description(entry),
        "creators": [_creator(one) for one in entry.authors_or_publisher],
        "contributors": [{**_creator(one), "type": "Other"} for one in details.contributors],
        "access_right": "open",
        "license": details.licence.lower() if "://" not in details.licence else "",
        "keywords": entry.keywords,
        "subjects": [
            {"term": one.label, "identifier": one.uri, "scheme": "url"} for one in details.topics if one.uri
        ],
        "publication_date": entry.issued,
        "version": row.version,
        "language": language if len(language) == 3 else _LANGUAGES.get(language, ""),
        "doi": details.doi,
        "related_identifiers": _related(entry),
        "notes": " ".join(notes),
    }
    return {"metadata": {key: value for key, value in metadata.items() if value}}


def _description(entry: Entry) -> str:
    parts = [
        f"<p>{escape(part, quote=False)}</p>" for part in entry.row.summary.split("\n\n") if part.strip()
    ]
    return "".join([*parts, entry.row.text_html]) or f"<p>{escape(entry.row.title, quote=False)}</p>"


def _creator(person: Person) -> dict[str, str]:
    name: Name = parts_of(person)
    found = {"name": family_first(name), "affiliation": person.affiliation, "orcid": person.orcid}
    return {key: value for key, value in found.items() if value}


def _related(entry: Entry) -> list[dict[str, str]]:
    found = [
        {"identifier": doi_of(one.uri) or one.uri, "relation": _RELATIONS[one.relation]}
        for one in entry.details.based_on
    ]
    found.append({"identifier": entry.page, "relation": "isIdenticalTo"})
    if entry.details.url and entry.details.url != entry.page:
        found.append({"identifier": entry.details.url, "relation": "isIdenticalTo"})
    return found
