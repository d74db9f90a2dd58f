"""A resource as schema.org's LearningResource in JSON-LD, as Bioschemas' TrainingMaterial 1.0-RELEASE wants it.

It is what catalogues such as TeSS and search engines read. The same terms travel between servers inside a ``Page``
(`activitypub.builders.resource`), written for readers that know no schema.org; here they are written for those that do.
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from activitypub.builders.resource import STATUS_NAMES, TRAINING_MATERIAL, duration
from activitypub.vocabulary.resource import File, Funder, Identifier, Person, Source, Topic
from fedserver.resources import licences
from fedserver.resources.faces.entry import Entry

CONTEXT: Final = "https://schema.org"
MEDIA_TYPE: Final = "application/ld+json"
_EDAM: Final = "http://edamontology.org"
_TERM_CODE: Final = re.compile(r"[/#]([^/#]+)/?$")
_RATING_MAX: Final = 5
# JSON may hold what ends a script or begins a comment, and two characters that end a line of JavaScript.
_NOT_IN_SCRIPTS: Final = str.maketrans(
    {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
)


def document(entry: Entry) -> dict[str, Any]:
    """The JSON-LD of a resource. What is not known is left out."""
    row, details = entry.row, entry.details
    based_on = [_source(one) for one in details.based_on if one.relation in ("adaptation", "version")]
    found: dict[str, Any] = {
        "@context": CONTEXT,
        "@type": "LearningResource",
        "@id": row.uri,
        "dct:conformsTo": {"@type": "CreativeWork", "@id": TRAINING_MATERIAL},
        "name": row.title,
        "description": entry.description,
        "abstract": row.summary,
        "keywords": entry.keywords,
        "url": entry.url,
        "mainEntityOfPage": entry.page,
        "identifier": _identifiers(entry),
        "sameAs": [one.value for one in details.identifiers if one.scheme == "url"],
        "license": entry.licence_url or _named("CreativeWork", details.licence),
        "isAccessibleForFree": True,
        "author": [_person(one) for one in details.authors],
        "contributor": [_person(one) for one in details.contributors],
        "publisher": {"@type": "Organization", "@id": entry.publisher_url, "name": entry.publisher,
                      "url": entry.publisher_url},
        "funder": [_funder(one) for one in details.funders],
        "funding": [_grant(one) for one in details.funders if one.grant],
        "learningResourceType": [one.replace("-", " ") for one in details.types],
        # Bioschemas' own schema takes no plain text: to it any text might as well be an address.
        "educationalLevel": _named("DefinedTerm", details.level),
        "audience": [
            {"@type": "EducationalAudience", "name": one, "educationalRole": one} for one in details.audience
        ],
        "inLanguage": [row.language] if row.language else [],
        # A value with a type: a Duration for readers of RDF, an object for Bioschemas' own schema.
        "timeRequired": _duration(details.time_required_minutes),
        "teaches": list(details.teaches),
        "competencyRequired": list(details.prerequisites),
        "educationalAlignment": [_alignment(one) for one in details.skills],
        "about": [_term(one) for one in details.topics],
        "mentions": [_source(one) for one in details.based_on],
        "accessibilitySummary": details.accessibility,
        "creativeWorkStatus": "Withdrawn" if entry.withdrawn else STATUS_NAMES.get(details.status, ""),
        "dateCreated": "" if details.issued else entry.added,
        "dateModified": entry.modified,
        "datePublished": entry.issued_day,
        "copyrightYear": "" if entry.issued_day else int(entry.issued[:4]),
        "version": row.version,
        "isBasedOn": based_on,
        "isPartOf": [_source(one) for one in details.based_on if one.relation == "part"],
        "translationOfWork": [_source(one) for one in details.based_on if one.relation == "translation"],
        "workTranslation": [_derived(one) for one in entry.derived if one.relation == "translation"],
        "hasPart": [_derived(one) for one in entry.derived if one.relation == "part"],
        "encoding": [_file(one) for one in entry.files],
        "aggregateRating": _rating(entry),
    }  # fmt: skip
    return without_nothing(found)


def script(entry: Entry) -> str:
    """The same as the content of a script element."""
    return in_script(document(entry))


def in_script(document: dict[str, Any]) -> str:
    """A document as the content of a script element: no title can end it (HTML, "Restrictions for contents of script")."""
    return msgspec.json.encode(document).decode().translate(_NOT_IN_SCRIPTS)


def _identifiers(entry: Entry) -> Any:
    """One DOI alone is its address; several identifiers are all PropertyValues, since Bioschemas wants one kind."""
    others = [one for one in entry.details.identifiers if one.scheme != "url"]
    if not others:
        return entry.doi_url
    doi = [
        {
            "@type": "PropertyValue",
            "name": "DOI",
            "propertyID": "doi",
            "value": entry.details.doi,
            "url": entry.doi_url,
        }
    ]
    return (doi if entry.details.doi else []) + [_property(one) for one in others]


def _property(one: Identifier) -> dict[str, Any]:
    return {
        "@type": "PropertyValue",
        "name": one.scheme.upper(),
        "propertyID": one.scheme,
        "value": one.value,
    }


def _person(one: Person) -> dict[str, Any]:
    orcid = f"https://orcid.org/{one.orcid}" if one.orcid else ""
    found: dict[str, Any] = {
        "@type": one.kind,
        "@id": orcid or (one.ror if one.kind == "Organization" else ""),
        "name": one.name,
        "identifier": orcid,
        "url": one.url,
        "affiliation": {},
    }
    if one.affiliation:
        found["affiliation"] = without_nothing(
            {"@type": "Organization", "@id": one.ror, "name": one.affiliation}
        )
    if one.role:
        found["description"] = one.role
    return without_nothing(found)


def _funder(one: Funder) -> dict[str, Any]:
    return without_nothing({"@type": "Organization", "@id": one.ror, "name": one.name, "url": one.ror})


def _grant(one: Funder) -> dict[str, Any]:
    return {"@type": "Grant", "identifier": one.grant, "funder": _funder(one)}


def _term(one: Topic) -> dict[str, Any]:
    code = _TERM_CODE.search(one.uri)
    found: dict[str, Any] = {
        "@type": "DefinedTerm",
        "@id": one.uri,
        "name": one.label,
        "url": one.uri,
        "termCode": code[1] if code is not None else "",
    }
    if one.uri.startswith(_EDAM + "/"):
        found["inDefinedTermSet"] = {"@type": "DefinedTermSet", "@id": _EDAM, "name": "EDAM", "url": _EDAM}
    return without_nothing(found)


def _alignment(one: Topic) -> dict[str, Any]:
    return without_nothing(
        {
            "@type": "AlignmentObject",
            "alignmentType": "teaches",
            "targetName": one.label,
            "targetUrl": one.uri,
        }
    )


def _source(one: Source) -> dict[str, Any]:
    return without_nothing(
        {
            "@type": "CreativeWork",
            "@id": one.uri,
            "name": one.title,
            "url": one.uri,
            "license": licences.address(one.licence) or one.licence,
        }
    )


def _derived(one: Any) -> dict[str, Any]:
    return without_nothing(
        {
            "@type": "LearningResource",
            "@id": one.uri,
            "name": one.title,
            "url": one.url or one.uri,
            "inLanguage": one.language,
        }
    )


def _file(one: File) -> dict[str, Any]:
    return without_nothing(
        {
            "@type": "MediaObject",
            "name": one.name,
            "contentUrl": one.url,
            "encodingFormat": one.media_type,
            "contentSize": "" if one.size is None else str(one.size),
            "sha256": one.sha256,
        }
    )


def _duration(minutes: int | None) -> dict[str, Any]:
    return {"@type": "Duration", "@value": duration(minutes)} if minutes else {}


def _rating(entry: Entry) -> dict[str, Any]:
    if entry.rating is None or not entry.row.reviews_count:
        return {}
    return {
        "@type": "AggregateRating",
        "ratingValue": round(entry.rating, 2),
        "ratingCount": entry.row.reviews_count,
        "bestRating": _RATING_MAX,
        "worstRating": 1,
    }


def _named(kind: str, name: str) -> dict[str, Any]:
    return {"@type": kind, "name": name} if name else {}


def without_nothing(found: dict[str, Any]) -> dict[str, Any]:
    """What is known of it."""
    return {key: value for key, value in found.items() if value not in ("", [], {}, None)}
