"""Objects of a JSON-LD document by the usual spellings of schema.org's names: what they say, and what kind of thing they are.

No context is fetched or looked at. An object that is only named is found where the document says it, one step far, so what
leads to itself leads nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from activitypub.identifiers import origin_of

LIST_MAX: Final = 200
NODES_MAX: Final = 20_000
RESOURCES_MAX: Final = 1_000

_PREFIXES: Final = ("", "schema:", "https://schema.org/", "http://schema.org/", "sdo:")
_RESOURCES: Final = frozenset(
    re.findall(
        r"\w+",
        """LearningResource TrainingMaterial Course CreativeWork Presentation PresentationDigitalDocument DigitalDocument
    TextDigitalDocument SpreadsheetDigitalDocument NoteDigitalDocument VideoObject AudioObject MediaObject ImageObject Clip
    PodcastEpisode PodcastSeries Book Chapter Article ScholarlyArticle TechArticle Report HowTo Guide Quiz Syllabus Dataset
    SoftwareSourceCode SoftwareApplication WebApplication Game Thesis Collection EducationalOccupationalProgram""",
    )
)
_EVENTS: Final = frozenset(
    re.findall(
        r"\w+",
        """CourseInstance Event EducationEvent BusinessEvent SocialEvent Hackathon EventSeries Schedule OnlineEvent
    PublicationEvent""",
    )
)
# What describes the place where a resource was found, and is none: said by no word in a receipt.
_SURROUNDINGS: Final = frozenset(
    re.findall(
        r"\w+",
        """WebSite WebPage BreadcrumbList Organization Person ImageObject SearchAction CollectionPage ItemPage AboutPage
    EducationalOrganization CollegeOrUniversity DefinedTerm DefinedTermSet ItemList ListItem Place DataCatalog""",
    )
)
_PROFILES: Final = (
    ("/TrainingMaterial", "LearningResource"),
    ("/CourseInstance", "CourseInstance"),
    ("/Course", "Course"),
    ("/Event", "Event"),
)


class Node:
    """An object as it says things: by names with and without prefix, which are noted as read."""

    def __init__(self, inner: dict[str, Any], document: Document) -> None:
        self.inner, self.document = inner, document
        self.read: set[str] = set()

    def every(self, *names: str) -> list[Any]:
        """The values of the first of these names that is there, as a list."""
        for name in names:
            for prefix in _PREFIXES:
                key = f"{prefix}{name}"
                if key in self.inner:
                    self.read.add(key)
                    value = self.inner[key]
                    if type(value) is dict and ("@list" in value or "@set" in value):
                        value = value.get("@list", value.get("@set"))
                    values = value if type(value) is list else [value]
                    found = [self.document.resolved(one) for one in values[:LIST_MAX]]
                    if found and found != [None] and found != [""]:
                        return found
        return []

    def texts(self, *names: str) -> list[str]:
        """Of these values what they say as text, objects by what they are called."""
        return [one for one in (self.document.text(value) for value in self.every(*names)) if one]

    def text(self, *names: str) -> str:
        return next(iter(self.texts(*names)), "")

    def node(self, value: Any) -> Node | None:
        return Node(value, self.document) if type(value) is dict else None

    @property
    def id(self) -> str:
        found = self.inner.get("@id", self.inner.get("id"))
        return found if type(found) is str else ""

    @property
    def types(self) -> list[str]:
        value = self.inner.get("@type", self.inner.get("type"))
        values = value if type(value) is list else [value]
        return [local(one) for one in values[:20] if type(one) is str and one]

    def address(self) -> str:
        """Where the thing is: its id if that is a web address, else its url."""
        if origin_of(self.id) is not None:
            return self.id
        return next(
            (one for one in self.texts("url", "contentUrl", "targetUrl") if origin_of(one) is not None), ""
        )


class Document:
    """All objects of a document, and which of them stand at its top."""

    def __init__(self, value: Any) -> None:
        self._by_id: dict[str, dict[str, Any]] = {}
        tops: list[dict[str, Any]] = []
        for one in value if type(value) is list else [value]:
            if type(one) is not dict:
                continue
            graph = one.get("@graph")
            inner = graph if type(graph) is list else [graph] if type(graph) is dict else None
            tops += [node for node in (inner if inner is not None else [one]) if type(node) is dict]
        self._index(tops)
        self.tops = [Node(one, self) for one in self._unwrapped(tops[:NODES_MAX])]

    def _index(self, tops: list[dict[str, Any]]) -> None:
        """Objects that say something, by id: others may only name them."""
        for one in tops[:NODES_MAX]:
            name = one.get("@id", one.get("id"))
            if type(name) is str and len(one) > 1:
                self._by_id.setdefault(name, one)

    def _unwrapped(self, tops: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Lists and pages that are about a resource stand for it."""
        for one in tops:
            inner = one.get("mainEntity") if type(one.get("mainEntity")) is dict else None
            entries = one.get("itemListElement")
            if type(entries) is list:
                for entry in entries[:RESOURCES_MAX]:
                    item = entry.get("item", entry) if type(entry) is dict else None
                    if type(item) is dict and _types_of(item) & (_RESOURCES | _EVENTS):
                        yield self.resolved(item)
            elif (
                inner is not None
                and _types_of(inner) & (_RESOURCES | _EVENTS)
                and not _types_of(one) & _RESOURCES
            ):
                yield self.resolved(inner)
            else:
                yield one

    def resolved(self, value: Any) -> Any:
        """An object that is only named, as it is said elsewhere in the document."""
        if type(value) is dict and len(value) == 1:
            name = value.get("@id", value.get("id"))
            if type(name) is str:
                return self._by_id.get(name, value)
        return value

    def text(self, value: Any) -> str:
        if type(value) is str:
            return value
        if type(value) is bool or value is None:
            return ""
        if type(value) in (int, float):
            return str(value)
        if type(value) is not dict:
            return ""
        for name in (
            "@value",
            "name",
            "prefLabel",
            "audienceType",
            "educationalRole",
            "targetName",
            "value",
            "termCode",
            "alternateName",
        ):
            for prefix in _PREFIXES:
                found = value.get(f"{prefix}{name}")
                if type(found) is list:
                    found = found[0] if found else None
                if type(found) is dict:  # in several languages
                    found = found.get("en") or found.get("@value") or next(iter(found.values()), None)
                if type(found) is str and found:
                    return found
        found = value.get("@id", value.get("id"))
        if type(found) is str:
            return found
        # In several languages, without anything around them.
        return next((one for name, one in value.items() if type(one) is str and len(name) <= 3), "")


