"""A resource in AMB, the metadata profile of the German-speaking repositories of open educational resources, and its rules.

"Allgemeines Metadatenprofil für Bildungsressourcen", https://w3id.org/kim/amb/. A subset of schema.org with lists where there
may be several, and vocabularies of its own: what has no term there is left out or said in the keywords.
"""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import quote

from activitypub.builders.resource import duration
from activitypub.vocabulary.resource import File, Person, Source
from fedserver.resources import licences
from fedserver.resources.faces.amb_rules import LANGUAGES, LICENCES, problems
from fedserver.resources.faces.entry import Entry

__all__ = ["document", "problems"]

CONTEXT: Final = "https://w3id.org/kim/amb/context.jsonld"
_HCRT: Final = "https://w3id.org/kim/hcrt/"
_NO_LOGIN: Final = "http://w3id.org/kim/conditionsOfAccess/no_login"
_SUBJECTS: Final = re.compile(
    r"https://w3id\.org/kim/hochschulfaechersystematik/.*|http://w3id\.org/kim/schulfaecher/.*"
)
_ROLES: Final = "http://purl.org/dcx/lrmi-vocabs/educationalAudienceRole/"
_MEDIA_TYPE: Final = re.compile(
    r"(application|audio|example|font|image|message|model|multipart|text|video)/[a-zA-Z0-9\-+_.]+"
)
_KINDS: Final = {
    "slides": "PresentationDigitalDocument", "course": "Course", "video": "VideoObject", "podcast": "PodcastEpisode",
    "dataset": "DataDownload", "software": "SoftwareApplication", "game": "Game", "guide": "Guide",
}  # fmt: skip
# Types as terms of HCRT, the vocabulary of learning resource types in higher education.
_TYPES: Final = {
    "slides": ("slide", "Presentation"), "lesson": ("lesson_plan", "Lesson plan"), "guide": ("text", "Text"),
    "tutorial": ("text", "Text"), "exercise": ("drill_and_practice", "Drill and practice"),
    "handout": ("worksheet", "Worksheet"), "template": ("other", "Other"), "checklist": ("worksheet", "Worksheet"),
    "course": ("course", "Course"), "curriculum": ("lesson_plan", "Lesson plan"), "video": ("video", "Video"),
    "podcast": ("audio", "Audio recording"), "case-study": ("case_study", "Case study"), "dataset": ("data", "Data"),
    "software": ("application", "Software application"), "game": ("educational_game", "Educational game"),
    "other": ("other", "Other"),
}  # fmt: skip
_AUDIENCES: Final = {
    "student": "student", "students": "student", "teacher": "teacher", "teachers": "teacher", "trainers": "teacher",
    "mentors": "mentor", "parents": "parent", "professionals": "professional", "general public": "generalPublic",
    "administrators": "administrator",
}  # fmt: skip
# AMB takes licences at the addresses of those who wrote them.
_LICENCES: Final = {
    "MIT": "https://opensource.org/licenses/MIT",
    "Apache-2.0": "https://www.apache.org/licenses/LICENSE-2.0",
    "GPL-2.0-or-later": "https://www.gnu.org/licenses/old-licenses/gpl-2.0.html",
    "GPL-3.0-only": "https://www.gnu.org/licenses/gpl-3.0.html",
    "GPL-3.0-or-later": "https://www.gnu.org/licenses/gpl-3.0.html",
    "LGPL-3.0-or-later": "https://www.gnu.org/licenses/lgpl-3.0.html",
    "AGPL-3.0-only": "https://www.gnu.org/licenses/agpl-3.0.html",
    "AGPL-3.0-or-later": "https://www.gnu.org/licenses/agpl-3.0.html",
}


