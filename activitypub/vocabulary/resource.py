"""A learning resource: what a ``Page`` of ours says under ``learningResource``, and what an answer says of its use.

The terms are schema.org's (LearningResource, as Bioschemas' TrainingMaterial 1.0 asks for them), written with a prefix and
``@type``, so that nobody who reads plain JSON takes the inner object for one of ActivityStreams. The structs are what both
sides of the wire work with; ``read_resource`` is lenient and bounded, ``builders.resource`` writes.
"""

import re
from collections.abc import Iterator
from typing import Any, Final, Literal

import msgspec

from activitypub.identifiers import origin_of
from activitypub.names import NAMESPACE
from activitypub.values import first, number, one_or_many, string

LIST_MAX: Final = 100
LINE_CHARS_MAX: Final = 500
TEXT_CHARS_MAX: Final = 5_000
RATING_MAX: Final = 5
_SCHEMA: Final = ("schema:", "https://schema.org/", "http://schema.org/", "")
OWN: Final = ("net:", NAMESPACE, "")
# ISO 8601, as far as it says how long a lesson takes: days and weeks, and behind the T hours and minutes.
_MINUTES: Final = {"W": 7 * 1440, "D": 1440}
_MINUTES_OF_TIME: Final = {"H": 60, "M": 1}
_LANGUAGE: Final = re.compile(r"(?!(?:id|url)$)[A-Za-z]{2,3}(?:-[A-Za-z0-9]{1,8})*|@none")
_MEDIA_TYPE: Final = re.compile(r"[\w.+-]+/[\w.+-]+", re.ASCII)
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_DOI: Final = re.compile(r"(?:https?://(?:dx\.)?doi\.org/|doi:)?10\.\d{4,9}/", re.IGNORECASE)

RelationKind = Literal["adaptation", "translation", "version", "part"]