def local(name: str) -> str:
    return name.rpartition("/")[2].rpartition("#")[2].rpartition(":")[2]


def _types_of(value: dict[str, Any]) -> set[str]:
    found = value.get("@type", value.get("type"))
    return {local(one) for one in (found if type(found) is list else [found])[:20] if type(one) is str}


def kind_of(node: Node) -> str:
    """``resource``, ``event``, the type of something else, or "" for what needs no word."""
    types = set(node.types)
    profiled = profile_of(node)
    if profiled:
        return "event" if profiled in _EVENTS else "resource"
    if types & _EVENTS:
        return "event"
    if types & _RESOURCES - {"ImageObject"}:
        return "resource"
    if not types:
        if node.every("startDate"):
            return "event"
        described = node.every("learningResourceType") or node.text("description")
        return "resource" if node.text("name") and described else "thing of no known type"
    others = sorted(types - _SURROUNDINGS - _RESOURCES)
    return others[0][:60] if others else ""


def profile_of(node: Node) -> str:
    """The type that the profile of Bioschemas names to which the object says it conforms, or ""."""
    for key in ("dct:conformsTo", "http://purl.org/dc/terms/conformsTo", "conformsTo", "dcterms:conformsTo"):
        value = node.inner.get(key)
        for one in value if type(value) is list else [value]:
            address = one.get("@id") if type(one) is dict else one
            if type(address) is str and "bioschemas" in address:
                return next((kind for part, kind in _PROFILES if part in address), "")
    return ""
