"""What a member says of a resource, brought to one form or refused, with a sentence for each field.

The same rules hold for what a form, the API and an import bring; what comes from other servers is read by
`fedserver.resources.arriving`, which leaves out what does not fit instead of refusing all of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from msgspec.structs import replace

from activitypub.identifiers import origin_of
from fedserver.errors import Invalid
from fedserver.fields import ADDRESS_CHARS_MAX, LINE_CHARS_MAX, LINES_MAX, Fields
from fedserver.resources import identifiers, licences
from fedserver.resources.records import (
    LEVELS,
    RELATIONS,
    STATUSES,
    TYPES,
    Described,
    Funder,
    Identifier,
    Person,
    Source,
    Topic,
)

__all__ = ["ADDRESS_CHARS_MAX", "LINES_MAX", "LINE_CHARS_MAX", "checked", "licence_warnings", "problems_of"]

TITLE_CHARS_MAX: Final = 200
ABSTRACT_CHARS_MAX: Final = 2_000
TEXT_CHARS_MAX: Final = 40_000
NAME_CHARS_MAX: Final = 200
LABEL_CHARS_MAX: Final = 100
ACCESSIBILITY_CHARS_MAX: Final = 2_000
TYPES_MAX: Final = 6
PEOPLE_MAX: Final = 100
TOPICS_MAX: Final = 30
SOURCES_MAX: Final = 20
MINUTES_MAX: Final = 60 * 24 * 365


def checked(described: Described) -> Described:
    """What is said, in the form in which it is kept. Raises Invalid with every field that is wrong."""
    fields = _Fields()
    kept = fields.all(described)
    if fields.problems:
        raise Invalid(fields.problems)
    return kept


def problems_of(described: Described) -> dict[str, str]:
    """What `checked` would refuse, by field; nothing for what may be published."""
    try:
        checked(described)
    except Invalid as invalid:
        return invalid.fields
    return {}


class _Fields(Fields):
    def all(self, said: Described) -> Described:
        return Described(
            title=self.line("title", said.title, TITLE_CHARS_MAX, required=True),
            abstract=self.text("abstract", said.abstract, ABSTRACT_CHARS_MAX, required=True),
            text=self.text("text", said.text, TEXT_CHARS_MAX),
            language=self.language("language", said.language),
            types=self.several("types", said.types, TYPES_MAX, self.type_),
            authors=self.several("authors", said.authors, PEOPLE_MAX, self.person),
            contributors=self.several("contributors", said.contributors, PEOPLE_MAX, self.person),
            licence=self.licence("licence", said.licence),
            doi=self.doi(said.doi),
            url=self.address("url", said.url),
            identifiers=self.several("identifiers", said.identifiers, LINES_MAX, self.identifier),
            level=self.one_of("level", said.level, LEVELS),
            audience=self.lines("audience", said.audience),
            time_required_minutes=self.number(
                "time_required_minutes", said.time_required_minutes, 1, MINUTES_MAX
            ),
            teaches=self.lines("teaches", said.teaches),
            prerequisites=self.lines("prerequisites", said.prerequisites),
            topics=self.several("topics", said.topics, TOPICS_MAX, self.topic),
            keywords=self.lines("keywords", said.keywords, 100),
            skills=self.several("skills", said.skills, TOPICS_MAX, self.topic),
            accessibility=self.text("accessibility", said.accessibility, ACCESSIBILITY_CHARS_MAX),
            status=self.one_of("status", said.status or "active", STATUSES),
            based_on=self.sources(said.based_on, said.licence),
            funders=self.several("funders", said.funders, LINES_MAX, self.funder),
            issued=self.date("issued", said.issued, partial=True),
            review_by=self.date("review_by", said.review_by),
        )

    def type_(self, name: str, word: str) -> str | None:
        return self.one_of(name, word, TYPES) or None

    # -- identifiers

    def doi(self, text: str) -> str:
        if not text.strip():
            return ""
        found = identifiers.doi(text)
        if found is None:
            self.wrong("doi", "is not a DOI such as 10.5281/zenodo.1234567")
        return found or ""

    def licence(self, name: str, text: str) -> str:
        kept = text.strip()
        if not kept:
            return ""
        found = licences.normal(kept)
        if found is None and origin_of(kept) is not None and len(kept) <= ADDRESS_CHARS_MAX:
            return kept  # one that SPDX does not list, at its address
        if found is None:
            self.wrong(name, "is not a licence that SPDX lists, such as CC-BY-4.0, nor the address of one")
        return found or ""

    def identifier(self, name: str, said: Identifier) -> Identifier | None:
        value = self.line(name, said.value, ADDRESS_CHARS_MAX)
        scheme = self.line(name, said.scheme or "url", 30).lower()
        return Identifier(value=value, scheme=scheme) if value else None

    # -- parts

    def person(self, name: str, said: Person) -> Person | None:
        called = self.line(name, said.name, NAME_CHARS_MAX)
        orcid = said.orcid.strip()
        if orcid and identifiers.orcid(orcid) is None:
            self.wrong(name, f"has an ORCID that cannot be right: {orcid[:40]}")
        if orcid and not called:
            self.wrong(name, "needs a name beside each ORCID")
        if not called:
            return None
        return Person(
            name=called,
            kind=said.kind,
            orcid=identifiers.orcid(orcid) or "",
            affiliation=self.line(name, said.affiliation, NAME_CHARS_MAX),
            ror=self.ror(name, said.ror),
            role=self.line(name, said.role, 60),
            url=self.address(name, said.url),
        )

    def ror(self, name: str, text: str) -> str:
        if not text.strip():
            return ""
        found = identifiers.ror(text)
        if found is None:
            self.wrong(name, f"has a ROR identifier that cannot be right: {text.strip()[:60]}")
        return found or ""

    def topic(self, name: str, said: Topic) -> Topic | None:
        label = self.line(name, said.label, LABEL_CHARS_MAX)
        uri = self.address(name, said.uri)
        if uri and not label:
            self.wrong(name, "needs a word beside each address")
        return Topic(label=label, uri=uri) if label else None

    def funder(self, name: str, said: Funder) -> Funder | None:
        called = self.line(name, said.name, NAME_CHARS_MAX)
        ror, grant = self.ror(name, said.ror), self.line(name, said.grant, 100)
        return Funder(name=called, ror=ror, grant=grant) if called else None

    def sources(self, said: Sequence[Source], licence: str) -> tuple[Source, ...]:
        kept: dict[str, Source] = {}
        for one in said:
            uri = self.address("based_on", one.uri)
            if not uri:
                continue
            self.one_of("based_on", one.relation, RELATIONS)
            kept[uri] = replace(
                one,
                uri=uri,
                title=self.line("based_on", one.title, TITLE_CHARS_MAX),
                licence=self.licence("based_on", one.licence),
            )
        if len(kept) > SOURCES_MAX:
            self.wrong("based_on", f"can be {SOURCES_MAX} at the most")
        return tuple(kept.values())


def review_instant(review_by: str) -> int | None:
    """The beginning of that day in UTC, in ms; None for no day."""
    if not review_by:
        return None
    return int(datetime.fromisoformat(review_by).replace(tzinfo=UTC).timestamp() * 1000)


def licence_warnings(described: Described) -> list[str]:
    """What speaks against publishing it under its licence, given what it is made from: sentences. Nobody is stopped: people
    may have asked for permission."""
    found = (
        (one, licences.conflict(described.licence, one.licence))
        for one in described.based_on
        if one.relation != "part"
    )
    return [f"{one.title or one.uri}: {sentence}" for one, sentence in found if sentence is not None]