class Person(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who made it, or helped: a person, or an organisation. ``orcid`` has the form 0000-0002-1825-0097, ``ror`` is the address
    of an organisation (of a person: of their affiliation), ``role`` is free text such as "translation"."""

    name: str
    kind: Literal["Person", "Organization"] = "Person"
    orcid: str = ""
    affiliation: str = ""
    ror: str = ""
    role: str = ""
    url: str = ""


class Topic(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What it is about: a term of a vocabulary with its address, or (without) a word of one's own."""

    label: str
    uri: str = ""


class Identifier(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What else it is known by: scheme (isbn, url, handle, arxiv, …) and value."""

    value: str
    scheme: str = "url"


class Source(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A work that this one is made from, or (``part``) belongs to. ``licence`` is the other's, as it was then."""

    uri: str
    relation: RelationKind = "adaptation"
    title: str = ""
    licence: str = ""


class Funder(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who paid for it; ``ror`` is the organisation's address, ``grant`` the number of the grant."""

    name: str
    ror: str = ""
    grant: str = ""


class Details(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is said beside title, abstract, text and language. ``licence`` is an SPDX expression, or the address of a licence
    that has none. ``issued`` and ``review_by`` are dates (2026-11-29), ``issued`` perhaps only a year or month."""

    types: tuple[str, ...] = ()
    authors: tuple[Person, ...] = ()
    contributors: tuple[Person, ...] = ()
    licence: str = ""
    doi: str = ""
    url: str = ""
    identifiers: tuple[Identifier, ...] = ()
    level: str = ""
    audience: tuple[str, ...] = ()
    time_required_minutes: int | None = None
    teaches: tuple[str, ...] = ()
    prerequisites: tuple[str, ...] = ()
    topics: tuple[Topic, ...] = ()
    keywords: tuple[str, ...] = ()
    skills: tuple[Topic, ...] = ()
    accessibility: str = ""
    status: str = "active"
    based_on: tuple[Source, ...] = ()
    funders: tuple[Funder, ...] = ()
    issued: str = ""
    review_by: str = ""


class File(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A file of the newest version: where it is, its size in bytes and its SHA-256 in hexadecimal."""

    url: str
    name: str = ""
    media_type: str = ""
    size: int | None = None
    sha256: str = ""


class Version(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One version: its number, the day it came out, what was new."""

    number: str
    issued: str = ""
    notes: str = ""
    doi: str = ""


class Resource(msgspec.Struct, frozen=True, kw_only=True):
    """All that a document says of a resource beside the post itself. ``versions`` are newest first."""

    details: Details
    abstract: str = ""
    versions: tuple[Version, ...] = ()
    files: tuple[File, ...] = ()
    withdrawn: str | None = None  # why, if it was


class Report(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an answer to a resource says beside its text: that it was used (where, with which changes, on which day) or a
    review of it (``rating`` 1 to 5)."""

    kind: Literal["use", "review"]
    version: str = ""
    used_in: str = ""
    changed: str = ""
    worked: str = ""
    used_on: str = ""
    rating: int | None = None


def read_resource(document: dict[str, Any]) -> Resource | None:
    """The resource in a normalised ``Page``; None when it describes none. What does not fit is left out."""
    inner = first(document.get("learningResource") or document.get("net:learningResource"))
    if type(inner) is not dict:
        return None
    said = Said(inner)
    status = said.line("creativeWorkStatus").lower()
    return Resource(
        details=Details(
            types=said.lines("learningResourceType"),
            authors=said.people("author"),
            contributors=said.people("contributor"),
            licence=said.reference("license") or said.line("license"),
            doi=said.doi(),
            url=said.reference("url"),
            identifiers=said.identifiers(),
            level=said.line("educationalLevel").lower(),
            audience=tuple(_names(said.every("audience"), "educationalRole", "audienceType", "name")),
            time_required_minutes=minutes_of(said.line("timeRequired")),
            teaches=said.lines("teaches"),
            prerequisites=said.lines("competencyRequired"),
            topics=said.topics("about"),
            keywords=said.lines("keywords"),
            skills=said.topics("skills", OWN),
            accessibility=said.text("accessibilitySummary"),
            status=status.replace(" ", "-") if status != "withdrawn" else "archived",
            based_on=said.sources(),
            funders=said.funders(),
            issued=said.line("datePublished")[:10],
            review_by=said.line("reviewBy", OWN)[:10],
        ),
        abstract=said.text("description") or said.text("abstract"),
        versions=said.versions(),
        files=said.files(),
        withdrawn=said.text("withdrawn", OWN) if said.every("withdrawn", OWN) else None,
    )


def read_report(document: dict[str, Any]) -> Report | None:
    """What a normalised answer says of the resource it answers; None when it is an answer like any other."""
    for kind in ("use", "review"):
        inner = first(document.get(f"net:{kind}") or document.get(kind))
        if type(inner) is dict:
            said = Said(inner)
            rating = _number(said.value("ratingValue"))
            return Report(
                kind=kind,
                version=said.line("version")[:32],
                used_in=said.line("usedIn", OWN),
                changed=said.text("changed", OWN),
                worked=said.text("worked", OWN),
                used_on=said.line("usedOn", OWN)[:10],
                rating=rating if rating is not None and 1 <= rating <= RATING_MAX else None,
            )
    return None


def minutes_of(duration: str) -> int | None:
    """``PT90M`` (ISO 8601) as minutes, by weeks, days, hours and minutes alone; None for what is no such duration."""
    total, number_so_far, units = 0, "", _MINUTES
    if not duration.upper().startswith("P"):
        return None
    for character in duration.upper()[1:]:
        if character.isascii() and character.isdigit() and len(number_so_far) < 7:
            number_so_far += character
        elif character in units and number_so_far:
            total += int(number_so_far) * units[character]
            number_so_far = ""
        elif character == "S" and number_so_far and units is _MINUTES_OF_TIME:
            number_so_far = ""
        elif character == "T" and not number_so_far:
            units = _MINUTES_OF_TIME
        else:
            return None
    return None if number_so_far else total or None


class Said:
    """An object of schema.org in its usual spellings; lists have at most ``LIST_MAX`` entries."""

    def __init__(self, inner: dict[str, Any]) -> None:
        self._inner = inner

    def value(self, name: str, prefixes: tuple[str, ...] = _SCHEMA) -> Any:
        return next(
            (self._inner[key] for key in (f"{one}{name}" for one in prefixes) if key in self._inner), None
        )

    def every(self, name: str, prefixes: tuple[str, ...] = _SCHEMA) -> list[Any]:
        return one_or_many(self.value(name, prefixes))[:LIST_MAX]

    def line(self, name: str, prefixes: tuple[str, ...] = _SCHEMA) -> str:
        return _text(self.value(name, prefixes)).strip()[:LINE_CHARS_MAX]

    def text(self, name: str, prefixes: tuple[str, ...] = _SCHEMA) -> str:
        return _text(self.value(name, prefixes))[:TEXT_CHARS_MAX]

    def lines(self, name: str, prefixes: tuple[str, ...] = _SCHEMA) -> tuple[str, ...]:
        return tuple(dict.fromkeys(_names(self.every(name, prefixes), "name")))

    def reference(self, name: str, prefixes: tuple[str, ...] = _SCHEMA) -> str:
        return _address(first(self.value(name, prefixes)))

    def people(self, name: str) -> tuple[Person, ...]:
        return tuple(one for one in map(_person, self.every(name)) if one is not None)

    def topics(self, name: str, prefixes: tuple[str, ...] = _SCHEMA) -> tuple[Topic, ...]:
        found: dict[Topic, None] = {}
        for one in self.every(name, prefixes):
            label = next(iter(_names([one], "name", "termCode")), "")
            if label:
                found[Topic(label=label, uri=_address(one) if type(one) is dict else "")] = None
        return tuple(found)

    def funders(self) -> tuple[Funder, ...]:
        found = []
        for one in self.every("funder"):
            person = _person(one)
            if person is not None:
                grant = Said(one).line("roleName") if type(one) is dict else ""
                found.append(Funder(name=person.name, ror=person.ror, grant=grant))
        return tuple(found)

    def doi(self) -> str:
        """The first of the identifiers that looks like one, or else the first of all."""
        for one in self.every("identifier"):
            said = _text(one).strip()
            if type(one) is dict and Said(one).line("propertyID").lower() in ("", "doi"):
                said = said or Said(one).line("value")
            if _DOI.match(said):
                return said[:LINE_CHARS_MAX]
        return self.line("identifier")

    def identifiers(self) -> tuple[Identifier, ...]:
        found: list[Identifier] = []
        for one in self.every("sameAs"):
            value = _address(one)
            if value:
                found.append(Identifier(value=value))
        for one in self.every("identifier"):
            if type(one) is dict:
                inner = Said(one)
                value = inner.line("value")
                if value and not (_DOI.match(value) and inner.line("propertyID").lower() in ("", "doi")):
                    found.append(Identifier(value=value, scheme=inner.line("propertyID").lower() or "url"))
        return tuple(dict.fromkeys(found))

    def sources(self) -> tuple[Source, ...]:
        found: dict[str, Source] = {}
        for name, kind in (
            ("isBasedOn", "adaptation"),
            ("translationOfWork", "translation"),
            ("isPartOf", "part"),
        ):
            for one in self.every(name):
                uri = _address(one)
                if not uri:
                    continue
                inner = Said(one if type(one) is dict else {})
                relation = inner.line("relation", OWN)
                found[uri] = Source(
                    uri=uri,
                    relation="version" if relation == "version" and name == "isBasedOn" else kind,  # type: ignore[arg-type]
                    title=inner.line("name"),
                    licence=inner.reference("license") or inner.line("license"),
                )
        return tuple(found.values())

    def versions(self) -> tuple[Version, ...]:
        found: dict[str, Version] = {}
        current = self.line("version")[:32]
        for one in self.every("versions", OWN):
            if type(one) is dict:
                inner = Said(one)
                number_ = inner.line("version")[:32]
                if number_:
                    found[number_] = Version(
                        number=number_,
                        issued=inner.line("datePublished")[:10],
                        notes=inner.text("releaseNotes"),
                        doi=inner.line("identifier"),
                    )
        if current and current not in found:
            return (Version(number=current), *found.values())
        return tuple(sorted(found.values(), key=lambda one: one.number != current))

    def files(self) -> tuple[File, ...]:
        found = []
        for one in self.every("encoding"):
            if type(one) is dict:
                inner = Said(one)
                url = inner.reference("contentUrl")
                if url:
                    media_type, sha256 = inner.line("encodingFormat"), inner.line("sha256").lower()
                    found.append(
                        File(
                            url=url,
                            name=inner.line("name"),
                            media_type=media_type if _MEDIA_TYPE.fullmatch(media_type[:100]) else "",
                            size=_number(inner.value("contentSize")),
                            sha256=sha256 if _SHA256.fullmatch(sha256) else "",
                        )
                    )
        return tuple(found)


def _person(value: Any) -> Person | None:
    if type(value) is str or (type(value) is dict and "@value" in value):
        name = _text(value).strip()[:LINE_CHARS_MAX]
        return Person(name=name) if name else None
    if type(value) is not dict:
        return None
    said = Said(value)
    name = said.line("name")
    if not name:
        return None
    types = {str(one).rpartition(":")[2].rpartition("/")[2] for one in one_or_many(value.get("type"))}
    address = _address({"id": value.get("id")})
    affiliation = Said(next((one for one in said.every("affiliation") if type(one) is dict), {}))
    ror = address if "//ror.org/" in address else _address({"id": affiliation.value("id", ("",))})
    return Person(
        name=name,
        kind="Organization"
        if types & {"Organization", "EducationalOrganization", "Corporation"}
        else "Person",
        orcid=address.rpartition("/")[2] if "//orcid.org/" in address else "",
        affiliation=affiliation.line("name") or said.line("affiliation"),
        ror=ror if "//ror.org/" in ror else "",
        role=said.line("roleName")[:60],
        url=said.reference("url"),
    )


def _names(values: list[Any], *names: str) -> Iterator[str]:
    """The texts among these, and of objects what they are called."""
    for one in values:
        text: str | None = None
        if type(one) is str or _is_by_language(one) or (type(one) is dict and "@value" in one):
            text = _text(one)
        elif type(one) is dict:
            said = Said(one)
            text = next((found for found in map(said.line, names) if found), None)
        if text and text.strip():
            yield text.strip()[:LINE_CHARS_MAX]


def _text(value: Any) -> str:
    """A text as JSON-LD may write it: plain, with ``@value``, by language, or as the first of several."""
    value = first(value)
    if _is_by_language(value):
        value = first(next(iter(value.values())))
    if type(value) is dict and type(value.get("@value")) in (int, float):
        return str(value["@value"])
    if type(value) in (int, float):
        return str(value)
    return string(value) or ""


def _is_by_language(value: Any) -> bool:
    return type(value) is dict and bool(value) and all(map(_LANGUAGE.fullmatch, value))


def _number(value: Any) -> int | None:
    """A whole number that is not negative, also where it is written as a text; None for what is none."""
    value = first(value)
    if type(value) is dict:
        value = value.get("@value")
    if type(value) is str and value.isascii() and value.isdigit() and len(value) < 16:
        return int(value)
    return number(value)


def _address(value: Any) -> str:
    """The web address that is meant, or ""."""
    if type(value) is dict:
        value = value.get("id") or value.get("@value") or value.get("schema:url") or value.get("url")
        value = first(value)
        if type(value) is dict:
            value = value.get("id")
    return value if type(value) is str and origin_of(value) is not None else ""
