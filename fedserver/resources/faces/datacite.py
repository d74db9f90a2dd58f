"""A resource in the metadata schema of DataCite (kernel 4.6), in the wrapper that OpenAIRE, BASE and others harvest.

The schema fixes the order of nothing but the parts of a name; what is empty must not be there at all.
"""

from __future__ import annotations

import re
from typing import Final
from xml.etree import ElementTree as ET

from activitypub.vocabulary.resource import Person
from fedserver.content.xml import add, located
from fedserver.resources.faces.entry import Entry
from fedserver.resources.faces.names import family_first, parts_of
from fedserver.resources.identifiers import doi as doi_of

PREFIX: Final = "oai_datacite"
NAMESPACE: Final = "http://schema.datacite.org/oai/oai-1.1/"
SCHEMA: Final = "http://schema.datacite.org/oai/oai-1.1/oai.xsd"
KERNEL: Final = "http://datacite.org/schema/kernel-4"
VERSION: Final = "4.6"
_KERNEL_SCHEMA: Final = "http://schema.datacite.org/meta/kernel-4.6/metadata.xsd"
_LANGUAGE: Final = re.compile(r"[a-zA-Z]{1,8}(-[a-zA-Z0-9]{1,8})*")  # xs:language
_TYPES: Final = {
    "slides": "Text", "guide": "Text", "tutorial": "Text", "handout": "Text", "checklist": "Text", "template": "Text",
    "case-study": "Text", "exercise": "Text", "lesson": "InteractiveResource", "course": "Collection",
    "curriculum": "Collection", "video": "Audiovisual", "podcast": "Sound", "dataset": "Dataset", "software": "Software",
    "game": "InteractiveResource",
}  # fmt: skip
_RELATIONS: Final = {
    "adaptation": "IsDerivedFrom", "translation": "IsTranslationOf", "version": "IsNewVersionOf", "part": "IsPartOf",
}  # fmt: skip
_DERIVED: Final = {"translation": "HasTranslation", "part": "HasPart"}


def record(entry: Entry, parent: ET.Element) -> None:
    """Add the metadata to `parent`."""
    wrapper = ET.SubElement(parent, "oai_datacite", located(NAMESPACE, SCHEMA))
    add(wrapper, "schemaVersion", VERSION)
    add(wrapper, "datacentreSymbol", entry.publisher)
    _resource(entry, add(wrapper, "payload"))


def _resource(entry: Entry, parent: ET.Element) -> None:
    row, details = entry.row, entry.details
    language = row.language if _LANGUAGE.fullmatch(row.language) else ""
    root = ET.SubElement(parent, "resource", located(KERNEL, _KERNEL_SCHEMA))
    add(
        root,
        "identifier",
        details.doi or entry.page,
        identifierType="DOI" if details.doi else "URL",
    )
    creators = add(root, "creators")
    for one in entry.authors_or_publisher:
        _person(add(creators, "creator"), "creatorName", one)
    add(add(root, "titles"), "title", row.title, **{"xml:lang": language})
    add(root, "publisher", entry.publisher)
    add(root, "publicationYear", entry.issued[:4])
    general = next((_TYPES[one] for one in details.types if one in _TYPES), "Other")
    named = ", ".join(one.replace("-", " ") for one in details.types) or "learning resource"
    add(root, "resourceType", named, resourceTypeGeneral=general)
    _subjects(entry, root)
    if details.contributors:
        contributors = add(root, "contributors")
        for one in details.contributors:
            _person(add(contributors, "contributor", contributorType="Other"), "contributorName", one)
    dates = add(root, "dates")
    add(dates, "date", entry.issued, dateType="Issued")
    add(dates, "date", entry.modified, dateType="Updated")
    if language:
        add(root, "language", language)
    _identifiers(entry, root)
    _related(entry, root)
    _files(entry, root)
    if row.version:
        add(root, "version", row.version)
    if details.licence:
        listed = "://" not in details.licence and bool(entry.licence_url)
        add(
            add(root, "rightsList"),
            "rights",
            details.licence,
            rightsURI=entry.licence_url,
            rightsIdentifier=details.licence if listed else "",
            rightsIdentifierScheme="SPDX" if listed else "",
            schemeURI="https://spdx.org/licenses/" if listed else "",
        )
    add(add(root, "descriptions"), "description", entry.description, descriptionType="Abstract")
    _funders(entry, root)


def _person(element: ET.Element, name_of: str, person: Person) -> None:
    name = parts_of(person)
    kind = "Organizational" if person.kind == "Organization" else "Personal"
    add(element, name_of, family_first(name), nameType=kind)
    if name.given:
        add(element, "givenName", name.given)
        add(element, "familyName", f"{name.particle} {name.family}".strip())
    scheme, address = ("ORCID", f"https://orcid.org/{person.orcid}") if person.orcid else ("", "")
    if person.kind == "Organization" and person.ror:
        scheme, address = "ROR", person.ror
    if scheme:
        where = "https://orcid.org" if scheme == "ORCID" else "https://ror.org"
        add(element, "nameIdentifier", address, nameIdentifierScheme=scheme, schemeURI=where)
    if person.affiliation:
        add(
            element,
            "affiliation",
            person.affiliation,
            affiliationIdentifier=person.ror,
            affiliationIdentifierScheme="ROR" if person.ror else "",
        )


def _subjects(entry: Entry, root: ET.Element) -> None:
    details = entry.details
    if not (details.topics or details.keywords):
        return
    subjects = add(root, "subjects")
    for topic in details.topics:
        scheme = "EDAM" if "edamontology.org/" in topic.uri else ""
        add(subjects, "subject", topic.label, valueURI=topic.uri, subjectScheme=scheme)
    for word in details.keywords:
        add(subjects, "subject", word)


def _identifiers(entry: Entry, root: ET.Element) -> None:
    others = [(one.value, one.scheme) for one in entry.details.identifiers]
    if entry.details.doi:
        others.insert(0, (entry.page, "url"))
    if entry.url != entry.page:
        others.insert(0, (entry.url, "url"))
    if others:
        element = add(root, "alternateIdentifiers")
        for value, scheme in others:
            add(element, "alternateIdentifier", value, alternateIdentifierType=scheme.upper())


def _related(entry: Entry, root: ET.Element) -> None:
    if not (entry.details.based_on or entry.derived):
        return
    element = add(root, "relatedIdentifiers")
    for source in entry.details.based_on:
        _relation(element, source.uri, _RELATIONS[source.relation])
    for one in entry.derived:
        _relation(element, one.uri, _DERIVED[one.relation])


def _relation(element: ET.Element, uri: str, relation: str) -> None:
    doi = doi_of(uri)
    add(
        element,
        "relatedIdentifier",
        doi or uri,
        relatedIdentifierType="DOI" if doi else "URL",
        relationType=relation,
    )


def _files(entry: Entry, root: ET.Element) -> None:
    sizes = [f"{one.size} bytes" for one in entry.files if one.size is not None]
    formats = list(dict.fromkeys(one.media_type for one in entry.files if one.media_type))
    for name, item, values in (("sizes", "size", sizes), ("formats", "format", formats)):
        if values:
            element = add(root, name)
            for value in values:
                add(element, item, value)


def _funders(entry: Entry, root: ET.Element) -> None:
    if not entry.details.funders:
        return
    element = add(root, "fundingReferences")
    for one in entry.details.funders:
        reference = add(element, "fundingReference")
        add(reference, "funderName", one.name)
        if one.ror:
            add(reference, "funderIdentifier", one.ror, funderIdentifierType="ROR")
        if one.grant:
            add(reference, "awardNumber", one.grant)
