"""What a ``Page`` of ours says under ``learningResource``, and an answer under ``net:use`` or ``net:review``.

The inner object is schema.org's LearningResource as Bioschemas' TrainingMaterial 1.0 wants it. It has no ``id`` of
ActivityStreams, and its names have a prefix: no reader of plain JSON mistakes it for something of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from activitypub.identifiers import origin_of
from activitypub.vocabulary.resource import File, Identifier, Person, Report, Resource, Source, Topic, Version

TRAINING_MATERIAL: Final = "https://bioschemas.org/profiles/TrainingMaterial/1.0-RELEASE"
STATUS_NAMES: Final = {"active": "Active", "under-development": "Under development", "archived": "Archived"}


def learning_resource(
    found: Resource, *, name: str, abstract: str, language: str, page: str, licence_uri: Callable[[str], str]
) -> dict[str, Any]:
    """The inner object. ``page`` is where people look at it, ``licence_uri`` makes the address of an SPDX name, or ""."""
    details = found.details
    newest = found.versions[0] if found.versions else None
    document: dict[str, Any] = {
        "@type": "schema:LearningResource",
        "dct:conformsTo": {"@id": TRAINING_MATERIAL},
        "schema:name": name,
        "schema:description": abstract,
        "schema:keywords": list(details.keywords),
        "schema:url": {"@id": details.url or page},
        "schema:identifier": f"https://doi.org/{details.doi}" if details.doi else "",
        "schema:sameAs": [{"@id": one.value} for one in details.identifiers if _is_address(one)],
        "schema:license": _licence(details.licence, licence_uri),
        "schema:author": [_person(one) for one in details.authors],
        "schema:contributor": [_person(one) for one in details.contributors],
        "schema:learningResourceType": list(details.types),
        "schema:educationalLevel": details.level,
        "schema:audience": [
            {"@type": "schema:EducationalAudience", "schema:educationalRole": one} for one in details.audience
        ],
        "schema:inLanguage": language,
        "schema:timeRequired": duration(details.time_required_minutes),
        "schema:teaches": list(details.teaches),
        "schema:competencyRequired": list(details.prerequisites),
        "schema:about": [_topic(one) for one in details.topics],
        "net:skills": [_topic(one) for one in details.skills],
        "schema:accessibilitySummary": details.accessibility,
        "schema:creativeWorkStatus": STATUS_NAMES.get(details.status, ""),
        "schema:funder": [
            {"@type": "schema:Organization", **({"@id": one.ror} if one.ror else {}), "schema:name": one.name,
             **({"schema:roleName": one.grant} if one.grant else {})}
            for one in details.funders
        ],
        "schema:datePublished": details.issued,
        "net:reviewBy": details.review_by,
        "schema:version": "" if newest is None else newest.number,
        "net:versions": [_version(one) for one in found.versions],
        "schema:encoding": [_file(one) for one in found.files],
        "net:withdrawn": found.withdrawn or "",
        **_sources(details.based_on, licence_uri),
    }  # fmt: skip
    others = [one for one in details.identifiers if not _is_address(one)]
    if others:
        first = [document["schema:identifier"]] if document["schema:identifier"] else []
        document["schema:identifier"] = first + [_identifier(one) for one in others]
    return {key: value for key, value in document.items() if value not in ("", [], None)}


def report(found: Report) -> dict[str, Any]:
    """The keys that an answer has beside those of a Note."""
    inner: dict[str, Any] = {
        "@type": f"net:{found.kind.capitalize()}",
        "schema:version": found.version,
        "net:usedIn": found.used_in,
        "net:usedOn": found.used_on,
        "net:changed": found.changed,
        "net:worked": found.worked,
        "schema:ratingValue": found.rating,
    }
    return {f"net:{found.kind}": {key: value for key, value in inner.items() if value not in ("", None)}}


def duration(minutes: int | None) -> str:
    """``PT1H30M`` (ISO 8601), or ""."""
    if not minutes:
        return ""
    hours, rest = divmod(minutes, 60)
    return "PT" + (f"{hours}H" if hours else "") + (f"{rest}M" if rest else "")


def _licence(licence: str, licence_uri: Callable[[str], str]) -> Any:
    address = licence if "://" in licence else licence_uri(licence) if licence else ""
    return {"@id": address} if address else licence


def _person(one: Person) -> dict[str, Any]:
    address = f"https://orcid.org/{one.orcid}" if one.orcid else one.ror if one.kind == "Organization" else ""
    document: dict[str, Any] = {
        "@type": f"schema:{one.kind}",
        "@id": address,
        "schema:name": one.name,
        "schema:url": {"@id": one.url} if one.url else "",
        "schema:roleName": one.role,
    }
    if one.affiliation or (one.ror and one.ror != address):
        document["schema:affiliation"] = {
            "@type": "schema:Organization",
            **({"@id": one.ror} if one.ror else {}),
            **({"schema:name": one.affiliation} if one.affiliation else {}),
        }
    return {key: value for key, value in document.items() if value}


def _topic(one: Topic) -> dict[str, Any]:
    return {"@type": "schema:DefinedTerm", **({"@id": one.uri} if one.uri else {}), "schema:name": one.label}


def _is_address(one: Identifier) -> bool:
    return one.scheme == "url" and origin_of(one.value) is not None


def _identifier(one: Identifier) -> dict[str, Any]:
    return {"@type": "schema:PropertyValue", "schema:propertyID": one.scheme, "schema:value": one.value}


def _version(one: Version) -> dict[str, Any]:
    document = {
        "@type": "schema:CreativeWork",
        "schema:version": one.number,
        "schema:datePublished": one.issued,
        "schema:releaseNotes": one.notes,
        "schema:identifier": one.doi,
    }
    return {key: value for key, value in document.items() if value}


def _file(one: File) -> dict[str, Any]:
    document: dict[str, Any] = {
        "@type": "schema:MediaObject",
        "schema:name": one.name,
        "schema:contentUrl": {"@id": one.url},
        "schema:encodingFormat": one.media_type,
        "schema:contentSize": "" if one.size is None else str(one.size),
        "schema:sha256": one.sha256,
    }
    return {key: value for key, value in document.items() if value}


def _sources(based_on: Sequence[Source], licence_uri: Callable[[str], str]) -> dict[str, Any]:
    found: dict[str, list[dict[str, Any]]] = {}
    names = {"translation": "schema:translationOfWork", "part": "schema:isPartOf"}
    for one in based_on:
        document = {
            "@type": "schema:CreativeWork",
            "@id": one.uri,
            "schema:name": one.title,
            "schema:license": _licence(one.licence, licence_uri),
            "net:relation": "version" if one.relation == "version" else "",
        }
        key = names.get(one.relation, "schema:isBasedOn")
        found.setdefault(key, []).append({name: value for name, value in document.items() if value})
    return found