def document(entry: Entry) -> dict[str, Any]:
    """The AMB document of a resource."""
    row, details = entry.row, entry.details
    language = row.language.partition("-")[0]
    known = [language] if language in LANGUAGES else []
    topics = [one for one in details.topics if one.uri]
    in_vocabulary = any(_SUBJECTS.fullmatch(one.uri) for one in topics)
    spoken = known[0] if known else "en"
    media = {"video", "podcast"} & set(details.types)
    found: dict[str, Any] = {
        "@context": [CONTEXT, {"@language": spoken}],
        "id": _uri(entry.url),
        "type": ["LearningResource", *dict.fromkeys(_KINDS[one] for one in details.types if one in _KINDS)],
        "name": row.title,
        "description": entry.description,
        "keywords": list(dict.fromkeys((*details.keywords, *(one.label for one in details.topics)))),
        "about": [_concept(one.uri, one.label, spoken) for one in topics] if in_vocabulary else [],
        "creator": [_person(one) for one in details.authors],
        "contributor": [_person(one) for one in details.contributors],
        "publisher": [{"type": "Organization", "id": entry.publisher_url, "name": entry.publisher}],
        "funder": [
            _without_nothing({"type": "Organization", "id": one.ror, "name": one.name})
            for one in details.funders
        ],
        "license": _licence(details.licence),
        "isAccessibleForFree": True,
        "conditionsOfAccess": {"id": _NO_LOGIN, "type": "Concept"},
        "inLanguage": known,
        "learningResourceType": _types(details.types),
        "audience": [{"id": _ROLES + one, "type": "Concept"} for one in _roles(details.audience)],
        "teaches": [_concept(one.uri, one.label, spoken) for one in details.skills if one.uri],
        "duration": duration(details.time_required_minutes) if media else "",
        "dateCreated": "" if details.issued else entry.added,
        "datePublished": entry.issued_day,
        "dateModified": entry.modified,
        "isBasedOn": [_source(one) for one in details.based_on if one.relation != "part"],
        "isPartOf": [_source(one) for one in details.based_on if one.relation == "part"],
        "hasPart": [
            {"id": one.uri, "type": ["LearningResource"], "name": one.title}
            for one in entry.derived
            if one.relation == "part"
        ],
        "encoding": [_file(one) for one in entry.files],
        "mainEntityOfPage": [
            {"id": entry.page, "type": "WebContent", "provider": {"id": entry.publisher_url, "type": "Service",
                                                                  "name": entry.publisher},
             "dateCreated": entry.added, "dateModified": entry.modified}
        ],
    }  # fmt: skip
    return _without_nothing(found)


def _person(one: Person) -> dict[str, Any]:
    address = f"https://orcid.org/{one.orcid}" if one.orcid else one.ror if one.kind == "Organization" else ""
    found: dict[str, Any] = {"type": one.kind, "id": address, "name": one.name}
    if one.affiliation:
        found["affiliation"] = _without_nothing(
            {"type": "Organization", "id": one.ror, "name": one.affiliation}
        )
    return _without_nothing(found)


def _licence(licence: str) -> dict[str, str]:
    address = _LICENCES.get(licence) or licences.address(licence)
    return {"id": address} if any(one.match(address) for one in LICENCES) else {}


def _types(types: tuple[str, ...]) -> list[dict[str, Any]]:
    terms = dict.fromkeys(_TYPES[one] for one in types if one in _TYPES)
    return [{"id": _HCRT + code, "type": "Concept", "prefLabel": {"en": label}} for code, label in terms]


def _roles(audience: tuple[str, ...]) -> list[str]:
    return list(dict.fromkeys(_AUDIENCES[one.lower()] for one in audience if one.lower() in _AUDIENCES))


def _concept(uri: str, label: str, language: str) -> dict[str, Any]:
    return {"id": _uri(uri), "type": "Concept", "prefLabel": {language: label}}


def _source(one: Source) -> dict[str, Any]:
    found: dict[str, Any] = {"id": _uri(one.uri), "name": one.title}
    if one.relation != "part":
        found["license"] = _licence(one.licence) if one.licence else {}
    return _without_nothing(found)


def _file(one: File) -> dict[str, Any]:
    return _without_nothing(
        {
            "type": "MediaObject",
            "contentUrl": _uri(one.url),
            "encodingFormat": one.media_type if _MEDIA_TYPE.fullmatch(one.media_type) else "",
            "contentSize": "" if one.size is None else str(one.size),
            "sha256": one.sha256,
        }
    )


def _uri(address: str) -> str:
    """An address as RFC 3986 has it: browsers take more characters as they are."""
    return quote(address, safe="%:/?#[]@!$&'()*+,;=-._~")


def _without_nothing(found: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in found.items() if value not in ("", [], {}, None)}
